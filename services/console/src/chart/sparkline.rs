//! The curve of a department's backlog over the last hour.

use super::at;

const WIDTH: f64 = 240.0;
const HEIGHT: f64 = 44.0;
const MARGIN: f64 = 3.0;

pub(crate) struct Sparkline {
    pub(crate) line: String,
    pub(crate) area: String,
    pub(crate) width: String,
    pub(crate) height: String,
    pub(crate) most: u64,
    pub(crate) last: u64,
}

/// Draws it; none with fewer than two minutes.
pub(crate) fn draw(by_minute: &[u64]) -> Option<Sparkline> {
    let last = *by_minute.last()?;
    if by_minute.len() < 2 {
        return None;
    }
    let most = by_minute.iter().copied().max().unwrap_or(0);
    let step = WIDTH / (by_minute.len() - 1) as f64;
    let room = HEIGHT - 2.0 * MARGIN;
    let points = by_minute.iter().enumerate().map(|(n, owed)| {
        let share = *owed as f64 / most.max(1) as f64;
        format!(
            "{} {}",
            at(n as f64 * step),
            at(HEIGHT - MARGIN - share * room)
        )
    });
    let points: Vec<_> = points.collect();
    let line = format!("M{}", points.join("L"));
    Some(Sparkline {
        area: format!("{line}L{} {}L0 {}Z", at(WIDTH), at(HEIGHT), at(HEIGHT)),
        line,
        width: at(WIDTH),
        height: at(HEIGHT),
        most,
        last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_goes_from_edge_to_edge_and_knows_its_most() {
        let drawn = draw(&[0, 4, 2]).unwrap();
        assert_eq!((drawn.most, drawn.last), (4, 2));
        assert!(drawn.line.starts_with("M0 41") && drawn.line.contains("240 "));
        assert!(draw(&[]).is_none() && draw(&[1]).is_none());
        assert!(draw(&[0, 0]).is_some());
    }
}
