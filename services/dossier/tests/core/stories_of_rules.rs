//! Stories of the rules: nobody asks for what somebody holds, clocks stand still for the citizen, and
//! what was promised is kept or apologised for.

use crate::{made_up::*, world::*};
use dossier::{
    Event,
    alarm::Alarm,
    decide::Act,
    dossier::{Intake, Stage},
    event::{LookUpOutcome, PauseWhy},
    notice::Notice,
    party::Officer,
    standing::{Finance, finance},
    supplement::SupplementStage,
};

/// An appraisal that needs a record of a registry, a payment, and a card that the desk hands out.
pub fn card_plan() -> Plan {
    plan(vec![
        PlannedStep::named("appraise")
            .in_part("card")
            .gives("bill")
            .needs("paper")
            .needs("record"),
        PlannedStep::named("pay")
            .in_part("card")
            .gives("receipt")
            .pays("bill"),
        PlannedStep::named("issue")
            .in_part("card")
            .gives("card")
            .needs("receipt"),
        PlannedStep::named("deliver")
            .in_part("card")
            .needs("card")
            .hands_out(),
    ])
}

pub fn card() -> Case {
    begin(&card_plan())
}

/// The record was found and the appraisal is held.
pub fn card_in_appraisal() -> Case {
    let mut case = card();
    case.holds("look_up_record");
    case.says("look_up_record", found("as registered"));
    case.holds("appraise");
    case
}

pub fn withdraw() -> Act {
    Act::Withdraw {
        reason: "they changed their mind".into(),
        officer: Officer::default(),
    }
}

pub fn request(items: Vec<dossier::supplement::Item>) -> Act {
    Act::RequestSupplement {
        items,
        officer: Officer::default(),
    }
}

#[test]
fn what_a_registry_holds_is_looked_up_and_the_citizen_is_asked_nothing() {
    let mut case = card();
    assert_eq!(case.owed(), ["look_up_record"]);
    let handover = case.handover("look_up_record");
    assert_eq!(handover.agency.as_str(), REGISTRY);
    assert!(
        handover.evidence.is_empty(),
        "it gets a question, no papers"
    );
    assert_eq!(handover.look_up.unwrap().purpose, [step("appraise")]);

    case.holds("look_up_record");
    case.says("look_up_record", found("as registered"));
    assert_eq!(case.owed(), ["appraise"]);
    assert!(case.dossier.supplements.is_empty());
}

#[test]
fn what_the_vault_has_is_taken_from_there_and_its_use_is_told() {
    let mut plan = card_plan();
    plan.manner.vault.insert("record".into());
    let case = begin(&plan);
    assert_eq!(case.owed(), ["appraise"]);
    let used = case.told().into_iter().any(
        |notice| matches!(notice, Notice::Reused { evidence, .. } if evidence.as_str() == "record"),
    );
    assert!(used);
}

#[test]
fn the_citizen_is_asked_when_the_holder_has_nothing_and_the_clock_stands_still() {
    let mut case = card();
    case.holds("look_up_record");
    case.says("look_up_record", answered(LookUpOutcome::NotFound));
    let asked = &case.dossier.supplements[0];
    assert_eq!(asked.stage, SupplementStage::LookUp);
    assert_eq!(asked.items[0].evidence.as_str(), "record");
    let promised = case.dossier.parts["card"].promised_at;
    assert!(
        case.dossier.parts["card"]
            .pauses
            .contains(&PauseWhy::Supplement)
    );

    case.now = at("2026-10-05T09:00");
    case.answers(1);
    let part = &case.dossier.parts["card"];
    assert!(part.pauses.is_empty());
    assert!(promised < part.promised_at, "two working days later");
    assert_eq!(case.owed(), ["appraise"]);
}

#[test]
fn a_mismatch_needs_a_named_approver_before_the_citizen_is_asked() {
    let mut case = card();
    case.holds("look_up_record");
    case.says("look_up_record", answered(LookUpOutcome::Mismatch));
    assert!(case.dossier.supplements.is_empty());

    let refusal = case.acts(request(vec![item("record")])).unwrap_err();
    assert_eq!(refusal.reason(), "SUPPLEMENT_DENIED");
    assert!(refusal.to_string().contains("needs a named approver"));
    case.acts(request(vec![approved("record")])).unwrap();
    case.answers(1);
    assert_eq!(case.owed(), ["appraise"]);
    let again = case.acts(request(vec![approved("record")])).unwrap_err();
    assert!(matches!(again.reason(), "ALREADY_RECEIVED"), "{again}");
}

#[test]
fn a_holder_that_cannot_answer_is_asked_again_until_its_limit() {
    let mut case = card();
    case.holds("look_up_record");
    case.says("look_up_record", answered(LookUpOutcome::Unavailable));
    let again = Alarm::AskAgain(step("look_up_record"));
    let asked_again_at = case.alarm(&again).unwrap();
    assert_eq!(asked_again_at.duration_since(case.now).as_mins(), 30);
    case.rings(again);
    assert_eq!(case.step("look_up_record").round, 2);

    case.rings(Alarm::StepLimit(step("look_up_record")));
    case.holds("look_up_record");
    case.says("look_up_record", answered(LookUpOutcome::Unavailable));
    assert_eq!(case.stage("look_up_record"), Stage::Completed);
    case.acts(request(vec![approved("record")])).unwrap();
}

#[test]
fn a_holder_that_answers_late_ends_what_the_citizen_was_asked_for() {
    let mut case = card();
    case.holds("look_up_record");
    case.rings(Alarm::StepLimit(step("look_up_record")));
    case.acts(request(vec![approved("record")])).unwrap();
    case.says("look_up_record", found("late"));
    assert!(case.dossier.open_supplements().next().is_none());
    let ended = Notice::SupplementEnded {
        number: 1,
        expired: false,
    };
    assert!(case.told().contains(&ended), "the desk asks no more");
    assert!(case.dossier.parts["card"].pauses.is_empty());
    assert_eq!(case.owed(), ["appraise"]);
}

#[test]
fn a_department_is_told_where_it_is_instead_of_asking_the_citizen() {
    let mut case = card_in_appraisal();
    let refusal = case.refusal(
        "appraise",
        Says::Supplement(vec![item("paper"), item("bill")]),
    );
    let said = refusal.to_string();
    assert!(said.contains("paper is in the dossier already"), "{said}");
    assert!(said.contains("bill is given by step appraise"), "{said}");
}

#[test]
fn a_supplement_at_appraisal_is_asked_once_and_begins_the_clock_anew() {
    let mut case = card_in_appraisal();
    let late = case.step("appraise").due_at;
    case.says("appraise", Says::Supplement(vec![approved("paper")]));
    case.now = at("2026-10-05T09:00");
    case.answers(1);
    assert!(case.step("appraise").due_at > late);
    let reset = case
        .entries
        .iter()
        .any(|entry| matches!(entry.event, Event::ClockResumed { reset: true, .. }));
    assert!(reset);
    case.holds("appraise");
    let twice = case.refusal("appraise", Says::Supplement(vec![approved("paper")]));
    assert_eq!(twice.reason(), "SUPPLEMENT_TWICE");
}

#[test]
fn who_does_not_answer_in_time_is_refused_nothing_else() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Supplement(vec![approved("paper")]));
    case.rings(Alarm::SupplementWindow(1));
    assert_eq!(case.stage("appraise"), Stage::Ended);
    assert!(case.is_closed());
    assert_eq!(case.recalls().len(), 1, "the department puts it down");
    let late = case.acts(Act::AnswerSupplement {
        number: 1,
        evidence: vec![paper("paper", "late")],
        officer: Officer::default(),
    });
    assert_eq!(late.unwrap_err().reason(), "DOSSIER_CLOSED");
}

#[test]
fn a_payment_is_of_the_whole_sum_once_and_pauses_the_clock_until_then() {
    let mut case = card_in_appraisal();
    case.says("appraise", completed("first"));
    assert_eq!(finance(&case.dossier), Finance::Owed);
    assert!(
        case.dossier.parts["card"]
            .pauses
            .contains(&PauseWhy::Payment)
    );

    let sum = bill_vnd("first");
    let short = case.acts(paid("bill-bill", sum - 1)).unwrap_err();
    assert_eq!(short.reason(), "WRONG_AMOUNT");
    case.pays("bill-bill", sum);
    assert_eq!(
        case.acts(paid("bill-bill", sum)).unwrap_err().reason(),
        "ALREADY_PAID"
    );
    assert_eq!(finance(&case.dossier), Finance::Paid);
    assert!(case.dossier.parts["card"].pauses.is_empty());
    assert_eq!(case.owed(), ["issue"]);
}

#[test]
fn a_corrected_bill_is_what_the_citizen_pays() {
    let mut case = card_in_appraisal();
    case.says("appraise", completed("first"));
    case.says("appraise", corrected("bill", "less"));
    let (_, owed) = case.dossier.unpaid().next().unwrap();
    assert_eq!(owed.amount_vnd, bill_vnd("less"));
    case.pays("bill-bill", bill_vnd("less"));
    assert_eq!(case.owed(), ["issue"]);
}

#[test]
fn the_dossier_closes_when_the_card_is_in_the_citizens_hands() {
    let mut case = card_in_appraisal();
    case.says("appraise", completed("first"));
    case.pays("bill-bill", bill_vnd("first"));
    case.holds("issue");
    case.says("issue", completed("first"));
    assert!(!case.is_closed(), "the desk has it");
    case.hands_out("card").unwrap();
    assert!(case.is_closed());
    assert_eq!(
        case.hands_out("card").unwrap_err().reason(),
        "HANDED_OUT_BEFORE"
    );
    assert_eq!(case.acts(withdraw()).unwrap_err().reason(), "RESULT_GIVEN");

    // A fault that the citizen finds goes back to the department, and costs nothing.
    case.acts(Act::ReportFault {
        evidence: evidence("card"),
        reason: "the name is misspelt".into(),
        officer: Officer::default(),
    })
    .unwrap();
    case.holds("issue");
    let fee = case.refusal("issue", Says::Payment("fee".into(), 1_000));
    assert_eq!(fee.reason(), "WRONG_TASK");
    case.says("issue", corrected("card", "second"));
    case.hands_out("card").unwrap();
    assert!(case.is_closed());
}

#[test]
fn who_is_asked_for_an_opinion_and_keeps_silent_is_gone_on_without() {
    let mut case = card_in_appraisal();
    let asks = Says::Consultation("H26.99".into(), vec!["paper".into()]);
    case.says("appraise", asks);
    let question = case.handover("consult_appraise_1");
    assert_eq!(question.evidence.len(), 1);
    case.holds("consult_appraise_1");
    case.rings(Alarm::StepLimit(step("consult_appraise_1")));
    let opinion = &case.handover("appraise").opinions[0];
    assert_eq!((opinion.agency.as_str(), &opinion.text), ("H26.99", &None));
    case.holds("appraise");
    case.says("appraise", completed("first"));
    assert_eq!(case.stage("consult_appraise_1"), Stage::Ended);
}

#[test]
fn a_promise_is_put_off_once_with_an_apology_and_never_after_it_passed() {
    let mut case = card_in_appraisal();
    let promised = case.dossier.parts["card"].promised_at;
    case.rings(Alarm::PartWarning("card".parse().unwrap()));
    assert!(case.dossier.parts["card"].apology_owed);
    case.says("appraise", Says::Extension(3));
    assert!(case.dossier.parts["card"].promised_at > promised);
    let twice = case.refusal("appraise", Says::Extension(3));
    assert_eq!(twice.reason(), "EXTENSION_TWICE");

    let mut case = card_in_appraisal();
    case.rings(Alarm::PartLimit("card".parse().unwrap()));
    assert_eq!(
        case.refusal("appraise", Says::Extension(3)).reason(),
        "EXTENSION_LATE"
    );
}

#[test]
fn an_alarm_that_is_not_due_or_rang_before_does_nothing() {
    let mut case = card_in_appraisal();
    let alarm = Alarm::StepLimit(step("appraise"));
    let early = case.happens(None, dossier::decide::Action::Ring(alarm.clone()));
    assert!(early.unwrap().entries.is_empty());
    assert_eq!(case.rings(alarm.clone()).entries.len(), 1);
    assert!(case.rings(alarm).entries.is_empty());
}

#[test]
fn a_withdrawn_dossier_is_recalled_everywhere_and_closed() {
    let mut case = card_in_appraisal();
    let late = case.report("appraise", completed("late"));
    case.acts(withdraw()).unwrap();
    assert!(case.is_closed());
    assert_eq!(case.recalls()[0].0, "appraise");
    assert_eq!(case.sends(late).unwrap_err().reason(), "ROUND_SUPERSEDED");
}

#[test]
fn a_stopped_dossier_is_put_down_and_goes_on_where_it_stood() {
    let mut case = card_in_appraisal();
    let due_at = case.step("appraise").due_at;
    case.acts(Act::Stop {
        reason: "a court said so".into(),
        legal_basis: "an article".into(),
        settlement: String::new(),
        officer: Officer::default(),
    })
    .unwrap();
    assert_eq!(case.recalls().len(), 1);
    assert!(case.alarms().is_empty(), "nothing becomes late");
    case.now = at("2026-10-05T09:00");
    case.acts(Act::Resume {
        reason: "it is settled".into(),
        officer: Officer::default(),
    })
    .unwrap();
    assert_eq!(case.owed(), ["appraise"]);
    assert!(case.step("appraise").due_at > due_at);
}

#[test]
fn a_clock_that_goes_on_has_what_was_left_of_it_also_in_the_round_that_is_given_then() {
    let mut plan = card_plan();
    plan.manner.pauses = true;
    let mut case = begin(&plan);
    case.holds("look_up_record");
    case.says("look_up_record", found("as registered"));
    case.holds("appraise");
    let due_at = case.step("appraise").due_at.unwrap();
    case.says("appraise", Says::Supplement(vec![approved("paper")]));
    case.now = at("2026-10-05T09:00");
    case.answers(1);
    let later = case.handover("appraise").due_at;
    let calendar = national_calendar();
    let moved = calendar.working_time(due_at, later);
    assert!(
        moved.as_hours() >= 15,
        "two working days were the citizen's: {moved}"
    );
}

#[test]
fn a_new_day_off_moves_every_open_clock() {
    let mut case = card_in_appraisal();
    let promised = case.dossier.parts["card"].promised_at;
    case.law.calendar = calendar_with_a_day_off("2026-10-06");
    let from = national_calendar();
    case.happens(None, dossier::decide::Action::AdoptCalendar { from })
        .unwrap();
    let later = case.dossier.parts["card"].promised_at;
    assert_eq!(
        later.duration_since(promised).as_hours(),
        72,
        "over a weekend"
    );
}

#[test]
fn a_desk_receives_what_was_filed_when_it_is_complete() {
    let mut plan = card_plan();
    plan.manner.is_filed = true;
    plan.manner.intake_limit = true;
    let mut case = begin(&plan);
    assert_eq!(case.owed(), ["look_up_record"], "holders are asked at once");
    let accept = || Act::Accept {
        received_at: None,
        officer: Officer::default(),
    };
    assert_eq!(
        case.acts(accept()).unwrap_err().reason(),
        "DOSSIER_INCOMPLETE"
    );
    case.acts(request(vec![item("paper")])).unwrap();
    assert_eq!(case.acts(accept()).unwrap_err().reason(), "SUPPLEMENT_OPEN");
    case.answers(1);
    case.acts(accept()).unwrap();
    assert_eq!(case.dossier.intake, Intake::Received);
    assert_eq!(
        case.acts(accept()).unwrap_err().reason(),
        "ALREADY_RECEIVED"
    );
}
