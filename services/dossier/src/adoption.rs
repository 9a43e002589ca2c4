//! Adoption: an open dossier takes up a changed calendar.

use crate::{
    Event, Rules,
    calendar::Calendar,
    dossier::{Dossier, Intake},
    event::{Deadline, Windows},
    limit::Unit,
    name::{PartId, StepId},
    request::warn_at,
    settle::limit_of,
    standstill,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is left of every open clock under the calendar that it followed, from now, or from where it
/// stands still, is what it gets in the new one. What is over stays so, and the days that were
/// counted already are not counted again.
pub(crate) fn adopted(
    dossier: &Dossier,
    rules: Rules<'_>,
    from: &Calendar,
    at: Timestamp,
) -> Vec<Event> {
    let followed = dossier.received.calendar_digest;
    let is_new = followed != rules.calendar.digest && followed == from.digest;
    if dossier.closed_at.is_some() || !is_new {
        return vec![];
    }
    let change = Change {
        from,
        to: rules.calendar,
        at,
    };
    vec![Event::CalendarAdopted {
        calendar_digest: rules.calendar.digest,
        parts: parts(dossier, rules, &change),
        steps: steps(dossier, rules, &change),
        windows: windows(dossier, rules, &change),
        receive_by: receive_by(dossier, rules, &change),
    }]
}

/// Before its reception nothing is promised; reception reckons by the calendar of its day.
fn parts(dossier: &Dossier, rules: Rules<'_>, change: &Change<'_>) -> BTreeMap<PartId, Deadline> {
    dossier
        .parts
        .iter()
        .filter(|(_, part)| dossier.intake == Intake::Received && part.end.is_none())
        .filter_map(|(id, part)| {
            let promise = Deadline {
                due_at: part.promised_at,
                warn_at: part.warn_at,
            };
            let unit = rules.procedure.text.parts.get(id)?.limit.unit;
            let since = standstill::of_part(dossier, part);
            Some((id.clone(), change.deadline(since, promise, unit)?))
        })
        .collect()
}

fn steps(dossier: &Dossier, rules: Rules<'_>, change: &Change<'_>) -> BTreeMap<StepId, Deadline> {
    dossier
        .steps
        .iter()
        .filter(|(_, step)| !step.stage.is_finished())
        .filter_map(|(id, step)| {
            let limit = Deadline {
                due_at: step.due_at?,
                warn_at: step.warn_at?,
            };
            let unit = limit_of(rules.procedure, id, step).unit;
            let since = standstill::of_step(dossier, step);
            Some((id.clone(), change.deadline(since, limit, unit)?))
        })
        .collect()
}

fn windows(dossier: &Dossier, rules: Rules<'_>, change: &Change<'_>) -> Windows {
    let asked = dossier.open_supplements().filter_map(|one| {
        let unit = rules.procedure.text.supplement_window.unit;
        let since = standstill::of_window(dossier, one.asked_at);
        Some((one.number, change.end(since, one.due_at, unit)?))
    });
    let owed = dossier.unpaid().filter_map(|(obligation, owed)| {
        let unit = rules.procedure.payment_window().unit;
        let since = standstill::of_window(dossier, owed.asked_at);
        Some((obligation.clone(), change.end(since, owed.due_at?, unit)?))
    });
    Windows {
        supplements: asked.collect(),
        payments: owed.collect(),
    }
}

fn receive_by(dossier: &Dossier, rules: Rules<'_>, change: &Change<'_>) -> Option<Timestamp> {
    if dossier.intake != Intake::Filed {
        return None;
    }
    let unit = rules.procedure.text.intake_limit?.unit;
    change.end(None, dossier.received.promised_at, unit)
}

/// From one calendar to another, now.
struct Change<'a> {
    from: &'a Calendar,
    to: &'a Calendar,
    at: Timestamp,
}

impl Change<'_> {
    /// When it ends now, if that is another time. Where both calendars agree on what is left, it
    /// ends when it did.
    fn end(&self, since: Option<Timestamp>, due_at: Timestamp, unit: Unit) -> Option<Timestamp> {
        let stands_at = since.unwrap_or(self.at);
        let left = self.from.remaining(stands_at, due_at, unit);
        let [was, is] = [self.from, self.to].map(|calendar| calendar.resumes(stands_at, left));
        (was != is).then_some(is)
    }

    /// The same, with the time at which somebody is told that it will.
    fn deadline(&self, since: Option<Timestamp>, before: Deadline, unit: Unit) -> Option<Deadline> {
        let stands_at = since.unwrap_or(self.at);
        let due_at = self
            .end(since, before.due_at, unit)
            .unwrap_or(before.due_at);
        let was = warn_at(self.from, stands_at, before.due_at);
        let is = warn_at(self.to, stands_at, due_at);
        let after = Deadline {
            due_at,
            warn_at: if was == is { before.warn_at } else { is },
        };
        (after != before).then_some(after)
    }
}
