//! Runs a desk.

use super::service::ServiceArgs;
use clap::Args;

/// Run a desk: it submits what lies in its folder and keeps what the broker tells it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong desk --config /etc/lienthong/desk.toml")]
pub(crate) struct DeskCommand {
    #[command(flatten)]
    service: ServiceArgs,
}

impl DeskCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = desk::Config::load(&self.service.config)?;
        self.service.serve("desk", |shutdown| async move {
            Ok(desk::run(config, shutdown).await?)
        })
    }
}
