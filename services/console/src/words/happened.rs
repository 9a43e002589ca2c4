//! What happened to a dossier and how it was answered, in words; one of another release as it is written.

use crate::language::Language;

type Named = (&'static str, &'static str, &'static str);

fn named(table: &[Named], word: &str, language: Language) -> String {
    let known = table.iter().find(|(name, ..)| *name == word);
    known.map_or_else(
        || word.replace('_', " "),
        |(_, vi, en)| language.of(vi, en).to_owned(),
    )
}

/// What an event of the timeline is called.
pub(crate) fn event(word: &str, language: Language) -> String {
    named(&EVENTS, word, language)
}

/// How a row of the control slip was answered.
pub(crate) fn outcome(word: &str, language: Language) -> String {
    named(&OUTCOMES, word, language)
}

/// What a figure counts.
pub(crate) fn figure(word: &str, language: Language) -> String {
    named(&FIGURES, word, language)
}

const FIGURES: [Named; 11] = [
    ("dossiers", "Hồ sơ", "Dossiers"),
    ("dossiers_open", "Hồ sơ đang mở", "Dossiers open"),
    ("dossiers_closed", "Hồ sơ đã xong", "Dossiers closed"),
    ("handovers_owed", "Lần giao đang chờ", "Handovers owed"),
    ("incidents_open", "Sự cố đang mở", "Incidents open"),
    (
        "supplements_denied",
        "Yêu cầu bổ sung bị từ chối",
        "Supplements refused",
    ),
    (
        "commits_since_start",
        "Lần ghi từ lúc khởi động",
        "Commits since the start",
    ),
    (
        "commands_since_start",
        "Lệnh từ lúc khởi động",
        "Commands since the start",
    ),
    (
        "changes_since_start",
        "Thay đổi từ lúc khởi động",
        "Changes since the start",
    ),
    (
        "dossiers_cached",
        "Hồ sơ trong bộ nhớ",
        "Dossiers in memory",
    ),
    ("tasks_alive", "Tác vụ đang chạy", "Tasks alive"),
];

const OUTCOMES: [Named; 18] = [
    ("completed", "đã giải quyết", "completed"),
    ("paid", "đã nộp tiền", "paid"),
    ("refused", "từ chối", "refused"),
    ("declined", "không thuộc thẩm quyền", "declined"),
    ("returned", "trả lại cơ quan trước", "returned"),
    ("corrected", "đã đính chính", "corrected"),
    ("upheld", "giữ nguyên", "upheld"),
    ("stands", "kết quả giữ nguyên", "stands"),
    ("superseded", "thay bằng lần giao mới", "superseded"),
    ("recalled", "đã thu hồi", "recalled"),
    ("put down", "đã thu hồi", "put down"),
    ("taken note", "đã nhận", "taken note"),
    ("opinion", "đã cho ý kiến", "opinion given"),
    ("found", "có", "found"),
    ("not_found", "không có", "not found"),
    ("mismatch", "không khớp thông tin", "mismatch"),
    ("poor_quality", "chất lượng không dùng được", "poor quality"),
    ("unavailable", "hệ thống không trả lời", "unavailable"),
];

const EVENTS: [Named; 54] = [
    ("filed", "Đã nộp", "Filed"),
    ("received", "Đã tiếp nhận", "Received"),
    (
        "accepted",
        "Đã tiếp nhận hồ sơ nộp trực tuyến",
        "A filed dossier was received",
    ),
    ("not_accepted", "Không tiếp nhận", "Not accepted"),
    ("handover_due", "Đến lượt giao", "A handover became due"),
    ("offered", "Đã gửi cho cơ quan", "Offered to the department"),
    ("acknowledged", "Cơ quan đã nhận", "The department has it"),
    (
        "holding_lost",
        "Cơ quan báo không còn giữ",
        "The department no longer had it",
    ),
    (
        "progressed",
        "Cơ quan báo tiến độ",
        "The department told its progress",
    ),
    ("completed", "Bước đã xong", "Completed"),
    ("refused", "Bước bị từ chối", "Refused"),
    (
        "declined",
        "Báo không thuộc thẩm quyền",
        "Declined: not theirs to do",
    ),
    (
        "returned",
        "Trả lại cơ quan trước",
        "Returned to an earlier department",
    ),
    ("corrected", "Đã đính chính", "Corrected"),
    ("upheld", "Giữ nguyên kết quả", "Upheld"),
    (
        "reviewed",
        "Đã xem lại theo đính chính",
        "Reviewed after a correction",
    ),
    ("ended", "Bước kết thúc", "A step ended"),
    ("skipped", "Không phải làm", "Not to be done"),
    ("wanted", "Phải làm", "To be done"),
    ("slips_due", "Gửi phiếu chuyển", "Transfer slips are due"),
    ("look_up_due", "Đến lượt tra cứu", "A look-up became due"),
    ("looked_up", "Đã tra cứu", "Looked up"),
    ("asked_again", "Hỏi lại", "Asked again"),
    ("reused", "Dùng lại từ kho dữ liệu", "Reused from the vault"),
    ("consulted", "Xin ý kiến", "Another agency is consulted"),
    ("opined", "Đã cho ý kiến", "The opinion came"),
    (
        "supplement_asked",
        "Yêu cầu công dân bổ sung",
        "The citizen is asked for more",
    ),
    (
        "supplement_answered",
        "Công dân đã bổ sung",
        "The citizen answered",
    ),
    (
        "supplement_expired",
        "Hết hạn bổ sung",
        "The supplement expired",
    ),
    (
        "supplement_denied",
        "Không hỏi công dân vì đã có nơi giữ",
        "The citizen is not asked for what is held",
    ),
    ("evidence_given", "Có thêm giấy tờ", "Evidence was given"),
    ("consent_refused", "Không đồng ý", "Consent was refused"),
    ("payment_asked", "Yêu cầu nộp tiền", "A payment was asked"),
    (
        "payment_overdue",
        "Quá hạn nộp tiền",
        "The payment is overdue",
    ),
    ("paid", "Đã nộp tiền", "Paid"),
    ("clock_paused", "Đồng hồ dừng", "The clock was paused"),
    ("clock_resumed", "Đồng hồ chạy tiếp", "The clock goes on"),
    (
        "apology_owed",
        "Phải xin lỗi và hẹn lại",
        "An apology is owed",
    ),
    ("extended", "Gia hạn", "Extended"),
    (
        "promise_passed",
        "Quá ngày hẹn trả",
        "The promised date passed",
    ),
    (
        "warned",
        "Nhắc gần đến hạn",
        "Warned that the limit is near",
    ),
    (
        "intake_limit_passed",
        "Quá hạn tiếp nhận",
        "The intake limit passed",
    ),
    (
        "calendar_adopted",
        "Áp dụng lịch mới",
        "A changed calendar was adopted",
    ),
    ("fault_reported", "Báo sai sót", "A fault was reported"),
    ("handed_out", "Đã trả kết quả", "Handed out"),
    ("withdrawn", "Công dân rút hồ sơ", "Withdrawn"),
    ("stopped", "Dừng xử lý", "Stopped"),
    ("resumed", "Tiếp tục xử lý", "Resumed"),
    (
        "moved",
        "Chuyển cho cơ quan khác",
        "Moved to another department",
    ),
    (
        "limit_passed",
        "Quá thời hạn của bước",
        "A step's limit passed",
    ),
    (
        "part_finished",
        "Xong thủ tục thành phần",
        "A part was finished",
    ),
    ("closed", "Hồ sơ đã xong", "Closed"),
    ("recall_due", "Thu hồi", "A recall became due"),
    (
        "notified",
        "Đã báo cho bộ phận một cửa",
        "The desk was told",
    ),
];
