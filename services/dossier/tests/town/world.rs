//! The world: a town under a seed, from its first dossier until all is over.

use crate::{
    broker::Broker,
    chance::Chance,
    department::{CALM_DAYS_MAX, Department},
    desk::{Desk, asked},
    faults::{self, Faults},
    ground::{Ground, Happens, Who},
    outbox::Answered,
    post::{self, Letter},
    province::{Province, at},
};
use dossier::{
    decide::{Act, Action},
    dossier::{Kind, Stage},
    event::Cause,
    name::{AgencyCode, Digest, DossierId},
    party::Officer,
    supplement::{Approval, Item},
};
use jiff::{SignedDuration, Timestamp};
use std::{collections::BTreeMap, sync::LazyLock};

/// How large a town is and how long it lives.
pub struct Span {
    pub from: Timestamp,
    pub days: i64,
    pub dossiers: u32,
    pub faults: Faults,
}

impl Span {
    /// Some weeks, some of them over Tết or over the new year.
    pub fn of_weeks(chance: &mut Chance) -> Self {
        let from = *chance.pick(&["2026-10-01T08:00", "2026-12-24T13:00", "2027-01-28T07:00"]);
        Self {
            from: at(from),
            days: 25,
            dossiers: 3,
            faults: Faults::by(chance),
        }
    }

    /// A year, Tết included.
    pub fn of_a_year(dossiers: u32) -> Self {
        Self {
            from: at("2026-10-01T08:00"),
            days: 365,
            dossiers,
            faults: Faults::of_a_year(),
        }
    }
}

/// A town.
pub struct World {
    seed: u64,
    pub ground: Ground,
    pub broker: Broker,
    desks: BTreeMap<AgencyCode, Desk>,
    departments: BTreeMap<AgencyCode, Department>,
    comes: u32,
    expected: u32,
    acts: u32,
    faults_end: Timestamp,
    has_ended: bool,
}

/// Whether everything that happens is told, for whoever looks for a fault: `SEED=7 TRACE=1`.
static TRACE: LazyLock<bool> = LazyLock::new(|| std::env::var_os("TRACE").is_some());

/// After which a person wonders why a dossier is stopped: no desk means to stop one for so long.
const STANDS_LONG: SignedDuration = SignedDuration::from_hours(24 * 20);

impl World {
    pub fn of(seed: u64, mut chance: Chance, span: Span) -> Self {
        let province = Province::here();
        let mut ground = Ground::new(span.from, chance.clone(), span.faults);
        let time = SignedDuration::from_hours(24 * span.days);
        for number in 1..=span.dossiers {
            let hours = span.days as usize * 24 * 2 / 3;
            ground.after(chance.hours(hours), Happens::Comes(number));
        }
        ground.after(time, Happens::FaultsEnd);
        ground.after(SignedDuration::from_hours(20), Happens::Operators);
        let of = |codes: &[AgencyCode]| codes.to_vec();
        let mut world = Self {
            seed,
            broker: Broker::default(),
            desks: of(&province.desks)
                .into_iter()
                .map(|code| (code.clone(), Desk::new(&code)))
                .collect(),
            departments: of(&province.departments)
                .into_iter()
                .map(|code| (code.clone(), Department::new(&code)))
                .collect(),
            comes: 0,
            expected: span.dossiers,
            acts: 0,
            faults_end: span.from + time,
            has_ended: false,
            ground,
        };
        world.plan_faults();
        for desk in world.desks.values_mut() {
            desk.start(&mut world.ground);
        }
        world
    }

    fn plan_faults(&mut self) {
        let faults = self.ground.faults.clone();
        let ground = &mut self.ground;
        for (every, what) in [
            (faults.crash_every_hours, Happens::Crash),
            (faults.disk_every_hours, Happens::LosesDisk),
            (faults.restore_every_hours, Happens::Copy),
            (faults.jump_every_hours, Happens::Jump),
        ] {
            if every > 0 {
                let time = ground.chance.hours(2 * every);
                ground.after(time, what);
            }
        }
    }

    /// Lives until all is over.
    pub fn live(&mut self) {
        while let Some(what) = self.ground.next() {
            self.happens(what);
            if self.is_over() {
                break;
            }
            assert!(
                self.ground.now < self.faults_end + CALM_DAYS_MAX,
                "not over long after the faults: {}",
                self.why_not_over()
            );
        }
        self.look_back();
    }

    fn is_over(&self) -> bool {
        let epoch = self.broker.disk.epoch;
        self.has_ended
            && self.ground.down.is_empty()
            // Who has not heard that the broker was restored has yet to bring what it lost.
            && self.desks.values().all(|desk| desk.has_heard_of(epoch))
            && self.comes == self.expected
            && self.broker.all_closed()
            && self.broker.owes_nothing()
            && self.desks.values().all(|desk| desk.outbox.is_empty())
            && self.departments.values().all(|one| one.outbox.is_empty())
    }

    fn why_not_over(&self) -> String {
        let open: Vec<String> = self
            .broker
            .seen()
            .filter(|(_, dossier, _)| dossier.closed_at.is_none())
            .map(|(id, dossier, procedure)| {
                let steps: Vec<String> = dossier
                    .steps
                    .iter()
                    .filter(|(_, step)| !step.stage.is_finished() && step.stage != Stage::Waiting)
                    .map(|(of, step)| {
                        let there = self.departments.get(&step.agency);
                        let there = there.map(|one| one.tells(*id, of));
                        let desk = || self.desks.get(&step.agency).map(|one| one.tells(*id));
                        let there = there.or_else(desk).unwrap_or_default();
                        format!("{of} {:?} round {}: {there}", step.stage, step.round)
                    })
                    .collect();
                let waiting = dossier.steps.iter();
                let waiting = waiting.filter(|(_, step)| step.stage == Stage::Waiting);
                let waiting: Vec<_> = waiting.map(|(of, _)| of).collect();
                let (intake, returns) = (dossier.intake, &dossier.returns);
                format!(
                    "{id} {procedure}: {steps:?} waiting {waiting:?} returns {returns:?} {intake:?}"
                )
            })
            .collect();
        let desks = self.desks.iter().filter(|(_, one)| !one.outbox.is_empty());
        let desks: Vec<_> = desks.map(|(code, _)| code).collect();
        let parties = self
            .departments
            .iter()
            .filter(|(_, one)| !one.outbox.is_empty());
        let parties: Vec<_> = parties
            .map(|(code, one)| format!("{code} {}", one.tells_open()))
            .collect();
        format!(
            "{open:#?} desks {desks:?} departments {parties:?} down {:?}",
            self.ground.down
        )
    }

    fn happens(&mut self, what: Happens) {
        let ground = &mut self.ground;
        if *TRACE {
            eprintln!("{} {:?}", ground.now, what);
        }
        let is_now = |ground: &Ground, party: &AgencyCode, life: u32| {
            ground.is_up(party) && ground.life_of(party) == life
        };
        let broker_is_up = !ground.down.contains(&Who::Broker);
        let broker_life = ground.life(&Who::Broker);
        match what {
            Happens::Comes(number) => {
                let desks: Vec<AgencyCode> = self.desks.keys().cloned().collect();
                let at = ground.chance.pick(&desks).clone();
                if !ground.is_up(&at) {
                    ground.after(SignedDuration::from_hours(5), Happens::Comes(number));
                    return;
                }
                self.comes += 1;
                self.desks.get_mut(&at).unwrap().begin(ground, number);
            }
            Happens::Arrives(letter) => self.arrives(*letter),
            Happens::Turn { life } if broker_is_up && life == broker_life => {
                self.broker.turn(ground)
            }
            Happens::Offer {
                life,
                dossier,
                step,
                round,
                attempt,
            } if broker_is_up && life == broker_life => {
                self.broker.offer(ground, dossier, step, round, attempt);
            }
            Happens::Tells {
                life,
                dossier,
                agency,
                notice,
                attempt,
            } if broker_is_up && life == broker_life => {
                self.broker.tell(ground, dossier, agency, notice, attempt);
            }
            Happens::Rings {
                life,
                dossier,
                alarm,
            } if broker_is_up && life == broker_life => self.broker.ring(ground, dossier, alarm),
            Happens::Works {
                agency,
                life,
                dossier,
                step,
                round,
            } if is_now(ground, &agency, life) => {
                self.departments
                    .get_mut(&agency)
                    .unwrap()
                    .works(ground, dossier, step, round);
            }
            Happens::Speaks { party, life } if is_now(ground, &party, life) => {
                if let Some(desk) = self.desks.get_mut(&party) {
                    desk.speak(ground);
                } else {
                    self.departments.get_mut(&party).unwrap().speak(ground);
                }
            }
            Happens::Looks { party, life } if is_now(ground, &party, life) => {
                self.desks[&party].look(ground);
            }
            Happens::Connects { party, life } if is_now(ground, &party, life) && broker_is_up => {
                let epoch = self.broker.disk.epoch;
                self.departments
                    .get_mut(&party)
                    .unwrap()
                    .connects(ground, epoch);
            }
            Happens::Starts(who) => self.starts(who),
            Happens::Crash => self.crash(),
            Happens::LosesDisk => self.loses_disk(),
            Happens::Copy if !self.has_ended => {
                self.broker.copy();
                let time = ground.chance.hours(ground.faults.restore_every_hours);
                ground.after(time, Happens::Restore);
            }
            Happens::Restore => self.restore(),
            Happens::Jump if !self.has_ended => {
                self.ground.checks.jumps += 1;
                let skew = faults::jump(&mut self.ground.chance);
                self.broker.set_clock(&mut self.ground, skew);
                let time = self.ground.chance.hours(30);
                self.ground.after(time, Happens::ClockIsSet);
            }
            Happens::ClockIsSet => {
                self.broker
                    .set_clock(&mut self.ground, SignedDuration::ZERO);
                let time = self
                    .ground
                    .chance
                    .hours(2 * self.ground.faults.jump_every_hours.max(1));
                self.ground.after(time, Happens::Jump);
            }
            Happens::Operators => {
                if broker_is_up {
                    self.operators();
                }
                self.ground
                    .after(SignedDuration::from_hours(24), Happens::Operators);
            }
            Happens::FaultsEnd => {
                self.ground.faults = Faults::none();
                self.has_ended = true;
            }
            _ => {}
        }
    }

    fn arrives(&mut self, letter: Letter) {
        let ground = &mut self.ground;
        if !ground.comes_to(&letter) {
            return;
        }
        if letter.to_broker {
            return self.broker.receive(ground, letter);
        }
        match self.desks.get_mut(&letter.party) {
            Some(desk) => desk.receive(ground, letter.message),
            None => {
                let department = self.departments.get_mut(&letter.party).unwrap();
                department.receive(ground, letter.message);
            }
        }
    }

    fn starts(&mut self, who: Who) {
        let ground = &mut self.ground;
        ground.down.remove(&who);
        match who {
            Who::Broker => {
                self.broker.start(ground);
                for party in &ground.province.departments {
                    let life = ground.life_of(party);
                    let party = party.clone();
                    ground.after(
                        SignedDuration::from_secs(5),
                        Happens::Connects { party, life },
                    );
                }
            }
            Who::Party(code) => match self.desks.get_mut(&code) {
                Some(desk) => desk.start(ground),
                None => {
                    self.departments.get_mut(&code).unwrap().start(ground);
                    let life = ground.life_of(&code);
                    let time = SignedDuration::from_secs(5);
                    ground.after(time, Happens::Connects { party: code, life });
                }
            },
        }
    }

    fn crash(&mut self) {
        let ground = &mut self.ground;
        if self.has_ended {
            return;
        }
        let who = match ground.chance.below(3) {
            0 => Who::Broker,
            1 => Who::Party(ground.chance.pick(&ground.province.desks).clone()),
            _ => Who::Party(ground.chance.pick(&ground.province.departments).clone()),
        };
        ground.dies(who);
        let time = ground.chance.hours(2 * ground.faults.crash_every_hours);
        ground.after(time, Happens::Crash);
    }

    fn loses_disk(&mut self) {
        let ground = &mut self.ground;
        if self.has_ended {
            return;
        }
        let code = ground.chance.pick(&ground.province.departments).clone();
        ground.dies(Who::Party(code.clone()));
        ground.checks.disks += 1;
        self.departments.get_mut(&code).unwrap().lose_disk();
        let time = ground.chance.hours(2 * ground.faults.disk_every_hours);
        ground.after(time, Happens::LosesDisk);
    }

    fn restore(&mut self) {
        if self.has_ended {
            return;
        }
        self.ground.dies(Who::Broker);
        self.broker.stop();
        self.broker.restore(&mut self.ground);
        let time = self
            .ground
            .chance
            .hours(2 * self.ground.faults.restore_every_hours);
        self.ground.after(time, Happens::Copy);
    }

    /// What only a person decides: where a declined step goes, and that the citizen is asked although a
    /// holder may have it.
    fn operators(&mut self) {
        let mut acts = Vec::new();
        let approval = Approval {
            approver: Officer {
                name: "Người duyệt".into(),
                ..Officer::default()
            },
            legal_basis: "an article".into(),
        };
        for (id, dossier, procedure) in self.broker.seen() {
            if dossier.closed_at.is_some() {
                continue;
            }
            // Its desk was told that it is not stopped, and then was: somebody sees it in the worklist.
            let stands_since = self.ground.now - STANDS_LONG;
            if dossier
                .stopped_since
                .is_some_and(|since| since < stands_since)
            {
                let resume = Act::Resume {
                    reason: "it stands still for no reason".into(),
                    officer: Officer::default(),
                };
                acts.push((*id, Action::Act(resume)));
            }
            for (of, step) in &dossier.steps {
                if step.stage == Stage::Declined {
                    let action = Action::Move {
                        step: of.clone(),
                        to: step.agency.clone(),
                        reason: "it is theirs".into(),
                    };
                    acts.push((*id, action));
                }
                let Kind::LookUp { evidence, outcome } = &step.kind else {
                    continue;
                };
                let is_silent = step.limit_passed || outcome.is_some() && step.stage.is_finished();
                let kind = &self.ground.province.procedure(procedure).text.evidence[evidence];
                let was_asked = dossier
                    .supplements
                    .iter()
                    .any(|one| one.wanted().contains(evidence));
                if is_silent && dossier.newest(evidence).is_none() && !was_asked && !kind.consent {
                    let item = Item {
                        approval: Some(approval.clone()),
                        ..asked(evidence.clone())
                    };
                    let action = Action::Act(Act::RequestSupplement {
                        items: vec![item],
                        officer: Officer::default(),
                    });
                    acts.push((*id, action));
                }
            }
        }
        for (id, action) in acts {
            self.acts += 1;
            let cause = Cause {
                system: "operator".into(),
                item_id: format!("op-{}", self.acts).parse().unwrap(),
                digest: Digest::of(b"act"),
                claimed_at: None,
            };
            self.broker
                .happens(&mut self.ground, id, Some(cause), action);
        }
    }

    /// What was acknowledged is there, and each history holds.
    fn look_back(&self) {
        let checks = &self.ground.checks;
        checks.restarted(&self.broker.disk);
        checks.verified(&self.broker.disk);
        let now = self.ground.now + SignedDuration::from_hours(24 * 7);
        for (id, kept) in &self.broker.disk.dossiers {
            checks.over(*id, kept, checks.jumps > 0, now);
        }
        let is_recorded = |system: &AgencyCode, id: &dossier::name::Key, of: DossierId| {
            let kept = self.broker.disk.dossiers.get(&of);
            kept.is_some_and(|kept| {
                kept.entries.iter().any(|entry| {
                    entry.cause.as_ref().is_some_and(|cause| {
                        *cause.system == *system.as_str() && cause.item_id == *id
                    })
                })
            })
        };
        // What a restored broker does not hear again was about a dossier that closed meanwhile.
        let was_restored = checks.restored > 0;
        let desks = self.desks.iter().flat_map(|(code, one)| {
            let said = one.outbox.said.iter();
            said.map(move |said| {
                (
                    code,
                    &said.id,
                    said.line.0,
                    said.answered,
                    matches!(said.what, post::Item::Submit { .. }),
                )
            })
        });
        let departments = self.departments.iter().flat_map(|(code, one)| {
            let said = one.outbox.said.iter();
            said.map(move |said| (code, &said.id, said.line.0, said.answered, false))
        });
        for (code, id, dossier, answered, is_submit) in desks.chain(departments) {
            let counts = answered == Some(Answered::Recorded) && (is_submit || !was_restored);
            assert!(
                !counts || is_recorded(code, id, dossier),
                "{code}: {id} was acknowledged and is lost"
            );
        }
        assert!(self.broker.disk.dossiers.len() as u32 <= self.expected);
    }

    /// What it came to, in one line.
    pub fn told(&self) -> String {
        let checks = &self.ground.checks;
        format!(
            "seed {}: {} dossiers, {} events, {} crashes, {} disks lost, {} restorations, {} clock jumps, until {}, history {}",
            self.seed,
            self.broker.disk.dossiers.len(),
            checks.recorded,
            checks.crashes,
            checks.disks,
            checks.restored,
            checks.jumps,
            self.ground.now,
            &checks.history()[..16.min(checks.history().len())],
        )
    }
}
