//! A courier's pace: how often it failed in a row, which its pauses grow with, and when a call of its
//! department ends one.

use super::heard;
use std::time::Duration;
use tokio::{sync::watch, time::Instant};

/// Between two calls of a department that end a pause, at least.
const CALLS_APART: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Pace {
    failures: u32,
    /// Streams in a row that ended before any verdict came.
    fruitless: u32,
    called: watch::Receiver<u64>,
    /// When a call of the department is heeded again.
    next_call_at: Instant,
}

impl Pace {
    /// That of a courier which has tried nothing yet and is called by this bell.
    pub(super) fn new(called: watch::Receiver<u64>) -> Self {
        Self {
            failures: 0,
            fruitless: 0,
            called,
            next_call_at: Instant::now(),
        }
    }

    /// A stream could not be opened, or ended.
    pub(super) fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
        self.fruitless = self.fruitless.saturating_add(1);
    }

    /// A stream is open.
    pub(super) fn reached(&mut self) {
        self.failures = 0;
    }

    /// A verdict came.
    pub(super) fn answered(&mut self) {
        self.fruitless = 0;
    }

    /// Attempts in a row that failed.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Attempts in a row that a pause is to be made for. A stream that opens and brings nothing is no reason
    /// to open the next one at once: each costs handshakes, a window of handovers, and what is recorded of
    /// those that were not answered.
    pub(super) fn in_vain(&self) -> u32 {
        self.failures.max(self.fruitless)
    }

    /// Until the department calls.
    pub(super) async fn called(&mut self) {
        heard(&mut self.called).await;
    }

    /// Until the department calls: it is there. However often it calls, it is heeded once in a while.
    pub(super) async fn call_to_heed(&mut self) {
        tokio::time::sleep_until(self.next_call_at).await;
        self.called().await;
        self.next_call_at = Instant::now() + CALLS_APART;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::{sleep, timeout};

    /// No quicker is a courier woken, whatever `CALLS_APART` comes to be.
    const SECOND: Duration = Duration::from_secs(1);
    const MOMENT: Duration = Duration::from_millis(10);

    fn pace() -> (watch::Sender<u64>, Pace) {
        let bell = watch::Sender::new(0);
        let pace = Pace::new(bell.subscribe());
        (bell, pace)
    }

    #[test]
    fn streams_that_open_and_bring_nothing_are_as_much_in_vain_as_none() {
        let (_bell, mut pace) = pace();
        for streams in 1..=5 {
            pace.reached();
            pace.failed();
            assert_eq!((pace.failures(), pace.in_vain()), (1, streams));
        }
        pace.failed();
        assert_eq!((pace.failures(), pace.in_vain()), (2, 6));
    }

    #[test]
    fn one_verdict_and_nothing_was_in_vain() {
        let (_bell, mut pace) = pace();
        for _ in 0..5 {
            pace.reached();
            pace.failed();
        }
        pace.reached();
        pace.answered();
        pace.failed();
        assert_eq!(pace.in_vain(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_department_that_calls_without_end_is_heeded_once_a_second() {
        let (bell, mut pace) = pace();
        let calling = async {
            loop {
                bell.send_modify(|rings| *rings += 1);
                sleep(MOMENT).await;
            }
        };
        let begun = Instant::now();
        let heeding = async {
            let mut heeded = Vec::new();
            for _ in 0..4 {
                pace.call_to_heed().await;
                heeded.push(begun.elapsed());
            }
            heeded
        };
        let heeded = tokio::select! {
            heeded = heeding => heeded,
            () = calling => unreachable!(),
        };
        assert_eq!(heeded, [0, 1, 2, 3].map(Duration::from_secs));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_comes_too_soon_is_heeded_in_time_and_not_twice() {
        let (bell, mut pace) = pace();
        bell.send_replace(1);
        pace.call_to_heed().await;
        bell.send_replace(2);
        let begun = Instant::now();
        // The pause may end before: the call is not lost with it.
        assert!(timeout(SECOND / 2, pace.call_to_heed()).await.is_err());
        pace.call_to_heed().await;
        assert_eq!(begun.elapsed(), SECOND);
        assert!(timeout(10 * SECOND, pace.call_to_heed()).await.is_err());
        // After so long it is heeded at once.
        let begun = Instant::now();
        bell.send_replace(3);
        pace.call_to_heed().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
