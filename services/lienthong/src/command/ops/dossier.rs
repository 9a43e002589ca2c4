//! Shows one dossier whole, without what is in it.

use super::{
    Ending, cells, incidents,
    line::{Line, OperatorArgs},
    shown::{Shown, WatchArgs},
    words,
};
use crate::screen::{self, json, table::Table, track};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{InspectDossierRequest, InspectDossierResponse};
use serde_json::{Value, json};
use std::fmt::Write as _;
use terminal::style;

/// Show one dossier whole: its steps, clock and control slip, what happened, what is tried again.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong ops dossier H99.01.01-20261122-0000001")]
pub(crate) struct DossierCommand {
    /// The dossier's code.
    code: String,
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    watch: WatchArgs,
}

impl DossierCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let line = self.operator.connect()?;
        let look = async || look(&line, &self.code).await;
        self.watch.show(&line, json, look).await
    }
}

async fn look(line: &Line, code: &str) -> anyhow::Result<Shown> {
    let dossier_code = code.to_owned();
    let mut line = line.clone();
    let asked = line.inspect_dossier(InspectDossierRequest { dossier_code });
    let shown = asked
        .await
        .context("the dossier was not shown")?
        .into_inner();
    Ok(Shown {
        text: render(&shown, screen::columns()),
        json: as_json(&shown),
        any: true,
    })
}

fn render(shown: &InspectDossierResponse, columns: usize) -> String {
    let mut text = String::new();
    // A text cannot refuse to be written to.
    if !shown.quarantined.is_empty() {
        let _ = writeln!(
            text,
            "{}: {}\n",
            style("Quarantined").red().bold(),
            shown.quarantined
        );
    }
    if let Some(dossier) = &shown.dossier {
        text.push_str(&track::render(dossier, "", columns));
    } else if let Some(row) = &shown.row {
        text.push_str(&super::dossiers::table(std::slice::from_ref(row)).render(columns, 0));
    }
    let mut section = |heading: &str, table: Table, is_empty: bool| {
        if !is_empty {
            let _ = writeln!(
                text,
                "\n{}\n{}",
                style(heading).bold(),
                table.render(columns, 2).trim_end()
            );
        }
    };
    let mut retries = Table::new(["Step", "Round", "Department", "Tried", "Met", "Next"]);
    for one in &shown.retries {
        retries.row([
            one.step_id.clone(),
            one.round.to_string(),
            one.agency_code.clone(),
            one.attempts.to_string(),
            one.last_error.clone(),
            cells::at(&one.next_at),
        ]);
    }
    section(
        "Not taken yet, and tried again (đang thử lại)",
        retries,
        shown.retries.is_empty(),
    );
    section(
        "Incidents (sự cố)",
        incidents::table(&shown.incidents),
        shown.incidents.is_empty(),
    );
    let mut papers = Table::new(["Evidence", "Version", "Documents", "From", "By", "Given"]);
    for paper in &shown.papers {
        papers.row([
            paper.name.clone(),
            paper.version.to_string(),
            cells::count(paper.documents),
            words::source(paper.source()).into(),
            paper.given_by_agency_code.clone(),
            cells::at(&paper.given_at),
        ]);
    }
    section(
        "Evidence, without content (thành phần hồ sơ)",
        papers,
        shown.papers.is_empty(),
    );
    let mut timeline = Table::new(["#", "When", "What", "Step", "Round", "System"]);
    for entry in &shown.timeline {
        timeline.row([
            entry.sequence.to_string(),
            cells::at(&entry.at),
            entry.event.replace('_', " "),
            entry.step_id.clone(),
            cells::count(entry.round),
            entry.system.clone(),
        ]);
    }
    section(
        "What happened (diễn biến)",
        timeline,
        shown.timeline.is_empty(),
    );
    text
}

fn as_json(shown: &InspectDossierResponse) -> Value {
    let timeline = shown.timeline.iter().map(|one| {
        json!({
            "sequence": one.sequence,
            "at": json::instant(&one.at),
            "event": one.event,
            "system": one.system,
            "step_id": one.step_id,
            "round": one.round,
        })
    });
    let retries = shown.retries.iter().map(|one| {
        json!({
            "step_id": one.step_id,
            "round": one.round,
            "agency_code": one.agency_code,
            "attempts": one.attempts,
            "last_error": one.last_error,
            "next_at": json::instant(&one.next_at),
        })
    });
    let graph = shown.graph.iter().map(|one| {
        json!({
            "step_id": one.step_id,
            "after": one.after,
            "needs": one.needs,
            "gives": one.gives,
        })
    });
    let papers = shown.papers.iter().map(|one| {
        json!({
            "name": one.name,
            "title": cells::both(&one.title),
            "version": one.version,
            "documents": one.documents,
            "media_types": one.media_types,
            "has_data": one.has_data,
            "source": words::source(one.source()),
            "given_by_agency_code": one.given_by_agency_code,
            "given_by_step_id": one.given_by_step_id,
            "given_at": json::instant(&one.given_at),
        })
    });
    json!({
        "dossier": shown.dossier.as_ref().map(json::track),
        "row": shown.row.as_ref().map(cells::row),
        "quarantined": shown.quarantined,
        "incidents": shown.incidents.iter().map(incidents::as_json).collect::<Vec<_>>(),
        "timeline": timeline.collect::<Vec<_>>(),
        "retries": retries.collect::<Vec<_>>(),
        "graph": graph.collect::<Vec<_>>(),
        "papers": papers.collect::<Vec<_>>(),
    })
}
