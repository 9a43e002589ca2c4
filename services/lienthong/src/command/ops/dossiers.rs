//! Searches dossiers by what is known of them.

use super::{
    Ending, cells,
    line::{Line, OperatorArgs},
    shown::{Shown, WatchArgs},
    words::State,
};
use crate::screen::{self, table::Table, words};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{DossierRow, DossierState, SearchDossiersRequest};
use serde_json::json;

/// Dossiers of one page.
const PAGE_SIZE: u32 = 500;

/// Search dossiers, the newest first, by whatever is known of them.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong ops dossiers --stuck\n  lienthong ops dossiers --agency G01.99.01 --step register_residence --overdue\n  lienthong ops dossiers --state closed --from 2026-11-01 --until 2026-12-01"
)]
pub(crate) struct DossiersCommand {
    /// One, by its code.
    code: Option<String>,
    /// The department that has an open step of it.
    #[arg(long, value_name = "AGENCY")]
    agency: Option<String>,
    /// The step that is open; with --agency, at that department.
    #[arg(long)]
    step: Option<String>,
    /// Where it stands.
    #[arg(long, value_enum)]
    state: Option<State>,
    /// The procedure.
    #[arg(long)]
    procedure: Option<String>,
    /// The receiving desk.
    #[arg(long, value_name = "AGENCY")]
    desk: Option<String>,
    /// Where the case belongs.
    #[arg(long)]
    territory: Option<String>,
    /// Received on this day or later.
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<String>,
    /// Received before this day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<String>,
    /// Only those that are not closed.
    #[arg(long)]
    open: bool,
    /// Only those that are open and past a limit or the promised date.
    #[arg(long)]
    overdue: bool,
    /// Only those with an open incident.
    #[arg(long)]
    stuck: bool,
    /// At most so many.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    watch: WatchArgs,
}

impl DossiersCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let line = self.operator.connect()?;
        let request = self.request()?;
        let look = async || look(&line, &request, self.limit).await;
        self.watch.show(&line, json, look).await
    }

    fn request(&self) -> anyhow::Result<SearchDossiersRequest> {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let day = |text: &Option<String>| text.as_deref().map(cells::day).transpose();
        let state = self
            .state
            .map_or(DossierState::Unspecified, DossierState::from);
        Ok(SearchDossiersRequest {
            dossier_code: text(&self.code),
            agency_code: text(&self.agency),
            state: state.into(),
            procedure_code: text(&self.procedure),
            desk_agency_code: text(&self.desk),
            overdue: self.overdue,
            stuck: self.stuck,
            step_id: text(&self.step),
            territory_code: text(&self.territory),
            received_from: day(&self.from)?,
            received_until: day(&self.until)?,
            open: self.open,
            ..SearchDossiersRequest::default()
        })
    }
}

async fn look(line: &Line, request: &SearchDossiersRequest, limit: usize) -> anyhow::Result<Shown> {
    let (rows, is_all) = search(line, request, limit).await?;
    let mut text = match rows.is_empty() {
        true => "No dossiers.\n".into(),
        false => table(&rows).render(screen::columns(), 0),
    };
    if !is_all {
        text.push_str("There are more; --limit shows them.\n");
    }
    let dossiers: Vec<_> = rows.iter().map(cells::row).collect();
    Ok(Shown {
        text,
        json: json!({ "dossiers": dossiers, "more": !is_all }),
        any: !rows.is_empty(),
    })
}

/// What is found, at most so many, and whether that is all. A page may be empty and not be the last.
pub(super) async fn search(
    line: &Line,
    request: &SearchDossiersRequest,
    limit: usize,
) -> anyhow::Result<(Vec<DossierRow>, bool)> {
    let (mut rows, mut page_token) = (Vec::new(), String::new());
    while rows.len() < limit {
        let left = u32::try_from(limit - rows.len()).unwrap_or(PAGE_SIZE);
        let request = SearchDossiersRequest {
            page_size: left.min(PAGE_SIZE),
            page_token,
            ..request.clone()
        };
        let page = line.clone().search_dossiers(request).await;
        let page = page.context("the dossiers were not searched")?.into_inner();
        rows.extend(page.dossiers);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok((rows, true));
        }
    }
    Ok((rows, false))
}

pub(super) fn table(rows: &[DossierRow]) -> Table {
    let mut table = Table::new([
        "Dossier",
        "Procedure",
        "State",
        "Received",
        "Promised",
        "Open steps",
        "Late",
        "Incidents",
    ]);
    for row in rows {
        let steps = row.open_steps.iter();
        let steps = steps.map(|step| format!("{} @{}", step.step_id, step.agency_code));
        table.row([
            row.dossier_code.clone(),
            row.procedure_code.clone(),
            words::dossier(row.state()).into(),
            cells::at(&row.received_at),
            cells::at(&row.promised_at),
            steps.collect::<Vec<_>>().join(", "),
            cells::yes(row.overdue, "late"),
            cells::count(row.incidents_open),
        ]);
    }
    table
}
