//! Form 02: what is still needed of the citizen, once and completely.

use super::{Applicant, Letterhead};
use crate::value::{AsValue, Value, paper};
use jiff::civil::DateTime;

paper! {
    /// Form 02, phiếu yêu cầu bổ sung, hoàn thiện hồ sơ.
    pub struct SupplementRequest {
        /// Who issues it.
        pub head: Letterhead,
        /// The dossier's code, printed and as QR.
        pub dossier_code: String,
        /// Whose dossier it is.
        pub applicant: Applicant,
        /// What was asked for.
        pub request: String,
        /// In which stage the request falls: there is one in each.
        pub stage: Option<Stage>,
        /// What is needed.
        pub items: Vec<SupplementItem>,
        /// Why, for the request as a whole.
        pub reason: String,
        /// Until when the citizen should answer.
        pub due_at: Option<DateTime>,
        /// Where the citizen can follow the dossier.
        pub lookup_url: String,
        /// Whom to ask.
        pub contact_officer: String,
        /// And their telephone.
        pub contact_phone: String,
        /// The officer who explains the request and signs it.
        pub guide: String,
    }
}

paper! {
    /// One thing that is needed.
    pub struct SupplementItem {
        /// Its name, as in the procedure.
        pub name: String,
        /// How many originals.
        pub originals: u32,
        /// How many certified copies.
        pub certified_copies: u32,
        /// How many plain copies.
        pub photocopies: u32,
        /// Why this one is needed.
        pub reason: String,
        /// The article of law that asks for it.
        pub legal_basis: String,
        /// The agency that asked.
        pub asked_by: String,
        /// And its code.
        pub asked_by_code: String,
        /// That no agency holds it: where it was looked up, when, and with what answer.
        pub once_only_proof: String,
    }
}

/// The stage in which a supplement is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// While the desk checks what was filed.
    Intake,
    /// While an agency works on it.
    Appraisal,
}

impl AsValue for Option<Stage> {
    fn value(&self) -> Value {
        let words = match self {
            None => "",
            Some(Stage::Intake) => "Kiểm tra hồ sơ khi tiếp nhận",
            Some(Stage::Appraisal) => "Thẩm định, giải quyết hồ sơ",
        };
        Value::Text(words.to_owned())
    }
}
