//! The broker's own records, read from its store after it has ended: the chain of each dossier, reckoned
//! anew, and what must not be left beside it.

use super::citizens::reading;
use contract::{
    record::v1::{Personal, Record},
    v1::{ControlSlipRow, TrackResponse},
};
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, path::Path};

/// The records of one change, as a row holds them.
#[derive(Clone, PartialEq, prost::Message)]
struct Row {
    #[prost(bytes = "vec", repeated, tag = "1")]
    records: Vec<Vec<u8>>,
}

/// What is personal of one change, as a row holds it.
#[derive(Clone, PartialEq, prost::Message)]
struct Beside {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Values>,
}

/// The personal values of one record of the change.
#[derive(Clone, PartialEq, prost::Message)]
struct Values {
    #[prost(uint32, tag = "1")]
    record: u32,
    #[prost(bytes = "vec", tag = "3")]
    bytes: Vec<u8>,
}

/// One dossier's records.
pub(super) struct Chain {
    pub(super) code: String,
    pub(super) records: Vec<Record>,
    /// The item that each came by; empty where it followed by itself.
    pub(super) items: Vec<String>,
    /// The SHA-256 of each.
    hashes: Vec<[u8; 32]>,
}

/// Every dossier's chain, and everything about the store that is not as it must be.
pub(super) fn read(file: &Path) -> rusqlite::Result<(Vec<Chain>, Vec<String>)> {
    let store = reading(file)?;
    let mut wrong = Vec::new();
    for (what, sql) in [
        ("debt: something is owed still", "SELECT count(*) FROM owed"),
        ("debt: a timer is set still", "SELECT count(*) FROM timer"),
        (
            "debt: a step is open still",
            "SELECT count(*) FROM step JOIN dossier ON number = dossier
             WHERE closed_at IS NOT NULL",
        ),
        (
            "incident: a dossier is quarantined",
            "SELECT count(*) FROM dossier WHERE quarantined IS NOT NULL",
        ),
        (
            "chain: a record is of no dossier",
            "SELECT count(*) FROM record WHERE dossier NOT IN (SELECT number FROM dossier)",
        ),
    ] {
        let count: i64 = store.query_row(sql, [], |row| row.get(0))?;
        wrong.extend((count > 0).then(|| format!("{what}: {count}")));
    }
    let sound: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    wrong.extend((sound != "ok").then(|| format!("chain: the store is damaged: {sound}")));

    let mut dossiers = store
        .prepare("SELECT number, code, last_hash FROM dossier JOIN head ON dossier = number")?;
    let dossiers: Vec<(i64, String, Vec<u8>)> = dossiers
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut chains: BTreeMap<i64, Chain> = BTreeMap::new();
    let mut rows = store.prepare(
        "SELECT r.dossier, r.bytes, p.bytes FROM record r
         LEFT JOIN personal p ON p.position = r.position ORDER BY r.dossier, r.sequence",
    )?;
    for row in rows.query_map([], |row| {
        let beside: Option<Vec<u8>> = row.get(2)?;
        Ok((
            row.get::<_, i64>(0)?,
            row.get::<_, Vec<u8>>(1)?,
            beside.unwrap_or_default(),
        ))
    })? {
        let (number, bytes, beside) = row?;
        let chain = chains.entry(number).or_insert_with(|| Chain {
            code: String::new(),
            records: Vec::new(),
            items: Vec::new(),
            hashes: Vec::new(),
        });
        let row = Row::decode(bytes.as_slice()).unwrap();
        let mut items = vec![String::new(); row.records.len()];
        for one in Beside::decode(beside.as_slice()).unwrap().values {
            let personal = Personal::decode(one.bytes.as_slice()).unwrap();
            items[one.record as usize] = personal.cause_item_id;
        }
        chain.items.extend(items);
        for bytes in row.records {
            chain.hashes.push(Sha256::digest(&bytes).into());
            chain
                .records
                .push(Record::decode(bytes.as_slice()).unwrap());
        }
    }
    for (number, code, last_hash) in dossiers {
        let Some(chain) = chains.get_mut(&number) else {
            wrong.push(format!("chain: {code} has no record"));
            continue;
        };
        chain.code = code;
        wrong.extend(chain.verify(&last_hash));
    }
    drop(rows);
    Ok((chains.into_values().collect(), wrong))
}

impl Chain {
    /// Of these records, which nothing holds together.
    pub(super) fn of(records: Vec<Record>) -> Self {
        Self {
            code: String::new(),
            items: vec![String::new(); records.len()],
            hashes: Vec::new(),
            records,
        }
    }

    fn verify(&self, last_hash: &[u8]) -> Option<String> {
        let mut previous: &[u8] = &[];
        for (number, (record, hash)) in (1..).zip(self.records.iter().zip(&self.hashes)) {
            if record.sequence != number || record.previous_hash != previous {
                return Some(format!(
                    "chain: record {number} of {} does not follow the one before it",
                    self.code
                ));
            }
            previous = hash;
        }
        (previous != last_hash)
            .then(|| format!("chain: {} does not end with its last record", self.code))
    }

    /// The control slip is what the chain says: each row hangs on a record of it, and no round of a step
    /// stands on it twice.
    pub(super) fn slip(&self, track: &TrackResponse) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut rows: BTreeMap<(&str, u32, &str), u32> = BTreeMap::new();
        for row in &track.control_slip {
            let ControlSlipRow {
                sequence,
                step_id,
                round,
                task,
                record_hash,
                ..
            } = row;
            *rows.entry((step_id, *round, task)).or_default() += 1;
            let hash = usize::try_from(*sequence)
                .ok()
                .and_then(|at| self.hashes.get(at.checked_sub(1)?));
            if hash.is_none_or(|hash| hash[..] != record_hash[..]) {
                wrong.push(format!(
                    "slip: the row of {step_id} round {round} of {} hangs on no record",
                    self.code
                ));
            }
        }
        wrong.extend(rows.iter().filter(|(_, times)| **times > 1).map(
            |((step, round, _), times)| {
                format!(
                    "slip: {step} round {round} of {} stands {times} times",
                    self.code
                )
            },
        ));
        wrong
    }
}
