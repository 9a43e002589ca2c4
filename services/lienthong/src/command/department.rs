//! Runs a department.

use super::service::ServiceArgs;
use anyhow::Context as _;
use clap::Args;
use department::scripted::{Script, Scripted};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Run a department that answers as a script says: for trials, demos and tests.
///
/// A department with logic of its own links the library and brings its own handler.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong department --config /etc/lienthong/department.toml")]
pub(crate) struct DepartmentCommand {
    #[command(flatten)]
    service: ServiceArgs,
}

impl DepartmentCommand {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let path = &self.service.config;
        let config = department::Config::load(path)?;
        let script = config.script.clone().with_context(|| {
            let path = path.display();
            format!("{path}: script: is missing; name the TOML file that says what to answer")
        })?;
        let handler = Arc::new(Scripted::new(Script::load(&script)?));
        self.service.serve("department", |shutdown| async move {
            let address = config.listen;
            let listener = TcpListener::bind(address).await;
            let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
            Ok(department::run(config, listener, shutdown, handler).await?)
        })
    }
}
