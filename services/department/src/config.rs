//! What a department is told at its start: one TOML file.

use node::{
    config::{ConfigError, resolve},
    identity::Identity,
    metrics::MetricsConfig,
    stream::StreamLimits,
    tls::{CredentialPaths, ListenerLimits},
    traces::TracesConfig,
};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Before the keys in the names of environment variables: `LIENTHONG_DEPARTMENT__LISTEN`.
pub const ENV_PREFIX: &str = "LIENTHONG_DEPARTMENT";

/// The configuration of a department.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The agency that this process acts for.
    pub agency_code: String,
    /// Where its inbox, its outbox and its documents lie; one process a folder.
    pub store: PathBuf,
    /// Where the broker finds it, such as `0.0.0.0:7443`; port 0 lets the system pick.
    pub listen: SocketAddr,
    /// Its certificate, its key and its authority.
    pub credentials: CredentialPaths,
    /// The broker.
    pub broker: Broker,
    /// How much at once, and how large.
    #[serde(default)]
    pub limits: Limits,
    /// How long to wait.
    #[serde(default)]
    pub times: Times,
    /// Of the port.
    #[serde(default)]
    pub listener: ListenerLimits,
    /// Of the streams to and from the broker.
    #[serde(default)]
    pub streams: StreamLimits,
    /// Where metrics are served.
    #[serde(default)]
    pub metrics: MetricsConfig,
    /// Where spans are sent.
    #[serde(default)]
    pub traces: TracesConfig,
    /// A TOML file that says what the scripted handler answers; none where a handler is linked.
    pub script: Option<PathBuf>,
}

/// Who the broker is and where.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Broker {
    /// `host:port` or `https://host:port`.
    pub address: String,
    /// `spiffe://<trust domain>/broker/<code>`.
    pub identity: Identity,
}

/// How much at once, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of one handover; 1 MiB.
    pub handover_bytes_max: usize,
    /// Bytes of one report; 1 MiB less what the envelope needs.
    pub report_bytes_max: usize,
    /// Bytes of one document; 1 GiB.
    pub document_bytes_max: u64,
    /// Documents on their way in or out at once; 16.
    pub transfers_max: usize,
    /// Rounds that the handler works on at once; 1024.
    pub handlers_max: usize,
    /// Reports read from the outbox and not answered yet; 1024.
    pub reports_max: usize,
    /// Streams that the broker may have open to this department; 16.
    pub streams_max: u32,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// Days that a closed dossier is kept; 30.
    pub retention_days: u32,
    /// Seconds to end in before what is left is cut; 10.
    pub drain_s_max: u64,
    /// Milliseconds before the first repetition of what failed; it doubles; 100.
    pub back_off_ms_min: u64,
    /// Milliseconds before a repetition at most; 30,000.
    pub back_off_ms_max: u64,
    /// Milliseconds between reconciliations while the broker does not know something; 30,000.
    pub reconcile_ms: u64,
    /// Milliseconds after which the broker is asked to give again what could not be taken; 2,000.
    pub later_ms: u64,
    /// Milliseconds between looks at whether the store can be written again; 500.
    pub probe_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handover_bytes_max: 1024 * 1024,
            report_bytes_max: 1023 * 1024,
            document_bytes_max: 1024 * 1024 * 1024,
            transfers_max: 16,
            handlers_max: 1024,
            reports_max: 1024,
            streams_max: 16,
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            retention_days: 30,
            drain_s_max: 10,
            back_off_ms_min: 100,
            back_off_ms_max: 30_000,
            reconcile_ms: 30_000,
            later_ms: 2_000,
            probe_ms: 500,
        }
    }
}

impl Times {
    pub(crate) fn later(&self) -> Duration {
        Duration::from_millis(self.later_ms)
    }

    pub(crate) fn reconcile(&self) -> Duration {
        Duration::from_millis(self.reconcile_ms)
    }
}

impl Config {
    /// Reads the file at `path`, with what the environment replaces. Relative paths start beside
    /// the file.
    ///
    /// # Errors
    /// [`ConfigError`] names the key and how to mend it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let config: Self = node::config::load(path, ENV_PREFIX)?;
        Ok(Self {
            store: resolve(path, &config.store),
            credentials: config.credentials.resolved(path),
            script: config.script.as_ref().map(|script| resolve(path, script)),
            ..config
        })
    }

    /// Says by its key what cannot be used together or at all.
    ///
    /// # Errors
    /// A sentence with the key and how to mend it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.agency_code.is_empty() || self.agency_code.len() > 128 {
            return Err("agency_code: must have 1 to 128 characters".into());
        }
        let Limits {
            transfers_max,
            handlers_max,
            reports_max,
            ..
        } = self.limits;
        let counts = [
            (
                "streams.window_items_max",
                self.streams.window_items_max as usize,
            ),
            ("limits.transfers_max", transfers_max),
            ("limits.handlers_max", handlers_max),
            ("limits.reports_max", reports_max),
            ("limits.streams_max", self.limits.streams_max as usize),
            (
                "times.probe_ms",
                usize::try_from(self.times.probe_ms).unwrap_or(1),
            ),
            (
                "times.back_off_ms_min",
                usize::try_from(self.times.back_off_ms_min).unwrap_or(1),
            ),
        ];
        match counts.into_iter().find(|(_, count)| *count == 0) {
            Some((key, _)) => Err(format!("{key}: must be at least 1")),
            None if self.limits.report_bytes_max > 1023 * 1024 => {
                Err("limits.report_bytes_max: at most 1047552, as no message exceeds 1 MiB".into())
            }
            None => Ok(()),
        }
    }
}
