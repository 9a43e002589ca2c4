//! The laws of a dossier, each a property over made-up procedures and histories.

use crate::{
    bookkeeper::{Book, word},
    generate::*,
    world::Case,
};
use dossier::{
    Dossier, Entry, Event, Procedure,
    decide::Action,
    dossier::{Stage, Task},
    name::StepId,
    owed::{Debt, owed},
    slip::custody,
};
use jiff::SignedDuration;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn limits() -> ProptestConfig {
    ProptestConfig {
        cases: 192,
        max_shrink_iters: 4_000,
        failure_persistence: Some(Box::new(
            proptest::test_runner::FileFailurePersistence::WithSource("proptest-regressions"),
        )),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(limits())]

    /// 1. Replaying the recorded events gives the state; the state depends on nothing else.
    #[test]
    fn law_1_the_events_give_the_state(plan in plans(), history in histories()) {
        let mut lived = Lived::begin(&plan);
        let mut replayed = replay(&lived.case.dossier, &lived.case.entries);
        for one in &history {
            let known = lived.case.entries.len();
            let _ = lived.attempt(one);
            for entry in &lived.case.entries[known..] {
                replayed.apply(entry).unwrap();
            }
            prop_assert_eq!(&replayed, &lived.case.dossier);
        }
        prop_assert_eq!(replay(&lived.case.dossier, &lived.case.entries), lived.case.dossier);
    }

    /// 2. What is owed equals an independent fold over the events, after every one of them.
    #[test]
    fn law_2_what_is_owed_is_what_was_raised_and_not_discharged(plan in plans(), history in histories()) {
        let case = Lived::through(&plan, &history).case;
        let mut book = Book::default();
        let mut dossier = Dossier::begin(case.dossier.id, &case.entries[0]).unwrap();
        for entry in &case.entries[1..] {
            dossier.apply(entry).unwrap();
            book.note(entry);
            let mut owes = owed(&dossier);
            owes.sort();
            prop_assert_eq!(owes, book.owed(), "after {:?}", entry);
        }
    }

    /// 3. Anything accepted, applied again, changes nothing and gets the same answer.
    #[test]
    fn law_3_what_was_accepted_is_accepted_once(plan in plans(), history in histories()) {
        let mut lived = Lived::through(&plan, &history);
        let before = lived.case.dossier.clone();
        for old in std::mem::take(&mut lived.accepted) {
            // What has no id is recognised by the state, and only at once: see below.
            if old.cause.is_none() {
                continue;
            }
            let again = lived.case.happens(old.cause, old.action).unwrap();
            prop_assert!(again.entries.is_empty());
            prop_assert_eq!((again.at, again.sequence), (old.answer.at, old.answer.sequence));
            prop_assert_eq!(&lived.case.dossier, &before);
        }
    }

    /// 3, at once: also what has no id is recognised, by the state.
    #[test]
    fn law_3_what_happens_twice_in_a_row_happens_once(plan in plans(), history in histories()) {
        let mut lived = Lived::begin(&plan);
        for one in &history {
            let count = lived.accepted.len();
            let _ = lived.attempt(one);
            if lived.accepted.len() > count {
                let before = lived.case.dossier.clone();
                let old = lived.accepted[count].clone();
                let again = lived.case.happens(old.cause, old.action).unwrap();
                prop_assert!(again.entries.is_empty());
                prop_assert_eq!(&lived.case.dossier, &before);
            }
        }
    }

    /// 4. Every unfinished step is held, owed, a person's to answer, or waits for one that is; each
    /// with a time at which somebody else is told.
    #[test]
    fn law_4_every_unfinished_step_is_somebodys(plan in plans(), history in histories()) {
        let mut lived = Lived::begin(&plan);
        somebodys(&lived.case)?;
        for one in &history {
            let _ = lived.attempt(one);
            somebodys(&lived.case)?;
        }
    }

    /// 5. A department changes only its own steps; evidence never changes once given.
    #[test]
    fn law_5_a_department_changes_only_its_own(plan in plans(), history in histories()) {
        let mut lived = Lived::begin(&plan);
        for one in &history {
            let before = lived.case.dossier.clone();
            let result = lived.attempt(one);
            own_steps_only(&lived, &before)?;
            if let (Try::Report { stranger: true, step, .. }, Some(Err(refusal))) = (one, &result) {
                let reason = refusal.reason();
                let alone = before.steps.len() == 1 || *step == u8::MAX;
                let known = ["NOT_YOURS", "ROUND_SUPERSEDED", "ID_REUSED"].contains(&reason);
                prop_assert!(known || alone || shares_an_agency(&before), "{reason}");
            }
            for (name, versions) in &before.evidence {
                let now = &lived.case.dossier.evidence[name];
                prop_assert_eq!(&now[..versions.len()], &versions[..]);
            }
            for (name, versions) in &lived.case.dossier.evidence {
                for (n, version) in versions.iter().enumerate() {
                    prop_assert_eq!(version.new.version, n as u32 + 1);
                    prop_assert_eq!(version.new.digest, version.new.given.digest());
                    prop_assert_eq!(version.step.as_ref(), lived.case.procedure.giver(name));
                }
            }
        }
    }

    /// 6. If departments and people answer, every dossier closes.
    #[test]
    fn law_6_every_dossier_closes(plan in plans(), history in histories(), choices in prop::collection::vec(any::<u8>(), 64)) {
        let mut lived = Lived::through(&plan, &history);
        let mut choices = choices.into_iter();
        for _ in 0..400 {
            if lived.case.is_closed() {
                break;
            }
            // Out of choices everybody simply finishes.
            cooperate(&mut lived.case, choices.next().unwrap_or(0));
        }
        prop_assert!(lived.case.is_closed(), "{:#?}", lived.case.dossier.steps);
        prop_assert!(lived.case.dossier.returns.is_empty());
        for step in lived.case.dossier.steps.values() {
            prop_assert!(step.stage.is_finished());
        }
    }

    /// 7. Per step, from due to finished: transport + held + paused = elapsed, exactly.
    #[test]
    fn law_7_custody_has_no_gap_and_no_overlap(plan in plans(), history in histories()) {
        let case = Lived::through(&plan, &history).case;
        let now = case.now + SignedDuration::from_hours(1);
        let mut book = Book::default();
        case.entries.iter().for_each(|entry| book.note(entry));
        for id in case.dossier.steps.keys() {
            let spans = custody(&case.entries, id);
            for pair in spans.windows(2) {
                prop_assert!(pair[0].until.is_some_and(|until| until <= pair[1].from), "{:?}", spans);
            }
            let mut times: BTreeMap<&'static str, SignedDuration> = BTreeMap::new();
            for span in &spans {
                *times.entry(word(span.keeper)).or_default() += span.length(now);
            }
            times.retain(|_, time| !time.is_zero());
            let (kept, elapsed) = book.times(id, now);
            let sum = times.values().fold(SignedDuration::ZERO, |sum, time| sum + *time);
            prop_assert_eq!(sum, elapsed);
            prop_assert_eq!(times, kept);
        }
    }
}

fn replay(dossier: &Dossier, entries: &[Entry]) -> Dossier {
    Dossier::replay(dossier.id, entries).unwrap()
}

fn somebodys(case: &Case) -> Result<(), TestCaseError> {
    let dossier = &case.dossier;
    let timers: Vec<StepId> = owed(dossier)
        .into_iter()
        .filter_map(|debt| match debt {
            Debt::Timer { step, .. } => Some(step),
            _ => None,
        })
        .collect();
    for (id, step) in &dossier.steps {
        if step.stage.is_finished() {
            continue;
        }
        prop_assert!(dossier.closed_at.is_none());
        accounted(dossier, &case.procedure, id, &timers)
            .map_err(|why| TestCaseError::fail(format!("{id}: {why}\n{:#?}", dossier.steps)))?;
    }
    for (name, open) in &dossier.returns {
        let giver = &dossier.steps[&open.giver];
        // One that waits itself, for an answer or for what is contested, hears of the fault together
        // with that; whom it waits for was followed above.
        let waits = giver.stage == Stage::Waiting || giver.awaiting.is_some();
        let is_asked = giver.stage.is_open() && giver.answers.contains(name);
        let is_asked = is_asked || waits && !giver.stage.is_finished();
        prop_assert!(is_asked, "nobody is asked about {name}");
        for asker in &open.askers {
            prop_assert_eq!(dossier.steps[asker].awaiting.as_ref(), Some(name));
        }
    }
    for (id, step) in &dossier.steps {
        if let Some(name) = &step.awaiting {
            prop_assert!(
                dossier.returns[name].askers.contains(id),
                "{id} waits for nothing"
            );
        }
        prop_assert!(
            step.untold.is_empty() && step.to_recall.is_none(),
            "{id} is not told"
        );
    }
    Ok(())
}

/// Follows what a step waits for to one who has it. Ends, because procedures have no cycle.
fn accounted(
    dossier: &Dossier,
    procedure: &Procedure,
    id: &StepId,
    timers: &[StepId],
) -> Result<(), String> {
    let step = &dossier.steps[id];
    let is_timed = || timers.contains(id) || step.limit_passed;
    match step.stage {
        Stage::Due | Stage::PossiblyHeld | Stage::Held | Stage::Declined => match is_timed() {
            true => Ok(()),
            false => Err("nobody is told when it is late".into()),
        },
        Stage::Waiting => {
            let plan = procedure.step(id).unwrap();
            let lacks = plan.needs.iter().filter(|need| {
                dossier.newest(&need.evidence).is_none()
                    || dossier.returns.contains_key(&need.evidence)
            });
            let before = lacks
                .filter_map(|need| procedure.giver(&need.evidence))
                .chain(&plan.after)
                .filter(|before| {
                    dossier
                        .steps
                        .get(*before)
                        .is_some_and(|step| !step.stage.is_finished())
                });
            let mut waits = false;
            for before in before {
                waits = true;
                accounted(dossier, procedure, before, timers)?;
            }
            if waits {
                Ok(())
            } else {
                Err("waits for nobody".into())
            }
        }
        Stage::Completed | Stage::Refused | Stage::Ended => Ok(()),
    }
}

fn shares_an_agency(dossier: &Dossier) -> bool {
    let agencies: std::collections::BTreeSet<_> =
        dossier.steps.values().map(|step| &step.agency).collect();
    agencies.len() < dossier.steps.len()
}

/// Beside the step that the report is about, only what follows by itself may happen.
fn own_steps_only(lived: &Lived, before: &Dossier) -> Result<(), TestCaseError> {
    let new: Vec<&Entry> = lived
        .case
        .entries
        .iter()
        .filter(|entry| entry.sequence > before.sequence)
        .collect();
    let Some(Accepted {
        action: Action::Report(report),
        answer,
        ..
    }) = lived.accepted.last()
    else {
        return Ok(());
    };
    if new.is_empty() || answer.entries.last().map(|e| e.sequence) != new.last().map(|e| e.sequence)
    {
        return Ok(());
    }
    prop_assert_eq!(&before.steps[&report.step].agency, &report.agency);
    for entry in new {
        if entry.cause.is_some() || matches!(entry.event, Event::Acknowledged { .. }) {
            prop_assert_eq!(entry.event.step(), Some(&report.step));
        } else {
            let follows = matches!(
                entry.event,
                Event::HandoverDue { .. }
                    | Event::Ended { .. }
                    | Event::RecallDue { .. }
                    | Event::PartFinished { .. }
                    | Event::Closed
            );
            prop_assert!(follows);
        }
    }
    for (name, versions) in &lived.case.dossier.evidence {
        let had = before.evidence.get(name).map_or(0, Vec::len);
        for version in &versions[had..] {
            prop_assert_eq!(
                (version.step.as_ref(), &version.agency),
                (Some(&report.step), &report.agency)
            );
        }
    }
    Ok(())
}

/// Everybody does the next thing that is theirs.
fn cooperate(case: &mut Case, choice: u8) {
    use crate::world::Says;
    for debt in owed(&case.dossier) {
        if let Debt::Handover { step, round, .. } | Debt::Recall { step, round, .. } = debt {
            case.happens(None, Action::Acknowledge { step, round })
                .unwrap();
        }
    }
    let held = case.dossier.steps.iter().find(|(_, step)| {
        matches!(step.stage, Stage::Held | Stage::Declined) && step.awaiting.is_none()
    });
    let Some((id, step)) = held.map(|(id, step)| (id.to_string(), step.clone())) else {
        panic!(
            "nobody has anything to do, and it is not closed: {:#?}",
            case.dossier.steps
        );
    };
    if step.stage == Stage::Declined {
        case.moves(
            &id,
            if step.agency.as_str() == "H26.97" {
                "H26.98"
            } else {
                "H26.97"
            },
        )
        .unwrap();
        return;
    }
    // A fault goes back as often as it may; then a person decides.
    let from_another = case
        .procedure
        .step(&id.parse().unwrap())
        .unwrap()
        .needs
        .iter()
        .find(|need| case.procedure.giver(&need.evidence).is_some())
        .map(|need| need.evidence.clone());
    if let (3, Some(name)) = (choice % 4, from_another) {
        let report = case.report(&id, Says::Returned(name));
        if case.sends(report).is_ok() {
            return;
        }
    }
    let says = match (step.task(), choice % 4) {
        (Task::Work, 1) if !step.completed_once => Says::Declined,
        (Task::Work, 2) => Says::Refused,
        (Task::Work, _) => Says::Completed(format!("choice {choice}")),
        (Task::Review, 1) => Says::Redo,
        (Task::Review, _) => Says::Stands,
        (Task::Answer, 1) => {
            let name = step.answers.first().unwrap().clone();
            let unlike_any = format!("corrected at {}", case.dossier.sequence);
            Says::Corrected(vec![(name, unlike_any)])
        }
        (Task::Answer, _) => Says::Upheld(step.answers.first().unwrap().clone()),
        (Task::Recall, _) => unreachable!("a recall is no round of a step"),
    };
    case.says(&id, says);
}
