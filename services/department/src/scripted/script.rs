//! How a script is written: steps, each with rules of which the first that fits gives the answer.

use super::template::{Filling, TemplateError};
use contract::v1;
use serde::Deserialize;
use serde_json::Value;
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
    #[error("step `{step}` of the script: {message}")]
    Step {
        /// The step.
        step: String,
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

/// What to answer to a task, if its conditions hold. Texts are templates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleScript {
    /// The task that it is for; work.
    #[serde(default)]
    pub task: TaskName,
    /// All of them must hold.
    #[serde(default)]
    pub when: Vec<Condition>,
    /// The answer.
    pub outcome: Outcome,
    /// For completed, stands and redo: the note on the control slip.
    #[serde(default)]
    pub note: String,
    /// For refused, declined, peer_return, correction and upheld: why.
    #[serde(default)]
    pub reason: String,
    /// For refused: the article of law.
    #[serde(default)]
    pub legal_basis: String,
    /// For peer_return: the faulty evidence. For upheld: what stands; the fault's when empty.
    #[serde(default)]
    pub evidence: String,
    /// For declined: whose it is, if known.
    #[serde(default)]
    pub suggested_agency_code: String,
    /// For completed, correction and redo: the evidence given.
    #[serde(default)]
    pub give: Vec<Give>,
}

/// Which task a rule is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskName {
    /// Do the step.
    #[default]
    Work,
    /// Judge changed evidence.
    Review,
    /// Answer a fault.
    Answer,
}

/// A kind of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Work: done.
    Completed,
    /// Work: refused by law.
    Refused,
    /// Work: not ours.
    Declined,
    /// Work: a fault goes back.
    PeerReturn,
    /// Answer: new versions.
    Correction,
    /// Answer: what was given stands.
    Upheld,
    /// Review: the result stands.
    Stands,
    /// Review: done again, with the evidence given.
    Redo,
}

/// Two texts that must be equal, or must differ.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// A template.
    pub value: String,
    /// A template whose text must be the same.
    pub equals: Option<String>,
    /// A template whose text must be another.
    pub differs_from: Option<String>,
}

/// Evidence to give.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Give {
    /// As the procedure names it.
    pub evidence: String,
    /// The schema of the data.
    #[serde(default)]
    pub schema: String,
    /// The party that it is about; the owner when empty.
    #[serde(default)]
    pub subject: String,
    /// The data; its texts are templates.
    pub data: Option<Value>,
    /// PDFs to write.
    #[serde(rename = "paper", default)]
    pub papers: Vec<PaperScript>,
}

/// A PDF to write. All texts are templates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperScript {
    /// The name people see.
    pub file_name: String,
    /// Its heading.
    pub title: String,
    /// Its lines.
    #[serde(default)]
    pub lines: Vec<String>,
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
        let script: Self = toml::from_str(text).map_err(|source| ScriptError::Syntax {
            path: path.into(),
            source: Box::new(source),
        })?;
        let mut seen = HashSet::new();
        for step in &script.steps {
            let wrong = |message: String| ScriptError::Step {
                step: step.id.clone(),
                message,
            };
            if !seen.insert(&step.id) {
                return Err(wrong("stands twice; keep one".into()));
            }
            if step.delay_ms > DELAY_MS_MAX {
                return Err(wrong(format!("delay_ms is at most {DELAY_MS_MAX}")));
            }
            for (number, rule) in step.rules.iter().enumerate() {
                rule.check()
                    .map_err(|message| wrong(format!("rule {}: {message}", number + 1)))?;
            }
        }
        Ok(script)
    }
}

impl RuleScript {
    pub(super) fn holds(&self, filling: &Filling<'_>) -> Result<bool, TemplateError> {
        for condition in &self.when {
            let value = filling.text(&condition.value)?;
            if let Some(equals) = &condition.equals
                && value != filling.text(equals)?
            {
                return Ok(false);
            }
            if let Some(other) = &condition.differs_from
                && value == filling.text(other)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn check(&self) -> Result<(), String> {
        let (task, needs_reason) = match self.outcome {
            Outcome::Completed => (TaskName::Work, false),
            Outcome::Refused | Outcome::Declined | Outcome::PeerReturn => (TaskName::Work, true),
            Outcome::Correction | Outcome::Upheld => (TaskName::Answer, true),
            Outcome::Stands | Outcome::Redo => (TaskName::Review, false),
        };
        if self.task != task {
            return Err(format!(
                "outcome {:?} does not answer the task {:?}; write task = \"{}\"",
                self.outcome,
                self.task,
                format!("{task:?}").to_lowercase()
            ));
        }
        if needs_reason && self.reason.is_empty() {
            return Err(format!(
                "outcome {:?} needs a `reason`; add it",
                self.outcome
            ));
        }
        if self.outcome == Outcome::Refused && self.legal_basis.is_empty() {
            return Err("a refusal needs a `legal_basis`; add it".into());
        }
        if self.outcome == Outcome::PeerReturn && self.evidence.is_empty() {
            return Err("a peer return needs the `evidence` that is faulty; add it".into());
        }
        if self
            .when
            .iter()
            .any(|c| c.equals.is_some() == c.differs_from.is_some())
        {
            return Err("a condition has either `equals` or `differs_from`; write one".into());
        }
        Ok(())
    }
}

impl TaskName {
    pub(super) fn task(self) -> v1::Task {
        match self {
            Self::Work => v1::Task::Work,
            Self::Review => v1::Task::Review,
            Self::Answer => v1::Task::Answer,
        }
    }
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
