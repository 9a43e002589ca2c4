//! What operators look at: searches, counts, what is suspended, and what was done.

use super::{Attempt, AuditFilter, Audited, DossierRow, Incident, IncidentCursor, StoreError};
use crate::causes;
use dossier::name::{AgencyCode, DossierId, ProcedureCode, StepId, TerritoryCode};
use jiff::{Timestamp, civil::Date};
use std::time::Duration;

/// How long one search looks; then it gives what it found, and where to go on.
pub const SEARCH_TIME_MAX: Duration = Duration::from_millis(25);
/// Incidents that say that somebody is late with a dossier.
pub const LATE: [&str; 6] = [
    causes::LIMIT_PASSED.word,
    causes::PROMISE_PASSED.word,
    causes::INTAKE_LIMIT_PASSED.word,
    causes::LOOK_UP_SILENT.word,
    causes::CONSULTATION_SILENT.word,
    causes::PAYMENT_OVERDUE.word,
];

/// What people search dossiers by; what is none does not narrow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// The department that has an open step of it.
    pub agency: Option<AgencyCode>,
    /// The step that is open; with `agency`, at that department.
    pub step: Option<StepId>,
    /// The number of its state in the contract (`lienthong.v1.DossierState`).
    pub state: Option<i32>,
    /// The procedure.
    pub procedure: Option<ProcedureCode>,
    /// The receiving desk.
    pub desk: Option<AgencyCode>,
    /// Where the case belongs.
    pub territory: Option<TerritoryCode>,
    /// Received, or filed, at this instant or later.
    pub received_from: Option<Timestamp>,
    /// Received, or filed, before this instant.
    pub received_until: Option<Timestamp>,
    /// Only those that are not closed.
    pub open: bool,
    /// Only those with an open incident of [`LATE`].
    pub overdue: bool,
    /// Only those with an open incident.
    pub stuck: bool,
}

impl Search {
    /// Whether a dossier is wanted.
    pub(super) fn wants_found(&self, found: &FoundDossier) -> bool {
        (!self.stuck || found.incidents_open > 0)
            && (!self.overdue || found.is_late)
            && self.wants(&found.row)
    }

    /// Whether a dossier is wanted, by its row alone.
    pub(super) fn wants(&self, row: &DossierRow) -> bool {
        let summary = &row.summary;
        let at = |one: &super::StepRow| {
            self.agency
                .as_ref()
                .is_none_or(|agency| one.agency == *agency)
                && self.step.as_ref().is_none_or(|step| one.step == *step)
                && one.is_open()
        };
        let quarantined = i32::from(contract::v1::DossierState::Quarantined);
        (!self.open || summary.closed_at.is_none())
            && self.state.is_none_or(|state| match state == quarantined {
                true => row.quarantined.is_some(),
                false => summary.state == state && row.quarantined.is_none(),
            })
            && self
                .procedure
                .as_ref()
                .is_none_or(|one| summary.procedure == *one)
            && self.desk.as_ref().is_none_or(|one| summary.desk == *one)
            && self
                .territory
                .as_ref()
                .is_none_or(|one| summary.territory == *one)
            && self
                .received_from
                .is_none_or(|from| summary.received_at >= from)
            && self
                .received_until
                .is_none_or(|until| summary.received_at < until)
            && (self.agency.is_none() && self.step.is_none() || row.steps.iter().any(at))
    }
}

/// A dossier that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDossier {
    /// At a glance.
    pub row: DossierRow,
    /// How many incidents of it are open.
    pub incidents_open: u32,
    /// Whether one of [`LATE`] is among them.
    pub is_late: bool,
}

/// What a search found until it stopped.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPage {
    /// The newest first.
    pub found: Vec<FoundDossier>,
    /// The number to go on before; none when there is no more.
    pub next: Option<u64>,
}

/// A keyed hash of a person's name or number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonKey(pub [u8; 16]);

/// Open incidents of one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CauseOpen {
    /// The cause.
    pub cause: String,
    /// How many.
    pub count: u64,
    /// Since when the oldest is open.
    pub oldest_at: Timestamp,
}

/// Open steps between a desk and a department.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowRow {
    /// The receiving desk.
    pub desk: AgencyCode,
    /// The procedure.
    pub procedure: ProcedureCode,
    /// The step.
    pub step: StepId,
    /// The department.
    pub agency: AgencyCode,
    /// How many steps are open.
    pub open: u64,
    /// How many of them are past their limit.
    pub overdue: u64,
}

/// How open dossiers stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OpenCounts {
    /// Not closed.
    pub open: u64,
    /// Of them, waiting for the citizen.
    pub waiting_for_citizen: u64,
    /// Of them, with an open incident of [`LATE`].
    pub overdue: u64,
}

/// How much an agency has before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// The agency.
    pub agency: AgencyCode,
    /// Handovers, look-ups and notices owed to it.
    pub owed: u64,
    /// The earliest due date among them.
    pub first_due_at: Option<Timestamp>,
    /// Since when the oldest of them is owed, by this machine's clock; a due date that moves changes nothing.
    pub owed_since: Option<Timestamp>,
    /// Steps that are open at it.
    pub open_steps: u64,
}

/// A round that was not taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptFound {
    /// The step.
    pub step: StepId,
    /// The round.
    pub round: u32,
    /// What the courier remembers.
    pub attempt: Attempt,
}

/// What an operator may suspend.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suspended {
    /// Nothing is handed over to this department.
    Department(AgencyCode),
    /// No new dossier of this procedure is taken.
    Procedure(ProcedureCode),
}

/// Something that is suspended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// What.
    pub what: Suspended,
    /// Since when.
    pub since: Timestamp,
    /// Who did it.
    pub operator: String,
    /// Why.
    pub reason: String,
}

/// Suspends or resumes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuspensionChange {
    /// It is suspended; nothing when it is already.
    Suspend(Suspension),
    /// It goes on; nothing when it is not suspended.
    Resume(Suspended),
}

/// How often something happened on a day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TallyKey {
    /// The day in Asia/Ho_Chi_Minh.
    pub day: Date,
    /// What.
    pub name: &'static str,
    /// Of whom.
    pub agency: AgencyCode,
    /// The bucket of a histogram, else 0.
    pub bucket: u8,
}

/// A sum over days of how often something happened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tally {
    /// What.
    pub name: String,
    /// Of whom.
    pub agency: AgencyCode,
    /// The bucket of a histogram, else 0.
    pub bucket: u8,
    /// How often.
    pub count: u64,
}

/// Reads what operators look at. As [`Reader`](super::Reader): calls block for a bounded time and see what
/// is committed.
///
/// # Errors
/// Every call: [`StoreError`].
#[allow(clippy::missing_errors_doc)] // said once, above
pub trait Watch: Send + Sync {
    /// Dossiers that are wanted, the newest first, before a `number`. Looks for [`SEARCH_TIME_MAX`].
    fn search(
        &self,
        search: &Search,
        before: Option<u64>,
        limit: usize,
    ) -> Result<SearchPage, StoreError>;
    /// A dossier as a search would show it.
    fn found(&self, id: &DossierId) -> Result<Option<FoundDossier>, StoreError>;
    /// Dossiers of whoever has this key, the newest first, before a `number`.
    fn of_person(
        &self,
        key: &PersonKey,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<FoundDossier>, StoreError>;
    /// Dossiers that changed after a position of the log, each once, and the position up to which that is
    /// so. At most so many.
    fn changed_after(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<(Vec<FoundDossier>, u64), StoreError>;
    /// One incident.
    fn incident(&self, number: IncidentCursor) -> Result<Option<Incident>, StoreError>;
    /// Incidents of a dossier, closed ones too, the newest first.
    fn incidents_of(&self, id: &DossierId, limit: usize) -> Result<Vec<Incident>, StoreError>;
    /// Open incidents, by cause.
    fn causes_open(&self) -> Result<Vec<CauseOpen>, StoreError>;
    /// Rounds of a dossier that were not taken yet.
    fn attempts_of(&self, id: &DossierId) -> Result<Vec<AttemptFound>, StoreError>;
    /// Where the open steps are.
    fn flows(&self) -> Result<Vec<FlowRow>, StoreError>;
    /// How open dossiers stand.
    fn open_counts(&self) -> Result<OpenCounts, StoreError>;
    /// Open dossiers of each procedure.
    fn open_by_procedure(&self) -> Result<Vec<(ProcedureCode, u64)>, StoreError>;
    /// What each agency has before it; those with nothing are left out.
    fn loads(&self) -> Result<Vec<Load>, StoreError>;
    /// What is suspended.
    fn suspensions(&self) -> Result<Vec<Suspension>, StoreError>;
    /// What operators did, the newest first, before a number.
    fn audits(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, StoreError>;
    /// What happened from a day on and before another, summed.
    fn tallies(&self, from: Date, until: Date) -> Result<Vec<Tally>, StoreError>;
    /// Who wanted to ask the citizen for what is held, from a day on and before another.
    fn denied(&self, from: Date, until: Date) -> Result<Vec<(AgencyCode, u64)>, StoreError>;
}
