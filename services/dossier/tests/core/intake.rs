//! At the desk: each field that is wrong is named, all at once, and nothing is received.

use crate::world::*;
use dossier::{
    Refusal,
    evidence::Source,
    intake::{self, EVIDENCE_DATA_BYTES_MAX, EVIDENCE_DOCUMENTS_MAX, PARTIES_MAX, Submission},
    name::DossierId,
    party::{CivilDate, Identifier, PartyRole, Scheme},
    procedure::Procedure,
};
use jiff::Timestamp;

fn check_on(day: &str, change: impl FnOnce(&mut Submission)) -> Vec<String> {
    let mut submission = birth_submission();
    change(&mut submission);
    let at: Timestamp = format!("{day}T05:00:00Z").parse().unwrap();
    let law = Law::birth();
    let id = DossierId([0; 16]);
    let code = "H26.101-261001-0001".parse().unwrap();
    let by = cause("desk", "submit-1", "submit");
    let checked = intake::receive(id, code, submission, by, law.rules(), at).map(drop);
    match checked {
        Ok(()) => vec![],
        Err(Refusal::Fields(faults)) => faults
            .iter()
            .map(|fault| format!("{} must be {}", fault.field, fault.rule))
            .collect(),
        Err(other) => panic!("{other}"),
    }
}

/// What is wrong with the submission when this is changed.
fn wrong(change: impl FnOnce(&mut Submission)) -> Vec<String> {
    check_on("2026-10-01", change)
}

#[test]
fn a_sound_submission_has_nothing_wrong() {
    assert!(wrong(|_| {}).is_empty());
}

#[test]
fn everything_that_is_wrong_is_named_at_once() {
    let faults = wrong(|s| {
        s.territory = "NOWHERE".parse().unwrap();
        s.parties.clear();
        s.evidence.clear();
    });
    assert_eq!(
        faults,
        [
            "territory_code must be a territory of the directory",
            "parties must be at least an owner",
            "evidence must be complete; missing: birth_notice, health_facility_choice, parents",
        ]
    );
}

#[test]
fn only_parts_of_the_procedure_can_be_asked_for() {
    assert_eq!(
        wrong(|s| s.asked = ["passport".into()].into()),
        ["optional_parts must be parts of procedure birth; it has no part passport"]
    );
}

#[test]
fn a_part_cannot_be_asked_for_before_its_day() {
    let text = BIRTH.replacen(
        "valid_from = \"2026-09-01\"",
        "valid_from = \"2026-01-01\"",
        1,
    );
    let procedure = Procedure::parse("birth.toml", &text).unwrap();
    let law = Law::of(procedure.into(), directory());
    let mut submission = birth_submission();
    submission.asked.insert("identity_card".into());
    let check = |at: &str| intake::check(&submission, law.rules(), at.parse().unwrap());
    let refusal = check("2026-08-31T16:59:59Z").unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "1 field(s) are wrong: optional_parts must be in force; part identity_card can be asked for from 2026-09-01 on"
    );
    check("2026-08-31T17:00:00Z").unwrap();
}

#[test]
fn both_desks_are_agencies_in_force() {
    let rule = "must be an agency of the directory, in force today";
    assert_eq!(
        wrong(|s| s.desk = agency("H26.77")),
        [format!("agency_code {rule}")]
    );
    assert_eq!(
        wrong(|s| s.hand_out_desk = agency("H26.77")),
        [format!("hand_out_agency_code {rule}")]
    );
    assert_eq!(
        check_on("2025-06-30", |_| {}).len(),
        2,
        "on the day before both begin"
    );
}

#[test]
fn an_owner_is_there_and_has_a_name() {
    assert_eq!(
        wrong(|s| s.parties[0].roles = [PartyRole::Submitter].into()),
        ["parties must be at least an owner"]
    );
    assert_eq!(
        wrong(|s| s.parties[0].name = " ".into()),
        ["parties[0].name must be a full name"]
    );
    assert!(
        wrong(|s| s.parties[1].name.clear()).is_empty(),
        "a newborn has none yet"
    );
}

#[test]
fn parties_are_told_apart() {
    assert_eq!(
        wrong(|s| s.parties[1].id = s.parties[0].id.clone()),
        ["parties[1].party_id must be different from the other parties'"]
    );
    assert_eq!(
        wrong(|s| s.parties[1].roles.clear()),
        ["parties[1].roles must be at least one"]
    );
    let many = wrong(|s| {
        let mother = s.parties[0].clone();
        s.parties.extend((0..PARTIES_MAX).map(|n| {
            let mut another = mother.clone();
            another.id = format!("party_{n}").parse().unwrap();
            another
        }));
    });
    assert_eq!(many, ["parties must be at most 50"]);
}

#[test]
fn an_identifier_looks_like_one_of_its_register_and_is_there_once() {
    let number = |scheme, value: &str| Identifier {
        scheme,
        value: value.into(),
    };
    assert_eq!(
        wrong(|s| s.parties[0].identifiers = vec![number(Scheme::PersonalId, "00109900000")]),
        ["parties[0].identifiers[0].value must be exactly 12 digits"]
    );
    assert_eq!(
        wrong(|s| {
            let one = number(Scheme::SocialInsurance, "0123456789");
            s.parties[0].identifiers = vec![one.clone(), one];
        }),
        ["parties[0].identifiers[1].scheme must be named once"]
    );
}

#[test]
fn a_date_of_birth_can_be() {
    let born = |year, month, day| {
        move |s: &mut Submission| s.parties[1].born_on = Some(CivilDate { year, month, day })
    };
    assert_eq!(
        wrong(born(2026, 2, 30)),
        ["parties[1].born_on must be a date, with 0 for what is not known"]
    );
    assert!(wrong(born(1950, 0, 0)).is_empty());
}

#[test]
fn a_representative_represents_another_party_and_nobody_else_does() {
    let rule = "must be another party of this dossier, for a representative and nobody else";
    let faults = [
        wrong(|s| s.parties[0].represents = Some("child".parse().unwrap())),
        wrong(|s| s.parties[0].roles = [PartyRole::Owner, PartyRole::Representative].into()),
        wrong(|s| {
            s.parties[0].roles.insert(PartyRole::Representative);
            s.parties[0].represents = Some("mother".parse().unwrap());
        }),
        wrong(|s| {
            s.parties[0].roles.insert(PartyRole::Representative);
            s.parties[0].represents = Some("stranger".parse().unwrap());
        }),
    ];
    for fault in faults {
        assert_eq!(fault, [format!("parties[0].represents_party_id {rule}")]);
    }
    let sound = wrong(|s| {
        s.parties[0].roles.insert(PartyRole::Representative);
        s.parties[0].represents = Some("child".parse().unwrap());
    });
    assert!(sound.is_empty());
}

#[test]
fn who_filed_it_is_a_party() {
    assert_eq!(
        wrong(|s| s.filed_by = Some("stranger".parse().unwrap())),
        ["filed_by_party_id must be a party of this dossier"]
    );
}

#[test]
fn evidence_that_the_procedure_does_not_have_is_named_with_what_it_has() {
    assert_eq!(
        wrong(|s| s.evidence.push(paper("love_letter", "x"))),
        [
            "evidence[3].name must be evidence of procedure birth: birth_notice, health_facility_choice, householder_consent, parents"
        ]
    );
}

#[test]
fn nobody_asks_the_citizen_for_what_a_department_gives() {
    assert_eq!(
        wrong(|s| s.evidence.push(paper("birth_certificate", "x"))),
        ["evidence[3].name must be something that the citizen gives; a department gives this"]
    );
}

#[test]
fn evidence_is_given_once_and_only_for_what_is_asked() {
    assert_eq!(
        wrong(|s| s.evidence.push(paper("parents", "again"))),
        ["evidence[3].name must be named once"]
    );
    let plan = {
        use crate::generate::{PlannedStep, plan};
        let mut plan = plan(vec![
            PlannedStep::named("first").gives("a"),
            PlannedStep::named("second").gives("b").needs("paper"),
        ]);
        plan.optional.insert("part_of_second".into());
        plan
    };
    let mut submission = birth_submission();
    submission.territory = "H26".parse().unwrap();
    submission.evidence = vec![paper("paper", "x")];
    let at = "2026-10-01T05:00:00Z".parse().unwrap();
    let refusal = intake::check(&submission, plan.law().rules(), at).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "1 field(s) are wrong: evidence[0].name must be needed by one of the parts that are asked for"
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        wrong(|s| s.evidence.retain(|given| given.name.as_str() != "parents")),
        ["evidence must be complete; missing: parents"]
    );
}

#[test]
fn evidence_is_about_a_party() {
    assert_eq!(
        wrong(|s| s.evidence[0].subject = Some("stranger".parse().unwrap())),
        ["evidence[0].subject_party_id must be a party of this dossier"]
    );
}

#[test]
fn evidence_has_data_or_documents() {
    assert_eq!(
        wrong(|s| {
            s.evidence[1].data = Vec::new().into();
            s.evidence[1].documents.clear();
        }),
        ["evidence[1].data must be there, or documents, or both"]
    );
    assert!(
        wrong(|s| s.evidence[0].data = Vec::new().into()).is_empty(),
        "documents alone"
    );
    assert!(
        wrong(|s| s.evidence[1].documents.clear()).is_empty(),
        "data alone"
    );
}

#[test]
fn data_is_an_i_json_object_within_its_limit() {
    let data = |bytes: &[u8]| {
        let bytes = bytes.to_vec();
        wrong(move |s| s.evidence[1].data = bytes.into())
    };
    for sound in [
        &b"{}"[..],
        b" {\"a\":[1,null,{\"b\":1.5e3}]}",
        "{\"tên\":\"Mẫu\"}".as_bytes(),
    ] {
        assert!(data(sound).is_empty(), "{sound:?}");
    }
    for bad in [
        &b"[]"[..],
        b"1",
        b"{",
        b"{} {}",
        b"{\"a\":1,\"a\":2}",
        b"{\"a\":{\"b\":1,\"b\":1}}",
        b"{\"a\":\"\xff\"}",
        b"\xef\xbb\xbf{}",
    ] {
        assert_eq!(
            data(bad),
            ["evidence[1].data must be an I-JSON object (RFC 7493) in UTF-8"],
            "{bad:?}"
        );
    }
    let full = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    assert!(data(full(EVIDENCE_DATA_BYTES_MAX).as_bytes()).is_empty());
    assert_eq!(
        data(full(EVIDENCE_DATA_BYTES_MAX + 1).as_bytes()),
        ["evidence[1].data must be at most 65536 bytes"]
    );
}

#[test]
fn documents_are_enough_and_not_too_many_and_none_is_empty() {
    assert_eq!(
        wrong(|s| s.evidence[0].documents.clear()),
        ["evidence[0].documents must be at least 1"]
    );
    assert_eq!(
        wrong(|s| {
            let one = s.evidence[0].documents[0].clone();
            s.evidence[0].documents = vec![one; EVIDENCE_DOCUMENTS_MAX + 1];
        }),
        ["evidence[0].documents must be at most 20"]
    );
    assert_eq!(
        wrong(|s| s.evidence[0].documents[0].size_bytes = 0),
        ["evidence[0].documents[0].size_bytes must be at least 1"]
    );
}

#[test]
fn data_follows_the_schema_that_the_procedure_names() {
    assert_eq!(
        wrong(|s| s.evidence[1].schema_id = "parents.v1".into()),
        ["evidence[1].schema_id must be empty"]
    );
    let text = BIRTH.replace(
        "[evidence.parents]",
        "[evidence.parents]\nschema = \"parents.v2\"",
    );
    let procedure = Procedure::parse("birth.toml", &text).unwrap();
    let at = "2026-10-01T05:00:00Z".parse().unwrap();
    let law = Law::of(procedure.into(), directory());
    let refusal = intake::check(&birth_submission(), law.rules(), at).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "1 field(s) are wrong: evidence[1].schema_id must be parents.v2"
    );
}

#[test]
fn a_fault_of_data_is_said_in_one_sentence() {
    let schema = r#"{"$id": "lienthong:parents:1", "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "t", "description": "d", "type": "object", "additionalProperties": false,
        "required": ["content"], "properties": {"content": {"title": "t", "description": "d",
        "type": "string", "maxLength": 9}}}"#;
    let text = BIRTH.replace(
        "[evidence.parents]",
        "[evidence.parents]\nschema = \"lienthong:parents:1\"",
    );
    let mut law = Law::of(
        Procedure::parse("birth.toml", &text).unwrap().into(),
        directory(),
    );
    let files = vec![("parents-1.json".to_owned(), schema.to_owned())];
    law.schemas = dossier::schema::Schemas::new(files).unwrap().into();
    let said = |data: &[u8]| {
        let mut submission = birth_submission();
        submission.evidence[1].schema_id = "lienthong:parents:1".into();
        submission.evidence[1].data = data.into();
        let at = "2026-10-01T05:00:00Z".parse().unwrap();
        let refusal = intake::check(&submission, law.rules(), at).unwrap_err();
        refusal.to_string()
    };
    let place = "1 field(s) are wrong: evidence[1].data";
    assert_eq!(
        said(br#"{"content": 1}"#),
        format!("{place}/content must be a text")
    );
    assert_eq!(said(b"{}"), format!("{place}/content must be there"));
}

#[test]
fn what_is_received_as_it_comes_is_checked_whole_before_it_has_a_code() {
    let at = "2026-10-01T05:00:00Z".parse().unwrap();
    let law = Law::birth();
    let mut submission = birth_submission();
    submission.evidence.clear();
    intake::check(&submission, law.rules(), at).unwrap();
    let refusal = intake::check_complete(&submission, law.rules(), at).unwrap_err();
    assert!(
        refusal
            .to_string()
            .contains("missing: birth_notice, health_facility_choice"),
        "{refusal}"
    );
    let text = DIRECTORY.replace("\"SOCIAL_INSURANCE\"", "\"SOMETHING_ELSE\"");
    let directory = dossier::directory::Directory::parse("directory.toml", &text).unwrap();
    let law = Law::of(birth(), directory);
    let refusal = intake::check(&birth_submission(), law.rules(), at).unwrap_err();
    assert_eq!(refusal.reason(), "NO_DEPARTMENT");
}

#[test]
fn a_role_that_no_department_has_is_named_with_its_territory() {
    let text = DIRECTORY.replace("\"SOCIAL_INSURANCE\"", "\"SOMETHING_ELSE\"");
    let directory = dossier::directory::Directory::parse("directory.toml", &text).unwrap();
    let refusal = intake::receive(
        DossierId([0; 16]),
        "H26.101-261001-0001".parse().unwrap(),
        birth_submission(),
        cause("desk", "submit-1", "submit"),
        Law::of(birth(), directory).rules(),
        "2026-10-01T05:00:00Z".parse().unwrap(),
    )
    .unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "the directory names no department with role SOCIAL_INSURANCE for territory H26_101"
    );
}

#[test]
fn what_is_received_says_where_it_came_from_and_until_when_it_is_promised() {
    let case = Case::birth_with_identity_card();
    let source = |name| case.dossier.newest(&evidence(name)).unwrap().new.source;
    assert_eq!(source("birth_notice"), Source::Registry);
    assert_eq!(source("health_facility_choice"), Source::Citizen);
    assert_eq!(
        case.dossier.received.promised_at,
        at("2026-10-09T17:00"),
        "six working days are the longest part"
    );
    assert_eq!(
        case.dossier.steps.get("register_birth").unwrap().agency,
        agency(CIVIL_STATUS)
    );
    assert_eq!(
        case.dossier.steps.get("issue_health_card").unwrap().agency,
        agency(INSURANCE)
    );
}

#[test]
fn a_change_of_the_directory_applies_to_dossiers_received_later() {
    let moved = DIRECTORY.replace("\"H26.101.4\"", "\"H26.102.4\"");
    let later = dossier::directory::Directory::parse("directory.toml", &moved).unwrap();
    let before = Case::birth();
    let after = Case::receive(Law::of(birth(), later), birth_submission());
    assert_eq!(before.step("register_residence").agency, agency(POLICE));
    assert_eq!(
        after.step("register_residence").agency,
        agency(OTHER_POLICE)
    );
    assert_ne!(
        before.dossier.received.directory_digest,
        after.dossier.received.directory_digest
    );
}
