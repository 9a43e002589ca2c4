//! How long things took: the quantiles of a histogram of microseconds.

use hdrhistogram::Histogram;
use serde::Serialize;

/// Microseconds that are counted up to: ten minutes.
const US_MAX: u64 = 600_000_000;
/// Significant figures kept.
const FIGURES: u8 = 3;

/// Quantiles, microseconds.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Quantiles {
    /// How many were counted.
    pub(crate) count: u64,
    /// The median.
    pub(crate) p50: u64,
    /// 90 %.
    pub(crate) p90: u64,
    /// 99 %.
    pub(crate) p99: u64,
    /// 99.9 %.
    pub(crate) p999: u64,
    /// The longest.
    pub(crate) max: u64,
}

impl Quantiles {
    /// Of values and how often each was counted.
    pub(crate) fn of(pairs: &[(u64, u64)]) -> Self {
        let mut all =
            Histogram::<u64>::new_with_max(US_MAX, FIGURES).expect("the bounds are in order");
        for (value, count) in pairs {
            // Values came out of such a histogram.
            all.saturating_record_n(*value, *count);
        }
        Self {
            count: all.len(),
            p50: all.value_at_quantile(0.5),
            p90: all.value_at_quantile(0.9),
            p99: all.value_at_quantile(0.99),
            p999: all.value_at_quantile(0.999),
            max: all.max(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_hundred_is_above_the_99th_of_a_hundred() {
        let found = Quantiles::of(&[(100, 99), (10_000, 1)]);
        assert_eq!((found.count, found.p50, found.p99), (100, 100, 100));
        assert!((9_990..=10_010).contains(&found.max), "{found:?}");
        assert_eq!(found.p999, found.max);
    }
}
