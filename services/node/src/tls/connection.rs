//! A connection whose other end is known, and how many there are.

use super::refusals::REASONS;
use crate::identity::{Identity, Peer};
use std::{
    collections::HashMap,
    hash::Hash,
    io::{self, IoSlice},
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

/// A connection over which a system has shown its certificate. Handlers find its
/// [`Peer`] by `request.extensions().get::<Arc<Peer>>()`.
#[derive(Debug)]
pub struct Connection {
    stream: TlsStream<TcpStream>,
    peer: Arc<Peer>,
    _places: (Place<IpAddr>, Place<Identity>, Open),
}

/// How many connections there are. Cheap to clone; all clones count the same.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    open: Arc<AtomicUsize>,
    handshakes: Arc<AtomicUsize>,
    refused: Arc<[AtomicU64; REASONS.len()]>,
    by_address: Tally<IpAddr>,
    by_system: Tally<Identity>,
}

/// How many places each has taken.
#[derive(Debug)]
struct Tally<K>(Arc<Mutex<HashMap<K, usize>>>);

/// A place taken, given back when dropped.
#[derive(Debug)]
pub(super) struct Place<K: Eq + Hash> {
    key: K,
    tally: Tally<K>,
}

/// Counts one while it lives.
#[derive(Debug)]
pub(super) struct Open(Arc<AtomicUsize>);

impl Connection {
    pub(super) fn new(
        stream: TlsStream<TcpStream>,
        peer: Arc<Peer>,
        address: Place<IpAddr>,
        system: Place<Identity>,
        open: Open,
    ) -> Self {
        Self {
            stream,
            peer,
            _places: (address, system, open),
        }
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}

impl Connections {
    /// Connections over which a system has shown its certificate.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Connections that are still in their handshake.
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }

    /// Connections refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused_by_reason().map(|(_, count)| count).sum()
    }

    /// The same, by the reason word of the log.
    pub fn refused_by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = REASONS.into_iter().zip(self.refused.iter());
        counts.map(|(reason, count)| (reason, count.load(Ordering::Relaxed)))
    }

    /// Open connections of one system.
    pub fn of_system(&self, system: &Identity) -> usize {
        self.by_system.count(system)
    }

    pub(super) fn note_refused(&self, reason: &str) {
        let place = REASONS.iter().position(|one| *one == reason);
        debug_assert!(place.is_some(), "{reason}");
        if let Some(place) = place {
            self.refused[place].fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn begin_handshake(&self) -> Open {
        Open::count(&self.handshakes)
    }

    pub(super) fn take_open(&self, max: usize) -> Option<Open> {
        let open = Open::count(&self.open);
        (self.open() <= max).then_some(open)
    }

    pub(super) fn take_address(&self, address: IpAddr, max: usize) -> Option<Place<IpAddr>> {
        self.by_address.take(address, max)
    }

    pub(super) fn take_system(&self, system: &Identity, max: usize) -> Option<Place<Identity>> {
        self.by_system.take(system.clone(), max)
    }
}

impl<K: Eq + Hash + Clone> Tally<K> {
    fn take(&self, key: K, max: usize) -> Option<Place<K>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key.clone()).or_insert(0);
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place {
            key,
            tally: self.clone(),
        })
    }

    fn count(&self, key: &K) -> usize {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(key).copied().unwrap_or(0)
    }
}

impl<K> Clone for Tally<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut counts = self.tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

impl Open {
    fn count(counter: &Arc<AtomicUsize>) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Connected for Connection {
    type ConnectInfo = Arc<Peer>;

    fn connect_info(&self) -> Arc<Peer> {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
