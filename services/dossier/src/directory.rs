//! The directory: role + territory → department → system, and who may sign there, as versioned data
//! with dates.

mod delegation;
mod load;
mod operator;

pub use delegation::{Delegation, NotAuthorised};
pub use operator::{Grant, Operator};

use crate::{
    name::{AgencyCode, Digest, RoleName, TerritoryCode},
    procedure::civil_date,
};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// One version of the directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Directory {
    /// SHA-256 of the text that it was read from.
    pub digest: Digest,
    territories: BTreeMap<TerritoryCode, Territory>,
    agencies: BTreeMap<AgencyCode, Agency>,
    /// Which agency an alias stands for.
    aliases: BTreeMap<AgencyCode, AgencyCode>,
    /// Who has a role in a territory, ever; in the order in which they are asked.
    holders: BTreeMap<RoleName, BTreeMap<TerritoryCode, Vec<AgencyCode>>>,
    systems: Vec<System>,
    /// Which of the systems act for an agency, ever: asked at every message.
    acting: BTreeMap<AgencyCode, Vec<usize>>,
    operators: Vec<Operator>,
    delegations: BTreeMap<AgencyCode, Vec<Delegation>>,
}

/// A province or commune.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Territory {
    /// Its code.
    pub code: TerritoryCode,
    /// What it is called.
    pub name: String,
    /// The territory that it is part of.
    pub parent: Option<TerritoryCode>,
}

/// A department or a desk.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agency {
    /// Its code.
    pub code: AgencyCode,
    /// Other codes of the same agency: that of the other scheme (QĐ 20/2020/QĐ-TTg, QCVN 102:2016),
    /// or one that it had before. An agency that took over from another is its successor instead.
    #[serde(default)]
    pub aliases: Vec<AgencyCode>,
    /// What it is called.
    pub name: String,
    /// What it does in procedures; empty for a desk.
    #[serde(default)]
    pub roles: Vec<RoleName>,
    /// Where it does it.
    pub territory: TerritoryCode,
    /// Which is asked first where several have a role in one territory: the lowest; 1 if not said.
    #[serde(default = "first")]
    pub rank: u32,
    /// Since when.
    pub valid_from: Date,
    /// Its last day.
    pub valid_to: Option<Date>,
    /// Who took over.
    pub successor: Option<AgencyCode>,
}

fn first() -> u32 {
    1
}

impl Agency {
    /// All its codes, its own first.
    pub fn codes(&self) -> impl Iterator<Item = &AgencyCode> {
        std::iter::once(&self.code).chain(&self.aliases)
    }

    fn is_in_force(&self, day: Date) -> bool {
        in_force(day, self.valid_from, self.valid_to)
    }
}

/// What sort of work a system does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SystemRole {
    /// Speaks for departments.
    Department,
    /// Speaks for desks.
    Desk,
}

/// What holds a certificate and connects.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// The code in its certificate.
    pub code: String,
    /// The role in its certificate.
    pub role: SystemRole,
    /// For which agencies it may act.
    pub agencies: Vec<AgencyCode>,
    /// For a department: `host:port` where the broker dials it.
    pub address: Option<String>,
    /// Since when.
    pub valid_from: Date,
    /// Its last day.
    pub valid_to: Option<Date>,
}

/// A directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Mend the file's TOML, or the field that the message names.
    #[error("{file}: {message}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the reader says.
        message: String,
    },
    /// Mend the place named.
    #[error("{file}: {place}: {wrong}")]
    Unsound {
        /// The file.
        file: String,
        /// Where.
        place: String,
        /// What is wrong, and its mend.
        wrong: String,
    },
}

fn in_force(at: Date, from: Date, to: Option<Date>) -> bool {
    from <= at && to.is_none_or(|last| at <= last)
}

impl Directory {
    /// The agency that has this role here: the first answer of [`Directory::next`].
    pub fn resolve(
        &self,
        role: &RoleName,
        territory: &TerritoryCode,
        at: Timestamp,
    ) -> Option<&Agency> {
        self.next(role, territory, &BTreeSet::new(), at)
    }

    /// The first agency with this role here that is not one of those that have declined. In each
    /// territory, from this one up: the agencies in force, then whoever took over from those that were;
    /// both by rank, and by code where ranks are equal.
    pub fn next(
        &self,
        role: &RoleName,
        territory: &TerritoryCode,
        not: &BTreeSet<AgencyCode>,
        at: Timestamp,
    ) -> Option<&Agency> {
        let day = civil_date(at);
        self.territories(territory)
            .flat_map(|place| {
                let in_force = self
                    .holders(role, place)
                    .filter(move |one| one.is_in_force(day));
                let heirs = self
                    .holders(role, place)
                    .filter(move |one| one.valid_to.is_some_and(|last| last < day))
                    .filter_map(move |one| self.heir(one, day))
                    .filter(|heir| heir.roles.contains(role));
                in_force.chain(heirs)
            })
            .find(|agency| !agency.codes().any(|code| not.contains(code)))
    }

    fn holders(&self, role: &RoleName, territory: &TerritoryCode) -> impl Iterator<Item = &Agency> {
        let here = self
            .holders
            .get(role)
            .and_then(|places| places.get(territory));
        here.into_iter()
            .flatten()
            .filter_map(|code| self.agencies.get(code))
    }

    /// Who took over from this agency and is in force. Ends, because nobody comes after itself.
    fn heir(&self, agency: &Agency, day: Date) -> Option<&Agency> {
        let mut heir = self.agencies.get(agency.successor.as_ref()?)?;
        while !heir.is_in_force(day) {
            heir = self.agencies.get(heir.successor.as_ref()?)?;
        }
        Some(heir)
    }

    /// This territory and those that it is part of, the innermost first; empty if it is not known.
    pub fn territories(&self, code: &TerritoryCode) -> impl Iterator<Item = &TerritoryCode> {
        let above = |place: &&Territory| self.territories.get(place.parent.as_ref()?);
        std::iter::successors(self.territories.get(code), above).map(|place| &place.code)
    }

    /// Whether this agency is in force and has this role itself, wherever.
    pub fn holds_role(&self, agency: &AgencyCode, role: &RoleName, at: Timestamp) -> bool {
        self.agencies
            .get(agency)
            .is_some_and(|one| one.is_in_force(civil_date(at)) && one.roles.contains(role))
    }

    /// An agency by its own code, whether in force or not.
    pub fn agency(&self, code: &str) -> Option<&Agency> {
        self.agencies.get(code)
    }

    /// An agency by its own code or an alias, whether in force or not. For the border: within, an agency
    /// has its own code only.
    pub fn agency_by_any_code(&self, code: &str) -> Option<&Agency> {
        self.agency(code)
            .or_else(|| self.agencies.get(self.aliases.get(code)?))
    }

    /// Whether this agency is there and in force.
    pub fn is_in_force(&self, code: &str, at: Timestamp) -> bool {
        self.agency(code)
            .is_some_and(|agency| agency.is_in_force(civil_date(at)))
    }

    /// All agencies.
    pub fn agencies(&self) -> impl Iterator<Item = &Agency> {
        self.agencies.values()
    }

    /// The system that acts for a department now.
    pub fn system_of(&self, agency: &AgencyCode, at: Timestamp) -> Option<&System> {
        self.acting(agency.as_str(), at)
            .find(|system| system.role == SystemRole::Department)
    }

    /// Whether the system of this role and code may act for this agency now.
    pub fn acts_for(&self, role: SystemRole, system: &str, agency: &str, at: Timestamp) -> bool {
        self.acting(agency, at)
            .any(|one| one.role == role && one.code == system)
    }

    /// The systems that may act for this agency now.
    fn acting(&self, agency: &str, at: Timestamp) -> impl Iterator<Item = &System> {
        let day = civil_date(at);
        let acting = self.acting.get(agency).into_iter().flatten();
        acting
            .filter_map(|at| self.systems.get(*at))
            .filter(move |one| in_force(day, one.valid_from, one.valid_to))
    }

    /// A territory.
    pub fn territory(&self, code: &TerritoryCode) -> Option<&Territory> {
        self.territories.get(code)
    }

    /// Whether the territory is known.
    pub fn has_territory(&self, code: &str) -> bool {
        self.territories.contains_key(code)
    }
}
