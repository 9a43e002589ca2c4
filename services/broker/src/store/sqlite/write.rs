//! One batch into one open transaction.

mod flow;
mod index;
mod lease;
mod note;
mod vault;
mod watch;

use super::{
    frames,
    heads::{Head, Seldom},
    known::Known,
    rows::{self, IndexRow},
    statements::{Statements, Usual},
};
use crate::store::{
    Batch, Change, Committed, DossierFault, Position, change::check_follows, partition_of,
};
use dossier::name::{Digest, DossierId};
use rusqlite::{Connection, Result, params};

/// Writes within a transaction that somebody else begins and ends.
pub(super) struct Write<'a> {
    pub(super) connection: &'a Connection,
    pub(super) statements: Statements<'a>,
    pub(super) known: &'a mut Known,
    /// When the transaction began, in microseconds.
    pub(super) now: i64,
    /// Whether each dossier gets a savepoint of its own. Hardly any batch needs them: one that does is
    /// rolled back whole, and written again with them.
    pub(super) is_cautious: bool,
    /// A dossier was refused after some of it was written, and there is no savepoint to go back to.
    pub(super) is_spoilt: bool,
    /// Incidents that were changed so far.
    pub(super) incidents: u64,
    /// What is to be counted anew at the end of the batch.
    moved: flow::Moved,
}

/// A change with its words numbered.
struct Numbered {
    /// Of a new dossier.
    reception: Option<Reception>,
    owed: Vec<IndexRow>,
    steps: Vec<IndexRow>,
    notice_desks: Vec<u32>,
    grant_agencies: Vec<u32>,
    /// Of each deposit, its evidence and who gave it.
    deposits: Vec<(u32, u32)>,
    /// Of each use of the vault, the procedure and the evidence.
    vault_uses: Vec<(u32, u32)>,
    denied_agencies: Vec<u32>,
}

/// What is said of a dossier once.
struct Reception {
    desk: u32,
    hand_out_desk: Option<u32>,
    procedure: u32,
    territory: u32,
}

/// Why a change is not kept.
enum Undo {
    /// Nothing of it was written.
    Nothing(DossierFault),
    /// Some of it was.
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

impl<'a> Write<'a> {
    pub(super) fn begun(connection: &'a Connection, known: &'a mut Known, now: i64) -> Self {
        Self {
            connection,
            statements: Statements::of(connection),
            known,
            now,
            is_cautious: false,
            is_spoilt: false,
            incidents: 0,
            moved: flow::Moved::default(),
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
        let changes = changes.collect::<Result<Vec<_>>>()?;
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
        for id in &batch.timers {
            self.set_timer_anew(id)?;
        }
        let code_leases = batch.code_leases.iter().map(|lease| self.code_lease(lease));
        let code_leases = code_leases.collect::<Result<_>>()?;
        for suspension in &batch.suspensions {
            self.suspension(suspension)?;
        }
        for audit in &batch.audits {
            self.audit(audit)?;
        }
        self.count(&batch.changes, &changes)?;
        self.write_moved()?;
        Ok(Committed {
            changes,
            code_leases,
            incidents: self.incidents,
        })
    }

    /// Takes back all that was written, and goes on with care.
    pub(super) fn begin_again(&mut self) -> Result<()> {
        self.connection.execute_batch("ROLLBACK; BEGIN IMMEDIATE")?;
        *self.known = Known::default();
        self.moved = flow::Moved::default();
        self.is_cautious = true;
        self.is_spoilt = false;
        Ok(())
    }

    /// What the store has of a dossier, out of the memory: to be put back, or what it is then, once that
    /// is written. So what is taken back is never remembered.
    pub(super) fn take_head(&mut self, id: &DossierId) -> Result<Option<Head>> {
        match self.known.heads.take(id) {
            Some(head) => Ok(Some(head)),
            None => Head::read(self.connection, id),
        }
    }

    /// One dossier's change, whole or not at all; or the whole batch is spoilt.
    fn change(&mut self, change: &Change) -> Result<std::result::Result<Position, DossierFault>> {
        let id = change.dossier_id;
        let before = self.take_head(&id)?;
        let stands = before.as_ref().map(|head| (head.sequence, head.last_hash));
        let (sequence, last_hash) = stands.map_or((0, None), |(n, hash)| (n, Some(hash)));
        if let Err(fault) = check_follows(&change.records, sequence, last_hash) {
            if let Some(before) = before {
                self.known.heads.put(id, before);
            }
            return Ok(Err(fault));
        }
        // Words stay when the savepoint goes back: they are remembered outside it.
        let numbered = self.numbered(change, before.is_none())?;
        if !self.is_cautious {
            return match self.change_within(change, &numbered, before) {
                Ok(after) => Ok(Ok(self.keep(id, after))),
                Err(Undo::Nothing(fault)) => Ok(Err(fault)),
                Err(Undo::Fault(fault)) => {
                    self.is_spoilt = true;
                    Ok(Err(fault))
                }
                Err(Undo::Sqlite(error)) => Err(error),
            };
        }
        self.execute("SAVEPOINT dossier", [])?;
        let moved = self.moved.clone();
        let answer = match self.change_within(change, &numbered, before) {
            Ok(after) => Ok(self.keep(id, after)),
            Err(Undo::Nothing(fault)) => Err(fault),
            Err(Undo::Fault(fault)) => {
                self.execute("ROLLBACK TO dossier", [])?;
                self.moved = moved;
                self.known.forget_incidents();
                self.known.forgot_attempts();
                Err(fault)
            }
            Err(Undo::Sqlite(error)) => return Err(error),
        };
        self.execute("RELEASE dossier", [])?;
        Ok(answer)
    }

    /// Remembers what was written.
    fn keep(&mut self, id: DossierId, after: Head) -> Position {
        let number = after.last_position;
        self.known.reached(number);
        self.known.heads.put(id, after);
        Position {
            partition: partition_of(&id),
            number: number.cast_unsigned(),
        }
    }

    fn numbered(&mut self, change: &Change, is_new: bool) -> Result<Numbered> {
        let (words, connection) = (&mut self.known.words, self.connection);
        let mut word = |text: &str| words.number(connection, text);
        let notice_desks = change.notices.iter().map(|row| word(row.desk.as_str()));
        let notice_desks = notice_desks.collect::<Result<_>>()?;
        let grants = change.grants.iter().map(|row| word(row.agency.as_str()));
        let grant_agencies = grants.collect::<Result<_>>()?;
        let deposits = change.deposits.iter().map(|deposit| {
            let agency = word(deposit.agency.as_str())?;
            Ok((word(deposit.evidence.as_str())?, agency))
        });
        let deposits = deposits.collect::<Result<_>>()?;
        let uses = change.vault_uses.iter().map(|one| {
            let procedure = word(one.procedure.as_str())?;
            Ok((procedure, word(one.evidence.as_str())?))
        });
        let vault_uses = uses.collect::<Result<_>>()?;
        let denied = change.denials.iter().map(|one| word(one.agency.as_str()));
        let denied_agencies = denied.collect::<Result<_>>()?;
        let summary = &change.summary;
        let mut reception = None;
        if is_new {
            let elsewhere =
                (summary.hand_out_desk != summary.desk).then_some(&summary.hand_out_desk);
            reception = Some(Reception {
                desk: word(summary.desk.as_str())?,
                hand_out_desk: elsewhere.map(|desk| word(desk.as_str())).transpose()?,
                procedure: word(summary.procedure.as_str())?,
                territory: word(summary.territory.as_str())?,
            });
        }
        let owed = change.owed.iter();
        let owed = unique(owed.map(|row| IndexRow::of_owed(row, words, connection)))?;
        let steps = change.steps.iter();
        let steps = steps.map(|row| IndexRow::of_step(row, words, connection));
        let steps = steps.collect::<Result<_>>()?;
        Ok(Numbered {
            reception,
            owed,
            steps,
            notice_desks,
            grant_agencies,
            deposits,
            vault_uses,
            denied_agencies,
        })
    }

    /// Writes a change, and gives what the store has of the dossier then.
    fn change_within(
        &mut self,
        change: &Change,
        numbered: &Numbered,
        before: Option<Head>,
    ) -> std::result::Result<Head, Undo> {
        if change.notices.len() > frames::NOTICES_MAX {
            let why = "a change tells more than there is room for".to_owned();
            return Err(Undo::Nothing(DossierFault::Refused(why)));
        }
        let before = match before {
            Some(before) => before,
            None => self.receive(change, numbered.reception.as_ref())?,
        };
        let after = self.go_on(change, numbered, before)?;
        let dossier = after.number;
        for (grant, agency) in change.grants.iter().zip(&numbered.grant_agencies) {
            self.grant(grant, *agency, dossier)?;
        }
        for incident in &change.incidents {
            self.incident(incident)?;
        }
        for (deposit, words) in change.deposits.iter().zip(&numbered.deposits) {
            self.deposit(deposit, *words, dossier)?;
        }
        for (one, words) in change.vault_uses.iter().zip(&numbered.vault_uses) {
            self.vault_use(one, *words, dossier)?;
        }
        for (denied, agency) in change.denials.iter().zip(&numbered.denied_agencies) {
            self.denied(denied, *agency)?;
        }
        for key in &change.persons {
            self.person(key, dossier)?;
        }
        for audit in &change.audits {
            self.audit(audit)?;
        }
        Ok(after)
    }

    /// A new dossier, as it is before its first record.
    fn receive(
        &self,
        change: &Change,
        reception: Option<&Reception>,
    ) -> std::result::Result<Head, Undo> {
        let summary = &change.summary;
        let seldom = Seldom::of(summary);
        let written = self.execute(
            "INSERT INTO dossier (partition, id, code, desk, hand_out_desk, procedure, territory,
               calendar, received_at, promised_at, closed_at, closed_state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (code) DO NOTHING",
            params![
                partition_of(&change.dossier_id),
                change.dossier_id.0,
                summary.code.as_str(),
                reception.map(|one| one.desk),
                reception.and_then(|one| one.hand_out_desk),
                reception.map(|one| one.procedure),
                reception.map(|one| one.territory),
                seldom.calendar,
                seldom.received_at,
                seldom.promised_at,
                seldom.closed_at,
                seldom.closed_state,
            ],
        )?;
        if written == 0 {
            let taken = DossierFault::CodeTaken(summary.code.clone());
            return Err(Undo::Nothing(taken));
        }
        Ok(Head {
            number: self.connection.last_insert_rowid(),
            desk: reception.map(|one| one.desk).unwrap_or_default(),
            procedure: reception.map(|one| one.procedure).unwrap_or_default(),
            state: summary.state,
            sequence: 0,
            last_position: 0,
            last_hash: Digest([0; 32]),
            rings_at: None,
            owed: Vec::new(),
            steps: Vec::new(),
            seldom,
        })
    }

    /// Its records, what is personal beside them, and where it stands then.
    fn go_on(&mut self, change: &Change, numbered: &Numbered, before: Head) -> Result<Head> {
        let (dossier, is_new) = (before.number, before.sequence == 0);
        let count = i64::try_from(change.records.len()).unwrap_or_default();
        let position = self.known.last_position(self.connection)? + count;
        let (sequence, last_hash) = match change.records.last() {
            Some(last) => (last.sequence, last.hash),
            None => (before.sequence, before.last_hash),
        };
        self.statements.run(
            Usual::Record,
            params![
                position,
                partition_of(&change.dossier_id),
                dossier,
                sequence.cast_signed(),
                (!is_new).then_some(before.last_position),
                frames::encode_records(&change.records),
            ],
        )?;
        self.lay_beside(change, &numbered.notice_desks, dossier, position)?;
        let after = Head {
            number: dossier,
            desk: before.desk,
            procedure: before.procedure,
            state: change.summary.state,
            sequence,
            last_position: position,
            last_hash,
            rings_at: self.set_timer(&before, rows::next_timer(&numbered.owed))?,
            owed: rows::encode(&numbered.owed),
            steps: rows::encode(&numbered.steps),
            seldom: Seldom::of(&change.summary),
        };
        self.index(&before, &after, numbered)?;
        self.moved.change(&before, &after, numbered)?;
        let which = match is_new {
            true => Usual::Begin,
            false => Usual::GoOn,
        };
        self.statements.run(
            which,
            params![
                dossier,
                change.summary.state,
                sequence.cast_signed(),
                position,
                after.rings_at,
                last_hash.0,
                after.owed,
                after.steps,
            ],
        )?;
        self.change_seldom(&before, &after)?;
        Ok(after)
    }

    fn lay_beside(
        &mut self,
        change: &Change,
        desks: &[u32],
        dossier: i64,
        position: i64,
    ) -> Result<()> {
        let personal = frames::encode_personal(&change.records, &change.notices, desks);
        if let Some(bytes) = personal {
            let values = params![position, bytes];
            self.statements.run(Usual::Personal, values)?;
        }
        for (at, desk) in desks.iter().enumerate() {
            if !desks[..at].contains(desk) {
                let values = params![desk, position, dossier];
                self.statements.run(Usual::Notice, values)?;
            }
        }
        Ok(())
    }

    /// A column that is named is written again in every index that it stands in.
    fn change_seldom(&self, before: &Head, after: &Head) -> Result<()> {
        let (had, now) = (&before.seldom, &after.seldom);
        if had == now {
            return Ok(());
        }
        let closed = Seldom {
            closed_at: now.closed_at,
            closed_state: now.closed_state,
            ..had.clone()
        };
        if closed == *now {
            let sql = "UPDATE dossier SET closed_at = ?2, closed_state = ?3 WHERE number = ?1";
            return self
                .execute(sql, params![after.number, now.closed_at, now.closed_state])
                .map(drop);
        }
        let sql = "UPDATE dossier SET closed_at = ?2, received_at = ?3, promised_at = ?4,
                     calendar = ?5, closed_state = ?6
                   WHERE number = ?1";
        let values = params![
            after.number,
            now.closed_at,
            now.received_at,
            now.promised_at,
            now.calendar,
            now.closed_state
        ];
        self.execute(sql, values).map(drop)
    }
}

/// The rows without repetitions, which an index holds once.
fn unique(rows: impl Iterator<Item = Result<IndexRow>>) -> Result<Vec<IndexRow>> {
    let mut kept = Vec::with_capacity(rows.size_hint().0);
    for row in rows {
        let row = row?;
        if !kept.contains(&row) {
            kept.push(row);
        }
    }
    Ok(kept)
}
