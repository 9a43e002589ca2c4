//! `DocumentService`: the wire's messages in, refusals and chunks out.

use super::{Complete, Documents, Download, Header, Refusal, upload::CHUNK_BYTES_MAX};
use bytes::Bytes;
use contract::v1::{
    Chunk, DownloadChunkRequest, DownloadChunkResponse, DownloadRequest, DownloadResponse,
    StatRequest, StatResponse, UploadChunkRequest, UploadChunkResponse, UploadHeader,
    UploadRequest, UploadResponse,
    document_service_server::{DocumentService, DocumentServiceServer},
    upload_request::Content,
};
use dossier::name::{AgencyCode, Digest};
use futures_util::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use jiff::Timestamp;
use node::{
    fault::Fault,
    identity::{Identity, Peer},
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

/// Bytes of one message: a chunk and what names it.
const MESSAGE_BYTES_MAX: usize = CHUNK_BYTES_MAX + 4 * 1024;

/// Chunks that wait for a reader that is slower than the disk.
const CHUNKS_WAITING_MAX: usize = 1;

/// Says for which agencies a system acts: the directory, with its dates.
pub trait ActsFor: Send + Sync + 'static {
    /// Whether the peer of an open stream may still speak at all: its certificate is in force and
    /// not denied.
    ///
    /// # Errors
    /// What the peer is told.
    fn is_in_force(&self, peer: &Peer, now: Timestamp) -> Result<(), Fault>;

    /// The agency, by its own code, if `system` acts for it at this instant; `agency` may be any of its
    /// codes.
    fn acts_for(&self, system: &Identity, agency: &str, now: Timestamp) -> Option<AgencyCode>;
}

/// The service over the documents.
pub struct Service {
    documents: Documents,
    acts_for: Arc<dyn ActsFor>,
}

impl Service {
    /// The service, with what says for which agencies a system acts.
    pub fn new(documents: Documents, acts_for: Arc<dyn ActsFor>) -> Self {
        Self {
            documents,
            acts_for,
        }
    }

    /// The service as tonic serves it, with the size of its messages limited.
    pub fn into_server(self) -> DocumentServiceServer<Self> {
        DocumentServiceServer::new(self)
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The caller's name, if it acts for the agency that it names.
    fn caller(&self, peer: Option<&Peer>, agency: &str) -> Result<(String, AgencyCode), Refusal> {
        let system = &peer.ok_or(Refusal::NoIdentity)?.identity;
        let acting = self.acts_for.acts_for(system, agency, Timestamp::now());
        Ok((system.uri(), acting.ok_or(Refusal::Agency)?))
    }

    /// Asked at every chunk of a stream: whether the peer may still speak for this agency.
    fn still(acts_for: &dyn ActsFor, peer: &Peer, agency: &str) -> Result<(), Status> {
        let now = Timestamp::now();
        acts_for
            .is_in_force(peer, now)
            .map_err(Fault::into_status)?;
        if acts_for.acts_for(&peer.identity, agency, now).is_some() {
            Ok(())
        } else {
            Err(refused(Refusal::Agency))
        }
    }

    pub(super) async fn take(
        &self,
        peer: Option<Arc<Peer>>,
        messages: impl Stream<Item = Result<UploadRequest, Status>> + Send,
    ) -> Result<UploadResponse, Status> {
        let mut messages = pin!(messages);
        let header = match self.next(&mut messages).await? {
            Some(Content::Header(header)) => header,
            _ => return Err(refused(Refusal::Kind)),
        };
        let agency = header.agency_code.clone();
        let caller = self.caller(peer.as_deref(), &agency);
        let (system, _) = caller.map_err(refused)?;
        let still = || match &peer {
            Some(peer) => Self::still(self.acts_for.as_ref(), peer, &agency),
            None => Err(refused(Refusal::NoIdentity)),
        };
        let header = read_header(&header).map_err(refused)?;
        let done = match self.is_complete(&system, &header).map_err(refused)? {
            // The answer to an earlier call was lost.
            true => self.documents.renew(&system, header).await,
            false => self.take_all(&system, header, messages, still).await?,
        };
        let done = done.map_err(refused)?;
        Ok(UploadResponse {
            digest: Bytes::copy_from_slice(done.digest.as_bytes()),
            size_bytes: done.size_bytes,
            expires_at: Some(prost_types::Timestamp {
                seconds: done.expires_at.as_second(),
                nanos: done.expires_at.subsec_nanosecond(),
            }),
        })
    }

    /// Whether nothing is left to send of an upload that goes on.
    fn is_complete(&self, system: &str, header: &Header) -> Result<bool, Refusal> {
        let stat = self
            .documents
            .stat(system, &header.digest, Timestamp::now())?;
        Ok(stat == (header.offset, true) && header.offset == header.size_bytes)
    }

    async fn take_all(
        &self,
        system: &str,
        header: Header,
        mut messages: impl Stream<Item = Result<UploadRequest, Status>> + Unpin,
        still: impl Fn() -> Result<(), Status>,
    ) -> Result<Result<Complete, Refusal>, Status> {
        let mut upload = self
            .documents
            .upload(system, header)
            .await
            .map_err(refused)?;
        while let Some(content) = self.next(&mut messages).await? {
            let Content::Chunk(chunk) = content else {
                return Err(refused(Refusal::Kind));
            };
            still()?;
            upload
                .push(chunk.offset, chunk.data)
                .await
                .map_err(refused)?;
        }
        Ok(upload.finish().await)
    }

    /// The next message; an end of the stream is none, an end of the connection an error.
    async fn next(
        &self,
        messages: &mut (impl Stream<Item = Result<UploadRequest, Status>> + Unpin),
    ) -> Result<Option<Content>, Status> {
        let silence_max = self.documents.inner.config.chunk_silence_max();
        match timeout(silence_max, messages.next()).await {
            Err(_) => Err(refused(Refusal::Silent(silence_max))),
            Ok(None) => Ok(None),
            Ok(Some(message)) => match message?.content {
                None => Err(refused(Refusal::Kind)),
                content => Ok(content),
            },
        }
    }

    pub(super) async fn take_chunk(
        &self,
        peer: Option<Arc<Peer>>,
        request: UploadChunkRequest,
    ) -> Result<UploadChunkResponse, Refusal> {
        let (Some(header), Some(chunk)) = (request.header, request.chunk) else {
            return Err(Refusal::Kind);
        };
        let (system, _) = self.caller(peer.as_deref(), &header.agency_code)?;
        let header = read_header(&header)?;
        if chunk.offset != header.offset {
            let mend = "must be header.offset".into();
            return Err(Refusal::Field {
                field: "chunk.offset",
                mend,
            });
        }
        let stat = self
            .documents
            .stat(&system, &header.digest, Timestamp::now())?;
        if let (received_bytes, true) = stat {
            // The answer to the last chunk was lost.
            return Ok(UploadChunkResponse {
                received_bytes,
                complete: true,
            });
        }
        let mut upload = self.documents.upload(&system, header).await?;
        upload.push(chunk.offset, chunk.data).await?;
        match upload.finish().await {
            Ok(done) => Ok(UploadChunkResponse {
                received_bytes: done.size_bytes,
                complete: true,
            }),
            Err(Refusal::Cut { received_bytes }) => Ok(UploadChunkResponse {
                received_bytes,
                complete: false,
            }),
            Err(refusal) => Err(refusal),
        }
    }

    async fn give(
        &self,
        peer: Option<Arc<Peer>>,
        agency: &str,
        digest: &[u8],
        offset: u64,
        bytes_max: u64,
    ) -> Result<Download, Refusal> {
        let (system, agency) = self.caller(peer.as_deref(), agency)?;
        let digest = read_digest(digest, "digest")?;
        let now = Timestamp::now();
        self.documents
            .download(&system, &agency, digest, offset, bytes_max, now)
            .await
    }
}

#[tonic::async_trait]
impl DocumentService for Service {
    async fn upload(
        &self,
        request: Request<Streaming<UploadRequest>>,
    ) -> Result<Response<UploadResponse>, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        self.take(peer, request.into_inner())
            .await
            .map(Response::new)
    }

    async fn upload_chunk(
        &self,
        request: Request<UploadChunkRequest>,
    ) -> Result<Response<UploadChunkResponse>, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let taken = self.take_chunk(peer, request.into_inner()).await;
        taken.map(Response::new).map_err(refused)
    }

    type DownloadStream = BoxStream<'static, Result<DownloadResponse, Status>>;

    async fn download(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let DownloadRequest {
            digest,
            offset,
            agency_code,
        } = request.into_inner();
        let given = self
            .give(peer.clone(), &agency_code, &digest, offset, u64::MAX)
            .await;
        let download = given.map_err(refused)?;
        let peer = peer.ok_or_else(|| refused(Refusal::NoIdentity))?;
        let acts_for = self.acts_for.clone();
        let still = move || Self::still(acts_for.as_ref(), &peer, &agency_code);
        let silence_max = self.documents.inner.config.chunk_silence_max();
        let (chunks, given) = mpsc::channel(CHUNKS_WAITING_MAX);
        let pumped = tokio::spawn(pump(download, chunks, silence_max, still));
        // An end that is none must not look like one.
        let end = stream::once(pumped).filter_map(async |ended| match ended {
            Ok(Ok(())) => None,
            Ok(Err(status)) => Some(Err(status)),
            Err(_) => Some(Err(refused(Refusal::Disk(
                "the work was broken off".into(),
            )))),
        });
        Ok(Response::new(ReceiverStream::new(given).chain(end).boxed()))
    }

    async fn download_chunk(
        &self,
        request: Request<DownloadChunkRequest>,
    ) -> Result<Response<DownloadChunkResponse>, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let DownloadChunkRequest {
            digest,
            offset,
            bytes_max,
            agency_code,
        } = request.into_inner();
        let chunk_max = CHUNK_BYTES_MAX as u64;
        let bytes_max = if bytes_max == 0 {
            chunk_max
        } else {
            chunk_max.min(bytes_max.into())
        };
        let given = self
            .give(peer, &agency_code, &digest, offset, bytes_max)
            .await;
        let mut download = given.map_err(refused)?;
        let next = download.next().await.map_err(refused)?;
        let (offset, data) = next.unwrap_or((offset, Bytes::new()));
        let size_bytes = download.size_bytes();
        Ok(Response::new(DownloadChunkResponse {
            chunk: Some(Chunk { offset, data }),
            size_bytes,
        }))
    }

    async fn stat(&self, request: Request<StatRequest>) -> Result<Response<StatResponse>, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        let StatRequest {
            digest,
            agency_code,
        } = request.into_inner();
        let stat = || {
            let (system, _) = self.caller(peer.as_deref(), &agency_code)?;
            let digest = read_digest(&digest, "digest")?;
            self.documents.stat(&system, &digest, Timestamp::now())
        };
        let (received_bytes, complete) = stat().map_err(refused)?;
        Ok(Response::new(StatResponse {
            received_bytes,
            complete,
        }))
    }
}

/// Gives a document chunk by chunk, for as long as somebody reads and may. The download's place is
/// free again when this ends, whether or not the connection does.
async fn pump(
    mut download: Download,
    chunks: mpsc::Sender<Result<DownloadResponse, Status>>,
    silence_max: Duration,
    still: impl Fn() -> Result<(), Status>,
) -> Result<(), Status> {
    let size_bytes = download.size_bytes();
    loop {
        let place = match timeout(silence_max, chunks.reserve()).await {
            Ok(Ok(place)) => place,
            // Nobody is there any more.
            Ok(Err(_)) => return Ok(()),
            Err(_) => return Err(refused(Refusal::Silent(silence_max))),
        };
        still()?;
        let Some((offset, data)) = download.next().await.map_err(refused)? else {
            return Ok(());
        };
        place.send(Ok(DownloadResponse {
            chunk: Some(Chunk { offset, data }),
            size_bytes,
        }));
    }
}

fn read_header(header: &UploadHeader) -> Result<Header, Refusal> {
    Ok(Header {
        digest: read_digest(&header.digest, "header.digest")?,
        size_bytes: header.size_bytes,
        offset: header.offset,
    })
}

fn read_digest(bytes: &[u8], field: &'static str) -> Result<Digest, Refusal> {
    let mend = "must be the 32 bytes of a SHA-256";
    Digest::from_slice(bytes).ok_or_else(|| Refusal::Field {
        field,
        mend: mend.into(),
    })
}

fn refused(refusal: Refusal) -> Status {
    Fault::from(refusal).into_status()
}
