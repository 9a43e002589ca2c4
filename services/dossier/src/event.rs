//! Events: facts about one dossier, recorded once and never decided again.

use crate::{
    department_notice::DepartmentNotice,
    evidence::NewVersion,
    limit::Limit,
    name::{
        AgencyCode, Digest, DossierCode, EvidenceName, Key, PartId, PartyId, ProcedureCode, StepId,
        TerritoryCode,
    },
    party::{Officer, Party},
    procedure::Actor,
    supplement::{Denial, Item, SupplementStage},
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

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
    pub system: Arc<str>,
    /// The sender's id of the item.
    pub item_id: Key,
    /// SHA-256 of the item's content.
    pub digest: Digest,
    /// When it happened, as the sender says.
    pub claimed_at: Option<Timestamp>,
}

/// An item, as its sender names it.
pub type Sent = (Arc<str>, Key);

impl Cause {
    /// The item that caused it.
    pub fn sent(&self) -> Sent {
        (Arc::clone(&self.system), self.item_id.clone())
    }
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
    /// Something that it needs was refused in another part, or the dossier was withdrawn.
    Ended,
    /// By its conditions none of its steps was to be done.
    Skipped,
}

impl PartEnd {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Completed, Self::Refused, Self::Ended, Self::Skipped];

    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Refused => "refused",
            Self::Ended => "ended",
            Self::Skipped => "skipped",
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
    /// The citizen withdrew the dossier.
    Withdrawn,
    /// The dossier was stopped by decision.
    Stopped,
    /// What was asked is no longer wanted.
    Unwanted,
}

impl RecallWhy {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Ended,
        Self::Moved,
        Self::Withdrawn,
        Self::Stopped,
        Self::Unwanted,
    ];

    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Moved => "moved",
            Self::Withdrawn => "withdrawn",
            Self::Stopped => "stopped",
            Self::Unwanted => "unwanted",
        }
    }

    /// The reason of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.word() == word)
    }
}

/// Why a clock stands still (NĐ 61/2018 Art 19; DOMAIN §5, Clock).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PauseWhy {
    /// The citizen was asked for more.
    Supplement,
    /// The citizen must pay.
    Payment,
    /// The dossier was stopped by decision.
    Stop,
    /// A step is under way whose time does not count: its own limit runs on.
    Outside,
}

impl PauseWhy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Supplement, Self::Payment, Self::Stop, Self::Outside];

    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Supplement => "supplement",
            Self::Payment => "payment",
            Self::Stop => "stop",
            Self::Outside => "outside",
        }
    }

    /// The reason of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|why| why.word() == word)
    }
}

/// How a look-up ended (NĐ 47/2020/NĐ-CP Art 5(2), 9(3): the exceptions for asking again).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookUpOutcome {
    /// Found, and given with the answer.
    Found,
    /// The holder does not have it.
    NotFound,
    /// The holder has it with other particulars.
    Mismatch,
    /// The holder has it in a quality that cannot be used.
    PoorQuality,
    /// The holder's registry does not answer: it is asked again.
    Unavailable,
}

impl LookUpOutcome {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Found,
        Self::NotFound,
        Self::Mismatch,
        Self::PoorQuality,
        Self::Unavailable,
    ];

    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotFound => "not_found",
            Self::Mismatch => "mismatch",
            Self::PoorQuality => "poor_quality",
            Self::Unavailable => "unavailable",
        }
    }

    /// The outcome of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }
}

/// When something is due, and when somebody is warned that it will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// When it ends.
    pub due_at: Timestamp,
    /// When somebody is told that it will end.
    pub warn_at: Timestamp,
}

/// Until when the citizen may answer or pay.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Windows {
    /// Supplements, by number.
    pub supplements: BTreeMap<u32, Timestamp>,
    /// Payments, by the asking agency's id.
    pub payments: BTreeMap<Key, Timestamp>,
}

/// Who does a step, and for which part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The department.
    pub agency: AgencyCode,
    /// The part that the step belongs to.
    pub part: PartId,
    /// Who acts: a department, a desk, or the citizen through the desk.
    pub actor: Actor,
    /// Until when it should be done if all before it is done in its time: what the transfer slip
    /// says (NĐ 61/2018 Art 19(6)).
    pub planned_at: Timestamp,
}

/// What was filed or received.
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
    /// The calendar that its clocks follow.
    pub calendar_digest: Digest,
    /// The receiving desk.
    pub desk: AgencyCode,
    /// The desk that hands out the results.
    pub hand_out_desk: AgencyCode,
    /// Where the case belongs.
    pub territory: TerritoryCode,
    /// How it came.
    pub channel: Channel,
    /// When the citizen arrived at the desk, as the desk says: the seed of waiting times.
    pub arrived_at: Option<Timestamp>,
    /// When the citizen filed it, as the desk says.
    pub filed_at: Option<Timestamp>,
    /// When a desk's officer received it, as the desk says; an offline desk records later.
    pub received_at: Option<Timestamp>,
    /// Its parts, and until when each is promised.
    pub parts: BTreeMap<PartId, Deadline>,
    /// The optional parts and steps asked for.
    pub asked: BTreeSet<String>,
    /// Which department does which step, and for which part.
    pub assignments: BTreeMap<StepId, Assignment>,
    /// Parties; empty after their erasure.
    pub parties: Vec<Party>,
    /// What the citizen gave, and what the owner's vault had.
    pub evidence: Vec<NewVersion>,
    /// The vault's codes of what came from the vault.
    pub reused: BTreeMap<EvidenceName, String>,
    /// Until when every part is promised.
    pub promised_at: Timestamp,
    /// The desk's key for the submit.
    pub submit_key: Key,
    /// The party that filed it, if not the owner.
    pub filed_by: Option<PartyId>,
    /// Who took it.
    pub officer: Officer,
}

/// What reception fixes for a dossier that was filed before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reception {
    /// The procedure's version in force at reception; the dossier finishes under it.
    pub procedure_digest: Digest,
    /// The directory's version that named the departments.
    pub directory_digest: Digest,
    /// The calendar that its clocks follow.
    pub calendar_digest: Digest,
    /// Its parts, and until when each is promised.
    pub parts: BTreeMap<PartId, Deadline>,
    /// Which department does which step, and for which part.
    pub assignments: BTreeMap<StepId, Assignment>,
    /// Until when every part is promised.
    pub promised_at: Timestamp,
    /// When a desk's officer received it, as the desk says.
    pub received_at: Option<Timestamp>,
    /// Who received it.
    pub officer: Officer,
}

/// What happened to a dossier. Free text and officers are personal values and lie beside the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // the fields are those of the record's messages, where each is explained
pub enum Event {
    /// The dossier was filed at a portal; no desk has received it yet.
    Filed(Box<Received>),
    /// The dossier was received, at a counter in one go.
    Received(Box<Received>),
    /// A desk's officer received a filed dossier (form 01).
    Accepted(Box<Reception>),
    /// A desk's officer did not accept a filed dossier (form 03).
    NotAccepted {
        reason: String,
        legal_basis: String,
        officer: Officer,
    },
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
        deadline: Deadline,
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
        /// It came later than the procedure lets a refusal come.
        late: bool,
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
    /// By its condition a step is not to be done; whoever has it puts it down.
    Skipped { step: StepId },
    /// A step that was not to be done is, by what was corrected since.
    Wanted { step: StepId },
    /// Participants without a round yet are told their task and deadline (phiếu chuyển xử lý).
    SlipsDue { to: BTreeMap<StepId, AgencyCode> },
    /// The holder of evidence is asked for it, before anyone asks the citizen.
    LookUpDue {
        step: StepId,
        evidence: EvidenceName,
        part: PartId,
        agency: AgencyCode,
        deadline: Deadline,
    },
    /// The holder answered a look-up.
    LookedUp {
        step: StepId,
        round: u32,
        evidence: EvidenceName,
        outcome: LookUpOutcome,
        given: Vec<NewVersion>,
        note: String,
        officer: Officer,
    },
    /// A look-up whose holder could not answer is asked again.
    AskedAgain { step: StepId },
    /// Evidence came from the owner's vault.
    Reused {
        evidence: Vec<NewVersion>,
        /// The vault's codes.
        from: BTreeMap<EvidenceName, String>,
    },
    /// Another agency's opinion is wanted.
    Consulted {
        step: StepId,
        round: u32,
        consultation: StepId,
        agency: AgencyCode,
        question: String,
        inputs: Versions,
        /// How long the answer may take; none in records of before it was kept.
        limit: Option<Limit>,
        deadline: Deadline,
        officer: Officer,
    },
    /// The consulted agency gave its opinion.
    Opined {
        step: StepId,
        round: u32,
        opinion: String,
        officer: Officer,
    },
    /// The citizen is asked for more, through the desk (form 02).
    SupplementAsked {
        number: u32,
        stage: SupplementStage,
        /// The step and round that asked; none for a desk.
        by: Option<(StepId, u32)>,
        agency: AgencyCode,
        items: Vec<Item>,
        due_at: Timestamp,
        officer: Officer,
    },
    /// The citizen gave what was asked for.
    SupplementAnswered {
        number: u32,
        evidence: Vec<NewVersion>,
        officer: Officer,
    },
    /// The citizen did not answer in time.
    SupplementExpired { number: u32 },
    /// Somebody asked the citizen for what is already held: the broker refused.
    SupplementDenied {
        step: Option<StepId>,
        agency: AgencyCode,
        denials: BTreeMap<EvidenceName, Denial>,
    },
    /// A person's consent, and other evidence that the desk brings unasked.
    EvidenceGiven {
        evidence: Vec<NewVersion>,
        officer: Officer,
    },
    /// A person whose consent is needed refused it.
    ConsentRefused {
        evidence: EvidenceName,
        party: PartyId,
        reason: String,
        officer: Officer,
    },
    /// The citizen must pay.
    PaymentAsked {
        step: StepId,
        round: u32,
        obligation: Key,
        amount_vnd: i64,
        purpose: String,
        legal_basis: String,
        /// Until when; none where the citizen's own step has a limit.
        due_at: Option<Timestamp>,
        officer: Officer,
    },
    /// The citizen did not pay in time, and still may.
    PaymentOverdue { obligation: Key },
    /// The citizen paid.
    Paid {
        obligation: Key,
        amount_vnd: i64,
        reference: String,
        paid_at: Option<Timestamp>,
        /// The step that waited for nothing else, and the confirmation that it gives.
        step: Option<StepId>,
        evidence: Vec<NewVersion>,
    },
    /// A part's clock stands still.
    ClockPaused { part: PartId, why: PauseWhy },
    /// A part's clock runs again: on from where it stood, or anew.
    ClockResumed {
        part: PartId,
        why: PauseWhy,
        reset: bool,
        deadline: Deadline,
        /// The limits of its steps under way.
        steps: BTreeMap<StepId, Deadline>,
    },
    /// One working day before a part's promised date: the apology is owed (form 04).
    ApologyOwed {
        part: PartId,
        holders: BTreeSet<AgencyCode>,
    },
    /// A part was promised for a later date, with an apology (form 04).
    Extended {
        step: StepId,
        round: u32,
        part: PartId,
        limit: Limit,
        deadline: Deadline,
        step_deadline: Deadline,
        reason: String,
        officer: Officer,
    },
    /// A part's promised date passed.
    PromisePassed { part: PartId },
    /// A step's limit will pass soon.
    Warned { step: StepId },
    /// A desk did not receive a filed dossier within its limit.
    IntakeLimitPassed,
    /// The calendar changed for an open dossier.
    CalendarAdopted {
        calendar_digest: Digest,
        /// The clocks that end at another time by it.
        parts: BTreeMap<PartId, Deadline>,
        steps: BTreeMap<StepId, Deadline>,
        windows: Windows,
        /// Until when a desk must receive it, where that is another time.
        receive_by: Option<Timestamp>,
    },
    /// The desk found a fault in a result: it goes back to the department that gave it.
    FaultReported {
        evidence: EvidenceName,
        version: u32,
        reason: String,
        officer: Officer,
    },
    /// A result was handed out.
    HandedOut {
        evidence: EvidenceName,
        version: u32,
        party: Option<PartyId>,
        officer: Officer,
    },
    /// The citizen withdrew the dossier.
    Withdrawn { reason: String, officer: Officer },
    /// The dossier was stopped by decision (form 05).
    Stopped {
        reason: String,
        legal_basis: String,
        /// What becomes of fees paid.
        settlement: String,
        officer: Officer,
    },
    /// A stopped dossier goes on.
    Resumed {
        reason: String,
        /// The limits of errands, and of what the citizen does, with what was left of them.
        steps: BTreeMap<StepId, Deadline>,
        windows: Windows,
        officer: Officer,
    },
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
    /// A department has a notice, or refused it: it is not told again.
    Notified {
        agency: AgencyCode,
        notice: DepartmentNotice,
        refused: bool,
    },
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
            | Self::Skipped { step }
            | Self::Wanted { step }
            | Self::LookUpDue { step, .. }
            | Self::LookedUp { step, .. }
            | Self::AskedAgain { step }
            | Self::Consulted { step, .. }
            | Self::Opined { step, .. }
            | Self::PaymentAsked { step, .. }
            | Self::Extended { step, .. }
            | Self::Warned { step }
            | Self::LimitPassed { step } => Some(step),
            Self::SupplementAsked { by, .. } => by.as_ref().map(|(step, _)| step),
            Self::SupplementDenied { step, .. } | Self::Paid { step, .. } => step.as_ref(),
            Self::Notified { notice, .. } => notice.step(),
            Self::Filed(_)
            | Self::Received(_)
            | Self::Accepted(_)
            | Self::NotAccepted { .. }
            | Self::SlipsDue { .. }
            | Self::Reused { .. }
            | Self::SupplementAnswered { .. }
            | Self::SupplementExpired { .. }
            | Self::EvidenceGiven { .. }
            | Self::ConsentRefused { .. }
            | Self::PaymentOverdue { .. }
            | Self::ClockPaused { .. }
            | Self::ClockResumed { .. }
            | Self::ApologyOwed { .. }
            | Self::PromisePassed { .. }
            | Self::IntakeLimitPassed
            | Self::CalendarAdopted { .. }
            | Self::FaultReported { .. }
            | Self::HandedOut { .. }
            | Self::Withdrawn { .. }
            | Self::Stopped { .. }
            | Self::Resumed { .. }
            | Self::PartFinished { .. }
            | Self::Closed => None,
        }
    }
}
