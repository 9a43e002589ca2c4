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
}

impl Clerk {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Desk {
            works: watch::Sender::new(true),
            rules: Mutex::default(),
            given: watch::Sender::default(),
            told: watch::Sender::default(),
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
