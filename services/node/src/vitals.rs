//! What a process cannot go on without: when such work ends before the shutdown, by a panic too, the
//! process shall end, so that whoever keeps it running starts it again. One that goes on without it
//! looks well and leaves things undone.

use crate::shutdown::Shutdown;
use std::future::Future;
use tokio::sync::watch;

/// Watches over vital work. Cheap to clone; all clones are the same handle.
#[derive(Debug, Clone)]
pub struct Vitals {
    shutdown: Shutdown,
    fallen: watch::Sender<Option<&'static str>>,
}

impl Vitals {
    /// Nothing is missed that ends after this shutdown.
    pub fn new(shutdown: Shutdown) -> Self {
        Self {
            shutdown,
            fallen: watch::Sender::new(None),
        }
    }

    /// Does `work`, which ends after the shutdown alone. `name` tells people what ended if it does not.
    pub fn watch<F: Future>(
        &self,
        name: &'static str,
        work: F,
    ) -> impl Future<Output = F::Output> + use<F> {
        let watch = Watch {
            name,
            vitals: self.clone(),
        };
        async move {
            let _watch = watch;
            work.await
        }
    }

    /// Watches something that is done elsewhere and tells its end: to be awaited beside other work, until the
    /// shutdown at the latest.
    pub fn watch_end<F: Future<Output = ()>>(
        &self,
        name: &'static str,
        end: F,
    ) -> impl Future<Output = ()> + use<F> {
        let shutdown = self.shutdown.clone();
        self.watch(name, async move {
            tokio::select! {
                () = shutdown.triggered() => {}
                () = end => {}
            }
        })
    }

    /// Waits until work has ended that must go on; gives the name of the first.
    pub async fn fallen(&self) -> &'static str {
        let mut fallen = self.fallen.subscribe();
        loop {
            if let Some(name) = *fallen.borrow_and_update() {
                return name;
            }
            if fallen.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// Goes with the work, however that ends.
struct Watch {
    name: &'static str,
    vitals: Vitals,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let Self { name, vitals } = self;
        if vitals.shutdown.is_triggered() {
            return;
        }
        vitals.fallen.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(name);
            is_first
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[tokio::test]
    async fn work_that_panics_is_named() {
        let vitals = Vitals::new(Shutdown::new());
        let goes_on = tokio::spawn(vitals.watch("the post", std::future::pending::<()>()));
        assert!(vitals.fallen().now_or_never().is_none());
        let panics = async { panic!("a bug") };
        let panicked = tokio::spawn(vitals.watch("the counter", panics)).await;
        assert!(panicked.is_err());
        assert_eq!(vitals.fallen().await, "the counter");
        goes_on.abort();
        assert!(goes_on.await.is_err());
        assert_eq!(vitals.fallen().await, "the counter", "the first counts");
    }

    #[tokio::test]
    async fn work_that_returns_too_early_is_named() {
        let vitals = Vitals::new(Shutdown::new());
        vitals.watch("the counter", async {}).await;
        assert_eq!(vitals.fallen().await, "the counter");
    }

    #[tokio::test]
    async fn an_end_elsewhere_is_waited_for_until_the_shutdown() {
        let shutdown = Shutdown::new();
        let vitals = Vitals::new(shutdown.clone());
        let never = vitals.watch_end("the door", std::future::pending());
        shutdown.trigger();
        never.await;
        assert!(vitals.fallen().now_or_never().is_none());

        let vitals = Vitals::new(Shutdown::new());
        vitals.watch_end("the door", async {}).await;
        assert_eq!(vitals.fallen().await, "the door");
    }

    #[tokio::test]
    async fn work_that_ends_after_the_shutdown_is_not_missed() {
        let shutdown = Shutdown::new();
        let vitals = Vitals::new(shutdown.clone());
        let ending = shutdown.clone();
        let work = tokio::spawn(vitals.watch("the counter", async move {
            ending.triggered().await;
        }));
        shutdown.trigger();
        work.await.unwrap();
        assert!(vitals.fallen().now_or_never().is_none());
    }
}
