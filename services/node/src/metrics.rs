//! Metrics: what a process counts and measures of itself, gathered when Prometheus asks for it.
//!
//! Nothing is kept twice: a [`Source`] reads what is counted where it happens, and what stands in a store,
//! when a page is asked for. A page is up to a second old however often it is asked for, so that no scrape
//! costs more than that. No row names a dossier or a person: labels are agencies of the directory, and words
//! of the contract and of this code.

mod calls;
pub mod disk;
mod door;
mod page;
mod process;
mod verdicts;

pub use self::{
    calls::{Answer, Calls, Heard},
    door::Door,
    page::{Figure, Page, Rows},
    process::Process,
    verdicts::Verdicts,
};

pub use prometheus_client::metrics::histogram::Histogram;

use serde::Deserialize;
use std::{net::SocketAddr, sync::Arc};

/// Where the metrics of a process are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsConfig {
    /// Where `GET /metrics` is answered, over plain HTTP and to everybody who reaches it: an address of the
    /// machine itself, unless the network keeps others out. Port 0 lets the system pick. Left out: nowhere.
    pub listen: Option<SocketAddr>,
}

/// What tells some of a process's metrics.
#[async_trait::async_trait]
pub trait Source: Send + Sync {
    /// Puts them on a page. What cannot be read now is left out.
    async fn tell(&self, page: &mut Page);
}

/// Everybody who tells something. Cheap to clone.
pub type Sources = Arc<[Box<dyn Source>]>;
