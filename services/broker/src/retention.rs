//! Retention: erases what is personal of dossiers that closed long enough ago.

use crate::{documents::Documents, ledger::Ledger, store::Reader};
use jiff::{SignedDuration, Timestamp};
use node::shutdown::Shutdown;
use std::{sync::Arc, time::Duration};

/// Dossiers that are erased in one transaction: the ledger waits for it.
const ERASED_AT_ONCE_MAX: usize = 100;
/// Between two looks at what may go.
const INTERVAL: Duration = Duration::from_secs(3600);

/// Erases until the shutdown what closed more than so many days ago.
pub(crate) async fn run(
    keep_days: u32,
    ledger: Ledger,
    reader: Arc<dyn Reader>,
    documents: Documents,
    shutdown: Shutdown,
) {
    loop {
        match erase(keep_days, &ledger, reader.as_ref(), &documents).await {
            Ok(0) => {}
            Ok(erased) => tracing::info!(erased, keep_days, "personal values were erased"),
            Err(why) => tracing::warn!(why, "personal values wait to be erased"),
        }
        // Which documents an erased dossier named is said once, and may be lost with a doubt.
        match documents.sweep_unclaimed(Timestamp::now()).await {
            Ok(0) => {}
            Ok(swept) => tracing::info!(swept, "documents of erased dossiers were swept"),
            Err(error) => {
                tracing::warn!(%error, "documents of erased dossiers wait for the next round");
            }
        }
        tokio::select! {
            biased;
            () = shutdown.triggered() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// Erases all that may go now, and says of how many dossiers.
///
/// # Errors
/// The store does not read or take it; the rest is for the next time.
pub(crate) async fn erase(
    keep_days: u32,
    ledger: &Ledger,
    reader: &dyn Reader,
    documents: &Documents,
) -> Result<usize, String> {
    let kept = SignedDuration::from_hours(24 * i64::from(keep_days));
    let now = Timestamp::now();
    let before = now.checked_sub(kept).map_err(|error| error.to_string())?;
    let mut count = 0;
    loop {
        let due = reader
            .closed_before(before, ERASED_AT_ONCE_MAX)
            .map_err(|error| error.to_string())?;
        let erased = ledger.erase(due).await.map_err(|error| error.to_string())?;
        if erased.is_empty() {
            return Ok(count);
        }
        count += erased.len();
        for one in erased {
            if let Err(error) = documents.let_go(one.documents, now).await {
                tracing::warn!(%error, "documents of an erased dossier wait for the sweep");
            }
        }
    }
}
