//! Events: facts about one dossier, recorded once and never decided again.

use crate::{
    evidence::NewVersion,
    name::{
        AgencyCode, Digest, DossierCode, EvidenceName, Key, PartId, PartyId, ProcedureCode, StepId,
        TerritoryCode,
    },
    party::{Officer, Party},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Versions by evidence name.
pub type Versions = BTreeMap<EvidenceName, u32>;

/// One event in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1 for the first of the dossier, without gaps.
    pub sequence: u64,
    /// The ledger's own time.
    pub at: Timestamp,
    /// Who caused it from outside; none for what followed by itself.
    pub cause: Option<Cause>,
    /// What happened.
    pub event: Event,
}

/// Who caused an event from outside, and how a repetition is recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The system's identity, from its certificate.
    pub system: String,
    /// The sender's id of the item.
    pub item_id: Key,
    /// SHA-256 of the item's content.
    pub digest: Digest,
    /// When it happened, as the sender says.
    pub claimed_at: Option<Timestamp>,
}

/// How a dossier came to the desk (NPSP: KenhThucHien).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// Trực tiếp.
    Counter,
    /// Trực tuyến.
    Online,
    /// Bưu chính công ích.
    Post,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Counter, Self::Online, Self::Post];

    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Online => "online",
            Self::Post => "post",
        }
    }

    /// The channel of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.word() == word)
    }
}

/// How a part finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartEnd {
    /// Every step is completed.
    Completed,
    /// A step of it was refused.
    Refused,
    /// Something that it needs was refused in another part.
    Ended,
}

impl PartEnd {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Completed, Self::Refused, Self::Ended];

    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::Ended => "ended",
        }
    }

    /// The end of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.word() == word)
    }
}

/// Why a department must put a step down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecallWhy {
    /// Something that the step needs was refused.
    Ended,
    /// The step was moved to another department.
    Moved,
}

impl RecallWhy {
    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Moved => "moved",
        }
    }

    /// The reason of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Ended, Self::Moved]
            .into_iter()
            .find(|why| why.word() == word)
    }
}

/// Who does a step, and for which part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The department.
    pub agency: AgencyCode,
    /// The part that the step belongs to.
    pub part: PartId,
}

/// What was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The code: one for life.
    pub code: DossierCode,
    /// The procedure.
    pub procedure: ProcedureCode,
    /// The procedure's version in force at reception; the dossier finishes under it.
    pub procedure_digest: Digest,
    /// The directory's version that named the departments.
    pub directory_digest: Digest,
    /// The receiving desk.
    pub desk: AgencyCode,
    /// The desk that hands out the results.
    pub hand_out_desk: AgencyCode,
    /// Where the case belongs.
    pub territory: TerritoryCode,
    /// How it came.
    pub channel: Channel,
    /// When the citizen filed it, as the desk says.
    pub filed_at: Option<Timestamp>,
    /// Its parts.
    pub parts: BTreeSet<PartId>,
    /// Which department does which step, and for which part.
    pub assignments: BTreeMap<StepId, Assignment>,
    /// Parties; empty after their erasure.
    pub parties: Vec<Party>,
    /// What the citizen gave.
    pub evidence: Vec<NewVersion>,
    /// Until when every part is promised.
    pub promised_at: Timestamp,
    /// The desk's key for the submit.
    pub submit_key: Key,
    /// The party that filed it, if not the owner.
    pub filed_by: Option<PartyId>,
    /// Who received it.
    pub officer: Officer,
}

/// What happened to a dossier. Free text and officers are personal values and lie beside the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are those of the record's messages, where each is explained
pub enum Event {
    /// The dossier was received.
    Received(Box<Received>),
    /// A round of a step became due.
    HandoverDue {
        step: StepId,
        round: u32,
        agency: AgencyCode,
        /// The step itself is to be done.
        work: bool,
        /// Faults to answer.
        answers: BTreeSet<EvidenceName>,
        /// Changed evidence to judge.
        review: Versions,
        /// All evidence in the round.
        inputs: Versions,
        due_at: Timestamp,
    },
    /// A round was offered and the answer did not come: it is possibly held.
    Offered { step: StepId, round: u32 },
    /// The department acknowledged a round.
    Acknowledged { step: StepId, round: u32 },
    /// The department no longer has what it acknowledged: the round is owed again.
    HoldingLost { step: StepId, round: u32 },
    /// Progress within the department.
    Progressed {
        step: StepId,
        round: u32,
        officer: Officer,
        note: String,
    },
    /// The step was completed, giving new versions.
    Completed {
        step: StepId,
        round: u32,
        evidence: Vec<NewVersion>,
        officer: Officer,
        note: String,
    },
    /// The step was refused by law.
    Refused {
        step: StepId,
        round: u32,
        reason: String,
        legal_basis: String,
        officer: Officer,
    },
    /// The department says that the step is not its own to do.
    Declined {
        step: StepId,
        round: u32,
        reason: String,
        suggested: Option<AgencyCode>,
        officer: Officer,
    },
    /// A step found a fault in evidence that an earlier step gave.
    Returned {
        step: StepId,
        round: u32,
        evidence: EvidenceName,
        version: u32,
        reason: String,
        officer: Officer,
    },
    /// A step gave new versions of its evidence.
    Corrected {
        step: StepId,
        round: u32,
        evidence: Vec<NewVersion>,
        reason: String,
        officer: Officer,
    },
    /// A step upholds what it gave.
    Upheld {
        step: StepId,
        round: u32,
        evidence: EvidenceName,
        version: u32,
        reason: String,
        officer: Officer,
    },
    /// A step judged changed evidence: its result stands, or is done again.
    Reviewed {
        step: StepId,
        round: u32,
        redo: bool,
        note: String,
        officer: Officer,
    },
    /// A step ended because something that it needs was refused.
    Ended { step: StepId, because_of: StepId },
    /// A department must put a step down: a round without work.
    RecallDue {
        step: StepId,
        round: u32,
        agency: AgencyCode,
        why: RecallWhy,
    },
    /// A step was moved to another department by an operator.
    Moved {
        step: StepId,
        from: AgencyCode,
        to: AgencyCode,
        reason: String,
    },
    /// A step's limit passed while it was not finished.
    LimitPassed { step: StepId },
    /// A part finished.
    PartFinished { part: PartId, end: PartEnd },
    /// Every part is finished and no answer is open.
    Closed,
}

impl Event {
    /// The step that it is about, if it is about one.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::HandoverDue { step, .. }
            | Self::Offered { step, .. }
            | Self::Acknowledged { step, .. }
            | Self::HoldingLost { step, .. }
            | Self::Progressed { step, .. }
            | Self::Completed { step, .. }
            | Self::Refused { step, .. }
            | Self::Declined { step, .. }
            | Self::Returned { step, .. }
            | Self::Corrected { step, .. }
            | Self::Upheld { step, .. }
            | Self::Reviewed { step, .. }
            | Self::Ended { step, .. }
            | Self::RecallDue { step, .. }
            | Self::Moved { step, .. }
            | Self::LimitPassed { step } => Some(step),
            Self::Received(_) | Self::PartFinished { .. } | Self::Closed => None,
        }
    }
}
