//! What somebody outside may put into a dossier without end has a bound, and the refusal says what to
//! do. What is refused changes nothing.

use crate::{made_up::*, stories_of_rules::*, world::*};
use dossier::{
    Refusal,
    alarm::Alarm,
    bounds::{Bound, DENIALS_NOTED_MAX},
    decide::{Act, Action, Decided},
    event::Cause,
    party::Officer,
};
use std::collections::BTreeSet;

/// Does it as often as the bound allows, and shows the refusal of once more.
#[track_caller]
fn is_bounded(bound: Bound, mut once_more: impl FnMut(usize) -> Result<Decided, Refusal>) {
    for n in 0..bound.max() {
        once_more(n).unwrap();
    }
    let refusal = once_more(bound.max()).unwrap_err();
    assert_eq!(refusal, Refusal::Bound(bound));
    assert!(refusal.to_string().contains(&bound.max().to_string()));
}

#[test]
fn progress_is_bounded_in_a_round_and_begins_anew_with_the_next() {
    let mut case = card_in_appraisal();
    is_bounded(Bound::Progress, |_| {
        let report = case.report("appraise", Says::Progress);
        case.sends(report)
    });
    case.says("appraise", Says::Payment("fee".into(), 1_000));
    case.pays("fee", 1_000);
    case.holds("appraise");
    case.says("appraise", Says::Progress);
}

#[test]
fn losses_of_a_round_are_bounded_and_begin_anew_with_the_next() {
    let mut case = card_in_appraisal();
    is_bounded(Bound::Losses, |_| {
        let (step, round) = (step("appraise"), case.step("appraise").round);
        let done = case.happens(None, Action::LoseHolding { step, round })?;
        case.holds("appraise");
        Ok(done)
    });
    case.says("appraise", Says::Payment("fee".into(), 1_000));
    case.pays("fee", 1_000);
    case.holds("appraise");
    case.loses("appraise");
}

#[test]
fn sums_asked_of_the_citizen_are_bounded() {
    let mut case = card_in_appraisal();
    is_bounded(Bound::Obligations, |n| {
        let report = case.report("appraise", Says::Payment(format!("fee-{n}"), 1_000));
        case.sends(report)
    });
}

#[test]
fn versions_are_bounded_and_what_is_there_can_still_be_upheld() {
    let mut case = Case::birth_registered();
    for n in 1..Bound::Versions.max() {
        let content = format!("correction {n}");
        let report = case.report("register_birth", corrected("birth_certificate", &content));
        case.sends(report).unwrap();
    }
    let more = corrected("birth_certificate", "once more");
    let refusal = case.refusal("register_birth", more.clone());
    assert_eq!(refusal, Refusal::Bound(Bound::Versions));

    case.holds("issue_health_card");
    case.says("issue_health_card", returned("birth_certificate"));
    case.holds("register_birth");
    let refusal = case.refusal("register_birth", more);
    assert_eq!(refusal, Refusal::Bound(Bound::Versions));
    case.says("register_birth", upheld("birth_certificate"));
}

#[test]
fn faults_that_the_desk_finds_are_bounded() {
    let mut case = card_in_appraisal();
    case.says("appraise", completed("first"));
    is_bounded(Bound::Faults, |_| {
        let done = case.acts(Act::ReportFault {
            evidence: evidence("bill"),
            reason: "it looks wrong".into(),
            officer: Officer::default(),
        })?;
        case.holds("appraise");
        case.says("appraise", upheld("bill"));
        Ok(done)
    });
}

#[test]
fn stops_are_bounded_and_a_stopped_dossier_can_always_go_on() {
    let mut case = card_in_appraisal();
    is_bounded(Bound::Stops, |_| {
        let done = case.acts(Act::Stop {
            reason: "a court said so".into(),
            legal_basis: "an article".into(),
            settlement: String::new(),
            officer: Officer::default(),
        })?;
        case.acts(Act::Resume {
            reason: "it is settled".into(),
            officer: Officer::default(),
        })
        .unwrap();
        Ok(done)
    });
}

#[test]
fn refused_consents_are_bounded() {
    let mut case = begin(&plan(vec![
        PlannedStep::named("appraise").in_part("card").gives("card"),
        PlannedStep::named("issue")
            .in_part("record")
            .needs("consent"),
    ]));
    let party = case.dossier.received.parties[0].id.clone();
    is_bounded(Bound::ConsentsRefused, |_| {
        case.acts(Act::RefuseConsent {
            evidence: evidence("consent"),
            party: party.clone(),
            reason: "they do not want to".into(),
            officer: Officer::default(),
        })
    });
}

#[test]
fn every_bound_has_a_word_of_its_own_and_says_what_to_do_in_both_languages() {
    let refusals = Bound::ALL.map(Refusal::Bound);
    let words: BTreeSet<_> = refusals.iter().map(Refusal::reason).collect();
    assert_eq!(words.len(), Bound::ALL.len());
    for refusal in refusals {
        let (en, vi) = (refusal.to_string(), refusal.vi());
        assert!(en.contains("; ") && !en.ends_with('.'), "{en}");
        assert!(vi.ends_with('.') && !vi.is_ascii(), "{vi}");
    }
}

/// The department asks for what is there; the broker refuses, and notes it.
fn asks_in_vain(case: &mut Case, by: &Cause) -> usize {
    let report = case.report("appraise", Says::Supplement(vec![item("paper")]));
    let refused = case.happens(Some(by.clone()), Action::Report(report));
    let Err(Refusal::SupplementDenied { step, denials }) = refused else {
        panic!("{refused:?}");
    };
    let noted = case.happens(
        Some(by.clone()),
        Action::Deny {
            step,
            agency: case.step("appraise").agency.clone(),
            denials,
        },
    );
    noted.unwrap().entries.len()
}

#[test]
fn what_was_asked_in_vain_is_noted_once_however_often_it_is_sent() {
    let mut case = card_in_appraisal();
    let first = cause("s", "ask-1", "one");
    assert_eq!(asks_in_vain(&mut case, &first), 1);
    assert_eq!(asks_in_vain(&mut case, &first), 0);
    assert_eq!(asks_in_vain(&mut case, &cause("s", "ask-2", "one")), 1);

    let other = cause("s", "ask-1", "something else");
    let report = case.report("appraise", Says::Progress);
    let refused = case.happens(Some(other), Action::Report(report));
    assert_eq!(refused.unwrap_err(), Refusal::IdReused);

    let replayed = dossier::Dossier::replay(case.dossier.id, &case.entries).unwrap();
    assert_eq!(replayed, case.dossier);
}

#[test]
fn no_more_is_noted_of_what_is_asked_in_vain_than_the_bound() {
    let mut case = card_in_appraisal();
    for n in 0..DENIALS_NOTED_MAX {
        let by = cause("s", &format!("ask-{n}"), "one");
        assert_eq!(asks_in_vain(&mut case, &by), 1);
    }
    let by = cause("s", "ask-over", "one");
    assert_eq!(asks_in_vain(&mut case, &by), 0);
}

#[test]
fn only_a_supplement_that_the_citizen_brought_was_a_visit() {
    let asked_in_vain = || {
        let mut case = card();
        case.holds("look_up_record");
        case.rings(Alarm::StepLimit(step("look_up_record")));
        case.acts(request(vec![approved("record")])).unwrap();
        case
    };
    let answered = |case: &Case| case.dossier.supplements[0].answered;

    let mut brought = asked_in_vain();
    assert!(!answered(&brought));
    brought.answers(1);
    assert!(answered(&brought));

    let mut found_late = asked_in_vain();
    found_late.says("look_up_record", found("late"));
    assert!(!found_late.dossier.supplements[0].is_open() && !answered(&found_late));

    let mut withdrawn = asked_in_vain();
    withdrawn.acts(withdraw()).unwrap();
    assert!(!withdrawn.dossier.supplements[0].is_open() && !answered(&withdrawn));
}
