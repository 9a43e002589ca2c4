//! The ground: what every part of the broker stands on, and each part as it is put on it.

use super::{error::BrokerError, health::watch_health, staff::Staff};
use crate::{
    access::Access,
    adoption,
    bell::Belfry,
    config::Config,
    courier::Office,
    desk::Desk,
    documents::Documents,
    exchange::{Exchange, Greeting},
    hot::Hot,
    ledger::{Ledger, Means},
    metrics::Broker,
    operator::{Counts, Operator, Page, Watches},
    persons::PersonIndex,
    reconcile::Reconciler,
    registry::Registry,
    retention,
    standings::{SAMPLE_INTERVAL, Standings},
    starts::Starts,
    store::{Reader, SqliteStore, Store, StoreError},
    suspensions::Suspensions,
    timers,
};
use forms::Forms;
use jiff::Timestamp;
use node::{
    metrics::{Calls, Process, Sources},
    shutdown::Shutdown,
    tls::{Credentials, Listener},
    traces::Tracer,
    vitals::Vitals,
};
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{OnceCell, oneshot};
use tokio_util::task::TaskTracker;
use tonic_health::server::HealthReporter;

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

pub(super) type LedgerEnd = oneshot::Receiver<Result<(), StoreError>>;

/// What every part of the broker stands on.
pub(super) struct Ground {
    pub(super) config: Config,
    pub(super) credentials: Credentials,
    pub(super) registry: Registry,
    pub(super) reader: Arc<dyn Reader>,
    pub(super) documents: Documents,
    pub(super) hot: Hot,
    pub(super) persons: PersonIndex,
    pub(super) belfry: Belfry,
    pub(super) ledger: Ledger,
    pub(super) access: Access,
    pub(super) greeting: Greeting,
    pub(super) reconciler: Arc<Reconciler>,
    pub(super) standings: Standings,
    pub(super) suspensions: Suspensions,
    pub(super) epoch: u64,
    pub(super) calls: Calls,
    pub(super) tracer: Tracer,
    pub(super) shutdown: Shutdown,
}

impl Ground {
    /// Starts the ledger, and lays the rest beside it.
    pub(super) fn lay(
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

    pub(super) fn tell(&self, address: SocketAddr) {
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

    pub(super) fn desk(&self, forms: Forms) -> Desk {
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

    pub(super) fn exchange(&self, restored: bool) -> Exchange {
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

    pub(super) fn operator(&self) -> Operator {
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
            counts: Counts::default(),
            watches: Watches::default(),
            shutdown: self.shutdown.child(),
        }
    }

    pub(super) fn staff(&self, tasks: &TaskTracker) -> Staff {
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
    pub(super) fn sources(&self, listener: &Listener) -> Sources {
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
    pub(super) fn begin(&self, tasks: &TaskTracker, vitals: &Vitals, health: &HealthReporter) {
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
