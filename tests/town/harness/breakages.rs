//! Deliberate breakages: a harness that cannot fail proves nothing. Each of them is compiled in with the
//! feature `faults` alone, and must be caught.
//!
//! `cargo test -p contract --features broker/faults,department/faults,desk/faults --test town harness::breakages --
//! --ignored --nocapture` runs the quickest; `HARNESS_BREAKAGES=all`, or the beginning of a name, the
//! others.

use super::{Plan, fault::Menu, run, seed_of_the_clock};
use crate::town::disk::left_out;
use std::{
    env,
    time::{Duration, Instant},
};

/// Kills, and lines that are cut.
const KILLS: Menu = Menu {
    kill: 80,
    freeze: 0,
    line: 20,
    disk_takes_nothing: 0,
    disk_lost: 0,
    restored: 0,
    everything: 5,
    error_after_commit: 0,
};
/// Lines that are cut and slowed, and who is killed at their ends.
const LINES: Menu = Menu {
    kill: 40,
    line: 60,
    everything: 0,
    ..KILLS
};
/// Copies of the broker's store, and restores.
const RESTORES: Menu = Menu {
    kill: 20,
    restored: 80,
    ..KILLS
};
/// Disks of departments that are lost.
const LOST_DISKS: Menu = Menu {
    kill: 20,
    disk_lost: 30,
    ..KILLS
};
/// Provinces until a breakage must have been noticed.
const PROVINCES_MAX: u64 = 4;

/// Its name, what brings it out, and whether it is among the quickest.
const BREAKAGES: [(&str, Menu, bool); 13] = [
    ("answer before it is recorded", KILLS, true),
    ("forget debts on restart", KILLS, true),
    ("drop a notice", KILLS, true),
    ("take a repeated report for a new one", KILLS, false),
    ("skip the epoch", RESTORES, false),
    ("take silence for an acknowledgement", LINES, false),
    ("hand over other content under one id", KILLS, true),
    ("acknowledge before it is kept", KILLS, false),
    ("forget the outbox on a cut", KILLS, false),
    ("never reconcile", LOST_DISKS, false),
    ("submit under a new key each time", KILLS, false),
    ("keep the cursor before the notices", KILLS, false),
    ("forget acts after a restore", RESTORES, false),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the feature `faults`, and minutes"]
async fn what_is_broken_on_purpose_is_caught() {
    if !broker::HAS_FAULTS {
        return left_out("breakages on purpose", "built without the feature `faults`");
    }
    let wanted = env::var("HARNESS_BREAKAGES").ok();
    let mut missed = Vec::new();
    for (breakage, menu, is_quick) in BREAKAGES {
        let chosen = match wanted.as_deref() {
            None => is_quick,
            Some(wanted) => wanted == "all" || breakage.starts_with(wanted),
        };
        if chosen && !is_caught(breakage, menu).await {
            missed.push(breakage);
        }
    }
    assert!(missed.is_empty(), "nobody noticed: {missed:#?}");
}

async fn is_caught(breakage: &'static str, menu: Menu) -> bool {
    let plan = Plan {
        menu,
        faults: 30,
        patience: Duration::from_secs(12),
        breakage,
    };
    let (begun, seed) = (Instant::now(), seed_of_the_clock());
    for province in 0..PROVINCES_MAX {
        let outcome = run(seed + province, None, None, &plan).await;
        if let Some(first) = outcome.wrong.first() {
            let (took, all) = (begun.elapsed(), outcome.wrong.len());
            println!("caught in {took:.0?}: {breakage}: {all} violations, the first: {first}");
            let names = outcome.wrong.iter().filter_map(|one| one.split(':').next());
            let names: std::collections::BTreeSet<_> = names.collect();
            println!("    by the checks {names:?}");
            outcome.remove();
            return true;
        }
    }
    println!("NOT CAUGHT in {:.0?}: {breakage}", begun.elapsed());
    false
}
