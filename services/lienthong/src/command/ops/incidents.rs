//! Lists what a person must look at.

use super::{
    Ending, cells,
    line::{Line, OperatorArgs},
    shown::{Shown, WatchArgs},
    words,
};
use crate::screen::{self, json, table::Table};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{Incident, ListIncidentsRequest};
use serde_json::{Value, json};

/// Incidents of one page.
const PAGE_SIZE: u32 = 500;

/// List what a person must look at, the newest first.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong ops incidents\n  lienthong ops incidents --cause HANDOVER_REFUSED --watch\n  lienthong ops incidents --all --json"
)]
pub(crate) struct IncidentsCommand {
    /// Closed ones too.
    #[arg(long)]
    all: bool,
    /// Only of this cause.
    #[arg(long)]
    cause: Option<String>,
    /// At most so many; all when left out.
    #[arg(long)]
    limit: Option<usize>,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    watch: WatchArgs,
}

impl IncidentsCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let line = self.operator.connect()?;
        self.watch
            .show(&line, json, async || self.look(&line).await)
            .await
    }

    async fn look(&self, line: &Line) -> anyhow::Result<Shown> {
        let cause = self.cause.as_deref().unwrap_or_default();
        let limit = self.limit.unwrap_or(usize::MAX);
        let incidents = list(line, self.all, cause, limit).await?;
        let text = match (incidents.is_empty(), self.all || self.cause.is_some()) {
            (true, true) => "No incidents.".into(),
            (true, false) => "Nothing is stuck.".into(),
            (false, _) => table(&incidents).render(screen::columns(), 0),
        };
        Ok(Shown {
            text,
            json: json!({ "incidents": incidents.iter().map(as_json).collect::<Vec<_>>() }),
            // That nothing is stuck is what everybody wants to hear.
            any: true,
        })
    }
}

/// Incidents, the newest first, at most so many.
pub(super) async fn list(
    line: &Line,
    include_closed: bool,
    cause: &str,
    limit: usize,
) -> anyhow::Result<Vec<Incident>> {
    let (mut incidents, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListIncidentsRequest {
            include_closed,
            page_size: PAGE_SIZE,
            page_token,
            cause: cause.to_owned(),
            ..Default::default()
        };
        let page = line.clone().list_incidents(request).await;
        let page = page.context("the incidents were not listed")?.into_inner();
        incidents.extend(page.incidents);
        page_token = page.next_page_token;
        if page_token.is_empty() || incidents.len() >= limit {
            incidents.truncate(limit);
            return Ok(incidents);
        }
    }
}

pub(super) fn table(incidents: &[Incident]) -> Table {
    let mut table = Table::new([
        "Id",
        "Since",
        "Until",
        "Cause",
        "Dossier",
        "Step",
        "Agency",
        "Times",
        "Whose",
        "Redrive",
        "What and the way out",
    ]);
    for one in incidents {
        table.row([
            one.incident_id.clone(),
            cells::at(&one.opened_at),
            cells::at(&one.closed_at),
            one.cause.clone(),
            one.dossier_code.clone(),
            one.step_id.clone(),
            one.agency_code.clone(),
            one.count.to_string(),
            words::owner(one.owner()).into(),
            match one.closed_at {
                None => words::redrive(one.redrive()).into(),
                Some(_) => String::new(),
            },
            cells::en(&one.description),
        ]);
    }
    table
}

pub(super) fn as_json(one: &Incident) -> Value {
    let mut told = json::incident(one);
    told["class"] = words::class(one.cause_class()).into();
    told["owner"] = words::owner(one.owner()).into();
    told["redrive"] = words::redrive(one.redrive()).into();
    told
}
