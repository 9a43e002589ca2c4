//! Writes a calendar in one fixed form, so that its digest depends on what it says and not on how a
//! file, or a release of a library, puts it.

use super::facts::{DayHours, Facts};
use crate::procedure::Title;
use std::fmt::Write;

/// The text: TOML, days in order, one table a day.
pub(super) fn text(facts: &Facts) -> String {
    let mut lines = Vec::new();
    if let Some(territory) = &facts.territory {
        lines.push(format!("territory = {}", quoted(territory.as_str())));
    }
    lines.push(format!("title = {}", title(&facts.title)));
    lines.push(format!(
        "covers = {{ from = {}, to = {} }}",
        facts.covers.from, facts.covers.to
    ));
    lines.push("\n[hours]".into());
    lines.push(format!("source = {}", quoted(&facts.hours.source)));
    lines.push(format!("confirmed = {}", facts.hours.confirmed));
    lines.push("\n[hours.on]".into());
    for (weekday, spans) in &facts.hours.on {
        lines.push(format!("{} = {}", weekday.name(), list(spans)));
    }
    for (date, day) in &facts.holidays {
        lines.push("\n[[holiday]]".into());
        lines.push(format!("dates = [\"{date}\"]"));
        lines.push(format!("title = {}", title(&day.title)));
        lines.push(format!("source = {}", quoted(&day.source)));
        lines.push(format!("confirmed = {}", day.confirmed));
    }
    for (date, day) in &facts.compensating {
        lines.push("\n[[compensating]]".into());
        lines.push(format!("date = \"{date}\""));
        if let Some(off) = day.instead_of {
            lines.push(format!("instead_of = \"{off}\""));
        }
        lines.push(match &day.hours {
            DayHours::Of(weekday) => format!("hours_of = \"{}\"", weekday.name()),
            DayHours::These(spans) => format!("hours = {}", list(spans)),
        });
        lines.push(format!("title = {}", title(&day.title)));
        lines.push(format!("source = {}", quoted(&day.source)));
        lines.push(format!("confirmed = {}", day.confirmed));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn title(title: &Title) -> String {
    format!(
        "{{ vi = {}, en = {} }}",
        quoted(&title.vi),
        quoted(&title.en)
    )
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(|item| quoted(&item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
