//! The ground that the town stands on: virtual time, what happens next, who is up, and the post between
//! them.

use crate::{
    chance::Chance,
    checks::Checks,
    faults::Faults,
    post::{Letter, Message},
    province::Province,
};
use dossier::{
    alarm::Alarm,
    department_notice::DepartmentNotice,
    name::{AgencyCode, DossierId, StepId},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody who can die.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    Broker,
    Party(AgencyCode),
}

/// Something that happens at its time.
#[derive(Debug, Clone)]
pub enum Happens {
    /// A citizen comes to a desk.
    Comes(u32),
    Arrives(Box<Letter>),
    /// The ledger takes what is waiting.
    Turn {
        life: u32,
    },
    /// A courier offers a round.
    Offer {
        life: u32,
        dossier: DossierId,
        step: StepId,
        round: u32,
        attempt: u32,
    },
    /// A courier tells a department something.
    Tells {
        life: u32,
        dossier: DossierId,
        agency: AgencyCode,
        notice: DepartmentNotice,
        attempt: u32,
    },
    Rings {
        life: u32,
        dossier: DossierId,
        alarm: Alarm,
    },
    /// A department does a round, or no longer waits for what it asked.
    Works {
        agency: AgencyCode,
        life: u32,
        dossier: DossierId,
        step: StepId,
        round: u32,
    },
    /// A desk or department sends what is due.
    Speaks {
        party: AgencyCode,
        life: u32,
    },
    /// A desk asks for its notices.
    Looks {
        party: AgencyCode,
        life: u32,
    },
    /// A department connects: both say hello.
    Connects {
        party: AgencyCode,
        life: u32,
    },
    Starts(Who),
    /// A fault out of the blue.
    Crash,
    LosesDisk,
    Copy,
    Restore,
    Jump,
    ClockIsSet,
    /// Operators look at what only a person can decide.
    Operators,
    FaultsEnd,
}

/// The ground.
pub struct Ground {
    pub now: Timestamp,
    pub chance: Chance,
    pub faults: Faults,
    pub province: &'static Province,
    pub checks: Checks,
    /// Whose process is down.
    pub down: BTreeSet<Who>,
    /// How often each began.
    lives: BTreeMap<Who, u32>,
    queue: BTreeMap<(Timestamp, u64), Happens>,
    count: u64,
}

impl Ground {
    pub fn new(now: Timestamp, chance: Chance, faults: Faults) -> Self {
        Self {
            now,
            chance,
            faults,
            province: Province::here(),
            checks: Checks::default(),
            down: BTreeSet::new(),
            lives: BTreeMap::new(),
            queue: BTreeMap::new(),
            count: 0,
        }
    }

    pub fn at(&mut self, at: Timestamp, what: Happens) {
        self.count += 1;
        self.queue.insert((at.max(self.now), self.count), what);
    }

    pub fn after(&mut self, time: SignedDuration, what: Happens) {
        self.at(self.now + time, what);
    }

    /// What happens next; time goes on to it.
    pub fn next(&mut self) -> Option<Happens> {
        let ((at, _), what) = self.queue.pop_first()?;
        self.now = at;
        Some(what)
    }

    pub fn life(&self, who: &Who) -> u32 {
        self.lives.get(who).copied().unwrap_or_default()
    }

    pub fn life_of(&self, party: &AgencyCode) -> u32 {
        self.life(&Who::Party(party.clone()))
    }

    pub fn is_up(&self, party: &AgencyCode) -> bool {
        !self.down.contains(&Who::Party(party.clone()))
    }

    /// Its process ends: what it had not made durable is gone, its lines are broken, and some time later
    /// it begins again.
    pub fn dies(&mut self, who: Who) {
        if self.down.insert(who.clone()) {
            *self.lives.entry(who.clone()).or_default() += 1;
            self.checks.crashes += 1;
            let away = match self.chance.one_in(5) {
                true => self.chance.hours(40),
                false => self.chance.within(600),
            };
            self.after(away, Happens::Starts(who));
        }
    }

    /// Whether it dies here, between two acts.
    pub fn is_last_breath(&mut self) -> bool {
        let dies = self.faults.dies;
        self.chance.one_in(dies)
    }

    /// Sends on the line between the broker and this party.
    pub fn send(&mut self, party: &AgencyCode, to_broker: bool, message: Message) {
        let lives = (self.life(&Who::Broker), self.life_of(party));
        let letter = Letter {
            party: party.clone(),
            to_broker,
            message,
            lives,
            is_swift: true,
        };
        let (loses, repeats) = (self.faults.loses, self.faults.repeats);
        // What is a call of its own is not repeated by the line.
        let is_call = matches!(
            letter.message,
            Message::Begin
                | Message::Begun { .. }
                | Message::Reconcile { .. }
                | Message::Reconciled { .. }
        );
        if !is_call && self.chance.one_in(repeats) {
            self.travels(letter.clone());
        }
        if !self.chance.one_in(loses) {
            self.travels(letter);
        }
    }

    fn travels(&mut self, mut letter: Letter) {
        let delays = self.faults.delays;
        let time = match self.chance.one_in(delays) {
            true => {
                letter.is_swift = false;
                self.chance.hours(36)
            }
            false => self.chance.within(3),
        };
        self.after(time, Happens::Arrives(Box::new(letter)));
    }

    /// Whether a letter comes to somebody who lives still as when it was sent. What was swift comes also
    /// when its sender died at once; all else is gone with the line.
    pub fn comes_to(&self, letter: &Letter) -> bool {
        let party = Who::Party(letter.party.clone());
        let (broker_life, party_life) = (self.life(&Who::Broker), self.life(&party));
        let (to, lives_still, sender_lives) = match letter.to_broker {
            true => (
                Who::Broker,
                letter.lives.0 == broker_life,
                letter.lives.1 == party_life,
            ),
            false => (
                party,
                letter.lives.1 == party_life,
                letter.lives.0 == broker_life,
            ),
        };
        lives_still && (sender_lives || letter.is_swift) && !self.down.contains(&to)
    }
}
