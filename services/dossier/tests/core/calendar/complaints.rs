//! Each thing that can be wrong in a calendar is named with its file, its place and its mend.

use super::{MAU_01, NATIONAL};
use dossier::calendar::{CALENDAR_BYTES_MAX, Calendar, CalendarError, Calendars};

const SOUND: &str = r#"
title = { vi = "Mẫu", en = "Sample" }
covers = { from = 2026, to = 2026 }

[hours]
source = "a decision"
confirmed = true

[hours.on]
monday = ["07:30-11:30", "13:30-17:00"]
friday = ["07:30-11:30"]

[[holiday]]
dates = ["2026-03-02", "2026-03-09"]
title = { vi = "h", en = "h" }
source = "a law"
confirmed = true

[[compensating]]
date = "2026-03-07"
instead_of = "2026-03-02"
title = { vi = "c", en = "c" }
source = "a decision"
confirmed = true
"#;

const CHANGES: &str = "territory = \"H99\"\ntitle = { vi = \"t\", en = \"t\" }\n";

const DAY: &str = "title = { vi = \"d\", en = \"d\" }\nsource = \"s\"\nconfirmed = true\n";

/// The sound calendar with one thing changed is refused with these words.
fn refused(sound: &str, changed: &str, words: &[&str]) {
    assert!(SOUND.contains(sound), "{sound}");
    says(
        &Calendar::parse("sample.toml", &SOUND.replace(sound, changed)).unwrap_err(),
        words,
    );
}

/// The sound calendar with something added is refused with these words.
fn refused_with(added: &str, words: &[&str]) {
    says(
        &Calendar::parse("sample.toml", &format!("{SOUND}{added}{DAY}")).unwrap_err(),
        words,
    );
}

/// These changes to the sound calendar are refused with these words.
fn changes_refused(changes: &str, words: &[&str]) {
    says(&of(&[("sample.toml", SOUND), ("h99.toml", changes)]), words);
}

fn of(files: &[(&str, &str)]) -> CalendarError {
    let files = files
        .iter()
        .map(|(file, toml)| (file.to_string(), toml.to_string()));
    Calendars::new(files.collect()).unwrap_err()
}

fn says(error: &CalendarError, words: &[&str]) {
    let message = error.to_string();
    assert!(message.contains("toml: "), "names no file: {message}");
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

#[test]
fn the_sound_calendar_is_sound() {
    Calendar::parse("sample.toml", SOUND).unwrap();
}

#[test]
fn an_unknown_field_is_refused() {
    refused(
        "[hours.on]",
        "lunch = true\n[hours.on]",
        &["hours.lunch", "remove it"],
    );
    refused(
        "monday",
        "moonday",
        &["hours.on.moonday", "no day of the week"],
    );
}

#[test]
fn hours_that_are_no_hours_are_refused() {
    for text in [
        "7:30-11:30",
        "07:30",
        "07:30-25:00",
        "07:60-08:00",
        "07:30-24:01",
    ] {
        refused(
            "07:30-11:30\", ",
            &format!("{text}\", "),
            &["hours.on.monday", text, "no span"],
        );
    }
}

#[test]
fn a_span_that_is_reversed_is_refused() {
    refused(
        "\"13:30-17:00\"",
        "\"17:00-13:30\"",
        &["hours.on.monday", "17:00-13:30 closes before it opens"],
    );
}

#[test]
fn a_span_that_is_empty_is_refused() {
    refused(
        "\"13:30-17:00\"",
        "\"13:30-13:30\"",
        &["hours.on.monday", "lasts no time"],
    );
}

#[test]
fn spans_that_overlap_are_refused() {
    refused(
        "\"13:30-17:00\"",
        "\"11:00-17:00\"",
        &["hours.on.monday", "07:30-11:30 and 11:00-17:00 overlap"],
    );
}

#[test]
fn a_week_without_hours_is_refused() {
    refused(
        "monday = [\"07:30-11:30\", \"13:30-17:00\"]\nfriday = [\"07:30-11:30\"]",
        "",
        &["hours.on", "no weekday"],
    );
}

#[test]
fn a_year_without_a_working_day_is_refused() {
    // Open on Mondays only, and every Monday of 2026 is a holiday.
    let mondays: Vec<_> = (0..52)
        .map(|week| jiff::civil::date(2026, 1, 5) + jiff::Span::new().weeks(week))
        .map(|date| format!("\"{date}\""))
        .collect();
    let toml = SOUND
        .replace("friday = [\"07:30-11:30\"]", "")
        .replace("\"2026-03-02\", \"2026-03-09\"", &mondays.join(", "))
        .split("[[compensating]]")
        .next()
        .unwrap()
        .to_owned();
    says(
        &Calendar::parse("sample.toml", &toml).unwrap_err(),
        &["covers", "2026 has no working day"],
    );
}

#[test]
fn a_calendar_that_covers_no_years_is_refused() {
    refused(
        "covers = { from = 2026, to = 2026 }",
        "",
        &["covers", "must say which years"],
    );
}

#[test]
fn years_that_end_before_they_begin_are_refused() {
    refused(
        "from = 2026",
        "from = 2027",
        &["covers", "ends before it begins"],
    );
}

#[test]
fn years_without_end_are_refused() {
    refused("to = 2026", "to = 9999", &["covers", "at most 100 years"]);
    refused(
        "from = 2026",
        "from = -9999",
        &["covers", "at most 100 years"],
    );
}

#[test]
fn a_holiday_outside_the_covered_years_is_refused() {
    refused(
        "2026-03-09",
        "2027-03-09",
        &["holiday 2027-03-09", "outside the years", "2026 to 2026"],
    );
}

#[test]
fn a_compensating_day_outside_the_covered_years_is_refused() {
    refused(
        "2026-03-07",
        "2027-03-07",
        &["compensating 2027-03-07", "outside the years"],
    );
}

#[test]
fn a_holiday_that_stands_there_twice_is_refused() {
    refused("2026-03-09", "2026-03-02", &["holiday 2026-03-02", "twice"]);
}

#[test]
fn a_holiday_entry_without_dates_is_refused() {
    refused(
        "\"2026-03-02\", \"2026-03-09\"",
        "",
        &["holiday[0].dates", "names no day"],
    );
}

#[test]
fn a_compensating_day_that_stands_there_twice_is_refused() {
    refused_with(
        "[[compensating]]\ndate = \"2026-03-07\"\nhours_of = \"friday\"\n",
        &["compensating 2026-03-07", "twice"],
    );
}

#[test]
fn a_day_both_off_and_compensating_is_refused() {
    refused(
        "2026-03-09",
        "2026-03-07",
        &["holiday 2026-03-07", "compensating working day as well"],
    );
}

#[test]
fn a_compensating_day_that_is_worked_anyway_is_refused() {
    refused(
        "date = \"2026-03-07\"",
        "date = \"2026-03-16\"",
        &["compensating 2026-03-16", "anyway, as every monday"],
    );
}

#[test]
fn a_compensating_day_for_a_working_day_is_refused() {
    refused(
        "instead_of = \"2026-03-02\"",
        "instead_of = \"2026-03-06\"",
        &[
            "compensating 2026-03-07.instead_of",
            "2026-03-06 is no day off",
        ],
    );
}

#[test]
fn a_compensating_day_for_a_day_of_another_year_is_refused() {
    refused(
        "instead_of = \"2026-03-02\"",
        "instead_of = \"2025-12-29\"",
        &["compensating 2026-03-07.instead_of", "outside the years"],
    );
}

#[test]
fn two_compensating_days_for_one_are_refused() {
    refused_with(
        "[[compensating]]\ndate = \"2026-03-14\"\ninstead_of = \"2026-03-02\"\n",
        &[
            "compensating 2026-03-14.instead_of",
            "2026-03-07 is worked for 2026-03-02 already",
        ],
    );
}

#[test]
fn a_compensating_day_without_hours_is_refused() {
    refused(
        "instead_of = \"2026-03-02\"",
        "",
        &["compensating 2026-03-07", "does not say its hours"],
    );
    refused(
        "instead_of = \"2026-03-02\"",
        "hours = []",
        &["compensating 2026-03-07", "has no working hours"],
    );
    refused(
        "instead_of = \"2026-03-02\"",
        "hours_of = \"sunday\"",
        &["compensating 2026-03-07", "sunday, which has none"],
    );
}

#[test]
fn a_compensating_day_with_two_sorts_of_hours_is_refused() {
    refused(
        "instead_of = \"2026-03-02\"",
        "hours = [\"07:30-11:30\"]\nhours_of = \"friday\"",
        &["compensating 2026-03-07", "both hours and hours_of"],
    );
}

#[test]
fn bad_hours_of_a_compensating_day_are_refused() {
    refused(
        "instead_of = \"2026-03-02\"",
        "hours = [\"11:30-07:30\"]",
        &["compensating 2026-03-07", "closes before it opens"],
    );
}

#[test]
fn a_day_that_does_not_say_where_it_is_known_from_is_refused() {
    refused(
        "source = \"a law\"",
        "source = \" \"",
        &["holiday 2026-03-02.source", "name the law"],
    );
    refused(
        "source = \"a law\"",
        "",
        &["holiday[0]", "source", "add it"],
    );
    refused(
        "confirmed = true\n\n[hours.on]",
        "[hours.on]",
        &["hours", "confirmed", "add it"],
    );
    refused(
        "title = { vi = \"c\", en = \"c\" }",
        "title = { vi = \"\", en = \"c\" }",
        &["compensating 2026-03-07.title", "both languages"],
    );
}

#[test]
fn a_complete_calendar_changes_no_other() {
    refused(
        "covers",
        "over = \"H99\"\ncovers",
        &["over", "not laid over another"],
    );
    refused(
        "covers",
        "remove = [\"2026-03-02\"]\ncovers",
        &["remove", "none above it"],
    );
}

#[test]
fn a_calendar_of_any_length_is_refused() {
    let long = format!("{SOUND}#{}", " ".repeat(CALENDAR_BYTES_MAX));
    says(
        &Calendar::parse("sample.toml", &long).unwrap_err(),
        &["262144", "cover fewer years"],
    );
}

#[test]
fn everything_wrong_is_said_at_once() {
    let toml = SOUND
        .replace("\"13:30-17:00\"", "\"17:00-13:30\"")
        .replace("2026-03-09", "2027-03-09")
        .replace("instead_of = \"2026-03-02\"", "instead_of = \"2026-03-06\"");
    let CalendarError::Unsound { file, complaints } =
        Calendar::parse("sample.toml", &toml).unwrap_err()
    else {
        panic!("it can be read");
    };
    assert_eq!((file.as_str(), complaints.len()), ("sample.toml", 3));
    assert!(
        complaints
            .iter()
            .all(|one| !one.place.is_empty() && !one.mend.is_empty())
    );
}

#[test]
fn without_a_national_calendar_nothing_is_loaded() {
    assert_eq!(of(&[("mau-01.toml", MAU_01)]), CalendarError::NoNational);
    assert_eq!(of(&[]), CalendarError::NoNational);
}

#[test]
fn two_calendars_of_one_territory_are_refused() {
    says(
        &of(&[("a.toml", SOUND), ("b.toml", NATIONAL)]),
        &["b.toml", "the nation", "in a.toml"],
    );
    says(
        &of(&[("a.toml", NATIONAL), ("b.toml", MAU_01), ("c.toml", MAU_01)]),
        &["c.toml", "`H99_01`", "in b.toml"],
    );
}

#[test]
fn changes_to_days_that_are_not_there_are_refused() {
    changes_refused(
        &format!("{CHANGES}remove = [\"2026-03-03\"]"),
        &["h99.toml", "remove 2026-03-03", "neither"],
    );
    changes_refused(
        &format!("{CHANGES}remove = [\"2026-03-09\", \"2026-03-09\"]"),
        &["remove 2026-03-09", "twice"],
    );
}

#[test]
fn changes_that_say_a_day_again_are_refused() {
    let holiday = format!("{CHANGES}[[holiday]]\ndates = [\"2026-03-09\"]\n{DAY}");
    changes_refused(
        &holiday,
        &["h99.toml", "holiday 2026-03-09", "already", "remove"],
    );
    let worked =
        format!("{CHANGES}[[compensating]]\ndate = \"2026-03-07\"\nhours_of = \"friday\"\n{DAY}");
    changes_refused(&worked, &["compensating 2026-03-07", "already", "remove"]);
}

#[test]
fn changes_that_contradict_what_is_above_are_refused() {
    let off = format!("{CHANGES}[[holiday]]\ndates = [\"2026-03-07\"]\n{DAY}");
    changes_refused(
        &off,
        &[
            "h99.toml",
            "holiday 2026-03-07",
            "compensating working day as well",
        ],
    );
    let swap_half = format!("{CHANGES}remove = [\"2026-03-02\"]");
    changes_refused(
        &swap_half,
        &[
            "compensating 2026-03-07.instead_of",
            "take this day out as well",
        ],
    );
}

#[test]
fn changes_to_a_calendar_that_is_not_there_are_refused() {
    changes_refused(
        &format!("{CHANGES}over = \"H98\""),
        &["h99.toml", "over", "`H98` has no calendar"],
    );
    changes_refused(
        &format!("{CHANGES}over = \"H99\""),
        &["h99.toml", "over", "itself"],
    );
}

#[test]
fn what_is_wrong_in_several_files_is_said_at_once() {
    let changes = format!("{CHANGES}remove = [\"2026-03-03\"]");
    let other = CHANGES.replace("H99", "H98") + "colour = 1";
    let error = of(&[
        ("sample.toml", SOUND),
        ("h99.toml", &changes),
        ("h98.toml", &other),
    ]);
    says(&error, &["h99.toml: remove 2026-03-03", "h98.toml: colour"]);
}
