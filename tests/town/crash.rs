//! Processes that are killed, disks that are lost, copies that are older than what happened: nothing
//! acknowledged is lost, nothing is done twice in effect.

use crate::town::{
    Town,
    birth::{RESULTS, Scan},
    chance::Chance,
    ground::BROKER,
    patience::until,
    window::{Filed, Window},
};
use contract::v1::{self, StepState, Task, notice::Kind};
use futures_util::future::join_all;
use std::{
    collections::BTreeSet,
    fs,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

/// How often the gate kills; `TOWN_KILLS` says otherwise.
const KILLS: u64 = 24;
/// Dossiers of which the intake alone is more of the log than one whole birth dossier.
const MORE_THAN_WAS_LOST: usize = 20;

#[tokio::test]
async fn whoever_is_killed_at_whatever_moment_every_result_comes_exactly_once() {
    let kills = std::env::var("TOWN_KILLS").map_or(KILLS, |kills| kills.parse().expect("a number"));
    let mut chance = Chance::new();
    let mut town = Town::plan().in_processes().open().await;
    let (enough, mut is_enough) = tokio::sync::watch::channel(false);
    let desk = town.desk().clone();
    let filing = async {
        let mut filed = Vec::new();
        while !*is_enough.borrow_and_update() {
            let three = join_all((0..3).map(|_| desk.submit("birth"))).await;
            desk.is_told_of(&three[0], "birth_certificate").await;
            filed.extend(three);
        }
        filed
    };
    let killing = async {
        for _ in 0..kills {
            let victims = [
                BROKER,
                BROKER,
                BROKER,
                "civil-status",
                "police",
                "social-insurance",
            ];
            let victim = victims[chance.below(victims.len() as u64) as usize];
            // The moment itself is what chance decides.
            tokio::time::sleep(Duration::from_micros(chance.below(60_000))).await;
            town.kill(victim).await;
            town.start_any(victim).await;
        }
        enough.send_replace(true);
    };
    let (filed, ()) = tokio::join!(filing, killing);

    assert_eq!(
        town.desk().count().await,
        filed.len(),
        "every submit is one dossier"
    );
    let codes: BTreeSet<_> = filed.iter().map(|dossier| &dossier.code).collect();
    assert_eq!(
        codes.len(),
        filed.len(),
        "every dossier has a code of its own"
    );
    for dossier in &filed {
        has_every_result_once(town.desk(), dossier).await;
    }
}

#[tokio::test]
async fn a_broker_that_dies_in_the_middle_goes_on_where_it_was() {
    let mut town = Town::open().await;
    for office in ["civil-status", "police"] {
        town.clerk(office).rests();
    }
    let first = town.desk().submit("birth").await;
    town.desk()
        .sees(&first, "register_birth", StepState::Held)
        .await;
    town.kill(BROKER).await;
    // The clerk goes on while there is no broker, and the report waits.
    town.clerk("civil-status").works();
    town.start_broker().await;
    let second = town.desk().submit("birth").await;
    for dossier in [&first, &second] {
        town.desk()
            .sees(dossier, "register_residence", StepState::Held)
            .await;
    }
    town.kill(BROKER).await;
    town.start_broker().await;
    town.clerk("police").works();
    for dossier in [&first, &second] {
        has_every_result_once(town.desk(), dossier).await;
    }
    works_once(&mut town);
}

#[tokio::test]
async fn a_department_that_dies_with_work_on_its_desk_does_it_when_it_is_back() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let dossier = town.desk().submit("birth").await;
    town.clerk("police")
        .gets("the residence", |h| h.step_id == "register_residence")
        .await;
    town.kill("police").await;
    town.clerk("police").works();
    town.start("police").await;
    has_every_result_once(town.desk(), &dossier).await;
}

#[tokio::test]
async fn a_department_that_lost_its_disk_is_given_everything_again() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let mut held = Vec::new();
    for _ in 0..3 {
        let dossier = town.desk().submit("birth").await;
        town.desk()
            .sees(&dossier, "register_residence", StepState::Held)
            .await;
        held.push(dossier);
    }
    town.stop("police").await;
    fs::remove_dir_all(town.path("police")).unwrap();
    town.clerk("police").works();
    town.start("police").await;
    for dossier in &held {
        has_every_result_once(town.desk(), dossier).await;
    }
}

#[tokio::test]
async fn a_department_that_lost_its_disk_can_still_answer_for_what_it_gave() {
    let mut town = Town::open().await;
    town.clerk("social-insurance").rests();
    town.clerk("social-insurance").answers(|handover| {
        let first = handover.task() == Task::Work && handover.round == 1;
        first.then(|| vec![crate::town::birth::faulty_certificate(handover)])
    });
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Completed)
        .await;
    town.kill("civil-status").await;
    fs::remove_dir_all(town.path("civil-status")).unwrap();
    town.start("civil-status").await;

    town.clerk("social-insurance").works();
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    assert_eq!(
        town.desk()
            .result(&dossier, "birth_certificate")
            .await
            .version,
        2
    );
}

#[tokio::test]
async fn a_broker_restored_from_an_older_copy_gets_everything_back() {
    let mut town = Town::open().await;
    let before = town.desk().submit("birth").await;
    town.desk().closes(&before).await;
    town.clerk("police").rests();
    let open_then = town.desk().submit("birth").await;
    town.desk()
        .sees(&open_then, "register_residence", StepState::Held)
        .await;
    town.stop(BROKER).await;
    town.copy_folder(BROKER, "copy");
    town.start_broker().await;

    // What the copy does not have: one dossier that closed, and one that is under way.
    town.clerk("police").works();
    let closed_since = town.desk().submit("birth").await;
    for dossier in [&open_then, &closed_since] {
        town.desk().closes(dossier).await;
    }
    town.clerk("police").rests();
    let open_since = town.desk().submit("birth").await;
    town.desk()
        .sees(&open_since, "register_residence", StepState::Held)
        .await;

    town.stop(BROKER).await;
    town.copy_folder("copy", BROKER);
    // Codes hold the second of the day: nobody restores a copy within one.
    let stopped_at = second();
    until("the next second", async || {
        (second() > stopped_at).then_some(())
    })
    .await;
    town.start_broker_restored().await;
    let after = town.desk().submit("birth").await;
    for dossier in [&closed_since, &open_since] {
        town.desk().submits_again(dossier).await;
    }
    town.clerk("police").works();

    let all = [&before, &open_then, &closed_since, &open_since, &after];
    for dossier in all {
        has_every_result_once(town.desk(), dossier).await;
    }
    let codes: BTreeSet<_> = all.iter().map(|dossier| &dossier.code).collect();
    assert_eq!(codes.len(), all.len(), "no code is minted twice");
    works_once(&mut town);
}

#[tokio::test]
async fn a_broker_that_does_not_know_that_it_was_restored_learns_it_from_its_departments() {
    let mut town = Town::open().await;
    let before = town.desk().submit("birth").await;
    town.desk().closes(&before).await;
    town.stop(BROKER).await;
    town.copy_folder(BROKER, "copy");
    town.start_broker().await;
    let since = town.desk().submit("birth").await;
    town.desk().closes(&since).await;

    town.stop(BROKER).await;
    town.copy_folder("copy", BROKER);
    town.start_broker().await;
    let log = town.log(BROKER);
    until("the broker to learn that it was restored", async || {
        (!log.lines_with("a new epoch begins").is_empty()).then_some(())
    })
    .await;
    town.desk().submits_again(&since).await;
    has_every_result_once(town.desk(), &since).await;
    works_once(&mut town);
}

#[tokio::test]
async fn a_restore_that_nobody_announced_is_learnt_however_long_the_log_is_by_then() {
    const OFFICES: [&str; 3] = ["civil-status", "police", "social-insurance"];
    let mut town = Town::open().await;
    let before = town.desk().submit("birth").await;
    town.desk().closes(&before).await;
    town.stop(BROKER).await;
    town.copy_folder(BROKER, "copy");
    town.start_broker().await;
    let since = town.desk().submit("birth").await;
    town.desk().closes(&since).await;
    for office in OFFICES {
        town.stop(office).await;
    }

    town.stop(BROKER).await;
    town.copy_folder("copy", BROKER);
    town.start_broker().await;
    // More than was lost, so that nobody has seen more of the log than there is.
    for _ in 0..MORE_THAN_WAS_LOST {
        town.desk().submit("birth").await;
    }
    for office in OFFICES {
        town.start(office).await;
    }
    let log = town.log(BROKER);
    let told = until("the broker to learn that it was restored", async || {
        log.lines_with("a new epoch begins").pop()
    })
    .await;
    let number = |field: &str| -> u64 {
        let found = told
            .split_whitespace()
            .find_map(|word| word.strip_prefix(field));
        found.unwrap().parse().unwrap()
    };
    assert!(number("position_seen=") <= number("position="), "{told}");
    town.desk().submits_again(&since).await;
    has_every_result_once(town.desk(), &since).await;
    works_once(&mut town);
}

#[tokio::test]
async fn an_upload_that_is_cut_goes_on_where_it_broke() {
    let mut town = Town::with([]).await;
    let scan = Scan::of((0..1_500_000_u32).flat_map(|n| n.to_le_bytes()).collect());
    let desk = town.desk().clone();
    let sent = desk.caller.upload_some(desk.agency, &scan, 5).await;
    until("the first chunks to be there", async || {
        let (received, complete) = desk
            .caller
            .try_stat(desk.agency, &scan.document.digest)
            .await?;
        assert!(!complete);
        (received > 0).then_some(())
    })
    .await;
    town.kill(BROKER).await;
    drop(sent);
    town.start_broker().await;

    desk.upload(&scan).await;
    let (received, complete) = desk.caller.stat(desk.agency, &scan.document.digest).await;
    assert_eq!((received, complete), (scan.document.size_bytes, true));
}

/// Every result is there, once, and the desk was told of it once.
async fn has_every_result_once(desk: &Arc<Window>, dossier: &Filed) {
    assert_eq!(desk.results(dossier).await, RESULTS, "{}", dossier.code);
    for evidence in desk.evidence(dossier).await {
        assert_eq!(evidence.version, 1, "{} of {}", evidence.name, dossier.code);
    }
    let notices = desk.notices(dossier).await;
    let told = |name: &str| {
        let of_it = |notice: &&v1::Notice| matches!(&notice.kind, Some(Kind::Result(one)) if one.evidence == name);
        notices.iter().filter(of_it).count()
    };
    for name in RESULTS {
        assert_eq!(told(name), 1, "notices of {name} of {}", dossier.code);
    }
    let closed = notices
        .iter()
        .filter(|one| matches!(one.kind, Some(Kind::Closed(_))))
        .count();
    assert_eq!(closed, 1, "{}", dossier.code);
}

/// No clerk was given a round of a step twice.
fn works_once(town: &mut Town) {
    for office in ["civil-status", "police", "social-insurance"] {
        let mut given = BTreeSet::new();
        for round in town.clerk(office).rounds() {
            let v1::Handover {
                dossier_code,
                step_id,
                round,
                ..
            } = round;
            let key = (dossier_code, step_id, round);
            assert!(
                given.insert(key.clone()),
                "{office} was given {key:?} twice"
            );
        }
    }
}

fn second() -> u64 {
    UNIX_EPOCH.elapsed().expect("a clock after 1970").as_secs()
}
