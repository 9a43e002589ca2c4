//! Applying: what each job does to copies of dossiers, before anything is committed.

use super::{
    Asked, Job, Recorded, Reply,
    change::Work,
    keeper::{Keeper, Pending, Turn, quarantine},
};
use crate::{
    causes,
    codes::{self, Brought, CodesError},
    documents::CheckError,
    failure::Failure,
    hot::{Committed, LoadError},
    store::{Audit, Erased, IncidentChange, IncidentKey, Origin, Quarantine, StoreError},
    wire::{ReportItem, Submit},
};
use dossier::{
    Dossier, Procedure, Refusal,
    decide::{Act, Action, Happening, Statement, decide},
    dossier::Intake,
    event::Cause,
    evidence::{Document, Given},
    intake::{self, Submission},
    name::{AgencyCode, Digest, DossierCode, DossierId, EvidenceName},
    party::{Party, PartyRole},
    vault::{self, Finding},
};
use jiff::Timestamp;
use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, atomic::Ordering},
};

impl Turn {
    /// With room for so many jobs: to grow a turn's lists again and again costs more than what is in
    /// them.
    pub(super) fn of(jobs: usize) -> Self {
        Self {
            works: HashMap::with_capacity(jobs),
            pending: Vec::with_capacity(jobs),
            ..Self::default()
        }
    }

    /// The reply waits for what becomes of the dossier.
    fn wait(
        &mut self,
        id: DossierId,
        done: Result<Timestamp, Failure>,
        reply: Reply<Recorded>,
        now: Timestamp,
    ) {
        self.pending.push(match done {
            Ok(at) => Pending::Dossier {
                id,
                at,
                is_repeated: at != now,
                minted: None,
                system: "".into(),
                reply,
            },
            Err(failure) => Pending::Refusal {
                dossier: Some(id),
                failure,
                reply,
            },
        });
    }
}

impl Keeper {
    pub(super) fn apply(&mut self, turn: &mut Turn, job: Job) {
        let now = Timestamp::now();
        match job {
            Job::Submit {
                system,
                submit,
                reply,
            } => self.apply_submit(turn, system, submit, reply, now),
            Job::Report {
                system,
                item,
                reply,
            } => {
                let id = item.dossier_id;
                let done = self
                    .reported(turn, &system, *item, now)
                    .map_err(|failure| self.told(turn, failure, Some(id), now));
                turn.wait(id, done, reply, now);
            }
            Job::Happen {
                dossier: id,
                happening,
                asked,
                reply,
            } => {
                let (cause, action) = *happening;
                let done = self
                    .asked(turn, id, cause, action, asked, now)
                    .map_err(|failure| self.told(turn, failure, Some(id), now));
                turn.wait(id, done, reply, now);
            }
            Job::LeaseCodes {
                desk,
                count,
                request,
                reply,
            } => drop(reply.send(self.lease(&desk, count, request, now))),
            Job::Erase { dossiers, reply } => {
                drop(reply.send(self.erase(turn, dossiers, now)));
            }
            Job::Note { note, reply } => {
                if let Err(failure) = self.may_release(turn, &note.quarantines) {
                    drop(reply.send(Err(failure)));
                    return;
                }
                turn.batch.incidents.extend(note.incidents);
                turn.batch.attempts.extend(note.attempts);
                turn.batch.blobs.extend(note.blobs);
                turn.batch.timers.extend(note.timers);
                turn.batch.quarantines.extend(note.quarantines);
                turn.batch.suspensions.extend(note.suspensions);
                turn.batch.audits.extend(note.audits);
                turn.pending.push(Pending::Note { reply });
            }
            Job::BeginEpoch { reply } => drop(reply.send(self.begin_epoch(now))),
        }
    }

    fn apply_submit(
        &mut self,
        turn: &mut Turn,
        system: Arc<str>,
        submit: Box<Submit>,
        reply: Reply<Recorded>,
        now: Timestamp,
    ) {
        let id = DossierId::derive(&system, &submit.submission.key);
        match self.submitted(turn, id, &system, &submit, now) {
            Ok((at, minted)) => turn.pending.push(Pending::Dossier {
                id,
                at,
                is_repeated: at != now,
                minted: minted.then_some(submit),
                system,
                reply,
            }),
            Err(failure) => {
                let failure = self.told(turn, failure, None, now);
                turn.pending.push(Pending::Refusal {
                    dossier: Some(id),
                    failure,
                    reply,
                });
            }
        }
    }

    /// What is being changed in this turn is not erased: the next time.
    fn erase(
        &mut self,
        turn: &Turn,
        mut dossiers: Vec<DossierId>,
        now: Timestamp,
    ) -> Result<Vec<Erased>, Failure> {
        dossiers.retain(|id| !turn.works.contains_key(id));
        match self.means.store.erase(&dossiers, now) {
            Ok(erased) => {
                for one in &erased {
                    self.means.hot.forget(&one.dossier_id);
                }
                Ok(erased)
            }
            Err(error) => {
                self.means.hot.clear();
                Err(self.failed(error))
            }
        }
    }

    fn begin_epoch(&mut self, now: Timestamp) -> Result<Origin, Failure> {
        match self.means.store.begin_epoch(now) {
            Ok(origin) => {
                self.codes.forget();
                self.condition.epoch.store(origin.epoch, Ordering::Relaxed);
                Ok(origin)
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    /// What a store that failed between two commits means: it passes, or the process must end.
    fn failed(&mut self, error: StoreError) -> Failure {
        let failure = Failure::Storage(error.to_string());
        match error {
            StoreError::Doubt(_) => return Failure::Doubt,
            error if error.passes() => self.troubled(&error),
            error => self.fatal = Some(error),
        }
        failure
    }

    /// Some refusals are also something that a person must look at.
    fn told(
        &self,
        turn: &mut Turn,
        failure: Failure,
        dossier_id: Option<DossierId>,
        at: Timestamp,
    ) -> Failure {
        let (cause, vi, en) = match &failure {
            Failure::Refused(Refusal::IdReused) => (
                &causes::ID_REUSED,
                "Một hệ thống gửi lại mã cũ với nội dung khác. Kiểm tra phần mềm của hệ thống đó.",
                "a system used an id again with other content; look at that system's software",
            ),
            Failure::Refused(Refusal::ReturnLimit { .. }) => (
                &causes::RETURN_LIMIT,
                "Giấy tờ đã được trả lại nhiều lần. Cần người có thẩm quyền quyết định.",
                "evidence went back as often as it may; a person must decide",
            ),
            _ => return failure,
        };
        let key = IncidentKey {
            cause: cause.word.to_owned(),
            dossier_id,
            step: None,
            agency: None,
        };
        turn.batch.incidents.push(IncidentChange::Happened {
            key,
            vi: vi.to_owned(),
            en: en.to_owned(),
            at,
        });
        failure
    }

    /// The dossier as this turn has it so far.
    fn work<'t>(
        &mut self,
        turn: &'t mut Turn,
        id: DossierId,
    ) -> Result<Option<&'t mut Work>, Failure> {
        if let Entry::Vacant(place) = turn.works.entry(id) {
            match self.means.hot.read(self.reader.as_ref(), &id) {
                Ok(None) => return Ok(None),
                Ok(Some(Committed {
                    is_erased: true, ..
                })) => return Err(Failure::Erased),
                Ok(Some(Committed {
                    dossier, last_hash, ..
                })) => {
                    place.insert(Box::new(Work::new(dossier, Some(last_hash))));
                }
                Err(LoadError::Quarantined(_)) => return Err(Failure::Quarantined),
                Err(LoadError::Unreadable(why)) => {
                    tracing::error!(dossier_id = %id, %why, "a dossier cannot be read; quarantined");
                    quarantine(&mut turn.batch, id, why.to_string(), Timestamp::now());
                    return Err(Failure::Quarantined);
                }
                Err(LoadError::Store(error)) => return Err(Failure::Storage(error.to_string())),
            }
        }
        Ok(turn.works.get_mut(&id).map(|work| &mut **work))
    }

    fn submitted(
        &mut self,
        turn: &mut Turn,
        id: DossierId,
        system: &Arc<str>,
        submit: &Submit,
        at: Timestamp,
    ) -> Result<(Timestamp, bool), Failure> {
        let key = &submit.submission.key;
        if let Some(work) = self.work(turn, id)? {
            let sent = (Arc::clone(system), key.clone());
            let seen = work.dossier.seen.get(&sent);
            return match seen {
                Some(seen) if seen.digest == submit.digest => Ok((seen.at, false)),
                _ => Err(Refusal::IdReused.into()),
            };
        }
        if self.is_suspended(submit) {
            return Err(Failure::Suspended);
        }
        let mut submission = submit.submission.clone();
        let registry = &self.means.registry;
        let rulebook = registry
            .rules_now(&submit.procedure_code, &submission.territory, at)
            .ok_or(Failure::UnknownProcedure)?;
        let rules = rulebook.rules();
        submission.vault = self.findings(&submission.parties, rules.procedure)?;
        // Checked before a code is taken, so that a submit that is refused costs none.
        match submit.receive {
            true => intake::check_complete(&submission, rules, at)?,
            false => intake::check(&submission, rules, at)?,
        }
        let Submission { desk, evidence, .. } = &submission;
        self.pin(turn, system, desk, &id, evidence, at)?;
        let (code, minted) = self.code(turn, submit, at)?;
        let cause = Cause {
            system: Arc::clone(system),
            item_id: key.clone(),
            digest: submit.digest,
            claimed_at: submission.filed_at,
        };
        let begin = match submit.receive {
            true => intake::receive,
            false => intake::file,
        };
        let decided = begin(id, code, submission, cause, rules, at)?;
        let mut work = Box::new(Work::new(Arc::new(decided.dossier.clone()), None));
        work.know(
            self.means
                .persons
                .of_parties(&decided.dossier.received.parties),
        );
        work.take(None, decided, rules.procedure);
        turn.works.insert(id, work);
        Ok((at, minted))
    }

    /// Whether of its procedure no new dossier is taken.
    fn is_suspended(&self, submit: &Submit) -> bool {
        // What a restored broker lost was taken once: its citizen has a receipt.
        let was_taken = self.condition.was_restored() && submit.code.is_some();
        !was_taken && self.means.suspensions.is_procedure(&submit.procedure_code)
    }

    /// What the vaults of these parties have of what the procedure may take from there: the owner's
    /// first, the newest first.
    fn findings(&self, parties: &[Party], procedure: &Procedure) -> Result<Vec<Finding>, Failure> {
        let reusable = procedure
            .text
            .evidence
            .iter()
            .filter(|(_, kind)| kind.reuse);
        let names: Vec<EvidenceName> = reusable.map(|(name, _)| name.clone()).collect();
        let mut found = Vec::new();
        if names.is_empty() {
            return Ok(found);
        }
        let owner = parties
            .iter()
            .find(|party| party.roles.contains(&PartyRole::Owner));
        let of = |role| {
            parties
                .iter()
                .filter(move |party| party.roles.contains(&role))
        };
        let subjects = of(PartyRole::Subject).filter(|one| !one.roles.contains(&PartyRole::Owner));
        for party in of(PartyRole::Owner).chain(subjects) {
            if party.identifiers.is_empty() {
                continue;
            }
            let of_party = self
                .reader
                .vault_of(&party.identifiers, &names)
                .map_err(|error| Failure::Storage(error.to_string()))?;
            // Whom it is about must be said where it is not the owner.
            let is_owner = owner.is_some_and(|owner| owner.id == party.id);
            let subject = (!is_owner).then(|| party.id.clone());
            found.extend(of_party.into_iter().map(|mut one| {
                one.given.subject.clone_from(&subject);
                one
            }));
        }
        Ok(found)
    }

    fn code(
        &mut self,
        turn: &mut Turn,
        submit: &Submit,
        at: Timestamp,
    ) -> Result<(DossierCode, bool), Failure> {
        let desk = &submit.submission.desk;
        let directory = self.means.registry.directory();
        let Some(code) = &submit.code else {
            let store = self.means.store.as_mut();
            let given = self.codes.next(&directory, desk, at, store);
            return match given {
                Ok(code) => Ok((code, true)),
                Err(error) => Err(self.no_code(error)),
            };
        };
        let brought = codes::brought(&directory, desk, code, self.reader.as_ref());
        match brought.map_err(|error| Failure::Storage(error.to_string()))? {
            Brought::Leased => {}
            // What was leased after the copy was made that this store was restored from.
            Brought::NotKnownHere(lease) if self.condition.was_restored() => {
                turn.batch.code_leases.push(lease);
            }
            Brought::NotKnownHere(_) | Brought::NotTheirs => {
                return Err(Refusal::CodeTaken.into());
            }
        }
        Ok((code.clone(), false))
    }

    fn lease(
        &mut self,
        desk: &AgencyCode,
        count: u32,
        request: Digest,
        at: Timestamp,
    ) -> Result<Vec<DossierCode>, Failure> {
        let directory = self.means.registry.directory();
        let store = self.means.store.as_mut();
        let leased = self
            .codes
            .lease(&directory, desk, count, request, at, store);
        leased.map_err(|error| self.no_code(error))
    }

    fn no_code(&mut self, error: CodesError) -> Failure {
        match error {
            CodesError::Store(error) => self.failed(error),
            CodesError::OtherLease => Refusal::IdReused.into(),
            CodesError::Pattern(error) => {
                tracing::error!(%error, "no dossier code can be given");
                Failure::NoCode(error)
            }
        }
    }

    /// Naming a document needs that this system uploaded it, or that its agency was given it here.
    /// What is named stays until the turn is over.
    fn pin(
        &self,
        turn: &mut Turn,
        system: &str,
        agency: &AgencyCode,
        dossier: &DossierId,
        given: &[Given],
        at: Timestamp,
    ) -> Result<(), Failure> {
        for (n, one) in given.iter().enumerate() {
            for (m, document) in one.documents.iter().enumerate() {
                let Document {
                    digest, size_bytes, ..
                } = document;
                match self.means.documents.check_named(
                    system,
                    agency,
                    dossier,
                    digest,
                    *size_bytes,
                    at,
                ) {
                    Ok(pin) => turn.pins.push(pin),
                    Err(CheckError::NotYours) => {
                        let field = format!("evidence[{n}].documents[{m}]");
                        return Err(Failure::DocumentNotYours { field });
                    }
                    Err(error @ CheckError::Unread(_)) => {
                        return Err(Failure::Storage(error.to_string()));
                    }
                }
            }
        }
        Ok(())
    }

    fn reported(
        &mut self,
        turn: &mut Turn,
        system: &Arc<str>,
        item: ReportItem,
        at: Timestamp,
    ) -> Result<Timestamp, Failure> {
        let ReportItem {
            item_id,
            digest,
            dossier_id,
            claimed_at,
            report,
        } = item;
        let Some(work) = self.work(turn, dossier_id)? else {
            return Err(Failure::UnknownDossier);
        };
        if !work.dossier.concerns(report.agency.as_str()) {
            return Err(Failure::UnknownDossier);
        }
        #[cfg(feature = "faults")]
        let item_id = match node::breakage::is("take a repeated report for a new one")
            && work
                .dossier
                .seen
                .contains_key(&(Arc::clone(system), item_id.clone()))
        {
            true => format!("{:032x}", rand::random::<u128>())
                .parse()
                .unwrap_or(item_id),
            false => item_id,
        };
        let cause = Cause {
            system: Arc::clone(system),
            item_id,
            digest,
            claimed_at,
        };
        self.happened(turn, dossier_id, Some(cause), Action::Report(report), at)
    }

    /// What an operator wants is recorded together with who wanted it.
    fn asked(
        &mut self,
        turn: &mut Turn,
        id: DossierId,
        cause: Option<Cause>,
        action: Action,
        asked: Option<Box<Asked>>,
        at: Timestamp,
    ) -> Result<Timestamp, Failure> {
        let Some(asked) = asked else {
            return self.happened(turn, id, cause, action, at);
        };
        let before = match self.work(turn, id)? {
            Some(work) => Arc::clone(&work.dossier),
            None => return Err(Failure::UnknownDossier),
        };
        let done = self.happened(turn, id, cause, action, at)?;
        if let Some(work) = turn.works.get_mut(&id)
            && work.dossier.sequence != before.sequence
        {
            let audit = Audit {
                at,
                operator: asked.operator,
                via: asked.via,
                call: asked.call.to_owned(),
                dossier_id: Some(id),
                subject: asked.subject,
                reason: asked.reason,
                before: (asked.describe)(&before),
                after: (asked.describe)(&work.dossier),
            };
            work.audit(audit);
        }
        Ok(done)
    }

    /// A dossier that is to go on must be stopped still: nothing of it is under way in this turn, and nobody
    /// has let it go on before.
    fn may_release(&self, turn: &Turn, quarantines: &[Quarantine]) -> Result<(), Failure> {
        for one in quarantines.iter().filter(|one| one.why.is_none()) {
            let id = &one.dossier_id;
            let row = self.reader.dossier(id);
            let row = row.map_err(|error| Failure::Storage(error.to_string()))?;
            let is_stopped = row.is_some_and(|row| row.quarantined.is_some());
            let is_touched = turn.works.contains_key(id)
                || turn
                    .batch
                    .quarantines
                    .iter()
                    .any(|other| other.dossier_id == *id);
            if !is_stopped || is_touched {
                return Err(Failure::NotQuarantined);
            }
            self.means.hot.forget(id);
        }
        Ok(())
    }

    fn happened(
        &mut self,
        turn: &mut Turn,
        id: DossierId,
        cause: Option<Cause>,
        action: Action,
        at: Timestamp,
    ) -> Result<Timestamp, Failure> {
        let Some(work) = self.work(turn, id)? else {
            return Err(Failure::UnknownDossier);
        };
        let before = work.dossier.clone();
        let is_repetition = cause
            .as_ref()
            .is_some_and(|cause| before.seen.contains_key(&cause.sent()));
        let registry = &self.means.registry;
        let rulebook = match &action {
            // A dossier follows the rules that are in force when it is received.
            Action::Act(Act::Accept { .. }) if before.intake == Intake::Filed && !is_repetition => {
                let received = &before.received;
                registry
                    .rules_now(received.procedure.as_str(), &received.territory, at)
                    .ok_or(Failure::UnknownProcedure)?
            }
            Action::AdoptCalendar { .. } => registry
                .rules_with_calendar_now(&before)
                .ok_or(Failure::Quarantined)?,
            _ => registry.rules_of(&before).ok_or(Failure::Quarantined)?,
        };
        let rules = rulebook.rules();
        let asker = asker(&action, &before);
        let mut vault = Vec::new();
        if !is_repetition {
            if let Some(cause) = &cause {
                let given = named_evidence(&action);
                self.pin(turn, &cause.system, &asker, &id, given, at)?;
            }
            if may_ask_the_citizen(&action) {
                let parties = vault::parties(&before, rules.procedure);
                vault = self.findings(&parties, rules.procedure)?;
            }
        }
        let asked_by = match may_ask_the_citizen(&action) {
            true => cause.clone(),
            false => None,
        };
        let happening = Happening {
            at,
            cause,
            vault: vault.clone(),
            action,
        };
        let (decided, refusal) = match decide(&before, rules, happening) {
            Err(Refusal::SupplementDenied { step, denials }) => {
                // The sender is refused, and what should have come first is done now.
                let noted = Happening {
                    at,
                    cause: asked_by,
                    vault,
                    action: Action::Deny {
                        step: step.clone(),
                        agency: asker,
                        denials: denials.clone(),
                    },
                };
                let refusal = Refusal::SupplementDenied { step, denials };
                (decide(&before, rules, noted)?, Some(refusal))
            }
            decided => (decided?, None),
        };
        let decided_at = decided.at;
        if !decided.entries.is_empty()
            && let Some(work) = turn.works.get_mut(&id)
        {
            let has_closed = before.closed_at.is_none() && decided.dossier.closed_at.is_some();
            if has_closed {
                // With the numbers that its steps gave, such as a newborn's.
                let parties = vault::parties(&decided.dossier, rules.procedure);
                work.know(self.means.persons.of_parties(&parties));
            }
            work.take(Some(&before), decided, rules.procedure);
        }
        match refusal {
            Some(refusal) => Err(refusal.into()),
            None => Ok(decided_at),
        }
    }
}

/// Who does it: the department that reports, or the receiving desk.
fn asker(action: &Action, dossier: &Dossier) -> AgencyCode {
    match action {
        Action::Report(report) => report.agency.clone(),
        _ => dossier.received.desk.clone(),
    }
}

/// The evidence that it names, with documents that must be the sender's to name.
fn named_evidence(action: &Action) -> &[Given] {
    match action {
        Action::Report(report) => match &report.statement {
            Statement::Completed { evidence, .. } | Statement::Correction { evidence, .. } => {
                evidence
            }
            Statement::LookedUp { evidence, .. } => evidence.as_slice(),
            _ => &[],
        },
        Action::Act(Act::AnswerSupplement { evidence, .. }) => evidence,
        Action::Act(Act::GiveConsent { evidence, .. }) => std::slice::from_ref(evidence),
        _ => &[],
    }
}

/// Whether the vault must be looked into before it is decided.
fn may_ask_the_citizen(action: &Action) -> bool {
    match action {
        Action::Report(report) => matches!(report.statement, Statement::Supplement { .. }),
        Action::Act(act) => matches!(act, Act::Accept { .. } | Act::RequestSupplement { .. }),
        _ => false,
    }
}
