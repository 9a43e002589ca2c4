//! Intake: a dossier is filed, received, refused, or asked to be completed; and its code.

use super::{Caller, Desk};
use crate::{access::DeskCall, failure::Failure, wire};
use contract::v1;
use dossier::{Dossier, dossier::Intake};
use node::fault::Fault;
use tonic::Status;

impl Desk {
    pub(super) async fn serve_submit(
        &self,
        caller: Caller,
        request: v1::SubmitRequest,
    ) -> Result<v1::SubmitResponse, Status> {
        let busy = |failure: Failure| failure.fault().into_status();
        self.ledger.lets_begin().map_err(busy)?;
        let submit =
            wire::submit(&request, &self.registry.directory()).map_err(Fault::into_status)?;
        let recorded = self
            .ledger
            .submit(caller.system, submit)
            .await
            .map_err(|failure| failure.fault().into_status())?;
        let dossier = &recorded.dossier;
        let is_received = dossier.intake == Intake::Received;
        tracing::info!(dossier_code = %dossier.code(), desk = %dossier.received.desk, is_received, "a dossier was submitted");
        Ok(v1::SubmitResponse {
            dossier_id: dossier.id.to_string(),
            dossier_code: dossier.code().to_string(),
            received_at: is_received
                .then_some(dossier.received_at)
                .and_then(wire::timestamp),
            promised_at: wire::timestamp(first_promise(dossier)),
            position: recorded.position,
        })
    }

    pub(super) async fn serve_receive(
        &self,
        caller: Caller,
        request: v1::ReceiveRequest,
    ) -> Result<v1::ReceiveResponse, Status> {
        let item =
            wire::receive(&request, &self.registry.directory()).map_err(Fault::into_status)?;
        let dossier = self.act(caller, DeskCall::Receive, item).await?;
        tracing::info!(dossier_code = %dossier.code(), desk = %dossier.received.desk, "a dossier was received");
        Ok(v1::ReceiveResponse {
            received_at: wire::timestamp(dossier.received_at),
            promised_at: wire::timestamp(first_promise(&dossier)),
        })
    }

    pub(super) async fn serve_refuse_intake(
        &self,
        caller: Caller,
        request: v1::RefuseIntakeRequest,
    ) -> Result<v1::RefuseIntakeResponse, Status> {
        let item = wire::refuse_intake(&request, &self.registry.directory())
            .map_err(Fault::into_status)?;
        self.act(caller, DeskCall::RefuseIntake, item).await?;
        Ok(v1::RefuseIntakeResponse {})
    }

    pub(super) async fn serve_request_supplement(
        &self,
        caller: Caller,
        request: v1::RequestSupplementRequest,
    ) -> Result<v1::RequestSupplementResponse, Status> {
        let item = wire::request_supplement(&request, &self.registry.directory())
            .map_err(Fault::into_status)?;
        let dossier = self.act(caller, DeskCall::RequestSupplement, item).await?;
        // The desk's own ask is the newest of those that no step asked.
        let asked = dossier
            .supplements
            .iter()
            .rev()
            .find(|one| one.step.is_none());
        Ok(v1::RequestSupplementResponse {
            due_at: asked.and_then(|one| wire::timestamp(one.due_at)),
            supplement_number: asked.map_or(0, |one| one.number),
        })
    }

    pub(super) async fn serve_lease_codes(
        &self,
        caller: Caller,
        request: v1::LeaseCodesRequest,
    ) -> Result<v1::LeaseCodesResponse, Status> {
        let (count, request_id) =
            wire::lease(&request, &self.registry.directory()).map_err(Fault::into_status)?;
        let codes = self
            .ledger
            .lease_codes(caller.system, request_id, caller.agency, count)
            .await
            .map_err(|failure| failure.fault().into_status())?;
        Ok(v1::LeaseCodesResponse {
            dossier_codes: codes.into_iter().map(String::from).collect(),
        })
    }
}

/// What was promised when it was recorded: the same for every repetition.
fn first_promise(dossier: &Dossier) -> jiff::Timestamp {
    dossier.received.promised_at
}
