//! Loads a folder of procedures and says everything that is wrong in it.

use crate::screen::{json, tell};
use anyhow::{Context as _, bail};
use clap::Args;
use dossier::Procedure;
use serde_json::json;
use std::{fs, path::PathBuf};

/// Check a folder of procedures as the broker does when it loads them.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong check-procedures deploy/procedures")]
pub(crate) struct CheckProceduresCommand {
    /// The folder; every *.toml in it is one version of a procedure.
    dir: PathBuf,
}

impl CheckProceduresCommand {
    pub(crate) fn run(self, json: bool) -> anyhow::Result<()> {
        let reading = || format!("cannot read the folder {}", self.dir.display());
        let mut files: Vec<PathBuf> = fs::read_dir(&self.dir)
            .with_context(reading)?
            .map(|entry| Ok(entry.with_context(reading)?.path()))
            .collect::<anyhow::Result<_>>()?;
        files.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "toml")
        });
        files.sort();
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
            "{} of {} procedures cannot be loaded; mend what is named",
            complaints.len(),
            files.len()
        )
    }
}
