//! The staff: a courier for each agency, and another one where one has fallen.

use crate::{
    courier::{Courier, Office},
    registry::Registry,
};
use dossier::name::AgencyCode;
use futures_util::FutureExt as _;
use node::shutdown::Shutdown;
use std::{
    collections::HashSet,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_util::task::TaskTracker;

/// Before another courier takes the place of one that has fallen.
const COURIER_PAUSE: Duration = Duration::from_secs(1);

/// The couriers: one for each agency of the directory.
#[derive(Clone)]
pub(super) struct Staff {
    pub(super) office: Arc<Office>,
    pub(super) hired: Arc<Mutex<HashSet<AgencyCode>>>,
    pub(super) tasks: TaskTracker,
    pub(super) shutdown: Shutdown,
}

impl std::fmt::Debug for Staff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staff")
            .field("tasks", &self.tasks.len())
            .finish_non_exhaustive()
    }
}

impl Staff {
    /// A courier for each agency that has none yet.
    pub(super) fn hire(&self, registry: &Registry) {
        let mut hired = self.hired.lock().unwrap_or_else(PoisonError::into_inner);
        // Also where an agency has no role in procedures: it may be consulted.
        for agency in registry.directory().agencies() {
            if hired.insert(agency.code.clone()) {
                let (office, agency) = (self.office.clone(), agency.code.clone());
                self.tasks
                    .spawn(serve_agency(office, agency, self.shutdown.clone()));
            }
        }
    }
}

/// Keeps a courier for an agency. One that falls must not take with it those who serve the others, nor
/// leave its own agency without anybody: another takes its place and reads what is owed.
async fn serve_agency(office: Arc<Office>, agency: AgencyCode, shutdown: Shutdown) {
    loop {
        let courier = Courier::new((*office).clone(), agency.clone());
        let worked = AssertUnwindSafe(courier.run(shutdown.clone())).catch_unwind();
        if worked.await.is_ok() {
            return;
        }
        tracing::error!(%agency, "a courier has fallen; another takes its place");
        tokio::select! {
            () = shutdown.triggered() => return,
            () = tokio::time::sleep(COURIER_PAUSE) => {}
        }
    }
}
