//! What a dossier's results were used for again.

use super::DeskArgs;
use crate::screen::{self, json, table::Table, tell, time};
use clap::Args;
use serde_json::json;

/// List what a dossier's results were used for again, from the vault.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong dossier uses H99.01.01-20261122-0000001")]
pub(crate) struct UsesCommand {
    /// The dossier's code.
    code: String,
    #[command(flatten)]
    desk: DeskArgs,
}

impl UsesCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let uses = self.desk.window()?.line.vault_uses(&self.code).await?;
        if json {
            let uses = uses.iter().map(|one| {
                json!({
                    "vault_code": one.vault_code,
                    "evidence": one.evidence,
                    "procedure_code": one.procedure_code,
                    "used_at": json::instant(&one.used_at),
                })
            });
            return json::print(&json!({ "uses": uses.collect::<Vec<_>>() }));
        }
        if uses.is_empty() {
            tell!("Its results were not used again yet (chưa được dùng lại).");
            return Ok(());
        }
        let mut table = Table::new(["Vault code", "Result", "Used by", "At"]);
        for one in uses {
            table.row([
                one.vault_code.clone(),
                one.evidence.clone(),
                one.procedure_code.clone(),
                time::read(&one.used_at).map_or_else(String::new, time::full),
            ]);
        }
        tell!("{}", table.render(screen::columns(), 0).trim_end());
        Ok(())
    }
}
