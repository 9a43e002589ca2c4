//! Where things stand, in the contract's numbers.

use contract::v1;
use dossier::{
    Dossier,
    dossier::{Ending, Intake, Stage},
    event::{Channel, PartEnd, PauseWhy},
    national::NationalStatus,
    standing::{Delivery, Finance, Sync},
};

/// The number of a step's state in the contract.
pub fn step_state(stage: Stage) -> v1::StepState {
    match stage {
        Stage::Waiting => v1::StepState::Waiting,
        Stage::Due => v1::StepState::Due,
        Stage::PossiblyHeld => v1::StepState::PossiblyHeld,
        Stage::Held => v1::StepState::Held,
        Stage::Completed => v1::StepState::Completed,
        Stage::Refused => v1::StepState::Refused,
        Stage::Declined => v1::StepState::Declined,
        Stage::Ended => v1::StepState::Ended,
        Stage::Skipped => v1::StepState::Skipped,
    }
}

/// The number of a dossier's state in the contract.
pub fn dossier_state(dossier: &Dossier) -> v1::DossierState {
    match dossier.ending {
        Some(Ending::NotAccepted) => return v1::DossierState::NotAccepted,
        Some(Ending::Withdrawn) => return v1::DossierState::Withdrawn,
        None => {}
    }
    let waits_for_citizen =
        dossier.open_supplements().next().is_some() || dossier.unpaid().next().is_some();
    if dossier.closed_at.is_some() {
        v1::DossierState::Closed
    } else if dossier.stopped_since.is_some() {
        v1::DossierState::Stopped
    } else if waits_for_citizen {
        v1::DossierState::WaitingForCitizen
    } else if dossier.intake == Intake::Filed {
        v1::DossierState::Filed
    } else {
        v1::DossierState::InProcess
    }
}

pub(super) fn part_state(end: Option<PartEnd>) -> v1::PartState {
    match end {
        None => v1::PartState::InProcess,
        Some(PartEnd::Completed) => v1::PartState::Completed,
        Some(PartEnd::Refused) => v1::PartState::Refused,
        Some(PartEnd::Ended) => v1::PartState::Ended,
        Some(PartEnd::Skipped) => v1::PartState::Skipped,
    }
}

pub(super) fn pause_reason(why: PauseWhy) -> v1::PauseReason {
    match why {
        PauseWhy::Supplement => v1::PauseReason::Supplement,
        PauseWhy::Payment => v1::PauseReason::Payment,
        PauseWhy::Stop => v1::PauseReason::Stop,
        PauseWhy::Outside => v1::PauseReason::Outside,
    }
}

pub(super) fn channel(channel: Channel) -> v1::Channel {
    match channel {
        Channel::Counter => v1::Channel::Counter,
        Channel::Online => v1::Channel::Online,
        Channel::Post => v1::Channel::Post,
    }
}

pub(super) fn national_status(status: NationalStatus) -> v1::NationalStatus {
    match status {
        NationalStatus::NewlyRegistered => v1::NationalStatus::NewlyRegistered,
        NationalStatus::Received => v1::NationalStatus::Received,
        NationalStatus::NotAccepted => v1::NationalStatus::NotAccepted,
        NationalStatus::InProcess => v1::NationalStatus::InProcess,
        NationalStatus::SupplementRequired => v1::NationalStatus::SupplementRequired,
        NationalStatus::FinancialObligationRequired => {
            v1::NationalStatus::FinancialObligationRequired
        }
        NationalStatus::WithdrawnByCitizen => v1::NationalStatus::WithdrawnByCitizen,
        NationalStatus::Stopped => v1::NationalStatus::Stopped,
        NationalStatus::Processed => v1::NationalStatus::Processed,
        NationalStatus::ResultReturned => v1::NationalStatus::ResultReturned,
    }
}

pub(super) fn finance_status(finance: Finance) -> v1::FinanceStatus {
    match finance {
        Finance::None => v1::FinanceStatus::None,
        Finance::Owed => v1::FinanceStatus::Owed,
        Finance::Paid => v1::FinanceStatus::Paid,
    }
}

pub(super) fn delivery_status(delivery: Delivery) -> v1::DeliveryStatus {
    match delivery {
        Delivery::None => v1::DeliveryStatus::None,
        Delivery::Waiting => v1::DeliveryStatus::Waiting,
        Delivery::Partly => v1::DeliveryStatus::Partly,
        Delivery::Done => v1::DeliveryStatus::Done,
    }
}

pub(super) fn sync_status(sync: Sync) -> v1::SyncStatus {
    match sync {
        Sync::Arrived => v1::SyncStatus::Arrived,
        Sync::UnderWay => v1::SyncStatus::UnderWay,
    }
}
