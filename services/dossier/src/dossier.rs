//! The dossier: its state, which is what its events made it and nothing else.

use crate::{
    event::{Entry, Event, PartEnd, RecallWhy, Received},
    evidence::Version,
    name::{AgencyCode, Digest, DossierCode, DossierId, EvidenceName, Key, PartId, StepId},
};
use jiff::Timestamp;
use std::{collections::BTreeMap, sync::Arc};

pub use crate::step::{Fault, FaultAnswer, Stage, Step, Task};

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
    /// What was received.
    pub received: Arc<Received>,
    /// When it was received.
    pub received_at: Timestamp,
    /// The sequence of its last event.
    pub sequence: u64,
    /// Its steps.
    pub steps: BTreeMap<StepId, Step>,
    /// Its evidence, oldest version first.
    pub evidence: BTreeMap<EvidenceName, Vec<Arc<Version>>>,
    /// Open peer returns.
    pub returns: BTreeMap<EvidenceName, Return>,
    /// How often each piece of evidence went back.
    pub returned: BTreeMap<EvidenceName, u32>,
    /// Recalls owed, by step and round.
    pub recalls: BTreeMap<(StepId, u32), Recall>,
    /// Parts, and how they finished.
    pub parts: BTreeMap<PartId, Option<PartEnd>>,
    /// Items accepted, by sender and id.
    pub seen: BTreeMap<(String, Key), Seen>,
    /// When it closed.
    pub closed_at: Option<Timestamp>,
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
        let Event::Received(received) = &first.event else {
            return Err(Unreplayable::NoReception);
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
            received_at: first.at,
            sequence: 1,
            steps: received
                .assignments
                .iter()
                .map(|(id, a)| (id.clone(), Step::new(a)))
                .collect(),
            evidence: BTreeMap::new(),
            returns: BTreeMap::new(),
            returned: BTreeMap::new(),
            recalls: BTreeMap::new(),
            parts: received
                .parts
                .iter()
                .map(|part| (part.clone(), None))
                .collect(),
            seen: BTreeMap::new(),
            closed_at: None,
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
