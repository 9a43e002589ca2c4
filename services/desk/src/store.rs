//! The desk's memory: what it submitted, with its papers, and every notice of the broker's.

mod act;
mod code;

pub(crate) use {act::KeptAct, code::Lease};

use contract::v1;
use node::{
    documents::{Digest, Documents, digest_of},
    embedded::{Embedded, EmbeddedError},
};
use prost::Message as _;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::{
    collections::BTreeMap,
    io,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

/// Dossiers that one call forgets.
const DOSSIERS_MAX: i64 = 100;

const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE submit (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    submit_key TEXT NOT NULL UNIQUE,
    identity BLOB NOT NULL,
    request BLOB NOT NULL,
    state INTEGER NOT NULL,
    response BLOB,
    dossier_code TEXT UNIQUE,
    refusal TEXT NOT NULL DEFAULT '',
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX submit_state ON submit (state, sequence);
CREATE TABLE document_use (
    submit_key TEXT NOT NULL,
    digest BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (submit_key, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX document_use_digest ON document_use (digest);
CREATE TABLE notice (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    identity BLOB NOT NULL UNIQUE,
    dossier_code TEXT NOT NULL,
    closes INTEGER NOT NULL,
    bytes BLOB NOT NULL
) STRICT;
CREATE INDEX notice_dossier ON notice (dossier_code, sequence);
",
    "
CREATE TABLE act (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL UNIQUE,
    dossier_code TEXT NOT NULL,
    identity BLOB NOT NULL,
    word TEXT NOT NULL,
    request BLOB NOT NULL,
    state INTEGER NOT NULL,
    response BLOB,
    refusal TEXT NOT NULL DEFAULT '',
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX act_state ON act (state, sequence);
CREATE INDEX act_dossier ON act (dossier_code, sequence);
CREATE TABLE code (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    dossier_code TEXT NOT NULL UNIQUE,
    submit_key TEXT UNIQUE
) STRICT;
",
    "
CREATE TABLE lease (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    request_id TEXT NOT NULL UNIQUE,
    count INTEGER NOT NULL
) STRICT;
",
];

/// Where a submit stands at this desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not answered by the broker yet.
    Waiting,
    /// The dossier exists and is open.
    Open,
    /// The broker refused it.
    Refused,
    /// The dossier is closed.
    Closed,
}

/// One submit.
#[derive(Debug, Clone)]
pub struct Submit {
    /// Its place in the order of submits.
    pub sequence: i64,
    /// The request as it is sent.
    pub request: v1::SubmitRequest,
    /// Where it stands.
    pub state: State,
    /// What the broker answered, once it did.
    pub response: Option<v1::SubmitResponse>,
    /// The reason word of a refusal.
    pub refusal: String,
}

/// How much there is of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Submits: waiting, open, refused, closed.
    pub(crate) submits: [u64; 4],
    /// Acts: waiting, done, refused.
    pub(crate) acts: [u64; 3],
    /// Notices of the broker.
    pub(crate) notices: u64,
    /// Since when the first submit or act waits; none when none does.
    pub(crate) waiting_since_us: Option<i64>,
}

/// What became of a new submit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It waits to be sent, or is what is here already.
    Here,
    /// The key is here with other content.
    KeyReused,
    /// A paper was forgotten meanwhile with the last submit that used it: take it again.
    PaperGone,
}

/// The store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// See the message.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// Make room, or make the folder writable.
    #[error("cannot write the documents folder: {0}; make room or make it writable")]
    Documents(#[from] io::Error),
    /// Start the release that wrote it.
    #[error("an act is `{0}`, which this release does not know; start the release that wrote it")]
    UnknownAct(String),
    /// Start the release that wrote it.
    #[error("a row of {table} cannot be read: {source}; start the release that wrote it")]
    Row {
        /// The table.
        table: &'static str,
        /// What is wrong.
        source: prost::DecodeError,
    },
}

/// The handle. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Store {
    embedded: Embedded,
    documents: Documents,
}

impl Store {
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        let embedded = Embedded::open(folder, "desk.db", MIGRATIONS)?;
        let documents = Documents::open(folder.join("documents"))?;
        documents.clear_cut_puts()?;
        Ok(Self {
            embedded,
            documents,
        })
    }

    pub(crate) fn documents(&self) -> &Documents {
        &self.documents
    }

    pub(crate) async fn lost(&self) {
        self.embedded.lost().await;
    }

    pub(crate) async fn close(self) {
        self.embedded.close().await;
    }

    /// Keeps a submit before it is sent. One that was refused may come again mended.
    pub(crate) async fn keep(
        &self,
        request: &v1::SubmitRequest,
        documents: Vec<(Digest, u64)>,
    ) -> Result<Kept, StoreError> {
        let (key, identity) = (request.submit_key.clone(), identity(request));
        let mut request = request.clone();
        let folder = self.documents.clone();
        let kept = self.embedded.write(move |c| {
            let known: Option<(Digest, i64)> = c
                .prepare_cached("SELECT identity, state FROM submit WHERE submit_key = ?1")?
                .query_row([&key], |row| Ok((row.get(0)?, row.get(1)?)))
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
            c.execute("DELETE FROM submit WHERE submit_key = ?1", [&key])?;
            // A code that the desk has is printed at once, whether the broker answers or not.
            let code = code::take(c, &key)?;
            request.dossier_code = code.clone().unwrap_or_default();
            c.prepare_cached(
                "INSERT INTO submit (submit_key, identity, request, state, dossier_code, changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![key, identity, request.encode_to_vec(), WAITING, code, now_us()])?;
            for (digest, size_bytes) in documents {
                c.prepare_cached("INSERT OR IGNORE INTO document_use VALUES (?1, ?2, ?3)")?
                    .execute(params![key, digest, size_bytes.cast_signed()])?;
            }
            Ok(Kept::Here)
        });
        Ok(kept.await?)
    }

    /// The broker has it; `anew` when it had lost it: then it is open, also where it had been closed.
    pub(crate) async fn answered(
        &self,
        submit_key: &str,
        response: &v1::SubmitResponse,
        anew: bool,
    ) -> Result<(), StoreError> {
        let (key, code, bytes) = (
            submit_key.to_owned(),
            response.dossier_code.clone(),
            response.encode_to_vec(),
        );
        // The notice that it is closed may have come before this answer.
        let sql = "UPDATE submit SET response = ?3, dossier_code = ?4, changed_at = ?5,
                   state = CASE WHEN ?7 THEN ?2 WHEN state = ?6 OR EXISTS
                       (SELECT 1 FROM notice WHERE dossier_code = ?4 AND closes) THEN ?6 ELSE ?2 END
                   WHERE submit_key = ?1";
        self.embedded
            .write(move |c| c.execute(sql, params![key, OPEN, bytes, code, now_us(), CLOSED, anew]))
            .await?;
        Ok(())
    }

    /// The broker has it as open, although it had been closed.
    pub(crate) async fn open_again(&self, submit_key: &str) -> Result<(), StoreError> {
        let key = submit_key.to_owned();
        let sql =
            "UPDATE submit SET state = ?2, changed_at = ?3 WHERE submit_key = ?1 AND state = ?4";
        self.embedded
            .write(move |c| c.execute(sql, params![key, OPEN, now_us(), CLOSED]))
            .await?;
        Ok(())
    }

    /// The broker has it as closed. It is closed here if the notice of it has come: that may have been
    /// after the broker had said that it is open, and before this was written down.
    pub(crate) async fn close_if_told(&self, submit_key: &str) -> Result<(), StoreError> {
        let key = submit_key.to_owned();
        let sql = "UPDATE submit SET state = ?2, changed_at = ?3
                   WHERE submit_key = ?1 AND state = ?4 AND EXISTS
                       (SELECT 1 FROM notice
                        WHERE notice.dossier_code = submit.dossier_code AND closes)";
        self.embedded
            .write(move |c| c.execute(sql, params![key, CLOSED, now_us(), OPEN]))
            .await?;
        Ok(())
    }

    /// The broker refused it.
    pub(crate) async fn refused(&self, submit_key: &str, reason: &str) -> Result<(), StoreError> {
        let (key, reason) = (submit_key.to_owned(), reason.to_owned());
        let sql = "UPDATE submit SET state = ?2, refusal = ?3, changed_at = ?4
                   WHERE submit_key = ?1 AND state = ?5";
        self.embedded
            .write(move |c| c.execute(sql, params![key, REFUSED, reason, now_us(), WAITING]))
            .await?;
        Ok(())
    }

    /// One submit.
    pub(crate) async fn submit(&self, submit_key: &str) -> Result<Option<Submit>, StoreError> {
        let key = submit_key.to_owned();
        let sql = "SELECT sequence, request, state, response, refusal FROM submit
                   WHERE submit_key = ?1";
        let row = self.embedded.read(move |c| {
            c.prepare_cached(sql)?
                .query_row([key], raw_submit)
                .optional()
        });
        row.await?.map(Submit::read).transpose()
    }

    /// How much there is of everything.
    pub(crate) async fn counts(&self) -> Result<Counts, StoreError> {
        let counts = self.embedded.read(|c| {
            let by_state = |sql: &str| -> rusqlite::Result<BTreeMap<i64, u64>> {
                c.prepare_cached(sql)?
                    .query_map([], |row| {
                        Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
                    })?
                    .collect()
            };
            let submits = by_state("SELECT state, COUNT(*) FROM submit GROUP BY state")?;
            let acts = by_state("SELECT state, COUNT(*) FROM act GROUP BY state")?;
            let of = |counts: &BTreeMap<i64, u64>, state| counts.get(&state).copied().unwrap_or(0);
            let waiting_since = "SELECT min(changed_at) FROM (
                SELECT changed_at FROM submit WHERE state = 0
                UNION ALL SELECT changed_at FROM act WHERE state = 0)";
            let notices = "SELECT COUNT(*) FROM notice";
            Ok(Counts {
                submits: [WAITING, OPEN, REFUSED, CLOSED].map(|state| of(&submits, state)),
                acts: act::STATES.map(|state| of(&acts, state)),
                notices: c
                    .query_row(notices, [], |row| row.get::<_, i64>(0))?
                    .cast_unsigned(),
                waiting_since_us: c.query_row(waiting_since, [], |row| row.get(0))?,
            })
        });
        Ok(counts.await?)
    }

    /// The key of the submit that waits under a leased code, if one does.
    pub(crate) async fn waiting_under(&self, code: &str) -> Result<Option<String>, StoreError> {
        let code = code.to_owned();
        let sql = "SELECT submit_key FROM submit WHERE dossier_code = ?1 AND state = 0";
        let key = self
            .embedded
            .read(move |c| c.query_row(sql, [code], |row| row.get(0)).optional());
        Ok(key.await?)
    }

    /// Whether the broker must know the dossier of this code.
    pub(crate) async fn is_open(&self, code: &str) -> Result<bool, StoreError> {
        let code = code.to_owned();
        let sql = "SELECT EXISTS (SELECT 1 FROM submit WHERE dossier_code = ?1 AND state = 1)";
        Ok(self
            .embedded
            .read(move |c| c.query_row(sql, [code], |row| row.get(0)))
            .await?)
    }

    /// Every notice after `after`, of whatever dossier, each with its place; at most a thousand.
    pub(crate) async fn all_notices(
        &self,
        after: i64,
    ) -> Result<Vec<(i64, v1::Notice)>, StoreError> {
        let sql = "SELECT sequence, bytes FROM notice WHERE sequence > ?1
                   ORDER BY sequence LIMIT 1000";
        let rows = self.embedded.read(move |c| {
            c.prepare_cached(sql)?
                .query_map([after], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
        read_notices(rows.await?)
    }

    /// Submits in a state, after `after` in their order, at most `submits_max`.
    pub(crate) async fn submits(
        &self,
        state: State,
        after: i64,
        submits_max: u32,
    ) -> Result<Vec<Submit>, StoreError> {
        let sql = "SELECT sequence, request, state, response, refusal FROM submit
                   WHERE state = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3";
        let rows = self.embedded.read(move |c| {
            c.prepare_cached(sql)?
                .query_map(params![state.number(), after, submits_max], raw_submit)?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
        rows.await?.into_iter().map(Submit::read).collect()
    }

    /// Where the notices that are here end, for the broker; empty for the beginning.
    pub(crate) async fn cursor(&self) -> Result<String, StoreError> {
        let sql = "SELECT COALESCE((SELECT value FROM meta WHERE key = 'cursor'), '')";
        Ok(self
            .embedded
            .read(move |c| c.query_row(sql, [], |row| row.get(0)))
            .await?)
    }

    /// The broker does not know our cursor: everything is read again, and as it may have been
    /// restored from an older copy, closed dossiers are to be checked too.
    pub(crate) async fn forget_cursor(&self) -> Result<(), StoreError> {
        let forget = "DELETE FROM meta WHERE key = 'cursor'";
        let mark = "INSERT INTO meta VALUES ('check_closed', ?1)
                    ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        let since = now_us().to_string();
        let done = self.embedded.write(move |c| {
            c.execute(forget, [])?;
            #[cfg(feature = "faults")]
            if node::breakage::is("forget acts after a restore") {
                return c.execute(mark, [since]);
            }
            act::all_again(c)?;
            c.execute(mark, [since])
        });
        done.await?;
        Ok(())
    }

    /// Since when closed dossiers are to be checked, if they are.
    pub(crate) async fn check_closed(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT value FROM meta WHERE key = 'check_closed'";
        let marked = self
            .embedded
            .read(move |c| c.query_row(sql, [], |row| row.get(0)).optional());
        Ok(marked.await?)
    }

    /// Closed dossiers were checked, as was asked for since then.
    pub(crate) async fn closed_checked(&self, since: String) -> Result<(), StoreError> {
        let sql = "DELETE FROM meta WHERE key = 'check_closed' AND value = ?1";
        self.embedded
            .write(move |c| c.execute(sql, [since]))
            .await?;
        Ok(())
    }

    /// Keeps notices, with where they end. One that is here already changes nothing.
    pub(crate) async fn keep_notices(&self, notices: Vec<v1::Notice>) -> Result<(), StoreError> {
        #[cfg(feature = "faults")]
        if node::breakage::is("keep the cursor before the notices")
            && let Some(last) = notices.last().map(|notice| notice.cursor.clone())
        {
            let put = "INSERT INTO meta VALUES ('cursor', ?1)
                       ON CONFLICT (key) DO UPDATE SET value = excluded.value";
            let done = self.embedded.write(move |c| c.execute(put, [last]));
            done.await?;
            tokio::time::sleep(std::time::Duration::from_millis(150)).await;
        }
        let done = self.embedded.write(move |c| {
            for notice in &notices {
                keep_notice(c, notice)?;
            }
            if let Some(last) = notices.last() {
                c.prepare_cached(
                    "INSERT INTO meta VALUES ('cursor', ?1)
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                )?
                .execute([&last.cursor])?;
            }
            Ok(())
        });
        Ok(done.await?)
    }

    /// The notices about a dossier after `after`, each with its place; at most a thousand.
    pub(crate) async fn notices(
        &self,
        dossier_code: &str,
        after: i64,
    ) -> Result<Vec<(i64, v1::Notice)>, StoreError> {
        let code = dossier_code.to_owned();
        let sql = "SELECT sequence, bytes FROM notice WHERE dossier_code = ?1 AND sequence > ?2
                   ORDER BY sequence LIMIT 1000";
        let rows = self.embedded.read(move |c| {
            c.prepare_cached(sql)?
                .query_map(params![code, after], |row| {
                    Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))
                })?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
        read_notices(rows.await?)
    }

    /// Forgets what was closed or refused `days` days ago or earlier, with the papers that no other
    /// submit uses. Says how many went; call again until it says 0.
    pub(crate) async fn forget_after(&self, days: u32) -> Result<usize, StoreError> {
        let before = now_us() - i64::from(days) * 24 * 3_600 * 1_000_000;
        let forgotten = self.embedded.write(move |c| forget(c, before));
        let (forgotten, digests) = forgotten.await?;
        let folder = self.documents.clone();
        let removed = self.embedded.write(move |c| {
            for digest in digests {
                // On the writer's thread, where nobody begins to use it meanwhile.
                let used: bool = c
                    .prepare_cached("SELECT EXISTS (SELECT 1 FROM document_use WHERE digest = ?1)")?
                    .query_row([digest], |row| row.get(0))?;
                if !used && let Err(error) = std::fs::remove_file(folder.path(&digest)) {
                    tracing::warn!(%error, "a paper that nobody uses stays");
                }
            }
            Ok(())
        });
        removed.await?;
        Ok(forgotten)
    }
}

const WAITING: i64 = 0;
const OPEN: i64 = 1;
const REFUSED: i64 = 2;
const CLOSED: i64 = 3;

impl State {
    fn number(self) -> i64 {
        match self {
            Self::Waiting => WAITING,
            Self::Open => OPEN,
            Self::Refused => REFUSED,
            Self::Closed => CLOSED,
        }
    }
}

type RawSubmit = (i64, Vec<u8>, i64, Option<Vec<u8>>, String);

fn raw_submit(row: &Row<'_>) -> rusqlite::Result<RawSubmit> {
    Ok((
        row.get(0)?,
        row.get(1)?,
        row.get(2)?,
        row.get(3)?,
        row.get(4)?,
    ))
}

impl Submit {
    fn read((sequence, request, state, response, refusal): RawSubmit) -> Result<Self, StoreError> {
        let wrong = |source| StoreError::Row {
            table: "submit",
            source,
        };
        let response = response.map(|bytes| v1::SubmitResponse::decode(bytes.as_slice()));
        Ok(Self {
            sequence,
            request: v1::SubmitRequest::decode(request.as_slice()).map_err(wrong)?,
            state: match state {
                OPEN => State::Open,
                REFUSED => State::Refused,
                CLOSED => State::Closed,
                _ => State::Waiting,
            },
            response: response.transpose().map_err(wrong)?,
            refusal,
        })
    }
}

fn read_notices(rows: Vec<(i64, Vec<u8>)>) -> Result<Vec<(i64, v1::Notice)>, StoreError> {
    let read = |(sequence, bytes): (i64, Vec<u8>)| {
        let notice = v1::Notice::decode(bytes.as_slice()).map_err(|source| StoreError::Row {
            table: "notice",
            source,
        })?;
        Ok((sequence, notice))
    };
    rows.into_iter().map(read).collect()
}

fn keep_notice(c: &Connection, notice: &v1::Notice) -> rusqlite::Result<()> {
    // The same notice read again after a loss may stand elsewhere in the broker's order.
    let essence = v1::Notice {
        cursor: String::new(),
        ..notice.clone()
    };
    let identity = digest_of(&essence.encode_to_vec());
    let closes = matches!(notice.kind, Some(v1::notice::Kind::Closed(_)));
    c.prepare_cached(
        "INSERT OR IGNORE INTO notice (identity, dossier_code, closes, bytes) VALUES (?1, ?2, ?3, ?4)",
    )?
    .execute(params![identity, notice.dossier_code, closes, notice.encode_to_vec()])?;
    if closes {
        c.prepare_cached(
            "UPDATE submit SET state = ?2, changed_at = ?3 WHERE dossier_code = ?1 AND state = ?4",
        )?
        .execute(params![notice.dossier_code, CLOSED, now_us(), OPEN])?;
    }
    Ok(())
}

fn forget(c: &Connection, before_us: i64) -> rusqlite::Result<(usize, Vec<Digest>)> {
    let gone: Vec<(String, Option<String>)> = c
        .prepare_cached(
            "SELECT submit_key, dossier_code FROM submit
             WHERE state IN (2, 3) AND changed_at < ?1 LIMIT ?2",
        )?
        .query_map([before_us, DOSSIERS_MAX], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut unused = Vec::new();
    for (key, code) in &gone {
        let digests: Vec<Digest> = c
            .prepare_cached("SELECT digest FROM document_use WHERE submit_key = ?1")?
            .query_map([key], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        c.execute("DELETE FROM document_use WHERE submit_key = ?1", [key])?;
        c.execute("DELETE FROM submit WHERE submit_key = ?1", [key])?;
        if let Some(code) = code {
            c.execute("DELETE FROM notice WHERE dossier_code = ?1", [code])?;
        }
        unused.extend(digests);
    }
    unused.extend(act::forget(c, before_us, DOSSIERS_MAX)?);
    Ok((gone.len(), unused))
}

/// What makes a submit this one: everything but when it says that it was filed and received, and the
/// code that it got here.
fn identity(request: &v1::SubmitRequest) -> Digest {
    let essence = v1::SubmitRequest {
        filed_at: None,
        received_at: None,
        dossier_code: String::new(),
        ..request.clone()
    };
    digest_of(&essence.encode_to_vec())
}

pub(crate) fn now_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
