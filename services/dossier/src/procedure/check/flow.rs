//! The graph of steps: no step waits for itself, and the longest path that can run fits its limit.

use super::{Check, exclude};
use crate::{
    limit::{Family, Limit},
    name::{EvidenceName, StepId},
    procedure::Step,
};
use std::collections::{BTreeMap, BTreeSet};

impl<'a> Check<'a> {
    /// The steps that this one waits for.
    fn before(&self, step: &'a Step) -> BTreeSet<&'a StepId> {
        let needed = step.needs.iter().map(|need| &need.evidence);
        let asked_only_where = step
            .needs
            .iter()
            .filter_map(|need| self.text.evidence.get(&need.evidence)?.when.as_ref());
        let named = step
            .when
            .iter()
            .chain(asked_only_where)
            .flat_map(|when| when.evidence());
        let givers = |name: &'a EvidenceName| self.givers_of(name).iter().copied();
        needed
            .chain(named)
            .flat_map(givers)
            .chain(&step.after)
            .collect()
    }

    pub(super) fn cycles(&mut self) {
        let mut done: BTreeSet<&StepId> = BTreeSet::new();
        for id in self.text.steps.keys() {
            let mut path: Vec<&StepId> = Vec::new();
            if let Some(cycle) = self.cycle_from(id, &mut path, &mut done) {
                let way: Vec<_> = cycle.iter().map(|id| id.as_str()).collect();
                self.say(
                    format!("step.{}", cycle[0]),
                    format!("waits for itself: {}", way.join(" ← ")),
                    "remove one of these needs",
                );
                return;
            }
        }
    }

    /// A circle that this step leads to, from one step on it back to the same.
    fn cycle_from(
        &self,
        id: &'a StepId,
        path: &mut Vec<&'a StepId>,
        done: &mut BTreeSet<&'a StepId>,
    ) -> Option<Vec<&'a StepId>> {
        if let Some(start) = path.iter().position(|on_path| *on_path == id) {
            return Some(path[start..].iter().copied().chain([id]).collect());
        }
        if done.contains(id) {
            return None;
        }
        path.push(id);
        for before in self.before(&self.text.steps[id]) {
            if let Some(cycle) = self.cycle_from(before, path, done) {
                return Some(cycle);
            }
        }
        path.pop();
        done.insert(id);
        None
    }

    /// The longest path that can run, per part and for the whole, must fit the limit.
    pub(super) fn limits(&mut self) {
        let text = self.text;
        let mut known = BTreeMap::new();
        for (part_id, part) in &text.parts {
            let steps = text.steps.iter();
            for (id, _) in steps.filter(|(_, step)| step.part == *part_id) {
                let path = self.longest(id, &mut known);
                self.fits(
                    &path,
                    part.limit,
                    &format!("part `{part_id}`"),
                    &format!("step.{id}.limit"),
                    &format!("part.{part_id}.limit"),
                );
            }
        }
        if let Some(limit) = text.limit {
            let paths = text.steps.keys();
            let longest = paths
                .map(|id| self.longest(id, &mut known))
                .max_by_key(|path| self.hours(path));
            let path = longest.unwrap_or_default();
            self.fits(&path, limit, "the whole", "limit", "limit");
        }
    }

    fn fits(&mut self, path: &[&StepId], limit: Limit, of: &str, place: &str, mend: &str) {
        let steps = &self.text.steps;
        let odd = path
            .iter()
            .find(|id| steps[**id].counts() && steps[**id].limit.family() != limit.family());
        if let Some(odd) = odd {
            self.say(
                format!("step.{odd}.limit"),
                format!("cannot be compared with the limit of {of}, {limit}"),
                match limit.family() {
                    Family::Working => "write it in working days or working hours",
                    Family::Elapsed => "write it in calendar days or elapsed hours",
                },
            );
            return;
        }
        let hours = self.hours(path);
        if hours > limit.hours() {
            let way = path
                .iter()
                .map(|id| id.as_str())
                .collect::<Vec<_>>()
                .join(" → ");
            self.say(
                place,
                format!(
                    "the path {way} takes {hours} hours and {of} has {} ({limit})",
                    limit.hours()
                ),
                format!("shorten a step's limit, or lengthen {mend}"),
            );
        }
    }

    /// What counts on this path.
    fn hours(&self, path: &[&StepId]) -> u64 {
        path.iter()
            .map(|id| &self.text.steps[*id])
            .filter(|step| step.counts())
            .map(|step| step.limit.hours())
            .sum()
    }

    /// The longest path that ends in this step, first step first. One that never runs together with
    /// this step is not waited for.
    fn longest(
        &self,
        id: &'a StepId,
        known: &mut BTreeMap<&'a StepId, Vec<&'a StepId>>,
    ) -> Vec<&'a StepId> {
        if let Some(path) = known.get(id) {
            return path.clone();
        }
        let step = &self.text.steps[id];
        let mut path = self
            .before(step)
            .into_iter()
            .filter(|before| !exclude(&self.text.steps[*before], step))
            .map(|before| self.longest(before, known))
            .max_by_key(|path| self.hours(path))
            .unwrap_or_default();
        path.push(id);
        known.insert(id, path.clone());
        path
    }
}
