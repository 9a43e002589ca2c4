//! Tells what a desk was told.

use super::DeskArgs;
use crate::screen::{json, notice, tell};
use anyhow::Context as _;
use clap::Args;
use contract::v1::Notice;

/// Tell what the broker told the desk, the oldest first; in JSON one object a line.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier notices\n  lienthong dossier notices --follow --json"
)]
pub(crate) struct NoticesCommand {
    /// Only what comes after this cursor, as --json gives it with each notice.
    #[arg(long, value_name = "CURSOR", default_value = "")]
    after: String,
    /// Only about this dossier.
    #[arg(long, value_name = "CODE")]
    dossier: Option<String>,
    /// Go on as they come, until Ctrl-C.
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    desk: DeskArgs,
}

impl NoticesCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let window = self.desk.window()?;
        let tell = |told: &Notice| {
            if self
                .dossier
                .as_ref()
                .is_some_and(|code| *code != told.dossier_code)
            {
                return;
            }
            if json {
                json::print_line(&json::notice(told));
            } else {
                tell!("{}", notice::line(told));
            }
        };
        let heard = if self.follow {
            Err(window.watch(self.after.clone(), tell).await)
        } else {
            window
                .notices(self.after.clone())
                .await
                .map(|(notices, _)| notices.iter().for_each(tell))
        };
        heard.context("the notices were not heard")
    }
}
