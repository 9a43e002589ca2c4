//! Form 06: every handover of a dossier, who, to whom, when, and whether in time.

use super::{Applicant, Letterhead};
use crate::value::{AsValue, Value, paper};
use jiff::civil::DateTime;

paper! {
    /// Form 06 (05 before TT 03/2025), phiếu kiểm soát quá trình giải quyết hồ sơ.
    pub struct ControlSlip {
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
        /// When the result is promised.
        pub promised_at: Option<DateTime>,
        /// The agency or unit that resolves it.
        pub lead_agency: String,
        /// Those that take part.
        pub cooperating_agencies: String,
        /// The handovers, oldest first.
        pub rows: Vec<ControlSlipRow>,
    }
}

paper! {
    /// One handover.
    pub struct ControlSlipRow {
        /// Who gave the dossier away.
        pub from_agency: String,
        /// Who got it.
        pub to_agency: String,
        /// The officer or system that gave it.
        pub giver: String,
        /// The officer or system that received it.
        pub receiver: String,
        /// When it was given.
        pub handed_at: Option<DateTime>,
        /// When it was received.
        pub received_at: Option<DateTime>,
        /// Until when the receiver had to be done.
        pub due_at: Option<DateTime>,
        /// Whether the receiver was; `None` while it works.
        pub timeliness: Option<Timeliness>,
        /// Whatever else is to say.
        pub note: String,
        /// The first 16 hexadecimal digits of this entry's hash in the dossier's chain.
        pub chain_hash: String,
    }
}

/// Whether a receiver was done in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeliness {
    /// Trước hạn.
    Early,
    /// Đúng hạn.
    OnTime,
    /// Quá hạn.
    Overdue,
}

impl AsValue for Option<Timeliness> {
    fn value(&self) -> Value {
        let words = match self {
            None => "",
            Some(Timeliness::Early) => "Trước hạn",
            Some(Timeliness::OnTime) => "Đúng hạn",
            Some(Timeliness::Overdue) => "Quá hạn",
        };
        Value::Text(words.to_owned())
    }
}
