//! Custody: who had a step, from when until when, read off the events.

use crate::{
    Dossier, Entry,
    dossier::Stage,
    name::{DossierId, StepId},
};
use jiff::{SignedDuration, Timestamp};

/// Who has a step's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeper {
    /// On its way to the department.
    Transport,
    /// With the department.
    Held,
    /// With nobody: it waits for a person or for an answer that stops the clock.
    Paused,
}

/// A stretch of time of one step, from due to finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Who has it.
    pub keeper: Keeper,
    /// From.
    pub from: Timestamp,
    /// Until; none while it lasts.
    pub until: Option<Timestamp>,
}

impl Span {
    /// How long, up to now while it lasts.
    pub fn length(&self, now: Timestamp) -> SignedDuration {
        self.until.unwrap_or(now).duration_since(self.from)
    }
}

/// The custody of one step: its spans follow each other without gap from due to finished. A step
/// that is opened again begins a new chain of spans.
pub fn custody(entries: &[Entry], of: &StepId) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut turn = |at: Timestamp, keeper: Option<Keeper>| {
        if let Some(last) = spans.last_mut().filter(|span| span.until.is_none()) {
            if Some(last.keeper) == keeper {
                return;
            }
            last.until = Some(at);
        }
        if let Some(keeper) = keeper {
            spans.push(Span {
                keeper,
                from: at,
                until: None,
            });
        }
    };
    let mut dossier: Option<Dossier> = None;
    for entry in entries {
        match &mut dossier {
            None => dossier = Dossier::begin(DossierId([0; 16]), entry).ok(),
            // What cannot be replayed is the store's to quarantine; here it only has no effect.
            Some(dossier) => drop(dossier.apply(entry)),
        }
        let step = dossier.as_ref().and_then(|dossier| dossier.steps.get(of));
        match step.map(|step| step.stage) {
            Some(Stage::Due | Stage::PossiblyHeld) => turn(entry.at, Some(Keeper::Transport)),
            Some(Stage::Held) => turn(entry.at, Some(Keeper::Held)),
            Some(Stage::Declined) => turn(entry.at, Some(Keeper::Paused)),
            Some(Stage::Waiting) if step.is_some_and(|step| step.round > 0) => {
                turn(entry.at, Some(Keeper::Paused));
            }
            _ => turn(entry.at, None),
        }
    }
    spans
}
