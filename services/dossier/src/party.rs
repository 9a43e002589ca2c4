//! Parties: the persons and organisations in a dossier.

pub use crate::identifier::{Identifier, Scheme};
use crate::name::PartyId;
use std::collections::BTreeSet;

/// What a party is to the dossier.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum PartyRole {
    /// Chủ hồ sơ.
    Owner,
    /// Người nộp.
    Submitter,
    /// Người đại diện.
    Representative,
    /// Whom it is about, such as a newborn.
    Subject,
}

impl PartyRole {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Owner,
        Self::Submitter,
        Self::Representative,
        Self::Subject,
    ];

    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Submitter => "submitter",
            Self::Representative => "representative",
            Self::Subject => "subject",
        }
    }

    /// The role of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }
}

/// What sort of person a party is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartyKind {
    /// Công dân.
    Citizen,
    /// Doanh nghiệp.
    Enterprise,
    /// Hộ kinh doanh.
    HouseholdBusiness,
    /// Any other organisation.
    Organisation,
}

impl PartyKind {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Citizen,
        Self::Enterprise,
        Self::HouseholdBusiness,
        Self::Organisation,
    ];

    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Citizen => "citizen",
            Self::Enterprise => "enterprise",
            Self::HouseholdBusiness => "household_business",
            Self::Organisation => "organisation",
        }
    }

    /// The kind of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A civil date, partly unknown if need be: a part that is not known is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CivilDate {
    /// 1 to 9999, or 0.
    pub year: i16,
    /// 1 to 12, or 0.
    pub month: i8,
    /// 1 to 31, or 0.
    pub day: i8,
}

impl CivilDate {
    /// Whether its known parts can stand together.
    pub fn is_sound(self) -> bool {
        let Self { year, month, day } = self;
        if !(0..=9999).contains(&year) || !(0..=12).contains(&month) || !(0..=31).contains(&day) {
            return false;
        }
        if month == 0 {
            return day == 0;
        }
        // In a year that is not known, 29 February may have been.
        day == 0 || jiff::civil::Date::new(if year == 0 { 2024 } else { year }, month, day).is_ok()
    }
}

/// A person or organisation in a dossier. Its `Debug` shows no personal value.
#[derive(Clone, PartialEq, Eq)]
pub struct Party {
    /// Names it within the dossier.
    pub id: PartyId,
    /// At least one.
    pub roles: BTreeSet<PartyRole>,
    /// What sort of person.
    pub kind: PartyKind,
    /// Full name in Unicode NFC; may be empty only for a subject.
    pub name: String,
    /// At most one of each scheme.
    pub identifiers: Vec<Identifier>,
    /// Date of birth, if said.
    pub born_on: Option<CivilDate>,
    /// Postal address.
    pub address: String,
    /// Phone.
    pub phone: String,
    /// E-mail.
    pub email: String,
    /// Whom it represents.
    pub represents: Option<PartyId>,
}

impl std::fmt::Debug for Party {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Party")
            .field("id", &self.id)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

/// The person in an agency who did something: the agency's word, not authenticated.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Officer {
    /// Full name.
    pub name: String,
    /// Title.
    pub title: String,
    /// Office within the agency.
    pub office: String,
}

impl Officer {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.name.is_empty() && self.title.is_empty() && self.office.is_empty()
    }
}

impl std::fmt::Debug for Officer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Officer(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_may_be_partly_unknown_but_not_impossible() {
        let date = |year, month, day| CivilDate { year, month, day };
        for good in [
            date(1950, 0, 0),
            date(1950, 3, 0),
            date(2026, 2, 28),
            date(0, 2, 29),
            date(0, 0, 0),
        ] {
            assert!(good.is_sound(), "{good:?}");
        }
        for bad in [
            date(1950, 0, 3),
            date(2026, 2, 29),
            date(2026, 13, 1),
            date(-1, 1, 1),
            date(2026, 4, 31),
        ] {
            assert!(!bad.is_sound(), "{bad:?}");
        }
    }

    #[test]
    fn a_party_shows_no_personal_value_in_logs() {
        let party = Party {
            id: "mother".parse().unwrap(),
            roles: [PartyRole::Owner].into(),
            kind: PartyKind::Citizen,
            name: "Tên Mẫu".into(),
            identifiers: vec![Identifier {
                scheme: Scheme::PersonalId,
                value: "001099000001".into(),
            }],
            born_on: None,
            address: "địa chỉ".into(),
            phone: "0900".into(),
            email: "a@b".into(),
            represents: None,
        };
        let shown = format!("{party:?} {:?}", party.identifiers);
        for personal in ["Tên Mẫu", "001099000001", "địa chỉ", "0900", "a@b"] {
            assert!(!shown.contains(personal), "{shown}");
        }
    }
}
