//! Departments, a card each, and the procedures in force; acted on from here.

use super::{next_page, render, stale};
use crate::{
    app::App,
    chart::sparkline::{self, Sparkline},
    frame::{Frame, Section},
    time,
    trouble::Trouble,
    visit::Member,
};
use axum::{extract::State, response::Response};
use contract::v1::{DepartmentStatus, ListProceduresRequest, ProcedureStatus};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

/// Cards of one page.
const PAGE_CARDS: usize = 60;
/// A certificate with so many days left or fewer is warned of.
const DAYS_FEW: i64 = 30;
/// What is owed for longer is shown as a trouble.
const OWED_LONG: SignedDuration = SignedDuration::from_hours(1);

#[derive(askama::Template)]
#[template(path = "departments.html")]
struct Page {
    f: Frame,
    cards: Result<Vec<Card>, Trouble>,
    /// How many there are, on all pages.
    total: u64,
    find: String,
    next: Option<String>,
    procedures: Result<Vec<ProcedureStatus>, Trouble>,
}

struct Card {
    it: DepartmentStatus,
    curve: Option<Sparkline>,
    health: &'static str,
    /// The class of the health in the style sheet.
    class: &'static str,
    mark: &'static str,
    days_left: Option<i64>,
    is_expiring: bool,
    /// Something is owed to it for long.
    is_behind: bool,
}

/// `GET /departments?find=TEXT&page=NUMBER`
pub(crate) async fn page(State(app): State<App>, member: Member) -> Response {
    let find = member.query.get("find").to_owned();
    let before: usize = member.query.get("page").parse().unwrap_or_default();
    let (departments, procedures) = tokio::join!(
        member.caller.all_departments(&find),
        member.caller.list_procedures(ListProceduresRequest {})
    );
    if departments.as_ref().is_err_and(Trouble::is_away) && member.visit.is_refresh {
        return stale(&app, &member, Section::Departments);
    }
    let f = Frame::inside(&app, &member, Section::Departments)
        .live("sse:departments, sse:incidents, sse:dossiers, sse:link", "");
    let total = departments.as_ref().map_or(0, Vec::len);
    let cards = departments.map(|mut all| {
        // Whoever needs a person first stands first, and whoever has nothing to do last.
        all.sort_by_key(|it| (!is_trouble(it), is_idle(it), it.agency_code.clone()));
        let shown = all.into_iter().skip(before).take(PAGE_CARDS);
        shown.map(|it| card(it, &f)).collect()
    });
    let after = before.saturating_add(PAGE_CARDS);
    let token = match after < total {
        true => after.to_string(),
        false => String::new(),
    };
    let page = Page {
        f,
        cards,
        total: total as u64,
        next: next_page("/departments", &member.query.query_of(&["find"]), &token),
        find,
        procedures: procedures.map(|all| all.procedures),
    };
    render(StatusCode::OK, &page)
}

fn is_trouble(it: &DepartmentStatus) -> bool {
    it.suspended || it.failures > 0 || it.overdue_steps > 0 || is_behind(it)
}

/// As page one has it: owed for more than an hour.
fn is_behind(it: &DepartmentStatus) -> bool {
    let since = time::read(&it.owed_since);
    since.is_some_and(|since| Timestamp::now().duration_since(since) > OWED_LONG)
}

fn is_idle(it: &DepartmentStatus) -> bool {
    it.connected_since.is_none() && it.open_steps == 0 && it.owed == 0
}

fn card(it: DepartmentStatus, f: &Frame) -> Card {
    let (health, class, mark) = match &it {
        it if it.suspended => (f.w.health_suspended, "paused", "‖"),
        it if it.connected_since.is_some() => (f.w.health_good, "good", "●"),
        it if it.failures > 0 => (f.w.health_away, "bad", "✕"),
        it if it.is_reachable => (f.w.health_reachable, "good", "●"),
        _ => (f.w.health_unknown, "unknown", "○"),
    };
    let expires = time::read(&it.certificate_expires_at);
    let days_left = expires.map(|at| (at.as_second() - f.as_of.as_second()).div_euclid(86_400));
    Card {
        curve: sparkline::draw(&it.owed_by_minute),
        health,
        class,
        mark,
        is_expiring: days_left.is_some_and(|days| days <= DAYS_FEW),
        days_left,
        is_behind: is_behind(&it),
        it,
    }
}
