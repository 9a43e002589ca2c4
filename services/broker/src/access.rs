//! Access: who may call what, and for whom. Deny by default; identity from the certificate alone.

use crate::{registry::Registry, wire};
use dossier::{directory::SystemRole, name::AgencyCode};
use jiff::Timestamp;
use node::{
    fault::Fault,
    identity::{DenyList, Identity, Peer, Role},
    stream::Guard,
};
use std::sync::Arc;
use tonic::{Request, Status};

/// A group of calls that one table row speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// A call of `DeskService`; about a dossier, [`DeskCall`] says more.
    Desk,
    /// `DeskService.TrackPublic`: how far a dossier is, for whoever knows its code.
    Public,
    /// All of `ExchangeService`.
    Exchange,
    /// All of `DocumentService`.
    Documents,
    /// All of `OperatorService`.
    Operator,
    /// The standard health and reflection services.
    Health,
}

/// The one table of role × call.
const TABLE: [(Role, &[Call]); 4] = [
    (
        Role::Desk,
        &[Call::Desk, Call::Public, Call::Documents, Call::Health],
    ),
    (
        Role::Department,
        &[Call::Exchange, Call::Documents, Call::Health],
    ),
    (Role::Operator, &[Call::Operator, Call::Health]),
    (Role::Broker, &[Call::Health]),
];

/// Whether a role may make a call.
pub fn may(role: Role, call: Call) -> bool {
    TABLE
        .iter()
        .any(|(one, calls)| *one == role && calls.contains(&call))
}

/// A call of `DeskService` about one dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is the call of its name
pub enum DeskCall {
    Receive,
    RefuseIntake,
    RequestSupplement,
    AnswerSupplement,
    RecordConsent,
    CompleteStep,
    ConfirmPayment,
    Withdraw,
    Stop,
    Resume,
    ReportFault,
    HandOutResult,
    Track,
    GetForm,
    ListVaultUses,
    ListResults,
}

impl DeskCall {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::Receive,
        Self::RefuseIntake,
        Self::RequestSupplement,
        Self::AnswerSupplement,
        Self::RecordConsent,
        Self::CompleteStep,
        Self::ConfirmPayment,
        Self::Withdraw,
        Self::Stop,
        Self::Resume,
        Self::ReportFault,
        Self::HandOutResult,
        Self::Track,
        Self::GetForm,
        Self::ListVaultUses,
        Self::ListResults,
    ];
}

/// What a desk is to a dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It received the dossier, or has it before it: it speaks with the citizen.
    Receives,
    /// It hands out the results.
    HandsOut,
}

/// The one table of standing × call about a dossier.
const STANDINGS: [(Standing, &[DeskCall]); 2] = [
    (
        Standing::Receives,
        &[
            DeskCall::Receive,
            DeskCall::RefuseIntake,
            DeskCall::RequestSupplement,
            DeskCall::AnswerSupplement,
            DeskCall::RecordConsent,
            DeskCall::CompleteStep,
            DeskCall::ConfirmPayment,
            DeskCall::Withdraw,
            DeskCall::Stop,
            DeskCall::Resume,
            DeskCall::ReportFault,
            DeskCall::HandOutResult,
            DeskCall::Track,
            DeskCall::GetForm,
            DeskCall::ListVaultUses,
            DeskCall::ListResults,
        ],
    ),
    (
        Standing::HandsOut,
        &[
            // Of the steps that are its own: to hand out is one.
            DeskCall::CompleteStep,
            DeskCall::HandOutResult,
            DeskCall::Track,
            DeskCall::GetForm,
            DeskCall::ListResults,
        ],
    ),
];

/// Whether a desk of this standing may make a call about a dossier.
pub fn has_standing(standing: Standing, call: DeskCall) -> bool {
    STANDINGS
        .iter()
        .any(|(one, calls)| *one == standing && calls.contains(&call))
}

/// Checks callers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Access {
    registry: Registry,
    denied: DenyList,
}

impl Access {
    /// With this directory and this deny-list.
    pub fn new(registry: Registry, denied: DenyList) -> Self {
        Self { registry, denied }
    }

    /// The caller, if it may make this call.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a verified certificate or with one that expired or was denied
    /// meanwhile; `PERMISSION_DENIED` for a role that may not.
    pub fn caller<T>(&self, request: &Request<T>, call: Call) -> Result<Arc<Peer>, Status> {
        self.caller_of(request.extensions(), call)
    }

    /// As [`caller`](Self::caller), from a request's extensions.
    ///
    /// # Errors
    /// As [`caller`](Self::caller).
    pub fn caller_of(
        &self,
        extensions: &tonic::Extensions,
        call: Call,
    ) -> Result<Arc<Peer>, Status> {
        let peer = extensions
            .get::<Arc<Peer>>()
            .cloned()
            .ok_or_else(|| wire::denied("NO_CERTIFICATE").into_status())?;
        peer.check(Timestamp::now(), &self.denied)
            .map_err(|refused| Fault::from(refused).into_status())?;
        if may(peer.identity.role, call) {
            Ok(peer)
        } else {
            tracing::warn!(system = %peer.identity, ?call, "a role tried a call that is not its own");
            Err(wire::denied("ROLE_NOT_ALLOWED").into_status())
        }
    }

    /// Whether this system may act for this agency now, as the directory says; by any of its codes.
    pub fn acts_for(&self, system: &Identity, agency: &str) -> bool {
        let role = match system.role {
            Role::Department => SystemRole::Department,
            Role::Desk => SystemRole::Desk,
            Role::Operator | Role::Broker => return false,
        };
        let directory = self.registry.directory();
        let code = directory
            .agency_by_any_code(agency)
            .map_or(agency, |agency| agency.code.as_str());
        directory.acts_for(role, &system.code, code, Timestamp::now())
    }

    /// Refuses a system that names an agency it may not act for. Gives the agency's own code: a message
    /// may name it by another one.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` with `NOT_YOUR_AGENCY`.
    pub fn must_act_for(&self, system: &Identity, agency: &str) -> Result<AgencyCode, Fault> {
        let directory = self.registry.directory();
        let known = directory.agency_by_any_code(agency);
        match known.filter(|known| self.acts_for(system, known.code.as_str())) {
            Some(known) => Ok(known.code.clone()),
            None => {
                tracing::warn!(%system, "a system named an agency that it may not act for");
                Err(wire::denied("NOT_YOUR_AGENCY"))
            }
        }
    }

    /// Whether the certificate of a peer is in force and not denied.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`: it expired, or was denied since it connected.
    pub fn in_force(&self, peer: &Peer, now: Timestamp) -> Result<(), Fault> {
        Ok(peer.check(now, &self.denied)?)
    }

    /// Asked at every message of a stream: whether the peer may still speak for this agency.
    pub fn guard(&self, peer: Arc<Peer>, agency: String) -> Guard {
        let access = self.clone();
        Arc::new(move || {
            access.in_force(&peer, Timestamp::now())?;
            access.must_act_for(&peer.identity, &agency)?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_table_does_not_allow_is_denied() {
        for role in Role::ALL {
            for call in [
                Call::Desk,
                Call::Public,
                Call::Exchange,
                Call::Documents,
                Call::Operator,
                Call::Health,
            ] {
                let allowed = matches!(
                    (role, call),
                    (_, Call::Health)
                        | (Role::Desk, Call::Desk | Call::Public | Call::Documents)
                        | (Role::Department, Call::Exchange | Call::Documents)
                        | (Role::Operator, Call::Operator)
                );
                assert_eq!(may(role, call), allowed, "{role:?} {call:?}");
            }
        }
    }

    #[test]
    fn the_desk_that_hands_out_sees_and_hands_out_and_does_nothing_else() {
        for call in DeskCall::ALL {
            assert!(has_standing(Standing::Receives, call), "{call:?}");
            let allowed = matches!(
                call,
                DeskCall::CompleteStep
                    | DeskCall::HandOutResult
                    | DeskCall::Track
                    | DeskCall::GetForm
                    | DeskCall::ListResults
            );
            assert_eq!(has_standing(Standing::HandsOut, call), allowed, "{call:?}");
        }
    }
}
