//! Tells a person, or a program, what went wrong: what it is, each field with its rule, what to do.

use node::fault::Fault;
use serde_json::{Value, json};
use std::fmt::Write as _;
use tonic::Status;

/// Tells an error on standard error.
pub(crate) fn tell(error: &anyhow::Error, json: bool) {
    if json {
        eprintln!("{}", json!({ "error": as_json(error) }));
    } else {
        eprint!("{}", as_text(error));
    }
}

fn as_text(error: &anyhow::Error) -> String {
    let mut text = format!("error: {}\n", sentences(error));
    let Some(status) = status_of(error) else { return text };
    // A text cannot refuse to be written to.
    if let Some(vi) = Fault::text_of(status, "vi") {
        let _ = writeln!(text, "       {vi}");
    }
    for (field, rule) in Fault::fields_of(status) {
        let _ = writeln!(text, "  {field}: {rule}");
    }
    if let Some(delay) = Fault::retry_after_of(status) {
        let _ = writeln!(text, "  try again in {} s", delay.as_secs_f32().ceil());
    }
    if let Some(reason) = Fault::reason_of(status) {
        let _ = writeln!(text, "  reason: {reason}");
    }
    text
}

fn as_json(error: &anyhow::Error) -> Value {
    let message = sentences(error);
    let Some(status) = status_of(error) else { return json!({ "message": message }) };
    let fields: Vec<_> = Fault::fields_of(status)
        .into_iter()
        .map(|(field, rule)| json!({ "field": field, "rule": rule }))
        .collect();
    json!({
        "message": message,
        "message_vi": Fault::text_of(status, "vi"),
        "reason": Fault::reason_of(status),
        "code": format!("{:?}", status.code()),
        "fields": fields,
        "retry_after_ms": Fault::retry_after_of(status).map(|delay| delay.as_millis()),
    })
}

/// The error and what lies behind it, each thing said once.
fn sentences(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain() {
        let sentence = match cause.downcast_ref::<Status>() {
            Some(status) if status.message().is_empty() => format!("{}", status.code()),
            Some(status) => status.message().to_owned(),
            None => cause.to_string(),
        };
        if said.contains(&sentence) {
            continue;
        }
        if !said.is_empty() {
            said.push_str(": ");
        }
        said.push_str(&sentence);
    }
    said
}

fn status_of(error: &anyhow::Error) -> Option<&Status> {
    error.chain().find_map(|cause| cause.downcast_ref::<Status>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
    use std::time::Duration;
    use tonic::Code;

    fn refusal() -> anyhow::Error {
        let status = Fault::new(
            Code::InvalidArgument,
            "INVALID_FIELDS",
            "two fields are wrong",
            "hai trường không hợp lệ",
        )
        .field("parties[0].name", "a full name")
        .retry_after(Duration::from_millis(1500))
        .into_status();
        Err::<(), _>(status).context("the dossier was not submitted").unwrap_err()
    }

    #[test]
    fn a_refusal_tells_both_languages_and_each_field() {
        let text = as_text(&refusal());
        assert!(text.starts_with("error: the dossier was not submitted: two fields are wrong\n"), "{text}");
        assert!(text.contains("hai trường không hợp lệ"), "{text}");
        assert!(text.contains("  parties[0].name: a full name\n"), "{text}");
        assert!(text.contains("try again in 2 s"), "{text}");
    }

    #[test]
    fn a_program_gets_reason_and_fields() {
        let told = as_json(&refusal());
        assert_eq!(told["reason"], "INVALID_FIELDS");
        assert_eq!(told["fields"][0]["field"], "parties[0].name");
        assert_eq!(told["retry_after_ms"], 1500);
    }

    #[test]
    fn nothing_is_said_twice() {
        let inner = std::io::Error::other("no such file");
        let error = anyhow::Error::new(inner).context("cannot read x: no such file");
        assert_eq!(as_text(&error), "error: cannot read x: no such file\n");
    }
}
