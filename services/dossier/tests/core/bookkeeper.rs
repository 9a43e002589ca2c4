//! A bookkeeper who never looks at the dossier: what is owed and who has what, from the events alone.

use dossier::{
    Entry, Event,
    name::{AgencyCode, EvidenceName, StepId},
    owed::Debt,
    slip::Keeper,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What the bookkeeper knows of one step.
#[derive(Debug, Clone, Default)]
struct Page {
    round: u32,
    agency: Option<AgencyCode>,
    work: bool,
    answers: BTreeSet<EvidenceName>,
    review: BTreeSet<EvidenceName>,
    due_at: Option<Timestamp>,
    is_owed: bool,
    timer: bool,
    timer_rang_for: Option<Timestamp>,
    keeper: Option<Keeper>,
    since: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    times: BTreeMap<&'static str, SignedDuration>,
    open_for: SignedDuration,
}

impl Page {
    fn turn(&mut self, keeper: Option<Keeper>, at: Timestamp) {
        if let (Some(was), Some(since)) = (self.keeper, self.since) {
            *self.times.entry(word(was)).or_default() += at.duration_since(since);
        }
        match (keeper, self.opened_at) {
            (Some(_), None) => self.opened_at = Some(at),
            (None, Some(opened)) => {
                self.open_for += at.duration_since(opened);
                self.opened_at = None;
            }
            _ => {}
        }
        self.keeper = keeper;
        self.since = keeper.map(|_| at);
    }

    fn finish(&mut self, at: Timestamp) {
        self.is_owed = false;
        self.timer = false;
        self.turn(None, at);
    }
}

pub fn word(keeper: Keeper) -> &'static str {
    match keeper {
        Keeper::Transport => "transport",
        Keeper::Held => "held",
        Keeper::Paused => "paused",
    }
}

/// Debts raised minus debts discharged, and how long each step was with whom.
#[derive(Debug, Clone, Default)]
pub struct Book {
    pages: BTreeMap<StepId, Page>,
    recalls: BTreeMap<(StepId, u32), (AgencyCode, Timestamp)>,
}

impl Book {
    pub fn note(&mut self, entry: &Entry) {
        let at = entry.at;
        let Some(id) = entry.event.step() else { return };
        let page = self.pages.entry(id.clone()).or_default();
        match &entry.event {
            Event::HandoverDue {
                round,
                agency,
                work,
                answers,
                review,
                due_at,
                ..
            } => {
                self.recalls
                    .retain(|(of, _), (to, _)| of != id || to != agency);
                page.round = *round;
                page.agency = Some(agency.clone());
                page.work = *work;
                page.answers = answers.clone();
                page.review = review.keys().cloned().collect();
                page.due_at = Some(*due_at);
                page.is_owed = true;
                page.timer = page.timer_rang_for != Some(*due_at);
                page.turn(Some(Keeper::Transport), at);
            }
            Event::RecallDue { round, agency, .. } => {
                self.recalls
                    .retain(|(of, _), (to, _)| of != id || to != agency);
                self.recalls
                    .insert((id.clone(), *round), (agency.clone(), at));
            }
            Event::Acknowledged { round, .. } => {
                if self.recalls.remove(&(id.clone(), *round)).is_none() {
                    page.is_owed = false;
                    page.turn(Some(Keeper::Held), at);
                }
            }
            Event::HoldingLost { .. } => {
                page.is_owed = true;
                page.turn(Some(Keeper::Transport), at);
            }
            Event::Moved { .. } => {
                page.is_owed = false;
                if page.opened_at.is_some() {
                    page.turn(Some(Keeper::Paused), at);
                }
            }
            Event::Declined { .. } => page.turn(Some(Keeper::Paused), at),
            Event::LimitPassed { .. } => {
                page.timer = false;
                page.timer_rang_for = page.due_at;
            }
            Event::Completed { .. } | Event::Refused { .. } | Event::Ended { .. } => {
                page.finish(at)
            }
            Event::Reviewed { redo, .. } => {
                page.review.clear();
                page.work |= redo;
            }
            Event::Corrected { evidence, .. } => {
                for new in evidence {
                    page.answers.remove(&new.given.name);
                }
            }
            Event::Upheld { evidence, .. } => {
                page.answers.remove(evidence);
            }
            Event::Offered { .. }
            | Event::Progressed { .. }
            | Event::Returned { .. }
            | Event::Received(_)
            | Event::PartFinished { .. }
            | Event::Closed => {}
        }
        let answered = matches!(
            entry.event,
            Event::Reviewed { .. } | Event::Corrected { .. } | Event::Upheld { .. }
        );
        if answered && !page.work && page.answers.is_empty() && page.review.is_empty() {
            page.finish(at);
        }
    }

    /// In the order of [`Debt`].
    pub fn owed(&self) -> Vec<Debt> {
        let mut debts = Vec::new();
        for (step, page) in &self.pages {
            if page.is_owed {
                debts.push(Debt::Handover {
                    step: step.clone(),
                    round: page.round,
                    agency: page.agency.clone().unwrap(),
                    due_at: page.due_at.unwrap(),
                });
            }
            if page.timer {
                debts.push(Debt::Timer {
                    step: step.clone(),
                    at: page.due_at.unwrap(),
                });
            }
        }
        for ((step, round), (agency, at)) in &self.recalls {
            debts.push(Debt::Recall {
                step: step.clone(),
                round: *round,
                agency: agency.clone(),
                due_at: *at,
            });
        }
        debts.sort();
        debts
    }

    /// How long a step was with each keeper, and how long it was open in all, up to now.
    pub fn times(
        &self,
        id: &StepId,
        now: Timestamp,
    ) -> (BTreeMap<&'static str, SignedDuration>, SignedDuration) {
        let Some(mut page) = self.pages.get(id).cloned() else {
            return Default::default();
        };
        page.turn(None, now);
        page.times.retain(|_, time| !time.is_zero());
        (page.times, page.open_for)
    }
}
