//! What was found, as tables for a screen and as a report with plots that lies beside the code.

mod endurance;
mod plot;
mod table;

use super::{Found, handoffs::Row, limit::Limit, proc::MAIN};
use anyhow::Context as _;
use std::{fmt::Write as _, fs, path::Path};
pub(crate) use table::Table;

/// The goals of hand-offs and whole birth dossiers, a second.
const GOAL_HANDOFFS: f64 = 30_000.0;
const GOAL_JOURNEYS: f64 = 5_000.0;

/// Every table, with what each says beside the limits of the machine.
pub(crate) fn tables(found: &Found) -> Vec<Table> {
    let mut tables = Vec::new();
    let limit = found.limit.as_ref();
    tables.extend(limit.map(limits).into_iter().flatten());
    if let Some(handoffs) = &found.handoffs {
        let goal = |row: &Row| share(row.per_second, GOAL_HANDOFFS);
        let title = "Durable hand-offs, departments acknowledge from memory";
        tables.push(rows(title, &handoffs.memory, limit, "of the goal", goal));
        if !handoffs.durable.is_empty() {
            let title = "Durable hand-offs, departments with inbox and outbox";
            tables.push(rows(title, &handoffs.durable, limit, "of the goal", goal));
        }
        if !handoffs.memory.is_empty() {
            tables.push(processor(&handoffs.memory));
        }
        tables.extend(latencies(&handoffs.latency));
    }
    if !found.journeys.is_empty() {
        let title = "Whole birth dossiers (4 steps, 3 in parallel)";
        tables.push(rows(title, &found.journeys, limit, "of the goal", |row| {
            share(row.dossiers_per_second, GOAL_JOURNEYS)
        }));
    }
    tables.extend(documents(found));
    tables.extend(scale(found));
    tables.extend(search(found));
    tables.extend(fanout(found));
    tables.extend(endurance::tables(found));
    tables
}

fn search(found: &Found) -> Option<Table> {
    found.search.first()?;
    let mut table = Table::new(
        "Operators' searches in a million dossiers, the first page of 50; the goal is 50 ms",
        &["what", "found", "p50", "p99", "longest"],
    );
    for one in &found.search {
        table.row([
            one.what.to_owned(),
            one.found.to_string(),
            time(one.us.p50),
            time(one.us.p99),
            time(one.us.max),
        ]);
    }
    Some(table)
}

fn limits(limit: &Limit) -> Vec<Table> {
    let mut syncs = Table::new(
        "What the disk can do: appends, each synced",
        &["append", "syncs/s", "p50", "p99"],
    );
    for one in &limit.syncs {
        syncs.row([
            bytes(one.append_bytes as f64),
            number(one.per_second),
            time(one.p50_us),
            time(one.p99_us),
        ]);
    }
    let mut pass = Table::new(
        "What the lines can do: passed on over mutual TLS, nothing recorded",
        &["in flight", "items/s", "p50", "p99", "broker CPU/item"],
    );
    for one in &limit.pass {
        pass.row([
            one.in_flight.to_string(),
            number(one.per_second),
            time(one.latency_us.p50),
            time(one.latency_us.p99),
            micros(one.cpu_us.get("broker").copied().unwrap_or_default()),
        ]);
    }
    let mut alone = Table::new(
        "Without lines, in one process",
        &[
            "what",
            "hand-offs/s",
            "commits/s",
            "CPU/hand-off",
            "written/hand-off",
        ],
    );
    for one in &limit.ledger {
        alone.row([
            format!("ledger over the store `{}`", one.store),
            number(one.handoffs_per_second),
            String::new(),
            micros(one.cpu_us),
            String::new(),
        ]);
    }
    for one in &limit.store {
        alone.row([
            format!("store alone, {} changes a commit", one.changes_per_commit),
            number(one.handoffs_per_second),
            number(one.commits_per_second),
            micros(one.cpu_us),
            bytes(one.written_bytes),
        ]);
    }
    vec![syncs, pass, alone]
}

fn rows(
    title: &'static str,
    found: &[Row],
    limit: Option<&Limit>,
    last: &'static str,
    ratio: impl Fn(&Row) -> String,
) -> Table {
    let mut table = Table::new(
        title,
        &[
            "in flight",
            "hand-offs/s",
            "dossiers/s",
            "p50",
            "p99",
            "syncs/s",
            "commands/sync",
            "of the lines",
            "of the store",
            last,
        ],
    );
    for row in found {
        let of =
            |rate: Option<f64>, found| rate.map_or_else(String::new, |rate| share(found, rate));
        table.row([
            row.in_flight.to_string(),
            number(row.per_second),
            number(row.dossiers_per_second),
            some_time(row.latency_us.count, row.latency_us.p50),
            some_time(row.latency_us.count, row.latency_us.p99),
            number(row.syncs_per_second),
            number(row.commands_per_sync),
            of(limit.and_then(Limit::lines), row.per_second),
            of(limit.and_then(Limit::store), row.per_second),
            ratio(row),
        ]);
    }
    table
}

/// Where the processors' time goes.
fn processor(found: &[Row]) -> Table {
    let mut table = Table::new(
        "Processor time for each hand-off, microseconds",
        &[
            "in flight",
            "broker",
            "its ledger",
            "its lines",
            "departments",
            "load",
            "switches",
            "peak memory",
        ],
    );
    for row in found {
        let of = |name: &str| row.cpu_us.get(name).copied().unwrap_or_default();
        let thread = |name: &str| row.broker_thread_us.get(name).copied().unwrap_or_default();
        let departments: f64 = row
            .cpu_us
            .iter()
            .filter(|(name, _)| !["broker", "load"].contains(&name.as_str()))
            .map(|(_, us)| us)
            .sum();
        table.row([
            row.in_flight.to_string(),
            number(of("broker")),
            number(thread("ledger")),
            number(thread(MAIN)),
            number(departments),
            number(of("load")),
            number(row.broker_switches),
            bytes(row.memory_peak.get("broker").copied().unwrap_or_default() as f64),
        ]);
    }
    table
}

fn latencies(found: &[super::latency::Row]) -> Option<Table> {
    let mut table = Table::new(
        "Latency at a fixed rate, from the time at which a report was meant to be sent",
        &[
            "rate", "meant/s", "came/s", "reached", "p50", "p90", "p99", "p99.9", "max", "starved",
        ],
    );
    for row in found {
        let us = &row.latency_us;
        table.row([
            format!("{:.0} %", row.share * 100.0),
            number(row.rate),
            number(row.per_second),
            if row.reached { "yes" } else { "NO" }.to_owned(),
            time(us.p50),
            time(us.p90),
            time(us.p99),
            time(us.p999),
            time(us.max),
            row.starved.to_string(),
        ]);
    }
    (!found.is_empty()).then_some(table)
}

fn documents(found: &Found) -> Option<Table> {
    let mut table = Table::new(
        "Documents, from the desk into the department's store",
        &[
            "what",
            "documents",
            "bytes",
            "MB/s",
            "into the broker MB/s",
            "broker peak",
            "department peak",
        ],
    );
    for one in &found.documents {
        let peak = |name: &str| {
            let peak = one.memory_peak.get(name).copied().unwrap_or_default();
            bytes(peak as f64)
        };
        table.row([
            one.what.to_owned(),
            one.documents.to_string(),
            bytes(one.bytes as f64),
            number(one.mb_per_second),
            one.upload_mb_per_second.map(number).unwrap_or_default(),
            peak("broker"),
            peak("department"),
        ]);
    }
    (!found.documents.is_empty()).then_some(table)
}

fn scale(found: &Found) -> Option<Table> {
    let empty = found.scale.first().map(|one| one.rate.per_second);
    let mut table = Table::new(
        "A store that has been used",
        &[
            "finished",
            "open",
            "hand-offs/s",
            "of the first",
            "store",
            "bytes/dossier",
            "memory at start",
            "back after SIGKILL",
        ],
    );
    for one in &found.scale {
        let dossiers = (one.finished + one.open).max(1) as f64;
        table.row([
            one.finished.to_string(),
            one.open.to_string(),
            number(one.rate.per_second),
            share(one.rate.per_second, empty.unwrap_or_default()),
            bytes(one.store_bytes as f64),
            bytes(one.store_bytes as f64 / dossiers),
            bytes(one.broker_start as f64),
            format!("{:.2} s", one.back_seconds),
        ]);
    }
    (!found.scale.is_empty()).then_some(table)
}

fn fanout(found: &Found) -> Option<Table> {
    let few = found.fanout.first().map(|one| one.rate.per_second);
    let mut table = Table::new(
        "Many departments, the same load",
        &[
            "departments",
            "connected in",
            "memory idle",
            "without the program",
            "each",
            "hand-offs/s",
            "of the first",
            "p99",
        ],
    );
    for one in &found.fanout {
        table.row([
            one.departments.to_string(),
            format!("{:.1} s", one.connected_seconds),
            bytes(one.broker_idle as f64),
            bytes(one.broker_idle_anonymous as f64),
            bytes(one.bytes_each),
            number(one.rate.per_second),
            share(one.rate.per_second, few.unwrap_or_default()),
            time(one.rate.latency_us.p99),
        ]);
    }
    (!found.fanout.is_empty()).then_some(table)
}

/// Writes the report, its plots and the figures as JSON.
pub(crate) fn write(folder: &Path, found: &Found, tables: &[Table]) -> anyhow::Result<()> {
    let cannot = || format!("cannot write into {}", folder.display());
    fs::create_dir_all(folder).with_context(cannot)?;
    let plots = plot::all(folder, found)?;
    let mut text = String::from(
        "# What the broker carries\n\nWritten by `lienthong bench --report`. Every number below was \
         measured in one run, on the machine described here; on another one, and beside other work, \
         read the ratios to what the machine can do.\n\n",
    );
    let _ = writeln!(text, "```json\n{:#}\n```\n", found.machine);
    if let Some(handoffs) = &found.handoffs {
        let _ = writeln!(
            text,
            "What the running broker said of itself:\n\n```json\n{:#}\n```\n",
            handoffs.settings
        );
    }
    text.push_str(HOW);
    for (title, file) in &plots {
        let _ = writeln!(text, "![{title}]({file})\n");
    }
    for table in tables {
        let _ = writeln!(text, "## {}\n\n{}", table.title, table.markdown());
    }
    fs::write(folder.join("README.md"), text).with_context(cannot)?;
    let json = serde_json::to_string_pretty(found)?;
    fs::write(folder.join("figures.json"), json).with_context(cannot)
}

/// How to repeat it, and what is measured.
const HOW: &str = "\
## How to repeat it

```sh
cargo build --profile dist --features bench -p lienthong
target/dist/lienthong bench --report deploy/bench
```

`lienthong bench handoffs limit --seconds 3` measures a part of it; `--json` prints the figures; `--folder`
names the disk that is meant.

## What is measured

Broker and departments are processes of their own, each with its certificate, over mutual TLS; every commit
of the broker is synced. The load is the desk's side of the contract in the bench's own process: a desk's
durable store is not what is measured, so it has none. Departments acknowledge from memory and report at
once, over the real contract, so that the broker is what is measured; the lines that say so measure
departments with their inbox and outbox. A dossier is a chain of steps, each giving 2 KiB that the next one
needs, done by two departments in turn. A hand-off is counted when the next department acknowledges: report in,
committed, handed over, acknowledged. The first round of a dossier, which follows a submit, is not counted,
though its work is in every number. *Of the lines* is the ratio to a broker that passes the same items on over
the same lines and records nothing; *of the store* that to the store alone, given ready batches of the same
changes. Latency at a fixed rate runs from the time at which a report was meant to be sent, so that a broker
that stands still is not spared what it held up. Birth dossiers follow the shipped procedure without its papers,
which are measured by themselves, with a department that keeps them. A used store was filled with dossiers of two
steps, and with open ones whose first step a department holds; `--finished` and `--open` say how many.

Under pressure dossiers of four steps are submitted at times fixed beforehand, over eight connections, first at half
of what a closed loop carried and then at three times as much for a minute (`--pressure-seconds`); none is sent again.
Latency runs from the time meant to the answer. Every refusal must be `RESOURCE_EXHAUSTED` with a `RetryInfo`. The
memory allowed is what the broker had before the first submit, the limits `ledger_waiting_bytes_max` and
`dossiers_cached_bytes_max`, and the pages that the store's connections cache, 8 MiB and 4 MiB for each of
`sqlite.readers`. *As before* is when a half second of the normal rate is taken whole, with a p99 of at most
twice the normal one. Beside a difficult department the others carry a closed loop, in turns of `--seconds` alone and
beside it, three each, while a thousand dossiers wait for the difficult one; all of them, and the bench, share the
processors, so the neighbour's own time is taken from the others too and shown. `lienthong bench soak --minutes 60` is
measured only when it is named: departments with inbox and outbox, a moderate rate (`--rate`), and after the first 40 %
of the time the median of the first third against that of the last.

";

/// A part of a whole.
fn share(part: f64, whole: f64) -> String {
    if whole <= 0.0 {
        return String::new();
    }
    let percent = part / whole * 100.0;
    if percent < 10.0 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

fn number(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    }
}

fn micros(value: f64) -> String {
    format!("{} µs", number(value))
}

fn time(us: u64) -> String {
    let us = us as f64;
    if us >= 1_000_000.0 {
        format!("{:.2} s", us / 1_000_000.0)
    } else if us >= 1_000.0 {
        format!("{} ms", number(us / 1_000.0))
    } else {
        format!("{us:.0} µs")
    }
}

/// A time, where any was taken.
fn some_time(count: u64, us: u64) -> String {
    if count == 0 { String::new() } else { time(us) }
}

fn bytes(value: f64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let mut value = value;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 {
        format!("{value:.0} B")
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}
