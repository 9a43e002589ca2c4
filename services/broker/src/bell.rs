//! Bells: tell whoever listens for an agency that there is something new to read from the store.
//! A bell carries nothing: the truth is in the store.

use crate::board::Boards;
use dashmap::DashMap;
use dossier::name::AgencyCode;
use jiff::Timestamp;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};
use tokio::sync::{Notify, watch};

/// One bell for each agency. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Bells(Arc<DashMap<AgencyCode, watch::Sender<u64>>>);

impl Bells {
    /// Rings for an agency.
    pub fn ring(&self, agency: &AgencyCode) {
        if let Some(bell) = self.0.get(agency) {
            bell.send_modify(|rings| *rings = rings.wrapping_add(1));
        }
    }

    /// Rings for everybody.
    pub fn ring_all(&self) {
        for bell in self.0.iter() {
            bell.send_modify(|rings| *rings = rings.wrapping_add(1));
        }
    }

    /// Listens for an agency from now on.
    pub fn listen(&self, agency: &AgencyCode) -> watch::Receiver<u64> {
        self.0
            .entry(agency.clone())
            .or_insert_with(|| watch::Sender::new(0))
            .subscribe()
    }

    /// How many listen for an agency.
    pub fn listeners(&self, agency: &AgencyCode) -> usize {
        self.0.get(agency).map_or(0, |bell| bell.receiver_count())
    }
}

/// What operators want of couriers: that they look at what they have to do, or try all of it now. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Wishes(Arc<DashMap<AgencyCode, watch::Sender<Wish>>>);

/// How often each was wished of one courier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wish {
    /// That it looks again: something that rested is due, or the department was suspended or resumed.
    pub look: u64,
    /// That nothing that is owed rests any longer.
    pub try_all: u64,
}

impl Wishes {
    /// Whoever serves this department looks again.
    pub fn look(&self, agency: &AgencyCode) {
        self.wish(agency, |wish| wish.look = wish.look.wrapping_add(1));
    }

    /// Whoever serves this department tries everything now.
    pub fn try_all(&self, agency: &AgencyCode) {
        self.wish(agency, |wish| wish.try_all = wish.try_all.wrapping_add(1));
    }

    fn wish(&self, agency: &AgencyCode, wish: impl FnOnce(&mut Wish)) {
        if let Some(bell) = self.0.get(agency) {
            bell.send_modify(wish);
        }
    }

    /// Listens for a department from now on.
    pub fn listen(&self, agency: &AgencyCode) -> watch::Receiver<Wish> {
        self.0.entry(agency.clone()).or_default().subscribe()
    }
}

/// The bells of the broker.
#[derive(Debug, Clone, Default)]
pub struct Belfry {
    /// What was just committed for a department.
    pub owed: Boards,
    /// A desk has a notice.
    pub notices: Bells,
    /// A department has called: it is there.
    pub called: Bells,
    /// An operator wants something of a courier.
    pub wishes: Wishes,
    /// A timer became the earliest.
    pub timers: Timers,
    /// Calendars may have changed.
    pub calendars: Arc<Notify>,
    /// Something was committed.
    pub commits: Commits,
    /// A department's connection came or went.
    pub departments: Departments,
}

/// Tells whoever shows departments that the connection of one came or went. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Departments(Arc<watch::Sender<u64>>);

impl Default for Departments {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }
}

impl Departments {
    /// One came or went.
    pub fn ring(&self) {
        self.0.send_modify(|rings| *rings = rings.wrapping_add(1));
    }

    /// Listens from now on.
    pub fn listen(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    /// How often one came or went since the start.
    pub fn now(&self) -> u64 {
        *self.0.borrow()
    }
}

/// How often something was committed since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// Changes of dossiers.
    pub changes: u64,
    /// Changes of incidents.
    pub incidents: u64,
    /// What was suspended or resumed.
    pub suspensions: u64,
}

/// Tells whoever shows what is in the store that it changed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Commits(Arc<watch::Sender<Committed>>);

impl Default for Commits {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(Committed::default())))
    }
}

impl Commits {
    /// This was committed, too.
    pub fn ring(&self, more: Committed) {
        self.0.send_modify(|all| {
            all.changes += more.changes;
            all.incidents += more.incidents;
            all.suspensions += more.suspensions;
        });
    }

    /// Listens from now on.
    pub fn listen(&self) -> watch::Receiver<Committed> {
        self.0.subscribe()
    }

    /// How often anything was committed since the start.
    pub fn now(&self) -> Committed {
        *self.0.borrow()
    }
}

/// Wakes whoever waits for the next timer, when an earlier one was committed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Timers(Arc<(Notify, AtomicI64)>);

impl Default for Timers {
    fn default() -> Self {
        Self(Arc::new((Notify::new(), AtomicI64::new(i64::MAX))))
    }
}

impl Timers {
    /// A timer was committed that ends then.
    pub fn committed(&self, at: Timestamp) {
        let (bell, waited_for) = &*self.0;
        if waited_for.fetch_min(at.as_microsecond(), Ordering::SeqCst) > at.as_microsecond() {
            bell.notify_one();
        }
    }

    /// From now on nothing is waited for: whatever is committed rings, until it is said again.
    pub fn look(&self) {
        self.0.1.store(i64::MAX, Ordering::SeqCst);
    }

    /// This is waited for now; what was committed since the look and ends earlier rings all the same.
    pub fn wait_for(&self, at: Timestamp) {
        self.0.1.fetch_min(at.as_microsecond(), Ordering::SeqCst);
    }

    /// Until an earlier one was committed.
    pub async fn earlier(&self) {
        self.0.0.notified().await;
    }
}
