//! What Prometheus gets of a town: the metrics that deploy/METRICS.md names and no others, with labels that
//! are bounded, and figures that agree with each other.

mod page;
pub(crate) mod table;
pub(crate) mod watched;

use crate::town::ground::{BROKER, POSTS};
use page::Page;
use std::{collections::BTreeMap, fs};
use table::Table;
use watched::{DESK, Watched};

/// Set to write the table anew from what is served.
const ACCEPT: &str = "TOWN_ACCEPT_METRICS";

#[tokio::test]
async fn the_table_of_metrics_is_what_is_served_and_nothing_else() {
    let mut watched = Watched::open().await;
    watched.has_trouble().await;
    let mut pages = BTreeMap::new();
    for (service, name) in [(BROKER, BROKER), ("department", "police"), (DESK, DESK)] {
        pages.insert(service, watched.scrape(name).await);
    }
    let written = Table::read();
    let served = Table::of(&pages, &written);
    if std::env::var_os(ACCEPT).is_some() {
        served.write();
        return;
    }
    let (written, served) = (written.lines(), served.lines());
    let list = |lines: Vec<&String>| lines.into_iter().map(|l| format!("    {l}\n")).collect();
    let (gone, new): (String, String) = (
        list(written.difference(&served).collect()),
        list(served.difference(&written).collect()),
    );
    assert!(
        written == served,
        "deploy/METRICS.md is not what is served.\nin the table alone:\n{gone}served alone:\n{new}\
         What dashboards and alerts use breaks when it goes. To write the table anew:\n    \
         {ACCEPT}=1 cargo test --test town the_table_of_metrics"
    );
}

#[tokio::test]
async fn what_is_told_of_one_dossier_agrees_and_names_neither_it_nor_anybody_in_it() {
    let watched = Watched::open().await;
    let (broker, desk) = (watched.scrape(BROKER).await, watched.scrape(DESK).await);
    let is = |page: &Page, name: &str, labels: &[(&str, &str)], value: f64| {
        assert_eq!(page.value(name, labels), Some(value), "{name} {labels:?}");
    };
    is(&broker, "lienthong_dossiers", &[], 1.0);
    is(&broker, "lienthong_dossiers_open", &[], 0.0);
    is(&broker, "lienthong_ledger_takes", &[], 1.0);
    is(&broker, "lienthong_store_readable", &[], 1.0);
    let submit = [("service", "DeskService"), ("method", "Submit")];
    let ok = [submit[0], submit[1], ("code", "OK")];
    is(&broker, "lienthong_rpc_handled_total", &ok, 1.0);
    is(
        &broker,
        "lienthong_rpc_duration_seconds_count",
        &submit,
        1.0,
    );
    let watch = [("service", "DeskService"), ("method", "WatchNotices")];
    is(&broker, "lienthong_rpc_under_way", &watch, 1.0);
    let commits = broker.value("lienthong_ledger_commits_total", &[]).unwrap();
    is(
        &broker,
        "lienthong_ledger_commit_seconds_count",
        &[],
        commits,
    );
    is(
        &desk,
        "lienthong_desk_submits",
        &[("state", "waiting")],
        0.0,
    );
    is(&desk, "lienthong_desk_watch_open", &[], 1.0);

    let mut pages = vec![broker, desk];
    for post in POSTS {
        let office = watched.scrape(post.name).await;
        let agency = [("agency", post.agency)];
        let recorded = [("verdict", "recorded")];
        let broker = &pages[0];
        let heard = broker.value(
            "lienthong_courier_verdicts_total",
            &[agency[0], recorded[0]],
        );
        let given = office.value("lienthong_inbox_verdicts_total", &recorded);
        assert!(heard >= Some(1.0) && heard <= given, "{heard:?} {given:?}");
        let sent = office.value("lienthong_outbox_verdicts_total", &recorded);
        is(
            &office,
            "lienthong_outbox_reports",
            &[("state", "recorded")],
            sent.unwrap(),
        );
        is(&office, "lienthong_report_stream_open", &[], 1.0);
        is(broker, "lienthong_courier_stream_open", &agency, 1.0);
        pages.push(office);
    }
    let bytes = |page: &Page, name| page.value(name, &[]).unwrap();
    assert!(bytes(&pages[0], "process_resident_memory_bytes") > 1e6);
    assert!(bytes(&pages[0], "lienthong_documents_received_bytes_total") > 1e3);

    let form = fs::read_to_string(
        watched
            .town
            .path("spool/sent")
            .join(&watched.code)
            .join("dossier.json"),
    );
    let form: serde_json::Value = serde_json::from_str(&form.unwrap()).unwrap();
    let names = form["parties"].as_array().unwrap().iter();
    let names: Vec<&str> = names.filter_map(|party| party["name"].as_str()).collect();
    assert!(!names.is_empty());
    for page in &pages {
        assert!(!page.text.contains(&watched.code), "{}", page.text);
        for name in &names {
            assert!(!page.text.contains(name), "{}", page.text);
        }
        for (row, labels, _) in &page.rows {
            let is_word = |value: &String| {
                value.len() <= 64 && value.bytes().all(|b| b.is_ascii_graphic() && b != b'"')
            };
            assert!(
                labels.values().all(|v| v.is_empty() || is_word(v)),
                "{row} {labels:?}"
            );
        }
    }
}
