//! Dossier codes: given once, per desk and day, never a second time, across epochs neither.
//!
//! `‹desk›-‹yyyymmdd›-‹number›` (NĐ 61/2018 Art 26; the shape seen in use, DOMAIN §3.1), the number
//! having seven digits or more and gaps. The store counts per desk and day; to that the second of the
//! day is added, a hundredfold. So a store that was restored from an older copy, whose count begins
//! again lower, still gives no number that was given after the copy was made, as long as a desk takes
//! fewer than a hundred codes a second between the two.

use crate::store::{Batch, CodeLease, Store, StoreError};
use dossier::{
    name::{AgencyCode, DossierCode},
    procedure::civil_date,
};
use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::{TimeZone, offset},
};
use std::{collections::HashMap, ops::Range};

/// Numbers that are taken from the store at once; what is left of them is lost at a restart.
const LEASE_NUMBERS: u32 = 100;
/// Codes that a desk takes in a second at most, on average since the last copy.
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
        Ok(code(desk, today, number + first_number(at)))
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

/// What the second of the day adds.
fn first_number(at: Timestamp) -> u64 {
    let local = at.to_zoned(TimeZone::fixed(offset(7)));
    let seconds = local.time().duration_since(Time::midnight()).as_secs();
    seconds.unsigned_abs() * NUMBERS_A_SECOND_MAX
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
    use crate::store::MemoryStore;
    use std::collections::BTreeSet;

    #[test]
    fn a_store_restored_from_a_copy_gives_no_number_twice() {
        let desk: AgencyCode = "H99".parse().unwrap();
        let morning: Timestamp = "2026-11-22T08:00:00+07:00".parse().unwrap();
        let noon: Timestamp = "2026-11-22T12:00:00+07:00".parse().unwrap();
        let mut given = BTreeSet::new();
        // Both lives begin with the same empty store: the copy was made before the morning.
        for begun in [morning, noon] {
            let mut store = MemoryStore::default();
            let mut codes = Codes::default();
            for second in 0..300 {
                let at = begun + jiff::SignedDuration::from_secs(second);
                assert!(given.insert(codes.next(&desk, at, &mut store).unwrap()));
            }
        }
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
