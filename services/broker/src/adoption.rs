//! Adoption: open dossiers take up a changed calendar, one after the other. What is still to be done
//! is read from the store, so that a restart in the middle goes on where it stopped.

use crate::{bell::Belfry, ledger::Ledger, registry::Registry, store::Reader};
use dossier::{decide::Action, name::DossierId};
use node::shutdown::Shutdown;
use std::{sync::Arc, time::Duration};

/// Dossiers that are read at once.
const PAGE_DOSSIERS: usize = 100;
/// How long to wait after the store or the ledger could not take it.
const PAUSE: Duration = Duration::from_secs(5);

/// Looks for open dossiers whose calendar is no longer that of their territory, at the start and
/// whenever calendars may have changed, until the shutdown.
pub(crate) async fn run(
    ledger: Ledger,
    reader: Arc<dyn Reader>,
    registry: Registry,
    belfry: Belfry,
    shutdown: Shutdown,
) {
    loop {
        let is_done = tokio::select! {
            biased;
            () = shutdown.triggered() => return,
            adopted = adopt(&ledger, reader.as_ref(), &registry) => match adopted {
                Ok(0) => true,
                Ok(dossiers) => {
                    tracing::info!(dossiers, "open dossiers took up a changed calendar");
                    true
                }
                Err(why) => {
                    tracing::warn!(why, "open dossiers wait for their changed calendar");
                    false
                }
            },
        };
        tokio::select! {
            biased;
            () = shutdown.triggered() => return,
            () = belfry.calendars.notified() => {}
            () = tokio::time::sleep(PAUSE), if !is_done => {}
        }
    }
}

/// Lets every dossier take up the calendar of its territory. Says how many did.
pub(crate) async fn adopt(
    ledger: &Ledger,
    reader: &dyn Reader,
    registry: &Registry,
) -> Result<usize, String> {
    let followed = reader
        .calendars_followed()
        .map_err(|error| error.to_string())?;
    let (mut adopted, mut stuck) = (0, None);
    for (territory, calendar) in followed {
        if registry.calendar_of(&territory).digest == calendar {
            continue;
        }
        let Some(from) = registry.calendars().version(&calendar).cloned() else {
            stuck = Some(format!(
                "the store lost the text of calendar {calendar}, which open dossiers follow; restore a copy"
            ));
            continue;
        };
        let mut after = 0;
        loop {
            let page: Vec<(u64, DossierId)> = reader
                .following(&territory, &calendar, after, PAGE_DOSSIERS)
                .map_err(|error| error.to_string())?;
            let Some((last, _)) = page.last() else { break };
            after = *last;
            for (_, id) in page {
                // One that cannot go on now does not hold up those behind it.
                let from = from.clone();
                let action = Action::AdoptCalendar { from };
                match ledger.happen(id, None, action).await {
                    Ok(_) => adopted += 1,
                    Err(failure) => stuck = Some(failure.to_string()),
                }
            }
        }
    }
    stuck.map_or(Ok(adopted), Err)
}
