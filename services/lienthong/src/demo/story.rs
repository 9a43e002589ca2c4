//! What happens in the demo: dossiers are sent in and driven to their end by the desk; in the birth
//! journey an office is closed and the broker killed meanwhile.

use super::{
    journey::Journey,
    progress::Progress,
    samples::{BIRTH, Sample},
    town::{DESK_AGENCY, Town},
};
use crate::{
    spool::{self, Spooled},
    window::Window,
};
use anyhow::Context as _;
use contract::v1::{Notice, StepState, notice::Kind};
use desk::{
    form::{ActForm, Deed, Form, OfficerForm},
    worklist::{Entry, Todo, Worklist},
};
use std::{
    cell::RefCell,
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
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
    journey: Rc<Journey>,
    progress: RefCell<Progress>,
    /// What the desk has done already, so that it does nothing twice.
    acted: RefCell<HashSet<String>>,
    told: watch::Sender<Told>,
    /// The codes of the dossiers, in the order of the samples.
    codes: RefCell<Vec<String>>,
}

/// What the notices said.
#[derive(Debug)]
struct Told {
    worklist: Worklist,
    closed: HashSet<String>,
    /// Dossiers whose step at the office that closes has become due or was offered.
    waiting_for_office: HashSet<String>,
    /// Notices of dossiers whose code was not known yet.
    early: Vec<Notice>,
}

impl Story {
    pub(crate) fn new(
        town: &Town,
        journey: Rc<Journey>,
        progress: Progress,
    ) -> anyhow::Result<Self> {
        let config = desk::Config::load(&town.folder.join("desk.toml"))?;
        Ok(Self {
            folder: town.folder.clone(),
            window: Window::new(&config)?,
            journey,
            progress: RefCell::new(progress),
            acted: RefCell::default(),
            told: watch::Sender::new(Told {
                worklist: Worklist::new(DESK_AGENCY),
                closed: HashSet::new(),
                waiting_for_office: HashSet::new(),
                early: Vec::new(),
            }),
            codes: RefCell::default(),
        })
    }

    /// Tells it to its end: every dossier closed.
    pub(crate) async fn tell(&self, town: &mut Town) -> anyhow::Result<()> {
        self.say(&format!(
            "a certificate authority, a broker, a desk and {} departments are starting",
            town.offices.len()
        ));
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
        let samples = self.journey.samples().len();
        // In the birth journey the last dossier meets what may break.
        let breaks = self.journey.material.name == BIRTH.name;
        for number in 0..samples - usize::from(breaks) {
            self.submit(number).await?;
        }
        self.until(town, |told, codes| self.is_done(told, codes))
            .await?;
        if breaks {
            self.break_what_may(town, samples - 1).await?;
        }
        Ok(())
    }

    /// Every dossier is closed, and nothing of it is left for the desk to do.
    fn is_done(&self, told: &Told, codes: &[String]) -> bool {
        let closed = codes.iter().all(|code| told.closed.contains(code));
        let mut entries = told.worklist.entries().into_iter();
        closed && !entries.any(|entry| self.deed(entry).is_some())
    }

    /// Sends in a dossier while an office is closed, and kills the broker while it is under way.
    async fn break_what_may(&self, town: &mut Town, number: usize) -> anyhow::Result<()> {
        let (office, _) = CLOSED_OFFICE;
        town.office(office)?.process.stop().await?;
        self.say(&format!("■ the {office} office is closed (SIGTERM)"));
        self.submit(number).await?;
        self.until(town, |told, codes| {
            told.waiting_for_office.contains(&codes[number])
        })
        .await?;

        let pid = town.broker.process.pid().unwrap_or_default();
        town.broker.process.kill().await?;
        let dossier = number + 1;
        self.say(&format!(
            "■ the broker is killed (SIGKILL, process {pid}) while dossier {dossier} is under way"
        ));
        town.broker.process.start()?;
        town.broker.serves().await?;
        let pid = town.broker.process.pid().unwrap_or_default();
        self.say(&format!(
            "▶ the broker is back on the same port (process {pid})"
        ));
        town.office(office)?.process.start()?;
        self.say(&format!("▶ the {office} office is open again"));
        self.until(town, |told, codes| self.is_done(told, codes))
            .await
    }

    /// Does what the desk's worklist says and was not done yet; false when there is nothing.
    async fn work(&self) -> anyhow::Result<bool> {
        let codes = self.codes.borrow().clone();
        let known = |entry: &&Entry| codes.contains(&entry.dossier_code);
        let todo: Vec<Entry> = {
            let told = self.told.borrow();
            let entries = told.worklist.entries().into_iter().filter(known);
            entries.cloned().collect()
        };
        for entry in todo {
            let Some(deed) = self.deed(&entry) else {
                continue;
            };
            let id = format!("{} {:?}", entry.dossier_code, entry.todo);
            if !self.acted.borrow_mut().insert(id) {
                continue;
            }
            if let Todo::CompleteStep { step_id } = &entry.todo {
                self.say(&format!("✎ the desk does “{}”", self.journey.step(step_id)));
            }
            let form = ActForm {
                dossier: entry.dossier_code.clone(),
                officer: Some(OfficerForm {
                    name: "Phan Thị Mẫu".into(),
                    title: "Công chức một cửa".into(),
                    office: "Quầy tiếp nhận số 1".into(),
                }),
                act: deed,
            };
            let id = uuid::Uuid::now_v7().to_string();
            let spool = self.folder.join("spool");
            let spooled = spool::put_act(&spool, &id, form, Path::new(""), &[])?;
            let doing = || format!("{}: the desk could not act", entry.dossier_code);
            spooled.done(SUBMIT_MAX).await.with_context(doing)?;
            return Ok(true);
        }
        Ok(false)
    }

    /// What the demo's desk does of what is to be done.
    fn deed(&self, entry: &Entry) -> Option<Deed> {
        Some(match &entry.todo {
            Todo::Receive => Deed::Receive { received_at: None },
            Todo::CompleteStep { step_id } if self.journey.is_the_desks(step_id) => {
                Deed::CompleteStep {
                    step: step_id.clone(),
                    evidence: Default::default(),
                    note: String::new(),
                }
            }
            Todo::CollectPayment {
                obligation_id,
                amount_vnd,
                ..
            } => Deed::ConfirmPayment {
                obligation: obligation_id.clone(),
                amount_vnd: *amount_vnd,
                reference: format!("DEMO-{obligation_id}"),
                paid_at: None,
            },
            Todo::HandOut { evidence, version } if self.journey.is_result(evidence) => {
                Deed::HandOut {
                    result: evidence.clone(),
                    version: *version,
                    party: String::new(),
                }
            }
            _ => return None,
        })
    }

    /// Gives a sample to the desk, which is a process of its own, and waits for the code.
    async fn submit(&self, number: usize) -> anyhow::Result<()> {
        let sample = &self.journey.samples()[number];
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
        self.told.send_modify(|told| {
            if !known {
                told.early.push(notice.clone());
                return;
            }
            told.worklist.hear(notice);
            match &notice.kind {
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
            }
        });
        if known {
            self.progress.borrow().show(notice);
        }
    }

    /// Does what the desk has to do until the notices say so; a process that falls meanwhile ends the
    /// story.
    async fn until(
        &self,
        town: &mut Town,
        holds: impl Fn(&Told, &[String]) -> bool,
    ) -> anyhow::Result<()> {
        let mut told = self.told.subscribe();
        let codes = self.codes.borrow().clone();
        let working = async {
            while !holds(&told.borrow_and_update(), &codes) {
                if !self.work().await? {
                    // The sender is in this story: it cannot go while we wait.
                    let _ = told.changed().await;
                }
            }
            Ok(())
        };
        tokio::select! {
            fallen = town.fall() => Err(fallen),
            worked = working => worked,
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
