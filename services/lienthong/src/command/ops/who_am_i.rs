//! Asks the broker who it is that calls.

use super::{Ending, line::OperatorArgs, words};
use crate::screen::{json, tell};
use anyhow::Context as _;
use clap::Args;
use contract::v1::WhoAmIRequest;
use serde_json::json;

/// Say who you are to the broker, and what you may do.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong ops whoami")]
pub(crate) struct WhoAmICommand {
    #[command(flatten)]
    operator: OperatorArgs,
}

impl WhoAmICommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let asked = self.operator.connect()?.who_am_i(WhoAmIRequest {}).await;
        let who = asked
            .context("the broker did not say who you are")?
            .into_inner();
        let grants: Vec<_> = who.grants().map(words::grant).collect();
        if json {
            json::print(&json!({
                "operator": who.operator,
                "grants": grants,
                "broker_version": who.broker_version,
            }))?;
            return Ok(Ending::Fine);
        }
        tell!("{}", who.operator);
        tell!("may {}", grants.join(", "));
        tell!("at a broker of version {}", who.broker_version);
        Ok(Ending::Fine)
    }
}
