//! What a broken rule is called: words of the schema only, none of the data.

use super::PARTLY_KNOWN_DATE;
use jsonschema::{
    JsonType,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

/// The member that is missing, if that is what is wrong.
pub(super) fn missing_member(kind: &Kind) -> Option<&str> {
    match kind {
        Kind::Required { property } => property.as_str(),
        _ => None,
    }
}

/// What the value must be. `known` are the members that the schema knows at this place.
pub(super) fn told<'a>(kind: &Kind, known: impl FnOnce() -> Option<Vec<&'a str>>) -> String {
    match kind {
        Kind::Required { .. } => "there".into(),
        Kind::Type { kind } => types(kind),
        Kind::Pattern { pattern } => format!("a text that matches {pattern}"),
        Kind::Format { format } => format_told(format).into(),
        Kind::Enum { options } => format!("one of {}", list(options)),
        Kind::Constant { expected_value } => list(expected_value),
        Kind::MinLength { limit: 1 } => "not empty".into(),
        Kind::MinLength { limit } => format!("at least {limit} characters long"),
        Kind::MaxLength { limit } => format!("at most {limit} characters long"),
        Kind::Minimum { limit } => format!("at least {limit}"),
        Kind::Maximum { limit } => format!("at most {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        Kind::MinItems { limit } => format!("a list of at least {limit} items"),
        Kind::MaxItems { limit } => format!("a list of at most {limit} items"),
        Kind::AdditionalItems { limit } => format!("a list of at most {limit} items"),
        Kind::UniqueItems => "a list with no item twice".into(),
        Kind::MinProperties { limit } => format!("an object with at least {limit} members"),
        Kind::MaxProperties { limit } => format!("an object with at most {limit} members"),
        Kind::AdditionalProperties { .. } => match known() {
            Some(known) if !known.is_empty() => {
                format!("an object with no members but {}", known.join(", "))
            }
            _ => "an object without members".into(),
        },
        Kind::FalseSchema => "absent".into(),
        Kind::AnyOf { .. } | Kind::OneOfNotValid { .. } => {
            "as one of the alternatives of its schema says".into()
        }
        Kind::OneOfMultipleValid { .. } => "as only one of the alternatives says".into(),
        Kind::Not { .. } => "other than what its schema excludes".into(),
        // What schemas are not loaded with; the keyword is the schema's word.
        other => format!("as {} of its schema says", other.keyword()),
    }
}

fn format_told(format: &str) -> &str {
    match format {
        "date" => "a date, YYYY-MM-DD",
        "date-time" => "an instant with its offset (RFC 3339), such as 2026-11-18T07:40:00+07:00",
        PARTLY_KNOWN_DATE => "a date as far as it is known: YYYY-MM-DD, YYYY-MM or YYYY",
        other => other,
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(one) => type_told(*one).into(),
        TypeKind::Multiple(some) => {
            let some: Vec<_> = some.iter().map(type_told).collect();
            some.join(" or ")
        }
    }
}

fn type_told(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "an array",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "a whole number",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a text",
    }
}

/// Values of a schema, as its writer wrote them.
fn list(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(list).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
