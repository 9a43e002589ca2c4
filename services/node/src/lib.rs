//! The ground: configuration, identity, TLS, telemetry and shutdown, which every process needs.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod config;
pub mod fault;
pub mod shutdown;
pub mod telemetry;

#[cfg(test)]
mod testing;
