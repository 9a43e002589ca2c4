//! A span of working hours within a day.

use jiff::SignedDuration;
use serde::Deserialize;
use std::{fmt, str::FromStr};

/// From one time of day to another, to the minute. Written as `"07:30-11:30"`; a day ends at 24:00.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Span {
    opens_minute: u16,
    closes_minute: u16,
}

/// A text that is no span.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no span of hours; write two times of day, such as \"07:30-11:30\"")]
pub struct BadSpan(pub String);

impl Span {
    /// When it opens, since midnight.
    pub fn opens(self) -> SignedDuration {
        SignedDuration::from_mins(self.opens_minute.into())
    }

    /// When it closes, since midnight.
    pub fn closes(self) -> SignedDuration {
        SignedDuration::from_mins(self.closes_minute.into())
    }

    /// How long it is, in minutes.
    pub fn minutes(self) -> i64 {
        i64::from(self.closes_minute) - i64::from(self.opens_minute)
    }

    /// Whether the whole of `other` lies within it.
    pub(super) fn holds(self, other: Self) -> bool {
        self.opens_minute <= other.opens_minute && other.closes_minute <= self.closes_minute
    }
}

/// The minute of the day that `"HH:MM"` is, at most 24:00.
pub(super) fn minute_of_day(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let number = |digits: &str| -> Option<u16> {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse().ok())?
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    (minute < 60 && hour * 60 + minute <= 24 * 60).then_some(hour * 60 + minute)
}

impl FromStr for Span {
    type Err = BadSpan;
    fn from_str(text: &str) -> Result<Self, BadSpan> {
        let ends = text.split_once('-');
        let read = ends.and_then(|(opens, closes)| {
            Some(Self {
                opens_minute: minute_of_day(opens.trim())?,
                closes_minute: minute_of_day(closes.trim())?,
            })
        });
        read.ok_or_else(|| BadSpan(text.to_owned()))
    }
}

impl TryFrom<String> for Span {
    type Error = BadSpan;
    fn try_from(text: String) -> Result<Self, BadSpan> {
        text.parse()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (opens, closes) = (self.opens_minute, self.closes_minute);
        write!(
            f,
            "{:02}:{:02}-{:02}:{:02}",
            opens / 60,
            opens % 60,
            closes / 60,
            closes % 60
        )
    }
}
