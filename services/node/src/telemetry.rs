//! What a process tells: structured log lines on standard error, one event a line, with the
//! service's name.

mod counts;
mod lines;

pub use self::{counts::told, lines::Written};

use serde::Deserialize;
use std::{
    env,
    io::{self, IsTerminal as _},
};
use tracing::{Event, Subscriber};
use tracing_subscriber::{
    Layer as _, Registry,
    filter::{ParseError, Targets},
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, JsonFields, Writer},
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
};

/// The environment variable whose directives (`info,broker=debug`) go before the configuration's.
pub const FILTER_VARIABLE: &str = "LIENTHONG_LOG";

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people, coloured on a terminal.
    #[default]
    Text,
    /// One JSON object a line, for a log store.
    Json,
}

/// Telemetry could not start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// Mend the directives; they look like `info` or `info,broker=debug`.
    #[error(
        "log filter `{filter}` from {origin}: {source}; write for example `info` or `info,broker=debug`"
    )]
    Filter {
        /// What was given.
        filter: String,
        /// Where it was given.
        origin: &'static str,
        /// What is wrong with it.
        source: ParseError,
    },
    /// Let the process have more threads.
    #[error("no thread to write the log: {0}; raise the limit of threads")]
    Thread(#[from] io::Error),
}

/// Sends this process's log to standard error, from a thread of its own. `filter` holds the configured
/// directives; those in [`FILTER_VARIABLE`] go before it. Called again, it changes nothing. What was told
/// last is written when what it gives is dropped; of a process that is killed it may be lost.
///
/// # Errors
/// [`TelemetryError::Filter`] when the directives are not understood.
pub fn init(service: &str, format: Format, filter: &str) -> Result<Written, TelemetryError> {
    start(service, format, filter, env::var(FILTER_VARIABLE).ok())
}

fn start(
    service: &str,
    format: Format,
    filter: &str,
    variable: Option<String>,
) -> Result<Written, TelemetryError> {
    let (filter, origin) = match variable {
        Some(directives) if !directives.is_empty() => (directives, FILTER_VARIABLE),
        _ => (filter.to_owned(), "the configuration"),
    };
    let filter = targets(&filter).map_err(|source| TelemetryError::Filter {
        filter,
        origin,
        source,
    })?;
    let colours = io::stderr().is_terminal();
    let (lines, written) = lines::start(io::stderr())?;
    let subscriber = subscriber(service, format, filter, lines, colours);
    // A second call in one process, as tests do, keeps the first.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(written)
}

/// Reads directives; blanks around them say nothing.
fn targets(filter: &str) -> Result<Targets, ParseError> {
    let directives = filter.split(',').map(str::trim);
    let directives: Vec<_> = directives.filter(|one| !one.is_empty()).collect();
    directives.join(",").parse()
}

fn subscriber<W>(
    service: &str,
    format: Format,
    filter: Targets,
    writer: W,
    colours: bool,
) -> impl Subscriber + Send + Sync
where
    W: for<'w> tracing_subscriber::fmt::MakeWriter<'w> + Send + Sync + 'static,
{
    // A line that cannot be written, as on a full disk, is lost. Told on standard error, which lies on
    // the same disk, it would end the work that wrote it with a panic.
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .log_internal_errors(false);
    let lines = match format {
        Format::Text => lines
            .with_ansi(colours)
            .event_format(Named {
                prefix: format!("{service} "),
                inner: format::format(),
            })
            .boxed(),
        Format::Json => lines
            .with_ansi(false)
            .fmt_fields(JsonFields::new())
            .event_format(Named {
                prefix: format!("{{\"service\":{service:?},"),
                inner: format::format().json().flatten_event(true),
            })
            .boxed(),
    };
    Registry::default()
        .with(filter)
        .with(lines)
        .with(counts::Counts)
}

/// Puts the service's name before what `inner` writes; a JSON object opens in `prefix`.
struct Named<F> {
    prefix: String,
    inner: F,
}

impl<S, N, F> FormatEvent<S, N> for Named<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> std::fmt::Result {
        writer.write_str(&self.prefix)?;
        if !self.prefix.starts_with('{') {
            return self.inner.format_event(context, writer, event);
        }
        let mut line = String::new();
        self.inner
            .format_event(context, Writer::new(&mut line), event)?;
        writer.write_str(line.strip_prefix('{').unwrap_or(&line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lines;

    fn lines_of(format: Format) -> String {
        let lines = Lines::default();
        let subscriber = subscriber(
            "broker",
            format,
            "info".parse().unwrap(),
            lines.clone(),
            false,
        );
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(step = "register", "handed over");
            tracing::debug!("not told");
        });
        lines.text()
    }

    #[test]
    fn a_json_line_is_one_object_with_the_service_and_the_fields() {
        let text = lines_of(Format::Json);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(
            text.starts_with("{\"service\":\"broker\",\"timestamp\":"),
            "{text}"
        );
        assert!(text.contains("\"step\":\"register\"") && text.contains("\"handed over\""));
        assert!(text.trim_end().ends_with('}'));
    }

    #[test]
    fn a_text_line_names_the_service_and_the_fields() {
        let text = lines_of(Format::Text);
        assert!(text.starts_with("broker "), "{text}");
        assert!(text.contains("handed over step=\"register\""), "{text}");
    }

    #[test]
    fn starting_twice_is_no_fault_and_blanks_neither_and_a_bad_filter_is_named() {
        drop(start("one", Format::Text, "error", None).unwrap());
        drop(start("two", Format::Json, "error", Some(String::new())).unwrap());
        assert_eq!(
            targets(" info, broker=debug,").unwrap(),
            "info,broker=debug".parse().unwrap()
        );
        let refused = start("three", Format::Text, "broker=loud", None)
            .unwrap_err()
            .to_string();
        assert!(refused.contains("broker=loud") && refused.contains("the configuration"));
        let refused = start("four", Format::Text, "info", Some("a=b=c".into())).unwrap_err();
        assert!(refused.to_string().contains(FILTER_VARIABLE));
    }
}
