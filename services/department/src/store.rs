//! The department's memory: what it was handed over, what it says of it, and the documents of both.

mod inbox;
mod notices;
mod outbox;
mod retention;

pub(crate) use inbox::handover_documents;
use inbox::{HANDLED, RECEIVED, SUPERSEDED};
pub use inbox::{Kept, Received};
pub use notices::{Due, KeptNotice};
pub(crate) use outbox::NOBODYS_TROUBLE;
pub use outbox::{HoldingRow, Reply, Reported, Waiting};

use contract::v1;
use node::{
    documents::{Digest, Documents},
    embedded::{Embedded, EmbeddedError},
};
use rusqlite::{Connection, OptionalExtension as _};
use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

/// The file in the store folder.
const FILE_NAME: &str = "department.db";
/// The folder in the store folder.
const DOCUMENTS: &str = "documents";

const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE inbox (
    sequence INTEGER PRIMARY KEY,
    dossier_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    dossier_code TEXT NOT NULL,
    handover_id TEXT NOT NULL,
    identity BLOB NOT NULL,
    bytes BLOB NOT NULL,
    state INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    UNIQUE (dossier_id, step_id, round)
) STRICT;
CREATE INDEX inbox_received ON inbox (sequence) WHERE state = 0;
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY,
    item_id TEXT NOT NULL UNIQUE,
    dossier_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    dossier_code TEXT NOT NULL,
    bytes BLOB NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    position INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX outbox_waiting ON outbox (sequence) WHERE state = 0;
CREATE INDEX outbox_step ON outbox (dossier_id, step_id, round);
CREATE TABLE document_use (
    dossier_id TEXT NOT NULL,
    digest BLOB NOT NULL,
    PRIMARY KEY (dossier_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_use_digest ON document_use (digest);
CREATE TABLE closed (dossier_id TEXT PRIMARY KEY, closed_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX closed_at ON closed (closed_at);
CREATE TABLE incident (
    incident_id INTEGER PRIMARY KEY,
    cause TEXT NOT NULL,
    item_id TEXT NOT NULL UNIQUE,
    dossier_code TEXT NOT NULL,
    step_id TEXT NOT NULL,
    opened_at INTEGER NOT NULL,
    description TEXT NOT NULL
) STRICT;
",
    "
ALTER TABLE inbox ADD COLUMN life TEXT NOT NULL DEFAULT '';
",
    "
CREATE TABLE notice (
    dossier_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    kind INTEGER NOT NULL,
    number INTEGER NOT NULL,
    round INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    recorded_at INTEGER NOT NULL,
    life TEXT NOT NULL,
    told INTEGER NOT NULL,
    PRIMARY KEY (dossier_id, step_id, kind)
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_untold ON notice (recorded_at) WHERE told = 0;
-- What stays of a dossier that was let go: how far each step had come, so that an old round that comes
-- late is not worked on again. Nothing in it is personal.
CREATE TABLE let_go (
    dossier_id TEXT NOT NULL,
    step_id TEXT NOT NULL,
    round INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    life TEXT NOT NULL,
    PRIMARY KEY (dossier_id, step_id)
) STRICT, WITHOUT ROWID;
",
];

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// See the message.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// Make room, or make the folder writable.
    #[error("cannot write the documents folder: {0}; make room or make it writable")]
    Documents(#[from] io::Error),
    /// Start the release that wrote it.
    #[error("a row of {table} cannot be read: {source}; start the release that wrote it")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong.
        source: prost::DecodeError,
    },
}

impl StoreError {
    /// A write whose end is not known.
    pub(crate) fn interrupted() -> Self {
        Self::Embedded(EmbeddedError::Closed)
    }
}

/// Names one round of a step.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Round {
    /// The dossier.
    pub dossier_id: String,
    /// The step.
    pub step_id: String,
    /// The round, from 1.
    pub round: u32,
}

/// What was seen of the broker's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The highest position; 0 when none.
    pub position: u64,
    /// The broker's start in which it stood, as it names it; empty when none.
    pub start: String,
}

/// Something that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The reason word of the refusal.
    pub cause: String,
    /// The item that was refused.
    pub item_id: String,
    /// The dossier's code.
    pub dossier_code: String,
    /// The step.
    pub step_id: String,
    /// What the broker said.
    pub description: String,
}

/// The handle. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    embedded: Embedded,
    documents: Documents,
    store_id: Arc<str>,
    epoch: Arc<str>,
    sequence: Arc<AtomicI64>,
}

impl Store {
    /// Opens the store in `folder`, made when it is new, for this process alone.
    ///
    /// # Errors
    /// [`EmbeddedError::InUse`] when a twin of this department runs on the folder.
    pub async fn open(folder: &Path) -> Result<Self, StoreError> {
        let embedded = Embedded::open(folder, FILE_NAME, MIGRATIONS)?;
        let documents = Documents::open(folder.join(DOCUMENTS))?;
        documents.clear_cut_puts()?;
        let (store_id, epoch, last) = embedded.write(identify).await?;
        Ok(Self {
            embedded,
            documents,
            store_id: store_id.into(),
            epoch: epoch.into(),
            sequence: Arc::new(AtomicI64::new(last)),
        })
    }

    /// Names the store; new when a disk was lost.
    pub fn store_id(&self) -> &str {
        &self.store_id
    }

    /// Names the store's life; new with a new store.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The documents.
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Waits until the disk failed to sync: the process must end then.
    pub async fn lost(&self) {
        self.embedded.lost().await;
    }

    /// Gives up this handle and waits until the folder can be opened again.
    pub async fn close(self) {
        self.embedded.close().await;
    }

    /// Whether the store can be written now.
    pub async fn probe(&self) -> Result<(), StoreError> {
        let put = "INSERT INTO meta VALUES ('probed_at', ?1)
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let now = now_us();
        self.embedded
            .write(move |c| c.prepare_cached(put)?.execute([now]))
            .await?;
        let path = self.documents.path(&[0; 32]).with_extension("probe");
        tokio::fs::write(&path, [0; 4096]).await?;
        tokio::fs::remove_file(&path).await?;
        Ok(())
    }

    /// What was seen of the broker's log.
    pub async fn seen(&self) -> Result<Seen, StoreError> {
        // In one statement: the start must not be older than the position.
        let sql = "SELECT COALESCE((SELECT value FROM meta WHERE key = 'position_seen'), 0),
                          COALESCE((SELECT value FROM meta WHERE key = 'start_seen'), '')";
        let seen = self.embedded.read(move |c| {
            c.query_row(sql, [], |row| {
                Ok(Seen {
                    position: row.get::<_, i64>(0)?.cast_unsigned(),
                    start: row.get(1)?,
                })
            })
        });
        Ok(seen.await?)
    }

    /// How much a person must look at.
    pub async fn incident_count(&self) -> Result<u64, StoreError> {
        let sql = "SELECT COUNT(*) FROM incident";
        let count = self
            .embedded
            .read(move |c| c.query_row(sql, [], |row| row.get(0)));
        Ok(count.await.map(i64::cast_unsigned)?)
    }

    /// How many rounds are received and not done, are handled, are superseded.
    pub async fn inbox_counts(&self) -> Result<[u64; 3], StoreError> {
        let counts = self.embedded.read(|c| {
            let sql = "SELECT COUNT(*) FROM inbox WHERE state = ?1";
            let mut counts = [0; 3];
            for (count, state) in counts.iter_mut().zip([RECEIVED, HANDLED, SUPERSEDED]) {
                let counted: i64 = c
                    .prepare_cached(sql)?
                    .query_row([state], |row| row.get(0))?;
                *count = counted.cast_unsigned();
            }
            Ok(counts)
        });
        Ok(counts.await?)
    }

    /// What a person must look at, oldest first.
    pub async fn incidents(&self) -> Result<Vec<Incident>, StoreError> {
        let sql = "SELECT cause, item_id, dossier_code, step_id, description
                   FROM incident ORDER BY incident_id LIMIT 1000";
        let incidents = self.embedded.read(move |c| {
            let mut rows = c.prepare_cached(sql)?;
            let incidents = rows.query_map([], |row| {
                Ok(Incident {
                    cause: row.get(0)?,
                    item_id: row.get(1)?,
                    dossier_code: row.get(2)?,
                    step_id: row.get(3)?,
                    description: row.get(4)?,
                })
            })?;
            incidents.collect()
        });
        Ok(incidents.await?)
    }
}

/// Gives a new store its names; reads those of an old one, and the last sequence number.
fn identify(c: &Connection) -> rusqlite::Result<(String, String, i64)> {
    let mut names = Vec::new();
    for key in ["store_id", "epoch"] {
        let new = uuid::Uuid::new_v4().simple().to_string();
        c.execute("INSERT OR IGNORE INTO meta VALUES (?1, ?2)", [key, &new])?;
        names.push(c.query_row("SELECT value FROM meta WHERE key = ?1", [key], |r| r.get(0))?);
    }
    let last = "SELECT MAX(COALESCE((SELECT MAX(sequence) FROM inbox), 0),
                           COALESCE((SELECT MAX(sequence) FROM outbox), 0),
                           COALESCE((SELECT value FROM meta WHERE key = 'sequence'), 0))";
    let last = c.query_row(last, [], |row| row.get(0))?;
    let epoch = names.pop().unwrap_or_default();
    Ok((names.pop().unwrap_or_default(), epoch, last))
}

/// The next sequence number. Taken on the writer's thread alone, so that a higher one is never
/// committed before a lower one.
fn next(sequence: &AtomicI64) -> i64 {
    sequence.fetch_add(1, Ordering::Relaxed) + 1
}

/// Writes down that a dossier uses these documents; false when one of them is not here. Documents
/// are removed on the writer's thread alone, so that none goes between this look and the commit.
fn use_documents(
    c: &Connection,
    documents: &Documents,
    dossier_id: &str,
    digests: &[Digest],
) -> rusqlite::Result<bool> {
    if !digests.iter().all(|digest| documents.path(digest).exists()) {
        return Ok(false);
    }
    let sql = "INSERT OR IGNORE INTO document_use VALUES (?1, ?2)";
    for digest in digests {
        c.prepare_cached(sql)?
            .execute(rusqlite::params![dossier_id, digest])?;
    }
    Ok(true)
}

/// The documents that evidence names, each once.
pub(crate) fn documents_of<'a>(
    documents: impl Iterator<Item = &'a v1::Document>,
) -> Vec<(Digest, u64)> {
    let mut found: Vec<(Digest, u64)> = documents
        .filter_map(|d| Some((Digest::try_from(d.digest.as_ref()).ok()?, d.size_bytes)))
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// Microseconds since 1970, UTC.
pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// An instant of the store as the wire has it.
pub(crate) fn timestamp(us: i64) -> prost_types::Timestamp {
    let nanos = us.rem_euclid(1_000_000) * 1_000;
    prost_types::Timestamp {
        seconds: us.div_euclid(1_000_000),
        nanos: i32::try_from(nanos).unwrap_or(0),
    }
}

/// A row, when there is one.
fn one<T>(found: rusqlite::Result<T>) -> rusqlite::Result<Option<T>> {
    found.optional()
}
