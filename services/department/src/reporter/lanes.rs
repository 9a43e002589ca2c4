//! Order where order matters: what a department says of one step goes out one after the other, of
//! different steps side by side.

use crate::store::Waiting;
use contract::v1::item::Kind;
use std::collections::{HashMap, VecDeque};

/// A dossier and a step.
type Step = (String, String);

/// The reports that were read from the outbox and are not answered yet.
#[derive(Default)]
pub(super) struct Lanes {
    /// The steps of which one report is under way, and what waits behind it.
    behind: HashMap<Step, VecDeque<Waiting>>,
    /// The step of each report that is under way.
    under_way: HashMap<String, Step>,
    waiting: usize,
}

impl Lanes {
    /// How many reports are in the lanes.
    pub(super) fn len(&self) -> usize {
        self.under_way.len() + self.waiting
    }

    /// Takes in a report; gives it back when it may go at once.
    pub(super) fn enter(&mut self, report: Waiting) -> Option<Waiting> {
        let step = step_of(&report);
        if self.under_way.contains_key(&report.item.item_id) {
            return None;
        }
        if let Some(behind) = self.behind.get_mut(&step) {
            self.waiting += 1;
            behind.push_back(report);
            return None;
        }
        self.behind.insert(step.clone(), VecDeque::new());
        self.under_way.insert(report.item.item_id.clone(), step);
        Some(report)
    }

    /// A report has its last word; gives the next of its step.
    pub(super) fn leave(&mut self, item_id: &str) -> Option<Waiting> {
        let step = self.under_way.remove(item_id)?;
        let Some(next) = self.behind.get_mut(&step)?.pop_front() else {
            self.behind.remove(&step);
            return None;
        };
        self.waiting -= 1;
        self.under_way.insert(next.item.item_id.clone(), step);
        Some(next)
    }
}

fn step_of(report: &Waiting) -> Step {
    match &report.item.kind {
        Some(Kind::Report(r)) => (r.dossier_id.clone(), r.step_id.clone()),
        _ => (report.item.item_id.clone(), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::v1;

    fn report(item_id: &str, step_id: &str) -> Waiting {
        let report = v1::Report {
            step_id: step_id.into(),
            ..Default::default()
        };
        let item = v1::Item {
            item_id: item_id.into(),
            kind: Some(Kind::Report(report)),
        };
        Waiting {
            sequence: 0,
            dossier_code: String::new(),
            item,
        }
    }

    #[test]
    fn reports_of_one_step_go_one_after_the_other_and_others_beside_them() {
        let mut lanes = Lanes::default();
        assert!(lanes.enter(report("a1", "a")).is_some());
        assert!(lanes.enter(report("a2", "a")).is_none());
        assert!(
            lanes.enter(report("a1", "a")).is_none(),
            "it is under way already"
        );
        assert!(lanes.enter(report("b1", "b")).is_some());
        assert_eq!(lanes.len(), 3);
        assert_eq!(lanes.leave("a1").unwrap().item.item_id, "a2");
        assert!(lanes.leave("a2").is_none() && lanes.leave("b1").is_none());
        assert_eq!(lanes.len(), 0);
        assert!(lanes.enter(report("a3", "a")).is_some());
    }
}
