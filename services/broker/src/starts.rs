//! What tells a store that was restored although nobody said so: how long its log was at each start. Who
//! remembers a start, and how much of the log there was in it, sees a copy by it, however long the copy's
//! log has become since.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

/// The file in the store folder: a start a line, the oldest first.
const FILE_NAME: &str = "starts";
/// Starts that are remembered. Who comes with an older one is believed to know a log that is lost.
const STARTS_MAX: usize = 4096;

/// The starts of a store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Starts(Arc<Vec<Start>>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Start {
    id: String,
    /// The position of the log at it.
    position: u64,
}

impl Starts {
    /// Reads the starts of the store in `folder`, and adds this one, durably: its log ends at `position`.
    ///
    /// # Errors
    /// The folder cannot be read or written.
    pub fn begin(folder: &Path, position: u64) -> io::Result<Self> {
        let path = folder.join(FILE_NAME);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // A store of before, or a copy of its database alone: whoever knows more of it says so.
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let mut starts: Vec<Start> = text.lines().filter_map(Start::read).collect();
        let id = uuid::Uuid::new_v4().simple().to_string();
        starts.push(Start { id, position });
        starts.drain(..starts.len().saturating_sub(STARTS_MAX));

        let part = path.with_extension("part");
        let mut file = File::create(&part)?;
        for Start { id, position } in &starts {
            writeln!(file, "{id} {position}")?;
        }
        file.sync_all()?;
        fs::rename(&part, &path)?;
        File::open(folder)?.sync_all()?;
        Ok(Self(Arc::new(starts)))
    }

    /// Names this start, in this epoch, for whoever is to remember it.
    pub fn current(&self, epoch: u64) -> String {
        let id = self.0.last().map_or("", |start| start.id.as_str());
        format!("{epoch}.{id}")
    }

    /// Whether `seen`, with so much of the log in it, is of a past that this store does not have. One of
    /// an epoch before this one has been answered by it. `epoch` and `position` are those of now.
    pub fn are_without(&self, seen: &str, position_seen: u64, epoch: u64, position: u64) -> bool {
        let Some((of, id)) = seen.split_once('.') else {
            return false;
        };
        if of.parse().is_ok_and(|of: u64| of < epoch) {
            return false;
        }
        let Some(at) = self.0.iter().rposition(|start| start.id == id) else {
            return true;
        };
        let its_end = self.0.get(at + 1).map_or(position, |next| next.position);
        position_seen > its_end
    }
}

impl Start {
    fn read(line: &str) -> Option<Self> {
        let (id, position) = line.split_once(' ')?;
        Some(Self {
            id: id.to_owned(),
            position: position.parse().ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn a_start_that_went_further_than_this_store_knows_is_missed_however_long_the_log_is_now() {
        let folder = TempDir::new().unwrap();
        let first = Starts::begin(folder.path(), 0).unwrap().current(0);
        let second = Starts::begin(folder.path(), 10).unwrap().current(0);
        let copy = fs::read(folder.path().join(FILE_NAME)).unwrap();
        let lost = Starts::begin(folder.path(), 20).unwrap().current(0);

        fs::write(folder.path().join(FILE_NAME), copy).unwrap();
        let starts = Starts::begin(folder.path(), 15).unwrap();
        let missed = |seen: &str, position_seen| starts.are_without(seen, position_seen, 0, 1_000);
        assert!(!missed(&first, 10) && missed(&first, 11));
        assert!(!missed(&second, 15) && missed(&second, 20));
        assert!(missed(&lost, 20) && missed(&lost, 0));
        let current = starts.current(0);
        assert!(!missed(&current, 1_000) && missed(&current, 1_001));
        assert!(!missed("", 2_000), "who remembers no start says nothing");
    }

    #[test]
    fn a_loss_that_an_epoch_has_answered_is_not_missed_again() {
        let folder = TempDir::new().unwrap();
        let lost = Starts::begin(folder.path(), 0).unwrap().current(7);
        fs::remove_file(folder.path().join(FILE_NAME)).unwrap();
        let starts = Starts::begin(folder.path(), 0).unwrap();
        assert!(starts.are_without(&lost, 0, 7, 0));
        assert!(!starts.are_without(&lost, 0, 8, 0));
    }

    #[test]
    fn so_many_starts_are_remembered_and_no_more() {
        let folder = TempDir::new().unwrap();
        let lines: String = (0..STARTS_MAX + 10).map(|n| format!("id{n} 0\n")).collect();
        fs::write(folder.path().join(FILE_NAME), lines).unwrap();
        let starts = Starts::begin(folder.path(), 0).unwrap();
        assert_eq!(starts.0.len(), STARTS_MAX);
        assert!(starts.are_without("0.id0", 0, 0, 0));
        assert!(!starts.are_without("0.id200", 0, 0, 0));
    }
}
