//! Shows the whole journey on this machine: a throwaway town, three dossiers, and what comes of them.

use super::service::runtime;
use crate::demo;
use clap::Args;
use std::path::PathBuf;

/// Show the whole journey on this machine, in about ten seconds.
///
/// Starts a throwaway certificate authority, a broker, a desk and four departments, each its own
/// process with its own certificate and store, and sends three dossiers through them. Ends with 0
/// only if all three closed with every result within 20 seconds.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong demo\n  lienthong demo --keep --dir town")]
pub(crate) struct DemoCommand {
    /// Leave everything up until Ctrl-C, and print addresses, certificates and commands to try.
    #[arg(long)]
    keep: bool,
    /// The folder for everything, new or empty; a new temporary one when left out.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl DemoCommand {
    pub(crate) fn run(self, json: bool) -> anyhow::Result<()> {
        runtime()?.block_on(demo::run(self.dir, self.keep, json))
    }
}
