//! What the machine can do, measured in the same run: every other result is also its ratio to these.

use super::{
    Options,
    alone::{self, Alone, Course, Recorder, Replayed},
    chain,
    disk::{self, Syncs},
    proc,
    quantiles::Quantiles,
    shape::Shape,
    town::{Manner, Sample, Town, with_logs},
};
use broker::store::{SqliteConfig, SqliteStore};
use serde::Serialize;
use std::{collections::BTreeMap, fs, path::Path, sync::PoisonError, time::Duration};

/// Bytes of appends whose syncs are measured.
const APPENDS: [usize; 3] = [4 * 1024, 64 * 1024, 1024 * 1024];
/// How long each.
const SYNC_TIME: Duration = Duration::from_secs(2);
/// Dossiers that go through the ledger alone, and through the store alone.
const DOSSIERS: usize = 512;
/// Times that so many go through first: until the store's log has gone round once and its pages are in
/// memory, each of them is new to the system, too.
const ROUNDS_BEFORE: usize = 3;
/// Changes in one commit of the store alone.
const CHANGES: [usize; 3] = [16, 64, 256];

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Limit {
    /// Syncs of the disk.
    pub(crate) syncs: Vec<Syncs>,
    /// Items passed on without recording, by items that go round.
    pub(crate) pass: Vec<Passed>,
    /// The store given ready batches.
    pub(crate) store: Vec<Kept>,
    /// The ledger without lines: over the store in memory, and over the embedded one.
    pub(crate) ledger: Vec<Unlined>,
}

/// Items passed on.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Passed {
    /// Items that went round.
    pub(crate) in_flight: u64,
    /// Passed on a second.
    pub(crate) per_second: f64,
    /// Microseconds from report to acknowledgement.
    pub(crate) latency_us: Quantiles,
    /// Microseconds of processor time for each, by process.
    pub(crate) cpu_us: BTreeMap<String, f64>,
}

/// Batches kept by the store.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Kept {
    /// Changes of dossiers in each commit.
    pub(crate) changes_per_commit: usize,
    /// Hand-offs a second that they are.
    pub(crate) handoffs_per_second: f64,
    /// Commits a second, each with one sync.
    pub(crate) commits_per_second: f64,
    /// Microseconds of processor time for each hand-off.
    pub(crate) cpu_us: f64,
    /// Bytes written for each hand-off: to the log, and from there into the file.
    pub(crate) written_bytes: f64,
}

/// The ledger without lines.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Unlined {
    /// Over which store.
    pub(crate) store: &'static str,
    /// Hand-offs a second.
    pub(crate) handoffs_per_second: f64,
    /// Microseconds of processor time for each hand-off.
    pub(crate) cpu_us: f64,
}

impl Limit {
    /// The best that the lines carry, items a second.
    pub(crate) fn lines(&self) -> Option<f64> {
        self.pass.iter().map(|one| one.per_second).reduce(f64::max)
    }

    /// The best that the store alone carries, hand-offs a second.
    pub(crate) fn store(&self) -> Option<f64> {
        let rates = self.store.iter().map(|one| one.handoffs_per_second);
        rates.reduce(f64::max)
    }
}

impl Passed {
    fn of(in_flight: u64, sample: &Sample) -> Self {
        Self {
            in_flight,
            per_second: sample.handoffs_per_second(),
            latency_us: Quantiles::of(&sample.counted.latency_us),
            cpu_us: sample.cpu(),
        }
    }
}

/// Measures it.
pub(crate) async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Limit> {
    let syncs = APPENDS.map(|bytes| disk::measure(folder, bytes, SYNC_TIME));
    let syncs = syncs.into_iter().collect::<anyhow::Result<_>>()?;
    let mut pass = Vec::new();
    for window in &options.windows {
        pass.push(pass_on(options, folder, *window).await?);
    }
    let (store, ledger) = without_lines(options, folder).await?;
    Ok(Limit {
        syncs,
        pass,
        store,
        ledger,
    })
}

async fn pass_on(options: &Options, folder: &Path, window: u64) -> anyhow::Result<Passed> {
    let inner = folder.join(format!("pass-{window}"));
    fs::create_dir_all(&inner)?;
    let manner = Manner {
        pass: Some(usize::try_from(window)?),
        log: options.log.clone(),
        ..Manner::default()
    };
    let mut town = Town::found(&inner, &Shape::round(options.bytes), manner)?;
    let measured = async {
        town.open().await?;
        town.pass(options.warm_up()).await?;
        town.sample(options.time()).await
    };
    let measured = measured.await;
    town.close().await;
    let sample = measured.map_err(|error| with_logs(&error, &town))?;
    Ok(Passed::of(window, &sample))
}

/// The ledger and the store in this process.
async fn without_lines(
    options: &Options,
    folder: &Path,
) -> anyhow::Result<(Vec<Kept>, Vec<Unlined>)> {
    let shape = Shape::chain(options.steps, 2, options.bytes);
    let course = Course {
        procedure: chain::CODE,
        completed: options.steps,
        steps: options.steps,
    };
    let handoffs = (DOSSIERS * options.steps.saturating_sub(1).max(1)) as f64;
    let pid = std::process::id();
    let mut ledgers = Vec::new();
    let mut warm = 0;

    let (recorder, batches) = Recorder::new();
    let sqlite = SqliteStore::open(&folder.join("alone-store"), SqliteConfig::default())?;
    let stores: [(&'static str, Box<dyn broker::store::Store>); 2] =
        [("memory", Box::new(recorder)), ("sqlite", Box::new(sqlite))];
    for (name, store) in stores {
        let alone = Alone::open(&folder.join(format!("alone-{name}")), &shape, store)?;
        for _ in 0..ROUNDS_BEFORE {
            alone.drive(DOSSIERS, DOSSIERS, course).await?;
        }
        if ledgers.is_empty() {
            warm = batches.lock().unwrap_or_else(PoisonError::into_inner).len();
        }
        let before = proc::used(pid)?;
        let seconds = alone.drive(DOSSIERS, DOSSIERS, course).await?;
        let spent = before.until(&proc::used(pid)?);
        alone.close().await?;
        ledgers.push(Unlined {
            store: name,
            handoffs_per_second: handoffs / seconds,
            cpu_us: spent.cpu_ns as f64 / 1_000.0 / handoffs,
        });
    }

    let batches = std::mem::take(&mut *batches.lock().unwrap_or_else(PoisonError::into_inner));
    let mut kept = Vec::new();
    for changes_per_commit in CHANGES {
        let inner = folder.join(format!("store-{changes_per_commit}"));
        let (before, measured) = batches.split_at(warm);
        let Replayed { spent, commits } =
            alone::replay(&inner, before, measured, changes_per_commit)?;
        kept.push(Kept {
            changes_per_commit,
            handoffs_per_second: handoffs / spent.seconds,
            commits_per_second: commits as f64 / spent.seconds,
            cpu_us: spent.threads_ns() as f64 / 1_000.0 / handoffs,
            written_bytes: spent.written_bytes as f64 / handoffs,
        });
    }
    Ok((kept, ledgers))
}
