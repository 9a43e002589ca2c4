//! A broker that serves, as whoever started it has it.

use super::{error::BrokerError, staff::Staff};
use crate::{
    bell::Belfry,
    ledger::{Ledger, Note},
    registry::{Registry, RegistryError},
    store::{Reader, StoreError},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::task::JoinHandle;

/// A broker that serves.
pub struct Running {
    pub(super) address: SocketAddr,
    pub(super) registry: Registry,
    pub(super) reader: Arc<dyn Reader>,
    pub(super) ledger: Ledger,
    pub(super) belfry: Belfry,
    pub(super) staff: Staff,
    pub(super) task: JoinHandle<Result<(), BrokerError>>,
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
