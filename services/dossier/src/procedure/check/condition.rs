//! Conditions: they name what the procedure has, and nothing that depends on them.

use super::{Check, list};
use crate::{condition::Condition, name::EvidenceName};
use std::collections::BTreeSet;

impl Check<'_> {
    pub(super) fn conditions(&mut self) {
        let text = self.text;
        for (id, step) in &text.steps {
            if let Some(when) = &step.when {
                self.names(&format!("step.{id}.when"), when);
            }
        }
        for (name, kind) in &text.evidence {
            let Some(when) = &kind.when else {
                continue;
            };
            let place = format!("evidence.{name}.when");
            self.names(&place, when);
            if self.leads_back(name) {
                self.say(
                    place,
                    "whether it is needed depends on itself",
                    "name other evidence",
                );
            }
        }
    }

    fn names(&mut self, place: &str, when: &Condition) {
        let text = self.text;
        for name in when.evidence() {
            if !text.evidence.contains_key(name) {
                self.say(
                    place,
                    format!("there is no evidence `{name}`"),
                    format!("write one of: {}", list(text.evidence.keys())),
                );
            }
        }
        for name in when.asks() {
            let part = text.parts.get(name.as_str());
            let step = text.steps.get(name.as_str());
            if !part.is_some_and(|part| part.optional) && !step.is_some_and(|step| step.optional) {
                self.say(
                    place,
                    format!("`{name}` is no optional part or step, and nobody can ask for it"),
                    "name one, or make it optional",
                );
            }
        }
    }

    /// Whether the conditions of evidence lead from this one back to it.
    fn leads_back(&self, start: &EvidenceName) -> bool {
        let mut seen: BTreeSet<&EvidenceName> = BTreeSet::new();
        let mut next = vec![start];
        while let Some(name) = next.pop() {
            let when = self
                .text
                .evidence
                .get(name)
                .and_then(|kind| kind.when.as_ref());
            for named in when.iter().flat_map(|when| when.evidence()) {
                if named == start {
                    return true;
                }
                if seen.insert(named) {
                    next.push(named);
                }
            }
        }
        false
    }
}
