//! What the department was told of rounds that it holds: the newest of each kind and step, kept before
//! it is acknowledged.

use super::{
    Round, Store, StoreError,
    inbox::{is_later_life, speaks_from},
    now_us, one,
    outbox::life,
};
use contract::v1::{self, department_notice::Kind};
use prost::Message as _;
use rusqlite::params;

/// A changed due date.
const DUE_CHANGED: i64 = 1;
/// An apology that is owed.
const APOLOGY_OWED: i64 = 2;

/// What became of a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptNotice {
    /// When it was recorded first, microseconds since 1970.
    pub recorded_at_us: i64,
    /// A newer one was here before; this one has no effect.
    pub superseded: bool,
}

/// A notice that was not shown to the handler yet.
#[derive(Debug, Clone)]
pub(crate) struct Untold {
    pub(crate) notice: v1::DepartmentNotice,
    /// The round that it speaks of is the newest of its step.
    pub(crate) is_of_newest: bool,
    of: Of,
}

/// Names a notice about a step.
#[derive(Debug, Clone)]
struct Of {
    round: Round,
    kind: i64,
    number: i64,
}

impl Of {
    fn notice(notice: &v1::DepartmentNotice) -> Option<Self> {
        let (kind, step_id, round, number) = match notice.kind.as_ref()? {
            Kind::Closed(_) => return None,
            Kind::DueChanged(due) => (DUE_CHANGED, &due.step_id, due.round, due.number),
            Kind::ApologyOwed(owed) => (APOLOGY_OWED, &owed.step_id, owed.round, owed.number),
        };
        Some(Self {
            round: Round {
                dossier_id: notice.dossier_id.clone(),
                step_id: step_id.clone(),
                round,
            },
            kind,
            number: number.cast_signed(),
        })
    }
}

/// When a round is due, as the department was told last.
#[derive(Debug, Clone, PartialEq)]
pub struct Due {
    /// When its limit ends; while the clock stands still, where it stood.
    pub due_at: Option<prost_types::Timestamp>,
    /// Whether its clock stands still.
    pub stands_still: bool,
}

impl Store {
    /// Keeps a notice about a step; of the same kind, the one with the highest number. `from` is as at
    /// [`keep`](Self::keep): a broker that was restored counts from where it was.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is kept.
    pub async fn keep_notice(
        &self,
        notice: &v1::DepartmentNotice,
        from: Option<(&str, &str)>,
    ) -> Result<Option<KeptNotice>, StoreError> {
        let Some(Of {
            round,
            kind,
            number,
        }) = Of::notice(notice)
        else {
            return Ok(None);
        };
        let from = from.map(|(store_id, epoch)| life(store_id, epoch));
        let bytes = notice.encode_to_vec();
        let kept = self.embedded.write(move |c| {
            let from = speaks_from(c, from)?;
            let Round {
                dossier_id,
                step_id,
                round,
            } = round;
            let known = one(c
                .prepare_cached(
                    "SELECT number, recorded_at, life FROM notice
                     WHERE dossier_id = ?1 AND step_id = ?2 AND kind = ?3",
                )?
                .query_row(params![dossier_id, step_id, kind], |row| {
                    Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get::<_, String>(2)?))
                }))?;
            if let Some((newest, recorded_at_us, given_from)) = known
                && newest >= number
                && !is_later_life(&from, &given_from)
            {
                return Ok(KeptNotice {
                    recorded_at_us,
                    superseded: newest > number,
                });
            }
            let recorded_at_us = now_us();
            c.prepare_cached(
                "INSERT OR REPLACE INTO notice
                 (dossier_id, step_id, kind, number, round, bytes, recorded_at, life, told)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
            )?
            .execute(params![
                dossier_id,
                step_id,
                kind,
                number,
                round,
                bytes,
                recorded_at_us,
                from
            ])?;
            Ok(KeptNotice {
                recorded_at_us,
                superseded: false,
            })
        });
        Ok(Some(kept.await?))
    }

    /// When this round is due, if its department was told otherwise than by its handover.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due(&self, round: &Round) -> Result<Option<Due>, StoreError> {
        let Round {
            dossier_id,
            step_id,
            round,
        } = round.clone();
        let found: Option<Vec<u8>> = self
            .embedded
            .read(move |c| {
                one(c
                    .prepare_cached(
                        "SELECT bytes FROM notice
                         WHERE dossier_id = ?1 AND step_id = ?2 AND kind = ?3 AND round = ?4",
                    )?
                    .query_row(params![dossier_id, step_id, DUE_CHANGED, round], |row| {
                        row.get(0)
                    }))
            })
            .await?;
        let Some(bytes) = found else { return Ok(None) };
        Ok(match notice(&bytes)?.kind {
            Some(Kind::DueChanged(due)) => Some(Due {
                due_at: due.due_at,
                stands_still: due.stands_still,
            }),
            _ => None,
        })
    }

    /// What was not shown to the handler yet, at most `notices_max`.
    pub(crate) async fn untold(&self, notices_max: usize) -> Result<Vec<Untold>, StoreError> {
        let limit = i64::try_from(notices_max).unwrap_or(i64::MAX);
        let rows: Vec<(Vec<u8>, bool)> = self
            .embedded
            .read(move |c| {
                c.prepare_cached(
                    "SELECT bytes, round = (SELECT MAX(round) FROM inbox AS i
                       WHERE i.dossier_id = n.dossier_id AND i.step_id = n.step_id)
                     FROM notice AS n WHERE told = 0 ORDER BY recorded_at LIMIT ?1",
                )?
                .query_map([limit], |row| {
                    Ok((row.get(0)?, row.get::<_, Option<bool>>(1)?.unwrap_or(false)))
                })?
                .collect()
            })
            .await?;
        let mut untold = Vec::with_capacity(rows.len());
        for (bytes, is_of_newest) in rows {
            let notice = notice(&bytes)?;
            if let Some(of) = Of::notice(&notice) {
                untold.push(Untold {
                    notice,
                    is_of_newest,
                    of,
                });
            }
        }
        Ok(untold)
    }

    /// The handler knows it, or need not. One that took its place meanwhile is still to be shown.
    pub(crate) async fn told(&self, untold: &Untold) -> Result<(), StoreError> {
        let Of {
            round,
            kind,
            number,
        } = untold.of.clone();
        self.embedded
            .write(move |c| {
                c.prepare_cached(
                    "UPDATE notice SET told = 1
                     WHERE dossier_id = ?1 AND step_id = ?2 AND kind = ?3 AND number = ?4",
                )?
                .execute(params![round.dossier_id, round.step_id, kind, number])
            })
            .await?;
        Ok(())
    }
}

fn notice(bytes: &[u8]) -> Result<v1::DepartmentNotice, StoreError> {
    v1::DepartmentNotice::decode(bytes).map_err(|source| StoreError::Row {
        table: "notice",
        source,
    })
}
