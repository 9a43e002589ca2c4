//! Order where order matters: what a department says of one step goes out one after the other, of
//! different steps side by side.

use crate::store::Waiting;
use contract::v1::item::Kind;
use std::collections::{BTreeMap, HashMap};

/// A dossier and a step.
type Step = (String, String);

/// The reports that were read from the outbox and are not answered yet.
#[derive(Default)]
pub(super) struct Lanes {
    /// The steps of which one report is under way, and what waits with it, in the outbox's order.
    behind: HashMap<Step, BTreeMap<i64, Waiting>>,
    /// The step of each report that is under way.
    under_way: HashMap<String, Step>,
    waiting: usize,
}

impl Lanes {
    /// How many reports are in the lanes.
    pub(super) fn len(&self) -> usize {
        self.under_way.len() + self.waiting
    }

    /// Takes in a report, once however often it is read; gives it back when it may go at once.
    pub(super) fn enter(&mut self, report: Waiting) -> Option<Waiting> {
        let step = step_of(&report);
        if self.under_way.contains_key(&report.item.item_id) {
            return None;
        }
        if let Some(behind) = self.behind.get_mut(&step) {
            if behind.insert(report.sequence, report).is_none() {
                self.waiting += 1;
            }
            return None;
        }
        self.behind.insert(step.clone(), BTreeMap::new());
        self.under_way.insert(report.item.item_id.clone(), step);
        Some(report)
    }

    /// A report has its last word; gives the next of its step.
    pub(super) fn leave(&mut self, item_id: &str) -> Option<Waiting> {
        let step = self.under_way.remove(item_id)?;
        let Some((_, next)) = self.behind.get_mut(&step)?.pop_first() else {
            self.behind.remove(&step);
            return None;
        };
        self.waiting -= 1;
        self.under_way.insert(next.item.item_id.clone(), step);
        Some(next)
    }

    /// Puts in the place of a report that is about to go one of its step that was said before it
    /// and waits again; the report waits behind it then. True when there was one.
    pub(super) fn put_earlier(&mut self, report: &mut Waiting) -> bool {
        let Some(step) = self.under_way.get(&report.item.item_id).cloned() else {
            return false;
        };
        let Some(behind) = self.behind.get_mut(&step) else {
            return false;
        };
        let Some(first) = behind
            .first_entry()
            .filter(|first| *first.key() < report.sequence)
        else {
            return false;
        };
        let later = std::mem::replace(report, first.remove());
        self.under_way.remove(&later.item.item_id);
        self.under_way.insert(report.item.item_id.clone(), step);
        behind.insert(later.sequence, later);
        true
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

    fn report(item_id: &str, step_id: &str, sequence: i64) -> Waiting {
        let report = v1::Report {
            step_id: step_id.into(),
            ..Default::default()
        };
        let item = v1::Item {
            item_id: item_id.into(),
            kind: Some(Kind::Report(report)),
            ..Default::default()
        };
        Waiting {
            sequence,
            dossier_code: String::new(),
            item,
        }
    }

    fn id(report: &Waiting) -> &str {
        &report.item.item_id
    }

    #[test]
    fn reports_of_one_step_go_one_after_the_other_and_others_beside_them() {
        let mut lanes = Lanes::default();
        assert!(lanes.enter(report("a1", "a", 1)).is_some());
        for _ in 0..2 {
            assert!(lanes.enter(report("a2", "a", 2)).is_none());
            assert!(lanes.enter(report("a1", "a", 1)).is_none());
        }
        assert!(lanes.enter(report("b1", "b", 3)).is_some());
        assert_eq!(lanes.len(), 3);
        assert_eq!(lanes.leave("a1").unwrap().item.item_id, "a2");
        assert!(lanes.leave("a2").is_none() && lanes.leave("b1").is_none());
        assert_eq!(lanes.len(), 0);
        assert!(lanes.enter(report("a3", "a", 4)).is_some());
    }

    #[test]
    fn a_report_that_waits_again_goes_before_what_was_said_after_it() {
        let mut lanes = Lanes::default();
        let mut going = lanes.enter(report("completed", "a", 7)).unwrap();
        assert!(lanes.enter(report("review", "a", 5)).is_none());
        assert!(lanes.put_earlier(&mut going));
        assert_eq!(id(&going), "review");
        assert!(!lanes.put_earlier(&mut going));
        assert_eq!(id(&lanes.leave(id(&going)).unwrap()), "completed");
        assert!(lanes.leave("completed").is_none());
        assert_eq!(lanes.len(), 0);
    }
}
