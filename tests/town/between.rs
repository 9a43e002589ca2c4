//! What departments ask for while they have a step, and what they are given and left of it: opinions,
//! payments, extracts, look-ups and recalls.

use crate::town::{
    Town,
    birth::{RESULTS, completed, schema_id},
    caller::{fields, reason},
    patience::until,
    window::Filed,
};
use contract::v1::{self, StepState, Task, notice::Kind, verdict::Outcome};
use department::{Content, Given, Paper, Said};
use node::fault::{Fault, Refusal};
use serde_json::json;
use std::{collections::BTreeMap, fs, path::Path};
use tonic::Code;

const DESK: &str = "H99.01.01";
const CIVIL_STATUS: &str = "H99.01.02";
const POLICE: &str = "G01.99.01";
const INSURANCE: &str = "G24.99";
const HOSPITAL: &str = "H99.13.01";

#[tokio::test]
async fn an_opinion_that_one_department_asks_of_another_reaches_it_and_its_step_goes_on() {
    const QUESTION: &str = "Nơi cư trú của người mẹ có đúng không?";
    const OPINION: &str = "Đúng theo sổ đăng ký thường trú";
    let mut town = Town::open().await;
    town.clerk("civil-status").answers(|handover| {
        let asks = Said::Consultation {
            agency_code: POLICE.into(),
            question: QUESTION.into(),
            limit: v1::Limit {
                amount: 2,
                unit: v1::LimitUnit::WorkingDay.into(),
            },
            evidence: vec!["parents".into()],
        };
        (handover.round == 1).then(|| vec![asks])
    });
    town.clerk("police").answers(|handover| {
        let text = OPINION.into();
        (handover.task() == Task::Consult).then(|| vec![Said::Opinion { text }])
    });
    let dossier = town.desk().submit("birth").await;

    let police = town.clerk("police");
    let asked = police.gets("the question", |h| h.task() == Task::Consult);
    let asked = asked.await;
    assert_eq!(asked.question, QUESTION);
    let shown: Vec<_> = asked.evidence.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(shown, ["parents"], "and not the birth notice");

    let civil_status = town.clerk("civil-status");
    let answered = civil_status.gets("the opinion", |h| !h.opinions.is_empty());
    let answered = answered.await;
    let opinion = v1::OpinionGiven {
        agency_code: POLICE.into(),
        text: OPINION.into(),
        silent: false,
    };
    assert_eq!(answered.opinions, [opinion]);
    assert_eq!(
        (answered.step_id.as_str(), answered.task()),
        ("register_birth", Task::Work)
    );
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn a_payment_stops_the_clock_until_the_whole_sum_is_paid_once() {
    let mut town = Town::open().await;
    town.clerk("civil-status").answers(|handover| {
        let fee = Said::Payment {
            obligation_id: "fee-1".into(),
            amount_vnd: 75_000,
            purpose: "Lệ phí hộ tịch".into(),
            legal_basis: "Thông tư 85/2019/TT-BTC Điều 5".into(),
        };
        (handover.round == 1).then(|| vec![fee])
    });
    let dossier = town.desk().submit("birth").await;

    let is_asked = |notice: &v1::Notice| matches!(notice.kind, Some(Kind::PaymentAsked(_)));
    let notice = town.desk().hears(&dossier, "what is to be paid", is_asked);
    let Some(Kind::PaymentAsked(asked)) = notice.await.kind else {
        unreachable!("the notice of a payment")
    };
    assert_eq!(
        (asked.obligation_id.as_str(), asked.amount_vnd),
        ("fee-1", 75_000)
    );
    assert_eq!(asked.agency_code, CIVIL_STATUS);
    let owed = town.desk().track(&dossier).await.obligations.remove(0);
    assert_eq!(
        (owed.amount_vnd, owed.payment_reference.as_str()),
        (75_000, "")
    );

    let unknown = pays(&town, &dossier, "p-0", "fee-2", 75_000).await;
    taught(&unknown.unwrap_err(), "UNKNOWN_OBLIGATION");
    let wrong = pays(&town, &dossier, "p-1", "fee-1", 74_000).await;
    let wrong = wrong.unwrap_err();
    taught(&wrong, "WRONG_AMOUNT");
    assert_eq!(fields(&wrong), ["amount_vnd"]);
    assert_eq!(standing_still(&town, &dossier).await, every_part(true));
    assert_eq!(town.clerk("civil-status").rounds().len(), 1);

    pays(&town, &dossier, "p-2", "fee-1", 75_000).await.unwrap();
    assert_eq!(standing_still(&town, &dossier).await, every_part(false));
    pays(&town, &dossier, "p-2", "fee-1", 75_000)
        .await
        .expect("a repetition gets the first answer");
    let twice = pays(&town, &dossier, "p-3", "fee-1", 75_000).await;
    taught(&twice.unwrap_err(), "ALREADY_PAID");

    let civil_status = town.clerk("civil-status");
    let paid = civil_status.gets("the payment", |h| !h.payments.is_empty());
    let payment = v1::Payment {
        obligation_id: "fee-1".into(),
        amount_vnd: 75_000,
        payment_reference: "PAY-p-2".into(),
    };
    assert_eq!(paid.await.payments, [payment]);
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn a_department_gets_of_evidence_the_members_that_its_step_lists_and_never_the_rest() {
    const REST: &str = "Chỉ đọc được ở bản đầy đủ";
    let mut town = Town::open().await;
    town.clerk("civil-status").answers(|handover| {
        let Said::Completed { mut evidence, note } = completed(handover) else {
            unreachable!("an outcome")
        };
        let certificate = &mut evidence[0];
        let mut data: serde_json::Value = serde_json::from_slice(&certificate.data).unwrap();
        data["registered_by"] = REST.into();
        certificate.data = data.to_string().into();
        Some(vec![Said::Completed { evidence, note }])
    });
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;

    let whole = town.desk().result(&dossier, "birth_certificate").await;
    let given = certificate_given(&mut town, "social-insurance");
    let data: serde_json::Value = serde_json::from_slice(&given.data).unwrap();
    let child = json!({ "name": "Nguyễn Bình Mẫu", "born_on": "2026-11-18", "sex": "MALE" });
    let listed = json!({ "number": "0001/2026", "registered_on": "2026-11-20", "child": child });
    assert_eq!(data, listed);
    assert_eq!(given.extract_of_digest, whole.digest);
    assert_ne!(given.digest, whole.digest);
    assert!(!given.digest.is_empty());
    assert!(given.documents.is_empty());
    let to_police = certificate_given(&mut town, "police");
    assert_eq!(to_police.digest, whole.digest, "the police need all of it");

    // Nor does it get to the rest by asking, or find it in its own store.
    let scan = &whole.documents[0].digest;
    let (police, insurance) = (town.system_of("police"), town.system_of("social-insurance"));
    assert!(police.download(POLICE, scan).await.is_ok());
    let denied = insurance.download(INSURANCE, scan).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    assert_eq!(insurance.stat(INSURANCE, scan).await, (0, false));
    for (office, has_all) in [("police", true), ("social-insurance", false)] {
        town.stop(office).await;
        assert_eq!(lies_in(&town.path(office), REST), has_all, "{office}");
    }
}

#[tokio::test]
async fn a_supplement_of_what_somebody_holds_is_refused_with_its_holder_who_is_asked_instead() {
    // What no step waits for is not looked for until somebody wants it.
    let mut town = Town::plan()
        .birth_rule(
            r#"needs = ["birth_notice", "parents"]"#,
            r#"needs = ["birth_notice?", "parents"]"#,
        )
        .open()
        .await;
    town.start("hospital").await;
    let mut brought = None;
    let left_out = |request: &mut v1::SubmitRequest| {
        request.receive = false;
        brought = Some(request.evidence.remove(0));
    };
    let dossier = town.desk().submit_with(left_out).await;
    let notice = brought.expect("a birth notice");
    town.clerk("hospital").answers(move |handover| {
        assert_eq!(handover.task(), Task::LookUp);
        Some(vec![found(&notice, &handover.parties[0].party_id)])
    });

    let mut desk = town.desk().caller.desk();
    let item = v1::SupplementItem {
        evidence: "birth_notice".into(),
        reason: "chưa có giấy chứng sinh".into(),
        legal_basis: "Nghị định 63/2024/NĐ-CP Điều 6".into(),
        approval: None,
    };
    let asked = desk.request_supplement(v1::RequestSupplementRequest {
        agency_code: DESK.into(),
        dossier_code: dossier.code.clone(),
        items: vec![item],
        request_id: "s-1".into(),
        ..Default::default()
    });
    let refused = asked.await.unwrap_err();
    taught(&refused, "SUPPLEMENT_DENIED");
    for language in ["vi", "en"] {
        let text = Fault::text_of(&refused, language).unwrap();
        assert!(text.contains(HOSPITAL), "{text}");
    }
    let text = Fault::text_of(&refused, "en").unwrap();
    assert!(
        text.contains("is being asked now"),
        "and was not before: {text}"
    );
    let hospital = town.clerk("hospital");
    let asked = hospital.gets("the look-up", |h| h.task() == Task::LookUp);
    assert_eq!(asked.await.look_up.unwrap().evidence, "birth_notice");

    until("the hospital to answer", || async {
        let slip = town.desk().track(&dossier).await.control_slip;
        let mut to_hospital = slip.iter().filter(|row| row.to_agency_code == HOSPITAL);
        to_hospital.next()?.answered_at
    })
    .await;
    let received = desk.receive(v1::ReceiveRequest {
        agency_code: DESK.into(),
        dossier_code: dossier.code.clone(),
        request_id: "r-1".into(),
        ..Default::default()
    });
    received.await.unwrap();
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
    let seen = town.desk().track(&dossier).await;
    assert_eq!((seen.visits, seen.supplements.len()), (1, 0));
    let work = town.clerk("civil-status").rounds().remove(0);
    let mut notices = work
        .evidence
        .iter()
        .filter(|one| one.name == "birth_notice");
    let given = notices.next().expect("what the hospital gave");
    assert_eq!(given.given_by_agency_code, HOSPITAL);
    assert_eq!(given.documents.len(), 1);
}

#[tokio::test]
async fn a_withdrawal_recalls_the_round_that_a_department_holds_and_hears_no_more_of_it() {
    let town = Town::with(["civil-status", "social-insurance"]).await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let held = police.next_handover().await;
    held.acknowledge().await;
    let held = held.handover().clone();
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;

    withdraws(&town, &dossier).await;
    let recall = police.next_handover().await;
    recall.acknowledge().await;
    let recalled = recall.handover();
    assert_eq!(
        (recalled.task(), recalled.step_id.as_str(), recalled.round),
        (Task::Recall, "register_residence", held.round + 1)
    );
    assert!(!recalled.reason.is_empty());
    assert!(recalled.evidence.is_empty() && recalled.parties.is_empty());

    let progress = v1::report::Kind::Progress(v1::Progress::default());
    let said = police.report(police.item("late", &held, progress)).await;
    let Outcome::Refused(refused) = said else {
        panic!("{said:?}")
    };
    taught(&refused, "ROUND_SUPERSEDED");
    town.desk().closes(&dossier).await;
    let step = town.desk().step(&dossier, "register_residence").await;
    assert_eq!(step.state(), StepState::Ended);
}

#[tokio::test]
async fn a_clerk_at_work_puts_down_what_was_withdrawn() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let dossier = town.desk().submit("birth").await;
    let police = town.clerk("police");
    police
        .gets("the residence", |h| h.step_id == "register_residence")
        .await;
    assert!(police.is_at_work());
    withdraws(&town, &dossier).await;
    police.puts_down_everything().await;
    police.works();
    town.desk().closes(&dossier).await;
    let step = town.desk().step(&dossier, "register_residence").await;
    assert_eq!(step.state(), StepState::Ended);
}

/// A refusal has this reason word, and says in both languages what to do.
fn taught(refused: &impl Refusal, word: &str) {
    assert_eq!(reason(refused), word);
    let text = |language| Fault::text_of(refused, language).unwrap_or_default();
    assert!(!text("vi").is_ascii(), "{word}: {}", text("vi"));
    assert!(!text("en").is_empty(), "{word}");
    assert_ne!(text("vi"), text("en"), "{word}");
}

/// The desk confirms a payment.
async fn pays(
    town: &Town,
    dossier: &Filed,
    request_id: &str,
    obligation_id: &str,
    amount_vnd: i64,
) -> Result<(), tonic::Status> {
    let request = v1::ConfirmPaymentRequest {
        agency_code: DESK.into(),
        dossier_code: dossier.code.clone(),
        obligation_id: obligation_id.into(),
        amount_vnd,
        payment_reference: format!("PAY-{request_id}"),
        request_id: request_id.into(),
        ..Default::default()
    };
    let confirmed = town.desk().caller.desk().confirm_payment(request).await;
    confirmed.map(drop)
}

/// The parts whose clock was stopped by a payment, and whether it still stands.
async fn standing_still(town: &Town, dossier: &Filed) -> BTreeMap<String, bool> {
    let pauses = town.desk().track(dossier).await.pauses.into_iter();
    let for_payment = pauses.filter(|pause| pause.reason() == v1::PauseReason::Payment);
    for_payment
        .map(|pause| (pause.part_id, pause.until.is_none()))
        .collect()
}

/// The parts of a birth that wait for its registration, and it; whether the clock of each stands.
fn every_part(stands: bool) -> BTreeMap<String, bool> {
    let parts = ["birth_registration", "health_card", "residence"];
    parts.map(|part| (part.to_owned(), stands)).into()
}

/// The citizen takes the dossier back.
async fn withdraws(town: &Town, dossier: &Filed) {
    let request = v1::WithdrawRequest {
        agency_code: DESK.into(),
        dossier_code: dossier.code.clone(),
        reason: "gia đình đổi ý".into(),
        request_id: "w-1".into(),
        ..Default::default()
    };
    let mut desk = town.desk().caller.desk();
    desk.withdraw(request).await.unwrap();
}

/// What an office's clerk was given of the birth certificate.
fn certificate_given(town: &mut Town, office: &'static str) -> v1::Evidence {
    let mut rounds = town.clerk(office).rounds();
    let given = rounds.remove(0).evidence.into_iter();
    let mut certificates = given.filter(|one| one.name == "birth_certificate");
    certificates.next().expect("a birth certificate")
}

/// A holder has this.
fn found(notice: &v1::EvidenceInput, about: &str) -> Said {
    let scan = b"%PDF-1.4\n% the hospital's own\n";
    Said::LookedUp {
        outcome: v1::LookUpOutcome::Found,
        evidence: Some(Given {
            name: notice.name.clone(),
            schema_id: schema_id("birth_notice"),
            data: notice.data.clone(),
            documents: vec![Paper {
                file_name: "giay-chung-sinh.pdf".into(),
                media_type: "application/pdf".into(),
                content: Content::Bytes(scan.to_vec().into()),
            }],
            subject_party_id: about.into(),
        }),
        note: String::new(),
    }
}

/// Whether a text lies in any file of a folder.
fn lies_in(folder: &Path, text: &str) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return lies_in(&path, text);
        }
        let bytes = fs::read(&path).unwrap();
        bytes
            .windows(text.len())
            .any(|piece| piece == text.as_bytes())
    })
}
