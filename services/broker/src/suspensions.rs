//! Suspensions: to which departments nothing is handed over, and of which procedures no new dossier is
//! taken. The truth is in the store; this is what it says, for those who ask at every dossier.

use crate::store::{Reader, StoreError, Suspended, Suspension, SuspensionChange};
use dossier::name::AgencyCode;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{Mutex, MutexGuard};

/// What is suspended. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Suspensions {
    known: Arc<RwLock<Vec<Suspension>>>,
    /// One suspends or resumes after the other, so that each sees what it changes.
    acts: Arc<Mutex<()>>,
}

impl Suspensions {
    /// What the store says at the start.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn load(reader: &dyn Reader) -> Result<Self, StoreError> {
        let suspensions = Self::default();
        suspensions.read_again(reader)?;
        Ok(suspensions)
    }

    /// Takes what the store says now.
    ///
    /// # Errors
    /// The store cannot be read; what was known stays.
    pub fn read_again(&self, reader: &dyn Reader) -> Result<(), StoreError> {
        let now = reader.suspensions()?;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        *known = now;
        Ok(())
    }

    /// Takes what was just committed.
    pub fn take(&self, change: SuspensionChange) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        match change {
            SuspensionChange::Suspend(one) => {
                known.retain(|other| other.what != one.what);
                known.push(one);
            }
            SuspensionChange::Resume(what) => known.retain(|other| other.what != what),
        }
    }

    /// Whether nothing is handed over to this department.
    pub fn is_department(&self, agency: &AgencyCode) -> bool {
        self.has(|what| matches!(what, Suspended::Department(one) if one == agency))
    }

    /// Whether no new dossier of this procedure is taken.
    pub fn is_procedure(&self, procedure: &str) -> bool {
        self.has(|what| matches!(what, Suspended::Procedure(one) if one.as_str() == procedure))
    }

    fn has(&self, is_it: impl Fn(&Suspended) -> bool) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|one| is_it(&one.what))
    }

    /// The suspension of this, if it is suspended.
    pub fn of(&self, what: &Suspended) -> Option<Suspension> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|one| one.what == *what).cloned()
    }

    /// Until whoever suspends or resumes just now has done so.
    pub async fn turn(&self) -> MutexGuard<'_, ()> {
        self.acts.lock().await
    }
}
