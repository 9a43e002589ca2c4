//! Couriers: one for each department. It hands over and tells what is owed, oldest due date first, within
//! the department's window, and lets the ledger know what became of it. Nothing is ever dropped.

mod list;
mod load;
mod made;
mod office;
mod opening;
mod outcome;
mod pace;
mod stream;
mod telling;
mod trouble;
mod unreachable;

pub use self::office::Office;

use self::{opening::OPEN_TIME_MAX, pace::Pace, trouble::Trouble};
use crate::{bell::Wish, board::Listener, standings::Page};
use dossier::name::AgencyCode;
use node::shutdown::Shutdown;
use tokio::sync::watch;

/// The courier of one department.
pub struct Courier {
    office: Office,
    agency: AgencyCode,
    owed: Listener,
    pace: Pace,
    wishes: watch::Receiver<Wish>,
    /// How often it was wished that everything is tried, and was.
    tried_all: u64,
    standing: Page,
    /// An incident may be open: of this process, or of the one before it.
    may_be_told: bool,
    is_unreachable: bool,
    /// The department has called since the last stream, or an operator wishes it: what rested is due.
    is_all_due: bool,
}

impl Courier {
    /// The courier of this department. Nothing is opened before something is owed.
    pub fn new(office: Office, agency: AgencyCode) -> Self {
        let belfry = &office.belfry;
        let (owed, called) = (belfry.owed.listen(&agency), belfry.called.listen(&agency));
        let mut wishes = belfry.wishes.listen(&agency);
        let tried_all = wishes.borrow_and_update().try_all;
        let standing = office.standings.page(&agency);
        Self {
            office,
            agency,
            owed,
            pace: Pace::new(called),
            wishes,
            tried_all,
            standing,
            may_be_told: true,
            is_unreachable: false,
            is_all_due: false,
        }
    }

    /// Works until the shutdown.
    pub async fn run(mut self, shutdown: Shutdown) {
        loop {
            tokio::select! {
                biased;
                () = shutdown.triggered() => return,
                trouble = self.work() => {
                    self.pace.failed();
                    let failures = self.pace.failures();
                    tracing::debug!(agency = %self.agency, %trouble, failures, "a courier could not go on");
                    self.standing.failed(failures, &trouble.to_string());
                    self.tell(&trouble).await;
                }
            }
            let pause = self.office.pause_after(self.pace.in_vain());
            tokio::select! {
                biased;
                () = shutdown.triggered() => return,
                () = self.is_woken() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// The department calls, or an operator wishes something, which is heeded always.
    async fn is_woken(&mut self) {
        tokio::select! {
            () = self.pace.call_to_heed() => self.is_all_due = true,
            () = heard(&mut self.wishes) => self.heed(),
        }
    }

    /// Takes note of what an operator wishes.
    fn heed(&mut self) {
        let wished = self.wishes.borrow_and_update().try_all;
        self.is_all_due |= std::mem::replace(&mut self.tried_all, wished) != wished;
    }

    fn is_suspended(&self) -> bool {
        self.office.suspensions.is_department(&self.agency)
    }

    fn is_anything_owed(&self) -> Result<bool, Trouble> {
        Ok(!self
            .office
            .reader
            .owed_for(&self.agency, None, 1)?
            .is_empty())
    }

    /// Opens a stream when something is owed, or an incident is to be ended, and works on it until it ends.
    async fn work(&mut self) -> Trouble {
        loop {
            while self.is_suspended() {
                heard(&mut self.wishes).await;
                self.heed();
            }
            // What was posted until now is read from the store.
            self.owed.take();
            match self.is_anything_owed() {
                Ok(true) => break,
                Ok(false) => {}
                Err(trouble) => return trouble,
            }
            match self.is_told_unreachable() {
                Ok(true) => break,
                Ok(false) => {}
                Err(trouble) => return trouble,
            }
            self.owed.posted().await;
        }
        #[cfg(feature = "faults")]
        if node::breakage::strikes("a courier falls") {
            panic!("a fault was asked for");
        }
        let opened = tokio::time::timeout(OPEN_TIME_MAX, self.open()).await;
        match opened.unwrap_or(Err(Trouble::Silent)) {
            Ok((with, connected, offers, settlements)) => {
                self.reached().await;
                self.hand_over(&with, connected, offers, settlements).await
            }
            Err(trouble) => trouble,
        }
    }
}

/// Until a bell is rung; never when nobody can ring it any more.
async fn heard<T>(bell: &mut watch::Receiver<T>) {
    if bell.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
