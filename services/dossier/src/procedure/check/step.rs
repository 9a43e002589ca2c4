//! Each step by itself: what its actor allows it to say.

use super::{Check, list};
use crate::{
    name::StepId,
    procedure::{Actor, CONSULT, RESERVED_PREFIXES, Step},
};

impl Check<'_> {
    pub(super) fn steps(&mut self) {
        let text = self.text;
        for (id, step) in &text.steps {
            if let Some(prefix) = RESERVED_PREFIXES
                .iter()
                .find(|prefix| id.as_str().starts_with(*prefix))
            {
                self.say(
                    format!("step.{id}"),
                    format!("steps that begin with `{prefix}` are made by the broker itself"),
                    "give it another name",
                );
            }
            if !text.parts.contains_key(&step.part) {
                self.say(
                    format!("step.{id}.part"),
                    format!("there is no part `{}`", step.part),
                    format!("write one of: {}", list(text.parts.keys())),
                );
            }
            if step.optional && text.parts.contains_key(id.as_str()) {
                self.say(
                    format!("step.{id}.optional"),
                    "a part has the same name, and nobody can tell which of them is asked for",
                    "give the step another name",
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
            self.actor(id, step);
            self.payment(id, step);
            self.hand_out(id, step);
            self.in_force(id, step);
            self.refusal(id, step);
            self.consultations(id, step);
            self.peer_return(id, step);
        }
    }

    fn actor(&mut self, id: &StepId, step: &Step) {
        if step.actor == Actor::Department {
            if step.role.is_none() {
                self.say(
                    format!("step.{id}.role"),
                    "a department's step must name its role",
                    "add role = \"ROLE\", or actor = \"desk\" or \"citizen\"",
                );
            }
            return;
        }
        for (field, is_set) in [
            ("role", step.role.is_some()),
            ("peer_return", step.peer_return.is_some()),
            ("refuse_within", step.refuse_within.is_some()),
            ("signed_by", !step.signed_by.is_empty()),
        ] {
            if is_set {
                self.say(
                    format!("step.{id}.{field}"),
                    "only a department's step has it",
                    "remove it, or write actor = \"department\"",
                );
            }
        }
    }

    fn payment(&mut self, id: &StepId, step: &Step) {
        let place = format!("step.{id}.pays");
        match (&step.pays, step.actor) {
            (None, Actor::Citizen) => self.say(
                place,
                "a citizen's step must say what is paid",
                "name the evidence that says what is owed, or write actor = \"desk\"",
            ),
            (None, _) => {}
            (Some(_), Actor::Department | Actor::Desk) => self.say(
                place,
                "only the citizen pays",
                "remove it, or write actor = \"citizen\"",
            ),
            (Some(owed), Actor::Citizen) => {
                let needed = |need: &super::super::Need| need.evidence == *owed && !need.optional;
                if !step.needs.iter().any(needed) {
                    self.say(
                        place,
                        format!("the step does not need `{owed}`, which says what is owed"),
                        format!("add \"{owed}\" to its needs"),
                    );
                }
                if step.gives.len() != 1 {
                    self.say(
                        format!("step.{id}.gives"),
                        "a payment gives one thing, its confirmation",
                        "name exactly one piece of evidence",
                    );
                }
            }
        }
    }

    fn hand_out(&mut self, id: &StepId, step: &Step) {
        let place = format!("step.{id}.hands_out");
        if !step.hands_out.is_empty() && step.actor != Actor::Desk {
            self.say(
                place,
                "only a desk hands out results",
                "remove it, or write actor = \"desk\"",
            );
            return;
        }
        for name in &step.hands_out {
            let is_result = self
                .text
                .evidence
                .get(name)
                .is_some_and(|kind| kind.is_result());
            if !is_result {
                self.say(
                    place.clone(),
                    format!("`{name}` is no result"),
                    format!("name a result, or set evidence.{name}.result = true"),
                );
            } else if !step.needs.iter().any(|need| need.evidence == *name) {
                self.say(
                    place.clone(),
                    format!("the step does not wait for `{name}`"),
                    format!("add \"{name}\" to its needs"),
                );
            }
        }
    }

    fn in_force(&mut self, id: &StepId, step: &Step) {
        if step
            .valid_to
            .zip(step.valid_from)
            .is_some_and(|(last, first)| last < first)
        {
            self.say(
                format!("step.{id}.valid_to"),
                "is before valid_from",
                "give the last reception date on which the step is in force, or leave it out",
            );
        }
        let text = self.text;
        let ended = step.valid_to.is_some_and(|last| last < text.valid_from);
        let too_late = step
            .valid_from
            .zip(text.valid_to)
            .is_some_and(|(first, last)| last < first);
        if ended || too_late {
            self.say(
                format!(
                    "step.{id}.{}",
                    if ended { "valid_to" } else { "valid_from" }
                ),
                "it is never in force while this version is",
                "correct the date, or remove the step",
            );
        }
    }

    fn refusal(&mut self, id: &StepId, step: &Step) {
        let Some(within) = step.refuse_within else {
            return;
        };
        if within.unit != step.limit.unit || within.amount > step.limit.amount {
            self.say(
                format!("step.{id}.refuse_within"),
                format!("{within} is not within its limit, {}", step.limit),
                "shorten it, in the unit of the limit, or remove it",
            );
        }
    }

    fn consultations(&mut self, id: &StepId, step: &Step) {
        let last = format!("{CONSULT}{id}_{}", step.consults_max);
        let may_consult = step.actor == Actor::Department && step.consults_max > 0;
        if may_consult && last.len() > StepId::LENGTH_MAX {
            self.say(
                format!("step.{id}"),
                format!(
                    "its consultations, such as {last}, have more than {} characters",
                    StepId::LENGTH_MAX
                ),
                "give it a shorter name, or write consults_max = 0",
            );
        }
    }

    fn peer_return(&mut self, id: &StepId, step: &Step) {
        let Some(to) = step.peer_return.as_ref().and_then(|to| to.to.as_ref()) else {
            return;
        };
        let place = format!("step.{id}.peer_return.to");
        let Some(giver) = self.text.steps.get(to) else {
            self.say(
                place,
                format!("there is no step `{to}`"),
                format!("write one of: {}", list(self.text.steps.keys())),
            );
            return;
        };
        if !step
            .needs
            .iter()
            .any(|need| giver.gives.contains(&need.evidence))
        {
            self.say(
                place,
                format!("step `{to}` gives nothing that this step needs"),
                "name a step that does, or leave it out for whoever gave the evidence",
            );
        }
    }
}
