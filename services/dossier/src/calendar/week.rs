//! The week: which hours each weekday has.

use super::Span;
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The working hours of a week; a weekday that is not named has none, or those of the calendar above.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hours {
    pub(super) source: String,
    pub(super) confirmed: bool,
    pub(super) on: BTreeMap<Weekday, Vec<Span>>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// All of them, Monday first.
    pub(super) const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    pub(super) fn of(date: Date) -> Self {
        Self::ALL[index(date)]
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }
}

/// A text that is no day of the week.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no day of the week; write monday, tuesday and so on")]
pub(super) struct BadWeekday(String);

impl TryFrom<String> for Weekday {
    type Error = BadWeekday;
    fn try_from(text: String) -> Result<Self, BadWeekday> {
        let named = Self::ALL.into_iter().find(|day| day.name() == text);
        named.ok_or(BadWeekday(text))
    }
}

/// The place of a date in its week, Monday being 0.
pub(super) fn index(date: Date) -> usize {
    date.weekday().to_monday_zero_offset().unsigned_abs().into()
}

impl Hours {
    /// These hours over those of the calendar above: the weekdays named have these instead.
    pub(super) fn laid_over(hours: Option<Self>, above: Option<&Self>) -> Self {
        let mut hours = match (hours, above) {
            (None, None) => Self {
                source: String::new(),
                confirmed: false,
                on: BTreeMap::new(),
            },
            (None, Some(above)) => above.clone(),
            (Some(own), None) => own,
            (Some(own), Some(above)) => {
                let changed: Vec<_> = own.on.keys().map(|day| day.name()).collect();
                let mut on = above.on.clone();
                on.extend(own.on.clone());
                Self {
                    source: format!("{}: {}; {}", changed.join(", "), own.source, above.source),
                    confirmed: own.confirmed && above.confirmed,
                    on,
                }
            }
        };
        for spans in hours.on.values_mut() {
            spans.sort();
        }
        hours.on.retain(|_, spans| !spans.is_empty());
        hours
    }

    /// The hours of this weekday, in order.
    pub(super) fn of(&self, day: Weekday) -> &[Span] {
        self.on.get(&day).map_or(&[], Vec::as_slice)
    }
}
