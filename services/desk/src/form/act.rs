//! `act.json`: what a desk does for a dossier, as a person or a program writes it down.

use super::{EvidenceForm, FORM_BYTES_MAX, FormError, OfficerForm, field, instant};
use crate::act::Request;
use contract::v1;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, path::Path};

/// An act for a dossier. `act` in JSON says which; texts are those of the contract's messages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActForm {
    /// The dossier's code.
    pub dossier: String,
    /// Who does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<OfficerForm>,
    /// What is done, under its name: `{"dossier": "…", "act": {"withdraw": {"reason": "…"}}}`.
    pub act: Deed,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Deed {
    /// Receives a filed dossier (form 01).
    Receive {
        /// When (RFC 3339); now when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        received_at: Option<Timestamp>,
    },
    /// Refuses a filed dossier (form 03).
    RefuseIntake {
        /// Why.
        reason: String,
        /// The article of law.
        legal_basis: String,
    },
    /// Asks the citizen for more before reception (form 02).
    RequestSupplement {
        /// Everything that is missing, at once.
        items: Vec<ItemForm>,
    },
    /// Gives what a supplement asked for.
    AnswerSupplement {
        /// Which; 0, the only open one, when left out.
        #[serde(default)]
        supplement: u32,
        /// Everything that was asked for, by the names of the procedure.
        evidence: BTreeMap<String, EvidenceForm>,
    },
    /// A person gives a consent.
    GiveConsent {
        /// The consent, as the procedure names it.
        consent: String,
        /// The evidence; its `subject` is who consents.
        evidence: EvidenceForm,
    },
    /// A person refuses a consent.
    RefuseConsent {
        /// The consent, as the procedure names it.
        consent: String,
        /// Who refuses it.
        party: String,
        /// Why.
        reason: String,
    },
    /// Completes a step that is the desk's own.
    CompleteStep {
        /// The step.
        step: String,
        /// Everything that it gives.
        #[serde(default)]
        evidence: BTreeMap<String, EvidenceForm>,
        /// For the control slip.
        #[serde(default)]
        note: String,
    },
    /// Confirms a payment.
    ConfirmPayment {
        /// The obligation.
        obligation: String,
        /// Whole đồng.
        amount_vnd: i64,
        /// The payment platform's reference.
        reference: String,
        /// When (RFC 3339); now when left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paid_at: Option<Timestamp>,
    },
    /// Withdraws the dossier at the citizen's wish.
    Withdraw {
        /// Why.
        reason: String,
    },
    /// Stops the dossier by decision (form 05).
    Stop {
        /// Why.
        reason: String,
        /// The article of law.
        legal_basis: String,
        /// What becomes of fees paid.
        #[serde(default)]
        settlement: String,
    },
    /// Lets a stopped dossier go on.
    Resume {
        /// Why.
        reason: String,
    },
    /// Hands a result out.
    HandOut {
        /// The result.
        result: String,
        /// Its version; the newest that the desk was told of is what a citizen gets.
        version: u32,
        /// Who took it; empty for the owner.
        #[serde(default)]
        party: String,
    },
    /// Sends a fault in a result back to who gave it.
    ReportFault {
        /// The result.
        result: String,
        /// What is wrong.
        reason: String,
    },
}

/// One thing asked of the citizen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemForm {
    /// As the procedure names it.
    pub evidence: String,
    /// Why.
    pub reason: String,
    /// The article of law.
    pub legal_basis: String,
    /// A named approver's leave, where a holder stayed silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<OfficerForm>,
    /// The law by which it is allowed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub approval_basis: String,
}

impl ActForm {
    /// Reads the form in a file.
    ///
    /// # Errors
    /// [`FormError`] names the field and how to mend it.
    pub fn load(path: &Path) -> Result<Self, FormError> {
        let at = |source| FormError::Read {
            path: path.into(),
            source,
        };
        let size = fs::metadata(path).map_err(at)?.len();
        if size > FORM_BYTES_MAX {
            return Err(FormError::Size(size));
        }
        Self::parse(&fs::read(path).map_err(at)?)
    }

    /// Reads a form.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(json: &[u8]) -> Result<Self, FormError> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let form: Self = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| field(error.path().to_string(), error.inner().to_string()))?;
        reader
            .end()
            .map_err(|error| field(".", error.to_string()))?;
        Ok(form)
    }

    /// The evidence that it gives, by name.
    pub fn evidence_mut(&mut self) -> Vec<(&str, &mut EvidenceForm)> {
        match &mut self.act {
            Deed::AnswerSupplement { evidence, .. } | Deed::CompleteStep { evidence, .. } => {
                let given = evidence.iter_mut();
                given.map(|(name, given)| (name.as_str(), given)).collect()
            }
            Deed::GiveConsent { consent, evidence } => vec![(consent.as_str(), evidence)],
            _ => Vec::new(),
        }
    }

    /// The act as the broker takes it, without its documents.
    pub(crate) fn request(&self, agency_code: &str, request_id: &str) -> Request {
        let (agency_code, request_id) = (agency_code.to_owned(), request_id.to_owned());
        let dossier_code = self.dossier.clone();
        let officer = self.officer.as_ref().map(OfficerForm::officer);
        let inputs = |evidence: &BTreeMap<String, EvidenceForm>| {
            let given = evidence.iter();
            given.map(|(name, given)| given.input(name)).collect()
        };
        match self.act.clone() {
            Deed::Receive { received_at } => Request::Receive(v1::ReceiveRequest {
                agency_code,
                dossier_code,
                officer,
                received_at: Some(or_now(received_at)),
                request_id,
            }),
            Deed::RefuseIntake {
                reason,
                legal_basis,
            } => Request::RefuseIntake(v1::RefuseIntakeRequest {
                agency_code,
                dossier_code,
                reason,
                legal_basis,
                officer,
                request_id,
            }),
            Deed::RequestSupplement { items } => {
                Request::RequestSupplement(v1::RequestSupplementRequest {
                    agency_code,
                    dossier_code,
                    items: items.iter().map(ItemForm::item).collect(),
                    officer,
                    request_id,
                })
            }
            Deed::AnswerSupplement {
                supplement,
                evidence,
            } => Request::AnswerSupplement(v1::AnswerSupplementRequest {
                agency_code,
                dossier_code,
                evidence: inputs(&evidence),
                officer,
                supplement_number: supplement,
                request_id,
            }),
            Deed::GiveConsent { consent, evidence } => {
                let given = evidence.input(&consent);
                Request::RecordConsent(v1::RecordConsentRequest {
                    agency_code,
                    dossier_code,
                    answer: Some(v1::record_consent_request::Answer::Given(given)),
                    officer,
                    request_id,
                })
            }
            Deed::RefuseConsent {
                consent,
                party,
                reason,
            } => {
                let refused = v1::ConsentRefused {
                    evidence: consent,
                    party_id: party,
                    reason,
                };
                Request::RecordConsent(v1::RecordConsentRequest {
                    agency_code,
                    dossier_code,
                    answer: Some(v1::record_consent_request::Answer::Refused(refused)),
                    officer,
                    request_id,
                })
            }
            Deed::CompleteStep {
                step,
                evidence,
                note,
            } => Request::CompleteStep(v1::CompleteStepRequest {
                agency_code,
                dossier_code,
                step_id: step,
                round: 0,
                evidence: inputs(&evidence),
                officer,
                note,
                request_id,
            }),
            Deed::ConfirmPayment {
                obligation,
                amount_vnd,
                reference,
                paid_at,
            } => Request::ConfirmPayment(v1::ConfirmPaymentRequest {
                agency_code,
                dossier_code,
                obligation_id: obligation,
                amount_vnd,
                payment_reference: reference,
                paid_at: Some(or_now(paid_at)),
                request_id,
            }),
            Deed::Withdraw { reason } => Request::Withdraw(v1::WithdrawRequest {
                agency_code,
                dossier_code,
                reason,
                officer,
                request_id,
            }),
            Deed::Stop {
                reason,
                legal_basis,
                settlement,
            } => Request::Stop(v1::StopRequest {
                agency_code,
                dossier_code,
                reason,
                legal_basis,
                settlement,
                officer,
                request_id,
            }),
            Deed::Resume { reason } => Request::Resume(v1::ResumeRequest {
                agency_code,
                dossier_code,
                reason,
                officer,
                request_id,
            }),
            Deed::HandOut {
                result,
                version,
                party,
            } => Request::HandOutResult(v1::HandOutResultRequest {
                agency_code,
                dossier_code,
                evidence: result,
                version,
                party_id: party,
                officer,
                request_id,
            }),
            Deed::ReportFault { result, reason } => Request::ReportFault(v1::ReportFaultRequest {
                agency_code,
                dossier_code,
                evidence: result,
                reason,
                officer,
                request_id,
            }),
        }
    }
}

impl ItemForm {
    fn item(&self) -> v1::SupplementItem {
        v1::SupplementItem {
            evidence: self.evidence.clone(),
            reason: self.reason.clone(),
            legal_basis: self.legal_basis.clone(),
            approval: self.approver.as_ref().map(|approver| v1::Approval {
                approver: Some(approver.officer()),
                legal_basis: self.approval_basis.clone(),
            }),
        }
    }
}

/// An instant as the broker takes it; now when it is not said.
fn or_now(at: Option<Timestamp>) -> prost_types::Timestamp {
    instant(at.unwrap_or_else(Timestamp::now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_becomes_what_the_broker_takes() {
        let form = r#"{"dossier": "D-1", "officer": {"name": "Lê Thị Hoa"},
            "act": {"confirm_payment": {"obligation": "NV-1", "amount_vnd": 30000000,
                                        "reference": "P-1", "paid_at": "2026-11-22T03:00:00Z"}}}"#;
        let Request::ConfirmPayment(request) = ActForm::parse(form.as_bytes())
            .unwrap()
            .request("desk-1", "key-1")
        else {
            panic!()
        };
        assert_eq!(request.amount_vnd, 30_000_000);
        assert_eq!(request.paid_at.unwrap().seconds, 1_795_316_400);
        assert_eq!(
            (request.agency_code, request.request_id),
            ("desk-1".into(), "key-1".into())
        );
    }

    #[test]
    fn an_act_that_nobody_knows_is_named() {
        for (act, why) in [
            (r#"{"dance": {}}"#, "unknown variant `dance`"),
            (r#"{"withdraw": {}}"#, "missing field `reason`"),
            (
                r#"{"withdraw": {"reason": "x", "fee": 1}}"#,
                "unknown field `fee`",
            ),
        ] {
            let form = format!(r#"{{"dossier": "D-1", "act": {act}}}"#);
            let refused = ActForm::parse(form.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
        }
    }
}
