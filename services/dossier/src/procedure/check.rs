//! Checks a procedure as it will run: every need has a giver, no cycle, the longest path fits.

mod condition;
mod evidence;
mod flow;
mod need;
mod step;

use super::{Complaint, Step, Text};
use crate::{
    condition::Condition,
    name::{EvidenceName, StepId},
};
use std::collections::BTreeMap;

/// Everything that is wrong; nothing when it is sound.
pub(super) fn complaints(text: &Text) -> Vec<Complaint> {
    let mut check = Check {
        text,
        givers: BTreeMap::new(),
        complaints: Vec::new(),
    };
    check.whole();
    check.steps();
    check.parts();
    check.evidence();
    check.givers();
    check.needs();
    check.conditions();
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
    givers: BTreeMap<&'a EvidenceName, Vec<&'a StepId>>,
    complaints: Vec<Complaint>,
}

impl<'a> Check<'a> {
    fn say(&mut self, place: impl Into<String>, wrong: impl Into<String>, mend: impl Into<String>) {
        self.complaints.push(Complaint {
            place: place.into(),
            wrong: wrong.into(),
            mend: mend.into(),
        });
    }

    fn whole(&mut self) {
        let text = self.text;
        if text.valid_to.is_some_and(|last| last < text.valid_from) {
            self.say(
                "valid_to",
                "is before valid_from",
                "give the last day on which this version is in force, or leave it out",
            );
        }
        let mut roles = text.steps.values().filter_map(|step| step.role.as_ref());
        if !roles.any(|role| *role == text.lead) {
            self.say(
                "lead",
                format!("no step has the role {}", text.lead),
                "name the role of one of the steps",
            );
        }
    }

    fn parts(&mut self) {
        let text = self.text;
        for id in text.parts.keys() {
            if !text.steps.values().any(|step| step.part == *id) {
                self.say(
                    format!("part.{id}"),
                    "no step belongs to it",
                    "add a step with this part, or remove it",
                );
            }
        }
    }

    fn givers_of(&self, name: &EvidenceName) -> &[&'a StepId] {
        self.givers.get(name).map_or(&[], Vec::as_slice)
    }

    /// All that must hold for this step to run, beside its needs.
    fn runs_where(&self, id: &StepId, step: &Step) -> Vec<Condition> {
        let part = self.text.parts.get(&step.part);
        let asked_part = part
            .filter(|part| part.optional)
            .map(|_| Condition::asked_for(step.part.as_str()));
        self.runs_within_part(id, step)
            .into_iter()
            .chain(asked_part)
            .collect()
    }

    /// All that must hold for this step to run in a dossier that has its part.
    fn runs_within_part(&self, id: &StepId, step: &Step) -> Vec<Condition> {
        let asked = step.optional.then(|| Condition::asked_for(id.as_str()));
        step.when.iter().cloned().chain(asked).collect()
    }
}

/// Whether the two can never both run in one dossier.
fn exclude(one: &Step, two: &Step) -> bool {
    let ends_before = |a: &Step, b: &Step| {
        a.valid_to
            .zip(b.valid_from)
            .is_some_and(|(last, first)| last < first)
    };
    let by_data = one
        .when
        .as_ref()
        .zip(two.when.as_ref())
        .is_some_and(|(a, b)| a.excludes(b));
    by_data || ends_before(one, two) || ends_before(two, one)
}

/// RFC 6901, and not the whole document.
fn is_pointer(text: &str) -> bool {
    let mut parts = text.split('~');
    parts.next().is_some_and(|first| first.starts_with('/'))
        && parts.all(|after| after.starts_with(['0', '1']))
}

fn list<T: ToString>(names: impl Iterator<Item = T>) -> String {
    names
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
