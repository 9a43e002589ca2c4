//! What is owed for a dossier and where its steps stand, as the dossier keeps it itself: words by
//! number, in as few bytes as that takes, since it is written anew with every change.

use super::words::Words;
use crate::store::{OwedKind, OwedRow, StepRow, change::is_open};
use dossier::alarm::Alarm;
use jiff::Timestamp;
use prost::encoding::{decode_varint, encode_varint};
use rusqlite::{Connection, types::Type};
use std::borrow::Cow;

/// Bytes that a row mostly takes.
const BYTES_USUAL: usize = 12;

/// Something owed or a step, without its dossier. `what` is the kind of what is owed, or the state of
/// the step; `step` is the alarm of a timer, or what a notice
/// is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IndexRow {
    /// When it is due, if it has a time.
    pub(super) due_at: Option<i64>,
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
            due_at: Some(row.due_at.as_microsecond()),
            agency: word(row.agency.as_ref().map(|agency| agency.as_str()))?,
            what: row.kind.number(),
            step: word(subject(row).as_deref())?,
            round: row.round,
        })
    }

    pub(super) fn of_step(
        row: &StepRow,
        words: &mut Words,
        connection: &Connection,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            due_at: row.due_at.map(Timestamp::as_microsecond),
            agency: words.number(connection, row.agency.as_str())?,
            what: row.state,
            step: words.number(connection, row.step.as_str())?,
            round: row.round,
        })
    }

    /// Whether it is owed to nobody: a time to look at the dossier again.
    pub(super) fn is_timer(&self) -> bool {
        self.what == OwedKind::Timer.number()
    }

    /// Whether it is a step that is with its agency.
    pub(super) fn is_open_step(&self) -> bool {
        is_open(self.what)
    }
}

/// What tells it from others of its dossier, without a copy where there is none to make.
fn subject(row: &OwedRow) -> Option<Cow<'_, str>> {
    let alarm = row.alarm.as_ref().map(Alarm::text).map(Cow::Owned);
    let step = row.step.as_ref().map(|step| step.as_str());
    alarm.or_else(|| row.notice.as_deref().or(step).map(Cow::Borrowed))
}

/// The earliest time of a timer among these.
pub(super) fn next_timer(owed: &[IndexRow]) -> Option<i64> {
    let timers = owed.iter().filter(|row| row.is_timer());
    timers.filter_map(|row| row.due_at).min()
}

/// Each row as five numbers. A due date is the difference to the one before it.
pub(super) fn encode(rows: &[IndexRow]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(rows.len() * BYTES_USUAL);
    let mut last = 0_i64;
    for row in rows {
        let what = u64::from(row.what.cast_unsigned()) << 1;
        encode_varint(what | u64::from(row.due_at.is_some()), &mut bytes);
        for number in [row.agency, row.step, row.round] {
            encode_varint(number.into(), &mut bytes);
        }
        if let Some(due_at) = row.due_at {
            let later = due_at.wrapping_sub(last);
            // The sign goes last, so that a small step back is a small number, too.
            encode_varint(((later << 1) ^ (later >> 63)).cast_unsigned(), &mut bytes);
            last = due_at;
        }
    }
    bytes
}

pub(super) fn decode(mut bytes: &[u8]) -> rusqlite::Result<Vec<IndexRow>> {
    let damaged = |error| rusqlite::Error::FromSqlConversionFailure(0, Type::Blob, error);
    let mut number = || match bytes.is_empty() {
        true => Ok(None),
        false => decode_varint(&mut bytes).map(Some),
    };
    let mut read = || -> Result<Vec<IndexRow>, prost::DecodeError> {
        let mut rows = Vec::new();
        let mut last = 0_i64;
        while let Some(what) = number()? {
            let mut next = || number().map(Option::unwrap_or_default);
            #[allow(clippy::cast_possible_truncation)] // as they were written
            let [agency, step, round] = [next()? as u32, next()? as u32, next()? as u32];
            let mut due_at = None;
            if what & 1 == 1 {
                let later = next()?;
                let later = (later >> 1).cast_signed() ^ -(later & 1).cast_signed();
                last = last.wrapping_add(later);
                due_at = Some(last);
            }
            #[allow(clippy::cast_possible_truncation)]
            let what = ((what >> 1) as u32).cast_signed();
            rows.push(IndexRow {
                due_at,
                agency,
                what,
                step,
                round,
            });
        }
        Ok(rows)
    };
    read().map_err(|error| damaged(Box::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_they_were_written() {
        let rows = [
            IndexRow {
                due_at: None,
                agency: 1,
                what: -2,
                step: 0,
                round: u32::MAX,
            },
            IndexRow {
                due_at: Some(1_790_000_000_000_000),
                agency: 7,
                what: 4,
                step: 9,
                round: 2,
            },
            IndexRow {
                due_at: Some(i64::MIN),
                agency: u32::MAX,
                what: i32::MIN,
                step: 300,
                round: 0,
            },
            IndexRow {
                due_at: Some(i64::MAX),
                agency: 0,
                what: i32::MAX,
                step: 1,
                round: 1,
            },
        ];
        assert_eq!(decode(&encode(&rows)).unwrap(), rows);
        assert_eq!(decode(&[]).unwrap(), []);
    }

    #[test]
    fn a_damaged_row_is_an_error_and_not_another_row() {
        let endless = [0xff; 11];
        assert!(decode(&endless).is_err());
    }
}
