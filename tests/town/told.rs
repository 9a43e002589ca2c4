//! What departments are told of the dossiers that they have, or had: nothing of it is lost, and
//! nothing of it is asked twice.

use crate::town::{
    Town,
    birth::RESULTS,
    ground::BROKER,
    patience::{stalled, until},
};
use contract::v1::{self, StepState, department_notice::Kind, verdict::Outcome};
use department::store::Store;
use node::fault::Fault;
use tonic::Code;

/// The police ask for two more working days.
async fn extends(town: &Town, handover: &v1::Handover) {
    let extension = v1::Extension {
        limit: Some(v1::Limit {
            amount: 2,
            unit: v1::LimitUnit::WorkingDay.into(),
        }),
        reason: "phải xác minh nơi cư trú".into(),
    };
    let report = v1::Report {
        dossier_id: handover.dossier_id.clone(),
        step_id: handover.step_id.clone(),
        round: handover.round,
        agency_code: handover.agency_code.clone(),
        kind: Some(v1::report::Kind::Extension(extension)),
        ..Default::default()
    };
    let item = v1::Item {
        item_id: format!("extension-{}", handover.handover_id),
        kind: Some(v1::item::Kind::Report(report)),
        ..Default::default()
    };
    let outcome = town.system_of("police").report(item).await;
    assert!(matches!(outcome, Outcome::Recorded(_)), "{outcome:?}");
}

/// The clerk of the police hears of a later date for what it holds.
async fn hears_of_it(town: &mut Town, handover: &v1::Handover) {
    let police = town.clerk("police");
    let told = police.hears("a later due date", |notice| {
        matches!(&notice.kind, Some(Kind::DueChanged(_)))
    });
    let told = told.await;
    let Some(Kind::DueChanged(due)) = told.kind else {
        panic!("{told:?}")
    };
    assert_eq!(
        (due.step_id, due.round),
        (handover.step_id.clone(), handover.round)
    );
    let seconds = |at: Option<prost_types::Timestamp>| at.unwrap().seconds;
    assert!(seconds(due.due_at) > seconds(handover.due_at));
    assert!(!due.stands_still);
}

#[tokio::test]
async fn a_closed_dossier_is_let_go_of_by_every_department_that_had_it() {
    let kept_for = "[times]\nretention_days = 0";
    let mut town = Town::plan().office(kept_for).open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;
    for office in ["civil-status", "police", "social-insurance"] {
        let log = town.log(office);
        until("the dossier to be let go", async || {
            (!log.lines_with("closed dossiers were let go").is_empty()).then_some(())
        })
        .await;
        town.stop(office).await;
        let store = Store::open(&town.path(office)).await.unwrap();
        assert!(
            store.holdings_after(None, 9).await.unwrap().is_empty(),
            "{office}"
        );
        assert_eq!(store.outbox_counts().await.unwrap(), [0, 0, 0], "{office}");
        let papers = std::fs::read_dir(town.path(office).join("documents")).unwrap();
        assert_eq!(papers.count(), 0, "{office}");
    }
    assert_eq!(
        town.desk().results(&dossier).await,
        RESULTS,
        "the desk has them"
    );
}

#[tokio::test]
async fn an_extension_reaches_the_department_that_holds_the_round() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let dossier = town.desk().submit("birth").await;
    let police = town.clerk("police");
    let given = police.gets("the residence", |h| h.step_id == "register_residence");
    let given = given.await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
    extends(&town, &given).await;
    hears_of_it(&mut town, &given).await;
    town.clerk("police").works();
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn a_broker_that_dies_between_deciding_and_telling_still_tells() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let dossier = town.desk().submit("birth").await;
    let police = town.clerk("police");
    let given = police.gets("the residence", |h| h.step_id == "register_residence");
    let given = given.await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
    // Nobody can be told while the office is shut.
    town.stop("police").await;
    extends(&town, &given).await;
    town.kill(BROKER).await;
    town.start_broker().await;
    town.start("police").await;
    hears_of_it(&mut town, &given).await;
    town.clerk("police").works();
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn a_notice_that_a_department_refuses_is_for_a_person_to_see_and_is_not_told_again() {
    let town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let heard = police.next_handover().await;
    heard.acknowledge().await;
    let handover = heard.handover().clone();
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
    extends(&town, &handover).await;
    let told = loop {
        let heard = police.next().await;
        match &heard.item.kind {
            Some(v1::item::Kind::Notice(_)) => break heard,
            _ => heard.acknowledge().await,
        }
    };
    let refusal = Fault::new(Code::InvalidArgument, "UNKNOWN_KIND", "no", "không");
    told.answer(Outcome::Refused(refusal.into_rpc())).await;
    let incident = town.incident("NOTICE_REFUSED").await;
    assert_eq!(incident.step_id, "", "it is of the department");
    assert_eq!(incident.agency_code, handover.agency_code);
    assert!(stalled(police.next()).await, "it is not told again");
}
