//! The plots of a report, as SVG.

use super::super::{Found, proc::MAIN};
use anyhow::anyhow;
use plotters::{
    chart::{ChartBuilder, SeriesLabelPosition},
    drawing::IntoDrawingArea as _,
    element::{Circle, PathElement},
    prelude::{IntoLogRange as _, SVGBackend},
    series::LineSeries,
    style::{Color as _, RGBColor, WHITE},
};
use std::path::Path;

const SIZE: (u32, u32) = (840, 420);
const COLOURS: [RGBColor; 5] = [
    RGBColor(31, 119, 180),
    RGBColor(214, 39, 40),
    RGBColor(44, 160, 44),
    RGBColor(148, 103, 189),
    RGBColor(255, 127, 14),
];

/// One line of a plot.
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Draws what was found; gives each plot's title and file.
pub(super) fn all(folder: &Path, found: &Found) -> anyhow::Result<Vec<(String, String)>> {
    let mut plots = Vec::new();
    let mut plot = |file: &str, title: &str, x: &str, y: &str, series: Vec<Series>| {
        if series.iter().all(|one| one.points.is_empty()) {
            return Ok(());
        }
        draw(&folder.join(file), title, x, y, &series)
            .map_err(|error| anyhow!("the plot {file} cannot be drawn: {error}"))?;
        plots.push((title.to_owned(), file.to_owned()));
        Ok::<_, anyhow::Error>(())
    };
    let Some(handoffs) = &found.handoffs else {
        return Ok(plots);
    };
    let of = |name: &str, points: Vec<(f64, f64)>| Series {
        name: name.into(),
        points,
    };
    let rate = |rows: &[super::Row]| {
        let points = rows
            .iter()
            .map(|row| (row.in_flight as f64, row.per_second));
        points.collect::<Vec<_>>()
    };
    let passed = found.limit.iter().flat_map(|limit| &limit.pass);
    plot(
        "handoffs.svg",
        "Hand-offs a second by dossiers in flight",
        "dossiers in flight",
        "a second",
        vec![
            of(
                "durable broker, departments from memory",
                rate(&handoffs.memory),
            ),
            of(
                "durable broker, durable departments",
                rate(&handoffs.durable),
            ),
            of(
                "lines alone, nothing recorded",
                passed
                    .map(|one| (one.in_flight as f64, one.per_second))
                    .collect(),
            ),
        ],
    )?;
    let cpu = |pick: &dyn Fn(&super::Row) -> f64| {
        let points = handoffs.memory.iter();
        points
            .map(|row| (row.in_flight as f64, pick(row)))
            .collect::<Vec<_>>()
    };
    let thread =
        |row: &super::Row, name: &str| row.broker_thread_us.get(name).copied().unwrap_or_default();
    plot(
        "processor.svg",
        "Processor time for each hand-off",
        "dossiers in flight",
        "microseconds",
        vec![
            of(
                "broker, all",
                cpu(&|row| row.cpu_us.get("broker").copied().unwrap_or_default()),
            ),
            of("its ledger", cpu(&|row| thread(row, "ledger"))),
            of("its lines and couriers", cpu(&|row| thread(row, MAIN))),
        ],
    )?;
    let quantiles = |pick: &dyn Fn(&super::super::quantiles::Quantiles) -> u64| {
        let rows = handoffs.latency.iter();
        rows.map(|row| (row.rate, pick(&row.latency_us) as f64 / 1_000.0))
            .collect::<Vec<_>>()
    };
    plot(
        "latency.svg",
        "Latency from the time meant, by rate",
        "hand-offs a second",
        "milliseconds",
        vec![
            of("p50", quantiles(&|us| us.p50)),
            of("p90", quantiles(&|us| us.p90)),
            of("p99", quantiles(&|us| us.p99)),
            of("p99.9", quantiles(&|us| us.p999)),
        ],
    )?;
    Ok(plots)
}

/// Lines over axes whose steps are factors of ten.
fn draw(
    path: &Path,
    title: &str,
    x: &str,
    y: &str,
    series: &[Series],
) -> Result<(), Box<dyn std::error::Error>> {
    let points = || series.iter().flat_map(|one| &one.points);
    let range = |pick: fn(&(f64, f64)) -> f64| {
        let least = points().map(pick).fold(f64::INFINITY, f64::min).max(0.01);
        let most = points().map(pick).fold(0.0, f64::max).max(least);
        (least * 0.8)..(most * 1.4)
    };
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(70)
        .build_cartesian_2d(
            range(|point| point.0).log_scale(),
            range(|point| point.1).log_scale(),
        )?;
    chart.configure_mesh().x_desc(x).y_desc(y).draw()?;
    for (one, colour) in series.iter().zip(COLOURS) {
        if one.points.is_empty() {
            continue;
        }
        let line = LineSeries::new(one.points.iter().copied(), colour.stroke_width(2));
        chart
            .draw_series(line)?
            .label(&one.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        let dots = one.points.iter();
        chart.draw_series(dots.map(|point| Circle::new(*point, 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE.mix(0.8))
        .border_style(RGBColor(180, 180, 180))
        .draw()?;
    area.present()?;
    Ok(())
}
