//! Evidence: named things that steps need and give, in versions that never change once given.

use crate::name::{AgencyCode, Digest, EvidenceName, PartyId, StepId};
use jiff::Timestamp;
use std::sync::Arc;

/// Bytes behind evidence, named by their content.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    /// SHA-256 of the bytes.
    pub digest: Digest,
    /// How many; at least 1.
    pub size_bytes: u64,
    /// IANA media type.
    pub media_type: String,
    /// The name people see, in Unicode NFC.
    pub file_name: String,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Document({:?}, {} bytes)", self.digest, self.size_bytes)
    }
}

/// What a giver gives: data, documents, or both.
#[derive(Clone, PartialEq, Eq)]
pub struct Given {
    /// The name that the procedure gives it.
    pub name: EvidenceName,
    /// The schema of the data; empty when the procedure names none.
    pub schema_id: String,
    /// I-JSON (RFC 7493), byte for byte as given; empty when there is none.
    pub data: Arc<[u8]>,
    /// The documents.
    pub documents: Vec<Document>,
    /// Whom it is about; none means whom the procedure says, or the owner where it says nobody. The
    /// answer to a look-up says it always.
    pub subject: Option<PartyId>,
}

impl Given {
    /// What makes it the same or another thing: SHA-256 over name, schema, subject, data and the
    /// documents' digests, each with its length before it. File names do not count.
    pub fn digest(&self) -> Digest {
        let mut bytes = Vec::with_capacity(256);
        let mut put = |part: &[u8]| {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part);
        };
        put(self.name.as_str().as_bytes());
        put(self.schema_id.as_bytes());
        put(self
            .subject
            .as_ref()
            .map_or("", |id| id.as_str())
            .as_bytes());
        put(Digest::of(&self.data).as_bytes());
        for document in &self.documents {
            put(document.digest.as_bytes());
        }
        Digest::of(&bytes)
    }
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}({} bytes, {:?})",
            self.name,
            self.data.len(),
            self.documents
        )
    }
}

/// Where evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The citizen, through the receiving desk.
    Citizen,
    /// A registry or department that holds it.
    Registry,
    /// A step of this dossier.
    Step,
    /// The owner's vault.
    Vault,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Citizen, Self::Registry, Self::Step, Self::Vault];

    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Citizen => "citizen",
            Self::Registry => "registry",
            Self::Step => "step",
            Self::Vault => "vault",
        }
    }

    /// The source of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.word() == word)
    }
}

/// One version of a piece of evidence, as an event gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// 1 for the first, one more for each correction.
    pub version: u32,
    /// Its identity: [`Given::digest`] of what was given. Erased with the personal values.
    pub digest: Digest,
    /// Where it came from.
    pub source: Source,
    /// What was given.
    pub given: Given,
}

/// One version of a piece of evidence, as the dossier holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// What was given, and how it is known.
    pub new: NewVersion,
    /// The agency that gave it.
    pub agency: AgencyCode,
    /// The step that gave it; none when a desk did.
    pub step: Option<StepId>,
    /// 1 for the first version of anything in the dossier, one more for each that followed.
    pub ordinal: u32,
    /// When the ledger recorded it.
    pub at: Timestamp,
    /// Why it replaced the one before; empty for a first version.
    pub reason: String,
    /// What it was taken from, where a round holds only members of it; none in the dossier itself.
    pub extract: Option<Extract>,
}

/// Members taken from a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extract {
    /// Which: JSON pointers (RFC 6901).
    pub pointers: Vec<String>,
    /// The digest of the whole.
    pub of: Digest,
}
