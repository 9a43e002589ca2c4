//! Every page in both languages, light and dark, wide and narrow: nothing on the browser's console, nothing
//! asked of anybody else, nothing that keeps somebody from using it.

use super::{browser::Browser, site::Site, tab::Tab};
use crate::town::Town;
use contract::v1::{StepState, verdict::Outcome};
use node::fault::Fault;
use std::{path::PathBuf, process::Command};
use tonic::Code;

/// Where pictures of the pages are put for a person to look at; none when left out.
const PICTURES: &str = "TOWN_PICTURES";

/// A town in which everything is to be seen: what is done, under way, stuck, refused and suspended.
async fn town_with_everything() -> (Town, Vec<String>, crate::town::Puppet) {
    let plan = Town::plan().broker("[courier]\nback_off_ms_max = 3600000");
    let mut town = plan.offices(["civil-status", "police"]).open().await;
    let done = town.desk().submit("birth").await;
    town.desk()
        .sees(&done, "register_residence", StepState::Completed)
        .await;
    town.clerk("police").rests();
    let held = town.desk().submit("birth").await;
    town.desk()
        .sees(&held, "register_residence", StepState::Held)
        .await;
    town.stop("police").await;
    let mut police = town.puppet("police");
    let refused = town.desk().submit("birth").await;
    let heard = police.next_handover().await;
    let why = Fault::new(
        Code::FailedPrecondition,
        "OFFICE_MOVES",
        "the office moves",
        "đang chuyển trụ sở",
    );
    heard.answer(Outcome::Refused(why.into_rpc())).await;
    town.incident("HANDOVER_REFUSED").await;
    town.incident("DEPARTMENT_UNREACHABLE").await;
    (town, vec![done.code, held.code, refused.code], police)
}

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn every_page_can_be_used_by_everybody_and_asks_nothing_of_anybody_else() {
    let (town, codes, _police) = town_with_everything().await;
    let site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    suspend(&tab).await;
    let dossier = format!("/dossiers/{}", codes[2]);
    let paths = [
        ("now", "/"),
        ("dossiers", "/dossiers?open=1"),
        ("dossiers-wrong", "/dossiers?from=soon&state=lost"),
        ("dossier", dossier.as_str()),
        ("person", "/dossiers/find"),
        ("departments", "/departments"),
        ("incidents", "/incidents?closed=1"),
        ("measures", "/measures"),
        ("audit", "/audit"),
        ("unknown", "/nothing"),
    ];
    let mut wrong = Vec::new();
    for (language, theme) in [
        ("en", "light"),
        ("vi", "dark"),
        ("vi", "light"),
        ("en", "dark"),
    ] {
        tab.go(&format!("/?language={language}&theme={theme}"))
            .await;
        for (name, path) in paths {
            for width in [1280, 360] {
                tab.forget();
                tab.window(width, 900).await;
                tab.go(path).await;
                keep_picture(&tab, &format!("{name}-{language}-{theme}-{width}")).await;
                let there = format!("{path} in {language}, {theme}, {width} px");
                // A page that does not exist is told as such by the browser itself.
                let complaints = tab.complaints().into_iter();
                let complaints = complaints.filter(|it| name != "unknown" || !it.contains("404"));
                let violations = tab.violations().await.into_iter();
                wrong.extend(
                    complaints
                        .chain(violations)
                        .map(|it| format!("{there}: {it}")),
                );
                let overflows = "document.documentElement.scrollWidth > window.innerWidth";
                if tab.value(overflows).await == true {
                    wrong.push(format!("{there}: wider than the window"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let door = site.tab(&browser).await;
    door.go("/login?language=vi").await;
    keep_picture(&door, "login-vi-light-1280").await;
    assert_eq!(door.complaints(), Vec::<String>::new());
    assert_eq!(door.violations().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn everything_is_reached_with_the_keyboard() {
    let (town, _, _police) = town_with_everything().await;
    let site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    tab.go("/").await;
    tab.press("Tab").await;
    let first = tab.value("document.activeElement.className").await;
    assert_eq!(first, "skip", "the first stop leads to the content");
    tab.press("Enter").await;
    tab.when(
        "the content to have the focus",
        "document.activeElement.id === 'content'",
    )
    .await;
    // From here on every stop is visible, and nothing keeps the focus.
    let mut stops = std::collections::BTreeSet::new();
    for _ in 0..60 {
        tab.press("Tab").await;
        let stop = "(() => { const it = document.activeElement; const box = it.getBoundingClientRect(); \
            return [it.tagName, it.id, it.getAttribute('href'), it.innerText ? it.innerText.slice(0, 40) : '', box.width > 0 && box.height > 0].join('|'); })()";
        let stop = tab.value(stop).await;
        stops.insert(stop.as_str().unwrap().to_owned());
    }
    assert!(stops.len() > 15, "{stops:?}");
    assert!(
        stops.iter().any(|stop| stop.starts_with("SUMMARY")),
        "{stops:?}"
    );
    let hidden: Vec<_> = stops
        .iter()
        .filter(|stop| stop.ends_with("false"))
        .collect();
    assert!(hidden.is_empty(), "{hidden:?}");
}

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn a_filter_is_saved_and_found_again_and_figures_come_as_csv() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;
    let site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    tab.go("/dossiers?state=closed").await;
    tab.sees(&dossier.code).await;
    tab.types("#filter-name", "Đã xong <b>hết</b>").await;
    tab.follow("form[action='/dossiers/filters'] button", "/dossiers")
        .await;
    tab.sees("The filter was saved.").await;
    tab.go("/dossiers?state=filed").await;
    tab.sees("No dossier matches.").await;
    tab.follow(".chips a", "/dossiers?state=closed").await;
    tab.sees("Đã xong <b>hết</b>").await;
    tab.sees(&dossier.code).await;
    tab.click(".chips form[action='/dossiers/filters/remove'] button")
        .await;
    tab.sees("The filter was removed.").await;

    let csv = "fetch('/measures.csv').then(answer => answer.text())";
    let csv = tab.value(csv).await;
    let csv = csv.as_str().unwrap();
    assert!(
        csv.contains("kind,number,name") && csv.contains("figure,,dossiers_closed"),
        "{csv}"
    );
    assert_eq!(tab.complaints(), Vec::<String>::new());
}

/// Suspends a department, as an operator does.
async fn suspend(tab: &Tab) {
    tab.go("/departments").await;
    let card = "[id='suspend-G01.99']";
    tab.click(&format!("{card} summary")).await;
    tab.types(&format!("{card} input[name=reason]"), "bảo trì hệ thống")
        .await;
    tab.follow(&format!("{card} button"), "/departments").await;
    tab.sees("Suspended.").await;
}

async fn keep_picture(tab: &Tab, name: &str) {
    let Some(folder) = std::env::var_os(PICTURES).map(PathBuf::from) else {
        return;
    };
    let (text, picture) = (
        folder.join("picture.txt"),
        folder.join(format!("{name}.png")),
    );
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(&text, tab.picture().await).unwrap();
    let decoded = Command::new("base64")
        .arg("-d")
        .arg(&text)
        .output()
        .unwrap();
    std::fs::write(picture, decoded.stdout).unwrap();
}
