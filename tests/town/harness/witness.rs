//! The witness: reads again and again what departments wrote down themselves, so that it knows also what
//! a lost disk held.

use super::citizens::reading;
use contract::v1;
use prost::Message as _;
use sha2::{Digest as _, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

/// The states of a row in a department's outbox.
const WAITING: i64 = 0;
const RECORDED: i64 = 1;

/// A report that the broker acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Acknowledged {
    pub(super) office: &'static str,
    pub(super) report: v1::Report,
}

/// See the module.
#[derive(Default)]
pub(super) struct Witness {
    /// What was in each handover that a department wrote down.
    handovers: BTreeMap<(&'static str, String), [u8; 32]>,
    /// Every report that the broker acknowledged, by the id of its item.
    pub(super) acknowledged: BTreeMap<String, Acknowledged>,
    /// What departments saw and must not.
    pub(super) complaints: BTreeSet<String>,
    /// How far each outbox and inbox was read, by the store's own id.
    read: BTreeMap<(String, &'static str), i64>,
}

impl Witness {
    /// Reads what every department has now.
    pub(super) fn look(&mut self, offices: &BTreeMap<&'static str, PathBuf>) {
        for (office, folder) in offices {
            // Who is down or has no disk this moment is read at the next look.
            let _ = self.look_at(office, &folder.join("department.db"));
        }
    }

    fn look_at(&mut self, office: &'static str, file: &Path) -> rusqlite::Result<()> {
        let store = reading(file)?;
        let store_id: String =
            store.query_row("SELECT value FROM meta WHERE key = 'store_id'", [], |row| {
                row.get(0)
            })?;
        let after = self.read.entry((store_id, "inbox")).or_default();
        let rows: Vec<(i64, Vec<u8>)> = store
            .prepare("SELECT sequence, bytes FROM inbox WHERE sequence > ?1 ORDER BY 1")?
            .query_map([*after], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        *after = rows.last().map_or(*after, |(last, _)| *last);
        for (_, bytes) in rows {
            let handover = v1::Handover::decode(bytes.as_slice()).unwrap();
            self.see_handover(office, &handover);
        }
        let rows: Vec<(String, Vec<u8>)> = store
            .prepare("SELECT item_id, bytes FROM outbox WHERE state = ?1")?
            .query_map([RECORDED], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<rusqlite::Result<_>>()?;
        for (item_id, bytes) in rows {
            self.acknowledged
                .entry(item_id)
                .or_insert_with_key(|item_id| {
                    let item = v1::Item::decode(bytes.as_slice()).unwrap();
                    match item.kind {
                        Some(v1::item::Kind::Report(report)) => Acknowledged { office, report },
                        _ => panic!("{item_id} of {office} is no report"),
                    }
                });
        }
        Ok(())
    }

    fn see_handover(&mut self, office: &'static str, handover: &v1::Handover) {
        let key = (office, handover.handover_id.clone());
        let essence = essence(handover);
        let before = self.handovers.insert(key, essence);
        if before.is_some_and(|before| before != essence) {
            self.complaints.insert(format!(
                "{office} saw two different handovers {} of {} {} round {}",
                handover.handover_id, handover.dossier_code, handover.step_id, handover.round
            ));
        }
    }

    pub(super) fn handovers(&self) -> usize {
        self.handovers.len()
    }
}

/// What a department has at the end.
pub(super) struct LeftOver {
    /// Reports that wait still.
    pub(super) waiting: i64,
    /// Items that the broker has, as the department believes.
    pub(super) recorded: Vec<String>,
    /// What a person must look at.
    pub(super) incidents: Vec<String>,
}

/// Reads a department's store.
pub(super) fn left_over(folder: &Path) -> rusqlite::Result<LeftOver> {
    let store = reading(&folder.join("department.db"))?;
    let texts = |sql: &str| -> rusqlite::Result<Vec<String>> {
        store
            .prepare(sql)?
            .query_map([], |row| row.get(0))?
            .collect()
    };
    let count = "SELECT count(*) FROM outbox WHERE state = ?1";
    Ok(LeftOver {
        waiting: store.query_row(count, [WAITING], |row| row.get(0))?,
        recorded: texts("SELECT item_id FROM outbox WHERE state = 1")?,
        incidents: texts("SELECT cause || ' ' || dossier_code || ' ' || step_id FROM incident")?,
    })
}

/// What makes a handover this one, reckoned apart from the department: all but instants.
fn essence(handover: &v1::Handover) -> [u8; 32] {
    let evidence = handover.evidence.iter().map(|evidence| v1::Evidence {
        name: evidence.name.clone(),
        version: evidence.version,
        digest: evidence.digest.clone(),
        data: evidence.data.clone(),
        documents: evidence.documents.clone(),
        ..Default::default()
    });
    let essence = v1::Handover {
        dossier_id: handover.dossier_id.clone(),
        dossier_code: handover.dossier_code.clone(),
        step_id: handover.step_id.clone(),
        round: handover.round,
        task: handover.task,
        agency_code: handover.agency_code.clone(),
        evidence: evidence.collect(),
        ..Default::default()
    };
    Sha256::digest(essence.encode_to_vec()).into()
}
