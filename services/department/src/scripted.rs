//! The scripted handler: a department for demos and tests whose answers are written in TOML.

mod pdf;
mod script;
mod template;

pub use pdf::paper;
pub use script::{
    Condition, Give, OfficerScript, Outcome, PaperScript, RuleScript, Script, ScriptError,
    StepScript, TaskName, TextScript,
};
pub use template::TemplateError;

use crate::handler::{Answer, Content, Given, Handler, HandlerError, Paper, Said, Work};
use async_trait::async_trait;
use contract::v1;
use jiff::Timestamp;
use std::time::Duration;
use template::Filling;

/// A round that the script does not provide for.
#[derive(Debug, thiserror::Error)]
pub enum ScriptedError {
    /// Add the step to the script.
    #[error("the script has no step `{0}`; add [[step]] with this id")]
    Step(String),
    /// Add a rule for the task, or one without conditions.
    #[error("no rule of step `{step}` fits the task {task} in this round; add one")]
    Rule {
        /// The step.
        step: String,
        /// The task.
        task: String,
    },
    /// Mend the rule.
    #[error("step `{step}`: {source}")]
    Template {
        /// The step.
        step: String,
        /// What is wrong.
        source: TemplateError,
    },
    /// The rule speaks of evidence that was not handed over, or of a fault that nobody found.
    #[error(
        "step `{step}`: `{evidence}` is neither in this handover nor in a fault; mend the rule"
    )]
    Evidence {
        /// The step.
        step: String,
        /// What the rule names.
        evidence: String,
    },
}

/// Answers as its script says.
#[derive(Debug, Clone)]
pub struct Scripted {
    script: Script,
}

impl Scripted {
    /// A handler that follows the script.
    pub fn new(script: Script) -> Self {
        Self { script }
    }

    fn answers(&self, handover: &v1::Handover) -> Result<Vec<Answer>, ScriptedError> {
        let step = self.step(&handover.step_id)?;
        let filling = Filling::new(handover, Timestamp::now());
        let at_step = |source| ScriptedError::Template {
            step: step.id.clone(),
            source,
        };
        let mut rule = None;
        for candidate in step
            .rules
            .iter()
            .filter(|rule| rule.task.task() == handover.task())
        {
            if candidate.holds(&filling).map_err(at_step)? {
                rule = Some(candidate);
                break;
            }
        }
        let rule = rule.ok_or_else(|| ScriptedError::Rule {
            step: step.id.clone(),
            task: handover.task().as_str_name().into(),
        })?;
        let given = || -> Result<Vec<_>, _> {
            rule.give.iter().map(|give| given(give, &filling)).collect()
        };
        let text = |template: &str| filling.text(template).map_err(at_step);
        let reason = text(&rule.reason)?;
        let note = text(&rule.note)?;
        let versions = || {
            handover
                .changes
                .iter()
                .map(|c| (c.evidence.clone(), c.to_version))
                .collect::<Vec<_>>()
        };
        let version_of = |evidence: &str| {
            let held = handover
                .evidence
                .iter()
                .find(|e| e.name == evidence)
                .map(|e| e.version);
            let faulty = handover.faults.iter().find(|f| f.evidence == evidence);
            held.or(faulty.map(|fault| fault.version))
                .ok_or_else(|| ScriptedError::Evidence {
                    step: step.id.clone(),
                    evidence: evidence.to_owned(),
                })
        };
        let said = match rule.outcome {
            Outcome::Completed => {
                vec![Said::Completed {
                    evidence: given().map_err(at_step)?,
                    note,
                }]
            }
            Outcome::Refused => {
                vec![Said::Refused {
                    reason,
                    legal_basis: text(&rule.legal_basis)?,
                }]
            }
            Outcome::Declined => {
                let suggested_agency_code = text(&rule.suggested_agency_code)?;
                vec![Said::Declined {
                    reason,
                    suggested_agency_code,
                }]
            }
            Outcome::PeerReturn => {
                let evidence = text(&rule.evidence)?;
                let version = version_of(&evidence)?;
                vec![Said::PeerReturn {
                    evidence,
                    version,
                    reason,
                }]
            }
            Outcome::Correction => {
                vec![Said::Correction {
                    evidence: given().map_err(at_step)?,
                    reason,
                }]
            }
            Outcome::Upheld => {
                let evidence = match (rule.evidence.as_str(), handover.faults.first()) {
                    ("", Some(fault)) => fault.evidence.clone(),
                    (template, _) => text(template)?,
                };
                // The version in which the fault was found is the one that is upheld.
                let faulty = handover
                    .faults
                    .iter()
                    .find(|fault| fault.evidence == evidence);
                let version = match faulty {
                    Some(fault) => fault.version,
                    None => version_of(&evidence)?,
                };
                vec![Said::Upheld {
                    evidence,
                    version,
                    reason,
                }]
            }
            Outcome::Stands => vec![Said::Review {
                stands: true,
                versions: versions(),
                note,
            }],
            Outcome::Redo => {
                let evidence = given().map_err(at_step)?;
                vec![
                    Said::Review {
                        stands: false,
                        versions: versions(),
                        note: note.clone(),
                    },
                    Said::Completed { evidence, note },
                ]
            }
        };
        let officer = step.officer.as_ref().map(OfficerScript::officer);
        Ok(said
            .into_iter()
            .map(|said| Answer {
                officer: officer.clone(),
                ..said.into()
            })
            .collect())
    }

    fn step(&self, id: &str) -> Result<&StepScript, ScriptedError> {
        let step = self.script.steps.iter().find(|step| step.id == id);
        step.ok_or_else(|| ScriptedError::Step(id.into()))
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
        let step = self.step(&handover.step_id)?;
        if handover.task() == v1::Task::Work && !step.progress.is_empty() {
            let officer = step.officer.as_ref().map(OfficerScript::officer);
            work.progress(step.progress.clone(), officer).await?;
        }
        tokio::time::sleep(Duration::from_millis(step.delay_ms)).await;
        Ok(self.answers(handover)?)
    }
}

fn given(give: &Give, filling: &Filling<'_>) -> Result<Given, TemplateError> {
    let data = match &give.data {
        Some(data) => filling.json(data)?.to_string().into(),
        None => bytes::Bytes::new(),
    };
    let mut documents = Vec::new();
    for paper in &give.papers {
        let title = filling.text(&paper.title)?;
        let lines: Result<Vec<_>, _> = paper.lines.iter().map(|line| filling.text(line)).collect();
        documents.push(Paper {
            file_name: filling.text(&paper.file_name)?,
            media_type: "application/pdf".into(),
            content: Content::Bytes(pdf::paper(&title, &lines?).into()),
        });
    }
    Ok(Given {
        name: give.evidence.clone(),
        schema_id: give.schema.clone(),
        data,
        documents,
        subject_party_id: give.subject.clone(),
    })
}

#[cfg(test)]
mod tests;
