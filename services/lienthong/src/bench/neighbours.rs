//! Neighbours: what is left to ordinary departments while one beside them is slow, acknowledges nothing, or
//! reconnects ten times a second. Measured in turns, alone and beside it, so that what else the machine does
//! falls on both.

use super::{
    Options,
    control::{Order, Temper},
    shape::{Office, Shape},
    town::{Manner, Sample, Town, with_logs},
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;
use std::{fs, path::Path, time::Duration};

/// Steps of each dossier.
const STEPS: usize = 4;
/// Departments, of which two are the neighbour's.
const DEPARTMENTS: usize = 8;
/// Dossiers of the ordinary ones in flight.
const IN_FLIGHT: u64 = 64;
/// Dossiers that wait for the neighbour: more than its window takes.
const BACKLOG: u64 = 1024;
/// Of these, how many are filed at a time.
const FILED_AT_ONCE: usize = 32;
/// Turns of each neighbour.
const TURNS: usize = 3;
/// How long it may take until the neighbour has worked off its backlog.
const END_MAX: Duration = Duration::from_secs(300);

/// One neighbour.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Neighbour {
    /// Which.
    pub(crate) temper: Temper,
    /// Hand-offs a second of the ordinary departments, alone.
    pub(crate) alone_per_second: f64,
    /// The same beside it.
    pub(crate) beside_per_second: f64,
    /// Processors that the broker took, alone.
    pub(crate) alone_broker: f64,
    /// The same beside it.
    pub(crate) beside_broker: f64,
    /// Processors that the neighbour itself took beside them: on a machine that all share, they go without.
    pub(crate) neighbour: f64,
    /// Calls of the neighbour that were answered, a second.
    pub(crate) calls_per_second: f64,
    /// Rounds that the neighbour acknowledged, a second.
    pub(crate) acknowledged_per_second: f64,
    /// Reports of the ordinary ones that the broker took later.
    pub(crate) later: u64,
}

/// Measures it.
pub(crate) async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Neighbour>> {
    let inner = folder.join("neighbours");
    fs::create_dir_all(&inner)?;
    let manner = Manner {
        log: options.log.clone(),
        ..Manner::default()
    };
    let (shape, territory) = apart(Shape::chain(STEPS, DEPARTMENTS, options.bytes));
    let number = shape.offices.len() - 1;
    let mut town = Town::found(&inner, &shape, manner)?;
    town.set_apart(number);
    let measured = async {
        town.open().await?;
        town.load.keep_in_flight(IN_FLIGHT);
        town.pass(options.warm_up()).await?;
        let mut found = Vec::new();
        for temper in [Temper::Slow, Temper::Silent, Temper::Restless] {
            found.push(beside(&mut town, options, temper, number, &territory).await?);
        }
        Ok(found)
    };
    let measured = measured.await;
    town.close().await;
    measured.map_err(|error| with_logs(&error, &town))
}

/// Puts the departments of the last commune into a process of their own, to which the desk files nothing by
/// itself. Gives the commune.
fn apart(mut shape: Shape) -> (Shape, String) {
    let territory = shape.filing.territories.pop().unwrap_or_default();
    let mut neighbour = Office {
        name: "neighbour".into(),
        agencies: Vec::new(),
        steps: shape
            .offices
            .iter()
            .flat_map(|office| office.steps.clone())
            .collect(),
    };
    for office in &mut shape.offices {
        let is_there = |agency: &super::shape::Agency| agency.territory == territory;
        neighbour
            .agencies
            .extend(office.agencies.iter().filter(|one| is_there(one)).cloned());
        office.agencies.retain(|one| !is_there(one));
    }
    shape.offices.push(neighbour);
    shape.quiet.push(territory.clone());
    (shape, territory)
}

async fn beside(
    town: &mut Town,
    options: &Options,
    temper: Temper,
    number: usize,
    territory: &str,
) -> anyhow::Result<Neighbour> {
    let (mut alone, mut besides) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        alone.push(town.sample(options.time()).await?);
        town.order_one(number, Order::Take { temper }).await?;
        let load = town.load.clone();
        let filed = futures_util::stream::iter(0..BACKLOG)
            .map(|_| load.submit_to(territory))
            .buffer_unordered(FILED_AT_ONCE)
            .try_collect::<()>();
        filed.await?;
        town.pass(options.warm_up()).await?;
        besides.push(town.sample(options.time()).await?);
        let temper = Temper::Ordinary;
        town.order_one(number, Order::Take { temper }).await?;
        town.until("the end of the neighbour's backlog", END_MAX, |town| {
            town.load.take_apart(BACKLOG)
        })
        .await?;
        town.pass(options.warm_up()).await?;
    }
    let rate = |samples: &[Sample]| {
        let handoffs: u64 = samples.iter().map(|one| one.counted.handoffs).sum();
        handoffs as f64 / seconds(samples)
    };
    let processors = |samples: &[Sample], name: &str| {
        let spent = samples.iter().filter_map(|one| one.spent.get(name));
        spent.map(|one| one.cpu_ns as f64 / 1e9).sum::<f64>() / seconds(samples)
    };
    let of_it = |count: fn(&Sample) -> u64| {
        let all: u64 = besides.iter().map(count).sum();
        all as f64 / seconds(&besides)
    };
    Ok(Neighbour {
        temper,
        alone_per_second: rate(&alone),
        beside_per_second: rate(&besides),
        alone_broker: processors(&alone, "broker"),
        beside_broker: processors(&besides, "broker"),
        neighbour: processors(&besides, "neighbour"),
        calls_per_second: of_it(|one| one.apart.calls),
        acknowledged_per_second: of_it(|one| one.apart.handoffs + one.apart.firsts),
        later: besides.iter().map(|one| one.counted.later).sum(),
    })
}

fn seconds(samples: &[Sample]) -> f64 {
    samples.iter().map(|one| one.seconds).sum::<f64>().max(1e-9)
}
