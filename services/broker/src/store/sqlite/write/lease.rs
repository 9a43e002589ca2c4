//! Blocks of numbers for dossier codes.

use super::Write;
use crate::store::{CodeBlock, CodeLease, sqlite::found};
use rusqlite::{OptionalExtension as _, Result, params};

impl Write<'_> {
    /// The block of a lease: the one that the same request got before, or a new one.
    pub(super) fn code_lease(&mut self, lease: &CodeLease) -> Result<CodeBlock> {
        if let Some(block) = self.leased_before(lease)? {
            return Ok(block);
        }
        let desk = self
            .known
            .words
            .number(self.connection, lease.desk.as_str())?;
        let (date, floor) = (lease.date.to_string(), lease.floor.max(1).cast_signed());
        let sql = "INSERT INTO code_sequence (desk, date, next) VALUES (?1, ?2, ?3 + ?4)
                   ON CONFLICT (desk, date) DO UPDATE SET next = max(next, ?3) + ?4
                   RETURNING next";
        let end: i64 = self
            .connection
            .prepare_cached(sql)?
            .query_row(params![desk, date, floor, lease.count], |row| row.get(0))?;
        let first = end - i64::from(lease.count);
        let request = lease.request.map(|request| request.0);
        self.execute(
            "INSERT INTO code_block (desk, date, first, until, request)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![desk, date, first, end, request],
        )?;
        Ok(CodeBlock {
            desk: lease.desk.clone(),
            date: lease.date,
            first: first.cast_unsigned(),
            count: lease.count,
        })
    }

    fn leased_before(&self, lease: &CodeLease) -> Result<Option<CodeBlock>> {
        let Some(request) = &lease.request else {
            return Ok(None);
        };
        let sql = "SELECT w.text, b.date, b.first, b.until FROM code_block b
                   JOIN word w ON w.word = b.desk WHERE b.request = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row(params![request.0], |row| {
            let (first, until): (i64, i64) = (row.get(2)?, row.get(3)?);
            Ok(CodeBlock {
                desk: found::name(row, 0)?,
                date: found::day(row, 1)?,
                first: first.cast_unsigned(),
                count: u32::try_from(until - first).unwrap_or_default(),
            })
        });
        found.optional()
    }
}
