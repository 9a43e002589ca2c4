//! Domain becomes record.

mod values;

pub(super) use values::given;

use bytes::Bytes;
use contract::record::v1::{self as pb, record::Event as Kind};
use dossier::{
    Entry, Event,
    department_notice::DepartmentNotice,
    event::{Cause, Deadline, Windows},
    name::AgencyCode,
    party::Officer,
    procedure::Actor,
};
use jiff::Timestamp;
use values::{
    accepted, deadline_of, denial, item, item_text, officer_of, part_deadlines, received,
    step_deadlines, text, vault_uses, versions,
};

/// Who acts, by the word for it.
pub(super) const ACTORS: [(Actor, &str); 3] = [
    (Actor::Department, "department"),
    (Actor::Desk, "desk"),
    (Actor::Citizen, "citizen"),
];

pub(super) fn bytes(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

pub(super) fn instant(at: Timestamp) -> prost_types::Timestamp {
    // The contract's nanoseconds count forward, also before 1970.
    let nanos = at.as_nanosecond();
    let (seconds, nanos) = (
        nanos.div_euclid(1_000_000_000),
        nanos.rem_euclid(1_000_000_000),
    );
    prost_types::Timestamp {
        seconds: i64::try_from(seconds).unwrap_or_default(),
        nanos: i32::try_from(nanos).unwrap_or_default(),
    }
}

pub(super) fn cause(cause: &Cause) -> pb::Cause {
    pb::Cause {
        system: cause.system.to_string(),
        claimed_at: cause.claimed_at.map(instant),
    }
}

/// The event without personal values, and these.
pub(super) fn event(entry: &Entry) -> (Kind, pb::Personal) {
    let mut personal = pb::Personal::default();
    let kind = kind(&entry.event, &mut personal);
    if let Some(cause) = &entry.cause {
        personal.cause_digest = bytes(cause.digest.as_bytes());
        personal.cause_item_id = text(&cause.item_id);
    }
    (kind, personal)
}

#[allow(clippy::too_many_lines)] // one table, a line an event
fn kind(event: &Event, personal: &mut pb::Personal) -> Kind {
    let mut say = |text: &str, officer: &Officer| {
        personal.text = text.to_owned();
        personal.officer = officer_of(officer);
    };
    match event {
        Event::Received(it) => Kind::Received(received(it, personal)),
        Event::Filed(it) => Kind::Filed(received(it, personal)),
        Event::Accepted(it) => {
            personal.officer = officer_of(&it.officer);
            Kind::Accepted(accepted(it))
        }
        Event::NotAccepted {
            reason,
            legal_basis,
            officer,
        } => {
            say(reason, officer);
            personal.legal_basis = legal_basis.clone();
            Kind::NotAccepted(pb::NotAccepted {})
        }
        Event::HandoverDue {
            step,
            round,
            agency,
            work,
            answers,
            review,
            inputs,
            deadline: Deadline { due_at, warn_at },
        } => Kind::HandoverDue(pb::HandoverDue {
            step_id: text(step),
            round: *round,
            agency_code: text(agency),
            work: *work,
            answers: answers.iter().map(text).collect(),
            review: versions(review),
            inputs: versions(inputs),
            due_at: Some(instant(*due_at)),
            warn_at: Some(instant(*warn_at)),
        }),
        Event::Offered { step, round } => Kind::Offered(pb::Offered {
            step_id: text(step),
            round: *round,
        }),
        Event::Acknowledged { step, round } => Kind::Acknowledged(pb::Acknowledged {
            step_id: text(step),
            round: *round,
        }),
        Event::HoldingLost { step, round } => Kind::HoldingLost(pb::HoldingLost {
            step_id: text(step),
            round: *round,
        }),
        Event::Progressed {
            step,
            round,
            officer,
            note,
        } => {
            say(note, officer);
            Kind::Progressed(pb::Progressed {
                step_id: text(step),
                round: *round,
            })
        }
        Event::Completed {
            step,
            round,
            evidence,
            officer,
            note,
        } => {
            say(note, officer);
            Kind::Completed(pb::Completed {
                step_id: text(step),
                round: *round,
                evidence: given(evidence, personal),
            })
        }
        Event::Refused {
            step,
            round,
            reason,
            legal_basis,
            officer,
            late,
        } => {
            say(reason, officer);
            personal.legal_basis = legal_basis.clone();
            Kind::Refused(pb::Refused {
                step_id: text(step),
                round: *round,
                late: *late,
            })
        }
        Event::Declined {
            step,
            round,
            reason,
            suggested,
            officer,
        } => {
            say(reason, officer);
            Kind::Declined(pb::Declined {
                step_id: text(step),
                round: *round,
                suggested_agency_code: suggested.as_ref().map(text).unwrap_or_default(),
            })
        }
        Event::Returned {
            step,
            round,
            evidence,
            version,
            reason,
            officer,
        } => {
            say(reason, officer);
            Kind::Returned(pb::Returned {
                step_id: text(step),
                round: *round,
                evidence: Some(pb::EvidenceVersion {
                    evidence: text(evidence),
                    version: *version,
                }),
            })
        }
        Event::Corrected {
            step,
            round,
            evidence,
            reason,
            officer,
        } => {
            say(reason, officer);
            Kind::Corrected(pb::Corrected {
                step_id: text(step),
                round: *round,
                evidence: given(evidence, personal),
            })
        }
        Event::Upheld {
            step,
            round,
            evidence,
            version,
            reason,
            officer,
        } => {
            say(reason, officer);
            Kind::Upheld(pb::Upheld {
                step_id: text(step),
                round: *round,
                evidence: Some(pb::EvidenceVersion {
                    evidence: text(evidence),
                    version: *version,
                }),
            })
        }
        Event::Reviewed {
            step,
            round,
            redo,
            note,
            officer,
        } => {
            say(note, officer);
            Kind::Reviewed(pb::Reviewed {
                step_id: text(step),
                round: *round,
                redo: *redo,
            })
        }
        Event::Ended { step, because_of } => Kind::Ended(pb::Ended {
            step_id: text(step),
            because_of_step_id: text(because_of),
        }),
        Event::RecallDue {
            step,
            round,
            agency,
            why,
        } => Kind::RecallDue(pb::RecallDue {
            step_id: text(step),
            round: *round,
            agency_code: text(agency),
            why: why.word().into(),
        }),
        Event::Moved {
            step,
            from,
            to,
            reason,
        } => {
            personal.text = reason.clone();
            Kind::Moved(pb::Moved {
                step_id: text(step),
                from_agency_code: text(from),
                to_agency_code: text(to),
            })
        }
        Event::LimitPassed { step } => Kind::LimitPassed(pb::LimitPassed {
            step_id: text(step),
        }),
        Event::PartFinished { part, end } => {
            let state = end.word().into();
            Kind::PartFinished(pb::PartFinished {
                part_id: text(part),
                state,
            })
        }
        Event::Closed => Kind::Closed(pb::Closed {}),
        Event::Skipped { step } => Kind::Skipped(pb::Skipped {
            step_id: text(step),
        }),
        Event::Wanted { step } => Kind::Wanted(pb::Wanted {
            step_id: text(step),
        }),
        Event::SlipsDue { to } => Kind::SlipsDue(pb::SlipsDue {
            to: to
                .iter()
                .map(|(step, agency)| pb::Errand {
                    step_id: text(step),
                    agency_code: text(agency),
                })
                .collect(),
        }),
        Event::LookUpDue {
            step,
            evidence,
            part,
            agency,
            deadline,
        } => Kind::LookUpDue(pb::LookUpDue {
            step_id: text(step),
            evidence: text(evidence),
            part_id: text(part),
            agency_code: text(agency),
            deadline: Some(deadline_of(deadline)),
        }),
        Event::LookedUp {
            step,
            round,
            evidence,
            outcome,
            given: found,
            note,
            officer,
        } => {
            say(note, officer);
            Kind::LookedUp(pb::LookedUp {
                step_id: text(step),
                round: *round,
                evidence: text(evidence),
                outcome: outcome.word().into(),
                given: given(found, personal),
            })
        }
        Event::AskedAgain { step } => Kind::AskedAgain(pb::AskedAgain {
            step_id: text(step),
        }),
        Event::Reused { evidence, from } => Kind::Reused(pb::Reused {
            evidence: given(evidence, personal),
            from: vault_uses(from),
        }),
        Event::Consulted {
            step,
            round,
            consultation,
            agency,
            question,
            inputs,
            limit,
            deadline,
            officer,
        } => {
            personal.question = question.clone();
            personal.officer = officer_of(officer);
            Kind::Consulted(pb::Consulted {
                step_id: text(step),
                round: *round,
                consultation_step_id: text(consultation),
                agency_code: text(agency),
                inputs: versions(inputs),
                deadline: Some(deadline_of(deadline)),
                limit: limit.as_ref().map(text).unwrap_or_default(),
            })
        }
        Event::Opined {
            step,
            round,
            opinion,
            officer,
        } => {
            personal.opinion = opinion.clone();
            personal.officer = officer_of(officer);
            Kind::Opined(pb::Opined {
                step_id: text(step),
                round: *round,
            })
        }
        Event::SupplementAsked {
            number,
            stage,
            by,
            agency,
            items,
            due_at,
            officer,
        } => {
            personal.officer = officer_of(officer);
            personal.items = items.iter().map(item_text).collect();
            let (by_step, by_round) = by
                .as_ref()
                .map(|(step, round)| (text(step), *round))
                .unwrap_or_default();
            Kind::SupplementAsked(pb::SupplementAsked {
                number: *number,
                stage: stage.text(),
                by_step_id: by_step,
                by_round,
                agency_code: text(agency),
                items: items.iter().map(item).collect(),
                due_at: Some(instant(*due_at)),
            })
        }
        Event::SupplementAnswered {
            number,
            evidence,
            officer,
        } => {
            personal.officer = officer_of(officer);
            Kind::SupplementAnswered(pb::SupplementAnswered {
                number: *number,
                evidence: given(evidence, personal),
            })
        }
        Event::SupplementExpired { number } => {
            Kind::SupplementExpired(pb::SupplementExpired { number: *number })
        }
        Event::SupplementDenied {
            step,
            agency,
            denials,
        } => {
            personal.denials = denials.iter().map(denial).collect();
            Kind::SupplementDenied(pb::SupplementDenied {
                step_id: step.as_ref().map(text).unwrap_or_default(),
                agency_code: text(agency),
            })
        }
        Event::EvidenceGiven { evidence, officer } => {
            personal.officer = officer_of(officer);
            Kind::EvidenceGiven(pb::EvidenceGiven {
                evidence: given(evidence, personal),
            })
        }
        Event::ConsentRefused {
            evidence,
            party,
            reason,
            officer,
        } => {
            say(reason, officer);
            personal.party_id = text(party);
            Kind::ConsentRefused(pb::ConsentRefused {
                evidence: text(evidence),
            })
        }
        Event::PaymentAsked {
            step,
            round,
            obligation,
            amount_vnd,
            purpose,
            legal_basis,
            due_at,
            officer,
        } => {
            personal.purpose = purpose.clone();
            personal.officer = officer_of(officer);
            personal.obligation_id = text(obligation);
            personal.amount_vnd = *amount_vnd;
            personal.legal_basis = legal_basis.clone();
            Kind::PaymentAsked(pb::PaymentAsked {
                step_id: text(step),
                round: *round,
                due_at: due_at.map(instant),
            })
        }
        Event::PaymentOverdue { obligation } => {
            personal.obligation_id = text(obligation);
            Kind::PaymentOverdue(pb::PaymentOverdue {})
        }
        Event::Paid {
            obligation,
            amount_vnd,
            reference,
            paid_at,
            step,
            evidence,
        } => {
            personal.payment_reference = reference.clone();
            personal.obligation_id = text(obligation);
            personal.amount_vnd = *amount_vnd;
            Kind::Paid(pb::Paid {
                paid_at: paid_at.map(instant),
                step_id: step.as_ref().map(text).unwrap_or_default(),
                evidence: given(evidence, personal),
            })
        }
        Event::ClockPaused { part, why } => Kind::ClockPaused(pb::ClockPaused {
            part_id: text(part),
            why: why.word().into(),
        }),
        Event::ClockResumed {
            part,
            why,
            reset,
            deadline,
            steps,
        } => Kind::ClockResumed(pb::ClockResumed {
            part_id: text(part),
            why: why.word().into(),
            reset: *reset,
            deadline: Some(deadline_of(deadline)),
            steps: step_deadlines(steps),
        }),
        Event::ApologyOwed { part, holders } => Kind::ApologyOwed(pb::ApologyOwed {
            part_id: text(part),
            holder_agency_codes: holders.iter().map(text).collect(),
        }),
        Event::Notified {
            agency,
            notice,
            refused,
        } => Kind::Notified(notified(agency, notice, *refused)),
        Event::Extended {
            step,
            round,
            part,
            limit,
            deadline,
            step_deadline,
            reason,
            officer,
        } => {
            say(reason, officer);
            Kind::Extended(pb::Extended {
                step_id: text(step),
                round: *round,
                part_id: text(part),
                limit: text(limit),
                deadline: Some(deadline_of(deadline)),
                step_deadline: Some(deadline_of(step_deadline)),
            })
        }
        Event::PromisePassed { part } => Kind::PromisePassed(pb::PromisePassed {
            part_id: text(part),
        }),
        Event::Warned { step } => Kind::Warned(pb::Warned {
            step_id: text(step),
        }),
        Event::IntakeLimitPassed => Kind::IntakeLimitPassed(pb::IntakeLimitPassed {}),
        Event::CalendarAdopted {
            calendar_digest,
            parts,
            steps,
            windows,
            receive_by,
        } => Kind::CalendarAdopted(pb::CalendarAdopted {
            calendar_digest: bytes(calendar_digest.as_bytes()),
            parts: part_deadlines(parts),
            steps: step_deadlines(steps),
            supplements: supplement_windows(windows),
            payments: payment_windows(windows, personal),
            receive_by: receive_by.map(instant),
        }),
        Event::FaultReported {
            evidence,
            version,
            reason,
            officer,
        } => {
            say(reason, officer);
            Kind::FaultReported(pb::FaultReported {
                evidence: Some(pb::EvidenceVersion {
                    evidence: text(evidence),
                    version: *version,
                }),
            })
        }
        Event::HandedOut {
            evidence,
            version,
            party,
            officer,
        } => {
            personal.officer = officer_of(officer);
            personal.party_id = party.as_ref().map(text).unwrap_or_default();
            Kind::HandedOut(pb::HandedOut {
                evidence: Some(pb::EvidenceVersion {
                    evidence: text(evidence),
                    version: *version,
                }),
            })
        }
        Event::Withdrawn { reason, officer } => {
            say(reason, officer);
            Kind::Withdrawn(pb::Withdrawn {})
        }
        Event::Stopped {
            reason,
            legal_basis,
            settlement,
            officer,
        } => {
            say(reason, officer);
            personal.settlement = settlement.clone();
            personal.legal_basis = legal_basis.clone();
            Kind::Stopped(pb::Stopped {})
        }
        Event::Resumed {
            reason,
            steps,
            windows,
            officer,
        } => {
            say(reason, officer);
            Kind::Resumed(pb::Resumed {
                steps: step_deadlines(steps),
                supplements: supplement_windows(windows),
                payments: payment_windows(windows, personal),
            })
        }
    }
}

fn notified(agency: &AgencyCode, notice: &DepartmentNotice, refused: bool) -> pb::Notified {
    let mut record = pb::Notified {
        agency_code: text(agency),
        kind: notice.word().to_owned(),
        refused,
        ..Default::default()
    };
    match notice {
        DepartmentNotice::Closed { closed_at } => record.closed_at = Some(instant(*closed_at)),
        DepartmentNotice::DueChanged {
            step,
            round,
            number,
        }
        | DepartmentNotice::ApologyOwed {
            step,
            round,
            number,
        } => {
            record.step_id = text(step);
            record.round = *round;
            record.number = *number;
        }
    }
    record
}

fn supplement_windows(windows: &Windows) -> Vec<pb::SupplementWindow> {
    let one = |(number, due_at): (&u32, &Timestamp)| pb::SupplementWindow {
        number: *number,
        due_at: Some(instant(*due_at)),
    };
    windows.supplements.iter().map(one).collect()
}

/// Until when each sum is to be paid; which sums they are stands beside, in the same order.
fn payment_windows(windows: &Windows, personal: &mut pb::Personal) -> Vec<pb::PaymentWindow> {
    personal.payment_windows = windows.payments.keys().map(text).collect();
    let one = |due_at: &Timestamp| pb::PaymentWindow {
        due_at: Some(instant(*due_at)),
    };
    windows.payments.values().map(one).collect()
}
