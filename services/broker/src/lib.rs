//! The post office: intake, ledger, store, couriers, documents, directory.
//!
//! A dossier *arrives* ([`desk`]), is *checked* (`dossier::intake`), *recorded* ([`ledger`], into
//! the [`store`]), *routed* (the directory in the [`registry`]), *handed over* and *acknowledged*
//! ([`courier`]), *answered* and *returned* ([`exchange`]). After a loss both sides [`reconcile`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
mod adoption;
pub mod bell;
pub mod board;
pub mod causes;
pub mod codes;
pub mod config;
pub mod courier;
pub mod desk;
pub mod documents;
pub mod exchange;
pub mod failure;
pub mod hot;
pub mod ledger;
mod metrics;
pub mod operator;
pub mod papers;
pub mod persons;
pub mod reconcile;
pub mod records;
pub mod registry;
mod retention;
mod serve;
pub mod standings;
pub mod starts;
pub mod store;
pub mod suspensions;
pub mod timers;
pub mod wire;

/// Whether deliberate breakages were compiled in, for the crash harness.
pub const HAS_FAULTS: bool = cfg!(feature = "faults");

pub use config::Config;
pub use serve::{BrokerError, Running, run, start, start_restored};
