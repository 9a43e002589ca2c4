//! Instants and spans as people in Việt Nam read them.

use crate::language::Language;
use jiff::{
    Timestamp, Zoned,
    civil::Date,
    tz::{Offset, TimeZone},
};

/// Without the zone's rules on this machine: Việt Nam has had +07 all year since 1975.
const OFFSET: Offset = jiff::tz::offset(7);

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// An instant of the contract, if it is set and sound.
pub(crate) fn read(at: &Option<prost_types::Timestamp>) -> Option<Timestamp> {
    at.as_ref()
        .and_then(|at| Timestamp::new(at.seconds, at.nanos).ok())
}

fn zone() -> TimeZone {
    TimeZone::get("Asia/Ho_Chi_Minh").unwrap_or_else(|_| TimeZone::fixed(OFFSET))
}

fn here(at: Timestamp) -> Zoned {
    at.to_zoned(zone())
}

/// Day and time, such as `22/11/2026 22:45`.
pub(crate) fn minute(at: Timestamp) -> String {
    here(at).strftime("%d/%m/%Y %H:%M").to_string()
}

/// Day and time, such as `22/11/2026 22:45:03`.
pub(crate) fn full(at: Timestamp) -> String {
    here(at).strftime("%d/%m/%Y %H:%M:%S").to_string()
}

/// The time of the day, such as `22:45:03`.
pub(crate) fn clock(at: Timestamp) -> String {
    here(at).strftime("%H:%M:%S").to_string()
}

/// When a day begins, of one written `2026-11-22` or `22/11/2026`; none when it is no day.
pub(crate) fn begin_of_day(text: &str) -> Option<Timestamp> {
    begin_of(read_day(text)?)
}

/// When the day after it begins.
pub(crate) fn end_of_day(text: &str) -> Option<Timestamp> {
    begin_of(read_day(text)?.tomorrow().ok()?)
}

/// A day as a person writes it, `22/11/2026`; empty for what is no day.
pub(crate) fn day_of(text: &str) -> String {
    read_day(text).map_or_else(String::new, |day| day.strftime("%d/%m/%Y").to_string())
}

fn begin_of(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(zone()).ok()?.timestamp())
}

fn read_day(text: &str) -> Option<Date> {
    let text = text.trim();
    text.parse()
        .or_else(|_| Date::strptime("%d/%m/%Y", text))
        .ok()
}

/// For the contract.
pub(crate) fn wire(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

/// A span in its largest two units, such as `2 ngày 3 giờ` or `2 d 3 h`.
pub(crate) fn span(seconds: u64, language: Language) -> String {
    let units: [(u64, &str, &str); 4] = [
        (DAY, "ngày", "d"),
        (HOUR, "giờ", "h"),
        (MINUTE, "phút", "min"),
        (1, "giây", "s"),
    ];
    let first = units.iter().position(|(unit, ..)| seconds >= *unit);
    let first = first.unwrap_or(units.len() - 1);
    let name = |(_, vi, en): &(u64, &'static str, &'static str)| match language {
        Language::Vi => *vi,
        Language::En => *en,
    };
    let whole = &units[first];
    let mut text = format!("{} {}", seconds / whole.0, name(whole));
    if let Some(rest) = units.get(first + 1).filter(|unit| unit.0 > 1) {
        let amount = seconds % whole.0 / rest.0;
        if amount > 0 {
            text.push_str(&format!(" {amount} {}", name(rest)));
        }
    }
    text
}

/// Working time: a working day has eight hours.
pub(crate) fn working_span(seconds: u64, language: Language) -> String {
    let (days, rest) = (seconds / (8 * HOUR), seconds % (8 * HOUR));
    match (days, language) {
        (0, _) => span(rest, language),
        (_, Language::Vi) => format!("{days} ngày làm việc {} giờ", rest / HOUR),
        (_, Language::En) => format!("{days} working d {} h", rest / HOUR),
    }
}

/// How long ago it was, in seconds; 0 for what is to come.
pub(crate) fn seconds_since(at: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.as_second() - at.as_second()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_in_ho_chi_minh() {
        let at: Timestamp = "2026-11-22T17:00:05Z".parse().unwrap();
        assert_eq!(full(at), "23/11/2026 00:00:05");
        assert_eq!(minute(at), "23/11/2026 00:00");
    }

    #[test]
    fn a_day_is_understood_as_a_form_and_as_a_person_writes_it_and_nothing_else_is() {
        let begin: Timestamp = "2026-11-22T17:00:00Z".parse().unwrap();
        assert_eq!(begin_of_day("2026-11-23"), Some(begin));
        assert_eq!(begin_of_day(" 23/11/2026 "), Some(begin));
        assert_eq!(end_of_day("22/11/2026"), Some(begin));
        assert_eq!(day_of("2026-11-23"), "23/11/2026");
        assert_eq!(day_of("soon"), "");
        for text in ["", "yesterday", "2026-13-01", "<b>", "9999999999"] {
            assert_eq!(begin_of_day(text), None, "{text}");
        }
    }

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        assert_eq!(span(0, Language::En), "0 s");
        assert_eq!(span(59, Language::Vi), "59 giây");
        assert_eq!(span(3_700, Language::Vi), "1 giờ 1 phút");
        assert_eq!(span(2 * DAY + 3 * HOUR, Language::En), "2 d 3 h");
        assert_eq!(working_span(9 * HOUR, Language::En), "1 working d 1 h");
    }
}
