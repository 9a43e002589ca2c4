//! Reports: what a department says of a step.

use super::{
    fields::{
        Fields, LEGAL_BASIS_BYTES_MAX, OPINION_BYTES_MAX, PURPOSE_BYTES_MAX, REASON_BYTES_MAX,
        VERSIONS_MAX,
    },
    item_digest,
};
use crate::wire::unknown_kind;
use contract::v1;
use dossier::{
    decide::{Report, Statement},
    directory::Directory,
    event::LookUpOutcome,
    name::{Digest, DossierId, Key},
};
use jiff::Timestamp;
use node::fault::Fault;
use std::collections::BTreeMap;

/// Bytes of the id of a handover.
const HANDOVER_ID_BYTES_MAX: usize = 64;

/// A report, parsed.
#[derive(Debug)]
pub struct ReportItem {
    /// The sender's id of the item.
    pub item_id: Key,
    /// SHA-256 of the item.
    pub digest: Digest,
    /// The dossier.
    pub dossier_id: DossierId,
    /// When it happened, as the department says.
    pub claimed_at: Option<Timestamp>,
    /// What is said.
    pub report: Report,
}

/// SHA-256 of an item, without the span that gives it: a repetition may name another.
fn digest(item: &v1::Item) -> Digest {
    if item.traceparent.is_empty() {
        return item_digest(item);
    }
    item_digest(&v1::Item {
        traceparent: String::new(),
        ..item.clone()
    })
}

/// A report, parsed.
///
/// # Errors
/// `UNKNOWN_KIND`, or every field that is malformed.
pub fn report(item: &v1::Item, directory: &Directory) -> Result<ReportItem, Fault> {
    let Some(v1::item::Kind::Report(report)) = &item.kind else {
        return Err(unknown_kind("item.kind"));
    };
    let Some(kind) = &report.kind else {
        return Err(unknown_kind("report.kind"));
    };
    let mut fields = Fields::new(directory);
    let item_id = fields.name::<Key>("item_id", &item.item_id);
    let dossier_id = fields.name::<DossierId>("report.dossier_id", &report.dossier_id);
    let step = fields.name("report.step_id", &report.step_id);
    let agency = fields.agency("report.agency_code", &report.agency_code);
    let claimed_at = fields.instant("report.happened_at", report.happened_at.as_ref());
    let officer = fields.officer(report.officer.as_ref());
    let handover = fields.text(
        "report.handover_id",
        &report.handover_id,
        HANDOVER_ID_BYTES_MAX,
    );
    let statement = statement(&mut fields, kind);
    let parsed = (|| {
        Some(ReportItem {
            item_id: item_id?,
            digest: digest(item),
            dossier_id: dossier_id?,
            claimed_at,
            report: Report {
                agency: agency?,
                step: step?,
                round: report.round,
                handover,
                officer,
                statement: statement?,
            },
        })
    })();
    fields.done(parsed)
}

fn statement(fields: &mut Fields<'_>, kind: &v1::report::Kind) -> Option<Statement> {
    use v1::report::Kind;
    match kind {
        Kind::Completed(said) => Some(Statement::Completed {
            evidence: fields.all_given("completed.evidence", &said.evidence),
            note: fields.text("completed.note", &said.note, REASON_BYTES_MAX),
        }),
        Kind::Refused(said) => Some(Statement::Refused {
            reason: fields.required_text("refused.reason", &said.reason, REASON_BYTES_MAX),
            legal_basis: fields.required_text(
                "refused.legal_basis",
                &said.legal_basis,
                LEGAL_BASIS_BYTES_MAX,
            ),
        }),
        Kind::Declined(said) => Some(Statement::Declined {
            reason: fields.required_text("declined.reason", &said.reason, REASON_BYTES_MAX),
            suggested: fields.optional_agency(
                "declined.suggested_agency_code",
                &said.suggested_agency_code,
            ),
        }),
        Kind::PeerReturn(said) => {
            let reason = fields.required_text("peer_return.reason", &said.reason, REASON_BYTES_MAX);
            let evidence = fields.name("peer_return.evidence", &said.evidence)?;
            Some(Statement::PeerReturn {
                evidence,
                version: said.version,
                reason,
            })
        }
        Kind::SupplementRequest(said) => Some(Statement::Supplement {
            items: fields.items("supplement_request.items", &said.items),
        }),
        Kind::PaymentRequest(said) => payment(fields, said),
        Kind::Consultation(said) => consultation(fields, said),
        Kind::Extension(said) => {
            let reason = fields.required_text("extension.reason", &said.reason, REASON_BYTES_MAX);
            let limit = fields.limit("extension.limit", said.limit.as_ref())?;
            Some(Statement::Extension { limit, reason })
        }
        Kind::Progress(said) => Some(Statement::Progress {
            note: fields.text("progress.note", &said.note, REASON_BYTES_MAX),
        }),
        Kind::Correction(said) => Some(Statement::Correction {
            evidence: fields.all_given("correction.evidence", &said.evidence),
            reason: fields.required_text("correction.reason", &said.reason, REASON_BYTES_MAX),
        }),
        Kind::Upheld(said) => {
            let reason = fields.required_text("upheld.reason", &said.reason, REASON_BYTES_MAX);
            let evidence = fields.name("upheld.evidence", &said.evidence)?;
            Some(Statement::Upheld {
                evidence,
                version: said.version,
                reason,
            })
        }
        Kind::Review(said) => review(fields, said),
        Kind::LookUpAnswer(said) => looked_up(fields, said),
        Kind::Opinion(said) => Some(Statement::Opinion {
            text: fields.required_text("opinion.text", &said.text, OPINION_BYTES_MAX),
        }),
    }
}

fn payment(fields: &mut Fields<'_>, said: &v1::PaymentRequest) -> Option<Statement> {
    let obligation = fields.name("payment_request.obligation_id", &said.obligation_id);
    let amount_vnd = fields.amount("payment_request.amount_vnd", said.amount_vnd);
    let purpose = fields.required_text("payment_request.purpose", &said.purpose, PURPOSE_BYTES_MAX);
    let legal_basis = fields.required_text(
        "payment_request.legal_basis",
        &said.legal_basis,
        LEGAL_BASIS_BYTES_MAX,
    );
    Some(Statement::Payment {
        obligation: obligation?,
        amount_vnd,
        purpose,
        legal_basis,
    })
}

fn consultation(fields: &mut Fields<'_>, said: &v1::Consultation) -> Option<Statement> {
    let agency = fields.agency("consultation.agency_code", &said.agency_code);
    let question = fields.required_text("consultation.question", &said.question, REASON_BYTES_MAX);
    let limit = fields.limit("consultation.limit", said.limit.as_ref());
    let evidence = fields.names("consultation.evidence", &said.evidence);
    Some(Statement::Consultation {
        agency: agency?,
        question,
        limit: limit?,
        evidence,
    })
}

fn review(fields: &mut Fields<'_>, said: &v1::Review) -> Option<Statement> {
    let mut versions = BTreeMap::new();
    if said.versions.len() > VERSIONS_MAX {
        fields.wrong("review.versions", format!("at most {VERSIONS_MAX}"));
    }
    for (n, one) in said.versions.iter().take(VERSIONS_MAX).enumerate() {
        if let Some(name) = fields.name(&format!("review.versions[{n}].evidence"), &one.evidence) {
            versions.insert(name, one.version);
        }
    }
    let redo = fields.choice("review.answer", said.answer, |answer| match answer {
        v1::ReviewAnswer::Stands => Some(false),
        v1::ReviewAnswer::Redo => Some(true),
        v1::ReviewAnswer::Unspecified => None,
    });
    let note = fields.text("review.note", &said.note, REASON_BYTES_MAX);
    Some(Statement::Review {
        redo: redo?,
        versions,
        note,
    })
}

fn looked_up(fields: &mut Fields<'_>, said: &v1::LookUpAnswer) -> Option<Statement> {
    let outcome = fields.choice("look_up_answer.outcome", said.outcome, look_up_outcome);
    let evidence = said
        .evidence
        .as_ref()
        .map(|input| fields.given("look_up_answer.evidence", input));
    let note = fields.text("look_up_answer.note", &said.note, REASON_BYTES_MAX);
    Some(Statement::LookedUp {
        outcome: outcome?,
        evidence: evidence.flatten(),
        note,
    })
}

fn look_up_outcome(outcome: v1::LookUpOutcome) -> Option<LookUpOutcome> {
    match outcome {
        v1::LookUpOutcome::Found => Some(LookUpOutcome::Found),
        v1::LookUpOutcome::NotFound => Some(LookUpOutcome::NotFound),
        v1::LookUpOutcome::Mismatch => Some(LookUpOutcome::Mismatch),
        v1::LookUpOutcome::PoorQuality => Some(LookUpOutcome::PoorQuality),
        v1::LookUpOutcome::Unavailable => Some(LookUpOutcome::Unavailable),
        v1::LookUpOutcome::Unspecified => None,
    }
}
