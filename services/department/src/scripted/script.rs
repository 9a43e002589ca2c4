//! How a script is written: steps, look-ups and consultations, each with rules of which the first that
//! fits gives the answer.

use super::{
    registry::LookUpScript,
    rule::{RuleScript, TaskName},
};
use contract::v1;
use serde::Deserialize;
use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
};

/// Milliseconds that a scripted step may take.
pub(super) const DELAY_MS_MAX: u64 = 24 * 3_600 * 1_000;

/// A script that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// Name a file that exists and may be read.
    #[error("cannot read the script {path}: {source}; name a TOML file that exists", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Mend the TOML there.
    #[error("the script {path}: {source}", path = path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        source: Box<toml::de::Error>,
    },
    /// Mend the step.
    #[error("{place} of the script: {message}")]
    Place {
        /// The step, the look-up or the consultation.
        place: String,
        /// What is wrong and how to mend it.
        message: String,
    },
}

/// What a scripted department answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// Its steps.
    #[serde(rename = "step", default)]
    pub steps: Vec<StepScript>,
    /// What it holds, for who asks before the citizen is asked.
    #[serde(rename = "look_up", default)]
    pub look_ups: Vec<LookUpScript>,
    /// What it says where it is consulted.
    pub consultation: Option<ConsultationScript>,
}

/// One step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepScript {
    /// As the procedure names it.
    pub id: String,
    /// The procedure, for the description of the department.
    #[serde(default)]
    pub procedure: String,
    /// What it is called, for the same.
    #[serde(default)]
    pub title: TextScript,
    /// Milliseconds before it answers; 0.
    #[serde(default)]
    pub delay_ms: u64,
    /// What it tells at once when it takes up work; nothing when empty.
    #[serde(default)]
    pub progress: String,
    /// Who does it.
    pub officer: Option<OfficerScript>,
    /// Who signs its outcome, if another: one whom the directory lets sign, where the procedure asks
    /// for it.
    pub signer: Option<OfficerScript>,
    /// The first that fits gives the answer.
    #[serde(rename = "rule", default)]
    pub rules: Vec<RuleScript>,
}

/// A text in both languages.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextScript {
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}

/// An officer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OfficerScript {
    /// Full name.
    pub name: String,
    /// Title or position.
    pub title: String,
    /// The office within the agency.
    pub office: String,
}

/// Opinions, whatever step asks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsultationScript {
    /// Milliseconds before it answers; 0.
    #[serde(default)]
    pub delay_ms: u64,
    /// Whose opinion it is.
    pub officer: Option<OfficerScript>,
    /// The first that fits gives the answer.
    #[serde(rename = "rule", default)]
    pub rules: Vec<RuleScript>,
}

impl Script {
    /// Reads and checks the script at `path`.
    ///
    /// # Errors
    /// [`ScriptError`] says where it is wrong.
    pub fn load(path: &Path) -> Result<Self, ScriptError> {
        let text = fs::read_to_string(path).map_err(|source| ScriptError::Read {
            path: path.into(),
            source,
        })?;
        Self::parse(&text, path)
    }

    /// Checks a script; `path` is how messages name it.
    ///
    /// # Errors
    /// [`ScriptError`] says where it is wrong.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ScriptError> {
        let mut script: Self = toml::from_str(text).map_err(|source| ScriptError::Syntax {
            path: path.into(),
            source: Box::new(source),
        })?;
        // What a rule of these answers goes without saying.
        for rule in script.look_ups.iter_mut().flat_map(|one| &mut one.rules) {
            rule.task = TaskName::LookUp;
        }
        for rule in script
            .consultation
            .iter_mut()
            .flat_map(|one| &mut one.rules)
        {
            rule.task = TaskName::Consult;
        }
        let mut seen = HashSet::new();
        for step in &script.steps {
            check(
                &format!("step `{}`", step.id),
                step.delay_ms,
                &step.rules,
                &mut seen,
            )?;
        }
        for one in &script.look_ups {
            let place = format!("look_up `{}`", one.evidence);
            check(&place, one.delay_ms, &one.rules, &mut seen)?;
            one.check()
                .map_err(|message| ScriptError::Place { place, message })?;
        }
        if let Some(one) = &script.consultation {
            check("consultation", one.delay_ms, &one.rules, &mut seen)?;
        }
        Ok(script)
    }
}

fn check(
    place: &str,
    delay_ms: u64,
    rules: &[RuleScript],
    seen: &mut HashSet<String>,
) -> Result<(), ScriptError> {
    let wrong = |message: String| ScriptError::Place {
        place: place.to_owned(),
        message,
    };
    if !seen.insert(place.to_owned()) {
        return Err(wrong("stands twice; keep one".into()));
    }
    if delay_ms > DELAY_MS_MAX {
        return Err(wrong(format!("delay_ms is at most {DELAY_MS_MAX}")));
    }
    for (number, rule) in rules.iter().enumerate() {
        rule.check()
            .map_err(|message| wrong(format!("rule {}: {message}", number + 1)))?;
    }
    Ok(())
}

impl OfficerScript {
    pub(super) fn officer(&self) -> v1::Officer {
        let Self {
            name,
            title,
            office,
        } = self.clone();
        v1::Officer {
            name,
            title,
            office,
        }
    }
}

impl StepScript {
    pub(super) fn description(&self) -> v1::StepDescription {
        let TextScript { vi, en } = self.title.clone();
        let mut gives: Vec<String> = self
            .rules
            .iter()
            .flat_map(|rule| &rule.give)
            .map(|g| g.evidence.clone())
            .collect();
        gives.sort();
        gives.dedup();
        v1::StepDescription {
            procedure_code: self.procedure.clone(),
            step_id: self.id.clone(),
            title: Some(v1::Text { vi, en }),
            gives,
            ..Default::default()
        }
    }
}
