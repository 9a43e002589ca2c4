//! Lists the procedures in force.

use super::{
    Ending, cells,
    line::{Line, OperatorArgs},
    shown::{Shown, WatchArgs},
};
use crate::screen::{self, table::Table};
use anyhow::Context as _;
use clap::Args;
use contract::v1::ListProceduresRequest;
use serde_json::json;

/// List the procedures in force, and how many dossiers of each are open.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong ops procedures")]
pub(crate) struct ProceduresCommand {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(flatten)]
    watch: WatchArgs,
}

impl ProceduresCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let line = self.operator.connect()?;
        self.watch
            .show(&line, json, async || look(&line).await)
            .await
    }
}

async fn look(line: &Line) -> anyhow::Result<Shown> {
    let asked = line.clone().list_procedures(ListProceduresRequest {}).await;
    let procedures = asked
        .context("the procedures were not listed")?
        .into_inner()
        .procedures;
    let mut table = Table::new(["Procedure", "Title", "Open", "Suspended"]);
    for one in &procedures {
        table.row([
            one.procedure_code.clone(),
            cells::en(&one.title),
            one.open.to_string(),
            cells::yes(one.suspended, "suspended"),
        ]);
    }
    let told = procedures.iter().map(|one| {
        json!({
            "procedure_code": one.procedure_code,
            "title": cells::both(&one.title),
            "open": one.open,
            "suspended": one.suspended,
        })
    });
    Ok(Shown {
        text: table.render(screen::columns(), 0),
        json: json!({ "procedures": told.collect::<Vec<_>>() }),
        any: !procedures.is_empty(),
    })
}
