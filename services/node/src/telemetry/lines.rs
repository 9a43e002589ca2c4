//! Log lines on their way: gathered while the last ones are being written, and written by a thread of
//! their own, so that nobody who tells something waits for whoever reads it.

use std::{
    io::{self, Write},
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use tracing_subscriber::fmt::MakeWriter;

/// Bytes of lines that wait to be written; whoever tells more waits then.
const WAITING_BYTES_MAX: usize = 1024 * 1024;

/// How long lines are gathered before they are written: to wake the writer for each costs more than the
/// line.
const GATHERING: Duration = Duration::from_millis(2);

/// Where lines are told. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Lines(Arc<Inner>);

/// Lets go only when all that was told is written.
#[derive(Debug)]
#[must_use = "what was told last is written when this is dropped"]
pub struct Written(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    waiting: Mutex<Waiting>,
    /// There is something to write.
    came: Condvar,
    /// What waited is on its way, or written.
    went: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    is_writing: bool,
}

/// Begins to write to `out` what is told from now on.
///
/// # Errors
/// There is no thread to be had.
pub(super) fn start(out: impl Write + Send + 'static) -> io::Result<(Lines, Written)> {
    let inner = Arc::new(Inner {
        waiting: Mutex::default(),
        came: Condvar::new(),
        went: Condvar::new(),
    });
    let writing = Arc::clone(&inner);
    thread::Builder::new()
        .name("log".into())
        .spawn(move || writing.write_on(out))?;
    Ok((Lines(Arc::clone(&inner)), Written(inner)))
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes for as long as the process lives.
    fn write_on(&self, mut out: impl Write) {
        let mut bytes = Vec::new();
        loop {
            let mut waiting = self.waiting();
            waiting.is_writing = false;
            self.went.notify_all();
            let is_idle = |waiting: &mut Waiting| waiting.bytes.is_empty();
            let told = self.came.wait_while(waiting, is_idle);
            waiting = told.unwrap_or_else(PoisonError::into_inner);
            waiting.is_writing = true;
            drop(waiting);
            thread::sleep(GATHERING);
            mem::swap(&mut self.waiting().bytes, &mut bytes);
            self.went.notify_all();
            // A log that nobody reads is no reason to stop.
            let _ = out.write_all(&bytes).and_then(|()| out.flush());
            bytes.clear();
        }
    }

    fn tell(&self, line: &[u8]) {
        let is_full = |waiting: &mut Waiting| waiting.bytes.len() >= WAITING_BYTES_MAX;
        let room = self.went.wait_while(self.waiting(), is_full);
        let mut waiting = room.unwrap_or_else(PoisonError::into_inner);
        waiting.bytes.extend_from_slice(line);
        if !waiting.is_writing {
            self.came.notify_one();
        }
    }
}

impl Write for &Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.tell(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = &'a Self;
    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        let is_left = |waiting: &mut Waiting| waiting.is_writing || !waiting.bytes.is_empty();
        drop(self.0.went.wait_while(self.0.waiting(), is_left));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn all_that_was_told_is_written_before_the_end_and_in_order() {
        let read = testing::Lines::default();
        let (lines, written) = start(read.clone()).unwrap();
        let told: Vec<String> = (0..5_000).map(|n| format!("line {n}\n")).collect();
        for line in &told {
            (&lines).write_all(line.as_bytes()).unwrap();
        }
        drop(written);
        assert_eq!(read.text(), told.concat());
    }

    #[test]
    fn whoever_tells_more_than_is_written_waits() {
        struct Slow(testing::Lines, std::sync::mpsc::Receiver<()>);
        impl Write for Slow {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let _ = self.1.recv();
                self.0.write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let read = testing::Lines::default();
        let (go, gone) = std::sync::mpsc::sync_channel(4);
        let (lines, written) = start(Slow(read.clone(), gone)).unwrap();
        let line = vec![b'x'; WAITING_BYTES_MAX];
        let teller = thread::spawn(move || {
            for _ in 0..4 {
                (&lines).write_all(&line).unwrap();
            }
        });
        // Two fit: the one that is being written, and the one that waits.
        for _ in 0..2 {
            assert!(!teller.is_finished());
            go.send(()).unwrap();
        }
        drop(go);
        teller.join().unwrap();
        drop(written);
        assert_eq!(read.text().len(), 4 * WAITING_BYTES_MAX);
    }
}
