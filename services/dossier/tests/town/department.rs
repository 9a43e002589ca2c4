//! A department: an inbox, officers who do what the rounds ask, and an outbox. Inbox and outbox are
//! durable; its disk can be lost, and then the broker gives it everything again.

use crate::{
    broker::Holding,
    ground::{Ground, Happens, Who},
    outbox::{Answered, Outbox},
    post::{HoldingState, Message, Verdict},
};
use dossier::{
    decide::{Report, Statement},
    dossier::Task,
    event::LookUpOutcome,
    handover::Handover,
    name::{AgencyCode, DossierId, Key, StepId},
    party::Officer,
    supplement::{Approval, Item},
};
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};

/// Refusals that may become another answer when the broker gives the round again, as
/// `services/department` has them.
const BY_STATE: [&str; 7] = [
    "ROUND_SUPERSEDED",
    "STEP_NOT_HELD",
    "STEP_FINISHED",
    "WRONG_TASK",
    "VERSION_SUPERSEDED",
    "NOT_YOURS",
    "DOSSIER_CLOSED",
];

/// What a round still wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wants {
    Work,
    /// The answer to what was asked.
    Answer,
    Nothing,
}

/// A round in the inbox.
#[derive(Debug, Clone)]
struct Held {
    procedure: &'static str,
    handover: Handover,
    epoch: u32,
    wants: Wants,
    /// What was asked is refused: it is done without.
    plainly: bool,
}

/// A report in the outbox.
#[derive(Debug, Clone)]
pub struct Spoken {
    report: Report,
    /// It asks for something that the round can be done without.
    is_ask: bool,
}

/// A department.
#[derive(Default)]
pub struct Department {
    code: Option<AgencyCode>,
    // Durable.
    inbox: BTreeMap<(DossierId, StepId), Held>,
    pub outbox: Outbox<Spoken>,
    asked: BTreeSet<(DossierId, StepId, &'static str)>,
    broker_epoch: u32,
    disks: u32,
    count: u32,
    // Memory.
    reconciled: bool,
    /// Nothing that it holds is unknown to the broker.
    agreed: bool,
    speaks_at: Option<jiff::Timestamp>,
}

impl Department {
    pub fn new(code: &AgencyCode) -> Self {
        Self {
            code: Some(code.clone()),
            reconciled: true,
            agreed: true,
            ..Self::default()
        }
    }

    fn code(&self) -> AgencyCode {
        self.code.clone().expect("a department has its code")
    }

    /// What is in memory is gone; it names what it holds before new work comes.
    pub fn start(&mut self, ground: &mut Ground) {
        (self.reconciled, self.agreed) = (false, false);
        self.speaks_at = None;
        self.outbox.forget_sending(ground.now);
        let waiting: Vec<(DossierId, StepId, u32)> = self
            .inbox
            .iter()
            .filter(|(_, held)| held.wants != Wants::Nothing)
            .map(|((id, step), held)| (*id, step.clone(), held.handover.round))
            .collect();
        for (dossier, step, round) in waiting {
            self.works_later(ground, dossier, step, round, 30);
        }
        self.speak(ground);
    }

    /// On a new line both say hello, and what is held, until that is agreed.
    pub fn connects(&mut self, ground: &mut Ground, epoch: u32) {
        if epoch > self.broker_epoch {
            self.broker_epoch = epoch;
            (self.reconciled, self.agreed) = (false, false);
        }
        if self.agreed && self.reconciled {
            return;
        }
        let party = self.code();
        ground.send(&party, true, Message::Begin);
        let life = ground.life_of(&party);
        let hours = if self.reconciled { 8 } else { 1 };
        ground.after(
            SignedDuration::from_hours(hours),
            Happens::Connects { party, life },
        );
    }

    /// What it has of a step, for whoever looks for the reason why a dossier stays open.
    pub fn tells(&self, dossier: DossierId, step: &StepId) -> String {
        let held = self.inbox.get(&(dossier, step.clone()));
        let held = held.map(|held| (held.handover.round, held.handover.task, held.wants));
        let line = (dossier, step.to_string());
        let said = self.outbox.said.iter().filter(|said| said.line == line);
        let said: Vec<String> = said
            .map(|said| {
                let report = &said.what.report;
                format!(
                    "{} {:.20?} {:?} {}",
                    report.round, report.statement, said.answered, said.reason
                )
            })
            .collect();
        format!("holds {held:?}, said {said:?}")
    }

    /// What was not answered yet.
    pub fn tells_open(&self) -> String {
        let open = self
            .outbox
            .said
            .iter()
            .filter(|said| said.answered.is_none());
        let open: Vec<_> = open
            .map(|said| (&said.line, said.what.report.round))
            .collect();
        format!("{open:?}")
    }

    /// Its disk is lost.
    pub fn lose_disk(&mut self) {
        let code = self.code();
        let disks = self.disks + 1;
        *self = Self {
            disks,
            ..Self::new(&code)
        };
    }

    fn works_later(
        &self,
        ground: &mut Ground,
        dossier: DossierId,
        step: StepId,
        round: u32,
        hours: usize,
    ) {
        let agency = self.code();
        let life = ground.life_of(&agency);
        let time = ground.chance.hours(hours);
        let works = Happens::Works {
            agency,
            life,
            dossier,
            step,
            round,
        };
        ground.after(time, works);
    }

    /// Tells the broker what it holds, now that it has begun to compare.
    fn reconcile(&mut self, ground: &mut Ground, begun_at: u64) {
        let recorded = |key: &(DossierId, StepId)| -> Vec<Key> {
            let said = self.outbox.said.iter();
            said.filter(|said| said.answered == Some(Answered::Recorded))
                .filter(|said| said.line == (key.0, key.1.to_string()))
                .map(|said| said.id.clone())
                .collect()
        };
        let holdings = self
            .inbox
            .iter()
            .map(|(key, held)| Holding {
                dossier: key.0,
                step: key.1.clone(),
                round: held.handover.round,
                handover_id: held.handover.id.clone(),
                recorded: recorded(key),
            })
            .collect();
        let code = self.code();
        ground.send(&code, true, Message::Reconcile { begun_at, holdings });
    }

    fn reconciled(
        &mut self,
        ground: &mut Ground,
        states: &BTreeMap<(DossierId, StepId), HoldingState>,
        missing: &[Key],
    ) {
        for n in 0..self.outbox.said.len() {
            let said = &self.outbox.said[n];
            // What was set aside meanwhile stays aside.
            if said.answered == Some(Answered::Recorded) && missing.contains(&said.id) {
                self.outbox.reopen(n, ground.now);
            }
        }
        for n in 0..self.outbox.said.len() {
            let said = &self.outbox.said[n];
            let (dossier, round) = (said.line.0, said.what.report.round);
            let key = (dossier, said.what.report.step.clone());
            let is_held = states.get(&key) == Some(&HoldingState::Agreed)
                && self
                    .inbox
                    .get(&key)
                    .is_some_and(|held| held.handover.round == round);
            // Both hold the same round: what stood against it may be over.
            if is_held && said.answered == Some(Answered::RefusedByState) {
                self.outbox.reopen(n, ground.now);
            }
        }
        self.reconciled = true;
        // What the broker does not know yet is asked again later; new work does not wait for it.
        let is_undecided = |state| {
            matches!(
                state,
                &HoldingState::Unknown | &HoldingState::ReportsMissing
            )
        };
        self.agreed = !states.values().any(is_undecided);
        self.speak(ground);
    }

    pub fn receive(&mut self, ground: &mut Ground, message: Message) {
        let (Message::HandOver { epoch, .. }
        | Message::Notice { epoch, .. }
        | Message::Begun { epoch, .. }
        | Message::Reconciled { epoch, .. }
        | Message::Answer { epoch, .. }) = &message
        else {
            unreachable!("nobody sends this to a department");
        };
        if *epoch != self.broker_epoch {
            return self.connects(ground, *epoch);
        }
        match message {
            Message::Begun { begun_at, .. } => self.reconcile(ground, begun_at),
            Message::Reconciled {
                states, missing, ..
            } => self.reconciled(ground, &states, &missing),
            Message::Answer { id, verdict, .. } => self.answered(ground, &id, verdict),
            // Before new work flows, both sides say what they hold.
            _ if !self.reconciled => {}
            Message::Notice {
                dossier, notice, ..
            } => {
                let code = self.code();
                if ground.is_last_breath() {
                    return ground.dies(Who::Party(code));
                }
                ground.send(&code, true, Message::Noted { dossier, notice });
            }
            Message::HandOver {
                dossier,
                procedure,
                handover,
                epoch,
            } => self.take(ground, dossier, procedure, *handover, epoch),
            _ => {}
        }
    }

    fn take(
        &mut self,
        ground: &mut Ground,
        dossier: DossierId,
        procedure: &'static str,
        handover: Handover,
        epoch: u32,
    ) {
        let code = self.code();
        ground
            .checks
            .handed(ground.province, procedure, dossier, epoch, &code, &handover);
        if ground.is_last_breath() {
            return ground.dies(Who::Party(code));
        }
        let (step, round) = (handover.step.clone(), handover.round);
        let key = (dossier, step.clone());
        let (same_round, is_later, is_same) =
            self.inbox.get(&key).map_or((false, true, false), |held| {
                let same_round = held.handover.round == round;
                // A later life of the broker counts its rounds anew.
                let is_later = held.handover.round < round || held.epoch < epoch;
                (same_round, is_later, held.handover.id == handover.id)
            });
        if same_round && is_same {
            // What it has reported of this round is said again.
            let of = (dossier, step.to_string());
            self.outbox.reopen_all(ground.now, |said| {
                said.line == of && said.what.report.round == round
            });
            if let Some(held) = self.inbox.get_mut(&key) {
                held.epoch = epoch;
            }
        } else if same_round || is_later {
            if same_round {
                let before = self.inbox[&key].epoch;
                assert!(
                    before < epoch,
                    "two rounds {round} of {step} with other content in one life of the broker"
                );
            }
            // What was said of rounds that only an earlier life of the broker gave out is put aside.
            let of = (dossier, step.to_string());
            self.outbox
                .set_aside(|said| said.line == of && said.what.report.round >= round);
            let wants = match handover.task {
                Task::Recall | Task::Inform => Wants::Nothing,
                _ => Wants::Work,
            };
            let held = Held {
                procedure,
                handover,
                epoch,
                wants,
                plainly: false,
            };
            self.inbox.insert(key, held);
            if wants == Wants::Work {
                let hours = if ground.chance.one_in(6) { 200 } else { 20 };
                self.works_later(ground, dossier, step.clone(), round, hours);
            }
        }
        if ground.is_last_breath() {
            return ground.dies(Who::Party(code));
        }
        let taken = Message::Taken {
            dossier,
            step,
            round,
        };
        ground.send(&code, true, taken);
        self.speak(ground);
    }

    fn answered(&mut self, ground: &mut Ground, id: &Key, verdict: Verdict) {
        let answered = match &verdict {
            Verdict::Recorded => Answered::Recorded,
            Verdict::Refused(refusal) if BY_STATE.contains(&refusal.reason()) => {
                Answered::RefusedByState
            }
            Verdict::Refused(_) => Answered::Refused,
            // It is kept, and both sides say again what they hold.
            Verdict::Unknown => {
                if std::mem::take(&mut self.agreed) {
                    let party = self.code();
                    let life = ground.life_of(&party);
                    let connects = Happens::Connects { party, life };
                    ground.after(SignedDuration::from_hours(8), connects);
                }
                return;
            }
        };
        let reason = match &verdict {
            Verdict::Refused(refusal) => refusal.reason(),
            _ => "",
        };
        let Some(said) = self.outbox.answer(id, answered, reason) else {
            return self.speak(ground);
        };
        let (what, line) = (said.what.clone(), said.line.clone());
        if let Verdict::Refused(refusal) = verdict {
            let reason = refusal.reason();
            let is_wrong = reason == "INVALID_FIELDS" && self.broker_epoch == 0;
            assert!(!is_wrong, "{:?}: {refusal}", what.report);
            let key = (line.0, what.report.step.clone());
            let round = what.report.round;
            let again = what.is_ask || reason == "NOT_AUTHORISED";
            if let Some(held) = self.inbox.get_mut(&key)
                && held.handover.round == round
                && again
            {
                held.wants = Wants::Work;
                held.plainly = true;
                self.works_later(ground, key.0, key.1, round, 5);
            }
        }
        self.speak(ground);
    }

    /// Sends what is due, and comes back when more is.
    pub fn speak(&mut self, ground: &mut Ground) {
        let code = self.code();
        for n in self.outbox.due(ground.now) {
            let said = &self.outbox.said[n];
            let message = Message::Report {
                id: said.id.clone(),
                dossier: said.line.0,
                report: Box::new(said.what.report.clone()),
            };
            ground.send(&code, true, message);
        }
        if self.speaks_at.is_some_and(|at| at <= ground.now) {
            self.speaks_at = None;
        }
        let Some(next) = self.outbox.next_at() else {
            return;
        };
        if self.speaks_at.is_none_or(|at| next < at) {
            self.speaks_at = Some(next);
            let life = ground.life_of(&code);
            ground.at(next, Happens::Speaks { party: code, life });
        }
    }

    /// An officer does what the round asks.
    pub fn works(&mut self, ground: &mut Ground, dossier: DossierId, step: StepId, round: u32) {
        let key = (dossier, step.clone());
        let Some(held) = self.inbox.get(&key) else {
            return;
        };
        if held.handover.round != round || held.wants == Wants::Nothing {
            return;
        }
        let code = self.code();
        if ground.is_last_breath() {
            return ground.dies(Who::Party(code));
        }
        let held = held.clone();
        let gives_up = held.wants == Wants::Answer;
        let (statements, wants) = self.says(ground, dossier, &held, gives_up || held.plainly);
        let is_ask = wants == Wants::Answer;
        let officer = ground.province.officer(held.procedure, &code, &step);
        for statement in statements {
            self.count += 1;
            let id: Key = format!("{code}-{}-{}", self.disks, self.count)
                .parse()
                .unwrap();
            let is_wrong = matches!(statement, Statement::Completed { .. })
                && !held.plainly
                && !gives_up
                && ground.faults.dies > 0
                && ground.chance.one_in(15);
            let report = Report {
                agency: code.clone(),
                step: step.clone(),
                round,
                handover: held.handover.id.clone(),
                officer: if is_wrong {
                    Officer::default()
                } else {
                    officer.clone()
                },
                statement,
            };
            let line = (dossier, step.to_string());
            self.outbox
                .say(id, line, Spoken { report, is_ask }, ground.now);
        }
        if let Some(held) = self.inbox.get_mut(&key) {
            held.wants = wants;
        }
        if ground.is_last_breath() {
            return ground.dies(Who::Party(code));
        }
        self.speak(ground);
    }

    /// What it says of this round, and what the round wants then.
    fn says(
        &mut self,
        ground: &mut Ground,
        dossier: DossierId,
        held: &Held,
        plainly: bool,
    ) -> (Vec<Statement>, Wants) {
        let handover = &held.handover;
        match handover.task {
            Task::Work if !plainly => {
                if let Some(asks) = self.asks(ground, dossier, held) {
                    return asks;
                }
                (vec![self.completed(ground, held)], Wants::Nothing)
            }
            Task::Work => (vec![self.completed(ground, held)], Wants::Nothing),
            // It has said that it does the step again, and that was not authorised.
            Task::Review if plainly && self.does_again(dossier, handover) => {
                (vec![self.completed(ground, held)], Wants::Nothing)
            }
            Task::Review if ground.chance.one_in(3) => {
                let redo = self.completed(ground, held);
                (vec![review(handover, true), redo], Wants::Nothing)
            }
            Task::Review => (vec![review(handover, false)], Wants::Nothing),
            Task::Answer => {
                let mut said: Vec<Statement> = handover
                    .faults
                    .iter()
                    .map(|fault| match ground.chance.one_in(3) {
                        true => Statement::Upheld {
                            evidence: fault.evidence.clone(),
                            version: fault.version,
                            reason: "it is so in the register".into(),
                        },
                        false => Statement::Correction {
                            evidence: vec![self.paper(ground, held, &fault.evidence)],
                            reason: "corrected".into(),
                        },
                    })
                    .collect();
                if !handover.changes.is_empty() {
                    said.push(review(handover, false));
                }
                (said, Wants::Nothing)
            }
            Task::LookUp => (vec![self.looked_up(ground, held)], Wants::Nothing),
            // Some keep silent, and the lead goes on without.
            Task::Consult if ground.chance.one_in(4) => (vec![], Wants::Nothing),
            Task::Consult => {
                let text = "it may be so".into();
                (vec![Statement::Opinion { text }], Wants::Nothing)
            }
            Task::Recall | Task::Inform => (vec![], Wants::Nothing),
        }
    }

    fn does_again(&self, dossier: DossierId, handover: &Handover) -> bool {
        let line = (dossier, handover.step.to_string());
        let said = self.outbox.said.iter();
        let mut said = said.filter(|said| said.line == line);
        said.any(|said| {
            said.what.report.round == handover.round
                && matches!(
                    said.what.report.statement,
                    Statement::Review { redo: true, .. }
                )
        })
    }

    fn paper(
        &self,
        ground: &mut Ground,
        held: &Held,
        name: &dossier::name::EvidenceName,
    ) -> dossier::evidence::Given {
        let words = format!(
            "{} {} {}",
            held.handover.id,
            self.disks,
            ground.chance.below(1_000_000)
        );
        ground.province.paper(held.procedure, name, &[], &words)
    }

    fn completed(&self, ground: &mut Ground, held: &Held) -> Statement {
        let plan = ground.province.procedure(held.procedure);
        let plan = plan
            .step(&held.handover.step)
            .expect("work is a step of the procedure");
        Statement::Completed {
            evidence: plan
                .gives
                .iter()
                .map(|name| self.paper(ground, held, name))
                .collect(),
            note: String::new(),
        }
    }

    fn looked_up(&self, ground: &mut Ground, held: &Held) -> Statement {
        let outcome = match ground.chance.below(10) {
            0..=4 => LookUpOutcome::Found,
            n => LookUpOutcome::ALL[n - 5],
        };
        let question = held.handover.look_up.as_ref().expect("a look-up asks");
        let mut given =
            (outcome == LookUpOutcome::Found).then(|| self.paper(ground, held, &question.evidence));
        if let Some(given) = &mut given {
            // Whom it was asked about comes first.
            let asked_about = held.handover.parties.first();
            given.subject = asked_about.map(|party| party.id.clone());
            if let Some(number) = asked_about.and_then(|party| party.identifiers.first()) {
                let mut data = serde_json::from_slice(&given.data).unwrap();
                name_by(&mut data, &number.value);
                given.data = data.to_string().into_bytes().into();
            }
        }
        Statement::LookedUp {
            outcome,
            evidence: given,
            note: String::new(),
        }
    }

    /// What it asks or says instead of doing the work, now and then.
    fn asks(
        &mut self,
        ground: &mut Ground,
        dossier: DossierId,
        held: &Held,
    ) -> Option<(Vec<Statement>, Wants)> {
        let handover = &held.handover;
        let mut once =
            |what: &'static str| self.asked.insert((dossier, handover.step.clone(), what));
        let reason = String::from("because");
        let legal_basis = String::from("an article");
        let progress = Statement::Progress {
            note: "taken up".into(),
        };
        match ground.chance.below(40) {
            0 => Some((
                vec![Statement::Refused {
                    reason,
                    legal_basis,
                }],
                Wants::Nothing,
            )),
            1 if once("decline") => Some((
                vec![Statement::Declined {
                    reason,
                    suggested: None,
                }],
                Wants::Answer,
            )),
            2..=6 if handover.fault_answers.is_empty() => {
                let from_others: Vec<_> = handover
                    .evidence
                    .iter()
                    .filter(|version| {
                        version
                            .step
                            .as_ref()
                            .is_some_and(|step| *step != handover.step)
                    })
                    .collect();
                if from_others.is_empty() {
                    return None;
                }
                let version = ground.chance.pick(&from_others);
                let back = Statement::PeerReturn {
                    evidence: version.new.given.name.clone(),
                    version: version.new.version,
                    reason,
                };
                Some((vec![progress, back], Wants::Answer))
            }
            7..=9 if once("supplement") => {
                let names: Vec<_> = handover
                    .evidence
                    .iter()
                    .map(|one| &one.new.given.name)
                    .collect();
                if names.is_empty() {
                    return None;
                }
                let approval = ground.chance.percent(70).then(|| Approval {
                    approver: Officer {
                        name: "Người duyệt".into(),
                        ..Officer::default()
                    },
                    legal_basis: legal_basis.clone(),
                });
                let evidence = (*ground.chance.pick(&names)).clone();
                let items = vec![Item {
                    evidence,
                    reason,
                    legal_basis,
                    approval,
                }];
                Some((vec![Statement::Supplement { items }], Wants::Answer))
            }
            10..=11 if once("payment") => {
                let obligation = format!("fee-{}-{}", handover.step, self.disks);
                let payment = Statement::Payment {
                    obligation: obligation.parse().unwrap(),
                    amount_vnd: 50_000,
                    purpose: "a fee".into(),
                    legal_basis,
                };
                Some((vec![payment], Wants::Answer))
            }
            12..=14 if once("consultation") => {
                let others = ground.province.others(&handover.agency);
                let consultation = Statement::Consultation {
                    agency: ground.chance.pick(&others).clone(),
                    question: "may it be so?".into(),
                    limit: "2 working days".parse().unwrap(),
                    evidence: BTreeSet::new(),
                };
                self.works_later(ground, dossier, handover.step.clone(), handover.round, 200);
                Some((vec![consultation], Wants::Answer))
            }
            15 if once("extension") => {
                let extension = Statement::Extension {
                    limit: "2 working days".parse().unwrap(),
                    reason,
                };
                let completed = self.completed(ground, held);
                Some((vec![extension, completed], Wants::Nothing))
            }
            16..=20 => {
                let completed = self.completed(ground, held);
                Some((vec![progress, completed], Wants::Nothing))
            }
            _ => None,
        }
    }
}

fn review(handover: &Handover, redo: bool) -> Statement {
    Statement::Review {
        redo,
        versions: handover
            .changes
            .iter()
            .map(|change| (change.evidence.clone(), change.to))
            .collect(),
        note: String::new(),
    }
}

/// How long after the faults everything is over, at the longest.
pub const CALM_DAYS_MAX: SignedDuration = SignedDuration::from_hours(24 * 300);

/// What a holder finds is of the person it was asked about.
fn name_by(data: &mut serde_json::Value, number: &str) {
    match data {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                match name == "personal_id" {
                    true => *value = number.into(),
                    false => name_by(value, number),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|one| name_by(one, number)),
        _ => {}
    }
}
