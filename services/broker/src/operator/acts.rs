//! Acts: what operators do about dossiers and departments.

use super::Operator;
use crate::{access, wire};
use contract::v1;
use dossier::Refusal;
use node::fault::Fault;
use tonic::Status;

impl Operator {
    pub(super) async fn serve_move_step(
        &self,
        who: access::Operator,
        request: v1::MoveStepRequest,
    ) -> Result<v1::MoveStepResponse, Status> {
        let directory = self.registry.directory();
        let item = wire::move_step(&request, &directory).map_err(Fault::into_status)?;
        let to = &item.to;
        let can_do = directory
            .agency(to.as_str())
            .is_some_and(|agency| !agency.roles.is_empty());
        if !can_do {
            let refusal = Refusal::UnknownAgency { agency: to.clone() };
            return Err(wire::fault(&refusal).into_status());
        }
        let (code, step) = (&item.named.code, &item.step);
        let case = self.case(code)?;
        let cause = item.named.cause(who.identity.clone());
        let action = item.action();
        let recorded = self
            .ledger
            .happen(case.dossier.id, Some(cause), action)
            .await
            .map_err(|failure| failure.fault().into_status())?;
        tracing::info!(operator = who.identity, dossier_code = %code, %step, agency = %to, "a step was moved");
        let round = recorded
            .dossier
            .steps
            .get(step)
            .map_or(0, |step| step.round);
        Ok(v1::MoveStepResponse { round })
    }
}
