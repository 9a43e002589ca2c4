//! Health: whether the broker serves, as those hear who ask.

use crate::ledger::Ledger;
use node::shutdown::Shutdown;
use std::{sync::atomic::Ordering, time::Duration};
use tonic_health::{ServingStatus, server::HealthReporter};

/// Between two looks at whether the store takes what it is given.
const HEALTH_INTERVAL: Duration = Duration::from_millis(200);

pub(super) async fn set_health(health: &HealthReporter, serves: bool) {
    let status = if serves {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for service in [
        "",
        "lienthong.v1.DeskService",
        "lienthong.v1.ExchangeService",
        "lienthong.v1.DocumentService",
        "lienthong.v1.OperatorService",
    ] {
        health.set_service_status(service, status).await;
    }
}

/// Says in health whether the store takes what it is given.
pub(super) async fn watch_health(health: HealthReporter, ledger: Ledger, shutdown: Shutdown) {
    let mut said = true;
    loop {
        tokio::select! {
            biased;
            () = shutdown.triggered() => return,
            () = tokio::time::sleep(HEALTH_INTERVAL) => {}
        }
        let takes = ledger.condition().takes.load(Ordering::Relaxed);
        if takes != said {
            set_health(&health, takes).await;
            said = takes;
        }
    }
}
