//! What a desk counts, and what it tells Prometheus.

use crate::{desk::Desk, line::CallError, store::now_us};
use node::metrics::{Page, Source, disk};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};
use tokio::task::spawn_blocking;

/// How calls of the broker can come out.
const OUTCOMES: [&str; 3] = ["answered", "refused", "away"];

/// What is counted where it happens.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    is_watching: AtomicBool,
    watches_ended: AtomicU64,
}

/// How calls of the broker came out.
#[derive(Debug, Default)]
pub(crate) struct Outcomes([AtomicU64; OUTCOMES.len()]);

/// A watch that is open, until it is dropped.
pub(crate) struct Watching<'t>(&'t AtomicBool);

impl Tally {
    pub(crate) fn watch(&self) -> Watching<'_> {
        self.is_watching.store(true, Ordering::Relaxed);
        Watching(&self.is_watching)
    }

    pub(crate) fn watch_ended(&self) {
        self.watches_ended.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Outcomes {
    pub(crate) fn note<T>(&self, answer: &Result<T, CallError>) {
        let place = match answer {
            Ok(_) => 0,
            Err(CallError::Refused(_)) => 1,
            Err(CallError::Away(_)) => 2,
        };
        self.0[place].fetch_add(1, Ordering::Relaxed);
    }
}

/// A desk, as [`Source`].
pub(crate) struct Told(pub(crate) Desk);

#[async_trait::async_trait]
impl Source for Told {
    async fn tell(&self, page: &mut Page) {
        let inner = &self.0.inner;
        page.gauge(
            "lienthong_desk_watch_open",
            "1 while notices of the broker are watched.",
        )
        .is(inner.tally.is_watching.load(Ordering::Relaxed));
        page.counter(
            "lienthong_desk_watches_ended_total",
            "Watches of notices that could not be opened, or ended.",
        )
        .is(inner.tally.watches_ended.load(Ordering::Relaxed));
        let mut calls = page.counter(
            "lienthong_desk_calls_total",
            "Calls of the broker: answered, refused for good, or away so that they are tried again.",
        );
        for (outcome, count) in OUTCOMES.into_iter().zip(&inner.line.calls.0) {
            calls.row(&[("outcome", outcome)], count.load(Ordering::Relaxed));
        }
        let folder = inner.config.store.clone();
        if let Ok(room) = spawn_blocking(move || disk::room(&folder)).await {
            disk::tell(room, page);
        }
        if let Ok(codes) = self.0.codes_free().await {
            page.gauge(
                "lienthong_desk_codes_free",
                "Dossier codes that are kept for when the broker is away.",
            )
            .is(codes);
        }
        let Ok(counts) = inner.store.counts().await else {
            return;
        };
        let mut submits = page.gauge(
            "lienthong_desk_submits",
            "Submits that are kept: those that wait for the broker, open, refused, closed.",
        );
        let states = ["waiting", "open", "refused", "closed"];
        for (state, count) in states.into_iter().zip(counts.submits) {
            submits.row(&[("state", state)], count);
        }
        let mut acts = page.gauge(
            "lienthong_desk_acts",
            "Acts that are kept: those that wait for the broker, done, refused.",
        );
        for (state, count) in ["waiting", "done", "refused"].into_iter().zip(counts.acts) {
            acts.row(&[("state", state)], count);
        }
        page.gauge(
            "lienthong_desk_oldest_seconds",
            "For how long the first submit or act has waited; 0 when none waits.",
        )
        .is(counts.waiting_since_us.map_or(Duration::ZERO, age));
        page.gauge(
            "lienthong_desk_notices",
            "Notices of the broker that are kept.",
        )
        .is(counts.notices);
    }
}

/// The time since then; nothing if it is still to come.
fn age(since_us: i64) -> Duration {
    let age_us = now_us().saturating_sub(since_us);
    Duration::from_micros(u64::try_from(age_us).unwrap_or(0))
}
