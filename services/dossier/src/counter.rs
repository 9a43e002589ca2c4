//! The counter: what a desk does for its citizen, and an operator for a dossier. Every act that the
//! state allows is here; everything else is a refusal.

use crate::{
    Event, Refusal, Rules,
    bounds::Bound,
    dossier::{Dossier, Intake, Stage},
    evidence::{Given, NewVersion, Source},
    hand_out, intake,
    name::{AgencyCode, EvidenceName, Key, PartyId, StepId},
    party::Officer,
    refusal::FieldFault,
    request, settle,
    supplement::{Denial, Item, SupplementStage},
    vault::Finding,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What a desk or an operator does.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the fields are those of the contract's messages, where each is explained
pub enum Act {
    /// Receives a filed dossier (form 01).
    Accept {
        received_at: Option<Timestamp>,
        officer: Officer,
    },
    /// Does not accept a filed dossier (form 03).
    RefuseIntake {
        reason: String,
        legal_basis: String,
        officer: Officer,
    },
    /// Asks the citizen for more (form 02): before reception, or after it for what its holders do not
    /// give.
    RequestSupplement { items: Vec<Item>, officer: Officer },
    /// Gives what a supplement asked for.
    AnswerSupplement {
        number: u32,
        evidence: Vec<Given>,
        officer: Officer,
    },
    /// A person gives a consent.
    GiveConsent { evidence: Given, officer: Officer },
    /// A person refuses a consent.
    RefuseConsent {
        evidence: EvidenceName,
        party: PartyId,
        reason: String,
        officer: Officer,
    },
    /// A payment was confirmed.
    ConfirmPayment {
        obligation: Key,
        amount_vnd: i64,
        reference: String,
        paid_at: Option<Timestamp>,
    },
    /// The citizen withdraws.
    Withdraw { reason: String, officer: Officer },
    /// The dossier is stopped by decision (form 05).
    Stop {
        reason: String,
        legal_basis: String,
        settlement: String,
        officer: Officer,
    },
    /// A stopped dossier goes on.
    Resume { reason: String, officer: Officer },
    /// A result is handed out.
    HandOut {
        evidence: EvidenceName,
        version: u32,
        party: Option<PartyId>,
        officer: Officer,
    },
    /// A fault was found in a result (NĐ 61/2018 Art 21).
    ReportFault {
        evidence: EvidenceName,
        reason: String,
        officer: Officer,
    },
}

pub(crate) fn acted(
    dossier: &Dossier,
    rules: Rules<'_>,
    act: Act,
    vault: &[Finding],
    at: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let after_closing = matches!(act, Act::HandOut { .. } | Act::ReportFault { .. });
    if dossier.closed_at.is_some() && !after_closing {
        return Err(match act {
            Act::Withdraw { .. } => Refusal::ResultGiven,
            _ => Refusal::Closed,
        });
    }
    let before_reception = matches!(act, Act::Accept { .. } | Act::RefuseIntake { .. });
    if before_reception && dossier.intake != Intake::Filed {
        return Err(Refusal::AlreadyReceived);
    }
    match act {
        Act::Accept {
            received_at,
            officer,
        } => accept(dossier, rules, received_at, officer, vault, at),
        Act::RefuseIntake {
            reason,
            legal_basis,
            officer,
        } => {
            said(&[("reason", &reason), ("legal_basis", &legal_basis)])?;
            Ok(vec![Event::NotAccepted {
                reason,
                legal_basis,
                officer,
            }])
        }
        Act::RequestSupplement { items, officer } => {
            let stage = match dossier.intake {
                Intake::Filed => SupplementStage::Intake,
                Intake::Received => SupplementStage::LookUp,
                Intake::NotAccepted => return Err(Refusal::AlreadyReceived),
            };
            if stage == SupplementStage::Intake {
                request::once(dossier, &stage)?;
            }
            request::check_items(dossier, rules, &items, vault, None, at)?;
            if stage == SupplementStage::LookUp {
                request::not_given_by_holders(dossier, rules, &items)?;
            }
            let desk = dossier.received.desk.clone();
            Ok(vec![request::asked(
                dossier, rules, stage, None, desk, items, officer, at,
            )])
        }
        Act::AnswerSupplement {
            number,
            evidence,
            officer,
        } => answer_supplement(dossier, rules, number, evidence, officer),
        Act::GiveConsent { evidence, officer } => consent(dossier, rules, evidence, officer),
        Act::RefuseConsent {
            evidence,
            party,
            reason,
            officer,
        } => {
            is_consent(rules, &evidence)?;
            said(&[("reason", &reason)])?;
            if dossier.newest(&evidence).is_some() {
                return Err(Refusal::ConsentGiven { evidence });
            }
            known_party(dossier, &party, "party_id")?;
            Bound::ConsentsRefused.check(dossier.consents_refused as usize)?;
            Ok(vec![Event::ConsentRefused {
                evidence,
                party,
                reason,
                officer,
            }])
        }
        Act::ConfirmPayment {
            obligation,
            amount_vnd,
            reference,
            paid_at,
        } => confirm_payment(
            dossier,
            rules,
            obligation,
            amount_vnd,
            reference,
            paid_at.unwrap_or(at),
        ),
        Act::Withdraw { reason, officer } => {
            // When all departments are done there is nothing to withdraw from.
            let all_is_done = dossier.intake == Intake::Received
                && dossier
                    .procedure_steps()
                    .filter(|(_, step)| step.is_departments())
                    .all(|(_, step)| step.stage.is_finished());
            if dossier.reopened_at.is_some() || all_is_done {
                return Err(Refusal::ResultGiven);
            }
            said(&[("reason", &reason)])?;
            Ok(vec![Event::Withdrawn { reason, officer }])
        }
        Act::Stop {
            reason,
            legal_basis,
            settlement,
            officer,
        } => {
            said(&[("reason", &reason), ("legal_basis", &legal_basis)])?;
            if dossier.intake != Intake::Received {
                return Err(Refusal::NotReceived);
            }
            if dossier.stopped_since.is_some() {
                return Err(Refusal::AlreadyStopped);
            }
            Bound::Stops.check(dossier.stops as usize)?;
            Ok(vec![Event::Stopped {
                reason,
                legal_basis,
                settlement,
                officer,
            }])
        }
        Act::Resume { reason, officer } => {
            if dossier.stopped_since.is_none() {
                return Err(Refusal::NotStopped);
            }
            Ok(vec![settle::gone_on(dossier, rules, reason, officer, at)])
        }
        Act::HandOut {
            evidence,
            version,
            party,
            officer,
        } => handed_out(dossier, rules, evidence, version, party, officer),
        Act::ReportFault {
            evidence,
            reason,
            officer,
        } => report_fault(dossier, evidence, reason, officer),
    }
}

/// What the broker notes after it refused to ask the citizen, and what it starts instead: it takes
/// what the vault has, and asks the holder.
pub(crate) fn denied(
    dossier: &Dossier,
    rules: Rules<'_>,
    step: Option<StepId>,
    agency: AgencyCode,
    denials: BTreeMap<EvidenceName, Denial>,
    vault: &[Finding],
    at: Timestamp,
) -> Vec<Event> {
    if dossier.closed_at.is_some() || denials.is_empty() {
        return vec![];
    }
    let from_vault: Vec<&Finding> = vault
        .iter()
        .filter(|found| denials.contains_key(&found.given.name))
        .filter(|found| matches!(denials.get(&found.given.name), Some(Denial::InVault(code)) if *code == found.code))
        .filter(|found| dossier.newest(&found.given.name).is_none())
        .collect();
    let mut events = vec![];
    if !from_vault.is_empty() {
        events.push(reused(dossier, from_vault));
    }
    for (name, denial) in &denials {
        if let Denial::NotLookedUp(holder) = denial
            && dossier.look_up(name).is_none()
            && let Some(event) = settle::look_up(dossier, rules, name, holder, at)
        {
            events.push(event);
        }
    }
    events.push(Event::SupplementDenied {
        step,
        agency,
        denials,
    });
    events
}

/// Evidence from the vault, as new versions of the dossier.
pub(crate) fn reused(dossier: &Dossier, found: Vec<&Finding>) -> Event {
    let from = found
        .iter()
        .map(|found| (found.given.name.clone(), found.code.clone()))
        .collect();
    let evidence = found
        .into_iter()
        .map(|found| NewVersion {
            version: dossier.newest_number(&found.given.name) + 1,
            digest: found.given.digest(),
            source: Source::Vault,
            given: found.given.clone(),
        })
        .collect();
    Event::Reused { evidence, from }
}

fn accept(
    dossier: &Dossier,
    rules: Rules<'_>,
    received_at: Option<Timestamp>,
    officer: Officer,
    vault: &[Finding],
    at: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    if dossier.open_supplements().next().is_some() {
        return Err(Refusal::SupplementOpen);
    }
    let (reception, found) = intake::reception(dossier, rules, received_at, officer, vault, at)?;
    let mut events = vec![];
    if !found.is_empty() {
        events.push(reused(dossier, found));
    }
    events.push(Event::Accepted(Box::new(reception)));
    Ok(events)
}

/// Everything that was asked for, and nothing else.
fn answer_supplement(
    dossier: &Dossier,
    rules: Rules<'_>,
    number: u32,
    evidence: Vec<Given>,
    officer: Officer,
) -> Result<Vec<Event>, Refusal> {
    let one = dossier
        .supplements
        .iter()
        .find(|one| one.number == number)
        .ok_or(Refusal::UnknownSupplement { number })?;
    if !one.is_open() {
        return Err(if one.expired {
            Refusal::SupplementExpired { number }
        } else {
            Refusal::SupplementAnswered { number }
        });
    }
    let mut faults = Vec::new();
    let wanted = one.wanted();
    let mut named = BTreeSet::new();
    for (n, given) in evidence.iter().enumerate() {
        let place = format!("evidence[{n}]");
        if !wanted.contains(&given.name) {
            faults.push(FieldFault {
                field: format!("{place}.name"),
                rule: format!("one of what was asked for: {}", names(&wanted)),
            });
        } else if !named.insert(&given.name) {
            faults.push(FieldFault {
                field: format!("{place}.name"),
                rule: "named once".into(),
            });
        } else {
            intake::check_given(rules, given, &place, &mut faults);
            subject_is_known(dossier, given, &place, &mut faults);
        }
    }
    // A consent may have come, or a holder may have answered, by another way meanwhile.
    let missing: BTreeSet<&EvidenceName> = wanted
        .iter()
        .filter(|name| !named.contains(**name) && dossier.newest(name).is_none())
        .copied()
        .collect();
    if !missing.is_empty() {
        faults.push(FieldFault {
            field: "evidence".into(),
            rule: format!("complete; missing: {}", names(&missing)),
        });
    }
    if !faults.is_empty() {
        return Err(Refusal::Fields(faults));
    }
    Ok(vec![Event::SupplementAnswered {
        number,
        evidence: new_versions(dossier, evidence, Source::Citizen),
        officer,
    }])
}

fn new_versions(dossier: &Dossier, given: Vec<Given>, source: Source) -> Vec<NewVersion> {
    given
        .into_iter()
        .filter_map(|given| {
            let digest = given.digest();
            let newest = dossier.newest(&given.name);
            newest
                .is_none_or(|newest| newest.new.digest != digest)
                .then(|| NewVersion {
                    version: newest.map_or(1, |newest| newest.new.version + 1),
                    digest,
                    source,
                    given,
                })
        })
        .collect()
}

fn consent(
    dossier: &Dossier,
    rules: Rules<'_>,
    given: Given,
    officer: Officer,
) -> Result<Vec<Event>, Refusal> {
    is_consent(rules, &given.name)?;
    if dossier.newest(&given.name).is_some() {
        return Err(Refusal::ConsentGiven {
            evidence: given.name,
        });
    }
    let mut faults = Vec::new();
    intake::check_given(rules, &given, "evidence", &mut faults);
    subject_is_known(dossier, &given, "evidence", &mut faults);
    if given.subject.is_none() {
        faults.push(FieldFault {
            field: "evidence.subject_party_id".into(),
            rule: "the party who consents".into(),
        });
    }
    if !faults.is_empty() {
        return Err(Refusal::Fields(faults));
    }
    Ok(vec![Event::EvidenceGiven {
        evidence: new_versions(dossier, vec![given], Source::Citizen),
        officer,
    }])
}

fn is_consent(rules: Rules<'_>, evidence: &EvidenceName) -> Result<(), Refusal> {
    let kinds = &rules.procedure.text.evidence;
    if kinds.get(evidence).is_some_and(|kind| kind.consent) {
        return Ok(());
    }
    let consents: BTreeSet<&EvidenceName> = kinds
        .iter()
        .filter(|(_, kind)| kind.consent)
        .map(|(name, _)| name)
        .collect();
    Err(Refusal::Fields(vec![FieldFault {
        field: "evidence.name".into(),
        rule: format!("a consent of the procedure: {}", names(&consents)),
    }]))
}

fn confirm_payment(
    dossier: &Dossier,
    rules: Rules<'_>,
    obligation: Key,
    amount_vnd: i64,
    reference: String,
    paid_at: Timestamp,
) -> Result<Vec<Event>, Refusal> {
    let owed = dossier
        .obligations
        .get(&obligation)
        .ok_or_else(|| Refusal::UnknownObligation {
            obligation: obligation.clone(),
        })?;
    if owed.reference.is_some() {
        return Err(Refusal::AlreadyPaid { obligation });
    }
    if owed.amount_vnd != amount_vnd {
        return Err(Refusal::WrongAmount {
            obligation,
            owed_vnd: owed.amount_vnd,
        });
    }
    said(&[("payment_reference", &reference)])?;
    let paying = rules
        .procedure
        .step(&owed.step)
        .filter(|plan| plan.pays.is_some());
    let mut evidence = vec![];
    if let Some(name) = paying.and_then(|plan| plan.gives.first()) {
        let schema_id = rules
            .procedure
            .text
            .evidence
            .get(name)
            .map(|kind| kind.schema.clone())
            .unwrap_or_default();
        let data = serde_json::json!({
            "obligation_id": obligation.as_str(),
            "amount_vnd": amount_vnd,
            "payment_reference": reference,
            "paid_at": paid_at.to_string(),
        });
        let given = Given {
            name: name.clone(),
            schema_id,
            data: data.to_string().into_bytes().into(),
            documents: vec![],
            subject: None,
        };
        let mut faults = Vec::new();
        intake::check_given(rules, &given, "confirmation", &mut faults);
        if !faults.is_empty() {
            return Err(Refusal::Fields(faults));
        }
        evidence = new_versions(dossier, vec![given], Source::Step);
    }
    Ok(vec![Event::Paid {
        obligation,
        amount_vnd,
        reference,
        paid_at: Some(paid_at),
        step: paying.is_some().then(|| owed.step.clone()),
        evidence,
    }])
}

fn handed_out(
    dossier: &Dossier,
    rules: Rules<'_>,
    evidence: EvidenceName,
    version: u32,
    party: Option<PartyId>,
    officer: Officer,
) -> Result<Vec<Event>, Refusal> {
    let newest = hand_out::ready(dossier, rules.procedure, &evidence)?;
    if version != newest {
        return Err(Refusal::VersionSuperseded {
            evidence,
            said: version,
            newest,
        });
    }
    if let Some(party) = &party {
        known_party(dossier, party, "party_id")?;
    }
    if dossier
        .handed_out
        .get(&evidence)
        .is_some_and(|one| one.version == version)
    {
        return Err(Refusal::HandedOutBefore { evidence });
    }
    Ok(vec![Event::HandedOut {
        evidence,
        version,
        party,
        officer,
    }])
}

/// The desk found a fault in a result: its department corrects it at its own cost, and the citizen is
/// asked for no papers.
fn report_fault(
    dossier: &Dossier,
    evidence: EvidenceName,
    reason: String,
    officer: Officer,
) -> Result<Vec<Event>, Refusal> {
    said(&[("reason", &reason)])?;
    let giver = dossier
        .newest(&evidence)
        .and_then(|version| version.step.as_ref())
        .and_then(|step| dossier.steps.get(step))
        .filter(|step| step.is_departments());
    let can_answer =
        giver.is_some_and(|step| step.stage == Stage::Completed || step.stage.is_open());
    if !can_answer || dossier.ending.is_some() {
        return Err(Refusal::NoResult { evidence });
    }
    if dossier.returns.contains_key(&evidence) {
        return Err(Refusal::FaultOpen { evidence });
    }
    Bound::Faults.check(dossier.faults_reported as usize)?;
    Ok(vec![Event::FaultReported {
        version: dossier.newest_number(&evidence),
        evidence,
        reason,
        officer,
    }])
}

fn known_party(dossier: &Dossier, id: &PartyId, field: &str) -> Result<(), Refusal> {
    if dossier.received.parties.iter().any(|party| party.id == *id) {
        return Ok(());
    }
    Err(Refusal::Fields(vec![FieldFault {
        field: field.into(),
        rule: "a party of this dossier".into(),
    }]))
}

fn subject_is_known(dossier: &Dossier, given: &Given, place: &str, faults: &mut Vec<FieldFault>) {
    let known = given
        .subject
        .as_ref()
        .is_none_or(|id| dossier.received.parties.iter().any(|party| party.id == *id));
    if !known {
        faults.push(FieldFault {
            field: format!("{place}.subject_party_id"),
            rule: "a party of this dossier".into(),
        });
    }
}

fn said(fields: &[(&str, &str)]) -> Result<(), Refusal> {
    let faults: Vec<FieldFault> = fields
        .iter()
        .filter(|(_, text)| text.trim().is_empty())
        .map(|(field, _)| FieldFault {
            field: (*field).into(),
            rule: "said".into(),
        })
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Fields(faults))
    }
}

fn names(names: &BTreeSet<&EvidenceName>) -> String {
    names
        .iter()
        .map(|name| name.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
