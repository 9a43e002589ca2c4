//! Disks that are full, or take nothing: no acknowledgement, health says so, and it goes on by
//! itself when there is room.

use crate::town::{
    Town,
    birth::{RESULTS, Scan},
    caller::reason,
    disk::left_out,
    ground::BROKER,
    patience::until,
};
use contract::v1::{self, StepState, report::Kind, verdict::Outcome};
use tonic::Code;

const NO_MOUNT: &str = "this process may not mount; run the tests as root";

#[tokio::test]
async fn a_broker_whose_disk_is_full_acknowledges_nothing_and_goes_on_when_there_is_room() {
    let Some(mut town) = Town::plan().disk(BROKER, 24).open_if_it_can().await else {
        return left_out("a broker whose disk is full", NO_MOUNT);
    };
    town.clerk("police").rests();
    let before = town.desk().submit("birth").await;
    town.desk()
        .sees(&before, "register_residence", StepState::Held)
        .await;
    let (request, _) = town.desk().prepare().await;

    let other = v1::SubmitRequest {
        submit_key: "another".into(),
        ..request.clone()
    };
    town.disk(BROKER).fill(0);
    let operator = town.operator();
    until("a submit to be refused", async || {
        let refused = town.desk().send(other.clone()).await.err()?;
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::ResourceExhausted, "STORAGE_UNAVAILABLE")
        );
        assert!(node::fault::Fault::retry_after_of(&refused).is_some());
        Some(())
    })
    .await;
    until("health to say so", async || {
        (!operator.serves().await).then_some(())
    })
    .await;
    let scan = Scan::new("không còn chỗ");
    assert!(town.desk().caller.upload("H99.01.01", &scan).await.is_err());
    // What a department says meanwhile stays in its outbox.
    town.clerk("police").works();
    assert_eq!(
        town.desk()
            .step(&before, "register_residence")
            .await
            .state(),
        StepState::Held
    );

    town.disk(BROKER).empty();
    until("health to be good by itself", async || {
        operator.serves().await.then_some(())
    })
    .await;
    assert_eq!(town.desk().results(&before).await, RESULTS);
    let received = town.desk().send_patiently(request).await;
    assert!(!received.dossier_code.is_empty());
    let told = town.incidents_settled("STORAGE_UNAVAILABLE").await;
    assert!(told.len() <= 1, "{told:#?}");
}

#[tokio::test]
async fn uploads_stop_before_the_ledger_has_to() {
    let plan = Town::plan()
        .disk(BROKER, 32)
        .broker("documents.disk_reserve_bytes = 16777216");
    let Some(mut town) = plan.open_if_it_can().await else {
        return left_out("uploads that stop before the ledger has to", NO_MOUNT);
    };
    town.clerk("police").rests();
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;

    town.disk(BROKER).fill(8 << 20);
    let scan = Scan::new("một giấy nữa");
    assert!(town.desk().caller.upload("H99.01.01", &scan).await.is_err());
    let police = town.system_of("police");
    let report = v1::Report {
        dossier_id: dossier.id.clone(),
        step_id: "register_residence".into(),
        round: 1,
        agency_code: "G01.99.01".into(),
        kind: Some(Kind::Progress(v1::Progress {
            note: "đang làm".into(),
        })),
        ..Default::default()
    };
    let item = v1::Item {
        item_id: "p".into(),
        kind: Some(v1::item::Kind::Report(report)),
        ..Default::default()
    };
    assert!(
        matches!(police.report(item).await, Outcome::Recorded(_)),
        "the ledger has room"
    );
    assert!(town.operator().serves().await);

    town.disk(BROKER).empty();
    town.clerk("police").works();
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn a_department_whose_disk_is_full_acknowledges_nothing_and_goes_on_when_there_is_room() {
    let Some(town) = Town::plan().disk("police", 16).open_if_it_can().await else {
        return left_out("a department whose disk is full", NO_MOUNT);
    };
    town.disk("police").fill(0);
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "issue_health_card", StepState::Completed)
        .await;
    let watcher = town.watcher_of("police");
    until("health to say so", async || {
        (!watcher.serves().await).then_some(())
    })
    .await;
    let step = town.desk().step(&dossier, "register_residence").await;
    assert!(
        matches!(step.state(), StepState::Due | StepState::PossiblyHeld),
        "{step:?}"
    );

    town.disk("police").empty();
    until("health to be good by itself", async || {
        watcher.serves().await.then_some(())
    })
    .await;
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn a_broker_whose_disk_fails_stops_rather_than_acknowledge() {
    let mut town = Town::plan()
        .in_processes()
        .offices(["civil-status"])
        .open()
        .await;
    let before = town.desk().submit("birth").await;
    town.desk()
        .sees(&before, "register_residence", StepState::Due)
        .await;
    let (request, _) = town.desk().prepare().await;

    town.refuse_writes(BROKER);
    let refused = town.desk().send(request.clone()).await.unwrap_err();
    assert!(
        matches!(
            refused.code(),
            Code::ResourceExhausted | Code::Unavailable | Code::Unknown
        ),
        "no acknowledgement, and no final refusal: {refused:?}"
    );
    town.ends_by_itself(BROKER).await;

    town.start_broker().await;
    let after = town.desk().send_patiently(request).await;
    assert!(!after.dossier_code.is_empty());
    assert_eq!(town.desk().count().await, 2);
    for office in ["police", "social-insurance"] {
        town.start(office).await;
    }
    assert_eq!(town.desk().results(&before).await, RESULTS);
}

#[tokio::test]
async fn a_service_on_a_read_only_disk_says_so_and_does_not_start() {
    let Some(mut town) = Town::plan()
        .disk(BROKER, 16)
        .disk("police", 16)
        .open_if_it_can()
        .await
    else {
        return left_out("a read-only disk", NO_MOUNT);
    };
    for name in [BROKER, "police"] {
        town.stop(name).await;
        town.disk(name).make_read_only();
        let refused = town.try_start(name).await.expect_err("a read-only disk");
        let folder = town.path(name).display().to_string();
        assert!(refused.contains(&folder), "{name}: {refused}");
        town.disk(name).make_writable();
        town.start_any(name).await;
    }
    let dossier = town.desk().submit("birth").await;
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}
