//! Who did what.

use super::{next_page, page_token, render};
use crate::{
    app::App,
    frame::{Frame, Section},
    trouble::Trouble,
    visit::Member,
};
use axum::{extract::State, response::Response};
use contract::v1::{AuditEntry, ListAuditRequest};
use http::StatusCode;

const PAGE_SIZE: u32 = 100;

#[derive(askama::Template)]
#[template(path = "audit.html")]
struct Page {
    f: Frame,
    operator: String,
    code: String,
    entries: Result<Vec<AuditEntry>, Trouble>,
    next: Option<String>,
}

/// `GET /audit?operator=IDENTITY&code=CODE`
pub(crate) async fn page(State(app): State<App>, member: Member) -> Response {
    let request = ListAuditRequest {
        page_size: PAGE_SIZE,
        page_token: page_token(&member),
        operator: member.query.get("operator").to_owned(),
        dossier_code: member.query.get("code").to_owned(),
    };
    let answered = member.caller.list_audit(request).await;
    let query = member.query.query_of(&["operator", "code"]);
    let token = answered.as_ref().map(|page| page.next_page_token.clone());
    let page = Page {
        f: Frame::inside(&app, &member, Section::Audit),
        operator: member.query.get("operator").to_owned(),
        code: member.query.get("code").to_owned(),
        next: next_page("/audit", &query, token.as_deref().unwrap_or_default()),
        entries: answered.map(|page| page.entries),
    };
    render(StatusCode::OK, &page)
}
