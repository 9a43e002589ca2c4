//! Starting and stopping: configure, open, serve, drain with a deadline.

mod error;
mod gate;
mod ground;
mod health;
mod router;
mod running;
mod serving;
mod staff;

pub use self::{error::BrokerError, running::Running};

use self::{ground::Ground, health::set_health, serving::Serving};
use crate::{
    config::Config,
    documents::Documents,
    registry::Registry,
    store::{SqliteStore, Store},
};
use forms::Forms;
use jiff::Timestamp;
use node::{
    identity::Role,
    metrics::Door,
    shutdown::Shutdown,
    tls::{Credentials, Listener},
    traces::Tracer,
    vitals::Vitals,
};
use std::{io, net::SocketAddr, path::Path};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::TaskTracker;

/// Starts a broker. It serves when this returns.
///
/// # Errors
/// [`BrokerError`] says what to mend; nothing is left running.
pub async fn start(config: Config, shutdown: Shutdown) -> Result<Running, BrokerError> {
    open(config, false, shutdown).await
}

/// Starts a broker on a store that was restored from an older copy: a new epoch begins, so that
/// desks and departments give back what the copy does not have.
///
/// # Errors
/// As [`start`].
pub async fn start_restored(config: Config, shutdown: Shutdown) -> Result<Running, BrokerError> {
    open(config, true, shutdown).await
}

/// Runs a broker until the shutdown. SIGHUP reads directory, calendars and schemas again.
///
/// # Errors
/// [`BrokerError`] when it cannot start, or ended by itself.
pub async fn run(config: Config, restored: bool, shutdown: Shutdown) -> Result<(), BrokerError> {
    let mut hang_up = signal(SignalKind::hangup()).map_err(BrokerError::Signals)?;
    let mut running = open(config, restored, shutdown).await?;
    loop {
        tokio::select! {
            ended = &mut running.task => {
                return ended.unwrap_or(Err(BrokerError::Ended("its main task")));
            }
            _ = hang_up.recv() => match running.read_again().await {
                Ok(()) => tracing::info!("directory, calendars and schemas were read again"),
                Err(error) => tracing::error!(%error, "directory, calendars and schemas were not read; those before stay in force"),
            }
        }
    }
}

async fn open(config: Config, restored: bool, shutdown: Shutdown) -> Result<Running, BrokerError> {
    config.check()?;
    let credentials = own_credentials(&config)?;
    let mut store = open_store(&config, restored)?;
    let registry = Registry::open(config.sources(), &mut store)?;
    let documents = Documents::open(&config.store, config.documents.clone(), store.reader())?;
    let forms = forms(&config)?;
    let listener = listen(&config, &credentials).await?;
    let address = listener.local_address();
    let metrics = listen_for_metrics(&config).await?;
    let (tracer, export) = Tracer::open(&config.traces, "broker", "")?;
    let (ground, ledger_end) = Ground::lay(
        config,
        credentials,
        store,
        registry,
        documents,
        tracer,
        shutdown,
    )?;
    ground.tell(address);
    let (health, health_service) = tonic_health::server::health_reporter();
    let router = ground.router(forms, restored, health_service);
    let tasks = TaskTracker::new();
    let staff = ground.staff(&tasks);
    tasks.spawn(export.run(ground.shutdown.child()));
    if let Some(door) = metrics {
        tasks.spawn(door.serve(ground.sources(&listener), ground.shutdown.child()));
    }
    staff.hire(&ground.registry);
    set_health(&health, true).await;
    let vitals = Vitals::new(ground.shutdown.clone());
    tasks.spawn(vitals.watch_end("the listener", listener.shut()));
    ground.begin(&tasks, &vitals, &health);
    if let Some(path) = &ground.config.address_file {
        write_address(path, address).map_err(|source| BrokerError::AddressFile {
            path: path.clone(),
            source,
        })?;
    }
    let serving = Serving {
        ledger_end,
        documents: ground.documents,
        tasks,
        vitals,
        health,
        shutdown: ground.shutdown,
        drain: ground.config.limits.drain(),
    };
    let task = tokio::spawn(serving.run(router, listener));
    Ok(Running {
        address,
        registry: ground.registry,
        reader: ground.reader,
        ledger: ground.ledger,
        belfry: ground.belfry,
        staff,
        task,
    })
}

fn own_credentials(config: &Config) -> Result<Credentials, BrokerError> {
    let credentials = Credentials::load(&config.credentials)?;
    if credentials.identity().role != Role::Broker {
        return Err(BrokerError::Role(credentials.identity().clone()));
    }
    Ok(credentials)
}

fn open_store(config: &Config, restored: bool) -> Result<SqliteStore, BrokerError> {
    let mut store = SqliteStore::open(&config.store, config.sqlite.clone())?;
    #[cfg(feature = "faults")]
    let restored = restored && !node::breakage::is("skip the epoch");
    if restored {
        let begun = store.begin_epoch(Timestamp::now())?;
        tracing::warn!(
            epoch = begun.epoch,
            "the store was restored; a new epoch begins"
        );
    }
    Ok(store)
}

fn forms(config: &Config) -> Result<Forms, BrokerError> {
    Ok(match &config.forms {
        Some(folder) => Forms::load(folder)?,
        None => Forms::builtin(),
    })
}

async fn listen(config: &Config, credentials: &Credentials) -> Result<Listener, BrokerError> {
    let bound = Listener::bind(config.listen, credentials, config.listener).await;
    bound.map_err(|source| BrokerError::Listen {
        address: config.listen,
        source,
    })
}

async fn listen_for_metrics(config: &Config) -> Result<Option<Door>, BrokerError> {
    let opened = Door::open(config.metrics).await;
    opened.map_err(|source| BrokerError::Metrics { source })
}

/// Whole or not at all: whoever waits for the file never reads half an address.
fn write_address(path: &Path, address: SocketAddr) -> io::Result<()> {
    let part = path.with_extension("part");
    std::fs::write(&part, format!("{address}\n"))?;
    std::fs::rename(part, path)
}
