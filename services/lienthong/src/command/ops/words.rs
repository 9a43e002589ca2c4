//! The words of what operators see, one each, on screens and in JSON.

use contract::v1::{
    CauseClass, DossierState, EvidenceSource, Grant, IncidentOwner, PartyRole, RedriveKind,
    RedriveOutcome,
};

pub(super) fn grant(grant: Grant) -> &'static str {
    match grant {
        Grant::Unspecified => "unknown",
        Grant::Observe => "observe",
        Grant::Operate => "operate",
        Grant::Audit => "audit",
    }
}

pub(super) fn class(class: CauseClass) -> &'static str {
    match class {
        CauseClass::Unspecified => "unknown",
        CauseClass::Connection => "connection",
        CauseClass::Deadline => "deadline",
        CauseClass::Department => "department",
        CauseClass::Data => "data",
        CauseClass::Broker => "broker",
    }
}

pub(super) fn owner(owner: IncidentOwner) -> &'static str {
    match owner {
        IncidentOwner::Unspecified => "unknown",
        IncidentOwner::Department => "department",
        IncidentOwner::Desk => "desk",
        IncidentOwner::Operator => "operator",
    }
}

/// What redriving does.
pub(super) fn redrive(kind: RedriveKind) -> &'static str {
    match kind {
        RedriveKind::Unspecified => "unknown",
        RedriveKind::Retry => "retry",
        RedriveKind::Release => "release",
        RedriveKind::Close => "close",
        RedriveKind::Nothing => "nothing",
    }
}

pub(super) fn outcome(outcome: RedriveOutcome) -> &'static str {
    match outcome {
        RedriveOutcome::Unspecified => "unknown",
        RedriveOutcome::Tried => "tried",
        RedriveOutcome::Released => "released",
        RedriveOutcome::Closed => "closed",
        RedriveOutcome::WasOver => "was over",
        RedriveOutcome::Nothing => "nothing to try",
        RedriveOutcome::Failed => "failed",
        RedriveOutcome::Unknown => "no such incident",
    }
}

pub(super) fn role(role: PartyRole) -> &'static str {
    match role {
        PartyRole::Unspecified => "unknown",
        PartyRole::Owner => "owner",
        PartyRole::Submitter => "submitter",
        PartyRole::Representative => "representative",
        PartyRole::Subject => "subject",
    }
}

pub(super) fn source(source: EvidenceSource) -> &'static str {
    match source {
        EvidenceSource::Unspecified => "unknown",
        EvidenceSource::Citizen => "citizen",
        EvidenceSource::Step => "step",
        EvidenceSource::Registry => "registry",
        EvidenceSource::Vault => "vault",
    }
}

/// A state of a dossier as it is typed.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum State {
    Filed,
    InProcess,
    WaitingForCitizen,
    Closed,
    Withdrawn,
    NotAccepted,
    Stopped,
    Quarantined,
}

impl From<State> for DossierState {
    fn from(state: State) -> Self {
        match state {
            State::Filed => Self::Filed,
            State::InProcess => Self::InProcess,
            State::WaitingForCitizen => Self::WaitingForCitizen,
            State::Closed => Self::Closed,
            State::Withdrawn => Self::Withdrawn,
            State::NotAccepted => Self::NotAccepted,
            State::Stopped => Self::Stopped,
            State::Quarantined => Self::Quarantined,
        }
    }
}
