//! What is malformed, unknown or out of place: refused with every field named, and nothing kept.

use crate::town::{
    Caller, Town,
    birth::{RESULTS, Scan},
    caller::{fields, reason},
    puppet::Puppet,
    window::Window,
};
use bytes::Bytes;
use contract::v1::{
    self, StepState, envelope::Content, item::Kind as ItemKind, report::Kind,
    upload_request::Content as Piece, verdict::Outcome,
};
use node::fault::Fault;
use prost::Message as _;
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tonic::{Code, Status};

type Spoil = fn(&mut v1::SubmitRequest);

/// What can be wrong with a submit, and the fields that are named then.
const SPOILED: [(&str, Spoil, &[&str]); 18] = [
    (
        "an unknown procedure",
        |r| r.procedure_code = "wedding".into(),
        &["procedure_code"],
    ),
    (
        "no procedure",
        |r| r.procedure_code.clear(),
        &["procedure_code"],
    ),
    (
        "missing evidence",
        |r| r.evidence.truncate(1),
        &["evidence"],
    ),
    (
        "unknown evidence",
        |r| r.evidence[1].name = "horoscope".into(),
        &["evidence[1].name"],
    ),
    (
        "evidence that a department gives",
        |r| r.evidence[2].name = "health_card".into(),
        // What was to stand there is missing now.
        &["evidence", "evidence[2].name"],
    ),
    (
        "evidence without its paper",
        |r| r.evidence[0].documents.clear(),
        &["evidence[0].documents"],
    ),
    (
        "a malformed code",
        |r| r.dossier_code = "H99 01\u{1}".into(),
        &["dossier_code"],
    ),
    (
        "a key of two lines",
        |r| r.submit_key = "a\nb".into(),
        &["submit_key"],
    ),
    (
        "a personal number of 11 digits",
        |r| r.parties[0].identifiers[0].value = "09900000000".into(),
        &["parties[0].identifiers[0].value"],
    ),
    (
        "a personal number with a letter",
        |r| r.parties[0].identifiers[0].value = "09900000000O".into(),
        &["parties[0].identifiers[0].value"],
    ),
    (
        "a name that is too long",
        |r| r.parties[0].name = "Ă".repeat(101),
        &["parties[0].name"],
    ),
    (
        "a name with a control character",
        |r| r.parties[1].name = "Bình\u{7}".into(),
        &["parties[1].name"],
    ),
    (
        "an empty file",
        |r| r.evidence[0].documents[0].size_bytes = 0,
        &["evidence[0].documents[0].size_bytes"],
    ),
    (
        "half a digest",
        |r| r.evidence[0].documents[0].digest.truncate(16),
        &["evidence[0].documents[0].digest"],
    ),
    (
        "a file name that is a path",
        |r| r.evidence[0].documents[0].file_name = "../giay.pdf".into(),
        &["evidence[0].documents[0].file_name"],
    ),
    (
        "data that is not JSON",
        |r| r.evidence[1].data = Bytes::from_static(b"{\"a\": 1,}"),
        &["evidence[1].data"],
    ),
    ("no channel", |r| r.channel = 0, &["channel"]),
    (
        "a child of the 31st of February",
        |r| {
            r.parties[1].born_on = Some(contract::Date {
                year: 2026,
                month: 2,
                day: 31,
            });
        },
        &["parties[1].born_on"],
    ),
];

#[tokio::test]
async fn a_spoiled_submit_is_refused_with_each_field_named_and_nothing_is_kept() {
    let town = Town::with([]).await;
    let (good, _) = town.desk().prepare().await;
    for (what, spoil, named) in SPOILED {
        let mut request = good.clone();
        spoil(&mut request);
        let refused = town.desk().send(request).await.expect_err(what);
        assert_eq!(refused.code(), Code::InvalidArgument, "{what}: {refused:?}");
        // A field may break more than one rule.
        let mut found = fields(&refused);
        found.dedup();
        assert_eq!(found, named, "{what}: {}", refused.message());
        assert!(!reason(&refused).is_empty(), "{what}");
        for language in ["vi", "en"] {
            assert!(
                Fault::text_of(&refused, language).is_some(),
                "{what} in {language}"
            );
        }
    }
    assert_eq!(town.desk().count().await, 0, "nothing is stored");
    assert!(
        town.desk().send(good).await.is_ok(),
        "and the good one is received"
    );
}

#[tokio::test]
async fn everything_that_is_wrong_is_named_at_once() {
    let town = Town::with([]).await;
    let (mut request, _) = town.desk().prepare().await;
    request.parties[0].identifiers[0].value = "7700".into();
    request.parties[1].roles.clear();
    request.evidence[1].name = "horoscope".into();
    let refused = town.desk().send(request).await.unwrap_err();
    let named = [
        "evidence[1].name",
        "parties[0].identifiers[0].value",
        "parties[1].roles",
    ];
    assert_eq!(fields(&refused), named);
    assert!(
        !refused.message().contains("7700"),
        "a refusal shows no personal values"
    );
}

/// A submit whose key is no UTF-8, which the generated client would not send.
#[derive(Clone, PartialEq, prost::Message)]
struct RawSubmit {
    #[prost(string, tag = "1")]
    agency_code: String,
    #[prost(bytes = "vec", tag = "2")]
    submit_key: Vec<u8>,
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_refused_with_its_field() {
    let town = Town::with([]).await;
    let request = RawSubmit {
        agency_code: "H99.01.01".into(),
        submit_key: vec![0xff, 0xfe],
    };
    let path = "/lienthong.v1.DeskService/Submit";
    let answer = town
        .desk()
        .caller
        .raw::<_, v1::SubmitResponse>(path, request)
        .await;
    let refused = answer.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    assert_eq!(fields(&refused), ["submit_key"]);
    assert_eq!(town.desk().count().await, 0);
}

#[tokio::test]
async fn names_are_kept_in_one_form_and_bytes_as_they_are() {
    let mut town = Town::open().await;
    let decomposed = "Nguye\u{302}\u{303}n Bi\u{300}nh";
    let dossier = town
        .desk()
        .submit_with(|r| r.parties[1].name = decomposed.into())
        .await;
    let clerk = town.clerk("civil-status");
    let handover = clerk
        .gets("the birth", |h| h.step_id == "register_birth")
        .await;
    assert!(
        handover
            .parties
            .iter()
            .any(|party| party.name == "Nguy\u{1ec5}n B\u{ec}nh")
    );
    let parents = handover
        .evidence
        .iter()
        .find(|one| one.name == "parents")
        .unwrap();
    assert_eq!(parents.data, dossier.request.evidence[1].data);
}

#[tokio::test]
async fn an_upload_that_does_not_match_its_digest_leaves_nothing() {
    let town = Town::with([]).await;
    let scan = Scan::new("một");
    let mut other = scan.clone();
    other.bytes[0] ^= 1;
    let header = header(&scan, 0);
    let refused = upload(town.desk(), &header, &[(0, &other.bytes)])
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), fields(&refused)),
        (Code::InvalidArgument, vec!["header.digest".to_owned()])
    );
    assert_eq!(
        town.desk().caller.stat("H99.01.01", &header.digest).await,
        (0, false)
    );

    upload(town.desk(), &header, &[(0, &scan.bytes)])
        .await
        .unwrap();
    let (_, complete) = town.desk().caller.stat("H99.01.01", &header.digest).await;
    assert!(complete);
}

/// Pieces of an upload, each with its offset.
type Chunks<'b> = Vec<(u64, &'b [u8])>;

#[tokio::test]
async fn a_chunk_out_of_order_an_empty_file_and_one_byte_too_many_are_refused() {
    let town = Town::with([]).await;
    let scan = Scan::new("hai");
    let good = header(&scan, 0);
    let bytes = scan.bytes.as_slice();
    let longer = [bytes, b"!"].concat();
    let empty = v1::UploadHeader {
        size_bytes: 0,
        ..good.clone()
    };
    let short = v1::UploadHeader {
        digest: vec![1; 5].into(),
        ..good.clone()
    };
    let skipping = v1::UploadHeader {
        offset: 3,
        ..good.clone()
    };
    let cases: [(&str, _, Chunks<'_>, &str); 6] = [
        (
            "a gap",
            &good,
            vec![(0, &bytes[..4]), (5, &bytes[5..])],
            "chunk.offset",
        ),
        (
            "the same again",
            &good,
            vec![(0, &bytes[..4]), (0, &bytes[..4])],
            "chunk.offset",
        ),
        (
            "one byte too many",
            &good,
            vec![(0, &longer)],
            "header.size_bytes",
        ),
        ("an empty file", &empty, vec![], "header.size_bytes"),
        ("half a digest", &short, vec![(0, bytes)], "header.digest"),
        (
            "a beginning in the middle",
            &skipping,
            vec![(3, &bytes[3..])],
            "chunk.offset",
        ),
    ];
    for (what, header, chunks, field) in cases {
        let refused = upload(town.desk(), header, &chunks).await.expect_err(what);
        assert_eq!(refused.code(), Code::InvalidArgument, "{what}: {refused:?}");
        assert_eq!(fields(&refused), [field], "{what}: {}", refused.message());
    }
    let complete = town.desk().caller.stat("H99.01.01", &good.digest).await.1;
    assert!(!complete, "nothing of it counts as given");
}

#[tokio::test]
async fn an_item_of_an_unknown_kind_is_refused_and_the_others_go_on() {
    let town = Town::with(["civil-status"]).await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let heard = police.next_handover().await;
    heard.acknowledge().await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;

    let handover = heard.handover().clone();
    let report = |kind| {
        ItemKind::Report(match police.item("", &handover, progress()).kind {
            Some(ItemKind::Report(report)) => v1::Report { kind, ..report },
            _ => unreachable!("a report"),
        })
    };
    let items = [
        ("nothing", None, "UNKNOWN_KIND"),
        (
            "a handover",
            Some(ItemKind::Handover(handover.clone())),
            "UNKNOWN_KIND",
        ),
        (
            "a notice",
            Some(ItemKind::Notice(v1::DepartmentNotice::default())),
            "UNKNOWN_KIND",
        ),
        ("an empty report", Some(report(None)), "UNKNOWN_KIND"),
        (
            "an unknown answer",
            Some(report(Some(unknown_review()))),
            "INVALID_FIELDS",
        ),
        ("progress", Some(report(Some(progress()))), ""),
    ];
    let verdicts = talk(
        &police,
        items.clone().map(|(id, kind, _)| v1::Item {
            item_id: id.into(),
            kind,
            ..Default::default()
        }),
    )
    .await;
    for (id, _, word) in items {
        let verdict = verdicts
            .iter()
            .find(|verdict| verdict.item_id == id)
            .expect(id);
        match verdict.outcome.as_ref().unwrap() {
            Outcome::Refused(status) => assert_eq!(reason(status), word, "{id}"),
            Outcome::Recorded(_) => assert_eq!(word, "", "{id} is recorded"),
            other => panic!("{id}: {other:?}"),
        }
    }
    assert_eq!(
        town.desk()
            .step(&dossier, "register_residence")
            .await
            .state(),
        StepState::Held
    );
}

/// An item of a kind that only a later release of the contract has.
#[derive(Clone, PartialEq, prost::Message)]
struct LaterItem {
    #[prost(string, tag = "1")]
    item_id: String,
    #[prost(bytes = "vec", tag = "77")]
    kind: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LaterRequest {
    #[prost(message, optional, tag = "1")]
    item: Option<LaterItem>,
}

#[tokio::test]
async fn a_kind_of_a_later_release_is_refused_and_never_acknowledged() {
    let town = Town::with([]).await;
    let item = LaterItem {
        item_id: "later".into(),
        kind: v1::Report::default().encode_to_vec(),
    };
    let request = LaterRequest { item: Some(item) };
    let path = "/lienthong.v1.ExchangeService/ReportOne";
    let police = town.system_of("police");
    let answer: v1::ReportOneResponse = police.raw(path, request).await.unwrap();
    match answer.verdict.unwrap().outcome.unwrap() {
        Outcome::Refused(status) => assert_eq!(reason(&status), "UNKNOWN_KIND"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_department_refuses_kinds_that_it_does_not_know() {
    let town = Town::with(["police"]).await;
    let broker = town.caller_at("police", node::identity::Role::Broker, "broker");
    let kinds = [
        None,
        Some(ItemKind::Report(v1::Report::default())),
        Some(ItemKind::Notice(v1::DepartmentNotice {
            agency_code: "G01.99.01".into(),
            ..Default::default()
        })),
        Some(ItemKind::Handover(v1::Handover {
            dossier_id: "1".repeat(32),
            handover_id: "h".into(),
            step_id: "register_residence".into(),
            round: 1,
            task: 77,
            agency_code: "G01.99.01".into(),
            ..Default::default()
        })),
    ];
    for kind in kinds {
        let what = format!("{kind:?}");
        let item = Some(v1::Item {
            item_id: "strange".into(),
            kind,
            ..Default::default()
        });
        let answer = broker
            .department()
            .hand_over_one(v1::HandOverOneRequest { item })
            .await;
        match answer
            .unwrap()
            .into_inner()
            .verdict
            .unwrap()
            .outcome
            .unwrap()
        {
            Outcome::Refused(status) => assert_eq!(reason(&status), "UNKNOWN_KIND", "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_report_that_does_not_fit_is_refused_with_the_state_it_found() {
    let mut town = Town::with(["civil-status"]).await;
    let mut police = town.puppet("police");
    town.clerk("civil-status").rests();
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_birth", StepState::Held)
        .await;

    // Not due yet.
    let early = v1::Handover {
        dossier_id: dossier.id.clone(),
        step_id: "register_residence".into(),
        round: 1,
        ..Default::default()
    };
    let found = refused(police.report(police.item("early", &early, refusal())).await);
    assert_eq!(found, ("STEP_NOT_HELD".into(), Some("waiting".into())));
    assert_eq!(
        town.desk()
            .step(&dossier, "register_residence")
            .await
            .state(),
        StepState::Waiting
    );

    // Completed already.
    town.clerk("civil-status").works();
    let heard = police.next_handover().await;
    heard.acknowledge().await;
    let done = police.item("done", heard.handover(), refusal());
    assert!(matches!(police.report(done).await, Outcome::Recorded(_)));
    let late = police.item("late", heard.handover(), refusal());
    assert_eq!(
        refused(police.report(late).await),
        ("STEP_FINISHED".into(), Some("refused".into()))
    );
}

#[tokio::test]
async fn a_report_of_an_earlier_round_is_answered_as_superseded() {
    let mut town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = town.puppet("police");
    town.clerk("social-insurance").answers(|handover| {
        let first = handover.round == 1;
        first.then(|| vec![crate::town::birth::faulty_certificate(handover)])
    });
    town.clerk("social-insurance").rests();
    let dossier = town.desk().submit("birth").await;
    let first = police.next_handover().await;
    first.acknowledge().await;
    town.clerk("social-insurance").works();
    let second = police.next_handover().await;
    second.acknowledge().await;
    assert_eq!((first.handover().round, second.handover().round), (1, 2));

    let outcome = police
        .report(police.item("old", first.handover(), refusal()))
        .await;
    match outcome {
        Outcome::Refused(status) => {
            assert_eq!(reason(&status), "ROUND_SUPERSEDED");
            assert_eq!(
                Fault::metadata_of(&status, "newest_round").as_deref(),
                Some("2")
            );
        }
        other => panic!("{other:?}"),
    }
    let new = police.item("new", second.handover(), refusal());
    assert!(matches!(police.report(new).await, Outcome::Recorded(_)));
    let results = town.desk().results(&dossier).await;
    assert_eq!(
        results,
        RESULTS
            .iter()
            .copied()
            .filter(|r| *r != "residence_notice")
            .collect::<Vec<_>>()
    );
}

fn progress() -> Kind {
    Kind::Progress(v1::Progress {
        note: "đang làm".into(),
    })
}

fn refusal() -> Kind {
    Kind::Refused(v1::Refused {
        reason: "không đủ điều kiện".into(),
        legal_basis: "Điều 20".into(),
    })
}

fn unknown_review() -> Kind {
    Kind::Review(v1::Review {
        answer: 99,
        ..Default::default()
    })
}

fn refused(outcome: Outcome) -> (String, Option<String>) {
    match outcome {
        Outcome::Refused(status) => (reason(&status), Fault::metadata_of(&status, "step_state")),
        other => panic!("not refused: {other:?}"),
    }
}

fn header(scan: &Scan, offset: u64) -> v1::UploadHeader {
    v1::UploadHeader {
        digest: scan.document.digest.clone(),
        size_bytes: scan.document.size_bytes,
        offset,
        agency_code: "H99.01.01".into(),
    }
}

async fn upload(
    desk: &Window,
    header: &v1::UploadHeader,
    chunks: &[(u64, &[u8])],
) -> Result<v1::UploadResponse, Status> {
    let chunks = chunks.iter().map(|(offset, data)| {
        Piece::Chunk(v1::Chunk {
            offset: *offset,
            data: data.to_vec().into(),
        })
    });
    let pieces: Vec<_> = [Piece::Header(header.clone())]
        .into_iter()
        .chain(chunks)
        .collect();
    let messages = tokio_stream::iter(pieces).map(|piece| v1::UploadRequest {
        content: Some(piece),
    });
    desk.caller
        .documents()
        .upload(messages)
        .await
        .map(tonic::Response::into_inner)
}

/// Sends items on one report stream and hears all verdicts.
async fn talk<const N: usize>(puppet: &Puppet, items: [v1::Item; N]) -> Vec<v1::Verdict> {
    let (say, saying) = tokio::sync::mpsc::channel(N + 1);
    let hello = v1::Hello {
        agency_code: puppet.post.agency.into(),
        window_items_max: 100,
        window_bytes_max: 1 << 20,
        ..Default::default()
    };
    let contents = [Content::Hello(hello)]
        .into_iter()
        .chain(items.map(Content::Item));
    for content in contents {
        let envelope = Some(v1::Envelope {
            content: Some(content),
        });
        say.send(v1::ReportRequest { envelope }).await.unwrap();
    }
    let mut heard = puppet
        .caller
        .exchange()
        .report(ReceiverStream::new(saying))
        .await
        .unwrap()
        .into_inner();
    let mut verdicts = Vec::new();
    while verdicts.len() < N {
        let message = crate::town::patience::patiently("a verdict", heard.message()).await;
        let envelope = message
            .unwrap()
            .expect("the stream goes on")
            .envelope
            .unwrap();
        if let Some(Content::Verdict(verdict)) = envelope.content {
            verdicts.push(verdict);
        }
    }
    verdicts
}

impl Caller {
    /// A call whose request the contract's own types could not say.
    async fn raw<Q, A>(&self, path: &'static str, request: Q) -> Result<A, Status>
    where
        Q: prost::Message + Send + Sync + 'static,
        A: prost::Message + Default + Send + Sync + 'static,
    {
        let mut grpc = tonic::client::Grpc::new(self.channel());
        grpc.ready().await.unwrap();
        let codec = tonic_prost::ProstCodec::<Q, A>::new();
        let path = http::uri::PathAndQuery::from_static(path);
        let answer = grpc.unary(tonic::Request::new(request), path, codec).await;
        answer.map(tonic::Response::into_inner)
    }
}
