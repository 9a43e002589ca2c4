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
