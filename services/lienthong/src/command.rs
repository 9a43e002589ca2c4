//! One command a file.

#[cfg(feature = "bench")]
pub(crate) mod bench;
pub(crate) mod broker;
pub(crate) mod check_procedures;
pub(crate) mod completions;
pub(crate) mod console;
pub(crate) mod demo;
pub(crate) mod department;
pub(crate) mod desk;
pub(crate) mod dossier;
pub(crate) mod ops;
pub(crate) mod pki;
mod service;
