//! What an operator does: sees what is stuck and what was counted, and moves a step.

mod statistics;

use super::service::runtime;
use crate::screen::{self, json, table::Table, tell, time};
use anyhow::Context as _;
use clap::{Args, Subcommand};
use contract::v1::{
    Incident, ListIncidentsRequest, MoveStepRequest, operator_service_client::OperatorServiceClient,
};
use node::{
    identity::Identity,
    tls::{ChannelOptions, CredentialPaths, Credentials, channel},
};
use serde::Deserialize;
use serde_json::json;
use std::path::PathBuf;
use tonic::transport::Channel;

/// Before the keys in the names of environment variables.
const ENV_PREFIX: &str = "LIENTHONG_OPERATOR";
/// Incidents of one page.
const PAGE_SIZE: u32 = 500;

/// See what is stuck and put it right, with an operator's certificate.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  lienthong ops incidents")]
pub(crate) enum OpsCommand {
    Incidents(IncidentsCommand),
    MoveStep(MoveStepCommand),
    Statistics(statistics::StatisticsCommand),
}

/// List what a person must look at, the newest first.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong ops incidents\n  lienthong ops incidents --all --json"
)]
pub(crate) struct IncidentsCommand {
    #[command(flatten)]
    operator: OperatorArgs,
    /// Closed ones too.
    #[arg(long)]
    all: bool,
}

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
    /// Why; it is recorded.
    #[arg(long)]
    reason: String,
    /// Names this request; a repetition with the same name changes nothing. New when left out.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Debug, Args)]
struct OperatorArgs {
    /// The operator's configuration: where the broker is, and the operator's certificate.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "operator.toml",
        env = "LIENTHONG_OPERATOR_CONFIG"
    )]
    config: PathBuf,
}

/// The operator's configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    broker: Broker,
    credentials: CredentialPaths,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Broker {
    /// `host:port`.
    address: String,
    /// `spiffe://<trust domain>/broker/<code>`.
    identity: Identity,
}

impl OperatorArgs {
    fn connect(&self) -> anyhow::Result<OperatorServiceClient<Channel>> {
        let config: Config = node::config::load(&self.config, ENV_PREFIX)?;
        let credentials = Credentials::load(&config.credentials.resolved(&self.config))?;
        let Broker { address, identity } = config.broker;
        let channel = channel(&address, identity, &credentials, ChannelOptions::exchange())?;
        Ok(OperatorServiceClient::new(channel))
    }
}

impl OpsCommand {
    pub(crate) fn run(self, json: bool) -> anyhow::Result<()> {
        runtime()?.block_on(async {
            match self {
                Self::Incidents(command) => command.run(json).await,
                Self::MoveStep(command) => command.run(json).await,
                Self::Statistics(command) => command.run(json).await,
            }
        })
    }
}

impl IncidentsCommand {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let mut client = self.operator.connect()?;
        let mut incidents: Vec<Incident> = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = ListIncidentsRequest {
                include_closed: self.all,
                page_size: PAGE_SIZE,
                page_token,
                cause: String::new(),
            };
            let page = client
                .list_incidents(request)
                .await
                .context("the incidents were not listed")?;
            let page = page.into_inner();
            incidents.extend(page.incidents);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        if json {
            let incidents: Vec<_> = incidents.iter().map(json::incident).collect();
            return json::print(&json!({ "incidents": incidents }));
        }
        if incidents.is_empty() {
            tell!(
                "{}",
                if self.all {
                    "No incidents."
                } else {
                    "Nothing is stuck."
                }
            );
            return Ok(());
        }
        let mut table = Table::new([
            "Since",
            "Until",
            "Cause",
            "Dossier",
            "Step",
            "Agency",
            "Times",
            "What and the way out",
        ]);
        for incident in &incidents {
            let at = |at| time::read(at).map_or_else(String::new, time::full);
            table.row([
                at(&incident.opened_at),
                at(&incident.closed_at),
                incident.cause.clone(),
                incident.dossier_code.clone(),
                incident.step_id.clone(),
                incident.agency_code.clone(),
                incident.count.to_string(),
                incident
                    .description
                    .as_ref()
                    .map(|text| text.en.clone())
                    .unwrap_or_default(),
            ]);
        }
        tell!("{}", table.render(screen::columns(), 0).trim_end());
        Ok(())
    }
}

impl MoveStepCommand {
    async fn run(self, json: bool) -> anyhow::Result<()> {
        let request = MoveStepRequest {
            request_id: self
                .request_id
                .unwrap_or_else(|| uuid::Uuid::now_v7().to_string()),
            dossier_code: self.code.clone(),
            step_id: self.step.clone(),
            to_agency_code: self.to.clone(),
            reason: self.reason,
        };
        let moved = self.operator.connect()?.move_step(request).await;
        let round = moved.context("the step was not moved")?.into_inner().round;
        if json {
            return json::print(&json!({
                "dossier_code": self.code, "step_id": self.step, "to_agency_code": self.to, "round": round,
            }));
        }
        tell!(
            "{} of {} goes to {} in round {round}.",
            self.step,
            self.code,
            self.to
        );
        Ok(())
    }
}
