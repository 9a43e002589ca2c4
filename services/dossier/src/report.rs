//! Reports: what a department says of one of its steps, and which statement answers which task.

use crate::{
    Dossier, Event, Procedure, Refusal,
    dossier::{Stage, Step, Task},
    evidence::{Given, NewVersion, Source},
    name::{AgencyCode, EvidenceName, StepId},
    party::Officer,
    refusal::FieldFault,
};
use std::collections::BTreeSet;

/// One statement of a department about one round of one of its steps.
#[derive(Debug, Clone)]
pub struct Report {
    /// The department; that its system may act for it is already sure.
    pub agency: AgencyCode,
    /// The step.
    pub step: StepId,
    /// The round.
    pub round: u32,
    /// Who did it.
    pub officer: Officer,
    /// What is said.
    pub statement: Statement,
}

/// What a department says.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the fields are those of the contract's messages, where each is explained
pub enum Statement {
    /// The step is done.
    Completed { evidence: Vec<Given>, note: String },
    /// The step is refused by law.
    Refused { reason: String, legal_basis: String },
    /// The step is not this department's to do.
    Declined {
        reason: String,
        suggested: Option<AgencyCode>,
    },
    /// A fault in evidence goes back to the department that gave it.
    PeerReturn {
        evidence: EvidenceName,
        version: u32,
        reason: String,
    },
    /// Taken up, or moved on within the agency.
    Progress { note: String },
    /// New versions of evidence that this step gave.
    Correction {
        evidence: Vec<Given>,
        reason: String,
    },
    /// What was given stands.
    Upheld {
        evidence: EvidenceName,
        version: u32,
        reason: String,
    },
    /// The result stands with the changed evidence, or is done again.
    Review {
        redo: bool,
        versions: crate::event::Versions,
        note: String,
    },
}

impl Statement {
    fn word(&self) -> &'static str {
        match self {
            Self::Completed { .. } => "completed",
            Self::Refused { .. } => "refused",
            Self::Declined { .. } => "declined",
            Self::PeerReturn { .. } => "a peer return",
            Self::Progress { .. } => "progress",
            Self::Correction { .. } => "a correction",
            Self::Upheld { .. } => "upheld",
            Self::Review { .. } => "a review",
        }
    }
}

pub(crate) fn reported(
    dossier: &Dossier,
    procedure: &Procedure,
    report: Report,
) -> Result<Vec<Event>, Refusal> {
    let Report {
        agency,
        step: id,
        round,
        officer,
        statement,
    } = report;
    let step = dossier.steps.get(&id).ok_or(Refusal::NotYours)?;
    let superseded = || Refusal::Superseded {
        step: id.clone(),
        said: round,
        newest: step.round,
    };
    if step.agency != agency {
        return Err(if step.given_to.contains(&agency) {
            superseded()
        } else {
            Refusal::NotYours
        });
    }
    if round < step.round {
        return Err(superseded());
    }
    let not_held = || Refusal::NotHeld {
        step: id.clone(),
        said: round,
        state: step.stage,
    };
    if round > step.round || round == 0 {
        return Err(not_held());
    }
    if dossier.closed_at.is_some() {
        return Err(match step.stage {
            stage if stage.is_finished() && !matches!(statement, Statement::Correction { .. }) => {
                Refusal::Finished {
                    step: id,
                    state: stage,
                }
            }
            _ => Refusal::Closed,
        });
    }

    // A report may overtake its acknowledgement: it acknowledges the round it speaks of.
    let mut events = Vec::new();
    match step.stage {
        Stage::Due | Stage::PossiblyHeld => {
            events.push(Event::Acknowledged {
                step: id.clone(),
                round,
            });
        }
        Stage::Held => {}
        Stage::Completed if matches!(statement, Statement::Correction { .. }) => {}
        Stage::Completed | Stage::Refused | Stage::Ended | Stage::Declined => {
            return Err(Refusal::Finished {
                step: id,
                state: step.stage,
            });
        }
        Stage::Waiting => return Err(not_held()),
    }
    if let Some(evidence) = &step.awaiting
        && !matches!(statement, Statement::Progress { .. })
    {
        return Err(Refusal::ReturnOpen {
            step: id,
            evidence: evidence.clone(),
        });
    }

    events.push(stated(
        dossier, procedure, &id, step, round, officer, statement,
    )?);
    Ok(events)
}

/// The table: which statement answers which task.
fn stated(
    dossier: &Dossier,
    procedure: &Procedure,
    id: &StepId,
    step: &Step,
    round: u32,
    officer: Officer,
    statement: Statement,
) -> Result<Event, Refusal> {
    let step_id = id.clone();
    let wrong_task = |said| Refusal::WrongTask {
        step: id.clone(),
        asked: match step.task() {
            Task::Work => "do the work",
            Task::Review => "say whether its result stands",
            Task::Answer => "answer a fault",
            Task::Recall => "put it down",
        },
        said,
    };
    let said = statement.word();
    match (step.task(), statement) {
        (_, Statement::Progress { note }) => Ok(Event::Progressed {
            step: step_id,
            round,
            officer,
            note,
        }),
        (Task::Work, Statement::Completed { evidence, note }) => {
            let evidence = versions(dossier, procedure, id, evidence, true)?;
            Ok(Event::Completed {
                step: step_id,
                round,
                evidence,
                officer,
                note,
            })
        }
        (
            Task::Work,
            Statement::Refused {
                reason,
                legal_basis,
            },
        ) => Ok(Event::Refused {
            step: step_id,
            round,
            reason,
            legal_basis,
            officer,
        }),
        (Task::Work, Statement::Declined { reason, suggested }) if !step.completed_once => {
            Ok(Event::Declined {
                step: step_id,
                round,
                reason,
                suggested,
                officer,
            })
        }
        (
            Task::Work | Task::Answer,
            Statement::PeerReturn {
                evidence,
                version,
                reason,
            },
        ) => {
            returnable(dossier, procedure, id, step, &evidence, version)?;
            Ok(Event::Returned {
                step: step_id,
                round,
                evidence,
                version,
                reason,
                officer,
            })
        }
        (Task::Answer | Task::Review, Statement::Correction { evidence, reason }) => {
            let evidence = versions(dossier, procedure, id, evidence, false)?;
            Ok(Event::Corrected {
                step: step_id,
                round,
                evidence,
                reason,
                officer,
            })
        }
        (
            Task::Answer,
            Statement::Upheld {
                evidence,
                version,
                reason,
            },
        ) => {
            if !step.answers.contains(&evidence) {
                return Err(wrong_task(said));
            }
            let newest = dossier.newest_number(&evidence);
            if version != newest {
                return Err(Refusal::VersionSuperseded {
                    evidence,
                    said: version,
                    newest,
                });
            }
            Ok(Event::Upheld {
                step: step_id,
                round,
                evidence,
                version,
                reason,
                officer,
            })
        }
        (
            _,
            Statement::Review {
                redo,
                versions,
                note,
            },
        ) if !step.review.is_empty() => {
            if versions != step.review {
                return Err(Refusal::Fields(vec![FieldFault {
                    field: "review.versions".into(),
                    rule: format!(
                        "the versions that this round asks to judge: {}",
                        step.review
                            .iter()
                            .map(|(n, v)| format!("{n} version {v}"))
                            .collect::<Vec<_>>()
                            .join(", ")
                    ),
                }]));
            }
            Ok(Event::Reviewed {
                step: step_id,
                round,
                redo,
                note,
                officer,
            })
        }
        _ => Err(wrong_task(said)),
    }
}

/// Numbers what a step gives. What is the same as the newest version is not a new one.
fn versions(
    dossier: &Dossier,
    procedure: &Procedure,
    id: &StepId,
    given: Vec<Given>,
    all: bool,
) -> Result<Vec<NewVersion>, Refusal> {
    let gives = procedure
        .step(id)
        .map(|step| &step.gives)
        .ok_or(Refusal::NotYours)?;
    let mut faults = Vec::new();
    let mut named = BTreeSet::new();
    for (n, one) in given.iter().enumerate() {
        if !gives.contains(&one.name) {
            faults.push(FieldFault {
                field: format!("evidence[{n}].name"),
                rule: format!("one of what step {id} gives: {}", list(gives)),
            });
        } else if !named.insert(&one.name) {
            faults.push(FieldFault {
                field: format!("evidence[{n}].name"),
                rule: "named once".into(),
            });
        } else {
            crate::intake::check_given(procedure, one, &format!("evidence[{n}]"), &mut faults);
        }
    }
    if all {
        let missing: BTreeSet<_> = gives
            .iter()
            .filter(|name| !named.contains(name))
            .cloned()
            .collect();
        if !missing.is_empty() {
            faults.push(FieldFault {
                field: "evidence".into(),
                rule: format!(
                    "everything that step {id} gives; missing: {}",
                    list(&missing)
                ),
            });
        }
    } else if given.is_empty() {
        faults.push(FieldFault {
            field: "evidence".into(),
            rule: "at least one".into(),
        });
    }
    if !faults.is_empty() {
        return Err(Refusal::Fields(faults));
    }
    let new: Vec<NewVersion> = given
        .into_iter()
        .filter_map(|given| {
            let digest = given.digest();
            let newest = dossier.newest(&given.name);
            (newest.is_none_or(|newest| newest.new.digest != digest)).then(|| NewVersion {
                version: newest.map_or(1, |newest| newest.new.version + 1),
                digest,
                source: Source::Step,
                given,
            })
        })
        .collect();
    if !all && new.is_empty() {
        return Err(Refusal::Fields(vec![FieldFault {
            field: "evidence".into(),
            rule: "different from the newest version; send upheld if it stands".into(),
        }]));
    }
    Ok(new)
}

fn returnable(
    dossier: &Dossier,
    procedure: &Procedure,
    id: &StepId,
    step: &Step,
    evidence: &EvidenceName,
    version: u32,
) -> Result<(), Refusal> {
    let has_it = step.inputs.contains_key(evidence);
    let giver = procedure.giver(evidence).filter(|giver| *giver != id);
    let giver_stage = giver
        .and_then(|giver| dossier.steps.get(giver))
        .map(|giver| giver.stage);
    let giver_can_answer = giver_stage
        .is_some_and(|stage| !matches!(stage, Stage::Refused | Stage::Ended | Stage::Declined));
    if !has_it || !giver_can_answer {
        return Err(Refusal::NotReturnable {
            step: id.clone(),
            evidence: evidence.clone(),
        });
    }
    let newest = dossier.newest_number(evidence);
    if version != newest {
        return Err(Refusal::VersionSuperseded {
            evidence: evidence.clone(),
            said: version,
            newest,
        });
    }
    let max = procedure.text.returns_max;
    let joins = dossier.returns.contains_key(evidence);
    if !joins && dossier.returned.get(evidence).copied().unwrap_or(0) >= max {
        return Err(Refusal::ReturnLimit {
            evidence: evidence.clone(),
            max,
        });
    }
    Ok(())
}

fn list<T: ToString>(names: &BTreeSet<T>) -> String {
    names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
