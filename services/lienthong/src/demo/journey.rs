//! A journey in the sample province: who has a part in it, and the names that people know things by.

use super::samples::{DIRECTORY, Material, OFFICES, Office, Sample};
use anyhow::Context as _;
use dossier::{
    Procedure,
    directory::Directory,
    name::{AgencyCode, EvidenceName, RoleName, StepId, TerritoryCode},
    procedure::Actor,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// Where the samples' people live.
const TERRITORY: &str = "H99_01";

/// One journey.
pub(crate) struct Journey {
    pub(crate) material: &'static Material,
    procedure: Procedure,
    directory: Directory,
}

impl Journey {
    /// Reads what the demo brings along.
    pub(crate) fn read(material: &'static Material) -> anyhow::Result<Self> {
        let procedure = Procedure::parse(material.file, material.procedure)?;
        let directory = Directory::parse("directory.toml", DIRECTORY)?;
        Ok(Self {
            material,
            procedure,
            directory,
        })
    }

    /// The dossiers to send in.
    pub(crate) fn samples(&self) -> &'static [Sample] {
        self.material.samples
    }

    /// Exactly the offices that have a part in it: those that do its steps, and those that hold what
    /// it needs.
    pub(crate) fn offices(&self) -> anyhow::Result<Vec<&'static Office>> {
        let text = &self.procedure.text;
        let steps = text.steps.values().filter_map(|step| step.role.as_ref());
        let holders = text.evidence.values().filter_map(|one| one.holder.as_ref());
        let roles: BTreeSet<&RoleName> = steps.chain(holders).collect();
        let territory: TerritoryCode = TERRITORY.parse()?;
        let mut agencies = BTreeSet::new();
        for role in roles {
            let found = self.directory.resolve(role, &territory, Timestamp::now());
            let agency = found.with_context(|| {
                format!("the sample directory has no agency with the role {role}")
            })?;
            agencies.insert(&agency.code);
        }
        let mut offices = Vec::new();
        for agency in agencies {
            let found = OFFICES
                .iter()
                .find(|office| office.agency == agency.as_str());
            offices.push(found.with_context(|| format!("the demo has no office for {agency}"))?);
        }
        // In the order in which they are named.
        offices.sort_by_key(|office| OFFICES.iter().position(|one| one.name == office.name));
        Ok(offices)
    }

    /// The system that acts for an agency of the sample directory.
    pub(crate) fn system(&self, agency: &str) -> anyhow::Result<String> {
        let directory: toml::Table = toml::from_str(DIRECTORY)?;
        let systems = directory.get("system").and_then(toml::Value::as_array);
        let acts = |system: &&toml::Value| {
            let agencies = system.get("agencies").and_then(toml::Value::as_array);
            agencies.is_some_and(|all| all.iter().any(|one| one.as_str() == Some(agency)))
        };
        let found = systems.into_iter().flatten().find(acts);
        let code = found
            .and_then(|system| system.get("code"))
            .and_then(toml::Value::as_str);
        let code = code.with_context(|| format!("the sample directory has no system for {agency}"));
        Ok(code?.to_owned())
    }

    /// Its steps, each after those that it waits for.
    pub(crate) fn steps(&self) -> Vec<&str> {
        let mut steps: Vec<&StepId> = self.procedure.text.steps.keys().collect();
        steps.sort_by_key(|step| self.depth(step));
        steps.into_iter().map(StepId::as_str).collect()
    }

    fn depth(&self, id: &StepId) -> usize {
        let Some(step) = self.procedure.step(id) else {
            return 0;
        };
        let needs = step.needs.iter();
        let givers = needs.flat_map(|need| self.procedure.givers(&need.evidence));
        // A procedure that was loaded has no cycle.
        let before = givers.chain(&step.after).map(|one| 1 + self.depth(one));
        before.max().unwrap_or(0)
    }

    /// Every result that a dossier with all parts gives.
    pub(crate) fn results(&self) -> BTreeSet<&str> {
        let steps = self.procedure.text.steps.values();
        steps
            .flat_map(|step| &step.gives)
            .filter(|name| self.procedure.is_result(name))
            .map(EvidenceName::as_str)
            .collect()
    }

    /// Whether evidence is handed out to the citizen.
    pub(crate) fn is_result(&self, name: &str) -> bool {
        let name = name.parse();
        name.is_ok_and(|name| self.procedure.is_result(&name))
    }

    /// Whether a desk's officer does this step by hand: what hands results out, and what the citizen
    /// pays, is done with that.
    pub(crate) fn is_the_desks(&self, id: &str) -> bool {
        let step = id.parse().ok().and_then(|id| self.procedure.step(&id));
        step.is_some_and(|step| step.actor == Actor::Desk && step.hands_out.is_empty())
    }

    /// Whether it is one of the procedure's own.
    pub(crate) fn is_own_step(&self, id: &str) -> bool {
        let step = id.parse().ok().and_then(|id| self.procedure.step(&id));
        step.is_some()
    }

    /// What a step is called, one that the broker makes on its way too.
    pub(crate) fn step(&self, id: &str) -> String {
        if let Some(evidence) = id.strip_prefix("look_up_") {
            return format!("Look up: {}", self.evidence(evidence));
        }
        if id.starts_with("consult_") {
            return "Opinion".to_owned();
        }
        let step = id.parse().ok().and_then(|id| self.procedure.step(&id));
        step.map_or(id, |step| &step.title.en).to_owned()
    }

    /// What evidence is called.
    pub(crate) fn evidence(&self, name: &str) -> String {
        let kinds = &self.procedure.text.evidence;
        let kind = kinds.iter().find(|(kind, _)| kind.as_str() == name);
        kind.map_or(name, |(_, kind)| &kind.title.en).to_owned()
    }

    /// What an agency is called.
    pub(crate) fn agency(&self, code: &str) -> String {
        let known: Option<AgencyCode> = code.parse().ok();
        known
            .and_then(|code| self.directory.agency(code.as_str()))
            .map_or(code, |agency| &agency.name)
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::samples, *};

    #[test]
    fn a_step_stands_after_those_that_it_waits_for() {
        let journey = Journey::read(&samples::BIRTH).unwrap();
        assert_eq!(journey.steps()[0], "register_birth");
        assert_eq!(journey.steps().len(), 4);
        assert_eq!(journey.results().len(), 4);
        assert_eq!(journey.agency("G01.99.01"), "Công an xã Mẫu Một");
        let land = Journey::read(&samples::LAND).unwrap();
        let (first, last) = (land.steps()[0], land.steps().pop());
        assert_eq!((first, last), ("intake", Some("deliver")));
        assert!(land.is_the_desks("intake") && !land.is_the_desks("deliver"));
    }

    #[test]
    fn a_journey_opens_exactly_the_offices_that_have_a_part_in_it() {
        let names = |material| -> Vec<&str> {
            let offices = Journey::read(material).unwrap().offices().unwrap();
            offices.iter().map(|office| office.name).collect()
        };
        assert_eq!(
            names(&samples::BIRTH),
            [
                "civil-status",
                "police-residence",
                "social-insurance",
                "police-identity",
                "hospital",
                "population-database"
            ]
        );
        let land = ["land-registry", "land-registry-branch", "tax"];
        assert_eq!(names(&samples::LAND), land);
    }
}
