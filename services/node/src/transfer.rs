//! Documents between this process and the broker: resumed where the line broke, checked while they
//! stream, in constant memory.

use crate::{
    documents::{self, Digest},
    fault::Fault,
};
use bytes::Bytes;
use contract::v1::{
    Chunk, DownloadRequest, StatRequest, UploadHeader, UploadRequest,
    document_service_client::DocumentServiceClient, upload_request::Content,
};
use futures_util::{Stream, stream};
use sha2::{Digest as _, Sha256};
use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    fs::{self, File},
    io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _},
};
use tonic::{Code, Status, transport::Channel};

/// Bytes of one chunk.
pub const CHUNK_BYTES: usize = 256 * 1024;
/// Bytes of one message of the broker.
const MESSAGE_BYTES_MAX: usize = 1024 * 1024;
/// Attempts in a row that brought nothing further, after which the caller hears of it.
pub const ATTEMPTS_MAX: u32 = 4;
/// The pause after the first attempt that brought nothing further; it doubles.
const PAUSE_FIRST: Duration = Duration::from_millis(50);

/// A document could not be moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Try again later; what was moved is kept and goes on from there.
    #[error("the broker does not answer: {message}; try again later, it goes on where it broke", message = .0.message())]
    Away(Status),
    /// Mend what the broker names.
    #[error("the broker refused the document: {message}", message = .0.message())]
    Refused(Status),
    /// Ask the giver: these are not the bytes that were named.
    #[error("the document {digest} has other bytes than its name says; ask whoever gave it")]
    Digest {
        /// What was asked for, in hexadecimal.
        digest: String,
    },
    /// Ask the giver: the size is not what was said.
    #[error(
        "the document {digest} has {found} bytes where {wanted} were announced; ask whoever gave it"
    )]
    Size {
        /// What was asked for, in hexadecimal.
        digest: String,
        /// Bytes that the broker has.
        found: u64,
        /// Bytes that were announced.
        wanted: u64,
    },
    /// Make the file readable, or make room.
    #[error("cannot use {path}: {source}; make it readable or make room", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl TransferError {
    /// After how long the broker says to try again, if it says.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Away(status) | Self::Refused(status) => Fault::retry_after_of(status),
            _ => None,
        }
    }

    fn of(status: Status) -> Self {
        match status.code() {
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Cancelled
            | Code::Internal
            | Code::Unknown => Self::Away(status),
            _ => Self::Refused(status),
        }
    }
}

/// The bytes to upload.
#[derive(Debug, Clone)]
pub enum Source {
    /// In memory.
    Bytes(Bytes),
    /// In a file, which must not change meanwhile.
    File(PathBuf),
}

fn client(channel: Channel) -> DocumentServiceClient<Channel> {
    DocumentServiceClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// Sends a document of `size_bytes` to the broker, on behalf of an agency, and returns when it is
/// complete there, verified and durable. What the broker has already is not sent again.
///
/// # Errors
/// [`TransferError`]; after [`TransferError::Away`] the next call goes on where this one broke.
pub async fn upload(
    channel: Channel,
    agency_code: &str,
    source: &Source,
    digest: Digest,
    size_bytes: u64,
) -> Result<(), TransferError> {
    let mut client = client(channel);
    let mut patience = Patience::new();
    loop {
        let stat = StatRequest {
            digest: Bytes::copy_from_slice(&digest),
            agency_code: agency_code.to_owned(),
        };
        let broken = match client.stat(stat).await.map(tonic::Response::into_inner) {
            Ok(stat) if stat.complete => return Ok(()),
            Ok(stat) => {
                patience.reached(stat.received_bytes);
                let header = UploadHeader {
                    digest: Bytes::copy_from_slice(&digest),
                    size_bytes,
                    offset: stat.received_bytes,
                    agency_code: agency_code.to_owned(),
                };
                let fault = Arc::new(Mutex::new(None));
                let messages = upload_messages(source, header, fault.clone()).await?;
                let sent = client.upload(messages).await;
                if let Some(error) = fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
                    return Err(error);
                }
                match sent {
                    Ok(_) => return Ok(()),
                    Err(status) => status,
                }
            }
            Err(status) => status,
        };
        patience.wait(broken).await?;
    }
}

/// A file that cannot be read in the middle ends the stream and is told through `fault`.
async fn upload_messages(
    source: &Source,
    header: UploadHeader,
    fault: Arc<Mutex<Option<TransferError>>>,
) -> Result<impl Stream<Item = UploadRequest> + Send + 'static, TransferError> {
    let offset = header.offset;
    let reader = match source {
        Source::Bytes(bytes) => {
            let from = usize::try_from(offset)
                .unwrap_or(usize::MAX)
                .min(bytes.len());
            Reader::Bytes(bytes.slice(from..))
        }
        Source::File(path) => {
            let error = |source| TransferError::File {
                path: path.clone(),
                source,
            };
            let mut file = File::open(path).await.map_err(error)?;
            file.seek(io::SeekFrom::Start(offset))
                .await
                .map_err(error)?;
            Reader::File(file, path.clone())
        }
    };
    let first = UploadRequest {
        content: Some(Content::Header(header)),
    };
    let chunks = stream::unfold((reader, offset), move |(mut reader, offset)| {
        let fault = fault.clone();
        async move {
            match reader.next().await {
                Ok(data) if data.is_empty() => None,
                Ok(data) => {
                    let end = offset + data.len() as u64;
                    let content = Some(Content::Chunk(Chunk { offset, data }));
                    Some((UploadRequest { content }, (reader, end)))
                }
                Err(error) => {
                    *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    None
                }
            }
        }
    });
    Ok(stream::StreamExt::chain(stream::iter([first]), chunks))
}

enum Reader {
    Bytes(Bytes),
    File(File, PathBuf),
}

impl Reader {
    /// The next chunk; empty at the end.
    async fn next(&mut self) -> Result<Bytes, TransferError> {
        match self {
            Self::Bytes(rest) => Ok(rest.split_to(rest.len().min(CHUNK_BYTES))),
            Self::File(file, path) => {
                let mut chunk = vec![0; CHUNK_BYTES];
                let mut filled = 0;
                while filled < CHUNK_BYTES {
                    match file.read(&mut chunk[filled..]).await {
                        Ok(0) => break,
                        Ok(read) => filled += read,
                        Err(source) => {
                            return Err(TransferError::File {
                                path: path.clone(),
                                source,
                            });
                        }
                    }
                }
                chunk.truncate(filled);
                Ok(chunk.into())
            }
        }
    }
}

/// Fetches a document of `size_bytes` from the broker, on behalf of an agency, into `path`, and
/// returns when it lies there whole, verified and durable. What an earlier call had fetched lies
/// beside it (`….part`) and is not fetched again. One call a path at a time.
///
/// # Errors
/// [`TransferError`]; after [`TransferError::Away`] the next call goes on where this one broke.
pub async fn download(
    channel: Channel,
    agency_code: &str,
    digest: Digest,
    size_bytes: u64,
    path: &Path,
) -> Result<(), TransferError> {
    let mut client = client(channel);
    let part = part_of(path);
    let file_error = |source| TransferError::File {
        path: part.clone(),
        source,
    };
    let (mut file, mut hash, mut offset) = resume(&part, size_bytes).await.map_err(file_error)?;
    let mut patience = Patience::new();
    while offset < size_bytes {
        patience.reached(offset);
        let request = DownloadRequest {
            digest: Bytes::copy_from_slice(&digest),
            offset,
            agency_code: agency_code.to_owned(),
        };
        let mut chunks = match client.download(request).await {
            Ok(response) => response.into_inner(),
            Err(status) => {
                patience.wait(status).await?;
                continue;
            }
        };
        let broken = loop {
            let message = match chunks.message().await {
                Ok(Some(message)) => message,
                Ok(None) if offset == size_bytes => break None,
                Ok(None) => break Some(Status::unavailable("the download ended early")),
                Err(status) => break Some(status),
            };
            if message.size_bytes != size_bytes {
                let found = message.size_bytes;
                let digest = hex::encode(digest);
                return Err(TransferError::Size {
                    digest,
                    found,
                    wanted: size_bytes,
                });
            }
            let chunk = message.chunk.unwrap_or_default();
            let end = offset.saturating_add(chunk.data.len() as u64);
            if chunk.offset != offset || chunk.data.is_empty() || end > size_bytes {
                break Some(Status::unavailable("a chunk came out of order"));
            }
            hash.update(&chunk.data);
            file.write_all(&chunk.data).await.map_err(file_error)?;
            offset = end;
        };
        if let Some(status) = broken {
            patience.reached(offset);
            patience.wait(status).await?;
        }
    }
    if <Digest>::from(hash.finalize()) != digest {
        drop(file);
        fs::remove_file(&part).await.map_err(file_error)?;
        return Err(TransferError::Digest {
            digest: hex::encode(digest),
        });
    }
    documents::finish(file, &part, path)
        .await
        .map_err(file_error)
}

fn part_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(".part");
    path.with_file_name(name)
}

/// What is there of a download, hashed, and where it goes on.
async fn resume(part: &Path, size_bytes: u64) -> io::Result<(File, Sha256, u64)> {
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(part)
        .await?;
    if file.metadata().await?.len() > size_bytes {
        file.set_len(0).await?;
    }
    let (mut hash, mut offset) = (Sha256::new(), 0);
    let mut buffer = vec![0; CHUNK_BYTES];
    loop {
        let read = file.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        offset += read as u64;
    }
    file.seek(io::SeekFrom::Start(offset)).await?;
    Ok((file, hash, offset))
}

/// Counts attempts that brought nothing further.
struct Patience {
    reached_bytes: u64,
    attempts: u32,
}

impl Patience {
    fn new() -> Self {
        Self {
            reached_bytes: 0,
            attempts: 0,
        }
    }

    fn reached(&mut self, bytes: u64) {
        if bytes > self.reached_bytes {
            *self = Self {
                reached_bytes: bytes,
                attempts: 0,
            };
        }
    }

    async fn wait(&mut self, broken: Status) -> Result<(), TransferError> {
        self.attempts += 1;
        match TransferError::of(broken) {
            TransferError::Away(status)
                if self.attempts < ATTEMPTS_MAX && Fault::retry_after_of(&status).is_none() =>
            {
                tokio::time::sleep(PAUSE_FIRST * 2_u32.pow(self.attempts - 1)).await;
                Ok(())
            }
            error => Err(error),
        }
    }
}
