//! Words by number: agencies, steps, alarms, evidence and procedures, so that indexes stay narrow.

use rusqlite::{Connection, OptionalExtension as _, params};
use rustc_hash::FxHashMap;

/// The writer's memory of the words that are committed or in its open transaction. There are as
/// many as agencies, steps and procedures: some thousands.
#[derive(Debug, Default)]
pub(super) struct Words {
    numbers: FxHashMap<String, u32>,
}

impl Words {
    /// The number of a word; a new one gets the next number. To be called outside savepoints: what
    /// is remembered must not be rolled back alone.
    pub(super) fn number(&mut self, connection: &Connection, text: &str) -> rusqlite::Result<u32> {
        if let Some(number) = self.numbers.get(text) {
            return Ok(*number);
        }
        let number = match find(connection, text)? {
            Some(number) => number,
            None => connection
                .prepare_cached("INSERT INTO word (text) VALUES (?1) RETURNING word")?
                .query_row(params![text], |row| row.get(0))?,
        };
        self.numbers.insert(text.to_owned(), number);
        Ok(number)
    }
}

/// The number of a word that is there.
pub(super) fn find(connection: &Connection, text: &str) -> rusqlite::Result<Option<u32>> {
    connection
        .prepare_cached("SELECT word FROM word WHERE text = ?1")?
        .query_row(params![text], |row| row.get(0))
        .optional()
}
