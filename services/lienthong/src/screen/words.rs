//! The words of the contract's enums, one each, on screens and in JSON.

use contract::v1::{
    Channel, DeliveryStatus, DossierState, FinanceStatus, NationalStatus, PartState, PauseReason,
    PeerReturnState, StepState, SyncStatus, TimeHolder, Timeliness,
};

pub(crate) fn dossier(state: DossierState) -> &'static str {
    match state {
        DossierState::Unspecified => "unknown",
        DossierState::Filed => "filed",
        DossierState::InProcess => "in process",
        DossierState::WaitingForCitizen => "waiting for the citizen",
        DossierState::Closed => "closed",
        DossierState::Withdrawn => "withdrawn",
        DossierState::NotAccepted => "not accepted",
        DossierState::Stopped => "stopped",
        DossierState::Quarantined => "quarantined: a person looks at it",
    }
}

pub(crate) fn part(state: PartState) -> &'static str {
    match state {
        PartState::Unspecified => "unknown",
        PartState::InProcess => "in process",
        PartState::Completed => "completed",
        PartState::Refused => "refused",
        PartState::Ended => "ended",
        PartState::Skipped => "not to be done",
    }
}

pub(crate) fn step(state: StepState) -> &'static str {
    match state {
        StepState::Unspecified => "unknown",
        StepState::Waiting => "waiting",
        StepState::Due => "due",
        StepState::PossiblyHeld => "possibly held",
        StepState::Held => "held",
        StepState::Completed => "completed",
        StepState::Refused => "refused",
        StepState::Declined => "declined",
        StepState::Ended => "ended",
        StepState::Skipped => "not to be done",
    }
}

pub(crate) fn timeliness(timeliness: Timeliness) -> &'static str {
    match timeliness {
        Timeliness::Unspecified => "",
        Timeliness::Early => "early",
        Timeliness::OnTime => "on time",
        Timeliness::Overdue => "overdue",
    }
}

pub(crate) fn peer_return(state: PeerReturnState) -> &'static str {
    match state {
        PeerReturnState::Unspecified => "unknown",
        PeerReturnState::Asked => "asked",
        PeerReturnState::Corrected => "corrected",
        PeerReturnState::Upheld => "upheld",
    }
}

/// The national portal's word, in Vietnamese as officers know it (DOMAIN §4.1).
pub(crate) fn national_vi(status: NationalStatus) -> &'static str {
    match status {
        NationalStatus::Unspecified => "",
        NationalStatus::NewlyRegistered => "Mới đăng ký",
        NationalStatus::Received => "Được tiếp nhận",
        NationalStatus::NotAccepted => "Không được tiếp nhận",
        NationalStatus::InProcess => "Đang xử lý",
        NationalStatus::SupplementRequired => "Yêu cầu bổ sung giấy tờ",
        NationalStatus::FinancialObligationRequired => "Yêu cầu thực hiện nghĩa vụ tài chính",
        NationalStatus::WithdrawnByCitizen => "Công dân yêu cầu rút hồ sơ",
        NationalStatus::Stopped => "Dừng xử lý",
        NationalStatus::Processed => "Đã xử lý xong",
        NationalStatus::ResultReturned => "Đã trả kết quả",
    }
}

pub(crate) fn national(status: NationalStatus) -> &'static str {
    match status {
        NationalStatus::Unspecified => "unknown",
        NationalStatus::NewlyRegistered => "newly registered",
        NationalStatus::Received => "received",
        NationalStatus::NotAccepted => "not accepted",
        NationalStatus::InProcess => "in process",
        NationalStatus::SupplementRequired => "supplement required",
        NationalStatus::FinancialObligationRequired => "financial obligation required",
        NationalStatus::WithdrawnByCitizen => "withdrawn by the citizen",
        NationalStatus::Stopped => "stopped",
        NationalStatus::Processed => "processed",
        NationalStatus::ResultReturned => "result returned",
    }
}

pub(crate) fn finance(status: FinanceStatus) -> &'static str {
    match status {
        FinanceStatus::Unspecified => "unknown",
        FinanceStatus::None => "nothing owed",
        FinanceStatus::Owed => "owed",
        FinanceStatus::Paid => "paid",
    }
}

pub(crate) fn delivery(status: DeliveryStatus) -> &'static str {
    match status {
        DeliveryStatus::Unspecified => "unknown",
        DeliveryStatus::None => "no result yet",
        DeliveryStatus::Waiting => "results wait at the desk",
        DeliveryStatus::Partly => "partly handed out",
        DeliveryStatus::Done => "handed out",
    }
}

pub(crate) fn sync(status: SyncStatus) -> &'static str {
    match status {
        SyncStatus::Unspecified => "unknown",
        SyncStatus::Arrived => "arrived",
        SyncStatus::UnderWay => "under way",
    }
}

/// Why a clock stands still, as officers say it.
pub(crate) fn pause_vi(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::Unspecified => "không rõ",
        PauseReason::Supplement => "chờ bổ sung hồ sơ",
        PauseReason::Payment => "chờ nộp tiền",
        PauseReason::Stop => "dừng xử lý",
        PauseReason::Outside => "việc không tính vào thời hạn",
    }
}

pub(crate) fn pause(reason: PauseReason) -> &'static str {
    match reason {
        PauseReason::Unspecified => "unknown",
        PauseReason::Supplement => "supplement",
        PauseReason::Payment => "payment",
        PauseReason::Stop => "stop",
        PauseReason::Outside => "outside the limit",
    }
}

pub(crate) fn holder(holder: TimeHolder) -> &'static str {
    match holder {
        TimeHolder::Unspecified => "unknown",
        TimeHolder::Transport => "transport",
        TimeHolder::Agency => "agency",
        TimeHolder::Citizen => "citizen",
        TimeHolder::Nobody => "nobody",
    }
}

pub(crate) fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Unspecified => "unknown",
        Channel::Counter => "counter",
        Channel::Online => "online",
        Channel::Post => "post",
    }
}

/// An amount as it is written in Việt Nam: `30.000.000 đồng`.
pub(crate) fn vnd(amount: i64) -> String {
    let digits = amount.unsigned_abs().to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    let sign = if amount < 0 { "-" } else { "" };
    format!("{sign}{text} đồng")
}

/// Working time: `1 ngày 2 giờ 5 phút`, a working day being eight hours; seconds only where there is
/// nothing longer.
pub(crate) fn working_time(seconds: u64) -> String {
    let units = [
        (seconds / (8 * 3_600), "ngày"),
        (seconds / 3_600 % 8, "giờ"),
        (seconds / 60 % 60, "phút"),
    ];
    let said: Vec<_> = units
        .into_iter()
        .filter(|(amount, _)| *amount > 0)
        .map(|(amount, unit)| format!("{amount} {unit}"))
        .collect();
    if said.is_empty() {
        format!("{seconds} giây")
    } else {
        said.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_and_working_times_are_said_as_officers_say_them() {
        assert_eq!(vnd(30_000_000), "30.000.000 đồng");
        assert_eq!(vnd(5), "5 đồng");
        assert_eq!(working_time(7), "7 giây");
        assert_eq!(working_time(10 * 3_600 + 300), "1 ngày 2 giờ 5 phút");
    }
}
