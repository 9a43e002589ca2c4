//! Page one: what needs attention, where work is, and how today goes.

use super::{
    Ending, cells, departments,
    line::{Line, OperatorArgs},
    shown::{Shown, WatchArgs},
    words,
};
use crate::screen::{self, json, table::Table};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{Distribution, Flow, OverviewRequest, OverviewResponse};
use serde_json::{Value, json};
use std::fmt::Write as _;
use terminal::style;

/// Flows that are shown on a screen.
const FLOWS_SHOWN_MAX: usize = 20;

/// Departments that are shown on a screen, of those that are behind.
const BEHIND_SHOWN_MAX: usize = 20;

/// Show what needs attention, where work is, and how today goes.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong ops overview\n  lienthong ops overview --watch")]
pub(crate) struct OverviewCommand {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    watch: WatchArgs,
}

impl OverviewCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let line = self.operator.connect()?;
        self.watch
            .show(&line, json, async || look(&line).await)
            .await
    }
}

async fn look(line: &Line) -> anyhow::Result<Shown> {
    let asked = line.clone().overview(OverviewRequest {}).await;
    let page = asked.context("page one was not told")?.into_inner();
    Ok(Shown {
        text: render(&page, screen::columns()),
        json: as_json(&page),
        any: true,
    })
}

fn render(page: &OverviewResponse, columns: usize) -> String {
    let mut text = String::new();
    let heading = |text: &mut String, words: &str| {
        // A text cannot refuse to be written to.
        let _ = writeln!(text, "{}", style(words).bold());
    };
    if let Some(today) = &page.today {
        heading(&mut text, "Today (hôm nay)");
        let _ = writeln!(
            text,
            "  {} received, {} closed ({} on time, {} late)\n  {} open, {} wait for the citizen, {} overdue\n",
            today.received,
            today.closed,
            today.closed_on_time,
            today.closed_late,
            today.open,
            today.waiting_for_citizen,
            today.overdue,
        );
    }
    heading(&mut text, "What needs attention (cần xử lý)");
    if page.attention.is_empty() {
        let _ = writeln!(text, "  Nothing is stuck.\n");
    } else {
        let mut table = Table::new(["Cause", "Open", "Since", "Whose", "What to do"]);
        for one in &page.attention {
            table.row([
                one.cause.clone(),
                one.count.to_string(),
                cells::at(&one.oldest_at),
                words::owner(one.owner()).into(),
                cells::en(&one.suggestion),
            ]);
        }
        let _ = writeln!(text, "{}", table.render(columns, 2));
    }
    if !page.departments_behind.is_empty() {
        heading(
            &mut text,
            "Departments that are behind (cơ quan đang chậm nhận)",
        );
        let mut table = Table::new(["Department", "Line", "Owed", "Since", "Last error"]);
        for one in page.departments_behind.iter().take(BEHIND_SHOWN_MAX) {
            table.row([
                cells::named(&one.name, &one.agency_code),
                departments::standing(one),
                cells::count(one.owed),
                cells::at(&one.owed_since),
                one.last_error.clone(),
            ]);
        }
        let _ = writeln!(text, "{}", table.render(columns, 2));
        let more = (page.departments_behind_total as usize).saturating_sub(BEHIND_SHOWN_MAX);
        if more > 0 {
            let _ = writeln!(text, "  and {more} more; lienthong ops departments has all");
        }
    }
    if !page.suspensions.is_empty() {
        let heading_of = match page.suspensions_total as usize > page.suspensions.len() {
            true => format!(
                "Suspended (đang tạm ngừng), the newest of {}",
                page.suspensions_total
            ),
            false => "Suspended (đang tạm ngừng)".into(),
        };
        heading(&mut text, &heading_of);
        let mut table = Table::new(["Department", "Procedure", "Since", "By", "Why"]);
        for one in &page.suspensions {
            table.row([
                one.agency_code.clone(),
                one.procedure_code.clone(),
                cells::at(&one.since),
                one.operator.clone(),
                one.reason.clone(),
            ]);
        }
        let _ = writeln!(text, "{}", table.render(columns, 2));
    }
    if !page.flows.is_empty() {
        heading(&mut text, "Where open steps are (dòng hồ sơ)");
        let mut flows: Vec<&Flow> = page.flows.iter().collect();
        flows.sort_by_key(|flow| std::cmp::Reverse((flow.overdue, flow.open)));
        let mut table = Table::new(["From", "Step", "With", "Open", "Overdue"]);
        for flow in flows.iter().take(FLOWS_SHOWN_MAX) {
            table.row([
                cells::named(&flow.desk_name, &flow.desk_agency_code),
                cells::en(&flow.step_title),
                cells::named(&flow.agency_name, &flow.agency_code),
                flow.open.to_string(),
                cells::count(flow.overdue),
            ]);
        }
        let _ = writeln!(text, "{}", table.render(columns, 2));
        if flows.len() > FLOWS_SHOWN_MAX {
            let _ = writeln!(
                text,
                "  and {} more; --json has all",
                flows.len() - FLOWS_SHOWN_MAX
            );
        }
    }
    text
}

pub(super) fn distribution(one: &Distribution) -> Value {
    json!({
        "name": one.name,
        "agency_code": one.agency_code,
        "agency_name": one.agency_name,
        "bounds_seconds": one.bounds_seconds,
        "counts": one.counts,
    })
}

fn as_json(page: &OverviewResponse) -> Value {
    let attention = page.attention.iter().map(|one| {
        json!({
            "cause": one.cause,
            "class": words::class(one.cause_class()),
            "count": one.count,
            "oldest_at": json::instant(&one.oldest_at),
            "owner": words::owner(one.owner()),
            "suggestion": cells::both(&one.suggestion),
            "redrive": words::redrive(one.redrive()),
        })
    });
    let flows = page.flows.iter().map(|flow| {
        json!({
            "desk_agency_code": flow.desk_agency_code,
            "desk_name": flow.desk_name,
            "procedure_code": flow.procedure_code,
            "step_id": flow.step_id,
            "step_title": cells::both(&flow.step_title),
            "agency_code": flow.agency_code,
            "agency_name": flow.agency_name,
            "open": flow.open,
            "overdue": flow.overdue,
        })
    });
    let denied = page.supplements_denied.iter().map(|one| {
        json!({
            "agency_code": one.agency_code,
            "agency_name": one.agency_name,
            "count": one.count,
        })
    });
    let suspensions = page.suspensions.iter().map(|one| {
        json!({
            "agency_code": one.agency_code,
            "procedure_code": one.procedure_code,
            "since": json::instant(&one.since),
            "operator": one.operator,
            "reason": one.reason,
        })
    });
    let behind = page.departments_behind.iter().map(departments::as_json);
    json!({
        "at": json::instant(&page.at),
        "attention": attention.collect::<Vec<_>>(),
        "departments_behind": behind.collect::<Vec<_>>(),
        "departments_behind_total": page.departments_behind_total,
        "flows": flows.collect::<Vec<_>>(),
        "other_flows": page.other_flows.as_ref().map(|all| json!({
            "open": all.open,
            "overdue": all.overdue,
        })),
        "today": page.today.as_ref().map(|today| json!({
            "received": today.received,
            "closed": today.closed,
            "closed_on_time": today.closed_on_time,
            "closed_late": today.closed_late,
            "open": today.open,
            "waiting_for_citizen": today.waiting_for_citizen,
            "overdue": today.overdue,
        })),
        "distributions": page.distributions.iter().map(distribution).collect::<Vec<_>>(),
        "supplements_denied": denied.collect::<Vec<_>>(),
        "suspensions": suspensions.collect::<Vec<_>>(),
    })
}
