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
    /// Who acknowledged each handover, and what was in it.
    handovers: BTreeMap<(&'static str, String), [u8; 32]>,
    /// Every report that a department had a verdict for, by the id of its item.
    pub(super) acknowledged: BTreeMap<String, Acknowledged>,
    /// Rounds of which a department's disk was lost with what it had said of them.
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
            if !self.acknowledged.contains_key(&item_id) {
                let item = v1::Item::decode(bytes.as_slice()).unwrap();
                let Some(v1::item::Kind::Report(report)) = item.kind else {
                    panic!("{item_id} of {office} is no report");
                };
                self.acknowledged
                    .insert(item_id, Acknowledged { office, report });
            }
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

/// How many reports wait in a department's outbox, and its incidents.
pub(super) fn left_over(folder: &Path) -> rusqlite::Result<(i64, Vec<String>)> {
    let store = reading(&folder.join("department.db"))?;
    let count = "SELECT count(*) FROM outbox WHERE state = ?1";
    let waiting = store.query_row(count, [WAITING], |row| row.get(0))?;
    let incidents = store
        .prepare("SELECT cause || ' ' || dossier_code || ' ' || step_id FROM incident")?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok((waiting, incidents))
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
