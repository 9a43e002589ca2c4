//! The laws of a dossier, each a property over made-up procedures and histories.

use crate::{
    bookkeeper::{Book, word},
    generate::*,
    world::*,
};
use dossier::{
    Dossier, Entry, Event, Refusal,
    alarm::Alarm,
    calendar::Remaining,
    condition::{Facts, Judgement},
    decide::{Act, Action},
    dossier::{Intake, Kind, Stage, Task},
    event::{LookUpOutcome, PauseWhy},
    limit::Unit,
    name::{EvidenceName, StepId},
    national::NationalStatus,
    owed::{Debt, is_owed, owed},
    party::Officer,
    procedure::{Actor, Origin, civil_date},
    slip::custody,
    standing::{Holder, attribution, national, national_history},
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

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
        book.note(&case.entries[0]);
        for entry in &case.entries[1..] {
            dossier.apply(entry).unwrap();
            book.note(entry);
            let mut owes = owed(&dossier);
            owes.sort();
            prop_assert_eq!(&owes, &book.owed(), "after {:?}", entry);
            for (id, step) in &dossier.steps {
                let named = |debt: &Debt| match debt {
                    Debt::Handover { step: one, round, agency, .. }
                    | Debt::Recall { step: one, round, agency, .. } => {
                        (one, *round, agency) == (id, step.round, &step.agency)
                    }
                    _ => false,
                };
                let is_named = owes.iter().any(named);
                prop_assert_eq!(is_owed(&dossier, id, step.round, &step.agency), is_named);
            }
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

    /// Conditions are kept whatever is corrected: nobody has a step that is not to be done, and none that
    /// is to be done is left out.
    #[test]
    fn a_step_runs_where_its_condition_holds(plan in plans(), history in histories()) {
        let mut lived = Lived::begin(&plan);
        for one in &history {
            let _ = lived.attempt(one);
            let dossier = &lived.case.dossier;
            if dossier.intake != Intake::Received || dossier.ending.is_some() {
                continue;
            }
            for (id, step) in dossier.procedure_steps() {
                let plan = lived.case.procedure.step(id).unwrap();
                let Some(when) = &plan.when else { continue };
                let judgement = when.judge(&Facts {
                    data: &|name| Some(&*dossier.newest(name)?.new.given.data),
                    asked: &dossier.received.asked,
                    represented: false,
                });
                let is_begun = step.work && !step.completed_once && step.stage.is_open();
                prop_assert!(!(is_begun && judgement == Judgement::Fails), "{id} is at work: {dossier:#?}");
                let lacks = plan.needs.iter().any(|need| dossier.newest(&need.evidence).is_none());
                let is_left_out = step.stage == Stage::Skipped && !lacks;
                prop_assert!(!(is_left_out && judgement == Judgement::Holds), "{id} is left out: {dossier:#?}");
            }
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
                    let givers = lived.case.procedure.givers(name);
                    prop_assert_eq!(version.step.is_some(), !givers.is_empty());
                    prop_assert!(version.step.as_ref().is_none_or(|step| givers.contains(step)));
                }
            }
        }
    }

    /// 6. If departments and people answer, every dossier closes.
    #[test]
    fn law_6_every_dossier_closes(plan in plans(), history in histories(), choices in prop::collection::vec(any::<u8>(), 64)) {
        let mut lived = Lived::through(&plan, &history);
        let mut choices = choices.into_iter();
        for _ in 0..600 {
            if lived.case.is_closed() {
                break;
            }
            // Out of choices everybody simply finishes.
            cooperate(&mut lived, choices.next().unwrap_or(0))?;
        }
        prop_assert!(lived.case.is_closed(), "{:#?}", lived.case.dossier);
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

    /// 7, by the working calendar: from one event to the next, each step's time is whose it was then,
    /// and what the citizen is waited for counts once.
    #[test]
    fn law_7_each_stretch_of_time_is_somebodys(plan in plans(), history in histories()) {
        let case = Lived::through(&plan, &history).case;
        let now = case.now + SignedDuration::from_hours(1);
        let calendar = national_calendar();
        let mut dossier = Dossier::begin(case.dossier.id, &case.entries[0]).unwrap();
        let mut times: BTreeMap<Holder, SignedDuration> = BTreeMap::new();
        for (n, entry) in case.entries.iter().enumerate() {
            if n > 0 {
                dossier.apply(entry).unwrap();
            }
            let until = case.entries.get(n + 1).map_or(now, |next| next.at);
            let time = calendar.working_time(entry.at, until);
            for holder in holders(&dossier) {
                *times.entry(holder).or_default() += time;
            }
        }
        times.retain(|_, time| !time.is_zero());
        prop_assert_eq!(attribution(&case.entries, &case.dossier, &calendar, now), times);
    }

    /// The national portal is told of legal changes only, and in the end of where it stands.
    #[test]
    fn the_national_history_is_legal_and_ends_where_the_dossier_stands(plan in plans(), history in histories()) {
        let case = Lived::through(&plan, &history).case;
        let told = national_history(case.dossier.id, &case.entries, &case.procedure);
        prop_assert_eq!(told[0].0, NationalStatus::NewlyRegistered);
        for pair in told.windows(2) {
            prop_assert!(NationalStatus::may_follow(pair[0].0, pair[1].0), "{:?}", told);
            prop_assert!(pair[0].1 <= pair[1].1);
        }
        prop_assert_eq!(told.last().unwrap().0, national(&case.dossier, &case.procedure), "{:?}", told);
    }

    /// A changed calendar leaves every clock that runs what it had: a day off that nobody knew of
    /// moves it, and one that is over, or far away, does not.
    #[test]
    fn a_changed_calendar_leaves_every_clock_what_it_had(plan in plans(), history in histories(), days in 0..40i64) {
        let mut case = Lived::through(&plan, &history).case;
        let from = case.law.calendar.clone();
        let date = civil_date(case.now).checked_add(SignedDuration::from_hours(24 * days)).unwrap();
        prop_assume!(case.dossier.received.calendar_digest == from.digest);
        prop_assume!(from.covers(date) && national_calendar().is_working_day(date));
        case.law.calendar = calendar_with_a_day_off(&date.to_string());
        let before = case.dossier.clone();
        case.happens(None, Action::AdoptCalendar { from: from.clone() }).unwrap();
        let (to, now) = (case.law.calendar.clone(), case.now);
        let is_kept = |was: Timestamp, is: Timestamp, unit| {
            let left = from.remaining(now, was, unit);
            // The rest of a day is the rest of the next one when this one is over or off.
            let is_rest = left == Remaining::WorkingDays(0);
            is_rest || was <= now && was == is || left == to.remaining(now, is, unit)
        };
        prop_assume!(before.closed_at.is_none() && before.stopped_since.is_none());
        for (id, part) in &case.dossier.parts {
            let runs = part.pauses.is_empty() && part.end.is_none();
            if runs && case.dossier.intake == Intake::Received {
                let was = before.parts[id].promised_at;
                prop_assert!(is_kept(was, part.promised_at, Unit::WorkingDay), "{id}: {was} {}", part.promised_at);
            }
        }
        for (id, step) in case.dossier.procedure_steps() {
            let part = case.dossier.parts.get(&step.part);
            let runs = part.is_some_and(|part| part.pauses.is_empty()) && !step.stage.is_finished();
            if let (true, Some(was), Some(is)) = (runs, before.steps[id].due_at, step.due_at) {
                prop_assert!(is_kept(was, is, Unit::WorkingHour), "{id}: {was} {is}");
            }
        }
        for (was, is) in before.open_supplements().zip(case.dossier.open_supplements()) {
            prop_assert!(is_kept(was.due_at, is.due_at, Unit::WorkingDay), "{is:?}");
        }
        for ((_, was), (_, is)) in before.unpaid().zip(case.dossier.unpaid()) {
            if let (Some(was), Some(is)) = (was.due_at, is.due_at) {
                prop_assert!(is_kept(was, is, Unit::WorkingDay));
            }
        }
    }

    /// A calendar with the same days moves nothing, whatever happened before.
    #[test]
    fn a_calendar_with_the_same_days_changes_no_date(plan in plans(), history in histories()) {
        let mut case = Lived::through(&plan, &history).case;
        let followed = case.dossier.received.calendar_digest;
        prop_assume!(followed == national_calendar().digest);
        case.law.calendar = calendar_by_another_name();
        let before = case.dossier.clone();
        case.happens(None, Action::AdoptCalendar { from: national_calendar() }).unwrap();
        prop_assert_eq!(&case.dossier.parts, &before.parts);
        prop_assert_eq!(&case.dossier.steps, &before.steps);
        prop_assert_eq!(&case.dossier.supplements, &before.supplements);
        prop_assert_eq!(&case.dossier.obligations, &before.obligations);
        prop_assert_eq!(owed(&case.dossier), owed(&before));
    }

    /// What stands still while it is stopped has, when it goes on, what was left of it.
    #[test]
    fn a_stopped_dossier_goes_on_with_what_was_left_of_everything(plan in plans(), history in histories(), hours in 1..2_000i64) {
        let mut case = Lived::through(&plan, &history).case;
        let calendar = case.law.calendar.clone();
        prop_assume!(case.dossier.received.calendar_digest == calendar.digest);
        let stop = Act::Stop {
            reason: "because".into(),
            legal_basis: "an article".into(),
            settlement: String::new(),
            officer: Officer::default(),
        };
        let before = case.dossier.clone();
        prop_assume!(case.acts(stop).is_ok());
        let stopped = case.now;
        case.now += SignedDuration::from_hours(hours);
        case.acts(Act::Resume { reason: "because".into(), officer: Officer::default() }).unwrap();
        let now = case.now;
        let is_kept = |was: Timestamp, is: Timestamp, unit| {
            let left = calendar.remaining(stopped, was, unit);
            let is_rest = left == Remaining::WorkingDays(0);
            is_rest || was <= stopped && was == is || left == calendar.remaining(now, is, unit)
        };
        for (was, is) in before.open_supplements().zip(case.dossier.open_supplements()) {
            prop_assert!(is_kept(was.due_at, is.due_at, Unit::WorkingDay));
        }
        for ((_, was), (_, is)) in before.unpaid().zip(case.dossier.unpaid()) {
            if let (Some(was), Some(is), false) = (was.due_at, is.due_at, was.overdue) {
                prop_assert!(is_kept(was, is, Unit::WorkingDay));
            }
        }
        for (id, was) in before.steps.iter().filter(|(_, step)| !step.stage.is_finished()) {
            let is = &case.dossier.steps[id];
            let paused = before.parts.get(&was.part).is_some_and(|part| {
                part.pauses.iter().any(|why| *why != PauseWhy::Outside)
            });
            let runs = !paused || !was.is_procedures() || was.actor == Actor::Citizen;
            let unit = match &was.kind {
                Kind::Procedure => Unit::WorkingHour,
                Kind::LookUp { evidence, .. } if evidence.as_str() == "record" => Unit::WorkingHour,
                _ => Unit::WorkingDay,
            };
            if let (true, Some(due), Some(due_now)) = (runs && !is.stage.is_finished(), was.due_at, is.due_at) {
                prop_assert!(is_kept(due, due_now, unit), "{id}: {due} {due_now}");
            }
        }
    }

    /// A promised date is a promise: only what the law knows moves it.
    #[test]
    fn a_promised_date_moves_only_by_pause_extension_or_calendar(plan in plans(), history in histories()) {
        let case = Lived::through(&plan, &history).case;
        let mut dossier = Dossier::begin(case.dossier.id, &case.entries[0]).unwrap();
        for entry in &case.entries[1..] {
            let before: Vec<_> = dossier.parts.values().map(|part| part.promised_at).collect();
            dossier.apply(entry).unwrap();
            let after: Vec<_> = dossier.parts.values().map(|part| part.promised_at).collect();
            let may_move = matches!(
                entry.event,
                Event::Accepted(_)
                    | Event::ClockResumed { .. }
                    | Event::Extended { .. }
                    | Event::CalendarAdopted { .. }
            );
            prop_assert!(may_move || before == after, "{:?}", entry.event);
            if matches!(entry.event, Event::ClockResumed { reset: false, .. } | Event::Extended { .. }) {
                prop_assert!(before.iter().zip(&after).all(|(was, is)| was <= is), "{:?}", entry.event);
            }
        }
    }

    /// Nobody is asked for the same thing twice at one stage, and nobody for what is there.
    #[test]
    fn the_citizen_is_asked_once_and_for_nothing_that_is_there(plan in plans(), history in histories()) {
        let case = Lived::through(&plan, &history).case;
        let mut dossier = Dossier::begin(case.dossier.id, &case.entries[0]).unwrap();
        let mut asked = BTreeSet::new();
        for entry in &case.entries[1..] {
            if let Event::SupplementAsked { stage, items, .. } = &entry.event {
                for item in items {
                    prop_assert!(asked.insert((stage.clone(), item.evidence.clone())));
                    let is_there = dossier.newest(&item.evidence).is_some();
                    prop_assert!(!is_there || item.approval.is_some());
                    let from_step = !case.procedure.givers(&item.evidence).is_empty();
                    prop_assert!(!from_step);
                }
            }
            dossier.apply(entry).unwrap();
        }
    }
}

/// Whose time it is now, once for each step and once for each reason to stand still.
fn holders(dossier: &Dossier) -> Vec<Holder> {
    let pauses: BTreeSet<PauseWhy> = dossier
        .parts
        .values()
        .flat_map(|part| part.pauses.iter().copied())
        .collect();
    let mut holders = Vec::new();
    if pauses.contains(&PauseWhy::Supplement) || pauses.contains(&PauseWhy::Payment) {
        holders.push(Holder::Citizen);
    }
    if pauses.contains(&PauseWhy::Stop) {
        holders.push(Holder::Nobody);
    }
    for step in dossier.steps.values() {
        let stands_still = dossier
            .parts
            .get(&step.part)
            .is_some_and(|part| part.pauses.iter().any(|why| *why != PauseWhy::Outside));
        holders.extend(match step.stage {
            Stage::Due | Stage::PossiblyHeld => Some(Holder::Transport),
            _ if stands_still => None,
            Stage::Held if step.actor == Actor::Citizen => None,
            Stage::Held => Some(Holder::Agency(step.agency.clone())),
            Stage::Declined => Some(Holder::Nobody),
            Stage::Waiting if step.round > 0 => Some(Holder::Nobody),
            _ => None,
        });
    }
    holders
}

fn replay(dossier: &Dossier, entries: &[Entry]) -> Dossier {
    Dossier::replay(dossier.id, entries).unwrap()
}

/// Every unfinished step is somebody's, and somebody else is told in time. What cannot be told in time
/// is only what was stopped by decision: no law names a day for that.
fn somebodys(case: &Case) -> Result<(), TestCaseError> {
    let dossier = &case.dossier;
    let alarms: Vec<Alarm> = case.alarms().into_iter().map(|(alarm, _)| alarm).collect();
    for (id, step) in &dossier.steps {
        prop_assert!(
            step.untold.is_empty() || step.awaiting.is_some() || step.stage == Stage::Waiting,
            "{id} is not told"
        );
        prop_assert!(step.to_recall.is_none(), "{id} is not recalled");
        if step.stage.is_finished() {
            continue;
        }
        prop_assert!(dossier.closed_at.is_none());
        accounted(case, id, &alarms)
            .map_err(|why| TestCaseError::fail(format!("{id}: {why}\n{dossier:#?}")))?;
    }
    for (name, open) in &dossier.returns {
        let giver = &dossier.steps[&open.giver];
        // One that waits itself, for an answer or for what is contested, hears of the fault together
        // with that; whom it waits for was followed above.
        let waits = giver.stage == Stage::Waiting || giver.awaiting.is_some();
        let is_asked = giver.stage.is_open() && giver.answers.contains(name);
        let is_placed = giver.stage == Stage::Declined || dossier.stopped_since.is_some();
        let is_asked = is_asked || is_placed || waits && !giver.stage.is_finished();
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
    }
    Ok(())
}

/// Follows what a step waits for to one who has it. Ends, because procedures have no cycle.
fn accounted(case: &Case, id: &StepId, alarms: &[Alarm]) -> Result<(), String> {
    let dossier = &case.dossier;
    let step = &dossier.steps[id];
    if dossier.stopped_since.is_some() {
        return Ok(());
    }
    let waits_for_citizen = || {
        let asked = dossier.open_supplements().next().is_some();
        let has_window = dossier
            .open_supplements()
            .all(|one| alarms.contains(&Alarm::SupplementWindow(one.number)));
        let owes = dossier.unpaid().next().is_some();
        let is_told = dossier.unpaid().all(|(_, owed)| match owed.due_at {
            Some(_) => owed.overdue || alarms.contains(&Alarm::PaymentWindow(owed.number)),
            None => {
                let payer = &dossier.steps[&owed.step];
                let limit = Alarm::StepLimit(owed.step.clone());
                payer.stage.is_finished() || payer.limit_passed || alarms.contains(&limit)
            }
        });
        asked && has_window || owes && is_told
    };
    let part = dossier.parts.get(&step.part);
    let stands_still = part.is_some_and(|part| !part.pauses.is_empty());
    let is_timed = alarms.contains(&Alarm::StepLimit(id.clone()))
        || step.limit_passed
        || stands_still && waits_for_citizen();
    if dossier.intake == Intake::Filed && step.is_procedures() {
        let is_desks = alarms.contains(&Alarm::IntakeLimit) || dossier.intake_limit_passed;
        return match is_desks || waits_for_citizen() {
            true => Ok(()),
            false => Err("no desk is reminded of it".into()),
        };
    }
    match step.stage {
        Stage::Due | Stage::PossiblyHeld | Stage::Held | Stage::Declined if is_timed => Ok(()),
        Stage::Due | Stage::PossiblyHeld | Stage::Held | Stage::Declined => {
            Err("nobody is told when it is late".into())
        }
        Stage::Waiting if !step.is_procedures() => {
            let is_asked_again = alarms.contains(&Alarm::AskAgain(id.clone()));
            match is_asked_again && is_timed {
                true => Ok(()),
                false => Err("an errand that nobody runs".into()),
            }
        }
        Stage::Waiting => {
            // Beside whoever has it, the desk hears when its part is late.
            let is_promised = part.is_some_and(|one| {
                one.promise_passed
                    || one.end.is_some()
                    || alarms.contains(&Alarm::PartLimit(step.part.clone()))
            });
            if !is_promised && !(stands_still && (waits_for_citizen() || outside(case))) {
                return Err("the desk is never told that its part is late".into());
            }
            match waits(case, id, alarms)? {
                true => Ok(()),
                false => Err("waits for nobody".into()),
            }
        }
        Stage::Completed | Stage::Refused | Stage::Ended | Stage::Skipped => Ok(()),
    }
}

/// Whether a clock stands still because only what does not count for it is under way: that has a
/// limit of its own.
fn outside(case: &Case) -> bool {
    let mut parts = case.dossier.parts.values();
    parts.any(|part| part.pauses.contains(&PauseWhy::Outside))
}

/// Whether this step waits for somebody, each of whom is followed.
fn waits(case: &Case, id: &StepId, alarms: &[Alarm]) -> Result<bool, String> {
    let dossier = &case.dossier;
    let plan = case.procedure.step(id).unwrap();
    let conditions = plan
        .needs
        .iter()
        .filter_map(|need| case.procedure.needed_when(&need.evidence))
        .chain(&plan.when);
    let named: BTreeSet<&EvidenceName> = plan
        .needs
        .iter()
        .map(|need| &need.evidence)
        .chain(conditions.flat_map(|condition| condition.evidence()))
        .filter(|name| dossier.newest(name).is_none() || dossier.returns.contains_key(*name))
        .collect();
    let mut waits = false;
    let steps = named
        .iter()
        .flat_map(|name| case.procedure.givers(name))
        .chain(&plan.after)
        .filter(|before| {
            dossier
                .steps
                .get(*before)
                .is_some_and(|step| !step.stage.is_finished())
        });
    for before in steps {
        waits = true;
        accounted(case, before, alarms)?;
    }
    for name in named {
        if let Some((look_up, step, outcome)) = dossier.look_up(name) {
            waits = true;
            match step.stage.is_finished() {
                // The desk may ask by leave of an approver, and the part's promise reminds it.
                true if outcome.is_some() => {}
                true => return Err(format!("the look-up of {name} ended without an answer")),
                false => accounted(case, look_up, alarms)?,
            }
        }
        waits |= dossier
            .open_supplements()
            .any(|one| one.wanted().contains(name));
        // The citizen is asked for all of it at once, when no holder has yet to answer.
        let is_citizens = case.procedure.text.evidence[name].source == Origin::Citizen;
        for (look_up, step) in dossier.steps.iter().filter(|_| is_citizens) {
            if matches!(step.kind, Kind::LookUp { .. }) && !step.stage.is_finished() {
                waits = true;
                accounted(case, look_up, alarms)?;
            }
        }
    }
    Ok(waits)
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
        let is_departments = |id| lived.case.dossier.steps[id].is_departments();
        let acknowledges =
            matches!(&entry.event, Event::Acknowledged { step, .. } if is_departments(step));
        if entry.cause.is_some() || acknowledges {
            prop_assert_eq!(entry.event.step(), Some(&report.step));
        } else if matches!(entry.event, Event::Acknowledged { .. }) {
            // A desk's or citizen's step is taken up.
        } else {
            let follows = matches!(
                entry.event,
                Event::HandoverDue { .. }
                    | Event::Ended { .. }
                    | Event::Skipped { .. }
                    | Event::Wanted { .. }
                    | Event::RecallDue { .. }
                    | Event::Moved { .. }
                    | Event::LookUpDue { .. }
                    | Event::Reviewed { redo: false, .. }
                    | Event::SupplementAsked { by: None, .. }
                    | Event::ClockPaused { .. }
                    | Event::ClockResumed { .. }
                    | Event::SlipsDue { .. }
                    | Event::PartFinished { .. }
                    | Event::Closed
            );
            // What the desk or the citizen has to do is taken up by itself.
            let is_nobodys = entry.event.step().is_some_and(|id| {
                let actor = lived.case.dossier.steps[id].actor;
                match entry.event {
                    Event::PaymentAsked { .. } => actor == Actor::Citizen,
                    Event::Completed { .. } => actor == Actor::Desk,
                    _ => false,
                }
            });
            prop_assert!(follows || is_nobodys, "{:?}", entry.event);
        }
    }
    for (name, versions) in &lived.case.dossier.evidence {
        let had = before.evidence.get(name).map_or(0, |all| all.len());
        for version in &versions[had..] {
            let is_look_up = before.look_up(name).is_some();
            prop_assert!(version.step.as_ref() == Some(&report.step) || is_look_up);
            prop_assert_eq!(&version.agency, &report.agency);
        }
    }
    Ok(())
}

/// Everybody does the next thing that is theirs; when nobody has anything to do, time passes.
fn cooperate(lived: &mut Lived, choice: u8) -> Result<(), TestCaseError> {
    for debt in owed(&lived.case.dossier) {
        let action = match debt {
            Debt::Handover { step, round, .. } | Debt::Recall { step, round, .. } => {
                Action::Acknowledge { step, round }
            }
            Debt::Notice { notice, agency, .. } => Action::Notify {
                agency,
                notice,
                refused: false,
            },
            Debt::Timer { .. } => continue,
        };
        lived.case.happens(None, action).unwrap();
    }
    if (choice % 16 < 15 || lived.case.alarms().is_empty())
        && let Some(act) = lived.acts_to_do(choice % 4).into_iter().next()
    {
        return match lived.case.acts(act.clone()) {
            Ok(_) => Ok(()),
            Err(Refusal::Incomplete { missing }) => complete(&mut lived.case, &missing),
            Err(refusal) => Err(TestCaseError::fail(format!("{act:?}: {refusal}"))),
        };
    }
    let case = &mut lived.case;
    let held = case.dossier.steps.iter().find(|(_, step)| {
        matches!(step.stage, Stage::Held | Stage::Declined)
            && step.awaiting.is_none()
            && step.is_departments()
    });
    let Some((id, step)) = held.map(|(id, step)| (id.to_string(), step.clone())) else {
        return wait(case);
    };
    if step.stage == Stage::Declined {
        let free = ["H26.97", "H26.98"];
        let to = free.into_iter().find(|to| *to != step.agency.as_str());
        case.moves(&id, to.unwrap()).unwrap();
        return Ok(());
    }
    // A fault goes back as often as it may; then a person decides.
    let plan = case.procedure.step(&id.parse().unwrap());
    let from_another = plan
        .iter()
        .flat_map(|plan| &plan.needs)
        .find(|need| case.procedure.giver(&need.evidence).is_some())
        .map(|need| need.evidence.clone());
    if let (3, Some(name)) = (choice % 4, from_another) {
        let report = case.report(&id, Says::Returned(name));
        if case.sends(report).is_ok() {
            return Ok(());
        }
    }
    let asks = match choice % 32 {
        4 => Some(Says::Supplement(vec![approved("extra")])),
        5 => Some(Says::Payment(
            format!("fee-{}", case.dossier.sequence),
            1_000,
        )),
        6 => Some(Says::Consultation("H26.99".into(), vec![])),
        7 => Some(Says::Extension(2)),
        _ => None,
    };
    if let Some(asks) = asks {
        let report = case.report(&id, asks);
        if case.sends(report).is_ok() {
            return Ok(());
        }
    }
    let says = match (step.task(), choice % 4) {
        (Task::Work, 1) if !step.completed_once => Says::Declined,
        (Task::Work, 2) => Says::Refused,
        (Task::Work, _) => Says::Completed(format!("content {}", choice % 3)),
        (Task::Review, 1) => Says::Redo,
        (Task::Review, _) => Says::Stands,
        (Task::Answer, 1) => {
            let name = step.answers.first().unwrap().clone();
            let unlike_any = format!("corrected at {}", case.dossier.sequence);
            Says::Corrected(vec![(name, unlike_any)])
        }
        (Task::Answer, _) => Says::Upheld(step.answers.first().unwrap().clone()),
        (Task::LookUp, _) => match LookUpOutcome::ALL[usize::from(choice) % 5] {
            LookUpOutcome::Found => found("found"),
            other => answered(other),
        },
        (Task::Consult, _) => Says::Opinion,
        (Task::Recall | Task::Inform, _) => unreachable!("it is no round of work"),
    };
    let report = case.report(&id, says.clone());
    let result = case.sends(report);
    prop_assert!(result.is_ok(), "{id}: {says:?}: {result:?}");
    Ok(())
}

/// The desk asks for what is missing, once; what is missing still is not received.
fn complete(case: &mut Case, missing: &str) -> Result<(), TestCaseError> {
    let ask = Act::RequestSupplement {
        items: missing.split(", ").map(item).collect(),
        officer: Officer::default(),
    };
    if case.acts(ask).is_ok() {
        return Ok(());
    }
    let refuse = Act::RefuseIntake {
        reason: "it is not complete".into(),
        legal_basis: "an article".into(),
        officer: Officer::default(),
    };
    prop_assert!(case.acts(refuse).is_ok());
    Ok(())
}

/// Nobody has anything to do: an approver lets the desk ask for what its holders do not give, and for
/// all else that only the citizen can give; or the next alarm rings.
fn wait(case: &mut Case) -> Result<(), TestCaseError> {
    let names: Vec<EvidenceName> = case.procedure.text.evidence.keys().cloned().collect();
    for name in names {
        let is_silent = case
            .dossier
            .look_up(&name)
            .is_some_and(|(_, step, outcome)| {
                step.limit_passed || outcome.is_some() && step.stage.is_finished()
            });
        if is_silent && case.dossier.newest(&name).is_none() {
            let ask = |case: &mut Case, more: &str| {
                let more = more.split(", ").filter(|more| !more.is_empty());
                let items = std::iter::once(name.as_str()).chain(more).map(approved);
                case.acts(Act::RequestSupplement {
                    items: items.collect(),
                    officer: Officer::default(),
                })
            };
            let asked = match ask(case, "") {
                Err(Refusal::Fields(faults)) => {
                    let missing = faults[0].rule.split_once("missing: ");
                    ask(case, missing.map_or("", |(_, missing)| missing))
                }
                asked => asked,
            };
            if asked.is_ok() {
                return Ok(());
            }
        }
    }
    let next = case.alarms().into_iter().min_by_key(|(_, at)| *at);
    let Some((alarm, _)) = next else {
        return Err(TestCaseError::fail(format!(
            "nobody has anything to do, and it is not closed: {:#?}",
            case.dossier
        )));
    };
    case.rings(alarm);
    Ok(())
}
