//! Statistics: what is counted.

use super::{Operator, bad_field, measures, rows::Names, unreadable};
use crate::{
    access,
    desk::{blocking, page},
    hot::Hot,
    ledger::Condition,
    store::{Reader, StoreError, Tally},
};
use contract::v1;
use dossier::{name::AgencyCode, procedure::civil_date};
use jiff::{Timestamp, ToSpan as _, civil::Date};
use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
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
        let limit = page(request.page_size, PAGE_AGENCIES, PAGE_AGENCIES_MAX);
        let (reader, names) = (self.reader.clone(), Names::of(&self.registry));
        let is_first = request.page_token.is_empty();
        let (days, counts) = ((from, until), self.counts.clone());
        let counted = blocking(move || {
            let reader = reader.as_ref();
            let counted = match counts.of(days).filter(|_| !is_first) {
                Some(counted) => counted,
                None => Arc::new(Counted::over(days, reader).map_err(unreadable)?),
            };
            let mut page = counted.page(&names, &request.page_token, limit);
            if is_first {
                page.figures
                    .splice(0..0, figures(reader).map_err(unreadable)?);
            }
            counts.keep(days, counted, page.next_page_token.is_empty());
            Ok(page)
        });
        let mut counted = counted.await?;
        if is_first {
            counted.figures.extend(since_start(self.ledger.condition()));
            counted.figures.extend(now(&self.hot));
        }
        Ok(counted)
    }
}

/// From the first day until before the second.
type Days = (Date, Date);

/// What was counted last, until its last page is read or another reading begins: later pages tell of the
/// moment of the first, and it is counted once. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Counts(Arc<Mutex<Option<Kept>>>);

type Kept = (Days, Arc<Counted>);

/// How old what was counted may be for a later page: whoever reads on reads soon.
const READING_MAX: Duration = Duration::from_secs(120);

impl Counts {
    fn last(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, days: Days) -> Option<Arc<Counted>> {
        let last = self.last();
        let (of, counted) = last.as_ref()?;
        let is_one_reading = *of == days && counted.at.elapsed() < READING_MAX;
        is_one_reading.then(|| counted.clone())
    }

    fn keep(&self, days: Days, counted: Arc<Counted>, is_read: bool) {
        let mut last = self.last();
        match last.as_ref() {
            _ if !is_read => *last = Some((days, counted)),
            Some((_, kept)) if Arc::ptr_eq(kept, &counted) => *last = None,
            // Of another reading, which goes on.
            _ => {}
        }
    }
}

/// What was counted of desks and departments.
#[derive(Debug)]
struct Counted {
    at: Instant,
    tallies: Vec<Tally>,
    denied: Vec<(AgencyCode, u64)>,
}

impl Counted {
    fn over((from, until): Days, reader: &dyn Reader) -> Result<Self, StoreError> {
        Ok(Self {
            at: Instant::now(),
            tallies: reader.tallies(from, until)?,
            denied: reader.denied(from, until)?,
        })
    }

    /// What is of so many agencies after this one, by code; before the first, what is of all together, too.
    fn page(&self, names: &Names, after: &str, limit: usize) -> v1::StatisticsResponse {
        let tallied = self.tallies.iter().map(|one| &one.agency);
        let agencies = tallied.chain(self.denied.iter().map(|(agency, _)| agency));
        let left: BTreeSet<&str> = agencies
            .map(AgencyCode::as_str)
            .filter(|code| *code > after)
            .collect();
        let last = left
            .iter()
            .take(limit)
            .next_back()
            .copied()
            .unwrap_or(after);
        let is_shown = |code: &str| match code {
            "" => after.is_empty(),
            code => after < code && code <= last,
        };
        let shown = |one: &&Tally| is_shown(one.agency.as_str());
        let of_shown: Vec<Tally> = self.tallies.iter().filter(shown).cloned().collect();
        let denied = self
            .denied
            .iter()
            .filter(|(agency, _)| is_shown(agency.as_str()));
        v1::StatisticsResponse {
            figures: denied
                .map(|(agency, denied)| figure("supplements_denied", Some(agency), *denied))
                .collect(),
            indicators: measures::indicators(&self.tallies, names, is_shown),
            distributions: measures::distributions(&of_shown, names),
            next_page_token: match left.len() > limit {
                true => last.to_owned(),
                false => String::new(),
            },
        }
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

/// What the store counts of all together.
fn figures(reader: &dyn Reader) -> Result<[v1::Figure; 5], StoreError> {
    let counts = reader.counts()?;
    let closed = counts.dossiers.saturating_sub(counts.dossiers_open);
    Ok([
        figure("dossiers", None, counts.dossiers),
        figure("dossiers_open", None, counts.dossiers_open),
        figure("dossiers_closed", None, closed),
        figure("handovers_owed", None, counts.owed),
        figure("incidents_open", None, counts.incidents_open),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::tally;
    use node::stream::MESSAGE_BYTES_MAX;
    use prost::Message as _;

    const AGENCIES: usize = 3_400;

    /// What so many communes are counted as, by those who have the longest names.
    fn counted() -> (Counted, Names) {
        let name = "Bộ phận Tiếp nhận và Trả kết quả giải quyết thủ tục hành chính ".repeat(2);
        let communes: String = (0..AGENCIES)
            .map(|n| format!("[[agency]]\ncode = \"H99.{n}\"\nname = \"{name}\"\nterritory = \"P\"\nvalid_from = \"2020-01-01\"\n"))
            .collect();
        let province = "[[territory]]\ncode = \"P\"\nname = \"Tỉnh Mẫu\"\n";
        let names = Names::of_directory(&format!("{province}{communes}"));
        let all = [tally::RECEIVED, tally::CLOSED, tally::HELD, tally::WAITING];
        let of = |n: usize| {
            all.map(|name| Tally {
                name: name.to_owned(),
                agency: format!("H99.{n}").parse().unwrap(),
                bucket: 0,
                count: n as u64 + 1,
            })
        };
        let counted = Counted {
            at: Instant::now(),
            tallies: (0..AGENCIES).flat_map(of).collect(),
            denied: vec![("H99.7".parse().unwrap(), 1), ("H99.A".parse().unwrap(), 2)],
        };
        (counted, names)
    }

    #[test]
    fn every_page_fits_in_a_message_and_together_they_are_everything_once() {
        let (counted, names) = counted();
        let mut all = counted.page(&names, "", usize::MAX);
        assert!(all.encoded_len() > MESSAGE_BYTES_MAX);
        let mut read = v1::StatisticsResponse::default();
        loop {
            let limit = PAGE_AGENCIES_MAX as usize;
            let page = counted.page(&names, &read.next_page_token, limit);
            let bytes = page.encoded_len();
            assert!(bytes < MESSAGE_BYTES_MAX, "{bytes}");
            read.figures.extend(page.figures);
            read.indicators.extend(page.indicators);
            read.distributions.extend(page.distributions);
            read.next_page_token = page.next_page_token;
            if read.next_page_token.is_empty() {
                break;
            }
        }
        for one in [&mut all, &mut read] {
            let place = |one: &v1::Indicator| (one.name.clone(), one.agency_code.clone());
            one.indicators.sort_by_key(place);
            let place = |one: &v1::Distribution| (one.name.clone(), one.agency_code.clone());
            one.distributions.sort_by_key(place);
        }
        assert!(read == all, "each once");
    }

    #[test]
    fn pages_of_one_reading_tell_of_one_moment_and_nothing_is_kept_after_the_last() {
        let (counts, counted) = (Counts::default(), Arc::new(counted().0));
        let days = |from: i16| (Date::constant(from, 1, 1), Date::constant(2027, 1, 1));
        assert!(counts.of(days(2026)).is_none());
        counts.keep(days(2026), counted.clone(), false);
        let later = counts.of(days(2026)).unwrap();
        assert!(Arc::ptr_eq(&later, &counted));
        assert!(counts.of(days(2025)).is_none(), "other days");
        counts.keep(days(2025), Arc::new(self::counted().0), true);
        assert!(counts.of(days(2026)).is_some(), "another's last page");
        counts.keep(days(2026), later, true);
        assert_eq!(Arc::strong_count(&counted), 1, "let go");
        let mut old = self::counted().0;
        old.at = Instant::now().checked_sub(READING_MAX).unwrap();
        counts.keep(days(2026), Arc::new(old), false);
        assert!(counts.of(days(2026)).is_none(), "of long ago");
    }

    #[test]
    fn page_one_tells_of_those_who_did_most() {
        let (counted, names) = counted();
        let most = measures::most(measures::distributions(&counted.tallies, &names), 2);
        let told: Vec<_> = most
            .iter()
            .map(|one| (one.name.as_str(), one.agency_code.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("waiting", "H99.3398"),
                ("waiting", "H99.3399"),
                ("held", "H99.3398"),
                ("held", "H99.3399"),
            ]
        );
    }
}
