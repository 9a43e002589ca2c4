//! The citizen's side at the counter: filing and reception, a department that asks, codes for when the
//! desk is away, and what others may see.

use crate::town::{Town, caller::reason, window::Filed};
use contract::v1::{self, Task};
use department::Said;
use tonic::Code;

const DESK: &str = "H99.01.01";

async fn filed(town: &Town, change: impl FnOnce(&mut v1::SubmitRequest)) -> Filed {
    town.desk()
        .submit_with(|request| {
            request.receive = false;
            change(request);
        })
        .await
}

fn receive(dossier: &Filed, request_id: &str) -> v1::ReceiveRequest {
    v1::ReceiveRequest {
        agency_code: DESK.into(),
        dossier_code: dossier.code.clone(),
        request_id: request_id.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn what_a_portal_filed_waits_for_the_desk_and_is_received_once() {
    let town = Town::open().await;
    let dossier = filed(&town, |_| {}).await;
    let seen = town.desk().track(&dossier).await;
    assert_eq!(seen.state(), v1::DossierState::Filed);
    assert_eq!(seen.national_status(), v1::NationalStatus::NewlyRegistered);
    assert_eq!(seen.received_at, None);

    let mut desk = town.desk().caller.desk();
    let first = desk.receive(receive(&dossier, "r-1")).await.unwrap();
    let again = desk.receive(receive(&dossier, "r-1")).await.unwrap();
    assert_eq!(first.into_inner(), again.into_inner());
    let other = desk.receive(receive(&dossier, "r-2")).await.unwrap_err();
    assert_eq!(reason(&other), "ALREADY_RECEIVED");
    let mut changed = receive(&dossier, "r-1");
    changed.officer = Some(v1::Officer {
        name: "Cán bộ khác".into(),
        ..Default::default()
    });
    let reused = desk.receive(changed).await.unwrap_err();
    assert_eq!(reason(&reused), "ID_REUSED");

    town.desk().closes(&dossier).await;
    let done = town.desk().track(&dossier).await;
    assert_eq!(done.national_status(), v1::NationalStatus::Processed);
    assert_eq!(done.delivery_status(), v1::DeliveryStatus::Waiting);
    assert!(done.received_at.is_some());
}

#[tokio::test]
async fn nobody_but_the_receiving_desk_receives_and_whoever_knows_the_code_sees_how_far_it_is() {
    let town = Town::with(["civil-status"]).await;
    let dossier = filed(&town, |request| {
        request.hand_out_agency_code = "H99.02.01".into();
    })
    .await;
    let other = town.caller(node::identity::Role::Desk, "desk-mau-hai");
    let theirs = v1::ReceiveRequest {
        agency_code: "H99.02.01".into(),
        ..receive(&dossier, "r-1")
    };
    let denied = other.desk().receive(theirs).await.unwrap_err();
    assert_eq!(
        (denied.code(), reason(&denied).as_str()),
        (Code::PermissionDenied, "NOT_THE_RECEIVING_DESK")
    );
    let tracked = other
        .desk()
        .track(v1::TrackRequest {
            agency_code: "H99.02.01".into(),
            dossier_code: dossier.code.clone(),
        })
        .await;
    assert_eq!(tracked.unwrap().into_inner().dossier_id, dossier.id);

    let public = |code: &str| v1::TrackPublicRequest {
        dossier_code: code.into(),
    };
    let seen = other.desk().track_public(public(&dossier.code)).await;
    let seen = seen.unwrap().into_inner();
    assert_eq!((seen.steps_finished, seen.steps), (0, 3));
    let unknown = other
        .desk()
        .track_public(public("H99.01.01-20261122-9999999"))
        .await;
    assert_eq!(unknown.unwrap_err().code(), Code::NotFound);
}

#[tokio::test]
async fn a_code_printed_from_a_leased_block_is_the_dossiers_and_no_other_is() {
    let town = Town::with([]).await;
    let leased = town
        .desk()
        .caller
        .desk()
        .lease_codes(v1::LeaseCodesRequest {
            agency_code: DESK.into(),
            count: 3,
            request_id: "block-1".into(),
        })
        .await;
    let codes = leased.unwrap().into_inner().dossier_codes;
    assert_eq!(codes.len(), 3);
    let with = |code: &str| {
        let code = code.to_owned();
        move |request: &mut v1::SubmitRequest| request.dossier_code = code
    };
    let dossier = town.desk().submit_with(with(&codes[1])).await;
    assert_eq!(dossier.code, codes[1]);

    let (request, _) = town.desk().prepare().await;
    for bad in [codes[1].as_str(), "H99.01.01-20261122-9999999"] {
        let mut request = request.clone();
        request.dossier_code = bad.into();
        let refused = town.desk().send(request).await.unwrap_err();
        assert_eq!(reason(&refused), "CODE_TAKEN", "{bad}");
    }
}

#[tokio::test]
async fn a_department_that_asks_for_what_the_dossier_has_is_told_where_it_is_and_counted() {
    let mut town = Town::open().await;
    town.clerk("civil-status").answers(|handover| {
        let first = handover.task() == Task::Work && handover.round == 1;
        let item = v1::SupplementItem {
            evidence: "parents".into(),
            reason: "thiếu".into(),
            legal_basis: "Điều 1".into(),
            approval: None,
        };
        first.then(|| vec![Said::Supplement { items: vec![item] }])
    });
    let dossier = town.desk().submit("birth").await;
    let figures = crate::town::patience::until("the denial to be counted", || async {
        let request = v1::StatisticsRequest::default();
        let answer = town.operator().operator().statistics(request).await;
        let figures = answer.ok()?.into_inner().figures;
        let denied = figures
            .iter()
            .find(|one| one.name == "supplements_denied" && one.agency_code == "H99.01.02")?;
        (denied.value >= 1.0).then_some(figures.clone())
    })
    .await;
    assert!(figures.iter().any(|one| one.name == "dossiers_open"));
    let seen = town.desk().track(&dossier).await;
    assert_eq!((seen.papers_asked_twice, seen.supplements.len()), (0, 0));
}
