//! What the broker endures, as tables: pressure, neighbours, a long time.

use super::{Table, bytes, number, share, time};
use crate::bench::{
    Found,
    control::Temper,
    neighbours::Neighbour,
    pressure::{Pressure, Stretch},
    soak::Soak,
};

pub(super) fn tables(found: &Found) -> Vec<Table> {
    let mut tables = Vec::new();
    if let Some(found) = &found.pressure {
        tables.push(pressure(found));
        tables.push(promises(found));
    }
    if !found.neighbours.is_empty() {
        tables.push(neighbours(&found.neighbours));
    }
    tables.extend(found.soak.as_ref().map(soak));
    tables
}

fn pressure(found: &Pressure) -> Table {
    let mut table = Table::new(
        "Under pressure: submits at times fixed beforehand",
        &[
            "of the capacity",
            "sent/s",
            "taken/s",
            "taken p50",
            "taken p99",
            "refused/s",
            "refused p99",
            "hand-off p50",
            "hand-off p99",
            "ended/s",
            "memory peak",
        ],
    );
    for (name, one) in [("normal", &found.normal), ("pressure", &found.pressure)] {
        let answers = &one.answers;
        let seconds = answers.seconds.max(1e-9);
        table.row([
            format!("{name}, {}", share(one.rate, found.capacity)),
            number(answers.sent as f64 / seconds),
            number(answers.taken as f64 / seconds),
            time(answers.taken_us.p50),
            time(answers.taken_us.p99),
            number(answers.refused as f64 / seconds),
            time(answers.refused_us.p99),
            time(one.handoff_us.p50),
            time(one.handoff_us.p99),
            number(one.ended_per_second),
            bytes(one.memory_peak as f64),
        ]);
    }
    table
}

/// One figure of a stretch.
type Figure = fn(&Stretch) -> u64;

/// What was promised, and what came of it.
fn promises(found: &Pressure) -> Table {
    let mut table = Table::new(
        "What was promised under pressure",
        &["promise", "at most", "found", "kept"],
    );
    let (normal, pressed) = (&found.normal, &found.pressure);
    let times = |of: Figure| of(pressed) as f64 / (of(normal) as f64).max(1.0);
    let mut row = |what: &str, at_most: String, is: String, kept: bool| {
        let kept = if kept { "yes" } else { "NO" };
        table.row([what.to_owned(), at_most, is, kept.to_owned()]);
    };
    let ratios: [(&str, Figure); 4] = [
        ("a submit that is taken, p50", |one| {
            one.answers.taken_us.p50
        }),
        ("a submit that is taken, p99", |one| {
            one.answers.taken_us.p99
        }),
        ("a hand-off, p50", |one| one.handoff_us.p50),
        ("a hand-off, p99", |one| one.handoff_us.p99),
    ];
    for (what, of) in ratios {
        let times = times(of);
        row(
            what,
            "10 times normal".into(),
            format!("{times:.1}"),
            times <= 10.0,
        );
    }
    let without = pressed.answers.refused_without_time;
    row(
        "refused without a time to try again",
        "0".into(),
        without.to_string(),
        without == 0,
    );
    let others: u64 = pressed.answers.others.values().sum::<u64>() + pressed.reports_refused;
    row("other errors", "0".into(), others.to_string(), others == 0);
    let limit = found.memory_idle + found.memory_allowed;
    let peak = pressed.memory_peak;
    row(
        "memory",
        bytes(limit as f64),
        bytes(peak as f64),
        peak <= limit,
    );
    let back = found.back_seconds;
    let said = back.map_or_else(|| "not seen".into(), |seconds| format!("{seconds:.1} s"));
    row(
        "as before again",
        "5 s".into(),
        said,
        back.is_some_and(|back| back <= 5.0),
    );
    table
}

fn neighbours(found: &[Neighbour]) -> Table {
    let mut table = Table::new(
        "Beside a difficult department: what is left to the others",
        &[
            "the neighbour",
            "alone/s",
            "beside it/s",
            "share",
            "broker CPU alone",
            "beside it",
            "the neighbour's CPU",
            "its calls/s",
            "it acknowledges/s",
        ],
    );
    for one in found {
        let name = match one.temper {
            Temper::Ordinary => "ordinary",
            Temper::Slow => "a second for each",
            Temper::Silent => "never acknowledges",
            Temper::Restless => "reconnects ten times a second",
        };
        let processors = |value: f64| format!("{value:.2}");
        table.row([
            name.to_owned(),
            number(one.alone_per_second),
            number(one.beside_per_second),
            share(one.beside_per_second, one.alone_per_second),
            processors(one.alone_broker),
            processors(one.beside_broker),
            processors(one.neighbour),
            number(one.calls_per_second),
            number(one.acknowledged_per_second),
        ]);
    }
    table
}

fn soak(found: &Soak) -> Table {
    let mut table = Table::new(
        "A long time at a moderate load",
        &[
            "what",
            "after the warm-up",
            "at the end",
            "peak",
            "an hour",
            "",
        ],
    );
    for one in &found.watched {
        let value = |value: f64| {
            if one.is_bytes && value < 0.0 {
                format!("-{}", bytes(-value))
            } else if one.is_bytes {
                bytes(value)
            } else {
                format!("{value:.0}")
            }
        };
        let grew = if one.grew { "GREW" } else { "did not grow" };
        table.row([
            one.what.clone(),
            value(one.before),
            value(one.after),
            value(one.peak),
            value(one.per_hour),
            grew.to_owned(),
        ]);
    }
    table.row([
        format!("{:.0} minutes, {} dossiers", found.minutes, found.dossiers),
        String::new(),
        String::new(),
        String::new(),
        format!("{} a second", number(found.rate)),
        format!("{} not taken", found.not_taken),
    ]);
    table
}
