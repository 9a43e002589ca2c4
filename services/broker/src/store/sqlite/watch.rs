//! Every question that operators ask of the store.

use super::{
    SqliteReader, flow,
    found::{dossier_row, from_micros, incident_row, instant, name, optional_instant},
    read::{DOSSIER, INCIDENT, dossier, page},
    words,
};
use crate::store::{
    Attempt, AttemptFound, Audit, AuditFilter, Audited, CauseOpen, FlowRow, FoundDossier, Incident,
    IncidentCursor, LATE, Load, OpenCounts, PAGE_ROWS_MAX, PersonKey, SEARCH_TIME_MAX, Search,
    SearchPage, StoreError, Suspended, Suspension, Tally, Watch,
};
use contract::v1::DossierState;
use dossier::name::{AgencyCode, Digest, DossierId, ProcedureCode};
use jiff::{ToSpan as _, civil::Date};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, ToSql, params, params_from_iter};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

/// Where a search begins: the index that narrows most, newest first.
struct Driver {
    sql: String,
    values: Vec<Box<dyn ToSql>>,
}

impl Driver {
    fn new(sql: impl Into<String>, values: Vec<Box<dyn ToSql>>) -> Self {
        Self {
            sql: sql.into(),
            values,
        }
    }

    /// None: a name that no dossier has is searched for.
    fn of(c: &Connection, search: &Search) -> Result<Option<Self>> {
        let number = |text: &str| -> Result<Option<Box<dyn ToSql>>> {
            let found = words::find(c, text)?;
            Ok(found.map(|word| Box::new(word) as Box<dyn ToSql>))
        };
        let mut all = BTreeMap::new();
        let named = [
            ("agency", search.agency.as_ref().map(|one| one.as_str())),
            ("step", search.step.as_ref().map(|one| one.as_str())),
            ("desk", search.desk.as_ref().map(|one| one.as_str())),
            (
                "procedure",
                search.procedure.as_ref().map(|one| one.as_str()),
            ),
            (
                "territory",
                search.territory.as_ref().map(|one| one.as_str()),
            ),
        ];
        for (which, text) in named {
            if let Some(text) = text {
                let Some(word) = number(text)? else {
                    return Ok(None);
                };
                all.insert(which, word);
            }
        }
        let open = "AND closed_at IS NULL";
        // Nearly all that are closed are so in the same way: that narrows nothing.
        let is_rare = |state: i32| {
            [DossierState::Withdrawn, DossierState::NotAccepted]
                .map(i32::from)
                .contains(&state)
        };
        let mut one = |which: &str| all.remove(which).into_iter().collect::<Vec<_>>();
        let quarantined = i32::from(DossierState::Quarantined);
        Ok(Some(if search.state == Some(quarantined) {
            let sql = "SELECT number FROM dossier INDEXED BY dossier_quarantined
                       WHERE quarantined IS NOT NULL AND number < ?1 ORDER BY number DESC";
            Self::new(sql, vec![])
        } else if search.stuck || search.overdue {
            let sql = "SELECT DISTINCT dossier FROM incident INDEXED BY incident_open_by_dossier
                       WHERE dossier IS NOT NULL AND closed_at IS NULL AND dossier < ?1
                       ORDER BY dossier DESC";
            Self::new(sql, vec![])
        } else if search.agency.is_some() {
            let sql = "SELECT DISTINCT dossier FROM step WHERE agency = ?2 AND dossier < ?1
                       ORDER BY dossier DESC";
            Self::new(sql, one("agency"))
        } else if let Some(state) = search.state.filter(|state| is_rare(*state)) {
            let sql = "SELECT number FROM dossier WHERE closed_state = ?2 AND number < ?1
                       ORDER BY number DESC";
            Self::new(sql, vec![Box::new(state)])
        } else if search.desk.is_some() {
            let open = if is_of_open(search) { open } else { "" };
            let sql = format!(
                "SELECT number FROM dossier WHERE desk = ?2 {open} AND number < ?1
                 ORDER BY number DESC"
            );
            Self::new(sql, one("desk"))
        } else if is_of_open(search) {
            let sql = "SELECT number FROM dossier INDEXED BY dossier_open_by_number
                       WHERE closed_at IS NULL AND number < ?1 ORDER BY number DESC";
            Self::new(sql, vec![])
        } else if search.procedure.is_some() {
            let sql = "SELECT number FROM dossier WHERE procedure = ?2 AND number < ?1
                       ORDER BY number DESC";
            Self::new(sql, one("procedure"))
        } else if search.territory.is_some() {
            let sql = "SELECT number FROM dossier WHERE territory = ?2 AND number < ?1
                       ORDER BY number DESC";
            Self::new(sql, one("territory"))
        } else {
            let sql = "SELECT number FROM dossier WHERE number < ?1 ORDER BY number DESC";
            Self::new(sql, vec![])
        }))
    }
}

/// Whether only open dossiers can be wanted.
fn is_of_open(search: &Search) -> bool {
    let open = [
        DossierState::Filed,
        DossierState::InProcess,
        DossierState::WaitingForCitizen,
        DossierState::Stopped,
    ]
    .map(i32::from);
    search.open || search.step.is_some() || search.state.is_some_and(|state| open.contains(&state))
}

fn found_by(c: &Connection, number: i64) -> Result<Option<FoundDossier>> {
    let sql = format!("{DOSSIER} WHERE d.number = ?1");
    let found = c
        .prepare_cached(&sql)?
        .query_row([number], dossier_row)
        .optional()?;
    let Some(row) = found.map(|found| found.named(c)).transpose()? else {
        return Ok(None);
    };
    let sql = "SELECT cause FROM incident WHERE dossier = ?1 AND closed_at IS NULL";
    let mut statement = c.prepare_cached(sql)?;
    let mut causes = statement.query([number])?;
    let (mut incidents_open, mut is_late) = (0, false);
    while let Some(cause) = causes.next()? {
        incidents_open += 1;
        is_late |= LATE.contains(&cause.get_ref(0)?.as_str()?);
    }
    Ok(Some(FoundDossier {
        row,
        incidents_open,
        is_late,
    }))
}

/// Words for a list in SQL; each is one of ours.
fn quoted(words: &[&str]) -> String {
    format!("'{}'", words.join("', '"))
}

pub(super) fn count(row: &Row<'_>, at: usize) -> Result<u64> {
    row.get::<_, i64>(at).map(i64::cast_unsigned)
}

impl Watch for SqliteReader {
    fn search(
        &self,
        search: &Search,
        before: Option<u64>,
        limit: usize,
    ) -> Result<SearchPage, StoreError> {
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        self.watchers.read(|c| {
            let mut page = SearchPage::default();
            // One transaction, so that all rows are of the same commit.
            let read = c.unchecked_transaction()?;
            let Some(driver) = Driver::of(&read, search)? else {
                return Ok(page);
            };
            let begun = Instant::now();
            let mut statement = read.prepare_cached(&driver.sql)?;
            let before: Box<dyn ToSql> =
                Box::new(before.map_or(i64::MAX, |before| before.cast_signed()));
            let mut rows = statement.query(params_from_iter(
                std::iter::once(before).chain(driver.values),
            ))?;
            while let Some(row) = rows.next()? {
                let number: i64 = row.get(0)?;
                let found = found_by(&read, number)?.filter(|found| search.wants_found(found));
                page.found.extend(found);
                if page.found.len() == limit || begun.elapsed() > SEARCH_TIME_MAX {
                    page.next = Some(number.cast_unsigned());
                    break;
                }
            }
            Ok(page)
        })
    }

    fn found(&self, id: &DossierId) -> Result<Option<FoundDossier>, StoreError> {
        self.watchers.read(|c| {
            let read = c.unchecked_transaction()?;
            let Some(row) = dossier(&read, id)? else {
                return Ok(None);
            };
            found_by(&read, row.number.cast_signed())
        })
    }

    fn of_person(
        &self,
        key: &PersonKey,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<FoundDossier>, StoreError> {
        self.watchers.read(|c| {
            let read = c.unchecked_transaction()?;
            let sql = "SELECT dossier FROM person WHERE key = ?1 AND dossier < ?2
                       ORDER BY dossier DESC LIMIT ?3";
            let before = before.map_or(i64::MAX, |before| before.cast_signed());
            let numbers = read
                .prepare_cached(sql)?
                .query_map(params![key.0, before, page(limit)], |row| row.get(0))?
                .collect::<Result<Vec<i64>>>()?;
            let found = numbers.into_iter().map(|number| found_by(&read, number));
            found.filter_map(Result::transpose).collect()
        })
    }

    fn changed_after(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<(Vec<FoundDossier>, u64), StoreError> {
        self.watchers.read(|c| {
            let read = c.unchecked_transaction()?;
            let sql = "SELECT position, dossier FROM record WHERE position > ?1
                       ORDER BY position LIMIT ?2";
            let mut statement = read.prepare_cached(sql)?;
            let mut rows = statement.query(params![position.cast_signed(), page(PAGE_ROWS_MAX)])?;
            let (mut numbers, mut until) = (BTreeSet::new(), position);
            while let Some(row) = rows.next()? {
                let number: i64 = row.get(1)?;
                if numbers.len() == limit && !numbers.contains(&number) {
                    break;
                }
                numbers.insert(number);
                until = count(row, 0)?;
            }
            let found = numbers.into_iter().map(|number| found_by(&read, number));
            let found = found.filter_map(Result::transpose).collect::<Result<_>>()?;
            Ok((found, until))
        })
    }

    fn incident(&self, number: IncidentCursor) -> Result<Option<Incident>, StoreError> {
        self.watchers.read(|c| {
            c.prepare_cached(&format!("{INCIDENT} WHERE i.number = ?1"))?
                .query_row([number.cast_signed()], incident_row)
                .optional()
        })
    }

    fn incidents_of(&self, id: &DossierId, limit: usize) -> Result<Vec<Incident>, StoreError> {
        self.watchers.read(|c| {
            let sql = format!(
                "{INCIDENT} WHERE i.dossier = (SELECT number FROM dossier WHERE id = ?1)
                 ORDER BY i.number DESC LIMIT ?2"
            );
            c.prepare_cached(&sql)?
                .query_map(params![id.0, page(limit)], incident_row)?
                .collect()
        })
    }

    fn causes_open(&self) -> Result<Vec<CauseOpen>, StoreError> {
        self.watchers.read(|c| {
            let sql = "SELECT cause, count(*), min(opened_at) FROM incident
                       WHERE closed_at IS NULL GROUP BY cause ORDER BY min(opened_at)";
            c.prepare_cached(sql)?
                .query_map([], |row| {
                    Ok(CauseOpen {
                        cause: row.get(0)?,
                        count: count(row, 1)?,
                        oldest_at: instant(row, 2)?,
                    })
                })?
                .collect()
        })
    }

    fn attempts_of(&self, id: &DossierId) -> Result<Vec<AttemptFound>, StoreError> {
        self.watchers.read(|c| {
            let sql = "SELECT w.text, t.round, t.attempts, t.next_at, t.last_error
                       FROM attempt t JOIN word w ON w.word = t.step
                       WHERE t.dossier = (SELECT number FROM dossier WHERE id = ?1)
                       ORDER BY w.text, t.round";
            c.prepare_cached(sql)?
                .query_map([id.0], |row| {
                    Ok(AttemptFound {
                        step: name(row, 0)?,
                        round: row.get(1)?,
                        attempt: Attempt {
                            attempts: row.get(2)?,
                            next_at: instant(row, 3)?,
                            last_error: row.get(4)?,
                        },
                    })
                })?
                .collect()
        })
    }

    fn flows(&self) -> Result<Vec<FlowRow>, StoreError> {
        self.watchers.read(flow::flows)
    }

    fn open_counts(&self) -> Result<OpenCounts, StoreError> {
        self.watchers.read(|c| {
            let sql = format!(
                "SELECT coalesce(sum(open), 0), coalesce(sum(open) FILTER (WHERE state = ?1), 0), (
                   SELECT count(DISTINCT dossier) FROM incident
                   WHERE closed_at IS NULL AND dossier IS NOT NULL AND cause IN ({LATE_CAUSES}))
                 FROM open_by_state",
                LATE_CAUSES = quoted(&LATE),
            );
            let waiting = i32::from(DossierState::WaitingForCitizen);
            c.prepare_cached(&sql)?.query_row([waiting], |row| {
                Ok(OpenCounts {
                    open: count(row, 0)?,
                    waiting_for_citizen: count(row, 1)?,
                    overdue: count(row, 2)?,
                })
            })
        })
    }

    fn open_by_procedure(&self) -> Result<Vec<(ProcedureCode, u64)>, StoreError> {
        self.watchers.read(|c| {
            let sql = "SELECT w.text, n FROM (SELECT procedure, count(*) AS n
                         FROM dossier INDEXED BY dossier_open_by_procedure
                         WHERE closed_at IS NULL GROUP BY procedure)
                       JOIN word w ON w.word = procedure ORDER BY w.text";
            c.prepare_cached(sql)?
                .query_map([], |row| Ok((name(row, 0)?, count(row, 1)?)))?
                .collect()
        })
    }

    fn loads(&self) -> Result<Vec<Load>, StoreError> {
        self.watchers.read(|c| {
            let sql = "SELECT w.text, sum(owed), min(due), min(since), sum(steps) FROM (
                         SELECT agency, count(*) AS owed, min(due_at) AS due,
                           min(since) AS since, 0 AS steps
                         FROM owed GROUP BY agency
                         UNION ALL
                         SELECT agency, 0, NULL, NULL, count(*) FROM step GROUP BY agency)
                       JOIN word w ON w.word = agency GROUP BY agency ORDER BY w.text";
            c.prepare_cached(sql)?
                .query_map([], |row| {
                    Ok(Load {
                        agency: name(row, 0)?,
                        owed: count(row, 1)?,
                        first_due_at: optional_instant(row, 2)?,
                        owed_since: optional_instant(row, 3)?,
                        open_steps: count(row, 4)?,
                    })
                })?
                .collect()
        })
    }

    fn suspensions(&self) -> Result<Vec<Suspension>, StoreError> {
        self.watchers.read(|c| {
            let sql = "SELECT kind, name, since, operator, reason FROM suspension
                       ORDER BY kind, name";
            c.prepare_cached(sql)?
                .query_map([], |row| {
                    let what = match row.get::<_, i32>(0)? {
                        1 => Suspended::Department(name(row, 1)?),
                        _ => Suspended::Procedure(name(row, 1)?),
                    };
                    Ok(Suspension {
                        what,
                        since: instant(row, 2)?,
                        operator: row.get(3)?,
                        reason: row.get(4)?,
                    })
                })?
                .collect()
        })
    }

    fn audits(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, StoreError> {
        self.watchers.read(|c| {
            let select = "SELECT a.number, a.at, a.operator, a.via, a.call, a.dossier, a.subject,
                            a.reason, a.before, a.after, a.hash, d.code
                          FROM audit a LEFT JOIN dossier d ON d.id = a.dossier
                          WHERE a.number < ?1";
            let mut values: Vec<Box<dyn ToSql>> = vec![
                Box::new(before.map_or(i64::MAX, u64::cast_signed)),
                Box::new(page(limit)),
            ];
            let mut narrowed = String::new();
            if let Some(id) = filter.dossier_id {
                values.push(Box::new(id.0));
                let at = values.len();
                narrowed += &format!(" AND a.dossier = ?{at} AND length(a.dossier) > 0");
            }
            if let Some(operator) = filter.operator.clone() {
                values.push(Box::new(operator));
                narrowed += &format!(" AND a.operator = ?{}", values.len());
            }
            c.prepare_cached(&format!(
                "{select}{narrowed} ORDER BY a.number DESC LIMIT ?2"
            ))?
            .query_map(params_from_iter(values), audited)?
            .collect()
        })
    }

    fn tallies(&self, from: Date, until: Date) -> Result<Vec<Tally>, StoreError> {
        self.watchers.read(|c| {
            let sql = "SELECT n.text, a.text, t.bucket, sum(t.count) FROM (
                         SELECT name, agency, bucket, count FROM tally
                         WHERE day >= ?1 AND day < ?2
                         UNION ALL SELECT name, agency, bucket, count FROM tally_month
                         WHERE month >= ?3 AND month < ?4
                         UNION ALL SELECT name, agency, bucket, count FROM tally
                         WHERE day >= ?5 AND day < ?6) t
                       JOIN word n ON n.word = t.name JOIN word a ON a.word = t.agency
                       GROUP BY t.name, t.agency, t.bucket ORDER BY 1, 2, 3";
            let (first, last) = whole_months(from, until);
            let of = params![
                from.to_string(),
                first.to_string(),
                month(first),
                month(last),
                last.to_string(),
                until.to_string(),
            ];
            c.prepare_cached(sql)?
                .query_map(of, |row| {
                    Ok(Tally {
                        name: row.get(0)?,
                        agency: name(row, 1)?,
                        bucket: row.get(2)?,
                        count: count(row, 3)?,
                    })
                })?
                .collect()
        })
    }

    fn denied(&self, from: Date, until: Date) -> Result<Vec<(AgencyCode, u64)>, StoreError> {
        self.watchers.read(|c| {
            let sql = "SELECT w.text, sum(d.count) FROM denial d JOIN word w ON w.word = d.agency
                       WHERE d.day >= ?1 AND d.day < ?2 GROUP BY d.agency ORDER BY w.text";
            c.prepare_cached(sql)?
                .query_map(params![from.to_string(), until.to_string()], |row| {
                    Ok((name(row, 0)?, count(row, 1)?))
                })?
                .collect()
        })
    }
}

/// The month of a day, as it is written.
pub(super) fn month(day: Date) -> String {
    day.strftime("%Y-%m").to_string()
}

/// The whole months from a day on and before another: from the first of one to the first of another, or
/// from the second day to itself where there is none.
fn whole_months(from: Date, until: Date) -> (Date, Date) {
    let first = match from.day() {
        1 => from,
        _ => from.last_of_month().saturating_add(1.day()),
    };
    let last = until.first_of_month();
    match first < last {
        true => (first, last),
        false => (until, until),
    }
}

fn audited(row: &Row<'_>) -> Result<Audited> {
    let via: String = row.get(3)?;
    let dossier: Vec<u8> = row.get(5)?;
    let code: Option<String> = row.get(11)?;
    Ok(Audited {
        number: count(row, 0)?,
        audit: Audit {
            at: from_micros(row.get(1)?)?,
            operator: row.get(2)?,
            via: (!via.is_empty()).then_some(via),
            call: row.get(4)?,
            dossier_id: <[u8; 16]>::try_from(dossier.as_slice()).ok().map(DossierId),
            subject: row.get(6)?,
            reason: row.get(7)?,
            before: row.get(8)?,
            after: row.get(9)?,
        },
        hash: Digest(row.get(10)?),
        code: code.and_then(|code| code.parse().ok()),
    })
}
