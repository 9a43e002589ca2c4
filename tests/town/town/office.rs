//! A department whose clerk answers what the test says, when the test says.

use super::{birth::proper_answer, patience::patiently};
use async_trait::async_trait;
use contract::v1;
use department::{Answer, Handler, HandlerError, Said, Work};
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

type Rule = Arc<dyn Fn(&v1::Handover) -> Option<Vec<Said>> + Send + Sync>;

/// The clerk of an office: answers properly at once unless told otherwise. Cheap to clone; all
/// clones are the same clerk, over all lives of the office.
#[derive(Clone)]
pub(crate) struct Clerk(Arc<Desk>);

struct Desk {
    works: watch::Sender<bool>,
    rules: Mutex<Vec<Rule>>,
    given: watch::Sender<Vec<v1::Handover>>,
    told: watch::Sender<Vec<v1::DepartmentNotice>>,
    /// Rounds that are being done.
    under_way: watch::Sender<usize>,
}

/// Counts a round as under way until it is answered or put down.
struct UnderWay<'a>(&'a Desk);

impl<'a> UnderWay<'a> {
    fn new(desk: &'a Desk) -> Self {
        desk.under_way.send_modify(|rounds| *rounds += 1);
        Self(desk)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|rounds| *rounds -= 1);
    }
}

impl Clerk {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Desk {
            works: watch::Sender::new(true),
            rules: Mutex::default(),
            given: watch::Sender::default(),
            told: watch::Sender::default(),
            under_way: watch::Sender::default(),
        }))
    }

    /// Leaves everything on the desk from now on.
    pub(crate) fn rests(&self) {
        self.0.works.send_replace(false);
    }

    /// Does what lies on the desk, and what comes.
    pub(crate) fn works(&self) {
        self.0.works.send_replace(true);
    }

    /// Whether a round is being done.
    pub(crate) fn is_at_work(&self) -> bool {
        *self.0.under_way.borrow() > 0
    }

    /// Waits until no round is being done.
    pub(crate) async fn puts_down_everything(&self) {
        let mut rounds = self.0.under_way.subscribe();
        let none = patiently(
            "the clerk to put everything down",
            rounds.wait_for(|rounds| *rounds == 0),
        )
        .await;
        none.unwrap();
    }

    /// Answers rounds as `rule` says where it says something; the newest rule first.
    pub(crate) fn answers(
        &self,
        rule: impl Fn(&v1::Handover) -> Option<Vec<Said>> + Send + Sync + 'static,
    ) {
        self.0.rules.lock().unwrap().push(Arc::new(rule));
    }

    /// Every round that was given to the clerk, in order; one that a crash interrupted stands twice.
    pub(crate) fn rounds(&self) -> Vec<v1::Handover> {
        self.0.given.borrow().clone()
    }

    /// Waits until the clerk was told something that fits.
    pub(crate) async fn hears(
        &self,
        what: &str,
        fits: impl Fn(&v1::DepartmentNotice) -> bool,
    ) -> v1::DepartmentNotice {
        let mut told = self.0.told.subscribe();
        let told = patiently(what, told.wait_for(|told| told.iter().any(&fits)))
            .await
            .unwrap();
        told.iter().find(|notice| fits(notice)).cloned().unwrap()
    }

    /// Waits until the clerk has a round that fits.
    pub(crate) async fn gets(
        &self,
        what: &str,
        fits: impl Fn(&v1::Handover) -> bool,
    ) -> v1::Handover {
        let mut given = self.0.given.subscribe();
        let given = patiently(what, given.wait_for(|given| given.iter().any(&fits)))
            .await
            .unwrap();
        given
            .iter()
            .find(|handover| fits(handover))
            .cloned()
            .unwrap()
    }
}

#[async_trait]
impl Handler for Clerk {
    async fn handle(&self, work: Work) -> Result<Vec<Answer>, HandlerError> {
        let _under_way = UnderWay::new(&self.0);
        let handover = work.handover();
        self.0
            .given
            .send_modify(|given| given.push(handover.clone()));
        self.0.works.subscribe().wait_for(|works| *works).await?;
        let rules = self.0.rules.lock().unwrap().clone();
        let said = rules.iter().rev().find_map(|rule| rule(handover));
        let said = said.unwrap_or_else(|| proper_answer(handover));
        Ok(said.into_iter().map(Answer::from).collect())
    }

    async fn notified(&self, notice: v1::DepartmentNotice) -> Result<(), HandlerError> {
        self.0.told.send_modify(|told| told.push(notice));
        Ok(())
    }
}
