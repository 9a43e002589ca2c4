//! The index of persons: a dossier is found by a name or a number without either lying in any index. What
//! lies there is a keyed hash (HMAC-SHA-256, RFC 2104), whose key is kept in a file beside the store.

use crate::store::PersonKey;
use dossier::party::{Identifier, Party};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::Arc,
};
use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Bytes of the key.
const KEY_BYTES: usize = 32;

/// Why the key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PersonIndexError {
    /// Put back the file that this store was begun with.
    #[error(
        "{path}: this is not the key of the index of persons that the store was begun with; put that one back"
    )]
    OtherKey {
        /// The file.
        path: String,
    },
    /// Put back the file that this store was begun with.
    #[error(
        "{path}: the key of the index of persons is missing, and without it nobody is found by name; put back the one that this store was begun with"
    )]
    Missing {
        /// The file.
        path: String,
    },
    /// Mend the file, or give it back from where it is kept safe.
    #[error(
        "{path}: the key of the index of persons must be {KEY_BYTES} bytes in hexadecimal; put back the one that this store was begun with"
    )]
    NoKey {
        /// The file.
        path: String,
    },
    /// Mend the folder.
    #[error("{path}: the key of the index of persons cannot be read or written: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system says.
        source: io::Error,
    },
}

/// Makes keys of persons. Cheap to clone.
#[derive(Clone)]
pub struct PersonIndex {
    key: Arc<[u8; KEY_BYTES]>,
}

impl std::fmt::Debug for PersonIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PersonIndex")
    }
}

impl PersonIndex {
    /// With a key of its own that nobody else has.
    pub fn random() -> Self {
        Self {
            key: Arc::new(rand::random()),
        }
    }

    /// With the key in a file: the one of which the store has this check. Where the store has none yet and
    /// there is no file, a new key, readable for its owner alone.
    ///
    /// # Errors
    /// [`PersonIndexError`] names the file.
    pub fn open(path: &Path, check: Option<PersonKey>) -> Result<Self, PersonIndexError> {
        let named = || path.display().to_string();
        let file = |source| PersonIndexError::File {
            path: named(),
            source,
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(file(error)),
            Err(_) if check.is_some() => return Err(PersonIndexError::Missing { path: named() }),
            Err(_) => {
                let made = Self::random();
                made.save(path).map_err(file)?;
                return Ok(made);
            }
        };
        let bytes = hex::decode(text.trim()).ok();
        let key = bytes.and_then(|bytes| bytes.try_into().ok());
        let key = key.ok_or_else(|| PersonIndexError::NoKey { path: named() })?;
        let kept = Self { key: Arc::new(key) };
        match check.is_none_or(|check| check == kept.check()) {
            true => Ok(kept),
            false => Err(PersonIndexError::OtherKey { path: named() }),
        }
    }

    /// By what a store knows the key without having it.
    pub fn check(&self) -> PersonKey {
        self.key("check", "")
    }

    /// Whole or not at all, and durable before anything is indexed by it.
    fn save(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let beside = path.with_extension("new");
        let _ = fs::remove_file(&beside);
        let mut out = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        out.write_all(format!("{}\n", hex::encode(*self.key)).as_bytes())?;
        out.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    }

    fn key(&self, kind: &str, text: &str) -> PersonKey {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.key.as_slice())
            .expect("HMAC takes a key of any length");
        mac.update(kind.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        let full = mac.finalize().into_bytes();
        let mut half = [0; 16];
        half.copy_from_slice(&full[..16]);
        PersonKey(half)
    }

    /// The key of a whole name, whatever its marks and case; none for an empty one.
    pub fn of_name(&self, name: &str) -> Option<PersonKey> {
        let folded = folded(name);
        (!folded.is_empty()).then(|| self.key("name", &folded))
    }

    /// The key of a number.
    pub fn of_number(&self, number: &Identifier) -> PersonKey {
        self.key(number.scheme.word(), &number.value)
    }

    /// The keys of everybody in a dossier.
    pub fn of_parties(&self, parties: &[Party]) -> Vec<PersonKey> {
        let mut keys = BTreeSet::new();
        for party in parties {
            keys.extend(self.of_name(&party.name));
            keys.extend(party.identifiers.iter().map(|one| self.of_number(one)));
        }
        keys.into_iter().collect()
    }
}

/// A name without its marks, in small letters, with one space between words.
pub(crate) fn folded(name: &str) -> String {
    let plain: String = name
        .nfd()
        .filter(|c| !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .map(|c| if c == 'đ' { 'd' } else { c })
        .collect();
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use dossier::party::Scheme;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_name_is_found_with_and_without_its_marks() {
        let index = PersonIndex::random();
        let wanted = index.of_name("Nguyễn Thị Đông Mẫu");
        for written in [
            "nguyen thi dong mau",
            "NGUYỄN  THỊ ĐÔNG MẪU",
            " Nguyê\u{303}n Thi\u{323} Đông Mâ\u{303}u ",
        ] {
            assert_eq!(index.of_name(written), wanted, "{written}");
        }
        assert_ne!(index.of_name("Nguyễn Thị Đông"), wanted);
        assert_eq!(index.of_name(" \t"), None);
    }

    #[test]
    fn without_the_key_nobody_can_try_every_number() {
        let number = Identifier {
            scheme: Scheme::PersonalId,
            value: "099000000001".into(),
        };
        let (one, other) = (PersonIndex::random(), PersonIndex::random());
        assert_eq!(one.of_number(&number), one.of_number(&number));
        assert_ne!(one.of_number(&number), other.of_number(&number));
    }

    #[test]
    fn a_key_is_made_once_and_no_other_is_taken_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("persons.key");
        let first = PersonIndex::open(&path, None).unwrap();
        let check = Some(first.check());
        let again = PersonIndex::open(&path, check).unwrap();
        assert_eq!(again.of_name("a"), first.of_name("a"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_file(&path).unwrap();
        let refused = |check| PersonIndex::open(&path, check).unwrap_err();
        assert!(matches!(refused(check), PersonIndexError::Missing { .. }));
        assert!(!path.exists(), "nothing is put in its place");
        PersonIndex::random().save(&path).unwrap();
        assert!(matches!(refused(check), PersonIndexError::OtherKey { .. }));
        fs::write(&path, "12").unwrap();
        assert!(matches!(refused(None), PersonIndexError::NoKey { .. }));
    }
}
