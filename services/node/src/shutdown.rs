//! The end of a process: one handle that everybody watches, and a deadline for what is still going on.

use std::{future::Future, io, time::Duration};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Says that the process is to end. Cheap to clone; all clones are the same handle.
#[derive(Debug, Clone, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

/// Work was still going on when the deadline came.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not everything had ended after {deadline:?}; what is durable goes on at the next start")]
pub struct DrainOverdue {
    /// The time that was given.
    pub deadline: Duration,
}

impl Shutdown {
    /// A handle that nobody has triggered.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says that the process is to end. Saying it again changes nothing.
    pub fn trigger(&self) {
        self.token.cancel();
    }

    /// Waits until somebody has called [`trigger`](Self::trigger).
    pub async fn triggered(&self) {
        self.token.cancelled().await;
    }

    /// Whether somebody has called [`trigger`](Self::trigger).
    pub fn is_triggered(&self) -> bool {
        self.token.is_cancelled()
    }

    /// A handle that ends with this one and can be ended alone.
    pub fn child(&self) -> Self {
        Self {
            token: self.token.child_token(),
        }
    }

    /// Triggers at SIGTERM and SIGINT, from now on.
    ///
    /// # Errors
    /// The operating system refuses to register a signal handler.
    pub fn on_signals(&self) -> io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
                () = shutdown.triggered() => return,
            };
            tracing::info!(signal = name, "ending: no new work is taken");
            shutdown.trigger();
        });
        Ok(())
    }
}

/// Waits for `work` to end by itself, at most for `deadline`. A task tracker is drained by closing
/// it and giving `tracker.wait()`.
///
/// # Errors
/// [`DrainOverdue`] when the deadline came first; `work` is dropped then.
pub async fn drain<F: Future>(deadline: Duration, work: F) -> Result<F::Output, DrainOverdue> {
    tokio::time::timeout(deadline, work)
        .await
        .map_err(|_| DrainOverdue { deadline })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio_util::task::TaskTracker;

    #[tokio::test]
    async fn everybody_who_waits_hears_the_trigger() {
        let shutdown = Shutdown::new();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let shutdown = shutdown.clone();
                tokio::spawn(async move { shutdown.triggered().await })
            })
            .collect();
        assert!(!shutdown.is_triggered());
        shutdown.trigger();
        for task in waiting {
            task.await.unwrap();
        }
        shutdown.triggered().await;
        assert!(shutdown.is_triggered());
    }

    #[tokio::test]
    async fn a_child_ends_with_its_parent_and_not_the_other_way_round() {
        let parent = Shutdown::new();
        let (first, second) = (parent.child(), parent.child());
        first.trigger();
        assert!(!parent.is_triggered() && !second.is_triggered());
        parent.trigger();
        assert!(second.is_triggered());
    }

    #[tokio::test(start_paused = true)]
    async fn draining_waits_for_the_work_but_not_for_ever() {
        let tracker = TaskTracker::new();
        tracker.spawn(tokio::time::sleep(Duration::from_secs(1)));
        tracker.close();
        assert_eq!(drain(Duration::from_secs(2), tracker.wait()).await, Ok(()));

        let deadline = Duration::from_secs(2);
        assert_eq!(
            drain(deadline, pending::<()>()).await,
            Err(DrainOverdue { deadline })
        );
    }

    #[tokio::test]
    async fn sigterm_triggers() {
        let shutdown = Shutdown::new();
        shutdown.on_signals().unwrap();
        let myself = std::process::id().to_string();
        let sent = tokio::process::Command::new("sh")
            .args(["-c", &format!("kill -TERM {myself}")])
            .status()
            .await
            .unwrap();
        assert!(sent.success());
        shutdown.triggered().await;
    }
}
