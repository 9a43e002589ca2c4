//! What the broker is told at its start: one TOML file, every value also by environment variable.

use crate::{registry::Sources, store::SqliteConfig};
use dossier::code::CodePattern;
use node::{
    config::ConfigError,
    metrics::MetricsConfig,
    stream::{MESSAGE_BYTES_MAX, StreamLimits},
    tls::{CredentialPaths, ListenerLimits},
    traces::TracesConfig,
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
    /// The folder of its calendars, one TOML file each. It is read again on SIGHUP.
    pub calendars: PathBuf,
    /// The folder of the schemas of evidence, one JSON file each. It is read again on SIGHUP.
    pub schemas: PathBuf,
    /// The directory's file. It is read again on SIGHUP.
    pub directory: PathBuf,
    /// A folder of templates and fonts of the forms that stand in place of those built in.
    pub forms: Option<PathBuf>,
    /// Days after its closing for which the personal values of a dossier are kept; then they are
    /// erased. Left out: for ever.
    pub personal_keep_days: Option<u32>,
    /// The file with the key of the index of persons, made when there is none; `persons.key` in the store's
    /// folder. Whoever has a copy of the store and not this file finds nobody by name.
    pub person_key: Option<PathBuf>,
    /// How dossier codes are written; `{agency}-{yyyymmdd}-{number:7}`, the one seen in use.
    #[serde(default = "code_pattern")]
    pub code_pattern: CodePattern,
    /// Its credentials.
    pub credentials: CredentialPaths,
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
    /// Where metrics are served.
    #[serde(default)]
    pub metrics: MetricsConfig,
    /// Where spans are sent.
    #[serde(default)]
    pub traces: TracesConfig,
}

fn code_pattern() -> CodePattern {
    "{agency}-{yyyymmdd}-{number:7}"
        .parse()
        .expect("the default is a pattern")
}

/// Limits with names.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Commands that may wait in each of the ledger's lines: what begins something, what goes on, and our own;
    /// 4096. More from outside are answered `RESOURCE_EXHAUSTED`.
    pub ledger_waiting_max: usize,
    /// Bytes of all that came from outside and waits; 64 MiB. One may always wait, of whatever size a message may have.
    pub ledger_waiting_bytes_max: usize,
    /// Milliseconds that a submit waits for the ledger at most; 40. What has waited so long is answered
    /// `RESOURCE_EXHAUSTED`, and so is at once a submit that comes when another has waited half of it.
    pub ledger_wait_ms_max: u64,
    /// Milliseconds that one commit, with all that it takes, should last at most; 6.
    pub ledger_turn_ms_max: u64,
    /// Commands that one commit takes at most; 512.
    pub ledger_batch_max: usize,
    /// Dossiers kept in memory; 10,000.
    pub dossiers_cached_max: usize,
    /// Their bytes, about; 256 MiB.
    pub dossiers_cached_bytes_max: usize,
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
            ledger_waiting_bytes_max: 64 * 1024 * 1024,
            ledger_wait_ms_max: 40,
            ledger_turn_ms_max: 6,
            ledger_batch_max: 512,
            dossiers_cached_max: 10_000,
            dossiers_cached_bytes_max: 256 * 1024 * 1024,
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
        config.calendars = seen_from(&config.calendars);
        config.schemas = seen_from(&config.schemas);
        config.directory = seen_from(&config.directory);
        config.forms = config.forms.as_deref().map(seen_from);
        config.person_key = config.person_key.as_deref().map(seen_from);
        config.credentials = config.credentials.resolved(path);
        Ok(config)
    }
}

impl Config {
    /// The file with the key of the index of persons.
    pub fn person_key(&self) -> PathBuf {
        let own = || self.store.join("persons.key");
        self.person_key.clone().unwrap_or_else(own)
    }

    /// Where procedures, calendars, schemas and the directory are read from.
    pub fn sources(&self) -> Sources {
        Sources {
            procedures: self.procedures.clone(),
            calendars: self.calendars.clone(),
            schemas: self.schemas.clone(),
            directory: self.directory.clone(),
        }
    }

    /// Everything in it that cannot work, all at once: the key and the mend of each.
    ///
    /// # Errors
    /// [`Faults`], one line for each.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Faults(Vec::new());
        let Self {
            limits,
            listener,
            sqlite,
            documents,
            courier,
            streams,
            ..
        } = self;
        for (key, value) in [
            (
                "limits.ledger_waiting_max",
                limits.ledger_waiting_max as u64,
            ),
            (
                "limits.ledger_waiting_bytes_max",
                limits.ledger_waiting_bytes_max as u64,
            ),
            ("limits.ledger_wait_ms_max", limits.ledger_wait_ms_max),
            ("limits.ledger_turn_ms_max", limits.ledger_turn_ms_max),
            ("limits.ledger_batch_max", limits.ledger_batch_max as u64),
            (
                "limits.dossiers_cached_max",
                limits.dossiers_cached_max as u64,
            ),
            (
                "limits.dossiers_cached_bytes_max",
                limits.dossiers_cached_bytes_max as u64,
            ),
            ("limits.connection_age_s_max", limits.connection_age_s_max),
            (
                "limits.streams_per_connection_max",
                limits.streams_per_connection_max.into(),
            ),
            (
                "limits.watches_per_desk_max",
                limits.watches_per_desk_max as u64,
            ),
            ("listener.connections_max", listener.connections_max as u64),
            (
                "listener.connections_per_address_max",
                listener.connections_per_address_max as u64,
            ),
            (
                "listener.connections_per_system_max",
                listener.connections_per_system_max as u64,
            ),
            ("listener.handshakes_max", listener.handshakes_max as u64),
            (
                "listener.handshake_timeout_ms",
                ms(listener.handshake_timeout),
            ),
            ("sqlite.readers", sqlite.readers as u64),
            ("sqlite.read_ms_max", sqlite.read_ms_max),
            ("documents.document_bytes_max", documents.document_bytes_max),
            (
                "documents.upload_expiry_hours",
                documents.upload_expiry_hours.into(),
            ),
            (
                "documents.unnamed_expiry_hours",
                documents.unnamed_expiry_hours.into(),
            ),
            (
                "documents.chunk_silence_s_max",
                documents.chunk_silence_s_max.into(),
            ),
            ("documents.uploads_max", documents.uploads_max as u64),
            (
                "documents.uploads_per_system_max",
                documents.uploads_per_system_max as u64,
            ),
            ("documents.downloads_max", documents.downloads_max as u64),
            (
                "documents.downloads_per_system_max",
                documents.downloads_per_system_max as u64,
            ),
            (
                "documents.parts_per_system_max",
                documents.parts_per_system_max as u64,
            ),
            (
                "documents.unnamed_bytes_per_system_max",
                documents.unnamed_bytes_per_system_max,
            ),
            ("courier.back_off_ms_min", courier.back_off_ms_min),
            (
                "courier.failures_until_incident",
                courier.failures_until_incident.into(),
            ),
            ("streams.window_items_max", streams.window_items_max.into()),
            ("streams.heartbeat_ms", ms(streams.heartbeat)),
            ("streams.hello_timeout_ms", ms(streams.hello_timeout)),
        ] {
            if value == 0 {
                faults.say(key, "must be at least 1");
            }
        }
        if !(1..=MESSAGE_BYTES_MAX).contains(&limits.message_bytes_max) {
            let mend = format!("must be 1 to {MESSAGE_BYTES_MAX}");
            faults.say("limits.message_bytes_max", mend);
        }
        if courier.back_off_ms_max < courier.back_off_ms_min {
            let mend = format!(
                "must be at least courier.back_off_ms_min, {}",
                courier.back_off_ms_min
            );
            faults.say("courier.back_off_ms_max", mend);
        }
        if streams.silence <= streams.heartbeat {
            let mend = format!(
                "must be more than streams.heartbeat_ms, {}",
                ms(streams.heartbeat)
            );
            faults.say("streams.silence_ms", mend);
        }
        if faults.0.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// What is wrong with a configuration: each key with its mend.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the configuration cannot work: {}", .0.iter().map(|(key, mend)| format!("{key} {mend}")).collect::<Vec<_>>().join("; "))]
pub struct Faults(Vec<(&'static str, String)>);

impl Faults {
    fn say(&mut self, key: &'static str, mend: impl Into<String>) {
        self.0.push((key, mend.into()));
    }

    /// The keys that must be mended.
    pub fn keys(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(key, _)| *key)
    }
}

impl Limits {
    /// How long a command from outside waits for the ledger at most.
    pub fn ledger_wait(&self) -> Duration {
        Duration::from_millis(self.ledger_wait_ms_max)
    }

    /// How long one commit should last at most.
    pub fn ledger_turn(&self) -> Duration {
        Duration::from_millis(self.ledger_turn_ms_max)
    }

    /// How long draining may take.
    pub fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_s_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> Config {
        let text = format!(
            r#"
            listen = "127.0.0.1:0"
            store = "store"
            procedures = "procedures"
            calendars = "calendars"
            schemas = "schemas"
            directory = "directory.toml"
            credentials = {{ certificate = "a", key = "b", ca = "c" }}
            {more}
            "#
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn what_nobody_has_changed_works() {
        assert_eq!(config("").check(), Ok(()));
    }

    #[test]
    fn a_dossier_code_is_written_as_configured() {
        let pattern = |more: &str| config(more).code_pattern.to_string();
        assert_eq!(pattern(""), "{agency}-{yyyymmdd}-{number:7}");
        let short = "{agency:qd20}-{yymmdd}-{number:4}";
        assert_eq!(pattern(&format!("code_pattern = \"{short}\"")), short);
    }

    #[test]
    fn everything_that_cannot_work_is_said_at_once() {
        let faults = config(
            r"
            limits = { ledger_batch_max = 0, message_bytes_max = 2_000_000 }
            sqlite = { readers = 0 }
            courier = { back_off_ms_min = 500, back_off_ms_max = 100 }
            streams = { heartbeat_ms = 5_000, silence_ms = 5_000 }
            documents = { uploads_max = 0 }
            ",
        )
        .check()
        .unwrap_err();
        let keys: Vec<_> = faults.keys().collect();
        assert_eq!(
            keys,
            [
                "limits.ledger_batch_max",
                "sqlite.readers",
                "documents.uploads_max",
                "limits.message_bytes_max",
                "courier.back_off_ms_max",
                "streams.silence_ms"
            ]
        );
        assert!(
            faults
                .to_string()
                .contains("at least courier.back_off_ms_min, 500")
        );
    }
}
