//! National statuses: the ten words in which the national portal knows a dossier (DOMAIN §4.1). The
//! dossier itself knows more; this is what the adapter may say of it, and in which order.

use std::fmt;

/// Where a dossier is, in the national portal's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum NationalStatus {
    /// Filed; no officer has looked at it. The desk's limit of reception runs, the dossier's does not.
    NewlyRegistered = 1,
    /// A desk has received it; its limit runs.
    Received = 2,
    /// A desk has refused it (form 03).
    NotAccepted = 3,
    /// Departments work on it; its limit runs.
    InProcess = 4,
    /// The citizen is to bring more (form 02); its limit is paused, or begins again (NĐ 61/2018 Art 19(4)).
    SupplementRequired = 5,
    /// The citizen is to pay; its limit is paused.
    FinancialObligationRequired = 6,
    /// The citizen took it back.
    WithdrawnByCitizen = 7,
    /// Nobody works on it until it is taken up again, if it ever is; its limit is paused.
    Stopped = 8,
    /// Its results are at the desk; its limit has ended.
    Processed = 9,
    /// Its results are with the citizen.
    ResultReturned = 10,
}

/// What reports count together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportBucket {
    /// Tạm dừng: 5, 6 and 8.
    Paused,
    /// Đã xử lý: 7, 9 and 10.
    Handled,
}

impl ReportBucket {
    /// What reports call it.
    pub fn vi(self) -> &'static str {
        match self {
            Self::Paused => "Tạm dừng",
            Self::Handled => "Đã xử lý",
        }
    }
}

impl NationalStatus {
    /// All of them, by code.
    pub const ALL: [Self; 10] = [
        Self::NewlyRegistered,
        Self::Received,
        Self::NotAccepted,
        Self::InProcess,
        Self::SupplementRequired,
        Self::FinancialObligationRequired,
        Self::WithdrawnByCitizen,
        Self::Stopped,
        Self::Processed,
        Self::ResultReturned,
    ];

    /// Its number in the national portal, 1 to 10.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The status of this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }

    /// The word for it in records and messages.
    pub fn identifier(self) -> &'static str {
        match self {
            Self::NewlyRegistered => "NEWLY_REGISTERED",
            Self::Received => "RECEIVED",
            Self::NotAccepted => "NOT_ACCEPTED",
            Self::InProcess => "IN_PROCESS",
            Self::SupplementRequired => "SUPPLEMENT_REQUIRED",
            Self::FinancialObligationRequired => "FINANCIAL_OBLIGATION_REQUIRED",
            Self::WithdrawnByCitizen => "WITHDRAWN_BY_CITIZEN",
            Self::Stopped => "STOPPED",
            Self::Processed => "PROCESSED",
            Self::ResultReturned => "RESULT_RETURNED",
        }
    }

    /// The status of this word.
    pub fn from_identifier(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|status| status.identifier() == word)
    }

    /// What people read.
    pub fn vi(self) -> &'static str {
        match self {
            Self::NewlyRegistered => "Mới đăng ký",
            Self::Received => "Được tiếp nhận",
            Self::NotAccepted => "Không được tiếp nhận",
            Self::InProcess => "Đang xử lý",
            Self::SupplementRequired => "Yêu cầu bổ sung giấy tờ",
            Self::FinancialObligationRequired => "Yêu cầu thực hiện nghĩa vụ tài chính",
            Self::WithdrawnByCitizen => "Công dân yêu cầu rút hồ sơ",
            Self::Stopped => "Dừng xử lý",
            Self::Processed => "Đã xử lý xong",
            Self::ResultReturned => "Đã trả kết quả",
        }
    }

    /// Whether nothing may come after it. A stopped dossier may be taken up again and is not ended.
    pub fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::NotAccepted | Self::WithdrawnByCitizen | Self::ResultReturned
        )
    }

    /// What may come after it. Inferred from NĐ 61/2018 Art 17 to 20 and from what the statuses mean:
    /// no published text lists the transitions.
    pub fn successors(self) -> &'static [Self] {
        use NationalStatus::*;
        match self {
            NewlyRegistered => &[
                Received,
                NotAccepted,
                SupplementRequired,
                WithdrawnByCitizen,
            ],
            Received => &[InProcess, WithdrawnByCitizen],
            InProcess => &[
                SupplementRequired,
                FinancialObligationRequired,
                WithdrawnByCitizen,
                Stopped,
                Processed,
            ],
            SupplementRequired => &[
                Received,
                NotAccepted,
                InProcess,
                WithdrawnByCitizen,
                Stopped,
            ],
            FinancialObligationRequired => &[InProcess, WithdrawnByCitizen, Stopped],
            Stopped => &[InProcess],
            Processed => &[ResultReturned],
            NotAccepted | WithdrawnByCitizen | ResultReturned => &[],
        }
    }

    /// Whether the second may come directly after the first. No status comes after itself: saying it
    /// again is no change.
    pub fn may_follow(from: Self, to: Self) -> bool {
        from.successors().contains(&to)
    }

    /// What reports count it with, if with anything.
    pub fn bucket(self) -> Option<ReportBucket> {
        match self {
            Self::SupplementRequired | Self::FinancialObligationRequired | Self::Stopped => {
                Some(ReportBucket::Paused)
            }
            Self::WithdrawnByCitizen | Self::Processed | Self::ResultReturned => {
                Some(ReportBucket::Handled)
            }
            Self::NewlyRegistered | Self::Received | Self::NotAccepted | Self::InProcess => None,
        }
    }
}

impl fmt::Display for NationalStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.identifier())
    }
}
