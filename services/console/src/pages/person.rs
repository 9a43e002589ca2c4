//! The dossiers of a person: with a reason, which is recorded, and shown masked.

use super::render;
use crate::{
    app::App,
    frame::{Frame, Section},
    gate::Form,
    trouble::Trouble,
    visit::Member,
};
use axum::{extract::State, response::Response};
use contract::v1::{FindPersonRequest, Identifier, IdentifierScheme, PersonFound};
use http::StatusCode;

const PAGE_SIZE: u32 = 50;

const SCHEMES: [(&str, IdentifierScheme, &str, &str); 5] = [
    (
        "personal_id",
        IdentifierScheme::PersonalId,
        "số định danh cá nhân",
        "personal number",
    ),
    (
        "enterprise",
        IdentifierScheme::EnterpriseCode,
        "mã số doanh nghiệp",
        "enterprise code",
    ),
    (
        "passport",
        IdentifierScheme::Passport,
        "số hộ chiếu",
        "passport",
    ),
    (
        "social_insurance",
        IdentifierScheme::SocialInsurance,
        "mã số bảo hiểm xã hội",
        "social insurance number",
    ),
    (
        "organisation",
        IdentifierScheme::OrganisationCode,
        "mã định danh tổ chức",
        "organisation code",
    ),
];

#[derive(askama::Template)]
#[template(path = "person.html")]
struct Page {
    f: Frame,
    schemes: Vec<(&'static str, &'static str)>,
    /// None before anything was asked.
    found: Option<Result<Vec<PersonFound>, Trouble>>,
    wrong: Option<&'static str>,
    /// For the next page: what was asked, but never in an address.
    again: Option<Again>,
}

struct Again {
    name: String,
    scheme: String,
    number: String,
    reason: String,
    page: String,
}

fn schemes(f: &Frame) -> Vec<(&'static str, &'static str)> {
    let all = SCHEMES.iter();
    all.map(|(word, _, vi, en)| (*word, f.language.of(vi, en)))
        .collect()
}

/// `GET /dossiers/find`
pub(crate) async fn page(State(app): State<App>, member: Member) -> Response {
    let f = Frame::inside(&app, &member, Section::Dossiers);
    let page = Page {
        schemes: schemes(&f),
        f,
        found: None,
        wrong: None,
        again: None,
    };
    render(StatusCode::OK, &page)
}

/// `POST /dossiers/find`: a form, so that no name comes to stand in an address or a log.
pub(crate) async fn find(State(app): State<App>, form: Form) -> Response {
    let Form { member, fields } = form;
    let f = Frame::inside(&app, &member, Section::Dossiers);
    let text = |name: &str| fields.get(name).to_owned();
    let (name, number, reason) = (text("name"), text("number"), text("reason"));
    let scheme = SCHEMES
        .iter()
        .find(|(word, ..)| *word == fields.get("scheme"));
    let wrong = if name.is_empty() == number.is_empty() {
        Some(f.w.person_one)
    } else if reason.is_empty() {
        Some(f.w.given_up)
    } else {
        None
    };
    let mut again = None;
    let found = if wrong.is_some() {
        None
    } else {
        let identifier = (!number.is_empty()).then(|| Identifier {
            scheme: scheme.map_or(IdentifierScheme::PersonalId, |it| it.1) as i32,
            value: number.clone(),
        });
        let request = FindPersonRequest {
            name: name.clone(),
            identifier,
            reason: reason.clone(),
            page_size: PAGE_SIZE,
            page_token: text("page"),
        };
        let found = member.caller.find_person(request).await;
        if let Ok(page) = &found
            && !page.next_page_token.is_empty()
        {
            again = Some(Again {
                name,
                scheme: text("scheme"),
                number,
                reason,
                page: page.next_page_token.clone(),
            });
        }
        Some(found.map(|page| page.found))
    };
    let page = Page {
        schemes: schemes(&f),
        f,
        found,
        wrong,
        again,
    };
    render(StatusCode::OK, &page)
}
