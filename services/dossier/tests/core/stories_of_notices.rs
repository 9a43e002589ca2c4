//! What departments are told of what they have, or had: a closed dossier, a changed due date, an
//! apology that is owed.

use crate::{
    stories_of_rules::{card_in_appraisal, withdraw},
    world::*,
};
use dossier::{
    Debt,
    alarm::Alarm,
    decide::Action,
    department_notice::{DepartmentNotice, StepClock},
    owed,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

fn notices(case: &Case) -> Vec<(DepartmentNotice, String, Timestamp)> {
    let notice = |debt| match debt {
        Debt::Notice {
            notice,
            agency,
            due_at,
        } => Some((notice, agency.to_string(), due_at)),
        _ => None,
    };
    owed(&case.dossier).into_iter().filter_map(notice).collect()
}

/// What is owed, in words: `due_changed appraise`.
fn owed_notices(case: &Case) -> Vec<String> {
    let word = |(notice, _, _): (DepartmentNotice, _, _)| match notice.step() {
        Some(step) => format!("{} {step}", notice.word()),
        None => notice.word().to_owned(),
    };
    notices(case).into_iter().map(word).collect()
}

fn answer(case: &mut Case, notice: DepartmentNotice, to: &str, refused: bool) -> usize {
    let action = Action::Notify {
        agency: agency(to),
        notice,
        refused,
    };
    case.happens(None, action).unwrap().entries.len()
}

/// Every department takes what it is told.
fn all_take_theirs(case: &mut Case) {
    for (notice, to, _) in notices(case) {
        assert_eq!(answer(case, notice, &to, false), 1);
    }
}

/// Everybody is done.
fn closed() -> Case {
    let mut case = Case::birth();
    for step in ["register_birth", "register_residence", "issue_health_card"] {
        case.holds(step);
        case.says(step, completed("done"));
    }
    assert!(case.is_closed());
    case
}

#[test]
fn a_straight_dossier_tells_its_departments_nothing_but_that_it_is_closed() {
    let mut case = Case::birth();
    for step in ["register_birth", "register_residence", "issue_health_card"] {
        case.holds(step);
        assert!(owed_notices(&case).is_empty(), "{step}");
        case.says(step, completed("done"));
    }
    let told: BTreeSet<String> = notices(&case).into_iter().map(|(_, to, _)| to).collect();
    let had: BTreeSet<String> = case
        .dossier
        .steps
        .values()
        .map(|step| step.agency.to_string())
        .collect();
    assert_eq!(told, had, "whoever had a round, and nobody else");
    assert_eq!(notices(&case).len(), had.len(), "each once");
    all_take_theirs(&mut case);
    assert!(owed(&case.dossier).is_empty());
}

#[test]
fn a_closed_dossier_is_told_after_every_handover_of_its_month() {
    let case = closed();
    let closed_at = case.dossier.closed_at.unwrap();
    for (_, _, due_at) in notices(&case) {
        assert!(due_at.duration_since(closed_at).as_hours() >= 24 * 28);
    }
}

#[test]
fn who_must_put_a_step_down_hears_that_first_and_then_that_the_dossier_is_closed() {
    let mut case = Case::birth_registered();
    case.holds("register_residence");
    case.acts(withdraw()).unwrap();
    assert!(case.is_closed());
    let police = case.step("register_residence").agency.to_string();
    let is_told = |case: &Case| notices(case).iter().any(|(_, to, _)| *to == police);
    assert!(!is_told(&case));
    let round = case.step("register_residence").round;
    case.puts_down("register_residence", round);
    assert!(is_told(&case));
}

#[test]
fn who_gets_a_round_of_a_closed_dossier_is_told_again_that_it_closed_and_nobody_else() {
    let mut case = closed();
    all_take_theirs(&mut case);
    case.says("register_birth", corrected("birth_certificate", "second"));
    assert!(!case.is_closed());
    for step in ["register_residence", "issue_health_card"] {
        case.holds(step);
        case.says(step, Says::Stands);
    }
    assert!(case.is_closed());
    let told: Vec<String> = notices(&case).into_iter().map(|(_, to, _)| to).collect();
    let registrar = case.step("register_birth").agency.to_string();
    assert_eq!(told.len(), 2);
    assert!(!told.contains(&registrar), "it had no round since");
}

#[test]
fn an_answer_to_a_notice_of_an_earlier_end_discharges_no_later_one() {
    let mut case = closed();
    let before = notices(&case);
    case.now += jiff::SignedDuration::from_hours(1);
    case.says("register_birth", corrected("birth_certificate", "second"));
    for step in ["register_residence", "issue_health_card"] {
        case.holds(step);
        case.says(step, Says::Stands);
    }
    let count = notices(&case).len();
    for (notice, to, _) in before {
        assert_eq!(answer(&mut case, notice, &to, false), 0);
    }
    assert_eq!(notices(&case).len(), count);
}

#[test]
fn who_holds_a_round_hears_that_its_clock_stands_still_and_when_it_is_due_then() {
    let mut case = card_in_appraisal();
    let due_at = case.step("appraise").due_at;
    case.says("appraise", Says::Supplement(vec![approved("paper")]));
    assert_eq!(owed_notices(&case), ["due_changed appraise"]);
    assert!(StepClock::of(&case.dossier, case.step("appraise")).stands_still);
    let paused = notices(&case);

    case.now = at("2026-10-05T09:00");
    case.answers(1);
    let clock = StepClock::of(&case.dossier, case.step("appraise"));
    assert!(!clock.stands_still && clock.due_at > due_at);
    // What the citizen gave comes in a new round, which says its due date itself.
    assert!(owed_notices(&case).is_empty());
    for (notice, to, _) in paused {
        assert_eq!(answer(&mut case, notice, &to, false), 0, "too late");
    }
}

#[test]
fn a_due_date_changed_twice_is_owed_once_and_it_is_the_newest() {
    let mut case = card_in_appraisal();
    let from = std::mem::replace(
        &mut case.law.calendar,
        calendar_with_a_day_off("2026-10-02"),
    );
    case.happens(None, Action::AdoptCalendar { from }).unwrap();
    let first = notices(&case);
    assert_eq!(owed_notices(&case), ["due_changed appraise"]);
    case.says("appraise", Says::Extension(3));
    let second = notices(&case);
    assert_eq!(second.len(), 1);
    assert_ne!(second[0].0, first[0].0);
    let id = |notice: &DepartmentNotice| notice.id(&case.dossier, &agency(&second[0].1));
    assert_ne!(id(&first[0].0), id(&second[0].0));
    assert!(
        first[0].0.number() < second[0].0.number(),
        "the higher one holds"
    );

    let (notice, to, _) = first[0].clone();
    assert_eq!(answer(&mut case, notice, &to, false), 0);
    assert_eq!(notices(&case), second, "still owed");
    let (notice, to, _) = second[0].clone();
    assert_eq!(answer(&mut case, notice.clone(), &to, false), 1);
    assert!(notices(&case).is_empty());
    assert_eq!(answer(&mut case, notice, &to, false), 0, "once");
}

#[test]
fn a_round_that_is_not_held_yet_is_followed_by_its_changed_due_date() {
    let mut case = card_in_appraisal();
    case.loses("appraise");
    let from = std::mem::replace(
        &mut case.law.calendar,
        calendar_with_a_day_off("2026-10-02"),
    );
    case.happens(None, Action::AdoptCalendar { from }).unwrap();
    assert!(notices(&case).is_empty());
    case.holds("appraise");
    assert_eq!(owed_notices(&case), ["due_changed appraise"]);
}

#[test]
fn a_department_that_lost_its_disk_is_told_anew_what_its_round_does_not_say() {
    let mut case = card_in_appraisal();
    case.says("appraise", Says::Extension(3));
    all_take_theirs(&mut case);
    case.loses("appraise");
    assert!(notices(&case).is_empty(), "it holds nothing");
    case.holds("appraise");
    assert_eq!(owed_notices(&case), ["due_changed appraise"]);
}

#[test]
fn who_holds_a_part_near_its_promised_date_hears_that_the_apology_is_owed_until_it_extends() {
    let mut case = card_in_appraisal();
    case.rings(Alarm::PartWarning("card".parse().unwrap()));
    assert_eq!(owed_notices(&case), ["apology_owed appraise"]);
    let mut told = card_in_appraisal();
    told.rings(Alarm::PartWarning("card".parse().unwrap()));
    all_take_theirs(&mut told);
    assert!(notices(&told).is_empty(), "once");

    case.says("appraise", Says::Extension(3));
    assert_eq!(owed_notices(&case), ["due_changed appraise"]);
}

#[test]
fn a_refused_notice_is_owed_no_longer_and_the_next_change_is() {
    let mut case = card_in_appraisal();
    case.rings(Alarm::PartWarning("card".parse().unwrap()));
    let (notice, to, _) = notices(&case).remove(0);
    assert_eq!(answer(&mut case, notice, &to, true), 1);
    assert!(notices(&case).is_empty());
    case.says("appraise", Says::Extension(3));
    assert_eq!(owed_notices(&case), ["due_changed appraise"]);
}
