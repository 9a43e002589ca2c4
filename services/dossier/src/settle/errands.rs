//! Errands that follow by themselves: look-ups at holders, what only the citizen can still give, and
//! transfer slips.

use crate::{
    Event, Procedure, Rules,
    dossier::{Dossier, Intake, Kind, Stage, Step},
    event::{Deadline, LookUpOutcome, Versions},
    limit::Limit,
    name::{AgencyCode, EvidenceName, StepId},
    party::Officer,
    procedure::{LOOK_UP, SLIP},
    request::{self, deadline},
    supplement::{Item, SupplementStage},
    want::{Wanting, depends_on},
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// How long an errand may take where neither the procedure nor who asked says.
const ERRAND_LIMIT: Limit = Limit {
    amount: 1,
    unit: crate::limit::Unit::WorkingDay,
};

/// How long a step may take: as the procedure says; an errand, as it or who asked says.
pub(crate) fn limit_of(procedure: &Procedure, id: &StepId, step: &Step) -> Limit {
    let said = match &step.kind {
        Kind::Procedure => procedure.step(id).map(|plan| plan.limit),
        Kind::LookUp { evidence, .. } => look_up_limit(procedure, evidence),
        Kind::Consultation { limit, .. } => *limit,
        Kind::Slip => None,
    };
    said.unwrap_or(ERRAND_LIMIT)
}

fn look_up_limit(procedure: &Procedure, evidence: &EvidenceName) -> Option<Limit> {
    procedure.evidence(evidence)?.look_up_limit
}

/// What follows for an errand: it is handed over, asked again, or no longer wanted.
pub(super) fn errand(
    dossier: &Dossier,
    rules: Rules<'_>,
    id: &StepId,
    step: &Step,
    at: Timestamp,
) -> Option<Event> {
    if let Some((agency, why)) = step.to_recall.clone() {
        return Some(Event::RecallDue {
            step: id.clone(),
            round: step.round + 1,
            agency,
            why,
        });
    }
    if step.stage.is_finished() {
        return is_wanted_again(dossier, rules, step).then(|| Event::Wanted { step: id.clone() });
    }
    let unwanted = dossier.ending.is_some()
        || match &step.kind {
            Kind::Procedure => false,
            Kind::LookUp { evidence, .. } => {
                dossier.newest(evidence).is_some() || !is_still_needed(dossier, rules, evidence)
            }
            Kind::Consultation { asker, .. } => dossier
                .steps
                .get(asker)
                .is_none_or(|asker| asker.stage.is_finished()),
            Kind::Slip => dossier.parts.values().all(|part| part.end.is_some()),
        };
    if unwanted {
        return Some(Event::Ended {
            step: id.clone(),
            because_of: id.clone(),
        });
    }
    let is_ready = step.stage == Stage::Waiting
        && step.ask_again_at.is_none()
        && dossier.stopped_since.is_none();
    let due = step.due_at.zip(step.warn_at);
    is_ready.then(|| Event::HandoverDue {
        step: id.clone(),
        round: step.round + 1,
        agency: step.agency.clone(),
        work: true,
        answers: BTreeSet::new(),
        review: Versions::new(),
        inputs: step.inputs.clone(),
        deadline: due.map_or_else(
            || deadline(rules, at, limit_of(rules.procedure, id, step)),
            |(due_at, warn_at)| Deadline { due_at, warn_at },
        ),
    })
}

/// Whether a look-up that nobody wanted any more, before it was answered for good, is wanted: a step that
/// was not to be done is now.
fn is_wanted_again(dossier: &Dossier, rules: Rules<'_>, step: &Step) -> bool {
    let Kind::LookUp {
        evidence,
        outcome: None | Some(LookUpOutcome::Unavailable),
    } = &step.kind
    else {
        return false;
    };
    let wanting = Wanting {
        dossier,
        procedure: rules.procedure,
    };
    dossier.ending.is_none()
        && step.stage == Stage::Ended
        && is_still_needed(dossier, rules, evidence)
        && wanting.missing().contains_key(evidence)
}

/// Whether a step that is still to be done depends on this evidence.
fn is_still_needed(dossier: &Dossier, rules: Rules<'_>, evidence: &EvidenceName) -> bool {
    dossier.procedure_steps().any(|(id, step)| {
        let plan = rules.procedure.step(id);
        step.work
            && !step.stage.is_finished()
            && plan.is_some_and(|plan| depends_on(rules.procedure, plan, evidence))
    })
}

/// A look-up at the holder of this evidence.
pub(crate) fn look_up(
    dossier: &Dossier,
    rules: Rules<'_>,
    evidence: &EvidenceName,
    holder: &AgencyCode,
    at: Timestamp,
) -> Option<Event> {
    let part = dossier
        .procedure_steps()
        .find(|(id, _)| {
            rules
                .procedure
                .step(id)
                .is_some_and(|plan| depends_on(rules.procedure, plan, evidence))
        })
        .map(|(_, step)| step.part.clone())?;
    let limit = look_up_limit(rules.procedure, evidence).unwrap_or(ERRAND_LIMIT);
    Some(Event::LookUpDue {
        step: format!("{LOOK_UP}{evidence}").parse().ok()?,
        evidence: evidence.clone(),
        part,
        agency: holder.clone(),
        deadline: deadline(rules, rules.calendar.starts(at, None), limit),
    })
}

/// Evidence that is missing is looked for at its holder; when every holder has answered, the citizen is
/// asked for all of it at once, through the desk. A holder that stays silent is waited for: a named
/// approver may go on without it, and then asks for all of it.
///
/// So the citizen is asked a second time at this stage only where nobody could have asked the first
/// time: for what a step gave or a correction changed afterwards, and for what a named approver allows
/// although its holder answered with a mismatch or poor quality (NĐ 61/2018/NĐ-CP Art 15(3), 17(1);
/// NĐ 47/2020/NĐ-CP Art 9(3)).
pub(super) fn missing(wanting: Wanting<'_>, rules: Rules<'_>, at: Timestamp) -> Option<Event> {
    let dossier = wanting.dossier;
    if dossier.ending.is_some() || dossier.stopped_since.is_some() {
        return None;
    }
    let missing = wanting.missing();
    if missing.is_empty() {
        return None;
    }
    let ask_holder = missing.keys().find_map(|name| {
        if dossier.look_up(name).is_some() {
            return None;
        }
        let holder = request::holder(dossier, rules, name, at)?;
        look_up(dossier, rules, name, &holder, at)
    });
    if ask_holder.is_some() {
        return ask_holder;
    }
    let asked_before = |name: &EvidenceName| {
        dossier
            .supplements
            .iter()
            .any(|one| one.wanted().contains(name))
    };
    let items: Vec<Item> = wanting
        .of_the_citizen(missing)
        .into_keys()
        .filter(|name| !asked_before(name))
        .map(|evidence| {
            let title = rules.procedure.text.evidence.get(&evidence);
            let is_consent = title.is_some_and(|kind| kind.consent);
            Item {
                reason: match is_consent {
                    true => "cần ý kiến đồng ý của người có liên quan".into(),
                    false => "cơ quan lưu giữ đã được tra cứu và không có".into(),
                },
                legal_basis: rules.procedure.text.legal_basis.clone(),
                approval: None,
                evidence,
            }
        })
        .collect();
    let may_ask = dossier.intake == Intake::Received
        && !items.is_empty()
        && !request::look_up_is_open(dossier);
    may_ask.then(|| {
        request::asked(
            dossier,
            rules,
            SupplementStage::LookUp,
            None,
            dossier.received.desk.clone(),
            items,
            Officer::default(),
            at,
        )
    })
}

/// Every participant knows its task and deadline from reception on (NĐ 61/2018 Art 19(6)): who has a
/// round has it there, the others are told.
pub(super) fn slips(dossier: &Dossier, rules: Rules<'_>) -> Option<Event> {
    if !rules.procedure.text.transfer_slip
        || dossier.slips_given
        || dossier.intake != Intake::Received
        || dossier.ending.is_some()
    {
        return None;
    }
    let of = |open: bool| -> BTreeSet<AgencyCode> {
        dossier
            .procedure_steps()
            .filter(|(_, step)| step.is_departments() && step.stage.is_open() == open)
            .filter(|(_, step)| !step.stage.is_finished())
            .map(|(_, step)| step.agency.clone())
            .collect()
    };
    let (at_work, waiting) = (of(true), of(false));
    let to = waiting
        .difference(&at_work)
        .enumerate()
        .filter_map(|(n, agency)| Some((format!("{SLIP}{}", n + 1).parse().ok()?, agency.clone())))
        .collect();
    Some(Event::SlipsDue { to })
}
