//! The embedded store of a desk or a department: one SQLite file that one process owns, written by
//! one thread that syncs once for all that is waiting.

use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::{
    collections::VecDeque,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// Writes that may wait for the writer; the next one waits outside.
pub const QUEUE_WRITES_MAX: usize = 1024;
/// Writes that share one transaction and one sync.
pub const BATCH_WRITES_MAX: usize = 1024;
/// Bytes of the write-ahead log from which on it is copied back, away from the writer.
pub const LOG_BYTES_SOFT: u64 = 8 * 1024 * 1024;
/// Bytes of the write-ahead log at which the writer itself copies it back.
pub const LOG_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// How long a statement waits for a lock that only a checkpoint can hold.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The store could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EmbeddedError {
    /// End the other process, or give this one a store folder of its own.
    #[error(
        "the store {path} is in use by another process: a second one on the same folder is refused; end the other one first", path = path.display()
    )]
    InUse {
        /// The store's folder.
        path: PathBuf,
    },
    /// Make the folder readable and writable.
    #[error("cannot use {path}: {source}; make it readable and writable for this process", path = path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: Arc<io::Error>,
    },
    /// Start the newer release, or restore the copy made before it was started.
    #[error(
        "the store has version {found} and this release knows up to {known}; start the newer release"
    )]
    Newer {
        /// The version in the file.
        found: usize,
        /// The highest version that this release can read.
        known: usize,
    },
    /// Put the store on a file system that can do what it needs.
    #[error(
        "the store answers {found} for `{pragma}` where {wanted} is needed; put it on a local file system"
    )]
    Pragma {
        /// The setting.
        pragma: &'static str,
        /// What the store says.
        found: String,
        /// What is needed.
        wanted: &'static str,
    },
    /// Make room; it goes on by itself then.
    #[error(
        "the store cannot be written now: {0}; make room or allow writing, it goes on by itself"
    )]
    Full(String),
    /// Look at the message; nothing of this write was kept.
    #[error("the store refused: {0}")]
    Refused(Arc<rusqlite::Error>),
    /// Restart the process: what the disk holds is not certain any more.
    #[error("the disk did not sync: {0}; the process must end and start again")]
    Sync(String),
    /// The process is ending.
    #[error("the store is closed")]
    Closed,
}

impl EmbeddedError {
    /// Whether the store can be written again without anybody touching this process.
    pub fn passes(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl From<rusqlite::Error> for EmbeddedError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error() {
            Some(e) if e.extended_code == rusqlite::ffi::SQLITE_IOERR_FSYNC => {
                Self::Sync(error.to_string())
            }
            Some(e)
                if matches!(
                    e.code,
                    ErrorCode::DiskFull
                        | ErrorCode::ReadOnly
                        | ErrorCode::CannotOpen
                        | ErrorCode::SystemIoFailure
                        | ErrorCode::DatabaseBusy
                ) =>
            {
                Self::Full(error.to_string())
            }
            _ => Self::Refused(Arc::new(error)),
        }
    }
}

type Answer = Box<dyn FnOnce(Result<(), EmbeddedError>) + Send>;
/// Does its work, unless there is no connection to do it on, and says whether that succeeded, and
/// how to answer once the transaction has ended.
type Write = Box<dyn FnOnce(Option<&Connection>) -> (bool, Answer) + Send>;

/// The store's handle. Cheap to clone; the file closes with the last one.
#[derive(Clone)]
pub struct Embedded {
    writes: mpsc::Sender<Write>,
    reader: Arc<Mutex<Connection>>,
    lost: Arc<Lost>,
    ended: watch::Receiver<()>,
}

/// Set when a sync failed, or the writer has fallen.
#[derive(Default)]
struct Lost {
    happened: AtomicBool,
    told: Notify,
}

impl Embedded {
    /// Opens `folder/name`, made when it is new, for this process alone. `migrations` are the
    /// steps from an empty file to what this release needs; each runs once, in order.
    ///
    /// # Errors
    /// [`EmbeddedError::InUse`] when another process has the folder; the others say what to mend.
    pub fn open(folder: &Path, name: &str, migrations: &[&str]) -> Result<Self, EmbeddedError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| EmbeddedError::Folder {
                path,
                source: Arc::new(source),
            }
        };
        fs::create_dir_all(folder).map_err(at(folder))?;
        let lock_path = folder.join("lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(EmbeddedError::InUse {
                    path: folder.to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(at(&lock_path)(source)),
        }

        let path = folder.join(name);
        let writer = connect(&path)?;
        migrate(&writer, migrations)?;
        File::open(folder)
            .and_then(|f| f.sync_all())
            .map_err(at(folder))?;
        let reader = Arc::new(Mutex::new(connect(&path)?));

        let (writes, waiting) = mpsc::channel(QUEUE_WRITES_MAX);
        let lost = Arc::new(Lost::default());
        let (end, ended) = watch::channel(());
        let thread = Writer {
            path,
            connection: Some(writer),
            lost: lost.clone(),
            _lock: lock,
        };
        thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                thread.run(waiting);
                drop(end);
            })
            .map_err(at(folder))?;
        Ok(Self {
            writes,
            reader,
            lost,
            ended,
        })
    }

    /// Does `work` in a transaction and answers when it is durable. When `work` fails, nothing of
    /// it is kept.
    ///
    /// # Errors
    /// [`EmbeddedError`] when `work` or the transaction failed.
    pub async fn write<T, F>(&self, work: F) -> Result<T, EmbeddedError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let write: Write = Box::new(move |connection| {
            let done = connection.map(work);
            let succeeded = matches!(done, Some(Ok(_)));
            let answer: Answer = Box::new(move |ended| {
                let _ = answer.send(match done {
                    Some(Ok(value)) => ended.map(|()| value),
                    Some(Err(error)) => Err(error.into()),
                    None => Err(ended.err().unwrap_or(EmbeddedError::Closed)),
                });
            });
            (succeeded, answer)
        });
        self.writes
            .send(write)
            .await
            .map_err(|_| EmbeddedError::Closed)?;
        answered.await.map_err(|_| EmbeddedError::Closed)?
    }

    /// Reads what is committed.
    ///
    /// # Errors
    /// [`EmbeddedError`] when `work` failed.
    pub async fn read<T, F>(&self, work: F) -> Result<T, EmbeddedError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        let reader = self.reader.clone();
        let read = tokio::task::spawn_blocking(move || {
            // A panic in another read leaves a connection that only reads, and that is whole.
            let connection = reader.lock().unwrap_or_else(PoisonError::into_inner);
            work(&connection)
        });
        Ok(read.await.map_err(|_| EmbeddedError::Closed)??)
    }

    /// Gives up this handle and waits until the last one is given up and the file is closed, so
    /// that the folder can be opened again.
    pub async fn close(self) {
        let mut ended = self.ended.clone();
        drop(self);
        // The sender says nothing; it goes when the writer has ended.
        let _ = ended.changed().await;
    }

    /// Waits until the disk failed to sync, or nobody writes any more: the process must end then.
    pub async fn lost(&self) {
        loop {
            let told = self.lost.told.notified();
            if self.lost.happened.load(Ordering::Acquire) {
                return;
            }
            told.await;
        }
    }
}

struct Writer {
    path: PathBuf,
    connection: Option<Connection>,
    lost: Arc<Lost>,
    _lock: File,
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Nobody writes any more: as bad as a disk that does not sync.
        if thread::panicking() {
            self.lost.tell();
        }
    }
}

impl Lost {
    fn tell(&self) {
        self.happened.store(true, Ordering::Release);
        self.told.notify_waiters();
    }
}

impl Writer {
    fn run(mut self, mut waiting: mpsc::Receiver<Write>) {
        let (wake, woken) = std::sync::mpsc::sync_channel(1);
        let path = self.path.clone();
        let copier = thread::Builder::new().name("store-copier".into());
        // Without the copier the writer copies by itself, later and in its own time.
        let copier = copier.spawn(move || copy_back(&path, &woken)).ok();

        let mut batch = VecDeque::new();
        while let Some(first) = waiting.blocking_recv() {
            batch.push_back(first);
            while batch.len() < BATCH_WRITES_MAX {
                let Ok(next) = waiting.try_recv() else { break };
                batch.push_back(next);
            }
            self.commit(&mut batch);
            if log_bytes(&self.path) > LOG_BYTES_SOFT {
                let _ = wake.try_send(());
            }
            if self.lost.happened.load(Ordering::Acquire) {
                break;
            }
        }
        drop(wake);
        if let Some(copier) = copier {
            let _ = copier.join();
        }
    }

    /// One transaction, one sync, and only then the answers.
    fn commit(&mut self, batch: &mut VecDeque<Write>) {
        let mut answers = Vec::with_capacity(batch.len());
        let outcome = self.transact(batch, &mut answers);
        if let Err(error) = &outcome {
            // A commit in doubt: what this connection believes is not asked again.
            self.connection = None;
            tracing::error!(%error, "the store did not commit");
            if matches!(error, EmbeddedError::Sync(_)) {
                self.lost.tell();
            }
        }
        answers.extend(batch.drain(..).map(|not_run| not_run(None).1));
        for answer in answers {
            answer(outcome.clone());
        }
    }

    fn transact(
        &mut self,
        batch: &mut VecDeque<Write>,
        answers: &mut Vec<Answer>,
    ) -> Result<(), EmbeddedError> {
        if self.connection.is_none() {
            self.connection = Some(connect(&self.path)?);
        }
        let connection = self.connection.as_ref().ok_or(EmbeddedError::Closed)?;
        if log_bytes(&self.path) > LOG_BYTES_MAX {
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        connection.execute_batch("BEGIN IMMEDIATE")?;
        while !batch.is_empty() {
            connection.prepare_cached("SAVEPOINT one")?.execute([])?;
            let Some(write) = batch.pop_front() else {
                break;
            };
            let (done, answer) = write(Some(connection));
            answers.push(answer);
            if connection.is_autocommit() {
                return Err(EmbeddedError::Full(
                    "the transaction was rolled back".into(),
                ));
            }
            if !done {
                connection.prepare_cached("ROLLBACK TO one")?.execute([])?;
            }
            connection.prepare_cached("RELEASE one")?.execute([])?;
        }
        connection.execute_batch("COMMIT")?;
        Ok(())
    }
}

/// Copies the write-ahead log back into the file whenever it is told that the log has grown.
fn copy_back(path: &Path, woken: &std::sync::mpsc::Receiver<()>) {
    let Ok(connection) = connect(path) else {
        return;
    };
    while woken.recv().is_ok() {
        if let Err(error) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::warn!(%error, "the write-ahead log was not copied back; it is tried again");
        }
    }
}

fn log_bytes(path: &Path) -> u64 {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    fs::metadata(log).map_or(0, |found| found.len())
}

fn connect(path: &Path) -> Result<Connection, EmbeddedError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 0;",
        )
        .or_else(|error| match error {
            // wal_autocheckpoint answers with a row.
            rusqlite::Error::ExecuteReturnedResults => Ok(()),
            other => Err(other),
        })?;
    for (pragma, wanted) in [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("wal_autocheckpoint", "0"),
    ] {
        let found = connection.query_row(&format!("PRAGMA {pragma}"), [], |row| {
            Ok(match row.get_ref(0)? {
                rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                other => other.as_str().unwrap_or_default().to_owned(),
            })
        })?;
        if found != wanted {
            return Err(EmbeddedError::Pragma {
                pragma,
                found,
                wanted,
            });
        }
    }
    Ok(connection)
}

fn migrate(connection: &Connection, migrations: &[&str]) -> Result<(), EmbeddedError> {
    let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let found = found as usize;
    let known = migrations.len();
    if found > known {
        return Err(EmbeddedError::Newer { found, known });
    }
    for (version, step) in migrations.iter().enumerate().skip(found) {
        let version = version + 1;
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {step}; PRAGMA user_version = {version}; COMMIT"
        ))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const SCHEMA: &[&str] = &["CREATE TABLE word (word TEXT PRIMARY KEY) STRICT"];

    fn add(word: &str) -> impl FnOnce(&Connection) -> rusqlite::Result<()> + use<> {
        let word = word.to_owned();
        move |c| c.execute("INSERT INTO word VALUES (?1)", [word]).map(drop)
    }

    async fn words(store: &Embedded) -> Vec<String> {
        let read = store.read(|c| {
            c.prepare("SELECT word FROM word ORDER BY word")?
                .query_map([], |r| r.get(0))?
                .collect()
        });
        read.await.unwrap()
    }

    #[tokio::test]
    async fn what_was_answered_is_there_after_opening_again() {
        let folder = TempDir::new().unwrap();
        let store = Embedded::open(folder.path(), "s.db", SCHEMA).unwrap();
        store.write(add("one")).await.unwrap();
        store.close().await;
        let store = Embedded::open(folder.path(), "s.db", SCHEMA).unwrap();
        assert_eq!(words(&store).await, ["one"]);
    }

    #[tokio::test]
    async fn a_failed_write_leaves_nothing_and_its_neighbours_stay() {
        let folder = TempDir::new().unwrap();
        let store = Embedded::open(folder.path(), "s.db", SCHEMA).unwrap();
        let bad = store.write(|c| {
            add("half")(c)?;
            add("half")(c)
        });
        let (one, bad, two) = tokio::join!(store.write(add("one")), bad, store.write(add("two")));
        one.unwrap();
        two.unwrap();
        assert!(matches!(bad.unwrap_err(), EmbeddedError::Refused(_)));
        assert_eq!(words(&store).await, ["one", "two"]);
    }

    #[tokio::test]
    async fn a_writer_that_panics_is_told_as_lost() {
        let folder = TempDir::new().unwrap();
        let store = Embedded::open(folder.path(), "s.db", SCHEMA).unwrap();
        let write = store.write::<(), _>(|_| panic!("a bug"));
        assert!(matches!(write.await, Err(EmbeddedError::Closed)));
        store.lost().await;
        let after = store.write(add("after")).await;
        assert!(matches!(after, Err(EmbeddedError::Closed)));
    }

    #[tokio::test]
    async fn a_second_process_on_the_folder_is_refused() {
        let folder = TempDir::new().unwrap();
        let _first = Embedded::open(folder.path(), "s.db", SCHEMA).unwrap();
        let second = Embedded::open(folder.path(), "s.db", SCHEMA).err().unwrap();
        assert!(second.to_string().contains("in use by another process"));
    }

    #[tokio::test]
    async fn an_older_release_refuses_a_newer_store() {
        let folder = TempDir::new().unwrap();
        let newer = [
            SCHEMA[0],
            "CREATE TABLE more (x) STRICT"
                .replace("(x)", "(x TEXT)")
                .leak(),
        ];
        Embedded::open(folder.path(), "s.db", &newer)
            .unwrap()
            .close()
            .await;
        let refused = Embedded::open(folder.path(), "s.db", SCHEMA).err().unwrap();
        assert!(refused.to_string().contains("version 2"), "{refused}");
    }
}
