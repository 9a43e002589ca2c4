//! The pages, one a file, and what they have in common.

pub(crate) mod acts;
pub(crate) mod audit;
pub(crate) mod departments;
pub(crate) mod dossier;
pub(crate) mod dossiers;
pub(crate) mod incidents;
pub(crate) mod measures;
pub(crate) mod now;
pub(crate) mod person;
pub(crate) mod redrive;

use crate::{
    app::App,
    frame::{Frame, Section},
    visit::{Member, Visit},
};
use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};

/// A page that says one sentence.
#[derive(Template)]
#[template(path = "plain.html")]
struct Plain {
    f: Frame,
    title: &'static str,
    text: &'static str,
}

/// What an open page is told while the broker is away: that what it shows is from before.
#[derive(Template)]
#[template(path = "stale.html")]
struct Stale {
    f: Frame,
}

/// Writes a page.
pub(crate) fn render(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => {
            let html = [(
                header::CONTENT_TYPE,
                HeaderValue::from_static("text/html; charset=utf-8"),
            )];
            (status, html, text).into_response()
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A page that says one sentence, in the language of the visit.
pub(crate) fn plain(
    visit: &Visit,
    status: StatusCode,
    vi: &'static str,
    en: &'static str,
) -> Response {
    let f = Frame::outside(visit);
    let title = if status == StatusCode::NOT_FOUND {
        f.w.not_found_title
    } else {
        f.w.trouble_title
    };
    let text = visit.language.of(vi, en);
    render(status, &Plain { f, title, text })
}

/// The open page stays as it is, and says since when.
fn stale(app: &App, member: &Member, section: Section) -> Response {
    let f = Frame::inside(app, member, section);
    let mut response = render(StatusCode::OK, &Stale { f });
    let headers = response.headers_mut();
    headers.insert("hx-reswap", HeaderValue::from_static("none"));
    response
}

/// Back to where a form was, which tells what came of it.
fn back(to: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response()
}

/// Whatever has no page.
pub(crate) async fn unknown(State(_): State<App>, visit: Visit) -> Response {
    let w = crate::words::Words::of(crate::language::Language::Vi).not_found;
    let en = crate::words::Words::of(crate::language::Language::En).not_found;
    plain(&visit, StatusCode::NOT_FOUND, w, en)
}

/// A token, a number of rows: what a list is asked for.
fn page_token(member: &Member) -> String {
    member.query.get("page").to_owned()
}

/// The address of the next page of a list: the same query with its token.
fn next_page(path: &str, query: &str, token: &str) -> Option<String> {
    if token.is_empty() {
        return None;
    }
    let mut text = form_urlencoded::Serializer::new(query.to_owned());
    text.append_pair("page", token);
    Some(format!("{path}?{}", text.finish()))
}
