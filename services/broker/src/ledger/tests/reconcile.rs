//! What a department says that it holds, against what this store believes.

use super::*;
use crate::reconcile::Reconciler;
use dossier::{dossier::Stage, handover::handover};
use v1::HoldingState;

const POLICE: &str = "H99.1";

impl World {
    /// A dossier whose only step is held in round 1.
    async fn held(&self) -> Recorded {
        let id = self.submit("k1", "a").await.unwrap().dossier.id;
        let acknowledge = Action::Acknowledge {
            step: "grant".parse().unwrap(),
            round: 1,
        };
        self.ledger.happen(id, None, acknowledge).await.unwrap()
    }

    /// The department begins to reconcile, `meanwhile` happens, and it names this round by this id of its
    /// handover.
    async fn reconcile(
        &self,
        id: DossierId,
        (round, handover_id): (u32, &str),
        meanwhile: impl Future<Output = ()>,
    ) -> HoldingState {
        let (ledger, reader) = (self.ledger.clone(), self.reader.clone());
        let reconciler = Reconciler::new(ledger, reader, Hot::new(10), self.registry.clone());
        let police = POLICE.parse().unwrap();
        let page = |page_number, holdings| v1::ReconcileRequest {
            session_id: "session".into(),
            page_number,
            last: page_number > 0,
            holdings,
            ..v1::ReconcileRequest::default()
        };
        let begin = reconciler.page("police", &police, page(0, vec![]));
        begin.await.unwrap();
        meanwhile.await;
        let holding = v1::Holding {
            dossier_id: id.to_string(),
            step_id: "grant".into(),
            round,
            handover_id: handover_id.into(),
            ..v1::Holding::default()
        };
        let end = reconciler.page("police", &police, page(1, vec![holding]));
        end.await.unwrap().verdicts[0].state()
    }

    fn is_held(&self, id: DossierId) -> bool {
        let found = Hot::new(1).read(self.reader.as_ref(), &id).unwrap();
        let dossier = found.unwrap().dossier;
        dossier
            .steps
            .get("grant")
            .is_some_and(|step| step.stage == Stage::Held)
    }
}

#[tokio::test]
async fn a_held_round_that_a_department_put_aside_for_a_higher_one_is_owed_again() {
    let world = world();
    let id = world.held().await.dossier.id;
    let state = world.reconcile(id, (2, "another"), async {}).await;
    assert_eq!(state, HoldingState::Unknown, "it keeps what it has");
    assert!(!world.is_held(id));
    let police = POLICE.parse().unwrap();
    assert_eq!(world.reader.owed_for(&police, None, 9).unwrap().len(), 1);
}

#[tokio::test]
async fn a_held_round_is_owed_again_where_the_department_has_another_of_the_same_number() {
    let world = world();
    let held = world.held().await.dossier;
    let book = world.registry.rules_of(&held).unwrap();
    let step = "grant".parse().unwrap();
    let given = handover(&held, book.rules().procedure, &step, 1).unwrap();
    let state = world.reconcile(held.id, (1, &given.id), async {}).await;
    assert_eq!(state, HoldingState::Agreed);
    assert!(world.is_held(held.id), "it is the round that was given");

    let state = world.reconcile(held.id, (1, ""), async {}).await;
    assert_eq!(state, HoldingState::Agreed);
    assert!(world.is_held(held.id), "it says no more than the number");

    let state = world.reconcile(held.id, (1, "of a lost life"), async {});
    assert_eq!(state.await, HoldingState::Unknown, "it is asked again");
    assert!(!world.is_held(held.id));
}

#[tokio::test]
async fn what_is_owed_is_given_again_to_a_department_that_has_it_already() {
    let world = world();
    let owed = world.submit("k1", "a").await.unwrap().dossier;
    let book = world.registry.rules_of(&owed).unwrap();
    let step = "grant".parse().unwrap();
    let given = handover(&owed, book.rules().procedure, &step, 1).unwrap();
    let state = world.reconcile(owed.id, (1, &given.id), async {}).await;
    assert_eq!(state, HoldingState::Agreed);
    let police = POLICE.parse().unwrap();
    assert_eq!(world.reader.owed_for(&police, None, 9).unwrap().len(), 1);
}

#[tokio::test]
async fn a_round_that_was_taken_while_a_department_told_of_a_higher_one_stays_held() {
    let world = world();
    let id = world.submit("k1", "a").await.unwrap().dossier.id;
    let state = world.reconcile(id, (2, "another"), async {
        world.held().await;
    });
    assert_eq!(state.await, HoldingState::Unknown);
    assert!(world.is_held(id));
}
