//! Domain becomes wire.

use bytes::Bytes;
use contract::v1;
use dossier::{
    Dossier, Procedure,
    directory::Directory,
    dossier::{Stage, Task},
    event::PartEnd,
    evidence::{Source, Version},
    handover::Handover,
    limit::{Limit, Unit},
    name::{AgencyCode, Digest},
    notice::{Notice, ReturnState},
    party::{Officer, Party, PartyKind, PartyRole, Scheme},
    procedure::Title,
    slip::{Row, Timeliness},
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// An instant.
pub fn timestamp(at: Timestamp) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    })
}

fn limit(limit: Limit) -> v1::Limit {
    let unit = match limit.unit {
        Unit::WorkingDay => v1::LimitUnit::WorkingDay,
        Unit::WorkingHour => v1::LimitUnit::WorkingHour,
        Unit::CalendarDay => v1::LimitUnit::CalendarDay,
        Unit::ElapsedHour => v1::LimitUnit::ElapsedHour,
    };
    v1::Limit {
        amount: limit.amount,
        unit: unit.into(),
    }
}

fn text(title: &Title) -> v1::Text {
    v1::Text {
        vi: title.vi.clone(),
        en: title.en.clone(),
    }
}

fn officer(officer: &Officer) -> Option<v1::Officer> {
    (!officer.is_empty()).then(|| v1::Officer {
        name: officer.name.clone(),
        title: officer.title.clone(),
        office: officer.office.clone(),
    })
}

fn bytes(digest: &Digest) -> Bytes {
    Bytes::copy_from_slice(digest.as_bytes())
}

fn party(party: &Party) -> v1::Party {
    v1::Party {
        party_id: party.id.to_string(),
        roles: party
            .roles
            .iter()
            .map(|role| match role {
                PartyRole::Owner => v1::PartyRole::Owner.into(),
                PartyRole::Submitter => v1::PartyRole::Submitter.into(),
                PartyRole::Representative => v1::PartyRole::Representative.into(),
                PartyRole::Subject => v1::PartyRole::Subject.into(),
            })
            .collect(),
        kind: match party.kind {
            PartyKind::Citizen => v1::PartyKind::Citizen.into(),
            PartyKind::Enterprise => v1::PartyKind::Enterprise.into(),
            PartyKind::HouseholdBusiness => v1::PartyKind::HouseholdBusiness.into(),
            PartyKind::Organisation => v1::PartyKind::Organisation.into(),
        },
        name: party.name.clone(),
        identifiers: party
            .identifiers
            .iter()
            .map(|one| v1::Identifier {
                scheme: match one.scheme {
                    Scheme::PersonalId => v1::IdentifierScheme::PersonalId.into(),
                    Scheme::EnterpriseCode => v1::IdentifierScheme::EnterpriseCode.into(),
                    Scheme::Passport => v1::IdentifierScheme::Passport.into(),
                    Scheme::SocialInsurance => v1::IdentifierScheme::SocialInsurance.into(),
                    Scheme::OrganisationCode => v1::IdentifierScheme::OrganisationCode.into(),
                },
                value: one.value.clone(),
            })
            .collect(),
        born_on: party.born_on.map(|date| contract::Date {
            year: date.year.into(),
            month: date.month.into(),
            day: date.day.into(),
        }),
        address: party.address.clone(),
        phone: party.phone.clone(),
        email: party.email.clone(),
        represents_party_id: party
            .represents
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

/// A version of a piece of evidence.
pub fn evidence(version: &Version) -> v1::Evidence {
    let given = &version.new.given;
    v1::Evidence {
        name: given.name.to_string(),
        version: version.new.version,
        schema_id: given.schema_id.clone(),
        data: Bytes::copy_from_slice(&given.data),
        documents: given
            .documents
            .iter()
            .map(|document| v1::Document {
                digest: bytes(&document.digest),
                size_bytes: document.size_bytes,
                media_type: document.media_type.clone(),
                file_name: document.file_name.clone(),
            })
            .collect(),
        subject_party_id: given
            .subject
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        digest: bytes(&version.new.digest),
        source: match version.new.source {
            Source::Citizen => v1::EvidenceSource::Citizen.into(),
            Source::Registry => v1::EvidenceSource::Registry.into(),
            Source::Step => v1::EvidenceSource::Step.into(),
            Source::Vault => v1::EvidenceSource::Vault.into(),
        },
        given_by_agency_code: version.agency.to_string(),
        given_by_step_id: version
            .step
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        given_at: timestamp(version.at),
        extract_pointers: vec![],
        extract_of_digest: Bytes::new(),
    }
}

/// A handover as an item for its department.
pub fn handover(dossier: &Dossier, procedure: &Procedure, handover: &Handover) -> v1::Item {
    let message = v1::Handover {
        handover_id: handover.id.clone(),
        dossier_id: dossier.id.to_string(),
        dossier_code: dossier.code().to_string(),
        procedure_code: procedure.code().to_string(),
        procedure_digest: bytes(&procedure.digest),
        step_id: handover.step.to_string(),
        part_id: dossier
            .steps
            .get(&handover.step)
            .map(|step| step.part.to_string())
            .unwrap_or_default(),
        round: handover.round,
        task: match handover.task {
            Task::Work => v1::Task::Work.into(),
            Task::Review => v1::Task::Review.into(),
            Task::Answer => v1::Task::Answer.into(),
            Task::Recall => v1::Task::Recall.into(),
        },
        agency_code: handover.agency.to_string(),
        evidence: handover
            .evidence
            .iter()
            .map(|version| evidence(version))
            .collect(),
        parties: handover.parties.iter().map(party).collect(),
        changes: handover
            .changes
            .iter()
            .map(|change| v1::EvidenceChange {
                evidence: change.evidence.to_string(),
                from_version: change.from,
                to_version: change.to,
                reason: change.reason.clone(),
            })
            .collect(),
        faults: handover
            .faults
            .iter()
            .map(|fault| v1::Fault {
                evidence: fault.evidence.to_string(),
                version: fault.version,
                asking_step_ids: fault.askers.iter().map(ToString::to_string).collect(),
                reason: fault.reason.clone(),
            })
            .collect(),
        fault_answers: handover
            .fault_answers
            .iter()
            .map(|answer| v1::FaultAnswer {
                evidence: answer.evidence.to_string(),
                version: answer.version,
                upheld: answer.upheld,
                reason: answer.reason.clone(),
            })
            .collect(),
        due_since: timestamp(handover.due_since),
        due_at: timestamp(handover.due_at),
        limit: Some(limit(handover.limit)),
        reason: handover.reason.clone(),
    };
    v1::Item {
        item_id: handover.id.clone(),
        kind: Some(v1::item::Kind::Handover(message)),
    }
}

/// The number of a step's state in the contract.
pub fn step_state(stage: Stage) -> v1::StepState {
    match stage {
        Stage::Waiting => v1::StepState::Waiting,
        Stage::Due => v1::StepState::Due,
        Stage::PossiblyHeld => v1::StepState::PossiblyHeld,
        Stage::Held => v1::StepState::Held,
        Stage::Completed => v1::StepState::Completed,
        Stage::Refused => v1::StepState::Refused,
        Stage::Declined => v1::StepState::Declined,
        Stage::Ended => v1::StepState::Ended,
    }
}

/// The number of a dossier's state in the contract.
pub fn dossier_state(dossier: &Dossier) -> v1::DossierState {
    if dossier.closed_at.is_some() {
        v1::DossierState::Closed
    } else {
        v1::DossierState::InProcess
    }
}

fn part_state(end: Option<PartEnd>) -> v1::PartState {
    match end {
        None => v1::PartState::InProcess,
        Some(PartEnd::Completed) => v1::PartState::Completed,
        Some(PartEnd::Refused) => v1::PartState::Refused,
        Some(PartEnd::Ended) => v1::PartState::Ended,
    }
}

/// A notice, without its cursor: that is where it stands in the store.
pub fn notice(dossier: &Dossier, at: Timestamp, told: &Notice) -> v1::Notice {
    use v1::notice::Kind;
    let kind = match told {
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
    };
    v1::Notice {
        cursor: String::new(),
        dossier_id: dossier.id.to_string(),
        dossier_code: dossier.code().to_string(),
        happened_at: timestamp(at),
        kind: Some(kind),
    }
}

/// A dossier in a list.
pub fn summary(dossier: &Dossier) -> v1::DossierSummary {
    v1::DossierSummary {
        dossier_id: dossier.id.to_string(),
        dossier_code: dossier.code().to_string(),
        submit_key: dossier.received.submit_key.to_string(),
        procedure_code: dossier.received.procedure.to_string(),
        state: dossier_state(dossier).into(),
        received_at: timestamp(dossier.received_at),
    }
}

/// Where a dossier stands, as its desk sees it. `rows` is its control slip and `hashes` the hash of
/// each of its records, by sequence.
pub fn track(
    dossier: &Dossier,
    procedure: &Procedure,
    directory: &Directory,
    rows: &[Row],
    hashes: impl Fn(u64) -> Option<Digest>,
) -> v1::TrackResponse {
    let name = |agency: &AgencyCode| {
        directory
            .agency(agency.as_str())
            .map(|agency| agency.name.clone())
            .unwrap_or_default()
    };
    v1::TrackResponse {
        dossier_id: dossier.id.to_string(),
        dossier_code: dossier.code().to_string(),
        procedure_code: procedure.code().to_string(),
        procedure_title: Some(text(&procedure.text.title)),
        state: dossier_state(dossier).into(),
        received_at: timestamp(dossier.received_at),
        promised_at: timestamp(dossier.received.promised_at),
        closed_at: dossier.closed_at.and_then(timestamp),
        parts: dossier
            .parts
            .iter()
            .filter_map(|(id, end)| {
                let part = procedure.text.parts.get(id)?;
                Some(v1::PartStatus {
                    part_id: id.to_string(),
                    national_code: part.national_code.clone().unwrap_or_default(),
                    title: Some(text(&part.title)),
                    state: part_state(*end).into(),
                    limit: Some(limit(part.limit)),
                    promised_at: timestamp(part.limit.ends(dossier.received_at)),
                })
            })
            .collect(),
        steps: dossier
            .steps
            .iter()
            .filter_map(|(id, step)| {
                let plan = procedure.step(id)?;
                let waiting_for = if step.stage == Stage::Waiting {
                    plan.needs
                        .iter()
                        .filter(|need| dossier.newest(&need.evidence).is_none() && !need.optional)
                        .map(|need| need.evidence.to_string())
                        .collect()
                } else {
                    step.awaiting.iter().map(ToString::to_string).collect()
                };
                Some(v1::StepStatus {
                    step_id: id.to_string(),
                    title: Some(text(&plan.title)),
                    part_id: step.part.to_string(),
                    state: step_state(step.stage).into(),
                    agency_code: step.agency.to_string(),
                    agency_name: name(&step.agency),
                    officer: officer(&step.officer),
                    round: step.round,
                    task: if step.stage.is_open() {
                        step.task().word().to_owned()
                    } else {
                        String::new()
                    },
                    due_since: step.due_since.and_then(timestamp),
                    held_since: step.held_since.and_then(timestamp),
                    finished_at: step.finished_at.and_then(timestamp),
                    due_at: step.due_at.and_then(timestamp),
                    waiting_for,
                    reason: step.reason.clone(),
                })
            })
            .collect(),
        control_slip: rows
            .iter()
            .map(|row| v1::ControlSlipRow {
                sequence: row.sequence,
                from_agency_code: row.from.to_string(),
                to_agency_code: row.to.to_string(),
                step_id: row.step.to_string(),
                round: row.round,
                task: row.task.to_owned(),
                handed_at: timestamp(row.handed_at),
                received_at: row.received_at.and_then(timestamp),
                answered_at: row.answered_at.and_then(timestamp),
                due_at: timestamp(row.due_at),
                timeliness: match row.timeliness {
                    None => v1::Timeliness::Unspecified.into(),
                    Some(Timeliness::Early) => v1::Timeliness::Early.into(),
                    Some(Timeliness::OnTime) => v1::Timeliness::OnTime.into(),
                    Some(Timeliness::Overdue) => v1::Timeliness::Overdue.into(),
                },
                outcome: row.outcome.to_owned(),
                officer: officer(&row.officer),
                record_hash: hashes(row.sequence)
                    .map(|hash| bytes(&hash))
                    .unwrap_or_default(),
            })
            .collect(),
        visits: visits(dossier),
        papers_asked_twice: papers_asked_twice(dossier),
    }
}

fn given_at_desk(dossier: &Dossier) -> impl Iterator<Item = &Version> {
    dossier
        .evidence
        .values()
        .flatten()
        .map(AsRef::as_ref)
        .filter(|version| version.step.is_none())
}

/// How often the citizen came to a desk: the filing, and each later time that a desk gave evidence.
fn visits(dossier: &Dossier) -> u32 {
    let mut times: BTreeSet<Timestamp> = given_at_desk(dossier).map(|version| version.at).collect();
    times.insert(dossier.received_at);
    u32::try_from(times.len()).unwrap_or(u32::MAX)
}

/// How often a desk had to give what somebody already had given.
fn papers_asked_twice(dossier: &Dossier) -> u32 {
    let again = given_at_desk(dossier)
        .filter(|version| version.new.version > 1)
        .count();
    u32::try_from(again).unwrap_or(u32::MAX)
}
