//! Handovers: one round of a step, with the evidence that it needs and no more.

use crate::{
    Procedure,
    dossier::{Dossier, FaultAnswer, Kind, Obligation, Opinion, Task},
    evidence::Version,
    extract::{self, Pointer},
    limit::Limit,
    name::{AgencyCode, Digest, EvidenceName, Key, PartId, StepId},
    party::Party,
    procedure::Actor,
    settle::limit_of,
    vault::known_identifiers,
    want::depends_on,
};
use jiff::Timestamp;
use std::sync::Arc;

pub use crate::dossier::Fault;

/// One round of a step, as the department gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Derived from dossier, step, round, task, the evidence versions in it, and what is to be judged and
    /// answered.
    pub id: String,
    /// The step.
    pub step: StepId,
    /// The round.
    pub round: u32,
    /// What is asked.
    pub task: Task,
    /// The department.
    pub agency: AgencyCode,
    /// The evidence, in the versions of this round; empty for a recall.
    pub evidence: Vec<Arc<Version>>,
    /// The parties whose roles the step declares.
    pub parties: Vec<Party>,
    /// Which evidence changed since what the department had, or since what the result stands on; of what
    /// its condition asks of and the round does not hold, that it did.
    pub changes: Vec<Change>,
    /// Faults found in what the step gave.
    pub faults: Vec<Fault>,
    /// What became of the peer return that the step asked for.
    pub fault_answers: Vec<FaultAnswer>,
    /// Since when it is due.
    pub due_since: Timestamp,
    /// When its limit ended as the round was given.
    pub due_at: Timestamp,
    /// The step's limit.
    pub limit: Limit,
    /// For a recall: why.
    pub reason: String,
    /// For a look-up: the evidence wanted, its schema, and for which steps.
    pub look_up: Option<Question>,
    /// For a consultation: what is asked.
    pub question: Option<String>,
    /// What came of the consultations that the step asked for.
    pub opinions: Vec<Opinion>,
    /// The payments that the step asked for and that were made.
    pub payments: Vec<(Key, Obligation)>,
    /// Everybody's task and deadline: with the first round that an agency gets.
    pub transfer_slip: Vec<Duty>,
}

/// What a look-up asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The evidence.
    pub evidence: EvidenceName,
    /// The schema of its data.
    pub schema_id: String,
    /// What it is for: the steps that need it.
    pub purpose: Vec<StepId>,
}

/// One line of the transfer slip (NĐ 61/2018 Art 19(6)).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Duty {
    /// The agency.
    pub agency: AgencyCode,
    /// Its task.
    pub step: StepId,
    /// The part.
    pub part: PartId,
    /// Whether it leads.
    pub leads: bool,
    /// Until when.
    pub due_at: Timestamp,
}

/// What everybody is to do and by when, in order of the deadlines.
pub fn transfer_slip(dossier: &Dossier, procedure: &Procedure) -> Vec<Duty> {
    let mut duties: Vec<Duty> = dossier
        .procedure_steps()
        .filter(|(_, step)| step.actor != Actor::Citizen)
        .filter_map(|(id, step)| {
            Some(Duty {
                agency: step.agency.clone(),
                step: id.clone(),
                part: step.part.clone(),
                leads: procedure.step(id)?.role.as_ref() == Some(&procedure.text.lead),
                due_at: step.due_at.or(step.planned_at)?,
            })
        })
        .collect();
    duties.sort_by(|a, b| (a.due_at, &a.step).cmp(&(b.due_at, &b.step)));
    duties
}

/// Evidence that has a new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub evidence: EvidenceName,
    /// The version before.
    pub from: u32,
    /// The version in this round.
    pub to: u32,
    /// The giver's reason.
    pub reason: String,
}

/// The handover of this round, if it is owed or held; recalls included.
pub fn handover(
    dossier: &Dossier,
    procedure: &Procedure,
    id: &StepId,
    round: u32,
) -> Option<Handover> {
    let step = dossier.steps.get(id)?;
    let limit = limit_of(procedure, id, step);
    if let Some(recall) = dossier.recalls.get(&(id.clone(), round)) {
        return Some(Handover {
            id: derive(dossier, id, round, None, &[]),
            step: id.clone(),
            round,
            task: Task::Recall,
            agency: recall.agency.clone(),
            evidence: vec![],
            parties: vec![],
            changes: vec![],
            faults: vec![],
            fault_answers: vec![],
            due_since: recall.due_since,
            due_at: recall.due_since,
            limit,
            reason: recall.why.word().to_owned(),
            look_up: None,
            question: None,
            opinions: vec![],
            payments: vec![],
            transfer_slip: vec![],
        });
    }
    if step.round != round || !step.stage.is_open() || !step.is_departments() {
        return None;
    }
    let evidence = inputs(dossier, procedure, id, step);
    let task = step.task();
    let told = step.opinions.iter().take(step.opinions_told);
    let paid = step.payments.iter().take(step.payments_told);
    Some(Handover {
        id: derive(dossier, id, round, Some((step, task)), &evidence),
        step: id.clone(),
        round,
        task,
        agency: step.agency.clone(),
        parties: parties(dossier, procedure, id, step),
        changes: changes(dossier, step, &evidence),
        evidence,
        faults: step
            .faults
            .iter()
            .filter(|fault| step.answers.contains(&fault.evidence))
            .cloned()
            .collect(),
        fault_answers: step.told.clone(),
        due_since: step.due_since?,
        due_at: step.round_due_at?,
        limit,
        reason: String::new(),
        look_up: match &step.kind {
            Kind::LookUp { evidence, .. } => Some(question(dossier, procedure, evidence)),
            _ => None,
        },
        question: match &step.kind {
            Kind::Consultation { question, .. } => Some(question.clone()),
            _ => None,
        },
        opinions: told.cloned().collect(),
        payments: paid
            .filter_map(|key| Some((key.clone(), dossier.obligations.get(key)?.clone())))
            .collect(),
        transfer_slip: if round == 1 && procedure.text.transfer_slip && task != Task::LookUp {
            planned_slip(dossier, procedure)
        } else {
            vec![]
        },
    })
}

/// What changed: of what the round holds, and of what its condition asks of and it does not hold.
fn changes(
    dossier: &Dossier,
    step: &crate::dossier::Step,
    evidence: &[Arc<Version>],
) -> Vec<Change> {
    let held = evidence.iter().filter_map(|version| {
        let (name, number) = (&version.new.given.name, version.new.version);
        let had = step.used.get(name).copied();
        if step.review.contains_key(name) {
            // What it is asked to judge is told whatever it had: nothing, or this one already, in a round
            // that it did not answer.
            let from = had.unwrap_or(0).min(number.saturating_sub(1));
            return Some(change(version, from));
        }
        Some(change(version, had.filter(|from| *from != number)?))
    });
    let conditions = step
        .review
        .iter()
        .filter(|(name, _)| !step.inputs.contains_key(*name))
        .filter_map(|(name, number)| {
            let mut versions = dossier.evidence.get(name)?.iter();
            let version = versions.find(|one| one.new.version == *number)?;
            let judged = step.judged.get(name).copied();
            let from = judged.unwrap_or(number.saturating_sub(1));
            // Why it was corrected is not this department's to know, as the evidence itself is not.
            Some(Change {
                reason: "điều kiện của bước không còn đúng".into(),
                ..change(version, from)
            })
        });
    held.chain(conditions).collect()
}

fn change(version: &Version, from: u32) -> Change {
    Change {
        evidence: version.new.given.name.clone(),
        from,
        to: version.new.version,
        reason: version.reason.clone(),
    }
}

/// The transfer slip as it was at reception: a round says the same however often it is sent.
fn planned_slip(dossier: &Dossier, procedure: &Procedure) -> Vec<Duty> {
    let mut duties: Vec<Duty> = dossier
        .received
        .assignments
        .iter()
        .filter(|(_, assignment)| assignment.actor != Actor::Citizen)
        .map(|(id, assignment)| Duty {
            agency: assignment.agency.clone(),
            step: id.clone(),
            part: assignment.part.clone(),
            leads: procedure
                .step(id)
                .is_some_and(|plan| plan.role.as_ref() == Some(&procedure.text.lead)),
            due_at: assignment.planned_at,
        })
        .collect();
    duties.sort_by(|a, b| (a.due_at, &a.step).cmp(&(b.due_at, &b.step)));
    duties
}

fn question(dossier: &Dossier, procedure: &Procedure, evidence: &EvidenceName) -> Question {
    let purpose = dossier
        .procedure_steps()
        .filter(|(id, _)| {
            procedure
                .step(id)
                .is_some_and(|plan| depends_on(procedure, plan, evidence))
        })
        .map(|(id, _)| id.clone())
        .collect();
    Question {
        evidence: evidence.clone(),
        schema_id: procedure
            .text
            .evidence
            .get(evidence)
            .map(|kind| kind.schema.clone())
            .unwrap_or_default(),
        purpose,
    }
}

/// The parties that the round's department gets to see: those whose roles its step declares; for a
/// consultation, those of the step that asks. With the numbers that a step gave them before the round
/// was.
fn parties(
    dossier: &Dossier,
    procedure: &Procedure,
    id: &StepId,
    step: &crate::dossier::Step,
) -> Vec<Party> {
    let of = match &step.kind {
        Kind::Procedure => id,
        Kind::Consultation { asker, .. } => asker,
        Kind::LookUp { evidence, .. } => {
            return parties_looked_for(dossier, procedure, evidence, step.round_knows);
        }
        Kind::Slip => return vec![],
    };
    let Some(plan) = procedure.step(of) else {
        return vec![];
    };
    dossier
        .received
        .parties
        .iter()
        .filter(|party| party.roles.iter().any(|role| plan.parties.contains(role)))
        .map(|party| shown(dossier, procedure, party, step.round_knows))
        .collect()
}

/// What a holder is told, to find a paper by: first whom it is about, then by whom else it is found.
/// Names, numbers and dates of birth are enough for that (Luật 91/2025/QH15: data minimisation).
fn parties_looked_for(
    dossier: &Dossier,
    procedure: &Procedure,
    evidence: &EvidenceName,
    round_knows: u32,
) -> Vec<Party> {
    let Some(kind) = procedure.evidence(evidence) else {
        return vec![];
    };
    let parties = &dossier.received.parties;
    let about = kind.subjects(parties);
    let is_about = |party: &&Party| about.iter().any(|one| one.id == party.id);
    let finds = |party: &&Party| party.roles.iter().any(|role| kind.found_by.contains(role));
    let found_by = parties
        .iter()
        .filter(|party| !is_about(party) && finds(party));
    about
        .iter()
        .copied()
        .chain(found_by)
        .map(|party| Party {
            address: String::new(),
            represents: None,
            ..shown(dossier, procedure, party, round_knows)
        })
        .collect()
}

/// A party as a department sees it: only the desk speaks with the citizen, and nobody else gets a way
/// to.
fn shown(dossier: &Dossier, procedure: &Procedure, party: &Party, round_knows: u32) -> Party {
    Party {
        identifiers: known_identifiers(dossier, procedure, party, round_knows),
        phone: String::new(),
        email: String::new(),
        ..party.clone()
    }
}

/// Whether a handover of this id is the round that is owed or held, as it was given or would be given now; no
/// recall is.
pub fn is_round(
    dossier: &Dossier,
    procedure: &Procedure,
    id: &StepId,
    round: u32,
    handover_id: &str,
) -> bool {
    let step = dossier.steps.get(id);
    let Some(step) = step.filter(|step| step.round == round && step.stage.is_open()) else {
        return false;
    };
    let evidence = inputs(dossier, procedure, id, step);
    let tasks = [Some(step.task()), step.asked.task];
    let mut tasks = tasks.into_iter().flatten();
    tasks.any(|task| derive(dossier, id, round, Some((step, task)), &evidence) == handover_id)
}

/// The evidence of a round; of what the step needs only members of, the extract.
fn inputs(
    dossier: &Dossier,
    procedure: &Procedure,
    id: &StepId,
    step: &crate::dossier::Step,
) -> Vec<Arc<Version>> {
    let asker = match &step.kind {
        Kind::Consultation { asker, .. } => asker,
        _ => id,
    };
    let pointers = |name: &EvidenceName| {
        procedure
            .step(asker)?
            .needs
            .iter()
            .find(|need| need.evidence == *name)
            .map(|need| need.extract.as_slice())
            .filter(|pointers| !pointers.is_empty())
    };
    step.inputs
        .iter()
        .filter_map(|(name, version)| {
            dossier
                .evidence
                .get(name)?
                .iter()
                .find(|one| one.new.version == *version)
                .map(|whole| match pointers(name) {
                    Some(pointers) => Arc::new(extracted(whole, pointers)),
                    None => Arc::clone(whole),
                })
        })
        .collect()
}

/// Only these members; of data that is without one of them, the others: what was given before its
/// schema asked for it is no reason to give more.
fn members(data: &[u8], pointers: &[String]) -> Vec<u8> {
    let pointers: Vec<Pointer> = pointers
        .iter()
        .filter_map(|text| text.parse().ok())
        .map(|mut pointer: Pointer| {
            pointer.optional = true;
            pointer
        })
        .collect();
    extract::extract(data, &pointers).unwrap_or_else(|_| b"{}".to_vec())
}

/// A version with only these members of its data, and no documents: what a step does not declare it
/// does not get (Luật 91/2025/QH15: data minimisation). It has its own digest and names its source.
fn extracted(whole: &Version, pointers: &[String]) -> Version {
    let mut part = whole.clone();
    part.new.given.data = members(&whole.new.given.data, pointers).into();
    part.new.given.documents.clear();
    part.extract = Some(crate::evidence::Extract {
        pointers: pointers.to_vec(),
        of: whole.new.digest,
    });
    part.new.digest = part.new.given.digest();
    part
}

/// Names what a round asks: of which step, what to do, with which evidence, what to judge and what to
/// answer. Rounds of a broker that was restored from a copy are counted anew, so that the same number may
/// ask something else. What opinions, payments and answers it tells is not part of it: the next round tells
/// them all again. Without a step it is a recall.
fn derive(
    dossier: &Dossier,
    id: &StepId,
    round: u32,
    step: Option<(&crate::dossier::Step, Task)>,
    evidence: &[Arc<Version>],
) -> String {
    let task = step.map_or(Task::Recall, |(_, task)| task);
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(&dossier.id.0);
    bytes.extend_from_slice(format!("\0{id}\0{round}\0{}\0", task.word()).as_bytes());
    for version in evidence {
        bytes.extend_from_slice(version.new.given.name.as_str().as_bytes());
        bytes.extend_from_slice(&version.new.version.to_be_bytes());
        bytes.extend_from_slice(version.new.digest.as_bytes());
    }
    let mut ask = |kind: u8, name: &EvidenceName, version: u32| {
        bytes.push(kind);
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(&version.to_be_bytes());
    };
    if let Some((step, _)) = step {
        for (name, version) in &step.asked.review {
            ask(b'J', name, *version);
        }
        for fault in &step.faults {
            ask(b'F', &fault.evidence, fault.version);
        }
    }
    hex::encode(&Digest::of(&bytes).0[..16])
}
