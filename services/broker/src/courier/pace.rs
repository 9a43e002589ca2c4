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

    /// Until the department calls, now and after a pause alike.
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
