//! Bytes in: received, hashed and written side by side, in constant memory.

use super::{
    Documents, Inner, Refusal,
    account::{Asked, folder_name},
    part::{Part, free_bytes, write_down},
};
use bytes::Bytes;
use dossier::name::Digest;
use jiff::Timestamp;
use std::{
    mem,
    sync::{Arc, atomic::Ordering},
};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes of one chunk.
pub(super) const CHUNK_BYTES_MAX: usize = 256 * 1024;
/// Bytes that wait while others are written.
const GATHERED_BYTES_MAX: usize = 1024 * 1024;

/// What is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// SHA-256 of all the bytes.
    pub digest: Digest,
    /// How many bytes; at least 1.
    pub size_bytes: u64,
    /// Where the upload goes on; 0 begins anew.
    pub offset: u64,
}

/// A document that is complete, verified and durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Complete {
    /// Its digest.
    pub digest: Digest,
    /// Its size.
    pub size_bytes: u64,
    /// When it goes if nobody names it.
    pub expires_at: Timestamp,
}

/// An upload under way. Dropped before its end it is put aside, to go on where it stands.
pub struct Upload {
    inner: Arc<Inner>,
    size_bytes: u64,
    expected_offset: u64,
    gathered: Vec<Bytes>,
    gathered_bytes: usize,
    at: At,
}

/// Where the part is: here, or on the thread that writes.
enum At {
    Rest(Box<Part>),
    Writing(JoinHandle<(Box<Part>, Result<(), Refusal>)>),
    Gone,
}

impl Documents {
    /// Begins an upload or goes on with one.
    ///
    /// # Errors
    /// [`Refusal`]: nothing was changed.
    pub async fn upload(&self, system: &str, header: Header) -> Result<Upload, Refusal> {
        let size_max = self.inner.config.document_bytes_max;
        if header.size_bytes == 0 || header.size_bytes > size_max {
            let mend = format!("must be 1 to {size_max}");
            return Err(Refusal::Field {
                field: "header.size_bytes",
                mend,
            });
        }
        if header.offset > header.size_bytes {
            let mend = "must not be beyond size_bytes".into();
            return Err(Refusal::Field {
                field: "header.offset",
                mend,
            });
        }
        match self.take_up(system, header).await {
            Err(Refusal::Limit {
                limit: "unnamed_bytes_per_system_max",
                ..
            }) => {
                // Some of it may have been named since.
                self.note_named(system).await?;
                self.take_up(system, header).await
            }
            other => other,
        }
    }

    async fn take_up(&self, system: &str, header: Header) -> Result<Upload, Refusal> {
        let (inner, system) = (self.inner.clone(), system.to_owned());
        let opened = spawn_blocking(move || {
            let Header {
                digest,
                size_bytes,
                offset,
            } = header;
            let asked = Asked {
                digest,
                offset,
                size_bytes,
            };
            let (folder, free_bytes) = (folder_name(&system), free_bytes(&inner.uploads)?);
            let now = Timestamp::now();
            let begun = inner
                .accounts
                .begin(&inner.config, &folder, &asked, free_bytes, now)?;
            Part::open(inner.clone(), &system, digest, size_bytes, begun)
        });
        let part = opened.await.map_err(|_| broken_off())??;
        Ok(Upload {
            inner: self.inner.clone(),
            size_bytes: header.size_bytes,
            expected_offset: header.offset,
            gathered: Vec::new(),
            gathered_bytes: 0,
            at: At::Rest(Box::new(part)),
        })
    }

    /// Whether a system sent all the bytes of a document, and how far it is otherwise: bytes
    /// received, and whether that is all.
    ///
    /// # Errors
    /// [`Refusal::Disk`].
    pub fn stat(
        &self,
        system: &str,
        digest: &Digest,
        now: Timestamp,
    ) -> Result<(u64, bool), Refusal> {
        if let Some(size_bytes) = self.inner.register.owned(system, digest, now)? {
            return Ok((size_bytes, true));
        }
        Ok((
            self.inner
                .accounts
                .received_bytes(&folder_name(system), digest),
            false,
        ))
    }

    /// Gives a document that this system sent completely its whole time again: what a repeated
    /// upload of it comes to.
    ///
    /// # Errors
    /// [`Refusal::OutOfOrder`] when this system has not sent all of it.
    pub async fn renew(&self, system: &str, header: Header) -> Result<Complete, Refusal> {
        let (inner, system) = (self.inner.clone(), system.to_owned());
        let renewed = spawn_blocking(move || {
            let _shelf = inner.shelf(&header.digest);
            let size = inner
                .register
                .owned(&system, &header.digest, Timestamp::now())?;
            if size != Some(header.size_bytes) {
                return Err(Refusal::OutOfOrder { received_bytes: 0 });
            }
            write_down(&inner, &system, header.digest, header.size_bytes)
        });
        renewed.await.map_err(|_| broken_off())?
    }

    /// Looks which of a system's documents dossiers name by now: they no longer count against it.
    async fn note_named(&self, system: &str) -> Result<(), Refusal> {
        let (inner, owner) = (self.inner.clone(), system.to_owned());
        let looked = spawn_blocking(move || {
            let (mut named, mut unnamed_bytes) = (Vec::new(), 0);
            for (digest, size_bytes) in inner.register.unnamed(&owner, Timestamp::now())? {
                if inner.store.names(&digest)? {
                    named.push(digest);
                } else {
                    unnamed_bytes += size_bytes;
                }
            }
            Ok::<_, Refusal>((named, unnamed_bytes))
        });
        let (named, unnamed_bytes) = looked.await.map_err(|_| broken_off())??;
        self.inner
            .register
            .note_named(system.to_owned(), named)
            .await?;
        self.inner
            .accounts
            .set_unnamed_bytes(&folder_name(system), unnamed_bytes);
        Ok(())
    }
}

impl Upload {
    /// Takes the next chunk; returns when the one after it may come.
    ///
    /// # Errors
    /// [`Refusal`]; the upload is over then. What [`Refusal::TooLong`] refuses leaves nothing
    /// behind.
    pub async fn push(&mut self, offset: u64, data: Bytes) -> Result<(), Refusal> {
        if data.is_empty() || data.len() > CHUNK_BYTES_MAX {
            let mend = format!("must have 1 to {CHUNK_BYTES_MAX} bytes");
            return Err(Refusal::Field {
                field: "chunk.data",
                mend,
            });
        }
        if offset != self.expected_offset {
            return Err(Refusal::OutOfOrder {
                received_bytes: self.expected_offset,
            });
        }
        self.expected_offset += data.len() as u64;
        let received = &self.inner.received_bytes;
        received.fetch_add(data.len() as u64, Ordering::Relaxed);
        if self.expected_offset > self.size_bytes {
            return Err(self
                .discard(Refusal::TooLong {
                    size_bytes: self.size_bytes,
                })
                .await);
        }
        self.gathered_bytes += data.len();
        self.gathered.push(data);
        let writing = matches!(&self.at, At::Writing(job) if !job.is_finished());
        if writing && self.gathered_bytes < GATHERED_BYTES_MAX {
            return Ok(());
        }
        let part = self.rest().await?;
        self.write(part);
        Ok(())
    }

    /// Ends the call: the document, when all bytes came.
    ///
    /// # Errors
    /// [`Refusal::Cut`] when some are missing: the upload is put aside to go on. What
    /// [`Refusal::Digest`] refuses leaves nothing behind.
    pub async fn finish(mut self) -> Result<Complete, Refusal> {
        let mut part = self.rest().await?;
        let (chunks, size_bytes) = (mem::take(&mut self.gathered), self.size_bytes);
        let finished = spawn_blocking(move || {
            if !chunks.is_empty() {
                part.write(&chunks)?;
            }
            let received_bytes = part.received_bytes();
            if received_bytes < size_bytes {
                return Err(Refusal::Cut { received_bytes });
            }
            part.complete()
        });
        finished.await.map_err(|_| broken_off())?
    }

    /// The part, when what was being written is.
    async fn rest(&mut self) -> Result<Box<Part>, Refusal> {
        match mem::replace(&mut self.at, At::Gone) {
            At::Rest(part) => Ok(part),
            At::Writing(job) => {
                let (part, written) = job.await.map_err(|_| broken_off())?;
                written.map(|()| part)
            }
            At::Gone => Err(broken_off()),
        }
    }

    fn write(&mut self, mut part: Box<Part>) {
        let chunks = mem::take(&mut self.gathered);
        self.gathered_bytes = 0;
        self.at = At::Writing(spawn_blocking(move || {
            let written = part.write(&chunks);
            (part, written)
        }));
    }

    async fn discard(&mut self, refusal: Refusal) -> Refusal {
        if let Ok(mut part) = self.rest().await {
            let discarded = spawn_blocking(move || part.discard());
            if discarded.await.is_err() {
                return broken_off();
            }
        }
        refusal
    }
}

fn broken_off() -> Refusal {
    Refusal::Disk("the work was broken off".into())
}
