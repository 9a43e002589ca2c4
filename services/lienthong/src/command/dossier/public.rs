//! How far a dossier is, for whoever knows its code.

use super::DeskArgs;
use crate::screen::{json, tell};
use clap::Args;
use serde_json::json;

/// Show the code and the degree of completion, and nothing else (TT 01/2018/TT-VPCP).
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong dossier public H99.01.01-20261122-0000001")]
pub(crate) struct PublicCommand {
    /// The dossier's code.
    code: String,
    #[command(flatten)]
    desk: DeskArgs,
}

impl PublicCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let told = self.desk.window()?.line.track_public(&self.code).await?;
        if json {
            return json::print(&json!({
                "dossier_code": told.dossier_code,
                "steps_finished": told.steps_finished,
                "steps": told.steps,
            }));
        }
        tell!(
            "{}  {} of {} steps (đã xong {}/{} bước)",
            told.dossier_code,
            told.steps_finished,
            told.steps,
            told.steps_finished,
            told.steps
        );
        Ok(())
    }
}
