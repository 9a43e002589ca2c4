//! Shows where a dossier stands.

use super::DeskArgs;
use crate::screen::{self, json, tell, track};
use clap::Args;

/// Show where a dossier stands: parts, steps, what it waits for, and its control slip.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier track H99.01.01-20261122-0000001\n  lienthong dossier track H99.01.01-20261122-0000001 --json"
)]
pub(crate) struct TrackCommand {
    /// The dossier's code.
    code: String,
    #[command(flatten)]
    desk: DeskArgs,
}

impl TrackCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let window = self.desk.window()?;
        let dossier = window.line.track(&self.code).await?;
        if json {
            return json::print(&json::track(&dossier));
        }
        tell!(
            "{}",
            track::render(&dossier, &window.agency_code, screen::columns()).trim_end()
        );
        Ok(())
    }
}
