//! Clocks: which parts stand still, why, and from where they run on.

use super::errands::limit_of;
use crate::{
    Event, Rules,
    dossier::{Dossier, Intake, Stage},
    event::{Deadline, PauseWhy, Windows},
    intake::begins,
    limit::{Limit, Unit},
    name::{EvidenceName, PartId, StepId},
    party::Officer,
    procedure::ClockRule,
    request::{deadline, warn_at},
    standstill,
    supplement::SupplementStage,
    want::{Wanting, depends_on},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Clocks stand still while the citizen is waited for, or the dossier is stopped; and run again.
pub(super) fn clock(
    wanting: Wanting<'_>,
    rules: Rules<'_>,
    whys: &[PauseWhy],
    at: Timestamp,
) -> Option<Event> {
    let dossier = wanting.dossier;
    if dossier.intake != Intake::Received {
        return None;
    }
    for &why in whys {
        let wanted = paused_parts(wanting, why);
        for (id, part) in dossier.parts.iter().filter(|(_, part)| part.end.is_none()) {
            match (wanted.contains(id), part.pauses.contains(&why)) {
                (true, false) => {
                    return Some(Event::ClockPaused {
                        part: id.clone(),
                        why,
                    });
                }
                (false, true) => return Some(resumed(dossier, rules, id, why, at)),
                _ => {}
            }
        }
    }
    None
}

/// The parts whose clock this reason stops: those that wait, and those that wait for them.
fn paused_parts(wanting: Wanting<'_>, why: PauseWhy) -> BTreeSet<PartId> {
    let dossier = wanting.dossier;
    let part_of = |step: &StepId| dossier.steps.get(step).map(|step| step.part.clone());
    let waiting: BTreeSet<PartId> = match why {
        PauseWhy::Stop if dossier.stopped_since.is_some() => {
            return dossier.parts.keys().cloned().collect();
        }
        PauseWhy::Stop => BTreeSet::new(),
        PauseWhy::Outside => {
            return outside(wanting);
        }
        PauseWhy::Payment => dossier
            .unpaid()
            .filter_map(|(_, owed)| part_of(&owed.step))
            .collect(),
        PauseWhy::Supplement => dossier
            .open_supplements()
            .flat_map(|one| match &one.step {
                Some(step) => part_of(step).into_iter().collect::<Vec<_>>(),
                None => parts_that_need(wanting, &one.wanted()),
            })
            .collect(),
    };
    if waiting.is_empty() {
        waiting
    } else {
        wanting.downstream(waiting)
    }
}

/// The parts in which nothing is under way but what does not count for their limit.
fn outside(wanting: Wanting<'_>) -> BTreeSet<PartId> {
    let mut open: BTreeMap<&PartId, bool> = BTreeMap::new();
    for (id, step) in wanting.dossier.procedure_steps() {
        let is_under_way = step.stage.is_open() || step.stage == Stage::Declined;
        if let Some(plan) = wanting.procedure.step(id).filter(|_| is_under_way) {
            *open.entry(&step.part).or_insert(true) &= plan.outside_total;
        }
    }
    open.into_iter()
        .filter(|(_, outside)| *outside)
        .map(|(part, _)| part.clone())
        .collect()
}

fn parts_that_need(wanting: Wanting<'_>, names: &BTreeSet<&EvidenceName>) -> Vec<PartId> {
    wanting
        .dossier
        .procedure_steps()
        .filter(|(_, step)| !step.stage.is_finished())
        .filter(|(id, _)| {
            wanting.procedure.step(id).is_some_and(|plan| {
                names
                    .iter()
                    .any(|name| depends_on(wanting.procedure, plan, name))
            })
        })
        .map(|(_, step)| step.part.clone())
        .collect()
}

/// A clock runs again: on from where it stood (PAUSE), or, after a supplement at appraisal where the
/// procedure says so, anew (RESET; NĐ 61/2018 Art 19(4)).
fn resumed(
    dossier: &Dossier,
    rules: Rules<'_>,
    id: &PartId,
    why: PauseWhy,
    at: Timestamp,
) -> Event {
    let part = &dossier.parts[id];
    let limit = rules.procedure.text.parts.get(id).map(|plan| plan.limit);
    let others = || part.pauses.iter().filter(|other| **other != why);
    let runs_on = others().next().is_none();
    // What does not count for the part has a limit of its own, which no such time stops.
    let steps_run_on =
        why != PauseWhy::Outside && others().all(|other| *other == PauseWhy::Outside);
    let last = dossier
        .supplements
        .iter()
        .filter(|one| !one.is_open())
        .max_by_key(|one| one.ended_at);
    let reset = why == PauseWhy::Supplement
        && runs_on
        && rules.procedure.text.supplement_clock == ClockRule::Reset
        && last
            .is_some_and(|one| !one.expired && matches!(one.stage, SupplementStage::Appraisal(_)));
    let on = |since: Option<Timestamp>, due_at: Timestamp, limit: Limit| {
        if reset {
            let start = begins(rules.calendar.starts(at, None), at, limit);
            return deadline(rules, start, limit);
        }
        rest(rules, since.unwrap_or(at), due_at, limit.unit, at)
    };
    let steps: BTreeMap<StepId, Deadline> = dossier
        .procedure_steps()
        .filter(|(_, step)| steps_run_on && step.part == *id)
        .filter(|(_, step)| step.follows_its_part() && !step.stage.is_finished())
        .filter_map(|(step_id, step)| {
            let plan = rules.procedure.step(step_id)?;
            let since = standstill::of_step(dossier, step);
            Some((step_id.clone(), on(since, step.due_at?, plan.limit)))
        })
        .collect();
    let promise = Deadline {
        due_at: part.promised_at,
        warn_at: part.warn_at,
    };
    Event::ClockResumed {
        part: id.clone(),
        why,
        reset,
        deadline: limit.filter(|_| runs_on).map_or(promise, |limit| {
            on(part.paused_since, part.promised_at, limit)
        }),
        steps,
    }
}

/// When a clock ends that stood still since then and runs on now, with what was left of it.
fn rest(
    rules: Rules<'_>,
    since: Timestamp,
    due_at: Timestamp,
    unit: Unit,
    at: Timestamp,
) -> Deadline {
    let left = rules.calendar.remaining(since, due_at, unit);
    let due_at = rules.calendar.resumes(at, left);
    Deadline {
        due_at,
        warn_at: warn_at(rules.calendar, at, due_at),
    }
}

/// A stopped dossier goes on: what the clocks of its parts do not carry along, errands and what the
/// citizen has to do, gets what was left of it.
pub(crate) fn gone_on(
    dossier: &Dossier,
    rules: Rules<'_>,
    reason: String,
    officer: Officer,
    at: Timestamp,
) -> Event {
    let steps = dossier
        .steps
        .iter()
        .filter(|(_, step)| !step.follows_its_part() && !step.stage.is_finished())
        .filter_map(|(id, step)| {
            let since = standstill::of_step(dossier, step)?;
            let unit = limit_of(rules.procedure, id, step).unit;
            Some((id.clone(), rest(rules, since, step.due_at?, unit, at)))
        })
        .collect();
    let window = |asked_at: Timestamp, due_at: Timestamp, unit: Unit| {
        let since = standstill::of_window(dossier, asked_at)?;
        Some(rest(rules, since, due_at, unit, at).due_at)
    };
    let supplements = dossier.open_supplements().filter_map(|one| {
        let unit = rules.procedure.text.supplement_window.unit;
        Some((one.number, window(one.asked_at, one.due_at, unit)?))
    });
    let owed = dossier.unpaid().filter(|(_, owed)| !owed.overdue);
    let payments = owed.filter_map(|(obligation, owed)| {
        let unit = rules.procedure.payment_window().unit;
        Some((
            obligation.clone(),
            window(owed.asked_at, owed.due_at?, unit)?,
        ))
    });
    Event::Resumed {
        reason,
        steps,
        windows: Windows {
            supplements: supplements.collect(),
            payments: payments.collect(),
        },
        officer,
    }
}
