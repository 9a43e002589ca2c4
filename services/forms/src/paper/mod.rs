//! The values that each paper carries, one file a paper; DOMAIN's field lists as structs.
//!
//! An empty text, a zero count and a `None` are fields without a value: templates say what stands
//! in their place. Texts may hold line breaks. Dates are civil, in Asia/Ho_Chi_Minh.

mod apology_extension_letter;
mod control_slip;
mod receipt_slip;
mod refusal_notice;
mod stop_notice;
mod supplement_request;
mod tracking_register;
mod transfer_slip;

pub use apology_extension_letter::ApologyExtensionLetter;
pub use control_slip::{ControlSlip, ControlSlipRow, Timeliness};
pub use receipt_slip::{Component, Fee, ReceiptSlip};
pub use refusal_notice::RefusalNotice;
pub use stop_notice::StopNotice;
pub use supplement_request::{Stage, SupplementItem, SupplementRequest};
pub use tracking_register::{RegisterRow, TrackingRegister};
pub use transfer_slip::{TransferSlip, TransferTask};

use crate::value::paper;
use jiff::civil::DateTime;

paper! {
    /// Who issues the paper: what stands above every one of them (NĐ 30/2020/NĐ-CP, Annex I).
    pub struct Letterhead {
        /// The agency above the desk, `TÊN CƠ QUAN CHỦ QUẢN`.
        pub parent_agency: String,
        /// The desk, or the agency that signs.
        pub agency: String,
        /// The number alone, such as `15`; the template adds what follows the stroke.
        pub number: String,
        /// Where it is issued, such as `Phường Bến Nghé`.
        pub place: String,
        /// The day it is issued.
        pub issued_on: Option<DateTime>,
        /// Who signed the electronic paper for the organisation, if it is one.
        pub digital_signature: String,
    }
}

paper! {
    /// Whose dossier it is.
    pub struct Applicant {
        /// The person or organisation.
        pub name: String,
        /// Where they live or sit.
        pub address: String,
        /// Their telephone.
        pub phone: String,
        /// Their e-mail.
        pub email: String,
    }
}
