//! The crash harness: dossiers of the shipped birth and land procedures go through real processes, faults
//! strike them at moments that chance picks, and afterwards what desks and departments wrote down
//! themselves is held against what the broker says.
//!
//! By hand: `HARNESS_KILLS=1000 cargo test -p contract --test town harness::nothing -- --nocapture`, or
//! `HARNESS_MINUTES=60`. `HARNESS_SEED` draws the faults of a run again, though not the moments at
//! which processes are when they strike. `HARNESS_BINARY=target/debug/lienthong` runs that binary
//! instead of the services in this one.

mod books;
mod breakages;
mod chain;
mod check;
mod citizens;
mod fallen;
mod fault;
mod line;
mod member;
mod mute;
mod province;
mod witness;

use crate::town::{chance::Chance, ground::BROKER};
use citizens::{Citizens, reading};
use fault::{EVERYTHING, Faults, Menu};
use province::Province;
use std::{
    env,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::time::sleep;
use witness::Witness;

/// Dossiers that are under way at once.
const OPEN_MAX: usize = 8;
/// What strikes a province, and how long it is waited for.
struct Plan {
    menu: Menu,
    /// Faults, before it is left alone and looked at.
    faults: u64,
    /// How long it may go on without any debt less and anything recorded, once the faults are over, before
    /// that is a fault.
    patience: Duration,
    /// How every process is broken on purpose.
    breakage: &'static str,
}

/// What a run has unless it breaks something.
const USUAL: Plan = Plan {
    menu: EVERYTHING,
    faults: 60,
    patience: Duration::from_secs(60),
    breakage: "",
};
/// How many times its patience a province has for coming to rest while it still records something: the
/// machine may be busy with other things.
const REST_MAX: u32 = 5;
/// Between two looks at what was written down.
const LOOK: Duration = Duration::from_millis(150);
/// Faults in the gate.
const MINUTES: f64 = 1.0;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_and_nothing_happens_twice_whatever_strikes() {
    let number = |name: &str| {
        env::var(name)
            .ok()
            .map(|text| text.parse::<f64>().expect(name))
    };
    let kills = number("HARNESS_KILLS");
    let minutes = number("HARNESS_MINUTES").or(kills.is_none().then_some(MINUTES));
    let begun = Instant::now();
    let mut seed = number("HARNESS_SEED").map_or_else(seed_of_the_clock, |seed| seed as u64);
    let mut killed = 0;
    loop {
        let left = kills.map(|kills| (kills - killed as f64).max(0.0) as u64);
        let outcome = run(
            seed,
            left,
            minutes.map(|minutes| begun + Duration::from_secs_f64(minutes * 60.0)),
            &USUAL,
        )
        .await;
        killed += outcome.kills;
        println!(
            "{}; {killed} kills in all, {:.0?}",
            outcome.told,
            begun.elapsed()
        );
        assert!(outcome.wrong.is_empty(), "{}", outcome.report());
        // Whichever comes first, where both are said.
        let done = kills.is_some_and(|kills| killed as f64 >= kills);
        let over = minutes.is_some_and(|minutes| begun.elapsed().as_secs_f64() >= minutes * 60.0);
        if done || over {
            return;
        }
        seed += 1;
    }
}

fn seed_of_the_clock() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    now.as_millis() as u64
}

/// What came of one province.
struct Outcome {
    seed: u64,
    kills: u64,
    told: String,
    wrong: Vec<String>,
    journal: Vec<String>,
    folder: Option<String>,
}

impl Outcome {
    /// Nobody needs to look at its folder.
    fn remove(&self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }

    fn report(&self) -> String {
        format!(
            "{} violations:\n  {}\nwhat struck:\n  {}\nagain: HARNESS_SEED={} cargo test -p contract --test town harness::nothing -- --nocapture\neverything lies in {}",
            self.wrong.len(),
            self.wrong.join("\n  "),
            self.journal.join("\n  "),
            self.seed,
            self.folder.as_deref().unwrap_or("nowhere"),
        )
    }
}

/// Founds a province, lets faults strike it while dossiers go through, lets it come to rest, and looks.
async fn run(seed: u64, kills: Option<u64>, until: Option<Instant>, plan: &Plan) -> Outcome {
    println!("seed: HARNESS_SEED={seed}");
    let mut chance = Chance::from(seed);
    let begun = Instant::now();
    let mut province = Province::found(plan.breakage).await;
    let (mut citizens, mut witness, mut faults) = (
        Citizens::new(&province),
        Witness::default(),
        Faults::new(plan.menu),
    );
    province.start_all();
    let mut journal = Vec::new();
    let mut struck = 0;
    let mut looked = Instant::now();
    loop {
        // Before anything else: of a province that nothing strikes because the time is over something is
        // waited for, too.
        while citizens.open() < OPEN_MAX {
            citizens.bring(chance.below(4) as usize);
        }
        if struck >= plan.faults
            || kills.is_some_and(|kills| faults.kills >= kills)
            || until.is_some_and(|until| Instant::now() >= until)
        {
            break;
        }
        // The moment itself is what chance decides.
        let next = Instant::now() + Duration::from_millis(20 + chance.below(500));
        while Instant::now() < next {
            faults.pass(&mut province);
            if looked.elapsed() > LOOK {
                citizens.look();
                witness.look(&province.offices());
                looked = Instant::now();
            }
            sleep(Duration::from_millis(5)).await;
        }
        let fault = faults.strike(&mut province, &mut chance);
        journal.push(format!("{:>7.2} s  {fault}", begun.elapsed().as_secs_f32()));
        struck += 1;
    }
    faults.end_all(&mut province);
    let mut wrong = rest(
        &mut province,
        &mut citizens,
        &mut witness,
        &mut faults,
        plan.patience,
    )
    .await;
    wrong.extend(check::all(&mut province, &mut citizens, &mut witness, &faults).await);
    let told = format!(
        "{} dossiers, {} handovers seen, {} reports acknowledged, {} kills, {:?}, {:.0?}",
        citizens.brought(),
        witness.handovers(),
        witness.acknowledged.len(),
        faults.kills,
        faults.done,
        begun.elapsed(),
    );
    drop(province.members);
    let folder = (!wrong.is_empty()).then(|| province.folder.keep().display().to_string());
    Outcome {
        seed,
        kills: faults.kills,
        told,
        wrong,
        journal,
        folder,
    }
}

/// Waits until every dossier is closed and nothing is owed; says what does not come to an end.
async fn rest(
    province: &mut Province,
    citizens: &mut Citizens,
    witness: &mut Witness,
    faults: &mut Faults,
    patience: Duration,
) -> Vec<String> {
    // Counted in looks, which take longer on a machine that is busy with other things, as everything does.
    let looks_max = patience.div_duration_f64(LOOK) as u32;
    let (mut looks, mut in_vain) = (0, 0);
    let (mut left, mut recorded) = (usize::MAX, 0);
    loop {
        faults.pass(province);
        citizens.look();
        witness.look(&province.offices());
        let now = citizens.open() + debts(province);
        if now == 0 {
            return Vec::new();
        }
        // Debts come and go while dossiers go on; where something is recorded nobody waits in vain.
        let records = records(province);
        (looks, in_vain) = (looks + 1, in_vain + 1);
        if now < left || records != recorded {
            (left, recorded, in_vain) = (now.min(left), records, 0);
        }
        if in_vain > looks_max || looks > looks_max * REST_MAX {
            return stuck(province, citizens, patience);
        }
        sleep(LOOK).await;
    }
}

/// How long the broker's log is; 0 when it cannot be read.
fn records(province: &Province) -> i64 {
    let sql = "SELECT count(*) FROM record";
    reading(&province.path(format!("{BROKER}/broker.db")))
        .and_then(|store| store.query_row(sql, [], |row| row.get(0)))
        .unwrap_or(0)
}

/// What the stores say is owed by the broker, to be reported by departments, or to be sent by desks.
fn debts(province: &Province) -> usize {
    let count = |file: &str, sql: &str| -> usize {
        let counted = reading(&province.path(file))
            .and_then(|store| store.query_row(sql, [], |row| row.get::<_, i64>(0)));
        // Who cannot be read owes something until it can.
        counted.map_or(1, |count| usize::try_from(count).unwrap_or(1))
    };
    let owed = count(
        &format!("{BROKER}/broker.db"),
        "SELECT (SELECT count(*) FROM owed) + (SELECT count(*) FROM timer)",
    );
    let reports: usize = province::OFFICES
        .iter()
        .map(|post| {
            count(
                &format!("{}/department.db", post.name),
                "SELECT count(*) FROM outbox WHERE state = 0",
            )
        })
        .sum();
    let sent: usize = province::COUNTERS
        .iter()
        .map(|counter| count(&format!("{}/desk.db", counter.name), "SELECT (SELECT count(*) FROM act WHERE state = 0) + (SELECT count(*) FROM submit WHERE state IN (0, 1))"))
        .sum();
    owed + reports + sent
}

/// Every dossier that is not closed, and what is owed.
fn stuck(province: &Province, citizens: &Citizens, patience: Duration) -> Vec<String> {
    let mut wrong = Vec::new();
    for front in &citizens.fronts {
        for key in &front.brought {
            let code = front.codes.get(key);
            if code.is_none_or(|code| !front.closed.contains(code)) {
                wrong.push(format!("closes: {key} ({code:?}) does not close"));
            }
        }
    }
    wrong.push(format!(
        "debt: {} debts are left after {patience:?}",
        debts(province)
    ));
    wrong
}
