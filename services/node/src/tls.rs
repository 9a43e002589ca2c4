//! The lines between processes: TLS 1.3 with certificates on both sides, and nothing else.

mod channel;
mod connection;
mod credentials;
mod listener;
mod refusals;
mod verifier;

pub use self::channel::{ChannelError, ChannelOptions, PeerSlot, channel, dial};
pub use self::connection::{Connection, Connections};
pub use self::credentials::{CredentialPaths, Credentials, CredentialsError};
pub use self::listener::{Listener, ListenerLimits};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use socket2::{SockRef, TcpKeepalive};
use std::{io, sync::Arc, time::Duration};
use tokio::net::TcpStream;

/// HTTP/2, the only protocol spoken inside.
const ALPN_H2: &[u8] = b"h2";
/// What a browser may speak besides.
const ALPN_HTTP_1: &[u8] = b"http/1.1";

/// How long a quiet connection stays before the kernel asks whether its peer is there.
const KEEPALIVE_AFTER: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
/// How long sent bytes may wait for the peer to take them before the connection is given up.
const UNTAKEN_MAX: Duration = Duration::from_secs(60);

/// The cryptography of every connection: hybrid post-quantum key exchange before the classical ones.
pub fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.kx_groups = vec![
        aws_lc_rs::kx_group::X25519MLKEM768,
        aws_lc_rs::kx_group::X25519,
        aws_lc_rs::kx_group::SECP256R1,
        aws_lc_rs::kx_group::SECP384R1,
    ];
    Arc::new(provider)
}

/// Sends small messages at once, and notices a peer that has vanished.
///
/// # Errors
/// The operating system refuses to set an option of the socket.
pub fn tune(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_AFTER)
        .with_interval(KEEPALIVE_INTERVAL);
    let socket = SockRef::from(tcp);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNTAKEN_MAX))?;
    Ok(())
}

#[cfg(test)]
mod tests;
