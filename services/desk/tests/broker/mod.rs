//! A broker for the desk's tests: it keeps dossiers, papers and notices, and loses them when told to.

use bytes::Bytes;
use contract::v1::{
    self, Chunk, DownloadRequest, DownloadResponse, ListResultsRequest, ListResultsResponse,
    Notice, StatRequest, StatResponse, SubmitRequest, SubmitResponse, TrackRequest, TrackResponse,
    UploadRequest, UploadResponse, WatchNoticesRequest, WatchNoticesResponse,
    desk_service_server::{DeskService, DeskServiceServer},
    document_service_server::{DocumentService, DocumentServiceServer},
    notice::Kind,
    upload_request::Content,
};
use desk::{Broker as BrokerConfig, Config, Limits, Times};
use futures_util::Stream;
use node::{
    documents::digest_of,
    fault::Fault,
    identity::{Identity, Role},
    pki::{Authority, Validity},
    tls::{CredentialPaths, Credentials, Listener, ListenerLimits},
};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::PathBuf,
    pin::Pin,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};
use tonic::{Code, Request, Response, Status, Streaming, transport::Server};

const DOMAIN: &str = "hue.example";

#[derive(Default)]
pub(crate) struct Has {
    /// By submit key; repetitions replace.
    pub(crate) submits: BTreeMap<String, SubmitRequest>,
    /// How often submit was called.
    pub(crate) calls: usize,
    pub(crate) codes: HashMap<String, String>,
    pub(crate) documents: HashMap<[u8; 32], Bytes>,
    pub(crate) notices: Vec<Notice>,
    /// From where notices were asked for.
    pub(crate) cursors: Vec<String>,
    pub(crate) results: Vec<v1::Evidence>,
    /// Codes of dossiers that are closed.
    pub(crate) closed: HashSet<String>,
    /// Dossiers that a person must look at first.
    pub(crate) quarantined: HashSet<String>,
    /// Submits are refused for this, as those of a desk that is not let in.
    pub(crate) denied: Option<(Code, &'static str)>,
    /// Nobody answers.
    pub(crate) away: bool,
    /// What was done, each with its dossier and its id; a repetition counts once.
    pub(crate) acts: Vec<(String, String, &'static str)>,
    /// How often an act was called.
    pub(crate) act_calls: usize,
    /// Acts that are refused.
    pub(crate) refuse_act: Option<&'static str>,
    /// Codes that were leased.
    pub(crate) leased: u32,
    /// Blocks of codes, by the id of their asking.
    pub(crate) leases: HashMap<String, Vec<String>>,
    /// The next block is leased, and its answer is lost on the way.
    pub(crate) loses_lease_answer: bool,
    /// Counts up at each restart, which breaks the streams and makes older cursors unknown.
    pub(crate) epoch: u64,
}

#[derive(Clone)]
pub(crate) struct Broker {
    pub(crate) has: Arc<Mutex<Has>>,
    changed: watch::Sender<u64>,
}

pub(crate) struct Town {
    pub(crate) broker: Broker,
    pub(crate) folder: TempDir,
    pub(crate) config: Config,
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
        let trunk = Identity::new(DOMAIN, Role::Broker, "trunk").unwrap();
        let issued = authority.issue(&trunk, Validity::days(1)).unwrap();
        let ca = authority.certificate_pem();
        let credentials =
            Credentials::from_pem(ca, &issued.certificate_pem, &issued.key_pem).unwrap();
        let listener = Listener::bind(
            "127.0.0.1:0".parse().unwrap(),
            &credentials,
            ListenerLimits::default(),
        )
        .await
        .unwrap();
        let address = listener.local_address().to_string();
        let server = Server::builder()
            .add_service(DeskServiceServer::new(broker.clone()))
            .add_service(DocumentServiceServer::new(broker.clone()))
            .serve_with_incoming(listener);
        let server = tokio::spawn(async move { server.await.unwrap() });

        let desk = Identity::new(DOMAIN, Role::Desk, "vy-da").unwrap();
        let issued = authority.issue(&desk, Validity::days(1)).unwrap();
        let write = |name: &str, text: &str| -> PathBuf {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let config = Config {
            agency_code: "H57.12".into(),
            store: folder.path().join("store"),
            credentials: CredentialPaths {
                ca: write("ca.pem", ca),
                certificate: write("desk.pem", &issued.certificate_pem),
                key: write("desk.key", &issued.key_pem),
                denied: None,
            },
            broker: BrokerConfig {
                address,
                identity: trunk,
            },
            limits: Limits::default(),
            times: Times {
                back_off_ms_min: 5,
                back_off_ms_max: 20,
                spool_ms: 5,
                ..Times::default()
            },
            spool: None,
            metrics: Default::default(),
            traces: Default::default(),
        };
        Self {
            broker,
            folder,
            config,
            _server: server,
        }
    }
}

impl Broker {
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

    pub(crate) fn change(&self, change: impl FnOnce(&mut Has)) {
        change(&mut self.has.lock().unwrap());
        self.changed.send_modify(|count| *count += 1);
    }

    fn act(&self, code: &str, id: &str, what: &'static str) -> Result<(), Status> {
        let mut done = Ok(());
        self.change(|has| {
            has.act_calls += 1;
            let known = has.codes.values().any(|known| known == code);
            done = if has.away {
                Err(Status::unavailable("away"))
            } else if !known {
                Err(Status::not_found("no such dossier"))
            } else if has.refuse_act == Some(what) {
                Err(Fault::new(Code::PermissionDenied, "NOT_YOURS", "mend", "sửa").into())
            } else {
                if has.acts.iter().all(|(_, known, _)| known != id) {
                    has.acts.push((code.into(), id.into(), what));
                }
                Ok(())
            };
        });
        done
    }

    pub(crate) fn notify(&self, dossier_code: &str, kind: Kind) {
        self.change(|has| {
            let cursor = format!("{}-{}", has.epoch, has.notices.len() + 1);
            let dossier_code = dossier_code.into();
            has.notices.push(Notice {
                cursor,
                dossier_code,
                kind: Some(kind),
                ..Default::default()
            });
        });
    }
}

fn not_here<T>() -> Result<T, Status> {
    Err(Status::unimplemented("not in these tests"))
}

// Written as what `tonic::async_trait` makes of an `async fn`: a macro inside it is not seen by it.
macro_rules! not_here {
    ($($call:ident($request:ident) -> $response:ident,)*) => {
        $(fn $call<'a, 'b>(
            &'a self,
            _: Request<v1::$request>,
        ) -> Pin<Box<dyn Future<Output = Result<Response<v1::$response>, Status>> + Send + 'b>>
        where
            'a: 'b,
            Self: 'b,
        {
            Box::pin(async { not_here() })
        })*
    };
}

type Outgoing<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl DeskService for Broker {
    type WatchNoticesStream = Outgoing<WatchNoticesResponse>;

    async fn submit(
        &self,
        request: Request<SubmitRequest>,
    ) -> Result<Response<SubmitResponse>, Status> {
        let request = request.into_inner();
        let mut has = self.has.lock().unwrap();
        has.calls += 1;
        if has.away {
            drop(has);
            self.change(|_| {});
            return Err(Status::unavailable("away"));
        }
        if let Some((code, reason)) = has.denied {
            drop(has);
            self.change(|_| {});
            return Err(Fault::new(code, reason, "not you", "không phải bạn").into());
        }
        if request.procedure_code != "birth" {
            let fault = Fault::new(Code::InvalidArgument, "INVALID_FIELDS", "mend", "sửa");
            let fault = fault
                .field("procedure_code", "is not known")
                .field("parties", "are few");
            return Err(fault.into());
        }
        for document in request.evidence.iter().flat_map(|input| &input.documents) {
            let digest: [u8; 32] = document.digest.as_ref().try_into().unwrap();
            assert!(
                has.documents.contains_key(&digest),
                "a paper was not uploaded"
            );
        }
        let next = format!("H57.12-261122-{:04}", has.codes.len() + 1);
        let code = match request.dossier_code.as_str() {
            "" => has
                .codes
                .entry(request.submit_key.clone())
                .or_insert(next)
                .clone(),
            given => given.to_owned(),
        };
        has.codes.insert(request.submit_key.clone(), code.clone());
        has.submits.insert(request.submit_key.clone(), request);
        drop(has);
        self.change(|_| {});
        Ok(Response::new(SubmitResponse {
            dossier_code: code,
            ..Default::default()
        }))
    }

    async fn track(
        &self,
        request: Request<TrackRequest>,
    ) -> Result<Response<TrackResponse>, Status> {
        let dossier_code = request.into_inner().dossier_code;
        if self.has.lock().unwrap().quarantined.contains(&dossier_code) {
            let fault = Fault::new(Code::Unavailable, "DOSSIER_QUARANTINED", "later", "sau");
            return Err(fault.into());
        }
        let known = self
            .has
            .lock()
            .unwrap()
            .codes
            .values()
            .any(|code| *code == dossier_code);
        if !known {
            return Err(Status::not_found("no such dossier"));
        }
        let is_closed = self.has.lock().unwrap().closed.contains(&dossier_code);
        Ok(Response::new(TrackResponse {
            dossier_code,
            closed_at: is_closed.then(Default::default),
            ..Default::default()
        }))
    }

    async fn list_results(
        &self,
        _: Request<ListResultsRequest>,
    ) -> Result<Response<ListResultsResponse>, Status> {
        let results = self.has.lock().unwrap().results.clone();
        Ok(Response::new(ListResultsResponse {
            results,
            complete: true,
        }))
    }

    async fn watch_notices(
        &self,
        request: Request<WatchNoticesRequest>,
    ) -> Result<Response<Self::WatchNoticesStream>, Status> {
        let cursor = request.into_inner().cursor;
        let (epoch, mut at) = {
            let mut has = self.has.lock().unwrap();
            has.cursors.push(cursor.clone());
            if has.away {
                return Err(Status::unavailable("away"));
            }
            let at = has
                .notices
                .iter()
                .position(|notice| notice.cursor == cursor);
            match (cursor.as_str(), at) {
                ("", _) => (has.epoch, 0),
                (_, Some(at)) => (has.epoch, at + 1),
                _ => return Err(Status::out_of_range("no such cursor")),
            }
        };
        self.change(|_| {});
        let (broker, (out, messages)) = (self.clone(), tokio::sync::mpsc::channel(4));
        tokio::spawn(async move {
            let mut changed = broker.changed.subscribe();
            loop {
                changed.borrow_and_update();
                let (now, notices) = {
                    let has = broker.has.lock().unwrap();
                    (
                        has.epoch,
                        has.notices.get(at..).unwrap_or_default().to_vec(),
                    )
                };
                if now != epoch {
                    let _ = out.send(Err(Status::unavailable("restarted"))).await;
                    return;
                }
                at += notices.len();
                for notice in notices {
                    let message = WatchNoticesResponse {
                        notice: Some(notice),
                    };
                    if out.send(Ok(message)).await.is_err() {
                        return;
                    }
                }
                if changed.changed().await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(
            tokio_stream::wrappers::ReceiverStream::new(messages),
        )))
    }

    async fn withdraw(
        &self,
        request: Request<v1::WithdrawRequest>,
    ) -> Result<Response<v1::WithdrawResponse>, Status> {
        let request = request.into_inner();
        self.act(&request.dossier_code, &request.request_id, "withdraw")?;
        Ok(Response::new(v1::WithdrawResponse {}))
    }

    async fn answer_supplement(
        &self,
        request: Request<v1::AnswerSupplementRequest>,
    ) -> Result<Response<v1::AnswerSupplementResponse>, Status> {
        let request = request.into_inner();
        for document in request.evidence.iter().flat_map(|input| &input.documents) {
            let digest: [u8; 32] = document.digest.as_ref().try_into().unwrap();
            let has = self.has.lock().unwrap();
            assert!(
                has.documents.contains_key(&digest),
                "a paper was not uploaded"
            );
        }
        self.act(&request.dossier_code, &request.request_id, "answer")?;
        Ok(Response::new(v1::AnswerSupplementResponse {}))
    }

    async fn request_supplement(
        &self,
        request: Request<v1::RequestSupplementRequest>,
    ) -> Result<Response<v1::RequestSupplementResponse>, Status> {
        let request = request.into_inner();
        self.act(&request.dossier_code, &request.request_id, "ask")?;
        Ok(Response::new(v1::RequestSupplementResponse {
            supplement_number: 1,
            ..Default::default()
        }))
    }

    async fn lease_codes(
        &self,
        request: Request<v1::LeaseCodesRequest>,
    ) -> Result<Response<v1::LeaseCodesResponse>, Status> {
        if self.has.lock().unwrap().away {
            return Err(Status::unavailable("away"));
        }
        let request = request.into_inner();
        let mut dossier_codes = Vec::new();
        let mut answer_is_lost = false;
        self.change(|has| {
            let known = has.leases.get(&request.request_id).cloned();
            dossier_codes = known.unwrap_or_else(|| {
                let codes = (0..request.count).map(|_| {
                    has.leased += 1;
                    format!("LEASED-{:04}", has.leased)
                });
                codes.collect()
            });
            has.leases.insert(request.request_id, dossier_codes.clone());
            answer_is_lost = std::mem::take(&mut has.loses_lease_answer);
        });
        if answer_is_lost {
            return Err(Status::unavailable("the answer is lost"));
        }
        Ok(Response::new(v1::LeaseCodesResponse { dossier_codes }))
    }

    not_here! {
        receive(ReceiveRequest) -> ReceiveResponse,
        refuse_intake(RefuseIntakeRequest) -> RefuseIntakeResponse,
        record_consent(RecordConsentRequest) -> RecordConsentResponse,
        complete_step(CompleteStepRequest) -> CompleteStepResponse,
        confirm_payment(ConfirmPaymentRequest) -> ConfirmPaymentResponse,
        stop(StopRequest) -> StopResponse,
        resume(ResumeRequest) -> ResumeResponse,
        report_fault(ReportFaultRequest) -> ReportFaultResponse,
        hand_out_result(HandOutResultRequest) -> HandOutResultResponse,
        track_public(TrackPublicRequest) -> TrackPublicResponse,
        get_form(GetFormRequest) -> GetFormResponse,
        list_vault_uses(ListVaultUsesRequest) -> ListVaultUsesResponse,
        list_dossiers(ListDossiersRequest) -> ListDossiersResponse,
        list_notices(ListNoticesRequest) -> ListNoticesResponse,
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
        let mut bytes = Vec::new();
        while let Some(message) = messages.message().await? {
            if let Some(Content::Chunk(chunk)) = message.content {
                bytes.extend_from_slice(&chunk.data);
            }
        }
        let digest = digest_of(&bytes);
        self.has
            .lock()
            .unwrap()
            .documents
            .insert(digest, bytes.into());
        Ok(Response::new(UploadResponse::default()))
    }

    async fn download(
        &self,
        request: Request<DownloadRequest>,
    ) -> Result<Response<Self::DownloadStream>, Status> {
        let request = request.into_inner();
        let digest: [u8; 32] = request.digest.as_ref().try_into().unwrap();
        let bytes = self.has.lock().unwrap().documents[&digest].clone();
        let size_bytes = bytes.len() as u64;
        let chunk = Chunk {
            offset: request.offset,
            data: bytes.slice(request.offset as usize..),
        };
        let message = DownloadResponse {
            chunk: Some(chunk),
            size_bytes,
        };
        Ok(Response::new(Box::pin(futures_util::stream::iter([Ok(
            message,
        )]))))
    }

    async fn stat(&self, request: Request<StatRequest>) -> Result<Response<StatResponse>, Status> {
        let digest: [u8; 32] = request.into_inner().digest.as_ref().try_into().unwrap();
        let complete = self.has.lock().unwrap().documents.contains_key(&digest);
        Ok(Response::new(StatResponse {
            received_bytes: 0,
            complete,
        }))
    }

    async fn upload_chunk(
        &self,
        _: Request<v1::UploadChunkRequest>,
    ) -> Result<Response<v1::UploadChunkResponse>, Status> {
        not_here()
    }
    async fn download_chunk(
        &self,
        _: Request<v1::DownloadChunkRequest>,
    ) -> Result<Response<v1::DownloadChunkResponse>, Status> {
        not_here()
    }
}
