//! What the writer remembers of dossiers that changed last, so that it need not read what it wrote
//! itself a moment ago.

use super::rows::{self, IndexRow};
use crate::store::Summary;
use dossier::name::{Digest, DossierId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use rustc_hash::FxHashMap;

/// Dossiers that are remembered, at most; each takes about half a KiB.
const HEADS_MAX: usize = 16_384;

/// What the store has of a dossier: before a change, all that the change must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) number: i64,
    /// The words of its desk and its procedure.
    pub(super) desk: u32,
    pub(super) procedure: u32,
    pub(super) state: i32,
    pub(super) sequence: u64,
    pub(super) last_position: i64,
    pub(super) last_hash: Digest,
    /// Where it stands in the table of timers.
    pub(super) rings_at: Option<i64>,
    /// What is owed and the steps, as its row has them.
    pub(super) owed: Vec<u8>,
    pub(super) steps: Vec<u8>,
    pub(super) seldom: Seldom,
}

/// What of a dossier changes seldom and stands in indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seldom {
    pub(super) closed_at: Option<i64>,
    /// The number of its state, once it is closed.
    pub(super) closed_state: Option<i32>,
    pub(super) received_at: i64,
    pub(super) promised_at: i64,
    pub(super) calendar: [u8; 32],
}

impl Seldom {
    pub(super) fn of(summary: &Summary) -> Self {
        Self {
            closed_at: summary.closed_at.map(Timestamp::as_microsecond),
            closed_state: summary.closed_at.map(|_| summary.state),
            received_at: summary.received_at.as_microsecond(),
            promised_at: summary.promised_at.as_microsecond(),
            calendar: summary.calendar.0,
        }
    }
}

impl Head {
    /// Reads it from the tables.
    pub(super) fn read(connection: &Connection, id: &DossierId) -> Result<Option<Self>> {
        let sql = "SELECT d.number, h.sequence, h.last_position, h.last_hash, h.rings_at, h.owed,
                     h.steps, d.closed_at, d.received_at, d.promised_at, d.calendar, d.closed_state,
                     d.desk, d.procedure, h.state
                   FROM dossier d JOIN head h ON h.dossier = d.number WHERE d.id = ?1";
        let mut statement = connection.prepare_cached(sql)?;
        let head = statement.query_row(params![id.0], |row| {
            Ok(Self {
                number: row.get(0)?,
                sequence: row.get::<_, i64>(1)?.cast_unsigned(),
                last_position: row.get(2)?,
                last_hash: Digest(row.get(3)?),
                rings_at: row.get(4)?,
                owed: row.get(5)?,
                steps: row.get(6)?,
                desk: row.get(12)?,
                procedure: row.get(13)?,
                state: row.get(14)?,
                seldom: Seldom {
                    closed_at: row.get(7)?,
                    received_at: row.get(8)?,
                    promised_at: row.get(9)?,
                    calendar: row.get(10)?,
                    closed_state: row.get(11)?,
                },
            })
        });
        head.optional()
    }

    pub(super) fn owed(&self) -> Result<Vec<IndexRow>> {
        rows::decode(&self.owed)
    }

    pub(super) fn steps(&self) -> Result<Vec<IndexRow>> {
        rows::decode(&self.steps)
    }
}

/// The memory: of what is committed or in the open transaction. When it is full, it lets go of the half
/// that changed longest ago.
#[derive(Debug)]
pub(super) struct Heads {
    /// Those that changed since the others were the recent ones.
    recent: FxHashMap<DossierId, Head>,
    others: FxHashMap<DossierId, Head>,
    half: usize,
}

impl Default for Heads {
    fn default() -> Self {
        Self::with_room(HEADS_MAX)
    }
}

impl Heads {
    fn with_room(max: usize) -> Self {
        Self {
            recent: FxHashMap::default(),
            others: FxHashMap::default(),
            half: (max / 2).max(1),
        }
    }

    /// Takes a dossier's out: whoever changes it puts back what it is then, once that is written.
    pub(super) fn take(&mut self, id: &DossierId) -> Option<Head> {
        let recent = self.recent.remove(id);
        recent.or_else(|| self.others.remove(id))
    }

    /// Remembers what a dossier is now.
    pub(super) fn put(&mut self, id: DossierId, head: Head) {
        if self.recent.len() >= self.half {
            self.others = std::mem::take(&mut self.recent);
        }
        self.others.remove(&id);
        self.recent.insert(id, head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> DossierId {
        DossierId([number; 16])
    }

    fn head(number: i64, sequence: u64) -> Head {
        Head {
            number,
            desk: 1,
            procedure: 2,
            state: 1,
            sequence,
            last_position: 1,
            last_hash: Digest([0; 32]),
            rings_at: None,
            owed: Vec::new(),
            steps: Vec::new(),
            seldom: Seldom {
                closed_at: None,
                closed_state: None,
                received_at: 0,
                promised_at: 0,
                calendar: [0; 32],
            },
        }
    }

    #[test]
    fn what_changed_longest_ago_is_let_go_of() {
        let mut heads = Heads::with_room(4);
        for number in 1..=200 {
            heads.put(id(number), head(number.into(), 1));
            assert!(heads.recent.len() + heads.others.len() <= 4);
        }
        assert_eq!(heads.take(&id(1)), None);
        assert_eq!(heads.take(&id(200)), Some(head(200, 1)));
    }

    #[test]
    fn a_dossier_is_remembered_as_it_was_put_last() {
        let mut heads = Heads::with_room(4);
        heads.put(id(1), head(1, 1));
        heads.put(id(2), head(2, 1));
        heads.put(id(1), head(1, 2));
        assert_eq!(heads.take(&id(1)), Some(head(1, 2)));
        assert_eq!(heads.take(&id(1)), None, "taken");
    }
}
