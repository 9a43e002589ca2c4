//! The directory: role + territory → department → system, as versioned data with dates.

use crate::{
    name::{AgencyCode, Digest, RoleName, TerritoryCode},
    procedure::civil_date,
    text,
};
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One version of the directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Directory {
    /// SHA-256 of the text that it was read from.
    pub digest: Digest,
    territories: BTreeMap<TerritoryCode, Territory>,
    agencies: BTreeMap<AgencyCode, Agency>,
    systems: Vec<System>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "territory", default)]
    territories: Vec<Territory>,
    #[serde(rename = "agency", default)]
    agencies: Vec<Agency>,
    #[serde(rename = "system", default)]
    systems: Vec<System>,
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
    /// What it is called.
    pub name: String,
    /// What it does in procedures; empty for a desk.
    #[serde(default)]
    pub roles: Vec<RoleName>,
    /// Where it does it.
    pub territory: TerritoryCode,
    /// Since when.
    pub valid_from: Date,
    /// Its last day.
    pub valid_to: Option<Date>,
    /// Who took over.
    pub successor: Option<AgencyCode>,
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
    /// Reads and checks a directory. `file` is for messages only.
    ///
    /// # Errors
    /// Names the file, the place and the mend.
    pub fn parse(file: &str, toml: &str) -> Result<Self, DirectoryError> {
        let text: Text = text::read(toml).map_err(|message| DirectoryError::Unreadable {
            file: file.to_owned(),
            message,
        })?;
        let unsound = |place: String, wrong: &str| DirectoryError::Unsound {
            file: file.to_owned(),
            place,
            wrong: wrong.to_owned(),
        };
        let mut directory = Self {
            digest: Digest::of(toml.as_bytes()),
            territories: BTreeMap::new(),
            agencies: BTreeMap::new(),
            systems: text.systems,
        };
        for territory in text.territories {
            let code = territory.code.clone();
            if directory
                .territories
                .insert(code.clone(), territory)
                .is_some()
            {
                return Err(unsound(
                    format!("territory {code}"),
                    "is there twice; remove one",
                ));
            }
        }
        for territory in directory.territories.values() {
            let mut above = territory;
            let mut steps = 0;
            while let Some(parent) = &above.parent {
                above = directory.territories.get(parent).ok_or_else(|| {
                    unsound(
                        format!("territory {}", above.code),
                        "its parent is not in the file; add it",
                    )
                })?;
                steps += 1;
                if steps > directory.territories.len() {
                    return Err(unsound(
                        format!("territory {}", territory.code),
                        "is part of itself; mend a parent",
                    ));
                }
            }
        }
        for agency in text.agencies {
            let code = agency.code.clone();
            if !directory.territories.contains_key(&agency.territory) {
                return Err(unsound(
                    format!("agency {code}"),
                    "its territory is not in the file; add a [[territory]]",
                ));
            }
            if directory.agencies.insert(code.clone(), agency).is_some() {
                return Err(unsound(
                    format!("agency {code}"),
                    "is there twice; remove one",
                ));
            }
        }
        for agency in directory.agencies.values() {
            if agency
                .successor
                .as_ref()
                .is_some_and(|next| !directory.agencies.contains_key(next))
            {
                return Err(unsound(
                    format!("agency {}", agency.code),
                    "its successor is not in the file; add it",
                ));
            }
        }
        directory
            .check_successors()
            .map_err(|(place, wrong)| unsound(place, wrong))?;
        directory
            .check_roles()
            .map_err(|(place, wrong)| unsound(place, &wrong))?;
        for system in &directory.systems {
            if system.valid_to.is_some_and(|last| last < system.valid_from) {
                return Err(unsound(
                    format!("system {}", system.code),
                    "ends before it begins; mend valid_to",
                ));
            }
            if let Some(missing) = system
                .agencies
                .iter()
                .find(|code| !directory.agencies.contains_key(*code))
            {
                return Err(unsound(
                    format!("system {}", system.code),
                    &format!("acts for {missing}, which is not in the file; add an [[agency]]"),
                ));
            }
        }
        for agency in directory.agencies.keys() {
            let acting: Vec<_> = directory
                .systems
                .iter()
                .filter(|s| s.role == SystemRole::Department && s.agencies.contains(agency))
                .collect();
            for (n, a) in acting.iter().enumerate() {
                for b in &acting[n + 1..] {
                    let ends = |s: &System| s.valid_to.unwrap_or(Date::MAX);
                    if a.valid_from <= ends(b) && b.valid_from <= ends(a) {
                        return Err(unsound(
                            format!("agency {agency}"),
                            &format!(
                                "systems {} and {} both act for it on the same day; end one with valid_to",
                                a.code, b.code
                            ),
                        ));
                    }
                }
            }
        }
        Ok(directory)
    }

    fn check_successors(&self) -> Result<(), (String, &'static str)> {
        for agency in self.agencies.values() {
            let place = || format!("agency {}", agency.code);
            if agency.valid_to.is_some_and(|last| last < agency.valid_from) {
                return Err((place(), "ends before it begins; mend valid_to"));
            }
            if agency.successor.is_some() && agency.valid_to.is_none() {
                return Err((
                    place(),
                    "has a successor and no end; add valid_to, its last day",
                ));
            }
            let mut heir = agency;
            for _ in 0..=self.agencies.len() {
                match heir
                    .successor
                    .as_ref()
                    .and_then(|next| self.agencies.get(next))
                {
                    Some(next) => heir = next,
                    None => break,
                }
            }
            if heir.successor.is_some() {
                return Err((place(), "comes after itself; mend a successor"));
            }
        }
        Ok(())
    }

    fn check_roles(&self) -> Result<(), (String, String)> {
        for (code, agency) in &self.agencies {
            let ends = |one: &Agency| one.valid_to.unwrap_or(Date::MAX);
            let twin = self
                .agencies
                .range(code.clone()..)
                .skip(1)
                .find_map(|(_, other)| {
                    let same_day =
                        agency.valid_from <= ends(other) && other.valid_from <= ends(agency);
                    let role = agency
                        .roles
                        .iter()
                        .find(|role| other.roles.contains(role))?;
                    (same_day && agency.territory == other.territory).then_some((other, role))
                });
            if let Some((other, role)) = twin {
                return Err((
                    format!("agency {code}"),
                    format!(
                        "has the role {role} in the same territory and on the same day as {}; end one with valid_to",
                        other.code
                    ),
                ));
            }
        }
        Ok(())
    }

    /// The agency that has this role here: the one in force, or else whoever took over from the one
    /// that was. Where there is none, the territory above is asked.
    pub fn resolve(
        &self,
        role: &RoleName,
        territory: &TerritoryCode,
        at: Timestamp,
    ) -> Option<&Agency> {
        let day = civil_date(at);
        let is_in_force = |agency: &Agency| in_force(day, agency.valid_from, agency.valid_to);
        let mut here = self.territories.get(territory);
        while let Some(place) = here {
            let local = || {
                self.agencies
                    .values()
                    .filter(|agency| agency.territory == place.code && agency.roles.contains(role))
            };
            let found = local().find(|agency| is_in_force(agency)).or_else(|| {
                local()
                    .filter(|agency| agency.valid_from <= day)
                    .filter_map(|agency| self.heir(agency, day))
                    .find(|heir| heir.roles.contains(role))
            });
            if found.is_some() {
                return found;
            }
            here = place
                .parent
                .as_ref()
                .and_then(|parent| self.territories.get(parent));
        }
        None
    }

    /// Who took over from this agency and is in force. Ends, because nobody comes after itself.
    fn heir(&self, agency: &Agency, day: Date) -> Option<&Agency> {
        let mut heir = self.agencies.get(agency.successor.as_ref()?)?;
        while !in_force(day, heir.valid_from, heir.valid_to) {
            heir = self.agencies.get(heir.successor.as_ref()?)?;
        }
        Some(heir)
    }

    /// An agency, whether in force or not.
    pub fn agency(&self, code: &str) -> Option<&Agency> {
        self.agencies.get(code)
    }

    /// Whether this agency is there and in force.
    pub fn is_in_force(&self, code: &str, at: Timestamp) -> bool {
        self.agency(code)
            .is_some_and(|agency| in_force(civil_date(at), agency.valid_from, agency.valid_to))
    }

    /// All agencies.
    pub fn agencies(&self) -> impl Iterator<Item = &Agency> {
        self.agencies.values()
    }

    /// The system that acts for a department now.
    pub fn system_of(&self, agency: &AgencyCode, at: Timestamp) -> Option<&System> {
        let day = civil_date(at);
        self.systems.iter().find(|system| {
            system.role == SystemRole::Department
                && system.agencies.contains(agency)
                && in_force(day, system.valid_from, system.valid_to)
        })
    }

    /// Whether the system of this role and code may act for this agency now.
    pub fn acts_for(&self, role: SystemRole, system: &str, agency: &str, at: Timestamp) -> bool {
        let day = civil_date(at);
        self.systems.iter().any(|one| {
            one.role == role
                && one.code == system
                && in_force(day, one.valid_from, one.valid_to)
                && one.agencies.iter().any(|code| code.as_str() == agency)
        })
    }

    /// Whether the territory is known.
    pub fn has_territory(&self, code: &str) -> bool {
        self.territories.contains_key(code)
    }
}
