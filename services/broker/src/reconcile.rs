//! Reconciling: what a department holds, compared with what the broker believes. What the broker
//! believed held and the department did not name, or names another round for, is owed again: steps, look-ups and consultations alike.

use crate::{
    failure::Failure,
    hot::{Hot, LoadError},
    ledger::{Ledger, Note},
    registry::Registry,
    store::{Reader, StepCursor, StoreError},
};
use contract::v1::{self, HoldingState};
use dashmap::DashMap;
use dossier::{
    Dossier,
    decide::Action,
    dossier::{Stage, Step},
    handover::is_round,
    name::{AgencyCode, DossierId, Key, StepId},
};
use node::fault::Fault;
use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tonic::{Code, Status};

/// Holdings on one page.
const PAGE_HOLDINGS_MAX: usize = 500;
/// Holdings that one reconciliation may name.
const SESSION_HOLDINGS_MAX: usize = 1_000_000;
/// Ids of reports about one step that a page may name.
const ITEM_IDS_MAX: usize = 1_000;
/// Steps read at once.
const STEPS_READ_MAX: usize = 500;

/// A reconciliation under way.
#[derive(Debug)]
struct Session {
    id: String,
    next_page: u32,
    /// How long the log was.
    begun_position: u64,
    named: HashSet<(DossierId, StepId)>,
}

/// With which life of its store each department reconciled last, in this process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Lives(Arc<DashMap<AgencyCode, String>>);

impl Lives {
    /// Names a life of a department's store.
    pub fn name(store_id: &str, epoch: &str) -> String {
        format!("{store_id} {epoch}")
    }

    /// The life that reconciled last; none when none has.
    pub fn of(&self, agency: &AgencyCode) -> Option<String> {
        self.0.get(agency).map(|life| life.clone())
    }
}

/// Compares what both sides hold. One reconciliation a department at a time: a new one replaces an
/// unfinished one.
pub struct Reconciler {
    ledger: Ledger,
    reader: Arc<dyn Reader>,
    hot: Hot,
    registry: Registry,
    lives: Lives,
    sessions: DashMap<AgencyCode, Session>,
}

impl std::fmt::Debug for Reconciler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reconciler")
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

fn too_many(what: &'static str, max: usize) -> Status {
    Fault::new(
        Code::InvalidArgument,
        "INVALID_FIELDS",
        format!("at most {max} {what}"),
        format!("Nhiều nhất {max} {what}."),
    )
    .field(what, format!("must be at most {max}"))
    .into_status()
}

fn unreadable(error: &dyn std::fmt::Display) -> Status {
    tracing::error!(%error, "reconciling could not read the store");
    Fault::new(
        Code::Unavailable,
        "STORAGE_UNAVAILABLE",
        "the store cannot be read at the moment; begin again shortly",
        "Chưa đọc được dữ liệu. Thử lại sau giây lát.",
    )
    .retry_after(Duration::from_secs(2))
    .into_status()
}

impl Reconciler {
    /// Reads from here, and lets the ledger know what it finds.
    pub fn new(ledger: Ledger, reader: Arc<dyn Reader>, hot: Hot, registry: Registry) -> Self {
        Self {
            ledger,
            reader,
            hot,
            registry,
            lives: Lives::default(),
            sessions: DashMap::new(),
        }
    }

    /// Who reconciled last.
    pub fn lives(&self) -> Lives {
        self.lives.clone()
    }

    /// Answers one page of a department's holdings; after the last page, everything that was
    /// believed held and not named is owed again.
    ///
    /// # Errors
    /// Too much on a page, or the store cannot be read.
    pub async fn page(
        &self,
        system: &str,
        agency: &AgencyCode,
        request: v1::ReconcileRequest,
    ) -> Result<v1::ReconcileResponse, Status> {
        if request.holdings.len() > PAGE_HOLDINGS_MAX {
            return Err(too_many("holdings", PAGE_HOLDINGS_MAX));
        }
        if request.page_number == 0 {
            self.close_with_others(agency, &request).await?;
        }
        let begun_position = self.turn_page(agency, &request)?;
        let mut verdicts = Vec::with_capacity(request.holdings.len());
        let mut named = Vec::new();
        for holding in &request.holdings {
            if holding.recorded_item_ids.len() > ITEM_IDS_MAX {
                return Err(too_many("recorded_item_ids", ITEM_IDS_MAX));
            }
            let (state, missing) = self
                .compare(system, agency, holding, begun_position)
                .await?;
            if state != HoldingState::Closed
                && let (Ok(dossier), Ok(step)) =
                    (holding.dossier_id.parse(), holding.step_id.parse())
            {
                named.push((dossier, step));
            }
            verdicts.push(v1::HoldingVerdict {
                dossier_id: holding.dossier_id.clone(),
                step_id: holding.step_id.clone(),
                state: state.into(),
                missing_item_ids: missing,
            });
        }
        {
            let Some(mut session) = self.session(agency, &request.session_id) else {
                return Err(again());
            };
            if session.named.len() + named.len() > SESSION_HOLDINGS_MAX {
                return Err(too_many("holdings of one session", SESSION_HOLDINGS_MAX));
            }
            session.named.extend(named);
        }
        let mut handed_over_anew = 0;
        if request.last {
            let (_, session) = self
                .sessions
                .remove_if(agency, |_, session| session.id == request.session_id)
                .ok_or_else(again)?;
            handed_over_anew = self.give_anew(agency, &session).await?;
        }
        Ok(v1::ReconcileResponse {
            verdicts,
            handed_over_anew,
            ..v1::ReconcileResponse::default()
        })
    }

    /// From now on nothing counts that an older life of the department's store acknowledged on a stream
    /// that is still open; and what it acknowledged before is recorded when this returns. Otherwise it
    /// would be recorded after the comparison has begun, and nobody would miss it.
    async fn close_with_others(
        &self,
        agency: &AgencyCode,
        request: &v1::ReconcileRequest,
    ) -> Result<(), Status> {
        let life = Lives::name(&request.store_id, &request.epoch);
        self.lives.0.insert(agency.clone(), life);
        let passed = self.ledger.note(Note::default()).await;
        passed
            .map(drop)
            .map_err(|failure| failure.fault().into_status())
    }

    /// The first page begins a reconciliation; every other one must follow the page before it, so
    /// that what a lost page named is not taken for lost. Gives how long the log was when it began.
    fn turn_page(
        &self,
        agency: &AgencyCode,
        request: &v1::ReconcileRequest,
    ) -> Result<u64, Status> {
        if request.page_number == 0 {
            let session = Session {
                id: request.session_id.clone(),
                next_page: 1,
                begun_position: self.ledger.condition().position.load(Ordering::Relaxed),
                named: HashSet::new(),
            };
            let begun_position = session.begun_position;
            self.sessions.insert(agency.clone(), session);
            return Ok(begun_position);
        }
        let mut session = self
            .session(agency, &request.session_id)
            .ok_or_else(again)?;
        if session.next_page != request.page_number {
            return Err(again());
        }
        session.next_page += 1;
        Ok(session.begun_position)
    }

    fn session(
        &self,
        agency: &AgencyCode,
        id: &str,
    ) -> Option<dashmap::mapref::one::RefMut<'_, AgencyCode, Session>> {
        self.sessions
            .get_mut(agency)
            .filter(|session| session.id == id)
    }

    async fn load(&self, id: DossierId) -> Result<Option<Arc<Dossier>>, Status> {
        match self.hot.read(self.reader.as_ref(), &id) {
            Ok(found) => Ok(found.map(|committed| committed.dossier)),
            Err(LoadError::Quarantined(_) | LoadError::Unreadable(_)) => Ok(None),
            Err(LoadError::Store(error)) => Err(unreadable(&error)),
        }
    }

    async fn compare(
        &self,
        system: &str,
        agency: &AgencyCode,
        holding: &v1::Holding,
        begun_position: u64,
    ) -> Result<(HoldingState, Vec<String>), Status> {
        let unknown = Ok((HoldingState::Unknown, Vec::new()));
        let (Ok(id), Ok(step_id)) = (
            holding.dossier_id.parse::<DossierId>(),
            holding.step_id.parse::<StepId>(),
        ) else {
            return unknown;
        };
        // A dossier that the department has no part in looks like one that is not known.
        let Some(dossier) = self
            .load(id)
            .await?
            .filter(|found| found.concerns(agency.as_str()))
        else {
            return unknown;
        };
        let Some(step) = dossier.steps.get(&step_id) else {
            return unknown;
        };
        if dossier.closed_at.is_some() {
            return Ok((HoldingState::Closed, Vec::new()));
        }
        let missing: Vec<String> = holding
            .recorded_item_ids
            .iter()
            .filter(|item_id| {
                let is_missing = |key| !dossier.seen.contains_key(&(system.into(), key));
                item_id.parse::<Key>().is_ok_and(is_missing)
            })
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Ok((HoldingState::ReportsMissing, missing));
        }
        let is_theirs = step.agency == *agency && step.is_departments();
        let is_another = !self.is_this_round(&dossier, &step_id, holding);
        if is_theirs
            && step.stage == Stage::Held
            && is_another
            && self.was_held(&dossier, step, begun_position)?
        {
            // It was restored from a copy that is older than the round it acknowledged, or this store
            // was, and the department put that round aside for a higher one, or has one of the same number
            // that asks something else, and whose report was taken for one of this: it is given again.
            let (step, round) = (step_id.clone(), step.round);
            self.tell(&dossier, Action::LoseHolding { step, round })
                .await?;
        }
        // The department is ahead: what brings this store up to it comes from others.
        if holding.round > step.round {
            return unknown;
        }
        if holding.round < step.round || step.agency != *agency {
            return Ok((HoldingState::Superseded, Vec::new()));
        }
        // Until it has ours it is asked again, and says nothing more of its own.
        if is_theirs && step.stage.is_open() && is_another {
            return unknown;
        }
        // What is owed is handed over although the department has it already: by that it says again what it
        // said of the round, which may have been refused before it was owed.
        Ok((HoldingState::Agreed, Vec::new()))
    }

    /// Whether a round that is held was held already when the log was so long. What was taken meanwhile was
    /// not there to be named. No clock is asked: it may have been set.
    fn was_held(
        &self,
        dossier: &Dossier,
        step: &Step,
        begun_position: u64,
    ) -> Result<bool, Status> {
        let then = self.reader.sequence_at(&dossier.id, begun_position);
        Ok(step.held_number <= then.map_err(|error| unreadable(&error))?)
    }

    /// Whether a department means the round that is owed or held here. One that names no handover means the
    /// number; without the dossier's rules nothing else can be said.
    fn is_this_round(&self, dossier: &Dossier, step: &StepId, holding: &v1::Holding) -> bool {
        let (round, id) = (holding.round, &holding.handover_id);
        let is_number = dossier.step(step).is_some_and(|step| step.round == round);
        match self.registry.rules_of(dossier) {
            Some(book) if !id.is_empty() => {
                let procedure = book.rules().procedure;
                let is_open = dossier.step(step).is_some_and(|step| step.stage.is_open());
                is_number && (!is_open || is_round(dossier, procedure, step, round, id))
            }
            _ => is_number,
        }
    }

    /// Lets the ledger know, and says whether it took it. A dossier that a person must look at first
    /// holds up no other, nor does a round that was lost too often.
    async fn tell(&self, dossier: &Dossier, action: Action) -> Result<bool, Status> {
        match self.ledger.happen(dossier.id, None, action).await {
            Ok(_) => Ok(true),
            Err(
                failure @ (Failure::Quarantined | Failure::UnknownDossier | Failure::Refused(_)),
            ) => {
                tracing::warn!(dossier_code = %dossier.code(), %failure, "a holding could not be recorded");
                Ok(false)
            }
            Err(failure) => Err(failure.fault().into_status()),
        }
    }

    /// Everything that we believed held when this reconciliation began, and that no page named, is
    /// owed again.
    async fn give_anew(&self, agency: &AgencyCode, session: &Session) -> Result<u32, Status> {
        let held = crate::wire::step_state(Stage::Held).into();
        let mut after: Option<StepCursor> = None;
        let mut anew = 0;
        loop {
            let steps = self
                .reader
                .steps_of(agency, &[held], after.as_ref(), STEPS_READ_MAX)
                .map_err(|error: StoreError| unreadable(&error))?;
            let Some(last) = steps.last() else {
                return Ok(anew);
            };
            after = Some(last.cursor);
            for found in steps {
                if session
                    .named
                    .contains(&(found.dossier_id, found.row.step.clone()))
                {
                    continue;
                }
                let Some(dossier) = self.load(found.dossier_id).await? else {
                    continue;
                };
                // What a desk or the citizen does is with no department.
                let Some(step) = dossier
                    .steps
                    .get(&found.row.step)
                    .filter(|step| step.is_departments())
                else {
                    continue;
                };
                let is_held = step.stage == Stage::Held;
                if !is_held || !self.was_held(&dossier, step, session.begun_position)? {
                    continue;
                }
                let (step, round) = (found.row.step, found.row.round);
                let lost = Action::LoseHolding { step, round };
                anew += u32::from(self.tell(&dossier, lost).await?);
            }
        }
    }
}

/// A page that follows none.
fn again() -> Status {
    Fault::new(
        Code::Aborted,
        "RECONCILE_AGAIN",
        "this page follows none that the broker knows; begin again with the first",
        "Trang này không nối tiếp trang nào đã nhận. Đối soát lại từ trang đầu.",
    )
    .retry_after(Duration::from_millis(200))
    .into_status()
}
