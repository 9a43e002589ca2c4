//! What the console is told at its start: one TOML file.

use node::{
    config::{ConfigError, resolve},
    identity::{Identity, Role},
    tls::CredentialPaths,
};
use serde::Deserialize;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

/// Before the keys in the names of environment variables: `LIENTHONG_CONSOLE__WEB__LISTEN`.
pub const ENV_PREFIX: &str = "LIENTHONG_CONSOLE";

/// The configuration of the console.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where saved filters lie.
    pub state: PathBuf,
    /// The console's own certificate towards the broker, its key, and the authority whose operators may
    /// log in with a certificate.
    pub credentials: CredentialPaths,
    /// The broker.
    pub broker: Broker,
    /// The page.
    pub web: Web,
    /// How operators log in.
    #[serde(default)]
    pub login: Login,
    /// How much.
    #[serde(default)]
    pub limits: Limits,
    /// How long.
    #[serde(default)]
    pub times: Times,
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

/// Where the page is served, and how browsers know it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// Where it listens; 127.0.0.1:7480, so that nobody else sees it who is not told otherwise.
    #[serde(default = "loopback")]
    pub listen: SocketAddr,
    /// What browsers are shown, PEM, with the host's name in it; from any authority that they believe.
    pub certificate: PathBuf,
    /// Its private key, PEM.
    pub key: PathBuf,
    /// How browsers address it, such as `https://console.province.example`; left out, it is
    /// `https://localhost:<port>`, and 127.0.0.1 and `[::1]` serve too.
    pub origin: Option<String>,
}

/// How operators log in. A certificate of role operator from the authority always serves.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// Lets whoever reaches the page be this operator: for a first look, on a loopback address alone.
    pub local_operator: Option<Identity>,
    /// A provider of OpenID Connect; none when left out.
    pub oidc: Option<Oidc>,
}

/// A provider of OpenID Connect.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Its issuer, as its tokens name it.
    pub issuer: String,
    /// As what the console is registered there.
    pub client_id: String,
    /// The file with the secret of that registration; left out for a public client.
    pub client_secret_file: Option<PathBuf>,
    /// The authorities that the provider's own certificate may be from, PEM.
    #[serde(default = "system_authorities")]
    pub ca: PathBuf,
    /// Lets a provider on a loopback address speak plain HTTP, for tests; false.
    #[serde(default)]
    pub insecure_loopback: bool,
}

/// How much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Connections of browsers at once; 256.
    pub connections_max: usize,
    /// Sessions at once; of more, the one that was idle longest ends; 1,000.
    pub sessions_max: usize,
    /// Streams of changes that one session has open at once: a tab has one; 16.
    pub streams_per_session_max: usize,
    /// Bytes of a form; 65,536.
    pub form_bytes_max: usize,
    /// Saved filters of one operator; 50.
    pub filters_max: usize,
}

/// How long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// Minutes without a request or an open page after which a session ends; 30.
    pub idle_minutes_max: u32,
    /// Hours after which a session ends whatever happens; 10.
    pub session_hours_max: u32,
    /// Milliseconds for a TLS handshake, and for a request's head; 10,000.
    pub handshake_ms_max: u64,
    /// Milliseconds that the broker may take for one call; 10,000.
    pub call_ms_max: u64,
    /// Milliseconds at least between two tellings of changes to a page; 500.
    pub telling_ms_min: u64,
    /// Seconds for requests under way when the console ends; 5.
    pub drain_s_max: u64,
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7480))
}

fn system_authorities() -> PathBuf {
    "/etc/ssl/certs/ca-certificates.crt".into()
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 256,
            sessions_max: 1_000,
            streams_per_session_max: 16,
            form_bytes_max: 65_536,
            filters_max: 50,
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self {
            idle_minutes_max: 30,
            session_hours_max: 10,
            handshake_ms_max: 10_000,
            call_ms_max: 10_000,
            telling_ms_min: 500,
            drain_s_max: 5,
        }
    }
}

impl Times {
    pub(crate) fn idle_max(&self) -> Duration {
        Duration::from_secs(60 * u64::from(self.idle_minutes_max))
    }

    pub(crate) fn session_max(&self) -> Duration {
        Duration::from_secs(3_600 * u64::from(self.session_hours_max))
    }

    pub(crate) fn call_max(&self) -> Duration {
        Duration::from_millis(self.call_ms_max)
    }
}

impl Config {
    /// Reads the file at `path`, with what the environment replaces. Relative paths start beside
    /// the file.
    ///
    /// # Errors
    /// [`ConfigError`] names the key and how to mend it.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = node::config::load(path, ENV_PREFIX)?;
        config.state = resolve(path, &config.state);
        config.credentials = config.credentials.resolved(path);
        config.web.certificate = resolve(path, &config.web.certificate);
        config.web.key = resolve(path, &config.web.key);
        if let Some(oidc) = &mut config.login.oidc {
            oidc.ca = resolve(path, &oidc.ca);
            oidc.client_secret_file = oidc
                .client_secret_file
                .as_ref()
                .map(|file| resolve(path, file));
        }
        Ok(config)
    }

    /// Says by its key what cannot be used.
    ///
    /// # Errors
    /// A sentence with the key and how to mend it.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (limits, times) = (&self.limits, &self.times);
        let least_1 = [
            ("limits.connections_max", limits.connections_max as u64),
            ("limits.sessions_max", limits.sessions_max as u64),
            (
                "limits.streams_per_session_max",
                limits.streams_per_session_max as u64,
            ),
            ("limits.form_bytes_max", limits.form_bytes_max as u64),
            ("times.idle_minutes_max", times.idle_minutes_max.into()),
            ("times.session_hours_max", times.session_hours_max.into()),
            ("times.handshake_ms_max", times.handshake_ms_max),
            ("times.call_ms_max", times.call_ms_max),
            ("times.telling_ms_min", times.telling_ms_min),
        ];
        if let Some((key, _)) = least_1.into_iter().find(|(_, value)| *value == 0) {
            return Err(format!("{key}: must be at least 1"));
        }
        if let Some(operator) = &self.login.local_operator {
            if !self.web.listen.ip().is_loopback() {
                return Err(format!(
                    "login.local_operator: lets everybody in who reaches {}; listen on a loopback address, \
                     or remove it and let operators log in",
                    self.web.listen
                ));
            }
            if operator.role != Role::Operator {
                return Err(format!(
                    "login.local_operator: {operator} is no operator; write spiffe://<trust domain>/operator/<code>"
                ));
            }
        }
        if let Some(origin) = &self.web.origin
            && host_of(origin).is_none()
        {
            return Err(format!(
                "web.origin: `{origin}` is no origin; write https://host or https://host:port"
            ));
        }
        if self.web.origin.is_none() && !self.web.listen.ip().is_loopback() {
            return Err(format!(
                "web.origin: is needed where the page is served at {}, so that it answers to its own name \
                 alone; write https://host or https://host:port",
                self.web.listen
            ));
        }
        if let Some(oidc) = &self.login.oidc {
            check_issuer(oidc)?;
        }
        Ok(())
    }

    /// How browsers address the page, where it listens at `address`.
    pub(crate) fn origin(&self, address: SocketAddr) -> String {
        let default = || format!("https://localhost:{}", address.port());
        self.web.origin.clone().unwrap_or_else(default)
    }
}

/// The host, with its port, of an `https` origin.
pub(crate) fn host_of(origin: &str) -> Option<&str> {
    let host = origin.strip_prefix("https://")?;
    let uri: http::Uri = origin.parse().ok()?;
    (uri.authority()?.as_str() == host && !host.contains('@')).then_some(host)
}

fn check_issuer(oidc: &Oidc) -> Result<(), String> {
    let issuer = &oidc.issuer;
    let uri: Option<http::Uri> = issuer.parse().ok();
    let host = uri.as_ref().and_then(|uri| uri.host()).unwrap_or_default();
    let scheme = uri.as_ref().and_then(|uri| uri.scheme_str());
    let is_loopback = host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    match scheme {
        Some("https") => Ok(()),
        Some("http") if oidc.insecure_loopback && is_loopback => Ok(()),
        _ => Err(format!(
            "login.oidc.issuer: `{issuer}` is no https address; write the provider's issuer as its \
             tokens name it"
        )),
    }
}
