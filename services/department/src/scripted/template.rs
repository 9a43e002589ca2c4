//! Texts with places to fill from the handover: `{{dossier_code}}`,
//! `{{evidence.birth_notice.data/child/name}}`, `{{number:12}}`.

use contract::v1;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use node::documents::digest_of;
use serde_json::Value;
use std::collections::HashMap;

/// Where civil dates are read.
pub(crate) const TIME_ZONE: &str = "Asia/Ho_Chi_Minh";
/// How papers write a date.
const PAPER_DATE: &str = "%d/%m/%Y";
/// Digits of one number.
const DIGITS_MAX: usize = 32;

/// A template that cannot be filled.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum TemplateError {
    /// Close the place, or write one of the names that exist.
    #[error(
        "`{{{{{0}}}}}` is no place to fill; write dossier_code, dossier_id, step, round, agency, date, \
         iso_date, date:<a place with a date>, number:<digits>, evidence.<name>.version, evidence.<name>.data/<pointer>, \
         party.<role>.name, party.<role>.address, party.<role>.personal_id, fault.evidence or \
         fault.reason, with `?` at the end where it may be missing"
    )]
    Unknown(String),
    /// Add `?` where it may be missing, or let the procedure give it to this step.
    #[error("`{{{{{0}}}}}` is not in this handover; add `?` where it may be missing")]
    Missing(String),
}

/// What the places of a handover's templates are filled with.
pub(crate) struct Filling<'a> {
    handover: &'a v1::Handover,
    data: HashMap<&'a str, Value>,
    now: Timestamp,
}

impl<'a> Filling<'a> {
    pub(crate) fn new(handover: &'a v1::Handover, now: Timestamp) -> Self {
        let data = handover
            .evidence
            .iter()
            .filter_map(|e| Some((e.name.as_str(), serde_json::from_slice(&e.data).ok()?)))
            .collect();
        Self {
            handover,
            data,
            now,
        }
    }

    /// A text with its places filled.
    pub(crate) fn text(&self, template: &str) -> Result<String, TemplateError> {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some((before, after)) = rest.split_once("{{") {
            let (place, after) = after
                .split_once("}}")
                .ok_or_else(|| TemplateError::Unknown(after.into()))?;
            filled.push_str(before);
            match self.place(place)? {
                Value::String(text) => filled.push_str(&text),
                Value::Null => {}
                other => filled.push_str(&other.to_string()),
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// JSON with the places in its texts filled. A text that is one place and no more becomes the
    /// value found there, of whatever type.
    pub(crate) fn json(&self, template: &Value) -> Result<Value, TemplateError> {
        Ok(match template {
            Value::String(text) => match only_place(text) {
                Some(place) => self.place(place)?,
                None => Value::String(self.text(text)?),
            },
            Value::Array(list) => Value::Array(
                list.iter()
                    .map(|item| self.json(item))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(object) => {
                let filled = object
                    .iter()
                    .map(|(key, value)| Ok((key.clone(), self.json(value)?)));
                Value::Object(filled.collect::<Result<_, TemplateError>>()?)
            }
            other => other.clone(),
        })
    }

    fn place(&self, place: &str) -> Result<Value, TemplateError> {
        let place = place.trim();
        let (name, may_be_missing) = match place.strip_suffix('?') {
            Some(name) => (name, true),
            None => (place, false),
        };
        match self
            .find(name)
            .ok_or_else(|| TemplateError::Unknown(place.into()))?
        {
            Some(value) => Ok(value),
            None if may_be_missing => Ok(Value::Null),
            None => Err(TemplateError::Missing(place.into())),
        }
    }

    /// The value at a place; nothing when there is no such place, `Some(None)` when it is empty.
    fn find(&self, name: &str) -> Option<Option<Value>> {
        let text = |text: &str| Some(Some(Value::String(text.to_owned())));
        let handover = self.handover;
        match name {
            "dossier_code" => return text(&handover.dossier_code),
            "dossier_id" => return text(&handover.dossier_id),
            "step" => return text(&handover.step_id),
            "agency" => return text(&handover.agency_code),
            "round" => return text(&handover.round.to_string()),
            "date" => return text(&self.date(PAPER_DATE)),
            "iso_date" => return text(&self.date("%Y-%m-%d")),
            _ => {}
        }
        if let Some(place) = name.strip_prefix("date:") {
            return Some(self.find(place)?.map(as_papers_write));
        }
        if let Some(rest) = name.strip_prefix("number:") {
            let (digits, salt) = rest.split_once(':').unwrap_or((rest, ""));
            let digits = digits
                .parse()
                .ok()
                .filter(|d| (1..=DIGITS_MAX).contains(d))?;
            return text(&self.number(digits, salt));
        }
        if let Some(rest) = name.strip_prefix("fault.") {
            let fault = handover.faults.first();
            return Some(match rest {
                "evidence" => fault.map(|fault| Value::String(fault.evidence.clone())),
                "reason" => fault.map(|fault| Value::String(fault.reason.clone())),
                _ => return None,
            });
        }
        if let Some(rest) = name.strip_prefix("party.") {
            let (role, field) = rest.split_once('.')?;
            let role =
                v1::PartyRole::from_str_name(&format!("PARTY_ROLE_{}", role.to_uppercase()))?;
            let party = handover
                .parties
                .iter()
                .find(|p| p.roles.contains(&(role as i32)));
            let value = party.map(|party| match field {
                "name" => Some(party.name.clone()),
                "address" => Some(party.address.clone()),
                "personal_id" => party
                    .identifiers
                    .iter()
                    .find(|i| i.scheme() == v1::IdentifierScheme::PersonalId)
                    .map(|i| i.value.clone()),
                _ => None,
            });
            if !matches!(field, "name" | "address" | "personal_id") {
                return None;
            }
            return Some(value.flatten().filter(|v| !v.is_empty()).map(Value::String));
        }
        let rest = name.strip_prefix("evidence.")?;
        if let Some(evidence) = rest.strip_suffix(".version") {
            let found = handover.evidence.iter().find(|e| e.name == evidence);
            return Some(found.map(|e| Value::String(e.version.to_string())));
        }
        let (evidence, pointer) = rest.split_once(".data")?;
        if !pointer.is_empty() && !pointer.starts_with('/') {
            return None;
        }
        Some(
            self.data
                .get(evidence)
                .and_then(|data| data.pointer(pointer))
                .cloned(),
        )
    }

    fn date(&self, format: &str) -> String {
        // Without the zone's rules on this machine: Việt Nam has had +07 all year since 1975.
        let zone =
            TimeZone::get(TIME_ZONE).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(7)));
        self.now.to_zoned(zone).strftime(format).to_string()
    }

    /// Digits that are the same for a dossier however often its round is done.
    fn number(&self, digits: usize, salt: &str) -> String {
        let essence = format!(
            "{}\0{}\0{salt}",
            self.handover.dossier_id, self.handover.step_id
        );
        let digest = digest_of(essence.as_bytes());
        digest
            .iter()
            .take(digits)
            .map(|byte| char::from(b'0' + byte % 10))
            .collect()
    }
}

/// A date as papers write it, `22/11/2026`; what is no date of a day stays as it is.
fn as_papers_write(value: Value) -> Value {
    let date = value.as_str().and_then(|text| text.parse::<Date>().ok());
    match date {
        Some(date) => Value::String(date.strftime(PAPER_DATE).to_string()),
        None => value,
    }
}

/// The place, when the text is one place and no more.
fn only_place(text: &str) -> Option<&str> {
    let place = text.strip_prefix("{{")?.strip_suffix("}}")?;
    (!place.contains("{{") && !place.contains("}}")).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn handover() -> v1::Handover {
        let data = json!({"child": {"name": "Nguyễn An", "weight_g": 3200}}).to_string();
        v1::Handover {
            dossier_id: "d".repeat(32),
            dossier_code: "H57.12-261122-0001".into(),
            step_id: "register".into(),
            round: 2,
            evidence: vec![v1::Evidence {
                name: "birth_notice".into(),
                version: 1,
                data: data.into(),
                ..Default::default()
            }],
            parties: vec![v1::Party {
                roles: vec![v1::PartyRole::Owner as i32],
                name: "Trần Bình".into(),
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn places_are_filled_from_the_handover() {
        let handover = handover();
        let filling = Filling::new(&handover, "2026-11-22T20:00:00Z".parse().unwrap());
        let text = filling
            .text("{{dossier_code}} {{date}} {{evidence.birth_notice.data/child/name}} {{party.owner.name}}")
            .unwrap();
        assert_eq!(text, "H57.12-261122-0001 23/11/2026 Nguyễn An Trần Bình");
        let value = filling.json(&json!({"w": "{{evidence.birth_notice.data/child/weight_g}}"}));
        assert_eq!(value.unwrap(), json!({"w": 3200}));
    }

    #[test]
    fn a_date_is_written_as_on_papers() {
        let mut handover = handover();
        let data = json!({"born_on": "2026-01-09", "year": "2026", "n": 7}).to_string();
        handover.evidence[0].data = data.into();
        let filling = Filling::new(&handover, Timestamp::now());
        for (place, written) in [
            ("born_on", "09/01/2026"),
            ("year", "2026"),
            ("n", "7"),
            ("x?", ""),
        ] {
            let text = format!("{{{{date:evidence.birth_notice.data/{place}}}}}");
            assert_eq!(filling.text(&text).unwrap(), written, "{place}");
        }
        assert!(filling.text("{{date:nothing}}").is_err());
    }

    #[test]
    fn a_number_is_the_same_for_the_same_dossier() {
        let handover = handover();
        let first = Filling::new(&handover, Timestamp::now())
            .text("{{number:12}}")
            .unwrap();
        let second = Filling::new(&handover, Timestamp::now())
            .text("{{number:12}}")
            .unwrap();
        assert_eq!(first, second);
        assert!(first.len() == 12 && first.bytes().all(|b| b.is_ascii_digit()));
        let other = Filling::new(&handover, Timestamp::now())
            .text("{{number:12:card}}")
            .unwrap();
        assert_ne!(first, other);
    }

    #[test]
    fn a_place_that_is_missing_or_unknown_is_named() {
        let handover = handover();
        let filling = Filling::new(&handover, Timestamp::now());
        assert_eq!(
            filling.text("<{{evidence.parents.data/x?}}>").unwrap(),
            "<>"
        );
        for (text, refused) in [
            ("{{evidence.parents.data/x}}", "is not in this handover"),
            ("{{nothing}}", "is no place to fill"),
            ("{{number:99}}", "is no place to fill"),
            ("{{date", "is no place to fill"),
        ] {
            assert!(
                filling
                    .text(text)
                    .unwrap_err()
                    .to_string()
                    .contains(refused),
                "{text}"
            );
        }
    }
}
