//! A span: something that was done, from when until when, and what it was about.

use super::{context::Context, export::Queue};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{self as otlp, status::StatusCode},
};
use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Bytes of one attribute.
const ATTRIBUTE_BYTES_MAX: usize = 256;

/// On which side of what somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Within the process.
    Internal,
    /// Answers a call.
    Server,
    /// Makes a call.
    Client,
    /// Gives an item.
    Producer,
    /// Takes an item.
    Consumer,
}

/// Something that is being done. It ends when it is dropped.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    context: Option<Context>,
    /// None where its trace is not sent.
    live: Option<Box<Live>>,
}

#[derive(Debug)]
struct Live {
    queue: Arc<Queue>,
    told: otlp::Span,
}

impl Span {
    pub(super) fn nothing() -> Self {
        Self {
            context: None,
            live: None,
        }
    }

    pub(super) fn begin(
        queue: &Arc<Queue>,
        name: &str,
        kind: Kind,
        context: Context,
        parent: Option<Context>,
    ) -> Self {
        let live = context.sampled.then(|| {
            let told = otlp::Span {
                trace_id: context.trace.to_vec(),
                span_id: context.span.to_vec(),
                parent_span_id: parent.map_or_else(Vec::new, |parent| parent.span.to_vec()),
                name: name.to_owned(),
                kind: kind as i32 + 1,
                start_time_unix_nano: now_unix_nano(),
                ..otlp::Span::default()
            };
            Box::new(Live {
                queue: queue.clone(),
                told,
            })
        });
        Self {
            context: Some(context),
            live,
        }
    }

    /// Which span of which trace it is; none where no spans are made.
    pub fn context(&self) -> Option<Context> {
        self.context
    }

    /// What is to be handed on with an item or a call; nothing where no spans are made.
    pub fn traceparent(&self) -> String {
        self.context
            .map_or_else(String::new, |context| context.to_string())
    }

    /// Another name: what was done is known only now.
    pub fn rename(&mut self, name: &str) {
        if let Some(live) = &mut self.live {
            name.clone_into(&mut live.told.name);
        }
    }

    /// Says what it is about, under the names of the log. Never a personal value.
    pub fn note(&mut self, key: &'static str, value: &str) {
        let value = &value[..value.floor_char_boundary(ATTRIBUTE_BYTES_MAX)];
        self.put(key, || Value::StringValue(value.to_owned()));
    }

    /// As [`note`](Self::note), for a number.
    pub fn note_number(&mut self, key: &'static str, value: impl Into<i64>) {
        self.put(key, || Value::IntValue(value.into()));
    }

    fn put(&mut self, key: &'static str, value: impl FnOnce() -> Value) {
        if let Some(live) = &mut self.live {
            live.told.attributes.push(KeyValue {
                key: key.to_owned(),
                value: Some(AnyValue {
                    value: Some(value()),
                }),
                ..KeyValue::default()
            });
        }
    }

    /// It did not do what it should, for a reason word or a code.
    pub fn failed(&mut self, reason: &str) {
        if let Some(live) = &mut self.live {
            live.told.status = Some(otlp::Status {
                code: StatusCode::Error as i32,
                message: reason.to_owned(),
            });
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(live) = self.live.take() {
            let Live { queue, mut told } = *live;
            told.end_time_unix_nano = now_unix_nano();
            queue.put(told);
        }
    }
}

fn now_unix_nano() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}
