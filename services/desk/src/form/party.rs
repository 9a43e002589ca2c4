//! A party as it stands in a `dossier.json`: what it is to the dossier and how registers know it.

use super::date;
use contract::v1;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A party.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartyForm {
    /// Names it within the dossier, such as `child`.
    pub id: String,
    /// `owner`, `submitter`, `representative`, `subject`.
    pub roles: Vec<Role>,
    /// `citizen`, `enterprise`, `household_business`, `organisation`; `citizen` when left out.
    #[serde(default)]
    pub kind: Kind,
    /// Full name.
    #[serde(default)]
    pub name: String,
    /// Numbers by which registers know it.
    #[serde(default)]
    pub identifiers: BTreeMap<Scheme, String>,
    /// `2026-11-20`, or `2026-11` or `2026` when the rest is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born_on: Option<String>,
    /// Postal address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// Telephone.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub phone: String,
    /// Electronic mail.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub email: String,
    /// For a representative: whom it represents.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub represents: String,
}

/// What a party is to the dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// In whose name it is.
    Owner,
    /// Who brought it.
    Submitter,
    /// Who stands for another.
    Representative,
    /// Whom it is about.
    Subject,
}

/// What sort of person a party is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A citizen.
    #[default]
    Citizen,
    /// An enterprise.
    Enterprise,
    /// A household business.
    HouseholdBusiness,
    /// Any other organisation.
    Organisation,
}

/// Which register a number is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// 12 digits.
    PersonalId,
    /// Tax code of an enterprise.
    EnterpriseCode,
    /// A passport's number.
    Passport,
    /// 10 digits.
    SocialInsurance,
    /// Of an organisation.
    OrganisationCode,
}

impl PartyForm {
    /// As the broker takes it.
    pub(super) fn party(&self) -> v1::Party {
        let roles = self.roles.iter().map(|role| match role {
            Role::Owner => v1::PartyRole::Owner,
            Role::Submitter => v1::PartyRole::Submitter,
            Role::Representative => v1::PartyRole::Representative,
            Role::Subject => v1::PartyRole::Subject,
        });
        let kind = match self.kind {
            Kind::Citizen => v1::PartyKind::Citizen,
            Kind::Enterprise => v1::PartyKind::Enterprise,
            Kind::HouseholdBusiness => v1::PartyKind::HouseholdBusiness,
            Kind::Organisation => v1::PartyKind::Organisation,
        };
        let identifiers = self
            .identifiers
            .iter()
            .map(|(scheme, value)| v1::Identifier {
                scheme: match scheme {
                    Scheme::PersonalId => v1::IdentifierScheme::PersonalId,
                    Scheme::EnterpriseCode => v1::IdentifierScheme::EnterpriseCode,
                    Scheme::Passport => v1::IdentifierScheme::Passport,
                    Scheme::SocialInsurance => v1::IdentifierScheme::SocialInsurance,
                    Scheme::OrganisationCode => v1::IdentifierScheme::OrganisationCode,
                } as i32,
                value: value.clone(),
            });
        v1::Party {
            party_id: self.id.clone(),
            roles: roles.map(|role| role as i32).collect(),
            kind: kind as i32,
            name: self.name.clone(),
            identifiers: identifiers.collect(),
            born_on: self.born_on.as_deref().and_then(date),
            address: self.address.clone(),
            phone: self.phone.clone(),
            email: self.email.clone(),
            represents_party_id: self.represents.clone(),
        }
    }
}
