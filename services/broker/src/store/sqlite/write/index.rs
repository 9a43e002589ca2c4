//! What is owed, timers and open steps: rows by which a dossier is found, of which only what differs is
//! written.

use super::{Numbered, Write};
use crate::store::sqlite::{
    heads::Head,
    rows::{self, IndexRow},
    statements::Usual,
};
use dossier::name::DossierId;
use rusqlite::{Result, params};

impl Write<'_> {
    /// Writes what differs between the rows that the dossier had and those that it has now.
    pub(super) fn index(&mut self, before: &Head, after: &Head, now: &Numbered) -> Result<()> {
        if before.owed != after.owed {
            self.index_owed(after.number, &before.owed()?, &now.owed)?;
        }
        if before.steps != after.steps {
            self.index_steps(after.number, &before.steps()?, &now.steps)?;
        }
        Ok(())
    }

    fn index_owed(&mut self, dossier: i64, had: &[IndexRow], now: &[IndexRow]) -> Result<()> {
        let to_somebody = |row: &&IndexRow| !row.is_timer();
        for row in had.iter().filter(to_somebody) {
            if now.contains(row) {
                continue;
            }
            match now.iter().find(|one| is_same(one, row)) {
                // Only its due date is another: it rests on, and is owed as long as before.
                Some(moved) if !had.contains(moved) => self.move_due_date(dossier, row, moved)?,
                Some(_) => self.pay(dossier, row)?,
                None => {
                    self.pay(dossier, row)?;
                    if self.known.has_attempts(self.connection)? {
                        self.forget_attempts(dossier, row)?;
                    }
                }
            }
        }
        for row in now.iter().filter(to_somebody) {
            if had.iter().any(|one| is_same(one, row)) {
                continue;
            }
            let IndexRow {
                due_at,
                agency,
                what,
                step,
                round,
            } = row;
            let values = params![agency, due_at, dossier, what, step, round, self.now];
            self.statements.run(Usual::Owe, values)?;
        }
        Ok(())
    }

    fn move_due_date(&mut self, dossier: i64, from: &IndexRow, to: &IndexRow) -> Result<()> {
        let values = params![
            from.agency,
            from.due_at,
            dossier,
            from.what,
            from.step,
            from.round,
            to.due_at
        ];
        self.statements.run(Usual::Postpone, values).map(drop)
    }

    /// Something is not owed any more.
    pub(in crate::store::sqlite) fn pay(&mut self, dossier: i64, row: &IndexRow) -> Result<()> {
        let values = params![
            row.agency, row.due_at, dossier, row.what, row.step, row.round
        ];
        self.statements.run(Usual::Pay, values).map(drop)
    }

    fn forget_attempts(&mut self, dossier: i64, row: &IndexRow) -> Result<()> {
        let gone = self.execute(
            "DELETE FROM attempt WHERE dossier = ?1 AND step = ?2 AND round = ?3",
            params![dossier, row.step, row.round],
        )?;
        if gone > 0 {
            self.known.forgot_attempts();
        }
        Ok(())
    }

    fn index_steps(&mut self, dossier: i64, had: &[IndexRow], now: &[IndexRow]) -> Result<()> {
        let open = |rows: &[IndexRow], one: &IndexRow| {
            let mut open = rows.iter().filter(|row| row.is_open_step());
            open.any(|row| (row.agency, row.step) == (one.agency, one.step))
        };
        for row in had.iter().filter(|row| row.is_open_step()) {
            if !open(now, row) {
                let values = params![row.agency, dossier, row.step];
                self.statements.run(Usual::Close, values)?;
            }
        }
        for row in now.iter().filter(|row| row.is_open_step()) {
            if !open(had, row) {
                let values = params![row.agency, dossier, row.step];
                self.statements.run(Usual::Open, values)?;
            }
        }
        Ok(())
    }

    /// Sets a dossier's timer, and gives where it stands then. One that is set for an earlier time stays:
    /// when that time comes it is set anew, and mostly the dossier has gone on before.
    pub(in crate::store::sqlite) fn set_timer(
        &mut self,
        before: &Head,
        next: Option<i64>,
    ) -> Result<Option<i64>> {
        match (before.rings_at, next) {
            (Some(set), Some(next)) if self.now < set && set <= next => Ok(Some(set)),
            (set, next) => self.move_timer(before.number, set, next),
        }
    }

    fn move_timer(
        &mut self,
        dossier: i64,
        set: Option<i64>,
        next: Option<i64>,
    ) -> Result<Option<i64>> {
        if set != next {
            if let Some(set) = set {
                self.statements.run(Usual::Unset, params![set, dossier])?;
            }
            if let Some(next) = next {
                self.statements.run(Usual::Set, params![next, dossier])?;
            }
        }
        Ok(next)
    }

    /// Sets the timer of a dossier for the time that it has by now.
    pub(super) fn set_timer_anew(&mut self, id: &DossierId) -> Result<()> {
        let Some(mut head) = self.take_head(id)? else {
            return Ok(());
        };
        let next = rows::next_timer(&head.owed()?);
        if head.rings_at != next {
            head.rings_at = self.move_timer(head.number, head.rings_at, next)?;
            self.execute(
                "UPDATE head SET rings_at = ?2 WHERE dossier = ?1",
                params![head.number, next],
            )?;
        }
        self.known.heads.put(*id, head);
        Ok(())
    }
}

/// Whether it is the same that is owed, whenever it is due.
fn is_same(one: &IndexRow, other: &IndexRow) -> bool {
    let due_at = None;
    IndexRow { due_at, ..*one } == IndexRow { due_at, ..*other }
}
