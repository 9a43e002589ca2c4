//! A desk: the only one who speaks with the citizen. It submits, follows its notices by cursor, and does
//! what they ask; what it has to say is in a durable outbox.

use crate::{
    ground::{Ground, Happens, Who},
    outbox::{Answered, Outbox},
    post::{Item, Message, Told, Verdict},
    province::parties,
};
use dossier::{
    Refusal,
    decide::{Act, Report, Statement},
    dossier::Stage,
    event::Channel,
    intake::Submission,
    name::{AgencyCode, Digest, DossierId, EvidenceName, Key},
    notice::Notice,
    party::Officer,
    procedure::Actor,
    supplement,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A desk.
#[derive(Default)]
pub struct Desk {
    code: Option<AgencyCode>,
    // Durable.
    pub outbox: Outbox<Item>,
    procedures: BTreeMap<DossierId, &'static str>,
    cursor: usize,
    /// Dossiers that it was told are closed.
    closed: BTreeSet<DossierId>,
    broker_epoch: u32,
    // Memory.
    speaks_at: Option<Timestamp>,
}

/// The code that the desk's block has for this submit.
pub fn code(desk: &AgencyCode, key: &Key) -> dossier::name::DossierCode {
    let number: u32 = key.as_str().trim_start_matches("submit-").parse().unwrap();
    format!("{desk}-20261201-{number:07}").parse().unwrap()
}

const LOOKS_EVERY: SignedDuration = SignedDuration::from_hours(3);

impl Desk {
    pub fn new(code: &AgencyCode) -> Self {
        Self {
            code: Some(code.clone()),
            ..Self::default()
        }
    }

    fn code(&self) -> AgencyCode {
        self.code.clone().expect("a desk has its code")
    }

    /// Whether it knows of this epoch of the broker.
    pub fn has_heard_of(&self, epoch: u32) -> bool {
        self.broker_epoch == epoch
    }

    /// What it has said of a dossier, for whoever looks for the reason why it stays open.
    pub fn tells(&self, dossier: DossierId) -> String {
        let said = self.outbox.said.iter();
        let said = said.filter(|said| said.line.0 == dossier);
        let said: Vec<String> = said
            .map(|said| format!("{:?} {:?} {}", said.line.1, said.answered, said.reason))
            .collect();
        format!("said {said:?}")
    }

    pub fn start(&mut self, ground: &mut Ground) {
        self.speaks_at = None;
        self.outbox.forget_sending(ground.now);
        self.speak(ground);
        self.look(ground);
    }

    /// A citizen comes, with some of the papers.
    pub fn begin(&mut self, ground: &mut Ground, number: u32) {
        let code = self.code();
        let procedure = *ground
            .chance
            .pick(&["birth", "death", "business", "land_transfer"]);
        let key: Key = format!("submit-{number}").parse().unwrap();
        let id = DossierId::derive(code.as_str(), &key);
        let submission = submission(ground, &code, procedure, key.clone());
        let is_filed = ground.chance.one_in(3);
        self.procedures.insert(id, procedure);
        let submit = Item::Submit {
            procedure,
            is_filed,
            submission: Box::new(submission),
        };
        self.say(ground, id, "submit", submit, SignedDuration::ZERO);
        let reason = || String::from("because");
        let officer = Officer::default;
        if ground.chance.one_in(20) {
            let withdraw = Act::Withdraw {
                reason: reason(),
                officer: officer(),
            };
            let later = ground.chance.hours(200);
            self.say(ground, id, "withdraw", Item::Act(withdraw), later);
        }
        if ground.chance.one_in(20) {
            let stop = Act::Stop {
                reason: reason(),
                legal_basis: reason(),
                settlement: String::new(),
                officer: officer(),
            };
            let resume = Act::Resume {
                reason: reason(),
                officer: officer(),
            };
            let later = ground.chance.hours(100);
            self.say(ground, id, "stop", Item::Act(stop), later);
            let later = later + ground.chance.hours(100);
            self.say(ground, id, "stop-resume", Item::Act(resume), later);
        }
        self.speak(ground);
    }

    /// Says something of a dossier; what must keep its order has one line.
    fn say(
        &mut self,
        ground: &Ground,
        id: DossierId,
        what: &str,
        item: Item,
        later: SignedDuration,
    ) {
        let key = Digest::of(format!("{id} {what}").as_bytes());
        let short: String = key.to_string().chars().take(24).collect();
        let line = what.split('-').next().unwrap_or_default().to_owned();
        let at = ground.now + later;
        self.outbox
            .say(short.parse().unwrap(), (id, line), item, at);
    }

    pub fn speak(&mut self, ground: &mut Ground) {
        let code = self.code();
        for n in self.outbox.due(ground.now) {
            let said = &self.outbox.said[n];
            let message = Message::Item {
                id: said.id.clone(),
                dossier: said.line.0,
                item: Box::new(said.what.clone()),
            };
            ground.send(&code, true, message);
        }
        if self.speaks_at.is_some_and(|at| at <= ground.now) {
            self.speaks_at = None;
        }
        let Some(next) = self.outbox.next_at() else {
            return;
        };
        if self.speaks_at.is_none_or(|at| next < at) {
            self.speaks_at = Some(next);
            let life = ground.life_of(&code);
            ground.at(next, Happens::Speaks { party: code, life });
        }
    }

    /// Asks for what it was not told yet.
    pub fn look(&self, ground: &mut Ground) {
        let code = self.code();
        ground.send(&code, true, Message::AskNotices { after: self.cursor });
        let life = ground.life_of(&code);
        ground.after(LOOKS_EVERY, Happens::Looks { party: code, life });
    }

    pub fn receive(&mut self, ground: &mut Ground, message: Message) {
        let (Message::Notices { epoch, .. } | Message::Answer { epoch, .. }) = &message else {
            unreachable!("nobody sends this to a desk");
        };
        if *epoch > self.broker_epoch {
            // The broker was restored: it hears again all that was recorded, and tells all again.
            self.broker_epoch = *epoch;
            self.cursor = 0;
            self.closed.clear();
            self.outbox.reopen_all(ground.now, |_| true);
        }
        match message {
            Message::Notices { epoch, after, told } if epoch == self.broker_epoch => {
                if after != self.cursor {
                    return;
                }
                let more = told.len() == 50;
                if ground.is_last_breath() {
                    return ground.dies(Who::Party(self.code()));
                }
                // What it has to do and how far it has read become durable together.
                self.cursor += told.len();
                for one in told {
                    self.hears(ground, one);
                }
                if ground.is_last_breath() {
                    return ground.dies(Who::Party(self.code()));
                }
                if more {
                    let after = self.cursor;
                    ground.send(&self.code(), true, Message::AskNotices { after });
                }
            }
            Message::Answer { id, verdict, .. } => self.answered(ground, &id, verdict),
            _ => {}
        }
        self.speak(ground);
    }

    fn answered(&mut self, ground: &mut Ground, id: &Key, verdict: Verdict) {
        let answered = match &verdict {
            Verdict::Recorded => Answered::Recorded,
            Verdict::Refused(_) => Answered::Refused,
            Verdict::Unknown => return,
        };
        let reason = match &verdict {
            Verdict::Refused(refusal) => refusal.reason(),
            _ => "",
        };
        let Some(said) = self.outbox.answer(id, answered, reason) else {
            return;
        };
        let (item, (dossier, said_of)) = (said.what.clone(), said.line.clone());
        let Verdict::Refused(refusal) = verdict else {
            return;
        };
        let is_wrong_on_purpose = matches!(refusal, Refusal::WrongAmount { .. });
        match (item, refusal) {
            (Item::Act(Act::Accept { .. }), Refusal::Incomplete { missing }) => {
                let items = missing
                    .split(", ")
                    .map(|name| asked(name.parse().unwrap()))
                    .collect();
                let ask = Act::RequestSupplement {
                    items,
                    officer: Officer::default(),
                };
                self.say(
                    ground,
                    dossier,
                    &format!("intake-ask-{missing}"),
                    Item::Act(ask),
                    SignedDuration::ZERO,
                );
            }
            (Item::Act(Act::RequestSupplement { .. }), refusal) => {
                // What a holder has is looked up; the desk tries again to receive it, or does not.
                let later = match refusal {
                    Refusal::SupplementDenied { .. } => SignedDuration::from_hours(30),
                    _ => SignedDuration::from_hours(1),
                };
                let refuse = Act::RefuseIntake {
                    reason: "it is not complete".into(),
                    legal_basis: "an article".into(),
                    officer: Officer::default(),
                };
                let accept = Act::Accept {
                    received_at: None,
                    officer: Officer::default(),
                };
                self.say(
                    ground,
                    dossier,
                    &format!("intake-again-{id}"),
                    Item::Act(accept),
                    later,
                );
                let later = later + SignedDuration::from_hours(1);
                self.say(ground, dossier, "intake-refuse", Item::Act(refuse), later);
            }
            // Until the fault is answered, or a restored broker has the result again.
            (
                item @ Item::Act(Act::HandOut { .. }),
                Refusal::FaultOpen { .. } | Refusal::NoResult { .. },
            ) if !self.closed.contains(&dossier) => {
                let again = format!("{said_of}-after-{id}");
                self.say(
                    ground,
                    dossier,
                    &again,
                    item,
                    SignedDuration::from_hours(30),
                );
            }
            (item, refusal) => {
                let is_fields = matches!(refusal, Refusal::Fields(_));
                let is_answer = matches!(item, Item::Act(Act::AnswerSupplement { .. }));
                assert!(
                    !is_fields || is_answer && self.broker_epoch > 0 || is_wrong_on_purpose,
                    "{item:?}: {refusal}"
                );
            }
        }
    }

    /// What a notice asks of the desk.
    fn hears(&mut self, ground: &mut Ground, told: Told) {
        let Told {
            dossier: id,
            notice,
            sequence,
        } = told;
        let Some(&procedure) = self.procedures.get(&id) else {
            return;
        };
        let officer = Officer::default;
        match notice {
            Notice::Closed => drop(self.closed.insert(id)),
            Notice::Filed { .. } => {
                let accept = Act::Accept {
                    received_at: None,
                    officer: officer(),
                };
                let later = ground.chance.hours(12);
                self.say(ground, id, "intake-accept", Item::Act(accept), later);
            }
            Notice::SupplementEnded {
                number,
                expired: false,
            } => {
                let accept = Act::Accept {
                    received_at: None,
                    officer: officer(),
                };
                let what = format!("intake-accept-{number}");
                self.say(
                    ground,
                    id,
                    &what,
                    Item::Act(accept),
                    SignedDuration::from_hours(1),
                );
            }
            Notice::SupplementAsked { number, items, .. } if ground.chance.percent(80) => {
                let names: Vec<String> =
                    items.iter().map(|item| item.evidence.to_string()).collect();
                let words = format!("{id} {number} {names:?}");
                let evidence = items
                    .iter()
                    .map(|item| {
                        ground
                            .province
                            .paper(procedure, &item.evidence, &[], &words)
                    })
                    .collect();
                let answer = Act::AnswerSupplement {
                    number,
                    evidence,
                    officer: officer(),
                };
                let later = ground.chance.hours(100);
                self.say(
                    ground,
                    id,
                    &format!("answer{number}-{names:?}"),
                    Item::Act(answer),
                    later,
                );
            }
            Notice::PaymentAsked {
                obligation,
                amount_vnd,
                ..
            } => {
                let pay = |amount_vnd| {
                    Item::Act(Act::ConfirmPayment {
                        obligation: obligation.clone(),
                        amount_vnd,
                        reference: "KB-0001".into(),
                        paid_at: None,
                    })
                };
                let later = ground.chance.hours(100);
                if ground.chance.one_in(8) {
                    self.say(
                        ground,
                        id,
                        &format!("pay_{obligation}-wrong"),
                        pay(amount_vnd + 1),
                        later,
                    );
                }
                let what = format!("pay_{obligation}-{amount_vnd}");
                self.say(ground, id, &what, pay(amount_vnd), later);
            }
            // It was paid, and the broker did not know yet what for when it was told.
            Notice::PaymentOverdue { obligation } => {
                let later = ground.now + SignedDuration::from_hours(5);
                for n in 0..self.outbox.said.len() {
                    let said = &self.outbox.said[n];
                    let is_it = said.line.0 == id
                        && said.answered == Some(Answered::Refused)
                        && said.reason != "WRONG_AMOUNT"
                        && matches!(&said.what, Item::Act(Act::ConfirmPayment { obligation: of, .. }) if *of == obligation);
                    if is_it {
                        self.outbox.reopen(n, later);
                    }
                }
            }
            Notice::Result {
                evidence, version, ..
            } if ground.province.procedure(procedure).is_result(&evidence) => {
                let hand_out = Act::HandOut {
                    evidence: evidence.clone(),
                    version,
                    party: Some("owner".parse().unwrap()),
                    officer: officer(),
                };
                let later = ground.chance.hours(60);
                self.say(
                    ground,
                    id,
                    &format!("out_{evidence}-{version}"),
                    Item::Act(hand_out),
                    later,
                );
                if ground.chance.one_in(25) {
                    let fault = Act::ReportFault {
                        evidence: evidence.clone(),
                        reason: "it is wrong".into(),
                        officer: officer(),
                    };
                    let later = ground.chance.hours(100);
                    self.say(
                        ground,
                        id,
                        &format!("fault_{evidence}-{version}"),
                        Item::Act(fault),
                        later,
                    );
                }
            }
            Notice::Step {
                step,
                stage: Stage::Held,
                round,
                agency,
                ..
            } if agency == self.code() => {
                let plan = ground.province.procedure(procedure).step(&step);
                let is_desks =
                    plan.is_some_and(|plan| plan.actor == Actor::Desk && plan.hands_out.is_empty());
                if !is_desks {
                    return;
                }
                let report = Report {
                    agency,
                    step: step.clone(),
                    round,
                    handover: String::new(),
                    officer: officer(),
                    statement: Statement::Completed {
                        evidence: vec![],
                        note: String::new(),
                    },
                };
                let later = ground.chance.hours(6);
                let what = format!("step_{step}-{round}-{}", sequence / 1_000);
                self.say(ground, id, &what, Item::Report(Box::new(report)), later);
            }
            _ => {}
        }
    }
}

/// What is asked of the citizen.
pub fn asked(evidence: EvidenceName) -> supplement::Item {
    supplement::Item {
        evidence,
        reason: "it is needed".into(),
        legal_basis: "an article".into(),
        approval: None,
    }
}

fn submission(
    ground: &mut Ground,
    desk: &AgencyCode,
    procedure: &'static str,
    key: Key,
) -> Submission {
    let mut papers: Vec<(&str, Vec<(&str, &str)>)> = Vec::new();
    let mut asked = Vec::new();
    let mut brings = |ground: &mut Ground, often, name| {
        if ground.chance.percent(often) {
            papers.push((name, vec![]));
        }
    };
    match procedure {
        "birth" => {
            brings(ground, 100, "health_facility_choice");
            brings(ground, 60, "birth_notice");
            brings(ground, 60, "parents");
            match ground.chance.below(3) {
                0 => papers.push(("residence_choice", vec![("household", "ANOTHER")])),
                1 => papers.push(("residence_choice", vec![("household", "OWN")])),
                _ => {}
            }
            if ground.chance.one_in(2) {
                asked.push("identity_card".to_owned());
            }
        }
        "death" => {
            brings(ground, 60, "death_notice");
            let groups = ["INSURED", "SOCIAL_SUPPORT", "MERITORIOUS"];
            if ground.chance.percent(80) {
                brings(ground, 100, "payout_choice");
                papers.push((
                    "beneficiary_group",
                    vec![("group", *ground.chance.pick(&groups))],
                ));
            }
        }
        "business" => {
            brings(ground, 100, "registration_application");
            brings(ground, 100, "charter");
        }
        _ => {
            for name in [
                "application",
                "old_certificate",
                "contract",
                "tax_declarations",
            ] {
                brings(ground, 100, name);
            }
            brings(ground, 60, "land_record");
        }
    }
    let words = format!("{desk} {key}");
    let territory = ground
        .province
        .directory
        .agency(desk.as_str())
        .unwrap()
        .territory
        .clone();
    Submission {
        key,
        desk: desk.clone(),
        hand_out_desk: desk.clone(),
        asked: asked.into_iter().collect(),
        territory,
        parties: parties(),
        evidence: papers
            .into_iter()
            .map(|(name, said)| {
                ground
                    .province
                    .paper(procedure, &name.parse().unwrap(), &said, &words)
            })
            .collect(),
        channel: Channel::Counter,
        arrived_at: None,
        filed_at: None,
        received_at: None,
        filed_by: None,
        officer: Officer::default(),
        vault: vec![],
    }
}
