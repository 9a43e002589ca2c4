//! Statistics: what is counted.

use super::{Operator, bad_field, measures, rows::Names, unreadable};
use crate::{
    access,
    desk::blocking,
    hot::Hot,
    ledger::Condition,
    store::{Reader, StoreError},
};
use contract::v1;
use dossier::{name::AgencyCode, procedure::civil_date};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use std::sync::atomic::{AtomicU64, Ordering};
use tonic::Status;

/// Years that one answer sums.
const SPAN_YEARS_MAX: i64 = 3;

impl Operator {
    pub(super) async fn serve_statistics(
        &self,
        _: access::Operator,
        request: v1::StatisticsRequest,
    ) -> Result<v1::StatisticsResponse, Status> {
        let tomorrow = civil_date(Timestamp::now()).saturating_add(1.day());
        let until = day("until", request.until.as_ref())?.unwrap_or(tomorrow);
        let year_before = until.saturating_sub(1.year());
        let from = day("from", request.from.as_ref())?.unwrap_or(year_before);
        if from < until.saturating_sub(SPAN_YEARS_MAX.years()) {
            return Err(bad_field("from", "at most three years before until"));
        }
        if from >= until {
            return Err(bad_field("until", "a later day than from"));
        }
        let (reader, names) = (self.reader.clone(), Names::of(&self.registry));
        let counted = blocking(move || {
            let figures = figures(reader.as_ref(), from, until).map_err(unreadable)?;
            let tallies = reader.tallies(from, until).map_err(unreadable)?;
            Ok(v1::StatisticsResponse {
                figures,
                indicators: measures::indicators(&tallies, &names),
                distributions: measures::distributions(&tallies, &names),
            })
        });
        let mut counted = counted.await?;
        counted.figures.extend(since_start(self.ledger.condition()));
        counted.figures.extend(now(&self.hot));
        Ok(counted)
    }
}

/// The day of an instant.
fn day(field: &str, at: Option<&prost_types::Timestamp>) -> Result<Option<Date>, Status> {
    let Some(at) = at else {
        return Ok(None);
    };
    let at = Timestamp::new(at.seconds, at.nanos);
    let at = at.map_err(|_| bad_field(field, "an instant between years 1 and 9999"))?;
    Ok(Some(civil_date(at)))
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
fn figures(reader: &dyn Reader, from: Date, until: Date) -> Result<Vec<v1::Figure>, StoreError> {
    let counts = reader.counts()?;
    let closed = counts.dossiers.saturating_sub(counts.dossiers_open);
    let mut figures = vec![
        figure("dossiers", None, counts.dossiers),
        figure("dossiers_open", None, counts.dossiers_open),
        figure("dossiers_closed", None, closed),
        figure("handovers_owed", None, counts.owed),
        figure("incidents_open", None, counts.incidents_open),
    ];
    for (agency, denied) in reader.denied(from, until)? {
        figures.push(figure("supplements_denied", Some(&agency), denied));
    }
    Ok(figures)
}
