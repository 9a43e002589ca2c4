//! Steps: moved to another department, or given more time.

use super::{Operator, deed::Deed, unknown_agency, unknown_dossier, unreadable};
use crate::{access, desk::blocking, wire};
use contract::v1;
use dossier::{
    Dossier,
    dossier::Part,
    name::{DossierCode, DossierId, StepId},
};
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
        let (code, step, to) = (&item.named.code, &item.step, &item.to);
        let can_do = directory
            .agency(to.as_str())
            .is_some_and(|agency| !agency.roles.is_empty());
        if !can_do {
            return Err(unknown_agency(to));
        }
        let id = self.id_of(code).await?;
        let cause = item.named.cause(who.identity.clone());
        let deed = Deed::new(who, "MoveStep", item.reason.clone());
        let operator = deed.operator().to_owned();
        let asked = deed.asked(step.to_string(), placed(step.clone()));
        let recorded = self.ledger.act(id, cause, item.action(), asked).await;
        let recorded = recorded.map_err(|failure| failure.fault().into_status())?;
        tracing::info!(operator, dossier_code = %code, %step, agency = %to, "a step was moved");
        let moved = recorded.dossier.steps.get(step);
        Ok(v1::MoveStepResponse {
            round: moved.map_or(0, |step| step.round),
        })
    }

    pub(super) async fn serve_extend_step(
        &self,
        who: access::Operator,
        request: v1::ExtendStepRequest,
    ) -> Result<v1::ExtendStepResponse, Status> {
        let directory = self.registry.directory();
        let item = wire::extend_step(&request, &directory).map_err(Fault::into_status)?;
        let (code, step) = (&item.named.code, &item.step);
        let id = self.id_of(code).await?;
        let cause = item.named.cause(who.identity.clone());
        let deed = Deed::new(who, "ExtendStep", item.reason.clone());
        let operator = deed.operator().to_owned();
        let asked = deed.asked(step.to_string(), promised(step.clone()));
        let recorded = self.ledger.act(id, cause, item.action(), asked).await;
        let recorded = recorded.map_err(|failure| failure.fault().into_status())?;
        tracing::info!(operator, dossier_code = %code, %step, "a promised date was put off by an operator");
        let part = part_of(&recorded.dossier, step);
        Ok(v1::ExtendStepResponse {
            promised_at: part.and_then(|part| wire::timestamp(part.promised_at)),
        })
    }

    /// Which dossier has this code.
    pub(super) async fn id_of(&self, code: &DossierCode) -> Result<DossierId, Status> {
        let (reader, code) = (self.reader.clone(), code.clone());
        blocking(move || {
            let found = reader.by_code(&code).map_err(unreadable)?;
            found.ok_or_else(unknown_dossier)
        })
        .await
    }
}

fn placed(step: StepId) -> impl Fn(&Dossier) -> String {
    move |dossier| {
        let step = dossier.steps.get(&step);
        step.map_or_else(String::new, |step| {
            format!("with {} in round {}", step.agency, step.round)
        })
    }
}

fn promised(step: StepId) -> impl Fn(&Dossier) -> String {
    move |dossier| {
        let part = part_of(dossier, &step);
        part.map_or_else(String::new, |part| {
            format!("promised until {}", part.promised_at)
        })
    }
}

fn part_of<'d>(dossier: &'d Dossier, step: &StepId) -> Option<&'d Part> {
    let step = dossier.steps.get(step)?;
    dossier.parts.get(&step.part)
}
