//! What the file of a calendar says, and what a calendar says once one is laid over another.

use super::{
    CALENDAR_BYTES_MAX, CalendarError, Span,
    week::{Hours, Weekday},
};
use crate::{name::TerritoryCode, procedure::Title, text};
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A file: a complete calendar if it covers years, else the changes that a territory makes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) territory: Option<TerritoryCode>,
    pub(super) over: Option<TerritoryCode>,
    pub(super) title: Title,
    pub(super) covers: Option<Covers>,
    #[serde(default)]
    pub(super) remove: Vec<Date>,
    pub(super) hours: Option<Hours>,
    #[serde(rename = "holiday", default)]
    pub(super) holidays: Vec<HolidayText>,
    #[serde(rename = "compensating", default)]
    pub(super) compensating: Vec<CompensatingText>,
}

/// The years that a calendar covers, first and last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Covers {
    /// The first.
    pub from: i16,
    /// The last.
    pub to: i16,
}

impl Covers {
    /// What a file covers that does not say it; such a calendar is refused.
    const NO_YEAR: Self = Self { from: 1, to: 0 };

    /// Whether the date lies in one of the years.
    pub fn has(self, date: Date) -> bool {
        (self.from..=self.to).contains(&date.year())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HolidayText {
    pub(super) dates: Vec<Date>,
    title: Title,
    source: String,
    confirmed: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CompensatingText {
    pub(super) date: Date,
    title: Title,
    source: String,
    confirmed: bool,
    pub(super) instead_of: Option<Date>,
    pub(super) hours_of: Option<Weekday>,
    pub(super) hours: Option<Vec<Span>>,
}

/// A day off that is not a day off in every week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holiday {
    /// Why it is off.
    pub title: Title,
    /// The law, decision or announcement that says so.
    pub source: String,
    /// Whether that has been seen; if not, the day is expected.
    pub confirmed: bool,
}

/// A day that is worked though its weekday is off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompensatingDay {
    /// Why it is worked.
    pub title: Title,
    /// The decision or announcement that says so.
    pub source: String,
    /// Whether that has been seen; if not, the day is expected.
    pub confirmed: bool,
    /// The day off that it is worked for.
    pub instead_of: Option<Date>,
    pub(super) hours: DayHours,
}

/// Which hours a compensating day has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DayHours {
    /// Those of a weekday, whatever they are in this calendar.
    Of(Weekday),
    /// These.
    These(Vec<Span>),
}

/// A complete calendar, not yet checked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    pub(super) territory: Option<TerritoryCode>,
    pub(super) title: Title,
    pub(super) covers: Covers,
    pub(super) hours: Hours,
    pub(super) holidays: BTreeMap<Date, Holiday>,
    pub(super) compensating: BTreeMap<Date, CompensatingDay>,
}

impl File {
    pub(super) fn read(file: &str, toml: &str) -> Result<Self, CalendarError> {
        let unreadable = |message: String| CalendarError::Unreadable {
            file: file.to_owned(),
            message,
        };
        if toml.len() > CALENDAR_BYTES_MAX {
            return Err(unreadable(format!(
                "has {} bytes, more than a calendar may ({CALENDAR_BYTES_MAX}); cover fewer years",
                toml.len()
            )));
        }
        text::read(toml).map_err(unreadable)
    }
}

impl Facts {
    /// What the file says, over what the calendar that it changes says.
    pub(super) fn gather(file: File, above: Option<&Self>) -> Self {
        let mut facts = Self {
            territory: file.territory,
            title: file.title,
            covers: file
                .covers
                .or(above.map(|above| above.covers))
                .unwrap_or(Covers::NO_YEAR),
            hours: Hours::laid_over(file.hours, above.map(|above| &above.hours)),
            holidays: BTreeMap::new(),
            compensating: BTreeMap::new(),
        };
        if let Some(above) = above {
            let removed: BTreeSet<Date> = file.remove.into_iter().collect();
            facts.holidays = above.holidays.clone();
            facts.holidays.retain(|date, _| !removed.contains(date));
            facts.compensating = above.compensating.clone();
            // Where that weekday is worked anyway, a day from above may compensate for nothing.
            let anyway: BTreeSet<Date> = above
                .compensating
                .iter()
                .filter(|(date, day)| facts.adds_nothing(**date, &facts.hours_of(day)))
                .map(|(date, _)| *date)
                .collect();
            facts
                .compensating
                .retain(|date, _| !removed.contains(date) && !anyway.contains(date));
        }
        for entry in file.holidays {
            let day = Holiday {
                title: entry.title,
                source: entry.source,
                confirmed: entry.confirmed,
            };
            let dates = entry.dates.into_iter().map(|date| (date, day.clone()));
            facts.holidays.extend(dates);
        }
        for entry in file.compensating {
            let hours = match (entry.hours, entry.hours_of, entry.instead_of) {
                (Some(mut spans), _, _) => {
                    spans.sort();
                    DayHours::These(spans)
                }
                (None, Some(weekday), _) => DayHours::Of(weekday),
                (None, None, Some(off)) => DayHours::Of(Weekday::of(off)),
                (None, None, None) => DayHours::These(Vec::new()),
            };
            let day = CompensatingDay {
                title: entry.title,
                source: entry.source,
                confirmed: entry.confirmed,
                instead_of: entry.instead_of,
                hours,
            };
            facts.compensating.insert(entry.date, day);
        }
        facts
    }

    /// The hours of a week, Monday first.
    pub(super) fn weekly(&self) -> [Vec<Span>; 7] {
        Weekday::ALL.map(|day| self.hours.of(day).to_vec())
    }

    /// The hours of a compensating day.
    pub(super) fn hours_of(&self, day: &CompensatingDay) -> Vec<Span> {
        match &day.hours {
            DayHours::Of(weekday) => self.hours.of(*weekday).to_vec(),
            DayHours::These(spans) => spans.clone(),
        }
    }

    /// Whether these hours are worked on that date anyway, compensating or not.
    pub(super) fn adds_nothing(&self, date: Date, spans: &[Span]) -> bool {
        let usual = self.hours.of(Weekday::of(date));
        let worked = |span: &Span| usual.iter().any(|other| other.holds(*span));
        !self.holidays.contains_key(&date) && !spans.is_empty() && spans.iter().all(worked)
    }

    /// Whether this date is worked.
    pub(super) fn is_worked(&self, date: Date) -> bool {
        match (self.holidays.get(&date), self.compensating.get(&date)) {
            (Some(_), _) => false,
            (None, Some(day)) => !self.hours_of(day).is_empty(),
            (None, None) => !self.hours.of(Weekday::of(date)).is_empty(),
        }
    }
}
