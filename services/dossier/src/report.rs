//! Reports: what a department says of one of its steps, and which statement answers which task.

use crate::{
    Dossier, Event, Refusal, Rules,
    bounds::Bound,
    calendar::Remaining,
    dossier::{Kind, Stage, Step, Task},
    event::LookUpOutcome,
    evidence::{Given, NewVersion, Source},
    handover::is_round,
    limit::Limit,
    name::{AgencyCode, EvidenceName, Key, StepId},
    party::{Officer, Party},
    procedure::Actor,
    refusal::FieldFault,
    request, standstill,
    supplement::Item,
    vault::{Finding, known_identifiers},
};
use jiff::{SignedDuration, Timestamp};
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
    /// The handover of the round, as the department has it; empty when it says the number alone.
    pub handover: String,
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
    /// The answer to a look-up.
    LookedUp {
        outcome: LookUpOutcome,
        evidence: Option<Given>,
        note: String,
    },
    /// The answer to a consultation.
    Opinion { text: String },
    /// The citizen must give more.
    Supplement { items: Vec<Item> },
    /// The citizen must pay.
    Payment {
        obligation: Key,
        amount_vnd: i64,
        purpose: String,
        legal_basis: String,
    },
    /// Another agency's opinion is wanted.
    Consultation {
        agency: AgencyCode,
        question: String,
        limit: Limit,
        evidence: BTreeSet<EvidenceName>,
    },
    /// More time is wanted, with an apology.
    Extension { limit: Limit, reason: String },
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
            Self::LookedUp { .. } => "the answer to a look-up",
            Self::Opinion { .. } => "an opinion",
            Self::Supplement { .. } => "a supplement",
            Self::Payment { .. } => "a payment",
            Self::Consultation { .. } => "a consultation",
            Self::Extension { .. } => "an extension",
        }
    }
}

pub(crate) fn reported(
    dossier: &Dossier,
    rules: Rules<'_>,
    report: Report,
    vault: &[Finding],
    at: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let Report {
        agency,
        step: id,
        round,
        handover,
        officer,
        statement,
    } = report;
    // The citizen says nothing here; of its own step the desk says that it is done, and what it hands
    // out is done when it was handed out.
    let may_say = |step: &&Step| match step.actor {
        Actor::Department => true,
        Actor::Citizen => false,
        Actor::Desk => {
            let hands_out = rules
                .procedure
                .step(&id)
                .is_some_and(|plan| !plan.hands_out.is_empty());
            !hands_out && matches!(statement, Statement::Completed { .. })
        }
    };
    let step = dossier.step(&id).filter(may_say).ok_or(Refusal::NotYours)?;
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
        // A round that never comes is not to be waited for: nothing is given out any more.
        return Err(match dossier.closed_at {
            Some(_) => Refusal::Closed,
            None => not_held(),
        });
    }
    let is_correction = matches!(statement, Statement::Correction { .. });
    // A result of a closed dossier can still be corrected, at the agency's own cost (Art 21).
    if dossier.closed_at.is_some() && !(is_correction && step.stage == Stage::Completed) {
        return Err(match step.stage {
            stage if stage.is_finished() && !is_correction => Refusal::Finished {
                step: id,
                state: stage,
            },
            _ => Refusal::Closed,
        });
    }

    // Rounds of a lost life of the broker have numbers that others have by now.
    if !handover.is_empty()
        && step.stage.is_open()
        && !is_round(dossier, rules.procedure, &id, round, &handover)
    {
        return Err(superseded());
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
        Stage::Completed if is_correction => {}
        Stage::Completed | Stage::Refused | Stage::Ended | Stage::Declined | Stage::Skipped => {
            return Err(Refusal::Finished {
                step: id,
                state: step.stage,
            });
        }
        Stage::Waiting => return Err(not_held()),
    }
    if let Some(evidence) = &step.awaiting
        && !matches!(
            statement,
            Statement::Progress { .. } | Statement::Extension { .. }
        )
    {
        let (step, evidence) = (id, evidence.clone());
        let is_again =
            matches!(&statement, Statement::PeerReturn { evidence: one, .. } if *one == evidence);
        return Err(match is_again {
            true => Refusal::AlreadyReturned { step, evidence },
            false => Refusal::ReturnOpen { step, evidence },
        });
    }

    let about = About {
        dossier,
        rules,
        id: &id,
        step,
        round,
        at,
    };
    if matches!(
        statement,
        Statement::Completed { .. } | Statement::Refused { .. } | Statement::Correction { .. }
    ) {
        about.check_authority(&officer)?;
    }
    events.push(match statement {
        Statement::Supplement { items } => request::supplement(&about, items, vault, officer)?,
        Statement::Payment {
            obligation,
            amount_vnd,
            purpose,
            legal_basis,
        } => request::payment(
            &about,
            obligation,
            amount_vnd,
            purpose,
            legal_basis,
            officer,
        )?,
        Statement::Consultation {
            agency,
            question,
            limit,
            evidence,
        } => request::consultation(&about, agency, question, limit, &evidence, officer)?,
        Statement::Extension { limit, reason } => {
            request::extension(&about, limit, reason, officer)?
        }
        statement => stated(&about, officer, statement)?,
    });
    Ok(events)
}

/// The round that a report is about, and what it is judged by.
pub(crate) struct About<'a> {
    pub(crate) dossier: &'a Dossier,
    pub(crate) rules: Rules<'a>,
    pub(crate) id: &'a StepId,
    pub(crate) step: &'a Step,
    pub(crate) round: u32,
    pub(crate) at: Timestamp,
}

impl About<'_> {
    pub(crate) fn wrong_task(&self, said: &'static str) -> Refusal {
        Refusal::WrongTask {
            step: self.id.clone(),
            asked: match self.step.task() {
                Task::Work => "do the work",
                Task::Review => "say whether its result stands",
                Task::Answer => "answer a fault",
                Task::Recall => "put it down",
                Task::LookUp => "answer a look-up",
                Task::Consult => "give an opinion",
                Task::Inform => "take note",
            },
            said,
        }
    }

    /// Whether a refusal comes later than the procedure lets it come: less of the step's limit is left
    /// than the rest of it behind `refuse_within`. So its time stands still with the limit's.
    fn is_late_to_refuse(&self) -> bool {
        let plan = self.rules.procedure.step(self.id);
        let Some((limit, within, due_at)) =
            plan.and_then(|plan| Some((plan.limit, plan.refuse_within?, self.step.due_at?)))
        else {
            return false;
        };
        let now = standstill::of_step(self.dossier, self.step).unwrap_or(self.at);
        let behind = limit.amount.saturating_sub(within.amount);
        let hours = SignedDuration::from_hours(behind.into());
        match self.rules.calendar.remaining(now, due_at, limit.unit) {
            Remaining::WorkingDays(left) | Remaining::CalendarDays(left) => left < behind,
            Remaining::WorkingTime(left) | Remaining::ElapsedTime(left) => left < hours,
            Remaining::Passed(due_at) => behind > 0 || now > due_at,
        }
    }

    /// Who may decide: the positions that the procedure names, held by delegation
    /// (NĐ 61/2018 Art 17(5)).
    fn check_authority(&self, officer: &Officer) -> Result<(), Refusal> {
        let Some(plan) = self.rules.procedure.step(self.id) else {
            return Ok(());
        };
        self.rules
            .directory
            .may_sign(
                &self.step.agency,
                &plan.signed_by,
                self.rules.procedure.code(),
                self.id,
                &officer.title,
                self.at,
            )
            .map_err(|_| Refusal::NotAuthorised {
                step: self.id.clone(),
                positions: list(&plan.signed_by),
            })
    }
}

/// The table: which statement answers which task.
fn stated(about: &About<'_>, officer: Officer, statement: Statement) -> Result<Event, Refusal> {
    let &About {
        dossier,
        rules,
        id,
        step,
        round,
        ..
    } = about;
    let step_id = id.clone();
    let wrong_task = |said| about.wrong_task(said);
    let said = statement.word();
    match (step.task(), statement) {
        (_, Statement::Progress { note }) => {
            Bound::Progress.check(step.progressed as usize)?;
            Ok(Event::Progressed {
                step: step_id,
                round,
                officer,
                note,
            })
        }
        (Task::Work, Statement::Completed { evidence, note }) => {
            let evidence = versions(dossier, rules, id, evidence, true)?;
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
            late: about.is_late_to_refuse(),
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
            returnable(about, &evidence, version)?;
            Ok(Event::Returned {
                step: step_id,
                round,
                evidence,
                version,
                reason,
                officer,
            })
        }
        (
            Task::LookUp,
            Statement::LookedUp {
                outcome,
                evidence,
                note,
            },
        ) => looked_up(about, outcome, evidence, note, officer),
        (Task::Consult, Statement::Opinion { text }) => Ok(Event::Opined {
            step: step_id,
            round,
            opinion: text,
            officer,
        }),
        (Task::Answer | Task::Review, Statement::Correction { evidence, reason }) => {
            for one in &evidence {
                let versions = dossier.evidence.get(&one.name);
                Bound::Versions.check(versions.map_or(0, |all| all.len()))?;
            }
            let evidence = versions(dossier, rules, id, evidence, false)?;
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

/// The holder's answer. What it found must be what was asked for, of the person asked about.
fn looked_up(
    about: &About<'_>,
    outcome: LookUpOutcome,
    found: Option<Given>,
    note: String,
    officer: Officer,
) -> Result<Event, Refusal> {
    let Kind::LookUp { evidence, .. } = &about.step.kind else {
        return Err(about.wrong_task("the answer to a look-up"));
    };
    let mut faults = Vec::new();
    let mut fault = |field: &str, rule: String| {
        faults.push(FieldFault {
            field: field.into(),
            rule,
        });
    };
    match (&found, outcome) {
        (None, LookUpOutcome::Found) => fault("evidence", "given when it was found".into()),
        (Some(_), outcome) if outcome != LookUpOutcome::Found => {
            fault("evidence", "absent unless it was found".into());
        }
        (Some(given), _) if given.name != *evidence => {
            fault("evidence.name", format!("what was asked for: {evidence}"));
        }
        (Some(given), _) => {
            if let Some(rule) = another_party(about, given) {
                fault("evidence.subject_party_id", rule);
            }
            if let Some(rule) = another_number(about, given) {
                fault("evidence.data", rule);
            }
            let mut found = Vec::new();
            crate::intake::check_given(about.rules, given, "evidence", &mut found);
            faults.extend(found);
        }
        (None, _) => {}
    }
    if !faults.is_empty() {
        return Err(Refusal::Fields(faults));
    }
    let given = found
        .into_iter()
        .map(|given| NewVersion {
            version: about.dossier.newest_number(&given.name) + 1,
            digest: given.digest(),
            source: Source::Registry,
            given,
        })
        .collect();
    Ok(Event::LookedUp {
        step: about.id.clone(),
        round: about.round,
        evidence: evidence.clone(),
        outcome,
        given,
        note,
        officer,
    })
}

/// What an answer must name if it does not: the party whom the look-up was about.
fn another_party(about: &About<'_>, given: &Given) -> Option<String> {
    let asked = request::asked_about(about.dossier, about.rules.procedure, &given.name);
    let is_named = |party: &&Party| given.subject.as_ref() == Some(&party.id);
    let names: BTreeSet<_> = asked.iter().map(|party| &party.id).collect();
    (!asked.is_empty() && !asked.iter().any(is_named))
        .then(|| format!("the party that was asked about: {}", list(&names)))
}

/// What the data must say if it says another person's number than that of whom it is to be about, as
/// far as the dossier knows one.
fn another_number(about: &About<'_>, given: &Given) -> Option<String> {
    let (dossier, procedure) = (about.dossier, about.rules.procedure);
    let known_by = procedure.evidence(&given.name)?.known_by.as_ref()?;
    let party = given.subject.as_ref()?;
    let mut parties = dossier.received.parties.iter();
    let party = parties.find(|one| one.id == *party)?;
    let known = known_identifiers(dossier, procedure, party, u32::MAX);
    let number = known.iter().find(|one| one.scheme == known_by.scheme)?;
    let data = serde_json::from_slice(&given.data).ok()?;
    let said = known_by.numbers(&data);
    (!said.is_empty() && !said.contains(number.value.as_str())).then(|| {
        format!(
            "of the party that was asked about: {} must be the {} by which the dossier knows {}; what is \
             found under another is another's, and the answer is a mismatch",
            list(&known_by.pointers),
            known_by.scheme.word(),
            party.id
        )
    })
}

/// Numbers what a step gives. What is the same as the newest version is not a new one.
fn versions(
    dossier: &Dossier,
    rules: Rules<'_>,
    id: &StepId,
    given: Vec<Given>,
    all: bool,
) -> Result<Vec<NewVersion>, Refusal> {
    let gives = rules
        .procedure
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
            crate::intake::check_given(rules, one, &format!("evidence[{n}]"), &mut faults);
            check_bill(dossier, rules, one, &format!("evidence[{n}]"), &mut faults);
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

/// What a citizen's step pays must say how much is owed, under an id of its own: nobody could pay it
/// otherwise, and the step would wait for ever.
fn check_bill(
    dossier: &Dossier,
    rules: Rules<'_>,
    given: &Given,
    place: &str,
    faults: &mut Vec<FieldFault>,
) {
    let steps = &rules.procedure.text.steps;
    let Some((payer, _)) = steps
        .iter()
        .find(|(_, step)| step.pays.as_ref() == Some(&given.name))
    else {
        return;
    };
    let data: serde_json::Value = serde_json::from_slice(&given.data).unwrap_or_default();
    let id = data.get("obligation_id").and_then(|id| id.as_str());
    let id: Option<Key> = id.and_then(|id| id.parse().ok());
    let is_free = |id: &Key| {
        dossier
            .obligations
            .get(id)
            .is_none_or(|owed| owed.step == *payer)
    };
    if !id.is_some_and(|id| is_free(&id)) {
        faults.push(FieldFault {
            field: format!("{place}.data/obligation_id"),
            rule: "an id that no other obligation of this dossier has".into(),
        });
    }
    let amount_vnd = data.get("amount_vnd").and_then(|sum| sum.as_i64());
    if amount_vnd.is_none_or(|sum| sum <= 0) {
        faults.push(FieldFault {
            field: format!("{place}.data/amount_vnd"),
            rule: "whole đồng, more than 0".into(),
        });
    }
}

fn returnable(about: &About<'_>, evidence: &EvidenceName, version: u32) -> Result<(), Refusal> {
    let &About {
        dossier,
        rules,
        id,
        step,
        at,
        ..
    } = about;
    let procedure = rules.procedure;
    let has_it = step.inputs.contains_key(evidence);
    let giver = dossier
        .newest(evidence)
        .and_then(|version| version.step.as_ref())
        .filter(|giver| *giver != id);
    // What a citizen's payment gave has no department that could answer for it.
    let giver_stage = giver
        .and_then(|giver| dossier.steps.get(giver))
        .filter(|giver| giver.is_departments())
        .map(|giver| giver.stage);
    let ask = procedure
        .step(id)
        .and_then(|plan| plan.peer_return.as_ref())
        .map(|rule| rule.ask);
    if let (Some(limit), Some(since)) = (ask, step.first_held_at)
        && at > rules.calendar.ends(since, limit)
    {
        return Err(Refusal::ReturnLate {
            step: id.clone(),
            limit,
        });
    }
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

pub(crate) fn list<T: ToString>(names: &BTreeSet<T>) -> String {
    names
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
