//! What a bench department knows: the rounds that it holds, how it reports them, and its counts.

use super::{Config, Step};
use crate::bench::control::{Counted, Temper, now_ns};
use bytes::Bytes;
use contract::v1::{Completed, EvidenceInput, Handover, Item, Report, Task, item, report};
use hdrhistogram::Histogram;
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, mpsc, watch};

/// Reports that may wait for room on one agency's stream.
const REPORTS_MAX: usize = 1 << 17;
/// Microseconds that a latency is counted up to: ten minutes.
const LATENCY_US_MAX: u64 = 600_000_000;
/// Digits that count to three significant figures.
const FIGURES: u8 = 3;
/// Where in the data that says when it was sent the number begins, and its digits.
const STAMP_AT: usize = r#"{"sent_ns":""#.len();
const STAMP_DIGITS: usize = 20;

/// A round that is held and not reported.
#[derive(Debug, Clone)]
pub(super) struct Round {
    handover_id: String,
    dossier_id: String,
    step_id: String,
    round: u32,
    agency: String,
}

impl Round {
    /// Its step.
    pub(super) fn step(&self) -> &str {
        &self.step_id
    }
}

/// A report and the round that it is of.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) item: Item,
    pub(super) round: Round,
    /// When it was meant to be sent.
    pub(super) sent_ns: u64,
}

/// See the module.
pub(crate) struct Office {
    steps: BTreeMap<String, Step>,
    data: Vec<u8>,
    at_once: AtomicBool,
    held: Mutex<VecDeque<Round>>,
    lines: Mutex<HashMap<String, mpsc::Sender<Box<Said>>>>,
    tally: Mutex<Tally>,
    finished_steps: AtomicU64,
    /// Rings when a last step was recorded.
    pub(super) finished: Notify,
    number: AtomicU64,
    position: AtomicU64,
    pub(super) streams: AtomicU64,
    /// Calls of a restless office that were answered.
    pub(super) calls: AtomicU64,
    /// How it takes handovers.
    pub(super) temper: watch::Sender<Temper>,
}

struct Tally {
    counted: Counted,
    latency: Histogram<u64>,
    first: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        let histogram =
            || Histogram::new_with_max(LATENCY_US_MAX, FIGURES).expect("the bounds are in order");
        Self {
            counted: Counted::default(),
            latency: histogram(),
            first: histogram(),
        }
    }
}

impl Office {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            steps: config.steps.clone(),
            data: stamped(config.data_bytes),
            at_once: AtomicBool::new(true),
            held: Mutex::default(),
            lines: Mutex::default(),
            tally: Mutex::new(Tally::new()),
            finished_steps: AtomicU64::new(0),
            finished: Notify::new(),
            number: AtomicU64::new(now_ns() % 1_000_000),
            position: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            temper: watch::Sender::default(),
        }
    }

    /// The way to an agency's stream of reports.
    pub(super) fn line(&self, agency: &str) -> mpsc::Receiver<Box<Said>> {
        let (say, said) = mpsc::channel(REPORTS_MAX);
        lock(&self.lines).insert(agency.to_owned(), say);
        said
    }

    /// Takes an item that was acknowledged; gives the position that the acknowledgement names.
    pub(super) fn take(&self, item: Item) -> u64 {
        let position = self.position.fetch_add(1, Ordering::Relaxed) + 1;
        let work = match item.kind {
            Some(item::Kind::Handover(handover)) if handover.task() == Task::Work => handover,
            _ => {
                lock(&self.tally).counted.others += 1;
                return position;
            }
        };
        self.count_round(&work);
        let Handover {
            handover_id,
            dossier_id,
            step_id,
            round,
            agency_code,
            ..
        } = work;
        let round = Round {
            handover_id,
            dossier_id,
            step_id,
            round,
            agency: agency_code,
        };
        if self.at_once.load(Ordering::Relaxed) {
            self.report(round, now_ns());
        } else {
            lock(&self.held).push_back(round);
        }
        position
    }

    /// Counts a round that was acknowledged, and how long after what caused it.
    pub(super) fn count_round(&self, handover: &Handover) {
        let step = self.steps.get(&handover.step_id);
        let stamp = step.and_then(|step| step.stamp.as_deref());
        let sent_ns = stamp.and_then(|stamp| {
            let mut evidence = handover.evidence.iter();
            sent_ns(&evidence.find(|one| one.name == stamp)?.data)
        });
        let took_us = sent_ns.map(|sent| now_ns().saturating_sub(sent) / 1_000);
        let is_first = step.is_some_and(|step| step.first);
        let mut tally = lock(&self.tally);
        let histogram = if is_first {
            tally.counted.firsts += 1;
            &mut tally.first
        } else {
            tally.counted.handoffs += 1;
            &mut tally.latency
        };
        if let Some(us) = took_us {
            histogram.saturating_record(us);
        }
    }

    /// Reports the round that was held longest; false when none is.
    pub(super) fn report_next(&self, sent_ns: u64) -> bool {
        let next = lock(&self.held).pop_front();
        let is_there = next.is_some();
        if let Some(round) = next {
            self.report(round, sent_ns);
        }
        is_there
    }

    pub(super) fn count_starved(&self) {
        lock(&self.tally).counted.starved += 1;
    }

    fn report(&self, round: Round, sent_ns: u64) {
        let said = self.say(round, sent_ns);
        let line = lock(&self.lines).get(&said.round.agency).cloned();
        if let Some(Err(error)) = line.map(|line| line.try_send(Box::new(said))) {
            // The pace is more than the broker takes: it is held, and sent later.
            let (mpsc::error::TrySendError::Full(said) | mpsc::error::TrySendError::Closed(said)) =
                error;
            lock(&self.held).push_front(said.round);
        }
    }

    /// Reports again after a while.
    pub(super) fn hold_for(self: Arc<Self>, said: Said, after: Duration) {
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            self.report(said.round, said.sent_ns);
        });
    }

    /// Says that the round is completed.
    pub(super) fn say(&self, round: Round, sent_ns: u64) -> Said {
        let report = Report {
            dossier_id: round.dossier_id.clone(),
            step_id: round.step_id.clone(),
            round: round.round,
            agency_code: round.agency.clone(),
            kind: Some(report::Kind::Completed(Completed {
                evidence: self.gives(&round.step_id, sent_ns),
                note: String::new(),
            })),
            ..Report::default()
        };
        let item = Item {
            item_id: round.handover_id.clone(),
            kind: Some(item::Kind::Report(report)),
            ..Default::default()
        };
        Said {
            item,
            round,
            sent_ns,
        }
    }

    /// What a step gives.
    pub(super) fn gives(&self, step: &str, sent_ns: u64) -> Vec<EvidenceInput> {
        let gives = self.steps.get(step).map(|step| step.gives.as_slice());
        let given = gives.unwrap_or_default().iter().map(|give| EvidenceInput {
            name: give.evidence.clone(),
            schema_id: give.schema_id.clone(),
            data: match &give.data {
                Some(data) => {
                    let number = self.number.fetch_add(1, Ordering::Relaxed) % 1_000_000_000;
                    data.replace("{n}", &format!("{number:09}")).into()
                }
                None => stamp(&self.data, sent_ns),
            },
            documents: Vec::new(),
            subject_party_id: give.subject.clone(),
        });
        given.collect()
    }

    /// The broker recorded a report.
    pub(super) fn recorded(&self, step: &str) {
        lock(&self.tally).counted.recorded += 1;
        self.finish(step);
    }

    /// Counts a dossier's last step.
    pub(super) fn finish(&self, step: &str) {
        if self.steps.get(step).is_some_and(|step| step.last) {
            self.finished_steps.fetch_add(1, Ordering::Relaxed);
            self.finished.notify_one();
        }
    }

    pub(super) fn refused(&self) {
        lock(&self.tally).counted.refused += 1;
    }

    pub(super) fn later(&self) {
        lock(&self.tally).counted.later += 1;
    }

    pub(super) fn met(&self, window_items: u32) {
        lock(&self.tally).counted.broker_window_items = window_items;
    }

    pub(super) fn take_finished(&self) -> u64 {
        self.finished_steps.swap(0, Ordering::Relaxed)
    }

    /// From now on reports what it holds and gets.
    pub(super) fn report_at_once(&self) {
        self.at_once.store(true, Ordering::Relaxed);
        while self.report_next(now_ns()) {}
    }

    /// From now on holds what it gets.
    pub(super) fn hold(&self) {
        self.at_once.store(false, Ordering::Relaxed);
    }

    /// What was counted since the last time.
    pub(super) fn count(&self) -> Counted {
        let mut tally = lock(&self.tally);
        let window = tally.counted.broker_window_items;
        let mut counted = std::mem::take(&mut tally.counted);
        tally.counted.broker_window_items = window;
        let pairs = |histogram: &mut Histogram<u64>| {
            let pairs = histogram
                .iter_recorded()
                .map(|one| (one.value_iterated_to(), one.count_since_last_iteration()));
            let pairs = pairs.collect();
            histogram.reset();
            pairs
        };
        counted.latency_us = pairs(&mut tally.latency);
        counted.first_us = pairs(&mut tally.first);
        counted.at_ns = now_ns();
        drop(tally);
        counted.waiting = lock(&self.held).len() as u64;
        counted.calls = self.calls.swap(0, Ordering::Relaxed);
        counted.streams = self.streams.load(Ordering::Relaxed);
        counted
    }
}

/// Shared with everything in the process.
pub(super) type SharedOffice = Arc<Office>;

/// Data of so many bytes with a place for the time at which it was sent.
pub(crate) fn stamped(bytes: usize) -> Vec<u8> {
    let (before, after) = (
        format!(
            "{{\"sent_ns\":\"{}\",\"filler\":\"",
            "0".repeat(STAMP_DIGITS)
        ),
        "\"}",
    );
    let filler = bytes.saturating_sub(before.len() + after.len());
    let letters = ('a'..='z').cycle().take(filler).collect::<String>();
    format!("{before}{letters}{after}").into_bytes()
}

/// The data, sent at this time.
pub(crate) fn stamp(data: &[u8], sent_ns: u64) -> Bytes {
    let mut data = data.to_vec();
    let digits = format!("{sent_ns:0STAMP_DIGITS$}");
    data[STAMP_AT..STAMP_AT + STAMP_DIGITS].copy_from_slice(digits.as_bytes());
    data.into()
}

/// When data says that it was sent.
fn sent_ns(data: &[u8]) -> Option<u64> {
    let digits = data.get(STAMP_AT..STAMP_AT + STAMP_DIGITS)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_says_when_it_was_sent_and_is_json_of_the_size_asked_for() {
        let data = stamp(&stamped(2048), 12_345_678_901_234);
        assert_eq!(data.len(), 2048);
        assert_eq!(sent_ns(&data), Some(12_345_678_901_234));
        let read: serde_json::Value = serde_json::from_slice(&data).unwrap();
        assert_eq!(read["sent_ns"], "00000012345678901234");
    }
}
