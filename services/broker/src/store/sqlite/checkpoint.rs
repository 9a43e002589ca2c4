//! Copies the write-ahead log back into the file, away from the writer.

use super::connection::{self, Use};
use crate::store::StoreError;
use rusqlite::{Connection, hooks::Wal};
use std::{
    cell::Cell,
    ffi::c_int,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
};

/// Bytes that the log has for each page beside it.
const FRAME_HEADER_BYTES: u64 = 24;

thread_local! {
    /// Pages in the log after the last commit of this thread.
    static PAGES: Cell<u64> = const { Cell::new(0) };
}

/// Has the connection note how long its log is after each commit.
pub(super) fn measure(connection: &Connection) {
    fn note(_: &Wal, pages: c_int) -> rusqlite::Result<()> {
        PAGES.set(u64::try_from(pages).unwrap_or_default());
        Ok(())
    }
    connection.wal_hook(Some(note));
}

/// Bytes of the log after the last commit of this thread, with pages of so many bytes.
pub(super) fn log_bytes(page_bytes: u64) -> u64 {
    PAGES.get() * (page_bytes + FRAME_HEADER_BYTES)
}

/// The thread that copies. It ends when this is dropped.
pub(super) struct Checkpointer {
    wake: Option<SyncSender<()>>,
    /// Held by the writer in a transaction, and by the copier for the last pages: a log starts over
    /// only when everything in it has been copied while nobody wrote.
    pub(super) gate: Arc<Mutex<()>>,
    /// Held while the copier copies: nobody else can meanwhile. Whoever takes both takes this one first.
    copying: Arc<Mutex<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread; without it the writer copies by itself at the log's limit.
    pub(super) fn start(path: &Path) -> Self {
        let (wake, woken) = sync_channel(1);
        let (gate, copying) = (Arc::new(Mutex::new(())), Arc::new(Mutex::new(())));
        let (path, its_gate, its_copying) = (path.to_owned(), gate.clone(), copying.clone());
        let copier = thread::Builder::new().name("store-checkpoint".into());
        let thread = copier
            .spawn(move || copy_back(&path, &its_copying, &its_gate, &woken))
            .ok();
        Self {
            wake: Some(wake),
            gate,
            copying,
            thread,
        }
    }

    /// What to hold so that nobody else copies, and so that nobody writes; in this order.
    pub(super) fn locks(&self) -> (Arc<Mutex<()>>, Arc<Mutex<()>>) {
        (self.copying.clone(), self.gate.clone())
    }

    /// Says that the log has grown. Never waits.
    pub(super) fn wake(&self) {
        if let Some(wake) = &self.wake {
            // A full channel means that it is awake already.
            let _ = wake.try_send(());
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn copy_back(path: &Path, copying: &Mutex<()>, gate: &Mutex<()>, woken: &Receiver<()>) {
    let mut connection = None;
    while woken.recv().is_ok() {
        let _copying = copying.lock().unwrap_or_else(PoisonError::into_inner);
        let copied = copy_once(path, &mut connection, gate);
        if let Err(error) = copied {
            tracing::warn!(%error, "the write-ahead log was not copied back; it is tried again");
            connection = None;
        }
    }
}

fn copy_once(
    path: &Path,
    connection: &mut Option<Connection>,
    gate: &Mutex<()>,
) -> Result<(), StoreError> {
    let connection = match connection {
        Some(connection) => connection,
        none => none.insert(connection::open(path, Use::Copying)?),
    };
    passive(connection)?;
    // The bulk is copied; what came meanwhile is little, and the writer waits for that only.
    let _gate = gate.lock().unwrap_or_else(PoisonError::into_inner);
    passive(connection)
}

fn passive(connection: &Connection) -> Result<(), StoreError> {
    connection
        .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
        .map_err(connection::before_commit)
}
