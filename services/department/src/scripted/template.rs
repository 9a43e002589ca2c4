//! Texts with places to fill from the handover: `{{dossier_code}}`,
//! `{{evidence.birth_notice.data/child/name}}`, `{{number:12}}`.

use contract::v1;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use node::documents::digest_of;
use serde_json::Value;
use std::{collections::HashMap, time::Duration};

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
         iso_date, days_later:<days>, date:<a place with a date>, sex:<a place with a sex>, \
         vnd:<a place with an amount>, per_mille:<n>:<a place with an amount>, \
         number:<digits>, evidence.<name>.version, evidence.<name>.data/<pointer>, party.<role>.name, \
         .address, .born_on, .phone, .email or .<an identifier's scheme>, fault.evidence, fault.reason, \
         fault_answer.evidence, fault_answer.reason, payment.obligation_id, payment.amount_vnd, \
         payment.reference, opinion.agency, opinion.text, look_up.evidence, question, record or \
         record/<pointer>, several with `|` between them, of which the first that is \
         there counts, and `?` at the end where it may be missing"
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
    /// What a registry holds of whom it is asked about; the outer none where it has no records.
    record: Option<Option<Value>>,
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
            record: None,
            now,
        }
    }

    pub(crate) fn set_record(&mut self, record: Option<Value>) {
        self.record = Some(record);
    }

    /// Whether a registry was searched and does not hold it.
    pub(crate) fn lacks_record(&self) -> bool {
        self.record == Some(None)
    }

    pub(crate) fn round(&self) -> u32 {
        self.handover.round
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
    /// value found there, of whatever type; a member whose place may be missing, and is, is left out.
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
                let mut filled = serde_json::Map::new();
                for (key, template) in object {
                    let value = self.json(template)?;
                    if !(value.is_null() && template.is_string()) {
                        filled.insert(key.clone(), value);
                    }
                }
                Value::Object(filled)
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
        for name in name.split('|') {
            let unknown = || TemplateError::Unknown(place.into());
            if let Some(value) = self.find(name.trim()).ok_or_else(unknown)? {
                return Ok(value);
            }
        }
        if may_be_missing {
            Ok(Value::Null)
        } else {
            Err(TemplateError::Missing(place.into()))
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
            "question" => return Some(said(&handover.question)),
            _ => {}
        }
        if let Some(days) = name.strip_prefix("days_later:") {
            let days: i16 = days.parse().ok()?;
            let later = self.now + Duration::from_secs(u64::from(days.unsigned_abs()) * 86_400);
            return text(&later.to_zoned(zone()).strftime("%Y-%m-%d").to_string());
        }
        if let Some(rest) = name.strip_prefix("per_mille:") {
            let (share, place) = rest.split_once(':')?;
            let share: i64 = share.parse().ok()?;
            let of = self.find(place)?.and_then(|value| value.as_i64());
            return Some(of.map(|of| Value::from(of / 1_000 * share + of % 1_000 * share / 1_000)));
        }
        if let Some(place) = name.strip_prefix("date:") {
            return Some(self.find(place)?.map(as_papers_write));
        }
        if let Some(place) = name.strip_prefix("sex:") {
            return Some(self.find(place)?.map(sex));
        }
        if let Some(place) = name.strip_prefix("vnd:") {
            return Some(self.find(place)?.map(amount));
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
        if let Some(rest) = name.strip_prefix("fault_answer.") {
            let answer = handover.fault_answers.first();
            return Some(match rest {
                "evidence" => answer.and_then(|answer| said(&answer.evidence)),
                "reason" => answer.and_then(|answer| said(&answer.reason)),
                _ => return None,
            });
        }
        if let Some(rest) = name.strip_prefix("payment.") {
            let paid = handover.payments.last();
            return Some(match rest {
                "obligation_id" => paid.and_then(|paid| said(&paid.obligation_id)),
                "amount_vnd" => paid.map(|paid| Value::from(paid.amount_vnd)),
                "reference" => paid.and_then(|paid| said(&paid.payment_reference)),
                _ => return None,
            });
        }
        if let Some(rest) = name.strip_prefix("opinion.") {
            let opinion = handover.opinions.last();
            return Some(match rest {
                "agency" => opinion.and_then(|opinion| said(&opinion.agency_code)),
                "text" => opinion.and_then(|opinion| said(&opinion.text)),
                _ => return None,
            });
        }
        if name == "look_up.evidence" {
            let look_up = handover.look_up.as_ref();
            return Some(look_up.and_then(|look_up| said(&look_up.evidence)));
        }
        if let Some(pointer) = name.strip_prefix("record") {
            let is_pointer = pointer.is_empty() || pointer.starts_with('/');
            let record = self.record.as_ref().and_then(Option::as_ref);
            return is_pointer.then(|| record.and_then(|data| data.pointer(pointer)).cloned());
        }
        if let Some(rest) = name.strip_prefix("party.") {
            let (role, field) = rest.split_once('.')?;
            let role =
                v1::PartyRole::from_str_name(&format!("PARTY_ROLE_{}", role.to_uppercase()))?;
            let party = handover
                .parties
                .iter()
                .find(|p| p.roles.contains(&(role as i32)));
            let scheme = format!("IDENTIFIER_SCHEME_{}", field.to_uppercase());
            let scheme = v1::IdentifierScheme::from_str_name(&scheme);
            let of = |party: &v1::Party| match (field, scheme) {
                ("name", _) => said(&party.name),
                ("address", _) => said(&party.address),
                ("phone", _) => said(&party.phone),
                ("email", _) => said(&party.email),
                ("born_on", _) => party.born_on.map(born_on),
                (_, Some(scheme)) => party
                    .identifiers
                    .iter()
                    .find(|one| one.scheme() == scheme)
                    .and_then(|one| said(&one.value)),
                _ => None,
            };
            let is_field = matches!(field, "name" | "address" | "phone" | "email" | "born_on");
            return (is_field || scheme.is_some()).then(|| party.and_then(of));
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
        self.now.to_zoned(zone()).strftime(format).to_string()
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

/// Where civil dates are read; also without the zone's rules on this machine: Việt Nam has had +07 all
/// year since 1975.
fn zone() -> TimeZone {
    TimeZone::get(TIME_ZONE).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(7)))
}

/// A text that was said.
fn said(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| Value::String(text.to_owned()))
}

/// A sex as papers write it.
fn sex(value: Value) -> Value {
    match value.as_str() {
        Some("MALE") => "Nam".into(),
        Some("FEMALE") => "Nữ".into(),
        Some("UNDETERMINED") => "Chưa xác định".into(),
        _ => value,
    }
}

/// An amount as papers write it: `1.250.000 đồng`.
fn amount(value: Value) -> Value {
    let Some(vnd) = value.as_u64() else {
        return value;
    };
    let digits = vnd.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text.push_str(" đồng");
    text.into()
}

/// A day of birth as far as it is known: `2026-11-20`, `2026-11` or `2026`.
fn born_on(date: contract::Date) -> Value {
    let mut text = format!("{:04}", date.year);
    for part in [date.month, date.day]
        .into_iter()
        .take_while(|part| *part > 0)
    {
        text.push_str(&format!("-{part:02}"));
    }
    Value::String(text)
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

    #[test]
    fn a_member_that_may_be_missing_is_left_out_and_the_first_of_several_places_counts() {
        let handover = handover();
        let filling = Filling::new(&handover, Timestamp::now());
        let filled = filling.json(&json!({
            "cause": "{{evidence.birth_notice.data/cause?}}",
            "name": "{{evidence.birth_notice.data/name|party.owner.name}}",
        }));
        assert_eq!(filled.unwrap(), json!({ "name": "Trần Bình" }));
    }

    #[test]
    fn an_amount_is_shared_exactly_and_written_with_dots() {
        let mut handover = handover();
        let data = json!({"price": 1_200_000_000_u64, "sex": "FEMALE"}).to_string();
        handover.evidence[0].data = data.into();
        let filling = Filling::new(&handover, Timestamp::now());
        let text = "{{vnd:per_mille:25:evidence.birth_notice.data/price}} {{sex:evidence.birth_notice.data/sex}}";
        assert_eq!(filling.text(text).unwrap(), "30.000.000 đồng Nữ");
        let value = filling.json(&json!("{{per_mille:5:evidence.birth_notice.data/price}}"));
        assert_eq!(value.unwrap(), json!(6_000_000));
    }
}
