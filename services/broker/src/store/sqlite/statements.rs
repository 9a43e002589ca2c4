//! The statements that nearly every change needs, kept ready for as long as a batch lasts: to find one
//! among all prepared ones costs as much as a part of running it.

use rusqlite::{CachedStatement, Connection, Params, Result};

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Usual {
    Record,
    Personal,
    Notice,
    Begin,
    GoOn,
    Owe,
    Pay,
    Postpone,
    Set,
    Unset,
    Open,
    Close,
}

const COUNT: usize = Usual::Close as usize + 1;

impl Usual {
    fn sql(self) -> &'static str {
        match self {
            Self::Record => {
                "INSERT INTO record (position, partition, dossier, sequence, previous, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            }
            Self::Personal => "INSERT INTO personal (position, bytes) VALUES (?1, ?2)",
            Self::Notice => "INSERT INTO notice (desk, position, dossier) VALUES (?1, ?2, ?3)",
            Self::Begin => {
                "INSERT INTO head (dossier, state, sequence, last_position, rings_at, last_hash,
                   owed, steps)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
            }
            Self::GoOn => {
                "UPDATE head SET state = ?2, sequence = ?3, last_position = ?4, rings_at = ?5,
                   last_hash = ?6, owed = ?7, steps = ?8
                 WHERE dossier = ?1"
            }
            Self::Owe => {
                "INSERT INTO owed (agency, due_at, dossier, kind, step, round, since)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
            }
            Self::Pay => {
                "DELETE FROM owed WHERE agency = ?1 AND due_at = ?2 AND dossier = ?3 AND kind = ?4
                 AND step = ?5 AND round = ?6"
            }
            Self::Postpone => {
                "UPDATE owed SET due_at = ?7
                 WHERE agency = ?1 AND due_at = ?2 AND dossier = ?3 AND kind = ?4 AND step = ?5
                 AND round = ?6"
            }
            Self::Set => "INSERT INTO timer (at, dossier) VALUES (?1, ?2)",
            Self::Unset => "DELETE FROM timer WHERE at = ?1 AND dossier = ?2",
            Self::Open => "INSERT INTO step (agency, dossier, step) VALUES (?1, ?2, ?3)",
            Self::Close => "DELETE FROM step WHERE agency = ?1 AND dossier = ?2 AND step = ?3",
        }
    }
}

/// Those that a batch has needed so far.
pub(super) struct Statements<'c> {
    connection: &'c Connection,
    ready: [Option<CachedStatement<'c>>; COUNT],
}

impl<'c> Statements<'c> {
    pub(super) fn of(connection: &'c Connection) -> Self {
        Self {
            connection,
            ready: [const { None }; COUNT],
        }
    }

    /// Runs one, and gives how many rows it changed.
    pub(super) fn run(&mut self, which: Usual, values: impl Params) -> Result<usize> {
        let statement = match &mut self.ready[which as usize] {
            Some(ready) => ready,
            none => none.insert(self.connection.prepare_cached(which.sql())?),
        };
        statement.execute(values)
    }
}
