//! What each system has under way and unnamed, so that none takes more than its share.
//!
//! The files are the truth: this is read from them at the start.

use super::{DocumentsConfig, Refusal};
use dossier::name::Digest;
use jiff::Timestamp;
use sha2::Sha256;
use std::{
    collections::HashMap,
    fs, io,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

pub(super) const PART_SUFFIX: &str = ".part";

/// Every system's uploads.
pub(super) struct Accounts {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By the name of the system's folder.
    systems: HashMap<String, Account>,
    busy: usize,
    downloads: usize,
}

#[derive(Default)]
struct Account {
    parts: HashMap<Digest, Part>,
    busy: usize,
    downloads: usize,
    /// Complete, and named by no dossier as far as is known.
    unnamed_bytes: u64,
}

/// An upload that is under way or was broken off.
struct Part {
    received_bytes: u64,
    /// While a call is at it: how many bytes it will have.
    announced_bytes: Option<u64>,
    /// None after a start: the file is hashed again when the upload goes on.
    hash: Option<Sha256>,
    touched: Timestamp,
}

/// How an upload that may begin goes on.
pub(super) enum Begun {
    /// From nothing.
    New,
    /// From here, with everything before hashed.
    Hashed(u64, Sha256),
    /// From here, after hashing what is there.
    Unhashed(u64),
}

/// What is asked for.
pub(super) struct Asked {
    pub(super) digest: Digest,
    pub(super) offset: u64,
    pub(super) size_bytes: u64,
}

/// What of documents is under way and unnamed, of all systems together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Uploads that a call is at.
    pub uploads: usize,
    /// Downloads that a call is at.
    pub downloads: usize,
    /// Uploads that have begun and not ended, those that were broken off among them.
    pub parts: usize,
    /// Bytes that count against their systems: of uploads, and of documents that no dossier names.
    pub unnamed_bytes: u64,
    /// Bytes of uploads that came since the start.
    pub received_bytes: u64,
    /// Bytes of downloads that were given since the start.
    pub given_bytes: u64,
}

impl Accounts {
    /// Reads what was under way when the process ended. `unnamed_bytes` is by system.
    pub(super) fn load(uploads: &Path, unnamed_bytes: HashMap<String, u64>) -> io::Result<Self> {
        let mut inner = Inner::default();
        for (system, bytes) in unnamed_bytes {
            inner.account(&folder_name(&system)).unnamed_bytes = bytes;
        }
        for folder in fs::read_dir(uploads)? {
            let folder = folder?;
            let name = folder.file_name().to_string_lossy().into_owned();
            if !folder.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path())? {
                let file = file?;
                let Some(digest) = digest_of_name(&file.file_name().to_string_lossy()) else {
                    continue;
                };
                let found = file.metadata()?;
                let touched = Timestamp::try_from(found.modified()?).unwrap_or_default();
                let part = Part {
                    received_bytes: found.len(),
                    announced_bytes: None,
                    hash: None,
                    touched,
                };
                inner.account(&name).parts.insert(digest, part);
            }
        }
        Ok(Self {
            inner: Mutex::new(inner),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is under way and unnamed.
    pub(super) fn usage(&self) -> Usage {
        let inner = self.lock();
        let accounts = || inner.systems.values();
        Usage {
            uploads: inner.busy,
            downloads: inner.downloads,
            parts: accounts().map(|account| account.parts.len()).sum(),
            unnamed_bytes: accounts().map(Account::bytes).sum(),
            ..Usage::default()
        }
    }

    /// Takes up an upload, or says why not. Whoever takes it up must [`park`](Self::park) or
    /// [`end`](Self::end) it. `free_bytes` is the room on the disk.
    pub(super) fn begin(
        &self,
        config: &DocumentsConfig,
        folder: &str,
        asked: &Asked,
        free_bytes: u64,
        now: Timestamp,
    ) -> Result<Begun, Refusal> {
        let mut inner = self.lock();
        let promised_bytes = inner.promised_bytes();
        let busy = inner.busy;
        let account = inner.account(folder);
        let known = account.parts.get(&asked.digest);
        if known.is_some_and(|part| part.announced_bytes.is_some()) {
            return Err(Refusal::Busy);
        }
        let received_bytes = known.map_or(0, |part| part.received_bytes);
        if asked.offset != 0 && asked.offset != received_bytes {
            return Err(Refusal::OutOfOrder { received_bytes });
        }
        let limit = |what, limit| Err(Refusal::Limit { what, limit });
        if busy >= config.uploads_max {
            return limit("uploads", "uploads_max");
        }
        if account.busy >= config.uploads_per_system_max {
            return limit("uploads of this system", "uploads_per_system_max");
        }
        if known.is_none() && account.parts.len() >= config.parts_per_system_max {
            return limit("broken uploads of this system", "parts_per_system_max");
        }
        let others_bytes = account.bytes() - received_bytes;
        if others_bytes.saturating_add(asked.size_bytes) > config.unnamed_bytes_per_system_max {
            return limit(
                "unnamed bytes of this system",
                "unnamed_bytes_per_system_max",
            );
        }
        let coming_bytes = asked.size_bytes.saturating_sub(asked.offset) + promised_bytes;
        if free_bytes < config.disk_reserve_bytes.saturating_add(coming_bytes) {
            return Err(Refusal::StorageLow);
        }

        let begun = match account.parts.get_mut(&asked.digest) {
            Some(part) if asked.offset > 0 => match part.hash.take() {
                Some(hash) => Begun::Hashed(received_bytes, hash),
                None => Begun::Unhashed(received_bytes),
            },
            _ => Begun::New,
        };
        let part = Part {
            received_bytes: asked.offset,
            announced_bytes: Some(asked.size_bytes),
            hash: None,
            touched: now,
        };
        account.parts.insert(asked.digest, part);
        account.busy += 1;
        inner.busy += 1;
        Ok(begun)
    }

    /// Says how far an upload is.
    pub(super) fn reach(&self, folder: &str, digest: &Digest, received_bytes: u64) {
        let mut inner = self.lock();
        if let Some(part) = inner.account(folder).parts.get_mut(digest) {
            part.received_bytes = received_bytes;
        }
    }

    /// Puts an upload aside, to go on later.
    pub(super) fn park(
        &self,
        folder: &str,
        digest: &Digest,
        received_bytes: u64,
        hash: Option<Sha256>,
        now: Timestamp,
    ) {
        let part = Part {
            received_bytes,
            announced_bytes: None,
            hash,
            touched: now,
        };
        let mut inner = self.lock();
        inner.busy -= 1;
        let account = inner.account(folder);
        account.busy -= 1;
        account.parts.insert(*digest, part);
    }

    /// Ends an upload whose part is gone: complete with so many bytes, or with none.
    pub(super) fn end(&self, folder: &str, digest: &Digest, complete_bytes: u64) {
        let mut inner = self.lock();
        inner.busy -= 1;
        let account = inner.account(folder);
        account.busy -= 1;
        account.parts.remove(digest);
        account.unnamed_bytes += complete_bytes;
    }

    /// Says how many bytes of a system no dossier names, now that somebody has looked.
    pub(super) fn set_unnamed_bytes(&self, folder: &str, bytes: u64) {
        self.lock().account(folder).unnamed_bytes = bytes;
    }

    /// How far a system's upload is; 0 when there is none.
    pub(super) fn received_bytes(&self, folder: &str, digest: &Digest) -> u64 {
        let inner = self.lock();
        let part = inner
            .systems
            .get(folder)
            .and_then(|account| account.parts.get(digest));
        part.map_or(0, |part| part.received_bytes)
    }

    /// Takes out the parts that nobody is at and nobody has touched since, each with its file;
    /// gives how many.
    ///
    /// # Errors
    /// A file could not be removed; its part stays.
    pub(super) fn remove_untouched_since(
        &self,
        since: Timestamp,
        remove: impl Fn(&Path) -> io::Result<()>,
    ) -> io::Result<usize> {
        let mut removed = 0;
        let mut inner = self.lock();
        for (folder, account) in &mut inner.systems {
            let untouched: Vec<Digest> = account
                .parts
                .iter()
                .filter(|(_, part)| part.announced_bytes.is_none() && part.touched <= since)
                .map(|(digest, _)| *digest)
                .collect();
            for digest in untouched {
                remove(&Path::new(folder).join(file_name(&digest)))?;
                account.parts.remove(&digest);
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Counts a download in, or says why not. Whoever counts it in must
    /// [`end_download`](Self::end_download) it.
    pub(super) fn begin_download(
        &self,
        config: &DocumentsConfig,
        folder: &str,
    ) -> Result<(), Refusal> {
        let mut inner = self.lock();
        if inner.downloads >= config.downloads_max {
            return Err(Refusal::Limit {
                what: "downloads",
                limit: "downloads_max",
            });
        }
        let account = inner.account(folder);
        if account.downloads >= config.downloads_per_system_max {
            let limit = "downloads_per_system_max";
            return Err(Refusal::Limit {
                what: "downloads of this system",
                limit,
            });
        }
        account.downloads += 1;
        inner.downloads += 1;
        Ok(())
    }

    pub(super) fn end_download(&self, folder: &str) {
        let mut inner = self.lock();
        inner.downloads -= 1;
        inner.account(folder).downloads -= 1;
    }
}

impl Inner {
    fn account(&mut self, folder: &str) -> &mut Account {
        self.systems.entry(folder.to_owned()).or_default()
    }

    /// Bytes that uploads under way may still bring.
    fn promised_bytes(&self) -> u64 {
        let parts = self
            .systems
            .values()
            .flat_map(|account| account.parts.values());
        parts
            .filter_map(|part| Some(part.announced_bytes?.saturating_sub(part.received_bytes)))
            .sum()
    }
}

impl Account {
    fn bytes(&self) -> u64 {
        let parts = self.parts.values();
        let parts: u64 = parts
            .map(|p| p.announced_bytes.unwrap_or(p.received_bytes))
            .sum();
        parts + self.unnamed_bytes
    }
}

/// The name of a system's folder: no system's name reaches the disk.
pub(super) fn folder_name(system: &str) -> String {
    hex::encode(&Digest::of(system.as_bytes()).0[..16])
}

pub(super) fn file_name(digest: &Digest) -> String {
    format!("{digest}{PART_SUFFIX}")
}

fn digest_of_name(name: &str) -> Option<Digest> {
    let mut digest = [0; 32];
    hex::decode_to_slice(name.strip_suffix(PART_SUFFIX)?, &mut digest).ok()?;
    Some(Digest(digest))
}
