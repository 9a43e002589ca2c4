//! Saved filters: each operator's own, in one small file.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// The file in the console's folder.
const FILE: &str = "filters.json";
/// Bytes of a filter's name.
pub(crate) const NAME_BYTES_MAX: usize = 100;
/// Bytes of a filter.
pub(crate) const QUERY_BYTES_MAX: usize = 1_000;
/// Operators whose filters are kept.
const OPERATORS_MAX: usize = 1_000;

/// A filter that somebody gave a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SavedFilter {
    pub(crate) name: String,
    /// The fields of the search, as a query.
    pub(crate) query: String,
}

/// Why a filter was not saved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// Give it a shorter name, or one at all.
    #[error("a name has 1 to {NAME_BYTES_MAX} bytes")]
    Name,
    /// Remove one first.
    #[error("as many filters are saved as may be")]
    Full,
    /// Look at the console's folder.
    #[error("the filters cannot be written: {0}")]
    Write(#[from] io::Error),
}

type Filters = BTreeMap<String, Vec<SavedFilter>>;

/// All saved filters. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct SavedFilters {
    folder: PathBuf,
    filters_max: usize,
    all: Arc<Mutex<Filters>>,
}

impl SavedFilters {
    /// Reads them from the console's folder, which is made when it is not there.
    pub(crate) fn open(folder: &Path, filters_max: usize) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let all = match fs::read(folder.join(FILE)) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Filters::new(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            folder: folder.to_owned(),
            filters_max,
            all: Arc::new(Mutex::new(all)),
        })
    }

    /// Those of one operator, by name.
    pub(crate) fn of(&self, operator: &str) -> Vec<SavedFilter> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(operator).cloned().unwrap_or_default()
    }

    /// Saves one, in the place of one with the same name.
    pub(crate) fn save(&self, operator: &str, filter: SavedFilter) -> Result<(), SaveError> {
        if filter.name.is_empty()
            || filter.name.len() > NAME_BYTES_MAX
            || filter.query.len() > QUERY_BYTES_MAX
        {
            return Err(SaveError::Name);
        }
        self.change(|all| {
            if !all.contains_key(operator) && all.len() >= OPERATORS_MAX {
                return Err(SaveError::Full);
            }
            let own = all.entry(operator.to_owned()).or_default();
            own.retain(|one| one.name != filter.name);
            if own.len() >= self.filters_max {
                return Err(SaveError::Full);
            }
            own.push(filter);
            own.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(())
        })
    }

    /// Removes the one of this name.
    pub(crate) fn remove(&self, operator: &str, name: &str) -> Result<(), SaveError> {
        self.change(|all| {
            if let Some(own) = all.get_mut(operator) {
                own.retain(|one| one.name != name);
            }
            Ok(())
        })
    }

    /// What is written is what is kept: a change that cannot be written is none.
    fn change(
        &self,
        change: impl FnOnce(&mut Filters) -> Result<(), SaveError>,
    ) -> Result<(), SaveError> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = all.clone();
        change(&mut changed)?;
        let text = serde_json::to_vec_pretty(&changed).map_err(io::Error::other)?;
        let (path, new) = (self.folder.join(FILE), self.folder.join("filters.new"));
        {
            let mut file = fs::File::create(&new)?;
            io::Write::write_all(&mut file, &text)?;
            file.sync_all()?;
        }
        fs::rename(new, path)?;
        *all = changed;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(name: &str, query: &str) -> SavedFilter {
        SavedFilter {
            name: name.into(),
            query: query.into(),
        }
    }

    #[test]
    fn filters_are_each_operators_own_and_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let saved = SavedFilters::open(folder.path(), 2).unwrap();
        saved.save("a", filter("quá hạn", "overdue=1")).unwrap();
        saved
            .save("a", filter("quá hạn", "overdue=1&open=1"))
            .unwrap();
        saved.save("b", filter("kẹt", "stuck=1")).unwrap();
        let again = SavedFilters::open(folder.path(), 2).unwrap();
        assert_eq!(again.of("a"), [filter("quá hạn", "overdue=1&open=1")]);
        again.remove("a", "quá hạn").unwrap();
        assert!(again.of("a").is_empty() && again.of("c").is_empty());
        assert_eq!(again.of("b").len(), 1);
    }

    #[test]
    fn too_many_filters_and_names_that_are_none_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let saved = SavedFilters::open(folder.path(), 1).unwrap();
        saved.save("a", filter("1", "")).unwrap();
        assert!(matches!(
            saved.save("a", filter("2", "")),
            Err(SaveError::Full)
        ));
        for name in [String::new(), "ờ".repeat(NAME_BYTES_MAX)] {
            let refused = saved.save("a", filter(&name, ""));
            assert!(matches!(refused, Err(SaveError::Name)));
        }
    }
}
