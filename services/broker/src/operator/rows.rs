//! Rows: how dossiers stand in an operator's lists.

use crate::{registry::Registry, store::FoundDossier, wire};
use contract::v1::{self, DossierState};
use dossier::{
    directory::Directory,
    name::ProcedureCode,
    procedure::{Procedures, Title},
};
use jiff::Timestamp;
use std::sync::Arc;

/// What things are called.
pub(super) struct Names {
    pub(super) directory: Arc<Directory>,
    procedures: Arc<Procedures>,
    now: Timestamp,
}

pub(super) fn text(title: &Title) -> v1::Text {
    v1::Text {
        vi: title.vi.clone(),
        en: title.en.clone(),
    }
}

impl Names {
    pub(super) fn of(registry: &Registry) -> Self {
        Self {
            directory: registry.directory(),
            procedures: registry.procedures(),
            now: Timestamp::now(),
        }
    }

    /// Of this directory, without procedures.
    #[cfg(test)]
    pub(super) fn of_directory(toml: &str) -> Self {
        Self {
            directory: Arc::new(Directory::parse("directory.toml", toml).unwrap()),
            procedures: Arc::new(Procedures::new([]).unwrap()),
            now: Timestamp::now(),
        }
    }

    pub(super) fn agency(&self, code: &str) -> String {
        let agency = self.directory.agency(code);
        agency.map(|agency| agency.name.clone()).unwrap_or_default()
    }

    pub(super) fn procedure(&self, code: &str) -> Option<v1::Text> {
        let procedure = self.procedures.in_force(code, self.now);
        procedure.map(|procedure| text(&procedure.text.title))
    }

    /// What a step is called in the version in force; its id where that has no such step.
    pub(super) fn step(&self, code: &ProcedureCode, step: &dossier::name::StepId) -> v1::Text {
        let procedure = self.procedures.in_force(code.as_str(), self.now);
        let title = procedure.and_then(|procedure| wire::step_title(procedure, step));
        title.unwrap_or_else(|| v1::Text {
            vi: step.to_string(),
            en: step.to_string(),
        })
    }

    /// A dossier in a list.
    pub(super) fn row(&self, found: &FoundDossier) -> v1::DossierRow {
        let FoundDossier {
            row,
            incidents_open,
            is_late,
        } = found;
        let summary = &row.summary;
        let state = match row.quarantined {
            Some(_) => DossierState::Quarantined.into(),
            None => summary.state,
        };
        let is_open = summary.closed_at.is_none();
        let open = row.steps.iter().filter(|step| is_open && step.is_open());
        v1::DossierRow {
            dossier_id: row.dossier_id.to_string(),
            dossier_code: summary.code.to_string(),
            procedure_code: summary.procedure.to_string(),
            procedure_title: self.procedure(summary.procedure.as_str()),
            desk_agency_code: summary.desk.to_string(),
            territory_code: summary.territory.to_string(),
            state,
            received_at: wire::timestamp(summary.received_at),
            promised_at: wire::timestamp(summary.promised_at),
            closed_at: summary.closed_at.and_then(wire::timestamp),
            overdue: is_open && *is_late,
            incidents_open: *incidents_open,
            open_steps: open
                .map(|step| v1::OpenStep {
                    step_id: step.step.to_string(),
                    agency_code: step.agency.to_string(),
                    state: step.state,
                    due_at: step.due_at.and_then(wire::timestamp),
                    step_title: Some(self.step(&summary.procedure, &step.step)),
                    agency_name: self.agency(step.agency.as_str()),
                })
                .collect(),
        }
    }
}
