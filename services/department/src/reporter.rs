//! Sends what waits in the outbox to the broker, on one long-lived stream, and writes down every
//! verdict.

mod lanes;
mod session;

use crate::{
    back_off,
    counter::{Counter, Life},
    reconcile,
};
use node::shutdown::Shutdown;
use session::Ended;
use std::sync::Arc;

/// Reports until `shutdown`: reconciles, opens the stream, and begins again when it breaks.
pub(crate) async fn run(counter: Arc<Counter>, shutdown: Shutdown) {
    let mut agreed: Option<Life> = None;
    let mut undecided = 0;
    let mut failures = 0;
    while !shutdown.is_triggered() {
        #[cfg(feature = "faults")]
        if node::breakage::is("never reconcile") && agreed.is_none() {
            agreed = counter.broker.borrow().clone().or(Some(Life {
                store_id: String::new(),
                epoch: String::new(),
            }));
        }
        #[cfg(feature = "faults")]
        if node::breakage::strikes("the reporter falls") {
            panic!("a fault was asked for");
        }
        if agreed.is_none() {
            let reconciled = tokio::select! {
                reconciled = reconcile::run(&counter) => reconciled,
                () = shutdown.triggered() => return,
            };
            match reconciled {
                Ok(done) => {
                    counter.tally.reconciled();
                    (agreed, undecided) = (Some(done.with), done.undecided);
                }
                Err(error) => {
                    failures += 1;
                    wait(&counter, &shutdown, failures, &error).await;
                    continue;
                }
            }
        }
        let Some(life) = &agreed else { continue };
        match session::run(&counter, life, undecided > 0, &shutdown).await {
            Ended::Shutdown => return,
            Ended::OtherLife => agreed = None,
            Ended::Broken { error, was_open } => {
                failures = if was_open { 1 } else { failures + 1 };
                wait(&counter, &shutdown, failures, &error).await;
            }
        }
    }
}

async fn wait(
    counter: &Counter,
    shutdown: &Shutdown,
    failures: u32,
    error: &(dyn std::fmt::Display + Sync),
) {
    counter.tally.line_failed();
    let pause = back_off::pause(&counter.config.times, failures);
    let agency = &counter.config.agency_code;
    // The first is told, and then one in eight: a broker away for days fills no disk.
    if failures % 8 == 1 {
        tracing::warn!(%error, agency, failures, "no line to the broker; it is tried again");
    }
    tokio::select! {
        () = tokio::time::sleep(pause) => {}
        () = shutdown.triggered() => {}
    }
}
