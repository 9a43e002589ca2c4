//! The laws of the clock, each a property over calendars, instants and limits.

use super::{cutoff, mau_01, national};
use dossier::{
    calendar::{Calendar, Remaining},
    limit::{Limit, Unit},
    procedure::civil_date,
};
use jiff::{SignedDuration, Timestamp, tz::offset};
use proptest::prelude::*;
use std::sync::OnceLock;

/// One shift over midnight, one without a break, one closed on Mondays: as odd as may be.
const ODD: &str = r#"
title = { vi = "Lạ", en = "Odd" }
covers = { from = 2026, to = 2028 }
[hours]
source = "made up"
confirmed = true
[hours.on]
tuesday = ["00:00-06:00", "22:00-24:00"]
wednesday = ["00:00-24:00"]
thursday = ["07:30-11:30", "11:30-17:00"]
sunday = ["09:00-09:01"]
[[holiday]]
dates = ["2026-02-18", "2027-12-30", "2028-02-29"]
title = { vi = "h", en = "h" }
source = "made up"
confirmed = true
[[compensating]]
date = "2028-02-28"
instead_of = "2028-02-29"
title = { vi = "c", en = "c" }
source = "made up"
confirmed = true
"#;

fn calendars() -> impl Strategy<Value = &'static Calendar> {
    static ALL: OnceLock<[Calendar; 3]> = OnceLock::new();
    let all = ALL.get_or_init(|| [national(), mau_01(), Calendar::parse("odd", ODD).unwrap()]);
    (0..all.len()).prop_map(move |which| &all[which])
}

/// From before the first covered year until after the last; often where something turns: around
/// midnight in Viet Nam, openings and closings, Tết, swaps, the ends of years and the leap day.
fn instants() -> impl Strategy<Value = Timestamp> {
    let days = prop_oneof![
        3 => 0i64..900,
        1 => prop::sample::select(vec![
            12i64, 14, 21, 22, 56, 58, 60, 67, 128, 245, 255, 260, 376, 411, 414, 421, 499, 772, 801, 802,
        ]),
    ];
    let seconds = prop_oneof![
        2 => 0i64..86_400,
        2 => prop::sample::select(vec![0i64, 1, 27_000, 41_400, 46_800, 48_600, 54_000, 61_200, 86_399]),
    ];
    let nanoseconds = prop_oneof![4 => Just(0i32), 1 => -1i32..=1];
    // 2025-12-20T17:00:00Z is midnight in Viet Nam.
    (days, seconds, nanoseconds).prop_map(|(days, seconds, nanoseconds)| {
        Timestamp::new(1_766_250_000 + days * 86_400 + seconds, 0).unwrap()
            + SignedDuration::from_nanos(nanoseconds.into())
    })
}

fn units() -> impl Strategy<Value = Unit> {
    prop::sample::select(vec![
        Unit::WorkingDay,
        Unit::WorkingHour,
        Unit::CalendarDay,
        Unit::ElapsedHour,
    ])
}

fn limits() -> impl Strategy<Value = Limit> {
    (prop_oneof![4 => 1u32..30, 1 => 1u32..400], units())
        .prop_map(|(amount, unit)| Limit { amount, unit })
}

const NANOSECOND: SignedDuration = SignedDuration::from_nanos(1);

/// An instant from the first to just before the last.
fn between(from: Timestamp, until: Timestamp, share: f64) -> Timestamp {
    let whole = until.duration_since(from);
    from + SignedDuration::from_secs_f64(whole.as_secs_f64() * share).min(whole - NANOSECOND)
}

/// The working days after the day of the first until the day that the second ends, one by one.
fn working_days_after(calendar: &Calendar, from: Timestamp, until: Timestamp) -> u32 {
    let (mut day, last, mut counted) = (civil_date(from), civil_date(until - NANOSECOND), 0);
    while day < last {
        day = day.tomorrow().unwrap();
        counted += u32::from(calendar.is_working_day(day));
    }
    counted
}

fn earlier_first(a: Timestamp, b: Timestamp) -> (Timestamp, Timestamp) {
    (a.min(b), a.max(b))
}

/// Whether this is within working hours or their close, reckoned by itself.
fn is_worked(calendar: &Calendar, at: Timestamp) -> bool {
    let before = at - NANOSECOND;
    [at, before].into_iter().any(|at| {
        let wall = offset(7).to_datetime(at);
        let now = wall.time().duration_since(jiff::civil::Time::midnight());
        let spans = calendar.hours_on(wall.date());
        spans
            .iter()
            .any(|span| span.opens() <= now && now < span.closes())
    })
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 192,
        failure_persistence: Some(Box::new(
            proptest::test_runner::FileFailurePersistence::WithSource("proptest-regressions"),
        )),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn who_starts_later_ends_no_earlier(calendar in calendars(), a in instants(), b in instants(), limit in limits()) {
        let (first, second) = earlier_first(a, b);
        prop_assert!(calendar.ends(first, limit) <= calendar.ends(second, limit));
        prop_assert!(calendar.starts(first, cutoff()) <= calendar.starts(second, cutoff()));
        prop_assert!(calendar.working_days_before(first, limit.amount) <= calendar.working_days_before(second, limit.amount));
    }

    #[test]
    fn more_ends_later(calendar in calendars(), from in instants(), limit in limits()) {
        let more = Limit { amount: limit.amount + 1, ..limit };
        let (less, more) = (calendar.ends(from, limit), calendar.ends(from, more));
        prop_assert!(from < less);
        // A calendar day more may end with the same working day after days off.
        prop_assert!(less < more || limit.unit == Unit::CalendarDay && less == more);
    }

    #[test]
    fn working_units_end_in_working_time(calendar in calendars(), from in instants(), limit in limits()) {
        let ends = calendar.ends(from, limit);
        match limit.unit {
            Unit::WorkingDay | Unit::WorkingHour => prop_assert!(is_worked(calendar, ends)),
            Unit::CalendarDay => {
                let last = civil_date(ends - NANOSECOND);
                prop_assert!(calendar.is_working_day(last));
                prop_assert_ne!(civil_date(ends), last);
            }
            Unit::ElapsedHour => {}
        }
    }

    #[test]
    fn working_days_count_the_working_days_after_the_first(calendar in calendars(), from in instants(), amount in 1u32..60) {
        let ends = calendar.ends(from, Limit { amount, unit: Unit::WorkingDay });
        prop_assert_eq!(working_days_after(calendar, from, ends), amount);
    }

    #[test]
    fn working_hours_add_up(calendar in calendars(), from in instants(), a in 1u32..80, b in 1u32..80) {
        let hours = |amount| Limit { amount, unit: Unit::WorkingHour };
        let one = calendar.ends(from, hours(a));
        let both = calendar.ends(from, hours(a + b));
        prop_assert_eq!(calendar.ends(one, hours(b)), both);
        prop_assert_eq!(calendar.working_time(from, both), SignedDuration::from_hours((a + b).into()));
    }

    #[test]
    fn working_time_adds_up(calendar in calendars(), mut three in prop::array::uniform3(instants())) {
        three.sort();
        let [a, b, c] = three;
        prop_assert_eq!(calendar.working_time(a, b) + calendar.working_time(b, c), calendar.working_time(a, c));
    }

    #[test]
    fn a_pause_of_no_time_changes_nothing(calendar in calendars(), from in instants(), limit in limits(), paused in instants()) {
        let due_at = calendar.ends(from, limit);
        for at in [paused, from, due_at, due_at - NANOSECOND, due_at - SignedDuration::from_hours(5)] {
            let left = calendar.remaining(at, due_at, limit.unit);
            prop_assert_eq!(calendar.resumes(at, left), due_at, "at {} with {:?}", at, left);
        }
    }

    #[test]
    fn a_pause_moves_the_end_of_hours_by_the_working_time_it_took(
        calendar in calendars(), from in instants(), amount in 1u32..80, share in 0.0..1.0f64, hours in 0i64..2_000,
    ) {
        let due_at = calendar.ends(from, Limit { amount, unit: Unit::WorkingHour });
        let paused = between(from, due_at, share);
        let resumed = paused + SignedDuration::from_hours(hours);
        let left = calendar.remaining(paused, due_at, Unit::WorkingHour);
        let later = calendar.resumes(resumed, left);
        prop_assert_eq!(calendar.working_time(due_at, later), calendar.working_time(paused, resumed));
    }

    #[test]
    fn a_pause_leaves_the_working_days_that_were_left(
        calendar in calendars(), from in instants(), amount in 1u32..30, share in 0.0..1.0f64, hours in 0i64..2_000,
    ) {
        let due_at = calendar.ends(from, Limit { amount, unit: Unit::WorkingDay });
        let paused = between(from, due_at, share);
        let resumed = paused + SignedDuration::from_hours(hours);
        let left = calendar.remaining(paused, due_at, Unit::WorkingDay);
        let later = calendar.resumes(resumed, left);
        let days = working_days_after(calendar, paused, due_at);
        prop_assert_eq!(left, Remaining::WorkingDays(days));
        prop_assert!(is_worked(calendar, later) && resumed <= later);
        let over = civil_date(calendar.starts(resumed, None)) > civil_date(resumed);
        match working_days_after(calendar, resumed, later) {
            1 if days == 0 => prop_assert!(over),
            counted => prop_assert_eq!(counted, days),
        }
    }

    #[test]
    fn a_reset_never_ends_before_a_pause(calendar in calendars(), from in instants(), limit in limits(), wait in 0i64..2_000) {
        let paused = from + SignedDuration::from_hours(1);
        let resumed = paused + SignedDuration::from_hours(wait);
        let due_at = calendar.ends(from, limit);
        let pause = calendar.resumes(resumed, calendar.remaining(paused, due_at, limit.unit));
        let reset = calendar.ends(resumed, limit);
        prop_assert!(due_at <= pause);
        // A calendar day's end may have been moved past days off, and those were then left of it.
        prop_assert!(pause <= reset || limit.unit == Unit::CalendarDay);
    }

    #[test]
    fn a_clock_starts_in_working_hours_and_never_before(calendar in calendars(), at in instants()) {
        for cutoff in [None, cutoff()] {
            let starts = calendar.starts(at, cutoff);
            prop_assert!(at <= starts);
            prop_assert!(is_worked(calendar, starts + NANOSECOND));
            prop_assert_eq!(calendar.starts(starts, None), starts);
        }
        prop_assert_eq!(calendar.working_time(at, calendar.starts(at, None)), SignedDuration::ZERO);
        let today = calendar.starts(at, None);
        if let Some(cutoff) = cutoff() && civil_date(today) == civil_date(at) {
            let late = offset(7).to_datetime(at).time() > cutoff;
            prop_assert_eq!(calendar.starts(at, Some(cutoff)) == today, !late);
        }
    }

    #[test]
    fn a_warning_is_in_working_time_before_the_end(calendar in calendars(), from in instants(), limit in limits(), days in 1u32..10) {
        let due_at = calendar.ends(from, limit);
        let warned = calendar.working_days_before(due_at, days);
        prop_assert!(warned < due_at);
        prop_assert!(is_worked(calendar, warned) || is_worked(calendar, warned + NANOSECOND));
    }

    #[test]
    fn what_has_passed_stays_passed(calendar in calendars(), from in instants(), limit in limits(), late in 0i64..500, later in 0i64..500) {
        let due_at = calendar.ends(from, limit);
        let paused = due_at + SignedDuration::from_hours(late);
        let left = calendar.remaining(paused, due_at, limit.unit);
        prop_assert_eq!(left, Remaining::Passed(due_at));
        prop_assert_eq!(calendar.resumes(paused + SignedDuration::from_hours(later), left), due_at);
    }
}
