//! The router: every service of the contract behind its gate.

use super::{
    gate::{Acting, gate},
    ground::Ground,
};
use crate::{access::Call, documents::Service as DocumentsService};
use contract::{
    DESCRIPTORS,
    v1::{
        desk_service_server::DeskServiceServer, exchange_service_server::ExchangeServiceServer,
        operator_service_server::OperatorServiceServer,
    },
};
use forms::Forms;
use node::metrics::Calls;
use std::{sync::Arc, time::Duration};
use tonic::transport::Server;
use tonic_health::pb::health_server::{Health, HealthServer};
use tower::layer::util::Stack;

/// HTTP/2 window of one stream, bytes.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// HTTP/2 window of a connection, bytes: larger than that of a stream, so that one that is not read
/// does not stall the others.
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
/// The largest HTTP/2 frame, bytes.
const FRAME_BYTES_MAX: u32 = 256 * 1024;

pub(super) type Router = tonic::transport::server::Router<
    Stack<node::undecoded::Layer, Stack<Calls, tower::layer::util::Identity>>,
>;

impl Ground {
    /// Every service behind its gate.
    pub(super) fn router(
        &self,
        forms: Forms,
        restored: bool,
        health: HealthServer<impl Health>,
    ) -> Router {
        let limits = self.config.limits;
        let bytes_max = limits.message_bytes_max;
        let reflection = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .build_v1()
            .expect("the descriptors that were compiled with this program can be read");
        let acting = Arc::new(Acting {
            registry: self.registry.clone(),
            access: self.access.clone(),
        });
        let behind = |call| gate(&self.access, call);
        Server::builder()
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_frame_size(FRAME_BYTES_MAX)
            .max_concurrent_streams(limits.streams_per_connection_max)
            .max_connection_age(Duration::from_secs(limits.connection_age_s_max))
            .max_connection_age_grace(limits.drain())
            .layer(self.calls.clone())
            .layer(node::undecoded::layer())
            .add_service(
                DeskServiceServer::new(self.desk(forms))
                    .max_decoding_message_size(bytes_max)
                    .max_encoding_message_size(bytes_max),
            )
            .add_service(
                ExchangeServiceServer::new(self.exchange(restored))
                    .max_decoding_message_size(bytes_max)
                    .max_encoding_message_size(bytes_max),
            )
            .add_service(
                OperatorServiceServer::new(self.operator())
                    .max_decoding_message_size(bytes_max)
                    .max_encoding_message_size(bytes_max),
            )
            .add_service(tower::Layer::layer(
                &behind(Call::Documents),
                DocumentsService::new(self.documents.clone(), acting).into_server(),
            ))
            .add_service(tower::Layer::layer(&behind(Call::Health), health))
            .add_service(tower::Layer::layer(&behind(Call::Health), reflection))
    }
}
