//! The examples in `deploy/` are what the services read, and say their defaults as they are.

use std::{
    fmt::Debug,
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

/// Reads an example as it stands, and with every default written out.
fn both_ways<C: Debug, E: Debug>(name: &str, load: impl Fn(&Path) -> Result<C, E>) {
    let text = fs::read_to_string(deploy().join("config").join(name)).unwrap();
    let written_out: String = text
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(value) if value.starts_with(|c: char| c.is_ascii_lowercase()) => value,
            _ => line,
        })
        .map(|line| format!("{line}\n"))
        .collect();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    let read = |text: &str| {
        fs::write(&path, text).unwrap();
        format!("{:#?}", load(&path).unwrap())
    };
    assert_eq!(read(&text), read(&written_out), "{name}");
}

/// Every value of a service is in its example: this many lines hold one.
fn values(name: &str) -> usize {
    let text = fs::read_to_string(deploy().join("config").join(name)).unwrap();
    let is_value = |line: &&str| {
        let line = line.trim_start_matches("# ").trim_start_matches('#');
        line.split_once(" = ")
            .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
    };
    text.lines().filter(is_value).count()
}

#[test]
fn the_example_configurations_say_the_defaults_as_they_are() {
    both_ways("broker.toml", broker::Config::load);
    both_ways("department.toml", department::Config::load);
    both_ways("desk.toml", desk::Config::load);
}

#[test]
fn the_example_configurations_leave_no_value_out() {
    for (name, debug) in [
        (
            "broker.toml",
            shown(broker::Config::load(&deploy().join("config/broker.toml"))),
        ),
        (
            "department.toml",
            shown(department::Config::load(
                &deploy().join("config/department.toml"),
            )),
        ),
        (
            "desk.toml",
            shown(desk::Config::load(&deploy().join("config/desk.toml"))),
        ),
    ] {
        assert_eq!(values(name), leaves(&debug), "{name}: {debug}");
    }
}

fn shown<C: Debug, E: Debug>(config: Result<C, E>) -> String {
    format!("{:#?}", config.unwrap())
}

/// The fields of a configuration that hold no further fields. An identity is one value in the file
/// and three fields in memory.
fn leaves(debug: &str) -> usize {
    let mut count = 0;
    let mut lines = debug.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some((_, value)) = line.split_once(": ") else {
            continue;
        };
        let opens_struct = value.ends_with('{');
        if value == "Identity {" {
            for line in lines.by_ref() {
                if line == "}," {
                    break;
                }
            }
            count += 1;
        } else if !opens_struct {
            count += 1;
        }
    }
    count
}

#[test]
fn the_sample_directory_and_scripts_can_be_used() {
    let read = |name: &str| fs::read_to_string(deploy().join(name)).unwrap();
    let directory = read("directory.toml");
    dossier::directory::Directory::parse("directory.toml", &directory).unwrap();
    for name in [
        "civil-status",
        "police-residence",
        "social-insurance",
        "police-identity",
    ] {
        department::scripted::Script::load(&deploy().join(format!("scripts/{name}.toml"))).unwrap();
    }
    for name in ["1-straight", "2-corrected", "3-interrupted"] {
        let folder = deploy().join("samples/birth").join(name);
        desk::form::Form::load(&folder.join("dossier.json")).unwrap();
        let paper = fs::read(folder.join("giay-chung-sinh.pdf")).unwrap();
        assert!(
            paper.starts_with(b"%PDF-") && paper.len() < 60_000,
            "{name}"
        );
    }
}
