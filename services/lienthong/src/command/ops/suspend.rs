//! Suspends and resumes departments and procedures.

use super::{Ending, line::OperatorArgs, reason::ReasonArgs};
use crate::screen::{json, tell};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use contract::v1::{SuspendDepartmentRequest, SuspendProcedureRequest};
use serde_json::json;

/// Suspend handing over to a department, or taking new dossiers of a procedure.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  lienthong ops suspend department G01.99.01 --reason moving")]
pub(crate) enum SuspendCommand {
    /// Hand nothing over to a department until it is resumed. What it reports is taken; its limits run.
    #[command(
        after_help = "Example:\n  lienthong ops suspend department G01.99.01 --reason moving"
    )]
    Department(Named),
    /// Take no new dossier of a procedure until it is resumed: desks keep theirs. Those that are there go on.
    #[command(after_help = "Example:\n  lienthong ops suspend procedure birth --reason flood")]
    Procedure(Named),
}

/// Let a suspended department or procedure go on.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  lienthong ops resume department G01.99.01 --reason moved")]
pub(crate) enum ResumeCommand {
    /// Hand over to a department again.
    #[command(after_help = "Example:\n  lienthong ops resume department G01.99.01 --reason moved")]
    Department(Named),
    /// Take new dossiers of a procedure again.
    #[command(after_help = "Example:\n  lienthong ops resume procedure birth --reason mended")]
    Procedure(Named),
}

#[derive(Debug, Args)]
pub(crate) struct Named {
    /// The code of the department or procedure.
    code: String,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl SuspendCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        match self {
            Self::Department(named) => named.department(true, json).await,
            Self::Procedure(named) => named.procedure(true, json).await,
        }
    }
}

impl ResumeCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        match self {
            Self::Department(named) => named.department(false, json).await,
            Self::Procedure(named) => named.procedure(false, json).await,
        }
    }
}

impl Named {
    async fn department(self, suspended: bool, json: bool) -> anyhow::Result<Ending> {
        let request = SuspendDepartmentRequest {
            agency_code: self.code.clone(),
            suspended,
            reason: self.reason.take()?,
        };
        let done = self.operator.connect()?.suspend_department(request).await;
        done.context(what_failed(suspended))?;
        told(&self.code, suspended, json)
    }

    async fn procedure(self, suspended: bool, json: bool) -> anyhow::Result<Ending> {
        let request = SuspendProcedureRequest {
            procedure_code: self.code.clone(),
            suspended,
            reason: self.reason.take()?,
        };
        let done = self.operator.connect()?.suspend_procedure(request).await;
        done.context(what_failed(suspended))?;
        told(&self.code, suspended, json)
    }
}

fn what_failed(suspended: bool) -> &'static str {
    match suspended {
        true => "it was not suspended",
        false => "it was not resumed",
    }
}

fn told(code: &str, suspended: bool, as_json: bool) -> anyhow::Result<Ending> {
    match (as_json, suspended) {
        (true, _) => json::print(&json!({ "code": code, "suspended": suspended }))?,
        (false, true) => tell!("{code} is suspended."),
        (false, false) => tell!("{code} goes on."),
    }
    Ok(Ending::Fine)
}
