//! The post office: intake, ledger, store, couriers, documents, directory.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod records;
pub mod store;
