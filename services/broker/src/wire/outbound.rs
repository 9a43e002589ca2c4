//! Domain becomes wire.

use bytes::Bytes;
use contract::v1;
use dossier::{
    Dossier, Procedure,
    dossier::Task,
    evidence::{Source, Version},
    handover::Handover,
    limit::{Limit, Unit},
    name::Digest,
    party::{Officer, Party, PartyKind, PartyRole, Scheme},
    supplement::Item,
};
use jiff::Timestamp;

mod department_notice;
mod notice;
mod standing;
mod track;

pub use department_notice::department_notice;
pub use notice::notice;
pub use standing::{dossier_state, step_state};
pub use track::{Tracked, promised_at, public, quarantined, step_title, summary, track};

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
        extract_pointers: version
            .extract
            .as_ref()
            .map(|extract| extract.pointers.clone())
            .unwrap_or_default(),
        extract_of_digest: version
            .extract
            .as_ref()
            .map(|extract| bytes(&extract.of))
            .unwrap_or_default(),
    }
}

/// One thing asked of the citizen.
fn item(item: &Item) -> v1::SupplementItem {
    v1::SupplementItem {
        evidence: item.evidence.to_string(),
        reason: item.reason.clone(),
        legal_basis: item.legal_basis.clone(),
        approval: item.approval.as_ref().map(|approval| v1::Approval {
            approver: officer(&approval.approver),
            legal_basis: approval.legal_basis.clone(),
        }),
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
            Task::LookUp => v1::Task::LookUp.into(),
            Task::Consult => v1::Task::Consult.into(),
            Task::Inform => v1::Task::Inform.into(),
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
        look_up: handover.look_up.as_ref().map(|question| v1::LookUp {
            evidence: question.evidence.to_string(),
            schema_id: question.schema_id.clone(),
            purpose_step_ids: question.purpose.iter().map(ToString::to_string).collect(),
        }),
        question: handover.question.clone().unwrap_or_default(),
        opinions: handover
            .opinions
            .iter()
            .map(|opinion| v1::OpinionGiven {
                agency_code: opinion.agency.to_string(),
                text: opinion.text.clone().unwrap_or_default(),
                silent: opinion.text.is_none(),
            })
            .collect(),
        payments: handover
            .payments
            .iter()
            .map(|(obligation, paid)| v1::Payment {
                obligation_id: obligation.to_string(),
                amount_vnd: paid.amount_vnd,
                payment_reference: paid.reference.clone().unwrap_or_default(),
            })
            .collect(),
        transfer_slip: handover
            .transfer_slip
            .iter()
            .map(|duty| v1::Duty {
                agency_code: duty.agency.to_string(),
                step_id: duty.step.to_string(),
                part_id: duty.part.to_string(),
                leads: duty.leads,
                due_at: timestamp(duty.due_at),
            })
            .collect(),
    };
    v1::Item {
        item_id: handover.id.clone(),
        kind: Some(v1::item::Kind::Handover(message)),
        ..Default::default()
    }
}
