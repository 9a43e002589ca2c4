//! Goes out to a system: a channel that connects when it is first used, and again when it must.

use super::{Credentials, tune, verifier::told};
use crate::identity::{Identity, Peer};
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig,
    pki_types::{InvalidDnsNameError, ServerName},
};
use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{net::TcpStream, time};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};

/// How often a broker is pinged while a call waits. Shorter than what a page of holdings may take.
const PING_INTERVAL: Duration = Duration::from_secs(10);

/// How a channel connects and how much it lets flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelOptions {
    /// For the TCP connection and the TLS handshake together.
    pub connect_timeout: Duration,
    /// How often the other side is pinged while a call waits, and how long it may take to answer; none
    /// does not ping.
    pub ping_interval: Option<Duration>,
    /// HTTP/2 window of one stream towards us, bytes; HTTP/2's own 64 KiB when none.
    pub stream_window_bytes: Option<u32>,
    /// HTTP/2 window of the connection towards us, bytes; as above.
    pub connection_window_bytes: Option<u32>,
    /// The largest HTTP/2 frame towards us, bytes; HTTP/2's own 16 KiB when none.
    pub frame_bytes_max: Option<u32>,
}

/// A channel that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// Write the address in the shape shown.
    #[error("`{0}` is no address; write host:port or https://host:port")]
    Address(String),
    /// Give the other system an identity whose DNS name is one.
    #[error("the expected identity has no DNS name: {0}")]
    Name(#[from] InvalidDnsNameError),
    /// Look at this process's certificate and key.
    #[error("the credentials cannot be used: {0}")]
    Credentials(#[from] rustls::Error),
}

/// Who answered when the channel connected last, for [`Peer::check`] on streams that are open.
/// Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct PeerSlot(Arc<Mutex<Option<Arc<Peer>>>>);

impl PeerSlot {
    /// The system at the other end; none before the first connection.
    pub fn current(&self) -> Option<Arc<Peer>> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn put(&self, peer: Peer) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(peer));
    }
}

impl ChannelOptions {
    /// For items and verdicts, which are small.
    pub fn exchange() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            stream_window_bytes: Some(1024 * 1024),
            connection_window_bytes: Some(2 * 1024 * 1024),
            frame_bytes_max: None,
            ping_interval: None,
        }
    }

    /// The same, towards a broker: while a call waits it is pinged, so that a line that went dead is left
    /// and dialled anew. Nobody else is: some servers close a connection that pings.
    #[must_use]
    pub fn to_broker(self) -> Self {
        Self {
            ping_interval: Some(PING_INTERVAL),
            ..self
        }
    }

    /// For documents, on a connection of their own.
    pub fn documents() -> Self {
        Self {
            stream_window_bytes: Some(4 * 1024 * 1024),
            connection_window_bytes: Some(8 * 1024 * 1024),
            frame_bytes_max: Some(256 * 1024),
            ..Self::exchange()
        }
    }
}

/// A channel to the system `expected` at `address` (`host:port` or `https://host:port`), which must
/// show that identity wherever it runs. It connects when it is first used.
///
/// # Errors
/// The address has another shape, or the credentials cannot be used. That nobody answers, or
/// somebody else, is told by the calls: `UNAVAILABLE`, with the reason as its source.
pub fn channel(
    address: &str,
    expected: Identity,
    credentials: &Credentials,
    options: ChannelOptions,
) -> Result<Channel, ChannelError> {
    dial(address, expected, credentials, options).map(|(channel, _)| channel)
}

/// As [`channel`], and a view of who answered.
///
/// # Errors
/// As [`channel`].
pub fn dial(
    address: &str,
    expected: Identity,
    credentials: &Credentials,
    options: ChannelOptions,
) -> Result<(Channel, PeerSlot), ChannelError> {
    let (host, port) = split(address).ok_or_else(|| ChannelError::Address(address.into()))?;
    let dns_name = expected.dns_name();
    // tonic asks for plain HTTP because TLS is the connector's; the calls themselves say https.
    let uri = |scheme: &str| {
        let uri = format!("{scheme}://{dns_name}").parse::<Uri>();
        uri.map_err(|_| ChannelError::Address(dns_name.clone()))
    };
    let endpoint = Endpoint::from(uri("http")?).origin(uri("https")?);
    let slot = PeerSlot::default();
    let line = Line {
        host,
        port,
        name: ServerName::try_from(dns_name.clone())?,
        config: credentials.client_config(expected)?,
        timeout: options.connect_timeout,
        slot: slot.clone(),
    };
    let line = Arc::new(line);
    let connector = tower::service_fn(move |_: Uri| {
        let line = line.clone();
        async move { line.connect().await.map(TokioIo::new) }
    });
    let endpoint = match options.ping_interval {
        Some(interval) => endpoint
            .http2_keep_alive_interval(interval)
            .keep_alive_timeout(interval),
        None => endpoint,
    };
    let channel = endpoint
        .initial_stream_window_size(options.stream_window_bytes)
        .initial_connection_window_size(options.connection_window_bytes)
        .max_frame_size(options.frame_bytes_max)
        .connect_with_connector_lazy(connector);
    Ok((channel, slot))
}

/// How to reach one system.
struct Line {
    host: String,
    port: u16,
    name: ServerName<'static>,
    config: Arc<ClientConfig>,
    timeout: Duration,
    slot: PeerSlot,
}

impl Line {
    async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let connecting = async {
            let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
            tune(&tcp)?;
            let tls = TlsConnector::from(self.config.clone());
            let shaken = tls.connect(self.name.clone(), tcp).await;
            shaken.map_err(|error| io::Error::new(error.kind(), told(&error)))
        };
        let stream = time::timeout(self.timeout, connecting)
            .await
            .map_err(|_| {
                let told = format!(
                    "no connection to {}:{} within {:?}",
                    self.host, self.port, self.timeout
                );
                io::Error::new(io::ErrorKind::TimedOut, told)
            })??;
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let leaf = certificates
            .first()
            .ok_or_else(|| io::Error::other("no certificate"))?;
        self.slot
            .put(Peer::from_certificate(leaf).map_err(io::Error::other)?);
        Ok(stream)
    }
}

fn split(address: &str) -> Option<(String, u16)> {
    let bare = address.strip_prefix("https://").unwrap_or(address);
    let uri: Uri = format!("https://{}", bare.strip_suffix('/').unwrap_or(bare))
        .parse()
        .ok()?;
    let authority = uri.authority()?;
    let only_host_and_port = uri.path() == "/" && uri.query().is_none() && !bare.contains('@');
    let host = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let port = authority.port_u16().filter(|port| *port != 0)?;
    (only_host_and_port && !host.is_empty()).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        for address in ["https://broker.hue.example:7000", "broker.hue.example:7000"] {
            assert_eq!(split(address), Some(("broker.hue.example".into(), 7000)));
        }
        assert_eq!(split("https://[::1]:7000/"), Some(("::1".into(), 7000)));
        assert_eq!(split("127.0.0.1:7000"), Some(("127.0.0.1".into(), 7000)));
        for address in [
            "",
            "broker",
            "https://broker",
            "http://broker:7000",
            "broker:0",
            "broker:70000",
            "https://broker:7000/path",
            "https://broker:7000?x",
            "me@broker:7000",
            ":7000",
        ] {
            assert_eq!(split(address), None, "{address}");
        }
    }
}
