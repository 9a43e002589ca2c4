//! Applying: lets one event happen to a dossier. The only place where its state changes.

use crate::{
    Dossier, Entry, Event,
    department_notice::clocks_before,
    dossier::{
        Asked, Ending, Fault, FaultAnswer, HandOut, Intake, Kind, Obligation, Opinion, Recall,
        Return, Seen, Stage, Step, Unreplayable,
    },
    event::{LookUpOutcome, RecallWhy, Windows},
    evidence::{NewVersion, Version},
    name::{AgencyCode, EvidenceName, StepId},
    party::Officer,
    procedure::Actor,
    supplement::Supplement,
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeSet, sync::Arc};

/// How long a holder that could not answer is left in peace before it is asked again.
const ASK_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(30);

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
            let before = self.versions_count();
            self.evidence
                .entry(new.given.name.clone())
                .or_default()
                .push(Arc::new(Version {
                    new: new.clone(),
                    agency: agency.clone(),
                    step: step.cloned(),
                    ordinal: before.saturating_add(1),
                    at,
                    reason: reason.to_owned(),
                    extract: None,
                }));
        }
    }

    /// How many versions of anything there are.
    fn versions_count(&self) -> u32 {
        let count: usize = self.evidence.values().map(|all| all.len()).sum();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    pub(crate) fn remember(&mut self, entry: &Entry) {
        if let Some(cause) = &entry.cause {
            let seen = Seen {
                digest: cause.digest,
                at: entry.at,
                sequence: entry.sequence,
            };
            // What was refused is taken under the same id when it may be asked.
            let kept = match entry.event {
                Event::SupplementDenied { .. } => &mut self.denied,
                _ => &mut self.seen,
            };
            kept.entry(cause.sent()).or_insert(seen);
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
        let clocks = clocks_before(self, &entry.event);
        match &entry.event {
            Event::Filed(_) | Event::Received(_) => {
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
                deadline,
            } => {
                let faults = self.faults(answers);
                let known = self.versions_count();
                self.recalls
                    .retain(|(of, _), recall| of != id || recall.agency != *agency);
                self.told_closed.remove(agency);
                let step = step!(id);
                if step.work && matches!(step.stage, Stage::PossiblyHeld | Stage::Held) {
                    step.used = std::mem::take(&mut step.inputs);
                }
                step.faults = faults;
                step.given_to.insert(agency.clone());
                step.stage = Stage::Due;
                step.round = *round;
                step.progressed = 0;
                step.lost = 0;
                step.agency = agency.clone();
                step.work = *work;
                step.answers = answers.clone();
                step.review = review.clone();
                step.inputs = inputs.clone();
                step.told = std::mem::take(&mut step.untold);
                step.opinions_told = step.opinions.len();
                step.payments_told = step.payments.len();
                step.due_since = Some(at);
                step.held_since = None;
                if step.due_at.is_none() || step.finished_at.is_some() {
                    step.limit_since = Some(at);
                }
                step.finished_at = None;
                step.ask_again_at = None;
                step.round_due_at = Some(deadline.due_at);
                step.round_knows = known;
                step.set_deadline(deadline);
                step.clock_changed = entry.sequence;
                step.asked = Asked {
                    task: Some(step.task()),
                    review: review.clone(),
                };
                let reopened = step.is_procedures().then(|| step.part.clone());
                if let Some(part) = reopened.and_then(|part| self.parts.get_mut(&part)) {
                    part.end = None;
                }
                self.say_what_the_round_does_not(id);
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
                    step.held_number = entry.sequence;
                    step.first_held_at.get_or_insert(at);
                    if step.kind == Kind::Slip {
                        step.finish(Stage::Completed, at);
                    }
                }
            }
            Event::HoldingLost { step: id, .. } => {
                let step = step!(id);
                step.stage = Stage::Due;
                step.due_since = Some(at);
                step.held_since = None;
                step.apology_told = 0;
                step.lost += 1;
                self.say_what_the_round_does_not(id);
            }
            Event::Progressed {
                step: id, officer, ..
            } => {
                let step = step!(id);
                step.officer = officer.clone();
                step.progressed += 1;
            }
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
                self.reopen(at);
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
                let judged = std::mem::take(&mut step.review);
                step.judged.extend(judged);
                // Of a round that was taken away before it was judged: the result stands on what it stood on.
                if step.stage == Stage::Waiting {
                    step.inputs = step.used.clone();
                }
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
                    let why = match step.is_procedures() {
                        true => RecallWhy::Ended,
                        false => RecallWhy::Unwanted,
                    };
                    if step.is_departments() {
                        step.to_recall = Some((step.agency.clone(), why));
                    }
                }
                step.finish(Stage::Ended, at);
                step.awaiting = None;
                step.ask_again_at = None;
                step.untold.clear();
                step.reason = if !step.is_procedures() {
                    "it is no longer wanted".to_owned()
                } else if because_of == id {
                    "the citizen did not give what was asked for".to_owned()
                } else {
                    format!("step {because_of} was not completed")
                };
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
                step.apology_told = 0;
                step.officer = Officer::default();
                step.reason.clear();
                self.stop_asking(id);
            }
            Event::LimitPassed { step: id } => {
                let step = step!(id);
                step.limit_passed = true;
                if matches!(step.kind, Kind::Consultation { .. }) {
                    self.tell_opinion(id, None);
                }
            }
            Event::PartFinished { part, end } => {
                if let Some(part) = self.parts.get_mut(part) {
                    part.finish(*end);
                }
            }
            Event::Closed => self.closed_at = Some(at),
            Event::Notified { agency, notice, .. } => self.note_told(agency, notice),
            other => self.apply_rule(other, entry, &no_step)?,
        }
        self.drop_sums_of_finished_steps();
        self.mark_changed_clocks(&clocks, entry.sequence);
        self.sequence = entry.sequence;
        self.remember(entry);
        Ok(())
    }

    /// What the rules add: intake, errands, the citizen's side and the clocks.
    fn apply_rule(
        &mut self,
        event: &Event,
        entry: &Entry,
        no_step: &dyn Fn(&StepId) -> Unreplayable,
    ) -> Result<(), Unreplayable> {
        let at = entry.at;
        macro_rules! step {
            ($id:expr) => {
                self.steps.get_mut($id).ok_or_else(|| no_step($id))?
            };
        }
        match event {
            Event::Accepted(reception) => self.accept(reception, at),
            Event::NotAccepted { reason, .. } => {
                self.intake = Intake::NotAccepted;
                self.ending = Some(Ending::NotAccepted);
                self.end_all(RecallWhy::Unwanted, reason, at);
            }
            Event::Skipped { step: id } => {
                let step = step!(id);
                if step.stage.is_open() && step.is_departments() {
                    step.to_recall = Some((step.agency.clone(), RecallWhy::Unwanted));
                }
                step.finish(Stage::Skipped, at);
                step.awaiting = None;
                step.untold.clear();
                step.reason = "its condition does not hold".into();
                self.stop_asking(id);
                // Nobody gives what is not looked at.
                for one in self.supplements.iter_mut().filter(|one| one.is_open()) {
                    if one.step.as_ref() == Some(id) {
                        one.ended_at = Some(at);
                    }
                }
            }
            Event::Wanted { step: id } => {
                let step = step!(id);
                step.work = true;
                step.put_aside();
                step.reason.clear();
                step.finished_at = None;
                // Its time begins when it becomes due.
                (step.due_at, step.warn_at) = (None, None);
                (step.warned, step.limit_passed) = (false, false);
                let part = step.is_procedures().then(|| step.part.clone());
                if let Some(part) = part.and_then(|part| self.parts.get_mut(&part)) {
                    part.end = None;
                }
            }
            Event::SlipsDue { to } => {
                self.slips_given = true;
                for (id, agency) in to {
                    let part = self
                        .steps
                        .values()
                        .find(|step| step.agency == *agency)
                        .map(|step| step.part.clone())
                        .ok_or_else(|| no_step(id))?;
                    let step = Step::errand(Kind::Slip, agency.clone(), part);
                    self.steps.insert(id.clone(), step.into());
                }
            }
            Event::LookUpDue {
                step: id,
                evidence,
                part,
                agency,
                deadline,
            } => {
                let kind = Kind::LookUp {
                    evidence: evidence.clone(),
                    outcome: None,
                };
                let mut step = Step::errand(kind, agency.clone(), part.clone());
                step.limit_since = Some(at);
                step.set_deadline(deadline);
                self.steps.insert(id.clone(), step.into());
            }
            Event::LookedUp {
                step: id,
                evidence,
                outcome,
                given,
                note,
                officer,
                ..
            } => {
                let step = step!(id);
                step.kind = Kind::LookUp {
                    evidence: evidence.clone(),
                    outcome: Some(*outcome),
                };
                step.note_officer(officer);
                step.reason = note.clone();
                if *outcome == LookUpOutcome::Unavailable && !step.limit_passed {
                    step.put_aside();
                    step.ask_again_at = at.checked_add(ASK_AGAIN_AFTER).ok();
                } else {
                    step.finish(Stage::Completed, at);
                }
                let agency = step.agency.clone();
                self.give(given, &agency, None, at, "");
                self.satisfy(at, false);
            }
            Event::AskedAgain { step: id } => step!(id).ask_again_at = None,
            Event::Reused { evidence, .. } => {
                let desk = self.received.desk.clone();
                self.give(evidence, &desk, None, at, "");
                self.satisfy(at, false);
            }
            Event::Consulted {
                step: id,
                consultation,
                agency,
                question,
                inputs,
                limit,
                deadline,
                officer,
                ..
            } => {
                let asker = step!(id);
                asker.consultations += 1;
                asker.note_officer(officer);
                let kind = Kind::Consultation {
                    asker: id.clone(),
                    question: question.clone(),
                    limit: *limit,
                };
                let mut step = Step::errand(kind, agency.clone(), asker.part.clone());
                step.inputs = inputs.clone();
                step.limit_since = Some(at);
                step.set_deadline(deadline);
                self.steps.insert(consultation.clone(), step.into());
            }
            Event::Opined {
                step: id,
                opinion,
                officer,
                ..
            } => {
                let step = step!(id);
                step.finish(Stage::Completed, at);
                step.note_officer(officer);
                self.tell_opinion(id, Some(opinion.as_str()));
            }
            Event::SupplementAsked {
                number,
                stage,
                by,
                agency,
                items,
                due_at,
                officer,
            } => self.supplements.push(Supplement {
                number: *number,
                stage: stage.clone(),
                step: by.as_ref().map(|(step, _)| step.clone()),
                agency: agency.clone(),
                items: items.clone(),
                asked_at: at,
                due_at: *due_at,
                ended_at: None,
                expired: false,
                answered: false,
                officer: officer.clone(),
            }),
            Event::SupplementAnswered {
                number, evidence, ..
            } => {
                self.end_supplement(*number, at, false);
                let desk = self.received.desk.clone();
                self.give(evidence, &desk, None, at, "");
            }
            Event::SupplementExpired { number } => self.end_supplement(*number, at, true),
            Event::SupplementDenied { .. } => {}
            Event::EvidenceGiven { evidence, .. } => {
                let desk = self.received.desk.clone();
                self.give(evidence, &desk, None, at, "");
                for new in evidence {
                    self.refused_consents.remove(&new.given.name);
                }
                self.satisfy(at, true);
            }
            Event::ConsentRefused {
                evidence, party, ..
            } => {
                self.refused_consents
                    .insert(evidence.clone(), party.clone());
                self.consents_refused += 1;
                self.satisfy(at, true);
            }
            Event::PaymentAsked {
                step,
                obligation,
                amount_vnd,
                purpose,
                legal_basis,
                due_at,
                ..
            } => {
                // What a citizen's step owes is what its newest notice says, and nothing beside.
                let is_citizens = step!(step).actor == Actor::Citizen;
                self.obligations.retain(|_, owed| {
                    !is_citizens || owed.step != *step || owed.reference.is_some()
                });
                self.obligations.insert(
                    obligation.clone(),
                    Obligation {
                        step: step.clone(),
                        number: entry.sequence,
                        amount_vnd: *amount_vnd,
                        purpose: purpose.clone(),
                        legal_basis: legal_basis.clone(),
                        asked_at: at,
                        due_at: *due_at,
                        overdue: false,
                        reference: None,
                    },
                );
            }
            Event::PaymentOverdue { obligation } => {
                if let Some(owed) = self.obligations.get_mut(obligation) {
                    owed.overdue = true;
                }
            }
            Event::Paid {
                obligation,
                reference,
                step,
                evidence,
                ..
            } => {
                let mut asker = None;
                if let Some(owed) = self.obligations.get_mut(obligation) {
                    owed.reference = Some(reference.clone());
                    asker = Some(owed.step.clone());
                }
                if let Some(id) = step {
                    let step = step!(id);
                    step.finish(Stage::Completed, at);
                    step.completed_once = true;
                    let agency = step.agency.clone();
                    self.give(evidence, &agency, Some(id), at, "");
                } else if let Some(asker) = asker.and_then(|id| self.steps.get_mut(&id)) {
                    asker.payments.push(obligation.clone());
                }
            }
            Event::ClockPaused { part, why } => {
                if let Some(part) = self.parts.get_mut(part) {
                    part.pause(*why, at);
                }
            }
            Event::ClockResumed {
                part: id,
                why,
                deadline,
                steps,
                ..
            } => {
                if let Some(part) = self.parts.get_mut(id) {
                    part.run_on(*why);
                    part.set_deadline(deadline);
                }
                self.set_deadlines(steps);
            }
            Event::ApologyOwed { part, .. } => {
                if let Some(part) = self.parts.get_mut(part) {
                    part.apology_owed = true;
                    part.apology_number = entry.sequence;
                }
            }
            Event::Extended {
                step: id,
                part,
                deadline,
                step_deadline,
                officer,
                ..
            } => {
                let step = step!(id);
                step.note_officer(officer);
                step.set_deadline(step_deadline);
                if let Some(part) = self.parts.get_mut(part) {
                    part.extensions += 1;
                    part.set_deadline(deadline);
                    part.apology_owed = true;
                }
            }
            Event::PromisePassed { part } => {
                if let Some(part) = self.parts.get_mut(part) {
                    part.promise_passed = true;
                }
            }
            Event::Warned { step: id } => step!(id).warned = true,
            Event::IntakeLimitPassed => self.intake_limit_passed = true,
            Event::CalendarAdopted {
                calendar_digest,
                parts,
                steps,
                windows,
                receive_by,
            } => {
                let received = Arc::make_mut(&mut self.received);
                received.calendar_digest = *calendar_digest;
                received.promised_at = receive_by.unwrap_or(received.promised_at);
                self.set_windows(windows);
                for (id, deadline) in parts {
                    if let Some(part) = self.parts.get_mut(id) {
                        part.set_deadline(deadline);
                    }
                }
                self.set_deadlines(steps);
            }
            Event::FaultReported {
                evidence,
                version,
                reason,
                ..
            } => {
                self.reopen(at);
                self.faults_reported += 1;
                let giver = self
                    .newest(evidence)
                    .and_then(|version| version.step.clone());
                if let Some(giver) = giver {
                    self.returns.entry(evidence.clone()).or_insert(Return {
                        giver,
                        version: *version,
                        askers: vec![],
                        reason: reason.clone(),
                    });
                }
            }
            Event::HandedOut {
                evidence,
                version,
                party,
                ..
            } => {
                self.handed_out.insert(
                    evidence.clone(),
                    HandOut {
                        version: *version,
                        party: party.clone(),
                        at,
                    },
                );
            }
            Event::Withdrawn { reason, .. } => {
                self.ending = Some(Ending::Withdrawn);
                self.end_all(RecallWhy::Withdrawn, reason, at);
            }
            Event::Stopped { .. } => {
                self.stopped_since = Some(at);
                self.stops += 1;
                let open: Vec<StepId> = self
                    .steps
                    .iter()
                    .filter(|(_, step)| step.stage.is_open())
                    .map(|(id, _)| id.clone())
                    .collect();
                for id in open {
                    let step = step!(&id);
                    if step.is_departments() {
                        step.to_recall = Some((step.agency.clone(), RecallWhy::Stopped));
                    }
                    let inputs = step.inputs.clone();
                    step.put_aside();
                    if !step.is_procedures() {
                        step.inputs = inputs;
                    }
                    self.stop_asking(&id);
                }
            }
            Event::Resumed { steps, windows, .. } => {
                self.stopped_since = None;
                self.set_deadlines(steps);
                self.set_windows(windows);
            }
            // All others are applied before.
            _ => {}
        }
        Ok(())
    }

    /// Nobody pays for what is not done, and who finished did not wait for the money.
    fn drop_sums_of_finished_steps(&mut self) {
        let steps = &self.steps;
        let is_finished = |id: &StepId| steps.get(id).is_some_and(|step| step.stage.is_finished());
        self.obligations
            .retain(|_, owed| owed.reference.is_some() || !is_finished(&owed.step));
    }

    /// A closed dossier is open again: a result of it must be corrected (NĐ 61/2018 Art 21).
    fn reopen(&mut self, at: Timestamp) {
        if self.closed_at.take().is_some() {
            self.reopened_at.get_or_insert(at);
        }
    }

    fn set_deadlines(
        &mut self,
        steps: &std::collections::BTreeMap<StepId, crate::event::Deadline>,
    ) {
        for (id, deadline) in steps {
            if let Some(step) = self.steps.get_mut(id) {
                step.set_deadline(deadline);
            }
        }
    }

    fn set_windows(&mut self, windows: &Windows) {
        for one in &mut self.supplements {
            one.due_at = *windows.supplements.get(&one.number).unwrap_or(&one.due_at);
        }
        for (obligation, due_at) in &windows.payments {
            if let Some(owed) = self.obligations.get_mut(obligation) {
                owed.overdue &= owed.due_at == Some(*due_at);
                owed.due_at = Some(*due_at);
            }
        }
    }

    fn end_supplement(&mut self, number: u32, at: Timestamp, expired: bool) {
        for one in self.supplements.iter_mut().filter(|s| s.number == number) {
            one.ended_at = Some(at);
            one.expired = expired;
            one.answered = !expired;
        }
    }

    /// Ends what the citizen was asked for by itself once all of it came in another way, after it was
    /// asked: a holder answered late, or a person came to the desk and gave or refused a consent.
    fn satisfy(&mut self, at: Timestamp, by_person: bool) {
        let (evidence, refused) = (&self.evidence, &self.refused_consents);
        for one in self.supplements.iter_mut().filter(|one| one.is_open()) {
            let came = |name: &EvidenceName| {
                let newest = evidence.get(name).and_then(|versions| versions.last());
                newest.is_some_and(|version| version.at >= one.asked_at)
            };
            let all_came = one
                .wanted()
                .into_iter()
                .all(|name| came(name) || refused.contains_key(name));
            if all_came {
                one.ended_at = Some(at);
                one.answered = by_person;
            }
        }
    }

    /// Ends every step that is not finished; who has one must put it down.
    fn end_all(&mut self, why: RecallWhy, reason: &str, at: Timestamp) {
        for (_, step) in self.steps.iter_mut() {
            let was_open = step.stage.is_open();
            if step.stage.is_finished() {
                continue;
            }
            if was_open && step.is_departments() {
                step.to_recall = Some((step.agency.clone(), why));
            }
            let end = if step.completed_once {
                Stage::Completed
            } else {
                Stage::Ended
            };
            step.finish(end, at);
            step.awaiting = None;
            step.ask_again_at = None;
            step.untold.clear();
            step.reason = reason.to_owned();
        }
        self.returns.clear();
        for one in self.supplements.iter_mut().filter(|one| one.is_open()) {
            one.ended_at = Some(at);
        }
    }

    /// Tells the step that asked what came of its consultation; none when the agency kept silent.
    fn tell_opinion(&mut self, consultation: &StepId, text: Option<&str>) {
        let Some(step) = self.steps.get(consultation) else {
            return;
        };
        let Kind::Consultation { asker, .. } = &step.kind else {
            return;
        };
        let (asker, agency) = (asker.clone(), step.agency.clone());
        if let Some(asker) = self.steps.get_mut(&asker) {
            asker.opinions.push(Opinion {
                consultation: consultation.clone(),
                agency,
                text: text.map(str::to_owned),
            });
        }
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
