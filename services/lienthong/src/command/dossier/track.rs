//! Shows where a dossier stands.

use super::DeskArgs;
use crate::screen::{self, json, track};
use clap::Args;

/// Show where a dossier stands: parts, steps, what it waits for, and its control slip.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier track H99.01.01-261122-0001\n  lienthong dossier track H99.01.01-261122-0001 --json"
)]
pub(crate) struct TrackCommand {
    /// The dossier's code.
    code: String,
    #[command(flatten)]
    desk: DeskArgs,
}

impl TrackCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let dossier = self.desk.window()?.line.track(&self.code).await?;
        if json {
            return json::print(&json::track(&dossier));
        }
        print!("{}", track::render(&dossier, screen::columns()));
        Ok(())
    }
}
