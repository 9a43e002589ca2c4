//! Incidents being tried again: what came of each, as it comes.

use crate::{line::Caller, trouble::Trouble};
use contract::v1::{Incident, RedriveIncidentsRequest, RedriveIncidentsResponse};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::watch;

/// Incidents that one request may name; the contract's.
pub(crate) const INCIDENTS_MAX: usize = 500;
/// Rounds of trying again that a session keeps; of more, the oldest goes.
const KEPT_MAX: usize = 8;

/// What a session tries again.
#[derive(Debug, Default)]
pub(crate) struct Redrives {
    kept: Mutex<VecDeque<Arc<Redrive>>>,
    last: AtomicU64,
}

/// One round of trying again.
#[derive(Debug)]
pub(crate) struct Redrive {
    pub(crate) number: u64,
    pub(crate) reason: String,
    pub(crate) incidents: Vec<Chosen>,
    progress: watch::Sender<Progress>,
}

/// An incident that was chosen, as it was known then.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    pub(crate) id: String,
    /// None when it was not among those that were listed.
    pub(crate) incident: Option<Incident>,
}

/// How far it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    pub(crate) results: Vec<RedriveIncidentsResponse>,
    pub(crate) is_over: bool,
    /// Why it ended early.
    pub(crate) trouble: Option<Trouble>,
}

impl Redrives {
    /// Begins to try these again, and gives the number of it.
    pub(crate) fn begin(&self, caller: Caller, incidents: Vec<Chosen>, reason: String) -> u64 {
        let number = 1 + self.last.fetch_add(1, Ordering::Relaxed);
        let redrive = Arc::new(Redrive {
            number,
            reason,
            incidents,
            progress: watch::Sender::default(),
        });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(redrive.clone());
        tokio::spawn(async move { redrive.run(caller).await });
        number
    }

    pub(crate) fn find(&self, number: u64) -> Option<Arc<Redrive>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|one| one.number == number).cloned()
    }
}

impl Redrive {
    async fn run(&self, caller: Caller) {
        let request = RedriveIncidentsRequest {
            incident_ids: self.incidents.iter().map(|one| one.id.clone()).collect(),
            reason: self.reason.clone(),
        };
        let trouble = self.follow(caller, request).await.err();
        self.progress.send_modify(|progress| {
            progress.is_over = true;
            progress.trouble = trouble;
        });
    }

    async fn follow(
        &self,
        caller: Caller,
        request: RedriveIncidentsRequest,
    ) -> Result<(), Trouble> {
        let mut results = caller.redrive_incidents(request).await?;
        while let Some(result) = results.message().await? {
            let known = |progress: &Progress| {
                let mut known = progress.results.iter();
                known.any(|one| one.incident_id == result.incident_id)
            };
            self.progress.send_modify(|progress| {
                if progress.results.len() < INCIDENTS_MAX && !known(progress) {
                    progress.results.push(result.clone());
                }
            });
        }
        Ok(())
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}
