//! Once-only, rule by rule: whom a look-up is about, what its holder is told, what a vault may give,
//! when the citizen is asked, what is handed out, and what a correction does to conditions.

use crate::{made_up::*, stories_of_rules::*, world::*};
use dossier::{
    Procedure, Refusal,
    alarm::Alarm,
    decide::{Act, Report, Statement},
    directory::Directory,
    dossier::{Stage, Task},
    event::LookUpOutcome,
    evidence::Given,
    intake::Submission,
    notice::Notice,
    party::{Identifier, Officer, Scheme},
    vault,
};
use std::sync::Arc;

const MOTHER: &str = "099000000002";

/// A birth whose parents are looked up at the population database, and whose notice at the hospital.
fn looked_for() -> Case {
    let text = BIRTH
        .replace(
            "holder = \"POPULATION_DATABASE\"",
            "holder = \"POPULATION_DATABASE\"\nabout = \"owner\"\nknown_by = { scheme = \"personal_id\", pointers = [\"/parents/*/personal_id\", \"/father/personal_id\"] }",
        )
        .replace("holder = \"HOSPITAL\"", "holder = \"HOSPITAL\"\nfound_by = [\"owner\"]");
    let holders = DIRECTORY.trim_end().strip_suffix(']').unwrap().to_owned()
        + r#"{ code = "H26.8", name = "Bệnh viện", roles = ["HOSPITAL"], territory = "H26", valid_from = "2025-07-01" },
  { code = "H26.9", name = "Dân cư", roles = ["POPULATION_DATABASE"], territory = "H26", valid_from = "2025-07-01" },
]"#;
    let procedure = Arc::new(Procedure::parse("birth.toml", &text).unwrap());
    let directory = Directory::parse("directory.toml", &holders).unwrap();
    let mut submission = birth_submission();
    submission
        .evidence
        .retain(|one| one.name.as_str() == "health_facility_choice");
    let mother = &mut submission.parties[0];
    mother.identifiers = vec![Identifier::new(Scheme::PersonalId, MOTHER).unwrap()];
    mother.address = "Thôn 1".into();
    mother.phone = "0900000000".into();
    mother.email = "mau@mau.example".into();
    let mut case = Case::receive(Law::of(procedure, directory), submission);
    case.holds("look_up_parents");
    case
}

/// The answer of the population database, about this party and with this data.
fn answer(case: &Case, about: Option<&str>, data: &str) -> Report {
    let mut report = case.report("look_up_parents", found("found"));
    let Statement::LookedUp {
        evidence: Some(given),
        ..
    } = &mut report.statement
    else {
        panic!("{report:?}");
    };
    given.subject = about.map(|id| id.parse().unwrap());
    given.data = data.as_bytes().into();
    report
}

fn wrong(refusal: Refusal) -> (String, String) {
    let Refusal::Fields(mut faults) = refusal else {
        panic!("{refusal}");
    };
    assert_eq!(faults.len(), 1, "{faults:?}");
    let fault = faults.remove(0);
    (fault.field, fault.rule)
}

#[test]
fn the_answer_to_a_look_up_names_the_party_that_was_asked_about() {
    let mut case = looked_for();
    for about in [None, Some("child")] {
        let refusal = case.sends(answer(&case, about, "{}")).unwrap_err();
        let told = (
            "evidence.subject_party_id",
            "the party that was asked about: mother",
        );
        let (field, rule) = wrong(refusal);
        assert_eq!((field.as_str(), rule.as_str()), told);
    }
    case.sends(answer(&case, Some("mother"), "{}")).unwrap();
}

#[test]
fn an_answer_with_another_number_is_an_answer_for_another_person() {
    let mut case = looked_for();
    let of = |number: &str| format!(r#"{{"parents": [{{"personal_id": "{number}"}}]}}"#);
    let refusal = case
        .sends(answer(&case, Some("mother"), &of("099000000003")))
        .unwrap_err();
    let (field, rule) = wrong(refusal);
    assert_eq!(field, "evidence.data");
    assert!(
        rule.contains("/parents/*/personal_id must be the personal_id by which"),
        "{rule}"
    );
    assert!(
        !rule.contains(MOTHER) && !rule.contains("099000000003"),
        "{rule}"
    );
    case.sends(answer(&case, Some("mother"), &of(MOTHER)))
        .unwrap();

    // One of the places is enough, and data that says no number says nothing against it.
    for data in [
        format!(
            r#"{{"parents": [{{"personal_id": "099000000003"}}], "father": {{"personal_id": "{MOTHER}"}}}}"#
        ),
        r#"{"parents": [{"name": "Trần Thị Thử"}]}"#.to_owned(),
    ] {
        let mut case = looked_for();
        case.sends(answer(&case, Some("mother"), &data)).unwrap();
    }
}

#[test]
fn a_holder_is_told_whom_it_is_about_and_by_whom_it_is_found_and_no_way_to_reach_them() {
    let case = looked_for();
    let ids = |step: &str| -> Vec<String> {
        let parties = case.handover(step).parties;
        parties.iter().map(|party| party.id.to_string()).collect()
    };
    assert_eq!(ids("look_up_parents"), ["mother"]);
    assert_eq!(ids("look_up_birth_notice"), ["child", "mother"]);
    let mother = &case.handover("look_up_parents").parties[0];
    assert_eq!(mother.identifiers[0].value, MOTHER);
    assert!(!mother.name.is_empty());
    for told in [&mother.address, &mother.phone, &mother.email] {
        assert!(told.is_empty(), "{told}");
    }
}

#[test]
fn a_vault_is_looked_into_by_every_number_that_a_party_has_by_now() {
    let plan = plan(vec![PlannedStep::named("enter").gives("f1").needs("paper")]);
    let mut case = begin(&plan);
    let numbers = |case: &Case| -> Vec<usize> {
        let parties = vault::parties(&case.dossier, &case.procedure);
        parties
            .iter()
            .map(|party| party.identifiers.len())
            .collect()
    };
    assert_eq!(numbers(&case), [0, 0]);
    case.holds("enter");
    case.says("enter", completed("first"));
    assert_eq!(numbers(&case), [0, 1], "the child has a number now");
}

#[test]
fn the_vault_gives_only_what_is_about_the_person_whom_the_procedure_means() {
    let text = BIRTH.replace(
        "holder = \"POPULATION_DATABASE\"",
        "holder = \"POPULATION_DATABASE\"\nabout = \"subject\"\nreuse = true",
    );
    let procedure = Arc::new(Procedure::parse("birth.toml", &text).unwrap());
    let with = |subject: Option<&str>| {
        let mut submission: Submission = birth_submission();
        submission
            .evidence
            .retain(|one| one.name.as_str() != "parents");
        let mut found = finding("parents", "as the vault has it");
        found.given.subject = subject.map(|id| id.parse().unwrap());
        submission.vault = vec![found];
        Case::begin(
            Law::of(Arc::clone(&procedure), directory()),
            submission,
            false,
        )
    };
    let refusal = with(None).map(drop).unwrap_err();
    assert!(
        refusal.to_string().contains("missing: parents"),
        "{refusal}"
    );
    let case = with(Some("child")).unwrap();
    assert!(case.dossier.received.reused.contains_key("parents"));
}

/// One step that needs a record and somebody's consent.
fn two_missing() -> Case {
    begin(&plan(vec![
        PlannedStep::named("appraise")
            .gives("card")
            .needs("record")
            .needs("consent"),
    ]))
}

#[test]
fn the_citizen_is_asked_for_all_of_it_at_once_when_every_holder_has_answered() {
    let mut case = two_missing();
    case.holds("look_up_record");
    assert!(case.dossier.supplements.is_empty());
    case.says("look_up_record", answered(LookUpOutcome::NotFound));
    assert_eq!(case.dossier.supplements.len(), 1);
    assert_eq!(case.dossier.supplements[0].items.len(), 2);
}

#[test]
fn whoever_goes_on_without_a_silent_holder_asks_the_citizen_for_all_of_it() {
    let mut case = two_missing();
    case.holds("look_up_record");
    case.rings(Alarm::StepLimit(step("look_up_record")));
    assert!(
        case.dossier.supplements.is_empty(),
        "the holder may still answer"
    );

    let refusal = case.acts(request(vec![approved("record")])).unwrap_err();
    let (field, rule) = wrong(refusal);
    assert_eq!(field, "items");
    assert_eq!(
        rule,
        "complete, since the citizen is asked once; missing: consent"
    );
    case.acts(request(vec![approved("record"), item("consent")]))
        .unwrap();
    case.says("look_up_record", answered(LookUpOutcome::NotFound));
    assert_eq!(case.dossier.supplements.len(), 1, "nobody is asked twice");
}

fn report_fault(name: &str) -> Act {
    Act::ReportFault {
        evidence: evidence(name),
        reason: "the name is misspelt".into(),
        officer: Officer::default(),
    }
}

#[test]
fn a_result_with_an_open_fault_is_not_handed_out_before_it_is_answered() {
    for answers in [
        corrected("birth_certificate", "second"),
        upheld("birth_certificate"),
    ] {
        let mut case = Case::birth_registered();
        case.acts(report_fault("birth_certificate")).unwrap();
        let refusal = case.hands_out("birth_certificate").unwrap_err();
        assert_eq!(refusal.reason(), "FAULT_OPEN");
        case.holds("register_birth");
        case.says("register_birth", answers);
        case.hands_out("birth_certificate").unwrap();
    }
}

#[test]
fn of_a_withdrawn_dossier_nothing_is_handed_out() {
    let mut case = Case::birth_registered();
    case.acts(withdraw()).unwrap();
    let refusal = case.hands_out("birth_certificate").unwrap_err();
    assert_eq!(refusal.reason(), "DOSSIER_WITHDRAWN");
}

#[test]
fn the_desk_is_told_of_results_and_of_nothing_else_that_steps_give() {
    let case = Case::birth_registered();
    let told: Vec<String> = case
        .told()
        .into_iter()
        .filter_map(|notice| match notice {
            Notice::Result { evidence, .. } => Some(evidence.to_string()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["birth_certificate"], "the number is no paper");
    let gave = case.results();
    assert!(gave.iter().any(|(name, _)| name == "personal_id"));
}

/// A decision, and what is done only where it says yes; then the report of it.
pub fn decided(says: &str) -> Case {
    let mut case = begin(&plan(vec![
        PlannedStep::named("judge")
            .in_part("one")
            .gives("verdict")
            .needs("paper"),
        PlannedStep::named("act")
            .in_part("two")
            .gives("card")
            .needs("paper")
            .when("verdict.content == 'yes'"),
        PlannedStep::named("post")
            .in_part("two")
            .gives("letter")
            .needs("card?")
            .after("act"),
    ]));
    case.holds("judge");
    case.says("judge", completed(says));
    case
}

#[test]
fn a_step_that_was_not_to_be_done_comes_due_when_a_correction_says_so() {
    let mut case = decided("no");
    assert_eq!(case.stage("act"), Stage::Skipped);
    case.says("judge", corrected("verdict", "yes"));
    assert_eq!(
        case.owed(),
        ["act", "post"],
        "what went on without it is told of its result later"
    );
    case.holds("act");
    case.says("act", completed("first"));
    assert_eq!(case.results().len(), 2);

    // Also when all was over and done.
    let mut case = decided("no");
    case.holds("post");
    case.says("post", completed("first"));
    assert!(case.is_closed());
    case.says("judge", corrected("verdict", "yes"));
    assert_eq!(case.owed(), ["act"]);
    assert!(!case.is_closed());
}

#[test]
fn what_a_registry_was_too_busy_to_give_is_looked_up_again_when_it_is_wanted_again() {
    let mut case = begin(&plan(vec![
        PlannedStep::named("judge").gives("verdict").needs("paper"),
        PlannedStep::named("act")
            .gives("card")
            .needs("record")
            .when("verdict.content == 'yes'"),
    ]));
    case.holds("judge");
    case.says("judge", completed("yes"));
    case.holds("look_up_record");
    case.says("look_up_record", answered(LookUpOutcome::Unavailable));
    case.says("judge", corrected("verdict", "no"));
    assert_eq!(case.stage("look_up_record"), Stage::Ended);
    assert!(case.is_closed());

    case.says("judge", corrected("verdict", "yes"));
    assert_eq!(case.owed(), ["look_up_record"]);
    case.holds("look_up_record");
    case.says("look_up_record", found("as registered"));
    case.holds("act");
    case.says("act", completed("first"));
    assert!(case.is_closed());
}

#[test]
fn what_was_asked_for_in_vain_ends_every_step_that_cannot_do_without() {
    let mut case = begin(&plan(vec![
        PlannedStep::named("judge").in_part("one").gives("verdict"),
        PlannedStep::named("act")
            .in_part("two")
            .gives("card")
            .needs("consent"),
        PlannedStep::named("wait")
            .in_part("two")
            .gives("letter")
            .needs("record"),
    ]));
    // Who asked for it has finished without it; nobody asks the citizen a second time.
    case.holds("judge");
    case.says("judge", Says::Supplement(vec![approved("consent")]));
    case.says("judge", completed("yes"));
    case.now = case.alarm(&Alarm::SupplementWindow(1)).unwrap();
    case.rings(Alarm::SupplementWindow(1));
    assert_eq!(case.stage("act"), Stage::Ended);
    assert_eq!(case.dossier.supplements.len(), 1);
    assert!(!case.is_closed(), "the other step is waited for");
    case.holds("look_up_record");
    case.says("look_up_record", found("as registered"));
    case.holds("wait");
    case.says("wait", completed("done"));
    assert!(case.is_closed());
}

#[test]
fn a_step_that_is_no_longer_to_be_done_is_put_down_and_may_come_again() {
    let mut case = decided("yes");
    case.holds("act");
    case.says("judge", corrected("verdict", "no"));
    assert_eq!(case.stage("act"), Stage::Skipped);
    assert_eq!(case.recalls()[0].0, "act");
    assert_eq!(case.owed(), ["post"]);
    let late = case.refusal("act", completed("late"));
    assert_eq!(late.reason(), "STEP_FINISHED");

    case.says("judge", corrected("verdict", "yes"));
    let round = case.step("act").round;
    assert!(
        case.owed().contains(&"act".to_owned()) && round > 2,
        "round {round}"
    );
}

#[test]
fn whoever_finished_what_was_not_to_be_done_after_all_judges_that_once() {
    let mut case = decided("yes");
    case.holds("act");
    case.says("act", completed("first"));
    case.says("judge", corrected("verdict", "no"));
    assert_eq!(case.task("act"), Task::Review);
    let round = case.handover("act");
    let changed: Vec<_> = round
        .changes
        .iter()
        .map(|one| (one.evidence.as_str(), one.to))
        .collect();
    assert_eq!(
        changed,
        [("verdict", 2)],
        "it is told what speaks against it"
    );
    let holds_it = |given: &Given| given.name.as_str() == "verdict";
    assert!(
        !round
            .evidence
            .iter()
            .any(|version| holds_it(&version.new.given)),
        "and gets no more than it needs"
    );

    case.holds("act");
    case.says("act", Says::Stands);
    assert_eq!(case.stage("act"), Stage::Completed);
    assert_eq!(case.owed(), ["post"]);
}
