//! What the broker remembers: one writer that commits everything a batch changes at once, and
//! readers that see what is committed and nothing else.

mod audit;
mod change;
#[cfg(test)]
pub mod conformance;
mod fault;
mod found;
mod memory;
mod sqlite;
mod watch;

pub use self::{
    audit::{Audit, AuditFilter, Audited},
    change::{
        AttemptChange, Batch, Blob, BlobKind, Change, CodeBlock, CodeLease, Committed, Denied,
        Erased, Grant, IncidentChange, IncidentKey, NoticeRow, OwedKind, OwedRow, Quarantine,
        StepRow, Summary, VaultUse,
    },
    fault::{DossierFault, StoreError},
    found::{
        Attempt, Counts, Cursor, DossierRow, Incident, IncidentCursor, Loaded, Notice, Origin,
        Owed, OwedCursor, Position, StepCursor, StepFound,
    },
    memory::MemoryStore,
    sqlite::{SqliteConfig, SqliteStore},
    watch::{
        AttemptFound, CauseOpen, FlowRow, FoundDossier, LATE, Load, OpenCounts, PersonKey,
        SEARCH_TIME_MAX, Search, SearchPage, Suspended, Suspension, SuspensionChange, Tally,
        TallyKey, Watch,
    },
};

use dossier::{
    name::{AgencyCode, Digest, DossierCode, DossierId, EvidenceName, TerritoryCode},
    party::Identifier,
    vault::Finding,
};
use jiff::{Timestamp, civil::Date};
use std::sync::Arc;

/// Into how many partitions dossiers fall. The embedded store has one.
pub const PARTITIONS: u16 = 1;
/// Rows that one read gives at most, whatever is asked for.
pub const PAGE_ROWS_MAX: usize = 1_000;

/// The partition of a dossier: fixed by its id for ever.
#[allow(clippy::modulo_one)] // of the one partition of today
pub fn partition_of(dossier: &DossierId) -> u16 {
    u16::from_be_bytes([dossier.0[0], dossier.0[1]]) % PARTITIONS
}

/// The writer. There is one for a partition, and the ledger owns it.
pub trait Store: Send {
    /// Commits a batch in one transaction with one sync, and returns when it is durable. What one
    /// dossier changes is kept whole or not at all; the others go on.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of the batch is kept, or, after [`StoreError::Doubt`], nobody knows
    /// until the store is read again.
    fn commit(&mut self, batch: Batch) -> Result<Committed, StoreError>;

    /// Erases what is personal of closed dossiers, in one transaction: the values beside their
    /// records, what their desks were told, and their naming of documents. Their chains and the rows
    /// that they are found by stay. What went into the vault is the vault's, with the documents in it.
    /// One that is not closed, is quarantined, is not known or was erased before is passed over.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    fn erase(&mut self, dossiers: &[DossierId], at: Timestamp) -> Result<Vec<Erased>, StoreError>;

    /// Begins a new epoch, later than every one before it and than every one that a lost copy of
    /// this store may have had; to be told to everybody who holds something of ours.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    fn begin_epoch(&mut self, now: Timestamp) -> Result<Origin, StoreError>;

    /// A handle for reading; clones share its connections.
    fn reader(&self) -> Arc<dyn Reader>;
}

/// Reads what is committed. Calls block, each at most for the store's time limit
/// ([`StoreError::TimeLimit`]); lists give at most [`PAGE_ROWS_MAX`] rows. What is owed for a
/// quarantined dossier, its timers included, is not listed until the dossier may go on.
///
/// # Errors
/// Every call: [`StoreError`].
#[allow(clippy::missing_errors_doc)] // said once, above
pub trait Reader: Watch {
    /// What is known of a dossier at a glance.
    fn dossier(&self, id: &DossierId) -> Result<Option<DossierRow>, StoreError>;
    /// The dossier that has this code.
    fn by_code(&self, code: &DossierCode) -> Result<Option<DossierId>, StoreError>;
    /// A dossier with all its records, the first one first.
    fn load(&self, id: &DossierId) -> Result<Option<Loaded>, StoreError>;
    /// How many records a dossier had when the log had so many; none when it had no record.
    fn sequence_at(&self, id: &DossierId, position: u64) -> Result<u64, StoreError>;
    /// Dossiers, the newest first: those that one desk received or hands out, or of all desks; open
    /// ones or all. The next page begins after the `number` of the last.
    fn dossiers(
        &self,
        desk: Option<&AgencyCode>,
        open_only: bool,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DossierRow>, StoreError>;
    /// Dossiers that a desk received from an instant on and before another, the earliest first. The
    /// next page begins after the `received_at` and `number` of the last.
    fn register(
        &self,
        desk: &AgencyCode,
        from: Timestamp,
        until: Timestamp,
        after: Option<(Timestamp, u64)>,
        limit: usize,
    ) -> Result<Vec<DossierRow>, StoreError>;
    /// Dossiers that closed before an instant and may be erased, the first closed first.
    fn closed_before(&self, at: Timestamp, limit: usize) -> Result<Vec<DossierId>, StoreError>;
    /// What is owed to an agency, the earliest due first.
    fn owed_for(
        &self,
        agency: &AgencyCode,
        after: Option<&OwedCursor>,
        limit: usize,
    ) -> Result<Vec<Owed>, StoreError>;
    /// Every agency that anything is owed to, with the earliest due date.
    fn agencies_owed(&self) -> Result<Vec<(AgencyCode, Timestamp)>, StoreError>;
    /// Timers, the earliest first, up to an instant. A dossier whose timer has moved to later may be
    /// listed once more at the time before, with a `due_at` after that instant: it is to be set anew
    /// ([`Batch::timers`]), or it is listed again and again.
    fn timers_until(&self, until: Timestamp, limit: usize) -> Result<Vec<Owed>, StoreError>;
    /// The earliest timer, or the time at which one is to be set anew.
    fn next_timer(&self) -> Result<Option<Timestamp>, StoreError>;
    /// The open steps of an agency ([`StepRow::is_open`]) that are in one of these states, those of the
    /// dossier that was received first before others.
    fn steps_of(
        &self,
        agency: &AgencyCode,
        states: &[i32],
        after: Option<&StepCursor>,
        limit: usize,
    ) -> Result<Vec<StepFound>, StoreError>;
    /// Notices to a desk, in the order in which they were recorded.
    fn notices(
        &self,
        desk: &AgencyCode,
        after: &Cursor,
        limit: usize,
    ) -> Result<Vec<Notice>, StoreError>;
    /// Incidents, the newest first; of all causes or of one.
    fn incidents(
        &self,
        include_closed: bool,
        cause: Option<&str>,
        before: Option<IncidentCursor>,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError>;
    /// Whether this incident is open, however many newer ones there are. Reads page by page.
    fn is_incident_open(&self, key: &IncidentKey) -> Result<bool, StoreError> {
        let mut before = None;
        loop {
            let page = self.incidents(false, Some(&key.cause), before, PAGE_ROWS_MAX)?;
            if page.iter().any(|one| one.key == *key) {
                return Ok(true);
            }
            match page.last() {
                Some(last) if page.len() == PAGE_ROWS_MAX => before = Some(last.number),
                _ => return Ok(false),
            }
        }
    }
    /// What the vault has of this evidence for whoever is known by one of these numbers, the newest
    /// first, without what was superseded or erased. Whether it is valid still is not looked at. Whom
    /// it is about is not said: the parties of another dossier have other names.
    fn vault_of(
        &self,
        owner: &[Identifier],
        evidence: &[EvidenceName],
    ) -> Result<Vec<Finding>, StoreError>;
    /// Who took something from the vault, the first use first.
    fn vault_uses(&self, code: &str) -> Result<Vec<VaultUse>, StoreError>;
    /// How often each agency wanted to ask the citizen for what is already held.
    fn denials(&self) -> Result<Vec<(AgencyCode, u64)>, StoreError>;
    /// Where open dossiers belong, and which calendars their clocks follow: each pair once.
    fn calendars_followed(&self) -> Result<Vec<(TerritoryCode, Digest)>, StoreError>;
    /// Open dossiers of a territory whose clocks follow a calendar and that are not stopped, the
    /// oldest first, each with its `number`; the next page begins after the last one's.
    fn following(
        &self,
        territory: &TerritoryCode,
        calendar: &Digest,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, DossierId)>, StoreError>;
    /// Whether a number for codes of this desk and day was ever leased.
    fn was_leased(&self, desk: &AgencyCode, date: Date, number: u64) -> Result<bool, StoreError>;
    /// Something kept by its digest.
    fn blob(&self, kind: BlobKind, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError>;
    /// The digests of everything of a kind, in the order in which it came.
    fn blobs(&self, kind: BlobKind) -> Result<Vec<Digest>, StoreError>;
    /// Whether an agency was given a document, in any dossier.
    fn granted(&self, agency: &AgencyCode, digest: &Digest) -> Result<bool, StoreError>;
    /// Whether an agency was given a document in this dossier.
    fn granted_in(
        &self,
        agency: &AgencyCode,
        dossier: &DossierId,
        digest: &Digest,
    ) -> Result<bool, StoreError>;
    /// Whether any dossier names a document.
    fn names(&self, digest: &Digest) -> Result<bool, StoreError>;
    /// How much there is.
    fn counts(&self) -> Result<Counts, StoreError>;
    /// Which store this is.
    fn origin(&self) -> Result<Origin, StoreError>;
}
