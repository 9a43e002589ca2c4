//! The file of an upload under way, and the hash of what is in it. Everything here blocks.

use super::{
    Complete, Inner, Refusal,
    account::{Begun, file_name, folder_name},
};
use bytes::Bytes;
use dossier::name::Digest;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{runtime::Handle, task::JoinHandle};

/// Bytes that are hashed at once when an upload goes on after a start.
const REHASH_BYTES: usize = 256 * 1024;
/// Bytes after which the disk is made to follow, so that the last sync is short.
const SYNC_EVERY_BYTES: u64 = 64 * 1024 * 1024;

/// An upload that somebody is at. When it is dropped, wherever that happens, it is put aside to go
/// on later; unless it ended.
pub(super) struct Part {
    inner: Arc<Inner>,
    system: String,
    folder: String,
    digest: Digest,
    size_bytes: u64,
    file: File,
    hash: Option<Sha256>,
    received_bytes: u64,
    unsynced_bytes: u64,
    /// The disk following, beside the writing.
    syncing: Option<JoinHandle<io::Result<()>>>,
    ended: bool,
}

/// Gives an upload back that could not be opened.
struct Taken<'a> {
    inner: &'a Inner,
    folder: &'a str,
    digest: &'a Digest,
    received_bytes: u64,
    armed: bool,
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if self.armed {
            let now = Timestamp::now();
            self.inner
                .accounts
                .park(self.folder, self.digest, self.received_bytes, None, now);
        }
    }
}

impl Part {
    /// Opens the file of an upload that was taken up.
    pub(super) fn open(
        inner: Arc<Inner>,
        system: &str,
        digest: Digest,
        size_bytes: u64,
        begun: Begun,
    ) -> Result<Self, Refusal> {
        let folder = folder_name(system);
        let received_bytes = match &begun {
            Begun::New => 0,
            Begun::Hashed(received, _) | Begun::Unhashed(received) => *received,
        };
        let mut taken = Taken {
            inner: &inner,
            folder: &folder,
            digest: &digest,
            received_bytes,
            armed: true,
        };
        let path = inner.uploads.join(&folder).join(file_name(&digest));
        fs::create_dir_all(inner.uploads.join(&folder))?;
        let new = matches!(begun, Begun::New);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(new)
            .truncate(new)
            .open(&path)?;
        let hash = match begun {
            Begun::New => Sha256::new(),
            Begun::Hashed(_, hash) => hash,
            Begun::Unhashed(received) => rehash(&mut file, received)?,
        };
        file.seek(SeekFrom::Start(received_bytes))?;
        taken.armed = false;
        drop(taken);
        Ok(Self {
            inner,
            system: system.to_owned(),
            folder,
            digest,
            size_bytes,
            file,
            hash: Some(hash),
            received_bytes,
            unsynced_bytes: 0,
            syncing: None,
            ended: false,
        })
    }

    pub(super) fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// Writes and hashes. After an error nothing of the upload is kept.
    pub(super) fn write(&mut self, chunks: &[Bytes]) -> Result<(), Refusal> {
        if free_bytes(&self.inner.uploads)? < self.inner.config.disk_reserve_bytes {
            return Err(Refusal::StorageLow);
        }
        for chunk in chunks {
            if let Err(error) = self.file.write_all(chunk) {
                self.discard();
                return Err(error.into());
            }
            if let Some(hash) = &mut self.hash {
                hash.update(chunk);
            }
            self.received_bytes += chunk.len() as u64;
            self.unsynced_bytes += chunk.len() as u64;
        }
        self.inner
            .accounts
            .reach(&self.folder, &self.digest, self.received_bytes);
        if self.unsynced_bytes >= SYNC_EVERY_BYTES {
            self.unsynced_bytes = 0;
            self.wait_for_sync()?;
            let file = self.file.try_clone()?;
            self.syncing = Some(Handle::current().spawn_blocking(move || file.sync_data()));
        }
        Ok(())
    }

    /// Waits for the sync that is under way. After a failed one nothing of the upload is kept: a
    /// second sync would not say so again.
    fn wait_for_sync(&mut self) -> Result<(), Refusal> {
        let Some(syncing) = self.syncing.take() else {
            return Ok(());
        };
        let synced = Handle::current().block_on(syncing);
        if let Err(error) = synced.unwrap_or_else(|_| Err(io::ErrorKind::Interrupted.into())) {
            self.discard();
            return Err(error.into());
        }
        Ok(())
    }

    /// Makes the upload a document: verified, the file synced, its folder synced, then the row.
    pub(super) fn complete(mut self) -> Result<Complete, Refusal> {
        let hash = self.hash.take().map(Sha256::finalize).unwrap_or_default();
        if hash[..] != self.digest.0 {
            self.discard();
            return Err(Refusal::Digest);
        }
        self.wait_for_sync()?;
        if let Err(error) = self.file.sync_all() {
            self.discard();
            return Err(error.into());
        }
        let inner = self.inner.clone();
        let _shelf = inner.shelf(&self.digest);
        let part = self.path();
        if inner.register.size(&self.digest)?.is_some() {
            // The same bytes are there; this system has now sent all of them too.
            fs::remove_file(&part)?;
        } else {
            let path = inner.path_of(&self.digest);
            move_synced(&part, &path)?;
        }
        self.ended = true;
        inner
            .accounts
            .end(&self.folder, &self.digest, self.size_bytes);

        write_down(&inner, &self.system, self.digest, self.size_bytes)
    }

    /// Ends the upload; nothing of it is kept.
    pub(super) fn discard(&mut self) {
        if self.ended {
            return;
        }
        self.ended = true;
        if let Err(error) = fs::remove_file(self.path()) {
            tracing::warn!(%error, "a broken upload could not be removed; it goes when it expires");
            // Not counted out, so that the sweep finds it.
            let (received, now) = (self.received_bytes, Timestamp::now());
            self.inner
                .accounts
                .park(&self.folder, &self.digest, received, None, now);
            return;
        }
        self.inner.accounts.end(&self.folder, &self.digest, 0);
    }

    fn path(&self) -> PathBuf {
        self.inner
            .uploads
            .join(&self.folder)
            .join(file_name(&self.digest))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.received_bytes == 0 {
            self.discard();
        } else if !self.ended {
            let (received, hash, now) = (self.received_bytes, self.hash.take(), Timestamp::now());
            self.inner
                .accounts
                .park(&self.folder, &self.digest, received, hash, now);
        }
    }
}

/// Writes the row of a document whose file is synced. Its shelf must be held.
pub(super) fn write_down(
    inner: &Inner,
    system: &str,
    digest: Digest,
    size_bytes: u64,
) -> Result<Complete, Refusal> {
    let now = Timestamp::now();
    let expires_at = now
        .saturating_add(inner.config.unnamed_expiry())
        .unwrap_or(Timestamp::MAX);
    inner
        .register
        .complete(system.to_owned(), digest, size_bytes, now, expires_at)?;
    Ok(Complete {
        digest,
        size_bytes,
        expires_at,
    })
}

/// Moves a synced file into a folder that may be new, and syncs that folder.
fn move_synced(from: &Path, to: &Path) -> io::Result<()> {
    let Some(folder) = to.parent() else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    if !folder.is_dir() {
        fs::create_dir_all(folder)?;
        if let Some(above) = folder.parent() {
            File::open(above)?.sync_all()?;
        }
    }
    fs::rename(from, to)?;
    File::open(folder)?.sync_all()
}

fn rehash(file: &mut File, received_bytes: u64) -> io::Result<Sha256> {
    // What lies behind was not counted: a write that an end of the process cut short.
    file.set_len(received_bytes)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; REHASH_BYTES];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hash);
        }
        hash.update(&buffer[..read]);
    }
}

/// The room on the disk of a folder for a process without privileges.
pub(super) fn free_bytes(folder: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(folder)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
