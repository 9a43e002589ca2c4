//! Words of the papers that are of no one form.

use dossier::{
    event::LookUpOutcome,
    limit::{Limit, Unit},
};

/// A limit as papers write it: `08 ngày làm việc`.
pub(super) fn limit(limit: Limit) -> String {
    let unit = match limit.unit {
        Unit::WorkingDay => "ngày làm việc",
        Unit::WorkingHour => "giờ làm việc",
        Unit::CalendarDay => "ngày",
        Unit::ElapsedHour => "giờ",
    };
    format!("{:02} {unit}", limit.amount)
}

/// What a holder answered.
pub(super) fn look_up(outcome: LookUpOutcome) -> &'static str {
    match outcome {
        LookUpOutcome::Found => "có",
        LookUpOutcome::NotFound => "không có",
        LookUpOutcome::Mismatch => "có nhưng không khớp thông tin",
        LookUpOutcome::PoorQuality => "có nhưng chất lượng không dùng được",
        LookUpOutcome::Unavailable => "hệ thống nơi lưu giữ không trả lời",
    }
}

/// What was asked of an agency, in words.
pub(super) fn task(word: &str) -> &'static str {
    match word {
        "work" => "giải quyết",
        "review" => "xem lại theo thông tin mới",
        "answer" => "trả lời về sai sót",
        "recall" => "dừng giải quyết",
        "look_up" => "tra cứu",
        "consult" => "cho ý kiến",
        "inform" => "nhận phiếu chuyển xử lý",
        _ => "",
    }
}

/// How an agency answered, in words.
pub(super) fn outcome(word: &str) -> &'static str {
    match word {
        "completed" => "đã giải quyết",
        "paid" => "đã nộp tiền",
        "refused" => "từ chối",
        "declined" => "không thuộc thẩm quyền",
        "returned" => "trả lại cơ quan trước",
        "corrected" => "đã đính chính",
        "upheld" => "giữ nguyên",
        "stands" => "kết quả giữ nguyên",
        "superseded" => "thay bằng lần giao mới",
        "recalled" | "put down" => "đã thu hồi",
        "taken note" => "đã nhận",
        "opinion" => "đã cho ý kiến",
        "found" => "có",
        "not_found" => "không có",
        "mismatch" => "không khớp thông tin",
        "poor_quality" => "chất lượng không dùng được",
        "unavailable" => "hệ thống không trả lời",
        _ => "",
    }
}
