//! The list that a courier works through: what is owed to its department, each round read once
//! until the bell rings or a round has rested.

use crate::store::{Owed, OwedCursor, Reader, StoreError};
use dossier::name::{AgencyCode, DossierId};
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashMap, VecDeque};

/// Names one thing that is owed: a round of a step, or a notice by its number. The due date tells a
/// handover from its recall.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) dossier: DossierId,
    subject: String,
    pub(super) round: u32,
    due_at: Timestamp,
}

impl Key {
    /// None when it is about nothing.
    pub(super) fn of(owed: &Owed) -> Option<Self> {
        Some(Self {
            dossier: owed.dossier_id,
            subject: owed.row.subject()?,
            round: owed.row.round,
            due_at: owed.row.due_at,
        })
    }
}

/// A round that was not taken, as this stream knows it.
#[derive(Debug)]
struct Rest {
    until: Timestamp,
    /// The store knows it, too.
    is_kept: bool,
}

/// Where a courier is in what is owed.
#[derive(Debug)]
pub(super) struct List {
    agency: AgencyCode,
    rows_max: usize,
    rows: VecDeque<Owed>,
    after: Option<OwedCursor>,
    is_through: bool,
    resting: HashMap<Key, Rest>,
    /// The department has called: what rested before is due now.
    is_called: bool,
    next_call_at: Timestamp,
    wake_at: Option<Timestamp>,
}

impl List {
    /// The list of this department from its beginning, read by so many rows.
    pub(super) fn new(agency: AgencyCode, rows_max: usize) -> Self {
        Self {
            agency,
            rows_max: rows_max.max(1),
            rows: VecDeque::new(),
            after: None,
            is_through: false,
            resting: HashMap::new(),
            is_called: false,
            next_call_at: Timestamp::MIN,
            wake_at: None,
        }
    }

    /// Reads from the beginning again: something new is owed, or a round has rested.
    pub(super) fn begin_again(&mut self) {
        if self.is_through {
            self.is_called = false;
        }
        let now = Timestamp::now();
        let is_called = self.is_called;
        // While a call is answered, what rests since the call goes on resting.
        self.resting
            .retain(|_, rest| rest.until > now && (is_called || !rest.is_kept));
        self.rows.clear();
        self.after = None;
        self.is_through = false;
        self.wake_at = None;
    }

    /// The department has called: nothing rests any more. Heard once in `quiet`, because a
    /// department that works calls all the time.
    pub(super) fn called(&mut self, quiet: SignedDuration) {
        let now = Timestamp::now();
        if now < self.next_call_at {
            return;
        }
        self.next_call_at = now.saturating_add(quiet).unwrap_or(Timestamp::MAX);
        self.resting.clear();
        self.begin_again();
        self.is_called = true;
    }

    /// The next thing that may be offered now, oldest due date first.
    ///
    /// # Errors
    /// The store cannot be read; the list stays where it is.
    pub(super) fn next(
        &mut self,
        reader: &dyn Reader,
        now: Timestamp,
        is_under_way: impl Fn(&Key) -> bool,
    ) -> Result<Option<(Key, Owed)>, StoreError> {
        if self.wake_at.is_some_and(|at| at <= now) {
            self.begin_again();
        }
        loop {
            while let Some(owed) = self.rows.pop_front() {
                let Some(key) = Key::of(&owed) else {
                    continue;
                };
                if is_under_way(&key) {
                    continue;
                }
                match self.rests_until(&key, &owed).filter(|at| *at > now) {
                    Some(at) => self.wake(at),
                    None => return Ok(Some((key, owed))),
                }
            }
            if self.is_through {
                return Ok(None);
            }
            let rows = reader.owed_for(&self.agency, self.after.as_ref(), self.rows_max)?;
            self.is_through = rows.len() < self.rows_max;
            if let Some(last) = rows.last() {
                self.after = Some(last.cursor);
            }
            self.rows = rows.into();
        }
    }

    fn rests_until(&self, key: &Key, owed: &Owed) -> Option<Timestamp> {
        match self.resting.get(key) {
            Some(rest) => Some(rest.until),
            None if self.is_called => None,
            None => owed.attempt.as_ref().map(|attempt| attempt.next_at),
        }
    }

    /// Gives one back that found no room; it is the next again.
    pub(super) fn give_back(&mut self, owed: Owed) {
        self.rows.push_front(owed);
    }

    /// A round was not taken. `is_kept`: the store knows it, too.
    pub(super) fn rest(&mut self, key: Key, until: Timestamp, is_kept: bool) {
        self.resting.insert(key, Rest { until, is_kept });
        self.wake(until);
    }

    fn wake(&mut self, at: Timestamp) {
        self.wake_at = Some(self.wake_at.map_or(at, |earlier| earlier.min(at)));
    }

    /// When the next round has rested.
    pub(super) fn wake_at(&self) -> Option<Timestamp> {
        self.wake_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        AttemptChange, Batch, Change, MemoryStore, OwedKind, OwedRow, Store,
        conformance::{named, received},
    };

    const PAUSE: SignedDuration = SignedDuration::from_hours(1);

    /// So many dossiers, each owed to H26.2.
    fn store(dossiers: u64) -> MemoryStore {
        let mut store = MemoryStore::new();
        let changes = (1..=dossiers).map(|number| {
            let mut change = received(number);
            change.owed = vec![OwedRow {
                kind: OwedKind::Handover,
                agency: Some(named("H26.2")),
                step: Some(named("residence")),
                notice: None,
                alarm: None,
                round: 1,
                due_at: Timestamp::from_second(1_790_000_000 + number as i64).unwrap(),
            }];
            change
        });
        let changes: Vec<Change> = changes.collect();
        store
            .commit(Batch {
                changes,
                ..Batch::default()
            })
            .unwrap();
        store
    }

    fn keep_attempt(store: &mut MemoryStore, key: &Key, next_at: Timestamp) {
        let attempt = AttemptChange {
            dossier_id: key.dossier,
            step: named(&key.subject),
            round: key.round,
            attempts: 1,
            next_at,
            last_error: "LATER".into(),
        };
        let attempts = vec![attempt];
        store
            .commit(Batch {
                attempts,
                ..Batch::default()
            })
            .unwrap();
    }

    fn all(list: &mut List, store: &MemoryStore) -> Vec<Key> {
        let mut seen = Vec::new();
        let now = Timestamp::now();
        while let Some((key, _)) = list
            .next(store.reader().as_ref(), now, |key| seen.contains(key))
            .unwrap()
        {
            seen.push(key);
        }
        seen
    }

    fn list() -> List {
        List::new(named("H26.2"), 2)
    }

    #[test]
    fn each_round_is_given_once_until_the_bell_rings() {
        let store = store(5);
        let mut list = list();
        assert_eq!(all(&mut list, &store).len(), 5);
        assert_eq!(all(&mut list, &store).len(), 0);
        list.begin_again();
        assert_eq!(all(&mut list, &store).len(), 5);
    }

    #[test]
    fn what_found_no_room_is_the_next_again() {
        let store = store(3);
        let (mut list, reader) = (list(), store.reader());
        let now = Timestamp::now();
        let (key, owed) = list.next(reader.as_ref(), now, |_| false).unwrap().unwrap();
        list.give_back(owed);
        let (again, _) = list.next(reader.as_ref(), now, |_| false).unwrap().unwrap();
        assert_eq!(again, key);
    }

    #[test]
    fn a_round_that_was_not_taken_rests_also_when_the_store_did_not_keep_it() {
        let store = store(2);
        let mut list = list();
        let first = all(&mut list, &store).remove(0);
        let until = Timestamp::now() + PAUSE;
        list.rest(first.clone(), until, false);
        list.begin_again();
        let given = all(&mut list, &store);
        assert_eq!(given.len(), 1);
        assert!(!given.contains(&first));
        assert_eq!(list.wake_at(), Some(until));
    }

    #[test]
    fn a_call_ends_every_rest_once() {
        let mut store = store(3);
        let mut list = list();
        let rounds = all(&mut list, &store);
        let until = Timestamp::now() + PAUSE;
        keep_attempt(&mut store, &rounds[1], until);
        list.rest(rounds[1].clone(), until, true);
        list.begin_again();
        assert_eq!(all(&mut list, &store).len(), 2);

        list.called(PAUSE);
        let now = Timestamp::now();
        let reader = store.reader();
        let (first, _) = list.next(reader.as_ref(), now, |_| false).unwrap().unwrap();
        // Not taken again, and the bell rings in the middle of the list.
        list.rest(first.clone(), until, true);
        list.begin_again();
        let given = all(&mut list, &store);
        assert_eq!(given, rounds[1..]);
        // The call is answered; another one so soon is not heard.
        list.called(PAUSE);
        assert_eq!(all(&mut list, &store).len(), 0);
    }
}
