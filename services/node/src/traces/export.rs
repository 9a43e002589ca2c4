//! The way of spans to the collector: a queue, and a task that empties it.

use crate::shutdown::Shutdown;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, trace_service_client::TraceServiceClient},
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};

/// Spans that wait for the collector; of more, each is dropped.
const QUEUE_SPANS_MAX: usize = 4_096;
/// Spans that are sent at once.
const BATCH_SPANS_MAX: usize = 512;
/// How long spans are gathered before they are sent.
const GATHERING: Duration = Duration::from_millis(500);
/// How long the collector may take for one batch, the connection included.
const SEND_TIME_MAX: Duration = Duration::from_secs(5);
/// How long the last spans may take when the process ends.
const FAREWELL_MAX: Duration = Duration::from_secs(1);
/// Between two lines about spans that were dropped.
const QUIET_INTERVAL: Duration = Duration::from_secs(60);

/// Traces cannot be sent as they are configured.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// Write the endpoint in the shape shown.
    #[error("traces.endpoint: `{0}` is none; write for example http://127.0.0.1:4317")]
    Endpoint(String),
    /// Give a share.
    #[error("traces.sample_ratio: {0} is no share; give a number from 0 to 1")]
    Ratio(f64),
}

/// Where spans wait.
#[derive(Debug)]
pub(super) struct Queue {
    spans: mpsc::Sender<Span>,
    counts: Arc<Counts>,
    sample_ratio: f64,
}

#[derive(Debug, Default)]
struct Counts {
    sent: AtomicU64,
    dropped: AtomicU64,
}

/// Brings spans to the collector.
#[derive(Debug)]
pub struct Export(Option<Exporter>);

#[derive(Debug)]
struct Exporter {
    spans: mpsc::Receiver<Span>,
    counts: Arc<Counts>,
    resource: Resource,
    client: TraceServiceClient<Channel>,
    /// When it was told last that spans are dropped, and how many were by then.
    told: Option<(Instant, u64)>,
}

pub(super) fn open(
    endpoint: &str,
    sample_ratio: f64,
    service: &'static str,
    agency: &str,
) -> Result<(Queue, Export), TracesError> {
    let bad = || TracesError::Endpoint(endpoint.to_owned());
    let address = Endpoint::from_shared(endpoint.to_owned()).map_err(|_| bad())?;
    if address.uri().scheme_str() != Some("http") || address.uri().host().is_none() {
        return Err(bad());
    }
    let channel = address.connect_timeout(SEND_TIME_MAX).connect_lazy();
    let (sender, spans) = mpsc::channel(QUEUE_SPANS_MAX);
    let counts = Arc::<Counts>::default();
    let named = [
        ("service.namespace", "lienthong"),
        ("service.name", service),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", agency),
    ];
    let named = named.into_iter().filter(|(_, value)| !value.is_empty());
    let resource = Resource {
        attributes: named.map(|(key, value)| attribute(key, value)).collect(),
        ..Resource::default()
    };
    let export = Exporter {
        spans,
        counts: counts.clone(),
        resource,
        client: TraceServiceClient::new(channel),
        told: None,
    };
    let queue = Queue {
        spans: sender,
        counts,
        sample_ratio,
    };
    Ok((queue, Export(Some(export))))
}

fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

impl Queue {
    pub(super) fn sample_ratio(&self) -> f64 {
        self.sample_ratio
    }

    /// Spans that were sent, and that were dropped.
    pub(super) fn counts(&self) -> (u64, u64) {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        (count(&self.counts.sent), count(&self.counts.dropped))
    }

    /// Never waits.
    pub(super) fn put(&self, span: Span) {
        if self.spans.try_send(span).is_err() {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Export {
    pub(super) fn nothing() -> Self {
        Self(None)
    }

    /// Sends spans until the shutdown, and then for a moment what is left.
    pub async fn run(self, shutdown: Shutdown) {
        let Some(mut exporter) = self.0 else {
            return shutdown.triggered().await;
        };
        exporter.send_all(&shutdown).await;
        exporter.spans.close();
        let _ = timeout(FAREWELL_MAX, exporter.send_rest()).await;
    }
}

impl Exporter {
    async fn send_all(&mut self, shutdown: &Shutdown) {
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                biased;
                () = shutdown.triggered() => return,
                taken = self.spans.recv_many(&mut batch, BATCH_SPANS_MAX) => {
                    if taken == 0 {
                        return;
                    }
                }
            }
            if batch.len() < BATCH_SPANS_MAX {
                tokio::select! {
                    () = shutdown.triggered() => {}
                    () = sleep(GATHERING) => {}
                }
                while batch.len() < BATCH_SPANS_MAX
                    && let Ok(span) = self.spans.try_recv()
                {
                    batch.push(span);
                }
            }
            self.send(std::mem::take(&mut batch)).await;
        }
    }

    async fn send_rest(&mut self) {
        let mut batch = Vec::new();
        while self.spans.recv_many(&mut batch, BATCH_SPANS_MAX).await > 0 {
            self.send(std::mem::take(&mut batch)).await;
        }
    }

    async fn send(&mut self, spans: Vec<Span>) {
        let count = spans.len() as u64;
        let scope = InstrumentationScope {
            name: "lienthong".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            ..InstrumentationScope::default()
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope),
                    spans,
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        };
        let sent = timeout(SEND_TIME_MAX, self.client.export(request)).await;
        let sent = sent.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
        let why = match sent {
            Ok(_) => {
                self.counts.sent.fetch_add(count, Ordering::Relaxed);
                None
            }
            Err(status) => {
                self.counts.dropped.fetch_add(count, Ordering::Relaxed);
                Some(status.code())
            }
        };
        self.tell(why);
    }

    /// A line a minute at most, while spans are being dropped.
    fn tell(&mut self, why: Option<Code>) {
        let dropped = self.counts.dropped.load(Ordering::Relaxed);
        let (told_at, before) = self.told.map_or((None, 0), |(at, n)| (Some(at), n));
        let is_quiet = told_at.is_some_and(|at| at.elapsed() < QUIET_INTERVAL);
        if dropped == before || is_quiet {
            return;
        }
        self.told = Some((Instant::now(), dropped));
        let count = dropped - before;
        tracing::warn!(
            count,
            ?why,
            "spans were dropped: the collector does not take them"
        );
    }
}
