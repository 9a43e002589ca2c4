//! The scripted handler: a department for demos and tests whose answers are written in TOML.

mod answer;
mod pdf;
mod registry;
mod rule;
mod script;
mod template;

pub use pdf::paper;
pub use registry::{LookUpScript, RecordScript};
pub use rule::{
    Condition, ExtendScript, Give, ItemScript, Outcome, PaperScript, RuleScript, TaskName,
};
pub use script::{ConsultationScript, OfficerScript, Script, ScriptError, StepScript, TextScript};
pub use template::TemplateError;

use crate::handler::{Answer, Handler, HandlerError, Work};
use async_trait::async_trait;
use contract::v1;
use jiff::Timestamp;
use std::time::Duration;
use template::Filling;

/// A round that the script does not provide for.
#[derive(Debug, thiserror::Error)]
pub enum ScriptedError {
    /// Add what is missing to the script.
    #[error("the script has no {0}; add it")]
    Place(String),
    /// Add a rule for the task, or one without conditions.
    #[error("no rule of {place} fits the task {task} in this round; add one")]
    Rule {
        /// The step, the look-up or the consultation.
        place: String,
        /// The task.
        task: String,
    },
    /// Mend the rule.
    #[error("{place}: {source}")]
    Template {
        /// The step, the look-up or the consultation.
        place: String,
        /// What is wrong.
        source: TemplateError,
    },
    /// The rule speaks of evidence that was not handed over, or of a fault that nobody found.
    #[error("{place}: `{evidence}` is neither in this handover nor in a fault; mend the rule")]
    Evidence {
        /// The step.
        place: String,
        /// What the rule names.
        evidence: String,
    },
    /// Mend the rule.
    #[error("{place}: {message}")]
    Value {
        /// The step.
        place: String,
        /// What is wrong and how to mend it.
        message: String,
    },
}

/// Answers as its script says.
#[derive(Debug, Clone)]
pub struct Scripted {
    script: Script,
}

/// What the script says of one round.
struct Scene<'a> {
    place: String,
    delay_ms: u64,
    progress: &'a str,
    officer: Option<v1::Officer>,
    signer: Option<v1::Officer>,
    rules: &'a [RuleScript],
    look_up: Option<&'a LookUpScript>,
}

/// The rule that fits a round, with what its places are filled with.
struct Fitting<'a> {
    scene: Scene<'a>,
    rule: &'a RuleScript,
    filling: Filling<'a>,
}

impl Scripted {
    /// A handler that follows the script.
    pub fn new(script: Script) -> Self {
        Self { script }
    }

    fn scene(&self, handover: &v1::Handover) -> Result<Scene<'_>, ScriptedError> {
        let officer =
            |officer: &Option<OfficerScript>| officer.as_ref().map(OfficerScript::officer);
        match handover.task() {
            v1::Task::LookUp => {
                let wanted = handover.look_up.as_ref().map_or("", |one| &one.evidence);
                let found = self
                    .script
                    .look_ups
                    .iter()
                    .find(|one| one.evidence == wanted);
                let one =
                    found.ok_or_else(|| ScriptedError::Place(format!("look_up `{wanted}`")))?;
                Ok(Scene {
                    place: format!("look_up `{wanted}`"),
                    delay_ms: one.delay_ms,
                    progress: "",
                    officer: officer(&one.officer),
                    signer: None,
                    rules: &one.rules,
                    look_up: Some(one),
                })
            }
            v1::Task::Consult => {
                let found = self.script.consultation.as_ref();
                let one = found.ok_or_else(|| ScriptedError::Place("[consultation]".into()))?;
                Ok(Scene {
                    place: "consultation".into(),
                    delay_ms: one.delay_ms,
                    progress: "",
                    officer: officer(&one.officer),
                    signer: None,
                    rules: &one.rules,
                    look_up: None,
                })
            }
            _ => {
                let id = &handover.step_id;
                let found = self.script.steps.iter().find(|step| step.id == *id);
                let step = found.ok_or_else(|| ScriptedError::Place(format!("step `{id}`")))?;
                Ok(Scene {
                    place: format!("step `{id}`"),
                    delay_ms: step.delay_ms,
                    progress: &step.progress,
                    officer: officer(&step.officer),
                    signer: officer(&step.signer),
                    rules: &step.rules,
                    look_up: None,
                })
            }
        }
    }

    /// The first rule that fits.
    fn fitting<'a>(&'a self, handover: &'a v1::Handover) -> Result<Fitting<'a>, ScriptedError> {
        let scene = self.scene(handover)?;
        let mut filling = Filling::new(handover, Timestamp::now());
        let wrong = |source| ScriptedError::Template {
            place: scene.place.clone(),
            source,
        };
        if let Some(look_up) = scene.look_up {
            look_up.find(&mut filling).map_err(wrong)?;
        }
        for rule in scene
            .rules
            .iter()
            .filter(|r| r.task.task() == handover.task())
        {
            if rule.holds(&filling).map_err(wrong)? {
                return Ok(Fitting {
                    scene,
                    rule,
                    filling,
                });
            }
        }
        Err(ScriptedError::Rule {
            place: scene.place,
            task: handover.task().as_str_name().into(),
        })
    }

    /// What it answers to a round, without a department around it: to try a script out.
    ///
    /// # Errors
    /// [`ScriptedError`] says what to add or mend.
    pub fn answers(&self, handover: &v1::Handover) -> Result<Vec<Answer>, ScriptedError> {
        self.fitting(handover)?.answers(handover)
    }
}

#[async_trait]
impl Handler for Scripted {
    fn steps(&self) -> Vec<v1::StepDescription> {
        self.script
            .steps
            .iter()
            .map(StepScript::description)
            .collect()
    }

    async fn handle(&self, work: Work) -> Result<Vec<Answer>, HandlerError> {
        let handover = work.handover();
        let fitting = self.fitting(handover)?;
        let scene = &fitting.scene;
        if handover.task() == v1::Task::Work && !scene.progress.is_empty() {
            work.progress(scene.progress, scene.officer.clone()).await?;
        }
        if let Some(extend) = &fitting.rule.extend {
            let limit = rule::limit(&extend.limit)?;
            let reason = fitting.filling.text(&extend.reason)?;
            work.extend(limit, reason, scene.officer.clone()).await?;
        }
        tokio::time::sleep(Duration::from_millis(scene.delay_ms)).await;
        Ok(fitting.answers(handover)?)
    }

    async fn informed(&self, work: Work) -> Result<(), HandlerError> {
        let handover = work.handover();
        let own = handover
            .transfer_slip
            .iter()
            .filter(|duty| duty.agency_code == handover.agency_code)
            .map(|duty| duty.step_id.as_str());
        tracing::info!(
            agency = handover.agency_code,
            dossier_code = handover.dossier_code,
            participants = handover.transfer_slip.len(),
            own = own.collect::<Vec<_>>().join(", "),
            "a transfer slip came"
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests;
