//! The ledger: apply, record, answer, act. One thread drains what is waiting, applies it to copies,
//! commits it in one transaction, syncs once, and only then answers and rings the couriers.

mod apply;
mod change;
mod counts;
mod keeper;
mod line;
pub(crate) mod tally;
#[cfg(test)]
mod tests;
mod trouble;
mod waiting;

use crate::{
    bell::Belfry,
    codes::Codes,
    config::Limits,
    documents::Documents,
    failure::Failure,
    hot::Hot,
    persons::PersonIndex,
    registry::Registry,
    store::{
        AttemptChange, Audit, Blob, Erased, IncidentChange, Origin, Quarantine, Store, StoreError,
        SuspensionChange,
    },
    suspensions::Suspensions,
    wire::{ReportItem, Submit},
};
pub(crate) use change::notice_row;
pub use counts::{CommitSeconds, Refused};
use dossier::{
    Dossier,
    code::CodePattern,
    decide::Action,
    event::Cause,
    name::{AgencyCode, Digest, DossierCode, DossierId, Key},
};
use jiff::Timestamp;
use keeper::Keeper;
use node::traces::{self, Kind, Tracer};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::sync::oneshot;
use waiting::Door;
pub use waiting::Lines;

/// How long after a restore others may still bring what this store lacks: as long as desks and
/// departments keep what was recorded, 30 days.
const RESTORED_FOR_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// What was recorded.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// The dossier as it is committed.
    pub dossier: Arc<Dossier>,
    /// When it was recorded; for a repetition, the first time.
    pub at: Timestamp,
    /// The position in the log; 0 for a repetition.
    pub position: u64,
}

type Reply<T> = oneshot::Sender<Result<T, Failure>>;

/// Something for the ledger to do.
enum Job {
    Submit {
        system: Arc<str>,
        submit: Box<Submit>,
        reply: Reply<Recorded>,
    },
    Report {
        system: Arc<str>,
        item: Box<ReportItem>,
        reply: Reply<Recorded>,
    },
    Happen {
        dossier: DossierId,
        happening: Box<(Option<Cause>, Action)>,
        asked: Option<Box<Asked>>,
        reply: Reply<Recorded>,
    },
    LeaseCodes {
        desk: AgencyCode,
        count: u32,
        request: Digest,
        reply: Reply<Vec<DossierCode>>,
    },
    Note {
        note: Box<Note>,
        reply: Reply<()>,
    },
    Erase {
        dossiers: Vec<DossierId>,
        reply: Reply<Vec<Erased>>,
    },
    BeginEpoch {
        reply: Reply<Origin>,
    },
}

/// Things kept beside the dossiers' events.
#[derive(Debug, Default)]
pub struct Note {
    /// Incidents.
    pub incidents: Vec<IncidentChange>,
    /// The couriers' attempts.
    pub attempts: Vec<AttemptChange>,
    /// Versions of procedures, calendars, schemas or of the directory.
    pub blobs: Vec<Blob>,
    /// Dossiers whose timers are to be set anew.
    pub timers: Vec<DossierId>,
    /// Dossiers that are stopped, or may go on.
    pub quarantines: Vec<Quarantine>,
    /// What operators suspend and resume.
    pub suspensions: Vec<SuspensionChange>,
    /// What operators did.
    pub audits: Vec<Audit>,
}

/// What an operator wants done with a dossier, for the audit log.
pub struct Asked {
    /// Who: the operator's identity.
    pub operator: String,
    /// The console that spoke for the operator.
    pub via: Option<String>,
    /// The call, such as `MoveStep`.
    pub call: &'static str,
    /// The step that it is about.
    pub subject: String,
    /// Why.
    pub reason: String,
    /// How the dossier stands, as far as the act is about it. Never personal values.
    pub describe: Box<dyn Fn(&Dossier) -> String + Send>,
}

/// What others may know of the ledger at any time.
#[derive(Debug, Default)]
pub struct Condition {
    /// The store takes what it is given.
    pub takes: AtomicBool,
    /// The highest position committed.
    pub position: AtomicU64,
    /// The epoch.
    pub epoch: AtomicU64,
    /// Transactions committed, each with one sync, since the start.
    pub commits: AtomicU64,
    /// Commands that were answered by them.
    pub commands: AtomicU64,
    /// Changes of dossiers in them.
    pub changes: AtomicU64,
    /// How long commits took, their sync included.
    pub commit_seconds: CommitSeconds,
    /// What was not recorded, by the reason word of the refusal.
    pub refused: Refused,
}

impl Condition {
    /// Whether this store was restored from a copy a short while ago, and others may hold what it
    /// does not know yet.
    pub fn was_restored(&self) -> bool {
        let began = i64::try_from(self.epoch.load(Ordering::Relaxed)).unwrap_or_default();
        let age_ms = Timestamp::now().as_millisecond().saturating_sub(began);
        began > 0 && age_ms < RESTORED_FOR_MS
    }
}

/// A handle on the ledger. Cheap to clone; when the last one is gone, the ledger ends.
#[derive(Debug, Clone)]
pub struct Ledger {
    door: Door,
    condition: Arc<Condition>,
    tracer: Tracer,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Submit { .. } => "Submit",
            Self::Report { .. } => "Report",
            Self::Happen { .. } => "Happen",
            Self::LeaseCodes { .. } => "LeaseCodes",
            Self::Note { .. } => "Note",
            Self::Erase { .. } => "Erase",
            Self::BeginEpoch { .. } => "BeginEpoch",
        })
    }
}

/// What the ledger works with.
pub struct Means {
    /// The store, which it alone writes.
    pub store: Box<dyn Store>,
    /// Procedures, calendars, schemas and directory.
    pub registry: Registry,
    /// Whose documents are.
    pub documents: Documents,
    /// Hot dossiers, which it alone writes.
    pub hot: Hot,
    /// Whom it wakes.
    pub belfry: Belfry,
    /// Its limits.
    pub limits: Limits,
    /// How dossier codes are written.
    pub code_pattern: CodePattern,
    /// How persons are found.
    pub persons: PersonIndex,
    /// What is suspended, which it tells of when it is recorded.
    pub suspensions: Suspensions,
}

impl Ledger {
    /// Starts the ledger's thread. It ends, and says how, when every handle is gone or the store
    /// can no longer be trusted.
    ///
    /// # Errors
    /// The store does not say which it is.
    pub fn start(
        means: Means,
    ) -> Result<(Self, oneshot::Receiver<Result<(), StoreError>>), StoreError> {
        let (door, waiting) = waiting::room(means.limits);
        let (ended, end) = oneshot::channel();
        let condition = Arc::new(Condition::default());
        let reader = means.store.reader();
        let origin = reader.origin()?;
        condition.takes.store(true, Ordering::Relaxed);
        condition.epoch.store(origin.epoch, Ordering::Relaxed);
        condition
            .position
            .store(reader.counts()?.records, Ordering::Relaxed);
        let codes = Codes::new(means.code_pattern);
        let mut keeper = Keeper {
            means,
            reader,
            codes,
            condition: condition.clone(),
            in_trouble: false,
            in_doubt: false,
            stops: BTreeMap::new(),
            fatal: None,
        };
        let spawned = std::thread::Builder::new()
            .name("ledger".into())
            .spawn(move || {
                let outcome = keeper.run(waiting);
                // Nobody listens any more when the broker is already gone.
                let _ = ended.send(outcome);
            });
        spawned
            .map_err(|error| StoreError::Failed(format!("no thread for the ledger: {error}")))?;
        let ledger = Self {
            door,
            condition,
            tracer: Tracer::default(),
        };
        Ok((ledger, end))
    }

    /// The same; what it records for a span is a span.
    #[must_use]
    pub fn traced(self, tracer: Tracer) -> Self {
        Self { tracer, ..self }
    }

    /// What others may know of it.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// The epoch: higher after each restore from a copy.
    pub fn epoch(&self) -> u64 {
        self.condition.epoch.load(Ordering::Relaxed)
    }

    /// Whether this store was restored from a copy a short while ago, and others may hold what it
    /// does not know yet.
    pub fn was_restored(&self) -> bool {
        self.condition.was_restored()
    }

    /// Whether a submit would be taken now, asked before it is read: to refuse one at once costs nearly
    /// nothing.
    ///
    /// # Errors
    /// [`Failure::Busy`].
    pub fn lets_begin(&self) -> Result<(), Failure> {
        self.condition.refused.note(self.door.lets_begin())
    }

    /// How much waits for it.
    pub fn waiting(&self) -> Lines {
        self.door.waiting()
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            self.door.enter(job(reply)).await?;
            // A dropped reply is a commit in doubt, or a stop in the middle of one.
            answer.await.unwrap_or(Err(Failure::Doubt))
        };
        let mut span = traces::current().map(|_| self.tracer.child("record", Kind::Internal));
        let outcome = self.condition.refused.note(asked.await);
        if let (Some(span), Err(failure)) = (&mut span, &outcome) {
            span.failed(failure.reason());
        }
        outcome
    }

    /// Files a dossier, or files and receives it in one.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn submit(
        &self,
        system: impl Into<Arc<str>>,
        submit: Submit,
    ) -> Result<Recorded, Failure> {
        let system = system.into();
        self.ask(|reply| Job::Submit {
            system,
            submit: Box::new(submit),
            reply,
        })
        .await
    }

    /// Takes what a department says.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn report(
        &self,
        system: impl Into<Arc<str>>,
        item: ReportItem,
    ) -> Result<Recorded, Failure> {
        let system = system.into();
        self.ask(|reply| Job::Report {
            system,
            item: Box::new(item),
            reply,
        })
        .await
    }

    /// Lets something happen to a dossier. With a cause, documents that it names must be those of the
    /// cause's system.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn happen(
        &self,
        dossier: DossierId,
        cause: Option<Cause>,
        action: Action,
    ) -> Result<Recorded, Failure> {
        self.ask(|reply| Job::Happen {
            dossier,
            happening: Box::new((cause, action)),
            asked: None,
            reply,
        })
        .await
    }

    /// As [`happen`](Self::happen), at an operator's wish: it is recorded together with who did it. A
    /// repetition is recorded once.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn act(
        &self,
        dossier: DossierId,
        cause: Cause,
        action: Action,
        asked: Asked,
    ) -> Result<Recorded, Failure> {
        self.ask(|reply| Job::Happen {
            dossier,
            happening: Box::new((Some(cause), action)),
            asked: Some(Box::new(asked)),
            reply,
        })
        .await
    }

    /// Gives a desk a block of dossier codes, its own for ever. The same system gets the same block
    /// under the same id.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn lease_codes(
        &self,
        system: String,
        request_id: Key,
        desk: AgencyCode,
        count: u32,
    ) -> Result<Vec<DossierCode>, Failure> {
        let request = Digest::of(format!("lease\0{system}\0{request_id}").as_bytes());
        self.ask(|reply| Job::LeaseCodes {
            desk,
            count,
            request,
            reply,
        })
        .await
    }

    /// Erases what is personal of closed dossiers. Those that may not be erased are passed over.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn erase(&self, dossiers: Vec<DossierId>) -> Result<Vec<Erased>, Failure> {
        self.ask(|reply| Job::Erase { dossiers, reply }).await
    }

    /// Keeps something beside the dossiers' events.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn note(&self, note: Note) -> Result<(), Failure> {
        self.ask(|reply| Job::Note {
            note: Box::new(note),
            reply,
        })
        .await
    }

    /// Begins a new epoch: this store was restored from an older copy.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn begin_epoch(&self) -> Result<Origin, Failure> {
        self.ask(|reply| Job::BeginEpoch { reply }).await
    }
}
