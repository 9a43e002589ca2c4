//! The control slip (form 06): the record of every passage from one agency to another, read off the
//! events. And custody: who had a step, from when until when.

use crate::{
    Entry, Event,
    name::{AgencyCode, StepId},
    party::Officer,
    procedure::civil_date,
};
use jiff::{SignedDuration, Timestamp};

/// Whether something was done within its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeliness {
    /// Trước hạn: before the day on which it was due.
    Early,
    /// Đúng hạn: on that day, within the limit.
    OnTime,
    /// Quá hạn.
    Overdue,
}

/// One passage from one agency to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The event by which it was given.
    pub sequence: u64,
    /// Who gave: the desk for a first round, the department whose act made this round due.
    pub from: AgencyCode,
    /// Who received.
    pub to: AgencyCode,
    /// The step.
    pub step: StepId,
    /// The round.
    pub round: u32,
    /// What was asked, in one word.
    pub task: &'static str,
    /// Giao: when it was given.
    pub handed_at: Timestamp,
    /// Nhận: when it was acknowledged.
    pub received_at: Option<Timestamp>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// Until when.
    pub due_at: Timestamp,
    /// Early, on time or overdue.
    pub timeliness: Option<Timeliness>,
    /// How it was answered, in one word.
    pub outcome: &'static str,
    /// Who answered.
    pub officer: Officer,
}

/// The control slip of a dossier, oldest passage first.
pub fn slip(entries: &[Entry]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut giver: Option<AgencyCode> = None;
    for entry in entries {
        match &entry.event {
            Event::Received(received) => giver = Some(received.desk.clone()),
            Event::HandoverDue {
                step,
                round,
                agency,
                work,
                answers,
                due_at,
                ..
            } => {
                close(&mut rows, step, *round, entry.at, "superseded", None);
                let task = match (work, answers.is_empty()) {
                    (true, _) => "work",
                    (false, false) => "answer",
                    (false, true) => "review",
                };
                rows.push(row(entry, step, *round, agency, &giver, task, *due_at));
            }
            Event::RecallDue {
                step,
                round,
                agency,
                ..
            } => {
                close(&mut rows, step, *round, entry.at, "recalled", None);
                rows.push(row(entry, step, *round, agency, &giver, "recall", entry.at));
            }
            Event::Acknowledged { step, round } => {
                if let Some(row) = open_row(&mut rows, step, *round) {
                    row.received_at.get_or_insert(entry.at);
                    if row.task == "recall" {
                        row.answered_at = Some(entry.at);
                        row.outcome = "put down";
                    }
                }
            }
            _ => {}
        }
        let answered = match &entry.event {
            Event::Completed {
                step,
                round,
                officer,
                ..
            } => Some((step, *round, "completed", officer)),
            Event::Refused {
                step,
                round,
                officer,
                ..
            } => Some((step, *round, "refused", officer)),
            Event::Declined {
                step,
                round,
                officer,
                ..
            } => Some((step, *round, "declined", officer)),
            Event::Returned {
                step,
                round,
                officer,
                ..
            } => Some((step, *round, "returned", officer)),
            Event::Corrected {
                step,
                round,
                officer,
                ..
            } => Some((step, *round, "corrected", officer)),
            Event::Upheld {
                step,
                round,
                officer,
                ..
            } => Some((step, *round, "upheld", officer)),
            Event::Reviewed {
                step,
                round,
                redo: false,
                officer,
                ..
            } => Some((step, *round, "stands", officer)),
            _ => None,
        };
        if let Some((step, round, outcome, officer)) = answered {
            if let Some(by) = agency_of(&rows, step, round) {
                giver = Some(by);
            }
            // A held step that says its result stands still owes its outcome.
            let still_works = outcome == "stands"
                && open_row(&mut rows, step, round).is_some_and(|row| row.task == "work");
            if !still_works {
                if let Some(row) = open_row(&mut rows, step, round) {
                    row.officer = officer.clone();
                }
                close(&mut rows, step, round + 1, entry.at, outcome, Some(round));
            }
        }
    }
    rows
}

fn row(
    entry: &Entry,
    step: &StepId,
    round: u32,
    to: &AgencyCode,
    from: &Option<AgencyCode>,
    task: &'static str,
    due_at: Timestamp,
) -> Row {
    Row {
        sequence: entry.sequence,
        from: from.clone().unwrap_or_else(|| to.clone()),
        to: to.clone(),
        step: step.clone(),
        round,
        task,
        handed_at: entry.at,
        received_at: None,
        answered_at: None,
        due_at,
        timeliness: None,
        outcome: "",
        officer: Officer::default(),
    }
}

fn open_row<'a>(rows: &'a mut [Row], step: &StepId, round: u32) -> Option<&'a mut Row> {
    rows.iter_mut()
        .rev()
        .find(|row| row.step == *step && row.round == round && row.answered_at.is_none())
}

fn agency_of(rows: &[Row], step: &StepId, round: u32) -> Option<AgencyCode> {
    rows.iter()
        .rev()
        .find(|row| row.step == *step && row.round == round)
        .map(|row| row.to.clone())
}

/// Closes the open rows of the step before this round, or only the one of `only`.
fn close(
    rows: &mut [Row],
    step: &StepId,
    before: u32,
    at: Timestamp,
    outcome: &'static str,
    only: Option<u32>,
) {
    for row in rows
        .iter_mut()
        .filter(|row| row.step == *step && row.answered_at.is_none())
    {
        if row.round < before && only.is_none_or(|only| only == row.round) && row.task != "recall" {
            row.answered_at = Some(at);
            row.outcome = outcome;
            row.timeliness = Some(timeliness(at, row.due_at));
        }
    }
}

fn timeliness(at: Timestamp, due_at: Timestamp) -> Timeliness {
    if at > due_at {
        Timeliness::Overdue
    } else if civil_date(at) == civil_date(due_at) {
        Timeliness::OnTime
    } else {
        Timeliness::Early
    }
}

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
    let mut dossier: Option<crate::Dossier> = None;
    for entry in entries {
        match &mut dossier {
            None => dossier = crate::Dossier::begin(crate::name::DossierId([0; 16]), entry).ok(),
            Some(dossier) => {
                let _ = dossier.apply(entry);
            }
        }
        use crate::dossier::Stage;
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
