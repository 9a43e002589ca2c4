//! What a desk does for its citizen, over real mutual TLS, with a broker that may be away and may forget.

#![allow(clippy::unwrap_used, missing_docs)]

#[allow(dead_code)]
mod broker;

use broker::Town;
use contract::v1::{self, notice::Kind};
use desk::{
    Act, Answer, Desk, Submission, SubmitError,
    form::{ActForm, Form},
    worklist::Todo,
};
use node::shutdown::Shutdown;
use std::{path::Path, time::Duration};
use tokio::{task::JoinHandle, time::timeout};

const PATIENCE: Duration = Duration::from_secs(20);
const IMPATIENCE: Duration = Duration::from_millis(30);

fn submission(key: &str) -> Submission {
    let form = r#"{"procedure": "birth",
        "parties": [{"id": "mother", "roles": ["owner"], "name": "Trần Thị Bình"}]}"#;
    Submission::new(Form::parse(form.as_bytes()).unwrap(), Path::new("")).with_key(key)
}

fn act(code: &str, act: &str) -> Act {
    let form = format!(r#"{{"dossier": "{code}", "act": {act}}}"#);
    Act::new(ActForm::parse(form.as_bytes()).unwrap(), Path::new(""))
}

fn withdraw(code: &str) -> Act {
    act(code, r#"{"withdraw": {"reason": "đổi ý"}}"#)
}

fn answer(code: &str) -> Act {
    act(
        code,
        r#"{"answer_supplement": {"evidence": {"plan": {"data": {"a": "b"}}}}}"#,
    )
}

fn serve(desk: &Desk) -> (Shutdown, JoinHandle<()>) {
    let shutdown = Shutdown::new();
    let (served, until) = (desk.clone(), shutdown.clone());
    (
        shutdown,
        tokio::spawn(async move { served.serve(until).await }),
    )
}

#[tokio::test]
async fn an_act_is_done_once_however_often_it_is_brought() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let code = desk
        .submit(submission("k"), PATIENCE)
        .await
        .unwrap()
        .dossier_code;
    let ask = r#"{"request_supplement": {"items": [
        {"evidence": "plan", "reason": "thiếu", "legal_basis": "Điều 1"}]}}"#;
    let ask = act(&code, ask).with_id("act-1");
    let first = desk.act(ask.clone(), PATIENCE).await.unwrap();
    let Answer::SupplementAsked(asked) = &first else {
        panic!("{first:?}")
    };
    assert_eq!(asked.supplement_number, 1);
    assert_eq!(desk.act(ask, PATIENCE).await.unwrap(), first);
    let other = withdraw(&code).with_id("act-1");
    let reused = desk.act(other, PATIENCE).await.unwrap_err();
    assert!(matches!(reused, SubmitError::KeyReused(_)), "{reused}");
    assert_eq!(town.broker.has.lock().unwrap().act_calls, 1);
}

#[tokio::test]
async fn acts_taken_while_the_broker_is_away_come_in_their_order_with_their_papers() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let code = desk
        .submit(submission("k"), PATIENCE)
        .await
        .unwrap()
        .dossier_code;
    town.broker.change(|has| has.away = true);
    let paper = town.folder.path().join("bản vẽ.pdf");
    std::fs::write(&paper, vec![5; 300_000]).unwrap();
    let answer = answer(&code).with_id("1").attach("plan", &paper);
    for act in [answer, withdraw(&code).with_id("2")] {
        let waits = desk.act(act, IMPATIENCE).await.unwrap_err();
        assert!(matches!(waits, SubmitError::NotYet { .. }), "{waits}");
    }
    desk.close().await;
    std::fs::remove_file(paper).unwrap();

    let desk = Desk::open(town.config.clone()).unwrap();
    let (shutdown, serving) = serve(&desk);
    town.broker.change(|has| has.away = false);
    let done = town
        .broker
        .until(|has| (has.acts.len() == 2).then(|| has.acts.clone()))
        .await;
    let ids: Vec<_> = done
        .iter()
        .map(|(_, id, what)| (id.as_str(), *what))
        .collect();
    assert_eq!(ids, [("1", "answer"), ("2", "withdraw")]);
    shutdown.trigger();
    serving.await.unwrap();
}

#[tokio::test]
async fn an_act_that_is_refused_says_why_and_holds_up_no_other() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let code = desk
        .submit(submission("k"), PATIENCE)
        .await
        .unwrap()
        .dossier_code;
    town.broker.change(|has| has.refuse_act = Some("withdraw"));
    let refused = desk.act(withdraw(&code), PATIENCE).await.unwrap_err();
    let SubmitError::Refused(refused) = refused else {
        panic!("{refused}")
    };
    assert_eq!(refused.reason, "NOT_YOURS");
    desk.act(answer(&code), PATIENCE).await.unwrap();
    let unknown = desk.act(withdraw("H57.12-000000-0000"), PATIENCE).await;
    assert!(matches!(unknown.unwrap_err(), SubmitError::Refused(_)));
}

#[tokio::test]
async fn what_was_done_for_a_dossier_that_a_restored_broker_lost_is_done_again() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let code = desk
        .submit(submission("k"), PATIENCE)
        .await
        .unwrap()
        .dossier_code;
    desk.act(answer(&code).with_id("1"), PATIENCE)
        .await
        .unwrap();
    desk.act(withdraw(&code).with_id("2"), PATIENCE)
        .await
        .unwrap();
    town.broker.change(|has| {
        has.codes.clear();
        has.submits.clear();
        has.acts.clear();
    });
    let (shutdown, serving) = serve(&desk);
    let done = town
        .broker
        .until(|has| (has.acts.len() == 2).then(|| has.acts.clone()))
        .await;
    assert!(done.iter().all(|(of, ..)| *of == code));
    assert_eq!((done[0].2, done[1].2), ("answer", "withdraw"));
    shutdown.trigger();
    serving.await.unwrap();
}

#[tokio::test]
async fn what_a_restored_broker_refuses_because_it_comes_too_early_is_brought_until_it_is_taken() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let code = desk
        .submit(submission("k"), PATIENCE)
        .await
        .unwrap()
        .dossier_code;
    for act in [answer(&code).with_id("1"), withdraw(&code).with_id("2")] {
        desk.act(act, PATIENCE).await.unwrap();
    }
    town.broker.change(|has| {
        has.codes.clear();
        has.submits.clear();
        has.acts.clear();
        has.act_calls = 0;
        has.refuse_act = Some("answer");
    });
    let (shutdown, serving) = serve(&desk);
    // The other act does not wait for it.
    let acts = |count| {
        town.broker
            .until(move |has| (has.acts.len() == count).then_some(()))
    };
    timeout(PATIENCE, acts(1)).await.unwrap();
    town.broker.change(|has| has.refuse_act = None);
    timeout(PATIENCE, acts(2)).await.unwrap();
    shutdown.trigger();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_dossier_that_had_closed_and_is_open_in_an_older_copy_gets_its_acts_again() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let (shutdown, serving) = serve(&desk);
    let code = desk
        .submit(submission("k"), PATIENCE)
        .await
        .unwrap()
        .dossier_code;
    let act = answer(&code).with_id("1");
    desk.act(act, PATIENCE).await.unwrap();
    town.broker.notify(&code, Kind::Closed(v1::NoticeClosed {}));
    let closed = timeout(PATIENCE, desk.wait_closed(&code)).await;
    closed.unwrap().unwrap();
    town.broker.change(|has| {
        has.acts.clear();
        has.notices.clear();
        has.epoch += 1;
    });
    let acts = town.broker.until(|has| (has.acts.len() == 1).then_some(()));
    timeout(PATIENCE, acts).await.unwrap();
    shutdown.trigger();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_dossier_that_closed_while_the_desk_believed_it_open_again_is_closed_there_too() {
    let mut town = Town::new().await;
    town.config.times.check_ms = 10;
    let desk = Desk::open(town.config.clone()).unwrap();
    let (shutdown, serving) = serve(&desk);
    let code = desk
        .submit(submission("k"), PATIENCE)
        .await
        .unwrap()
        .dossier_code;
    town.broker.notify(&code, Kind::Closed(v1::NoticeClosed {}));
    let closed = timeout(PATIENCE, desk.wait_closed(&code)).await;
    closed.unwrap().unwrap();
    let is_open = async |wanted: bool| {
        while desk.submitted("k").await.unwrap().unwrap().is_open() != wanted {
            tokio::task::yield_now().await;
        }
    };
    // The broker says so of a copy, and by the time that it is written down here it is not so any more:
    // the notice was heard before.
    town.broker.change(|has| {
        has.notices.clear();
        has.epoch += 1;
    });
    timeout(PATIENCE, is_open(true)).await.unwrap();
    town.broker.change(|has| has.closed.extend([code]));
    timeout(PATIENCE, is_open(false)).await.unwrap();
    shutdown.trigger();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_desk_with_leased_codes_gives_one_while_the_broker_is_away_and_acts_wait_for_it() {
    let mut town = Town::new().await;
    town.config.limits.codes_kept = 4;
    let desk = Desk::open(town.config.clone()).unwrap();
    let (shutdown, serving) = serve(&desk);
    town.broker
        .until(|has| (has.leased == 4).then_some(()))
        .await;
    while desk.codes_free().await.unwrap() < 4 {
        tokio::task::yield_now().await;
    }
    town.broker.change(|has| has.away = true);
    let code_of = |error: SubmitError| match error {
        SubmitError::NotYet {
            dossier_code: Some(code),
            ..
        } => code,
        other => panic!("{other}"),
    };
    let first = code_of(desk.submit(submission("k"), IMPATIENCE).await.unwrap_err());
    let again = code_of(desk.submit(submission("k"), IMPATIENCE).await.unwrap_err());
    let second = code_of(desk.submit(submission("l"), IMPATIENCE).await.unwrap_err());
    assert_eq!(
        (first.as_str(), second.as_str()),
        ("LEASED-0001", "LEASED-0002")
    );
    assert_eq!(again, first);
    desk.act(withdraw(&first), IMPATIENCE).await.unwrap_err();

    town.broker.change(|has| has.away = false);
    let done = town.broker.until(|has| has.acts.first().cloned()).await;
    assert_eq!((done.0.as_str(), done.2), ("LEASED-0001", "withdraw"));
    let receipt = desk.submit(submission("k"), PATIENCE).await.unwrap();
    assert_eq!(receipt.dossier_code, first);
    shutdown.trigger();
    serving.await.unwrap();
}

#[tokio::test]
async fn a_block_of_codes_whose_answer_was_lost_is_asked_for_again_under_its_id() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    town.broker.change(|has| has.loses_lease_answer = true);
    desk.lease_codes(3).await.unwrap_err();
    assert_eq!(desk.codes_free().await.unwrap(), 0);
    desk.close().await;

    // Also when the desk was ended meanwhile, and asks for another number.
    let desk = Desk::open(town.config.clone()).unwrap();
    let first = desk.lease_codes(5).await.unwrap();
    assert_eq!(first, ["LEASED-0001", "LEASED-0002", "LEASED-0003"]);
    let next = desk.lease_codes(1).await.unwrap();
    assert_eq!(next, ["LEASED-0004"]);
    assert_eq!(desk.codes_free().await.unwrap(), 4);
    desk.close().await;
}

#[tokio::test]
async fn a_worklist_is_made_of_what_the_broker_told() {
    let town = Town::new().await;
    let desk = Desk::open(town.config.clone()).unwrap();
    let (shutdown, serving) = serve(&desk);
    town.broker
        .notify("D-1", Kind::Filed(v1::NoticeFiled::default()));
    town.broker
        .notify("D-2", Kind::Filed(v1::NoticeFiled::default()));
    town.broker
        .notify("D-2", Kind::Received(v1::NoticeReceived::default()));
    let received = |notice: &v1::Notice| matches!(notice.kind, Some(Kind::Received(_)));
    desk.wait_for("D-2", received).await.unwrap();
    let worklist = desk.worklist().await.unwrap();
    let todo: Vec<_> = worklist
        .entries()
        .into_iter()
        .map(|entry| (entry.dossier_code.as_str(), &entry.todo))
        .collect();
    assert_eq!(todo, [("D-1", &Todo::Receive)]);
    shutdown.trigger();
    serving.await.unwrap();
}

#[tokio::test]
async fn an_act_put_into_the_spool_is_done_and_a_wrong_one_says_what_to_mend() {
    let mut town = Town::new().await;
    let spool = town.folder.path().join("spool");
    town.config.spool = Some(spool.clone());
    let desk = Desk::open(town.config.clone()).unwrap();
    let code = desk
        .submit(submission("k"), PATIENCE)
        .await
        .unwrap()
        .dossier_code;
    desk.close().await;
    for (name, act) in [
        ("a", r#"{"dance": {}}"#),
        ("b", r#"{"withdraw": {"reason": "đổi ý"}}"#),
    ] {
        let folder = spool.join("incoming").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let form = format!(r#"{{"dossier": "{code}", "act": {act}}}"#);
        std::fs::write(folder.join(".submit-key"), format!("act-{name}")).unwrap();
        std::fs::write(folder.join("act.json"), form).unwrap();
    }
    let shutdown = Shutdown::new();
    let running = tokio::spawn(desk::run(town.config.clone(), shutdown.clone()));
    town.broker
        .until(|has| (has.acts.len() == 1).then_some(()))
        .await;
    let sent = spool.join("sent/act-b/receipt.json");
    while !sent.exists() {
        tokio::task::yield_now().await;
    }
    let error = std::fs::read_to_string(spool.join("refused/a/error.txt")).unwrap();
    assert!(error.contains("unknown variant `dance`"), "{error}");
    shutdown.trigger();
    running.await.unwrap().unwrap();
}
