//! Why a broker cannot run, or ended.

use crate::{
    config::Faults, documents::OpenError, persons::PersonIndexError, registry::RegistryError,
    store::StoreError,
};
use node::{identity::Identity, tls::CredentialsError, traces::TracesError};
use std::{io, net::SocketAddr, path::PathBuf};

/// The broker cannot run, or ended.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// Mend the keys that it names.
    #[error(transparent)]
    Config(#[from] Faults),
    /// Mend the certificate files.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Issue a certificate for a broker.
    #[error("the certificate is that of {0}; issue one with the role broker")]
    Role(Identity),
    /// Mend the procedure, the calendar, the schema or the directory.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Mend the template or the font.
    #[error("the forms cannot be used: {0}")]
    Forms(#[from] forms::LoadError),
    /// See the message.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// See the message.
    #[error(transparent)]
    Documents(#[from] OpenError),
    /// Name another address.
    #[error("cannot listen on {address}: {source}; name another address")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// Name another address under `metrics.listen`.
    #[error("metrics.listen: {source}; name another address, or none")]
    Metrics {
        /// What the operating system says.
        source: io::Error,
    },
    /// Mend the key that it names.
    #[error(transparent)]
    Traces(#[from] TracesError),
    /// Make the folder writable.
    #[error("cannot write {path}: {source}; make its folder writable", path = path.display())]
    AddressFile {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// See the message.
    #[error(transparent)]
    Persons(#[from] PersonIndexError),
    /// Start it again.
    #[error("signals cannot be heard: {0}")]
    Signals(io::Error),
    /// Start it again.
    #[error("the server failed: {0}")]
    Server(#[from] tonic::transport::Error),
    /// Look at the disk, then start it again.
    #[error("the disk did not sync; look at it, then start the broker again")]
    SyncFailed,
    /// Start it again.
    #[error("a part of the broker ended: {0}")]
    Ended(&'static str),
}
