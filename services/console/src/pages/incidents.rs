//! Incidents, grouped by cause: choose many, say why, and have them tried again.

use super::{next_page, page_token, render, stale};
use crate::{
    app::App,
    frame::{Frame, Section},
    trouble::Trouble,
    visit::Member,
};
use axum::{extract::State, response::Response};
use contract::v1::{CauseCount, Incident, ListIncidentsRequest, OverviewRequest};
use http::StatusCode;

/// Incidents of one page.
const PAGE_SIZE: u32 = 200;

#[derive(askama::Template)]
#[template(path = "incidents.html")]
struct Page {
    f: Frame,
    groups: Result<Vec<Group>, Trouble>,
    /// All that are open, by cause, whatever page this is.
    causes: Vec<CauseCount>,
    cause: String,
    include_closed: bool,
    next: Option<String>,
    chosen: String,
}

/// Incidents of one cause.
struct Group {
    cause: String,
    class: i32,
    redrive: i32,
    incidents: Vec<Incident>,
}

/// `GET /incidents?cause=WORD&closed=1&chosen=ID`
pub(crate) async fn page(State(app): State<App>, member: Member) -> Response {
    let cause = member.query.get("cause").to_owned();
    let include_closed = member.query.has("closed");
    let request = ListIncidentsRequest {
        include_closed,
        page_size: PAGE_SIZE,
        page_token: page_token(&member),
        cause: cause.clone(),
        incident_ids: Vec::new(),
    };
    let (answered, overview) = tokio::join!(
        member.caller.list_incidents(request),
        member.caller.overview(OverviewRequest {})
    );
    if answered.as_ref().is_err_and(Trouble::is_away) && member.visit.is_refresh {
        return stale(&app, &member, Section::Incidents);
    }
    let query = member.query.query_of(&["cause", "closed"]);
    let next = answered
        .as_ref()
        .ok()
        .and_then(|page| next_page("/incidents", &query, &page.next_page_token));
    let page = Page {
        f: Frame::inside(&app, &member, Section::Incidents).live("sse:incidents, sse:link", ""),
        causes: overview.map_or_else(|_| Vec::new(), |page| page.attention),
        groups: answered.map(|page| groups(page.incidents)),
        cause,
        include_closed,
        next,
        chosen: member.query.get("chosen").to_owned(),
    };
    render(StatusCode::OK, &page)
}

fn groups(incidents: Vec<Incident>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for incident in incidents {
        match groups
            .iter_mut()
            .find(|group| group.cause == incident.cause)
        {
            Some(group) => group.incidents.push(incident),
            None => groups.push(Group {
                cause: incident.cause.clone(),
                class: incident.cause_class,
                redrive: incident.redrive,
                incidents: vec![incident],
            }),
        }
    }
    groups
}
