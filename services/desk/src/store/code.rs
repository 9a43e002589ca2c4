//! Codes that the broker leased: this desk's for ever, each given to one dossier.

use super::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// An asking for a block of codes.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    /// The same however often it is asked.
    pub(crate) request_id: String,
    /// How many.
    pub(crate) count: u32,
}

impl Store {
    /// Keeps that codes are asked for before they are: the asking that is not answered yet, or a new
    /// one.
    pub(crate) async fn begin_lease(&self, count: u32) -> Result<Lease, StoreError> {
        let begun = self.embedded.write(move |c| {
            let open = "SELECT request_id, count FROM lease ORDER BY sequence LIMIT 1";
            let read = |row: &Row<'_>| {
                Ok(Lease {
                    request_id: row.get(0)?,
                    count: row.get(1)?,
                })
            };
            if let Some(lease) = c.query_row(open, [], read).optional()? {
                return Ok(lease);
            }
            let lease = Lease {
                request_id: uuid::Uuid::now_v7().to_string(),
                count,
            };
            let sql = "INSERT INTO lease (request_id, count) VALUES (?1, ?2)";
            c.execute(sql, params![lease.request_id, lease.count])?;
            Ok(lease)
        });
        Ok(begun.await?)
    }

    /// Ends an asking with the codes that were leased, in their order; none where it was refused.
    pub(crate) async fn end_lease(
        &self,
        lease: &Lease,
        codes: Vec<String>,
    ) -> Result<(), StoreError> {
        let request_id = lease.request_id.clone();
        let done = self.embedded.write(move |c| {
            c.execute("DELETE FROM lease WHERE request_id = ?1", [request_id])?;
            for code in &codes {
                c.prepare_cached("INSERT OR IGNORE INTO code (dossier_code) VALUES (?1)")?
                    .execute([code])?;
            }
            Ok(())
        });
        Ok(done.await?)
    }

    /// How many leased codes are free.
    pub(crate) async fn codes_free(&self) -> Result<u32, StoreError> {
        let sql = "SELECT COUNT(*) FROM code WHERE submit_key IS NULL";
        Ok(self
            .embedded
            .read(move |c| c.query_row(sql, [], |row| row.get(0)))
            .await?)
    }
}

/// The code of this submission, the first free one if it has none; nothing when none is left.
pub(super) fn take(c: &Connection, submit_key: &str) -> rusqlite::Result<Option<String>> {
    let of = |sql: &str, key: &[&str]| {
        c.prepare_cached(sql)?
            .query_row(rusqlite::params_from_iter(key), |row| row.get(0))
            .optional()
    };
    let own = "SELECT dossier_code FROM code WHERE submit_key = ?1";
    if let Some(code) = of(own, &[submit_key])? {
        return Ok(Some(code));
    }
    let free = "SELECT dossier_code FROM code WHERE submit_key IS NULL ORDER BY sequence LIMIT 1";
    let Some(code): Option<String> = of(free, &[])? else {
        return Ok(None);
    };
    c.prepare_cached("UPDATE code SET submit_key = ?2 WHERE dossier_code = ?1")?
        .execute([&code, submit_key])?;
    Ok(Some(code))
}
