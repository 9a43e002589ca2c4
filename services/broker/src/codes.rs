//! Dossier codes: given once, per agency code and day, never a second time, across epochs neither.
//!
//! How a code is written is the pattern's ([`CodePattern`]); which numbers were given is the store's,
//! counted by the agency code that is printed in the dossier code, and the day. A store that was
//! restored from an older copy counts from a lower number again: therefore no number is given below
//! the pattern's floor for the time of day.

use crate::store::{Batch, CodeBlock, CodeLease, Reader, Store, StoreError};
use dossier::{
    code::{CodeError, CodeParts, CodePattern},
    directory::Directory,
    name::{AgencyCode, Digest, DossierCode},
    procedure::civil_date,
};
use jiff::{Timestamp, civil::Date};
use std::{collections::HashMap, ops::Range};

/// Codes that one lease of a desk may have.
pub const LEASE_CODES_MAX: u32 = 1_000;
/// The first block of a process at most; each that is used up is followed by one twice as large. So
/// what a restart loses is no more than what was used, and the count does not run ahead of the floor.
const FIRST_BLOCK_NUMBERS_MAX: u64 = 16;
/// How many blocks the numbers of a day are cut into at least.
const BLOCKS_A_DAY: u64 = 1_000;
/// Seconds of a day in which the floor rises to half of the numbers.
const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// Why no code was given.
#[derive(Debug, thiserror::Error)]
pub enum CodesError {
    /// The store gave no numbers; none was used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The pattern or the directory must be mended, or the day is used up.
    #[error(transparent)]
    Pattern(#[from] CodeError),
    /// Use a new id for another asking.
    #[error("another block was asked for under this id before")]
    OtherLease,
}

/// Whose a code is that a desk brings along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Brought {
    /// It was leased to this desk.
    Leased,
    /// It is this desk's, and this store does not know that it was given: true only where the store
    /// was restored from a copy. The lease passes its number by from then on.
    NotKnownHere(CodeLease),
    /// It is not this desk's.
    NotTheirs,
}

/// The numbers that this process may give.
#[derive(Debug)]
pub struct Codes {
    pattern: CodePattern,
    blocks: HashMap<AgencyCode, Block>,
}

/// Numbers of one day, taken from the store at once.
#[derive(Debug)]
struct Block {
    date: Date,
    left: Range<u64>,
    size: u64,
}

impl Codes {
    /// Codes by this pattern.
    pub fn new(pattern: CodePattern) -> Self {
        Self {
            pattern,
            blocks: HashMap::new(),
        }
    }

    /// Forgets the numbers at hand: the store may count anew.
    pub fn forget(&mut self) {
        self.blocks.clear();
    }

    /// The next code of a desk.
    ///
    /// # Errors
    /// [`CodesError`]; none was given.
    pub fn next(
        &mut self,
        directory: &Directory,
        desk: &AgencyCode,
        at: Timestamp,
        store: &mut dyn Store,
    ) -> Result<DossierCode, CodesError> {
        let printed = self.printed(directory, desk)?;
        let today = civil_date(at);
        let at_hand = self.blocks.get(&printed).filter(|one| one.date == today);
        let number = match at_hand {
            Some(block) if !block.left.is_empty() => block.left.start,
            used_up => {
                let size = used_up.map_or(self.first_block(), |block| {
                    (block.size * 2).min(self.largest_block())
                });
                let left = self.numbers(&self.take(&printed, today, at, size, None, store)?)?;
                let first = left.start;
                let date = today;
                self.blocks
                    .insert(printed.clone(), Block { date, left, size });
                first
            }
        };
        if let Some(block) = self.blocks.get_mut(&printed) {
            block.left.start = number + 1;
        }
        Ok(self.pattern.format(&printed, today, number)?)
    }

    /// A block of codes, this desk's for ever: it may print them while it is offline. Fewer than were
    /// asked for where the day has no more. Asked again under the same `request`, it is the same block,
    /// also on another day.
    ///
    /// # Errors
    /// [`CodesError`]; none was given.
    pub fn lease(
        &mut self,
        directory: &Directory,
        desk: &AgencyCode,
        count: u32,
        request: Digest,
        at: Timestamp,
        store: &mut dyn Store,
    ) -> Result<Vec<DossierCode>, CodesError> {
        let printed = self.printed(directory, desk)?;
        let today = civil_date(at);
        let count = count.clamp(1, LEASE_CODES_MAX);
        let block = self.take(&printed, today, at, count.into(), Some(request), store)?;
        if block.desk != printed || block.count != count {
            return Err(CodesError::OtherLease);
        }
        let code = |number| self.pattern.format(&printed, block.date, number);
        Ok(self.numbers(&block)?.map(code).collect::<Result<_, _>>()?)
    }

    /// As many numbers as the floor rises in a second.
    fn first_block(&self) -> u64 {
        (self.pattern.numbers_max() / 2 / SECONDS_A_DAY).clamp(1, FIRST_BLOCK_NUMBERS_MAX)
    }

    fn largest_block(&self) -> u64 {
        (self.pattern.numbers_max() / BLOCKS_A_DAY).max(1)
    }

    /// Which of a desk's codes is printed.
    fn printed(&self, directory: &Directory, desk: &AgencyCode) -> Result<AgencyCode, CodeError> {
        directory
            .agency(desk.as_str())
            .and_then(|agency| self.pattern.choose(agency.codes()))
            .cloned()
            .ok_or_else(|| CodeError::OtherScheme {
                agency: desk.clone(),
                pattern: self.pattern,
            })
    }

    /// Numbers from the store: new ones, or those that the same request got before.
    fn take(
        &self,
        printed: &AgencyCode,
        date: Date,
        at: Timestamp,
        count: u64,
        request: Option<Digest>,
        store: &mut dyn Store,
    ) -> Result<CodeBlock, CodesError> {
        let ask = CodeLease {
            desk: printed.clone(),
            date,
            floor: self.pattern.number_floor(at),
            count: u32::try_from(count).unwrap_or(u32::MAX),
            request,
        };
        let committed = store.commit(Batch {
            code_leases: vec![ask],
            ..Batch::default()
        })?;
        let block = committed.code_leases.into_iter().next().ok_or_else(|| {
            StoreError::Failed("the store gave no number for a dossier code".into())
        })?;
        Ok(block)
    }

    /// The numbers of a block that the pattern can write, at least one.
    fn numbers(&self, block: &CodeBlock) -> Result<Range<u64>, CodesError> {
        let (first, max) = (block.first, self.pattern.numbers_max());
        if first > max {
            return Err(CodeError::NumberOutOfRange {
                number: first,
                max,
                pattern: self.pattern,
            }
            .into());
        }
        Ok(first..(first + u64::from(block.count)).min(max + 1))
    }
}

/// Whose a code is that a desk brings along, as this store knows it.
///
/// # Errors
/// The store cannot be read.
pub fn brought(
    directory: &Directory,
    desk: &AgencyCode,
    code: &DossierCode,
    reader: &dyn Reader,
) -> Result<Brought, StoreError> {
    let parts = CodeParts::of(code).filter(|parts| {
        directory
            .agency_by_any_code(parts.agency.as_str())
            .is_some_and(|agency| agency.code == *desk)
    });
    let Some(CodeParts {
        agency,
        date,
        number,
    }) = parts
    else {
        return Ok(Brought::NotTheirs);
    };
    if reader.was_leased(&agency, date, number)? {
        return Ok(Brought::Leased);
    }
    Ok(Brought::NotKnownHere(CodeLease {
        desk: agency,
        date,
        floor: number,
        count: 1,
        request: None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use std::collections::BTreeSet;

    fn directory() -> Directory {
        let toml = r#"
            [[territory]]
            code = "P"
            name = "Province"
            [[agency]]
            code = "H99.01"
            aliases = ["000.00.01.H99"]
            name = "Desk"
            territory = "P"
            valid_from = "2026-01-01"
            [[agency]]
            code = "H99.02"
            name = "Another desk"
            territory = "P"
            valid_from = "2026-01-01"
        "#;
        Directory::parse("directory.toml", toml).unwrap()
    }

    fn desk(code: &str) -> AgencyCode {
        code.parse().unwrap()
    }

    fn codes(pattern: &str) -> Codes {
        Codes::new(pattern.parse().unwrap())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// Of an asking that was not made before.
    fn request() -> Digest {
        Digest(rand::random())
    }

    #[test]
    fn whoever_asks_again_under_its_id_gets_the_same_block_also_on_another_day() {
        let directory = directory();
        let (mut store, mut codes) = (MemoryStore::default(), codes(LONG));
        let (owner, other) = (desk("H99.01"), desk("H99.02"));
        let request = Digest([1; 32]);
        let mut ask = |desk: &AgencyCode, count, day: &str| {
            codes.lease(&directory, desk, count, request, at(day), &mut store)
        };
        let first = ask(&owner, 3, "2026-11-22T23:59:00+07:00").unwrap();
        let again = ask(&owner, 3, "2026-11-23T00:01:00+07:00").unwrap();
        assert_eq!((first.len(), &again), (3, &first));
        for (desk, count) in [(&owner, 4), (&other, 3)] {
            let reused = ask(desk, count, "2026-11-22T23:59:00+07:00");
            assert!(matches!(reused, Err(CodesError::OtherLease)), "{reused:?}");
        }
    }

    const LONG: &str = "{agency}-{yyyymmdd}-{number:7}";

    #[test]
    fn a_store_restored_from_a_copy_gives_no_number_twice() {
        let directory = directory();
        let mut given = BTreeSet::new();
        // Both lives begin with the same empty store: the copy was made before the morning.
        for begun in ["2026-11-22T08:00:00+07:00", "2026-11-22T12:00:00+07:00"] {
            let mut store = MemoryStore::default();
            let mut codes = codes(LONG);
            for second in 0..300 {
                let at = at(begun) + jiff::SignedDuration::from_secs(second);
                let code = codes.next(&directory, &desk("H99.01"), at, &mut store);
                assert!(given.insert(code.unwrap()));
            }
        }
    }

    #[test]
    fn a_process_that_gave_few_codes_loses_few_numbers() {
        let directory = directory();
        let (mut store, now) = (MemoryStore::default(), at("2026-11-22T09:00:00+07:00"));
        let number = |code: &DossierCode| CodeParts::of(code).unwrap().number;
        let mut numbers = Vec::new();
        for _ in 0..3 {
            let code = codes(LONG).next(&directory, &desk("H99.01"), now, &mut store);
            numbers.push(number(&code.unwrap()));
        }
        assert!(
            numbers[2] - numbers[0] < 57,
            "less than the floor rises in a second"
        );
    }

    #[test]
    fn a_desks_block_and_the_brokers_own_numbers_do_not_meet() {
        let directory = directory();
        let (mut store, mut codes) = (MemoryStore::default(), codes(LONG));
        let (desk, now) = (desk("H99.01"), at("2026-11-22T09:00:00+07:00"));
        let mut given = BTreeSet::new();
        for _ in 0..3 {
            let next = codes.next(&directory, &desk, now, &mut store).unwrap();
            assert!(given.insert(next));
            let block = codes
                .lease(&directory, &desk, 50, request(), now, &mut store)
                .unwrap();
            assert_eq!(block.len(), 50);
            for code in block {
                assert!(given.insert(code));
            }
        }
    }

    #[test]
    fn a_code_is_its_desks_only_as_it_was_leased() {
        let directory = directory();
        let (mut store, mut codes) = (
            MemoryStore::default(),
            codes("{agency:qcvn102}-{yymmdd}-{number:4}"),
        );
        let (owner, now) = (desk("H99.01"), at("2026-11-22T09:00:00+07:00"));
        let code = codes
            .lease(&directory, &owner, 1, request(), now, &mut store)
            .unwrap()
            .remove(0);
        assert!(code.as_str().starts_with("000.00.01.H99-261122-"), "{code}");
        let reader = store.reader();
        let whose = |desk: &AgencyCode, code: &DossierCode| {
            brought(&directory, desk, code, reader.as_ref()).unwrap()
        };
        assert_eq!(whose(&owner, &code), Brought::Leased);
        assert_eq!(whose(&desk("H99.02"), &code), Brought::NotTheirs);
        let invented = "000.00.01.H99-261122-9998".parse().unwrap();
        assert!(matches!(whose(&owner, &invented), Brought::NotKnownHere(_)));
        let opaque = "H99.01.OPAQUE-1".parse().unwrap();
        assert_eq!(whose(&owner, &opaque), Brought::NotTheirs);
    }

    #[test]
    fn a_day_that_is_used_up_gives_what_is_left_and_then_says_so() {
        let directory = directory();
        let (mut store, mut codes) = (
            MemoryStore::default(),
            codes("{agency}-{yymmdd}-{number:4}"),
        );
        let (desk, now) = (desk("H99.02"), at("2026-11-22T00:00:00+07:00"));
        let mut given = 0;
        let end = loop {
            match codes.lease(&directory, &desk, 1_000, request(), now, &mut store) {
                Ok(block) => given += block.len(),
                Err(error) => break error,
            }
        };
        assert_eq!(given, 9_999);
        assert!(matches!(
            end,
            CodesError::Pattern(CodeError::NumberOutOfRange { .. })
        ));
    }

    #[test]
    fn an_agency_without_a_code_of_the_patterns_scheme_gets_none() {
        let (mut store, mut codes) = (
            MemoryStore::default(),
            codes("{agency:qcvn102}-{yymmdd}-{number:4}"),
        );
        let now = at("2026-11-22T09:00:00+07:00");
        let none = codes.next(&directory(), &desk("H99.02"), now, &mut store);
        assert!(matches!(
            none,
            Err(CodesError::Pattern(CodeError::OtherScheme { .. }))
        ));
    }
}
