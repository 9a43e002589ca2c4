//! The one table from refusals to gRPC status, and the verdicts that carry them.

use contract::v1::{self, verdict::Outcome};
use dossier::{Refusal, refusal::Sort};
use jiff::Timestamp;
use node::fault::Fault;
use tonic::Code;

/// A refusal of the core as a fault of the product.
pub fn fault(refusal: &Refusal) -> Fault {
    let code = match refusal.sort() {
        Sort::Invalid => Code::InvalidArgument,
        Sort::Denied => Code::PermissionDenied,
        Sort::State => Code::FailedPrecondition,
        Sort::Exists => Code::AlreadyExists,
    };
    let mut fault = Fault::new(code, refusal.reason(), refusal.to_string(), refusal.vi());
    match refusal {
        Refusal::Fields(faults) => {
            for one in faults {
                fault = fault.field(&one.field, format!("must be {}", one.rule));
            }
        }
        Refusal::Superseded { newest, .. } => {
            fault = fault.metadata("newest_round", newest.to_string());
        }
        Refusal::NotHeld { state, .. } | Refusal::Finished { state, .. } => {
            fault = fault.metadata("step_state", state.to_string());
        }
        Refusal::SupplementDenied { denials, .. } => {
            for (evidence, denial) in denials {
                fault = fault.precondition(denial.word(), evidence.as_str(), denial.to_string());
            }
        }
        Refusal::WrongAmount { owed_vnd, .. } => {
            fault = fault.field("amount_vnd", format!("must be {owed_vnd}, the whole sum"));
        }
        Refusal::UnknownObligation { .. } => {
            fault = fault.field("obligation_id", "must be an obligation of this dossier");
        }
        Refusal::UnknownSupplement { .. } => {
            fault = fault.field("supplement_number", "must be a supplement of this dossier");
        }
        _ => {}
    }
    fault
}

/// Who asks may not, and is told nothing more.
pub fn denied(reason: &'static str) -> Fault {
    Fault::new(
        Code::PermissionDenied,
        reason,
        "the certificate's system may not do this; ask the directory's keeper if it should",
        "Hệ thống trong chứng thư không được phép thực hiện việc này. Liên hệ người quản lý danh bạ.",
    )
}

/// A call that the contract has and this release does not serve.
pub fn not_implemented(call: &'static str) -> tonic::Status {
    Fault::new(
        Code::Unimplemented,
        "NOT_IMPLEMENTED",
        format!("{call} is in the contract and not served by this release; README lists what is"),
        format!("Phiên bản này chưa hỗ trợ {call}."),
    )
    .into_status()
}

/// The acknowledgement.
pub fn recorded(item_id: String, at: Timestamp, position: u64) -> v1::Verdict {
    let recorded = v1::Recorded {
        recorded_at: super::timestamp(at),
        position,
        superseded: false,
    };
    v1::Verdict {
        item_id,
        outcome: Some(Outcome::Recorded(recorded)),
    }
}

/// A final refusal, or `later` where trying again can help.
pub fn refused(item_id: String, fault: Fault) -> v1::Verdict {
    let may_pass = matches!(
        fault.code(),
        Code::ResourceExhausted | Code::Unavailable | Code::Aborted
    );
    let status = fault.into_rpc();
    let outcome = if may_pass {
        Outcome::Later(status)
    } else {
        Outcome::Refused(status)
    };
    v1::Verdict {
        item_id,
        outcome: Some(outcome),
    }
}

/// The broker cannot tell.
pub fn unknown(item_id: String, reason: &str) -> v1::Verdict {
    let unknown = v1::Unknown {
        reason: reason.to_owned(),
    };
    v1::Verdict {
        item_id,
        outcome: Some(Outcome::Unknown(unknown)),
    }
}

/// An item of a kind that this release does not know, or with nothing set.
pub fn unknown_kind(what: &str) -> Fault {
    Fault::new(
        Code::InvalidArgument,
        "UNKNOWN_KIND",
        format!(
            "{what} is not set, or of a kind that this release does not know; set one that the contract names"
        ),
        format!("{what} chưa được đặt hoặc thuộc loại mà phiên bản này chưa biết."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use dossier::{dossier::Stage, supplement::Denial};
    use std::collections::BTreeMap;

    fn name<T: std::str::FromStr>(text: &str) -> T
    where
        T::Err: std::fmt::Debug,
    {
        text.parse().unwrap()
    }

    fn denied(denials: &[(&str, Denial)]) -> Refusal {
        Refusal::SupplementDenied {
            step: None,
            denials: denials
                .iter()
                .map(|(evidence, denial)| (name(evidence), denial.clone()))
                .collect(),
        }
    }

    /// One of each.
    fn all() -> Vec<Refusal> {
        use Refusal as R;
        let (step, evidence) = (name("step"), name("paper"));
        let stage = Stage::Held;
        vec![
            R::Fields(vec![]),
            R::IdReused,
            R::NotYours,
            R::Superseded {
                step,
                said: 1,
                newest: 2,
            },
            R::NotHeld {
                step: name("step"),
                said: 1,
                state: stage,
            },
            R::Finished {
                step: name("step"),
                state: stage,
            },
            R::WrongTask {
                step: name("step"),
                asked: "do the work",
                said: "an opinion",
            },
            R::ReturnOpen {
                step: name("step"),
                evidence,
            },
            R::AlreadyReturned {
                step: name("step"),
                evidence: name("paper"),
            },
            R::NotReturnable {
                step: name("step"),
                evidence: name("paper"),
            },
            R::VersionSuperseded {
                evidence: name("paper"),
                said: 1,
                newest: 2,
            },
            R::ReturnLimit {
                evidence: name("paper"),
                max: 1,
            },
            R::Closed,
            R::NoDepartment {
                role: name("TAX"),
                territory: name("H99"),
            },
            R::UnknownAgency {
                agency: name("H99"),
            },
            R::UnknownStep { step: name("step") },
            R::AlreadyThere {
                step: name("step"),
                agency: name("H99"),
            },
            R::NotAuthorised {
                step: name("step"),
                positions: "Chủ tịch".into(),
            },
            R::ReturnLate {
                step: name("step"),
                limit: name("1 working day"),
            },
            denied(&[]),
            R::SupplementTwice {
                stage: "intake".into(),
            },
            R::SupplementLate {
                step: name("step"),
                limit: name("1 working day"),
            },
            R::SupplementOpen,
            R::UnknownSupplement { number: 1 },
            R::SupplementAnswered { number: 1 },
            R::SupplementExpired { number: 1 },
            R::ConsentGiven {
                evidence: name("paper"),
            },
            R::UnknownObligation {
                obligation: name("fee"),
            },
            R::ObligationTwice {
                obligation: name("fee"),
            },
            R::AlreadyPaid {
                obligation: name("fee"),
            },
            R::WrongAmount {
                obligation: name("fee"),
                owed_vnd: 1,
            },
            R::CorrectionIsFree { step: name("step") },
            R::ConsultationLimit {
                step: name("step"),
                max: 1,
            },
            R::ExtensionTwice {
                part: name("part"),
                max: 1,
            },
            R::ExtensionLate { part: name("part") },
            R::AlreadyReceived,
            R::NotReceived,
            R::Incomplete {
                missing: "paper".into(),
            },
            R::ResultGiven,
            R::AlreadyStopped,
            R::NotStopped,
            R::NoResult {
                evidence: name("paper"),
            },
            R::HandedOutBefore {
                evidence: name("paper"),
            },
            R::FaultOpen {
                evidence: name("paper"),
            },
            R::CodeTaken,
        ]
    }

    #[test]
    fn each_refusal_has_a_reason_word_of_its_own_and_both_languages() {
        let mut known: BTreeMap<String, Refusal> = BTreeMap::new();
        for refusal in all() {
            let status = fault(&refusal).into_status();
            let reason = Fault::reason_of(&status).unwrap();
            for locale in ["vi", "en"] {
                assert!(Fault::text_of(&status, locale).is_some_and(|text| !text.is_empty()));
            }
            if let Some(other) = known.insert(reason, refusal.clone()) {
                panic!("{refusal:?} and {other:?} have one reason word");
            }
        }
    }

    #[test]
    fn a_denied_supplement_says_of_each_paper_why_not_and_where_it_is() {
        let refusal = denied(&[
            (
                "contract",
                Denial::InVault("H99-20260101-0000001-KQ1".into()),
            ),
            ("land_record", Denial::NotLookedUp(name("H99.12.01"))),
        ]);
        let status = fault(&refusal).into_status();
        assert_eq!(status.code(), Code::FailedPrecondition);
        let violations = tonic_types::StatusExt::get_details_precondition_failure(&status)
            .unwrap()
            .violations;
        let told: Vec<_> = violations
            .iter()
            .map(|one| (one.r#type.as_str(), one.subject.as_str()))
            .collect();
        assert_eq!(
            told,
            [("in_vault", "contract"), ("not_looked_up", "land_record")]
        );
        assert!(violations[0].description.contains("-KQ1"));
        assert!(violations[1].description.contains("H99.12.01"));
    }

    #[test]
    fn a_payment_of_another_sum_is_told_which_sum_it_is() {
        let refusal = Refusal::WrongAmount {
            obligation: name("fee"),
            owed_vnd: 500_000,
        };
        let fields = Fault::fields_of(&fault(&refusal).into_status());
        assert_eq!(fields[0].0, "amount_vnd");
        assert!(fields[0].1.contains("500000"));
    }
}
