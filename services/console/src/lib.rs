//! The window on it all: the operators' page, a client of the operator service like any other.
//!
//! A request passes the `gate` (whose session it is, whose form), a page in `pages` asks the broker for the
//! operator who is logged in (`line`), and open pages hear by `events` what changed, from one stream an
//! operator (`hub`).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod app;
mod assets;
mod chart;
mod config;
mod cookie;
mod door;
mod events;
mod fields;
mod frame;
mod gate;
mod hub;
mod language;
mod line;
mod login;
mod oidc;
mod pages;
mod redrive;
mod saved;
mod session;
mod time;
mod trouble;
mod visit;
mod words;

pub use config::{Broker, Config, ENV_PREFIX, Limits, Login, Oidc, Times, Web};

use node::{
    shutdown::Shutdown,
    tls::{ChannelError, Credentials, CredentialsError},
};
use std::{io, sync::Arc};
use tokio::net::TcpListener;

/// The console cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Mend the value that it names.
    #[error("{0}")]
    Config(String),
    /// Mend the files that it names.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Mend the broker's address.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// See that the folder may be written.
    #[error("the folder for saved filters cannot be used: {0}")]
    State(io::Error),
    /// Mend the files that the provider's configuration names.
    #[error("login.oidc: {0}")]
    Oidc(io::Error),
    /// Choose another address, or end who has it.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
}

/// Runs the console where its configuration says, until `shutdown`.
///
/// # Errors
/// [`RunError`] says what to mend; nothing was served.
pub async fn run(config: Config, shutdown: Shutdown) -> Result<(), RunError> {
    let address = config.web.listen;
    config.check().map_err(RunError::Config)?;
    let bound = TcpListener::bind(address).await;
    let listener = bound.map_err(|source| RunError::Listen { address, source })?;
    serve(config, listener, shutdown).await
}

/// As [`run`], on a socket that is open.
///
/// # Errors
/// As [`run`].
pub async fn serve(
    config: Config,
    listener: TcpListener,
    shutdown: Shutdown,
) -> Result<(), RunError> {
    let listen = config.web.listen;
    let address = listener.local_addr().map_err(|source| RunError::Listen {
        address: listen,
        source,
    })?;
    let config = Config {
        web: Web {
            listen: address,
            ..config.web
        },
        ..config
    };
    config.check().map_err(RunError::Config)?;
    let credentials = Credentials::load(&config.credentials)?;
    let tls = credentials.web_server_config(&config.web.certificate, &config.web.key)?;
    let origin = config.origin(address);
    let line = line::Line::new(&config, &credentials)?;
    let oidc = config.login.oidc.as_ref();
    let oidc = oidc.map(|provider| oidc::Oidc::new(provider, &origin));
    let saved = saved::SavedFilters::open(&config.state, config.limits.filters_max);
    tracing::info!(
        %address,
        origin,
        broker = config.broker.address,
        identity = %credentials.identity(),
        "the console is open"
    );
    if let Some(operator) = &config.login.local_operator {
        tracing::warn!(%operator, "whoever reaches this page may enter as this operator");
    }
    let app = app::App {
        sessions: session::Sessions::new(&config.limits, &config.times),
        hub: hub::Hub::new(line.clone()),
        saved: saved.map_err(RunError::State)?,
        trust_domain: credentials.identity().trust_domain.as_str().into(),
        denied: credentials.denied().clone(),
        oidc: oidc.transpose().map_err(RunError::Oidc)?.map(Arc::new),
        origin: origin.into(),
        config: Arc::new(config),
        shutdown,
        line,
    };
    door::serve(app, listener, tls).await;
    tracing::info!(%address, "the console is closed");
    Ok(())
}
