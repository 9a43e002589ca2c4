//! Loads a folder of procedures, with their calendars and schemas, and says everything that is wrong.

use crate::screen::{json, tell};
use anyhow::{Context as _, bail};
use clap::Args;
use dossier::{Procedure, calendar::Calendars, extract::Pointer, schema::Schemas};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Check a folder of procedures, with their calendars and schemas, as the broker does when it loads
/// them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong check-procedures deploy/procedures")]
pub(crate) struct CheckProceduresCommand {
    /// The folder; every *.toml in it is one version of a procedure.
    dir: PathBuf,
    /// The folder of the calendars; `calendars` beside that of the procedures, if there is one.
    #[arg(long, value_name = "DIR")]
    calendars: Option<PathBuf>,
    /// The folder of the schemas; `schemas` beside that of the procedures, if there is one.
    #[arg(long, value_name = "DIR")]
    schemas: Option<PathBuf>,
}

impl CheckProceduresCommand {
    pub(crate) fn run(self, json: bool) -> anyhow::Result<()> {
        let files = files_of(&self.dir, "toml")?;
        if files.is_empty() {
            bail!(
                "{} holds no procedure: no file in it ends in .toml",
                self.dir.display()
            );
        }
        let (mut sound, mut complaints) = (Vec::new(), Vec::new());
        for path in &files {
            let text = fs::read_to_string(path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            match Procedure::parse(&path.display().to_string(), &text) {
                Ok(procedure) => sound.push((path, procedure)),
                Err(error) => complaints.push(error.to_string()),
            }
        }
        if complaints.is_empty()
            && let Err(error) = dossier::procedure::Procedures::new(
                sound.iter().map(|(_, procedure)| procedure.clone()),
            )
        {
            complaints.push(error.to_string());
        }
        let beside = |given: &Option<PathBuf>, name: &str| {
            let found = self.dir.parent().unwrap_or(Path::new("")).join(name);
            given.clone().or_else(|| found.is_dir().then_some(found))
        };
        if let Some(folder) = beside(&self.calendars, "calendars")
            && let Err(error) = Calendars::new(texts(&folder, "toml")?)
        {
            complaints.push(error.to_string());
        }
        if let Some(folder) = beside(&self.schemas, "schemas") {
            match Schemas::new(texts(&folder, "json")?) {
                Ok(schemas) => {
                    for (path, procedure) in &sound {
                        complaints.extend(without_schema(path, procedure, &schemas));
                    }
                }
                Err(error) => complaints.push(error.to_string()),
            }
        }
        if json {
            let sound: Vec<_> = sound
                .iter()
                .map(|(path, procedure)| {
                    json!({
                        "file": path,
                        "code": procedure.code().as_str(),
                        "digest": procedure.digest.to_string(),
                        "valid_from": procedure.text.valid_from.to_string(),
                        "steps": procedure.text.steps.len(),
                    })
                })
                .collect();
            json::print(&json!({ "sound": sound, "complaints": complaints }))?;
        } else {
            for (path, procedure) in &sound {
                let text = &procedure.text;
                tell!(
                    "{}: sound; `{}` from {}, {} parts, {} steps",
                    path.display(),
                    text.code,
                    text.valid_from,
                    text.parts.len(),
                    text.steps.len()
                );
            }
            for complaint in &complaints {
                tell!("{complaint}");
            }
        }
        if complaints.is_empty() {
            return Ok(());
        }
        bail!(
            "{} complaints about {} procedures; mend what is named",
            complaints.len(),
            files.len()
        )
    }
}

/// The files in a folder whose names end so, in order.
fn files_of(folder: &Path, ending: &str) -> anyhow::Result<Vec<PathBuf>> {
    let reading = || format!("cannot read the folder {}", folder.display());
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(reading)?
        .map(|entry| Ok(entry.with_context(reading)?.path()))
        .collect::<anyhow::Result<_>>()?;
    files.retain(|path| path.extension().is_some_and(|own| own == ending));
    files.sort();
    Ok(files)
}

/// Those files, each with its name and its text.
fn texts(folder: &Path, ending: &str) -> anyhow::Result<Vec<(String, String)>> {
    let files = files_of(folder, ending)?.into_iter();
    let read = files.map(|path| {
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok((path.display().to_string(), text))
    });
    read.collect()
}

/// Which schemas that a procedure names do not exist, and which members of an extract theirs does not
/// know.
fn without_schema(path: &Path, procedure: &Procedure, schemas: &Schemas) -> Vec<String> {
    let kinds = &procedure.text.evidence;
    let file = path.display();
    let mut complaints: Vec<String> = kinds
        .iter()
        .filter(|(_, kind)| !kind.schema.is_empty() && !schemas.has(&kind.schema))
        .map(|(name, kind)| {
            format!(
                "{file}: evidence.{name}.schema: no schema has the id `{}`; add its file, or name \
                 another",
                kind.schema
            )
        })
        .collect();
    for (id, step) in &procedure.text.steps {
        for need in &step.needs {
            let schema = kinds.get(&need.evidence).map(|kind| kind.schema.as_str());
            let Some(schema) = schema.filter(|schema| schemas.has(schema)) else {
                continue;
            };
            let unknown = need.extract.iter().filter(|member| {
                let pointer = member
                    .strip_suffix('?')
                    .unwrap_or(member)
                    .parse::<Pointer>();
                pointer.map_or(true, |pointer| !schemas.has_pointer(schema, &pointer))
            });
            complaints.extend(unknown.map(|member| {
                format!(
                    "{file}: step.{id}.needs: `{schema}` has no member `{member}`; write one that it \
                     has"
                )
            }));
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_or_a_member_that_does_not_exist_is_named() {
        let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
        let schemas = Schemas::new(texts(&deploy.join("schemas"), "json").unwrap()).unwrap();
        let birth = fs::read_to_string(deploy.join("procedures/birth.toml")).unwrap();
        let check = |from: &str, to: &str| {
            let text = birth.replacen(from, to, 1);
            assert!(from == to || text != birth, "{from}");
            let procedure = Procedure::parse("birth.toml", &text).unwrap();
            without_schema(Path::new("birth.toml"), &procedure, &schemas)
        };
        assert_eq!(check("", ""), Vec::<String>::new());
        let told = check("lienthong:health_card:1", "lienthong:health_card:9");
        assert!(told[0].contains("evidence.health_card.schema"), "{told:?}");
        let told = check("/child/sex", "/child/shoe_size");
        assert!(told[0].contains("no member `/child/shoe_size`"), "{told:?}");
    }
}
