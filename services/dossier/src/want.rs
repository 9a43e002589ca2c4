//! What is wanted: which evidence a step waits for, who may still give it, and when somebody must be
//! asked. The order is the law's: the dossier, the owner's vault, the holder, and only then the
//! citizen (NĐ 47/2020/NĐ-CP Art 5(2), 9(3); NĐ 224/2026/NĐ-CP Art 18(4)).

use crate::{
    Procedure,
    condition::{Condition, Facts, Judgement},
    dossier::{Dossier, Step},
    event::LookUpOutcome,
    name::{AgencyCode, EvidenceName, PartId, StepId},
    party::{Party, PartyRole},
    procedure::{Fallback, Need, Origin},
};
use std::collections::{BTreeMap, BTreeSet};

/// How much a step wants a piece of evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// The step cannot run without it.
    Required,
    /// The step takes it if it comes.
    Optional,
    /// The step does not get it, by its condition.
    No,
    /// Whether it is wanted is not known yet.
    Unknown,
}

/// The data of a piece of evidence, if it is there.
type Data<'a> = dyn Fn(&EvidenceName) -> Option<&'a [u8]> + 'a;

/// What conditions are judged by.
pub(crate) struct Known<'a> {
    data: Box<Data<'a>>,
    asked: &'a BTreeSet<String>,
    parties: &'a [Party],
}

impl<'a> Known<'a> {
    pub(crate) fn new(
        data: impl Fn(&EvidenceName) -> Option<&'a [u8]> + 'a,
        asked: &'a BTreeSet<String>,
        parties: &'a [Party],
    ) -> Self {
        Self {
            data: Box::new(data),
            asked,
            parties,
        }
    }

    pub(crate) fn of(dossier: &'a Dossier) -> Self {
        Self::new(
            |name| Some(&*dossier.newest(name)?.new.given.data),
            &dossier.received.asked,
            &dossier.received.parties,
        )
    }

    /// Judges an optional condition; without one it holds.
    pub(crate) fn judge(&self, condition: Option<&Condition>) -> Judgement {
        condition.map_or(Judgement::Holds, |condition| {
            condition.judge(&Facts {
                data: &|name| (self.data)(name),
                asked: self.asked,
                represented: self
                    .parties
                    .iter()
                    .any(|party| party.roles.contains(&PartyRole::Representative)),
            })
        })
    }

    /// The evidence from outside that this step wants, or that says whether it is to be done or what
    /// it wants; and how much.
    pub(crate) fn outside<'p>(
        &self,
        procedure: &'p Procedure,
        step: &'p crate::procedure::Step,
    ) -> BTreeMap<&'p EvidenceName, Want> {
        let mut wanted: BTreeMap<&EvidenceName, Want> = BTreeMap::new();
        let mut put = |name: &'p EvidenceName, how: Want| {
            let so_far = wanted.entry(name).or_insert(how);
            if how == Want::Required {
                *so_far = how;
            }
        };
        for need in &step.needs {
            put(&need.evidence, self.want(procedure, need));
        }
        for condition in conditions(procedure, step) {
            let missing = match self.judge(Some(condition)) {
                Judgement::Unknown { missing } => missing,
                Judgement::Holds | Judgement::Fails => BTreeSet::new(),
            };
            for name in condition.evidence() {
                let kind = procedure.text.evidence.get(name);
                let may_lack = kind.is_none_or(|kind| kind.optional) || !missing.contains(name);
                let how = match self.judge(procedure.needed_when(name)) {
                    _ if may_lack => Want::Optional,
                    Judgement::Holds => Want::Required,
                    Judgement::Fails => Want::No,
                    Judgement::Unknown { .. } => Want::Unknown,
                };
                put(name, how);
            }
        }
        wanted.retain(|name, _| procedure.givers(name).is_empty());
        wanted
    }

    /// How much a need is wanted.
    pub(crate) fn want(&self, procedure: &Procedure, need: &Need) -> Want {
        match procedure.needed_when(&need.evidence) {
            None => always(need),
            condition => match self.judge(condition) {
                Judgement::Holds => Want::Required,
                Judgement::Fails => Want::No,
                Judgement::Unknown { .. } => Want::Unknown,
            },
        }
    }
}

/// How much a need without condition is wanted.
fn always(need: &Need) -> Want {
    match need.optional {
        true => Want::Optional,
        false => Want::Required,
    }
}

/// The conditions on which it depends whether a step is to be done and what it wants, each once.
fn conditions<'p>(
    procedure: &'p Procedure,
    step: &'p crate::procedure::Step,
) -> Vec<&'p Condition> {
    let of_needs = step.needs.iter().map(|need| &need.evidence);
    let mut conditions: Vec<&Condition> = step
        .when
        .iter()
        .chain(of_needs.filter_map(|name| procedure.needed_when(name)))
        .collect();
    let mut seen: BTreeSet<&EvidenceName> = BTreeSet::new();
    let mut n = 0;
    while let Some(condition) = conditions.get(n).copied() {
        for name in condition.evidence() {
            if seen.insert(name) {
                conditions.extend(procedure.needed_when(name));
            }
        }
        n += 1;
    }
    conditions
}

/// Whether a step needs this evidence, or depends on it by a condition.
pub(crate) fn depends_on(
    procedure: &Procedure,
    step: &crate::procedure::Step,
    evidence: &EvidenceName,
) -> bool {
    step.needs.iter().any(|need| need.evidence == *evidence)
        || conditions(procedure, step)
            .iter()
            .any(|condition| condition.evidence().contains(evidence))
}

/// A view of a dossier and its procedure, for questions that need both.
#[derive(Clone, Copy)]
pub(crate) struct Wanting<'a> {
    pub(crate) dossier: &'a Dossier,
    pub(crate) procedure: &'a Procedure,
}

impl<'a> Wanting<'a> {
    /// The steps of the dossier that give this evidence.
    pub(crate) fn givers(
        self,
        evidence: &EvidenceName,
    ) -> impl Iterator<Item = (&'a StepId, &'a Step)> {
        self.procedure
            .givers(evidence)
            .iter()
            .filter_map(move |id| Some((id, self.dossier.step(id)?)))
    }

    /// Whether a condition holds for this dossier. Where evidence that it asks of is not here and
    /// cannot come any more, it does not.
    pub(crate) fn judge(self, condition: Option<&Condition>) -> Judgement {
        if condition.is_none() {
            return Judgement::Holds;
        }
        match Known::of(self.dossier).judge(condition) {
            Judgement::Unknown { missing } if !missing.iter().any(|name| self.may_come(name)) => {
                Judgement::Fails
            }
            judgement => judgement,
        }
    }

    /// How much a need of a step of this dossier is wanted.
    pub(crate) fn want(self, need: &Need) -> Want {
        if self.procedure.needed_when(&need.evidence).is_none() {
            return always(need);
        }
        match Known::of(self.dossier).want(self.procedure, need) {
            Want::Unknown
                if self.judge(self.procedure.needed_when(&need.evidence)) == Judgement::Fails =>
            {
                Want::No
            }
            want => want,
        }
    }

    /// Whether evidence that is not here may still come.
    fn may_come(self, evidence: &EvidenceName) -> bool {
        let kind = self.procedure.text.evidence.get(evidence);
        self.may_still_be_given(evidence)
            || self.may_still_be_found(evidence)
            || kind.is_some_and(|kind| {
                kind.source != Origin::Step && !kind.optional && kind.when.is_none()
            }) && !self.was_not_given(evidence)
    }

    /// Whether the citizen was asked for it and did not give it.
    pub(crate) fn was_not_given(self, evidence: &EvidenceName) -> bool {
        let mut expired = self.dossier.supplements.iter().filter(|one| one.expired);
        self.dossier.newest(evidence).is_none()
            && (self.dossier.refused_consents.contains_key(evidence)
                || expired.any(|one| one.wanted().contains(evidence)))
    }

    /// Whether a step of the dossier may still give this evidence.
    pub(crate) fn may_still_be_given(self, evidence: &EvidenceName) -> bool {
        self.givers(evidence)
            .any(|(_, giver)| !giver.stage.is_finished())
    }

    /// Whether its holder may still give it.
    pub(crate) fn may_still_be_found(self, evidence: &EvidenceName) -> bool {
        self.dossier
            .look_up(evidence)
            .is_some_and(|(_, step, _)| !step.stage.is_finished())
    }

    /// Evidence that comes from outside, that an unfinished step cannot run without or that says
    /// whether it runs, and that is not here: with the first such step and its part.
    pub(crate) fn missing(self) -> BTreeMap<EvidenceName, (StepId, PartId)> {
        let mut missing = BTreeMap::new();
        for (id, step) in self.dossier.procedure_steps() {
            let Some(plan) = self.procedure.step(id) else {
                continue;
            };
            if !step.work || step.stage.is_finished() || plan.is_self_sufficient {
                continue;
            }
            if self.judge(plan.when.as_ref()) == Judgement::Fails {
                continue;
            }
            for (name, how) in Known::of(self.dossier).outside(self.procedure, plan) {
                if how == Want::Required && self.dossier.newest(name).is_none() {
                    missing
                        .entry(name.clone())
                        .or_insert_with(|| (id.clone(), step.part.clone()));
                }
            }
        }
        missing
    }

    /// What only the citizen can still give: every holder answered that it has it not, or the
    /// procedure asks nobody else.
    pub(crate) fn only_the_citizens(self) -> BTreeMap<EvidenceName, (StepId, PartId)> {
        self.of_the_citizen(self.missing())
    }

    /// What of this evidence that is missing only the citizen can still give.
    pub(crate) fn of_the_citizen(
        self,
        mut missing: BTreeMap<EvidenceName, (StepId, PartId)>,
    ) -> BTreeMap<EvidenceName, (StepId, PartId)> {
        missing.retain(|name, _| {
            let Some(kind) = self.procedure.text.evidence.get(name) else {
                return false;
            };
            if self.dossier.refused_consents.contains_key(name) {
                return false;
            }
            match kind.source {
                Origin::Citizen => true,
                Origin::Step => false,
                Origin::Registry => {
                    kind.fallback == Some(Fallback::Citizen)
                        && self
                            .dossier
                            .look_up(name)
                            .is_some_and(|(_, _, outcome)| outcome == Some(LookUpOutcome::NotFound))
                }
            }
        });
        missing
    }

    /// The parts that wait, directly or through others, for one of these parts.
    pub(crate) fn downstream(self, of: BTreeSet<PartId>) -> BTreeSet<PartId> {
        let mut parts = of;
        loop {
            let more: BTreeSet<PartId> = self
                .dossier
                .procedure_steps()
                .filter(|(_, step)| !parts.contains(&step.part) && !step.stage.is_finished())
                .filter(|(id, _)| self.waits_for(id, &parts))
                .map(|(_, step)| step.part.clone())
                .collect();
            if more.is_empty() {
                return parts;
            }
            parts.extend(more);
        }
    }

    fn waits_for(self, id: &StepId, parts: &BTreeSet<PartId>) -> bool {
        let Some(plan) = self.procedure.step(id) else {
            return false;
        };
        let unfinished_in = |other: &StepId| {
            self.dossier
                .steps
                .get(other)
                .is_some_and(|step| parts.contains(&step.part) && !step.stage.is_finished())
        };
        plan.needs.iter().any(|need| {
            self.procedure
                .givers(&need.evidence)
                .iter()
                .any(unfinished_in)
        }) || plan.after.iter().any(unfinished_in)
    }

    /// The agencies that have an open step in this part.
    pub(crate) fn holders(self, part: &PartId) -> BTreeSet<AgencyCode> {
        self.dossier
            .procedure_steps()
            .filter(|(_, step)| step.part == *part && step.stage.is_open())
            .map(|(_, step)| step.agency.clone())
            .collect()
    }
}
