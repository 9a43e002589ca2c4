//! What lines alone can carry: a broker that records nothing. It takes a report, hands it over to the
//! next department, and acknowledges it when that one has.

use anyhow::Context as _;
use broker::Config;
use contract::v1::{
    self, Evidence, HandOverRequest, Handover, Hello, Item, Recorded, Task,
    department_service_client::DepartmentServiceClient,
    exchange_service_server::{ExchangeService, ExchangeServiceServer},
    item, report,
};
use dossier::directory::Directory;
use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use node::{
    identity::{Identity, Role},
    shutdown::Shutdown,
    stream::{self, MESSAGE_BYTES_MAX, Received, StreamLimits, Ticket},
    tls::{ChannelOptions, Credentials, Listener, channel},
};
use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{sync::mpsc, time::sleep};
use tonic::{Request, Response, Status, Streaming, transport::Server};

/// HTTP/2 windows and frames, as the broker's.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;
const FRAME_BYTES_MAX: u32 = 256 * 1024;
/// Items that may wait for room on a stream.
const WAITING_MAX: usize = 8192;
/// Between two attempts to reach a department.
const AGAIN: Duration = Duration::from_millis(20);
/// The step of everything that is passed on, and its evidence.
pub(crate) const STEP: &str = "pass";
/// Evidence in it.
pub(crate) const PAPER: &str = "paper";
/// The environment variable that says how many items go round.
pub(crate) const ITEMS_VARIABLE: &str = "LIENTHONG_BENCH_PASS_ITEMS";

/// Something to hand over, and what to answer when it was acknowledged.
type Passed = (Item, Option<Ticket>);

/// Runs it until the shutdown.
pub(crate) async fn run(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let credentials = Credentials::load(&config.credentials)?;
    let text = std::fs::read_to_string(&config.directory)?;
    let directory = Directory::parse("directory.toml", &text)?;
    let mut lines = Vec::new();
    let mut departments = Vec::new();
    for agency in directory.agencies().filter(|one| !one.roles.is_empty()) {
        let system = directory
            .system_of(&agency.code, Timestamp::now())
            .context("an agency without a system")?;
        let address = system
            .address
            .clone()
            .context("a system without an address")?;
        let domain = &credentials.identity().trust_domain;
        let identity = Identity::new(domain, Role::Department, &system.code)?;
        let (pass_on, passed) = mpsc::channel(WAITING_MAX);
        lines.push(pass_on);
        departments.push((agency.code.to_string(), address, identity, passed));
    }
    let agencies: Vec<_> = departments.iter().map(|one| one.0.clone()).collect();
    let pass = Pass(Arc::new(Inner {
        agencies,
        lines,
        limits: config.streams,
        number: AtomicU64::new(0),
    }));
    for (agency, address, identity, passed) in departments {
        let channel = channel(&address, identity, &credentials, ChannelOptions::exchange())?;
        let limits = config.streams;
        tokio::spawn(hand_over(agency, channel, limits, passed));
    }
    let items = std::env::var(ITEMS_VARIABLE).ok();
    let items: usize = items.and_then(|items| items.parse().ok()).unwrap_or(1);
    for number in 0..items {
        pass.0.pass(number, Vec::new(), None).await;
    }

    let listener = Listener::bind(config.listen, &credentials, config.listener).await?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    let service = ExchangeServiceServer::new(pass)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX);
    let server = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES_MAX)
        .add_service(service)
        .add_service(health_service);
    let ending = async move { shutdown.triggered().await };
    Ok(server
        .serve_with_incoming_shutdown(listener, ending)
        .await?)
}

#[derive(Clone)]
struct Pass(Arc<Inner>);

struct Inner {
    agencies: Vec<String>,
    lines: Vec<mpsc::Sender<Passed>>,
    limits: StreamLimits,
    number: AtomicU64,
}

impl Inner {
    /// Hands evidence over to the department of this place.
    async fn pass(&self, to: usize, evidence: Vec<Evidence>, ticket: Option<Ticket>) {
        let to = to % self.lines.len();
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let handover = Handover {
            handover_id: format!("handover-{number:020}"),
            dossier_id: format!("{number:032x}"),
            dossier_code: format!("BENCH-{number:010}"),
            procedure_code: "bench_pass".into(),
            step_id: STEP.into(),
            round: 1,
            task: Task::Work.into(),
            agency_code: self.agencies[to].clone(),
            evidence,
            ..Handover::default()
        };
        let item = Item {
            item_id: handover.handover_id.clone(),
            kind: Some(item::Kind::Handover(handover)),
            ..Default::default()
        };
        // A ticket that is dropped says that it is not known.
        let _ = self.lines[to].send((item, ticket)).await;
    }

    fn hello(&self, agency_code: &str) -> Hello {
        hello(agency_code)
    }
}

fn hello(agency_code: &str) -> Hello {
    Hello {
        store_id: "pass".into(),
        epoch: "1".into(),
        contract_version: "1.0".into(),
        agency_code: agency_code.into(),
        ..Hello::default()
    }
}

fn recorded(number: u64) -> Recorded {
    Recorded {
        recorded_at: Some(SystemTime::now().into()),
        position: number,
        superseded: false,
    }
}

/// Hands over to one department for as long as anything comes.
async fn hand_over(
    agency: String,
    channel: tonic::transport::Channel,
    limits: StreamLimits,
    mut passed: mpsc::Receiver<Passed>,
) {
    loop {
        let (opening, outgoing) = stream::open(hello(&agency), limits);
        let requests = outgoing.envelopes().map(|envelope| HandOverRequest {
            envelope: Some(envelope),
        });
        let mut client = DepartmentServiceClient::new(channel.clone());
        let Ok(responses) = client.hand_over(requests).await else {
            sleep(AGAIN).await;
            continue;
        };
        let responses = responses.into_inner();
        let inbound =
            responses.map(|one| one.map(|response| response.envelope.unwrap_or_default()));
        let Ok(session) = opening.meet(inbound).await else {
            continue;
        };
        let (offers, mut settlements) = session.sending(Arc::new(|| Ok(())));
        let tickets: Arc<Mutex<HashMap<String, Ticket>>> = Arc::default();
        let answering = tickets.clone();
        let hearing = async move {
            while let Ok(settled) = settlements.next().await {
                let mut tickets = answering.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(ticket) = tickets.remove(&settled.item_id) {
                    ticket.recorded(recorded(1));
                }
            }
        };
        let speaking = async {
            while let Some((item, ticket)) = passed.recv().await {
                if let Some(ticket) = ticket {
                    let mut tickets = tickets.lock().unwrap_or_else(PoisonError::into_inner);
                    tickets.insert(item.item_id.clone(), ticket);
                }
                if offers.offer(item).await.is_err() {
                    return;
                }
            }
        };
        tokio::join!(hearing, speaking);
    }
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl ExchangeService for Pass {
    type ReportStream = Responses<v1::ReportResponse>;
    type CollectStream = Responses<v1::CollectResponse>;

    async fn report(
        &self,
        request: Request<Streaming<v1::ReportRequest>>,
    ) -> Result<Response<Self::ReportStream>, Status> {
        let inbound = request
            .into_inner()
            .map(|message| message.map(|message| message.envelope.unwrap_or_default()));
        let asked = stream::accept(inbound, self.0.limits).await?;
        let agency = asked.hello().agency_code.clone();
        let own = self.0.hello(&agency);
        let (session, outgoing) = asked.answer(own);
        let mut receiving = session.receiving(Arc::new(|| Ok(())));
        let inner = self.0.clone();
        let at = inner.agencies.iter().position(|one| *one == agency);
        tokio::spawn(async move {
            while let Ok(Some(Received { item, ticket })) = receiving.next().await {
                inner
                    .pass(at.unwrap_or_default() + 1, given(item), Some(ticket))
                    .await;
            }
        });
        let responses = outgoing.map(|out| {
            out.map(|envelope| v1::ReportResponse {
                envelope: Some(envelope),
            })
        });
        Ok(Response::new(Box::pin(responses)))
    }

    async fn report_one(
        &self,
        _: Request<v1::ReportOneRequest>,
    ) -> Result<Response<v1::ReportOneResponse>, Status> {
        Err(unserved())
    }

    async fn collect(
        &self,
        _: Request<Streaming<v1::CollectRequest>>,
    ) -> Result<Response<Self::CollectStream>, Status> {
        Err(unserved())
    }

    async fn fetch(
        &self,
        _: Request<v1::FetchRequest>,
    ) -> Result<Response<v1::FetchResponse>, Status> {
        Err(unserved())
    }

    async fn acknowledge(
        &self,
        _: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        Err(unserved())
    }

    async fn reconcile(
        &self,
        _: Request<v1::ReconcileRequest>,
    ) -> Result<Response<v1::ReconcileResponse>, Status> {
        Err(unserved())
    }
}

/// What a report gives, as the next department gets it.
fn given(item: Item) -> Vec<Evidence> {
    let Some(item::Kind::Report(report)) = item.kind else {
        return Vec::new();
    };
    let Some(report::Kind::Completed(completed)) = report.kind else {
        return Vec::new();
    };
    let evidence = completed.evidence.into_iter().map(|one| Evidence {
        name: one.name,
        version: 1,
        data: one.data,
        ..Evidence::default()
    });
    evidence.collect()
}

fn unserved() -> Status {
    Status::unimplemented("the bench passes on reports alone")
}
