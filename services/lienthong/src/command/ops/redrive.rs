//! Tries many incidents again, and tells what came of each.

use super::{Ending, cells, incidents, line::OperatorArgs, reason::ReasonArgs, words};
use crate::screen::{json, tell};
use anyhow::{Context as _, bail};
use clap::Args;
use contract::v1::{RedriveIncidentsRequest, RedriveOutcome};
use serde_json::json;

/// Incidents of one call.
const INCIDENTS_MAX: usize = 500;

/// Try incidents again: each as its cause has it. Tells what came of each as it comes.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong ops redrive 17 18 --reason mended\n  lienthong ops redrive --cause HANDOVER_REFUSED --all --reason mended"
)]
pub(crate) struct RedriveCommand {
    /// Which, by their ids.
    #[arg(value_name = "ID", required_unless_present = "cause")]
    ids: Vec<String>,
    /// All that are open of this cause; needs --all.
    #[arg(long, requires = "all", conflicts_with = "ids")]
    cause: Option<String>,
    /// Yes, all of that cause.
    #[arg(long, requires = "cause")]
    all: bool,
    #[command(flatten)]
    reason: ReasonArgs,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl RedriveCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let mut line = self.operator.connect()?;
        let ids = match &self.cause {
            None => self.ids,
            Some(cause) => {
                let open = incidents::list(&line, false, cause, usize::MAX).await?;
                open.into_iter().map(|one| one.incident_id).collect()
            }
        };
        if ids.is_empty() {
            tell_nothing(json)?;
            return Ok(Ending::NothingFound);
        }
        let reason = self.reason.take()?;
        let (mut tried, mut failed) = (0_usize, 0_usize);
        for some in ids.chunks(INCIDENTS_MAX) {
            let request = RedriveIncidentsRequest {
                incident_ids: some.to_vec(),
                reason: reason.clone(),
            };
            let answers = line.redrive_incidents(request).await;
            let mut answers = answers.context("nothing was tried")?.into_inner();
            while let Some(one) = answers
                .message()
                .await
                .context("what came of the others is not known")?
            {
                let outcome = one.outcome();
                if json {
                    json::print_line(&json!({
                        "incident_id": one.incident_id,
                        "outcome": words::outcome(outcome),
                        "text": cells::both(&one.text),
                    }));
                } else {
                    tell!(
                        "{:>6}  {:<16} {}",
                        one.incident_id,
                        words::outcome(outcome),
                        cells::en(&one.text)
                    );
                }
                tried += 1;
                failed += usize::from(is_failure(outcome));
            }
        }
        ending(tried, failed)
    }
}

fn tell_nothing(json: bool) -> anyhow::Result<()> {
    match json {
        true => Ok(()),
        false => {
            tell!("No incident of this cause is open.");
            Ok(())
        }
    }
}

fn ending(tried: usize, failed: usize) -> anyhow::Result<Ending> {
    match failed {
        0 => Ok(Ending::Fine),
        _ if failed < tried => Ok(Ending::SomeFailed),
        _ => bail!("of {tried} nothing could be done about any"),
    }
}

/// Whether nothing was done about it that somebody wanted done.
fn is_failure(outcome: RedriveOutcome) -> bool {
    matches!(
        outcome,
        RedriveOutcome::Failed
            | RedriveOutcome::Nothing
            | RedriveOutcome::Unknown
            | RedriveOutcome::Unspecified
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_learns_whether_all_or_some_or_none_could_be_tried() {
        assert_eq!(ending(3, 0).unwrap(), Ending::Fine);
        assert_eq!(ending(3, 1).unwrap(), Ending::SomeFailed);
        assert!(ending(3, 3).is_err());
        assert!(
            !is_failure(RedriveOutcome::WasOver),
            "that is what was wanted"
        );
    }
}
