//! What a collector of traces gets of a town: one dossier's hop is one trace, whoever works on it; and whatever
//! else is named in the place of a span harms nothing.

use crate::repetition::residence;
use crate::town::{Town, birth::RESULTS, ground::BROKER, patience::until};
use contract::v1::{self, verdict::Outcome};
use node::traces::{Context, TRACEPARENT};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
    trace::v1::Span,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// What a span may say, beside what it was that was called.
const ATTRIBUTES: [&str; 5] = ["dossier_code", "step", "agency", "round", "act"];
/// Who writes about what.
const CALL: &str = "rpc.";

/// Keeps the spans that it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Told>>>);

/// A span, and which service made it.
#[derive(Debug, Clone)]
struct Told {
    service: String,
    span: Span,
    attributes: BTreeMap<String, String>,
}

impl Collector {
    /// A collector, and the settings with which it is sent spans.
    async fn open() -> (Self, String) {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone());
        let serving = Server::builder().add_service(service);
        tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(tcp)));
        (
            collector,
            format!("[traces]\nendpoint = \"http://{address}\""),
        )
    }

    fn spans(&self) -> Vec<Told> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for a span of this name that says this.
    async fn gets(&self, name: &str, key: &str, value: &str) -> Told {
        until(&format!("a span {name} with {key} {value}"), || async {
            let mut spans = self.spans().into_iter();
            spans.find(|told| told.span.name == name && told.says(key, value))
        })
        .await
    }

    /// The spans of a trace, once each has the one there that it comes after: who told what last need not be told
    /// last.
    async fn trace(&self, of: &Told) -> Vec<Told> {
        until("a whole trace", || async {
            let mut found = self.spans();
            found.retain(|told| told.span.trace_id == of.span.trace_id);
            let is_there = |told: &Told| {
                told.span.parent_span_id.is_empty()
                    || found.iter().any(|before| told.comes_after(before))
            };
            found.iter().all(is_there).then_some(found)
        })
        .await
    }
}

impl Told {
    fn says(&self, key: &str, value: &str) -> bool {
        self.attributes.get(key).is_some_and(|said| said == value)
    }

    fn comes_after(&self, other: &Self) -> bool {
        self.span.trace_id == other.span.trace_id && self.span.parent_span_id == other.span.span_id
    }
}

fn text(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let text = |one: &KeyValue| {
        let value = match one.value.as_ref().and_then(|any| any.value.as_ref()) {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::IntValue(number)) => number.to_string(),
            other => panic!("{}: {other:?}", one.key),
        };
        (one.key.clone(), value)
    };
    attributes.iter().map(text).collect()
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for one in request.into_inner().resource_spans {
            let resource = text(&one.resource.unwrap().attributes);
            let spans = one.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let told = spans.map(|span| Told {
                service: resource["service.name"].clone(),
                attributes: text(&span.attributes),
                span,
            });
            self.0.lock().unwrap().extend(told);
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tokio::test]
async fn one_hop_of_a_dossier_is_one_trace_from_being_handed_over_to_its_report() {
    let (collector, settings) = Collector::open().await;
    let plan = Town::plan().broker(&settings).office(&settings);
    let town = plan.in_processes().open().await;
    let _desk = town.open_desk(&settings);

    let submit = collector
        .gets("submit", "dossier_code", &town.only_code().await)
        .await;
    let call = collector
        .gets("DeskService/Submit", "rpc.system", "grpc")
        .await;
    assert_eq!((&*submit.service, &*call.service), ("desk", "broker"));
    assert!(call.comes_after(&submit), "{call:?} {submit:?}");
    assert!(call.says("rpc.grpc.status_code", "0"));
    let submitting = collector.trace(&call).await;
    assert!(
        submitting
            .iter()
            .any(|told| told.span.name == "record" && told.comes_after(&call))
    );

    let mut traces = BTreeSet::new();
    for step in ["register_birth", "register_residence", "issue_health_card"] {
        let last = collector.gets("take report", "step", step).await;
        for name in ["hand over", "take", "work", "report"] {
            collector.gets(name, "step", step).await;
        }
        let hop = collector.trace(&last).await;
        for told in &hop {
            let before = hop.iter().find(|one| told.comes_after(one));
            let before = before.map(|one| one.span.name.as_str());
            let (service, expected): (_, &[_]) = match told.span.name.as_str() {
                "hand over" => ("broker", &[None]),
                "take" | "work" | "report" => ("department", &[Some("hand over")]),
                "take report" => ("broker", &[Some("report")]),
                "record" => ("broker", &[Some("hand over"), Some("take report")]),
                other => panic!("{other} is in the trace of a hop"),
            };
            assert_eq!(told.service, service, "{told:?}");
            assert!(
                expected.contains(&before),
                "{told:?} comes after {before:?}"
            );
            assert!(service == "broker" && told.span.name == "record" || told.says("step", step));
        }
        assert!(
            traces.insert(last.span.trace_id.clone()),
            "each hop is a trace of its own"
        );
    }
    assert!(!traces.contains(&submit.span.trace_id));

    for told in collector.spans() {
        for (key, value) in &told.attributes {
            let is_known = ATTRIBUTES.contains(&key.as_str()) || key.starts_with(CALL);
            assert!(is_known && value.is_ascii(), "{key} {value}");
        }
    }
}

#[tokio::test]
async fn what_is_no_span_of_this_hop_is_passed_over_and_harms_nothing() {
    let (collector, settings) = Collector::open().await;
    let plan = Town::plan()
        .broker(&settings)
        .offices(["civil-status", "social-insurance"]);
    let town = plan.open().await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let heard = police.next_handover().await;
    let (handover, told) = (heard.handover().clone(), heard.item.traceparent.clone());
    let hop = Context::of_handover(&handover.handover_id, 1.0);
    assert!(Context::parse(&told).unwrap().is_same_trace(&hop));
    heard.acknowledge().await;

    let mut item = police.item("r-1", &handover, residence(&police).await);
    if let Some(v1::item::Kind::Report(report)) = &mut item.kind {
        report.handover_id.clone_from(&handover.handover_id);
    }
    let other = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let future = told.replacen("00-", "01-", 1);
    let long = "x".repeat(256 * 1024);
    let mut outcomes = Vec::new();
    for bad in ["rubbish", other, &future, &long, &told, ""] {
        item.traceparent = bad.into();
        let outcome = police.report(item.clone()).await;
        let Outcome::Recorded(recorded) = outcome else {
            panic!("{bad:.60}: {outcome:?}");
        };
        // The same item: it is recognised by what it says, and not by the span that gives it.
        outcomes.push(recorded.recorded_at);
    }
    assert!(
        outcomes.windows(2).all(|pair| pair[0] == pair[1]),
        "{outcomes:?}"
    );
    assert_eq!(town.desk().results(&dossier).await, RESULTS);

    until("all of them to be told", || async {
        let spans = collector.spans();
        let taken = spans
            .iter()
            .filter(|one| one.span.name == "take report" && one.says("step", "register_residence"));
        let taken: Vec<_> = taken.collect();
        let derived = hex::decode(hop.to_string().split('-').nth(1).unwrap()).unwrap();
        assert!(
            taken.iter().all(|one| one.span.trace_id == derived),
            "{taken:?}"
        );
        (taken.len() == 6).then_some(())
    })
    .await;

    for bad in [
        "rubbish",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        &"x".repeat(1024 * 1024),
    ] {
        let mut request = Request::new(v1::TrackRequest {
            agency_code: "H99.01.01".into(),
            dossier_code: dossier.code.clone(),
        });
        request
            .metadata_mut()
            .insert(TRACEPARENT, bad.parse().unwrap());
        let answer = town
            .caller(node::identity::Role::Desk, "desk-mau-mot")
            .desk()
            .track(request)
            .await;
        // No server takes a header of any length; a short one is passed over.
        assert!(answer.is_ok() || bad.len() > 1_000, "{bad:.60}: {answer:?}");
        assert!(
            town.desk().results(&dossier).await == RESULTS,
            "everybody else is served"
        );
    }
}

#[tokio::test]
async fn a_collector_that_is_away_or_hangs_holds_up_no_dossier() {
    let hanging = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = hanging.local_addr().unwrap();
    let settings = format!("[traces]\nendpoint = \"http://{address}\"");
    let town = Town::plan()
        .broker(&settings)
        .office(&settings)
        .open()
        .await;
    let dossier = town.desk().submit("birth").await;
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    drop(hanging);
    let dossier = town.desk().submit("birth").await;
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    town.is_logged_once("spans were dropped").await;
}

impl Town {
    /// The code of the only dossier that there is, once there is one.
    async fn only_code(&self) -> String {
        let log = self.log(BROKER);
        until("a dossier to be submitted", || async {
            let line = log.lines_with("a dossier was submitted").pop()?;
            let (_, code) = line.split_once("dossier_code=")?;
            Some(code.split_whitespace().next()?.to_owned())
        })
        .await
    }
}
