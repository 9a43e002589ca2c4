//! Limits: how long something may take, as an amount and a unit.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What a limit is counted in. A working day is a day of the calendar, not eight elapsed hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// A day of the working calendar.
    WorkingDay,
    /// An hour within working hours.
    WorkingHour,
    /// A day of the civil calendar.
    CalendarDay,
    /// An hour of elapsed time.
    ElapsedHour,
}

/// How long something may take. Written as `"5 working days"` in procedures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Limit {
    /// How many units; at least 1.
    pub amount: u32,
    /// The unit.
    pub unit: Unit,
}

/// A text that is no limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no limit; write an amount and a unit, such as \"5 working days\", \"8 working hours\", \
     \"7 calendar days\" or \"48 elapsed hours\""
)]
pub struct BadLimit(pub String);

/// Limits that can be added and compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Working days and working hours.
    Working,
    /// Calendar days and elapsed hours.
    Elapsed,
}

impl Limit {
    /// Which limits it can be compared with.
    pub fn family(self) -> Family {
        match self.unit {
            Unit::WorkingDay | Unit::WorkingHour => Family::Working,
            Unit::CalendarDay | Unit::ElapsedHour => Family::Elapsed,
        }
    }

    /// Its length in hours of its family: eight working hours are a working day, twenty-four
    /// elapsed hours are a calendar day. For comparing limits, not for reckoning dates.
    pub fn hours(self) -> u64 {
        u64::from(self.amount)
            * match self.unit {
                Unit::WorkingDay => 8,
                Unit::CalendarDay => 24,
                Unit::WorkingHour | Unit::ElapsedHour => 1,
            }
    }

    /// When it ends if it starts now, in elapsed time: a day of any sort is 24 hours, an hour is an
    /// hour. Working calendars are not consulted: [`crate::calendar::Calendar::ends`] does that.
    pub fn ends(self, from: Timestamp) -> Timestamp {
        let hours = i64::from(self.amount)
            * match self.unit {
                Unit::WorkingDay | Unit::CalendarDay => 24,
                Unit::WorkingHour | Unit::ElapsedHour => 1,
            };
        from.saturating_add(SignedDuration::from_hours(hours))
            .unwrap_or(Timestamp::MAX)
    }
}

impl FromStr for Limit {
    type Err = BadLimit;
    fn from_str(text: &str) -> Result<Self, BadLimit> {
        let bad = || BadLimit(text.to_owned());
        let (amount, unit) = text.trim().split_once(' ').ok_or_else(bad)?;
        let unit = match unit.trim() {
            "working day" | "working days" => Unit::WorkingDay,
            "working hour" | "working hours" => Unit::WorkingHour,
            "calendar day" | "calendar days" => Unit::CalendarDay,
            "elapsed hour" | "elapsed hours" => Unit::ElapsedHour,
            _ => return Err(bad()),
        };
        match amount.parse() {
            Ok(amount @ 1..=100_000) => Ok(Self { amount, unit }),
            _ => Err(bad()),
        }
    }
}

impl TryFrom<String> for Limit {
    type Error = BadLimit;
    fn try_from(text: String) -> Result<Self, BadLimit> {
        text.parse()
    }
}

impl From<Limit> for String {
    fn from(limit: Limit) -> String {
        limit.to_string()
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::WorkingDay => "working day",
            Unit::WorkingHour => "working hour",
            Unit::CalendarDay => "calendar day",
            Unit::ElapsedHour => "elapsed hour",
        };
        let plural = if self.amount == 1 { "" } else { "s" };
        write!(f, "{} {unit}{plural}", self.amount)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_reads_as_it_is_written() {
        for text in [
            "1 working day",
            "16 working hours",
            "7 calendar days",
            "1 elapsed hour",
        ] {
            assert_eq!(text.parse::<Limit>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "5",
            "five days",
            "0 working days",
            "-1 working days",
            "5 days",
        ] {
            assert!(text.parse::<Limit>().is_err(), "{text}");
        }
    }
}
