//! What the log says of a commit: a line for each thing that concerns two sides, never who did it
//! or why.

use dossier::{
    Dossier, Entry, Event,
    name::{AgencyCode, DossierCode, StepId},
};

/// A line of the log.
#[derive(Debug)]
pub(super) struct Line {
    what: &'static str,
    step: Option<(StepId, u32)>,
    agency: Option<AgencyCode>,
}

impl Line {
    /// The line of an event, if it has one. `before` is the dossier on which it was decided.
    pub(super) fn of(before: Option<&Dossier>, entry: &Entry, after: &Dossier) -> Option<Self> {
        let (what, step, round) = match &entry.event {
            Event::Acknowledged { step, round } => ("a handover was acknowledged", step, round),
            Event::Completed { step, round, .. } => ("a step was completed", step, round),
            Event::Refused { step, round, .. } => ("a step was refused", step, round),
            Event::Declined { step, round, .. } => ("a step was declined", step, round),
            Event::Returned { step, round, .. } => ("evidence was returned", step, round),
            Event::Corrected { step, round, .. } => ("evidence was corrected", step, round),
            Event::Upheld { step, round, .. } => ("evidence was upheld", step, round),
            Event::Reviewed { step, round, .. } => ("a step was reviewed", step, round),
            Event::LookedUp { step, round, .. } => ("a look-up was answered", step, round),
            Event::Opined { step, round, .. } => ("a consultation was answered", step, round),
            Event::PaymentAsked { step, round, .. } => ("a payment was asked for", step, round),
            Event::Notified {
                agency,
                notice,
                refused,
            } => {
                return Some(Self {
                    what: match refused {
                        true => "a notice was refused",
                        false => "a notice was recorded",
                    },
                    step: notice.step().map(|step| (step.clone(), notice.round())),
                    agency: Some(agency.clone()),
                });
            }
            Event::Extended { step, round, .. } => ("a promised date was put off", step, round),
            event => {
                return Some(Self {
                    what: of_the_dossier(event)?,
                    step: None,
                    agency: None,
                });
            }
        };
        // A recall concerns the department that had the step before.
        let recall = before.and_then(|dossier| dossier.recalls.get(&(step.clone(), *round)));
        let agency = recall
            .map(|recall| &recall.agency)
            .or_else(|| after.steps.get(step).map(|step| &step.agency));
        Some(Self {
            what,
            step: Some((step.clone(), *round)),
            agency: agency.cloned(),
        })
    }

    /// Says it, once it is committed.
    pub(super) fn say(&self, code: &DossierCode) {
        let step = self.step.as_ref().map(|(step, _)| step.as_str());
        let round = self.step.as_ref().map(|(_, round)| *round);
        let agency = self.agency.as_ref().map(AgencyCode::as_str);
        tracing::info!(dossier_code = %code, step, agency, round, "{}", self.what);
    }
}

/// What the log says of what concerns the whole dossier.
fn of_the_dossier(event: &Event) -> Option<&'static str> {
    Some(match event {
        Event::Filed(_) => "a dossier was filed",
        Event::Accepted(_) => "a filed dossier was received",
        Event::NotAccepted { .. } => "a filed dossier was not accepted",
        Event::SupplementAsked { .. } => "the citizen is asked for more",
        Event::SupplementAnswered { .. } => "the citizen gave what was asked for",
        Event::SupplementDenied { .. } => "the citizen is not asked for what is held elsewhere",
        Event::Reused { .. } => "evidence came from the vault",
        Event::PaymentOverdue { .. } => "a payment is overdue",
        Event::Paid { .. } => "a payment was confirmed",
        Event::CalendarAdopted { .. } => "a dossier took up a changed calendar",
        Event::Withdrawn { .. } => "a dossier was withdrawn",
        Event::Stopped { .. } => "a dossier was stopped",
        Event::Resumed { .. } => "a stopped dossier goes on",
        Event::Closed => "a dossier was closed",
        _ => return None,
    })
}
