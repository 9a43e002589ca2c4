//! Waiting before trying again: exponential, with jitter, so that a hundred departments that lost
//! the same broker do not come back in one instant.

use crate::config::Times;
use std::time::Duration;

/// The pause before the next attempt, after `failures` in a row.
pub(crate) fn pause(times: &Times, failures: u32) -> Duration {
    let doubled = times
        .back_off_ms_min
        .saturating_mul(1 << failures.saturating_sub(1).min(20));
    let whole = doubled.min(times.back_off_ms_max.max(1));
    // Half of it is certain, the other half is drawn.
    let drawn = uuid::Uuid::new_v4().as_u128() as u64 % (whole / 2 + 1);
    Duration::from_millis(whole / 2 + drawn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_doubles_up_to_its_limit() {
        let times = Times {
            back_off_ms_min: 100,
            back_off_ms_max: 1_000,
            ..Times::default()
        };
        for (failures, at_most) in [
            (1, 100),
            (2, 200),
            (3, 400),
            (4, 800),
            (5, 1_000),
            (99, 1_000),
        ] {
            let pause = pause(&times, failures).as_millis();
            assert!(
                pause >= at_most / 2 && pause <= at_most,
                "{failures}: {pause}"
            );
        }
    }
}
