//! One dossier's clocks over time: for each part when its clock ran and stood still, and for each step when
//! it was on its way and when a department had it.

use super::{at, shortened};
use crate::{frame::Frame, time};
use contract::v1::{PartState, TrackResponse};
use jiff::Timestamp;

const WIDTH: f64 = 960.0;
const LABELS: f64 = 230.0;
const ROW: f64 = 24.0;
const BAR: f64 = 13.0;
const TOP: f64 = 20.0;
const LABEL_CHARS: usize = 32;
const THIN: f64 = 2.0;

/// A stretch of time in a row.
pub(crate) struct Stretch {
    pub(crate) class: &'static str,
    pub(crate) x: String,
    pub(crate) width: String,
    pub(crate) title: String,
}

/// A part or a step.
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) is_part: bool,
    pub(crate) text_y: String,
    pub(crate) bar_y: String,
    pub(crate) stretches: Vec<Stretch>,
    /// Where its limit ends, if that is in the picture.
    pub(crate) limit: Option<String>,
}

/// The whole picture.
pub(crate) struct Clocks {
    pub(crate) width: String,
    pub(crate) height: String,
    pub(crate) bar: String,
    pub(crate) label_x: String,
    pub(crate) from: String,
    pub(crate) until: String,
    pub(crate) rows: Vec<Row>,
}

struct Scale {
    from: Timestamp,
    seconds: f64,
}

impl Scale {
    fn x(&self, at: Timestamp) -> f64 {
        let since = at.duration_since(self.from).as_secs_f64();
        LABELS + (since / self.seconds).clamp(0.0, 1.0) * (WIDTH - LABELS)
    }

    fn stretch(
        &self,
        class: &'static str,
        from: Timestamp,
        until: Timestamp,
        what: &str,
    ) -> Stretch {
        let (x0, x1) = (self.x(from), self.x(until));
        Stretch {
            class,
            x: at(x0.min(WIDTH - THIN)),
            width: at((x1 - x0).max(THIN)),
            title: format!("{what}: {} – {}", time::minute(from), time::minute(until)),
        }
    }

    fn within(&self, at_: Timestamp) -> Option<String> {
        let since = at_.duration_since(self.from).as_secs_f64();
        (0.0..=self.seconds)
            .contains(&since)
            .then(|| at(self.x(at_)))
    }
}

/// Draws it; none before the dossier was received.
pub(crate) fn draw(track: &TrackResponse, f: &Frame) -> Option<Clocks> {
    let from = time::read(&track.received_at)?;
    let now = time::read(&track.closed_at).unwrap_or(f.as_of);
    let seconds = now.duration_since(from).as_secs_f64().max(1.0);
    let scale = Scale { from, seconds };
    let mut rows = Vec::new();
    for part in &track.parts {
        let is_open = part.state() == PartState::InProcess;
        let ends = track
            .steps
            .iter()
            .filter(|step| step.part_id == part.part_id);
        let ends = ends.filter_map(|step| time::read(&step.finished_at));
        let end = if is_open {
            now
        } else {
            ends.max().unwrap_or(now)
        };
        let mut stretches = vec![scale.stretch("running", from, end, f.w.clock_running)];
        for pause in track.pauses.iter().filter(|it| it.part_id == part.part_id) {
            let Some(begin) = time::read(&pause.from) else {
                continue;
            };
            let until = time::read(&pause.until).unwrap_or(now);
            let what = format!("{}, {}", f.w.clock_paused, f.pause_reason(&pause.reason));
            stretches.push(scale.stretch("paused", begin, until, &what));
        }
        let promised = time::read(&part.promised_at);
        rows.push((f.text(&part.title), true, stretches, promised));
    }
    for step in &track.steps {
        let Some(due) = time::read(&step.due_since) else {
            continue;
        };
        let end = time::read(&step.finished_at).unwrap_or(now);
        let held = time::read(&step.held_since).filter(|held| *held <= end);
        let mut stretches = vec![scale.stretch("moving", due, held.unwrap_or(end), f.w.sync)];
        if let Some(held) = held {
            stretches.push(scale.stretch("held", held, end, &step.agency_name));
        }
        rows.push((
            f.text(&step.title),
            false,
            stretches,
            time::read(&step.due_at),
        ));
    }
    let height = TOP + rows.len() as f64 * ROW + 4.0;
    let rows = rows
        .into_iter()
        .enumerate()
        .map(|(n, (label, is_part, stretches, limit))| {
            let y = TOP + n as f64 * ROW;
            Row {
                label: shortened(&label, LABEL_CHARS),
                is_part,
                text_y: at(y + 15.0),
                bar_y: at(y + 4.0),
                stretches,
                limit: limit.and_then(|limit| scale.within(limit)),
            }
        });
    Some(Clocks {
        width: at(WIDTH),
        height: at(height),
        bar: at(BAR),
        label_x: at(LABELS),
        from: time::minute(from),
        until: time::minute(now),
        rows: rows.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::visit::Visit;
    use contract::v1::{PartStatus, PauseStatus, StepStatus};

    fn instant(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }

    fn frame() -> Frame {
        let (uri, headers) = (http::Uri::from_static("/"), http::HeaderMap::new());
        Frame::outside(&Visit::read(&uri, &headers, None, None))
    }

    #[test]
    fn a_clock_that_stood_still_half_of_the_time_is_half_hatched() {
        let track = TrackResponse {
            received_at: instant(1_000),
            closed_at: instant(2_000),
            parts: vec![PartStatus {
                part_id: "a".into(),
                ..PartStatus::default()
            }],
            pauses: vec![PauseStatus {
                part_id: "a".into(),
                from: instant(1_500),
                ..PauseStatus::default()
            }],
            steps: vec![StepStatus {
                due_since: instant(1_000),
                held_since: instant(1_250),
                due_at: instant(9_000),
                ..StepStatus::default()
            }],
            ..TrackResponse::default()
        };
        let drawn = draw(&track, &frame()).unwrap();
        let width = |row: usize, n: usize| -> f64 {
            let stretch = &drawn.rows[row].stretches[n];
            stretch.width.parse().unwrap()
        };
        assert!((width(0, 0) - 2.0 * width(0, 1)).abs() < 0.3);
        assert!((width(1, 1) - 3.0 * width(1, 0)).abs() < 0.3);
        assert_eq!(drawn.rows[1].limit, None, "it lies beyond the picture");
    }

    #[test]
    fn a_dossier_that_nobody_received_has_no_clock() {
        assert!(draw(&TrackResponse::default(), &frame()).is_none());
    }
}
