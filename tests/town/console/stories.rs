//! What an operator does with the page: finds what is stuck, reads why, puts it right, and sees it close.

use super::{browser::Browser, site::Site};
use crate::town::{Town, patience::until};
use contract::v1::{StepState, verdict::Outcome};
use node::fault::Fault;
use std::time::{Duration, Instant};
use tonic::Code;

/// A department's refusal is tried again by itself after so long, which no test waits for.
const LONG_BACK_OFF: &str = "[courier]\nback_off_ms_max = 3600000";

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn an_operator_finds_a_stuck_dossier_on_page_one_reads_why_tries_it_again_and_sees_it_close()
{
    let plan = Town::plan().broker(LONG_BACK_OFF);
    let mut town = plan
        .offices(["civil-status", "social-insurance", "police-identity"])
        .open()
        .await;
    let mut police = town.puppet("police");
    let site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    tab.sees("Nothing is stuck.").await;
    tab.mark().await;

    let dossier = town.desk().submit("birth").await;
    let refused = police.next_handover().await;
    let why = Fault::new(
        Code::FailedPrecondition,
        "OFFICE_MOVES",
        "the office moves",
        "đang chuyển trụ sở",
    );
    refused.answer(Outcome::Refused(why.into_rpc())).await;

    // Page one says what, why, whose and since when, by itself.
    tab.sees("A department does not take a handover").await;
    tab.sees("OFFICE_MOVES").await;
    tab.sees(&dossier.code).await;
    tab.was_not_reloaded().await;

    tab.follow(
        &format!(".newest a[href='/dossiers/{}']", dossier.code),
        "/dossiers/",
    )
    .await;
    tab.sees("department G01.99.01 does not take step register_residence")
        .await;
    tab.sees("Being tried again").await;
    let incident = town.incident("HANDOVER_REFUSED").await.incident_id;
    tab.click(&format!("#try-{incident} summary")).await;
    tab.types(&format!("[id='i-{incident}']"), "trụ sở đã chuyển xong")
        .await;
    tab.follow(&format!("#try-{incident} button"), "/incidents/redrive/")
        .await;
    tab.sees("1/1").await;
    tab.sees("✓ tried again").await;

    // It is handed over at once, and closes before the operator's eyes.
    tab.mark().await;
    police.next_handover().await.acknowledge().await;
    tab.when("the incident to be closed", &format!("document.querySelector('[id=\"row-{incident}\"] td:last-child').innerText.includes('✓')"))
        .await;
    tab.was_not_reloaded().await;

    tab.go(&format!("/dossiers/{}", dossier.code)).await;
    tab.hears().await;
    tab.mark().await;
    drop(police);
    town.start("police").await;
    tab.when(
        "the dossier to close",
        "document.querySelector('#standing').innerText.includes('closed')",
    )
    .await;
    tab.was_not_reloaded().await;
    assert_eq!(tab.complaints(), Vec::<String>::new());

    // Who did it, and why, is recorded.
    tab.go("/audit").await;
    tab.sees("RedriveIncidents").await;
    tab.sees("trụ sở đã chuyển xong").await;
    tab.sees("spiffe://town.example/operator/operator").await;
}

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn an_operator_finds_a_citizen_s_dossier_by_name_with_a_reason_that_is_recorded() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    let site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    tab.follow("nav a[href='/dossiers']", "/dossiers").await;
    tab.follow("a[href='/dossiers/find']", "/dossiers/find")
        .await;
    tab.types("#p-name", "tran thi thu").await;
    tab.types("#p-reason", "công dân hỏi về hồ sơ").await;
    tab.click("form[action='/dossiers/find'] button.main").await;
    tab.sees(&dossier.code).await;
    tab.sees("T••• T••• T•••").await;
    let text = tab.text().await;
    assert!(!text.contains("Thử"), "{text}");
    tab.go("/audit").await;
    tab.sees("FindPerson").await;
    tab.sees("công dân hỏi về hồ sơ").await;
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn a_department_that_goes_down_is_said_within_two_seconds() {
    let mut town = Town::open().await;
    let first = town.desk().submit("birth").await;
    town.desk().closes(&first).await;
    let site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    tab.go("/departments").await;
    tab.hears().await;
    tab.mark().await;
    for (office, agency) in [("police", "G01.99.01"), ("social-insurance", "G24.99")] {
        let health = format!("document.querySelector('[id=\"dept-{agency}\"] .health').innerText");
        tab.when(
            "the office to be connected",
            &format!("{health}.includes('Connected')"),
        )
        .await;
        town.kill(office).await;
        let begun = Instant::now();
        tab.when(
            "the office to be away",
            &format!("!{health}.includes('Connected')"),
        )
        .await;
        let took = begun.elapsed();
        assert!(
            took < Duration::from_secs(2),
            "the page said so after {took:?}"
        );
    }
    tab.was_not_reloaded().await;

    // Page one says so too, as soon as something is owed to it: before an incident is opened.
    tab.go("/").await;
    tab.hears().await;
    tab.mark().await;
    let said = |agency: &str| format!("document.getElementById('behind-{agency}') !== null");
    assert_eq!(
        tab.value(&said("G01.99.01")).await,
        false,
        "nothing is owed"
    );
    town.desk().submit("birth").await;
    let begun = Instant::now();
    tab.when("page one to say so", &said("G01.99.01")).await;
    let took = begun.elapsed();
    assert!(
        took < Duration::from_secs(2),
        "page one said so after {took:?}"
    );
    tab.was_not_reloaded().await;
}

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn while_the_broker_is_away_the_page_says_since_when_and_recovers_by_itself() {
    let mut town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;
    let site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    tab.go("/dossiers").await;
    tab.hears().await;
    tab.sees(&dossier.code).await;
    tab.mark().await;
    town.stop("broker").await;
    tab.sees("No connection to the broker since").await;
    assert!(
        tab.text().await.contains(&dossier.code),
        "what was known stays"
    );
    town.start_broker().await;
    tab.when(
        "the notice to go",
        "!document.body.innerText.includes('No connection')",
    )
    .await;
    let second = town.desk().submit("birth").await;
    tab.sees(&second.code).await;
    tab.was_not_reloaded().await;
}

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn many_incidents_are_chosen_with_the_keyboard_and_each_result_arrives() {
    let plan = Town::plan().broker(LONG_BACK_OFF);
    let town = plan
        .offices(["civil-status", "social-insurance", "police-identity"])
        .open()
        .await;
    let mut police = town.puppet("police");
    for _ in 0..3 {
        town.desk().submit("birth").await;
        let refused = police.next_handover().await;
        let why = Fault::new(Code::FailedPrecondition, "OFFICE_MOVES", "no", "không");
        refused.answer(Outcome::Refused(why.into_rpc())).await;
    }
    until("three incidents", || async {
        (town.incidents().await.len() == 3).then_some(())
    })
    .await;
    let site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    tab.go("/incidents?cause=HANDOVER_REFUSED").await;
    tab.hears().await;
    tab.when(
        "three incidents",
        "document.querySelectorAll('input[name=id]').length === 3",
    )
    .await;
    tab.value("document.getElementById('all-HANDOVER_REFUSED').focus()")
        .await;
    tab.press(" ").await;
    tab.when(
        "all to be chosen",
        "document.querySelectorAll('input[name=id]:checked').length === 3",
    )
    .await;
    // A change meanwhile takes nothing away that was chosen or typed.
    tab.types("#redrive-reason", "đã liên hệ").await;
    town.desk().submit("birth").await;
    let refused = police.next_handover().await;
    let why = Fault::new(Code::FailedPrecondition, "OFFICE_MOVES", "no", "không");
    refused.answer(Outcome::Refused(why.into_rpc())).await;
    tab.when(
        "a fourth incident",
        "document.querySelectorAll('input[name=id]').length === 4",
    )
    .await;
    assert_eq!(
        tab.value("document.querySelectorAll('input[name=id]:checked').length")
            .await,
        3
    );
    assert_eq!(
        tab.value("document.getElementById('redrive-reason').value")
            .await,
        "đã liên hệ"
    );
    tab.value("document.getElementById('redrive-reason').focus()")
        .await;
    tab.press("Enter").await;
    tab.sees("3/3").await;
    for _ in 0..3 {
        police.next_handover().await.acknowledge().await;
    }
    tab.when("three to be closed", "[...document.querySelectorAll('tbody tr td:last-child')].filter(it => it.innerText.includes('✓')).length === 3")
        .await;
}

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn a_console_that_was_started_again_leads_to_the_door_and_back_to_the_page() {
    let town = Town::with([]).await;
    let mut site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    tab.go("/departments").await;
    tab.hears().await;
    site.stop().await;
    tab.sees("This page has had no updates since").await;
    site.start(&town).await;
    tab.sees("Log in to the console").await;
    tab.follow("form[action='/login/local'] button", "/departments")
        .await;
    tab.sees("G01.99.01").await;
}

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn a_dossiers_page_shows_where_it_stands_as_it_goes() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
    let site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    tab.go(&format!("/dossiers/{}", dossier.code)).await;
    tab.hears().await;
    tab.mark().await;
    let row = "document.getElementById('step-register_residence').innerText";
    tab.when("the step to be held", &format!("{row}.includes('held')"))
        .await;
    tab.when(
        "the graph to show the steps",
        "document.querySelectorAll('svg.graph .node').length >= 3",
    )
    .await;
    town.clerk("police").works();
    tab.when(
        "the step to be completed",
        &format!("{row}.includes('completed')"),
    )
    .await;
    tab.sees("Control slip").await;
    tab.was_not_reloaded().await;
    let text = tab.text().await;
    for value in [
        "Trần Thị Thử",
        "Nguyễn Bình Mẫu",
        "099000000002",
        "giay-chung-sinh",
    ] {
        assert!(!text.contains(value), "{value} is nobody's to see here");
    }
}
