//! Acts: what a desk does for its citizen. The sender's `request_id`
//! names each, so that a repetition gets the first answer.

use super::{
    fields::{Fields, LEGAL_BASIS_BYTES_MAX, REASON_BYTES_MAX, REFERENCE_BYTES_MAX},
    item_digest,
};
use crate::{codes::LEASE_CODES_MAX, wire::unknown_kind};
use contract::v1;
use dossier::{
    decide::Act,
    directory::Directory,
    event::Cause,
    evidence::Given,
    name::{Digest, DossierCode, Key, StepId},
    party::Officer,
};
use jiff::Timestamp;
use node::fault::Fault;
use prost::Message;
use std::sync::Arc;

/// What every act carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The dossier.
    pub code: DossierCode,
    /// The sender's id of the act.
    pub item_id: Key,
    /// SHA-256 of the request.
    pub digest: Digest,
    /// When it happened, as the sender says.
    pub claimed_at: Option<Timestamp>,
}

impl Named {
    pub(super) fn read(
        fields: &mut Fields<'_>,
        request: &impl Message,
        code: &str,
        request_id: &str,
    ) -> Option<Self> {
        let item_id = fields.name("request_id", request_id);
        let code = fields.name("dossier_code", code);
        Some(Self {
            code: code?,
            item_id: item_id?,
            digest: item_digest(request),
            claimed_at: None,
        })
    }

    /// The cause of what follows from it.
    pub fn cause(&self, system: impl Into<Arc<str>>) -> Cause {
        Cause {
            system: system.into(),
            item_id: self.item_id.clone(),
            digest: self.digest,
            claimed_at: self.claimed_at,
        }
    }
}

/// An act, parsed.
#[derive(Debug)]
pub struct ActItem {
    /// Of which dossier, under which id.
    pub named: Named,
    /// What is done.
    pub act: Act,
}

/// A desk's own step completed, parsed.
#[derive(Debug)]
pub struct StepItem {
    /// Of which dossier, under which id.
    pub named: Named,
    /// The step.
    pub step: StepId,
    /// Its round; 0 means the newest.
    pub round: u32,
    /// Everything that it gives.
    pub evidence: Vec<Given>,
    /// Who did it.
    pub officer: Officer,
    /// A note for the control slip.
    pub note: String,
}

type Parsed = Result<ActItem, Fault>;

fn done(fields: Fields<'_>, named: Option<Named>, act: Option<Act>) -> Parsed {
    let parsed = named.zip(act).map(|(named, act)| ActItem { named, act });
    fields.done(parsed)
}

macro_rules! named {
    ($fields:ident, $request:ident) => {
        Named::read(
            &mut $fields,
            $request,
            &$request.dossier_code,
            &$request.request_id,
        )
    };
}

/// A reception.
///
/// # Errors
/// Names every field that is malformed; so do all of this file.
pub fn receive(request: &v1::ReceiveRequest, directory: &Directory) -> Parsed {
    let mut fields = Fields::new(directory);
    let mut named = named!(fields, request);
    let received_at = fields.instant("received_at", request.received_at.as_ref());
    if let Some(named) = &mut named {
        named.claimed_at = received_at;
    }
    let officer = fields.officer(request.officer.as_ref());
    let act = Act::Accept {
        received_at,
        officer,
    };
    done(fields, named, Some(act))
}

/// A refusal at intake.
///
/// # Errors
/// As [`receive`].
pub fn refuse_intake(request: &v1::RefuseIntakeRequest, directory: &Directory) -> Parsed {
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let act = Act::RefuseIntake {
        reason: fields.required_text("reason", &request.reason, REASON_BYTES_MAX),
        legal_basis: fields.required_text(
            "legal_basis",
            &request.legal_basis,
            LEGAL_BASIS_BYTES_MAX,
        ),
        officer: fields.officer(request.officer.as_ref()),
    };
    done(fields, named, Some(act))
}

/// An ask for more at intake.
///
/// # Errors
/// As [`receive`].
pub fn request_supplement(request: &v1::RequestSupplementRequest, directory: &Directory) -> Parsed {
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let act = Act::RequestSupplement {
        items: fields.items("items", &request.items),
        officer: fields.officer(request.officer.as_ref()),
    };
    done(fields, named, Some(act))
}

/// What a supplement asked for. Number 0 stays 0: which one is open is the dossier's to say.
///
/// # Errors
/// As [`receive`].
pub fn answer_supplement(request: &v1::AnswerSupplementRequest, directory: &Directory) -> Parsed {
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let act = Act::AnswerSupplement {
        number: request.supplement_number,
        evidence: fields.all_given("evidence", &request.evidence),
        officer: fields.officer(request.officer.as_ref()),
    };
    done(fields, named, Some(act))
}

/// A consent given or refused.
///
/// # Errors
/// As [`receive`]; `UNKNOWN_KIND` when it says neither.
pub fn record_consent(request: &v1::RecordConsentRequest, directory: &Directory) -> Parsed {
    use v1::record_consent_request::Answer;
    let Some(answer) = &request.answer else {
        return Err(unknown_kind("answer"));
    };
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let officer = fields.officer(request.officer.as_ref());
    let act = match answer {
        Answer::Given(given) => fields
            .given("given", given)
            .map(|evidence| Act::GiveConsent { evidence, officer }),
        Answer::Refused(refused) => {
            let evidence = fields.name("refused.evidence", &refused.evidence);
            let party = fields.name("refused.party_id", &refused.party_id);
            let reason = fields.required_text("refused.reason", &refused.reason, REASON_BYTES_MAX);
            evidence
                .zip(party)
                .map(|(evidence, party)| Act::RefuseConsent {
                    evidence,
                    party,
                    reason,
                    officer,
                })
        }
    };
    done(fields, named, act)
}

/// A desk's own step completed.
///
/// # Errors
/// As [`receive`].
pub fn complete_step(
    request: &v1::CompleteStepRequest,
    directory: &Directory,
) -> Result<StepItem, Fault> {
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let step = fields.name("step_id", &request.step_id);
    let evidence = fields.all_given("evidence", &request.evidence);
    let officer = fields.officer(request.officer.as_ref());
    let note = fields.text("note", &request.note, REASON_BYTES_MAX);
    let parsed = named.zip(step).map(|(named, step)| StepItem {
        named,
        step,
        round: request.round,
        evidence,
        officer,
        note,
    });
    fields.done(parsed)
}

/// A payment confirmed.
///
/// # Errors
/// As [`receive`].
pub fn confirm_payment(request: &v1::ConfirmPaymentRequest, directory: &Directory) -> Parsed {
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let obligation = fields.name("obligation_id", &request.obligation_id);
    let amount_vnd = fields.amount("amount_vnd", request.amount_vnd);
    let reference = fields.required_text(
        "payment_reference",
        &request.payment_reference,
        REFERENCE_BYTES_MAX,
    );
    let paid_at = fields.instant("paid_at", request.paid_at.as_ref());
    let act = obligation.map(|obligation| Act::ConfirmPayment {
        obligation,
        amount_vnd,
        reference,
        paid_at,
    });
    done(fields, named, act)
}

/// A withdrawal.
///
/// # Errors
/// As [`receive`].
pub fn withdraw(request: &v1::WithdrawRequest, directory: &Directory) -> Parsed {
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let act = Act::Withdraw {
        reason: fields.required_text("reason", &request.reason, REASON_BYTES_MAX),
        officer: fields.officer(request.officer.as_ref()),
    };
    done(fields, named, Some(act))
}

/// A stop by decision.
///
/// # Errors
/// As [`receive`].
pub fn stop(request: &v1::StopRequest, directory: &Directory) -> Parsed {
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let act = Act::Stop {
        reason: fields.required_text("reason", &request.reason, REASON_BYTES_MAX),
        legal_basis: fields.required_text(
            "legal_basis",
            &request.legal_basis,
            LEGAL_BASIS_BYTES_MAX,
        ),
        settlement: fields.text("settlement", &request.settlement, REASON_BYTES_MAX),
        officer: fields.officer(request.officer.as_ref()),
    };
    done(fields, named, Some(act))
}

/// The end of a stop.
///
/// # Errors
/// As [`receive`].
pub fn resume(request: &v1::ResumeRequest, directory: &Directory) -> Parsed {
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let act = Act::Resume {
        reason: fields.text("reason", &request.reason, REASON_BYTES_MAX),
        officer: fields.officer(request.officer.as_ref()),
    };
    done(fields, named, Some(act))
}

/// A fault in a result.
///
/// # Errors
/// As [`receive`].
pub fn report_fault(request: &v1::ReportFaultRequest, directory: &Directory) -> Parsed {
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let evidence = fields.name("evidence", &request.evidence);
    let reason = fields.required_text("reason", &request.reason, REASON_BYTES_MAX);
    let officer = fields.officer(request.officer.as_ref());
    let act = evidence.map(|evidence| Act::ReportFault {
        evidence,
        reason,
        officer,
    });
    done(fields, named, act)
}

/// A result handed out.
///
/// # Errors
/// As [`receive`].
pub fn hand_out_result(request: &v1::HandOutResultRequest, directory: &Directory) -> Parsed {
    let mut fields = Fields::new(directory);
    let named = named!(fields, request);
    let evidence = fields.name("evidence", &request.evidence);
    let version = fields.version("version", request.version);
    let party = fields.optional_name("party_id", &request.party_id);
    let officer = fields.officer(request.officer.as_ref());
    let act = evidence.map(|evidence| Act::HandOut {
        evidence,
        version,
        party,
        officer,
    });
    done(fields, named, act)
}

/// How many codes a desk wants, and its id of the asking.
///
/// # Errors
/// As [`receive`].
pub fn lease(request: &v1::LeaseCodesRequest, directory: &Directory) -> Result<(u32, Key), Fault> {
    let mut fields = Fields::new(directory);
    let request_id = fields.name("request_id", &request.request_id);
    if !(1..=LEASE_CODES_MAX).contains(&request.count) {
        fields.wrong("count", format!("1 to {LEASE_CODES_MAX}"));
    }
    fields.done(request_id.map(|request_id| (request.count, request_id)))
}
