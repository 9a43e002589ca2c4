//! What the broker refused, or that it is away, as a person is told it.

use crate::language::Language;
use node::fault::Fault;
use tonic::{Code, Status};

/// What sort of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// This broker does not serve the call.
    NotServed,
    /// The operator has no grant for it.
    NotGranted,
    /// The broker is away, or did not answer in time.
    Away,
    /// There is no such thing.
    Unknown,
    /// It was refused, with its reason.
    Refused,
}

/// A call that did not come to its answer.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    pub(crate) kind: Kind,
    /// The reason word; empty when there is none.
    pub(crate) reason: String,
    vi: String,
    en: String,
    /// The fields that are wrong, each with how to mend it.
    pub(crate) fields: Vec<(String, String)>,
}

impl Trouble {
    /// Trouble that the console itself has with what was sent.
    pub(crate) fn own(vi: &str, en: &str) -> Self {
        Self {
            kind: Kind::Refused,
            reason: String::new(),
            vi: vi.into(),
            en: en.into(),
            fields: Vec::new(),
        }
    }

    /// The broker did not answer in time.
    pub(crate) fn silent() -> Self {
        Self {
            kind: Kind::Away,
            ..Self::own(
                "Bộ điều phối không trả lời kịp thời.",
                "The broker did not answer in time.",
            )
        }
    }

    /// What to tell a person.
    pub(crate) fn text(&self, language: &Language) -> &str {
        language.of(&self.vi, &self.en)
    }

    pub(crate) fn is_away(&self) -> bool {
        self.kind == Kind::Away
    }

    pub(crate) fn is_not_served(&self) -> bool {
        self.kind == Kind::NotServed
    }
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        let reason = Fault::reason_of(&status).unwrap_or_default();
        let told = |locale| Fault::text_of(&status, locale);
        let (kind, vi, en) = match status.code() {
            Code::Unimplemented => (
                Kind::NotServed,
                "Bộ điều phối này chưa cung cấp mục này.",
                "This broker does not serve this yet.",
            ),
            Code::PermissionDenied | Code::Unauthenticated => (
                Kind::NotGranted,
                "Bạn chưa được cấp quyền cho việc này.",
                "You are not granted this.",
            ),
            // With a reason word the broker itself says so: it is there.
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled if reason.is_empty() => (
                Kind::Away,
                "Không kết nối được với bộ điều phối.",
                "The broker cannot be reached.",
            ),
            Code::NotFound => (Kind::Unknown, "Không tìm thấy.", "There is no such thing."),
            _ => (
                Kind::Refused,
                "Bộ điều phối từ chối yêu cầu này.",
                "The broker refused this.",
            ),
        };
        let told_or = |locale, own: &str| match kind {
            Kind::NotServed | Kind::Away => own.to_owned(),
            _ => told(locale).unwrap_or_else(|| own.to_owned()),
        };
        Self {
            kind,
            vi: told_or("vi", vi),
            en: told_or("en", en),
            reason,
            fields: Fault::fields_of(&status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_both_languages_with_its_fields_and_reason() {
        let status = Fault::new(
            Code::InvalidArgument,
            "INVALID_FIELDS",
            "mend it",
            "hãy sửa",
        )
        .field("reason", "1 to 2,000 bytes")
        .into_status();
        let trouble = Trouble::from(status);
        assert_eq!(trouble.kind, Kind::Refused);
        assert_eq!(trouble.text(&Language::Vi), "hãy sửa");
        assert_eq!(trouble.text(&Language::En), "mend it");
        assert_eq!(trouble.reason, "INVALID_FIELDS");
        assert_eq!(trouble.fields[0].0, "reason");
    }

    #[test]
    fn a_line_that_broke_says_that_the_broker_is_away_and_no_inner_words() {
        let trouble = Trouble::from(Status::unavailable("tcp connect error 10.0.0.1"));
        assert!(trouble.is_away());
        assert!(!trouble.text(&Language::En).contains("10.0.0.1"));
        assert!(Trouble::from(Status::unimplemented("")).is_not_served());
    }
}
