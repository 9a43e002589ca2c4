//! What an operator does: sees everything, finds what is stuck, and puts it right.

mod audit;
mod cells;
mod departments;
mod dossier;
mod dossiers;
mod ending;
mod extend_step;
mod incidents;
mod line;
mod move_step;
mod overview;
mod person;
mod procedures;
mod reason;
mod redrive;
mod release;
mod retry;
mod shown;
mod statistics;
mod suspend;
mod top;
mod watch;
mod who_am_i;
mod words;

pub(crate) use ending::{Ending, ending_of};

use super::service::runtime;
use clap::Subcommand;

/// See everything, find what is stuck and put it right, with an operator's certificate.
#[derive(Debug, Subcommand)]
#[command(after_help = "Exit codes, for scripts:
  0 fine
  1 failed or refused
  2 wrong usage
  3 nothing found, or no such thing
  4 not allowed
  5 the broker is away
  6 of many, some failed

Example:
  lienthong ops overview
  lienthong ops incidents --watch
  lienthong ops audit --verify
  lienthong ops top")]
pub(crate) enum OpsCommand {
    Whoami(who_am_i::WhoAmICommand),
    Overview(overview::OverviewCommand),
    Dossiers(dossiers::DossiersCommand),
    Person(person::PersonCommand),
    Dossier(dossier::DossierCommand),
    Watch(watch::WatchCommand),
    Departments(departments::DepartmentsCommand),
    Procedures(procedures::ProceduresCommand),
    Incidents(incidents::IncidentsCommand),
    Redrive(redrive::RedriveCommand),
    MoveStep(move_step::MoveStepCommand),
    ExtendStep(extend_step::ExtendStepCommand),
    Retry(retry::RetryCommand),
    #[command(subcommand)]
    Suspend(suspend::SuspendCommand),
    #[command(subcommand)]
    Resume(suspend::ResumeCommand),
    Release(release::ReleaseCommand),
    Statistics(statistics::StatisticsCommand),
    Audit(audit::AuditCommand),
    Top(top::TopCommand),
}

impl OpsCommand {
    pub(crate) fn run(self, json: bool) -> anyhow::Result<Ending> {
        runtime()?.block_on(async {
            match self {
                Self::Whoami(command) => command.run(json).await,
                Self::Overview(command) => command.run(json).await,
                Self::Dossiers(command) => command.run(json).await,
                Self::Person(command) => command.run(json).await,
                Self::Dossier(command) => command.run(json).await,
                Self::Watch(command) => command.run(json).await,
                Self::Departments(command) => command.run(json).await,
                Self::Procedures(command) => command.run(json).await,
                Self::Incidents(command) => command.run(json).await,
                Self::Redrive(command) => command.run(json).await,
                Self::MoveStep(command) => command.run(json).await,
                Self::ExtendStep(command) => command.run(json).await,
                Self::Retry(command) => command.run(json).await,
                Self::Suspend(command) => command.run(json).await,
                Self::Resume(command) => command.run(json).await,
                Self::Release(command) => command.run(json).await,
                Self::Statistics(command) => command.run(json).await,
                Self::Audit(command) => command.run(json).await,
                Self::Top(command) => command.run().await,
            }
        })
    }
}
