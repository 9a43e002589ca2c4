//! A deed: who does what and why, as it goes into the audit log together with what is done.

use crate::{access, ledger::Asked, store::Audit};
use dossier::{Dossier, name::DossierId};
use jiff::Timestamp;

/// What an operator wants done.
#[derive(Debug, Clone)]
pub(super) struct Deed {
    who: access::Operator,
    call: &'static str,
    reason: String,
}

impl Deed {
    pub(super) fn new(who: access::Operator, call: &'static str, reason: String) -> Self {
        Self { who, call, reason }
    }

    /// Who does it.
    pub(super) fn operator(&self) -> &str {
        &self.who.identity
    }

    /// Why.
    pub(super) fn reason(&self) -> &str {
        &self.reason
    }

    /// For something that happens to a dossier: how it stands is described before and after.
    pub(super) fn asked(
        self,
        subject: String,
        describe: impl Fn(&Dossier) -> String + Send + 'static,
    ) -> Asked {
        Asked {
            operator: self.who.identity,
            via: self.who.via,
            call: self.call,
            subject,
            reason: self.reason,
            describe: Box::new(describe),
        }
    }

    /// For anything else. Never personal values.
    pub(super) fn audit(
        &self,
        at: Timestamp,
        dossier_id: Option<DossierId>,
        subject: String,
        before: String,
        after: String,
    ) -> Audit {
        Audit {
            at,
            operator: self.who.identity.clone(),
            via: self.who.via.clone(),
            call: self.call.to_owned(),
            dossier_id,
            subject,
            reason: self.reason.clone(),
            before,
            after,
        }
    }
}
