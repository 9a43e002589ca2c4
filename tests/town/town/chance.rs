//! Chance that can be had again: a seed, printed, from which everything else follows.

use std::time::{SystemTime, UNIX_EPOCH};

/// Numbers that look like chance (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// From `TOWN_SEED`, or from the clock; prints which, for when the test fails.
    pub(crate) fn new() -> Self {
        let of_the_clock = || {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .expect("a clock after 1970");
            now.as_nanos() as u64
        };
        let given = std::env::var("TOWN_SEED")
            .ok()
            .map(|seed| seed.parse().expect("a number"));
        let seed = given.unwrap_or_else(of_the_clock);
        println!("seed: TOWN_SEED={seed}");
        Self(seed)
    }

    /// From a seed that somebody else prints.
    pub(crate) fn from(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }
}
