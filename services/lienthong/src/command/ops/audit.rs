//! Lists who did what.

use super::{Ending, cells, line::OperatorArgs};
use crate::screen::{self, json, table::Table, tell};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{AuditEntry, ListAuditRequest};
use serde_json::{Value, json};

/// Entries of one page.
const PAGE_SIZE: u32 = 500;

/// List who did what, the newest first; with --json also the hashes that chain it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong ops audit\n  lienthong ops audit --dossier H99.01.01-20261122-0000001 --json"
)]
pub(crate) struct AuditCommand {
    /// Only what this operator did, by identity.
    #[arg(long, value_name = "IDENTITY")]
    by: Option<String>,
    /// Only about this dossier.
    #[arg(long, value_name = "CODE")]
    dossier: Option<String>,
    /// At most so many.
    #[arg(long, default_value_t = 100)]
    limit: usize,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl AuditCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let mut line = self.operator.connect()?;
        let (mut entries, mut page_token) = (Vec::new(), String::new());
        while entries.len() < self.limit {
            let left = u32::try_from(self.limit - entries.len()).unwrap_or(PAGE_SIZE);
            let request = ListAuditRequest {
                page_size: left.min(PAGE_SIZE),
                page_token,
                operator: self.by.clone().unwrap_or_default(),
                dossier_code: self.dossier.clone().unwrap_or_default(),
            };
            let page = line.list_audit(request).await;
            let page = page.context("the audit log was not listed")?.into_inner();
            entries.extend(page.entries);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        if json {
            json::print(&json!({ "entries": entries.iter().map(as_json).collect::<Vec<_>>() }))?;
        } else if entries.is_empty() {
            tell!("Nobody did anything.");
        } else {
            tell!(
                "{}",
                table(&entries).render(screen::columns(), 0).trim_end()
            );
        }
        Ok(Ending::found(!entries.is_empty()))
    }
}

fn table(entries: &[AuditEntry]) -> Table {
    let mut table = Table::new([
        "#", "When", "Who", "Call", "Dossier", "About", "Before", "After", "Why", "Via",
    ]);
    for one in entries {
        // The last part of an identity is the operator's code.
        let short = |identity: &str| identity.rsplit('/').next().unwrap_or_default().to_owned();
        table.row([
            one.number.to_string(),
            cells::at(&one.at),
            short(&one.operator),
            one.call.clone(),
            one.dossier_code.clone(),
            one.subject.clone(),
            one.before.clone(),
            one.after.clone(),
            one.reason.clone(),
            short(&one.via),
        ]);
    }
    table
}

fn as_json(one: &AuditEntry) -> Value {
    json!({
        "number": one.number,
        "at": json::instant(&one.at),
        "operator": one.operator,
        "via": one.via,
        "call": one.call,
        "dossier_code": one.dossier_code,
        "subject": one.subject,
        "before": one.before,
        "after": one.after,
        "reason": one.reason,
        "hash": hex::encode(&one.hash),
    })
}
