//! Values: what events are made of, as records write them.

use super::{ACTORS, bytes, instant};
use contract::record::v1 as pb;
use dossier::{
    event::{Assignment, Deadline, Received, Reception, Versions},
    evidence::NewVersion,
    name::{EvidenceName, PartId, StepId},
    party::{Officer, Party},
    procedure::Actor,
    supplement::{Denial, Item},
};
use std::collections::BTreeMap;

pub(super) fn deadline_of(deadline: &Deadline) -> pb::Deadline {
    pb::Deadline {
        due_at: Some(instant(deadline.due_at)),
        warn_at: Some(instant(deadline.warn_at)),
    }
}

pub(super) fn part_deadlines(parts: &BTreeMap<PartId, Deadline>) -> Vec<pb::PartDeadline> {
    let one = |(part, deadline)| pb::PartDeadline {
        part_id: text(part),
        deadline: Some(deadline_of(deadline)),
    };
    parts.iter().map(one).collect()
}

pub(super) fn step_deadlines(steps: &BTreeMap<StepId, Deadline>) -> Vec<pb::StepDeadline> {
    let one = |(step, deadline)| pb::StepDeadline {
        step_id: text(step),
        deadline: Some(deadline_of(deadline)),
    };
    steps.iter().map(one).collect()
}

pub(super) fn assignments(assignments: &BTreeMap<StepId, Assignment>) -> Vec<pb::Assignment> {
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

pub(super) fn vault_uses(uses: &BTreeMap<EvidenceName, String>) -> Vec<pb::VaultUse> {
    let one = |(evidence, code): (_, &String)| pb::VaultUse {
        evidence: text(evidence),
        vault_code: code.clone(),
    };
    uses.iter().map(one).collect()
}

pub(super) fn item(item: &Item) -> pb::SupplementItem {
    pb::SupplementItem {
        evidence: text(&item.evidence),
        approved: item.approval.is_some(),
    }
}

pub(super) fn item_text(item: &Item) -> pb::ItemText {
    let approval = item.approval.as_ref();
    pb::ItemText {
        reason: item.reason.clone(),
        approver: approval.and_then(|approval| officer_of(&approval.approver)),
        legal_basis: item.legal_basis.clone(),
        approval_legal_basis: approval
            .map(|approval| approval.legal_basis.clone())
            .unwrap_or_default(),
    }
}

pub(super) fn denial((evidence, denial): (&EvidenceName, &Denial)) -> pb::Denial {
    pb::Denial {
        evidence: text(evidence),
        why: denial.word().into(),
        place: denial.place(),
    }
}

pub(super) fn accepted(it: &Reception) -> pb::Accepted {
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

pub(super) fn received(it: &Received, personal: &mut pb::Personal) -> pb::Received {
    personal.parties = it.parties.iter().map(party).collect();
    personal.officer = officer_of(&it.officer);
    personal.submit_key = text(&it.submit_key);
    personal.party_id = it.filed_by.as_ref().map(text).unwrap_or_default();
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
        parts: part_deadlines(&it.parts),
        calendar_digest: bytes(it.calendar_digest.as_bytes()),
        arrived_at: it.arrived_at.map(instant),
        received_at: it.received_at.map(instant),
        asked: it.asked.iter().cloned().collect(),
        reused: vault_uses(&it.reused),
    }
}

/// Evidence, its data and file names put with the personal values.
pub(in crate::records) fn given(
    versions: &[NewVersion],
    personal: &mut pb::Personal,
) -> Vec<pb::Evidence> {
    let mut evidence = Vec::with_capacity(versions.len());
    for version in versions {
        let given = &version.given;
        personal.evidence.push(pb::EvidenceData {
            name: text(&given.name),
            data: bytes(&given.data),
            digest: bytes(version.digest.as_bytes()),
            subject_party_id: given.subject.as_ref().map(text).unwrap_or_default(),
        });
        for document in &given.documents {
            personal.file_names.push(pb::FileName {
                evidence: text(&given.name),
                digest: bytes(document.digest.as_bytes()),
                file_name: document.file_name.clone(),
                media_type: document.media_type.clone(),
            });
        }
        let documents = given.documents.iter().map(|document| pb::Document {
            digest: bytes(document.digest.as_bytes()),
            size_bytes: document.size_bytes,
        });
        evidence.push(pb::Evidence {
            name: text(&given.name),
            version: version.version,
            schema_id: given.schema_id.clone(),
            documents: documents.collect(),
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

pub(super) fn officer_of(officer: &Officer) -> Option<pb::Officer> {
    (!officer.is_empty()).then(|| pb::Officer {
        name: officer.name.clone(),
        title: officer.title.clone(),
        office: officer.office.clone(),
    })
}

pub(super) fn versions(versions: &Versions) -> Vec<pb::EvidenceVersion> {
    let one = |(evidence, version): (_, &u32)| pb::EvidenceVersion {
        evidence: text(evidence),
        version: *version,
    };
    versions.iter().map(one).collect()
}

pub(super) fn text(name: &impl ToString) -> String {
    name.to_string()
}
