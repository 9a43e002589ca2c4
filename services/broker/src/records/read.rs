//! Record becomes domain: every name and word is checked again, for a disk may change bytes.

use super::{RecordError, write::ACTORS};
use contract::record::v1::{self as pb, record::Event as Kind};
use dossier::{
    Event,
    department_notice::DepartmentNotice,
    event::{
        Assignment, Cause, Channel, Deadline, LookUpOutcome, PartEnd, PauseWhy, RecallWhy,
        Received, Reception, Versions, Windows,
    },
    evidence::{Document, Given, NewVersion, Source},
    name::{BadName, Digest, EvidenceName, PartId, StepId},
    party::{CivilDate, Identifier, Officer, Party, PartyKind, PartyRole, Scheme},
    supplement::{Approval, Denial, Item, SupplementStage},
};
use jiff::Timestamp;
use std::collections::BTreeMap;

type Read<T> = Result<T, RecordError>;

/// Stands where a key or a party's name was erased.
const ERASED: &str = "erased";

pub(super) fn instant(at: prost_types::Timestamp) -> Read<Timestamp> {
    let nanos = i128::from(at.seconds) * 1_000_000_000 + i128::from(at.nanos);
    Timestamp::from_nanosecond(nanos)
        .map_err(|_| RecordError::Missing("a time within the calendar"))
}

pub(super) fn cause(cause: pb::Cause, personal: &pb::Personal) -> Read<Cause> {
    Ok(Cause {
        system: cause.system.into(),
        item_id: named(personal.cause_item_id.clone())?,
        digest: beside(&personal.cause_digest)?,
        claimed_at: cause.claimed_at.map(instant).transpose()?,
    })
}

#[allow(clippy::too_many_lines)] // one table, a line an event
pub(super) fn event(kind: Kind, personal: pb::Personal) -> Read<Event> {
    Ok(match kind {
        Kind::Received(it) => Event::Received(Box::new(received(it, personal)?)),
        Kind::Filed(it) => Event::Filed(Box::new(received(it, personal)?)),
        Kind::Accepted(it) => Event::Accepted(Box::new(accepted(it, personal)?)),
        Kind::NotAccepted(pb::NotAccepted {}) => Event::NotAccepted {
            reason: personal.text,
            legal_basis: personal.legal_basis,
            officer: officer(personal.officer),
        },
        Kind::HandoverDue(it) => Event::HandoverDue {
            step: it.step_id.try_into()?,
            round: it.round,
            agency: it.agency_code.try_into()?,
            work: it.work,
            answers: it
                .answers
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
            review: versions(it.review)?,
            inputs: versions(it.inputs)?,
            deadline: Deadline {
                due_at: time(it.due_at)?,
                warn_at: time(it.warn_at)?,
            },
        },
        Kind::Offered(it) => Event::Offered {
            step: it.step_id.try_into()?,
            round: it.round,
        },
        Kind::Acknowledged(it) => Event::Acknowledged {
            step: it.step_id.try_into()?,
            round: it.round,
        },
        Kind::HoldingLost(it) => Event::HoldingLost {
            step: it.step_id.try_into()?,
            round: it.round,
        },
        Kind::Progressed(it) => Event::Progressed {
            step: it.step_id.try_into()?,
            round: it.round,
            officer: officer(personal.officer),
            note: personal.text,
        },
        Kind::Completed(it) => Event::Completed {
            step: it.step_id.try_into()?,
            round: it.round,
            evidence: given(it.evidence, personal.evidence, personal.file_names)?,
            officer: officer(personal.officer),
            note: personal.text,
        },
        Kind::Refused(it) => Event::Refused {
            step: it.step_id.try_into()?,
            round: it.round,
            reason: personal.text,
            legal_basis: personal.legal_basis,
            officer: officer(personal.officer),
            late: it.late,
        },
        Kind::Declined(it) => Event::Declined {
            step: it.step_id.try_into()?,
            round: it.round,
            reason: personal.text,
            suggested: optional(it.suggested_agency_code)?,
            officer: officer(personal.officer),
        },
        Kind::Returned(it) => {
            let (evidence, version) = version(it.evidence)?;
            Event::Returned {
                step: it.step_id.try_into()?,
                round: it.round,
                evidence,
                version,
                reason: personal.text,
                officer: officer(personal.officer),
            }
        }
        Kind::Corrected(it) => Event::Corrected {
            step: it.step_id.try_into()?,
            round: it.round,
            evidence: given(it.evidence, personal.evidence, personal.file_names)?,
            reason: personal.text,
            officer: officer(personal.officer),
        },
        Kind::Upheld(it) => {
            let (evidence, version) = version(it.evidence)?;
            Event::Upheld {
                step: it.step_id.try_into()?,
                round: it.round,
                evidence,
                version,
                reason: personal.text,
                officer: officer(personal.officer),
            }
        }
        Kind::Reviewed(it) => Event::Reviewed {
            step: it.step_id.try_into()?,
            round: it.round,
            redo: it.redo,
            note: personal.text,
            officer: officer(personal.officer),
        },
        Kind::Ended(it) => Event::Ended {
            step: it.step_id.try_into()?,
            because_of: it.because_of_step_id.try_into()?,
        },
        Kind::RecallDue(it) => Event::RecallDue {
            step: it.step_id.try_into()?,
            round: it.round,
            agency: it.agency_code.try_into()?,
            why: word(&it.why, RecallWhy::from_word)?,
        },
        Kind::Moved(it) => Event::Moved {
            step: it.step_id.try_into()?,
            from: it.from_agency_code.try_into()?,
            to: it.to_agency_code.try_into()?,
            reason: personal.text,
        },
        Kind::LimitPassed(it) => Event::LimitPassed {
            step: it.step_id.try_into()?,
        },
        Kind::PartFinished(it) => Event::PartFinished {
            part: it.part_id.try_into()?,
            end: word(&it.state, PartEnd::from_word)?,
        },
        Kind::Closed(pb::Closed {}) => Event::Closed,
        Kind::Skipped(it) => Event::Skipped {
            step: it.step_id.try_into()?,
        },
        Kind::Wanted(it) => Event::Wanted {
            step: it.step_id.try_into()?,
        },
        Kind::SlipsDue(it) => Event::SlipsDue {
            to: it
                .to
                .into_iter()
                .map(|to| Ok((to.step_id.try_into()?, to.agency_code.try_into()?)))
                .collect::<Read<_>>()?,
        },
        Kind::LookUpDue(it) => Event::LookUpDue {
            step: it.step_id.try_into()?,
            evidence: it.evidence.try_into()?,
            part: it.part_id.try_into()?,
            agency: it.agency_code.try_into()?,
            deadline: deadline(it.deadline)?,
        },
        Kind::LookedUp(it) => Event::LookedUp {
            step: it.step_id.try_into()?,
            round: it.round,
            evidence: it.evidence.try_into()?,
            outcome: word(&it.outcome, LookUpOutcome::from_word)?,
            given: given(it.given, personal.evidence, personal.file_names)?,
            note: personal.text,
            officer: officer(personal.officer),
        },
        Kind::AskedAgain(it) => Event::AskedAgain {
            step: it.step_id.try_into()?,
        },
        Kind::Reused(it) => Event::Reused {
            evidence: given(it.evidence, personal.evidence, personal.file_names)?,
            from: vault_uses(it.from)?,
        },
        Kind::Consulted(it) => Event::Consulted {
            step: it.step_id.try_into()?,
            round: it.round,
            consultation: it.consultation_step_id.try_into()?,
            agency: it.agency_code.try_into()?,
            question: personal.question,
            inputs: versions(it.inputs)?,
            limit: match it.limit.as_str() {
                "" => None,
                said => Some(word(said, |text| text.parse().ok())?),
            },
            deadline: deadline(it.deadline)?,
            officer: officer(personal.officer),
        },
        Kind::Opined(it) => Event::Opined {
            step: it.step_id.try_into()?,
            round: it.round,
            opinion: personal.opinion,
            officer: officer(personal.officer),
        },
        Kind::SupplementAsked(it) => Event::SupplementAsked {
            number: it.number,
            stage: word(&it.stage, SupplementStage::from_text)?,
            by: optional(it.by_step_id)?.map(|step| (step, it.by_round)),
            agency: it.agency_code.try_into()?,
            items: items(it.items, personal.items)?,
            due_at: time(it.due_at)?,
            officer: officer(personal.officer),
        },
        Kind::SupplementAnswered(it) => Event::SupplementAnswered {
            number: it.number,
            evidence: given(it.evidence, personal.evidence, personal.file_names)?,
            officer: officer(personal.officer),
        },
        Kind::SupplementExpired(it) => Event::SupplementExpired { number: it.number },
        Kind::SupplementDenied(it) => Event::SupplementDenied {
            step: optional(it.step_id)?,
            agency: it.agency_code.try_into()?,
            denials: personal
                .denials
                .into_iter()
                .map(|one| {
                    let denial = word(&one.why, |why| Denial::from_word(why, &one.place))?;
                    Ok((one.evidence.try_into()?, denial))
                })
                .collect::<Read<_>>()?,
        },
        Kind::EvidenceGiven(it) => Event::EvidenceGiven {
            evidence: given(it.evidence, personal.evidence, personal.file_names)?,
            officer: officer(personal.officer),
        },
        Kind::ConsentRefused(it) => Event::ConsentRefused {
            evidence: it.evidence.try_into()?,
            party: named(personal.party_id)?,
            reason: personal.text,
            officer: officer(personal.officer),
        },
        Kind::PaymentAsked(it) => Event::PaymentAsked {
            step: it.step_id.try_into()?,
            round: it.round,
            obligation: named(personal.obligation_id)?,
            amount_vnd: personal.amount_vnd,
            purpose: personal.purpose,
            legal_basis: personal.legal_basis,
            due_at: it.due_at.map(instant).transpose()?,
            officer: officer(personal.officer),
        },
        Kind::PaymentOverdue(pb::PaymentOverdue {}) => Event::PaymentOverdue {
            obligation: named(personal.obligation_id)?,
        },
        Kind::Paid(it) => Event::Paid {
            obligation: named(personal.obligation_id)?,
            amount_vnd: personal.amount_vnd,
            reference: personal.payment_reference,
            paid_at: it.paid_at.map(instant).transpose()?,
            step: optional(it.step_id)?,
            evidence: given(it.evidence, personal.evidence, personal.file_names)?,
        },
        Kind::ClockPaused(it) => Event::ClockPaused {
            part: it.part_id.try_into()?,
            why: word(&it.why, PauseWhy::from_word)?,
        },
        Kind::ClockResumed(it) => Event::ClockResumed {
            part: it.part_id.try_into()?,
            why: word(&it.why, PauseWhy::from_word)?,
            reset: it.reset,
            deadline: deadline(it.deadline)?,
            steps: step_deadlines(it.steps)?,
        },
        Kind::ApologyOwed(it) => Event::ApologyOwed {
            part: it.part_id.try_into()?,
            holders: it
                .holder_agency_codes
                .into_iter()
                .map(TryInto::try_into)
                .collect::<Result<_, _>>()?,
        },
        Kind::Notified(it) => Event::Notified {
            agency: it.agency_code.clone().try_into()?,
            refused: it.refused,
            notice: notice(it)?,
        },
        Kind::Extended(it) => Event::Extended {
            step: it.step_id.try_into()?,
            round: it.round,
            part: it.part_id.try_into()?,
            limit: word(&it.limit, |text| text.parse().ok())?,
            deadline: deadline(it.deadline)?,
            step_deadline: deadline(it.step_deadline)?,
            reason: personal.text,
            officer: officer(personal.officer),
        },
        Kind::PromisePassed(it) => Event::PromisePassed {
            part: it.part_id.try_into()?,
        },
        Kind::Warned(it) => Event::Warned {
            step: it.step_id.try_into()?,
        },
        Kind::IntakeLimitPassed(pb::IntakeLimitPassed {}) => Event::IntakeLimitPassed,
        Kind::CalendarAdopted(it) => Event::CalendarAdopted {
            calendar_digest: digest(&it.calendar_digest)?,
            parts: part_deadlines(it.parts)?,
            steps: step_deadlines(it.steps)?,
            windows: windows(it.supplements, it.payments, personal.payment_windows)?,
            receive_by: it.receive_by.map(instant).transpose()?,
        },
        Kind::FaultReported(it) => {
            let (evidence, version) = version(it.evidence)?;
            Event::FaultReported {
                evidence,
                version,
                reason: personal.text,
                officer: officer(personal.officer),
            }
        }
        Kind::HandedOut(it) => {
            let (evidence, version) = version(it.evidence)?;
            Event::HandedOut {
                evidence,
                version,
                party: optional(personal.party_id)?,
                officer: officer(personal.officer),
            }
        }
        Kind::Withdrawn(pb::Withdrawn {}) => Event::Withdrawn {
            reason: personal.text,
            officer: officer(personal.officer),
        },
        Kind::Stopped(pb::Stopped {}) => Event::Stopped {
            reason: personal.text,
            legal_basis: personal.legal_basis,
            settlement: personal.settlement,
            officer: officer(personal.officer),
        },
        Kind::Resumed(it) => Event::Resumed {
            reason: personal.text,
            steps: step_deadlines(it.steps)?,
            windows: windows(it.supplements, it.payments, personal.payment_windows)?,
            officer: officer(personal.officer),
        },
    })
}

/// What evidence an event gives.
pub(super) fn evidence(kind: Kind) -> Vec<pb::Evidence> {
    match kind {
        Kind::Received(it) | Kind::Filed(it) => it.evidence,
        Kind::Completed(it) => it.evidence,
        Kind::Corrected(it) => it.evidence,
        Kind::LookedUp(it) => it.given,
        Kind::Reused(it) => it.evidence,
        Kind::SupplementAnswered(it) => it.evidence,
        Kind::EvidenceGiven(it) => it.evidence,
        Kind::Paid(it) => it.evidence,
        _ => Vec::new(),
    }
}

fn accepted(it: pb::Accepted, personal: pb::Personal) -> Read<Reception> {
    Ok(Reception {
        procedure_digest: digest(&it.procedure_digest)?,
        directory_digest: digest(&it.directory_digest)?,
        calendar_digest: digest(&it.calendar_digest)?,
        parts: part_deadlines(it.parts)?,
        assignments: assignments(it.assignments)?,
        promised_at: time(it.promised_at)?,
        received_at: it.received_at.map(instant).transpose()?,
        officer: officer(personal.officer),
    })
}

fn notice(it: pb::Notified) -> Read<DepartmentNotice> {
    let (round, number) = (it.round, it.number);
    Ok(match it.kind.as_str() {
        "closed" => DepartmentNotice::Closed {
            closed_at: time(it.closed_at)?,
        },
        "due_changed" => DepartmentNotice::DueChanged {
            step: it.step_id.try_into()?,
            round,
            number,
        },
        "apology_owed" => DepartmentNotice::ApologyOwed {
            step: it.step_id.try_into()?,
            round,
            number,
        },
        other => return Err(RecordError::Unknown(other.to_owned())),
    })
}

fn time(at: Option<prost_types::Timestamp>) -> Read<Timestamp> {
    instant(at.ok_or(RecordError::Missing("a time of its event"))?)
}

fn deadline(it: Option<pb::Deadline>) -> Read<Deadline> {
    let it = it.ok_or(RecordError::Missing("its deadline"))?;
    Ok(Deadline {
        due_at: time(it.due_at)?,
        warn_at: time(it.warn_at)?,
    })
}

fn part_deadlines(parts: Vec<pb::PartDeadline>) -> Read<BTreeMap<PartId, Deadline>> {
    parts
        .into_iter()
        .map(|it| Ok((it.part_id.try_into()?, deadline(it.deadline)?)))
        .collect()
}

fn windows(
    supplements: Vec<pb::SupplementWindow>,
    payments: Vec<pb::PaymentWindow>,
    obligations: Vec<String>,
) -> Read<Windows> {
    Ok(Windows {
        supplements: supplements
            .into_iter()
            .map(|it| Ok((it.number, time(it.due_at)?)))
            .collect::<Read<_>>()?,
        // Of an erased dossier nobody knows any more which sums they were.
        payments: obligations
            .into_iter()
            .zip(payments)
            .map(|(obligation, it)| Ok((obligation.try_into()?, time(it.due_at)?)))
            .collect::<Read<_>>()?,
    })
}

fn step_deadlines(steps: Vec<pb::StepDeadline>) -> Read<BTreeMap<StepId, Deadline>> {
    steps
        .into_iter()
        .map(|it| Ok((it.step_id.try_into()?, deadline(it.deadline)?)))
        .collect()
}

fn assignments(assignments: Vec<pb::Assignment>) -> Read<BTreeMap<StepId, Assignment>> {
    let actor = |word: &str| {
        let found = ACTORS.into_iter().find(|(_, one)| *one == word);
        found.map(|(actor, _)| actor)
    };
    assignments
        .into_iter()
        .map(|it| {
            let assignment = Assignment {
                agency: it.agency_code.try_into()?,
                part: it.part_id.try_into()?,
                actor: word(&it.actor, actor)?,
                planned_at: time(it.planned_at)?,
            };
            Ok((it.step_id.try_into()?, assignment))
        })
        .collect()
}

fn vault_uses(uses: Vec<pb::VaultUse>) -> Read<BTreeMap<EvidenceName, String>> {
    uses.into_iter()
        .map(|it| Ok((it.evidence.try_into()?, it.vault_code)))
        .collect()
}

/// The items of a supplement, with their texts where these were not erased.
fn items(items: Vec<pb::SupplementItem>, texts: Vec<pb::ItemText>) -> Read<Vec<Item>> {
    let texts = texts
        .into_iter()
        .chain(std::iter::repeat_with(pb::ItemText::default));
    items
        .into_iter()
        .zip(texts)
        .map(|(it, text)| {
            Ok(Item {
                evidence: it.evidence.try_into()?,
                reason: text.reason,
                legal_basis: text.legal_basis,
                approval: it.approved.then(|| Approval {
                    approver: officer(text.approver),
                    legal_basis: text.approval_legal_basis,
                }),
            })
        })
        .collect()
}

fn received(it: pb::Received, personal: pb::Personal) -> Read<Received> {
    Ok(Received {
        code: it.dossier_code.try_into()?,
        procedure: it.procedure_code.try_into()?,
        procedure_digest: digest(&it.procedure_digest)?,
        directory_digest: digest(&it.directory_digest)?,
        desk: it.desk_agency_code.try_into()?,
        hand_out_desk: it.hand_out_agency_code.try_into()?,
        territory: it.territory_code.try_into()?,
        channel: word(&it.channel, Channel::from_word)?,
        filed_at: it.filed_at.map(instant).transpose()?,
        arrived_at: it.arrived_at.map(instant).transpose()?,
        received_at: it.received_at.map(instant).transpose()?,
        calendar_digest: digest(&it.calendar_digest)?,
        parts: part_deadlines(it.parts)?,
        asked: it.asked.into_iter().collect(),
        assignments: assignments(it.assignments)?,
        parties: personal
            .parties
            .into_iter()
            .map(party)
            .collect::<Read<_>>()?,
        evidence: given(it.evidence, personal.evidence, personal.file_names)?,
        reused: vault_uses(it.reused)?,
        promised_at: time(it.promised_at)?,
        submit_key: named(personal.submit_key)?,
        filed_by: optional(personal.party_id)?,
        officer: officer(personal.officer),
    })
}

pub(super) fn given(
    evidence: Vec<pb::Evidence>,
    mut data: Vec<pb::EvidenceData>,
    mut file_names: Vec<pb::FileName>,
) -> Read<Vec<NewVersion>> {
    let mut versions = Vec::with_capacity(evidence.len());
    for it in evidence {
        // Taken in the order in which they were written, so that two of one name stay two.
        let data = data
            .iter()
            .position(|data| data.name == it.name)
            .map(|at| data.remove(at))
            .unwrap_or_default();
        let mut documents = Vec::with_capacity(it.documents.len());
        for document in it.documents {
            let called = file_names
                .iter()
                .position(|file| file.evidence == it.name && file.digest == document.digest)
                .map(|at| file_names.remove(at))
                .unwrap_or_default();
            documents.push(Document {
                digest: digest(&document.digest)?,
                size_bytes: document.size_bytes,
                media_type: called.media_type,
                file_name: called.file_name,
            });
        }
        versions.push(NewVersion {
            version: it.version,
            digest: beside(&data.digest)?,
            source: word(&it.source, Source::from_word)?,
            given: Given {
                name: it.name.try_into()?,
                schema_id: it.schema_id,
                data: data.data.as_ref().into(),
                documents,
                subject: optional(data.subject_party_id)?,
            },
        });
    }
    Ok(versions)
}

fn party(it: pb::Party) -> Read<Party> {
    let roles = it.roles.iter().map(|role| word(role, PartyRole::from_word));
    let identifiers = it.identifiers.into_iter().map(|identifier| {
        let scheme = word(&identifier.scheme, Scheme::from_word)?;
        Ok(Identifier {
            scheme,
            value: identifier.value,
        })
    });
    let date = RecordError::Missing("a date within the calendar");
    let born_on = match (it.born_year, it.born_month, it.born_day) {
        (0, 0, 0) => None,
        (year, month, day) => Some(CivilDate {
            year: year.try_into().map_err(|_| date.clone())?,
            month: month.try_into().map_err(|_| date.clone())?,
            day: day.try_into().map_err(|_| date)?,
        }),
    };
    Ok(Party {
        id: it.party_id.try_into()?,
        roles: roles.collect::<Read<_>>()?,
        kind: word(&it.kind, PartyKind::from_word)?,
        name: it.name,
        identifiers: identifiers.collect::<Read<_>>()?,
        born_on,
        address: it.address,
        phone: it.phone,
        email: it.email,
        represents: optional(it.represents_party_id)?,
    })
}

fn officer(officer: Option<pb::Officer>) -> Officer {
    let pb::Officer {
        name,
        title,
        office,
    } = officer.unwrap_or_default();
    Officer {
        name,
        title,
        office,
    }
}

fn versions(versions: Vec<pb::EvidenceVersion>) -> Read<Versions> {
    versions.into_iter().map(|it| version(Some(it))).collect()
}

fn version(version: Option<pb::EvidenceVersion>) -> Read<(EvidenceName, u32)> {
    let it = version.ok_or(RecordError::Missing("its evidence"))?;
    Ok((it.evidence.try_into()?, it.version))
}

fn digest(bytes: &[u8]) -> Read<Digest> {
    Digest::from_slice(bytes).ok_or(RecordError::Missing("a digest of 32 bytes"))
}

/// A digest from beside the chain; all zero when it was erased.
fn beside(bytes: &[u8]) -> Read<Digest> {
    if bytes.is_empty() {
        Ok(Digest([0; 32]))
    } else {
        digest(bytes)
    }
}

/// A name from beside the chain; the word [`ERASED`] when it was erased.
fn named<T: TryFrom<String, Error = BadName>>(text: String) -> Read<T> {
    if text.is_empty() {
        Ok(ERASED.to_owned().try_into()?)
    } else {
        Ok(text.try_into()?)
    }
}

fn optional<T: TryFrom<String, Error = BadName>>(text: String) -> Read<Option<T>> {
    if text.is_empty() {
        Ok(None)
    } else {
        Ok(Some(text.try_into()?))
    }
}

fn word<T>(text: &str, from_word: impl Fn(&str) -> Option<T>) -> Read<T> {
    from_word(text).ok_or_else(|| RecordError::Unknown(text.chars().take(40).collect()))
}
