//! A broker of the tests: takes items on `ExchangeService.Report`, and nothing else.

use super::{Guard, Received, StreamLimits, accept};
use contract::v1::{
    AcknowledgeRequest, AcknowledgeResponse, CollectRequest, CollectResponse, FetchRequest,
    FetchResponse, Hello, ReconcileRequest, ReconcileResponse, ReportOneRequest, ReportOneResponse,
    ReportRequest, ReportResponse, exchange_service_server::ExchangeService,
};
use futures_util::{StreamExt as _, stream::BoxStream};
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

/// Whether the sender of a call may still speak.
type Admits = Box<dyn Fn(&Request<Streaming<ReportRequest>>) -> Guard + Send + Sync>;
type Does<T> = Arc<dyn Fn(T) + Send + Sync>;

/// See the module.
pub(super) struct Broker {
    pub(super) limits: StreamLimits,
    pub(super) guard: Admits,
    /// What is done with each item.
    pub(super) take: Does<Received>,
    /// How a stream ended.
    pub(super) ended: Does<Option<Status>>,
}

#[tonic::async_trait]
impl ExchangeService for Broker {
    type ReportStream = BoxStream<'static, Result<ReportResponse, Status>>;
    type CollectStream = BoxStream<'static, Result<CollectResponse, Status>>;

    async fn report(
        &self,
        request: Request<Streaming<ReportRequest>>,
    ) -> Result<Response<Self::ReportStream>, Status> {
        let guard = (self.guard)(&request);
        let inbound = request.into_inner();
        let inbound = inbound.map(|r| r.map(|request| request.envelope.unwrap_or_default()));
        let asked = accept(inbound, self.limits).await?;
        let (session, outgoing) = asked.answer(Hello::default());
        let mut receiving = session.receiving(guard);
        let (take, ended) = (Arc::clone(&self.take), Arc::clone(&self.ended));
        tokio::spawn(async move {
            let how = loop {
                match receiving.next().await {
                    Ok(Some(received)) => take(received),
                    Ok(None) => break None,
                    Err(fault) => break Some(fault),
                }
            };
            ended(how);
        });
        let responses = outgoing.map(|o| o.map(|e| ReportResponse { envelope: Some(e) }));
        Ok(Response::new(responses.boxed()))
    }

    async fn collect(
        &self,
        _: Request<Streaming<CollectRequest>>,
    ) -> Result<Response<Self::CollectStream>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn report_one(
        &self,
        _: Request<ReportOneRequest>,
    ) -> Result<Response<ReportOneResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn fetch(&self, _: Request<FetchRequest>) -> Result<Response<FetchResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn acknowledge(
        &self,
        _: Request<AcknowledgeRequest>,
    ) -> Result<Response<AcknowledgeResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }

    async fn reconcile(
        &self,
        _: Request<ReconcileRequest>,
    ) -> Result<Response<ReconcileResponse>, Status> {
        Err(Status::unimplemented("not here"))
    }
}
