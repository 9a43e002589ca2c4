//! Reading a directory, and refusing one that contradicts itself.

use super::{
    Agency, Delegation, Directory, DirectoryError, Operator, System, SystemRole, Territory,
    delegation,
};
use crate::{
    name::{AgencyCode, Digest},
    text,
};
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    #[serde(rename = "territory", default)]
    territories: Vec<Territory>,
    #[serde(rename = "agency", default)]
    agencies: Vec<Agency>,
    #[serde(rename = "system", default)]
    systems: Vec<System>,
    #[serde(rename = "operator", default)]
    operators: Vec<Operator>,
    #[serde(rename = "delegation", default)]
    delegations: Vec<Delegation>,
}

/// A place in the file, and what is wrong there with its mend.
pub(super) type Fault = (String, String);

fn fault<T>(place: impl Into<String>, wrong: impl Into<String>) -> Result<T, Fault> {
    Err((place.into(), wrong.into()))
}

/// Whether two that end on these days, or never, are ever in force on the same day.
pub(super) fn share_a_day(a: (Date, Option<Date>), b: (Date, Option<Date>)) -> bool {
    let last = |(_, to): (Date, Option<Date>)| to.unwrap_or(Date::MAX);
    a.0 <= last(b) && b.0 <= last(a)
}

impl Directory {
    /// Reads and checks a directory. `file` is for messages only.
    ///
    /// # Errors
    /// Names the file, the place and the mend.
    pub fn parse(file: &str, toml: &str) -> Result<Self, DirectoryError> {
        let text = text::read(toml).map_err(|message| DirectoryError::Unreadable {
            file: file.to_owned(),
            message,
        })?;
        Self::load(text, Digest::of(toml.as_bytes())).map_err(|(place, wrong)| {
            DirectoryError::Unsound {
                file: file.to_owned(),
                place,
                wrong,
            }
        })
    }

    fn load(text: Text, digest: Digest) -> Result<Self, Fault> {
        let mut directory = Self {
            digest,
            territories: BTreeMap::new(),
            agencies: BTreeMap::new(),
            aliases: BTreeMap::new(),
            holders: BTreeMap::new(),
            systems: text.systems,
            acting: BTreeMap::new(),
            operators: text.operators,
            delegations: BTreeMap::new(),
        };
        directory.add_territories(text.territories)?;
        directory.add_agencies(text.agencies)?;
        directory.add_aliases()?;
        directory.check_successors()?;
        directory.check_roles()?;
        directory.check_systems()?;
        directory.check_operators()?;
        for one in text.delegations {
            let place = one.place();
            directory.check_known(&place, "is of", &one.agency)?;
            let held = directory.delegations.entry(one.agency.clone()).or_default();
            delegation::add(held, one).or_else(|wrong| fault(place, wrong))?;
        }
        directory.fill_holders();
        directory.fill_acting();
        Ok(directory)
    }

    fn add_territories(&mut self, territories: Vec<Territory>) -> Result<(), Fault> {
        for territory in territories {
            let code = territory.code.clone();
            if self.territories.insert(code.clone(), territory).is_some() {
                return fault(format!("territory {code}"), "is there twice; remove one");
            }
        }
        for territory in self.territories.values() {
            let mut above = territory;
            let mut steps = 0;
            while let Some(parent) = &above.parent {
                above = match self.territories.get(parent) {
                    Some(place) => place,
                    None => {
                        return fault(
                            format!("territory {}", above.code),
                            "its parent is not in the file; add it",
                        );
                    }
                };
                steps += 1;
                if steps > self.territories.len() {
                    return fault(
                        format!("territory {}", territory.code),
                        "is part of itself; mend a parent",
                    );
                }
            }
        }
        Ok(())
    }

    fn add_agencies(&mut self, agencies: Vec<Agency>) -> Result<(), Fault> {
        for agency in agencies {
            let place = format!("agency {}", agency.code);
            if !self.territories.contains_key(&agency.territory) {
                return fault(
                    place,
                    "its territory is not in the file; add a [[territory]]",
                );
            }
            if self.agencies.insert(agency.code.clone(), agency).is_some() {
                return fault(place, "is there twice; remove one");
            }
        }
        Ok(())
    }

    fn add_aliases(&mut self) -> Result<(), Fault> {
        for agency in self.agencies.values() {
            let place = || format!("agency {}", agency.code);
            for alias in &agency.aliases {
                if self.agencies.contains_key(alias) {
                    return fault(
                        place(),
                        format!(
                            "its alias {alias} is the code of an agency in the file; remove one, or name a successor"
                        ),
                    );
                }
                let other = self.aliases.insert(alias.clone(), agency.code.clone());
                if let Some(other) = other {
                    return fault(
                        place(),
                        format!("its alias {alias} is there twice, first of {other}; remove one"),
                    );
                }
            }
        }
        Ok(())
    }

    /// Within the file an agency is named by its own code.
    fn check_known(&self, place: &str, how: &str, code: &AgencyCode) -> Result<(), Fault> {
        if self.agencies.contains_key(code) {
            return Ok(());
        }
        match self.aliases.get(code) {
            Some(own) => fault(
                place,
                format!("{how} {code}, which is an alias; write {own}"),
            ),
            None => fault(
                place,
                format!("{how} {code}, which is not in the file; add an [[agency]]"),
            ),
        }
    }

    fn check_successors(&self) -> Result<(), Fault> {
        for agency in self.agencies.values() {
            let place = format!("agency {}", agency.code);
            if let Some(successor) = &agency.successor {
                self.check_known(&place, "has the successor", successor)?;
            }
            if agency.valid_to.is_some_and(|last| last < agency.valid_from) {
                return fault(place, "ends before it begins; mend valid_to");
            }
            if agency.successor.is_some() && agency.valid_to.is_none() {
                return fault(
                    place,
                    "has a successor and no end; add valid_to, its last day",
                );
            }
        }
        for agency in self.agencies.values() {
            let heirs = std::iter::successors(Some(agency), |heir| {
                self.agencies.get(heir.successor.as_ref()?)
            });
            if heirs.take(self.agencies.len() + 1).count() > self.agencies.len() {
                return fault(
                    format!("agency {}", agency.code),
                    "comes after itself; mend a successor",
                );
            }
        }
        Ok(())
    }

    fn check_roles(&self) -> Result<(), Fault> {
        let days = |one: &Agency| (one.valid_from, one.valid_to);
        let mut held: BTreeMap<_, Vec<&Agency>> = BTreeMap::new();
        for agency in self.agencies.values() {
            for role in &agency.roles {
                let place = (&agency.territory, agency.rank, role);
                let others = held.entry(place).or_default();
                let twin = others.iter().find(|other| {
                    other.code != agency.code && share_a_day(days(agency), days(other))
                });
                if let Some(other) = twin {
                    return fault(
                        format!("agency {}", other.code),
                        format!(
                            "has the role {role} in the same territory and on the same day as {}; end one with valid_to, or say by rank which is asked first",
                            agency.code
                        ),
                    );
                }
                others.push(agency);
            }
        }
        Ok(())
    }

    fn check_systems(&self) -> Result<(), Fault> {
        for system in &self.systems {
            let place = format!("system {}", system.code);
            if system.valid_to.is_some_and(|last| last < system.valid_from) {
                return fault(place, "ends before it begins; mend valid_to");
            }
            for agency in &system.agencies {
                self.check_known(&place, "acts for", agency)?;
            }
        }
        let days = |one: &System| (one.valid_from, one.valid_to);
        let mut acting: BTreeMap<_, Vec<&System>> = BTreeMap::new();
        let departments = self.systems.iter();
        for system in departments.filter(|one| one.role == SystemRole::Department) {
            for agency in &system.agencies {
                let others = acting.entry(agency).or_default();
                let twin = others.iter().find(|other| {
                    !std::ptr::eq(**other, system) && share_a_day(days(system), days(other))
                });
                if let Some(other) = twin {
                    return fault(
                        format!("agency {agency}"),
                        format!(
                            "systems {} and {} both act for it on the same day; end one with valid_to",
                            other.code, system.code
                        ),
                    );
                }
                others.push(system);
            }
        }
        Ok(())
    }

    fn fill_acting(&mut self) {
        for (at, system) in self.systems.iter().enumerate() {
            for agency in &system.agencies {
                self.acting.entry(agency.clone()).or_default().push(at);
            }
        }
    }

    fn fill_holders(&mut self) {
        let mut agencies: Vec<&Agency> = self.agencies.values().collect();
        agencies.sort_by_key(|agency| agency.rank);
        for agency in agencies {
            for role in &agency.roles {
                let places = self.holders.entry(role.clone()).or_default();
                let holders = places.entry(agency.territory.clone()).or_default();
                if !holders.contains(&agency.code) {
                    holders.push(agency.code.clone());
                }
            }
        }
    }
}
