//! Access: who may call what, and for whom. Deny by default; identity from the certificate alone.

use crate::{registry::Registry, wire};
use dossier::directory::SystemRole;
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
    /// All of `DeskService`.
    Desk,
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
    (Role::Desk, &[Call::Desk, Call::Documents, Call::Health]),
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

    /// Whether this system may act for this agency now, as the directory says.
    pub fn acts_for(&self, system: &Identity, agency: &str) -> bool {
        let role = match system.role {
            Role::Department => SystemRole::Department,
            Role::Desk => SystemRole::Desk,
            Role::Operator | Role::Broker => return false,
        };
        self.registry
            .directory()
            .acts_for(role, &system.code, agency, Timestamp::now())
    }

    /// Refuses a system that names an agency it may not act for.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` with `NOT_YOUR_AGENCY`.
    pub fn must_act_for(&self, system: &Identity, agency: &str) -> Result<(), Fault> {
        if self.acts_for(system, agency) {
            Ok(())
        } else {
            tracing::warn!(%system, "a system named an agency that it may not act for");
            Err(wire::denied("NOT_YOUR_AGENCY"))
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
                Call::Exchange,
                Call::Documents,
                Call::Operator,
                Call::Health,
            ] {
                let allowed = matches!(
                    (role, call),
                    (_, Call::Health)
                        | (Role::Desk, Call::Desk | Call::Documents)
                        | (Role::Department, Call::Exchange | Call::Documents)
                        | (Role::Operator, Call::Operator)
                );
                assert_eq!(may(role, call), allowed, "{role:?} {call:?}");
            }
        }
    }
}
