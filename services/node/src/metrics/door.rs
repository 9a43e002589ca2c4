//! The door at which Prometheus asks: `GET /metrics`, and nothing else, within limits.

use super::{MetricsConfig, Page, Sources};
use crate::shutdown::Shutdown;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc, oneshot},
    time::{self, Instant},
};

/// Connections at once; of more, each is closed.
const CONNECTIONS_MAX: usize = 8;
/// Bytes of the head of a request.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// How long the head of a request may take.
const HEAD_TIME_MAX: Duration = Duration::from_secs(5);
/// How long a connection may take from its beginning to its end.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a page may be given again.
const PAGE_AGE_MAX: Duration = Duration::from_secs(1);
/// How long a page may take.
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);
/// The pause after the system has refused us a socket.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// What a page is.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The socket, before anybody is let in.
#[derive(Debug)]
pub struct Door {
    tcp: TcpListener,
}

/// Asks for the newest page; none when it could not be made.
type Ask = mpsc::Sender<oneshot::Sender<Option<Bytes>>>;

impl Door {
    /// Opens the socket that the configuration names, if it names one.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn open(config: MetricsConfig) -> io::Result<Option<Self>> {
        let Some(address) = config.listen else {
            return Ok(None);
        };
        let tcp = TcpListener::bind(address).await?;
        Ok(Some(Self { tcp }))
    }

    /// Serves what the sources tell, until the shutdown.
    pub async fn serve(self, sources: Sources, shutdown: Shutdown) {
        if let Ok(address) = self.tcp.local_addr() {
            tracing::info!(%address, "metrics are served");
        }
        let (ask, asked) = mpsc::channel(CONNECTIONS_MAX);
        let let_in = async {
            let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
            loop {
                let Ok((tcp, _)) = self.tcp.accept().await else {
                    time::sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                // Without a place it is closed by being dropped.
                if let Ok(place) = places.clone().try_acquire_owned() {
                    let (ask, shutdown) = (ask.clone(), shutdown.clone());
                    tokio::spawn(async move {
                        let _place = place;
                        let answered = time::timeout(CONNECTION_TIME_MAX, answer(tcp, ask));
                        tokio::select! {
                            _ = answered => {}
                            () = shutdown.triggered() => {}
                        }
                    });
                }
            }
        };
        tokio::select! {
            () = let_in => {}
            () = make_pages(asked, sources) => {}
            () = shutdown.triggered() => {}
        }
    }
}

/// Makes one page at a time, and gives it to all who ask while it is new.
async fn make_pages(mut asked: mpsc::Receiver<oneshot::Sender<Option<Bytes>>>, sources: Sources) {
    let mut newest: Option<(Instant, Bytes)> = None;
    while let Some(reply) = asked.recv().await {
        let is_new = |(made_at, _): &(Instant, Bytes)| made_at.elapsed() < PAGE_AGE_MAX;
        if !newest.as_ref().is_some_and(is_new) {
            let made_at = Instant::now();
            // In a task of its own, so that a source that falls takes no more than its page with it.
            let making = tokio::spawn(make(sources.clone()));
            newest = match time::timeout(PAGE_TIME_MAX, making).await {
                Ok(Ok(page)) => Some((made_at, page)),
                Ok(Err(error)) => {
                    tracing::error!(%error, "a page of metrics could not be made");
                    None
                }
                Err(_) => None,
            };
        }
        // Nobody waits any more when the connection has gone.
        let _ = reply.send(newest.as_ref().map(|(_, page)| page.clone()));
    }
}

async fn make(sources: Sources) -> Bytes {
    let mut page = Page::default();
    for source in sources.iter() {
        source.tell(&mut page).await;
    }
    page.text().into()
}

async fn answer(tcp: TcpStream, ask: Ask) {
    let service = service_fn(move |request| {
        let ask = ask.clone();
        async move { Ok::<_, Infallible>(respond(&request, ask).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(tcp), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "a request for metrics broke off");
    }
}

async fn respond(request: &Request<Incoming>, ask: Ask) -> Response<Full<Bytes>> {
    match (request.uri().path(), request.method()) {
        ("/metrics", &Method::GET) => {}
        ("/metrics", _) => return told(StatusCode::METHOD_NOT_ALLOWED, "use GET\n"),
        _ => {
            return told(
                StatusCode::NOT_FOUND,
                "there is /metrics, and nothing else\n",
            );
        }
    }
    let (reply, page) = oneshot::channel();
    // Whoever makes pages is gone when the process ends.
    let asked = ask.send(reply).await.is_ok();
    match page.await {
        Ok(Some(page)) if asked => {
            let mut response = Response::new(Full::new(page));
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_TYPE,
                http::HeaderValue::from_static(CONTENT_TYPE),
            );
            response
        }
        _ => told(StatusCode::SERVICE_UNAVAILABLE, "no page could be made\n"),
    }
}

fn told(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Source;
    use std::{
        net::SocketAddr,
        sync::atomic::{AtomicU64, Ordering},
    };
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// Counts how often it is asked, and falls once.
    #[derive(Default)]
    struct Counting {
        asked: AtomicU64,
        falls: bool,
    }

    #[async_trait::async_trait]
    impl Source for Counting {
        async fn tell(&self, page: &mut Page) {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
            assert!(!self.falls || asked > 1, "a bug");
            page.counter("lienthong_asked_total", "Asked.").is(asked);
        }
    }

    async fn open(source: Counting) -> (SocketAddr, Shutdown) {
        let listen = Some("127.0.0.1:0".parse().unwrap());
        let door = Door::open(MetricsConfig { listen }).await.unwrap().unwrap();
        let address = door.tcp.local_addr().unwrap();
        let shutdown = Shutdown::new();
        let sources: Sources = Arc::new([Box::new(source)]);
        tokio::spawn(door.serve(sources, shutdown.clone()));
        (address, shutdown)
    }

    async fn say(address: SocketAddr, text: &str) -> String {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        // A connection that is closed on us has answered all that it will.
        let _ = tcp.read_to_string(&mut answer).await;
        answer
    }

    fn request(line: &str) -> String {
        format!("{line} HTTP/1.1\r\nhost: here\r\n\r\n")
    }

    #[tokio::test]
    async fn a_page_is_given_and_is_the_same_however_often_it_is_asked_for() {
        let (address, _shutdown) = open(Counting::default()).await;
        let get = request("GET /metrics");
        for _ in 0..5 {
            let answer = say(address, &get).await;
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
            assert!(answer.contains("application/openmetrics-text"), "{answer}");
            assert!(answer.contains("\nlienthong_asked_total 1.0\n"), "{answer}");
        }
    }

    #[tokio::test]
    async fn whatever_else_is_asked_for_is_refused() {
        let (address, _shutdown) = open(Counting::default()).await;
        for (asked, status) in [
            (request("GET /"), "404"),
            (request("POST /metrics"), "405"),
            (request("GET /metrics/../etc"), "404"),
            ("rubbish\r\n\r\n".to_owned(), "400"),
            (
                format!(
                    "GET /metrics HTTP/1.1\r\nx: {}\r\n\r\n",
                    "x".repeat(64 * 1024)
                ),
                "431",
            ),
        ] {
            let answer = say(address, &asked).await;
            let refused = answer.is_empty() || answer.starts_with(&format!("HTTP/1.1 {status}"));
            assert!(refused, "{status}: {answer}");
            assert!(!answer.contains("lienthong_asked"), "{answer}");
        }
    }

    #[tokio::test]
    async fn more_connections_than_may_be_are_closed_and_the_others_are_served() {
        let (address, _shutdown) = open(Counting::default()).await;
        let mut idle = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            idle.push(TcpStream::connect(address).await.unwrap());
        }
        let get = request("GET /metrics");
        assert_eq!(say(address, &get).await, "");
        idle.clear();
        crate::testing::until_asked(|| async { say(address, &get).await.contains(" 200 ") }).await;
    }

    #[tokio::test]
    async fn a_source_that_falls_takes_one_page_with_it() {
        let (address, _shutdown) = open(Counting {
            falls: true,
            ..Counting::default()
        })
        .await;
        let get = request("GET /metrics");
        assert!(say(address, &get).await.starts_with("HTTP/1.1 503"));
        assert!(say(address, &get).await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn nobody_listens_where_nothing_is_configured_and_after_the_shutdown() {
        assert!(
            Door::open(MetricsConfig::default())
                .await
                .unwrap()
                .is_none()
        );
        let (address, shutdown) = open(Counting::default()).await;
        shutdown.trigger();
        crate::testing::until_asked(|| async { TcpStream::connect(address).await.is_err() }).await;
    }
}
