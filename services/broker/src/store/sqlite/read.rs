//! Every question that the store answers.

use super::{
    SqliteReader,
    found::{
        dossier_row, finding, incident_row, instant, name, notices, owed_row, records, step_row,
        timers,
    },
    frames, schema, words,
};
use crate::{
    records::Kept,
    store::{
        BlobKind, Counts, Cursor, DossierRow, Incident, IncidentCursor, Loaded, Notice, Origin,
        Owed, OwedCursor, PAGE_ROWS_MAX, Reader, StepCursor, StepFound, StoreError, VaultUse,
    },
};
use dossier::{
    name::{AgencyCode, Digest, DossierCode, DossierId, EvidenceName, TerritoryCode},
    party::Identifier,
    vault::Finding,
};
use jiff::{Timestamp, civil::Date};
use rusqlite::{Connection, OptionalExtension as _, Result, ToSql, params, params_from_iter};
use std::collections::BTreeMap;

pub(super) const DOSSIER: &str = "SELECT d.id, d.number, d.code, k.text, p.text, a.state, d.received_at, \
                       d.promised_at, d.closed_at, a.sequence, a.last_hash, a.steps, d.quarantined, \
                       h.text, t.text, d.calendar, d.erased_at \
                       FROM dossier d JOIN head a ON a.dossier = d.number \
                       JOIN word k ON k.word = d.desk JOIN word p ON p.word = d.procedure \
                       LEFT JOIN word h ON h.word = d.hand_out_desk \
                       JOIN word t ON t.word = d.territory";
pub(super) const INCIDENT: &str = "SELECT i.number, i.cause, i.dossier_id, i.step, i.agency, i.vi, i.en, \
                                   i.opened_at, i.last_at, i.count, i.closed_at, d.code \
                                   FROM incident i LEFT JOIN dossier d ON d.id = i.dossier_id";
const OWED: &str = "SELECT o.due_at, o.dossier, o.kind, o.step, o.round, d.id, d.code, a.text, \
                    s.text, t.attempts, t.next_at, t.last_error FROM owed o \
                    JOIN dossier d ON d.number = o.dossier \
                    JOIN word a ON a.word = o.agency LEFT JOIN word s ON s.word = o.step \
                    LEFT JOIN attempt t ON t.dossier = o.dossier AND t.step = o.step \
                    AND t.round = o.round";

impl Reader for SqliteReader {
    fn dossier(&self, id: &DossierId) -> Result<Option<DossierRow>, StoreError> {
        self.readers.read(|c| dossier(c, id))
    }

    fn by_code(&self, code: &DossierCode) -> Result<Option<DossierId>, StoreError> {
        self.readers.read(|c| {
            c.prepare_cached("SELECT id FROM dossier WHERE code = ?1")?
                .query_row(params![code.as_str()], |row| row.get(0).map(DossierId))
                .optional()
        })
    }

    fn load(&self, id: &DossierId) -> Result<Option<Loaded>, StoreError> {
        self.readers.read(|c| {
            // One transaction, so that the row and the records are of the same commit.
            let read = c.unchecked_transaction()?;
            let Some(row) = dossier(&read, id)? else {
                return Ok(None);
            };
            let records = records_of(&read, &row)?;
            Ok(Some(Loaded { row, records }))
        })
    }

    fn sequence_at(&self, id: &DossierId, position: u64) -> Result<u64, StoreError> {
        self.readers.read(|c| {
            let read = c.unchecked_transaction()?;
            let sql = "SELECT h.last_position FROM head h
                       JOIN dossier d ON d.number = h.dossier WHERE d.id = ?1";
            let mut next: Option<i64> = read
                .prepare_cached(sql)?
                .query_row(params![id.0], |row| row.get(0))
                .optional()?;
            let mut of_row =
                read.prepare_cached("SELECT sequence, previous FROM record WHERE position = ?1")?;
            let of_row = &mut of_row;
            while let Some(at) = next {
                let (sequence, previous): (i64, Option<i64>) =
                    of_row.query_row(params![at], |row| Ok((row.get(0)?, row.get(1)?)))?;
                if at.cast_unsigned() <= position {
                    return Ok(sequence.cast_unsigned());
                }
                next = previous.filter(|earlier| *earlier < at);
            }
            Ok(0)
        })
    }

    fn dossiers(
        &self,
        desk: Option<&AgencyCode>,
        open_only: bool,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DossierRow>, StoreError> {
        self.readers.read(|c| {
            let before = before.map_or(i64::MAX, u64::cast_signed);
            let open = if open_only { "AND d.closed_at IS NULL" } else { "" };
            let list = |of_desk: &str, desk: u32| {
                let sql = format!(
                    "{DOSSIER} WHERE d.number < ?1 {open} AND {of_desk} ORDER BY d.number DESC LIMIT ?2"
                );
                c.prepare_cached(&sql)?
                    .query_map(params![before, page(limit), desk], dossier_row)?
                    .collect::<Result<Vec<_>>>()
            };
            let found = match desk {
                None => list("?3 = 0", 0)?,
                Some(desk) => {
                    let Some(desk) = words::find(c, desk.as_str())? else {
                        return Ok(Vec::new());
                    };
                    // Two runs of two indexes; no dossier is in both.
                    let mut found = list("d.desk = ?3", desk)?;
                    found.extend(list("d.hand_out_desk = ?3", desk)?);
                    found.sort_by_key(|found| std::cmp::Reverse(found.row.number));
                    found.truncate(limit.min(PAGE_ROWS_MAX));
                    found
                }
            };
            found.into_iter().map(|found| found.named(c)).collect()
        })
    }

    fn register(
        &self,
        desk: &AgencyCode,
        from: Timestamp,
        until: Timestamp,
        after: Option<(Timestamp, u64)>,
        limit: usize,
    ) -> Result<Vec<DossierRow>, StoreError> {
        self.readers.read(|c| {
            let Some(desk) = words::find(c, desk.as_str())? else {
                return Ok(Vec::new());
            };
            let (at, number) = match after {
                Some((at, number)) => (at.as_microsecond(), number.cast_signed()),
                None => (from.as_microsecond(), 0),
            };
            let sql = format!(
                "{DOSSIER} WHERE d.desk = ?1 AND (d.received_at, d.number) > (?2, ?3)
                 AND d.received_at < ?4 ORDER BY d.received_at, d.number LIMIT ?5"
            );
            let values = params![desk, at, number, until.as_microsecond(), page(limit)];
            let found = c
                .prepare_cached(&sql)?
                .query_map(values, dossier_row)?
                .collect::<Result<Vec<_>>>()?;
            found.into_iter().map(|found| found.named(c)).collect()
        })
    }

    fn closed_before(&self, at: Timestamp, limit: usize) -> Result<Vec<DossierId>, StoreError> {
        self.readers.read(|c| {
            let sql = "SELECT id FROM dossier WHERE closed_at < ?1 AND closed_at IS NOT NULL
                         AND erased_at IS NULL AND quarantined IS NULL
                       ORDER BY closed_at, number LIMIT ?2";
            c.prepare_cached(sql)?
                .query_map(params![at.as_microsecond(), page(limit)], |row| {
                    row.get(0).map(DossierId)
                })?
                .collect()
        })
    }

    fn owed_for(
        &self,
        agency: &AgencyCode,
        after: Option<&OwedCursor>,
        limit: usize,
    ) -> Result<Vec<Owed>, StoreError> {
        let after = after.copied().unwrap_or(OwedCursor {
            due_at: i64::MIN,
            dossier: 0,
            kind: 0,
            step: 0,
            round: 0,
        });
        self.readers.read(|c| {
            let Some(agency) = words::find(c, agency.as_str())? else {
                return Ok(Vec::new());
            };
            let sql = format!(
                "{OWED} WHERE d.quarantined IS NULL AND o.agency = ?1
                 AND (o.due_at, o.dossier, o.kind, o.step, o.round) > (?2, ?3, ?4, ?5, ?6)
                 ORDER BY o.due_at, o.dossier, o.kind, o.step, o.round LIMIT ?7"
            );
            let OwedCursor {
                due_at,
                dossier,
                kind,
                step,
                round,
            } = after;
            c.prepare_cached(&sql)?
                .query_map(
                    params![agency, due_at, dossier, kind, step, round, page(limit)],
                    owed_row,
                )?
                .collect()
        })
    }

    fn agencies_owed(&self) -> Result<Vec<(AgencyCode, Timestamp)>, StoreError> {
        self.readers.read(|c| {
            // Leaps from agency to agency in the key, however much is owed to each; what is
            // quarantined is passed over.
            let sql = "WITH RECURSIVE leap(agency) AS (
                         SELECT (SELECT min(agency) FROM owed)
                         UNION ALL
                         SELECT (SELECT min(agency) FROM owed WHERE agency > leap.agency)
                         FROM leap WHERE leap.agency IS NOT NULL)
                       SELECT w.text, due FROM (
                         SELECT leap.agency, (
                           SELECT o.due_at FROM owed o JOIN dossier d ON d.number = o.dossier
                           WHERE o.agency = leap.agency AND d.quarantined IS NULL
                           ORDER BY o.due_at LIMIT 1) AS due
                         FROM leap) JOIN word w ON w.word = agency
                       WHERE due IS NOT NULL";
            c.prepare_cached(sql)?
                .query_map([], |row| Ok((name(row, 0)?, instant(row, 1)?)))?
                .collect()
        })
    }

    fn timers_until(&self, until: Timestamp, limit: usize) -> Result<Vec<Owed>, StoreError> {
        self.readers.read(|c| {
            let sql = "SELECT t.dossier, d.id, d.code, h.owed FROM timer t
                       JOIN dossier d ON d.number = t.dossier JOIN head h ON h.dossier = t.dossier
                       WHERE d.quarantined IS NULL AND t.at <= ?1
                       ORDER BY t.at, t.dossier LIMIT ?2";
            let until = until.as_microsecond();
            let mut statement = c.prepare_cached(sql)?;
            let mut rows = statement.query(params![until, page(limit)])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.extend(timers(c, row, until)?);
            }
            found.sort_by_key(|found| found.cursor);
            found.truncate(limit.min(PAGE_ROWS_MAX));
            Ok(found)
        })
    }

    fn next_timer(&self) -> Result<Option<Timestamp>, StoreError> {
        self.readers.read(|c| {
            let sql = "SELECT t.at FROM timer t JOIN dossier d ON d.number = t.dossier
                       WHERE d.quarantined IS NULL ORDER BY t.at LIMIT 1";
            c.prepare_cached(sql)?
                .query_row([], |row| instant(row, 0))
                .optional()
        })
    }

    fn steps_of(
        &self,
        agency: &AgencyCode,
        states: &[i32],
        after: Option<&StepCursor>,
        limit: usize,
    ) -> Result<Vec<StepFound>, StoreError> {
        let after = after.copied().unwrap_or(StepCursor {
            dossier: 0,
            step: 0,
        });
        self.readers.read(|c| {
            let Some(agency) = words::find(c, agency.as_str())? else {
                return Ok(Vec::new());
            };
            let sql = "SELECT s.dossier, s.step, s.agency, d.id, d.code, w.text, a.text, h.steps
                       FROM step s JOIN dossier d ON d.number = s.dossier
                       JOIN head h ON h.dossier = s.dossier
                       JOIN word w ON w.word = s.step JOIN word a ON a.word = s.agency
                       WHERE s.agency = ?1 AND (s.dossier, s.step) > (?2, ?3)
                       ORDER BY s.dossier, s.step";
            let mut statement = c.prepare_cached(sql)?;
            let mut rows = statement.query(params![agency, after.dossier, after.step])?;
            let mut found = Vec::new();
            while found.len() < limit.min(PAGE_ROWS_MAX)
                && let Some(row) = rows.next()?
            {
                found.extend(step_row(row, states)?);
            }
            Ok(found)
        })
    }

    fn notices(
        &self,
        desk: &AgencyCode,
        after: &Cursor,
        limit: usize,
    ) -> Result<Vec<Notice>, StoreError> {
        self.readers.read(|c| {
            let Some(desk) = words::find(c, desk.as_str())? else {
                return Ok(Vec::new());
            };
            // Of the change that the cursor stands in there may be more to come.
            let sql = "SELECT n.position, d.id, p.bytes FROM notice n
                       JOIN personal p ON p.position = n.position
                       JOIN dossier d ON d.number = n.dossier
                       WHERE n.desk = ?1 AND n.position >= ?2 ORDER BY n.position";
            let (after, limit) = (after.number(0), limit.min(PAGE_ROWS_MAX));
            let mut statement = c.prepare_cached(sql)?;
            let mut rows = statement.query(params![desk, frames::change_of_notice(after)])?;
            let mut found = Vec::new();
            while found.len() < limit
                && let Some(row) = rows.next()?
            {
                found.extend(notices(row, desk, after)?);
            }
            found.truncate(limit);
            Ok(found)
        })
    }

    fn incidents(
        &self,
        include_closed: bool,
        cause: Option<&str>,
        before: Option<IncidentCursor>,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError> {
        self.readers.read(|c| {
            let open = match include_closed {
                true => "",
                false => "AND i.closed_at IS NULL",
            };
            let of_cause = match cause {
                Some(_) => "AND i.cause = ?3",
                None => "AND ?3 IS NULL",
            };
            let sql = format!(
                "{INCIDENT} WHERE i.number < ?1 {open} {of_cause} ORDER BY i.number DESC LIMIT ?2"
            );
            let before = before.map_or(i64::MAX, u64::cast_signed);
            c.prepare_cached(&sql)?
                .query_map(params![before, page(limit), cause], incident_row)?
                .collect()
        })
    }

    fn vault_of(
        &self,
        owner: &[Identifier],
        evidence: &[EvidenceName],
    ) -> Result<Vec<Finding>, StoreError> {
        if owner.is_empty() || evidence.is_empty() {
            return Ok(Vec::new());
        }
        self.readers.read(|c| {
            let sql = "SELECT v.number, v.code, e.text, a.text, v.valid_until, t.bytes
                       FROM vault_owner o JOIN vault v ON v.number = o.vault
                       JOIN vault_content t ON t.vault = v.number
                       JOIN word e ON e.word = v.evidence JOIN word a ON a.word = v.agency
                       WHERE o.scheme = ?1 AND o.value = ?2
                         AND NOT EXISTS (SELECT 1 FROM vault s WHERE s.supersedes = v.code)
                       ORDER BY v.number DESC LIMIT ?3";
            let mut statement = c.prepare_cached(sql)?;
            let mut found = BTreeMap::new();
            for number in owner {
                let values = params![number.scheme.word(), number.value, page(PAGE_ROWS_MAX)];
                let mut rows = statement.query(values)?;
                while let Some(row) = rows.next()? {
                    if evidence.contains(&name(row, 2)?) {
                        found.insert(row.get::<_, i64>(0)?, finding(row)?);
                    }
                }
            }
            Ok(found.into_values().rev().flatten().collect())
        })
    }

    fn vault_uses(&self, code: &str) -> Result<Vec<VaultUse>, StoreError> {
        self.readers.read(|c| {
            let sql = "SELECT u.code, d.id, p.text, e.text, u.at FROM vault_use u
                       JOIN dossier d ON d.number = u.dossier
                       JOIN word p ON p.word = u.procedure JOIN word e ON e.word = u.evidence
                       WHERE u.code = ?1 ORDER BY u.number LIMIT ?2";
            c.prepare_cached(sql)?
                .query_map(params![code, page(PAGE_ROWS_MAX)], |row| {
                    Ok(VaultUse {
                        code: row.get(0)?,
                        dossier_id: DossierId(row.get(1)?),
                        procedure: name(row, 2)?,
                        evidence: name(row, 3)?,
                        at: instant(row, 4)?,
                    })
                })?
                .collect()
        })
    }

    fn denials(&self) -> Result<Vec<(AgencyCode, u64)>, StoreError> {
        self.readers.read(|c| {
            let sql = "SELECT w.text, sum(d.count) FROM denial d JOIN word w ON w.word = d.agency
                       GROUP BY d.agency ORDER BY w.text";
            c.prepare_cached(sql)?
                .query_map([], |row| {
                    Ok((name(row, 0)?, row.get::<_, i64>(1)?.cast_unsigned()))
                })?
                .collect()
        })
    }

    fn calendars_followed(&self) -> Result<Vec<(TerritoryCode, Digest)>, StoreError> {
        self.readers.read(|c| {
            let sql = "SELECT t.text, f.calendar FROM (SELECT DISTINCT territory, calendar
                         FROM dossier WHERE closed_at IS NULL) f
                       JOIN word t ON t.word = f.territory ORDER BY t.text, f.calendar";
            c.prepare_cached(sql)?
                .query_map([], |row| Ok((name(row, 0)?, Digest(row.get(1)?))))?
                .collect()
        })
    }

    fn following(
        &self,
        territory: &TerritoryCode,
        calendar: &Digest,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, DossierId)>, StoreError> {
        self.readers.read(|c| {
            let Some(territory) = words::find(c, territory.as_str())? else {
                return Ok(Vec::new());
            };
            let sql = "SELECT number, id FROM dossier
                       WHERE territory = ?1 AND calendar = ?2 AND closed_at IS NULL
                         AND quarantined IS NULL AND number > ?3
                       ORDER BY number LIMIT ?4";
            c.prepare_cached(sql)?
                .query_map(
                    params![territory, calendar.0, after.cast_signed(), page(limit)],
                    |row| {
                        let number = row.get::<_, i64>(0)?.cast_unsigned();
                        Ok((number, DossierId(row.get(1)?)))
                    },
                )?
                .collect()
        })
    }

    fn was_leased(&self, desk: &AgencyCode, date: Date, number: u64) -> Result<bool, StoreError> {
        self.exists(
            "SELECT 1 FROM code_block WHERE desk = (SELECT word FROM word WHERE text = ?1)
             AND date = ?2 AND first <= ?3 AND until > ?3",
            &[&desk.as_str(), &date.to_string(), &number.cast_signed()],
        )
    }

    fn blob(&self, kind: BlobKind, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.readers.read(|c| {
            c.prepare_cached("SELECT bytes FROM kept_blob WHERE kind = ?1 AND digest = ?2")?
                .query_row(params![kind.number(), digest.0], |row| row.get(0))
                .optional()
        })
    }

    fn blobs(&self, kind: BlobKind) -> Result<Vec<Digest>, StoreError> {
        self.readers.read(|c| {
            c.prepare_cached("SELECT digest FROM kept_blob WHERE kind = ?1 ORDER BY number")?
                .query_map(params![kind.number()], |row| row.get(0).map(Digest))?
                .collect()
        })
    }

    fn granted(&self, agency: &AgencyCode, digest: &Digest) -> Result<bool, StoreError> {
        self.exists(
            "SELECT 1 FROM document_grant WHERE digest = ?1
             AND agency = (SELECT word FROM word WHERE text = ?2)",
            &[&digest.0, &agency.as_str()],
        )
    }

    fn granted_in(
        &self,
        agency: &AgencyCode,
        dossier: &DossierId,
        digest: &Digest,
    ) -> Result<bool, StoreError> {
        self.exists(
            "SELECT 1 FROM document_grant WHERE digest = ?1
             AND agency = (SELECT word FROM word WHERE text = ?2)
             AND dossier = (SELECT number FROM dossier WHERE id = ?3)",
            &[&digest.0, &agency.as_str(), &dossier.0],
        )
    }

    fn names(&self, digest: &Digest) -> Result<bool, StoreError> {
        self.exists(
            "SELECT 1 FROM document_grant WHERE digest = ?1",
            &[&digest.0],
        )
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        self.readers.read(|c| {
            // Dossiers and records are never removed, so that their highest number is how many.
            let sql = "SELECT (SELECT coalesce(max(number), 0) FROM dossier),
                         (SELECT coalesce(sum(open), 0) FROM open_by_state),
                         (SELECT coalesce(max(position), 0) FROM record),
                         (SELECT count(*) FROM owed),
                         (SELECT count(*) FROM incident WHERE closed_at IS NULL)";
            c.prepare_cached(sql)?.query_row([], |row| {
                let number = |at| row.get::<_, i64>(at).map(i64::cast_unsigned);
                Ok(Counts {
                    dossiers: number(0)?,
                    dossiers_open: number(1)?,
                    records: number(2)?,
                    owed: number(3)?,
                    incidents_open: number(4)?,
                })
            })
        })
    }

    fn origin(&self) -> Result<Origin, StoreError> {
        self.readers.read(schema::origin)
    }
}

impl SqliteReader {
    fn exists(&self, sql: &str, values: &[&dyn ToSql]) -> Result<bool, StoreError> {
        self.readers
            .read(|c| c.prepare_cached(sql)?.exists(params_from_iter(values)))
    }
}

pub(super) fn dossier(connection: &Connection, id: &DossierId) -> Result<Option<DossierRow>> {
    let mut statement = connection.prepare_cached(&format!("{DOSSIER} WHERE d.id = ?1"))?;
    let found = statement.query_row(params![id.0], dossier_row).optional()?;
    found.map(|found| found.named(connection)).transpose()
}

/// Follows the records backwards from the last one.
fn records_of(connection: &Connection, dossier: &DossierRow) -> Result<Vec<Kept>> {
    let last = "SELECT last_position FROM head WHERE dossier = ?1";
    let number = dossier.number.cast_signed();
    let mut next: Option<i64> = connection
        .prepare_cached(last)?
        .query_row(params![number], |row| row.get(0))?;
    let sql = "SELECT r.sequence, r.bytes, p.bytes, r.previous
               FROM record r LEFT JOIN personal p ON p.position = r.position
               WHERE r.position = ?1 AND r.dossier = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut found = Vec::with_capacity(usize::try_from(dossier.sequence).unwrap_or_default());
    while let Some(position) = next {
        let (of_change, previous) = statement.query_row(params![position, number], records)?;
        found.extend(of_change);
        // A damaged file must not send us round in a circle.
        next = previous.filter(|earlier| *earlier < position);
    }
    found.reverse();
    Ok(found)
}

pub(super) fn page(limit: usize) -> u32 {
    u32::try_from(limit.min(PAGE_ROWS_MAX)).unwrap_or(u32::MAX)
}
