//! Applying: lets one event happen to a dossier. The only place where its state changes.

use crate::{
    Dossier, Entry, Event,
    dossier::{Fault, FaultAnswer, Recall, Return, Seen, Stage, Unreplayable},
    event::RecallWhy,
    evidence::{NewVersion, Version},
    name::{AgencyCode, EvidenceName, StepId},
    party::Officer,
};
use jiff::Timestamp;
use std::{collections::BTreeSet, sync::Arc};

impl Dossier {
    pub(crate) fn give(
        &mut self,
        given: &[NewVersion],
        agency: &AgencyCode,
        step: Option<&StepId>,
        at: Timestamp,
        reason: &str,
    ) {
        for new in given {
            self.evidence
                .entry(new.given.name.clone())
                .or_default()
                .push(Arc::new(Version {
                    new: new.clone(),
                    agency: agency.clone(),
                    step: step.cloned(),
                    at,
                    reason: reason.to_owned(),
                }));
        }
    }

    pub(crate) fn remember(&mut self, entry: &Entry) {
        if let Some(cause) = &entry.cause {
            let seen = Seen {
                digest: cause.digest,
                at: entry.at,
                sequence: entry.sequence,
            };
            self.seen
                .entry((cause.system.clone(), cause.item_id.clone()))
                .or_insert(seen);
        }
    }

    /// The open faults in this evidence, as a round tells them.
    fn faults(&self, answers: &BTreeSet<EvidenceName>) -> Vec<Fault> {
        answers
            .iter()
            .filter_map(|name| {
                let open = self.returns.get(name)?;
                Some(Fault {
                    evidence: name.clone(),
                    version: open.version,
                    askers: open.askers.clone(),
                    reason: open.reason.clone(),
                })
            })
            .collect()
    }

    /// The step no longer waits for an answer. The giver still owes it.
    fn stop_asking(&mut self, asker: &StepId) {
        for open in self.returns.values_mut() {
            open.askers.retain(|other| other != asker);
        }
    }

    /// Closes the open returns that this step answers: corrected where there is a newer version.
    fn answer_returns(&mut self, giver: &StepId, only: Option<&EvidenceName>, reason: &str) {
        let answered: Vec<EvidenceName> = self
            .returns
            .iter()
            .filter(|(name, open)| open.giver == *giver && only.is_none_or(|only| only == *name))
            .map(|(name, _)| name.clone())
            .collect();
        for name in answered {
            let Some(open) = self.returns.remove(&name) else {
                continue;
            };
            let version = self.newest_number(&name);
            for asker in &open.askers {
                if let Some(step) = self.steps.get_mut(asker) {
                    step.awaiting = None;
                    step.untold.push(FaultAnswer {
                        evidence: name.clone(),
                        version,
                        upheld: version == open.version,
                        reason: reason.to_owned(),
                    });
                }
            }
        }
    }

    /// Lets one event happen. The event is a fact: it is not judged again.
    ///
    /// # Errors
    /// When the event cannot have happened to this dossier.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), Unreplayable> {
        if entry.sequence != self.sequence + 1 {
            return Err(Unreplayable::Gap {
                wanted: self.sequence + 1,
                found: entry.sequence,
            });
        }
        let at = entry.at;
        let no_step = |step: &StepId| Unreplayable::NoStep {
            sequence: entry.sequence,
            step: step.clone(),
        };
        macro_rules! step {
            ($id:expr) => {
                self.steps.get_mut($id).ok_or_else(|| no_step($id))?
            };
        }
        match &entry.event {
            Event::Received(_) => {
                return Err(Unreplayable::Gap {
                    wanted: self.sequence + 1,
                    found: 1,
                });
            }
            Event::HandoverDue {
                step: id,
                round,
                agency,
                work,
                answers,
                review,
                inputs,
                due_at,
            } => {
                let faults = self.faults(answers);
                self.recalls
                    .retain(|(of, _), recall| of != id || recall.agency != *agency);
                let step = step!(id);
                if step.work && matches!(step.stage, Stage::PossiblyHeld | Stage::Held) {
                    step.used = std::mem::take(&mut step.inputs);
                }
                step.faults = faults;
                step.given_to.insert(agency.clone());
                step.stage = Stage::Due;
                step.round = *round;
                step.agency = agency.clone();
                step.work = *work;
                step.answers = answers.clone();
                step.review = review.clone();
                step.inputs = inputs.clone();
                step.told = std::mem::take(&mut step.untold);
                step.due_since = Some(at);
                step.held_since = None;
                step.finished_at = None;
                step.limit_passed &= step.due_at == Some(*due_at);
                step.due_at = Some(*due_at);
                let part = step.part.clone();
                self.parts.insert(part, None);
            }
            Event::Offered { step: id, round } => {
                if let Some(recall) = self.recalls.get_mut(&(id.clone(), *round)) {
                    recall.offered = true;
                } else {
                    step!(id).stage = Stage::PossiblyHeld;
                }
            }
            Event::Acknowledged { step: id, round } => {
                if self.recalls.remove(&(id.clone(), *round)).is_none() {
                    let step = step!(id);
                    step.stage = Stage::Held;
                    step.held_since = Some(at);
                }
            }
            Event::HoldingLost { step: id, .. } => {
                let step = step!(id);
                step.stage = Stage::Due;
                step.due_since = Some(at);
                step.held_since = None;
            }
            Event::Progressed {
                step: id, officer, ..
            } => step!(id).officer = officer.clone(),
            Event::Completed {
                step: id,
                evidence,
                officer,
                note,
                ..
            } => {
                let step = step!(id);
                step.finish(Stage::Completed, at);
                step.completed_once = true;
                step.reason.clear();
                step.note_officer(officer);
                let agency = step.agency.clone();
                self.give(evidence, &agency, Some(id), at, note);
                self.answer_returns(id, None, note);
            }
            Event::Refused {
                step: id,
                reason,
                officer,
                ..
            } => {
                let step = step!(id);
                step.finish(Stage::Refused, at);
                step.reason = reason.clone();
                step.note_officer(officer);
                self.answer_returns(id, None, reason);
            }
            Event::Declined {
                step: id,
                reason,
                officer,
                ..
            } => {
                let step = step!(id);
                step.stage = Stage::Declined;
                step.reason = reason.clone();
                step.note_officer(officer);
            }
            Event::Returned {
                step: id,
                evidence,
                version,
                reason,
                officer,
                ..
            } => {
                let giver = self
                    .newest(evidence)
                    .and_then(|version| version.step.clone())
                    .ok_or_else(|| no_step(id))?;
                let step = step!(id);
                step.awaiting = Some(evidence.clone());
                step.note_officer(officer);
                match self.returns.get_mut(evidence) {
                    Some(open) => open.askers.push(id.clone()),
                    None => {
                        self.returns.insert(
                            evidence.clone(),
                            Return {
                                giver,
                                version: *version,
                                askers: vec![id.clone()],
                                reason: reason.clone(),
                            },
                        );
                        *self.returned.entry(evidence.clone()).or_default() += 1;
                    }
                }
            }
            Event::Corrected {
                step: id,
                evidence,
                reason,
                officer,
                ..
            } => {
                let step = step!(id);
                step.note_officer(officer);
                let agency = step.agency.clone();
                self.give(evidence, &agency, Some(id), at, reason);
                for new in evidence {
                    self.answer_returns(id, Some(&new.given.name), reason);
                }
                self.settle_answers(id, at)?;
            }
            Event::Upheld {
                step: id,
                evidence,
                reason,
                officer,
                ..
            } => {
                step!(id).note_officer(officer);
                self.answer_returns(id, Some(evidence), reason);
                self.settle_answers(id, at)?;
            }
            Event::Reviewed {
                step: id,
                redo,
                officer,
                ..
            } => {
                let step = step!(id);
                step.note_officer(officer);
                step.review.clear();
                step.used = step.inputs.clone();
                if *redo {
                    step.work = true;
                } else if !step.work && step.answers.is_empty() {
                    step.finish(Stage::Completed, at);
                }
            }
            Event::Ended {
                step: id,
                because_of,
            } => {
                let step = step!(id);
                if step.stage.is_open() {
                    step.to_recall = Some((step.agency.clone(), RecallWhy::Ended));
                }
                step.finish(Stage::Ended, at);
                step.awaiting = None;
                step.untold.clear();
                step.reason = format!("step {because_of} was not completed");
                self.stop_asking(id);
                self.answer_returns(id, None, "");
            }
            Event::RecallDue {
                step: id,
                round,
                agency,
                why,
            } => {
                let step = step!(id);
                step.round = *round;
                step.to_recall = None;
                let recall = Recall {
                    agency: agency.clone(),
                    why: *why,
                    offered: false,
                    due_since: at,
                };
                self.recalls.insert((id.clone(), *round), recall);
            }
            Event::Moved {
                step: id, from, to, ..
            } => {
                let step = step!(id);
                if step.stage.is_open() {
                    step.to_recall = Some((from.clone(), RecallWhy::Moved));
                }
                if step.stage.is_open() || step.stage == Stage::Declined {
                    step.put_aside();
                }
                step.agency = to.clone();
                step.officer = Officer::default();
                step.reason.clear();
                self.stop_asking(id);
            }
            Event::LimitPassed { step: id } => step!(id).limit_passed = true,
            Event::PartFinished { part, end } => {
                self.parts.insert(part.clone(), Some(*end));
            }
            Event::Closed => self.closed_at = Some(at),
        }
        self.sequence = entry.sequence;
        self.remember(entry);
        Ok(())
    }

    /// After an answer: the step is finished again when no other answer or judgement is open.
    fn settle_answers(&mut self, id: &StepId, at: Timestamp) -> Result<(), Unreplayable> {
        let open: BTreeSet<EvidenceName> = self
            .returns
            .iter()
            .filter(|(_, open)| open.giver == *id)
            .map(|(name, _)| name.clone())
            .collect();
        let sequence = self.sequence + 1;
        let step = self.steps.get_mut(id).ok_or_else(|| Unreplayable::NoStep {
            sequence,
            step: id.clone(),
        })?;
        step.answers.retain(|name| open.contains(name));
        let was_open = step.stage.is_open();
        if was_open && !step.work && step.answers.is_empty() && step.review.is_empty() {
            step.finish(Stage::Completed, at);
        }
        Ok(())
    }
}
