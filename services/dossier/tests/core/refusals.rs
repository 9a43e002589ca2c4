//! Reading the refusals alone teaches an integrator the rules: each is met here in the situation
//! that it is for, with its reason word, its sort and what it says in both languages.

use crate::world::*;
use dossier::{
    Refusal,
    decide::{Action, Statement},
    dossier::Stage,
    name::DossierId,
    refusal::Sort,
};
use std::collections::BTreeSet;

/// Every refusal, met.
fn met() -> Vec<Refusal> {
    let mut all = Vec::new();

    // The desk leaves something out.
    let mut submission = birth_submission();
    submission.parties.clear();
    let at = "2026-10-01T05:00:00Z".parse().unwrap();
    all.push(dossier::intake::check(&submission, Law::birth().rules(), at).unwrap_err());

    // The directory knows nobody for a step.
    let text = DIRECTORY.replace("\"COMMUNE_POLICE\"", "\"GUARD\"");
    let without_police = dossier::directory::Directory::parse("directory.toml", &text).unwrap();
    let received = dossier::intake::receive(
        DossierId([0; 16]),
        "H26.101-261001-0001".parse().unwrap(),
        birth_submission(),
        cause("desk", "submit-1", "submit"),
        Law::of(birth(), without_police).rules(),
        at,
    );
    all.push(received.unwrap_err());

    // A department reports too early, of another's step, of an old round, under an old id.
    let mut case = Case::birth();
    all.push(case.refusal("register_residence", completed("too early")));
    let mut report = case.report("register_birth", Says::Progress);
    report.agency = agency(INSURANCE);
    all.push(case.sends(report).unwrap_err());
    let report = case.report("register_birth", Says::Progress);
    let action = Action::Report(report);
    case.happens(Some(cause("s", "item", "one")), action.clone())
        .unwrap();
    all.push(
        case.happens(Some(cause("s", "item", "another")), action)
            .unwrap_err(),
    );

    let mut case = Case::birth_registered();
    let old = case.report("register_residence", completed("with the old one"));
    let mut stale = case.report("issue_health_card", returned("birth_certificate"));
    case.says("register_birth", corrected("birth_certificate", "second"));
    all.push(case.sends(old).unwrap_err());

    // It finds a fault in an old version, in what no department gave, too often, or does not wait.
    stale.round = case.step("issue_health_card").round;
    all.push(case.sends(stale).unwrap_err());
    all.push(case.refusal("issue_health_card", returned("health_facility_choice")));
    for _ in 0..case.procedure.text.returns_max {
        case.holds("issue_health_card");
        case.says("issue_health_card", returned("birth_certificate"));
        case.holds("register_birth");
        case.says("register_birth", upheld("birth_certificate"));
    }
    all.push(case.refusal("issue_health_card", returned("birth_certificate")));
    case.says("issue_identity_card", returned("personal_id"));
    all.push(case.refusal("issue_identity_card", completed("all the same")));

    // It answers something else than was asked, or what was answered already.
    case.holds("register_birth");
    all.push(case.refusal("register_birth", Says::Declined));
    case.says("register_birth", upheld("personal_id"));
    all.push(case.refusal("register_birth", upheld("personal_id")));

    // An operator moves a step that is not there, or that is there already, or too late.
    let nowhere = Action::Move {
        step: step("bury"),
        to: agency(POLICE),
        reason: "r".into(),
    };
    all.push(case.happens(None, nowhere).unwrap_err());
    all.push(case.moves("register_residence", POLICE).unwrap_err());
    let mut case = Case::birth();
    case.holds("register_birth");
    case.says("register_birth", Says::Refused);
    all.push(case.moves("register_birth", OTHER_POLICE).unwrap_err());

    // Two that the broker meets: it alone knows all codes and today's directory.
    all.push(Refusal::CodeTaken);
    all.push(Refusal::UnknownAgency {
        agency: agency("H26.77"),
    });
    all
}

#[test]
fn every_refusal_has_a_situation_that_it_is_for() {
    let reasons: BTreeSet<_> = met().iter().map(Refusal::reason).collect();
    let every = [
        "ALREADY_THERE",
        "CODE_TAKEN",
        "DOSSIER_CLOSED",
        "ID_REUSED",
        "INVALID_FIELDS",
        "NOT_RETURNABLE",
        "NOT_YOURS",
        "NO_DEPARTMENT",
        "RETURN_LIMIT",
        "RETURN_OPEN",
        "ROUND_SUPERSEDED",
        "STEP_FINISHED",
        "STEP_NOT_HELD",
        "UNKNOWN_AGENCY",
        "UNKNOWN_STEP",
        "VERSION_SUPERSEDED",
        "WRONG_TASK",
    ];
    assert_eq!(reasons, BTreeSet::from(every));
}

#[test]
fn every_refusal_speaks_both_languages_and_names_no_person() {
    for refusal in met() {
        let (en, vi) = (refusal.to_string(), refusal.vi());
        assert!(
            en.chars().next().is_some_and(|c| !c.is_uppercase()) && !en.ends_with('.'),
            "{en}"
        );
        assert!(vi.ends_with('.') && !vi.is_ascii(), "{vi}");
        for personal in ["Tên Mẫu", "as the desk took it", "because"] {
            assert!(
                !en.contains(personal) && !vi.contains(personal),
                "{en} {vi}"
            );
        }
    }
}

#[test]
fn a_refusal_says_of_which_sort_it_is() {
    for refusal in met() {
        let wanted = match refusal.reason() {
            "INVALID_FIELDS" | "UNKNOWN_AGENCY" | "UNKNOWN_STEP" => Sort::Invalid,
            "NOT_YOURS" => Sort::Denied,
            "ID_REUSED" | "CODE_TAKEN" => Sort::Exists,
            _ => Sort::State,
        };
        assert_eq!(refusal.sort(), wanted, "{refusal}");
    }
}

/// The table of task and statement: what may be said in which round, each against each.
#[test]
fn each_task_takes_its_own_answers_and_no_others() {
    let work = || Case::birth_registered();
    let answer = || {
        let mut case = Case::birth_registered();
        case.says("issue_health_card", returned("birth_certificate"));
        case.holds("register_birth");
        case
    };
    let review = || {
        let mut case = Case::birth_registered();
        case.says("register_residence", completed("first"));
        case.says("register_birth", corrected("birth_certificate", "second"));
        case.holds("register_residence");
        case
    };
    type Row = (fn() -> Case, &'static str, &'static str, [bool; 9]);
    //        completed refused declined return progress correction upheld stands redo
    let table: [Row; 3] = [
        (
            work,
            "register_residence",
            "birth_certificate",
            [true, true, true, true, true, false, false, false, false],
        ),
        (
            answer,
            "register_birth",
            "birth_certificate",
            [false, false, false, false, true, true, true, false, false],
        ),
        (
            review,
            "register_residence",
            "residence_notice",
            [false, false, false, false, true, true, false, true, true],
        ),
    ];
    for (begin, step, name, allowed) in table {
        let said = [
            completed("new"),
            Says::Refused,
            Says::Declined,
            returned("birth_certificate"),
            Says::Progress,
            corrected(name, "new"),
            upheld(name),
            Says::Stands,
            Says::Redo,
        ];
        for (says, is_allowed) in said.into_iter().zip(allowed) {
            let mut case = begin();
            let report = case.report(step, says.clone());
            let result = case.sends(report);
            assert_eq!(
                result.is_ok(),
                is_allowed,
                "{step}, {:?}: {says:?}",
                case.task(step)
            );
            if let Err(refusal) = result {
                let known = ["WRONG_TASK", "NOT_RETURNABLE"].contains(&refusal.reason());
                assert!(known, "{refusal}");
            }
        }
    }
}

#[test]
fn a_finished_step_takes_nothing_but_a_correction() {
    for says in [
        completed("new"),
        Says::Refused,
        Says::Declined,
        Says::Progress,
        upheld("personal_id"),
        Says::Stands,
        Says::Redo,
    ] {
        let mut case = Case::birth_registered();
        let refusal = case.refusal("register_birth", says);
        let finished = Refusal::Finished {
            step: step("register_birth"),
            state: Stage::Completed,
        };
        assert_eq!(refusal, finished);
    }
}

#[test]
fn an_empty_correction_is_refused() {
    let mut case = Case::birth_registered();
    let mut report = case.report("register_birth", corrected("birth_certificate", "second"));
    if let Statement::Correction { evidence, .. } = &mut report.statement {
        evidence.clear();
    }
    let refusal = case.sends(report).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "1 field(s) are wrong: evidence must be at least one"
    );
}
