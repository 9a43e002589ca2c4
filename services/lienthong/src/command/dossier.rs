//! What a desk's officer does from a terminal: submits, tracks and saves, with the desk's certificate.

mod list;
mod notices;
mod results;
mod submit;
mod track;

use super::service::runtime;
use crate::window::Window;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Submit dossiers and see what becomes of them, with a desk's certificate.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  lienthong dossier track H99.01.01-20261122-0000001")]
pub(crate) enum DossierCommand {
    Submit(submit::SubmitCommand),
    Track(track::TrackCommand),
    Results(results::ResultsCommand),
    List(list::ListCommand),
    Notices(notices::NoticesCommand),
}

#[derive(Debug, Args)]
struct DeskArgs {
    /// The desk's configuration.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "desk.toml",
        env = "LIENTHONG_CONFIG"
    )]
    config: PathBuf,
}

impl DeskArgs {
    fn config(&self) -> anyhow::Result<desk::Config> {
        Ok(desk::Config::load(&self.config)?)
    }

    fn window(&self) -> anyhow::Result<Window> {
        Window::new(&self.config()?)
    }
}

impl DossierCommand {
    pub(crate) fn run(self, json: bool) -> anyhow::Result<()> {
        runtime()?.block_on(async {
            match self {
                Self::Submit(command) => command.run(json).await,
                Self::Track(command) => command.run(json).await,
                Self::Results(command) => command.run(json).await,
                Self::List(command) => command.run(json).await,
                Self::Notices(command) => command.run(json).await,
            }
        })
    }
}
