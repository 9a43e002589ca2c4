//! Causes: every word under which the broker opens an incident, and what a person does about it.
//!
//! An incident names its cause by one of these, so that none can be opened that nobody knows what to do
//! about.

use contract::v1::{CauseClass, IncidentOwner, RedriveKind};

/// What may be the matter.
#[derive(Debug, PartialEq, Eq)]
pub struct Cause {
    /// The word, such as `DEPARTMENT_UNREACHABLE`.
    pub word: &'static str,
    /// What sort of trouble it is.
    pub class: CauseClass,
    /// Who has to do something about it.
    pub owner: IncidentOwner,
    /// What trying it again does.
    pub redrive: RedriveKind,
    /// What to do.
    pub suggestion: Suggestion,
}

/// What to do, in Vietnamese and in English.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suggestion {
    /// In Vietnamese.
    pub vi: &'static str,
    /// In English.
    pub en: &'static str,
}

/// What is known of a cause.
pub fn of(word: &str) -> &'static Cause {
    ALL.iter()
        .find(|cause| cause.word == word)
        .copied()
        .unwrap_or(&UNKNOWN)
}

/// What another release opened and this one does not know.
const UNKNOWN: Cause = Cause {
    word: "",
    class: CauseClass::Broker,
    owner: IncidentOwner::Operator,
    redrive: RedriveKind::Close,
    suggestion: Suggestion {
        vi: "Phiên bản này không biết nguyên nhân đó. Đọc mô tả, xử lý rồi đóng sự cố.",
        en: "this release does not know the cause; read the description, put it right, then close the incident",
    },
};

/// Each cause is one entry: its constant and its place among [`ALL`].
macro_rules! causes {
    ($($word:ident: $class:ident, $owner:ident, $redrive:ident, $vi:literal, $en:literal;)*) => {
        $(
            #[doc = $en]
            pub const $word: Cause = Cause {
                word: stringify!($word),
                class: CauseClass::$class,
                owner: IncidentOwner::$owner,
                redrive: RedriveKind::$redrive,
                suggestion: Suggestion { vi: $vi, en: $en },
            };
        )*
        /// All of them.
        pub const ALL: &[&Cause] = &[$(&$word),*];
    };
}

causes! {
    // A system cannot be reached.
    DEPARTMENT_UNREACHABLE: Connection, Department, Retry,
        "Kiểm tra đường truyền và hệ thống của cơ quan; mọi hồ sơ được giữ và tự giao khi kết nối lại.",
        "look at the line and at the department's system; everything is kept, and goes by itself when it is back";
    LOOK_UP_UNAVAILABLE: Connection, Department, Nothing,
        "Cơ sở dữ liệu của cơ quan chưa tra cứu được; sẽ tự hỏi lại. Báo cơ quan đó.",
        "the department's registry cannot be asked at the moment; it is asked again by itself, tell the department";

    // Somebody is late.
    LIMIT_PASSED: Deadline, Department, Nothing,
        "Liên hệ cơ quan đang giữ bước này; nếu không làm được thì chuyển bước cho cơ quan khác.",
        "speak with the department that has the step; if it cannot do it, move the step to another";
    PROMISE_PASSED: Deadline, Department, Nothing,
        "Liên hệ cơ quan đang giữ, và để bộ phận một cửa báo cho công dân.",
        "speak with the department that has it, and let the desk tell the citizen";
    APOLOGY_OWED: Deadline, Department, Nothing,
        "Cơ quan gửi phiếu xin lỗi và hẹn lại (mẫu 04) hoặc hoàn thành; điều phối viên cũng có thể gia hạn bước.",
        "the department sends its apology with a later date (form 04) or finishes; an operator may extend the step, too";
    INTAKE_LIMIT_PASSED: Deadline, Desk, Nothing,
        "Bộ phận một cửa tiếp nhận, từ chối hoặc yêu cầu bổ sung hồ sơ.",
        "the desk receives the dossier, refuses it or asks for more";
    PAYMENT_OVERDUE: Deadline, Desk, Nothing,
        "Bộ phận một cửa nhắc công dân nộp; vẫn nộp được cho đến khi hồ sơ kết thúc.",
        "the desk reminds the citizen, who may pay until the dossier ends";
    CONSULTATION_SILENT: Deadline, Department, Nothing,
        "Báo người đứng đầu cơ quan được hỏi ý kiến; bước đang hỏi có thể tiếp tục.",
        "tell the head of the agency that was asked; the step that asks may go on without";
    LOOK_UP_SILENT: Deadline, Department, Nothing,
        "Liên hệ cơ quan giữ dữ liệu, hoặc người có thẩm quyền cho phép yêu cầu bổ sung.",
        "speak with the holder, or a named approver allows a supplement";

    // A department refused, declined or lost something.
    HANDOVER_REFUSED: Department, Department, Retry,
        "Liên hệ cơ quan về lý do không nhận rồi thử lại, hoặc chuyển bước cho cơ quan khác.",
        "speak with the department about its reason, then try again, or move the step to another";
    STEP_DECLINED: Department, Operator, Nothing,
        "Chuyển bước này cho cơ quan có thẩm quyền.",
        "move the step to the department whose it is";
    HOLDING_LOST: Department, Operator, Nothing,
        "Kiểm tra hệ thống của cơ quan, hoặc chuyển bước cho cơ quan khác.",
        "look at the department's system, or move the step to another";
    REFUSED_LATE: Department, Operator, Close,
        "Hỏi cơ quan vì sao từ chối quá hạn, rồi đóng sự cố.",
        "ask the department why it refused so late, then close the incident";
    NOTICE_REFUSED: Department, Department, Close,
        "Báo cho cơ quan bằng cách khác, kiểm tra hệ thống của cơ quan, rồi đóng sự cố.",
        "tell the department in another way, look at its system, then close the incident";
    RETURN_LIMIT: Department, Operator, Close,
        "Người có thẩm quyền quyết định giữa hai cơ quan, rồi đóng sự cố.",
        "a person with authority decides between the two departments, then the incident is closed";
    LOOK_UP_NOT_FOUND: Department, Department, Nothing,
        "Cơ quan giữ dữ liệu bổ sung dữ liệu của mình, hoặc bộ phận một cửa dừng hồ sơ.",
        "the holder mends its data, or the desk stops the dossier";

    // What was sent cannot be used.
    LOOK_UP_UNUSABLE: Data, Desk, Nothing,
        "Người có thẩm quyền cho phép yêu cầu bổ sung, nêu căn cứ pháp lý.",
        "a named approver allows a supplement, with its legal basis";
    HANDOVER_TOO_LARGE: Data, Operator, Nothing,
        "Bên cung cấp đính chính: dữ liệu lớn đưa vào tài liệu đính kèm.",
        "whoever gave the evidence corrects it: what is large belongs in documents";
    ID_REUSED: Data, Operator, Close,
        "Kiểm tra phần mềm của hệ thống đã gửi lại mã cũ với nội dung khác, rồi đóng sự cố.",
        "look at the software of the system that used an id again with other content, then close the incident";

    // The broker itself.
    DOSSIER_QUARANTINED: Broker, Operator, Release,
        "So kho dữ liệu với bản sao; khi hồ sơ đọc được thì cho đi tiếp.",
        "compare the store with a copy; release the dossier once it can be read";
    STORAGE_UNAVAILABLE: Broker, Operator, Close,
        "Kiểm tra dung lượng đĩa.",
        "look at the disk's room";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::BTreeSet, path::Path};

    #[test]
    fn every_cause_says_who_does_what_about_it() {
        let words: BTreeSet<&str> = ALL.iter().map(|cause| cause.word).collect();
        assert_eq!(words.len(), ALL.len(), "each once");
        for cause in ALL {
            assert_eq!(of(cause.word), *cause);
            assert_ne!(cause.class, CauseClass::Unspecified, "{}", cause.word);
            assert_ne!(cause.owner, IncidentOwner::Unspecified, "{}", cause.word);
            assert_ne!(cause.redrive, RedriveKind::Unspecified, "{}", cause.word);
            assert!(cause.suggestion.vi.ends_with('.'), "{}", cause.word);
            assert!(!cause.suggestion.en.ends_with('.'), "{}", cause.word);
        }
        assert_eq!(of("FROM_ANOTHER_RELEASE").redrive, RedriveKind::Close);
    }

    #[test]
    fn a_cause_that_says_who_is_late_is_a_deadline() {
        for word in crate::store::LATE {
            assert_eq!(of(word).class, CauseClass::Deadline, "{word}");
        }
    }

    /// Sources of this crate, without tests.
    fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.contains("test") || name.contains("conformance") {
                continue;
            }
            if path.is_dir() {
                sources(&path, found);
            } else if name != "causes.rs" {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests").next().unwrap();
                found.push((path.display().to_string(), code.to_owned()));
            }
        }
    }

    #[test]
    fn no_incident_is_opened_under_a_word_that_stands_nowhere_here() {
        let mut found = Vec::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut found,
        );
        let all: String = found.iter().map(|(_, code)| code.as_str()).collect();
        for (path, code) in &found {
            for literal in ["cause: \"", "of_step(\"", "of_dossier(\""] {
                assert!(!code.contains(literal), "{path} has {literal}");
            }
        }
        for cause in ALL {
            let used = format!("causes::{}", cause.word);
            assert!(all.contains(&used), "{} is opened by nobody", cause.word);
        }
    }
}
