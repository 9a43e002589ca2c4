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
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
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

/// Bytes that a dossier counts for beside what is in it: a round figure, rather too large than too small.
const DOSSIER_BYTES: usize = 6 * 1024;
/// Bytes that each of its steps and versions counts for, beside the data.
const PIECE_BYTES: usize = 1536;

/// Hot dossiers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hot {
    /// Each with the bytes that it counts for.
    dossiers: Arc<DashMap<DossierId, (Committed, usize)>>,
    order: Arc<Mutex<VecDeque<DossierId>>>,
    bytes: Arc<AtomicUsize>,
    dossiers_max: usize,
    bytes_max: usize,
}

impl Hot {
    /// Room for so many.
    pub fn new(dossiers_max: usize) -> Self {
        Self {
            dossiers: Arc::default(),
            order: Arc::default(),
            bytes: Arc::default(),
            dossiers_max: dossiers_max.max(1),
            bytes_max: usize::MAX,
        }
    }

    /// And for so many bytes; the newest one is kept whatever its size.
    #[must_use]
    pub fn with_bytes_max(mut self, bytes_max: usize) -> Self {
        self.bytes_max = bytes_max;
        self
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.dossiers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.dossiers.is_empty()
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
            return Ok(Some(found.0.clone()));
        }
        load(reader, id)
    }

    /// Keeps what was committed. For the ledger alone.
    pub(crate) fn keep(&self, committed: Committed) {
        let id = committed.dossier.id;
        let bytes = bytes(&committed.dossier);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let before = self.dossiers.insert(id, (committed, bytes));
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        match before {
            Some((_, bytes)) => drop(self.bytes.fetch_sub(bytes, Ordering::Relaxed)),
            None => order.push_back(id),
        }
        while order.len() > self.dossiers_max
            || (order.len() > 1 && self.bytes.load(Ordering::Relaxed) > self.bytes_max)
        {
            if let Some(oldest) = order.pop_front() {
                self.remove(&oldest);
            }
        }
    }

    fn remove(&self, id: &DossierId) -> bool {
        let removed = self.dossiers.remove(id);
        if let Some((_, (_, bytes))) = &removed {
            self.bytes.fetch_sub(*bytes, Ordering::Relaxed);
        }
        removed.is_some()
    }

    /// Forgets one. For the ledger alone.
    pub(crate) fn forget(&self, id: &DossierId) {
        if self.remove(id) {
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
        self.bytes.store(0, Ordering::Relaxed);
    }
}

/// What a dossier counts for: the data of its evidence, and a round figure for everything else.
fn bytes(dossier: &Dossier) -> usize {
    let versions = dossier.evidence.values().flatten();
    let data: usize = versions
        .map(|version| version.new.given.data.len() + PIECE_BYTES)
        .sum();
    DOSSIER_BYTES + dossier.steps.len() * PIECE_BYTES + data
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
