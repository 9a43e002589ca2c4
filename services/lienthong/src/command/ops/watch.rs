//! Tells what changes, as it does.

use super::{Ending, cells, line::OperatorArgs, shown::News};
use crate::screen::{json, tell, time, words};
use clap::Args;
use contract::v1::{DossierRow, WatchDossiersResponse};
use jiff::Timestamp;
use serde_json::json;

/// Tell what changes, a line each, until Ctrl-C; with --json for programs.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong ops watch\n  lienthong ops watch --json")]
pub(crate) struct WatchCommand {
    #[command(flatten)]
    operator: OperatorArgs,
}

impl WatchCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let mut news = News::new(self.operator.connect()?);
        let hearing = async {
            loop {
                say(&news.next().await?, json);
            }
        };
        tokio::select! {
            ended = hearing => ended,
            _ = tokio::signal::ctrl_c() => Ok(Ending::Fine),
        }
    }
}

fn say(told: &WatchDossiersResponse, as_json: bool) {
    if as_json {
        json::print_line(&json!({
            "cursor": told.cursor,
            "dossiers": told.dossiers.iter().map(cells::row).collect::<Vec<_>>(),
            "more": told.more,
            "incidents": told.incidents,
            "departments": told.departments,
        }));
        return;
    }
    let now = time::beside(Timestamp::now(), Some(Timestamp::now()));
    for row in &told.dossiers {
        tell!("{now}  {}", line(row));
    }
    for (is_so, what) in [
        (told.more, "more dossiers changed than are told"),
        (told.incidents, "incidents opened or closed"),
        (
            told.departments,
            "a department's connection or suspension changed",
        ),
    ] {
        if is_so {
            tell!("{now}  {what}");
        }
    }
}

fn line(row: &DossierRow) -> String {
    let mut said = format!("{}  {}", row.dossier_code, words::dossier(row.state()));
    for step in &row.open_steps {
        said.push_str(&format!(
            "  {} {} @{}",
            step.step_id,
            words::step(step.state()),
            step.agency_code
        ));
    }
    if row.overdue {
        said.push_str("  late");
    }
    said
}
