//! The time of day after which what arrives is the next working day's.

use super::span::minute_of_day;
use jiff::civil::Time;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The last time of day at which what arrives still belongs to that day: 15:00 for forwarding a
/// dossier (NĐ 61/2018/NĐ-CP Art 18). Written as `"15:00"` in procedures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cutoff(Time);

/// A text that is no cut-off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no cut-off; write a time of day from 00:00 to 23:59, such as \"15:00\"")]
pub struct BadCutoff(pub String);

impl Cutoff {
    /// The time of day in Asia/Ho_Chi_Minh.
    pub fn time(self) -> Time {
        self.0
    }
}

impl FromStr for Cutoff {
    type Err = BadCutoff;
    fn from_str(text: &str) -> Result<Self, BadCutoff> {
        let time = minute_of_day(text).and_then(|minute| {
            let (hour, minute) = (
                i8::try_from(minute / 60).ok()?,
                i8::try_from(minute % 60).ok()?,
            );
            Time::new(hour, minute, 0, 0).ok()
        });
        time.map(Self).ok_or_else(|| BadCutoff(text.to_owned()))
    }
}

impl TryFrom<String> for Cutoff {
    type Error = BadCutoff;
    fn try_from(text: String) -> Result<Self, BadCutoff> {
        text.parse()
    }
}

impl From<Cutoff> for String {
    fn from(cutoff: Cutoff) -> String {
        cutoff.to_string()
    }
}

impl fmt::Display for Cutoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}
