//! A store that has been used: whether it is slower, how large it is, and how soon it is back after it
//! was killed.

use super::{
    Options,
    alone::{Alone, Course},
    chain,
    handoffs::Row,
    proc,
    shape::Shape,
    town::{Manner, Town, with_logs},
};
use anyhow::Context as _;
use broker::store::{SqliteConfig, SqliteStore};
use serde::Serialize;
use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// Dossiers in flight.
const IN_FLIGHT: u64 = 256;
/// Dossiers in flight while the store is filled.
const FILLING: usize = 512;
/// How long a broker may take to hand over again.
const BACK_MAX: Duration = Duration::from_secs(120);

/// One filling.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Scale {
    /// Dossiers that were finished before.
    pub(crate) finished: usize,
    /// Dossiers that were open before, each with a department.
    pub(crate) open: usize,
    /// Bytes of the store's files before the measurement.
    pub(crate) store_bytes: u64,
    /// Bytes of the broker's memory after its start.
    pub(crate) broker_start: u64,
    /// The rate.
    pub(crate) rate: Row,
    /// Seconds from the start after SIGKILL to the first handover that a department has.
    pub(crate) back_seconds: f64,
}

/// Measures it.
pub(crate) async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Scale>> {
    let mut found = Vec::new();
    for finished in &options.finished {
        let open = if *finished == 0 { 0 } else { options.open };
        let inner = folder.join(format!("scale-{finished}"));
        fs::create_dir_all(&inner)?;
        let shape = Shape::chain(options.steps, 2, options.bytes);
        fill(&inner, &shape, options, *finished, open).await?;
        let manner = Manner {
            log: options.log.clone(),
            ..Manner::default()
        };
        let mut town = Town::found(&inner, &shape, manner)?;
        let store = inner.join("stores/broker");
        let store_bytes = size(&store)?;
        let measured = one(&mut town, options).await;
        town.close().await;
        let (broker_start, rate, back_seconds) =
            measured.map_err(|error| with_logs(&error, &town))?;
        found.push(Scale {
            finished: *finished,
            open,
            store_bytes,
            broker_start,
            rate,
            back_seconds,
        });
    }
    Ok(found)
}

/// Sends dossiers through a ledger of this process over the very store that the broker then opens.
async fn fill(
    folder: &Path,
    shape: &Shape,
    options: &Options,
    finished: usize,
    open: usize,
) -> anyhow::Result<()> {
    if finished + open == 0 {
        return Ok(());
    }
    let config = SqliteConfig::default();
    let store = SqliteStore::open(&folder.join("stores/broker"), config)?;
    let rules = folder.join("filling");
    fs::create_dir_all(&rules)?;
    let alone = Alone::open(&rules, shape, Box::new(store))?;
    let (short, steps) = (chain::SHORT, chain::SHORT_STEPS);
    let to_the_end = Course {
        procedure: short,
        completed: steps,
        steps,
    };
    let first_step_held = Course {
        procedure: chain::CODE,
        completed: 0,
        steps: options.steps,
    };
    alone.drive(finished, FILLING, to_the_end).await?;
    alone.drive(open, FILLING, first_step_held).await?;
    alone.close().await
}

async fn one(town: &mut Town, options: &Options) -> anyhow::Result<(u64, Row, f64)> {
    town.open().await?;
    let broker = town.broker.process.pid().context("the broker has ended")?;
    let broker_start = proc::memory(broker)?.resident;
    town.load.keep_in_flight(IN_FLIGHT);
    town.pass(options.warm_up()).await?;
    let sample = town.sample(options.time()).await?;
    town.broker.process.kill().await?;
    town.count().await?;
    let began = Instant::now();
    town.broker.process.start()?;
    loop {
        let counted = town.count().await?;
        if counted.handoffs + counted.firsts > 0 {
            break;
        }
        anyhow::ensure!(
            began.elapsed() < BACK_MAX,
            "the broker did not hand over again within {BACK_MAX:?}"
        );
        town.pass(Duration::from_millis(2)).await?;
    }
    let back = began.elapsed().as_secs_f64();
    Ok((broker_start, Row::of(IN_FLIGHT, &sample), back))
}

/// Bytes of all files in a folder and below.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    let Ok(entries) = fs::read_dir(folder) else {
        // Nothing was filled in.
        return Ok(0);
    };
    for entry in entries {
        let entry = entry?;
        let about = entry.metadata()?;
        bytes += if about.is_dir() {
            size(&entry.path())?
        } else {
            about.len()
        };
    }
    Ok(bytes)
}
