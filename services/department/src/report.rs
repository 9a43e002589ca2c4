//! Answers become items: each with an id that is the same however often its round is done.

use crate::{
    handler::{Answer, Content, Given, Paper, Said},
    store::{Store, StoreError, now_us, timestamp},
};
use contract::v1::{self, item::Kind as ItemKind, report::Kind};
use node::documents::{Digest, digest_of};

/// The id of an item about a round: derived, so that a repetition has the same. A store that
/// replaced a lost one does the round anew and says it with new ids.
pub(crate) fn item_id(store: &Store, handover_id: &str, kind: &str, number: u32) -> String {
    let essence = format!("{}\0{handover_id}\0{kind}\0{number}", store.store_id());
    hex::encode(&digest_of(essence.as_bytes())[..16])
}

/// The item for an answer, with its documents kept here first.
pub(crate) async fn item(
    store: &Store,
    handover: &v1::Handover,
    item_id: String,
    answer: Answer,
) -> Result<(v1::Item, Vec<Digest>), StoreError> {
    let mut documents = Vec::new();
    let kind = match answer.said {
        Said::Completed { evidence, note } => {
            let evidence = inputs(store, evidence, &mut documents).await?;
            Kind::Completed(v1::Completed { evidence, note })
        }
        Said::Correction { evidence, reason } => {
            let evidence = inputs(store, evidence, &mut documents).await?;
            Kind::Correction(v1::Correction { evidence, reason })
        }
        Said::Refused {
            reason,
            legal_basis,
        } => Kind::Refused(v1::Refused {
            reason,
            legal_basis,
        }),
        Said::Declined {
            reason,
            suggested_agency_code,
        } => Kind::Declined(v1::Declined {
            reason,
            suggested_agency_code,
        }),
        Said::PeerReturn {
            evidence,
            version,
            reason,
        } => Kind::PeerReturn(v1::PeerReturn {
            evidence,
            version,
            reason,
        }),
        Said::Progress { note } => Kind::Progress(v1::Progress { note }),
        Said::Upheld {
            evidence,
            version,
            reason,
        } => Kind::Upheld(v1::Upheld {
            evidence,
            version,
            reason,
        }),
        Said::Review {
            stands,
            versions,
            note,
        } => {
            let answer = if stands {
                v1::ReviewAnswer::Stands
            } else {
                v1::ReviewAnswer::Redo
            } as i32;
            let versions = versions
                .into_iter()
                .map(|(evidence, version)| v1::EvidenceVersion { evidence, version })
                .collect();
            Kind::Review(v1::Review {
                answer,
                versions,
                note,
            })
        }
        Said::LookedUp {
            outcome,
            evidence,
            note,
        } => {
            let given = evidence.into_iter().collect();
            let evidence = inputs(store, given, &mut documents).await?.pop();
            Kind::LookUpAnswer(v1::LookUpAnswer {
                outcome: outcome as i32,
                evidence,
                note,
            })
        }
        Said::Opinion { text } => Kind::Opinion(v1::Opinion { text }),
        Said::Supplement { items } => Kind::SupplementRequest(v1::SupplementRequest { items }),
        Said::Payment {
            obligation_id,
            amount_vnd,
            purpose,
            legal_basis,
        } => Kind::PaymentRequest(v1::PaymentRequest {
            obligation_id,
            amount_vnd,
            purpose,
            legal_basis,
        }),
        Said::Consultation {
            agency_code,
            question,
            limit,
            evidence,
        } => Kind::Consultation(v1::Consultation {
            agency_code,
            question,
            limit: Some(limit),
            evidence,
        }),
        Said::Extension { limit, reason } => Kind::Extension(v1::Extension {
            limit: Some(limit),
            reason,
        }),
    };
    let report = v1::Report {
        dossier_id: handover.dossier_id.clone(),
        step_id: handover.step_id.clone(),
        round: handover.round,
        agency_code: handover.agency_code.clone(),
        happened_at: Some(answer.happened_at.unwrap_or_else(|| timestamp(now_us()))),
        officer: answer.officer,
        handover_id: handover.handover_id.clone(),
        kind: Some(kind),
    };
    Ok((
        v1::Item {
            item_id,
            kind: Some(ItemKind::Report(report)),
            ..Default::default()
        },
        documents,
    ))
}

async fn inputs(
    store: &Store,
    given: Vec<Given>,
    kept: &mut Vec<Digest>,
) -> Result<Vec<v1::EvidenceInput>, StoreError> {
    let mut inputs = Vec::with_capacity(given.len());
    for given in given {
        let mut documents = Vec::with_capacity(given.documents.len());
        for paper in given.documents {
            let document = keep(store, paper).await?;
            kept.extend(Digest::try_from(document.digest.as_ref()));
            documents.push(document);
        }
        inputs.push(v1::EvidenceInput {
            name: given.name,
            schema_id: given.schema_id,
            data: given.data,
            documents,
            subject_party_id: given.subject_party_id,
        });
    }
    Ok(inputs)
}

async fn keep(store: &Store, paper: Paper) -> Result<v1::Document, StoreError> {
    let (digest, size_bytes) = match paper.content {
        Content::Bytes(bytes) => (
            store.documents().put_bytes(&bytes).await?,
            bytes.len() as u64,
        ),
        Content::File(path) => store.documents().put_file(&path).await?,
    };
    Ok(v1::Document {
        digest: bytes::Bytes::copy_from_slice(&digest),
        size_bytes,
        media_type: paper.media_type,
        file_name: paper.file_name,
    })
}

/// The documents that a report names, each once, with their sizes in bytes.
pub(crate) fn report_documents(item: &v1::Item) -> Vec<(Digest, u64)> {
    let Some(ItemKind::Report(report)) = &item.kind else {
        return Vec::new();
    };
    let evidence = match &report.kind {
        Some(Kind::Completed(completed)) => completed.evidence.as_slice(),
        Some(Kind::Correction(correction)) => correction.evidence.as_slice(),
        Some(Kind::LookUpAnswer(answer)) => answer.evidence.as_slice(),
        _ => return Vec::new(),
    };
    crate::store::documents_of(evidence.iter().flat_map(|input| &input.documents))
}
