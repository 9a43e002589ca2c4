//! The one binary: reads the arguments, starts one thing, and tells a person how it went.

#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(feature = "bench")]
mod bench;
mod cli;
mod command;
mod demo;
#[cfg(test)]
mod examples;
mod screen;
mod spool;
mod town;
mod trouble;
mod window;

use clap::Parser as _;
use command::ops::{Ending, ending_of};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let json = cli.json;
    // Scripts of operators want to know why; whoever runs a service reads it.
    let says_why = matches!(cli.command, cli::Command::Ops(_));
    let ending = cli.command.run(json).unwrap_or_else(|error| {
        trouble::tell(&error, json);
        match says_why {
            true => ending_of(&error),
            false => Ending::Failed,
        }
    });
    ExitCode::from(ending as u8)
}
