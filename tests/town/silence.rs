//! Departments that are away: everything is kept, nobody else waits, and one person is told once.

use crate::town::{Town, birth::RESULTS};
use contract::v1::{self, DossierState, StepState, verdict::Outcome};
use futures_util::future::join_all;

#[tokio::test]
async fn a_dossier_for_a_silent_department_arrives_when_it_wakes() {
    let mut town = Town::with(["civil-status", "police", "social-insurance"]).await;
    town.stop("police").await;

    let dossier = town.desk().submit("birth").await;
    town.restart_broker().await;
    town.start("police").await;

    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn what_waited_for_a_department_comes_in_the_order_of_its_due_dates() {
    const DOSSIERS: usize = 20;
    let mut town = Town::with(["civil-status", "social-insurance"]).await;
    let mut waiting = Vec::new();
    for _ in 0..DOSSIERS {
        let dossier = town.desk().submit("birth").await;
        town.desk()
            .sees(&dossier, "register_residence", StepState::Due)
            .await;
        waiting.push(dossier);
    }
    town.restart_broker().await;

    let mut police = town.puppet("police");
    let mut came = Vec::new();
    for _ in 0..DOSSIERS {
        let heard = police.next_handover().await;
        heard.acknowledge().await;
        came.push(heard.handover().dossier_code.clone());
    }
    let submitted: Vec<_> = waiting.iter().map(|dossier| dossier.code.clone()).collect();
    assert_eq!(came, submitted);
    drop(police);

    town.start("police").await;
    for dossier in &waiting {
        assert_eq!(town.desk().results(dossier).await, RESULTS);
    }
}

#[tokio::test]
async fn others_are_not_slowed_by_one_who_is_away() {
    let town = Town::with(["civil-status", "social-insurance"]).await;
    let dossiers = join_all((0..10).map(|_| town.desk().submit("birth"))).await;
    for dossier in &dossiers {
        town.desk()
            .sees(dossier, "issue_health_card", StepState::Completed)
            .await;
        let seen = town.desk().track(dossier).await;
        assert_eq!(seen.state(), DossierState::InProcess);
    }
}

#[tokio::test]
async fn others_are_not_slowed_by_one_who_takes_and_never_answers() {
    let town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = town.puppet("police");
    let dossiers = join_all((0..10).map(|_| town.desk().submit("birth"))).await;
    for dossier in &dossiers {
        town.desk()
            .sees(dossier, "issue_health_card", StepState::Completed)
            .await;
    }
    for _ in &dossiers {
        police.next_handover().await;
    }
}

#[tokio::test]
async fn a_department_that_is_away_is_one_incident_and_it_ends_by_itself() {
    let mut town = Town::with(["civil-status", "social-insurance"]).await;
    let dossiers = join_all((0..5).map(|_| town.desk().submit("birth"))).await;
    let incident = town.incident("DEPARTMENT_UNREACHABLE").await;
    assert_eq!(incident.agency_code, "G01.99.01");
    assert!(incident.closed_at.is_none());
    town.restart_broker().await;

    town.start("police").await;
    for dossier in &dossiers {
        town.desk().closes(dossier).await;
    }
    let told = town.incidents_settled("DEPARTMENT_UNREACHABLE").await;
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[tokio::test]
async fn a_department_that_was_away_is_no_incident_any_more_although_nothing_is_owed_to_it() {
    let mut town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let held = police.next_handover().await;
    let refused = v1::report::Kind::Refused(v1::Refused {
        reason: "Chủ hộ không đồng ý".into(),
        legal_basis: "Luật Cư trú 2020 Điều 20".into(),
    });
    let report = police.item("r-1", held.handover(), refused);
    drop((police, held));
    town.incident("DEPARTMENT_UNREACHABLE").await;
    // It can call all the while, and its report is its acknowledgement.
    let said = town.system_of("police").report(report).await;
    assert!(matches!(said, Outcome::Recorded(_)), "{said:?}");
    town.desk().closes(&dossier).await;
    town.restart_broker().await;

    town.start("police").await;
    let told = town.incidents_settled("DEPARTMENT_UNREACHABLE").await;
    assert_eq!(told.len(), 1, "{told:#?}");
}

#[tokio::test]
async fn a_department_that_comes_back_is_given_its_work_at_once() {
    // The courier would not try by itself for an hour: it is the department's call that wakes it.
    let plan =
        Town::plan().broker("courier.back_off_ms_min = 3600000\ncourier.back_off_ms_max = 3600000");
    let mut town = plan
        .offices(["civil-status", "social-insurance"])
        .open()
        .await;
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "issue_health_card", StepState::Completed)
        .await;
    town.start("police").await;
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn what_a_lost_store_acknowledges_after_the_new_one_has_begun_to_reconcile_is_handed_over_anew()
 {
    let town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let heard = police.next_handover().await;

    // The disk is lost: another store reconciles while the answer of the first is on its way.
    let agency_code = police.post.agency;
    let page = |page_number| v1::ReconcileRequest {
        agency_code: agency_code.into(),
        store_id: "a new disk".into(),
        epoch: "1".into(),
        session_id: "one".into(),
        last: page_number > 0,
        page_number,
        ..Default::default()
    };
    let mut exchange = police.caller.exchange();
    exchange.reconcile(page(0)).await.unwrap();
    heard.acknowledge().await;
    let again = police.next_handover().await;
    exchange.reconcile(page(1)).await.unwrap();
    assert_eq!(again.handover().handover_id, heard.handover().handover_id);

    again.acknowledge().await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
}
