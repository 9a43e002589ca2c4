//! One dossier: its procedure as a graph with where it stands, its clocks, its slip and its papers.

use super::{render, stale};
use crate::{
    app::App,
    chart::{
        clocks::{self, Clocks},
        graph::{self, Graph},
    },
    frame::{Frame, Section},
    trouble::{Kind, Trouble},
    visit::Member,
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use contract::v1::{
    InspectDossierRequest, InspectDossierResponse, StepState, StepStatus, TrackResponse,
};
use http::StatusCode;

#[derive(askama::Template)]
#[template(path = "dossier.html")]
struct Page {
    f: Frame,
    code: String,
    shown: Result<Shown, Trouble>,
}

struct Shown {
    whole: InspectDossierResponse,
    track: TrackResponse,
    graph: Option<Graph>,
    clocks: Option<Clocks>,
    /// Steps that are open: what may be moved and extended.
    open: Vec<StepStatus>,
    /// Where rounds wait for their next time.
    retrying: Vec<String>,
    has_open_incidents: bool,
    /// Made anew for each form, so that sending it twice has one effect.
    request_id: String,
}

impl Shown {
    fn of(whole: InspectDossierResponse, f: &Frame) -> Self {
        let mut track = whole.dossier.clone().unwrap_or_default();
        // As they came up, and last those that did not yet.
        track.steps.sort_by_key(|step| {
            let due = step.due_since.as_ref();
            due.map_or((i64::MAX, 0), |due| (due.seconds, due.nanos))
        });
        let is_open = |step: &&StepStatus| {
            matches!(
                step.state(),
                StepState::Due | StepState::PossiblyHeld | StepState::Held | StepState::Declined
            )
        };
        let mut retrying: Vec<String> = whole
            .retries
            .iter()
            .map(|it| it.agency_code.clone())
            .collect();
        retrying.sort();
        retrying.dedup();
        Self {
            clocks: clocks::draw(&track, f),
            graph: graph::draw(&whole.graph, &track.steps, |step| f.text(&step.title)),
            open: track.steps.iter().filter(is_open).cloned().collect(),
            retrying,
            has_open_incidents: whole.incidents.iter().any(|it| it.closed_at.is_none()),
            request_id: crate::session::secret(),
            track,
            whole,
        }
    }

    /// Whether there is anything to do about it by hand.
    fn has_acts(&self) -> bool {
        !self.open.is_empty() || !self.retrying.is_empty() || !self.whole.quarantined.is_empty()
    }

    /// The step's place in the graph, in words: what it comes after, what it needs and gives.
    fn place(&self, step_id: &str, f: &Frame) -> Vec<(&'static str, String)> {
        let mut graph = self.whole.graph.iter();
        let Some(step) = graph.find(|step| step.step_id == step_id) else {
            return Vec::new();
        };
        [
            (f.w.after_steps, &step.after),
            (f.w.needs, &step.needs),
            (f.w.gives, &step.gives),
        ]
        .into_iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| (word, names.join(", ")))
        .collect()
    }

    /// What the step is called.
    fn step_title(&self, step_id: &str, f: &Frame) -> String {
        let step = self.track.steps.iter().find(|step| step.step_id == step_id);
        let title = step.map(|step| f.text(&step.title));
        title
            .filter(|title| !title.is_empty())
            .unwrap_or_else(|| step_id.to_owned())
    }
}

/// `GET /dossiers/CODE`
pub(crate) async fn page(
    State(app): State<App>,
    member: Member,
    Path(code): Path<String>,
) -> Response {
    let request = InspectDossierRequest {
        dossier_code: code.clone(),
    };
    let answered = member.caller.inspect_dossier(request).await;
    if answered.as_ref().is_err_and(Trouble::is_away) && member.visit.is_refresh {
        return stale(&app, &member, Section::Dossiers);
    }
    let status = match &answered {
        Err(trouble) if trouble.kind == Kind::Unknown => StatusCode::NOT_FOUND,
        Err(trouble) if trouble.kind == Kind::Refused => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    };
    let encoded: String = form_urlencoded::byte_serialize(code.as_bytes()).collect();
    let f = Frame::inside(&app, &member, Section::Dossiers).live(
        "sse:dossier, sse:incidents, sse:link",
        &format!("dossier={encoded}"),
    );
    let shown = answered.map(|whole| Shown::of(whole, &f));
    let page = Page { f, code, shown };
    render(status, &page)
}
