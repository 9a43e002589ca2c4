//! What the border lets in: each limit broken once, each field named.

use super::*;
use contract::v1::{self, report::Kind};
use dossier::{
    decide::{Act, Statement},
    directory::Directory,
    limit::{Limit, Unit},
};
use node::fault::Fault;

fn directory() -> Directory {
    let toml = r#"
        [[territory]]
        code = "H99_01"
        name = "Xã Mẫu Một"
        [[agency]]
        code = "H99.01"
        aliases = ["000.00.01.H99"]
        name = "Desk"
        territory = "H99_01"
        valid_from = "2026-01-01"
        [[agency]]
        code = "G12.99"
        aliases = ["000.00.99.G12"]
        name = "Tax"
        roles = ["TAX"]
        territory = "H99_01"
        valid_from = "2026-01-01"
    "#;
    Directory::parse("directory.toml", toml).unwrap()
}

/// The fields that a refusal names.
#[track_caller]
fn named(fault: Fault) -> Vec<String> {
    assert_eq!(fault.reason(), "INVALID_FIELDS");
    Fault::fields_of(&fault.into_status())
        .into_iter()
        .map(|(field, _)| field)
        .collect()
}

fn officer() -> Option<v1::Officer> {
    Some(v1::Officer {
        name: "Cán bộ Mẫu".into(),
        ..v1::Officer::default()
    })
}

fn wish() -> v1::EvidenceInput {
    v1::EvidenceInput {
        name: "wish".into(),
        data: b"{}".to_vec().into(),
        ..v1::EvidenceInput::default()
    }
}

fn submit_request() -> v1::SubmitRequest {
    v1::SubmitRequest {
        agency_code: "000.00.01.H99".into(),
        submit_key: "key".into(),
        procedure_code: "sample".into(),
        parties: vec![v1::Party {
            party_id: "owner".into(),
            roles: vec![v1::PartyRole::Owner.into()],
            kind: v1::PartyKind::Enterprise.into(),
            name: "Công ty Mẫu".into(),
            identifiers: vec![v1::Identifier {
                scheme: v1::IdentifierScheme::EnterpriseCode.into(),
                value: "0101234567001".into(),
            }],
            ..v1::Party::default()
        }],
        evidence: vec![wish()],
        channel: v1::Channel::Online.into(),
        ..v1::SubmitRequest::default()
    }
}

fn item(kind: Kind) -> v1::Item {
    v1::Item {
        item_id: "item".into(),
        kind: Some(v1::item::Kind::Report(v1::Report {
            dossier_id: "0".repeat(32),
            step_id: "appraise".into(),
            round: 1,
            agency_code: "000.00.99.G12".into(),
            officer: officer(),
            kind: Some(kind),
            ..v1::Report::default()
        })),
        ..Default::default()
    }
}

fn statement(kind: Kind) -> Statement {
    report(&item(kind), &directory()).unwrap().report.statement
}

#[track_caller]
fn refused(kind: Kind, fields: &[&str]) {
    assert_eq!(
        named(report(&item(kind), &directory()).unwrap_err()),
        fields
    );
}

fn limit(amount: u32, unit: v1::LimitUnit) -> Option<v1::Limit> {
    Some(v1::Limit {
        amount,
        unit: unit.into(),
    })
}

fn asked(evidence: &str) -> v1::SupplementItem {
    v1::SupplementItem {
        evidence: evidence.into(),
        reason: "thiếu".into(),
        legal_basis: "Điều 1".into(),
        approval: None,
    }
}

#[test]
fn an_agency_may_be_named_by_any_of_its_codes_and_a_unit_has_one_text() {
    let submit = submit(&submit_request(), &directory()).unwrap();
    assert_eq!(submit.submission.desk.as_str(), "H99.01");
    assert_eq!(submit.submission.hand_out_desk.as_str(), "H99.01");
    assert_eq!(submit.submission.territory.as_str(), "H99_01");
    let unit = &submit.submission.parties[0].identifiers[0];
    assert_eq!(unit.value, "0101234567-001");
    assert!(!submit.receive);

    let said = report(&item(Kind::Progress(v1::Progress::default())), &directory());
    assert_eq!(said.unwrap().report.agency.as_str(), "G12.99");
}

#[test]
fn the_same_submit_with_the_code_that_it_was_given_is_the_same() {
    let first = submit(&submit_request(), &directory()).unwrap();
    let mut again = submit_request();
    again.dossier_code = "H99.01-20261122-0000001".into();
    assert_eq!(submit(&again, &directory()).unwrap().digest, first.digest);
    again.filed_by_party_id = "owner".into();
    assert_ne!(submit(&again, &directory()).unwrap().digest, first.digest);
}

#[test]
fn everything_wrong_in_a_submit_is_named_at_once() {
    let mut request = submit_request();
    request.submit_key = "ạ".into();
    request.optional_parts = vec!["No Part".into()];
    request.channel = 99;
    request.arrived_at = Some(prost_types::Timestamp {
        seconds: i64::MAX,
        nanos: 0,
    });
    request.received_at = request.arrived_at;
    request.parties[0].identifiers[0].scheme = 0;
    request.parties[0].name = "x".repeat(201);
    request.officer = Some(v1::Officer {
        title: "x".repeat(201),
        ..v1::Officer::default()
    });
    let fields = named(submit(&request, &directory()).unwrap_err());
    assert_eq!(
        fields,
        [
            "submit_key",
            "optional_parts[0]",
            "parties[0].identifiers[0].scheme",
            "parties[0].name",
            "channel",
            "arrived_at",
            "received_at",
            "officer.title",
        ]
    );
}

#[test]
fn names_become_nfc_and_bytes_stay() {
    let mut request = submit_request();
    request.parties[0].name = "Ha\u{300} No\u{323}\u{302}i".into();
    request.evidence[0].data = "{\"a\":\"a\u{300}\"}".as_bytes().to_vec().into();
    let submission = submit(&request, &directory()).unwrap().submission;
    assert_eq!(submission.parties[0].name, "Hà Nội");
    assert_eq!(
        &*submission.evidence[0].data,
        "{\"a\":\"a\u{300}\"}".as_bytes()
    );
}

#[test]
fn a_department_asks_for_more_with_reason_basis_and_an_approver_where_need_be() {
    let mut one = asked("contract");
    one.approval = Some(v1::Approval {
        approver: officer(),
        legal_basis: "Điều 2".into(),
    });
    let items = vec![one, asked("application")];
    let Statement::Supplement { items } =
        statement(Kind::SupplementRequest(v1::SupplementRequest { items }))
    else {
        panic!("a supplement");
    };
    assert_eq!(
        items[0].approval.as_ref().unwrap().approver.name,
        "Cán bộ Mẫu"
    );
    assert_eq!(items[1].approval, None);

    let ask = |items| Kind::SupplementRequest(v1::SupplementRequest { items });
    refused(ask(vec![]), &["supplement_request.items"]);
    refused(
        ask(vec![asked("contract"); 21]),
        &["supplement_request.items"],
    );
    let mut bad = asked("No Name");
    bad.reason = "x".repeat(2_001);
    bad.legal_basis = "x".repeat(501);
    bad.approval = Some(v1::Approval::default());
    refused(
        ask(vec![bad]),
        &[
            "supplement_request.items[0].evidence",
            "supplement_request.items[0].reason",
            "supplement_request.items[0].legal_basis",
            "supplement_request.items[0].approval.approver.name",
            "supplement_request.items[0].approval.legal_basis",
        ],
    );
}

#[test]
fn a_payment_is_more_than_nothing_and_says_what_for() {
    let good = v1::PaymentRequest {
        obligation_id: "tb-1".into(),
        amount_vnd: 1,
        purpose: "Lệ phí".into(),
        legal_basis: "Điều 1".into(),
    };
    assert!(matches!(
        statement(Kind::PaymentRequest(good)),
        Statement::Payment { amount_vnd: 1, .. }
    ));
    let bad = v1::PaymentRequest {
        amount_vnd: 0,
        purpose: "x".repeat(501),
        ..v1::PaymentRequest::default()
    };
    refused(
        Kind::PaymentRequest(bad),
        &[
            "payment_request.obligation_id",
            "payment_request.amount_vnd",
            "payment_request.purpose",
            "payment_request.legal_basis",
        ],
    );
}

#[test]
fn a_consultation_names_an_agency_a_question_and_a_limit() {
    let good = v1::Consultation {
        agency_code: "000.00.01.H99".into(),
        question: "Ý kiến?".into(),
        limit: limit(2, v1::LimitUnit::WorkingDay),
        evidence: vec!["contract".into()],
    };
    let Statement::Consultation { agency, limit, .. } = statement(Kind::Consultation(good)) else {
        panic!("a consultation");
    };
    assert_eq!(agency.as_str(), "H99.01");
    let two_days = Limit {
        amount: 2,
        unit: Unit::WorkingDay,
    };
    assert_eq!(limit, two_days);
    let bad = v1::Consultation {
        agency_code: "nobody".into(),
        question: "x".repeat(2_001),
        limit: None,
        evidence: vec!["No Name".into()],
    };
    refused(
        Kind::Consultation(bad),
        &[
            "consultation.agency_code",
            "consultation.question",
            "consultation.limit",
            "consultation.evidence[0]",
        ],
    );
}

#[test]
fn a_limit_has_an_amount_and_a_known_unit() {
    let ask = |limit| {
        Kind::Extension(v1::Extension {
            limit,
            reason: "lý do".into(),
        })
    };
    assert!(matches!(
        statement(ask(limit(1, v1::LimitUnit::WorkingHour))),
        Statement::Extension { .. }
    ));
    refused(
        ask(limit(0, v1::LimitUnit::WorkingDay)),
        &["extension.limit.amount"],
    );
    refused(
        ask(limit(100_001, v1::LimitUnit::WorkingDay)),
        &["extension.limit.amount"],
    );
    refused(
        ask(limit(1, v1::LimitUnit::Unspecified)),
        &["extension.limit.unit"],
    );
    refused(ask(None), &["extension.limit"]);
    refused(
        Kind::Extension(v1::Extension::default()),
        &["extension.reason", "extension.limit"],
    );
}

#[test]
fn a_look_up_is_answered_by_an_outcome_and_an_opinion_has_a_text() {
    let answer = v1::LookUpAnswer {
        outcome: v1::LookUpOutcome::Found.into(),
        evidence: Some(wish()),
        note: String::new(),
    };
    assert!(matches!(
        statement(Kind::LookUpAnswer(answer)),
        Statement::LookedUp {
            evidence: Some(_),
            ..
        }
    ));
    let bad = v1::LookUpAnswer {
        outcome: 0,
        evidence: Some(v1::EvidenceInput::default()),
        note: "x".repeat(2_001),
    };
    refused(
        Kind::LookUpAnswer(bad),
        &[
            "look_up_answer.outcome",
            "look_up_answer.evidence.name",
            "look_up_answer.note",
        ],
    );
    let opinion = |text: String| Kind::Opinion(v1::Opinion { text });
    assert!(matches!(
        statement(opinion("x".repeat(10_000))),
        Statement::Opinion { .. }
    ));
    refused(opinion("x".repeat(10_001)), &["opinion.text"]);
    refused(opinion(" ".into()), &["opinion.text"]);
}

#[test]
fn a_report_that_says_nothing_is_of_an_unknown_kind() {
    let mut nothing = item(Kind::Progress(v1::Progress::default()));
    if let Some(v1::item::Kind::Report(report)) = &mut nothing.kind {
        report.kind = None;
    }
    let fault = report(&nothing, &directory()).unwrap_err();
    assert_eq!(fault.reason(), "UNKNOWN_KIND");
}

macro_rules! needs_an_id {
    ($($parse:ident: $request:ident;)*) => {
        #[test]
        fn every_act_names_its_dossier_and_has_an_id() {
            $({
                let request = v1::$request {
                    agency_code: "H99.01".into(),
                    ..v1::$request::default()
                };
                let fault = $parse(&request, &directory()).unwrap_err();
                let fields = named(fault);
                assert!(fields.contains(&"request_id".to_owned()), "{fields:?}");
                assert!(fields.contains(&"dossier_code".to_owned()), "{fields:?}");
                let long = v1::$request {
                    request_id: "x".repeat(129),
                    dossier_code: "H99.01-20261122-0000001".into(),
                    ..request
                };
                let fields = named($parse(&long, &directory()).unwrap_err());
                assert!(fields.contains(&"request_id".to_owned()), "{fields:?}");
            })*
        }
    };
}

needs_an_id! {
    receive: ReceiveRequest;
    refuse_intake: RefuseIntakeRequest;
    request_supplement: RequestSupplementRequest;
    answer_supplement: AnswerSupplementRequest;
    complete_step: CompleteStepRequest;
    confirm_payment: ConfirmPaymentRequest;
    withdraw: WithdrawRequest;
    stop: StopRequest;
    resume: ResumeRequest;
    report_fault: ReportFaultRequest;
    hand_out_result: HandOutResultRequest;
}

const CODE: &str = "H99.01-20261122-0000001";

#[test]
fn a_report_is_the_same_whichever_span_gives_it() {
    let note = "đã nhận".to_owned();
    let mut given = item(Kind::Progress(v1::Progress { note }));
    let mut digest = |span: &str| {
        given.traceparent = span.into();
        report(&given, &directory()).unwrap().digest
    };
    assert_eq!(digest(""), digest("one"));
    assert_eq!(digest("one"), digest("other"));
}

#[test]
fn an_act_with_other_content_has_another_digest() {
    let request = |reason: &str| v1::WithdrawRequest {
        dossier_code: CODE.into(),
        request_id: "one".into(),
        reason: reason.into(),
        ..v1::WithdrawRequest::default()
    };
    let digest = |reason| {
        withdraw(&request(reason), &directory())
            .unwrap()
            .named
            .digest
    };
    assert_eq!(digest("a"), digest("a"));
    assert_ne!(digest("a"), digest("b"));
}

#[test]
fn the_texts_of_acts_have_their_limits() {
    let stopping = v1::StopRequest {
        dossier_code: CODE.into(),
        request_id: "one".into(),
        reason: "x".repeat(2_001),
        legal_basis: "x".repeat(501),
        settlement: "x".repeat(2_001),
        ..v1::StopRequest::default()
    };
    assert_eq!(
        named(stop(&stopping, &directory()).unwrap_err()),
        ["reason", "legal_basis", "settlement"]
    );
    let resuming = v1::ResumeRequest {
        dossier_code: CODE.into(),
        request_id: "one".into(),
        reason: "x".repeat(2_001),
        ..v1::ResumeRequest::default()
    };
    assert_eq!(
        named(resume(&resuming, &directory()).unwrap_err()),
        ["reason"]
    );
    let completing = v1::CompleteStepRequest {
        dossier_code: CODE.into(),
        request_id: "one".into(),
        step_id: "No Step".into(),
        evidence: vec![wish(); 101],
        note: "x".repeat(2_001),
        ..v1::CompleteStepRequest::default()
    };
    assert_eq!(
        named(complete_step(&completing, &directory()).unwrap_err()),
        ["step_id", "evidence", "note"]
    );
}

#[test]
fn a_payment_confirmed_has_a_sum_and_a_reference() {
    let request = v1::ConfirmPaymentRequest {
        dossier_code: CODE.into(),
        request_id: "one".into(),
        obligation_id: "tb-1".into(),
        amount_vnd: -5,
        payment_reference: "x".repeat(201),
        ..v1::ConfirmPaymentRequest::default()
    };
    assert_eq!(
        named(confirm_payment(&request, &directory()).unwrap_err()),
        ["amount_vnd", "payment_reference"]
    );
}

#[test]
fn a_hand_out_names_a_version_and_maybe_who_took_it() {
    let mut request = v1::HandOutResultRequest {
        dossier_code: CODE.into(),
        request_id: "one".into(),
        evidence: "certificate".into(),
        ..v1::HandOutResultRequest::default()
    };
    let refused = hand_out_result(&request, &directory()).unwrap_err();
    assert_eq!(named(refused), ["version"]);
    request.version = 1;
    let done = hand_out_result(&request, &directory()).unwrap();
    assert!(matches!(done.act, Act::HandOut { party: None, .. }));
}

#[test]
fn a_consent_is_given_or_refused_and_nothing_else() {
    use v1::record_consent_request::Answer;
    let request = |answer| v1::RecordConsentRequest {
        dossier_code: CODE.into(),
        request_id: "one".into(),
        answer,
        ..v1::RecordConsentRequest::default()
    };
    let given = record_consent(&request(Some(Answer::Given(wish()))), &directory()).unwrap();
    assert!(matches!(given.act, Act::GiveConsent { .. }));
    let neither = record_consent(&request(None), &directory()).unwrap_err();
    assert_eq!(neither.reason(), "UNKNOWN_KIND");
    let refusal = v1::ConsentRefused::default();
    let fault = record_consent(&request(Some(Answer::Refused(refusal))), &directory());
    assert_eq!(
        named(fault.unwrap_err()),
        ["refused.evidence", "refused.party_id", "refused.reason"]
    );
}

#[test]
fn a_block_of_codes_has_one_to_a_thousand() {
    let ask = |count| {
        let request = v1::LeaseCodesRequest {
            count,
            request_id: "lease-1".into(),
            ..v1::LeaseCodesRequest::default()
        };
        lease(&request, &directory())
    };
    assert_eq!(ask(1_000).unwrap(), (1_000, "lease-1".parse().unwrap()));
    let nameless = v1::LeaseCodesRequest {
        count: 1,
        ..v1::LeaseCodesRequest::default()
    };
    let fault = lease(&nameless, &directory()).unwrap_err();
    assert_eq!(named(fault), ["request_id"]);
    for bad in [0, 1_001] {
        assert_eq!(named(ask(bad).unwrap_err()), ["count"]);
    }
}

#[test]
fn a_moved_step_goes_to_an_agency_by_its_own_code() {
    let mut request = v1::MoveStepRequest {
        request_id: "one".into(),
        dossier_code: CODE.into(),
        step_id: "look_up_1".into(),
        to_agency_code: "000.00.99.G12".into(),
        reason: "chuyển".into(),
    };
    let moved = move_step(&request, &directory()).unwrap();
    assert_eq!(moved.to.as_str(), "G12.99");
    request.reason.clear();
    assert_eq!(
        named(move_step(&request, &directory()).unwrap_err()),
        ["reason"]
    );
}
