//! The ledger's thread: one turn after another, each of them apply, record, answer, act.

use super::{
    Condition, Job, Means, Recorded, Reply,
    change::{After, News, Work},
    waiting::Waiting,
};
use crate::{
    bell,
    board::Fresh,
    causes,
    codes::Codes,
    documents::Pin,
    failure::Failure,
    hot::Committed,
    store::{
        Batch, Committed as Kept, DossierFault, IncidentChange, IncidentKey, Quarantine, Reader,
        StoreError,
    },
    wire::Submit,
};
use dossier::{
    Dossier, Refusal,
    name::{AgencyCode, DossierId},
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

/// How often the store is tried while it takes nothing.
const PROBE_INTERVAL: Duration = Duration::from_millis(500);

pub(super) struct Keeper {
    pub(super) means: Means,
    pub(super) reader: Arc<dyn Reader>,
    pub(super) codes: Codes,
    pub(super) condition: Arc<Condition>,
    pub(super) in_trouble: bool,
    /// What the last commit kept is not known, and nobody was told of it.
    pub(super) in_doubt: bool,
    /// Dossiers that are still to be quarantined, and why.
    pub(super) stops: BTreeMap<DossierId, String>,
    /// What ends the process after this turn's jobs.
    pub(super) fatal: Option<StoreError>,
}

/// A reply that waits for the commit. A refusal waits too: what it rests on may not be kept.
pub(super) enum Pending {
    Refusal {
        /// What it rests on, if that is a dossier.
        dossier: Option<DossierId>,
        failure: Failure,
        reply: Reply<Recorded>,
    },
    Dossier {
        id: DossierId,
        at: Timestamp,
        /// It was recorded before: it gets no place in the log, whatever else its batch holds.
        is_repeated: bool,
        minted: Option<Box<Submit>>,
        system: Arc<str>,
        reply: Reply<Recorded>,
    },
    Note {
        reply: Reply<()>,
    },
}

/// What became of each dossier: its state and position, or why the store would not have it.
pub(super) type Results = HashMap<DossierId, Result<(Arc<Dossier>, u64), DossierFault>>;

/// Everything between two commits.
#[derive(Default)]
pub(super) struct Turn {
    pub(super) works: HashMap<DossierId, Box<Work>>,
    pub(super) batch: Batch,
    pub(super) pending: Vec<Pending>,
    pub(super) pins: Vec<Pin>,
}

impl Keeper {
    pub(super) fn run(&mut self, mut waiting: Waiting) -> Result<(), StoreError> {
        loop {
            let patience = self.in_trouble.then_some(PROBE_INTERVAL);
            let Some(mut jobs) = waiting.take(patience) else {
                return Ok(());
            };
            if jobs.is_empty() && self.in_trouble {
                self.probe()?;
            }
            while !jobs.is_empty() {
                jobs = self.turn(std::mem::take(&mut jobs))?;
            }
        }
    }

    /// One turn: apply, record, answer, act. Gives back the jobs that must be tried again.
    fn turn(&mut self, jobs: Vec<Job>) -> Result<Vec<Job>, StoreError> {
        let mut turn = Turn::of(jobs.len());
        let commands = jobs.len() as u64;
        for job in jobs {
            self.apply(&mut turn, job);
        }
        if let Some(error) = self.fatal.take() {
            return Err(error);
        }
        #[cfg(feature = "faults")]
        self.answer_before_it_is_recorded(&mut turn);
        let Turn {
            works,
            mut batch,
            pending,
            pins,
        } = turn;
        let mut after = Vec::with_capacity(works.len());
        batch.changes.reserve(works.len());
        for work in works.into_values() {
            let (change, then) = work.into_change();
            batch.changes.extend(change);
            after.push(then);
        }
        // Those that change first, in the order of their changes.
        after.sort_by_key(|then| then.last_hash.is_none());

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
        let condition = &self.condition;
        condition.commands.fetch_add(commands, Ordering::Relaxed);
        let mut news = Vec::with_capacity(after.len());
        let results = self.keep(after, kept, &mut news);
        let again = answer(pending, &results);
        self.act(news);
        self.stop()?;
        Ok(again)
    }

    /// As one that answers from a page cache that a loss of power takes with it.
    #[cfg(feature = "faults")]
    fn answer_before_it_is_recorded(&self, turn: &mut Turn) {
        if !node::breakage::is("answer before it is recorded") {
            return;
        }
        let position = self.condition.position.load(Ordering::Relaxed) + 1;
        let dossiers = turn
            .works
            .iter()
            .map(|(id, work)| (*id, work.dossier.clone()));
        let results = dossiers.map(|(id, dossier)| (id, Ok((dossier, position))));
        let results: Results = results.collect();
        answer(std::mem::take(&mut turn.pending), &results);
        std::thread::sleep(Duration::from_millis(400));
    }

    /// Commits. The outer error ends the process; the inner one is what everybody waiting is told.
    fn record(&mut self, batch: Batch) -> Result<Result<Kept, Failure>, StoreError> {
        let nothing = batch.changes.is_empty()
            && batch.timers.is_empty()
            && batch.blobs.is_empty()
            && batch.incidents.is_empty()
            && batch.attempts.is_empty()
            && batch.quarantines.is_empty()
            && batch.suspensions.is_empty()
            && batch.audits.is_empty();
        if nothing {
            self.no_more_doubt();
            return Ok(Ok(Kept {
                changes: vec![],
                code_leases: vec![],
                incidents: 0,
            }));
        }
        let suspended = batch.suspensions.clone();
        let began = Instant::now();
        match self.means.store.commit(batch) {
            Ok(kept) => {
                self.condition.commit_seconds.took(began.elapsed());
                let suspensions = suspended.len() as u64;
                for change in suspended {
                    self.means.suspensions.take(change);
                }
                self.means.belfry.commits.ring(bell::Committed {
                    changes: kept.changes.len() as u64,
                    incidents: kept.incidents,
                    suspensions,
                });
                self.recovered();
                self.no_more_doubt();
                let (condition, changes) = (&self.condition, kept.changes.len() as u64);
                condition.commits.fetch_add(1, Ordering::Relaxed);
                condition.changes.fetch_add(changes, Ordering::Relaxed);
                Ok(Ok(kept))
            }
            Err(StoreError::Doubt(why)) => {
                tracing::error!(why, "a commit is in doubt; everything is read again");
                self.means.hot.clear();
                self.in_doubt = true;
                Ok(Err(Failure::Doubt))
            }
            Err(error @ (StoreError::SyncFailed(_) | StoreError::Corrupt(_))) => Err(error),
            Err(error) => {
                self.troubled(&error);
                Ok(Err(Failure::Storage(error.to_string())))
            }
        }
    }

    /// The store was opened again after a doubt: whoever would have been told looks there.
    fn no_more_doubt(&mut self) {
        if std::mem::take(&mut self.in_doubt) {
            let belfry = &self.means.belfry;
            belfry.owed.send_to_the_store();
            belfry.notices.ring_all();
            belfry.timers.committed(Timestamp::MIN);
            belfry.commits.ring(bell::Committed {
                changes: 1,
                incidents: 1,
                suspensions: 1,
            });
        }
    }

    pub(super) fn troubled(&mut self, error: &StoreError) {
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

    /// Quarantines what the store would not have, so that a person looks at it.
    fn stop(&mut self) -> Result<(), StoreError> {
        if self.stops.is_empty() {
            return Ok(());
        }
        let at = Timestamp::now();
        let mut batch = Batch::default();
        for (dossier_id, why) in &self.stops {
            quarantine(&mut batch, *dossier_id, why.clone(), at);
        }
        if self.record(batch)?.is_ok() {
            self.stops.clear();
        }
        Ok(())
    }

    /// Tries the store by writing down that it took nothing.
    fn probe(&mut self) -> Result<(), StoreError> {
        let at = Timestamp::now();
        let key = IncidentKey {
            cause: causes::STORAGE_UNAVAILABLE.word.into(),
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
        self.stop()
    }

    /// Only what is committed is kept hot.
    fn keep(&mut self, after: Vec<After>, kept: Kept, told: &mut Vec<News>) -> Results {
        let mut positions = kept.changes.into_iter();
        let mut results = HashMap::with_capacity(after.len());
        for After {
            dossier,
            last_hash,
            lines,
            news,
        } in after
        {
            let id = dossier.id;
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
                        is_erased: false,
                    });
                    lines.iter().for_each(|line| line.say(dossier.code()));
                    told.push(news);
                    results.insert(id, Ok((dossier, position.number)));
                }
                Some(Err(fault)) => {
                    tracing::error!(dossier_code = %dossier.code(), %fault, "a dossier was not recorded");
                    self.means.hot.forget(&id);
                    if matches!(fault, DossierFault::Chain | DossierFault::Refused(_)) {
                        self.stops.insert(id, fault.to_string());
                    }
                    results.insert(id, Err(fault));
                }
                None => {
                    self.means.hot.forget(&id);
                }
            }
        }
        results
    }

    /// Tells couriers what is owed now, and rings whoever has something new to read.
    fn act(&self, news: Vec<News>) {
        let belfry = &self.means.belfry;
        let mut owed: HashMap<AgencyCode, Vec<Fresh>> = HashMap::new();
        let mut desks = BTreeSet::new();
        let mut next_alarm = None;
        for one in news {
            for (agency, fresh) in one.fresh {
                owed.entry(agency).or_default().push(fresh);
            }
            desks.extend(one.desks);
            next_alarm = [next_alarm, one.next_alarm].into_iter().flatten().min();
        }
        for (agency, fresh) in owed {
            belfry.owed.post(&agency, fresh);
        }
        for desk in &desks {
            belfry.notices.ring(desk);
        }
        if let Some(at) = next_alarm {
            belfry.timers.committed(at);
        }
    }
}

/// Stops a dossier, and tells a person.
pub(super) fn quarantine(batch: &mut Batch, dossier_id: DossierId, why: String, at: Timestamp) {
    if batch
        .quarantines
        .iter()
        .any(|one| one.dossier_id == dossier_id)
    {
        return;
    }
    batch.quarantines.push(Quarantine {
        dossier_id,
        why: Some(why),
    });
    batch.incidents.push(IncidentChange::Happened {
        key: IncidentKey {
            cause: causes::DOSSIER_QUARANTINED.word.into(),
            dossier_id: Some(dossier_id),
            step: None,
            agency: None,
        },
        vi: "Hồ sơ đã được tạm dừng vì dữ liệu lưu trữ không đọc hoặc không ghi tiếp được. Kiểm tra kho dữ liệu trước khi cho đi tiếp.".into(),
        en: "the dossier is stopped because its records cannot be read or go on; look at the store before it goes on".into(),
        at,
    });
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
pub(super) fn answer(pending: Vec<Pending>, results: &Results) -> Vec<Job> {
    let mut again = Vec::new();
    for one in pending {
        match one {
            Pending::Note { reply } => drop(reply.send(Ok(()))),
            Pending::Refusal {
                dossier,
                failure,
                reply,
            } => {
                let rests_on = dossier.and_then(|id| results.get(&id));
                // What it was refused for did not come to be.
                let is_void = rests_on.is_some_and(Result::is_err);
                drop(reply.send(Err(if is_void { Failure::Doubt } else { failure })));
            }
            Pending::Dossier {
                id,
                at,
                is_repeated,
                minted,
                system,
                reply,
            } => match (results.get(&id), minted) {
                (Some(Ok((dossier, position))), _) => {
                    let recorded = Recorded {
                        dossier: dossier.clone(),
                        at,
                        position: if is_repeated { 0 } else { *position },
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
