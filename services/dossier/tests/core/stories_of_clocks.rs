//! Stories of the clocks: a stopped dossier holds every one of them, a changed calendar leaves each what
//! it had, and what comes late is seen.

use crate::{
    bookkeeper::Book,
    made_up::*,
    once_only::decided,
    stories_of_rules::{card, card_in_appraisal, card_plan},
    world::*,
};
use dossier::{
    Event, Procedure, Refusal,
    alarm::Alarm,
    calendar::{Calendar, Remaining},
    decide::{Act, Action},
    dossier::Stage,
    event::{LookUpOutcome, PauseWhy},
    limit::Unit,
    notice::Notice,
    party::Officer,
    slip::{Timeliness, slip},
};
use jiff::Timestamp;
use std::sync::Arc;

fn stop(case: &mut Case) {
    case.acts(Act::Stop {
        reason: "a court said so".into(),
        legal_basis: "an article".into(),
        settlement: String::new(),
        officer: Officer::default(),
    })
    .unwrap();
    assert!(case.alarms().is_empty(), "{:?}", case.alarms());
}

fn resume(case: &mut Case) {
    case.acts(Act::Resume {
        reason: "it is settled".into(),
        officer: Officer::default(),
    })
    .unwrap();
}

fn days_left(case: &Case, due_at: Timestamp) -> Remaining {
    national_calendar().remaining(case.now, due_at, Unit::WorkingDay)
}

fn hours_left(case: &Case, due_at: Timestamp) -> Remaining {
    national_calendar().remaining(case.now, due_at, Unit::WorkingHour)
}

fn adopt(case: &mut Case, calendar: Arc<Calendar>) {
    let from = std::mem::replace(&mut case.law.calendar, calendar);
    case.happens(None, Action::AdoptCalendar { from }).unwrap();
}

/// The time to pay this.
fn payment_window(case: &Case, obligation: &str) -> Alarm {
    Alarm::PaymentWindow(case.dossier.obligations[obligation].number)
}

/// What the alarms are for now, without what they are for.
fn times(case: &Case) -> Vec<Timestamp> {
    case.alarms().into_iter().map(|(_, at)| at).collect()
}

#[test]
fn a_stopped_dossier_holds_the_citizens_window_and_goes_on_with_the_rest_of_it() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Supplement(vec![approved("paper")]));
    case.now = at("2026-10-05T09:00");
    let window = Alarm::SupplementWindow(1);
    let before = case.alarm(&window).unwrap();
    let left = days_left(&case, before);
    stop(&mut case);

    // The window would have passed meanwhile: nothing rings.
    case.now = at("2026-11-02T09:00");
    assert!(case.rings(window.clone()).entries.is_empty());
    assert_eq!(case.dossier.open_supplements().count(), 1);

    resume(&mut case);
    let after = case.alarm(&window).unwrap();
    assert_eq!(days_left(&case, after), left);
    let told = Notice::SupplementDue {
        number: 1,
        due_at: after,
    };
    assert!(case.told().contains(&told), "the desk tells the citizen");
    case.rings(window);
    assert!(case.dossier.supplements[0].expired);
}

#[test]
fn what_the_citizen_is_asked_for_while_it_is_stopped_gets_its_whole_window() {
    let mut case = card();
    case.holds("look_up_record");
    case.says("look_up_record", answered(LookUpOutcome::Mismatch));
    stop(&mut case);
    case.now = at("2026-10-05T09:00");
    let ask = crate::stories_of_rules::request(vec![approved("record")]);
    case.acts(ask).unwrap();
    case.now = at("2026-10-12T09:00");
    resume(&mut case);
    let due_at = case.alarm(&Alarm::SupplementWindow(1)).unwrap();
    assert_eq!(days_left(&case, due_at), Remaining::WorkingDays(7));
}

#[test]
fn who_judged_something_that_is_no_longer_wanted_when_it_goes_on_is_asked_nothing_anew() {
    let mut case = begin(&plan(vec![
        PlannedStep::named("judge").gives("verdict").needs("paper"),
        PlannedStep::named("act")
            .gives("card")
            .needs("paper")
            .needs("late?"),
        PlannedStep::named("post")
            .gives("letter")
            .needs("late?")
            .after("act"),
    ]));
    case.holds("judge");
    case.says("judge", completed("content 0"));
    case.holds("act");
    case.says("act", completed("first"));
    // By this verdict another paper is wanted, and there is one.
    case.says("judge", corrected("verdict", "content 1"));
    case.holds("look_up_late");
    case.says("look_up_late", found("as registered"));
    assert!(case.owed().contains(&"act".to_owned()));
    let stood_on = case.step("act").used.clone();
    case.says("judge", corrected("verdict", "content 0"));
    stop(&mut case);
    case.now = at("2026-10-05T09:00");
    resume(&mut case);
    assert_eq!(case.stage("act"), Stage::Completed);
    assert_eq!(case.step("act").used, stood_on);
    assert_eq!(case.owed(), ["post"]);
}

#[test]
fn a_look_up_of_a_stopped_dossier_goes_on_with_the_rest_of_its_limit() {
    let mut case = card();
    case.holds("look_up_record");
    case.now = at("2026-10-01T10:00");
    let limit = Alarm::StepLimit(step("look_up_record"));
    let due_at = case.alarm(&limit).unwrap();
    let asked = case.step("look_up_record").round;
    stop(&mut case);
    let left = hours_left(&case, due_at);
    let mut late = case.report("look_up_record", found("as registered"));
    late.round = asked;

    // What it answers while the dossier is stopped it answers again to the round that it gets then.
    case.now = at("2026-10-05T10:00");
    assert_eq!(case.sends(late).unwrap_err().reason(), "ROUND_SUPERSEDED");
    assert!(case.rings(limit.clone()).entries.is_empty());
    assert!(!case.step("look_up_record").limit_passed);

    resume(&mut case);
    assert_eq!(hours_left(&case, case.alarm(&limit).unwrap()), left);
    assert_eq!(
        case.handover("look_up_record").due_at,
        case.alarm(&limit).unwrap()
    );
    case.holds("look_up_record");
    case.says("look_up_record", found("as registered"));
    assert_eq!(case.owed(), ["appraise"]);
}

#[test]
fn a_holder_is_not_asked_again_while_the_dossier_is_stopped() {
    let mut case = card();
    case.holds("look_up_record");
    case.says("look_up_record", answered(LookUpOutcome::Unavailable));
    stop(&mut case);
    case.now = at("2026-10-05T10:00");
    resume(&mut case);
    assert!(case.owed().is_empty());
    case.rings(Alarm::AskAgain(step("look_up_record")));
    assert_eq!(case.owed(), ["look_up_record"]);
}

#[test]
fn a_consultation_of_a_stopped_dossier_goes_on_with_the_rest_of_its_limit() {
    let mut case = card_in_appraisal();
    let asks = Says::Consultation("H26.99".into(), vec!["paper".into()]);
    case.says("appraise", asks);
    assert_eq!(
        case.handover("consult_appraise_1").limit.to_string(),
        "2 working days"
    );
    let limit = Alarm::StepLimit(step("consult_appraise_1"));
    let left = days_left(&case, case.alarm(&limit).unwrap());
    stop(&mut case);
    case.now = at("2026-10-12T10:00");
    assert!(case.rings(limit.clone()).entries.is_empty());
    resume(&mut case);
    assert_eq!(days_left(&case, case.alarm(&limit).unwrap()), left);
}

#[test]
fn what_the_citizen_has_to_pay_is_not_late_because_the_dossier_was_stopped() {
    let mut case = card_in_appraisal();
    case.says("appraise", completed("first"));
    let limit = Alarm::StepLimit(step("pay"));
    let due_at = case.alarm(&limit).unwrap();
    stop(&mut case);
    let left = hours_left(&case, due_at);
    case.now = at("2026-10-12T10:00");
    resume(&mut case);
    let due_at = case.alarm(&limit).unwrap();
    assert_eq!(hours_left(&case, due_at), left);
    let told = Notice::PaymentDue {
        obligation: "bill-bill".parse().unwrap(),
        due_at,
    };
    assert!(case.told().contains(&told));
    case.rings(limit);
    let told = Notice::PaymentOverdue {
        obligation: "bill-bill".parse().unwrap(),
    };
    assert!(case.told().contains(&told), "the desk reminds the citizen");
}

/// A birth whose residence does not count for its part.
fn residence_outside() -> Case {
    let from = "gives = [\"residence_notice\"]\n";
    assert!(BIRTH.contains(from));
    let text = BIRTH.replacen(from, &format!("{from}outside_total = true\n"), 1);
    let procedure = Arc::new(Procedure::parse("birth.toml", &text).unwrap());
    let mut case = Case::receive(Law::of(procedure, directory()), birth_submission());
    case.holds("register_birth");
    case.says("register_birth", completed("first"));
    case.holds("register_residence");
    case
}

#[test]
fn what_does_not_count_for_its_part_stands_still_by_itself_when_the_dossier_is_stopped() {
    let mut case = residence_outside();
    let limit = Alarm::StepLimit(step("register_residence"));
    let due_at = case.alarm(&limit).unwrap();
    stop(&mut case);
    let left = hours_left(&case, due_at);
    case.now = at("2026-10-12T10:00");
    resume(&mut case);
    assert_eq!(hours_left(&case, case.alarm(&limit).unwrap()), left);
}

#[test]
fn what_does_not_count_for_its_part_stands_still_while_the_citizen_pays() {
    let mut case = residence_outside();
    let limit = Alarm::StepLimit(step("register_residence"));
    case.says("register_residence", Says::Payment("fee".into(), 1_000));
    let left = hours_left(&case, case.step("register_residence").due_at.unwrap());
    case.now = at("2026-10-12T10:00");
    case.pays("fee", 1_000);
    assert_eq!(hours_left(&case, case.alarm(&limit).unwrap()), left);
}

#[test]
fn a_round_that_is_renewed_while_its_clock_stands_still_loses_no_time() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Payment("fee".into(), 1_000));
    let left = hours_left(&case, case.step("appraise").due_at.unwrap());
    case.now = at("2026-10-05T09:00");
    let asks = Says::Consultation("H26.99".into(), vec![]);
    case.says("appraise", asks);
    case.holds("consult_appraise_1");
    case.says("consult_appraise_1", Says::Opinion);
    assert_eq!(case.step("appraise").round, 2, "it is told the opinion");
    case.now = at("2026-10-06T09:00");
    case.pays("fee", 1_000);
    assert_eq!(
        hours_left(&case, case.step("appraise").due_at.unwrap()),
        left
    );
}

#[test]
fn a_calendar_with_the_same_days_moves_no_clock() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Extension(3));
    case.says("appraise", Says::Payment("fee".into(), 1_000));
    let before = case.alarms();
    adopt(&mut case, calendar_by_another_name());
    assert_eq!(case.alarms(), before);
    assert_eq!(
        case.dossier.received.calendar_digest,
        case.law.calendar.digest
    );
    let told =
        |notice: &Notice| matches!(notice, Notice::Promised { why, .. } if *why == "calendar");
    assert!(!case.told().iter().any(told), "nobody is told of nothing");
}

#[test]
fn an_operator_puts_off_a_promise_as_the_department_would_and_signs_for_nobody() {
    let mut asked = card_in_appraisal();
    asked.says("appraise", Says::Extension(3));
    let mut case = card_in_appraisal();
    let decided = case
        .extends("appraise", 3, "the archive was flooded")
        .unwrap();
    let part = |case: &Case| case.dossier.parts["card"].clone();
    assert_eq!(part(&case), part(&asked));
    assert_eq!(case.step("appraise").due_at, asked.step("appraise").due_at);
    let Event::Extended {
        officer,
        reason,
        round,
        ..
    } = &decided.entries[0].event
    else {
        panic!("{decided:?}");
    };
    assert!(officer.is_empty());
    assert_eq!((reason.as_str(), *round), ("the archive was flooded", 1));
    let told =
        |notice: &Notice| matches!(notice, Notice::Promised { why, .. } if *why == "extended");
    assert!(case.told().iter().any(told), "the desk hears the apology");

    // The same rules: a reason, once, in time, and of a step that is at work.
    let twice = case.extends("appraise", 1, "again").unwrap_err();
    assert!(
        matches!(twice, Refusal::ExtensionTwice { max: 1, .. }),
        "{twice}"
    );
    let mut case = card_in_appraisal();
    let silent = case.extends("appraise", 3, " ").unwrap_err();
    assert!(matches!(silent, Refusal::Fields(_)), "{silent}");
    let nowhere = case.extends("bury", 3, "why").unwrap_err();
    assert!(matches!(nowhere, Refusal::UnknownStep { .. }), "{nowhere}");
    case.now = part(&case).promised_at;
    case.rings(Alarm::PartLimit("card".parse().unwrap()));
    let late = case.extends("appraise", 3, "why").unwrap_err();
    assert!(matches!(late, Refusal::ExtensionLate { .. }), "{late}");
    let mut case = Case::birth_registered();
    let done = case.extends("register_birth", 3, "why").unwrap_err();
    assert!(matches!(done, Refusal::Finished { .. }), "{done}");
    // One that nobody has acknowledged yet is extended, too.
    let mut case = Case::birth();
    assert_eq!(case.stage("register_birth"), Stage::Due);
    case.extends("register_birth", 1, "why").unwrap();
}

#[test]
fn a_new_day_off_moves_what_was_paused_and_extended_before_by_one_day() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Extension(3));
    case.says("appraise", Says::Payment("fee".into(), 1_000));
    case.now = at("2026-10-02T09:00");
    case.pays("fee", 1_000);
    let (promised, due_at) = (
        case.dossier.parts["card"].promised_at,
        case.step("appraise").due_at.unwrap(),
    );
    adopt(&mut case, calendar_with_a_day_off("2026-10-06"));
    let calendar = national_calendar();
    let one_day = "1 working day".parse().unwrap();
    let part = &case.dossier.parts["card"];
    assert_eq!(part.promised_at, calendar.ends(promised, one_day));
    let moved = calendar.working_time(due_at, case.step("appraise").due_at.unwrap());
    assert_eq!(moved.as_hours(), 8);
    assert!(part.apology_owed, "it was put off with an apology before");
}

#[test]
fn a_new_day_off_moves_what_the_citizen_and_the_holders_have() {
    let mut case = card_in_appraisal();
    let asks = Says::Consultation("H26.99".into(), vec![]);
    case.says("appraise", asks);
    case.says("appraise", Says::Payment("fee".into(), 1_000));
    case.says("appraise", Says::Supplement(vec![approved("paper")]));
    let opinion = Alarm::StepLimit(step("consult_appraise_1"));
    let before = [
        case.alarm(&opinion).unwrap(),
        case.alarm(&Alarm::SupplementWindow(1)).unwrap(),
        case.alarm(&payment_window(&case, "fee")).unwrap(),
    ];
    adopt(&mut case, calendar_with_a_day_off("2026-10-02"));
    let after = [
        case.alarm(&opinion).unwrap(),
        case.alarm(&Alarm::SupplementWindow(1)).unwrap(),
        case.alarm(&payment_window(&case, "fee")).unwrap(),
    ];
    let one_day = "1 working day".parse().unwrap();
    assert_eq!(
        before.map(|at| national_calendar().ends(at, one_day)),
        after
    );
    let paid = Notice::PaymentDue {
        obligation: "fee".parse().unwrap(),
        due_at: after[2],
    };
    assert!(case.told().contains(&paid));
}

#[test]
fn what_stands_still_while_the_calendar_changes_goes_on_with_what_it_had() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Payment("fee".into(), 1_000));
    let left = days_left(&case, case.dossier.parts["card"].promised_at);
    let hours = hours_left(&case, case.step("appraise").due_at.unwrap());
    // The day off is over when it is taken up: nobody had it while the clock stood still.
    case.now = at("2026-10-07T09:00");
    adopt(&mut case, calendar_with_a_day_off("2026-10-06"));
    case.now = at("2026-10-08T09:00");
    case.pays("fee", 1_000);
    let calendar = case.law.calendar.clone();
    let promised = case.dossier.parts["card"].promised_at;
    assert_eq!(
        calendar.remaining(case.now, promised, Unit::WorkingDay),
        left
    );
    let due_at = case.step("appraise").due_at.unwrap();
    assert_eq!(
        calendar.remaining(case.now, due_at, Unit::WorkingHour),
        hours
    );
}

#[test]
fn a_new_day_off_moves_what_a_stopped_dossier_goes_on_with_once() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Supplement(vec![approved("paper")]));
    let window = Alarm::SupplementWindow(1);
    let left = days_left(&case, case.alarm(&window).unwrap());
    stop(&mut case);
    case.now = at("2026-10-05T09:00");
    adopt(&mut case, calendar_with_a_day_off("2026-10-06"));
    resume(&mut case);
    let calendar = case.law.calendar.clone();
    let due_at = case.alarm(&window).unwrap();
    assert_eq!(calendar.remaining(case.now, due_at, Unit::WorkingDay), left);
}

#[test]
fn a_new_day_off_leaves_the_desk_its_time_to_receive() {
    let mut plan = card_plan();
    plan.manner.is_filed = true;
    plan.manner.intake_limit = true;
    let mut case = begin(&plan);
    let before = case.alarm(&Alarm::IntakeLimit).unwrap();
    adopt(&mut case, calendar_with_a_day_off("2026-10-02"));
    let after = case.alarm(&Alarm::IntakeLimit).unwrap();
    let moved = after.duration_since(before).as_hours();
    assert_eq!(moved, 72, "over a weekend");
}

#[test]
fn a_calendar_is_taken_up_once_and_from_the_one_that_was_followed() {
    let mut case = card_in_appraisal();
    let other = calendar_by_another_name();
    case.law.calendar = calendar_with_a_day_off("2026-10-06");
    let from = other;
    let action = Action::AdoptCalendar { from };
    assert!(case.happens(None, action).unwrap().entries.is_empty());
    let action = Action::AdoptCalendar {
        from: national_calendar(),
    };
    assert_eq!(case.happens(None, action.clone()).unwrap().entries.len(), 1);
    assert!(case.happens(None, action).unwrap().entries.is_empty());
}

#[test]
fn a_payment_that_a_department_asks_for_is_told_once_when_it_is_late_and_may_still_be_paid() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Payment("fee".into(), 1_000));
    let window = payment_window(&case, "fee");
    let due_at = case.alarm(&window).unwrap();
    assert_eq!(days_left(&case, due_at), Remaining::WorkingDays(7));
    let asked = case.told().into_iter().any(
        |notice| matches!(notice, Notice::PaymentAsked { due_at: until, .. } if until == Some(due_at)),
    );
    assert!(asked, "the desk tells the citizen until when");

    assert_eq!(case.rings(window.clone()).entries.len(), 1);
    let late = Notice::PaymentOverdue {
        obligation: "fee".parse().unwrap(),
    };
    assert!(case.told().contains(&late));
    assert!(case.dossier.obligations["fee"].overdue);
    assert_eq!(case.alarm(&window), None, "it rings once");

    case.pays("fee", 1_000);
    assert!(case.dossier.parts["card"].pauses.is_empty());
    let mut book = Book::default();
    case.entries.iter().for_each(|entry| book.note(entry));
    assert_eq!(book.owed(), dossier::owed(&case.dossier));
}

#[test]
fn an_alarm_does_not_repeat_the_id_that_a_department_gave_to_a_sum() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Payment("040099000123".into(), 1_000));
    let texts: Vec<String> = case.alarms().iter().map(|(one, _)| one.text()).collect();
    assert!(texts.iter().all(|text| !text.contains("040099000123")));
    let window = payment_window(&case, "040099000123");
    assert!(texts.contains(&window.text()), "{texts:?}");
    assert_eq!(Alarm::from_text(&window.text()), Some(window));
}

#[test]
fn of_two_sums_of_a_step_each_rings_for_itself() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Payment("fee".into(), 1_000));
    case.now = at("2026-10-02T09:00");
    case.says("appraise", Says::Payment("tax".into(), 2_000));
    let (fee, tax) = (payment_window(&case, "fee"), payment_window(&case, "tax"));
    case.rings(fee.clone());
    assert!(case.dossier.obligations["fee"].overdue);
    assert!(!case.dossier.obligations["tax"].overdue);
    assert_eq!(case.alarm(&fee), None);
    case.rings(tax);
    assert!(case.dossier.obligations["tax"].overdue);
}

/// What the desk was told to collect or to ask for no more.
fn ended_asks(case: &Case) -> Vec<Notice> {
    let is_end = |told: &Notice| {
        let is_sum = matches!(told, Notice::PaymentDropped { .. });
        is_sum || matches!(told, Notice::SupplementEnded { .. })
    };
    case.told().into_iter().filter(is_end).collect()
}

#[test]
fn of_a_step_that_is_skipped_the_citizen_is_asked_nothing_more_and_the_desk_hears_it() {
    let mut case = decided("yes");
    case.holds("act");
    case.says("act", Says::Payment("fee".into(), 1_000));
    case.says("act", Says::Supplement(vec![approved("paper")]));
    assert!(ended_asks(&case).is_empty());
    case.says("judge", corrected("verdict", "no"));
    assert_eq!(case.stage("act"), Stage::Skipped);
    assert_eq!(case.dossier.unpaid().count(), 0);
    assert_eq!(case.dossier.open_supplements().count(), 0);
    let ended = Notice::SupplementEnded {
        number: 1,
        expired: false,
    };
    let dropped = Notice::PaymentDropped {
        obligation: "fee".parse().unwrap(),
    };
    assert_eq!(ended_asks(&case), [ended, dropped]);
}

/// Ends a step.
type End<'a> = &'a dyn Fn(&mut Case);

#[test]
fn what_a_finished_step_asked_for_is_not_owed_any_more_and_stops_no_clock() {
    let expires = |case: &mut Case| {
        case.says("act", Says::Supplement(vec![approved("paper")]));
        case.rings(Alarm::SupplementWindow(1));
    };
    let ends: [(Stage, End); 3] = [
        (Stage::Completed, &|case| {
            case.says("act", completed("first"));
        }),
        (Stage::Refused, &|case| {
            case.says("act", Says::Refused);
        }),
        (Stage::Ended, &expires),
    ];
    for (stage, end) in ends {
        let mut case = decided("yes");
        case.holds("act");
        case.says("act", Says::Payment("fee".into(), 1_000));
        let window = payment_window(&case, "fee");
        let is_paused = |case: &Case| {
            let pauses = &case.dossier.parts["two"].pauses;
            pauses.contains(&PauseWhy::Payment)
        };
        assert!(is_paused(&case));
        end(&mut case);
        assert_eq!(case.stage("act"), stage);
        assert_eq!(case.alarm(&window), None, "{stage}");
        assert_eq!(case.dossier.unpaid().count(), 0, "{stage}");
        assert!(!is_paused(&case), "{stage}");
        let dropped = Notice::PaymentDropped {
            obligation: "fee".parse().unwrap(),
        };
        assert!(ended_asks(&case).contains(&dropped), "{stage}");
        case.acts(paid("fee", 1_000)).unwrap_err();
    }
}

#[test]
fn a_procedure_says_how_long_a_payment_may_take() {
    let text = BIRTH.replacen(
        "returns_max = 3",
        "payment_window = \"30 calendar days\"\nreturns_max = 3",
        1,
    );
    let procedure = Arc::new(Procedure::parse("birth.toml", &text).unwrap());
    let mut case = Case::receive(Law::of(procedure, directory()), birth_submission());
    case.holds("register_birth");
    case.says("register_birth", Says::Payment("fee".into(), 1_000));
    let due_at = case.alarm(&payment_window(&case, "fee")).unwrap();
    // 30 days are over on a Saturday: the next working day counts.
    assert_eq!(due_at, at("2026-11-03T00:00"));
}

/// A birth whose health card is held, to be refused within a day.
fn health_card() -> Case {
    let from = "gives = [\"health_card\"]\n";
    assert!(BIRTH.contains(from));
    let within = format!("{from}refuse_within = \"8 working hours\"\n");
    let text = BIRTH.replacen(from, &within, 1);
    let procedure = Arc::new(Procedure::parse("birth.toml", &text).unwrap());
    let mut case = Case::receive(Law::of(procedure, directory()), birth_submission());
    case.holds("register_birth");
    case.says("register_birth", completed("first"));
    case.holds("issue_health_card");
    case
}

/// Whether the refusal was late, and what the control slip says of it.
fn refuses(case: &mut Case) -> (bool, Option<Timeliness>) {
    case.says("issue_health_card", Says::Refused);
    assert_eq!(case.stage("issue_health_card"), Stage::Refused);
    let late = case.entries.iter().find_map(|entry| match entry.event {
        Event::Refused { late, .. } => Some(late),
        _ => None,
    });
    let rows = slip(&case.entries);
    let row = rows.iter().find(|row| row.outcome == "refused").unwrap();
    (late.unwrap(), row.timeliness)
}

#[test]
fn a_refusal_in_its_own_time_is_not_late() {
    let mut case = health_card();
    case.now = at("2026-10-01T16:00");
    assert_eq!(refuses(&mut case), (false, Some(Timeliness::Early)));
}

#[test]
fn a_refusal_after_its_own_time_is_recorded_as_late_though_the_limit_still_runs() {
    let mut case = health_card();
    case.now = at("2026-10-02T10:00");
    assert!(case.now < case.step("issue_health_card").due_at.unwrap());
    assert_eq!(refuses(&mut case), (true, Some(Timeliness::Overdue)));
}

#[test]
fn the_time_for_refusing_stands_still_with_the_limit() {
    let mut case = health_card();
    case.says("issue_health_card", Says::Payment("fee".into(), 1_000));
    case.now = at("2026-10-12T10:00");
    let mut paid = case.clone();
    assert!(!refuses(&mut case).0, "while it stands still");
    paid.pays("fee", 1_000);
    paid.holds("issue_health_card");
    assert!(!refuses(&mut paid).0, "when it goes on");
}

#[test]
fn no_alarm_of_a_dossier_that_goes_on_is_of_the_time_before() {
    let mut case = card();
    stop(&mut case);
    case.now = at("2026-11-02T09:00");
    resume(&mut case);
    let now = case.now;
    assert!(!times(&case).is_empty());
    assert!(times(&case).iter().all(|time| *time > now));
}
