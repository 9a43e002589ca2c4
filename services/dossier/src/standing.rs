//! Where a dossier stands, for those outside: the ten national statuses, and beside them the separate
//! statuses of finance, delivery and sync, each a projection of the state and nothing that is kept
//! (DOMAIN §4.1; a business status is not a finance, delivery or sync status).

use crate::{
    Debt, Entry, Event, Procedure,
    calendar::Calendar,
    custody::{Keeper, custody},
    dossier::{Dossier, Ending, Intake, Stage},
    event::PauseWhy,
    hand_out,
    name::{AgencyCode, DossierId, EvidenceName, PartId, StepId},
    national::NationalStatus,
    owed::owed,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Whether the citizen owes anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finance {
    /// Nothing was asked.
    None,
    /// Something is to be paid.
    Owed,
    /// All that was asked is paid.
    Paid,
}

/// Whether results are with the citizen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// No result exists yet.
    None,
    /// Results wait at the desk.
    Waiting,
    /// Some were handed out.
    Partly,
    /// All that exist were handed out, and no more will come.
    Done,
}

/// Whether the other systems have what the dossier owes them. Time lost here is transport's, and nobody's
/// fault at a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// Every round has arrived.
    Arrived,
    /// A round is on its way and not acknowledged yet.
    UnderWay,
}

/// The sync status.
pub fn sync(dossier: &Dossier) -> Sync {
    let is_under_way = owed(dossier)
        .iter()
        .any(|debt| matches!(debt, Debt::Handover { .. } | Debt::Recall { .. }));
    match is_under_way {
        true => Sync::UnderWay,
        false => Sync::Arrived,
    }
}

/// The national status that the state stands for now.
pub fn national(dossier: &Dossier, procedure: &Procedure) -> NationalStatus {
    match dossier.ending {
        Some(Ending::NotAccepted) => return NationalStatus::NotAccepted,
        Some(Ending::Withdrawn) => return NationalStatus::WithdrawnByCitizen,
        None => {}
    }
    if dossier.intake == Intake::Filed {
        // Answered or not: the portal knows no way back, only on to reception or refusal.
        return match dossier.supplements.is_empty() {
            true => NationalStatus::NewlyRegistered,
            false => NationalStatus::SupplementRequired,
        };
    }
    let asked = dossier.open_supplements().next().is_some();
    // What was once finished stays finished: a later correction, and what comes of it, is the agency's
    // own affair, and what was returned once is not taken back.
    if let Some(reopened_at) = dossier.reopened_at {
        let was_there = |name: &&EvidenceName| {
            let versions = dossier.evidence.get(*name);
            versions.is_some_and(|all| all.first().is_some_and(|one| one.at <= reopened_at))
        };
        let results = results(dossier, procedure);
        let mut names = results.keys().filter(was_there).peekable();
        let is_returned =
            names.peek().is_some() && names.all(|name| dossier.handed_out.contains_key(name));
        return match is_returned {
            true => NationalStatus::ResultReturned,
            false => NationalStatus::Processed,
        };
    }
    if dossier.closed_at.is_some() {
        return match delivery(dossier, procedure) {
            Delivery::Done => NationalStatus::ResultReturned,
            _ => NationalStatus::Processed,
        };
    }
    if dossier.stopped_since.is_some() {
        NationalStatus::Stopped
    } else if asked {
        NationalStatus::SupplementRequired
    } else if dossier.unpaid().next().is_some() {
        NationalStatus::FinancialObligationRequired
    } else if dossier
        .procedure_steps()
        .any(|(_, step)| step.first_held_at.is_some())
        || !dossier.supplements.is_empty()
    {
        NationalStatus::InProcess
    } else {
        NationalStatus::Received
    }
}

/// The national statuses that a history went through, oldest first, each reached from the one before
/// by transitions that are legal: where two events lie further apart, with the statuses between.
pub fn national_history(
    id: DossierId,
    entries: &[Entry],
    procedure: &Procedure,
) -> Vec<(NationalStatus, Timestamp)> {
    let mut history: Vec<(NationalStatus, Timestamp)> = vec![];
    let mut dossier: Option<Dossier> = None;
    for entry in entries {
        match &mut dossier {
            None => dossier = Dossier::begin(id, entry).ok(),
            // What cannot be replayed is the store's to quarantine; here it only has no effect.
            Some(dossier) => drop(dossier.apply(entry)),
        }
        let Some(dossier) = &dossier else { continue };
        let now = national(dossier, procedure);
        let before = match history.last() {
            Some((before, _)) => *before,
            None => {
                history.push((NationalStatus::NewlyRegistered, entry.at));
                NationalStatus::NewlyRegistered
            }
        };
        for status in way(before, now) {
            history.push((status, entry.at));
        }
    }
    history
}

/// The shortest legal way from one status to another, without the first; none when there is no way:
/// then the status stays what it is.
fn way(from: NationalStatus, to: NationalStatus) -> Vec<NationalStatus> {
    if from == to {
        return vec![];
    }
    let mut ways = std::collections::VecDeque::from([vec![from]]);
    let mut known = BTreeSet::from([from.code()]);
    while let Some(so_far) = ways.pop_front() {
        let Some(last) = so_far.last() else { continue };
        for next in NationalStatus::ALL {
            if !NationalStatus::may_follow(*last, next) || !known.insert(next.code()) {
                continue;
            }
            let mut longer = so_far.clone();
            longer.push(next);
            if next == to {
                longer.remove(0);
                return longer;
            }
            ways.push_back(longer);
        }
    }
    vec![]
}

/// The finance status.
pub fn finance(dossier: &Dossier) -> Finance {
    if dossier.obligations.is_empty() {
        Finance::None
    } else if dossier.unpaid().next().is_some() {
        Finance::Owed
    } else {
        Finance::Paid
    }
}

/// The results that exist, with their newest version.
pub fn results(dossier: &Dossier, procedure: &Procedure) -> BTreeMap<EvidenceName, u32> {
    dossier
        .evidence
        .keys()
        .filter(|name| hand_out::is_result(dossier, procedure, name))
        .map(|name| (name.clone(), dossier.newest_number(name)))
        .collect()
}

/// The delivery status.
pub fn delivery(dossier: &Dossier, procedure: &Procedure) -> Delivery {
    let results = results(dossier, procedure);
    let handed_out = results
        .iter()
        .filter(|(name, version)| {
            dossier
                .handed_out
                .get(*name)
                .is_some_and(|one| one.version == **version)
        })
        .count();
    if results.is_empty() {
        Delivery::None
    } else if handed_out == results.len() && dossier.closed_at.is_some() {
        Delivery::Done
    } else if handed_out > 0 {
        Delivery::Partly
    } else {
        Delivery::Waiting
    }
}

/// How far it is, for whoever knows only the code (TT 01/2018/TT-VPCP Art 16(2)(d)): steps finished of
/// all that are to be done.
pub fn degree(dossier: &Dossier) -> (u32, u32) {
    let mut finished = 0;
    let mut all = 0;
    for (_, step) in dossier.procedure_steps() {
        if step.stage == Stage::Skipped {
            continue;
        }
        all += 1;
        finished += u32::from(step.stage.is_finished());
    }
    (finished, all)
}

/// Whose a stretch of time was.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// On its way: the broker's.
    Transport,
    /// With this agency.
    Agency(AgencyCode),
    /// The citizen's: a supplement or a payment.
    Citizen,
    /// With nobody: stopped by decision, or a person has to place it.
    Nobody,
}

/// Working time by holder, up to now: what each had a step of this dossier for. Steps that run side by
/// side count each for itself; what the citizen is waited for counts once.
pub fn attribution(
    entries: &[Entry],
    dossier: &Dossier,
    calendar: &Calendar,
    now: Timestamp,
) -> BTreeMap<Holder, SignedDuration> {
    let pauses = pauses(entries);
    let mut times: BTreeMap<Holder, SignedDuration> = BTreeMap::new();
    let mut add = |holder: Holder, from: Timestamp, until: Timestamp| {
        let time = calendar.working_time(from, until);
        let sum = times.entry(holder).or_insert(SignedDuration::ZERO);
        *sum = sum.saturating_add(time);
    };
    // The citizen waits once, however many parts wait with him.
    let waits = |whys: &[PauseWhy]| -> Vec<(Timestamp, Timestamp)> {
        let spans = pauses.iter().filter(|pause| whys.contains(&pause.why));
        union(spans.map(|pause| (pause.from, pause.until.unwrap_or(now))))
    };
    for (from, until) in waits(&[PauseWhy::Supplement, PauseWhy::Payment]) {
        add(Holder::Citizen, from, until);
    }
    for (from, until) in waits(&[PauseWhy::Stop]) {
        add(Holder::Nobody, from, until);
    }
    for (id, step) in &dossier.steps {
        for span in custody(entries, id) {
            let holder = match span.keeper {
                Keeper::Transport => Holder::Transport,
                Keeper::Held if step.actor == crate::procedure::Actor::Citizen => continue,
                Keeper::Held => Holder::Agency(
                    given_to(entries, id, span.from).unwrap_or_else(|| step.agency.clone()),
                ),
                Keeper::Paused => Holder::Nobody,
            };
            // What falls into a pause of its part is counted above.
            let mut from = span.from;
            let until = span.until.unwrap_or(now);
            let stands_still = pauses.iter().filter(|pause| {
                pause.part == step.part
                    && pause.why != PauseWhy::Outside
                    && span.keeper != Keeper::Transport
            });
            for (begins, ends) in union(stands_still.map(|p| (p.from, p.until.unwrap_or(now)))) {
                let (begins, ends) = (begins.max(from), ends.min(until));
                if begins < ends {
                    add(holder.clone(), from, begins);
                    from = ends;
                }
            }
            add(holder, from, until);
        }
    }
    times.retain(|_, time| !time.is_zero());
    times
}

/// Whose round of this step it was then: a step that was moved was another agency's before.
fn given_to(entries: &[Entry], of: &StepId, then: Timestamp) -> Option<AgencyCode> {
    let given = entries.iter().take_while(|entry| entry.at <= then);
    given
        .filter_map(|entry| match &entry.event {
            Event::HandoverDue { step, agency, .. } if step == of => Some(agency.clone()),
            _ => None,
        })
        .last()
}

/// The same stretches without overlap, oldest first.
fn union(spans: impl Iterator<Item = (Timestamp, Timestamp)>) -> Vec<(Timestamp, Timestamp)> {
    let mut spans: Vec<(Timestamp, Timestamp)> = spans.collect();
    spans.sort();
    let mut merged: Vec<(Timestamp, Timestamp)> = Vec::new();
    for (from, until) in spans {
        match merged.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => merged.push((from, until)),
        }
    }
    merged
}

/// A stretch in which a part's clock stood still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The part.
    pub part: PartId,
    /// Why it began.
    pub why: PauseWhy,
    /// From.
    pub from: Timestamp,
    /// Until; none while it lasts.
    pub until: Option<Timestamp>,
    /// Whether the clock then began anew instead of going on.
    pub reset: bool,
}

/// The stretches in which clocks stood still, each with its reason, oldest first. Those of one part
/// may overlap; it stands still while one of them lasts.
pub fn pauses(entries: &[Entry]) -> Vec<Pause> {
    let mut pauses: Vec<Pause> = Vec::new();
    let end = |pauses: &mut Vec<Pause>, part: &PartId, only: Option<PauseWhy>, at, reset| {
        for pause in pauses
            .iter_mut()
            .filter(|pause| pause.part == *part && pause.until.is_none())
            .filter(|pause| only.is_none_or(|why| why == pause.why))
        {
            pause.until = Some(at);
            pause.reset = reset;
        }
    };
    for entry in entries {
        match &entry.event {
            Event::ClockPaused { part, why } => pauses.push(Pause {
                part: part.clone(),
                why: *why,
                from: entry.at,
                until: None,
                reset: false,
            }),
            Event::ClockResumed {
                part, why, reset, ..
            } => end(&mut pauses, part, Some(*why), entry.at, *reset),
            Event::PartFinished { part, .. } => end(&mut pauses, part, None, entry.at, false),
            _ => {}
        }
    }
    pauses
}
