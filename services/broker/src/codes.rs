//! Dossier codes: given once, per desk and day, never a second time, across epochs neither.
//!
//! `‹desk›-‹yyyymmdd›-‹number›` (NĐ 61/2018 Art 26; the shape seen in use, DOMAIN §3.1), the number
//! having seven digits or more and gaps.

use crate::store::{Batch, CodeLease, Origin, Store, StoreError};
use dossier::{
    name::{AgencyCode, DossierCode},
    procedure::civil_date,
};
use jiff::{Timestamp, civil::Date};
use std::{collections::HashMap, ops::Range};

/// Numbers that are taken from the store at once; what is left of them is lost at a restart.
const LEASE_NUMBERS: u32 = 100;
/// In the day on which an epoch began, numbers start where the epochs before it cannot have come to:
/// at so many for each second of the day that had passed.
const NUMBERS_A_SECOND_MAX: u64 = 100;

/// The numbers that this process may give.
#[derive(Debug, Default)]
pub struct Codes {
    leases: HashMap<AgencyCode, (Date, Range<u64>)>,
}

impl Codes {
    /// The next code of a desk.
    ///
    /// # Errors
    /// The store could not lease numbers; none was given.
    pub fn next(
        &mut self,
        desk: &AgencyCode,
        at: Timestamp,
        origin: Origin,
        store: &mut dyn Store,
    ) -> Result<DossierCode, StoreError> {
        let today = civil_date(at);
        let lease = self
            .leases
            .get_mut(desk)
            .filter(|(date, left)| *date == today && !left.is_empty());
        let number = match lease {
            Some((_, left)) => {
                let number = left.start;
                left.start += 1;
                number
            }
            None => {
                let ask = CodeLease {
                    desk: desk.clone(),
                    date: today,
                    count: LEASE_NUMBERS,
                };
                let committed = store.commit(Batch {
                    code_leases: vec![ask],
                    ..Batch::default()
                })?;
                let first = committed.code_leases.first().copied().ok_or_else(|| {
                    StoreError::Failed("the store gave no number for a dossier code".into())
                })?;
                let end = first + u64::from(LEASE_NUMBERS);
                self.leases.insert(desk.clone(), (today, first + 1..end));
                first
            }
        };
        Ok(code(desk, today, number + first_number(today, origin)))
    }
}

fn code(desk: &AgencyCode, day: Date, number: u64) -> DossierCode {
    let text = format!(
        "{desk}-{:04}{:02}{:02}-{number:07}",
        day.year(),
        day.month(),
        day.day()
    );
    text.parse()
        .expect("an agency code, a date and a number are a dossier code")
}

fn first_number(day: Date, origin: Origin) -> u64 {
    let began = i64::try_from(origin.epoch)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    match began.filter(|_| origin.epoch > 0) {
        Some(began) if civil_date(began) == day => {
            let seconds = (began.as_second() + 7 * 3600).rem_euclid(86_400);
            (seconds.unsigned_abs() + 1) * NUMBERS_A_SECOND_MAX
        }
        _ => 0,
    }
}

/// Whether a code can be one of this desk's.
pub fn is_of(desk: &AgencyCode, code: &DossierCode) -> bool {
    code.as_str()
        .strip_prefix(desk.as_str())
        .is_some_and(|rest| rest.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_that_begins_today_gives_other_numbers_than_those_before_it() {
        let day: Date = "2026-11-22".parse().unwrap();
        let at: Timestamp = "2026-11-22T10:00:00+07:00".parse().unwrap();
        let first = Origin {
            store_id: [0; 16],
            epoch: 0,
        };
        let restored = Origin {
            store_id: [0; 16],
            epoch: at.as_millisecond().unsigned_abs(),
        };
        assert_eq!(first_number(day, first), 0);
        assert_eq!(first_number(day, restored), (10 * 3600 + 1) * 100);
        assert_eq!(first_number("2026-11-23".parse().unwrap(), restored), 0);
    }

    #[test]
    fn a_code_names_its_desk() {
        let desk: AgencyCode = "H26.101".parse().unwrap();
        let made = code(&desk, "2026-11-22".parse().unwrap(), 7);
        assert_eq!(made.as_str(), "H26.101-20261122-0000007");
        assert!(is_of(&desk, &made));
        assert!(!is_of(&"H26.10".parse().unwrap(), &made));
    }
}
