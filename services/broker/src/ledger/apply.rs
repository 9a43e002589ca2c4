//! Applying: what each job does to copies of dossiers, before anything is committed.

use super::{
    Job, Recorded, Reply,
    change::Work,
    keeper::{Keeper, Pending, Turn, quarantine},
};
use crate::{
    codes::{self, Codes},
    documents::CheckError,
    failure::Failure,
    hot::{Committed, LoadError},
    store::{IncidentChange, IncidentKey, Origin, StoreError},
    wire::{ReportItem, Submit},
};
use dossier::{
    Decided, Refusal,
    decide::{Action, Happening, Statement, decide},
    event::Cause,
    evidence::{Document, Given},
    intake::{self, Submission},
    name::{AgencyCode, DossierCode, DossierId},
};
use jiff::Timestamp;
use std::{collections::hash_map::Entry, sync::atomic::Ordering};

impl Turn {
    /// The reply waits for what becomes of the dossier.
    fn wait(&mut self, id: DossierId, done: Result<Timestamp, Failure>, reply: Reply<Recorded>) {
        self.pending.push(match done {
            Ok(at) => Pending::Dossier {
                id,
                at,
                minted: None,
                system: String::new(),
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
                turn.wait(id, done, reply);
            }
            Job::Happen {
                dossier: id,
                happening,
                reply,
            } => {
                let (cause, action) = *happening;
                let happening = Happening {
                    at: now,
                    cause,
                    action,
                };
                let done = self.happened(turn, id, happening);
                turn.wait(id, done, reply);
            }
            Job::Note { note, reply } => {
                turn.batch.incidents.extend(note.incidents);
                turn.batch.attempts.extend(note.attempts);
                turn.batch.blobs.extend(note.blobs);
                turn.pending.push(Pending::Note { reply });
            }
            Job::BeginEpoch { reply } => drop(reply.send(self.begin_epoch(now))),
        }
    }

    fn apply_submit(
        &mut self,
        turn: &mut Turn,
        system: String,
        submit: Box<Submit>,
        reply: Reply<Recorded>,
        now: Timestamp,
    ) {
        let id = DossierId::derive(&system, &submit.submission.key);
        match self.submitted(turn, id, &system, &submit, now) {
            Ok((at, minted)) => turn.pending.push(Pending::Dossier {
                id,
                at,
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

    fn begin_epoch(&mut self, now: Timestamp) -> Result<Origin, Failure> {
        match self.means.store.begin_epoch(now) {
            Ok(origin) => {
                self.codes = Codes::default();
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
                "ID_REUSED",
                "Một hệ thống gửi lại mã cũ với nội dung khác. Kiểm tra phần mềm của hệ thống đó.",
                "a system used an id again with other content; look at that system's software",
            ),
            Failure::Refused(Refusal::ReturnLimit { .. }) => (
                "RETURN_LIMIT",
                "Giấy tờ đã được trả lại nhiều lần. Cần người có thẩm quyền quyết định.",
                "evidence went back as often as it may; a person must decide",
            ),
            _ => return failure,
        };
        let key = IncidentKey {
            cause: cause.to_owned(),
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
                Ok(Some(Committed { dossier, last_hash })) => {
                    place.insert(Work::new((*dossier).clone(), Some(last_hash)));
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
        Ok(turn.works.get_mut(&id))
    }

    fn submitted(
        &mut self,
        turn: &mut Turn,
        id: DossierId,
        system: &str,
        submit: &Submit,
        at: Timestamp,
    ) -> Result<(Timestamp, bool), Failure> {
        let key = &submit.submission.key;
        if let Some(work) = self.work(turn, id)? {
            let seen = work.dossier.seen.get(&(system.to_owned(), key.clone()));
            return match seen {
                Some(seen) if seen.digest == submit.digest => Ok((seen.at, false)),
                _ => Err(Refusal::IdReused.into()),
            };
        }
        let procedures = self.means.registry.procedures();
        let procedure = procedures
            .in_force(&submit.procedure_code, at)
            .ok_or(Failure::UnknownProcedure)?;
        let directory = self.means.registry.directory();
        // Checked before a code is taken, so that a wrong submit costs none.
        intake::check(&submit.submission, procedure, &directory, at)?;
        let Submission { desk, evidence, .. } = &submit.submission;
        self.pin(turn, system, desk, &id, evidence, at)?;
        let (code, minted) = self.code(submit, at)?;
        let cause = Cause {
            system: system.to_owned(),
            item_id: key.clone(),
            digest: submit.digest,
            claimed_at: submit.submission.filed_at,
        };
        let decided = intake::receive(
            id,
            code,
            submit.submission.clone(),
            cause,
            procedure,
            &directory,
            at,
        )?;
        let mut work = Work::new(decided.dossier.clone(), None);
        work.take(None, &decided.entries, decided.dossier);
        turn.works.insert(id, work);
        Ok((at, minted))
    }

    fn code(&mut self, submit: &Submit, at: Timestamp) -> Result<(DossierCode, bool), Failure> {
        let desk = &submit.submission.desk;
        match &submit.code {
            Some(code) if codes::is_of(desk, code) => return Ok((code.clone(), false)),
            Some(_) => return Err(Refusal::CodeTaken.into()),
            None => {}
        }
        let store = self.means.store.as_mut();
        match self.codes.next(desk, at, store) {
            Ok(code) => Ok((code, true)),
            Err(error) => Err(self.failed(error)),
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
        system: &str,
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
        if let Statement::Completed { evidence, .. } | Statement::Correction { evidence, .. } =
            &report.statement
        {
            let is_repetition = work
                .dossier
                .seen
                .contains_key(&(system.to_owned(), item_id.clone()));
            if !is_repetition {
                self.pin(turn, system, &report.agency, &dossier_id, evidence, at)?;
            }
        }
        let cause = Cause {
            system: system.to_owned(),
            item_id,
            digest,
            claimed_at,
        };
        let happening = Happening {
            at,
            cause: Some(cause),
            action: Action::Report(report),
        };
        self.happened(turn, dossier_id, happening)
    }

    fn happened(
        &mut self,
        turn: &mut Turn,
        id: DossierId,
        happening: Happening,
    ) -> Result<Timestamp, Failure> {
        let procedures = self.means.registry.procedures();
        let Some(work) = self.work(turn, id)? else {
            return Err(Failure::UnknownDossier);
        };
        let procedure = procedures
            .version(&work.dossier.received.procedure_digest)
            .ok_or(Failure::Quarantined)?;
        let Decided {
            dossier,
            entries,
            at,
            ..
        } = decide(&work.dossier, procedure, happening)?;
        if !entries.is_empty() {
            let before = work.dossier.clone();
            work.take(Some(&before), &entries, dossier);
        }
        Ok(at)
    }
}
