//! The store's tables. Records, what is personal beside them and the vault are appended; everything else
//! is an index of them that can be made again.

use super::connection::before_commit;
use crate::store::{Origin, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

/// The version that the first of [`MIGRATIONS`] makes. What is older has a row for each record where this
/// release has one for each change, and before that had personal values in the chain.
const OLDEST: i64 = 4;
/// The steps from an empty file to what this release needs; each runs once, in order, and is never
/// changed once released.
const MIGRATIONS: [&str; 5] = [
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
];

/// Brings the file to this release's version.
pub(super) fn migrate(connection: &Connection) -> Result<(), StoreError> {
    let version = "PRAGMA user_version";
    let found: i64 = connection
        .query_row(version, [], |row| row.get(0))
        .map_err(before_commit)?;
    let known = OLDEST - 1 + MIGRATIONS.len() as i64;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if (1..OLDEST).contains(&found) {
        return Err(StoreError::Older {
            found,
            known: OLDEST,
        });
    }
    for (at, step) in (OLDEST..).zip(MIGRATIONS).filter(|(at, _)| *at > found) {
        let all = format!("BEGIN IMMEDIATE; {step}; PRAGMA user_version = {at}; COMMIT");
        connection.execute_batch(&all).map_err(before_commit)?;
    }
    Ok(())
}

/// Names the store when it is new.
pub(super) fn name_store(connection: &Connection) -> Result<(), StoreError> {
    let store_id: [u8; 16] = rand::random();
    let named = connection.execute(
        "INSERT OR IGNORE INTO meta (key, value) VALUES ('store_id', ?1), ('epoch', 0)",
        params![store_id],
    );
    named.map(drop).map_err(before_commit)
}

/// Which store it is.
pub(super) fn origin(connection: &Connection) -> rusqlite::Result<Origin> {
    let one = |key: &str| format!("SELECT value FROM meta WHERE key = '{key}'");
    let store_id = connection.query_row(&one("store_id"), [], |row| row.get(0))?;
    let epoch: i64 = connection.query_row(&one("epoch"), [], |row| row.get(0))?;
    Ok(Origin {
        store_id,
        epoch: epoch.cast_unsigned(),
    })
}

/// The epoch after this one. It follows the clock, so that it is also higher than what a copy of
/// this store went through after it was made.
pub(super) fn next_epoch(connection: &Connection, now: Timestamp) -> rusqlite::Result<i64> {
    let sql = "UPDATE meta SET value = max(value + 1, ?1) WHERE key = 'epoch' RETURNING value";
    connection
        .query_row(sql, params![now.as_millisecond()], |row| row.get(0))
        .optional()
        .map(|epoch| epoch.unwrap_or_default())
}
