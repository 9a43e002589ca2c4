//! Somebody with a certificate who calls the broker, as well or as badly as a test wants.

use super::birth::Scan;
use contract::v1::{
    self, department_service_client::DepartmentServiceClient,
    desk_service_client::DeskServiceClient, document_service_client::DocumentServiceClient,
    exchange_service_client::ExchangeServiceClient, operator_service_client::OperatorServiceClient,
    upload_request::Content, verdict::Outcome,
};
use node::{
    fault::{Fault, Refusal},
    identity::Identity,
    tls::{ChannelOptions, Credentials, channel},
    transfer::{CHUNK_BYTES, Source, TransferError, upload},
};
use std::net::SocketAddr;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, transport::Channel};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};
use tonic_reflection::pb::v1::{
    ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
    server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller {
    line: Channel,
    documents: Channel,
}

impl Caller {
    /// A caller with these credentials; it connects at its first call.
    pub(crate) fn new(credentials: Credentials, address: SocketAddr, expected: Identity) -> Self {
        let dial = |options| {
            channel(
                &address.to_string(),
                expected.clone(),
                &credentials,
                options,
            )
            .unwrap()
        };
        let (line, documents) = (
            dial(ChannelOptions::exchange()),
            dial(ChannelOptions::documents()),
        );
        Self { line, documents }
    }

    pub(crate) fn channel(&self) -> Channel {
        self.line.clone()
    }

    pub(crate) fn documents_channel(&self) -> Channel {
        self.documents.clone()
    }

    pub(crate) fn desk(&self) -> DeskServiceClient<Channel> {
        DeskServiceClient::new(self.line.clone())
    }

    pub(crate) fn exchange(&self) -> ExchangeServiceClient<Channel> {
        ExchangeServiceClient::new(self.line.clone())
    }

    pub(crate) fn documents(&self) -> DocumentServiceClient<Channel> {
        DocumentServiceClient::new(self.documents.clone())
    }

    pub(crate) fn operator(&self) -> OperatorServiceClient<Channel> {
        OperatorServiceClient::new(self.line.clone())
    }

    pub(crate) fn department(&self) -> DepartmentServiceClient<Channel> {
        DepartmentServiceClient::new(self.line.clone())
    }

    /// Reports one item and says what the broker makes of it.
    pub(crate) async fn report(&self, item: v1::Item) -> Outcome {
        let request = v1::ReportOneRequest { item: Some(item) };
        let response = self
            .exchange()
            .report_one(request)
            .await
            .unwrap()
            .into_inner();
        response.verdict.unwrap().outcome.unwrap()
    }

    /// How much the broker has of a document, as far as it tells this system: bytes, and whether
    /// that is all.
    pub(crate) async fn stat(&self, agency: &str, digest: &[u8]) -> (u64, bool) {
        let request = v1::StatRequest {
            digest: digest.to_vec().into(),
            agency_code: agency.into(),
        };
        let stat = self.documents().stat(request).await.unwrap().into_inner();
        (stat.received_bytes, stat.complete)
    }

    /// As [`stat`](Self::stat), of a broker that may be away.
    pub(crate) async fn try_stat(&self, agency: &str, digest: &[u8]) -> Option<(u64, bool)> {
        let request = v1::StatRequest {
            digest: digest.to_vec().into(),
            agency_code: agency.into(),
        };
        let stat = self.documents().stat(request).await.ok()?.into_inner();
        Some((stat.received_bytes, stat.complete))
    }

    /// Uploads a paper on behalf of an agency.
    pub(crate) async fn upload(&self, agency: &str, scan: &Scan) -> Result<(), TransferError> {
        let source = Source::Bytes(scan.bytes.clone().into());
        let size_bytes = scan.bytes.len() as u64;
        upload(
            self.documents_channel(),
            agency,
            &source,
            scan.digest(),
            size_bytes,
        )
        .await
    }

    /// Uploads a paper in one go, and says at once what the broker makes of it.
    pub(crate) async fn upload_at_once(
        &self,
        agency: &str,
        scan: &Scan,
    ) -> Result<v1::UploadResponse, Status> {
        let pieces = pieces(agency, scan).map(|piece| v1::UploadRequest {
            content: Some(piece),
        });
        let messages = tokio_stream::iter(pieces.collect::<Vec<_>>());
        self.documents()
            .upload(messages)
            .await
            .map(tonic::Response::into_inner)
    }

    /// Begins to upload a paper: the first chunks and no more, for as long as the result is kept.
    pub(crate) async fn upload_some(
        &self,
        agency: &str,
        scan: &Scan,
        chunks: usize,
    ) -> mpsc::Sender<v1::UploadRequest> {
        let (send, sending) = mpsc::channel(chunks + 1);
        for piece in pieces(agency, scan).take(chunks + 1) {
            send.send(v1::UploadRequest {
                content: Some(piece),
            })
            .await
            .unwrap();
        }
        let mut documents = self.documents();
        tokio::spawn(async move { documents.upload(ReceiverStream::new(sending)).await });
        send
    }

    /// The bytes of a document, on behalf of an agency.
    pub(crate) async fn download(&self, agency: &str, digest: &[u8]) -> Result<Vec<u8>, Status> {
        let request = v1::DownloadRequest {
            digest: digest.to_vec().into(),
            offset: 0,
            agency_code: agency.into(),
        };
        let mut chunks = self.documents().download(request).await?.into_inner();
        let mut bytes = Vec::new();
        while let Some(message) = chunks.message().await? {
            bytes.extend_from_slice(&message.chunk.unwrap_or_default().data);
        }
        Ok(bytes)
    }

    /// The services that the other end says it has.
    pub(crate) async fn services(&self) -> Vec<String> {
        let request = ServerReflectionRequest {
            message_request: Some(MessageRequest::ListServices(String::new())),
            ..Default::default()
        };
        let mut client = ServerReflectionClient::new(self.line.clone());
        let answers = client
            .server_reflection_info(tokio_stream::iter([request]))
            .await
            .unwrap();
        let answer = answers.into_inner().message().await.unwrap().unwrap();
        match answer.message_response {
            Some(MessageResponse::ListServicesResponse(list)) => list
                .service
                .into_iter()
                .map(|service| service.name)
                .collect(),
            other => panic!("not a list of services: {other:?}"),
        }
    }

    /// What the other end says of its health, as it changes.
    pub(crate) async fn health(&self) -> tonic::Streaming<HealthCheckResponse> {
        let request = HealthCheckRequest::default();
        let watched = HealthClient::new(self.line.clone()).watch(request).await;
        watched.unwrap().into_inner()
    }

    /// Whether the other end says that it serves.
    pub(crate) async fn serves(&self) -> bool {
        let request = HealthCheckRequest::default();
        let answer = HealthClient::new(self.line.clone()).check(request).await;
        answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }
}

/// The header of an upload and its chunks.
fn pieces(agency: &str, scan: &Scan) -> impl Iterator<Item = Content> {
    let header = v1::UploadHeader {
        digest: scan.document.digest.clone(),
        size_bytes: scan.document.size_bytes,
        offset: 0,
        agency_code: agency.into(),
    };
    let chunks = scan
        .bytes
        .chunks(CHUNK_BYTES)
        .enumerate()
        .map(|(number, data)| {
            let offset = (number * CHUNK_BYTES) as u64;
            Content::Chunk(v1::Chunk {
                offset,
                data: data.to_vec().into(),
            })
        });
    [Content::Header(header)].into_iter().chain(chunks)
}

/// The reason word of a refusal.
pub(crate) fn reason(refusal: &impl Refusal) -> String {
    Fault::reason_of(refusal).unwrap_or_default()
}

/// The fields that a refusal names, sorted.
pub(crate) fn fields(refusal: &impl Refusal) -> Vec<String> {
    let mut fields: Vec<_> = Fault::fields_of(refusal)
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    fields.sort();
    fields
}
