//! Waiting: for a thing, never for a time; and what was waited for in vain is named.

use std::{future::Future, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// How long a test waits for a thing before it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at what nobody announces.
const LOOK: Duration = Duration::from_millis(3);

/// Waits for `thing` to come.
pub(crate) async fn patiently<T>(what: &str, thing: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, thing).await {
        Ok(thing) => thing,
        Err(_) => panic!("waited {PATIENCE:?} in vain for {what}"),
    }
}

/// Looks again and again until `look` finds something.
pub(crate) async fn until<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let begun = Instant::now();
    loop {
        if let Some(found) = patiently(what, look()).await {
            return found;
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain for {what}"
        );
        sleep(LOOK).await;
    }
}

/// Whether `thing` does not come while anybody could wait for it: the one case in which a test
/// waits for a time.
pub(crate) async fn stalled<T>(thing: impl Future<Output = T>) -> bool {
    timeout(Duration::from_secs(1), thing).await.is_err()
}
