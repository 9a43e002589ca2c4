//! The store in memory, for tests: the same answers as the embedded one, and nothing after the end
//! of the process.

mod watch;

use super::{
    Attempt, AttemptChange, Audited, Batch, BlobKind, Change, CodeBlock, CodeLease, Committed,
    Counts, Cursor, DossierFault, DossierRow, Erased, Incident, IncidentChange, IncidentCursor,
    IncidentKey, Loaded, Notice, Origin, Owed, OwedCursor, OwedKind, OwedRow, PAGE_ROWS_MAX,
    PersonKey, Position, Reader, StepCursor, StepFound, StepRow, Store, StoreError, Summary,
    Suspension, TallyKey, VaultUse, change::check_follows, partition_of,
};
use crate::records::Kept;
use dossier::{
    evidence::Given,
    name::{AgencyCode, Digest, DossierCode, DossierId, EvidenceName, StepId, TerritoryCode},
    party::Identifier,
    vault::{Deposit, Finding},
};
use jiff::{Timestamp, civil::Date};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
};

/// The writer of a store in memory; clones are the same store.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<RwLock<State>>,
}

#[derive(Default)]
struct State {
    epoch: u64,
    dossiers: Vec<Held>,
    by_id: HashMap<DossierId, usize>,
    by_code: HashMap<DossierCode, DossierId>,
    records: u64,
    notices: Vec<(AgencyCode, Notice)>,
    notices_given: u64,
    grants: BTreeSet<(Digest, AgencyCode, DossierId)>,
    incidents: Vec<Incident>,
    attempts: HashMap<(DossierId, StepId, u32), Attempt>,
    blobs: Vec<(BlobKind, Digest, Vec<u8>)>,
    codes: BTreeMap<(AgencyCode, Date), u64>,
    code_blocks: Vec<(CodeBlock, Option<Digest>)>,
    vault: Vec<Deposit>,
    vault_uses: Vec<VaultUse>,
    denials: BTreeMap<(AgencyCode, Date), u64>,
    persons: BTreeSet<(PersonKey, DossierId)>,
    tallies: BTreeMap<TallyKey, u64>,
    suspensions: Vec<Suspension>,
    audits: Vec<Audited>,
    words: Vec<String>,
}

struct Held {
    row: DossierRow,
    owed: Vec<OwedRow>,
    /// Since when each of them is owed.
    owed_since: Vec<Timestamp>,
    records: Vec<Kept>,
    /// How long the log was with each change, and the dossier.
    changes: Vec<(u64, u64)>,
}

impl Held {
    /// Since when each of these is owed: what only has another due date is owed as long as before.
    fn since_of(&self, owed: &[OwedRow]) -> Vec<Timestamp> {
        let now = whole_micros(Timestamp::now());
        let since = |row: &OwedRow| {
            let due_at = row.due_at;
            let is_it = |had: &OwedRow| {
                OwedRow {
                    due_at,
                    ..had.clone()
                } == *row
            };
            let had = self.owed.iter().position(is_it);
            had.map_or(now, |at| self.owed_since[at])
        };
        owed.iter().map(since).collect()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn commit(&mut self, batch: Batch) -> Result<Committed, StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let stirred = state.stirred();
        let changes = batch
            .changes
            .into_iter()
            .map(|change| state.change(change))
            .collect();
        for blob in batch.blobs {
            if !state
                .blobs
                .iter()
                .any(|(kind, digest, _)| (*kind, *digest) == (blob.kind, blob.digest))
            {
                state.blobs.push((blob.kind, blob.digest, blob.bytes));
            }
        }
        for incident in batch.incidents {
            state.incident(incident);
        }
        for attempt in batch.attempts {
            state.attempt(attempt);
        }
        for suspension in batch.suspensions {
            state.suspension(suspension);
        }
        for audit in batch.audits {
            state.audit(audit);
        }
        for quarantine in batch.quarantines {
            if let Some(held) = state.held_mut(&quarantine.dossier_id) {
                held.row.quarantined = quarantine.why;
            }
        }
        let leases = batch.code_leases.into_iter();
        let code_leases = leases.map(|lease| state.code_lease(lease)).collect();
        Ok(Committed {
            changes,
            code_leases,
            incidents: state.stirred() - stirred,
        })
    }

    fn erase(&mut self, dossiers: &[DossierId], at: Timestamp) -> Result<Vec<Erased>, StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        Ok(dossiers
            .iter()
            .filter_map(|id| state.erase(id, at))
            .collect())
    }

    fn begin_epoch(&mut self, now: Timestamp) -> Result<Origin, StoreError> {
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            state.epoch = (state.epoch + 1).max(now.as_millisecond().cast_unsigned());
        }
        self.origin()
    }

    fn reader(&self) -> Arc<dyn Reader> {
        Arc::new(self.clone())
    }
}

impl State {
    fn held(&self, id: &DossierId) -> Option<&Held> {
        self.by_id.get(id).and_then(|at| self.dossiers.get(*at))
    }

    fn held_mut(&mut self, id: &DossierId) -> Option<&mut Held> {
        self.by_id.get(id).and_then(|at| self.dossiers.get_mut(*at))
    }

    fn word(&self, text: Option<&str>) -> u32 {
        let at = self
            .words
            .iter()
            .position(|word| Some(word.as_str()) == text);
        at.map_or(0, |at| u32::try_from(at + 1).unwrap_or(u32::MAX))
    }

    fn learn(&mut self, text: &str) {
        if !self.words.iter().any(|word| word == text) {
            self.words.push(text.to_owned());
        }
    }

    fn code_lease(&mut self, lease: CodeLease) -> CodeBlock {
        let asked_before = lease.request.and_then(|request| {
            let of_it = |(_, of): &&(CodeBlock, Option<Digest>)| *of == Some(request);
            self.code_blocks.iter().find(of_it)
        });
        if let Some((block, _)) = asked_before {
            return block.clone();
        }
        let key = (lease.desk.clone(), lease.date);
        let next = self.codes.entry(key).or_insert(1);
        let block = CodeBlock {
            first: lease.floor.max(*next),
            desk: lease.desk,
            date: lease.date,
            count: lease.count,
        };
        *next = block.first + u64::from(block.count);
        self.code_blocks.push((block.clone(), lease.request));
        block
    }

    fn erase(&mut self, id: &DossierId, at: Timestamp) -> Option<Erased> {
        let held = self.held_mut(id)?;
        let row = &mut held.row;
        let is_kept = row.erased_at.is_some() || row.quarantined.is_some();
        if is_kept || row.summary.closed_at.is_none() {
            return None;
        }
        row.erased_at = Some(whole_micros(at));
        held.owed.clear();
        held.owed_since.clear();
        let code = format!("{}-KQ", row.summary.code);
        for record in &mut held.records {
            record.personal = None;
        }
        self.notices.retain(|(_, notice)| notice.dossier_id != *id);
        self.persons.retain(|(_, of)| of != id);
        let of_it = |one: &&Deposit| one.code.starts_with(&code);
        let deposits = self.vault.iter().filter(of_it);
        let in_vault: BTreeSet<Digest> = deposits
            .flat_map(|one| &one.given.documents)
            .map(|document| document.digest)
            .collect();
        let mut documents = BTreeSet::new();
        self.grants.retain(|(digest, _, of)| {
            let goes = of == id && !in_vault.contains(digest);
            if goes {
                documents.insert(*digest);
            }
            !goes
        });
        Some(Erased {
            dossier_id: *id,
            documents: documents.into_iter().collect(),
        })
    }

    fn change(&mut self, change: Change) -> Result<Position, DossierFault> {
        let id = change.dossier_id;
        let before = self
            .held(&id)
            .map(|held| (held.row.sequence, held.row.last_hash));
        check_follows(
            &change.records,
            before.map_or(0, |b| b.0),
            before.map(|b| b.1),
        )?;
        let in_vault = |one: &Deposit| self.vault.iter().any(|kept| kept.code == one.code);
        if change.deposits.iter().any(in_vault) {
            let why = "the vault has something under a code of this dossier";
            return Err(DossierFault::Refused(why.into()));
        }
        let summary = change.summary;
        if before.is_none() {
            if self.by_code.contains_key(&summary.code) {
                return Err(DossierFault::CodeTaken(summary.code));
            }
            self.by_code.insert(summary.code.clone(), id);
            self.by_id.insert(id, self.dossiers.len());
            let row = DossierRow {
                dossier_id: id,
                number: self.dossiers.len() as u64 + 1,
                summary: summary.clone(),
                sequence: 0,
                last_hash: Digest([0; 32]),
                steps: Vec::new(),
                quarantined: None,
                erased_at: None,
            };
            self.dossiers.push(Held {
                row,
                owed: Vec::new(),
                owed_since: Vec::new(),
                records: Vec::new(),
                changes: Vec::new(),
            });
        }
        for row in &change.owed {
            row.subject().iter().for_each(|word| self.learn(word));
        }
        change
            .steps
            .iter()
            .for_each(|row| self.learn(row.step.as_str()));

        let mut owed = Vec::<OwedRow>::new();
        for row in change.owed {
            let row = OwedRow {
                due_at: whole_micros(row.due_at),
                ..row
            };
            if !owed.contains(&row) {
                owed.push(row);
            }
        }
        let steps = change
            .steps
            .into_iter()
            .map(|row| StepRow {
                due_at: row.due_at.map(whole_micros),
                ..row
            })
            .collect();
        self.records += change.records.len() as u64;
        let records = self.records;
        let partition = partition_of(&id);
        if let Some(held) = self.held_mut(&id) {
            held.row.summary = Summary {
                received_at: whole_micros(summary.received_at),
                promised_at: whole_micros(summary.promised_at),
                closed_at: summary.closed_at.map(whole_micros),
                ..summary
            };
            held.row.steps = steps;
            held.owed_since = held.since_of(&owed);
            held.owed = owed;
            let of_dossier = (held.records.len() + change.records.len()) as u64;
            held.changes.push((records, of_dossier));
            for record in change.records {
                held.row.sequence = record.sequence;
                held.row.last_hash = record.hash;
                held.records.push(Kept {
                    sequence: record.sequence,
                    bytes: record.bytes,
                    personal: record.personal,
                });
            }
        }
        let still_owed: BTreeSet<_> = self
            .held(&id)
            .into_iter()
            .flat_map(|held| &held.owed)
            .map(|row| (row.step.clone(), row.round))
            .collect();
        self.attempts.retain(|(dossier, step, round), _| {
            *dossier != id || still_owed.contains(&(Some(step.clone()), *round))
        });
        for row in change.notices {
            self.notices_given += 1;
            let number = self.notices_given;
            let position = Position { partition, number };
            let notice = Notice {
                position,
                dossier_id: id,
                bytes: row.bytes,
            };
            self.notices.push((row.desk, notice));
        }
        for grant in change.grants {
            self.grants.insert((grant.digest, grant.agency, id));
        }
        for incident in change.incidents {
            self.incident(incident);
        }
        self.vault.extend(change.deposits);
        let uses = change.vault_uses.into_iter().map(|one| VaultUse {
            at: whole_micros(one.at),
            ..one
        });
        self.vault_uses.extend(uses);
        for denied in change.denials {
            *self.denials.entry((denied.agency, denied.day)).or_default() += 1;
        }
        self.persons
            .extend(change.persons.into_iter().map(|key| (key, id)));
        for key in change.tallies {
            *self.tallies.entry(key).or_default() += 1;
        }
        for audit in change.audits {
            self.audit(audit);
        }
        Ok(Position {
            partition,
            number: records,
        })
    }

    /// How often anything happened to an incident.
    fn stirred(&self) -> u64 {
        let closed = |incident: &Incident| u64::from(incident.closed_at.is_some());
        self.incidents
            .iter()
            .map(|one| one.count + closed(one))
            .sum()
    }

    fn incident(&mut self, change: IncidentChange) {
        let code_of = |state: &Self, key: &IncidentKey| {
            let held = state.held(key.dossier_id.as_ref()?)?;
            Some(held.row.summary.code.clone())
        };
        let open = |incident: &&mut Incident| incident.closed_at.is_none();
        match change {
            IncidentChange::Happened { key, vi, en, at } => {
                let at = whole_micros(at);
                let code = code_of(self, &key);
                let number = self.incidents.len() as u64 + 1;
                match self
                    .incidents
                    .iter_mut()
                    .filter(open)
                    .find(|found| found.key == key)
                {
                    Some(found) => {
                        found.count += 1;
                        (found.last_at, found.vi, found.en) = (at, vi, en);
                    }
                    None => self.incidents.push(Incident {
                        number,
                        key,
                        code,
                        vi,
                        en,
                        opened_at: at,
                        last_at: at,
                        count: 1,
                        closed_at: None,
                    }),
                }
            }
            IncidentChange::Over { key, at } => {
                for found in self
                    .incidents
                    .iter_mut()
                    .filter(open)
                    .filter(|i| i.key == key)
                {
                    found.closed_at = Some(whole_micros(at));
                }
            }
            IncidentChange::Closed { number, at, audit } => {
                let mut closed = false;
                for found in self
                    .incidents
                    .iter_mut()
                    .filter(open)
                    .filter(|i| i.number == number)
                {
                    found.closed_at = Some(whole_micros(at));
                    closed = true;
                }
                if let Some(audit) = audit.filter(|_| closed) {
                    self.audit(*audit);
                }
            }
        }
    }

    fn attempt(&mut self, change: AttemptChange) {
        let owed = self.held(&change.dossier_id).is_some_and(|held| {
            let of_it = |row: &OwedRow| {
                row.step.as_ref() == Some(&change.step) && row.round == change.round
            };
            held.owed.iter().any(of_it)
        });
        let key = (change.dossier_id, change.step, change.round);
        if change.attempts == 0 {
            self.attempts.remove(&key);
        } else if owed {
            let next_at = whole_micros(change.next_at);
            let (attempts, last_error) = (change.attempts, change.last_error);
            self.attempts.insert(
                key,
                Attempt {
                    attempts,
                    next_at,
                    last_error,
                },
            );
        }
    }

    /// All that is owed and not stopped, the earliest due first.
    fn owed(&self, wanted: impl Fn(&OwedRow) -> bool) -> Vec<Owed> {
        let mut found = Vec::new();
        let going = |held: &&Held| held.row.quarantined.is_none();
        for held in self.dossiers.iter().filter(going) {
            for row in held.owed.iter().filter(|row| wanted(row)) {
                let id = held.row.dossier_id;
                let step = row.step.clone();
                found.push(Owed {
                    dossier_id: id,
                    code: held.row.summary.code.clone(),
                    attempt: step.and_then(|s| self.attempts.get(&(id, s, row.round)).cloned()),
                    cursor: OwedCursor {
                        due_at: row.due_at.as_microsecond(),
                        dossier: held.row.number.cast_signed(),
                        kind: row.kind.number(),
                        step: self.word(row.subject().as_deref()),
                        round: row.round,
                    },
                    row: row.clone(),
                });
            }
        }
        found.sort_by_key(|owed| owed.cursor);
        found
    }
}

impl Reader for MemoryStore {
    fn dossier(&self, id: &DossierId) -> Result<Option<DossierRow>, StoreError> {
        Ok(self.state().held(id).map(|held| held.row.clone()))
    }

    fn by_code(&self, code: &DossierCode) -> Result<Option<DossierId>, StoreError> {
        Ok(self.state().by_code.get(code).copied())
    }

    fn load(&self, id: &DossierId) -> Result<Option<Loaded>, StoreError> {
        let state = self.state();
        let loaded = |held: &Held| Loaded {
            row: held.row.clone(),
            records: held.records.clone(),
        };
        Ok(state.held(id).map(loaded))
    }

    fn sequence_at(&self, id: &DossierId, position: u64) -> Result<u64, StoreError> {
        let state = self.state();
        let changes = state.held(id).map_or(&[][..], |held| &held.changes);
        let before = changes.iter().rev().find(|(at, _)| *at <= position);
        Ok(before.map_or(0, |(_, sequence)| *sequence))
    }

    fn dossiers(
        &self,
        desk: Option<&AgencyCode>,
        open_only: bool,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<DossierRow>, StoreError> {
        let state = self.state();
        let rows = state.dossiers.iter().rev().map(|held| &held.row);
        let wanted = rows.filter(|row| {
            desk.is_none_or(|desk| row.summary.desk == *desk || row.summary.hand_out_desk == *desk)
                && !(open_only && row.summary.closed_at.is_some())
                && before.is_none_or(|before| row.number < before)
        });
        Ok(wanted.take(limit.min(PAGE_ROWS_MAX)).cloned().collect())
    }

    fn register(
        &self,
        desk: &AgencyCode,
        from: Timestamp,
        until: Timestamp,
        after: Option<(Timestamp, u64)>,
        limit: usize,
    ) -> Result<Vec<DossierRow>, StoreError> {
        let state = self.state();
        let place = |row: &DossierRow| (row.summary.received_at, row.number);
        let rows = state.dossiers.iter().map(|held| &held.row);
        let mut wanted: Vec<&DossierRow> = rows
            .filter(|row| row.summary.desk == *desk)
            .filter(|row| (from..until).contains(&row.summary.received_at))
            .filter(|row| after.is_none_or(|after| place(row) > after))
            .collect();
        wanted.sort_by_key(|row| place(row));
        let page = wanted.into_iter().take(limit.min(PAGE_ROWS_MAX));
        Ok(page.cloned().collect())
    }

    fn closed_before(&self, at: Timestamp, limit: usize) -> Result<Vec<DossierId>, StoreError> {
        let state = self.state();
        let rows = state.dossiers.iter().map(|held| &held.row);
        let mut wanted: Vec<_> = rows
            .filter(|row| row.erased_at.is_none() && row.quarantined.is_none())
            .filter_map(|row| Some((row.summary.closed_at?, row.dossier_id)))
            .filter(|(closed_at, _)| *closed_at < at)
            .collect();
        wanted.sort_by_key(|(closed_at, _)| *closed_at);
        let page = wanted.into_iter().take(limit.min(PAGE_ROWS_MAX));
        Ok(page.map(|(_, id)| id).collect())
    }

    fn owed_for(
        &self,
        agency: &AgencyCode,
        after: Option<&OwedCursor>,
        limit: usize,
    ) -> Result<Vec<Owed>, StoreError> {
        let mut owed = self.state().owed(|row| row.agency.as_ref() == Some(agency));
        owed.retain(|owed| after.is_none_or(|after| owed.cursor > *after));
        owed.truncate(limit.min(PAGE_ROWS_MAX));
        Ok(owed)
    }

    fn agencies_owed(&self) -> Result<Vec<(AgencyCode, Timestamp)>, StoreError> {
        let mut earliest = BTreeMap::new();
        for owed in self
            .state()
            .owed(|row| row.agency.is_some())
            .into_iter()
            .rev()
        {
            owed.row
                .agency
                .and_then(|agency| earliest.insert(agency, owed.row.due_at));
        }
        Ok(earliest.into_iter().collect())
    }

    fn timers_until(&self, until: Timestamp, limit: usize) -> Result<Vec<Owed>, StoreError> {
        let mut owed = self
            .state()
            .owed(|row| row.agency.is_none() && row.due_at <= until);
        owed.truncate(limit.min(PAGE_ROWS_MAX));
        Ok(owed)
    }

    fn next_timer(&self) -> Result<Option<Timestamp>, StoreError> {
        let timers = self.state().owed(|row| row.agency.is_none());
        Ok(timers.first().map(|owed| owed.row.due_at))
    }

    fn steps_of(
        &self,
        agency: &AgencyCode,
        states: &[i32],
        after: Option<&StepCursor>,
        limit: usize,
    ) -> Result<Vec<StepFound>, StoreError> {
        let state = self.state();
        let mut found = Vec::new();
        for held in &state.dossiers {
            for row in &held.row.steps {
                let cursor = StepCursor {
                    dossier: held.row.number.cast_signed(),
                    step: state.word(Some(row.step.as_str())),
                };
                let wanted = row.agency == *agency && row.is_open() && states.contains(&row.state);
                if wanted && after.is_none_or(|after| cursor > *after) {
                    found.push(StepFound {
                        dossier_id: held.row.dossier_id,
                        code: held.row.summary.code.clone(),
                        row: row.clone(),
                        cursor,
                    });
                }
            }
        }
        found.sort_by_key(|found| found.cursor);
        found.truncate(limit.min(PAGE_ROWS_MAX));
        Ok(found)
    }

    fn notices(
        &self,
        desk: &AgencyCode,
        after: &Cursor,
        limit: usize,
    ) -> Result<Vec<Notice>, StoreError> {
        let state = self.state();
        let wanted = state.notices.iter().filter(|(its_desk, notice)| {
            let Position { partition, number } = notice.position;
            its_desk == desk && number > after.number(partition)
        });
        Ok(wanted
            .take(limit.min(PAGE_ROWS_MAX))
            .map(|(_, notice)| notice.clone())
            .collect())
    }

    fn incidents(
        &self,
        include_closed: bool,
        cause: Option<&str>,
        before: Option<IncidentCursor>,
        limit: usize,
    ) -> Result<Vec<Incident>, StoreError> {
        let state = self.state();
        let wanted = state.incidents.iter().rev().filter(|incident| {
            (include_closed || incident.closed_at.is_none())
                && cause.is_none_or(|cause| incident.key.cause == cause)
                && before.is_none_or(|before| incident.number < before)
        });
        Ok(wanted.take(limit.min(PAGE_ROWS_MAX)).cloned().collect())
    }

    fn vault_of(
        &self,
        owner: &[Identifier],
        evidence: &[EvidenceName],
    ) -> Result<Vec<Finding>, StoreError> {
        let state = self.state();
        let found = state.vault.iter().rev().filter(|one| {
            let superseded = |other: &Deposit| other.supersedes.as_ref() == Some(&one.code);
            evidence.contains(&one.evidence)
                && one.owner.iter().any(|number| owner.contains(number))
                && !state.vault.iter().any(superseded)
        });
        let finding = |one: &Deposit| Finding {
            code: one.code.clone(),
            given: Given {
                subject: None,
                ..one.given.clone()
            },
            agency: one.agency.clone(),
            valid_until: one.valid_until,
        };
        Ok(found.take(PAGE_ROWS_MAX).map(finding).collect())
    }

    fn vault_uses(&self, code: &str) -> Result<Vec<VaultUse>, StoreError> {
        let state = self.state();
        let of_it = state.vault_uses.iter().filter(|one| one.code == code);
        Ok(of_it.take(PAGE_ROWS_MAX).cloned().collect())
    }

    fn denials(&self) -> Result<Vec<(AgencyCode, u64)>, StoreError> {
        let state = self.state();
        let mut counts: BTreeMap<AgencyCode, u64> = BTreeMap::new();
        for ((agency, _), count) in &state.denials {
            *counts.entry(agency.clone()).or_default() += count;
        }
        Ok(counts.into_iter().collect())
    }

    fn calendars_followed(&self) -> Result<Vec<(TerritoryCode, Digest)>, StoreError> {
        let state = self.state();
        let open = state.dossiers.iter().map(|held| &held.row.summary);
        let open = open.filter(|summary| summary.closed_at.is_none());
        let pairs: BTreeSet<_> = open
            .map(|summary| (summary.territory.clone(), summary.calendar))
            .collect();
        Ok(pairs.into_iter().collect())
    }

    fn following(
        &self,
        territory: &TerritoryCode,
        calendar: &Digest,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, DossierId)>, StoreError> {
        let state = self.state();
        let rows = state.dossiers.iter().map(|held| &held.row);
        let wanted = rows.filter(|row| {
            row.summary.closed_at.is_none()
                && row.quarantined.is_none()
                && row.number > after
                && (&row.summary.territory, &row.summary.calendar) == (territory, calendar)
        });
        Ok(wanted
            .take(limit.min(PAGE_ROWS_MAX))
            .map(|row| (row.number, row.dossier_id))
            .collect())
    }

    fn was_leased(&self, desk: &AgencyCode, date: Date, number: u64) -> Result<bool, StoreError> {
        let state = self.state();
        let blocks = &state.code_blocks;
        Ok(blocks
            .iter()
            .map(|(block, _)| block)
            .filter(|block| (&block.desk, block.date) == (desk, date))
            .any(|block| (block.first..block.first + u64::from(block.count)).contains(&number)))
    }

    fn blob(&self, kind: BlobKind, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let state = self.state();
        let found = state
            .blobs
            .iter()
            .find(|(k, d, _)| (k, d) == (&kind, digest));
        Ok(found.map(|(_, _, bytes)| bytes.clone()))
    }

    fn blobs(&self, kind: BlobKind) -> Result<Vec<Digest>, StoreError> {
        let state = self.state();
        Ok(state
            .blobs
            .iter()
            .filter(|(k, _, _)| *k == kind)
            .map(|(_, d, _)| *d)
            .collect())
    }

    fn granted(&self, agency: &AgencyCode, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self
            .state()
            .grants
            .iter()
            .any(|(d, a, _)| (d, a) == (digest, agency)))
    }

    fn granted_in(
        &self,
        agency: &AgencyCode,
        dossier: &DossierId,
        digest: &Digest,
    ) -> Result<bool, StoreError> {
        Ok(self
            .state()
            .grants
            .contains(&(*digest, agency.clone(), *dossier)))
    }

    fn names(&self, digest: &Digest) -> Result<bool, StoreError> {
        Ok(self.state().grants.iter().any(|(d, _, _)| d == digest))
    }

    fn counts(&self) -> Result<Counts, StoreError> {
        let state = self.state();
        let open = state
            .dossiers
            .iter()
            .filter(|held| held.row.summary.closed_at.is_none());
        Ok(Counts {
            dossiers: state.dossiers.len() as u64,
            dossiers_open: open.count() as u64,
            records: state.records,
            owed: state.owed(|row| row.kind != OwedKind::Timer).len() as u64,
            incidents_open: state
                .incidents
                .iter()
                .filter(|i| i.closed_at.is_none())
                .count() as u64,
        })
    }

    fn origin(&self) -> Result<Origin, StoreError> {
        Ok(Origin {
            store_id: [0; 16],
            epoch: self.state().epoch,
        })
    }
}

/// Rows hold whole microseconds.
fn whole_micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}
