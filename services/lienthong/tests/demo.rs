//! The demo as a person runs it: the binary itself, with all its processes.

#![allow(clippy::unwrap_used)]

use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

fn demo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lienthong"));
    command.args(["demo", "--dir"]).arg(folder);
    command
}

/// The addresses of the broker and the departments, as their configurations say them.
fn addresses(folder: &Path) -> Vec<String> {
    [
        "broker",
        "civil-status",
        "police-residence",
        "social-insurance",
        "police-identity",
        "hospital",
        "population-database",
    ]
    .map(|name| {
        let config = fs::read_to_string(folder.join(format!("{name}.toml"))).unwrap();
        let config: toml::Table = toml::from_str(&config).unwrap();
        config["listen"].as_str().unwrap().to_owned()
    })
    .into()
}

#[test]
fn the_demo_closes_three_dossiers_with_every_result_and_leaves_nobody_behind() {
    let folder = TempDir::new().unwrap();
    let town = folder.path().join("town");
    let ended = demo(&town).arg("--json").output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(ended.status.success(), "{told}");
    assert!(
        !told.contains('\u{1b}'),
        "no escape codes where there is no terminal: {told}"
    );

    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let dossiers = report["dossiers"].as_array().unwrap();
    assert_eq!(dossiers.len(), 3);
    for one in dossiers {
        assert_eq!(one["dossier"]["state"], "closed");
        assert_eq!(one["dossier"]["visits"], 1);
        assert_eq!(one["dossier"]["papers_asked_twice"], 0);
        assert_eq!(one["dossier"]["national_status"], "result returned");
        let results = one["results"].as_array().unwrap();
        for name in [
            "birth_certificate",
            "residence_notice",
            "health_card",
            "identity_card",
        ] {
            assert!(results.iter().any(|one| one["evidence"] == name), "{name}");
        }
        assert_eq!(one["missing"], Value::Array(vec![]));
    }
    let slip = dossiers[1]["dossier"]["control_slip"].as_array().unwrap();
    let outcomes: Vec<_> = slip
        .iter()
        .map(|row| row["outcome"].as_str().unwrap())
        .collect();
    for outcome in ["returned", "corrected", "stands"] {
        assert!(outcomes.contains(&outcome), "{outcome} in {outcomes:?}");
    }
    for address in addresses(&town) {
        assert!(
            TcpStream::connect(&address).is_err(),
            "somebody still listens on {address}"
        );
    }
}

#[test]
fn the_other_journeys_come_to_their_end() {
    for (journey, dossiers) in [("death", 2), ("land", 1), ("business", 1)] {
        let folder = TempDir::new().unwrap();
        let mut command = demo(&folder.path().join("town"));
        let ended = command
            .args(["--journey", journey, "--json"])
            .output()
            .unwrap();
        let told = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.success(), "{journey}: {told}");
        let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
        assert_eq!(report["journey"], journey);
        assert_eq!(report["dossiers"].as_array().unwrap().len(), dossiers);
    }
}

#[test]
fn a_demo_that_is_killed_takes_its_processes_with_it() {
    let folder = TempDir::new().unwrap();
    let town = folder.path().join("town");
    let mut demo = demo(&town)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    assert!(
        lines
            .map_while(Result::ok)
            .any(|line| line.contains("each its own process"))
    );
    let addresses = addresses(&town);
    assert!(
        addresses
            .iter()
            .all(|address| TcpStream::connect(address).is_ok())
    );

    demo.kill().unwrap();
    demo.wait().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while addresses
        .iter()
        .any(|address| TcpStream::connect(address).is_ok())
    {
        assert!(Instant::now() < deadline, "somebody still listens");
        std::thread::yield_now();
    }
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("mine"), "x").unwrap();
    let refused = demo(folder.path()).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        String::from_utf8(refused.stderr)
            .unwrap()
            .contains("is not empty")
    );
}
