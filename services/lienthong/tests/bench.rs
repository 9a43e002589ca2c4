//! The bench as a person runs it: whether it measures at all, and never how fast anything is.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::process::Command;
use tempfile::TempDir;

fn bench(folder: &TempDir, arguments: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lienthong"));
    command.args(["bench", "--json", "--seconds", "1", "--warm-up", "1"]);
    command.args(["--windows", "8", "--steps", "4", "--folder"]);
    let ended = command.arg(folder.path()).args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{told}");
    serde_json::from_slice(&ended.stdout).unwrap()
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

#[test]
fn hand_offs_are_counted_with_the_syncs_that_made_them_durable_and_what_they_cost() {
    let folder = TempDir::new().unwrap();
    let found = bench(&folder, &["handoffs"]);
    for departments in ["memory", "durable"] {
        let row = &found["handoffs"][departments][0];
        assert_eq!(row["refused"], 0, "{row}");
        for counted in ["per_second", "syncs_per_second"] {
            assert!(
                number(&row[counted]) > 0.0,
                "{departments} {counted}: {row}"
            );
        }
        // A sync makes at least the command durable that asked for it.
        assert!(number(&row["commands_per_sync"]) >= 1.0, "{row}");
        assert!(number(&row["cpu_us"]["broker"]) > 0.0, "{row}");
        assert!(number(&row["memory_peak"]["broker"]) > 0.0, "{row}");
    }
    let settings = &found["handoffs"]["settings"];
    assert_eq!(settings["syncs"], true, "{settings}");
    assert_eq!(settings["window_items"], 256, "{settings}");
}

#[test]
fn a_report_has_its_tables_plots_and_figures() {
    let (folder, report) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = report.path().display().to_string();
    let found = bench(&folder, &["handoffs", "journeys", "--report", &path]);
    assert_eq!(found["journeys"][0]["refused"], 0);
    assert!(number(&found["journeys"][0]["dossiers_per_second"]) > 0.0);

    let read = |name: &str| std::fs::read_to_string(report.path().join(name)).unwrap();
    let text = read("README.md");
    for part in ["How to repeat it", "Durable hand-offs", "handoffs.svg"] {
        assert!(text.contains(part), "{part}");
    }
    assert!(read("handoffs.svg").contains("</svg>"));
    let figures: Value = serde_json::from_str(&read("figures.json")).unwrap();
    assert_eq!(figures["handoffs"], found["handoffs"]);
}
