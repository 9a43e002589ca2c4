//! A broker for the department's tests: it takes reports and documents, forgets them when told to,
//! and hands over.

use bytes::Bytes;
use contract::v1::{
    self, AcknowledgeRequest, AcknowledgeResponse, Chunk, CollectRequest, CollectResponse,
    DownloadChunkRequest, DownloadChunkResponse, DownloadRequest, DownloadResponse, FetchRequest,
    FetchResponse, HandOverOneRequest, HoldingState, HoldingVerdict, ReconcileRequest,
    ReconcileResponse, ReportOneRequest, ReportOneResponse, ReportRequest, ReportResponse,
    StatRequest, StatResponse, UploadChunkRequest, UploadChunkResponse, UploadRequest,
    UploadResponse,
    department_service_client::DepartmentServiceClient,
    document_service_server::{DocumentService, DocumentServiceServer},
    exchange_service_server::{ExchangeService, ExchangeServiceServer},
    upload_request::Content,
};
use department::{Broker as BrokerConfig, Config, Handler, Limits, RunError, Times};
use futures_util::{Stream, StreamExt as _};
use node::{
    documents::digest_of,
    fault::Fault,
    identity::{Identity, Role},
    pki::{Authority, Validity},
    shutdown::Shutdown,
    stream::{self, StreamLimits},
    tls::{ChannelOptions, CredentialPaths, Credentials, Listener, ListenerLimits, channel},
};
use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tonic::{
    Code, Request, Response, Status, Streaming,
    transport::{Channel, Server},
};

pub(crate) const AGENCY: &str = "H57.12.01";
const DOMAIN: &str = "hue.example";

/// What the broker has, and how it misbehaves.
#[derive(Default)]
pub(crate) struct Has {
    pub(crate) store_id: String,
    pub(crate) epoch: String,
    pub(crate) documents: HashMap<[u8; 32], Bytes>,
    /// Every report that came, repetitions too, in order.
    pub(crate) reports: Vec<v1::Item>,
    pub(crate) recorded: HashMap<String, u64>,
    /// Every page of holdings that came.
    pub(crate) pages: Vec<ReconcileRequest>,
    /// Dossiers that it does not know.
    pub(crate) unknown: HashSet<String>,
    /// Downloads that were asked for, with their offsets.
    pub(crate) downloads: Vec<u64>,
    /// A download breaks after so many bytes, once.
    pub(crate) break_after: Option<usize>,
    /// What came of uploads that broke.
    pub(crate) partial: HashMap<[u8; 32], Vec<u8>>,
    /// An upload breaks after so many bytes, once.
    pub(crate) break_upload_after: Option<usize>,
    /// From where uploads began.
    pub(crate) uploads: Vec<u64>,
    /// Items that it refuses, by reason word.
    pub(crate) refuse: Option<&'static str>,
    /// Answers `later` to the next report.
    pub(crate) later_once: bool,
}

#[derive(Clone)]
pub(crate) struct Broker {
    pub(crate) has: Arc<Mutex<Has>>,
    changed: watch::Sender<u64>,
}

/// A broker, a department and their certificates.
pub(crate) struct Town {
    pub(crate) broker: Broker,
    pub(crate) folder: TempDir,
    authority: Authority,
    broker_address: String,
    department_address: String,
    running: Option<(Shutdown, JoinHandle<Result<(), RunError>>)>,
    _server: JoinHandle<()>,
}

impl Town {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let authority = Authority::create(DOMAIN, Validity::days(1)).unwrap();
        let broker = Broker {
            has: Arc::default(),
            changed: watch::Sender::new(0),
        };
        {
            let mut has = broker.has.lock().unwrap();
            (has.store_id, has.epoch) = ("broker-1".into(), "epoch-1".into());
        }
        let credentials = credentials_of(&authority, Role::Broker, "trunk");
        let listener = Listener::bind(
            "127.0.0.1:0".parse().unwrap(),
            &credentials,
            ListenerLimits::default(),
        )
        .await
        .unwrap();
        let broker_address = listener.local_address().to_string();
        let server = Server::builder()
            .add_service(ExchangeServiceServer::new(broker.clone()))
            .add_service(DocumentServiceServer::new(broker.clone()))
            .serve_with_incoming(listener);
        let server = tokio::spawn(async move { server.await.unwrap() });
        Self {
            broker,
            folder,
            authority,
            broker_address,
            department_address: String::new(),
            running: None,
            _server: server,
        }
    }

    pub(crate) fn config(&self) -> Config {
        let folder = self.folder.path();
        let ca = folder.join("ca.pem");
        std::fs::write(&ca, self.authority.certificate_pem()).unwrap();
        let identity = Identity::new(DOMAIN, Role::Department, "civil-status").unwrap();
        let issued = self.authority.issue(&identity, Validity::days(1)).unwrap();
        let paths: Vec<PathBuf> = [
            ("c.pem", &issued.certificate_pem),
            ("c.key", &issued.key_pem),
        ]
        .map(|(name, pem)| {
            std::fs::write(folder.join(name), pem).unwrap();
            folder.join(name)
        })
        .into();
        Config {
            agency_code: AGENCY.into(),
            store: folder.join("store"),
            listen: "127.0.0.1:0".parse().unwrap(),
            credentials: CredentialPaths {
                ca,
                certificate: paths[0].clone(),
                key: paths[1].clone(),
                denied: None,
            },
            broker: BrokerConfig {
                address: self.broker_address.clone(),
                identity: Identity::new(DOMAIN, Role::Broker, "trunk").unwrap(),
            },
            limits: Limits::default(),
            times: Times {
                back_off_ms_min: 5,
                back_off_ms_max: 50,
                later_ms: 5,
                reconcile_ms: 20,
                probe_ms: 5,
                ..Times::default()
            },
            listener: ListenerLimits::default(),
            streams: StreamLimits::default(),
            metrics: Default::default(),
            traces: Default::default(),
            script: None,
        }
    }

    pub(crate) async fn start(&mut self, handler: Arc<dyn Handler>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.department_address = listener.local_addr().unwrap().to_string();
        let shutdown = Shutdown::new();
        let running = department::run(self.config(), listener, shutdown.clone(), handler);
        self.running = Some((shutdown, tokio::spawn(running)));
    }

    pub(crate) async fn stop(&mut self) {
        let (shutdown, running) = self.running.take().unwrap();
        shutdown.trigger();
        running.await.unwrap().unwrap();
    }

    /// Begins to stop it.
    pub(crate) fn begin_stop(&self) {
        self.running.as_ref().unwrap().0.trigger();
    }

    /// A call to the department as the system `role`/`code`.
    pub(crate) fn caller(&self, role: Role, code: &str) -> DepartmentServiceClient<Channel> {
        DepartmentServiceClient::new(self.line(role, code))
    }

    /// A line to the department as the system `role`/`code`.
    pub(crate) fn line(&self, role: Role, code: &str) -> Channel {
        let credentials = credentials_of(&self.authority, role, code);
        let department = Identity::new(DOMAIN, Role::Department, "civil-status").unwrap();
        let options = ChannelOptions::exchange();
        channel(&self.department_address, department, &credentials, options).unwrap()
    }

    pub(crate) fn broker_caller(&self) -> DepartmentServiceClient<Channel> {
        self.caller(Role::Broker, "trunk")
    }

    /// Waits until the department has gone through all that it holds: it knows the broker's life then.
    pub(crate) async fn has_reconciled(&self) {
        self.broker
            .until(|has| has.pages.iter().any(|page| page.last).then_some(()))
            .await;
    }

    pub(crate) async fn hand_over(&self, item: v1::Item) -> v1::Verdict {
        let request = HandOverOneRequest { item: Some(item) };
        let answer = self.broker_caller().hand_over_one(request).await.unwrap();
        answer.into_inner().verdict.unwrap()
    }
}

fn credentials_of(authority: &Authority, role: Role, code: &str) -> Credentials {
    let identity = Identity::new(DOMAIN, role, code).unwrap();
    let issued = authority.issue(&identity, Validity::days(1)).unwrap();
    let ca = authority.certificate_pem();
    Credentials::from_pem(ca, &issued.certificate_pem, &issued.key_pem).unwrap()
}

impl Broker {
    pub(crate) fn put_document(&self, bytes: &[u8]) -> v1::Document {
        let digest = digest_of(bytes);
        self.has
            .lock()
            .unwrap()
            .documents
            .insert(digest, Bytes::copy_from_slice(bytes));
        v1::Document {
            digest: Bytes::copy_from_slice(&digest),
            size_bytes: bytes.len() as u64,
            media_type: "application/pdf".into(),
            file_name: "giấy.pdf".into(),
        }
    }

    /// Waits until what the broker has is as wanted.
    pub(crate) async fn until<T>(&self, wanted: impl Fn(&Has) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if let Some(found) = wanted(&self.has.lock().unwrap()) {
                return found;
            }
            changed.changed().await.unwrap();
        }
    }

    /// Waits until so many reports have come, and gives them.
    pub(crate) async fn reports(&self, count: usize) -> Vec<v1::Item> {
        self.until(|has| (has.reports.len() >= count).then(|| has.reports.clone()))
            .await
    }

    fn tell(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    fn take(&self, item: v1::Item) -> Result<v1::Recorded, (bool, Fault)> {
        let mut has = self.has.lock().unwrap();
        if std::mem::take(&mut has.later_once) {
            let fault = Fault::new(Code::Unavailable, "NOT_NOW", "later", "sau");
            return Err((true, fault.retry_after(std::time::Duration::from_millis(5))));
        }
        if let Some(reason) = has.refuse {
            has.reports.push(item);
            return Err((
                false,
                Fault::new(Code::FailedPrecondition, reason, "no", "không"),
            ));
        }
        let position = has.recorded.len() as u64 + 1;
        let position = *has.recorded.entry(item.item_id.clone()).or_insert(position);
        has.reports.push(item);
        Ok(v1::Recorded {
            recorded_at: None,
            position,
            superseded: false,
        })
    }
}

type Outgoing<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl ExchangeService for Broker {
    type ReportStream = Outgoing<ReportResponse>;
    type CollectStream = Outgoing<CollectResponse>;

    async fn report(
        &self,
        request: Request<Streaming<ReportRequest>>,
    ) -> Result<Response<Self::ReportStream>, Status> {
        let inbound = request
            .into_inner()
            .map(|m| Ok(m?.envelope.unwrap_or_default()));
        let asked = stream::accept(inbound, StreamLimits::default()).await?;
        let own = {
            let has = self.has.lock().unwrap();
            v1::Hello {
                store_id: has.store_id.clone(),
                epoch: has.epoch.clone(),
                ..Default::default()
            }
        };
        let life = (own.store_id.clone(), own.epoch.clone());
        let (session, outgoing) = asked.answer(own);
        let mut receiving = session.receiving(Arc::new(|| Ok(())));
        let broker = self.clone();
        let mut changed = self.changed.subscribe();
        tokio::spawn(async move {
            loop {
                let received = tokio::select! {
                    received = receiving.next() => received,
                    _ = changed.changed() => {
                        let has = broker.has.lock().unwrap();
                        // Another life begins with a restart, which breaks the streams.
                        if (has.store_id.clone(), has.epoch.clone()) != life { return }
                        continue;
                    }
                };
                let Ok(Some(received)) = received else { return };
                match broker.take(received.item) {
                    Ok(recorded) => received.ticket.recorded(recorded),
                    Err((true, fault)) => received.ticket.later(fault),
                    Err((false, fault)) => received.ticket.refused(fault),
                }
                broker.tell();
            }
        });
        let out = outgoing.map(|out| out.map(|e| ReportResponse { envelope: Some(e) }));
        Ok(Response::new(Box::pin(out)))
    }

    async fn reconcile(
        &self,
        request: Request<ReconcileRequest>,
    ) -> Result<Response<ReconcileResponse>, Status> {
        let page = request.into_inner();
        let mut has = self.has.lock().unwrap();
        let verdicts = page
            .holdings
            .iter()
            .map(|holding| {
                let missing: Vec<String> = holding
                    .recorded_item_ids
                    .iter()
                    .filter(|id| !has.recorded.contains_key(*id))
                    .cloned()
                    .collect();
                let state = if has.unknown.contains(&holding.dossier_id) {
                    HoldingState::Unknown
                } else if missing.is_empty() {
                    HoldingState::Agreed
                } else {
                    HoldingState::ReportsMissing
                };
                HoldingVerdict {
                    dossier_id: holding.dossier_id.clone(),
                    step_id: holding.step_id.clone(),
                    state: state as i32,
                    missing_item_ids: missing,
                }
            })
            .collect();
        has.pages.push(page);
        let answer = ReconcileResponse {
            store_id: has.store_id.clone(),
            epoch: has.epoch.clone(),
            verdicts,
            ..Default::default()
        };
        drop(has);
        self.tell();
        Ok(Response::new(answer))
    }

    async fn report_one(
        &self,
        _: Request<ReportOneRequest>,
    ) -> Result<Response<ReportOneResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    async fn collect(
        &self,
        _: Request<Streaming<CollectRequest>>,
    ) -> Result<Response<Self::CollectStream>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    async fn fetch(&self, _: Request<FetchRequest>) -> Result<Response<FetchResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    async fn acknowledge(
        &self,
        _: Request<AcknowledgeRequest>,
    ) -> Result<Response<AcknowledgeResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }
}

#[tonic::async_trait]
impl DocumentService for Broker {
    type DownloadStream = Outgoing<DownloadResponse>;

    async fn upload(
        &self,
        request: Request<Streaming<UploadRequest>>,
    ) -> Result<Response<UploadResponse>, Status> {
        let mut messages = request.into_inner();
        let first = messages
            .message()
            .await?
            .and_then(|message| message.content);
        let Some(Content::Header(header)) = first else {
            return Err(Status::invalid_argument("no header"));
        };
        let digest: [u8; 32] = header.digest.as_ref().try_into().unwrap();
        let (mut bytes, breaks) = {
            let mut has = self.has.lock().unwrap();
            has.uploads.push(header.offset);
            (
                has.partial.remove(&digest).unwrap_or_default(),
                has.break_upload_after.take(),
            )
        };
        assert_eq!(header.offset, bytes.len() as u64);
        while let Some(message) = messages.message().await? {
            let Some(Content::Chunk(chunk)) = message.content else {
                continue;
            };
            assert_eq!(chunk.offset, bytes.len() as u64);
            bytes.extend_from_slice(&chunk.data);
            if breaks.is_some_and(|limit| bytes.len() >= limit) {
                self.has.lock().unwrap().partial.insert(digest, bytes);
                return Err(Status::unavailable("the line broke"));
            }
        }
        assert_eq!(digest_of(&bytes), digest);
        self.put_document(&bytes);
        let (digest, size_bytes) = (header.digest, bytes.len() as u64);
        Ok(Response::new(UploadResponse {
            digest,
            size_bytes,
            expires_at: None,
        }))
    }

    async fn download(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let request = request.into_inner();
        let (bytes, broken) = {
            let mut has = self.has.lock().unwrap();
            has.downloads.push(request.offset);
            let digest: [u8; 32] = request.digest.as_ref().try_into().unwrap();
            let found = has.documents.get(&digest).cloned();
            (
                found.ok_or_else(|| Status::not_found("not here"))?,
                has.break_after.take(),
            )
        };
        self.tell();
        let size_bytes = bytes.len() as u64;
        let mut offset = request.offset as usize;
        let end = broken.unwrap_or(bytes.len());
        let mut messages = Vec::new();
        while offset < end {
            let until = end.min(offset + 64 * 1024);
            let chunk = Chunk {
                offset: offset as u64,
                data: bytes.slice(offset..until),
            };
            messages.push(Ok(DownloadResponse {
                chunk: Some(chunk),
                size_bytes,
            }));
            offset = until;
        }
        if broken.is_some() {
            messages.push(Err(Status::unavailable("the line broke")));
        }
        Ok(Response::new(Box::pin(futures_util::stream::iter(
            messages,
        ))))
    }

    async fn stat(&self, request: Request<StatRequest>) -> Result<Response<StatResponse>, Status> {
        let digest: [u8; 32] = request.into_inner().digest.as_ref().try_into().unwrap();
        let has = self.has.lock().unwrap();
        let (complete, partial) = (has.documents.get(&digest), has.partial.get(&digest));
        let received = complete
            .map(Bytes::len)
            .or(partial.map(Vec::len))
            .unwrap_or(0);
        let answer = StatResponse {
            received_bytes: received as u64,
            complete: complete.is_some(),
        };
        Ok(Response::new(answer))
    }

    async fn upload_chunk(
        &self,
        _: Request<UploadChunkRequest>,
    ) -> Result<Response<UploadChunkResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    async fn download_chunk(
        &self,
        _: Request<DownloadChunkRequest>,
    ) -> Result<Response<DownloadChunkResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }
}
