//! Deliberate breakages: a harness that cannot fail proves nothing. Each of them is compiled in with the
//! feature `faults` alone, and must be caught.
//!
//! `cargo test -p contract --features broker/faults,department/faults,desk/faults --test town harness::breakages --
//! --ignored --nocapture` runs the quickest; `HARNESS_BREAKAGES=all`, or the beginning of a name, the
//! others.

use super::{Plan, fault::Menu, run, seed_of_the_clock};
use crate::town::disk::left_out;
use std::{
    collections::BTreeSet,
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
/// Provinces until a breakage must have been noticed: a report that is repeated at the right moment is seldom.
const PROVINCES_MAX: u64 = 12;

/// Something that is broken on purpose.
struct Breakage {
    name: &'static str,
    /// What brings it out.
    menu: Menu,
    /// The checks of which one has to notice it.
    by: &'static [&'static str],
    /// Whether it is among those that are noticed soonest.
    is_quick: bool,
}

const fn quick(name: &'static str, menu: Menu, by: &'static [&'static str]) -> Breakage {
    Breakage {
        name,
        menu,
        by,
        is_quick: true,
    }
}

const fn slow(name: &'static str, menu: Menu, by: &'static [&'static str]) -> Breakage {
    Breakage {
        is_quick: false,
        ..quick(name, menu, by)
    }
}

const BREAKAGES: [Breakage; 13] = [
    quick(
        "answer before it is recorded",
        KILLS,
        &["loss", "submit", "effect"],
    ),
    quick("forget debts on restart", KILLS, &["closes", "debt"]),
    quick("drop a notice", KILLS, &["notice", "closes"]),
    slow(
        "take a repeated report for a new one",
        KILLS,
        &["effect", "once", "slip", "books"],
    ),
    slow("skip the epoch", RESTORES, &["loss", "effect", "closes"]),
    slow("take silence for an acknowledgement", LINES, &["held"]),
    quick(
        "hand over other content under one id",
        KILLS,
        &["one id", "closes", "incident"],
    ),
    slow("acknowledge before it is kept", KILLS, &["held", "debt"]),
    slow("forget the outbox on a cut", KILLS, &["effect"]),
    slow("never reconcile", LOST_DISKS, &["closes", "held"]),
    slow("submit under a new key each time", KILLS, &["submit"]),
    slow("keep the cursor before the notices", KILLS, &["notice"]),
    slow(
        "forget acts after a restore",
        RESTORES,
        &["closes", "effect", "submit"],
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the feature `faults`, and minutes"]
async fn what_is_broken_on_purpose_is_caught() {
    if !broker::HAS_FAULTS {
        return left_out("breakages on purpose", "built without the feature `faults`");
    }
    let wanted = env::var("HARNESS_BREAKAGES").ok();
    let chosen: Vec<_> = BREAKAGES
        .into_iter()
        .filter(|one| match wanted.as_deref() {
            None => one.is_quick,
            Some(wanted) => wanted == "all" || one.name.starts_with(wanted),
        })
        .collect();
    let seed = seed_of_the_clock();
    let (mut missed, mut controlled) = (Vec::new(), Vec::new());
    for one in &chosen {
        // What is found by the same faults where nothing is broken would prove nothing.
        if !controlled.contains(&one.menu) {
            is_sound(seed, one.menu).await;
            controlled.push(one.menu);
        }
        if !is_caught(seed, one).await {
            missed.push(one.name);
        }
    }
    assert!(missed.is_empty(), "nobody noticed: {missed:#?}");
}

fn plan(menu: Menu, breakage: &'static str) -> Plan {
    Plan {
        menu,
        faults: 30,
        patience: Duration::from_secs(12),
        breakage,
    }
}

/// Nothing is broken, and nothing is found.
async fn is_sound(seed: u64, menu: Menu) {
    let begun = Instant::now();
    let outcome = run(seed, None, None, &plan(menu, "")).await;
    println!(
        "nothing broken, in {:.0?}: {:?}",
        begun.elapsed(),
        outcome.wrong
    );
    assert!(
        outcome.wrong.is_empty(),
        "seed {seed}: {:#?}",
        outcome.wrong
    );
    outcome.remove();
}

async fn is_caught(seed: u64, broken: &Breakage) -> bool {
    let (begun, name) = (Instant::now(), broken.name);
    for province in 0..PROVINCES_MAX {
        let outcome = run(seed + province, None, None, &plan(broken.menu, name)).await;
        let checks = outcome.wrong.iter().filter_map(|one| one.split(':').next());
        let checks: BTreeSet<_> = checks.collect();
        let found = outcome.wrong.iter().find(|one| {
            let check = one.split(':').next();
            check.is_some_and(|check| broken.by.contains(&check))
        });
        if let Some(found) = found {
            println!(
                "caught in {:.0?}: {name}, by the checks {checks:?}: {found}",
                begun.elapsed()
            );
            outcome.remove();
            return true;
        }
        if !checks.is_empty() {
            println!("not shown by what was found: {name}: {:#?}", outcome.wrong);
        }
    }
    println!("NOT CAUGHT in {:.0?}: {name}", begun.elapsed());
    false
}
