//! What this was measured on.

use anyhow::Context as _;
use serde_json::{Value, json};
use std::{fs, path::Path, process::Command};

/// The machine, the disk and the program.
pub(crate) fn describe(folder: &Path) -> anyhow::Result<Value> {
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .map(|rest| rest.trim_start_matches([' ', '\t', ':']).to_owned());
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory_kib: Option<u64> = memory
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let program = std::env::current_exe().context("cannot find this program's own file")?;
    Ok(json!({
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "processor": model,
        "memory_bytes": memory_kib.map(|kib| kib * 1024),
        "kernel": kernel.trim(),
        "file_system": file_system(folder),
        "version": env!("CARGO_PKG_VERSION"),
        "profile": if cfg!(debug_assertions) { "with debug assertions: measures nothing" } else { "optimised" },
        "program_bytes": fs::metadata(program).map(|found| found.len()).ok(),
        "measured_at": jiff::Timestamp::now().to_string(),
    }))
}

/// The file system that the folder is on, as the system names it.
fn file_system(folder: &Path) -> Option<String> {
    let said = Command::new("df").arg("-T").arg(folder).output().ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let line = said.lines().nth(1)?.split_whitespace().take(2);
    Some(line.collect::<Vec<_>>().join(" "))
}
