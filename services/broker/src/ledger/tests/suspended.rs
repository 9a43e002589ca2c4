//! Of a suspended procedure no new dossier is recorded, whenever it was brought.

use super::*;
use crate::store::{Suspended, Suspension};

/// The ledger judges, when it comes to the submit: what waits meanwhile is not taken either.
#[tokio::test]
async fn of_a_suspended_procedure_only_what_was_taken_before_is_answered() {
    let world = world();
    let first = world.submit("k1", "a").await.unwrap();
    let what = Suspended::Procedure(first.dossier.received.procedure.clone());
    let suspend = SuspensionChange::Suspend(Suspension {
        what: what.clone(),
        since: Timestamp::now(),
        operator: "duty".into(),
        reason: "the form changes".into(),
    });
    let note = |change| Note {
        suspensions: vec![change],
        ..Note::default()
    };
    world.ledger.note(note(suspend)).await.unwrap();
    let position = world.ledger.condition().position.load(Ordering::Relaxed);
    let new = world.submit("k2", "a").await;
    assert!(matches!(new, Err(Failure::Suspended)), "{new:?}");
    let again = world.submit("k1", "a").await.unwrap();
    assert_eq!(again.dossier.id, first.dossier.id);
    assert_eq!(
        world.ledger.condition().position.load(Ordering::Relaxed),
        position
    );

    let resumed = note(SuspensionChange::Resume(what));
    world.ledger.note(resumed).await.unwrap();
    world.submit("k2", "a").await.unwrap();
}
