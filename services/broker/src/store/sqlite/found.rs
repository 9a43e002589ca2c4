//! What the rows of the tables say: columns become names, instants and what is found.

use super::{
    frames::{self, Personal, Records},
    rows::{self, IndexRow},
};
use crate::{
    records::{self, Kept},
    store::{
        Attempt, DossierRow, Incident, IncidentKey, Notice, Owed, OwedCursor, OwedKind, OwedRow,
        Position, StepCursor, StepFound, StepRow, Summary, partition_of,
    },
};
use dossier::{
    alarm::Alarm,
    evidence::Given,
    name::{AgencyCode, BadName, Digest, DossierCode, DossierId},
    vault::Finding,
};
use jiff::{Timestamp, civil::Date};
use rusqlite::{Connection, Result, Row, params, types::Type};

/// A dossier whose steps are still numbers.
pub(super) struct Found {
    pub(super) row: DossierRow,
    steps: Vec<IndexRow>,
}

impl Found {
    pub(super) fn named(self, connection: &Connection) -> Result<DossierRow> {
        let mut word = connection.prepare_cached("SELECT text FROM word WHERE word = ?1")?;
        let mut row = self.row;
        for step in self.steps {
            row.steps.push(StepRow {
                step: word.query_row(params![step.step], |row| name(row, 0))?,
                agency: word.query_row(params![step.agency], |row| name(row, 0))?,
                round: step.round,
                state: step.what,
                due_at: step.due_at.map(from_micros).transpose()?,
            });
        }
        Ok(row)
    }
}

pub(super) fn dossier_row(row: &Row<'_>) -> Result<Found> {
    let desk: AgencyCode = name(row, 3)?;
    let summary = Summary {
        code: name(row, 2)?,
        hand_out_desk: optional_name(row, 13)?.unwrap_or_else(|| desk.clone()),
        desk,
        territory: name(row, 14)?,
        calendar: Digest(row.get(15)?),
        procedure: name(row, 4)?,
        state: row.get(5)?,
        received_at: instant(row, 6)?,
        promised_at: instant(row, 7)?,
        closed_at: optional_instant(row, 8)?,
    };
    let found = DossierRow {
        dossier_id: DossierId(row.get(0)?),
        number: row.get::<_, i64>(1)?.cast_unsigned(),
        summary,
        sequence: row.get::<_, i64>(9)?.cast_unsigned(),
        last_hash: Digest(row.get(10)?),
        steps: Vec::new(),
        quarantined: row.get(12)?,
        erased_at: optional_instant(row, 16)?,
    };
    Ok(Found {
        row: found,
        steps: rows::decode(row.get_ref(11)?.as_blob()?)?,
    })
}

/// Something owed to an agency.
pub(super) fn owed_row(row: &Row<'_>) -> Result<Owed> {
    let cursor = OwedCursor {
        due_at: row.get(0)?,
        dossier: row.get(1)?,
        kind: row.get(2)?,
        step: row.get(3)?,
        round: row.get(4)?,
    };
    let attempt = match row.get::<_, Option<u32>>(9)? {
        Some(attempts) => Some(Attempt {
            attempts,
            next_at: instant(row, 10)?,
            last_error: row.get(11)?,
        }),
        None => None,
    };
    let kind = OwedKind::of(cursor.kind).ok_or(rusqlite::Error::IntegralValueOutOfRange(
        2,
        cursor.kind.into(),
    ))?;
    Ok(Owed {
        dossier_id: DossierId(row.get(5)?),
        code: name(row, 6)?,
        row: OwedRow {
            kind,
            agency: optional_name(row, 7)?,
            step: match kind {
                OwedKind::Timer | OwedKind::Notice => None,
                OwedKind::Handover | OwedKind::LookUp => optional_name(row, 8)?,
            },
            notice: match kind {
                OwedKind::Notice => row.get(8)?,
                _ => None,
            },
            alarm: None,
            round: cursor.round,
            due_at: from_micros(cursor.due_at)?,
        },
        attempt,
        cursor,
    })
}

/// The timers of a dossier up to an instant; where its row stands before its time, the next one.
pub(super) fn timers(connection: &Connection, row: &Row<'_>, until: i64) -> Result<Vec<Owed>> {
    let (dossier, dossier_id, code) = (row.get(0)?, DossierId(row.get(1)?), name(row, 2)?);
    let owed = rows::decode(row.get_ref(3)?.as_blob()?)?;
    let next = rows::next_timer(&owed);
    let is_listed = |due_at: i64| due_at <= until || Some(due_at) == next;
    let mut word = connection.prepare_cached("SELECT text FROM word WHERE word = ?1")?;
    let mut found = Vec::new();
    for timer in owed.iter().filter(|row| row.is_timer()) {
        let Some(due_at) = timer.due_at.filter(|due_at| is_listed(*due_at)) else {
            continue;
        };
        let alarm = word.query_row(params![timer.step], |row| {
            Ok(Alarm::from_text(row.get_ref(0)?.as_str()?))
        })?;
        found.push(Owed {
            dossier_id,
            code: DossierCode::clone(&code),
            row: OwedRow {
                kind: OwedKind::Timer,
                agency: None,
                step: None,
                notice: None,
                alarm,
                round: timer.round,
                due_at: from_micros(due_at)?,
            },
            attempt: None,
            cursor: OwedCursor {
                due_at,
                dossier,
                kind: timer.what,
                step: timer.step,
                round: timer.round,
            },
        });
    }
    Ok(found)
}

/// An open step; none where it is in another state than these.
pub(super) fn step_row(row: &Row<'_>, states: &[i32]) -> Result<Option<StepFound>> {
    let cursor = StepCursor {
        dossier: row.get(0)?,
        step: row.get(1)?,
    };
    let agency: u32 = row.get(2)?;
    let steps = rows::decode(row.get_ref(7)?.as_blob()?)?;
    let is_it = |one: &&IndexRow| (one.agency, one.step) == (agency, cursor.step);
    let Some(step) = steps.iter().find(is_it) else {
        return Ok(None);
    };
    if !states.contains(&step.what) {
        return Ok(None);
    }
    Ok(Some(StepFound {
        cursor,
        dossier_id: DossierId(row.get(3)?),
        code: name(row, 4)?,
        row: StepRow {
            step: name(row, 5)?,
            agency: name(row, 6)?,
            round: step.round,
            state: step.what,
            due_at: step.due_at.map(from_micros).transpose()?,
        },
    }))
}

/// The records of one change and the position of the change before it; the last record first.
pub(super) fn records(row: &Row<'_>) -> Result<(Vec<Kept>, Option<i64>)> {
    let kept: Records = frames::decode(row.get_ref(1)?.as_blob()?)?;
    let last = row.get::<_, i64>(0)?.cast_unsigned();
    let mut personal = vec![None; kept.records.len()];
    if let Some(beside) = row.get_ref(2)?.as_blob_or_null()? {
        let beside: Personal = frames::decode(beside)?;
        for one in beside.values {
            if let Some(place) = personal.get_mut(one.record as usize) {
                *place = one.into_beside();
            }
        }
    }
    let both = kept.records.into_iter().zip(personal).rev();
    let found = both.enumerate().map(|(back, (bytes, personal))| Kept {
        sequence: last.saturating_sub(back as u64),
        bytes,
        personal,
    });
    Ok((found.collect(), row.get(3)?))
}

/// What one change tells a desk, after a position.
pub(super) fn notices(row: &Row<'_>, desk: u32, after: u64) -> Result<Vec<Notice>> {
    let change: i64 = row.get(0)?;
    let dossier_id = DossierId(row.get(1)?);
    let beside: Personal = frames::decode(row.get_ref(2)?.as_blob()?)?;
    let told = beside.told.into_iter().enumerate();
    let told = told.filter(|(_, told)| told.desks.contains(&desk));
    let notices = told.map(|(place, told)| Notice {
        position: Position {
            partition: partition_of(&dossier_id),
            number: frames::notice_position(change, place),
        },
        dossier_id,
        bytes: told.notice,
    });
    Ok(notices
        .filter(|notice| notice.position.number > after)
        .collect())
}

/// What an incident is about, in four columns from this one on.
pub(super) fn incident_key(row: &Row<'_>, from: usize) -> Result<IncidentKey> {
    let dossier_id = row.get_ref(from + 1)?.as_blob()?;
    let word = |at| {
        row.get_ref(at)
            .map(|value| !value.as_str().unwrap_or_default().is_empty())
    };
    Ok(IncidentKey {
        cause: row.get(from)?,
        dossier_id: dossier_id.try_into().ok().map(DossierId),
        step: if word(from + 2)? {
            optional_name(row, from + 2)?
        } else {
            None
        },
        agency: if word(from + 3)? {
            optional_name(row, from + 3)?
        } else {
            None
        },
    })
}

pub(super) fn incident_row(row: &Row<'_>) -> Result<Incident> {
    Ok(Incident {
        number: row.get::<_, i64>(0)?.cast_unsigned(),
        key: incident_key(row, 1)?,
        code: optional_name(row, 11)?,
        vi: row.get(5)?,
        en: row.get(6)?,
        opened_at: instant(row, 7)?,
        last_at: instant(row, 8)?,
        count: row.get::<_, i64>(9)?.cast_unsigned(),
        closed_at: optional_instant(row, 10)?,
    })
}

pub(super) fn day(row: &Row<'_>, at: usize) -> Result<Date> {
    let day = row.get_ref(at)?.as_str()?.parse();
    day.map_err(|bad: jiff::Error| {
        rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(bad))
    })
}

/// What the vault has; nothing where its content cannot be read any more.
pub(super) fn finding(row: &Row<'_>) -> Result<Option<Finding>> {
    let code: String = row.get(1)?;
    let Ok(given) = records::decode_given(row.get_ref(5)?.as_blob()?) else {
        tracing::error!(
            code,
            "what the vault has under this code cannot be read; it is not used"
        );
        return Ok(None);
    };
    let valid_until = row.get_ref(4)?.as_str_or_null()?;
    let valid_until = valid_until.map(|day| day.parse::<Date>()).transpose();
    let valid_until = valid_until
        .map_err(|bad| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, Box::new(bad)))?;
    Ok(Some(Finding {
        code,
        given: Given {
            subject: None,
            ..given
        },
        agency: name(row, 3)?,
        valid_until,
    }))
}

pub(super) fn name<T: for<'t> TryFrom<&'t str, Error = BadName>>(
    row: &Row<'_>,
    at: usize,
) -> Result<T> {
    let text = row.get_ref(at)?.as_str()?;
    T::try_from(text)
        .map_err(|bad| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(bad)))
}

pub(super) fn optional_name<T: for<'t> TryFrom<&'t str, Error = BadName>>(
    row: &Row<'_>,
    at: usize,
) -> Result<Option<T>> {
    if row.get_ref(at)? == rusqlite::types::ValueRef::Null {
        Ok(None)
    } else {
        name(row, at).map(Some)
    }
}

pub(super) fn from_micros(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros)
        .map_err(|bad| rusqlite::Error::FromSqlConversionFailure(0, Type::Integer, Box::new(bad)))
}

pub(super) fn instant(row: &Row<'_>, at: usize) -> Result<Timestamp> {
    from_micros(row.get(at)?)
}

pub(super) fn optional_instant(row: &Row<'_>, at: usize) -> Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(at)?.map(from_micros).transpose()
}
