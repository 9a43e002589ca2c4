//! The engine on real calls over a simulated network: tonic and HTTP/2 as they are, virtual time, messages
//! that are late, lines that break in one direction or both, ends that crash at any moment. What one side
//! wrote down before a crash it has afterwards; nothing else.
//!
//! `SEEDS=1000 cargo test -p node --lib -- stream::network` runs more than the gate does; one is lived by
//! `SEED=7 cargo test -p node --lib -- stream::network_tests::a_life --ignored --nocapture`.

use super::{test_broker::Broker, *};
use crate::fault::Fault;
use contract::v1::{
    Hello, Item, Recorded, ReportRequest, exchange_service_client::ExchangeServiceClient,
    exchange_service_server::ExchangeServiceServer, verdict::Outcome,
};
use futures_util::{StreamExt as _, stream as streams};
use hyper_util::rt::TokioIo;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io,
    pin::Pin,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{sleep, timeout},
};
use tonic::Code;
use tonic::transport::{
    Channel, Endpoint, Server,
    server::{Connected, TcpConnectInfo},
};
use turmoil::net::{TcpListener, TcpStream};

const BROKER: &str = "broker";
const DEPARTMENT: &str = "department";
const PORT: u16 = 7000;
const ITEMS: usize = 60;
/// One step of the simulation.
const TICK: Duration = Duration::from_millis(5);
/// How long faults go on.
const FAULTY: Duration = Duration::from_secs(90);
/// How long it may take after the last fault until everything is recorded.
const PATIENCE: Duration = Duration::from_secs(60);
const LIMITS: StreamLimits = StreamLimits {
    window_items_max: 8,
    window_bytes_max: 1_000,
    heartbeat: Duration::from_secs(1),
    silence: Duration::from_secs(4),
    hello_timeout: Duration::from_secs(3),
};
/// How long opening a connection or a call may take.
const OPENING: Duration = Duration::from_secs(5);

/// What both sides wrote down, and what was seen.
struct World {
    chance: StdRng,
    /// The broker's: what is recorded.
    ledger: BTreeSet<String>,
    /// The department's: what waits for a verdict that is final.
    outbox: BTreeSet<String>,
    /// Nothing strikes any more, and nothing new is to be offered.
    is_calm: bool,
    /// Streams that the broker has not ended.
    open: usize,
    history: String,
}

impl World {
    /// What the department has to offer: never nothing, as long as something strikes.
    fn waiting(&mut self) -> Vec<String> {
        if self.outbox.is_empty() && !self.is_calm {
            let first = self.ledger.len();
            self.outbox = (first..first + ITEMS)
                .map(|n| format!("item-{n:04}"))
                .collect();
        }
        self.outbox.iter().cloned().collect()
    }
}

#[derive(Clone)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(World {
            chance: StdRng::seed_from_u64(seed),
            ledger: BTreeSet::new(),
            outbox: BTreeSet::new(),
            is_calm: false,
            open: 0,
            history: String::new(),
        })))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn below(&self, limit: u64) -> u64 {
        self.world().chance.random_range(0..limit)
    }

    fn note(&self, what: &str) {
        let at = turmoil::sim_elapsed().unwrap_or_default().as_millis();
        writeln!(self.world().history, "{at:>7} ms {what}").unwrap();
    }
}

/// A stream of the broker, from its call until nobody speaks on it any more.
struct Open(Shared);

impl Open {
    fn new(shared: Shared) -> Self {
        shared.world().open += 1;
        Self(shared)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.world().open -= 1;
    }
}

/// A connection of the simulated network, as tonic wants one.
struct Line(TcpStream);

impl Connected for Line {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        TcpConnectInfo {
            local_addr: self.0.local_addr().ok(),
            remote_addr: self.0.peer_addr().ok(),
        }
    }
}

impl AsyncRead for Line {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

/// The broker: records each item once, sooner or later, and answers then; or puts it off, or forgets it.
async fn broker(shared: Shared) -> turmoil::Result {
    shared.note("the broker starts");
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let lines = streams::unfold(listener, |listener| async {
        let line = listener.accept().await.map(|(line, _)| Line(line));
        Some((line, listener))
    });
    let (opened, taken, ended) = (shared.clone(), shared.clone(), shared);
    let broker = Broker {
        limits: LIMITS,
        guard: Box::new(move |_| {
            let open = Open::new(opened.clone());
            Arc::new(move || {
                let _ = &open;
                Ok(())
            })
        }),
        take: Arc::new(move |received| {
            let shared = taken.clone();
            tokio::spawn(async move {
                let Received { item, ticket } = received;
                let pause = shared.below(40);
                sleep(Duration::from_millis(pause)).await;
                match shared.below(20) {
                    0 => ticket.later(Fault::new(Code::Unavailable, "LATER", "later", "sau")),
                    1 => drop(ticket),
                    _ => {
                        shared.world().ledger.insert(item.item_id);
                        ticket.recorded(Recorded::default());
                    }
                }
            });
        }),
        ended: Arc::new(move |fault| {
            let why = fault.and_then(|fault| Fault::reason_of(&fault));
            assert_ne!(why.as_deref(), Some("WINDOW_OVERRUN"));
            ended.note(&format!("the broker's stream ends: {why:?}"));
        }),
    };
    let serving = Server::builder().add_service(ExchangeServiceServer::new(broker));
    serving.serve_with_incoming(Box::pin(lines)).await?;
    Ok(())
}

/// The department: offers what waits, again and again, until the broker has recorded it.
async fn department(shared: Shared) -> turmoil::Result {
    shared.note("the department starts");
    loop {
        let how = match timeout(OPENING, open_stream()).await {
            Ok(Ok(opened)) => speak(&shared, opened).await,
            Ok(Err(why)) => why,
            Err(_) => "nobody answers".into(),
        };
        shared.note(&format!("the department's stream ends: {how}"));
        sleep(Duration::from_millis(100 + shared.below(400))).await;
    }
}

type Opened = (
    Offers,
    Settlements<streams::BoxStream<'static, Result<Envelope, Status>>>,
);

async fn open_stream() -> Result<Opened, String> {
    let connect = tower::service_fn(|_| async {
        let line = TcpStream::connect((BROKER, PORT)).await;
        line.map(TokioIo::new)
    });
    let endpoint = Endpoint::from_static("http://broker:7000");
    let channel: Channel = endpoint
        .connect_with_connector(connect)
        .await
        .map_err(|_| "no connection".to_owned())?;
    let hello = Hello {
        window_items_max: LIMITS.window_items_max,
        window_bytes_max: LIMITS.window_bytes_max,
        ..Hello::default()
    };
    let (opening, outgoing) = open(hello, LIMITS);
    let requests = outgoing.envelopes().map(|envelope| ReportRequest {
        envelope: Some(envelope),
    });
    let told = |status: Status| format!("{:?}", status.code());
    let answer = ExchangeServiceClient::new(channel).report(requests).await;
    let inbound = answer.map_err(told)?.into_inner();
    let inbound = inbound.map(|one| one.map(|response| response.envelope.unwrap_or_default()));
    let session = opening.meet(inbound.boxed()).await.map_err(told)?;
    Ok(session.sending(Arc::new(|| Ok(()))))
}

/// Until the stream ends; what was offered on it is settled or unanswered then, each once.
async fn speak(shared: &Shared, (offers, mut settlements): Opened) -> String {
    let mut under_way = BTreeSet::new();
    loop {
        let waiting = shared.world().waiting();
        for item_id in waiting {
            // Now the items fill the window, and now their bytes.
            let digit = item_id.bytes().last().unwrap_or_default() - b'0';
            let item = Item {
                item_id: item_id.clone(),
                traceparent: "x".repeat(usize::from(digit) * 30),
                ..Item::default()
            };
            match offers.try_offer(item).map_err(|refused| refused.why) {
                Ok(()) => assert!(under_way.insert(item_id), "two under way at once"),
                Err(Refusal::UnderWay) => assert!(under_way.contains(&item_id)),
                Err(Refusal::WindowFull | Refusal::QueueFull) => break,
                Err(Refusal::Ended) => break,
            }
        }
        match settlements.next().await {
            Ok(Settled { item_id, outcome }) => {
                assert!(under_way.remove(&item_id), "{item_id} was not offered");
                // Put off or forgotten, it waits still, and is offered again.
                if matches!(outcome, Outcome::Recorded(_)) {
                    let mut world = shared.world();
                    assert!(world.ledger.contains(&item_id), "{item_id} is not recorded");
                    world.outbox.remove(&item_id);
                    drop(world);
                    shared.note(&format!("{item_id} is recorded"));
                }
            }
            Err(end) => {
                let unanswered: BTreeSet<_> = end.unanswered.iter().cloned().collect();
                assert_eq!(unanswered.len(), end.unanswered.len(), "each once");
                assert_eq!(
                    unanswered, under_way,
                    "possibly held is what has no verdict"
                );
                let reason = end.fault.as_ref().and_then(Fault::reason_of);
                assert_ne!(reason.as_deref(), Some("WINDOW_OVERRUN"));
                return format!("{:?} {reason:?}", end.fault.map(|fault| fault.code()));
            }
        }
    }
}

/// What strikes, and how it ends.
#[derive(Debug, Clone, Copy)]
enum Strike {
    Cut,
    CutThere,
    CutBack,
    Held,
    Crash(&'static str),
}

impl Strike {
    fn any(chance: &mut StdRng) -> Self {
        match chance.random_range(0..7) {
            0 => Self::Cut,
            1 => Self::CutThere,
            2 => Self::CutBack,
            3 => Self::Held,
            4 => Self::Crash(DEPARTMENT),
            _ => Self::Crash(BROKER),
        }
    }

    fn begin(self, sim: &mut turmoil::Sim<'_>) {
        match self {
            Self::Cut => sim.partition(DEPARTMENT, BROKER),
            Self::CutThere => sim.partition_oneway(DEPARTMENT, BROKER),
            Self::CutBack => sim.partition_oneway(BROKER, DEPARTMENT),
            Self::Held => sim.hold(DEPARTMENT, BROKER),
            Self::Crash(host) => sim.crash(host),
        }
    }

    fn end(self, sim: &mut turmoil::Sim<'_>) {
        match self {
            Self::Cut | Self::CutThere | Self::CutBack => sim.repair(DEPARTMENT, BROKER),
            Self::Held => sim.release(DEPARTMENT, BROKER),
            Self::Crash(host) => sim.bounce(host),
        }
    }

    /// Nothing that one side says is heard by the other, for as long as it lasts.
    fn is_silence(self) -> bool {
        matches!(self, Self::Cut | Self::CutThere | Self::Held)
    }
}

/// Tells what happened, if it ends badly.
struct Teller(Shared);

impl Drop for Teller {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0.world().history);
        }
    }
}

/// One life of this little world, and its history.
fn live(seed: u64) -> String {
    let shared = Shared::new(seed);
    let _teller = Teller(shared.clone());
    let mut chance = StdRng::seed_from_u64(seed ^ 1);
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .tick_duration(TICK)
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(50))
        .simulation_duration(FAULTY * 10)
        .build();
    let (here, there) = (shared.clone(), shared.clone());
    sim.host(BROKER, move || broker(here.clone()));
    sim.host(DEPARTMENT, move || department(there.clone()));

    let mut strike: Option<(Strike, Duration, Duration)> = None;
    let mut next = Duration::ZERO;
    while sim.elapsed() < FAULTY || strike.is_some() {
        let now = sim.elapsed();
        match strike {
            Some((what, since, until)) if now >= until => {
                if what.is_silence() && until - since > LIMITS.silence * 2 {
                    let open = shared.world().open;
                    assert_eq!(open, 0, "seed {seed}: a dead stream is noticed at {now:?}");
                }
                what.end(&mut sim);
                strike = None;
                next = now + Duration::from_millis(chance.random_range(0..3_000));
            }
            None if now >= next => {
                let what = Strike::any(&mut chance);
                writeln!(shared.world().history, "{:>7} ms {what:?}", now.as_millis()).unwrap();
                what.begin(&mut sim);
                let until = now + Duration::from_millis(chance.random_range(0..12_000));
                strike = Some((what, now, until));
            }
            _ => {}
        }
        sim.step().unwrap();
    }
    shared.world().is_calm = true;
    let calm = sim.elapsed();
    while !shared.world().outbox.is_empty() {
        sim.step().unwrap();
        let waits = sim.elapsed() - calm;
        let world = shared.world();
        assert!(
            waits < PATIENCE,
            "seed {seed}: {:?} are not recorded",
            world.outbox
        );
    }
    let world = shared.world();
    let recorded = world.ledger.len();
    assert!(recorded >= ITEMS, "seed {seed}: {recorded}");
    world.history.clone()
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap())
}

/// A life in a process of its own: the order in which tokio ends a crashed host's tasks follows from their
/// numbers, which it counts for the whole process.
fn live_alone(seed: u64) -> String {
    let a_life = "stream::network_tests::a_life";
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", a_life, "--ignored", "--nocapture"])
        .env("SEED", seed.to_string())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout);
    let why = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "seed {seed}: {why}");
    // One in a task of the broker's ends nothing else.
    assert!(!why.contains("panicked at"), "seed {seed}: {why}");
    let history: Vec<&str> = told.lines().filter(|line| line.contains(" ms ")).collect();
    assert!(history.len() > ITEMS, "seed {seed}: {told}");
    history.join("\n")
}

#[test]
#[ignore = "lived by the tests below, in a process of its own"]
fn a_life() {
    println!("{}", live(number("SEED").unwrap_or(0)));
}

#[test]
fn whatever_the_network_does_every_item_is_recorded_and_every_stream_accounts_for_its_own() {
    for seed in 0..number("SEEDS").unwrap_or(8) {
        live_alone(seed);
    }
}

#[test]
fn the_same_seed_twice_is_the_same_history() {
    for seed in [0, 7] {
        assert_eq!(live_alone(seed), live_alone(seed));
    }
}
