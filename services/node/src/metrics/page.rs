//! A page of metrics: families of rows, written as OpenMetrics text.

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, NoLabelSet, text},
    metrics::{MetricType, histogram::Histogram},
    registry::Registry,
};
use std::{fmt, time::Duration};

/// Rows of one family at most: more agencies than a province has.
const ROWS_MAX: usize = 4_096;
/// How the name of a counter ends.
const COUNTER_SUFFIX: &str = "_total";

/// What is told at one moment.
#[derive(Debug, Default)]
pub struct Page {
    families: Vec<Family>,
}

#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    kind: MetricType,
    rows: Vec<(Labels, Value)>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Value {
    Number(f64),
    Histogram(Histogram),
}

/// The rows of a family.
#[derive(Debug)]
pub struct Rows<'p>(&'p mut Family);

/// What a row can show.
pub trait Figure {
    /// As Prometheus has it.
    fn figure(self) -> f64;
}

impl Page {
    /// Something that goes up and down.
    pub fn gauge(&mut self, name: &'static str, help: &'static str) -> Rows<'_> {
        self.family(name, help, MetricType::Gauge)
    }

    /// Something that only goes up while the process lives. Its name ends in `_total`.
    pub fn counter(&mut self, name: &'static str, help: &'static str) -> Rows<'_> {
        debug_assert!(name.ends_with(COUNTER_SUFFIX), "{name}");
        self.family(name, help, MetricType::Counter)
    }

    /// How something is spread.
    pub fn histogram(&mut self, name: &'static str, help: &'static str) -> Rows<'_> {
        self.family(name, help, MetricType::Histogram)
    }

    fn family(&mut self, name: &'static str, help: &'static str, kind: MetricType) -> Rows<'_> {
        self.families.push(Family {
            name,
            help,
            kind,
            rows: Vec::new(),
        });
        Rows(self.families.last_mut().expect("one was just put there"))
    }

    /// The page as OpenMetrics text.
    pub(super) fn text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        // A string takes whatever is written.
        let _ = text::encode(&mut text, &registry);
        text
    }
}

impl Rows<'_> {
    /// The only row, without labels.
    pub fn is(&mut self, value: impl Figure) {
        self.row(&[], value);
    }

    /// A row. Beyond the most that a family may have, it is left out.
    pub fn row(&mut self, labels: &[(&'static str, &str)], value: impl Figure) {
        self.put(labels, Value::Number(value.figure()));
    }

    /// A row of a histogram.
    pub fn spread(&mut self, labels: &[(&'static str, &str)], histogram: &Histogram) {
        self.put(labels, Value::Histogram(histogram.clone()));
    }

    fn put(&mut self, labels: &[(&'static str, &str)], value: Value) {
        if self.0.rows.len() < ROWS_MAX {
            let labels = labels.iter().map(|(key, text)| (*key, (*text).to_owned()));
            self.0.rows.push((labels.collect(), value));
        }
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.families {
            // The encoder writes the suffix again.
            let name = match family.kind {
                MetricType::Counter => family.name.trim_end_matches(COUNTER_SUFFIX),
                _ => family.name,
            };
            let mut rows = encoder.encode_descriptor(name, family.help, None, family.kind)?;
            for (labels, value) in &family.rows {
                let mut row = rows.encode_family(labels)?;
                match (value, family.kind) {
                    (Value::Number(number), MetricType::Counter) => {
                        row.encode_counter::<NoLabelSet, _, f64>(number, None)?;
                    }
                    (Value::Number(number), _) => row.encode_gauge(number)?,
                    (Value::Histogram(histogram), _) => {
                        prometheus_client::encoding::EncodeMetric::encode(histogram, row)?;
                    }
                }
            }
        }
        Ok(())
    }
}

macro_rules! figures {
    ($($number:ty)*) => {$(
        impl Figure for $number {
            #[allow(clippy::cast_precision_loss, clippy::cast_lossless)] // exact up to 2^53
            fn figure(self) -> f64 {
                self as f64
            }
        }
    )*};
}

figures! { u32 u64 i64 usize f64 }

impl Figure for bool {
    fn figure(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Figure for Duration {
    fn figure(self) -> f64 {
        self.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_openmetrics_text() {
        let mut page = Page::default();
        page.gauge("lienthong_dossiers_open", "Dossiers.").is(3_u64);
        let mut owed = page.counter("lienthong_lines_total", "Lines.");
        owed.row(&[("level", "warn")], 2_u64);
        owed.row(&[("level", "odd \"one\"\n\\")], 1_u64);
        let spread = Histogram::new([0.5, 1.0]);
        spread.observe(0.7);
        page.histogram("lienthong_commit_seconds", "Commits.")
            .spread(&[], &spread);
        page.gauge("lienthong_nobody", "Nothing to tell.");
        let text = page.text();
        for line in [
            "# TYPE lienthong_dossiers_open gauge",
            "lienthong_dossiers_open 3.0",
            "# TYPE lienthong_lines counter",
            "lienthong_lines_total{level=\"warn\"} 2.0",
            "lienthong_lines_total{level=\"odd \\\"one\\\"\\n\\\\\"} 1.0",
            "# TYPE lienthong_commit_seconds histogram",
            "lienthong_commit_seconds_bucket{le=\"0.5\"} 0",
            "lienthong_commit_seconds_bucket{le=\"1.0\"} 1",
            "lienthong_commit_seconds_count 1",
            "# TYPE lienthong_nobody gauge",
            "# EOF",
        ] {
            assert!(text.lines().any(|one| one == line), "{line} in\n{text}");
        }
    }

    #[test]
    fn no_family_has_rows_without_end() {
        let mut page = Page::default();
        let mut rows = page.gauge("lienthong_owed", "Owed.");
        for agency in 0..ROWS_MAX + 1_000 {
            rows.row(&[("agency", &agency.to_string())], 1_u32);
        }
        let text = page.text();
        assert_eq!(text.matches("lienthong_owed{").count(), ROWS_MAX);
    }
}
