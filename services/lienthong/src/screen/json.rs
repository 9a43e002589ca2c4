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

pub(crate) fn instant(at: &Option<Timestamp>) -> Value {
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
                "pauses": part.pauses().map(words::pause).collect::<Vec<_>>(),
                "extensions": part.extensions,
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
        "national_status": words::national(dossier.national_status()),
        "finance_status": words::finance(dossier.finance_status()),
        "delivery_status": words::delivery(dossier.delivery_status()),
        "sync_status": words::sync(dossier.sync_status()),
        "supplements": dossier.supplements.iter().map(supplement).collect::<Vec<_>>(),
        "obligations": dossier.obligations.iter().map(obligation).collect::<Vec<_>>(),
        "pauses": dossier.pauses.iter().map(pause).collect::<Vec<_>>(),
        "times": dossier.times.iter().map(|time| json!({
            "holder": words::holder(time.holder()),
            "agency_code": time.agency_code,
            "working_seconds": time.working_seconds,
        })).collect::<Vec<_>>(),
        "arrived_at": instant(&dossier.arrived_at),
        "filed_at": instant(&dossier.filed_at),
        "channel": words::channel(dossier.channel()),
        "desk_agency_code": dossier.desk_agency_code,
        "hand_out_agency_code": dossier.hand_out_agency_code,
        "filed_by_party_id": dossier.filed_by_party_id,
    })
}

/// One thing asked of the citizen.
pub(crate) fn item(item: &v1::SupplementItem) -> Value {
    json!({ "evidence": item.evidence, "reason": item.reason, "legal_basis": item.legal_basis })
}

fn supplement(one: &v1::SupplementStatus) -> Value {
    json!({
        "number": one.number,
        "stage": one.stage,
        "agency_code": one.agency_code,
        "items": one.items.iter().map(item).collect::<Vec<_>>(),
        "asked_at": instant(&one.asked_at),
        "due_at": instant(&one.due_at),
        "ended_at": instant(&one.ended_at),
        "expired": one.expired,
    })
}

fn obligation(one: &v1::ObligationStatus) -> Value {
    json!({
        "obligation_id": one.obligation_id,
        "step_id": one.step_id,
        "amount_vnd": one.amount_vnd,
        "purpose": one.purpose,
        "legal_basis": one.legal_basis,
        "asked_at": instant(&one.asked_at),
        "payment_reference": one.payment_reference,
        "due_at": instant(&one.due_at),
        "overdue": one.overdue,
    })
}

fn pause(one: &v1::PauseStatus) -> Value {
    json!({
        "part_id": one.part_id,
        "reason": words::pause(one.reason()),
        "from": instant(&one.from),
        "until": instant(&one.until),
        "reset": one.reset,
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
        "step_title": text(&incident.step_title),
        "agency_code": incident.agency_code,
        "agency_name": incident.agency_name,
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
        Some(Kind::Filed(filed)) => {
            json!({ "kind": "filed", "receive_by": instant(&filed.receive_by) })
        }
        Some(Kind::NotAccepted(refused)) => json!({
            "kind": "not_accepted",
            "reason": refused.reason,
            "legal_basis": refused.legal_basis,
        }),
        Some(Kind::SupplementAsked(asked)) => json!({
            "kind": "supplement_asked",
            "number": asked.number,
            "agency_code": asked.agency_code,
            "items": asked.items.iter().map(item).collect::<Vec<_>>(),
            "due_at": instant(&asked.due_at),
        }),
        Some(Kind::SupplementEnded(ended)) => json!({
            "kind": "supplement_ended",
            "number": ended.number,
            "expired": ended.expired,
        }),
        Some(Kind::PaymentAsked(asked)) => json!({
            "kind": "payment_asked",
            "obligation_id": asked.obligation_id,
            "agency_code": asked.agency_code,
            "amount_vnd": asked.amount_vnd,
            "purpose": asked.purpose,
            "due_at": instant(&asked.due_at),
        }),
        Some(Kind::SupplementDue(moved)) => json!({
            "kind": "supplement_due",
            "number": moved.number,
            "due_at": instant(&moved.due_at),
        }),
        Some(Kind::PaymentDue(moved)) => json!({
            "kind": "payment_due",
            "obligation_id": moved.obligation_id,
            "due_at": instant(&moved.due_at),
        }),
        Some(Kind::PaymentOverdue(late)) => json!({
            "kind": "payment_overdue",
            "obligation_id": late.obligation_id,
        }),
        Some(Kind::PaymentDropped(dropped)) => json!({
            "kind": "payment_dropped",
            "obligation_id": dropped.obligation_id,
        }),
        Some(Kind::Paid(paid)) => json!({ "kind": "paid", "obligation_id": paid.obligation_id }),
        Some(Kind::Promised(promised)) => json!({
            "kind": "promised",
            "part_id": promised.part_id,
            "promised_at": instant(&promised.promised_at),
            "why": promised.why,
            "reason": promised.reason,
        }),
        Some(Kind::ClockPaused(paused)) => json!({
            "kind": "clock_paused",
            "part_id": paused.part_id,
            "reason": words::pause(paused.reason()),
        }),
        Some(Kind::ApologyOwed(owed)) => json!({
            "kind": "apology_owed",
            "part_id": owed.part_id,
            "agency_codes": owed.agency_codes,
        }),
        Some(Kind::Reused(reused)) => json!({
            "kind": "reused",
            "evidence": reused.evidence,
            "vault_code": reused.vault_code,
        }),
        Some(Kind::ConsultationSilent(silent)) => json!({
            "kind": "consultation_silent",
            "step_id": silent.step_id,
            "agency_code": silent.agency_code,
        }),
        Some(Kind::HandedOut(out)) => json!({
            "kind": "handed_out",
            "evidence": out.evidence,
            "version": out.version,
        }),
        Some(Kind::Withdrawn(_)) => json!({ "kind": "withdrawn" }),
        Some(Kind::Stopped(stopped)) => json!({ "kind": "stopped", "reason": stopped.reason }),
        Some(Kind::Resumed(_)) => json!({ "kind": "resumed" }),
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
