//! A long time at a moderate load: whether memory, descriptors, threads, tasks or the write-ahead log grow.

use super::{
    Options, open, proc,
    shape::Shape,
    town::{Manner, Town, with_logs},
};
use anyhow::ensure;
use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// Steps of each dossier.
const STEPS: usize = 4;
/// Departments that take turns.
const DEPARTMENTS: usize = 2;
/// Between two samples.
const SAMPLE: Duration = Duration::from_secs(10);
/// Of the time, what goes by before growth is looked for: caches fill.
const WARM_UP: f64 = 0.4;
/// What counts as growth from the first third of the rest to its last one: this share …
const GROWTH: f64 = 0.05;
/// … and so much, of bytes and of anything else: less is a few pages, or the call that was just under way.
const GROWTH_BYTES: f64 = 4.0 * 1024.0 * 1024.0;
const GROWTH_PIECES: f64 = 8.0;

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Soak {
    /// Minutes.
    pub(crate) minutes: f64,
    /// Dossiers submitted a second.
    pub(crate) rate: f64,
    /// Dossiers that went through all their steps.
    pub(crate) dossiers: u64,
    /// Submits that were not taken.
    pub(crate) not_taken: u64,
    /// What was watched.
    pub(crate) watched: Vec<Watched>,
}

/// One thing that was watched.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Watched {
    /// Whose, and what.
    pub(crate) what: String,
    /// It is a number of bytes.
    pub(crate) is_bytes: bool,
    /// At the end of the warm-up: the median of the first third.
    pub(crate) before: f64,
    /// The median of the last third.
    pub(crate) after: f64,
    /// At most.
    pub(crate) peak: f64,
    /// By a straight line through all of it, an hour.
    pub(crate) per_hour: f64,
    /// Whether it counts as growth.
    pub(crate) grew: bool,
}

/// Measures it.
pub(crate) async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Soak> {
    let inner = folder.join("soak");
    fs::create_dir_all(&inner)?;
    let manner = Manner {
        durable: true,
        log: options.log.clone(),
        ..Manner::default()
    };
    let shape = Shape::chain(STEPS, DEPARTMENTS, options.bytes);
    let mut town = Town::found(&inner, &shape, manner)?;
    let measured = async {
        town.open().await?;
        soak(&mut town, options).await
    };
    let measured = measured.await;
    town.close().await;
    measured.map_err(|error| with_logs(&error, &town))
}

async fn soak(town: &mut Town, options: &Options) -> anyhow::Result<Soak> {
    let time = Duration::from_secs_f64(options.minutes * 60.0);
    let (began, mut not_taken) = (Instant::now(), 0);
    let mut series: BTreeMap<(String, bool), Vec<(f64, f64)>> = BTreeMap::new();
    while began.elapsed() < time {
        let answers = open::submits(town, options.rate, SAMPLE).await?;
        not_taken += answers.sent - answers.taken;
        let at = began.elapsed().as_secs_f64();
        for (what, is_bytes, value) in look(town).await? {
            series
                .entry((what, is_bytes))
                .or_default()
                .push((at, value));
        }
    }
    let whole = began.elapsed().as_secs_f64();
    let from = whole * WARM_UP;
    let watched = series.into_iter().filter_map(|((what, is_bytes), values)| {
        let values: Vec<_> = values.into_iter().filter(|(at, _)| *at >= from).collect();
        Watched::of(what, is_bytes, &values)
    });
    let watched: Vec<_> = watched.collect();
    ensure!(
        !watched.is_empty(),
        "nothing was sampled; give it more --minutes"
    );
    Ok(Soak {
        minutes: whole / 60.0,
        rate: options.rate,
        dossiers: town.load.ended(),
        not_taken,
        watched,
    })
}

/// Everything as it is now: whose and what, whether it is bytes, how much.
async fn look(town: &mut Town) -> anyhow::Result<Vec<(String, bool, f64)>> {
    let mut seen = Vec::new();
    for (name, pid) in town.pids() {
        if name == "load" {
            continue;
        }
        let memory = proc::memory(pid)?;
        let mut see = |what: &str, is_bytes, value: u64| {
            seen.push((format!("{name}: {what}"), is_bytes, value as f64));
        };
        see("memory", true, memory.resident);
        see("descriptors", false, entries(&format!("/proc/{pid}/fd"))?);
        see("threads", false, entries(&format!("/proc/{pid}/task"))?);
        let store = town.site.folder.join("stores").join(&name);
        see(
            "write-ahead logs",
            true,
            bytes(&store, |file| file.ends_with("-wal")),
        );
    }
    let figures = town.figures().await?;
    for (what, name) in [
        ("tasks", "tasks_alive"),
        ("dossiers in memory", "dossiers_cached"),
    ] {
        if let Some(value) = figures.get(name) {
            seen.push((format!("broker: {what}"), false, *value));
        }
    }
    let store = town.site.folder.join("stores/broker");
    let kept = bytes(&store, |file| {
        !file.ends_with("-wal") && !file.ends_with("-shm")
    });
    let dossiers = figures.get("dossiers").copied().unwrap_or_default();
    seen.push((
        "broker: database for each dossier".into(),
        true,
        kept as f64 / dossiers.max(1.0),
    ));
    Ok(seen)
}

fn entries(folder: &str) -> anyhow::Result<u64> {
    Ok(fs::read_dir(folder)?.count() as u64)
}

/// Of the files whose names are wanted.
fn bytes(folder: &Path, is_wanted: fn(&str) -> bool) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let wanted = files.filter(|file| file.file_name().to_str().is_some_and(is_wanted));
    wanted
        .filter_map(|file| file.metadata().ok())
        .filter(fs::Metadata::is_file)
        .map(|metadata| metadata.len())
        .sum()
}

impl Watched {
    fn of(what: String, is_bytes: bool, values: &[(f64, f64)]) -> Option<Self> {
        let third = values.len().div_ceil(3);
        let first = values.get(..third).filter(|first| !first.is_empty())?;
        let last = &values[values.len() - third..];
        let (before, after) = (median(first), median(last));
        let least = if is_bytes {
            GROWTH_BYTES
        } else {
            GROWTH_PIECES
        };
        // What is small by its nature is judged by its share alone.
        let least = least.min(before.max(1.0));
        let more = after - before;
        Some(Self {
            what,
            is_bytes,
            before,
            after,
            peak: values.iter().map(|(_, value)| *value).fold(0.0, f64::max),
            per_hour: slope(values) * 3_600.0,
            grew: more > before * GROWTH && more > least,
        })
    }
}

fn median(values: &[(f64, f64)]) -> f64 {
    let mut values: Vec<_> = values.iter().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Of a straight line through the values, by least squares: so much a second.
fn slope(values: &[(f64, f64)]) -> f64 {
    let count = (values.len() as f64).max(1.0);
    let mean = |of: fn(&(f64, f64)) -> f64| values.iter().map(of).sum::<f64>() / count;
    let (at, value) = (mean(|one| one.0), mean(|one| one.1));
    let together: f64 = values
        .iter()
        .map(|one| (one.0 - at) * (one.1 - value))
        .sum();
    let alone: f64 = values.iter().map(|one| (one.0 - at).powi(2)).sum();
    if alone > 0.0 { together / alone } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(value: fn(f64) -> f64) -> Watched {
        let values: Vec<_> = (0..60).map(f64::from).map(|at| (at, value(at))).collect();
        Watched::of("memory".into(), true, &values).unwrap()
    }

    #[test]
    fn what_rises_all_the_time_grew_and_what_goes_up_and_down_did_not() {
        const MIB: f64 = 1024.0 * 1024.0;
        let rising = watched(|at| (100.0 + at) * MIB);
        assert!(rising.grew, "{rising:?}");
        assert!((rising.per_hour / MIB - 3_600.0).abs() < 1.0, "{rising:?}");
        let swinging = watched(|at| (100.0 + at % 7.0) * MIB);
        assert!(!swinging.grew, "{swinging:?}");
        let still = watched(|_| 100.0 * MIB);
        assert!(!still.grew && still.per_hour.abs() < 1.0, "{still:?}");
    }
}
