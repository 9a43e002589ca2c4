//! The papers that list: the control slip, the transfer slip and the desk's register.

use super::{Case, NoPaper, civil, head, words};
use dossier::{
    directory::Directory,
    dossier::{Ending, Intake, Kind},
    event::Channel,
    handover::transfer_slip,
    name::{AgencyCode, DossierCode},
    slip::{self, slip},
};
use forms::{
    ControlSlip, ControlSlipRow, RegisterRow, Timeliness, TrackingRegister, TransferSlip,
    TransferTask,
};
use jiff::Timestamp;
use std::collections::BTreeSet;

impl Case<'_> {
    pub(super) fn control_slip(&self) -> ControlSlip {
        let dossier = self.dossier;
        ControlSlip {
            head: self.head(&dossier.received.desk, self.now),
            dossier_code: dossier.code().to_string(),
            applicant: self.applicant(),
            request: self.procedure.text.title.vi.clone(),
            received_at: Some(civil(dossier.received_at)),
            promised_at: Some(civil(dossier.received.promised_at)),
            lead_agency: self.lead(),
            cooperating_agencies: self.cooperating(),
            rows: slip(self.entries)
                .iter()
                .map(|row| self.control_row(row))
                .collect(),
        }
    }

    fn control_row(&self, row: &slip::Row) -> ControlSlipRow {
        let answer = words::outcome(row.outcome);
        let task = words::task(row.task);
        let mut note = match self.procedure.step(&row.step) {
            Some(plan) => format!("{}: {task}", plan.title.vi),
            None => match self.dossier.steps.get(&row.step).map(|step| &step.kind) {
                Some(Kind::LookUp { evidence, .. }) => {
                    format!("{}: {task}", self.evidence_title(evidence))
                }
                _ => task.to_owned(),
            },
        };
        if !answer.is_empty() {
            note = format!("{note}, {answer}");
        }
        ControlSlipRow {
            from_agency: self.agency_name(&row.from),
            to_agency: self.agency_name(&row.to),
            giver: String::new(),
            receiver: row.officer.name.clone(),
            handed_at: Some(civil(row.handed_at)),
            received_at: row.received_at.map(civil),
            due_at: (row.task != "recall").then(|| civil(row.due_at)),
            timeliness: row.timeliness.map(|timeliness| match timeliness {
                slip::Timeliness::Early => Timeliness::Early,
                slip::Timeliness::OnTime => Timeliness::OnTime,
                slip::Timeliness::Overdue => Timeliness::Overdue,
            }),
            note,
            chain_hash: (self.hash)(row.sequence)
                .map(|digest| hex::encode(&digest.as_bytes()[..8]))
                .unwrap_or_default(),
        }
    }

    fn lead(&self) -> String {
        let lead = &self.procedure.text.lead;
        self.dossier
            .procedure_steps()
            .find(|(id, _)| {
                self.procedure
                    .step(id)
                    .is_some_and(|plan| plan.role.as_ref() == Some(lead))
            })
            .map(|(_, step)| self.agency_name(&step.agency))
            .unwrap_or_default()
    }

    fn cooperating(&self) -> String {
        let lead = self.lead();
        let others: BTreeSet<String> = self
            .dossier
            .procedure_steps()
            .filter(|(_, step)| step.is_departments())
            .map(|(_, step)| self.agency_name(&step.agency))
            .filter(|name| *name != lead)
            .collect();
        others.into_iter().collect::<Vec<_>>().join("; ")
    }

    pub(super) fn transfer_slip(&self) -> Result<TransferSlip, NoPaper> {
        let dossier = self.dossier;
        if dossier.intake != Intake::Received {
            return Err(NoPaper::NotReceived);
        }
        let tasks = transfer_slip(dossier, self.procedure)
            .into_iter()
            .map(|duty| {
                let plan = self.procedure.step(&duty.step);
                TransferTask {
                    agency: self.agency_name(&duty.agency),
                    role: if duty.leads {
                        "Chủ trì"
                    } else {
                        "Phối hợp"
                    }
                    .into(),
                    task: plan.map(|plan| plan.title.vi.clone()).unwrap_or_default(),
                    limit: plan
                        .map(|plan| words::limit(plan.limit))
                        .unwrap_or_default(),
                    due_at: Some(civil(duty.due_at)),
                    result_to: self.agency_name(&dossier.received.desk),
                }
            })
            .collect();
        Ok(TransferSlip {
            head: self.head(&dossier.received.desk, dossier.received_at),
            dossier_code: dossier.code().to_string(),
            applicant: self.applicant(),
            request: self.procedure.text.title.vi.clone(),
            received_at: Some(civil(dossier.received_at)),
            promised_at: Some(civil(dossier.received.promised_at)),
            lead_agency: self.lead(),
            tasks,
            note: String::new(),
            sender: dossier.received.officer.name.clone(),
        })
    }
}

/// The line of a dossier in its desk's register.
pub fn register_row(case: &Case<'_>, number: u32) -> RegisterRow {
    let dossier = case.dossier;
    let owner = case.owner();
    let returned_at = dossier.handed_out.values().map(|one| one.at).max();
    let note = match (dossier.intake, dossier.ending) {
        (_, Some(Ending::Withdrawn)) => "Công dân rút hồ sơ",
        (_, Some(Ending::NotAccepted)) => "Không được tiếp nhận",
        (Intake::Filed, _) => "Chờ tiếp nhận",
        _ => "",
    };
    RegisterRow {
        number,
        dossier_code: dossier.code().to_string(),
        procedure: case.procedure.text.title.vi.clone(),
        sets: 1,
        applicant: owner.map(|party| party.name.clone()).unwrap_or_default(),
        address: owner.map(|party| party.address.clone()).unwrap_or_default(),
        phone: owner.map(|party| party.phone.clone()).unwrap_or_default(),
        lead_agency: case.lead(),
        received_at: Some(civil(dossier.received_at)),
        promised_at: Some(civil(dossier.received.promised_at)),
        returned_at: returned_at.map(civil),
        result_method: match dossier.received.channel {
            Channel::Counter => "Trực tiếp",
            Channel::Online => "Trực tuyến",
            Channel::Post => "Bưu chính công ích",
        }
        .into(),
        signed_by: String::new(),
        note: note.into(),
    }
}

/// The line of a dossier that cannot be read.
pub fn quarantined_row(
    number: u32,
    code: &DossierCode,
    procedure: String,
    (received_at, promised_at): (Timestamp, Timestamp),
) -> RegisterRow {
    RegisterRow {
        number,
        dossier_code: code.to_string(),
        procedure,
        sets: 1,
        received_at: Some(civil(received_at)),
        promised_at: Some(civil(promised_at)),
        note: "Đang tạm dừng để kiểm tra dữ liệu".into(),
        ..RegisterRow::default()
    }
}

/// A desk's register over a period, from its lines.
pub fn register(
    directory: &Directory,
    desk: &AgencyCode,
    (from, until): (Timestamp, Timestamp),
    rows: Vec<RegisterRow>,
    now: Timestamp,
) -> TrackingRegister {
    TrackingRegister {
        head: head(directory, desk, now),
        year: civil(from).year().to_string(),
        book: String::new(),
        from: Some(civil(from)),
        until: Some(civil(until)),
        rows,
        keeper: String::new(),
    }
}
