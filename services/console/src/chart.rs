//! Charts as SVG, drawn here: no script, nothing inline that the policy would forbid, and each beside a
//! table that says the same.

pub(crate) mod clocks;
pub(crate) mod flow;
pub(crate) mod graph;
pub(crate) mod histogram;
pub(crate) mod sparkline;

/// A text, short enough for its place.
pub(crate) fn shortened(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// A coordinate, short.
pub(crate) fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
