//! Sends reports at times fixed beforehand, however long each takes: the load of citizens does not
//! wait for the broker.

use super::office::SharedOffice;
use crate::bench::control::now_ns;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle};

/// Between two looks at what is due, at least: waking costs processor time too.
const LOOK_NS_MIN: u64 = 100_000;
/// How long the clock's thread sleeps where nothing is to be paced.
const REST: Duration = Duration::from_millis(5);

/// The pace. A thread of its own keeps the time: the runtime's clock has milliseconds.
pub(super) struct Pacer {
    /// Rounds a second, times a thousand; 0 rests.
    per_kilosecond: Arc<AtomicU64>,
    _sender: JoinHandle<()>,
}

impl Pacer {
    pub(super) fn start(office: SharedOffice) -> Self {
        let per_kilosecond = Arc::new(AtomicU64::new(0));
        // A look that finds the one before it not yet dealt with waits its turn there.
        let (tell, mut told) = mpsc::channel::<Due>(1024);
        let pace = per_kilosecond.clone();
        std::thread::spawn(move || keep_time(&pace, &tell));
        let _sender = tokio::spawn(async move {
            let mut owed: std::collections::VecDeque<u64> = std::collections::VecDeque::new();
            let mut of = 0;
            while let Some(due) = told.recv().await {
                if due.of != of {
                    owed.clear();
                    of = due.of;
                }
                owed.extend((due.from..due.until).map(|number| due.at(number)));
                while let Some(sent_ns) = owed.front().copied() {
                    if !office.report_next(sent_ns) {
                        office.count_starved();
                        break;
                    }
                    owed.pop_front();
                }
            }
        });
        Self {
            per_kilosecond,
            _sender,
        }
    }

    /// So many a second from now on.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a rate is small and positive
    pub(super) fn pace(&self, per_second: f64) {
        let pace = (per_second * 1_000.0).round() as u64;
        self.per_kilosecond.store(pace, Ordering::Relaxed);
    }

    /// None from now on.
    pub(super) fn rest(&self) {
        self.per_kilosecond.store(0, Ordering::Relaxed);
    }
}

/// Reports that are due.
struct Due {
    /// The start of the pace.
    of: u64,
    per_kilosecond: u64,
    from: u64,
    until: u64,
}

impl Due {
    /// The time fixed for a number.
    fn at(&self, number: u64) -> u64 {
        self.of + offset_ns(number, self.per_kilosecond)
    }
}

fn offset_ns(number: u64, per_kilosecond: u64) -> u64 {
    let ns = u128::from(number) * 1_000_000_000_000 / u128::from(per_kilosecond.max(1));
    u64::try_from(ns).unwrap_or(u64::MAX)
}

fn keep_time(per_kilosecond: &AtomicU64, tell: &mpsc::Sender<Due>) {
    let (mut pace, mut of, mut next) = (0, 0, 0);
    while !tell.is_closed() {
        let now = now_ns();
        let wanted = per_kilosecond.load(Ordering::Relaxed);
        if wanted != pace {
            (pace, of, next) = (wanted, now, 0);
        }
        if pace == 0 {
            std::thread::sleep(REST);
            continue;
        }
        let elapsed = u128::from(now - of) * u128::from(pace) / 1_000_000_000_000;
        let until = u64::try_from(elapsed).unwrap_or(u64::MAX) + 1;
        if until > next {
            let due = Due {
                of,
                per_kilosecond: pace,
                from: next,
                until,
            };
            if tell.blocking_send(due).is_err() {
                return;
            }
            next = until;
        }
        let at = of + offset_ns(next, pace);
        let wait = at.saturating_sub(now_ns()).clamp(LOOK_NS_MIN, 5_000_000);
        std::thread::sleep(Duration::from_nanos(wait));
    }
}
