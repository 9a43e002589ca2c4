//! What whoever watches is told of a commit: what changed, and nothing else.

use super::*;
use crate::{causes, store::IncidentKey};

fn key() -> IncidentKey {
    IncidentKey {
        cause: causes::DEPARTMENT_UNREACHABLE.word.into(),
        dossier_id: None,
        step: None,
        agency: Some("H99.1".parse().unwrap()),
    }
}

fn happened() -> IncidentChange {
    IncidentChange::Happened {
        key: key(),
        vi: "v".into(),
        en: "e".into(),
        at: Timestamp::now(),
    }
}

fn over() -> IncidentChange {
    IncidentChange::Over {
        key: key(),
        at: Timestamp::now(),
    }
}

#[tokio::test]
async fn an_incident_that_might_have_ended_and_was_not_open_is_no_news() {
    let world = world();
    let commits = world.belfry.commits.listen();
    let told = || (commits.borrow().changes, commits.borrow().incidents);
    let tell = async |incident| {
        let incidents = vec![incident];
        let note = Note {
            incidents,
            ..Note::default()
        };
        world.ledger.note(note).await.unwrap();
    };
    tell(over()).await;
    assert_eq!(told(), (0, 0));
    tell(happened()).await;
    tell(happened()).await;
    assert_eq!(told(), (0, 2));
    tell(over()).await;
    tell(over()).await;
    assert_eq!(told(), (0, 3));

    // A round that is acknowledged would end the incident of its refusal, if there were one.
    let dossier = world.submit("k1", "a").await.unwrap().dossier;
    let step = dossier.steps.keys().next().unwrap().clone();
    let acknowledged = Action::Acknowledge { step, round: 1 };
    world
        .ledger
        .happen(dossier.id, None, acknowledged)
        .await
        .unwrap();
    assert_eq!(told(), (2, 3));
}
