//! What little is asked of a provider over HTTP: three small answers, each on a connection of its own.

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use std::{io, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// How long an answer may take, with the connection.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    /// See that the address is right and can be reached.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// See that it speaks HTTP there.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// Mend the provider's configuration.
    #[error("`{0}` is no address that may be asked")]
    Address(String),
    /// See what the provider logs.
    #[error("it answered {0}")]
    Status(StatusCode),
    /// Try again.
    #[error("no answer within {ANSWER_MAX:?}")]
    Silent,
    /// That is no answer of a provider.
    #[error("an answer that breaks off, or of more than {ANSWER_BYTES_MAX} bytes")]
    Body,
}

/// Asks a provider.
#[derive(Debug)]
pub(super) struct Client {
    /// None where plain HTTP is allowed, which is on a loopback address alone.
    tls: Option<Arc<ClientConfig>>,
}

impl Client {
    /// Over TLS, believing these authorities; or in plain when there are none.
    pub(super) fn new(authorities: Option<&Path>) -> io::Result<Self> {
        let Some(path) = authorities else {
            return Ok(Self { tls: None });
        };
        let mut roots = RootCertStore::empty();
        let read = CertificateDer::pem_file_iter(path)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        roots.add_parsable_certificates(read.flatten());
        if roots.is_empty() {
            let message = format!("{} holds no certificate in PEM", path.display());
            return Err(io::Error::other(message));
        }
        let config = ClientConfig::builder_with_provider(node::tls::provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls: Some(Arc::new(config)),
        })
    }

    pub(super) async fn get(&self, address: &str) -> Result<Bytes, HttpError> {
        self.ask(address, |request| {
            request.method(Method::GET).body(Full::default())
        })
        .await
    }

    pub(super) async fn post(
        &self,
        address: &str,
        authorization: Option<String>,
        form: String,
    ) -> Result<Bytes, HttpError> {
        self.ask(address, |mut request| {
            if let Some(authorization) = authorization {
                request = request.header(header::AUTHORIZATION, authorization);
            }
            request
                .method(Method::POST)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Full::from(form))
        })
        .await
    }

    async fn ask(
        &self,
        address: &str,
        make: impl FnOnce(http::request::Builder) -> http::Result<Request<Full<Bytes>>>,
    ) -> Result<Bytes, HttpError> {
        let wrong = || HttpError::Address(address.chars().take(200).collect());
        let uri: Uri = address.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::builder()
            .uri(path)
            .header(header::HOST, authority.as_str())
            .header(header::ACCEPT, "application/json");
        let request = make(request).map_err(|_| wrong())?;
        let host = authority.host();
        let asking = async {
            match (&self.tls, uri.scheme_str()) {
                (Some(tls), Some("https")) => {
                    let port = authority.port_u16().unwrap_or(443);
                    let tcp = TcpStream::connect((bare(host), port)).await?;
                    let name = ServerName::try_from(bare(host).to_owned()).map_err(|_| wrong())?;
                    let stream = TlsConnector::from(tls.clone()).connect(name, tcp).await?;
                    send(stream, request).await
                }
                (None, Some("http")) => {
                    let port = authority.port_u16().unwrap_or(80);
                    send(TcpStream::connect((bare(host), port)).await?, request).await
                }
                _ => Err(wrong()),
            }
        };
        timeout(ANSWER_MAX, asking)
            .await
            .map_err(|_| HttpError::Silent)?
    }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Bytes, HttpError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driving = tokio::spawn(connection);
    let answered = async {
        let response = sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            return Err(HttpError::Status(response.status()));
        }
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
        let body = body.collect().await.map_err(|_| HttpError::Body)?;
        Ok(body.to_bytes())
    };
    let answered = answered.await;
    driving.abort();
    answered
}
