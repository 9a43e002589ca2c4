//! The door of a bench department: takes handovers and acknowledges each at once.

use super::office::SharedOffice;
use crate::bench::control::Temper;
use contract::v1::{
    DescribeRequest, DescribeResponse, HandOverOneRequest, HandOverOneResponse, HandOverRequest,
    HandOverResponse, Hello, Recorded,
    department_service_server::{DepartmentService, DepartmentServiceServer},
};
use futures_util::{Stream, StreamExt as _};
use node::{
    shutdown::Shutdown,
    stream::{self, Inbound, MESSAGE_BYTES_MAX, Received, Receiving, StreamLimits},
    tls::Listener,
};
use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};
use tokio::time::{Instant, sleep_until};
use tonic::{Request, Response, Status, Streaming, transport::Server};

/// HTTP/2 windows, as the broker's.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// What a slow department takes for each handover.
const SLOW: Duration = Duration::from_secs(1);
/// How long a restless one stays.
pub(super) const RESTLESS: Duration = Duration::from_millis(100);

/// Serves until the shutdown.
pub(super) async fn serve(
    listener: Listener,
    office: SharedOffice,
    limits: StreamLimits,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    let service = DepartmentServiceServer::new(Door { office, limits })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let server = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .add_service(service)
        .add_service(health_service);
    let ending = async move { shutdown.triggered().await };
    Ok(server
        .serve_with_incoming_shutdown(listener, ending)
        .await?)
}

/// Takes what comes until the stream ends, as it is in the office's temper to.
async fn take_all<S: Inbound>(office: &SharedOffice, mut receiving: Receiving<S>) {
    let mut temper = office.temper.subscribe();
    let opened = Instant::now();
    let mut next = opened;
    let mut heard = VecDeque::new();
    loop {
        let is = *temper.borrow_and_update();
        if matches!(is, Temper::Ordinary | Temper::Restless) {
            heard.drain(..).for_each(|one| acknowledge(office, one));
        }
        tokio::select! {
            _ = temper.changed() => {}
            one = receiving.next() => match one {
                Ok(Some(one)) => heard.push_back(one),
                _ => return,
            },
            () = sleep_until(next), if is == Temper::Slow && !heard.is_empty() => {
                heard.pop_front().into_iter().for_each(|one| acknowledge(office, one));
                next = Instant::now() + SLOW;
            }
            () = sleep_until(opened + RESTLESS), if is == Temper::Restless => return,
        }
    }
}

fn acknowledge(office: &SharedOffice, received: Received) {
    let Received { item, ticket } = received;
    let position = office.take(item);
    ticket.recorded(Recorded {
        recorded_at: Some(SystemTime::now().into()),
        position,
        superseded: false,
    });
}

struct Door {
    office: SharedOffice,
    limits: StreamLimits,
}

/// Who a bench department says it is.
pub(super) fn hello(agency_code: &str) -> Hello {
    Hello {
        store_id: "bench".into(),
        epoch: "1".into(),
        contract_version: "1.0".into(),
        agency_code: agency_code.into(),
        ..Hello::default()
    }
}

#[tonic::async_trait]
impl DepartmentService for Door {
    type HandOverStream = Pin<Box<dyn Stream<Item = Result<HandOverResponse, Status>> + Send>>;

    async fn describe(
        &self,
        request: Request<DescribeRequest>,
    ) -> Result<Response<DescribeResponse>, Status> {
        Ok(Response::new(DescribeResponse {
            agency_code: request.into_inner().agency_code,
            software: "lienthong bench".into(),
            contract_version: "1.0".into(),
            steps: Vec::new(),
        }))
    }

    async fn hand_over(
        &self,
        request: Request<Streaming<HandOverRequest>>,
    ) -> Result<Response<Self::HandOverStream>, Status> {
        let inbound = request
            .into_inner()
            .map(|message| message.map(|message| message.envelope.unwrap_or_default()));
        let asked = stream::accept(inbound, self.limits).await?;
        let own = hello(&asked.hello().agency_code);
        let (session, outgoing) = asked.answer(own);
        let receiving = session.receiving(Arc::new(|| Ok(())));
        let office = self.office.clone();
        tokio::spawn(async move {
            office.streams.fetch_add(1, Ordering::Relaxed);
            take_all(&office, receiving).await;
            office.streams.fetch_sub(1, Ordering::Relaxed);
        });
        let responses = outgoing.map(|out| {
            out.map(|envelope| HandOverResponse {
                envelope: Some(envelope),
            })
        });
        Ok(Response::new(Box::pin(responses)))
    }

    async fn hand_over_one(
        &self,
        _: Request<HandOverOneRequest>,
    ) -> Result<Response<HandOverOneResponse>, Status> {
        Err(Status::unimplemented("the bench measures streams"))
    }
}
