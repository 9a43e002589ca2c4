//! Tells a person, or a program, what went wrong: what it is, each field with its rule, what to do.

use node::fault::Fault;
use serde_json::{Value, json};
use std::{fmt::Write as _, time::Duration};
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
    let Some(refusal) = refusal_of(error) else {
        return format!("error: {}\n", sentences(error));
    };
    let mut text = format!("error: {}\n", refusal.heading());
    // A text cannot refuse to be written to.
    if !refusal.vi.is_empty() {
        let _ = writeln!(text, "       {}", refusal.vi);
    }
    for (field, rule) in &refusal.fields {
        let _ = writeln!(text, "  {field}: {rule}");
    }
    if let Some(delay) = refusal.retry_after {
        let _ = writeln!(text, "  try again in {} s", delay.as_secs_f32().ceil());
    }
    if !refusal.reason.is_empty() {
        let _ = writeln!(text, "  reason: {}", refusal.reason);
    }
    text
}

fn as_json(error: &anyhow::Error) -> Value {
    let Some(refusal) = refusal_of(error) else {
        return json!({ "message": sentences(error) });
    };
    let fields: Vec<_> = refusal
        .fields
        .iter()
        .map(|(field, rule)| json!({ "field": field, "rule": rule }))
        .collect();
    json!({
        "message": refusal.en,
        "message_vi": refusal.vi,
        "reason": refusal.reason,
        "fields": fields,
        "retry_after_ms": refusal.retry_after.map(|delay| delay.as_millis()),
    })
}

/// What the broker refused, whichever way it came here.
struct Refusal {
    en: String,
    vi: String,
    reason: String,
    fields: Vec<(String, String)>,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// What it says before it comes to the fields, which are told one by one.
    fn heading(&self) -> &str {
        let fields = self
            .fields
            .first()
            .and_then(|(field, _)| self.en.find(field.as_str()));
        let heading = fields.map_or("", |at| self.en[..at].trim_end_matches([':', ' ']));
        if heading.is_empty() {
            &self.en
        } else {
            heading
        }
    }

    fn of_status(status: &Status, en: String) -> Self {
        Self {
            en,
            vi: Fault::text_of(status, "vi").unwrap_or_default(),
            reason: Fault::reason_of(status).unwrap_or_default(),
            fields: Fault::fields_of(status),
            retry_after: Fault::retry_after_of(status),
        }
    }

    fn of_desk(refused: &desk::Refused) -> Self {
        Self {
            en: refused.en.clone(),
            vi: refused.vi.clone(),
            reason: refused.reason.clone(),
            fields: refused.fields.clone(),
            retry_after: None,
        }
    }
}

fn refusal_of(error: &anyhow::Error) -> Option<Refusal> {
    use desk::{CallError, SaveError, SubmitError};
    error.chain().find_map(|cause| {
        let call = cause.downcast_ref::<CallError>();
        let call = call.or(match cause.downcast_ref::<SaveError>() {
            Some(SaveError::Call(call)) => Some(call),
            _ => None,
        });
        match (call, cause.downcast_ref::<SubmitError>()) {
            (Some(CallError::Refused(refused)), _) | (_, Some(SubmitError::Refused(refused))) => {
                return Some(Refusal::of_desk(refused));
            }
            (Some(CallError::Away(status)), _) => {
                let en = format!(
                    "the broker does not answer ({}); try again later",
                    status.message()
                );
                return Some(Refusal::of_status(status, en));
            }
            _ => {}
        }
        let status = cause.downcast_ref::<Status>()?;
        Some(Refusal::of_status(status, sentences(error)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;
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
        Err::<(), _>(status)
            .context("the dossier was not submitted")
            .unwrap_err()
    }

    #[test]
    fn a_refusal_tells_both_languages_and_each_field() {
        let text = as_text(&refusal());
        assert!(
            text.starts_with("error: the dossier was not submitted: two fields are wrong\n"),
            "{text}"
        );
        assert!(text.contains("hai trường không hợp lệ"), "{text}");
        assert!(text.contains("  parties[0].name: a full name\n"), "{text}");
        assert!(text.contains("try again in 2 s"), "{text}");
    }

    #[test]
    fn a_field_is_told_once() {
        let status = Fault::new(
            Code::InvalidArgument,
            "X",
            "1 field is wrong: a.b must be c",
            "x",
        )
        .field("a.b", "must be c")
        .into_status();
        let text = as_text(&anyhow::Error::new(status));
        assert!(text.starts_with("error: 1 field is wrong\n"), "{text}");
        assert_eq!(text.matches("must be c").count(), 1, "{text}");
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
