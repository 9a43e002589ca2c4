//! A page of metrics, read as Prometheus reads it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// See the module.
pub(crate) struct Page {
    pub(super) text: String,
    pub(super) families: BTreeMap<String, Family>,
    pub(super) rows: Vec<(String, BTreeMap<String, String>, f64)>,
}

/// Rows of one name.
#[derive(Default)]
pub(super) struct Family {
    pub(super) kind: String,
    pub(super) help: String,
    /// None while it has no row.
    pub(super) labels: Option<BTreeSet<String>>,
}

impl Page {
    /// Asks for it over HTTP.
    pub(super) async fn read(address: SocketAddr) -> Self {
        let mut tcp = TcpStream::connect(address).await.unwrap();
        let asked = format!("GET /metrics HTTP/1.1\r\nhost: {address}\r\n\r\n");
        tcp.write_all(asked.as_bytes()).await.unwrap();
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        Self::parse(body)
    }

    fn parse(text: &str) -> Self {
        let mut page = Self {
            text: text.to_owned(),
            families: BTreeMap::new(),
            rows: Vec::new(),
        };
        assert!(text.ends_with("# EOF\n"), "the page is whole: {text}");
        for line in text.lines() {
            if let Some(told) = line.strip_prefix("# HELP ") {
                let (name, help) = told.split_once(' ').unwrap();
                let family = page.families.entry(name.to_owned()).or_default();
                assert_eq!(family.help, "", "{name} is told twice");
                family.help = help.to_owned();
            } else if let Some(told) = line.strip_prefix("# TYPE ") {
                let (name, kind) = told.split_once(' ').unwrap();
                page.families.get_mut(name).unwrap().kind = kind.to_owned();
            } else if !line.starts_with('#') {
                page.put(line);
            }
        }
        page
    }

    fn put(&mut self, line: &str) {
        let (row, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = match row.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix("\"}").unwrap()),
            None => (row, ""),
        };
        let labels: BTreeMap<String, String> = labels
            .split("\",")
            .filter(|one| !one.is_empty())
            .map(|one| {
                let (key, value) = one.split_once("=\"").unwrap();
                (key.to_owned(), value.to_owned())
            })
            .collect();
        let family = ["", "_total", "_bucket", "_sum", "_count"]
            .iter()
            .filter_map(|suffix| name.strip_suffix(suffix))
            .find(|name| self.families.contains_key(*name))
            .unwrap_or_else(|| panic!("{name} has no type"));
        let family = self.families.get_mut(family).unwrap();
        let keys = labels.keys().filter(|key| *key != "le").cloned();
        family.labels.get_or_insert_default().extend(keys);
        let value = value.parse().unwrap();
        self.rows.push((name.to_owned(), labels, value));
    }

    /// The same page as `promtool check metrics` reads it: there counters have their whole name.
    pub(crate) fn in_the_older_format(&self) -> String {
        let mut text = String::new();
        for line in self.text.lines().filter(|line| *line != "# EOF") {
            let told = line.strip_prefix("# ").and_then(|told| {
                let (word, told) = told.split_once(' ')?;
                let (name, told) = told.split_once(' ')?;
                let is_counter = self.families.get(name)?.kind == "counter";
                is_counter.then(|| format!("# {word} {name}_total {told}"))
            });
            text += &(told.unwrap_or_else(|| line.to_owned()) + "\n");
        }
        text
    }

    /// The figure of the row with exactly these labels.
    pub(super) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let is_it = |found: &BTreeMap<String, String>| {
            let has = |(key, value): &(&str, &str)| found.get(*key).is_some_and(|v| v == value);
            found.len() == labels.len() && labels.iter().all(has)
        };
        let mut rows = self.rows.iter();
        let found = rows.find(|(row, found, _)| row == name && is_it(found));
        found.map(|(_, _, value)| *value)
    }
}
