//! Lists how each department does.

use super::{
    Ending, cells,
    line::{Line, OperatorArgs},
    shown::{Shown, WatchArgs},
};
use crate::screen::{self, json, table::Table};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{DepartmentStatus, ListDepartmentsRequest};
use serde_json::{Value, json};

/// Departments of one page.
const PAGE_SIZE: u32 = 500;

/// List how each department does: its connection, what is owed to it, what is late.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong ops departments\n  lienthong ops departments --watch"
)]
pub(crate) struct DepartmentsCommand {
    /// Only those with this in their code or name, with or without marks.
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    find: String,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    watch: WatchArgs,
}

impl DepartmentsCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let line = self.operator.connect()?;
        self.watch
            .show(&line, json, async || look(&line, &self.find).await)
            .await
    }
}

async fn look(line: &Line, find: &str) -> anyhow::Result<Shown> {
    let departments = all(line, find).await?;
    Ok(Shown {
        text: table(&departments).render(screen::columns(), 0),
        json: json!({ "departments": departments.iter().map(as_json).collect::<Vec<_>>() }),
        any: !departments.is_empty(),
    })
}

/// All departments that have this in their code or name, by code.
pub(super) async fn all(line: &Line, find: &str) -> anyhow::Result<Vec<DepartmentStatus>> {
    let (mut departments, mut page_token) = (Vec::new(), String::new());
    loop {
        let page_size = PAGE_SIZE;
        let page = line
            .clone()
            .list_departments(ListDepartmentsRequest {
                page_size,
                page_token,
                find: find.to_owned(),
            })
            .await;
        let page = page
            .context("the departments were not listed")?
            .into_inner();
        departments.extend(page.departments);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(departments);
        }
    }
}

/// How its line is, in a word or two.
pub(super) fn standing(one: &DepartmentStatus) -> String {
    match (one.suspended, one.is_reachable, one.failures) {
        (true, _, _) => "suspended".into(),
        (_, true, _) => "connected".into(),
        (_, _, 0) => "quiet".into(),
        (_, _, failures) => format!("unreachable ({failures})"),
    }
}

fn table(departments: &[DepartmentStatus]) -> Table {
    let mut table = Table::new([
        "Department",
        "Line",
        "Owed",
        "Owed since",
        "First due",
        "Under way",
        "Verdicts/min",
        "Open",
        "Overdue",
        "Owed, last hour",
        "Last error",
        "Certificate until",
    ]);
    for one in departments {
        let is_met = one.window_items_max > 0;
        table.row([
            cells::named(&one.name, &one.agency_code),
            standing(one),
            cells::count(one.owed),
            cells::at(&one.owed_since),
            cells::at(&one.first_due_at),
            match is_met {
                true => format!("{}/{}", one.window_items, one.window_items_max),
                false => String::new(),
            },
            cells::count(one.verdicts_last_minute),
            cells::count(one.open_steps),
            cells::count(one.overdue_steps),
            match one.owed_by_minute.iter().any(|owed| *owed > 0) {
                true => cells::columns(&one.owed_by_minute),
                false => String::new(),
            },
            one.last_error.clone(),
            cells::at(&one.certificate_expires_at),
        ]);
    }
    table
}

pub(super) fn as_json(one: &DepartmentStatus) -> Value {
    json!({
        "agency_code": one.agency_code,
        "name": one.name,
        "system_code": one.system_code,
        "is_reachable": one.is_reachable,
        "connected_since": json::instant(&one.connected_since),
        "suspended": one.suspended,
        "owed": one.owed,
        "owed_since": json::instant(&one.owed_since),
        "first_due_at": json::instant(&one.first_due_at),
        "window_items": one.window_items,
        "window_items_max": one.window_items_max,
        "open_steps": one.open_steps,
        "overdue_steps": one.overdue_steps,
        "verdicts_last_minute": one.verdicts_last_minute,
        "failures": one.failures,
        "last_error": one.last_error,
        "certificate_expires_at": json::instant(&one.certificate_expires_at),
        "version": one.version,
        "owed_by_minute": one.owed_by_minute,
    })
}
