//! Statistics: what is counted.

use super::{Operator, bad_field, measures, rows::Names, unreadable};
use crate::{
    access,
    desk::{blocking, page},
    hot::Hot,
    ledger::Condition,
    store::{Reader, StoreError},
};
use contract::v1;
use dossier::{name::AgencyCode, procedure::civil_date};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};
use tonic::Status;

/// Years that one answer sums.
const SPAN_YEARS_MAX: i64 = 3;
/// Desks and departments on a page: of each there are some 6 KiB, most of them words of the law.
const PAGE_AGENCIES: u32 = 50;
const PAGE_AGENCIES_MAX: u32 = 100;

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
                next_page_token: String::new(),
            })
        });
        let mut counted = counted.await?;
        counted.figures.extend(since_start(self.ledger.condition()));
        counted.figures.extend(now(&self.hot));
        let limit = page(request.page_size, PAGE_AGENCIES, PAGE_AGENCIES_MAX);
        Ok(page_after(counted, &request.page_token, limit))
    }
}

/// What is of so many agencies after this one, by code; before the first, what is of all together, too.
fn page_after(
    mut all: v1::StatisticsResponse,
    after: &str,
    limit: usize,
) -> v1::StatisticsResponse {
    let figures = all.figures.iter().map(|one| one.agency_code.as_str());
    let indicators = all.indicators.iter().map(|one| one.agency_code.as_str());
    let distributions = all.distributions.iter().map(|one| one.agency_code.as_str());
    let agencies = figures.chain(indicators).chain(distributions);
    let agencies: BTreeSet<&str> = agencies.filter(|code| *code > after).collect();
    let shown = agencies.iter().filter(|code| !code.is_empty()).take(limit);
    let last = shown
        .last()
        .map_or(String::new(), |last| (*last).to_owned());
    let is_there_more = agencies
        .last()
        .is_some_and(|last_of_all| **last_of_all > *last);
    let is_shown = |code: &str| match code {
        "" => after.is_empty(),
        code => code > after && *code <= *last,
    };
    all.figures.retain(|one| is_shown(&one.agency_code));
    all.indicators.retain(|one| is_shown(&one.agency_code));
    all.distributions.retain(|one| is_shown(&one.agency_code));
    all.next_page_token = if is_there_more { last } else { String::new() };
    all
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::tally, store::Tally};
    use node::stream::MESSAGE_BYTES_MAX;
    use prost::Message as _;

    const AGENCIES: usize = 3_400;

    /// What a year of so many communes is counted as, by those who have the longest names.
    fn counted() -> v1::StatisticsResponse {
        let name = "Bộ phận Tiếp nhận và Trả kết quả giải quyết thủ tục hành chính ".repeat(2);
        let communes: String = (0..AGENCIES)
            .map(|n| format!("[[agency]]\ncode = \"H99.{n}\"\nname = \"{name}\"\nterritory = \"P\"\nvalid_from = \"2020-01-01\"\n"))
            .collect();
        let province = "[[territory]]\ncode = \"P\"\nname = \"Tỉnh Mẫu\"\n";
        let names = Names::of_directory(&format!("{province}{communes}"));
        let all = [tally::RECEIVED, tally::CLOSED, tally::HELD, tally::WAITING];
        let tallies: Vec<Tally> = (0..AGENCIES)
            .flat_map(|n| {
                all.map(|name| Tally {
                    name: name.to_owned(),
                    agency: format!("H99.{n}").parse().unwrap(),
                    bucket: 0,
                    count: n as u64 + 1,
                })
            })
            .collect();
        v1::StatisticsResponse {
            figures: vec![
                figure("dossiers", None, 1),
                figure("supplements_denied", Some(&"H99.7".parse().unwrap()), 1),
            ],
            indicators: measures::indicators(&tallies, &names),
            distributions: measures::distributions(&tallies, &names),
            next_page_token: String::new(),
        }
    }

    #[test]
    fn every_page_fits_in_a_message_and_together_they_are_everything_once() {
        let all = counted();
        assert!(all.encoded_len() > MESSAGE_BYTES_MAX);
        let mut read = v1::StatisticsResponse::default();
        loop {
            let page = page_after(
                all.clone(),
                &read.next_page_token,
                PAGE_AGENCIES_MAX as usize,
            );
            assert!(
                page.encoded_len() < MESSAGE_BYTES_MAX,
                "{}",
                page.encoded_len()
            );
            read.figures.extend(page.figures);
            read.indicators.extend(page.indicators);
            read.distributions.extend(page.distributions);
            read.next_page_token = page.next_page_token;
            if read.next_page_token.is_empty() {
                break;
            }
        }
        let key = |one: &v1::Indicator| (one.number, one.name.clone(), one.agency_code.clone());
        let mut indicators = all.indicators.clone();
        indicators.sort_by_key(key);
        read.indicators.sort_by_key(key);
        assert_eq!(read.indicators, indicators);
        assert_eq!(read.figures, all.figures);
        assert_eq!(read.distributions.len(), all.distributions.len());
    }

    #[test]
    fn page_one_tells_of_those_who_did_most() {
        let most = measures::most(counted().distributions, 3);
        let told: Vec<_> = most
            .iter()
            .map(|one| (one.name.as_str(), one.agency_code.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("waiting", "H99.3397"),
                ("waiting", "H99.3398"),
                ("waiting", "H99.3399"),
                ("held", "H99.3397"),
                ("held", "H99.3398"),
                ("held", "H99.3399"),
            ]
        );
    }
}
