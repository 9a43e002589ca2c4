//! Why bytes are not taken or not given, and what each refusal is on the wire.

use crate::store::StoreError;
use node::{embedded::EmbeddedError, fault::Fault};
use std::{io, time::Duration};
use tonic::Code;

/// When to try again what is only in the way for now.
const SOON: Duration = Duration::from_millis(500);
/// When to try again what needs somebody to make room.
const LATER: Duration = Duration::from_secs(30);

/// A call for a document is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// Mend the field.
    #[error("`{field}` {mend}")]
    Field {
        /// Its path in the message.
        field: &'static str,
        /// How to mend it.
        mend: String,
    },
    /// Ask with Stat how far the upload is, and go on there.
    #[error(
        "the chunk does not begin where the upload stands; it goes on at byte {received_bytes}"
    )]
    OutOfOrder {
        /// Bytes that are there.
        received_bytes: u64,
    },
    /// Send the document again from its beginning, with its own digest.
    #[error("the bytes have another SHA-256 than was announced; nothing of them is kept")]
    Digest,
    /// Announce the true size and send the document again from its beginning.
    #[error("more bytes came than the {size_bytes} announced; nothing of them is kept")]
    TooLong {
        /// Bytes announced.
        size_bytes: u64,
    },
    /// Go on from there.
    #[error("the upload ended at byte {received_bytes}; go on from there")]
    Cut {
        /// Bytes that are there.
        received_bytes: u64,
    },
    /// Send one message of a known kind at a time, the header first.
    #[error("the message has no content of a known kind here; send the header, then chunks")]
    Kind,
    /// Wait for the other call with these bytes to end.
    #[error("this system is already uploading this document; wait for that call to end")]
    Busy,
    /// Wait until others of this system's calls have ended, or until what it sent was named.
    #[error("{what} reached `{limit}`; wait until some have ended or were named in a dossier")]
    Limit {
        /// What there is too much of.
        what: &'static str,
        /// The limit's name in the configuration.
        limit: &'static str,
    },
    /// Wait until there is room on the broker's disk.
    #[error("the broker's disk has too little room for documents; try again later")]
    StorageLow,
    /// Go on from where the upload stands.
    #[error("no chunk came for {0:?}; go on from where the upload stands")]
    Silent(Duration),
    /// Ask only for documents that were sent by this system or given to the agency in a dossier.
    #[error("there is no such document for this system and agency")]
    NotYours,
    /// Name an agency that the directory lets this system act for.
    #[error("this system does not act for that agency; name one that the directory gives it")]
    Agency,
    /// Connect with a certificate of this trust domain.
    #[error("the caller has no identity; connect over mutual TLS")]
    NoIdentity,
    /// Try again.
    #[error("the broker cannot use its disk for documents now: {0}")]
    Disk(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::StorageLow,
            _ => Self::Disk(error.kind().to_string()),
        }
    }
}

impl From<EmbeddedError> for Refusal {
    fn from(error: EmbeddedError) -> Self {
        match error {
            EmbeddedError::Full(_) => Self::StorageLow,
            other => Self::Disk(other.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        EmbeddedError::from(error).into()
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Disk(error.to_string())
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let fault = |code, reason, vi: &str| Fault::new(code, reason, refusal.to_string(), vi);
        let wrong = |reason, vi| fault(Code::InvalidArgument, reason, vi);
        match &refusal {
            Refusal::Field { field, mend } => {
                wrong("INVALID_FIELDS", "trường chưa đúng; sửa rồi gửi lại").field(*field, mend)
            }
            Refusal::OutOfOrder { received_bytes } => wrong(
                "CHUNK_OUT_OF_ORDER",
                "đoạn tệp gửi sai thứ tự; hỏi Stat rồi gửi tiếp",
            )
            .field("chunk.offset", format!("must be {received_bytes}"))
            .metadata("receivedBytes", received_bytes.to_string()),
            Refusal::Digest => wrong(
                "DIGEST_MISMATCH",
                "tệp không khớp mã băm SHA-256; hãy gửi lại từ đầu",
            )
            .field("header.digest", "must be the SHA-256 of the bytes"),
            Refusal::TooLong { .. } => wrong(
                "SIZE_EXCEEDED",
                "tệp dài hơn đã báo; báo đúng kích thước và gửi lại từ đầu",
            )
            .field("header.size_bytes", "must be the number of bytes sent"),
            Refusal::Cut { received_bytes } => wrong(
                "UPLOAD_CUT",
                "tệp chưa gửi hết; hãy gửi tiếp từ chỗ đã dừng",
            )
            .field("chunk", "must follow until size_bytes is reached")
            .metadata("receivedBytes", received_bytes.to_string()),
            Refusal::Kind => wrong(
                "UNKNOWN_KIND",
                "không rõ loại nội dung; gửi header rồi đến chunk",
            )
            .field("content", "must be the header once, then chunks"),
            Refusal::Busy => fault(
                Code::Aborted,
                "UPLOAD_BUSY",
                "hệ thống đang gửi chính tệp này; hãy chờ",
            )
            .retry_after(SOON),
            Refusal::Limit { limit, .. } => fault(
                Code::ResourceExhausted,
                "LIMIT_REACHED",
                "đã đến giới hạn; hãy thử lại sau",
            )
            .metadata("limit", *limit)
            .retry_after(LATER),
            Refusal::StorageLow => fault(
                Code::ResourceExhausted,
                "STORAGE_LOW",
                "kho tệp sắp đầy; hãy thử lại sau",
            )
            .retry_after(LATER),
            Refusal::Silent(_) => fault(
                Code::DeadlineExceeded,
                "UPLOAD_SILENT",
                "chờ đoạn tệp tiếp theo quá lâu; hãy gửi tiếp từ chỗ đã dừng",
            ),
            Refusal::NotYours => fault(
                Code::PermissionDenied,
                "NOT_YOURS",
                "không có giấy tờ này cho hệ thống và cơ quan của bạn",
            ),
            Refusal::Agency => fault(
                Code::PermissionDenied,
                "NOT_YOUR_AGENCY",
                "hệ thống không được thay mặt cơ quan này",
            )
            .field(
                "agency_code",
                "must be one that the directory lets this system act for",
            ),
            Refusal::NoIdentity => fault(
                Code::Unauthenticated,
                "NO_IDENTITY",
                "kết nối không có chứng thư hợp lệ",
            ),
            Refusal::Disk(_) => fault(
                Code::Unavailable,
                "STORAGE_FAILED",
                "kho tệp tạm thời không dùng được",
            )
            .retry_after(SOON),
        }
    }
}
