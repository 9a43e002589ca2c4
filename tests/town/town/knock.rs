//! A stranger at a service's door: shakes hands, or tries to, with whatever certificate or none.

use super::patience::patiently;
use rustls::{
    ClientConfig, Error, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::TLS13,
};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The broker's door as a stranger sees it.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    /// Whom the stranger believes.
    pub(crate) authority_pem: String,
}

impl Door {
    /// Shakes hands over TLS 1.3, showing this certificate and key if any; says what came of it
    /// once the other side has seen them.
    pub(crate) async fn knock(
        &self,
        shown: Option<(&str, &str)>,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        self.knock_on(tcp, shown).await
    }

    /// As [`knock`](Self::knock), on a connection that is there.
    pub(crate) async fn knock_on(
        &self,
        tcp: TcpStream,
        shown: Option<(&str, &str)>,
    ) -> Result<TlsStream<TcpStream>, Error> {
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.authority_pem)).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some((pem, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder
                    .with_client_auth_cert(vec![certificate(pem)], key)
                    .unwrap()
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from(super::broker_identity().dns_name()).unwrap();
        let shaking = async {
            let mut stream = TlsConnector::from(Arc::new(config))
                .connect(name, tcp)
                .await?;
            // In TLS 1.3 the client hears of its own certificate only when it reads: HTTP/2's
            // preface and settings call for an answer.
            stream
                .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
                .await?;
            stream.read_u8().await?;
            Ok(stream)
        };
        patiently("the door to answer", shaking)
            .await
            .map_err(tls_error)
    }

    /// Speaks TLS 1.2 and gives what comes back before the door closes.
    pub(crate) async fn knock_with_tls_1_2(&self) -> Vec<u8> {
        let mut tcp = TcpStream::connect(self.address).await.unwrap();
        tcp.write_all(&hello_of_tls_1_2()).await.unwrap();
        let mut answer = Vec::new();
        patiently("the door to close", tcp.read_to_end(&mut answer))
            .await
            .unwrap();
        answer
    }
}

fn certificate(pem: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
}

fn tls_error(error: std::io::Error) -> Error {
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    inner
        .cloned()
        .unwrap_or_else(|| Error::General(error.to_string()))
}

/// A ClientHello of RFC 5246 that offers nothing newer: two ECDHE suites with P-256.
fn hello_of_tls_1_2() -> Vec<u8> {
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 4, 0, 2, 4, 3],
    ]
    .concat();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let length = u16::try_from(body.len()).unwrap();
    let mut hello = vec![22, 3, 1];
    hello.extend((length + 4).to_be_bytes());
    hello.extend([1, 0]);
    hello.extend(length.to_be_bytes());
    hello.extend(body);
    hello
}
