//! Form 04: the apology that goes out before the promised date passes, with the new date.

use super::{Applicant, Letterhead};
use crate::value::paper;
use jiff::civil::DateTime;

paper! {
    /// Form 04, văn bản xin lỗi và đề nghị gia hạn thời gian giải quyết.
    pub struct ApologyExtensionLetter {
        /// The agency that is late, and signs.
        pub head: Letterhead,
        /// The dossier's code, printed and as QR.
        pub dossier_code: String,
        /// To whom the letter goes.
        pub applicant: Applicant,
        /// What was asked for.
        pub request: String,
        /// The sector, or the kind of dossier.
        pub sector: String,
        /// The number of the receipt slip.
        pub receipt_number: String,
        /// When the dossier was received.
        pub received_at: Option<DateTime>,
        /// When the result had been promised.
        pub promised_at: Option<DateTime>,
        /// Where the dossier is: the agency that holds it, or that it went to.
        pub holding_agency: String,
        /// Why it is late.
        pub reason: String,
        /// The new date; there is one new date and no second.
        pub new_promised_at: Option<DateTime>,
        /// Where the result will be fetched.
        pub result_place: String,
        /// Who else gets the letter, one a line.
        pub recipients: String,
        /// The title of who signs, such as `CHỦ TỊCH`.
        pub signer_title: String,
        /// Who signs.
        pub signer: String,
    }
}
