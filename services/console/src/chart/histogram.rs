//! How long something took, as a histogram: an average hides those who waited long.

use super::at;
use crate::{frame::grouped, language::Language, time, words::Words};
use contract::v1::Distribution;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 96.0;
const FLOOR: f64 = 76.0;
const CEILING: f64 = 12.0;
const GAP: f64 = 2.0;
/// The goals of NĐ 61/2018/NĐ-CP Art 27 and of the digital one-stop shop, seconds.
pub(crate) const GOALS_SECONDS: [u64; 2] = [15 * 60, 30 * 60];

pub(crate) struct Bar {
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) width: String,
    pub(crate) height: String,
    pub(crate) title: String,
    pub(crate) count: u64,
    pub(crate) bucket: String,
}

pub(crate) struct Mark {
    pub(crate) x: String,
    pub(crate) label: String,
}

pub(crate) struct Histogram {
    pub(crate) name: String,
    pub(crate) agency_code: String,
    pub(crate) agency_name: String,
    pub(crate) bars: Vec<Bar>,
    pub(crate) ticks: Vec<Mark>,
    pub(crate) goals: Vec<Mark>,
    pub(crate) total: u64,
    /// "half within 2 h; nine of ten within 1 d".
    pub(crate) said: String,
    pub(crate) width: String,
    pub(crate) height: String,
    pub(crate) floor: String,
}

/// How a distribution is called.
pub(crate) fn name(name: &str, words: &Words) -> String {
    match name {
        "waiting" => words.distribution_waiting.into(),
        "held" => words.distribution_held.into(),
        other => other.to_owned(),
    }
}

/// Draws it; none when nothing was counted or what was sent does not fit together.
pub(crate) fn draw(
    distribution: &Distribution,
    words: &Words,
    language: Language,
) -> Option<Histogram> {
    let (bounds, counts) = (&distribution.bounds_seconds, &distribution.counts);
    let total: u64 = counts.iter().sum();
    if total == 0 || counts.len() != bounds.len() + 1 {
        return None;
    }
    let slot = WIDTH / counts.len() as f64;
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let bars = counts.iter().enumerate().map(|(n, count)| {
        let share = *count as f64 / most as f64;
        let height = if *count == 0 {
            0.0
        } else {
            (share * (FLOOR - CEILING)).max(2.0)
        };
        let bucket = bucket(bounds, n, language);
        Bar {
            x: at(n as f64 * slot + GAP / 2.0),
            y: at(FLOOR - height),
            width: at((slot - GAP).max(1.0)),
            height: at(height),
            title: format!("{bucket}: {}", grouped(*count, language)),
            count: *count,
            bucket,
        }
    });
    let every = counts.len().div_ceil(4).max(1);
    let ticks = bounds
        .iter()
        .enumerate()
        .filter(|(n, _)| (n + 1).is_multiple_of(every));
    let ticks = ticks.map(|(n, bound)| Mark {
        x: at((n + 1) as f64 * slot),
        label: time::span(*bound, language),
    });
    let goals = match distribution.name.as_str() {
        "waiting" => GOALS_SECONDS.to_vec(),
        _ => Vec::new(),
    };
    let goals = goals.into_iter().filter_map(|goal| {
        let n = bounds.iter().position(|bound| *bound == goal)?;
        Some(Mark {
            x: at((n + 1) as f64 * slot),
            label: time::span(goal, language),
        })
    });
    Some(Histogram {
        name: name(&distribution.name, words),
        agency_code: distribution.agency_code.clone(),
        agency_name: if distribution.agency_name.is_empty() {
            distribution.agency_code.clone()
        } else {
            distribution.agency_name.clone()
        },
        bars: bars.collect(),
        ticks: ticks.collect(),
        goals: goals.collect(),
        total,
        said: said(bounds, counts, total, language),
        width: at(WIDTH),
        height: at(HEIGHT),
        floor: at(FLOOR),
    })
}

fn bucket(bounds: &[u64], n: usize, language: Language) -> String {
    let span = |bound: &u64| time::span(*bound, language);
    match (n.checked_sub(1).and_then(|n| bounds.get(n)), bounds.get(n)) {
        (None, Some(upper)) => format!("≤ {}", span(upper)),
        (Some(lower), Some(upper)) => format!("{} – {}", span(lower), span(upper)),
        (Some(lower), None) => format!("> {}", span(lower)),
        (None, None) => "–".into(),
    }
}

/// What the bars say, in words: within what half and nine of ten were.
fn said(bounds: &[u64], counts: &[u64], total: u64, language: Language) -> String {
    let within = |tenths: u64| {
        let wanted = (total * tenths).div_ceil(10);
        let mut sum = 0;
        let n = counts.iter().position(|count| {
            sum += count;
            sum >= wanted
        });
        match n.and_then(|n| bounds.get(n)) {
            Some(bound) => format!("≤ {}", time::span(*bound, language)),
            None => bounds.last().map_or("–".into(), |bound| {
                format!("> {}", time::span(*bound, language))
            }),
        }
    };
    match language {
        Language::Vi => format!("một nửa {}; 9/10 {}", within(5), within(9)),
        Language::En => format!("half {}; 9 of 10 {}", within(5), within(9)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(counts: &[u64]) -> Distribution {
        Distribution {
            name: "waiting".into(),
            bounds_seconds: vec![300, 900, 1_800, 3_600],
            counts: counts.to_vec(),
            ..Distribution::default()
        }
    }

    #[test]
    fn a_histogram_says_within_what_half_and_nine_of_ten_were() {
        let words = Words::of(Language::En);
        let drawn = draw(&waiting(&[5, 3, 1, 0, 1]), words, Language::En).unwrap();
        assert_eq!(drawn.said, "half ≤ 5 min; 9 of 10 ≤ 30 min");
        assert_eq!(drawn.bars.len(), 5);
        assert_eq!(drawn.goals.len(), 2);
        assert_eq!(drawn.bars[4].bucket, "> 1 h");
    }

    #[test]
    fn what_was_never_counted_or_does_not_fit_together_is_not_drawn() {
        let words = Words::of(Language::Vi);
        assert!(draw(&waiting(&[0; 5]), words, Language::Vi).is_none());
        assert!(draw(&waiting(&[1; 3]), words, Language::Vi).is_none());
    }
}
