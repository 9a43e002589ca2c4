//! Cells: how one value stands in a table, and in JSON.

use crate::screen::{json, time};
use anyhow::Context as _;
use contract::v1;
use jiff::{Timestamp, civil::Date, tz};
use prost_types::Timestamp as Instant;
use serde_json::{Value, json};

/// Bars of a line of small columns, from nothing to full.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

pub(super) fn at(at: &Option<Instant>) -> String {
    time::read(at).map_or_else(String::new, time::full)
}

pub(super) fn en(text: &Option<v1::Text>) -> String {
    text.as_ref()
        .map(|text| text.en.clone())
        .unwrap_or_default()
}

pub(super) fn both(text: &Option<v1::Text>) -> Value {
    text.as_ref()
        .map_or(Value::Null, |text| json!({ "vi": text.vi, "en": text.en }))
}

pub(super) fn yes(is_so: bool, word: &str) -> String {
    if is_so { word.into() } else { String::new() }
}

/// A number, and nothing where it is 0.
pub(super) fn count(number: impl Into<u64>) -> String {
    match number.into() {
        0 => String::new(),
        number => number.to_string(),
    }
}

/// A name with its code.
pub(super) fn named(name: &str, code: &str) -> String {
    match (name.is_empty(), code.is_empty()) {
        (true, _) => code.to_owned(),
        (false, true) => name.to_owned(),
        (false, false) => format!("{name} ({code})"),
    }
}

/// Numbers as a line of small columns, the largest full.
pub(super) fn columns(numbers: &[u64]) -> String {
    let most = numbers.iter().copied().max().unwrap_or(0).max(1);
    let bar = |number: &u64| {
        let step = (u128::from(*number) * 7).div_ceil(u128::from(most));
        BARS[usize::try_from(step).unwrap_or(7).min(7)]
    };
    numbers.iter().map(bar).collect()
}

/// The first instant of a day in Việt Nam.
pub(super) fn day(text: &str) -> anyhow::Result<Instant> {
    let date: Date = text
        .parse()
        .with_context(|| format!("{text} is no day; write it as 2026-11-30"))?;
    let zone = tz::TimeZone::fixed(tz::offset(7));
    let at: Timestamp = date.to_zoned(zone)?.timestamp();
    Ok(Instant {
        seconds: at.as_second(),
        nanos: 0,
    })
}

/// A dossier in a list, for programs.
pub(super) fn row(row: &v1::DossierRow) -> Value {
    let steps = row.open_steps.iter().map(|step| {
        json!({
            "step_id": step.step_id,
            "step_title": both(&step.step_title),
            "agency_code": step.agency_code,
            "agency_name": step.agency_name,
            "state": crate::screen::words::step(step.state()),
            "due_at": json::instant(&step.due_at),
        })
    });
    json!({
        "dossier_id": row.dossier_id,
        "dossier_code": row.dossier_code,
        "procedure_code": row.procedure_code,
        "procedure_title": both(&row.procedure_title),
        "desk_agency_code": row.desk_agency_code,
        "territory_code": row.territory_code,
        "state": crate::screen::words::dossier(row.state()),
        "received_at": json::instant(&row.received_at),
        "promised_at": json::instant(&row.promised_at),
        "closed_at": json::instant(&row.closed_at),
        "overdue": row.overdue,
        "incidents_open": row.incidents_open,
        "open_steps": steps.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_as_columns_and_the_largest_is_full() {
        assert_eq!(columns(&[]), "");
        assert_eq!(columns(&[0, 0]), "▁▁");
        assert_eq!(columns(&[0, 1, 50, 100]), "▁▂▅█");
        assert_eq!(columns(&[u64::MAX, 0]), "█▁");
    }

    #[test]
    fn a_day_begins_when_it_does_in_viet_nam() {
        assert_eq!(day("2026-11-30").unwrap().seconds, 1_795_971_600);
        let told = day("30/11/2026").unwrap_err().to_string();
        assert!(told.contains("2026-11-30"), "{told}");
    }
}
