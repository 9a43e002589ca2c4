//! The papers: fills the forms of the law from a dossier. What a paper says is read off the events and
//! the state; nothing is kept for it.

mod slips;
mod words;

use dossier::{
    Dossier, Entry, Event, Procedure,
    directory::Directory,
    dossier::{Ending, Intake},
    event::Received,
    evidence::Source,
    name::{AgencyCode, Digest, EvidenceName},
    party::{Party, PartyRole},
    supplement::{Supplement, SupplementStage},
};
use forms::{
    ApologyExtensionLetter, Applicant, Component, Form, FormKind, Letterhead, ReceiptSlip,
    RefusalNotice, Stage, StopNotice, SupplementItem, SupplementRequest,
};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use words::{limit, look_up};

pub use slips::{quarantined_row, register, register_row};

/// One dossier, with what its papers need of it.
pub struct Case<'a> {
    /// As it is now.
    pub dossier: &'a Dossier,
    /// All that happened to it.
    pub entries: &'a [Entry],
    /// The procedure that it follows.
    pub procedure: &'a Procedure,
    /// Who everybody is.
    pub directory: &'a Directory,
    /// The hash of the record of each event.
    pub hash: &'a dyn Fn(u64) -> Option<Digest>,
    /// Today.
    pub now: Timestamp,
}

/// Why there is no such paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPaper {
    /// Receive it first; a filed dossier has no receipt slip.
    #[error("the dossier is not received, and has no such paper yet")]
    NotReceived,
    /// The procedure gives its results at once.
    #[error("the procedure gives its result at once and has no receipt slip")]
    NoReceipt,
    /// Ask for it when the citizen was asked.
    #[error("the citizen was not asked for a supplement of this number")]
    NotAsked,
    /// There is none: it was not refused.
    #[error("the dossier was neither refused at intake nor by a department")]
    NotRefused,
    /// Extend first: the letter carries the new date.
    #[error("no part was promised for a later date")]
    NotExtended,
    /// There is none: it was not stopped.
    #[error("the dossier was not stopped")]
    NotStopped,
    /// Ask for the register by its period.
    #[error("the register is of a desk and not of a dossier")]
    NotOfADossier,
}

/// A date and time as the civil clock in Asia/Ho_Chi_Minh shows it; it keeps UTC+7 all year.
pub(crate) fn civil(at: Timestamp) -> DateTime {
    at.to_zoned(TimeZone::fixed(jiff::tz::offset(7))).datetime()
}

impl Case<'_> {
    /// Fills a form.
    ///
    /// # Errors
    /// [`NoPaper`] when nothing happened that this paper is of.
    pub fn form(&self, kind: FormKind, supplement: u32) -> Result<Form, NoPaper> {
        Ok(match kind {
            FormKind::ReceiptSlip => self.receipt_slip()?.into(),
            FormKind::SupplementRequest => self.supplement_request(supplement)?.into(),
            FormKind::RefusalNotice => self.refusal_notice()?.into(),
            FormKind::ApologyExtensionLetter => self.apology()?.into(),
            FormKind::StopNotice => self.stop_notice()?.into(),
            FormKind::ControlSlip => self.control_slip().into(),
            FormKind::TransferSlip => self.transfer_slip()?.into(),
            FormKind::TrackingRegister => return Err(NoPaper::NotOfADossier),
        })
    }

    fn received(&self) -> &Received {
        &self.dossier.received
    }

    pub(crate) fn agency_name(&self, code: &AgencyCode) -> String {
        self.directory
            .agency(code.as_str())
            .map_or_else(|| code.to_string(), |agency| agency.name.clone())
    }

    /// The head of a paper that this agency issues.
    fn head(&self, agency: &AgencyCode, issued_at: Timestamp) -> Letterhead {
        head(self.directory, agency, issued_at)
    }

    pub(crate) fn owner(&self) -> Option<&Party> {
        let parties = &self.received().parties;
        parties
            .iter()
            .find(|party| party.roles.contains(&PartyRole::Owner))
    }

    fn applicant(&self) -> Applicant {
        self.owner()
            .map_or_else(Applicant::default, |party| Applicant {
                name: party.name.clone(),
                address: party.address.clone(),
                phone: party.phone.clone(),
                email: party.email.clone(),
            })
    }

    fn submitter(&self) -> String {
        let parties = &self.received().parties;
        let filed_by = self.received().filed_by.as_ref();
        parties
            .iter()
            .find(|party| Some(&party.id) == filed_by)
            .or_else(|| {
                parties
                    .iter()
                    .find(|party| party.roles.contains(&PartyRole::Submitter))
            })
            .or_else(|| self.owner())
            .map(|party| party.name.clone())
            .unwrap_or_default()
    }

    fn request(&self) -> String {
        self.procedure.text.title.vi.clone()
    }

    pub(crate) fn evidence_title(&self, name: &EvidenceName) -> String {
        self.procedure
            .text
            .evidence
            .get(name)
            .map_or_else(|| name.to_string(), |kind| kind.title.vi.clone())
    }

    fn receipt_slip(&self) -> Result<ReceiptSlip, NoPaper> {
        if self.dossier.intake != Intake::Received {
            return Err(NoPaper::NotReceived);
        }
        let parts: Vec<_> = self
            .dossier
            .parts
            .keys()
            .filter_map(|id| self.procedure.text.parts.get(id))
            .collect();
        if parts.iter().all(|part| !part.receipt) {
            return Err(NoPaper::NoReceipt);
        }
        // The slip is the promise that was made: it shows reception's dates, whatever came after.
        let received = self.received();
        let longest = parts.iter().max_by_key(|part| part.limit.hours());
        let fees: Vec<forms::Fee> = self
            .dossier
            .obligations
            .values()
            .filter(|owed| owed.asked_at <= self.dossier.received_at)
            .map(|owed| forms::Fee {
                name: owed.purpose.clone(),
                amount: Some(owed.amount_vnd),
            })
            .collect();
        Ok(ReceiptSlip {
            head: self.head(&received.desk, self.dossier.received_at),
            dossier_code: self.dossier.code().to_string(),
            applicant: self.applicant(),
            request: self.request(),
            components: self.components(),
            sets: 1,
            resolution_limit: longest.map(|part| limit(part.limit)).unwrap_or_default(),
            received_at: Some(civil(
                received.received_at.unwrap_or(self.dossier.received_at),
            )),
            promised_at: Some(civil(received.promised_at)),
            result_place: self.agency_name(&received.hand_out_desk),
            fees_total: (!fees.is_empty()).then(|| fees.iter().filter_map(|fee| fee.amount).sum()),
            fees,
            submitter: self.submitter(),
            receiver: received.officer.name.clone(),
            ..ReceiptSlip::default()
        })
    }

    /// What was handed in at the desk; what the vault or a holder gave was not.
    fn components(&self) -> Vec<Component> {
        let desk = &self.received().desk;
        self.dossier
            .evidence
            .values()
            .filter_map(|versions| versions.first())
            .filter(|version| version.step.is_none() && version.agency == *desk)
            .filter(|version| version.new.source != Source::Vault)
            .map(|version| {
                let documents = version.new.given.documents.len();
                Component {
                    name: self.evidence_title(&version.new.given.name),
                    quantity: u32::try_from(documents.max(1)).unwrap_or(u32::MAX),
                    kind: "Bản điện tử".into(),
                }
            })
            .collect()
    }

    fn supplement_request(&self, number: u32) -> Result<SupplementRequest, NoPaper> {
        let asked = &self.dossier.supplements;
        let one = match number {
            0 => asked.last(),
            number => asked.iter().find(|one| one.number == number),
        };
        let one = one.ok_or(NoPaper::NotAsked)?;
        Ok(SupplementRequest {
            head: self.head(&self.received().desk, one.asked_at),
            dossier_code: self.dossier.code().to_string(),
            applicant: self.applicant(),
            request: self.request(),
            stage: Some(match one.stage {
                SupplementStage::Intake => Stage::Intake,
                SupplementStage::LookUp | SupplementStage::Appraisal(_) => Stage::Appraisal,
            }),
            items: self.supplement_items(one),
            due_at: Some(civil(one.due_at)),
            contact_officer: one.officer.name.clone(),
            guide: self.received().officer.name.clone(),
            ..SupplementRequest::default()
        })
    }

    fn supplement_items(&self, one: &Supplement) -> Vec<SupplementItem> {
        one.items
            .iter()
            .map(|item| SupplementItem {
                name: self.evidence_title(&item.evidence),
                originals: 1,
                reason: item.reason.clone(),
                legal_basis: item.legal_basis.clone(),
                asked_by: self.agency_name(&one.agency),
                asked_by_code: one.agency.to_string(),
                once_only_proof: self.once_only_proof(&item.evidence, one.asked_at),
                ..SupplementItem::default()
            })
            .collect()
    }

    /// Where it was looked for before the citizen was asked (NĐ 47/2020/NĐ-CP Art 5(2)).
    fn once_only_proof(&self, evidence: &EvidenceName, asked_at: Timestamp) -> String {
        let answered = self
            .entries
            .iter()
            .rev()
            .find_map(|entry| match &entry.event {
                Event::LookedUp {
                    evidence: of,
                    outcome,
                    step,
                    ..
                } if of == evidence && entry.at <= asked_at => Some((step, *outcome, entry.at)),
                _ => None,
            });
        match answered {
            Some((step, outcome, at)) => {
                let agency = self.dossier.steps.get(step).map(|step| &step.agency);
                let name = agency
                    .map(|code| self.agency_name(code))
                    .unwrap_or_default();
                format!(
                    "Đã tra cứu tại {name} lúc {}: {}",
                    civil(at).strftime("%H:%M ngày %d/%m/%Y"),
                    look_up(outcome)
                )
            }
            None if self.dossier.look_up(evidence).is_some() => {
                "Nơi lưu giữ không trả lời trong thời hạn".into()
            }
            None => "Không có trong hồ sơ, kho dữ liệu điện tử và không cơ quan nào lưu giữ".into(),
        }
    }

    fn refusal_notice(&self) -> Result<RefusalNotice, NoPaper> {
        let refused = self
            .entries
            .iter()
            .rev()
            .find_map(|entry| match &entry.event {
                Event::NotAccepted {
                    reason,
                    legal_basis,
                    officer,
                } => Some((
                    self.received().desk.clone(),
                    reason,
                    legal_basis,
                    officer,
                    entry.at,
                )),
                Event::Refused {
                    step,
                    reason,
                    legal_basis,
                    officer,
                    ..
                } => {
                    let agency = self.dossier.steps.get(step)?.agency.clone();
                    Some((agency, reason, legal_basis, officer, entry.at))
                }
                _ => None,
            });
        let (agency, reason, legal_basis, officer, at) = refused.ok_or(NoPaper::NotRefused)?;
        Ok(RefusalNotice {
            head: self.head(&agency, at),
            dossier_code: self.dossier.code().to_string(),
            applicant: self.applicant(),
            request: self.request(),
            reason: reason.clone(),
            legal_basis: legal_basis.clone(),
            submitter: self.submitter(),
            receiver: officer.name.clone(),
            ..RefusalNotice::default()
        })
    }

    fn apology(&self) -> Result<ApologyExtensionLetter, NoPaper> {
        let (n, entry) = self
            .entries
            .iter()
            .enumerate()
            .rev()
            .find(|(_, entry)| matches!(entry.event, Event::Extended { .. }))
            .ok_or(NoPaper::NotExtended)?;
        let Event::Extended {
            step,
            part,
            deadline,
            reason,
            officer,
            ..
        } = &entry.event
        else {
            return Err(NoPaper::NotExtended);
        };
        let before = Dossier::replay(self.dossier.id, &self.entries[..n]).ok();
        let promised_at = before
            .and_then(|before| before.parts.get(part).map(|part| part.promised_at))
            .unwrap_or(self.received().promised_at);
        let agency = self
            .dossier
            .steps
            .get(step)
            .map_or(&self.received().desk, |step| &step.agency);
        Ok(ApologyExtensionLetter {
            head: self.head(agency, entry.at),
            dossier_code: self.dossier.code().to_string(),
            applicant: self.applicant(),
            request: self.request(),
            sector: self
                .procedure
                .text
                .parts
                .get(part)
                .map(|part| part.title.vi.clone())
                .unwrap_or_default(),
            receipt_number: self.dossier.code().to_string(),
            received_at: Some(civil(self.dossier.received_at)),
            promised_at: Some(civil(promised_at)),
            holding_agency: self.agency_name(agency),
            reason: reason.clone(),
            new_promised_at: Some(civil(deadline.due_at)),
            result_place: self.agency_name(&self.received().hand_out_desk),
            recipients: self.agency_name(&self.received().desk),
            signer_title: officer.title.to_uppercase(),
            signer: officer.name.clone(),
        })
    }

    fn stop_notice(&self) -> Result<StopNotice, NoPaper> {
        let stopped = self
            .entries
            .iter()
            .rev()
            .find_map(|entry| match &entry.event {
                Event::Stopped {
                    reason,
                    legal_basis,
                    settlement,
                    officer,
                } => Some((
                    "Dừng giải quyết hồ sơ",
                    reason.clone(),
                    legal_basis.clone(),
                    settlement.clone(),
                    officer,
                    entry.at,
                )),
                Event::Withdrawn { reason, officer } => Some((
                    "Dừng giải quyết hồ sơ theo yêu cầu rút hồ sơ của công dân",
                    reason.clone(),
                    String::new(),
                    String::new(),
                    officer,
                    entry.at,
                )),
                _ => None,
            });
        let (decision, reason, legal_basis, settlement, officer, at) =
            stopped.ok_or(NoPaper::NotStopped)?;
        let asked_by = match self.dossier.ending {
            Some(Ending::Withdrawn) => self.submitter(),
            _ => self.agency_name(&self.received().desk),
        };
        let paid = self
            .dossier
            .obligations
            .values()
            .filter(|owed| owed.reference.is_some());
        let paid: i64 = paid.map(|owed| owed.amount_vnd).sum();
        let (finished, steps) = dossier::standing::degree(self.dossier);
        Ok(StopNotice {
            head: self.head(&self.received().desk, at),
            dossier_code: self.dossier.code().to_string(),
            applicant: self.applicant(),
            request: self.request(),
            received_at: Some(civil(self.dossier.received_at)),
            asked_by,
            asked_at: Some(civil(at)),
            stage_at_stop: format!("đã xong {finished}/{steps} bước"),
            decision: decision.into(),
            decided_at: Some(civil(at)),
            reason,
            legal_basis,
            fees_paid: (paid > 0).then_some(paid),
            settlement,
            signer_title: officer.title.to_uppercase(),
            signer: officer.name.clone(),
            ..StopNotice::default()
        })
    }
}

/// The head of a paper that this agency issues: who it is, what it is part of, and where.
pub(crate) fn head(directory: &Directory, agency: &AgencyCode, at: Timestamp) -> Letterhead {
    let known = directory.agency(agency.as_str());
    let territory = known.and_then(|agency| directory.territory(&agency.territory));
    Letterhead {
        parent_agency: territory
            .map(|territory| format!("ỦY BAN NHÂN DÂN {}", territory.name.to_uppercase()))
            .unwrap_or_default(),
        agency: known.map_or_else(|| agency.to_string(), |agency| agency.name.to_uppercase()),
        number: String::new(),
        place: territory
            .map(|territory| territory.name.clone())
            .unwrap_or_default(),
        issued_on: Some(civil(at)),
        digital_signature: String::new(),
    }
}
