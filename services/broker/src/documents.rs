//! Documents: bytes named by their SHA-256, stored once, and seen by those alone who sent all of
//! them or were given them in a dossier.
//!
//! Complete documents lie in `documents/ab/cdef…`; what is under way lies in `uploads/`. A document
//! is there when its row is: the file is synced first, then its folder, then the row. Who named a
//! document and who was given it stands in the store, in the transaction of the events that say so.

mod account;
mod config;
mod download;
mod naming;
mod part;
mod refusal;
mod register;
mod service;
#[cfg(test)]
mod service_tests;
mod sweep;
#[cfg(test)]
mod tests;
mod upload;

pub use self::{
    account::Usage,
    config::DocumentsConfig,
    download::Download,
    naming::Pin,
    refusal::Refusal,
    service::{ActsFor, Service},
    sweep::Swept,
    upload::{Complete, Header, Upload},
};

use self::{account::Accounts, naming::Naming, register::Register};
use crate::store::{Reader, StoreError};
use dossier::name::{AgencyCode, Digest, DossierId};
use jiff::Timestamp;
use node::embedded::EmbeddedError;
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// Documents that can arrive or leave at the same time without waiting for each other.
const SHELVES: usize = 64;

/// The documents' handle. Cheap to clone.
#[derive(Clone)]
pub struct Documents {
    inner: Arc<Inner>,
}

struct Inner {
    config: DocumentsConfig,
    folder: PathBuf,
    uploads: PathBuf,
    register: Register,
    store: Arc<dyn Reader>,
    accounts: Accounts,
    naming: Naming,
    /// Bytes of uploads that came since the start.
    received_bytes: AtomicU64,
    /// Bytes of downloads that were given since the start.
    given_bytes: AtomicU64,
    /// By digest: held while a complete document arrives or leaves, file and row.
    shelves: [Mutex<()>; SHELVES],
}

/// Documents cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
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
    /// Do what the register's error says.
    #[error(transparent)]
    Register(#[from] EmbeddedError),
}

/// A document is named by somebody who neither sent it nor was given it, or there is none; these
/// look alike.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// Upload the document first, with the same system, and give its true size.
    #[error("the document is not yours to name; upload all its bytes first and give its true size")]
    NotYours,
    /// Try again.
    #[error("whose the document is cannot be read now: {0}")]
    Unread(String),
}

impl From<StoreError> for CheckError {
    fn from(error: StoreError) -> Self {
        Self::Unread(error.to_string())
    }
}

impl Documents {
    /// Opens the documents in the store's folder, made when they are new. `store` tells who was
    /// given what.
    ///
    /// # Errors
    /// [`OpenError`] says what to mend.
    pub fn open(
        folder: &Path,
        config: DocumentsConfig,
        store: Arc<dyn Reader>,
    ) -> Result<Self, OpenError> {
        let (documents, uploads) = (folder.join("documents"), folder.join("uploads"));
        for path in [&documents, &uploads] {
            let made = fs::create_dir_all(path);
            made.map_err(|source| OpenError::Folder {
                path: path.clone(),
                source,
            })?;
        }
        let register = Register::open(&documents)?;
        let unnamed_bytes = register.unnamed_bytes().map_err(EmbeddedError::from)?;
        let accounts =
            Accounts::load(&uploads, unnamed_bytes).map_err(|source| OpenError::Folder {
                path: uploads.clone(),
                source,
            })?;
        let inner = Inner {
            config,
            folder: documents,
            uploads,
            register,
            store,
            accounts,
            naming: Naming::default(),
            received_bytes: AtomicU64::new(0),
            given_bytes: AtomicU64::new(0),
            shelves: [const { Mutex::new(()) }; SHELVES],
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// What is under way and unnamed, and what came and went since the start.
    pub fn usage(&self) -> Usage {
        let moved = |bytes: &AtomicU64| bytes.load(Ordering::Relaxed);
        Usage {
            received_bytes: moved(&self.inner.received_bytes),
            given_bytes: moved(&self.inner.given_bytes),
            ..self.inner.accounts.usage()
        }
    }

    /// Whether a system may name a document in a submit or a report: it sent all the bytes, or the
    /// agency that it speaks for was given them in this dossier. Fast; blocks for a read or two.
    ///
    /// The document stays while the answer is held: keep it until the commit that names the
    /// document can be read, so that no sweep comes between.
    ///
    /// # Errors
    /// [`CheckError`].
    pub fn check_named(
        &self,
        system: &str,
        agency: &AgencyCode,
        dossier: &DossierId,
        digest: &Digest,
        size_bytes: u64,
        now: Timestamp,
    ) -> Result<Pin, CheckError> {
        // Whether it goes or stays is decided in a moment; the sender tries again.
        let leaving = || CheckError::Unread("the document is just being looked at".into());
        let pin = self.inner.naming.pin(*digest).ok_or_else(leaving)?;
        let unread = |error: rusqlite::Error| CheckError::Unread(error.to_string());
        if let Some(size) = self
            .inner
            .register
            .owned(system, digest, now)
            .map_err(unread)?
        {
            return if size == size_bytes {
                Ok(pin)
            } else {
                Err(CheckError::NotYours)
            };
        }
        let given = self.inner.store.granted_in(agency, dossier, digest)?;
        let size = self.inner.register.size(digest).map_err(unread)?;
        if given && size == Some(size_bytes) {
            Ok(pin)
        } else {
            Err(CheckError::NotYours)
        }
    }

    /// Waits until the disk failed to sync the documents' rows: the process must end then.
    pub async fn lost(&self) {
        self.inner.register.lost().await;
    }
}

impl Inner {
    /// Where a complete document lies.
    fn path_of(&self, digest: &Digest) -> PathBuf {
        let name = digest.to_string();
        let (folder, file) = name.split_at(2);
        self.folder.join(folder).join(file)
    }

    fn shelf(&self, digest: &Digest) -> MutexGuard<'_, ()> {
        let shelf = &self.shelves[usize::from(digest.0[0]) % SHELVES];
        shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
