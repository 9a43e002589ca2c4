//! Tells what becomes of what people do: every passage, clock, paper and refusal, in Vietnamese.

use super::script::{Act, Paper, Setting};
use dossier::{
    Decided, Dossier, Entry, Event, Procedure, Refusal, Rules,
    calendar::{Calendar, Calendars},
    decide::{self, Action, Happening, Report, Statement},
    department_notice::{DepartmentNotice, StepClock},
    directory::Directory,
    dossier::Intake,
    event::{Cause, Channel, LookUpOutcome, PauseWhy, RecallWhy},
    evidence::{Document, Given},
    extract::{Pointer, extract},
    handover::handover,
    intake::{self, Submission},
    name::{AgencyCode, Digest, DossierId, EvidenceName, Key, PartId, StepId},
    notice::{Notice, notices},
    owed::{Debt, owed},
    party::{Identifier, Officer, Party, PartyKind, PartyRole},
    procedure::Actor,
    schema::Schemas,
    slip::{Timeliness, slip},
    standing::{self, Holder},
    supplement::Item,
    vault::{self, Deposit, Finding},
};
use jiff::{Timestamp, tz::TimeZone};
use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path, sync::Arc};

const DESK: &str = "H99.01.01";

/// A dossier and those around it.
pub struct Town {
    procedure: Procedure,
    calendar: Arc<Calendar>,
    directory: Directory,
    schemas: Schemas,
    asked: BTreeSet<String>,
    dossier: Option<Dossier>,
    entries: Vec<Entry>,
    parties: Vec<Party>,
    /// What lies in the vaults of this story's people.
    vault: Vec<Deposit>,
    /// Which of the story's journeys it is.
    number: u32,
    away: BTreeSet<AgencyCode>,
    items: u32,
    /// The steps whose rounds were looked at: procedure and step.
    pub seen: BTreeSet<(String, String)>,
}

fn read(path: &str) -> String {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn folder(path: &str, end: &str) -> Vec<(String, String)> {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(path);
    let mut files: Vec<(String, String)> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == end))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::fixed(jiff::tz::offset(7)))
        .strftime("%H:%M %d/%m/%Y")
        .to_string()
}

impl Town {
    /// The town of a journey, after the one before it in the same story.
    pub fn of(setting: &Setting, before: Option<Self>) -> Self {
        let file = format!("deploy/procedures/{}.toml", setting.procedure);
        let directory = Directory::parse("directory.toml", &read("deploy/directory.toml")).unwrap();
        let calendars = Calendars::new(folder("deploy/calendars", "toml")).unwrap();
        let territory = "H99".parse().unwrap();
        let (vault, parties, number, seen) = match before {
            None => (vec![], parties(), 1, BTreeSet::new()),
            Some(before) => {
                let people = vault::parties(before.dossier(), &before.procedure);
                let parties = parties_after(&people);
                (before.vault, parties, before.number + 1, before.seen)
            }
        };
        Self {
            procedure: Procedure::parse(&file, &read(&file)).unwrap(),
            calendar: Arc::clone(calendars.of(directory.territories(&territory))),
            directory,
            schemas: Schemas::new(folder("deploy/schemas", "json")).unwrap(),
            asked: setting.asked.iter().cloned().collect(),
            dossier: None,
            entries: Vec::new(),
            parties,
            vault,
            number,
            away: BTreeSet::new(),
            items: 0,
            seen,
        }
    }

    fn rules(&self) -> Rules<'_> {
        Rules {
            procedure: &self.procedure,
            calendar: &self.calendar,
            directory: &self.directory,
            schemas: &self.schemas,
        }
    }

    fn dossier(&self) -> &Dossier {
        self.dossier.as_ref().expect("the dossier is filed first")
    }

    /// Lets time pass: alarms ring when they are due.
    pub fn passes(&mut self, until: Timestamp) -> String {
        let mut told = String::new();
        while let Some((alarm, at)) = self.next_alarm(until) {
            let before = self.entries.len();
            let _ = writeln!(told, "\n· {}, đến giờ", day(at));
            told.push_str(&self.happen(at, None, Action::Ring(alarm)));
            assert!(self.entries.len() > before, "an alarm that is owed rings");
            told.push_str(&self.deliver(at));
        }
        told
    }

    fn next_alarm(&self, until: Timestamp) -> Option<(dossier::alarm::Alarm, Timestamp)> {
        owed(self.dossier.as_ref()?)
            .into_iter()
            .filter_map(|debt| match debt {
                Debt::Timer { alarm, at } if at < until => Some((alarm, at)),
                _ => None,
            })
            .min_by_key(|(alarm, at)| (*at, alarm.clone()))
    }

    /// Lets one act happen, and everybody who is there take what is theirs.
    pub fn act(&mut self, at: Timestamp, act: Act) -> String {
        let mut told = match act {
            Act::File(papers) => self.begin(at, papers, false),
            Act::Receive(papers) => self.begin(at, papers, true),
            Act::Away(agency) => {
                self.away.insert(agency);
                String::new()
            }
            Act::Back(agency) => {
                self.away.remove(&agency);
                String::new()
            }
            Act::Wait | Act::End => String::new(),
            act => {
                let action = self.action(act);
                self.items += 1;
                let item = format!("act-{}", self.items);
                self.happen(at, Some(item), action)
            }
        };
        told.push_str(&self.deliver(at));
        told
    }

    fn begin(&mut self, at: Timestamp, papers: Vec<Paper>, receive: bool) -> String {
        let submission = Submission {
            key: "story".parse().unwrap(),
            desk: DESK.parse().unwrap(),
            hand_out_desk: DESK.parse().unwrap(),
            asked: self.asked.clone(),
            territory: "H99_01".parse().unwrap(),
            parties: self.parties.clone(),
            evidence: papers.iter().map(|paper| self.given(paper)).collect(),
            channel: if receive {
                Channel::Counter
            } else {
                Channel::Online
            },
            arrived_at: None,
            filed_at: None,
            received_at: None,
            filed_by: None,
            officer: officer("Công chức một cửa"),
            vault: self.findings(),
        };
        let id = DossierId([6 + self.number as u8; 16]);
        let code = format!("H99.01.01-20260907-{:07}", self.number)
            .parse()
            .unwrap();
        let cause = cause("story");
        let begun = if receive {
            intake::receive(id, code, submission, cause, self.rules(), at)
        } else {
            intake::file(id, code, submission, cause, self.rules(), at)
        };
        self.take(begun)
    }

    fn happen(&mut self, at: Timestamp, item: Option<String>, action: Action) -> String {
        let happening = Happening {
            at,
            cause: item.as_deref().map(cause),
            vault: self.findings(),
            action,
        };
        let decided = decide::decide(self.dossier(), self.rules(), happening);
        if let Err(Refusal::SupplementDenied { step, denials }) = &decided {
            // What the broker does then: it notes the refusal, and starts what comes before.
            let mut told = refused(decided.as_ref().unwrap_err());
            let agency = step
                .as_ref()
                .and_then(|step| self.dossier().steps.get(step))
                .map_or_else(|| DESK.parse().unwrap(), |step| step.agency.clone());
            let deny = Action::Deny {
                step: step.clone(),
                agency,
                denials: denials.clone(),
            };
            told.push_str(&self.happen(at, None, deny));
            return told;
        }
        self.take(decided)
    }

    fn take(&mut self, decided: Result<Decided, Refusal>) -> String {
        match decided {
            Ok(decided) => {
                let mut told = String::new();
                for entry in &decided.entries {
                    if let Some(line) = self.line(&entry.event, &decided.dossier) {
                        let _ = writeln!(told, "  {line}");
                    }
                    told.push_str(&self.note(entry));
                }
                assert_eq!(self.dossier.as_ref(), Some(&decided.dossier));
                self.entries.extend(decided.entries);
                told
            }
            Err(refusal) => refused(&refusal),
        }
    }

    /// What the vault gets of it, and what the desk is told of what came from there.
    fn note(&mut self, entry: &Entry) -> String {
        let before = self.dossier.take();
        let mut after = match &before {
            None => Dossier::begin(DossierId([6 + self.number as u8; 16]), entry).unwrap(),
            Some(dossier) => dossier.clone(),
        };
        if before.is_some() {
            after.apply(entry).unwrap();
        }
        let mut told = String::new();
        for notice in notices(before.as_ref(), entry, &after, &self.procedure) {
            if let Notice::Reused { evidence, code } = notice {
                let _ = writeln!(
                    told,
                    "  Lấy «{}» từ kho dữ liệu điện tử (mã {code}) cho thủ tục «{}»: công dân không nộp, bộ phận một cửa được báo",
                    self.paper(&evidence),
                    self.procedure.text.title.vi
                );
            }
        }
        for deposit in vault::deposits(entry, &after, &self.procedure) {
            let old = deposit.supersedes.clone();
            self.vault.retain(|one| Some(&one.code) != old.as_ref());
            self.vault.push(deposit);
        }
        self.dossier = Some(after);
        told
    }

    /// What the vaults of the parties have, as the broker finds it: the owner's first.
    fn findings(&self) -> Vec<Finding> {
        let known = match &self.dossier {
            Some(dossier) => vault::parties(dossier, &self.procedure),
            None => self.parties.clone(),
        };
        let of = |party: &Party| -> Vec<Finding> {
            let is_theirs =
                |one: &&Deposit| one.owner.iter().any(|id| party.identifiers.contains(id));
            let found = self.vault.iter().filter(is_theirs).map(|one| Finding {
                code: one.code.clone(),
                given: Given {
                    subject: Some(party.id.clone()),
                    ..one.given.clone()
                },
                agency: one.agency.clone(),
                valid_until: one.valid_until,
            });
            found.collect()
        };
        known.iter().flat_map(of).collect()
    }

    /// A round carries what its step declares and nothing more, whatever the story does.
    fn look_at_rounds(&mut self) {
        let Some(dossier) = &self.dossier else { return };
        for (id, step) in dossier.procedure_steps() {
            let (Some(plan), Some(given)) = (
                self.procedure.step(id),
                handover(dossier, &self.procedure, id, step.round),
            ) else {
                continue;
            };
            for version in &given.evidence {
                let name = &version.new.given.name;
                let need = plan.needs.iter().find(|need| need.evidence == *name);
                let need = need.unwrap_or_else(|| panic!("{id} gets {name} and declares it not"));
                let pointers: Vec<Pointer> = need
                    .extract
                    .iter()
                    .map(|text| text.parse().unwrap())
                    .collect();
                if pointers.is_empty() {
                    continue;
                }
                let data = &version.new.given.data;
                assert!(version.new.given.documents.is_empty(), "{id}: {name}");
                assert_eq!(extract(data, &pointers).unwrap(), **data, "{id}: {name}");
            }
            for party in &given.parties {
                let declared = party.roles.iter().any(|role| plan.parties.contains(role));
                assert!(declared, "{id} gets {party:?}");
                assert!(party.phone.is_empty() && party.email.is_empty(), "{id}");
            }
            let code = self.procedure.code().to_string();
            self.seen.insert((code, id.to_string()));
        }
    }

    /// Everybody who is there acknowledges what is owed to them.
    fn deliver(&mut self, at: Timestamp) -> String {
        let mut told = String::new();
        self.look_at_rounds();
        while let Some(action) = self.next_delivery() {
            told.push_str(&self.happen(at, None, action));
        }
        told
    }

    fn next_delivery(&self) -> Option<Action> {
        owed(self.dossier.as_ref()?)
            .into_iter()
            .find_map(|debt| match debt {
                Debt::Handover {
                    step,
                    round,
                    agency,
                    ..
                }
                | Debt::Recall {
                    step,
                    round,
                    agency,
                    ..
                } if !self.away.contains(&agency) => Some(Action::Acknowledge { step, round }),
                Debt::Notice { notice, agency, .. } if !self.away.contains(&agency) => {
                    Some(Action::Notify {
                        agency,
                        notice,
                        refused: false,
                    })
                }
                _ => None,
            })
    }

    fn action(&self, act: Act) -> Action {
        let officer = officer("Công chức một cửa");
        let desk = |act| Action::Act(act);
        match act {
            Act::Accept => desk(decide::Act::Accept {
                received_at: None,
                officer,
            }),
            Act::RefuseIntake(reason) => desk(decide::Act::RefuseIntake {
                reason,
                legal_basis: LAW.into(),
                officer,
            }),
            Act::AskSupplement(names, reason) => desk(decide::Act::RequestSupplement {
                items: items(names, &reason),
                officer,
            }),
            Act::AnswerSupplement(number, papers) => desk(decide::Act::AnswerSupplement {
                number,
                evidence: papers.iter().map(|paper| self.given(paper)).collect(),
                officer,
            }),
            Act::Consent(name) => desk(decide::Act::GiveConsent {
                evidence: Given {
                    subject: Some("owner".parse().unwrap()),
                    ..self.given(&Paper { name, said: vec![] })
                },
                officer,
            }),
            Act::RefuseConsent(evidence, reason) => desk(decide::Act::RefuseConsent {
                evidence,
                party: "owner".parse().unwrap(),
                reason,
                officer,
            }),
            Act::Pay(obligation, amount_vnd) => desk(decide::Act::ConfirmPayment {
                obligation: obligation.parse().unwrap(),
                amount_vnd,
                reference: "KB-0001".into(),
                paid_at: None,
            }),
            Act::Withdraw(reason) => desk(decide::Act::Withdraw { reason, officer }),
            Act::Stop(reason) => desk(decide::Act::Stop {
                reason,
                legal_basis: LAW.into(),
                settlement: String::new(),
                officer,
            }),
            Act::Resume(reason) => desk(decide::Act::Resume { reason, officer }),
            Act::HandOut(evidence) => desk(decide::Act::HandOut {
                version: self.dossier().newest_number(&evidence),
                evidence,
                party: Some("owner".parse().unwrap()),
                officer,
            }),
            Act::ReportFault(evidence, reason) => desk(decide::Act::ReportFault {
                evidence,
                reason,
                officer,
            }),
            act => Action::Report(self.report(act)),
        }
    }

    fn report(&self, act: Act) -> Report {
        let (step, statement) = match act {
            Act::Complete(step, said) => {
                let evidence = self.results(&step, &said);
                let note = String::new();
                (step, Statement::Completed { evidence, note })
            }
            Act::Refuse(step, reason) => {
                let legal_basis = LAW.into();
                (
                    step,
                    Statement::Refused {
                        reason,
                        legal_basis,
                    },
                )
            }
            Act::Decline(step, reason) => {
                let suggested = None;
                (step, Statement::Declined { reason, suggested })
            }
            Act::Return(step, evidence, reason) => {
                let version = self.dossier().newest_number(&evidence);
                let statement = Statement::PeerReturn {
                    evidence,
                    version,
                    reason,
                };
                (step, statement)
            }
            Act::Correct(step, papers, reason) => {
                let evidence = papers.iter().map(|paper| self.given(paper)).collect();
                (step, Statement::Correction { evidence, reason })
            }
            Act::Uphold(step, evidence, reason) => {
                let version = self.dossier().newest_number(&evidence);
                let statement = Statement::Upheld {
                    evidence,
                    version,
                    reason,
                };
                (step, statement)
            }
            Act::Review(step, redo) => {
                let versions = self.dossier().steps[&step].review.clone();
                let note = String::new();
                let statement = Statement::Review {
                    redo,
                    versions,
                    note,
                };
                (step, statement)
            }
            Act::LookedUp(step, outcome) => {
                let name = step.as_str().trim_start_matches("look_up_").to_owned();
                let paper = Paper {
                    name: name.parse().unwrap(),
                    said: vec![],
                };
                let kind = &self.procedure.text.evidence[&paper.name];
                let asked = kind.subjects(&self.dossier().received.parties);
                let subject = Some(asked[0].id.clone());
                let statement = Statement::LookedUp {
                    outcome,
                    evidence: (outcome == LookUpOutcome::Found).then(|| Given {
                        subject,
                        ..self.given(&paper)
                    }),
                    note: String::new(),
                };
                (step, statement)
            }
            Act::StepAsks(step, names, reason) => {
                let items = items(names, &reason);
                (step, Statement::Supplement { items })
            }
            Act::Consult(step, agency, limit, question) => {
                let statement = Statement::Consultation {
                    agency,
                    question,
                    limit,
                    evidence: BTreeSet::new(),
                };
                (step, statement)
            }
            Act::Opine(step, text) => (step, Statement::Opinion { text }),
            Act::Extend(step, limit, reason) => (step, Statement::Extension { limit, reason }),
            other => panic!("{other:?} is no report"),
        };
        let held = &self.dossier().steps[&step];
        let title = self
            .procedure
            .step(&step)
            .and_then(|plan| plan.signed_by.first())
            .and_then(|position| {
                self.directory
                    .delegations_of(&held.agency)
                    .find(|delegation| delegation.position.as_str() == position.as_str())
                    .map(|delegation| delegation.title.clone())
            })
            .unwrap_or_else(|| "Công chức".into());
        Report {
            agency: held.agency.clone(),
            round: held.round,
            step,
            handover: String::new(),
            officer: officer(&title),
            statement,
        }
    }

    /// What a step gives: the examples, with what the story says otherwise.
    fn results(&self, step: &StepId, said: &[Paper]) -> Vec<Given> {
        let plan = self.procedure.step(step).expect("a step of the procedure");
        plan.gives
            .iter()
            .map(|name| {
                let paper = said.iter().find(|paper| paper.name == *name).cloned();
                self.given(&paper.unwrap_or(Paper {
                    name: name.clone(),
                    said: vec![],
                }))
            })
            .collect()
    }

    fn given(&self, paper: &Paper) -> Given {
        let kind = &self.procedure.text.evidence[&paper.name];
        let file = format!("services/dossier/tests/core/schemas/{}-1.json", paper.name);
        let mut data: serde_json::Value = serde_json::from_str(&read(&file)).unwrap();
        for (member, value) in &paper.said {
            data[member] = serde_json::from_str(value).unwrap_or_else(|_| value.clone().into());
        }
        let bytes = data.to_string().into_bytes();
        let documents = (0..kind.documents_min)
            .map(|n| Document {
                digest: Digest::of(format!("{}{n}{data}", paper.name).as_bytes()),
                size_bytes: 1000,
                media_type: "application/pdf".into(),
                file_name: format!("{}.pdf", paper.name),
            })
            .collect();
        Given {
            name: paper.name.clone(),
            schema_id: kind.schema.clone(),
            data: bytes.into(),
            documents,
            subject: None,
        }
    }

    fn title(&self, step: &StepId) -> String {
        match self.procedure.step(step) {
            Some(plan) => format!("«{}»", plan.title.vi),
            None => {
                let dossier = self.dossier.as_ref();
                let of = |name: &EvidenceName| self.paper(name);
                let kind = dossier
                    .and_then(|dossier| dossier.steps.get(step))
                    .map(|s| &s.kind);
                match kind {
                    Some(dossier::dossier::Kind::LookUp { evidence, .. }) => {
                        format!("tra cứu «{}»", of(evidence))
                    }
                    Some(dossier::dossier::Kind::Consultation { .. }) => "lấy ý kiến".into(),
                    Some(dossier::dossier::Kind::Slip) => "phiếu chuyển xử lý".into(),
                    _ => match step.as_str().strip_prefix("look_up_") {
                        Some(name) => format!("tra cứu «{}»", of(&name.parse().unwrap())),
                        None if step.as_str().starts_with("slip_") => "phiếu chuyển xử lý".into(),
                        None => "lấy ý kiến".into(),
                    },
                }
            }
        }
    }

    fn paper(&self, name: &EvidenceName) -> String {
        self.procedure
            .text
            .evidence
            .get(name)
            .map_or_else(|| name.to_string(), |kind| kind.title.vi.clone())
    }

    fn part(&self, part: &PartId) -> String {
        format!("«{}»", self.procedure.text.parts[part].title.vi)
    }

    fn name(&self, agency: &AgencyCode) -> String {
        self.directory
            .agency(agency.as_str())
            .map_or_else(|| agency.to_string(), |agency| agency.name.clone())
    }

    fn list<'a>(&self, names: impl Iterator<Item = &'a EvidenceName>) -> String {
        let names: Vec<String> = names.map(|name| self.paper(name)).collect();
        match names.is_empty() {
            true => "không kèm giấy tờ".into(),
            false => format!("kèm: {}", names.join(", ")),
        }
    }

    /// One event in words; what is of no interest to an official is left out.
    fn line(&self, event: &Event, after: &Dossier) -> Option<String> {
        Some(match event {
            Event::Filed(received) => format!(
                "Nộp hồ sơ mã {}; bộ phận một cửa xem trước {}",
                received.code,
                day(received.promised_at)
            ),
            Event::Received(received) => format!(
                "Tiếp nhận hồ sơ mã {}, in mẫu 01, hẹn trả {}",
                received.code,
                day(received.promised_at)
            ),
            Event::Accepted(reception) => format!(
                "Tiếp nhận hồ sơ, in mẫu 01, hẹn trả {}",
                day(reception.promised_at)
            ),
            Event::NotAccepted { reason, .. } => {
                format!("Không tiếp nhận, in mẫu 03: {reason}")
            }
            Event::HandoverDue {
                step,
                round,
                agency,
                inputs,
                deadline,
                work,
                answers,
                ..
            } => {
                let what = match (work, answers.is_empty()) {
                    (true, _) => "",
                    (false, false) => ", trả lời về sai sót",
                    (false, true) => ", xem lại theo thông tin mới",
                };
                format!(
                    "Giao {}{what} cho {}, lần {round}, hạn {} ({})",
                    self.title(step),
                    self.name(agency),
                    day(deadline.due_at),
                    self.list(inputs.keys())
                )
            }
            Event::Acknowledged { step, .. } => {
                let agency = after.steps.get(step).map(|step| &step.agency)?;
                format!("{} đã nhận {}", self.name(agency), self.title(step))
            }
            Event::Completed { step, evidence, .. } => {
                let given: Vec<String> = evidence
                    .iter()
                    .map(|new| format!("{} (bản {})", self.paper(&new.given.name), new.version))
                    .collect();
                match given.is_empty() {
                    true => format!("Xong {}", self.title(step)),
                    false => format!("Xong {}, kết quả: {}", self.title(step), given.join(", ")),
                }
            }
            Event::Refused { step, reason, .. } => {
                format!("Từ chối {}, in mẫu 03: {reason}", self.title(step))
            }
            Event::Declined { step, reason, .. } => {
                format!("{} không thuộc thẩm quyền: {reason}", self.title(step))
            }
            Event::Returned {
                step,
                evidence,
                reason,
                ..
            } => format!(
                "{} trả lại «{}» cho cơ quan đã cấp: {reason}",
                self.title(step),
                self.paper(evidence)
            ),
            Event::Corrected { evidence, .. } => format!(
                "Đính chính: {}",
                evidence
                    .iter()
                    .map(|new| format!("{} (bản {})", self.paper(&new.given.name), new.version))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Event::Upheld { evidence, .. } => {
                format!("Giữ nguyên «{}»", self.paper(evidence))
            }
            Event::Reviewed { step, redo, .. } => format!(
                "{}: {}",
                self.title(step),
                if *redo {
                    "làm lại"
                } else {
                    "kết quả giữ nguyên"
                }
            ),
            Event::Ended { step, .. } => format!("Dừng {}", self.title(step)),
            Event::Skipped { step } => format!("{} không phải làm", self.title(step)),
            Event::Wanted { step } => format!("{} phải làm", self.title(step)),
            Event::SlipsDue { to } => format!(
                "Gửi phiếu chuyển xử lý cho các cơ quan chưa đến lượt: {}",
                match to.is_empty() {
                    true => "không có".into(),
                    false => to
                        .values()
                        .map(|agency| self.name(agency))
                        .collect::<Vec<_>>()
                        .join(", "),
                }
            ),
            Event::LookUpDue {
                evidence,
                agency,
                deadline,
                ..
            } => format!(
                "Thiếu «{}»: tra cứu tại {}, hạn {}",
                self.paper(evidence),
                self.name(agency),
                day(deadline.due_at)
            ),
            Event::LookedUp {
                evidence, outcome, ..
            } => format!(
                "Trả lời tra cứu «{}»: {}",
                self.paper(evidence),
                match outcome {
                    LookUpOutcome::Found => "có",
                    LookUpOutcome::NotFound => "không có",
                    LookUpOutcome::Mismatch => "không khớp thông tin",
                    LookUpOutcome::PoorQuality => "chất lượng không dùng được",
                    LookUpOutcome::Unavailable => "hệ thống không trả lời, sẽ hỏi lại",
                }
            ),
            Event::AskedAgain { step } => format!("Hỏi lại: {}", self.title(step)),
            Event::Consulted {
                step,
                agency,
                question,
                deadline,
                ..
            } => format!(
                "{} lấy ý kiến {}, hạn {}: {question}",
                self.title(step),
                self.name(agency),
                day(deadline.due_at)
            ),
            Event::Opined { opinion, .. } => format!("Ý kiến: {opinion}"),
            Event::SupplementAsked {
                number,
                agency,
                items,
                due_at,
                ..
            } => format!(
                "Bộ phận một cửa yêu cầu công dân bổ sung lần {number}, in mẫu 02, theo đề nghị của {}: {}; trước {}",
                self.name(agency),
                items
                    .iter()
                    .map(|item| self.paper(&item.evidence))
                    .collect::<Vec<_>>()
                    .join(", "),
                day(*due_at)
            ),
            Event::SupplementAnswered { number, .. } => {
                format!("Công dân đã bổ sung lần {number}")
            }
            Event::SupplementExpired { number } => {
                format!("Quá hạn bổ sung lần {number}")
            }
            Event::SupplementDenied {
                agency, denials, ..
            } => format!(
                "Ghi nhận: {} đòi công dân nộp giấy tờ đã có ({})",
                self.name(agency),
                denials
                    .keys()
                    .map(|name| self.paper(name))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Event::EvidenceGiven { evidence, .. } => format!(
                "Nhận {}",
                evidence
                    .iter()
                    .map(|new| self.paper(&new.given.name))
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
            Event::ConsentRefused { evidence, .. } => {
                format!("Không đồng ý: {}", self.paper(evidence))
            }
            Event::PaymentAsked {
                obligation,
                amount_vnd,
                ..
            } => format!("Thông báo công dân nộp {amount_vnd} đồng, khoản {obligation}"),
            Event::PaymentOverdue { obligation } => {
                format!("Quá hạn nộp khoản {obligation}, vẫn được nộp")
            }
            Event::Paid {
                obligation,
                amount_vnd,
                ..
            } => format!("Đã nộp {amount_vnd} đồng, khoản {obligation}"),
            Event::ClockPaused { part, why } => format!(
                "Đồng hồ {} tạm dừng: {}",
                self.part(part),
                match why {
                    PauseWhy::Supplement => "chờ công dân bổ sung",
                    PauseWhy::Payment => "chờ công dân nộp tiền",
                    PauseWhy::Stop => "dừng giải quyết",
                    PauseWhy::Outside => "thời gian không tính vào thời hạn",
                }
            ),
            Event::ClockResumed {
                part,
                reset,
                deadline,
                ..
            } => format!(
                "Đồng hồ {} {}, hẹn trả {}",
                self.part(part),
                match (reset, after.parts[part].pauses.is_empty()) {
                    (_, false) => "vẫn dừng vì lý do khác",
                    (true, true) => "tính lại từ đầu",
                    (false, true) => "chạy tiếp",
                },
                day(deadline.due_at)
            ),
            Event::ApologyOwed { part, holders } => format!(
                "Còn một ngày làm việc đến hạn {}: {} phải có văn bản xin lỗi (mẫu 04) nếu chậm",
                self.part(part),
                match holders.is_empty() {
                    true => "cơ quan đang giữ".into(),
                    false => holders
                        .iter()
                        .map(|agency| self.name(agency))
                        .collect::<Vec<_>>()
                        .join(", "),
                }
            ),
            Event::Extended {
                part,
                deadline,
                reason,
                ..
            } => format!(
                "In mẫu 04, hẹn lại {} đến {}: {reason}",
                self.part(part),
                day(deadline.due_at)
            ),
            Event::PromisePassed { part } => format!("Quá ngày hẹn trả {}", self.part(part)),
            Event::Warned { step } => format!("Sắp đến hạn {}", self.title(step)),
            Event::LimitPassed { step } => format!("Quá hạn {}", self.title(step)),
            Event::IntakeLimitPassed => "Quá hạn tiếp nhận".into(),
            Event::FaultReported {
                evidence, reason, ..
            } => format!(
                "Sai sót của «{}» chuyển cơ quan đã cấp, công dân không nộp gì: {reason}",
                self.paper(evidence)
            ),
            Event::HandedOut {
                evidence, version, ..
            } => format!(
                "Trả «{}» (bản {version}) cho công dân",
                self.paper(evidence)
            ),
            Event::Withdrawn { reason, .. } => format!("Công dân rút hồ sơ: {reason}"),
            Event::Stopped { reason, .. } => format!("Dừng giải quyết, in mẫu 05: {reason}"),
            Event::Resumed { .. } => "Tiếp tục giải quyết".into(),
            Event::RecallDue {
                step, agency, why, ..
            } => format!(
                "Thu hồi {} từ {}: {}",
                self.title(step),
                self.name(agency),
                match why {
                    RecallWhy::Ended => "bước trước không thành",
                    RecallWhy::Moved => "chuyển cơ quan khác",
                    RecallWhy::Withdrawn => "công dân rút hồ sơ",
                    RecallWhy::Stopped => "dừng giải quyết",
                    RecallWhy::Unwanted => "không còn cần",
                }
            ),
            Event::Moved { step, to, .. } => {
                format!("Chuyển {} cho {}", self.title(step), self.name(to))
            }
            Event::PartFinished { part, end } => format!(
                "Thủ tục {}: {}",
                self.part(part),
                match end {
                    dossier::event::PartEnd::Completed => "hoàn thành",
                    dossier::event::PartEnd::Refused => "bị từ chối",
                    dossier::event::PartEnd::Ended => "dừng",
                    dossier::event::PartEnd::Skipped => "không phải làm",
                }
            ),
            Event::Closed => "Hồ sơ kết thúc".into(),
            Event::Notified { agency, notice, .. } => match notice {
                DepartmentNotice::DueChanged { step: id, .. } => {
                    let step = after.steps.get(id)?;
                    let clock = StepClock::of(after, step);
                    let when = match clock.stands_still {
                        true => "thời hạn tạm dừng".to_owned(),
                        false => format!("hạn mới {}", day(clock.due_at?)),
                    };
                    format!("{} được báo: {}, {when}", self.name(agency), self.title(id))
                }
                DepartmentNotice::ApologyOwed { step, .. } => format!(
                    "{} được báo: {} sắp đến hạn, phải xin lỗi và hẹn lại nếu chậm",
                    self.name(agency),
                    self.title(step)
                ),
                DepartmentNotice::Closed { .. } => return None,
            },
            Event::Offered { .. }
            | Event::HoldingLost { .. }
            | Event::Progressed { .. }
            | Event::Reused { .. }
            | Event::CalendarAdopted { .. } => return None,
        })
    }

    /// How it stands in the end: statuses, the control slip, and whose the time was.
    pub fn ends(&self) -> String {
        let dossier = self.dossier();
        let now = self.entries.last().expect("something happened").at;
        let mut told = String::from("\nTrạng thái: ");
        let history = standing::national_history(dossier.id, &self.entries, &self.procedure);
        let statuses: Vec<&str> = history.iter().map(|(status, _)| status.vi()).collect();
        told.push_str(&statuses.join(" → "));
        told.push_str("\n\nPhiếu kiểm soát (mẫu 06):\n");
        for row in slip(&self.entries) {
            let timeliness = match row.timeliness {
                Some(Timeliness::Early) => "trước hạn",
                Some(Timeliness::OnTime) => "đúng hạn",
                Some(Timeliness::Overdue) => "quá hạn",
                None => "—",
            };
            let _ = writeln!(
                told,
                "  {} → {}: {}, giao {}, nhận {}, {timeliness}",
                self.name(&row.from),
                self.name(&row.to),
                self.title(&row.step),
                day(row.handed_at),
                row.received_at.map_or("—".into(), day)
            );
        }
        told.push_str("\nThời gian làm việc của từng bên:\n");
        let times = standing::attribution(&self.entries, dossier, &self.calendar, now);
        for (holder, time) in times {
            let who = match holder {
                Holder::Transport => "đường truyền".into(),
                Holder::Agency(agency) => self.name(&agency),
                Holder::Citizen => "công dân".into(),
                Holder::Nobody => "không ai".into(),
            };
            let _ = writeln!(
                told,
                "  {who}: {} giờ {:02} phút",
                time.as_hours(),
                time.as_mins() % 60
            );
        }
        let asked_twice = self
            .entries
            .iter()
            .filter(|entry| matches!(entry.event, Event::SupplementDenied { .. }))
            .count();
        let _ = writeln!(
            told,
            "\nLần đòi giấy tờ đã có, bị hệ thống từ chối: {asked_twice}. Lần công dân phải bổ sung: {}.",
            dossier.supplements.len()
        );
        if dossier.intake == Intake::Filed {
            told.push_str("Hồ sơ chưa được tiếp nhận.\n");
        }
        told
    }
}

/// Every step of every shipped procedure that a department does.
pub fn departments_steps() -> BTreeSet<(String, String)> {
    folder("deploy/procedures", "toml")
        .iter()
        .map(|(name, text)| Procedure::parse(name, text).unwrap())
        .flat_map(|procedure| {
            let code = procedure.code().to_string();
            let steps = procedure.text.steps.iter();
            let done = steps.filter(|(_, step)| step.actor == Actor::Department);
            done.map(|(id, _)| (code.clone(), id.to_string()))
                .collect::<Vec<_>>()
        })
        .collect()
}

const LAW: &str = "NĐ 61/2018/NĐ-CP";

fn refused(refusal: &Refusal) -> String {
    // For whoever writes a story: the rule as an integrator reads it.
    eprintln!("{refusal}");
    format!("  ✗ {} {}\n", refusal.reason(), refusal.vi())
}

fn items(names: Vec<EvidenceName>, reason: &str) -> Vec<Item> {
    names
        .into_iter()
        .map(|evidence| Item {
            evidence,
            reason: reason.to_owned(),
            legal_basis: LAW.into(),
            approval: None,
        })
        .collect()
}

fn cause(item: &str) -> Cause {
    Cause {
        system: "spiffe://mau.example/desk/story".into(),
        item_id: item.parse::<Key>().unwrap(),
        digest: Digest::of(item.as_bytes()),
        claimed_at: None,
    }
}

fn officer(title: &str) -> Officer {
    Officer {
        name: "Cán bộ Mẫu".into(),
        title: title.into(),
        office: String::new(),
    }
}

/// The child of the journey before is the owner of the next, and somebody else is whom it is about.
fn parties_after(before: &[Party]) -> Vec<Party> {
    let child = before
        .iter()
        .find(|party| party.roles.contains(&PartyRole::Subject))
        .unwrap();
    let parties = parties();
    let owner = Party {
        name: "Nguyễn Bình Mẫu".into(),
        identifiers: child.identifiers.clone(),
        ..parties[0].clone()
    };
    let subject = Party {
        name: "Nguyễn Văn Cũ".into(),
        identifiers: vec![
            Identifier::new(dossier::party::Scheme::PersonalId, "099000000009").unwrap(),
        ],
        ..parties[1].clone()
    };
    vec![owner, subject]
}

fn parties() -> Vec<Party> {
    let party = |id: &str, roles: &[PartyRole], name: &str, personal_id: &str| Party {
        id: id.parse().unwrap(),
        roles: roles.iter().copied().collect(),
        kind: PartyKind::Citizen,
        name: name.into(),
        identifiers: match personal_id.is_empty() {
            true => vec![],
            false => {
                vec![Identifier::new(dossier::party::Scheme::PersonalId, personal_id).unwrap()]
            }
        },
        born_on: None,
        address: "Thôn 1, xã Mẫu Một".into(),
        phone: "0900000000".into(),
        email: "mau@mau.example".into(),
        represents: None,
    };
    vec![
        party(
            "owner",
            &[PartyRole::Owner, PartyRole::Submitter],
            "Trần Thị Thử",
            "099000000002",
        ),
        party("subject", &[PartyRole::Subject], "Nguyễn Thị Mẫu", ""),
    ]
}
