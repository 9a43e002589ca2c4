//! How often the disk syncs what was appended.

use anyhow::Context as _;
use rustix::fs::fdatasync;
use serde::Serialize;
use std::{
    fs::File,
    io::Write as _,
    path::Path,
    time::{Duration, Instant},
};

/// Syncs after appends of one size.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Syncs {
    /// Bytes appended before each.
    pub(crate) append_bytes: usize,
    /// Syncs a second.
    pub(crate) per_second: f64,
    /// Microseconds of the median one.
    pub(crate) p50_us: u64,
    /// Microseconds that 1 % exceed.
    pub(crate) p99_us: u64,
}

/// Appends and syncs for so long.
pub(crate) fn measure(folder: &Path, append_bytes: usize, time: Duration) -> anyhow::Result<Syncs> {
    let path = folder.join("sync.bin");
    let mut file =
        File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let bytes = vec![b'x'; append_bytes];
    let (began, mut took_us) = (Instant::now(), Vec::new());
    while began.elapsed() < time {
        let one = Instant::now();
        file.write_all(&bytes)?;
        fdatasync(&file)?;
        took_us.push(u64::try_from(one.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    let elapsed = began.elapsed().as_secs_f64();
    drop(file);
    std::fs::remove_file(&path)?;
    let per_second = took_us.len() as f64 / elapsed;
    took_us.sort_unstable();
    let at = |share: usize| took_us[(took_us.len() * share / 100).min(took_us.len() - 1)];
    Ok(Syncs {
        append_bytes,
        per_second,
        p50_us: at(50),
        p99_us: at(99),
    })
}
