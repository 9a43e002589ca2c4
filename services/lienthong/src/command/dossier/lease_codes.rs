//! Leases dossier codes, so that a desk can print one while the broker is away.

use super::DeskArgs;
use crate::screen::{json, tell};
use anyhow::bail;
use clap::Args;
use desk::{Desk, OpenError, StoreError};
use node::embedded::EmbeddedError;
use serde_json::json;

/// Lease dossier codes and keep them for this desk: dossiers get theirs at once then.
///
/// A desk that runs does this by itself: see `codes_kept` in its configuration.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong dossier lease-codes --count 50")]
pub(crate) struct LeaseCodesCommand {
    /// How many, at most 1,000.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    count: u32,
    #[command(flatten)]
    desk: DeskArgs,
}

impl LeaseCodesCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let desk = match Desk::open(self.desk.config()?) {
            Err(OpenError::Store(StoreError::Embedded(EmbeddedError::InUse { path }))) => bail!(
                "a desk runs on {}; it leases codes itself when limits.codes_kept says how many",
                path.display()
            ),
            desk => desk?,
        };
        let leased = desk.lease_codes(self.count).await;
        let free = desk.codes_free().await;
        desk.close().await;
        let (leased, free) = (leased?, free?);
        if json {
            return json::print(&json!({ "leased": leased, "free": free }));
        }
        for code in &leased {
            tell!("{code}");
        }
        tell!("{free} codes are free (mã còn lại)");
        Ok(())
    }
}
