//! A department that cannot be reached is one incident, which ends by itself.

use super::{Courier, trouble::Trouble};
use crate::{
    causes,
    ledger::Note,
    store::{IncidentChange, IncidentKey},
};
use jiff::Timestamp;

impl Courier {
    /// An unreachable department is one incident.
    pub(super) async fn tell(&mut self, trouble: &Trouble) {
        if self.is_unreachable || self.pace.failures() < self.office.config.failures_until_incident
        {
            return;
        }
        self.is_unreachable = true;
        self.may_be_told = true;
        tracing::warn!(agency = %self.agency, %trouble, "a department cannot be reached; everything for it is kept");
        let happened = IncidentChange::Happened {
            key: self.incident(),
            vi: format!(
                "Không kết nối được với cơ quan {}. Hồ sơ được giữ lại và sẽ tự giao khi kết nối lại. Kiểm tra hệ thống của cơ quan.",
                self.agency
            ),
            en: format!(
                "department {} cannot be reached ({trouble}); everything is kept and goes by itself when it is back; look at its system",
                self.agency
            ),
            at: Timestamp::now(),
        };
        self.note(Note {
            incidents: vec![happened],
            ..Note::default()
        })
        .await;
    }

    /// A stream is open: an incident that says otherwise is over.
    pub(super) async fn reached(&mut self) {
        self.pace.reached();
        if std::mem::take(&mut self.is_unreachable) {
            tracing::info!(agency = %self.agency, "a department can be reached again");
        }
        if !self.may_be_told {
            return;
        }
        let over = IncidentChange::Over {
            key: self.incident(),
            at: Timestamp::now(),
        };
        let kept = self.note(Note {
            incidents: vec![over],
            ..Note::default()
        });
        // What a full disk did not keep is told again with the next stream.
        self.may_be_told = !kept.await;
    }

    fn incident(&self) -> IncidentKey {
        IncidentKey {
            cause: causes::DEPARTMENT_UNREACHABLE.word.into(),
            dossier_id: None,
            step: None,
            agency: Some(self.agency.clone()),
        }
    }

    /// Whether it was kept.
    async fn note(&self, note: Note) -> bool {
        let kept = self.office.ledger.note(note).await;
        if let Err(failure) = &kept {
            tracing::warn!(agency = %self.agency, %failure, "a courier's note was not kept");
        }
        kept.is_ok()
    }

    /// Whether an incident says that the department cannot be reached, by this process or the one
    /// before it: then it is tried although nothing is owed, or the incident would stay for ever.
    pub(super) fn is_told_unreachable(&mut self) -> Result<bool, Trouble> {
        if self.may_be_told {
            self.may_be_told = self.office.reader.is_incident_open(&self.incident())?;
        }
        Ok(self.may_be_told)
    }
}
