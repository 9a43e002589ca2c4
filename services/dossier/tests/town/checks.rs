//! What must hold in every town: looked at while it lives, and once more when all is over.

use crate::{
    bookkeeper::{Book, word},
    broker::{Disk, Kept},
    province::Province,
};
use dossier::{
    Dossier, Entry, Event,
    dossier::{Kind, Task},
    handover::Handover,
    name::{AgencyCode, Digest, DossierId},
    owed,
    slip::{custody, slip},
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// What was seen so far.
#[derive(Default)]
pub struct Checks {
    /// Every handover that anybody was given, in one life of the broker's store.
    handed: BTreeMap<(u32, String), Handover>,
    /// The same across its lives.
    essence: BTreeMap<String, (u32, &'static str, Vec<Digest>)>,
    /// The last link of each dossier's chain, and how long it is.
    chains: BTreeMap<DossierId, (Digest, usize)>,
    /// Everything that was ever recorded, in order.
    history: Option<Digest>,
    pub refusals: BTreeMap<&'static str, u32>,
    pub events: BTreeMap<&'static str, u32>,
    pub recorded: usize,
    pub crashes: usize,
    pub disks: usize,
    pub restored: usize,
    pub jumps: usize,
}

fn link(before: Option<&Digest>, entry: &Entry) -> Digest {
    let mut bytes = before.map_or(vec![], |digest| digest.as_bytes().to_vec());
    bytes.extend_from_slice(format!("{entry:?}").as_bytes());
    Digest::of(&bytes)
}

/// The sort of an event, in one word.
fn sort(event: &Event) -> &'static str {
    match event {
        Event::Reused { .. } => "reused",
        Event::LookedUp { .. } => "looked_up",
        Event::Opined { .. } => "opined",
        Event::Paid { .. } => "paid",
        Event::SupplementAnswered { .. } => "supplement_answered",
        Event::SupplementExpired { .. } => "supplement_expired",
        Event::SupplementDenied { .. } => "supplement_denied",
        Event::Returned { .. } => "returned",
        Event::Corrected { .. } => "corrected",
        Event::Upheld { .. } => "upheld",
        Event::Reviewed { redo: true, .. } => "redone",
        Event::Reviewed { .. } => "reviewed",
        Event::Moved { .. } => "moved",
        Event::Refused { .. } => "refused",
        Event::Withdrawn { .. } => "withdrawn",
        Event::Stopped { .. } => "stopped",
        Event::Resumed { .. } => "resumed",
        Event::RecallDue { .. } => "recalled",
        Event::HoldingLost { .. } => "lost",
        Event::Extended { .. } => "extended",
        Event::LimitPassed { .. } => "limit_passed",
        Event::ApologyOwed { .. } => "apology_owed",
        Event::SlipsDue { .. } => "slips",
        Event::NotAccepted { .. } => "not_accepted",
        Event::Accepted(_) => "accepted",
        Event::FaultReported { .. } => "fault_reported",
        Event::HandedOut { .. } => "handed_out",
        Event::Closed => "closed",
        _ => "other",
    }
}

impl Checks {
    /// The history so far, as one digest: the same seed gives the same.
    pub fn history(&self) -> String {
        self.history
            .map_or_else(String::new, |digest| digest.to_string())
    }

    pub fn refused(&mut self, reason: &'static str) {
        *self.refusals.entry(reason).or_default() += 1;
    }

    /// New entries of a dossier: the log only grows, and what was accepted once is not accepted again.
    pub fn recorded(&mut self, id: DossierId, now: Timestamp, known: &[Entry], new: &[Entry]) {
        let causes = |entries: &'_ [Entry]| -> Vec<(String, String)> {
            let causes = entries.iter().filter_map(|entry| entry.cause.as_ref());
            causes
                .map(|cause| (cause.system.to_string(), cause.item_id.to_string()))
                .collect()
        };
        let before: BTreeSet<_> = causes(known).into_iter().collect();
        for cause in causes(new) {
            assert!(
                !before.contains(&cause),
                "{id}: {cause:?} was recorded twice"
            );
        }
        for entry in new {
            self.recorded += 1;
            let (before, length) = match self.chains.get(&id) {
                Some((digest, length)) => (Some(*digest), *length),
                None => (None, 0),
            };
            assert_eq!(
                entry.sequence as usize,
                length + 1,
                "{id}: the log has a gap"
            );
            let digest = link(before.as_ref(), entry);
            self.chains.insert(id, (digest, length + 1));
            *self.events.entry(sort(&entry.event)).or_default() += 1;
            let mut bytes = self
                .history
                .map_or(vec![], |digest| digest.as_bytes().to_vec());
            bytes.extend_from_slice(format!("{id} {now}").as_bytes());
            bytes.extend_from_slice(digest.as_bytes());
            self.history = Some(Digest::of(&bytes));
        }
    }

    fn chain(entries: &[Entry]) -> Option<Digest> {
        let mut digest = None;
        for entry in entries {
            digest = Some(link(digest.as_ref(), entry));
        }
        digest
    }

    /// What was recorded is there.
    pub fn restarted(&self, disk: &Disk) {
        for (id, (_, length)) in &self.chains {
            let kept = disk.dossiers.get(id).map_or(0, |kept| kept.entries.len());
            assert_eq!(kept, *length, "{id}: something recorded is lost");
        }
    }

    /// What was recorded is as it was.
    pub fn verified(&self, disk: &Disk) {
        for (id, (digest, _)) in &self.chains {
            let kept = &disk.dossiers[id].entries;
            assert_eq!(Self::chain(kept), Some(*digest), "{id}: the log is another");
        }
    }

    /// The log is what it was when the copy was made.
    pub fn restored(&mut self, disk: &Disk) {
        self.restored += 1;
        self.chains = disk
            .dossiers
            .iter()
            .map(|(id, kept)| {
                (
                    *id,
                    (Self::chain(&kept.entries).unwrap(), kept.entries.len()),
                )
            })
            .collect();
    }

    /// A department is given a round: the same id is always the same round, and it holds what the step
    /// declares and no more.
    pub fn handed(
        &mut self,
        province: &Province,
        procedure: &str,
        dossier: DossierId,
        epoch: u32,
        to: &AgencyCode,
        handover: &Handover,
    ) {
        assert_eq!(*to, handover.agency, "{dossier}: given to another");
        let id = &handover.id;
        // Since when it is owed changes when a holding was lost: it is transport again from then on.
        let handover = &Handover {
            due_since: Timestamp::UNIX_EPOCH,
            ..handover.clone()
        };
        let known = self
            .handed
            .entry((epoch, id.clone()))
            .or_insert_with(|| handover.clone());
        assert_eq!(known, handover, "two different rounds under the id {id}");
        let digests = handover.evidence.iter().map(|one| one.new.digest).collect();
        let essence = (handover.round, handover.task.word(), digests);
        let known = self
            .essence
            .entry(id.clone())
            .or_insert_with(|| essence.clone());
        assert_eq!(*known, essence, "two different rounds under the id {id}");
        for party in &handover.parties {
            assert!(party.phone.is_empty() && party.email.is_empty());
        }
        if !matches!(handover.task, Task::Work | Task::Review | Task::Answer) {
            return;
        }
        let plan = province.procedure(procedure).step(&handover.step).unwrap();
        for version in &handover.evidence {
            let name = &version.new.given.name;
            let need = plan.needs.iter().find(|need| need.evidence == *name);
            let need = need.unwrap_or_else(|| panic!("{} is given {name}", handover.step));
            assert_eq!(need.extract.is_empty(), version.extract.is_none(), "{name}");
        }
    }

    /// When all is over: each dossier's history, alone.
    pub fn over(&self, id: DossierId, kept: &Kept, clock_jumped: bool, now: Timestamp) {
        let entries = &kept.entries;
        let mut dossier = Dossier::begin(id, &entries[0]).unwrap();
        let mut book = Book::default();
        book.note(&entries[0]);
        let mut asked = BTreeSet::new();
        for entry in &entries[1..] {
            if let Event::SupplementAsked { stage, items, .. } = &entry.event {
                for item in items {
                    let is_new = asked.insert((stage.clone(), item.evidence.clone()));
                    assert!(
                        is_new,
                        "{id}: {} is asked twice at one stage",
                        item.evidence
                    );
                    let is_there = dossier.newest(&item.evidence).is_some();
                    assert!(
                        !is_there || item.approval.is_some(),
                        "{id}: {} is there",
                        item.evidence
                    );
                }
            }
            if let Event::Completed { step, round, .. } | Event::Refused { step, round, .. } =
                &entry.event
            {
                let newest = dossier.steps[step].round;
                assert_eq!(
                    *round, newest,
                    "{id}: {step} is done in a round that was superseded"
                );
            }
            dossier.apply(entry).unwrap();
            book.note(entry);
        }
        let mut owes = owed(&dossier);
        owes.sort();
        assert_eq!(
            owes,
            book.owed(),
            "{id}: what is owed is not what was raised"
        );
        self.effects(id, &dossier, entries);
        self.passages(id, entries);
        if !clock_jumped {
            Self::balances(id, &dossier, entries, &book, now);
        }
    }

    /// Each step is done once, and once more for each redo; nothing accepted has two effects.
    fn effects(&self, id: DossierId, dossier: &Dossier, entries: &[Entry]) {
        for (of, step) in &dossier.steps {
            let count = |wanted: fn(&Event) -> bool| {
                let events = entries.iter().map(|entry| &entry.event);
                events
                    .filter(|event| event.step() == Some(of) && wanted(event))
                    .count()
            };
            let done = count(|event| {
                matches!(
                    event,
                    Event::Completed { .. } | Event::Opined { .. } | Event::Refused { .. }
                )
            });
            let redone = count(|event| matches!(event, Event::Reviewed { redo: true, .. }));
            if step.is_departments() {
                assert!(done <= 1 + redone, "{id}: {of} was done {done} times");
            }
            if matches!(step.kind, Kind::LookUp { .. }) {
                let found = entries.iter().filter(|entry| {
                    matches!(&entry.event, Event::LookedUp { step, given, .. } if step == of && !given.is_empty())
                });
                assert!(found.count() <= 1, "{id}: {of} was found twice");
            }
        }
        let paid: Vec<_> = entries
            .iter()
            .filter_map(|entry| match &entry.event {
                Event::Paid { obligation, .. } => Some(obligation),
                _ => None,
            })
            .collect();
        let once: BTreeSet<_> = paid.iter().collect();
        assert_eq!(once.len(), paid.len(), "{id}: something was paid twice");
    }

    /// The control slip: one row for each round that was given, in their order, each received by whom it
    /// was given to, and none open when the dossier is closed.
    fn passages(&self, id: DossierId, entries: &[Entry]) {
        let rows = slip(entries);
        let given = entries.iter().filter(|entry| {
            matches!(
                entry.event,
                Event::HandoverDue { .. } | Event::RecallDue { .. }
            )
        });
        let given: Vec<u64> = given.map(|entry| entry.sequence).collect();
        let told: Vec<u64> = rows.iter().map(|row| row.sequence).collect();
        assert_eq!(
            told, given,
            "{id}: the control slip has other passages than happened"
        );
        for row in &rows {
            let is_desk = row.from == rows[0].from;
            let had_it = rows
                .iter()
                .any(|other| other.to == row.from && other.sequence <= row.sequence);
            assert!(
                is_desk || had_it,
                "{id}: {} gives what it never had",
                row.from
            );
        }
    }

    /// Per step, from due to finished: transport, held and paused make up the time.
    fn balances(id: DossierId, dossier: &Dossier, entries: &[Entry], book: &Book, now: Timestamp) {
        for of in dossier.steps.keys() {
            let spans = custody(entries, of);
            let mut times: BTreeMap<&'static str, SignedDuration> = BTreeMap::new();
            for span in &spans {
                *times.entry(word(span.keeper)).or_default() += span.length(now);
            }
            times.retain(|_, time| !time.is_zero());
            let (kept, elapsed) = book.times(of, now);
            let sum = times
                .values()
                .fold(SignedDuration::ZERO, |sum, time| sum + *time);
            assert_eq!(sum, elapsed, "{id}: the time of {of}");
            assert_eq!(times, kept, "{id}: the time of {of}");
        }
    }
}
