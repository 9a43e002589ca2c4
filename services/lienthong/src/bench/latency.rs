//! How long a hand-off takes when reports come at times fixed beforehand: from the time at which a
//! report was meant to be sent, so that a broker that stands still is not spared what it held up.

use super::{Options, control::Order, quantiles::Quantiles, town::Town};
use anyhow::ensure;
use serde::Serialize;
use std::time::{Duration, Instant};

/// Shares of the closed loop's best rate.
const SHARES: [f64; 3] = [0.1, 0.5, 0.9];
/// Dossiers in flight: enough that a department always has one to report.
const IN_FLIGHT: u64 = 2048;
/// Of the rate that was meant, what counts as reached.
const REACHED: f64 = 0.95;
/// How long it may take until all are held.
const HELD_MAX: Duration = Duration::from_secs(120);
/// Between two looks at whether all are held.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// One rate.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// Share of the closed loop's best rate.
    pub(crate) share: f64,
    /// Hand-offs a second that were meant.
    pub(crate) rate: f64,
    /// Hand-offs a second that came about.
    pub(crate) per_second: f64,
    /// Microseconds from the time meant to the acknowledgement.
    pub(crate) latency_us: Quantiles,
    /// Whether the rate that was meant came about. Where it did not, the latency says only that it was too much.
    pub(crate) reached: bool,
    /// Times at which there was no round to report: where the rate was reached the bench's own fault, else the
    /// broker had not handed the next ones over yet.
    pub(crate) starved: u64,
    /// Microseconds of the broker's processor time for each hand-off.
    pub(crate) broker_us: f64,
}

/// Measures it.
pub(crate) async fn measure(
    town: &mut Town,
    options: &Options,
    best: f64,
) -> anyhow::Result<Vec<Row>> {
    let departments = town.departments.len() as f64;
    let mut rows = Vec::new();
    town.order(Order::Paced { per_second: 0.0 }).await?;
    town.load.keep_in_flight(IN_FLIGHT);
    let (began, mut held) = (Instant::now(), 0);
    while held < IN_FLIGHT {
        ensure!(
            began.elapsed() < HELD_MAX,
            "departments hold {held} rounds and not {IN_FLIGHT} after {HELD_MAX:?}"
        );
        town.pass(LOOK_INTERVAL).await?;
        held = town.count().await?.waiting;
    }
    for share in SHARES {
        // Every report of a step but the last is a hand-off.
        let steps = options.steps as f64;
        let reports = best * share * steps / (steps - 1.0).max(1.0);
        let per_second = reports / departments;
        town.order(Order::Paced { per_second }).await?;
        town.pass(options.warm_up()).await?;
        let sample = town.sample(options.time()).await?;
        let came = sample.handoffs_per_second();
        rows.push(Row {
            reached: came >= REACHED * best * share,
            share,
            rate: best * share,
            per_second: came,
            latency_us: Quantiles::of(&sample.counted.latency_us),
            starved: sample.counted.starved,
            broker_us: sample.cpu_us("broker"),
        });
    }
    town.order(Order::AtOnce).await?;
    Ok(rows)
}
