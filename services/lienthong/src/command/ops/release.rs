//! Releases a quarantined dossier.

use super::{Ending, dossiers, line::OperatorArgs, reason::ReasonArgs};
use crate::screen::{json, tell};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{ReleaseDossierRequest, SearchDossiersRequest};
use serde_json::json;

/// Let a quarantined dossier go on. The broker first looks whether it can be read and is what was written.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong ops release H99.01.01-20261122-0000001 --reason restored"
)]
pub(crate) struct ReleaseCommand {
    /// The dossier's code.
    code: String,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl ReleaseCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let mut line = self.operator.connect()?;
        let request = SearchDossiersRequest {
            dossier_code: self.code.clone(),
            ..SearchDossiersRequest::default()
        };
        let (found, _) = dossiers::search(&line, &request, 1).await?;
        let Some(row) = found.into_iter().next() else {
            tell!("There is no dossier {}.", self.code);
            return Ok(Ending::NothingFound);
        };
        let request = ReleaseDossierRequest {
            dossier_id: row.dossier_id,
            reason: self.reason.take()?,
        };
        line.release_dossier(request)
            .await
            .context("the dossier was not released")?;
        match json {
            true => json::print(&json!({ "dossier_code": self.code, "released": true }))?,
            false => tell!("{} goes on.", self.code),
        }
        Ok(Ending::Fine)
    }
}
