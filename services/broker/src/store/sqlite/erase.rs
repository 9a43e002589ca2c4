//! Erasing what is personal of a dossier. Its chain stays, and verifies.

use super::{
    rows,
    write::{Write, notice_positions},
};
use crate::{records, store::Erased};
use dossier::name::{Digest, DossierId};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Result, params};
use std::collections::BTreeSet;

impl Write<'_> {
    /// Erases one dossier, if it may be.
    pub(super) fn erase(&self, id: &DossierId, at: Timestamp) -> Result<Option<Erased>> {
        let sql = "SELECT owed FROM dossier WHERE id = ?1";
        let owed = self
            .connection
            .prepare_cached(sql)?
            .query_row([id.0], |row| Ok(rows::decode(row.get_ref(0)?.as_blob()?)))
            .optional()?
            .unwrap_or_default();
        // What was still to be told of it is told to nobody: nothing could be told any more.
        let sql = "UPDATE dossier SET erased_at = ?2, owed = x''
                   WHERE id = ?1 AND closed_at IS NOT NULL AND erased_at IS NULL
                     AND quarantined IS NULL
                   RETURNING number, last_position, code";
        let found = self
            .connection
            .prepare_cached(sql)?
            .query_row(params![id.0, at.as_microsecond()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let Some((number, last_position, code)): Option<(i64, i64, String)> = found else {
            return Ok(None);
        };
        self.execute("DELETE FROM attempt WHERE dossier = ?1", [number])?;
        for row in &owed {
            self.execute(
                "DELETE FROM owed WHERE agency = ?1 AND due_at = ?2 AND dossier = ?3 AND kind = ?4
                 AND step = ?5 AND round = ?6",
                params![
                    row.agency, row.due_at, number, row.what, row.step, row.round
                ],
            )?;
        }
        let mut named = self.erase_records(number, last_position)?;
        for kept in self.in_vault(&code)? {
            named.remove(&kept);
        }
        for digest in &named {
            self.execute(
                "DELETE FROM document_grant WHERE digest = ?1 AND dossier = ?2",
                params![digest.0, number],
            )?;
        }
        Ok(Some(Erased {
            dossier_id: *id,
            documents: named.into_iter().collect(),
        }))
    }

    /// Follows the records backwards, and takes away what lies beside each. Gives the documents that
    /// they name.
    fn erase_records(&self, dossier: i64, last_position: i64) -> Result<BTreeSet<Digest>> {
        let sql = "SELECT bytes, previous FROM record WHERE position = ?1 AND dossier = ?2";
        let mut record = self.connection.prepare_cached(sql)?;
        let mut named = BTreeSet::new();
        let mut next = Some(last_position);
        while let Some(position) = next {
            let previous = record.query_row(params![position, dossier], |row| {
                named.extend(records::documents(row.get_ref(0)?.as_blob()?));
                row.get::<_, Option<i64>>(1)
            })?;
            self.execute("DELETE FROM personal WHERE position = ?1", [position])?;
            let told = notice_positions(position);
            self.execute(
                "DELETE FROM notice WHERE position >= ?1 AND position < ?2",
                [told.start, told.end],
            )?;
            // A damaged file must not send us round in a circle.
            next = previous.filter(|earlier| *earlier < position);
        }
        Ok(named)
    }

    /// The documents of what the vault has of a dossier.
    fn in_vault(&self, dossier_code: &str) -> Result<Vec<Digest>> {
        let sql = "SELECT t.bytes FROM vault v JOIN vault_content t ON t.vault = v.number
                   WHERE v.code >= ?1 AND v.code < ?2";
        let mut statement = self.connection.prepare_cached(sql)?;
        let from = format!("{dossier_code}-KQ");
        let until = format!("{dossier_code}-KR");
        let mut rows = statement.query([from, until])?;
        let mut kept = Vec::new();
        while let Some(row) = rows.next()? {
            if let Ok(given) = records::decode_given(row.get_ref(0)?.as_blob()?) {
                kept.extend(given.documents.iter().map(|document| document.digest));
            }
        }
        Ok(kept)
    }
}
