//! Runs the console.

use super::service::ServiceArgs;
use clap::Args;

/// Run the console: the operators' web page, a client of the broker.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong console --config /etc/lienthong/console.toml")]
pub(crate) struct ConsoleCommand {
    #[command(flatten)]
    service: ServiceArgs,
}

impl ConsoleCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = console::Config::load(&self.service.config)?;
        self.service.serve("console", |shutdown| async move {
            Ok(console::run(config, shutdown).await?)
        })
    }
}
