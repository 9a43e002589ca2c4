//! What the desk is told: read off the events, so that nothing is told that did not happen.

use crate::{
    Entry, Event,
    dossier::{Dossier, Stage},
    event::PartEnd,
    name::{AgencyCode, EvidenceName, PartId, StepId},
    party::Officer,
};
use jiff::Timestamp;

/// Something that the receiving desk must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The dossier was received.
    Received {
        /// Until when every part is promised.
        promised_at: Timestamp,
    },
    /// A step changed its state.
    Step {
        /// The step.
        step: StepId,
        /// Its new state.
        stage: Stage,
        /// The department.
        agency: AgencyCode,
        /// The round.
        round: u32,
        /// What the round asks, in one word.
        task: &'static str,
        /// Who is at it.
        officer: Officer,
        /// Why, where it was refused, declined or ended.
        reason: String,
    },
    /// A result exists.
    Result {
        /// The evidence.
        evidence: EvidenceName,
        /// Its version.
        version: u32,
        /// The step that gave it.
        step: StepId,
        /// The agency that gave it.
        agency: AgencyCode,
    },
    /// A part is finished.
    Part {
        /// The part.
        part: PartId,
        /// How.
        end: PartEnd,
    },
    /// A fault goes back, or comes back answered.
    PeerReturn {
        /// The evidence.
        evidence: EvidenceName,
        /// The version in which the fault was found, or that now holds.
        version: u32,
        /// The step that asked first; none when answered without being asked.
        asker: Option<StepId>,
        /// The step that gave it.
        giver: StepId,
        /// Where it stands.
        state: ReturnState,
    },
    /// The dossier is closed.
    Closed,
}

/// Where a peer return stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnState {
    /// Asked.
    Asked,
    /// Answered: corrected.
    Corrected,
    /// Answered: upheld.
    Upheld,
}

/// What the desk is told of this entry. `before` and `after` are the dossier on either side of it;
/// before its reception there is none.
pub fn notices(before: Option<&Dossier>, entry: &Entry, after: &Dossier) -> Vec<Notice> {
    let mut told = Vec::new();
    match &entry.event {
        Event::Received(received) => {
            told.push(Notice::Received {
                promised_at: received.promised_at,
            });
        }
        Event::Completed { step, evidence, .. } | Event::Corrected { step, evidence, .. } => {
            let agency = after.steps.get(step).map(|step| step.agency.clone());
            for (new, agency) in evidence.iter().zip(std::iter::repeat(agency).flatten()) {
                told.push(Notice::Result {
                    evidence: new.given.name.clone(),
                    version: new.version,
                    step: step.clone(),
                    agency,
                });
            }
        }
        Event::PartFinished { part, end } => told.push(Notice::Part {
            part: part.clone(),
            end: *end,
        }),
        Event::Closed => told.push(Notice::Closed),
        _ => {}
    }
    let returns_before = before.map(|dossier| &dossier.returns);
    for (name, open) in &after.returns {
        if returns_before.is_none_or(|returns| !returns.contains_key(name)) {
            told.push(Notice::PeerReturn {
                evidence: name.clone(),
                version: open.version,
                asker: open.askers.first().cloned(),
                giver: open.giver.clone(),
                state: ReturnState::Asked,
            });
        }
    }
    for (name, open) in returns_before.into_iter().flatten() {
        if !after.returns.contains_key(name) {
            let version = after.newest_number(name);
            told.push(Notice::PeerReturn {
                evidence: name.clone(),
                version,
                asker: open.askers.first().cloned(),
                giver: open.giver.clone(),
                state: if version == open.version {
                    ReturnState::Upheld
                } else {
                    ReturnState::Corrected
                },
            });
        }
    }
    if let Some(id) = entry.event.step()
        && let Some(step) = after.steps.get(id)
    {
        let was = before.and_then(|dossier| dossier.steps.get(id));
        let moved = was.is_none_or(|was| {
            (was.stage, was.round, &was.agency, &was.officer)
                != (step.stage, step.round, &step.agency, &step.officer)
        });
        if moved {
            let state = Notice::Step {
                step: id.clone(),
                stage: step.stage,
                agency: step.agency.clone(),
                round: step.round,
                task: step.task().word(),
                officer: step.officer.clone(),
                reason: step.reason.clone(),
            };
            told.insert(0, state);
        }
    }
    told
}
