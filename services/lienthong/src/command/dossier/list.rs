//! Lists a desk's dossiers.

use super::DeskArgs;
use crate::screen::{self, json, table::Table, tell, time, words};
use anyhow::Context as _;
use clap::Args;
use serde_json::json;

/// List the desk's dossiers, the newest first.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong dossier list --max 20")]
pub(crate) struct ListCommand {
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    max: usize,
    #[command(flatten)]
    desk: DeskArgs,
}

impl ListCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let dossiers = self.desk.window()?.dossiers(self.max).await;
        let dossiers = dossiers.context("the dossiers were not listed")?;
        if json {
            let dossiers: Vec<_> = dossiers.iter().map(json::summary).collect();
            return json::print(&json!({ "dossiers": dossiers }));
        }
        if dossiers.is_empty() {
            tell!("No dossiers yet.");
            return Ok(());
        }
        let mut table = Table::new(["Dossier", "Procedure", "State", "Received"]);
        for dossier in &dossiers {
            table.row([
                dossier.dossier_code.clone(),
                dossier.procedure_code.clone(),
                words::dossier(dossier.state()).to_owned(),
                time::read(&dossier.received_at).map_or_else(String::new, time::full),
            ]);
        }
        tell!("{}", table.render(screen::columns(), 0).trim_end());
        Ok(())
    }
}
