//! What Prometheus and Grafana are delivered with: rules and a dashboard that name no metric that there is not,
//! and alerts that are told when they shall be.

use crate::{
    metrics::{table::Table, watched::Watched},
    town::{ground::deployed, patience::until},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::{Child, Command, Stdio},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// The folder with `promtool` and `prometheus`; the path when it is not set.
const PROMETHEUS: &str = "TOWN_PROMETHEUS";
const RULES: &str = "alerts/lienthong.rules.yml";
const STORIES: &str = "alerts/lienthong.test.yml";
const DASHBOARD: &str = "dashboards/lienthong.json";
/// Prometheus' own.
const NOT_OURS: [&str; 1] = ["up"];
/// Words of its language before labels in brackets.
const GROUPING: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
const OPERATORS: [&str; 4] = ["and", "or", "unless", "offset"];

#[test]
fn every_metric_of_the_rules_and_of_the_dashboard_is_in_the_table() {
    let mut known = Table::read().names();
    known.extend(NOT_OURS.map(str::to_owned));
    let rules = read(RULES);
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    let mut shown = Vec::new();
    gather(&dashboard, &mut shown);
    let asked = exprs(&rules);
    assert!(
        asked.len() >= 20 && shown.len() >= 40,
        "{} {}",
        asked.len(),
        shown.len()
    );
    for expr in asked.into_iter().chain(shown) {
        let named = metrics_in(&expr);
        assert!(!named.is_empty(), "{expr}");
        let unknown: Vec<_> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "there is no {unknown:?}: {expr}");
    }
}

#[test]
fn every_alert_has_its_words_its_story_and_its_place_in_the_book_of_failures() {
    let (rules, stories, book) = (read(RULES), read(STORIES), read("FAILURES.md"));
    let alerts: Vec<&str> = values(&rules, "- alert: ").collect();
    assert!(alerts.len() >= 20, "{alerts:?}");
    for word in ["severity: ", "summary: ", "summary_vi: ", "runbook: "] {
        assert_eq!(values(&rules, word).count(), alerts.len(), "{word}");
    }
    for severity in values(&rules, "severity: ") {
        assert!(["warning", "critical"].contains(&severity), "{severity}");
    }
    let told: BTreeSet<_> = values(&stories, "alertname: ").collect();
    for alert in &alerts {
        assert!(told.contains(alert), "{STORIES} tells nothing of {alert}");
        let place = format!("runbook: deploy/FAILURES.md#{}", alert.to_lowercase());
        assert!(rules.contains(&place), "{place}");
        assert!(book.contains(&format!("\n### {alert}\n\n")), "{alert}");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_takes() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    assert!(dashboard["schemaVersion"].as_u64() >= Some(36));
    assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource");
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{panel}");
            assert!(!panel["targets"].as_array().unwrap().is_empty(), "{panel}");
        }
    }
    let rows = panels.iter().filter(|panel| panel["type"] == "row");
    let rows: Vec<_> = rows.filter_map(|row| row["title"].as_str()).collect();
    let expected = [
        "What is stuck",
        "Flow",
        "Departments",
        "Ledger",
        "Desks",
        "Machines",
    ];
    assert_eq!(rows, expected);
}

#[test]
fn what_is_no_metric_is_not_taken_for_one() {
    let expr = r#"histogram_quantile(0.99, sum by (le, agency) (rate(a_bucket{x="b_y"}[5m]))) > 1e3 and on (c) d offset 5m unless ignoring(e) f{g=~"$h"} - time()"#;
    let expected = ["a_bucket", "d", "f"].map(str::to_owned);
    assert_eq!(metrics_in(expr), BTreeSet::from(expected));
}

#[test]
#[ignore = "needs promtool: ./test brings it"]
fn prometheus_takes_the_rules_and_tells_each_alert_when_it_shall() {
    for (what, file) in [("check", RULES), ("test", STORIES)] {
        let file = deployed(file);
        let run = Command::new(tool("promtool"))
            .args([what, "rules"])
            .arg(file)
            .output();
        let run =
            run.unwrap_or_else(|error| panic!("promtool: {error}; set {PROMETHEUS} or run ./test"));
        let told = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{told}");
    }
}

#[tokio::test]
#[ignore = "needs Prometheus: ./test brings it"]
async fn prometheus_scrapes_a_town_and_finds_names_and_rules_sound() {
    let watched = Watched::open().await;
    let page = watched.scrape("broker").await;
    let named = Command::new(tool("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut named =
        named.unwrap_or_else(|error| panic!("promtool: {error}; set {PROMETHEUS} or run ./test"));
    let mut input = named.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, page.in_the_older_format().as_bytes()).unwrap();
    drop(input);
    let named = named.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&named.stderr);
    assert!(named.status.success() && told.is_empty(), "{told}");

    let prometheus = Prometheus::start(&watched).await;
    let dossiers = prometheus.waits_for("lienthong_dossiers").await;
    assert_eq!(dossiers["value"][1], "1");
    assert_eq!(prometheus.waits_for("up").await["value"][1], "1");
    let rules = prometheus.ask("/api/v1/rules").await;
    let groups = rules["data"]["groups"].as_array().unwrap().clone();
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap());
    let names: Vec<_> = rules.map(|rule| &rule["name"]).collect();
    assert_eq!(names.len(), values(&read(RULES), "- alert: ").count());
}

/// A Prometheus of our own, on a port of its own.
struct Prometheus {
    running: Child,
    address: SocketAddr,
}

impl Prometheus {
    async fn start(watched: &Watched) -> Self {
        let folder = watched.town.path("prometheus");
        fs::create_dir_all(&folder).unwrap();
        let (target, rules) = (watched.address("broker").await, deployed(RULES));
        let config = format!(
            "global: {{ scrape_interval: 200ms, evaluation_interval: 200ms }}\n\
             rule_files: [{rules:?}]\n\
             scrape_configs:\n  - job_name: lienthong-broker\n    static_configs: [{{ targets: [\"{target}\"] }}]\n"
        );
        let file = folder.join("prometheus.yml");
        fs::write(&file, config).unwrap();
        let port = crate::town::ground::Port::pick().address.port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let log = fs::File::create(folder.join("log")).unwrap();
        let running = Command::new(tool("prometheus"))
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { running, address }
    }

    /// Asks its interface; none while it does not answer.
    async fn get(&self, path: &str) -> Option<Value> {
        let mut tcp = TcpStream::connect(self.address).await.ok()?;
        let asked = format!("GET {path} HTTP/1.0\r\nhost: {}\r\n\r\n", self.address);
        tcp.write_all(asked.as_bytes()).await.ok()?;
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    async fn ask(&self, path: &str) -> Value {
        until(&format!("Prometheus to answer {path}"), || self.get(path)).await
    }

    /// The first figure of a metric, once it was scraped.
    async fn waits_for(&self, metric: &str) -> Value {
        let path = format!("/api/v1/query?query={metric}");
        until(&format!("Prometheus to have {metric}"), || async {
            let found = self.get(&path).await?;
            found["data"]["result"].get(0).cloned()
        })
        .await
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}

fn tool(name: &str) -> OsString {
    let folder = std::env::var_os(PROMETHEUS).map(PathBuf::from);
    folder.map_or(name.into(), |folder| folder.join(name).into())
}

fn read(name: &str) -> String {
    fs::read_to_string(deployed(name)).unwrap()
}

/// What stands behind a key, on the same line.
fn values<'t>(text: &'t str, key: &'t str) -> impl Iterator<Item = &'t str> {
    text.lines()
        .filter_map(move |line| line.trim().strip_prefix(key))
}

/// Each stands on the line after its key.
fn exprs(rules: &str) -> Vec<String> {
    let lines: Vec<&str> = rules.lines().collect();
    let pairs = lines.windows(2).filter(|pair| pair[0].trim() == "expr: |");
    pairs.map(|pair| pair[1].trim().to_owned()).collect()
}

/// Every expression anywhere in it.
fn gather(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(expr) if key == "expr" => found.push(expr.to_owned()),
                    Some(query) if query.starts_with("label_values(") => {
                        found.push(query.split(',').next().unwrap().to_owned() + ")");
                    }
                    _ => gather(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| gather(value, found)),
        _ => {}
    }
}

/// The metrics that an expression names: words that are no function, operator, label or text.
fn metrics_in(expr: &str) -> BTreeSet<String> {
    let mut metrics = BTreeSet::new();
    let mut rest = expr;
    while let Some(first) = rest.chars().next() {
        let skip = |to: char| rest[1..].find(to).map_or("", |end| &rest[end + 2..]);
        if first.is_ascii_alphabetic() || first == '_' {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            let next = after.trim_start();
            // A function, or one that groups before its bracket.
            let is_call = ["(", "by ", "without "]
                .iter()
                .any(|one| next.starts_with(one));
            if GROUPING.contains(&word) {
                rest = after.find(')').map_or("", |end| &after[end + 1..]);
            } else if !is_call && !OPERATORS.contains(&word) {
                metrics.insert(word.to_owned());
            }
        } else if first.is_ascii_digit() {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.');
            rest = end.map_or("", |end| &rest[end..]);
        } else {
            rest = match first {
                '{' => skip('}'),
                '[' => skip(']'),
                '"' => skip('"'),
                _ => &rest[first.len_utf8()..],
            };
        }
    }
    metrics
}
