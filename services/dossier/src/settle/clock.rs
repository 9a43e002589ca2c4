//! Clocks: which parts stand still, why, and from where they run on.

use crate::{
    Event, Rules,
    dossier::{Dossier, Intake, Stage},
    event::{Deadline, PauseWhy},
    intake::begins,
    limit::Limit,
    name::{EvidenceName, PartId, StepId},
    procedure::{Actor, ClockRule},
    request::{deadline, warn_at},
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
    let still_paused = part.pauses.len() > 1;
    let since = part.paused_since.unwrap_or(at);
    let last = dossier
        .supplements
        .iter()
        .filter(|one| !one.is_open())
        .max_by_key(|one| one.ended_at);
    let reset = why == PauseWhy::Supplement
        && !still_paused
        && rules.procedure.text.supplement_clock == ClockRule::Reset
        && last
            .is_some_and(|one| !one.expired && matches!(one.stage, SupplementStage::Appraisal(_)));
    let on = |since: Timestamp, due_at: Timestamp, unit: Limit, warn: Timestamp| {
        if still_paused {
            return Deadline {
                due_at,
                warn_at: warn,
            };
        }
        if reset {
            return deadline(
                rules,
                begins(rules.calendar.starts(at, None), at, unit),
                unit,
            );
        }
        let left = rules.calendar.remaining(since, due_at, unit.unit);
        let due_at = rules.calendar.resumes(at, left);
        Deadline {
            due_at,
            warn_at: warn_at(rules, at, due_at),
        }
    };
    let steps: BTreeMap<StepId, Deadline> = dossier
        .procedure_steps()
        .filter(|_| why != PauseWhy::Outside)
        .filter(|(_, step)| step.part == *id && !step.stage.is_finished())
        .filter_map(|(step_id, step)| {
            let plan = rules.procedure.step(step_id)?;
            // What the citizen does is not measured by an agency's clock.
            let due_at = step.due_at.filter(|_| plan.actor != Actor::Citizen)?;
            // One that was put down when the dossier was stopped is due to nobody meanwhile.
            let since = step.due_since.map_or(since, |due| since.max(due));
            Some((
                step_id.clone(),
                on(since, due_at, plan.limit, step.warn_at?),
            ))
        })
        .collect();
    Event::ClockResumed {
        part: id.clone(),
        why,
        reset,
        deadline: limit.map_or(
            Deadline {
                due_at: part.promised_at,
                warn_at: part.warn_at,
            },
            |limit| on(since, part.promised_at, limit, part.warn_at),
        ),
        steps,
    }
}
