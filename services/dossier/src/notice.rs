//! What the desk is told: read off the events, so that nothing is told that did not happen.

use crate::{
    Entry, Event, Procedure,
    dossier::{Dossier, Kind, Stage},
    event::{PartEnd, PauseWhy},
    hand_out,
    name::{AgencyCode, EvidenceName, Key, PartId, StepId},
    party::Officer,
    supplement::Item,
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
    /// The dossier was filed and waits for the desk.
    Filed {
        /// Until when the desk receives it, refuses it or asks for more.
        receive_by: Timestamp,
    },
    /// It was not accepted (form 03).
    NotAccepted {
        /// Why.
        reason: String,
        /// The article of law.
        legal_basis: String,
    },
    /// The citizen is to be asked for more (form 02).
    SupplementAsked {
        /// Which.
        number: u32,
        /// Who asks.
        agency: AgencyCode,
        /// All that is asked.
        items: Vec<Item>,
        /// Until when.
        due_at: Timestamp,
    },
    /// The citizen gave what was asked for or did not in time, it came in another way, or it is not
    /// needed any more.
    SupplementEnded {
        /// Which.
        number: u32,
        /// Whether the window passed.
        expired: bool,
    },
    /// The citizen is to pay.
    PaymentAsked {
        /// The asking agency's id.
        obligation: Key,
        /// Who asks.
        agency: AgencyCode,
        /// Whole đồng.
        amount_vnd: i64,
        /// What for.
        purpose: String,
        /// Until when.
        due_at: Option<Timestamp>,
    },
    /// The citizen may answer a supplement until another time: its clock stood still, or its calendar
    /// changed.
    SupplementDue {
        /// Which.
        number: u32,
        /// Until when.
        due_at: Timestamp,
    },
    /// The citizen may pay until another time, as with a supplement.
    PaymentDue {
        /// The asking agency's id.
        obligation: Key,
        /// Until when.
        due_at: Timestamp,
    },
    /// The citizen did not pay in time, and still may.
    PaymentOverdue {
        /// The asking agency's id.
        obligation: Key,
    },
    /// The citizen does not owe this any more, unpaid: what it was for is not done, or another sum is
    /// asked for instead.
    PaymentDropped {
        /// The asking agency's id.
        obligation: Key,
    },
    /// A payment was confirmed.
    Paid {
        /// The asking agency's id.
        obligation: Key,
    },
    /// A part's promised date changed: its clock ran on, began anew, was extended with an apology
    /// (form 04), or its calendar changed.
    Promised {
        /// The part.
        part: PartId,
        /// Until when.
        promised_at: Timestamp,
        /// Why, in one word.
        why: &'static str,
        /// The reason that stands in the apology.
        reason: String,
    },
    /// A part's clock stands still.
    ClockPaused {
        /// The part.
        part: PartId,
        /// Why.
        why: PauseWhy,
    },
    /// An apology is owed for a part (form 04), by its holders.
    ApologyOwed {
        /// The part.
        part: PartId,
        /// Who has it.
        holders: Vec<AgencyCode>,
    },
    /// Evidence of the owner's vault was used, and for what.
    Reused {
        /// The evidence.
        evidence: EvidenceName,
        /// Its code in the vault.
        code: String,
    },
    /// A consulted agency kept silent past its deadline: its head is to be told.
    ConsultationSilent {
        /// The step that asked.
        step: StepId,
        /// Who kept silent.
        agency: AgencyCode,
    },
    /// A result was handed out.
    HandedOut {
        /// The result.
        evidence: EvidenceName,
        /// Its version.
        version: u32,
    },
    /// The citizen withdrew it.
    Withdrawn,
    /// It was stopped by decision (form 05).
    Stopped {
        /// Why.
        reason: String,
    },
    /// It goes on.
    Resumed,
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
/// before its reception there is none. Of what steps give, only the results for the citizen are told:
/// what departments give each other is their own affair.
pub fn notices(
    before: Option<&Dossier>,
    entry: &Entry,
    after: &Dossier,
    procedure: &Procedure,
) -> Vec<Notice> {
    let mut told = Vec::new();
    match &entry.event {
        Event::Received(received) => {
            told.push(Notice::Received {
                promised_at: received.promised_at,
            });
            told.extend(reused(&received.reused));
        }
        Event::Filed(received) => told.push(Notice::Filed {
            receive_by: received.promised_at,
        }),
        Event::Accepted(reception) => told.push(Notice::Received {
            promised_at: reception.promised_at,
        }),
        Event::Completed { step, evidence, .. } | Event::Corrected { step, evidence, .. } => {
            let agency = after.steps.get(step).map(|step| step.agency.clone());
            let results = evidence
                .iter()
                .filter(|new| hand_out::is_result(after, procedure, &new.given.name));
            for (new, agency) in results.zip(std::iter::repeat(agency).flatten()) {
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
        event => told.extend(of_the_rules(event, after)),
    }
    told.extend(
        before
            .iter()
            .flat_map(|before| moved_windows(before, after)),
    );
    told.extend(before.iter().flat_map(|before| ended_asks(before, after)));
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

/// What the desk is told of the citizen's side and of the clocks.
fn of_the_rules(event: &Event, after: &Dossier) -> Vec<Notice> {
    let promised = |part: &PartId, why, reason: &str| Notice::Promised {
        part: part.clone(),
        promised_at: after
            .parts
            .get(part)
            .map_or(after.received.promised_at, |part| part.promised_at),
        why,
        reason: reason.to_owned(),
    };
    let one = match event {
        Event::NotAccepted {
            reason,
            legal_basis,
            ..
        } => Notice::NotAccepted {
            reason: reason.clone(),
            legal_basis: legal_basis.clone(),
        },
        Event::SupplementAsked {
            number,
            agency,
            items,
            due_at,
            ..
        } => Notice::SupplementAsked {
            number: *number,
            agency: agency.clone(),
            items: items.clone(),
            due_at: *due_at,
        },
        Event::PaymentAsked {
            step,
            obligation,
            amount_vnd,
            purpose,
            ..
        } => Notice::PaymentAsked {
            obligation: obligation.clone(),
            agency: after
                .steps
                .get(step)
                .map_or_else(|| after.received.desk.clone(), |step| step.agency.clone()),
            amount_vnd: *amount_vnd,
            purpose: purpose.clone(),
            due_at: after
                .obligations
                .get(obligation)
                .and_then(|owed| after.pay_by(owed)),
        },
        Event::PaymentOverdue { obligation } => Notice::PaymentOverdue {
            obligation: obligation.clone(),
        },
        Event::Paid { obligation, .. } => Notice::Paid {
            obligation: obligation.clone(),
        },
        Event::ClockPaused { part, why } => Notice::ClockPaused {
            part: part.clone(),
            why: *why,
        },
        Event::ClockResumed { part, reset, .. } => {
            promised(part, if *reset { "reset" } else { "resumed" }, "")
        }
        Event::Extended { part, reason, .. } => promised(part, "extended", reason),
        Event::CalendarAdopted { parts, .. } => {
            return parts
                .keys()
                .map(|part| promised(part, "calendar", ""))
                .collect();
        }
        Event::ApologyOwed { part, holders } => Notice::ApologyOwed {
            part: part.clone(),
            holders: holders.iter().cloned().collect(),
        },
        Event::Reused { from, .. } => return reused(from),
        Event::LimitPassed { step: id } => {
            match after.steps.get(id).map(|s| (&s.kind, &s.agency)) {
                Some((Kind::Consultation { asker, .. }, agency)) => Notice::ConsultationSilent {
                    step: asker.clone(),
                    agency: agency.clone(),
                },
                // What the citizen's own step waits for has its limit.
                _ => {
                    let unpaid = after.unpaid().filter(|(_, owed)| owed.step == *id);
                    return unpaid
                        .filter(|(_, owed)| owed.due_at.is_none())
                        .map(|(obligation, _)| Notice::PaymentOverdue {
                            obligation: obligation.clone(),
                        })
                        .collect();
                }
            }
        }
        Event::HandedOut {
            evidence, version, ..
        } => Notice::HandedOut {
            evidence: evidence.clone(),
            version: *version,
        },
        Event::Withdrawn { .. } => Notice::Withdrawn,
        Event::Stopped { reason, .. } => Notice::Stopped {
            reason: reason.clone(),
        },
        Event::Resumed { .. } => Notice::Resumed,
        _ => return vec![],
    };
    vec![one]
}

/// What the citizen may answer or pay until another time than before.
fn moved_windows(before: &Dossier, after: &Dossier) -> Vec<Notice> {
    let asked = after.open_supplements().filter_map(|one| {
        let was = before
            .supplements
            .iter()
            .find(|was| was.number == one.number)?;
        (was.due_at != one.due_at).then_some(Notice::SupplementDue {
            number: one.number,
            due_at: one.due_at,
        })
    });
    let owed = after.unpaid().filter_map(|(obligation, owed)| {
        let was = before.obligations.get(obligation)?;
        let due_at = after.pay_by(owed)?;
        (before.pay_by(was)? != due_at).then_some(Notice::PaymentDue {
            obligation: obligation.clone(),
            due_at,
        })
    });
    asked.chain(owed).collect()
}

/// What the citizen is not waited for any more. A dossier that ended says so itself.
fn ended_asks(before: &Dossier, after: &Dossier) -> Vec<Notice> {
    if after.ending.is_some() {
        return vec![];
    }
    let answered = before.open_supplements().filter_map(|was| {
        let one = after
            .supplements
            .iter()
            .find(|one| one.number == was.number)?;
        (!one.is_open()).then_some(Notice::SupplementEnded {
            number: one.number,
            expired: one.expired,
        })
    });
    let dropped = before
        .unpaid()
        .filter(|(obligation, _)| !after.obligations.contains_key(*obligation))
        .map(|(obligation, _)| Notice::PaymentDropped {
            obligation: obligation.clone(),
        });
    answered.chain(dropped).collect()
}

fn reused(from: &std::collections::BTreeMap<EvidenceName, String>) -> Vec<Notice> {
    from.iter()
        .map(|(evidence, code)| Notice::Reused {
            evidence: evidence.clone(),
            code: code.clone(),
        })
        .collect()
}
