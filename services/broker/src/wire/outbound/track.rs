//! Where a dossier stands, as its desk sees it.

use super::{
    bytes, item, limit, officer,
    standing::{
        channel, delivery_status, dossier_state, finance_status, national_status, part_state,
        pause_reason, step_state, sync_status,
    },
    timestamp,
};
use crate::store::DossierRow;
use contract::v1;
use dossier::{
    Dossier, Entry, Procedure,
    calendar::Calendar,
    directory::Directory,
    dossier::{Intake, Stage, Step},
    event::LookUpOutcome,
    name::{Digest, EvidenceName, StepId},
    procedure::{CONSULT, LOOK_UP, SLIP, Title},
    slip::{Row, Timeliness, slip},
    standing::{self, Holder},
    supplement::Supplement,
};
use jiff::Timestamp;

/// A dossier with what its standing is told by.
#[derive(Clone, Copy)]
pub struct Tracked<'a> {
    /// The dossier.
    pub dossier: &'a Dossier,
    /// Its history.
    pub entries: &'a [Entry],
    /// The version of the procedure that it follows.
    pub procedure: &'a Procedure,
    /// The calendar that its clocks follow.
    pub calendar: &'a Calendar,
    /// What agencies are called.
    pub directory: &'a Directory,
    /// Until when working time is counted.
    pub now: Timestamp,
}

/// A dossier in a list that cannot be read: what its row says of it.
pub fn quarantined(row: &DossierRow) -> v1::DossierSummary {
    v1::DossierSummary {
        dossier_id: row.dossier_id.to_string(),
        dossier_code: row.summary.code.to_string(),
        submit_key: String::new(),
        procedure_code: row.summary.procedure.to_string(),
        state: v1::DossierState::Quarantined.into(),
        received_at: timestamp(row.summary.received_at),
        erased_at: row.erased_at.and_then(timestamp),
    }
}

/// A dossier in a list; `erased_at` is when its personal values were erased.
pub fn summary(dossier: &Dossier, erased_at: Option<Timestamp>) -> v1::DossierSummary {
    let submit_key = match erased_at {
        None => dossier.received.submit_key.to_string(),
        Some(_) => String::new(),
    };
    v1::DossierSummary {
        dossier_id: dossier.id.to_string(),
        dossier_code: dossier.code().to_string(),
        submit_key,
        procedure_code: dossier.received.procedure.to_string(),
        state: dossier_state(dossier).into(),
        received_at: received_at(dossier),
        erased_at: erased_at.and_then(timestamp),
    }
}

/// How far a dossier is, and nothing else (TT 01/2018/TT-VPCP Art 16(2)(d)).
pub fn public(dossier: &Dossier) -> v1::TrackPublicResponse {
    let (steps_finished, steps) = standing::degree(dossier);
    v1::TrackPublicResponse {
        dossier_code: dossier.code().to_string(),
        steps_finished,
        steps,
    }
}

fn received_at(dossier: &Dossier) -> Option<prost_types::Timestamp> {
    let is_received = dossier.intake == Intake::Received;
    is_received
        .then_some(dossier.received_at)
        .and_then(timestamp)
}

/// Where a dossier stands. `hashes` is the hash of each of its records, by sequence.
pub fn track(tracked: Tracked<'_>, hashes: impl Fn(u64) -> Option<Digest>) -> v1::TrackResponse {
    let Tracked {
        dossier,
        entries,
        procedure,
        calendar,
        now,
        ..
    } = tracked;
    let received = &dossier.received;
    v1::TrackResponse {
        dossier_id: dossier.id.to_string(),
        dossier_code: dossier.code().to_string(),
        procedure_code: procedure.code().to_string(),
        procedure_title: Some(text(&procedure.text.title)),
        state: dossier_state(dossier).into(),
        received_at: received_at(dossier),
        promised_at: timestamp(promised_at(dossier)),
        closed_at: dossier.closed_at.and_then(timestamp),
        parts: parts(tracked),
        steps: dossier
            .steps
            .iter()
            .map(|(id, step)| step_status(tracked, id, step))
            .collect(),
        control_slip: slip(entries)
            .iter()
            .map(|row| slip_row(row, &hashes))
            .collect(),
        visits: visits(dossier),
        papers_asked_twice: papers_asked_twice(dossier),
        national_status: national_status(standing::national(dossier, procedure)).into(),
        finance_status: finance_status(standing::finance(dossier)).into(),
        delivery_status: delivery_status(standing::delivery(dossier, procedure)).into(),
        sync_status: sync_status(standing::sync(dossier)).into(),
        supplements: dossier.supplements.iter().map(supplement).collect(),
        obligations: obligations(dossier),
        pauses: standing::pauses(entries).iter().map(pause).collect(),
        times: standing::attribution(entries, dossier, calendar, now)
            .iter()
            .map(|(holder, time)| time_held(holder, time.as_secs()))
            .collect(),
        arrived_at: received.arrived_at.and_then(timestamp),
        filed_at: timestamp(received.filed_at.unwrap_or(dossier.filed_at)),
        channel: channel(received.channel).into(),
        desk_agency_code: received.desk.to_string(),
        hand_out_agency_code: received.hand_out_desk.to_string(),
        filed_by_party_id: received
            .filed_by
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
    }
}

/// Until when every part is promised; of what is only filed, until when a desk looks at it.
pub fn promised_at(dossier: &Dossier) -> Timestamp {
    let by_parts = dossier.parts.values().map(|part| part.promised_at).max();
    by_parts
        .filter(|_| dossier.intake == Intake::Received)
        .unwrap_or(dossier.received.promised_at)
}

fn text(title: &Title) -> v1::Text {
    v1::Text {
        vi: title.vi.clone(),
        en: title.en.clone(),
    }
}

fn parts(tracked: Tracked<'_>) -> Vec<v1::PartStatus> {
    tracked
        .dossier
        .parts
        .iter()
        .filter_map(|(id, stands)| {
            let part = tracked.procedure.text.parts.get(id)?;
            Some(v1::PartStatus {
                part_id: id.to_string(),
                national_code: part
                    .national_code
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                title: Some(text(&part.title)),
                state: part_state(stands.end).into(),
                limit: Some(limit(part.limit)),
                promised_at: timestamp(stands.promised_at),
                pauses: stands
                    .pauses
                    .iter()
                    .map(|why| pause_reason(*why).into())
                    .collect(),
                extensions: stands.extensions,
            })
        })
        .collect()
}

fn step_status(tracked: Tracked<'_>, id: &StepId, step: &Step) -> v1::StepStatus {
    let Tracked {
        dossier,
        procedure,
        directory,
        ..
    } = tracked;
    let needs = procedure.step(id).map_or(&[][..], |plan| &plan.needs);
    let waiting_for = if step.stage == Stage::Waiting {
        let is_optional = |name: &EvidenceName| {
            procedure
                .evidence(name)
                .is_some_and(|evidence| evidence.optional)
        };
        needs
            .iter()
            .filter(|need| dossier.newest(&need.evidence).is_none())
            .filter(|need| !need.optional && !is_optional(&need.evidence))
            .map(|need| need.evidence.to_string())
            .collect()
    } else {
        step.awaiting.iter().map(ToString::to_string).collect()
    };
    v1::StepStatus {
        step_id: id.to_string(),
        title: step_title(procedure, id),
        part_id: step.part.to_string(),
        state: step_state(step.stage).into(),
        agency_code: step.agency.to_string(),
        agency_name: directory
            .agency(step.agency.as_str())
            .map(|agency| agency.name.clone())
            .unwrap_or_default(),
        officer: officer(&step.officer),
        round: step.round,
        task: if step.stage.is_open() {
            step.task().word().to_owned()
        } else {
            String::new()
        },
        due_since: step.due_since.and_then(timestamp),
        held_since: step.held_since.and_then(timestamp),
        finished_at: step.finished_at.and_then(timestamp),
        due_at: step.due_at.and_then(timestamp),
        waiting_for,
        reason: step.reason.clone(),
    }
}

/// What a step is called; an errand by what it is sent for. None: the procedure knows no such step.
pub fn step_title(procedure: &Procedure, id: &StepId) -> Option<v1::Text> {
    let called = |vi: &str, en: &str, title: Option<&Title>| match title {
        Some(title) => v1::Text {
            vi: format!("{vi}: {}", title.vi),
            en: format!("{en}: {}", title.en),
        },
        None => v1::Text {
            vi: vi.to_owned(),
            en: en.to_owned(),
        },
    };
    let plan = |id: &StepId| procedure.step(id).map(|plan| &plan.title);
    if let Some(title) = plan(id) {
        return Some(text(title));
    }
    let id = id.as_str();
    if let Some(evidence) = id.strip_prefix(LOOK_UP) {
        let kind = evidence
            .parse()
            .ok()
            .and_then(|name| procedure.evidence(&name));
        return Some(called("Tra cứu", "Look-up", kind.map(|kind| &kind.title)));
    }
    if let Some(asked) = id.strip_prefix(CONSULT) {
        let asker = asked
            .rsplit_once('_')
            .and_then(|(asker, _)| asker.parse().ok());
        let title = asker.as_ref().and_then(plan);
        return Some(called("Lấy ý kiến", "Consultation", title));
    }
    let is_slip = id.starts_with(SLIP);
    is_slip.then(|| called("Phiếu chuyển xử lý", "Transfer slip", None))
}

fn slip_row(row: &Row, hashes: impl Fn(u64) -> Option<Digest>) -> v1::ControlSlipRow {
    v1::ControlSlipRow {
        sequence: row.sequence,
        from_agency_code: row.from.to_string(),
        to_agency_code: row.to.to_string(),
        step_id: row.step.to_string(),
        round: row.round,
        task: row.task.to_owned(),
        handed_at: timestamp(row.handed_at),
        received_at: row.received_at.and_then(timestamp),
        answered_at: row.answered_at.and_then(timestamp),
        due_at: timestamp(row.due_at),
        timeliness: match row.timeliness {
            None => v1::Timeliness::Unspecified.into(),
            Some(Timeliness::Early) => v1::Timeliness::Early.into(),
            Some(Timeliness::OnTime) => v1::Timeliness::OnTime.into(),
            Some(Timeliness::Overdue) => v1::Timeliness::Overdue.into(),
        },
        outcome: row.outcome.to_owned(),
        officer: officer(&row.officer),
        record_hash: hashes(row.sequence)
            .map(|hash| bytes(&hash))
            .unwrap_or_default(),
    }
}

fn supplement(one: &Supplement) -> v1::SupplementStatus {
    v1::SupplementStatus {
        number: one.number,
        stage: one.stage.text(),
        agency_code: one.agency.to_string(),
        items: one.items.iter().map(item).collect(),
        asked_at: timestamp(one.asked_at),
        due_at: timestamp(one.due_at),
        ended_at: one.ended_at.and_then(timestamp),
        expired: one.expired,
    }
}

fn obligations(dossier: &Dossier) -> Vec<v1::ObligationStatus> {
    dossier
        .obligations
        .iter()
        .map(|(id, owed)| v1::ObligationStatus {
            obligation_id: id.to_string(),
            step_id: owed.step.to_string(),
            amount_vnd: owed.amount_vnd,
            purpose: owed.purpose.clone(),
            legal_basis: owed.legal_basis.clone(),
            asked_at: timestamp(owed.asked_at),
            payment_reference: owed.reference.clone().unwrap_or_default(),
            due_at: dossier.pay_by(owed).and_then(timestamp),
            overdue: dossier.is_overdue(owed),
        })
        .collect()
}

fn pause(pause: &standing::Pause) -> v1::PauseStatus {
    v1::PauseStatus {
        part_id: pause.part.to_string(),
        reason: pause_reason(pause.why).into(),
        from: timestamp(pause.from),
        until: pause.until.and_then(timestamp),
        reset: pause.reset,
    }
}

fn time_held(holder: &Holder, seconds: i64) -> v1::TimeHeld {
    let (holder, agency_code) = match holder {
        Holder::Transport => (v1::TimeHolder::Transport, String::new()),
        Holder::Agency(agency) => (v1::TimeHolder::Agency, agency.to_string()),
        Holder::Citizen => (v1::TimeHolder::Citizen, String::new()),
        Holder::Nobody => (v1::TimeHolder::Nobody, String::new()),
    };
    v1::TimeHeld {
        holder: holder.into(),
        agency_code,
        working_seconds: seconds.try_into().unwrap_or_default(),
    }
}

/// How often the citizen came to a desk: the filing, and each supplement that the citizen answered.
fn visits(dossier: &Dossier) -> u32 {
    let answered = dossier
        .supplements
        .iter()
        .filter(|one| one.answered)
        .count();
    u32::try_from(answered)
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

/// How often the citizen was asked for what was given before, or what its holder has: by an
/// approver's leave, for without one the broker refuses to ask. An ask that was refused is none.
fn papers_asked_twice(dossier: &Dossier) -> u32 {
    let was_there = |asked: &Supplement, name: &EvidenceName| {
        let given = dossier
            .evidence
            .get(name)
            .and_then(|versions| versions.first())
            .is_some_and(|first| first.at < asked.asked_at);
        let held = matches!(
            dossier.look_up(name),
            Some((
                _,
                _,
                Some(LookUpOutcome::Mismatch | LookUpOutcome::PoorQuality)
            ))
        );
        given || held
    };
    let twice = dossier
        .supplements
        .iter()
        .flat_map(|asked| asked.items.iter().map(move |item| (asked, item)))
        .filter(|(asked, item)| was_there(asked, &item.evidence))
        .count();
    u32::try_from(twice).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_called_as_its_procedure_says_and_an_errand_by_what_it_is_sent_for() {
        let birth = include_str!("../../../../../deploy/procedures/birth.toml");
        let birth = Procedure::parse("birth.toml", birth).unwrap();
        let called = |id: &str| step_title(&birth, &id.parse().unwrap()).map(|text| text.en);
        let called = |id: &str| called(id).unwrap_or_default();
        assert_eq!(called("register_birth"), "Register the birth");
        assert_eq!(
            called("look_up_birth_certificate"),
            "Look-up: Birth certificate"
        );
        assert_eq!(
            called("consult_register_birth_2"),
            "Consultation: Register the birth"
        );
        assert_eq!(called("slip_12"), "Transfer slip");
        assert_eq!(called("look_up_nothing"), "Look-up");
        assert_eq!(called("nothing"), "");
    }
}
