//! A port that the system picked, kept for as long as the town lives.

use anyhow::Context as _;
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
};
use tokio::net::TcpSocket;

/// A port of this machine. It is named in configurations before its service starts, and again after
/// the service was killed, so nobody else may get it meanwhile.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    /// Bound and never listening. On Linux a service may listen on the same port beside it, and the
    /// system gives the port to nobody else.
    _held: Option<TcpSocket>,
}

impl Port {
    /// Lets the system pick one.
    pub(crate) fn reserve() -> anyhow::Result<Self> {
        let pick = || {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            Ok::<_, std::io::Error>((socket.local_addr()?, socket))
        };
        let (address, socket) = pick().context("the system gives no port on 127.0.0.1")?;
        // Elsewhere the service could not listen while the port is held.
        let _held = cfg!(target_os = "linux").then_some(socket);
        Ok(Self { address, _held })
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn a_service_can_listen_on_a_kept_port_again_and_again() {
        let port = Port::reserve().unwrap();
        for _ in 0..3 {
            let listener = TcpListener::bind(port.address).await.unwrap();
            let _dialled = TcpStream::connect(port.address).await.unwrap();
            drop(listener);
            assert!(TcpStream::connect(port.address).await.is_err());
        }
    }
}
