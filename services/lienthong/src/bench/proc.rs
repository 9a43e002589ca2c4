//! What the system says of a process: its time on the processors, its memory, its threads.

use anyhow::Context as _;
use serde::Serialize;
use std::{collections::BTreeMap, fs, path::Path, time::Instant};

/// Nanoseconds of one tick of the clock that `/proc` counts processor time in. Linux shows 100 ticks a
/// second to every program, whatever the kernel's own clock does.
const TICK_NS: u64 = 10_000_000;

/// What the first thread of a process is called here.
pub(crate) const MAIN: &str = "main";

/// What a process had used at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Used {
    at: Instant,
    cpu_ns: u64,
    threads: BTreeMap<String, u64>,
    switches: u64,
    written: u64,
}

/// What it used between two moments.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Spent {
    /// Seconds between them.
    pub(crate) seconds: f64,
    /// Nanoseconds on the processors.
    pub(crate) cpu_ns: u64,
    /// The same by the threads' names.
    pub(crate) thread_cpu_ns: BTreeMap<String, u64>,
    /// Times that one of its threads was put off a processor.
    pub(crate) switches: u64,
    /// Bytes that it wrote to files, sockets and the like.
    pub(crate) written_bytes: u64,
}

/// Memory of a process, bytes.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Memory {
    /// In memory now.
    pub(crate) resident: u64,
    /// Of it what no file holds; the rest is for the most part the program, which all processes of it share.
    pub(crate) anonymous: u64,
    /// At most, since it started or since [`forget_peak`].
    pub(crate) peak: u64,
}

/// What the process has used by now.
pub(crate) fn used(pid: u32) -> anyhow::Result<Used> {
    let mut used = Used {
        at: Instant::now(),
        cpu_ns: ticks(&format!("/proc/{pid}/stat"))?.1 * TICK_NS,
        threads: BTreeMap::new(),
        switches: 0,
        written: written(pid).unwrap_or_default(),
    };
    let tasks = format!("/proc/{pid}/task");
    for task in fs::read_dir(&tasks).with_context(|| format!("cannot read {tasks}"))? {
        let task = task?.path();
        // A thread may end while it is looked at.
        let Ok((mut name, ticks)) = ticks(&task.join("stat").display().to_string()) else {
            continue;
        };
        // The first thread has the name of the program's file, which anybody may rename.
        if task.file_name().is_some_and(|id| *id == *pid.to_string()) {
            name = MAIN.to_owned();
        }
        // Where the scheduler says it to the nanosecond, that is better than ticks.
        let ns = scheduled(&task).unwrap_or(ticks * TICK_NS);
        *used.threads.entry(name).or_default() += ns;
        used.switches += switches(&task).unwrap_or_default();
    }
    Ok(used)
}

impl Spent {
    /// Nanoseconds on the processors of all threads that live still, to the nanosecond where the system
    /// says it.
    pub(crate) fn threads_ns(&self) -> u64 {
        self.thread_cpu_ns.values().sum()
    }
}

impl Used {
    /// What was used since then.
    pub(crate) fn until(&self, then: &Used) -> Spent {
        let thread_cpu_ns = then
            .threads
            .iter()
            .map(|(name, ns)| {
                let before = self.threads.get(name).copied().unwrap_or_default();
                (name.clone(), ns.saturating_sub(before))
            })
            .filter(|(_, ns)| *ns > 0)
            .collect();
        Spent {
            seconds: then.at.duration_since(self.at).as_secs_f64(),
            cpu_ns: then.cpu_ns - self.cpu_ns,
            thread_cpu_ns,
            switches: then.switches.saturating_sub(self.switches),
            written_bytes: then.written.saturating_sub(self.written),
        }
    }
}

/// The memory of a process.
pub(crate) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let path = format!("/proc/{pid}/status");
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let bytes = |key: &str| field(&status, key).unwrap_or_default() * 1024;
    Ok(Memory {
        resident: bytes("VmRSS:"),
        anonymous: bytes("RssAnon:"),
        peak: bytes("VmHWM:"),
    })
}

/// Lets the process's peak of memory begin anew. Where the system does not allow it, the peak is that
/// since its start.
pub(crate) fn forget_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// A process's or thread's name and the ticks that it has used.
fn ticks(path: &str) -> anyhow::Result<(String, u64)> {
    let stat = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let read = || {
        // The name stands in brackets and may hold blanks and brackets itself.
        let (before, after) = stat.rsplit_once(')')?;
        let name = before.split_once('(')?.1;
        let mut fields = after.split_whitespace().skip(11);
        let user: u64 = fields.next()?.parse().ok()?;
        let system: u64 = fields.next()?.parse().ok()?;
        Some((name.to_owned(), user + system))
    };
    read().with_context(|| format!("{path} has another shape than expected"))
}

/// Nanoseconds on the processors.
fn scheduled(task: &Path) -> Option<u64> {
    let text = fs::read_to_string(task.join("schedstat")).ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn written(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    field(&text, "wchar:")
}

fn switches(task: &Path) -> Option<u64> {
    let status = fs::read_to_string(task.join("status")).ok()?;
    Some(
        field(&status, "voluntary_ctxt_switches:")?
            + field(&status, "nonvoluntary_ctxt_switches:")?,
    )
}

fn field(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(key))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_is_seen_by_its_name() {
        let pid = std::process::id();
        let before = used(pid).unwrap();
        let busy = std::thread::Builder::new().name("busy (one)".into());
        let (done, wait) = std::sync::mpsc::sync_channel::<()>(0);
        let (tell, told) = std::sync::mpsc::sync_channel::<()>(0);
        let busy = busy.spawn(move || {
            let began = Instant::now();
            let mut sum = 0_u64;
            while began.elapsed().as_millis() < 200 {
                sum = std::hint::black_box(sum.wrapping_add(1));
            }
            tell.send(()).unwrap();
            wait.recv().unwrap();
        });
        told.recv().unwrap();
        let spent = before.until(&used(pid).unwrap());
        done.send(()).unwrap();
        busy.unwrap().join().unwrap();
        assert!(spent.thread_cpu_ns["busy (one)"] > 0, "{spent:?}");
        // The process's time is told in whole ticks, its own and the system's for it.
        let in_ticks = spent.cpu_ns + 2 * TICK_NS;
        assert!(in_ticks >= spent.thread_cpu_ns["busy (one)"], "{spent:?}");
        assert!(before.threads.contains_key(MAIN), "{before:?}");
        // Looked at once: other tests of this process take memory meanwhile.
        let memory = memory(pid).unwrap();
        assert!(memory.peak >= memory.resident, "{memory:?}");
        assert!(memory.resident > memory.anonymous, "{memory:?}");
        assert!(memory.anonymous > 0, "{memory:?}");
    }
}
