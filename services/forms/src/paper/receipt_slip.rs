//! Form 01: what the citizen takes home on reception.

use super::{Applicant, Letterhead};
use crate::value::paper;
use jiff::civil::DateTime;

paper! {
    /// Form 01, giấy tiếp nhận hồ sơ và hẹn trả kết quả.
    pub struct ReceiptSlip {
        /// Who issues it.
        pub head: Letterhead,
        /// The dossier's code, printed and as QR.
        pub dossier_code: String,
        /// Whose dossier it is.
        pub applicant: Applicant,
        /// What is asked for, usually the procedure's name.
        pub request: String,
        /// The papers and data handed in.
        pub components: Vec<Component>,
        /// How many sets were handed in (bộ).
        pub sets: u32,
        /// The limit in words, such as `08 ngày làm việc`.
        pub resolution_limit: String,
        /// When the dossier was received.
        pub received_at: Option<DateTime>,
        /// When the result is promised.
        pub promised_at: Option<DateTime>,
        /// Where the result will be fetched or sent.
        pub result_place: String,
        /// Fees and charges, each by its name.
        pub fees: Vec<Fee>,
        /// Their sum in đồng.
        pub fees_total: Option<i64>,
        /// The register's book.
        pub register_book: String,
        /// The number in that book.
        pub register_entry: String,
        /// The desk's telephone.
        pub contact_phone: String,
        /// Where the citizen can follow the dossier.
        pub lookup_url: String,
        /// Who handed it in: signs at the left.
        pub submitter: String,
        /// The officer who received it: signs at the right.
        pub receiver: String,
    }
}

paper! {
    /// One thing that was handed in.
    pub struct Component {
        /// Its name.
        pub name: String,
        /// How many.
        pub quantity: u32,
        /// `Bản chính`, `Bản sao` or `Bản điện tử`.
        pub kind: String,
    }
}

paper! {
    /// One fee (phí) or charge (lệ phí).
    pub struct Fee {
        /// Its name.
        pub name: String,
        /// In đồng.
        pub amount: Option<i64>,
    }
}
