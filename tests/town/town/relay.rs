//! Stands between a caller and the broker, calls it in the caller's name, and can keep an answer back.

use super::{Town, broker_identity, ground::BROKER};
use node::{
    identity::Role,
    tls::{ChannelOptions, Listener, ListenerLimits, channel},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::sync::Notify;
use tonic::{Status, body::Body, service::Routes, transport::Server};
use tower::ServiceExt as _;

/// See the module.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    keeps: Arc<Keeps>,
}

/// The first answer to a method is kept back.
#[derive(Default)]
struct Keeps {
    is_kept: Notify,
    may_go: Notify,
}

impl Relay {
    /// A relay that keeps back the first answer to `method`, which `who` asks.
    pub(crate) async fn before_broker(
        town: &Town,
        (role, who): (Role, &str),
        method: &'static str,
    ) -> Self {
        let shown = town.ground.credentials(Role::Broker, BROKER);
        let listener = Listener::bind(
            "127.0.0.1:0".parse().unwrap(),
            &shown,
            ListenerLimits::default(),
        );
        let listener = listener.await.unwrap();
        let address = listener.local_address();
        let onward = channel(
            &town.address(BROKER).to_string(),
            broker_identity(),
            &town.ground.credentials(role, who),
            ChannelOptions::exchange(),
        );
        let onward = onward.unwrap();
        let keeps = Arc::new(Keeps::default());
        let (kept, first) = (keeps.clone(), Arc::new(std::sync::Once::new()));
        let forward = move |request: http::Request<axum::body::Body>| {
            let (onward, kept, first) = (onward.clone(), kept.clone(), first.clone());
            async move {
                let is_the_method = request.uri().path().ends_with(method);
                let answer = match onward.oneshot(request.map(Body::new)).await {
                    Ok(answer) => answer.map(axum::body::Body::new),
                    Err(error) => Status::unavailable(error.to_string()).into_http(),
                };
                let mut is_first = false;
                if is_the_method {
                    first.call_once(|| is_first = true);
                }
                if is_first {
                    kept.is_kept.notify_one();
                    kept.may_go.notified().await;
                }
                answer
            }
        };
        let routes = Routes::from(axum::Router::new().fallback(forward));
        tokio::spawn(
            Server::builder()
                .add_routes(routes)
                .serve_with_incoming(listener),
        );
        Self { address, keeps }
    }

    /// The broker has answered, and the caller does not know it yet.
    pub(crate) async fn has_kept(&self) {
        self.keeps.is_kept.notified().await;
    }

    /// Lets the answer go on to the caller.
    pub(crate) fn lets_go(&self) {
        self.keeps.may_go.notify_one();
    }
}
