//! A province of more desks than one page of the measures tells.

use super::site::Site;
use crate::town::{Town, ground::BROKER};
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
