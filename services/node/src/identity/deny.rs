//! The certificates that are no longer to be believed although they are valid.

use super::Peer;
use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime},
};

/// Bytes of a deny-list file.
pub const DENY_LIST_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How old what is in memory may be before the file is looked at again.
const RELOAD_INTERVAL: Duration = Duration::from_secs(2);

/// Serial numbers and SHA-256 fingerprints of denied certificates, kept in a text file: one a line
/// in hex, upper or lower case, colons allowed, `#` starts a comment. A changed file is read again
/// within two seconds of use. Cheap to clone; all clones are the same list.
#[derive(Debug, Clone)]
pub struct DenyList {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: Option<PathBuf>,
    names: RwLock<HashSet<String>>,
    seen: Mutex<Seen>,
}

/// The file as it was when it was last looked at.
#[derive(Debug)]
struct Seen {
    at: Instant,
    stamp: Option<(SystemTime, u64)>,
}

/// A deny-list that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DenyListError {
    /// Name a file that exists and may be read; it may be empty.
    #[error("cannot read the deny-list {path}: {source}; name a file that exists and may be read", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Shorten the file: expired certificates need no denying.
    #[error("the deny-list {path} has {size_bytes} bytes; at most {DENY_LIST_BYTES_MAX} are read, so remove what has expired", path = path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Its size, bytes.
        size_bytes: u64,
    },
    /// Mend that line.
    #[error(
        "line {line} of the deny-list is neither a serial number (1 to 40 hex digits) nor a SHA-256 fingerprint (64)"
    )]
    Line {
        /// The line, from 1.
        line: usize,
    },
}

impl DenyList {
    /// A list that denies nobody and has no file.
    pub fn none() -> Self {
        Self::with(None, HashSet::new(), None)
    }

    /// A list of these serial numbers and fingerprints, without a file.
    ///
    /// # Errors
    /// [`DenyListError::Line`] counts the names from 1.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> Result<Self, DenyListError> {
        Ok(Self::with(None, read_names(names.into_iter())?, None))
    }

    /// Reads the list in the file at `path`.
    ///
    /// # Errors
    /// The file cannot be read, is too large, or has a line that is no serial or fingerprint.
    pub fn load(path: &Path) -> Result<Self, DenyListError> {
        let stamp = stamp_of(path);
        let names = read_file(path)?;
        Ok(Self::with(Some(path.to_owned()), names, stamp))
    }

    fn with(
        path: Option<PathBuf>,
        names: HashSet<String>,
        stamp: Option<(SystemTime, u64)>,
    ) -> Self {
        let seen = Mutex::new(Seen {
            at: Instant::now(),
            stamp,
        });
        Self {
            inner: Arc::new(Inner {
                path,
                names: RwLock::new(names),
                seen,
            }),
        }
    }

    /// Reads the file again now. A list without a file stays as it is.
    ///
    /// # Errors
    /// As [`load`](Self::load); the list stays as it was then.
    pub fn reload(&self) -> Result<(), DenyListError> {
        let Some(path) = &self.inner.path else {
            return Ok(());
        };
        let stamp = stamp_of(path);
        let names = read_file(path);
        let mut seen = self
            .inner
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // A file that cannot be read is remembered too, so that it is told once and not for ever.
        *seen = Seen {
            at: Instant::now(),
            stamp,
        };
        drop(seen);
        let names = names?;
        *self
            .inner
            .names
            .write()
            .unwrap_or_else(PoisonError::into_inner) = names;
        Ok(())
    }

    /// Whether the list names the peer's certificate, looking at the file again when it is time.
    pub fn denies(&self, peer: &Peer) -> bool {
        if self.is_due()
            && let Err(error) = self.reload()
        {
            tracing::error!(%error, "the deny-list stays as it was");
        }
        let names = self
            .inner
            .names
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        !names.is_empty()
            && (names.contains(peer.serial.trim_start_matches('0'))
                || names.contains(&peer.fingerprint))
    }

    /// Whether the file has changed; asks the file system once an interval.
    fn is_due(&self) -> bool {
        let Some(path) = &self.inner.path else {
            return false;
        };
        let mut seen = self
            .inner
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if seen.at.elapsed() < RELOAD_INTERVAL {
            return false;
        }
        seen.at = Instant::now();
        stamp_of(path) != seen.stamp
    }
}

fn stamp_of(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

fn read_file(path: &Path) -> Result<HashSet<String>, DenyListError> {
    let read_error = |source| DenyListError::Read {
        path: path.to_owned(),
        source,
    };
    let size_bytes = fs::metadata(path).map_err(read_error)?.len();
    if size_bytes > DENY_LIST_BYTES_MAX {
        return Err(DenyListError::Size {
            path: path.to_owned(),
            size_bytes,
        });
    }
    read_names(fs::read_to_string(path).map_err(read_error)?.lines())
}

fn read_names<'n>(lines: impl Iterator<Item = &'n str>) -> Result<HashSet<String>, DenyListError> {
    let mut names = HashSet::new();
    for (index, line) in lines.enumerate() {
        let name = line.split('#').next().unwrap_or_default().trim();
        if name.is_empty() {
            continue;
        }
        let name: String = name.to_lowercase().chars().filter(|c| *c != ':').collect();
        let is_hex = !name.is_empty() && name.bytes().all(|b| b.is_ascii_hexdigit());
        match name.len() {
            64 if is_hex => names.insert(name),
            1..=40 if is_hex => names.insert(name.trim_start_matches('0').to_owned()),
            _ => return Err(DenyListError::Line { line: index + 1 }),
        };
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::{Identity, Role};
    use jiff::Timestamp;

    fn peer(serial: &str, fingerprint: &str) -> Peer {
        Peer {
            identity: Identity::new("hue.example", Role::Desk, "desk-01").unwrap(),
            serial: serial.into(),
            fingerprint: fingerprint.into(),
            not_after: Timestamp::MAX,
        }
    }

    #[test]
    fn serials_and_fingerprints_are_recognised_however_they_are_written() {
        let text = format!("# denied\n\n0A:1B:2c  # lost laptop\n{}\n", "AB".repeat(32));
        let list = DenyList::of(text.lines()).unwrap();
        let other = "c".repeat(64);
        assert!(list.denies(&peer("0a1b2c", &other)));
        assert!(list.denies(&peer("01", &"ab".repeat(32))));
        assert!(!list.denies(&peer("01", &other)));
        assert!(!DenyList::none().denies(&peer("0a1b2c", &other)));
    }

    #[test]
    fn a_line_that_is_neither_is_refused_by_its_number() {
        for line in ["police", "0x12", "::", &"a".repeat(41)] {
            let refused = DenyList::of(["# first", line]).unwrap_err();
            assert!(matches!(refused, DenyListError::Line { line: 2 }), "{line}");
        }
    }

    #[test]
    fn a_changed_file_counts_for_every_clone_and_a_broken_one_changes_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("denied");
        assert!(matches!(
            DenyList::load(&path),
            Err(DenyListError::Read { .. })
        ));
        fs::write(&path, "").unwrap();
        let list = DenyList::load(&path).unwrap();
        let (clone, someone) = (list.clone(), peer("abcd", &"e".repeat(64)));
        assert!(!clone.denies(&someone));

        fs::write(&path, "abcd\n").unwrap();
        list.reload().unwrap();
        assert!(clone.denies(&someone));

        fs::write(&path, "no hex\n").unwrap();
        assert!(list.reload().is_err());
        assert!(clone.denies(&someone));
    }

    #[test]
    fn a_changed_file_is_noticed_without_anyone_asking() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("denied");
        fs::write(&path, "").unwrap();
        let list = DenyList::load(&path).unwrap();
        fs::write(&path, "abcd\n").unwrap();
        let someone = peer("abcd", &"e".repeat(64));
        assert!(!list.denies(&someone));
        list.inner.seen.lock().unwrap().at -= RELOAD_INTERVAL;
        assert!(list.denies(&someone));
    }
}
