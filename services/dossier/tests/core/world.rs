//! A small world for tests: one dossier, the departments that work on it, and a clock that goes on
//! by a minute with each thing that happens.

use dossier::{
    Decided, Dossier, Entry, Procedure, Refusal, Rules,
    alarm::Alarm,
    calendar::Calendar,
    decide,
    decide::{Act, Action, Happening, Report, Statement},
    directory::Directory,
    dossier::{Kind, Stage, Step, Task},
    event::{Cause, Channel, LookUpOutcome},
    evidence::{Document, Given},
    handover::{Handover, handover},
    intake::{self, Submission},
    name::{AgencyCode, Digest, DossierId, EvidenceName, Key, StepId},
    notice::{Notice, notices},
    owed::{Debt, owed},
    party::{Officer, Party, PartyKind, PartyRole},
    schema::Schemas,
    supplement::{Approval, Item},
    vault::Finding,
};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::offset};
use std::sync::{Arc, LazyLock};

pub const DESK: &str = "H26.101.1";
pub const CIVIL_STATUS: &str = "H26.101.3";
pub const POLICE: &str = "H26.101.4";
pub const OTHER_POLICE: &str = "H26.102.4";
pub const INSURANCE: &str = "H26.5";

pub const DIRECTORY: &str = r#"
territory = [{ code = "H26", name = "Tỉnh" }, { code = "H26_101", name = "Xã", parent = "H26" }]
agency = [
  { code = "H26.101.1", name = "Một cửa", territory = "H26_101", valid_from = "2025-07-01" },
  { code = "H26.101.3", name = "Tư pháp – hộ tịch", roles = ["COMMUNE_CIVIL_STATUS"], territory = "H26_101", valid_from = "2025-07-01" },
  { code = "H26.101.4", name = "Công an xã", roles = ["COMMUNE_POLICE"], territory = "H26_101", valid_from = "2025-07-01" },
  { code = "H26.5", name = "Bảo hiểm xã hội", roles = ["SOCIAL_INSURANCE"], territory = "H26", valid_from = "2025-07-01" },
  { code = "H26.6", name = "Công an tỉnh", roles = ["POLICE_IDENTITY"], territory = "H26", valid_from = "2025-07-01" },
]
"#;

/// A small birth procedure, which stays as these stories tell it.
pub const BIRTH: &str = include_str!("procedures/birth.toml");

/// Everything that a dossier is judged by.
#[derive(Clone)]
pub struct Law {
    pub procedure: Arc<Procedure>,
    pub calendar: Arc<Calendar>,
    pub directory: Arc<Directory>,
    pub schemas: Arc<Schemas>,
}

impl Law {
    /// By the national calendar, without schemas.
    pub fn of(procedure: Arc<Procedure>, directory: Directory) -> Self {
        static SCHEMAS: LazyLock<Arc<Schemas>> =
            LazyLock::new(|| Arc::new(Schemas::new(vec![]).unwrap()));
        Self {
            procedure,
            calendar: national_calendar(),
            directory: Arc::new(directory),
            schemas: SCHEMAS.clone(),
        }
    }

    /// The small birth procedure in its small commune.
    pub fn birth() -> Self {
        Self::of(birth(), directory())
    }

    pub fn rules(&self) -> Rules<'_> {
        Rules {
            procedure: &self.procedure,
            calendar: &self.calendar,
            directory: &self.directory,
            schemas: &self.schemas,
        }
    }
}

pub fn birth() -> Arc<Procedure> {
    Arc::new(Procedure::parse("birth.toml", BIRTH).unwrap())
}

pub fn directory() -> Directory {
    Directory::parse("directory.toml", DIRECTORY).unwrap()
}

pub const NATIONAL: &str = include_str!("../../../../deploy/calendars/national.toml");

pub fn national_calendar() -> Arc<Calendar> {
    static CALENDAR: LazyLock<Arc<Calendar>> =
        LazyLock::new(|| Arc::new(Calendar::parse("national.toml", NATIONAL).unwrap()));
    CALENDAR.clone()
}

/// The national calendar with one more day off, which is not in the one that dossiers begin under.
pub fn calendar_with_a_day_off(date: &str) -> Arc<Calendar> {
    let text = format!(
        "{NATIONAL}\n[[holiday]]\ndates = [\"{date}\"]\ntitle = {{ vi = \"t\", en = \"t\" }}\nsource = \"a made-up decision\"\nconfirmed = true\n"
    );
    Arc::new(Calendar::parse("national.toml", &text).unwrap())
}

/// The national calendar under another title: a version of its own, with the same days.
pub fn calendar_by_another_name() -> Arc<Calendar> {
    let text = NATIONAL.replacen("National working calendar", "The same days", 1);
    let calendar = Calendar::parse("national.toml", &text).unwrap();
    assert_ne!(calendar.digest, national_calendar().digest);
    Arc::new(calendar)
}

/// An instant by the clock on the wall in Viet Nam.
pub fn at(wall: &str) -> Timestamp {
    let wall: DateTime = wall.parse().unwrap();
    offset(7).to_timestamp(wall).unwrap()
}

pub fn step(id: &str) -> StepId {
    id.parse().unwrap()
}

pub fn evidence(name: &str) -> EvidenceName {
    name.parse().unwrap()
}

pub fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

/// A paper with this content, and its scan. Its data is of any kind that a test may want: a choice, a
/// bill, and something that an extract leaves out.
pub fn paper(name: &str, content: &str) -> Given {
    let data = format!(
        r#"{{"content":"{content}","kind":"{content}","private":"p","number":"{:012}","obligation_id":"bill-{name}","amount_vnd":{}}}"#,
        content.bytes().map(u64::from).sum::<u64>(),
        bill_vnd(content)
    );
    Given {
        name: evidence(name),
        schema_id: String::new(),
        data: data.into_bytes().into(),
        documents: vec![Document {
            digest: Digest::of(content.as_bytes()),
            size_bytes: content.len() as u64,
            media_type: "application/pdf".into(),
            file_name: format!("{name}.pdf"),
        }],
        subject: None,
    }
}

/// What a bill with this content says is owed.
pub fn bill_vnd(content: &str) -> i64 {
    1_000 * (1 + content.len() as i64)
}

pub fn party(id: &str, roles: &[PartyRole]) -> Party {
    Party {
        id: id.parse().unwrap(),
        roles: roles.iter().copied().collect(),
        kind: PartyKind::Citizen,
        name: if id == "child" {
            String::new()
        } else {
            "Tên Mẫu".into()
        },
        identifiers: vec![],
        born_on: None,
        address: String::new(),
        phone: String::new(),
        email: String::new(),
        represents: None,
    }
}

pub fn birth_submission() -> Submission {
    Submission {
        key: "submit-1".parse().unwrap(),
        desk: agency(DESK),
        hand_out_desk: agency(DESK),
        asked: Default::default(),
        territory: "H26_101".parse().unwrap(),
        parties: vec![
            party("mother", &[PartyRole::Owner, PartyRole::Submitter]),
            party("child", &[PartyRole::Subject]),
        ],
        evidence: ["birth_notice", "parents", "health_facility_choice"]
            .map(|name| paper(name, "as the desk took it"))
            .into(),
        channel: Channel::Counter,
        arrived_at: None,
        filed_at: None,
        received_at: None,
        filed_by: None,
        officer: Officer::default(),
        vault: vec![],
    }
}

/// What a department asks the citizen for.
pub fn item(name: &str) -> Item {
    Item {
        evidence: evidence(name),
        reason: "it is needed".into(),
        legal_basis: "an article".into(),
        approval: None,
    }
}

/// The same, by leave of a named approver.
pub fn approved(name: &str) -> Item {
    let approver = Officer {
        name: "Người duyệt".into(),
        ..Officer::default()
    };
    Item {
        approval: Some(Approval {
            approver,
            legal_basis: "an article".into(),
        }),
        ..item(name)
    }
}

/// What a vault has under this name.
pub fn finding(name: &str, content: &str) -> Finding {
    Finding {
        code: format!("H26.101-250101-0001-KQ{}", name.len()),
        given: paper(name, content),
        agency: agency(CIVIL_STATUS),
        valid_until: None,
    }
}

pub fn cause(system: &str, item: &str, content: &str) -> Cause {
    Cause {
        system: system.into(),
        item_id: item.parse().unwrap(),
        digest: Digest::of(content.as_bytes()),
        claimed_at: None,
    }
}

/// The payment platform confirms a payment.
pub fn paid(obligation: &str, amount_vnd: i64) -> Act {
    Act::ConfirmPayment {
        obligation: obligation.parse().unwrap(),
        amount_vnd,
        reference: "a reference".into(),
        paid_at: None,
    }
}

/// What a department says, before it is written out as a report.
#[derive(Debug, Clone)]
pub enum Says {
    Completed(String),
    Refused,
    Declined,
    Returned(EvidenceName),
    Progress,
    Corrected(Vec<(EvidenceName, String)>),
    Upheld(EvidenceName),
    Stands,
    Redo,
    /// The answer to a look-up; what was found has this content.
    LookedUp(LookUpOutcome, String),
    Opinion,
    Supplement(Vec<Item>),
    Payment(String, i64),
    Consultation(String, Vec<String>),
    Extension(u32),
}

/// Done; everything that the step gives has this content.
pub fn completed(content: &str) -> Says {
    Says::Completed(content.to_owned())
}
pub fn returned(name: &str) -> Says {
    Says::Returned(evidence(name))
}
pub fn corrected(name: &str, content: &str) -> Says {
    Says::Corrected(vec![(evidence(name), content.to_owned())])
}
pub fn upheld(name: &str) -> Says {
    Says::Upheld(evidence(name))
}

/// Found, with this content.
pub fn found(content: &str) -> Says {
    Says::LookedUp(LookUpOutcome::Found, content.to_owned())
}
/// Not found, or anything else that comes without evidence.
pub fn answered(outcome: LookUpOutcome) -> Says {
    Says::LookedUp(outcome, String::new())
}

/// One dossier and what happened to it.
#[derive(Clone)]
pub struct Case {
    pub law: Law,
    pub procedure: Arc<Procedure>,
    /// What the vaults of its parties have.
    pub vault: Vec<Finding>,
    pub dossier: Dossier,
    pub entries: Vec<Entry>,
    pub now: Timestamp,
    items: u32,
}

impl Case {
    /// A birth without the identity card.
    pub fn birth() -> Self {
        Self::receive(Law::birth(), birth_submission())
    }

    /// A birth with the identity card.
    pub fn birth_with_identity_card() -> Self {
        let mut submission = birth_submission();
        submission.asked.insert("identity_card".into());
        Self::receive(Law::birth(), submission)
    }

    /// A birth whose certificate exists; everything that waited for it is held.
    pub fn birth_registered() -> Self {
        let mut case = Self::birth_with_identity_card();
        case.holds("register_birth");
        case.says("register_birth", completed("first"));
        for step in [
            "register_residence",
            "issue_health_card",
            "issue_identity_card",
        ] {
            case.holds(step);
        }
        case
    }

    /// Received at a counter.
    #[track_caller]
    pub fn receive(law: Law, submission: Submission) -> Self {
        Self::begin(law, submission, false).unwrap()
    }

    /// On a Thursday at eight in the morning.
    pub fn begin(law: Law, submission: Submission, is_filed: bool) -> Result<Self, Refusal> {
        Self::begin_at(law, submission, is_filed, at("2026-10-01T08:00"))
    }

    pub fn begin_at(
        law: Law,
        submission: Submission,
        is_filed: bool,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let key: &Key = &submission.key.clone();
        let vault = submission.vault.clone();
        let begin = match is_filed {
            true => intake::file,
            false => intake::receive,
        };
        let decided = begin(
            DossierId::derive("desk", key),
            "H26.101-261001-0001".parse().unwrap(),
            submission,
            cause("desk", "submit-1", "submit"),
            law.rules(),
            now,
        )?;
        Ok(Self {
            procedure: law.procedure.clone(),
            law,
            vault,
            dossier: decided.dossier,
            entries: decided.entries,
            now,
            items: 0,
        })
    }

    /// Lets something happen a minute later; what is refused changes nothing.
    pub fn happens(&mut self, cause: Option<Cause>, action: Action) -> Result<Decided, Refusal> {
        self.now += SignedDuration::from_mins(1);
        let happening = Happening {
            at: self.now,
            cause,
            vault: self.vault.clone(),
            action,
        };
        let decided = decide(&self.dossier, self.law.rules(), happening)?;
        self.dossier = decided.dossier.clone();
        self.entries.extend(decided.entries.iter().cloned());
        Ok(decided)
    }

    /// A desk or an operator does something.
    pub fn acts(&mut self, act: Act) -> Result<Decided, Refusal> {
        self.items += 1;
        let cause = cause("desk", &format!("act-{}", self.items), &format!("{act:?}"));
        self.happens(Some(cause), Action::Act(act))
    }

    /// The citizen gives everything that was asked for.
    #[track_caller]
    pub fn answers(&mut self, number: u32) -> Decided {
        let one = &self.dossier.supplements[number as usize - 1];
        let evidence = one
            .wanted()
            .into_iter()
            .map(|name| paper(name.as_str(), "as the citizen brought it"))
            .collect();
        self.acts(Act::AnswerSupplement {
            number,
            evidence,
            officer: Officer::default(),
        })
        .unwrap()
    }

    /// The citizen pays what is owed.
    #[track_caller]
    pub fn pays(&mut self, obligation: &str, amount_vnd: i64) -> Decided {
        self.acts(paid(obligation, amount_vnd)).unwrap()
    }

    /// The citizen takes a result.
    pub fn hands_out(&mut self, name: &str) -> Result<Decided, Refusal> {
        let version = self.dossier.newest_number(&evidence(name));
        self.acts(Act::HandOut {
            evidence: evidence(name),
            version,
            party: None,
            officer: Officer::default(),
        })
    }

    /// The time comes for which this alarm is set, and it rings.
    #[track_caller]
    pub fn rings(&mut self, alarm: Alarm) -> Decided {
        let time = self.alarm(&alarm).unwrap_or(self.now);
        self.now = self.now.max(time);
        self.happens(None, Action::Ring(alarm)).unwrap()
    }

    /// When this alarm is set for, if it is.
    pub fn alarm(&self, wanted: &Alarm) -> Option<Timestamp> {
        self.alarms()
            .into_iter()
            .find_map(|(alarm, at)| (alarm == *wanted).then_some(at))
    }

    /// The alarms that are set.
    pub fn alarms(&self) -> Vec<(Alarm, Timestamp)> {
        let timer = |debt| match debt {
            Debt::Timer { alarm, at } => Some((alarm, at)),
            _ => None,
        };
        owed(&self.dossier).into_iter().filter_map(timer).collect()
    }

    /// The report that the department of this step would send now.
    pub fn report(&self, id: &str, says: Says) -> Report {
        let state = self.step(id);
        Report {
            agency: state.agency.clone(),
            step: step(id),
            round: state.round,
            handover: String::new(),
            officer: Officer::default(),
            statement: self.statement(id, says),
        }
    }

    fn statement(&self, id: &str, says: Says) -> Statement {
        let reason = String::from("because");
        let newest = |name: &EvidenceName| self.dossier.newest_number(name);
        match says {
            Says::Completed(content) => Statement::Completed {
                evidence: self
                    .procedure
                    .step(&step(id))
                    .unwrap()
                    .gives
                    .iter()
                    .map(|name| paper(name.as_str(), &content))
                    .collect(),
                note: String::new(),
            },
            Says::Refused => Statement::Refused {
                reason,
                legal_basis: "an article".into(),
            },
            Says::Declined => Statement::Declined {
                reason,
                suggested: None,
            },
            Says::Returned(evidence) => Statement::PeerReturn {
                version: newest(&evidence),
                evidence,
                reason,
            },
            Says::Progress => Statement::Progress { note: reason },
            Says::Corrected(papers) => Statement::Correction {
                evidence: papers
                    .iter()
                    .map(|(name, content)| paper(name.as_str(), content))
                    .collect(),
                reason,
            },
            Says::Upheld(evidence) => Statement::Upheld {
                version: newest(&evidence),
                evidence,
                reason,
            },
            Says::LookedUp(outcome, content) => {
                let Kind::LookUp { evidence, .. } = &self.step(id).kind else {
                    panic!("{id} is no look-up");
                };
                let kind = self.procedure.evidence(evidence).unwrap();
                let asked = kind.subjects(&self.dossier.received.parties);
                Statement::LookedUp {
                    outcome,
                    evidence: (outcome == LookUpOutcome::Found).then(|| Given {
                        subject: Some(asked[0].id.clone()),
                        ..paper(evidence.as_str(), &content)
                    }),
                    note: String::new(),
                }
            }
            Says::Opinion => Statement::Opinion {
                text: "it may be so".into(),
            },
            Says::Supplement(items) => Statement::Supplement { items },
            Says::Payment(obligation, amount_vnd) => Statement::Payment {
                obligation: obligation.parse().unwrap(),
                amount_vnd,
                purpose: "a fee".into(),
                legal_basis: "an article".into(),
            },
            Says::Consultation(code, names) => Statement::Consultation {
                agency: agency(&code),
                question: "may it be so?".into(),
                limit: "2 working days".parse().unwrap(),
                evidence: names.iter().map(|name| evidence(name)).collect(),
            },
            Says::Extension(days) => Statement::Extension {
                limit: format!("{days} working days").parse().unwrap(),
                reason,
            },
            Says::Stands | Says::Redo => Statement::Review {
                redo: matches!(says, Says::Redo),
                versions: self.step(id).review.clone(),
                note: String::new(),
            },
        }
    }

    /// Sends a report under a new id.
    pub fn sends(&mut self, report: Report) -> Result<Decided, Refusal> {
        self.items += 1;
        let cause = cause(
            report.agency.as_str(),
            &format!("item-{}", self.items),
            &format!("{report:?}"),
        );
        self.happens(Some(cause), Action::Report(report))
    }

    /// The department of this step says something of the newest round, and it is accepted.
    #[track_caller]
    pub fn says(&mut self, id: &str, says: Says) -> Decided {
        let report = self.report(id, says);
        self.sends(report).unwrap()
    }

    /// The department of this step says something, and is refused: why.
    #[track_caller]
    pub fn refusal(&mut self, id: &str, says: Says) -> Refusal {
        let report = self.report(id, says);
        let before = self.dossier.clone();
        let refusal = self.sends(report).expect_err("it was accepted");
        assert_eq!(self.dossier, before);
        refusal
    }

    /// The department of this step acknowledges the newest round.
    #[track_caller]
    pub fn holds(&mut self, id: &str) {
        let (step, round) = (step(id), self.step(id).round);
        self.happens(None, Action::Acknowledge { step, round })
            .unwrap();
        assert_eq!(self.stage(id), Stage::Held);
    }

    /// The newest round was sent and no answer came.
    pub fn is_offered(&mut self, id: &str) {
        let (step, round) = (step(id), self.step(id).round);
        self.happens(None, Action::Offer { step, round }).unwrap();
    }

    /// The department of this step no longer has what it acknowledged.
    pub fn loses(&mut self, id: &str) {
        let (step, round) = (step(id), self.step(id).round);
        self.happens(None, Action::LoseHolding { step, round })
            .unwrap();
    }

    /// The recall with this round is acknowledged.
    pub fn puts_down(&mut self, id: &str, round: u32) {
        let step = step(id);
        self.happens(None, Action::Acknowledge { step, round })
            .unwrap();
    }

    /// An operator moves the step.
    pub fn moves(&mut self, id: &str, to: &str) -> Result<Decided, Refusal> {
        self.items += 1;
        let cause = cause("operator", &format!("item-{}", self.items), "move");
        let action = Action::Move {
            step: step(id),
            to: agency(to),
            reason: "it is theirs".into(),
        };
        self.happens(Some(cause), action)
    }

    /// An operator puts off the date of the step's part by so many working days.
    pub fn extends(&mut self, id: &str, days: u32, reason: &str) -> Result<Decided, Refusal> {
        self.items += 1;
        let cause = cause("operator", &format!("item-{}", self.items), "extend");
        let action = Action::Extend {
            step: step(id),
            limit: format!("{days} working days").parse().unwrap(),
            reason: reason.into(),
        };
        self.happens(Some(cause), action)
    }

    /// The alarm for the limit of the step rings, at whatever time it is.
    pub fn limit_passes(&mut self, id: &str) -> Decided {
        self.happens(None, Action::Ring(Alarm::StepLimit(step(id))))
            .unwrap()
    }

    #[track_caller]
    pub fn step(&self, id: &str) -> &Step {
        self.dossier.steps.get(id).unwrap()
    }

    #[track_caller]
    pub fn stage(&self, id: &str) -> Stage {
        self.step(id).stage
    }

    #[track_caller]
    pub fn task(&self, id: &str) -> Task {
        self.step(id).task()
    }

    /// The steps whose handover is owed.
    pub fn owed(&self) -> Vec<String> {
        let step = |debt| match debt {
            Debt::Handover { step, .. } => Some(step.to_string()),
            _ => None,
        };
        owed(&self.dossier).into_iter().filter_map(step).collect()
    }

    /// The recalls owed: step, round and to whom.
    pub fn recalls(&self) -> Vec<(String, u32, String)> {
        let recall = |debt| match debt {
            Debt::Recall {
                step,
                round,
                agency,
                ..
            } => Some((step.to_string(), round, agency.to_string())),
            _ => None,
        };
        owed(&self.dossier).into_iter().filter_map(recall).collect()
    }

    /// The newest round of this step, as the department gets it.
    #[track_caller]
    pub fn handover(&self, id: &str) -> Handover {
        handover(
            &self.dossier,
            &self.procedure,
            &step(id),
            self.step(id).round,
        )
        .unwrap()
    }

    /// The newest version of everything that steps gave.
    pub fn results(&self) -> Vec<(String, u32)> {
        self.dossier
            .evidence
            .iter()
            .filter(|(name, _)| self.procedure.giver(name).is_some())
            .map(|(name, versions)| (name.to_string(), versions.len() as u32))
            .collect()
    }

    pub fn is_closed(&self) -> bool {
        self.dossier.closed_at.is_some()
    }

    /// Everything that the desk was told, in order.
    pub fn told(&self) -> Vec<Notice> {
        let mut before: Option<Dossier> = None;
        let mut told = Vec::new();
        for entry in &self.entries {
            let mut after = before.clone();
            match &mut after {
                None => after = Some(Dossier::begin(self.dossier.id, entry).unwrap()),
                Some(dossier) => dossier.apply(entry).unwrap(),
            }
            let now = after.as_ref().unwrap();
            told.extend(notices(before.as_ref(), entry, now, &self.procedure));
            before = after;
        }
        told
    }
}
