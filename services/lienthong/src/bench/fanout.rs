//! Many departments: what each connection costs while it is idle, and whether many are slower than
//! few under the same load.

use super::{
    Options,
    handoffs::Row,
    proc,
    shape::Shape,
    town::{Manner, Town, with_logs},
};
use serde::Serialize;
use std::{fs, path::Path, time::Duration};

/// How long everybody may take to be connected.
const CONNECT_MAX: Duration = Duration::from_secs(120);
/// Steps of each dossier: enough that every department gets something.
const STEPS: usize = 4;
/// Dossiers in flight, whatever the number of departments.
const IN_FLIGHT: u64 = 256;

/// One number of departments.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fanout {
    /// Departments connected.
    pub(crate) departments: usize,
    /// Seconds until all were connected and had done a step.
    pub(crate) connected_seconds: f64,
    /// Bytes of the broker's memory before the first was connected.
    pub(crate) broker_before: u64,
    /// And when all were, and nothing moved.
    pub(crate) broker_idle: u64,
    /// Of that what no file holds: not the program itself.
    pub(crate) broker_idle_anonymous: u64,
    /// Bytes for each department: its stream of handovers on a connection of its own, and its stream of
    /// reports.
    pub(crate) bytes_each: f64,
    /// The rate.
    pub(crate) rate: Row,
}

/// Measures it.
pub(crate) async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Fanout>> {
    let mut found = Vec::new();
    for departments in &options.departments {
        let inner = folder.join(format!("fanout-{departments}"));
        fs::create_dir_all(&inner)?;
        let manner = Manner {
            log: options.log.clone(),
            ..Manner::default()
        };
        let shape = Shape::chain(STEPS, *departments, options.bytes);
        let mut town = Town::found(&inner, &shape, manner)?;
        let measured = one(&mut town, options, *departments).await;
        town.close().await;
        found.push(measured.map_err(|error| with_logs(&error, &town))?);
    }
    Ok(found)
}

async fn one(town: &mut Town, options: &Options, departments: usize) -> anyhow::Result<Fanout> {
    town.open().await?;
    let broker = town.broker.process.pid().unwrap_or_default();
    let broker_before = proc::memory(broker)?.resident;
    let began = std::time::Instant::now();
    // One for each commune, so that nobody is left out.
    let communes = departments.div_ceil(2) as u64;
    for _ in 0..communes {
        town.load.submit_papers(Vec::new()).await?;
    }
    town.until("the first dossier of each commune", CONNECT_MAX, |town| {
        town.load.ended() >= communes
    })
    .await?;
    let connected_seconds = began.elapsed().as_secs_f64();
    town.pass(Duration::from_secs(1)).await?;
    let idle = proc::memory(broker)?;
    town.load.keep_in_flight(IN_FLIGHT);
    town.pass(options.warm_up()).await?;
    let sample = town.sample(options.time()).await?;
    Ok(Fanout {
        departments,
        connected_seconds,
        broker_before,
        broker_idle: idle.resident,
        broker_idle_anonymous: idle.anonymous,
        bytes_each: idle.resident.saturating_sub(broker_before) as f64 / departments as f64,
        rate: Row::of(IN_FLIGHT, &sample),
    })
}
