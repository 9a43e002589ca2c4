//! Starting and stopping: configure, open, serve, drain with a deadline.

use crate::{
    access::{Access, Call},
    adoption,
    bell::Belfry,
    config::{Config, Faults},
    courier::{Courier, Office},
    desk::Desk,
    documents::{ActsFor, Documents, OpenError, Service as DocumentsService},
    exchange::{Exchange, Greeting},
    hot::Hot,
    ledger::{Ledger, Means, Note},
    metrics::Broker,
    operator::{Operator, Page, Watches},
    persons::{PersonIndex, PersonIndexError},
    reconcile::Reconciler,
    registry::{Registry, RegistryError},
    retention,
    standings::{SAMPLE_INTERVAL, Standings},
    starts::Starts,
    store::{Reader, SqliteStore, Store, StoreError},
    suspensions::Suspensions,
    timers,
};
use contract::{
    DESCRIPTORS,
    v1::{
        desk_service_server::DeskServiceServer, exchange_service_server::ExchangeServiceServer,
        operator_service_server::OperatorServiceServer,
    },
};
use dossier::{directory::SystemRole, name::AgencyCode};
use forms::Forms;
use futures_util::FutureExt as _;
use jiff::Timestamp;
use node::{
    fault::Fault,
    identity::{Identity, Peer, Role},
    metrics::{Calls, Door, Process, Sources},
    shutdown::{Shutdown, drain},
    tls::{Credentials, CredentialsError, Listener},
    traces::{Tracer, TracesError},
    vitals::Vitals,
};
use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{OnceCell, oneshot},
    task::JoinHandle,
    time::Instant,
};
use tokio_util::task::TaskTracker;
use tonic::{Request, Status, service::InterceptorLayer, transport::Server};
use tonic_health::{
    ServingStatus,
    pb::health_server::{Health, HealthServer},
    server::HealthReporter,
};
use tower::layer::util::Stack;

/// The contract's version that this release speaks.
const CONTRACT_VERSION: &str = "1.0";
/// The services of the contract that are served here.
const SERVED: [&str; 4] = [
    "DeskService",
    "ExchangeService",
    "DocumentService",
    "OperatorService",
];
/// Between two sweeps of documents that nobody named.
const SWEEP_INTERVAL: Duration = Duration::from_secs(300);
/// Between two looks at whether the store takes what it is given.
const HEALTH_INTERVAL: Duration = Duration::from_millis(200);
/// Before another courier takes the place of one that has fallen.
const COURIER_PAUSE: Duration = Duration::from_secs(1);
/// HTTP/2 window of one stream, bytes.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// HTTP/2 window of a connection, bytes: larger than that of a stream, so that one that is not read
/// does not stall the others.
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// The largest HTTP/2 frame, bytes.
const FRAME_BYTES_MAX: u32 = 256 * 1024;

/// The broker cannot run, or ended.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Mend the keys that it names.
    #[error(transparent)]
    Config(#[from] Faults),
    /// Mend the certificate files.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Issue a certificate for a broker.
    #[error("the certificate is that of {0}; issue one with the role broker")]
    Role(Identity),
    /// Mend the procedure, the calendar, the schema or the directory.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Mend the template or the font.
    #[error("the forms cannot be used: {0}")]
    Forms(#[from] forms::LoadError),
    /// See the message.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// See the message.
    #[error(transparent)]
    Documents(#[from] OpenError),
    /// Name another address.
    #[error("cannot listen on {address}: {source}; name another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// Name another address under `metrics.listen`.
    #[error("metrics.listen: {source}; name another address, or none")]
    Metrics {
        /// What the operating system says.
        source: io::Error,
    },
    /// Mend the key that it names.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// Make the folder writable.
    #[error("cannot write {path}: {source}; make its folder writable", path = path.display())]
    AddressFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// See the message.
    #[error(transparent)]
    Persons(#[from] PersonIndexError),
    /// Start it again.
    #[error("signals cannot be heard: {0}")]
    Signals(io::Error),
    /// Start it again.
    #[error("the server failed: {0}")]
    Server(#[from] tonic::transport::Error),
    /// Look at the disk, then start it again.
    #[error("the disk did not sync; look at it, then start the broker again")]
    SyncFailed,
    /// Start it again.
    #[error("a part of the broker ended: {0}")]
    Ended(&'static str),
}

/// A broker that serves.
pub struct Running {
    address: SocketAddr,
    registry: Registry,
    reader: Arc<dyn Reader>,
    ledger: Ledger,
    belfry: Belfry,
    staff: Staff,
    task: JoinHandle<Result<(), BrokerError>>,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Running {
    /// Where it listens, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The ledger, for whoever runs the broker in its own process.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Reads directory, calendars and schemas again; what they say applies to dossiers received from
    /// now on. Open ones take up a changed calendar one after the other.
    ///
    /// # Errors
    /// When one is unsound: all of those before stay in force.
    pub async fn read_again(&self) -> Result<(), RegistryError> {
        let mut reading = self.registry.read_again(self.reader.as_ref())?;
        let note = Note {
            blobs: std::mem::take(&mut reading.blobs),
            ..Note::default()
        };
        self.ledger
            .note(note)
            .await
            .map_err(|failure| StoreError::Failed(failure.to_string()))?;
        self.registry.use_reading(reading);
        self.staff.hire(&self.registry);
        self.belfry.calendars.notify_one();
        Ok(())
    }

    /// Begins a new epoch: the store was restored from an older copy.
    ///
    /// # Errors
    /// When the store does not take it.
    pub async fn begin_epoch(&self) -> Result<(), StoreError> {
        let begun = self.ledger.begin_epoch().await;
        begun
            .map(|_| ())
            .map_err(|failure| StoreError::Failed(failure.to_string()))
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// [`BrokerError`] when it did not end by the shutdown.
    pub async fn ended(self) -> Result<(), BrokerError> {
        self.task
            .await
            .unwrap_or(Err(BrokerError::Ended("its main task")))
    }
}

/// The couriers: one for each agency of the directory.
#[derive(Clone)]
struct Staff {
    office: Arc<Office>,
    hired: Arc<Mutex<HashSet<AgencyCode>>>,
    tasks: TaskTracker,
    shutdown: Shutdown,
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
    fn hire(&self, registry: &Registry) {
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

struct Acting {
    registry: Registry,
    access: Access,
}

impl ActsFor for Acting {
    fn is_in_force(&self, peer: &Peer, now: Timestamp) -> Result<(), Fault> {
        self.access.in_force(peer, now)
    }

    fn acts_for(&self, system: &Identity, agency: &str, now: Timestamp) -> Option<AgencyCode> {
        let role = match system.role {
            Role::Department => SystemRole::Department,
            Role::Desk => SystemRole::Desk,
            Role::Operator | Role::Broker => return None,
        };
        let directory = self.registry.directory();
        let code = directory.agency_by_any_code(agency)?.code.clone();
        directory
            .acts_for(role, &system.code, code.as_str(), now)
            .then_some(code)
    }
}

fn gate(
    access: &Access,
    call: Call,
) -> InterceptorLayer<impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone + use<>> {
    let access = access.clone();
    InterceptorLayer::new(move |request: Request<()>| {
        access.caller_of(request.extensions(), call)?;
        Ok(request)
    })
}

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

type LedgerEnd = oneshot::Receiver<Result<(), StoreError>>;
type Router = tonic::transport::server::Router<
    Stack<node::undecoded::Layer, Stack<Calls, tower::layer::util::Identity>>,
>;

/// What every part of the broker stands on.
struct Ground {
    config: Config,
    credentials: Credentials,
    registry: Registry,
    reader: Arc<dyn Reader>,
    documents: Documents,
    hot: Hot,
    persons: PersonIndex,
    belfry: Belfry,
    ledger: Ledger,
    access: Access,
    greeting: Greeting,
    reconciler: Arc<Reconciler>,
    standings: Standings,
    suspensions: Suspensions,
    epoch: u64,
    calls: Calls,
    tracer: Tracer,
    shutdown: Shutdown,
}

impl Ground {
    /// Starts the ledger, and lays the rest beside it.
    fn lay(
        config: Config,
        credentials: Credentials,
        mut store: SqliteStore,
        registry: Registry,
        documents: Documents,
        tracer: Tracer,
        shutdown: Shutdown,
    ) -> Result<(Self, LedgerEnd), BrokerError> {
        let reader = store.reader();
        let belfry = Belfry::default();
        let limits = config.limits;
        let persons = PersonIndex::open(&config.person_key(), store.person_check()?)?;
        store.keep_person_check(&persons.check())?;
        let hot =
            Hot::new(limits.dossiers_cached_max).with_bytes_max(limits.dossiers_cached_bytes_max);
        let origin = reader.origin()?;
        let suspensions = Suspensions::load(reader.as_ref())?;
        let (ledger, ledger_end) = Ledger::start(Means {
            store: Box::new(store),
            registry: registry.clone(),
            documents: documents.clone(),
            hot: hot.clone(),
            belfry: belfry.clone(),
            limits: config.limits,
            code_pattern: config.code_pattern,
            persons: persons.clone(),
            suspensions: suspensions.clone(),
        })?;
        let ledger = ledger.traced(tracer.clone());
        let position = ledger.condition().position.load(Ordering::Relaxed);
        let starts = Starts::begin(&config.store, position)
            .map_err(|error| StoreError::Failed(format!("its starts cannot be kept: {error}")))?;
        let ground = Self {
            access: Access::new(registry.clone(), credentials.denied().clone()),
            greeting: Greeting {
                store_id: hex::encode(origin.store_id),
                contract_version: CONTRACT_VERSION,
                starts,
            },
            reconciler: Arc::new(Reconciler::new(
                ledger.clone(),
                reader.clone(),
                hot.clone(),
                registry.clone(),
            )),
            standings: Standings::new(belfry.departments.clone()),
            suspensions,
            epoch: origin.epoch,
            calls: Calls::of(&SERVED).traced(tracer.clone()),
            tracer,
            config,
            credentials,
            registry,
            reader,
            documents,
            hot,
            persons,
            belfry,
            ledger,
            shutdown,
        };
        Ok((ground, ledger_end))
    }

    fn tell(&self, address: SocketAddr) {
        tracing::info!(
            identity = %self.credentials.identity(),
            %address,
            store = %self.config.store.display(),
            store_id = self.greeting.store_id,
            epoch = self.epoch,
            procedures = self.registry.procedures().current().count(),
            "the broker serves"
        );
    }

    fn desk(&self, forms: Forms) -> Desk {
        Desk {
            forms: Arc::new(forms),
            access: self.access.clone(),
            ledger: self.ledger.clone(),
            reader: self.reader.clone(),
            registry: self.registry.clone(),
            belfry: self.belfry.clone(),
            watches_per_desk_max: self.config.limits.watches_per_desk_max,
            shutdown: self.shutdown.child(),
        }
    }

    fn exchange(&self, restored: bool) -> Exchange {
        Exchange {
            access: self.access.clone(),
            ledger: self.ledger.clone(),
            registry: self.registry.clone(),
            belfry: self.belfry.clone(),
            greeting: self.greeting.clone(),
            reconciler: self.reconciler.clone(),
            tracer: self.tracer.clone(),
            restore_answered: Arc::new(OnceCell::new_with(restored.then_some(()))),
            limits: self.config.streams,
            shutdown: self.shutdown.child(),
        }
    }

    fn operator(&self) -> Operator {
        Operator {
            hot: self.hot.clone(),
            access: self.access.clone(),
            ledger: self.ledger.clone(),
            reader: self.reader.clone(),
            registry: self.registry.clone(),
            standings: self.standings.clone(),
            suspensions: self.suspensions.clone(),
            persons: self.persons.clone(),
            belfry: self.belfry.clone(),
            page: Page::default(),
            watches: Watches::default(),
            shutdown: self.shutdown.child(),
        }
    }

    /// Every service behind its gate.
    fn router(&self, forms: Forms, restored: bool, health: HealthServer<impl Health>) -> Router {
        let limits = self.config.limits;
        let bytes_max = limits.message_bytes_max;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .build_v1()
            .expect("the descriptors that were compiled with this program can be read");
        let acting = Arc::new(Acting {
            registry: self.registry.clone(),
            access: self.access.clone(),
        });
        let behind = |call| gate(&self.access, call);
        Server::builder()
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_frame_size(FRAME_BYTES_MAX)
            .max_concurrent_streams(limits.streams_per_connection_max)
            .max_connection_age(Duration::from_secs(limits.connection_age_s_max))
            .max_connection_age_grace(limits.drain())
            .layer(self.calls.clone())
            .layer(node::undecoded::layer())
            .add_service(
                DeskServiceServer::new(self.desk(forms))
                    .max_decoding_message_size(bytes_max)
                    .max_encoding_message_size(bytes_max),
            )
            .add_service(
                ExchangeServiceServer::new(self.exchange(restored))
                    .max_decoding_message_size(bytes_max)
                    .max_encoding_message_size(bytes_max),
            )
            .add_service(
                OperatorServiceServer::new(self.operator())
                    .max_decoding_message_size(bytes_max)
                    .max_encoding_message_size(bytes_max),
            )
            .add_service(tower::Layer::layer(
                &behind(Call::Documents),
                DocumentsService::new(self.documents.clone(), acting).into_server(),
            ))
            .add_service(tower::Layer::layer(&behind(Call::Health), health))
            .add_service(tower::Layer::layer(&behind(Call::Health), reflection))
    }

    fn staff(&self, tasks: &TaskTracker) -> Staff {
        let office = Arc::new(Office {
            ledger: self.ledger.clone(),
            reader: self.reader.clone(),
            hot: self.hot.clone(),
            registry: self.registry.clone(),
            credentials: self.credentials.clone(),
            access: self.access.clone(),
            belfry: self.belfry.clone(),
            greeting: self.greeting.clone(),
            lives: self.reconciler.lives(),
            standings: self.standings.clone(),
            suspensions: self.suspensions.clone(),
            tracer: self.tracer.clone(),
            config: self.config.courier,
            limits: self.config.streams,
        });
        Staff {
            office,
            hired: Arc::default(),
            tasks: tasks.clone(),
            shutdown: self.shutdown.child(),
        }
    }

    /// Who tells the metrics.
    fn sources(&self, listener: &Listener) -> Sources {
        let process = Process {
            service: "broker",
            agency: String::new(),
            credentials: self.credentials.clone(),
            connections: Some(listener.connections()),
        };
        let broker = Broker {
            ledger: self.ledger.clone(),
            reader: self.reader.clone(),
            documents: self.documents.clone(),
            hot: self.hot.clone(),
            standings: self.standings.clone(),
            folder: self.config.store.clone(),
        };
        Arc::new([
            Box::new(self.tracer.clone()),
            Box::new(process),
            Box::new(self.calls.clone()),
            Box::new(broker),
        ])
    }

    /// Begins what goes on by itself.
    fn begin(&self, tasks: &TaskTracker, vitals: &Vitals, health: &HealthReporter) {
        let quiet = self.shutdown.child();
        let (ledger, reader) = (|| self.ledger.clone(), || self.reader.clone());
        let timers = timers::run(ledger(), reader(), self.belfry.clone(), quiet.clone());
        tasks.spawn(vitals.watch("the timers", timers));
        let adopting = adoption::run(
            ledger(),
            reader(),
            self.registry.clone(),
            self.belfry.clone(),
            quiet.clone(),
        );
        tasks.spawn(vitals.watch("the adoption of calendars", adopting));
        let sweeping = sweep(self.documents.clone(), quiet.clone());
        tasks.spawn(vitals.watch("the sweep of documents", sweeping));
        if let Some(keep_days) = self.config.personal_keep_days {
            let documents = self.documents.clone();
            let erasing = retention::run(keep_days, ledger(), reader(), documents, quiet.clone());
            tasks.spawn(vitals.watch("the retention", erasing));
        }
        let sampling = sample(reader(), self.standings.clone(), quiet.clone());
        tasks.spawn(vitals.watch("the samples of what is owed", sampling));
        let watching = watch_health(health.clone(), ledger(), quiet);
        tasks.spawn(vitals.watch("the watch on the store", watching));
    }
}

struct Serving {
    ledger_end: LedgerEnd,
    documents: Documents,
    tasks: TaskTracker,
    vitals: Vitals,
    health: HealthReporter,
    shutdown: Shutdown,
    drain: Duration,
}

impl Serving {
    /// Serves until the shutdown, or until the store can no longer be trusted.
    async fn run(self, router: Router, listener: Listener) -> Result<(), BrokerError> {
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

async fn set_health(health: &HealthReporter, serves: bool) {
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
async fn watch_health(health: HealthReporter, ledger: Ledger, shutdown: Shutdown) {
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

/// Remembers once a minute how much is owed to whom.
async fn sample(reader: Arc<dyn Reader>, standings: Standings, shutdown: Shutdown) {
    loop {
        tokio::select! {
            biased;
            () = shutdown.triggered() => return,
            () = tokio::time::sleep(SAMPLE_INTERVAL) => {}
        }
        let from = reader.clone();
        match tokio::task::spawn_blocking(move || from.loads()).await {
            Ok(Ok(loads)) => {
                let owed = loads.into_iter().map(|load| (load.agency, load.owed));
                standings.sample(&owed.collect::<Vec<_>>());
            }
            Ok(Err(error)) => tracing::warn!(%error, "what is owed was not counted"),
            Err(error) => tracing::warn!(%error, "what is owed was not counted"),
        }
    }
}

async fn sweep(documents: Documents, shutdown: Shutdown) {
    if let Err(error) = documents.sweep_strays().await {
        tracing::warn!(%error, "stray documents wait for the next start");
    }
    if let Err(error) = documents.sweep_unclaimed(Timestamp::now()).await {
        tracing::warn!(%error, "documents of erased dossiers wait for the next start");
    }
    loop {
        match documents.sweep(Timestamp::now()).await {
            Ok(swept) => tracing::debug!(?swept, "documents were swept"),
            Err(error) => tracing::warn!(%error, "documents wait for the next sweep"),
        }
        tokio::select! {
            biased;
            () = shutdown.triggered() => return,
            () = tokio::time::sleep(SWEEP_INTERVAL) => {}
        }
    }
}

/// Whole or not at all: whoever waits for the file never reads half an address.
fn write_address(path: &Path, address: SocketAddr) -> io::Result<()> {
    let part = path.with_extension("part");
    std::fs::write(&part, format!("{address}\n"))?;
    std::fs::rename(part, path)
}
