//! Identifiers: the numbers by which registers know persons, organisations and births.

use crate::name::shape::{is_digits, is_group};
use std::{fmt, str::FromStr};

/// Which register an identifier comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Số định danh cá nhân, which is the person's tax code, too (NĐ 252/2026): 12 digits.
    PersonalId,
    /// Mã số doanh nghiệp, mã số thuế: 10 digits; a dependent unit has a hyphen and 3 more.
    EnterpriseCode,
    /// A passport's number.
    Passport,
    /// Mã số bảo hiểm xã hội: 10 digits.
    SocialInsurance,
    /// Mã định danh điện tử of an organisation (QĐ 20/2020/QĐ-TTg Art 4 to 6).
    OrganisationCode,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PersonalId,
        Self::EnterpriseCode,
        Self::Passport,
        Self::SocialInsurance,
        Self::OrganisationCode,
    ];

    /// The word for it in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::PersonalId => "personal_id",
            Self::EnterpriseCode => "enterprise_code",
            Self::Passport => "passport",
            Self::SocialInsurance => "social_insurance",
            Self::OrganisationCode => "organisation_code",
        }
    }

    /// The scheme of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scheme| scheme.word() == word)
    }

    /// What a number of this register looks like.
    pub fn rule(self) -> &'static str {
        match self {
            Self::PersonalId => "exactly 12 digits",
            Self::EnterpriseCode => "10 digits, or 10 digits, a hyphen and 3 digits",
            Self::Passport => "1 to 20 letters A-Z and digits",
            Self::SocialInsurance => "exactly 10 digits",
            Self::OrganisationCode => {
                "groups of A-Z and 0-9 separated by dots, at most 35 characters"
            }
        }
    }

    /// Whether a number looks like one of this register. What its digits mean is not held: that
    /// registers build numbers as published is not confirmed for all of them.
    pub fn accepts(self, value: &str) -> bool {
        match self {
            Self::PersonalId => is_digits(value, 12),
            Self::SocialInsurance => is_digits(value, 10),
            Self::EnterpriseCode => match value.split_once('-') {
                Some((head, tail)) => is_digits(head, 10) && is_digits(tail, 3),
                None => is_digits(value, 10),
            },
            Self::Passport => is_group(value) && value.len() <= 20,
            Self::OrganisationCode => value.len() <= 35 && value.split('.').all(is_group),
        }
    }
}

/// A number by which a register knows a party. Its `Debug` does not show the number.
#[derive(Clone, PartialEq, Eq)]
pub struct Identifier {
    /// The register.
    pub scheme: Scheme,
    /// The number.
    pub value: String,
}

/// A number that its register cannot have given. Names the rule and never the number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identifier of the scheme {} must be {}", scheme.word(), scheme.rule())]
pub struct BadIdentifier {
    /// The register.
    pub scheme: Scheme,
}

impl Identifier {
    /// A number of this register. A dependent unit's code written as 13 digits gets its hyphen, so
    /// that one unit has one text.
    ///
    /// # Errors
    /// The number does not look like one of this register.
    pub fn new(scheme: Scheme, value: &str) -> Result<Self, BadIdentifier> {
        let value = match scheme {
            Scheme::EnterpriseCode if is_digits(value, 13) => {
                format!("{}-{}", &value[..10], &value[10..])
            }
            _ => value.to_owned(),
        };
        if scheme.accepts(&value) {
            Ok(Self { scheme, value })
        } else {
            Err(BadIdentifier { scheme })
        }
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(…)", self.scheme)
    }
}

/// The number of a birth notice (giấy chứng sinh): `XXXXX.GCS.ZZZZZ.YY`, 18 characters: the hospital,
/// the notice, the year (TT 22/2025/TT-BYT). Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BirthNoticeNumber(String);

/// A text that is no number of a birth notice. Names the rule and never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the number of a birth notice must be XXXXX.GCS.ZZZZZ.YY: five of A-Z and 0-9 for the hospital, five digits \
     for the notice and two for the year"
)]
pub struct BadBirthNoticeNumber;

impl BirthNoticeNumber {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hospital's five characters.
    pub fn hospital(&self) -> &str {
        &self.0[..5]
    }
}

impl FromStr for BirthNoticeNumber {
    type Err = BadBirthNoticeNumber;
    fn from_str(text: &str) -> Result<Self, BadBirthNoticeNumber> {
        let groups: Vec<&str> = text.split('.').collect();
        match groups[..] {
            [hospital, "GCS", notice, year]
                if is_group(hospital)
                    && hospital.len() == 5
                    && is_digits(notice, 5)
                    && is_digits(year, 2) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(BadBirthNoticeNumber),
        }
    }
}

impl fmt::Debug for BirthNoticeNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthNoticeNumber(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn holds(scheme: Scheme, good: &[&str], bad: &[&str]) {
        for value in good {
            assert!(Identifier::new(scheme, value).is_ok(), "{value}");
        }
        for value in bad {
            let refused = Identifier::new(scheme, value).unwrap_err();
            assert!(value.is_empty() || !refused.to_string().contains(value));
        }
    }

    #[test]
    fn a_personal_id_has_twelve_digits() {
        holds(
            Scheme::PersonalId,
            &["001099000001"],
            &[
                "",
                "00109900000",
                "0010990000012",
                "00109900000a",
                "٠٠١٠٩٩٠٠٠٠٠١",
            ],
        );
    }

    #[test]
    fn an_enterprise_has_ten_digits_and_its_dependent_unit_three_more() {
        holds(
            Scheme::EnterpriseCode,
            &["0101234567", "0101234567-001", "0101234567001"],
            &[
                "010123456",
                "01012345678",
                "0101234567-01",
                "0101234567-",
                "0101234567.001",
            ],
        );
        let plain = Identifier::new(Scheme::EnterpriseCode, "0101234567001").unwrap();
        assert_eq!(plain.value, "0101234567-001", "one unit has one text");
    }

    #[test]
    fn the_other_registers_hold_their_rules() {
        holds(
            Scheme::SocialInsurance,
            &["0123456789"],
            &["", "012345678", "HS01234567"],
        );
        holds(
            Scheme::Passport,
            &["C1234567"],
            &["", "c1234567", "C 123", "C12345678901234567890"],
        );
        holds(
            Scheme::OrganisationCode,
            &["G15.01", "Z01.ABC", "0101234567"],
            &["", "G15..01", "G15.", "g15", "G15-01"],
        );
    }

    #[test]
    fn a_birth_notice_is_numbered_by_hospital_notice_and_year() {
        let number: BirthNoticeNumber = "01234.GCS.00042.26".parse().unwrap();
        assert_eq!(number.as_str().len(), 18);
        assert_eq!(number.hospital(), "01234");
        assert!(!format!("{number:?}").contains("00042"));
        for bad in [
            "",
            "1234.GCS.00042.26",
            "01234.gcs.00042.26",
            "01234.GCS.0042.26",
            "01234.GCS.00042.2026",
            "01234.GCS.00042.26.1",
        ] {
            assert_eq!(
                bad.parse::<BirthNoticeNumber>(),
                Err(BadBirthNoticeNumber),
                "{bad}"
            );
        }
    }
}
