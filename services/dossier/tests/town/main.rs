//! The simulated town: the core under a seeded world. Virtual time; messages lost, repeated, delayed and
//! reordered; crashes at every point between what is durable and what is not; disks lost, the broker
//! restored from a copy, clocks that jump. A failure prints its seed and how to repeat it.

#![allow(clippy::unwrap_used)]
#![allow(unreachable_pub)] // modules of a test binary are reached by nobody else
#![allow(clippy::disallowed_methods)] // the core reads no disk and no clock; its tests may

#[path = "../core/bookkeeper.rs"]
mod bookkeeper;
mod broker;
mod chance;
mod checks;
mod department;
mod desk;
mod faults;
mod ground;
mod outbox;
mod post;
mod province;
mod world;

use chance::Chance;
use std::{
    collections::BTreeMap,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};
use world::{Span, World};

/// Towns in the ordinary test; `SEEDS=10000` for a night.
const SEEDS: u64 = 300;
/// Dossiers in the ordinary year; `DOSSIERS=5000` for a province.
const DOSSIERS: u64 = 60;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| {
        let number = text.parse();
        number.unwrap_or_else(|_| panic!("{name} is a number, not {text}"))
    })
}

fn weeks(seed: u64) -> World {
    let mut chance = Chance::of(seed);
    let span = Span::of_weeks(&mut chance);
    World::of(seed, chance, span)
}

fn year(seed: u64) -> World {
    let dossiers = asked("DOSSIERS").unwrap_or(DOSSIERS);
    World::of(seed, Chance::of(seed), Span::of_a_year(dossiers as u32))
}

/// Lives through a seed; a failure says how to repeat it.
fn lived(seed: u64, begin: fn(u64) -> World, test: &str) -> World {
    let mut world = begin(seed);
    if let Err(fault) = catch_unwind(AssertUnwindSafe(|| world.live())) {
        eprintln!("{}", world.told());
        eprintln!("repeat with: SEED={seed} cargo test -p dossier --test town {test}");
        resume_unwind(fault);
    }
    world
}

#[test]
fn every_town_ends_with_every_dossier_closed_and_nothing_lost_or_done_twice() {
    let test = "every_town_ends";
    let seeds = match asked("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..asked("SEEDS").unwrap_or(SEEDS),
    };
    let is_told = seeds.end == seeds.start + 1 || std::env::var_os("TELL").is_some();
    let (next, counts) = (AtomicU64::new(seeds.start), Mutex::new(<[_; 2]>::default()));
    let live_on = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            let world = lived(seed, weeks, test);
            if is_told {
                eprintln!("{}", world.told());
            }
            let checks = &world.ground.checks;
            let mut counts = counts.lock().unwrap();
            let [events, refusals]: &mut [BTreeMap<_, u64>; 2] = &mut counts;
            count_in(events, &checks.events);
            count_in(refusals, &checks.refusals);
        }
    };
    // The worlds know nothing of each other.
    thread::scope(|scope| {
        let processors = thread::available_parallelism().map_or(1, NonZero::get);
        let threads: Vec<_> = (0..processors).map(|_| scope.spawn(live_on)).collect();
        for one in threads {
            one.join().unwrap_or_else(|fault| resume_unwind(fault));
        }
    });
    let [events, refusals] = counts.into_inner().unwrap();
    eprintln!("events: {events:?}\nrefusals: {refusals:?}");
}

fn count_in(all: &mut BTreeMap<&'static str, u64>, some: &BTreeMap<&'static str, u32>) {
    for (word, count) in some {
        *all.entry(word).or_default() += u64::from(*count);
    }
}

#[test]
fn a_year_of_the_province_goes_by_with_its_holidays_and_its_faults() {
    let world = lived(asked("SEED").unwrap_or(2027), year, "a_year");
    eprintln!("{}", world.told());
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in [1, 7, 42] {
        let (first, again) = (
            lived(seed, weeks, "the_same"),
            lived(seed, weeks, "the_same"),
        );
        eprintln!("{}", first.told());
        assert_eq!(first.told(), again.told());
        assert_eq!(first.ground.checks.history(), again.ground.checks.history());
    }
}
