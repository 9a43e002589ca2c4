//! A refusal that teaches: one builder for `google.rpc.Status`, as the end of a call and as a verdict.

use prost::Message;
use prost_types::Any;
use std::{borrow::Cow, time::Duration};
use tonic::{Code, Status};
use tonic_types::pb::{
    self, BadRequest, ErrorInfo, LocalizedMessage, PreconditionFailure, RetryInfo, bad_request,
    precondition_failure,
};

/// The domain of every reason word of this product.
pub const DOMAIN: &str = "lienthong";
/// Violations that one refusal names; the rest are counted in its metadata, `violationsLeftOut`.
pub const VIOLATIONS_MAX: usize = 32;
/// Bytes of one text in a refusal; longer ones are cut. The whole travels in an HTTP/2 header.
pub const TEXT_BYTES_MAX: usize = 400;
/// Bytes of all details together; stock clients accept 8 KiB of headers.
const DETAILS_BYTES_MAX: usize = 5 * 1024;

const TYPE_PREFIX: &str = "type.googleapis.com/google.rpc.";

/// What is wrong and what to do, in Vietnamese and English, with its reason word. It names fields
/// and rules, never personal values.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault(Box<Told>);

#[derive(Debug, Clone, PartialEq)]
struct Told {
    code: Code,
    reason: &'static str,
    en: String,
    vi: String,
    metadata: Vec<(String, String)>,
    fields: Vec<bad_request::FieldViolation>,
    preconditions: Vec<precondition_failure::Violation>,
    retry_after: Option<Duration>,
}

impl Fault {
    /// A refusal with its `reason` word (`UPPER_SNAKE_CASE`) and what to tell a person.
    pub fn new(
        code: Code,
        reason: &'static str,
        en: impl Into<String>,
        vi: impl Into<String>,
    ) -> Self {
        debug_assert!(
            reason
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_'),
            "a reason word is UPPER_SNAKE_CASE: {reason}"
        );
        Self(Box::new(Told {
            code,
            reason,
            en: cut(en.into()),
            vi: cut(vi.into()),
            metadata: Vec::new(),
            fields: Vec::new(),
            preconditions: Vec::new(),
            retry_after: None,
        }))
    }

    /// Names a field that is wrong, by its path in the message, and how to mend it.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.0.fields.push(bad_request::FieldViolation {
            field: cut(name.into()),
            description: cut(description.into()),
            ..Default::default()
        });
        self
    }

    /// Names a rule that does not hold yet: its kind, what it is about, and how to make it hold.
    #[must_use]
    pub fn precondition(
        mut self,
        kind: impl Into<String>,
        subject: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        self.0.preconditions.push(precondition_failure::Violation {
            r#type: cut(kind.into()),
            subject: cut(subject.into()),
            description: cut(description.into()),
        });
        self
    }

    /// Says after how long to try again.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.0.retry_after = Some(delay);
        self
    }

    /// Adds a value for programs to read.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.metadata.push((key.into(), cut(value.into())));
        self
    }

    /// The status code of the refusal.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The reason word of the refusal.
    pub fn reason(&self) -> &'static str {
        self.0.reason
    }

    /// Whether any field has been named: a check of many fields refuses if so.
    pub fn has_fields(&self) -> bool {
        !self.0.fields.is_empty()
    }

    /// The refusal as the end of a call.
    pub fn into_status(self) -> Status {
        let rpc = self.into_rpc();
        let code = Code::from(rpc.code);
        let details = rpc.encode_to_vec();
        Status::with_details(code, rpc.message, details.into())
    }

    /// The refusal as a verdict carries it.
    pub fn into_rpc(mut self) -> pb::Status {
        let named = self.0.fields.len() + self.0.preconditions.len();
        self.0.fields.truncate(VIOLATIONS_MAX);
        self.0.preconditions.truncate(VIOLATIONS_MAX);
        loop {
            let details = self.details(named);
            let bytes: usize = details.iter().map(Message::encoded_len).sum();
            let cut_one = bytes > DETAILS_BYTES_MAX
                && (self.0.fields.pop().is_some()
                    || self.0.preconditions.pop().is_some()
                    || self.0.metadata.pop().is_some());
            if !cut_one {
                return pb::Status {
                    code: self.0.code as i32,
                    message: self.0.en,
                    details,
                };
            }
        }
    }

    fn details(&self, named: usize) -> Vec<Any> {
        let left_out = named - self.0.fields.len() - self.0.preconditions.len();
        let mut metadata: Vec<_> = self.0.metadata.clone();
        if left_out > 0 {
            metadata.push(("violationsLeftOut".into(), left_out.to_string()));
        }
        let info = ErrorInfo {
            reason: self.0.reason.into(),
            domain: DOMAIN.into(),
            metadata: metadata.into_iter().collect(),
        };
        let mut details = vec![
            any("ErrorInfo", &info),
            any("LocalizedMessage", &localized("vi", &self.0.vi)),
            any("LocalizedMessage", &localized("en", &self.0.en)),
        ];
        if !self.0.fields.is_empty() {
            let wrong = BadRequest {
                field_violations: self.0.fields.clone(),
            };
            details.push(any("BadRequest", &wrong));
        }
        if !self.0.preconditions.is_empty() {
            let unmet = PreconditionFailure {
                violations: self.0.preconditions.clone(),
            };
            details.push(any("PreconditionFailure", &unmet));
        }
        if let Some(delay) = self.0.retry_after {
            let retry_delay = prost_types::Duration::try_from(delay).ok();
            details.push(any("RetryInfo", &RetryInfo { retry_delay }));
        }
        details
    }

    /// The reason word in a refusal of this product, from either of its two forms. Anything else in its
    /// place is the other side's free text, which belongs into no log and no incident.
    pub fn reason_of(refusal: &impl Refusal) -> Option<String> {
        read::<ErrorInfo>(refusal, "ErrorInfo")
            .find(|info| info.domain == DOMAIN)
            .map(|info| info.reason)
            .filter(|reason| is_reason_word(reason))
    }

    /// One value for programs in a refusal.
    pub fn metadata_of(refusal: &impl Refusal, key: &str) -> Option<String> {
        read::<ErrorInfo>(refusal, "ErrorInfo").find_map(|mut info| info.metadata.remove(key))
    }

    /// The text of a refusal in a language: `vi` or `en`.
    pub fn text_of(refusal: &impl Refusal, locale: &str) -> Option<String> {
        read::<LocalizedMessage>(refusal, "LocalizedMessage")
            .find(|text| text.locale == locale)
            .map(|text| text.message)
    }

    /// The fields that a refusal names, each with how to mend it.
    pub fn fields_of(refusal: &impl Refusal) -> Vec<(String, String)> {
        read::<BadRequest>(refusal, "BadRequest")
            .flat_map(|wrong| wrong.field_violations)
            .map(|violation| (violation.field, violation.description))
            .collect()
    }

    /// After how long a refusal says to try again.
    pub fn retry_after_of(refusal: &impl Refusal) -> Option<Duration> {
        read::<RetryInfo>(refusal, "RetryInfo")
            .find_map(|retry| Duration::try_from(retry.retry_delay?).ok())
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        fault.into_status()
    }
}

impl From<Fault> for pb::Status {
    fn from(fault: Fault) -> Self {
        fault.into_rpc()
    }
}

/// The two forms in which a refusal arrives: the end of a call, and a verdict.
pub trait Refusal {
    /// The refusal as `google.rpc.Status`; empty when its details cannot be read.
    fn rpc(&self) -> Cow<'_, pb::Status>;
}

impl Refusal for pb::Status {
    fn rpc(&self) -> Cow<'_, pb::Status> {
        Cow::Borrowed(self)
    }
}

impl Refusal for Status {
    fn rpc(&self) -> Cow<'_, pb::Status> {
        Cow::Owned(pb::Status::decode(self.details()).unwrap_or_default())
    }
}

fn read<M: Message + Default>(
    refusal: &impl Refusal,
    name: &'static str,
) -> impl Iterator<Item = M> {
    let details = refusal.rpc().into_owned().details;
    details.into_iter().filter_map(move |any| {
        let named = any.type_url.strip_prefix(TYPE_PREFIX) == Some(name);
        named
            .then(|| M::decode(any.value.as_slice()).ok())
            .flatten()
    })
}

fn any(name: &str, message: &impl Message) -> Any {
    Any {
        type_url: format!("{TYPE_PREFIX}{name}"),
        value: message.encode_to_vec(),
    }
}

fn localized(locale: &str, message: &str) -> LocalizedMessage {
    LocalizedMessage {
        locale: locale.into(),
        message: message.into(),
    }
}

fn cut(mut text: String) -> String {
    if text.len() > TEXT_BYTES_MAX {
        let end = text.floor_char_boundary(TEXT_BYTES_MAX - '…'.len_utf8());
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Whether a text is a reason word: `[A-Z][A-Z0-9_]+[A-Z0-9]`, at most 63 characters (google.rpc.ErrorInfo).
fn is_reason_word(text: &str) -> bool {
    let is_of_words = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    (2..=63).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && !text.ends_with('_')
        && text.bytes().all(is_of_words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic_types::StatusExt as _;

    fn fault() -> Fault {
        Fault::new(
            Code::InvalidArgument,
            "INVALID_FIELDS",
            "two fields are wrong; mend them and send again",
            "hai trường chưa đúng; sửa rồi gửi lại",
        )
        .field("dossier.code", "is empty; take one from your block")
        .field("procedure", "is not known")
        .precondition("STEP_HELD", "register", "report after you hold it")
        .retry_after(Duration::from_millis(1500))
        .metadata("limitBytes", "1000")
    }

    #[test]
    fn a_stock_client_reads_every_detail_of_the_status() {
        let status = fault().into_status();
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(
            status.message(),
            "two fields are wrong; mend them and send again"
        );

        let details = status.get_error_details();
        let info = details.error_info().unwrap();
        assert_eq!(
            (info.reason.as_str(), info.domain.as_str()),
            ("INVALID_FIELDS", "lienthong")
        );
        assert_eq!(details.bad_request().unwrap().field_violations.len(), 2);
        assert_eq!(
            details.precondition_failure().unwrap().violations[0].subject,
            "register"
        );
        assert_eq!(
            details.retry_info().unwrap().retry_delay,
            Some(Duration::from_millis(1500))
        );
    }

    #[test]
    fn both_forms_tell_the_same() {
        let (status, rpc) = (fault().into_status(), fault().into_rpc());
        assert_eq!(Fault::reason_of(&status).as_deref(), Some("INVALID_FIELDS"));
        assert_eq!(Fault::reason_of(&rpc), Fault::reason_of(&status));
        assert_eq!(
            Fault::text_of(&rpc, "vi").unwrap(),
            "hai trường chưa đúng; sửa rồi gửi lại"
        );
        assert_eq!(Fault::text_of(&status, "en").unwrap(), status.message());
        assert_eq!(
            Fault::retry_after_of(&status),
            Some(Duration::from_millis(1500))
        );
        assert_eq!(
            Fault::metadata_of(&rpc, "limitBytes").as_deref(),
            Some("1000")
        );
        assert_eq!(Fault::fields_of(&rpc)[1].0, "procedure");
        assert_eq!(rpc.code, status.code() as i32);
    }

    #[test]
    fn a_status_of_somebody_else_has_no_reason_word() {
        assert_eq!(Fault::reason_of(&Status::internal("boom")), None);
        let odd = Status::with_details(Code::Internal, "boom", bytes::Bytes::from_static(b"\xff"));
        assert_eq!(Fault::reason_of(&odd), None);
    }

    #[test]
    fn a_thousand_wrong_fields_still_fit_in_a_header() {
        let long = "ờ".repeat(5_000);
        let mut fault = Fault::new(Code::InvalidArgument, "INVALID_FIELDS", &long, &long);
        for number in 0..1_000 {
            fault = fault.field(format!("evidence[{number}]"), &long);
        }
        let rpc = fault.into_rpc();
        assert!(rpc.encoded_len() < 6 * 1024, "{}", rpc.encoded_len());
        let named = Fault::fields_of(&rpc).len();
        assert!(named > 0);
        let left_out = Fault::metadata_of(&rpc, "violationsLeftOut").unwrap();
        assert_eq!(named + left_out.parse::<usize>().unwrap(), 1_000);
    }
}
