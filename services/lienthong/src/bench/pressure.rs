//! Too much: three times what the broker carries, for a minute. What it takes must stay fast, what it does
//! not take must be refused with a time to try again, its memory must stay within its limits, and all must
//! be as before soon after.

use super::{
    Options,
    open::{self, Answers},
    proc,
    quantiles::Quantiles,
    shape::Shape,
    town::{Manner, Town, with_logs},
};
use broker::{config::Limits, store::SqliteConfig};
use serde::Serialize;
use std::{fs, path::Path, time::Duration};
use tokio::time::Instant;

/// Steps of each dossier.
const STEPS: usize = 4;
/// Departments that take turns.
const DEPARTMENTS: usize = 2;
/// Dossiers in flight while the capacity is looked for, one measurement each.
const WINDOWS: [u64; 3] = [32, 128, 512];
/// Of the capacity, at which it is quiet.
const NORMAL: f64 = 0.5;
/// Of the capacity, under pressure.
const PRESSURE: f64 = 3.0;
/// Looks after the pressure at whether it is as before.
const LOOK: Duration = Duration::from_millis(500);
/// How many times as long as before counts as before.
const AS_BEFORE: u64 = 2;
/// How long it is looked for.
const BACK_MAX: Duration = Duration::from_secs(60);
/// How long the dossiers that are in flight may take to end.
const END_MAX: Duration = Duration::from_secs(120);

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Pressure {
    /// Dossiers a second that go through all their steps, at the best of the windows.
    pub(crate) capacity: f64,
    /// At half of it.
    pub(crate) normal: Stretch,
    /// At three times as much.
    pub(crate) pressure: Stretch,
    /// Seconds until submits were answered as fast as before; none when that did not come about.
    pub(crate) back_seconds: Option<f64>,
    /// Bytes of the broker's memory before the first submit.
    pub(crate) memory_idle: u64,
    /// Bytes of the broker's memory that its configuration allows beside that.
    pub(crate) memory_allowed: u64,
}

/// What happened at one rate.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Stretch {
    /// Submits a second that were meant.
    pub(crate) rate: f64,
    /// What became of them.
    pub(crate) answers: Answers,
    /// From a report until the next department acknowledged.
    pub(crate) handoff_us: Quantiles,
    /// Reports that were taken later.
    pub(crate) reports_later: u64,
    /// Reports that were refused: there should be none.
    pub(crate) reports_refused: u64,
    /// Dossiers that went through all their steps, a second.
    pub(crate) ended_per_second: f64,
    /// Bytes of the broker's memory at most.
    pub(crate) memory_peak: u64,
}

/// Measures it.
pub(crate) async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Pressure> {
    let inner = folder.join("pressure");
    fs::create_dir_all(&inner)?;
    let manner = Manner {
        log: options.log.clone(),
        ..Manner::default()
    };
    let shape = Shape::chain(STEPS, DEPARTMENTS, options.bytes);
    let mut town = Town::found(&inner, &shape, manner)?;
    let measured = press(&mut town, options).await;
    town.close().await;
    measured.map_err(|error| with_logs(&error, &town))
}

async fn press(town: &mut Town, options: &Options) -> anyhow::Result<Pressure> {
    town.open().await?;
    let memory_idle = proc::memory(town.broker.process.pid().unwrap_or_default())?.resident;
    let mut capacity = 0.0_f64;
    for window in WINDOWS {
        town.load.keep_in_flight(window);
        town.pass(options.warm_up()).await?;
        let sample = town.sample(options.time()).await?;
        capacity = capacity.max(sample.dossiers as f64 / sample.seconds);
    }
    end(town).await?;
    let _ = stretch(town, capacity * NORMAL, options.warm_up()).await?;
    let normal = stretch(town, capacity * NORMAL, options.time()).await?;
    let time = Duration::from_secs(options.pressure_seconds);
    let pressure = stretch(town, capacity * PRESSURE, time).await?;
    let back_seconds = back(town, &normal).await?;
    let limits = Limits::default();
    let memory_allowed = limits.ledger_waiting_bytes_max
        + limits.dossiers_cached_bytes_max
        + SqliteConfig::default().cache_bytes_max();
    Ok(Pressure {
        capacity,
        normal,
        pressure,
        back_seconds,
        memory_idle,
        memory_allowed: memory_allowed as u64,
    })
}

/// Lets what is in flight come to its end.
async fn end(town: &mut Town) -> anyhow::Result<()> {
    town.load.keep_in_flight(0);
    town.until("the end of what is in flight", END_MAX, |town| {
        town.load.ended() >= town.load.submitted()
    })
    .await
}

async fn stretch(town: &mut Town, rate: f64, time: Duration) -> anyhow::Result<Stretch> {
    let broker = town.broker.process.pid().unwrap_or_default();
    proc::forget_peak(broker);
    town.count().await?;
    let (began, ended) = (Instant::now(), town.load.ended());
    let answers = open::submits(town, rate, time).await?;
    let ended = town.load.ended() - ended;
    let seconds = began.elapsed().as_secs_f64();
    let counted = town.count().await?;
    Ok(Stretch {
        rate,
        answers,
        handoff_us: Quantiles::of(&counted.latency_us),
        reports_later: counted.later,
        reports_refused: counted.refused,
        ended_per_second: ended as f64 / seconds,
        memory_peak: proc::memory(broker)?.peak,
    })
}

/// Goes on as before the pressure, and says when the answers came as fast as then and none was refused.
async fn back(town: &mut Town, normal: &Stretch) -> anyhow::Result<Option<f64>> {
    let began = Instant::now();
    let fast = normal.answers.taken_us.p99 * AS_BEFORE;
    while began.elapsed() < BACK_MAX {
        let looked = began.elapsed();
        let look = stretch(town, normal.rate, LOOK).await?;
        let answers = &look.answers;
        if answers.taken == answers.sent && answers.taken_us.p99 <= fast {
            return Ok(Some(looked.as_secs_f64()));
        }
    }
    Ok(None)
}
