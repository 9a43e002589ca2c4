//! The table in deploy/METRICS.md.

use super::page::Page;
use crate::town::ground::deployed;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

const FILE: &str = "METRICS.md";
const HEAD: &str =
    "| metric | kind | unit | labels | of | what it tells |\n|---|---|---|---|---|---|\n";
/// In place of nothing.
const NONE: &str = "–";

/// Metrics by their names, as dashboards and alerts write them.
pub(crate) struct Table(BTreeMap<String, Row>);

struct Row {
    kind: String,
    labels: BTreeSet<String>,
    of: BTreeSet<String>,
    tells: String,
}

impl Table {
    /// As it is written.
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(deployed(FILE)).unwrap();
        let (_, rows) = text.split_once(HEAD).expect("the table");
        let mut table = BTreeMap::new();
        for line in rows.lines().take_while(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let [name, kind, unit, labels, of, tells] = cells[..] else {
                panic!("{line}");
            };
            let list = |cell: &str| {
                let words = cell.split(", ").filter(|word| *word != NONE);
                words
                    .map(|word| word.trim_matches('`').to_owned())
                    .collect()
            };
            let name = name.trim_matches('`').to_owned();
            assert_eq!(unit, unit_of(&name), "{name}");
            let row = Row {
                kind: kind.to_owned(),
                labels: list(labels),
                of: list(of),
                tells: tells.to_owned(),
            };
            table.insert(name, row);
        }
        Self(table)
    }

    /// As it is served. Labels of what has no row are those that stand in the table.
    pub(super) fn of(pages: &BTreeMap<&str, Page>, written: &Self) -> Self {
        let mut table: BTreeMap<String, Row> = BTreeMap::new();
        for (service, page) in pages {
            for (name, family) in &page.families {
                let name = match family.kind.as_str() {
                    "counter" => format!("{name}_total"),
                    _ => name.clone(),
                };
                let stands = written.0.get(&name).map(|row| &row.labels);
                let row = table.entry(name.clone()).or_insert_with(|| Row {
                    kind: family.kind.clone(),
                    labels: BTreeSet::new(),
                    of: BTreeSet::new(),
                    tells: family.help.clone(),
                });
                assert_eq!(
                    (&row.kind, &row.tells),
                    (&family.kind, &family.help),
                    "{name}"
                );
                row.of.insert((*service).to_owned());
                let labels = family.labels.as_ref().or(stands);
                row.labels.extend(labels.into_iter().flatten().cloned());
            }
        }
        Self(table)
    }

    /// A line for each.
    pub(super) fn lines(&self) -> BTreeSet<String> {
        self.0.iter().map(|(name, row)| row.line(name)).collect()
    }

    /// Puts it in the place of the one that is written.
    pub(super) fn write(&self) {
        let text = fs::read_to_string(deployed(FILE)).unwrap();
        let (before, rows) = text.split_once(HEAD).expect("the table");
        let after: String = rows
            .split_inclusive('\n')
            .skip_while(|line| line.starts_with('|'))
            .collect();
        let rows: String = self
            .0
            .iter()
            .map(|(name, row)| row.line(name) + "\n")
            .collect();
        fs::write(deployed(FILE), format!("{before}{HEAD}{rows}{after}")).unwrap();
    }

    /// The names with which rows are told, those of histograms among them.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (name, row) in &self.0 {
            match row.kind.as_str() {
                "histogram" => {
                    names.extend(["bucket", "sum", "count"].map(|end| format!("{name}_{end}")))
                }
                _ => drop(names.insert(name.clone())),
            }
        }
        names
    }
}

impl Row {
    fn line(&self, name: &str) -> String {
        let list = |words: &BTreeSet<String>, quote: &str| {
            let words: Vec<_> = words.iter().map(|w| format!("{quote}{w}{quote}")).collect();
            match words.is_empty() {
                true => NONE.to_owned(),
                false => words.join(", "),
            }
        };
        format!(
            "| `{name}` | {} | {} | {} | {} | {} |",
            self.kind,
            unit_of(name),
            list(&self.labels, "`"),
            list(&self.of, ""),
            self.tells
        )
    }
}

/// Prometheus has the unit at the end of the name.
fn unit_of(name: &str) -> &'static str {
    let name = name.trim_end_matches("_total");
    [("_seconds", "seconds"), ("_bytes", "bytes")]
        .into_iter()
        .find(|(end, _)| name.ends_with(end))
        .map_or(NONE, |(_, unit)| unit)
}
