//! Trouble: what of a dossier a person must look at, read off its state. What comes to be there opens
//! an incident, and what is there no longer closes it: whatever put it right.

use crate::{
    causes::{self, Cause},
    store::{IncidentChange, IncidentKey},
};
use dossier::{
    Dossier, Entry, Event, Procedure,
    bounds::Bound,
    dossier::{Intake, Kind, Part, Stage, Step},
    event::LookUpOutcome,
    name::{AgencyCode, EvidenceName, PartId, StepId},
    procedure::{Actor, Fallback},
};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What is the matter and the way out, in Vietnamese and in English. Never personal values.
type Text = (String, String);

/// What becomes of a dossier's incidents by what just happened to it.
pub(super) fn changes(
    before: Option<&Dossier>,
    entries: &[Entry],
    after: &Dossier,
    procedure: &Procedure,
) -> Vec<IncidentChange> {
    let Some(at) = entries.last().map(|last| last.at) else {
        return vec![];
    };
    let was = before.map(|dossier| troubles(dossier, procedure));
    let mut was = was.unwrap_or_default();
    let late = entries.iter().filter_map(|one| late_refusal(one, after));
    let mut changes: Vec<IncidentChange> = late.collect();
    for (key, (vi, en)) in troubles(after, procedure) {
        if was.remove(&key).is_none() {
            changes.push(IncidentChange::Happened { key, vi, en, at });
        }
    }
    changes.extend(was.into_keys().map(|key| IncidentChange::Over { key, at }));
    changes
}

/// Rounds that were owed and are no longer: they were taken, or are nobody's to take any more. What a
/// department would not have, or no message could carry, is no trouble then.
pub(super) fn rounds_over(
    before: &Dossier,
    after: &Dossier,
    at: Timestamp,
) -> impl Iterator<Item = IncidentChange> {
    let owed = before.steps.iter().filter(|(_, was)| was.stage.is_owed());
    let over = owed.filter(|(id, was)| {
        let is_owed = after.steps.get(*id).is_some_and(|now| {
            now.stage.is_owed() && (now.round, &now.agency) == (was.round, &was.agency)
        });
        !is_owed || after.closed_at.is_some()
    });
    over.flat_map(move |(id, _)| {
        let of = |cause| of_step(cause, after, id);
        let keys = [
            of(&causes::HANDOVER_REFUSED),
            of(&causes::HANDOVER_TOO_LARGE),
        ];
        keys.map(|key| IncidentChange::Over { key, at })
    })
}

/// The incident of this cause and step.
pub(super) fn of_step(cause: &Cause, dossier: &Dossier, step: &StepId) -> IncidentKey {
    IncidentKey {
        step: Some(step.clone()),
        ..of_dossier(cause, dossier)
    }
}

/// What becomes of the incident of a department that does not take notices, by its answer to one. It is
/// one incident of the department, whatever the notice and whichever the dossier: the next one that it
/// takes ends it.
pub(super) fn of_notice(agency: &AgencyCode, refused: bool, at: Timestamp) -> IncidentChange {
    let key = IncidentKey {
        cause: causes::NOTICE_REFUSED.word.into(),
        dossier_id: None,
        step: None,
        agency: Some(agency.clone()),
    };
    if !refused {
        return IncidentChange::Over { key, at };
    }
    IncidentChange::Happened {
        key,
        vi: format!(
            "Cơ quan {agency} không nhận thông báo về thời hạn hoặc về hồ sơ đã kết thúc, nên có thể theo thời hạn cũ và lưu hồ sơ mãi. Báo cho cơ quan bằng cách khác và kiểm tra hệ thống của cơ quan."
        ),
        en: format!(
            "department {agency} does not take notices of limits or of closed dossiers, so it may go by an old limit and keep dossiers for ever; tell it in another way, and look at its system"
        ),
        at,
    }
}

/// A refusal that came after its own time: somebody must look at it also when the dossier closes with
/// it, so a person closes this incident.
fn late_refusal(entry: &Entry, after: &Dossier) -> Option<IncidentChange> {
    let Event::Refused {
        step, late: true, ..
    } = &entry.event
    else {
        return None;
    };
    Some(IncidentChange::Happened {
        key: of_step(&causes::REFUSED_LATE, after, step),
        vi: format!(
            "Bước {step} bị từ chối sau thời hạn được từ chối. Hỏi cơ quan đã từ chối vì sao chậm."
        ),
        en: format!(
            "step {step} was refused after the time for refusing it; ask the department that refused why it was late"
        ),
        at: entry.at,
    })
}

fn of_dossier(cause: &Cause, dossier: &Dossier) -> IncidentKey {
    IncidentKey {
        cause: cause.word.to_owned(),
        dossier_id: Some(dossier.id),
        step: None,
        agency: None,
    }
}

/// Everything that a person must look at now.
fn troubles(dossier: &Dossier, procedure: &Procedure) -> BTreeMap<IncidentKey, Text> {
    let mut found = BTreeMap::new();
    if dossier.closed_at.is_some() || dossier.ending.is_some() {
        return found;
    }
    for (id, step) in &dossier.steps {
        if let Some((cause, text)) = of_a_step(dossier, procedure, id, step) {
            found.insert(of_step(cause, dossier, id), text);
        }
        if step.lost as usize >= Bound::Losses.max() && !step.stage.is_finished() {
            found.insert(of_step(&causes::HOLDING_LOST, dossier, id), lost(id, step));
        }
    }
    for (_, owed) in dossier.unpaid().filter(|(_, owed)| owed.overdue) {
        let key = of_step(&causes::PAYMENT_OVERDUE, dossier, &owed.step);
        found.insert(key, unpaid(&owed.step));
    }
    let late = |part: &Part| part.promise_passed && part.end.is_none();
    if let Some(parts) = parts(dossier, late) {
        let vi = format!(
            "Phần {parts} đã quá ngày hẹn trả kết quả. Liên hệ cơ quan đang giữ và báo cho bộ phận một cửa."
        );
        let en = format!(
            "the promised date of {parts} has passed; speak with who has it, and let the desk tell the citizen"
        );
        found.insert(of_dossier(&causes::PROMISE_PASSED, dossier), (vi, en));
    }
    let owed = |part: &Part| part.apology_owed && part.extensions == 0 && part.end.is_none();
    if let Some(parts) = parts(dossier, owed) {
        let vi = format!(
            "Phần {parts} sắp đến ngày hẹn trả. Cơ quan đang giữ phải gửi phiếu xin lỗi và hẹn lại (mẫu 04) hoặc hoàn thành."
        );
        let en = format!(
            "the promised date of {parts} is near; who has it owes an apology with a later date (form 04), or finishes it"
        );
        found.insert(of_dossier(&causes::APOLOGY_OWED, dossier), (vi, en));
    }
    if dossier.intake == Intake::Filed && dossier.intake_limit_passed {
        let vi = "Hồ sơ nộp trực tuyến chưa được tiếp nhận trong thời hạn. Bộ phận một cửa tiếp nhận, từ chối hoặc yêu cầu bổ sung.";
        let en = "the desk let its limit for receiving a filed dossier pass; it receives it, refuses it or asks for more";
        let text = (vi.to_owned(), en.to_owned());
        found.insert(of_dossier(&causes::INTAKE_LIMIT_PASSED, dossier), text);
    }
    found
}

/// The parts of which this is true, by name.
fn parts(dossier: &Dossier, is_so: impl Fn(&Part) -> bool) -> Option<String> {
    let found = dossier.parts.iter().filter(|(_, part)| is_so(part));
    let found: Vec<&str> = found.map(|(id, _): (&PartId, _)| id.as_str()).collect();
    (!found.is_empty()).then(|| found.join(", "))
}

fn of_a_step(
    dossier: &Dossier,
    procedure: &Procedure,
    id: &StepId,
    step: &Step,
) -> Option<(&'static Cause, Text)> {
    if step.stage == Stage::Declined {
        let vi = format!(
            "Cơ quan báo bước {id} không thuộc thẩm quyền. Chuyển bước này cho cơ quan khác."
        );
        let en =
            format!("the department says that step {id} is not its own to do; move it to another");
        return Some((&causes::STEP_DECLINED, (vi, en)));
    }
    match &step.kind {
        Kind::LookUp { evidence, outcome } => look_up(dossier, procedure, step, evidence, *outcome),
        _ if !step.limit_passed || step.stage.is_finished() => None,
        Kind::Procedure if step.actor == Actor::Citizen => {
            Some((&causes::PAYMENT_OVERDUE, unpaid(id)))
        }
        Kind::Procedure => {
            let vi = format!("Bước {id} đã quá thời hạn. Liên hệ cơ quan đang giữ.");
            let en =
                format!("the limit of step {id} has passed; speak with the department that has it");
            Some((&causes::LIMIT_PASSED, (vi, en)))
        }
        Kind::Consultation { asker, .. } => {
            let agency = &step.agency;
            let vi = format!(
                "Cơ quan {agency} chưa trả lời ý kiến cho bước {asker} trong thời hạn. Báo người đứng đầu; bước {asker} có thể tiếp tục."
            );
            let en = format!(
                "{agency} kept silent on the consultation of step {asker} past its deadline; tell its head, step {asker} may go on without"
            );
            Some((&causes::CONSULTATION_SILENT, (vi, en)))
        }
        // Whoever is only told has nothing to do yet: that its courier cannot reach it is said there.
        Kind::Slip => None,
    }
}

fn lost(id: &StepId, step: &Step) -> Text {
    let (agency, times) = (&step.agency, step.lost);
    (
        format!(
            "Cơ quan {agency} đã {times} lần báo không còn giữ bước {id}; hệ thống sẽ không giao lại lần giao này nữa. Kiểm tra hệ thống của cơ quan, hoặc chuyển bước cho cơ quan khác."
        ),
        format!(
            "department {agency} no longer had step {id} {times} times, and is not given this round again; look at its system, or move the step to another"
        ),
    )
}

fn unpaid(step: &StepId) -> Text {
    (
        format!(
            "Công dân chưa nộp khoản phải nộp của bước {step} trong thời hạn. Bộ phận một cửa nhắc công dân; vẫn nộp được cho đến khi hồ sơ kết thúc."
        ),
        format!(
            "the citizen did not pay in time what step {step} waits for; the desk reminds the citizen, who may pay until the dossier ends"
        ),
    )
}

/// A look-up that brings nothing by itself any more, or not for now.
fn look_up(
    dossier: &Dossier,
    procedure: &Procedure,
    step: &Step,
    evidence: &EvidenceName,
    outcome: Option<LookUpOutcome>,
) -> Option<(&'static Cause, Text)> {
    let is_here = dossier.newest(evidence).is_some();
    let is_asked = dossier
        .supplements
        .iter()
        .any(|one| one.wanted().contains(evidence));
    if is_here || is_asked || step.stage == Stage::Ended || !is_needed(dossier, procedure, evidence)
    {
        return None;
    }
    let holder = &step.agency;
    let falls_back = procedure
        .evidence(evidence)
        .is_some_and(|kind| kind.fallback == Some(Fallback::Citizen));
    match outcome {
        Some(LookUpOutcome::NotFound) if falls_back => None,
        Some(LookUpOutcome::NotFound) => Some((
            &causes::LOOK_UP_NOT_FOUND,
            (
                format!(
                    "Cơ quan {holder} không có {evidence}, và thủ tục không cho hỏi công dân. Cần người quyết định: cơ quan {holder} bổ sung dữ liệu, hoặc dừng hồ sơ."
                ),
                format!(
                    "{holder} does not have {evidence}, and the procedure lets nobody ask the citizen; a person decides: {holder} mends its data, or the dossier is stopped"
                ),
            ),
        )),
        Some(LookUpOutcome::Mismatch | LookUpOutcome::PoorQuality) => Some((
            &causes::LOOK_UP_UNUSABLE,
            (
                format!(
                    "Dữ liệu {evidence} của cơ quan {holder} không khớp hoặc không dùng được. Người có thẩm quyền cho phép yêu cầu bổ sung, nêu căn cứ pháp lý."
                ),
                format!(
                    "what {holder} has of {evidence} does not match or cannot be used; a named approver allows a supplement, with its legal basis"
                ),
            ),
        )),
        _ if step.limit_passed => Some((&causes::LOOK_UP_SILENT, silent(holder, evidence))),
        Some(LookUpOutcome::Unavailable) => Some((
            &causes::LOOK_UP_UNAVAILABLE,
            (
                format!(
                    "Hệ thống của cơ quan {holder} chưa tra cứu được {evidence}. Sẽ hỏi lại; kiểm tra hệ thống đó."
                ),
                format!(
                    "the registry of {holder} could not look up {evidence}; it is asked again, look at that registry"
                ),
            ),
        )),
        Some(LookUpOutcome::Found) | None => None,
    }
}

fn silent(holder: &AgencyCode, evidence: &EvidenceName) -> Text {
    (
        format!(
            "Cơ quan {holder} chưa trả lời tra cứu {evidence} trong thời hạn. Liên hệ cơ quan đó, hoặc người có thẩm quyền cho phép yêu cầu bổ sung."
        ),
        format!(
            "{holder} did not answer the look-up of {evidence} within its limit; speak with it, or a named approver allows a supplement"
        ),
    )
}

/// Whether a step that is not finished needs it.
fn is_needed(dossier: &Dossier, procedure: &Procedure, evidence: &EvidenceName) -> bool {
    dossier
        .procedure_steps()
        .filter(|(_, step)| !step.stage.is_finished())
        .any(|(id, _)| {
            let plan = procedure.step(id);
            plan.is_some_and(|plan| plan.needs.iter().any(|need| need.evidence == *evidence))
        })
}

#[cfg(test)]
mod tests;
