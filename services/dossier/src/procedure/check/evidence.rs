//! Each piece of evidence by itself: what its source allows it to say.

use super::{Check, is_pointer};
use crate::{
    condition::{ASKED, REPRESENTED},
    limit::Unit,
    procedure::{EvidenceKind, Origin},
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
                Origin::Registry => {}
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

    fn not_of_a_registry(&mut self, name: &str, kind: &EvidenceKind) {
        for (field, is_set) in [
            ("holder", kind.holder.is_some()),
            ("look_up_limit", kind.look_up_limit.is_some()),
            ("fallback", kind.fallback.is_some()),
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
        if !kind.reusable && !kind.reuse {
            self.say(
                place,
                "it neither goes into the vault nor comes from there",
                "add reusable = true or reuse = true, or remove it",
            );
        }
    }
}
