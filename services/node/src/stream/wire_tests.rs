//! The engine on a real call: two-way gRPC over mutual TLS.

use super::{test_broker::Broker, *};
use crate::{
    identity::{Identity, Role},
    pki::{Authority, Validity},
    tls::{ChannelOptions, Credentials, Listener, ListenerLimits, dial},
};
use contract::v1::{
    Hello, Item, Recorded, ReportRequest, exchange_service_client::ExchangeServiceClient,
    exchange_service_server::ExchangeServiceServer,
};
use futures_util::StreamExt as _;

#[tokio::test]
async fn a_stream_over_mutual_tls_carries_items_until_its_system_is_denied() {
    let folder = tempfile::TempDir::new().unwrap();
    let list = folder.path().join("denied");
    std::fs::write(&list, "").unwrap();
    let denied = DenyList::load(&list).unwrap();

    let authority = Authority::create("hue.example", Validity::days(2)).unwrap();
    let own = |role, code| {
        let identity = Identity::new("hue.example", role, code).unwrap();
        let issued = authority.issue(&identity, Validity::days(1)).unwrap();
        let (certificate, key) = (&issued.certificate_pem, &issued.key_pem);
        Credentials::from_pem(authority.certificate_pem(), certificate, key).unwrap()
    };
    let (broker, police) = (own(Role::Broker, "broker"), own(Role::Department, "police"));
    let address = "127.0.0.1:0".parse().unwrap();
    let listener = Listener::bind(address, &broker, ListenerLimits::default())
        .await
        .unwrap();
    let address = listener.local_address().to_string();
    let list_of_denied = denied.clone();
    let broker_side = Broker {
        limits: StreamLimits::default(),
        guard: Box::new(move |request| {
            let peer = request.extensions().get::<Arc<Peer>>().unwrap();
            guard(peer.clone(), list_of_denied.clone())
        }),
        take: Arc::new(|received| received.ticket.recorded(Recorded::default())),
        ended: Arc::new(drop),
    };
    let serving =
        tonic::transport::Server::builder().add_service(ExchangeServiceServer::new(broker_side));
    let _serving = tokio::spawn(serving.serve_with_incoming(listener));

    let expected = broker.identity().clone();
    let (channel, slot) = dial(&address, expected, &police, ChannelOptions::exchange()).unwrap();
    let (opening, outgoing) = open(Hello::default(), StreamLimits::default());
    let requests = outgoing
        .envelopes()
        .map(|e| ReportRequest { envelope: Some(e) });
    let inbound = ExchangeServiceClient::new(channel)
        .report(requests)
        .await
        .unwrap()
        .into_inner();
    let inbound = inbound.map(|r| r.map(|response| response.envelope.unwrap_or_default()));
    let session = opening.meet(inbound).await.unwrap();
    let (offers, mut settlements) =
        session.sending(guard(slot.current().unwrap(), DenyList::none()));

    let offering = offers.clone();
    let offering = tokio::spawn(async move {
        for number in 0..1000 {
            let item_id = format!("{number:0100}");
            offering
                .offer(Item {
                    item_id,
                    kind: None,
                    ..Default::default()
                })
                .await
                .unwrap();
        }
    });
    for _ in 0..1000 {
        settlements.next().await.unwrap();
    }
    offering.await.unwrap();

    std::fs::write(&list, &police.own().fingerprint).unwrap();
    denied.reload().unwrap();
    offers
        .offer(Item {
            item_id: "late".into(),
            kind: None,
            ..Default::default()
        })
        .await
        .unwrap();
    let end = settlements.next().await.unwrap_err();
    let fault = end.fault.unwrap();
    assert_eq!(
        Fault::reason_of(&fault).as_deref(),
        Some("CERTIFICATE_DENIED")
    );
    assert_eq!(end.unanswered, ["late"]);
}
