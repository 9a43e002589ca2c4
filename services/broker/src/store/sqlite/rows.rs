//! The rows that a dossier has in the tables of what is owed and of steps, as it keeps them itself.

use super::words::Words;
use crate::store::{OwedRow, StepRow};
use jiff::Timestamp;
use rusqlite::Connection;

const BYTES: usize = 24;
/// Stands for no due date; no instant of ours is as early.
const NEVER: i64 = i64::MIN;

/// A row of either table, without its dossier. `what` is the kind of what is owed, or the state of
/// the step; `step` is the alarm of a timer, or what a notice
/// is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexRow {
    pub(super) due_at: i64,
    pub(super) agency: u32,
    pub(super) what: i32,
    pub(super) step: u32,
    pub(super) round: u32,
}

impl IndexRow {
    pub(super) fn of_owed(
        row: &OwedRow,
        words: &mut Words,
        connection: &Connection,
    ) -> rusqlite::Result<Self> {
        let mut word = |text: Option<&str>| match text {
            Some(text) => words.number(connection, text),
            None => Ok(0),
        };
        Ok(Self {
            due_at: row.due_at.as_microsecond(),
            agency: word(row.agency.as_ref().map(|agency| agency.as_str()))?,
            what: row.kind.number(),
            step: word(row.subject().as_deref())?,
            round: row.round,
        })
    }

    pub(super) fn of_step(
        row: &StepRow,
        words: &mut Words,
        connection: &Connection,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            due_at: row.due_at.map_or(NEVER, Timestamp::as_microsecond),
            agency: words.number(connection, row.agency.as_str())?,
            what: row.state,
            step: words.number(connection, row.step.as_str())?,
            round: row.round,
        })
    }

    /// The due date, if it has one.
    pub(super) fn due(&self) -> Option<i64> {
        (self.due_at != NEVER).then_some(self.due_at)
    }
}

pub(super) fn encode(rows: &[IndexRow]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() * BYTES);
    for row in rows {
        bytes.extend_from_slice(&row.due_at.to_le_bytes());
        bytes.extend_from_slice(&row.agency.to_le_bytes());
        bytes.extend_from_slice(&row.what.to_le_bytes());
        bytes.extend_from_slice(&row.step.to_le_bytes());
        bytes.extend_from_slice(&row.round.to_le_bytes());
    }
    bytes
}

pub(super) fn decode(bytes: &[u8]) -> Vec<IndexRow> {
    let four = |row: &[u8; BYTES], at: usize| [row[at], row[at + 1], row[at + 2], row[at + 3]];
    let (rows, _) = bytes.as_chunks::<BYTES>();
    rows.iter()
        .map(|row| {
            let [low, high] = [four(row, 0), four(row, 4)].map(u32::from_le_bytes);
            IndexRow {
                due_at: (u64::from(low) | (u64::from(high) << 32)).cast_signed(),
                agency: u32::from_le_bytes(four(row, 8)),
                what: i32::from_le_bytes(four(row, 12)),
                step: u32::from_le_bytes(four(row, 16)),
                round: u32::from_le_bytes(four(row, 20)),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_written() {
        let rows = [
            IndexRow {
                due_at: NEVER,
                agency: 1,
                what: -2,
                step: 0,
                round: u32::MAX,
            },
            IndexRow {
                due_at: 1_790_000_000_000_000,
                agency: 7,
                what: 4,
                step: 9,
                round: 2,
            },
        ];
        assert_eq!(decode(&encode(&rows)), rows);
        assert_eq!(rows[0].due(), None);
    }
}
