//! The registry: procedures, calendars, schemas and the directory, the versions in force and those
//! that open dossiers still follow, each kept in the store by digest.

use crate::store::{Batch, Blob, BlobKind, Reader, Store, StoreError};
use dossier::{
    Dossier, Procedure, Rules,
    calendar::{Calendar, CalendarError, Calendars},
    directory::{Directory, DirectoryError},
    name::{Digest, TerritoryCode},
    procedure::{ProcedureError, Procedures},
    schema::{SchemaError, Schemas},
};
use jiff::Timestamp;
use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

/// Procedures, calendars, schemas or a directory that cannot be used.
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
    /// Mend the calendar.
    #[error(transparent)]
    Calendar(#[from] CalendarError),
    /// Mend the schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// Add the schema, or correct the procedure.
    #[error(
        "procedure `{procedure}`: evidence.{evidence}.schema: no schema has the id `{schema}`; add it \
         to the folder of schemas, or name another"
    )]
    NoSchema {
        /// The procedure.
        procedure: String,
        /// The evidence.
        evidence: String,
        /// The schema that it names.
        schema: String,
    },
    /// Put at least one procedure there.
    #[error("{path} holds no procedure; put one there as NAME.toml", path = path.display())]
    NoProcedure {
        /// The folder.
        path: PathBuf,
    },
    /// Look at the store.
    #[error("procedures, calendars, schemas and directory cannot be kept: {0}")]
    Store(#[from] StoreError),
    /// Restore the store from a copy; a version that dossiers follow is gone.
    #[error(
        "the store lost the text of {what} {digest}, which open dossiers follow; restore a copy"
    )]
    Lost {
        /// Procedure, calendar or schema.
        what: &'static str,
        /// Which.
        digest: Digest,
    },
}

/// Where the registry reads from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The folder of procedures, one TOML file a version.
    pub procedures: PathBuf,
    /// The folder of calendars, one TOML file each.
    pub calendars: PathBuf,
    /// The folder of schemas, one JSON file each.
    pub schemas: PathBuf,
    /// The directory's file.
    pub directory: PathBuf,
}

/// Procedures, calendars, schemas and directory, cheap to clone.
#[derive(Debug, Clone)]
pub struct Registry {
    procedures: Arc<RwLock<Arc<Procedures>>>,
    today: Arc<RwLock<Today>>,
    sources: Arc<Sources>,
}

/// What may change while the broker runs.
#[derive(Debug, Clone)]
struct Today {
    directory: Arc<Directory>,
    calendars: Arc<Calendars>,
    schemas: Arc<Schemas>,
}

/// Directory, calendars and schemas that were read and are not used yet: keep the blobs first.
#[derive(Debug)]
pub struct Reading {
    /// Their texts, to be kept.
    pub blobs: Vec<Blob>,
    today: Today,
}

/// What one dossier is judged by.
#[derive(Debug, Clone)]
pub struct Rulebook {
    procedure: Arc<Procedure>,
    calendar: Arc<Calendar>,
    directory: Arc<Directory>,
    schemas: Arc<Schemas>,
}

impl Rulebook {
    /// The rules, for the core.
    pub fn rules(&self) -> Rules<'_> {
        Rules {
            procedure: &self.procedure,
            calendar: &self.calendar,
            directory: &self.directory,
            schemas: &self.schemas,
        }
    }
}

fn read(path: &Path) -> Result<String, RegistryError> {
    std::fs::read_to_string(path).map_err(|source| RegistryError::Read {
        path: path.into(),
        source,
    })
}

/// The files of a folder whose names end so, in order, each with its text.
fn read_folder(folder: &Path, ending: &str) -> Result<Vec<(String, String)>, RegistryError> {
    let unreadable = |source| RegistryError::Read {
        path: folder.into(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|found| found == ending) {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| Ok((path.display().to_string(), read(&path)?)))
        .collect()
}

/// The procedures in a folder, with their texts.
///
/// # Errors
/// When one cannot be read, is unsound, or contradicts another.
pub fn read_procedures(folder: &Path) -> Result<Vec<(Procedure, String)>, RegistryError> {
    let files = read_folder(folder, "toml")?;
    if files.is_empty() {
        return Err(RegistryError::NoProcedure {
            path: folder.into(),
        });
    }
    files
        .into_iter()
        .map(|(file, text)| Ok((Procedure::parse(&file, &text)?, text)))
        .collect()
}

/// The calendars in a folder.
///
/// # Errors
/// When one cannot be read or is unsound, or the national one is missing.
pub fn read_calendars(folder: &Path) -> Result<Calendars, RegistryError> {
    Ok(Calendars::new(read_folder(folder, "toml")?)?)
}

/// The schemas in a folder.
///
/// # Errors
/// When one cannot be read or is unsound.
pub fn read_schemas(folder: &Path) -> Result<Schemas, RegistryError> {
    Ok(Schemas::new(read_folder(folder, "json")?)?)
}

impl Registry {
    /// Reads the files, keeps their versions in the store, and takes from there the versions that
    /// open dossiers follow.
    ///
    /// # Errors
    /// [`RegistryError`] names the file and the mend.
    pub fn open(sources: Sources, store: &mut dyn Store) -> Result<Self, RegistryError> {
        let reader = store.reader();
        let read_now = read_procedures(&sources.procedures)?;
        let Reading { mut blobs, today } = read_today(&sources, reader.as_ref())?;
        for (procedure, text) in &read_now {
            check_schemas(procedure, &today.schemas)?;
            blobs.push(blob(BlobKind::Procedure, procedure.digest, text));
        }
        store.commit(Batch {
            blobs,
            ..Batch::default()
        })?;
        let mut all = Procedures::new(read_now.into_iter().map(|(procedure, _)| procedure))?;
        for digest in reader.blobs(BlobKind::Procedure)? {
            if all.version(&digest).is_none() {
                let text = kept(reader.as_ref(), BlobKind::Procedure, "procedure", &digest)?;
                let name = format!("procedure {digest} of the store");
                all.keep(Procedure::parse(&name, &text)?);
            }
        }
        Ok(Self {
            procedures: Arc::new(RwLock::new(Arc::new(all))),
            today: Arc::new(RwLock::new(today)),
            sources: Arc::new(sources),
        })
    }

    /// The procedures.
    pub fn procedures(&self) -> Arc<Procedures> {
        self.procedures
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn today(&self) -> Today {
        self.today
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The directory as it is now.
    pub fn directory(&self) -> Arc<Directory> {
        self.today().directory
    }

    /// The calendars.
    pub fn calendars(&self) -> Arc<Calendars> {
        self.today().calendars
    }

    /// The schemas.
    pub fn schemas(&self) -> Arc<Schemas> {
        self.today().schemas
    }

    /// The calendar of a territory as it is now.
    pub fn calendar_of(&self, territory: &TerritoryCode) -> Arc<Calendar> {
        let Today {
            directory,
            calendars,
            ..
        } = self.today();
        calendars.of(directory.territories(territory)).clone()
    }

    /// The rules for a dossier that is filed or received now; none where no version of the procedure
    /// is in force.
    pub fn rules_now(
        &self,
        procedure: &str,
        territory: &TerritoryCode,
        at: Timestamp,
    ) -> Option<Rulebook> {
        let procedure = self.procedures().in_force(procedure, at)?.clone();
        let Today {
            directory,
            calendars,
            schemas,
        } = self.today();
        Some(Rulebook {
            procedure,
            calendar: calendars.of(directory.territories(territory)).clone(),
            directory,
            schemas,
        })
    }

    /// The rules that a dossier follows; none where the store lost one of their versions.
    pub fn rules_of(&self, dossier: &Dossier) -> Option<Rulebook> {
        let received = &dossier.received;
        let procedures = self.procedures();
        let today = self.today();
        let calendar = today.calendars.version(&received.calendar_digest)?.clone();
        Some(Rulebook {
            procedure: procedures.version(&received.procedure_digest)?.clone(),
            calendar,
            directory: today.directory,
            schemas: today.schemas,
        })
    }

    /// The rules that a dossier follows once it has taken up the calendar of its territory as it is
    /// now.
    pub fn rules_with_calendar_now(&self, dossier: &Dossier) -> Option<Rulebook> {
        let rulebook = self.rules_of(dossier)?;
        Some(Rulebook {
            calendar: self.calendar_of(&dossier.received.territory),
            ..rulebook
        })
    }

    /// Reads directory, calendars and schemas again, without using them yet: keep the blobs first.
    ///
    /// # Errors
    /// When one cannot be read or is unsound: those before stay in force.
    pub fn read_again(&self, reader: &dyn Reader) -> Result<Reading, RegistryError> {
        let reading = read_today(&self.sources, reader)?;
        for procedure in self.procedures().current() {
            check_schemas(procedure, &reading.today.schemas)?;
        }
        Ok(reading)
    }

    /// Uses what was read from now on: the directory for dossiers received from now on and for
    /// reaching systems, the schemas for all evidence, the calendars for new dossiers. Open ones
    /// follow theirs until they take up the new one.
    pub fn use_reading(&self, reading: Reading) {
        *self.today.write().unwrap_or_else(PoisonError::into_inner) = reading.today;
    }
}

fn blob(kind: BlobKind, digest: Digest, text: &str) -> Blob {
    Blob {
        kind,
        digest,
        bytes: text.to_owned().into_bytes(),
    }
}

fn read_today(sources: &Sources, reader: &dyn Reader) -> Result<Reading, RegistryError> {
    let text = read(&sources.directory)?;
    let directory = Directory::parse(&sources.directory.display().to_string(), &text)?;
    let mut blobs = vec![blob(BlobKind::Directory, directory.digest, &text)];

    let mut calendars = read_calendars(&sources.calendars)?;
    for calendar in calendars.current() {
        blobs.push(blob(BlobKind::Calendar, calendar.digest, &calendar.text));
    }
    for digest in reader.blobs(BlobKind::Calendar)? {
        if calendars.version(&digest).is_none() {
            let text = kept(reader, BlobKind::Calendar, "calendar", &digest)?;
            let name = format!("calendar {digest} of the store");
            calendars.keep(Calendar::parse(&name, &text)?);
        }
    }

    let mut schemas = read_folder(&sources.schemas, "json")?;
    for (_, text) in &schemas {
        blobs.push(blob(BlobKind::Schema, Digest::of(text.as_bytes()), text));
    }
    schemas.extend(kept_schemas(reader, &schemas)?);
    let today = Today {
        directory: Arc::new(directory),
        calendars: Arc::new(calendars),
        schemas: Arc::new(Schemas::new(schemas)?),
    };
    Ok(Reading { blobs, today })
}

/// The schemas of the store that no file has any more: open dossiers may still name them. Of those
/// with one id, the one that came last.
fn kept_schemas(
    reader: &dyn Reader,
    files: &[(String, String)],
) -> Result<Vec<(String, String)>, RegistryError> {
    let id_of = |text: &str| {
        let value: serde_json::Value = serde_json::from_str(text).ok()?;
        Some(value.get("$id")?.as_str()?.to_owned())
    };
    let mut ids: BTreeSet<String> = files.iter().filter_map(|(_, text)| id_of(text)).collect();
    let mut found = Vec::new();
    for digest in reader.blobs(BlobKind::Schema)?.iter().rev() {
        let text = kept(reader, BlobKind::Schema, "schema", digest)?;
        if id_of(&text).is_some_and(|id| ids.insert(id)) {
            found.push((format!("schema {digest} of the store"), text));
        }
    }
    Ok(found)
}

/// Every schema that a procedure names is there.
fn check_schemas(procedure: &Procedure, schemas: &Schemas) -> Result<(), RegistryError> {
    let named = procedure.text.evidence.iter();
    match named
        .filter(|(_, kind)| !kind.schema.is_empty())
        .find(|(_, kind)| !schemas.has(&kind.schema))
    {
        None => Ok(()),
        Some((evidence, kind)) => Err(RegistryError::NoSchema {
            procedure: procedure.code().to_string(),
            evidence: evidence.to_string(),
            schema: kind.schema.clone(),
        }),
    }
}

fn kept(
    reader: &dyn Reader,
    kind: BlobKind,
    what: &'static str,
    digest: &Digest,
) -> Result<String, RegistryError> {
    let lost = || RegistryError::Lost {
        what,
        digest: *digest,
    };
    let bytes = reader.blob(kind, digest)?.ok_or_else(lost)?;
    String::from_utf8(bytes).map_err(|_| lost())
}
