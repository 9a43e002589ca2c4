//! What is written: everything that a batch changes, dossier by dossier.

use super::{Audit, DossierFault, PersonKey, Position, SuspensionChange, TallyKey};
use crate::records::Stored;
use dossier::{
    alarm::Alarm,
    name::{
        AgencyCode, Digest, DossierCode, DossierId, EvidenceName, ProcedureCode, StepId,
        TerritoryCode,
    },
    vault::Deposit,
};
use jiff::{Timestamp, civil::Date};

/// Everything that goes into one transaction.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// What happens to dossiers; each is kept whole or not at all.
    pub changes: Vec<Change>,
    /// Things kept by their digest; what is there already is not written again.
    pub blobs: Vec<Blob>,
    /// Incidents that are of no change, such as of a department.
    pub incidents: Vec<IncidentChange>,
    /// The couriers' attempts.
    pub attempts: Vec<AttemptChange>,
    /// Dossiers that a person must look at before they go on, or that may go on again.
    pub quarantines: Vec<Quarantine>,
    /// Dossiers whose timer was listed before its time: it is set anew.
    pub timers: Vec<DossierId>,
    /// Numbers for dossier codes.
    pub code_leases: Vec<CodeLease>,
    /// What operators suspend and resume.
    pub suspensions: Vec<SuspensionChange>,
    /// What operators did that is of no change.
    pub audits: Vec<Audit>,
}

/// What became of a batch that is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// For each change, the position of its last record.
    pub changes: Vec<Result<Position, DossierFault>>,
    /// For each lease, the block that is the desk's.
    pub code_leases: Vec<CodeBlock>,
    /// Incidents that opened, happened once more or were closed.
    pub incidents: u64,
}

/// Everything that one dossier changes in one commit.
#[derive(Debug, Clone)]
pub struct Change {
    /// The dossier.
    pub dossier_id: DossierId,
    /// Its new records, in order; at least one.
    pub records: Vec<Stored>,
    /// What it is now, at a glance.
    pub summary: Summary,
    /// All that is owed for it now; replaces what was.
    pub owed: Vec<OwedRow>,
    /// All its steps as they are now; replaces what was.
    pub steps: Vec<StepRow>,
    /// New notices.
    pub notices: Vec<NoticeRow>,
    /// Documents that it names from now on, and who may have them.
    pub grants: Vec<Grant>,
    /// Incidents of this dossier.
    pub incidents: Vec<IncidentChange>,
    /// Results of it that go into the vault.
    pub deposits: Vec<Deposit>,
    /// What it took from the vault.
    pub vault_uses: Vec<VaultUse>,
    /// Who wanted to ask the citizen for what is already held, once for each time.
    pub denials: Vec<Denied>,
    /// Whose dossier it is, of what is new.
    pub persons: Vec<PersonKey>,
    /// What happened, to be counted; each once.
    pub tallies: Vec<TallyKey>,
    /// What operators did with it.
    pub audits: Vec<Audit>,
}

/// What people search a dossier by. The code, desks, procedure and territory never change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The code.
    pub code: DossierCode,
    /// The receiving desk.
    pub desk: AgencyCode,
    /// The desk that hands out; it sees the dossier, too.
    pub hand_out_desk: AgencyCode,
    /// The procedure.
    pub procedure: ProcedureCode,
    /// Where the case belongs.
    pub territory: TerritoryCode,
    /// The calendar that its clocks follow now.
    pub calendar: Digest,
    /// The number of its state in the contract (`lienthong.v1.DossierState`).
    pub state: i32,
    /// When it was received, or filed until then; kept in microseconds, as every instant of a row.
    pub received_at: Timestamp,
    /// Until when every part is promised; of one that was filed, until when a desk looks at it.
    pub promised_at: Timestamp,
    /// When it closed.
    pub closed_at: Option<Timestamp>,
}

/// What sort of thing is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwedKind {
    /// A round of a step, to its department; also one without work.
    Handover,
    /// A question to the holder of evidence.
    LookUp,
    /// Something to tell an agency.
    Notice,
    /// Something to look at when its time comes; owed to nobody.
    Timer,
}

impl OwedKind {
    pub(super) fn number(self) -> i32 {
        match self {
            Self::Handover => 1,
            Self::LookUp => 2,
            Self::Notice => 3,
            Self::Timer => 4,
        }
    }

    pub(super) fn of(number: i32) -> Option<Self> {
        [Self::Handover, Self::LookUp, Self::Notice, Self::Timer]
            .into_iter()
            .find(|kind| kind.number() == number)
    }
}

/// One thing that is owed for a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwedRow {
    /// What sort.
    pub kind: OwedKind,
    /// To whom; none for a timer.
    pub agency: Option<AgencyCode>,
    /// Of which step; none for a notice and a timer.
    pub step: Option<StepId>,
    /// For a notice: its kind and what it is about, `due_changed:register_birth`.
    pub notice: Option<String>,
    /// For a timer: what it is for.
    pub alarm: Option<Alarm>,
    /// Of which round, or the number of the notice; 0 when it has none.
    pub round: u32,
    /// When it is due, or when the timer ends.
    pub due_at: Timestamp,
}

impl OwedRow {
    /// What tells it from others of its dossier: a timer's alarm, what a notice is about, or its step.
    pub fn subject(&self) -> Option<String> {
        let alarm = self.alarm.as_ref().map(Alarm::text);
        alarm
            .or_else(|| self.notice.clone())
            .or_else(|| self.step.as_ref().map(ToString::to_string))
    }
}

/// Where one step stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRow {
    /// The step.
    pub step: StepId,
    /// Who does it.
    pub agency: AgencyCode,
    /// Its highest round; 0 before the first.
    pub round: u32,
    /// The number of its state in the contract (`lienthong.v1.StepState`).
    pub state: i32,
    /// When its limit ends, if it runs.
    pub due_at: Option<Timestamp>,
}

impl StepRow {
    /// Whether it is with its agency, or was sent back by it and must be placed by a person.
    pub fn is_open(&self) -> bool {
        is_open(self.state)
    }
}

/// Whether a step in the state of this number is open.
pub(super) fn is_open(state: i32) -> bool {
    use contract::v1::StepState::{Declined, Due, Held, PossiblyHeld};
    [Due, PossiblyHeld, Held, Declined]
        .map(i32::from)
        .contains(&state)
}

/// Something that a desk is told. It names people: it is kept for as long as the dossier's personal
/// values, and erased with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// The desk.
    pub desk: AgencyCode,
    /// The notice, as the contract encodes it.
    pub bytes: Vec<u8>,
}

/// An agency that may have a document because of this dossier. The agency that names a document is
/// granted it too: a document that nobody was granted expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The agency.
    pub agency: AgencyCode,
    /// The document.
    pub digest: Digest,
}

/// Something taken from the vault: shown to its owner's desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultUse {
    /// Its code in the vault.
    pub code: String,
    /// The dossier that took it.
    pub dossier_id: DossierId,
    /// What for: the procedure.
    pub procedure: ProcedureCode,
    /// What for: the evidence, as that procedure names it.
    pub evidence: EvidenceName,
    /// When.
    pub at: Timestamp,
}

/// An agency wanted to ask the citizen for what is already held, and was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denied {
    /// Who.
    pub agency: AgencyCode,
    /// On which day.
    pub day: Date,
}

/// What an incident is about; while it is open there is one of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IncidentKey {
    /// One word, such as `DEPARTMENT_UNREACHABLE`.
    pub cause: String,
    /// The dossier, if it is about one.
    pub dossier_id: Option<DossierId>,
    /// The step, if it is about one.
    pub step: Option<StepId>,
    /// The agency, if it is about one.
    pub agency: Option<AgencyCode>,
}

/// What becomes of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncidentChange {
    /// It happened; the first time opens it, another time while it is open counts.
    Happened {
        /// What it is about.
        key: IncidentKey,
        /// What is the matter and the way out, in Vietnamese. Never personal values.
        vi: String,
        /// The same in English.
        en: String,
        /// When.
        at: Timestamp,
    },
    /// It is over; nothing when it is not open.
    Over {
        /// What it is about.
        key: IncidentKey,
        /// When.
        at: Timestamp,
    },
    /// A person closed it; nothing when it is not open.
    Closed {
        /// Its number.
        number: u64,
        /// When.
        at: Timestamp,
        /// What the audit says of it, if it was open.
        audit: Option<Box<Audit>>,
    },
}

/// What a courier remembers of a round that was not taken. Gone when the round is no longer owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptChange {
    /// The dossier.
    pub dossier_id: DossierId,
    /// The step.
    pub step: StepId,
    /// The round.
    pub round: u32,
    /// Attempts so far; 0 forgets them.
    pub attempts: u32,
    /// Not before.
    pub next_at: Timestamp,
    /// What the last one met: a reason word, never personal values.
    pub last_error: String,
}

/// Stops a dossier until a person has looked at it, or lets it go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantine {
    /// The dossier.
    pub dossier_id: DossierId,
    /// Why it is stopped; none lets it go on.
    pub why: Option<String>,
}

/// Asks for a block of numbers for a desk's dossier codes on a day. Numbers once given are never given
/// again, also when they were not used; which desk got which block is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeLease {
    /// The desk, by the code that goes into its dossier codes.
    pub desk: AgencyCode,
    /// The day.
    pub date: Date,
    /// The lowest number that may be given.
    pub floor: u64,
    /// How many; at least 1.
    pub count: u32,
    /// SHA-256 of who asks and of its id of the asking: asked again, it gets the block that it got
    /// then, whatever else is asked. None where nobody could ask again.
    pub request: Option<Digest>,
}

/// A block of numbers for a desk's dossier codes on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeBlock {
    /// The desk, by the code that goes into its dossier codes.
    pub desk: AgencyCode,
    /// The day.
    pub date: Date,
    /// The first number.
    pub first: u64,
    /// How many.
    pub count: u32,
}

/// A dossier whose personal values were erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erased {
    /// The dossier.
    pub dossier_id: DossierId,
    /// Documents that it no longer names; others may.
    pub documents: Vec<Digest>,
}

/// What sort of thing is kept by its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlobKind {
    /// A version of a procedure.
    Procedure,
    /// A version of the directory.
    Directory,
    /// A version of a calendar, complete in itself.
    Calendar,
    /// A schema of evidence data.
    Schema,
}

impl BlobKind {
    pub(super) fn number(self) -> i32 {
        match self {
            Self::Procedure => 1,
            Self::Directory => 2,
            Self::Calendar => 3,
            Self::Schema => 4,
        }
    }
}

/// Something kept by the SHA-256 of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// What sort.
    pub kind: BlobKind,
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Whether records go on where the dossier stands: in sequence and in chain.
pub(super) fn check_follows(
    records: &[Stored],
    sequence: u64,
    last_hash: Option<Digest>,
) -> Result<(), DossierFault> {
    let Some(first) = records.first() else {
        return Err(DossierFault::Refused("a change without records".into()));
    };
    if first.sequence != sequence + 1 {
        let expected = first.sequence.saturating_sub(1);
        return Err(DossierFault::Sequence {
            expected,
            found: sequence,
        });
    }
    let mut last = (sequence, last_hash);
    for record in records {
        if record.sequence != last.0 + 1 || record.previous_hash != last.1 {
            return Err(DossierFault::Chain);
        }
        last = (record.sequence, Some(record.hash));
    }
    Ok(())
}
