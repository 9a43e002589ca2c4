//! What is read: rows as they were committed, and the cursors by which lists go on.

use super::{IncidentKey, OwedRow, PARTITIONS, StepRow, Summary};
use crate::records::Kept;
use dossier::name::{Digest, DossierCode, DossierId};
use jiff::Timestamp;

/// Where something stands in its partition: later is higher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The partition.
    pub partition: u16,
    /// Counts up within the partition.
    pub number: u64,
}

/// Which store it is, and since when it goes on without a loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Random; made with the store.
    pub store_id: [u8; 16],
    /// New after a restore; higher is later.
    pub epoch: u64,
}

/// A dossier at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DossierRow {
    /// The dossier.
    pub dossier_id: DossierId,
    /// Its place in the order of reception.
    pub number: u64,
    /// What people search it by.
    pub summary: Summary,
    /// How many records it has.
    pub sequence: u64,
    /// SHA-256 of its last record.
    pub last_hash: Digest,
    /// Its steps.
    pub steps: Vec<StepRow>,
    /// Why it is stopped until a person has looked at it.
    pub quarantined: Option<String>,
    /// When its personal values were erased.
    pub erased_at: Option<Timestamp>,
}

/// A dossier with its records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// At a glance.
    pub row: DossierRow,
    /// Every record, the first one first.
    pub records: Vec<Kept>,
}

/// What a courier remembers of a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Attempts so far; at least 1.
    pub attempts: u32,
    /// Not before.
    pub next_at: Timestamp,
    /// What the last one met.
    pub last_error: String,
}

/// Something owed, with its dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// The dossier.
    pub dossier_id: DossierId,
    /// The dossier's code.
    pub code: DossierCode,
    /// What is owed.
    pub row: OwedRow,
    /// What the courier remembers of it.
    pub attempt: Option<Attempt>,
    /// Where the next page begins if this is the last row.
    pub cursor: OwedCursor,
}

/// Where a list of what is owed goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OwedCursor {
    pub(super) due_at: i64,
    pub(super) dossier: i64,
    pub(super) kind: i32,
    pub(super) step: u32,
    pub(super) round: u32,
}

/// A step, with its dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFound {
    /// The dossier.
    pub dossier_id: DossierId,
    /// The dossier's code.
    pub code: DossierCode,
    /// Where the step stands.
    pub row: StepRow,
    /// Where the next page begins if this is the last row.
    pub cursor: StepCursor,
}

/// Where a list of steps goes on: in reception order of their dossiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StepCursor {
    pub(super) dossier: i64,
    pub(super) step: u32,
}

impl StepCursor {
    /// The cursor as an opaque token.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.dossier.to_be_bytes());
        bytes[8..].copy_from_slice(&self.step.to_be_bytes());
        bytes
    }

    /// The cursor of a token, or nothing.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (dossier, step) = bytes.split_at_checked(8)?;
        Some(Self {
            dossier: i64::from_be_bytes(dossier.try_into().ok()?),
            step: u32::from_be_bytes(step.try_into().ok()?),
        })
    }
}

/// A notice, with its dossier and place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Where it stands.
    pub position: Position,
    /// The dossier.
    pub dossier_id: DossierId,
    /// The notice, as the contract encodes it.
    pub bytes: Vec<u8>,
}

/// Where a list of notices goes on: a position per partition. Opaque outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cursor {
    numbers: [u64; PARTITIONS as usize],
}

impl Cursor {
    /// How far the list was read in a partition.
    pub fn number(&self, partition: u16) -> u64 {
        self.numbers
            .get(usize::from(partition))
            .copied()
            .unwrap_or_default()
    }

    /// Goes on to a position, never back.
    pub fn reach(&mut self, position: Position) {
        if let Some(number) = self.numbers.get_mut(usize::from(position.partition)) {
            *number = position.number.max(*number);
        }
    }

    /// The cursor as an opaque token.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.numbers
            .iter()
            .flat_map(|number| number.to_be_bytes())
            .collect()
    }

    /// The cursor of a token; the beginning for an empty one; nothing for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut cursor = Self::default();
        if bytes.is_empty() {
            return Some(cursor);
        }
        let (numbers, rest) = bytes.as_chunks::<8>();
        if numbers.len() != cursor.numbers.len() || !rest.is_empty() {
            return None;
        }
        for (number, bytes) in cursor.numbers.iter_mut().zip(numbers) {
            *number = u64::from_be_bytes(*bytes);
        }
        Some(cursor)
    }
}

/// Where a list of incidents goes on: the number of the last one.
pub type IncidentCursor = u64;

/// Something that a person must look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// Names it.
    pub number: u64,
    /// What it is about.
    pub key: IncidentKey,
    /// The dossier's code, if it is about one that is known.
    pub code: Option<DossierCode>,
    /// What is the matter and the way out, in Vietnamese.
    pub vi: String,
    /// The same in English.
    pub en: String,
    /// Since when.
    pub opened_at: Timestamp,
    /// When it happened last.
    pub last_at: Timestamp,
    /// How often it happened while open.
    pub count: u64,
    /// When it was put right.
    pub closed_at: Option<Timestamp>,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Dossiers received.
    pub dossiers: u64,
    /// Of them, those that are not closed.
    pub dossiers_open: u64,
    /// Records of all dossiers.
    pub records: u64,
    /// Handovers, look-ups and notices outstanding.
    pub owed: u64,
    /// Incidents that are open.
    pub incidents_open: u64,
}
