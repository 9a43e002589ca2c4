//! Checks a procedure as it will run: every need has a giver, no cycle, the longest path fits.

use super::{Complaint, Origin, Step, Text};
use crate::{
    limit::Family,
    name::{EvidenceName, StepId},
};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is wrong; nothing when it is sound.
pub(super) fn complaints(text: &Text) -> Vec<Complaint> {
    let mut check = Check {
        text,
        givers: BTreeMap::new(),
        complaints: Vec::new(),
    };
    check.shape();
    check.givers();
    check.needs();
    check.presence();
    if check.complaints.is_empty() {
        check.cycles();
    }
    if check.complaints.is_empty() {
        check.limits();
    }
    check.complaints
}

struct Check<'a> {
    text: &'a Text,
    givers: BTreeMap<&'a EvidenceName, &'a StepId>,
    complaints: Vec<Complaint>,
}

impl<'a> Check<'a> {
    fn say(&mut self, place: String, wrong: String, mend: String) {
        self.complaints.push(Complaint { place, wrong, mend });
    }

    fn shape(&mut self) {
        let text = self.text;
        if text.valid_to.is_some_and(|last| last < text.valid_from) {
            self.say(
                "valid_to".into(),
                "is before valid_from".into(),
                "give the last day on which this version is in force, or leave it out".into(),
            );
        }
        if !text.steps.values().any(|step| step.role == text.lead) {
            self.say(
                "lead".into(),
                format!("no step has the role {}", text.lead),
                "name the role of one of the steps".into(),
            );
        }
        for (id, step) in &text.steps {
            if !text.parts.contains_key(&step.part) {
                self.say(
                    format!("step.{id}.part"),
                    format!("there is no part `{}`", step.part),
                    format!("write one of: {}", list(text.parts.keys())),
                );
            }
            for before in &step.after {
                if !text.steps.contains_key(before) {
                    self.say(
                        format!("step.{id}.after"),
                        format!("there is no step `{before}`"),
                        format!("write one of: {}", list(text.steps.keys())),
                    );
                }
            }
        }
        for id in text.parts.keys() {
            if !text.steps.values().any(|step| step.part == *id) {
                self.say(
                    format!("part.{id}"),
                    "no step belongs to it".into(),
                    "add a step with this part, or remove it".into(),
                );
            }
        }
        for (name, kind) in &text.evidence {
            if kind.source == Origin::Registry && kind.holder.is_none() {
                self.say(
                    format!("evidence.{name}.holder"),
                    "evidence from a registry must name its holder".into(),
                    "add holder = \"ROLE\"".into(),
                );
            }
            if kind.source == Origin::Step && kind.optional {
                self.say(
                    format!("evidence.{name}.optional"),
                    "what a step gives is never left out of a submit".into(),
                    "remove it, and write the need as \"name?\" where a step can do without".into(),
                );
            }
        }
    }

    fn givers(&mut self) {
        let text = self.text;
        for (id, step) in &text.steps {
            for name in &step.gives {
                match text.evidence.get(name) {
                    None => self.say(
                        format!("step.{id}.gives"),
                        format!("evidence `{name}` is not described"),
                        format!("add a table [evidence.{name}] with source = \"step\""),
                    ),
                    Some(kind) if kind.source != Origin::Step => self.say(
                        format!("step.{id}.gives"),
                        format!("evidence `{name}` does not come from a step by its own table"),
                        format!("set evidence.{name}.source = \"step\", or give it another name"),
                    ),
                    Some(_) => {}
                }
                if let Some(other) = self.givers.insert(name, id) {
                    self.say(
                        format!("step.{id}.gives"),
                        format!("evidence `{name}` is also given by step `{other}`, and both can run in one dossier"),
                        "let one of them give it, or give the other another name".into(),
                    );
                }
            }
        }
        for (name, kind) in &text.evidence {
            if kind.source == Origin::Step && !self.givers.contains_key(name) {
                self.say(
                    format!("evidence.{name}.source"),
                    "no step gives it".into(),
                    "add it to the `gives` of a step, or change its source".into(),
                );
            }
        }
    }

    fn needs(&mut self) {
        for (id, step) in &self.text.steps {
            let mut once = BTreeSet::new();
            for need in &step.needs {
                let name = &need.evidence;
                if !once.insert(name) {
                    self.say(
                        format!("step.{id}.needs"),
                        format!("names `{name}` twice"),
                        "name it once".into(),
                    );
                }
                match self.text.evidence.get(name) {
                    None => self.say(
                        format!("step.{id}.needs"),
                        format!("nobody gives `{name}`"),
                        format!(
                            "add a table [evidence.{name}] that says who does, or write one of: {}",
                            list(self.text.evidence.keys())
                        ),
                    ),
                    Some(kind) if kind.optional && !need.optional => self.say(
                        format!("step.{id}.needs"),
                        format!("`{name}` may be left out of a submit, and this step cannot run without it"),
                        format!("write \"{name}?\", or make evidence.{name} not optional"),
                    ),
                    Some(_) => {}
                }
            }
        }
    }

    /// Whoever is needed must be there whenever the one who needs it is.
    fn presence(&mut self) {
        let text = self.text;
        for (id, step) in &text.steps {
            let needed = step
                .needs
                .iter()
                .filter(|need| !need.optional)
                .filter_map(|need| Some(("needs", *self.givers.get(&need.evidence)?)));
            let after = step.after.iter().map(|before| ("after", before));
            for (field, other) in needed.chain(after).collect::<Vec<_>>() {
                let Some(giver) = text.steps.get(other) else {
                    continue;
                };
                let may_lack = text
                    .parts
                    .get(&giver.part)
                    .is_some_and(|part| part.optional);
                if giver.part != step.part && may_lack {
                    self.say(
                        format!("step.{id}.{field}"),
                        format!("step `{other}` is in the optional part `{}`, which a dossier may be without", giver.part),
                        "put both into the same part, or make that part not optional".into(),
                    );
                }
            }
        }
    }

    fn before(&self, step: &'a Step) -> impl Iterator<Item = &'a StepId> + '_ {
        step.needs
            .iter()
            .filter_map(|need| self.givers.get(&need.evidence).copied())
            .chain(&step.after)
    }

    fn cycles(&mut self) {
        let mut done: BTreeSet<&StepId> = BTreeSet::new();
        for id in self.text.steps.keys() {
            let mut path: Vec<&StepId> = Vec::new();
            if let Some(cycle) = self.cycle_from(id, &mut path, &mut done) {
                self.say(
                    format!("step.{id}"),
                    format!("waits for itself: {cycle}"),
                    "remove one of these needs".into(),
                );
                return;
            }
        }
    }

    fn cycle_from(
        &self,
        id: &'a StepId,
        path: &mut Vec<&'a StepId>,
        done: &mut BTreeSet<&'a StepId>,
    ) -> Option<String> {
        if let Some(start) = path.iter().position(|on_path| *on_path == id) {
            let circle = path[start..]
                .iter()
                .chain([&id])
                .map(|id| id.as_str())
                .collect::<Vec<_>>();
            return Some(circle.join(" ← "));
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

    /// The longest path that can run, per part and from reception, must fit the part's limit.
    fn limits(&mut self) {
        let mut known = BTreeMap::new();
        for (part_id, part) in &self.text.parts {
            let steps = self.text.steps.iter();
            for (id, _) in steps.filter(|(_, step)| step.part == *part_id) {
                let path = self.longest(id, &mut known);
                if let Some(odd) = path
                    .iter()
                    .find(|id| self.text.steps[**id].limit.family() != part.limit.family())
                {
                    self.say(
                        format!("step.{odd}.limit"),
                        format!(
                            "cannot be compared with the limit of part `{part_id}`, {}",
                            part.limit
                        ),
                        match part.limit.family() {
                            Family::Working => "write it in working days or working hours",
                            Family::Elapsed => "write it in calendar days or elapsed hours",
                        }
                        .into(),
                    );
                    continue;
                }
                let hours: u64 = path
                    .iter()
                    .map(|id| self.text.steps[*id].limit.hours())
                    .sum();
                if hours > part.limit.hours() {
                    let way = path
                        .iter()
                        .map(|id| id.as_str())
                        .collect::<Vec<_>>()
                        .join(" → ");
                    self.say(
                        format!("step.{id}.limit"),
                        format!(
                            "the path {way} takes {hours} hours and part `{part_id}` has {} ({})",
                            part.limit.hours(),
                            part.limit
                        ),
                        format!("shorten a step's limit, or lengthen part.{part_id}.limit"),
                    );
                }
            }
        }
    }

    /// The longest path that ends in this step, first step first.
    fn longest(
        &self,
        id: &'a StepId,
        known: &mut BTreeMap<&'a StepId, Vec<&'a StepId>>,
    ) -> Vec<&'a StepId> {
        if let Some(path) = known.get(id) {
            return path.clone();
        }
        let hours = |path: &Vec<&StepId>| -> u64 {
            path.iter()
                .map(|id| self.text.steps[*id].limit.hours())
                .sum()
        };
        let mut path = self
            .before(&self.text.steps[id])
            .map(|before| self.longest(before, known))
            .max_by_key(hours)
            .unwrap_or_default();
        path.push(id);
        known.insert(id, path.clone());
        path
    }
}

fn list<T: ToString>(names: impl Iterator<Item = T>) -> String {
    names
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
