//! What the broker calls: describe, and handovers in, on a stream or one by one.

use crate::{
    counter::{CONTRACT_VERSION, Counter},
    handler::Handler,
    inbox::Inbox,
};
use contract::v1::{
    self, DescribeRequest, DescribeResponse, HandOverOneRequest, HandOverOneResponse,
    HandOverRequest, HandOverResponse, department_service_server::DepartmentService,
};
use futures_util::{Stream, StreamExt as _};
use node::{
    fault::Fault,
    identity::{Identity, Peer, Role},
    shutdown::Shutdown,
    stream::{self, Inbound, Received, Receiving},
};
use std::{pin::Pin, sync::Arc};
use tokio_util::task::TaskTracker;
use tonic::{Code, Request, Response, Status, Streaming};

/// The service.
pub(crate) struct Service {
    pub(crate) counter: Arc<Counter>,
    pub(crate) inbox: Inbox,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) shutdown: Shutdown,
    /// Items that are being taken.
    pub(crate) taking: TaskTracker,
}

/// Lets the broker in and nobody else.
pub(crate) fn broker_only(
    broker: Identity,
) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone {
    move |request| match peer(&request) {
        Some(peer) if peer.identity == broker && peer.identity.role == Role::Broker => Ok(request),
        _ => Err(denied()),
    }
}

/// Lets the broker, operators and the department itself ask how it does.
pub(crate) fn watchers_only(
    broker: Identity,
    own: Identity,
) -> impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone {
    move |request| match peer(&request).map(|peer| &peer.identity) {
        Some(caller) if *caller == broker || *caller == own || caller.role == Role::Operator => {
            Ok(request)
        }
        _ => Err(denied()),
    }
}

fn peer<T>(request: &Request<T>) -> Option<&Arc<Peer>> {
    request.extensions().get::<Arc<Peer>>()
}

fn denied() -> Status {
    Fault::new(
        Code::PermissionDenied,
        "CALLER_DENIED",
        "this call is the broker's; use the certificate of the broker that this department names",
        "lệnh này chỉ dành cho trục liên thông; hãy dùng chứng thư của trục mà cơ quan đã khai",
    )
    .into()
}

#[tonic::async_trait]
impl DepartmentService for Service {
    type HandOverStream = Pin<Box<dyn Stream<Item = Result<HandOverResponse, Status>> + Send>>;

    async fn describe(
        &self,
        request: Request<DescribeRequest>,
    ) -> Result<Response<DescribeResponse>, Status> {
        self.check_agency(&request.get_ref().agency_code)?;
        Ok(Response::new(DescribeResponse {
            agency_code: self.counter.config.agency_code.clone(),
            software: concat!("lienthong ", env!("CARGO_PKG_VERSION")).into(),
            contract_version: CONTRACT_VERSION.into(),
            steps: self.handler.steps(),
        }))
    }

    async fn hand_over(
        &self,
        request: Request<Streaming<HandOverRequest>>,
    ) -> Result<Response<Self::HandOverStream>, Status> {
        let broker = peer(&request).cloned().ok_or_else(denied)?;
        let guard = stream::guard(broker, self.counter.credentials.denied().clone());
        let inbound = request
            .into_inner()
            .map(|message| Ok(message?.envelope.unwrap_or_default()));
        let asked = stream::accept(inbound, self.counter.config.streams).await?;
        self.check_agency(&asked.hello().agency_code)?;
        let (store_id, epoch) = (asked.hello().store_id.clone(), asked.hello().epoch.clone());
        self.counter
            .meet(&store_id, &epoch, None)
            .await
            .map_err(|error| unreadable(&error))?;
        let own = self
            .counter
            .hello()
            .await
            .map_err(|error| unreadable(&error))?;
        let (session, outgoing) = asked.answer(own);
        tracing::info!(
            agency = self.counter.config.agency_code,
            "the broker hands over"
        );

        let receiving = session.receiving(guard);
        let (inbox, taking) = (self.inbox.clone(), self.taking.clone());
        self.taking
            .spawn(take_all(receiving, inbox, taking, self.shutdown.clone()));
        let responses = outgoing.map(|out| {
            out.map(|envelope| HandOverResponse {
                envelope: Some(envelope),
            })
        });
        Ok(Response::new(Box::pin(responses)))
    }

    async fn hand_over_one(
        &self,
        request: Request<HandOverOneRequest>,
    ) -> Result<Response<HandOverOneResponse>, Status> {
        let item = request.into_inner().item.ok_or_else(|| {
            Status::from(
                Fault::new(
                    Code::InvalidArgument,
                    "INVALID_FIELDS",
                    "there is no item; send one",
                    "không có mục nào; hãy gửi một mục",
                )
                .field("item", "must be set"),
            )
        })?;
        let inbox = self.inbox.clone();
        // A caller who goes away does not cut what is being made durable.
        let taken = self.taking.spawn(async move { inbox.take(item).await });
        let verdict = taken
            .await
            .map_err(|_| Status::internal("the item was not taken"))?;
        Ok(Response::new(HandOverOneResponse {
            verdict: Some(verdict),
        }))
    }
}

impl Service {
    fn check_agency(&self, agency_code: &str) -> Result<(), Status> {
        let own = &self.counter.config.agency_code;
        if agency_code == own {
            return Ok(());
        }
        Err(Fault::new(
            Code::FailedPrecondition,
            "WRONG_DEPARTMENT",
            "another agency is meant than this one; mend the directory",
            "cơ quan được gọi không phải cơ quan này; hãy sửa danh mục cơ quan",
        )
        .field("agency_code", format!("this department is {own}"))
        .into())
    }
}

/// Takes every item of a stream, each in a task of its own; the stream's window bounds how many.
async fn take_all<S: Inbound>(
    mut receiving: Receiving<S>,
    inbox: Inbox,
    taking: TaskTracker,
    shutdown: Shutdown,
) {
    loop {
        let received = tokio::select! {
            () = shutdown.triggered() => return,
            received = receiving.next() => received,
        };
        match received {
            Ok(Some(Received { item, ticket })) => {
                let inbox = inbox.clone();
                taking.spawn(async move {
                    let v1::Verdict { outcome, .. } = inbox.take(item).await;
                    // Without an outcome the ticket, dropped, says that it is not known.
                    if let Some(outcome) = outcome {
                        ticket.answer(outcome);
                    }
                });
            }
            Ok(None) => return,
            Err(status) => {
                tracing::info!(reason = status.message(), "the broker's stream ended");
                return;
            }
        }
    }
}

fn unreadable(error: &crate::store::StoreError) -> Status {
    tracing::error!(%error, "the store cannot be used");
    Fault::new(
        Code::Unavailable,
        "NOT_NOW",
        "the department's store cannot be used now; try again",
        "hiện chưa dùng được kho của cơ quan; hãy thử lại",
    )
    .into()
}
