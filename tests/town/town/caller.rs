//! Somebody with a certificate who calls the broker, as well or as badly as a test wants.

use contract::v1::{
    desk_service_client::DeskServiceClient, document_service_client::DocumentServiceClient,
    exchange_service_client::ExchangeServiceClient, operator_service_client::OperatorServiceClient,
};
use node::{
    fault::{Fault, Refusal},
    identity::Identity,
    tls::{ChannelOptions, Credentials, channel},
};
use std::net::SocketAddr;
use tonic::transport::Channel;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) credentials: Credentials,
    line: Channel,
    documents: Channel,
}

impl Caller {
    /// A caller with these credentials; it connects at its first call.
    pub(crate) fn new(credentials: Credentials, address: SocketAddr, expected: Identity) -> Self {
        let dial = |options| {
            channel(&address.to_string(), expected.clone(), &credentials, options).unwrap()
        };
        let (line, documents) = (dial(ChannelOptions::exchange()), dial(ChannelOptions::documents()));
        Self { credentials, line, documents }
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

    /// Whether the other end says that it serves.
    pub(crate) async fn serves(&self) -> bool {
        let request = HealthCheckRequest::default();
        let answer = HealthClient::new(self.line.clone()).check(request).await;
        answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }
}

/// The reason word of a refusal.
pub(crate) fn reason(refusal: &impl Refusal) -> String {
    Fault::reason_of(refusal).unwrap_or_default()
}

/// The fields that a refusal names, sorted.
pub(crate) fn fields(refusal: &impl Refusal) -> Vec<String> {
    let mut fields: Vec<_> = Fault::fields_of(refusal).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    fields
}
