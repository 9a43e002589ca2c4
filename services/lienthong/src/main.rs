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
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let json = cli.json;
    match cli.command.run(json) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            trouble::tell(&error, json);
            ExitCode::FAILURE
        }
    }
}
