//! The broker: a log that is durable when it was synced, a ledger that applies, records, answers and
//! acts, couriers, and alarms. Everything but its disk is forgotten when it dies.

use crate::{
    ground::{Ground, Happens, Who},
    post::{HoldingState, Item, Letter, Message, Told, Verdict},
};
use dossier::{
    Debt, Decided, Dossier, Entry, Refusal,
    alarm::Alarm,
    decide::{Action, Happening, decide},
    department_notice::DepartmentNotice,
    dossier::{Stage, Step},
    event::Cause,
    handover::{handover, is_round},
    intake,
    name::{AgencyCode, Digest, DossierId, Key, StepId},
    notice::notices,
    owed,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet, btree_map};

/// What is on the disk of one dossier.
#[derive(Debug, Clone)]
pub struct Kept {
    pub procedure: &'static str,
    pub entries: Vec<Entry>,
    /// How long the log was with each of them.
    positions: Vec<u64>,
}

/// What outlives the broker's process.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    pub epoch: u32,
    /// How long the log is.
    records: u64,
    pub dossiers: BTreeMap<DossierId, Kept>,
    notices: BTreeMap<AgencyCode, Vec<Told>>,
}

/// What a department says that it holds.
#[derive(Debug, Clone)]
pub struct Holding {
    pub dossier: DossierId,
    pub step: StepId,
    pub round: u32,
    pub handover_id: String,
    pub recorded: Vec<Key>,
}

/// Something for the ledger.
#[derive(Debug)]
enum Job {
    Item {
        party: AgencyCode,
        id: Key,
        dossier: DossierId,
        item: Item,
    },
    Happens {
        dossier: DossierId,
        cause: Option<Cause>,
        action: Action,
    },
    /// An answer to what was said in jobs before it: when they are recorded.
    Answer { party: AgencyCode, message: Message },
    /// A department will be told how long the log is when all before it is recorded.
    Begin { party: AgencyCode },
}

/// The broker.
#[derive(Default)]
pub struct Broker {
    pub disk: Disk,
    /// A copy made earlier.
    copy: Option<Disk>,
    /// How far its clock is off.
    pub skew: SignedDuration,
    // What follows is memory.
    hot: BTreeMap<DossierId, Dossier>,
    waiting: Vec<Job>,
    offering: BTreeSet<(DossierId, StepId, u32)>,
    telling: BTreeSet<(DossierId, AgencyCode, DepartmentNotice)>,
    ringing: BTreeMap<(DossierId, Alarm), Timestamp>,
    /// Which life of each department began to compare last: what an earlier one took no longer counts.
    comparing: BTreeMap<AgencyCode, u32>,
    turn_is_set: bool,
}

/// One turn's changes, before they are recorded.
#[derive(Default)]
struct Batch {
    changed: BTreeMap<DossierId, (&'static str, Dossier, Vec<Entry>)>,
    answers: Vec<(AgencyCode, Message)>,
    begun: Vec<AgencyCode>,
}

impl Broker {
    fn clock(&self, ground: &Ground) -> Timestamp {
        ground.now + self.skew
    }

    /// Restarting is loading and asking what is owed.
    pub fn start(&mut self, ground: &mut Ground) {
        self.stop();
        for (id, kept) in &self.disk.dossiers {
            let dossier = Dossier::replay(*id, &kept.entries).expect("what was recorded replays");
            self.hot.insert(*id, dossier);
        }
        ground.checks.restarted(&self.disk);
        let ids: Vec<DossierId> = self.hot.keys().copied().collect();
        for id in ids {
            self.act(ground, id);
        }
    }

    /// All that is not on the disk is gone.
    pub fn stop(&mut self) {
        self.hot.clear();
        self.waiting.clear();
        self.offering.clear();
        self.telling.clear();
        self.ringing.clear();
        self.comparing.clear();
        self.turn_is_set = false;
    }

    pub fn copy(&mut self) {
        self.copy = Some(self.disk.clone());
    }

    /// The disk becomes what the copy was, in a new epoch.
    pub fn restore(&mut self, ground: &mut Ground) -> bool {
        let Some(copy) = self.copy.take() else {
            return false;
        };
        let epoch = self.disk.epoch + 1;
        self.disk = Disk { epoch, ..copy };
        ground.checks.restored(&self.disk);
        true
    }

    fn wait(&mut self, ground: &mut Ground, job: Job) {
        self.waiting.push(job);
        if !self.turn_is_set {
            self.turn_is_set = true;
            let life = ground.life(&Who::Broker);
            ground.after(SignedDuration::from_secs(1), Happens::Turn { life });
        }
    }

    pub fn happens(
        &mut self,
        ground: &mut Ground,
        dossier: DossierId,
        cause: Option<Cause>,
        action: Action,
    ) {
        let job = Job::Happens {
            dossier,
            cause,
            action,
        };
        self.wait(ground, job);
    }

    pub fn receive(&mut self, ground: &mut Ground, letter: Letter) {
        let party = letter.party;
        match letter.message {
            Message::Item { id, dossier, item } => {
                let item = *item;
                self.wait(
                    ground,
                    Job::Item {
                        party,
                        id,
                        dossier,
                        item,
                    },
                );
            }
            Message::Report {
                id,
                dossier,
                report,
            } => {
                let item = Item::Report(report);
                self.wait(
                    ground,
                    Job::Item {
                        party,
                        id,
                        dossier,
                        item,
                    },
                );
            }
            Message::Taken {
                dossier,
                step,
                round,
            } => {
                let comparing = self.comparing.get(&party);
                if comparing.is_none_or(|life| *life <= letter.lives.1) {
                    self.happens(ground, dossier, None, Action::Acknowledge { step, round });
                }
            }
            Message::Noted { dossier, notice } => {
                let action = Action::Notify {
                    agency: party,
                    notice,
                    refused: false,
                };
                self.happens(ground, dossier, None, action);
            }
            Message::AskNotices { after } => self.tell_notices(ground, &party, after),
            Message::Begin => {
                self.comparing.insert(party.clone(), letter.lives.1);
                self.wait(ground, Job::Begin { party });
            }
            Message::Reconcile { begun_at, holdings } => {
                self.reconcile(ground, &party, begun_at, &holdings);
            }
            _ => unreachable!("nobody sends this to the broker"),
        }
    }

    /// Apply, record, answer, act.
    pub fn turn(&mut self, ground: &mut Ground) {
        self.turn_is_set = false;
        let jobs = std::mem::take(&mut self.waiting);
        if ground.is_last_breath() {
            return ground.dies(Who::Broker);
        }
        let mut batch = Batch::default();
        for job in jobs {
            self.apply(ground, &mut batch, job);
        }
        // It dies with all of the batch durable, or none of it.
        if ground.is_last_breath() {
            if ground.chance.one_in(2) {
                self.record(ground, &batch);
            }
            return ground.dies(Who::Broker);
        }
        self.record(ground, &batch);
        let (epoch, begun_at) = (self.disk.epoch, self.disk.records);
        let begun = batch.begun.into_iter();
        let begun = begun.map(|party| (party, Message::Begun { epoch, begun_at }));
        for (party, message) in batch.answers.into_iter().chain(begun) {
            if ground.is_last_breath() {
                return ground.dies(Who::Broker);
            }
            ground.send(&party, false, message);
        }
        for (id, (_, dossier, _)) in batch.changed {
            self.hot.insert(id, dossier);
            self.act(ground, id);
            if ground.is_last_breath() {
                return ground.dies(Who::Broker);
            }
        }
    }

    fn apply(&self, ground: &mut Ground, batch: &mut Batch, job: Job) {
        match job {
            Job::Answer { party, message } => batch.answers.push((party, message)),
            Job::Begin { party } => batch.begun.push(party),
            Job::Happens {
                dossier,
                cause,
                action,
            } => {
                let done = self.decided(ground, batch, dossier, cause, action);
                if let Some(Err(refusal)) = done {
                    ground.checks.refused(refusal.reason());
                }
            }
            Job::Item {
                party,
                id,
                dossier,
                item,
            } => {
                let digest = Digest::of(format!("{item:?}").as_bytes());
                let cause = Cause {
                    system: party.to_string().into(),
                    item_id: id.clone(),
                    digest,
                    claimed_at: None,
                };
                let verdict = match item {
                    Item::Submit {
                        procedure,
                        is_filed,
                        submission,
                    } => {
                        let known =
                            self.hot.contains_key(&dossier) || batch.changed.contains_key(&dossier);
                        match known {
                            true => Verdict::Recorded,
                            false => {
                                let begin = if is_filed {
                                    intake::file
                                } else {
                                    intake::receive
                                };
                                let code = crate::desk::code(&party, &submission.key);
                                let rules = ground.province.rules(procedure);
                                let now = self.clock(ground);
                                let begun = begin(dossier, code, *submission, cause, rules, now);
                                Self::take(batch, dossier, procedure, begun)
                            }
                        }
                    }
                    Item::Act(act) => {
                        let done =
                            self.decided(ground, batch, dossier, Some(cause), Action::Act(act));
                        self.verdict(done)
                    }
                    Item::Report(report) => {
                        let action = Action::Report(*report);
                        let done = self.decided(ground, batch, dossier, Some(cause), action);
                        self.verdict(done)
                    }
                };
                if let Verdict::Refused(refusal) = &verdict {
                    ground.checks.refused(refusal.reason());
                }
                let epoch = self.disk.epoch;
                let answer = Message::Answer { epoch, id, verdict };
                batch.answers.push((party, answer));
            }
        }
    }

    fn verdict(&self, done: Option<Result<(), Refusal>>) -> Verdict {
        match done {
            Some(Ok(())) => Verdict::Recorded,
            None => Verdict::Unknown,
            Some(Err(Refusal::NotHeld { .. })) if self.disk.epoch > 0 => Verdict::Unknown,
            Some(Err(refusal)) => Verdict::Refused(refusal),
        }
    }

    fn take(
        batch: &mut Batch,
        id: DossierId,
        procedure: &'static str,
        decided: Result<Decided, Refusal>,
    ) -> Verdict {
        match decided {
            Ok(decided) => {
                batch
                    .changed
                    .insert(id, (procedure, decided.dossier, decided.entries));
                Verdict::Recorded
            }
            Err(refusal) => Verdict::Refused(refusal),
        }
    }

    /// What becomes of the copy; nothing when there is no such dossier.
    fn decided(
        &self,
        ground: &Ground,
        batch: &mut Batch,
        id: DossierId,
        cause: Option<Cause>,
        action: Action,
    ) -> Option<Result<(), Refusal>> {
        let (procedure, dossier, entries) = match batch.changed.entry(id) {
            btree_map::Entry::Occupied(there) => there.into_mut(),
            btree_map::Entry::Vacant(place) => {
                let dossier = self.hot.get(&id)?.clone();
                let procedure = self.disk.dossiers.get(&id)?.procedure;
                place.insert((procedure, dossier, vec![]))
            }
        };
        let rules = ground.province.rules(procedure);
        let mut happen = |cause, action| {
            let happening = Happening {
                at: self.clock(ground),
                cause,
                vault: vec![],
                action,
            };
            decide(dossier, rules, happening).map(|decided| {
                *dossier = decided.dossier;
                entries.extend(decided.entries);
            })
        };
        let done = happen(cause, action);
        if let Err(Refusal::SupplementDenied { step, denials }) = &done {
            // It notes the refusal, and starts what comes before, in the same turn.
            let (step, denials) = (step.clone(), denials.clone());
            let kept = &self.hot.get(&id);
            let agency = step
                .as_ref()
                .and_then(|step| Some(kept.as_ref()?.steps.get(step)?.agency.clone()))
                .unwrap_or_else(|| "H99.01.01".parse().unwrap());
            let deny = Action::Deny {
                step,
                agency,
                denials,
            };
            happen(None, deny).expect("a refusal is noted");
        }
        Some(done)
    }

    /// The batch is in the log and the log is synced.
    fn record(&mut self, ground: &mut Ground, batch: &Batch) {
        for (id, (procedure, _, entries)) in &batch.changed {
            if entries.is_empty() {
                continue;
            }
            let kept = self.disk.dossiers.entry(*id).or_insert_with(|| Kept {
                procedure,
                entries: vec![],
                positions: vec![],
            });
            let mut before = self.hot.get(id).cloned();
            for entry in entries {
                let mut after = before.clone();
                match &mut after {
                    None => after = Some(Dossier::begin(*id, entry).unwrap()),
                    Some(dossier) => dossier.apply(entry).unwrap(),
                }
                let after = after.unwrap();
                let told = notices(
                    before.as_ref(),
                    entry,
                    &after,
                    ground.province.procedure(procedure),
                );
                let desk = after.received.desk.clone();
                let sequence = entry.sequence;
                let told = told.into_iter().map(|notice| Told {
                    dossier: *id,
                    sequence,
                    notice,
                });
                self.disk.notices.entry(desk).or_default().extend(told);
                before = Some(after);
            }
            ground
                .checks
                .recorded(*id, ground.now, &kept.entries, entries);
            kept.entries.extend(entries.iter().cloned());
            self.disk.records += entries.len() as u64;
            let so_long = std::iter::repeat_n(self.disk.records, entries.len());
            kept.positions.extend(so_long);
        }
    }

    /// Does what is owed: rounds to their departments, alarms at their times.
    fn act(&mut self, ground: &mut Ground, id: DossierId) {
        let life = ground.life(&Who::Broker);
        let mut set: BTreeSet<Alarm> = BTreeSet::new();
        for debt in owed(&self.hot[&id]) {
            match debt {
                Debt::Handover { step, round, .. } | Debt::Recall { step, round, .. } => {
                    if self.offering.insert((id, step.clone(), round)) {
                        let offer = Happens::Offer {
                            life,
                            dossier: id,
                            step,
                            round,
                            attempt: 0,
                        };
                        ground.after(SignedDuration::from_secs(1), offer);
                    }
                }
                Debt::Notice { notice, agency, .. } => {
                    let is_new = self.telling.insert((id, agency.clone(), notice.clone()));
                    if is_new {
                        let tells = Happens::Tells {
                            life,
                            dossier: id,
                            agency,
                            notice,
                            attempt: 0,
                        };
                        ground.after(SignedDuration::from_secs(2), tells);
                    }
                }
                Debt::Timer { alarm, at } => {
                    set.insert(alarm.clone());
                    let set = self.ringing.insert((id, alarm.clone()), at);
                    if set != Some(at) {
                        let rings = Happens::Rings {
                            life,
                            dossier: id,
                            alarm,
                        };
                        ground.at(at - self.skew, rings);
                    }
                }
            }
        }
        self.ringing
            .retain(|(of, alarm), _| *of != id || set.contains(alarm));
    }

    /// The clock was set: every alarm is reckoned anew.
    pub fn set_clock(&mut self, ground: &mut Ground, skew: SignedDuration) {
        self.skew = skew;
        self.ringing.clear();
        let ids: Vec<DossierId> = self.hot.keys().copied().collect();
        for id in ids {
            self.act(ground, id);
        }
    }

    pub fn ring(&mut self, ground: &mut Ground, id: DossierId, alarm: Alarm) {
        let Some(&at) = self.ringing.get(&(id, alarm.clone())) else {
            return;
        };
        if self.clock(ground) < at {
            return;
        }
        self.happens(ground, id, None, Action::Ring(alarm));
    }

    /// A courier offers a round while it is owed, less and less often.
    pub fn offer(
        &mut self,
        ground: &mut Ground,
        id: DossierId,
        step: StepId,
        round: u32,
        attempt: u32,
    ) {
        let key = (id, step.clone(), round);
        let owes = self.hot.get(&id).map(owed).unwrap_or_default();
        let to = owes.into_iter().find_map(|debt| match debt {
            Debt::Handover {
                step: of,
                round: n,
                agency,
                ..
            }
            | Debt::Recall {
                step: of,
                round: n,
                agency,
                ..
            } if of == step && n == round => Some(agency),
            _ => None,
        });
        let Some(agency) = to else {
            self.offering.remove(&key);
            return;
        };
        let procedure = self.disk.dossiers[&id].procedure;
        let plan = ground.province.procedure(procedure);
        let due = handover(&self.hot[&id], plan, &step, round).expect("what is owed can be given");
        let message = Message::HandOver {
            epoch: self.disk.epoch,
            dossier: id,
            procedure,
            handover: Box::new(due),
        };
        ground.send(&agency, false, message);
        if attempt > 0 {
            let step = step.clone();
            self.happens(ground, id, None, Action::Offer { step, round });
        }
        let back_off = SignedDuration::from_mins(10 << attempt.min(7)) + ground.chance.within(300);
        let again = Happens::Offer {
            life: ground.life(&Who::Broker),
            dossier: id,
            step,
            round,
            attempt: attempt + 1,
        };
        ground.after(back_off, again);
    }

    /// A courier tells a department what it must know, until it has it.
    pub fn tell(
        &mut self,
        ground: &mut Ground,
        id: DossierId,
        agency: AgencyCode,
        notice: DepartmentNotice,
        attempt: u32,
    ) {
        let owes = self.hot.get(&id).map(owed).unwrap_or_default();
        let is_owed = owes.iter().any(|debt| {
            matches!(debt, Debt::Notice { notice: one, agency: to, .. }
                if *one == notice && *to == agency)
        });
        if !is_owed {
            self.telling.remove(&(id, agency, notice));
            return;
        }
        let message = Message::Notice {
            epoch: self.disk.epoch,
            dossier: id,
            notice: notice.clone(),
        };
        ground.send(&agency, false, message);
        let back_off = SignedDuration::from_mins(10 << attempt.min(7)) + ground.chance.within(300);
        let again = Happens::Tells {
            life: ground.life(&Who::Broker),
            dossier: id,
            agency,
            notice,
            attempt: attempt + 1,
        };
        ground.after(back_off, again);
    }

    fn tell_notices(&self, ground: &mut Ground, desk: &AgencyCode, after: usize) {
        let all = self.disk.notices.get(desk).map_or(&[][..], Vec::as_slice);
        let told = all.iter().skip(after).take(50).cloned().collect();
        let epoch = self.disk.epoch;
        ground.send(desk, false, Message::Notices { epoch, after, told });
    }

    /// What was believed held and is not named is owed again; what is missing here is asked for.
    fn reconcile(
        &mut self,
        ground: &mut Ground,
        agency: &AgencyCode,
        begun_at: u64,
        holdings: &[Holding],
    ) {
        let (mut states, mut missing) = (BTreeMap::new(), vec![]);
        let mut named = BTreeSet::new();
        for holding in holdings {
            let key = (holding.dossier, holding.step.clone());
            let state = self.compare(ground, agency, holding, begun_at, &mut missing);
            if state != HoldingState::Closed {
                named.insert(key.clone());
            }
            states.insert(key, state);
        }
        let lost: Vec<(DossierId, StepId, u32)> = self
            .hot
            .iter()
            .flat_map(|(id, dossier)| dossier.steps.iter().map(move |step| (id, step)))
            .filter(|(_, (_, step))| step.agency == *agency && step.stage == Stage::Held)
            .filter(|(_, (_, step))| step.is_departments())
            .filter(|(id, (_, step))| self.was_held(id, step, begun_at))
            .map(|(id, (of, step))| (*id, of.clone(), step.round))
            .filter(|(id, of, _)| !named.contains(&(*id, of.clone())))
            .collect();
        for (id, step, round) in lost {
            self.happens(ground, id, None, Action::LoseHolding { step, round });
        }
        let message = Message::Reconciled {
            epoch: self.disk.epoch,
            states,
            missing,
        };
        let party = agency.clone();
        self.wait(ground, Job::Answer { party, message });
    }

    fn compare(
        &mut self,
        ground: &mut Ground,
        agency: &AgencyCode,
        holding: &Holding,
        begun_at: u64,
        missing: &mut Vec<Key>,
    ) -> HoldingState {
        let Some((dossier, step)) = self
            .hot
            .get(&holding.dossier)
            .and_then(|dossier| Some((dossier, dossier.steps.get(&holding.step)?)))
        else {
            return HoldingState::Unknown;
        };
        if dossier.closed_at.is_some() {
            return HoldingState::Closed;
        }
        let seen = |key: &&Key| {
            dossier
                .seen
                .contains_key(&(agency.as_str().into(), (*key).clone()))
        };
        let unseen: Vec<Key> = holding
            .recorded
            .iter()
            .filter(|key| !seen(key))
            .cloned()
            .collect();
        if !unseen.is_empty() {
            missing.extend(unseen);
            return HoldingState::ReportsMissing;
        }
        let (id, of, round) = (holding.dossier, holding.step.clone(), step.round);
        let plan = ground.province.procedure(self.disk.dossiers[&id].procedure);
        let is_this = is_round(dossier, plan, &of, holding.round, &holding.handover_id);
        let is_held_here =
            step.agency == *agency && step.stage == Stage::Held && step.is_departments();
        let was_held = self.was_held(&id, step, begun_at);
        let is_mine = step.agency == *agency;
        let is_open = step.stage.is_open() && step.is_departments();
        if is_held_here && !is_this && was_held {
            // It put the round aside that this store believes it holds, or has another one of the same
            // number: it is given again.
            let step = of.clone();
            self.happens(ground, id, None, Action::LoseHolding { step, round });
        }
        if holding.round > round {
            return HoldingState::Unknown;
        }
        if holding.round < round || !is_mine {
            return HoldingState::Superseded;
        }
        // Until it has ours it is asked again, and says nothing more of its own.
        if is_open && !is_this {
            return HoldingState::Unknown;
        }
        HoldingState::Agreed
    }

    /// Whether a round that is held was held when the log was so long.
    fn was_held(&self, id: &DossierId, step: &Step, begun_at: u64) -> bool {
        let taken = (step.held_number as usize).checked_sub(1);
        let position = taken.and_then(|taken| self.disk.dossiers[id].positions.get(taken));
        position.is_some_and(|position| *position <= begun_at)
    }

    /// What operators and desks' officers see: the committed state, and nothing else.
    pub fn seen(&self) -> impl Iterator<Item = (&DossierId, &Dossier, &'static str)> {
        self.hot
            .iter()
            .map(|(id, dossier)| (id, dossier, self.disk.dossiers[id].procedure))
    }

    pub fn all_closed(&self) -> bool {
        self.hot.values().all(|dossier| dossier.closed_at.is_some())
    }

    pub fn owes_nothing(&self) -> bool {
        self.waiting.is_empty() && self.hot.values().all(|dossier| owed(dossier).is_empty())
    }
}
