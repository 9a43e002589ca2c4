//! The demo: founds a town, sends in dossiers, breaks what may break, and shows what came of it.

mod ending;
mod journey;
mod progress;
pub(crate) mod samples;
mod story;
mod town;

use self::{
    ending::Ending,
    journey::Journey,
    progress::Progress,
    samples::{BIRTH, BUSINESS, DEATH, LAND, Material},
    story::Story,
    town::Town,
};
use crate::{
    screen::{json, tell},
    window::Window,
};
use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
    time::{Duration, Instant},
};
use terminal::style;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::timeout,
};

/// How long the dossiers of one journey may take, from its start.
const DEMO_MAX: Duration = Duration::from_secs(20);

/// Which journeys the demo shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Choice {
    /// Birth: three dossiers, an error, an office closed, a broker killed.
    Birth,
    /// Death: two groups of beneficiaries.
    Death,
    /// A transfer of land, with taxes to be paid.
    Land,
    /// A new enterprise.
    Business,
    /// All of them, one after the other.
    All,
}

impl Choice {
    fn materials(self) -> Vec<&'static Material> {
        match self {
            Self::Birth => vec![&BIRTH],
            Self::Death => vec![&DEATH],
            Self::Land => vec![&LAND],
            Self::Business => vec![&BUSINESS],
            Self::All => vec![&BIRTH, &DEATH, &LAND, &BUSINESS],
        }
    }
}

/// Runs the demo in `folder`, a new temporary one when there is none. With `keep` it stays up until
/// somebody ends it.
///
/// # Errors
/// Says what is missing when not everything happened in time that should have.
pub(crate) async fn run(
    choice: Choice,
    folder: Option<PathBuf>,
    keep: bool,
    json: bool,
) -> anyhow::Result<()> {
    let folder = make_folder(folder)?;
    let materials = choice.materials();
    if let [material] = materials.as_slice() {
        let report = run_one(material, &folder, keep, json).await?;
        return if json { json::print(&report) } else { Ok(()) };
    }
    if keep {
        bail!("one town can be kept: name its journey with --journey");
    }
    let mut reports = Vec::new();
    for material in materials {
        if !json {
            tell!("\n{}", style(format!("Journey: {}", material.name)).bold());
        }
        let folder = folder.join(material.name);
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot use the folder {}", folder.display()))?;
        let run = run_one(material, &folder, false, json).await;
        reports.push(run.with_context(|| format!("journey {}", material.name))?);
    }
    if json {
        return json::print(&json!({ "journeys": reports }));
    }
    tell!(
        "\n{}",
        style("All journeys came to their end").green().bold()
    );
    Ok(())
}

/// Runs one journey, and gives its report.
async fn run_one(
    material: &'static Material,
    folder: &Path,
    keep: bool,
    json: bool,
) -> anyhow::Result<Value> {
    let started = Instant::now();
    let journey = Rc::new(Journey::read(material)?);
    let mut town = Town::found(folder, &journey)?;
    if !json {
        tell!(
            "The operators' page is at {} while this runs (with --keep, until Ctrl-C)",
            town.page
        );
    }
    let shown = tokio::select! {
        shown = show(&mut town, &journey, started, json) => shown,
        interrupted = interrupted() => Err(interrupted),
    };
    match shown {
        Ok((code, report)) if keep => {
            if !json {
                tell_what_to_try(&town, &journey, &code)?;
            }
            tokio::select! {
                fallen = town.fall() => {
                    town.close().await;
                    return Err(fallen);
                }
                _ = interrupted() => {}
            }
            town.close().await;
            Ok(report)
        }
        shown => {
            town.close().await;
            let shown = shown.map_err(|error| with_logs(&error, &town));
            shown.map(|(_, report)| report)
        }
    }
}

/// Tells the story and what came of it, and gives the code of the first dossier with the report.
async fn show(
    town: &mut Town,
    journey: &Rc<Journey>,
    started: Instant,
    json: bool,
) -> anyhow::Result<(String, Value)> {
    let progress = Progress::new(journey.clone(), started, json);
    let story = Story::new(town, journey.clone(), progress)?;
    let left = DEMO_MAX.saturating_sub(started.elapsed());
    let told = timeout(left, story.tell(town)).await;
    story.end();
    let (window, codes) = story.into_parts();
    match told {
        Ok(told) => told?,
        Err(_) => bail!("{}", overdue(&window, &codes, journey, &town.folder).await),
    }
    let mut endings = Vec::new();
    for (number, code) in (1..).zip(&codes) {
        endings.push(Ending::of(number, code, &window, journey, &town.folder).await?);
    }
    let took = started.elapsed();
    let missing: Vec<_> = endings.iter().filter_map(Ending::missing).collect();
    let report = json!({
        "journey": journey.material.name,
        "folder": town.folder,
        "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "dossiers": endings.iter().map(Ending::as_json).collect::<Vec<_>>(),
    });
    if !json {
        endings.iter().for_each(|ending| ending.print(journey));
    }
    if !missing.is_empty() {
        if json {
            json::print(&report)?;
        }
        bail!("missing: {}", missing.join("; "));
    }
    if took > DEMO_MAX {
        bail!("everything is there, but it took {took:.1?} where {DEMO_MAX:?} are allowed");
    }
    if !json {
        let done = match codes.len() {
            1 => "The dossier closed with every result".to_owned(),
            dossiers => format!("All {dossiers} dossiers closed with every result"),
        };
        tell!(
            "\n{} in {:.1} s. Everything lies in {}",
            style(done).green().bold(),
            took.as_secs_f32(),
            town.folder.display()
        );
    }
    let code = codes
        .into_iter()
        .next()
        .context("no dossier was submitted")?;
    Ok((code, report))
}

/// What is missing when the time is over.
async fn overdue(window: &Window, codes: &[String], journey: &Journey, folder: &Path) -> String {
    let mut missing = Vec::new();
    for number in 1..=journey.samples().len() {
        let Some(code) = codes.get(number - 1) else {
            missing.push(format!("dossier {number}: it was not submitted"));
            continue;
        };
        // The broker may be what is missing.
        let asked = timeout(
            Duration::from_secs(2),
            Ending::of(number, code, window, journey, folder),
        );
        match asked.await {
            Ok(Ok(ending)) => missing.extend(ending.missing()),
            Ok(Err(error)) => missing.push(format!("{error:#}")),
            Err(_) => missing.push(format!("dossier {number}: the broker does not answer")),
        }
    }
    format!(
        "not done within {DEMO_MAX:?}; missing: {}",
        missing.join("; ")
    )
}

/// What went wrong, and where each process says more.
fn with_logs(error: &anyhow::Error, town: &Town) -> anyhow::Error {
    let logs = town
        .processes()
        .map(|process| format!("\n  {}", process.log.display()));
    anyhow!("{error:#}\nthe logs are{}", logs.collect::<String>())
}

/// Where everything is, for as long as it stays up.
fn tell_what_to_try(town: &Town, journey: &Journey, code: &str) -> anyhow::Result<()> {
    let folder = &town.folder;
    tell!("\n{}", style("Everything stays up until Ctrl-C.").bold());
    tell!("\n  addresses, and who must answer there");
    for service in [&town.broker].into_iter().chain(&town.offices) {
        tell!("    {}  {}", service.port, service.identity);
    }
    tell!("\n  the operators' page");
    tell!(
        "    {}  choose \"Enter as\"; the browser warns of the demo's own authority, {}",
        town.page,
        folder.join("pki/ca.pem").display()
    );
    tell!("\n  certificates");
    tell!("    authority  {}", folder.join("pki/ca.pem").display());
    for name in ["desk", "operator"] {
        let pki = folder.join("pki");
        let (certificate, key) = (
            pki.join(format!("{name}.pem")),
            pki.join(format!("{name}.key")),
        );
        tell!(
            "    {name:<9}  {}  {}",
            certificate.display(),
            key.display()
        );
    }
    let program = quoted(&std::env::current_exe().context("cannot find this program's own file")?);
    let desk = quoted(&folder.join("desk.toml"));
    tell!("\n  try");
    tell!("    {program} dossier track {code} --config {desk}");
    if let Some(sample) = journey.samples().first() {
        let lies = folder.join("dossiers").join(sample.name);
        let form = quoted(&lies.join("dossier.json"));
        let papers = sample.papers.iter().map(|(evidence, file, _)| {
            format!(" --attach {evidence}={}", quoted(&lies.join(file)))
        });
        let papers: String = papers.collect();
        tell!("    {program} dossier submit --file {form}{papers} --config {desk}");
    }
    tell!("    {program} dossier worklist --config {desk}");
    tell!("    {program} dossier form {code} receipt-slip --out receipt.pdf --config {desk}");
    tell!(
        "    {program} ops incidents --all --config {}",
        quoted(&folder.join("operator.toml"))
    );
    Ok(())
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if path.chars().all(plain) {
        path
    } else {
        format!("'{}'", path.replace('\'', r"'\''"))
    }
}

/// An empty folder for everything.
fn make_folder(folder: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let Some(folder) = folder else {
        let folder = tempfile::Builder::new().prefix("lienthong-demo-").tempdir();
        // It holds the results and the logs, so it stays.
        return Ok(folder
            .context("cannot make a temporary folder; name one with --dir")?
            .keep());
    };
    let making = || format!("cannot use the folder {}", folder.display());
    fs::create_dir_all(&folder).with_context(making)?;
    if fs::read_dir(&folder).with_context(making)?.next().is_some() {
        bail!(
            "{} is not empty; name another folder with --dir",
            folder.display()
        );
    }
    fs::canonicalize(&folder).with_context(making)
}

/// Waits for Ctrl-C or SIGTERM.
async fn interrupted() -> anyhow::Error {
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return anyhow!("cannot listen for signals");
    };
    tokio::select! {
        _ = interrupt.recv() => anyhow!("interrupted"),
        _ = terminate.recv() => anyhow!("ended by SIGTERM"),
    }
}
