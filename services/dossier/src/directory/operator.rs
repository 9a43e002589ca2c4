//! Who may see and steer the broker: operators, and the consoles that speak for them.

use super::{
    Directory, in_force,
    load::{Fault, share_a_day},
};
use crate::procedure::civil_date;
use jiff::{Timestamp, civil::Date};
use serde::Deserialize;
use std::collections::BTreeSet;

/// What an operator may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grant {
    /// Sees everything but the audit log.
    Observe,
    /// Acts, and sees what an observer sees.
    Operate,
    /// Reads the audit log.
    Audit,
}

/// A person, or a program, that sees or steers the broker.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Operator {
    /// The code in the certificate of role `operator`.
    pub code: String,
    /// What it may do; nothing if not said.
    #[serde(default)]
    pub grants: BTreeSet<Grant>,
    /// By what else a console may know the person: `oidc:` and the subject that the provider names.
    #[serde(default)]
    pub logins: Vec<String>,
    /// It is a console: it speaks for those who logged in to it, with their grants.
    #[serde(default)]
    pub console: bool,
    /// Since when.
    pub valid_from: Date,
    /// The last day.
    pub valid_to: Option<Date>,
}

impl Operator {
    /// Whether it may do what needs this grant. Who acts sees, too.
    pub fn may(&self, grant: Grant) -> bool {
        self.grants.contains(&grant)
            || grant == Grant::Observe && self.grants.contains(&Grant::Operate)
    }
}

impl Directory {
    /// The operator with this code, if it is in force.
    pub fn operator(&self, code: &str, at: Timestamp) -> Option<&Operator> {
        self.operators_in_force(at).find(|one| one.code == code)
    }

    /// The operator that a console knows by this login, if it is in force.
    pub fn operator_by_login(&self, login: &str, at: Timestamp) -> Option<&Operator> {
        self.operators_in_force(at)
            .find(|one| one.logins.iter().any(|own| own == login))
    }

    fn operators_in_force(&self, at: Timestamp) -> impl Iterator<Item = &Operator> {
        let day = civil_date(at);
        self.operators
            .iter()
            .filter(move |one| in_force(day, one.valid_from, one.valid_to))
    }

    pub(super) fn check_operators(&self) -> Result<(), Fault> {
        let days = |one: &Operator| (one.valid_from, one.valid_to);
        for one in &self.operators {
            let wrong = |why: &str| Err((format!("operator {}", one.code), why.to_owned()));
            if one.valid_to.is_some_and(|last| last < one.valid_from) {
                return wrong("ends before it begins; mend valid_to");
            }
            if one.console && !one.grants.is_empty() {
                return wrong(
                    "is a console and has grants; it has those of whom it speaks for, so remove them",
                );
            }
            if one.console && !one.logins.is_empty() {
                return wrong("is a console and has logins; give them to a person");
            }
            if one.logins.iter().any(|login| !login.starts_with("oidc:")) {
                return wrong(
                    "has a login that does not begin with `oidc:`; write `oidc:` and the subject",
                );
            }
        }
        for (n, one) in self.operators.iter().enumerate() {
            let wrong = |why: &str| Err((format!("operator {}", one.code), why.to_owned()));
            let at_once = self.operators[n + 1..]
                .iter()
                .filter(|other| share_a_day(days(one), days(other)));
            for other in at_once {
                if other.code == one.code {
                    return wrong("is there twice on the same day; end one with valid_to");
                }
                if other.logins.iter().any(|login| one.logins.contains(login)) {
                    return wrong(
                        "shares a login with another operator on the same day; remove one",
                    );
                }
            }
        }
        Ok(())
    }
}
