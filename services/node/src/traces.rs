//! Traces: what a process did for one dossier's hop, or for one call, told to a collector as spans.
//!
//! A hop, one round of a step from being handed over until its report is recorded, outlives processes and is
//! the work of several. So its trace is not handed on and kept: everybody derives it from the id of the
//! handover ([`Context::of_handover`]), after a restart too. What is handed on, beside an item or a call, names
//! the span before in that trace, and whoever hands on something else is not listened to.
//!
//! Nothing is done where no collector is configured. Where one is, spans wait for it in a queue; what does not
//! fit there, or is not taken, is counted and gone: no work ever waits for its trace.

mod carrying;
mod context;
mod export;
mod span;

pub use self::{
    carrying::{Carrying, TRACEPARENT},
    context::{Context, TRACEPARENT_BYTES},
    export::{Export, TracesError},
    span::{Kind, Span},
};

use crate::metrics::{Page, Source};
use export::Queue;
use serde::Deserialize;
use std::{future::Future, sync::Arc};

/// Where the spans of a process go.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TracesConfig {
    /// A collector that takes OTLP over gRPC without TLS, such as `http://127.0.0.1:4317`: one on the machine
    /// itself, which knows the way on. Left out: no spans are made.
    pub endpoint: Option<String>,
    /// Of how many traces the spans are sent, 0 to 1; 1. Who begins a trace decides for all who go on with it.
    pub sample_ratio: f64,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            sample_ratio: 1.0,
        }
    }
}

tokio::task_local! {
    /// The span that the work of this task belongs to.
    static CURRENT: Context;
}

/// Makes spans, or nothing. Cheap to clone; the default makes nothing.
#[derive(Debug, Clone, Default)]
pub struct Tracer(Option<Arc<Queue>>);

impl Tracer {
    /// A tracer, and what brings its spans to the collector: to be run beside the service, in its runtime.
    ///
    /// # Errors
    /// The endpoint is none, or the ratio is not within 0 to 1.
    pub fn open(
        config: &TracesConfig,
        service: &'static str,
        agency: &str,
    ) -> Result<(Self, Export), TracesError> {
        if !(0.0..=1.0).contains(&config.sample_ratio) {
            return Err(TracesError::Ratio(config.sample_ratio));
        }
        let Some(endpoint) = &config.endpoint else {
            return Ok((Self(None), Export::nothing()));
        };
        let (queue, export) = export::open(endpoint, config.sample_ratio, service, agency)?;
        Ok((Self(Some(Arc::new(queue))), export))
    }

    /// A span that begins now: in the trace of `parent`, or the first of a new one.
    pub fn span(&self, name: &'static str, kind: Kind, parent: Option<Context>) -> Span {
        let Some(queue) = &self.0 else {
            return Span::nothing();
        };
        let context = match parent {
            Some(parent) => parent.child(),
            None => Context::begin(queue.sample_ratio()),
        };
        Span::begin(queue, name, kind, context, parent)
    }

    /// As [`span`](Self::span), in the span that this task works for.
    pub fn child(&self, name: &'static str, kind: Kind) -> Span {
        self.span(name, kind, current())
    }

    /// A span of a hop, after the one that `told` names if that is one of the same hop.
    pub fn hop(&self, name: &'static str, kind: Kind, handover_id: &str, told: &str) -> Span {
        let Some(queue) = &self.0 else {
            return Span::nothing();
        };
        let hop = Context::of_handover(handover_id, queue.sample_ratio());
        let told = Context::parse(told).filter(|told| told.is_same_trace(&hop));
        self.span(name, kind, Some(told.unwrap_or(hop)))
    }

    /// The span that a hop begins with, which those that know nothing but the handover's id come after.
    pub fn hop_begin(&self, name: &'static str, kind: Kind, handover_id: &str) -> Span {
        let Some(queue) = &self.0 else {
            return Span::nothing();
        };
        let hop = Context::of_handover(handover_id, queue.sample_ratio());
        Span::begin(queue, name, kind, hop, None)
    }

    /// Whether spans are made at all.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }
}

/// The span that this task works for, if it does for one.
pub fn current() -> Option<Context> {
    CURRENT.try_with(|context| *context).ok()
}

/// Does something for a span: calls that it makes name it, and spans that it makes are its children.
pub async fn within<F: Future>(span: &Span, work: F) -> F::Output {
    match span.context() {
        Some(context) => CURRENT.scope(context, work).await,
        None => work.await,
    }
}

#[async_trait::async_trait]
impl Source for Tracer {
    async fn tell(&self, page: &mut Page) {
        let (sent, dropped) = self.0.as_ref().map_or((0, 0), |queue| queue.counts());
        page.counter(
            "lienthong_spans_sent_total",
            "Spans that the collector took.",
        )
        .is(sent);
        page.counter(
            "lienthong_spans_dropped_total",
            "Spans that the collector did not take, or that did not fit into the queue before it.",
        )
        .is(dropped);
    }
}

#[cfg(test)]
mod tests;
