//! Trying incidents again: the form that begins it, and the page on which each result arrives.

use super::{back, plain, render, stale};
use crate::{
    app::App,
    frame::{Frame, Section},
    gate::Form,
    redrive::{Came, Progress, REQUEST_MAX, Redrive, Wanted},
    trouble::Trouble,
    visit::Member,
    words::causes,
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use contract::v1::{Incident, ListIncidentsRequest, RedriveOutcome};
use http::StatusCode;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

#[derive(askama::Template)]
#[template(path = "redrive.html")]
struct Page {
    f: Frame,
    redrive: Arc<Redrive>,
    progress: Progress,
    outcomes: Vec<Outcome>,
    rows: Vec<Row>,
    shown: u64,
    done: u64,
}

/// What came of how many.
struct Outcome {
    outcome: i32,
    count: u64,
    is_good: bool,
}

struct Row {
    id: String,
    incident: Option<Incident>,
    came: Option<Came>,
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
    let ids: BTreeSet<&str> = fields
        .all("id")
        .into_iter()
        .filter(|id| !id.is_empty())
        .collect();
    if ids.len() > REQUEST_MAX {
        return refused(f.redrive_too_many);
    }
    let takes_all = ids.is_empty() && fields.has("all") && !cause.is_empty();
    let wanted = match takes_all {
        true => Wanted::AllOf(cause.to_owned()),
        false if ids.is_empty() => return refused(f.redrive_nothing),
        false => Wanted::These(ids.into_iter().map(str::to_owned).collect()),
    };
    let reason = fields.get("reason").to_owned();
    let number = member
        .session
        .redrives
        .begin(member.caller.clone(), wanted, reason);
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
    let shown = progress.shown();
    // What each is now: some close while one looks.
    let incidents = match incidents(&member, &shown).await {
        Err(trouble) if trouble.is_away() && member.visit.is_refresh => {
            return stale(&app, &member, Section::Incidents);
        }
        // What came of each is known all the same.
        found => found.unwrap_or_default(),
    };
    let rows = shown.into_iter().map(|(id, came)| Row {
        id: id.to_owned(),
        incident: incidents.get(id).cloned(),
        is_good: came.is_some_and(|it| is_good(it.outcome)),
        came: came.cloned(),
    });
    let rows: Vec<_> = rows.collect();
    let mut outcomes: Vec<_> = progress
        .outcomes
        .iter()
        .map(|(outcome, count)| Outcome {
            outcome: *outcome,
            count: *count,
            is_good: is_good(*outcome),
        })
        .collect();
    outcomes.sort_by_key(|one| (one.is_good, one.outcome));
    let page = Page {
        shown: rows.len() as u64,
        done: progress.done(),
        rows,
        outcomes,
        f: Frame::inside(&app, &member, Section::Incidents).live(
            "sse:incidents, sse:link",
            &format!("redrive={}", redrive.number),
        ),
        progress,
        redrive,
    };
    render(StatusCode::OK, &page)
}

fn is_good(outcome: i32) -> bool {
    causes::is_good(RedriveOutcome::try_from(outcome).unwrap_or_default())
}

/// The incidents of these rows, by their ids.
async fn incidents(
    member: &Member,
    shown: &[(&str, Option<&Came>)],
) -> Result<HashMap<String, Incident>, Trouble> {
    let mut found = HashMap::new();
    if shown.is_empty() {
        return Ok(found);
    }
    let mut page_token = String::new();
    loop {
        let request = ListIncidentsRequest {
            page_token,
            incident_ids: shown.iter().map(|(id, _)| (*id).to_owned()).collect(),
            ..ListIncidentsRequest::default()
        };
        let page = member.caller.list_incidents(request).await?;
        let incidents = page.incidents.into_iter();
        found.extend(incidents.map(|one| (one.incident_id.clone(), one)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(found);
        }
    }
}
