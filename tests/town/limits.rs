//! Too much of everything: limits with names, bounded memory, and nobody else is slowed.

use crate::town::{
    Town,
    birth::{RESULTS, Scan},
    caller::{fields, reason},
    disk::left_out,
    ground::BROKER,
    patience::{patiently, until},
    stalled,
};
use bytes::Bytes;
use contract::v1::{self, StepState, envelope::Content, verdict::Outcome};
use futures_util::future::join_all;
use http_body_util::{BodyExt as _, StreamBody};
use node::{
    fault::Fault,
    identity::Role,
    pki::Validity,
    tls::{ChannelOptions, channel},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{convert::Infallible, net::Ipv4Addr, time::Duration};
use tokio::net::TcpSocket;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{Code, Status, body::Body};
use tower::{Service as _, ServiceExt as _};

/// How much more memory a broker may need while somebody asks too much of it.
const MEMORY_BYTES_MORE_MAX: u64 = 64 << 20;

#[tokio::test]
async fn a_message_of_a_gigabyte_is_refused_at_its_length_and_not_read() {
    let town = Town::plan().in_processes().offices([]).open().await;
    let before = town.memory_bytes(BROKER);
    let refused = says_a_gigabyte(&town, "/lienthong.v1.DeskService/Submit").await;
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::InvalidArgument, "MESSAGE_TOO_LARGE")
    );
    assert!(
        refused.message().contains("1048576"),
        "the limit is named: {}",
        refused.message()
    );
    let more = town.memory_bytes(BROKER).saturating_sub(before);
    assert!(more < MEMORY_BYTES_MORE_MAX, "{more} bytes more");
}

#[tokio::test]
async fn a_message_a_little_too_large_is_refused_and_the_next_one_is_taken() {
    let town = Town::with([]).await;
    let (good, _) = town.desk().prepare().await;
    let mut large = good.clone();
    large.evidence[1].data = Bytes::from(vec![b' '; 1 << 20]);
    let refused = town.desk().send(large).await.unwrap_err();
    assert_eq!(reason(&refused), "MESSAGE_TOO_LARGE");
    let mut fat = good.clone();
    let data = String::from_utf8(fat.evidence[1].data.to_vec()).unwrap();
    fat.evidence[1].data = format!("{data}{}", " ".repeat(64 * 1024)).into();
    let refused = town.desk().send(fat).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    // The limit is the contract's, and the schemas' too.
    let mut named = fields(&refused);
    named.dedup();
    assert_eq!(named, ["evidence[1].data"]);
    assert_eq!(town.desk().count().await, 0);
    assert!(town.desk().send(good).await.is_ok());
}

#[tokio::test]
async fn ten_thousand_idle_connections_keep_nobody_out() {
    let wanted = 10_000;
    let count = raise_files(wanted + 1_000)
        .saturating_sub(1_000)
        .min(wanted);
    if count < wanted {
        left_out(
            "10,000 idle connections",
            &format!("the system allows {count}"),
        );
    }
    let town = Town::plan().in_processes().open().await;
    let before = town.memory_bytes(BROKER);
    let address = town.address(BROKER);
    let connect = async |number: u64| {
        let socket = TcpSocket::new_v4().unwrap();
        // From a hundred addresses, as strangers would come.
        let from = Ipv4Addr::new(127, 0, 1, u8::try_from(number % 100 + 1).unwrap());
        socket.bind((from, 0).into()).unwrap();
        patiently("a connection", socket.connect(address))
            .await
            .unwrap()
    };
    let idle = join_all((0..count).map(connect)).await;
    let dossier = town.desk().submit("birth").await;
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    let fresh = town.caller(Role::Desk, "desk-mau-hai");
    assert!(fresh.serves().await, "whoever comes now is let in as well");
    let more = town.memory_bytes(BROKER).saturating_sub(before);
    assert!(more < MEMORY_BYTES_MORE_MAX, "{more} bytes more");
    drop(idle);
}

#[tokio::test]
async fn one_system_has_only_so_many_connections() {
    let town = Town::plan()
        .broker("listener.connections_per_system_max = 8")
        .open()
        .await;
    let issued = town
        .ground
        .issue(Role::Desk, "desk-mau-hai", Validity::days(1));
    let shown = Some((issued.certificate_pem.as_str(), issued.key_pem.as_str()));
    let mut open = Vec::new();
    for _ in 0..8 {
        open.push(town.door().knock(shown).await.unwrap());
    }
    assert!(town.door().knock(shown).await.is_err());
    let dossier = town.desk().submit("birth").await;
    assert_eq!(town.desk().results(&dossier).await, RESULTS);

    open.clear();
    until("a place", async || town.door().knock(shown).await.ok()).await;
}

#[tokio::test]
async fn a_department_that_reports_and_never_reads_is_not_listened_to_for_ever() {
    let town = Town::plan().in_processes().open().await;
    let before = town.memory_bytes(BROKER);
    let (say, saying) = tokio::sync::mpsc::channel(1);
    let other = town.system_of("other-police");
    let mut exchange = other.exchange();
    let hello = v1::Hello {
        agency_code: "G01.99.02".into(),
        window_items_max: 10,
        window_bytes_max: 1 << 20,
        ..Default::default()
    };
    let call = tokio::spawn(async move { exchange.report(ReceiverStream::new(saying)).await });
    let envelope = |content| v1::ReportRequest {
        envelope: Some(v1::Envelope {
            content: Some(content),
        }),
    };
    say.send(envelope(Content::Hello(hello))).await.unwrap();
    // It is there, and nobody reads it.
    let unread = patiently("the stream to open", call)
        .await
        .unwrap()
        .unwrap();

    let mut items = 0;
    // Large enough to fill what the network itself holds.
    let question = "x".repeat(16 * 1024);
    let item = |number: u32| {
        let strange = v1::Handover {
            question: question.clone(),
            ..Default::default()
        };
        let kind = Some(v1::item::Kind::Handover(strange));
        v1::Item {
            item_id: number.to_string(),
            kind,
            ..Default::default()
        }
    };
    while !stalled(say.send(envelope(Content::Item(item(items))))).await {
        items += 1;
        assert!(items < 10_000, "the broker takes items without end");
    }
    let dossier = town.desk().submit("birth").await;
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    let more = town.memory_bytes(BROKER).saturating_sub(before);
    assert!(more < MEMORY_BYTES_MORE_MAX, "{more} bytes more");
    drop(unread);
}

#[tokio::test]
async fn a_desk_that_never_reads_its_notices_slows_nobody() {
    let town = Town::open().await;
    let narrow = ChannelOptions {
        stream_window_bytes: Some(1024),
        connection_window_bytes: Some(65_535),
        ..ChannelOptions::exchange()
    };
    let credentials = town.ground.credentials(Role::Desk, "desk-mau-mot");
    let address = town.address(BROKER).to_string();
    let line = channel(
        &address,
        crate::town::broker_identity(),
        &credentials,
        narrow,
    )
    .unwrap();
    let mut watcher = v1::desk_service_client::DeskServiceClient::new(line);
    let request = v1::WatchNoticesRequest {
        agency_code: "H99.01.01".into(),
        cursor: String::new(),
    };
    let mut watches = Vec::new();
    for _ in 0..8 {
        watches.push(watcher.watch_notices(request.clone()).await.unwrap());
    }
    let dossiers = join_all((0..10).map(|_| town.desk().submit("birth"))).await;
    for dossier in &dossiers {
        assert_eq!(town.desk().results(dossier).await, RESULTS);
    }
    drop(watches);
}

#[tokio::test]
async fn a_desk_has_only_so_many_watches() {
    let town = Town::plan()
        .broker("limits.watches_per_desk_max = 2")
        .offices([])
        .open()
        .await;
    let request = v1::WatchNoticesRequest {
        agency_code: "H99.01.01".into(),
        cursor: String::new(),
    };
    let mut desk = town.desk().caller.desk();
    let _first = desk.watch_notices(request.clone()).await.unwrap();
    let second = desk.watch_notices(request.clone()).await.unwrap();
    let refused = desk.watch_notices(request.clone()).await.unwrap_err();
    is_full(&refused);
    drop(second);
    until("a place", async || {
        town.desk()
            .caller
            .desk()
            .watch_notices(request.clone())
            .await
            .ok()
    })
    .await;
}

#[tokio::test]
async fn a_department_that_takes_the_line_and_says_nothing_slows_nobody() {
    let town = Town::with(["civil-status", "social-insurance"]).await;
    let silent = town.mute("police").await;
    let dossiers = join_all((0..5).map(|_| town.desk().submit("birth"))).await;
    for dossier in &dossiers {
        town.desk()
            .sees(dossier, "issue_health_card", StepState::Completed)
            .await;
    }
    drop(silent);
}

#[tokio::test]
async fn uploads_of_one_system_have_a_limit_and_others_go_on() {
    let plan = Town::plan().broker("documents.uploads_per_system_max = 2");
    let town = plan.open().await;
    let other = town.caller(Role::Desk, "desk-mau-hai");
    let mut held = Vec::new();
    for number in 0..2 {
        let scan = Scan::of(vec![number; 1 << 20]);
        held.push(other.upload_some("H99.02.01", &scan, 1).await);
        until("the first chunk", async || {
            let digest = &scan.document.digest;
            (other.try_stat("H99.02.01", digest).await?.0 > 0).then_some(())
        })
        .await;
    }
    let third = other
        .upload_at_once("H99.02.01", &Scan::new("thứ ba"))
        .await
        .unwrap_err();
    is_full(&third);

    let dossier = town.desk().submit("birth").await;
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    drop(held);
}

#[tokio::test]
async fn a_document_that_is_too_large_is_refused_at_its_header() {
    let town = Town::plan()
        .broker("documents.document_bytes_max = 1048576")
        .offices([])
        .open()
        .await;
    let scan = Scan::of(vec![1; (1 << 20) + 1]);
    let refused = town
        .desk()
        .caller
        .upload_at_once("H99.01.01", &scan)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), fields(&refused)),
        (Code::InvalidArgument, vec!["header.size_bytes".to_owned()])
    );
    assert_eq!(
        town.desk()
            .caller
            .stat("H99.01.01", &scan.document.digest)
            .await,
        (0, false)
    );
}

#[tokio::test]
async fn more_reports_than_the_window_holds_wait_and_none_is_lost() {
    let plan = Town::plan()
        .broker("streams.window_items_max = 2")
        .office("streams.window_items_max = 2");
    let town = plan.open().await;
    let dossiers = join_all((0..20).map(|_| town.desk().submit("birth"))).await;
    for dossier in &dossiers {
        assert_eq!(town.desk().results(dossier).await, RESULTS);
    }
}

#[tokio::test]
async fn a_verdict_of_later_is_tried_again() {
    let town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let first = police.next_handover().await;
    let busy = Fault::new(Code::Unavailable, "NOT_NOW", "later", "sau")
        .retry_after(Duration::from_millis(5));
    first.answer(Outcome::Later(busy.into_rpc())).await;
    let second = police.next_handover().await;
    assert_eq!(first.item, second.item);
    second.acknowledge().await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
}

fn is_full(refused: &Status) {
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused:?}");
    assert!(!reason(refused).is_empty());
    assert!(
        Fault::retry_after_of(refused).is_some(),
        "it says when to try again"
    );
}

/// Begins a message of which the length says one gigabyte, and goes on sending it.
async fn says_a_gigabyte(town: &Town, path: &str) -> Status {
    let frame = |bytes: Bytes| Ok::<_, Infallible>(http_body::Frame::data(bytes));
    let length = Bytes::from_static(&[0, 0x40, 0, 0, 0]);
    let rest = std::iter::repeat_n(Bytes::from(vec![b'x'; 16 * 1024]), 64 * 1024);
    let frames = tokio_stream::iter([length].into_iter().chain(rest)).map(frame);
    let identity = crate::town::broker_identity().dns_name();
    let request = http::Request::post(format!("https://{identity}{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(StreamBody::new(frames)))
        .unwrap();
    let mut line = town.desk().caller.channel();
    let answer = patiently("an answer", async {
        let response = line.ready().await.unwrap().call(request).await.unwrap();
        let told = Status::from_header_map(response.headers());
        match told {
            Some(told) => told,
            None => {
                let rest = response.into_body().collect().await.unwrap();
                Status::from_header_map(rest.trailers().unwrap()).unwrap()
            }
        }
    });
    answer.await
}

/// Lets this process, and those that it starts, have so many files open if the system allows it.
fn raise_files(wanted: u64) -> u64 {
    let limits = getrlimit(Resource::Nofile);
    let raised = limits
        .maximum
        .unwrap_or(wanted)
        .min(wanted)
        .max(limits.current.unwrap_or(wanted));
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(raised),
            ..limits
        },
    );
    getrlimit(Resource::Nofile).current.unwrap_or(wanted)
}
