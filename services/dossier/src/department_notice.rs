//! What a department is told of a dossier that it has, or had, a round of: with nothing to answer.

use crate::{
    Event,
    dossier::{Dossier, Stage, Step},
    name::{AgencyCode, Digest, StepId},
    procedure::Actor,
    standstill,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// How long a department may wait to hear that a dossier is closed: what it kept stays some days more
/// anyway, so that handovers go first.
const CLOSED_WITHIN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Something for a department to know. The number rises with every change of what it says, so that
/// the newest is the one that holds, in whatever order they come.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum DepartmentNotice {
    /// The dossier is closed: what was kept of it may go after the retention time.
    Closed {
        /// When.
        closed_at: Timestamp,
    },
    /// The round that it holds is due at another time, or its clock stands still, or runs again.
    DueChanged {
        /// The step.
        step: StepId,
        /// The round.
        round: u32,
        /// The event that changed it.
        number: u64,
    },
    /// The promised date of the part is a working day away: who holds a round of it owes the apology
    /// and the later date (form 04; NĐ 61/2018 Art 19(9)), or finishes.
    ApologyOwed {
        /// The step.
        step: StepId,
        /// The round.
        round: u32,
        /// The event that said so.
        number: u64,
    },
}

impl DepartmentNotice {
    /// The step that it is about, if it is about one.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::Closed { .. } => None,
            Self::DueChanged { step, .. } | Self::ApologyOwed { step, .. } => Some(step),
        }
    }

    /// The round that it is about; 0 for a closed dossier.
    pub fn round(&self) -> u32 {
        match self {
            Self::Closed { .. } => 0,
            Self::DueChanged { round, .. } | Self::ApologyOwed { round, .. } => *round,
        }
    }

    /// The word for its kind in records, stores and logs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::DueChanged { .. } => "due_changed",
            Self::ApologyOwed { .. } => "apology_owed",
        }
    }

    /// The sequence of the event behind it; 0 for a closed dossier.
    pub fn number(&self) -> u64 {
        match self {
            Self::Closed { .. } => 0,
            Self::DueChanged { number, .. } | Self::ApologyOwed { number, .. } => *number,
        }
    }

    /// Its id on the way to this agency: the same for every repetition, another for other content.
    pub fn id(&self, dossier: &Dossier, agency: &AgencyCode) -> String {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&dossier.id.0);
        let said = match self {
            Self::Closed { closed_at } => closed_at.as_nanosecond().to_string(),
            Self::DueChanged {
                step,
                round,
                number,
            }
            | Self::ApologyOwed {
                step,
                round,
                number,
            } => format!("{step}\0{round}\0{number}"),
        };
        bytes.extend_from_slice(format!("\0{}\0{agency}\0{said}", self.word()).as_bytes());
        hex::encode(&Digest::of(&bytes).0[..16])
    }
}

/// When a step is due, as its clock has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepClock {
    /// When its limit ends.
    pub due_at: Option<Timestamp>,
    /// When somebody is told that it will.
    pub warn_at: Option<Timestamp>,
    /// Whether it stands still: the times above will move when it runs again.
    pub stands_still: bool,
}

impl StepClock {
    /// The clock of this step.
    pub fn of(dossier: &Dossier, step: &Step) -> Self {
        let is_measured = step.actor != Actor::Citizen;
        Self {
            due_at: step.due_at,
            warn_at: step.warn_at,
            stands_still: is_measured && standstill::of_step(dossier, step).is_some(),
        }
    }
}

/// The clocks of all steps, where this event may change one that is running.
pub(crate) fn clocks_before(dossier: &Dossier, event: &Event) -> BTreeMap<StepId, StepClock> {
    let may_change = matches!(
        event,
        Event::ClockPaused { .. }
            | Event::ClockResumed { .. }
            | Event::Extended { .. }
            | Event::CalendarAdopted { .. }
    );
    let steps = dossier.steps.iter().filter(|_| may_change);
    steps
        .map(|(id, step)| (id.clone(), StepClock::of(dossier, step)))
        .collect()
}

impl Dossier {
    /// Marks the steps whose clock is another one than before.
    pub(crate) fn mark_changed_clocks(
        &mut self,
        before: &BTreeMap<StepId, StepClock>,
        number: u64,
    ) {
        let changed: Vec<&StepId> = before
            .iter()
            .filter(|(id, clock)| {
                let step = self.steps.get(*id);
                step.is_some_and(|step| StepClock::of(self, step) != **clock)
            })
            .map(|(id, _)| id)
            .collect();
        for id in changed {
            if let Some(step) = self.steps.get_mut(id) {
                step.clock_changed = number;
            }
        }
    }

    /// A round says when it is due as it was given, and never that its clock stands still: whatever
    /// else is so is told once the round is held.
    pub(crate) fn say_what_the_round_does_not(&mut self, id: &StepId) {
        let Some(step) = self.steps.get(id) else {
            return;
        };
        let clock = StepClock::of(self, step);
        let is_said = clock.due_at == step.round_due_at && !clock.stands_still;
        if let Some(step) = self.steps.get_mut(id) {
            step.clock_told = if is_said { step.clock_changed } else { 0 };
        }
    }

    /// The department has the notice, or will not have it: it is owed no longer.
    pub(crate) fn note_told(&mut self, agency: &AgencyCode, notice: &DepartmentNotice) {
        match notice {
            DepartmentNotice::Closed { .. } => {
                self.told_closed.insert(agency.clone());
            }
            DepartmentNotice::DueChanged { step, number, .. } => {
                if let Some(step) = self.steps.get_mut(step) {
                    step.clock_told = *number;
                }
            }
            DepartmentNotice::ApologyOwed { step, number, .. } => {
                if let Some(step) = self.steps.get_mut(step) {
                    step.apology_told = *number;
                }
            }
        }
    }

    fn apology_owed(&self, step: &Step) -> Option<u64> {
        let part = self.parts.get(&step.part)?;
        let is_owed = part.apology_owed
            && part.extensions == 0
            && part.end.is_none()
            && part.pauses.is_empty()
            && step.is_procedures();
        (is_owed && part.apology_number > step.apology_told).then_some(part.apology_number)
    }
}

/// The notices that are owed: to whom, and when each is due. Only who holds a round hears of its
/// clock: a round that is on its way says it itself, or is followed by the notice.
pub fn notices_owed(dossier: &Dossier) -> Vec<(DepartmentNotice, AgencyCode, Timestamp)> {
    let mut owed = Vec::new();
    if let Some(closed_at) = dossier.closed_at {
        let due_at = closed_at.saturating_add(CLOSED_WITHIN);
        let due_at = due_at.unwrap_or(Timestamp::MAX);
        for agency in not_told_closed(dossier) {
            owed.push((
                DepartmentNotice::Closed { closed_at },
                agency.clone(),
                due_at,
            ));
        }
        return owed;
    }
    for (id, step) in &dossier.steps {
        if step.stage != Stage::Held || !step.is_departments() {
            continue;
        }
        let round = step.round;
        if let Some(due_at) = step.due_at
            && step.clock_changed > step.clock_told
        {
            let notice = DepartmentNotice::DueChanged {
                step: id.clone(),
                round,
                number: step.clock_changed,
            };
            owed.push((notice, step.agency.clone(), due_at));
        }
        if let Some(number) = dossier.apology_owed(step) {
            let notice = DepartmentNotice::ApologyOwed {
                step: id.clone(),
                round,
                number,
            };
            let due_at = dossier.parts[&step.part].promised_at;
            owed.push((notice, step.agency.clone(), due_at));
        }
    }
    owed
}

/// Every department that a round was given to and that does not know yet that the dossier is closed.
/// Who must still put a step down hears that first.
fn not_told_closed(dossier: &Dossier) -> BTreeSet<&AgencyCode> {
    let given_to = dossier
        .steps
        .values()
        .filter(|step| step.is_departments())
        .flat_map(|step| &step.given_to);
    let is_recalled = |agency: &AgencyCode| {
        let mut recalls = dossier.recalls.values();
        recalls.any(|recall| recall.agency == *agency)
    };
    given_to
        .filter(|agency| !dossier.told_closed.contains(*agency) && !is_recalled(agency))
        .collect()
}
