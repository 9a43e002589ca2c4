//! Records: events as bytes that are readable in twenty years, chained within their dossier, with
//! the personal values beside.

mod chain;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use self::chain::{Broken, verify_chain};

use contract::record::v1 as pb;
use dossier::{
    Entry,
    evidence::{Given, NewVersion, Source},
    name::{BadName, Digest, DossierId},
};
use prost::Message as _;

/// Random bytes that keep a digest of personal values from being guessed.
pub type Salt = [u8; 16];

/// An event in bytes, as the store is to keep it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// 1 for the first of the dossier, without gaps.
    pub sequence: u64,
    /// SHA-256 of the record before it in its dossier; none for the first.
    pub previous_hash: Option<Digest>,
    /// SHA-256 of `bytes`.
    pub hash: Digest,
    /// The record, kept verbatim.
    pub bytes: Vec<u8>,
    /// The personal values; none when the event has none.
    pub personal: Option<Beside>,
}

/// An event in bytes, as the store has kept it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// 1 for the first of the dossier, without gaps.
    pub sequence: u64,
    /// The record, verbatim.
    pub bytes: Vec<u8>,
    /// The personal values; none when the event had none, or when they were erased.
    pub personal: Option<Beside>,
}

/// The personal values of an event, beside the chain.
#[derive(Clone, PartialEq, Eq)]
pub struct Beside {
    /// What the digest in the record was salted with.
    pub salt: Salt,
    /// The encoded `Personal` message.
    pub bytes: Vec<u8>,
}

impl Beside {
    /// What the record holds of them: SHA-256 of salt and bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&[&self.salt, self.bytes.as_slice()].concat())
    }
}

impl std::fmt::Debug for Beside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Beside({} bytes)", self.bytes.len())
    }
}

/// A record that cannot be read: its dossier is to be quarantined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Restore the dossier from a copy.
    #[error("the bytes are no record: {0}; restore the dossier from a copy")]
    Bytes(String),
    /// Start the release that wrote the record, or a newer one.
    #[error(
        "the record has an event or a word that this release does not know ({0}); start a newer release"
    )]
    Unknown(String),
    /// Restore the dossier from a copy.
    #[error("the record lacks {0}; restore the dossier from a copy")]
    Missing(&'static str),
    /// Restore the dossier from a copy.
    #[error("the record names something in another shape: {0}; restore the dossier from a copy")]
    Name(#[from] BadName),
}

/// Encodes an event. `previous_hash` is the hash of the dossier's record before it; `salt` must be
/// random and never used twice.
pub fn encode(
    entry: &Entry,
    dossier_id: &DossierId,
    previous_hash: Option<Digest>,
    salt: Salt,
) -> Stored {
    let (event, personal) = write::event(entry);
    let personal = (personal != pb::Personal::default()).then(|| Beside {
        salt,
        bytes: personal.encode_to_vec(),
    });
    let record = pb::Record {
        dossier_id: write::bytes(&dossier_id.0),
        sequence: entry.sequence,
        previous_hash: previous_hash
            .map(|hash| write::bytes(&hash.0))
            .unwrap_or_default(),
        at: Some(write::instant(entry.at)),
        cause: entry.cause.as_ref().map(write::cause),
        personal_digest: personal
            .as_ref()
            .map(|beside| write::bytes(&beside.digest().0))
            .unwrap_or_default(),
        event: Some(event),
    };
    let bytes = record.encode_to_vec();
    Stored {
        sequence: entry.sequence,
        previous_hash,
        hash: Digest::of(&bytes),
        bytes,
        personal,
    }
}

/// Reads an event back. When its personal values were erased they are empty.
///
/// # Errors
/// [`RecordError`]: quarantine the dossier.
pub fn decode(kept: &Kept) -> Result<Entry, RecordError> {
    let record = record_of(&kept.bytes)?;
    let personal = match &kept.personal {
        Some(beside) => pb::Personal::decode(beside.bytes.as_slice())
            .map_err(|error| RecordError::Bytes(error.to_string()))?,
        None => pb::Personal::default(),
    };
    Ok(Entry {
        sequence: record.sequence,
        at: read::instant(record.at.ok_or(RecordError::Missing("its time"))?)?,
        cause: record
            .cause
            .map(|cause| read::cause(cause, &personal))
            .transpose()?,
        event: read::event(
            // prost leaves out a field it does not know, so that an unknown event reads as none.
            record
                .event
                .ok_or_else(|| RecordError::Unknown("event".into()))?,
            personal,
        )?,
    })
}

/// Encodes what goes into the vault, to lie where it can be erased.
pub fn encode_given(given: &Given, version: u32) -> Vec<u8> {
    let new = NewVersion {
        version,
        digest: given.digest(),
        source: Source::Step,
        given: given.clone(),
    };
    let mut personal = pb::Personal::default();
    let evidence = write::given(std::slice::from_ref(&new), &mut personal).pop();
    let content = pb::VaultContent {
        evidence,
        data: personal.evidence.pop(),
        file_names: personal.file_names,
    };
    content.encode_to_vec()
}

/// Reads back what the vault has.
///
/// # Errors
/// [`RecordError`]: it is not used.
pub fn decode_given(bytes: &[u8]) -> Result<Given, RecordError> {
    let content =
        pb::VaultContent::decode(bytes).map_err(|error| RecordError::Bytes(error.to_string()))?;
    let evidence = content.evidence.into_iter().collect();
    let data = content.data.into_iter().collect();
    let new = read::given(evidence, data, content.file_names)?.pop();
    new.map(|new| new.given)
        .ok_or(RecordError::Missing("its evidence"))
}

/// The documents that a record names; none where it cannot be read.
pub fn documents(record: &[u8]) -> Vec<Digest> {
    let event = record_of(record).ok().and_then(|record| record.event);
    let evidence = event.map(read::evidence).unwrap_or_default();
    let documents = evidence.iter().flat_map(|one| &one.documents);
    documents
        .filter_map(|document| Digest::from_slice(&document.digest))
        .collect()
}

fn record_of(bytes: &[u8]) -> Result<pb::Record, RecordError> {
    pb::Record::decode(bytes).map_err(|error| RecordError::Bytes(error.to_string()))
}
