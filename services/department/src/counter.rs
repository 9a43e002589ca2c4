//! What all tasks of one department share: its store, its lines to the broker, and who waits for what.

use crate::{
    config::Config,
    store::{Round, Store, StoreError},
    tally::Tally,
};
use contract::v1;
use dashmap::DashMap;
use node::{
    stream::Guard,
    tls::{ChannelError, ChannelOptions, Credentials, PeerSlot, channel, dial},
    traces::Tracer,
};
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

/// The version of the contract that is spoken here.
pub(crate) const CONTRACT_VERSION: &str = "1.0";

/// The counter.
pub(crate) struct Counter {
    pub(crate) config: Config,
    pub(crate) store: Store,
    /// For items and verdicts.
    pub(crate) exchange: Channel,
    /// Who answers on it.
    pub(crate) peer: PeerSlot,
    pub(crate) credentials: Credentials,
    /// For documents, on a connection of its own.
    pub(crate) documents: Channel,
    /// Documents on their way, in or out.
    pub(crate) transfers: Semaphore,
    /// A round was received.
    pub(crate) received: Notify,
    /// A notice was kept.
    pub(crate) told: Notify,
    /// A report waits.
    pub(crate) outgoing: Arc<Notify>,
    /// Where in the outbox the first report stands that waits again; `i64::MAX` when none does.
    again_from: AtomicI64,
    /// The rounds that are worked on now, by dossier and step.
    pub(crate) working: DashMap<(String, String), Working>,
    /// The broker's store and epoch as its newest hello or answer says.
    pub(crate) broker: watch::Sender<Option<Life>>,
    compared: Mutex<Compared>,
    /// What is counted.
    pub(crate) tally: Tally,
    /// Makes spans.
    pub(crate) tracer: Tracer,
    /// False from a failed write until the store can be written again.
    writable: watch::Sender<bool>,
}

/// A round that is worked on now.
pub(crate) struct Working {
    /// Where it stands in the inbox.
    pub(crate) place: i64,
    /// Ends the work.
    pub(crate) superseded: CancellationToken,
}

/// What came of a comparison with the broker.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// With whom; none before the first of this process.
    pub(crate) with: Option<Life>,
    /// Which steps of dossiers were not decided.
    pub(crate) undecided: HashSet<(String, String)>,
}

/// A store and its epoch: new when a disk was lost, and after a restore from a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Life {
    pub(crate) store_id: String,
    pub(crate) epoch: String,
}

impl Counter {
    pub(crate) fn new(
        config: Config,
        store: Store,
        credentials: &Credentials,
        tracer: Tracer,
    ) -> Result<Self, ChannelError> {
        let (address, broker) = (config.broker.address.as_str(), &config.broker.identity);
        let options = ChannelOptions::exchange().to_broker();
        let (exchange, peer) = dial(address, broker.clone(), credentials, options)?;
        let options = ChannelOptions::documents().to_broker();
        let documents = channel(address, broker.clone(), credentials, options)?;
        Ok(Self {
            exchange,
            peer,
            documents,
            credentials: credentials.clone(),
            transfers: Semaphore::new(config.limits.transfers_max),
            config,
            store,
            received: Notify::new(),
            told: Notify::new(),
            outgoing: Arc::new(Notify::new()),
            again_from: AtomicI64::new(i64::MAX),
            working: DashMap::new(),
            broker: watch::Sender::new(None),
            compared: Mutex::default(),
            tally: Tally::default(),
            tracer,
            writable: watch::Sender::new(true),
        })
    }

    /// What came of the last comparison with the broker.
    pub(crate) fn compared(&self) -> MutexGuard<'_, Compared> {
        self.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a stream to the broker when its certificate expires or is denied.
    pub(crate) fn guard(&self) -> Guard {
        let (peer, denied) = (self.peer.clone(), self.credentials.denied().clone());
        Arc::new(move || match peer.current() {
            Some(peer) => Ok(peer.check(jiff::Timestamp::now(), &denied)?),
            None => Ok(()),
        })
    }

    /// What this side says first on every stream.
    pub(crate) async fn hello(&self) -> Result<v1::Hello, StoreError> {
        let seen = self.store.seen().await?;
        Ok(v1::Hello {
            store_id: self.store.store_id().into(),
            epoch: self.store.epoch().into(),
            contract_version: CONTRACT_VERSION.into(),
            agency_code: self.config.agency_code.clone(),
            position_seen: seen.position,
            start_seen: seen.start,
            ..Default::default()
        })
    }

    /// Reports wait again from this place in the outbox on.
    pub(crate) fn send_again_from(&self, first: Option<i64>) {
        if let Some(first) = first {
            self.again_from.fetch_min(first, Ordering::SeqCst);
            self.outgoing.notify_one();
        }
    }

    /// From where the outbox must be read again, told once.
    pub(crate) fn take_again_from(&self) -> Option<i64> {
        let first = self.again_from.swap(i64::MAX, Ordering::SeqCst);
        (first != i64::MAX).then_some(first)
    }

    /// The broker showed from which store it speaks. What was seen of another life is forgotten
    /// before anything more is said; those who must reconcile hear of a new one. `start` is which start
    /// of it this is, from the reporter alone: it hears one after the other, and a hello on a stream of
    /// the broker may be late.
    ///
    /// # Errors
    /// [`StoreError`]; nobody heard of it.
    pub(crate) async fn meet(
        &self,
        store_id: &str,
        epoch: &str,
        start: Option<&str>,
    ) -> Result<(), StoreError> {
        // A broker of before names no start.
        let start = start.filter(|start| !start.is_empty());
        self.store.agree_with(store_id, epoch, start).await?;
        let life = Life {
            store_id: store_id.to_owned(),
            epoch: epoch.to_owned(),
        };
        self.broker.send_if_modified(|known| {
            let new = known.as_ref() != Some(&life);
            *known = Some(life);
            new
        });
        Ok(())
    }

    /// Ends the work on what the round at this place in the inbox outranked or replaced: its answers
    /// would not be sent.
    pub(crate) fn cancel_before(&self, round: &Round, place: i64) {
        let key = (round.dossier_id.clone(), round.step_id.clone());
        if let Some(work) = self.working.get(&key)
            && work.place < place
        {
            work.superseded.cancel();
        }
    }

    /// The store could not be written.
    pub(crate) fn note_failed_write(&self) {
        self.writable
            .send_if_modified(|writable| std::mem::replace(writable, false));
    }

    /// Whether the store could be written when it was last tried, as it changes.
    pub(crate) fn writable(&self) -> watch::Receiver<bool> {
        self.writable.subscribe()
    }

    /// Tries the store from a failed write until it can be written again.
    pub(crate) async fn watch_store(&self) {
        let mut writable = self.writable.subscribe();
        while writable.wait_for(|writable| !writable).await.is_ok() {
            tracing::error!(
                agency = self.config.agency_code,
                "the store cannot be written"
            );
            loop {
                tokio::time::sleep(Duration::from_millis(self.config.times.probe_ms)).await;
                if self.store.probe().await.is_ok() {
                    break;
                }
            }
            self.writable.send_replace(true);
            tracing::info!(
                agency = self.config.agency_code,
                "the store can be written again"
            );
            self.received.notify_one();
            self.outgoing.notify_one();
        }
    }
}
