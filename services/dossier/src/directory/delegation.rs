//! Delegations: which titles may sign what, for which agency and until when (NĐ 61/2018 Art 17(5),
//! TT 01/2018/TT-VPCP Art 6). Whoever is not named may not.

use super::{Directory, in_force, load::share_a_day};
use crate::{
    name::{AgencyCode, Position, ProcedureCode, StepId},
    procedure::civil_date,
};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization;

/// Officers of this title may sign what must be signed by this position: because they hold it, or
/// because it was delegated to them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// Where the officers are.
    pub agency: AgencyCode,
    /// The position that a step asks for, such as `CHAIR`.
    pub position: Position,
    /// The officers' title as reports say it, such as "Phó Chủ tịch". Case does not matter.
    pub title: String,
    /// For which procedures; left out, for all.
    pub procedures: Option<BTreeSet<ProcedureCode>>,
    /// For which of their steps; left out, for all.
    pub steps: Option<BTreeSet<StepId>>,
    /// Since when.
    pub valid_from: Date,
    /// Its last day.
    pub valid_to: Option<Date>,
    /// The decision or law that says so.
    pub basis: String,
}

/// An outcome whose officer may not sign it. Names no officer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAuthorised {
    /// Say the officer's title in the report.
    #[error(
        "step {step} must be signed by {}; say the title of the officer who signed",
        words(positions)
    )]
    NoTitle {
        /// The step.
        step: StepId,
        /// Any of these.
        positions: BTreeSet<Position>,
    },
    /// Have the delegation added to the directory.
    #[error(
        "step {step} must be signed by {}, and the directory names nobody who may do that for {agency} on {day}; \
         have the delegation added to it",
        words(positions)
    )]
    Nobody {
        /// The agency.
        agency: AgencyCode,
        /// The step.
        step: StepId,
        /// Any of these.
        positions: BTreeSet<Position>,
        /// When it was to be signed.
        day: Date,
    },
    /// Have it signed by one who may, or have the delegation added to the directory.
    #[error(
        "step {step} must be signed by {}: for {agency} on {day} that is an officer with the title {}; have it \
         signed by one, or have the delegation added to the directory",
        words(positions),
        words(titles)
    )]
    OtherTitle {
        /// The agency.
        agency: AgencyCode,
        /// The step.
        step: StepId,
        /// Any of these.
        positions: BTreeSet<Position>,
        /// The titles that may sign.
        titles: BTreeSet<String>,
        /// When it was to be signed.
        day: Date,
    },
}

fn words<T: ToString>(of: &BTreeSet<T>) -> String {
    of.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

/// A title as it is compared.
fn key(title: &str) -> String {
    let composed: String = title.trim().nfc().collect();
    composed.to_lowercase().nfc().collect()
}

/// Adds a delegation of an agency to the others of the same agency.
///
/// # Errors
/// What is wrong with it, and its mend.
pub(super) fn add(held: &mut Vec<Delegation>, one: Delegation) -> Result<(), &'static str> {
    if key(&one.title).is_empty() {
        return Err("has no title; write the title that reports say");
    }
    if one.basis.trim().is_empty() {
        return Err("has no basis; name the decision that delegates");
    }
    if one.valid_to.is_some_and(|last| last < one.valid_from) {
        return Err("ends before it begins; mend valid_to");
    }
    if one.procedures.as_ref().is_some_and(BTreeSet::is_empty) {
        return Err("is for no procedure; name some, or leave procedures out for all");
    }
    if one.steps.as_ref().is_some_and(BTreeSet::is_empty) {
        return Err("is for no step; name some, or leave steps out for all");
    }
    let is_twin = |other: &Delegation| {
        other.position == one.position
            && key(&other.title) == key(&one.title)
            && other.procedures == one.procedures
            && other.steps == one.steps
            && share_a_day(
                (other.valid_from, other.valid_to),
                (one.valid_from, one.valid_to),
            )
    };
    if held.iter().any(is_twin) {
        return Err("is there twice on the same day; remove one, or end it with valid_to");
    }
    held.push(one);
    Ok(())
}

impl Delegation {
    /// Where it is in the file.
    pub(super) fn place(&self) -> String {
        format!("delegation {} {}", self.agency, self.position)
    }

    fn covers(&self, procedure: &ProcedureCode, step: &StepId, day: Date) -> bool {
        let (procedures, steps) = (self.procedures.as_ref(), self.steps.as_ref());
        in_force(day, self.valid_from, self.valid_to)
            && procedures.is_none_or(|named| named.contains(procedure))
            && steps.is_none_or(|named| named.contains(step))
    }
}

impl Directory {
    /// Whether an officer of this title may sign a step for this agency at this time. `signed_by` are
    /// the positions that the step asks for, any of them; with none, everybody may. Titles are compared
    /// in NFC, trimmed and in lower case.
    ///
    /// # Errors
    /// Nobody by this title may; says who does.
    pub fn may_sign(
        &self,
        agency: &AgencyCode,
        signed_by: &BTreeSet<Position>,
        procedure: &ProcedureCode,
        step: &StepId,
        title: &str,
        at: Timestamp,
    ) -> Result<(), NotAuthorised> {
        if signed_by.is_empty() {
            return Ok(());
        }
        let (step, positions) = (step.clone(), signed_by.clone());
        let title = key(title);
        if title.is_empty() {
            return Err(NotAuthorised::NoTitle { step, positions });
        }
        let day = civil_date(at);
        let titles: BTreeSet<String> = self
            .delegations_of(agency)
            .filter(|one| signed_by.contains(&one.position))
            .filter(|one| one.covers(procedure, &step, day))
            .map(|one| one.title.trim().nfc().collect())
            .collect();
        let agency = agency.clone();
        if titles.is_empty() {
            Err(NotAuthorised::Nobody {
                agency,
                step,
                positions,
                day,
            })
        } else if titles.iter().any(|one| key(one) == title) {
            Ok(())
        } else {
            Err(NotAuthorised::OtherTitle {
                agency,
                step,
                positions,
                titles,
                day,
            })
        }
    }

    /// What an agency has delegated, ever.
    pub fn delegations_of(&self, agency: &AgencyCode) -> impl Iterator<Item = &Delegation> {
        self.delegations.get(agency).into_iter().flatten()
    }
}
