//! Bells: tell whoever listens for an agency that there is something new to read from the store.
//! A bell carries nothing: the truth is in the store.

use dashmap::DashMap;
use dossier::name::AgencyCode;
use std::sync::Arc;
use tokio::sync::watch;

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

/// The bells of the broker.
#[derive(Debug, Clone, Default)]
pub struct Belfry {
    /// Something is owed to a department.
    pub owed: Bells,
    /// A desk has a notice.
    pub notices: Bells,
    /// A department has called: it is there.
    pub called: Bells,
    /// A timer may have become the earliest.
    pub timers: Arc<tokio::sync::Notify>,
    /// Calendars may have changed.
    pub calendars: Arc<tokio::sync::Notify>,
}
