//! Needs and those who give them: each is described, and there whenever the one who needs it runs.

use super::{Check, exclude, is_pointer, list};
use crate::{
    condition::Condition,
    name::StepId,
    procedure::{Need, Origin, Step},
};
use std::collections::BTreeSet;

/// How many members an extract may name.
const EXTRACT_MEMBERS_MAX: usize = 64;

impl Check<'_> {
    pub(super) fn givers(&mut self) {
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
                let others = self.givers_of(name).iter();
                let both_run = others
                    .copied()
                    .find(|other| !exclude(&text.steps[*other], step));
                if let Some(other) = both_run {
                    self.say(
                        format!("step.{id}.gives"),
                        format!("evidence `{name}` is also given by step `{other}`, and both can run in one dossier"),
                        "let one of them give it, give the other another name, or give each a `when` that excludes the other's",
                    );
                }
                self.givers.entry(name).or_default().push(id);
            }
        }
        for (name, kind) in &text.evidence {
            if kind.source == Origin::Step && !self.givers.contains_key(name) {
                self.say(
                    format!("evidence.{name}.source"),
                    "no step gives it",
                    "add it to the `gives` of a step, or change its source",
                );
            }
        }
    }

    pub(super) fn needs(&mut self) {
        for (id, step) in &self.text.steps {
            let mut once = BTreeSet::new();
            for need in &step.needs {
                let name = &need.evidence;
                if !once.insert(name) {
                    self.say(
                        format!("step.{id}.needs"),
                        format!("names `{name}` twice"),
                        "name it once",
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
                    Some(kind) if kind.optional && !need.optional && !waits_for(step, need) => self.say(
                        format!("step.{id}.needs"),
                        format!("`{name}` may be left out of a submit, and this step cannot run without it"),
                        format!("write \"{name}?\", or make evidence.{name} not optional"),
                    ),
                    Some(_) => {}
                }
                self.extract(id, need);
            }
        }
    }

    fn extract(&mut self, id: &StepId, need: &Need) {
        let place = || format!("step.{id}.needs.{}.extract", need.evidence);
        if need.extract.len() > EXTRACT_MEMBERS_MAX {
            self.say(
                place(),
                format!("names more than {EXTRACT_MEMBERS_MAX} members"),
                "name objects that hold several of them",
            );
        }
        for (n, pointer) in need.extract.iter().enumerate() {
            if !is_pointer(pointer) {
                self.say(
                    place(),
                    format!("`{pointer}` is no JSON pointer (RFC 6901)"),
                    "write it like \"/member/member\", with ~0 for ~ and ~1 for /",
                );
            }
            let holds = |other: &str| {
                plain(pointer)
                    .strip_prefix(plain(other))
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let mut others = need.extract.iter().enumerate();
            if let Some((_, other)) = others.find(|(m, other)| {
                *m != n && holds(other) && (plain(other) != plain(pointer) || *m < n)
            }) {
                self.say(
                    place(),
                    format!("`{other}` already holds `{pointer}`"),
                    "name one of the two",
                );
            }
        }
    }

    /// Whoever is needed must be there whenever the one who needs it is.
    pub(super) fn presence(&mut self) {
        let text = self.text;
        for (id, step) in &text.steps {
            let runs_where = self.runs_where(id, step);
            for need in step.needs.iter().filter(|need| !need.optional) {
                for giver in self.givers_of(&need.evidence).to_vec() {
                    self.part_is_there("needs", id, step, giver, &runs_where);
                }
                self.need_is_there(id, step, need, &runs_where);
            }
            for before in &step.after {
                self.part_is_there("after", id, step, before, &runs_where);
            }
        }
    }

    fn part_is_there(
        &mut self,
        field: &str,
        id: &StepId,
        step: &Step,
        other: &StepId,
        runs_where: &[Condition],
    ) {
        let Some(giver) = self.text.steps.get(other) else {
            return;
        };
        let part = self.text.parts.get(&giver.part);
        let may_lack = giver.part != step.part
            && part.is_some_and(|part| part.optional)
            && !Condition::asked_for(giver.part.as_str()).follows_from(runs_where);
        if may_lack {
            self.say(
                format!("step.{id}.{field}"),
                format!(
                    "step `{other}` is in the optional part `{}`, which a dossier may be without",
                    giver.part
                ),
                "put both into the same part, or make that part not optional",
            );
        }
    }

    fn need_is_there(&mut self, id: &StepId, step: &Step, need: &Need, runs_where: &[Condition]) {
        let name = &need.evidence;
        let place = format!("step.{id}.needs");
        let mend = format!("write \"{name}?\", or let this step run only where it is there");
        let needed_when = self
            .text
            .evidence
            .get(name)
            .and_then(|kind| kind.when.as_ref());
        if let Some(when) = needed_when
            && !when.follows_from(runs_where)
        {
            self.say(
                place,
                format!(
                    "`{name}` is asked for only where {when}, and this step cannot run without it"
                ),
                mend,
            );
            return;
        }
        let givers = self.givers_of(name).to_vec();
        if waits_for(step, need) || givers.is_empty() {
            return;
        }
        let is_there = |giver: &StepId| {
            self.text.steps.get(giver).is_none_or(|other| {
                let conditions = self.runs_within_part(giver, other);
                covers(other, step)
                    && conditions
                        .iter()
                        .all(|condition| condition.follows_from(runs_where))
            })
        };
        if !givers.iter().any(|giver| is_there(giver)) {
            self.say(
                place,
                format!(
                    "`{name}` comes only from {}, which may not run, and this step cannot run without it",
                    list(givers.iter().map(|giver| format!("step `{giver}`")))
                ),
                mend,
            );
        }
    }
}

/// A pointer without the mark that its member may be absent.
fn plain(pointer: &str) -> &str {
    pointer.strip_suffix('?').unwrap_or(pointer)
}

/// A step whose own condition names the evidence does not run where it is not given.
fn waits_for(step: &Step, need: &Need) -> bool {
    let when = step.when.as_ref();
    when.is_some_and(|when| when.evidence().contains(&need.evidence))
}

/// Whether one is in force whenever the other is.
fn covers(one: &Step, other: &Step) -> bool {
    let begins = one
        .valid_from
        .is_none_or(|first| other.valid_from.is_some_and(|from| first <= from));
    let ends = one
        .valid_to
        .is_none_or(|last| other.valid_to.is_some_and(|to| to <= last));
    begins && ends
}
