//! The audit log as a chain, followed from its newest entry back to its first: whether any was changed,
//! taken away or put elsewhere.

use crate::screen::time;
use anyhow::{Context as _, ensure};
use broker::store::Audit;
use contract::v1::AuditEntry;
use dossier::name::Digest;
use std::{fmt, str::FromStr};

/// An entry as an auditor writes it down, such as `12:5f3c…`: all entries up to it stand behind its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) number: u64,
    pub(super) hash: Digest,
}

impl Mark {
    /// What the first entry follows.
    const BEFORE_FIRST: Self = Self {
        number: 0,
        hash: Audit::HASH_BEFORE_FIRST,
    };
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.number, self.hash)
    }
}

impl FromStr for Mark {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (number, hash) = text.split_once(':')?;
            Some(Self {
                number: number.parse().ok().filter(|number| *number > 0)?,
                hash: Digest::from_slice(&hex::decode(hash).ok()?)?,
            })
        };
        read().ok_or("write NUMBER:HASH, as an earlier --verify printed it")
    }
}

/// One entry, not yet compared with the one before it.
#[derive(Debug)]
struct Link {
    mark: Mark,
    audit: Audit,
}

impl Link {
    fn read(entry: AuditEntry) -> anyhow::Result<Self> {
        let number = entry.number;
        let unsound = |field| format!("entry {number} has no sound {field}");
        ensure!(number > 0, unsound("number"));
        let dossier_id = match entry.dossier_id.as_str() {
            "" => None,
            id => Some(id.parse().with_context(|| unsound("dossier id"))?),
        };
        let hash = Digest::from_slice(&entry.hash).with_context(|| unsound("hash"))?;
        Ok(Self {
            mark: Mark { number, hash },
            audit: Audit {
                at: time::read(&entry.at).with_context(|| unsound("time"))?,
                operator: entry.operator,
                via: Some(entry.via).filter(|via| !via.is_empty()),
                call: entry.call,
                dossier_id,
                subject: entry.subject,
                reason: entry.reason,
                before: entry.before,
                after: entry.after,
            },
        })
    }

    /// That it was written right after this one.
    fn follows(&self, before: Mark) -> anyhow::Result<()> {
        let Mark { number, hash } = self.mark;
        let expected = number - 1;
        ensure!(
            before.number == expected || before != Mark::BEFORE_FIRST,
            "the log begins with entry {number}, where entry 1 was expected"
        );
        ensure!(
            before.number == expected,
            "before entry {number} stands entry {}, where entry {expected} was expected",
            before.number
        );
        let expected = self.audit.hash(number, &before.hash);
        ensure!(
            hash == expected,
            "entry {number} has the hash {hash}, where {expected} was expected: what it says was \
             changed, or the hash of the entry before it"
        );
        Ok(())
    }
}

/// The log, as far back as it was followed.
#[derive(Debug)]
pub(super) struct Chain {
    noted: Option<Mark>,
    last: Option<Mark>,
    earliest: Option<Link>,
}

impl Chain {
    /// Nothing was followed yet; the noted entry must be met on the way.
    pub(super) fn new(noted: Option<Mark>) -> Self {
        Self {
            noted,
            last: None,
            earliest: None,
        }
    }

    /// Goes back by one entry, from the newest on.
    ///
    /// # Errors
    /// If the entry after it does not follow it, or it is not as it was noted.
    pub(super) fn back_to(&mut self, entry: AuditEntry) -> anyhow::Result<()> {
        let link = Link::read(entry)?;
        let mark = link.mark;
        if let Some(later) = self.earliest.replace(link) {
            later.follows(mark)?;
        }
        self.last.get_or_insert(mark);
        if let Some(noted) = self.noted.filter(|noted| noted.number == mark.number) {
            ensure!(
                noted == mark,
                "entry {} has the hash {}, where {} was noted: it, or one before it, was changed",
                mark.number,
                mark.hash,
                noted.hash
            );
        }
        Ok(())
    }

    /// There is nothing before: gives the last entry, whose number is how many there are.
    ///
    /// # Errors
    /// If the beginning or the noted entry was not met.
    pub(super) fn end(self) -> anyhow::Result<Option<Mark>> {
        if let Some(first) = self.earliest {
            first.follows(Mark::BEFORE_FIRST)?;
        }
        let last = self.last.map_or(0, |last| last.number);
        if let Some(noted) = self.noted {
            ensure!(
                noted.number <= last,
                "the log has {last} entries, where entry {} was noted",
                noted.number
            );
        }
        Ok(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut AuditEntry);

    /// What five acts leave, the newest first, as the broker lists them.
    fn log() -> Vec<AuditEntry> {
        let mut before = Audit::HASH_BEFORE_FIRST;
        let entry = |number: u64| {
            let mut entry = AuditEntry {
                number,
                at: Some(prost_types::Timestamp {
                    seconds: 1_764_000_000,
                    nanos: 123_456_000,
                }),
                operator: "spiffe://town.example/operator/duty".into(),
                call: "ExtendStep".into(),
                reason: "lũ lụt".into(),
                ..AuditEntry::default()
            };
            if number.is_multiple_of(2) {
                entry.via = "spiffe://town.example/operator/console".into();
                entry.dossier_id = "0123456789abcdef0123456789abcdef".into();
            }
            before = sign(&mut entry, &before);
            entry
        };
        let mut entries: Vec<_> = (1..=5).map(entry).collect();
        entries.reverse();
        entries
    }

    /// Gives it the hash that it has after one with that hash.
    fn sign(entry: &mut AuditEntry, before: &Digest) -> Digest {
        entry.hash = vec![0; 32].into();
        let link = Link::read(entry.clone()).unwrap();
        let hash = link.audit.hash(entry.number, before);
        entry.hash = hash.0.to_vec().into();
        hash
    }

    fn mark(entry: &AuditEntry) -> Mark {
        Link::read(entry.clone()).unwrap().mark
    }

    fn follow(entries: &[AuditEntry], noted: Option<Mark>) -> anyhow::Result<Option<Mark>> {
        let mut chain = Chain::new(noted);
        for entry in entries {
            chain.back_to(entry.clone())?;
        }
        chain.end()
    }

    fn breaks(entries: &[AuditEntry], noted: Option<Mark>) -> String {
        follow(entries, noted).unwrap_err().to_string()
    }

    #[test]
    fn a_log_as_it_was_written_is_followed_to_its_first_entry() {
        let log = log();
        let last = Some(mark(&log[0]));
        assert_eq!(follow(&log, None).unwrap(), last);
        for entry in &log {
            assert_eq!(follow(&log, Some(mark(entry))).unwrap(), last);
        }
        assert_eq!(follow(&[], None).unwrap(), None);
    }

    #[test]
    fn an_entry_that_was_changed_is_named_whatever_was_changed_of_it() {
        let changes: [Change; 9] = [
            |entry| entry.at.as_mut().unwrap().nanos += 1_000,
            |entry| entry.operator.push('x'),
            |entry| entry.via.clear(),
            |entry| entry.call = "MoveStep".into(),
            |entry| entry.dossier_id.clear(),
            |entry| entry.subject.push('x'),
            |entry| entry.reason.clear(),
            |entry| entry.before.push('x'),
            |entry| entry.after.push('x'),
        ];
        for change in changes {
            let mut log = log();
            change(&mut log[1]);
            let told = breaks(&log, None);
            assert!(told.starts_with("entry 4 has the hash "), "{told}");
        }
        let mut log = log();
        log[4].reason.clear();
        let told = breaks(&log, None);
        assert!(told.starts_with("entry 1 has the hash "), "{told}");
    }

    #[test]
    fn an_entry_that_was_changed_together_with_its_hash_is_seen_by_what_follows_or_was_noted() {
        let mut log = log();
        let noted = mark(&log[1]);
        let before = mark(&log[2]).hash;
        log[1].reason = "khác".into();
        let hash = sign(&mut log[1], &before);
        let told = breaks(&log, None);
        assert!(told.starts_with("entry 5 has the hash "), "{told}");

        sign(&mut log[0], &hash);
        assert!(follow(&log, None).is_ok());
        let told = breaks(&log, Some(noted));
        let expected = format!("entry 4 has the hash {hash}, where {} was", noted.hash);
        assert!(told.starts_with(&expected), "{told}");
    }

    #[test]
    fn an_entry_that_is_missing_is_named() {
        let mut log = log();
        let noted = Some(mark(&log[0]));
        let mut middle = log.clone();
        middle.remove(2);
        assert_eq!(
            breaks(&middle, None),
            "before entry 4 stands entry 2, where entry 3 was expected"
        );
        assert_eq!(
            breaks(&log[..4], None),
            "the log begins with entry 2, where entry 1 was expected"
        );
        log.remove(0);
        let told = breaks(&log, noted);
        assert_eq!(told, "the log has 4 entries, where entry 5 was noted");
        let told = breaks(&[], noted);
        assert_eq!(told, "the log has 0 entries, where entry 5 was noted");
    }

    #[test]
    fn two_entries_that_changed_places_are_seen_with_and_without_their_numbers() {
        let mut log = log();
        log.swap(2, 3);
        assert_eq!(
            breaks(&log, None),
            "before entry 4 stands entry 2, where entry 3 was expected"
        );
        (log[2].number, log[3].number) = (3, 2);
        let told = breaks(&log, None);
        assert!(told.starts_with("entry 4 has the hash "), "{told}");
    }

    #[test]
    fn what_no_entry_can_be_is_told_by_its_field() {
        let changes: [(&str, Change); 4] = [
            ("entry 0 has no sound number", |entry| entry.number = 0),
            ("entry 4 has no sound time", |entry| entry.at = None),
            ("entry 4 has no sound dossier id", |entry| {
                entry.dossier_id = "x".into();
            }),
            ("entry 4 has no sound hash", |entry| entry.hash.clear()),
        ];
        for (told, change) in changes {
            let mut log = log();
            change(&mut log[1]);
            assert_eq!(breaks(&log, None), told);
        }
    }

    #[test]
    fn a_mark_is_read_as_it_is_printed() {
        let mark = mark(&log()[0]);
        assert_eq!(mark.to_string().parse(), Ok(mark));
        for text in ["5", "5:", "5:abcd", ":abcd", &format!("0:{}", mark.hash)] {
            assert!(text.parse::<Mark>().is_err(), "{text}");
        }
    }
}
