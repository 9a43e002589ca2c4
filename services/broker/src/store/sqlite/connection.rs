//! A connection to the store's file: its settings, read back, and its errors, sorted.

use crate::store::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi, types::ValueRef};
use std::{path::Path, time::Duration};

/// From here on a reset of the log cannot lose what a checkpoint has not copied.
const SQLITE_VERSION_MIN: i32 = 3_051_003;
const SQLITE_VERSION_MIN_TEXT: &str = "3.51.3";
/// How long a statement waits for a lock; only a checkpoint and a recovery hold one.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a page in a new file: three results of 2 KiB fit where one fitted in the usual 4,096, and the
/// log takes two writes a page, whatever its size. Twice as much is slower where few change at a time.
const PAGE_BYTES: u32 = 8192;
/// Prepared statements that a connection keeps.
const STATEMENTS_MAX: usize = 128;

/// KiB of pages that the connection caches that writes, and one that reads.
const WRITING_KIB: usize = 8 * 1024;
const READING_KIB: usize = 4 * 1024;

/// Bytes of pages that all connections cache at most, with so many that only read.
pub(super) const fn cache_bytes_max(readers: usize) -> usize {
    (WRITING_KIB + readers * READING_KIB) * 1024
}

/// What a connection is for, and with that how many KiB of pages it caches.
#[derive(Debug, Clone, Copy)]
pub(super) enum Use {
    Writing,
    Reading,
    Copying,
}

/// Opens the file and reads back every setting that durability stands on.
pub(super) fn open(path: &Path, purpose: Use) -> Result<Connection, StoreError> {
    let cache_kib = match purpose {
        Use::Writing => WRITING_KIB,
        Use::Reading => READING_KIB,
        Use::Copying => 64,
    };
    if rusqlite::version_number() < SQLITE_VERSION_MIN {
        return Err(StoreError::OldSqlite {
            found: rusqlite::version().to_owned(),
            wanted: SQLITE_VERSION_MIN_TEXT,
        });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(before_commit)?;
    check_writable(&connection, path)?;
    connection
        .busy_timeout(BUSY_TIMEOUT)
        .map_err(before_commit)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    for setting in [
        &format!("page_size = {PAGE_BYTES}"),
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = OFF",
        "wal_autocheckpoint = 0",
        "temp_store = MEMORY",
        &format!("cache_size = -{cache_kib}"),
    ] {
        set(&connection, setting)?;
    }
    for (pragma, wanted) in [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("wal_autocheckpoint", "0"),
    ] {
        let found = read_back(&connection, pragma)?;
        if found != wanted {
            return Err(StoreError::Pragma {
                pragma,
                found,
                wanted,
            });
        }
    }
    Ok(connection)
}

/// SQLite opens what it may not write for reading, and would say so only at the first commit.
fn check_writable(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    if connection.is_readonly("main").map_err(before_commit)? {
        return Err(StoreError::NotWritable {
            path: path.to_owned(),
        });
    }
    Ok(())
}

fn set(connection: &Connection, setting: &str) -> Result<(), StoreError> {
    let mut statement = connection
        .prepare(&format!("PRAGMA {setting}"))
        .map_err(before_commit)?;
    let mut rows = statement.query([]).map_err(before_commit)?;
    while rows.next().map_err(before_commit)?.is_some() {}
    Ok(())
}

/// Bytes of a page in this file.
pub(super) fn page_bytes(connection: &Connection) -> Result<u64, StoreError> {
    let found = read_back(connection, "page_size")?;
    found
        .parse()
        .map_err(|_| StoreError::Failed(format!("a page of {found} bytes")))
}

fn read_back(connection: &Connection, pragma: &str) -> Result<String, StoreError> {
    let read = connection.query_row(&format!("PRAGMA {pragma}"), [], |row| {
        Ok(match row.get_ref(0)? {
            ValueRef::Integer(number) => number.to_string(),
            other => other.as_str().unwrap_or_default().to_owned(),
        })
    });
    read.map_err(before_commit)
}

/// An error before the commit began: nothing was kept.
pub(super) fn before_commit(error: rusqlite::Error) -> StoreError {
    let Some(sqlite) = error.sqlite_error() else {
        return StoreError::Failed(error.to_string());
    };
    let text = error.to_string();
    match (sqlite.code, sqlite.extended_code) {
        (_, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC) => StoreError::SyncFailed(text),
        (ErrorCode::DiskFull, _) => StoreError::Full(text),
        (ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied, _) => {
            StoreError::ReadOnly(text)
        }
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => StoreError::Corrupt(text),
        (ErrorCode::OperationInterrupted, _) => StoreError::TimeLimit,
        _ => StoreError::Failed(text),
    }
}

/// An error of the commit itself: whether it is there is known only where the disk said no.
pub(super) fn at_commit(error: rusqlite::Error) -> StoreError {
    match before_commit(error) {
        known @ (StoreError::Full(_)
        | StoreError::ReadOnly(_)
        | StoreError::SyncFailed(_)
        | StoreError::Corrupt(_)) => known,
        StoreError::Failed(text) => StoreError::Doubt(text),
        other => StoreError::Doubt(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(extended_code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(extended_code), None)
    }

    #[test]
    fn a_file_that_can_only_be_read_is_refused_before_anything_is_promised() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broker.db");
        drop(open(&path, Use::Writing).unwrap());
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let read_only = Connection::open_with_flags(&path, flags).unwrap();
        let refused = check_writable(&read_only, &path).unwrap_err().to_string();
        assert!(
            refused.contains("broker.db can be read and not written; make it"),
            "{refused}"
        );
    }

    #[test]
    fn every_error_says_what_the_ledger_must_do() {
        type Sorted = fn(rusqlite::Error) -> StoreError;
        let both: [Sorted; 2] = [before_commit, at_commit];
        for sort in both {
            assert!(matches!(
                sort(failed(ffi::SQLITE_FULL)),
                StoreError::Full(_)
            ));
            assert!(matches!(
                sort(failed(ffi::SQLITE_READONLY)),
                StoreError::ReadOnly(_)
            ));
            assert!(matches!(
                sort(failed(ffi::SQLITE_IOERR_FSYNC)),
                StoreError::SyncFailed(_)
            ));
            assert!(matches!(
                sort(failed(ffi::SQLITE_CORRUPT)),
                StoreError::Corrupt(_)
            ));
        }
        assert!(matches!(
            before_commit(failed(ffi::SQLITE_IOERR_WRITE)),
            StoreError::Failed(_)
        ));
        assert!(matches!(
            at_commit(failed(ffi::SQLITE_IOERR_WRITE)),
            StoreError::Doubt(_)
        ));
        assert!(matches!(
            before_commit(failed(ffi::SQLITE_INTERRUPT)),
            StoreError::TimeLimit
        ));
    }
}
