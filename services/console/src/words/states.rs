//! What the contract's enums are called on the page.

use crate::language::Language;
use contract::v1::{
    Channel, DeliveryStatus, DossierState, EvidenceSource, FinanceStatus, Limit, LimitUnit,
    NationalStatus, PartState, PartyRole, PauseReason, StepState, SyncStatus, TimeHolder,
    Timeliness,
};

/// Makes a function that gives the word for each value of an enum.
macro_rules! said {
    ($name:ident($kind:ident) { $($value:ident: $vi:literal, $en:literal;)* }) => {
        pub(crate) fn $name(value: $kind, language: Language) -> &'static str {
            match value {
                $($kind::$value => language.of($vi, $en),)*
            }
        }
    };
}

said! { dossier(DossierState) {
    Unspecified: "không rõ", "unknown";
    Filed: "đã nộp, chưa tiếp nhận", "filed";
    InProcess: "đang xử lý", "in process";
    WaitingForCitizen: "chờ công dân", "waiting for the citizen";
    Closed: "đã xong", "closed";
    Withdrawn: "đã rút", "withdrawn";
    NotAccepted: "không tiếp nhận", "not accepted";
    Stopped: "dừng xử lý", "stopped";
    Quarantined: "bị cách ly", "quarantined";
} }

said! { step(StepState) {
    Unspecified: "không rõ", "unknown";
    Waiting: "chưa đến lượt", "waiting";
    Due: "chờ giao", "due";
    PossiblyHeld: "đã gửi, chờ xác nhận", "possibly held";
    Held: "đang thực hiện", "held";
    Completed: "đã xong", "completed";
    Refused: "bị từ chối", "refused";
    Declined: "không thuộc thẩm quyền", "declined";
    Ended: "kết thúc", "ended";
    Skipped: "không phải làm", "not to be done";
} }

said! { part(PartState) {
    Unspecified: "không rõ", "unknown";
    InProcess: "đang xử lý", "in process";
    Completed: "đã xong", "completed";
    Refused: "bị từ chối", "refused";
    Ended: "kết thúc", "ended";
    Skipped: "không phải làm", "not to be done";
} }

said! { timeliness(Timeliness) {
    Unspecified: "–", "–";
    Early: "trước hạn", "early";
    OnTime: "đúng hạn", "on time";
    Overdue: "quá hạn", "overdue";
} }

said! { pause(PauseReason) {
    Unspecified: "không rõ", "unknown";
    Supplement: "chờ bổ sung hồ sơ", "supplement";
    Payment: "chờ nộp tiền", "payment";
    Stop: "dừng xử lý", "stopped by decision";
    Outside: "việc không tính vào thời hạn", "outside the limit";
} }

said! { holder(TimeHolder) {
    Unspecified: "không rõ", "unknown";
    Transport: "truyền nhận", "transport";
    Agency: "cơ quan", "agency";
    Citizen: "công dân", "citizen";
    Nobody: "không ai", "nobody";
} }

said! { source(EvidenceSource) {
    Unspecified: "không rõ", "unknown";
    Citizen: "công dân", "the citizen";
    Registry: "cơ sở dữ liệu", "a registry";
    Step: "kết quả bước", "a step";
    Vault: "kho dữ liệu điện tử", "the vault";
} }

said! { channel(Channel) {
    Unspecified: "không rõ", "unknown";
    Counter: "trực tiếp", "counter";
    Online: "trực tuyến", "online";
    Post: "bưu chính", "post";
} }

said! { national(NationalStatus) {
    Unspecified: "–", "–";
    NewlyRegistered: "Mới đăng ký", "newly registered";
    Received: "Được tiếp nhận", "received";
    NotAccepted: "Không được tiếp nhận", "not accepted";
    InProcess: "Đang xử lý", "in process";
    SupplementRequired: "Yêu cầu bổ sung giấy tờ", "supplement required";
    FinancialObligationRequired: "Yêu cầu thực hiện nghĩa vụ tài chính", "financial obligation required";
    WithdrawnByCitizen: "Công dân yêu cầu rút hồ sơ", "withdrawn by the citizen";
    Stopped: "Dừng xử lý", "stopped";
    Processed: "Đã xử lý xong", "processed";
    ResultReturned: "Đã trả kết quả", "result returned";
} }

said! { finance(FinanceStatus) {
    Unspecified: "–", "–";
    None: "không có", "nothing owed";
    Owed: "còn phải nộp", "owed";
    Paid: "đã nộp", "paid";
} }

said! { delivery(DeliveryStatus) {
    Unspecified: "–", "–";
    None: "chưa có kết quả", "no result yet";
    Waiting: "chờ trả tại bộ phận một cửa", "results wait at the desk";
    Partly: "đã trả một phần", "partly handed out";
    Done: "đã trả", "handed out";
} }

said! { sync(SyncStatus) {
    Unspecified: "–", "–";
    Arrived: "đã đến nơi", "arrived";
    UnderWay: "đang truyền", "under way";
} }

said! { role(PartyRole) {
    Unspecified: "không rõ", "unknown";
    Owner: "chủ hồ sơ", "owner";
    Submitter: "người nộp", "submitter";
    Representative: "người đại diện", "representative";
    Subject: "người được nói đến", "subject";
} }

said! { unit(LimitUnit) {
    Unspecified: "không rõ", "unknown";
    WorkingDay: "ngày làm việc", "working days";
    WorkingHour: "giờ làm việc", "working hours";
    CalendarDay: "ngày", "calendar days";
    ElapsedHour: "giờ", "hours";
} }

/// A limit, such as `3 ngày làm việc`.
pub(crate) fn limit(limit: &Option<Limit>, language: Language) -> String {
    limit.as_ref().map_or_else(
        || "–".into(),
        |limit| format!("{} {}", limit.amount, unit(limit.unit(), language)),
    )
}

/// The mark beside a step's state, so that it is not told by colour alone.
pub(crate) fn mark(state: StepState) -> &'static str {
    match state {
        StepState::Completed => "✓",
        StepState::Held => "●",
        StepState::Due | StepState::PossiblyHeld => "➜",
        StepState::Refused | StepState::Declined => "✕",
        StepState::Ended | StepState::Skipped => "–",
        StepState::Waiting | StepState::Unspecified => "○",
    }
}

/// The class of a step's state in the style sheet.
pub(crate) fn class(state: StepState) -> &'static str {
    match state {
        StepState::Completed => "done",
        StepState::Held => "held",
        StepState::Due | StepState::PossiblyHeld => "due",
        StepState::Refused | StepState::Declined => "bad",
        StepState::Ended | StepState::Skipped => "over",
        StepState::Waiting | StepState::Unspecified => "waiting",
    }
}

/// What the broker asks of others on a dossier's behalf, by what the step's name begins with.
pub(crate) fn errand(sort: &str, language: Language) -> &'static str {
    match sort {
        "slip_" => language.of("Phiếu chuyển xử lý", "Transfer slip"),
        "look_up_" => language.of("Tra cứu", "Look-up"),
        _ => language.of("Xin ý kiến", "Consultation"),
    }
}
