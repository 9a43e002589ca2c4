//! Form 03: why a dossier is not taken.

use super::{Applicant, Letterhead};
use crate::value::paper;

paper! {
    /// Form 03, phiếu từ chối tiếp nhận giải quyết hồ sơ.
    pub struct RefusalNotice {
        /// Who issues it.
        pub head: Letterhead,
        /// The dossier's code, if it had got one.
        pub dossier_code: String,
        /// Whose dossier it is.
        pub applicant: Applicant,
        /// What was asked for.
        pub request: String,
        /// Why it is refused: precise enough to act on.
        pub reason: String,
        /// The articles of law behind the reason.
        pub legal_basis: String,
        /// The desk's telephone.
        pub contact_phone: String,
        /// Who handed it in: signs at the left.
        pub submitter: String,
        /// The officer who refused it: signs at the right.
        pub receiver: String,
    }
}
