//! Hot dossiers: the committed state of those that were touched last, written by the ledger alone.
//! Everybody may read it; what is not here is loaded from the store.

use crate::{
    records::{self, RecordError},
    store::{Loaded, Reader, StoreError},
};
use dashmap::DashMap;
use dossier::{
    Dossier, Entry,
    dossier::Unreplayable,
    name::{Digest, DossierId},
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// A dossier as it was committed.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Its state.
    pub dossier: Arc<Dossier>,
    /// SHA-256 of its last record.
    pub last_hash: Digest,
    /// Whether its personal values were erased: nothing more happens to it.
    pub is_erased: bool,
}

/// A dossier that cannot be read as it lies in the store.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Unreadable {
    /// Look at the record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// Look at the history.
    #[error(transparent)]
    History(#[from] Unreplayable),
}

/// Why a dossier cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The store does not read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Quarantine the dossier.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// A person must look at it first.
    #[error("the dossier is quarantined: {0}")]
    Quarantined(String),
}

/// Hot dossiers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hot {
    dossiers: Arc<DashMap<DossierId, Committed>>,
    order: Arc<Mutex<VecDeque<DossierId>>>,
    dossiers_max: usize,
}

impl Hot {
    /// Room for so many.
    pub fn new(dossiers_max: usize) -> Self {
        Self {
            dossiers: Arc::default(),
            order: Arc::default(),
            dossiers_max: dossiers_max.max(1),
        }
    }

    /// A dossier, from here or from the store.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn read(
        &self,
        reader: &dyn Reader,
        id: &DossierId,
    ) -> Result<Option<Committed>, LoadError> {
        if let Some(found) = self.dossiers.get(id) {
            return Ok(Some(found.clone()));
        }
        load(reader, id)
    }

    /// Keeps what was committed. For the ledger alone.
    pub(crate) fn keep(&self, committed: Committed) {
        let id = committed.dossier.id;
        if self.dossiers.insert(id, committed).is_some() {
            return;
        }
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.push_back(id);
        while order.len() > self.dossiers_max {
            if let Some(oldest) = order.pop_front() {
                self.dossiers.remove(&oldest);
            }
        }
    }

    /// Forgets one. For the ledger alone.
    pub(crate) fn forget(&self, id: &DossierId) {
        if self.dossiers.remove(id).is_some() {
            let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            order.retain(|kept| kept != id);
        }
    }

    /// Forgets all. For the ledger alone.
    pub(crate) fn clear(&self) {
        self.order
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.dossiers.clear();
    }
}

/// A dossier from the store.
///
/// # Errors
/// [`LoadError`].
pub fn load(reader: &dyn Reader, id: &DossierId) -> Result<Option<Committed>, LoadError> {
    let Some(loaded) = reader.load(id)? else {
        return Ok(None);
    };
    if let Some(why) = loaded.row.quarantined {
        return Err(LoadError::Quarantined(why));
    }
    let last_hash = loaded.row.last_hash;
    let (dossier, _) = replay(*id, &loaded)?;
    Ok(Some(Committed {
        dossier: Arc::new(dossier),
        last_hash,
        is_erased: loaded.row.erased_at.is_some(),
    }))
}

/// A dossier and its history, from its records.
///
/// # Errors
/// [`Unreadable`]: quarantine it.
pub fn replay(id: DossierId, loaded: &Loaded) -> Result<(Dossier, Vec<Entry>), Unreadable> {
    let entries = loaded
        .records
        .iter()
        .map(records::decode)
        .collect::<Result<Vec<_>, _>>()?;
    let dossier = Dossier::replay(id, &entries)?;
    Ok((dossier, entries))
}
