//! Incidents: what a person must look at.

use super::{Operator, page_before, unreadable};
use crate::{
    access, causes,
    desk::{blocking, page},
    store, wire,
};
use contract::v1;
use tonic::Status;

const PAGE_INCIDENTS: u32 = 100;
const PAGE_INCIDENTS_MAX: u32 = 500;

pub(super) fn incident(found: store::Incident) -> v1::Incident {
    let cause = causes::of(&found.key.cause);
    let text = |value: Option<String>| value.unwrap_or_default();
    v1::Incident {
        incident_id: found.number.to_string(),
        cause: found.key.cause,
        dossier_id: text(found.key.dossier_id.map(|id| id.to_string())),
        dossier_code: text(found.code.map(|code| code.to_string())),
        step_id: text(found.key.step.map(|step| step.to_string())),
        agency_code: text(found.key.agency.map(|agency| agency.to_string())),
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
    }
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
            reader
                .incidents(request.include_closed, cause, before, limit)
                .map_err(unreadable)
        });
        let found = found.await?;
        let next_page_token = match found.last() {
            Some(last) if found.len() == limit => last.number.to_string(),
            _ => String::new(),
        };
        Ok(v1::ListIncidentsResponse {
            incidents: found.into_iter().map(incident).collect(),
            next_page_token,
        })
    }
}
