//! Lists who did what, and verifies that nobody changed what is listed.

mod chain;

use super::{
    Ending, cells,
    line::{Line, OperatorArgs},
};
use crate::screen::{self, json, table::Table, tell};
use anyhow::Context as _;
use chain::{Chain, Mark};
use clap::Args;
use contract::v1::{AuditEntry, ListAuditRequest, ListAuditResponse};
use serde_json::{Value, json};

/// Entries of one page.
const PAGE_SIZE: u32 = 500;
/// What is said before where the chain breaks.
const NOT_VERIFIED: &str = "the audit log is not as it was written";

/// List who did what, the newest first; with --json also the hashes that chain it.
///
/// With --verify, read all of it instead, compute each hash anew, and fail with 1 where an entry was changed,
/// taken away or put elsewhere. Write down what it says of the last entry: only by that is it seen when
/// the newest are taken away, or everything is written anew.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  lienthong ops audit
  lienthong ops audit --dossier H99.01.01-20261122-0000001 --json
  lienthong ops audit --verify")]
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
    /// Verify all of it by its hashes; a filter would leave gaps.
    #[arg(long, conflicts_with_all = ["by", "dossier", "limit"])]
    verify: bool,
    /// Verify, too, that this entry still has the hash that an earlier --verify told.
    #[arg(long, value_name = "NUMBER:HASH", requires = "verify")]
    noted: Option<Mark>,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl AuditCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let mut line = self.operator.connect()?;
        if self.verify {
            return self.verify(line, json).await;
        }
        let (mut entries, mut page_token) = (Vec::new(), String::new());
        while entries.len() < self.limit {
            let left = u32::try_from(self.limit - entries.len()).unwrap_or(PAGE_SIZE);
            let page = self.page(&mut line, left.min(PAGE_SIZE), page_token);
            let page = page.await?;
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

    async fn verify(&self, mut line: Line, json: bool) -> anyhow::Result<Ending> {
        let (mut chain, mut page_token) = (Chain::new(self.noted), String::new());
        loop {
            let page = self.page(&mut line, PAGE_SIZE, page_token).await?;
            page_token = page.next_page_token;
            let is_last = page_token.is_empty() || page.entries.is_empty();
            for entry in page.entries {
                chain.back_to(entry).context(NOT_VERIFIED)?;
            }
            if is_last {
                break;
            }
        }
        let last = chain.end().context(NOT_VERIFIED)?;
        if json {
            json::print(&json!({
                "verified": last.map_or(0, |last| last.number),
                "last": last.map(|Mark { number, hash }| {
                    json!({ "number": number, "hash": hash.to_string() })
                }),
            }))?;
        } else if let Some(last) = last {
            tell!("Entries verified: {}", last.number);
            if let Some(noted) = self.noted {
                tell!("As it was noted: {noted}");
            }
            tell!("Note the last, for --noted next time: {last}");
        } else {
            tell!("Nobody did anything.");
        }
        Ok(Ending::found(last.is_some()))
    }

    async fn page(
        &self,
        line: &mut Line,
        page_size: u32,
        page_token: String,
    ) -> anyhow::Result<ListAuditResponse> {
        let request = ListAuditRequest {
            page_size,
            page_token,
            operator: self.by.clone().unwrap_or_default(),
            dossier_code: self.dossier.clone().unwrap_or_default(),
        };
        let page = line.list_audit(request).await;
        Ok(page.context("the audit log was not listed")?.into_inner())
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
