//! Domain becomes record.

use bytes::Bytes;
use contract::record::v1::{self as pb, record::Event as Kind};
use dossier::{
    Entry, Event,
    event::{Assignment, Cause, Deadline, Received, Reception, Versions},
    evidence::NewVersion,
    name::{EvidenceName, PartId, StepId},
    party::{Officer, Party},
    procedure::Actor,
    supplement::{Denial, Item},
};
use jiff::Timestamp;
use std::collections::BTreeMap;

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
        system: cause.system.clone(),
        item_id: text(&cause.item_id),
        claimed_at: cause.claimed_at.map(instant),
    }
}

/// The event without personal values, and these.
pub(super) fn event(entry: &Entry) -> (Kind, pb::Personal) {
    let mut personal = pb::Personal::default();
    let kind = kind(&entry.event, &mut personal);
    if let Some(cause) = &entry.cause {
        personal.cause_digest = bytes(cause.digest.as_bytes());
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
            Kind::NotAccepted(pb::NotAccepted {
                legal_basis: legal_basis.clone(),
            })
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
        } => {
            say(reason, officer);
            Kind::Refused(pb::Refused {
                step_id: text(step),
                round: *round,
                legal_basis: legal_basis.clone(),
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
        } => Kind::SupplementDenied(pb::SupplementDenied {
            step_id: step.as_ref().map(text).unwrap_or_default(),
            agency_code: text(agency),
            denials: denials.iter().map(denial).collect(),
        }),
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
            Kind::ConsentRefused(pb::ConsentRefused {
                evidence: text(evidence),
                party_id: text(party),
            })
        }
        Event::PaymentAsked {
            step,
            round,
            obligation,
            amount_vnd,
            purpose,
            legal_basis,
            officer,
        } => {
            personal.purpose = purpose.clone();
            personal.officer = officer_of(officer);
            Kind::PaymentAsked(pb::PaymentAsked {
                step_id: text(step),
                round: *round,
                obligation_id: text(obligation),
                amount_vnd: *amount_vnd,
                legal_basis: legal_basis.clone(),
            })
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
            Kind::Paid(pb::Paid {
                obligation_id: text(obligation),
                amount_vnd: *amount_vnd,
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
        } => Kind::CalendarAdopted(pb::CalendarAdopted {
            calendar_digest: bytes(calendar_digest.as_bytes()),
            parts: part_deadlines(parts),
            steps: step_deadlines(steps),
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
            Kind::HandedOut(pb::HandedOut {
                evidence: Some(pb::EvidenceVersion {
                    evidence: text(evidence),
                    version: *version,
                }),
                party_id: party.as_ref().map(text).unwrap_or_default(),
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
            Kind::Stopped(pb::Stopped {
                legal_basis: legal_basis.clone(),
            })
        }
        Event::Resumed { reason, officer } => {
            say(reason, officer);
            Kind::Resumed(pb::Resumed {})
        }
    }
}

fn deadline_of(deadline: &Deadline) -> pb::Deadline {
    pb::Deadline {
        due_at: Some(instant(deadline.due_at)),
        warn_at: Some(instant(deadline.warn_at)),
    }
}

fn part_deadlines(parts: &BTreeMap<PartId, Deadline>) -> Vec<pb::PartDeadline> {
    let one = |(part, deadline)| pb::PartDeadline {
        part_id: text(part),
        deadline: Some(deadline_of(deadline)),
    };
    parts.iter().map(one).collect()
}

fn step_deadlines(steps: &BTreeMap<StepId, Deadline>) -> Vec<pb::StepDeadline> {
    let one = |(step, deadline)| pb::StepDeadline {
        step_id: text(step),
        deadline: Some(deadline_of(deadline)),
    };
    steps.iter().map(one).collect()
}

fn assignments(assignments: &BTreeMap<StepId, Assignment>) -> Vec<pb::Assignment> {
    let actor = |actor: Actor| {
        let found = ACTORS.into_iter().find(|(one, _)| *one == actor);
        found.map_or("", |(_, word)| word).to_owned()
    };
    assignments
        .iter()
        .map(|(step, assignment)| pb::Assignment {
            step_id: text(step),
            agency_code: text(&assignment.agency),
            part_id: text(&assignment.part),
            actor: actor(assignment.actor),
            planned_at: Some(instant(assignment.planned_at)),
        })
        .collect()
}

fn vault_uses(uses: &BTreeMap<EvidenceName, String>) -> Vec<pb::VaultUse> {
    let one = |(evidence, code): (_, &String)| pb::VaultUse {
        evidence: text(evidence),
        vault_code: code.clone(),
    };
    uses.iter().map(one).collect()
}

fn item(item: &Item) -> pb::SupplementItem {
    pb::SupplementItem {
        evidence: text(&item.evidence),
        legal_basis: item.legal_basis.clone(),
        approval: item.approval.as_ref().map(|approval| pb::Approval {
            legal_basis: approval.legal_basis.clone(),
        }),
    }
}

fn item_text(item: &Item) -> pb::ItemText {
    let approver = item.approval.as_ref().map(|approval| &approval.approver);
    pb::ItemText {
        reason: item.reason.clone(),
        approver: approver.and_then(officer_of),
    }
}

fn denial((evidence, denial): (&EvidenceName, &Denial)) -> pb::Denial {
    pb::Denial {
        evidence: text(evidence),
        why: denial.word().into(),
        place: denial.place(),
    }
}

fn accepted(it: &Reception) -> pb::Accepted {
    pb::Accepted {
        procedure_digest: bytes(it.procedure_digest.as_bytes()),
        directory_digest: bytes(it.directory_digest.as_bytes()),
        calendar_digest: bytes(it.calendar_digest.as_bytes()),
        parts: part_deadlines(&it.parts),
        assignments: assignments(&it.assignments),
        promised_at: Some(instant(it.promised_at)),
        received_at: it.received_at.map(instant),
    }
}

fn received(it: &Received, personal: &mut pb::Personal) -> pb::Received {
    personal.parties = it.parties.iter().map(party).collect();
    personal.officer = officer_of(&it.officer);
    pb::Received {
        dossier_code: text(&it.code),
        procedure_code: text(&it.procedure),
        procedure_digest: bytes(it.procedure_digest.as_bytes()),
        directory_digest: bytes(it.directory_digest.as_bytes()),
        desk_agency_code: text(&it.desk),
        hand_out_agency_code: text(&it.hand_out_desk),
        territory_code: text(&it.territory),
        channel: it.channel.word().into(),
        filed_at: it.filed_at.map(instant),
        assignments: assignments(&it.assignments),
        evidence: given(&it.evidence, personal),
        promised_at: Some(instant(it.promised_at)),
        submit_key: text(&it.submit_key),
        filed_by_party_id: it.filed_by.as_ref().map(text).unwrap_or_default(),
        parts: part_deadlines(&it.parts),
        calendar_digest: bytes(it.calendar_digest.as_bytes()),
        arrived_at: it.arrived_at.map(instant),
        received_at: it.received_at.map(instant),
        asked: it.asked.iter().cloned().collect(),
        reused: vault_uses(&it.reused),
    }
}

/// Evidence, its data and file names put with the personal values.
pub(super) fn given(versions: &[NewVersion], personal: &mut pb::Personal) -> Vec<pb::Evidence> {
    let mut evidence = Vec::with_capacity(versions.len());
    for version in versions {
        let given = &version.given;
        personal.evidence.push(pb::EvidenceData {
            name: text(&given.name),
            data: bytes(&given.data),
            digest: bytes(version.digest.as_bytes()),
        });
        for document in given.documents.iter().filter(|d| !d.file_name.is_empty()) {
            personal.file_names.push(pb::FileName {
                evidence: text(&given.name),
                digest: bytes(document.digest.as_bytes()),
                file_name: document.file_name.clone(),
            });
        }
        let documents = given.documents.iter().map(|document| pb::Document {
            digest: bytes(document.digest.as_bytes()),
            size_bytes: document.size_bytes,
            media_type: document.media_type.clone(),
        });
        evidence.push(pb::Evidence {
            name: text(&given.name),
            version: version.version,
            schema_id: given.schema_id.clone(),
            documents: documents.collect(),
            subject_party_id: given.subject.as_ref().map(text).unwrap_or_default(),
            source: version.source.word().into(),
        });
    }
    evidence
}

fn party(party: &Party) -> pb::Party {
    let born = party.born_on.unwrap_or_default();
    let identifiers = party.identifiers.iter().map(|identifier| pb::Identifier {
        scheme: identifier.scheme.word().into(),
        value: identifier.value.clone(),
    });
    pb::Party {
        party_id: text(&party.id),
        roles: party.roles.iter().map(|role| role.word().into()).collect(),
        kind: party.kind.word().into(),
        name: party.name.clone(),
        identifiers: identifiers.collect(),
        born_year: born.year.into(),
        born_month: born.month.into(),
        born_day: born.day.into(),
        address: party.address.clone(),
        phone: party.phone.clone(),
        email: party.email.clone(),
        represents_party_id: party.represents.as_ref().map(text).unwrap_or_default(),
    }
}

fn officer_of(officer: &Officer) -> Option<pb::Officer> {
    (!officer.is_empty()).then(|| pb::Officer {
        name: officer.name.clone(),
        title: officer.title.clone(),
        office: officer.office.clone(),
    })
}

fn versions(versions: &Versions) -> Vec<pb::EvidenceVersion> {
    let one = |(evidence, version): (_, &u32)| pb::EvidenceVersion {
        evidence: text(evidence),
        version: *version,
    };
    versions.iter().map(one).collect()
}

fn text(name: &impl ToString) -> String {
    name.to_string()
}
