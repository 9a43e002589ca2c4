//! What a department counts, and what it tells Prometheus.

use crate::counter::Counter;
use node::metrics::{Page, Source, Verdicts, disk};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};
use tokio::task::spawn_blocking;

/// What is counted where it happens.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// A report stream is open.
    is_reporting: AtomicBool,
    /// What was said of handovers and notices.
    pub(crate) given: Verdicts,
    /// What the broker said of reports.
    pub(crate) heard: Verdicts,
    reconciliations: AtomicU64,
    line_failures: AtomicU64,
    work_failures: AtomicU64,
}

/// A report stream that is open, until it is dropped.
pub(crate) struct Reporting(Arc<Counter>);

impl Tally {
    pub(crate) fn reconciled(&self) {
        self.reconciliations.fetch_add(1, Ordering::Relaxed);
    }

    /// The broker could not be reached, or a stream to it ended.
    pub(crate) fn line_failed(&self) {
        self.line_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// A round could not be done.
    pub(crate) fn work_failed(&self) {
        self.work_failures.fetch_add(1, Ordering::Relaxed);
    }
}

impl Reporting {
    pub(crate) fn begin(counter: &Arc<Counter>) -> Self {
        counter.tally.is_reporting.store(true, Ordering::Relaxed);
        Self(counter.clone())
    }
}

impl Drop for Reporting {
    fn drop(&mut self) {
        self.0.tally.is_reporting.store(false, Ordering::Relaxed);
    }
}

/// A department, as [`Source`].
pub(crate) struct Department(pub(crate) Arc<Counter>);

#[async_trait::async_trait]
impl Source for Department {
    async fn tell(&self, page: &mut Page) {
        let (counter, tally) = (&self.0, &self.0.tally);
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        page.gauge(
            "lienthong_report_stream_open",
            "1 while the stream of reports to the broker is open.",
        )
        .is(tally.is_reporting.load(Ordering::Relaxed));
        let mut given = page.counter(
            "lienthong_inbox_verdicts_total",
            "What was said of handovers and notices of the broker, by verdict.",
        );
        for (verdict, count) in tally.given.by_word() {
            given.row(&[("verdict", verdict)], count);
        }
        let mut heard = page.counter(
            "lienthong_outbox_verdicts_total",
            "What the broker said of reports, by verdict.",
        );
        for (verdict, count) in tally.heard.by_word() {
            heard.row(&[("verdict", verdict)], count);
        }
        page.counter(
            "lienthong_reconciliations_total",
            "Comparisons with the broker of what both hold that came to their end.",
        )
        .is(count(&tally.reconciliations));
        page.counter(
            "lienthong_broker_line_failures_total",
            "Calls of the broker that failed, and report streams that ended.",
        )
        .is(count(&tally.line_failures));
        page.counter(
            "lienthong_handler_failures_total",
            "Rounds that could not be done and are tried again.",
        )
        .is(count(&tally.work_failures));
        page.gauge(
            "lienthong_handler_rounds",
            "Rounds that the handler works on.",
        )
        .is(counter.working.len());
        page.gauge(
            "lienthong_store_takes",
            "1 while the store can be written, 0 while its disk is full or read-only.",
        )
        .is(*counter.writable().borrow());
        self.tell_store(page).await;
    }
}

impl Department {
    async fn tell_store(&self, page: &mut Page) {
        let store = &self.0.store;
        let folder = self.0.config.store.clone();
        if let Ok(room) = spawn_blocking(move || disk::room(&folder)).await {
            disk::tell(room, page);
        }
        if let Ok(counts) = store.inbox_counts().await {
            let mut rounds = page.gauge(
                "lienthong_inbox_rounds",
                "Rounds in the inbox: received and not done, handled, superseded by a higher one.",
            );
            for (state, count) in ["received", "handled", "superseded"]
                .into_iter()
                .zip(counts)
            {
                rounds.row(&[("state", state)], count);
            }
        }
        if let Ok(counts) = store.outbox_counts().await {
            let mut reports = page.gauge(
                "lienthong_outbox_reports",
                "Reports in the outbox: those that wait for the broker, recorded, refused for good.",
            );
            for (state, count) in ["waiting", "recorded", "refused"].into_iter().zip(counts) {
                reports.row(&[("state", state)], count);
            }
        }
        if let Ok(since) = store.waiting_since().await {
            page.gauge(
                "lienthong_outbox_oldest_seconds",
                "How long ago it happened what the first report that waits tells; 0 when none waits.",
            )
            .is(since.map_or(0.0, age_seconds));
        }
        if let Ok(count) = store.incident_count().await {
            page.gauge(
                "lienthong_department_incidents",
                "Reports that the broker refused for good and a person must look at.",
            )
            .is(count);
        }
    }
}

/// Seconds since then, in seconds of Unix time; 0 if it is still to come.
#[allow(clippy::cast_precision_loss)] // seconds are exact
fn age_seconds(since: i64) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    (now.unwrap_or_default().as_secs_f64() - since as f64).max(0.0)
}
