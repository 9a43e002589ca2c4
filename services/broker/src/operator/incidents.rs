//! Incidents: what a person must look at.

use super::{Operator, next_page_token, page_before, unreadable};
use crate::{
    access, causes,
    desk::{blocking, page},
    store::{self, IncidentKey, Reader, StoreError},
    wire,
};
use contract::v1;
use tonic::Status;

const PAGE_INCIDENTS: u32 = 100;
const PAGE_INCIDENTS_MAX: u32 = 500;

/// An incident of a step says whose the step is: who has it is who has to do something.
pub(super) fn incident(
    reader: &dyn Reader,
    found: store::Incident,
) -> Result<v1::Incident, StoreError> {
    let IncidentKey {
        dossier_id,
        step,
        agency,
        ..
    } = &found.key;
    let agency = match (agency, dossier_id, step) {
        (None, Some(id), Some(step)) => {
            let steps = reader.found(id)?.map(|found| found.row.steps);
            let mut steps = steps.unwrap_or_default().into_iter();
            steps.find(|row| row.step == *step).map(|row| row.agency)
        }
        _ => agency.clone(),
    };
    let cause = causes::of(&found.key.cause);
    let text = |value: Option<String>| value.unwrap_or_default();
    Ok(v1::Incident {
        incident_id: found.number.to_string(),
        cause: found.key.cause,
        dossier_id: text(found.key.dossier_id.map(|id| id.to_string())),
        dossier_code: text(found.code.map(|code| code.to_string())),
        step_id: text(found.key.step.map(|step| step.to_string())),
        agency_code: text(agency.map(|agency| agency.to_string())),
        opened_at: wire::timestamp(found.opened_at),
        closed_at: found.closed_at.and_then(wire::timestamp),
        count: found.count,
        description: Some(v1::Text {
            vi: found.vi,
            en: found.en,
        }),
        cause_class: cause.class.into(),
        owner: cause.owner.into(),
        redrive: cause.redrive.into(),
    })
}

impl Operator {
    pub(super) async fn serve_list_incidents(
        &self,
        _: access::Operator,
        request: v1::ListIncidentsRequest,
    ) -> Result<v1::ListIncidentsResponse, Status> {
        let before = page_before(&request.page_token)?;
        let limit = page(request.page_size, PAGE_INCIDENTS, PAGE_INCIDENTS_MAX);
        let reader = self.reader.clone();
        let found = blocking(move || {
            let cause = Some(request.cause.as_str()).filter(|cause| !cause.is_empty());
            let found = reader
                .incidents(request.include_closed, cause, before, limit)
                .map_err(unreadable)?;
            let next_page_token = next_page_token(&found, limit, |one| one.number);
            let found = found.into_iter();
            let incidents = found.map(|one| incident(reader.as_ref(), one));
            let incidents: Result<_, _> = incidents.collect();
            Ok(v1::ListIncidentsResponse {
                incidents: incidents.map_err(unreadable)?,
                next_page_token,
            })
        });
        found.await
    }
}
