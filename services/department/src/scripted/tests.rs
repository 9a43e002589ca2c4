//! The scripts of the trial's offices, followed without a broker.

use super::*;
use crate::handler::{Content, Said};
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
    let child = json!({"name": "Nguyễn Minh Anh", "born_on": "2026-11-20", "sex": "FEMALE"});
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
    let refused = scripted("police-identity").answers(&look_up("birth_notice", "An"));
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("no look_up `birth_notice`"), "{refused}");
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
            "a declined step needs `reason`",
        ),
        (
            "[[step]]\nid = 'a'\n[[step.rule]]\noutcome = 'found'",
            "write task = \"look_up\"",
        ),
        (
            "[[look_up]]\nevidence = 'a'\nkey = 'x'",
            "`key` and [[look_up.record]] go together",
        ),
        (
            "[[look_up]]\nevidence = 'a'\n[[look_up.rule]]\noutcome = 'found'",
            "found gives one piece of evidence",
        ),
        (
            "[[step]]\nid = 'a'\n[[step.rule]]\noutcome = 'supplement'",
            "add what is missing",
        ),
        (
            "[[step]]\nid = 'a'\n[[step.rule]]\noutcome = 'consultation'\nagency = 'b'\nquestion = 'c'\nlimit = '3 moons'",
            "`3 moons` is no limit",
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

fn office(text: &str) -> Scripted {
    Scripted::new(Script::parse(text, Path::new("script.toml")).unwrap())
}

fn look_up(wanted: &str, child: &str) -> v1::Handover {
    let mut asked = handover(&format!("look_up_{wanted}"), v1::Task::LookUp, vec![]);
    asked.parties[0].name = child.into();
    asked.parties[0].born_on = Some(contract::Date {
        year: 2026,
        month: 11,
        day: 19,
    });
    asked.look_up = Some(v1::LookUp {
        evidence: wanted.into(),
        ..Default::default()
    });
    asked
}

#[test]
fn a_registry_gives_the_record_of_whom_it_is_asked_about_and_nobody_elses() {
    let hospital = scripted("hospital");
    let found = only(
        hospital
            .answers(&look_up("birth_notice", "Hoàng Minh Mẫu"))
            .unwrap(),
    );
    let Said::LookedUp {
        outcome: v1::LookUpOutcome::Found,
        evidence: Some(notice),
        ..
    } = found
    else {
        panic!("{found:?}")
    };
    let data: Value = serde_json::from_slice(&notice.data).unwrap();
    assert_eq!(data["child"]["name"], "Hoàng Minh Mẫu");
    assert_eq!(notice.documents.len(), 1);

    let other = only(
        hospital
            .answers(&look_up("birth_notice", "Hoàng Minh Khác"))
            .unwrap(),
    );
    let not_found = matches!(
        other,
        Said::LookedUp {
            outcome: v1::LookUpOutcome::NotFound,
            evidence: None,
            ..
        }
    );
    assert!(not_found, "{other:?}");
}

#[test]
fn a_registry_that_is_unavailable_twice_finds_it_the_third_time() {
    let office = office(
        r#"
        [[look_up]]
        evidence = "parents"
        [[look_up.rule]]
        rounds_max = 2
        outcome = "unavailable"
        [[look_up.rule]]
        outcome = "found"
        [[look_up.rule.give]]
        evidence = "parents"
        data = { mother = { name = "{{party.owner.name}}" } }
        "#,
    );
    let said = [1, 2, 3].map(|round| {
        let mut asked = look_up("parents", "An");
        asked.round = round;
        match only(office.answers(&asked).unwrap()) {
            Said::LookedUp { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    });
    let unavailable = v1::LookUpOutcome::Unavailable;
    assert_eq!(said, [unavailable, unavailable, v1::LookUpOutcome::Found]);
}

#[test]
fn an_office_asks_for_what_is_missing_then_for_money_then_for_an_opinion_and_then_completes() {
    let office = office(
        r#"
        [[step]]
        id = "appraise"
        [[step.rule]]
        when = [{ value = "{{evidence.plan.version?}}", equals = "" }]
        outcome = "supplement"
        [[step.rule.item]]
        evidence = "plan"
        reason = "thiếu bản vẽ"
        legal_basis = "Điều 1"
        [[step.rule]]
        when = [{ value = "{{payment.obligation_id?}}", equals = "" }]
        outcome = "payment"
        obligation_id = "N-{{number:4}}"
        amount_vnd = "{{per_mille:25:evidence.plan.data/value_vnd}}"
        purpose = "lệ phí"
        legal_basis = "Điều 2"
        [[step.rule]]
        when = [{ value = "{{opinion.agency?}}", equals = "" }]
        outcome = "consultation"
        agency = "G12.99"
        question = "Có đồng ý không?"
        limit = "2 working days"
        share = ["plan"]
        [[step.rule]]
        outcome = "completed"
        note = "{{opinion.text}}"
        [consultation]
        [[consultation.rule]]
        outcome = "opinion"
        text = "Đồng ý: {{question}}"
        "#,
    );
    let mut round = handover("appraise", v1::Task::Work, vec![]);
    let mut answer = |change: &dyn Fn(&mut v1::Handover)| {
        change(&mut round);
        only(office.answers(&round).unwrap())
    };
    let Said::Supplement { items } = answer(&|_| {}) else {
        panic!()
    };
    assert_eq!(items[0].evidence, "plan");
    let Said::Payment { amount_vnd, .. } = answer(&|round| {
        round.evidence = vec![evidence("plan", 1, json!({ "value_vnd": 1_200_000_001 }))];
    }) else {
        panic!()
    };
    assert_eq!(amount_vnd, 30_000_000);
    let Said::Consultation {
        question, limit, ..
    } = answer(&|round| {
        round.payments = vec![v1::Payment {
            obligation_id: "N-1".into(),
            ..Default::default()
        }];
    })
    else {
        panic!()
    };
    assert_eq!((limit.amount, limit.unit()), (2, v1::LimitUnit::WorkingDay));

    let mut consulted = handover("consult_appraise_1", v1::Task::Consult, vec![]);
    consulted.question = question;
    let Said::Opinion { text } = only(office.answers(&consulted).unwrap()) else {
        panic!()
    };
    let Said::Completed { note, .. } = answer(&|round| {
        round.opinions = vec![v1::OpinionGiven {
            agency_code: "G12.99".into(),
            text: text.clone(),
            silent: false,
        }];
    }) else {
        panic!()
    };
    assert_eq!(note, "Đồng ý: Có đồng ý không?");
}

#[test]
fn an_outcome_is_said_by_who_may_sign_it_and_everything_else_by_who_works_on_it() {
    let answers = scripted("civil-status")
        .answers(&register("99999.GCS.00001.26", v1::Task::Work))
        .unwrap();
    assert_eq!(
        answers[0].officer.as_ref().unwrap().title,
        "Phó Chủ tịch UBND"
    );
    let asked = handover("issue_health_card", v1::Task::Review, vec![]);
    let answers = scripted("social-insurance").answers(&asked).unwrap();
    assert_eq!(answers[0].officer.as_ref().unwrap().title, "Chuyên viên");
}
