//! Stories of one dossier: from the desk to the departments and back.

use crate::world::*;
use dossier::{
    Event, Refusal,
    decide::Action,
    dossier::{Stage, Task},
    event::{PartEnd, RecallWhy},
    notice::Notice,
};
use jiff::SignedDuration;

#[test]
fn the_straight_birth_dossier_closes_with_every_result() {
    let mut case = Case::birth_with_identity_card();
    assert_eq!(case.owed(), ["register_birth"]);

    case.holds("register_birth");
    case.says("register_birth", completed("first"));
    assert_eq!(
        case.owed(),
        [
            "issue_health_card",
            "issue_identity_card",
            "register_residence"
        ],
        "three departments work at the same time"
    );

    for step in [
        "register_residence",
        "issue_health_card",
        "issue_identity_card",
    ] {
        case.holds(step);
        case.says(step, completed("first"));
    }
    assert!(case.is_closed());
    let results = [
        "birth_certificate",
        "health_card",
        "identity_card",
        "personal_id",
        "residence_notice",
    ];
    assert_eq!(case.results(), results.map(|name| (name.to_owned(), 1)));
    assert!(case.owed().is_empty());
}

#[test]
fn the_parents_get_the_birth_certificate_before_the_rest_is_done() {
    let mut case = Case::birth();
    case.holds("register_birth");
    case.says("register_birth", completed("first"));

    let certificate = Notice::Result {
        evidence: evidence("birth_certificate"),
        version: 1,
        step: step("register_birth"),
        agency: agency(CIVIL_STATUS),
    };
    assert!(case.told().contains(&certificate));
    assert!(!case.is_closed());
}

#[test]
fn an_identity_card_that_nobody_asked_for_is_not_in_the_dossier() {
    let case = Case::birth();
    assert!(!case.dossier.steps.contains_key("issue_identity_card"));
    assert!(!case.dossier.parts.contains_key("identity_card"));
}

#[test]
fn a_refusal_ends_its_own_part_and_no_more() {
    let mut case = Case::birth_registered();
    case.says("register_residence", Says::Refused);
    assert_eq!(case.dossier.parts["residence"].end, Some(PartEnd::Refused));

    case.says("issue_health_card", completed("first"));
    case.says("issue_identity_card", completed("first"));
    assert!(case.is_closed());
    assert_eq!(
        case.dossier.parts["health_card"].end,
        Some(PartEnd::Completed)
    );
    assert_eq!(
        case.dossier.parts["identity_card"].end,
        Some(PartEnd::Completed)
    );
}

#[test]
fn a_refused_birth_ends_everything_that_needs_it() {
    let mut case = Case::birth_with_identity_card();
    case.holds("register_birth");
    case.says("register_birth", Says::Refused);

    assert_eq!(case.stage("register_birth"), Stage::Refused);
    for step in [
        "register_residence",
        "issue_health_card",
        "issue_identity_card",
    ] {
        assert_eq!(case.stage(step), Stage::Ended);
    }
    assert!(case.is_closed());
    assert!(case.results().is_empty());
    assert!(
        case.owed().is_empty() && case.recalls().is_empty(),
        "nobody was given anything"
    );
}

#[test]
fn a_declined_step_waits_for_a_person_who_places_it_elsewhere() {
    let mut case = Case::birth_registered();
    case.says("register_residence", Says::Declined);
    assert_eq!(case.stage("register_residence"), Stage::Declined);
    assert!(case.owed().is_empty());

    case.moves("register_residence", OTHER_POLICE).unwrap();
    assert_eq!(case.owed(), ["register_residence"]);
    assert!(
        case.recalls().is_empty(),
        "who declined has put it down already"
    );
    let handover = case.handover("register_residence");
    assert_eq!((handover.agency, handover.round), (agency(OTHER_POLICE), 2));
    assert!(
        handover.changes.is_empty(),
        "it is all new to the new department"
    );

    case.holds("register_residence");
    case.says("register_residence", completed("first"));
    assert_eq!(case.stage("register_residence"), Stage::Completed);
}

#[test]
fn a_step_declined_by_mistake_can_be_given_back_to_the_same_department() {
    let mut case = Case::birth_registered();
    case.says("register_residence", Says::Declined);
    case.moves("register_residence", POLICE).unwrap();
    assert_eq!(case.owed(), ["register_residence"]);
    assert_eq!(case.step("register_residence").round, 2);
}

#[test]
fn a_held_step_that_is_moved_is_recalled_where_it_was() {
    let mut case = Case::birth_registered();
    case.moves("register_residence", OTHER_POLICE).unwrap();

    assert_eq!(
        case.recalls(),
        [("register_residence".to_owned(), 2, POLICE.to_owned())]
    );
    assert_eq!(
        case.dossier.recalls[&(step("register_residence"), 2)].why,
        RecallWhy::Moved
    );
    assert_eq!(case.step("register_residence").round, 3);
    assert_eq!(
        case.handover("register_residence").agency,
        agency(OTHER_POLICE)
    );

    case.puts_down("register_residence", 2);
    assert!(case.recalls().is_empty());
    assert_eq!(
        case.stage("register_residence"),
        Stage::Due,
        "the new round is still owed"
    );
}

#[test]
fn the_department_that_lost_a_step_hears_that_its_round_is_superseded() {
    let mut case = Case::birth_registered();
    let late = case.report("register_residence", completed("late"));
    case.moves("register_residence", OTHER_POLICE).unwrap();

    let superseded = Refusal::Superseded {
        step: step("register_residence"),
        said: 1,
        newest: 3,
    };
    assert_eq!(case.sends(late.clone()).unwrap_err(), superseded);
    case.puts_down("register_residence", 2);
    assert_eq!(
        case.sends(late).unwrap_err(),
        superseded,
        "also after it put it down"
    );
    assert!(case.dossier.concerns(POLICE), "it had a step in it");
}

#[test]
fn a_department_that_gets_a_step_back_need_not_put_down_what_it_had() {
    let mut case = Case::birth_registered();
    case.moves("register_residence", OTHER_POLICE).unwrap();
    case.moves("register_residence", POLICE).unwrap();

    assert_eq!(
        case.recalls(),
        [("register_residence".to_owned(), 4, OTHER_POLICE.to_owned())]
    );
    assert_eq!(case.handover("register_residence").agency, agency(POLICE));
    assert_eq!(case.step("register_residence").round, 5);
}

#[test]
fn a_step_that_is_where_it_should_be_cannot_be_moved_there() {
    let mut case = Case::birth_registered();
    let refusal = case.moves("register_residence", POLICE).unwrap_err();
    assert_eq!(refusal.reason(), "ALREADY_THERE");
}

#[test]
fn the_desk_is_told_which_department_a_waiting_step_was_moved_to() {
    let mut case = Case::birth();
    case.moves("register_residence", OTHER_POLICE).unwrap();
    let told = case.told().into_iter().any(|notice| {
        matches!(notice, Notice::Step { step, agency, .. }
            if step.as_str() == "register_residence" && agency.as_str() == OTHER_POLICE)
    });
    assert!(told);
}

#[test]
fn a_report_that_overtakes_its_acknowledgement_acknowledges() {
    let mut case = Case::birth();
    case.is_offered("register_birth");
    assert_eq!(case.stage("register_birth"), Stage::PossiblyHeld);

    let decided = case.says("register_birth", completed("first"));
    assert_eq!(case.stage("register_birth"), Stage::Completed);
    assert!(matches!(
        decided.entries[0].event,
        Event::Acknowledged { .. }
    ));

    let entries = case.entries.len();
    case.puts_down("register_birth", 1);
    assert_eq!(
        case.entries.len(),
        entries,
        "the acknowledgement that comes after changes nothing"
    );
}

#[test]
fn a_report_of_a_step_that_is_not_due_is_refused() {
    let mut case = Case::birth();
    let refusal = case.refusal("register_residence", completed("too early"));
    assert_eq!(refusal.reason(), "STEP_NOT_HELD");
    assert_eq!(
        refusal.to_string(),
        "step register_residence is waiting and round 0 was not given to the sender"
    );
}

#[test]
fn a_report_of_a_round_that_was_never_given_is_refused() {
    let mut case = Case::birth();
    case.holds("register_birth");
    let mut report = case.report("register_birth", completed("first"));
    report.round = 7;
    assert_eq!(case.sends(report).unwrap_err().reason(), "STEP_NOT_HELD");
}

#[test]
fn a_report_of_an_earlier_round_is_answered_as_superseded() {
    let mut case = Case::birth_registered();
    let early = case.report("register_residence", completed("with the old one"));
    case.says("register_birth", corrected("birth_certificate", "second"));
    assert_eq!(case.step("register_residence").round, 2);

    let refusal = case.sends(early).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "round 1 of step register_residence is superseded by round 2"
    );
}

#[test]
fn a_completed_step_is_not_completed_twice() {
    let mut case = Case::birth_registered();
    let refusal = case.refusal("register_birth", completed("again"));
    assert_eq!(
        refusal.to_string(),
        "step register_birth is already completed"
    );
}

#[test]
fn the_same_report_twice_gets_the_first_answer_and_has_one_effect() {
    let mut case = Case::birth();
    case.holds("register_birth");
    let report = case.report("register_birth", completed("first"));
    let item = cause(CIVIL_STATUS, "item-1", "the report");
    let first = case
        .happens(Some(item.clone()), Action::Report(report.clone()))
        .unwrap();
    let entries = case.entries.len();

    let again = case.happens(Some(item), Action::Report(report)).unwrap();
    assert!(again.entries.is_empty());
    assert_eq!((again.at, again.sequence), (first.at, first.sequence));
    assert_eq!(case.entries.len(), entries);
}

#[test]
fn the_same_id_with_other_content_is_refused() {
    let mut case = Case::birth();
    case.holds("register_birth");
    let report = case.report("register_birth", Says::Progress);
    let item = cause(CIVIL_STATUS, "item-1", "one content");
    case.happens(Some(item), Action::Report(report.clone()))
        .unwrap();

    let other = cause(CIVIL_STATUS, "item-1", "another content");
    let refusal = case
        .happens(Some(other), Action::Report(report.clone()))
        .unwrap_err();
    assert_eq!(refusal, Refusal::IdReused);

    let stranger = cause("another system", "item-1", "another content");
    case.happens(Some(stranger), Action::Report(report))
        .expect("ids are each sender's own");
}

#[test]
fn a_report_on_anothers_step_is_refused_and_says_nothing_of_it() {
    let mut case = Case::birth_registered();
    let mut report = case.report("register_residence", completed("not theirs"));
    report.agency = agency(INSURANCE);
    assert_eq!(case.sends(report.clone()).unwrap_err(), Refusal::NotYours);

    report.step = step("no_such_step");
    assert_eq!(case.sends(report).unwrap_err(), Refusal::NotYours);
}

#[test]
fn what_a_department_lost_is_handed_over_again() {
    let mut case = Case::birth_registered();
    let before = case.handover("register_residence");
    assert!(case.step("register_residence").held_since.is_some());
    case.loses("register_residence");
    assert!(case.step("register_residence").held_since.is_none());

    assert_eq!(case.owed(), ["register_residence"]);
    assert_eq!(
        case.handover("register_residence").id,
        before.id,
        "the same round again"
    );
    case.holds("register_residence");
    case.says("register_residence", completed("first"));
}

#[test]
fn a_department_cannot_lose_what_it_has_answered() {
    let mut case = Case::birth_registered();
    let entries = case.entries.len();
    case.loses("register_birth");
    assert_eq!(case.entries.len(), entries);
}

#[test]
fn a_limit_that_passes_is_told_once() {
    let mut case = Case::birth_registered();
    case.now = at("2026-10-12T09:00");
    let first = case.limit_passes("register_residence");
    assert!(matches!(
        first.entries[..],
        [dossier::Entry {
            event: Event::LimitPassed { .. },
            ..
        }]
    ));
    assert!(case.limit_passes("register_residence").entries.is_empty());

    case.says("register_residence", completed("late but done"));
    assert_eq!(case.stage("register_residence"), Stage::Completed);
}

#[test]
fn a_limit_is_not_passed_by_what_is_not_due_or_done() {
    let mut case = Case::birth();
    assert!(
        case.limit_passes("register_residence").entries.is_empty(),
        "not yet due"
    );
    case.holds("register_birth");
    case.says("register_birth", completed("first"));
    assert!(
        case.limit_passes("register_birth").entries.is_empty(),
        "done"
    );
}

#[test]
fn a_moved_step_keeps_its_time() {
    let mut case = Case::birth_registered();
    let due_at = case.step("register_residence").due_at;
    case.now += SignedDuration::from_hours(5);
    case.moves("register_residence", OTHER_POLICE).unwrap();
    assert_eq!(case.step("register_residence").due_at, due_at);
}

#[test]
fn progress_names_the_officer_and_changes_nothing_else() {
    let mut case = Case::birth();
    case.holds("register_birth");
    let mut report = case.report("register_birth", Says::Progress);
    report.officer.name = "Cán bộ".into();
    case.sends(report).unwrap();
    assert_eq!(case.step("register_birth").officer.name, "Cán bộ");
    assert_eq!(
        (case.stage("register_birth"), case.task("register_birth")),
        (Stage::Held, Task::Work)
    );
}

#[test]
fn a_step_is_completed_only_with_everything_that_it_gives() {
    let mut case = Case::birth();
    case.holds("register_birth");
    let mut report = case.report("register_birth", completed("first"));
    if let dossier::decide::Statement::Completed { evidence, .. } = &mut report.statement {
        evidence.pop();
        evidence.push(paper("health_card", "not theirs to give"));
    }
    let Refusal::Fields(faults) = case.sends(report).unwrap_err() else {
        panic!("it names no fields");
    };
    let said: Vec<_> = faults
        .iter()
        .map(|f| format!("{} must be {}", f.field, f.rule))
        .collect();
    assert_eq!(
        said,
        [
            "evidence[1].name must be one of what step register_birth gives: birth_certificate, personal_id",
            "evidence must be everything that step register_birth gives; missing: personal_id",
        ]
    );
}

#[test]
fn a_refused_redo_ends_what_still_needs_the_result() {
    let mut case = chain();
    for step in ["first", "second"] {
        case.holds(step);
        case.says(step, completed("one"));
    }
    case.holds("third");
    case.says("first", corrected("a", "two"));
    case.holds("second");
    case.says("second", Says::Redo);
    case.says("second", Says::Refused);

    assert_eq!(
        case.stage("third"),
        Stage::Ended,
        "what it works with no longer stands"
    );
    assert_eq!(case.recalls().len(), 1);
    assert!(case.is_closed());
}

#[test]
fn a_recall_is_still_owed_when_the_dossier_is_closed() {
    let mut case = chain();
    case.holds("first");
    case.says("first", completed("one"));
    case.holds("second");
    case.says("second", completed("one"));
    case.holds("third");
    case.says("first", corrected("a", "two"));
    case.holds("second");
    case.says("second", Says::Redo);
    case.says("second", Says::Refused);
    assert!(case.is_closed());

    let (_, round, _) = case.recalls()[0].clone();
    case.puts_down("third", round);
    assert!(case.recalls().is_empty());
}

#[test]
fn a_closed_dossier_takes_nothing_but_a_correction() {
    let mut case = Case::birth();
    for step in ["register_birth", "register_residence", "issue_health_card"] {
        case.holds(step);
        case.says(step, completed("first"));
    }
    assert!(case.is_closed());

    assert_eq!(
        case.moves("register_residence", OTHER_POLICE).unwrap_err(),
        Refusal::Closed
    );
    let again = case.refusal("register_birth", completed("again"));
    assert_eq!(again.reason(), "STEP_FINISHED");

    // An agency corrects its own fault at its own cost (NĐ 61/2018 Art 21).
    case.says("register_birth", corrected("birth_certificate", "second"));
    assert!(!case.is_closed() && case.dossier.reopened_at.is_some());
    for step in ["register_residence", "issue_health_card"] {
        case.holds(step);
        case.says(step, Says::Stands);
    }
    assert!(case.is_closed());
}

/// Three steps, each in its own part, each needing what the one before gives.
pub fn chain() -> Case {
    use crate::generate::{PlannedStep, begin, plan};
    begin(&plan(vec![
        PlannedStep::named("first").gives("a"),
        PlannedStep::named("second").gives("b").needs("a"),
        PlannedStep::named("third").gives("c").needs("b"),
    ]))
}
