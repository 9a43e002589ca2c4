//! What the writer remembers of the tables, so that it need not look at every change: words by number,
//! where dossiers stand and the log ends, which incidents are open, and whether anything was tried in
//! vain.

use super::{found::incident_key, heads::Heads, words::Words};
use crate::store::IncidentKey;
use rusqlite::{Connection, Result};
use std::collections::HashSet;

/// The writer's memory: of what is committed or in its open transaction. It is let go of when that
/// transaction fails.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The words.
    pub(super) words: Words,
    /// Where dossiers stand that changed last.
    pub(super) heads: Heads,
    /// The position of the last record; none until somebody asks.
    last_position: Option<i64>,
    /// Open incidents; none until somebody asks.
    open_incidents: Option<HashSet<IncidentKey>>,
    /// Whether any attempt is kept; none until somebody asks.
    has_attempts: Option<bool>,
}

impl Known {
    /// The position of the last record; 0 before the first.
    pub(super) fn last_position(&mut self, connection: &Connection) -> Result<i64> {
        if let Some(position) = self.last_position {
            return Ok(position);
        }
        let sql = "SELECT coalesce(max(position), 0) FROM record";
        let position = connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get(0))?;
        self.last_position = Some(position);
        Ok(position)
    }

    /// A change was written whose last record has this position.
    pub(super) fn reached(&mut self, position: i64) {
        self.last_position = Some(position);
    }

    /// Whether this incident is open.
    pub(super) fn is_open(&mut self, connection: &Connection, key: &IncidentKey) -> Result<bool> {
        Ok(self.open_incidents(connection)?.contains(key))
    }

    /// An incident is open from now on.
    pub(super) fn opened(&mut self, connection: &Connection, key: &IncidentKey) -> Result<()> {
        self.open_incidents(connection)?.insert(key.clone());
        Ok(())
    }

    /// An incident is over.
    pub(super) fn is_over(&mut self, key: &IncidentKey) {
        if let Some(open) = &mut self.open_incidents {
            open.remove(key);
        }
    }

    /// A person closed one by its number.
    pub(super) fn forget_incidents(&mut self) {
        self.open_incidents = None;
    }

    /// Whether anything was tried in vain and is owed still: seldom, for most departments answer.
    pub(super) fn has_attempts(&mut self, connection: &Connection) -> Result<bool> {
        if let Some(has) = self.has_attempts {
            return Ok(has);
        }
        let sql = "SELECT EXISTS (SELECT 1 FROM attempt)";
        let has = connection
            .prepare_cached(sql)?
            .query_row([], |row| row.get(0))?;
        self.has_attempts = Some(has);
        Ok(has)
    }

    /// Something was tried in vain.
    pub(super) fn attempted(&mut self) {
        self.has_attempts = Some(true);
    }

    /// Attempts were let go of: there may be none any more.
    pub(super) fn forgot_attempts(&mut self) {
        self.has_attempts = None;
    }

    fn open_incidents(&mut self, connection: &Connection) -> Result<&mut HashSet<IncidentKey>> {
        if self.open_incidents.is_none() {
            let sql =
                "SELECT cause, dossier_id, step, agency FROM incident WHERE closed_at IS NULL";
            let mut statement = connection.prepare_cached(sql)?;
            let open = statement.query_map([], |row| incident_key(row, 0))?;
            self.open_incidents = Some(open.collect::<Result<_>>()?);
        }
        Ok(self.open_incidents.get_or_insert_default())
    }
}
