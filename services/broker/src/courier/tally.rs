//! What couriers count: how each does that serves a department, for whoever looks.

use contract::v1::verdict::Outcome;
use dashmap::DashMap;
use dossier::name::AgencyCode;
use node::metrics::Verdicts;
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

/// One tally for each department. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tallies(Arc<DashMap<AgencyCode, Arc<Tally>>>);

/// How the courier of one department does.
#[derive(Debug, Default)]
pub struct Tally {
    is_open: AtomicBool,
    under_way: AtomicUsize,
    opened: AtomicU64,
    failures: AtomicU64,
    verdicts: Verdicts,
}

/// A stream that is open, until it is dropped.
#[derive(Debug)]
pub(super) struct Open(Arc<Tally>);

impl Tallies {
    /// The one of a department.
    pub fn of(&self, agency: &AgencyCode) -> Arc<Tally> {
        self.0.entry(agency.clone()).or_default().clone()
    }

    /// All of them, in the order of their agencies.
    pub fn all(&self) -> Vec<(AgencyCode, Arc<Tally>)> {
        let tallies = self.0.iter();
        let mut all: Vec<_> = tallies
            .map(|one| (one.key().clone(), one.value().clone()))
            .collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }
}

impl Tally {
    /// Whether a stream to the department is open.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    /// Items that were offered and not answered.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Streams that were opened.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Streams that could not be opened, or ended.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// What the department said, and how often.
    pub fn verdicts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.verdicts.by_word()
    }

    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.is_open.store(true, Ordering::Relaxed);
        Open(self.clone())
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

impl Open {
    pub(super) fn is_under_way(&self, items: usize) {
        self.0.under_way.store(items, Ordering::Relaxed);
    }

    pub(super) fn heard(&self, outcome: &Outcome) {
        self.0.verdicts.note(outcome);
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.is_under_way(0);
        self.0.is_open.store(false, Ordering::Relaxed);
    }
}
