//! The calendar and its clock, by the real days of 2026 and 2027, so that an official can check them.

mod complaints;
mod laws;

use dossier::{
    calendar::{Calendar, Calendars, Cutoff, Remaining},
    limit::{Limit, Unit},
    name::TerritoryCode,
    procedure::civil_date,
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::offset};

const NATIONAL: &str = include_str!("../../../../deploy/calendars/national.toml");
const MAU_01: &str = include_str!("../../../../deploy/calendars/mau-01.toml");

fn calendars() -> Calendars {
    let named = |file: &str, toml: &str| (file.to_owned(), toml.to_owned());
    Calendars::new(vec![
        named("mau-01.toml", MAU_01),
        named("national.toml", NATIONAL),
    ])
    .unwrap()
}

fn national() -> Calendar {
    Calendar::parse("national.toml", NATIONAL).unwrap()
}

fn mau_01() -> Calendar {
    let territory: TerritoryCode = "H99_01".parse().unwrap();
    calendars().of([&territory]).as_ref().clone()
}

/// An instant by the clock on the wall in Viet Nam.
fn at(wall: &str) -> Timestamp {
    let wall: DateTime = wall.parse().unwrap();
    offset(7).to_timestamp(wall).unwrap()
}

fn limit(text: &str) -> Limit {
    text.parse().unwrap()
}

fn cutoff() -> Option<jiff::civil::Time> {
    Some("15:00".parse::<Cutoff>().unwrap().time())
}

fn check(calendar: &Calendar, from: &str, within: &str, ends: &str) {
    let found = calendar.ends(at(from), limit(within));
    assert_eq!(found, at(ends), "{within} from {from}, not {ends}");
}

#[test]
fn three_working_days_from_the_friday_before_tet_2026_end_on_the_wednesday_after_it() {
    check(
        &national(),
        "2026-02-13 15:30",
        "3 working days",
        "2026-02-25 17:00",
    );
    check(
        &national(),
        "2026-02-13 15:30",
        "8 working hours",
        "2026-02-23 15:30",
    );
    check(
        &national(),
        "2026-02-13 15:30",
        "48 elapsed hours",
        "2026-02-15 15:30",
    );
}

#[test]
fn seven_working_days_go_around_tet_2027_and_its_substitute_days() {
    check(
        &national(),
        "2027-02-03 10:00",
        "1 working day",
        "2027-02-11 17:00",
    );
    check(
        &national(),
        "2027-02-01 10:00",
        "7 working days",
        "2027-02-17 17:00",
    );
}

#[test]
fn a_swapped_saturday_is_a_working_day_and_the_day_it_is_worked_for_is_not() {
    check(
        &national(),
        "2025-12-31 09:00",
        "1 working day",
        "2026-01-05 17:00",
    );
    check(
        &national(),
        "2026-01-08 09:00",
        "2 working days",
        "2026-01-10 17:00",
    );
    check(
        &national(),
        "2026-01-09 16:00",
        "2 working hours",
        "2026-01-10 08:30",
    );
    check(
        &national(),
        "2026-08-21 09:00",
        "1 working day",
        "2026-08-22 17:00",
    );
    check(
        &national(),
        "2026-08-28 09:00",
        "1 working day",
        "2026-09-03 17:00",
    );
}

#[test]
fn a_holiday_on_a_weekend_has_its_substitute_day_off() {
    check(
        &national(),
        "2026-04-24 09:00",
        "1 working day",
        "2026-04-28 17:00",
    );
    check(
        &national(),
        "2027-04-29 09:00",
        "1 working day",
        "2027-05-04 17:00",
    );
}

#[test]
fn a_day_of_24_november_2026_is_worked_until_a_law_says_otherwise() {
    check(
        &national(),
        "2026-11-23 09:00",
        "1 working day",
        "2026-11-24 17:00",
    );
}

#[test]
fn limits_cross_the_ends_of_months_and_years() {
    check(
        &national(),
        "2026-10-30 09:00",
        "1 working day",
        "2026-11-02 17:00",
    );
    check(
        &national(),
        "2026-12-31 16:30",
        "1 working day",
        "2027-01-04 17:00",
    );
    check(
        &national(),
        "2026-12-31 16:30",
        "1 working hour",
        "2027-01-04 08:00",
    );
    check(
        &national(),
        "2026-12-30 16:30",
        "2 calendar days",
        "2027-01-05 00:00",
    );
}

#[test]
fn beyond_the_covered_years_weekdays_alone_count_and_leap_days_are_days() {
    let calendar = national();
    check(
        &calendar,
        "2028-02-28 09:00",
        "1 working day",
        "2028-02-29 17:00",
    );
    check(
        &calendar,
        "2028-02-28 09:00",
        "2 calendar days",
        "2028-03-02 00:00",
    );
    assert!(calendar.covers(civil_date(at("2027-12-31 23:00"))));
    assert!(!calendar.covers(civil_date(at("2028-01-01 00:00"))));
}

#[test]
fn calendar_days_end_at_midnight_and_never_on_a_day_off() {
    check(
        &national(),
        "2026-03-02 09:00",
        "3 calendar days",
        "2026-03-06 00:00",
    );
    check(
        &national(),
        "2026-02-09 09:00",
        "7 calendar days",
        "2026-02-24 00:00",
    );
}

#[test]
fn working_hours_stand_still_over_lunch() {
    check(
        &national(),
        "2026-03-02 11:00",
        "1 working hour",
        "2026-03-02 13:30",
    );
    check(
        &national(),
        "2026-03-02 07:30",
        "4 working hours",
        "2026-03-02 11:30",
    );
    check(
        &national(),
        "2026-03-02 12:00",
        "1 working hour",
        "2026-03-02 14:00",
    );
    check(
        &national(),
        "2026-03-02 07:30",
        "8 working hours",
        "2026-03-02 17:00",
    );
}

#[test]
fn the_day_begins_at_midnight_in_viet_nam_which_is_17_00_utc() {
    let sunday: Timestamp = "2026-03-08T16:59:59.999999999Z".parse().unwrap();
    let monday: Timestamp = "2026-03-08T17:00:00Z".parse().unwrap();
    let calendar = national();
    let day = limit("1 working day");
    assert_eq!(calendar.ends(sunday, day), at("2026-03-09 17:00"));
    assert_eq!(calendar.ends(monday, day), at("2026-03-10 17:00"));
    assert_eq!(
        calendar.starts(sunday, cutoff()),
        calendar.starts(monday, cutoff())
    );
}

#[test]
fn where_saturday_mornings_are_open_a_saturday_is_a_working_day() {
    check(
        &national(),
        "2026-03-06 09:00",
        "1 working day",
        "2026-03-09 17:00",
    );
    check(
        &mau_01(),
        "2026-03-06 09:00",
        "1 working day",
        "2026-03-07 11:30",
    );
    check(
        &mau_01(),
        "2026-03-06 16:00",
        "6 working hours",
        "2026-03-09 08:30",
    );
    // A swapped Saturday is worked in the afternoon too, one within the break of Tết not at all.
    check(
        &mau_01(),
        "2026-01-09 09:00",
        "1 working day",
        "2026-01-10 17:00",
    );
    check(
        &mau_01(),
        "2026-02-13 09:00",
        "1 working day",
        "2026-02-23 17:00",
    );
}

#[test]
fn what_arrives_after_15_00_is_forwarded_when_the_next_working_day_opens() {
    let calendar = national();
    let starts = |wall: &str| calendar.starts(at(wall), cutoff());
    assert_eq!(starts("2026-03-02 14:59"), at("2026-03-02 14:59"));
    assert_eq!(starts("2026-03-02 15:00"), at("2026-03-02 15:00"));
    assert_eq!(
        starts("2026-03-02 15:00:00.000000001"),
        at("2026-03-03 07:30")
    );
    assert_eq!(starts("2026-02-13 15:30"), at("2026-02-23 07:30"));
    assert_eq!(starts("2026-03-02 12:10"), at("2026-03-02 13:00"));
    assert_eq!(starts("2026-03-02 06:00"), at("2026-03-02 07:30"));
    assert_eq!(starts("2026-03-07 16:00"), at("2026-03-09 07:30"));
    assert_eq!(
        calendar.starts(at("2026-03-02 16:59"), None),
        at("2026-03-02 16:59")
    );
    assert_eq!(
        calendar.starts(at("2026-03-02 17:00"), None),
        at("2026-03-03 07:30")
    );
}

#[test]
fn a_warning_comes_one_working_day_before_the_end() {
    let calendar = national();
    let before = |wall: &str, days| calendar.working_days_before(at(wall), days);
    assert_eq!(before("2026-02-25 17:00", 1), at("2026-02-24 17:00"));
    assert_eq!(before("2026-02-23 17:00", 1), at("2026-02-13 17:00"));
    assert_eq!(before("2026-01-12 09:00", 1), at("2026-01-10 09:00"));
    assert_eq!(before("2026-03-04 12:10", 2), at("2026-03-02 11:30"));
    assert_eq!(before("2026-03-04 07:00", 1), at("2026-03-02 17:00"));
    assert_eq!(before("2026-03-08 10:00", 0), at("2026-03-06 17:00"));
    // An end at 24:00 of Monday: the working day before it is over when Friday closes.
    assert_eq!(before("2026-03-10 00:00", 1), at("2026-03-06 17:00"));
    assert_eq!(
        mau_01().working_days_before(at("2026-03-09 17:00"), 1),
        at("2026-03-07 11:30")
    );
}

#[test]
fn a_pause_gives_back_what_was_left_and_a_reset_begins_anew() {
    let calendar = national();
    let within = limit("5 working days");
    let due = calendar.ends(at("2026-03-02 09:00"), within);
    assert_eq!(due, at("2026-03-09 17:00"));
    let left = calendar.remaining(at("2026-03-04 10:00"), due, within.unit);
    assert_eq!(left, Remaining::WorkingDays(3));
    // The citizen answers a week later.
    let back = at("2026-03-11 14:00");
    assert_eq!(calendar.resumes(back, left), at("2026-03-16 17:00"));
    assert_eq!(calendar.ends(back, within), at("2026-03-18 17:00"));
}

#[test]
fn a_pause_over_tet_gives_back_working_hours_and_not_days_off() {
    let calendar = national();
    let due = calendar.ends(at("2026-02-12 15:00"), limit("8 working hours"));
    assert_eq!(due, at("2026-02-13 15:00"));
    let left = calendar.remaining(at("2026-02-13 11:00"), due, Unit::WorkingHour);
    assert_eq!(left, Remaining::WorkingTime(SignedDuration::from_mins(150)));
    assert_eq!(
        calendar.resumes(at("2026-02-18 10:00"), left),
        at("2026-02-23 10:00")
    );
}

#[test]
fn a_limit_stopped_on_its_last_day_goes_on_for_the_rest_of_a_working_day() {
    let calendar = national();
    let left = calendar.remaining(
        at("2026-03-09 10:00"),
        at("2026-03-09 17:00"),
        Unit::WorkingDay,
    );
    assert_eq!(left, Remaining::WorkingDays(0));
    assert_eq!(
        calendar.resumes(at("2026-03-12 08:00"), left),
        at("2026-03-12 17:00")
    );
    assert_eq!(
        calendar.resumes(at("2026-03-12 18:00"), left),
        at("2026-03-13 17:00")
    );
    assert_eq!(
        calendar.resumes(at("2026-03-14 08:00"), left),
        at("2026-03-16 17:00")
    );
}

#[test]
fn what_was_late_when_it_was_stopped_stays_late() {
    let calendar = national();
    for unit in [
        Unit::WorkingDay,
        Unit::WorkingHour,
        Unit::CalendarDay,
        Unit::ElapsedHour,
    ] {
        let due = at("2026-03-09 17:00");
        let left = calendar.remaining(at("2026-03-10 09:00"), due, unit);
        assert_eq!(left, Remaining::Passed(due));
        assert_eq!(calendar.resumes(at("2026-03-20 09:00"), left), due);
    }
}

#[test]
fn working_time_is_counted_over_days_off() {
    let calendar = national();
    let hours = |from, until| calendar.working_time(at(from), at(until)).as_hours();
    assert_eq!(hours("2026-02-13 16:00", "2026-02-23 08:30"), 2);
    assert_eq!(hours("2026-01-09 00:00", "2026-01-12 00:00"), 16);
    assert_eq!(hours("2026-03-02 11:00", "2026-03-02 14:00"), 1);
    assert_eq!(hours("2026-03-02 14:00", "2026-03-02 11:00"), 0);
    // 261 weekdays; off: 1 and 2/1, five of Tết, 27/4, 30/4, 1/5, 31/8, 1 and 2/9; two swapped.
    assert_eq!(
        hours("2026-01-01 00:00", "2027-01-01 00:00"),
        (261 - 13 + 2) * 8
    );
}

#[test]
fn nothing_overflows_at_the_ends_of_time() {
    let calendar = national();
    for unit in [
        Unit::WorkingDay,
        Unit::WorkingHour,
        Unit::CalendarDay,
        Unit::ElapsedHour,
    ] {
        for from in [Timestamp::MIN, at("9999-12-30 10:00"), Timestamp::MAX] {
            for amount in [0, 1, 10_000] {
                let due = calendar.ends(from, Limit { amount, unit });
                let left = calendar.remaining(from, due, unit);
                let _ = calendar.resumes(Timestamp::MAX, left);
                let _ = calendar.working_days_before(due, amount);
                let _ = calendar.starts(from, cutoff());
            }
        }
        let far = Limit {
            amount: u32::MAX,
            unit,
        };
        if unit != Unit::ElapsedHour {
            assert_eq!(calendar.ends(at("9990-03-02 09:00"), far), Timestamp::MAX);
        }
    }
    let _ = calendar.working_time(Timestamp::MIN, Timestamp::MAX);
    let _ = calendar.remaining(Timestamp::MIN, Timestamp::MAX, Unit::WorkingDay);
}

#[test]
fn the_innermost_territory_with_a_calendar_of_its_own_gives_it() {
    let calendars = calendars();
    let territory = |code: &str| -> TerritoryCode { code.parse().unwrap() };
    let (first, second, province) = (territory("H99_01"), territory("H99_02"), territory("H99"));
    assert_eq!(calendars.of([&first, &province]).territory(), Some(&first));
    assert_eq!(calendars.of([&second, &province]).territory(), None);
    assert_eq!(calendars.current().count(), 2);
    for calendar in calendars.current() {
        assert_eq!(calendars.version(&calendar.digest), Some(calendar));
    }
}

#[test]
fn changes_of_a_commune_lie_over_those_of_its_province() {
    let province = "territory = \"H99\"\ntitle = { vi = \"t\", en = \"t\" }\nremove = [\"2026-01-02\", \"2026-01-10\"]\n\
        [hours]\nsource = \"s\"\nconfirmed = true\n[hours.on]\nfriday = [\"07:00-11:00\"]";
    let commune = "territory = \"H99_01\"\nover = \"H99\"\ntitle = { vi = \"t\", en = \"t\" }\n\
        [hours]\nsource = \"s\"\nconfirmed = true\n[hours.on]\nsaturday = [\"08:00-11:00\"]\ntuesday = []";
    let files = [("c", commune), ("p", province), ("n", NATIONAL)];
    let files = files.map(|(file, toml)| (file.to_owned(), toml.to_owned()));
    let calendars = Calendars::new(files.to_vec()).unwrap();
    let commune = calendars.of([&"H99_01".parse().unwrap()]);
    // No swap there: Friday 2/1 is worked, and Saturday 10/1 only in the morning.
    check(
        commune,
        "2026-01-01 09:00",
        "1 working day",
        "2026-01-02 11:00",
    );
    check(
        commune,
        "2026-01-09 09:00",
        "1 working day",
        "2026-01-10 11:00",
    );
    check(
        commune,
        "2026-01-12 09:00",
        "1 working day",
        "2026-01-14 17:00",
    );
    assert_eq!(
        calendars.of([&"H99".parse().unwrap()]).years(),
        national().years()
    );
}

#[test]
fn a_calendar_reads_its_own_text_back_to_itself() {
    for calendar in [national(), mau_01()] {
        let again = Calendar::parse("stored", &calendar.text).unwrap();
        assert_eq!(again, calendar);
        assert_eq!(again.digest, calendar.digest);
    }
    assert_ne!(national().digest, mau_01().digest);
}

#[test]
fn comments_and_order_do_not_change_a_calendar_and_a_day_does() {
    let reordered = format!(
        "# later\n{}",
        NATIONAL.replace(
            "\"2026-02-16\", \"2026-02-17\"",
            "\"2026-02-17\", \"2026-02-16\""
        )
    );
    assert_eq!(
        Calendar::parse("n", &reordered).unwrap().digest,
        national().digest
    );
    let longer = NATIONAL.replace("\"2026-09-01\", ", "\"2026-09-01\", \"2026-09-03\", ");
    assert_ne!(
        Calendar::parse("n", &longer).unwrap().digest,
        national().digest
    );
}

#[test]
fn the_shipped_days_say_where_they_are_known_from() {
    let calendar = national();
    assert!(calendar.holidays().all(|(_, day)| day.source.len() > 10));
    let swaps: Vec<_> = calendar
        .compensating()
        .map(|(date, day)| (date.to_string(), day.instead_of.map(|off| off.to_string())))
        .collect();
    let swap = |worked: &str, off: &str| (worked.to_owned(), Some(off.to_owned()));
    assert_eq!(
        swaps,
        [
            swap("2026-01-10", "2026-01-02"),
            swap("2026-08-22", "2026-08-31")
        ]
    );
    let tet = calendar
        .holidays()
        .find(|(date, _)| date.to_string() == "2027-02-06");
    assert!(!tet.unwrap().1.confirmed);
}

#[test]
fn a_cut_off_reads_as_it_is_written() {
    for text in ["15:00", "00:00", "23:59"] {
        assert_eq!(text.parse::<Cutoff>().unwrap().to_string(), text);
    }
    for text in [
        "", "15", "3 pm", "24:00", "15:60", "15:0", "+5:00", "15:00:00",
    ] {
        assert!(text.parse::<Cutoff>().is_err(), "{text}");
    }
}
