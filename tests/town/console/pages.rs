//! Every page in both languages, light and dark, wide and narrow: nothing on the browser's console, nothing
//! asked of anybody else, nothing that keeps somebody from using it.

use super::{browser::Browser, site::Site, tab::Tab};
use crate::town::{Town, ground::BROKER};
use contract::v1::{DossierState, StepState, verdict::Outcome};
use node::fault::Fault;
use rusqlite::Connection;
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

/// Languages, themes and widths in which a page is looked at.
type Look = (&'static str, &'static str, u32);

/// Every language with every theme, wide and narrow.
const LOOKS: [Look; 8] = [
    ("en", "light", 1280),
    ("en", "light", 360),
    ("vi", "dark", 1280),
    ("vi", "dark", 360),
    ("vi", "light", 1280),
    ("vi", "light", 360),
    ("en", "dark", 1280),
    ("en", "dark", 360),
];

/// Looks at pages as somebody would who cannot see well, has a small screen, or trusts nobody.
struct Looker<'a> {
    tab: &'a Tab,
    /// What there is to see, in the names of pictures.
    of: &'static str,
    wrong: Vec<String>,
}

impl Looker<'_> {
    /// Goes to each of these pages in each of these ways.
    async fn goes(&mut self, pages: &[(&str, &str)], looks: &[Look]) {
        for look in looks {
            let (language, theme, width) = *look;
            let there = format!("/?language={language}&theme={theme}");
            self.tab.go(&there).await;
            self.tab.window(width, 900).await;
            for (name, path) in pages {
                self.tab.forget();
                self.tab.go(path).await;
                self.looks(name, *look).await;
            }
        }
    }

    /// Looks at the page that is open.
    async fn looks(&mut self, name: &str, (language, theme, width): Look) {
        let (tab, of) = (self.tab, self.of);
        let there = format!("{name} of {of} in {language}, {theme}, {width} px");
        keep_picture(tab, &format!("{of}-{name}-{language}-{theme}-{width}")).await;
        // A page that does not exist is told as such by the browser itself.
        let complaints = tab.complaints().into_iter();
        let complaints = complaints.filter(|it| name != "unknown" || !it.contains("404"));
        let violations = tab.violations().await.into_iter();
        let found = complaints.chain(violations);
        self.wrong.extend(found.map(|it| format!("{there}: {it}")));
        let overflows = "document.documentElement.scrollWidth > window.innerWidth";
        if tab.value(overflows).await == true {
            self.wrong.push(format!("{there}: wider than the window"));
        }
    }

    fn found_nothing_wrong(self) {
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
    }
}

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn every_page_can_be_used_by_everybody_and_asks_nothing_of_anybody_else() {
    let (mut town, codes, _police) = town_with_everything().await;
    town.stop(BROKER).await;
    let store = Connection::open(town.path("broker").join("broker.db")).unwrap();
    let sql = "UPDATE dossier SET quarantined = 'the third record is damaged' WHERE code = ?1";
    assert_eq!(store.execute(sql, [&codes[1]]).unwrap(), 1);
    drop(store);
    town.start_broker().await;
    let site = Site::open_for(&town, "operator").await;
    let browser = Browser::open().await;
    let tab = site.entered(&browser).await;
    suspend(&tab).await;
    tab.go("/incidents?cause=HANDOVER_REFUSED").await;
    let form = "[id='do-HANDOVER_REFUSED']";
    tab.click(&format!("{form} summary")).await;
    tab.types(&format!("{form} input[name=reason]"), "đã liên hệ")
        .await;
    tab.follow(&format!("{form} button"), "/incidents/redrive/1")
        .await;
    tab.sees("1/1").await;
    let (dossier, quarantined) = (
        format!("/dossiers/{}", codes[2]),
        format!("/dossiers/{}", codes[1]),
    );
    let pages = [
        ("now", "/"),
        ("dossiers", "/dossiers?open=1"),
        ("dossiers-wrong", "/dossiers?from=soon&state=lost"),
        ("dossier", dossier.as_str()),
        ("dossier-quarantined", quarantined.as_str()),
        ("person", "/dossiers/find"),
        ("departments", "/departments"),
        ("departments-found", "/departments?find=cong+an"),
        ("departments-none", "/departments?find=khong+co"),
        ("incidents", "/incidents?closed=1"),
        ("incidents-cause", "/incidents?cause=HANDOVER_REFUSED"),
        ("redrive", "/incidents/redrive/1"),
        ("measures", "/measures"),
        ("audit", "/audit"),
        ("unknown", "/nothing"),
    ];
    let mut looker = Looker {
        tab: &tab,
        of: "everything",
        wrong: Vec::new(),
    };
    looker.goes(&pages, &LOOKS).await;
    for look in LOOKS {
        let (language, theme, width) = look;
        tab.go(&format!("/dossiers/find?language={language}&theme={theme}"))
            .await;
        tab.window(width, 900).await;
        tab.forget();
        tab.types("#p-name", "tran thi thu").await;
        tab.types("#p-reason", "công dân hỏi về hồ sơ").await;
        tab.click("form[action='/dossiers/find'] button.main").await;
        tab.sees("T••• T••• T•••").await;
        looker.looks("person-found", look).await;
    }
    looker.found_nothing_wrong();
    let door = site.tab(&browser).await;
    let mut looker = Looker {
        tab: &door,
        of: "nobody",
        wrong: Vec::new(),
    };
    looker.goes(&[("login", "/login")], &LOOKS).await;
    looker.found_nothing_wrong();
}

/// Pages that show none, one or very many dossiers.
const LISTS: [(&str, &str); 6] = [
    ("now", "/"),
    ("dossiers", "/dossiers"),
    ("departments", "/departments"),
    ("incidents", "/incidents"),
    ("measures", "/measures"),
    ("audit", "/audit"),
];
/// Each language and theme once, half of them narrow.
const SOME_LOOKS: [Look; 4] = [LOOKS[0], LOOKS[3], LOOKS[5], LOOKS[6]];

#[tokio::test]
#[ignore = "needs a browser: ./test brings it"]
async fn pages_can_be_used_with_no_dossier_one_and_a_hundred_thousand() {
    let mut town = Town::open().await;
    let browser = Browser::open().await;
    let site = Site::open_for(&town, "operator").await;
    let tab = site.entered(&browser).await;
    let mut looker = Looker {
        tab: &tab,
        of: "none",
        wrong: Vec::new(),
    };
    looker.goes(&LISTS, &SOME_LOOKS).await;
    town.clerk("police").rests();
    let one = town.desk().submit("birth").await;
    town.desk()
        .sees(&one, "register_residence", StepState::Held)
        .await;
    looker.of = "one";
    looker.goes(&LISTS, &SOME_LOOKS).await;
    looker.found_nothing_wrong();

    town.stop(BROKER).await;
    let store = Connection::open(town.path("broker").join("broker.db")).unwrap();
    multiply(&store, 100_000);
    drop(store);
    town.start_broker().await;
    let site = Site::open_for(&town, "operator").await;
    let tab = site.entered(&browser).await;
    let mut looker = Looker {
        tab: &tab,
        of: "many",
        wrong: Vec::new(),
    };
    tab.go("/dossiers?language=en&theme=light").await;
    tab.sees("Next page").await;
    looker.goes(&LISTS, &SOME_LOOKS).await;
    looker.found_nothing_wrong();
}

/// Makes so many dossiers like the only one in a store: of 97 desks with 89 departments, each tenth is open, and each
/// hundredth of these is past a limit.
fn multiply(store: &Connection, count: u32) {
    let columns: String = {
        let mut table = store.prepare("PRAGMA table_info(dossier)").unwrap();
        let names = table.query_map([], |row| row.get(1)).unwrap();
        let names: Vec<String> = names.collect::<Result<_, _>>().unwrap();
        names.join(", ")
    };
    let made = columns
        .split(", ")
        .map(|column| match column {
            "number" => "i + 1".to_owned(),
            "id" => "randomblob(16)".to_owned(),
            "code" => "substr(code, 1, length(code) - 7) || printf('%07d', i)".to_owned(),
            "desk" => "(SELECT word FROM word WHERE text = 'H99.70.' || (i % 97))".to_owned(),
            "received_at" => "received_at - i * 60000000".to_owned(),
            "closed_at" => "iif(i % 10 = 0, NULL, received_at + 1)".to_owned(),
            "closed_state" => format!("iif(i % 10 = 0, NULL, {})", DossierState::Closed as i32),
            column => column.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(", ");
    let flow_and_state = include_str!("../../../services/broker/src/store/sqlite/schema_6.sql");
    let counted_anew: String = flow_and_state
        .split_inclusive(';')
        .filter(|it| it.trim_start().starts_with("INSERT"))
        .collect();
    let sql = format!(
        "BEGIN;
         CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS (
           SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) SELECT i FROM n;
         INSERT OR IGNORE INTO word (text) SELECT 'H99.70.' || i FROM n WHERE i < 97
           UNION ALL SELECT 'H99.70.0' UNION ALL SELECT 'G99.' || i FROM n WHERE i < 89
           UNION ALL SELECT 'G99.0';
         INSERT INTO dossier ({columns}) SELECT {made} FROM dossier, n WHERE number = 1;
         INSERT INTO head SELECT i + 1, iif(i % 10 = 0, state, {closed}), sequence, last_position,
           NULL, last_hash, x'', steps FROM head, n WHERE dossier = 1;
         INSERT INTO step SELECT (SELECT word FROM word WHERE text = 'G99.' || (i % 89)), i + 1, step
           FROM step, n WHERE dossier = 1 AND i % 10 = 0;
         INSERT INTO incident (cause, dossier_id, step, agency, vi, en, opened_at, last_at, count,
           dossier)
           SELECT 'LIMIT_PASSED', d.id, 'register_residence', '', 'Bước đã quá thời hạn.',
             'the limit of the step has passed', d.received_at, d.received_at, 1, d.number
           FROM dossier d JOIN n ON d.number = i + 1 WHERE i % 1000 = 0;
         DELETE FROM flow; DELETE FROM open_by_state; {counted_anew}
         DROP TABLE n; COMMIT;",
        closed = DossierState::Closed as i32,
    );
    store.execute_batch(&sql).unwrap();
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
