//! What a department keeps of what it is told, and what stays of a dossier that it let go.

#![allow(clippy::unwrap_used, missing_docs)]

use contract::v1::{self, department_notice::Kind};
use department::store::{Kept, Round, Store};
use tempfile::TempDir;

const FIRST: Option<(&str, &str)> = Some(("store", "0"));
const RESTORED: Option<(&str, &str)> = Some(("store", "1700000000000"));
const NOW_US: i64 = i64::MAX;

async fn store() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path()).await.unwrap();
    (folder, store)
}

fn dossier_id() -> String {
    "0f".repeat(16)
}

fn handover(round: u32) -> v1::Handover {
    v1::Handover {
        handover_id: format!("handover-{round}"),
        dossier_id: dossier_id(),
        step_id: "register_birth".into(),
        round,
        task: v1::Task::Work.into(),
        ..Default::default()
    }
}

fn round(round: u32) -> Round {
    Round {
        dossier_id: dossier_id(),
        step_id: "register_birth".into(),
        round,
    }
}

/// What is due at this second.
fn due(number: u64, round: u32, seconds: i64) -> v1::DepartmentNotice {
    let due = v1::DueChanged {
        step_id: "register_birth".into(),
        round,
        due_at: Some(prost_types::Timestamp { seconds, nanos: 0 }),
        number,
        ..Default::default()
    };
    v1::DepartmentNotice {
        dossier_id: dossier_id(),
        kind: Some(Kind::DueChanged(due)),
        ..Default::default()
    }
}

async fn due_second(store: &Store, of: u32) -> Option<i64> {
    let due = store.due(&round(of)).await.unwrap()?;
    Some(due.due_at.unwrap().seconds)
}

/// Holds round 2 of a dossier, and lets it go.
async fn let_go(store: &Store) {
    store.keep(&handover(2), FIRST).await.unwrap();
    store.keep_notice(&due(5, 2, 50), FIRST).await.unwrap();
    store.close_dossier(&dossier_id(), 1).await.unwrap();
    assert_eq!(store.forget(NOW_US).await.unwrap(), 1);
}

#[tokio::test]
async fn an_old_round_of_a_dossier_that_was_let_go_is_answered_without_effect() {
    let (_folder, store) = store().await;
    let_go(&store).await;
    assert!(store.holdings_after(None, 9).await.unwrap().is_empty());
    assert_eq!(due_second(&store, 2).await, None);
    for old in [1, 2] {
        let old = handover(old);
        assert!(
            store.holds(&old, FIRST).await.unwrap(),
            "no papers are fetched"
        );
        let kept = store.keep(&old, FIRST).await.unwrap();
        assert!(
            matches!(
                kept,
                Kept::Here {
                    superseded: true,
                    ..
                }
            ),
            "{kept:?}"
        );
    }
    assert!(store.received_after(0, 9).await.unwrap().is_empty());
    assert!(store.holdings_after(None, 9).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_new_round_of_a_dossier_that_was_let_go_is_worked_on() {
    let (_folder, store) = store().await;
    let_go(&store).await;
    assert!(!store.holds(&handover(3), FIRST).await.unwrap());
    store.keep(&handover(3), FIRST).await.unwrap();
    assert_eq!(store.received_after(0, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_let_go_is_given_anew_by_a_broker_that_was_restored() {
    let (_folder, store) = store().await;
    let_go(&store).await;
    assert!(!store.holds(&handover(1), RESTORED).await.unwrap());
    store.keep(&handover(1), RESTORED).await.unwrap();
    assert_eq!(store.received_after(0, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_stays_of_a_dossier_that_was_let_go_is_how_far_the_last_life_of_the_broker_came() {
    let (_folder, store) = store().await;
    let done = v1::Handover {
        task: v1::Task::Recall.into(),
        ..handover(2)
    };
    store.keep(&done, FIRST).await.unwrap();
    store.keep(&handover(1), RESTORED).await.unwrap();
    store.close_dossier(&dossier_id(), 1).await.unwrap();
    assert_eq!(store.forget(NOW_US).await.unwrap(), 1);
    store.keep(&handover(1), RESTORED).await.unwrap();
    assert!(store.received_after(0, 9).await.unwrap().is_empty());
    store.keep(&handover(2), RESTORED).await.unwrap();
    assert_eq!(store.received_after(0, 9).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_closed_dossier_of_which_a_new_round_comes_is_kept() {
    let (_folder, store) = store().await;
    store.keep(&handover(1), FIRST).await.unwrap();
    store.close_dossier(&dossier_id(), 1).await.unwrap();
    store.keep(&handover(1), FIRST).await.unwrap();
    store.keep(&handover(2), FIRST).await.unwrap();
    assert_eq!(store.forget(NOW_US).await.unwrap(), 0);
    store.close_dossier(&dossier_id(), 2).await.unwrap();
    assert_eq!(store.forget(NOW_US).await.unwrap(), 1);
}

#[tokio::test]
async fn of_what_is_told_of_a_round_the_highest_number_holds_in_whatever_order_it_comes() {
    let (_folder, store) = store().await;
    store.keep(&handover(1), FIRST).await.unwrap();
    assert_eq!(due_second(&store, 1).await, None, "as the handover says");
    let newest = store.keep_notice(&due(7, 1, 70), FIRST).await.unwrap();
    let late = store.keep_notice(&due(6, 1, 60), FIRST).await.unwrap();
    assert!(late.unwrap().superseded);
    assert_eq!(due_second(&store, 1).await, Some(70));
    let again = store.keep_notice(&due(7, 1, 70), FIRST).await.unwrap();
    assert_eq!(again, newest, "a repetition gets the first instant again");

    // A broker that was restored counts from where it was.
    store.keep_notice(&due(4, 1, 40), RESTORED).await.unwrap();
    assert_eq!(due_second(&store, 1).await, Some(40));
    assert_eq!(
        due_second(&store, 2).await,
        None,
        "another round says it itself"
    );
}
