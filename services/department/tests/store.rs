//! The department's memory when the broker was restored from an older copy.

#![allow(clippy::unwrap_used, missing_docs)]

use contract::v1::{self, item::Kind};
use department::store::{Kept, Reply, Reported, Round, Store};
use tempfile::TempDir;

const FIRST: Option<(&str, &str)> = Some(("store", "0"));
const RESTORED: Option<(&str, &str)> = Some(("store", "1700000000000"));

async fn store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    (folder, store)
}

fn handover(handover_id: &str) -> v1::Handover {
    v1::Handover {
        handover_id: handover_id.into(),
        dossier_id: "0f".repeat(16),
        dossier_code: "H57.12-261122-0001".into(),
        step_id: "register_birth".into(),
        round: 1,
        task: v1::Task::Work as i32,
        ..Default::default()
    }
}

fn handover_of(round: u32) -> v1::Handover {
    v1::Handover {
        round,
        ..handover(&format!("h{round}"))
    }
}

fn round() -> Round {
    round_of(1)
}

fn round_of(round: u32) -> Round {
    Round {
        dossier_id: "0f".repeat(16),
        step_id: "register_birth".into(),
        round,
    }
}

/// The rounds that wait for work.
async fn to_be_worked_on(store: &Store) -> Vec<u32> {
    let received = store.received_after(0, 9).await.unwrap();
    received.into_iter().map(|one| one.round.round).collect()
}

/// The rounds of which the broker hears that they are here.
async fn held(store: &Store) -> Vec<u32> {
    let held = store.holdings_after(None, 9).await.unwrap();
    held.into_iter().map(|row| row.round.round).collect()
}

async fn is_superseded(store: &Store, round: u32, from: Option<(&str, &str)>) -> bool {
    match store.keep(&handover_of(round), from).await.unwrap() {
        Kept::Here { superseded, .. } => superseded,
        other => panic!("{other:?}"),
    }
}

/// Reports these items about the round that waits for work.
async fn report(store: &Store, item_ids: &[&str]) {
    let place = store.received_after(0, 1).await.unwrap()[0].sequence;
    let said = say(store, place, item_ids).await;
    assert_eq!(said, Reported::Kept);
}

async fn say(store: &Store, place: i64, item_ids: &[&str]) -> Reported {
    let item = |id: &&str| v1::Item {
        item_id: (*id).into(),
        kind: Some(Kind::Report(v1::Report::default())),
        ..Default::default()
    };
    let items = item_ids.iter().map(item).collect();
    let round = round();
    let done = store.report(place, &round, "code", items, Vec::new(), true);
    done.await.unwrap()
}

async fn waiting(store: &Store) -> Vec<String> {
    let waiting = store.waiting_after(0, 100).await.unwrap();
    waiting.into_iter().map(|w| w.item.item_id).collect()
}

fn recorded(item_id: &str, position: u64) -> Reply {
    let item_id = item_id.into();
    Reply::Recorded { item_id, position }
}

fn refused(item_id: &str, reason: &str) -> Reply {
    Reply::Refused {
        item_id: item_id.into(),
        reason: reason.into(),
        description: "no".into(),
    }
}

#[tokio::test]
async fn a_round_that_comes_again_sends_again_what_was_refused_for_where_the_broker_stood() {
    let (_folder, store) = store().await;
    store.keep(&handover("h"), FIRST).await.unwrap();
    let said = [
        "recorded",
        "not held",
        "closed",
        "not yours",
        "wrong",
        "waits",
    ];
    report(&store, &said).await;
    let replies = vec![
        recorded("recorded", 1),
        refused("not held", "STEP_NOT_HELD"),
        refused("closed", "DOSSIER_CLOSED"),
        refused("not yours", "DOCUMENT_NOT_YOURS"),
        refused("wrong", "INVALID_FIELDS"),
    ];
    store.reply("store", "0", replies).await.unwrap();
    assert_eq!(waiting(&store).await, ["waits"]);
    assert_eq!(store.incidents().await.unwrap().len(), 4);

    let kept = store.keep(&handover("h"), RESTORED).await.unwrap();
    assert!(
        matches!(
            kept,
            Kept::Here {
                again: true,
                first_again: Some(_),
                ..
            }
        ),
        "{kept:?}"
    );
    assert_eq!(
        waiting(&store).await,
        ["recorded", "not held", "closed", "not yours", "waits"]
    );
    let incidents = store.incidents().await.unwrap();
    assert_eq!(incidents.len(), 1);
    assert_eq!(incidents[0].cause, "INVALID_FIELDS");
}

#[tokio::test]
async fn what_was_refused_for_where_the_broker_stood_is_sent_again_of_the_round_that_is_held() {
    let (_folder, store) = store().await;
    store.keep(&handover_of(1), FIRST).await.unwrap();
    report(&store, &["recorded", "superseded", "wrong"]).await;
    let replies = vec![
        recorded("recorded", 1),
        refused("superseded", "ROUND_SUPERSEDED"),
        refused("wrong", "INVALID_FIELDS"),
    ];
    store.reply("store", "0", replies).await.unwrap();
    let step = || vec![(round().dossier_id, round().step_id)];
    let first = store.try_refused_again(step()).await.unwrap();
    assert!(first.is_some());
    assert_eq!(waiting(&store).await, ["superseded"]);

    let replies = vec![refused("superseded", "ROUND_SUPERSEDED")];
    store.reply("store", "0", replies).await.unwrap();
    store.keep(&handover_of(2), FIRST).await.unwrap();
    let first = store.try_refused_again(step()).await.unwrap();
    assert!(first.is_none(), "of a round that is over nothing is said");
    assert_eq!(waiting(&store).await, Vec::<String>::new());
}

#[tokio::test]
async fn progress_that_comes_after_its_outcome_is_nobodys_trouble_and_anything_else_is() {
    let (_folder, store) = store().await;
    store.keep(&handover("h"), FIRST).await.unwrap();
    let place = store.received_after(0, 1).await.unwrap()[0].sequence;
    let kind = Some(v1::report::Kind::Progress(v1::Progress::default()));
    let items = [
        ("progress", kind.clone()),
        ("wrong", kind),
        ("outcome", None),
    ];
    let items = items.map(|(item_id, kind)| v1::Item {
        item_id: item_id.into(),
        kind: Some(Kind::Report(v1::Report {
            kind,
            ..Default::default()
        })),
        ..Default::default()
    });
    let round = round();
    let said = store.report(place, &round, "code", items.into(), Vec::new(), true);
    assert_eq!(said.await.unwrap(), Reported::Kept);
    let replies = vec![
        refused("progress", "STEP_FINISHED"),
        refused("wrong", "INVALID_FIELDS"),
        refused("outcome", "STEP_FINISHED"),
    ];
    store.reply("store", "0", replies).await.unwrap();
    let incidents = store.incidents().await.unwrap().into_iter();
    let items: Vec<_> = incidents.map(|incident| incident.item_id).collect();
    assert_eq!(items, ["wrong", "outcome"]);
}

#[tokio::test]
async fn what_the_broker_lost_goes_before_what_was_said_after_it() {
    let (_folder, store) = store().await;
    store.keep(&handover("h"), FIRST).await.unwrap();
    report(&store, &["review", "completed"]).await;
    let replies = vec![recorded("review", 1)];
    store.reply("store", "0", replies).await.unwrap();
    let first = store.send_again(vec!["review".into()]).await.unwrap();
    assert_eq!(waiting(&store).await, ["review", "completed"]);
    let places = store.waiting_after(0, 100).await.unwrap();
    assert_eq!(first, Some(places[0].sequence));
}

#[tokio::test]
async fn a_report_that_came_too_late_or_again_after_a_loss_is_no_incident() {
    let (_folder, store) = store().await;
    store.keep(&handover("h"), FIRST).await.unwrap();
    report(&store, &["late", "returned before the disk was lost"]).await;
    let replies = vec![
        refused("late", "ROUND_SUPERSEDED"),
        refused("returned before the disk was lost", "ALREADY_RETURNED"),
    ];
    store.reply("store", "0", replies).await.unwrap();
    assert_eq!(store.outbox_counts().await.unwrap(), [0, 0, 2]);
    assert!(store.incidents().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_position_of_a_life_that_ended_is_never_told_to_the_next_one() {
    let (_folder, store) = store().await;
    store.agree_with("store", "0", Some("a")).await.unwrap();
    store.keep(&handover("h"), FIRST).await.unwrap();
    report(&store, &["a", "b", "c"]).await;
    let reply =
        |epoch, item_id, position| store.reply("store", epoch, vec![recorded(item_id, position)]);
    reply("0", "a", 700).await.unwrap();
    assert_eq!(store.seen().await.unwrap().position, 700);
    store.agree_with("store", "1", None).await.unwrap();
    assert_eq!(store.seen().await.unwrap().position, 0);
    // A verdict of the old life that is written down late.
    reply("0", "b", 701).await.unwrap();
    assert_eq!(store.seen().await.unwrap().position, 0);
    reply("1", "c", 12).await.unwrap();
    assert_eq!(store.seen().await.unwrap().position, 12);
    // And the start of it that was met.
    assert_eq!(store.seen().await.unwrap().start, "");
    store.agree_with("store", "1", Some("b")).await.unwrap();
    store.agree_with("store", "1", None).await.unwrap();
    let seen = store.seen().await.unwrap();
    assert_eq!((seen.position, seen.start.as_str()), (12, "b"));
}

#[tokio::test]
async fn a_restored_broker_gives_a_round_anew_and_what_was_said_of_the_lost_one_is_dropped() {
    let (_folder, store) = store().await;
    store.keep(&handover("lost"), FIRST).await.unwrap();
    let old_place = store.received_after(0, 1).await.unwrap()[0].sequence;
    report(&store, &["of the lost one"]).await;
    assert_eq!(
        store.keep(&handover("new"), FIRST).await.unwrap(),
        Kept::IdReused
    );

    let kept = store.keep(&handover("new"), RESTORED).await.unwrap();
    assert!(
        matches!(
            kept,
            Kept::Here {
                replaces: true,
                again: false,
                ..
            }
        ),
        "{kept:?}"
    );
    assert!(waiting(&store).await.is_empty());
    let received = store.received_after(0, 10).await.unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].handover.handover_id, "new");

    // Work on the lost one that ends only now.
    assert_eq!(say(&store, old_place, &["x"]).await, Reported::Superseded);
    report(&store, &["of the new one"]).await;
    assert_eq!(waiting(&store).await, ["of the new one"]);
    // A copy of the old one that comes late changes nothing.
    assert_eq!(
        store.keep(&handover("lost"), FIRST).await.unwrap(),
        Kept::IdReused
    );
}

#[tokio::test]
async fn a_round_that_came_before_the_broker_said_hello_is_of_the_life_that_was_met_first() {
    let (_folder, store) = store().await;
    store.keep(&handover("one"), None).await.unwrap();
    store.agree_with("store", "0", Some("a")).await.unwrap();
    for from in [None, FIRST] {
        let kept = store.keep(&handover("other"), from).await.unwrap();
        assert_eq!(kept, Kept::IdReused);
    }
}

/// Round 2 overtaken by round 3, of which one report is recorded and one waits.
async fn came_to_round_3() -> (TempDir, Store) {
    let (folder, store) = store().await;
    assert!(!is_superseded(&store, 2, FIRST).await);
    assert!(!is_superseded(&store, 3, FIRST).await);
    let place = store.received_after(0, 1).await.unwrap()[0].sequence;
    let item = |id: &str| v1::Item {
        item_id: id.into(),
        kind: Some(Kind::Report(v1::Report::default())),
        ..Default::default()
    };
    let items = vec![item("recorded of 3"), item("waits of 3")];
    let round = round_of(3);
    let said = store.report(place, &round, "code", items, Vec::new(), true);
    assert_eq!(said.await.unwrap(), Reported::Kept);
    let replies = vec![recorded("recorded of 3", 1)];
    store.reply("store", "0", replies).await.unwrap();
    assert_eq!(held(&store).await, [3]);
    (folder, store)
}

#[tokio::test]
async fn a_lower_round_of_a_later_life_is_worked_on() {
    let (_folder, store) = came_to_round_3().await;
    assert!(!is_superseded(&store, 1, RESTORED).await);
    assert_eq!(to_be_worked_on(&store).await, [1]);
    assert_eq!(held(&store).await, [1]);
    // In that life the higher round wins as ever, and what comes late of the lost one changes nothing.
    assert!(!is_superseded(&store, 2, RESTORED).await);
    assert_eq!(to_be_worked_on(&store).await, [2]);
    assert!(is_superseded(&store, 1, RESTORED).await);
    assert!(is_superseded(&store, 4, FIRST).await);
    assert_eq!(to_be_worked_on(&store).await, [2]);
    assert_eq!(held(&store).await, [2]);
}

#[tokio::test]
async fn a_round_that_a_lost_one_overtook_is_worked_on_when_it_is_given_again() {
    let (_folder, store) = came_to_round_3().await;
    assert!(is_superseded(&store, 2, FIRST).await);
    assert!(to_be_worked_on(&store).await.is_empty());
    let kept = store.keep(&handover_of(2), RESTORED).await.unwrap();
    let Kept::Here {
        position,
        superseded: false,
        again: false,
        ..
    } = kept
    else {
        panic!("{kept:?}")
    };
    let received = store.received_after(0, 9).await.unwrap();
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].sequence.cast_unsigned(), position);
    assert_eq!(held(&store).await, [2]);
    // Once more, it is a repetition.
    let kept = store.keep(&handover_of(2), RESTORED).await.unwrap();
    assert!(matches!(kept, Kept::Here { again: true, .. }), "{kept:?}");
    assert_eq!(to_be_worked_on(&store).await, [2]);
}

#[tokio::test]
async fn reports_of_a_round_that_the_broker_lost_are_set_aside_until_it_is_given_again() {
    let (_folder, store) = came_to_round_3().await;
    store.keep(&handover_of(2), RESTORED).await.unwrap();
    assert!(waiting(&store).await.is_empty());
    let named = &store.holdings_after(None, 9).await.unwrap()[0];
    assert!(named.recorded_item_ids.is_empty(), "{named:?}");
    assert!(store.incidents().await.unwrap().is_empty());

    assert!(!is_superseded(&store, 3, RESTORED).await);
    assert_eq!(waiting(&store).await, ["recorded of 3", "waits of 3"]);
    assert!(
        to_be_worked_on(&store).await.is_empty(),
        "3 was done, 2 is overtaken"
    );
    assert_eq!(held(&store).await, [3]);
}
