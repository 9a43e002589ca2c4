//! Bytes out: read a little ahead of the reader, and no more.

use super::{Documents, Inner, Refusal, account::folder_name, upload::CHUNK_BYTES_MAX};
use bytes::Bytes;
use dossier::name::{AgencyCode, Digest};
use jiff::Timestamp;
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    sync::{Arc, atomic::Ordering},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes that are read at once.
const READ_BYTES: usize = 2 * CHUNK_BYTES_MAX;

/// A download under way. At most two reads are in memory, however slow the reader is.
pub struct Download {
    size_bytes: u64,
    offset: u64,
    end: u64,
    rest: Bytes,
    ahead: Option<JoinHandle<(File, io::Result<Bytes>)>>,
    counted: Counted,
}

struct Counted {
    inner: Arc<Inner>,
    folder: String,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.inner.accounts.end_download(&self.folder);
    }
}

impl Documents {
    /// Begins to read at most `bytes_max` of a document from `offset` on, for a system that acts for `agency`.
    ///
    /// # Errors
    /// [`Refusal::NotYours`] when there is none, or when the system did not send it and the agency
    /// was not given it; these look alike.
    pub async fn download(
        &self,
        system: &str,
        agency: &AgencyCode,
        digest: Digest,
        offset: u64,
        bytes_max: u64,
        now: Timestamp,
    ) -> Result<Download, Refusal> {
        let folder = folder_name(system);
        self.inner
            .accounts
            .begin_download(&self.inner.config, &folder)?;
        let counted = Counted {
            inner: self.inner.clone(),
            folder,
        };
        let (inner, system, agency) = (self.inner.clone(), system.to_owned(), agency.clone());
        let opened = spawn_blocking(move || {
            let owned = inner.register.owned(&system, &digest, now)?.is_some();
            if !owned && !inner.store.granted(&agency, &digest)? {
                return Err(Refusal::NotYours);
            }
            let Some(size_bytes) = inner.register.size(&digest)? else {
                return Err(Refusal::NotYours);
            };
            if offset > size_bytes {
                let mend = format!("must be at most {size_bytes}");
                return Err(Refusal::Field {
                    field: "offset",
                    mend,
                });
            }
            let mut file = File::open(inner.path_of(&digest))?;
            file.seek(SeekFrom::Start(offset))?;
            Ok((file, size_bytes))
        });
        let (file, size_bytes) = opened.await.map_err(|_| broken_off())??;
        let end = size_bytes.min(offset.saturating_add(bytes_max));
        Ok(Download {
            size_bytes,
            offset,
            end,
            rest: Bytes::new(),
            ahead: (offset < end).then(|| read(file, end - offset)),
            counted,
        })
    }
}

impl Download {
    /// The document's size.
    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The next chunk, at most 256 KiB, and where it begins; nothing at the end.
    ///
    /// # Errors
    /// [`Refusal::Disk`].
    pub async fn next(&mut self) -> Result<Option<(u64, Bytes)>, Refusal> {
        if self.rest.is_empty() {
            let Some(ahead) = self.ahead.take() else {
                return Ok(None);
            };
            let (file, bytes) = ahead.await.map_err(|_| broken_off())?;
            self.rest = bytes?;
            let read_to = self.offset + self.rest.len() as u64;
            if self.rest.is_empty() {
                return Err(Refusal::Disk(
                    "the document is shorter than its row says".into(),
                ));
            }
            self.ahead = (read_to < self.end).then(|| read(file, self.end - read_to));
        }
        let data = self.rest.split_to(self.rest.len().min(CHUNK_BYTES_MAX));
        let offset = self.offset;
        self.offset += data.len() as u64;
        let given = &self.counted.inner.given_bytes;
        given.fetch_add(data.len() as u64, Ordering::Relaxed);
        Ok(Some((offset, data)))
    }
}

fn read(file: File, bytes_max: u64) -> JoinHandle<(File, io::Result<Bytes>)> {
    spawn_blocking(move || {
        let bytes_max = bytes_max.min(READ_BYTES as u64);
        let mut bytes = Vec::with_capacity(usize::try_from(bytes_max).unwrap_or(READ_BYTES));
        let read = (&file).take(bytes_max).read_to_end(&mut bytes);
        (file, read.map(|_| bytes.into()))
    })
}

fn broken_off() -> Refusal {
    Refusal::Disk("the work was broken off".into())
}
