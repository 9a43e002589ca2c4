//! What the long-running commands have in common: their log, their runtime and their end.

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use node::{shutdown::Shutdown, telemetry};
use std::{future::Future, io, path::PathBuf};

#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// The configuration, TOML. Every value can be replaced by an environment variable.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// What the log on standard error tells; LIENTHONG_LOG goes before it.
    #[arg(long, value_name = "FILTER", default_value = "info")]
    log: String,
    /// How a log line looks.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// End when standard input closes: for a program that starts this one and must not leave it
    /// behind.
    #[arg(long)]
    until_input_closes: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

impl ServiceArgs {
    /// Runs a service until it ends by itself or by SIGTERM, SIGINT or the end of its input.
    pub(crate) fn serve<F, T>(
        &self,
        service: &str,
        run: impl FnOnce(Shutdown) -> F,
    ) -> anyhow::Result<T>
    where
        F: Future<Output = anyhow::Result<T>>,
    {
        let format = match self.log_format {
            LogFormat::Text => telemetry::Format::Text,
            LogFormat::Json => telemetry::Format::Json,
        };
        let _written = telemetry::init(service, format, &self.log)?;
        runtime()?.block_on(async {
            let shutdown = Shutdown::new();
            shutdown.on_signals().context("cannot listen for signals")?;
            if self.until_input_closes {
                end_with_input(shutdown.clone());
            }
            run(shutdown).await
        })
    }
}

/// One thread carries a process: on small machines that carries the most.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// In a thread that nobody waits for: a read of standard input cannot be given up.
fn end_with_input(shutdown: Shutdown) {
    std::thread::spawn(move || {
        // However it ends, there is nobody left at the other side.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        tracing::info!("ending: standard input closed");
        shutdown.trigger();
    });
}
