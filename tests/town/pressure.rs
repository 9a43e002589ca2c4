//! More than can be taken, and neighbours that make it hard: what is refused says when to come again, and
//! nobody waits for anybody else.

use crate::town::{
    Puppet, Town,
    birth::RESULTS,
    caller::reason,
    patience::{patiently, stalled, until},
    puppet::Heard,
};
use contract::v1::{
    self, StepState, operator_service_client::OperatorServiceClient, verdict::Outcome,
};
use futures_util::future::join_all;
use node::{fault::Fault, identity::Role, pki::Validity};
use std::time::Duration;
use tonic::Code;

/// One command may wait for the ledger, and no more.
const NARROW: &str = "limits.ledger_waiting_max = 1";
/// Sent at once: many more than one.
const MANY: usize = 24;
/// Streams in a row that bring nothing, after which a courier pauses for longer than any test waits.
const FRUITLESS: usize = 12;

#[tokio::test]
async fn what_a_full_ledger_refuses_says_when_to_come_again_and_is_taken_then() {
    let town = Town::plan().broker(NARROW).open().await;
    let mut waiting = Vec::new();
    for _ in 0..MANY {
        waiting.push(town.desk().prepare().await.0);
    }
    let answers = until("a refusal", async || {
        let sent = waiting.iter().cloned();
        let answers = join_all(sent.map(|request| town.desk().send(request))).await;
        answers.iter().any(Result::is_err).then_some(answers)
    })
    .await;
    for refused in answers.iter().filter_map(|answer| answer.as_ref().err()) {
        assert_eq!(
            (refused.code(), reason(refused).as_str()),
            (Code::ResourceExhausted, "LEDGER_BUSY")
        );
        let after = Fault::retry_after_of(refused).expect("it says when to come again");
        assert!(after > Duration::ZERO);
    }
    // Nothing of what was refused is there, and all of it is taken when it comes again.
    let mut codes = Vec::new();
    for request in waiting {
        codes.push(town.desk().send_patiently(request).await.dossier_code);
    }
    codes.sort();
    codes.dedup();
    assert_eq!((codes.len(), town.desk().count().await), (MANY, MANY));
    let one_more = town.desk().submit("birth").await;
    assert_eq!(town.desk().results(&one_more).await, RESULTS);
}

#[tokio::test]
async fn a_report_that_a_full_ledger_does_not_take_is_answered_later_and_taken_then() {
    let plan = Town::plan().broker(NARROW);
    let town = plan
        .offices(["civil-status", "social-insurance"])
        .open()
        .await;
    let mut police = town.puppet("police");
    let mut reports = Vec::new();
    for number in 0..MANY {
        let request = town.desk().prepare().await.0;
        town.desk().send_patiently(request).await;
        let heard = police.next_handover().await;
        heard.acknowledge().await;
        let refused = v1::report::Kind::Refused(v1::Refused {
            reason: "Chủ hộ không đồng ý".into(),
            legal_basis: "Luật Cư trú 2020 Điều 20".into(),
        });
        reports.push(police.item(&format!("r-{number}"), heard.handover(), refused));
    }
    let later = until("a verdict of later", async || {
        let sent = reports.iter().cloned();
        let outcomes = join_all(sent.map(|item| police.report(item))).await;
        let later = outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Later(status) => Some(status),
            Outcome::Recorded(_) => None,
            other => panic!("{other:?}"),
        });
        let later: Vec<_> = later.collect();
        (!later.is_empty()).then_some(later)
    })
    .await;
    for status in &later {
        assert_eq!(reason(status), "LEDGER_BUSY");
        assert!(Fault::retry_after_of(status).is_some());
    }
    for report in reports {
        until("the report to be recorded", async || {
            let outcome = police.report(report.clone()).await;
            matches!(outcome, Outcome::Recorded(_)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_department_whose_window_is_full_of_what_it_never_acknowledges_holds_up_nobody() {
    let plan = Town::plan().broker("streams.window_items_max = 2");
    let town = plan
        .offices(["civil-status", "social-insurance"])
        .open()
        .await;
    let mut police = town.puppet("police");
    let dossiers = join_all((0..10).map(|_| town.desk().submit("birth"))).await;
    for dossier in &dossiers {
        town.desk()
            .sees(dossier, "issue_health_card", StepState::Completed)
            .await;
    }
    let held = [police.next_handover().await, police.next_handover().await];
    assert!(
        police.unread().is_empty(),
        "no more than its window is under way"
    );
    // It does so after all, and gets the rest.
    for heard in held {
        heard.acknowledge().await;
    }
    for _ in 2..dossiers.len() {
        police.next_handover().await.acknowledge().await;
    }
}

#[tokio::test]
async fn a_department_that_reconnects_again_and_again_holds_up_nobody() {
    let town = Town::with(["civil-status", "social-insurance"]).await;
    let issued = town
        .ground
        .issue(Role::Department, "other-police", Validity::days(1));
    let shown = Some((issued.certificate_pem.as_str(), issued.key_pem.as_str()));
    let knocking = async {
        loop {
            drop(town.door().knock(shown).await);
        }
    };
    let working = async {
        let dossiers = join_all((0..10).map(|_| town.desk().submit("birth"))).await;
        for dossier in &dossiers {
            town.desk()
                .sees(dossier, "issue_health_card", StepState::Completed)
                .await;
        }
    };
    tokio::select! {
        () = patiently("the work of the others", working) => {}
        () = knocking => unreachable!(),
    }
}

#[tokio::test]
async fn a_department_that_ends_every_stream_without_an_answer_is_left_alone_until_it_gives_one() {
    let plan =
        Town::plan().broker("courier.back_off_ms_min = 100\ncourier.back_off_ms_max = 3600000");
    let town = plan
        .offices(["civil-status", "social-insurance"])
        .open()
        .await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    for _ in 0..FRUITLESS {
        given_as_wished(&town, &mut police).await.hang_up().await;
    }
    // The last wish may still be on its way.
    let mut more = 0;
    while !stalled(async { police.next_handover().await.hang_up().await }).await {
        more += 1;
        assert!(more < 2, "the next stream opens at once, again and again");
    }

    let answered = given_as_wished(&town, &mut police).await;
    answered.acknowledge().await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
    answered.hang_up().await;
    town.desk().submit("birth").await;
    police.next_handover().await;
}

/// What the courier hands over when an operator wishes that it tries, so that no pause is waited for.
async fn given_as_wished(town: &Town, police: &mut Puppet) -> Heard {
    let mut operator = OperatorServiceClient::new(town.operator().channel());
    let request = v1::RetryNowRequest {
        agency_code: police.post.agency.into(),
        reason: "theo đề nghị của cơ quan".into(),
        ..Default::default()
    };
    let wishing = async {
        loop {
            operator.retry_now(request.clone()).await.unwrap();
            if let Some(heard) = police.unread().pop() {
                return heard;
            }
        }
    };
    patiently("a handover that was wished", wishing).await
}
