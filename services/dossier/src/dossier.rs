//! The dossier: its state, which is what its events made it and nothing else.

use crate::{
    event::{Deadline, Entry, Event, LookUpOutcome, PartEnd, PauseWhy, RecallWhy, Received, Sent},
    evidence::Version,
    name::{
        AgencyCode, Digest, DossierCode, DossierId, EvidenceName, Key, PartId, PartyId, StepId,
    },
    procedure::Actor,
    shared::Shared,
    supplement::Supplement,
};
use jiff::Timestamp;
use litemap::LiteMap;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

pub use crate::step::{Asked, Fault, FaultAnswer, Kind, Opinion, Stage, Step, Task};

/// Where a dossier stands between filing and reception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intake {
    /// Filed; a desk's officer has yet to look at it.
    Filed,
    /// Received: departments are at work.
    Received,
    /// Not accepted.
    NotAccepted,
}

/// One part of a dossier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// How it finished.
    pub end: Option<PartEnd>,
    /// Until when it is promised.
    pub promised_at: Timestamp,
    /// When an apology would be owed.
    pub warn_at: Timestamp,
    /// Whether it was said that an apology is owed.
    pub apology_owed: bool,
    /// The event that said so last.
    pub apology_number: u64,
    /// Whether its promised date passed and somebody was told.
    pub promise_passed: bool,
    /// How often it was promised for a later date.
    pub extensions: u32,
    /// Why its clock stands still; empty while it runs.
    pub pauses: BTreeSet<PauseWhy>,
    /// Since when it stands still.
    pub paused_since: Option<Timestamp>,
    /// Since when the limits of its steps stand still with it: what does not count for the part has a
    /// limit of its own.
    pub steps_paused_since: Option<Timestamp>,
}

impl Part {
    fn new(deadline: &Deadline) -> Self {
        Self {
            end: None,
            promised_at: deadline.due_at,
            warn_at: deadline.warn_at,
            apology_owed: false,
            apology_number: 0,
            promise_passed: false,
            extensions: 0,
            pauses: BTreeSet::new(),
            paused_since: None,
            steps_paused_since: None,
        }
    }

    pub(crate) fn pause(&mut self, why: PauseWhy, at: Timestamp) {
        self.pauses.insert(why);
        self.paused_since.get_or_insert(at);
        if why != PauseWhy::Outside {
            self.steps_paused_since.get_or_insert(at);
        }
    }

    pub(crate) fn run_on(&mut self, why: PauseWhy) {
        self.pauses.remove(&why);
        if self.pauses.is_empty() {
            self.paused_since = None;
        }
        if self.pauses.iter().all(|why| *why == PauseWhy::Outside) {
            self.steps_paused_since = None;
        }
    }

    pub(crate) fn finish(&mut self, end: PartEnd) {
        self.end = Some(end);
        self.pauses.clear();
        self.paused_since = None;
        self.steps_paused_since = None;
    }

    pub(crate) fn set_deadline(&mut self, deadline: &Deadline) {
        if self.promised_at != deadline.due_at {
            // One re-appointment only: no second apology is owed for the later date.
            self.apology_owed = self.extensions > 0;
            self.promise_passed = false;
        }
        self.promised_at = deadline.due_at;
        self.warn_at = deadline.warn_at;
    }
}

/// A sum that the citizen owes (NĐ 61/2018 Art 22).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obligation {
    /// The step that asked, or that waits for the payment.
    pub step: StepId,
    /// The event that asked.
    pub number: u64,
    /// Whole đồng.
    pub amount_vnd: i64,
    /// What for.
    pub purpose: String,
    /// The article of law.
    pub legal_basis: String,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when it is to be paid; none where the citizen's own step has a limit.
    pub due_at: Option<Timestamp>,
    /// Whether that passed and the desk was told.
    pub overdue: bool,
    /// The payment platform's reference, once paid.
    pub reference: Option<String>,
}

/// A result that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HandOut {
    /// Its version.
    pub version: u32,
    /// Who took it.
    pub party: Option<PartyId>,
    /// When.
    pub at: Timestamp,
}

/// How a dossier ended other than by its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Withdrawn by the citizen.
    Withdrawn,
    /// Not accepted at reception.
    NotAccepted,
}

/// An open peer return. Further askers join it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// The step that gave the evidence.
    pub giver: StepId,
    /// The version in which the fault was found.
    pub version: u32,
    /// The steps that asked; the first found it.
    pub askers: Vec<StepId>,
    /// What is wrong, as the first asker says.
    pub reason: String,
}

/// A recall that is owed: a round without work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recall {
    /// Who must put the step down.
    pub agency: AgencyCode,
    /// Why.
    pub why: RecallWhy,
    /// Offered without an answer.
    pub offered: bool,
    /// Since when.
    pub due_since: Timestamp,
}

/// An item that was accepted: its repetition changes nothing and gets the same answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// SHA-256 of its content.
    pub digest: Digest,
    /// When it was recorded.
    pub at: Timestamp,
    /// Where.
    pub sequence: u64,
}

/// One citizen's or organisation's case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dossier {
    /// Names it between systems.
    pub id: DossierId,
    /// What was filed or received.
    pub received: Arc<Received>,
    /// Between filing and reception.
    pub intake: Intake,
    /// When it was filed, by the ledger.
    pub filed_at: Timestamp,
    /// When it was received, by the ledger; when it was filed, until then.
    pub received_at: Timestamp,
    /// The sequence of its last event.
    pub sequence: u64,
    /// Its steps.
    pub steps: Shared<LiteMap<StepId, Shared<Step>>>,
    /// Its evidence, oldest version first.
    pub evidence: Shared<LiteMap<EvidenceName, Shared<Vec<Arc<Version>>>>>,
    /// Open peer returns.
    pub returns: BTreeMap<EvidenceName, Return>,
    /// How often each piece of evidence went back.
    pub returned: BTreeMap<EvidenceName, u32>,
    /// Recalls owed, by step and round.
    pub recalls: BTreeMap<(StepId, u32), Recall>,
    /// Its parts.
    pub parts: Shared<BTreeMap<PartId, Part>>,
    /// Whether participants without a round were told their tasks.
    pub slips_given: bool,
    /// What the citizen was asked for, oldest first.
    pub supplements: Vec<Supplement>,
    /// What the citizen owes or paid, by the asking agency's id.
    pub obligations: BTreeMap<Key, Obligation>,
    /// Consents refused: by whom.
    pub refused_consents: BTreeMap<EvidenceName, PartyId>,
    /// Results handed out, newest hand-out of each.
    pub handed_out: BTreeMap<EvidenceName, HandOut>,
    /// Since when it is stopped by decision.
    pub stopped_since: Option<Timestamp>,
    /// How it ended, other than by its steps.
    pub ending: Option<Ending>,
    /// Whether a desk let its limit for receiving pass.
    pub intake_limit_passed: bool,
    /// When it was first opened again for a correction after it had closed.
    pub reopened_at: Option<Timestamp>,
    /// Items accepted, by sender and id.
    pub seen: Shared<LiteMap<Sent, Seen>>,
    /// Items refused because they would ask the citizen for what is held, by sender and id. Each is
    /// noted once.
    pub denied: Shared<LiteMap<Sent, Seen>>,
    /// How many faults the desk found in results.
    pub faults_reported: u32,
    /// How often it was stopped.
    pub stops: u32,
    /// How often a consent was refused.
    pub consents_refused: u32,
    /// When it closed.
    pub closed_at: Option<Timestamp>,
    /// Who knows that it closed, of those that had a round of it.
    pub told_closed: BTreeSet<AgencyCode>,
}

/// Events that no dossier can have: the store is damaged, or newer than this program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreplayable {
    /// Quarantine the dossier.
    #[error("the history does not begin with its reception")]
    NoReception,
    /// Quarantine the dossier.
    #[error("event {found} stands where event {wanted} belongs")]
    Gap {
        /// The sequence that belongs there.
        wanted: u64,
        /// The sequence found.
        found: u64,
    },
    /// Quarantine the dossier.
    #[error("event {sequence} names step {step}, which the dossier does not have")]
    NoStep {
        /// The event.
        sequence: u64,
        /// The step.
        step: StepId,
    },
}

impl Dossier {
    /// The dossier that these events made.
    ///
    /// # Errors
    /// When no dossier can have had this history.
    pub fn replay<'a>(
        id: DossierId,
        entries: impl IntoIterator<Item = &'a Entry>,
    ) -> Result<Self, Unreplayable> {
        let mut entries = entries.into_iter();
        let first = entries.next().ok_or(Unreplayable::NoReception)?;
        let mut dossier = Self::begin(id, first)?;
        for entry in entries {
            dossier.apply(entry)?;
        }
        Ok(dossier)
    }

    /// The dossier as its reception made it.
    ///
    /// # Errors
    /// When the entry is not a reception in first place.
    pub fn begin(id: DossierId, first: &Entry) -> Result<Self, Unreplayable> {
        let (received, intake) = match &first.event {
            Event::Received(received) => (received, Intake::Received),
            Event::Filed(received) => (received, Intake::Filed),
            _ => return Err(Unreplayable::NoReception),
        };
        if first.sequence != 1 {
            return Err(Unreplayable::Gap {
                wanted: 1,
                found: first.sequence,
            });
        }
        let mut dossier = Self {
            id,
            received: Arc::new((**received).clone()),
            intake,
            filed_at: first.at,
            received_at: first.at,
            sequence: 1,
            steps: received
                .assignments
                .iter()
                .map(|(id, a)| (id.clone(), Step::new(a).into()))
                .collect(),
            evidence: Shared::default(),
            returns: BTreeMap::new(),
            returned: BTreeMap::new(),
            recalls: BTreeMap::new(),
            parts: received
                .parts
                .iter()
                .map(|(part, deadline)| (part.clone(), Part::new(deadline)))
                .collect(),
            slips_given: false,
            supplements: Vec::new(),
            obligations: BTreeMap::new(),
            refused_consents: BTreeMap::new(),
            handed_out: BTreeMap::new(),
            stopped_since: None,
            ending: None,
            intake_limit_passed: false,
            reopened_at: None,
            seen: Shared::default(),
            denied: Shared::default(),
            faults_reported: 0,
            stops: 0,
            consents_refused: 0,
            closed_at: None,
            told_closed: BTreeSet::new(),
        };
        dossier.give(&received.evidence, &received.desk, None, first.at, "");
        dossier.remember(first);
        Ok(dossier)
    }

    /// Its code.
    pub fn code(&self) -> &DossierCode {
        &self.received.code
    }

    /// The newest version of a piece of evidence.
    pub fn newest(&self, evidence: &EvidenceName) -> Option<&Arc<Version>> {
        self.evidence
            .get(evidence)
            .and_then(|versions| versions.last())
    }

    /// The number of the newest version; 0 when there is none.
    pub fn newest_number(&self, evidence: &EvidenceName) -> u32 {
        self.newest(evidence)
            .map_or(0, |version| version.new.version)
    }

    /// The open asks before the citizen.
    pub fn open_supplements(&self) -> impl Iterator<Item = &Supplement> {
        self.supplements.iter().filter(|one| one.is_open())
    }

    /// What the citizen still owes: of steps that are not finished, since what a step asked for goes with
    /// it.
    pub fn unpaid(&self) -> impl Iterator<Item = (&Key, &Obligation)> {
        self.obligations
            .iter()
            .filter(|(_, obligation)| obligation.reference.is_none())
    }

    /// Until when this is to be paid, by itself or by the limit of the citizen's step.
    pub fn pay_by(&self, owed: &Obligation) -> Option<Timestamp> {
        let step = self.steps.get(&owed.step);
        let limit = step.filter(|step| step.actor == Actor::Citizen);
        owed.due_at.or_else(|| limit?.due_at)
    }

    /// Whether the time to pay this passed, by itself or by the limit of the citizen's step.
    pub fn is_overdue(&self, owed: &Obligation) -> bool {
        let step = self.steps.get(&owed.step);
        let limit = step.filter(|step| step.actor == Actor::Citizen && owed.due_at.is_none());
        owed.overdue || limit.is_some_and(|step| step.limit_passed)
    }

    /// The look-up of this evidence, if it was begun: its step, and how it was answered last.
    pub fn look_up(&self, of: &EvidenceName) -> Option<(&StepId, &Step, Option<LookUpOutcome>)> {
        self.steps.iter().find_map(|(id, step)| match &step.kind {
            Kind::LookUp { evidence, outcome } if evidence == of => Some((id, &**step, *outcome)),
            _ => None,
        })
    }

    /// A step, errands included.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.get(id).map(|step| &**step)
    }

    /// The steps of the procedure, errands left out.
    pub fn procedure_steps(&self) -> impl Iterator<Item = (&StepId, &Step)> {
        let all = self.steps.iter().map(|(id, step)| (id, &**step));
        all.filter(|(_, step)| step.is_procedures())
    }

    pub(crate) fn accept(&mut self, reception: &crate::event::Reception, at: Timestamp) {
        let received = Arc::make_mut(&mut self.received);
        received.procedure_digest = reception.procedure_digest;
        received.directory_digest = reception.directory_digest;
        received.calendar_digest = reception.calendar_digest;
        received.parts = reception.parts.clone();
        received.assignments = reception.assignments.clone();
        received.promised_at = reception.promised_at;
        received.received_at = reception.received_at;
        received.officer = reception.officer.clone();
        self.intake = Intake::Received;
        self.received_at = at;
        self.parts = reception
            .parts
            .iter()
            .map(|(part, deadline)| (part.clone(), Part::new(deadline)))
            .collect();
        // Look-ups that were begun on filing go on.
        self.steps.retain(|_, step| !step.is_procedures());
        for (id, assignment) in &reception.assignments {
            self.steps.insert(id.clone(), Step::new(assignment).into());
        }
    }

    /// Whether this agency has, or had, a step in it, or is one of its desks.
    pub fn concerns(&self, agency: &str) -> bool {
        self.received.desk.as_str() == agency
            || self.received.hand_out_desk.as_str() == agency
            || self
                .steps
                .values()
                .any(|step| step.agency.as_str() == agency || step.given_to.contains(agency))
    }
}
