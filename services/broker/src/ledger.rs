//! The ledger: apply, record, answer, act. One thread drains what is waiting, applies it to copies,
//! commits it in one transaction, syncs once, and only then answers and rings the couriers.

mod change;
#[cfg(test)]
mod tests;

use crate::{
    bell::Belfry,
    codes::{self, Codes},
    config::Limits,
    documents::{CheckError, Documents, Pin},
    failure::Failure,
    hot::{Committed, Hot, LoadError},
    registry::Registry,
    store::{
        AttemptChange, Batch, Blob, Committed as Kept, DossierFault, IncidentChange, IncidentKey,
        Origin, Quarantine, Reader, Store, StoreError,
    },
    wire::{ReportItem, Submit},
};
use change::Work;
use dossier::{
    Decided, Dossier, Refusal,
    decide::{Action, Happening, Statement, decide},
    event::Cause,
    evidence::{Document, Given},
    intake::{self, Submission},
    name::{AgencyCode, DossierCode, DossierId},
};
use jiff::Timestamp;
use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// How often the store is tried while it takes nothing.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);

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
        system: String,
        submit: Box<Submit>,
        reply: Reply<Recorded>,
    },
    Report {
        system: String,
        item: Box<ReportItem>,
        reply: Reply<Recorded>,
    },
    Happen {
        dossier: DossierId,
        happening: Box<(Option<Cause>, Action)>,
        reply: Reply<Recorded>,
    },
    Note {
        note: Box<Note>,
        reply: Reply<()>,
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
    /// Versions of procedures or of the directory.
    pub blobs: Vec<Blob>,
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
}

/// A handle on the ledger. Cheap to clone; when the last one is gone, the ledger ends.
#[derive(Debug, Clone)]
pub struct Ledger {
    jobs: mpsc::Sender<Job>,
    condition: Arc<Condition>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Submit { .. } => "Submit",
            Self::Report { .. } => "Report",
            Self::Happen { .. } => "Happen",
            Self::Note { .. } => "Note",
            Self::BeginEpoch { .. } => "BeginEpoch",
        })
    }
}

/// What the ledger works with.
pub struct Means {
    /// The store, which it alone writes.
    pub store: Box<dyn Store>,
    /// Procedures and directory.
    pub registry: Registry,
    /// Whose documents are.
    pub documents: Documents,
    /// Hot dossiers, which it alone writes.
    pub hot: Hot,
    /// Whom it wakes.
    pub belfry: Belfry,
    /// Its limits.
    pub limits: Limits,
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
        let (jobs, waiting) = mpsc::channel(means.limits.ledger_waiting_max.max(1));
        let (ended, end) = oneshot::channel();
        let condition = Arc::new(Condition::default());
        let reader = means.store.reader();
        let origin = reader.origin()?;
        condition.takes.store(true, Ordering::Relaxed);
        condition.epoch.store(origin.epoch, Ordering::Relaxed);
        condition
            .position
            .store(reader.counts()?.records, Ordering::Relaxed);
        let mut keeper = Keeper {
            means,
            reader,
            origin,
            codes: Codes::default(),
            condition: condition.clone(),
            in_trouble: false,
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
        Ok((Self { jobs, condition }, end))
    }

    /// What others may know of it.
    pub fn condition(&self) -> &Condition {
        &self.condition
    }

    /// Whether this store was ever restored from a copy.
    pub fn was_restored(&self) -> bool {
        self.condition.epoch.load(Ordering::Relaxed) > 0
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Failure> {
        let (reply, answer) = oneshot::channel();
        self.jobs
            .try_send(job(reply))
            .map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => Failure::Busy,
                mpsc::error::TrySendError::Closed(_) => Failure::Stopping,
            })?;
        // A dropped reply is a commit in doubt, or a stop in the middle of one.
        answer.await.unwrap_or(Err(Failure::Doubt))
    }

    /// Receives a dossier.
    ///
    /// # Errors
    /// [`Failure`].
    pub async fn submit(&self, system: String, submit: Submit) -> Result<Recorded, Failure> {
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
    pub async fn report(&self, system: String, item: ReportItem) -> Result<Recorded, Failure> {
        self.ask(|reply| Job::Report {
            system,
            item: Box::new(item),
            reply,
        })
        .await
    }

    /// Lets something happen to a dossier.
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
            reply,
        })
        .await
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

struct Keeper {
    means: Means,
    reader: Arc<dyn Reader>,
    origin: Origin,
    codes: Codes,
    condition: Arc<Condition>,
    in_trouble: bool,
}

/// A reply that waits for the commit. A refusal waits too: what it rests on may not be kept.
enum Pending {
    Refusal {
        failure: Failure,
        reply: Reply<Recorded>,
    },
    Dossier {
        id: DossierId,
        at: Timestamp,
        minted: Option<Box<Submit>>,
        system: String,
        reply: Reply<Recorded>,
    },
    Note {
        reply: Reply<()>,
    },
}

/// Everything between two commits.
#[derive(Default)]
struct Turn {
    works: HashMap<DossierId, Work>,
    batch: Batch,
    pending: Vec<Pending>,
    pins: Vec<Pin>,
}

impl Keeper {
    fn run(&mut self, mut waiting: mpsc::Receiver<Job>) -> Result<(), StoreError> {
        let mut jobs = Vec::new();
        while let Some(first) = self.next(&mut waiting) {
            jobs.extend(first);
            while jobs.len() < self.means.limits.ledger_batch_max.max(1) {
                match waiting.try_recv() {
                    Ok(job) => jobs.push(job),
                    Err(_) => break,
                }
            }
            if jobs.is_empty() {
                self.probe()?;
            }
            while !jobs.is_empty() {
                jobs = self.turn(std::mem::take(&mut jobs))?;
            }
        }
        Ok(())
    }

    /// The next job; nothing after a while when the store must be tried; none at the end.
    fn next(&self, waiting: &mut mpsc::Receiver<Job>) -> Option<Option<Job>> {
        if !self.in_trouble {
            return waiting.blocking_recv().map(Some);
        }
        match waiting.try_recv() {
            Ok(job) => Some(Some(job)),
            Err(mpsc::error::TryRecvError::Disconnected) => None,
            Err(mpsc::error::TryRecvError::Empty) => {
                std::thread::park_timeout(PROBE_INTERVAL);
                Some(None)
            }
        }
    }

    /// One turn: apply, record, answer, act. Gives back the jobs that must be tried again.
    fn turn(&mut self, jobs: Vec<Job>) -> Result<Vec<Job>, StoreError> {
        let mut turn = Turn::default();
        for job in jobs {
            self.apply(&mut turn, job);
        }
        let Turn {
            works,
            mut batch,
            pending,
            pins,
        } = turn;
        let mut after = Vec::with_capacity(works.len());
        for work in works.into_values() {
            if work.is_changed() {
                let (change, dossier, last_hash) = work.into_change();
                batch.changes.push(change);
                after.push((dossier, last_hash));
            } else {
                after.push((work.dossier, None));
            }
        }
        after.sort_by_key(|(_, hash)| hash.is_none());

        let kept = match self.record(batch)? {
            Ok(kept) => kept,
            Err(failure) => {
                for one in pending {
                    one.fail(failure.clone());
                }
                return Ok(Vec::new());
            }
        };
        drop(pins);
        let results = self.keep(after, kept);
        let again = answer(pending, &results);
        self.act(&results);
        Ok(again)
    }

    fn apply(&mut self, turn: &mut Turn, job: Job) {
        let now = Timestamp::now();
        match job {
            Job::Submit {
                system,
                submit,
                reply,
            } => match self.submitted(turn, &system, &submit, now) {
                Ok((id, at, minted)) => {
                    let minted = minted.then_some(submit);
                    turn.pending.push(Pending::Dossier {
                        id,
                        at,
                        minted,
                        system,
                        reply,
                    });
                }
                Err(failure) => {
                    let failure = self.told(turn, failure, None, now);
                    turn.pending.push(Pending::Refusal { failure, reply });
                }
            },
            Job::Report {
                system,
                item,
                reply,
            } => {
                let id = item.dossier_id;
                match self.reported(turn, &system, *item, now) {
                    Ok(at) => {
                        turn.pending.push(Pending::Dossier {
                            id,
                            at,
                            minted: None,
                            system,
                            reply,
                        });
                    }
                    Err(failure) => {
                        let failure = self.told(turn, failure, Some(id), now);
                        turn.pending.push(Pending::Refusal { failure, reply });
                    }
                }
            }
            Job::Happen {
                dossier: id,
                happening,
                reply,
            } => {
                let (cause, action) = *happening;
                match self.happened(
                    turn,
                    id,
                    Happening {
                        at: now,
                        cause,
                        action,
                    },
                ) {
                    Ok(at) => turn.pending.push(Pending::Dossier {
                        id,
                        at,
                        minted: None,
                        system: String::new(),
                        reply,
                    }),
                    Err(failure) => turn.pending.push(Pending::Refusal { failure, reply }),
                }
            }
            Job::Note { note, reply } => {
                turn.batch.incidents.extend(note.incidents);
                turn.batch.attempts.extend(note.attempts);
                turn.batch.blobs.extend(note.blobs);
                turn.pending.push(Pending::Note { reply });
            }
            Job::BeginEpoch { reply } => {
                let begun = self.means.store.begin_epoch(now);
                if let Ok(origin) = &begun {
                    self.origin = *origin;
                    self.codes = Codes::default();
                    self.condition.epoch.store(origin.epoch, Ordering::Relaxed);
                }
                let _ = reply.send(begun.map_err(|error| Failure::Storage(error.to_string())));
            }
        }
    }

    /// Some refusals are also something that a person must look at.
    fn told(
        &self,
        turn: &mut Turn,
        failure: Failure,
        dossier_id: Option<DossierId>,
        at: Timestamp,
    ) -> Failure {
        let (cause, vi, en) = match &failure {
            Failure::Refused(Refusal::IdReused) => (
                "ID_REUSED",
                "Một hệ thống gửi lại mã cũ với nội dung khác. Kiểm tra phần mềm của hệ thống đó.",
                "a system used an id again with other content; look at that system's software",
            ),
            Failure::Refused(Refusal::ReturnLimit { .. }) => (
                "RETURN_LIMIT",
                "Giấy tờ đã được trả lại nhiều lần. Cần người có thẩm quyền quyết định.",
                "evidence went back as often as it may; a person must decide",
            ),
            _ => return failure,
        };
        let key = IncidentKey {
            cause: cause.to_owned(),
            dossier_id,
            step: None,
            agency: None,
        };
        turn.batch.incidents.push(IncidentChange::Happened {
            key,
            vi: vi.to_owned(),
            en: en.to_owned(),
            at,
        });
        failure
    }

    /// The dossier as this turn has it so far.
    fn work<'t>(
        &mut self,
        turn: &'t mut Turn,
        id: DossierId,
    ) -> Result<Option<&'t mut Work>, Failure> {
        if let Entry::Vacant(place) = turn.works.entry(id) {
            match self.means.hot.read(self.reader.as_ref(), &id) {
                Ok(None) => return Ok(None),
                Ok(Some(Committed { dossier, last_hash })) => {
                    place.insert(Work::new((*dossier).clone(), Some(last_hash)));
                }
                Err(LoadError::Quarantined(_)) => return Err(Failure::Quarantined),
                Err(LoadError::Unreadable(why)) => {
                    tracing::error!(dossier_id = %id, %why, "a dossier cannot be read; quarantined");
                    let why = Some(why.to_string());
                    turn.batch.quarantines.push(Quarantine {
                        dossier_id: id,
                        why,
                    });
                    return Err(Failure::Quarantined);
                }
                Err(LoadError::Store(error)) => return Err(Failure::Storage(error.to_string())),
            }
        }
        Ok(turn.works.get_mut(&id))
    }

    fn submitted(
        &mut self,
        turn: &mut Turn,
        system: &str,
        submit: &Submit,
        at: Timestamp,
    ) -> Result<(DossierId, Timestamp, bool), Failure> {
        let key = &submit.submission.key;
        let id = DossierId::derive(system, key);
        if let Some(work) = self.work(turn, id)? {
            let seen = work.dossier.seen.get(&(system.to_owned(), key.clone()));
            return match seen {
                Some(seen) if seen.digest == submit.digest => Ok((id, seen.at, false)),
                _ => Err(Refusal::IdReused.into()),
            };
        }
        let procedures = self.means.registry.procedures();
        let procedure = procedures
            .in_force(&submit.procedure_code, at)
            .ok_or(Failure::UnknownProcedure)?;
        let directory = self.means.registry.directory();
        // Checked before a code is taken, so that a wrong submit costs none.
        intake::check(&submit.submission, procedure, &directory, at)?;
        let Submission { desk, evidence, .. } = &submit.submission;
        self.pin(turn, system, desk, &id, evidence, at)?;
        let (code, minted) = self.code(submit, at)?;
        let cause = Cause {
            system: system.to_owned(),
            item_id: key.clone(),
            digest: submit.digest,
            claimed_at: submit.submission.filed_at,
        };
        let decided = intake::receive(
            id,
            code,
            submit.submission.clone(),
            cause,
            procedure,
            &directory,
            at,
        )?;
        let mut work = Work::new(decided.dossier.clone(), None);
        work.take(None, &decided.entries, decided.dossier);
        turn.works.insert(id, work);
        Ok((id, at, minted))
    }

    fn code(&mut self, submit: &Submit, at: Timestamp) -> Result<(DossierCode, bool), Failure> {
        let desk = &submit.submission.desk;
        match &submit.code {
            Some(code) if codes::is_of(desk, code) => Ok((code.clone(), false)),
            Some(_) => Err(Refusal::CodeTaken.into()),
            None => self
                .codes
                .next(desk, at, self.origin, self.means.store.as_mut())
                .map(|code| (code, true))
                .map_err(|error| Failure::Storage(error.to_string())),
        }
    }

    /// Naming a document needs that this system uploaded it, or that its agency was given it here.
    /// What is named stays until the turn is over.
    fn pin(
        &self,
        turn: &mut Turn,
        system: &str,
        agency: &AgencyCode,
        dossier: &DossierId,
        given: &[Given],
        at: Timestamp,
    ) -> Result<(), Failure> {
        for (n, one) in given.iter().enumerate() {
            for (m, document) in one.documents.iter().enumerate() {
                let Document {
                    digest, size_bytes, ..
                } = document;
                match self.means.documents.check_named(
                    system,
                    agency,
                    dossier,
                    digest,
                    *size_bytes,
                    at,
                ) {
                    Ok(pin) => turn.pins.push(pin),
                    Err(CheckError::NotYours) => {
                        let field = format!("evidence[{n}].documents[{m}]");
                        return Err(Failure::DocumentNotYours { field });
                    }
                    Err(error @ CheckError::Unread(_)) => {
                        return Err(Failure::Storage(error.to_string()));
                    }
                }
            }
        }
        Ok(())
    }

    fn reported(
        &mut self,
        turn: &mut Turn,
        system: &str,
        item: ReportItem,
        at: Timestamp,
    ) -> Result<Timestamp, Failure> {
        let ReportItem {
            item_id,
            digest,
            dossier_id,
            claimed_at,
            report,
        } = item;
        let Some(work) = self.work(turn, dossier_id)? else {
            return Err(Failure::UnknownDossier);
        };
        if !work.dossier.concerns(report.agency.as_str()) {
            return Err(Failure::UnknownDossier);
        }
        if let Statement::Completed { evidence, .. } | Statement::Correction { evidence, .. } =
            &report.statement
        {
            let is_repetition = work
                .dossier
                .seen
                .contains_key(&(system.to_owned(), item_id.clone()));
            if !is_repetition {
                self.pin(turn, system, &report.agency, &dossier_id, evidence, at)?;
            }
        }
        let cause = Cause {
            system: system.to_owned(),
            item_id,
            digest,
            claimed_at,
        };
        let happening = Happening {
            at,
            cause: Some(cause),
            action: Action::Report(report),
        };
        self.happened(turn, dossier_id, happening)
    }

    fn happened(
        &mut self,
        turn: &mut Turn,
        id: DossierId,
        happening: Happening,
    ) -> Result<Timestamp, Failure> {
        let procedures = self.means.registry.procedures();
        let Some(work) = self.work(turn, id)? else {
            return Err(Failure::UnknownDossier);
        };
        let procedure = procedures
            .version(&work.dossier.received.procedure_digest)
            .ok_or(Failure::Quarantined)?;
        let Decided {
            dossier,
            entries,
            at,
            ..
        } = decide(&work.dossier, procedure, happening)?;
        if !entries.is_empty() {
            let before = work.dossier.clone();
            work.take(Some(&before), &entries, dossier);
        }
        Ok(at)
    }

    /// Commits. The outer error ends the process; the inner one is what everybody waiting is told.
    fn record(&mut self, batch: Batch) -> Result<Result<Kept, Failure>, StoreError> {
        let nothing = batch.changes.is_empty()
            && batch.blobs.is_empty()
            && batch.incidents.is_empty()
            && batch.attempts.is_empty()
            && batch.quarantines.is_empty();
        if nothing {
            return Ok(Ok(Kept {
                changes: vec![],
                code_leases: vec![],
            }));
        }
        match self.means.store.commit(batch) {
            Ok(kept) => {
                self.recovered();
                Ok(Ok(kept))
            }
            Err(StoreError::Doubt(why)) => {
                tracing::error!(why, "a commit is in doubt; everything is read again");
                self.means.hot.clear();
                Ok(Err(Failure::Doubt))
            }
            Err(error @ (StoreError::SyncFailed(_) | StoreError::Corrupt(_))) => Err(error),
            Err(error) => {
                self.troubled(&error);
                Ok(Err(Failure::Storage(error.to_string())))
            }
        }
    }

    fn troubled(&mut self, error: &StoreError) {
        if !std::mem::replace(&mut self.in_trouble, true) {
            tracing::error!(%error, "the store takes nothing; it is tried again by itself");
        }
        self.condition.takes.store(false, Ordering::Relaxed);
    }

    fn recovered(&mut self) {
        if std::mem::take(&mut self.in_trouble) {
            tracing::info!("the store takes again");
        }
        self.condition.takes.store(true, Ordering::Relaxed);
    }

    /// Tries the store by writing down that it took nothing.
    fn probe(&mut self) -> Result<(), StoreError> {
        let at = Timestamp::now();
        let key = IncidentKey {
            cause: "STORAGE_UNAVAILABLE".into(),
            dossier_id: None,
            step: None,
            agency: None,
        };
        let vi = "Bộ nhớ đã có lúc không ghi được. Kiểm tra dung lượng đĩa.".to_owned();
        let en = "the store took nothing for a while; look at the disk's room".to_owned();
        let incidents = vec![
            IncidentChange::Happened {
                key: key.clone(),
                vi,
                en,
                at,
            },
            IncidentChange::Over { key, at },
        ];
        let _ = self.record(Batch {
            incidents,
            ..Batch::default()
        })?;
        Ok(())
    }

    /// Only what is committed is kept hot.
    fn keep(
        &mut self,
        after: Vec<(Dossier, Option<dossier::name::Digest>)>,
        kept: Kept,
    ) -> HashMap<DossierId, Result<(Arc<Dossier>, u64), DossierFault>> {
        let mut positions = kept.changes.into_iter();
        let mut results = HashMap::with_capacity(after.len());
        for (dossier, last_hash) in after {
            let id = dossier.id;
            let dossier = Arc::new(dossier);
            let Some(last_hash) = last_hash else {
                results.insert(id, Ok((dossier, 0)));
                continue;
            };
            match positions.next() {
                Some(Ok(position)) => {
                    self.condition
                        .position
                        .fetch_max(position.number, Ordering::Relaxed);
                    self.means.hot.keep(Committed {
                        dossier: dossier.clone(),
                        last_hash,
                    });
                    results.insert(id, Ok((dossier, position.number)));
                }
                Some(Err(fault)) => {
                    tracing::error!(dossier_code = %dossier.code(), %fault, "a dossier was not recorded");
                    self.means.hot.forget(&id);
                    results.insert(id, Err(fault));
                }
                None => {
                    self.means.hot.forget(&id);
                }
            }
        }
        results
    }

    /// Rings whoever has something new to read.
    fn act(&self, results: &HashMap<DossierId, Result<(Arc<Dossier>, u64), DossierFault>>) {
        let belfry = &self.means.belfry;
        let mut owed_to = HashSet::new();
        let mut desks = HashSet::new();
        for (dossier, position) in results.values().flatten() {
            if *position == 0 {
                continue;
            }
            desks.insert(&dossier.received.desk);
            desks.insert(&dossier.received.hand_out_desk);
            owed_to.extend(
                dossier
                    .steps
                    .values()
                    .filter(|step| step.stage.is_owed())
                    .map(|step| &step.agency),
            );
            owed_to.extend(dossier.recalls.values().map(|recall| &recall.agency));
        }
        for agency in owed_to {
            belfry.owed.ring(agency);
        }
        for desk in &desks {
            belfry.notices.ring(desk);
        }
        if !desks.is_empty() {
            belfry.timers.notify_one();
        }
    }
}

impl Pending {
    fn fail(self, failure: Failure) {
        match self {
            Self::Dossier { reply, .. } | Self::Refusal { reply, .. } => {
                drop(reply.send(Err(failure)));
            }
            Self::Note { reply } => drop(reply.send(Err(failure))),
        }
    }
}

/// Answers everybody. Gives back the submits whose new code turned out to be in use.
fn answer(
    pending: Vec<Pending>,
    results: &HashMap<DossierId, Result<(Arc<Dossier>, u64), DossierFault>>,
) -> Vec<Job> {
    let mut again = Vec::new();
    for one in pending {
        match one {
            Pending::Note { reply } => drop(reply.send(Ok(()))),
            Pending::Refusal { failure, reply } => drop(reply.send(Err(failure))),
            Pending::Dossier {
                id,
                at,
                minted,
                system,
                reply,
            } => match (results.get(&id), minted) {
                (Some(Ok((dossier, position))), _) => {
                    let recorded = Recorded {
                        dossier: dossier.clone(),
                        at,
                        position: *position,
                    };
                    drop(reply.send(Ok(recorded)));
                }
                (Some(Err(DossierFault::CodeTaken(_))), Some(submit)) => {
                    again.push(Job::Submit {
                        system,
                        submit,
                        reply,
                    });
                }
                (Some(Err(DossierFault::CodeTaken(_))), None) => {
                    drop(reply.send(Err(Refusal::CodeTaken.into())));
                }
                (Some(Err(_)) | None, _) => drop(reply.send(Err(Failure::Doubt))),
            },
        }
    }
    again
}
