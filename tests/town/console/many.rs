//! A province of more desks than one page of the measures tells, and an outage of more incidents than a page lists.

use super::site::Site;
use crate::town::{Town, ground::BROKER, patience::until};
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

const DESKS: usize = 230;

/// Writes into the store of a broker that does not run that each of so many desks received a dossier today.
fn counts_a_dossier_of_each_desk(town: &Town) {
    let store = Connection::open(town.path("broker").join("broker.db")).unwrap();
    let word = |text: &str| -> i64 {
        let sql = "INSERT OR IGNORE INTO word (text) VALUES (?1)";
        store.execute(sql, [text]).unwrap();
        let sql = "SELECT word FROM word WHERE text = ?1";
        store.query_row(sql, [text], |row| row.get(0)).unwrap()
    };
    let today = jiff::Timestamp::now()
        .in_tz("Asia/Ho_Chi_Minh")
        .unwrap()
        .date();
    store.execute_batch("BEGIN").unwrap();
    let received = word("received");
    for desk in 0..DESKS {
        let sql = "INSERT INTO tally (day, name, agency, bucket, count) VALUES (?1, ?2, ?3, 0, 1)";
        let agency = word(&format!("H99.80.{desk:03}"));
        store
            .execute(sql, params![today.to_string(), received, agency])
            .unwrap();
        let sql = "INSERT INTO tally_month (month, name, agency, bucket, count)
                   VALUES (?1, ?2, ?3, 0, 1)";
        let month = today.strftime("%Y-%m").to_string();
        store
            .execute(sql, params![month, received, agency])
            .unwrap();
    }
    store.execute_batch("COMMIT").unwrap();
}

/// The codes of those desks that stand in a table's or a page's fields; not those in links.
fn desks(text: &str) -> BTreeSet<&str> {
    let fields = text.split([',', '<', '>']).map(str::trim);
    fields.filter(|it| it.starts_with("H99.80.")).collect()
}

#[tokio::test]
async fn the_measures_of_many_desks_come_page_by_page_and_the_csv_tells_of_all() {
    let mut town = Town::with([]).await;
    town.stop(BROKER).await;
    counts_a_dossier_of_each_desk(&town);
    town.start_broker().await;
    let site = Site::open_for(&town, "operator").await;
    let mut person = site.stranger();
    person.enters().await;

    let csv = person.get("/measures.csv").await;
    assert_eq!(csv.status, 200);
    assert_eq!(desks(&csv.body).len(), DESKS);
    // The lines of one indicator are not interrupted by those of another.
    let names = csv.body.lines().filter_map(|line| {
        let fields: Vec<_> = line.split(',').collect();
        (fields[0] == "indicator").then(|| fields[2].to_owned())
    });
    let mut names: Vec<_> = names.collect();
    names.dedup();
    let kinds: BTreeSet<_> = names.iter().collect();
    assert_eq!(kinds.len(), names.len(), "{names:?}");
    assert!(kinds.len() > 9, "{names:?}");

    let (mut path, mut seen, mut pages) = ("/measures".to_owned(), BTreeSet::new(), 0);
    loop {
        let page = person.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        for desk in desks(&page.body) {
            let is_new = seen.insert(desk.to_owned());
            assert!(is_new, "{desk} is on two pages");
        }
        pages += 1;
        let Some((_, pager)) = page.body.split_once("class=\"pager\"") else {
            break;
        };
        let (_, link) = pager.split_once("href=\"").unwrap();
        path = link.split_once('"').unwrap().0.replace("&amp;", "&");
    }
    assert_eq!((seen.len(), pages), (DESKS, 5));
}

/// Writes into the store of a broker that does not run that so many incidents of a cause are open, each of another
/// department.
fn has_incidents(store: &Connection, cause: &str, count: usize) {
    store.execute_batch("BEGIN").unwrap();
    for number in 0..count {
        let sql = "INSERT INTO incident (cause, dossier_id, step, agency, vi, en, opened_at, last_at, count)
                   VALUES (?1, x'', '', ?2, 'như vậy', 'so it is', ?3, ?3, 1)";
        let now = jiff::Timestamp::now().as_microsecond();
        let agency = format!("H98.{number}");
        store.execute(sql, params![cause, agency, now]).unwrap();
    }
    store.execute_batch("COMMIT").unwrap();
}

#[tokio::test]
async fn in_an_outage_of_many_incidents_an_older_cause_keeps_its_button_and_all_of_it_is_tried() {
    const OLDER: usize = 1_201;
    let mut town = Town::with([]).await;
    town.stop(BROKER).await;
    let store = Connection::open(town.path("broker").join("broker.db")).unwrap();
    has_incidents(&store, "NOTICE_REFUSED", OLDER);
    has_incidents(&store, "LIMIT_PASSED", 700);
    drop(store);
    town.start_broker().await;
    let site = Site::open_for(&town, "operator").await;
    let mut person = site.stranger();
    let token = person.enters().await;

    let button = format!("Try again now ({})", "1,201");
    for path in ["/", "/incidents?cause=NOTICE_REFUSED"] {
        let page = person.get(path).await;
        assert!(page.body.contains(&button), "{path}");
    }
    let page = person.get("/").await;
    let (_, of_cause) = page.body.split_once("id=\"cause-NOTICE_REFUSED\"").unwrap();
    let (of_cause, _) = of_cause.split_once("</article>").unwrap();
    assert_eq!(of_cause.matches("so it is").count(), 3, "the newest three");
    let (_, other) = page.body.split_once("id=\"cause-LIMIT_PASSED\"").unwrap();
    let (other, _) = other.split_once("</article>").unwrap();
    assert!(
        !other.contains("<form"),
        "trying again does nothing about it"
    );

    let form = format!("token={token}&cause=NOTICE_REFUSED&all=1&reason=told+by+telephone");
    let begun = person.post("/incidents/redrive", &form).await;
    assert_eq!(begun.status, 303, "{begun:?}");
    let there = begun.header("location").to_owned();
    let page = until("all to be tried", || async {
        let page = person.get(&there).await;
        page.body
            .contains("<strong>1,201/1,201</strong>")
            .then_some(page)
    })
    .await;
    assert!(page.body.contains("closed: 1,201"), "{}", page.body);
    assert_eq!(page.body.matches("<tr id=\"row-").count(), 500);
    assert_eq!(
        page.body.matches("data-label=\"Closed\">✓").count(),
        500,
        "as each is now"
    );
    let open = town.incidents().await;
    assert!(open.iter().all(|one| one.cause == "LIMIT_PASSED"));
    let store = Connection::open(town.path("broker").join("broker.db")).unwrap();
    let sql = "SELECT count(*) FROM audit WHERE call = 'RedriveIncidents'";
    let audited: i64 = store.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(audited, OLDER as i64, "each stands in the audit log");
}
