//! `ExchangeService`: what departments say to the broker.

use crate::{
    access::{Access, Call},
    bell::Belfry,
    failure::Failure,
    ledger::Ledger,
    reconcile::Reconciler,
    registry::Registry,
    starts::Starts,
    wire::{self, ReportItem},
};
use contract::v1::{self, exchange_service_server::ExchangeService};
use dossier::name::AgencyCode;
use futures_util::{Stream, StreamExt as _};
use node::{
    fault::Fault,
    identity::Identity,
    shutdown::Shutdown,
    stream::{self, StreamLimits},
    traces::{self, Kind, Span, Tracer},
};
use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::OnceCell;
use tonic::{Request, Response, Status, Streaming};

/// What every stream of ours says first.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// Our store, in hexadecimal.
    pub store_id: String,
    /// The contract's version.
    pub contract_version: &'static str,
    /// Which start of it this is, and those before.
    pub starts: Starts,
}

impl Greeting {
    /// The hello for this department.
    pub fn hello(&self, ledger: &Ledger, agency: &str) -> v1::Hello {
        let epoch = ledger.epoch();
        v1::Hello {
            store_id: self.store_id.clone(),
            epoch: epoch.to_string(),
            start_id: self.starts.current(epoch),
            contract_version: self.contract_version.to_owned(),
            agency_code: agency.to_owned(),
            ..v1::Hello::default()
        }
    }
}

/// Takes reports and reconciles.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// Who may call.
    pub access: Access,
    /// Where it is recorded.
    pub ledger: Ledger,
    /// By which codes agencies are known.
    pub registry: Registry,
    /// Whom a call wakes.
    pub belfry: Belfry,
    /// What we say first.
    pub greeting: Greeting,
    /// Compares what both sides hold.
    pub reconciler: Arc<Reconciler>,
    /// Makes spans.
    pub tracer: Tracer,
    /// A restore was answered with a new epoch by this process: there can be only one, because
    /// nobody restores a store while a broker runs on it.
    pub restore_answered: Arc<OnceCell<()>>,
    /// Limits of streams.
    pub limits: StreamLimits,
    /// Ends the streams, so that draining need not wait for those who would stay.
    pub shutdown: Shutdown,
}

type Responses<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Exchange {
    /// Takes one item and gives its verdict.
    async fn take(
        &self,
        system: &Identity,
        uri: Arc<str>,
        agency: Option<&AgencyCode>,
        mut item: v1::Item,
    ) -> v1::Verdict {
        let item_id = item.item_id.clone();
        let told = std::mem::take(&mut item.traceparent);
        let parsed = match wire::report(&item, &self.registry.directory()) {
            Ok(parsed) => parsed,
            Err(fault) => return wire::refused(item_id, fault),
        };
        let named = &parsed.report.agency;
        let speaks_for_it = agency.is_none_or(|agency| agency == named);
        if let Err(fault) = self.access.must_act_for(system, named.as_str()) {
            return wire::refused(item_id, fault);
        }
        if !speaks_for_it {
            return wire::refused(item_id, wire::denied("NOT_YOUR_AGENCY"));
        }
        let mut span = self.span(&parsed, &told);
        let outcome = traces::within(&span, self.ledger.report(uri, parsed)).await;
        match &outcome {
            Ok(recorded) => span.note("dossier_code", recorded.dossier.code().as_str()),
            Err(failure) => span.failed(failure.reason()),
        }
        drop(span);
        match outcome {
            Ok(recorded) => wire::recorded(item_id, recorded.at, recorded.position),
            Err(failure) => {
                if matches!(failure, Failure::Refused(_)) {
                    tracing::info!(%system, reason = failure.fault().reason(), "a report was refused");
                }
                failure.verdict(item_id, self.ledger.was_restored())
            }
        }
    }

    /// The last span of a hop, after the one that gave the report.
    fn span(&self, parsed: &ReportItem, told: &str) -> Span {
        let report = &parsed.report;
        let mut span = match report.handover.as_str() {
            "" => self.tracer.span("take report", Kind::Consumer, None),
            handover => self
                .tracer
                .hop("take report", Kind::Consumer, handover, told),
        };
        span.note("agency", report.agency.as_str());
        span.note("step", report.step.as_str());
        span.note_number("round", report.round);
        span
    }

    fn department_called(&self, agency: &str) {
        let directory = self.registry.directory();
        if let Some(agency) = directory.agency_by_any_code(agency) {
            self.belfry.called.ring(&agency.code);
        }
    }

    /// A peer that has seen more of our log than there is, or than there was at the start that it met:
    /// this store was restored from a copy.
    ///
    /// # Errors
    /// The epoch that answers it could not begin; the department is to call again.
    pub(crate) async fn notice_restore(
        &self,
        position_seen: u64,
        start_seen: &str,
    ) -> Result<(), Status> {
        #[cfg(feature = "faults")]
        if node::breakage::is("skip the epoch") {
            return Ok(());
        }
        let (epoch, position) = (
            self.ledger.epoch(),
            self.ledger.condition().position.load(Ordering::Relaxed),
        );
        let starts = &self.greeting.starts;
        let is_behind = position_seen > position
            || starts.are_without(start_seen, position_seen, epoch, position);
        if !is_behind {
            return Ok(());
        }
        // Whoever else comes meanwhile waits, and hears of the new epoch at once.
        let answer = || async {
            let origin = self.ledger.begin_epoch().await?;
            tracing::error!(
                position_seen,
                position,
                start_seen,
                epoch = origin.epoch,
                "a department has seen more of our log than there is: the store was restored from an older copy; a new epoch begins"
            );
            Ok::<(), Failure>(())
        };
        let answered = self.restore_answered.get_or_try_init(answer).await;
        // Without the epoch the department would forget what it has seen, and nobody else might know.
        answered.map(drop).map_err(|failure| {
            tracing::error!(%failure, "the new epoch could not begin");
            failure.fault().into_status()
        })
    }
}

#[tonic::async_trait]
impl ExchangeService for Exchange {
    type ReportStream = Responses<v1::ReportResponse>;
    type CollectStream = Responses<v1::CollectResponse>;

    async fn report(
        &self,
        request: Request<Streaming<v1::ReportRequest>>,
    ) -> Result<Response<Self::ReportStream>, Status> {
        let peer = self.access.caller(&request, Call::Exchange)?;
        let inbound = request
            .into_inner()
            .map(|message| message.map(|message| message.envelope.unwrap_or_default()));
        let asked = stream::accept(inbound, self.limits).await?;
        let agency = self
            .access
            .must_act_for(&peer.identity, &asked.hello().agency_code)
            .map_err(Fault::into_status)?;
        let theirs = asked.hello();
        self.notice_restore(theirs.position_seen, &theirs.start_seen)
            .await?;
        self.department_called(agency.as_str());
        let hello = self.greeting.hello(&self.ledger, agency.as_str());
        let (session, outgoing) = asked.answer(hello);
        let guard = self.access.guard(peer.clone(), agency.to_string());
        let mut receiving = session.receiving(guard);
        let exchange = Arc::new(self.clone());
        let uri: Arc<str> = peer.identity.uri().into();
        let (peer, agency) = (Arc::new(peer), Arc::new(agency));
        tokio::spawn(async move {
            loop {
                let heard = tokio::select! {
                    () = exchange.shutdown.triggered() => break,
                    heard = receiving.next() => heard,
                };
                match heard {
                    Ok(Some(received)) => {
                        let (exchange, uri) = (Arc::clone(&exchange), Arc::clone(&uri));
                        let (peer, agency) = (Arc::clone(&peer), Arc::clone(&agency));
                        // The window bounds how many of these there are.
                        tokio::spawn(async move {
                            let verdict = exchange
                                .take(&peer.identity, uri, Some(&agency), received.item)
                                .await;
                            match verdict.outcome {
                                Some(outcome) => received.ticket.answer(outcome),
                                None => drop(received.ticket),
                            }
                        });
                    }
                    Ok(None) => break,
                    Err(status) => {
                        tracing::debug!(system = %peer.identity, reason = ?Fault::reason_of(&status), "a report stream ended");
                        break;
                    }
                }
            }
        });
        let responses = outgoing.map(|out| {
            out.map(|envelope| v1::ReportResponse {
                envelope: Some(envelope),
            })
        });
        Ok(Response::new(Box::pin(responses)))
    }

    async fn report_one(
        &self,
        request: Request<v1::ReportOneRequest>,
    ) -> Result<Response<v1::ReportOneResponse>, Status> {
        let peer = self.access.caller(&request, Call::Exchange)?;
        let item = request
            .into_inner()
            .item
            .ok_or_else(|| wire::unknown_kind("item").into_status())?;
        if let Some(v1::item::Kind::Report(report)) = &item.kind {
            self.department_called(&report.agency_code);
        }
        let verdict = self
            .take(&peer.identity, peer.identity.uri().into(), None, item)
            .await;
        Ok(Response::new(v1::ReportOneResponse {
            verdict: Some(verdict),
        }))
    }

    async fn collect(
        &self,
        request: Request<Streaming<v1::CollectRequest>>,
    ) -> Result<Response<Self::CollectStream>, Status> {
        self.access.caller(&request, Call::Exchange)?;
        Err(wire::not_implemented("ExchangeService.Collect"))
    }

    async fn fetch(
        &self,
        request: Request<v1::FetchRequest>,
    ) -> Result<Response<v1::FetchResponse>, Status> {
        self.access.caller(&request, Call::Exchange)?;
        Err(wire::not_implemented("ExchangeService.Fetch"))
    }

    async fn acknowledge(
        &self,
        request: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        self.access.caller(&request, Call::Exchange)?;
        Err(wire::not_implemented("ExchangeService.Acknowledge"))
    }

    async fn reconcile(
        &self,
        request: Request<v1::ReconcileRequest>,
    ) -> Result<Response<v1::ReconcileResponse>, Status> {
        let peer = self.access.caller(&request, Call::Exchange)?;
        let request = request.into_inner();
        let agency = self
            .access
            .must_act_for(&peer.identity, &request.agency_code)
            .map_err(Fault::into_status)?;
        self.notice_restore(request.position_seen, &request.start_seen)
            .await?;
        let answer = self
            .reconciler
            .page(&peer.identity.uri(), &agency, request)
            .await?;
        self.department_called(agency.as_str());
        let epoch = self.ledger.epoch();
        Ok(Response::new(v1::ReconcileResponse {
            store_id: self.greeting.store_id.clone(),
            epoch: epoch.to_string(),
            start_id: self.greeting.starts.current(epoch),
            ..answer
        }))
    }
}
