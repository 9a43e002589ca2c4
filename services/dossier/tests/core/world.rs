//! A small world for tests: one dossier, the departments that work on it, and a clock that goes on
//! by a minute with each thing that happens.

use dossier::{
    Decided, Dossier, Entry, Procedure, Refusal, decide,
    decide::{Action, Happening, Report, Statement},
    directory::Directory,
    dossier::{Stage, Step, Task},
    event::{Cause, Channel},
    evidence::{Document, Given},
    handover::{Handover, handover},
    intake::{self, Submission},
    name::{AgencyCode, Digest, DossierId, EvidenceName, Key, StepId},
    notice::{Notice, notices},
    owed::{Debt, owed},
    party::{Officer, Party, PartyKind, PartyRole},
};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

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

pub fn birth() -> Arc<Procedure> {
    let text = include_str!("../../../../deploy/procedures/birth.toml");
    Arc::new(Procedure::parse("birth.toml", text).unwrap())
}

pub fn directory() -> Directory {
    Directory::parse("directory.toml", DIRECTORY).unwrap()
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

/// A paper with this content, and its scan.
pub fn paper(name: &str, content: &str) -> Given {
    Given {
        name: evidence(name),
        schema_id: String::new(),
        data: format!("{{\"content\":\"{content}\"}}").into_bytes().into(),
        documents: vec![Document {
            digest: Digest::of(content.as_bytes()),
            size_bytes: content.len() as u64,
            media_type: "application/pdf".into(),
            file_name: format!("{name}.pdf"),
        }],
        subject: None,
    }
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
        optional_parts: Default::default(),
        territory: "H26_101".parse().unwrap(),
        parties: vec![
            party("mother", &[PartyRole::Owner, PartyRole::Submitter]),
            party("child", &[PartyRole::Subject]),
        ],
        evidence: ["birth_notice", "parents", "health_facility_choice"]
            .map(|name| paper(name, "as the desk took it"))
            .into(),
        channel: Channel::Counter,
        filed_at: None,
        filed_by: None,
        officer: Officer::default(),
    }
}

pub fn cause(system: &str, item: &str, content: &str) -> Cause {
    Cause {
        system: system.to_owned(),
        item_id: item.parse().unwrap(),
        digest: Digest::of(content.as_bytes()),
        claimed_at: None,
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

/// One dossier and what happened to it.
#[derive(Clone)]
pub struct Case {
    pub procedure: Arc<Procedure>,
    pub dossier: Dossier,
    pub entries: Vec<Entry>,
    pub now: Timestamp,
    items: u32,
}

impl Case {
    /// A birth without the identity card.
    pub fn birth() -> Self {
        Self::receive(birth(), &directory(), birth_submission())
    }

    /// A birth with the identity card.
    pub fn birth_with_identity_card() -> Self {
        let mut submission = birth_submission();
        submission
            .optional_parts
            .insert("identity_card".parse().unwrap());
        Self::receive(birth(), &directory(), submission)
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

    pub fn receive(
        procedure: Arc<Procedure>,
        directory: &Directory,
        submission: Submission,
    ) -> Self {
        let now: Timestamp = "2026-10-01T01:00:00Z".parse().unwrap();
        let key: &Key = &submission.key.clone();
        let decided = intake::receive(
            DossierId::derive("desk", key),
            "H26.101-261001-0001".parse().unwrap(),
            submission,
            cause("desk", "submit-1", "submit"),
            &procedure,
            directory,
            now,
        )
        .unwrap();
        Self {
            procedure,
            dossier: decided.dossier,
            entries: decided.entries,
            now,
            items: 0,
        }
    }

    /// Lets something happen; what is refused changes nothing.
    pub fn happens(&mut self, cause: Option<Cause>, action: Action) -> Result<Decided, Refusal> {
        self.now += SignedDuration::from_mins(1);
        let happening = Happening {
            at: self.now,
            cause,
            action,
        };
        let decided = decide(&self.dossier, &self.procedure, happening)?;
        self.dossier = decided.dossier.clone();
        self.entries.extend(decided.entries.iter().cloned());
        Ok(decided)
    }

    /// The report that the department of this step would send now.
    pub fn report(&self, id: &str, says: Says) -> Report {
        let state = self.step(id);
        Report {
            agency: state.agency.clone(),
            step: step(id),
            round: state.round,
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

    /// The limit of the step passes.
    pub fn limit_passes(&mut self, id: &str) -> Decided {
        self.happens(None, Action::PassLimit { step: step(id) })
            .unwrap()
    }

    #[track_caller]
    pub fn step(&self, id: &str) -> &Step {
        &self.dossier.steps[id]
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
            told.extend(notices(before.as_ref(), entry, after.as_ref().unwrap()));
            before = after;
        }
        told
    }
}
