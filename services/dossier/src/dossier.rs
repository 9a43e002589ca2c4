//! The dossier: its state, which is what its events made it and nothing else.

use crate::{
    event::{Assignment, Entry, Event, PartEnd, RecallWhy, Received, Versions},
    evidence::{NewVersion, Version},
    name::{AgencyCode, Digest, DossierCode, DossierId, EvidenceName, Key, PartId, StepId},
    party::Officer,
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Waits for evidence or for another step.
    Waiting,
    /// Its handover is owed.
    Due,
    /// Its handover was offered and the answer is not known.
    PossiblyHeld,
    /// The department has it.
    Held,
    /// Done.
    Completed,
    /// Refused by law.
    Refused,
    /// Not the department's to do; a person must place it.
    Declined,
    /// Ended because something that it needs was refused.
    Ended,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Due,
        Self::PossiblyHeld,
        Self::Held,
        Self::Completed,
        Self::Refused,
        Self::Declined,
        Self::Ended,
    ];

    /// Whether a round is with the department, or on its way there.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Due | Self::PossiblyHeld | Self::Held)
    }

    /// Whether a round is owed and not yet acknowledged.
    pub fn is_owed(self) -> bool {
        matches!(self, Self::Due | Self::PossiblyHeld)
    }

    /// Whether nothing more is expected of it.
    pub fn is_finished(self) -> bool {
        matches!(self, Self::Completed | Self::Refused | Self::Ended)
    }

    /// In Vietnamese.
    pub fn vi(self) -> &'static str {
        match self {
            Self::Waiting => "chờ",
            Self::Due => "đến lượt",
            Self::PossiblyHeld => "có thể đã nhận",
            Self::Held => "đang xử lý",
            Self::Completed => "đã xong",
            Self::Refused => "bị từ chối",
            Self::Declined => "không thuộc thẩm quyền",
            Self::Ended => "đã dừng",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Waiting => "waiting",
            Self::Due => "due",
            Self::PossiblyHeld => "possibly held",
            Self::Held => "held",
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::Declined => "declined",
            Self::Ended => "ended",
        })
    }
}

/// What a round asks of the department.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Do the step.
    Work,
    /// Judge changed evidence: stands or redo.
    Review,
    /// Answer a fault in what the step gave.
    Answer,
    /// Put the step down.
    Recall,
}

impl Task {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Review => "review",
            Self::Answer => "answer",
            Self::Recall => "recall",
        }
    }
}

/// How a peer return ended, for the one who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultAnswer {
    /// The evidence.
    pub evidence: EvidenceName,
    /// The version that holds.
    pub version: u32,
    /// Upheld, or corrected.
    pub upheld: bool,
    /// The giver's reason.
    pub reason: String,
}

/// A step of one dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The department that does it.
    pub agency: AgencyCode,
    /// The part that it belongs to.
    pub part: PartId,
    /// Where it stands.
    pub stage: Stage,
    /// The highest round given out; 0 before the first.
    pub round: u32,
    /// The step itself is still to be done.
    pub work: bool,
    /// Faults that this round asks to answer.
    pub answers: BTreeSet<EvidenceName>,
    /// Changed evidence that this round asks to judge.
    pub review: Versions,
    /// The evidence of this round.
    pub inputs: Versions,
    /// The evidence of the round before, or that the result stands on.
    pub used: Versions,
    /// The evidence whose peer return this step waits for.
    pub awaiting: Option<EvidenceName>,
    /// Answers that the next round tells.
    pub untold: Vec<FaultAnswer>,
    /// Answers that this round tells.
    pub told: Vec<FaultAnswer>,
    /// Who must be told to put it down.
    pub to_recall: Option<(AgencyCode, RecallWhy)>,
    /// Who is at it, as the department said last.
    pub officer: Officer,
    /// Since when it is due, in this round.
    pub due_since: Option<Timestamp>,
    /// Since when it is held, in this round.
    pub held_since: Option<Timestamp>,
    /// When its limit ends.
    pub due_at: Option<Timestamp>,
    /// Whether its limit passed and somebody was told.
    pub limit_passed: bool,
    /// Whether it was ever completed: then it can no longer be declined.
    pub completed_once: bool,
    /// When it finished.
    pub finished_at: Option<Timestamp>,
    /// Why it was refused, declined or ended.
    pub reason: String,
}

impl Step {
    fn new(assignment: &Assignment) -> Self {
        Self {
            agency: assignment.agency.clone(),
            part: assignment.part.clone(),
            stage: Stage::Waiting,
            round: 0,
            work: true,
            answers: BTreeSet::new(),
            review: Versions::new(),
            inputs: Versions::new(),
            used: Versions::new(),
            awaiting: None,
            untold: Vec::new(),
            told: Vec::new(),
            to_recall: None,
            officer: Officer::default(),
            due_since: None,
            held_since: None,
            due_at: None,
            limit_passed: false,
            completed_once: false,
            finished_at: None,
            reason: String::new(),
        }
    }

    /// What its round asks.
    pub fn task(&self) -> Task {
        if self.work {
            Task::Work
        } else if !self.answers.is_empty() {
            Task::Answer
        } else {
            Task::Review
        }
    }

    fn finish(&mut self, stage: Stage, at: Timestamp) {
        self.stage = stage;
        self.work = false;
        self.answers.clear();
        self.review.clear();
        self.told.clear();
        self.used = self.inputs.clone();
        self.finished_at = Some(at);
    }
}

/// An open peer return. Further askers join it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// The step that gave the evidence.
    pub giver: StepId,
    /// The version in which the fault was found.
    pub version: u32,
    /// The steps that asked; the first found it.
    pub askers: Vec<StepId>,
    /// What is wrong, as the first asker says.
    pub reason: String,
}

/// A recall that is owed: a round without work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// Who must put the step down.
    pub agency: AgencyCode,
    /// Why.
    pub why: RecallWhy,
    /// Offered without an answer.
    pub offered: bool,
    /// Since when.
    pub due_since: Timestamp,
}

/// An item that was accepted: its repetition changes nothing and gets the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// SHA-256 of its content.
    pub digest: Digest,
    /// When it was recorded.
    pub at: Timestamp,
    /// Where.
    pub sequence: u64,
}

/// One citizen's or organisation's case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dossier {
    /// Names it between systems.
    pub id: DossierId,
    /// What was received.
    pub received: Arc<Received>,
    /// When it was received.
    pub received_at: Timestamp,
    /// The sequence of its last event.
    pub sequence: u64,
    /// Its steps.
    pub steps: BTreeMap<StepId, Step>,
    /// Its evidence, oldest version first.
    pub evidence: BTreeMap<EvidenceName, Vec<Arc<Version>>>,
    /// Open peer returns.
    pub returns: BTreeMap<EvidenceName, Return>,
    /// How often each piece of evidence went back.
    pub returned: BTreeMap<EvidenceName, u32>,
    /// Recalls owed, by step and round.
    pub recalls: BTreeMap<(StepId, u32), Recall>,
    /// Parts, and how they finished.
    pub parts: BTreeMap<PartId, Option<PartEnd>>,
    /// Items accepted, by sender and id.
    pub seen: BTreeMap<(String, Key), Seen>,
    /// When it closed.
    pub closed_at: Option<Timestamp>,
}

/// Events that no dossier can have: the store is damaged, or newer than this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreplayable {
    /// Quarantine the dossier.
    #[error("the history does not begin with its reception")]
    NoReception,
    /// Quarantine the dossier.
    #[error("event {found} stands where event {wanted} belongs")]
    Gap {
        /// The sequence that belongs there.
        wanted: u64,
        /// The sequence found.
        found: u64,
    },
    /// Quarantine the dossier.
    #[error("event {sequence} names step {step}, which the dossier does not have")]
    NoStep {
        /// The event.
        sequence: u64,
        /// The step.
        step: StepId,
    },
}

impl Dossier {
    /// The dossier that these events made.
    ///
    /// # Errors
    /// When no dossier can have had this history.
    pub fn replay<'a>(
        id: DossierId,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Self, Unreplayable> {
        let mut entries = entries.into_iter();
        let first = entries.next().ok_or(Unreplayable::NoReception)?;
        let mut dossier = Self::begin(id, first)?;
        for entry in entries {
            dossier.apply(entry)?;
        }
        Ok(dossier)
    }

    /// The dossier as its reception made it.
    ///
    /// # Errors
    /// When the entry is not a reception in first place.
    pub fn begin(id: DossierId, first: &Entry) -> Result<Self, Unreplayable> {
        let Event::Received(received) = &first.event else {
            return Err(Unreplayable::NoReception);
        };
        if first.sequence != 1 {
            return Err(Unreplayable::Gap {
                wanted: 1,
                found: first.sequence,
            });
        }
        let mut dossier = Self {
            id,
            received: Arc::new((**received).clone()),
            received_at: first.at,
            sequence: 1,
            steps: received
                .assignments
                .iter()
                .map(|(id, a)| (id.clone(), Step::new(a)))
                .collect(),
            evidence: BTreeMap::new(),
            returns: BTreeMap::new(),
            returned: BTreeMap::new(),
            recalls: BTreeMap::new(),
            parts: received
                .parts
                .iter()
                .map(|part| (part.clone(), None))
                .collect(),
            seen: BTreeMap::new(),
            closed_at: None,
        };
        dossier.give(&received.evidence, &received.desk, None, first.at, "");
        dossier.remember(first);
        Ok(dossier)
    }

    /// Its code.
    pub fn code(&self) -> &DossierCode {
        &self.received.code
    }

    /// The newest version of a piece of evidence.
    pub fn newest(&self, evidence: &EvidenceName) -> Option<&Arc<Version>> {
        self.evidence
            .get(evidence)
            .and_then(|versions| versions.last())
    }

    /// The number of the newest version; 0 when there is none.
    pub fn newest_number(&self, evidence: &EvidenceName) -> u32 {
        self.newest(evidence)
            .map_or(0, |version| version.new.version)
    }

    /// Whether this agency has, or had, a step in it, or is one of its desks.
    pub fn concerns(&self, agency: &str) -> bool {
        self.received.desk.as_str() == agency
            || self.received.hand_out_desk.as_str() == agency
            || self
                .steps
                .values()
                .any(|step| step.agency.as_str() == agency)
            || self
                .recalls
                .values()
                .any(|recall| recall.agency.as_str() == agency)
    }

    fn give(
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

    fn remember(&mut self, entry: &Entry) {
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
                let step = step!(id);
                if step.stage.is_open() {
                    step.used = std::mem::take(&mut step.inputs);
                }
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
                step.reason = format!("step {because_of} was not completed");
                let ended = id.clone();
                for open in self.returns.values_mut() {
                    open.askers.retain(|asker| *asker != ended);
                }
                self.answer_returns(&ended, None, "");
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
                    step.inputs = step.used.clone();
                    // The new department starts the round afresh: work from the beginning, a
                    // review or an answer from what the result stands on.
                    step.stage = if step.work {
                        Stage::Waiting
                    } else {
                        Stage::Completed
                    };
                    step.answers.clear();
                    step.review.clear();
                }
                if step.stage == Stage::Declined {
                    step.stage = Stage::Waiting;
                }
                step.agency = to.clone();
                step.officer = Officer::default();
                step.reason.clear();
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

impl Step {
    fn note_officer(&mut self, officer: &Officer) {
        if !officer.is_empty() {
            self.officer = officer.clone();
        }
    }
}
