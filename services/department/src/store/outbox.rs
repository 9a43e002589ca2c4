//! The outbox: every report, kept before it is sent and until the dossier is closed.

use super::{
    Round, Store, StoreError,
    inbox::{HANDLED, SUPERSEDED},
    next, now_us, one, use_documents,
};
use contract::v1;
use node::documents::Digest;
use prost::Message as _;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// Not answered yet.
const WAITING: i64 = 0;
/// The broker has it.
const RECORDED: i64 = 1;
/// The broker refused it for good.
const REFUSED: i64 = 2;
/// A report that was answered, one way or the other.
pub(super) const ANSWERED: [i64; 2] = [RECORDED, REFUSED];

/// The refusal of what a higher round overtook: it happens whenever evidence changes while an
/// office works, and nobody needs to look at it.
const OVERTAKEN: &str = "ROUND_SUPERSEDED";
/// The refusal of a peer return that was made before the store was lost: its answer is on its way, and nobody
/// needs to look at it.
const RETURNED_BEFORE: &str = "ALREADY_RETURNED";
/// The reasons of refusals that nobody needs to look at.
pub(crate) const NOBODYS_TROUBLE: [&str; 2] = [OVERTAKEN, RETURNED_BEFORE];
/// The refusal of what is said of a step after its outcome.
const FINISHED: &str = "STEP_FINISHED";
/// Refusals that speak of where the broker stood and not of what was said. Who hands the round over
/// again stands elsewhere: it may take the report now.
const REFUSED_BY_STATE: [&str; 11] = [
    OVERTAKEN,
    RETURNED_BEFORE,
    "STEP_NOT_HELD",
    FINISHED,
    "DOSSIER_CLOSED",
    "WRONG_TASK",
    "VERSION_SUPERSEDED",
    "NOT_YOURS",
    "NOT_YOUR_AGENCY",
    "DOCUMENT_NOT_YOURS",
    "UNKNOWN_DOSSIER",
];

/// A report that waits for its verdict.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its place in the order of sending.
    pub sequence: i64,
    /// The dossier's code, for the log.
    pub dossier_code: String,
    /// The item as it is sent.
    pub item: v1::Item,
}

/// What became of the reports of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// They wait in the outbox.
    Kept,
    /// The round is not worked on any more; nothing was kept.
    Superseded,
}

/// The broker's last word on an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It has it.
    Recorded {
        /// The item.
        item_id: String,
        /// The position in the broker's log.
        position: u64,
    },
    /// It will never take it.
    Refused {
        /// The item.
        item_id: String,
        /// The reason word.
        reason: String,
        /// What it said.
        description: String,
    },
}

/// What is held of one step, for reconciling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldingRow {
    /// The round that counts: the highest one of the newest life of the broker that gave any.
    pub round: Round,
    /// Its handover.
    pub handover_id: String,
    /// The reports about the step that the broker had recorded.
    pub recorded_item_ids: Vec<String>,
}

impl Store {
    /// Puts reports in the outbox and, when `finished`, the round down as handled, in one
    /// transaction. An item that is in the outbox already stays as it is. `place` is where the
    /// round stands in the inbox: one that came anew with other content stands elsewhere.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn report(
        &self,
        place: i64,
        round: &Round,
        dossier_code: &str,
        items: Vec<v1::Item>,
        documents: Vec<Digest>,
        finished: bool,
    ) -> Result<Reported, StoreError> {
        let rows: Vec<_> = items
            .into_iter()
            .map(|item| (item.encode_to_vec(), item.item_id))
            .collect();
        let (round, dossier_code) = (round.clone(), dossier_code.to_owned());
        let (sequence, folder) = (self.sequence.clone(), self.documents.clone());
        let done = self.embedded.write(move |c| {
            let Round {
                dossier_id,
                step_id,
                round,
            } = &round;
            let open = c
                .prepare_cached(
                    "UPDATE inbox SET state = CASE WHEN ?2 THEN ?3 ELSE state END
                     WHERE sequence = ?1 AND state = 0",
                )?
                .execute(params![place, finished, HANDLED])?;
            if open == 0 {
                return Ok(Reported::Superseded);
            }
            if !use_documents(c, &folder, dossier_id, &documents)? {
                // Nothing is kept of a write that fails.
                return Err(rusqlite::Error::QueryReturnedNoRows);
            }
            for (bytes, item_id) in rows {
                c.prepare_cached(
                    "INSERT OR IGNORE INTO outbox
                     (sequence, item_id, dossier_id, step_id, round, dossier_code, bytes, state)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute(params![
                    next(&sequence),
                    item_id,
                    dossier_id,
                    step_id,
                    round,
                    dossier_code,
                    bytes,
                    WAITING
                ])?;
            }
            Ok(Reported::Kept)
        });
        Ok(done.await?)
    }

    /// The reports that wait and stand after `after` in the order of sending, at most `items_max`.
    pub async fn waiting_after(
        &self,
        after: i64,
        items_max: usize,
    ) -> Result<Vec<Waiting>, StoreError> {
        let limit = i64::try_from(items_max).unwrap_or(i64::MAX);
        let sql = "SELECT sequence, dossier_code, bytes FROM outbox
                   WHERE state = 0 AND sequence > ?1 ORDER BY sequence LIMIT ?2";
        let rows: Vec<(i64, String, Vec<u8>)> = self
            .embedded
            .read(move |c| {
                c.prepare_cached(sql)?
                    .query_map([after, limit], |row| {
                        Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                    })?
                    .collect()
            })
            .await?;
        rows.into_iter().map(Waiting::read).collect()
    }

    /// Writes down what the broker of this store and epoch answered. A report that was recorded
    /// once stays so.
    ///
    /// # Errors
    /// [`StoreError`]; the items wait on and are sent again.
    pub async fn reply(
        &self,
        store_id: &str,
        epoch: &str,
        replies: Vec<Reply>,
    ) -> Result<(), StoreError> {
        let life = life(store_id, epoch);
        let done = self.embedded.write(move |c| {
            let mut position_seen = 0;
            for reply in &replies {
                match reply {
                    Reply::Recorded { item_id, position } => {
                        let position = position.cast_signed();
                        position_seen = position_seen.max(position);
                        c.prepare_cached(
                            "UPDATE outbox SET state = ?2, position = ?3 WHERE item_id = ?1",
                        )?
                        .execute(params![item_id, RECORDED, position])?;
                    }
                    Reply::Refused {
                        item_id,
                        reason,
                        description,
                    } => {
                        refuse(c, item_id, reason, description)?;
                    }
                }
            }
            if position_seen > 0 {
                // A position of a life that ended meanwhile says nothing of the one that goes on.
                c.prepare_cached(
                    "INSERT INTO meta SELECT 'position_seen', ?1 WHERE EXISTS
                     (SELECT 1 FROM meta WHERE key = 'broker' AND value = ?2)
                     ON CONFLICT (key) DO UPDATE SET value = MAX(value, excluded.value)",
                )?
                .execute(params![position_seen, life])?;
            }
            Ok(())
        });
        Ok(done.await?)
    }

    /// Lets these reports wait to be sent again, with the same ids and in their old places: before
    /// what was said of their steps after them. Gives the first of these places.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed.
    pub async fn send_again(&self, item_ids: Vec<String>) -> Result<Option<i64>, StoreError> {
        let done = self.embedded.write(move |c| {
            let mut first = None;
            for item_id in &item_ids {
                let place: Option<i64> = one(c
                    .prepare_cached(
                        "UPDATE outbox SET state = ?2 WHERE item_id = ?1 AND state = ?3
                         RETURNING sequence",
                    )?
                    .query_row(params![item_id, WAITING, RECORDED], |row| row.get(0)))?;
                first = earlier(first, place);
            }
            Ok(first)
        });
        Ok(done.await?)
    }

    /// Lets what was refused by the state of things wait to be sent again, of the rounds that these steps of
    /// dossiers hold: both sides hold the same round, so that what stood against it may be over. A broker
    /// that was restored from a copy may be where it has not been refused yet. Gives the place of the
    /// first.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed.
    pub async fn try_refused_again(
        &self,
        steps: Vec<(String, String)>,
    ) -> Result<Option<i64>, StoreError> {
        let done = self.embedded.write(move |c| {
            let mut first = None;
            for (dossier_id, step_id) in &steps {
                let round: Option<u32> = one(c
                    .prepare_cached(
                        "SELECT round FROM inbox
                         WHERE dossier_id = ?1 AND step_id = ?2 AND state != ?3
                         ORDER BY sequence DESC LIMIT 1",
                    )?
                    .query_row(params![dossier_id, step_id, SUPERSEDED], |row| row.get(0)))?;
                if let Some(round) = round {
                    let place = wait_again(c, dossier_id, step_id, round, &[REFUSED])?;
                    first = earlier(first, place);
                }
            }
            Ok(first)
        });
        Ok(done.await?)
    }

    /// The broker speaks from this store and epoch now, and in this start of it if it says which. The
    /// positions that were seen of another life are forgotten: they say nothing of this one, and would
    /// begin epoch after epoch.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is changed.
    pub async fn agree_with(
        &self,
        store_id: &str,
        epoch: &str,
        start: Option<&str>,
    ) -> Result<(), StoreError> {
        let (life, start) = (life(store_id, epoch), start.map(str::to_owned));
        let done = self.embedded.write(move |c| {
            let changed = c.execute(
                "INSERT INTO meta VALUES ('broker', ?1) ON CONFLICT (key)
                 DO UPDATE SET value = excluded.value WHERE value != excluded.value",
                [&life],
            )?;
            if changed > 0 {
                c.execute(
                    "DELETE FROM meta WHERE key IN ('position_seen', 'start_seen')",
                    [],
                )?;
            }
            if let Some(start) = start {
                c.prepare_cached(
                    "INSERT INTO meta VALUES ('start_seen', ?1)
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                )?
                .execute([start])?;
            }
            // What came before anybody had said hello is of the life that was met first.
            c.prepare_cached("UPDATE inbox SET life = ?1 WHERE life = ''")?
                .execute([&life])?;
            Ok(())
        });
        Ok(done.await?)
    }

    /// One report, if it still waits.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn waiting(&self, item_id: &str) -> Result<Option<Waiting>, StoreError> {
        let item_id = item_id.to_owned();
        let sql =
            "SELECT sequence, dossier_code, bytes FROM outbox WHERE item_id = ?1 AND state = 0";
        let row = self.embedded.read(move |c| {
            one(c
                .prepare_cached(sql)?
                .query_row([item_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))))
        });
        row.await?.map(Waiting::read).transpose()
    }

    /// What is held, by dossier and step, after `after`; at most `rows_max` steps.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn holdings_after(
        &self,
        after: Option<(String, String)>,
        rows_max: usize,
    ) -> Result<Vec<HoldingRow>, StoreError> {
        let limit = i64::try_from(rows_max).unwrap_or(i64::MAX);
        let (dossier_id, step_id) = after.unwrap_or_default();
        let held = self.embedded.read(move |c| {
            // The round that counts is the last that was not superseded: see `outrank`.
            let mut held: Vec<HoldingRow> = c
                .prepare_cached(
                    "SELECT dossier_id, step_id, round, handover_id, MAX(sequence) FROM inbox
                     WHERE (dossier_id, step_id) > (?1, ?2) AND state != ?4
                     GROUP BY dossier_id, step_id ORDER BY dossier_id, step_id LIMIT ?3",
                )?
                .query_map(params![dossier_id, step_id, limit, SUPERSEDED], |row| {
                    let (dossier_id, step_id) = (row.get(0)?, row.get(1)?);
                    Ok(HoldingRow {
                        round: Round {
                            dossier_id,
                            step_id,
                            round: row.get(2)?,
                        },
                        handover_id: row.get(3)?,
                        recorded_item_ids: Vec::new(),
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            for row in &mut held {
                row.recorded_item_ids = c
                    .prepare_cached(
                        "SELECT item_id FROM outbox
                         WHERE dossier_id = ?1 AND step_id = ?2 AND state = ?3 ORDER BY sequence",
                    )?
                    .query_map(
                        params![row.round.dossier_id, row.round.step_id, RECORDED],
                        |row| row.get(0),
                    )?
                    .collect::<rusqlite::Result<_>>()?;
            }
            Ok(held)
        });
        Ok(held.await?)
    }

    /// When it happened what the first report that waits tells, in seconds of Unix time; none when none
    /// waits.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn waiting_since(&self) -> Result<Option<i64>, StoreError> {
        let first = self.waiting_after(0, 1).await?.pop();
        let happened_at = first.and_then(|first| match first.item.kind {
            Some(v1::item::Kind::Report(report)) => report.happened_at,
            _ => None,
        });
        Ok(happened_at.map(|at| at.seconds))
    }

    /// How many reports wait, are recorded, are refused.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read.
    pub async fn outbox_counts(&self) -> Result<[u64; 3], StoreError> {
        let rows = self.embedded.read(|c| {
            c.prepare_cached("SELECT state, COUNT(*) FROM outbox GROUP BY state")?
                .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?
                .collect::<rusqlite::Result<BTreeMap<_, _>>>()
        });
        let rows = rows.await?;
        Ok([WAITING, RECORDED, REFUSED]
            .map(|state| rows.get(&state).copied().unwrap_or(0).cast_unsigned()))
    }
}

impl Waiting {
    fn read((sequence, dossier_code, bytes): (i64, String, Vec<u8>)) -> Result<Self, StoreError> {
        let item = v1::Item::decode(bytes.as_slice()).map_err(|source| StoreError::Row {
            table: "outbox",
            source,
        })?;
        Ok(Self {
            sequence,
            dossier_code,
            item,
        })
    }
}

fn refuse(c: &Connection, item_id: &str, reason: &str, description: &str) -> rusqlite::Result<()> {
    let refused = c
        .prepare_cached(
            "UPDATE outbox SET state = ?2, reason = ?3 WHERE item_id = ?1 AND state = 0",
        )?
        .execute(params![item_id, REFUSED, reason])?;
    let is_nobodys_trouble = NOBODYS_TROUBLE.contains(&reason);
    if refused > 0 && !is_nobodys_trouble && !is_late_progress(c, item_id, reason)? {
        c.prepare_cached(
            "INSERT OR IGNORE INTO incident
             (cause, item_id, dossier_code, step_id, opened_at, description)
             SELECT ?2, item_id, dossier_code, step_id, ?3, ?4 FROM outbox WHERE item_id = ?1",
        )?
        .execute(params![item_id, reason, now_us(), description])?;
    }
    Ok(())
}

/// Whether it only told how far a round was, of a step that the broker knows to be finished: after a loss
/// the outcome may be there again before the progress. Nobody needs to look at that.
fn is_late_progress(c: &Connection, item_id: &str, reason: &str) -> rusqlite::Result<bool> {
    if reason != FINISHED {
        return Ok(false);
    }
    let bytes: Vec<u8> = c
        .prepare_cached("SELECT bytes FROM outbox WHERE item_id = ?1")?
        .query_row([item_id], |row| row.get(0))?;
    let kind = v1::Item::decode(bytes.as_slice())
        .ok()
        .and_then(|item| item.kind);
    Ok(matches!(
        kind,
        Some(v1::item::Kind::Report(v1::Report {
            kind: Some(v1::report::Kind::Progress(_)),
            ..
        }))
    ))
}

/// Lets what was said of a round wait to be sent again, in its old places, unless it was refused for
/// what it says: who hands a round over again may have lost what was reported of it. Only what is in one
/// of these states. Gives the first of these places.
pub(super) fn wait_again(
    c: &Connection,
    dossier_id: &str,
    step_id: &str,
    round: u32,
    states: &[i64],
) -> rusqlite::Result<Option<i64>> {
    let said: Vec<(String, i64, i64, String)> = c
        .prepare_cached(
            "SELECT item_id, sequence, state, reason FROM outbox
             WHERE dossier_id = ?1 AND step_id = ?2 AND round = ?3 AND state != 0",
        )?
        .query_map(params![dossier_id, step_id, round], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut first = None;
    for (item_id, place, state, reason) in said {
        let is_for_good = state == REFUSED && !REFUSED_BY_STATE.contains(&reason.as_str());
        if is_for_good || !states.contains(&state) {
            continue;
        }
        c.prepare_cached("UPDATE outbox SET state = ?2, reason = '' WHERE item_id = ?1")?
            .execute(params![item_id, WAITING])?;
        c.prepare_cached("DELETE FROM incident WHERE item_id = ?1")?
            .execute([item_id])?;
        first = earlier(first, Some(place));
    }
    Ok(first)
}

/// Sets aside what was said of rounds of a step above this one, until the same round is given again:
/// the broker lost them, and would keep what is said of this one waiting behind them.
pub(super) fn set_aside_above(
    c: &Connection,
    dossier_id: &str,
    step_id: &str,
    round: u32,
) -> rusqlite::Result<()> {
    c.prepare_cached(
        "UPDATE outbox SET state = ?4, reason = ?5
         WHERE dossier_id = ?1 AND step_id = ?2 AND round > ?3 AND state != ?4",
    )?
    .execute(params![dossier_id, step_id, round, REFUSED, OVERTAKEN])?;
    Ok(())
}

/// Drops what was said of a round that came anew with other content.
pub(super) fn drop_round(
    c: &Connection,
    dossier_id: &str,
    step_id: &str,
    round: u32,
) -> rusqlite::Result<()> {
    c.prepare_cached("DELETE FROM outbox WHERE dossier_id = ?1 AND step_id = ?2 AND round = ?3")?
        .execute(params![dossier_id, step_id, round])?;
    Ok(())
}

fn earlier(first: Option<i64>, second: Option<i64>) -> Option<i64> {
    first.into_iter().chain(second).min()
}

/// A store and its epoch, as they are kept.
pub(super) fn life(store_id: &str, epoch: &str) -> String {
    format!("{store_id} {epoch}")
}
