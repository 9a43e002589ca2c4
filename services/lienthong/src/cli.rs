//! What may be typed: one command a file in `command/`, each with its example.

#[cfg(feature = "bench")]
use crate::command::bench::{BenchCommand, BenchDepartmentCommand, BenchPassCommand};
use crate::command::{
    broker::BrokerCommand,
    check_procedures::CheckProceduresCommand,
    completions::CompletionsCommand,
    console::ConsoleCommand,
    demo::DemoCommand,
    department::DepartmentCommand,
    desk::DeskCommand,
    dossier::DossierCommand,
    ops::{Ending, OpsCommand},
    pki::PkiCommand,
};
use clap::{Parser, Subcommand};

/// Liên thông: carries one citizen's dossier to every department that has a part in it, and brings
/// the results back to the one desk.
#[derive(Debug, Parser)]
#[command(
    name = "lienthong",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "Exit codes: 0 done, 1 failed or refused, 2 wrong usage; `ops` has more.\n\n\
                  Example:\n  lienthong demo"
)]
pub(crate) struct Cli {
    /// Answer in JSON: the result on standard output, an error on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(DemoCommand),
    #[command(subcommand)]
    Pki(PkiCommand),
    Broker(BrokerCommand),
    Department(DepartmentCommand),
    Desk(DeskCommand),
    Console(ConsoleCommand),
    #[command(subcommand)]
    Dossier(DossierCommand),
    #[command(subcommand)]
    Ops(OpsCommand),
    CheckProcedures(CheckProceduresCommand),
    Completions(CompletionsCommand),
    #[cfg(feature = "bench")]
    Bench(BenchCommand),
    #[cfg(feature = "bench")]
    #[command(hide = true)]
    BenchDepartment(BenchDepartmentCommand),
    #[cfg(feature = "bench")]
    #[command(hide = true)]
    BenchPass(BenchPassCommand),
}

impl Command {
    pub(crate) fn run(self, json: bool) -> anyhow::Result<Ending> {
        match self {
            Self::Ops(command) => return command.run(json),
            Self::Demo(command) => command.run(json),
            Self::Pki(command) => command.run(json),
            Self::Broker(command) => command.run(),
            Self::Department(command) => command.run(),
            Self::Desk(command) => command.run(),
            Self::Console(command) => command.run(),
            Self::Dossier(command) => command.run(json),
            Self::CheckProcedures(command) => command.run(json),
            Self::Completions(command) => {
                command.run();
                Ok(())
            }
            #[cfg(feature = "bench")]
            Self::Bench(command) => command.run(json),
            #[cfg(feature = "bench")]
            Self::BenchDepartment(command) => command.run(),
            #[cfg(feature = "bench")]
            Self::BenchPass(command) => command.run(),
        }
        .map(|()| Ending::Fine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_ends_its_help_with_an_example_that_is_understood() {
        let mut seen = 0;
        let mut waiting = vec![Cli::command()];
        while let Some(mut command) = waiting.pop() {
            waiting.extend(command.get_subcommands().cloned());
            let help = command.render_long_help().to_string();
            let (_, examples) = help
                .rsplit_once("Example:\n")
                .unwrap_or_else(|| panic!("`{}` has no example", command.get_name()));
            assert!(examples.lines().all(|line| line.len() < 80), "{examples}");
            for example in examples.replace("\\\n", " ").lines() {
                let words = example.split_whitespace();
                Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{example}: {error}"));
                seen += 1;
            }
        }
        assert!(seen >= 15, "only {seen} examples");
    }

    #[test]
    fn wrong_usage_ends_with_2() {
        let refused = Cli::try_parse_from(["lienthong", "dossier", "track"]).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
    }
}
