//! Handing out: which of what steps gave is a result for the citizen, and when it may go to them.

use crate::{
    Dossier, Procedure, Refusal,
    dossier::{Ending, Stage},
    name::EvidenceName,
};

/// Whether this evidence is there, is handed out to the citizen by its procedure, and stands: what a
/// step gave no longer does when the step was refused or ended after it.
pub fn is_result(dossier: &Dossier, procedure: &Procedure, evidence: &EvidenceName) -> bool {
    let stands = |giver: &crate::dossier::Step| {
        giver.is_procedures() && !matches!(giver.stage, Stage::Refused | Stage::Ended)
    };
    let giver = dossier
        .newest(evidence)
        .and_then(|newest| newest.step.as_ref())
        .and_then(|step| dossier.step(step));
    procedure.is_result(evidence) && giver.is_some_and(stands)
}

/// The version of this result that may be handed out now: the newest, while nobody has found a fault in
/// it that is not answered (NĐ 61/2018/NĐ-CP Art 21), of a dossier that was not withdrawn.
///
/// # Errors
/// No such result, withdrawn, or a fault in it is open.
pub fn ready(
    dossier: &Dossier,
    procedure: &Procedure,
    evidence: &EvidenceName,
) -> Result<u32, Refusal> {
    if dossier.ending == Some(Ending::Withdrawn) {
        return Err(Refusal::Withdrawn);
    }
    if !is_result(dossier, procedure, evidence) {
        return Err(Refusal::NoResult {
            evidence: evidence.clone(),
        });
    }
    if dossier.returns.contains_key(evidence) {
        return Err(Refusal::FaultOpen {
            evidence: evidence.clone(),
        });
    }
    Ok(dossier.newest_number(evidence))
}
