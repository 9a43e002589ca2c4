//! A step of one dossier: where it stands and what its round asks.

use crate::{
    event::{Assignment, RecallWhy, Versions},
    name::{AgencyCode, EvidenceName, PartId, StepId},
    party::Officer,
};
use jiff::Timestamp;
use std::{collections::BTreeSet, fmt};

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

/// A fault found in evidence that the step gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which.
    pub evidence: EvidenceName,
    /// The version in which it was found.
    pub version: u32,
    /// Who asked before this round was given; who joins later is answered with them.
    pub askers: Vec<StepId>,
    /// What is wrong.
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
    /// The evidence that the department had before this round, or that the result stands on.
    pub used: Versions,
    /// The evidence whose peer return this step waits for.
    pub awaiting: Option<EvidenceName>,
    /// Answers that the next round tells.
    pub untold: Vec<FaultAnswer>,
    /// Answers that this round tells.
    pub told: Vec<FaultAnswer>,
    /// The faults that this round asks to answer, as they were when it was given: a round says the
    /// same however often it is sent.
    pub faults: Vec<Fault>,
    /// The departments that a round was given to.
    pub given_to: BTreeSet<AgencyCode>,
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
    pub(crate) fn new(assignment: &Assignment) -> Self {
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
            faults: Vec::new(),
            given_to: BTreeSet::new(),
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

    pub(crate) fn finish(&mut self, stage: Stage, at: Timestamp) {
        self.stage = stage;
        self.work = false;
        self.answers.clear();
        self.review.clear();
        self.told.clear();
        self.faults.clear();
        self.used = self.inputs.clone();
        self.finished_at = Some(at);
    }

    /// Takes the round away. Whoever gets the step next starts afresh: work from nothing, a review
    /// or an answer from what the result stands on.
    pub(crate) fn put_aside(&mut self) {
        self.stage = Stage::Waiting;
        self.answers.clear();
        self.review.clear();
        self.told.clear();
        self.faults.clear();
        self.inputs.clear();
        if self.work {
            self.used.clear();
        }
        self.awaiting = None;
        self.due_since = None;
        self.held_since = None;
    }

    pub(crate) fn note_officer(&mut self, officer: &Officer) {
        if !officer.is_empty() {
            self.officer = officer.clone();
        }
    }
}
