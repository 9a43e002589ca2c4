//! Calls that name the span for which they are made.

use super::current;
use http::{HeaderValue, Request};
use std::task::{Context, Poll};
use tower::Service;

/// The header, and the key in gRPC's metadata, that names a span: W3C Trace Context.
pub const TRACEPARENT: &str = "traceparent";

/// A channel whose calls name the span for which they are made, if there is one. Cheap to clone if the
/// channel is.
#[derive(Debug, Clone)]
pub struct Carrying<S>(pub S);

impl<S, B> Service<Request<B>> for Carrying<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let named = current().and_then(|span| HeaderValue::try_from(span.to_string()).ok());
        if let Some(named) = named {
            request.headers_mut().insert(TRACEPARENT, named);
        }
        self.0.call(request)
    }
}
