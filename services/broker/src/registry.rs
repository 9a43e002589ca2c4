//! The registry: procedures and the directory, the versions in force and those that open dossiers
//! still follow, each kept in the store by digest.

use crate::store::{Batch, Blob, BlobKind, Reader, Store, StoreError};
use dossier::{
    Procedure,
    directory::{Directory, DirectoryError},
    name::Digest,
    procedure::{ProcedureError, Procedures},
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// Procedures or directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// Name a file or folder that can be read.
    #[error("cannot read {path}: {source}; name one that exists and may be read", path = path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Mend the procedure.
    #[error(transparent)]
    Procedure(#[from] ProcedureError),
    /// Mend the directory.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// Put at least one procedure there.
    #[error("{path} holds no procedure; put one there as NAME.toml", path = path.display())]
    NoProcedure {
        /// The folder.
        path: PathBuf,
    },
    /// Look at the store.
    #[error("procedures and directory cannot be kept: {0}")]
    Store(#[from] StoreError),
    /// Restore the store from a copy; a version that dossiers follow is gone.
    #[error(
        "the store lost the text of {what} {digest}, which open dossiers follow; restore a copy"
    )]
    Lost {
        /// Procedure or directory.
        what: &'static str,
        /// Which.
        digest: Digest,
    },
}

/// Procedures and directory, cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    procedures: Arc<RwLock<Arc<Procedures>>>,
    directory: Arc<RwLock<Arc<Directory>>>,
    directory_path: Arc<Path>,
}

fn read(path: &Path) -> Result<String, RegistryError> {
    std::fs::read_to_string(path).map_err(|source| RegistryError::Read {
        path: path.into(),
        source,
    })
}

/// The procedures in a folder, with their texts.
///
/// # Errors
/// When one cannot be read, is unsound, or contradicts another.
pub fn read_procedures(folder: &Path) -> Result<Vec<(Procedure, String)>, RegistryError> {
    let unreadable = |source| RegistryError::Read {
        path: folder.into(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(RegistryError::NoProcedure {
            path: folder.into(),
        });
    }
    paths
        .into_iter()
        .map(|path| {
            let text = read(&path)?;
            Ok((Procedure::parse(&path.display().to_string(), &text)?, text))
        })
        .collect()
}

impl Registry {
    /// Reads the files, keeps their versions in the store, and takes from there the versions that
    /// open dossiers follow.
    ///
    /// # Errors
    /// [`RegistryError`] names the file and the mend.
    pub fn open(
        procedures: &Path,
        directory: &Path,
        store: &mut dyn Store,
    ) -> Result<Self, RegistryError> {
        let read_now = read_procedures(procedures)?;
        let directory_text = read(directory)?;
        let parsed = Directory::parse(&directory.display().to_string(), &directory_text)?;
        let mut blobs: Vec<Blob> = read_now
            .iter()
            .map(|(procedure, text)| Blob {
                kind: BlobKind::Procedure,
                digest: procedure.digest,
                bytes: text.clone().into_bytes(),
            })
            .collect();
        blobs.push(Blob {
            kind: BlobKind::Directory,
            digest: parsed.digest,
            bytes: directory_text.into_bytes(),
        });
        store.commit(Batch {
            blobs,
            ..Batch::default()
        })?;
        let mut all = Procedures::new(read_now.into_iter().map(|(procedure, _)| procedure))?;
        let reader = store.reader();
        for digest in reader.blobs(BlobKind::Procedure)? {
            if all.version(&digest).is_none() {
                all.keep(kept_procedure(reader.as_ref(), &digest)?);
            }
        }
        Ok(Self {
            procedures: Arc::new(RwLock::new(Arc::new(all))),
            directory: Arc::new(RwLock::new(Arc::new(parsed))),
            directory_path: directory.into(),
        })
    }

    /// The procedures.
    pub fn procedures(&self) -> Arc<Procedures> {
        self.procedures
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The directory as it is now.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the directory's file again, without using it yet: keep the blob first.
    ///
    /// # Errors
    /// When it cannot be read or is unsound: the one before stays in force.
    pub fn read_directory(&self) -> Result<(Directory, Blob), RegistryError> {
        let text = read(&self.directory_path)?;
        let parsed = Directory::parse(&self.directory_path.display().to_string(), &text)?;
        let blob = Blob {
            kind: BlobKind::Directory,
            digest: parsed.digest,
            bytes: text.into_bytes(),
        };
        Ok((parsed, blob))
    }

    /// Uses this directory from now on: for dossiers received from now on, and for reaching systems.
    pub fn use_directory(&self, directory: Directory) {
        *self
            .directory
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(directory);
    }
}

fn kept_procedure(reader: &dyn Reader, digest: &Digest) -> Result<Procedure, RegistryError> {
    let lost = || RegistryError::Lost {
        what: "procedure",
        digest: *digest,
    };
    let bytes = reader.blob(BlobKind::Procedure, digest)?.ok_or_else(lost)?;
    let text = String::from_utf8(bytes).map_err(|_| lost())?;
    Ok(Procedure::parse(
        &format!("procedure {digest} of the store"),
        &text,
    )?)
}
