//! The timeline: what happened to a dossier, a word an event, without what was in it.

use crate::wire;
use contract::v1;
use dossier::{Entry, Event};

/// One event of a dossier's history.
pub(super) fn entry(entry: &Entry) -> v1::TimelineEntry {
    let cause = entry.cause.as_ref();
    v1::TimelineEntry {
        sequence: entry.sequence,
        at: wire::timestamp(entry.at),
        event: word(&entry.event).to_owned(),
        system: cause
            .map(|cause| cause.system.to_string())
            .unwrap_or_default(),
        step_id: entry
            .event
            .step()
            .map(ToString::to_string)
            .unwrap_or_default(),
        round: round(&entry.event),
    }
}

fn round(event: &Event) -> u32 {
    match event {
        Event::HandoverDue { round, .. }
        | Event::Offered { round, .. }
        | Event::Acknowledged { round, .. }
        | Event::HoldingLost { round, .. }
        | Event::RecallDue { round, .. } => *round,
        _ => 0,
    }
}

fn word(event: &Event) -> &'static str {
    match event {
        Event::Filed(_) => "filed",
        Event::Received(_) => "received",
        Event::Accepted(_) => "accepted",
        Event::NotAccepted { .. } => "not_accepted",
        Event::HandoverDue { .. } => "handover_due",
        Event::Offered { .. } => "offered",
        Event::Acknowledged { .. } => "acknowledged",
        Event::HoldingLost { .. } => "holding_lost",
        Event::Progressed { .. } => "progressed",
        Event::Completed { .. } => "completed",
        Event::Refused { .. } => "refused",
        Event::Declined { .. } => "declined",
        Event::Returned { .. } => "returned",
        Event::Corrected { .. } => "corrected",
        Event::Upheld { .. } => "upheld",
        Event::Reviewed { .. } => "reviewed",
        Event::Ended { .. } => "ended",
        Event::Skipped { .. } => "skipped",
        Event::Wanted { .. } => "wanted",
        Event::SlipsDue { .. } => "slips_due",
        Event::LookUpDue { .. } => "look_up_due",
        Event::LookedUp { .. } => "looked_up",
        Event::AskedAgain { .. } => "asked_again",
        Event::Reused { .. } => "reused",
        Event::Consulted { .. } => "consulted",
        Event::Opined { .. } => "opined",
        Event::SupplementAsked { .. } => "supplement_asked",
        Event::SupplementAnswered { .. } => "supplement_answered",
        Event::SupplementExpired { .. } => "supplement_expired",
        Event::SupplementDenied { .. } => "supplement_denied",
        Event::EvidenceGiven { .. } => "evidence_given",
        Event::ConsentRefused { .. } => "consent_refused",
        Event::PaymentAsked { .. } => "payment_asked",
        Event::PaymentOverdue { .. } => "payment_overdue",
        Event::Paid { .. } => "paid",
        Event::ClockPaused { .. } => "clock_paused",
        Event::ClockResumed { .. } => "clock_resumed",
        Event::ApologyOwed { .. } => "apology_owed",
        Event::Extended { .. } => "extended",
        Event::PromisePassed { .. } => "promise_passed",
        Event::Warned { .. } => "warned",
        Event::IntakeLimitPassed => "intake_limit_passed",
        Event::CalendarAdopted { .. } => "calendar_adopted",
        Event::FaultReported { .. } => "fault_reported",
        Event::HandedOut { .. } => "handed_out",
        Event::Withdrawn { .. } => "withdrawn",
        Event::Stopped { .. } => "stopped",
        Event::Resumed { .. } => "resumed",
        Event::RecallDue { .. } => "recall_due",
        Event::Moved { .. } => "moved",
        Event::LimitPassed { .. } => "limit_passed",
        Event::Notified { .. } => "notified",
        Event::PartFinished { .. } => "part_finished",
        Event::Closed => "closed",
    }
}
