//! Retention: what was kept for a dossier goes some days after it is closed, and not before.

use super::{Store, StoreError, inbox::SUPERSEDED, now_us};
use node::documents::Digest;
use rusqlite::params;

/// Dossiers that one call forgets.
const DOSSIERS_MAX: i64 = 100;

impl Store {
    /// The dossier is closed since `closed_at_us`, microseconds since 1970.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn close_dossier(
        &self,
        dossier_id: &str,
        closed_at_us: i64,
    ) -> Result<(), StoreError> {
        let dossier_id = dossier_id.to_owned();
        let sql = "INSERT OR IGNORE INTO closed VALUES (?1, ?2)";
        self.embedded
            .write(move |c| {
                c.prepare_cached(sql)?
                    .execute(params![dossier_id, closed_at_us])
            })
            .await?;
        Ok(())
    }

    /// Lets go of dossiers closed before `closed_before_us` of which no report waits, with the
    /// documents that no other dossier uses; how far their steps had come stays. Says how many went;
    /// call again until it says 0.
    ///
    /// # Errors
    /// [`StoreError`]; what was not forgotten is at the next call.
    pub async fn forget(&self, closed_before_us: i64) -> Result<usize, StoreError> {
        let any = "SELECT EXISTS (SELECT 1 FROM closed WHERE closed_at < ?1)";
        let is_any: bool = self
            .embedded
            .read(move |c| {
                c.prepare_cached(any)?
                    .query_row([closed_before_us], |row| row.get(0))
            })
            .await?;
        if !is_any {
            return Ok(0);
        }
        let sequence = self.sequence.clone();
        let forgotten = self.embedded.write(move |c| {
            let dossier_ids: Vec<String> = c
                .prepare_cached(
                    "SELECT dossier_id FROM closed AS c WHERE closed_at < ?1 AND NOT EXISTS
                     (SELECT 1 FROM outbox AS o WHERE o.dossier_id = c.dossier_id AND o.state = 0)
                     LIMIT ?2",
                )?
                .query_map([closed_before_us, DOSSIERS_MAX], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            let mut digests: Vec<Digest> = Vec::new();
            for dossier_id in &dossier_ids {
                let used: Vec<Digest> = c
                    .prepare_cached("SELECT digest FROM document_use WHERE dossier_id = ?1")?
                    .query_map([dossier_id], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                c.prepare_cached(
                    "INSERT INTO let_go (dossier_id, step_id, round, recorded_at, life)
                     SELECT dossier_id, step_id, round, recorded_at, life
                     FROM (SELECT *, MAX(sequence) FROM inbox
                           WHERE dossier_id = ?1 AND state != ?2 GROUP BY step_id) WHERE TRUE
                     ON CONFLICT (dossier_id, step_id) DO UPDATE SET round = excluded.round,
                       recorded_at = excluded.recorded_at, life = excluded.life",
                )?
                .execute(params![dossier_id, SUPERSEDED])?;
                for table in ["inbox", "outbox", "notice", "document_use", "closed"] {
                    c.execute(
                        &format!("DELETE FROM {table} WHERE dossier_id = ?1"),
                        [dossier_id],
                    )?;
                }
                digests.extend(used);
            }
            // A sequence number that is in use nowhere must still not come twice.
            c.execute(
                "INSERT INTO meta VALUES ('sequence', ?1)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                [sequence.load(std::sync::atomic::Ordering::Relaxed)],
            )?;
            Ok((dossier_ids.len(), digests))
        });
        let (forgotten, digests) = forgotten.await?;
        let documents = self.documents.clone();
        let removed = self.embedded.write(move |c| {
            for digest in digests {
                let used: bool = c
                    .prepare_cached("SELECT EXISTS (SELECT 1 FROM document_use WHERE digest = ?1)")?
                    .query_row([digest], |row| row.get(0))?;
                if !used && let Err(error) = std::fs::remove_file(documents.path(&digest)) {
                    tracing::warn!(%error, "a document that nobody uses stays");
                }
            }
            Ok(())
        });
        removed.await?;
        Ok(forgotten)
    }

    /// As [`forget`](Self::forget), for what was closed `days` days ago or earlier.
    ///
    /// # Errors
    /// As [`forget`](Self::forget).
    pub async fn forget_after(&self, days: u32) -> Result<usize, StoreError> {
        self.forget(now_us() - i64::from(days) * 24 * 3_600 * 1_000_000)
            .await
    }
}
