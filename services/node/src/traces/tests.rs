//! Spans that are made, and a collector that takes them, or does not.

use super::*;
use crate::{shutdown::Shutdown, testing::Lines};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span as Told,
};
use std::{sync::Mutex, time::Duration};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// Keeps what it is sent.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Told>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let spans = request.into_inner().resource_spans.into_iter();
        let spans = spans
            .flat_map(|one| one.scope_spans)
            .flat_map(|one| one.spans);
        self.0.lock().unwrap().extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn open() -> (Self, String) {
        let tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", tcp.local_addr().unwrap());
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone());
        let serving = Server::builder().add_service(service);
        tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(tcp)));
        (collector, endpoint)
    }

    fn spans(&self) -> Vec<Told> {
        self.0.lock().unwrap().clone()
    }
}

fn tracer(endpoint: &str, sample_ratio: f64) -> (Tracer, Shutdown, tokio::task::JoinHandle<()>) {
    let config = TracesConfig {
        endpoint: Some(endpoint.to_owned()),
        sample_ratio,
    };
    let (tracer, export) = Tracer::open(&config, "broker", "H99").unwrap();
    let shutdown = Shutdown::new();
    let exporting = tokio::spawn(export.run(shutdown.clone()));
    (tracer, shutdown, exporting)
}

#[tokio::test]
async fn what_was_begun_before_the_end_is_sent_with_its_parent() {
    let (collector, endpoint) = Collector::open().await;
    let (tracer, shutdown, exporting) = tracer(&endpoint, 1.0);
    let mut outer = tracer.span("outer", Kind::Client, None);
    outer.note("dossier_code", "H99-1");
    within(&outer, async {
        let mut inner = tracer.child("inner", Kind::Internal);
        inner.failed("BUSY");
    })
    .await;
    let outer_id = outer.context().unwrap();
    drop(outer);
    shutdown.trigger();
    exporting.await.unwrap();
    let spans = collector.spans();
    let find = |name| spans.iter().find(|span| span.name == name).unwrap();
    let (outer, inner) = (find("outer"), find("inner"));
    assert_eq!(
        (outer.trace_id.as_slice(), outer.span_id.as_slice()),
        (&outer_id.trace[..], &outer_id.span[..])
    );
    assert_eq!(
        (&inner.trace_id, &inner.parent_span_id),
        (&outer.trace_id, &outer.span_id)
    );
    assert!(
        outer.parent_span_id.is_empty() && outer.end_time_unix_nano >= outer.start_time_unix_nano
    );
    assert_eq!(inner.status.as_ref().unwrap().message, "BUSY");
    assert!(current().is_none());
}

#[tokio::test]
async fn the_one_who_is_told_another_trace_stays_in_that_of_the_hop() {
    let (tracer, _shutdown, _exporting) = tracer("http://127.0.0.1:1", 1.0);
    let hop = Context::of_handover("0a1b", 1.0);
    let first = tracer.hop("hand over", Kind::Producer, "0a1b", "");
    let next = tracer.hop("take", Kind::Consumer, "0a1b", &first.traceparent());
    let other = tracer.span("other", Kind::Internal, None);
    for told in [other.traceparent(), "rubbish".into()] {
        let led_astray = tracer.hop("take", Kind::Consumer, "0a1b", &told);
        assert!(led_astray.context().unwrap().is_same_trace(&hop));
    }
    assert!(next.context().unwrap().is_same_trace(&hop));
}

#[tokio::test]
async fn what_is_not_sampled_is_named_and_not_sent() {
    let (collector, endpoint) = Collector::open().await;
    let (tracer, shutdown, exporting) = tracer(&endpoint, 0.0);
    let span = tracer.span("quiet", Kind::Client, None);
    assert!(span.traceparent().ends_with("-00"));
    let child = tracer.span("quiet too", Kind::Client, span.context());
    assert!(child.traceparent().ends_with("-00"));
    drop((span, child));
    shutdown.trigger();
    exporting.await.unwrap();
    assert!(collector.spans().is_empty());
}

#[tokio::test]
async fn without_a_collector_nothing_is_made_and_with_one_that_is_away_nothing_waits() {
    let off = Tracer::default();
    assert!(!off.is_on() && off.span("x", Kind::Client, None).traceparent().is_empty());

    let lines = Lines::default();
    let _log = tracing::subscriber::set_default(lines.subscriber());
    // Nobody listens there.
    let (tracer, shutdown, exporting) = tracer("http://127.0.0.1:1", 1.0);
    let began = std::time::Instant::now();
    for _ in 0..20_000 {
        drop(tracer.span("x", Kind::Internal, None));
    }
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    shutdown.trigger();
    exporting.await.unwrap();
    let (sent, dropped) = tracer.0.as_ref().unwrap().counts();
    assert_eq!(sent, 0);
    assert!(dropped > 15_000, "{dropped}");
    let told = lines
        .text()
        .lines()
        .filter(|line| line.contains("spans were dropped"))
        .count();
    assert_eq!(told, 1, "{}", lines.text());
}

#[test]
fn what_cannot_be_is_refused_by_its_key() {
    let open = |endpoint: &str, sample_ratio| {
        let endpoint = Some(endpoint.to_owned());
        let config = TracesConfig {
            endpoint,
            sample_ratio,
        };
        Tracer::open(&config, "broker", "").unwrap_err().to_string()
    };
    assert!(open("127.0.0.1", 1.0).contains("traces.endpoint"));
    assert!(open("https://collector:4317", 1.0).contains("traces.endpoint"));
    assert!(open("http://127.0.0.1:4317", 1.5).contains("traces.sample_ratio"));
    assert!(open("http://127.0.0.1:4317", f64::NAN).contains("traces.sample_ratio"));
}
