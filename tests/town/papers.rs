//! The papers: every form of a dossier can be had at its desk when it is of something that happened,
//! and by nobody else.

use crate::town::{Town, caller::reason};
use contract::v1;
use tonic::Code;

const DESK: &str = "H99.01.01";

fn form(code: &str, word: &str) -> v1::GetFormRequest {
    v1::GetFormRequest {
        agency_code: DESK.into(),
        dossier_code: code.into(),
        form: word.into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_desk_gets_the_papers_of_what_happened_and_is_told_of_what_did_not() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;
    let mut desk = town.desk().caller.desk();
    for word in ["receipt-slip", "control-slip", "transfer-slip"] {
        let paper = desk.get_form(form(&dossier.code, word)).await.unwrap();
        let paper = paper.into_inner();
        assert!(paper.pdf.starts_with(b"%PDF-"), "{word}");
        assert_eq!(paper.file_name, format!("{word}-{}.pdf", dossier.code));
        let again = desk.get_form(form(&dossier.code, word)).await.unwrap();
        if word != "control-slip" {
            assert_eq!(again.into_inner().pdf, paper.pdf, "{word}");
        }
    }
    for word in [
        "supplement-request",
        "refusal-notice",
        "apology-extension-letter",
        "stop-notice",
    ] {
        let none = desk.get_form(form(&dossier.code, word)).await.unwrap_err();
        assert_eq!(reason(&none), "NO_SUCH_PAPER", "{word}");
    }
    let unknown = desk.get_form(form(&dossier.code, "invoice")).await;
    let unknown = unknown.unwrap_err();
    assert_eq!(reason(&unknown), "INVALID_FIELDS");
    assert!(unknown.message().contains("receipt-slip"), "{unknown}");
}

#[tokio::test]
async fn a_withdrawn_dossier_has_its_stop_notice_and_a_register_has_both() {
    let town = Town::with([]).await;
    let (kept, withdrawn) = (
        town.desk().submit("birth").await,
        town.desk().submit("birth").await,
    );
    let mut desk = town.desk().caller.desk();
    desk.withdraw(v1::WithdrawRequest {
        agency_code: DESK.into(),
        dossier_code: withdrawn.code.clone(),
        reason: "gia đình đổi ý".into(),
        request_id: "w-1".into(),
        ..Default::default()
    })
    .await
    .unwrap();
    let notice = desk.get_form(form(&withdrawn.code, "stop-notice")).await;
    assert!(notice.unwrap().into_inner().pdf.starts_with(b"%PDF-"));
    let none = desk.get_form(form(&kept.code, "stop-notice")).await;
    assert_eq!(reason(&none.unwrap_err()), "NO_SUCH_PAPER");

    let period = |from: i64, until: i64| v1::GetFormRequest {
        from: Some(prost_types::Timestamp {
            seconds: from,
            nanos: 0,
        }),
        until: Some(prost_types::Timestamp {
            seconds: until,
            nanos: 0,
        }),
        ..form("", "tracking-register")
    };
    let size = async |from, until| {
        let paper = town
            .desk()
            .caller
            .desk()
            .get_form(period(from, until))
            .await;
        paper.unwrap().into_inner().pdf.len()
    };
    let nobody = size(0, 1).await;
    let both = size(0, 4_000_000_000).await;
    assert!(both > nobody, "{both} and {nobody} bytes");
    let reversed = desk.get_form(period(2, 1)).await.unwrap_err();
    assert_eq!(reason(&reversed), "INVALID_FIELDS");
}

#[tokio::test]
async fn another_desk_gets_no_paper_of_it() {
    let town = Town::with([]).await;
    let dossier = town.desk().submit("birth").await;
    let other = town.caller(node::identity::Role::Desk, "desk-mau-hai");
    let theirs = v1::GetFormRequest {
        agency_code: "H99.02.01".into(),
        ..form(&dossier.code, "receipt-slip")
    };
    let denied = other.desk().get_form(theirs).await.unwrap_err();
    assert_eq!(denied.code(), Code::NotFound);
}
