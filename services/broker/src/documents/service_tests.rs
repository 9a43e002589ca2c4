//! What the calls of `DocumentService` answer, to whom.

use super::*;
use crate::store::{MemoryStore, Store, conformance::named};
use bytes::Bytes;
use contract::v1::{
    Chunk, DownloadChunkRequest, DownloadRequest, DownloadResponse, StatRequest,
    UploadChunkRequest, UploadHeader, UploadRequest, UploadResponse,
    document_service_server::DocumentService, upload_request::Content,
};
use dossier::name::AgencyCode;
use futures_util::{StreamExt as _, stream};
use node::{
    fault::Fault,
    identity::{Identity, Peer},
};
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use tonic::{Code, Request, Status};

const CHUNK: usize = 256 * 1024;

/// The police acts for H26.2 and for nobody else, until it is denied.
#[derive(Default)]
struct OneAgency {
    is_denied: AtomicBool,
}

impl ActsFor for OneAgency {
    fn is_in_force(&self, _: &Peer, _: Timestamp) -> Result<(), Fault> {
        if self.is_denied.load(Ordering::Relaxed) {
            Err(Fault::new(
                Code::Unauthenticated,
                "DENIED",
                "denied",
                "bị từ chối",
            ))
        } else {
            Ok(())
        }
    }

    fn acts_for(&self, system: &Identity, agency: &str, _: Timestamp) -> Option<AgencyCode> {
        let acts = system.code == "police" && agency == "H26.2";
        acts.then(|| agency.parse().ok()).flatten()
    }
}

struct Counter {
    service: Service,
    acting: Arc<OneAgency>,
    _folder: TempDir,
}

impl Counter {
    fn new() -> Self {
        Self::with(DocumentsConfig::default())
    }

    fn with(config: DocumentsConfig) -> Self {
        let folder = TempDir::new().unwrap();
        let documents =
            Documents::open(folder.path(), config, MemoryStore::new().reader()).unwrap();
        let acting = Arc::new(OneAgency::default());
        Self {
            service: Service::new(documents, acting.clone()),
            acting,
            _folder: folder,
        }
    }

    async fn upload(
        &self,
        messages: Vec<Result<UploadRequest, Status>>,
    ) -> Result<UploadResponse, Status> {
        self.service
            .take(Some(police()), stream::iter(messages))
            .await
    }

    async fn upload_all(&self, bytes: &[u8]) {
        for from in (0..bytes.len()).step_by(CHUNK) {
            let to = bytes.len().min(from + CHUNK);
            self.upload_chunk(bytes, from, to).await.unwrap();
        }
    }

    async fn download(
        &self,
        bytes: &[u8],
    ) -> stream::BoxStream<'static, Result<DownloadResponse, Status>> {
        let wanted = DownloadRequest {
            digest: digest(bytes),
            offset: 0,
            agency_code: "H26.2".into(),
        };
        let given = self.service.download(request(wanted)).await;
        given.unwrap().into_inner()
    }

    async fn upload_chunk(
        &self,
        bytes: &[u8],
        from: usize,
        to: usize,
    ) -> Result<(u64, bool), Status> {
        let (header, chunk) = (Some(header(bytes, from)), Some(chunk(bytes, from, to)));
        let request = request(UploadChunkRequest { header, chunk });
        let answer = self.service.upload_chunk(request).await?.into_inner();
        Ok((answer.received_bytes, answer.complete))
    }

    async fn stat(&self, bytes: &[u8]) -> (u64, bool) {
        let (digest, agency_code) = (digest(bytes), "H26.2".into());
        let stat = self
            .service
            .stat(request(StatRequest {
                digest,
                agency_code,
            }))
            .await;
        let stat = stat.unwrap().into_inner();
        (stat.received_bytes, stat.complete)
    }
}

fn police() -> Arc<Peer> {
    Arc::new(Peer {
        identity: named("spiffe://hue.example/department/police"),
        serial: "1".into(),
        fingerprint: "2".into(),
        not_after: Timestamp::MAX,
    })
}

fn request<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(police());
    request
}

fn digest(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(Digest::of(bytes).as_bytes())
}

fn header(bytes: &[u8], from: usize) -> UploadHeader {
    UploadHeader {
        digest: digest(bytes),
        size_bytes: bytes.len() as u64,
        offset: from as u64,
        agency_code: "H26.2".into(),
    }
}

fn chunk(bytes: &[u8], from: usize, to: usize) -> Chunk {
    Chunk {
        offset: from as u64,
        data: Bytes::copy_from_slice(&bytes[from..to]),
    }
}

fn first(header: UploadHeader) -> Result<UploadRequest, Status> {
    Ok(UploadRequest {
        content: Some(Content::Header(header)),
    })
}

fn then(chunk: Chunk) -> Result<UploadRequest, Status> {
    Ok(UploadRequest {
        content: Some(Content::Chunk(chunk)),
    })
}

fn told(refused: Result<impl std::fmt::Debug, Status>) -> (Code, String) {
    let status = refused.unwrap_err();
    (status.code(), Fault::reason_of(&status).unwrap())
}

#[tokio::test]
async fn a_document_goes_in_and_out_over_the_streams() {
    let counter = Counter::new();
    let bytes = vec![5; CHUNK + 10];
    let messages = vec![
        first(header(&bytes, 0)),
        then(chunk(&bytes, 0, CHUNK)),
        then(chunk(&bytes, CHUNK, CHUNK + 10)),
    ];
    let done = counter.upload(messages).await.unwrap();
    assert_eq!(
        (done.digest, done.size_bytes),
        (digest(&bytes), bytes.len() as u64)
    );
    assert!(done.expires_at.is_some());

    let (digest, agency_code) = (digest(&bytes), "H26.2".into());
    let wanted = DownloadRequest {
        digest,
        offset: 5,
        agency_code,
    };
    let mut chunks = counter
        .service
        .download(request(wanted))
        .await
        .unwrap()
        .into_inner();
    let mut read = Vec::new();
    while let Some(response) = chunks.next().await {
        let response = response.unwrap();
        assert_eq!(response.size_bytes, bytes.len() as u64);
        read.extend_from_slice(&response.chunk.unwrap().data);
    }
    assert_eq!(read, bytes[5..]);
}

#[tokio::test]
async fn the_twins_carry_the_same_a_chunk_a_call() {
    let counter = Counter::new();
    let bytes = vec![6; 100];
    assert_eq!(
        counter.upload_chunk(&bytes, 0, 60).await.unwrap(),
        (60, false)
    );
    assert_eq!(counter.stat(&bytes).await, (60, false));
    let again = counter.upload_chunk(&bytes, 30, 60).await;
    assert_eq!(
        told(again),
        (Code::InvalidArgument, "CHUNK_OUT_OF_ORDER".into())
    );
    assert_eq!(
        counter.upload_chunk(&bytes, 60, 100).await.unwrap(),
        (100, true)
    );
    assert_eq!(counter.stat(&bytes).await, (100, true));
    let repeated = counter.upload_chunk(&bytes, 60, 100).await.unwrap();
    assert_eq!(repeated, (100, true), "the first answer may have been lost");

    let wanted = |offset, bytes_max| {
        let (digest, agency_code) = (digest(&bytes), "H26.2".into());
        counter
            .service
            .download_chunk(request(DownloadChunkRequest {
                digest,
                offset,
                bytes_max,
                agency_code,
            }))
    };
    let answer = wanted(90, 0).await.unwrap().into_inner();
    assert_eq!(
        (answer.chunk.unwrap().data.len(), answer.size_bytes),
        (10, 100)
    );
    let answer = wanted(0, 7).await.unwrap().into_inner();
    assert_eq!(answer.chunk.unwrap().data.len(), 7);
}

#[tokio::test]
async fn a_broken_connection_keeps_what_came() {
    let counter = Counter::new();
    let bytes = vec![7; 100];
    let messages = vec![
        first(header(&bytes, 0)),
        then(chunk(&bytes, 0, 60)),
        Err(Status::cancelled("the connection broke")),
    ];
    assert_eq!(
        counter.upload(messages).await.unwrap_err().code(),
        Code::Cancelled
    );
    // What was being written is counted when it is.
    while counter.stat(&bytes).await.0 < 60 {
        tokio::task::yield_now().await;
    }
    let done = loop {
        let rest = vec![first(header(&bytes, 60)), then(chunk(&bytes, 60, 100))];
        match counter.upload(rest).await {
            Err(busy) if busy.code() == Code::Aborted => tokio::task::yield_now().await,
            other => break other.unwrap(),
        }
    };
    assert_eq!(done.size_bytes, 100);

    let nothing_left = vec![first(header(&bytes, 100))];
    assert_eq!(counter.upload(nothing_left).await.unwrap().size_bytes, 100);
}

#[tokio::test]
async fn a_silent_upload_ends() {
    let counter = Counter::with(DocumentsConfig {
        chunk_silence_s_max: 0,
        ..Default::default()
    });
    let messages = stream::iter([first(header(b"abc", 0))]).chain(stream::pending());
    let refused = counter.service.take(Some(police()), messages).await;
    assert_eq!(
        told(refused),
        (Code::DeadlineExceeded, "UPLOAD_SILENT".into())
    );
}

#[tokio::test]
async fn messages_of_an_unknown_kind_or_order_are_refused() {
    let counter = Counter::new();
    let bytes = vec![8; 10];
    let nothing = || Ok(UploadRequest { content: None });
    for messages in [
        vec![],
        vec![nothing()],
        vec![then(chunk(&bytes, 0, 10))],
        vec![first(header(&bytes, 0)), nothing()],
        vec![first(header(&bytes, 0)), first(header(&bytes, 0))],
    ] {
        let refused = counter.upload(messages).await;
        assert_eq!(
            told(refused),
            (Code::InvalidArgument, "UNKNOWN_KIND".into())
        );
    }
    let request = request(UploadChunkRequest {
        header: None,
        chunk: None,
    });
    let refused = counter.service.upload_chunk(request).await;
    assert_eq!(
        told(refused),
        (Code::InvalidArgument, "UNKNOWN_KIND".into())
    );
}

#[tokio::test]
async fn each_wrong_field_is_named() {
    let counter = Counter::new();
    let bytes = vec![8; 10];
    let field = |header| {
        let counter = &counter;
        async move {
            let status = counter.upload(vec![first(header)]).await.unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument);
            Fault::fields_of(&status)[0].0.clone()
        }
    };
    let short = UploadHeader {
        digest: Bytes::from_static(b"short"),
        ..header(&bytes, 0)
    };
    assert_eq!(field(short).await, "header.digest");
    let empty = UploadHeader {
        size_bytes: 0,
        ..header(&bytes, 0)
    };
    assert_eq!(field(empty).await, "header.size_bytes");
    let beyond = UploadHeader {
        offset: 11,
        ..header(&bytes, 0)
    };
    assert_eq!(field(beyond).await, "header.offset");

    let wrong = vec![first(header(&bytes, 0)), then(chunk(&[9; 10], 0, 10))];
    assert_eq!(told(counter.upload(wrong).await).1, "DIGEST_MISMATCH");
    assert_eq!(counter.stat(&bytes).await, (0, false));
    let early = vec![first(header(&bytes, 0)), then(chunk(&bytes, 0, 5))];
    assert_eq!(told(counter.upload(early).await).1, "UPLOAD_CUT");
}

#[tokio::test]
async fn strangers_and_foreign_agencies_are_refused_alike_for_what_is_and_what_is_not() {
    let counter = Counter::new();
    let bytes = vec![9; 10];
    counter.upload_chunk(&bytes, 0, 10).await.unwrap();
    for known in [digest(&bytes), digest(b"nothing")] {
        for agency_code in ["H26.3", "", "rubbish"] {
            let agency_code = agency_code.to_owned();
            let wanted = DownloadRequest {
                digest: known.clone(),
                offset: 0,
                agency_code,
            };
            let Err(refused) = counter.service.download(request(wanted)).await else {
                panic!("given away");
            };
            assert_eq!(told(Err::<(), _>(refused)).1, "NOT_YOUR_AGENCY");
        }
    }
    let wanted = StatRequest {
        digest: digest(&bytes),
        agency_code: "H26.2".into(),
    };
    let refused = counter.service.stat(Request::new(wanted)).await;
    assert_eq!(told(refused), (Code::Unauthenticated, "NO_IDENTITY".into()));
}

#[tokio::test]
async fn a_system_that_is_denied_meanwhile_loses_its_open_download() {
    let counter = Counter::new();
    let bytes = vec![7; 8 * CHUNK];
    counter.upload_all(&bytes).await;
    let mut chunks = counter.download(&bytes).await;
    chunks.next().await.unwrap().unwrap();
    counter.acting.is_denied.store(true, Ordering::Relaxed);
    let mut last = None;
    while let Some(next) = chunks.next().await {
        last = Some(next);
    }
    assert_eq!(told(last.unwrap()).0, Code::Unauthenticated);
}

#[tokio::test]
async fn a_system_that_is_denied_meanwhile_loses_its_open_upload() {
    let counter = Counter::new();
    let bytes = vec![7; 2 * CHUNK];
    let denying = counter.acting.clone();
    let messages = stream::iter(0..3).map(|n| {
        let content = match n {
            0 => Content::Header(header(&bytes, 0)),
            1 => Content::Chunk(chunk(&bytes, 0, CHUNK)),
            _ => {
                denying.is_denied.store(true, Ordering::Relaxed);
                Content::Chunk(chunk(&bytes, CHUNK, 2 * CHUNK))
            }
        };
        Ok(UploadRequest {
            content: Some(content),
        })
    });
    let taken = counter.service.take(Some(police()), messages).await;
    assert_eq!(told(taken).0, Code::Unauthenticated);
    // The first chunk may or may not have come before the denial; nothing came after it.
    let (held, is_complete) = counter.stat(&bytes).await;
    assert!(held <= CHUNK as u64 && !is_complete, "{held} bytes");
}

#[tokio::test]
async fn a_download_that_nobody_reads_gives_its_place_back() {
    let counter = Counter::with(DocumentsConfig {
        downloads_per_system_max: 1,
        chunk_silence_s_max: 0,
        ..DocumentsConfig::default()
    });
    let bytes = vec![7; 8 * CHUNK];
    counter.upload_all(&bytes).await;
    let wanted = || DownloadRequest {
        digest: digest(&bytes),
        offset: 0,
        agency_code: "H26.2".into(),
    };
    let mut unread = counter.download(&bytes).await;
    while counter.service.download(request(wanted())).await.is_err() {
        tokio::task::yield_now().await;
    }
    // Whoever did not read learns that this was not the end.
    let mut last = None;
    while let Some(next) = unread.next().await {
        last = Some(next);
    }
    assert!(last.unwrap().is_err());
}
