//! Dossiers: search, and filters that an operator saved.

use super::{back, next_page, page_token, render, stale};
use crate::{
    app::App,
    fields::Fields,
    frame::{Frame, Section},
    gate::Form,
    saved::{SaveError, SavedFilter},
    time,
    trouble::Trouble,
    visit::Member,
    words::{Words, states},
};
use axum::{extract::State, response::Response};
use contract::v1::{
    DossierRow, DossierState, ListProceduresRequest, ProcedureStatus, SearchDossiersRequest,
};
use http::StatusCode;

/// The fields of a search, as they stand in its address.
const FIELDS: [&str; 12] = [
    "code",
    "agency",
    "step",
    "state",
    "procedure",
    "desk",
    "territory",
    "from",
    "until",
    "open",
    "overdue",
    "stuck",
];
const PAGE_SIZE: u32 = 50;

#[derive(askama::Template)]
#[template(path = "dossiers.html")]
struct Page {
    f: Frame,
    q: Asked,
    states: Vec<Choice>,
    procedures: Vec<ProcedureStatus>,
    wrong: Vec<String>,
    found: Result<Vec<DossierRow>, Trouble>,
    next: Option<String>,
    saved: Vec<SavedFilter>,
    query: String,
}

/// What is in the search form.
struct Asked {
    code: String,
    agency: String,
    step: String,
    procedure: String,
    desk: String,
    territory: String,
    from: String,
    until: String,
    open: bool,
    overdue: bool,
    stuck: bool,
}

struct Choice {
    word: &'static str,
    said: &'static str,
    is_chosen: bool,
}

const STATES: [(&str, DossierState); 8] = [
    ("filed", DossierState::Filed),
    ("in_process", DossierState::InProcess),
    ("waiting_for_citizen", DossierState::WaitingForCitizen),
    ("closed", DossierState::Closed),
    ("withdrawn", DossierState::Withdrawn),
    ("not_accepted", DossierState::NotAccepted),
    ("stopped", DossierState::Stopped),
    ("quarantined", DossierState::Quarantined),
];

fn query_of(fields: &Fields) -> String {
    fields.query_of(&FIELDS)
}

/// `GET /dossiers`
pub(crate) async fn page(State(app): State<App>, member: Member) -> Response {
    let w = Words::of(member.visit.language);
    let (request, wrong) = request(&member, w);
    let (found, procedures) = tokio::join!(
        member.caller.search_dossiers(request),
        member.caller.list_procedures(ListProceduresRequest {})
    );
    if found.as_ref().is_err_and(Trouble::is_away) && member.visit.is_refresh {
        return stale(&app, &member, Section::Dossiers);
    }
    let query = query_of(&member.query);
    let token = found.as_ref().map(|page| page.next_page_token.clone());
    let asked = &member.query;
    let text = |name: &str| asked.get(name).to_owned();
    let f = Frame::inside(&app, &member, Section::Dossiers)
        .live("sse:dossiers, sse:incidents, sse:link", "");
    let states = STATES.iter().map(|(word, state)| Choice {
        word,
        said: states::dossier(*state, f.language),
        is_chosen: asked.get("state") == *word,
    });
    let page = Page {
        states: states.collect(),
        q: Asked {
            code: text("code"),
            agency: text("agency"),
            step: text("step"),
            procedure: text("procedure"),
            desk: text("desk"),
            territory: text("territory"),
            from: time::day_of(asked.get("from")),
            until: time::day_of(asked.get("until")),
            open: asked.has("open"),
            overdue: asked.has("overdue"),
            stuck: asked.has("stuck"),
        },
        f,
        procedures: procedures.map(|all| all.procedures).unwrap_or_default(),
        wrong,
        next: next_page("/dossiers", &query, token.as_deref().unwrap_or_default()),
        found: found.map(|page| page.dossiers),
        saved: app.saved.of(&member.session.operator()),
        query,
    };
    render(StatusCode::OK, &page)
}

/// What is asked of the broker, and what of it was not understood.
fn request(member: &Member, w: &Words) -> (SearchDossiersRequest, Vec<String>) {
    let asked = &member.query;
    let mut wrong = Vec::new();
    let text = |name: &str| asked.get(name).to_owned();
    let day = |name: &str, read: fn(&str) -> Option<jiff::Timestamp>| {
        let text = asked.get(name);
        let read = read(text).map(time::wire);
        let is_wrong = read.is_none() && !text.is_empty();
        (read, is_wrong)
    };
    let (received_from, from_wrong) = day("from", time::begin_of_day);
    let (received_until, until_wrong) = day("until", time::end_of_day);
    let state = STATES.iter().find(|(word, _)| *word == asked.get("state"));
    let said = [
        (from_wrong, w.received_from, "from"),
        (until_wrong, w.received_until, "until"),
        (state.is_none() && asked.has("state"), w.state, "state"),
    ];
    for (is_wrong, name, field) in said {
        if is_wrong {
            let value = crate::chart::shortened(asked.get(field), 60);
            wrong.push(format!("{} – {name}: {value}", w.wrong_value));
        }
    }
    let request = SearchDossiersRequest {
        dossier_code: text("code"),
        agency_code: text("agency"),
        state: state.map_or(DossierState::Unspecified, |(_, state)| *state) as i32,
        procedure_code: text("procedure"),
        desk_agency_code: text("desk"),
        overdue: asked.has("overdue"),
        stuck: asked.has("stuck"),
        page_size: PAGE_SIZE,
        page_token: page_token(member),
        step_id: text("step"),
        territory_code: text("territory"),
        received_from,
        received_until,
        open: asked.has("open"),
    };
    (request, wrong)
}

/// `POST /dossiers/filters`
pub(crate) async fn save_filter(State(app): State<App>, form: Form) -> Response {
    let Form { member, fields } = form;
    let w = Words::of(member.visit.language);
    let query = query_of(&Fields::parse(fields.get("query").as_bytes()));
    let filter = SavedFilter {
        name: fields.get("name").to_owned(),
        query: query.clone(),
    };
    told(
        &member,
        app.saved.save(&member.session.operator(), filter),
        w.filter_saved,
    );
    back(&format!("/dossiers?{query}"))
}

/// `POST /dossiers/filters/remove`
pub(crate) async fn remove_filter(State(app): State<App>, form: Form) -> Response {
    let Form { member, fields } = form;
    let w = Words::of(member.visit.language);
    let removed = app
        .saved
        .remove(&member.session.operator(), fields.get("name"));
    told(&member, removed, w.filter_removed);
    back("/dossiers")
}

fn told(member: &Member, done: Result<(), SaveError>, good: &str) {
    let w = Words::of(member.visit.language);
    match done {
        Ok(()) => member.session.tell(true, good),
        Err(error) => {
            tracing::warn!(%error, "a filter was not saved");
            let text = match error {
                SaveError::Name => w.filter_name,
                SaveError::Full => w.filter_full,
                SaveError::Write(_) => w.filter_write,
            };
            member.session.tell(false, text);
        }
    }
}
