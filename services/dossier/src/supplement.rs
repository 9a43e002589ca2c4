//! The supplement: the desk asking the citizen for more, and why the broker does not let it.

use crate::{
    name::{AgencyCode, EvidenceName, StepId},
    party::Officer,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// At which stage the citizen is asked. Each stage asks once (NĐ 61/2018 Art 15(3), 17(1), 19(4)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SupplementStage {
    /// The desk's check before reception.
    Intake,
    /// What every holder answered that it does not have.
    LookUp,
    /// The appraisal by this step.
    Appraisal(StepId),
}

impl SupplementStage {
    /// The text for it in records: `intake`, `look_up` or `appraisal:STEP`.
    pub fn text(&self) -> String {
        match self {
            Self::Intake => "intake".into(),
            Self::LookUp => "look_up".into(),
            Self::Appraisal(step) => format!("appraisal:{step}"),
        }
    }

    /// The stage of this text.
    pub fn from_text(text: &str) -> Option<Self> {
        match text {
            "intake" => Some(Self::Intake),
            "look_up" => Some(Self::LookUp),
            _ => Some(Self::Appraisal(
                text.strip_prefix("appraisal:")?.parse().ok()?,
            )),
        }
    }
}

/// A named approver's leave to ask the citizen although somebody may hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who allows it.
    pub approver: Officer,
    /// The article of law that allows it.
    pub legal_basis: String,
}

/// One thing asked of the citizen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The evidence, as the procedure names it.
    pub evidence: EvidenceName,
    /// Why, for the citizen.
    pub reason: String,
    /// The article of law.
    pub legal_basis: String,
    /// Needed where a holder stayed silent, or answered with a mismatch or poor quality.
    pub approval: Option<Approval>,
}

/// An ask that is, or was, before the citizen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supplement {
    /// 1 for the first of the dossier.
    pub number: u32,
    /// At which stage.
    pub stage: SupplementStage,
    /// The step that asked; none for the desk and for look-ups.
    pub step: Option<StepId>,
    /// Who asked.
    pub agency: AgencyCode,
    /// All that is asked.
    pub items: Vec<Item>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// Until when the citizen may answer.
    pub due_at: Timestamp,
    /// When it was answered or its window passed.
    pub ended_at: Option<Timestamp>,
    /// Whether the window passed without an answer.
    pub expired: bool,
    /// Whether the citizen came with it: it may also end because a holder answered late, or with the
    /// dossier.
    pub answered: bool,
    /// Who asked, by name.
    pub officer: Officer,
}

impl Supplement {
    /// Whether the citizen has yet to answer.
    pub fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }

    /// What is asked, by name.
    pub fn wanted(&self) -> BTreeSet<&EvidenceName> {
        self.items.iter().map(|item| &item.evidence).collect()
    }
}

/// Why the citizen is not asked for something, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denial {
    /// The pinned procedure does not ask the citizen for it.
    NotInProcedure,
    /// It is in the dossier: who gave it.
    InDossier(AgencyCode),
    /// It is in the owner's vault: under which code.
    InVault(String),
    /// Its holder was not asked yet.
    NotLookedUp(AgencyCode),
    /// Its holder was asked and may still answer.
    LookUpOpen(AgencyCode),
    /// A department gives it: it comes from there.
    ComesFromStep(StepId),
    /// Its holder stayed silent, or answered with a mismatch or poor quality: a named approver must
    /// allow the asking.
    NeedsApproval(AgencyCode),
}

impl Denial {
    /// The word for it in records.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotInProcedure => "not_in_procedure",
            Self::InDossier(_) => "in_dossier",
            Self::InVault(_) => "in_vault",
            Self::NotLookedUp(_) => "not_looked_up",
            Self::LookUpOpen(_) => "look_up_open",
            Self::ComesFromStep(_) => "comes_from_step",
            Self::NeedsApproval(_) => "needs_approval",
        }
    }

    /// Where it is: an agency's code, a vault's code or a step; empty when nowhere.
    pub fn place(&self) -> String {
        match self {
            Self::NotInProcedure => String::new(),
            Self::InVault(code) => code.clone(),
            Self::ComesFromStep(step) => step.to_string(),
            Self::InDossier(agency)
            | Self::NotLookedUp(agency)
            | Self::LookUpOpen(agency)
            | Self::NeedsApproval(agency) => agency.to_string(),
        }
    }

    /// The denial of this word and place.
    pub fn from_word(word: &str, place: &str) -> Option<Self> {
        let agency = || place.parse().ok();
        Some(match word {
            "not_in_procedure" => Self::NotInProcedure,
            "in_dossier" => Self::InDossier(agency()?),
            "in_vault" => Self::InVault(place.to_owned()),
            "not_looked_up" => Self::NotLookedUp(agency()?),
            "look_up_open" => Self::LookUpOpen(agency()?),
            "comes_from_step" => Self::ComesFromStep(place.parse().ok()?),
            "needs_approval" => Self::NeedsApproval(agency()?),
            _ => return None,
        })
    }

    /// Whether somebody holds what was asked for: what the citizen should never be asked for.
    pub fn is_held_elsewhere(&self) -> bool {
        !matches!(self, Self::NotInProcedure)
    }
}

impl std::fmt::Display for Denial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotInProcedure => f.write_str("is not what the procedure asks the citizen for"),
            Self::InDossier(agency) => write!(f, "is in the dossier already, given by {agency}"),
            Self::InVault(code) => write!(f, "is in the owner's vault as {code}"),
            Self::NotLookedUp(agency) => write!(f, "is held by {agency}, which is being asked now"),
            Self::LookUpOpen(agency) => write!(f, "was asked of {agency}, which may still answer"),
            Self::ComesFromStep(step) => write!(f, "is given by step {step}"),
            Self::NeedsApproval(agency) => write!(
                f,
                "was not given by its holder {agency}, and needs a named approver with a legal basis"
            ),
        }
    }
}
