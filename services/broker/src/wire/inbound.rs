//! Wire becomes domain: every field parsed once, everything wrong named at once.

mod act;
mod deed;
mod fields;
mod operate;
mod report;
mod submit;
#[cfg(test)]
mod tests;

pub use act::{
    ActItem, Named, StepItem, answer_supplement, complete_step, confirm_payment, hand_out_result,
    lease, receive, record_consent, refuse_intake, report_fault, request_supplement, resume, stop,
    withdraw,
};
pub use deed::{
    ExtendItem, MoveItem, Redrive, Retry, extend_step, move_step, redrive, release, retry,
    suspend_department, suspend_procedure,
};
pub use operate::{PersonBy, PersonItem, SearchItem, find_person, search};
pub use report::{ReportItem, report};
pub use submit::{Submit, submit};

use dossier::name::Digest;
use prost::Message;

/// The digest by which a repetition is recognised: of the message as this release encodes it.
pub fn item_digest(message: &impl Message) -> Digest {
    Digest::of(&message.encode_to_vec())
}
