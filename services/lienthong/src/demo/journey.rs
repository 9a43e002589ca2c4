//! The names that people know things by: steps and evidence from the procedure, agencies from the
//! directory.

use super::samples::{DIRECTORY, PROCEDURE};
use dossier::{
    Procedure,
    directory::Directory,
    name::{EvidenceName, StepId},
};
use std::collections::BTreeSet;

/// The birth journey in the sample province.
pub(crate) struct Journey {
    procedure: Procedure,
    directory: Directory,
}

impl Journey {
    /// Reads what the demo brings along.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let procedure = Procedure::parse("birth.toml", PROCEDURE)?;
        let directory = Directory::parse("directory.toml", DIRECTORY)?;
        Ok(Self {
            procedure,
            directory,
        })
    }

    /// Its steps, each after those that it waits for.
    pub(crate) fn steps(&self) -> Vec<&str> {
        let mut steps: Vec<&StepId> = self.procedure.text.steps.keys().collect();
        steps.sort_by_key(|step| self.depth(step));
        steps.into_iter().map(StepId::as_str).collect()
    }

    fn depth(&self, step: &StepId) -> usize {
        let needs = self
            .procedure
            .step(step)
            .map_or(&[][..], |step| &step.needs);
        let givers = needs
            .iter()
            .filter_map(|need| self.procedure.giver(&need.evidence));
        // A procedure that was loaded has no cycle.
        givers.map(|giver| 1 + self.depth(giver)).max().unwrap_or(0)
    }

    /// Every result that a dossier with all parts gives.
    pub(crate) fn results(&self) -> BTreeSet<&str> {
        let steps = self.procedure.text.steps.values();
        steps
            .flat_map(|step| &step.gives)
            .map(EvidenceName::as_str)
            .collect()
    }

    /// What a step is called.
    pub(crate) fn step(&self, id: &str) -> String {
        let step = id.parse().ok().and_then(|id| self.procedure.step(&id));
        step.map_or(id, |step| &step.title.en).to_owned()
    }

    /// What evidence is called.
    pub(crate) fn evidence(&self, name: &str) -> String {
        let kinds = &self.procedure.text.evidence;
        let kind = kinds.iter().find(|(kind, _)| kind.as_str() == name);
        kind.map_or(name, |(_, kind)| &kind.title.en).to_owned()
    }

    /// Whether evidence is something that a person takes home.
    pub(crate) fn is_paper(&self, name: &str) -> bool {
        let kinds = &self.procedure.text.evidence;
        kinds
            .iter()
            .any(|(kind, found)| kind.as_str() == name && found.documents_min > 0)
    }

    /// What an agency is called.
    pub(crate) fn agency(&self, code: &str) -> String {
        self.directory
            .agency(code)
            .map_or(code, |agency| &agency.name)
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_stands_after_those_that_it_waits_for() {
        let journey = Journey::read().unwrap();
        assert_eq!(journey.steps()[0], "register_birth");
        assert_eq!(journey.steps().len(), 4);
        assert_eq!(journey.results().len(), 5);
        assert_eq!(journey.agency("G01.99.01"), "Công an xã Mẫu Một");
    }
}
