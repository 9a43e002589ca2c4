//! The chain: whether a dossier's records are still what was written.

use super::{Kept, record_of};
use dossier::name::{Digest, DossierId};

/// Where a dossier's records are not what was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {sequence} of the dossier {what}; compare it with a copy")]
pub struct Broken {
    /// The first record that is not as it was written, or that is missing.
    pub sequence: u64,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Verifies a dossier's records, the first one first, and gives the hash of the last: to be the
/// same as the dossier's own. Personal values are checked where they are still there.
///
/// # Errors
/// [`Broken`] names the first bad record.
pub fn verify_chain(dossier_id: &DossierId, records: &[Kept]) -> Result<Option<Digest>, Broken> {
    let mut previous: Option<Digest> = None;
    for (sequence, kept) in (1..).zip(records) {
        let broken = |what| Broken { sequence, what };
        let record = record_of(&kept.bytes).map_err(|_| broken("cannot be read"))?;
        if kept.sequence != sequence || record.sequence != sequence {
            return Err(broken("is missing"));
        }
        if record.dossier_id != dossier_id.0.as_slice() {
            return Err(broken("is of another dossier"));
        }
        if record.previous_hash != previous.as_ref().map_or(&[][..], Digest::as_bytes) {
            return Err(match sequence {
                1 => broken("does not begin the chain"),
                _ => Broken {
                    sequence: sequence - 1,
                    what: "is not what the next one follows",
                },
            });
        }
        if let Some(beside) = &kept.personal
            && record.personal_digest != beside.digest().as_bytes()
        {
            return Err(broken("has other personal values than were written"));
        }
        previous = Some(Digest::of(&kept.bytes));
    }
    Ok(previous)
}
