//! Measures: the indicators of the law, how long things took, and what was counted; for a person, and as CSV.

use super::{next_page, page_token, render};
use crate::{
    app::App,
    chart::histogram::{self, GOALS_SECONDS, Histogram},
    frame::{Frame, Section, percent},
    time,
    trouble::Trouble,
    visit::Member,
};
use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use contract::v1::{Distribution, Figure, Indicator, StatisticsRequest, StatisticsResponse};
use http::{HeaderValue, StatusCode, header};

#[derive(askama::Template)]
#[template(path = "measures.html")]
struct Page {
    f: Frame,
    from: String,
    until: String,
    query: String,
    wrong: Vec<String>,
    /// Of all together, which is said on the first page.
    is_first: bool,
    shown: Result<Shown, Trouble>,
    next: Option<String>,
}

struct Shown {
    whole: Vec<Measured>,
    by_agency: Vec<Measured>,
    waiting: Vec<Waiting>,
    histograms: Vec<Histogram>,
    figures: Vec<Figure>,
}

struct Measured {
    it: Indicator,
    rate: String,
    /// How wide its bar is, of 100.
    width: u64,
}

/// How many waited no longer than a goal.
struct Waiting {
    desk: String,
    of: u64,
    within_30: String,
    within_15: String,
}

/// `GET /measures?from=DAY&until=DAY&page=TOKEN`
pub(crate) async fn page(State(app): State<App>, member: Member) -> Response {
    let (request, wrong) = request(&member);
    let request = StatisticsRequest {
        page_token: page_token(&member),
        ..request
    };
    let is_first = request.page_token.is_empty();
    let answered = member.caller.statistics(request).await;
    let query = member.query.query_of(&["from", "until"]);
    let next = answered
        .as_ref()
        .ok()
        .and_then(|answer| next_page("/measures", &query, &answer.next_page_token));
    let f = Frame::inside(&app, &member, Section::Measures);
    let page = Page {
        from: time::day_of(member.query.get("from")),
        until: time::day_of(member.query.get("until")),
        query,
        wrong,
        is_first,
        next,
        shown: answered.map(|answer| shown(answer, &f)),
        f,
    };
    render(StatusCode::OK, &page)
}

fn request(member: &Member) -> (StatisticsRequest, Vec<String>) {
    let w = crate::words::Words::of(member.visit.language);
    let (from, until) = (member.query.get("from"), member.query.get("until"));
    let (read_from, read_until) = (time::begin_of_day(from), time::end_of_day(until));
    let mut wrong = Vec::new();
    for (text, is_read, name) in [
        (from, read_from.is_some(), w.from_day),
        (until, read_until.is_some(), w.until_day),
    ] {
        if !text.is_empty() && !is_read {
            let value = crate::chart::shortened(text, 60);
            wrong.push(format!("{} – {name}: {value}", w.wrong_value));
        }
    }
    let request = StatisticsRequest {
        from: read_from.map(time::wire),
        until: read_until.map(time::wire),
        ..StatisticsRequest::default()
    };
    (request, wrong)
}

fn shown(answer: StatisticsResponse, f: &Frame) -> Shown {
    let measured = |it: Indicator| Measured {
        rate: percent(it.fulfil, it.of, f.language),
        width: (it.fulfil * 100).checked_div(it.of).unwrap_or(0).min(100),
        it,
    };
    let all = answer.indicators.into_iter().map(measured);
    let (whole, by_agency) = all.partition(|one| one.it.agency_code.is_empty());
    let waiting = answer
        .distributions
        .iter()
        .filter(|it| it.name == "waiting");
    Shown {
        whole,
        by_agency,
        waiting: waiting.filter_map(|it| against_goals(it, f)).collect(),
        histograms: answer
            .distributions
            .iter()
            .filter_map(|it| histogram::draw(it, f.w, f.language))
            .collect(),
        figures: answer.figures,
    }
}

fn against_goals(it: &Distribution, f: &Frame) -> Option<Waiting> {
    let of: u64 = it.counts.iter().sum();
    if of == 0 {
        return None;
    }
    let within = |goal: u64| {
        let n = it.bounds_seconds.iter().rposition(|bound| *bound <= goal);
        let within: u64 = n.map_or(0, |n| it.counts.iter().take(n + 1).sum());
        percent(within, of, f.language)
    };
    let [goal_15, goal_30] = GOALS_SECONDS;
    Some(Waiting {
        desk: match it.agency_name.as_str() {
            "" => it.agency_code.clone(),
            name => name.to_owned(),
        },
        of,
        within_30: within(goal_30),
        within_15: within(goal_15),
    })
}

/// `GET /measures.csv?from=DAY&until=DAY`: one row a number, for a spreadsheet.
pub(crate) async fn csv(State(_): State<App>, member: Member) -> Response {
    let (request, _) = request(&member);
    let answer = match member.caller.all_statistics(request).await {
        Ok(answer) => answer,
        Err(trouble) => {
            let text = trouble.text(&member.visit.language).to_owned();
            return (StatusCode::BAD_GATEWAY, text).into_response();
        }
    };
    let language = member.visit.language;
    // A spreadsheet knows by the mark that it is UTF-8.
    let mut text = String::from("\u{feff}");
    row(
        &mut text,
        &[
            "kind",
            "number",
            "name",
            "title",
            "agency_code",
            "agency_name",
            "of",
            "fulfil",
            "points",
            "value",
            "computed",
            "basis",
        ],
    );
    for it in &answer.indicators {
        row(
            &mut text,
            &[
                "indicator",
                &it.number.to_string(),
                &it.name,
                &language.text(&it.title),
                &it.agency_code,
                &it.agency_name,
                &it.of.to_string(),
                &it.fulfil.to_string(),
                &it.points.to_string(),
                "",
                if it.is_computed { "1" } else { "0" },
                &language.text(&it.basis),
            ],
        );
    }
    for it in &answer.distributions {
        let last = it.bounds_seconds.last().copied().unwrap_or(0);
        let bounds = it.bounds_seconds.iter().map(|bound| format!("<={bound}s"));
        let bounds = bounds.chain([format!(">{last}s")]);
        for (bound, count) in bounds.zip(&it.counts) {
            let count = count.to_string();
            let (code, name) = (&it.agency_code, &it.agency_name);
            row(
                &mut text,
                &[
                    "distribution",
                    "",
                    &it.name,
                    &bound,
                    code,
                    name,
                    "",
                    "",
                    "",
                    &count,
                    "",
                    "",
                ],
            );
        }
    }
    for it in &answer.figures {
        let value = it.value.to_string();
        let code = &it.agency_code;
        row(
            &mut text,
            &[
                "figure", "", &it.name, "", code, "", "", "", "", &value, "", "",
            ],
        );
    }
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/csv; charset=utf-8"),
        ),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"lien-thong.csv\""),
        ),
    ];
    (headers, text).into_response()
}

/// One row (RFC 4180). What a spreadsheet would take for a formula is made a text.
fn row(out: &mut String, cells: &[&str]) {
    for (n, cell) in cells.iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let guarded = if is_formula {
            format!("'{cell}")
        } else {
            (*cell).to_owned()
        };
        if guarded.contains([',', '"', '\n', '\r']) {
            out.push_str(&format!("\"{}\"", guarded.replace('"', "\"\"")));
        } else {
            out.push_str(&guarded);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_keeps_quotes_and_commas_and_is_never_a_formula() {
        let mut text = String::new();
        row(&mut text, &["a", "b,\"c\"", "=1+1", ""]);
        assert_eq!(text, "a,\"b,\"\"c\"\"\",'=1+1,\r\n");
    }
}
