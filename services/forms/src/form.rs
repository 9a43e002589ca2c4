//! Which papers there are, and why one of them cannot be typeset.

use crate::paper::{
    ApologyExtensionLetter, ControlSlip, ReceiptSlip, RefusalNotice, StopNotice, SupplementRequest,
    TrackingRegister, TransferSlip,
};
use crate::value::{AsFields, Fields};

/// Characters in one field, after which a form is refused.
pub(crate) const FIELD_CHARS_MAX: usize = 20_000;
/// Rows in one list, after which a form is refused: print a register by parts of the year.
pub(crate) const ROWS_MAX: usize = 10_000;
/// Pages in one paper, after which it is refused.
pub(crate) const PAGES_MAX: usize = 999;
/// Bytes in one QR code: more cannot be read from paper at the size it is printed.
pub(crate) const CODE_BYTES_MAX: usize = 200;

/// Why a form was not typeset.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// A value is longer than any paper carries. Shorten it.
    #[error("field {field} has more than {FIELD_CHARS_MAX} characters; shorten it")]
    FieldTooLong {
        /// The field, as templates name it.
        field: String,
    },
    /// A list has more rows than one paper carries. Print it in parts.
    #[error("list {field} has more than {ROWS_MAX} rows; print it in parts")]
    TooManyRows {
        /// The list, as templates name it.
        field: String,
    },
    /// The paper grows over too many pages. Print it in parts.
    #[error("the paper has more than {PAGES_MAX} pages; print it in parts")]
    TooManyPages,
    /// What goes into the QR code is too long to be read back from paper.
    #[error(
        "the QR code would hold more than {CODE_BYTES_MAX} bytes; give it the dossier code alone"
    )]
    CodeTooLong,
    /// A font of the overriding folder could not be cut to the letters used. Replace that font.
    #[error("the font {face} cannot be embedded: {why}; replace the file")]
    Font {
        /// The file of the font, without its folder.
        face: &'static str,
        /// What the font reader said.
        why: String,
    },
}

macro_rules! forms {
    ($( $(#[$doc:meta])* $name:ident = $word:literal, $title:literal; )*) => {
        /// One paper with its values.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Form {
            $( $(#[$doc])* $name($name), )*
        }

        /// Which paper: its word on the command line, on the wire and as the name of its template.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FormKind {
            $( $(#[$doc])* $name, )*
        }

        impl FormKind {
            /// All papers, in the order of Annex I.
            pub const ALL: &[FormKind] = &[$( FormKind::$name, )*];

            /// The word for it, such as `receipt-slip`.
            pub fn word(self) -> &'static str {
                match self { $( FormKind::$name => $word, )* }
            }

            /// What officials call it, in Vietnamese.
            pub fn title(self) -> &'static str {
                match self { $( FormKind::$name => $title, )* }
            }

            /// The paper that a word names, if there is one.
            pub fn from_word(word: &str) -> Option<FormKind> {
                FormKind::ALL.iter().copied().find(|kind| kind.word() == word)
            }

            /// Its fields without values: what a template may name.
            pub(crate) fn blank(self) -> Fields {
                match self { $( FormKind::$name => $name::default().fields(), )* }
            }

            /// Its template as built in.
            pub(crate) fn template(self) -> &'static str {
                match self {
                    $( FormKind::$name => include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"), "/../../deploy/forms/", $word, ".form"
                    )), )*
                }
            }
        }

        impl Form {
            /// Which paper this is.
            pub fn kind(&self) -> FormKind {
                match self { $( Form::$name(_) => FormKind::$name, )* }
            }

            pub(crate) fn fields(&self) -> Fields {
                match self { $( Form::$name(paper) => paper.fields(), )* }
            }
        }

        $(
            impl From<$name> for Form {
                fn from(paper: $name) -> Form {
                    Form::$name(paper)
                }
            }
        )*
    };
}

forms! {
    /// Form 01: what the citizen gets on reception.
    ReceiptSlip = "receipt-slip", "Giấy tiếp nhận hồ sơ và hẹn trả kết quả";
    /// Form 02: what is still needed, once and completely.
    SupplementRequest = "supplement-request", "Phiếu yêu cầu bổ sung, hoàn thiện hồ sơ";
    /// Form 03: why the dossier is not taken.
    RefusalNotice = "refusal-notice", "Phiếu từ chối tiếp nhận giải quyết hồ sơ";
    /// Form 04: the apology before the promised date passes, with the new date.
    ApologyExtensionLetter = "apology-extension-letter", "Văn bản xin lỗi và đề nghị gia hạn thời gian giải quyết";
    /// Form 05: the dossier is stopped on request.
    StopNotice = "stop-notice", "Thông báo dừng giải quyết hồ sơ";
    /// Form 06: every handover, who, to whom, when, and whether in time.
    ControlSlip = "control-slip", "Phiếu kiểm soát quá trình giải quyết hồ sơ";
    /// Form 07: the register of the desk.
    TrackingRegister = "tracking-register", "Sổ theo dõi hồ sơ";
    /// Not numbered: lead, task and deadline of each agency (NĐ 61/2018, Art 19(6)).
    TransferSlip = "transfer-slip", "Phiếu chuyển xử lý";
}
