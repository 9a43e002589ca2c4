//! What becomes of a result at the desk: it is handed out, or goes back with a fault.

use super::act::ActArgs;
use anyhow::Context as _;
use clap::Args;
use desk::form::Deed;
use std::path::Path;

/// Record that a result was handed out.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier hand-out H99.01.01-20261122-0000001 birth_certificate \\\n      --to mother"
)]
pub(crate) struct HandOutCommand {
    #[command(flatten)]
    act: ActArgs,
    /// The result, as the procedure names it.
    result: String,
    /// Its version; the newest when left out.
    #[arg(long)]
    version: Option<u32>,
    /// The party that took it; the owner when left out.
    #[arg(long, value_name = "PARTY", default_value = "")]
    to: String,
}

impl HandOutCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let version = match self.version {
            Some(version) => version,
            None => {
                let line = self.act.desk.window()?.line;
                let results = line.results(&self.act.code).await?.results;
                let found = results.iter().find(|one| one.name == self.result);
                found
                    .with_context(|| format!("there is no result {} yet", self.result))?
                    .version
            }
        };
        let done = format!(
            "{} version {version} is handed out (đã trả kết quả)",
            self.result
        );
        let deed = Deed::HandOut {
            result: self.result,
            version,
            party: self.to,
        };
        self.act
            .bring(deed, vec![], Path::new(""), json, &done)
            .await
    }
}

/// Send a fault in a result back to the department that gave it; the citizen gives and pays nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier report-fault H99.01.01-20261122-0000001 \\\n      birth_certificate --reason sai-ngày-sinh"
)]
pub(crate) struct ReportFaultCommand {
    #[command(flatten)]
    act: ActArgs,
    /// The result, as the procedure names it.
    result: String,
    /// What is wrong.
    #[arg(long)]
    reason: String,
}

impl ReportFaultCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let done = format!("{} goes back to who gave it (đính chính)", self.result);
        let deed = Deed::ReportFault {
            result: self.result,
            reason: self.reason,
        };
        self.act
            .bring(deed, vec![], Path::new(""), json, &done)
            .await
    }
}
