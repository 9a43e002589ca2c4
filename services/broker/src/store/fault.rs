//! What can go wrong with the store, sorted by what the ledger must do about it.

use dossier::name::DossierCode;
use std::{io, path::PathBuf};

/// The store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Make room; nothing was kept, and the same commit succeeds when there is room.
    #[error("the disk of the store is full: {0}; make room, it goes on by itself")]
    Full(String),
    /// Make the disk writable; nothing was kept, and the same commit succeeds then.
    #[error("the store may not be written: {0}; make its disk writable, it goes on by itself")]
    ReadOnly(String),
    /// End the process: what the disk holds is not certain any more.
    #[error("the disk did not sync: {0}; the process must end and start again")]
    SyncFailed(String),
    /// Forget what is cached and read again before answering anybody: the commit may be there.
    #[error("nobody knows whether the commit is there: {0}; it is read again")]
    Doubt(String),
    /// Restore a copy; the file is damaged.
    #[error("the store is damaged: {0}; stop the broker and restore a copy")]
    Corrupt(String),
    /// Ask for less, or again when the machine has less to do.
    #[error("the read took longer than its time limit; ask for fewer rows, or again later")]
    TimeLimit,
    /// Try again; nothing was kept.
    #[error("the store did not do it: {0}; nothing was kept")]
    Failed(String),
    /// End the other broker, or give this one a folder of its own.
    #[error(
        "the store {path} is in use by another process; end it, or name another folder",
        path = path.display()
    )]
    InUse {
        /// The store's folder.
        path: PathBuf,
    },
    /// Make the folder readable and writable.
    #[error(
        "cannot use {path}: {source}; make it readable and writable for this process",
        path = path.display()
    )]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Start the release that wrote it, or a newer one.
    #[error(
        "the store has version {found} and this release knows versions up to {known}; start the \
         newer release"
    )]
    Newer {
        /// The version in the file.
        found: i64,
        /// The highest version that this release reads.
        known: i64,
    },
    /// Let the release that wrote it bring its dossiers to an end, and give this one a new folder.
    #[error(
        "the store has version {found} and this release knows versions from {known}; let the release \
         that wrote it bring its dossiers to an end, and give this one a new folder"
    )]
    Older {
        /// The version in the file.
        found: i64,
        /// The lowest version that this release reads.
        known: i64,
    },
    /// Make the file and its folder writable for this process.
    #[error(
        "{path} can be read and not written; make it, its folder and its disk writable for this \
         process",
        path = path.display()
    )]
    NotWritable {
        /// The file.
        path: PathBuf,
    },
    /// Build with the SQLite that is bundled.
    #[error(
        "SQLite {found} can lose what was committed when its log is reset; use {wanted} or later"
    )]
    OldSqlite {
        /// The version found.
        found: String,
        /// The version needed.
        wanted: &'static str,
    },
    /// Put the store on a local file system.
    #[error(
        "the store answers `{found}` for `{pragma}` where `{wanted}` is needed; put it on a local \
         file system"
    )]
    Pragma {
        /// The setting.
        pragma: &'static str,
        /// What the store says.
        found: String,
        /// What is needed.
        wanted: &'static str,
    },
}

impl StoreError {
    /// Whether the same thing succeeds later without anybody touching this process.
    pub fn passes(&self) -> bool {
        matches!(
            self,
            Self::Full(_) | Self::ReadOnly(_) | Self::TimeLimit | Self::Failed(_)
        )
    }
}

/// One dossier's change cannot be kept; nothing of it was. The rest of the batch is not touched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DossierFault {
    /// Load the dossier again; somebody else went on with it.
    #[error("the dossier has {found} records where the change expects {expected}; load it again")]
    Sequence {
        /// Records that the change follows.
        expected: u64,
        /// Records that are there.
        found: u64,
    },
    /// Quarantine the dossier: the change follows another record than the last one.
    #[error("the change does not follow the dossier's last record; look at the dossier")]
    Chain,
    /// Take another code.
    #[error("the dossier code {0} is in use")]
    CodeTaken(DossierCode),
    /// Quarantine the dossier.
    #[error("the store refuses the change: {0}; look at the dossier")]
    Refused(String),
}
