//! What departments are told: owed with the change that made it, and no longer than to its verdict.

use super::*;
use crate::{
    board::News,
    store::{Owed, OwedKind},
};
use dossier::{Debt, department_notice::DepartmentNotice, owed, party::Officer};
use std::time::Duration;

const POLICE: &str = "H99.1";

impl World {
    fn owed_notices(&self) -> Vec<Owed> {
        let police = POLICE.parse().unwrap();
        let mut owed = self.reader.owed_for(&police, None, 9).unwrap();
        owed.retain(|one| one.row.kind == OwedKind::Notice);
        owed
    }

    async fn happens(&self, id: DossierId, action: Action) -> Recorded {
        self.ledger.happen(id, None, action).await.unwrap()
    }

    /// A dossier that was withdrawn, and put down by who had it.
    async fn closed(&self, key: &str) -> Recorded {
        let id = self.submit(key, "a").await.unwrap().dossier.id;
        let step = || "grant".parse().unwrap();
        let acknowledge = |round| Action::Acknowledge {
            step: step(),
            round,
        };
        self.happens(id, acknowledge(1)).await;
        let withdraw = Action::Act(dossier::decide::Act::Withdraw {
            reason: "thôi".into(),
            officer: Officer::default(),
        });
        self.happens(id, withdraw).await;
        assert!(self.owed_notices().is_empty(), "the recall goes first");
        self.happens(id, acknowledge(2)).await
    }
}

fn answer(dossier: &Dossier, refused: bool) -> Action {
    let mut notices = owed(dossier).into_iter().filter_map(|debt| match debt {
        Debt::Notice { notice, agency, .. } => Some((notice, agency)),
        _ => None,
    });
    let (notice, agency) = notices.next().expect("a notice is owed");
    assert!(matches!(notice, DepartmentNotice::Closed { .. }));
    Action::Notify {
        agency,
        notice,
        refused,
    }
}

#[tokio::test]
async fn a_closed_dossier_is_owed_to_who_had_it_until_it_knows_and_rings_its_bell() {
    let world = world();
    let mut board = world.belfry.owed.listen(&POLICE.parse().unwrap());
    let closed = world.closed("k1").await;
    let mut kinds = Vec::new();
    while kinds.len() < 3 {
        let posted = tokio::time::timeout(Duration::from_secs(9), board.posted()).await;
        assert!(posted.is_ok(), "nobody hears of it: {kinds:?}");
        if let News::All(fresh) = board.take() {
            kinds.extend(fresh.into_iter().map(|fresh| fresh.row.kind));
        }
    }
    // The handover, the recall, and that it is closed.
    let (given, told) = (OwedKind::Handover, OwedKind::Notice);
    assert_eq!(kinds, [given, given, told]);
    let notices = world.owed_notices();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].row.notice.as_deref(), Some("closed:"));

    let id = closed.dossier.id;
    assert_eq!(world.hot.len(), 1);
    world.happens(id, answer(&closed.dossier, false)).await;
    assert!(world.owed_notices().is_empty());
    assert_eq!(world.hot.len(), 0, "nothing more is to be done for it");
    assert!(
        world
            .reader
            .incidents(false, None, None, 9)
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn refused_notices_are_one_incident_of_their_department_until_it_takes_one() {
    let world = world();
    for key in ["k1", "k2"] {
        let closed = world.closed(key).await;
        let id = closed.dossier.id;
        world.happens(id, answer(&closed.dossier, true)).await;
        assert!(world.owed_notices().is_empty());
    }
    let incidents = world.reader.incidents(false, None, None, 9).unwrap();
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0].key.cause, "NOTICE_REFUSED");
    assert_eq!(incidents[0].key.agency, Some(POLICE.parse().unwrap()));
    assert_eq!(incidents[0].key.dossier_id, None);

    let closed = world.closed("k3").await;
    let id = closed.dossier.id;
    world.happens(id, answer(&closed.dossier, false)).await;
    let incidents = world.reader.incidents(false, None, None, 9).unwrap();
    assert!(incidents.is_empty(), "{incidents:?}");
}

#[tokio::test]
async fn an_answer_to_a_notice_that_was_not_kept_leaves_it_owed() {
    let world = world();
    let closed = world.closed("k1").await;
    world.mishaps.next(Mishap::DiesBefore);
    let id = closed.dossier.id;
    let told = answer(&closed.dossier, false);
    let doubt = world.ledger.happen(id, None, told).await;
    assert!(matches!(doubt, Err(Failure::Doubt)));
    assert_eq!(world.owed_notices().len(), 1);
}
