//! Timers: durable, because they are owed; each fires once, late if the broker was down.

use crate::{
    bell::Belfry,
    ledger::{Ledger, Note},
    store::Reader,
};
use dossier::decide::Action;
use jiff::Timestamp;
use node::shutdown::Shutdown;
use std::{sync::Arc, time::Duration};

/// Timers that fire at once.
const FIRED_AT_ONCE_MAX: usize = 100;
/// How long to wait after the store or the ledger could not take it.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest sleep: clocks are set, and sleeps do not follow.
const SLEEP_MAX: Duration = Duration::from_secs(600);

/// Fires what is due until the shutdown.
pub async fn run(ledger: Ledger, reader: Arc<dyn Reader>, belfry: Belfry, shutdown: Shutdown) {
    loop {
        belfry.timers.look();
        let wait = match fire(&ledger, reader.as_ref(), &belfry).await {
            Ok(wait) => wait,
            Err(why) => {
                tracing::warn!(why, "timers wait");
                PAUSE
            }
        };
        tokio::select! {
            biased;
            () = shutdown.triggered() => return,
            () = belfry.timers.earlier() => {}
            () = tokio::time::sleep(wait.min(SLEEP_MAX)) => {}
        }
    }
}

/// Fires what is due, and gives the time until the next one. A timer that cannot fire now does not
/// hold up those behind it.
///
/// # Errors
/// The store cannot be read, or nothing that is due could fire.
async fn fire(ledger: &Ledger, reader: &dyn Reader, belfry: &Belfry) -> Result<Duration, String> {
    let now = Timestamp::now();
    let due = reader
        .timers_until(now, FIRED_AT_ONCE_MAX)
        .map_err(|error| error.to_string())?;
    let (mut fired, mut stuck) = (0, None);
    let (due, early): (Vec<_>, Vec<_>) = due.into_iter().partition(|timer| timer.row.due_at <= now);
    if !early.is_empty() {
        let note = Note {
            timers: early.iter().map(|timer| timer.dossier_id).collect(),
            ..Note::default()
        };
        match ledger.note(note).await {
            Ok(()) => fired += 1,
            Err(failure) => stuck = Some(failure),
        }
    }
    for timer in due {
        let Some(alarm) = timer.row.alarm else {
            continue;
        };
        let word = alarm.text();
        match ledger
            .happen(timer.dossier_id, None, Action::Ring(alarm))
            .await
        {
            Ok(_) => {
                fired += 1;
                tracing::info!(dossier_code = %timer.code, alarm = word, "a time has come");
            }
            Err(failure) => {
                tracing::debug!(dossier_code = %timer.code, alarm = word, %failure, "a time that has come was not recorded");
                stuck = Some(failure);
            }
        }
    }
    match stuck {
        Some(failure) if fired == 0 => return Err(failure.to_string()),
        // The same ones come first again: not at once.
        Some(_) => return Ok(PAUSE),
        None => {}
    }
    let next = reader.next_timer().map_err(|error| error.to_string())?;
    if let Some(at) = next {
        belfry.timers.wait_for(at);
    }
    Ok(next.map_or(SLEEP_MAX, |at| {
        Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
    }))
}
