//! Hot dossiers: the committed state of those that something is to be done for, written by the ledger alone.
//! Everybody may read it; what is not here is loaded from the store.

use crate::{
    records::{self, RecordError},
    store::{Loaded, Reader, StoreError},
};
use dashmap::DashMap;
use dossier::{
    Dossier,
    dossier::Unreplayable,
    name::{Digest, DossierId},
    owed::owed_to_departments,
};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
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
///
/// Where there is no room for all, any of them goes: departments take up what they hold in the order in which they got
/// it, and of a row that goes round and is longer than there is room for, the oldest is always the one that is
/// wanted next.
#[derive(Debug, Clone)]
pub struct Hot {
    /// Each with the bytes that it counts for.
    dossiers: Arc<DashMap<DossierId, (Committed, usize)>>,
    row: Arc<Mutex<Row>>,
    dossiers_max: usize,
    bytes_max: usize,
}

/// Which there are, and the bytes that all of them count for.
#[derive(Debug)]
struct Row {
    ids: Vec<DossierId>,
    places: HashMap<DossierId, usize>,
    bytes: usize,
    /// Of one seed, so that a simulated world has one history.
    chance: StdRng,
}

impl Row {
    fn add(&mut self, id: DossierId) {
        if let Entry::Vacant(place) = self.places.entry(id) {
            place.insert(self.ids.len());
            self.ids.push(id);
        }
    }

    fn take(&mut self, id: &DossierId) {
        let Some(place) = self.places.remove(id) else {
            return;
        };
        self.ids.swap_remove(place);
        if let Some(moved) = self.ids.get(place) {
            self.places.insert(*moved, place);
        }
    }

    /// Any of them but this one; none where there is no other.
    fn any_but(&mut self, id: &DossierId) -> Option<DossierId> {
        let others = self.ids.len().checked_sub(1).filter(|count| *count > 0)?;
        let (it, chosen) = (*self.places.get(id)?, self.chance.random_range(..others));
        let place = if chosen < it { chosen } else { chosen + 1 };
        self.ids.get(place).copied()
    }
}

impl Hot {
    /// Room for so many.
    pub fn new(dossiers_max: usize) -> Self {
        Self {
            dossiers: Arc::default(),
            row: Arc::new(Mutex::new(Row {
                ids: Vec::new(),
                places: HashMap::new(),
                bytes: 0,
                chance: StdRng::seed_from_u64(0),
            })),
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

    fn row(&self) -> MutexGuard<'_, Row> {
        self.row.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Keeps what was committed, unless nothing more is to be done for it. For the ledger alone.
    pub(crate) fn keep(&self, committed: Committed) {
        let id = committed.dossier.id;
        if is_done(&committed.dossier) {
            self.forget(&id);
            return;
        }
        let bytes = bytes(&committed.dossier);
        let mut row = self.row();
        let before = self.dossiers.insert(id, (committed, bytes));
        row.bytes = row.bytes + bytes - before.map_or(0, |(_, bytes)| bytes);
        row.add(id);
        while row.ids.len() > self.dossiers_max || row.bytes > self.bytes_max {
            let Some(other) = row.any_but(&id) else {
                break;
            };
            self.remove(&mut row, &other);
        }
    }

    fn remove(&self, row: &mut Row, id: &DossierId) {
        row.take(id);
        if let Some((_, (_, bytes))) = self.dossiers.remove(id) {
            row.bytes -= bytes;
        }
    }

    /// Forgets one. For the ledger alone.
    pub(crate) fn forget(&self, id: &DossierId) {
        self.remove(&mut self.row(), id);
    }

    /// Forgets all. For the ledger alone.
    pub(crate) fn clear(&self) {
        let mut row = self.row();
        row.ids.clear();
        row.places.clear();
        row.bytes = 0;
        self.dossiers.clear();
    }
}

/// Whether it is closed and everybody knows.
fn is_done(dossier: &Dossier) -> bool {
    dossier.closed_at.is_some() && owed_to_departments(dossier).next().is_none()
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
pub fn replay(
    id: DossierId,
    loaded: &Loaded,
) -> Result<(Dossier, Vec<dossier::Entry>), Unreadable> {
    let entries = loaded
        .records
        .iter()
        .map(records::decode)
        .collect::<Result<Vec<_>, _>>()?;
    let dossier = Dossier::replay(id, &entries)?;
    Ok((dossier, entries))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_added_stays_and_any_other_may_leave() {
        let hot = Hot::new(1);
        let mut row = hot.row();
        for number in 0..40 {
            row.add(DossierId([number; 16]));
            row.add(DossierId([number; 16]));
        }
        for newest in [39, 0, 17] {
            let newest = DossierId([newest; 16]);
            row.add(newest);
            let mut gone = Vec::new();
            while let Some(other) = row.any_but(&newest) {
                row.take(&other);
                gone.push(other);
            }
            assert_eq!(row.ids, [newest]);
            assert_eq!(row.places.len(), 1);
            gone.sort_unstable();
            gone.dedup();
            assert_eq!(gone.len(), 39, "each of the others, once");
            gone.into_iter().for_each(|id| row.add(id));
        }
    }
}
