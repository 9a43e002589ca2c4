//! Whom the door lets in, and what the others get; over real sockets.

use super::verifier::ServerVerifier;
use super::*;
use crate::{
    identity::{DenyList, Identity, Peer, Role},
    pki::{Authority, Issued, Validity},
    shutdown::Shutdown,
    testing::{Lines, until},
};
use jiff::{Timestamp, ToSpan as _};
use rcgen::SanType;
use rustls::{
    AlertDescription, ClientConfig, Error, HandshakeKind, NamedGroup,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    version::TLS13,
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::{Code, Request, Status};
use tonic_health::pb::{
    HealthCheckRequest, health_client::HealthClient, health_server::HealthServer,
};

const DOMAIN: &str = "hue.example";

struct Gate {
    authority: Authority,
    address: SocketAddr,
    connections: Connections,
    seen: mpsc::Receiver<Arc<Peer>>,
    lines: Lines,
    shutdown: Shutdown,
    serving: JoinHandle<()>,
    _log: tracing::subscriber::DefaultGuard,
}

impl Gate {
    async fn open() -> Self {
        Self::with(ListenerLimits::default(), DenyList::none()).await
    }

    async fn with(limits: ListenerLimits, denied: DenyList) -> Self {
        let lines = Lines::default();
        let log = lines.subscriber();
        let _log = tracing::subscriber::set_default(log);

        let authority = Authority::create(DOMAIN, Validity::days(30)).unwrap();
        let broker = credentials(&authority, &identity(Role::Broker, "broker"));
        let broker = broker.with_deny_list(denied);
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), &broker, limits).await;
        let listener = listener.unwrap();
        let (address, connections) = (listener.local_address(), listener.connections());

        let (see, seen) = mpsc::channel(100);
        let look = move |request: Request<()>| {
            let peer = request.extensions().get::<Arc<Peer>>();
            let peer = peer.ok_or_else(|| Status::internal("nobody knows who calls"))?;
            see.try_send(peer.clone()).unwrap();
            Ok(request)
        };
        let (_, health) = tonic_health::server::health_reporter();
        let _: &HealthServer<_> = &health;
        let shutdown = Shutdown::new();
        let ending = shutdown.clone();
        let serving = tokio::spawn(async move {
            tonic::transport::Server::builder()
                .layer(tonic::service::InterceptorLayer::new(look))
                .add_service(health)
                .serve_with_incoming_shutdown(listener, async move { ending.triggered().await })
                .await
                .unwrap();
        });
        Self {
            authority,
            address,
            connections,
            seen,
            lines,
            shutdown,
            serving,
            _log,
        }
    }

    fn issue(&self, role: Role, code: &str) -> Credentials {
        credentials(&self.authority, &identity(role, code))
    }

    /// Dials as tonic does.
    fn dial(
        &self,
        own: &Credentials,
        expected: Identity,
    ) -> (HealthClient<tonic::transport::Channel>, PeerSlot) {
        let address = format!("https://{}", self.address);
        let (channel, slot) = dial(&address, expected, own, ChannelOptions::exchange()).unwrap();
        (HealthClient::new(channel), slot)
    }

    /// Shakes hands with whatever certificate, and says what the gate answered to the first byte.
    async fn try_with(&self, shown: Option<(String, String)>) -> Result<(), Error> {
        let mut stream = self.connect(self.config(shown)).await?;
        match stream.read_u8().await {
            Ok(_) => Ok(()),
            Err(error) => Err(error
                .get_ref()
                .unwrap()
                .downcast_ref::<Error>()
                .unwrap()
                .clone()),
        }
    }

    fn config(&self, shown: Option<(String, String)>) -> ClientConfig {
        let trusting = self.issue(Role::Desk, "trusting");
        let verifier = ServerVerifier::new(&trusting, identity(Role::Broker, "broker"));
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        match shown {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![chain], key).unwrap()
            }
        }
    }

    async fn connect(&self, config: ClientConfig) -> Result<TlsStream<TcpStream>, Error> {
        let tcp = TcpStream::connect(self.address).await.unwrap();
        let name = ServerName::try_from("broker.broker.hue.example").unwrap();
        let stream = TlsConnector::from(Arc::new(config))
            .connect(name, tcp)
            .await;
        stream.map_err(|e| {
            e.get_ref()
                .unwrap()
                .downcast_ref::<Error>()
                .unwrap()
                .clone()
        })
    }

    async fn tells(&self, reason: &str) {
        until(|| self.lines.text().contains(reason)).await;
    }
}

fn identity(role: Role, code: &str) -> Identity {
    Identity::new(DOMAIN, role, code).unwrap()
}

fn credentials(authority: &Authority, identity: &Identity) -> Credentials {
    let Issued {
        certificate_pem,
        key_pem,
        ..
    } = authority.issue(identity, Validity::days(1)).unwrap();
    Credentials::from_pem(authority.certificate_pem(), &certificate_pem, &key_pem).unwrap()
}

fn alert(description: AlertDescription) -> Result<(), Error> {
    Err(Error::AlertReceived(description))
}

async fn check(client: &mut HealthClient<tonic::transport::Channel>) -> Result<(), Status> {
    client
        .check(HealthCheckRequest::default())
        .await
        .map(|_| ())
}

/// Reads until the other side closes, however it does.
async fn closed(mut tcp: TcpStream) {
    while matches!(tcp.read(&mut [0; 64]).await, Ok(1..)) {}
}

#[tokio::test]
async fn both_ends_know_each_other() {
    let mut gate = Gate::open().await;
    let police = gate.issue(Role::Department, "police");
    let (mut client, slot) = gate.dial(&police, identity(Role::Broker, "broker"));
    assert_eq!(slot.current(), None);
    check(&mut client).await.unwrap();
    assert_eq!(&*gate.seen.recv().await.unwrap(), police.own());
    assert_eq!(
        slot.current().unwrap().identity,
        identity(Role::Broker, "broker")
    );
    assert_eq!(gate.connections.of_system(police.identity()), 1);

    drop(client);
    until(|| gate.connections.open() == 0).await;
    assert_eq!(gate.connections.of_system(police.identity()), 0);
    gate.shutdown.trigger();
    gate.serving.await.unwrap();
    assert_eq!(gate.lines.text(), "");
}

#[tokio::test]
async fn the_key_exchange_is_post_quantum_and_nothing_is_resumed() {
    let gate = Gate::open().await;
    let shown = gate
        .authority
        .issue(&identity(Role::Desk, "desk"), Validity::days(1))
        .unwrap();
    let config = gate.config(Some((shown.certificate_pem, shown.key_pem)));
    for _ in 0..2 {
        let mut stream = gate.connect(config.clone()).await.unwrap();
        // The server's first HTTP/2 frame comes after any ticket would have.
        stream.read_u8().await.unwrap();
        let tls = stream.get_ref().1;
        let group = tls.negotiated_key_exchange_group().unwrap().name();
        assert_eq!(group, NamedGroup::X25519MLKEM768);
        assert_eq!(tls.tls13_tickets_received(), 0);
        assert_eq!(tls.handshake_kind(), Some(HandshakeKind::Full));
    }
}

#[tokio::test]
async fn without_a_certificate_one_gets_an_alert_and_a_line_in_the_log() {
    let gate = Gate::open().await;
    for _ in 0..5 {
        assert_eq!(
            gate.try_with(None).await,
            alert(AlertDescription::CertificateRequired)
        );
    }
    gate.tells("NO_CERTIFICATE").await;
    until(|| gate.connections.refused() == 5).await;
    assert_eq!(
        gate.lines.text().lines().count(),
        1,
        "{}",
        gate.lines.text()
    );
    assert!(gate.lines.text().contains("address=127.0.0.1"));
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    let gate = Gate::open().await;
    let other = Authority::create(DOMAIN, Validity::days(1)).unwrap();
    let forged = other
        .issue(&identity(Role::Desk, "desk"), Validity::days(1))
        .unwrap();
    let answer = gate
        .try_with(Some((forged.certificate_pem, forged.key_pem)))
        .await;
    assert!(
        answer == alert(AlertDescription::UnknownCA)
            || answer == alert(AlertDescription::DecryptError),
        "{answer:?}"
    );
    gate.tells("CERTIFICATE_OF_ANOTHER_AUTHORITY").await;
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let gate = Gate::open().await;
    let ago = |hours: i64| Timestamp::now().checked_sub(hours.hours()).unwrap();
    let validity = Validity::between(ago(2), ago(1));
    let expired = gate
        .authority
        .issue(&identity(Role::Desk, "desk"), validity)
        .unwrap();
    let answer = gate
        .try_with(Some((expired.certificate_pem, expired.key_pem)))
        .await;
    assert_eq!(answer, alert(AlertDescription::CertificateExpired));
    gate.tells("CERTIFICATE_EXPIRED").await;
}

#[tokio::test]
async fn a_certificate_without_an_identity_of_our_trust_domain_is_refused() {
    let gate = Gate::open().await;
    let uri = |uri: &str| SanType::URI(uri.try_into().unwrap());
    let dns = || SanType::DnsName("desk.desk.hue.example".try_into().unwrap());
    for names in [
        vec![dns()],
        vec![dns(), uri("https://hue.example/desk/desk")],
        vec![uri("spiffe://hue.example/mayor/desk")],
        vec![
            uri("spiffe://hue.example/desk/a"),
            uri("spiffe://hue.example/desk/b"),
        ],
        vec![uri("spiffe://hanoi.example/desk/desk")],
    ] {
        let shown = gate
            .authority
            .sign("desk", names, Validity::days(1))
            .unwrap();
        let answer = gate.try_with(Some(shown)).await;
        assert_eq!(answer, alert(AlertDescription::CertificateUnknown));
    }
    gate.tells("IDENTITY_REFUSED").await;
    assert_eq!(gate.connections.open(), 0);
}

#[tokio::test]
async fn a_denied_certificate_is_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("denied");
    std::fs::write(&path, "").unwrap();
    let denied = DenyList::load(&path).unwrap();
    let gate = Gate::with(ListenerLimits::default(), denied.clone()).await;
    let shown = gate
        .authority
        .issue(&identity(Role::Desk, "desk"), Validity::days(1))
        .unwrap();
    let pair = (shown.certificate_pem, shown.key_pem);
    gate.try_with(Some(pair.clone())).await.unwrap();

    let der = CertificateDer::from_pem_slice(pair.0.as_bytes()).unwrap();
    std::fs::write(&path, Peer::from_certificate(&der).unwrap().serial).unwrap();
    denied.reload().unwrap();
    let answer = gate.try_with(Some(pair)).await;
    assert_eq!(answer, alert(AlertDescription::CertificateRevoked));
    gate.tells("CERTIFICATE_DENIED").await;
}

#[tokio::test]
async fn tls_1_2_is_refused_with_an_alert() {
    let gate = Gate::open().await;
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend([0, 4, 0xc0, 0x2b, 0xc0, 0x2f]);
    body.extend([1, 0]);
    let extensions: [&[u8]; 3] = [
        &[0, 10, 0, 4, 0, 2, 0, 23],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 4, 0, 2, 4, 3],
    ];
    let extensions = extensions.concat();
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut hello = vec![0x16, 3, 1];
    hello.extend((body.len() as u16 + 4).to_be_bytes());
    hello.extend([1, 0]);
    hello.extend((body.len() as u16).to_be_bytes());
    hello.extend(body);

    let mut tcp = TcpStream::connect(gate.address).await.unwrap();
    tcp.write_all(&hello).await.unwrap();
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await.unwrap();
    drop(tcp);
    // Record 21 is an alert; 2 is fatal, 70 is protocol_version (RFC 8446 §6.2).
    assert_eq!((answer[0], &answer[5..]), (21, &[2, 70][..]));
    gate.tells("TLS_VERSION_OR_ALGORITHM").await;
}

#[tokio::test]
async fn somebody_else_at_the_address_is_not_spoken_with() {
    let mut gate = Gate::open().await;
    let police = gate.issue(Role::Department, "police");
    for expected in [
        identity(Role::Broker, "other"),
        identity(Role::Department, "broker"),
    ] {
        let (mut client, slot) = gate.dial(&police, expected);
        let refused = check(&mut client).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        assert!(
            told(&refused).contains("answered where"),
            "{}",
            told(&refused)
        );
        assert_eq!(slot.current(), None);
    }
    assert!(gate.seen.try_recv().is_err());

    let other = Authority::create(DOMAIN, Validity::days(1)).unwrap();
    let foreigner = credentials(&other, &identity(Role::Department, "police"));
    let (mut client, _) = gate.dial(&foreigner, identity(Role::Broker, "broker"));
    let refused = check(&mut client).await.unwrap_err();
    assert!(
        told(&refused).contains("invalid peer certificate"),
        "{}",
        told(&refused)
    );
}

fn told(status: &Status) -> String {
    let mut text = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(status);
    while let Some(error) = cause {
        text.push_str(&format!("{error}; "));
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_channel_comes_back_after_its_server_did() {
    let gate = Gate::open().await;
    let broker = gate.issue(Role::Broker, "broker");
    let police = gate.issue(Role::Department, "police");
    let limits = ListenerLimits::default();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), &broker, limits)
        .await
        .unwrap();
    let address = listener.local_address();
    drop(listener);
    let channel = channel(
        &address.to_string(),
        identity(Role::Broker, "broker"),
        &police,
        ChannelOptions::documents(),
    );
    let mut client = HealthClient::new(channel.unwrap());
    assert_eq!(
        check(&mut client).await.unwrap_err().code(),
        Code::Unavailable
    );

    let listener = Listener::bind(address, &broker, limits).await.unwrap();
    let (_, health) = tonic_health::server::health_reporter();
    let serving = tonic::transport::Server::builder().add_service(health);
    tokio::spawn(serving.serve_with_incoming(listener));
    check(&mut client).await.unwrap();
}

#[tokio::test]
async fn those_who_stand_in_the_door_do_not_hold_it_shut() {
    let limits = ListenerLimits {
        handshakes_max: 3,
        ..Default::default()
    };
    let gate = Gate::with(limits, DenyList::none()).await;
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(TcpStream::connect(gate.address).await.unwrap());
    }
    until(|| gate.connections.handshakes() == 3).await;
    let desk = gate.issue(Role::Desk, "desk");
    let (mut client, _) = gate.dial(&desk, identity(Role::Broker, "broker"));
    check(&mut client).await.unwrap();
    closed(idle.remove(0)).await;
    gate.tells("HANDSHAKES_MAX").await;
    assert_eq!(gate.connections.open(), 1);
}

#[tokio::test]
async fn a_handshake_that_takes_too_long_is_cut() {
    let limits = ListenerLimits {
        handshake_timeout: Duration::from_millis(20),
        ..Default::default()
    };
    let gate = Gate::with(limits, DenyList::none()).await;
    closed(TcpStream::connect(gate.address).await.unwrap()).await;
    gate.tells("HANDSHAKE_TIMEOUT").await;
    until(|| gate.connections.handshakes() == 0).await;
}

#[tokio::test]
async fn beyond_the_limits_connections_are_dropped_at_once() {
    let limits = ListenerLimits {
        connections_max: 3,
        connections_per_system_max: 1,
        connections_per_address_max: 4,
        ..Default::default()
    };
    let gate = Gate::with(limits, DenyList::none()).await;
    let mut kept = Vec::new();
    for code in ["a", "b"] {
        let own = gate.issue(Role::Desk, code);
        let (mut client, _) = gate.dial(&own, identity(Role::Broker, "broker"));
        check(&mut client).await.unwrap();
        let (mut second, _) = gate.dial(&own, identity(Role::Broker, "broker"));
        check(&mut second).await.unwrap_err();
        kept.push(client);
    }
    gate.tells("CONNECTIONS_PER_SYSTEM_MAX").await;

    until(|| gate.connections.handshakes() == 0).await;
    let _idle = [
        TcpStream::connect(gate.address).await.unwrap(),
        TcpStream::connect(gate.address).await.unwrap(),
    ];
    until(|| gate.connections.handshakes() == 2).await;
    closed(TcpStream::connect(gate.address).await.unwrap()).await;
    gate.tells("CONNECTIONS_PER_ADDRESS_MAX").await;
    drop(_idle);
    until(|| gate.connections.handshakes() == 0).await;

    let third = gate.issue(Role::Desk, "c");
    let (mut client, _) = gate.dial(&third, identity(Role::Broker, "broker"));
    check(&mut client).await.unwrap();
    closed(TcpStream::connect(gate.address).await.unwrap()).await;
    gate.tells("reason=\"CONNECTIONS_MAX\"").await;

    kept.clear();
    until(|| gate.connections.open() == 1).await;
    let again = gate.issue(Role::Desk, "a");
    let (mut client, _) = gate.dial(&again, identity(Role::Broker, "broker"));
    check(&mut client).await.unwrap();
}

#[tokio::test]
async fn a_connect_that_nobody_answers_ends_in_time() {
    // A socket whose backlog takes the connection but which never shakes hands.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let authority = Authority::create(DOMAIN, Validity::days(1)).unwrap();
    let desk = credentials(&authority, &identity(Role::Desk, "desk"));
    let options = ChannelOptions {
        connect_timeout: Duration::from_millis(20),
        ..ChannelOptions::exchange()
    };
    let address = silent.local_addr().unwrap().to_string();
    let channel = channel(&address, identity(Role::Broker, "broker"), &desk, options).unwrap();
    let refused = check(&mut HealthClient::new(channel)).await.unwrap_err();
    assert!(told(&refused).contains("within 20ms"), "{}", told(&refused));
}
