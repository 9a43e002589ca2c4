//! Dossier codes: the pattern by which a desk's agency, a day and a number become the one code that a
//! dossier has for life, and the codes of its results.
//!
//! Everybody but the receiving desk treats a code as opaque. A number is unique for the agency code that
//! is written in the dossier code and the day; keeping it so is the store's part, and what this file
//! gives it for that is [`CodePattern::numbers_max`] and [`CodePattern::number_floor`].

mod result;

pub use result::ResultCode;

use crate::name::{AgencyCode, AgencyScheme, DossierCode};
use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::{TimeZone, offset},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How few and how many digits a number may have.
const DIGITS_MIN: usize = 4;
const DIGITS_MAX: usize = 7;

/// How a dossier code is written: `{agency}-{yymmdd}-{number:4}` (TT 01/2018/TT-VPCP Art 19),
/// `{agency}-{yyyymmdd}-{number:7}` (seen in use, DOMAIN §3.1), or another mixture of the same fields.
///
/// `{agency:qd20}` and `{agency:qcvn102}` say which scheme the agency's code must follow: a directory may
/// know an agency by both. The order of the fields is that of NĐ 61/2018 Art 26.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodePattern {
    scheme: Option<AgencyScheme>,
    day: DayFormat,
    digits: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum DayFormat {
    /// `yymmdd`, in this century.
    Short,
    /// `yyyymmdd`.
    Long,
}

/// A text that is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no pattern of dossier codes; write an agency, a day and a number joined by hyphens, such as \
     \"{{agency}}-{{yyyymmdd}}-{{number:7}}\": the agency is {{agency}}, {{agency:qd20}} or {{agency:qcvn102}}, \
     the day {{yymmdd}} or {{yyyymmdd}}, the number {{number:4}} to {{number:7}}"
)]
pub struct BadPattern(pub String);

/// A code that cannot be made, or was not made so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Configure a pattern with more digits; until then the desk can give no more codes this day.
    #[error(
        "number {number} does not fit the pattern {pattern}, which has numbers from 1 to {max} for an agency and a \
         day; take a pattern with more digits"
    )]
    NumberOutOfRange {
        /// The number.
        number: u64,
        /// The highest that fits.
        max: u64,
        /// The pattern.
        pattern: CodePattern,
    },
    /// Correct the machine's clock, or take the pattern with the long year.
    #[error("the day {date} does not fit the pattern {pattern}; look at the clock")]
    DayOutOfRange {
        /// The day.
        date: Date,
        /// The pattern.
        pattern: CodePattern,
    },
    /// Add the agency's code in the pattern's scheme to the directory as an alias, or change the pattern.
    #[error(
        "agency {agency} does not follow the scheme of the pattern {pattern}; give it an alias in the directory that \
         does"
    )]
    OtherScheme {
        /// The agency.
        agency: AgencyCode,
        /// The pattern.
        pattern: CodePattern,
    },
    /// The code was made by another pattern: treat it as opaque.
    #[error("the dossier code does not follow the pattern {pattern}")]
    OtherPattern {
        /// The pattern.
        pattern: CodePattern,
    },
}

/// What a dossier code was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeParts {
    /// The agency of the desk, as the code names it: maybe an alias.
    pub agency: AgencyCode,
    /// The day on which the number was given.
    pub date: Date,
    /// From 1.
    pub number: u64,
}

impl CodeParts {
    /// What a code was made of, if it follows any pattern that can be written. For comparing it with a
    /// desk; a pattern may have changed since it was given.
    pub fn of(code: &DossierCode) -> Option<Self> {
        let number = code.as_str().rsplit('-').next()?;
        [DayFormat::Short, DayFormat::Long]
            .into_iter()
            .find_map(|day| {
                let pattern = CodePattern {
                    scheme: None,
                    day,
                    digits: number.len(),
                };
                pattern.parts(code.as_str())
            })
    }
}

impl CodePattern {
    /// The highest number that fits.
    pub fn numbers_max(self) -> u64 {
        let digits = u32::try_from(self.digits).expect("a number has 4 to 7 digits");
        10_u64.pow(digits) - 1
    }

    /// The lowest number that may be given for this day at this time, whatever the store has counted: a
    /// store restored from an older copy gives no number that was given after the copy was made, as long
    /// as a desk was not ahead of it. It rises evenly to half of all numbers, so that at midnight the
    /// other half is still there.
    pub fn number_floor(self, at: Timestamp) -> u64 {
        const MILLISECONDS_A_DAY: u64 = 24 * 60 * 60 * 1000;
        let local = at.to_zoned(TimeZone::fixed(offset(7)));
        // By the millisecond: two starts of a broker may lie within one second. With few digits it rises
        // slowly all the same, one in 17 ms with seven and in 17 s with four.
        let since = local.time().duration_since(Time::midnight()).as_millis();
        let since = u64::try_from(since).unwrap_or_default();
        1 + self.numbers_max() / 2 * since / MILLISECONDS_A_DAY
    }

    /// Which of an agency's codes goes into the dossier code: the first that follows the scheme.
    pub fn choose<'a>(
        self,
        mut codes: impl Iterator<Item = &'a AgencyCode>,
    ) -> Option<&'a AgencyCode> {
        codes.find(|code| self.suits(code))
    }

    fn suits(self, agency: &AgencyCode) -> bool {
        self.scheme.is_none_or(|scheme| scheme == agency.scheme())
    }

    /// The code with this number, for a desk's agency by the name that the pattern wants.
    ///
    /// # Errors
    /// The number, the day or the agency's scheme does not fit the pattern.
    pub fn format(
        self,
        agency: &AgencyCode,
        date: Date,
        number: u64,
    ) -> Result<DossierCode, CodeError> {
        let max = self.numbers_max();
        if !(1..=max).contains(&number) {
            return Err(CodeError::NumberOutOfRange {
                number,
                max,
                pattern: self,
            });
        }
        if !self.suits(agency) {
            return Err(CodeError::OtherScheme {
                agency: agency.clone(),
                pattern: self,
            });
        }
        let (year, month, day) = (date.year(), date.month(), date.day());
        let day = match self.day {
            DayFormat::Short if (2000..=2099).contains(&year) => {
                format!("{:02}{month:02}{day:02}", year - 2000)
            }
            DayFormat::Long if (1..=9999).contains(&year) => format!("{year:04}{month:02}{day:02}"),
            _ => {
                return Err(CodeError::DayOutOfRange {
                    date,
                    pattern: self,
                });
            }
        };
        let code = format!("{agency}-{day}-{number:0digits$}", digits = self.digits);
        Ok(code
            .parse()
            .expect("an agency code, a day and a number are a dossier code"))
    }

    /// What a code of this pattern was made of.
    ///
    /// # Errors
    /// It was not made by this pattern.
    pub fn parse(self, code: &str) -> Result<CodeParts, CodeError> {
        self.parts(code)
            .ok_or(CodeError::OtherPattern { pattern: self })
    }

    fn parts(self, code: &str) -> Option<CodeParts> {
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let fields: Vec<&str> = code.split('-').collect();
        let [agency, day, number] = fields[..] else {
            return None;
        };
        let long = match self.day {
            DayFormat::Short => format!("20{day}"),
            DayFormat::Long => day.to_owned(),
        };
        let is_sound = long.len() == 8
            && number.len() == self.digits
            && (DIGITS_MIN..=DIGITS_MAX).contains(&self.digits)
            && digits(&long)
            && digits(number);
        if !is_sound {
            return None;
        }
        let parts = CodeParts {
            agency: agency.parse().ok()?,
            date: Date::new(
                long[..4].parse().ok()?,
                long[4..6].parse().ok()?,
                long[6..].parse().ok()?,
            )
            .ok()?,
            number: number.parse().ok()?,
        };
        (self.suits(&parts.agency) && parts.number > 0).then_some(parts)
    }
}

impl FromStr for CodePattern {
    type Err = BadPattern;
    fn from_str(text: &str) -> Result<Self, BadPattern> {
        let bad = || BadPattern(text.to_owned());
        let fields: Vec<&str> = text.split('-').collect();
        let [agency, day, number] = fields[..] else {
            return Err(bad());
        };
        let scheme = match agency {
            "{agency}" => None,
            "{agency:qd20}" => Some(AgencyScheme::Qd20),
            "{agency:qcvn102}" => Some(AgencyScheme::Qcvn102),
            _ => return Err(bad()),
        };
        let day = match day {
            "{yymmdd}" => DayFormat::Short,
            "{yyyymmdd}" => DayFormat::Long,
            _ => return Err(bad()),
        };
        let digits = (DIGITS_MIN..=DIGITS_MAX)
            .find(|digits| number == format!("{{number:{digits}}}"))
            .ok_or_else(bad)?;
        Ok(Self {
            scheme,
            day,
            digits,
        })
    }
}

impl fmt::Display for CodePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agency = match self.scheme {
            None => "{agency}",
            Some(AgencyScheme::Qd20) => "{agency:qd20}",
            Some(AgencyScheme::Qcvn102) => "{agency:qcvn102}",
        };
        let day = match self.day {
            DayFormat::Short => "{yymmdd}",
            DayFormat::Long => "{yyyymmdd}",
        };
        write!(f, "{agency}-{day}-{{number:{}}}", self.digits)
    }
}

impl TryFrom<String> for CodePattern {
    type Error = BadPattern;
    fn try_from(text: String) -> Result<Self, BadPattern> {
        text.parse()
    }
}

impl From<CodePattern> for String {
    fn from(pattern: CodePattern) -> String {
        pattern.to_string()
    }
}
