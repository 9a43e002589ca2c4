//! What must still be done for a dossier: a function of its state. A restart is loading and asking.

use crate::{
    alarm::{Alarm, alarms},
    department_notice::{DepartmentNotice, notices_owed},
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
    /// Tell a department something that it does not answer.
    Notice {
        /// What.
        notice: DepartmentNotice,
        /// The department.
        agency: AgencyCode,
        /// The one that is due first goes first, as handovers do.
        due_at: Timestamp,
    },
    /// Ring when a time has come.
    Timer {
        /// What for.
        alarm: Alarm,
        /// When.
        at: Timestamp,
    },
}

/// Whether this round of a step is owed to this department, to be handed over or recalled.
pub fn is_owed(dossier: &Dossier, step: &StepId, round: u32, agency: &AgencyCode) -> bool {
    let given = dossier.step(step).is_some_and(|one| {
        one.round == round
            && one.stage.is_owed()
            && one.is_departments()
            && one.due_at.is_some()
            && one.agency == *agency
    });
    let recall = || dossier.recalls.get(&(step.clone(), round));
    given || recall().is_some_and(|recall| recall.agency == *agency)
}

/// Everything that must still be done, handovers in order of step and round.
pub fn owed(dossier: &Dossier) -> Vec<Debt> {
    let timers = alarms(dossier)
        .into_iter()
        .map(|(alarm, at)| Debt::Timer { alarm, at });
    owed_to_departments(dossier).chain(timers).collect()
}

/// The alarm that rings first, and when; of two at one time the first in their order.
pub fn next_alarm(dossier: &Dossier) -> Option<(Alarm, Timestamp)> {
    alarms(dossier).into_iter().min_by_key(|(_, at)| *at)
}

/// What departments must still be given or told, handovers in order of step and round.
pub fn owed_to_departments(dossier: &Dossier) -> impl Iterator<Item = Debt> {
    let handovers = dossier
        .steps
        .iter()
        .filter(|(_, step)| step.stage.is_owed() && step.is_departments())
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
    let notices = notices_owed(dossier)
        .into_iter()
        .map(|(notice, agency, due_at)| Debt::Notice {
            notice,
            agency,
            due_at,
        });
    handovers.chain(recalls).chain(notices)
}
