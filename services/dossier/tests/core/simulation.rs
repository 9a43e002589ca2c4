//! A seeded world that loses, repeats, reorders and crashes: a small broker, departments as simple
//! state machines, and a network between them that does its worst. A failure prints its seed.

use crate::world::*;
use dossier::{
    Dossier, Entry, Event,
    decide::{Action, Happening, Report, Statement},
    department_notice::DepartmentNotice,
    dossier::{Stage, Task},
    event::Cause,
    handover::{Handover, handover},
    name::{AgencyCode, Digest, StepId},
    owed::{Debt, owed},
    party::Officer,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashSet};

const SEEDS: u64 = 150;
const TICKS_MAX: u32 = 20_000;

/// Chance under a seed (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// What is under way.
#[derive(Clone)]
enum Message {
    HandOver(Box<Handover>),
    Recorded {
        from: AgencyCode,
        step: StepId,
        round: u32,
    },
    Notice {
        to: AgencyCode,
        notice: DepartmentNotice,
    },
    NoticeRecorded {
        from: AgencyCode,
        notice: DepartmentNotice,
    },
    Report {
        id: String,
        report: Box<Report>,
    },
    Answered {
        to: AgencyCode,
        id: String,
    },
}

impl Message {
    /// The department at one end of its line.
    fn line(&self) -> &AgencyCode {
        match self {
            Self::HandOver(handover) => &handover.agency,
            Self::Recorded { from, .. } | Self::NoticeRecorded { from, .. } => from,
            Self::Notice { to, .. } => to,
            Self::Report { report, .. } => &report.agency,
            Self::Answered { to, .. } => to,
        }
    }
}

/// A department: what it holds and what it has still to say survives its restarts, not its disk.
#[derive(Default)]
struct Department {
    epoch: u32,
    said: u32,
    inbox: BTreeMap<StepId, Handover>,
    answered: BTreeSet<(StepId, u32)>,
    outbox: Vec<(String, Report)>,
    /// It knows that the dossier is closed.
    is_closed: bool,
}

impl Department {
    fn receive(&mut self, handover: Handover) -> Message {
        let newest = self.inbox.get(&handover.step).map_or(0, |held| held.round);
        self.is_closed &= handover.round <= newest;
        let recorded = Message::Recorded {
            from: handover.agency.clone(),
            step: handover.step.clone(),
            round: handover.round,
        };
        match self.inbox.get(&handover.step) {
            Some(held) if held.round > handover.round => {}
            Some(held) if held.round == handover.round => {
                assert_eq!(*held, handover, "the same round with other content");
            }
            _ => {
                // What it had to say of earlier rounds stays in the outbox and is answered.
                self.inbox.insert(handover.step.clone(), handover);
            }
        }
        recorded
    }

    /// Does one thing that was asked.
    fn work(&mut self, case: &World, chance: &mut Chance) {
        let open = self.inbox.values().find(|held| {
            let key = (held.step.clone(), held.round);
            held.task != Task::Recall && !self.answered.contains(&key)
        });
        let Some(held) = open.cloned() else { return };
        self.answered.insert((held.step.clone(), held.round));
        let gives = &case.law.procedure.step(&held.step).unwrap().gives;
        let words = format!("round {} epoch {}", held.round, self.epoch);
        let completed = Statement::Completed {
            evidence: gives
                .iter()
                .map(|name| paper(name.as_str(), &words))
                .collect(),
            note: String::new(),
        };
        let review = |redo| Statement::Review {
            redo,
            versions: held
                .changes
                .iter()
                .map(|change| (change.evidence.clone(), change.to))
                .collect(),
            note: String::new(),
        };
        let asks_back = held.step.as_str() == "issue_health_card" && held.fault_answers.is_empty();
        let statements = match held.task {
            Task::Work if asks_back && case.is_faulty => vec![Statement::PeerReturn {
                evidence: evidence("birth_certificate"),
                version: version_of(&held, "birth_certificate"),
                reason: "the name is misspelt".into(),
            }],
            Task::Work if case.is_misplaced && held.agency.as_str() == POLICE => {
                vec![Statement::Declined {
                    reason: "another commune".into(),
                    suggested: Some(agency(OTHER_POLICE)),
                }]
            }
            Task::Work => vec![
                Statement::Progress {
                    note: "taken up".into(),
                },
                completed,
            ],
            Task::Review if chance.one_in(2) => vec![review(true), completed],
            Task::Review => vec![review(false)],
            Task::Answer => held
                .faults
                .iter()
                .map(|fault| match chance.one_in(3) {
                    true => Statement::Upheld {
                        evidence: fault.evidence.clone(),
                        version: fault.version,
                        reason: "it is so in the register".into(),
                    },
                    false => Statement::Correction {
                        evidence: vec![paper(fault.evidence.as_str(), &words)],
                        reason: "corrected".into(),
                    },
                })
                .collect(),
            Task::Recall | Task::Inform => vec![],
            Task::LookUp | Task::Consult => unreachable!("nobody asks for them here"),
        };
        for statement in statements {
            self.said += 1;
            let id = format!("{}-{}", self.epoch, self.said);
            let report = Report {
                agency: held.agency.clone(),
                step: held.step.clone(),
                round: held.round,
                officer: Officer::default(),
                statement,
            };
            self.outbox.push((id, report));
        }
    }
}

fn version_of(handover: &Handover, name: &str) -> u32 {
    let found = handover
        .evidence
        .iter()
        .find(|version| version.new.given.name.as_str() == name);
    found.unwrap().new.version
}

/// What the seed makes of the story.
struct World {
    law: Law,
    is_faulty: bool,
    is_misplaced: bool,
}

/// The broker: its events are durable, all else can be forgotten.
struct Broker {
    events: Vec<Entry>,
    dossier: Dossier,
    refusals: BTreeSet<&'static str>,
}

impl Broker {
    fn happens(&mut self, world: &World, at: Timestamp, cause: Option<Cause>, action: Action) {
        match dossier::decide(
            &self.dossier,
            world.law.rules(),
            Happening {
                at,
                cause,
                vault: vec![],
                action,
            },
        ) {
            Ok(decided) => {
                self.events.extend(decided.entries);
                self.dossier = decided.dossier;
            }
            Err(refusal) => drop(self.refusals.insert(refusal.reason())),
        }
    }

    /// Restarting is loading and asking what is owed.
    fn crash(&mut self) {
        self.dossier = Dossier::replay(self.dossier.id, &self.events).unwrap();
    }
}

fn live(seed: u64) -> Broker {
    let mut chance = Chance(seed);
    let case = Case::birth_with_identity_card();
    let world = World {
        law: case.law.clone(),
        is_faulty: chance.one_in(2),
        is_misplaced: chance.one_in(3),
    };
    let mut now = case.now;
    let mut broker = Broker {
        events: case.entries,
        dossier: case.dossier,
        refusals: BTreeSet::new(),
    };
    let mut departments: BTreeMap<AgencyCode, Department> = BTreeMap::new();
    let mut network: Vec<Message> = Vec::new();
    let mut moves = 0;

    for _ in 0..TICKS_MAX {
        now += SignedDuration::from_mins(3);
        let everything_is_done = broker.dossier.closed_at.is_some()
            && owed(&broker.dossier).is_empty()
            && departments
                .values()
                .all(|department| department.outbox.is_empty());
        if everything_is_done {
            for (code, department) in &departments {
                let may_let_go = department.is_closed || department.inbox.is_empty();
                assert!(may_let_go, "seed {seed}: {code} keeps it for ever");
            }
            return broker;
        }
        match chance.below(12) {
            // The courier sends what is owed; now and then it gives up waiting for the answer.
            0..=2 => {
                for debt in owed(&broker.dossier) {
                    let (step, round) = match debt {
                        Debt::Handover { step, round, .. } | Debt::Recall { step, round, .. } => {
                            (step, round)
                        }
                        Debt::Notice { notice, agency, .. } => {
                            network.push(Message::Notice { to: agency, notice });
                            continue;
                        }
                        Debt::Timer { .. } => continue,
                    };
                    let due = handover(&broker.dossier, &world.law.procedure, &step, round);
                    network.push(Message::HandOver(Box::new(
                        due.expect("what is owed can be given"),
                    )));
                    if chance.one_in(3) {
                        broker.happens(&world, now, None, Action::Offer { step, round });
                    }
                }
            }
            // The clock tells what is late; an operator places what was declined.
            3 => {
                for debt in owed(&broker.dossier) {
                    match debt {
                        Debt::Timer { alarm, at } if at <= now => {
                            broker.happens(&world, now, None, Action::Ring(alarm));
                        }
                        _ => {}
                    }
                }
                let declined = broker
                    .dossier
                    .steps
                    .iter()
                    .find(|(_, step)| step.stage == Stage::Declined);
                if let Some((step, _)) = declined {
                    moves += 1;
                    let action = Action::Move {
                        step: step.clone(),
                        to: agency(OTHER_POLICE),
                        reason: "it is theirs".into(),
                    };
                    let cause = cause("operator", &format!("move-{moves}"), "move");
                    broker.happens(&world, now, Some(cause), action);
                }
            }
            // A department does something, and says what it was not answered, step by step in order.
            4..=6 if !departments.is_empty() => {
                let nth = chance.below(departments.len());
                let department = departments.values_mut().nth(nth).unwrap();
                department.work(&world, &mut chance);
                let mut spoken = BTreeSet::new();
                for (id, report) in &department.outbox {
                    if spoken.insert(report.step.clone()) {
                        let (id, report) = (id.clone(), Box::new(report.clone()));
                        network.push(Message::Report { id, report });
                    }
                }
            }
            7 if chance.one_in(4) => broker.crash(),
            // A department's disk is lost. Its line breaks; when it comes back, both sides tell each
            // other what they hold.
            8 if chance.one_in(25) && !departments.is_empty() => {
                let nth = chance.below(departments.len());
                let (code, department) = departments.iter_mut().nth(nth).unwrap();
                let epoch = department.epoch + 1;
                *department = Department {
                    epoch,
                    ..Department::default()
                };
                network.retain(|message| message.line() != code);
                let held: Vec<_> = broker
                    .dossier
                    .steps
                    .iter()
                    .filter(|(_, step)| step.agency == *code && step.stage == Stage::Held)
                    .map(|(id, step)| (id.clone(), step.round))
                    .collect();
                for (step, round) in held {
                    broker.happens(&world, now, None, Action::LoseHolding { step, round });
                }
            }
            // The network delivers anything, loses some and repeats some.
            _ if !network.is_empty() => {
                let nth = chance.below(network.len());
                let message = network.swap_remove(nth);
                if chance.one_in(6) {
                    continue;
                }
                if chance.one_in(6) {
                    network.push(message.clone());
                }
                match message {
                    Message::HandOver(handover) => {
                        let department = departments.entry(handover.agency.clone()).or_default();
                        network.push(department.receive(*handover));
                    }
                    Message::Recorded { step, round, .. } => {
                        broker.happens(&world, now, None, Action::Acknowledge { step, round });
                    }
                    Message::Notice { to, notice } => {
                        let department = departments.entry(to.clone()).or_default();
                        department.is_closed |= matches!(notice, DepartmentNotice::Closed { .. });
                        network.push(Message::NoticeRecorded { from: to, notice });
                    }
                    Message::NoticeRecorded { from, notice } => {
                        let action = Action::Notify {
                            agency: from,
                            notice,
                            refused: false,
                        };
                        broker.happens(&world, now, None, action);
                    }
                    Message::Report { id, report } => {
                        let cause = Cause {
                            system: report.agency.to_string(),
                            item_id: id.parse().unwrap(),
                            digest: Digest::of(format!("{report:?}").as_bytes()),
                            claimed_at: None,
                        };
                        let to = report.agency.clone();
                        broker.happens(&world, now, Some(cause), Action::Report(*report));
                        network.push(Message::Answered { to, id });
                    }
                    Message::Answered { to, id } => {
                        if let Some(department) = departments.get_mut(&to) {
                            department.outbox.retain(|(other, _)| *other != id);
                        }
                    }
                }
            }
            _ => {}
        }
        if network.len() > 200 {
            network.truncate(100);
        }
    }
    panic!(
        "seed {seed}: not closed after {TICKS_MAX} ticks: {:#?}",
        broker.dossier.steps
    );
}

#[test]
fn a_world_that_loses_repeats_reorders_and_crashes_closes_with_every_result_once() {
    let mut met = HashSet::new();
    for seed in 0..SEEDS {
        let broker = live(seed);
        let dossier = &broker.dossier;
        assert_eq!(
            *dossier,
            Dossier::replay(dossier.id, &broker.events).unwrap(),
            "seed {seed}"
        );
        for step in dossier.steps.values() {
            assert_eq!(step.stage, Stage::Completed, "seed {seed}");
        }
        for result in [
            "birth_certificate",
            "personal_id",
            "residence_notice",
            "health_card",
            "identity_card",
        ] {
            assert!(
                dossier.newest_number(&evidence(result)) > 0,
                "seed {seed}: {result}"
            );
        }
        // Done once, and once more for each redo.
        let count = |of: &StepId, wanted: fn(&Event) -> bool| {
            let events = broker.events.iter().map(|entry| &entry.event);
            events
                .filter(|event| event.step() == Some(of) && wanted(event))
                .count()
        };
        for id in dossier.steps.keys() {
            let done = count(id, |event| matches!(event, Event::Completed { .. }));
            let redone = count(id, |event| {
                matches!(event, Event::Reviewed { redo: true, .. })
            });
            assert_eq!(done, 1 + redone, "seed {seed}: {id}");
        }
        let causes: Vec<_> = broker
            .events
            .iter()
            .filter_map(|entry| entry.cause.as_ref())
            .collect();
        let once: BTreeSet<_> = causes
            .iter()
            .map(|cause| (&cause.system, &cause.item_id))
            .collect();
        assert_eq!(
            once.len(),
            causes.len(),
            "seed {seed}: an item was recorded twice"
        );
        // A department that does right is refused only what was overtaken.
        let mut overtaken = BTreeSet::from(["ROUND_SUPERSEDED"]);
        let is_lost = |entry: &Entry| matches!(entry.event, Event::HoldingLost { .. });
        if broker.events.iter().any(is_lost) {
            // One that lost its disk does not know that it asked.
            overtaken.insert("RETURN_OPEN");
        }
        assert!(
            broker.refusals.is_subset(&overtaken),
            "seed {seed}: {:?}",
            broker.refusals
        );
        met.extend(
            broker
                .events
                .iter()
                .map(|entry| std::mem::discriminant(&entry.event)),
        );
    }
    assert!(
        met.len() >= 16,
        "the seeds meet only {} sorts of events",
        met.len()
    );
}
