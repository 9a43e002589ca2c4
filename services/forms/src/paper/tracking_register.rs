//! Form 07: the register of a desk, a line for each dossier.

use super::Letterhead;
use crate::value::paper;
use jiff::civil::DateTime;

paper! {
    /// Form 07 (06 before TT 03/2025), sổ theo dõi hồ sơ; numbered through a year.
    pub struct TrackingRegister {
        /// Whose register it is.
        pub head: Letterhead,
        /// The year, such as `2026`.
        pub year: String,
        /// The book.
        pub book: String,
        /// The first day shown.
        pub from: Option<DateTime>,
        /// The last day shown.
        pub until: Option<DateTime>,
        /// The dossiers, by number.
        pub rows: Vec<RegisterRow>,
        /// Who keeps it.
        pub keeper: String,
    }
}

paper! {
    /// One dossier.
    pub struct RegisterRow {
        /// Its number in the year.
        pub number: u32,
        /// Its code.
        pub dossier_code: String,
        /// The procedure's name.
        pub procedure: String,
        /// How many sets were handed in (bộ).
        pub sets: u32,
        /// The person or organisation.
        pub applicant: String,
        /// Their address.
        pub address: String,
        /// Their telephone.
        pub phone: String,
        /// The agency that leads.
        pub lead_agency: String,
        /// When it was received.
        pub received_at: Option<DateTime>,
        /// When the result is promised.
        pub promised_at: Option<DateTime>,
        /// When the result was handed out.
        pub returned_at: Option<DateTime>,
        /// How the result is handed out.
        pub result_method: String,
        /// Who signed for the result, where that was electronic.
        pub signed_by: String,
        /// Whatever else is to say.
        pub note: String,
    }
}
