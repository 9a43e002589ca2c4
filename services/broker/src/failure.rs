//! Why the ledger did not record something, and what the sender is told.

use crate::wire;
use contract::v1;
use dossier::{Refusal, code::CodeError};
use node::fault::Fault;
use std::time::Duration;
use tonic::Code;

/// Why the ledger did not record something.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The core refuses it; the sender is taught why.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Name a procedure that is in force.
    #[error("no procedure of this code is in force")]
    UnknownProcedure,
    /// Keep it and bring it later: of this procedure no new dossier is taken at the moment.
    #[error("the procedure is suspended")]
    Suspended,
    /// Upload the document first; or it was never given to this system in this dossier.
    #[error("a document is named that this system neither uploaded nor was given in this dossier")]
    DocumentNotYours {
        /// Where it is named.
        field: String,
    },
    /// Mend the pattern or the directory; or the desk's numbers of this day are used up.
    #[error(transparent)]
    NoCode(#[from] CodeError),
    /// Keep the item and reconcile: this store was restored, and may not have the dossier yet.
    #[error("the dossier is not known here")]
    UnknownDossier,
    /// Try later: a person must look at the dossier first.
    #[error("the dossier is quarantined")]
    Quarantined,
    /// Nothing is to be done: the dossier goes on already.
    #[error("the dossier is not quarantined")]
    NotQuarantined,
    /// File a new dossier: this one is closed, and the time to keep its personal values was over.
    #[error("the personal values of the dossier were erased")]
    Erased,
    /// Try again soon.
    #[error("the ledger is busy")]
    Busy,
    /// Try later: the store takes nothing at the moment.
    #[error("the store takes nothing at the moment: {0}")]
    Storage(String),
    /// Nobody knows whether it was recorded; send it again under the same id.
    #[error("nobody knows whether it was recorded")]
    Doubt,
    /// Try again when the broker is back.
    #[error("the broker is stopping")]
    Stopping,
}

impl Failure {
    /// The reason word of what the sender is told.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.reason(),
            Self::UnknownProcedure => "UNKNOWN_PROCEDURE",
            Self::Suspended => "PROCEDURE_SUSPENDED",
            Self::DocumentNotYours { .. } => "DOCUMENT_NOT_YOURS",
            Self::NoCode(CodeError::NumberOutOfRange { .. }) => "CODES_EXHAUSTED",
            Self::NoCode(_) => "NO_CODE_FOR_DESK",
            Self::UnknownDossier => "NOT_YOURS",
            Self::Quarantined => "DOSSIER_QUARANTINED",
            Self::NotQuarantined => "NOT_QUARANTINED",
            Self::Erased => "DOSSIER_ERASED",
            Self::Busy => "LEDGER_BUSY",
            Self::Storage(_) => "STORAGE_UNAVAILABLE",
            Self::Doubt => "IN_DOUBT",
            Self::Stopping => "STOPPING",
        }
    }

    /// What the sender is told.
    pub fn fault(&self) -> Fault {
        let later = |code, reason, en: &str, vi: &str, seconds| {
            Fault::new(code, reason, en, vi).retry_after(Duration::from_secs(seconds))
        };
        match self {
            Self::Refused(refusal) => wire::fault(refusal),
            Self::UnknownProcedure => Fault::new(
                Code::InvalidArgument,
                "UNKNOWN_PROCEDURE",
                "no procedure of this code is in force today; ask for the codes that are",
                "Không có thủ tục nào với mã này đang có hiệu lực. Kiểm tra lại mã thủ tục.",
            )
            .field(
                "procedure_code",
                "must be the code of a procedure that is in force",
            ),
            Self::Suspended => later(
                Code::Unavailable,
                "PROCEDURE_SUSPENDED",
                "no new dossier of this procedure is taken at the moment; keep it and bring it again when this says",
                "Thủ tục này đang tạm ngừng tiếp nhận hồ sơ mới. Giữ hồ sơ và gửi lại sau.",
                60,
            ),
            Self::DocumentNotYours { field } => Fault::new(
                Code::PermissionDenied,
                "DOCUMENT_NOT_YOURS",
                format!(
                    "{field} names a document that this system neither uploaded nor was given in this dossier; upload it first"
                ),
                format!(
                    "{field} nêu tài liệu mà hệ thống này chưa tải lên hoặc không được giao trong hồ sơ. Tải lên trước."
                ),
            ),
            Self::NoCode(error @ CodeError::NumberOutOfRange { .. }) => later(
                Code::ResourceExhausted,
                "CODES_EXHAUSTED",
                &format!("this desk's dossier codes of the day are used up: {error}"),
                "Mã hồ sơ trong ngày của bộ phận này đã hết. Liên hệ người quản trị để dùng mẫu mã có nhiều chữ số hơn.",
                600,
            ),
            Self::NoCode(error) => Fault::new(
                Code::FailedPrecondition,
                "NO_CODE_FOR_DESK",
                error.to_string(),
                "Chưa cấp được mã hồ sơ cho bộ phận này. Người quản trị cần kiểm tra mẫu mã, danh bạ và đồng hồ của máy chủ.",
            ),
            Self::UnknownDossier => wire::denied("NOT_YOURS"),
            Self::Quarantined => later(
                Code::Unavailable,
                "DOSSIER_QUARANTINED",
                "the dossier is stopped until a person has looked at it; keep the item and try later",
                "Hồ sơ đang tạm dừng để kiểm tra. Giữ lại và gửi sau.",
                60,
            ),
            Self::NotQuarantined => Fault::new(
                Code::FailedPrecondition,
                "NOT_QUARANTINED",
                "the dossier is not quarantined; there is nothing to release",
                "Hồ sơ không bị tạm dừng để kiểm tra; không có gì để cho đi tiếp.",
            ),
            Self::Erased => Fault::new(
                Code::FailedPrecondition,
                "DOSSIER_ERASED",
                "the dossier is closed and its personal values were erased when the time to keep them was over; file a new one",
                "Hồ sơ đã kết thúc và dữ liệu cá nhân đã được xoá khi hết thời hạn lưu giữ. Nộp hồ sơ mới.",
            ),
            // Not all at once again.
            Self::Busy => Fault::new(
                Code::ResourceExhausted,
                "LEDGER_BUSY",
                "more is waiting than can be recorded soon; try again when this says",
                "Hệ thống đang bận. Thử lại sau giây lát.",
            )
            .retry_after(Duration::from_millis(rand::random_range(500..=1_500))),
            Self::Storage(_) => later(
                Code::ResourceExhausted,
                "STORAGE_UNAVAILABLE",
                "the broker's disk takes nothing at the moment; it goes on by itself when there is room",
                "Bộ nhớ của hệ thống tạm thời không ghi được. Hệ thống sẽ tự tiếp tục.",
                5,
            ),
            Self::Doubt => later(
                Code::Unavailable,
                "IN_DOUBT",
                "nobody knows whether this was recorded; send it again under the same id",
                "Chưa rõ đã ghi nhận hay chưa. Gửi lại với cùng mã.",
                1,
            ),
            Self::Stopping => later(
                Code::Unavailable,
                "STOPPING",
                "the broker is stopping; try again when it is back",
                "Hệ thống đang dừng. Thử lại sau.",
                2,
            ),
        }
    }

    /// The verdict on an item that was not recorded.
    pub fn verdict(&self, item_id: String, was_restored: bool) -> v1::Verdict {
        match self {
            Self::Doubt => wire::unknown(item_id, "nobody knows whether it was recorded"),
            // Only a store that was restored can lack a dossier that somebody has a step in, or be
            // behind a department. To everybody else, not known and not theirs look alike.
            Self::UnknownDossier if was_restored => {
                wire::unknown(item_id, "the dossier is not known here yet")
            }
            Self::Refused(Refusal::NotHeld { .. }) if was_restored => {
                wire::unknown(item_id, "this round has not been given out here yet")
            }
            other => wire::refused(item_id, other.fault()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_word_is_the_one_that_the_sender_is_told() {
        for failure in [
            Failure::Refused(Refusal::IdReused),
            Failure::UnknownProcedure,
            Failure::DocumentNotYours {
                field: "evidence".into(),
            },
            Failure::UnknownDossier,
            Failure::Quarantined,
            Failure::Erased,
            Failure::Busy,
            Failure::Storage(String::new()),
            Failure::Doubt,
            Failure::Stopping,
        ] {
            assert_eq!(failure.reason(), failure.fault().reason(), "{failure:?}");
        }
    }
}
