//! Each piece of evidence by itself: what its source allows it to say.

use super::{Check, is_pointer};
use crate::{
    condition::{ASKED, REPRESENTED},
    limit::Unit,
    name::StepId,
    procedure::{EvidenceKind, LOOK_UP, Origin},
};

impl Check<'_> {
    pub(super) fn evidence(&mut self) {
        let text = self.text;
        for (name, kind) in &text.evidence {
            let name = name.as_str();
            if [ASKED, REPRESENTED].contains(&name) {
                self.say(
                    format!("evidence.{name}"),
                    "conditions have a variable of this name",
                    "give it another name",
                );
            }
            match kind.source {
                Origin::Registry => self.of_a_registry(name, kind),
                Origin::Citizen | Origin::Step => self.not_of_a_registry(name, kind),
            }
            match kind.source {
                Origin::Step => self.of_a_step(name, kind),
                Origin::Citizen | Origin::Registry => self.not_of_a_step(name, kind),
            }
            if kind.source == Origin::Registry && kind.holder.is_none() {
                self.say(
                    format!("evidence.{name}.holder"),
                    "evidence from a registry must name its holder",
                    "add holder = \"ROLE\"",
                );
            }
            if kind.consent && kind.source != Origin::Citizen {
                self.say(
                    format!("evidence.{name}.consent"),
                    "a person gives consent, and this does not come from the citizen",
                    "set source = \"citizen\", or remove it",
                );
            }
            self.validity(name, kind);
        }
    }

    fn of_a_registry(&mut self, name: &str, kind: &EvidenceKind) {
        let max = StepId::LENGTH_MAX - LOOK_UP.len();
        if name.len() > max {
            self.say(
                format!("evidence.{name}"),
                format!(
                    "the step that looks it up, {LOOK_UP}{name}, has more than {} characters",
                    StepId::LENGTH_MAX
                ),
                format!("give it a name of at most {max} characters"),
            );
        }
        let places = kind.known_by.iter().flat_map(|known| &known.pointers);
        for pointer in places.filter(|pointer| !is_pointer(pointer)) {
            self.say(
                format!("evidence.{name}.known_by.pointers"),
                format!("`{pointer}` is no JSON pointer (RFC 6901)"),
                "write it like \"/member/member\", with ~0 for ~ and ~1 for /, and * for every member of an array",
            );
        }
    }

    fn not_of_a_registry(&mut self, name: &str, kind: &EvidenceKind) {
        for (field, is_set) in [
            ("holder", kind.holder.is_some()),
            ("look_up_limit", kind.look_up_limit.is_some()),
            ("fallback", kind.fallback.is_some()),
            ("found_by", !kind.found_by.is_empty()),
            ("known_by", kind.known_by.is_some()),
        ] {
            if is_set {
                self.say(
                    format!("evidence.{name}.{field}"),
                    "only evidence from a registry is looked up at a holder",
                    "set source = \"registry\", or remove it",
                );
            }
        }
    }

    fn of_a_step(&mut self, name: &str, kind: &EvidenceKind) {
        if kind.optional {
            self.say(
                format!("evidence.{name}.optional"),
                "what a step gives is never left out of a submit",
                "remove it, and write the need as \"name?\" where a step can do without",
            );
        }
        if kind.when.is_some() {
            self.say(
                format!("evidence.{name}.when"),
                "what a step gives depends on when that step runs",
                "give the step this `when`",
            );
        }
        if kind.reuse {
            self.say(
                format!("evidence.{name}.reuse"),
                "what a step gives is made anew in every dossier",
                "write reusable = true for a result that goes into the vault, or remove it",
            );
        }
        if let Some(identifies) = &kind.identifies
            && !is_pointer(&identifies.pointer)
        {
            self.say(
                format!("evidence.{name}.identifies.pointer"),
                format!("`{}` is no JSON pointer (RFC 6901)", identifies.pointer),
                "write it like \"/member/member\", with ~0 for ~ and ~1 for /",
            );
        }
    }

    fn not_of_a_step(&mut self, name: &str, kind: &EvidenceKind) {
        for (field, is_set) in [
            ("reusable", kind.reusable),
            ("identifies", kind.identifies.is_some()),
            ("result", kind.result == Some(true)),
        ] {
            if is_set {
                self.say(
                    format!("evidence.{name}.{field}"),
                    "only what a step gives is a result",
                    "set source = \"step\", or remove it",
                );
            }
        }
    }

    fn validity(&mut self, name: &str, kind: &EvidenceKind) {
        let Some(valid_for) = kind.valid_for else {
            return;
        };
        let place = format!("evidence.{name}.valid_for");
        if valid_for.unit != Unit::CalendarDay {
            self.say(
                place.clone(),
                format!("{valid_for} cannot be counted in the vault"),
                "write it in calendar days",
            );
        }
        if !kind.reusable {
            self.say(
                place,
                "it does not go into the vault, and whoever puts it there says how long it may be used",
                "add reusable = true, or remove it",
            );
        }
    }
}
