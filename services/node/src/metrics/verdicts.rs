//! How often each verdict was given or heard.

use contract::v1::verdict::Outcome;
use std::sync::atomic::{AtomicU64, Ordering};

/// The words, in the order of the counts.
const WORDS: [&str; 4] = ["recorded", "refused", "later", "unknown"];

/// Counts verdicts.
#[derive(Debug, Default)]
pub struct Verdicts([AtomicU64; WORDS.len()]);

impl Verdicts {
    /// Counts one.
    pub fn note(&self, outcome: &Outcome) {
        let place = match outcome {
            Outcome::Recorded(_) => 0,
            Outcome::Refused(_) => 1,
            Outcome::Later(_) => 2,
            Outcome::Unknown(_) => 3,
        };
        self.0[place].fetch_add(1, Ordering::Relaxed);
    }

    /// Each verdict, and how often it was.
    pub fn by_word(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = WORDS.into_iter().zip(&self.0);
        counts.map(|(word, count)| (word, count.load(Ordering::Relaxed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use contract::v1;

    #[test]
    fn each_verdict_is_counted_under_its_word() {
        let verdicts = Verdicts::default();
        verdicts.note(&Outcome::Recorded(v1::Recorded::default()));
        for _ in 0..2 {
            verdicts.note(&Outcome::Unknown(v1::Unknown::default()));
        }
        let counts: Vec<_> = verdicts.by_word().collect();
        let expected = [
            ("recorded", 1),
            ("refused", 0),
            ("later", 0),
            ("unknown", 2),
        ];
        assert_eq!(counts, expected);
    }
}
