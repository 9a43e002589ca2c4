//! How work flows: the open steps from each desk to each agency, and how many of them are late.

use super::{found::name, rows, watch::count};
use crate::store::FlowRow;
use rusqlite::{Connection, Result};
use rustc_hash::{FxHashMap, FxHashSet};

/// From which desk, in which procedure and step, to which agency: words by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Flow {
    pub(super) desk: u32,
    pub(super) procedure: u32,
    pub(super) step: u32,
    pub(super) agency: u32,
}

/// Every flow that has open steps, by name.
pub(super) fn flows(c: &Connection) -> Result<Vec<FlowRow>> {
    let late = late(c)?;
    let sql = "SELECT k.text, p.text, s.text, a.text, f.open, f.desk, f.procedure, f.step, f.agency
               FROM flow f
               JOIN word k ON k.word = f.desk JOIN word p ON p.word = f.procedure
               JOIN word s ON s.word = f.step JOIN word a ON a.word = f.agency
               ORDER BY 1, 2, 3, 4";
    c.prepare_cached(sql)?
        .query_map([], |row| {
            let flow = Flow {
                desk: row.get(5)?,
                procedure: row.get(6)?,
                step: row.get(7)?,
                agency: row.get(8)?,
            };
            Ok(FlowRow {
                desk: name(row, 0)?,
                procedure: name(row, 1)?,
                step: name(row, 2)?,
                agency: name(row, 3)?,
                open: count(row, 4)?,
                overdue: late.get(&flow).copied().unwrap_or_default(),
            })
        })?
        .collect()
}

/// How many open steps of each flow are past their limit: an open incident says so of each.
fn late(c: &Connection) -> Result<FxHashMap<Flow, u64>> {
    let sql = "SELECT d.number, w.word, d.desk, d.procedure, h.steps
               FROM incident i INDEXED BY incident_open_by_cause
               JOIN dossier d ON d.number = i.dossier JOIN head h ON h.dossier = d.number
               JOIN word w ON w.text = i.step
               WHERE i.cause = 'LIMIT_PASSED' AND i.closed_at IS NULL";
    let (mut late, mut seen) = (FxHashMap::default(), FxHashSet::default());
    let mut statement = c.prepare_cached(sql)?;
    let mut found = statement.query([])?;
    while let Some(row) = found.next()? {
        let (dossier, step): (i64, u32) = (row.get(0)?, row.get(1)?);
        // Whoever had the step before may have one of its own.
        if !seen.insert((dossier, step)) {
            continue;
        }
        for with in rows::decode(row.get_ref(4)?.as_blob()?)? {
            if with.is_open_step() && with.step == step {
                let flow = Flow {
                    desk: row.get(2)?,
                    procedure: row.get(3)?,
                    step,
                    agency: with.agency,
                };
                *late.entry(flow).or_default() += 1;
            }
        }
    }
    Ok(late)
}
