//! A step of one dossier: where it stands and what its round asks.

use crate::{
    event::{Assignment, Deadline, LookUpOutcome, RecallWhy, Versions},
    limit::Limit,
    name::{AgencyCode, EvidenceName, Key, PartId, StepId},
    party::Officer,
    procedure::Actor,
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
    /// Not to be done, by its condition.
    Skipped,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Waiting,
        Self::Due,
        Self::PossiblyHeld,
        Self::Held,
        Self::Completed,
        Self::Refused,
        Self::Declined,
        Self::Ended,
        Self::Skipped,
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
        matches!(
            self,
            Self::Completed | Self::Refused | Self::Ended | Self::Skipped
        )
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
            Self::Skipped => "không phải làm",
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
            Self::Skipped => "skipped",
        })
    }
}

/// What a round asked when it was given. A department that names a round as it was given to it is known by
/// that to hold this one and none of the same number that a lost life of the broker gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asked {
    /// The task; none before the first round.
    pub task: Option<Task>,
    /// What to judge.
    pub review: Versions,
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
    /// Say whether evidence is held, and give it.
    LookUp,
    /// Give an opinion.
    Consult,
    /// Know the task and its deadline; nothing is to be done yet.
    Inform,
}

impl Task {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Review => "review",
            Self::Answer => "answer",
            Self::Recall => "recall",
            Self::LookUp => "look_up",
            Self::Consult => "consult",
            Self::Inform => "inform",
        }
    }
}

/// What a step is in the dossier: the procedure's own, or an errand that the core makes on its way.
/// An errand goes to its agency as any step does: handed over, acknowledged, recalled, reconciled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A step of the procedure.
    Procedure,
    /// Asks the holder of evidence for it.
    LookUp {
        /// The evidence.
        evidence: EvidenceName,
        /// How it was answered last.
        outcome: Option<LookUpOutcome>,
    },
    /// Asks another agency for its opinion.
    Consultation {
        /// The step that asks.
        asker: StepId,
        /// What is asked.
        question: String,
        /// How long the answer may take; none in records of before it was kept.
        limit: Option<Limit>,
    },
    /// Tells a participant its task and deadline.
    Slip,
}

/// What came of a consultation, for the step that asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opinion {
    /// The consultation.
    pub consultation: StepId,
    /// Who was asked.
    pub agency: AgencyCode,
    /// The opinion; none where the agency kept silent past its deadline: the asker may go on without.
    pub text: Option<String>,
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
    /// The part that it belongs to; for an errand, the part that it serves.
    pub part: PartId,
    /// Who acts.
    pub actor: Actor,
    /// Its own, or an errand.
    pub kind: Kind,
    /// Until when it should be done if all before it is done in its time.
    pub planned_at: Option<Timestamp>,
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
    /// What this round asked when it was given, done meanwhile or not: it names the round.
    pub asked: Asked,
    /// The evidence of this round.
    pub inputs: Versions,
    /// The evidence that the department had before this round, or that the result stands on.
    pub used: Versions,
    /// What it was asked to judge and judged: its condition may ask of evidence that no round holds.
    pub judged: Versions,
    /// The evidence whose peer return this step waits for.
    pub awaiting: Option<EvidenceName>,
    /// Answers that the next round tells.
    pub untold: Vec<FaultAnswer>,
    /// Answers that this round tells.
    pub told: Vec<FaultAnswer>,
    /// Opinions that came so far.
    pub opinions: Vec<Opinion>,
    /// How many of them this round tells.
    pub opinions_told: usize,
    /// Payments that it asked for and that were made.
    pub payments: Vec<Key>,
    /// How many of them this round tells.
    pub payments_told: usize,
    /// How many consultations it asked for.
    pub consultations: u32,
    /// How often progress was reported in this round.
    pub progressed: u32,
    /// How often the department no longer had this round.
    pub lost: u32,
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
    /// The event by which its department took its round, or the one before: by it, and by no clock, it is
    /// told what was taken before something else.
    pub held_number: u64,
    /// When its department first acknowledged it.
    pub first_held_at: Option<Timestamp>,
    /// Since when its limit is reckoned: a round that is renewed goes on with it.
    pub limit_since: Option<Timestamp>,
    /// When its limit ends.
    pub due_at: Option<Timestamp>,
    /// When its limit ended as this round was given: a round says the same however often it is sent.
    pub round_due_at: Option<Timestamp>,
    /// How many versions of anything the dossier had as this round was given.
    pub round_knows: u32,
    /// When somebody is told that it will.
    pub warn_at: Option<Timestamp>,
    /// The event that gave this round its clock, or changed it last.
    pub clock_changed: u64,
    /// The event whose clock the department knows.
    pub clock_told: u64,
    /// The event of the apology that the department knows it owes.
    pub apology_told: u64,
    /// Whether somebody was told.
    pub warned: bool,
    /// When a holder that could not answer is asked again.
    pub ask_again_at: Option<Timestamp>,
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
            planned_at: Some(assignment.planned_at),
            actor: assignment.actor,
            ..Self::errand(
                Kind::Procedure,
                assignment.agency.clone(),
                assignment.part.clone(),
            )
        }
    }

    pub(crate) fn errand(kind: Kind, agency: AgencyCode, part: PartId) -> Self {
        Self {
            agency,
            part,
            actor: Actor::Department,
            kind,
            planned_at: None,
            stage: Stage::Waiting,
            round: 0,
            work: true,
            answers: BTreeSet::new(),
            review: Versions::new(),
            asked: Asked::default(),
            inputs: Versions::new(),
            used: Versions::new(),
            judged: Versions::new(),
            awaiting: None,
            untold: Vec::new(),
            told: Vec::new(),
            opinions: Vec::new(),
            opinions_told: 0,
            payments: Vec::new(),
            payments_told: 0,
            consultations: 0,
            progressed: 0,
            lost: 0,
            faults: Vec::new(),
            given_to: BTreeSet::new(),
            to_recall: None,
            officer: Officer::default(),
            due_since: None,
            held_since: None,
            held_number: 0,
            first_held_at: None,
            limit_since: None,
            due_at: None,
            round_due_at: None,
            round_knows: 0,
            warn_at: None,
            clock_changed: 0,
            clock_told: 0,
            apology_told: 0,
            warned: false,
            ask_again_at: None,
            limit_passed: false,
            completed_once: false,
            finished_at: None,
            reason: String::new(),
        }
    }

    /// What its round asks.
    pub fn task(&self) -> Task {
        match self.kind {
            Kind::Procedure => {}
            Kind::LookUp { .. } => return Task::LookUp,
            Kind::Consultation { .. } => return Task::Consult,
            Kind::Slip => return Task::Inform,
        }
        if self.work {
            Task::Work
        } else if !self.answers.is_empty() {
            Task::Answer
        } else {
            Task::Review
        }
    }

    /// Whether it is a step of the procedure, and no errand.
    pub fn is_procedures(&self) -> bool {
        self.kind == Kind::Procedure
    }

    /// Whether its limit stands still with the clock of its part: an errand's does not, and what the
    /// citizen does is not measured by an agency's clock.
    pub(crate) fn follows_its_part(&self) -> bool {
        self.is_procedures() && self.actor != Actor::Citizen
    }

    /// Whether a department must be reached for it.
    pub fn is_departments(&self) -> bool {
        self.actor == Actor::Department
    }

    /// Whether there is something that its round does not tell yet.
    pub(crate) fn has_news(&self) -> bool {
        !self.untold.is_empty()
            || self.opinions.len() > self.opinions_told
            || self.payments.len() > self.payments_told
    }

    pub(crate) fn set_deadline(&mut self, deadline: &Deadline) {
        if self.due_at != Some(deadline.due_at) {
            self.limit_passed = false;
            self.warned = false;
        }
        self.due_at = Some(deadline.due_at);
        self.warn_at = Some(deadline.warn_at);
    }

    /// Whether its round was lost after a part of it was done, and is owed again: what is left is another
    /// round.
    pub(crate) fn is_partly_done(&self) -> bool {
        let is_owed_again = self.stage.is_owed() && self.lost > 0;
        let is_asked_still = || {
            self.asked.task == Some(self.task())
                && self.asked.review == self.review
                && self.faults.len() == self.answers.len()
        };
        is_owed_again && !is_asked_still()
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
