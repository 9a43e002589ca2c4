//! A birth: what the parents bring, and what proper offices make of it.

use contract::v1::{self, Task};
use department::{Content, Given, Paper, Said};
use node::documents::{Digest, digest_of};
use serde_json::json;

/// The results of a birth dossier without the identity card.
pub(crate) const RESULTS: [&str; 3] = ["birth_certificate", "health_card", "residence_notice"];
/// The results of a birth dossier with everything.
pub(crate) const ALL_RESULTS: [&str; 4] = [
    "birth_certificate",
    "health_card",
    "identity_card",
    "residence_notice",
];

/// A paper of the citizen's: its bytes, and how the contract names it.
#[derive(Debug, Clone)]
pub(crate) struct Scan {
    pub(crate) bytes: Vec<u8>,
    pub(crate) document: v1::Document,
}

impl Scan {
    pub(crate) fn new(text: &str) -> Self {
        Self::of(format!("%PDF-1.4\n% {text}\n").into_bytes())
    }

    pub(crate) fn of(bytes: Vec<u8>) -> Self {
        let document = v1::Document {
            digest: digest_of(&bytes).to_vec().into(),
            size_bytes: bytes.len() as u64,
            media_type: "application/pdf".into(),
            file_name: "giay-chung-sinh.pdf".into(),
        };
        Self { bytes, document }
    }

    pub(crate) fn digest(&self) -> Digest {
        digest_of(&self.bytes)
    }
}

/// What a desk submits for a newborn of the first commune.
pub(crate) fn submission(key: &str, notice: &Scan) -> v1::SubmitRequest {
    let child = json!({
        "name": "Nguyễn Bình Mẫu",
        "sex": "MALE",
        "born_on": "2026-11-18",
    });
    let a_mother = json!({ "name": "Trần Thị Thử", "born_on": "1998-04-12" });
    let a_father = json!({ "name": "Lê Văn Mẫu", "born_on": "1995-09-30" });
    let input = |name: &str, data: serde_json::Value, documents| v1::EvidenceInput {
        name: name.into(),
        schema_id: schema_id(name),
        data: data.to_string().into(),
        documents,
        ..Default::default()
    };
    v1::SubmitRequest {
        agency_code: "H99.01.01".into(),
        submit_key: key.into(),
        procedure_code: "birth".into(),
        territory_code: "H99_01".into(),
        parties: vec![mother(), newborn()],
        evidence: vec![
            input(
                "birth_notice",
                json!({
                    "number": "99999.GCS.00001.26",
                    "facility": "Bệnh viện Đa khoa Mẫu",
                    "issued_on": "2026-11-18",
                    "mother": a_mother,
                    "child": child,
                }),
                vec![notice.document.clone()],
            ),
            input(
                "parents",
                json!({ "mother": a_mother, "father": a_father }),
                Vec::new(),
            ),
            input(
                "health_facility_choice",
                json!({ "code": "99-001", "name": "Trạm Y tế" }),
                Vec::new(),
            ),
        ],
        channel: v1::Channel::Counter.into(),
        receive: true,
        ..Default::default()
    }
}

fn mother() -> v1::Party {
    v1::Party {
        party_id: "mother".into(),
        roles: vec![v1::PartyRole::Owner.into(), v1::PartyRole::Submitter.into()],
        kind: v1::PartyKind::Citizen.into(),
        name: "Trần Thị Thử".into(),
        identifiers: vec![v1::Identifier {
            scheme: v1::IdentifierScheme::PersonalId.into(),
            value: "099000000002".into(),
        }],
        address: "Thôn 1, xã Mẫu Một".into(),
        ..Default::default()
    }
}

fn newborn() -> v1::Party {
    v1::Party {
        party_id: "child".into(),
        roles: vec![v1::PartyRole::Subject.into()],
        kind: v1::PartyKind::Citizen.into(),
        name: "Nguyễn Bình Mẫu".into(),
        ..Default::default()
    }
}

/// What a proper office says of a round: its step's results, that a result stands, or the
/// correction of its fault.
pub(crate) fn proper_answer(handover: &v1::Handover) -> Vec<Said> {
    let said = match handover.task() {
        Task::Review => review(handover, true),
        Task::Answer => Said::Correction {
            evidence: handover
                .faults
                .iter()
                .map(|fault| result(handover, &fault.evidence))
                .collect(),
            reason: "Đã đính chính".into(),
        },
        _ => completed(handover),
    };
    vec![said]
}

/// Everything that the step gives.
pub(crate) fn completed(handover: &v1::Handover) -> Said {
    let names = gives(&handover.step_id);
    let evidence = names.iter().map(|name| result(handover, name)).collect();
    Said::Completed {
        evidence,
        note: "xong".into(),
    }
}

/// That the step's result stands with what changed, or is done again.
pub(crate) fn review(handover: &v1::Handover, stands: bool) -> Said {
    let changes = handover.changes.iter();
    let versions = changes
        .map(|change| (change.evidence.clone(), change.to_version))
        .collect();
    Said::Review {
        stands,
        versions,
        note: "đã xem lại".into(),
    }
}

/// A fault in the birth certificate that was handed over.
pub(crate) fn faulty_certificate(handover: &v1::Handover) -> Said {
    let found = handover
        .evidence
        .iter()
        .find(|evidence| evidence.name == "birth_certificate");
    Said::PeerReturn {
        evidence: "birth_certificate".into(),
        version: found.map_or(1, |evidence| evidence.version),
        reason: "Ngày sinh không khớp".into(),
    }
}

fn gives(step_id: &str) -> &'static [&'static str] {
    match step_id {
        "register_birth" => &["birth_certificate", "personal_id"],
        "register_residence" => &["residence_notice"],
        "issue_health_card" => &["health_card"],
        "issue_identity_card" => &["identity_card"],
        other => panic!("the birth journey has no step {other}"),
    }
}

/// A result with its paper; every round's is another.
pub(crate) fn result(handover: &v1::Handover, name: &str) -> Given {
    let v1::Handover {
        dossier_code,
        round,
        ..
    } = handover;
    let paper = (name != "personal_id").then(|| Paper {
        file_name: format!("{name}.pdf"),
        media_type: "application/pdf".into(),
        content: Content::Bytes(paper_bytes(name, dossier_code, *round).into()),
    });
    Given {
        name: name.to_owned(),
        schema_id: schema_id(name),
        data: result_data(name, *round).to_string().into(),
        documents: paper.into_iter().collect(),
        subject_party_id: "child".into(),
    }
}

/// The schema of evidence of a birth.
pub(crate) fn schema_id(name: &str) -> String {
    format!("lienthong:{name}:1")
}

/// The data of a result; every round's has another number or day.
fn result_data(name: &str, round: u32) -> serde_json::Value {
    let number = format!("{round:04}/2026");
    let day = format!("2026-11-{:02}", 19 + round % 10);
    let (child, personal_id) = ("Nguyễn Bình Mẫu", "099226000001");
    match name {
        "birth_certificate" => json!({
            "number": number,
            "registered_on": day,
            "child": { "name": child, "born_on": "2026-11-18", "sex": "MALE" },
        }),
        "personal_id" => json!({
            "personal_id": personal_id,
            "name": child,
            "born_on": "2026-11-18",
            "issued_on": day,
        }),
        "residence_notice" => json!({
            "number": number,
            "notified_on": day,
            "name": child,
            "personal_id": personal_id,
            "address": "Thôn 1, xã Mẫu Một",
            "registered_on": day,
        }),
        "health_card" => json!({
            "card_number": format!("TE{round:013}"),
            "name": child,
            "valid_from": day,
            "facility": "Trạm Y tế",
        }),
        "identity_card" => json!({
            "personal_id": personal_id,
            "name": child,
            "issued_on": day,
        }),
        other => panic!("the birth journey gives no {other}"),
    }
}

/// The bytes of the paper that an office gives with a result.
pub(crate) fn paper_bytes(name: &str, dossier_code: &str, round: u32) -> Vec<u8> {
    format!("%PDF-1.4\n% {name} of {dossier_code}, round {round}\n").into_bytes()
}
