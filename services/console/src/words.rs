//! Every text of the page, in Vietnamese and English, in one table.

pub(crate) mod causes;
pub(crate) mod happened;
pub(crate) mod states;

use crate::language::Language;

/// Makes one struct with a field for each text, and its two languages: a text without both is no table.
macro_rules! words {
    ($($name:ident: $vi:literal, $en:literal;)*) => {
        /// The texts of one language.
        pub(crate) struct Words {
            $(pub(crate) $name: &'static str,)*
        }

        static VI: Words = Words { $($name: $vi,)* };
        static EN: Words = Words { $($name: $en,)* };

        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $vi, $en),)*];
    };
}

words! {
    // Around every page.
    product: "Liên thông", "Liên thông";
    product_line: "Bảng điều hành liên thông thủ tục hành chính", "Operators' console";
    skip: "Đến nội dung chính", "Skip to the content";
    navigation: "Các trang", "Pages";
    now: "Hiện tại", "Now";
    dossiers: "Hồ sơ", "Dossiers";
    departments: "Cơ quan", "Departments";
    incidents: "Sự cố", "Incidents";
    measures: "Chỉ số", "Measures";
    audit: "Nhật ký", "Audit";
    log_in: "Đăng nhập", "Log in";
    log_out: "Đăng xuất", "Log out";
    other_language: "English", "Tiếng Việt";
    theme: "Giao diện", "Theme";
    theme_auto: "theo hệ thống", "as the system";
    theme_light: "sáng", "light";
    theme_dark: "tối", "dark";
    local_login: "Phiên dùng thử trên máy này, không đăng nhập", "First look on this machine, without a login";
    as_of: "Tính đến", "As of";
    live: "tự cập nhật", "updates by itself";
    lost: "Mất kết nối với bộ điều phối từ", "No connection to the broker since";
    lost_page: "Trang này không nhận được cập nhật từ", "This page has had no updates since";
    lost_shown: "Những gì đang hiển thị là của lúc trước đó; trang sẽ tự cập nhật khi kết nối lại.", "What is shown is from before; the page recovers by itself.";
    as_table: "Xem dạng bảng", "As a table";
    yes: "có", "yes";
    no: "không", "no";
    all: "Tất cả", "All";
    more: "Trang sau", "Next page";
    back: "Quay lại", "Back";
    open_word: "đang mở", "open";
    overdue_word: "quá hạn", "past the limit";
    when: "Lúc", "When";
    since: "Từ", "Since";
    until: "Đến", "Until";
    reason: "Lý do", "Reason";
    reason_hint: "Được ghi vào nhật ký; 1 đến 2.000 byte.", "Recorded in the audit log; 1 to 2,000 bytes.";
    agency: "Cơ quan", "Department";
    desk: "Bộ phận một cửa", "Desk";
    step: "Bước", "Step";
    procedure: "Thủ tục", "Procedure";
    dossier: "Hồ sơ", "Dossier";
    state: "Trạng thái", "State";
    owner: "Ai xử lý", "Whose to do";
    count: "Số lượng", "Count";
    not_found: "Không có trang này.", "There is no such page.";
    not_found_title: "Không tìm thấy", "Not found";
    trouble_title: "Không thực hiện được", "It could not be done";
    wrong_value: "Giá trị không đúng, đã bỏ qua", "Not understood, left out";
    given_up: "Thiếu lý do: không có gì được thực hiện.", "A reason is needed: nothing was done.";
    // Logging in.
    login_title: "Đăng nhập bảng điều hành", "Log in to the console";
    login_certificate: "Đăng nhập bằng chứng thư", "Log in with the certificate";
    login_certificate_none: "Trình duyệt chưa xuất trình chứng thư người vận hành. Cài chứng thư vào trình duyệt rồi mở lại trang.", "The browser showed no operator's certificate. Install it in the browser and open the page again.";
    login_certificate_other: "Chứng thư đã xuất trình không phải của người vận hành:", "The certificate shown is no operator's:";
    login_oidc: "Đăng nhập qua hệ thống định danh", "Log in at the identity provider";
    login_local: "Vào với tư cách", "Enter as";
    login_local_hint: "Chỉ dùng để xem thử trên máy này: ai mở được trang đều vào được.", "For a first look on this machine alone: whoever reaches the page gets in.";
    login_once_more: "Đã đăng nhập? Mở lại trang.", "Logged in already? Open the page again.";
    not_an_operator: "Danh bạ không có người vận hành này, hoặc chưa được cấp quyền nào.", "The directory names no such operator, or grants nothing.";
    onward_title: "Đang chuyển tiếp…", "On the way…";
    onward: "Tiếp tục", "Continue";
    // Now.
    behind: "Cơ quan đang chậm nhận hồ sơ", "Departments that are behind";
    behind_hint: "Có hồ sơ phải giao mà không kết nối được, hoặc đã hơn một giờ chưa nhận.", "Something is owed to them and they cannot be reached, or it is owed for more than an hour.";
    owed_for: "Chờ giao đã", "Owed for";
    attention: "Cần xử lý", "Needs attention";
    attention_none: "Không có gì vướng mắc.", "Nothing is stuck.";
    oldest: "Lâu nhất", "Oldest";
    cause: "Nguyên nhân", "Cause";
    what_to_do: "Cách xử lý", "What to do";
    see_all: "Xem tất cả", "See all";
    put_right: "Xử lý", "Put it right";
    try_again: "Thử lại ngay", "Try again now";
    flow: "Luồng hồ sơ đang mở", "How open work flows";
    flow_hint: "Từ bộ phận một cửa, qua các bước, đến cơ quan; bề rộng theo số bước đang mở.", "From desks through steps to departments; as wide as what is open.";
    flow_none: "Không có bước nào đang mở.", "No step is open.";
    today: "Hôm nay", "Today";
    received: "Tiếp nhận", "Received";
    closed: "Đã xong", "Closed";
    closed_on_time: "Xong đúng hạn", "Closed on time";
    closed_late: "Xong quá hạn", "Closed late";
    open_dossiers: "Đang mở", "Open";
    waiting_for_citizen: "Chờ công dân", "Waiting for citizens";
    overdue: "Quá hạn", "Past a limit";
    durations: "Thời gian, 30 ngày qua", "How long, in the last 30 days";
    durations_none: "Chưa có số liệu trong 30 ngày qua.", "Nothing was counted in the last 30 days.";
    distribution_waiting: "Công dân chờ đến lúc được tiếp nhận", "A citizen waits until received";
    distribution_held: "Cơ quan giữ hồ sơ", "A department holds";
    goal: "mục tiêu", "goal";
    how_many: "Số lần", "How many";
    how_long: "Bao lâu", "How long";
    denied: "Yêu cầu bổ sung bị từ chối vì đã có nơi giữ, 30 ngày qua", "Supplements refused because somebody held the evidence, in 30 days";
    denied_none: "Không có yêu cầu nào bị từ chối.", "None was refused.";
    asked_by: "Cơ quan yêu cầu", "Asked by";
    suspended: "Đang tạm dừng", "Suspended";
    suspended_by: "Người thực hiện", "By";
    resume: "Mở lại", "Resume";
    // Dossiers.
    search: "Tìm hồ sơ", "Search dossiers";
    code: "Mã hồ sơ", "Code";
    territory: "Địa bàn", "Territory";
    received_from: "Tiếp nhận từ ngày", "Received from";
    received_until: "đến hết ngày", "until the end of";
    only_open: "Chưa kết thúc", "Not closed";
    only_overdue: "Quá hạn", "Past a limit";
    only_stuck: "Có sự cố", "With an incident";
    search_button: "Tìm", "Search";
    clear: "Bỏ lọc", "Clear";
    found_none: "Không có hồ sơ nào khớp.", "No dossier matches.";
    found_none_yet: "Chưa thấy trong phần đã xem; còn trang sau.", "None among those looked at; there are more.";
    promised: "Hẹn trả", "Promised";
    where_it_stands: "Đang ở", "Where it is";
    open_incidents: "Sự cố mở", "Open incidents";
    saved_filters: "Bộ lọc đã lưu", "Saved filters";
    save_filter: "Lưu bộ lọc này với tên", "Save this filter as";
    save: "Lưu", "Save";
    remove: "Xóa", "Remove";
    filter_saved: "Đã lưu bộ lọc.", "The filter was saved.";
    filter_removed: "Đã xóa bộ lọc.", "The filter was removed.";
    filter_name: "Tên phải có 1 đến 100 byte.", "A name has 1 to 100 bytes.";
    filter_full: "Đã lưu tối đa số bộ lọc; xóa bớt trước.", "As many filters are saved as may be; remove one first.";
    filter_write: "Không ghi được bộ lọc.", "The filter could not be written.";
    find_person: "Tìm theo người", "Find by person";
    find_person_hint: "Chỉ khi có việc cần: mỗi lần tìm đều được ghi vào nhật ký kèm lý do. Tên và số được che.", "Only with cause: each search is recorded with its reason. Names and numbers are masked.";
    person_name: "Họ và tên đầy đủ", "Whole name";
    person_scheme: "Loại số", "Kind of number";
    person_number: "Số", "Number";
    person_one: "Nhập họ tên hoặc số, không nhập cả hai.", "Give a name or a number, not both.";
    person_none: "Không có hồ sơ của người này.", "There is no dossier of this person.";
    roles: "Vai trò", "Role";
    // One dossier.
    graph: "Sơ đồ thủ tục", "The procedure";
    graph_hint: "Mỗi ô là một bước; mũi tên chỉ thứ tự.", "Each box is a step; arrows say what comes before.";
    parts: "Các thủ tục thành phần", "Parts";
    part: "Thủ tục thành phần", "Part";
    limit: "Thời hạn", "Limit";
    clock: "Đồng hồ", "Clock";
    clock_running: "đang chạy", "running";
    clock_paused: "đang dừng", "paused";
    clock_over: "đã xong", "over";
    extensions: "Gia hạn", "Extensions";
    steps: "Các bước", "Steps";
    round: "Lần giao", "Round";
    held_since: "Đã nhận", "Held since";
    finished: "Xong", "Finished";
    due: "Hạn", "Due";
    due_by: "hạn", "by";
    day_hint: "nn/tt/nnnn", "dd/mm/yyyy";
    look: "Mở hồ sơ để xử lý", "Open it to put it right";
    waits_for: "Chờ", "Waits for";
    after_steps: "Sau bước", "After";
    needs: "Cần", "Needs";
    gives: "Cho", "Gives";
    retries: "Đang thử lại", "Being tried again";
    attempts: "Số lần thử", "Attempts";
    last_error: "Lỗi gần nhất", "What the last met";
    next_try: "Thử lại lúc", "Next try";
    timeline: "Diễn biến", "What happened";
    by_itself: "bộ điều phối", "the broker";
    clocks: "Đồng hồ theo thời gian", "Clocks over time";
    clocks_hint: "Thủ tục thành phần: đồng hồ chạy, gạch chéo là dừng. Bước: nhạt là đang truyền, đậm là cơ quan giữ; vạch là hạn.", "Parts: the clock runs, hatched where it stood still. Steps: pale on their way, full while a department holds; a mark is the limit.";
    pauses: "Lúc đồng hồ dừng", "When clocks stood still";
    clock_reset: "tính lại từ đầu", "began anew";
    lasting: "đang kéo dài", "still lasting";
    times: "Thời gian làm việc thuộc về ai", "Whose the working time was";
    whose: "Của ai", "Whose";
    slip: "Phiếu kiểm soát", "Control slip";
    from_agency: "Giao", "From";
    to_agency: "Nhận", "To";
    handed_at: "Giao lúc", "Handed over";
    received_at: "Nhận lúc", "Received";
    answered_at: "Trả lời lúc", "Answered";
    outcome: "Kết quả", "Outcome";
    timeliness: "Đúng hạn", "Timeliness";
    papers: "Thành phần hồ sơ", "Papers";
    papers_hint: "Chỉ loại giấy tờ; không có nội dung.", "Their kinds, never what is in them.";
    paper: "Giấy tờ", "Paper";
    version: "Bản", "Version";
    documents: "Tệp", "Documents";
    data: "Dữ liệu", "Data";
    source: "Nguồn", "Source";
    given_by: "Do", "Given by";
    quarantined: "Hồ sơ bị cách ly", "Quarantined";
    visits: "Số lần công dân đến", "The citizen came";
    papers_twice: "Giấy tờ hỏi hai lần", "Papers asked twice";
    national_status: "Trạng thái quốc gia", "National status";
    finance: "Nghĩa vụ tài chính", "Obligations";
    delivery: "Trả kết quả", "Handing out";
    sync: "Truyền nhận", "Transport";
    channel: "Kênh", "Channel";
    acts: "Thao tác", "Act";
    move_step: "Chuyển bước cho cơ quan khác", "Move a step to another department";
    move_to: "Cơ quan nhận (mã)", "To (agency code)";
    move_button: "Chuyển", "Move";
    moved: "Đã chuyển; lần giao", "Moved; round";
    extend_step: "Gia hạn và xin lỗi (mẫu 04)", "Extend, with the apology (form 04)";
    extend_amount: "Thêm", "By";
    extend_unit: "Đơn vị", "Unit";
    extend_button: "Gia hạn", "Extend";
    extended: "Đã gia hạn đến", "Extended until";
    retry_dossier: "Thử giao lại ngay", "Try its rounds again now";
    retry_agency: "Cơ quan", "Department";
    retried: "Số lần giao được thử lại ngay:", "Rounds tried again now:";
    release: "Cho hồ sơ đi tiếp", "Release the dossier";
    released: "Hồ sơ được đi tiếp.", "The dossier goes on.";
    // Departments.
    departments_find: "Tìm cơ quan theo tên hoặc mã", "Find a department by name or code";
    departments_none_found: "Không có cơ quan nào khớp.", "No department matches.";
    departments_none: "Danh bạ chưa có cơ quan nào.", "The directory has no departments.";
    health_good: "Đang kết nối", "Connected";
    health_reachable: "Kết nối được", "Reachable";
    health_away: "Không kết nối được", "Cannot be reached";
    health_unknown: "Chưa kết nối", "Not connected yet";
    health_suspended: "Tạm dừng", "Suspended";
    owed: "Chờ giao", "Owed";
    owed_curve: "Chờ giao trong 60 phút qua", "Owed over the last 60 minutes";
    most: "cao nhất", "at most";
    open_steps: "Bước đang mở", "Open steps";
    window: "Đang truyền", "Under way";
    verdicts: "Trả lời/phút", "Verdicts a minute";
    failures: "Lỗi liên tiếp", "Failures in a row";
    certificate: "Chứng thư", "Certificate";
    certificate_day: "ngày còn lại", "day left";
    certificate_days: "ngày còn lại", "days left";
    certificate_over: "đã hết hạn", "expired";
    certificate_unseen: "chưa thấy", "not seen yet";
    system: "Hệ thống", "System";
    retry_now: "Thử lại ngay", "Try again now";
    suspend: "Tạm dừng giao", "Suspend";
    was_suspended: "Đã tạm dừng.", "Suspended.";
    was_resumed: "Đã mở lại.", "Resumed.";
    procedures: "Thủ tục đang áp dụng", "Procedures in force";
    suspend_procedure: "Tạm dừng nhận hồ sơ mới", "Suspend new dossiers";
    // Incidents.
    incidents_closed_too: "Cả đã đóng", "Closed ones too";
    incidents_none: "Không có sự cố nào.", "There are no incidents.";
    opened_at: "Mở lúc", "Opened";
    closed_at: "Đóng lúc", "Closed";
    times_happened: "Số lần", "Times";
    what_is_it: "Việc gì, và cách xử lý", "What it is, and the way out";
    redrive_does: "Thử lại sẽ", "Trying again";
    choose_all: "Chọn tất cả", "Choose all";
    choose: "Chọn", "Choose";
    redrive: "Xử lý những mục đã chọn", "Try the chosen again";
    redrive_nothing: "Chưa chọn mục nào.", "Nothing was chosen.";
    redrive_too_many: "Mỗi lần nhiều nhất 500 mục.", "At most 500 at once.";
    redrive_title: "Kết quả thử lại", "What came of trying again";
    redrive_gone: "Lần thử lại này không còn được giữ.", "This round of trying is no longer kept.";
    redrive_waiting: "đang chờ", "waiting";
    redrive_progress: "Đã có kết quả", "Results";
    redrive_over: "Đã xong.", "All are there.";
    redrive_shown: "Bảng nêu trước những mục không thực hiện được; đang hiện", "What could not be done is listed first; shown are";
    redrive_cut: "Còn nhiều sự cố hơn số một lần làm được; xong lần này, hãy làm tiếp.", "More are open than one round takes; when it is over, begin another.";
    redrive_under_way: "Đang thực hiện…", "Under way…";
    result: "Kết quả", "Result";
    // Measures.
    indicators: "Chỉ số đánh giá (Điều 13 TT 01/2018/TT-VPCP) và chỉ số khác", "Indicators (TT 01/2018/TT-VPCP Art 13) and others";
    indicator: "Chỉ số", "Indicator";
    number_word: "Số", "No.";
    of_word: "Trên tổng", "Of";
    fulfil: "Đạt", "Fulfil";
    rate: "Tỷ lệ", "Rate";
    points: "Điểm", "Points";
    basis: "Căn cứ", "Basis";
    not_computed: "không tính được", "cannot be computed";
    per_agency: "Theo bộ phận một cửa và cơ quan", "By desk and department";
    waiting_goals: "Thời gian chờ so với mục tiêu 30 và 15 phút", "Waiting time against the goals of 30 and 15 minutes";
    within_30: "Trong 30 phút", "Within 30 min";
    within_15: "Trong 15 phút", "Within 15 min";
    figures: "Số đếm", "Figures";
    figure: "Số đếm", "Figure";
    value: "Giá trị", "Value";
    csv: "Tải CSV", "Download CSV";
    from_day: "Từ ngày", "From";
    until_day: "Đến hết ngày", "Until the end of";
    show: "Xem", "Show";
    measures_none: "Chưa có chỉ số nào.", "There are no indicators.";
    // Audit.
    audit_none: "Nhật ký chưa có mục nào.", "There are no entries.";
    audit_operator: "Người thực hiện (danh tính)", "Operator (identity)";
    who: "Ai", "Who";
    via: "qua", "via";
    call: "Việc", "What";
    subject: "Về", "About";
    before: "Trước", "Before";
    after: "Sau", "After";
    entry_hash: "Mã băm", "Hash";
}

impl Words {
    pub(crate) fn of(language: Language) -> &'static Self {
        match language {
            Language::Vi => &VI,
            Language::En => &EN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        assert!(ALL.len() > 150);
        for (name, vi, en) in ALL {
            assert!(!vi.trim().is_empty() && !en.trim().is_empty(), "{name}");
            assert!(vi == en || !en.is_empty(), "{name}");
            let is_same = vi == en && !["product"].contains(name);
            assert!(!is_same, "{name} is the same in both: {vi}");
        }
    }
}
