//! The clock: where a limit starts, ends, stands still and goes on, by a calendar. Every function is
//! total; what lies beyond the last instant that can be told is that instant.

use super::{Calendar, Span, week};
use crate::limit::{Limit, Unit};
use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, Time},
    tz::{Offset, offset},
};
use std::iter::successors;

/// Asia/Ho_Chi_Minh keeps UTC+7 all year.
const VIET_NAM: Offset = offset(7);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What is left of a limit when its clock is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Remaining {
    /// Working days after the day on which it stopped; with none, the rest of a working day.
    WorkingDays(u32),
    /// Time within working hours.
    WorkingTime(SignedDuration),
    /// Civil days after the day on which it stopped; with none, the rest of a day.
    CalendarDays(u32),
    /// Elapsed time.
    ElapsedTime(SignedDuration),
    /// Nothing: it had ended when the clock was stopped, then.
    Passed(Timestamp),
}

/// The civil date and the time since its midnight.
fn civil(at: Timestamp) -> (Date, SignedDuration) {
    let at = VIET_NAM.to_datetime(at);
    (at.date(), at.time().duration_since(Time::midnight()))
}

/// The last civil date of what ends at this instant: midnight still belongs to the day before.
fn last_date(due_at: Timestamp) -> Date {
    civil(shifted(due_at, SignedDuration::from_nanos(-1))).0
}

/// The instant on this date, so long after its midnight.
fn instant(date: Date, since_midnight: SignedDuration) -> Timestamp {
    match VIET_NAM.to_timestamp(date.at(0, 0, 0, 0)) {
        Ok(midnight) => shifted(midnight, since_midnight),
        Err(_) if date.year() < 0 => Timestamp::MIN,
        Err(_) => Timestamp::MAX,
    }
}

fn shifted(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

fn hours(amount: u32) -> SignedDuration {
    SignedDuration::from_hours(amount.into())
}

fn close(spans: &[Span]) -> SignedDuration {
    spans.last().map_or(DAY, |span| span.closes())
}

/// How much of these hours lies between two times of day.
fn worked(spans: &[Span], from: SignedDuration, until: SignedDuration) -> SignedDuration {
    spans.iter().fold(SignedDuration::ZERO, |sum, span| {
        let within = span.closes().min(until) - span.opens().max(from);
        sum + within.max(SignedDuration::ZERO)
    })
}

impl Calendar {
    /// When a limit ends whose clock starts at `from`.
    ///
    /// - Working hours run within working hours alone, from `from` on (Bộ luật Dân sự 2015 Art
    ///   147(1)).
    /// - Working days: the day of `from` is not counted (Art 147(2)), days off are not either, and
    ///   it ends when working hours close on the last day, since nobody can act on it later.
    /// - Calendar days: the day of `from` is not counted, and it ends at 24:00 of the last day (Art
    ///   148(1), (6)); if that is a day off, at 24:00 of the next working day (Art 148(5)).
    /// - Elapsed hours simply elapse.
    ///
    /// A clock that is reset (NĐ 61/2018/NĐ-CP Art 19(4)) ends where one ends that starts then.
    pub fn ends(&self, from: Timestamp, limit: Limit) -> Timestamp {
        match limit.unit {
            Unit::WorkingHour => self.after_working_time(from, hours(limit.amount)),
            Unit::WorkingDay => self.after_working_days(from, limit.amount),
            Unit::CalendarDay => self.after_calendar_days(from, limit.amount),
            Unit::ElapsedHour => shifted(from, hours(limit.amount)),
        }
    }

    /// The working moment at which a clock starts for what arrives now: `at` itself within working
    /// hours, else their next opening. What arrives on a working day after the cut-off (exactly the
    /// cut-off is not after it) starts when the next working day opens (NĐ 61/2018/NĐ-CP Art 18).
    pub fn starts(&self, at: Timestamp, cutoff: Option<Time>) -> Timestamp {
        let (today, now) = civil(at);
        let midnight = Time::midnight();
        let late = cutoff.is_some_and(|cutoff| now > cutoff.duration_since(midnight));
        let left_today = self.hours_on(today).iter().find(|span| now < span.closes());
        match left_today {
            Some(span) if !late => instant(today, now.max(span.opens())),
            _ => self
                .open_days_after(today)
                .find_map(|(date, spans)| Some(instant(date, spans.first()?.opens())))
                .unwrap_or(Timestamp::MAX),
        }
    }

    /// What is left of a limit in this unit when its clock is stopped at `at`: whole days if it is
    /// counted in days, not counting the day on which it stops, and time if in hours. `due_at` is
    /// what [`Calendar::ends`] or [`Calendar::resumes`] gave; days off that it was moved past (Art
    /// 148(5)) are left of a limit in calendar days like any others.
    pub fn remaining(&self, at: Timestamp, due_at: Timestamp, unit: Unit) -> Remaining {
        if due_at <= at {
            return Remaining::Passed(due_at);
        }
        let (today, last) = (civil(at).0, last_date(due_at));
        let count = |days: i64| u32::try_from(days).unwrap_or(0);
        match unit {
            Unit::WorkingHour => Remaining::WorkingTime(self.working_time(at, due_at)),
            Unit::WorkingDay => {
                let sum = match (today.tomorrow(), last.tomorrow()) {
                    (Ok(first), Ok(end)) => {
                        self.sum(first, end, |spans| i64::from(!spans.is_empty()))
                    }
                    _ => 0,
                };
                Remaining::WorkingDays(count(sum))
            }
            Unit::CalendarDay => Remaining::CalendarDays(count(days_between(today, last))),
            Unit::ElapsedHour => Remaining::ElapsedTime(due_at.duration_since(at)),
        }
    }

    /// When a limit ends whose clock goes on at `at` with this left. Resuming at the instant of the
    /// pause changes nothing. With no whole day left it ends with the working day on which it goes
    /// on, or with the next one if that is over or off. What had passed when it was stopped stays
    /// passed: its old end is given back, and no pause makes up for lateness.
    pub fn resumes(&self, at: Timestamp, remaining: Remaining) -> Timestamp {
        match remaining {
            Remaining::WorkingTime(left) => self.after_working_time(at, left),
            Remaining::WorkingDays(left) => self.after_working_days(at, left),
            Remaining::CalendarDays(left) => self.after_calendar_days(at, left),
            Remaining::ElapsedTime(left) => shifted(at, left),
            Remaining::Passed(due_at) => due_at,
        }
    }

    /// How much working time lies between two instants; none if the second is not later.
    pub fn working_time(&self, from: Timestamp, until: Timestamp) -> SignedDuration {
        if until <= from {
            return SignedDuration::ZERO;
        }
        let ((first, begins), (last, stops)) = (civil(from), civil(until));
        if first == last {
            return worked(self.hours_on(first), begins, stops);
        }
        let between = first.tomorrow().map_or(0, |second| {
            self.sum(second, last, |spans| {
                spans.iter().map(|span| span.minutes()).sum()
            })
        });
        worked(self.hours_on(first), begins, DAY)
            + SignedDuration::from_mins(between)
            + worked(self.hours_on(last), SignedDuration::ZERO, stops)
    }

    /// The same time of day so many working days before the last working time up to `at`, or the
    /// nearest working time before that: when to warn of what ends at `at` (one working day before,
    /// NĐ 61/2018/NĐ-CP Art 19(9)).
    pub fn working_days_before(&self, at: Timestamp, days: u32) -> Timestamp {
        let (today, now) = civil(at);
        self.last_open(today, now)
            .and_then(|(last, time)| {
                let days = usize::try_from(days).unwrap_or(usize::MAX);
                let date = back(last)
                    .filter(|date| self.is_working_day(*date))
                    .nth(days)?;
                self.last_open(date, time)
            })
            .map_or(Timestamp::MIN, |(date, time)| instant(date, time))
    }

    /// The last working time, closing times included, up to this time of this date.
    fn last_open(&self, date: Date, time: SignedDuration) -> Option<(Date, SignedDuration)> {
        back(date).find_map(|day| {
            let limit = if day == date { time } else { DAY };
            let mut spans = self.hours_on(day).iter().rev();
            let span = spans.find(|span| span.opens() <= limit)?;
            Some((day, span.closes().min(limit)))
        })
    }

    fn after_working_time(&self, from: Timestamp, length: SignedDuration) -> Timestamp {
        if !length.is_positive() {
            return from;
        }
        let (today, now) = civil(from);
        let mut left = length;
        for (date, spans) in self.open_days(today) {
            for span in spans {
                let begins = match date == today {
                    true => span.opens().max(now),
                    false => span.opens(),
                };
                let open = span.closes() - begins;
                if open.is_positive() && left <= open {
                    return instant(date, begins + left);
                }
                left -= open.max(SignedDuration::ZERO);
            }
        }
        Timestamp::MAX
    }

    fn after_working_days(&self, from: Timestamp, days: u32) -> Timestamp {
        let (today, _) = civil(from);
        let last = match usize::try_from(days).unwrap_or(usize::MAX).checked_sub(1) {
            Some(skipped) => self.open_days_after(today).nth(skipped),
            None => self
                .open_days(today)
                .find(|(date, spans)| from <= instant(*date, close(spans))),
        };
        last.map_or(Timestamp::MAX, |(date, spans)| instant(date, close(spans)))
    }

    fn after_calendar_days(&self, from: Timestamp, days: u32) -> Timestamp {
        let (today, _) = civil(from);
        today
            .checked_add(SignedDuration::from_hours(24 * i64::from(days)))
            .ok()
            .and_then(|last| self.open_days(last).next())
            .map_or(Timestamp::MAX, |(date, _)| instant(date, DAY))
    }

    /// The working days from this date on.
    fn open_days(&self, date: Date) -> impl Iterator<Item = (Date, &[Span])> {
        successors(Some(date), |date| date.tomorrow().ok())
            .map(|date| (date, self.hours_on(date)))
            .filter(|(_, spans)| !spans.is_empty())
    }

    fn open_days_after(&self, date: Date) -> impl Iterator<Item = (Date, &[Span])> {
        date.tomorrow()
            .into_iter()
            .flat_map(|next| self.open_days(next))
    }

    /// The sum of something over the days from `first` up to `end`, without it: by whole weeks, so
    /// that it takes no longer for a century, and then what is special in them.
    fn sum(&self, first: Date, end: Date, of: impl Fn(&[Span]) -> i64) -> i64 {
        let days = days_between(first, end);
        if days <= 0 {
            return 0;
        }
        let weekly: i64 = self.weekly.iter().map(|spans| of(spans)).sum();
        let rest = successors(Some(first), |date| date.tomorrow().ok())
            .take(usize::try_from(days % 7).unwrap_or(0))
            .map(|date| of(&self.weekly[week::index(date)]));
        let special = self
            .special
            .range(first..end)
            .map(|(date, spans)| of(spans) - of(&self.weekly[week::index(*date)]));
        days / 7 * weekly + rest.sum::<i64>() + special.sum::<i64>()
    }
}

/// From one date to another, in days.
fn days_between(from: Date, to: Date) -> i64 {
    to.duration_since(from).as_hours() / 24
}

/// This date and those before it.
fn back(date: Date) -> impl Iterator<Item = Date> {
    successors(Some(date), |date| date.yesterday().ok())
}
