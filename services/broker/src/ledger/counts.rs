//! What the ledger counts beside its commits: how long they take, and what it did not record.

use crate::failure::Failure;
use node::metrics::Histogram;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Seconds that a commit may take to fall into each bucket.
const SECONDS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5];

/// How long commits took.
#[derive(Debug)]
pub struct CommitSeconds(Histogram);

/// What was not recorded, by the reason word of the refusal.
#[derive(Debug, Default)]
pub struct Refused(Mutex<BTreeMap<&'static str, u64>>);

impl Default for CommitSeconds {
    fn default() -> Self {
        Self(Histogram::new(SECONDS))
    }
}

impl CommitSeconds {
    /// The buckets.
    pub fn histogram(&self) -> &Histogram {
        &self.0
    }

    pub(super) fn took(&self, time: Duration) {
        self.0.observe(time.as_secs_f64());
    }
}

impl Refused {
    /// Every reason word that was given so far, and how often. There are as many as the code has.
    pub fn by_reason(&self) -> BTreeMap<&'static str, u64> {
        self.counts().clone()
    }

    pub(super) fn note<T>(&self, outcome: Result<T, Failure>) -> Result<T, Failure> {
        if let Err(failure) = &outcome {
            *self.counts().entry(failure.reason()).or_default() += 1;
        }
        outcome
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused_is_counted_under_its_reason_word_and_what_is_recorded_is_not() {
        let refused = Refused::default();
        for outcome in [
            Ok(()),
            Err(Failure::Busy),
            Err(Failure::Busy),
            Err(Failure::Doubt),
        ] {
            let _ = refused.note(outcome);
        }
        let counts: Vec<_> = refused.by_reason().into_iter().collect();
        assert_eq!(counts, [("IN_DOUBT", 1), ("LEDGER_BUSY", 2)]);
    }
}
