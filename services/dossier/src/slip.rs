//! The control slip (form 06): the record of every passage from one agency to another, read off the
//! events.

pub use crate::custody::{Keeper, Span, custody};

use crate::{
    Entry, Event,
    event::RecallWhy,
    name::{AgencyCode, EvidenceName, StepId},
    party::Officer,
    procedure::civil_date,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

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
    /// Who gave: the desk for a first round, else the department whose act made this round due, or
    /// from which it was moved; for the recall of a moved step, the desk.
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
    /// Early, on time or overdue. A refusal that came after the time for refusing is overdue, also
    /// while the step's limit still ran.
    pub timeliness: Option<Timeliness>,
    /// How it was answered, in one word.
    pub outcome: &'static str,
    /// Who answered.
    pub officer: Officer,
}

/// The control slip of a dossier, oldest passage first.
pub fn slip(entries: &[Entry]) -> Vec<Row> {
    let mut rows = Rows::default();
    for entry in entries {
        rows.note(entry);
    }
    rows.rows
}

/// The rows so far, and what each open round still asks.
#[derive(Default)]
struct Rows {
    rows: Vec<Row>,
    asked: BTreeMap<(StepId, u32), Asked>,
    desk: Option<AgencyCode>,
    /// Whose act makes due what comes next.
    giver: Option<AgencyCode>,
    /// What the core's own steps ask, in one word.
    errands: BTreeMap<StepId, &'static str>,
}

/// What a round asks and was not yet answered.
struct Asked {
    work: bool,
    answers: BTreeSet<EvidenceName>,
    review: bool,
    said: Option<&'static str>,
}

impl Rows {
    fn note(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Received(received) | Event::Filed(received) => {
                self.desk = Some(received.desk.clone());
                self.giver = self.desk.clone();
            }
            Event::HandoverDue {
                step,
                round,
                agency,
                work,
                answers,
                review,
                deadline,
                ..
            } => {
                self.close_before(step, *round, entry.at, "superseded");
                self.supersede_recalls(step, agency, entry.at);
                let errand = self.errands.get(step).copied();
                let task = match (work, answers.is_empty()) {
                    (true, _) => errand.unwrap_or("work"),
                    (false, false) => "answer",
                    (false, true) => "review",
                };
                let asked = Asked {
                    work: *work,
                    answers: answers.clone(),
                    review: !review.is_empty(),
                    said: None,
                };
                self.asked.insert((step.clone(), *round), asked);
                // What the broker asks on the dossier's behalf, the desk gives.
                let from = match task {
                    "look_up" | "inform" => self.desk.clone(),
                    _ => self.giver.clone(),
                };
                self.rows.push(row(
                    entry,
                    step,
                    *round,
                    agency,
                    from,
                    task,
                    deadline.due_at,
                ));
            }
            Event::LookUpDue { step, .. } => {
                self.errands.insert(step.clone(), "look_up");
            }
            Event::Consulted {
                step, consultation, ..
            } => {
                let asker = self.rows.iter().rev().find(|row| row.step == *step);
                self.giver = asker.map(|row| row.to.clone());
                self.errands.insert(consultation.clone(), "consult");
            }
            Event::SlipsDue { to } => {
                for step in to.keys() {
                    self.errands.insert(step.clone(), "inform");
                }
            }
            Event::Accepted(_) => self.giver = self.desk.clone(),
            Event::RecallDue {
                step,
                round,
                agency,
                why,
            } => {
                self.close_before(step, *round, entry.at, "recalled");
                let from = match why {
                    RecallWhy::Ended => self.giver.clone(),
                    _ => self.desk.clone(),
                };
                self.rows
                    .push(row(entry, step, *round, agency, from, "recall", entry.at));
            }
            Event::Acknowledged { step, round } => {
                if let Some(row) = self.open(step, *round) {
                    row.received_at.get_or_insert(entry.at);
                    match row.task {
                        "recall" => {
                            row.answered_at = Some(entry.at);
                            row.outcome = "put down";
                        }
                        "inform" => row.close(entry.at, "taken note"),
                        _ => {}
                    }
                }
            }
            Event::Moved { from, .. } => self.giver = Some(from.clone()),
            _ => {}
        }
        self.answer(entry);
        self.move_deadlines(entry);
    }

    /// A passage is due when its clock says so now: after a pause, an extension, another calendar.
    fn move_deadlines(&mut self, entry: &Entry) {
        let moved: Vec<(&StepId, Timestamp)> = match &entry.event {
            Event::ClockResumed { steps, .. } | Event::CalendarAdopted { steps, .. } => steps
                .iter()
                .map(|(step, deadline)| (step, deadline.due_at))
                .collect(),
            Event::Extended {
                step,
                step_deadline,
                ..
            } => vec![(step, step_deadline.due_at)],
            _ => return,
        };
        for (step, due_at) in moved {
            self.rows
                .iter_mut()
                .filter(|row| row.step == *step && row.answered_at.is_none())
                .filter(|row| row.task != "recall")
                .for_each(|row| row.due_at = due_at);
        }
    }

    /// A passage is answered when nothing that it asked is open.
    fn answer(&mut self, entry: &Entry) {
        if let Event::Paid {
            step: Some(step), ..
        } = &entry.event
        {
            let paid = self.rows.iter_mut().rev().find(|row| row.step == *step);
            if let Some(row) = paid.filter(|row| row.answered_at.is_none()) {
                self.giver = Some(row.to.clone());
                row.close(entry.at, "paid");
            }
            return;
        }
        let (step, round, outcome, officer) = match &entry.event {
            Event::Completed {
                step,
                round,
                officer,
                ..
            } => (step, *round, "completed", officer),
            Event::Refused {
                step,
                round,
                officer,
                ..
            } => (step, *round, "refused", officer),
            Event::Declined {
                step,
                round,
                officer,
                ..
            } => (step, *round, "declined", officer),
            Event::Returned {
                step,
                round,
                officer,
                ..
            } => (step, *round, "returned", officer),
            Event::Corrected {
                step,
                round,
                officer,
                ..
            } => (step, *round, "corrected", officer),
            Event::Upheld {
                step,
                round,
                officer,
                ..
            } => (step, *round, "upheld", officer),
            Event::Reviewed {
                step,
                round,
                officer,
                ..
            } => (step, *round, "stands", officer),
            Event::LookedUp {
                step,
                round,
                outcome,
                officer,
                ..
            } => (step, *round, outcome.word(), officer),
            Event::Opined {
                step,
                round,
                officer,
                ..
            } => (step, *round, "opinion", officer),
            _ => return,
        };
        let by = self
            .rows
            .iter()
            .rev()
            .find(|row| row.step == *step && row.round == round && row.task != "recall");
        if let Some(row) = by {
            self.giver = Some(row.to.clone());
        }
        let Some(asked) = self.asked.get_mut(&(step.clone(), round)) else {
            return;
        };
        let outcome = match &entry.event {
            Event::Reviewed { redo, .. } => {
                asked.review = false;
                asked.work |= redo;
                *asked.said.get_or_insert(outcome)
            }
            Event::Corrected { evidence, .. } => {
                for new in evidence {
                    asked.answers.remove(&new.given.name);
                }
                *asked.said.insert(outcome)
            }
            Event::Upheld { evidence, .. } => {
                asked.answers.remove(evidence);
                *asked.said.insert(outcome)
            }
            _ => {
                asked.work = false;
                asked.answers.clear();
                asked.review = false;
                outcome
            }
        };
        let is_answered = !asked.work && asked.answers.is_empty() && !asked.review;
        if let Some(row) = self.open(step, round) {
            row.officer = officer.clone();
            if is_answered {
                row.close(entry.at, outcome);
            }
            if let Event::Refused { late: true, .. } = entry.event {
                row.timeliness = Some(Timeliness::Overdue);
            }
        }
    }

    fn open(&mut self, step: &StepId, round: u32) -> Option<&mut Row> {
        self.rows
            .iter_mut()
            .rev()
            .find(|row| row.step == *step && row.round == round && row.answered_at.is_none())
    }

    fn close_before(&mut self, step: &StepId, round: u32, at: Timestamp, outcome: &'static str) {
        self.rows
            .iter_mut()
            .filter(|row| row.step == *step && row.round < round && row.task != "recall")
            .filter(|row| row.answered_at.is_none())
            .for_each(|row| row.close(at, outcome));
    }

    /// Who is given a step again need not put down what came before.
    fn supersede_recalls(&mut self, step: &StepId, agency: &AgencyCode, at: Timestamp) {
        self.rows
            .iter_mut()
            .filter(|row| row.step == *step && row.to == *agency && row.task == "recall")
            .filter(|row| row.answered_at.is_none())
            .for_each(|row| {
                row.answered_at = Some(at);
                row.outcome = "superseded";
            });
    }
}

impl Row {
    fn close(&mut self, at: Timestamp, outcome: &'static str) {
        self.answered_at = Some(at);
        self.outcome = outcome;
        self.timeliness = Some(timeliness(at, self.due_at));
    }
}

fn row(
    entry: &Entry,
    step: &StepId,
    round: u32,
    to: &AgencyCode,
    from: Option<AgencyCode>,
    task: &'static str,
    due_at: Timestamp,
) -> Row {
    Row {
        sequence: entry.sequence,
        from: from.unwrap_or_else(|| to.clone()),
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

fn timeliness(at: Timestamp, due_at: Timestamp) -> Timeliness {
    if at > due_at {
        Timeliness::Overdue
    } else if civil_date(at) == civil_date(due_at) {
        Timeliness::OnTime
    } else {
        Timeliness::Early
    }
}
