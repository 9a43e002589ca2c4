//! The counter: what a department runs or links.
//!
//! A handover *arrives* ([`service`]), is *fetched* with its documents and *recorded* (`inbox`,
//! [`store`]), is *worked on* (`worker`, [`Handler`]), its answers are *put in the outbox*
//! (`report`) and *reported* (`reporter`). After a loss both sides *reconcile* (`reconcile`).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod back_off;
mod config;
mod counter;
mod handler;
mod inbox;
mod reconcile;
mod report;
mod reporter;
pub mod scripted;
mod service;
pub mod store;
mod tally;
mod teller;
mod worker;

pub use config::{Broker, Config, ENV_PREFIX, Limits, Times};
pub use handler::{Answer, Content, Given, Handler, HandlerError, Paper, Said, Work};

use contract::{DESCRIPTORS, v1::department_service_server::DepartmentServiceServer};
use counter::Counter;
use inbox::Inbox;
use node::{
    identity::Role,
    metrics::{Calls, Door, Process, Sources},
    shutdown::{Shutdown, drain},
    tls::{ChannelError, Credentials, CredentialsError, Listener},
    traces::{Tracer, TracesError},
    vitals::Vitals,
};
use service::{Service, broker_only, watchers_only};
use std::{io, sync::Arc, time::Duration};
use store::{Store, StoreError};
use tally::Department;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::task::TaskTracker;
use tonic::{service::interceptor::InterceptedService, transport::Server};
use tonic_health::{ServingStatus, server::HealthReporter};

/// Bytes of one message; the contract's.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Between two looks for what may be let go.
const RETENTION_INTERVAL: Duration = Duration::from_secs(3_600);
/// The same where nothing is kept after the end.
const NO_RETENTION_INTERVAL: Duration = Duration::from_secs(1);

/// The department cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Mend the configuration.
    #[error("the configuration cannot be used: {0}")]
    Config(String),
    /// Mend the certificate files.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Issue a certificate for a department.
    #[error("the certificate is that of {0}; issue one with the role department")]
    Role(node::identity::Identity),
    /// See the message.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Mend the broker's address.
    #[error("the broker cannot be called: {0}")]
    Channel(#[from] ChannelError),
    /// Name another address to listen on.
    #[error("cannot listen: {0}")]
    Listen(io::Error),
    /// Name another address under `metrics.listen`.
    #[error("metrics.listen: {0}; name another address, or none")]
    Metrics(io::Error),
    /// Mend the key that it names.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// Restart it.
    #[error("the server failed: {0}")]
    Server(#[from] tonic::transport::Error),
    /// Look at the disk, then restart it.
    #[error("the disk did not sync what was written; look at it, then start the department again")]
    DiskLost,
    /// Start it again.
    #[error("a part of the department ended: {0}; start it again")]
    Ended(&'static str),
}

/// Runs the department on `listener` until `shutdown`, with `handler` doing its steps.
///
/// # Errors
/// [`RunError`] says what to mend; nothing that was acknowledged is lost.
pub async fn run(
    config: Config,
    listener: TcpListener,
    shutdown: Shutdown,
    handler: Arc<dyn Handler>,
) -> Result<(), RunError> {
    config.check().map_err(RunError::Config)?;
    let credentials = Credentials::load(&config.credentials)?;
    let own = credentials.identity().clone();
    if own.role != Role::Department {
        return Err(RunError::Role(own));
    }
    let broker = config.broker.identity.clone();
    let drain_max = Duration::from_secs(config.times.drain_s_max);
    let (streams_max, listener_limits) = (config.limits.streams_max, config.listener);
    let metrics = Door::open(config.metrics)
        .await
        .map_err(RunError::Metrics)?;
    let store = Store::open(&config.store).await?;
    let (tracer, export) = Tracer::open(&config.traces, "department", &config.agency_code)?;
    let counter = Counter::new(config, store.clone(), &credentials, tracer.clone())?;
    let counter = Arc::new(counter);
    let listener =
        Listener::new(listener, &credentials, listener_limits).map_err(RunError::Listen)?;
    tracing::info!(
        agency = counter.config.agency_code,
        identity = %own,
        address = %listener.local_address(),
        broker = counter.config.broker.address,
        store_id = store.store_id(),
        "the department is open"
    );

    let (health, health_service) = tonic_health::server::health_reporter();
    tell(&health, true).await;
    let taking = TaskTracker::new();
    let service = DepartmentServiceServer::new(Service {
        counter: counter.clone(),
        inbox: Inbox::new(counter.clone()),
        handler: handler.clone(),
        shutdown: shutdown.clone(),
        taking: taking.clone(),
    })
    .max_decoding_message_size(MESSAGE_BYTES_MAX)
    .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTORS)
        .build_v1()
        .map_err(|error| RunError::Config(format!("reflection: {error}")))?;
    let watchers = watchers_only(broker.clone(), own);
    let vitals = Vitals::new(shutdown.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(export.run(shutdown.clone()));
    let calls = Calls::of(&["DepartmentService"]).traced(tracer.clone());
    if let Some(door) = metrics {
        let process = Process {
            service: "department",
            agency: counter.config.agency_code.clone(),
            credentials,
            connections: Some(listener.connections()),
        };
        let sources: Sources = Arc::new([
            Box::new(tracer),
            Box::new(process),
            Box::new(calls.clone()),
            Box::new(Department(counter.clone())),
        ]);
        tasks.spawn(door.serve(sources, shutdown.clone()));
    }
    tasks.spawn(vitals.watch_end("the listener", listener.shut()));
    let ending = shutdown.clone();
    let server = Server::builder()
        .max_concurrent_streams(streams_max)
        .layer(calls)
        .layer(node::undecoded::layer())
        .add_service(InterceptedService::new(service, broker_only(broker)))
        .add_service(InterceptedService::new(health_service, watchers.clone()))
        .add_service(InterceptedService::new(reflection, watchers))
        .serve_with_incoming_shutdown(listener, async move { ending.triggered().await });

    let (told, both) = (handler.clone(), || (counter.clone(), shutdown.clone()));
    let (its_counter, ending) = both();
    let telling = teller::run(its_counter, told, ending);
    tasks.spawn(vitals.watch("the teller", telling));
    let (its_counter, ending) = both();
    let working = worker::run(its_counter, handler, ending);
    tasks.spawn(vitals.watch("the worker", working));
    let (its_counter, ending) = both();
    tasks.spawn(vitals.watch("the reporter", reporter::run(its_counter, ending)));
    let (its_counter, ending) = both();
    tasks.spawn(vitals.watch("the retention", forget_closed(its_counter, ending)));
    let (its_counter, ending) = both();
    let watching = watch(its_counter, health.clone(), ending);
    tasks.spawn(vitals.watch("the watch on the store", watching));

    let mut server = std::pin::pin!(server);
    let (ended, serving) = tokio::select! {
        ended = &mut server => (ended.map_err(RunError::from), false),
        () = store.lost() => (Err(RunError::DiskLost), false),
        name = vitals.fallen() => (Err(RunError::Ended(name)), false),
        () = shutdown.triggered() => (Ok(()), true),
    };
    tell(&health, false).await;
    shutdown.trigger();
    taking.close();
    let agency = counter.config.agency_code.clone();
    let rest = async {
        if serving {
            let _ = server.await;
        }
        taking.wait().await;
        while tasks.join_next().await.is_some() {}
    };
    if let Err(overdue) = drain(drain_max, rest).await {
        tracing::warn!(agency, %overdue, "ending was cut short");
    }
    tasks.shutdown().await;
    drop(counter);
    // Connections that were cut hold the store for a moment longer.
    let _ = drain(Duration::from_secs(1), store.close()).await;
    tracing::info!(agency, "the department is closed");
    ended
}

async fn tell(health: &HealthReporter, serving: bool) {
    let status = if serving {
        ServingStatus::Serving
    } else {
        ServingStatus::NotServing
    };
    for service in ["", "lienthong.v1.DepartmentService"] {
        health.set_service_status(service, status).await;
    }
}

/// Says in health whether the store can be written.
async fn watch(counter: Arc<Counter>, health: HealthReporter, shutdown: Shutdown) {
    let mut writable = counter.writable();
    let told = async {
        while writable.changed().await.is_ok() {
            let serving = *writable.borrow_and_update();
            tell(&health, serving && !shutdown.is_triggered()).await;
        }
    };
    tokio::select! {
        () = counter.watch_store() => {}
        () = told => {}
        () = shutdown.triggered() => {}
    }
}

/// Lets go of closed dossiers after their retention time.
async fn forget_closed(counter: Arc<Counter>, shutdown: Shutdown) {
    let retention_days = counter.config.times.retention_days;
    let interval = match retention_days {
        0 => NO_RETENTION_INTERVAL,
        _ => RETENTION_INTERVAL,
    };
    loop {
        loop {
            match counter.store.forget_after(retention_days).await {
                Ok(0) => break,
                Ok(dossiers) => tracing::info!(dossiers, "closed dossiers were let go"),
                Err(error) => {
                    tracing::warn!(%error, "closed dossiers are not let go now");
                    break;
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            () = shutdown.triggered() => return,
        }
    }
}
