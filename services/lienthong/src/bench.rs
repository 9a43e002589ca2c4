//! The bench: what the broker carries on this machine, beside what the machine can do.

mod alone;
mod chain;
mod control;
pub(crate) mod department;
mod disk;
mod documents;
mod fanout;
mod handoffs;
mod journeys;
mod latency;
mod limit;
mod load;
mod machine;
mod neighbours;
mod open;
pub(crate) mod pass;
mod pressure;
mod proc;
mod quantiles;
mod report;
mod scale;
mod search;
mod shape;
mod soak;
mod town;

use crate::screen::{json, tell};
use anyhow::{Context as _, bail};
use clap::{Args, ValueEnum};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde::Serialize;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::signal::ctrl_c;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Measure {
    /// What the machine can do: syncs, lines without recording, the store alone.
    Limit,
    /// Hand-offs a second, by dossiers in flight.
    Handoffs,
    /// How long a hand-off takes at a fixed rate.
    Latency,
    /// Whole birth dossiers a second.
    Journeys,
    /// Documents from a desk into a department's store.
    Documents,
    /// A store that has been used, and its return after it was killed.
    Scale,
    /// Operators' searches in a store of a million dossiers.
    Search,
    /// Many departments.
    Fanout,
    /// Three times what it carries, for a minute.
    Pressure,
    /// What one difficult department leaves to the others.
    Neighbours,
    /// A long time at a moderate load; measured only when it is named.
    Soak,
}

/// How it is measured.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// What to measure; everything when left out.
    #[arg(value_enum)]
    measures: Vec<Measure>,
    /// Seconds of each measurement, after its warm-up.
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    seconds: u64,
    /// Seconds of each warm-up.
    #[arg(long, default_value_t = 2, value_name = "SECONDS")]
    warm_up: u64,
    /// Dossiers in flight, one measurement each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 8, 64, 256, 1024], value_name = "DOSSIERS")]
    windows: Vec<u64>,
    /// Steps of each dossier.
    #[arg(long, default_value_t = 16)]
    steps: usize,
    /// Bytes of what each step gives and the next one gets.
    #[arg(long, default_value_t = 2048, value_name = "BYTES")]
    bytes: usize,
    /// What the processes log: what a broker logs as it is shipped.
    #[arg(long, default_value = "info", value_name = "FILTER")]
    log: String,
    /// Departments keep inbox and outbox, in handoffs; both are measured when left out.
    #[arg(long)]
    durable: Option<bool>,
    /// Departments connected, one measurement each.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 100, 3000], value_name = "DEPARTMENTS")]
    departments: Vec<usize>,
    /// Dossiers finished before, one measurement each; filling goes on for some minutes a million.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 100_000, 1_000_000], value_name = "DOSSIERS")]
    finished: Vec<usize>,
    /// Dossiers open before, where any were finished.
    #[arg(long, default_value_t = 100_000, value_name = "DOSSIERS")]
    open: usize,
    /// Bytes of the large document; 1 GiB when left out.
    #[arg(long, value_name = "BYTES")]
    large_bytes: Option<u64>,
    /// Seconds of the pressure.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    pressure_seconds: u64,
    /// Minutes of the soak.
    #[arg(long, default_value_t = 60.0, value_name = "MINUTES")]
    minutes: f64,
    /// Dossiers submitted a second in the soak.
    #[arg(long, default_value_t = 50.0, value_name = "DOSSIERS")]
    rate: f64,
    /// Where stores, certificates and logs go; a new temporary folder when left out. It should be on
    /// the disk that is meant.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// Also write a report in Markdown, with its plots and figures, into this folder.
    #[arg(long, value_name = "FOLDER")]
    report: Option<PathBuf>,
}

impl Options {
    pub(crate) fn time(&self) -> Duration {
        Duration::from_secs(self.seconds)
    }

    pub(crate) fn warm_up(&self) -> Duration {
        Duration::from_secs(self.warm_up)
    }
}

/// Measures, and says what was found.
pub(crate) async fn run(options: Options, json: bool) -> anyhow::Result<()> {
    let (folder, _kept) = folder(options.folder.as_deref())?;
    more_files()?;
    let found = tokio::select! {
        found = measure(&options, &folder, json) => found?,
        // The processes end with this one, and so does its folder.
        interrupted = ctrl_c() => {
            interrupted?;
            bail!("interrupted");
        }
    };
    let tables = report::tables(&found);
    if let Some(folder) = &options.report {
        report::write(folder, &found, &tables)?;
    }
    if json {
        return json::print(&serde_json::to_value(&found)?);
    }
    for table in &tables {
        tell!("\n{}\n{}", table.title, table.render());
    }
    Ok(())
}

async fn measure(options: &Options, folder: &Path, json: bool) -> anyhow::Result<Found> {
    let wanted = |measure| options.measures.is_empty() || options.measures.contains(&measure);
    let mut found = Found {
        machine: machine::describe(folder)?,
        ..Found::default()
    };
    if wanted(Measure::Limit) {
        say(json, "what the machine can do");
        found.limit = Some(limit::measure(options, folder).await?);
    }
    if wanted(Measure::Handoffs) || wanted(Measure::Latency) {
        say(json, "hand-offs");
        let latency_too = wanted(Measure::Latency);
        found.handoffs = Some(handoffs::measure(options, folder, latency_too).await?);
    }
    if wanted(Measure::Journeys) {
        say(json, "journeys");
        found.journeys = journeys::measure(options, folder).await?;
    }
    if wanted(Measure::Documents) {
        say(json, "documents");
        found.documents = documents::measure(options, folder).await?;
    }
    if wanted(Measure::Scale) {
        say(json, "scale");
        found.scale = scale::measure(options, folder).await?;
    }
    if wanted(Measure::Search) {
        say(json, "searches");
        found.search = search::measure(options, folder)?;
    }
    if wanted(Measure::Fanout) {
        say(json, "fanout");
        found.fanout = fanout::measure(options, folder).await?;
    }
    if wanted(Measure::Pressure) {
        say(json, "pressure");
        found.pressure = Some(pressure::measure(options, folder).await?);
    }
    if wanted(Measure::Neighbours) {
        say(json, "neighbours");
        found.neighbours = neighbours::measure(options, folder).await?;
    }
    if options.measures.contains(&Measure::Soak) {
        say(json, "a long time");
        found.soak = Some(soak::measure(options, folder).await?);
    }
    Ok(found)
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Found {
    machine: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<limit::Limit>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handoffs: Option<handoffs::Handoffs>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    journeys: Vec<handoffs::Row>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    documents: Vec<documents::Documents>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scale: Vec<scale::Scale>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    search: Vec<search::Searched>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fanout: Vec<fanout::Fanout>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pressure: Option<pressure::Pressure>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    neighbours: Vec<neighbours::Neighbour>,
    #[serde(skip_serializing_if = "Option::is_none")]
    soak: Option<soak::Soak>,
}

fn say(json: bool, what: &str) {
    if !json {
        tell!("measuring {what} …");
    }
}

/// Lets this process and its children open as many files as the system allows: each department is a
/// connection.
fn more_files() -> anyhow::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot open more files")
}

/// The folder for everything, and what removes it in the end.
fn folder(named: Option<&Path>) -> anyhow::Result<(PathBuf, Option<tempfile::TempDir>)> {
    if let Some(folder) = named {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        return Ok((folder.canonicalize()?, None));
    }
    let kept = tempfile::Builder::new()
        .prefix("lienthong-bench-")
        .tempdir();
    let kept = kept.context("cannot make a temporary folder")?;
    Ok((kept.path().to_owned(), Some(kept)))
}
