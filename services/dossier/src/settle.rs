//! What follows by itself: steps that become due, rounds that are renewed, parts and dossiers that
//! finish. A function of the state and the procedure, asked until it has nothing more to say.

use crate::{
    Event, Procedure,
    dossier::{Dossier, Stage, Step},
    event::{PartEnd, Versions},
    name::{EvidenceName, PartId, StepId},
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The next event that follows by itself, if one does.
pub(crate) fn next(dossier: &Dossier, procedure: &Procedure, at: Timestamp) -> Option<Event> {
    if dossier.closed_at.is_some() {
        return None;
    }
    let step_event = dossier.steps.iter().find_map(|(id, step)| {
        let plan = procedure.step(id)?;
        let view = View {
            dossier,
            procedure,
            id,
            step,
            plan,
        };
        view.recall()
            .or_else(|| view.end())
            .or_else(|| view.hand_over(at))
    });
    step_event
        .or_else(|| finished_part(dossier))
        .or_else(|| closed(dossier))
}

struct View<'a> {
    dossier: &'a Dossier,
    procedure: &'a Procedure,
    id: &'a StepId,
    step: &'a Step,
    plan: &'a crate::procedure::Step,
}

impl View<'_> {
    fn recall(&self) -> Option<Event> {
        let (agency, why) = self.step.to_recall.clone()?;
        Some(Event::RecallDue {
            step: self.id.clone(),
            round: self.step.round + 1,
            agency,
            why,
        })
    }

    /// A refusal ends its part and whatever needs it, no more.
    fn end(&self) -> Option<Event> {
        let unfinished = self.step.work && !self.step.stage.is_finished();
        if !unfinished {
            return None;
        }
        let failed = |id: &StepId| {
            self.dossier
                .steps
                .get(id)
                .is_some_and(|step| matches!(step.stage, Stage::Refused | Stage::Ended))
        };
        let in_part = self
            .dossier
            .steps
            .iter()
            .find(|(_, other)| other.part == self.step.part && other.stage == Stage::Refused)
            .map(|(id, _)| id);
        let needed = || {
            self.plan
                .needs
                .iter()
                .filter(|need| !need.optional)
                .filter_map(|need| self.procedure.giver(&need.evidence))
                .find(|giver| failed(giver))
        };
        let before = || self.plan.after.iter().find(|id| failed(id));
        let because_of = in_part.or_else(needed).or_else(before)?;
        Some(Event::Ended {
            step: self.id.clone(),
            because_of: because_of.clone(),
        })
    }

    fn hand_over(&self, at: Timestamp) -> Option<Event> {
        let answers: BTreeSet<EvidenceName> = self
            .dossier
            .returns
            .iter()
            .filter(|(_, open)| open.giver == *self.id)
            .map(|(name, _)| name.clone())
            .collect();
        let newest: Versions = self
            .plan
            .needs
            .iter()
            .map(|need| {
                (
                    need.evidence.clone(),
                    self.dossier.newest_number(&need.evidence),
                )
            })
            .filter(|(_, version)| *version > 0)
            .collect();
        let (work, review) = match self.step.stage {
            Stage::Waiting if self.step.work => {
                if !self.is_ready() {
                    return None;
                }
                (true, Versions::new())
            }
            Stage::Waiting | Stage::Completed => {
                let review = differing(&newest, &self.step.used);
                if review.is_empty() && answers.is_empty() {
                    return None;
                }
                (false, review)
            }
            Stage::Due | Stage::PossiblyHeld | Stage::Held if self.step.awaiting.is_none() => {
                let changed = newest != self.step.inputs;
                let renewed =
                    changed || answers != self.step.answers || !self.step.untold.is_empty();
                if !renewed {
                    return None;
                }
                (self.step.work, self.to_judge(&newest))
            }
            _ => return None,
        };
        let clock_runs = self.step.due_at.filter(|_| self.step.finished_at.is_none());
        Some(Event::HandoverDue {
            step: self.id.clone(),
            round: self.step.round + 1,
            agency: self.step.agency.clone(),
            work,
            answers,
            review,
            inputs: newest,
            due_at: clock_runs.unwrap_or_else(|| self.plan.limit.ends(at)),
        })
    }

    /// What an open round asks to judge when it is renewed.
    fn to_judge(&self, newest: &Versions) -> Versions {
        if !self.step.work {
            return differing(newest, &self.step.used);
        }
        // Not yet held: it simply gets the new version. Held: it is asked.
        let changed = differing(newest, &self.step.inputs);
        let is_held = self.step.stage == Stage::Held;
        newest
            .iter()
            .filter(|(name, _)| {
                self.step.review.contains_key(*name) || is_held && changed.contains_key(*name)
            })
            .map(|(name, version)| (name.clone(), *version))
            .collect()
    }

    /// Due when all the evidence it needs is there, uncontested, and every step in `after` is done.
    fn is_ready(&self) -> bool {
        let needs = self.plan.needs.iter().all(|need| {
            let here = self.dossier.newest(&need.evidence).is_some();
            let contested = self.dossier.returns.contains_key(&need.evidence);
            let may_still_come = self
                .procedure
                .giver(&need.evidence)
                .and_then(|giver| self.dossier.steps.get(giver))
                .is_some_and(|giver| !giver.stage.is_finished());
            if here {
                !contested
            } else {
                need.optional && !may_still_come
            }
        });
        let after = self.plan.after.iter().all(|id| {
            self.dossier
                .steps
                .get(id)
                .is_some_and(|step| step.stage == Stage::Completed)
        });
        needs && after
    }
}

fn differing(newest: &Versions, than: &Versions) -> Versions {
    newest
        .iter()
        .filter(|(name, version)| than.get(*name) != Some(version))
        .map(|(name, version)| (name.clone(), *version))
        .collect()
}

fn finished_part(dossier: &Dossier) -> Option<Event> {
    dossier
        .parts
        .iter()
        .filter(|(_, end)| end.is_none())
        .find_map(|(part, _)| {
            Some(Event::PartFinished {
                part: part.clone(),
                end: part_end(dossier, part)?,
            })
        })
}

fn part_end(dossier: &Dossier, part: &PartId) -> Option<PartEnd> {
    let mut end = PartEnd::Completed;
    for step in dossier.steps.values().filter(|step| step.part == *part) {
        end = match step.stage {
            Stage::Completed => end,
            Stage::Refused => PartEnd::Refused,
            Stage::Ended if end != PartEnd::Refused => PartEnd::Ended,
            Stage::Ended => end,
            _ => return None,
        };
    }
    Some(end)
}

/// Nothing closes while an answer is open.
fn closed(dossier: &Dossier) -> Option<Event> {
    let parts_are_finished = dossier.parts.values().all(Option::is_some);
    (parts_are_finished && dossier.returns.is_empty()).then_some(Event::Closed)
}
