//! Serving, from the start until everything has drained.

use super::{error::BrokerError, ground::LedgerEnd, health::set_health, router::Router};
use crate::documents::Documents;
use node::{
    shutdown::{Shutdown, drain},
    tls::Listener,
    vitals::Vitals,
};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tonic_health::server::HealthReporter;

pub(super) struct Serving {
    pub(super) ledger_end: LedgerEnd,
    pub(super) documents: Documents,
    pub(super) tasks: TaskTracker,
    pub(super) vitals: Vitals,
    pub(super) health: HealthReporter,
    pub(super) shutdown: Shutdown,
    pub(super) drain: Duration,
}

impl Serving {
    /// Serves until the shutdown, or until the store can no longer be trusted.
    pub(super) async fn run(self, router: Router, listener: Listener) -> Result<(), BrokerError> {
        let Self {
            mut ledger_end,
            documents,
            tasks,
            vitals,
            health,
            shutdown,
            drain: deadline,
        } = self;
        let draining = shutdown.clone();
        let farewell = health.clone();
        let server = router.serve_with_incoming_shutdown(listener, async move {
            draining.triggered().await;
            set_health(&farewell, false).await;
            tracing::info!("the broker drains");
        });
        let mut server = std::pin::pin!(server);
        let mut until = None;
        let outcome = tokio::select! {
            served = &mut server => served.map_err(BrokerError::from),
            end = &mut ledger_end => Err(match end {
                Ok(Err(error)) => error.into(),
                _ => BrokerError::Ended("the ledger"),
            }),
            () = documents.lost() => Err(BrokerError::SyncFailed),
            name = vitals.fallen() => Err(BrokerError::Ended(name)),
            () = async {
                shutdown.triggered().await;
                let at = Instant::now() + deadline;
                until = Some(at);
                tokio::time::sleep_until(at).await;
            } => {
                tracing::warn!(?deadline, "connections were still open at the end of draining; they are closed");
                Ok(())
            }
        };
        shutdown.trigger();
        tasks.close();
        // What the connections left of the time is for the tasks.
        let rest = until.map_or(deadline, |at| at.saturating_duration_since(Instant::now()));
        if drain(rest, tasks.wait()).await.is_err() {
            tracing::warn!(?deadline, "tasks were still at work at the end of draining");
        }
        match &outcome {
            Ok(()) => tracing::info!("the broker has stopped"),
            Err(error) => tracing::error!(%error, "the broker stops"),
        }
        outcome
    }
}
