//! Refusals: why something was not done, and what the sender should do. Reading them alone teaches
//! an integrator the rules.

use crate::{
    bounds::Bound,
    dossier::Stage,
    limit::Limit,
    name::{AgencyCode, EvidenceName, Key, PartId, RoleName, StepId, TerritoryCode},
    supplement::Denial,
};
use std::collections::BTreeMap;

/// One field that is wrong, and the rule that it breaks. Never holds a personal value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    /// The field, as the contract names it, such as `parties[0].identifiers[1].value`.
    pub field: String,
    /// What it must be.
    pub rule: String,
}

/// Why something was not done. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Mend each field named and send again.
    #[error("{} field(s) are wrong: {}", .0.len(), .0.iter().map(|f| format!("{} must be {}", f.field, f.rule)).collect::<Vec<_>>().join("; "))]
    Fields(Vec<FieldFault>),
    /// Use a new id for new content; send the old content under the old id.
    #[error("this id was used before with other content")]
    IdReused,
    /// Send only what concerns your own steps.
    #[error("the sender has no part in this")]
    NotYours,
    /// Drop this round: a higher one is on its way or already there.
    #[error("round {said} of step {step} is superseded by round {newest}")]
    Superseded {
        /// The step.
        step: StepId,
        /// The round named.
        said: u32,
        /// The round that counts.
        newest: u32,
    },
    /// Wait for the handover, or reconcile.
    #[error("step {step} is {state} and round {said} was not given to the sender")]
    NotHeld {
        /// The step.
        step: StepId,
        /// The round named.
        said: u32,
        /// The state found.
        state: Stage,
    },
    /// Nothing more is to be said of this step in this round.
    #[error("step {step} is already {state}")]
    Finished {
        /// The step.
        step: StepId,
        /// The state found.
        state: Stage,
    },
    /// Answer what this round asks.
    #[error("the round of step {step} asks to {asked}; it cannot be answered with {said}")]
    WrongTask {
        /// The step.
        step: StepId,
        /// What the round asks.
        asked: &'static str,
        /// What was said.
        said: &'static str,
    },
    /// Wait for the answer to the peer return; it comes as a new round.
    #[error("the peer return of {evidence} by step {step} is not answered yet")]
    ReturnOpen {
        /// The step.
        step: StepId,
        /// The evidence.
        evidence: EvidenceName,
    },
    /// Nothing: it went back already, as after the loss of a department's store. The answer comes as a new
    /// round.
    #[error("step {step} has returned {evidence} already; wait for the answer")]
    AlreadyReturned {
        /// The step.
        step: StepId,
        /// The evidence.
        evidence: EvidenceName,
    },
    /// Only evidence that an earlier step gave and this one needs can go back to a department.
    #[error("{evidence} is not evidence that another step gave to step {step}")]
    NotReturnable {
        /// The step.
        step: StepId,
        /// The evidence.
        evidence: EvidenceName,
    },
    /// Look at the newer version, which is on its way.
    #[error("version {said} of {evidence} is superseded by version {newest}")]
    VersionSuperseded {
        /// The evidence.
        evidence: EvidenceName,
        /// The version named.
        said: u32,
        /// The newest version.
        newest: u32,
    },
    /// Decide with what is there, or refuse; a person has been told.
    #[error("{evidence} went back {max} times already; a person must decide")]
    ReturnLimit {
        /// The evidence.
        evidence: EvidenceName,
        /// How often it may go back.
        max: u32,
    },
    /// Nothing more can happen to this dossier.
    #[error("the dossier is closed")]
    Closed,
    /// Ask the directory's keeper to name the agency.
    #[error("the directory names no department with role {role} for territory {territory}")]
    NoDepartment {
        /// The role.
        role: RoleName,
        /// The territory.
        territory: TerritoryCode,
    },
    /// Name a department that the directory knows.
    #[error("the directory has no department {agency}")]
    UnknownAgency {
        /// The agency.
        agency: AgencyCode,
    },
    /// Name a step of the dossier.
    #[error("the dossier has no step {step}")]
    UnknownStep {
        /// The step.
        step: StepId,
    },
    /// Nothing is to be done: the step is where it should be.
    #[error("step {step} is already with {agency}")]
    AlreadyThere {
        /// The step.
        step: StepId,
        /// The agency.
        agency: AgencyCode,
    },
    /// Somebody whose position the procedure names must decide it.
    #[error(
        "an outcome of step {step} must be decided by one of {positions}, by delegation in force"
    )]
    NotAuthorised {
        /// The step.
        step: StepId,
        /// The positions.
        positions: String,
    },
    /// Go on without: its own time to send it back is over.
    #[error("step {step} may send evidence back within {limit} of receiving it, and that is over")]
    ReturnLate {
        /// The step.
        step: StepId,
        /// Its time.
        limit: Limit,
    },
    /// Take it from where it is; what had to be asked first is being asked now.
    #[error("the citizen is not asked: {}", .denials.iter().map(|(name, denial)| format!("{name} {denial}")).collect::<Vec<_>>().join("; "))]
    SupplementDenied {
        /// The step that asked; none for the desk.
        step: Option<StepId>,
        /// What, and where it is.
        denials: BTreeMap<EvidenceName, Denial>,
    },
    /// Decide with what is there: the citizen is asked once at each stage.
    #[error("the citizen was asked once at stage {stage} already")]
    SupplementTwice {
        /// The stage.
        stage: String,
    },
    /// Decide with what is there, or name an approver with a legal basis for each item.
    #[error(
        "step {step} may ask for a supplement within {limit} of receiving it, and that is over"
    )]
    SupplementLate {
        /// The step.
        step: StepId,
        /// Its time.
        limit: Limit,
    },
    /// Wait for the citizen's answer, or for the end of its window.
    #[error("a supplement is still before the citizen")]
    SupplementOpen,
    /// Name a supplement of this dossier.
    #[error("the dossier has no supplement {number}")]
    UnknownSupplement {
        /// The number.
        number: u32,
    },
    /// Nothing more is to be given for it.
    #[error("supplement {number} was answered already")]
    SupplementAnswered {
        /// The number.
        number: u32,
    },
    /// The window is over; the citizen may file anew.
    #[error("the window of supplement {number} has passed")]
    SupplementExpired {
        /// The number.
        number: u32,
    },
    /// A consent is given once.
    #[error("the consent {evidence} was given already")]
    ConsentGiven {
        /// The consent.
        evidence: EvidenceName,
    },
    /// Name an obligation of this dossier.
    #[error("the dossier has no obligation {obligation}")]
    UnknownObligation {
        /// The obligation.
        obligation: Key,
    },
    /// Use a new id for a new sum.
    #[error("obligation {obligation} was asked before")]
    ObligationTwice {
        /// The obligation.
        obligation: Key,
    },
    /// Give the second payment back.
    #[error("obligation {obligation} was paid already")]
    AlreadyPaid {
        /// The obligation.
        obligation: Key,
    },
    /// Confirm the whole sum in one payment.
    #[error("obligation {obligation} is {owed_vnd} đồng and another sum was paid")]
    WrongAmount {
        /// The obligation.
        obligation: Key,
        /// What is owed, whole đồng.
        owed_vnd: i64,
    },
    /// Correct the result; the citizen gives no papers and pays nothing for it (NĐ 61/2018 Art 21).
    #[error("step {step} corrects its own result: the citizen is asked for nothing")]
    CorrectionIsFree {
        /// The step.
        step: StepId,
    },
    /// Decide with the opinions that came.
    #[error("step {step} asked for {max} consultations already")]
    ConsultationLimit {
        /// The step.
        step: StepId,
        /// How many it may.
        max: u32,
    },
    /// The promised date stands: it was put off as often as the law allows.
    #[error("part {part} was extended {max} time(s) already")]
    ExtensionTwice {
        /// The part.
        part: PartId,
        /// How often it may be.
        max: u32,
    },
    /// Finish it; an apology comes before the promised date, not after it.
    #[error("the promised date of part {part} has passed")]
    ExtensionLate {
        /// The part.
        part: PartId,
    },
    /// Nothing is to be done: it was received or refused before.
    #[error("the dossier is no longer waiting for reception")]
    AlreadyReceived,
    /// Receive it first.
    #[error("the dossier is not received yet")]
    NotReceived,
    /// Ask for what is missing, or wait for its look-up.
    #[error("the dossier is not complete; missing: {missing}")]
    Incomplete {
        /// What is missing.
        missing: String,
    },
    /// Hand the results out: a withdrawal comes before the result.
    #[error("the dossier is finished and its result is given")]
    ResultGiven,
    /// Resume it first.
    #[error("the dossier is stopped already")]
    AlreadyStopped,
    /// Nothing is to be done.
    #[error("the dossier is not stopped")]
    NotStopped,
    /// Name a result that exists.
    #[error("{evidence} is no result of this dossier that exists")]
    NoResult {
        /// The evidence.
        evidence: EvidenceName,
    },
    /// Nothing is to be done.
    #[error("this version of {evidence} was handed out before")]
    HandedOutBefore {
        /// The result.
        evidence: EvidenceName,
    },
    /// Give back what the citizen brought: of a withdrawn dossier nothing is handed out.
    #[error("the citizen withdrew the dossier, and nothing of it is handed out")]
    Withdrawn,
    /// Wait for its answer.
    #[error("a fault in {evidence} is with its department already")]
    FaultOpen {
        /// The result.
        evidence: EvidenceName,
    },
    /// Do what the message says: there are as many of these as there may be.
    #[error("there are {} {}", .0.max(), .0.en())]
    Bound(Bound),
    /// Leave the code out and take the one that the broker gives.
    #[error("the dossier code belongs to another dossier, or was not given to this desk")]
    CodeTaken,
}

/// What sort of refusal it is: the broker maps each to one gRPC status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// What was sent is malformed.
    Invalid,
    /// Who sent it may not.
    Denied,
    /// It does not fit the state of things.
    State,
    /// It exists already with other content.
    Exists,
}

impl Refusal {
    /// The reason word, for `google.rpc.ErrorInfo`.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Fields(_) => "INVALID_FIELDS",
            Self::IdReused => "ID_REUSED",
            Self::Bound(bound) => bound.reason(),
            Self::NotYours => "NOT_YOURS",
            Self::Superseded { .. } => "ROUND_SUPERSEDED",
            Self::NotHeld { .. } => "STEP_NOT_HELD",
            Self::Finished { .. } => "STEP_FINISHED",
            Self::WrongTask { .. } => "WRONG_TASK",
            Self::ReturnOpen { .. } => "RETURN_OPEN",
            Self::AlreadyReturned { .. } => "ALREADY_RETURNED",
            Self::NotReturnable { .. } => "NOT_RETURNABLE",
            Self::VersionSuperseded { .. } => "VERSION_SUPERSEDED",
            Self::ReturnLimit { .. } => "RETURN_LIMIT",
            Self::Closed => "DOSSIER_CLOSED",
            Self::NoDepartment { .. } => "NO_DEPARTMENT",
            Self::UnknownAgency { .. } => "UNKNOWN_AGENCY",
            Self::UnknownStep { .. } => "UNKNOWN_STEP",
            Self::AlreadyThere { .. } => "ALREADY_THERE",
            Self::CodeTaken => "CODE_TAKEN",
            Self::NotAuthorised { .. } => "NOT_AUTHORISED",
            Self::ReturnLate { .. } => "RETURN_LATE",
            Self::SupplementDenied { .. } => "SUPPLEMENT_DENIED",
            Self::SupplementTwice { .. } => "SUPPLEMENT_TWICE",
            Self::SupplementLate { .. } => "SUPPLEMENT_LATE",
            Self::SupplementOpen => "SUPPLEMENT_OPEN",
            Self::UnknownSupplement { .. } => "UNKNOWN_SUPPLEMENT",
            Self::SupplementAnswered { .. } => "SUPPLEMENT_ANSWERED",
            Self::SupplementExpired { .. } => "SUPPLEMENT_EXPIRED",
            Self::ConsentGiven { .. } => "CONSENT_GIVEN",
            Self::UnknownObligation { .. } => "UNKNOWN_OBLIGATION",
            Self::ObligationTwice { .. } => "OBLIGATION_TWICE",
            Self::AlreadyPaid { .. } => "ALREADY_PAID",
            Self::WrongAmount { .. } => "WRONG_AMOUNT",
            Self::CorrectionIsFree { .. } => "CORRECTION_IS_FREE",
            Self::ConsultationLimit { .. } => "CONSULTATION_LIMIT",
            Self::ExtensionTwice { .. } => "EXTENSION_TWICE",
            Self::ExtensionLate { .. } => "EXTENSION_LATE",
            Self::AlreadyReceived => "ALREADY_RECEIVED",
            Self::NotReceived => "NOT_RECEIVED",
            Self::Incomplete { .. } => "DOSSIER_INCOMPLETE",
            Self::ResultGiven => "RESULT_GIVEN",
            Self::AlreadyStopped => "ALREADY_STOPPED",
            Self::NotStopped => "NOT_STOPPED",
            Self::NoResult { .. } => "NO_RESULT",
            Self::HandedOutBefore { .. } => "HANDED_OUT_BEFORE",
            Self::Withdrawn => "DOSSIER_WITHDRAWN",
            Self::FaultOpen { .. } => "FAULT_OPEN",
        }
    }

    /// What sort it is.
    pub fn sort(&self) -> Sort {
        match self {
            Self::Fields(_)
            | Self::UnknownAgency { .. }
            | Self::UnknownStep { .. }
            | Self::UnknownSupplement { .. }
            | Self::UnknownObligation { .. }
            | Self::WrongAmount { .. } => Sort::Invalid,
            Self::NotYours | Self::NotAuthorised { .. } => Sort::Denied,
            Self::IdReused | Self::CodeTaken => Sort::Exists,
            _ => Sort::State,
        }
    }

    /// What is wrong and what to do, in Vietnamese.
    pub fn vi(&self) -> String {
        match self {
            Self::Fields(faults) => format!(
                "Có {} trường chưa đúng: {}. Sửa các trường này rồi gửi lại.",
                faults.len(),
                faults.iter().map(|f| f.field.as_str()).collect::<Vec<_>>().join(", ")
            ),
            Self::Bound(bound) => format!("Đã có {} {}", bound.max(), bound.vi()),
            Self::IdReused => "Mã này đã được dùng với nội dung khác. Dùng mã mới cho nội dung mới.".into(),
            Self::NotYours => "Cơ quan gửi không có phần việc trong hồ sơ này.".into(),
            Self::Superseded { step, said, newest } => format!(
                "Lần giao {said} của bước {step} đã được thay bằng lần giao {newest}. Xử lý theo lần giao mới."
            ),
            Self::NotHeld { step, state, .. } => format!(
                "Bước {step} đang ở trạng thái {}; cơ quan gửi chưa nhận lần giao này. Chờ giao hồ sơ hoặc đối soát.",
                state.vi()
            ),
            Self::Finished { step, state } => {
                format!("Bước {step} đã ở trạng thái {}; không cần báo thêm.", state.vi())
            }
            Self::WrongTask { step, .. } => {
                format!("Câu trả lời không khớp với việc được giao ở bước {step}. Trả lời đúng việc được giao.")
            }
            Self::ReturnOpen { evidence, .. } => format!(
                "Việc trả lại {evidence} cho cơ quan trước chưa được trả lời. Chờ lần giao mới."
            ),
            Self::AlreadyReturned { evidence, .. } => {
                format!("{evidence} đã được trả lại cơ quan trước. Chờ lần giao mới.")
            }
            Self::NotReturnable { evidence, .. } => format!(
                "{evidence} không do bước trước cấp cho bước này nên không trả lại cơ quan trước được."
            ),
            Self::VersionSuperseded { evidence, said, newest } => format!(
                "Phiên bản {said} của {evidence} đã được thay bằng phiên bản {newest}. Xem phiên bản mới."
            ),
            Self::ReturnLimit { evidence, max } => format!(
                "{evidence} đã được trả lại {max} lần. Cần người có thẩm quyền quyết định."
            ),
            Self::Closed => "Hồ sơ đã kết thúc.".into(),
            Self::NoDepartment { role, territory } => format!(
                "Danh bạ chưa có cơ quan đảm nhận vai trò {role} tại {territory}. Liên hệ người quản lý danh bạ."
            ),
            Self::UnknownAgency { agency } => format!("Danh bạ không có cơ quan {agency}."),
            Self::UnknownStep { step } => format!("Hồ sơ không có bước {step}."),
            Self::AlreadyThere { step, agency } => {
                format!("Bước {step} đang ở cơ quan {agency}; không cần chuyển.")
            }
            Self::NotAuthorised { step, positions } => format!(
                "Kết quả của bước {step} phải do người giữ chức vụ {positions} được giao thẩm quyền quyết định."
            ),
            Self::ReturnLate { step, limit } => format!(
                "Bước {step} chỉ được trả lại cơ quan trước trong {limit} kể từ khi nhận; thời hạn đã qua."
            ),
            Self::SupplementDenied { denials, .. } => format!(
                "Không yêu cầu công dân nộp: {}. Thông tin này đã có hoặc đang được tra cứu tại nơi lưu giữ.",
                denials
                    .iter()
                    .map(|(name, denial)| match denial.place() {
                        place if place.is_empty() => name.to_string(),
                        place => format!("{name} ({place})"),
                    })
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Self::SupplementTwice { .. } => {
                "Công dân đã được yêu cầu bổ sung một lần ở giai đoạn này. Giải quyết theo hồ sơ hiện có.".into()
            }
            Self::SupplementLate { step, limit } => format!(
                "Bước {step} chỉ được yêu cầu bổ sung trong {limit} kể từ khi nhận; cần người phê duyệt và căn cứ pháp lý."
            ),
            Self::SupplementOpen => "Đang chờ công dân bổ sung hồ sơ.".into(),
            Self::UnknownSupplement { number } => format!("Hồ sơ không có lần yêu cầu bổ sung {number}."),
            Self::SupplementAnswered { number } => format!("Lần yêu cầu bổ sung {number} đã được đáp ứng."),
            Self::SupplementExpired { number } => {
                format!("Lần yêu cầu bổ sung {number} đã quá thời hạn. Công dân có thể nộp hồ sơ mới.")
            }
            Self::ConsentGiven { evidence } => format!("Ý kiến đồng ý {evidence} đã có."),
            Self::UnknownObligation { obligation } => {
                format!("Hồ sơ không có nghĩa vụ tài chính {obligation}.")
            }
            Self::ObligationTwice { obligation } => {
                format!("Nghĩa vụ tài chính {obligation} đã được yêu cầu. Dùng mã mới cho khoản mới.")
            }
            Self::AlreadyPaid { obligation } => {
                format!("Nghĩa vụ tài chính {obligation} đã được nộp. Hoàn lại khoản nộp thừa.")
            }
            Self::WrongAmount { obligation, owed_vnd } => format!(
                "Nghĩa vụ tài chính {obligation} là {owed_vnd} đồng; số tiền xác nhận không khớp."
            ),
            Self::CorrectionIsFree { step } => format!(
                "Bước {step} đang sửa kết quả do cơ quan cấp sai: không yêu cầu công dân nộp giấy tờ hay lệ phí."
            ),
            Self::ConsultationLimit { step, max } => {
                format!("Bước {step} đã lấy ý kiến {max} lần. Giải quyết theo các ý kiến đã có.")
            }
            Self::ExtensionTwice { part, .. } => {
                format!("Thủ tục {part} đã hẹn lại; chỉ được hẹn lại một lần.")
            }
            Self::ExtensionLate { part } => {
                format!("Thủ tục {part} đã quá ngày hẹn trả; không gia hạn được nữa.")
            }
            Self::AlreadyReceived => "Hồ sơ không còn chờ tiếp nhận.".into(),
            Self::NotReceived => "Hồ sơ chưa được tiếp nhận.".into(),
            Self::Incomplete { missing } => format!(
                "Hồ sơ chưa đủ thành phần; còn thiếu: {missing}. Yêu cầu bổ sung một lần hoặc chờ tra cứu."
            ),
            Self::ResultGiven => "Hồ sơ đã có kết quả nên không rút được nữa.".into(),
            Self::AlreadyStopped => "Hồ sơ đang dừng.".into(),
            Self::NotStopped => "Hồ sơ không dừng.".into(),
            Self::NoResult { evidence } => format!("{evidence} không phải là kết quả đã có của hồ sơ."),
            Self::HandedOutBefore { evidence } => format!("{evidence} đã được trả."),
            Self::Withdrawn => "Công dân đã rút hồ sơ; không trả kết quả của hồ sơ này.".into(),
            Self::FaultOpen { evidence } => {
                format!("Sai sót của {evidence} đang được cơ quan cấp xử lý.")
            }
            Self::CodeTaken => {
                "Mã hồ sơ thuộc hồ sơ khác hoặc không cấp cho bộ phận này. Bỏ trống để hệ thống cấp mã.".into()
            }
        }
    }
}
