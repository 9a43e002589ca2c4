//! What the causes of incidents are called, what sort they are and whose to put right.

use crate::language::Language;
use contract::v1::{CauseClass, IncidentOwner, RedriveKind, RedriveOutcome};

/// The causes that this release names; another is shown as its word.
const NAMES: [(&str, &str, &str); 21] = [
    (
        "DEPARTMENT_UNREACHABLE",
        "Không kết nối được với cơ quan",
        "A department cannot be reached",
    ),
    (
        "LOOK_UP_UNAVAILABLE",
        "Chưa tra cứu được dữ liệu",
        "A registry cannot be asked",
    ),
    (
        "LIMIT_PASSED",
        "Bước quá thời hạn",
        "A step is past its limit",
    ),
    (
        "PROMISE_PASSED",
        "Quá ngày hẹn trả",
        "A promised date has passed",
    ),
    (
        "APOLOGY_OWED",
        "Phải xin lỗi và hẹn lại",
        "An apology is owed",
    ),
    (
        "INTAKE_LIMIT_PASSED",
        "Chưa tiếp nhận trong thời hạn",
        "Not received in time",
    ),
    (
        "PAYMENT_OVERDUE",
        "Công dân chưa nộp tiền",
        "A payment is overdue",
    ),
    (
        "CONSULTATION_SILENT",
        "Chưa cho ý kiến trong thời hạn",
        "A consultation was not answered",
    ),
    (
        "LOOK_UP_SILENT",
        "Chưa trả lời tra cứu",
        "A look-up was not answered",
    ),
    (
        "HANDOVER_REFUSED",
        "Cơ quan không nhận hồ sơ",
        "A department does not take a handover",
    ),
    (
        "STEP_DECLINED",
        "Không thuộc thẩm quyền",
        "A step is not theirs to do",
    ),
    (
        "HOLDING_LOST",
        "Cơ quan làm mất việc đã nhận",
        "A department lost what it held",
    ),
    ("REFUSED_LATE", "Từ chối quá hạn", "Refused too late"),
    (
        "NOTICE_REFUSED",
        "Cơ quan không nhận thông báo",
        "A department does not take notices",
    ),
    (
        "RETURN_LIMIT",
        "Trả lại quá số lần",
        "Too many returns between departments",
    ),
    (
        "LOOK_UP_NOT_FOUND",
        "Nơi giữ không có dữ liệu",
        "The holder does not have it",
    ),
    (
        "LOOK_UP_UNUSABLE",
        "Dữ liệu không dùng được",
        "What the holder has cannot be used",
    ),
    (
        "HANDOVER_TOO_LARGE",
        "Dữ liệu quá lớn để giao",
        "Too large to hand over",
    ),
    (
        "ID_REUSED",
        "Mã cũ với nội dung khác",
        "An id came again with other content",
    ),
    (
        "DOSSIER_QUARANTINED",
        "Hồ sơ bị cách ly",
        "A dossier is quarantined",
    ),
    (
        "STORAGE_UNAVAILABLE",
        "Kho dữ liệu không ghi được",
        "The store cannot be written",
    ),
];

/// What a cause is called.
pub(crate) fn name(cause: &str, language: Language) -> String {
    let known = NAMES.iter().find(|(word, ..)| *word == cause);
    known.map_or_else(
        || cause.to_owned(),
        |(_, vi, en)| language.of(vi, en).to_owned(),
    )
}

pub(crate) fn class(class: CauseClass, language: Language) -> &'static str {
    let (vi, en) = match class {
        CauseClass::Unspecified => ("khác", "other"),
        CauseClass::Connection => ("kết nối", "connection"),
        CauseClass::Deadline => ("thời hạn", "deadline"),
        CauseClass::Department => ("cơ quan", "department"),
        CauseClass::Data => ("dữ liệu", "data"),
        CauseClass::Broker => ("bộ điều phối", "broker"),
    };
    language.of(vi, en)
}

pub(crate) fn owner(owner: IncidentOwner, language: Language) -> &'static str {
    let (vi, en) = match owner {
        IncidentOwner::Unspecified => ("chưa rõ", "not said"),
        IncidentOwner::Department => ("cơ quan", "the department"),
        IncidentOwner::Desk => ("bộ phận một cửa", "the desk"),
        IncidentOwner::Operator => ("điều phối viên", "operators"),
    };
    language.of(vi, en)
}

/// What trying an incident again does.
pub(crate) fn redrive(kind: RedriveKind, language: Language) -> &'static str {
    let (vi, en) = match kind {
        RedriveKind::Unspecified => ("chưa rõ", "not said"),
        RedriveKind::Retry => ("giao lại ngay", "delivers now"),
        RedriveKind::Release => ("cho hồ sơ đi tiếp", "releases the dossier"),
        RedriveKind::Close => ("đóng sự cố", "closes the incident"),
        RedriveKind::Nothing => ("không có tác dụng", "does nothing"),
    };
    language.of(vi, en)
}

pub(crate) fn outcome(outcome: RedriveOutcome, language: Language) -> &'static str {
    let (vi, en) = match outcome {
        RedriveOutcome::Unspecified => ("chưa rõ", "not said"),
        RedriveOutcome::Tried => ("đang thử lại", "tried again"),
        RedriveOutcome::Released => ("đã cho đi tiếp", "released"),
        RedriveOutcome::Closed => ("đã đóng", "closed"),
        RedriveOutcome::WasOver => ("đã xong từ trước", "was over before"),
        RedriveOutcome::Nothing => ("thử lại không có tác dụng", "trying does nothing"),
        RedriveOutcome::Failed => ("không thực hiện được", "failed"),
        RedriveOutcome::Unknown => ("không có sự cố này", "no such incident"),
    };
    language.of(vi, en)
}

/// Whether an outcome is what was wanted.
pub(crate) fn is_good(outcome: RedriveOutcome) -> bool {
    matches!(
        outcome,
        RedriveOutcome::Tried
            | RedriveOutcome::Released
            | RedriveOutcome::Closed
            | RedriveOutcome::WasOver
    )
}
