//! What the machine can do, measured in the same run: every other result is also its ratio to these.

use super::{
    Options,
    disk::{self, Syncs},
    quantiles::Quantiles,
    shape::Shape,
    town::{Manner, Sample, Town, with_logs},
};
use serde::Serialize;
use std::{fs, path::Path, time::Duration};

/// Bytes of appends whose syncs are measured.
const APPENDS: [usize; 3] = [4 * 1024, 64 * 1024, 1024 * 1024];
/// How long each.
const SYNC_TIME: Duration = Duration::from_secs(2);

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Limit {
    /// Syncs of the disk.
    pub(crate) syncs: Vec<Syncs>,
    /// Items passed on without recording, by items that go round.
    pub(crate) pass: Vec<Passed>,
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
    pub(crate) cpu_us: std::collections::BTreeMap<String, f64>,
}

impl Passed {
    fn of(in_flight: u64, sample: &Sample) -> Self {
        Self {
            in_flight,
            per_second: sample.handoffs_per_second(),
            latency_us: Quantiles::of(&sample.counted.latency_us),
            cpu_us: sample
                .spent
                .keys()
                .map(|name| (name.clone(), sample.cpu_us(name)))
                .collect(),
        }
    }
}

/// Measures it.
pub(crate) async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Limit> {
    let syncs = APPENDS.map(|bytes| disk::measure(folder, bytes, SYNC_TIME));
    let syncs = syncs.into_iter().collect::<anyhow::Result<_>>()?;
    let mut pass = Vec::new();
    for window in &options.windows {
        let inner = folder.join(format!("pass-{window}"));
        fs::create_dir_all(&inner)?;
        let manner = Manner {
            pass: Some(usize::try_from(*window)?),
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
        let sample = measured.map_err(|error| with_logs(error, &town))?;
        pass.push(Passed::of(*window, &sample));
    }
    Ok(Limit { syncs, pass })
}
