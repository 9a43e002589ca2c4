//! Why an operator does something: on the command line, or asked for.

use anyhow::bail;
use clap::Args;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

#[derive(Debug, Args)]
pub(super) struct ReasonArgs {
    /// Why; it is recorded. Asked for on a terminal when left out.
    #[arg(long)]
    reason: Option<String>,
}

impl ReasonArgs {
    /// The reason that was given, or that is typed now.
    pub(super) fn take(self) -> anyhow::Result<String> {
        if let Some(reason) = self.reason {
            return Ok(reason);
        }
        if !io::stdin().is_terminal() {
            bail!("say why with --reason; it is recorded");
        }
        let mut told = io::stderr().lock();
        write!(told, "Why (it is recorded): ")?;
        told.flush()?;
        let mut reason = String::new();
        io::stdin().lock().read_line(&mut reason)?;
        match reason.trim() {
            "" => bail!("nothing is done without a reason"),
            reason => Ok(reason.to_owned()),
        }
    }
}
