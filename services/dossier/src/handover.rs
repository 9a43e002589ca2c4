//! Handovers: one round of a step, with the evidence that it needs and no more.

use crate::{
    Procedure,
    dossier::{Dossier, FaultAnswer, Task},
    evidence::Version,
    limit::Limit,
    name::{AgencyCode, Digest, EvidenceName, StepId},
    party::Party,
};
use jiff::Timestamp;
use std::sync::Arc;

pub use crate::dossier::Fault;

/// One round of a step, as the department gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handover {
    /// Derived from dossier, step, round, task and the evidence versions in it.
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
    /// Which evidence changed since what the department had, or since what the result stands on.
    pub changes: Vec<Change>,
    /// Faults found in what the step gave.
    pub faults: Vec<Fault>,
    /// What became of the peer return that the step asked for.
    pub fault_answers: Vec<FaultAnswer>,
    /// Since when it is due.
    pub due_since: Timestamp,
    /// When its limit ends.
    pub due_at: Timestamp,
    /// The step's limit.
    pub limit: Limit,
    /// For a recall: why.
    pub reason: String,
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
    let plan = procedure.step(id)?;
    let step = dossier.steps.get(id)?;
    if let Some(recall) = dossier.recalls.get(&(id.clone(), round)) {
        return Some(Handover {
            id: derive(dossier, id, round, Task::Recall, &[]),
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
            limit: plan.limit,
            reason: recall.why.word().to_owned(),
        });
    }
    if step.round != round || !step.stage.is_open() {
        return None;
    }
    let evidence = inputs(dossier, step);
    let task = step.task();
    Some(Handover {
        id: derive(dossier, id, round, task, &evidence),
        step: id.clone(),
        round,
        task,
        agency: step.agency.clone(),
        parties: dossier
            .received
            .parties
            .iter()
            .filter(|party| party.roles.iter().any(|role| plan.parties.contains(role)))
            .cloned()
            .collect(),
        changes: evidence
            .iter()
            .filter_map(|version| {
                let name = &version.new.given.name;
                let from = *step.used.get(name)?;
                (from != version.new.version).then(|| Change {
                    evidence: name.clone(),
                    from,
                    to: version.new.version,
                    reason: version.reason.clone(),
                })
            })
            .collect(),
        evidence,
        faults: step
            .faults
            .iter()
            .filter(|fault| step.answers.contains(&fault.evidence))
            .cloned()
            .collect(),
        fault_answers: step.told.clone(),
        due_since: step.due_since?,
        due_at: step.due_at?,
        limit: plan.limit,
        reason: String::new(),
    })
}

/// The id of the handover of this round, if it is owed or held; no recall has one here.
pub fn handover_id(dossier: &Dossier, id: &StepId, round: u32) -> Option<String> {
    let step = dossier
        .steps
        .get(id)
        .filter(|step| step.round == round && step.stage.is_open())?;
    Some(derive(
        dossier,
        id,
        round,
        step.task(),
        &inputs(dossier, step),
    ))
}

fn inputs(dossier: &Dossier, step: &crate::dossier::Step) -> Vec<Arc<Version>> {
    step.inputs
        .iter()
        .filter_map(|(name, version)| {
            dossier
                .evidence
                .get(name)?
                .iter()
                .find(|one| one.new.version == *version)
                .cloned()
        })
        .collect()
}

fn derive(
    dossier: &Dossier,
    step: &StepId,
    round: u32,
    task: Task,
    evidence: &[Arc<Version>],
) -> String {
    let mut bytes = Vec::with_capacity(256);
    bytes.extend_from_slice(&dossier.id.0);
    bytes.extend_from_slice(format!("\0{step}\0{round}\0{}\0", task.word()).as_bytes());
    for version in evidence {
        bytes.extend_from_slice(version.new.given.name.as_str().as_bytes());
        bytes.extend_from_slice(&version.new.version.to_be_bytes());
        bytes.extend_from_slice(version.new.digest.as_bytes());
    }
    hex::encode(&Digest::of(&bytes).0[..16])
}
