//! What somebody has said and still has to say: durable, sent line by line in order, until the verdict.

use dossier::name::{DossierId, Key};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// What must keep its order: a dossier, and a step of it.
pub type Line = (DossierId, String);

/// How it was answered last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    Recorded,
    /// By the state of things, which may come to be another.
    RefusedByState,
    /// For what it says.
    Refused,
}

/// One thing said.
#[derive(Debug, Clone)]
pub struct Said<T> {
    pub id: Key,
    pub line: Line,
    pub what: T,
    pub answered: Option<Answered>,
    /// Why it was refused last.
    pub reason: &'static str,
    not_before: Timestamp,
}

/// The outbox.
#[derive(Debug, Clone)]
pub struct Outbox<T> {
    pub said: Vec<Said<T>>,
    ids: BTreeMap<Key, usize>,
    open: BTreeMap<Line, VecDeque<usize>>,
}

impl<T> Default for Outbox<T> {
    fn default() -> Self {
        Self {
            said: Vec::new(),
            ids: BTreeMap::new(),
            open: BTreeMap::new(),
        }
    }
}

/// How long an answer is waited for.
const ANSWER_WAIT: SignedDuration = SignedDuration::from_hours(2);

impl<T> Outbox<T> {
    /// Says something, once: the same id again says what was refused before, and nothing else.
    pub fn say(&mut self, id: Key, line: Line, what: T, not_before: Timestamp) {
        if let Some(&n) = self.ids.get(&id) {
            let answered = self.said[n].answered;
            if answered.is_some_and(|answered| answered != Answered::Recorded) {
                self.reopen(n, not_before);
            }
            return;
        }
        let n = self.said.len();
        self.ids.insert(id.clone(), n);
        self.open.entry(line.clone()).or_default().push_back(n);
        self.said.push(Said {
            id,
            line,
            what,
            answered: None,
            reason: "",
            not_before,
        });
    }

    pub fn reopen(&mut self, n: usize, not_before: Timestamp) {
        let said = &mut self.said[n];
        if said.answered.take().is_none() {
            return;
        }
        said.not_before = not_before;
        let line = self.open.entry(said.line.clone()).or_default();
        let place = line.partition_point(|other| *other < n);
        line.insert(place, n);
    }

    /// Says everything again that fits, in its old order.
    pub fn reopen_all(&mut self, now: Timestamp, fits: impl Fn(&Said<T>) -> bool) {
        for n in 0..self.said.len() {
            let answered = self.said[n].answered;
            if answered.is_some_and(|answered| answered != Answered::Refused) && fits(&self.said[n])
            {
                self.reopen(n, now);
            }
        }
    }

    /// Notes the verdict; nothing when there was one.
    pub fn answer(
        &mut self,
        id: &Key,
        answered: Answered,
        reason: &'static str,
    ) -> Option<&Said<T>> {
        let n = *self.ids.get(id)?;
        let said = &mut self.said[n];
        if said.answered.is_some() {
            return None;
        }
        said.answered = Some(answered);
        said.reason = reason;
        let line = self.open.get_mut(&said.line)?;
        line.retain(|other| *other != n);
        if line.is_empty() {
            self.open.remove(&self.said[n].line);
        }
        Some(&self.said[n])
    }

    /// What fits waits no longer, until the same round is given again.
    pub fn set_aside(&mut self, fits: impl Fn(&Said<T>) -> bool) {
        for n in 0..self.said.len() {
            let said = &mut self.said[n];
            // What an earlier life recorded this one has not: it would be asked for, and be unknown.
            if said.answered == Some(Answered::Refused) || !fits(said) {
                continue;
            }
            said.answered = Some(Answered::RefusedByState);
            if let Some(line) = self.open.get_mut(&said.line) {
                line.retain(|other| *other != n);
            }
        }
        self.open.retain(|_, line| !line.is_empty());
    }

    /// What is to be sent now: the first of each line.
    pub fn due(&mut self, now: Timestamp) -> Vec<usize> {
        let mut due = Vec::new();
        for line in self.open.values() {
            if let Some(&n) = line.front()
                && self.said[n].not_before <= now
            {
                self.said[n].not_before = now + ANSWER_WAIT;
                due.push(n);
            }
        }
        due
    }

    /// After a restart nobody knows what was sent.
    pub fn forget_sending(&mut self, now: Timestamp) {
        for line in self.open.values() {
            if let Some(&n) = line.front() {
                let said = &mut self.said[n];
                if said.not_before <= now + ANSWER_WAIT {
                    said.not_before = now;
                }
            }
        }
    }

    /// When something is to be sent next.
    pub fn next_at(&self) -> Option<Timestamp> {
        let heads = self.open.values().filter_map(|line| line.front());
        heads.map(|n| self.said[*n].not_before).min()
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
