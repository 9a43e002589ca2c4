//! Trouble: why a stream could not be opened, or ended.

use super::opening::OPEN_TIME_MAX;
use crate::store::StoreError;
use node::{fault::Fault, tls};
use tonic::Status;

/// Why a stream could not be opened, or ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the directory names no system for the department, or no address")]
    NoSystem,
    #[error("{0}")]
    Channel(#[from] tls::ChannelError),
    #[error("{}", reason(.0))]
    Stream(Status),
    #[error("it did not open a stream within {} s", OPEN_TIME_MAX.as_secs())]
    Silent,
    #[error("the stream ended")]
    Ended,
    #[error("the store cannot be read: {0}")]
    Store(#[from] StoreError),
}

fn reason(status: &Status) -> String {
    Fault::reason_of(status).unwrap_or_else(|| {
        let source = std::error::Error::source(status)
            .map(ToString::to_string)
            .unwrap_or_default();
        format!("{:?} {source}", status.code())
    })
}
