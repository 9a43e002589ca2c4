//! The examples in `deploy/` are what the services read, and say their defaults as they are.

use contract::v1;
use department::{
    Said,
    scripted::{Script, Scripted},
};
use dossier::{
    Procedure,
    name::EvidenceName,
    procedure::{Need, Origin},
    schema::Schemas,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
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
    both_ways("console.toml", console::Config::load);
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
        (
            "console.toml",
            shown(console::Config::load(&deploy().join("config/console.toml"))),
        ),
    ] {
        assert_eq!(values(name), leaves(&debug), "{name}: {debug}");
    }
}

fn shown<C: Debug, E: Debug>(config: Result<C, E>) -> String {
    format!("{:#?}", config.unwrap())
}

/// The fields of a configuration that hold no further fields. An identity, or a pattern of codes, is one
/// value in the file and three fields in memory.
fn leaves(debug: &str) -> usize {
    let mut count = 0;
    let mut lines = debug.lines().map(str::trim).peekable();
    while let Some(line) = lines.next() {
        let Some((_, value)) = line.split_once(": ") else {
            continue;
        };
        // A part that may be left out is told in two lines.
        let opens_within = value == "Some(" && lines.peek().is_some_and(|it| it.ends_with('{'));
        let opens_struct = value.ends_with('{') || opens_within;
        if matches!(value, "Identity {" | "CodePattern {") {
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
fn the_sample_directory_and_every_script_can_be_used() {
    let directory = fs::read_to_string(deploy().join("directory.toml")).unwrap();
    dossier::directory::Directory::parse("directory.toml", &directory).unwrap();
    let scripts = fs::read_dir(deploy().join("scripts")).unwrap();
    for script in scripts {
        department::scripted::Script::load(&script.unwrap().path()).unwrap();
    }
}

/// A round of this task, with evidence and the parties of a form.
fn round(task: v1::Task, step: &str, form: &Value, evidence: Vec<v1::Evidence>) -> v1::Handover {
    let party = |party: &Value| {
        let text = |name: &str| party[name].as_str().unwrap_or_default().to_owned();
        let roles = party["roles"].as_array().unwrap().iter().map(|role| {
            let role = format!("PARTY_ROLE_{}", role.as_str().unwrap().to_uppercase());
            v1::PartyRole::from_str_name(&role).unwrap() as i32
        });
        let born_on = text("born_on");
        let mut born_on = born_on.split('-').map(|part| part.parse().unwrap_or(0));
        let personal_id = party["identifiers"]["personal_id"].as_str();
        v1::Party {
            party_id: text("id"),
            roles: roles.collect(),
            name: text("name"),
            address: text("address"),
            born_on: Some(contract::Date {
                year: born_on.next().unwrap_or(0),
                month: born_on.next().unwrap_or(0),
                day: born_on.next().unwrap_or(0),
            }),
            identifiers: personal_id
                .map(|value| v1::Identifier {
                    scheme: v1::IdentifierScheme::PersonalId as i32,
                    value: value.into(),
                })
                .into_iter()
                .collect(),
            ..Default::default()
        }
    };
    v1::Handover {
        dossier_id: "0a".repeat(16),
        dossier_code: "H99.01.01-20261122-0000001".into(),
        step_id: step.into(),
        round: 1,
        task: task as i32,
        evidence,
        parties: form["parties"]
            .as_array()
            .unwrap()
            .iter()
            .map(party)
            .collect(),
        ..Default::default()
    }
}

/// Whatever the samples' citizens bring, and whatever the scripts' offices give for them, is as its
/// schema says.
#[test]
fn the_sample_dossiers_and_what_the_scripts_give_for_them_follow_their_schemas() {
    let read = |folder: &str| -> Vec<(String, String)> {
        let entries = fs::read_dir(deploy().join(folder)).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        paths
            .map(|path| (name(&path), fs::read_to_string(path).unwrap()))
            .collect()
    };
    let schemas = Schemas::new(read("schemas")).unwrap();
    let offices: Vec<Scripted> = read("scripts")
        .iter()
        .map(|(name, text)| Scripted::new(Script::parse(text, Path::new(name)).unwrap()))
        .collect();
    for (journey, procedure) in [
        ("birth", "birth"),
        ("death", "death"),
        ("land", "land_transfer"),
        ("business", "business"),
    ] {
        let text = fs::read_to_string(deploy().join(format!("procedures/{procedure}.toml")));
        let procedure = Procedure::parse(procedure, &text.unwrap()).unwrap();
        let samples = fs::read_dir(deploy().join("samples").join(journey)).unwrap();
        for sample in samples
            .map(|one| one.unwrap().path())
            .filter(|path| path.is_dir())
        {
            let text = fs::read_to_string(sample.join("dossier.json")).unwrap();
            desk::form::Form::parse(text.as_bytes()).unwrap();
            let form: Value = serde_json::from_str(&text).unwrap();
            let mut pool: BTreeMap<String, Vec<u8>> = BTreeMap::new();
            let mut take = |name: &str, schema: &str, data: Vec<u8>| {
                let kind = &procedure.text.evidence[&name.parse::<EvidenceName>().unwrap()];
                assert_eq!(kind.schema, schema, "{name} in {}", sample.display());
                let wrong = schemas.check(schema, &data);
                assert!(wrong.is_ok(), "{name} in {}: {wrong:?}", sample.display());
                pool.insert(name.to_owned(), data);
            };
            for (name, given) in form["evidence"].as_object().unwrap() {
                let schema = given["schema"].as_str().unwrap_or_default();
                take(name, schema, given["data"].to_string().into_bytes());
            }
            for (name, kind) in &procedure.text.evidence {
                let brought = form["evidence"].get(name.as_str()).is_some();
                if kind.source != Origin::Registry || brought {
                    continue;
                }
                let mut asked = round(v1::Task::LookUp, "look_up", &form, vec![]);
                asked.look_up = Some(v1::LookUp {
                    evidence: name.to_string(),
                    ..Default::default()
                });
                let found = offices
                    .iter()
                    .find_map(|office| office.answers(&asked).ok());
                let Some(Said::LookedUp {
                    evidence: Some(given),
                    ..
                }) = found.map(|mut answers| answers.remove(0).said)
                else {
                    panic!("nobody has {name} for {}", sample.display())
                };
                take(name.as_str(), &given.schema_id, given.data.to_vec());
            }
            // Each step once, in whatever order its needs come to be there.
            let mut done = BTreeSet::new();
            loop {
                let ready = procedure.text.steps.iter().find(|(id, step)| {
                    let there = |need: &&Need| pool.contains_key(need.evidence.as_str());
                    let needs = step.needs.iter().filter(|need| !need.optional);
                    step.role.is_some()
                        && !done.contains(*id)
                        && needs.clone().all(|need| there(&need))
                        && step
                            .gives
                            .iter()
                            .all(|name| !pool.contains_key(name.as_str()))
                });
                let Some((id, step)) = ready else { break };
                done.insert(id.clone());
                let evidence = step.needs.iter().filter_map(|need| {
                    Some(v1::Evidence {
                        name: need.evidence.to_string(),
                        version: 1,
                        data: pool.get(need.evidence.as_str())?.clone().into(),
                        ..Default::default()
                    })
                });
                let asked = round(v1::Task::Work, id.as_str(), &form, evidence.collect());
                let answers = offices
                    .iter()
                    .find_map(|office| office.answers(&asked).ok());
                let answers = answers.unwrap_or_else(|| panic!("no office does {id}"));
                for answer in answers {
                    if let Said::Completed { evidence, .. } = answer.said {
                        for given in evidence {
                            let kind = &procedure.text.evidence
                                [&given.name.parse::<EvidenceName>().unwrap()];
                            assert!(given.documents.len() >= kind.documents_min as usize, "{id}");
                            let data = given.data.to_vec();
                            let mut take = |name: &str, schema: &str, data: Vec<u8>| {
                                assert_eq!(kind.schema, schema, "{id}: {name}");
                                let wrong = schemas.check(schema, &data);
                                assert!(wrong.is_ok(), "{id}: {name}: {wrong:?}");
                                pool.insert(name.to_owned(), data);
                            };
                            take(&given.name, &given.schema_id, data);
                        }
                    }
                }
            }
            assert!(done.len() >= 3, "{}: {done:?}", sample.display());
        }
    }
}
