//! Standstill: since when a clock of a dossier does not run.

use crate::dossier::{Dossier, Part, Step};
use jiff::Timestamp;

/// Since when a part's promise stands still; none while it runs.
pub(crate) fn of_part(dossier: &Dossier, part: &Part) -> Option<Timestamp> {
    part.paused_since.or(dossier.stopped_since)
}

/// Since when a step's limit stands still; none while it runs. What came to be due in a standstill
/// stands still since then.
pub(crate) fn of_step(dossier: &Dossier, step: &Step) -> Option<Timestamp> {
    let by_part = dossier
        .parts
        .get(&step.part)
        .filter(|_| step.follows_its_part())
        .and_then(|part| part.steps_paused_since);
    let since = by_part.or(dossier.stopped_since)?;
    Some(step.limit_since.map_or(since, |began| began.max(since)))
}

impl Dossier {
    /// Since when a step's limit stands still; none while it runs.
    pub fn stands_still_since(&self, step: &Step) -> Option<Timestamp> {
        of_step(self, step)
    }
}

/// Since when the window of what the citizen was asked for then stands still; none while it runs.
pub(crate) fn of_window(dossier: &Dossier, asked_at: Timestamp) -> Option<Timestamp> {
    dossier.stopped_since.map(|since| since.max(asked_at))
}
