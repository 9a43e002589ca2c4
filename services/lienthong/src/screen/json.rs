//! What programs read: the broker's answers as JSON, with words for enums and RFC 3339 for instants.

use super::{tell, time, words};
use contract::v1;
use prost_types::Timestamp;
use serde_json::{Value, json};

/// Prints JSON on standard output.
pub(crate) fn print(value: &Value) -> anyhow::Result<()> {
    tell!("{}", serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints JSON on one line of its own, for streams.
pub(crate) fn print_line(value: &Value) {
    tell!("{value}");
}

fn instant(at: &Option<Timestamp>) -> Value {
    time::read(at).map_or(Value::Null, |at| json!(at.to_string()))
}

fn text(text: &Option<v1::Text>) -> Value {
    text.as_ref()
        .map_or(Value::Null, |text| json!({ "vi": text.vi, "en": text.en }))
}

fn officer(officer: &Option<v1::Officer>) -> Value {
    match officer {
        Some(officer) if !officer.name.is_empty() => {
            json!({ "name": officer.name, "title": officer.title, "office": officer.office })
        }
        _ => Value::Null,
    }
}

/// A whole dossier.
pub(crate) fn track(dossier: &v1::TrackResponse) -> Value {
    let parts: Vec<_> = dossier
        .parts
        .iter()
        .map(|part| {
            json!({
                "part_id": part.part_id,
                "national_code": part.national_code,
                "title": text(&part.title),
                "state": words::part(part.state()),
                "promised_at": instant(&part.promised_at),
            })
        })
        .collect();
    let steps: Vec<_> = dossier
        .steps
        .iter()
        .map(|step| {
            json!({
                "step_id": step.step_id,
                "title": text(&step.title),
                "part_id": step.part_id,
                "state": words::step(step.state()),
                "agency_code": step.agency_code,
                "agency_name": step.agency_name,
                "officer": officer(&step.officer),
                "round": step.round,
                "task": step.task,
                "due_since": instant(&step.due_since),
                "held_since": instant(&step.held_since),
                "finished_at": instant(&step.finished_at),
                "due_at": instant(&step.due_at),
                "waiting_for": step.waiting_for,
                "reason": step.reason,
            })
        })
        .collect();
    let slip: Vec<_> = dossier
        .control_slip
        .iter()
        .map(|row| {
            json!({
                "sequence": row.sequence,
                "from_agency_code": row.from_agency_code,
                "to_agency_code": row.to_agency_code,
                "step_id": row.step_id,
                "round": row.round,
                "task": row.task,
                "handed_at": instant(&row.handed_at),
                "received_at": instant(&row.received_at),
                "answered_at": instant(&row.answered_at),
                "due_at": instant(&row.due_at),
                "timeliness": words::timeliness(row.timeliness()),
                "outcome": row.outcome,
                "officer": officer(&row.officer),
                "record_hash": hex::encode(&row.record_hash),
            })
        })
        .collect();
    json!({
        "dossier_id": dossier.dossier_id,
        "dossier_code": dossier.dossier_code,
        "procedure_code": dossier.procedure_code,
        "procedure_title": text(&dossier.procedure_title),
        "state": words::dossier(dossier.state()),
        "received_at": instant(&dossier.received_at),
        "promised_at": instant(&dossier.promised_at),
        "closed_at": instant(&dossier.closed_at),
        "parts": parts,
        "steps": steps,
        "control_slip": slip,
        "visits": dossier.visits,
        "papers_asked_twice": dossier.papers_asked_twice,
    })
}

/// One result.
pub(crate) fn evidence(evidence: &v1::Evidence) -> Value {
    let documents: Vec<_> = evidence
        .documents
        .iter()
        .map(|document| {
            json!({
                "file_name": document.file_name,
                "media_type": document.media_type,
                "size_bytes": document.size_bytes,
                "sha256": hex::encode(&document.digest),
            })
        })
        .collect();
    json!({
        "evidence": evidence.name,
        "version": evidence.version,
        "data": serde_json::from_slice::<Value>(&evidence.data).unwrap_or(Value::Null),
        "documents": documents,
        "digest": hex::encode(&evidence.digest),
        "given_by_agency_code": evidence.given_by_agency_code,
        "given_by_step_id": evidence.given_by_step_id,
        "given_at": instant(&evidence.given_at),
    })
}

/// One dossier in a list.
pub(crate) fn summary(dossier: &v1::DossierSummary) -> Value {
    json!({
        "dossier_id": dossier.dossier_id,
        "dossier_code": dossier.dossier_code,
        "submit_key": dossier.submit_key,
        "procedure_code": dossier.procedure_code,
        "state": words::dossier(dossier.state()),
        "received_at": instant(&dossier.received_at),
    })
}

/// One incident.
pub(crate) fn incident(incident: &v1::Incident) -> Value {
    json!({
        "incident_id": incident.incident_id,
        "cause": incident.cause,
        "dossier_code": incident.dossier_code,
        "step_id": incident.step_id,
        "agency_code": incident.agency_code,
        "opened_at": instant(&incident.opened_at),
        "closed_at": instant(&incident.closed_at),
        "count": incident.count,
        "description": text(&incident.description),
    })
}

/// One notice.
pub(crate) fn notice(notice: &v1::Notice) -> Value {
    use v1::notice::Kind;
    let told = match &notice.kind {
        None => json!({ "kind": "unknown" }),
        Some(Kind::Received(received)) => {
            json!({ "kind": "received", "promised_at": instant(&received.promised_at) })
        }
        Some(Kind::Step(step)) => json!({
            "kind": "step",
            "step_id": step.step_id,
            "state": words::step(step.state()),
            "agency_code": step.agency_code,
            "round": step.round,
            "task": step.task,
            "officer": officer(&step.officer),
            "reason": step.reason,
        }),
        Some(Kind::Result(result)) => json!({
            "kind": "result",
            "evidence": result.evidence,
            "version": result.version,
            "step_id": result.step_id,
            "agency_code": result.agency_code,
        }),
        Some(Kind::Part(part)) => {
            json!({ "kind": "part", "part_id": part.part_id, "state": words::part(part.state()) })
        }
        Some(Kind::Closed(_)) => json!({ "kind": "closed" }),
        Some(Kind::PeerReturn(back)) => json!({
            "kind": "peer_return",
            "evidence": back.evidence,
            "version": back.version,
            "asking_step_id": back.asking_step_id,
            "giving_step_id": back.giving_step_id,
            "state": words::peer_return(back.state()),
        }),
    };
    let mut whole = json!({
        "cursor": notice.cursor,
        "dossier_id": notice.dossier_id,
        "dossier_code": notice.dossier_code,
        "happened_at": instant(&notice.happened_at),
    });
    if let (Value::Object(whole), Value::Object(told)) = (&mut whole, told) {
        whole.extend(told);
    }
    whole
}
