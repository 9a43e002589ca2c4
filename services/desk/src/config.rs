//! What a desk is told at its start: one TOML file.

use node::{
    config::{ConfigError, resolve},
    identity::Identity,
    metrics::MetricsConfig,
    tls::CredentialPaths,
    traces::TracesConfig,
};
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// Before the keys in the names of environment variables: `LIENTHONG_DESK__AGENCY_CODE`.
pub const ENV_PREFIX: &str = "LIENTHONG_DESK";

/// Codes that the broker leases at once; the contract's.
const CODES_KEPT_MAX: u32 = 1_000;

/// The configuration of a desk.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The desk's agency.
    pub agency_code: String,
    /// Where its dossiers and their documents lie; one process a folder.
    pub store: PathBuf,
    /// Its certificate, its key and its authority.
    pub credentials: CredentialPaths,
    /// The broker.
    pub broker: Broker,
    /// How large.
    #[serde(default)]
    pub limits: Limits,
    /// How long to wait.
    #[serde(default)]
    pub times: Times,
    /// Where dossiers may be put as files; none where a program submits them.
    pub spool: Option<PathBuf>,
    /// Where metrics are served.
    #[serde(default)]
    pub metrics: MetricsConfig,
    /// Where spans are sent, by a desk that runs.
    #[serde(default)]
    pub traces: TracesConfig,
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

/// How large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of one document; 1 GiB.
    pub document_bytes_max: u64,
    /// Dossiers that are sent, or asked after, at once; 16.
    pub calls_max: usize,
    /// Dossier codes that are kept for when the broker is away, at most 1,000; 0, so that every dossier
    /// waits for the broker's.
    pub codes_kept: u32,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// Days that a closed dossier is kept; 30.
    pub retention_days: u32,
    /// Milliseconds before the first repetition of what failed; it doubles; 100.
    pub back_off_ms_min: u64,
    /// Milliseconds before a repetition at most; 30,000.
    pub back_off_ms_max: u64,
    /// Milliseconds that the broker may be silent while notices are watched; 90,000.
    pub silence_ms: u64,
    /// Milliseconds that the broker may take for one call; 30,000.
    pub call_ms_max: u64,
    /// Milliseconds between looks at the spool folder; 500.
    pub spool_ms: u64,
    /// Milliseconds between checks that the broker knows every open dossier; 300,000. It is checked
    /// at every new line to the broker too.
    pub check_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes_max: 1024 * 1024 * 1024,
            calls_max: 16,
            codes_kept: 0,
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            retention_days: 30,
            back_off_ms_min: 100,
            back_off_ms_max: 30_000,
            silence_ms: 90_000,
            call_ms_max: 30_000,
            spool_ms: 500,
            check_ms: 300_000,
        }
    }
}

impl Times {
    /// The pause before the next attempt, after `failures` in a row: exponential, half of it drawn.
    pub(crate) fn pause(&self, failures: u32) -> Duration {
        let doubled = self
            .back_off_ms_min
            .saturating_mul(1 << failures.saturating_sub(1).min(20));
        let whole = doubled.clamp(1, self.back_off_ms_max.max(1));
        let drawn = uuid::Uuid::new_v4().as_u64_pair().0 % (whole / 2 + 1);
        Duration::from_millis(whole / 2 + drawn)
    }

    pub(crate) fn call_max(&self) -> Duration {
        Duration::from_millis(self.call_ms_max)
    }
}

impl Config {
    /// Says by its key what cannot be used.
    ///
    /// # Errors
    /// A sentence with the key and how to mend it.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.agency_code.is_empty() || self.agency_code.len() > 128 {
            return Err("agency_code: must have 1 to 128 characters".into());
        }
        let (limits, times) = (&self.limits, &self.times);
        let least_1 = [
            ("limits.document_bytes_max", limits.document_bytes_max),
            ("limits.calls_max", limits.calls_max as u64),
            ("times.back_off_ms_min", times.back_off_ms_min),
            ("times.silence_ms", times.silence_ms),
            ("times.call_ms_max", times.call_ms_max),
            ("times.spool_ms", times.spool_ms),
            ("times.check_ms", times.check_ms),
        ];
        if let Some((key, _)) = least_1.into_iter().find(|(_, value)| *value == 0) {
            return Err(format!("{key}: must be at least 1"));
        }
        if limits.codes_kept > CODES_KEPT_MAX {
            return Err(format!(
                "limits.codes_kept: must be at most {CODES_KEPT_MAX}"
            ));
        }
        if times.back_off_ms_max < times.back_off_ms_min {
            let first = times.back_off_ms_min;
            return Err(format!(
                "times.back_off_ms_max: must be at least times.back_off_ms_min, which is {first}"
            ));
        }
        Ok(())
    }

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
            spool: config.spool.as_ref().map(|folder| resolve(path, folder)),
            ..config
        })
    }
}
