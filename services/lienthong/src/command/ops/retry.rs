//! Tries again now what a department is owed.

use super::{Ending, line::OperatorArgs, reason::ReasonArgs};
use crate::screen::{json, tell};
use anyhow::Context as _;
use clap::Args;
use contract::v1::RetryNowRequest;
use serde_json::json;

/// Try again now what a department is owed, without waiting for its next time.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong ops retry G01.99.01 --reason mended")]
pub(crate) struct RetryCommand {
    /// The department's agency code.
    agency: String,
    /// Only this dossier.
    #[arg(long, value_name = "CODE")]
    dossier: Option<String>,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl RetryCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let request = RetryNowRequest {
            agency_code: self.agency.clone(),
            reason: self.reason.take()?,
            dossier_code: self.dossier.unwrap_or_default(),
        };
        let tried = self.operator.connect()?.retry_now(request).await;
        let rounds = tried.context("nothing was tried")?.into_inner().rounds;
        if json {
            json::print(&json!({ "agency_code": self.agency, "rounds": rounds }))?;
        } else {
            tell!("{rounds} rounds for {} wait no longer.", self.agency);
        }
        Ok(Ending::Fine)
    }
}
