//! A desk at work, over real mutual TLS, with a broker that may be away and may forget.

#![allow(clippy::unwrap_used, missing_docs)]

mod broker;

use broker::Town;
use bytes::Bytes;
use contract::v1::{self, notice::Kind};
use desk::{Config, Desk, State, Submission, SubmitError, form::Form};
use node::{documents::digest_of, shutdown::Shutdown};
use std::{path::Path, time::Duration};
use tonic::Code;

const PATIENCE: Duration = Duration::from_secs(20);

fn submission(folder: &Path, procedure: &str) -> Submission {
    let paper = folder.join("giấy chứng sinh.pdf");
    std::fs::write(&paper, vec![3; 600_000]).unwrap();
    Submission::new(form(procedure), folder).attach("birth_notice", paper)
}

fn form(procedure: &str) -> Form {
    let text = format!(
        r#"{{"procedure": "{procedure}", "evidence": {{"birth_notice": {{"data": {{"a": "b"}}}}}},
            "parties": [{{"id": "mother", "roles": ["owner"], "name": "Trần Thị Bình"}}]}}"#
    );
    Form::parse(text.as_bytes()).unwrap()
}

fn received() -> Kind {
    Kind::Received(v1::NoticeReceived::default())
}

fn closed() -> Kind {
    Kind::Closed(v1::NoticeClosed {})
}

#[tokio::test]
async fn a_dossier_is_submitted_once_however_often_it_is_tried() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let submission = submission(town.folder.path(), "birth");
    let first = desk.submit(submission.clone(), PATIENCE).await.unwrap();
    assert_eq!(first.dossier_code, "H57.12-261122-0001");
    desk.close().await;

    let desk = Desk::open(town.config.clone()).unwrap();
    assert_eq!(
        desk.submit(submission.clone(), PATIENCE).await.unwrap(),
        first
    );
    let other = submission.attach("parents", town.folder.path().join("ca.pem"));
    let reused = desk.submit(other, PATIENCE).await.unwrap_err();
    assert!(matches!(reused, SubmitError::KeyReused(_)));

    let has = town.broker.has.lock().unwrap();
    assert_eq!(has.calls, 1);
    let request = &has.submits[&first.submit_key];
    assert_eq!(
        request.evidence[0].documents[0].file_name,
        "giấy chứng sinh.pdf"
    );
    assert_eq!(request.evidence[0].data, r#"{"a":"b"}"#);
}

#[tokio::test]
async fn a_dossier_taken_while_the_broker_is_away_is_sent_when_it_comes_back() {
    let town = Town::new().await;
    town.broker.change(|has| has.away = true);
    let desk = Desk::open(town.config.clone()).unwrap();
    let submission = submission(town.folder.path(), "birth").with_key("counter 7, number 12");
    let refused = desk
        .submit(submission, Duration::from_millis(30))
        .await
        .unwrap_err();
    assert!(matches!(refused, SubmitError::NotYet { .. }), "{refused}");
    desk.close().await;
    std::fs::remove_file(town.folder.path().join("giấy chứng sinh.pdf")).unwrap();

    let (desk, shutdown) = (Desk::open(town.config.clone()).unwrap(), Shutdown::new());
    let serving = tokio::spawn({
        let (desk, shutdown) = (desk.clone(), shutdown.clone());
        async move { desk.serve(shutdown).await }
    });
    let calls = town.broker.has.lock().unwrap().calls;
    town.broker
        .until(|has| (has.calls > calls).then_some(()))
        .await;
    town.broker.change(|has| has.away = false);
    town.broker
        .until(|has| has.submits.get("counter 7, number 12").map(drop))
        .await;
    shutdown.trigger();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_refusal_names_every_field_and_the_mended_dossier_may_keep_its_key() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let wrong = submission(town.folder.path(), "brith").with_key("k");
    let SubmitError::Refused(refused) = desk.submit(wrong, PATIENCE).await.unwrap_err() else {
        panic!()
    };
    assert_eq!(refused.reason, "INVALID_FIELDS");
    let fields: Vec<_> = refused
        .fields
        .iter()
        .map(|(field, _)| field.as_str())
        .collect();
    assert_eq!(fields, ["procedure_code", "parties"]);
    assert_eq!(refused.vi, "sửa");
    let mended = submission(town.folder.path(), "birth").with_key("k");
    desk.submit(mended, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_paper_that_is_empty_or_absent_is_named_and_nothing_is_sent() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let empty = town.folder.path().join("empty.pdf");
    std::fs::write(&empty, b"").unwrap();
    for (path, why) in [
        (empty, "is empty"),
        (town.folder.path().join("none.pdf"), "cannot take"),
    ] {
        let submission = submission(town.folder.path(), "birth").attach("parents", path);
        let refused = desk
            .submit(submission, PATIENCE)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            refused.starts_with("parents: ") && refused.contains(why),
            "{refused}"
        );
    }
    assert_eq!(town.broker.has.lock().unwrap().calls, 0);
}

#[tokio::test]
async fn notices_go_on_after_a_restart_where_they_ended() {
    let town = Town::new().await;
    let (desk, shutdown) = (Desk::open(town.config.clone()).unwrap(), Shutdown::new());
    let receipt = desk
        .submit(submission(town.folder.path(), "birth"), PATIENCE)
        .await
        .unwrap();
    let code = receipt.dossier_code;
    town.broker.notify(&code, received());
    let serve = |desk: &Desk, shutdown: &Shutdown| {
        let (desk, shutdown) = (desk.clone(), shutdown.clone());
        tokio::spawn(async move { desk.serve(shutdown).await })
    };
    let serving = serve(&desk, &shutdown);
    desk.wait_for(&code, |notice| notice.kind == Some(received()))
        .await
        .unwrap();
    shutdown.trigger();
    serving.await.unwrap();
    desk.close().await;

    town.broker.notify(&code, closed());
    let (desk, shutdown) = (Desk::open(town.config.clone()).unwrap(), Shutdown::new());
    let _serving = serve(&desk, &shutdown);
    desk.wait_closed(&code).await.unwrap();
    assert_eq!(desk.notices(&code).await.unwrap().len(), 2);
    assert_eq!(town.broker.has.lock().unwrap().cursors, ["", "0-1"]);
    assert!(
        !desk
            .submitted(&receipt.submit_key)
            .await
            .unwrap()
            .unwrap()
            .is_open()
    );
}

#[tokio::test]
async fn what_a_restored_broker_lost_comes_again_under_its_code_open_or_closed() {
    let town = Town::new().await;
    let (desk, shutdown) = (Desk::open(town.config.clone()).unwrap(), Shutdown::new());
    let folder = town.folder.path();
    let submit = async || desk.submit(submission(folder, "birth"), PATIENCE).await;
    // The broker stops one of them, which keeps nobody from looking after the others.
    let quarantined = submit().await.unwrap();
    let open = submit().await.unwrap();
    let done = submit().await.unwrap();
    town.broker.notify(&done.dossier_code, closed());
    let serving = tokio::spawn({
        let (desk, shutdown) = (desk.clone(), shutdown.clone());
        async move { desk.serve(shutdown).await }
    });
    desk.wait_closed(&done.dossier_code).await.unwrap();

    town.broker.change(|has| {
        has.submits.clear();
        has.codes.clear();
        has.documents.clear();
        has.notices.clear();
        has.quarantined.insert(quarantined.dossier_code.clone());
        has.epoch += 1;
    });
    for lost in [&open, &done] {
        let again = town
            .broker
            .until(|has| has.submits.get(&lost.submit_key).cloned())
            .await;
        assert_eq!(again.dossier_code, lost.dossier_code);
    }
    // From the first again, and what came before the loss is not told twice.
    town.broker.notify(&open.dossier_code, received());
    desk.wait_for(&open.dossier_code, |notice| notice.kind == Some(received()))
        .await
        .unwrap();
    // It is done anew, and kept until it is closed again.
    let is_open = async |key: &str| desk.submitted(key).await.unwrap().unwrap().is_open();
    while !is_open(&done.submit_key).await {
        tokio::task::yield_now().await;
    }
    shutdown.trigger();
    serving.await.unwrap();
    let has = town.broker.has.lock().unwrap();
    assert!(!has.documents.is_empty() && has.cursors.last().unwrap().is_empty());
    assert!(!has.submits.contains_key(&quarantined.submit_key));
}

#[tokio::test]
async fn a_desk_that_is_not_let_in_keeps_its_dossiers_until_it_is() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let patience = Duration::from_millis(30);
    let given = submission(town.folder.path(), "birth").with_key("k");
    for (code, reason) in [
        (Code::Unauthenticated, "NO_CERTIFICATE"),
        (Code::PermissionDenied, "NOT_YOUR_AGENCY"),
        (Code::PermissionDenied, "ROLE_NOT_ALLOWED"),
        (Code::PermissionDenied, "CERTIFICATE_EXPIRED"),
    ] {
        town.broker.change(|has| has.denied = Some((code, reason)));
        let kept = desk.submit(given.clone(), patience).await.unwrap_err();
        assert!(matches!(kept, SubmitError::NotYet { .. }), "{kept}");
        let state = desk.submitted("k").await.unwrap().unwrap().state;
        assert_eq!(state, State::Waiting, "{reason}");
    }
    town.broker.change(|has| has.denied = None);
    desk.submit(given, PATIENCE).await.unwrap();
}

#[tokio::test]
async fn a_configuration_that_cannot_be_used_is_refused_by_its_key() {
    let town = Town::new().await;
    let refused = |change: fn(&mut Config)| {
        let mut config = town.config.clone();
        change(&mut config);
        Desk::open(config).err().unwrap().to_string()
    };
    for (key, change) in [
        (
            "times.spool_ms",
            (|c| c.times.spool_ms = 0) as fn(&mut Config),
        ),
        ("times.call_ms_max", |c| c.times.call_ms_max = 0),
        ("limits.calls_max", |c| c.limits.calls_max = 0),
        ("times.back_off_ms_max", |c| c.times.back_off_ms_max = 0),
        ("agency_code", |c| c.agency_code.clear()),
    ] {
        let refused = refused(change);
        assert!(refused.contains(&format!("{key}: must")), "{refused}");
    }
}

#[tokio::test]
async fn results_are_saved_with_names_that_stay_in_their_folder() {
    let town = Town::new().await;
    let paper = vec![9; 300_000];
    let document = |file_name: &str| v1::Document {
        digest: Bytes::copy_from_slice(&digest_of(&paper)),
        size_bytes: paper.len() as u64,
        file_name: file_name.into(),
        ..Default::default()
    };
    town.broker.change(|has| {
        has.documents
            .insert(digest_of(&paper), paper.clone().into());
        has.results = vec![v1::Evidence {
            name: "birth_certificate".into(),
            data: r#"{"number":"12"}"#.into(),
            documents: vec![document("../../giấy.pdf"), document("data.json")],
            ..Default::default()
        }];
    });
    let desk = Desk::open(town.config.clone()).unwrap();
    let out = town.folder.path().join("out");
    let saved = desk.save_results("H57.12-261122-0001", &out).await.unwrap();
    assert!(saved.complete);
    let names: Vec<_> = saved
        .files
        .iter()
        .map(|file| file.strip_prefix(&out).unwrap().to_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "birth_certificate/data.json",
            "birth_certificate/_.._giấy.pdf",
            "birth_certificate/data-2.json"
        ]
    );
    assert_eq!(
        std::fs::read_to_string(&saved.files[0]).unwrap(),
        r#"{"number":"12"}"#
    );
    assert_eq!(std::fs::read(&saved.files[1]).unwrap(), paper);
    assert_eq!(
        desk.save_results("x", &out).await.unwrap(),
        saved,
        "again it is the same"
    );
}

#[tokio::test]
async fn a_dossier_put_into_the_spool_is_sent_and_a_wrong_one_says_what_to_mend() {
    let mut town = Town::new().await;
    let spool = town.folder.path().join("spool");
    town.config.spool = Some(spool.clone());
    let put = |name: &str, text: &str| {
        let folder = spool.join("incoming").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("notice.pdf"), b"paper").unwrap();
        std::fs::write(folder.join("dossier.json"), text).unwrap();
    };
    let form = r#"{"procedure": "birth", "parties": [{"id": "m", "roles": ["owner"], "name": "B"}],
                   "evidence": {"birth_notice": {"documents": ["notice.pdf"]}}}"#;
    put("a", &form.replace("owner", "mayor"));
    put("b", form);
    let shutdown = Shutdown::new();
    let running = tokio::spawn(desk::run(town.config.clone(), shutdown.clone()));
    let sent = spool.join("sent/H57.12-261122-0001");
    town.broker
        .until(|has| (!has.submits.is_empty()).then_some(()))
        .await;
    while !sent.exists() {
        tokio::task::yield_now().await;
    }
    shutdown.trigger();
    running.await.unwrap().unwrap();
    let receipt = std::fs::read_to_string(sent.join("receipt.json")).unwrap();
    assert!(receipt.contains("H57.12-261122-0001"), "{receipt}");
    let error = std::fs::read_to_string(spool.join("refused/a/error.txt")).unwrap();
    assert!(
        error.contains("parties[0].roles[0]: unknown variant `mayor`"),
        "{error}"
    );
    assert_eq!(town.broker.has.lock().unwrap().submits.len(), 1);
}
