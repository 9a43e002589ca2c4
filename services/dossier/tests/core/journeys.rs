//! The four journeys, told in plain text under `tests/stories/`: lines that begin with `>` say what
//! people do, the others are what becomes of it. A story that tells something else than it did is a
//! failed test; `TELL_STORIES=1` writes them anew, to be read before they are committed.

#![allow(clippy::disallowed_methods)] // the core reads no disk; its tests may

mod script;
mod tell;

use script::{Act, Line};
use std::{collections::BTreeSet, fs, path::PathBuf};
use tell::Town;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/stories"))
}

#[test]
fn every_story_goes_as_it_is_told() {
    let mut stories: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "txt"))
        .collect();
    stories.sort();
    assert!(stories.len() >= 4, "the stories are under tests/stories");
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for path in stories {
        let written = fs::read_to_string(&path).unwrap();
        let (told, rounds) = tell(&written);
        seen.extend(rounds);
        if std::env::var_os("TELL_STORIES").is_some() {
            fs::write(&path, &told).unwrap();
        } else if told != written {
            let line = told
                .lines()
                .zip(written.lines())
                .position(|(now, before)| now != before)
                .unwrap_or_else(|| told.lines().count().min(written.lines().count()));
            wrong.push(format!(
                "{}:{}\n  told:    {}\n  written: {}",
                path.file_name().unwrap().to_string_lossy(),
                line + 1,
                told.lines().nth(line).unwrap_or("(the end)"),
                written.lines().nth(line).unwrap_or("(the end)"),
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let unseen: Vec<_> = tell::departments_steps()
        .difference(&seen)
        .cloned()
        .collect();
    assert!(unseen.is_empty(), "no story hands over {unseen:?}");
}

/// Tells a story anew from its acts.
fn tell(written: &str) -> (String, BTreeSet<(String, String)>) {
    let mut town: Option<Town> = None;
    let mut told = String::new();
    for line in script::lines(written) {
        match line {
            Line::Title(text) => {
                told.push_str(&text);
                told.push('\n');
            }
            Line::Setting(setting) => {
                if let Some(before) = &town {
                    told.push_str(&before.ends());
                    told.push('\n');
                }
                told.push_str(&setting.text);
                told.push('\n');
                town = Some(Town::of(&setting, town.take()));
            }
            Line::Act { text, at, act } => {
                let town = town.as_mut().expect("a story says its procedure first");
                told.push_str(&town.passes(at));
                told.push_str(&format!("\n> {text}\n"));
                told.push_str(&town.act(at, act));
                if matches!(act_end(&told), End::Story) {
                    break;
                }
            }
        }
    }
    let town = town.expect("a story says its procedure");
    told.push_str(&town.ends());
    (told, town.seen)
}

enum End {
    Story,
    No,
}

/// A story ends where it says so.
fn act_end(told: &str) -> End {
    match told.lines().rev().find(|line| line.starts_with('>')) {
        Some(line) if line.ends_with("hết") => End::Story,
        _ => End::No,
    }
}

#[test]
fn an_act_that_nobody_understands_is_an_error_that_says_so() {
    let error = Act::parse("register_birth nhảy múa").unwrap_err();
    assert!(error.contains("nhảy múa"), "{error}");
}
