//! Erasing what is personal of a dossier. Its chain stays, and verifies.

use super::{
    frames::{self, Personal, Records},
    write::Write,
};
use crate::{records, store::Erased};
use dossier::name::{Digest, DossierId};
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, Result, params};
use std::collections::BTreeSet;

impl Write<'_> {
    /// Erases one dossier, if it may be.
    pub(super) fn erase(&mut self, id: &DossierId, at: Timestamp) -> Result<Option<Erased>> {
        let sql = "UPDATE dossier SET erased_at = ?2
                   WHERE id = ?1 AND closed_at IS NOT NULL AND erased_at IS NULL
                     AND quarantined IS NULL
                   RETURNING code";
        let code: Option<String> = self
            .connection
            .prepare_cached(sql)?
            .query_row(params![id.0, at.as_microsecond()], |row| row.get(0))
            .optional()?;
        let Some(code) = code else {
            return Ok(None);
        };
        // Out of the memory, too: what is owed changes.
        let Some(head) = self.take_head(id)? else {
            return Ok(None);
        };
        // What was still to be told of it is told to nobody: nothing could be told any more.
        let sql = "UPDATE head SET owed = x'', rings_at = NULL WHERE dossier = ?1";
        self.execute(sql, [head.number])?;
        self.execute("DELETE FROM attempt WHERE dossier = ?1", [head.number])?;
        self.known.forgot_attempts();
        for row in head.owed()?.iter().filter(|row| !row.is_timer()) {
            self.pay(head.number, row)?;
        }
        self.set_timer(&head, None)?;
        self.forget_persons(head.number)?;
        let mut named = self.erase_records(head.number, head.last_position)?;
        for kept in self.in_vault(&code)? {
            named.remove(&kept);
        }
        for digest in &named {
            self.execute(
                "DELETE FROM document_grant WHERE digest = ?1 AND dossier = ?2",
                params![digest.0, head.number],
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
        let sql = "SELECT r.bytes, p.bytes, r.previous FROM record r
                   LEFT JOIN personal p ON p.position = r.position
                   WHERE r.position = ?1 AND r.dossier = ?2";
        let mut record = self.connection.prepare_cached(sql)?;
        let mut named = BTreeSet::new();
        let mut next = Some(last_position);
        while let Some(position) = next {
            let mut desks = BTreeSet::new();
            let previous = record.query_row(params![position, dossier], |row| {
                let kept: Records = frames::decode(row.get_ref(0)?.as_blob()?)?;
                named.extend(kept.records.iter().flat_map(|one| records::documents(one)));
                if let Some(personal) = row.get_ref(1)?.as_blob_or_null()? {
                    let personal: Personal = frames::decode(personal)?;
                    desks.extend(personal.told.into_iter().flat_map(|told| told.desks));
                }
                row.get::<_, Option<i64>>(2)
            })?;
            self.execute("DELETE FROM personal WHERE position = ?1", [position])?;
            for desk in desks {
                self.execute(
                    "DELETE FROM notice WHERE desk = ?1 AND position = ?2",
                    params![desk, position],
                )?;
            }
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
