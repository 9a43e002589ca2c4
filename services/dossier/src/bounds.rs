//! Bounds: how much of each thing somebody outside may put into one dossier, all in one place, so that
//! no history grows without end.
//!
//! What the procedure bounds itself is not here: peer returns (`returns_max`), consultations
//! (`consults_max`), extensions (`extensions_max`), supplements (one a stage), look-ups (the holder's
//! limit). Nor is what one message bounds: parties, evidence, documents, items, bytes of a text. What
//! only an operator does, such as moving a step, has no bound.

/// Supplements asked for in vain that a dossier notes; more are refused all the same, and no longer
/// counted.
pub const DENIALS_NOTED_MAX: usize = 100;

/// Something of which a dossier takes only so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Progress in one round of a step (`progress_per_round_max`).
    Progress,
    /// Times that a department no longer has one round of a step (`losses_per_round_max`).
    Losses,
    /// Sums that the citizen is asked for in one dossier (`obligations_max`).
    Obligations,
    /// Versions of one piece of evidence (`versions_per_evidence_max`).
    Versions,
    /// Faults that the desk finds in results of one dossier (`faults_max`).
    Faults,
    /// Times that one dossier is stopped (`stops_max`).
    Stops,
    /// Consents refused in one dossier (`consents_refused_max`).
    ConsentsRefused,
}

impl Bound {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Progress,
        Self::Losses,
        Self::Obligations,
        Self::Versions,
        Self::Faults,
        Self::Stops,
        Self::ConsentsRefused,
    ];

    /// How many there may be.
    pub const fn max(self) -> usize {
        match self {
            Self::Progress => 100,
            Self::Versions => 50,
            Self::Losses
            | Self::Obligations
            | Self::Faults
            | Self::Stops
            | Self::ConsentsRefused => 20,
        }
    }

    /// The reason word of the refusal.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::Progress => "PROGRESS_LIMIT",
            Self::Losses => "LOSS_LIMIT",
            Self::Obligations => "OBLIGATION_LIMIT",
            Self::Versions => "VERSION_LIMIT",
            Self::Faults => "FAULT_LIMIT",
            Self::Stops => "STOP_LIMIT",
            Self::ConsentsRefused => "CONSENT_LIMIT",
        }
    }

    /// What there is too much of, and what to do.
    pub(crate) fn en(self) -> &'static str {
        match self {
            Self::Progress => {
                "pieces of progress in this round; say more only with the outcome, or in the next round"
            }
            Self::Losses => {
                "losses of this round by its department; mend its system, or move the step to another"
            }
            Self::Obligations => {
                "sums asked of the citizen in this dossier; decide with those that were asked for"
            }
            Self::Versions => {
                "versions of this evidence; say that it is upheld, or let a person decide"
            }
            Self::Faults => "faults found in results of this dossier; let a person decide",
            Self::Stops => "stops of this dossier; let it go on, or have it withdrawn",
            Self::ConsentsRefused => {
                "consents refused in this dossier; wait for a consent, or have it withdrawn"
            }
        }
    }

    /// The same in Vietnamese.
    pub(crate) fn vi(self) -> &'static str {
        match self {
            Self::Progress => {
                "lần báo tiến độ trong lần giao này. Chỉ báo kết quả, hoặc chờ lần giao sau."
            }
            Self::Losses => {
                "lần cơ quan báo không còn giữ lần giao này. Sửa hệ thống của cơ quan, hoặc chuyển bước cho cơ quan khác."
            }
            Self::Obligations => "khoản phải nộp trong hồ sơ này. Quyết định với các khoản đã có.",
            Self::Versions => {
                "phiên bản của giấy tờ này. Báo giữ nguyên, hoặc để người có thẩm quyền quyết định."
            }
            Self::Faults => "lần báo sai sót trong hồ sơ này. Cần người có thẩm quyền quyết định.",
            Self::Stops => "lần dừng hồ sơ này. Cho hồ sơ đi tiếp, hoặc làm thủ tục rút hồ sơ.",
            Self::ConsentsRefused => {
                "lần từ chối đồng ý trong hồ sơ này. Chờ ý kiến đồng ý, hoặc làm thủ tục rút hồ sơ."
            }
        }
    }

    /// Refuses one more when there are as many as there may be.
    pub(crate) fn check(self, there_are: usize) -> Result<(), crate::Refusal> {
        if there_are < self.max() {
            Ok(())
        } else {
            Err(crate::Refusal::Bound(self))
        }
    }
}
