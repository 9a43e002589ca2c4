//! The window: submits dossiers durably and keeps what the broker tells it.
//!
//! A dossier is *written down* ([`form`]), *kept* with its papers ([`Submission`], `store`),
//! *brought* to the broker ([`Desk::submit`]), *followed* ([`Desk::serve`], [`Desk::track`],
//! [`Desk::save_results`], [`worklist`]), and *acted* on for its citizen ([`Act`], [`Desk::act`]).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod act;
mod config;
mod desk;
pub mod form;
mod line;
mod outbox;
mod serve;
mod spool;
mod store;
mod submission;
mod tally;
pub mod worklist;

pub use act::{Act, Answer};
pub use config::{Broker, Config, ENV_PREFIX, Limits, Times};
pub use desk::{Desk, LeaseError, OpenError, Receipt, SubmitError};
pub use line::{CallError, Line, LineError, Refused, SaveError, Saved};
pub use store::{State, StoreError, Submit};
pub use submission::{PaperError, Submission};

use node::{
    metrics::{Door, Process, Sources},
    shutdown::Shutdown,
    traces::{Tracer, TracesError},
};
use std::{io, sync::Arc};

/// The desk cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// See the message.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Look at the disk, then restart it.
    #[error("the disk did not sync what was written; look at it, then start the desk again")]
    DiskLost,
    /// Name another address under `metrics.listen`.
    #[error("metrics.listen: {0}; name another address, or none")]
    Metrics(io::Error),
    /// Mend the key that it names.
    #[error(transparent)]
    Traces(#[from] TracesError),
}

/// Runs a desk until `shutdown`, with its spool folder if the configuration names one.
///
/// # Errors
/// [`RunError`] says what to mend; nothing that was taken is lost.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), RunError> {
    let metrics = Door::open(config.metrics)
        .await
        .map_err(RunError::Metrics)?;
    let (tracer, export) = Tracer::open(&config.traces, "desk", &config.agency_code)?;
    let desk = Desk::open_traced(config, tracer)?;
    let config = &desk.inner.config;
    tracing::info!(
        agency = config.agency_code,
        broker = config.broker.address,
        "the desk is open"
    );
    let spool = async {
        match config.spool.clone() {
            Some(folder) => spool::run(desk.clone(), folder, shutdown.clone()).await,
            None => shutdown.triggered().await,
        }
    };
    let metrics = async {
        if let Some(door) = metrics {
            door.serve(sources(&desk), shutdown.clone()).await;
        }
    };
    let ended = tokio::select! {
        _ = async { tokio::join!(desk.serve(shutdown.clone()), spool, metrics, export.run(shutdown.clone())) } => Ok(()),
        () = desk.inner.store.lost() => Err(RunError::DiskLost),
    };
    let agency = desk.inner.config.agency_code.clone();
    desk.close().await;
    tracing::info!(agency, "the desk is closed");
    ended
}

/// Who tells the metrics.
fn sources(desk: &Desk) -> Sources {
    let process = Process {
        service: "desk",
        agency: desk.inner.config.agency_code.clone(),
        credentials: desk.inner.line.credentials.clone(),
        connections: None,
    };
    Arc::new([
        Box::new(desk.inner.tracer.clone()),
        Box::new(process),
        Box::new(tally::Told(desk.clone())),
    ])
}
