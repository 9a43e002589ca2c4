//! Births, from the desk to every department and back.

use crate::town::{
    Town,
    birth::{ALL_RESULTS, RESULTS, completed, faulty_certificate, paper_bytes, review},
    window::Filed,
};
use contract::v1::{self, PeerReturnState, StepState, Task, notice::Kind};
use node::documents::digest_of;

#[tokio::test]
async fn a_birth_dossier_comes_back_with_every_result() {
    let town = Town::open().await;
    let wanted =
        |request: &mut v1::SubmitRequest| request.optional_parts = vec!["identity_card".into()];
    let dossier = town.desk().submit_with(wanted).await;

    assert_eq!(town.desk().results(&dossier).await, ALL_RESULTS);
    let seen = town.desk().track(&dossier).await;
    assert_eq!(seen.state(), v1::DossierState::Closed);
    assert_eq!((seen.visits, seen.papers_asked_twice), (1, 0));
    assert!(
        seen.steps
            .iter()
            .all(|step| step.state() == StepState::Completed)
    );
    assert!(
        seen.parts
            .iter()
            .all(|part| part.state() == v1::PartState::Completed)
    );
}

#[tokio::test]
async fn the_desk_can_take_every_paper_away() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;

    for evidence in town.desk().evidence(&dossier).await {
        for document in &evidence.documents {
            let bytes = town.desk().download(document).await.unwrap();
            assert_eq!(bytes, paper_bytes(&evidence.name, &dossier.code, 1));
        }
    }
}

#[tokio::test]
async fn the_control_slip_says_who_had_the_dossier_when() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;

    let slip = town.desk().track(&dossier).await.control_slip;
    let mut passages: Vec<_> = slip
        .iter()
        .map(|row| (row.step_id.as_str(), row.to_agency_code.as_str()))
        .collect();
    passages.sort_unstable();
    assert_eq!(
        passages,
        [
            ("issue_health_card", "G24.99"),
            ("register_birth", "H99.01.02"),
            ("register_residence", "G01.99.01"),
            ("slip_1", "G01.99.01"),
            ("slip_2", "G24.99"),
        ]
    );
    for row in &slip {
        let at = |at: &Option<prost_types::Timestamp>| at.map(|at| (at.seconds, at.nanos)).unwrap();
        assert!(at(&row.handed_at) <= at(&row.received_at));
        assert!(at(&row.received_at) <= at(&row.answered_at));
        assert_ne!(row.timeliness(), v1::Timeliness::Overdue);
        assert_eq!(row.record_hash.len(), 32);
    }
}

#[tokio::test]
async fn the_birth_certificate_is_announced_while_others_are_still_at_work() {
    let mut town = Town::open().await;
    for office in ["police", "social-insurance"] {
        town.clerk(office).rests();
    }
    let dossier = town.desk().submit("birth").await;

    let told = town.desk().is_told_of(&dossier, "birth_certificate").await;
    assert_eq!((told.version, told.agency_code.as_str()), (1, "H99.01.02"));
    assert_eq!(
        town.desk().track(&dossier).await.state(),
        v1::DossierState::InProcess
    );
    let there = town.desk().evidence(&dossier).await;
    let certificate = there
        .iter()
        .find(|one| one.name == "birth_certificate")
        .unwrap();
    let bytes = town
        .desk()
        .download(&certificate.documents[0])
        .await
        .unwrap();
    assert_eq!(digest_of(&bytes).to_vec(), certificate.documents[0].digest);

    for office in ["police", "social-insurance"] {
        town.clerk(office).works();
    }
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn independent_steps_are_held_at_the_same_time() {
    let mut town = Town::open().await;
    for office in ["police", "social-insurance", "police-identity"] {
        town.clerk(office).rests();
    }
    let wanted =
        |request: &mut v1::SubmitRequest| request.optional_parts = vec!["identity_card".into()];
    let dossier = town.desk().submit_with(wanted).await;
    for step in [
        "register_residence",
        "issue_health_card",
        "issue_identity_card",
    ] {
        town.desk().sees(&dossier, step, StepState::Held).await;
    }
}

#[tokio::test]
async fn an_error_goes_back_to_who_made_it_and_the_citizen_is_asked_nothing() {
    let mut town = Town::open().await;
    town.clerk("social-insurance").answers(|handover| {
        let first = handover.task() == Task::Work && handover.round == 1;
        first.then(|| vec![faulty_certificate(handover)])
    });
    let dossier = town.desk().submit("birth").await;

    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    let certificate = town.desk().result(&dossier, "birth_certificate").await;
    assert_eq!(certificate.version, 2);
    let seen = town.desk().track(&dossier).await;
    assert_eq!((seen.visits, seen.papers_asked_twice), (1, 0));
    assert_eq!(
        returns(&town, &dossier).await,
        [PeerReturnState::Asked, PeerReturnState::Corrected]
    );
    // Who asked is told how it ended, with the new version in hand.
    let rounds = town.clerk("social-insurance").rounds();
    let second = rounds.iter().find(|handover| handover.round > 1).unwrap();
    assert_eq!(second.fault_answers.len(), 1);
    assert!(!second.fault_answers[0].upheld);
    assert_eq!(version_in(second, "birth_certificate"), 2);
}

#[tokio::test]
async fn who_finished_with_the_old_version_is_asked_whether_it_stands() {
    let mut town = Town::open().await;
    town.clerk("social-insurance").rests();
    town.clerk("social-insurance").answers(|handover| {
        let first = handover.task() == Task::Work && handover.round == 1;
        first.then(|| vec![faulty_certificate(handover)])
    });
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Completed)
        .await;
    town.clerk("social-insurance").works();

    let police = town.clerk("police");
    let asked = police
        .gets("the question whether it stands", |h| {
            h.task() == Task::Review
        })
        .await;
    assert_eq!(asked.changes[0].evidence, "birth_certificate");
    assert_eq!(
        (asked.changes[0].from_version, asked.changes[0].to_version),
        (1, 2)
    );
    town.desk().closes(&dossier).await;
    assert_eq!(
        town.desk()
            .result(&dossier, "residence_notice")
            .await
            .version,
        1
    );
}

#[tokio::test]
async fn who_does_it_again_gives_a_new_version() {
    let mut town = Town::open().await;
    town.clerk("social-insurance").rests();
    town.clerk("social-insurance").answers(|handover| {
        let first = handover.task() == Task::Work && handover.round == 1;
        first.then(|| vec![faulty_certificate(handover)])
    });
    town.clerk("police").answers(|handover| {
        let asked = handover.task() == Task::Review;
        asked.then(|| vec![review(handover, false), completed(handover)])
    });
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Completed)
        .await;
    town.clerk("social-insurance").works();

    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    assert_eq!(
        town.desk()
            .result(&dossier, "residence_notice")
            .await
            .version,
        2
    );
}

#[tokio::test]
async fn what_the_giver_upholds_stands() {
    let mut town = Town::open().await;
    town.clerk("social-insurance").answers(|handover| {
        let first = handover.task() == Task::Work && handover.round == 1;
        first.then(|| vec![faulty_certificate(handover)])
    });
    town.clerk("civil-status").answers(|handover| {
        let fault = handover
            .faults
            .first()
            .filter(|_| handover.task() == Task::Answer)?;
        Some(vec![department::Said::Upheld {
            evidence: fault.evidence.clone(),
            version: fault.version,
            reason: "Đúng theo giấy chứng sinh".into(),
        }])
    });
    let dossier = town.desk().submit("birth").await;

    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    assert_eq!(
        town.desk()
            .result(&dossier, "birth_certificate")
            .await
            .version,
        1
    );
    assert_eq!(
        returns(&town, &dossier).await,
        [PeerReturnState::Asked, PeerReturnState::Upheld]
    );
}

#[tokio::test]
async fn a_refusal_ends_its_part_and_no_other() {
    let mut town = Town::open().await;
    town.clerk("police").answers(|_| {
        Some(vec![department::Said::Refused {
            reason: "Chủ hộ không đồng ý".into(),
            legal_basis: "Luật Cư trú 2020 Điều 20".into(),
        }])
    });
    let dossier = town.desk().submit("birth").await;

    let results = town.desk().results(&dossier).await;
    assert_eq!(results, ["birth_certificate", "health_card"]);
    let parts = town.desk().track(&dossier).await.parts;
    let state = |id: &str| {
        parts
            .iter()
            .find(|part| part.part_id == id)
            .unwrap()
            .state()
    };
    assert_eq!(state("residence"), v1::PartState::Refused);
    assert_eq!(state("health_card"), v1::PartState::Completed);
    let refused = town.desk().step(&dossier, "register_residence").await;
    assert_eq!(refused.reason, "Chủ hộ không đồng ý");
}

#[tokio::test]
async fn a_step_that_is_moved_goes_to_the_other_department() {
    let mut town = Town::with(["civil-status", "social-insurance", "other-police"]).await;
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Due)
        .await;

    let round = town
        .move_step("m-1", &dossier, "register_residence", "G01.99.02")
        .await
        .unwrap();
    let again = town
        .move_step("m-1", &dossier, "register_residence", "G01.99.02")
        .await
        .unwrap();
    assert_eq!(round, again, "a repetition gets the first answer");

    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    let done = town.desk().step(&dossier, "register_residence").await;
    assert_eq!(done.agency_code, "G01.99.02");
    assert_eq!(town.clerk("other-police").rounds().len(), 1);
}

#[tokio::test]
async fn a_department_that_declines_sees_its_step_placed_anew_by_a_person() {
    let mut town = Town::open().await;
    town.start("other-police").await;
    town.clerk("police").answers(|_| {
        Some(vec![department::Said::Declined {
            reason: "Không thuộc địa bàn".into(),
            suggested_agency_code: "G01.99.02".into(),
        }])
    });
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Declined)
        .await;
    assert_eq!(
        town.desk().track(&dossier).await.state(),
        v1::DossierState::InProcess
    );

    town.move_step("m-1", &dossier, "register_residence", "G01.99.02")
        .await
        .unwrap();
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn a_change_of_the_directory_applies_to_dossiers_received_later() {
    let mut town = Town::with(["civil-status", "social-insurance", "other-police"]).await;
    let before = town.desk().submit("birth").await;
    town.desk()
        .sees(&before, "register_residence", StepState::Due)
        .await;
    // The second commune's police take over the first commune.
    town.change_directory(|directory| {
        for agency in directory["agency"].as_array_mut().unwrap() {
            match agency["code"].as_str().unwrap() {
                "G01.99.01" => agency["territory"] = "H99_02".into(),
                "G01.99.02" => agency["territory"] = "H99_01".into(),
                _ => {}
            }
        }
    })
    .await;

    let after = town.desk().submit("birth").await;
    assert_eq!(town.desk().results(&after).await, RESULTS);
    assert_eq!(
        town.desk()
            .step(&after, "register_residence")
            .await
            .agency_code,
        "G01.99.02"
    );
    let waiting = town.desk().step(&before, "register_residence").await;
    assert_eq!(
        (waiting.agency_code.as_str(), waiting.state()),
        ("G01.99.01", StepState::Due)
    );
    town.start("police").await;
    assert_eq!(town.desk().results(&before).await, RESULTS);
}

#[tokio::test]
async fn every_service_says_that_it_serves_and_can_be_looked_into() {
    let mut town = Town::open().await;
    assert!(town.operator().serves().await);
    let services = town.operator().services().await;
    for service in [
        "DeskService",
        "ExchangeService",
        "DocumentService",
        "OperatorService",
    ] {
        let name = format!("lienthong.v1.{service}");
        assert!(services.contains(&name), "{name} is not among {services:?}");
    }
    town.stop("police").await;
    assert!(!town.watcher_of("police").serves().await);
}

async fn returns(town: &Town, dossier: &Filed) -> Vec<PeerReturnState> {
    let notices = town.desk().notices(dossier).await;
    let returns = notices.into_iter().filter_map(|notice| match notice.kind {
        Some(Kind::PeerReturn(one)) => Some(one.state()),
        _ => None,
    });
    returns.collect()
}

fn version_in(handover: &v1::Handover, name: &str) -> u32 {
    handover
        .evidence
        .iter()
        .find(|evidence| evidence.name == name)
        .unwrap()
        .version
}
