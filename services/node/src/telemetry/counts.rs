//! How many lines the log of this process has, by level.

use std::sync::atomic::{AtomicU64, Ordering};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{Layer, layer::Context};

/// The levels, and how many lines each has.
static TOLD: [(Level, &str, AtomicU64); 5] = [
    (Level::ERROR, "error", AtomicU64::new(0)),
    (Level::WARN, "warn", AtomicU64::new(0)),
    (Level::INFO, "info", AtomicU64::new(0)),
    (Level::DEBUG, "debug", AtomicU64::new(0)),
    (Level::TRACE, "trace", AtomicU64::new(0)),
];

/// Counts the lines that the filter lets through.
#[derive(Debug)]
pub(super) struct Counts;

impl<S: Subscriber> Layer<S> for Counts {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = event.metadata().level();
        for (one, _, count) in &TOLD {
            if one == level {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// How many lines were told of each level since the process started.
pub fn told() -> impl Iterator<Item = (&'static str, u64)> {
    let told = |(_, level, count): &'static (Level, &'static str, AtomicU64)| {
        (*level, count.load(Ordering::Relaxed))
    };
    TOLD.iter().map(told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt as _;

    #[test]
    fn lines_are_counted_by_their_level() {
        let count = |level: &str| told().find(|(one, _)| *one == level).map(|(_, n)| n);
        let before = count("trace").unwrap();
        let log = tracing_subscriber::registry().with(Counts);
        tracing::subscriber::with_default(log, || tracing::trace!("told"));
        assert!(count("trace").unwrap() > before);
    }
}
