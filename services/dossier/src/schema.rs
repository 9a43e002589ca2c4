//! Schemas: what the data of evidence must look like. JSON Schema 2020-12, read from texts, checked
//! as they are loaded, compiled once; what they say of data repeats none of it.

mod rule;
mod shape;

use crate::{
    extract::{Pointer, index, push_token},
    ijson,
    intake::EVIDENCE_DATA_BYTES_MAX,
    procedure::Complaint,
};
use jsonschema::{Draft, PatternOptions, Registry, Validator};
use serde_json::Value;
use std::{collections::BTreeMap, fmt, sync::Arc};

/// The most bytes of one schema.
pub const SCHEMA_BYTES_MAX: usize = 256 * 1024;
/// The most faults that are told of one piece of data.
pub const SCHEMA_FAULTS_MAX: usize = 20;
/// The most memory that one compiled pattern may take, in bytes.
pub const PATTERN_BYTES_MAX: usize = 1024 * 1024;
/// The most references that may follow one another.
pub const REFERENCES_MAX: usize = 16;

/// The format of dates of which the day, or the month and the day, may be unknown.
const PARTLY_KNOWN_DATE: &str = "partly-known-date";

/// One rule that data breaks. Neither field repeats a value, or a name that the schema does not know:
/// both may be personal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaFault {
    /// Where, as a JSON pointer (RFC 6901); empty for the data as a whole.
    pub pointer: String,
    /// What it must be there, such as `a text that matches ^[0-9]{12}$` or `there`.
    pub rule: String,
}

impl fmt::Display for SchemaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match self.pointer.as_str() {
            "" => "the data",
            pointer => pointer,
        };
        write!(f, "{place} must be {}", self.rule)
    }
}

/// Data that is not as its schema says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DataError {
    /// Name the schema that the procedure names for this evidence.
    #[error("no schema has this id; name the one that the procedure names for this evidence")]
    UnknownSchema,
    /// Mend each place named; at most [`SCHEMA_FAULTS_MAX`] are.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Faults(Vec<SchemaFault>),
}

/// Schemas that cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// Mend the file's JSON at the place that the message names.
    #[error("{file}: {message}; mend the JSON there")]
    Unreadable {
        /// The file.
        file: String,
        /// What the reader says.
        message: String,
    },
    /// Mend each place named.
    #[error("{file}: {}", complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
    Unsound {
        /// The file.
        file: String,
        /// Everything that is wrong.
        complaints: Vec<Complaint>,
    },
    /// Give one of the two the next version, or remove it.
    #[error(
        "{second}: $id: `{id}` is also the id of {first}; give one of them the next version, or remove it"
    )]
    Twice {
        /// The id.
        id: String,
        /// One of the files.
        first: String,
        /// The other.
        second: String,
    },
}

/// All schemas that data may name.
#[derive(Clone, Default)]
pub struct Schemas {
    by_id: BTreeMap<String, Arc<Schema>>,
}

struct Schema {
    text: Value,
    validator: Validator,
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.ids()).finish()
    }
}

impl Schemas {
    /// Loads schemas, each a file's name, for messages, and its text. They may refer to each other.
    ///
    /// Taken are documents of JSON Schema 2020-12 with an `$id` such as `lienthong:birth_notice:1`,
    /// in the keywords that this system reads. Objects in them know all their members: otherwise a
    /// fault would have to repeat a name that comes from the data.
    ///
    /// # Errors
    /// Names the first file that is wrong, each place in it, and its mend.
    pub fn new(files: Vec<(String, String)>) -> Result<Self, SchemaError> {
        let mut texts: BTreeMap<String, (String, Value)> = BTreeMap::new();
        for (file, text) in files {
            let value = match ijson::read(text.as_bytes(), SCHEMA_BYTES_MAX) {
                Ok(value) => value,
                Err(error) => {
                    let message = error.to_string();
                    return Err(SchemaError::Unreadable { file, message });
                }
            };
            let id = match shape::id(&value) {
                Ok(id) => id.to_owned(),
                Err(complaint) => return Err(unsound(file, vec![complaint])),
            };
            if let Some((first, _)) = texts.get(&id) {
                let (first, second) = (first.clone(), file);
                return Err(SchemaError::Twice { id, first, second });
            }
            texts.insert(id, (file, value));
        }
        for (file, value) in texts.values() {
            let complaints = shape::complaints(value, &texts);
            if !complaints.is_empty() {
                return Err(unsound(file.clone(), complaints));
            }
        }
        Self::compile(texts)
    }

    fn compile(texts: BTreeMap<String, (String, Value)>) -> Result<Self, SchemaError> {
        let pairs = texts.iter().map(|(id, (_, value))| (id.as_str(), value));
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .extend(pairs)
            .and_then(jsonschema::RegistryBuilder::prepare)
            .map_err(|error| {
                let file = texts.values().map(|(file, _)| file.as_str());
                let file = file.collect::<Vec<_>>().join(", ");
                unsound(file, vec![shape::complaint("$ref", error, "correct it")])
            })?;
        let mut options = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&registry)
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            .with_format(PARTLY_KNOWN_DATE, is_partly_known_date);
        // Takes time in proportion to the text, whatever the pattern.
        options =
            options.with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX));
        let mut by_id = BTreeMap::new();
        for (id, (file, value)) in &texts {
            let validator = options.build(value).map_err(|error| {
                // What the compiler refuses beyond what was checked are patterns.
                let mend =
                    "write a pattern without look-around and back references, and not too large";
                let place = shape::complaint(error.schema_path().as_str(), &error, mend);
                unsound(file.clone(), vec![place])
            })?;
            let text = value.clone();
            by_id.insert(id.clone(), Arc::new(Schema { text, validator }));
        }
        Ok(Self { by_id })
    }

    /// Their ids, in order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(String::as_str)
    }

    /// Whether data may name this one.
    pub fn has(&self, schema_id: &str) -> bool {
        self.by_id.contains_key(schema_id)
    }

    /// Checks data against the schema that it names. The same data always gets the same answer.
    ///
    /// # Errors
    /// The rules that it breaks and where, in order; or that there is no such schema.
    pub fn check(&self, schema_id: &str, data: &[u8]) -> Result<(), DataError> {
        let value = ijson::read(data, EVIDENCE_DATA_BYTES_MAX).map_err(|error| {
            DataError::Faults(vec![SchemaFault {
                pointer: String::new(),
                rule: error.rule(),
            }])
        })?;
        self.check_value(schema_id, &value)
    }

    /// Checks data that was read from I-JSON.
    pub(crate) fn check_value(&self, schema_id: &str, value: &Value) -> Result<(), DataError> {
        let schema = self.by_id.get(schema_id).ok_or(DataError::UnknownSchema)?;
        if schema.validator.is_valid(value) {
            return Ok(());
        }
        let mut faults: Vec<_> = schema
            .validator
            .iter_errors(value)
            .map(|error| self.fault(schema, &error))
            .collect();
        faults.sort();
        faults.dedup();
        faults.truncate(SCHEMA_FAULTS_MAX);
        Err(DataError::Faults(faults))
    }

    /// Whether the schema knows the place that this pointer names. In an array any index counts that
    /// its schema allows.
    pub fn has_pointer(&self, schema_id: &str, pointer: &Pointer) -> bool {
        self.reach(schema_id, pointer.tokens()).is_some()
    }

    /// Whether all data that the schema accepts has what this pointer names, so that an extract never
    /// lacks it. What is required only under a condition is not counted.
    pub fn always_has_pointer(&self, schema_id: &str, pointer: &Pointer) -> bool {
        self.reach(schema_id, pointer.tokens())
            .is_some_and(|(_, always)| always)
    }

    /// The schema of a place, and whether it is always there.
    fn reach<'a>(&'a self, schema_id: &str, tokens: &[String]) -> Option<(&'a Value, bool)> {
        let mut document = &self.by_id.get(schema_id)?.text;
        let mut place = document;
        let mut always = true;
        for token in tokens {
            (document, place) = self.referred(document, place);
            if let Some(member) = place.pointer("/properties").and_then(|all| all.get(token)) {
                let required = place.get("required").and_then(Value::as_array);
                always &= required.is_some_and(|names| names.iter().any(|name| name == token));
                place = member;
            } else {
                let n = index(token)?;
                let number = |keyword| place.get(keyword).and_then(Value::as_u64);
                let n_th = u64::try_from(n).unwrap_or(u64::MAX);
                if number("maxItems").is_some_and(|max| n_th >= max) {
                    return None;
                }
                always &= number("minItems").is_some_and(|min| n_th < min);
                let item = place.get("prefixItems").and_then(|items| items.get(n));
                place = item.or_else(|| place.get("items"))?;
                if place == &Value::Bool(false) {
                    return None;
                }
            }
        }
        (_, place) = self.referred(document, place);
        Some((place, always))
    }

    /// The schema that a place refers to, with its document; itself when it does not refer.
    fn referred<'a>(&'a self, document: &'a Value, place: &'a Value) -> (&'a Value, &'a Value) {
        let (mut document, mut place) = (document, place);
        while let Some(reference) = place.get("$ref").and_then(Value::as_str) {
            let found = shape::refer(document, reference, |id| {
                self.by_id.get(id).map(|schema| &schema.text)
            });
            (document, place) = found.expect("references were followed at load");
        }
        (document, place)
    }

    fn fault(&self, schema: &Schema, error: &jsonschema::ValidationError<'_>) -> SchemaFault {
        let mut pointer = error.instance_path().as_str().to_owned();
        if let Some(member) = rule::missing_member(error.kind()) {
            push_token(&mut pointer, member);
        }
        let known = || -> Option<Vec<&str>> {
            let id = shape::id(&schema.text).ok()?;
            let at: Pointer = pointer.parse().ok()?;
            let (place, _) = self.reach(id, at.tokens())?;
            let members = place.get("properties")?.as_object()?;
            Some(members.keys().map(String::as_str).collect())
        };
        let rule = rule::told(error.kind(), known);
        SchemaFault { pointer, rule }
    }
}

fn unsound(file: String, complaints: Vec<Complaint>) -> SchemaError {
    SchemaError::Unsound { file, complaints }
}

/// A year, a month of a year or a day: YYYY, YYYY-MM or YYYY-MM-DD.
fn is_partly_known_date(text: &str) -> bool {
    let rest = match text.len() {
        4 => "-01-01",
        7 => "-01",
        10 => "",
        _ => return false,
    };
    let digits_and_hyphens = text.bytes().enumerate().all(|(at, byte)| match at {
        4 | 7 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    digits_and_hyphens && format!("{text}{rest}").parse::<jiff::civil::Date>().is_ok()
}
