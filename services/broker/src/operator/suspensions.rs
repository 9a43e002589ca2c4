//! Suspending: nothing more goes to a department, or no new dossier of a procedure is taken, until an
//! operator lets it go on.

use super::{Operator, deed::Deed, unknown_agency, unknown_procedure, unreadable};
use crate::{
    access,
    desk::blocking,
    ledger::Note,
    store::{Suspended, Suspension, SuspensionChange},
    wire,
};
use contract::v1;
use jiff::Timestamp;
use node::fault::Fault;
use tonic::Status;

impl Operator {
    pub(super) async fn serve_suspend_department(
        &self,
        who: access::Operator,
        request: v1::SuspendDepartmentRequest,
    ) -> Result<v1::SuspendDepartmentResponse, Status> {
        let directory = self.registry.directory();
        let (agency, reason) =
            wire::suspend_department(&request, &directory).map_err(Fault::into_status)?;
        // What is suspended may go on, also when the directory no longer names it.
        if request.suspended && directory.agency(agency.as_str()).is_none() {
            return Err(unknown_agency(&agency));
        }
        let deed = Deed::new(who, "SuspendDepartment", reason);
        self.suspend(Suspended::Department(agency), request.suspended, deed)
            .await?;
        Ok(v1::SuspendDepartmentResponse {})
    }

    pub(super) async fn serve_suspend_procedure(
        &self,
        who: access::Operator,
        request: v1::SuspendProcedureRequest,
    ) -> Result<v1::SuspendProcedureResponse, Status> {
        let directory = self.registry.directory();
        let (procedure, reason) =
            wire::suspend_procedure(&request, &directory).map_err(Fault::into_status)?;
        let procedures = self.registry.procedures();
        if request.suspended && !procedures.current().any(|one| *one.code() == procedure) {
            return Err(unknown_procedure(&procedure));
        }
        let deed = Deed::new(who, "SuspendProcedure", reason);
        self.suspend(Suspended::Procedure(procedure), request.suspended, deed)
            .await?;
        Ok(v1::SuspendProcedureResponse {})
    }

    /// Goes on to its end also when whoever asked for it is gone: what is recorded must be followed.
    async fn suspend(&self, what: Suspended, suspended: bool, deed: Deed) -> Result<(), Status> {
        let operator = self.clone();
        let done = tokio::spawn(async move { operator.suspend_now(what, suspended, &deed).await });
        done.await.unwrap_or_else(|_| {
            Err(Status::internal(
                "the act was broken off; look and try again",
            ))
        })
    }

    async fn suspend_now(
        &self,
        what: Suspended,
        suspended: bool,
        deed: &Deed,
    ) -> Result<(), Status> {
        let _turn = self.suspensions.turn().await;
        let before = self.suspensions.of(&what);
        if before.is_some() == suspended {
            return Ok(());
        }
        // As the store keeps it, so that it is told alike before and after a start.
        let now = Timestamp::now();
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        let after = suspended.then(|| Suspension {
            what: what.clone(),
            since: now,
            operator: deed.operator().to_owned(),
            reason: deed.reason().to_owned(),
        });
        let (before, stands) = (words(before.as_ref()), words(after.as_ref()));
        let change = match after {
            Some(suspension) => SuspensionChange::Suspend(suspension),
            None => SuspensionChange::Resume(what.clone()),
        };
        let note = Note {
            audits: vec![deed.audit(now, None, name(&what), before, stands)],
            suspensions: vec![change],
            ..Note::default()
        };
        if let Err(failure) = self.ledger.note(note).await {
            // Nobody knows what was kept: the store does.
            let (suspensions, reader) = (self.suspensions.clone(), self.reader.clone());
            let read = move || suspensions.read_again(reader.as_ref()).map_err(unreadable);
            if let Err(status) = blocking(read).await {
                tracing::error!(%status, "what is suspended cannot be read");
            }
            return Err(failure.fault().into_status());
        }
        tracing::warn!(
            operator = deed.operator(),
            what = name(&what),
            suspended,
            "an operator suspended or resumed"
        );
        if let Suspended::Department(agency) = &what {
            match suspended {
                true => self.belfry.wishes.look(agency),
                false => self.belfry.wishes.try_all(agency),
            }
        }
        Ok(())
    }
}

fn name(what: &Suspended) -> String {
    match what {
        Suspended::Department(agency) => agency.to_string(),
        Suspended::Procedure(procedure) => procedure.to_string(),
    }
}

fn words(suspension: Option<&Suspension>) -> String {
    match suspension {
        None => "goes on".into(),
        // The last part of an identity is the operator's code.
        Some(one) => {
            let by = one.operator.rsplit('/').next().unwrap_or_default();
            format!("suspended since {:.0} by {by}", one.since)
        }
    }
}
