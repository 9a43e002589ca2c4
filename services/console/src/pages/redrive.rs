//! Trying incidents again: the form that begins it, and the page on which each result arrives.

use super::{back, plain, render};
use crate::{
    app::App,
    frame::{Frame, Section},
    gate::Form,
    redrive::{Chosen, INCIDENTS_MAX, Progress, Redrive},
    visit::Member,
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use contract::v1::{Incident, ListIncidentsRequest, RedriveIncidentsResponse};
use http::StatusCode;
use std::{collections::BTreeSet, sync::Arc};

#[derive(askama::Template)]
#[template(path = "redrive.html")]
struct Page {
    f: Frame,
    redrive: Arc<Redrive>,
    progress: Progress,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    incident: Option<Incident>,
    result: Option<RedriveIncidentsResponse>,
    is_good: bool,
}

/// `POST /incidents/redrive`: the incidents named `id`, or all open ones of `cause`.
pub(crate) async fn begin(State(_): State<App>, form: Form) -> Response {
    let Form { member, fields } = form;
    let f = crate::words::Words::of(member.visit.language);
    let cause = fields.get("cause");
    let there = if fields.has("cause") {
        let query = fields.query_of(&["cause"]);
        format!("/incidents?{query}")
    } else {
        "/incidents".to_owned()
    };
    let refused = |text: &str| {
        member.session.tell(false, text);
        back(&there)
    };
    if !fields.has("reason") {
        return refused(f.given_up);
    }
    let wanted: BTreeSet<&str> = fields
        .all("id")
        .into_iter()
        .filter(|id| !id.is_empty())
        .collect();
    let request = ListIncidentsRequest {
        page_size: INCIDENTS_MAX as u32,
        cause: cause.to_owned(),
        ..ListIncidentsRequest::default()
    };
    let known = match member.caller.list_incidents(request).await {
        Ok(page) => page.incidents,
        Err(trouble) => return refused(trouble.text(&member.visit.language)),
    };
    let takes_all = wanted.is_empty() && fields.has("all") && !cause.is_empty();
    let chosen: Vec<Chosen> = if takes_all {
        let all = known.into_iter().map(|incident| Chosen {
            id: incident.incident_id.clone(),
            incident: Some(incident),
        });
        all.collect()
    } else {
        let chosen = wanted.iter().map(|id| Chosen {
            id: (*id).to_owned(),
            incident: known.iter().find(|one| one.incident_id == *id).cloned(),
        });
        chosen.collect()
    };
    if chosen.is_empty() {
        return refused(f.redrive_nothing);
    }
    if chosen.len() > INCIDENTS_MAX {
        return refused(f.redrive_too_many);
    }
    let reason = fields.get("reason").to_owned();
    let number = member
        .session
        .redrives
        .begin(member.caller.clone(), chosen, reason);
    back(&format!("/incidents/redrive/{number}"))
}

/// `GET /incidents/redrive/NUMBER`
pub(crate) async fn page(
    State(app): State<App>,
    member: Member,
    Path(number): Path<String>,
) -> Response {
    let found = number.parse().ok();
    let Some(redrive) = found.and_then(|number| member.session.redrives.find(number)) else {
        let (vi, en) = (
            crate::words::Words::of(crate::language::Language::Vi),
            crate::words::Words::of(crate::language::Language::En),
        );
        return plain(
            &member.visit,
            StatusCode::NOT_FOUND,
            vi.redrive_gone,
            en.redrive_gone,
        );
    };
    let progress = redrive.progress();
    // What each is now: some close while one looks.
    let request = ListIncidentsRequest {
        page_size: INCIDENTS_MAX as u32,
        include_closed: true,
        ..ListIncidentsRequest::default()
    };
    let now = member.caller.list_incidents(request).await;
    let now = now.map(|page| page.incidents).unwrap_or_default();
    let rows = redrive.incidents.iter().map(|one| {
        let result = progress.results.iter().find(|it| it.incident_id == one.id);
        let fresh = now.iter().find(|it| it.incident_id == one.id);
        Row {
            id: one.id.clone(),
            incident: fresh.or(one.incident.as_ref()).cloned(),
            is_good: result.is_some_and(|it| crate::words::causes::is_good(it.outcome())),
            result: result.cloned(),
        }
    });
    let page = Page {
        rows: rows.collect(),
        f: Frame::inside(&app, &member, Section::Incidents).live(
            "sse:incidents, sse:link",
            &format!("redrive={}", redrive.number),
        ),
        progress,
        redrive,
    };
    render(StatusCode::OK, &page)
}
