//! The border: the one place where wire becomes domain, and domain becomes wire.

mod inbound;
mod outbound;
mod refuse;

pub use inbound::{ReportItem, Submit, item_digest, report, submit};
pub use outbound::{
    dossier_state, evidence, handover, notice, step_state, summary, timestamp, track,
};
pub use refuse::{denied, fault, not_implemented, recorded, refused, unknown, unknown_kind};
