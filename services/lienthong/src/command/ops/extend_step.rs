//! Promises a part of a dossier for a later date, with the apology that this needs.

use super::{Ending, cells, line::OperatorArgs, move_step::RequestId, reason::ReasonArgs};
use crate::screen::{json, tell};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{self, ExtendStepRequest, LimitUnit};
use dossier::limit::{Limit, Unit};
use serde_json::json;

/// Promise a part for a later date. The reason stands in the apology that the citizen gets (form 04).
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong ops extend-step H99.01.01-20261122-0000001 register_birth \\\n      --days 2 --reason flood"
)]
pub(crate) struct ExtendStepCommand {
    /// The dossier's code.
    code: String,
    /// The open step, as the procedure names it.
    step: String,
    /// By so many working days.
    #[arg(
        long,
        value_name = "DAYS",
        required_unless_present = "by",
        conflicts_with = "by"
    )]
    days: Option<u32>,
    /// By an amount and a unit, such as "4 working hours".
    #[arg(long, value_name = "LIMIT")]
    by: Option<Limit>,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    id: RequestId,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl ExtendStepCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let limit = self.by.unwrap_or(Limit {
            amount: self.days.unwrap_or_default(),
            unit: Unit::WorkingDay,
        });
        let request = ExtendStepRequest {
            request_id: self.id.take(),
            dossier_code: self.code.clone(),
            step_id: self.step.clone(),
            limit: Some(v1::Limit {
                amount: limit.amount,
                unit: unit(limit.unit).into(),
            }),
            reason: self.reason.take()?,
        };
        let extended = self.operator.connect()?.extend_step(request).await;
        let promised_at = extended
            .context("the step was not extended")?
            .into_inner()
            .promised_at;
        if json {
            json::print(&json!({
                "dossier_code": self.code,
                "step_id": self.step,
                "promised_at": json::instant(&promised_at),
            }))?;
            return Ok(Ending::Fine);
        }
        tell!(
            "{} is promised until {}.",
            self.code,
            cells::at(&promised_at)
        );
        Ok(Ending::Fine)
    }
}

fn unit(unit: Unit) -> LimitUnit {
    match unit {
        Unit::WorkingDay => LimitUnit::WorkingDay,
        Unit::WorkingHour => LimitUnit::WorkingHour,
        Unit::CalendarDay => LimitUnit::CalendarDay,
        Unit::ElapsedHour => LimitUnit::ElapsedHour,
    }
}
