//! Form 05: a dossier is stopped, and what becomes of the money.

use super::{Applicant, Letterhead};
use crate::value::paper;
use jiff::civil::DateTime;

paper! {
    /// Form 05, thông báo dừng giải quyết hồ sơ.
    pub struct StopNotice {
        /// Who issues it.
        pub head: Letterhead,
        /// The dossier's code, printed and as QR.
        pub dossier_code: String,
        /// Whose dossier it is.
        pub applicant: Applicant,
        /// What was asked for.
        pub request: String,
        /// When the dossier was received.
        pub received_at: Option<DateTime>,
        /// Who asked to stop.
        pub asked_by: String,
        /// When they asked.
        pub asked_at: Option<DateTime>,
        /// How far the dossier had come.
        pub stage_at_stop: String,
        /// What was decided.
        pub decision: String,
        /// When it was decided.
        pub decided_at: Option<DateTime>,
        /// Why.
        pub reason: String,
        /// The articles of law behind it.
        pub legal_basis: String,
        /// Fees paid until then, in đồng.
        pub fees_paid: Option<i64>,
        /// Of these, what is given back, in đồng.
        pub fees_refunded: Option<i64>,
        /// How it is given back, and whatever else is to settle.
        pub settlement: String,
        /// Who else gets the notice, one a line.
        pub recipients: String,
        /// The title of who signs.
        pub signer_title: String,
        /// Who signs.
        pub signer: String,
    }
}
