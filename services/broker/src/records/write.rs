//! Domain becomes record.

use bytes::Bytes;
use contract::record::v1::{self as pb, record::Event as Kind};
use dossier::{
    Entry, Event,
    event::{Cause, Received, Versions},
    evidence::NewVersion,
    party::{Officer, Party},
};
use jiff::Timestamp;

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
        Event::Received(it) => {
            personal.parties = it.parties.iter().map(party).collect();
            personal.officer = officer_of(&it.officer);
            Kind::Received(received(it, personal))
        }
        Event::HandoverDue {
            step,
            round,
            agency,
            work,
            answers,
            review,
            inputs,
            due_at,
        } => Kind::HandoverDue(pb::HandoverDue {
            step_id: text(step),
            round: *round,
            agency_code: text(agency),
            work: *work,
            answers: answers.iter().map(text).collect(),
            review: versions(review),
            inputs: versions(inputs),
            due_at: Some(instant(*due_at)),
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
    }
}

fn received(it: &Received, personal: &mut pb::Personal) -> pb::Received {
    let assignments = it
        .assignments
        .iter()
        .map(|(step, assignment)| pb::Assignment {
            step_id: text(step),
            agency_code: text(&assignment.agency),
            part_id: text(&assignment.part),
        });
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
        parts: it.parts.iter().map(text).collect(),
        assignments: assignments.collect(),
        evidence: given(&it.evidence, personal),
        promised_at: Some(instant(it.promised_at)),
        submit_key: text(&it.submit_key),
        filed_by_party_id: it.filed_by.as_ref().map(text).unwrap_or_default(),
    }
}

/// Evidence, its data and file names put with the personal values.
fn given(versions: &[NewVersion], personal: &mut pb::Personal) -> Vec<pb::Evidence> {
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
