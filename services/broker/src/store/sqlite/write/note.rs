//! What is kept beside the dossiers' events: incidents, attempts, blobs, quarantines.

use super::Write;
use crate::store::{
    AttemptChange, Blob, IncidentChange, IncidentKey, Quarantine, sqlite::rows::IndexRow,
};
use rusqlite::{Result, params};

impl Write<'_> {
    pub(super) fn incident(&mut self, change: &IncidentChange) -> Result<()> {
        let changed = match change {
            IncidentChange::Happened { key, vi, en, at } => {
                self.known.opened(self.connection, key)?;
                let (dossier_id, step, agency) = columns(key);
                self.execute(
                    "INSERT INTO incident
                       (cause, dossier_id, step, agency, vi, en, opened_at, last_at, count, dossier)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1,
                       (SELECT number FROM dossier WHERE id = ?2))
                     ON CONFLICT (cause, dossier_id, step, agency) WHERE closed_at IS NULL
                     DO UPDATE SET count = count + 1, last_at = ?7, vi = ?5, en = ?6",
                    params![
                        key.cause,
                        dossier_id,
                        step,
                        agency,
                        vi,
                        en,
                        at.as_microsecond()
                    ],
                )?
            }
            IncidentChange::Over { key, at } => {
                if !self.known.is_open(self.connection, key)? {
                    return Ok(());
                }
                self.known.is_over(key);
                let (dossier_id, step, agency) = columns(key);
                self.execute(
                    "UPDATE incident SET closed_at = ?5 WHERE cause = ?1 AND dossier_id = ?2
                     AND step = ?3 AND agency = ?4 AND closed_at IS NULL",
                    params![key.cause, dossier_id, step, agency, at.as_microsecond()],
                )?
            }
            IncidentChange::Closed { number, at, audit } => {
                self.known.forget_incidents();
                let closed = self.execute(
                    "UPDATE incident SET closed_at = ?2 WHERE number = ?1 AND closed_at IS NULL",
                    params![number.cast_signed(), at.as_microsecond()],
                )?;
                if let Some(audit) = audit.as_ref().filter(|_| closed > 0) {
                    self.audit(audit)?;
                }
                closed
            }
        };
        self.incidents += changed as u64;
        Ok(())
    }

    pub(super) fn blob(&self, blob: &Blob) -> Result<()> {
        self.execute(
            "INSERT OR IGNORE INTO kept_blob (kind, digest, bytes) VALUES (?1, ?2, ?3)",
            params![blob.kind.number(), blob.digest.0, blob.bytes],
        )?;
        Ok(())
    }

    /// Remembers attempts at what is still owed; for anything else there is nothing to remember.
    pub(super) fn attempt(&mut self, change: &AttemptChange) -> Result<()> {
        let step = self
            .known
            .words
            .number(self.connection, change.step.as_str())?;
        if change.attempts == 0 {
            self.execute(
                "DELETE FROM attempt WHERE step = ?2 AND round = ?3
                 AND dossier = (SELECT number FROM dossier WHERE id = ?1)",
                params![change.dossier_id.0, step, change.round],
            )?;
            self.known.forgot_attempts();
            return Ok(());
        }
        let Some(head) = self.take_head(&change.dossier_id)? else {
            return Ok(());
        };
        let (dossier, owed) = (head.number, head.owed()?);
        self.known.heads.put(change.dossier_id, head);
        let is_it = |row: &IndexRow| row.step == step && row.round == change.round;
        if !owed.iter().any(is_it) {
            return Ok(());
        }
        self.known.attempted();
        self.execute(
            "INSERT OR REPLACE INTO attempt (dossier, step, round, attempts, next_at, last_error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                dossier,
                step,
                change.round,
                change.attempts,
                change.next_at.as_microsecond(),
                change.last_error
            ],
        )?;
        Ok(())
    }

    pub(super) fn quarantine(&self, change: &Quarantine) -> Result<()> {
        self.execute(
            "UPDATE dossier SET quarantined = ?2 WHERE id = ?1",
            params![change.dossier_id.0, change.why],
        )?;
        Ok(())
    }
}

fn columns(key: &IncidentKey) -> (&[u8], &str, &str) {
    (
        key.dossier_id.as_ref().map_or(&[], |id| &id.0),
        key.step.as_ref().map_or("", |step| step.as_str()),
        key.agency.as_ref().map_or("", |agency| agency.as_str()),
    )
}
