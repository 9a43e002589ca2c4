//! Durable hand-offs: a report in, committed, and the next step acknowledged by the next department.

use super::{
    Options, latency,
    quantiles::Quantiles,
    shape::Shape,
    town::{Manner, Sample, Town, with_logs},
};
use serde::Serialize;
use std::{collections::BTreeMap, fs, path::Path};

/// Departments that take turns.
const DEPARTMENTS: usize = 2;

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Handoffs {
    /// Steps of each dossier.
    pub(crate) steps: usize,
    /// Bytes of what each step gives.
    pub(crate) bytes: usize,
    /// Departments acknowledge from memory.
    pub(crate) memory: Vec<Row>,
    /// Departments keep inbox and outbox.
    pub(crate) durable: Vec<Row>,
    /// How long they take at fixed rates.
    pub(crate) latency: Vec<latency::Row>,
    /// What the running broker says of itself.
    pub(crate) settings: serde_json::Value,
}

/// One window.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// Dossiers in flight.
    pub(crate) in_flight: u64,
    /// Hand-offs a second.
    pub(crate) per_second: f64,
    /// Whole dossiers a second.
    pub(crate) dossiers_per_second: f64,
    /// Microseconds from report to acknowledgement.
    pub(crate) latency_us: Quantiles,
    /// Syncs a second.
    pub(crate) syncs_per_second: f64,
    /// Commands that one sync made durable.
    pub(crate) commands_per_sync: f64,
    /// Changes of dossiers in one sync: less where one turn took several commands of a dossier.
    pub(crate) changes_per_sync: f64,
    /// Microseconds of processor time for each hand-off, by process.
    pub(crate) cpu_us: BTreeMap<String, f64>,
    /// The broker's, by its threads.
    pub(crate) broker_thread_us: BTreeMap<String, f64>,
    /// Times for each hand-off that a thread of the broker was put off a processor.
    pub(crate) broker_switches: f64,
    /// Bytes of peak memory, by process.
    pub(crate) memory_peak: BTreeMap<String, u64>,
    /// Reports that the broker refused: the bench is wrong then.
    pub(crate) refused: u64,
    /// Reports that it took later.
    pub(crate) later: u64,
    /// Submits that it did not take at the first time, since the town was opened.
    pub(crate) submits_again: u64,
}

impl Row {
    /// What a sample says.
    pub(crate) fn of(in_flight: u64, sample: &Sample) -> Self {
        let handoffs = (sample.counted.handoffs as f64).max(1.0);
        let commits = sample.figure("commits_since_start");
        let broker = sample.spent.get("broker");
        let threads = broker.map(|spent| spent.thread_cpu_ns.clone());
        Self {
            in_flight,
            per_second: sample.handoffs_per_second(),
            dossiers_per_second: sample.dossiers as f64 / sample.seconds,
            latency_us: Quantiles::of(&sample.counted.latency_us),
            syncs_per_second: commits / sample.seconds,
            commands_per_sync: sample.figure("commands_since_start") / commits.max(1.0),
            changes_per_sync: sample.figure("changes_since_start") / commits.max(1.0),
            cpu_us: sample.cpu(),
            broker_thread_us: threads
                .unwrap_or_default()
                .into_iter()
                .map(|(name, ns)| (name, ns as f64 / 1_000.0 / handoffs))
                .collect(),
            broker_switches: broker.map_or(0.0, |spent| spent.switches as f64 / handoffs),
            memory_peak: sample
                .memory
                .iter()
                .map(|(name, memory)| (name.clone(), memory.peak))
                .collect(),
            refused: sample.counted.refused,
            later: sample.counted.later,
            submits_again: sample.submits_again,
        }
    }
}

/// Measures it.
pub(crate) async fn measure(
    options: &Options,
    folder: &Path,
    latency_too: bool,
) -> anyhow::Result<Handoffs> {
    let mut found = Handoffs {
        steps: options.steps,
        bytes: options.bytes,
        memory: Vec::new(),
        durable: Vec::new(),
        latency: Vec::new(),
        settings: serde_json::Value::Null,
    };
    if options.durable != Some(true) {
        let mut town = open(options, folder, "handoffs", false).await?;
        let measured = async {
            found.memory = sweep(&mut town, options).await?;
            let counted = town.count().await?;
            found.settings = town.settings(&counted);
            if latency_too {
                let rates = found.memory.iter().map(|row| row.per_second);
                let best = rates.fold(0.0, f64::max);
                found.latency = latency::measure(&mut town, options, best).await?;
            }
            Ok(())
        };
        let measured = measured.await;
        town.close().await;
        measured.map_err(|error| with_logs(&error, &town))?;
    }
    if options.durable != Some(false) {
        let mut town = open(options, folder, "durable", true).await?;
        let measured = sweep(&mut town, options).await;
        town.close().await;
        found.durable = measured.map_err(|error| with_logs(&error, &town))?;
    }
    Ok(found)
}

async fn open(options: &Options, folder: &Path, name: &str, durable: bool) -> anyhow::Result<Town> {
    let inner = folder.join(name);
    fs::create_dir_all(&inner)?;
    let manner = Manner {
        durable,
        log: options.log.clone(),
        ..Manner::default()
    };
    let shape = Shape::chain(options.steps, DEPARTMENTS, options.bytes);
    let mut town = Town::found(&inner, &shape, manner)?;
    match town.open().await {
        Ok(()) => Ok(town),
        Err(error) => {
            town.close().await;
            Err(with_logs(&error, &town))
        }
    }
}

/// One measurement for each window, the smallest first.
pub(crate) async fn sweep(town: &mut Town, options: &Options) -> anyhow::Result<Vec<Row>> {
    let mut windows = options.windows.clone();
    windows.sort_unstable();
    let mut rows = Vec::new();
    for window in windows {
        town.load.keep_in_flight(window);
        town.pass(options.warm_up()).await?;
        let sample = town.sample(options.time()).await?;
        rows.push(Row::of(window, &sample));
    }
    Ok(rows)
}
