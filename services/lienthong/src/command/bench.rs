//! Measures what the broker carries on this machine.

use super::service::{ServiceArgs, runtime};
use crate::bench::{self, Options};
use clap::Args;

/// Measure what the broker carries on this machine.
///
/// Starts a throwaway broker and departments as processes of their own, with mutual TLS and real
/// syncs, and sends dossiers through them. Every result is shown beside what the machine can do,
/// measured in the same run. Build it with `--profile dist`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong bench\n  lienthong bench handoffs limit --seconds 3\n  \
                        lienthong bench --report deploy/bench"
)]
pub(crate) struct BenchCommand {
    #[command(flatten)]
    options: Options,
}

impl BenchCommand {
    pub(crate) fn run(self, json: bool) -> anyhow::Result<()> {
        runtime()?.block_on(bench::run(self.options, json))
    }
}

/// Run a department that only measures. `lienthong bench` starts it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong bench-department --config department.toml")]
pub(crate) struct BenchDepartmentCommand {
    #[command(flatten)]
    service: ServiceArgs,
}

impl BenchDepartmentCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = bench::department::Config::load(&self.service.config)?;
        self.service.serve("department", |shutdown| {
            bench::department::run(config, shutdown)
        })
    }
}

/// Pass items on without recording them. `lienthong bench` starts it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong bench-pass --config broker.toml")]
pub(crate) struct BenchPassCommand {
    #[command(flatten)]
    service: ServiceArgs,
}

impl BenchPassCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let config = broker::Config::load(&self.service.config)?;
        self.service
            .serve("broker", |shutdown| bench::pass::run(config, shutdown))
    }
}
