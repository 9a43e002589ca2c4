//! Shows whole journeys on this machine: a throwaway town, its dossiers, and what comes of them.

use super::service::runtime;
use crate::demo::{self, Choice};
use clap::Args;
use std::path::PathBuf;

/// Show the whole journey on this machine, in about ten seconds.
///
/// Starts a throwaway certificate authority, a broker, a desk and the departments and registries of
/// the journey, each its own process with its own certificate and store, and sends dossiers through
/// them. Ends with 0 only if all of them closed within 20 seconds, with every result in the citizen's
/// hands and no paper asked for twice.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong demo\n  lienthong demo --journey land\n  lienthong demo --journey all\n  lienthong demo --keep --dir town"
)]
pub(crate) struct DemoCommand {
    /// Which journey.
    #[arg(long, value_enum, default_value_t = Choice::Birth)]
    journey: Choice,
    /// Leave everything up until Ctrl-C, and print addresses, certificates and commands to try.
    #[arg(long)]
    keep: bool,
    /// The folder for everything, new or empty; a new temporary one when left out.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl DemoCommand {
    pub(crate) fn run(self, json: bool) -> anyhow::Result<()> {
        runtime()?.block_on(demo::run(self.journey, self.dir, self.keep, json))
    }
}
