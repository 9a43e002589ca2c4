//! Searching a full store: how long an operator waits for a page of whatever is looked for, and for page one.

use super::{Options, quantiles::Quantiles};
use anyhow::Context as _;
use broker::{
    records::Stored,
    store::{
        Batch, Change, IncidentChange, IncidentKey, PersonKey, Reader, Search, SqliteConfig,
        SqliteStore, StepRow, Store as _, StoreError, Summary,
    },
};
use contract::v1::{DossierState, StepState};
use dossier::name::{Digest, DossierId, Key};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use serde::Serialize;
use std::{
    path::Path,
    time::{Duration, Instant},
};

/// Dossiers in the store.
const DOSSIERS: u64 = 1_000_000;
/// One in so many is open.
const OPEN_IN: u64 = 10;
/// One in so many that are open has an incident.
const STUCK_IN: u64 = 100;
/// Changes in one commit of the filling.
const CHANGES: u64 = 4_096;
/// How often each is asked.
const TIMES: u64 = 200;
/// Dossiers of a page.
const PAGE: usize = 50;

/// How long one question takes.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Searched {
    /// What is looked for.
    pub(crate) what: &'static str,
    /// Dossiers in the store.
    pub(crate) dossiers: u64,
    /// Found on the first page.
    pub(crate) found: usize,
    /// Microseconds for the first page.
    pub(crate) us: Quantiles,
}

/// Measures it.
pub(crate) fn measure(_: &Options, folder: &Path) -> anyhow::Result<Vec<Searched>> {
    let folder = folder.join("search");
    std::fs::create_dir_all(&folder)?;
    let mut store = SqliteStore::open(&folder, SqliteConfig::default())?;
    let mut number = 0;
    while number < DOSSIERS {
        let until = (number + CHANGES).min(DOSSIERS);
        let changes = (number..until).map(change).collect::<anyhow::Result<_>>()?;
        let batch = Batch {
            changes,
            ..Batch::default()
        };
        for kept in store.commit(batch)?.changes {
            kept.context("a dossier was not kept")?;
        }
        number = until;
    }
    let reader = store.reader();
    let mut found = Vec::new();
    for (what, search) in searches()? {
        found.push(timed(what, |_| {
            let page = reader.search(&search, None, PAGE)?;
            Ok(page.found.len())
        })?);
    }
    found.push(timed("deep in all of them", |n| {
        let before = DOSSIERS - n * (DOSSIERS / (TIMES + 1));
        let page = reader.search(&Search::default(), Some(before), PAGE)?;
        Ok(page.found.len())
    })?);
    found.push(timed("a code", |n| {
        let id = reader.by_code(&code(n * 4_241 % DOSSIERS)?)?;
        let one = id.map(|id| reader.found(&id)).transpose()?;
        Ok(usize::from(one.flatten().is_some()))
    })?);
    found.push(timed("a person", |n| {
        let key = person(n * 4_241 % DOSSIERS);
        Ok(reader.of_person(&key, None, PAGE)?.len())
    })?);
    found.push(timed("page one, computed anew", |_| {
        page_one(reader.as_ref()).map_err(Into::into)
    })?);
    Ok(found)
}

/// All that page one asks of the store.
fn page_one(reader: &dyn Reader) -> Result<usize, StoreError> {
    let flows = reader.flows()?;
    for open in reader.causes_open()? {
        reader.incidents(false, Some(&open.cause), None, 3)?;
    }
    reader.open_counts()?;
    reader.suspensions()?;
    reader.loads()?;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let month = today.saturating_sub(30.days());
    reader.tallies(month, today)?;
    reader.tallies(today, today.saturating_add(1.day()))?;
    reader.denied(month, today)?;
    Ok(flows.len())
}

fn timed(
    what: &'static str,
    ask: impl Fn(u64) -> anyhow::Result<usize>,
) -> anyhow::Result<Searched> {
    let mut pairs = Vec::new();
    let mut found = 0;
    for n in 0..TIMES {
        let begun = Instant::now();
        found = ask(n)?;
        let took: Duration = begun.elapsed();
        pairs.push((u64::try_from(took.as_micros()).unwrap_or(u64::MAX), 1));
    }
    Ok(Searched {
        what,
        dossiers: DOSSIERS,
        found,
        us: Quantiles::of(&pairs),
    })
}

/// One for each index that a search begins with, and such as narrow to little.
fn searches() -> anyhow::Result<Vec<(&'static str, Search)>> {
    let all = Search::default;
    Ok(vec![
        ("all, the newest", all()),
        (
            "open",
            Search {
                open: true,
                ..all()
            },
        ),
        (
            "a department's",
            Search {
                agency: Some("H26.2.7".parse()?),
                ..all()
            },
        ),
        (
            "a department's, of one step",
            Search {
                agency: Some("H26.2.7".parse()?),
                step: Some("card".parse()?),
                ..all()
            },
        ),
        (
            "a desk's",
            Search {
                desk: Some("H26.1.7".parse()?),
                ..all()
            },
        ),
        (
            "a desk's that are open",
            Search {
                desk: Some("H26.1.7".parse()?),
                open: true,
                ..all()
            },
        ),
        (
            "a procedure's",
            Search {
                procedure: Some("p3".parse()?),
                ..all()
            },
        ),
        (
            "a territory's",
            Search {
                territory: Some("T7".parse()?),
                ..all()
            },
        ),
        (
            "a procedure in a territory, by a desk: none",
            Search {
                procedure: Some("p3".parse()?),
                territory: Some("T8".parse()?),
                desk: Some("H26.1.7".parse()?),
                ..all()
            },
        ),
        (
            "withdrawn",
            Search {
                state: Some(DossierState::Withdrawn.into()),
                ..all()
            },
        ),
        (
            "waiting for the citizen",
            Search {
                state: Some(DossierState::WaitingForCitizen.into()),
                ..all()
            },
        ),
        (
            "stopped: none",
            Search {
                state: Some(DossierState::Stopped.into()),
                ..all()
            },
        ),
        (
            "overdue",
            Search {
                overdue: true,
                ..all()
            },
        ),
        (
            "stuck, of one procedure",
            Search {
                stuck: true,
                procedure: Some("p3".parse()?),
                ..all()
            },
        ),
        (
            "received long ago",
            Search {
                received_until: Some(Timestamp::from_second(1_700_000_000)?),
                ..all()
            },
        ),
    ])
}

fn code<T: std::str::FromStr>(number: u64) -> anyhow::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    Ok(format!("H26.1.{}-260901-{number:07}", number % 100).parse()?)
}

/// Each person has four dossiers or so.
fn person(number: u64) -> PersonKey {
    let mut key = [0; 16];
    let hash = Digest::of(&(number / 4).to_be_bytes());
    key.copy_from_slice(&hash.as_bytes()[..16]);
    PersonKey(key)
}

fn change(number: u64) -> anyhow::Result<Change> {
    let id = DossierId::derive("desk", &format!("k{number}").parse::<Key>()?);
    let is_open = number.is_multiple_of(OPEN_IN);
    let nth_open = number / OPEN_IN;
    let at = Timestamp::from_second(1_690_000_000 + i64::try_from(number * 100)?)?;
    let state = match (is_open, number % 1_000) {
        (true, 10) => DossierState::WaitingForCitizen,
        (true, _) => DossierState::InProcess,
        (false, 7) => DossierState::Withdrawn,
        (false, _) => DossierState::Closed,
    };
    let step = |name: &str, agency: u64, state: StepState| -> anyhow::Result<StepRow> {
        Ok(StepRow {
            step: name.parse()?,
            agency: format!("H26.2.{agency}").parse()?,
            round: 1,
            state: state.into(),
            due_at: Some(at),
        })
    };
    let done = if is_open {
        StepState::Held
    } else {
        StepState::Completed
    };
    let bytes = vec![u8::try_from(number % 251)?; 400];
    let record = Stored {
        sequence: 1,
        previous_hash: None,
        hash: Digest::of(&bytes),
        bytes,
        personal: None,
    };
    let incident = IncidentChange::Happened {
        key: IncidentKey {
            cause: "LIMIT_PASSED".into(),
            dossier_id: Some(id),
            step: Some("residence".parse()?),
            agency: None,
        },
        vi: "Bước đã quá thời hạn.".into(),
        en: "the limit of a step has passed".into(),
        at,
    };
    let is_stuck = is_open && nth_open.is_multiple_of(STUCK_IN);
    Ok(Change {
        dossier_id: id,
        records: vec![record],
        summary: Summary {
            code: code(number)?,
            desk: format!("H26.1.{}", number % 100).parse()?,
            hand_out_desk: format!("H26.1.{}", number % 100).parse()?,
            procedure: format!("p{}", number % 7).parse()?,
            territory: format!("T{}", number % 100).parse()?,
            calendar: Digest([1; 32]),
            state: state.into(),
            received_at: at,
            promised_at: at,
            closed_at: (!is_open).then_some(at),
        },
        owed: Vec::new(),
        steps: vec![
            step("birth", number % 90, StepState::Completed)?,
            step("residence", nth_open % 90, done)?,
            step("card", (nth_open + 1) % 90, done)?,
        ],
        notices: Vec::new(),
        grants: Vec::new(),
        incidents: if is_stuck { vec![incident] } else { Vec::new() },
        deposits: Vec::new(),
        vault_uses: Vec::new(),
        denials: Vec::new(),
        persons: vec![person(number)],
        tallies: Vec::new(),
        audits: Vec::new(),
    })
}
