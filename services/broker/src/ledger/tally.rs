//! Tallies: what is counted of what happens, by day and by desk or department, so that figures of a year
//! are read in a moment.

use crate::store::TallyKey;
use dossier::{
    Dossier, Entry, Event,
    dossier::{Ending, Part, Stage, Task},
    event::{Channel, LookUpOutcome},
    evidence::Source,
    name::AgencyCode,
    procedure::civil_date,
};
use jiff::Timestamp;

/// The upper bounds of waiting at a desk, in seconds: the goals are 30 and 15 minutes.
pub(crate) const WAITING_BOUNDS_S: [u64; 7] = [300, 600, 900, 1_800, 3_600, 7_200, 14_400];
/// The upper bounds of how long a department had a step, in seconds of elapsed time.
pub(crate) const HELD_BOUNDS_S: [u64; 10] = [
    60, 3_600, 14_400, 28_800, 86_400, 172_800, 259_200, 432_000, 864_000, 1_728_000,
];

/// A dossier was received; of a desk.
pub(crate) const RECEIVED: &str = "received";
/// Of those received, that came online; of a desk.
pub(crate) const RECEIVED_ONLINE: &str = "received_online";
/// How long a citizen waited at a desk until the dossier was received; in [`WAITING_BOUNDS_S`].
pub(crate) const WAITING: &str = "waiting";
/// A dossier closed; of a desk. Withdrawn ones and those that were not accepted are not counted.
pub(crate) const CLOSED: &str = "closed";
/// Of those closed, with a part past its promised date; of a desk.
pub(crate) const CLOSED_LATE: &str = "closed_late";
/// Of those closed, that came online; of a desk.
pub(crate) const CLOSED_ONLINE: &str = "closed_online";
/// Of those closed late, that came online; of a desk.
pub(crate) const CLOSED_ONLINE_LATE: &str = "closed_online_late";
/// How often the citizen came again until it closed: in bucket 0 never, 1 once, 2 more often; of a desk.
pub(crate) const CONTACTS: &str = "contacts";
/// A department finished a step; how long it had it, in [`HELD_BOUNDS_S`].
pub(crate) const HELD: &str = "held";
/// Of those finished, past their limit; of a department.
pub(crate) const HELD_LATE: &str = "held_late";
/// Evidence that the citizen gave; of a desk.
pub(crate) const GIVEN_BY_CITIZEN: &str = "given_by_citizen";
/// Evidence that came from the vault or from its holder instead; of a desk.
pub(crate) const REUSED: &str = "reused";

/// The bucket of a time among these bounds.
fn bucket(seconds: i64, bounds: &[u64]) -> u8 {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let at = bounds.partition_point(|bound| *bound < seconds);
    u8::try_from(at).unwrap_or(u8::MAX)
}

/// What is to be counted of an event.
pub(super) fn of(before: Option<&Dossier>, entry: &Entry, after: &Dossier) -> Vec<TallyKey> {
    let mut counted = Counted {
        at: entry.at,
        tallies: Vec::new(),
    };
    match &entry.event {
        Event::Received(_) | Event::Filed(_) | Event::Accepted(_) => counted.arrival(entry, after),
        Event::LookedUp {
            outcome: LookUpOutcome::Found,
            ..
        } => counted.desk(REUSED, 0, after),
        Event::Reused { evidence, .. } => {
            for _ in evidence {
                counted.desk(REUSED, 0, after);
            }
        }
        Event::SupplementAnswered { evidence, .. } | Event::EvidenceGiven { evidence, .. } => {
            for _ in evidence {
                counted.desk(GIVEN_BY_CITIZEN, 0, after);
            }
        }
        _ => {}
    }
    counted.finish(before, entry, after);
    counted.close(before, after);
    counted.tallies
}

struct Counted {
    at: Timestamp,
    tallies: Vec<TallyKey>,
}

impl Counted {
    fn add(&mut self, name: &'static str, bucket: u8, agency: &AgencyCode) {
        self.tallies.push(TallyKey {
            day: civil_date(self.at),
            name,
            agency: agency.clone(),
            bucket,
        });
    }

    fn desk(&mut self, name: &'static str, bucket: u8, dossier: &Dossier) {
        self.add(name, bucket, &dossier.received.desk);
    }

    /// What is filed is counted with what it brought; it is received once.
    fn arrival(&mut self, entry: &Entry, after: &Dossier) {
        let received = &after.received;
        if matches!(entry.event, Event::Received(_) | Event::Filed(_)) {
            for evidence in &received.evidence {
                match evidence.source {
                    Source::Citizen => self.desk(GIVEN_BY_CITIZEN, 0, after),
                    Source::Vault | Source::Registry => self.desk(REUSED, 0, after),
                    Source::Step => {}
                }
            }
        }
        if matches!(entry.event, Event::Filed(_)) {
            return;
        }
        self.desk(RECEIVED, 0, after);
        if received.channel == Channel::Online {
            self.desk(RECEIVED_ONLINE, 0, after);
        }
        let at = received.received_at.unwrap_or(entry.at);
        if let Some(arrived_at) = received.arrived_at.filter(|arrived| *arrived <= at) {
            let waited = at.duration_since(arrived_at).as_secs();
            self.desk(WAITING, bucket(waited, &WAITING_BOUNDS_S), after);
        }
    }

    fn finish(&mut self, before: Option<&Dossier>, entry: &Entry, after: &Dossier) {
        let Some(id) = entry.event.step() else {
            return;
        };
        let was = before.and_then(|before| before.steps.get(id));
        let (Some(was), Some(now)) = (was, after.steps.get(id)) else {
            return;
        };
        let is_done = matches!(now.stage, Stage::Completed | Stage::Refused);
        // Neither what was asked in between nor saying once more that a result stands is the step's work.
        let is_work = was.is_procedures() && was.task() == Task::Work;
        if was.stage.is_finished() || !is_done || !is_work {
            return;
        }
        if let Some(since) = was.held_since {
            let held = self.at.duration_since(since).as_secs();
            self.add(HELD, bucket(held, &HELD_BOUNDS_S), &now.agency);
            let stands_since = before.and_then(|before| before.stands_still_since(was));
            let until = stands_since.unwrap_or(self.at);
            if was.limit_passed || was.due_at.is_some_and(|due| due < until) {
                self.add(HELD_LATE, 0, &now.agency);
            }
        }
    }

    fn close(&mut self, before: Option<&Dossier>, after: &Dossier) {
        let was_open = before.is_none_or(|before| before.closed_at.is_none());
        let ended_otherwise = matches!(after.ending, Some(Ending::Withdrawn | Ending::NotAccepted));
        // One that was opened again for a correction closed before.
        let is_again = after.reopened_at.is_some();
        if after.closed_at.is_none() || !was_open || ended_otherwise || is_again {
            return;
        }
        let is_online = after.received.channel == Channel::Online;
        // The alarm that says so may ring a moment after the part has ended.
        let is_past = |part: &Part| part.pauses.is_empty() && part.promised_at < self.at;
        let was_open = |id| {
            before.is_some_and(|before| before.parts.get(id).is_some_and(|one| one.end.is_none()))
        };
        let mut parts = after.parts.iter();
        let is_late = parts.any(|(id, part)| part.promise_passed || was_open(id) && is_past(part));
        self.desk(CLOSED, 0, after);
        if is_late {
            self.desk(CLOSED_LATE, 0, after);
        }
        if is_online {
            self.desk(CLOSED_ONLINE, 0, after);
        }
        if is_online && is_late {
            self.desk(CLOSED_ONLINE_LATE, 0, after);
        }
        let answered = after.supplements.iter().filter(|one| one.answered).count();
        let contacts = u8::try_from(answered.min(2)).unwrap_or(2);
        self.desk(CONTACTS, contacts, after);
    }
}
