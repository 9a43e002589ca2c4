//! Incidents being tried again: what came of each, as it comes.

use crate::{line::Caller, trouble::Trouble, words::causes};
use contract::v1::{ListIncidentsRequest, RedriveIncidentsRequest, RedriveIncidentsResponse, Text};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::watch;

/// Incidents that one request may name; the contract's.
pub(crate) const REQUEST_MAX: usize = 500;
/// Incidents of one round of trying again.
pub(crate) const INCIDENTS_MAX: usize = 100_000;
/// Incidents of a round that its page shows.
pub(crate) const SHOWN_MAX: usize = 500;
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
    progress: watch::Sender<Progress>,
}

/// What to try again.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// These, by their ids.
    These(Vec<String>),
    /// All that are open of this cause.
    AllOf(String),
}

/// How far it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// How many are tried.
    pub(crate) incidents: u64,
    /// More are open, and not tried: a round has its bound.
    pub(crate) is_cut: bool,
    /// What came of how many.
    pub(crate) outcomes: HashMap<i32, u64>,
    pub(crate) is_over: bool,
    /// Why it ended early.
    pub(crate) trouble: Option<Trouble>,
    /// The first of them, in their order.
    first: Vec<String>,
    /// What came of the first of them.
    results: HashMap<String, Came>,
    /// Of which others nothing good came: the first of these.
    bad: Vec<(String, Came)>,
}

/// What came of one.
#[derive(Debug, Clone)]
pub(crate) struct Came {
    pub(crate) outcome: i32,
    pub(crate) text: Option<Text>,
}

impl Redrives {
    /// Begins to try these again, and gives the number of it.
    pub(crate) fn begin(&self, caller: Caller, wanted: Wanted, reason: String) -> u64 {
        let number = 1 + self.last.fetch_add(1, Ordering::Relaxed);
        let redrive = Arc::new(Redrive {
            number,
            reason,
            progress: watch::Sender::default(),
        });
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_MAX {
            kept.pop_front();
        }
        kept.push_back(redrive.clone());
        tokio::spawn(async move { redrive.run(caller, wanted).await });
        number
    }

    pub(crate) fn find(&self, number: u64) -> Option<Arc<Redrive>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|one| one.number == number).cloned()
    }
}

impl Redrive {
    async fn run(&self, caller: Caller, wanted: Wanted) {
        let trouble = self.try_all(&caller, wanted).await.err();
        self.progress.send_modify(|progress| {
            progress.is_over = true;
            progress.trouble = trouble;
        });
    }

    async fn try_all(&self, caller: &Caller, wanted: Wanted) -> Result<(), Trouble> {
        let ids = match wanted {
            Wanted::These(ids) => {
                self.progress.send_modify(|progress| progress.take(&ids));
                ids
            }
            Wanted::AllOf(cause) => self.list(caller, cause).await?,
        };
        for some in ids.chunks(REQUEST_MAX) {
            let request = RedriveIncidentsRequest {
                incident_ids: some.to_vec(),
                reason: self.reason.clone(),
            };
            let mut results = caller.redrive_incidents(request).await?;
            while let Some(result) = results.message().await? {
                self.progress.send_modify(|progress| progress.note(result));
            }
        }
        Ok(())
    }

    /// All that are open of a cause, before any is tried: what opens meanwhile was not meant.
    async fn list(&self, caller: &Caller, cause: String) -> Result<Vec<String>, Trouble> {
        let (mut ids, mut page_token) = (Vec::new(), String::new());
        loop {
            let request = ListIncidentsRequest {
                page_size: REQUEST_MAX as u32,
                page_token,
                cause: cause.clone(),
                ..ListIncidentsRequest::default()
            };
            let page = caller.list_incidents(request).await?;
            let mut more: Vec<_> = page
                .incidents
                .into_iter()
                .map(|one| one.incident_id)
                .collect();
            let room = INCIDENTS_MAX - ids.len();
            let is_cut =
                more.len() > room || (more.len() == room && !page.next_page_token.is_empty());
            more.truncate(room);
            self.progress.send_modify(|progress| {
                progress.take(&more);
                progress.is_cut = is_cut;
            });
            ids.append(&mut more);
            page_token = page.next_page_token;
            if is_cut || page_token.is_empty() {
                return Ok(ids);
            }
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }
}

impl Progress {
    /// These are tried, too.
    fn take(&mut self, ids: &[String]) {
        self.incidents += ids.len() as u64;
        let room = SHOWN_MAX - self.first.len();
        self.first.extend(ids.iter().take(room).cloned());
    }

    fn note(&mut self, result: RedriveIncidentsResponse) {
        let is_good = causes::is_good(result.outcome());
        let came = Came {
            outcome: result.outcome,
            text: result.text,
        };
        *self.outcomes.entry(came.outcome).or_default() += 1;
        if self.first.contains(&result.incident_id) {
            self.results.insert(result.incident_id, came);
        } else if !is_good && self.bad.len() < SHOWN_MAX {
            self.bad.push((result.incident_id, came));
        }
    }

    /// Of how many it is known what came of them.
    pub(crate) fn done(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// What a page shows: of which nothing good came, where it cannot show all, then the first of the others.
    pub(crate) fn shown(&self) -> Vec<(&str, Option<&Came>)> {
        let bad = self.bad.iter().map(|(id, came)| (id.as_str(), Some(came)));
        let first = self
            .first
            .iter()
            .map(|id| (id.as_str(), self.results.get(id)));
        bad.chain(first).take(SHOWN_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::v1::RedriveOutcome;

    #[test]
    fn of_more_than_a_page_shows_those_are_shown_of_which_nothing_good_came() {
        let ids: Vec<String> = (0..2 * SHOWN_MAX).map(|id| id.to_string()).collect();
        let mut progress = Progress::default();
        progress.take(&ids[..SHOWN_MAX / 2]);
        progress.take(&ids[SHOWN_MAX / 2..]);
        assert_eq!(progress.shown().len(), SHOWN_MAX);
        assert!(progress.shown().iter().all(|(_, came)| came.is_none()));
        for (at, id) in ids.iter().enumerate() {
            let outcome = match at {
                3 | 700 | 701 => RedriveOutcome::Failed,
                _ => RedriveOutcome::Tried,
            };
            progress.note(RedriveIncidentsResponse {
                incident_id: id.clone(),
                outcome: outcome.into(),
                text: None,
            });
        }
        let shown = progress.shown();
        assert_eq!((progress.incidents, progress.done()), (1_000, 1_000));
        assert_eq!(progress.outcomes[&RedriveOutcome::Failed.into()], 3);
        let first: Vec<_> = shown.iter().take(4).map(|(id, _)| *id).collect();
        assert_eq!(
            (shown.len(), first),
            (SHOWN_MAX, vec!["700", "701", "0", "1"])
        );
        assert!(shown.iter().all(|(_, came)| came.is_some()));
    }
}
