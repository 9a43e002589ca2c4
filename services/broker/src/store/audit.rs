//! What operators did: one entry for each act, chained, so that none can be changed, or taken away from
//! between others, unseen by whoever checks the hashes.

use dossier::name::{Digest, DossierCode, DossierId};
use jiff::Timestamp;

/// One act of an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// When; kept in microseconds.
    pub at: Timestamp,
    /// Who: the operator's identity.
    pub operator: String,
    /// The console that spoke for the operator.
    pub via: Option<String>,
    /// The call, such as `MoveStep`.
    pub call: String,
    /// The dossier, if it was about one.
    pub dossier_id: Option<DossierId>,
    /// The department, procedure, step or incident that it was about.
    pub subject: String,
    /// Why, in the operator's words.
    pub reason: String,
    /// How it was before. Never personal values.
    pub before: String,
    /// How it was after.
    pub after: String,
}

/// An act as it stands in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// One more than the one before.
    pub number: u64,
    /// What was done.
    pub audit: Audit,
    /// The dossier's code, if it was about one that is there.
    pub code: Option<DossierCode>,
    /// SHA-256 over it and the hash of the one before.
    pub hash: Digest,
}

/// Which acts to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only this operator's.
    pub operator: Option<String>,
    /// Only about this dossier.
    pub dossier_id: Option<DossierId>,
}

impl Audit {
    /// What stands in place of a hash before the first.
    pub const HASH_BEFORE_FIRST: Digest = Digest([0; 32]);

    /// The hash of this act after one with that hash: SHA-256 over the hash before, the number, the time
    /// in microseconds and each text with its length before it.
    pub fn hash(&self, number: u64, previous: &Digest) -> Digest {
        let mut bytes = Vec::with_capacity(512);
        bytes.extend_from_slice(previous.as_bytes());
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&self.at.as_microsecond().to_be_bytes());
        let dossier = self.dossier_id.as_ref().map_or(&[][..], |id| &id.0);
        let texts = [
            self.operator.as_bytes(),
            self.via.as_deref().unwrap_or_default().as_bytes(),
            self.call.as_bytes(),
            dossier,
            self.subject.as_bytes(),
            self.reason.as_bytes(),
            self.before.as_bytes(),
            self.after.as_bytes(),
        ];
        for text in texts {
            bytes.extend_from_slice(&(text.len() as u64).to_be_bytes());
            bytes.extend_from_slice(text);
        }
        Digest::of(&bytes)
    }
}
