//! The bench: what the broker carries on this machine, beside what the machine can do.

mod chain;
mod control;
pub(crate) mod department;
mod disk;
mod handoffs;
mod latency;
mod limit;
mod load;
mod machine;
pub(crate) mod pass;
mod proc;
mod quantiles;
mod shape;
mod town;

use crate::screen::{json, table::Table, tell};
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Measure {
    /// What the machine can do: syncs, lines without recording, the store alone.
    Limit,
    /// Hand-offs a second, by dossiers in flight.
    Handoffs,
    /// How long a hand-off takes at a fixed rate.
    Latency,
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

/// Measures.
pub(crate) async fn run(options: Options, json: bool) -> anyhow::Result<()> {
    let (folder, _kept) = folder(options.folder.as_deref())?;
    let mut results = Map::new();
    results.insert("machine".into(), machine::describe(&folder)?);
    let wanted = |measure| options.measures.is_empty() || options.measures.contains(&measure);
    if wanted(Measure::Limit) {
        let found = limit::measure(&options, &folder).await?;
        results.insert("limit".into(), serde_json::to_value(found)?);
    }
    if wanted(Measure::Handoffs) || wanted(Measure::Latency) {
        let found = handoffs::measure(&options, &folder, wanted(Measure::Latency)).await?;
        results.insert("handoffs".into(), serde_json::to_value(found)?);
    }
    let results = Value::Object(results);
    if json {
        return json::print(&results);
    }
    tell!("{}", serde_json::to_string_pretty(&results)?);
    Ok(())
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
