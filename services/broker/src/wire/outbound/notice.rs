//! What a desk is told.

use super::{
    item, officer,
    standing::{part_state, pause_reason, step_state},
    timestamp,
};
use contract::v1::{self, notice::Kind};
use dossier::{
    Dossier,
    notice::{Notice, ReturnState},
};
use jiff::Timestamp;

/// A notice, without its cursor: that is where it stands in the store.
pub fn notice(dossier: &Dossier, at: Timestamp, told: &Notice) -> v1::Notice {
    v1::Notice {
        cursor: String::new(),
        dossier_id: dossier.id.to_string(),
        dossier_code: dossier.code().to_string(),
        happened_at: timestamp(at),
        kind: Some(kind(told)),
    }
}
/// What is told.
fn kind(told: &Notice) -> Kind {
    match told {
        Notice::Received { promised_at } => Kind::Received(v1::NoticeReceived {
            promised_at: timestamp(*promised_at),
        }),
        Notice::Step {
            step,
            stage,
            agency,
            round,
            task,
            officer: by,
            reason,
        } => Kind::Step(v1::NoticeStep {
            step_id: step.to_string(),
            state: step_state(*stage).into(),
            agency_code: agency.to_string(),
            round: *round,
            task: (*task).to_owned(),
            officer: officer(by),
            reason: reason.clone(),
        }),
        Notice::Result {
            evidence,
            version,
            step,
            agency,
        } => Kind::Result(v1::NoticeResult {
            evidence: evidence.to_string(),
            version: *version,
            step_id: step.to_string(),
            agency_code: agency.to_string(),
        }),
        Notice::Part { part, end } => Kind::Part(v1::NoticePart {
            part_id: part.to_string(),
            state: part_state(Some(*end)).into(),
        }),
        Notice::PeerReturn {
            evidence,
            version,
            asker,
            giver,
            state,
        } => {
            let state = match state {
                ReturnState::Asked => v1::PeerReturnState::Asked,
                ReturnState::Corrected => v1::PeerReturnState::Corrected,
                ReturnState::Upheld => v1::PeerReturnState::Upheld,
            };
            Kind::PeerReturn(v1::NoticePeerReturn {
                evidence: evidence.to_string(),
                version: *version,
                asking_step_id: asker.as_ref().map(ToString::to_string).unwrap_or_default(),
                giving_step_id: giver.to_string(),
                state: state.into(),
            })
        }
        Notice::Closed => Kind::Closed(v1::NoticeClosed {}),
        Notice::Filed { receive_by } => Kind::Filed(v1::NoticeFiled {
            receive_by: timestamp(*receive_by),
        }),
        Notice::NotAccepted {
            reason,
            legal_basis,
        } => Kind::NotAccepted(v1::NoticeNotAccepted {
            reason: reason.clone(),
            legal_basis: legal_basis.clone(),
        }),
        Notice::SupplementAsked {
            number,
            agency,
            items,
            due_at,
        } => Kind::SupplementAsked(v1::NoticeSupplementAsked {
            number: *number,
            agency_code: agency.to_string(),
            items: items.iter().map(item).collect(),
            due_at: timestamp(*due_at),
        }),
        Notice::SupplementEnded { number, expired } => {
            Kind::SupplementEnded(v1::NoticeSupplementEnded {
                number: *number,
                expired: *expired,
            })
        }
        Notice::PaymentAsked {
            obligation,
            agency,
            amount_vnd,
            purpose,
            due_at,
        } => Kind::PaymentAsked(v1::NoticePaymentAsked {
            obligation_id: obligation.to_string(),
            agency_code: agency.to_string(),
            amount_vnd: *amount_vnd,
            purpose: purpose.clone(),
            due_at: due_at.and_then(timestamp),
        }),
        Notice::SupplementDue { number, due_at } => Kind::SupplementDue(v1::NoticeSupplementDue {
            number: *number,
            due_at: timestamp(*due_at),
        }),
        Notice::PaymentDue { obligation, due_at } => Kind::PaymentDue(v1::NoticePaymentDue {
            obligation_id: obligation.to_string(),
            due_at: timestamp(*due_at),
        }),
        Notice::PaymentOverdue { obligation } => Kind::PaymentOverdue(v1::NoticePaymentOverdue {
            obligation_id: obligation.to_string(),
        }),
        Notice::PaymentDropped { obligation } => Kind::PaymentDropped(v1::NoticePaymentDropped {
            obligation_id: obligation.to_string(),
        }),
        Notice::Paid { obligation } => Kind::Paid(v1::NoticePaid {
            obligation_id: obligation.to_string(),
        }),
        Notice::Promised {
            part,
            promised_at,
            why,
            reason,
        } => Kind::Promised(v1::NoticePromised {
            part_id: part.to_string(),
            promised_at: timestamp(*promised_at),
            why: (*why).to_owned(),
            reason: reason.clone(),
        }),
        Notice::ClockPaused { part, why } => Kind::ClockPaused(v1::NoticeClockPaused {
            part_id: part.to_string(),
            reason: pause_reason(*why).into(),
        }),
        Notice::ApologyOwed { part, holders } => Kind::ApologyOwed(v1::NoticeApologyOwed {
            part_id: part.to_string(),
            agency_codes: holders.iter().map(ToString::to_string).collect(),
        }),
        Notice::Reused { evidence, code } => Kind::Reused(v1::NoticeReused {
            evidence: evidence.to_string(),
            vault_code: code.clone(),
        }),
        Notice::ConsultationSilent { step, agency } => {
            Kind::ConsultationSilent(v1::NoticeConsultationSilent {
                step_id: step.to_string(),
                agency_code: agency.to_string(),
            })
        }
        Notice::HandedOut { evidence, version } => Kind::HandedOut(v1::NoticeHandedOut {
            evidence: evidence.to_string(),
            version: *version,
        }),
        Notice::Withdrawn => Kind::Withdrawn(v1::NoticeWithdrawn {}),
        Notice::Stopped { reason } => Kind::Stopped(v1::NoticeStopped {
            reason: reason.clone(),
        }),
        Notice::Resumed => Kind::Resumed(v1::NoticeResumed {}),
    }
}
