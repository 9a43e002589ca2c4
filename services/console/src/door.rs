//! Lets browsers in: accepts sockets, shakes hands, and serves what they ask, within limits.

use crate::{app::App, config::Config};
use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto::Builder, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use node::{
    identity::Peer,
    shutdown::{Shutdown, drain},
    tls::tune,
};
use rustls::ServerConfig;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{interval, sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tower::ServiceExt as _;

/// Bytes of a request's head.
const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Requests of one HTTP/2 connection at once.
const REQUESTS_MAX: u32 = 64;
/// The pause after the system has refused us a socket.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Between two looks for sessions that are over.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Serves until `shutdown`, then drains.
pub(crate) async fn serve(app: App, listener: TcpListener, tls: Arc<ServerConfig>) {
    let (config, shutdown) = (app.config.clone(), app.shutdown.clone());
    let door = Door {
        acceptor: TlsAcceptor::from(tls),
        handshake_max: Duration::from_millis(config.times.handshake_ms_max),
        shutdown: shutdown.clone(),
        sessions: app.sessions.clone(),
        router: app.router(),
    };
    door.keep(&config, listener, &shutdown).await;
}

struct Door {
    acceptor: TlsAcceptor,
    handshake_max: Duration,
    shutdown: Shutdown,
    sessions: crate::session::Sessions,
    router: Router,
}

impl Door {
    async fn keep(self, config: &Config, listener: TcpListener, shutdown: &Shutdown) {
        let places = Arc::new(Semaphore::new(config.limits.connections_max));
        let graceful = GracefulShutdown::new();
        let mut sweep = interval(SWEEP_INTERVAL);
        loop {
            let accepted = tokio::select! {
                () = shutdown.triggered() => break,
                _ = sweep.tick() => {
                    self.sessions.sweep();
                    continue;
                }
                accepted = listener.accept() => accepted,
            };
            let tcp = match accepted {
                Ok((tcp, _)) => tcp,
                Err(error) => {
                    tracing::warn!(%error, "a browser could not be let in");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                tracing::warn!("as many browsers are connected as may be");
                continue;
            };
            let (acceptor, router) = (self.acceptor.clone(), self.router.clone());
            let (watcher, limit) = (graceful.watcher(), self.handshake_max);
            let shutdown = self.shutdown.clone();
            tokio::spawn(async move {
                let shaken = timeout(limit, shake_hands(acceptor, tcp)).await;
                let Ok(Ok((stream, peer))) = shaken else {
                    return;
                };
                let serving = one(stream, peer, router, limit, watcher, place);
                // What is open when the draining ends is cut with the runtime.
                let _ = (serving.await, shutdown);
            });
        }
        drop(listener);
        let deadline = Duration::from_secs(config.times.drain_s_max);
        if let Err(overdue) = drain(deadline, graceful.shutdown()).await {
            tracing::warn!(%overdue, "browsers were cut off");
        }
    }
}

async fn shake_hands(
    acceptor: TlsAcceptor,
    tcp: TcpStream,
) -> io::Result<(TlsStream<TcpStream>, Option<Arc<Peer>>)> {
    tune(&tcp)?;
    let stream = acceptor.accept(tcp).await?;
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let peer = shown
        .first()
        .and_then(|leaf| Peer::from_certificate(leaf).ok());
    Ok((stream, peer.map(Arc::new)))
}

async fn one(
    stream: TlsStream<TcpStream>,
    peer: Option<Arc<Peer>>,
    router: Router,
    head_max: Duration,
    watcher: hyper_util::server::graceful::Watcher,
    _place: OwnedSemaphorePermit,
) {
    let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
        if let Some(peer) = &peer {
            request.extensions_mut().insert(peer.clone());
        }
        request
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(head_max)
        .max_buf_size(HEAD_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .max_concurrent_streams(REQUESTS_MAX)
        .keep_alive_interval(Some(Duration::from_secs(30)));
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a browser's connection broke");
    }
}
