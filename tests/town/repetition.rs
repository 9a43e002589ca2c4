//! Whatever is sent twice, late, or in another order: the first answer again, and one effect.

use crate::town::{
    Puppet, Town,
    birth::{RESULTS, Scan, schema_id},
    caller::reason,
    ground::BROKER,
    patience::until,
};
use contract::v1::{self, StepState, notice::Kind as Heard, report::Kind, verdict::Outcome};
use futures_util::future::join_all;
use tonic::Code;

#[tokio::test]
async fn the_same_submit_twice_is_one_dossier_and_the_first_answer() {
    let mut town = Town::open().await;
    let (request, _) = town.desk().prepare().await;
    let first = town.desk().send(request.clone()).await.unwrap();
    assert_ne!(first.position, 0);
    // The first answer, without a new place in the log.
    let first = v1::SubmitResponse {
        position: 0,
        ..first
    };
    let again = join_all((0..8).map(|_| town.desk().send(request.clone()))).await;
    for answer in again {
        assert_eq!(answer.unwrap(), first);
    }
    town.restart_broker().await;
    assert_eq!(town.desk().send_patiently(request.clone()).await, first);
    // With the code on it that the broker gave, it is still the same.
    let with_code = v1::SubmitRequest {
        dossier_code: first.dossier_code.clone(),
        ..request
    };
    assert_eq!(town.desk().send(with_code).await.unwrap(), first);
    assert_eq!(town.desk().count().await, 1);
}

#[tokio::test]
async fn the_same_submit_from_several_clerks_at_once_is_one_dossier() {
    let town = Town::open().await;
    let (request, _) = town.desk().prepare().await;
    let answers = join_all((0..16).map(|_| town.desk().send(request.clone()))).await;
    let mut ids: Vec<_> = answers
        .into_iter()
        .map(|answer| answer.unwrap().dossier_id)
        .collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(town.desk().count().await, 1);
}

#[tokio::test]
async fn the_same_key_with_other_content_is_refused_and_a_person_is_told() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    let mut other = dossier.request.clone();
    other.parties[1].name = "Nguyễn Bình An".into();

    let refused = town.desk().send(other).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::AlreadyExists, "ID_REUSED")
    );
    town.incident("ID_REUSED").await;
    assert_eq!(town.desk().count().await, 1);
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn the_same_report_twice_gets_the_first_acknowledgement_and_has_one_effect() {
    let mut town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let handover = police.takes_a_handover().await;
    let item = police.item("r-1", &handover, residence(&police).await);

    let Outcome::Recorded(first) = police.report(item.clone()).await else {
        panic!("not recorded")
    };
    let repeated = Outcome::Recorded(v1::Recorded {
        position: 0,
        ..first
    });
    for outcome in join_all((0..8).map(|_| police.report(item.clone()))).await {
        assert_eq!(
            outcome, repeated,
            "the first instant again, and no new place in the log"
        );
    }
    town.restart_broker().await;
    let after = until("the broker to answer", async || {
        police.try_report(item.clone()).await
    })
    .await;
    assert_eq!(after, repeated);

    town.desk().closes(&dossier).await;
    let announced = |notice: &&v1::Notice| matches!(&notice.kind, Some(Heard::Result(one)) if one.evidence == "residence_notice");
    assert_eq!(
        town.desk()
            .notices(&dossier)
            .await
            .iter()
            .filter(announced)
            .count(),
        1
    );
    assert_eq!(
        town.desk()
            .result(&dossier, "residence_notice")
            .await
            .version,
        1
    );
}

#[tokio::test]
async fn the_same_item_id_with_other_content_is_refused_and_a_person_is_told() {
    let town = Town::with(["civil-status"]).await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let handover = police.takes_a_handover().await;
    let said = |note: &str| Kind::Progress(v1::Progress { note: note.into() });

    let first = police
        .report(police.item("r-1", &handover, said("một")))
        .await;
    assert!(matches!(first, Outcome::Recorded(_)));
    match police
        .report(police.item("r-1", &handover, said("hai")))
        .await
    {
        Outcome::Refused(status) => assert_eq!(reason(&status), "ID_REUSED"),
        other => panic!("{other:?}"),
    }
    let incident = town.incident("ID_REUSED").await;
    assert_eq!(incident.dossier_code, dossier.code);
    let step = town.desk().step(&dossier, "register_residence").await;
    assert_eq!(step.state(), StepState::Held);
}

#[tokio::test]
async fn a_report_may_overtake_its_acknowledgement() {
    let town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let heard = police.next_handover().await;

    let item = police.item("r-1", heard.handover(), residence(&police).await);
    assert!(matches!(police.report(item).await, Outcome::Recorded(_)));
    heard.acknowledge().await;

    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    let slip = town.desk().track(&dossier).await.control_slip;
    let row = slip
        .iter()
        .find(|row| row.step_id == "register_residence")
        .unwrap();
    assert!(
        row.received_at.is_some(),
        "the report is its acknowledgement"
    );
}

#[tokio::test]
async fn an_acknowledgement_that_was_lost_is_given_again() {
    let mut town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let first = police.next_handover().await;
    // The line breaks while the acknowledgement is on its way.
    drop(police);
    town.desk()
        .sees(&dossier, "register_residence", StepState::PossiblyHeld)
        .await;

    let mut police = town.puppet("police");
    let again = police.next_handover().await;
    assert_eq!(again.item, first.item, "the same item, word for word");
    again.acknowledge().await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
    drop(police);

    town.start("police").await;
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn a_handover_that_comes_twice_is_worked_on_once() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let dossier = town.desk().submit("birth").await;
    let police = town.clerk("police");
    let handover = police
        .gets("the residence", |h| h.step_id == "register_residence")
        .await;

    let broker = town.caller_at("police", node::identity::Role::Broker, BROKER);
    let item = v1::Item {
        item_id: "again".into(),
        kind: Some(v1::item::Kind::Handover(handover)),
        ..Default::default()
    };
    for _ in 0..3 {
        let request = v1::HandOverOneRequest {
            item: Some(item.clone()),
        };
        let answer = broker
            .department()
            .hand_over_one(request)
            .await
            .unwrap()
            .into_inner();
        assert!(matches!(
            answer.verdict.unwrap().outcome,
            Some(Outcome::Recorded(_))
        ));
    }
    police.works();
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    assert_eq!(police.rounds().len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_never_heard_is_asked_for_again_after_a_restart() {
    let mut town = Town::open().await;
    let (request, _) = town.desk().prepare().await;
    // The broker dies with the submit in its hands, or with its answer on the way.
    let sending = town.desk().caller.desk();
    let answer = tokio::spawn({
        let (mut sending, request) = (sending, request.clone());
        async move { sending.submit(request).await }
    });
    town.kill(BROKER).await;
    let heard = answer.await.unwrap().ok().map(tonic::Response::into_inner);
    town.start_broker().await;

    let again = town.desk().send_patiently(request).await;
    if let Some(heard) = heard {
        assert_eq!(again.dossier_code, heard.dossier_code);
    }
    assert_eq!(town.desk().count().await, 1);
}

impl Puppet {
    async fn takes_a_handover(&mut self) -> v1::Handover {
        let heard = self.next_handover().await;
        heard.acknowledge().await;
        heard.handover().clone()
    }

    async fn try_report(&self, item: v1::Item) -> Option<Outcome> {
        let request = v1::ReportOneRequest { item: Some(item) };
        let answer = self.caller.exchange().report_one(request).await.ok()?;
        answer.into_inner().verdict?.outcome
    }
}

/// The residence registered, with its paper at the broker.
pub(crate) async fn residence(police: &Puppet) -> Kind {
    let paper = Scan::new("thông báo cư trú");
    police
        .caller
        .upload(police.post.agency, &paper)
        .await
        .unwrap();
    Kind::Completed(v1::Completed {
        evidence: vec![v1::EvidenceInput {
            name: "residence_notice".into(),
            schema_id: schema_id("residence_notice"),
            documents: vec![paper.document],
            ..Default::default()
        }],
        note: String::new(),
    })
}
