//! What the broker is told at its start: one TOML file, every value also by environment variable.

use crate::store::SqliteConfig;
use node::{
    config::ConfigError,
    stream::StreamLimits,
    tls::{CredentialPaths, ListenerLimits},
};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Between prefix and key in environment variables: `LIENTHONG_BROKER__LISTEN`.
pub const ENV_PREFIX: &str = "LIENTHONG_BROKER";

/// The broker's configuration. Relative paths start in the file's folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where it listens; port 0 lets the system pick.
    pub listen: SocketAddr,
    /// Where it writes the address that was bound, once it serves.
    pub address_file: Option<PathBuf>,
    /// The folder of its store.
    pub store: PathBuf,
    /// The folder of its procedures, one TOML file a version.
    pub procedures: PathBuf,
    /// The directory's file. It is read again on SIGHUP.
    pub directory: PathBuf,
    /// Its credentials.
    pub tls: CredentialPaths,
    /// How many connections it keeps.
    #[serde(default)]
    pub listener: ListenerLimits,
    /// How the store is run.
    #[serde(default)]
    pub sqlite: SqliteConfig,
    /// Limits of documents.
    #[serde(default)]
    pub documents: crate::documents::DocumentsConfig,
    /// Limits of the ledger and of what it answers.
    #[serde(default)]
    pub limits: Limits,
    /// How couriers try.
    #[serde(default)]
    pub courier: CourierConfig,
    /// Limits of the streams of envelopes.
    #[serde(default)]
    pub streams: StreamLimits,
}

/// Limits with names.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Commands that may wait for the ledger; 4096. More are answered `RESOURCE_EXHAUSTED`.
    pub ledger_waiting_max: usize,
    /// Commands that one commit takes at most; 512.
    pub ledger_batch_max: usize,
    /// Dossiers kept in memory; 10,000.
    pub dossiers_cached_max: usize,
    /// Bytes of one message; 1 MiB, the contract's limit.
    pub message_bytes_max: usize,
    /// Seconds that the processes has for ending what it began; 20.
    pub drain_s_max: u64,
    /// Seconds after which a connection is drained and closed, so that certificates and load are
    /// looked at anew; 3600.
    pub connection_age_s_max: u64,
    /// Streams that one connection may have open; 256.
    pub streams_per_connection_max: u32,
    /// Streams of notices that one desk may have open; 16.
    pub watches_per_desk_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ledger_waiting_max: 4096,
            ledger_batch_max: 512,
            dossiers_cached_max: 10_000,
            message_bytes_max: 1024 * 1024,
            drain_s_max: 20,
            connection_age_s_max: 3600,
            streams_per_connection_max: 256,
            watches_per_desk_max: 16,
        }
    }
}

/// How couriers try.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CourierConfig {
    /// Milliseconds after the first failure; doubled after each further one, with jitter; 200.
    pub back_off_ms_min: u64,
    /// Milliseconds at most between two tries; 60,000.
    pub back_off_ms_max: u64,
    /// Failures in a row after which a department counts as unreachable and a person is told; 3.
    pub failures_until_incident: u32,
}

impl Default for CourierConfig {
    fn default() -> Self {
        Self {
            back_off_ms_min: 200,
            back_off_ms_max: 60_000,
            failures_until_incident: 3,
        }
    }
}

impl Config {
    /// Reads the file, with what the environment replaces.
    ///
    /// # Errors
    /// Names the file, the key and the mend.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = node::config::load(path, ENV_PREFIX)?;
        let seen_from = |p: &Path| node::config::resolve(path, p);
        config.address_file = config.address_file.as_deref().map(seen_from);
        config.store = seen_from(&config.store);
        config.procedures = seen_from(&config.procedures);
        config.directory = seen_from(&config.directory);
        config.tls = config.tls.resolved(path);
        Ok(config)
    }
}

impl Limits {
    /// How long draining may take.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_s_max)
    }
}
