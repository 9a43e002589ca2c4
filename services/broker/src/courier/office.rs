//! The office: what every courier works with, and how long it lets something rest.

use crate::{
    access::Access, bell::Belfry, config::CourierConfig, exchange::Greeting, hot::Hot,
    ledger::Ledger, reconcile::Lives, registry::Registry, standings::Standings, store::Reader,
    suspensions::Suspensions,
};
use jiff::{SignedDuration, Timestamp};
use node::{stream::StreamLimits, tls::Credentials, traces::Tracer};
use std::{sync::Arc, time::Duration};

/// What every courier works with. Cheap to clone.
#[derive(Clone)]
pub struct Office {
    /// Where it is recorded what became of a handover.
    pub ledger: Ledger,
    /// What is owed is read from here.
    pub reader: Arc<dyn Reader>,
    /// Dossiers, for making handovers.
    pub hot: Hot,
    /// Which system acts for which department, and where it is.
    pub registry: Registry,
    /// Who we are.
    pub credentials: Credentials,
    /// Whether a department's system may still act for it.
    pub access: Access,
    /// What wakes couriers.
    pub belfry: Belfry,
    /// What we say first.
    pub greeting: Greeting,
    /// Whose acknowledgements still count.
    pub lives: Lives,
    /// Where it is written how a department does.
    pub standings: Standings,
    /// To whom nothing is handed over.
    pub suspensions: Suspensions,
    /// Makes spans.
    pub tracer: Tracer,
    /// How to try.
    pub config: CourierConfig,
    /// Limits of streams.
    pub limits: StreamLimits,
}

impl Office {
    /// No pause is shorter or longer than the configuration has it, whoever asks for it.
    pub(super) fn after(&self, pause: Duration) -> Timestamp {
        let pause = within(&self.config, pause);
        Timestamp::now()
            .saturating_add(SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX))
            .unwrap_or(Timestamp::MAX)
    }

    /// Exponential, with jitter of a half.
    pub(super) fn pause_after(&self, failures: u32) -> Duration {
        let CourierConfig {
            back_off_ms_min,
            back_off_ms_max,
            ..
        } = self.config;
        let ms = back_off_ms_min
            .saturating_mul(1 << failures.saturating_sub(1).min(20))
            .clamp(back_off_ms_min, back_off_ms_max.max(back_off_ms_min));
        let half = ms / 2;
        Duration::from_millis(half + rand::random_range(0..=half.max(1)))
    }

    /// Between two tries at most.
    pub(super) fn longest_pause(&self) -> Duration {
        within(&self.config, Duration::MAX)
    }
}

fn within(config: &CourierConfig, pause: Duration) -> Duration {
    let min = Duration::from_millis(config.back_off_ms_min);
    pause.clamp(min, Duration::from_millis(config.back_off_ms_max).max(min))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pause_that_a_department_asks_for_is_beyond_ours() {
        let config = CourierConfig::default();
        let ms = Duration::from_millis;
        let year = Duration::from_secs(365 * 24 * 3600);
        assert_eq!(within(&config, year), ms(config.back_off_ms_max));
        assert_eq!(within(&config, Duration::ZERO), ms(config.back_off_ms_min));
        assert_eq!(within(&config, ms(1_000)), ms(1_000));
    }
}
