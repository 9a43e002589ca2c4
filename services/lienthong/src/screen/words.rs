//! The words of the contract's enums, one each, on screens and in JSON.

use contract::v1::{DossierState, PartState, PeerReturnState, StepState, Timeliness};

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
    }
}

pub(crate) fn part(state: PartState) -> &'static str {
    match state {
        PartState::Unspecified => "unknown",
        PartState::InProcess => "in process",
        PartState::Completed => "completed",
        PartState::Refused => "refused",
        PartState::Ended => "ended",
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
