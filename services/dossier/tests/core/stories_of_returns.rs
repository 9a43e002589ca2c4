//! Stories of peer returns and corrections: a department's fault goes back to that department, and
//! the citizen is asked nothing.

use crate::{stories::chain, world::*};
use dossier::{
    Refusal,
    dossier::{FaultAnswer, Stage, Task},
    event::PartEnd,
    notice::{Notice, ReturnState},
};

#[test]
fn social_insurance_sends_the_certificate_back_and_everybody_says_that_theirs_stands() {
    let mut case = Case::birth_registered();
    case.says("register_residence", completed("first"));
    case.says("issue_health_card", returned("birth_certificate"));

    assert_eq!(case.owed(), ["register_birth"]);
    assert_eq!(case.task("register_birth"), Task::Answer);
    let fault = &case.handover("register_birth").faults[0];
    assert_eq!(
        (fault.evidence.as_str(), fault.version),
        ("birth_certificate", 1)
    );
    assert_eq!(fault.askers, [step("issue_health_card")]);

    case.holds("register_birth");
    case.says("register_birth", corrected("birth_certificate", "second"));
    assert_eq!(case.stage("register_birth"), Stage::Completed);

    // The asker goes on with its work; the police are asked whether what they did stands.
    let card = case.handover("issue_health_card");
    assert_eq!(card.task, Task::Work);
    let answer = FaultAnswer {
        evidence: evidence("birth_certificate"),
        version: 2,
        upheld: false,
        reason: "because".into(),
    };
    assert_eq!(card.fault_answers, [answer]);
    let residence = case.handover("register_residence");
    assert_eq!(residence.task, Task::Review);
    assert_eq!((residence.changes[0].from, residence.changes[0].to), (1, 2));

    case.holds("register_residence");
    case.says("register_residence", Says::Stands);
    case.holds("issue_health_card");
    case.says("issue_health_card", completed("first"));
    case.says("issue_identity_card", completed("first"));
    assert!(case.is_closed());
    assert_eq!(
        case.dossier.newest_number(&evidence("birth_certificate")),
        2
    );
    assert_eq!(case.dossier.newest_number(&evidence("residence_notice")), 1);
}

#[test]
fn the_police_do_the_residence_again_and_give_a_new_notice() {
    let mut case = Case::birth_registered();
    case.says("register_residence", completed("first"));
    case.says("issue_health_card", returned("birth_certificate"));
    case.holds("register_birth");
    case.says("register_birth", corrected("birth_certificate", "second"));

    case.holds("register_residence");
    case.says("register_residence", Says::Redo);
    assert_eq!(case.task("register_residence"), Task::Work);
    assert_eq!(
        case.dossier.parts["residence"].end, None,
        "the part is open again"
    );

    case.says("register_residence", completed("second"));
    assert_eq!(case.dossier.newest_number(&evidence("residence_notice")), 2);
    assert_eq!(
        case.dossier.parts["residence"].end,
        Some(PartEnd::Completed)
    );
}

#[test]
fn a_redo_that_gives_the_same_gives_no_new_version() {
    let mut case = Case::birth_registered();
    case.says("register_residence", completed("first"));
    case.says("register_birth", corrected("birth_certificate", "second"));
    case.holds("register_residence");
    case.says("register_residence", Says::Redo);
    case.says("register_residence", completed("first"));
    assert_eq!(case.stage("register_residence"), Stage::Completed);
    assert_eq!(case.dossier.newest_number(&evidence("residence_notice")), 1);
}

#[test]
fn an_upheld_certificate_comes_back_to_the_asker_with_the_reason() {
    let mut case = Case::birth_registered();
    case.says("register_residence", completed("first"));
    case.says("issue_health_card", returned("birth_certificate"));
    case.holds("register_birth");
    case.says("register_birth", upheld("birth_certificate"));

    assert_eq!(case.owed(), ["issue_health_card"], "nobody else is told");
    let handover = case.handover("issue_health_card");
    assert!(handover.fault_answers[0].upheld);
    assert_eq!(handover.fault_answers[0].reason, "because");
    case.holds("issue_health_card");
    case.says("issue_health_card", completed("first"));
}

#[test]
fn two_askers_join_one_return_and_both_are_answered() {
    let mut case = Case::birth_registered();
    case.says("issue_health_card", returned("birth_certificate"));
    let first = case.handover("register_birth");
    case.says("register_residence", returned("birth_certificate"));

    assert_eq!(case.dossier.returns.len(), 1);
    assert_eq!(
        case.dossier.returned["birth_certificate"], 1,
        "it went back once"
    );
    assert_eq!(
        case.handover("register_birth"),
        first,
        "a round says the same however often it is sent"
    );

    case.holds("register_birth");
    case.says("register_birth", corrected("birth_certificate", "second"));
    for asker in ["issue_health_card", "register_residence"] {
        assert_eq!(case.handover(asker).fault_answers.len(), 1, "{asker}");
    }
}

#[test]
fn who_asked_waits_for_the_answer() {
    let mut case = Case::birth_registered();
    case.says("issue_health_card", returned("birth_certificate"));
    let refusal = case.refusal("issue_health_card", completed("all the same"));
    assert_eq!(
        refusal.to_string(),
        "the peer return of birth_certificate by step issue_health_card is not answered yet"
    );
    case.says("issue_health_card", Says::Progress);
}

#[test]
fn nothing_closes_while_an_answer_is_open() {
    let mut case = Case::birth();
    case.holds("register_birth");
    case.says("register_birth", completed("first"));
    case.holds("register_residence");
    case.says("register_residence", completed("first"));
    case.holds("issue_health_card");
    case.says("issue_health_card", returned("birth_certificate"));
    // A person takes the step away from who asked.
    case.moves("issue_health_card", "H26.7").unwrap();
    assert_eq!(
        case.stage("issue_health_card"),
        Stage::Waiting,
        "the certificate is contested"
    );
    assert!(!case.is_closed());

    case.holds("register_birth");
    case.says("register_birth", corrected("birth_certificate", "second"));
    case.holds("issue_health_card");
    case.says("issue_health_card", completed("first"));
    assert!(
        !case.is_closed(),
        "the police have not said whether the residence stands"
    );

    case.holds("register_residence");
    case.says("register_residence", Says::Stands);
    assert!(case.is_closed());
}

#[test]
fn a_step_that_was_taken_from_the_asker_is_not_told_of_a_fault_it_never_found() {
    let mut case = Case::birth_registered();
    case.says("issue_health_card", returned("birth_certificate"));
    case.moves("issue_health_card", "H26.7").unwrap();
    assert!(case.step("issue_health_card").awaiting.is_none());

    case.holds("register_birth");
    case.says("register_birth", upheld("birth_certificate"));
    let handover = case.handover("issue_health_card");
    assert_eq!(
        (handover.task, handover.agency.as_str()),
        (Task::Work, "H26.7")
    );
    assert!(handover.fault_answers.is_empty() && handover.changes.is_empty());
}

#[test]
fn the_dossier_stays_in_process_and_the_desk_hears_of_asked_and_corrected() {
    let mut case = Case::birth_registered();
    case.says("issue_health_card", returned("birth_certificate"));
    case.holds("register_birth");
    case.says("register_birth", corrected("birth_certificate", "second"));

    let states: Vec<_> = case
        .told()
        .into_iter()
        .filter_map(|notice| match notice {
            Notice::PeerReturn { version, state, .. } => Some((version, state)),
            _ => None,
        })
        .collect();
    assert_eq!(
        states,
        [(1, ReturnState::Asked), (2, ReturnState::Corrected)]
    );
    let second = case.told().into_iter().any(|notice| {
        matches!(notice, Notice::Result { evidence, version: 2, .. } if evidence.as_str() == "birth_certificate")
    });
    assert!(second);
    assert!(!case.is_closed());
}

#[test]
fn a_department_corrects_its_own_result_without_being_asked() {
    let mut case = Case::birth_registered();
    case.says("register_birth", corrected("birth_certificate", "second"));
    for step in ["register_residence", "issue_health_card"] {
        assert_eq!(case.step(step).round, 2);
        assert_eq!(case.handover(step).changes[0].to, 2);
    }
    assert_eq!(
        case.step("issue_identity_card").round,
        1,
        "it does not use the certificate"
    );
}

#[test]
fn a_step_not_yet_held_simply_gets_the_new_version() {
    let mut case = Case::birth();
    case.holds("register_birth");
    case.says("register_birth", completed("first"));
    case.says("register_birth", corrected("birth_certificate", "second"));

    let handover = case.handover("register_residence");
    assert_eq!((handover.round, handover.task), (2, Task::Work));
    assert!(
        handover.changes.is_empty(),
        "it never had the first version"
    );
    assert!(case.step("register_residence").review.is_empty());
}

#[test]
fn a_step_that_holds_the_old_version_is_asked_to_judge_and_may_just_finish() {
    let mut case = Case::birth_registered();
    case.says("register_birth", corrected("birth_certificate", "second"));
    assert_eq!(case.task("register_residence"), Task::Work);
    assert_eq!(
        case.step("register_residence").review["birth_certificate"],
        2
    );
    case.says("register_residence", Says::Stands);
    assert_eq!(
        case.stage("register_residence"),
        Stage::Held,
        "its outcome is still owed"
    );
    case.says("register_residence", completed("first"));

    case.holds("issue_health_card");
    case.says("issue_health_card", completed("first"));
    assert_eq!(case.stage("issue_health_card"), Stage::Completed);
}

#[test]
fn a_round_that_was_lost_and_taken_again_is_done_in_parts_as_any_other() {
    let mut case = Case::birth_registered();
    case.says("register_birth", corrected("birth_certificate", "second"));
    case.holds("register_residence");
    case.loses("register_residence");
    assert_eq!(case.stage("register_residence"), Stage::Due);
    case.holds("register_residence");
    let round = case.step("register_residence").round;
    case.says("register_residence", Says::Stands);
    assert_eq!(case.step("register_residence").round, round);
    case.says("register_residence", completed("first"));
    assert_eq!(case.stage("register_residence"), Stage::Completed);
}

#[test]
fn a_report_of_another_handover_of_the_same_number_is_of_a_lost_round() {
    let mut case = Case::birth_registered();
    let mut report = case.report("register_residence", completed("of a lost round"));
    report.handover = "0".repeat(32);
    let refusal = case.sends(report).unwrap_err();
    assert_eq!(refusal.reason(), "ROUND_SUPERSEDED");

    let mut report = case.report("register_residence", completed("of this round"));
    report.handover = case.handover("register_residence").id;
    case.sends(report).unwrap();
    assert_eq!(case.stage("register_residence"), Stage::Completed);
}

#[test]
fn what_is_left_of_a_round_that_was_lost_in_the_middle_is_another_round() {
    let mut case = Case::birth_registered();
    case.says("register_birth", corrected("birth_certificate", "second"));
    let (round, id) = {
        let handover = case.handover("register_residence");
        (handover.round, handover.id)
    };
    case.says("register_residence", Says::Stands);
    case.loses("register_residence");
    let left = case.handover("register_residence");
    assert_eq!((left.round, left.task), (round + 1, Task::Work));
    assert!(left.changes.is_empty(), "it was judged");
    assert_ne!(left.id, id);

    // Lost before any part of it was done, it is the same round.
    case.holds("register_residence");
    case.loses("register_residence");
    let again = case.handover("register_residence");
    assert_eq!((again.round, again.id), (left.round, left.id));
}

#[test]
fn two_corrections_in_a_row_ask_to_judge_the_newest() {
    let mut case = Case::birth_registered();
    case.says("register_birth", corrected("birth_certificate", "second"));
    case.says("register_birth", corrected("birth_certificate", "third"));

    assert_eq!(
        case.step("register_residence").review["birth_certificate"],
        3
    );
    let change = &case.handover("register_residence").changes[0];
    assert_eq!(
        (change.from, change.to),
        (1, 3),
        "what it last had is the first"
    );
    case.holds("register_residence");
    case.says("register_residence", Says::Stands);
}

#[test]
fn a_review_that_names_another_version_is_refused() {
    let mut case = Case::birth_registered();
    case.says("register_residence", completed("first"));
    case.says("register_birth", corrected("birth_certificate", "second"));
    let stale = case.report("register_residence", Says::Stands);
    case.says("register_birth", corrected("birth_certificate", "third"));
    let mut stale = stale;
    stale.round = case.step("register_residence").round;
    let refusal = case.sends(stale).unwrap_err();
    assert!(
        refusal.to_string().contains("birth_certificate version 3"),
        "{refusal}"
    );
}

#[test]
fn a_correction_that_changes_nothing_is_refused() {
    let mut case = Case::birth_registered();
    let refusal = case.refusal("register_birth", corrected("birth_certificate", "first"));
    assert_eq!(
        refusal.to_string(),
        "1 field(s) are wrong: evidence must be different from the newest version; send upheld if it stands"
    );
}

#[test]
fn a_certificate_goes_back_only_so_often() {
    let mut case = Case::birth_registered();
    for _ in 0..case.procedure.text.returns_max {
        case.says("issue_health_card", returned("birth_certificate"));
        case.holds("register_birth");
        case.says("register_birth", upheld("birth_certificate"));
        case.holds("issue_health_card");
    }
    let refusal = case.refusal("issue_health_card", returned("birth_certificate"));
    assert_eq!(
        refusal.to_string(),
        "birth_certificate went back 3 times already; a person must decide"
    );
    case.says("issue_health_card", Says::Refused);
}

#[test]
fn what_the_citizen_gave_goes_back_to_no_department() {
    let mut case = Case::birth_registered();
    for name in ["health_facility_choice", "residence_notice"] {
        let refusal = case.refusal("issue_health_card", returned(name));
        assert_eq!(refusal.reason(), "NOT_RETURNABLE", "{name}");
    }
}

#[test]
fn a_fault_is_found_in_the_newest_version_or_not_at_all() {
    let mut case = Case::birth_registered();
    case.says("register_birth", corrected("birth_certificate", "second"));
    let mut report = case.report("issue_health_card", returned("birth_certificate"));
    if let dossier::decide::Statement::PeerReturn { version, .. } = &mut report.statement {
        *version = 1;
    }
    let refusal = case.sends(report).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "version 1 of birth_certificate is superseded by version 2"
    );
}

#[test]
fn a_fault_is_not_answered_with_something_else() {
    let mut case = Case::birth_registered();
    case.says("issue_health_card", returned("birth_certificate"));
    case.holds("register_birth");
    let Refusal::WrongTask { asked, said, .. } = case.refusal("register_birth", completed("again"))
    else {
        panic!("it is not refused as the wrong task");
    };
    assert_eq!((asked, said), ("answer a fault", "completed"));
    assert_eq!(
        case.refusal("register_birth", upheld("personal_id"))
            .reason(),
        "WRONG_TASK"
    );
}

#[test]
fn one_who_must_answer_finds_the_fault_further_up() {
    let mut case = chain();
    for step in ["first", "second"] {
        case.holds(step);
        case.says(step, completed("one"));
    }
    case.holds("third");
    case.says("third", returned("b"));
    case.holds("second");
    case.says("second", returned("a"));
    case.holds("first");
    case.says("first", corrected("a", "two"));

    // The second has a fault to answer and a change to judge, in one round, in whichever order.
    case.holds("second");
    assert_eq!(case.task("second"), Task::Answer);
    assert_eq!(case.step("second").review["a"], 2);
    case.says("second", corrected("b", "two"));
    assert_eq!(
        case.task("second"),
        Task::Review,
        "the change is still to be judged"
    );
    case.says("second", Says::Stands);
    assert_eq!(case.stage("second"), Stage::Completed);

    case.holds("third");
    assert!(!case.step("third").told[0].upheld);
    case.says("third", completed("one"));
    assert!(case.is_closed());
}

#[test]
fn a_change_is_judged_before_a_fault_is_answered() {
    let mut case = chain();
    for step in ["first", "second"] {
        case.holds(step);
        case.says(step, completed("one"));
    }
    case.holds("third");
    case.says("third", returned("b"));
    case.says("first", corrected("a", "two"));
    case.holds("second");
    case.says("second", Says::Stands);
    assert_eq!(
        (case.stage("second"), case.task("second")),
        (Stage::Held, Task::Answer)
    );
    case.says("second", upheld("b"));
    assert_eq!(case.stage("second"), Stage::Completed);
    assert!(case.owed().contains(&"third".to_owned()));
}

#[test]
fn a_redo_answers_every_fault_that_is_open() {
    let mut case = chain();
    for step in ["first", "second"] {
        case.holds(step);
        case.says(step, completed("one"));
    }
    case.holds("third");
    case.says("first", corrected("a", "two"));
    case.holds("second");
    case.says("second", Says::Redo);
    case.says("third", returned("b"));

    assert_eq!(case.task("second"), Task::Work, "it is at it already");
    assert_eq!(case.handover("second").faults.len(), 1);
    case.holds("second");
    case.says("second", completed("two"));
    assert!(case.dossier.returns.is_empty());
    assert_eq!(case.handover("third").fault_answers[0].version, 2);
}

#[test]
fn a_judgement_that_is_open_is_not_forgotten_when_the_step_is_moved() {
    let mut case = chain();
    for step in ["first", "second"] {
        case.holds(step);
        case.says(step, completed("one"));
    }
    case.holds("third");
    case.says("first", corrected("a", "two"));
    case.holds("second");
    case.says("third", returned("b"));
    assert_eq!(case.task("second"), Task::Answer);

    case.moves("second", "H26.99").unwrap();
    let handover = case.handover("second");
    assert_eq!(handover.task, Task::Answer);
    assert_eq!((handover.changes[0].from, handover.changes[0].to), (1, 2));
    case.holds("second");
    case.says("second", upheld("b"));
    assert_eq!(case.task("second"), Task::Review);
    case.says("second", Says::Stands);
    assert_eq!(case.stage("second"), Stage::Completed);
}

#[test]
fn a_result_is_corrected_while_a_change_is_judged() {
    let mut case = chain();
    for step in ["first", "second"] {
        case.holds(step);
        case.says(step, completed("one"));
    }
    case.says("first", corrected("a", "two"));
    case.holds("second");
    assert_eq!(case.task("second"), Task::Review);
    case.says("second", corrected("b", "two"));
    assert_eq!(
        case.stage("second"),
        Stage::Held,
        "it has not said whether the rest stands"
    );
    case.says("second", Says::Stands);
    assert_eq!(case.stage("second"), Stage::Completed);
}

#[test]
fn a_refusal_elsewhere_leaves_an_open_answer_open() {
    let mut case = Case::birth_registered();
    case.says("issue_health_card", returned("birth_certificate"));
    case.holds("register_birth");
    case.says("register_residence", Says::Refused);
    case.says("register_birth", upheld("birth_certificate"));
    assert!(case.dossier.returns.is_empty());
    assert_eq!(case.owed(), ["issue_health_card"]);
}

#[test]
fn one_who_waits_for_an_answer_hears_of_its_own_fault_together_with_it() {
    let mut case = chain();
    for step in ["first", "second"] {
        case.holds(step);
        case.says(step, completed("one"));
    }
    case.holds("third");
    case.says("first", corrected("a", "two"));
    case.holds("second");
    case.says("second", Says::Redo);
    case.says("second", returned("a"));
    case.says("third", returned("b"));
    assert_eq!(case.owed(), ["first"], "the second can do nothing yet");

    case.holds("first");
    case.says("first", upheld("a"));
    let handover = case.handover("second");
    assert_eq!(
        (
            handover.task,
            handover.faults.len(),
            handover.fault_answers.len()
        ),
        (Task::Work, 1, 1)
    );
    case.holds("second");
    case.says("second", completed("two"));
    assert_eq!(case.handover("third").fault_answers[0].version, 2);
}

#[test]
fn a_redo_that_is_moved_while_its_evidence_is_contested_is_given_with_the_fault_to_answer() {
    let mut case = chain();
    for step in ["first", "second"] {
        case.holds(step);
        case.says(step, completed("one"));
    }
    case.holds("third");
    case.says("first", corrected("a", "two"));
    case.holds("second");
    case.says("second", Says::Redo);
    case.says("second", returned("a"));
    case.says("third", returned("b"));
    case.moves("second", "H26.99").unwrap();
    assert_eq!(case.stage("second"), Stage::Waiting);

    case.holds("first");
    case.says("first", upheld("a"));
    let handover = case.handover("second");
    assert_eq!((handover.task, handover.faults.len()), (Task::Work, 1));
    case.holds("second");
    case.says("second", completed("two"));
    assert_eq!(case.owed(), ["third"]);
}
