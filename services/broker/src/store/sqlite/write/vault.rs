//! What goes into the vault and is taken from there, who may have which document, and who was denied.

use super::Write;
use crate::{
    records,
    store::{Denied, Grant, VaultUse},
};
use dossier::vault::Deposit;
use rusqlite::{Result, params};

impl Write<'_> {
    pub(super) fn grant(&self, row: &Grant, agency: u32, dossier: i64) -> Result<()> {
        self.execute(
            "INSERT OR IGNORE INTO document_grant (digest, agency, dossier) VALUES (?1, ?2, ?3)",
            params![row.digest.0, agency, dossier],
        )?;
        Ok(())
    }

    pub(super) fn deposit(
        &self,
        deposit: &Deposit,
        (evidence, agency): (u32, u32),
        dossier: i64,
    ) -> Result<()> {
        self.execute(
            "INSERT INTO vault (code, dossier, evidence, agency, version, valid_until, supersedes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                deposit.code,
                dossier,
                evidence,
                agency,
                deposit.version,
                deposit.valid_until.map(|day| day.to_string()),
                deposit.supersedes,
            ],
        )?;
        let number = self.connection.last_insert_rowid();
        self.execute(
            "INSERT INTO vault_content (vault, bytes) VALUES (?1, ?2)",
            params![
                number,
                records::encode_given(&deposit.given, deposit.version)
            ],
        )?;
        for owner in &deposit.owner {
            self.execute(
                "INSERT OR IGNORE INTO vault_owner (scheme, value, vault) VALUES (?1, ?2, ?3)",
                params![owner.scheme.word(), owner.value, number],
            )?;
        }
        Ok(())
    }

    pub(super) fn vault_use(
        &self,
        one: &VaultUse,
        (procedure, evidence): (u32, u32),
        dossier: i64,
    ) -> Result<()> {
        self.execute(
            "INSERT INTO vault_use (code, dossier, procedure, evidence, at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                one.code,
                dossier,
                procedure,
                evidence,
                one.at.as_microsecond()
            ],
        )?;
        Ok(())
    }

    pub(super) fn denied(&self, denied: &Denied, agency: u32) -> Result<()> {
        self.execute(
            "INSERT INTO denial (agency, day, count) VALUES (?1, ?2, 1)
             ON CONFLICT (agency, day) DO UPDATE SET count = count + 1",
            params![agency, denied.day.to_string()],
        )?;
        Ok(())
    }
}
