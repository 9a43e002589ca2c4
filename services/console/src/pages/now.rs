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
    AgencyCount, CauseCount, DepartmentStatus, Grant, OverviewRequest, OverviewResponse,
    Suspension, Today,
};
use http::StatusCode;

/// Departments that are behind and that page one shows.
const BEHIND_SHOWN_MAX: usize = 10;

#[derive(askama::Template)]
#[template(path = "now.html")]
struct Page {
    f: Frame,
    overview: Result<Shown, Trouble>,
    stuck: Vec<CauseCount>,
    stuck_total: u64,
    flow_width: String,
}

struct Shown {
    today: Today,
    behind: Vec<DepartmentStatus>,
    behind_total: u64,
    flow: Option<Picture>,
    histograms: Vec<Histogram>,
    denied: Vec<AgencyCount>,
    suspensions: Vec<Suspension>,
    suspensions_total: u64,
}

/// `GET /`
pub(crate) async fn page(State(app): State<App>, member: Member) -> Response {
    let may = |grant| member.session.may(grant);
    if may(Grant::Audit) && !may(Grant::Observe) && !may(Grant::Operate) {
        return back("/audit");
    }
    let mut overview = member.caller.overview(OverviewRequest {}).await;
    let is_away = overview.as_ref().is_err_and(Trouble::is_away);
    if is_away && member.visit.is_refresh {
        return stale(&app, &member, Section::Now);
    }
    let f = Frame::inside(&app, &member, Section::Now)
        .live("sse:incidents, sse:departments, sse:dossiers, sse:link", "");
    let stuck = match &mut overview {
        Ok(overview) => std::mem::take(&mut overview.attention),
        Err(_) => Vec::new(),
    };
    let page = Page {
        stuck_total: stuck.iter().map(|one| one.count).sum(),
        stuck,
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
        behind_total: overview.departments_behind_total.into(),
        behind: {
            let mut behind = overview.departments_behind;
            behind.truncate(BEHIND_SHOWN_MAX);
            behind
        },
        flow: flow::draw(&overview.flows, overview.other_flows.as_ref(), f.language),
        histograms: histograms
            .filter_map(|one| histogram::draw(one, f.w, f.language))
            .collect(),
        denied: overview.supplements_denied,
        suspensions: overview.suspensions,
        suspensions_total: overview.suspensions_total.into(),
    }
}
