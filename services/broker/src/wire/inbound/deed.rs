//! Deeds: what operators ask to be done, each with its reason.

use super::{act::Named, fields::Fields};
use contract::v1;
use dossier::{
    decide::Action,
    directory::Directory,
    limit::Limit,
    name::{AgencyCode, DossierCode, DossierId, ProcedureCode, StepId},
};
use node::fault::Fault;

/// Incidents that are tried again at once.
const REDRIVE_INCIDENTS_MAX: usize = 500;

/// A step to be moved, parsed.
#[derive(Debug)]
pub struct MoveItem {
    /// Of which dossier, under which id.
    pub named: Named,
    /// The step.
    pub step: StepId,
    /// Where to.
    pub to: AgencyCode,
    /// Why.
    pub reason: String,
}

impl MoveItem {
    /// What the ledger is to do.
    pub fn action(&self) -> Action {
        Action::Move {
            step: self.step.clone(),
            to: self.to.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// A step to be extended, parsed.
#[derive(Debug)]
pub struct ExtendItem {
    /// Of which dossier, under which id.
    pub named: Named,
    /// The step.
    pub step: StepId,
    /// By how much.
    pub limit: Limit,
    /// Why.
    pub reason: String,
}

impl ExtendItem {
    /// What the ledger is to do.
    pub fn action(&self) -> Action {
        Action::Extend {
            step: self.step.clone(),
            limit: self.limit,
            reason: self.reason.clone(),
        }
    }
}

/// What is to be tried now.
#[derive(Debug, PartialEq, Eq)]
pub struct Retry {
    /// What this department is owed.
    pub agency: AgencyCode,
    /// Of this dossier alone.
    pub dossier: Option<DossierCode>,
    /// Why.
    pub reason: String,
}

/// Which incidents are to be tried again.
#[derive(Debug, PartialEq, Eq)]
pub struct Redrive {
    /// Their ids, each once, as they were named.
    pub incidents: Vec<String>,
    /// Why.
    pub reason: String,
}

/// A step to be moved; an errand is moved as any other.
///
/// # Errors
/// Names every field that is malformed; so do all of this file.
pub fn move_step(request: &v1::MoveStepRequest, directory: &Directory) -> Result<MoveItem, Fault> {
    let mut fields = Fields::new(directory);
    let named = Named::read(
        &mut fields,
        request,
        &request.dossier_code,
        &request.request_id,
    );
    let step = fields.name("step_id", &request.step_id);
    let to = fields.agency("to_agency_code", &request.to_agency_code);
    let reason = fields.reason(&request.reason);
    let parsed = (|| {
        Some(MoveItem {
            named: named?,
            step: step?,
            to: to?,
            reason,
        })
    })();
    fields.done(parsed)
}

/// A step to be extended.
///
/// # Errors
/// As [`move_step`].
pub fn extend_step(
    request: &v1::ExtendStepRequest,
    directory: &Directory,
) -> Result<ExtendItem, Fault> {
    let mut fields = Fields::new(directory);
    let named = Named::read(
        &mut fields,
        request,
        &request.dossier_code,
        &request.request_id,
    );
    let step = fields.name("step_id", &request.step_id);
    let limit = fields.limit("limit", request.limit.as_ref());
    let reason = fields.reason(&request.reason);
    let parsed = (|| {
        Some(ExtendItem {
            named: named?,
            step: step?,
            limit: limit?,
            reason,
        })
    })();
    fields.done(parsed)
}

/// What is to be tried now.
///
/// # Errors
/// As [`move_step`].
pub fn retry(request: &v1::RetryNowRequest, directory: &Directory) -> Result<Retry, Fault> {
    let mut fields = Fields::new(directory);
    let agency = fields.agency("agency_code", &request.agency_code);
    let dossier = fields.optional_name("dossier_code", &request.dossier_code);
    let reason = fields.reason(&request.reason);
    let parsed = agency.map(|agency| Retry {
        agency,
        dossier,
        reason,
    });
    fields.done(parsed)
}

/// Which incidents are to be tried again, and why.
///
/// # Errors
/// As [`move_step`].
pub fn redrive(
    request: &v1::RedriveIncidentsRequest,
    directory: &Directory,
) -> Result<Redrive, Fault> {
    let mut fields = Fields::new(directory);
    let named = &request.incident_ids;
    if !(1..=REDRIVE_INCIDENTS_MAX).contains(&named.len()) {
        fields.wrong("incident_ids", format!("1 to {REDRIVE_INCIDENTS_MAX}"));
    }
    let reason = fields.reason(&request.reason);
    let mut seen = std::collections::BTreeSet::new();
    let each_once = named.iter().filter(|id| seen.insert(id.as_str()));
    let incidents = each_once.cloned().collect();
    fields.done(Some(Redrive { incidents, reason }))
}

/// Which department is suspended or resumed, and why.
///
/// # Errors
/// As [`move_step`].
pub fn suspend_department(
    request: &v1::SuspendDepartmentRequest,
    directory: &Directory,
) -> Result<(AgencyCode, String), Fault> {
    let mut fields = Fields::new(directory);
    let agency = fields.agency("agency_code", &request.agency_code);
    let reason = fields.reason(&request.reason);
    fields.done(agency.map(|agency| (agency, reason)))
}

/// Which procedure is suspended or resumed, and why.
///
/// # Errors
/// As [`move_step`].
pub fn suspend_procedure(
    request: &v1::SuspendProcedureRequest,
    directory: &Directory,
) -> Result<(ProcedureCode, String), Fault> {
    let mut fields = Fields::new(directory);
    let procedure = fields.name("procedure_code", &request.procedure_code);
    let reason = fields.reason(&request.reason);
    fields.done(procedure.map(|procedure| (procedure, reason)))
}

/// Which dossier is released, and why.
///
/// # Errors
/// As [`move_step`].
pub fn release(
    request: &v1::ReleaseDossierRequest,
    directory: &Directory,
) -> Result<(DossierId, String), Fault> {
    let mut fields = Fields::new(directory);
    let dossier = fields.name("dossier_id", &request.dossier_id);
    let reason = fields.reason(&request.reason);
    fields.done(dossier.map(|dossier| (dossier, reason)))
}
