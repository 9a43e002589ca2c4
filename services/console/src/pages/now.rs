//! Page one: what is stuck and why, whose it is, and the button that puts it right; how work flows, and how
//! today goes.

use super::{back, render, stale};
use crate::{
    app::App,
    chart::{
        flow::{self, Picture},
        histogram::{self, Histogram},
    },
    frame::{Frame, Section},
    trouble::Trouble,
    visit::Member,
};
use axum::{extract::State, response::Response};
use contract::v1::{
    AgencyCount, Grant, Incident, ListIncidentsRequest, OverviewRequest, OverviewResponse,
    Suspension, Text, Today,
};
use http::StatusCode;

/// Incidents that are looked at for the newest of each cause.
const INCIDENTS_MAX: u32 = 500;
/// The newest of each cause that page one shows.
const NEWEST_MAX: usize = 3;

#[derive(askama::Template)]
#[template(path = "now.html")]
struct Page {
    f: Frame,
    overview: Result<Shown, Trouble>,
    stuck: Vec<Stuck>,
    stuck_trouble: Option<Trouble>,
    stuck_total: u64,
    flow_width: String,
}

struct Shown {
    today: Today,
    flow: Option<Picture>,
    histograms: Vec<Histogram>,
    denied: Vec<AgencyCount>,
    suspensions: Vec<Suspension>,
}

/// What is stuck of one cause.
struct Stuck {
    cause: String,
    class: i32,
    owner: i32,
    count: u64,
    oldest_at: Option<prost_types::Timestamp>,
    suggestion: Option<Text>,
    newest: Vec<Incident>,
    can_redrive: bool,
}

/// `GET /`
pub(crate) async fn page(State(app): State<App>, member: Member) -> Response {
    let may = |grant| member.session.may(grant);
    if may(Grant::Audit) && !may(Grant::Observe) && !may(Grant::Operate) {
        return back("/audit");
    }
    let incidents = ListIncidentsRequest {
        page_size: INCIDENTS_MAX,
        ..ListIncidentsRequest::default()
    };
    let (overview, incidents) = tokio::join!(
        member.caller.overview(OverviewRequest {}),
        member.caller.list_incidents(incidents)
    );
    let is_away = overview.as_ref().is_err_and(Trouble::is_away);
    if is_away && member.visit.is_refresh {
        return stale(&app, &member, Section::Now);
    }
    let f = Frame::inside(&app, &member, Section::Now)
        .live("sse:incidents, sse:departments, sse:dossiers, sse:link", "");
    let stuck_trouble = match (&overview, &incidents) {
        (Err(_), Err(trouble)) => Some(trouble.clone()),
        _ => None,
    };
    let incidents = incidents.map(|page| page.incidents).unwrap_or_default();
    let stuck = stuck(overview.as_ref().ok(), incidents);
    let page = Page {
        stuck_total: stuck.iter().map(|one| one.count).sum(),
        stuck,
        stuck_trouble,
        overview: overview.map(|overview| shown(overview, &f)),
        flow_width: flow::width(),
        f,
    };
    render(StatusCode::OK, &page)
}

fn shown(overview: OverviewResponse, f: &Frame) -> Shown {
    let histograms = overview.distributions.iter();
    Shown {
        today: overview.today.unwrap_or_default(),
        flow: flow::draw(&overview.flows, f.language),
        histograms: histograms
            .filter_map(|one| histogram::draw(one, f.w, f.language))
            .collect(),
        denied: overview.supplements_denied,
        suspensions: overview.suspensions,
    }
}

/// By cause, the oldest first; counted from the incidents themselves where the broker counts none.
fn stuck(overview: Option<&OverviewResponse>, incidents: Vec<Incident>) -> Vec<Stuck> {
    let mut all: Vec<Stuck> = match overview {
        Some(overview) => overview
            .attention
            .iter()
            .map(|one| Stuck {
                cause: one.cause.clone(),
                class: one.cause_class,
                owner: one.owner,
                count: one.count,
                oldest_at: one.oldest_at,
                suggestion: one.suggestion.clone(),
                newest: Vec::new(),
                can_redrive: false,
            })
            .collect(),
        None => Vec::new(),
    };
    for incident in incidents {
        let place = all.iter().position(|one| one.cause == incident.cause);
        let place = place.unwrap_or_else(|| {
            all.push(Stuck {
                cause: incident.cause.clone(),
                class: incident.cause_class,
                owner: incident.owner,
                count: 0,
                oldest_at: None,
                suggestion: None,
                newest: Vec::new(),
                can_redrive: false,
            });
            all.len() - 1
        });
        let one = &mut all[place];
        one.can_redrive |= incident.redrive() != contract::v1::RedriveKind::Nothing;
        if overview.is_none_or(|it| it.attention.iter().all(|it| it.cause != incident.cause)) {
            one.count += 1;
            // The newest come first, so the last is the oldest.
            one.oldest_at = incident.opened_at;
        }
        if one.newest.len() < NEWEST_MAX {
            one.newest.push(incident);
        }
    }
    all.sort_by_key(|one| one.oldest_at.map_or(i64::MAX, |at| at.seconds));
    all
}
