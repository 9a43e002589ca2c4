//! Deciding: what becomes of a dossier when something happens. Every legal pair of state and action
//! is a line here; everything else is a refusal.

use crate::{
    Entry, Event, Procedure, Refusal, adoption,
    alarm::{self, Alarm},
    bounds::{Bound, DENIALS_NOTED_MAX},
    calendar::Calendar,
    counter,
    department_notice::{DepartmentNotice, notices_owed},
    directory::Directory,
    dossier::{Dossier, Stage},
    event::Cause,
    limit::Limit,
    name::{AgencyCode, EvidenceName, StepId},
    party::Officer,
    report::{About, reported},
    request,
    schema::Schemas,
    settle,
    supplement::Denial,
    vault::Finding,
};
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};

pub use crate::counter::Act;
pub use crate::report::{Report, Statement};

/// What a dossier is judged by: the versions that it follows, and the directory of today.
#[derive(Clone, Copy)]
pub struct Rules<'a> {
    /// The procedure's version in force at its reception.
    pub procedure: &'a Procedure,
    /// The calendar of its territory.
    pub calendar: &'a Calendar,
    /// Who does what, today.
    pub directory: &'a Directory,
    /// The schemas of evidence data.
    pub schemas: &'a Schemas,
}

/// Something that happens to a dossier.
#[derive(Debug, Clone)]
pub struct Happening {
    /// The ledger's own time.
    pub at: Timestamp,
    /// Who causes it from outside, if somebody does.
    pub cause: Option<Cause>,
    /// What the vaults of its parties have of what it needs, as the broker found it just now; looked
    /// at only where somebody would ask the citizen.
    pub vault: Vec<Finding>,
    /// What.
    pub action: Action,
}

/// What can happen to a dossier after its reception.
#[derive(Debug, Clone)]
pub enum Action {
    /// A round was sent to the department and the answer did not come.
    Offer {
        /// The step.
        step: StepId,
        /// The round.
        round: u32,
    },
    /// The department answered *recorded*.
    Acknowledge {
        /// The step.
        step: StepId,
        /// The round.
        round: u32,
    },
    /// The department answered a notice: recorded, or refused for good.
    Notify {
        /// The department.
        agency: AgencyCode,
        /// The notice.
        notice: DepartmentNotice,
        /// Whether it was refused.
        refused: bool,
    },
    /// The department says that it no longer has what it acknowledged.
    LoseHolding {
        /// The step.
        step: StepId,
        /// The round.
        round: u32,
    },
    /// The department says something of a step.
    Report(Report),
    /// An operator moves a step to another department.
    Move {
        /// The step.
        step: StepId,
        /// The new department.
        to: AgencyCode,
        /// Why.
        reason: String,
    },
    /// An operator puts off the promised date of a step's part, with an apology.
    Extend {
        /// The step.
        step: StepId,
        /// By how much.
        limit: Limit,
        /// Why; it stands in the apology.
        reason: String,
    },
    /// A desk does something.
    Act(Act),
    /// A time has come.
    Ring(Alarm),
    /// The broker notes that it refused to ask the citizen, once for each item that asked, and starts
    /// what should come before.
    Deny {
        /// The step that asked; none for the desk.
        step: Option<StepId>,
        /// Who asked.
        agency: AgencyCode,
        /// What, and why not.
        denials: BTreeMap<EvidenceName, Denial>,
    },
    /// The calendar of its territory changed.
    AdoptCalendar {
        /// The one that the dossier followed until now.
        from: Arc<Calendar>,
    },
}

/// What was decided.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The dossier as it is now.
    pub dossier: Dossier,
    /// The events to record; empty when nothing changes.
    pub entries: Vec<Entry>,
    /// The dossier as each of them made it: as many as there are events.
    pub after: Vec<Dossier>,
    /// When it was recorded: for a repetition, the first time.
    pub at: Timestamp,
    /// Where it was recorded.
    pub sequence: u64,
}

/// Decides what becomes of the dossier. Nothing is changed by a refusal.
///
/// # Errors
/// A [`Refusal`] that says what the sender should do.
pub fn decide(
    dossier: &Dossier,
    rules: Rules<'_>,
    happening: Happening,
) -> Result<Decided, Refusal> {
    if let Some(cause) = &happening.cause
        && let Some(seen) = dossier.seen.get(&cause.sent())
    {
        if seen.digest != cause.digest {
            return Err(Refusal::IdReused);
        }
        return Ok(Decided {
            dossier: dossier.clone(),
            entries: Vec::new(),
            after: Vec::new(),
            at: seen.at,
            sequence: seen.sequence,
        });
    }
    if !dossier.denied.is_empty()
        && let Some(decided) = denied_before(dossier, &happening)
    {
        return decided;
    }
    let events = events(
        dossier,
        rules,
        happening.action,
        &happening.vault,
        happening.at,
    )?;
    let mut progress = Progress::new(dossier.clone(), happening.at);
    let mut cause = happening.cause;
    let many = events.len();
    for (n, event) in events.into_iter().enumerate() {
        // The statement itself carries its cause; an acknowledgement that it implies does not.
        let cause = if n + 1 == many { cause.take() } else { None };
        progress.record(cause, event);
    }
    let sequence = progress.dossier.sequence;
    progress.settle(rules);
    Ok(Decided {
        dossier: progress.dossier,
        entries: progress.entries,
        after: progress.after,
        at: happening.at,
        sequence,
    })
}

/// What becomes of an item that was refused before because it would ask the citizen for what is held:
/// it is judged anew, and noted no second time. Nor is anything noted when as many were as are noted.
fn denied_before(dossier: &Dossier, happening: &Happening) -> Option<Result<Decided, Refusal>> {
    let cause = happening.cause.as_ref();
    let noted = cause.and_then(|cause| dossier.denied.get(&cause.sent()));
    if noted.is_some_and(|noted| cause.is_none_or(|cause| cause.digest != noted.digest)) {
        return Some(Err(Refusal::IdReused));
    }
    let is_enough = noted.is_some() || dossier.denied.len() >= DENIALS_NOTED_MAX;
    if !matches!(happening.action, Action::Deny { .. }) || !is_enough {
        return None;
    }
    Some(Ok(Decided {
        dossier: dossier.clone(),
        entries: Vec::new(),
        after: Vec::new(),
        at: noted.map_or(happening.at, |noted| noted.at),
        sequence: noted.map_or(dossier.sequence, |noted| noted.sequence),
    }))
}

/// A dossier on its way through new events.
pub(crate) struct Progress {
    pub(crate) dossier: Dossier,
    pub(crate) entries: Vec<Entry>,
    pub(crate) after: Vec<Dossier>,
    at: Timestamp,
}

impl Progress {
    pub(crate) fn new(dossier: Dossier, at: Timestamp) -> Self {
        Self {
            dossier,
            entries: Vec::new(),
            after: Vec::new(),
            at,
        }
    }

    /// A dossier that this entry began.
    pub(crate) fn begun(dossier: Dossier, first: Entry) -> Self {
        Self {
            at: first.at,
            after: vec![dossier.clone()],
            entries: vec![first],
            dossier,
        }
    }

    pub(crate) fn record(&mut self, cause: Option<Cause>, event: Event) {
        let entry = Entry {
            sequence: self.dossier.sequence + 1,
            at: self.at,
            cause,
            event,
        };
        self.dossier
            .apply(&entry)
            .expect("an event that was just decided fits the dossier");
        self.after.push(self.dossier.clone());
        self.entries.push(entry);
    }

    /// Lets everything happen that follows by itself.
    pub(crate) fn settle(&mut self, rules: Rules<'_>) {
        while let Some(event) = settle::next(&self.dossier, rules, self.at) {
            self.record(None, event);
        }
    }
}

fn events(
    dossier: &Dossier,
    rules: Rules<'_>,
    action: Action,
    vault: &[Finding],
    at: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    match action {
        Action::Offer { step: id, round } => {
            let is_owed = dossier
                .steps
                .get(&id)
                .is_some_and(|step| step.round == round && step.stage == Stage::Due);
            let recall_is_new = dossier
                .recalls
                .get(&(id.clone(), round))
                .is_some_and(|recall| !recall.offered);
            Ok(if is_owed || recall_is_new {
                vec![Event::Offered { step: id, round }]
            } else {
                vec![]
            })
        }
        Action::Acknowledge { step: id, round } => {
            let is_owed = dossier
                .steps
                .get(&id)
                .is_some_and(|step| step.round == round && step.stage.is_owed());
            let is_recall = dossier.recalls.contains_key(&(id.clone(), round));
            Ok(if is_owed || is_recall {
                vec![Event::Acknowledged { step: id, round }]
            } else {
                vec![]
            })
        }
        Action::Notify {
            agency,
            notice,
            refused,
        } => {
            // What was told meanwhile, or is not so any more, is no debt to discharge.
            let is_owed = notices_owed(dossier)
                .iter()
                .any(|(owed, to, _)| *owed == notice && *to == agency);
            Ok(if is_owed {
                vec![Event::Notified {
                    agency,
                    notice,
                    refused,
                }]
            } else {
                vec![]
            })
        }
        Action::LoseHolding { step: id, round } => {
            let held = dossier
                .steps
                .get(&id)
                .filter(|step| step.is_departments())
                .filter(|step| step.round == round && step.stage == Stage::Held);
            let Some(step) = held else {
                return Ok(vec![]);
            };
            Bound::Losses.check(step.lost as usize)?;
            Ok(vec![Event::HoldingLost { step: id, round }])
        }
        Action::Report(report) => reported(dossier, rules, report, vault, at),
        Action::Move {
            step: id,
            to,
            reason,
        } => {
            if dossier.closed_at.is_some() {
                return Err(Refusal::Closed);
            }
            let step = dossier
                .steps
                .get(&id)
                .ok_or_else(|| Refusal::UnknownStep { step: id.clone() })?;
            if matches!(step.stage, Stage::Refused | Stage::Ended | Stage::Skipped) {
                return Err(Refusal::Finished {
                    step: id,
                    state: step.stage,
                });
            }
            let is_there = step.agency == to && step.stage != Stage::Declined;
            if is_there || !step.is_departments() {
                return Err(Refusal::AlreadyThere {
                    step: id,
                    agency: step.agency.clone(),
                });
            }
            Ok(vec![Event::Moved {
                step: id,
                from: step.agency.clone(),
                to,
                reason,
            }])
        }
        Action::Extend {
            step: id,
            limit,
            reason,
        } => {
            if dossier.closed_at.is_some() {
                return Err(Refusal::Closed);
            }
            let step = dossier
                .steps
                .get(&id)
                .ok_or_else(|| Refusal::UnknownStep { step: id.clone() })?;
            if step.stage.is_finished() {
                let state = step.stage;
                return Err(Refusal::Finished { step: id, state });
            }
            let about = About {
                dossier,
                rules,
                id: &id,
                step,
                round: step.round,
                at,
            };
            // Whoever has the step signs no apology that an operator makes for it.
            let officer = Officer::default();
            Ok(vec![request::extension(&about, limit, reason, officer)?])
        }
        Action::Act(act) => counter::acted(dossier, rules, act, vault, at),
        Action::Ring(alarm) => Ok(alarm::rung(dossier, rules, &alarm, at)),
        Action::Deny {
            step,
            agency,
            denials,
        } => Ok(counter::denied(
            dossier, rules, step, agency, denials, vault, at,
        )),
        Action::AdoptCalendar { from } => Ok(adoption::adopted(dossier, rules, &from, at)),
    }
}
