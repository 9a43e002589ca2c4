//! What must still be done for a dossier: a function of its state. A restart is loading and asking.

use crate::{
    dossier::Dossier,
    name::{AgencyCode, StepId},
};
use jiff::Timestamp;

/// One thing that the broker must still do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Debt {
    /// Hand a round of a step to its department.
    Handover {
        /// The step.
        step: StepId,
        /// The round.
        round: u32,
        /// The department.
        agency: AgencyCode,
        /// When the step's limit ends: the oldest goes first.
        due_at: Timestamp,
    },
    /// Tell a department to put a step down.
    Recall {
        /// The step.
        step: StepId,
        /// The round.
        round: u32,
        /// The department.
        agency: AgencyCode,
        /// Since when.
        due_at: Timestamp,
    },
    /// Tell somebody when a step's limit passes.
    Timer {
        /// The step.
        step: StepId,
        /// When.
        at: Timestamp,
    },
}

/// Everything that must still be done, in order of step and round.
pub fn owed(dossier: &Dossier) -> Vec<Debt> {
    let handovers = dossier
        .steps
        .iter()
        .filter(|(_, step)| step.stage.is_owed())
        .filter_map(|(id, step)| {
            Some(Debt::Handover {
                step: id.clone(),
                round: step.round,
                agency: step.agency.clone(),
                due_at: step.due_at?,
            })
        });
    let recalls = dossier
        .recalls
        .iter()
        .map(|((id, round), recall)| Debt::Recall {
            step: id.clone(),
            round: *round,
            agency: recall.agency.clone(),
            due_at: recall.due_since,
        });
    let timers = dossier
        .steps
        .iter()
        .filter(|(_, step)| !step.limit_passed && !step.stage.is_finished())
        .filter_map(|(id, step)| {
            Some(Debt::Timer {
                step: id.clone(),
                at: step.due_at?,
            })
        });
    handovers.chain(recalls).chain(timers).collect()
}
