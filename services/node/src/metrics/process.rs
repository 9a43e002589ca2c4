//! What every process tells of itself: how it is built, what it uses of the machine, how long its
//! certificate lasts, and how much it had to say.

use super::{Page, Source};
use crate::{
    telemetry,
    tls::{Connections, Credentials},
};
use std::fs;
use tokio::runtime::Handle;

/// A process, as [`Source`].
pub struct Process {
    /// `broker`, `department` or `desk`.
    pub service: &'static str,
    /// For whom it acts; nothing for the broker.
    pub agency: String,
    /// What it shows to others.
    pub credentials: Credentials,
    /// Who is connected to its port, if it has one.
    pub connections: Option<Connections>,
}

#[async_trait::async_trait]
impl Source for Process {
    async fn tell(&self, page: &mut Page) {
        page.gauge(
            "lienthong_build_info",
            "1, with what runs here: which service, for which agency, in which version.",
        )
        .row(
            &[
                ("service", self.service),
                ("agency", &self.agency),
                ("version", env!("CARGO_PKG_VERSION")),
            ],
            1_u32,
        );
        page.gauge(
            "lienthong_certificate_expiry_timestamp_seconds",
            "When the process's own certificate expires, in Unix time.",
        )
        .is(self.credentials.own().not_after.as_second());
        let mut lines = page.counter(
            "lienthong_log_lines_total",
            "Lines of the log, by level; those that the filter leaves out are not counted.",
        );
        for (level, count) in telemetry::told() {
            lines.row(&[("level", level)], count);
        }
        page.gauge(
            "lienthong_tasks",
            "Tasks of the runtime that have not ended.",
        )
        .is(Handle::current().metrics().num_alive_tasks());
        if let Some(connections) = &self.connections {
            tell_connections(connections, page);
        }
        if let Some(used) = Used::now() {
            used.tell(page);
        }
    }
}

fn tell_connections(connections: &Connections, page: &mut Page) {
    page.gauge(
        "lienthong_tls_connections",
        "Connections over which a system has shown its certificate.",
    )
    .is(connections.open());
    page.gauge(
        "lienthong_tls_handshakes",
        "Connections that are still in their handshake.",
    )
    .is(connections.handshakes());
    let mut refused = page.counter(
        "lienthong_tls_connections_refused_total",
        "Connections that were refused, by the reason word of the log.",
    );
    for (reason, count) in connections.refused_by_reason() {
        refused.row(&[("reason", reason)], count);
    }
}

/// What the process uses of the machine, as Linux tells it.
struct Used {
    cpu_seconds: f64,
    started_at_seconds: f64,
    threads: u64,
    resident_bytes: u64,
    open_files: usize,
}

impl Used {
    /// None where there is no `/proc`.
    fn now() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        // The name before the fields may hold anything; the last bracket closes it.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let ticks = |field| number(field).map(in_seconds);
        let statm = fs::read_to_string("/proc/self/statm").ok()?;
        let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
        let booted = fs::read_to_string("/proc/stat").ok()?;
        let booted = booted
            .lines()
            .find_map(|line| line.strip_prefix("btime "))?
            .trim();
        Some(Self {
            cpu_seconds: ticks(14)? + ticks(15)?,
            threads: number(20)?,
            started_at_seconds: booted.parse::<f64>().ok()? + ticks(22)?,
            resident_bytes: pages * rustix::param::page_size() as u64,
            open_files: fs::read_dir("/proc/self/fd").ok()?.count(),
        })
    }

    fn tell(&self, page: &mut Page) {
        page.counter(
            "process_cpu_seconds_total",
            "Processor time that was used, of user and system together.",
        )
        .is(self.cpu_seconds);
        page.gauge("process_resident_memory_bytes", "Memory that is resident.")
            .is(self.resident_bytes);
        page.gauge("process_open_fds", "Open files and sockets.")
            .is(self.open_files);
        page.gauge("process_threads", "Threads.").is(self.threads);
        page.gauge(
            "process_start_time_seconds",
            "When the process started, in Unix time.",
        )
        .is(self.started_at_seconds);
    }
}

#[allow(clippy::cast_precision_loss)] // a century of ticks is exact
fn in_seconds(ticks: u64) -> f64 {
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn what_the_process_uses_is_read_from_the_machine() {
        let used = Used::now().unwrap();
        assert!(used.resident_bytes > 1024 * 1024);
        assert!(used.threads >= 1 && used.open_files >= 3);
        let now = jiff::Timestamp::now().as_second();
        #[allow(clippy::cast_possible_truncation)]
        let age_seconds = now - used.started_at_seconds as i64;
        assert!((-2..3_600).contains(&age_seconds), "{age_seconds}");
    }
}
