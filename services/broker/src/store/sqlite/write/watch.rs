//! What is written for operators: whose dossiers are, what is counted, suspended and done.

use super::Write;
use crate::store::{
    Audit, Change, DossierFault, PersonKey, Position, Suspended, SuspensionChange, TallyKey,
    sqlite::watch::month,
};
use dossier::name::Digest;
use rusqlite::{OptionalExtension as _, Result, params};
use rustc_hash::FxHashMap;

impl Write<'_> {
    pub(super) fn person(&self, key: &PersonKey, dossier: i64) -> Result<()> {
        let sql = "INSERT OR IGNORE INTO person (key, dossier) VALUES (?1, ?2)";
        self.execute(sql, params![key.0, dossier]).map(drop)
    }

    /// Nobody finds the dossier by a person any more.
    pub(in crate::store::sqlite) fn forget_persons(&self, dossier: i64) -> Result<()> {
        self.execute("DELETE FROM person WHERE dossier = ?1", [dossier])
            .map(drop)
    }

    /// Counts what happened in the changes that are kept.
    pub(super) fn count(
        &mut self,
        changes: &[Change],
        kept: &[std::result::Result<Position, DossierFault>],
    ) -> Result<()> {
        let mut counts: FxHashMap<&TallyKey, u32> = FxHashMap::default();
        let kept = changes.iter().zip(kept).filter(|(_, kept)| kept.is_ok());
        for key in kept.flat_map(|(change, _)| &change.tallies) {
            *counts.entry(key).or_default() += 1;
        }
        for (key, count) in counts {
            let words = &mut self.known.words;
            let name = words.number(self.connection, key.name)?;
            let agency = words.number(self.connection, key.agency.as_str())?;
            self.execute(
                "INSERT INTO tally (day, name, agency, bucket, count) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (day, name, agency, bucket) DO UPDATE SET count = count + ?5",
                params![key.day.to_string(), name, agency, key.bucket, count],
            )?;
            self.execute(
                "INSERT INTO tally_month (month, name, agency, bucket, count)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (month, name, agency, bucket) DO UPDATE SET count = count + ?5",
                params![month(key.day), name, agency, key.bucket, count],
            )?;
        }
        Ok(())
    }

    pub(super) fn suspension(&self, change: &SuspensionChange) -> Result<()> {
        match change {
            SuspensionChange::Suspend(one) => {
                let (kind, name) = suspended(&one.what);
                self.execute(
                    "INSERT OR IGNORE INTO suspension (kind, name, since, operator, reason)
                     VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![
                        kind,
                        name,
                        one.since.as_microsecond(),
                        one.operator,
                        one.reason
                    ],
                )?;
            }
            SuspensionChange::Resume(what) => {
                let sql = "DELETE FROM suspension WHERE kind = ?1 AND name = ?2";
                self.execute(sql, params![suspended(what).0, suspended(what).1])?;
            }
        }
        Ok(())
    }

    pub(super) fn audit(&self, audit: &Audit) -> Result<()> {
        let last = "SELECT number, hash FROM audit ORDER BY number DESC LIMIT 1";
        let last: Option<(i64, Digest)> = self
            .connection
            .prepare_cached(last)?
            .query_row([], |row| Ok((row.get(0)?, Digest(row.get(1)?))))
            .optional()?;
        let (before, previous) = last.unwrap_or((0, Audit::HASH_BEFORE_FIRST));
        let number = before + 1;
        let hash = audit.hash(number.cast_unsigned(), &previous);
        self.execute(
            "INSERT INTO audit (number, at, operator, via, call, dossier, subject, reason, before,
               after, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                number,
                audit.at.as_microsecond(),
                audit.operator,
                audit.via.as_deref().unwrap_or_default(),
                audit.call,
                audit.dossier_id.as_ref().map_or(&[][..], |id| &id.0),
                audit.subject,
                audit.reason,
                audit.before,
                audit.after,
                hash.0,
            ],
        )
        .map(drop)
    }
}

/// How it stands in the table.
fn suspended(what: &Suspended) -> (i32, &str) {
    match what {
        Suspended::Department(agency) => (1, agency.as_str()),
        Suspended::Procedure(procedure) => (2, procedure.as_str()),
    }
}
