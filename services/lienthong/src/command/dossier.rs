//! What a desk's officer does from a terminal: submits, acts, tracks and saves, with the desk's certificate.

mod act;
mod ending;
mod form;
mod give;
mod hand_out;
mod intake;
mod lease_codes;
mod list;
mod notices;
mod pay;
mod public;
mod results;
mod submit;
mod track;
mod uses;
mod worklist;

use super::service::runtime;
use crate::window::Window;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Submit dossiers, act for their citizens, and see what becomes of them, with a desk's certificate.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  lienthong dossier track H99.01.01-20261122-0000001")]
pub(crate) enum DossierCommand {
    Submit(submit::SubmitCommand),
    Receive(intake::ReceiveCommand),
    Refuse(intake::RefuseCommand),
    Ask(intake::AskCommand),
    Answer(give::AnswerCommand),
    Consent(give::ConsentCommand),
    CompleteStep(give::CompleteStepCommand),
    Pay(pay::PayCommand),
    Withdraw(ending::WithdrawCommand),
    Stop(ending::StopCommand),
    Resume(ending::ResumeCommand),
    HandOut(hand_out::HandOutCommand),
    ReportFault(hand_out::ReportFaultCommand),
    Track(track::TrackCommand),
    Public(public::PublicCommand),
    Results(results::ResultsCommand),
    Uses(uses::UsesCommand),
    Form(form::FormCommand),
    Register(form::RegisterCommand),
    List(list::ListCommand),
    Worklist(worklist::WorklistCommand),
    Notices(notices::NoticesCommand),
    LeaseCodes(lease_codes::LeaseCodesCommand),
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
                Self::Receive(command) => command.run(json).await,
                Self::Refuse(command) => command.run(json).await,
                Self::Ask(command) => command.run(json).await,
                Self::Answer(command) => command.run(json).await,
                Self::Consent(command) => command.run(json).await,
                Self::CompleteStep(command) => command.run(json).await,
                Self::Pay(command) => command.run(json).await,
                Self::Withdraw(command) => command.run(json).await,
                Self::Stop(command) => command.run(json).await,
                Self::Resume(command) => command.run(json).await,
                Self::HandOut(command) => command.run(json).await,
                Self::ReportFault(command) => command.run(json).await,
                Self::Track(command) => command.run(json).await,
                Self::Public(command) => command.run(json).await,
                Self::Results(command) => command.run(json).await,
                Self::Uses(command) => command.run(json).await,
                Self::Form(command) => command.run(json).await,
                Self::Register(command) => command.run(json).await,
                Self::List(command) => command.run(json).await,
                Self::Worklist(command) => command.run(json).await,
                Self::Notices(command) => command.run(json).await,
                Self::LeaseCodes(command) => command.run(json).await,
            }
        })
    }
}
