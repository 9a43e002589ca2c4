//! The border: the one place where wire becomes domain, and domain becomes wire.

mod inbound;
mod outbound;
mod refuse;

pub use inbound::{
    ActItem, MoveItem, Named, PersonBy, PersonItem, ReportItem, SearchItem, StepItem, Submit,
    answer_supplement, complete_step, confirm_payment, find_person, hand_out_result, item_digest,
    lease, move_step, receive, record_consent, refuse_intake, report, report_fault,
    request_supplement, resume, search, stop, submit, withdraw,
};
pub use outbound::{
    Tracked, department_notice, dossier_state, evidence, handover, notice, promised_at, public,
    quarantined, step_state, summary, timestamp, track,
};
pub use refuse::{denied, fault, not_implemented, recorded, refused, unknown, unknown_kind};
