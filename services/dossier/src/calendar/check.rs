//! Checks a calendar before anything is reckoned by it: one contradiction would move due dates.

use super::{
    COVERS_YEARS_MAX, Span,
    facts::{Covers, DayHours, Facts, File},
    week::Weekday,
};
use crate::procedure::Complaint;
use jiff::civil::Date;
use std::{collections::BTreeMap, iter};

/// What is wrong in the shape of a file that must be a complete calendar.
pub(super) fn complete(file: &File) -> Vec<Complaint> {
    let mut list = List::of_entries(file);
    match file.covers {
        Some(covers) => list.covers(covers),
        None => list.say(
            "covers",
            "a complete calendar must say which years it covers",
            "add covers = { from = YEAR, to = YEAR }, or name the territory whose changes these are",
        ),
    }
    if file.over.is_some() {
        list.say(
            "over",
            "a complete calendar is not laid over another",
            "remove it, or remove covers",
        );
    }
    if !file.remove.is_empty() {
        list.say(
            "remove",
            "a complete calendar has none above it to remove days from",
            "take the days themselves out of this file",
        );
    }
    list.0
}

/// What is wrong in the shape of a file that changes the calendar above it.
pub(super) fn changes(file: &File, above: &Facts) -> Vec<Complaint> {
    let mut list = List::of_entries(file);
    let mut removed = BTreeMap::new();
    for date in &file.remove {
        *removed.entry(*date).or_insert(0) += 1;
    }
    for (date, times) in &removed {
        if *times > 1 {
            list.say(
                format!("remove {date}"),
                "stands here twice",
                "write it once",
            );
        }
        if !above.holidays.contains_key(date) && !above.compensating.contains_key(date) {
            list.say(
                format!("remove {date}"),
                "is neither a holiday nor a compensating day in the calendar above",
                "correct the date, or leave it out",
            );
        }
    }
    let twice = "is so in the calendar above already";
    let mend = "leave it out; to say something else of that day, name it in remove as well";
    for date in file.holidays.iter().flat_map(|entry| &entry.dates) {
        if above.holidays.contains_key(date) && !removed.contains_key(date) {
            list.say(format!("holiday {date}"), twice, mend);
        }
    }
    for date in file.compensating.iter().map(|entry| &entry.date) {
        if above.compensating.contains_key(date) && !removed.contains_key(date) {
            list.say(format!("compensating {date}"), twice, mend);
        }
    }
    list.0
}

/// What is wrong in what a calendar says, by itself or laid over another.
pub(super) fn facts(facts: &Facts) -> Vec<Complaint> {
    let mut list = List(Vec::new());
    list.provenance(facts);
    for (day, spans) in &facts.hours.on {
        list.spans(&format!("hours.on.{}", day.name()), spans);
    }
    if facts.hours.on.is_empty() {
        list.say(
            "hours.on",
            "no weekday has working hours",
            "write the hours of at least one, such as monday = [\"07:30-11:30\", \"13:00-17:00\"]",
        );
    }
    for date in facts.holidays.keys() {
        list.covered(&format!("holiday {date}"), *date, facts.covers);
        if facts.compensating.contains_key(date) {
            list.say(
                format!("holiday {date}"),
                "is a compensating working day as well",
                "remove one of the two",
            );
        }
    }
    list.compensating(facts);
    list.years(facts);
    list.0
}

struct List(Vec<Complaint>);

impl List {
    fn say(&mut self, place: impl Into<String>, wrong: impl Into<String>, mend: impl Into<String>) {
        self.0.push(Complaint {
            place: place.into(),
            wrong: wrong.into(),
            mend: mend.into(),
        });
    }

    fn of_entries(file: &File) -> Self {
        let mut list = Self(Vec::new());
        let mut holidays = BTreeMap::new();
        for (place, entry) in file.holidays.iter().enumerate() {
            if entry.dates.is_empty() {
                list.say(
                    format!("holiday[{place}].dates"),
                    "names no day",
                    "write at least one, such as [\"2026-09-02\"]",
                );
            }
            for date in &entry.dates {
                *holidays.entry(*date).or_insert(0) += 1;
            }
        }
        let mut compensating = BTreeMap::new();
        for entry in &file.compensating {
            let date = entry.date;
            *compensating.entry(date).or_insert(0) += 1;
            match (&entry.hours, entry.hours_of, entry.instead_of) {
                (Some(_), Some(_), _) => list.say(
                    format!("compensating {date}"),
                    "has both hours and hours_of",
                    "keep one of the two",
                ),
                (None, None, None) => list.say(
                    format!("compensating {date}"),
                    "does not say its hours",
                    "add instead_of, hours_of = \"WEEKDAY\", or hours",
                ),
                _ => {}
            }
        }
        for (word, dates) in [("holiday", holidays), ("compensating", compensating)] {
            for (date, _) in dates.into_iter().filter(|(_, times)| *times > 1) {
                list.say(
                    format!("{word} {date}"),
                    "stands in this file twice",
                    "write it once",
                );
            }
        }
        list
    }

    fn provenance(&mut self, facts: &Facts) {
        let week = iter::once(("hours".to_owned(), None, &facts.hours.source));
        let off = facts
            .holidays
            .iter()
            .map(|(date, day)| (format!("holiday {date}"), Some(&day.title), &day.source));
        let worked = facts.compensating.iter().map(|(date, day)| {
            let place = format!("compensating {date}");
            (place, Some(&day.title), &day.source)
        });
        for (place, title, source) in week.chain(off).chain(worked) {
            if source.trim().is_empty() {
                self.say(
                    format!("{place}.source"),
                    "does not say where this is known from",
                    "name the law, decision or announcement, or what it is guessed from",
                );
            }
            if title.is_some_and(|title| title.vi.trim().is_empty() || title.en.trim().is_empty()) {
                self.say(
                    format!("{place}.title"),
                    "is empty",
                    "say in both languages what day it is",
                );
            }
        }
    }

    fn covers(&mut self, covers: Covers) {
        let Covers { from, to } = covers;
        if to < from {
            self.say("covers", "ends before it begins", "swap from and to");
        } else if !(1900..=2200).contains(&from) || to - from >= COVERS_YEARS_MAX {
            self.say(
                "covers",
                format!("{from} to {to} are not years that anybody has announced"),
                format!("begin between 1900 and 2200 and cover at most {COVERS_YEARS_MAX} years"),
            );
        }
    }

    fn covered(&mut self, place: &str, date: Date, covers: Covers) {
        let Covers { from, to } = covers;
        if from <= to && !covers.has(date) {
            self.say(
                place,
                format!("{date} is outside the years that are covered, {from} to {to}"),
                "correct the date, or cover its year with all its days",
            );
        }
    }

    fn spans(&mut self, place: &str, spans: &[Span]) {
        for span in spans.iter().filter(|span| span.minutes() <= 0) {
            let wrong = match span.minutes() {
                0 => "lasts no time",
                _ => "closes before it opens",
            };
            self.say(
                place,
                format!("{span} {wrong}"),
                "write the opening first and the close after it, on the same day",
            );
        }
        for pair in spans
            .windows(2)
            .filter(|pair| pair[1].opens() < pair[0].closes())
        {
            self.say(
                place,
                format!("{} and {} overlap", pair[0], pair[1]),
                "end one before the other begins, or write both as one",
            );
        }
    }

    fn compensating(&mut self, facts: &Facts) {
        let mut worked_for: BTreeMap<Date, Date> = BTreeMap::new();
        for (date, day) in &facts.compensating {
            let place = format!("compensating {date}");
            self.covered(&place, *date, facts.covers);
            let hours = facts.hours_of(day);
            match &day.hours {
                DayHours::These(spans) if !spans.is_empty() => self.spans(&place, spans),
                DayHours::Of(weekday) if hours.is_empty() => self.say(
                    &place,
                    format!("has the hours of {}, which has none", weekday.name()),
                    "name another weekday in hours_of, or write hours",
                ),
                DayHours::These(_) => self.say(
                    &place,
                    "has no working hours",
                    "add hours_of = \"WEEKDAY\" or hours, or take the day out",
                ),
                DayHours::Of(_) => {}
            }
            if facts.adds_nothing(*date, &hours) {
                self.say(
                    &place,
                    format!(
                        "is a working day with these hours anyway, as every {}",
                        Weekday::of(*date).name()
                    ),
                    "correct the date, or take it out",
                );
            }
            let Some(off) = day.instead_of else { continue };
            let place = format!("{place}.instead_of");
            self.covered(&place, off, facts.covers);
            if facts.is_worked(off) {
                self.say(
                    &place,
                    format!("{off} is no day off"),
                    "add that day as a [[holiday]], correct the date, or take this day out as well",
                );
            }
            if let Some(other) = worked_for.insert(off, *date) {
                self.say(
                    &place,
                    format!("{other} is worked for {off} already"),
                    "name the day off that this one is worked for, or take one of the two out",
                );
            }
        }
    }

    fn years(&mut self, facts: &Facts) {
        if !self.0.is_empty() {
            return;
        }
        for year in facts.covers.from..=facts.covers.to {
            let first = jiff::civil::date(year, 1, 1);
            let worked = first
                .series(jiff::Span::new().days(1))
                .take_while(|date| date.year() == year)
                .any(|date| facts.is_worked(date));
            if !worked {
                self.say(
                    "covers",
                    format!("{year} has no working day"),
                    "take holidays of that year out",
                );
            }
        }
    }
}
