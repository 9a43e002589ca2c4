//! Several connections that only read, each read within a time limit.

use super::connection::{self, Use};
use crate::store::StoreError;
use rusqlite::Connection;
use std::{
    path::Path,
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Steps of SQLite's machine between two looks at the clock.
const STEPS_BETWEEN_LOOKS: i32 = 2_000;

/// The connections. A read takes one and gives it back.
pub(super) struct Readers {
    idle: Mutex<Vec<Timed>>,
    given_back: Condvar,
    time_max: Duration,
    started: Instant,
}

struct Timed {
    connection: Connection,
    /// Milliseconds after `started` at which the read is interrupted.
    deadline: Arc<AtomicU64>,
}

impl Readers {
    pub(super) fn open(path: &Path, count: usize, time_max: Duration) -> Result<Self, StoreError> {
        let started = Instant::now();
        let mut idle = Vec::with_capacity(count);
        for _ in 0..count.max(1) {
            let connection = connection::open(path, Use::Reading)?;
            connection
                .query_row("PRAGMA query_only = ON", [], |_| Ok(()))
                .or_else(|error| match error {
                    rusqlite::Error::QueryReturnedNoRows => Ok(()),
                    other => Err(connection::before_commit(other)),
                })?;
            let deadline = Arc::new(AtomicU64::new(u64::MAX));
            let watched = deadline.clone();
            let late = move || millis(started.elapsed()) > watched.load(Ordering::Relaxed);
            connection
                .progress_handler(STEPS_BETWEEN_LOOKS, Some(late))
                .map_err(connection::before_commit)?;
            idle.push(Timed {
                connection,
                deadline,
            });
        }
        Ok(Self {
            idle: Mutex::new(idle),
            given_back: Condvar::new(),
            time_max,
            started,
        })
    }

    /// Reads on one connection; waiting for it counts as reading.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, StoreError> {
        let timed = self.take()?;
        let value = work(&timed.connection).map_err(connection::before_commit);
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(timed);
        self.given_back.notify_one();
        value
    }

    fn take(&self) -> Result<Timed, StoreError> {
        let begun = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(timed) = idle.pop() {
                let end = begun.duration_since(self.started) + self.time_max;
                timed.deadline.store(millis(end), Ordering::Relaxed);
                return Ok(timed);
            }
            let left = self.time_max.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(StoreError::TimeLimit);
            }
            let waited = self.given_back.wait_timeout(idle, left);
            idle = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_read_that_takes_too_long_is_interrupted_and_the_next_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let readers = Readers::open(&path, 1, Duration::from_millis(50)).unwrap();
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
                       SELECT count(*) FROM n";
        let read = readers.read(|c| c.query_row(endless, [], |row| row.get::<_, i64>(0)));
        assert!(matches!(read, Err(StoreError::TimeLimit)), "{read:?}");
        let one = readers.read(|c| c.query_row("SELECT 1", [], |row| row.get::<_, i64>(0)));
        assert_eq!(one.unwrap(), 1);
    }

    #[test]
    fn a_reader_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let readers = Readers::open(&path, 1, Duration::from_secs(5)).unwrap();
        assert!(
            readers
                .read(|c| c.execute("CREATE TABLE t (x)", []))
                .is_err()
        );
    }
}
