//! The calendar: on which days and at which hours agencies work, as versioned data; and the clock
//! that reckons limits by it. A dossier names the calendar that it was reckoned by.

mod calendars;
mod canon;
mod check;
mod cutoff;
mod facts;
mod reckon;
mod span;
mod week;

pub use calendars::Calendars;
pub use cutoff::{BadCutoff, Cutoff};
pub use facts::{CompensatingDay, Covers, Holiday};
pub use reckon::Remaining;
pub use span::{BadSpan, Span};

use crate::{
    name::{Digest, TerritoryCode},
    procedure::{Complaint, Title},
};
use facts::{Facts, File};
use jiff::civil::Date;
use std::{collections::BTreeMap, fmt};

/// How long the text of a calendar may be, in bytes.
pub const CALENDAR_BYTES_MAX: usize = 256 * 1024;

/// How many years a calendar may cover.
pub const COVERS_YEARS_MAX: i16 = 100;

/// When agencies work: hours by weekday, holidays, and compensating working days.
///
/// Outside the years that it covers only the hours by weekday are known; see [`Calendar::covers`].
#[derive(Clone, PartialEq)]
pub struct Calendar {
    /// SHA-256 of `text`.
    pub digest: Digest,
    /// Its own text, complete and in one fixed form: read again, it gives the same calendar and
    /// digest, whatever the files that it was put together from look like by then.
    pub text: String,
    facts: Facts,
    /// The hours of a week, Monday first.
    weekly: [Vec<Span>; 7],
    /// The hours of every day that is not like its weekday; none for a day off.
    special: BTreeMap<Date, Vec<Span>>,
}

/// Calendars that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CalendarError {
    /// Mend the file's TOML, or the field that the message names.
    #[error("{file}: {message}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the reader says.
        message: String,
    },
    /// Mend each place named.
    #[error("{file}: {}", complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
    Unsound {
        /// The file.
        file: String,
        /// Everything that is wrong.
        complaints: Vec<Complaint>,
    },
    /// Add the file of the national calendar.
    #[error(
        "there is no national calendar; add a file that covers years and names no territory, such as deploy/calendars/national.toml"
    )]
    NoNational,
    /// Mend each file named.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Several(Vec<CalendarError>),
}

impl fmt::Debug for Calendar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Calendar")
            .field("digest", &self.digest)
            .field("title", &self.facts.title.en)
            .finish_non_exhaustive()
    }
}

impl Calendar {
    /// Reads and checks a complete calendar: one that covers years, and not the changes to another.
    /// `file` is for messages only.
    ///
    /// # Errors
    /// Names the file, every place that is wrong, and its mend.
    pub fn parse(file: &str, toml: &str) -> Result<Self, CalendarError> {
        Self::complete(file, File::read(file, toml)?)
    }

    fn complete(file: &str, read: File) -> Result<Self, CalendarError> {
        let mut complaints = check::complete(&read);
        let facts = Facts::gather(read, None);
        complaints.extend(check::facts(&facts));
        Self::of_facts(file, facts, complaints)
    }

    /// The calendar that a file makes of the one that it changes.
    fn changed(file: &str, read: File, above: &Self) -> Result<Self, CalendarError> {
        let mut complaints = check::changes(&read, &above.facts);
        let facts = Facts::gather(read, Some(&above.facts));
        complaints.extend(check::facts(&facts));
        Self::of_facts(file, facts, complaints)
    }

    fn of_facts(
        file: &str,
        facts: Facts,
        complaints: Vec<Complaint>,
    ) -> Result<Self, CalendarError> {
        if !complaints.is_empty() {
            return Err(CalendarError::Unsound {
                file: file.to_owned(),
                complaints,
            });
        }
        let text = canon::text(&facts);
        let off = facts.holidays.keys().map(|date| (*date, Vec::new()));
        let compensating = facts
            .compensating
            .iter()
            .map(|(date, day)| (*date, facts.hours_of(day)));
        Ok(Self {
            digest: Digest::of(text.as_bytes()),
            text,
            weekly: facts.weekly(),
            special: off.chain(compensating).collect(),
            facts,
        })
    }

    /// Whose calendar it is; none for the national one.
    pub fn territory(&self) -> Option<&TerritoryCode> {
        self.facts.territory.as_ref()
    }

    /// What it is called.
    pub fn title(&self) -> &Title {
        &self.facts.title
    }

    /// The years whose holidays it knows.
    pub fn years(&self) -> Covers {
        self.facts.covers
    }

    /// Whether its holidays are known for this date. A due date beyond them is reckoned by weekday
    /// alone, and moves when a calendar with that year is loaded.
    pub fn covers(&self, date: Date) -> bool {
        self.facts.covers.has(date)
    }

    /// The public holidays and other days off that are not days of every week, by date.
    pub fn holidays(&self) -> impl Iterator<Item = (Date, &Holiday)> {
        self.facts.holidays.iter().map(|(date, day)| (*date, day))
    }

    /// The days that are worked though their weekday is not, by date.
    pub fn compensating(&self) -> impl Iterator<Item = (Date, &CompensatingDay)> {
        self.facts
            .compensating
            .iter()
            .map(|(date, day)| (*date, day))
    }

    /// The working hours of this date, in order; none on a day off.
    pub fn hours_on(&self, date: Date) -> &[Span] {
        self.special
            .get(&date)
            .unwrap_or(&self.weekly[week::index(date)])
    }

    /// Whether there are working hours on this date.
    pub fn is_working_day(&self, date: Date) -> bool {
        !self.hours_on(date).is_empty()
    }
}
