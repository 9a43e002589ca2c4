//! Alarms: the times at which something happens to a dossier although nobody says anything. Each is a
//! debt, fires once, and late if the broker was down.

use crate::{
    Event, Rules,
    dossier::{Dossier, Intake},
    name::{PartId, StepId},
    standstill,
    want::Wanting,
};
use jiff::Timestamp;

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
    /// The citizen's time to pay what a department asked for ends. Named by the event that asked: the
    /// department's own id may say whose it is.
    PaymentWindow(u64),
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
            Self::PaymentWindow(number) => format!("payment_window:{number}"),
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
            "payment_window" => Self::PaymentWindow(of.parse().ok()?),
            "intake_limit" if of.is_empty() => Self::IntakeLimit,
            _ => return None,
        })
    }
}

/// The alarms that are set. Of a stopped dossier none is: everything in it stands still.
pub(crate) fn alarms(dossier: &Dossier) -> Vec<(Alarm, Timestamp)> {
    let mut set = Vec::new();
    if dossier.closed_at.is_some() || dossier.stopped_since.is_some() {
        return set;
    }
    for (id, step) in &dossier.steps {
        if let Some(at) = step.ask_again_at {
            set.push((Alarm::AskAgain(id.clone()), at));
        }
        if step.stage.is_finished() || standstill::of_step(dossier, step).is_some() {
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
            if part.end.is_some() || standstill::of_part(dossier, part).is_some() {
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
    for (_, owed) in dossier.unpaid().filter(|(_, owed)| !owed.overdue) {
        if let Some(at) = owed.due_at {
            set.push((Alarm::PaymentWindow(owed.number), at));
        }
    }
    set
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
        Alarm::PaymentWindow(number) => dossier
            .unpaid()
            .filter(|(_, owed)| owed.number == *number)
            .map(|(obligation, _)| Event::PaymentOverdue {
                obligation: obligation.clone(),
            })
            .collect(),
        Alarm::IntakeLimit => vec![Event::IntakeLimitPassed],
    }
}
