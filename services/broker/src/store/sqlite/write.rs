//! One batch into one open transaction.

use super::{
    known::Known,
    read,
    rows::{self, IndexRow},
};
use crate::{
    records::{self, Stored},
    store::{
        AttemptChange, Batch, Blob, Change, CodeBlock, CodeLease, Committed, Denied, DossierFault,
        Grant, IncidentChange, IncidentKey, Position, Quarantine, Summary, VaultUse, partition_of,
    },
};
use dossier::{
    name::{Digest, DossierId},
    vault::Deposit,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Result, params};

/// How many notices one change may have, as a power of two.
const NOTICE_BITS: u32 = 16;

/// Writes within a transaction that somebody else begins and ends.
pub(super) struct Write<'a> {
    pub(super) connection: &'a Connection,
    pub(super) known: &'a mut Known,
    /// Whether each dossier gets a savepoint of its own. Hardly any batch needs them: one that does is
    /// rolled back whole, and written again with them.
    pub(super) is_cautious: bool,
    /// A dossier was refused after some of it was written, and there is no savepoint to go back to.
    pub(super) is_spoilt: bool,
}

/// A change with its words numbered.
struct Numbered {
    desk: u32,
    hand_out_desk: Option<u32>,
    procedure: u32,
    territory: u32,
    owed: Vec<IndexRow>,
    steps: Vec<IndexRow>,
    notice_desks: Vec<u32>,
    grant_agencies: Vec<u32>,
    /// Of each deposit, its evidence and who gave it.
    deposits: Vec<(u32, u32)>,
    use_evidence: Vec<u32>,
    denied_agencies: Vec<u32>,
}

/// What the store has of a dossier before a change.
struct Before {
    number: i64,
    sequence: u64,
    last_position: Option<i64>,
    last_hash: Option<Digest>,
    owed: Vec<IndexRow>,
    steps: Vec<IndexRow>,
    /// None for a dossier whose rows are not written yet.
    seldom: Option<Seldom>,
}

/// What of a dossier's row changes seldom and stands in indexes.
#[derive(PartialEq, Eq)]
struct Seldom {
    closed_at: Option<i64>,
    received_at: i64,
    promised_at: i64,
    calendar: [u8; 32],
}

impl Seldom {
    fn of(summary: &Summary) -> Self {
        Self {
            closed_at: summary.closed_at.map(Timestamp::as_microsecond),
            received_at: summary.received_at.as_microsecond(),
            promised_at: summary.promised_at.as_microsecond(),
            calendar: summary.calendar.0,
        }
    }
}

/// Why a change goes back to its savepoint.
enum Undo {
    Fault(DossierFault),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Undo {
    fn from(error: rusqlite::Error) -> Self {
        // A rule of the tables is this dossier's fault; anything else is the whole batch's.
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::ConstraintViolation) => {
                Self::Fault(DossierFault::Refused(error.to_string()))
            }
            _ => Self::Sqlite(error),
        }
    }
}

impl Write<'_> {
    pub(super) fn execute(&self, sql: &str, values: impl rusqlite::Params) -> Result<usize> {
        self.connection.prepare_cached(sql)?.execute(values)
    }

    /// A whole batch.
    pub(super) fn batch(&mut self, batch: &Batch) -> Result<Committed> {
        let changes = batch.changes.iter().map(|change| self.change(change));
        let changes = changes.collect::<Result<_>>()?;
        for blob in &batch.blobs {
            self.blob(blob)?;
        }
        for incident in &batch.incidents {
            self.incident(incident)?;
        }
        for attempt in &batch.attempts {
            self.attempt(attempt)?;
        }
        for quarantine in &batch.quarantines {
            self.quarantine(quarantine)?;
        }
        let code_leases = batch.code_leases.iter().map(|lease| self.code_lease(lease));
        let code_leases = code_leases.collect::<Result<_>>()?;
        Ok(Committed {
            changes,
            code_leases,
        })
    }

    /// Takes back all that was written, and goes on with care.
    pub(super) fn begin_again(&mut self) -> Result<()> {
        self.connection.execute_batch("ROLLBACK; BEGIN IMMEDIATE")?;
        *self.known = Known::default();
        self.is_cautious = true;
        self.is_spoilt = false;
        Ok(())
    }

    /// One dossier's change, whole or not at all; or the whole batch is spoilt.
    fn change(&mut self, change: &Change) -> Result<std::result::Result<Position, DossierFault>> {
        // Words stay when the savepoint goes back: they are remembered outside it.
        let numbered = self.numbered(change)?;
        let before = self.before(&change.dossier_id)?;
        if let Err(fault) = self.check(change, before.as_ref())? {
            return Ok(Err(fault));
        }
        if !self.is_cautious {
            return match self.change_within(change, &numbered, before) {
                Ok(position) => Ok(Ok(position)),
                Err(Undo::Fault(fault)) => {
                    self.is_spoilt = true;
                    Ok(Err(fault))
                }
                Err(Undo::Sqlite(error)) => Err(error),
            };
        }
        self.execute("SAVEPOINT dossier", [])?;
        let answer = match self.change_within(change, &numbered, before) {
            Ok(position) => Ok(position),
            Err(Undo::Fault(fault)) => {
                self.execute("ROLLBACK TO dossier", [])?;
                self.known.forget_incidents();
                self.known.forgot_attempts();
                Err(fault)
            }
            Err(Undo::Sqlite(error)) => return Err(error),
        };
        self.execute("RELEASE dossier", [])?;
        Ok(answer)
    }

    /// What can be known before anything is written.
    fn check(
        &self,
        change: &Change,
        before: Option<&Before>,
    ) -> Result<std::result::Result<(), DossierFault>> {
        if let Err(fault) = check_follows(change, before) {
            return Ok(Err(fault));
        }
        if before.is_some() {
            return Ok(Ok(()));
        }
        let code = &change.summary.code;
        let taken = "SELECT 1 FROM dossier WHERE code = ?1";
        let mut taken = self.connection.prepare_cached(taken)?;
        Ok(match taken.exists(params![code.as_str()])? {
            true => Err(DossierFault::CodeTaken(code.clone())),
            false => Ok(()),
        })
    }

    fn numbered(&mut self, change: &Change) -> Result<Numbered> {
        let (words, connection) = (&mut self.known.words, self.connection);
        let mut word = |text: &str| words.number(connection, text);
        let notice_desks = change.notices.iter().map(|row| word(row.desk.as_str()));
        let notice_desks = notice_desks.collect::<Result<_>>()?;
        let grants = change.grants.iter().map(|row| word(row.agency.as_str()));
        let grant_agencies = grants.collect::<Result<_>>()?;
        let summary = &change.summary;
        let elsewhere = (summary.hand_out_desk != summary.desk).then_some(&summary.hand_out_desk);
        let hand_out_desk = elsewhere.map(|desk| word(desk.as_str())).transpose()?;
        let deposits = change.deposits.iter().map(|deposit| {
            let agency = word(deposit.agency.as_str())?;
            Ok((word(deposit.evidence.as_str())?, agency))
        });
        let deposits = deposits.collect::<Result<_>>()?;
        let uses = change.vault_uses.iter();
        let use_evidence = uses.map(|one| word(one.evidence.as_str()));
        let use_evidence = use_evidence.collect::<Result<_>>()?;
        let denied = change.denials.iter().map(|one| word(one.agency.as_str()));
        let denied_agencies = denied.collect::<Result<_>>()?;
        Ok(Numbered {
            hand_out_desk,
            territory: word(summary.territory.as_str())?,
            deposits,
            use_evidence,
            denied_agencies,
            desk: word(summary.desk.as_str())?,
            procedure: word(summary.procedure.as_str())?,
            notice_desks,
            grant_agencies,
            owed: unique(
                change
                    .owed
                    .iter()
                    .map(|row| IndexRow::of_owed(row, words, connection)),
            )?,
            steps: unique(
                change
                    .steps
                    .iter()
                    .map(|row| IndexRow::of_step(row, words, connection)),
            )?,
        })
    }

    fn change_within(
        &mut self,
        change: &Change,
        numbered: &Numbered,
        before: Option<Before>,
    ) -> std::result::Result<Position, Undo> {
        let before = match before {
            Some(before) => before,
            None => self.receive(change, numbered)?,
        };
        let last_position = self.append(change, &before)?;
        self.index(&before, numbered)?;
        self.update(change, numbered, &before, last_position)?;
        self.notices(change, numbered, before.number, last_position)?;
        for (grant, agency) in change.grants.iter().zip(&numbered.grant_agencies) {
            self.grant(grant, *agency, before.number)?;
        }
        for incident in &change.incidents {
            self.incident(incident)?;
        }
        for (deposit, words) in change.deposits.iter().zip(&numbered.deposits) {
            self.deposit(deposit, *words, before.number)?;
        }
        for (one, evidence) in change.vault_uses.iter().zip(&numbered.use_evidence) {
            self.vault_use(one, numbered.procedure, *evidence, before.number)?;
        }
        for (denied, agency) in change.denials.iter().zip(&numbered.denied_agencies) {
            self.denied(denied, *agency)?;
        }
        Ok(Position {
            partition: partition_of(&change.dossier_id),
            number: last_position.cast_unsigned(),
        })
    }

    fn before(&self, id: &DossierId) -> Result<Option<Before>> {
        let sql = "SELECT number, sequence, last_position, last_hash, owed, steps, closed_at,
                     received_at, promised_at, calendar
                   FROM dossier WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let row = statement.query_row(params![id.0], |row| {
            Ok(Before {
                number: row.get(0)?,
                sequence: row.get::<_, i64>(1)?.cast_unsigned(),
                last_position: Some(row.get(2)?),
                last_hash: Some(Digest(row.get(3)?)),
                owed: rows::decode(row.get_ref(4)?.as_blob()?),
                steps: rows::decode(row.get_ref(5)?.as_blob()?),
                seldom: Some(Seldom {
                    closed_at: row.get(6)?,
                    received_at: row.get(7)?,
                    promised_at: row.get(8)?,
                    calendar: row.get(9)?,
                }),
            })
        });
        row.optional()
    }

    fn receive(&self, change: &Change, numbered: &Numbered) -> std::result::Result<Before, Undo> {
        let summary = &change.summary;
        let sql = "INSERT INTO dossier (partition, id, code, desk, hand_out_desk, procedure,
                     territory, state, received_at, promised_at, calendar, sequence, last_position,
                     last_hash, owed, steps)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, 0, x'', x'', x'')
                   RETURNING number";
        let number = self.connection.prepare_cached(sql)?.query_row(
            params![
                partition_of(&change.dossier_id),
                change.dossier_id.0,
                summary.code.as_str(),
                numbered.desk,
                numbered.hand_out_desk,
                numbered.procedure,
                numbered.territory,
                summary.state,
                summary.received_at.as_microsecond(),
                summary.promised_at.as_microsecond(),
                summary.calendar.0,
            ],
            |row| row.get(0),
        )?;
        Ok(Before {
            number,
            sequence: 0,
            last_position: None,
            last_hash: None,
            owed: Vec::new(),
            steps: Vec::new(),
            seldom: None,
        })
    }

    fn append(&self, change: &Change, before: &Before) -> Result<i64> {
        let partition = partition_of(&change.dossier_id);
        let mut previous = before.last_position;
        for record in &change.records {
            self.execute(
                "INSERT INTO record (partition, dossier, sequence, previous, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    partition,
                    before.number,
                    record.sequence.cast_signed(),
                    previous,
                    record.bytes
                ],
            )?;
            let position = self.connection.last_insert_rowid();
            if let Some(beside) = &record.personal {
                self.execute(
                    "INSERT INTO personal (position, salt, bytes) VALUES (?1, ?2, ?3)",
                    params![position, beside.salt, beside.bytes],
                )?;
            }
            previous = Some(position);
        }
        Ok(previous.unwrap_or_default())
    }

    /// Writes what differs between the rows that the dossier had and those that it has now.
    fn index(&mut self, before: &Before, now: &Numbered) -> Result<()> {
        for row in before.owed.iter().filter(|row| !now.owed.contains(row)) {
            self.execute(
                "DELETE FROM owed WHERE agency = ?1 AND due_at = ?2 AND dossier = ?3 AND kind = ?4
                 AND step = ?5 AND round = ?6",
                params![
                    row.agency,
                    row.due_at,
                    before.number,
                    row.what,
                    row.step,
                    row.round
                ],
            )?;
            let is_owed_still = |one: &IndexRow| {
                (one.agency, one.what, one.step, one.round)
                    == (row.agency, row.what, row.step, row.round)
            };
            // Only its due date may be another: then it rests on.
            let is_over = row.agency != 0 && !now.owed.iter().any(is_owed_still);
            if is_over && self.known.has_attempts(self.connection)? {
                self.forget_attempts(before.number, row)?;
            }
        }
        for row in now.owed.iter().filter(|row| !before.owed.contains(row)) {
            self.execute(
                "INSERT INTO owed (agency, due_at, dossier, kind, step, round)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    row.agency,
                    row.due_at,
                    before.number,
                    row.what,
                    row.step,
                    row.round
                ],
            )?;
        }
        self.index_steps(before, now)
    }

    fn forget_attempts(&mut self, dossier: i64, row: &IndexRow) -> Result<()> {
        let gone = self.execute(
            "DELETE FROM attempt WHERE dossier = ?1 AND step = ?2 AND round = ?3",
            params![dossier, row.step, row.round],
        )?;
        if gone > 0 {
            self.known.forgot_attempts();
        }
        Ok(())
    }

    fn index_steps(&self, before: &Before, now: &Numbered) -> Result<()> {
        let is_same =
            |one: &IndexRow, other: &IndexRow| (one.agency, one.step) == (other.agency, other.step);
        let had = |row: &IndexRow| before.steps.iter().find(|one| is_same(one, row));
        for row in &before.steps {
            if now.steps.iter().any(|one| is_same(one, row)) {
                continue;
            }
            self.execute(
                "DELETE FROM step WHERE agency = ?1 AND state = ?2 AND dossier = ?3 AND step = ?4",
                params![row.agency, row.what, before.number, row.step],
            )?;
        }
        for row in &now.steps {
            match had(row) {
                Some(had) if had == row => {}
                Some(had) => {
                    self.execute(
                        "UPDATE step SET state = ?5, round = ?6, due_at = ?7
                         WHERE agency = ?1 AND state = ?2 AND dossier = ?3 AND step = ?4",
                        params![
                            row.agency,
                            had.what,
                            before.number,
                            row.step,
                            row.what,
                            row.round,
                            row.due()
                        ],
                    )?;
                }
                None => {
                    self.execute(
                        "INSERT INTO step (agency, state, dossier, step, round, due_at)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                        params![
                            row.agency,
                            row.what,
                            before.number,
                            row.step,
                            row.round,
                            row.due()
                        ],
                    )?;
                }
            }
        }
        Ok(())
    }

    fn update(
        &self,
        change: &Change,
        numbered: &Numbered,
        before: &Before,
        last_position: i64,
    ) -> Result<()> {
        let Some(Stored { sequence, hash, .. }) = change.records.last() else {
            return Ok(());
        };
        let summary = &change.summary;
        self.execute(
            "UPDATE dossier SET state = ?2, sequence = ?3, last_position = ?4, last_hash = ?5,
               owed = ?6, steps = ?7
             WHERE number = ?1",
            params![
                before.number,
                summary.state,
                sequence.cast_signed(),
                last_position,
                hash.0,
                rows::encode(&numbered.owed),
                rows::encode(&numbered.steps),
            ],
        )?;
        // A column that is named is written again in every index that it stands in.
        let now = Seldom::of(summary);
        if before.seldom.as_ref() == Some(&now) {
            return Ok(());
        }
        self.execute(
            "UPDATE dossier SET closed_at = ?2, received_at = ?3, promised_at = ?4, calendar = ?5
             WHERE number = ?1",
            params![
                before.number,
                now.closed_at,
                now.received_at,
                now.promised_at,
                now.calendar
            ],
        )?;
        Ok(())
    }

    fn notices(
        &self,
        change: &Change,
        numbered: &Numbered,
        dossier: i64,
        last_position: i64,
    ) -> std::result::Result<(), Undo> {
        let partition = partition_of(&change.dossier_id);
        let mut positions = notice_positions(last_position);
        for (row, desk) in change.notices.iter().zip(&numbered.notice_desks) {
            let Some(position) = positions.next() else {
                let why = "a change tells more than there is room for".to_owned();
                return Err(Undo::Fault(DossierFault::Refused(why)));
            };
            self.execute(
                "INSERT INTO notice (position, partition, desk, dossier, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![position, partition, desk, dossier, row.bytes],
            )?;
        }
        Ok(())
    }

    fn grant(&self, row: &Grant, agency: u32, dossier: i64) -> Result<()> {
        self.execute(
            "INSERT OR IGNORE INTO document_grant (digest, agency, dossier) VALUES (?1, ?2, ?3)",
            params![row.digest.0, agency, dossier],
        )?;
        Ok(())
    }

    fn deposit(
        &self,
        deposit: &Deposit,
        (evidence, agency): (u32, u32),
        dossier: i64,
    ) -> Result<()> {
        self.execute(
            "INSERT INTO vault (code, dossier, evidence, agency, version, valid_until, supersedes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                deposit.code,
                dossier,
                evidence,
                agency,
                deposit.version,
                deposit.valid_until.map(|day| day.to_string()),
                deposit.supersedes,
            ],
        )?;
        let number = self.connection.last_insert_rowid();
        self.execute(
            "INSERT INTO vault_content (vault, bytes) VALUES (?1, ?2)",
            params![
                number,
                records::encode_given(&deposit.given, deposit.version)
            ],
        )?;
        for owner in &deposit.owner {
            self.execute(
                "INSERT OR IGNORE INTO vault_owner (scheme, value, vault) VALUES (?1, ?2, ?3)",
                params![owner.scheme.word(), owner.value, number],
            )?;
        }
        Ok(())
    }

    fn vault_use(&self, one: &VaultUse, procedure: u32, evidence: u32, dossier: i64) -> Result<()> {
        self.execute(
            "INSERT INTO vault_use (code, dossier, procedure, evidence, at)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![
                one.code,
                dossier,
                procedure,
                evidence,
                one.at.as_microsecond()
            ],
        )?;
        Ok(())
    }

    fn denied(&self, denied: &Denied, agency: u32) -> Result<()> {
        self.execute(
            "INSERT INTO denial (agency, day, count) VALUES (?1, ?2, 1)
             ON CONFLICT (agency, day) DO UPDATE SET count = count + 1",
            params![agency, denied.day.to_string()],
        )?;
        Ok(())
    }

    pub(super) fn incident(&mut self, change: &IncidentChange) -> Result<()> {
        match change {
            IncidentChange::Happened { key, vi, en, at } => {
                self.known.opened(self.connection, key)?;
                let (dossier_id, step, agency) = columns(key);
                self.execute(
                    "INSERT INTO incident
                       (cause, dossier_id, step, agency, vi, en, opened_at, last_at, count)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, 1)
                     ON CONFLICT (cause, dossier_id, step, agency) WHERE closed_at IS NULL
                     DO UPDATE SET count = count + 1, last_at = ?7, vi = ?5, en = ?6",
                    params![
                        key.cause,
                        dossier_id,
                        step,
                        agency,
                        vi,
                        en,
                        at.as_microsecond()
                    ],
                )?;
            }
            IncidentChange::Over { key, at } => {
                if !self.known.is_open(self.connection, key)? {
                    return Ok(());
                }
                self.known.is_over(key);
                let (dossier_id, step, agency) = columns(key);
                self.execute(
                    "UPDATE incident SET closed_at = ?5 WHERE cause = ?1 AND dossier_id = ?2
                     AND step = ?3 AND agency = ?4 AND closed_at IS NULL",
                    params![key.cause, dossier_id, step, agency, at.as_microsecond()],
                )?;
            }
            IncidentChange::Closed { number, at } => {
                self.known.forget_incidents();
                self.execute(
                    "UPDATE incident SET closed_at = ?2 WHERE number = ?1 AND closed_at IS NULL",
                    params![number.cast_signed(), at.as_microsecond()],
                )?;
            }
        }
        Ok(())
    }

    pub(super) fn blob(&self, blob: &Blob) -> Result<()> {
        self.execute(
            "INSERT OR IGNORE INTO kept_blob (kind, digest, bytes) VALUES (?1, ?2, ?3)",
            params![blob.kind.number(), blob.digest.0, blob.bytes],
        )?;
        Ok(())
    }

    /// Remembers attempts at what is still owed; for anything else there is nothing to remember.
    pub(super) fn attempt(&mut self, change: &AttemptChange) -> Result<()> {
        let step = self
            .known
            .words
            .number(self.connection, change.step.as_str())?;
        if change.attempts == 0 {
            self.execute(
                "DELETE FROM attempt WHERE step = ?2 AND round = ?3
                 AND dossier = (SELECT number FROM dossier WHERE id = ?1)",
                params![change.dossier_id.0, step, change.round],
            )?;
            self.known.forgot_attempts();
            return Ok(());
        }
        let Some(before) = self.before(&change.dossier_id)? else {
            return Ok(());
        };
        if !before
            .owed
            .iter()
            .any(|row| row.step == step && row.round == change.round)
        {
            return Ok(());
        }
        self.known.attempted();
        self.execute(
            "INSERT OR REPLACE INTO attempt (dossier, step, round, attempts, next_at, last_error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                before.number,
                step,
                change.round,
                change.attempts,
                change.next_at.as_microsecond(),
                change.last_error
            ],
        )?;
        Ok(())
    }

    pub(super) fn quarantine(&self, change: &Quarantine) -> Result<()> {
        self.execute(
            "UPDATE dossier SET quarantined = ?2 WHERE id = ?1",
            params![change.dossier_id.0, change.why],
        )?;
        Ok(())
    }

    /// The block of a lease: the one that the same request got before, or a new one.
    pub(super) fn code_lease(&mut self, lease: &CodeLease) -> Result<CodeBlock> {
        if let Some(block) = self.leased_before(lease)? {
            return Ok(block);
        }
        let desk = self
            .known
            .words
            .number(self.connection, lease.desk.as_str())?;
        let (date, floor) = (lease.date.to_string(), lease.floor.max(1).cast_signed());
        let sql = "INSERT INTO code_sequence (desk, date, next) VALUES (?1, ?2, ?3 + ?4)
                   ON CONFLICT (desk, date) DO UPDATE SET next = max(next, ?3) + ?4
                   RETURNING next";
        let end: i64 = self
            .connection
            .prepare_cached(sql)?
            .query_row(params![desk, date, floor, lease.count], |row| row.get(0))?;
        let first = end - i64::from(lease.count);
        let request = lease.request.map(|request| request.0);
        self.execute(
            "INSERT INTO code_block (desk, date, first, until, request)
             VALUES (?1, ?2, ?3, ?4, ?5)",
            params![desk, date, first, end, request],
        )?;
        Ok(CodeBlock {
            desk: lease.desk.clone(),
            date: lease.date,
            first: first.cast_unsigned(),
            count: lease.count,
        })
    }

    fn leased_before(&self, lease: &CodeLease) -> Result<Option<CodeBlock>> {
        let Some(request) = &lease.request else {
            return Ok(None);
        };
        let sql = "SELECT w.text, b.date, b.first, b.until FROM code_block b
                   JOIN word w ON w.word = b.desk WHERE b.request = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row(params![request.0], |row| {
            let (first, until): (i64, i64) = (row.get(2)?, row.get(3)?);
            Ok(CodeBlock {
                desk: read::name(row, 0)?,
                date: read::day(row, 1)?,
                first: first.cast_unsigned(),
                count: u32::try_from(until - first).unwrap_or_default(),
            })
        });
        found.optional()
    }
}

/// Where the notices of a change stand whose last record stands here.
pub(super) fn notice_positions(last_position: i64) -> std::ops::Range<i64> {
    last_position << NOTICE_BITS..(last_position + 1) << NOTICE_BITS
}

fn columns(key: &IncidentKey) -> (&[u8], &str, &str) {
    (
        key.dossier_id.as_ref().map_or(&[], |id| &id.0),
        key.step.as_ref().map_or("", |step| step.as_str()),
        key.agency.as_ref().map_or("", |agency| agency.as_str()),
    )
}

/// The rows without repetitions, which an index holds once.
fn unique(rows: impl Iterator<Item = Result<IndexRow>>) -> Result<Vec<IndexRow>> {
    let mut kept = Vec::new();
    for row in rows {
        let row = row?;
        if !kept.contains(&row) {
            kept.push(row);
        }
    }
    Ok(kept)
}

fn check_follows(
    change: &Change,
    before: Option<&Before>,
) -> std::result::Result<(), DossierFault> {
    crate::store::change::check_follows(
        &change.records,
        before.map_or(0, |before| before.sequence),
        before.and_then(|before| before.last_hash),
    )
}
