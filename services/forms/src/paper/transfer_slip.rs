//! The transfer slip: who leads, and each agency's task and deadline.

use super::{Applicant, Letterhead};
use crate::value::paper;
use jiff::civil::DateTime;

paper! {
    /// Phiếu chuyển xử lý (NĐ 61/2018/NĐ-CP, Art 19(6)): goes to all participants on reception.
    pub struct TransferSlip {
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
        /// When the result is promised to the citizen.
        pub promised_at: Option<DateTime>,
        /// The agency that leads.
        pub lead_agency: String,
        /// What each agency does.
        pub tasks: Vec<TransferTask>,
        /// Whatever else the participants should know.
        pub note: String,
        /// The officer of the desk who sends it.
        pub sender: String,
    }
}

paper! {
    /// What one agency does.
    pub struct TransferTask {
        /// The agency.
        pub agency: String,
        /// Its responsibility: `Chủ trì` or `Phối hợp`.
        pub role: String,
        /// Its task.
        pub task: String,
        /// Its limit in words, such as `08 giờ làm việc`, and from when it runs if it waits for
        /// another agency's result.
        pub limit: String,
        /// Until when; `None` while it waits.
        pub due_at: Option<DateTime>,
        /// Who gets its result.
        pub result_to: String,
    }
}
