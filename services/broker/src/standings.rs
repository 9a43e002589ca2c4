//! Standings: how each department does, as whoever hands over to it sees it. Nothing of it is durable: after
//! a start it is learnt anew.

use crate::bell::Departments;
use contract::v1::verdict::Outcome;
use dashmap::DashMap;
use dossier::name::AgencyCode;
use jiff::Timestamp;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Between two looks at how much is owed.
pub const SAMPLE_INTERVAL: Duration = Duration::from_secs(60);
/// Looks at how much is owed that are remembered.
pub const SAMPLES_MAX: usize = 60;
/// Seconds over which verdicts are counted.
const VERDICTS_SECONDS: usize = 60;
/// Bytes of what a department says of its software, and of what a failure met.
const TEXT_BYTES_MAX: usize = 200;

/// How every department does. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Standings(Arc<Board>);

#[derive(Debug)]
struct Board {
    departments: DashMap<AgencyCode, Arc<Mutex<State>>>,
    began: Instant,
    bell: Departments,
}

/// How one department does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// When its stream opened; none while it has none.
    pub connected_since: Option<Timestamp>,
    /// Until when the certificate is valid that it showed last.
    pub certificate_expires_at: Option<Timestamp>,
    /// The version of its software, as it says.
    pub version: String,
    /// Items under way to it.
    pub under_way: u32,
    /// Items that may be under way to it at once; 0 before it was met.
    pub under_way_max: u32,
    /// Attempts in a row that failed.
    pub failures: u32,
    /// What the last one met; empty when none failed since it was reached.
    pub last_error: String,
    /// Verdicts that came in the last minute.
    pub verdicts_last_minute: u32,
    /// How much was owed to it at the end of each of the last minutes, the newest last.
    pub owed_by_minute: Vec<u64>,
}

/// What was counted of a department since the start.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Streams that were opened.
    pub opened: u64,
    /// Streams that could not be opened, or ended.
    pub failures: u64,
    /// What it said of items.
    pub heard: Arc<node::metrics::Verdicts>,
}

#[derive(Debug, Default)]
struct State {
    shown: Standing,
    totals: Totals,
    verdicts: Verdicts,
    owed: VecDeque<u64>,
}

/// Verdicts by the second, in a ring.
#[derive(Debug)]
struct Verdicts {
    counts: [u32; VERDICTS_SECONDS],
    /// The second of the newest count.
    second: u64,
}

impl Default for Verdicts {
    fn default() -> Self {
        Self {
            counts: [0; VERDICTS_SECONDS],
            second: 0,
        }
    }
}

impl Verdicts {
    fn turn_to(&mut self, second: u64) {
        let passed = second.saturating_sub(self.second);
        for one in 1..=passed.min(VERDICTS_SECONDS as u64) {
            self.counts[place(self.second + one)] = 0;
        }
        self.second = self.second.max(second);
    }

    fn count(&mut self, second: u64) {
        self.turn_to(second);
        let count = &mut self.counts[place(second)];
        *count = count.saturating_add(1);
    }

    fn sum(&mut self, second: u64) -> u32 {
        self.turn_to(second);
        self.counts.iter().copied().fold(0, u32::saturating_add)
    }
}

fn place(second: u64) -> usize {
    usize::try_from(second % VERDICTS_SECONDS as u64).unwrap_or_default()
}

fn cut(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
    text.chars().filter(|char| !char.is_control()).collect()
}

impl Standings {
    /// Of nobody yet. The bell tells of every connection that opens or breaks, and of the first failure.
    pub fn new(bell: Departments) -> Self {
        Self(Arc::new(Board {
            departments: DashMap::new(),
            began: Instant::now(),
            bell,
        }))
    }

    /// The page on which whoever hands over to a department writes.
    pub fn page(&self, agency: &AgencyCode) -> Page {
        let state = self.0.departments.entry(agency.clone()).or_default();
        Page {
            board: Arc::clone(&self.0),
            state: Arc::clone(&state),
        }
    }

    /// How a department does.
    pub fn of(&self, agency: &AgencyCode) -> Standing {
        self.page(agency).read()
    }

    /// Whether it could not be reached when it was tried last.
    pub fn is_away(&self, agency: &AgencyCode) -> bool {
        let found = self.0.departments.get(agency);
        found.is_some_and(|state| {
            let shown = &lock(&state).shown;
            shown.connected_since.is_none() && shown.failures > 0
        })
    }

    /// How every department does, and what was counted of it, in the order of their codes.
    pub fn all(&self) -> Vec<(AgencyCode, Standing, Totals)> {
        let departments = self.0.departments.iter();
        let mut all: Vec<_> = departments
            .map(|one| {
                let state = lock(one.value());
                (one.key().clone(), state.shown.clone(), state.totals.clone())
            })
            .collect();
        all.sort_by(|(one, ..), (other, ..)| one.cmp(other));
        all
    }

    /// A minute is over in which so much is owed to these departments, and nothing to the others.
    pub fn sample(&self, owed: &[(AgencyCode, u64)]) {
        for (agency, _) in owed {
            self.page(agency);
        }
        for department in &self.0.departments {
            let of = owed.iter().find(|(agency, _)| agency == department.key());
            let mut state = lock(department.value());
            if state.owed.len() == SAMPLES_MAX {
                state.owed.pop_front();
            }
            state.owed.push_back(of.map_or(0, |(_, owed)| *owed));
        }
    }
}

impl Board {
    fn second(&self) -> u64 {
        self.began.elapsed().as_secs()
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The page of one department, for whoever hands over to it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Page {
    board: Arc<Board>,
    state: Arc<Mutex<State>>,
}

/// A stream of a department that is open for as long as this is there.
#[derive(Debug)]
#[must_use = "the department counts as connected until this is dropped"]
pub struct Connected(Page);

impl Page {
    /// Its stream is open.
    pub fn connected(
        &self,
        certificate_expires_at: Timestamp,
        under_way_max: u32,
        at: Timestamp,
    ) -> Connected {
        let mut state = lock(&self.state);
        state.totals.opened += 1;
        let shown = &mut state.shown;
        shown.connected_since = Some(at);
        shown.certificate_expires_at = Some(certificate_expires_at);
        shown.under_way_max = under_way_max;
        shown.failures = 0;
        shown.last_error.clear();
        drop(state);
        self.board.bell.ring();
        Connected(self.clone())
    }

    /// The version of its software, as it says.
    pub fn says(&self, version: &str) {
        lock(&self.state).shown.version = cut(version);
    }

    /// An attempt failed, so many in a row.
    pub fn failed(&self, failures: u32, why: &str) {
        let mut state = lock(&self.state);
        let is_first = state.shown.failures == 0;
        state.totals.failures += 1;
        state.shown.failures = failures;
        state.shown.last_error = cut(why);
        drop(state);
        if is_first {
            self.board.bell.ring();
        }
    }

    /// So many items are under way to it.
    pub fn under_way(&self, items: usize) {
        lock(&self.state).shown.under_way = u32::try_from(items).unwrap_or(u32::MAX);
    }

    /// A verdict came.
    pub fn verdict(&self, outcome: &Outcome) {
        let second = self.board.second();
        let mut state = lock(&self.state);
        state.verdicts.count(second);
        state.totals.heard.note(outcome);
    }

    fn read(&self) -> Standing {
        let second = self.board.second();
        let mut state = lock(&self.state);
        Standing {
            verdicts_last_minute: state.verdicts.sum(second),
            owed_by_minute: state.owed.iter().copied().collect(),
            ..state.shown.clone()
        }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.shown.connected_since = None;
        state.shown.under_way = 0;
        drop(state);
        self.0.board.bell.ring();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::named;

    fn police() -> (Standings, Page) {
        let standings = Standings::new(Departments::default());
        let page = standings.page(&named("H26.2"));
        (standings, page)
    }

    #[test]
    fn a_department_counts_as_connected_for_as_long_as_its_stream_is_open_and_everybody_hears_of_both()
     {
        let bell = Departments::default();
        let mut changed = bell.listen();
        let standings = Standings::new(bell);
        let page = standings.page(&named("H26.2"));
        page.failed(1, "no route");
        page.failed(2, "no route");
        assert_eq!(*changed.borrow_and_update(), 1, "the first failure alone");
        let at = Timestamp::UNIX_EPOCH;
        let connected = page.connected(Timestamp::MAX, 8, at);
        page.under_way(3);
        let standing = standings.of(&named("H26.2"));
        assert!(changed.has_changed().unwrap());
        assert_eq!(standing.connected_since, Some(at));
        assert_eq!((standing.under_way, standing.under_way_max), (3, 8));
        assert_eq!((standing.failures, standing.last_error.as_str()), (0, ""));
        changed.mark_unchanged();
        drop(connected);
        assert!(changed.has_changed().unwrap());
        let standing = standings.of(&named("H26.2"));
        assert_eq!((standing.connected_since, standing.under_way), (None, 0));
        assert_eq!(standing.certificate_expires_at, Some(Timestamp::MAX));
    }

    #[test]
    fn verdicts_are_counted_for_a_minute_and_then_forgotten() {
        let mut verdicts = Verdicts::default();
        for second in [0, 0, 30, 59] {
            verdicts.count(second);
        }
        assert_eq!(verdicts.sum(59), 4);
        assert_eq!(verdicts.sum(60), 2);
        assert_eq!(verdicts.sum(89), 2);
        assert_eq!(verdicts.sum(90), 1);
        assert_eq!(verdicts.sum(1_000), 0);
        verdicts.count(1_000);
        assert_eq!(verdicts.sum(1_000), 1);
    }

    #[test]
    fn an_hour_of_minutes_is_remembered_also_of_those_to_whom_nothing_is_owed() {
        let (standings, _) = police();
        for minute in 0..70 {
            standings.sample(&[(named("H26.3"), minute)]);
        }
        assert_eq!(standings.of(&named("H26.2")).owed_by_minute, [0; 60]);
        let owed = standings.of(&named("H26.3")).owed_by_minute;
        assert_eq!((owed.len(), owed[0], owed[59]), (60, 10, 69));
    }

    #[test]
    fn what_a_department_says_of_itself_is_cut() {
        let (standings, page) = police();
        page.says(&"ờ".repeat(500));
        assert!(standings.of(&named("H26.2")).version.len() <= TEXT_BYTES_MAX);
    }
}
