//! Checks how a schema is written: known keywords only, so that a misspelt one is told and not
//! ignored; every place typed and closed; references that lead somewhere within the loaded schemas.

use super::{PARTLY_KNOWN_DATE, REFERENCES_MAX};
use crate::{extract::push_token, procedure::Complaint};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";
const FORMATS: [&str; 3] = ["date", "date-time", PARTLY_KNOWN_DATE];

/// What may stand beside `$ref`.
const ANNOTATIONS: [&str; 4] = ["$comment", "deprecated", "description", "title"];
/// What only the whole document has.
const OF_DOCUMENTS: [&str; 3] = ["$defs", "$id", "$schema"];
/// What says which places there are.
const OF_PLACES: [&str; 3] = ["additionalProperties", "format", "pattern"];
/// What makes the values of a place fewer.
const NARROWING: [&str; 27] = [
    "allOf",
    "anyOf",
    "const",
    "dependentRequired",
    "else",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "if",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "prefixItems",
    "properties",
    "required",
    "then",
    "type",
    "uniqueItems",
];

type Texts = BTreeMap<String, (String, Value)>;

pub(super) fn complaint(place: &str, wrong: impl fmt::Display, mend: &str) -> Complaint {
    let place = match place {
        "" => "the schema",
        place => place,
    };
    Complaint {
        place: place.to_owned(),
        wrong: wrong.to_string(),
        mend: mend.to_owned(),
    }
}

/// The id of a schema.
pub(super) fn id(schema: &Value) -> Result<&str, Complaint> {
    const MEND: &str = "write one such as lienthong:birth_notice:1";
    let Some(id) = schema.get("$id") else {
        return Err(complaint("$id", "is missing", MEND));
    };
    let is_word = |name: &str| name.parse::<crate::name::EvidenceName>().is_ok();
    let is_version = |version: &str| {
        (1..=4).contains(&version.len())
            && !version.starts_with('0')
            && version.bytes().all(|byte| byte.is_ascii_digit())
    };
    id.as_str()
        .filter(|id| match id.split(':').collect::<Vec<_>>()[..] {
            ["lienthong", name, version] => is_word(name) && is_version(version),
            _ => false,
        })
        .ok_or_else(|| complaint("$id", "is not lienthong:NAME:VERSION", MEND))
}

/// The document and the schema in it that a reference leads to: `#`, `#/$defs/NAME`, or the same
/// behind another id.
pub(super) fn refer<'a>(
    document: &'a Value,
    reference: &str,
    text: impl FnOnce(&str) -> Option<&'a Value>,
) -> Option<(&'a Value, &'a Value)> {
    let (id, fragment) = reference.split_once('#').unwrap_or((reference, ""));
    let document = if id.is_empty() { document } else { text(id)? };
    if fragment.is_empty() {
        return Some((document, document));
    }
    let name = fragment.strip_prefix("/$defs/")?;
    let place = document.get("$defs")?.get(name)?;
    Some((document, place))
}

/// Everything that is wrong with a schema that has an id.
pub(super) fn complaints(schema: &Value, texts: &Texts) -> Vec<Complaint> {
    let mut check = Check {
        document: schema,
        texts,
        complaints: Vec::new(),
    };
    check.document();
    check.complaints
}

struct Check<'a> {
    document: &'a Value,
    texts: &'a Texts,
    complaints: Vec<Complaint>,
}

impl<'a> Check<'a> {
    fn say(&mut self, at: &str, keyword: &str, wrong: impl fmt::Display, mend: &str) {
        let mut place = at.to_owned();
        if !keyword.is_empty() {
            push_token(&mut place, keyword);
        }
        self.complaints.push(complaint(&place, wrong, mend));
    }

    fn document(&mut self) {
        let document = self.document;
        if document.get("$schema").and_then(Value::as_str) != Some(DRAFT) {
            let mend = format!("write \"$schema\": \"{DRAFT}\"");
            self.say("", "$schema", "is not that of JSON Schema 2020-12", &mend);
        }
        for keyword in ["title", "description"] {
            let text = document.get(keyword).and_then(Value::as_str);
            if text.is_none_or(|text| text.trim().is_empty()) {
                self.say("", keyword, "is missing", "say what the data is");
            }
        }
        if document.get("type").and_then(Value::as_str) != Some("object") {
            self.say("", "type", "is not object", "write \"type\": \"object\"");
        }
        for (at, place) in children("", document, "$defs") {
            self.place(&at, place);
        }
        self.place("", document);
        if let Err(error) = jsonschema::draft202012::meta::validate(document) {
            let at = error.instance_path().as_str().to_owned();
            self.say(&at, "", error, "follow JSON Schema 2020-12");
        }
    }

    /// A schema that says all that may stand at a place.
    fn place(&mut self, at: &str, schema: &'a Value) {
        let Some(object) = self.object(at, schema) else {
            return;
        };
        if let Some(reference) = object.get("$ref") {
            self.keywords(at, object, &[&["$ref"], &ANNOTATIONS]);
            self.reference(at, reference);
            return;
        }
        let places = [&OF_PLACES[..], &NARROWING, &ANNOTATIONS, &OF_DOCUMENTS];
        let places = if at.is_empty() {
            &places[..]
        } else {
            &places[..3]
        };
        self.keywords(at, object, places);
        let closed = Some(&Value::Bool(false));
        match object.get("type").and_then(Value::as_str) {
            None => self.say(
                at,
                "type",
                "is not one type",
                "write one, such as \"string\"",
            ),
            Some("object") => {
                if object.get("additionalProperties") != closed {
                    let wrong = "is not false, so a fault would have to repeat names of the data";
                    let mend =
                        "write \"additionalProperties\": false, and each member in `properties`";
                    self.say(at, "additionalProperties", wrong, mend);
                }
                self.required(at, object);
            }
            Some("array") => match (object.get("prefixItems"), object.get("items")) {
                (None, Some(Value::Object(_))) | (Some(_), Some(_)) => {}
                _ => self.say(at, "items", "is missing", "say what an item is"),
            },
            Some(_) => {}
        }
        let format = object.get("format").map(Value::as_str);
        if format.is_some_and(|format| format.is_none_or(|format| !FORMATS.contains(&format))) {
            let mend = format!("write one of: {}", FORMATS.join(", "));
            self.say(at, "format", "is none that is checked", &mend);
        }
        for keyword in ["properties", "prefixItems"] {
            for (at, place) in children(at, schema, keyword) {
                self.place(&at, place);
            }
        }
        if let Some(items) = object.get("items").filter(|items| Some(*items) != closed) {
            self.place(&format!("{at}/items"), items);
        }
        self.narrowings(at, schema);
    }

    /// What is required is known.
    fn required(&mut self, at: &str, object: &'a Map<String, Value>) {
        let known = object.get("properties").and_then(Value::as_object);
        let required = object.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !known.is_some_and(|known| known.contains_key(name)) {
                let wrong = format!("`{name}` is not in `properties`");
                self.say(at, "required", wrong, "add it there, or remove it here");
            }
        }
    }

    /// The schemas within this one that make its values fewer.
    fn narrowings(&mut self, at: &str, schema: &'a Value) {
        for keyword in ["not", "if", "then", "else"] {
            if let Some(one) = schema.get(keyword) {
                self.narrowing(&format!("{at}/{keyword}"), one);
            }
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for (at, one) in children(at, schema, keyword) {
                self.narrowing(&at, one);
            }
        }
    }

    fn narrowing(&mut self, at: &str, schema: &'a Value) {
        let Some(object) = self.object(at, schema) else {
            return;
        };
        self.keywords(at, object, &[&NARROWING, &["pattern"]]);
        for keyword in ["properties", "prefixItems"] {
            for (at, one) in children(at, schema, keyword) {
                self.narrowing(&at, one);
            }
        }
        if let Some(items) = schema.get("items") {
            self.narrowing(&format!("{at}/items"), items);
        }
        self.narrowings(at, schema);
    }

    fn object(&mut self, at: &str, schema: &'a Value) -> Option<&'a Map<String, Value>> {
        let object = schema.as_object();
        if object.is_none() {
            self.say(at, "", "is no schema", "write an object");
        }
        object
    }

    fn keywords(&mut self, at: &str, object: &Map<String, Value>, known: &[&[&str]]) {
        for keyword in object.keys() {
            if !known.iter().any(|some| some.contains(&keyword.as_str())) {
                let wrong = "is no keyword that is read here";
                self.say(at, keyword, wrong, "correct its name, or remove it");
            }
        }
    }

    fn reference(&mut self, at: &str, reference: &'a Value) {
        let mut here = (self.document, reference);
        for _ in 0..REFERENCES_MAX {
            let text = |id: &str| self.texts.get(id).map(|(_, text)| text);
            let to = here.1.as_str().and_then(|to| refer(here.0, to, text));
            let Some((document, place)) = to else {
                let wrong = "leads nowhere within the loaded schemas";
                let mend = "write #/$defs/NAME, or an id that is loaded, alone or with #/$defs/NAME behind it";
                return self.say(at, "$ref", wrong, mend);
            };
            match place.get("$ref") {
                None => return,
                Some(next) => here = (document, next),
            }
        }
        let wrong = format!("is followed by {REFERENCES_MAX} others, or leads back to itself");
        self.say(at, "$ref", wrong, "refer to the schema that is meant");
    }
}

/// The schemas of a keyword that has several, each with its place.
fn children<'a>(at: &str, schema: &'a Value, keyword: &str) -> Vec<(String, &'a Value)> {
    let within = |token: &str| {
        let mut place = format!("{at}/{keyword}");
        push_token(&mut place, token);
        place
    };
    match schema.get(keyword) {
        Some(Value::Object(all)) => all.iter().map(|(name, one)| (within(name), one)).collect(),
        Some(Value::Array(all)) => all
            .iter()
            .enumerate()
            .map(|(n, one)| (within(&n.to_string()), one))
            .collect(),
        _ => Vec::new(),
    }
}
