//! Incidents: what a person must look at.

use super::{Operator, bad_field, page_before, page_of, rows::Names, unreadable};
use crate::{
    access, causes,
    desk::{blocking, page},
    store::{self, IncidentKey, Reader, StoreError},
    wire,
};
use contract::v1;
use std::collections::BTreeSet;
use tonic::Status;

const PAGE_INCIDENTS: u32 = 100;
const PAGE_INCIDENTS_MAX: u32 = 500;

/// An incident of a step says whose the step is: who has it is who has to do something.
pub(super) fn incident(
    reader: &dyn Reader,
    names: &Names,
    found: store::Incident,
) -> Result<v1::Incident, StoreError> {
    let IncidentKey {
        dossier_id,
        step,
        agency,
        ..
    } = &found.key;
    let (mut agency, mut step_title) = (agency.clone(), None);
    if let (Some(id), Some(step)) = (dossier_id, step)
        && let Some(found) = reader.found(id)?
    {
        step_title = Some(names.step(&found.row.summary.procedure, step));
        let mut steps = found.row.steps.into_iter();
        let holder = steps.find(|row| row.step == *step).map(|row| row.agency);
        agency = agency.or(holder);
    }
    let cause = causes::of(&found.key.cause);
    let text = |value: Option<String>| value.unwrap_or_default();
    Ok(v1::Incident {
        incident_id: found.number.to_string(),
        cause: found.key.cause,
        dossier_id: text(found.key.dossier_id.map(|id| id.to_string())),
        dossier_code: text(found.code.map(|code| code.to_string())),
        step_id: text(found.key.step.map(|step| step.to_string())),
        agency_name: agency
            .as_ref()
            .map_or_else(String::new, |agency| names.agency(agency.as_str())),
        step_title,
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
        if request.incident_ids.len() > PAGE_INCIDENTS_MAX as usize {
            let wanted = format!("at most {PAGE_INCIDENTS_MAX}");
            return Err(bad_field("incident_ids", &wanted));
        }
        let (reader, names) = (self.reader.clone(), Names::of(&self.registry));
        let found = blocking(move || {
            let cause = Some(request.cause.as_str()).filter(|cause| !cause.is_empty());
            let found = match request.incident_ids.as_slice() {
                [] => reader.incidents(request.include_closed, cause, before, limit),
                ids => named(reader.as_ref(), ids, before),
            };
            let found = found.map_err(unreadable)?.into_iter();
            let limit = match request.incident_ids.is_empty() {
                true => limit,
                false => usize::MAX,
            };
            let rows = found.map(|one| Ok((one.number, incident(reader.as_ref(), &names, one)?)));
            let rows = rows.collect::<Result<_, _>>().map_err(unreadable)?;
            let (incidents, next_page_token) = page_of(rows, limit);
            Ok(v1::ListIncidentsResponse {
                incidents,
                next_page_token,
            })
        });
        found.await
    }
}

/// Those of these ids that there are and that come after the page before, the newest first.
fn named(
    reader: &dyn Reader,
    ids: &[String],
    before: Option<u64>,
) -> Result<Vec<store::Incident>, StoreError> {
    let numbers: BTreeSet<u64> = ids.iter().filter_map(|id| number(id)).collect();
    let numbers = numbers.into_iter().rev();
    let after = numbers.filter(|number| before.is_none_or(|before| *number < before));
    let found = after.map(|number| reader.incident(number).transpose());
    found.flatten().collect()
}

/// The number of an incident, as its id says it.
pub(super) fn number(id: &str) -> Option<u64> {
    let number = id.parse::<u64>().ok();
    number.filter(|number| i64::try_from(*number).is_ok())
}
