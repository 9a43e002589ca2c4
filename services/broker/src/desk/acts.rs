//! Acts: what a desk does for its citizen once a dossier exists.

use super::{Caller, Desk, bad_field};
use crate::{
    access::DeskCall,
    wire::{self, ActItem, ReportItem},
};
use contract::v1;
use dossier::{
    Dossier, Refusal,
    decide::{Act, Action, Report, Statement},
    procedure::Actor,
};
use node::fault::Fault;
use std::sync::Arc;
use tonic::Status;

impl Desk {
    /// Lets an act happen, if the desk's standing allows it.
    pub(super) async fn act(
        &self,
        caller: Caller,
        call: DeskCall,
        item: ActItem,
    ) -> Result<Arc<Dossier>, Status> {
        let ActItem { named, act } = item;
        let case = self
            .case_of(&caller.agency, named.code.as_str(), call)
            .await?;
        let cause = named.cause(caller.system);
        let seen = cause.sent();
        // A repetition is not judged anew: which supplement it answered was said the first time.
        let act = if case.dossier.seen.contains_key(&seen) {
            act
        } else {
            which_supplement(&case.dossier, act)?
        };
        let recorded = self
            .ledger
            .happen(case.dossier.id, Some(cause), Action::Act(act))
            .await
            .map_err(|failure| failure.fault().into_status())?;
        tracing::info!(dossier_code = %recorded.dossier.code(), desk = %caller.agency, ?call, "a desk acted");
        Ok(recorded.dossier)
    }

    pub(super) async fn serve_complete_step(
        &self,
        caller: Caller,
        request: v1::CompleteStepRequest,
    ) -> Result<v1::CompleteStepResponse, Status> {
        let item = wire::complete_step(&request, &self.registry.directory())
            .map_err(Fault::into_status)?;
        let code = item.named.code.as_str();
        let case = self
            .case_of(&caller.agency, code, DeskCall::CompleteStep)
            .await?;
        let refused = |refusal: Refusal| wire::fault(&refusal).into_status();
        let step = case.dossier.steps.get(&item.step).ok_or_else(|| {
            refused(Refusal::UnknownStep {
                step: item.step.clone(),
            })
        })?;
        if step.actor != Actor::Desk {
            return Err(refused(Refusal::NotYours));
        }
        let report = Report {
            agency: caller.agency,
            round: if item.round == 0 {
                step.round
            } else {
                item.round
            },
            step: item.step,
            handover: String::new(),
            officer: item.officer,
            statement: Statement::Completed {
                evidence: item.evidence,
                note: item.note,
            },
        };
        let reported = ReportItem {
            item_id: item.named.item_id,
            digest: item.named.digest,
            dossier_id: case.dossier.id,
            claimed_at: None,
            report,
        };
        self.ledger
            .report(caller.system, reported)
            .await
            .map_err(|failure| failure.fault().into_status())?;
        Ok(v1::CompleteStepResponse {})
    }
}

/// Each of these acts is one parsed request and an empty answer.
macro_rules! acts {
    ($($serve:ident: $call:ident, $parse:path, $request:ty => $response:expr, $answer:ty;)*) => {
        impl Desk {
            $(pub(super) async fn $serve(
                &self,
                caller: Caller,
                request: $request,
            ) -> Result<$answer, Status> {
                let item =
                    $parse(&request, &self.registry.directory()).map_err(Fault::into_status)?;
                self.act(caller, DeskCall::$call, item).await?;
                Ok($response)
            })*
        }
    };
}

acts! {
    serve_answer_supplement: AnswerSupplement, wire::answer_supplement, v1::AnswerSupplementRequest
        => v1::AnswerSupplementResponse {}, v1::AnswerSupplementResponse;
    serve_record_consent: RecordConsent, wire::record_consent, v1::RecordConsentRequest
        => v1::RecordConsentResponse {}, v1::RecordConsentResponse;
    serve_confirm_payment: ConfirmPayment, wire::confirm_payment, v1::ConfirmPaymentRequest
        => v1::ConfirmPaymentResponse {}, v1::ConfirmPaymentResponse;
    serve_withdraw: Withdraw, wire::withdraw, v1::WithdrawRequest
        => v1::WithdrawResponse {}, v1::WithdrawResponse;
    serve_stop: Stop, wire::stop, v1::StopRequest
        => v1::StopResponse {}, v1::StopResponse;
    serve_resume: Resume, wire::resume, v1::ResumeRequest
        => v1::ResumeResponse {}, v1::ResumeResponse;
    serve_report_fault: ReportFault, wire::report_fault, v1::ReportFaultRequest
        => v1::ReportFaultResponse {}, v1::ReportFaultResponse;
    serve_hand_out_result: HandOutResult, wire::hand_out_result, v1::HandOutResultRequest
        => v1::HandOutResultResponse {}, v1::HandOutResultResponse;
}

/// Number 0 means the only open one; where none is open, the last one says why it is not.
fn which_supplement(dossier: &Dossier, mut act: Act) -> Result<Act, Status> {
    if let Act::AnswerSupplement { number, .. } = &mut act
        && *number == 0
    {
        let open: Vec<u32> = dossier.open_supplements().map(|one| one.number).collect();
        *number = match open[..] {
            [one] => one,
            [] => dossier.supplements.last().map_or(0, |last| last.number),
            _ => {
                let rule = "said: more than one supplement is open";
                return Err(bad_field("supplement_number", rule));
            }
        };
    }
    Ok(act)
}
