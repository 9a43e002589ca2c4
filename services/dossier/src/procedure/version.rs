//! All versions of all procedures: which one a new dossier follows, and which an open one does.

use super::{Procedure, ProcedureError, Text};
use crate::name::Digest;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The civil date in Asia/Ho_Chi_Minh, which keeps UTC+7 all year.
pub fn civil_date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::fixed(jiff::tz::offset(7))).date()
}

/// All versions of all procedures.
#[derive(Debug, Clone, Default)]
pub struct Procedures {
    versions: BTreeMap<Digest, Arc<Procedure>>,
    current: BTreeSet<Digest>,
}

impl Procedures {
    /// These versions are the ones that new dossiers may follow.
    ///
    /// # Errors
    /// When two versions of one procedure are in force on the same day.
    pub fn new(versions: impl IntoIterator<Item = Procedure>) -> Result<Self, ProcedureError> {
        let mut all = Self::default();
        for procedure in versions {
            for other in all
                .versions
                .values()
                .filter(|other| other.code() == procedure.code())
            {
                let ends = |text: &Text| text.valid_to.unwrap_or(Date::MAX);
                let (a, b) = (&other.text, &procedure.text);
                if other.digest != procedure.digest
                    && a.valid_from <= ends(b)
                    && b.valid_from <= ends(a)
                {
                    return Err(ProcedureError::Overlap {
                        code: procedure.code().clone(),
                        first: a.valid_from,
                        second: b.valid_from,
                    });
                }
            }
            all.current.insert(procedure.digest);
            all.versions.insert(procedure.digest, Arc::new(procedure));
        }
        Ok(all)
    }

    /// Adds a version that only open dossiers still follow.
    pub fn keep(&mut self, procedure: Procedure) {
        self.versions
            .entry(procedure.digest)
            .or_insert_with(|| Arc::new(procedure));
    }

    /// The version in force for a dossier received now.
    pub fn in_force(&self, code: &str, at: Timestamp) -> Option<&Arc<Procedure>> {
        let day = civil_date(at);
        self.current
            .iter()
            .filter_map(|digest| self.versions.get(digest))
            .find(|procedure| {
                let text = &procedure.text;
                text.code.as_str() == code
                    && text.valid_from <= day
                    && text.valid_to.is_none_or(|last| day <= last)
            })
    }

    /// A version by its digest.
    pub fn version(&self, digest: &Digest) -> Option<&Arc<Procedure>> {
        self.versions.get(digest)
    }

    /// The versions that new dossiers may follow.
    pub fn current(&self) -> impl Iterator<Item = &Arc<Procedure>> {
        self.current
            .iter()
            .filter_map(|digest| self.versions.get(digest))
    }
}
