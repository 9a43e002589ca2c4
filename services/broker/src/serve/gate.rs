//! The gate before the services that do not ask themselves who calls, and what documents ask of the directory.

use crate::{
    access::{Access, Call},
    documents::ActsFor,
    registry::Registry,
};
use dossier::{directory::SystemRole, name::AgencyCode};
use jiff::Timestamp;
use node::{
    fault::Fault,
    identity::{Identity, Peer, Role},
};
use tonic::{Request, Status, service::InterceptorLayer};

pub(super) struct Acting {
    pub(super) registry: Registry,
    pub(super) access: Access,
}

impl ActsFor for Acting {
    fn is_in_force(&self, peer: &Peer, now: Timestamp) -> Result<(), Fault> {
        self.access.in_force(peer, now)
    }

    fn acts_for(&self, system: &Identity, agency: &str, now: Timestamp) -> Option<AgencyCode> {
        let role = match system.role {
            Role::Department => SystemRole::Department,
            Role::Desk => SystemRole::Desk,
            Role::Operator | Role::Broker => return None,
        };
        let directory = self.registry.directory();
        let code = directory.agency_by_any_code(agency)?.code.clone();
        directory
            .acts_for(role, &system.code, code.as_str(), now)
            .then_some(code)
    }
}

pub(super) fn gate(
    access: &Access,
    call: Call,
) -> InterceptorLayer<impl Fn(Request<()>) -> Result<Request<()>, Status> + Clone + use<>> {
    let access = access.clone();
    InterceptorLayer::new(move |request: Request<()>| {
        access.caller_of(request.extensions(), call)?;
        Ok(request)
    })
}
