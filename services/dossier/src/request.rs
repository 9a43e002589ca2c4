//! Requests: what a department asks for while it has a step: more from the citizen, a payment, an
//! opinion, more time. And why it is often not needed.

use crate::{
    Dossier, Event, Procedure, Refusal, Rules,
    bounds::Bound,
    calendar::{Calendar, Remaining},
    dossier::{Kind, Task},
    event::{Deadline, LookUpOutcome},
    limit::Limit,
    name::{AgencyCode, EvidenceName, Key, StepId},
    party::{Officer, Party},
    procedure::{CONSULT, Origin},
    refusal::FieldFault,
    report::{About, list},
    supplement::{Denial, Item, SupplementStage},
    vault::Finding,
    want::{Wanting, depends_on},
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The most items that one supplement may have.
pub const SUPPLEMENT_ITEMS_MAX: usize = 20;

/// Asks the citizen for more, at appraisal (form 02; NĐ 61/2018 Art 19(4)).
pub(crate) fn supplement(
    about: &About<'_>,
    items: Vec<Item>,
    vault: &[Finding],
    officer: Officer,
) -> Result<Event, Refusal> {
    if about.step.task() != Task::Work || !about.step.is_procedures() {
        return Err(about.wrong_task("a supplement"));
    }
    if about.step.completed_once || about.dossier.reopened_at.is_some() {
        return Err(Refusal::CorrectionIsFree {
            step: about.id.clone(),
        });
    }
    let stage = SupplementStage::Appraisal(about.id.clone());
    once(about.dossier, &stage)?;
    check_items(
        about.dossier,
        about.rules,
        &items,
        vault,
        Some(about.id),
        about.at,
    )?;
    let approved = items.iter().all(|item| item.approval.is_some());
    if let (Some(limit), Some(since)) = (
        about.rules.procedure.text.appraisal_supplement_within,
        about.step.first_held_at,
    ) && !approved
        && about.at > about.rules.calendar.ends(since, limit)
    {
        return Err(Refusal::SupplementLate {
            step: about.id.clone(),
            limit,
        });
    }
    Ok(asked(
        about.dossier,
        about.rules,
        stage,
        Some((about.id.clone(), about.round)),
        about.step.agency.clone(),
        items,
        officer,
        about.at,
    ))
}

/// The event by which the citizen is asked.
#[allow(clippy::too_many_arguments)] // an event has this many facts
pub(crate) fn asked(
    dossier: &Dossier,
    rules: Rules<'_>,
    stage: SupplementStage,
    by: Option<(StepId, u32)>,
    agency: AgencyCode,
    items: Vec<Item>,
    officer: Officer,
    at: Timestamp,
) -> Event {
    Event::SupplementAsked {
        number: u32::try_from(dossier.supplements.len()).unwrap_or(u32::MAX) + 1,
        stage,
        by,
        agency,
        items,
        due_at: rules
            .calendar
            .ends(at, rules.procedure.text.supplement_window),
        officer,
    }
}

/// Each stage asks the citizen once.
pub(crate) fn once(dossier: &Dossier, stage: &SupplementStage) -> Result<(), Refusal> {
    if dossier.supplements.iter().any(|one| one.stage == *stage) {
        return Err(Refusal::SupplementTwice {
            stage: stage.text(),
        });
    }
    Ok(())
}

/// After reception the desk asks only for what a step waits for and its holders did not give, each
/// once, and for all of it together: a person decides that where the procedure names no way out.
pub(crate) fn not_given_by_holders(
    dossier: &Dossier,
    rules: Rules<'_>,
    items: &[Item],
) -> Result<(), Refusal> {
    let wanting = Wanting {
        dossier,
        procedure: rules.procedure,
    };
    let missing = wanting.missing();
    let mut citizens = wanting.only_the_citizens();
    let asked_before = |name: &EvidenceName| {
        dossier
            .supplements
            .iter()
            .any(|one| one.stage == SupplementStage::LookUp && one.wanted().contains(name))
    };
    for Item { evidence, .. } in items {
        let is_citizens = citizens.remove(evidence).is_some();
        if !missing.contains_key(evidence) || !is_citizens && dossier.look_up(evidence).is_none() {
            return Err(Refusal::AlreadyReceived);
        }
        if asked_before(evidence) {
            return Err(Refusal::SupplementTwice {
                stage: SupplementStage::LookUp.text(),
            });
        }
    }
    let forgotten: BTreeSet<EvidenceName> = citizens
        .into_keys()
        .filter(|name| !asked_before(name))
        .collect();
    if !forgotten.is_empty() {
        return Err(Refusal::Fields(vec![FieldFault {
            field: "items".into(),
            rule: format!(
                "complete, since the citizen is asked once; missing: {}",
                list(&forgotten)
            ),
        }]));
    }
    Ok(())
}

/// Refuses what the citizen must not be asked for, and says where it is.
pub(crate) fn check_items(
    dossier: &Dossier,
    rules: Rules<'_>,
    items: &[Item],
    vault: &[Finding],
    step: Option<&StepId>,
    at: Timestamp,
) -> Result<(), Refusal> {
    let mut faults = Vec::new();
    let mut names = BTreeSet::new();
    if items.is_empty() || items.len() > SUPPLEMENT_ITEMS_MAX {
        faults.push(FieldFault {
            field: "items".into(),
            rule: format!("1 to {SUPPLEMENT_ITEMS_MAX}"),
        });
    }
    for (n, item) in items.iter().enumerate() {
        let mut need = |field: &str, text: &str| {
            if text.trim().is_empty() {
                faults.push(FieldFault {
                    field: format!("items[{n}].{field}"),
                    rule: "said".into(),
                });
            }
        };
        need("reason", &item.reason);
        need("legal_basis", &item.legal_basis);
        if let Some(approval) = &item.approval {
            need("approval.approver.name", &approval.approver.name);
            need("approval.legal_basis", &approval.legal_basis);
        }
        if !names.insert(&item.evidence) {
            faults.push(FieldFault {
                field: format!("items[{n}].evidence"),
                rule: "named once".into(),
            });
        }
    }
    if !faults.is_empty() {
        return Err(Refusal::Fields(faults));
    }
    let denials: BTreeMap<EvidenceName, Denial> = items
        .iter()
        .filter_map(|item| {
            let denial = denial(dossier, rules, item, vault, at)?;
            Some((item.evidence.clone(), denial))
        })
        .collect();
    if denials.is_empty() {
        Ok(())
    } else {
        Err(Refusal::SupplementDenied {
            step: step.cloned(),
            denials,
        })
    }
}

/// Why the citizen is not asked for this; nothing when only the citizen can give it.
fn denial(
    dossier: &Dossier,
    rules: Rules<'_>,
    item: &Item,
    vault: &[Finding],
    at: Timestamp,
) -> Option<Denial> {
    let name = &item.evidence;
    let is_needed = dossier.procedure_steps().any(|(id, _)| {
        rules
            .procedure
            .step(id)
            .is_some_and(|plan| depends_on(rules.procedure, plan, name))
    });
    let Some(kind) = rules
        .procedure
        .text
        .evidence
        .get(name)
        .filter(|_| is_needed)
    else {
        return Some(Denial::NotInProcedure);
    };
    if kind.source == Origin::Step {
        let giver = rules.procedure.giver(name)?;
        return Some(Denial::ComesFromStep(giver.clone()));
    }
    let is_approved = item.approval.is_some();
    if let Some(version) = dossier.newest(name) {
        return (!is_approved).then(|| Denial::InDossier(version.agency.clone()));
    }
    if let Some(found) = vault
        .iter()
        .find(|one| one.given.name == *name && one.fits(kind, &dossier.received.parties, at))
    {
        return Some(Denial::InVault(found.code.clone()));
    }
    if kind.source == Origin::Citizen {
        return None;
    }
    match dossier.look_up(name) {
        None => {
            let holder = holder(dossier, rules, name, at)?;
            Some(Denial::NotLookedUp(holder))
        }
        Some((_, step, outcome)) => match outcome {
            Some(LookUpOutcome::NotFound) => None,
            Some(LookUpOutcome::Mismatch | LookUpOutcome::PoorQuality) => {
                (!is_approved).then(|| Denial::NeedsApproval(step.agency.clone()))
            }
            _ if step.limit_passed => {
                (!is_approved).then(|| Denial::NeedsApproval(step.agency.clone()))
            }
            _ => Some(Denial::LookUpOpen(step.agency.clone())),
        },
    }
}

/// Who holds this evidence, for where the case belongs.
pub(crate) fn holder(
    dossier: &Dossier,
    rules: Rules<'_>,
    evidence: &EvidenceName,
    at: Timestamp,
) -> Option<AgencyCode> {
    let role = rules
        .procedure
        .text
        .evidence
        .get(evidence)?
        .holder
        .as_ref()?;
    rules
        .directory
        .resolve(role, &dossier.received.territory, at)
        .map(|agency| agency.code.clone())
}

/// Whom the look-up of this evidence is about: of several, each.
pub(crate) fn asked_about<'a>(
    dossier: &'a Dossier,
    procedure: &Procedure,
    evidence: &EvidenceName,
) -> Vec<&'a Party> {
    procedure
        .evidence(evidence)
        .map_or_else(Vec::new, |kind| kind.subjects(&dossier.received.parties))
}

/// The citizen must pay: the part's clock stands still until the payment is confirmed.
pub(crate) fn payment(
    about: &About<'_>,
    obligation: Key,
    amount_vnd: i64,
    purpose: String,
    legal_basis: String,
    officer: Officer,
) -> Result<Event, Refusal> {
    if about.step.task() != Task::Work || !about.step.is_procedures() {
        return Err(about.wrong_task("a payment"));
    }
    if about.step.completed_once || about.dossier.reopened_at.is_some() {
        return Err(Refusal::CorrectionIsFree {
            step: about.id.clone(),
        });
    }
    if amount_vnd <= 0 {
        return Err(Refusal::Fields(vec![FieldFault {
            field: "amount_vnd".into(),
            rule: "more than 0".into(),
        }]));
    }
    if about.dossier.obligations.contains_key(&obligation) {
        return Err(Refusal::ObligationTwice { obligation });
    }
    Bound::Obligations.check(about.dossier.obligations.len())?;
    Ok(Event::PaymentAsked {
        step: about.id.clone(),
        round: about.round,
        obligation,
        amount_vnd,
        purpose,
        legal_basis,
        due_at: Some(
            about
                .rules
                .calendar
                .ends(about.at, about.rules.procedure.payment_window()),
        ),
        officer,
    })
}

/// Another agency's opinion, with a deadline (NĐ 61/2018 Art 19(5)).
pub(crate) fn consultation(
    about: &About<'_>,
    agency: AgencyCode,
    question: String,
    limit: Limit,
    evidence: &BTreeSet<EvidenceName>,
    officer: Officer,
) -> Result<Event, Refusal> {
    if about.step.task() != Task::Work || !about.step.is_procedures() {
        return Err(about.wrong_task("a consultation"));
    }
    if !about.rules.directory.is_in_force(agency.as_str(), about.at) {
        return Err(Refusal::UnknownAgency { agency });
    }
    let mut faults = Vec::new();
    if question.trim().is_empty() {
        faults.push(FieldFault {
            field: "question".into(),
            rule: "said".into(),
        });
    }
    if agency == about.step.agency {
        faults.push(FieldFault {
            field: "agency_code".into(),
            rule: "another agency than the one that asks".into(),
        });
    }
    for name in evidence {
        if !about.step.inputs.contains_key(name) {
            faults.push(FieldFault {
                field: "evidence".into(),
                rule: format!("what the asking step was given; {name} was not"),
            });
        }
    }
    if !faults.is_empty() {
        return Err(Refusal::Fields(faults));
    }
    let max = about
        .rules
        .procedure
        .step(about.id)
        .map_or(0, |plan| plan.consults_max);
    if about.step.consultations >= max {
        return Err(Refusal::ConsultationLimit {
            step: about.id.clone(),
            max,
        });
    }
    let number = about.step.consultations + 1;
    let consultation = format!("{CONSULT}{}_{number}", about.id)
        .parse()
        .map_err(|_| Refusal::ConsultationLimit {
            step: about.id.clone(),
            max,
        })?;
    let inputs = about
        .step
        .inputs
        .iter()
        .filter(|(name, _)| evidence.contains(*name))
        .map(|(name, version)| (name.clone(), *version))
        .collect();
    Ok(Event::Consulted {
        step: about.id.clone(),
        round: about.round,
        consultation,
        agency,
        question,
        inputs,
        limit: Some(limit),
        deadline: deadline(about.rules, about.at, limit),
        officer,
    })
}

/// A later date, once, before the promised one passes, with an apology (NĐ 61/2018 Art 19(9)).
pub(crate) fn extension(
    about: &About<'_>,
    limit: Limit,
    reason: String,
    officer: Officer,
) -> Result<Event, Refusal> {
    let step = about.step;
    if !step.is_procedures() || !step.stage.is_open() {
        return Err(about.wrong_task("an extension"));
    }
    let Some(part) = about.dossier.parts.get(&step.part) else {
        return Err(about.wrong_task("an extension"));
    };
    if reason.trim().is_empty() {
        return Err(Refusal::Fields(vec![FieldFault {
            field: "reason".into(),
            rule: "said: it stands in the apology".into(),
        }]));
    }
    let max = about.rules.procedure.text.extensions_max;
    if part.extensions >= max {
        return Err(Refusal::ExtensionTwice {
            part: step.part.clone(),
            max,
        });
    }
    let is_paused = !part.pauses.is_empty();
    if part.promise_passed || about.at > part.promised_at && !is_paused {
        return Err(Refusal::ExtensionLate {
            part: step.part.clone(),
        });
    }
    let later = |from: Timestamp| deadline(about.rules, from, limit);
    Ok(Event::Extended {
        step: about.id.clone(),
        round: about.round,
        part: step.part.clone(),
        limit,
        deadline: later(part.promised_at),
        step_deadline: later(step.due_at.unwrap_or(about.at).max(about.at)),
        reason,
        officer,
    })
}

/// A limit that starts now, and when somebody is warned: one working day before it ends, or halfway
/// where it is shorter than two.
pub(crate) fn deadline(rules: Rules<'_>, from: Timestamp, limit: Limit) -> Deadline {
    let due_at = rules.calendar.ends(from, limit);
    Deadline {
        due_at,
        warn_at: warn_at(rules.calendar, from, due_at),
    }
}

/// When somebody is warned of what ends then.
pub(crate) fn warn_at(calendar: &Calendar, from: Timestamp, due_at: Timestamp) -> Timestamp {
    let day_before = calendar.working_days_before(due_at, 1);
    if day_before > from {
        return day_before;
    }
    let half = calendar.working_time(from, due_at) / 2;
    let warn_at = calendar.resumes(from, Remaining::WorkingTime(half));
    warn_at.clamp(from.min(due_at), due_at)
}

/// Whether a look-up is still to be answered, in its time or late.
pub(crate) fn look_up_is_open(dossier: &Dossier) -> bool {
    dossier
        .steps
        .values()
        .any(|step| matches!(step.kind, Kind::LookUp { .. }) && !step.stage.is_finished())
}
