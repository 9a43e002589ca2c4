//! The scripts of the trial's offices, followed without a broker.

use super::*;
use serde_json::{Value, json};
use std::path::Path;

fn scripted(office: &str) -> Scripted {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/scripts");
    Scripted::new(Script::load(&folder.join(format!("{office}.toml"))).unwrap())
}

fn evidence(name: &str, version: u32, data: Value) -> v1::Evidence {
    v1::Evidence {
        name: name.into(),
        version,
        data: data.to_string().into(),
        ..Default::default()
    }
}

fn handover(step: &str, task: v1::Task, evidence: Vec<v1::Evidence>) -> v1::Handover {
    v1::Handover {
        dossier_id: "0a".repeat(16),
        dossier_code: "H57.12-261122-0001".into(),
        step_id: step.into(),
        round: 1,
        task: task as i32,
        evidence,
        parties: vec![
            v1::Party {
                party_id: "child".into(),
                roles: vec![v1::PartyRole::Subject as i32],
                name: "Nguyễn Minh Anh".into(),
                ..Default::default()
            },
            v1::Party {
                party_id: "mother".into(),
                roles: vec![v1::PartyRole::Owner as i32],
                name: "Trần Thị Bình".into(),
                address: "Thôn 1, xã Mẫu Một, tỉnh Mẫu".into(),
                ..Default::default()
            },
        ],
        ..Default::default()
    }
}

/// The number of the birth notice whose certificate the clerk writes wrongly.
const MISWRITTEN: &str = "99999.GCS.00002.26";

fn register(number: &str, task: v1::Task) -> v1::Handover {
    let child = json!({"name": "Nguyễn Minh Anh", "born_on": "2026-11-20", "sex": "Nữ"});
    let notice = json!({"number": number, "facility": "Bệnh viện Đa khoa Mẫu", "child": child});
    let parents =
        json!({"mother": {"name": "Trần Thị Bình"}, "father": {"name": "Nguyễn Văn Mẫu"}});
    let given = vec![
        evidence("birth_notice", 1, notice),
        evidence("parents", 1, parents),
    ];
    handover("register_birth", task, given)
}

fn only(answers: Vec<Answer>) -> Said {
    assert_eq!(answers.len(), 1);
    answers.into_iter().next().unwrap().said
}

fn certificate_of(said: Said) -> Value {
    let (Said::Completed { evidence, .. } | Said::Correction { evidence, .. }) = said else {
        panic!("{said:?}")
    };
    assert_eq!(evidence[0].name, "birth_certificate");
    let Content::Bytes(pdf) = &evidence[0].documents[0].content else {
        panic!()
    };
    assert!(pdf.starts_with(b"%PDF-"));
    serde_json::from_slice(&evidence[0].data).unwrap()
}

fn health_card(certificate: Value, version: u32) -> Said {
    let facility = json!({"code": "99001", "name": "Bệnh viện Đa khoa Mẫu"});
    let personal_id = json!({"personal_id": "012345678901", "born_on": "2026-11-20"});
    let given = vec![
        evidence("birth_certificate", version, certificate),
        evidence("personal_id", 1, personal_id),
        evidence("health_facility_choice", 1, facility),
    ];
    let handover = handover("issue_health_card", v1::Task::Work, given);
    only(scripted("social-insurance").answers(&handover).unwrap())
}

#[test]
fn a_straight_birth_is_registered_and_gets_its_card() {
    let said = only(
        scripted("civil-status")
            .answers(&register("99999.GCS.00001.26", v1::Task::Work))
            .unwrap(),
    );
    let certificate = certificate_of(said);
    assert_eq!(certificate["child"]["name"], "Nguyễn Minh Anh");
    assert_eq!(certificate["parents"]["mother"]["name"], "Trần Thị Bình");
    assert!(matches!(
        health_card(certificate, 1),
        Said::Completed { .. }
    ));
}

#[test]
fn a_miswritten_certificate_goes_back_and_comes_corrected() {
    let office = scripted("civil-status");
    let said = only(
        office
            .answers(&register(MISWRITTEN, v1::Task::Work))
            .unwrap(),
    );
    let certificate = certificate_of(said);
    let Said::PeerReturn {
        evidence, version, ..
    } = health_card(certificate, 1)
    else {
        panic!()
    };
    assert_eq!((evidence.as_str(), version), ("birth_certificate", 1));

    let mut fault = register(MISWRITTEN, v1::Task::Answer);
    fault.faults = vec![v1::Fault {
        evidence,
        version,
        ..Default::default()
    }];
    let corrected = certificate_of(only(office.answers(&fault).unwrap()));
    assert!(matches!(health_card(corrected, 2), Said::Completed { .. }));
}

#[test]
fn who_did_a_step_with_evidence_that_changed_says_redo_and_gives_its_result_anew() {
    let office = r#"
        [[step]]
        id = "register_residence"

        [[step.rule]]
        task = "review"
        outcome = "redo"

        [[step.rule.give]]
        evidence = "residence_notice"
        data = { name = "{{evidence.birth_certificate.data/child/name}}" }
    "#;
    let office = Scripted::new(Script::parse(office, Path::new("script.toml")).unwrap());
    let mut review = handover(
        "register_residence",
        v1::Task::Review,
        vec![
            evidence(
                "birth_certificate",
                2,
                json!({"child": {"name": "Nguyễn Minh Anh"}}),
            ),
            evidence("personal_id", 1, json!({"personal_id": "012345678901"})),
        ],
    );
    review.changes = vec![v1::EvidenceChange {
        evidence: "birth_certificate".into(),
        from_version: 1,
        to_version: 2,
        ..Default::default()
    }];
    let answers = office.answers(&review).unwrap();
    let [
        Said::Review {
            stands: false,
            versions,
            ..
        },
        Said::Completed { .. },
    ] = [&answers[0].said, &answers[1].said]
    else {
        panic!("{answers:?}")
    };
    assert_eq!(versions, &[("birth_certificate".to_owned(), 2)]);
}

#[test]
fn a_round_that_no_rule_fits_is_an_error_and_no_answer() {
    let refused = scripted("social-insurance")
        .answers(&handover("issue_health_card", v1::Task::Answer, vec![]))
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("no rule of step `issue_health_card`"),
        "{refused}"
    );
    let refused = scripted("police-residence").answers(&handover("x", v1::Task::Work, vec![]));
    assert!(refused.unwrap_err().to_string().contains("no step `x`"));
    let refused = scripted("police-identity").answers(&handover("x", v1::Task::Work, vec![]));
    assert!(refused.unwrap_err().to_string().contains("no step `x`"));
}

#[test]
fn a_wrong_script_is_refused_with_its_mend() {
    for (text, why) in [
        (
            "[[step]]\nid = 'a'\n[[step.rule]]\noutcome = 'stands'",
            "write task = \"review\"",
        ),
        (
            "[[step]]\nid = 'a'\n[[step.rule]]\noutcome = 'refused'\nreason = 'x'",
            "`legal_basis`",
        ),
        (
            "[[step]]\nid = 'a'\n[[step.rule]]\noutcome = 'declined'",
            "needs a `reason`",
        ),
        ("[[step]]\nid = 'a'\n[[step]]\nid = 'a'", "stands twice"),
        ("[[step]]\nid = 'a'\ndelay = 3", "unknown field"),
    ] {
        let refused = Script::parse(text, Path::new("script.toml"))
            .unwrap_err()
            .to_string();
        assert!(refused.contains(why), "{refused}");
    }
}
