//! The embedded store: one SQLite file that one broker owns. Committed means synced.

mod checkpoint;
mod connection;
mod erase;
mod flow;
mod found;
mod frames;
mod heads;
mod known;
mod read;
mod readers;
mod rows;
mod schema;
mod statements;
#[cfg(test)]
mod tests;
mod watch;
mod words;
mod write;

use self::{
    checkpoint::Checkpointer, connection::Use, known::Known, readers::Readers, write::Write,
};
use super::{Batch, Committed, Erased, Origin, PersonKey, Reader, Store, StoreError};
use dossier::name::DossierId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError},
    time::Duration,
};

/// The file's name in the store's folder.
const FILE_NAME: &str = "broker.db";
/// The name of the file that says by its lock that a broker runs.
const LOCK_NAME: &str = "broker.lock";
/// Connections for what operators look at.
const WATCHERS: usize = 2;

/// How the embedded store is run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SqliteConfig {
    /// Connections that only read; default 4.
    pub readers: usize,
    /// Milliseconds after which a read is interrupted; default 5,000.
    pub read_ms_max: u64,
    /// Bytes of the write-ahead log from which on it is copied back beside the writer; default
    /// 32 MiB.
    pub wal_copy_bytes: u64,
    /// Bytes of the write-ahead log at which the writer itself stops and copies it back; default
    /// 256 MiB.
    pub wal_bytes_max: u64,
}

impl SqliteConfig {
    /// Bytes of the file's pages that are kept in memory at most: 8 MiB, and 4 MiB for each reader and for
    /// each of the two that operators have.
    pub const fn cache_bytes_max(&self) -> usize {
        connection::cache_bytes_max(self.readers + WATCHERS)
    }
}

impl Default for SqliteConfig {
    fn default() -> Self {
        Self {
            readers: 4,
            read_ms_max: 5_000,
            wal_copy_bytes: 32 * 1024 * 1024,
            wal_bytes_max: 256 * 1024 * 1024,
        }
    }
}

/// The writer of the embedded store.
pub struct SqliteStore {
    path: PathBuf,
    config: SqliteConfig,
    page_bytes: u64,
    /// None after an error that leaves in doubt what it believes; opened again then.
    connection: Option<Connection>,
    known: Known,
    reader: Arc<SqliteReader>,
    checkpointer: Checkpointer,
    _lock: File,
}

struct SqliteReader {
    readers: Readers,
    /// For what operators look at: whoever looks at much must not hold up couriers and the ledger.
    watchers: Readers,
}

impl SqliteStore {
    /// Opens the store in `folder`, made when it is new, for this process alone.
    ///
    /// # Errors
    /// [`StoreError::InUse`] when another process has it; the others say what to mend.
    pub fn open(folder: &Path, config: SqliteConfig) -> Result<Self, StoreError> {
        let lock = lock(folder)?;
        let path = folder.join(FILE_NAME);
        let connection = open_writer(&path)?;
        schema::migrate(&connection)?;
        schema::name_store(&connection)?;
        #[cfg(feature = "faults")]
        if node::breakage::is("forget debts on restart") {
            let forgotten = connection.execute("DELETE FROM owed", []);
            forgotten.map_err(connection::before_commit)?;
        }
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(at(folder))?;
        let time_max = Duration::from_millis(config.read_ms_max);
        let readers = Readers::open(&path, config.readers, time_max)?;
        let watchers = Readers::open(&path, WATCHERS, time_max)?;
        let checkpointer = Checkpointer::start(&path);
        tracing::info!(
            sqlite = rusqlite::version(),
            folder = %folder.display(),
            "the store is open: write-ahead log, every commit synced"
        );
        Ok(Self {
            path,
            config,
            page_bytes: connection::page_bytes(&connection)?,
            connection: Some(connection),
            known: Known::default(),
            reader: Arc::new(SqliteReader { readers, watchers }),
            checkpointer,
            _lock: lock,
        })
    }

    /// By what this store knows the key of its index of persons; none before the first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn person_check(&self) -> Result<Option<PersonKey>, StoreError> {
        self.reader.readers.read(|connection| {
            let sql = "SELECT value FROM meta WHERE key = 'person_check'";
            let found = connection.query_row(sql, [], |row| row.get(0).map(PersonKey));
            found.optional()
        })
    }

    /// Remembers by what it knows the key, once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn keep_person_check(&mut self, check: &PersonKey) -> Result<(), StoreError> {
        let sql = "INSERT OR IGNORE INTO meta (key, value) VALUES ('person_check', ?1)";
        let Some(connection) = &self.connection else {
            return Ok(());
        };
        let kept = connection.execute(sql, [check.0]);
        kept.map(drop).map_err(connection::before_commit)
    }

    /// Copies the log back and cuts it off, so that what was erased does not linger there. Where a reader
    /// is in the way it is copied back alone, and overwritten in its time.
    fn cut_log(&mut self) {
        let (copying, gate) = self.checkpointer.locks();
        let _nobody_copies = copying.lock().unwrap_or_else(PoisonError::into_inner);
        let _gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
        let cut = self.connection.as_ref().map(|connection| {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, i64>(0)
            })
        });
        if !matches!(cut, Some(Ok(0))) {
            self.checkpointer.wake();
        }
    }

    /// Begins a transaction, does `work` in it, and syncs; or keeps nothing.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&mut Write<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let outcome = self.try_transact(work);
        if outcome.is_err() {
            // What was remembered may have been rolled back.
            self.known = Known::default();
            self.connection = None;
        }
        outcome
    }

    fn try_transact<T>(
        &mut self,
        work: impl FnOnce(&mut Write<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(open_writer(&self.path)?),
        };
        let (copying, gate) = self.checkpointer.locks();
        // The bound is worth a stall: while the copier copies, nobody else can, and the log would grow on.
        let is_too_long = checkpoint::log_bytes(self.page_bytes) > self.config.wal_bytes_max;
        let nobody_copies =
            is_too_long.then(|| copying.lock().unwrap_or_else(PoisonError::into_inner));
        let _gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
        if is_too_long {
            // A reader that is in the way ends by its time limit.
            connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                .map_err(connection::before_commit)?;
        }
        drop(nobody_copies);
        connection
            .execute_batch("BEGIN IMMEDIATE")
            .map_err(connection::before_commit)?;
        let now = Timestamp::now().as_microsecond();
        let mut write = Write::begun(connection, &mut self.known, now);
        let value = work(&mut write).map_err(connection::before_commit)?;
        drop(write);
        connection
            .execute_batch("COMMIT")
            .map_err(connection::at_commit)?;
        #[cfg(feature = "faults")]
        if node::breakage::strikes("error after the commit") {
            return Err(StoreError::Doubt("a fault was asked for".into()));
        }
        if checkpoint::log_bytes(self.page_bytes) > self.config.wal_copy_bytes {
            self.checkpointer.wake();
        }
        Ok(value)
    }
}

impl Store for SqliteStore {
    fn commit(&mut self, batch: Batch) -> Result<Committed, StoreError> {
        self.transact(|write| {
            let committed = write.batch(&batch)?;
            if !write.is_spoilt {
                return Ok(committed);
            }
            write.begin_again()?;
            write.batch(&batch)
        })
    }

    fn erase(&mut self, dossiers: &[DossierId], at: Timestamp) -> Result<Vec<Erased>, StoreError> {
        let erased = self.transact(|write| {
            // What is deleted is overwritten, and does not linger in the file's free pages.
            write
                .connection
                .execute_batch("PRAGMA secure_delete = ON")?;
            let erased = dossiers.iter().map(|id| write.erase(id, at));
            let erased = erased.filter_map(Result::transpose).collect();
            write
                .connection
                .execute_batch("PRAGMA secure_delete = OFF")?;
            erased
        });
        self.cut_log();
        erased
    }

    fn begin_epoch(&mut self, now: Timestamp) -> Result<Origin, StoreError> {
        self.transact(|write| {
            schema::next_epoch(write.connection, now)?;
            schema::origin(write.connection)
        })
    }

    fn reader(&self) -> Arc<dyn Reader> {
        self.reader.clone()
    }
}

fn open_writer(path: &Path) -> Result<Connection, StoreError> {
    let connection = connection::open(path, Use::Writing)?;
    checkpoint::measure(&connection);
    Ok(connection)
}

fn lock(folder: &Path) -> Result<File, StoreError> {
    fs::create_dir_all(folder).map_err(at(folder))?;
    let path = folder.join(LOCK_NAME);
    let open = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = open.map_err(at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse {
            path: folder.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(at(&path)(source)),
    }
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Folder { path, source }
}
