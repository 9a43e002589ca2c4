//! Lists and saves a dossier's results.

use super::DeskArgs;
use crate::screen::{self, json, table::Table, tell, time};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// List the results that exist so far, and save them.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier results H99.01.01-20261122-0000001\n  lienthong dossier results H99.01.01-20261122-0000001 --out results"
)]
pub(crate) struct ResultsCommand {
    /// The dossier's code.
    code: String,
    /// Save them in this folder, each in one of its own.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    desk: DeskArgs,
}

impl ResultsCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let line = self.desk.window()?.line;
        let found = line.results(&self.code).await?;
        let saved = match &self.out {
            Some(folder) => line.save_results(&self.code, folder).await?.files,
            None => Vec::new(),
        };
        if json {
            let results: Vec<_> = found.results.iter().map(json::evidence).collect();
            return json::print(&json!({
                "dossier_code": self.code,
                "complete": found.complete,
                "results": results,
                "saved": saved,
            }));
        }
        if found.results.is_empty() {
            tell!("No results yet.");
        } else {
            let mut table = Table::new(["Result", "Version", "Given by", "At", "Documents"]);
            for result in &found.results {
                let documents: Vec<_> = result
                    .documents
                    .iter()
                    .map(|document| document.file_name.as_str())
                    .collect();
                table.row([
                    result.name.clone(),
                    result.version.to_string(),
                    result.given_by_agency_code.clone(),
                    time::read(&result.given_at).map_or_else(String::new, time::full),
                    documents.join(", "),
                ]);
            }
            tell!("{}", table.render(screen::columns(), 0).trim_end());
        }
        for file in saved {
            tell!("saved {}", file.display());
        }
        if !found.complete {
            tell!("The dossier is still open: more may come.");
        }
        Ok(())
    }
}
