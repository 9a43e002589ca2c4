//! Moves a step of an open dossier to another department.

use super::{Ending, line::OperatorArgs, reason::ReasonArgs};
use crate::screen::{json, tell};
use anyhow::Context as _;
use clap::Args;
use contract::v1::MoveStepRequest;
use serde_json::json;

/// Move a step of an open dossier to another department.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong ops move-step H99.01.01-20261122-0000001 register_residence \\\n      --to G01.99.02 --reason moved"
)]
pub(crate) struct MoveStepCommand {
    /// The dossier's code.
    code: String,
    /// The step, as the procedure names it.
    step: String,
    /// The agency code of the department that shall do it.
    #[arg(long, value_name = "AGENCY")]
    to: String,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    id: RequestId,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
pub(super) struct RequestId {
    /// Names this request; a repetition with the same name changes nothing. New when left out.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
}

impl RequestId {
    pub(super) fn take(self) -> String {
        self.request_id
            .unwrap_or_else(|| uuid::Uuid::now_v7().to_string())
    }
}

impl MoveStepCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let request = MoveStepRequest {
            request_id: self.id.take(),
            dossier_code: self.code.clone(),
            step_id: self.step.clone(),
            to_agency_code: self.to.clone(),
            reason: self.reason.take()?,
        };
        let moved = self.operator.connect()?.move_step(request).await;
        let round = moved.context("the step was not moved")?.into_inner().round;
        if json {
            json::print(&json!({
                "dossier_code": self.code, "step_id": self.step, "to_agency_code": self.to, "round": round,
            }))?;
            return Ok(Ending::Fine);
        }
        tell!(
            "{} of {} goes to {} in round {round}.",
            self.step,
            self.code,
            self.to
        );
        Ok(Ending::Fine)
    }
}
