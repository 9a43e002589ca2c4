//! What operators do: move and extend steps, try again, suspend and resume, release; what each act leaves
//! in the audit log; and that nobody does what the directory does not grant.

use crate::town::{
    Caller, Puppet, Town,
    caller::{fields, reason},
    ground::BROKER,
    patience::{patiently, stalled, until},
    window::Filed,
};
use contract::v1::{
    self, RedriveOutcome, StepState, notice::Kind, operator_service_client::OperatorServiceClient,
    verdict::Outcome,
};
use jiff::{SignedDuration, Timestamp};
use node::{
    fault::Fault,
    identity::{Identity, Role},
};
use rusqlite::{Connection, params};
use std::{collections::BTreeMap, time::Duration};
use tokio::net::TcpStream;
use tonic::{Code, Request, Status, transport::Channel};

const POLICE: &str = "G01.99.01";
const OTHER_POLICE: &str = "G01.99.02";
const WHY: &str = "theo đề nghị của cơ quan";
/// Whoever is not taken is not tried again by itself for an hour.
const AN_HOUR: &str = "courier.back_off_ms_min = 3600000\ncourier.back_off_ms_max = 3600000";

#[tokio::test]
async fn a_suspended_department_is_given_nothing_until_it_goes_on_and_what_it_reports_is_taken() {
    let mut town = Town::open().await;
    let police = town.clerk("police");
    police.rests();
    let before = town.desk().submit("birth").await;
    town.desk()
        .sees(&before, "register_residence", StepState::Held)
        .await;
    town.suspends(POLICE, true).await.unwrap();
    // Again, and nothing changes.
    town.suspends(POLICE, true).await.unwrap();
    let after = town.desk().submit("birth").await;
    town.desk()
        .sees(&after, "register_residence", StepState::Due)
        .await;
    police.works();
    town.desk().closes(&before).await;
    town.restart_broker().await;
    let given = police.gets("a round of the second", |one| {
        one.dossier_code == after.code
    });
    assert!(stalled(given).await, "it was handed over all the same");
    let shown = town.department(POLICE).await;
    assert!(shown.suspended && shown.owed > 0, "{shown:?}");

    town.suspends(POLICE, false).await.unwrap();
    town.desk().closes(&after).await;
    assert!(!town.department(POLICE).await.suspended);
    let deeds = town.deeds().await;
    let [resumed, suspended] = &deeds[..] else {
        panic!("{deeds:#?}");
    };
    assert_eq!(
        (suspended.call.as_str(), suspended.subject.as_str()),
        ("SuspendDepartment", POLICE)
    );
    assert_eq!(
        suspended.operator,
        "spiffe://town.example/operator/operator"
    );
    assert_eq!(
        (suspended.before.as_str(), suspended.reason.as_str()),
        ("goes on", WHY)
    );
    assert!(
        suspended.after.starts_with("suspended since "),
        "{suspended:?}"
    );
    assert_eq!(
        (&resumed.before, resumed.after.as_str()),
        (&suspended.after, "goes on")
    );

    let nobody = town.suspends("X97", true).await.unwrap_err();
    assert_eq!(
        (nobody.code(), reason(&nobody)),
        (Code::NotFound, "UNKNOWN_AGENCY".into())
    );
}

#[tokio::test]
async fn of_a_suspended_procedure_no_new_dossier_is_taken_and_what_was_taken_is_answered_again() {
    let mut town = Town::open().await;
    let before = town.desk().submit("birth").await;
    town.suspends_procedure("birth", true).await.unwrap();
    let (request, _) = town.desk().prepare().await;
    let refused = town.desk().send(request.clone()).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::Unavailable, "PROCEDURE_SUSPENDED".into())
    );
    assert_eq!(
        Fault::retry_after_of(&refused),
        Some(Duration::from_secs(60))
    );
    let again = town.desk().send(before.request.clone()).await.unwrap();
    assert_eq!(
        again.dossier_code, before.code,
        "a repetition gets the first answer"
    );
    town.desk().closes(&before).await;

    town.restart_broker().await;
    let refused = until("the broker to be back", async || {
        let refused = town.desk().send(request.clone()).await.unwrap_err();
        (!reason(&refused).is_empty()).then_some(refused)
    });
    assert_eq!(reason(&refused.await), "PROCEDURE_SUSPENDED");
    town.suspends_procedure("birth", false).await.unwrap();
    town.desk().send(request).await.unwrap();
    assert_eq!(town.deeds().await.len(), 2);

    let nothing = town.suspends_procedure("marriage", true).await.unwrap_err();
    assert_eq!(
        (nothing.code(), reason(&nothing)),
        (Code::NotFound, "UNKNOWN_PROCEDURE".into())
    );
}

#[tokio::test]
async fn what_rests_is_tried_at_once_when_an_operator_wants_it() {
    let town = Town::plan()
        .broker(AN_HOUR)
        .offices(["civil-status", "social-insurance"])
        .open()
        .await;
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let other = town.desk().submit("birth").await;
    for _ in 0..2 {
        later(&mut police).await;
    }
    let rest = |dossier: &Filed| {
        let code = dossier.code.clone();
        let town = &town;
        async move { town.rests(&code).await }
    };
    until("both to rest", async || {
        (rest(&dossier).await && rest(&other).await).then_some(())
    })
    .await;

    // The one, and not the other.
    assert_eq!(town.retries(POLICE, &dossier.code).await.unwrap(), 1);
    let heard = later(&mut police).await;
    assert_eq!(heard, dossier.code);
    until("it to rest again", async || {
        rest(&dossier).await.then_some(())
    })
    .await;
    assert!(stalled(police.next()).await, "the other was tried, too");
    // All of it.
    assert_eq!(town.retries(POLICE, "").await.unwrap(), 2);
    for _ in 0..2 {
        police.next_handover().await.acknowledge().await;
    }
    for dossier in [&dossier, &other] {
        town.desk()
            .sees(dossier, "register_residence", StepState::Held)
            .await;
    }
    assert_eq!(town.retries(POLICE, "").await.unwrap(), 0);
    let deeds = town.deeds().await;
    let [_, all, one] = &deeds[..] else {
        panic!("{deeds:#?}");
    };
    assert_eq!(
        (one.before.as_str(), one.dossier_code.as_str()),
        ("1 rounds rest", dossier.code.as_str())
    );
    assert_eq!(
        (all.before.as_str(), all.dossier_code.as_str()),
        ("2 rounds rest", "")
    );

    town.suspends(POLICE, true).await.unwrap();
    let refused = town.retries(POLICE, "").await.unwrap_err();
    assert_eq!(reason(&refused), "DEPARTMENT_SUSPENDED");
}

/// Whoever only puts off is told of by how long it is owed, not by a legal limit that is days away.
#[tokio::test]
async fn what_a_department_puts_off_is_as_old_as_it_is_owed_and_after_an_hour_stands_on_page_one() {
    let settings = format!("{AN_HOUR}\n[metrics]\nlisten = \"127.0.0.1:0\"");
    let mut town = Town::plan()
        .broker(&settings)
        .offices(["civil-status", "social-insurance"])
        .open()
        .await;
    let mut police = town.puppet("police");
    let begun = Timestamp::now();
    let dossier = town.desk().submit("birth").await;
    later(&mut police).await;
    until("it to rest", async || {
        town.rests(&dossier.code).await.then_some(())
    })
    .await;
    let instant = |at: Option<prost_types::Timestamp>| {
        let at = at.expect("an instant");
        Timestamp::new(at.seconds, at.nanos).unwrap()
    };
    let shown = town.department(POLICE).await;
    let (since, due_at) = (instant(shown.owed_since), instant(shown.first_due_at));
    assert_eq!(shown.owed, 1);
    assert!(begun <= since && since <= Timestamp::now(), "{since}");
    assert!(due_at > begun + SignedDuration::from_hours(24), "{due_at}");
    let agency = [("agency", POLICE)];
    until("its age to be told", async || {
        let name = "lienthong_handovers_owed_oldest_seconds";
        let age = town.metric(BROKER, name, &agency).await?;
        (0.0 < age && age < 600.0).then_some(())
    })
    .await;
    let behind = async |town: &Town| {
        let page = town.operates().overview(v1::OverviewRequest {}).await;
        let page = page.unwrap().into_inner();
        let behind = page.departments_behind.into_iter();
        let behind: Vec<_> = behind.map(|one| (one.agency_code, one.owed)).collect();
        assert_eq!(page.departments_behind_total as usize, behind.len());
        behind
    };
    assert_eq!(
        behind(&town).await,
        [],
        "it is reached, and not owed for long"
    );

    town.stop(BROKER).await;
    let store = Connection::open(town.path("broker").join("broker.db")).unwrap();
    let sql = "UPDATE owed SET since = since - 3601 * 1000000";
    assert_eq!(store.execute(sql, []).unwrap(), 1);
    drop(store);
    town.start_broker().await;
    assert_eq!(behind(&town).await, [(POLICE.to_owned(), 1)]);
    town.suspends(POLICE, true).await.unwrap();
    assert_eq!(behind(&town).await, [], "that is known");
    town.suspends(POLICE, false).await.unwrap();
    assert_eq!(behind(&town).await, [(POLICE.to_owned(), 1)]);
    town.retries(POLICE, "").await.unwrap();
    police.next_handover().await.acknowledge().await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
    assert_eq!(behind(&town).await, []);
}

#[tokio::test]
async fn incidents_are_redriven_each_as_its_cause_has_it() {
    let mut town = Town::plan()
        .broker(AN_HOUR)
        .offices(["civil-status", "social-insurance"])
        .open()
        .await;
    town.clerk("social-insurance").answers(|_| {
        Some(vec![department::Said::Declined {
            reason: "Không thuộc thẩm quyền".into(),
            suggested_agency_code: String::new(),
        }])
    });
    let mut police = town.puppet("police");
    let dossier = town.desk().submit("birth").await;
    let refused = Fault::new(Code::FailedPrecondition, "NO_SUCH_WARD", "no", "không");
    let heard = police.next_handover().await;
    heard.answer(Outcome::Refused(refused.into_rpc())).await;
    let other = v1::SubmitRequest {
        territory_code: "H99_02".into(),
        ..dossier.request.clone()
    };
    assert_eq!(
        reason(&town.desk().send(other).await.unwrap_err()),
        "ID_REUSED"
    );
    let mut ids = BTreeMap::new();
    for cause in ["HANDOVER_REFUSED", "ID_REUSED", "STEP_DECLINED"] {
        ids.insert(cause, town.incident(cause).await.incident_id);
    }
    let refused = town.incident("HANDOVER_REFUSED").await;
    assert_eq!(refused.agency_code, POLICE, "whose step it is");
    assert!(!refused.agency_name.is_empty());
    let title = refused.step_title.unwrap();
    assert_eq!(title.en, "Register residence");
    let all = ["HANDOVER_REFUSED", "ID_REUSED", "STEP_DECLINED"].map(|cause| ids[cause].clone());
    let named = all
        .iter()
        .cloned()
        .chain(["999".into(), "gì".into(), all[0].clone()]);
    let came = town.redrives(named.collect()).await.unwrap();
    let outcomes = |came: &[v1::RedriveIncidentsResponse]| -> Vec<RedriveOutcome> {
        came.iter()
            .map(v1::RedriveIncidentsResponse::outcome)
            .collect()
    };
    assert_eq!(
        outcomes(&came),
        [
            RedriveOutcome::Tried,
            RedriveOutcome::Closed,
            RedriveOutcome::Nothing,
            RedriveOutcome::Unknown,
            RedriveOutcome::Unknown,
        ],
        "each once"
    );
    assert!(came.iter().all(|one| {
        let text = one.text.as_ref().unwrap();
        !text.vi.is_empty() && !text.en.is_empty()
    }));
    let suggestion = came[2].text.as_ref().unwrap();
    assert!(suggestion.en.contains("move the step"), "{suggestion:?}");

    police.next_handover().await.acknowledge().await;
    town.incidents_settled("HANDOVER_REFUSED").await;
    let again = town.redrives(all[..2].to_vec()).await.unwrap();
    assert_eq!(outcomes(&again), [RedriveOutcome::WasOver; 2]);
    let mut deeds = town.deeds().await;
    deeds.reverse();
    let [tried, closed] = &deeds[..] else {
        panic!("one entry for each that anything was done about: {deeds:#?}");
    };
    assert_eq!(
        tried.subject,
        format!("incident {} HANDOVER_REFUSED", all[0])
    );
    assert_eq!(tried.dossier_code, dossier.code);
    assert_eq!(
        (closed.before.as_str(), closed.after.as_str()),
        ("open", "closed")
    );

    let none = town.redrives(vec![]).await.unwrap_err();
    assert_eq!(fields(&none), ["incident_ids"]);
    let too_many = town.redrives(vec!["1".into(); 501]).await.unwrap_err();
    assert_eq!(fields(&too_many), ["incident_ids"]);
}

#[tokio::test]
async fn an_unreachable_department_is_dialled_at_once_when_its_incident_is_redriven() {
    let settings = format!("{AN_HOUR}\ncourier.failures_until_incident = 1");
    let town = Town::plan()
        .broker(&settings)
        .offices(["civil-status", "social-insurance"])
        .open()
        .await;
    let dossier = town.desk().submit("birth").await;
    let incident = town.incident("DEPARTMENT_UNREACHABLE").await;
    assert_eq!(incident.agency_code, POLICE);
    let shown = town.department(POLICE).await;
    assert!(shown.failures == 1 && !shown.last_error.is_empty() && !shown.is_reachable);
    // It has come back, and does not call.
    let mut police = town.puppet("police");
    until("the police to listen", async || {
        TcpStream::connect(town.address("police")).await.ok()
    })
    .await;
    let came = town.redrives(vec![incident.incident_id]).await.unwrap();
    assert_eq!(came[0].outcome(), RedriveOutcome::Tried);
    let heard = police.next_handover().await;
    assert_eq!(heard.handover().dossier_code, dossier.code);
    town.incidents_settled("DEPARTMENT_UNREACHABLE").await;
}

#[tokio::test]
async fn an_operator_puts_off_a_promised_date_and_the_desk_hears_the_apology() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
    let promised = async || {
        let tracked = town.desk().track(&dossier).await;
        let part = tracked
            .parts
            .into_iter()
            .find(|part| part.part_id == "residence");
        part.unwrap().promised_at.unwrap().seconds
    };
    let before = promised().await;
    let request = v1::ExtendStepRequest {
        request_id: "x-1".into(),
        dossier_code: dossier.code.clone(),
        step_id: "register_residence".into(),
        limit: Some(v1::Limit {
            amount: 2,
            unit: v1::LimitUnit::WorkingDay.into(),
        }),
        reason: WHY.into(),
    };
    let extends = |request: v1::ExtendStepRequest| async {
        let extended = town.operates().extend_step(request).await?;
        Ok::<_, Status>(extended.into_inner().promised_at.unwrap().seconds)
    };
    let at = extends(request.clone()).await.unwrap();
    assert!(at >= before + 2 * 24 * 3_600, "{at} {before}");
    assert_eq!(promised().await, at);
    assert_eq!(
        extends(request.clone()).await.unwrap(),
        at,
        "a repetition gets the first answer"
    );
    let apology = |notice: &v1::Notice| match &notice.kind {
        Some(Kind::Promised(one)) => one.reason == WHY,
        _ => false,
    };
    town.desk()
        .hears(&dossier, "of the later date", apology)
        .await;

    let other = |change: &dyn Fn(&mut v1::ExtendStepRequest)| {
        let mut request = v1::ExtendStepRequest {
            request_id: "x-2".into(),
            ..request.clone()
        };
        change(&mut request);
        request
    };
    let twice = extends(other(&|_| {})).await.unwrap_err();
    assert_eq!(reason(&twice), "EXTENSION_TWICE");
    let silent = extends(other(&|request| request.reason = " \n".into()))
        .await
        .unwrap_err();
    assert_eq!(fields(&silent), ["reason"]);
    let long = extends(other(&|request| request.reason = "ờ".repeat(1_000)))
        .await
        .unwrap_err();
    assert_eq!(fields(&long), ["reason"]);
    let endless = extends(other(&|request| request.limit = None))
        .await
        .unwrap_err();
    assert_eq!(fields(&endless), ["limit"]);
    let done = extends(other(&|request| request.step_id = "register_birth".into())).await;
    assert_eq!(reason(&done.unwrap_err()), "STEP_FINISHED");
    let deeds = town.deeds().await;
    let [deed] = &deeds[..] else {
        panic!("{deeds:#?}");
    };
    assert_eq!(
        (deed.call.as_str(), deed.subject.as_str()),
        ("ExtendStep", "register_residence")
    );
    assert!(deed.before.starts_with("promised until ") && deed.before != deed.after);
}

#[tokio::test]
async fn a_step_that_is_moved_is_on_record_with_who_had_it_and_who_has_it() {
    let town = Town::with(["civil-status", "social-insurance", "other-police"]).await;
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Due)
        .await;
    for _ in 0..2 {
        town.move_step("m-1", &dossier, "register_residence", OTHER_POLICE)
            .await
            .unwrap();
    }
    let deeds = town.deeds().await;
    let [deed] = &deeds[..] else {
        panic!("a repetition is no second act: {deeds:#?}");
    };
    assert_eq!(
        (deed.call.as_str(), deed.dossier_code.as_str()),
        ("MoveStep", dossier.code.as_str())
    );
    assert_eq!(deed.before, format!("with {POLICE} in round 1"));
    assert_eq!(deed.after, format!("with {OTHER_POLICE} in round 3"));
}

#[tokio::test]
async fn a_quarantined_dossier_is_released_once_it_can_be_read_and_goes_on() {
    let mut town = Town::with(["civil-status", "social-insurance"]).await;
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "issue_health_card", StepState::Completed)
        .await;
    town.stop(BROKER).await;
    town.puts("Register_birth", "register_birth");
    town.start_broker().await;
    town.start("police").await;
    let incident = town.incident("DOSSIER_QUARANTINED").await;
    assert_eq!(incident.redrive(), v1::RedriveKind::Release);
    let still = town.releases(&dossier.id).await.unwrap_err();
    assert_eq!(
        (still.code(), reason(&still)),
        (Code::FailedPrecondition, "STILL_UNREADABLE".into())
    );
    let came = town.redrives(vec![incident.incident_id]).await.unwrap();
    assert_eq!(came[0].outcome(), RedriveOutcome::Failed);
    assert!(town.deeds().await.is_empty());

    // Somebody puts it right, but for a name: it can be read, and is not what was written.
    town.stop(BROKER).await;
    town.puts("register_berth", "Register_birth");
    town.start_broker().await;
    let still = town.releases(&dossier.id).await.unwrap_err();
    assert_eq!(reason(&still), "STILL_UNREADABLE");
    town.stop(BROKER).await;
    town.puts("register_birth", "register_berth");
    town.start_broker().await;
    town.releases(&dossier.id).await.unwrap();
    town.incidents_settled("DOSSIER_QUARANTINED").await;
    town.desk().closes(&dossier).await;
    let again = town.releases(&dossier.id).await.unwrap_err();
    assert_eq!(reason(&again), "NOT_QUARANTINED");
    let deeds = town.deeds().await;
    let [deed] = &deeds[..] else {
        panic!("{deeds:#?}");
    };
    assert_eq!(
        (deed.call.as_str(), deed.dossier_code.as_str()),
        ("ReleaseDossier", dossier.code.as_str())
    );
    assert!(deed.before.starts_with("quarantined: ") && deed.after == "goes on");
}

#[tokio::test]
async fn departments_are_listed_as_they_are_and_a_line_that_breaks_is_seen_at_once() {
    let mut town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;
    let shown = town.department(POLICE).await;
    assert!(shown.is_reachable && shown.connected_since.is_some());
    until("it to have nothing before it", async || {
        let shown = town.department(POLICE).await;
        let before_it = (shown.owed, shown.window_items, shown.open_steps);
        (before_it == (0, 0, 0)).then_some(())
    })
    .await;
    assert!(shown.window_items_max > 0 && shown.verdicts_last_minute > 0);
    assert_eq!(shown.system_code, "police-mau-mot");
    assert!(shown.certificate_expires_at.is_some() && !shown.name.is_empty());
    until("it to say what its software is", async || {
        let version = town.department(POLICE).await.version;
        version.starts_with("lienthong ").then_some(())
    })
    .await;
    let quiet = town.department(OTHER_POLICE).await;
    assert!(!quiet.is_reachable && quiet.connected_since.is_none() && quiet.failures == 0);

    let mut watch = town.watches().await;
    town.stop("police").await;
    let told = async { while !watch.message().await.unwrap().unwrap().departments {} };
    patiently("the broken line to be told", told).await;
    let shown = town.department(POLICE).await;
    assert!(!shown.is_reachable && shown.connected_since.is_none());

    let mut seen = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListDepartmentsRequest {
            page_size: 2,
            page_token,
            find: String::new(),
        };
        let page = town
            .operates()
            .list_departments(request)
            .await
            .unwrap()
            .into_inner();
        assert!(page.departments.len() <= 2);
        seen.extend(page.departments.into_iter().map(|one| one.agency_code));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert!(seen.is_sorted() && seen.len() > 4, "{seen:?}");

    let found = async |find: &str| {
        let request = v1::ListDepartmentsRequest {
            find: find.into(),
            ..Default::default()
        };
        let page = town.operates().list_departments(request).await;
        page.map(|page| page.into_inner().departments.into_iter())
            .map(|found| found.map(|one| one.agency_code).collect::<Vec<_>>())
    };
    assert_eq!(found("g01.99.0").await.unwrap(), [POLICE, OTHER_POLICE]);
    assert_eq!(found("bao hiem XA hoi").await.unwrap(), ["G24.99"]);
    assert_eq!(found("không có").await.unwrap(), [""; 0]);
    let too_long = found(&"x".repeat(201)).await.unwrap_err();
    assert_eq!(fields(&too_long), ["find"]);
}

#[tokio::test]
async fn who_is_not_granted_it_does_nothing_and_leaves_nothing() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;
    let operators = |code: &str| town.caller(Role::Operator, code);
    for (caller, named, why) in [
        (operators("observer"), "", "NOT_GRANTED"),
        (operators("auditor"), "", "NOT_GRANTED"),
        (operators("stranger"), "", "UNKNOWN_OPERATOR"),
        (operators("console"), "", "NOBODY_NAMED"),
        (operators("console"), "oidc:observer-sample", "NOT_GRANTED"),
        (operators("duty"), "oidc:duty-sample", "NOT_A_CONSOLE"),
        (town.system_of("police"), "", "ROLE_NOT_ALLOWED"),
        (town.desk().caller.clone(), "", "ROLE_NOT_ALLOWED"),
    ] {
        for (act, refused) in every_act(&caller, named, &dossier).await {
            let refused = refused.unwrap_err();
            assert_eq!(refused.code(), Code::PermissionDenied, "{act}");
            assert_eq!(reason(&refused), why, "{act} by {named}");
        }
    }
    assert!(town.deeds().await.is_empty());
    assert!(!town.department(POLICE).await.suspended);

    // By the word of a console a person does it, and both are on record.
    let acts = every_act(&operators("console"), "oidc:duty-sample", &dossier).await;
    let not_granted = |status: &Status| reason(status) == "NOT_GRANTED";
    assert!(
        !acts
            .iter()
            .any(|(_, done)| done.as_ref().is_err_and(not_granted))
    );
    let duty = Identity::new("town.example", Role::Operator, "duty")
        .unwrap()
        .uri();
    let deeds = town.deeds().await;
    assert_eq!(deeds.len(), 3, "{deeds:#?}");
    for deed in deeds {
        assert_eq!(
            (&deed.operator, deed.via.as_str()),
            (&duty, "spiffe://town.example/operator/console")
        );
    }
}

/// Every act, and how it went.
async fn every_act(
    caller: &Caller,
    named: &str,
    dossier: &Filed,
) -> Vec<(&'static str, Result<(), Status>)> {
    let mut operator = caller.operator();
    let (dossier_code, reason) = (dossier.code.clone(), WHY.to_owned());
    let (agency_code, step_id) = (POLICE.to_owned(), "register_residence".to_owned());
    macro_rules! act {
        ($call:ident, $request:expr) => {{
            let mut request = Request::new($request);
            if !named.is_empty() {
                let key = "lienthong-on-behalf-of";
                request.metadata_mut().insert(key, named.parse().unwrap());
            }
            (stringify!($call), operator.$call(request).await.map(drop))
        }};
    }
    vec![
        act!(
            move_step,
            v1::MoveStepRequest {
                request_id: "m-9".into(),
                dossier_code: dossier_code.clone(),
                step_id: step_id.clone(),
                to_agency_code: OTHER_POLICE.into(),
                reason: reason.clone(),
            }
        ),
        act!(
            extend_step,
            v1::ExtendStepRequest {
                request_id: "x-9".into(),
                dossier_code: dossier_code.clone(),
                step_id,
                limit: Some(v1::Limit {
                    amount: 1,
                    unit: v1::LimitUnit::WorkingDay.into(),
                }),
                reason: reason.clone(),
            }
        ),
        act!(
            retry_now,
            v1::RetryNowRequest {
                agency_code: agency_code.clone(),
                reason: reason.clone(),
                dossier_code,
            }
        ),
        act!(
            suspend_department,
            v1::SuspendDepartmentRequest {
                agency_code,
                suspended: true,
                reason: reason.clone(),
            }
        ),
        act!(
            suspend_procedure,
            v1::SuspendProcedureRequest {
                procedure_code: "birth".into(),
                suspended: true,
                reason: reason.clone(),
            }
        ),
        act!(
            release_dossier,
            v1::ReleaseDossierRequest {
                dossier_id: dossier.id.clone(),
                reason: reason.clone(),
            }
        ),
        act!(
            redrive_incidents,
            v1::RedriveIncidentsRequest {
                incident_ids: vec!["1".into()],
                reason,
            }
        ),
    ]
}

/// Answers the next handover *later*, and says of which dossier it was.
async fn later(police: &mut Puppet) -> String {
    let heard = police.next_handover().await;
    let busy = Fault::new(Code::Unavailable, "BUSY", "later", "để sau");
    heard.answer(Outcome::Later(busy.into_rpc())).await;
    heard.handover().dossier_code.clone()
}

impl Town {
    fn operates(&self) -> OperatorServiceClient<Channel> {
        self.operator().operator()
    }

    async fn suspends(&self, agency: &str, suspended: bool) -> Result<(), Status> {
        let request = v1::SuspendDepartmentRequest {
            agency_code: agency.into(),
            suspended,
            reason: WHY.into(),
        };
        self.operates().suspend_department(request).await.map(drop)
    }

    async fn suspends_procedure(&self, procedure: &str, suspended: bool) -> Result<(), Status> {
        let request = v1::SuspendProcedureRequest {
            procedure_code: procedure.into(),
            suspended,
            reason: WHY.into(),
        };
        self.operates().suspend_procedure(request).await.map(drop)
    }

    async fn retries(&self, agency: &str, dossier_code: &str) -> Result<u64, Status> {
        let request = v1::RetryNowRequest {
            agency_code: agency.into(),
            reason: WHY.into(),
            dossier_code: dossier_code.into(),
        };
        let retried = self.operates().retry_now(request).await?;
        Ok(retried.into_inner().rounds)
    }

    async fn releases(&self, dossier_id: &str) -> Result<(), Status> {
        let request = v1::ReleaseDossierRequest {
            dossier_id: dossier_id.into(),
            reason: WHY.into(),
        };
        self.operates().release_dossier(request).await.map(drop)
    }

    async fn redrives(
        &self,
        incident_ids: Vec<String>,
    ) -> Result<Vec<v1::RedriveIncidentsResponse>, Status> {
        let request = v1::RedriveIncidentsRequest {
            incident_ids,
            reason: WHY.into(),
        };
        let mut answers = self
            .operates()
            .redrive_incidents(request)
            .await?
            .into_inner();
        let mut came = Vec::new();
        while let Some(answer) = answers.message().await? {
            came.push(answer);
        }
        Ok(came)
    }

    /// Whether a round of this dossier waits for its next time.
    async fn rests(&self, dossier_code: &str) -> bool {
        let request = v1::InspectDossierRequest {
            dossier_code: dossier_code.into(),
        };
        let shown = self.operates().inspect_dossier(request).await.unwrap();
        !shown.into_inner().retries.is_empty()
    }

    async fn department(&self, agency: &str) -> v1::DepartmentStatus {
        let request = v1::ListDepartmentsRequest::default();
        let listed = self.operates().list_departments(request).await.unwrap();
        let mut departments = listed.into_inner().departments.into_iter();
        departments.find(|one| one.agency_code == agency).unwrap()
    }

    async fn watches(&self) -> tonic::Streaming<v1::WatchDossiersResponse> {
        let request = v1::WatchDossiersRequest::default();
        let watch = self.operates().watch_dossiers(request).await;
        watch.unwrap().into_inner()
    }

    /// What is in the audit log, the newest first.
    async fn deeds(&self) -> Vec<v1::AuditEntry> {
        let request = v1::ListAuditRequest::default();
        let listed = self.operates().list_audit(request).await.unwrap();
        listed.into_inner().entries
    }

    /// Puts other words in the place of these in every record of a broker that does not run.
    fn puts(&self, words: &str, in_place_of: &str) {
        let file = self.path("broker").join("broker.db");
        let store = Connection::open(file).unwrap();
        let mut statement = store.prepare("SELECT position, bytes FROM record").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let rows: Vec<(i64, Vec<u8>)> = rows.unwrap().collect::<Result<_, _>>().unwrap();
        let (from, to) = (in_place_of.as_bytes(), words.as_bytes());
        assert_eq!(from.len(), to.len());
        let mut count = 0;
        for (position, mut bytes) in rows {
            while let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
                bytes[at..at + to.len()].copy_from_slice(to);
                count += 1;
            }
            let sql = "UPDATE record SET bytes = ?2 WHERE position = ?1";
            store.execute(sql, params![position, bytes]).unwrap();
        }
        assert!(count > 0, "no record has {in_place_of}");
    }
}
