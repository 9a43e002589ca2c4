//! What happens in the demo: three dossiers, one with an error in it, one with an office closed and
//! a broker killed.

use super::{
    progress::Progress,
    samples::{SAMPLES, Sample},
    town::Town,
};
use crate::{
    spool::{self, Spooled},
    window::Window,
};
use anyhow::Context as _;
use contract::v1::{Notice, StepState, notice::Kind};
use desk::form::Form;
use std::{
    cell::RefCell,
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::sync::watch;

/// The office that closes for a while, and its step.
const CLOSED_OFFICE: (&str, &str) = ("police-residence", "register_residence");
/// How long the desk may take to submit a dossier.
const SUBMIT_MAX: Duration = Duration::from_secs(15);

/// The story, with what is known so far.
pub(crate) struct Story {
    folder: PathBuf,
    window: Window,
    progress: RefCell<Progress>,
    told: watch::Sender<Told>,
    /// The codes of the dossiers, in the order of the samples.
    codes: RefCell<Vec<String>>,
}

/// What the notices said.
#[derive(Debug, Default)]
struct Told {
    closed: HashSet<String>,
    /// Dossiers whose step at the office that closes has become due or was offered.
    waiting_for_office: HashSet<String>,
    /// Notices of dossiers whose code was not known yet.
    early: Vec<Notice>,
}

impl Story {
    pub(crate) fn new(town: &Town, progress: Progress) -> anyhow::Result<Self> {
        let config = desk::Config::load(&town.folder.join("desk.toml"))?;
        Ok(Self {
            folder: town.folder.clone(),
            window: Window::new(&config)?,
            progress: RefCell::new(progress),
            told: watch::Sender::default(),
            codes: RefCell::default(),
        })
    }

    /// Tells it to its end: every dossier closed.
    pub(crate) async fn tell(&self, town: &mut Town) -> anyhow::Result<()> {
        self.say("a certificate authority, a broker, a desk and four departments are starting");
        town.open().await?;
        let processes: Vec<_> = town
            .processes()
            .filter_map(|process| Some(format!("{} ({})", process.name, process.pid()?)))
            .collect();
        self.say(&format!(
            "open, each its own process: {}",
            processes.join(", ")
        ));
        tokio::select! {
            refused = self.window.watch(String::new(), |notice| self.hear(notice)) => {
                Err(refused).context("the desk's notices were not heard")
            }
            acted = self.act(town) => acted,
        }
    }

    async fn act(&self, town: &mut Town) -> anyhow::Result<()> {
        self.submit(0).await?;
        self.submit(1).await?;
        self.until(town, |told, codes| {
            codes.iter().all(|code| told.closed.contains(code))
        })
        .await?;

        let (office, _) = CLOSED_OFFICE;
        town.office(office)?.process.stop().await?;
        self.say(&format!("■ the {office} office is closed (SIGTERM)"));
        self.submit(2).await?;
        self.until(town, |told, codes| {
            told.waiting_for_office.contains(&codes[2])
        })
        .await?;

        let pid = town.broker.process.pid().unwrap_or_default();
        town.broker.process.kill().await?;
        self.say(&format!(
            "■ the broker is killed (SIGKILL, process {pid}) while dossier 3 is under way"
        ));
        town.broker.process.start()?;
        town.broker.serves().await?;
        let pid = town.broker.process.pid().unwrap_or_default();
        self.say(&format!(
            "▶ the broker is back on the same port (process {pid})"
        ));
        town.office(office)?.process.start()?;
        self.say(&format!("▶ the {office} office is open again"));
        self.until(town, |told, codes| {
            codes.iter().all(|code| told.closed.contains(code))
        })
        .await
    }

    /// Gives a sample to the desk, which is a process of its own, and waits for the code.
    async fn submit(&self, number: usize) -> anyhow::Result<()> {
        let sample = &SAMPLES[number];
        let (form, papers) = lay_out(&self.folder, sample)?;
        let spooled: Spooled = spool::put(&self.folder.join("spool"), sample.name, form, &papers)?;
        let code = spooled.receipt(SUBMIT_MAX).await;
        let code = code.with_context(|| format!("dossier {} was not submitted", number + 1))?;
        self.progress
            .borrow_mut()
            .follow(number + 1, &code, sample.story);
        self.codes.borrow_mut().push(code);
        // What was told before the code was known is shown now.
        let mut early = Vec::new();
        self.told
            .send_modify(|told| early = std::mem::take(&mut told.early));
        for notice in early {
            self.hear(&notice);
        }
        Ok(())
    }

    /// Hears one notice.
    fn hear(&self, notice: &Notice) {
        let code = &notice.dossier_code;
        let known = self.codes.borrow().contains(code);
        self.told.send_modify(|told| match &notice.kind {
            _ if !known => told.early.push(notice.clone()),
            Some(Kind::Closed(_)) => {
                told.closed.insert(code.clone());
            }
            Some(Kind::Step(step))
                if step.step_id == CLOSED_OFFICE.1
                    && matches!(step.state(), StepState::Due | StepState::PossiblyHeld) =>
            {
                told.waiting_for_office.insert(code.clone());
            }
            _ => {}
        });
        if known {
            self.progress.borrow().show(notice);
        }
    }

    /// Waits until the notices say so; a process that falls meanwhile ends the story.
    async fn until(
        &self,
        town: &mut Town,
        holds: impl Fn(&Told, &[String]) -> bool,
    ) -> anyhow::Result<()> {
        let mut told = self.told.subscribe();
        let codes = self.codes.borrow().clone();
        tokio::select! {
            fallen = town.fall() => Err(fallen),
            // The sender is in this story: it cannot go while we wait.
            _ = told.wait_for(|told| holds(told, &codes)) => Ok(()),
        }
    }

    fn say(&self, what: &str) {
        self.progress.borrow().say(what);
    }

    /// The progress stays as it is.
    pub(crate) fn end(&self) {
        self.progress.borrow().end();
    }

    /// What it knows: the window on the broker, and the codes.
    pub(crate) fn into_parts(self) -> (Window, Vec<String>) {
        (self.window, self.codes.into_inner())
    }
}

/// Writes a sample's form and papers where a person can see them.
fn lay_out(folder: &Path, sample: &Sample) -> anyhow::Result<(Form, Vec<(String, PathBuf)>)> {
    let folder = folder.join("dossiers").join(sample.name);
    let writing = || format!("cannot write into {}", folder.display());
    fs::create_dir_all(&folder).with_context(writing)?;
    fs::write(folder.join("dossier.json"), sample.dossier).with_context(writing)?;
    let mut papers = Vec::new();
    for (evidence, name, bytes) in sample.papers {
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(writing)?;
        papers.push(((*evidence).to_owned(), path));
    }
    Ok((Form::parse(sample.dossier.as_bytes())?, papers))
}
