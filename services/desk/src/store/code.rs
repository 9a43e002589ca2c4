//! Codes that the broker leased: this desk's for ever, each given to one dossier.

use super::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension as _};

impl Store {
    /// Keeps codes that were leased, in their order.
    pub(crate) async fn keep_codes(&self, codes: Vec<String>) -> Result<(), StoreError> {
        let done = self.embedded.write(move |c| {
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
