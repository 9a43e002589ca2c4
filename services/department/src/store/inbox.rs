//! The inbox: every round that was handed over, kept before it is acknowledged.

use super::{
    Round, Store, StoreError, next, now_us, one,
    outbox::{ANSWERED, drop_round, life, set_aside_above, wait_again},
    use_documents,
};
use contract::v1;
use node::documents::Digest;
use prost::Message as _;
use rusqlite::{Connection, params};
use std::sync::Arc;

/// Not worked on yet.
pub(super) const RECEIVED: i64 = 0;
/// Its reports are in the outbox, or it asks for no work.
pub(super) const HANDLED: i64 = 1;
/// A round has come that outranks it.
pub(super) const SUPERSEDED: i64 = 2;

/// What became of a handover.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is here, now or since an earlier time.
    Here {
        /// When it was recorded first, microseconds since 1970.
        recorded_at_us: i64,
        /// Where it stands in this store.
        position: u64,
        /// A round that outranks it had come before.
        superseded: bool,
        /// It had been here before; what was reported of it waits to be sent again.
        again: bool,
        /// Where in the outbox the first report stands that waits to be sent again.
        first_again: Option<i64>,
        /// It replaces the round that a broker gave which lost it since.
        replaces: bool,
    },
    /// The round is here with another content, of the same life of the broker; nothing was changed.
    IdReused,
    /// A document was forgotten meanwhile with the last dossier that used it; fetch it again.
    DocumentGone,
}

/// A round that waits for work.
#[derive(Debug, Clone)]
pub struct Received {
    /// Where it stands in this store.
    pub sequence: i64,
    /// Its name.
    pub round: Round,
    /// The handover.
    pub handover: Arc<v1::Handover>,
}

impl Store {
    /// Keeps a handover whose documents are all here. A recall, and a round that one that is here
    /// outranks, ask for no work. `from` is the store and the epoch that the broker speaks from, where
    /// it has said so in this process. A broker that was restored counts its rounds from where it
    /// was: what it gives then takes the place of what it gave in its lost life, higher rounds
    /// included. What was reported of those is set aside until they are given again.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn keep(
        &self,
        handover: &v1::Handover,
        from: Option<(&str, &str)>,
    ) -> Result<Kept, StoreError> {
        let from = from.map(|(store_id, epoch)| life(store_id, epoch));
        let bytes = handover.encode_to_vec();
        let identity = identity(handover);
        let digests = handover_documents(handover)
            .into_iter()
            .map(|(digest, _)| digest);
        let digests: Vec<Digest> = digests.collect();
        let recall = handover.task() == v1::Task::Recall;
        let round = handover.round;
        let (dossier_id, step_id) = (handover.dossier_id.clone(), handover.step_id.clone());
        let (dossier_code, handover_id) =
            (handover.dossier_code.clone(), handover.handover_id.clone());
        let (sequence, documents) = (self.sequence.clone(), self.documents.clone());

        let kept = self.embedded.write(move |c| {
            let from = speaks_from(c, from)?;
            let known = one(c
                .prepare_cached(
                    "SELECT sequence, identity, recorded_at, state, life FROM inbox
                     WHERE dossier_id = ?1 AND step_id = ?2 AND round = ?3",
                )?
                .query_row(params![dossier_id, step_id, round], |row| {
                    Ok((
                        row.get(0)?,
                        row.get::<_, Digest>(1)?,
                        row.get(2)?,
                        row.get::<_, i64>(3)?,
                        row.get::<_, String>(4)?,
                    ))
                }))?;
            let superseded = is_outranked(c, &dossier_id, &step_id, round, &from)?;
            let mut replaces = false;
            if let Some((place, known, recorded_at_us, state, given_from)) = known {
                if known == identity {
                    if is_later_life(&from, &given_from) {
                        c.prepare_cached("UPDATE inbox SET life = ?2 WHERE sequence = ?1")?
                            .execute(params![place, from])?;
                    }
                    let first_again = wait_again(c, &dossier_id, &step_id, round, &ANSWERED)?;
                    let counts = counts(c, &dossier_id, &step_id, place)?;
                    if superseded || counts {
                        return Ok(Kept::Here {
                            recorded_at_us,
                            position: i64::cast_unsigned(place),
                            superseded: state == SUPERSEDED,
                            again: true,
                            first_again,
                            replaces,
                        });
                    }
                    // What outranked it is lost to the broker, which gives it once more.
                    outrank(c, &dossier_id, &step_id, round)?;
                    let position = next(&sequence);
                    let state = match (state, recall) {
                        (SUPERSEDED, false) => RECEIVED,
                        _ => HANDLED,
                    };
                    c.prepare_cached(
                        "UPDATE inbox SET sequence = ?2, state = ?3 WHERE sequence = ?1",
                    )?
                    .execute(params![place, position, state])?;
                    return Ok(Kept::Here {
                        recorded_at_us,
                        position: position.cast_unsigned(),
                        superseded,
                        again: false,
                        first_again,
                        replaces,
                    });
                }
                if !is_later_life(&from, &given_from) {
                    return Ok(Kept::IdReused);
                }
                replaces = true;
            } else if let Some(recorded_at_us) = let_go(c, &dossier_id, &step_id, round, &from)? {
                return Ok(Kept::Here {
                    recorded_at_us,
                    position: 0,
                    superseded: true,
                    again: true,
                    first_again: None,
                    replaces,
                });
            }

            if !use_documents(c, &documents, &dossier_id, &digests)? {
                return Ok(Kept::DocumentGone);
            }
            if replaces {
                c.prepare_cached(
                    "DELETE FROM inbox WHERE dossier_id = ?1 AND step_id = ?2 AND round = ?3",
                )?
                .execute(params![dossier_id, step_id, round])?;
                drop_round(c, &dossier_id, &step_id, round)?;
            }
            let state = match (superseded, recall) {
                (true, _) => SUPERSEDED,
                (false, true) => HANDLED,
                (false, false) => RECEIVED,
            };
            if !superseded {
                outrank(c, &dossier_id, &step_id, round)?;
            }
            let (position, recorded_at_us) = (next(&sequence), now_us());
            c.prepare_cached(
                "INSERT INTO inbox VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute(params![
                position,
                dossier_id,
                step_id,
                round,
                dossier_code,
                handover_id,
                identity,
                bytes,
                state,
                recorded_at_us,
                from
            ])?;
            let position = position.cast_unsigned();
            Ok(Kept::Here {
                recorded_at_us,
                position,
                superseded,
                again: false,
                first_again: None,
                replaces,
            })
        });
        Ok(kept.await?)
    }

    /// Whether this very handover is here already, or was let go with its dossier: its documents need
    /// not be looked for then. `from` is as at [`keep`](Self::keep).
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn holds(
        &self,
        handover: &v1::Handover,
        from: Option<(&str, &str)>,
    ) -> Result<bool, StoreError> {
        let from = from.map(|(store_id, epoch)| life(store_id, epoch));
        let identity = identity(handover);
        let key = (
            handover.dossier_id.clone(),
            handover.step_id.clone(),
            handover.round,
        );
        let found = self.embedded.read(move |c| {
            let held = one(c
                .prepare_cached(
                    "SELECT identity = ?4 FROM inbox
                     WHERE dossier_id = ?1 AND step_id = ?2 AND round = ?3",
                )?
                .query_row(params![key.0, key.1, key.2, identity], |row| row.get(0)))?;
            if let Some(held) = held {
                return Ok(held);
            }
            let from = speaks_from(c, from)?;
            Ok(let_go(c, &key.0, &key.1, key.2, &from)?.is_some())
        });
        Ok(found.await?)
    }

    /// The rounds that wait for work and came after `after`, oldest first, at most `rounds_max`.
    pub async fn received_after(
        &self,
        after: i64,
        rounds_max: usize,
    ) -> Result<Vec<Received>, StoreError> {
        let sql = "SELECT sequence, bytes FROM inbox
                   WHERE state = 0 AND sequence > ?1 ORDER BY sequence LIMIT ?2";
        let limit = i64::try_from(rounds_max).unwrap_or(i64::MAX);
        self.received(sql, params_of(after, limit)).await
    }

    /// One round that waits for work, if it still does.
    pub async fn received_at(&self, sequence: i64) -> Result<Option<Received>, StoreError> {
        let sql = "SELECT sequence, bytes FROM inbox WHERE state = 0 AND sequence = ?1 LIMIT ?2";
        Ok(self.received(sql, params_of(sequence, 1)).await?.pop())
    }

    async fn received(&self, sql: &'static str, of: [i64; 2]) -> Result<Vec<Received>, StoreError> {
        let rows: Vec<(i64, Vec<u8>)> = self
            .embedded
            .read(move |c| {
                c.prepare_cached(sql)?
                    .query_map(of, |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect()
            })
            .await?;
        rows.into_iter()
            .map(|(sequence, bytes)| {
                let handover =
                    v1::Handover::decode(bytes.as_slice()).map_err(|source| StoreError::Row {
                        table: "inbox",
                        source,
                    })?;
                let round = Round {
                    dossier_id: handover.dossier_id.clone(),
                    step_id: handover.step_id.clone(),
                    round: handover.round,
                };
                Ok(Received {
                    sequence,
                    round,
                    handover: Arc::new(handover),
                })
            })
            .collect()
    }
}

/// The store and the epoch that the broker speaks from: as it said in this process, or before.
pub(super) fn speaks_from(c: &Connection, said: Option<String>) -> rusqlite::Result<String> {
    match said {
        Some(from) => Ok(from),
        None => c.query_row(
            "SELECT COALESCE((SELECT value FROM meta WHERE key = 'broker'), '')",
            [],
            |row| row.get(0),
        ),
    }
}

/// Whether a round is here that outranks this one: a higher one of the same life of the broker, or any
/// of a later life. What a broker gave in a life that it lost outranks nothing that it gives since.
fn is_outranked(
    c: &Connection,
    dossier_id: &str,
    step_id: &str,
    round: u32,
    from: &str,
) -> rusqlite::Result<bool> {
    let others: Vec<(u32, String)> = c
        .prepare_cached(
            "SELECT round, life FROM inbox
             WHERE dossier_id = ?1 AND step_id = ?2 AND round != ?3",
        )?
        .query_map(params![dossier_id, step_id, round], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(others.iter().any(|(other, given_from)| {
        !is_later_life(from, given_from) && (*other > round || is_later_life(given_from, from))
    }))
}

/// Whether the round at this place is the one of its step that counts: the last that was not
/// superseded.
fn counts(c: &Connection, dossier_id: &str, step_id: &str, place: i64) -> rusqlite::Result<bool> {
    c.prepare_cached(
        "SELECT COALESCE(MAX(sequence) = ?3, FALSE) FROM inbox
         WHERE dossier_id = ?1 AND step_id = ?2 AND state != ?4",
    )?
    .query_row(params![dossier_id, step_id, place, SUPERSEDED], |row| {
        row.get(0)
    })
}

/// Makes room for the round of a step that counts from now on. It must get the next place: of the
/// rounds that are not superseded, the last counts.
fn outrank(c: &Connection, dossier_id: &str, step_id: &str, round: u32) -> rusqlite::Result<()> {
    // It is open again, if it was closed.
    c.prepare_cached("DELETE FROM closed WHERE dossier_id = ?1")?
        .execute([dossier_id])?;
    c.prepare_cached(
        "UPDATE inbox SET state = ?1 WHERE dossier_id = ?2 AND step_id = ?3 AND state = ?4",
    )?
    .execute(params![SUPERSEDED, dossier_id, step_id, RECEIVED])?;
    set_aside_above(c, dossier_id, step_id, round)
}

/// When the newest round of a step was recorded that was let go, if this one is not newer. To a broker
/// that was restored meanwhile any round is new: it lost what was said of it.
fn let_go(
    c: &Connection,
    dossier_id: &str,
    step_id: &str,
    round: u32,
    from: &str,
) -> rusqlite::Result<Option<i64>> {
    let known = one(c
        .prepare_cached(
            "SELECT recorded_at, life FROM let_go
             WHERE dossier_id = ?1 AND step_id = ?2 AND round >= ?3",
        )?
        .query_row(params![dossier_id, step_id, round], |row| {
            Ok((row.get(0)?, row.get::<_, String>(1)?))
        }))?;
    let of_this_life = known.filter(|(_, given_from)| !is_later_life(from, given_from));
    Ok(of_this_life.map(|(recorded_at_us, _)| recorded_at_us))
}

/// Whether the broker's life `now` came after the one `given`. Numbers say which is later; of epochs
/// that are none, any other one than before is new.
pub(super) fn is_later_life(now: &str, given: &str) -> bool {
    if now == given || now.is_empty() {
        return false;
    }
    let (now, given) = (now.split_once(' '), given.split_once(' '));
    let (Some((now_store, now)), Some((given_store, given))) = (now, given) else {
        return now.is_some();
    };
    match (now.parse::<u64>(), given.parse::<u64>()) {
        (Ok(now), Ok(given)) if now_store == given_store => now > given,
        _ => true,
    }
}

fn params_of(first: i64, second: i64) -> [i64; 2] {
    [first, second]
}

/// What makes a handover this one: its id, its task and the evidence versions in it. Instants may
/// differ when a broker builds it again after a loss.
fn identity(handover: &v1::Handover) -> Digest {
    let essence = v1::Handover {
        handover_id: handover.handover_id.clone(),
        task: handover.task,
        agency_code: handover.agency_code.clone(),
        evidence: handover
            .evidence
            .iter()
            .map(|evidence| v1::Evidence {
                name: evidence.name.clone(),
                version: evidence.version,
                digest: evidence.digest.clone(),
                ..Default::default()
            })
            .collect(),
        ..Default::default()
    };
    node::documents::digest_of(&essence.encode_to_vec())
}

/// The documents that a handover names, each once, with their sizes in bytes.
pub(crate) fn handover_documents(handover: &v1::Handover) -> Vec<(Digest, u64)> {
    super::documents_of(
        handover
            .evidence
            .iter()
            .flat_map(|evidence| &evidence.documents),
    )
}
