//! Lets systems in: accepts sockets, shakes hands with each in a task of its own, within limits.

use super::{
    Connection, Connections, Credentials,
    connection::{Open, Place},
    refusals::{QUIET_INTERVAL, Refusals, explain},
    tune,
};
use crate::{config::millis, identity::Peer};
use futures_util::Stream;
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    convert::Infallible,
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::mpsc,
    task::{AbortHandle, JoinSet},
    time::{self, Instant, MissedTickBehavior},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

/// Connections that the system keeps for us until we accept them; of more, it lets each wait a
/// second and try again.
const BACKLOG: u32 = 4096;
/// Connections that have shaken hands and wait to be served.
const WAITING_MAX: usize = 64;
/// How long a refused peer has for reading its alert.
const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// Bytes of a refused peer that are read away, so that closing does not overtake the alert.
const FAREWELL_BYTES_MAX: u64 = 64 * 1024;
/// The pause after the system has refused us a socket.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many connections a process keeps, and how long a handshake may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ListenerLimits {
    /// Connections over which a system has shown its certificate; 1024. More are dropped at once.
    pub connections_max: usize,
    /// Of these and of handshakes, how many from one address (an IPv6 /64 counts as one); 512.
    pub connections_per_address_max: usize,
    /// How many of one system; 128.
    pub connections_per_system_max: usize,
    /// Handshakes under way; 256. Of more, the oldest gives way, so that nobody holds the door shut
    /// by standing in it.
    pub handshakes_max: usize,
    /// For a handshake; 10 s. In a configuration: `handshake_timeout_ms`.
    #[serde(rename = "handshake_timeout_ms", deserialize_with = "millis")]
    pub handshake_timeout: Duration,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            connections_per_address_max: 512,
            connections_per_system_max: 128,
            handshakes_max: 256,
            handshake_timeout: Duration::from_secs(10),
        }
    }
}

/// A stream of connections whose other end is known, for
/// `tonic::transport::Server::serve_with_incoming_shutdown`. Dropping it closes the socket.
#[derive(Debug)]
pub struct Listener {
    incoming: mpsc::Receiver<Connection>,
    local_address: SocketAddr,
    connections: Connections,
    shut: CancellationToken,
    _door: AbortOnDropHandle<()>,
}

impl Listener {
    /// Opens a socket at `address` (port 0 lets the system pick) and begins to accept.
    ///
    /// # Errors
    /// The address cannot be bound, or the credentials cannot be used.
    pub async fn bind(
        address: SocketAddr,
        credentials: &Credentials,
        limits: ListenerLimits,
    ) -> io::Result<Self> {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        Self::new(socket.listen(BACKLOG)?, credentials, limits)
    }

    /// Begins to accept on a socket that is open.
    ///
    /// # Errors
    /// The credentials cannot be used.
    pub fn new(
        tcp: TcpListener,
        credentials: &Credentials,
        limits: ListenerLimits,
    ) -> io::Result<Self> {
        let config = credentials.server_config().map_err(io::Error::other)?;
        let local_address = tcp.local_addr()?;
        let connections = Connections::default();
        let (outgoing, incoming) = mpsc::channel(WAITING_MAX);
        let hall = Hall {
            acceptor: TlsAcceptor::from(config),
            limits,
            connections: connections.clone(),
            outgoing,
        };
        let door = Door {
            tcp,
            hall: Arc::new(hall),
            refusals: Refusals::new(),
        };
        let shut = CancellationToken::new();
        let shuts = shut.clone().drop_guard();
        let door = AbortOnDropHandle::new(tokio::spawn(async move {
            let _shuts = shuts;
            door.keep().await;
        }));
        Ok(Self {
            incoming,
            local_address,
            connections,
            shut,
            _door: door,
        })
    }

    /// Where it listens, with the port that was picked.
    pub fn local_address(&self) -> SocketAddr {
        self.local_address
    }

    /// Waits until nobody is let in any more, whoever holds this or has dropped it.
    pub fn shut(&self) -> impl Future<Output = ()> + Send + use<> {
        self.shut.clone().cancelled_owned()
    }

    /// How many connections there are, for health and statistics.
    pub fn connections(&self) -> Connections {
        self.connections.clone()
    }
}

impl Stream for Listener {
    type Item = Result<Connection, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.incoming
            .poll_recv(cx)
            .map(|connection| connection.map(Ok))
    }
}

/// The task that accepts sockets.
struct Door {
    tcp: TcpListener,
    hall: Arc<Hall>,
    refusals: Refusals,
}

/// What every handshake needs.
struct Hall {
    acceptor: TlsAcceptor,
    limits: ListenerLimits,
    connections: Connections,
    outgoing: mpsc::Sender<Connection>,
}

/// How a handshake went: which one it was, and why it was refused if it was.
type Ended = (u64, Option<Refused>);

struct Refused {
    address: IpAddr,
    reason: &'static str,
    error: String,
}

impl Door {
    async fn keep(mut self) {
        let mut handshakes: JoinSet<Ended> = JoinSet::new();
        let mut pending: BTreeMap<u64, (IpAddr, AbortHandle)> = BTreeMap::new();
        let mut number = 0;
        let mut quiet = time::interval(QUIET_INTERVAL);
        quiet.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.hall.outgoing.closed() => return,
                _ = quiet.tick() => self.refusals.tell_counts(Instant::now()),
                Some(ended) = handshakes.join_next() => {
                    // A handshake that gave way has been told and taken from `pending` already.
                    let Ok((number, refused)) = ended else { continue };
                    pending.remove(&number);
                    if let Some(refused) = refused {
                        self.refuse(refused.address, refused.reason, &refused.error);
                    }
                }
                accepted = self.tcp.accept() => match accepted {
                    Err(error) if is_of_one_connection(&error) => {}
                    Err(error) => {
                        self.refuse(Ipv6Addr::UNSPECIFIED.into(), "NO_SOCKET", &error.to_string());
                        time::sleep(ACCEPT_PAUSE).await;
                    }
                    Ok((tcp, from)) => {
                        let address = from.ip().to_canonical();
                        let Some(place) = self.admit(address) else { continue };
                        if pending.len() >= self.hall.limits.handshakes_max
                            && let Some((_, (address, oldest))) = pending.pop_first()
                        {
                            if !oldest.is_finished() {
                                let why = "an older handshake gave way to a newer";
                                self.refuse(address, "HANDSHAKES_MAX", why);
                            }
                            oldest.abort();
                        }
                        number += 1;
                        let handshake = self.hall.clone().receive(number, tcp, address, place);
                        pending.insert(number, (address, handshakes.spawn(handshake)));
                    }
                },
            }
        }
    }

    fn admit(&mut self, address: IpAddr) -> Option<Place<IpAddr>> {
        let (limits, connections) = (self.hall.limits, &self.hall.connections);
        if connections.open() >= limits.connections_max {
            self.refuse(
                address,
                "CONNECTIONS_MAX",
                "as many connections are open as may be",
            );
            return None;
        }
        let place =
            connections.take_address(neighbourhood(address), limits.connections_per_address_max);
        if place.is_none() {
            self.refuse(
                address,
                "CONNECTIONS_PER_ADDRESS_MAX",
                "too many from this address",
            );
        }
        place
    }

    fn refuse(&mut self, address: IpAddr, reason: &'static str, error: &str) {
        self.hall.connections.note_refused(reason);
        self.refusals.note(address, reason, error);
    }
}

impl Hall {
    async fn receive(
        self: Arc<Self>,
        number: u64,
        tcp: TcpStream,
        address: IpAddr,
        place: Place<IpAddr>,
    ) -> Ended {
        let shaking = self.connections.begin_handshake();
        let limit = self.limits.handshake_timeout;
        let refused = match time::timeout(limit, self.shake_hands(tcp, place, shaking)).await {
            Ok(Ok(())) => None,
            Ok(Err((reason, error))) => Some(Refused {
                address,
                reason,
                error,
            }),
            Err(_) => {
                let error = format!("no handshake within {limit:?}");
                Some(Refused {
                    address,
                    reason: "HANDSHAKE_TIMEOUT",
                    error,
                })
            }
        };
        (number, refused)
    }

    async fn shake_hands(
        &self,
        tcp: TcpStream,
        address: Place<IpAddr>,
        shaking: Open,
    ) -> Result<(), (&'static str, String)> {
        tune(&tcp).map_err(|error| ("CONNECTION_LOST", error.to_string()))?;
        let stream = match self.acceptor.accept(tcp).into_fallible().await {
            Ok(stream) => stream,
            Err((error, tcp)) => {
                let refused = explain(&error);
                let _ = time::timeout(FAREWELL_MAX, say_farewell(tcp)).await;
                return Err(refused);
            }
        };
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let leaf = certificates
            .first()
            .ok_or(("NO_CERTIFICATE", String::new()))?;
        let peer = Peer::from_certificate(leaf)
            .map_err(|error| ("IDENTITY_REFUSED", error.to_string()))?;

        let limits = &self.limits;
        let system = self
            .connections
            .take_system(&peer.identity, limits.connections_per_system_max)
            .ok_or_else(|| ("CONNECTIONS_PER_SYSTEM_MAX", peer.identity.to_string()))?;
        let open = self
            .connections
            .take_open(limits.connections_max)
            .ok_or_else(|| ("CONNECTIONS_MAX", peer.identity.to_string()))?;
        drop(shaking);
        let connection = Connection::new(stream, Arc::new(peer), address, system, open);
        // Nobody takes it when the process is ending; then it is closed.
        let _ = self.outgoing.send(connection).await;
        Ok(())
    }
}

/// Closes our side and reads what is still coming: closing with bytes unread would reset the
/// connection, and the peer might never see why.
async fn say_farewell(mut tcp: TcpStream) -> io::Result<u64> {
    tcp.shutdown().await?;
    tokio::io::copy(&mut tcp.take(FAREWELL_BYTES_MAX), &mut tokio::io::sink()).await
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

/// Addresses that one host can choose among freely.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}
