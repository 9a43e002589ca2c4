//! Boards: what the ledger has just committed for a department, so that its courier need not read it
//! from the store. To forget it loses nothing: the truth is in the store.

use crate::store::OwedRow;
use dashmap::DashMap;
use dossier::name::{AgencyCode, DossierCode, DossierId};
use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// What a board holds; what comes on top of it is read from the store.
const FRESH_MAX: usize = 4_096;

/// Something owed to a department since the last commit.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// The dossier.
    pub dossier_id: DossierId,
    /// Its code.
    pub code: DossierCode,
    /// What is owed; due at the same microsecond as in the store.
    pub row: OwedRow,
}

/// What came since the last look.
#[derive(Debug)]
pub enum News {
    /// All of it.
    All(Vec<Fresh>),
    /// More than is on the board: read the store from the beginning.
    More,
}

/// One board for each department whose courier is at work. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Boards(Arc<DashMap<AgencyCode, Arc<Board>>>);

/// The board of a department.
#[derive(Debug)]
struct Board {
    posted: Mutex<Posted>,
    bell: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Posted {
    fresh: Vec<Fresh>,
    /// There is more than stands here.
    is_more: bool,
}

/// A courier's view of its board.
#[derive(Debug)]
pub struct Listener {
    board: Arc<Board>,
    bell: watch::Receiver<()>,
}

impl Boards {
    /// Posts what was committed for a department.
    pub fn post(&self, agency: &AgencyCode, fresh: Vec<Fresh>) {
        let Some(board) = self.0.get(agency) else {
            return;
        };
        let mut posted = board.posted();
        if posted.is_more {
            // It reads the store anyway.
        } else if posted.fresh.len() + fresh.len() > FRESH_MAX {
            *posted = Posted {
                fresh: Vec::new(),
                is_more: true,
            };
        } else {
            posted.fresh.extend(fresh);
        }
        drop(posted);
        board.bell.send_replace(());
    }

    /// Sends every courier to the store: something may have been committed that was not posted.
    pub fn send_to_the_store(&self) {
        for board in self.0.iter() {
            *board.posted() = Posted {
                fresh: Vec::new(),
                is_more: true,
            };
            board.bell.send_replace(());
        }
    }

    /// Looks at a department's board from now on. What was committed before is read from the store.
    pub fn listen(&self, agency: &AgencyCode) -> Listener {
        let board = self.0.entry(agency.clone()).or_insert_with(|| {
            Arc::new(Board {
                posted: Mutex::default(),
                bell: watch::Sender::new(()),
            })
        });
        Listener {
            bell: board.bell.subscribe(),
            board: Arc::clone(&board),
        }
    }
}

impl Board {
    fn posted(&self) -> MutexGuard<'_, Posted> {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Until something is posted that was not looked at. May be dropped while it waits.
    pub async fn posted(&mut self) {
        // Its board holds the sender.
        let _ = self.bell.changed().await;
    }

    /// Takes down what was posted.
    pub fn take(&mut self) -> News {
        self.bell.mark_unchanged();
        let posted = mem::take(&mut *self.board.posted());
        match posted.is_more {
            true => News::More,
            false => News::All(posted.fresh),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{OwedKind, conformance::named};
    use futures_util::FutureExt as _;
    use jiff::Timestamp;

    fn fresh() -> Fresh {
        Fresh {
            dossier_id: DossierId([1; 16]),
            code: named("H26.1-20261104-0000001"),
            row: OwedRow {
                kind: OwedKind::Handover,
                agency: Some(named("H26.2")),
                step: Some(named("residence")),
                notice: None,
                alarm: None,
                round: 1,
                due_at: Timestamp::UNIX_EPOCH,
            },
        }
    }

    #[test]
    fn what_is_posted_is_taken_down_once() {
        let boards = Boards::default();
        let agency = named("H26.2");
        boards.post(&agency, vec![fresh()]);
        let mut board = boards.listen(&agency);
        assert!(board.posted().now_or_never().is_none(), "nobody listened");
        boards.post(&agency, vec![fresh(), fresh()]);
        assert!(board.posted().now_or_never().is_some());
        assert!(matches!(board.take(), News::All(all) if all.len() == 2));
        assert!(board.posted().now_or_never().is_none());
        assert!(matches!(board.take(), News::All(all) if all.is_empty()));
    }

    #[test]
    fn more_than_a_board_holds_sends_to_the_store() {
        let boards = Boards::default();
        let agency = named("H26.2");
        let mut board = boards.listen(&agency);
        boards.post(&agency, vec![fresh(); FRESH_MAX]);
        boards.post(&agency, vec![fresh()]);
        boards.post(&agency, vec![fresh()]);
        assert!(matches!(board.take(), News::More));
        boards.post(&agency, vec![fresh()]);
        assert!(matches!(board.take(), News::All(all) if all.len() == 1));
    }
}
