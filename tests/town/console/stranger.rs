//! Somebody who speaks HTTP with the console by hand: what no browser would send can be sent.

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::TLS13,
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, timeout},
};
use tokio_rustls::TlsConnector;

/// How long an answer is read: one that never ends, such as a stream, is cut.
const READ_MAX: Duration = Duration::from_secs(20);

/// Somebody at the door, with or without a certificate.
#[derive(Clone)]
pub(super) struct Stranger {
    address: SocketAddr,
    tls: TlsConnector,
    /// Cookies that it brings.
    pub(super) cookie: String,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answer {
    fn read(bytes: &[u8]) -> io::Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text
            .split_once("\r\n\r\n")
            .ok_or_else(|| io::Error::other("no answer"))?;
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok(Self {
            status: status.ok_or_else(|| io::Error::other("no status"))?,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }

    /// The value of a header; empty without.
    pub(super) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines();
        let pairs = lines.filter_map(|line| line.split_once(": "));
        let mut these = pairs.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        these.next().map_or("", |(_, value)| value)
    }

    /// The cookie of this name that it gives, as a browser brings it again.
    pub(super) fn cookie(&self, name: &str) -> Option<String> {
        let lines = self.head.lines();
        let set = lines.filter_map(|line| line.split_once(": "));
        let set = set.filter(|(key, _)| key.eq_ignore_ascii_case("set-cookie"));
        let mut pairs = set.filter_map(|(_, value)| value.split(';').next());
        let found =
            pairs.find(|pair| pair.starts_with(&format!("{name}=")) && !pair.ends_with('='));
        found.map(str::to_owned)
    }
}

impl Stranger {
    pub(super) fn new(
        address: SocketAddr,
        authority_pem: &str,
        shown: Option<(&str, &str)>,
    ) -> Self {
        let certificate = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate(authority_pem)).unwrap();
        let builder = ClientConfig::builder_with_provider(node::tls::provider())
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
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Self {
            address,
            tls: TlsConnector::from(Arc::new(config)),
            cookie: String::new(),
        }
    }

    /// Whether anybody answers.
    pub(super) async fn reaches(&self) -> bool {
        self.send(&self.request("GET", "/login", "", ""))
            .await
            .is_ok()
    }

    /// A request as a browser makes it; `more` are further header lines.
    pub(super) fn request(&self, method: &str, path: &str, more: &str, body: &str) -> String {
        let port = self.address.port();
        let cookie = match self.cookie.as_str() {
            "" => String::new(),
            cookie => format!("cookie: {cookie}\r\n"),
        };
        let length = match body {
            "" => String::new(),
            body => format!(
                "content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n",
                body.len()
            ),
        };
        format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: close\r\n\
             accept: text/html\r\naccept-language: en\r\n{cookie}{length}{more}\r\n{body}"
        )
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(&self.request("GET", path, "", "")).await.unwrap()
    }

    /// Posts a form as the page itself would.
    pub(super) async fn post(&self, path: &str, body: &str) -> Answer {
        let origin = format!("origin: https://localhost:{}\r\n", self.address.port());
        self.send(&self.request("POST", path, &origin, body))
            .await
            .unwrap()
    }

    /// Asks for a stream of events, and reads its beginning: all of its first events, or a refusal.
    pub(super) async fn begins(&self, path: &str) -> Answer {
        let request = self.request("GET", path, "", "");
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut stream = self.tls.connect(name, tcp).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        let hearing = async {
            while !bytes.windows(16).any(|found| found == b"event: dossiers\n") {
                if stream.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
                    break;
                }
            }
        };
        let _ = timeout(READ_MAX, hearing).await;
        Answer::read(&bytes).unwrap()
    }

    /// Sends these bytes and reads what comes until the other side closes.
    pub(super) async fn send(&self, request: &str) -> io::Result<Answer> {
        let tcp = TcpStream::connect(self.address).await?;
        let name = ServerName::try_from("localhost").unwrap();
        let stream = self.tls.connect(name, tcp).await?;
        let (mut from, mut to) = tokio::io::split(stream);
        // Whoever is refused early is read while it still speaks.
        let speaking = async {
            let _ = to.write_all(request.as_bytes()).await;
            let _ = to.flush().await;
        };
        let mut bytes = Vec::new();
        let hearing = async {
            let _ = timeout(READ_MAX, from.read_to_end(&mut bytes)).await;
        };
        tokio::join!(speaking, hearing);
        Answer::read(&bytes)
    }

    /// Enters as the local operator.
    pub(super) async fn enters_without_token(&mut self) {
        let entered = self.post("/login/local", "next=/").await;
        assert_eq!(entered.status, 200, "{entered:?}");
        self.cookie = entered.cookie("__Host-session").expect("a session");
    }

    /// Enters as the local operator, and gives the token of its forms.
    pub(super) async fn enters(&mut self) -> String {
        self.enters_without_token().await;
        let page = self.get("/incidents").await;
        let (_, rest) = page.body.split_once("name=\"token\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}
