//! Shows the handler what the department was told, until it took it.

use crate::{back_off, counter::Counter, handler::Handler};
use futures_util::FutureExt as _;
use node::shutdown::Shutdown;
use std::{panic::AssertUnwindSafe, sync::Arc};

/// Notices that are read from the store at once.
const READ_MAX: usize = 256;

/// Works until `shutdown`; what was not taken then is shown again at the next start.
pub(crate) async fn run(counter: Arc<Counter>, handler: Arc<dyn Handler>, shutdown: Shutdown) {
    let mut failures = 0;
    loop {
        let all_taken = tokio::select! {
            () = shutdown.triggered() => return,
            taken = show(&counter, handler.as_ref()) => taken,
        };
        failures = if all_taken { 0 } else { failures + 1 };
        let pause = back_off::pause(&counter.config.times, failures);
        tokio::select! {
            () = shutdown.triggered() => return,
            () = counter.told.notified() => {}
            () = tokio::time::sleep(pause), if !all_taken => {}
        }
    }
}

/// Shows what was not taken yet; false when some of it must be shown again.
async fn show(counter: &Counter, handler: &dyn Handler) -> bool {
    let mut all_taken = true;
    loop {
        let untold = match counter.store.untold(READ_MAX).await {
            Ok(untold) => untold,
            Err(error) => {
                tracing::error!(%error, "notices cannot be read");
                counter.note_failed_write();
                return false;
            }
        };
        let (count, mut taken) = (untold.len(), 0);
        for one in untold {
            if one.is_of_newest {
                let shown = AssertUnwindSafe(handler.notified(one.notice.clone())).catch_unwind();
                // Whatever an error says may be personal: it is not told.
                if !matches!(shown.await, Ok(Ok(()))) {
                    let code = &one.notice.dossier_code;
                    tracing::error!(
                        dossier_code = code,
                        "the handler did not take a notice; it is shown again"
                    );
                    all_taken = false;
                    continue;
                }
            }
            if let Err(error) = counter.store.told(&one).await {
                tracing::error!(%error, "a notice that was shown is shown again");
                counter.note_failed_write();
                return false;
            }
            taken += 1;
        }
        if taken == 0 || count < READ_MAX {
            return all_taken;
        }
    }
}
