//! What page one tells, counted as it changes: nobody counts a hundred thousand rows to look at it.

use super::{Numbered, Write};
use crate::store::sqlite::{flow::Flow, heads::Head, rows::IndexRow};
use rusqlite::{Result, params};
use rustc_hash::FxHashMap;

/// By how much the counts differ from what their tables say, since the transaction began.
#[derive(Debug, Clone, Default)]
pub(super) struct Moved {
    flows: FxHashMap<Flow, i64>,
    states: FxHashMap<i32, i64>,
}

impl Moved {
    /// A dossier changed.
    pub(super) fn change(&mut self, before: &Head, after: &Head, now: &Numbered) -> Result<()> {
        let was_there = before.sequence > 0;
        let was_open = was_there && before.seldom.closed_at.is_none();
        let is_open = after.seldom.closed_at.is_none();
        if (was_open, before.state) != (is_open, after.state) {
            *self.states.entry(before.state).or_default() -= i64::from(was_open);
            *self.states.entry(after.state).or_default() += i64::from(is_open);
        }
        if before.steps != after.steps {
            self.step(after, &before.steps()?, -1);
            self.step(after, &now.steps, 1);
        }
        Ok(())
    }

    fn step(&mut self, head: &Head, rows: &[IndexRow], by: i64) {
        for row in rows.iter().filter(|row| row.is_open_step()) {
            let flow = Flow {
                desk: head.desk,
                procedure: head.procedure,
                step: row.step,
                agency: row.agency,
            };
            *self.flows.entry(flow).or_default() += by;
        }
    }
}

impl Write<'_> {
    /// Writes the counts as they are after the batch.
    pub(super) fn write_moved(&mut self) -> Result<()> {
        let moved = std::mem::take(&mut self.moved);
        for (flow, by) in moved.flows.into_iter().filter(|(_, by)| *by != 0) {
            self.execute(
                "INSERT INTO flow (desk, procedure, step, agency, open) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (desk, procedure, step, agency) DO UPDATE SET open = open + ?5",
                params![flow.desk, flow.procedure, flow.step, flow.agency, by],
            )?;
            if by < 0 {
                self.execute(
                    "DELETE FROM flow WHERE desk = ?1 AND procedure = ?2 AND step = ?3
                     AND agency = ?4 AND open = 0",
                    params![flow.desk, flow.procedure, flow.step, flow.agency],
                )?;
            }
        }
        for (state, by) in moved.states.into_iter().filter(|(_, by)| *by != 0) {
            self.execute(
                "INSERT INTO open_by_state (state, open) VALUES (?1, ?2)
                 ON CONFLICT (state) DO UPDATE SET open = open + ?2",
                params![state, by],
            )?;
        }
        Ok(())
    }
}
