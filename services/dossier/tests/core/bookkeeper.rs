//! A bookkeeper who never looks at the dossier: what is owed and who has what, from the events alone.

use dossier::{
    Entry, Event,
    alarm::Alarm,
    department_notice::DepartmentNotice,
    event::{Assignment, Deadline, LookUpOutcome, PauseWhy, Windows},
    evidence::NewVersion,
    name::{AgencyCode, EvidenceName, Key, PartId, StepId},
    owed::Debt,
    procedure::Actor,
    slip::Keeper,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What sort of step a page is about.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sort {
    Procedures(Actor),
    LookUp,
    Consultation,
    Slip,
}

/// What the bookkeeper knows of one step.
#[derive(Debug, Clone)]
struct Page {
    sort: Sort,
    part: PartId,
    agency: AgencyCode,
    round: u32,
    work: bool,
    answers: BTreeSet<EvidenceName>,
    review: BTreeSet<EvidenceName>,
    deadline: Option<Deadline>,
    /// When the round was due as it was given.
    given_due_at: Option<Timestamp>,
    /// The event that set the clock last, and the one of what the department knows.
    clock: u64,
    clock_told: u64,
    apology_told: u64,
    warned: bool,
    passed: bool,
    ask_again_at: Option<Timestamp>,
    is_owed: bool,
    is_finished: bool,
    keeper: Option<Keeper>,
    since: Option<Timestamp>,
    opened_at: Option<Timestamp>,
    times: BTreeMap<&'static str, SignedDuration>,
    open_for: SignedDuration,
}

impl Page {
    fn new(sort: Sort, part: &PartId, agency: &AgencyCode) -> Self {
        Self {
            sort,
            part: part.clone(),
            agency: agency.clone(),
            round: 0,
            work: true,
            answers: BTreeSet::new(),
            review: BTreeSet::new(),
            deadline: None,
            given_due_at: None,
            clock: 0,
            clock_told: 0,
            apology_told: 0,
            warned: false,
            passed: false,
            ask_again_at: None,
            is_owed: false,
            is_finished: false,
            keeper: None,
            since: None,
            opened_at: None,
            times: BTreeMap::new(),
            open_for: SignedDuration::ZERO,
        }
    }

    fn promise(&mut self, deadline: Deadline) {
        if self.deadline.map(|old| old.due_at) != Some(deadline.due_at) {
            (self.warned, self.passed) = (false, false);
        }
        self.deadline = Some(deadline);
    }

    fn turn(&mut self, keeper: Option<Keeper>, at: Timestamp) {
        if let (Some(was), Some(since)) = (self.keeper, self.since) {
            *self.times.entry(word(was)).or_default() += at.duration_since(since);
        }
        match (keeper, self.opened_at) {
            (Some(_), None) => self.opened_at = Some(at),
            (None, Some(opened)) => {
                self.open_for += at.duration_since(opened);
                self.opened_at = None;
            }
            _ => {}
        }
        self.keeper = keeper;
        self.since = keeper.map(|_| at);
    }

    fn finish(&mut self, at: Timestamp) {
        self.is_owed = false;
        self.is_finished = true;
        self.ask_again_at = None;
        self.turn(None, at);
    }

    fn acknowledge(&mut self, at: Timestamp) {
        self.is_owed = false;
        match self.sort {
            Sort::Slip => self.finish(at),
            _ => self.turn(Some(Keeper::Held), at),
        }
    }

    /// What the round asked is asked again with the next one, if it is still wanted.
    fn put_aside(&mut self) {
        self.is_owed = false;
        self.answers.clear();
        self.review.clear();
    }

    fn is_departments(&self) -> bool {
        !matches!(self.sort, Sort::Procedures(Actor::Desk | Actor::Citizen))
    }
}

pub fn word(keeper: Keeper) -> &'static str {
    match keeper {
        Keeper::Transport => "transport",
        Keeper::Held => "held",
        Keeper::Paused => "paused",
    }
}

/// What the bookkeeper knows of one part.
#[derive(Debug, Clone)]
struct Promise {
    deadline: Deadline,
    apology: bool,
    apology_number: u64,
    is_extended: bool,
    passed: bool,
    pauses: BTreeSet<PauseWhy>,
    is_finished: bool,
}

impl Promise {
    fn new(deadline: Deadline) -> Self {
        Self {
            deadline,
            apology: false,
            apology_number: 0,
            is_extended: false,
            passed: false,
            pauses: BTreeSet::new(),
            is_finished: false,
        }
    }

    fn promise(&mut self, deadline: Deadline) {
        if self.deadline.due_at != deadline.due_at {
            (self.apology, self.passed) = (self.is_extended, false);
        }
        self.deadline = deadline;
    }
}

/// What the citizen was asked for.
#[derive(Debug, Clone)]
struct Ask {
    step: Option<StepId>,
    wanted: BTreeSet<EvidenceName>,
    asked_at: Timestamp,
    due_at: Timestamp,
    is_open: bool,
}

#[derive(Debug, Clone)]
struct Bill {
    step: StepId,
    /// The event that asked.
    number: u64,
    due_at: Timestamp,
    /// Whether the desk was told that it is late.
    is_told: bool,
}

/// Debts raised minus debts discharged, and how long each step was with whom.
#[derive(Debug, Clone, Default)]
pub struct Book {
    pages: BTreeMap<StepId, Page>,
    recalls: BTreeMap<(StepId, u32), (AgencyCode, Timestamp)>,
    parts: BTreeMap<PartId, Promise>,
    asks: BTreeMap<u32, Ask>,
    /// What is to be paid.
    bills: BTreeMap<Key, Bill>,
    /// When the newest version of everything came.
    given: BTreeMap<EvidenceName, Timestamp>,
    refused: BTreeSet<EvidenceName>,
    /// Until when a desk must receive it.
    receive_by: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    /// Who had a round since it was last told that the dossier is closed.
    to_tell_closed: BTreeSet<AgencyCode>,
    is_stopped: bool,
}

impl Book {
    fn assign(&mut self, assignments: &BTreeMap<StepId, Assignment>) {
        self.pages
            .retain(|_, page| !matches!(page.sort, Sort::Procedures(_)));
        for (id, one) in assignments {
            let sort = Sort::Procedures(one.actor);
            self.pages
                .insert(id.clone(), Page::new(sort, &one.part, &one.agency));
        }
    }

    fn promise(&mut self, parts: &BTreeMap<PartId, Deadline>) {
        self.parts = parts
            .iter()
            .map(|(part, deadline)| (part.clone(), Promise::new(*deadline)))
            .collect();
    }

    fn give(&mut self, evidence: &[NewVersion], at: Timestamp) {
        for new in evidence {
            self.given.insert(new.given.name.clone(), at);
        }
    }

    /// An ask ends by itself when all of it came in another way.
    fn satisfy(&mut self) {
        let (given, refused) = (&self.given, &self.refused);
        for ask in self.asks.values_mut() {
            let is_there = |name: &EvidenceName| {
                refused.contains(name) || given.get(name).is_some_and(|at| *at >= ask.asked_at)
            };
            if ask.wanted.iter().all(is_there) {
                ask.is_open = false;
            }
        }
    }

    fn end_all(&mut self, at: Timestamp) {
        for page in self.pages.values_mut().filter(|page| !page.is_finished) {
            page.finish(at);
        }
        for ask in self.asks.values_mut() {
            ask.is_open = false;
        }
        self.bills.clear();
        self.receive_by = None;
    }

    pub fn note(&mut self, entry: &Entry) {
        let at = entry.at;
        let clocks = self.clocks();
        self.note_dossier(entry);
        self.note_clocks(entry, &clocks);
        let Some(id) = entry.event.step().cloned() else {
            return;
        };
        if let Some(page) = self.pages.get_mut(&id) {
            page.note(&entry.event, at);
            if page.is_finished {
                self.bills.retain(|_, bill| bill.step != id);
            }
        }
        match &entry.event {
            Event::HandoverDue {
                agency, deadline, ..
            } => {
                self.recalls
                    .retain(|(of, _), (to, _)| *of != id || to != agency);
                let stands_still = self.stands_still(&self.pages[&id]);
                let page = self.pages.get_mut(&id).unwrap();
                if page.is_departments() {
                    self.to_tell_closed.insert(agency.clone());
                }
                page.given_due_at = Some(deadline.due_at);
                page.clock = entry.sequence;
                page.clock_told = if stands_still { 0 } else { entry.sequence };
                if let (Sort::Procedures(_), Some(part)) =
                    (page.sort, self.parts.get_mut(&page.part))
                {
                    part.is_finished = false;
                }
            }
            Event::HoldingLost { .. } => {
                let stands_still = self.stands_still(&self.pages[&id]);
                let page = self.pages.get_mut(&id).unwrap();
                let due_at = page.deadline.map(|deadline| deadline.due_at);
                let as_given = due_at == page.given_due_at && !stands_still;
                page.clock_told = if as_given { page.clock } else { 0 };
                page.apology_told = 0;
            }
            Event::Wanted { .. } => {
                let page = &self.pages[&id];
                let part = matches!(page.sort, Sort::Procedures(_)).then_some(&page.part);
                if let Some(part) = part.and_then(|part| self.parts.get_mut(part)) {
                    part.is_finished = false;
                }
            }
            Event::RecallDue { round, agency, .. } => {
                self.recalls.insert((id, *round), (agency.clone(), at));
            }
            Event::Acknowledged { round, .. } => {
                let is_recall = self.recalls.remove(&(id.clone(), *round)).is_some();
                let page = self.pages.get_mut(&id).filter(|_| !is_recall);
                if let Some(page) = page {
                    page.acknowledge(at);
                }
            }
            _ => {}
        }
    }

    /// What is about the dossier as a whole, its parts or its evidence.
    fn note_dossier(&mut self, entry: &Entry) {
        let (event, at) = (&entry.event, entry.at);
        match event {
            Event::Received(received) => {
                self.assign(&received.assignments);
                self.promise(&received.parts);
                self.give(&received.evidence, at);
            }
            Event::Filed(filed) => {
                self.assign(&filed.assignments);
                self.give(&filed.evidence, at);
                self.receive_by = Some(filed.promised_at);
            }
            Event::Accepted(reception) => {
                self.assign(&reception.assignments);
                self.promise(&reception.parts);
                self.receive_by = None;
            }
            Event::NotAccepted { .. } | Event::Withdrawn { .. } => self.end_all(at),
            Event::Resumed { steps, windows, .. } => {
                self.is_stopped = false;
                self.promise_steps(steps);
                self.promise_windows(windows);
            }
            Event::Stopped { .. } => {
                self.is_stopped = true;
                for page in self.pages.values_mut() {
                    page.put_aside();
                    if page.opened_at.is_some() {
                        page.turn(Some(Keeper::Paused), at);
                    }
                }
            }
            Event::Completed { evidence, .. } => self.give(evidence, at),
            Event::Paid {
                obligation,
                evidence,
                ..
            } => {
                self.bills.remove(obligation);
                self.give(evidence, at);
            }
            Event::PaymentAsked {
                step,
                obligation,
                due_at,
                ..
            } => {
                let bill = due_at.map(|due_at| Bill {
                    step: step.clone(),
                    number: entry.sequence,
                    due_at,
                    is_told: false,
                });
                self.bills
                    .extend(bill.map(|bill| (obligation.clone(), bill)));
            }
            Event::PaymentOverdue { obligation } => {
                self.bills.get_mut(obligation).unwrap().is_told = true;
            }
            Event::Skipped { step } => {
                for ask in self.asks.values_mut() {
                    ask.is_open &= ask.step.as_ref() != Some(step);
                }
            }
            Event::Corrected { evidence, .. } => {
                self.closed_at = None;
                self.give(evidence, at);
            }
            Event::FaultReported { .. } => self.closed_at = None,
            Event::LookedUp { given, .. } => {
                self.give(given, at);
                self.satisfy();
            }
            Event::Reused { evidence, .. } => {
                self.give(evidence, at);
                self.satisfy();
            }
            Event::EvidenceGiven { evidence, .. } => {
                for new in evidence {
                    self.refused.remove(&new.given.name);
                }
                self.give(evidence, at);
                self.satisfy();
            }
            Event::ConsentRefused { evidence, .. } => {
                self.refused.insert(evidence.clone());
                self.satisfy();
            }
            Event::SupplementAsked {
                number,
                by,
                items,
                due_at,
                ..
            } => {
                let ask = Ask {
                    step: by.as_ref().map(|(step, _)| step.clone()),
                    wanted: items.iter().map(|item| item.evidence.clone()).collect(),
                    asked_at: at,
                    due_at: *due_at,
                    is_open: true,
                };
                self.asks.insert(*number, ask);
            }
            Event::SupplementAnswered {
                number, evidence, ..
            } => {
                self.give(evidence, at);
                self.asks.get_mut(number).unwrap().is_open = false;
            }
            Event::SupplementExpired { number } => {
                self.asks.get_mut(number).unwrap().is_open = false;
            }
            Event::LookUpDue {
                step,
                part,
                agency,
                deadline,
                ..
            } => self.errand(Sort::LookUp, step, part, agency, Some(*deadline)),
            Event::Consulted {
                step,
                consultation,
                agency,
                deadline,
                ..
            } => {
                let part = self.pages[step].part.clone();
                self.errand(
                    Sort::Consultation,
                    consultation,
                    &part,
                    agency,
                    Some(*deadline),
                );
            }
            Event::SlipsDue { to } => {
                for (id, agency) in to {
                    // It serves the dossier; which of its parts does not matter for what is owed.
                    let part = self.pages.values().next().unwrap().part.clone();
                    self.errand(Sort::Slip, id, &part, agency, None);
                }
            }
            Event::ClockPaused { part, why } => {
                self.parts.get_mut(part).unwrap().pauses.insert(*why);
            }
            Event::ClockResumed {
                part,
                why,
                deadline,
                steps,
                ..
            } => {
                let one = self.parts.get_mut(part).unwrap();
                one.pauses.remove(why);
                one.promise(*deadline);
                self.promise_steps(steps);
            }
            Event::CalendarAdopted {
                parts,
                steps,
                windows,
                receive_by,
                ..
            } => {
                self.promise_windows(windows);
                if let (Some(_), Some(at)) = (self.receive_by, receive_by) {
                    self.receive_by = Some(*at);
                }
                for (part, deadline) in parts {
                    self.parts.get_mut(part).unwrap().promise(*deadline);
                }
                self.promise_steps(steps);
            }
            Event::Extended {
                part,
                step,
                deadline,
                step_deadline,
                ..
            } => {
                let one = self.parts.get_mut(part).unwrap();
                one.promise(*deadline);
                one.apology = true;
                one.is_extended = true;
                self.pages.get_mut(step).unwrap().promise(*step_deadline);
            }
            Event::ApologyOwed { part, .. } => {
                let one = self.parts.get_mut(part).unwrap();
                (one.apology, one.apology_number) = (true, entry.sequence);
            }
            Event::PromisePassed { part } => self.parts.get_mut(part).unwrap().passed = true,
            Event::PartFinished { part, .. } => {
                if let Some(one) = self.parts.get_mut(part) {
                    one.is_finished = true;
                    one.pauses.clear();
                }
            }
            Event::IntakeLimitPassed => self.receive_by = None,
            Event::Closed => self.closed_at = Some(at),
            Event::Notified { agency, notice, .. } => self.told(agency, notice),
            _ => {}
        }
    }

    /// Who knows of what has nothing to be told of it any more.
    fn told(&mut self, agency: &AgencyCode, notice: &DepartmentNotice) {
        match notice {
            DepartmentNotice::Closed { .. } => {
                self.to_tell_closed.remove(agency);
            }
            DepartmentNotice::DueChanged { step, number, .. } => {
                self.pages.get_mut(step).unwrap().clock_told = *number;
            }
            DepartmentNotice::ApologyOwed { step, number, .. } => {
                self.pages.get_mut(step).unwrap().apology_told = *number;
            }
        }
    }

    /// When each step is due, and whether its clock stands still.
    fn clocks(&self) -> BTreeMap<StepId, (Option<Deadline>, bool)> {
        let clock = |page: &Page| (page.deadline, self.stands_still(page));
        let pages = self.pages.iter();
        pages.map(|(id, page)| (id.clone(), clock(page))).collect()
    }

    /// Only a pause and its end, an extension and another calendar change a clock that is known.
    fn note_clocks(&mut self, entry: &Entry, before: &BTreeMap<StepId, (Option<Deadline>, bool)>) {
        if !matches!(
            entry.event,
            Event::ClockPaused { .. }
                | Event::ClockResumed { .. }
                | Event::Extended { .. }
                | Event::CalendarAdopted { .. }
        ) {
            return;
        }
        for (id, clock) in self.clocks() {
            if before[&id] != clock {
                self.pages.get_mut(&id).unwrap().clock = entry.sequence;
            }
        }
    }

    fn notices(&self) -> Vec<Debt> {
        let debt = |notice, agency: &AgencyCode, due_at| Debt::Notice {
            notice,
            agency: agency.clone(),
            due_at,
        };
        if let Some(closed_at) = self.closed_at {
            let recalled: BTreeSet<_> = self.recalls.values().map(|(agency, _)| agency).collect();
            let due_at = closed_at + SignedDuration::from_hours(30 * 24);
            return self
                .to_tell_closed
                .iter()
                .filter(|agency| !recalled.contains(agency))
                .map(|agency| debt(DepartmentNotice::Closed { closed_at }, agency, due_at))
                .collect();
        }
        let mut debts = Vec::new();
        let held = |page: &Page| page.keeper == Some(Keeper::Held) && page.is_departments();
        for (id, page) in self.pages.iter().filter(|(_, page)| held(page)) {
            let (step, round) = (id.clone(), page.round);
            if page.clock > page.clock_told {
                let notice = DepartmentNotice::DueChanged {
                    step: step.clone(),
                    round,
                    number: page.clock,
                };
                debts.push(debt(notice, &page.agency, page.deadline.unwrap().due_at));
            }
            // Holders are asked before reception, and nothing is promised then.
            let Some(part) = self.parts.get(&page.part) else {
                continue;
            };
            let is_owed = part.apology
                && !part.is_extended
                && !part.is_finished
                && part.pauses.is_empty()
                && matches!(page.sort, Sort::Procedures(_));
            if is_owed && part.apology_number > page.apology_told {
                let notice = DepartmentNotice::ApologyOwed {
                    step,
                    round,
                    number: part.apology_number,
                };
                debts.push(debt(notice, &page.agency, part.deadline.due_at));
            }
        }
        debts
    }

    fn errand(
        &mut self,
        sort: Sort,
        id: &StepId,
        part: &PartId,
        agency: &AgencyCode,
        deadline: Option<Deadline>,
    ) {
        let mut page = Page::new(sort, part, agency);
        page.deadline = deadline;
        self.pages.insert(id.clone(), page);
    }

    fn promise_steps(&mut self, steps: &BTreeMap<StepId, Deadline>) {
        for (step, deadline) in steps {
            self.pages.get_mut(step).unwrap().promise(*deadline);
        }
    }

    fn promise_windows(&mut self, windows: &Windows) {
        for (number, at) in &windows.supplements {
            self.asks.get_mut(number).unwrap().due_at = *at;
        }
        for (obligation, at) in &windows.payments {
            let bill = self.bills.get_mut(obligation).unwrap();
            // Who was told is told again of another day.
            bill.is_told &= bill.due_at == *at;
            bill.due_at = *at;
        }
    }

    /// In the order of [`Debt`].
    pub fn owed(&self) -> Vec<Debt> {
        let mut debts = Vec::new();
        for (step, page) in &self.pages {
            if page.is_owed && page.is_departments() {
                debts.push(Debt::Handover {
                    step: step.clone(),
                    round: page.round,
                    agency: page.agency.clone(),
                    due_at: page.deadline.unwrap().due_at,
                });
            }
        }
        for ((step, round), (agency, at)) in &self.recalls {
            debts.push(Debt::Recall {
                step: step.clone(),
                round: *round,
                agency: agency.clone(),
                due_at: *at,
            });
        }
        debts.extend(self.notices());
        if self.closed_at.is_none() && !self.is_stopped {
            let timers = self.timers().into_iter();
            debts.extend(timers.map(|(alarm, at)| Debt::Timer { alarm, at }));
        }
        debts.sort();
        debts
    }

    fn timers(&self) -> Vec<(Alarm, Timestamp)> {
        let mut timers = Vec::new();
        for (step, page) in self.pages.iter().filter(|(_, page)| !page.is_finished) {
            timers.extend(
                page.ask_again_at
                    .map(|at| (Alarm::AskAgain(step.clone()), at)),
            );
            let Some(deadline) = page.deadline.filter(|_| !self.stands_still(page)) else {
                continue;
            };
            if !page.passed {
                timers.push((Alarm::StepLimit(step.clone()), deadline.due_at));
                if !page.warned {
                    timers.push((Alarm::StepWarning(step.clone()), deadline.warn_at));
                }
            }
        }
        for (part, one) in &self.parts {
            if one.is_finished || !one.pauses.is_empty() {
                continue;
            }
            if !one.apology {
                timers.push((Alarm::PartWarning(part.clone()), one.deadline.warn_at));
            }
            if !one.passed {
                timers.push((Alarm::PartLimit(part.clone()), one.deadline.due_at));
            }
        }
        let asks = self.asks.iter().filter(|(_, ask)| ask.is_open);
        timers.extend(
            asks.clone()
                .map(|(n, ask)| (Alarm::SupplementWindow(*n), ask.due_at)),
        );
        timers.extend(
            self.bills
                .values()
                .filter(|bill| !bill.is_told)
                .map(|bill| (Alarm::PaymentWindow(bill.number), bill.due_at)),
        );
        if asks.count() == 0 {
            timers.extend(self.receive_by.map(|at| (Alarm::IntakeLimit, at)));
        }
        timers
    }

    fn stands_still(&self, page: &Page) -> bool {
        matches!(page.sort, Sort::Procedures(Actor::Department | Actor::Desk))
            && self
                .parts
                .get(&page.part)
                .is_some_and(|part| part.pauses.iter().any(|why| *why != PauseWhy::Outside))
    }

    /// How long a step was with each keeper, and how long it was open in all, up to now.
    pub fn times(
        &self,
        id: &StepId,
        now: Timestamp,
    ) -> (BTreeMap<&'static str, SignedDuration>, SignedDuration) {
        let Some(mut page) = self.pages.get(id).cloned() else {
            return Default::default();
        };
        page.turn(None, now);
        page.times.retain(|_, time| !time.is_zero());
        (page.times, page.open_for)
    }
}

impl Page {
    /// What is about this step alone.
    fn note(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::HandoverDue {
                round,
                agency,
                work,
                answers,
                review,
                deadline,
                ..
            } => {
                self.round = *round;
                self.agency = agency.clone();
                self.work = *work;
                self.answers = answers.clone();
                self.review = review.keys().cloned().collect();
                self.is_owed = true;
                self.is_finished = false;
                self.ask_again_at = None;
                self.promise(*deadline);
                self.turn(Some(Keeper::Transport), at);
            }
            Event::HoldingLost { .. } => {
                self.is_owed = true;
                self.turn(Some(Keeper::Transport), at);
            }
            Event::Moved { to, .. } => {
                self.put_aside();
                self.agency = to.clone();
                self.apology_told = 0;
                if self.opened_at.is_some() {
                    self.turn(Some(Keeper::Paused), at);
                }
            }
            Event::Declined { .. } => self.turn(Some(Keeper::Paused), at),
            Event::Warned { .. } => self.warned = true,
            Event::LimitPassed { .. } => self.passed = true,
            Event::AskedAgain { .. } => self.ask_again_at = None,
            Event::LookedUp { outcome, .. } => {
                if *outcome == LookUpOutcome::Unavailable && !self.passed {
                    self.turn(Some(Keeper::Paused), at);
                    self.ask_again_at = Some(at + SignedDuration::from_mins(30));
                } else {
                    self.finish(at);
                }
            }
            Event::Completed { .. }
            | Event::Refused { .. }
            | Event::Ended { .. }
            | Event::Skipped { .. }
            | Event::Opined { .. }
            | Event::Paid { step: Some(_), .. } => self.finish(at),
            Event::Wanted { .. } => {
                self.work = true;
                self.put_aside();
                self.is_finished = false;
                self.deadline = None;
                (self.warned, self.passed) = (false, false);
                if self.round > 0 {
                    self.turn(Some(Keeper::Paused), at);
                }
            }
            Event::Reviewed { redo, .. } => {
                self.review.clear();
                self.work |= redo;
            }
            Event::Corrected { evidence, .. } => {
                for new in evidence {
                    self.answers.remove(&new.given.name);
                }
            }
            Event::Upheld { evidence, .. } => {
                self.answers.remove(evidence);
            }
            _ => {}
        }
        let answered = matches!(
            event,
            Event::Reviewed { .. } | Event::Corrected { .. } | Event::Upheld { .. }
        );
        if answered
            && !self.is_finished
            && !self.work
            && self.answers.is_empty()
            && self.review.is_empty()
        {
            self.finish(at);
        }
    }
}
