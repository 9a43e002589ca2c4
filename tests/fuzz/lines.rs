//! The doors for what comes over lines that stay open: envelopes, chunks of documents, tokens that are
//! brought back, and what the broker tells.

use super::halves;
use broker::{
    documents::{ActsFor, Documents, DocumentsConfig, Service},
    store::{Cursor, MemoryStore, StepCursor, Store as _},
};
use bytes::Bytes;
use contract::v1::{
    self, Envelope, document_service_server::DocumentService as _, envelope::Content,
};
use desk::worklist::Worklist;
use dossier::name::{AgencyCode, Digest};
use futures_util::stream;
use jiff::Timestamp;
use node::{
    fault::Fault,
    identity::{Identity, Peer},
    stream::{Outgoing, StreamLimits, accept, open},
};
use prost::Message as _;
use std::sync::{Arc, OnceLock};
use tokio::runtime::Runtime;
use tonic::{Request, Status};

/// Messages that one try sends.
const MESSAGES_MAX: usize = 64;

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build();
        runtime.expect("a runtime")
    })
}

/// Runs it, and then what it ended: tasks that were aborted are dropped in their turn, not before.
fn run(future: impl Future<Output = ()>) {
    runtime().block_on(async {
        future.await;
        tokio::task::yield_now().await;
    });
}

/// Messages, each after its length in two bytes.
fn cut(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut cut = Vec::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>()
        && cut.len() < MESSAGES_MAX
    {
        let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
        let (message, rest) = rest.split_at(length);
        cut.push(message);
        bytes = rest;
    }
    cut
}

/// What one side of a stream sends to the other: as its caller or as the called one, giving items or
/// taking them, by the first byte. Each item is answered at once.
pub fn envelopes(bytes: &[u8]) {
    let Some((&side, bytes)) = bytes.split_first() else {
        return;
    };
    let limits = StreamLimits {
        window_items_max: 4,
        window_bytes_max: 4096,
        ..StreamLimits::default()
    };
    let heard = cut(bytes).into_iter().map(|message| {
        Envelope::decode(message).map_err(|error| Status::internal(error.to_string()))
    });
    let inbound = stream::iter(heard.collect::<Vec<_>>());
    run(async {
        let (session, _out): (_, Outgoing) = if side & 1 == 0 {
            let Ok(asked) = accept(inbound, limits).await else {
                return;
            };
            asked.answer(v1::Hello::default())
        } else {
            let (opening, out) = open(v1::Hello::default(), limits);
            let Ok(session) = opening.meet(inbound).await else {
                return;
            };
            (session, out)
        };
        let nobody = Arc::new(|| Ok(()));
        if side & 2 == 0 {
            let mut receiving = session.receiving(nobody);
            while let Ok(Some(received)) = receiving.next().await {
                received.ticket.unknown("a try");
            }
            assert_eq!(receiving.unanswered(), 0);
            return;
        }
        let (offers, mut settlements) = session.sending(nobody);
        for item_id in ["1", "2", "3"] {
            let item = v1::Item {
                item_id: item_id.into(),
                kind: None,
                ..Default::default()
            };
            let _ = offers.try_offer(item);
        }
        let mut settled = 0;
        while settlements.next().await.is_ok() {
            settled += 1;
        }
        assert!(settled <= 3, "what was not offered is not settled");
    });
}

struct Everybody;

impl ActsFor for Everybody {
    fn is_in_force(&self, _: &Peer, _: Timestamp) -> Result<(), Fault> {
        Ok(())
    }

    fn acts_for(&self, _: &Identity, agency: &str, _: Timestamp) -> Option<AgencyCode> {
        agency.parse().ok()
    }
}

struct Counter {
    service: Service,
    peer: Arc<Peer>,
    _folder: tempfile::TempDir,
}

impl Counter {
    fn asks<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.extensions_mut().insert(self.peer.clone());
        request
    }
}

fn counter() -> &'static Counter {
    static COUNTER: OnceLock<Counter> = OnceLock::new();
    COUNTER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let reader = MemoryStore::new().reader();
        let config = DocumentsConfig {
            disk_reserve_bytes: 0,
            document_bytes_max: 1 << 16,
            unnamed_bytes_per_system_max: 64 << 20,
            ..DocumentsConfig::default()
        };
        let _inside = runtime().enter();
        let documents = Documents::open(folder.path(), config, reader);
        let documents = documents.expect("an empty folder can be opened");
        Counter {
            service: Service::new(documents, Arc::new(Everybody)),
            peer: Arc::new(Peer {
                identity: "spiffe://fuzz.example/desk/one".parse().expect("a name"),
                serial: "1".into(),
                fingerprint: "2".into(),
                not_after: Timestamp::MAX,
            }),
            _folder: folder,
        }
    })
}

/// Chunks of documents, wherever they say that they belong; half of them under the digest that is theirs.
/// What is complete can be read back and is what was sent.
pub fn document(bytes: &[u8]) {
    let counter = counter();
    for message in cut(bytes).into_iter().take(8) {
        let Ok(mut upload) = v1::UploadChunkRequest::decode(message) else {
            continue;
        };
        let (Some(header), Some(chunk)) = (&mut upload.header, &upload.chunk) else {
            continue;
        };
        if header.digest.is_empty() {
            header.digest = Bytes::copy_from_slice(Digest::of(&chunk.data).as_bytes());
            header.size_bytes = chunk.data.len() as u64;
        }
        let (digest, agency_code) = (header.digest.clone(), header.agency_code.clone());
        run(async {
            let Ok(told) = counter.service.upload_chunk(counter.asks(upload)).await else {
                return;
            };
            if !told.into_inner().complete {
                return;
            }
            let wanted = v1::DownloadChunkRequest {
                digest: digest.clone(),
                agency_code,
                ..v1::DownloadChunkRequest::default()
            };
            let given = counter.service.download_chunk(counter.asks(wanted)).await;
            let given = given
                .expect("what is complete can be read back")
                .into_inner();
            let data = given.chunk.unwrap_or_default().data;
            assert_eq!(Digest::of(&data).as_bytes(), digest);
        });
    }
}

/// Tokens that we gave and somebody brings back.
pub fn token(bytes: &[u8]) {
    if let Some(cursor) = Cursor::from_bytes(bytes)
        && !bytes.is_empty()
    {
        assert_eq!(cursor.to_bytes(), bytes);
    }
    if let Some(cursor) = StepCursor::from_bytes(bytes) {
        assert_eq!(&cursor.to_bytes()[..], bytes);
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(bytes) = hex::decode(text)
    {
        let _ = Cursor::from_bytes(&bytes);
    }
}

/// What the broker tells a desk, notice after notice, and what a status of it says.
pub fn notice(bytes: &[u8]) {
    let (bytes, status) = halves(bytes, 0xff);
    let mut list = Worklist::new("H26.2");
    for message in cut(bytes) {
        let Ok(notice) = v1::Notice::decode(message) else {
            continue;
        };
        list.hear(&notice);
        let entries = list.entries().len();
        list.hear(&notice);
        assert_eq!(
            list.entries().len(),
            entries,
            "heard again it is nothing new"
        );
    }
    let details = Bytes::copy_from_slice(status);
    let status = Status::with_details(tonic::Code::ResourceExhausted, "", details);
    let _ = (Fault::reason_of(&status), Fault::retry_after_of(&status));
    if let Ok(verdict) = v1::Verdict::decode(status.details())
        && let Some(v1::verdict::Outcome::Later(later)) = &verdict.outcome
    {
        let _ = (Fault::reason_of(later), Fault::retry_after_of(later));
    }
    if let Ok(Envelope {
        content: Some(Content::Hello(hello)),
    }) = Envelope::decode(status.details())
    {
        let _ = hello.store_id;
    }
}
