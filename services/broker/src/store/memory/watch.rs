//! What operators ask of the store in memory.

use super::{Held, MemoryStore, State, whole_micros};
use crate::store::{
    AttemptFound, Audit, AuditFilter, Audited, CauseOpen, FlowRow, FoundDossier, Incident,
    IncidentCursor, LATE, Load, OpenCounts, OwedKind, PAGE_ROWS_MAX, PersonKey, Search, SearchPage,
    StoreError, Suspension, SuspensionChange, Tally, Watch,
};
use contract::v1::DossierState;
use dossier::name::{AgencyCode, DossierId, ProcedureCode};
use jiff::civil::Date;
use std::collections::BTreeMap;

impl State {
    pub(super) fn audit(&mut self, audit: Audit) {
        let audit = Audit {
            at: whole_micros(audit.at),
            ..audit
        };
        let (number, previous) = match self.audits.last() {
            Some(last) => (last.number + 1, last.hash),
            None => (1, Audit::HASH_BEFORE_FIRST),
        };
        let of = audit.dossier_id.as_ref().and_then(|id| self.held(id));
        self.audits.push(Audited {
            number,
            code: of.map(|held| held.row.summary.code.clone()),
            hash: audit.hash(number, &previous),
            audit,
        });
    }

    pub(super) fn suspension(&mut self, change: SuspensionChange) {
        match change {
            SuspensionChange::Suspend(one) => {
                if !self.suspensions.iter().any(|other| other.what == one.what) {
                    let since = whole_micros(one.since);
                    self.suspensions.push(Suspension { since, ..one });
                    self.suspensions
                        .sort_by(|one, other| one.what.cmp(&other.what));
                }
            }
            SuspensionChange::Resume(what) => self.suspensions.retain(|one| one.what != what),
        }
    }

    fn open_incidents<'a>(&'a self, held: &'a Held) -> impl Iterator<Item = &'a Incident> {
        self.incidents.iter().filter(|one| {
            one.closed_at.is_none() && one.key.dossier_id == Some(held.row.dossier_id)
        })
    }

    fn found(&self, held: &Held) -> FoundDossier {
        let open = self.open_incidents(held).count();
        FoundDossier {
            row: held.row.clone(),
            incidents_open: u32::try_from(open).unwrap_or(u32::MAX),
            is_late: self.is_late(held),
        }
    }

    fn is_late(&self, held: &Held) -> bool {
        self.open_incidents(held)
            .any(|one| LATE.contains(&one.key.cause.as_str()))
    }
}

impl Watch for MemoryStore {
    fn search(
        &self,
        search: &Search,
        before: Option<u64>,
        limit: usize,
    ) -> Result<SearchPage, StoreError> {
        let state = self.state();
        let wanted = state.dossiers.iter().rev().filter(|held| {
            before.is_none_or(|before| held.row.number < before)
                && search.wants_found(&state.found(held))
        });
        let limit = limit.clamp(1, PAGE_ROWS_MAX);
        let found: Vec<_> = wanted.take(limit).map(|held| state.found(held)).collect();
        let last = found.last().filter(|_| found.len() == limit);
        Ok(SearchPage {
            next: last.map(|last| last.row.number),
            found,
        })
    }

    fn found(&self, id: &DossierId) -> Result<Option<FoundDossier>, StoreError> {
        let state = self.state();
        Ok(state.held(id).map(|held| state.found(held)))
    }

    fn of_person(
        &self,
        key: &PersonKey,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<FoundDossier>, StoreError> {
        let state = self.state();
        let wanted = state.dossiers.iter().rev().filter(|held| {
            before.is_none_or(|before| held.row.number < before)
                && state.persons.contains(&(*key, held.row.dossier_id))
        });
        let page = wanted.take(limit.min(PAGE_ROWS_MAX));
        Ok(page.map(|held| state.found(held)).collect())
    }

    fn changed_after(
        &self,
        position: u64,
        limit: usize,
    ) -> Result<(Vec<FoundDossier>, u64), StoreError> {
        let state = self.state();
        let mut changes: Vec<(u64, &Held)> = Vec::new();
        for held in &state.dossiers {
            let after = held.changes.iter().filter(|(at, _)| *at > position);
            changes.extend(after.map(|(at, _)| (*at, held)));
        }
        changes.sort_by_key(|(at, _)| *at);
        let (mut found, mut until) = (BTreeMap::new(), position);
        for (at, held) in changes.into_iter().take(PAGE_ROWS_MAX) {
            if found.len() == limit && !found.contains_key(&held.row.number) {
                break;
            }
            found.insert(held.row.number, state.found(held));
            until = at;
        }
        Ok((found.into_values().collect(), until))
    }

    fn incident(&self, number: IncidentCursor) -> Result<Option<Incident>, StoreError> {
        let state = self.state();
        let mut incidents = state.incidents.iter();
        Ok(incidents.find(|one| one.number == number).cloned())
    }

    fn incidents_of(&self, id: &DossierId, limit: usize) -> Result<Vec<Incident>, StoreError> {
        let state = self.state();
        let incidents = state.incidents.iter().rev();
        let of_it = incidents.filter(|one| one.key.dossier_id == Some(*id));
        Ok(of_it.take(limit.min(PAGE_ROWS_MAX)).cloned().collect())
    }

    fn causes_open(&self) -> Result<Vec<CauseOpen>, StoreError> {
        let state = self.state();
        let mut causes: BTreeMap<&str, CauseOpen> = BTreeMap::new();
        for one in state.incidents.iter().filter(|one| one.closed_at.is_none()) {
            let cause = causes.entry(&one.key.cause).or_insert_with(|| CauseOpen {
                cause: one.key.cause.clone(),
                count: 0,
                oldest_at: one.opened_at,
            });
            cause.count += 1;
            cause.oldest_at = cause.oldest_at.min(one.opened_at);
        }
        let mut causes: Vec<_> = causes.into_values().collect();
        causes.sort_by_key(|one| one.oldest_at);
        Ok(causes)
    }

    fn attempts_of(&self, id: &DossierId) -> Result<Vec<AttemptFound>, StoreError> {
        let state = self.state();
        let of_it = state.attempts.iter().filter(|((of, _, _), _)| of == id);
        let mut found: Vec<_> = of_it
            .map(|((_, step, round), attempt)| AttemptFound {
                step: step.clone(),
                round: *round,
                attempt: attempt.clone(),
            })
            .collect();
        found.sort_by(|one, other| (&one.step, one.round).cmp(&(&other.step, other.round)));
        Ok(found)
    }

    fn flows(&self) -> Result<Vec<FlowRow>, StoreError> {
        let state = self.state();
        let mut flows = BTreeMap::new();
        for held in &state.dossiers {
            for step in held.row.steps.iter().filter(|step| step.is_open()) {
                let is_late = state.open_incidents(held).any(|one| {
                    one.key.cause == "LIMIT_PASSED" && one.key.step.as_ref() == Some(&step.step)
                });
                let summary = &held.row.summary;
                let key = (
                    summary.desk.clone(),
                    summary.procedure.clone(),
                    step.step.clone(),
                    step.agency.clone(),
                );
                let counts: &mut (u64, u64) = flows.entry(key).or_default();
                *counts = (counts.0 + 1, counts.1 + u64::from(is_late));
            }
        }
        let row = |((desk, procedure, step, agency), (open, overdue))| FlowRow {
            desk,
            procedure,
            step,
            agency,
            open,
            overdue,
        };
        Ok(flows.into_iter().map(row).collect())
    }

    fn open_counts(&self) -> Result<OpenCounts, StoreError> {
        let state = self.state();
        let mut counts = OpenCounts::default();
        let is_open = |held: &&Held| held.row.summary.closed_at.is_none();
        for held in state.dossiers.iter().filter(is_open) {
            let waiting = i32::from(DossierState::WaitingForCitizen);
            counts.open += 1;
            counts.waiting_for_citizen += u64::from(held.row.summary.state == waiting);
        }
        let late = state.dossiers.iter().filter(|held| state.is_late(held));
        counts.overdue = late.count() as u64;
        Ok(counts)
    }

    fn open_by_procedure(&self) -> Result<Vec<(ProcedureCode, u64)>, StoreError> {
        let state = self.state();
        let mut counts: BTreeMap<ProcedureCode, u64> = BTreeMap::new();
        let open = state.dossiers.iter().map(|held| &held.row.summary);
        for summary in open.filter(|summary| summary.closed_at.is_none()) {
            *counts.entry(summary.procedure.clone()).or_default() += 1;
        }
        Ok(counts.into_iter().collect())
    }

    fn loads(&self) -> Result<Vec<Load>, StoreError> {
        let state = self.state();
        let mut loads: BTreeMap<AgencyCode, Load> = BTreeMap::new();
        let mut load = |agency: &AgencyCode, change: &dyn Fn(&mut Load)| {
            let found = loads.entry(agency.clone()).or_insert_with(|| Load {
                agency: agency.clone(),
                owed: 0,
                first_due_at: None,
                owed_since: None,
                open_steps: 0,
            });
            change(found);
        };
        for held in &state.dossiers {
            for (row, since) in held.owed.iter().zip(&held.owed_since) {
                if let (Some(agency), true) = (&row.agency, row.kind != OwedKind::Timer) {
                    load(agency, &|load| {
                        load.owed += 1;
                        let due = load.first_due_at.unwrap_or(row.due_at);
                        load.first_due_at = Some(due.min(row.due_at));
                        let oldest = load.owed_since.unwrap_or(*since);
                        load.owed_since = Some(oldest.min(*since));
                    });
                }
            }
            for step in held.row.steps.iter().filter(|step| step.is_open()) {
                load(&step.agency, &|load| load.open_steps += 1);
            }
        }
        Ok(loads.into_values().collect())
    }

    fn suspensions(&self) -> Result<Vec<Suspension>, StoreError> {
        Ok(self.state().suspensions.clone())
    }

    fn audits(
        &self,
        filter: &AuditFilter,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<Audited>, StoreError> {
        let state = self.state();
        let wanted = state.audits.iter().rev().filter(|one| {
            let operator = filter.operator.as_ref();
            before.is_none_or(|before| one.number < before)
                && operator.is_none_or(|operator| one.audit.operator == *operator)
                && (filter.dossier_id.is_none() || one.audit.dossier_id == filter.dossier_id)
        });
        Ok(wanted.take(limit.min(PAGE_ROWS_MAX)).cloned().collect())
    }

    fn tallies(&self, from: Date, until: Date) -> Result<Vec<Tally>, StoreError> {
        let state = self.state();
        let mut sums: BTreeMap<_, u64> = BTreeMap::new();
        let wanted = state.tallies.iter();
        for (key, count) in wanted.filter(|(key, _)| from <= key.day && key.day < until) {
            let of = (key.name.to_owned(), key.agency.clone(), key.bucket);
            *sums.entry(of).or_default() += count;
        }
        let tally = |((name, agency, bucket), count)| Tally {
            name,
            agency,
            bucket,
            count,
        };
        Ok(sums.into_iter().map(tally).collect())
    }

    fn denied(&self, from: Date, until: Date) -> Result<Vec<(AgencyCode, u64)>, StoreError> {
        let state = self.state();
        let mut counts: BTreeMap<AgencyCode, u64> = BTreeMap::new();
        let wanted = state.denials.iter();
        for ((agency, _), count) in wanted.filter(|((_, day), _)| from <= *day && *day < until) {
            *counts.entry(agency.clone()).or_default() += count;
        }
        Ok(counts.into_iter().collect())
    }
}
