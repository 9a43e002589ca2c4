//! How a dossier ends before its time, or stands still: withdrawn, stopped, resumed.

use super::act::ActArgs;
use clap::Args;
use desk::form::Deed;
use std::path::Path;

/// Withdraw a dossier at the citizen's wish.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier withdraw H99.01.01-20261122-0000001 --reason moved"
)]
pub(crate) struct WithdrawCommand {
    /// The citizen's reason.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    act: ActArgs,
}

impl WithdrawCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let deed = Deed::Withdraw {
            reason: self.reason,
        };
        let done = "withdrawn (công dân rút hồ sơ)";
        self.act
            .bring(deed, vec![], Path::new(""), json, done)
            .await
    }
}

/// Stop a dossier by decision (form 05): its clocks stand still.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier stop H99.01.01-20261122-0000001 --reason dispute \\\n      --legal-basis NĐ-61-2018"
)]
pub(crate) struct StopCommand {
    /// Why.
    #[arg(long)]
    reason: String,
    /// The article of law.
    #[arg(long, value_name = "ARTICLE")]
    legal_basis: String,
    /// What becomes of fees paid.
    #[arg(long, value_name = "TEXT", default_value = "")]
    settlement: String,
    #[command(flatten)]
    act: ActArgs,
}

impl StopCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let deed = Deed::Stop {
            reason: self.reason,
            legal_basis: self.legal_basis,
            settlement: self.settlement,
        };
        let done = "stopped (dừng xử lý)";
        self.act
            .bring(deed, vec![], Path::new(""), json, done)
            .await
    }
}

/// Let a stopped dossier go on.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier resume H99.01.01-20261122-0000001 --reason settled"
)]
pub(crate) struct ResumeCommand {
    /// Why.
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    act: ActArgs,
}

impl ResumeCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let deed = Deed::Resume {
            reason: self.reason,
        };
        let done = "it goes on (tiếp tục xử lý)";
        self.act
            .bring(deed, vec![], Path::new(""), json, done)
            .await
    }
}
