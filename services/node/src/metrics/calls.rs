//! Calls that are answered: how many of each, with which code, and how long they took. Names come from the
//! contract alone; whatever else is called counts as `other`.

use super::{Page, Source};
use crate::traces::{self, Context, Kind, Span, TRACEPARENT, Tracer};
use bytes::Bytes;
use contract::DESCRIPTORS;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use http_body::{Body, Frame, SizeHint};
use prometheus_client::metrics::histogram::Histogram;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{self, Poll, ready},
    time::Instant,
};
use tonic::{Code, Status};
use tower::{Layer, Service};

/// What calls of no service of the contract are counted as.
const OTHER: &str = "other";
/// Seconds that a call that is no stream may take to fall into each bucket.
const SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0];
/// The codes of gRPC by number.
const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Counts calls, as a layer of a server and as [`Source`]. Cheap to clone; all clones count the same.
#[derive(Debug, Clone)]
pub struct Calls(Arc<Methods>, Tracer);

#[derive(Debug)]
struct Methods {
    by_path: BTreeMap<String, Arc<Method>>,
    other: Arc<Method>,
}

#[derive(Debug)]
struct Method {
    service: String,
    name: String,
    is_stream: bool,
    is_served: bool,
    under_way: AtomicU64,
    codes: [AtomicU64; CODES.len()],
    seconds: Histogram,
}

impl Calls {
    /// Counts the calls of a process that serves these services of the contract, such as `DeskService`.
    pub fn of(served: &[&str]) -> Self {
        let all = FileDescriptorSet::decode(DESCRIPTORS)
            .expect("the descriptors that were compiled with this program can be read");
        let mut by_path = BTreeMap::new();
        for file in all.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let is_stream = method.client_streaming() || method.server_streaming();
                    let is_served = served.contains(&service.name());
                    let method = Method::new(service.name(), method.name(), is_stream, is_served);
                    by_path.insert(path, Arc::new(method));
                }
            }
        }
        let methods = Methods {
            by_path,
            other: Arc::new(Method::new(OTHER, OTHER, true, true)),
        };
        Self(Arc::new(methods), Tracer::default())
    }

    /// The same, and each call that is no stream is a span, after the one that the caller names.
    #[must_use]
    pub fn traced(self, tracer: Tracer) -> Self {
        Self(self.0, tracer)
    }

    fn begin<B>(&self, request: &Request<B>) -> Call {
        let path = request.uri().path();
        let method = self.0.by_path.get(path).unwrap_or(&self.0.other).clone();
        method.under_way.fetch_add(1, Ordering::Relaxed);
        let span =
            (self.1.is_on() && !method.is_stream).then(|| method.span(&self.1, request.headers()));
        Call {
            span,
            method,
            began: Instant::now(),
            code: None,
        }
    }
}

impl Method {
    fn new(service: &str, name: &str, is_stream: bool, is_served: bool) -> Self {
        Self {
            service: service.to_owned(),
            name: name.to_owned(),
            is_stream,
            is_served,
            under_way: AtomicU64::new(0),
            codes: Default::default(),
            seconds: Histogram::new(SECONDS),
        }
    }

    /// A span of this call, after the one that the caller names.
    fn span(&self, tracer: &Tracer, headers: &HeaderMap) -> Span {
        let named = headers.get(TRACEPARENT);
        let named = named.and_then(|named| Context::parse(named.to_str().ok()?));
        let mut span = tracer.span("call", Kind::Server, named);
        span.rename(&format!("{}/{}", self.service, self.name));
        span.note("rpc.system", "grpc");
        span.note("rpc.service", &self.service);
        span.note("rpc.method", &self.name);
        span
    }

    fn labels(&self) -> [(&'static str, &str); 2] {
        [("service", &self.service), ("method", &self.name)]
    }
}

#[async_trait::async_trait]
impl Source for Calls {
    async fn tell(&self, page: &mut Page) {
        let methods = || self.0.by_path.values().chain([&self.0.other]);
        let mut handled = page.counter(
            "lienthong_rpc_handled_total",
            "Calls that were answered, streams when they ended, by the code of gRPC; a caller that went away is CANCELLED.",
        );
        for method in methods() {
            let [service, name] = method.labels();
            for (code, count) in CODES.iter().zip(&method.codes) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 || (method.is_served && *code == CODES[0]) {
                    handled.row(&[service, name, ("code", code)], count);
                }
            }
        }
        let mut under_way = page.gauge(
            "lienthong_rpc_under_way",
            "Calls and streams that are under way.",
        );
        for method in methods().filter(|method| method.is_served) {
            let count = method.under_way.load(Ordering::Relaxed);
            under_way.row(&method.labels(), count);
        }
        let mut took = page.histogram(
            "lienthong_rpc_duration_seconds",
            "How long calls took that are no streams, from their head to the end of their answer.",
        );
        for method in methods().filter(|method| !method.is_stream) {
            let is_called = method.codes.iter().any(|n| n.load(Ordering::Relaxed) > 0);
            if is_called {
                took.spread(&method.labels(), &method.seconds);
            }
        }
    }
}

/// A call that is under way. It is counted when it ends, however it does.
#[derive(Debug)]
struct Call {
    method: Arc<Method>,
    began: Instant,
    /// None until it is known.
    code: Option<Code>,
    span: Option<Span>,
}

impl Call {
    fn hear(&mut self, headers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(headers) {
            self.code = Some(status.code());
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let method = &self.method;
        method.under_way.fetch_sub(1, Ordering::Relaxed);
        let code = self.code.unwrap_or(Code::Cancelled);
        let name = CODES[(code as usize).min(CODES.len() - 1)];
        method.codes[code as usize % CODES.len()].fetch_add(1, Ordering::Relaxed);
        if let Some(span) = &mut self.span {
            span.note_number("rpc.grpc.status_code", code as i32);
            if code != Code::Ok {
                span.failed(name);
            }
        }
        if !method.is_stream {
            method.seconds.observe(self.began.elapsed().as_secs_f64());
        }
    }
}

impl<S> Layer<S> for Calls {
    type Service = Heard<S>;

    fn layer(&self, inner: S) -> Heard<S> {
        Heard {
            inner,
            calls: self.clone(),
        }
    }
}

/// A service whose calls are counted, or the body of an answer that is.
#[derive(Debug, Clone)]
pub struct Heard<S> {
    inner: S,
    calls: Calls,
}

impl<S, B, R> Service<Request<B>> for Heard<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
{
    type Response = Response<Answer<R>>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut call = self.calls.begin(&request);
        let answering = self.inner.call(request);
        Box::pin(async move {
            let response = match &call.span {
                Some(span) => traces::within(span, answering).await?,
                None => answering.await?,
            };
            call.hear(response.headers());
            Ok(response.map(|body| Answer { body, call }))
        })
    }
}

/// The body of an answer, at whose end stands the code.
#[derive(Debug)]
pub struct Answer<B> {
    body: B,
    call: Call,
}

impl<B: Body<Data = Bytes> + Unpin> Body for Answer<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            this.call.hear(trailers);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt as _, Empty, StreamBody};
    use std::convert::Infallible;

    const SUBMIT: &str = "/lienthong.v1.DeskService/Submit";

    fn calls() -> Calls {
        Calls::of(&["DeskService"])
    }

    fn count(calls: &Calls, path: &str, code: Code) -> u64 {
        let method = calls.0.by_path.get(path).unwrap_or(&calls.0.other);
        method.codes[code as usize].load(Ordering::Relaxed)
    }

    fn trailers(code: Code) -> HeaderMap {
        let mut headers = HeaderMap::new();
        Status::new(code, "").add_header(&mut headers).unwrap();
        headers
    }

    type Frames = StreamBody<
        futures_util::stream::Iter<std::vec::IntoIter<Result<Frame<Bytes>, Infallible>>>,
    >;

    fn body(frames: Vec<Frame<Bytes>>) -> Frames {
        let frames: Vec<_> = frames.into_iter().map(Ok).collect();
        StreamBody::new(futures_util::stream::iter(frames))
    }

    async fn call(calls: &Calls, path: &str, answer: Response<Frames>) -> Answer<Frames> {
        let mut answer = Some(answer);
        let service = tower::service_fn(move |_: Request<Empty<Bytes>>| {
            let answer = answer.take().unwrap();
            async move { Ok::<_, Infallible>(answer) }
        });
        let request = Request::builder().uri(path).body(Empty::new()).unwrap();
        calls
            .layer(service)
            .call(request)
            .await
            .unwrap()
            .into_body()
    }

    #[tokio::test]
    async fn the_code_stands_at_the_end_of_an_answer_or_at_its_head() {
        let calls = calls();
        let data = Frame::data(Bytes::from_static(b"x"));
        let good = body(vec![data, Frame::trailers(trailers(Code::Ok))]);
        let answer = call(&calls, SUBMIT, Response::new(good)).await;
        assert_eq!(count(&calls, SUBMIT, Code::Ok), 0, "it has not ended");
        answer.collect().await.unwrap();
        assert_eq!(count(&calls, SUBMIT, Code::Ok), 1);

        let mut refused = Response::new(body(vec![]));
        *refused.headers_mut() = trailers(Code::ResourceExhausted);
        drop(call(&calls, SUBMIT, refused).await);
        assert_eq!(count(&calls, SUBMIT, Code::ResourceExhausted), 1);
    }

    #[tokio::test]
    async fn a_caller_that_went_away_is_cancelled() {
        let calls = calls();
        let answer = call(&calls, SUBMIT, Response::new(body(vec![]))).await;
        let submit = &calls.0.by_path[SUBMIT];
        assert_eq!(submit.under_way.load(Ordering::Relaxed), 1);
        drop(answer);
        assert_eq!(submit.under_way.load(Ordering::Relaxed), 0);
        assert_eq!(count(&calls, SUBMIT, Code::Cancelled), 1);
    }

    #[tokio::test]
    async fn what_is_no_call_of_the_contract_gets_no_row_of_its_own() {
        let calls = calls();
        for number in 0..1_000 {
            let path = format!("/x.Y/Z{number}");
            drop(call(&calls, &path, Response::new(body(vec![]))).await);
        }
        assert_eq!(count(&calls, "/x.Y/Z1", Code::Cancelled), 1_000);
        let mut page = Page::default();
        calls.tell(&mut page).await;
        let text = page.text();
        assert!(!text.contains("Z1"), "{text}");
        let row = "lienthong_rpc_handled_total{service=\"other\",method=\"other\",code=\"CANCELLED\"} 1000.0";
        assert!(text.contains(row), "{text}");
    }

    #[test]
    fn the_codes_are_those_of_grpc() {
        for (number, name) in (0..).zip(CODES) {
            let spelt = format!("{:?}", Code::from_i32(number)).to_uppercase();
            assert_eq!(name.replace('_', ""), spelt);
        }
    }
}
