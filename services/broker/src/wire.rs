//! The border: the one place where wire becomes domain, and domain becomes wire.

mod inbound;
mod outbound;
mod refuse;

pub use inbound::{
    ActItem, ExtendItem, MoveItem, Named, PersonBy, PersonItem, Redrive, ReportItem, Retry,
    SearchItem, StepItem, Submit, answer_supplement, complete_step, confirm_payment, extend_step,
    find_person, hand_out_result, item_digest, lease, move_step, receive, record_consent, redrive,
    refuse_intake, release, report, report_fault, request_supplement, resume, retry, search, stop,
    submit, suspend_department, suspend_procedure, withdraw,
};
pub use outbound::{
    Tracked, department_notice, dossier_state, evidence, handover, notice, promised_at, public,
    quarantined, step_state, step_title, summary, timestamp, track,
};
pub use refuse::{denied, fault, not_implemented, recorded, refused, unknown, unknown_kind};
