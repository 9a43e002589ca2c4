//! The acts of the desk, each kept from before it is sent until long after it was answered.

use super::{Kept, OPEN, Store, StoreError, now_us};
use crate::act::Request;
use node::documents::{Digest, digest_of};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Not answered by the broker yet.
const WAITING: i64 = 0;
/// Done.
const DONE: i64 = 1;
/// Refused by the broker.
const REFUSED: i64 = 2;

/// All of them.
pub(super) const STATES: [i64; 3] = [WAITING, DONE, REFUSED];

/// One act.
#[derive(Debug, Clone)]
pub(crate) struct KeptAct {
    pub(crate) request: Request,
    /// Not answered, or to be sent again to a broker that may have lost it.
    pub(crate) waits: bool,
    /// What the broker answered, once it did.
    pub(crate) response: Option<Vec<u8>>,
}

impl Store {
    /// Keeps an act before it is sent. One that was refused may come again mended.
    pub(crate) async fn keep_act(
        &self,
        request: &Request,
        documents: Vec<(Digest, u64)>,
    ) -> Result<Kept, StoreError> {
        let (id, code) = (
            request.request_id().to_owned(),
            request.dossier_code().to_owned(),
        );
        let (word, bytes) = (request.word(), request.encode());
        let identity = identity(request);
        let folder = self.documents.clone();
        let kept = self.embedded.write(move |c| {
            let known: Option<(Digest, i64)> = c
                .prepare_cached("SELECT identity, state FROM act WHERE request_id = ?1")?
                .query_row([&id], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match known {
                Some((known, state)) if known == identity && state != REFUSED => {
                    return Ok(Kept::Here);
                }
                Some((_, state)) if state != REFUSED => return Ok(Kept::KeyReused),
                _ => {}
            }
            if !documents
                .iter()
                .all(|(digest, _)| folder.path(digest).exists())
            {
                return Ok(Kept::PaperGone);
            }
            c.execute("DELETE FROM act WHERE request_id = ?1", [&id])?;
            c.prepare_cached(
                "INSERT INTO act (request_id, dossier_code, identity, word, request, state, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![id, code, identity, word, bytes, WAITING, now_us()])?;
            for (digest, size_bytes) in documents {
                c.prepare_cached("INSERT OR IGNORE INTO document_use VALUES (?1, ?2, ?3)")?
                    .execute(params![user(&id), digest, size_bytes.cast_signed()])?;
            }
            Ok(Kept::Here)
        });
        Ok(kept.await?)
    }

    /// One act.
    pub(crate) async fn act(&self, request_id: &str) -> Result<Option<KeptAct>, StoreError> {
        let id = request_id.to_owned();
        let sql = "SELECT word, request, state, response FROM act WHERE request_id = ?1";
        let row = self
            .embedded
            .read(move |c| c.prepare_cached(sql)?.query_row([id], raw).optional());
        row.await?.map(KeptAct::read).transpose()
    }

    /// The acts for a dossier that wait, in their order; at most a hundred.
    pub(crate) async fn acts_waiting(&self, code: &str) -> Result<Vec<KeptAct>, StoreError> {
        let code = code.to_owned();
        let sql = "SELECT word, request, state, response FROM act
                   WHERE dossier_code = ?1 AND state = 0 ORDER BY sequence LIMIT 100";
        let rows = self.embedded.read(move |c| {
            c.prepare_cached(sql)?
                .query_map([code], raw)?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
        rows.await?.into_iter().map(KeptAct::read).collect()
    }

    /// The dossiers that acts wait for, the longest waiting first; at most `dossiers_max`.
    pub(crate) async fn dossiers_with_acts(
        &self,
        dossiers_max: u32,
    ) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT dossier_code FROM act WHERE state = 0
                   GROUP BY dossier_code ORDER BY MIN(sequence) LIMIT ?1";
        let codes = self.embedded.read(move |c| {
            c.prepare_cached(sql)?
                .query_map([dossiers_max], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(codes.await?)
    }

    /// The broker has done it.
    pub(crate) async fn act_done(
        &self,
        request_id: &str,
        response: Vec<u8>,
    ) -> Result<(), StoreError> {
        let id = request_id.to_owned();
        let sql = "UPDATE act SET state = ?2, response = ?3, changed_at = ?4 WHERE request_id = ?1";
        self.embedded
            .write(move |c| c.execute(sql, params![id, DONE, response, now_us()]))
            .await?;
        Ok(())
    }

    /// The broker refused it. One that it had done before stays done.
    pub(crate) async fn act_refused(
        &self,
        request_id: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        let (id, reason) = (request_id.to_owned(), reason.to_owned());
        let sql = "UPDATE act SET refusal = ?4, changed_at = ?5,
                   state = CASE WHEN response IS NULL THEN ?2 ELSE ?3 END WHERE request_id = ?1";
        self.embedded
            .write(move |c| c.execute(sql, params![id, REFUSED, DONE, reason, now_us()]))
            .await?;
        Ok(())
    }

    /// The broker may have lost what was done for this dossier: all of it waits again, in its order.
    /// What it still has gets the same answer again.
    pub(crate) async fn acts_again(&self, code: &str) -> Result<(), StoreError> {
        let code = code.to_owned();
        let sql = "UPDATE act SET state = 0 WHERE dossier_code = ?1 AND state = 1";
        self.embedded.write(move |c| c.execute(sql, [code])).await?;
        Ok(())
    }
}

/// The acts of every open dossier wait again.
pub(super) fn all_again(c: &Connection) -> rusqlite::Result<usize> {
    c.execute(
        "UPDATE act SET state = 0 WHERE state = 1 AND dossier_code IN
             (SELECT dossier_code FROM submit WHERE state = ?1)",
        [OPEN],
    )
}

/// Forgets what was answered before then, of dossiers that are not open here; gives what papers it used.
pub(super) fn forget(
    c: &Connection,
    before_us: i64,
    acts_max: i64,
) -> rusqlite::Result<Vec<Digest>> {
    let gone: Vec<String> = c
        .prepare_cached(
            "SELECT request_id FROM act WHERE state != 0 AND changed_at < ?1 AND NOT EXISTS
                 (SELECT 1 FROM submit
                  WHERE submit.dossier_code = act.dossier_code AND submit.state IN (0, 1))
             LIMIT ?2",
        )?
        .query_map([before_us, acts_max], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let mut unused = Vec::new();
    for id in gone {
        let digests: Vec<Digest> = c
            .prepare_cached("SELECT digest FROM document_use WHERE submit_key = ?1")?
            .query_map([user(&id)], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        c.execute(
            "DELETE FROM document_use WHERE submit_key = ?1",
            [user(&id)],
        )?;
        c.execute("DELETE FROM act WHERE request_id = ?1", [&id])?;
        unused.extend(digests);
    }
    Ok(unused)
}

/// Under which name an act uses papers: no submit key has a tab in it.
fn user(request_id: &str) -> String {
    format!("act\t{request_id}")
}

/// What makes an act this one: everything but when it says that it happened.
fn identity(request: &Request) -> Digest {
    let essence = match request.clone() {
        Request::Receive(mut one) => {
            one.received_at = None;
            Request::Receive(one)
        }
        Request::ConfirmPayment(mut one) => {
            one.paid_at = None;
            Request::ConfirmPayment(one)
        }
        other => other,
    };
    let mut bytes = essence.word().as_bytes().to_vec();
    bytes.push(0);
    bytes.extend(essence.encode());
    digest_of(&bytes)
}

type Raw = (String, Vec<u8>, i64, Option<Vec<u8>>);

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

impl KeptAct {
    fn read((word, request, state, response): Raw) -> Result<Self, StoreError> {
        let request = Request::decode(&word, &request).map_err(|source| StoreError::Row {
            table: "act",
            source,
        })?;
        Ok(Self {
            request: request.ok_or(StoreError::UnknownAct(word))?,
            waits: state == WAITING,
            response,
        })
    }
}
