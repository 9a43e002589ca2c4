//! The rows beside the files: which documents are complete, and which systems sent all the bytes.

use dossier::name::Digest;
use jiff::Timestamp;
use node::embedded::{Embedded, EmbeddedError};
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Result, params};
use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::runtime::Handle;

const FILE_NAME: &str = "register.db";
const MIGRATIONS: &[&str] = &["
    CREATE TABLE document (
      digest     BLOB PRIMARY KEY,
      size_bytes INTEGER NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    -- A system that sent all the bytes may name the document until the claim expires. `named` is
    -- set when a dossier was seen to name it, and only spares the system's allowance.
    CREATE TABLE claim (
      system     TEXT NOT NULL,
      digest     BLOB NOT NULL,
      expires_at INTEGER NOT NULL,
      named      INTEGER NOT NULL DEFAULT 0,
      PRIMARY KEY (system, digest)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX claim_by_digest ON claim (digest);
    CREATE INDEX claim_by_expiry ON claim (expires_at);
"];

pub(super) struct Register {
    rows: Embedded,
    /// For answers that may not wait for a thread.
    reader: Mutex<Connection>,
}

impl Register {
    pub(super) fn open(folder: &Path) -> Result<Self, EmbeddedError> {
        let rows = Embedded::open(folder, FILE_NAME, MIGRATIONS)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let reader = Connection::open_with_flags(folder.join(FILE_NAME), flags)?;
        reader.busy_timeout(std::time::Duration::from_secs(5))?;
        Ok(Self {
            rows,
            reader: Mutex::new(reader),
        })
    }

    fn reader(&self) -> MutexGuard<'_, Connection> {
        // It only reads: a panic elsewhere leaves it whole.
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn lost(&self) {
        self.rows.lost().await;
    }

    /// The size of a document that this system sent completely and may still name.
    pub(super) fn owned(
        &self,
        system: &str,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<Option<u64>> {
        let sql = "SELECT d.size_bytes FROM claim c JOIN document d ON d.digest = c.digest
                   WHERE c.system = ?1 AND c.digest = ?2 AND c.expires_at > ?3";
        self.reader()
            .prepare_cached(sql)?
            .query_row(params![system, digest.0, now.as_millisecond()], size)
            .optional()
    }

    /// The size of a complete document.
    pub(super) fn size(&self, digest: &Digest) -> Result<Option<u64>> {
        self.reader()
            .prepare_cached("SELECT size_bytes FROM document WHERE digest = ?1")?
            .query_row(params![digest.0], size)
            .optional()
    }

    /// How many bytes each system sent that no dossier was seen to name.
    pub(super) fn unnamed_bytes(&self) -> Result<HashMap<String, u64>> {
        let sql = "SELECT c.system, sum(d.size_bytes) FROM claim c
                   JOIN document d ON d.digest = c.digest WHERE c.named = 0 GROUP BY c.system";
        self.reader()
            .prepare(sql)?
            .query_map([], |row| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
            })?
            .collect()
    }

    /// What a system sent and no dossier was seen to name.
    pub(super) fn unnamed(&self, system: &str, now: Timestamp) -> Result<Vec<(Digest, u64)>> {
        let sql = "SELECT d.size_bytes, d.digest FROM claim c
                   JOIN document d ON d.digest = c.digest
                   WHERE c.system = ?1 AND c.named = 0 AND c.expires_at > ?2";
        self.reader()
            .prepare_cached(sql)?
            .query_map(params![system, now.as_millisecond()], |row| {
                Ok((Digest(row.get(1)?), size(row)?))
            })?
            .collect()
    }

    /// Documents that a claim of has expired, at most `limit`, and whether they can go.
    pub(super) fn expired(&self, now: Timestamp, limit: u32) -> Result<Vec<Digest>> {
        let sql = "SELECT DISTINCT digest FROM claim WHERE expires_at <= ?1 LIMIT ?2";
        self.reader()
            .prepare_cached(sql)?
            .query_map(params![now.as_millisecond(), limit], |row| {
                row.get(0).map(Digest)
            })?
            .collect()
    }

    /// Complete documents that no system has a claim to, by digest, at most `limit`; the next page
    /// begins after the last one.
    pub(super) fn unclaimed(&self, after: Option<&Digest>, limit: u32) -> Result<Vec<Digest>> {
        let sql = "SELECT d.digest FROM document d WHERE d.digest > ?1
                   AND NOT EXISTS (SELECT 1 FROM claim c WHERE c.digest = d.digest)
                   ORDER BY d.digest LIMIT ?2";
        let after = after.map_or(&[][..], |digest| &digest.0);
        self.reader()
            .prepare_cached(sql)?
            .query_map(params![after, limit], |row| row.get(0).map(Digest))?
            .collect()
    }

    /// Writes down that a system sent all the bytes. Blocks until it is durable; to be called on a
    /// thread that may block, with the document's shelf held and its file synced.
    pub(super) fn complete(
        &self,
        system: String,
        digest: Digest,
        size_bytes: u64,
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<(), EmbeddedError> {
        Handle::current().block_on(self.rows.write(move |c| {
            c.prepare_cached(
                "INSERT OR IGNORE INTO document (digest, size_bytes, created_at)
                 VALUES (?1, ?2, ?3)",
            )?
            .execute(params![
                digest.0,
                size_bytes.cast_signed(),
                now.as_millisecond()
            ])?;
            claim(c, &system, &digest, expires_at)
        }))
    }

    /// Notes which of a system's documents dossiers were seen to name.
    pub(super) async fn note_named(
        &self,
        system: String,
        named: Vec<Digest>,
    ) -> Result<(), EmbeddedError> {
        let noted = self.rows.write(move |c| {
            let sql = "UPDATE claim SET named = 1 WHERE system = ?1 AND digest = ?2";
            let mut update = c.prepare_cached(sql)?;
            for digest in named {
                update.execute(params![system, digest.0])?;
            }
            Ok(())
        });
        noted.await
    }

    /// Forgets the claims of a document that have expired, and the document when nobody has a claim
    /// and no dossier names it. Says whether the document went. Blocks; to be called with the
    /// document's shelf held.
    pub(super) fn forget(
        &self,
        digest: Digest,
        named: bool,
        now: Timestamp,
    ) -> Result<bool, EmbeddedError> {
        Handle::current().block_on(self.rows.write(move |c| {
            c.prepare_cached("DELETE FROM claim WHERE digest = ?1 AND expires_at <= ?2")?
                .execute(params![digest.0, now.as_millisecond()])?;
            if named {
                return Ok(false);
            }
            let sql = "DELETE FROM document WHERE digest = ?1
                       AND NOT EXISTS (SELECT 1 FROM claim WHERE digest = ?1)";
            Ok(c.prepare_cached(sql)?.execute(params![digest.0])? > 0)
        }))
    }
}

fn claim(
    connection: &Connection,
    system: &str,
    digest: &Digest,
    expires_at: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO claim (system, digest, expires_at) VALUES (?1, ?2, ?3)
               ON CONFLICT (system, digest) DO UPDATE SET expires_at = ?3";
    let expires_at = expires_at.as_millisecond();
    connection
        .prepare_cached(sql)?
        .execute(params![system, digest.0, expires_at])?;
    Ok(())
}

fn size(row: &rusqlite::Row<'_>) -> Result<u64> {
    row.get::<_, i64>(0).map(i64::cast_unsigned)
}
