//! Access: who may call what, and for whom. Deny by default; identity from the certificate alone.

use crate::{registry::Registry, wire};
use dossier::{
    directory::{Grant, SystemRole},
    name::AgencyCode,
};
use jiff::Timestamp;
use node::{
    fault::Fault,
    identity::{DenyList, Identity, Peer, Role},
    stream::Guard,
};
use std::sync::Arc;
use tonic::{Request, Status, metadata::AsciiMetadataValue};

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

/// A call of `OperatorService`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // each is the call of its name
pub enum OperatorCall {
    WhoAmI,
    Overview,
    SearchDossiers,
    FindPerson,
    InspectDossier,
    WatchDossiers,
    ListDepartments,
    ListProcedures,
    ListIncidents,
    RedriveIncidents,
    MoveStep,
    ExtendStep,
    RetryNow,
    SuspendDepartment,
    SuspendProcedure,
    ReleaseDossier,
    Statistics,
    ListAudit,
}

impl OperatorCall {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::WhoAmI,
        Self::Overview,
        Self::SearchDossiers,
        Self::FindPerson,
        Self::InspectDossier,
        Self::WatchDossiers,
        Self::ListDepartments,
        Self::ListProcedures,
        Self::ListIncidents,
        Self::RedriveIncidents,
        Self::MoveStep,
        Self::ExtendStep,
        Self::RetryNow,
        Self::SuspendDepartment,
        Self::SuspendProcedure,
        Self::ReleaseDossier,
        Self::Statistics,
        Self::ListAudit,
    ];
}

/// The one table of grant × call of operators. Who they are, everybody with any grant may ask.
const GRANTS: [(Grant, &[OperatorCall]); 3] = [
    (
        Grant::Observe,
        &[
            OperatorCall::Overview,
            OperatorCall::SearchDossiers,
            OperatorCall::InspectDossier,
            OperatorCall::WatchDossiers,
            OperatorCall::ListDepartments,
            OperatorCall::ListProcedures,
            OperatorCall::ListIncidents,
            OperatorCall::Statistics,
        ],
    ),
    (
        Grant::Operate,
        &[
            // Whose dossier something is, only those may ask who work on it.
            OperatorCall::FindPerson,
            OperatorCall::RedriveIncidents,
            OperatorCall::MoveStep,
            OperatorCall::ExtendStep,
            OperatorCall::RetryNow,
            OperatorCall::SuspendDepartment,
            OperatorCall::SuspendProcedure,
            OperatorCall::ReleaseDossier,
        ],
    ),
    (Grant::Audit, &[OperatorCall::ListAudit]),
];

/// Whether an operator who `has` these grants may make a call.
pub fn is_granted(has: impl Fn(Grant) -> bool, call: OperatorCall) -> bool {
    GRANTS
        .iter()
        .filter(|(grant, _)| has(*grant))
        .any(|(_, calls)| call == OperatorCall::WhoAmI || calls.contains(&call))
}

/// The metadata key in which a console names whom it speaks for.
pub const ON_BEHALF_OF: &str = "lienthong-on-behalf-of";
/// Before the subject in a login that an OpenID provider vouches for.
const OIDC: &str = "oidc:";

/// The operator behind a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// Its identity, `spiffe://<trust domain>/operator/<code>`: who did it.
    pub identity: String,
    /// The identity of the console that spoke for it.
    pub via: Option<String>,
    /// What it may do.
    pub grants: Vec<Grant>,
}

/// An operator whose call goes on for a while: asked again, since a certificate may run out, and a grant may
/// be taken away, meanwhile.
#[derive(Debug, Clone)]
pub struct Still {
    peer: Arc<Peer>,
    named: Option<AsciiMetadataValue>,
    call: OperatorCall,
}

impl Still {
    /// Whoever makes this call.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` without a certificate.
    pub fn of<T>(request: &Request<T>, call: OperatorCall) -> Result<Self, Status> {
        let peer = request.extensions().get::<Arc<Peer>>().cloned();
        Ok(Self {
            peer: peer.ok_or_else(|| wire::denied("NO_CERTIFICATE").into_status())?,
            named: request.metadata().get(ON_BEHALF_OF).cloned(),
            call,
        })
    }

    /// The operator, if it may make the call now.
    ///
    /// # Errors
    /// As [`Access::operator`].
    pub fn operator(&self, access: &Access) -> Result<Operator, Status> {
        let now = Timestamp::now();
        access
            .in_force(&self.peer, now)
            .map_err(Fault::into_status)?;
        if !may(self.peer.identity.role, Call::Operator) {
            return Err(wire::denied("ROLE_NOT_ALLOWED").into_status());
        }
        access.operator_of(&self.peer, self.named.as_ref(), self.call)
    }
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

    /// The operator who makes this call, if it may: by the certificate and the directory, or by the word of
    /// a console.
    ///
    /// # Errors
    /// As [`caller`](Self::caller); `PERMISSION_DENIED` for an operator that the directory does not name or
    /// that has no grant for it (`NOT_GRANTED`), for a console that names nobody or somebody unknown, and for
    /// whoever speaks for another and is no console (`NOT_A_CONSOLE`).
    pub fn operator<T>(
        &self,
        request: &Request<T>,
        call: OperatorCall,
    ) -> Result<Operator, Status> {
        let peer = self.caller(request, Call::Operator)?;
        self.operator_of(&peer, request.metadata().get(ON_BEHALF_OF), call)
    }

    fn operator_of(
        &self,
        peer: &Peer,
        named: Option<&AsciiMetadataValue>,
        call: OperatorCall,
    ) -> Result<Operator, Status> {
        let refuse = |reason| {
            tracing::warn!(system = %peer.identity, ?call, reason, "an operator tried a call that is not granted");
            wire::denied(reason).into_status()
        };
        let (directory, now) = (self.registry.directory(), Timestamp::now());
        let known = directory
            .operator(&peer.identity.code, now)
            .ok_or_else(|| refuse("UNKNOWN_OPERATOR"))?;
        let (who, via) = match (known.console, named) {
            (false, None) => (known, None),
            (false, Some(_)) => return Err(refuse("NOT_A_CONSOLE")),
            (true, None) => return Err(refuse("NOBODY_NAMED")),
            (true, Some(named)) => {
                let named = named.to_str().unwrap_or_default();
                let person = match named.starts_with(OIDC) {
                    true => directory.operator_by_login(named, now),
                    false => named
                        .parse::<Identity>()
                        .ok()
                        .filter(|one| {
                            (one.role, &one.trust_domain)
                                == (Role::Operator, &peer.identity.trust_domain)
                        })
                        .and_then(|one| directory.operator(&one.code, now)),
                };
                let person = person.filter(|person| !person.console);
                let person = person.ok_or_else(|| refuse("UNKNOWN_OPERATOR"))?;
                (person, Some(peer.identity.uri()))
            }
        };
        if !is_granted(|grant| who.may(grant), call) {
            return Err(refuse("NOT_GRANTED"));
        }
        let identity = Identity::new(&peer.identity.trust_domain, Role::Operator, &who.code)
            .map_err(|_| refuse("UNKNOWN_OPERATOR"))?;
        let all = [Grant::Observe, Grant::Operate, Grant::Audit];
        Ok(Operator {
            identity: identity.uri(),
            via,
            grants: all.into_iter().filter(|grant| who.may(*grant)).collect(),
        })
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
    use std::collections::BTreeSet;

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
    fn who_observes_does_not_act_and_neither_reads_who_did_what() {
        let may = |grant: Grant| {
            let calls = OperatorCall::ALL.into_iter();
            let granted = calls.filter(|call| is_granted(|one| one == grant, *call));
            granted
                .map(|call| format!("{call:?}"))
                .collect::<BTreeSet<_>>()
        };
        let (observes, operates, audits) =
            (may(Grant::Observe), may(Grant::Operate), may(Grant::Audit));
        let everybody = BTreeSet::from(["WhoAmI".to_owned()]);
        assert_eq!(&observes & &operates, everybody);
        assert_eq!(
            audits,
            BTreeSet::from(["WhoAmI", "ListAudit"].map(str::to_owned))
        );
        for call in ["MoveStep", "FindPerson", "ReleaseDossier", "ListAudit"] {
            assert!(!observes.contains(call), "{call}");
        }
        assert_eq!(
            observes.len() + operates.len() + audits.len(),
            OperatorCall::ALL.len() + 2,
            "every call has one row"
        );
        assert!(!is_granted(|_| false, OperatorCall::WhoAmI));
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
