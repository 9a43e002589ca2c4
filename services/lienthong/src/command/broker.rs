//! Runs the broker.

use super::service::ServiceArgs;
use clap::Args;

/// Run the broker: it carries dossiers between desks and departments.
#[derive(Debug, Args)]
#[command(
    after_help = "SIGHUP reads the directory again; SIGTERM ends it once what it began is done.\n\n\
                  Example:\n  lienthong broker --config /etc/lienthong/broker.toml"
)]
pub(crate) struct BrokerCommand {
    #[command(flatten)]
    service: ServiceArgs,
    /// The store was restored from an older copy: begin a new epoch, so that desks and departments
    /// give back what the copy does not have.
    #[arg(long)]
    restored: bool,
}

impl BrokerCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = broker::Config::load(&self.service.config)?;
        let restored = self.restored;
        self.service.serve("broker", |shutdown| async move {
            Ok(broker::run(config, restored, shutdown).await?)
        })
    }
}
