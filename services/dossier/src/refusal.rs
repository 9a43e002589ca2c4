//! Refusals: why something was not done, and what the sender should do. Reading them alone teaches
//! an integrator the rules.

use crate::{
    dossier::Stage,
    name::{AgencyCode, EvidenceName, RoleName, StepId, TerritoryCode},
};

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
            Self::NotYours => "NOT_YOURS",
            Self::Superseded { .. } => "ROUND_SUPERSEDED",
            Self::NotHeld { .. } => "STEP_NOT_HELD",
            Self::Finished { .. } => "STEP_FINISHED",
            Self::WrongTask { .. } => "WRONG_TASK",
            Self::ReturnOpen { .. } => "RETURN_OPEN",
            Self::NotReturnable { .. } => "NOT_RETURNABLE",
            Self::VersionSuperseded { .. } => "VERSION_SUPERSEDED",
            Self::ReturnLimit { .. } => "RETURN_LIMIT",
            Self::Closed => "DOSSIER_CLOSED",
            Self::NoDepartment { .. } => "NO_DEPARTMENT",
            Self::UnknownAgency { .. } => "UNKNOWN_AGENCY",
            Self::UnknownStep { .. } => "UNKNOWN_STEP",
            Self::AlreadyThere { .. } => "ALREADY_THERE",
            Self::CodeTaken => "CODE_TAKEN",
        }
    }

    /// What sort it is.
    pub fn sort(&self) -> Sort {
        match self {
            Self::Fields(_) | Self::UnknownAgency { .. } | Self::UnknownStep { .. } => {
                Sort::Invalid
            }
            Self::NotYours => Sort::Denied,
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
            Self::CodeTaken => {
                "Mã hồ sơ thuộc hồ sơ khác hoặc không cấp cho bộ phận này. Bỏ trống để hệ thống cấp mã.".into()
            }
        }
    }
}
