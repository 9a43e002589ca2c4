//! Alarms: the times at which something happens to a dossier although nobody says anything. Each is a
//! debt, fires once, and late if the broker was down.

use crate::{
    Event, Rules,
    dossier::{Dossier, Intake, Kind, Stage},
    event::{Deadline, PauseWhy},
    intake::begins,
    name::{PartId, StepId},
    procedure::Actor,
    request::warn_at,
    want::Wanting,
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What a time is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// A step's limit will end soon.
    StepWarning(StepId),
    /// A step's limit ends.
    StepLimit(StepId),
    /// A holder that could not answer is asked again.
    AskAgain(StepId),
    /// One working day before a part's promised date (NĐ 61/2018 Art 19(9)).
    PartWarning(PartId),
    /// A part's promised date.
    PartLimit(PartId),
    /// The citizen's time to answer a supplement ends.
    SupplementWindow(u32),
    /// The desk's time to receive a filed dossier ends.
    IntakeLimit,
}

impl Alarm {
    /// The text for it in the store: `step_limit:register_birth`.
    pub fn text(&self) -> String {
        match self {
            Self::StepWarning(step) => format!("step_warning:{step}"),
            Self::StepLimit(step) => format!("step_limit:{step}"),
            Self::AskAgain(step) => format!("ask_again:{step}"),
            Self::PartWarning(part) => format!("part_warning:{part}"),
            Self::PartLimit(part) => format!("part_limit:{part}"),
            Self::SupplementWindow(number) => format!("supplement_window:{number}"),
            Self::IntakeLimit => "intake_limit:".into(),
        }
    }

    /// The alarm of this text.
    pub fn from_text(text: &str) -> Option<Self> {
        let (word, of) = text.split_once(':')?;
        Some(match word {
            "step_warning" => Self::StepWarning(of.parse().ok()?),
            "step_limit" => Self::StepLimit(of.parse().ok()?),
            "ask_again" => Self::AskAgain(of.parse().ok()?),
            "part_warning" => Self::PartWarning(of.parse().ok()?),
            "part_limit" => Self::PartLimit(of.parse().ok()?),
            "supplement_window" => Self::SupplementWindow(of.parse().ok()?),
            "intake_limit" if of.is_empty() => Self::IntakeLimit,
            _ => return None,
        })
    }
}

/// The alarms that are set.
pub(crate) fn alarms(dossier: &Dossier) -> Vec<(Alarm, Timestamp)> {
    let mut set = Vec::new();
    if dossier.closed_at.is_some() {
        return set;
    }
    for (id, step) in &dossier.steps {
        if let Some(at) = step.ask_again_at {
            set.push((Alarm::AskAgain(id.clone()), at));
        }
        let stands_still = step.is_procedures()
            && step.actor != Actor::Citizen
            && steps_stand_still(dossier, &step.part);
        if step.stage.is_finished() || stands_still {
            continue;
        }
        if let Some(at) = step.warn_at.filter(|_| !step.warned && !step.limit_passed) {
            set.push((Alarm::StepWarning(id.clone()), at));
        }
        if let Some(at) = step.due_at.filter(|_| !step.limit_passed) {
            set.push((Alarm::StepLimit(id.clone()), at));
        }
    }
    if dossier.intake == Intake::Received {
        for (id, part) in &dossier.parts {
            if part.end.is_some() || stands_still(dossier, id) {
                continue;
            }
            if !part.apology_owed {
                set.push((Alarm::PartWarning(id.clone()), part.warn_at));
            }
            if !part.promise_passed {
                set.push((Alarm::PartLimit(id.clone()), part.promised_at));
            }
        }
    }
    if dossier.intake == Intake::Filed
        && dossier.ending.is_none()
        && !dossier.intake_limit_passed
        && dossier.open_supplements().next().is_none()
    {
        set.push((Alarm::IntakeLimit, dossier.received.promised_at));
    }
    for one in dossier.open_supplements() {
        set.push((Alarm::SupplementWindow(one.number), one.due_at));
    }
    set
}

/// Whether the limits of a part's steps stand still. What does not count for the part still has a
/// limit of its own.
pub(crate) fn steps_stand_still(dossier: &Dossier, part: &PartId) -> bool {
    dossier
        .parts
        .get(part)
        .is_some_and(|part| part.pauses.iter().any(|why| *why != PauseWhy::Outside))
}

/// Whether a part's clock stands still: its promise does not pass then.
fn stands_still(dossier: &Dossier, part: &PartId) -> bool {
    dossier
        .parts
        .get(part)
        .is_some_and(|part| !part.pauses.is_empty())
}

/// What happens when an alarm rings. One that is no longer set does nothing.
pub(crate) fn rung(
    dossier: &Dossier,
    rules: Rules<'_>,
    alarm: &Alarm,
    at: Timestamp,
) -> Vec<Event> {
    let is_due = alarms(dossier)
        .iter()
        .any(|(set, when)| set == alarm && *when <= at);
    if !is_due {
        return vec![];
    }
    match alarm {
        Alarm::StepWarning(step) => vec![Event::Warned { step: step.clone() }],
        Alarm::StepLimit(step) => vec![Event::LimitPassed { step: step.clone() }],
        Alarm::AskAgain(step) => vec![Event::AskedAgain { step: step.clone() }],
        Alarm::PartWarning(part) => {
            let wanting = Wanting {
                dossier,
                procedure: rules.procedure,
            };
            vec![Event::ApologyOwed {
                part: part.clone(),
                holders: wanting.holders(part),
            }]
        }
        Alarm::PartLimit(part) => vec![Event::PromisePassed { part: part.clone() }],
        Alarm::SupplementWindow(number) => vec![Event::SupplementExpired { number: *number }],
        Alarm::IntakeLimit => vec![Event::IntakeLimitPassed],
    }
}

/// The open clocks of a dossier, reckoned anew with a changed calendar: what was left of each when it
/// began is what it gets, in the new days.
pub(crate) fn adopted(dossier: &Dossier, rules: Rules<'_>) -> Vec<Event> {
    if dossier.closed_at.is_some() || dossier.received.calendar_digest == rules.calendar.digest {
        return vec![];
    }
    let again = |from: Timestamp, limit| {
        let due_at = rules.calendar.ends(from, limit);
        Deadline {
            due_at,
            warn_at: warn_at(rules, from, due_at),
        }
    };
    // Before its reception nothing is promised; reception reckons by the calendar of its day.
    let never_stood_still = |part: &PartId| {
        dossier.intake == Intake::Received
            && dossier.parts.get(part).is_some_and(|part| {
                part.pauses.is_empty() && part.extensions == 0 && part.end.is_none()
            })
            && dossier.supplements.is_empty()
            && dossier.obligations.is_empty()
    };
    let start = rules
        .calendar
        .starts(dossier.received_at, rules.procedure.text.cutoff);
    let parts: BTreeMap<PartId, Deadline> = dossier
        .parts
        .keys()
        .filter(|part| never_stood_still(part))
        .filter_map(|id| {
            let plan = rules.procedure.text.parts.get(id)?;
            Some((
                id.clone(),
                again(begins(start, dossier.received_at, plan.limit), plan.limit),
            ))
        })
        .collect();
    let steps: BTreeMap<StepId, Deadline> = dossier
        .steps
        .iter()
        .filter(|(_, step)| step.stage.is_open() && step.kind == Kind::Procedure)
        .filter(|(_, step)| step.stage != Stage::Declined && never_stood_still(&step.part))
        .filter_map(|(id, step)| {
            let plan = rules.procedure.step(id)?;
            Some((id.clone(), again(step.due_since?, plan.limit)))
        })
        .collect();
    vec![Event::CalendarAdopted {
        calendar_digest: rules.calendar.digest,
        parts,
        steps,
    }]
}
