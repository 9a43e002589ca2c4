//! The list that a courier works through: what is owed to its department, oldest due date first. It is
//! read from the store once; what is committed from then on is posted to it.

use crate::{
    board::Fresh,
    store::{Attempt, Owed, OwedCursor, OwedRow, Reader, StoreError},
};
use dossier::name::{AgencyCode, DossierCode, DossierId};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// Pages that the list holds of what was posted; the latest due of what is more is read again.
const PAGES_HELD: usize = 16;

/// Names one thing that is owed: a round of a step, or a notice by its number. The due date tells a
/// handover from its recall.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) dossier: DossierId,
    subject: String,
    pub(super) round: u32,
    due_at: Timestamp,
}

/// Something owed to the department.
#[derive(Debug, Clone)]
pub(super) struct Owing {
    pub(super) dossier_id: DossierId,
    pub(super) code: DossierCode,
    pub(super) row: OwedRow,
    pub(super) attempt: Option<Attempt>,
}

impl Owing {
    /// Names it. None when it is about nothing.
    fn key(&self) -> Option<Key> {
        Some(Key {
            dossier: self.dossier_id,
            subject: self.row.subject()?,
            round: self.row.round,
            due_at: self.row.due_at,
        })
    }
}

impl From<Owed> for Owing {
    fn from(owed: Owed) -> Self {
        Self {
            dossier_id: owed.dossier_id,
            code: owed.code,
            row: owed.row,
            attempt: owed.attempt,
        }
    }
}

impl From<Fresh> for Owing {
    fn from(fresh: Fresh) -> Self {
        Self {
            dossier_id: fresh.dossier_id,
            code: fresh.code,
            row: fresh.row,
            attempt: None,
        }
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
    /// By due date, and then as they came.
    rows: BTreeMap<(Timestamp, i64), Owing>,
    /// How many came, and how many were given back.
    came: i64,
    given_back: i64,
    after: Option<OwedCursor>,
    /// The latest due date that was read.
    read_until: Timestamp,
    is_through: bool,
    /// Something was let go of that the store has: it is read from the beginning once this is done.
    is_behind: bool,
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
            rows: BTreeMap::new(),
            came: 0,
            given_back: 0,
            after: None,
            read_until: Timestamp::MIN,
            is_through: false,
            is_behind: false,
            resting: HashMap::new(),
            is_called: false,
            next_call_at: Timestamp::MIN,
            wake_at: None,
        }
    }

    /// Takes in what was just committed, unless its turn to be read is still to come. What the store
    /// gives once more is known by its key while it is under way, and by its dossier once it is owed no
    /// longer.
    pub(super) fn post(&mut self, fresh: Vec<Fresh>) {
        for one in fresh {
            if self.is_through || one.row.due_at <= self.read_until {
                self.put(one.into());
            }
        }
        while self.rows.len() > self.rows_max.saturating_mul(PAGES_HELD) {
            self.rows.pop_last();
            self.is_behind = true;
        }
    }

    fn put(&mut self, owing: Owing) {
        self.came += 1;
        self.rows.insert((owing.row.due_at, self.came), owing);
    }

    /// Reads from the beginning again: more is owed than was posted, or a round has rested.
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
        self.read_until = Timestamp::MIN;
        self.is_through = false;
        self.is_behind = false;
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
        self.try_all();
    }

    /// Nothing rests any more: an operator wishes it, or the department has called.
    pub(super) fn try_all(&mut self) {
        self.resting.clear();
        self.begin_again();
        self.is_called = true;
    }

    /// Some of what rested may be due: the store says which.
    pub(super) fn look_again(&mut self) {
        self.resting.retain(|_, rest| !rest.is_kept);
        self.begin_again();
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
    ) -> Result<Option<(Key, Owing)>, StoreError> {
        if self.wake_at.is_some_and(|at| at <= now) {
            self.begin_again();
        }
        loop {
            if self.rows.is_empty() {
                if self.is_through && !self.is_behind {
                    return Ok(None);
                }
                if self.is_through {
                    self.begin_again();
                }
                self.read_on(reader)?;
            }
            while let Some((_, owing)) = self.rows.pop_first() {
                let Some(key) = owing.key() else {
                    continue;
                };
                if is_under_way(&key) {
                    continue;
                }
                match self.rests_until(&key, &owing).filter(|at| *at > now) {
                    Some(at) => self.wake(at),
                    None => return Ok(Some((key, owing))),
                }
            }
        }
    }

    fn read_on(&mut self, reader: &dyn Reader) -> Result<(), StoreError> {
        let rows = reader.owed_for(&self.agency, self.after.as_ref(), self.rows_max)?;
        self.is_through = rows.len() < self.rows_max;
        if let Some(last) = rows.last() {
            self.after = Some(last.cursor);
            self.read_until = last.row.due_at;
        }
        for row in rows {
            self.put(row.into());
        }
        Ok(())
    }

    fn rests_until(&self, key: &Key, owing: &Owing) -> Option<Timestamp> {
        match self.resting.get(key) {
            Some(rest) => Some(rest.until),
            None if self.is_called => None,
            None => owing.attempt.as_ref().map(|attempt| attempt.next_at),
        }
    }

    /// Gives one back that found no room; it is the next again.
    pub(super) fn give_back(&mut self, owing: Owing) {
        self.given_back -= 1;
        self.rows.insert((owing.row.due_at, self.given_back), owing);
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

    fn forget_attempt(store: &mut MemoryStore, key: &Key) {
        let attempt = AttemptChange {
            dossier_id: key.dossier,
            step: named(&key.subject),
            round: key.round,
            attempts: 0,
            next_at: Timestamp::now(),
            last_error: String::new(),
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

    fn post(store: &MemoryStore, due: impl Iterator<Item = usize>) -> Vec<Fresh> {
        let rows = store.reader().owed_for(&named("H26.2"), None, 100).unwrap();
        due.map(|n| Fresh {
            dossier_id: rows[n].dossier_id,
            code: rows[n].code.clone(),
            row: rows[n].row.clone(),
        })
        .collect()
    }

    #[test]
    fn what_is_posted_is_given_by_its_due_date_and_not_read() {
        let store = store(6);
        let empty = MemoryStore::new();
        let mut list = list();
        assert_eq!(all(&mut list, &empty).len(), 0);
        list.post(post(&store, [4, 1, 3].into_iter()));
        let due: Vec<Timestamp> = all(&mut list, &empty)
            .iter()
            .map(|key| key.due_at)
            .collect();
        assert_eq!(due.len(), 3);
        assert!(due.is_sorted());
        // What comes in between goes before what is due later, also before what was given back.
        list.post(post(&store, [5].into_iter()));
        let reader = empty.reader();
        let (_, last) = list
            .next(reader.as_ref(), Timestamp::now(), |_| false)
            .unwrap()
            .unwrap();
        list.give_back(last);
        list.post(post(&store, [0].into_iter()));
        let due: Vec<Timestamp> = all(&mut list, &empty)
            .iter()
            .map(|key| key.due_at)
            .collect();
        assert!(due.len() == 2 && due.is_sorted());
    }

    #[test]
    fn what_was_posted_does_not_go_before_a_backlog_that_is_due_earlier() {
        let store = store(5);
        let (mut list, reader) = (list(), store.reader());
        list.post(post(&store, [4].into_iter()));
        let next = |list: &mut List| {
            let found = list.next(reader.as_ref(), Timestamp::now(), |_| false);
            found.unwrap().map(|(key, _)| key.due_at)
        };
        let mut given = vec![next(&mut list).unwrap()];
        list.post(post(&store, [4, 1].into_iter()));
        given.extend(std::iter::from_fn(|| next(&mut list)));
        given.dedup();
        assert_eq!(given.len(), 5);
        assert!(given.is_sorted());
    }

    #[test]
    fn what_a_list_cannot_hold_is_read_from_the_store() {
        let store = store(80);
        let mut list = list();
        assert_eq!(all(&mut list, &MemoryStore::new()).len(), 0);
        list.post(post(&store, (0..80).rev()));
        assert_eq!(list.rows.len(), 2 * PAGES_HELD);
        let given = all(&mut list, &store);
        assert_eq!(given.len(), 80);
        assert!(given.is_sorted_by_key(|key| key.due_at));
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

    #[test]
    fn what_an_operator_lets_rest_no_longer_is_given_again_and_the_others_rest_on() {
        let mut store = store(3);
        let mut list = list();
        let rounds = all(&mut list, &store);
        let until = Timestamp::now() + PAUSE;
        for round in &rounds {
            keep_attempt(&mut store, round, until);
            list.rest(round.clone(), until, true);
        }
        list.look_again();
        assert_eq!(all(&mut list, &store).len(), 0, "nothing was forgotten");
        forget_attempt(&mut store, &rounds[1]);
        list.look_again();
        assert_eq!(all(&mut list, &store), rounds[1..2]);
        // However often it is wished.
        for _ in 0..2 {
            list.try_all();
            assert_eq!(all(&mut list, &store), rounds);
        }
    }
}
