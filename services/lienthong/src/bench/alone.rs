//! The ledger without lines, in this process: what the core and the store carry by themselves, and
//! batches that are ready for the store.

use super::{
    chain,
    control::now_ns,
    department::{stamp, stamped},
    proc::{self, Spent},
    shape::{DESK_SYSTEM, Shape},
    town::{TRUST_DOMAIN, write_rules},
};
use crate::town::Site;
use anyhow::{Context as _, anyhow};
use broker::{
    bell::Belfry,
    config::Limits,
    documents::{Documents, DocumentsConfig},
    hot::Hot,
    ledger::{Ledger, Means, Recorded},
    registry::{Registry, Sources},
    store::{
        Batch, Committed, Erased, MemoryStore, Origin, Reader, SqliteConfig, SqliteStore, Store,
        StoreError,
    },
    wire,
};
use contract::v1::{Completed, EvidenceInput, Item, Report, item, report};
use dossier::{
    decide::Action, department_notice::notices_owed, directory::Directory, name::DossierId,
};
use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use node::identity::{Identity, Role};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::sync::oneshot;

/// A ledger of this process.
pub(crate) struct Alone {
    ledger: Ledger,
    ended: oneshot::Receiver<Result<(), StoreError>>,
    directory: Arc<Directory>,
    shape: Shape,
    data: Vec<u8>,
    desk: String,
    departments: Vec<String>,
}

/// A store that remembers what it was given.
pub(crate) struct Recorder {
    store: MemoryStore,
    batches: Arc<Mutex<Vec<Batch>>>,
}

impl Recorder {
    /// An empty one, and what it was given.
    pub(crate) fn new() -> (Self, Arc<Mutex<Vec<Batch>>>) {
        let batches = Arc::default();
        let store = MemoryStore::new();
        let recorder = Self {
            store,
            batches: Arc::clone(&batches),
        };
        (recorder, batches)
    }
}

impl Store for Recorder {
    fn commit(&mut self, batch: Batch) -> Result<Committed, StoreError> {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.push(batch.clone());
        drop(batches);
        self.store.commit(batch)
    }

    fn erase(&mut self, dossiers: &[DossierId], at: Timestamp) -> Result<Vec<Erased>, StoreError> {
        self.store.erase(dossiers, at)
    }

    fn begin_epoch(&mut self, now: Timestamp) -> Result<Origin, StoreError> {
        self.store.begin_epoch(now)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        self.store.reader()
    }
}

/// What a dossier goes through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    /// Its procedure.
    pub(crate) procedure: &'static str,
    /// Steps that are completed; the next one is acknowledged if there is one.
    pub(crate) completed: usize,
    /// Steps that there are.
    pub(crate) steps: usize,
}

impl Alone {
    /// Opens a ledger on this store; `folder` holds its rules and documents.
    pub(crate) fn open(
        folder: &Path,
        shape: &Shape,
        mut store: Box<dyn Store>,
    ) -> anyhow::Result<Self> {
        let site = Site::found(folder, TRUST_DOMAIN)?;
        let nowhere = vec!["127.0.0.1:1".to_owned(); shape.offices.len()];
        write_rules(&site, shape, &nowhere)?;
        let sources = Sources {
            procedures: folder.join("procedures"),
            calendars: folder.join("calendars"),
            schemas: folder.join("schemas"),
            directory: folder.join("directory.toml"),
        };
        let registry = Registry::open(sources, store.as_mut())?;
        let directory = registry.directory();
        // Nobody waits at a line here, so nobody is sent away because it takes long.
        let limits = Limits {
            ledger_wait_ms_max: 600_000,
            ..Limits::default()
        };
        let documents = Documents::open(
            &folder.join("alone"),
            DocumentsConfig::default(),
            store.reader(),
        )?;
        let (ledger, ended) = Ledger::start(Means {
            store,
            registry,
            documents,
            hot: Hot::new(limits.dossiers_cached_max),
            belfry: Belfry::default(),
            limits,
            code_pattern: "{agency}-{yyyymmdd}-{number:7}".parse()?,
            persons: broker::persons::PersonIndex::random(),
            suspensions: broker::suspensions::Suspensions::default(),
        })?;
        let uri = |role, code: &str| Ok(Identity::new(TRUST_DOMAIN, role, code)?.uri());
        let departments = shape.offices.iter();
        let departments = departments.map(|one| uri(Role::Department, &one.name));
        Ok(Self {
            ledger,
            ended,
            directory,
            data: stamped(shape.filing.data_bytes),
            shape: shape.clone(),
            desk: uri(Role::Desk, DESK_SYSTEM)?,
            departments: departments.collect::<anyhow::Result<_>>()?,
        })
    }

    /// Sends so many dossiers on their course, so many of them at a time; gives the seconds.
    pub(crate) async fn drive(
        &self,
        dossiers: usize,
        in_flight: usize,
        course: Course,
    ) -> anyhow::Result<f64> {
        let (began, first) = (Instant::now(), now_ns());
        let mut going = stream::iter(0..dossiers as u64)
            .map(|number| self.send(first + number, course))
            .buffer_unordered(in_flight);
        while let Some(sent) = going.next().await {
            sent?;
        }
        Ok(began.elapsed().as_secs_f64())
    }

    async fn send(&self, number: u64, course: Course) -> anyhow::Result<()> {
        let mut request = self
            .shape
            .filing
            .request(number, stamp(&self.data, now_ns()));
        request.procedure_code = course.procedure.to_owned();
        let submit = wire::submit(&request, &self.directory).map_err(refused)?;
        let mut now = self.ledger.submit(self.desk.clone(), submit).await?;
        for number in 1..=(course.completed + 1).min(course.steps) {
            self.acknowledge(&now, number).await?;
            if number <= course.completed {
                now = self.complete(&now, number).await?;
            }
        }
        self.tell(&now).await
    }

    /// The departments have every notice that is owed to them.
    async fn tell(&self, now: &Recorded) -> anyhow::Result<()> {
        for (notice, agency, _) in notices_owed(&now.dossier) {
            let action = Action::Notify {
                agency,
                notice,
                refused: false,
            };
            self.ledger.happen(now.dossier.id, None, action).await?;
        }
        Ok(())
    }

    async fn acknowledge(&self, now: &Recorded, number: usize) -> anyhow::Result<()> {
        let step = chain::step(number)
            .parse()
            .map_err(|_| anyhow!("no step"))?;
        let action = Action::Acknowledge { step, round: 1 };
        self.ledger.happen(now.dossier.id, None, action).await?;
        Ok(())
    }

    async fn complete(&self, now: &Recorded, number: usize) -> anyhow::Result<Recorded> {
        let step_id = chain::step(number);
        let found = now.dossier.steps.iter();
        let mut found = found.filter(|(id, _)| id.as_str() == step_id);
        let (_, step) = found.next().context("the dossier has no such step")?;
        let item = Item {
            item_id: format!("{}-{step_id}", now.dossier.id),
            kind: Some(item::Kind::Report(Report {
                dossier_id: now.dossier.id.to_string(),
                step_id,
                round: 1,
                agency_code: step.agency.to_string(),
                kind: Some(report::Kind::Completed(Completed {
                    evidence: vec![EvidenceInput {
                        name: chain::paper(number),
                        data: stamp(&self.data, now_ns()),
                        ..EvidenceInput::default()
                    }],
                    note: String::new(),
                })),
                ..Report::default()
            })),
            ..Default::default()
        };
        let parsed = wire::report(&item, &self.directory).map_err(refused)?;
        let system = &self.departments[(number - 1) % self.departments.len()];
        Ok(self.ledger.report(system.clone(), parsed).await?)
    }

    /// Ends it and waits until its store is closed.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        drop(self.ledger);
        self.ended.await.context("the ledger's thread panicked")??;
        Ok(())
    }
}

fn refused(fault: node::fault::Fault) -> anyhow::Error {
    let status = fault.into_status();
    anyhow!("what the bench says is refused: {}", status.message())
}

/// What the store alone spent.
pub(crate) struct Replayed {
    /// On all threads.
    pub(crate) spent: Spent,
    /// How many commits there were.
    pub(crate) commits: u64,
}

/// Gives a new embedded store in `folder` the changes of these batches, with so many in each commit: some
/// before, so that the store is no longer new, and some that are measured. Making them ready is not.
pub(crate) fn replay(
    folder: &Path,
    before: &[Batch],
    measured: &[Batch],
    changes_per_commit: usize,
) -> anyhow::Result<Replayed> {
    let mut store = SqliteStore::open(folder, SqliteConfig::default())?;
    commit(&mut store, in_commits_of(changes_per_commit, before))?;
    let ready = in_commits_of(changes_per_commit, measured);
    let (used, commits) = (proc::used(std::process::id())?, ready.len() as u64);
    commit(&mut store, ready)?;
    let spent = used.until(&proc::used(std::process::id())?);
    Ok(Replayed { spent, commits })
}

fn in_commits_of(changes_per_commit: usize, batches: &[Batch]) -> Vec<Batch> {
    let mut changes = batches.iter().flat_map(|batch| &batch.changes);
    let mut ready = Vec::new();
    loop {
        let some = changes.by_ref().take(changes_per_commit).cloned();
        let changes: Vec<_> = some.collect();
        if changes.is_empty() {
            return ready;
        }
        ready.push(Batch {
            changes,
            ..Batch::default()
        });
    }
}

fn commit(store: &mut SqliteStore, batches: Vec<Batch>) -> anyhow::Result<()> {
    for batch in batches {
        for change in store.commit(batch)?.changes {
            change.map_err(|fault| anyhow!("the store would not have a change: {fault}"))?;
        }
    }
    Ok(())
}
