//! Statistics: what is counted.

use super::{Operator, unreadable};
use crate::{
    access,
    desk::blocking,
    hot::Hot,
    ledger::Condition,
    store::{Reader, StoreError},
    wire,
};
use contract::v1;
use dossier::{Refusal, name::AgencyCode, refusal::FieldFault};
use std::sync::atomic::{AtomicU64, Ordering};
use tonic::Status;

impl Operator {
    pub(super) async fn serve_statistics(
        &self,
        _: access::Operator,
        request: v1::StatisticsRequest,
    ) -> Result<v1::StatisticsResponse, Status> {
        if request.from.is_some() || request.until.is_some() {
            let fault = FieldFault {
                field: "from".into(),
                rule: "left out, and until, too: these figures count from the store's beginning"
                    .into(),
            };
            return Err(wire::fault(&Refusal::Fields(vec![fault])).into_status());
        }
        let reader = self.reader.clone();
        let mut figures = blocking(move || figures(reader.as_ref()).map_err(unreadable)).await?;
        figures.extend(since_start(self.ledger.condition()));
        figures.extend(now(&self.hot));
        Ok(v1::StatisticsResponse {
            figures,
            ..v1::StatisticsResponse::default()
        })
    }
}

fn figure(name: &str, agency: Option<&AgencyCode>, value: u64) -> v1::Figure {
    v1::Figure {
        name: name.to_owned(),
        agency_code: agency.map(ToString::to_string).unwrap_or_default(),
        #[allow(clippy::cast_precision_loss)] // exact up to 2^53
        value: value as f64,
    }
}

/// What the ledger did since the broker started: how many commands share a sync.
fn since_start(condition: &Condition) -> [v1::Figure; 3] {
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    [
        figure("commits_since_start", None, count(&condition.commits)),
        figure("commands_since_start", None, count(&condition.commands)),
        figure("changes_since_start", None, count(&condition.changes)),
    ]
}

/// What the process has of its own at the moment.
fn now(hot: &Hot) -> [v1::Figure; 2] {
    let tasks = tokio::runtime::Handle::current().metrics();
    [
        figure("dossiers_cached", None, hot.len() as u64),
        figure("tasks_alive", None, tasks.num_alive_tasks() as u64),
    ]
}

/// What the store counts.
fn figures(reader: &dyn Reader) -> Result<Vec<v1::Figure>, StoreError> {
    let counts = reader.counts()?;
    let closed = counts.dossiers.saturating_sub(counts.dossiers_open);
    let mut figures = vec![
        figure("dossiers", None, counts.dossiers),
        figure("dossiers_open", None, counts.dossiers_open),
        figure("dossiers_closed", None, closed),
        figure("handovers_owed", None, counts.owed),
        figure("incidents_open", None, counts.incidents_open),
    ];
    for (agency, denied) in reader.denials()? {
        figures.push(figure("supplements_denied", Some(&agency), denied));
    }
    Ok(figures)
}
