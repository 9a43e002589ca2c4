//! The ground: configuration, identity, TLS, telemetry and shutdown, which every process needs.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "faults")]
pub mod breakage;
pub mod config;
pub mod documents;
pub mod embedded;
pub mod fault;
pub mod identity;
pub mod metrics;
pub mod pki;
pub mod shutdown;
pub mod stream;
pub mod telemetry;
pub mod tls;
pub mod traces;
pub mod transfer;
pub mod undecoded;
pub mod vitals;

#[cfg(test)]
mod testing;
