//! Histories of legal and illegal things that happen to the dossiers of made-up procedures.

pub use crate::made_up::*;

use crate::world::*;
use dossier::{
    Decided, Refusal,
    calendar::Calendar,
    decide::{Act, Action, Report},
    dossier::{Intake, Stage, Task},
    event::{Cause, LookUpOutcome},
    evidence::Given,
    name::{Digest, EvidenceName, StepId},
    owed::{Debt, owed},
    party::Officer,
    supplement::Item,
};
use jiff::SignedDuration;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

/// One thing tried in a history.
#[derive(Debug, Clone)]
pub enum Try {
    /// Somebody does what is theirs to do next.
    Sensible {
        pick: u8,
        choice: u8,
        content: u8,
    },
    /// Somebody says anything of any round.
    Report {
        step: u8,
        says: u8,
        content: u8,
        rounds_ago: u8,
        stranger: bool,
    },
    /// A desk or an operator does anything.
    Act {
        what: u8,
        pick: u8,
        content: u8,
    },
    /// The courier's and the clock's doing.
    Offer {
        step: u8,
    },
    Acknowledge {
        step: u8,
        rounds_ago: u8,
    },
    Lose {
        step: u8,
    },
    Move {
        step: u8,
        to: u8,
    },
    /// An alarm rings, when it is time for it or too early.
    Ring {
        which: u8,
        early: bool,
    },
    Wait {
        hours: u8,
    },
    /// The calendar of its territory changes.
    Adopt {
        which: u8,
    },
    /// Something accepted comes again, or its id with other content.
    Repeat {
        which: u8,
    },
    Reuse {
        which: u8,
    },
}

/// How many sorts of statements [`Lived::anything`] knows.
const SAYS: u8 = 14;
/// How many sorts of acts [`Lived::act`] knows.
const ACTS: u8 = 12;

pub fn histories() -> impl Strategy<Value = Vec<Try>> {
    let one = prop_oneof![
        24 => (any::<u8>(), any::<u8>(), 0..4u8)
            .prop_map(|(pick, choice, content)| Try::Sensible { pick, choice, content }),
        4 => (0..8u8, 0..SAYS, 0..4u8, 0..3u8, prop::bool::weighted(0.2)).prop_map(
            |(step, says, content, rounds_ago, stranger)| Try::Report { step, says, content, rounds_ago, stranger }
        ),
        3 => (0..ACTS, any::<u8>(), 0..4u8)
            .prop_map(|(what, pick, content)| Try::Act { what, pick, content }),
        1 => (0..8u8).prop_map(|step| Try::Offer { step }),
        2 => (0..8u8, 0..3u8).prop_map(|(step, rounds_ago)| Try::Acknowledge { step, rounds_ago }),
        1 => (0..8u8).prop_map(|step| Try::Lose { step }),
        1 => (0..8u8, 0..3u8).prop_map(|(step, to)| Try::Move { step, to }),
        2 => (any::<u8>(), prop::bool::weighted(0.2)).prop_map(|(which, early)| Try::Ring { which, early }),
        1 => (1..60u8).prop_map(|hours| Try::Wait { hours }),
        1 => (0..3u8).prop_map(|which| Try::Adopt { which }),
        2 => any::<u8>().prop_map(|which| Try::Repeat { which }),
        1 => any::<u8>().prop_map(|which| Try::Reuse { which }),
    ];
    prop::collection::vec(one, 0..70)
}

/// Something that was accepted, and the answer it got.
#[derive(Debug, Clone)]
pub struct Accepted {
    pub cause: Option<Cause>,
    pub action: Action,
    pub answer: Decided,
}

/// A dossier that lived through a history.
pub struct Lived {
    pub case: Case,
    pub accepted: Vec<Accepted>,
    items: u32,
}

/// The national calendar, and two that know another day off.
fn calendars() -> &'static [Arc<Calendar>; 3] {
    static CALENDARS: LazyLock<[Arc<Calendar>; 3]> = LazyLock::new(|| {
        [
            national_calendar(),
            calendar_with_a_day_off("2026-10-06"),
            calendar_with_a_day_off("2026-12-03"),
        ]
    });
    &CALENDARS
}

type Tried = (Option<Cause>, Action);

impl Lived {
    pub fn begin(plan: &Plan) -> Self {
        Self {
            case: begin(plan),
            accepted: vec![],
            items: 0,
        }
    }

    pub fn through(plan: &Plan, history: &[Try]) -> Self {
        let mut lived = Self::begin(plan);
        for one in history {
            let _ = lived.attempt(one);
        }
        lived
    }

    fn step_id(&self, n: u8) -> StepId {
        let steps = &self.case.dossier.steps;
        steps
            .keys()
            .nth(usize::from(n) % steps.len())
            .unwrap()
            .clone()
    }

    /// Tries one thing.
    pub fn attempt(&mut self, one: &Try) -> Option<Result<Decided, Refusal>> {
        if let Try::Wait { hours } = one {
            self.case.now += SignedDuration::from_hours((*hours).into());
            return None;
        }
        if self.case.dossier.steps.is_empty() {
            return None;
        }
        let (cause, action) = self.tried(one)?;
        let result = self.try_it(cause, action);
        // The broker notes that it refused to ask the citizen, and starts what comes before.
        if let Err(Refusal::SupplementDenied { step, denials }) = &result {
            self.items += 1;
            let cause = cause_of("broker", &format!("denied-{}", self.items));
            let agency = match step {
                Some(step) => self.case.dossier.steps[step].agency.clone(),
                None => self.case.dossier.received.desk.clone(),
            };
            let action = Action::Deny {
                step: step.clone(),
                agency,
                denials: denials.clone(),
            };
            self.try_it(Some(cause), action).unwrap();
        }
        Some(result)
    }

    fn try_it(&mut self, cause: Option<Cause>, action: Action) -> Result<Decided, Refusal> {
        let result = self.case.happens(cause.clone(), action.clone());
        if let Ok(answer) = &result {
            let answer = answer.clone();
            self.accepted.push(Accepted {
                cause,
                action,
                answer,
            });
        }
        result
    }

    fn tried(&mut self, one: &Try) -> Option<Tried> {
        Some(match one {
            Try::Sensible {
                pick,
                choice,
                content,
            } => self.sensible(*pick, *choice, *content)?,
            Try::Report {
                step,
                says,
                content,
                rounds_ago,
                stranger,
            } => {
                let id = self.step_id(*step);
                let says = self.anything(&id, *says, *content)?;
                let mut report = self.case.report(id.as_str(), says);
                report.round = report.round.saturating_sub(u32::from(*rounds_ago));
                if *stranger {
                    report.agency = self.case.dossier.steps[&self.step_id(step + 1)]
                        .agency
                        .clone();
                }
                self.item(report)
            }
            Try::Act {
                what,
                pick,
                content,
            } => {
                let act = self.act(*what, *pick, *content)?;
                self.done(act)
            }
            Try::Offer { step } => {
                let step = self.step_id(*step);
                let round = self.case.dossier.steps[&step].round;
                (None, Action::Offer { step, round })
            }
            Try::Acknowledge { step, rounds_ago } => {
                let step = self.step_id(*step);
                let round = self.case.dossier.steps[&step]
                    .round
                    .saturating_sub(u32::from(*rounds_ago));
                (None, Action::Acknowledge { step, round })
            }
            Try::Lose { step } => {
                let step = self.step_id(*step);
                let round = self.case.dossier.steps[&step].round;
                (None, Action::LoseHolding { step, round })
            }
            Try::Move { step, to } if *to >= 0xc0 => self.extending(self.step_id(*step), *to),
            Try::Move { step, to } => self.moving(self.step_id(*step), *to),
            Try::Ring { which, early } => {
                let alarms = self.case.alarms();
                let (alarm, at) = alarms
                    .get(usize::from(*which) % alarms.len().max(1))?
                    .clone();
                if !early {
                    self.case.now = self.case.now.max(at);
                }
                (None, Action::Ring(alarm))
            }
            Try::Adopt { which } => {
                self.case.law.calendar = calendars()[usize::from(*which)].clone();
                let followed = self.case.dossier.received.calendar_digest;
                let mut all = calendars().iter();
                let from = all.find(|one| one.digest == followed).unwrap().clone();
                (None, Action::AdoptCalendar { from })
            }
            Try::Repeat { which } => {
                let old = self.some_accepted(*which)?;
                (old.cause, old.action)
            }
            Try::Reuse { which } => {
                let old = self.some_accepted(*which)?;
                let mut cause = old.cause?;
                cause.digest = Digest::of(b"something else");
                (Some(cause), old.action)
            }
            Try::Wait { .. } => return None,
        })
    }

    fn some_accepted(&self, which: u8) -> Option<Accepted> {
        let count = self.accepted.len();
        (count > 0).then(|| self.accepted[usize::from(which) % count].clone())
    }

    fn item(&mut self, report: Report) -> Tried {
        self.items += 1;
        let id = format!("tried-{}", self.items);
        let cause = cause(report.agency.as_str(), &id, &format!("{report:?}"));
        (Some(cause), Action::Report(report))
    }

    fn done(&mut self, act: Act) -> Tried {
        self.items += 1;
        let cause = cause_of("desk", &format!("tried-{}", self.items));
        (Some(cause), Action::Act(act))
    }

    fn moving(&mut self, step: StepId, to: u8) -> Tried {
        self.items += 1;
        let cause = cause("operator", &format!("tried-{}", self.items), "move");
        let to = agency(&format!("H26.{}", 97 + u32::from(to % 3)));
        let reason = "it is theirs".into();
        (Some(cause), Action::Move { step, to, reason })
    }

    fn extending(&mut self, step: StepId, days: u8) -> Tried {
        self.items += 1;
        let cause = cause("operator", &format!("tried-{}", self.items), "extend");
        let limit = format!("{} working days", 1 + days % 5).parse().unwrap();
        let reason = "it takes longer".into();
        (
            Some(cause),
            Action::Extend {
                step,
                limit,
                reason,
            },
        )
    }

    /// What somebody could sensibly do now: acknowledge what is owed, answer what is held, place
    /// what was declined, serve the citizen; now and then correct what was given.
    fn sensible(&mut self, pick: u8, choice: u8, content: u8) -> Option<Tried> {
        let mut all: Vec<Tried> = owed(&self.case.dossier)
            .into_iter()
            .filter_map(|debt| match debt {
                Debt::Handover { step, round, .. } | Debt::Recall { step, round, .. } => {
                    Some((None, Action::Acknowledge { step, round }))
                }
                Debt::Notice { notice, agency, .. } => Some((
                    None,
                    Action::Notify {
                        agency,
                        notice,
                        refused: pick.is_multiple_of(7),
                    },
                )),
                Debt::Timer { .. } => None,
            })
            .collect();
        let acts = self.acts_to_do(content);
        all.extend(acts.into_iter().map(|act| (None, Action::Act(act))));
        let ready: Vec<StepId> = self
            .case
            .dossier
            .steps
            .iter()
            .filter(|(_, step)| {
                let has_it = matches!(step.stage, Stage::Held | Stage::Declined)
                    && step.awaiting.is_none()
                    && step.is_departments();
                let may_correct = step.stage == Stage::Completed
                    && step.is_procedures()
                    && choice.is_multiple_of(5);
                has_it || may_correct
            })
            .map(|(id, _)| id.clone())
            .collect();
        let nth = usize::from(pick) % (all.len() + ready.len()).max(1);
        let Some(id) = nth.checked_sub(all.len()) else {
            return Some(match all.swap_remove(nth) {
                (_, Action::Act(act)) => self.done(act),
                other => other,
            });
        };
        let id = ready.get(id)?.clone();
        let step = &self.case.dossier.steps[&id];
        let says = match (step.stage, step.task()) {
            (Stage::Declined, _) => return Some(self.moving(id, choice)),
            (Stage::Completed, _) => self.anything(&id, 5, content),
            (_, Task::Work) => {
                let sorts = [0, 0, 0, 0, 3, 3, 1, 2, 4, 10, 11, 12, 13, 0, 0, 10];
                self.anything(&id, sorts[usize::from(choice) % sorts.len()], content)
            }
            (_, Task::Review) => self.anything(&id, [7, 8, 5][usize::from(choice) % 3], content),
            (_, Task::LookUp | Task::Consult) => self.anything(&id, 9, choice),
            (_, _) => self.anything(&id, [5, 6, 3, 7, 8][usize::from(choice) % 5], content),
        }?;
        let report = self.case.report(id.as_str(), says);
        Some(self.item(report))
    }

    /// What the desk has to do for its citizen now.
    pub fn acts_to_do(&self, content: u8) -> Vec<Act> {
        let dossier = &self.case.dossier;
        let mut acts: Vec<Act> = Vec::new();
        if dossier.closed_at.is_none() {
            acts.extend(
                dossier
                    .open_supplements()
                    .map(|one| self.answer(one.number, content)),
            );
            acts.extend(
                dossier
                    .unpaid()
                    .map(|(key, owed)| paid(key.as_str(), owed.amount_vnd)),
            );
            let is_open = dossier.intake == Intake::Filed && dossier.ending.is_none();
            if is_open && dossier.open_supplements().next().is_none() {
                acts.push(self.act(0, 0, content).unwrap());
                if content == 1 {
                    acts.push(self.act(2, content, content).unwrap());
                }
            }
            if dossier.stopped_since.is_some() {
                acts.push(self.act(9, 0, content).unwrap());
            }
            let evidence: EvidenceName = evidence("consent");
            let may_consent = dossier.newest(&evidence).is_none()
                && !dossier.refused_consents.contains_key(&evidence);
            if may_consent
                && self
                    .case
                    .procedure
                    .text
                    .steps
                    .values()
                    .any(|step| step.needs.iter().any(|need| need.evidence == evidence))
            {
                acts.push(self.act(4 + u8::from(content == 3), 0, content).unwrap());
            }
        }
        let results = dossier::standing::results(dossier, &self.case.procedure);
        acts.extend(
            results
                .into_iter()
                .filter(|(name, version)| {
                    let handed_out = dossier.handed_out.get(name);
                    handed_out.is_none_or(|one| one.version != *version)
                })
                // A correction that is under way comes first.
                .filter(|(name, _)| {
                    dossier::hand_out::ready(dossier, &self.case.procedure, name).is_ok()
                })
                .map(|(evidence, version)| Act::HandOut {
                    evidence,
                    version,
                    party: None,
                    officer: Officer::default(),
                }),
        );
        acts
    }

    fn answer(&self, number: u32, content: u8) -> Act {
        let asked = self
            .case
            .dossier
            .supplements
            .iter()
            .find(|one| one.number == number);
        let evidence: Vec<Given> = asked
            .iter()
            .flat_map(|one| one.wanted())
            .map(|name| {
                let mut given = paper(name.as_str(), ["A", "B", "C"][usize::from(content) % 3]);
                if name.as_str() == "consent" {
                    given.subject = Some("mother".parse().unwrap());
                }
                given
            })
            .collect();
        Act::AnswerSupplement {
            number,
            evidence,
            officer: Officer::default(),
        }
    }

    /// Something that may be asked of the citizen, or may not.
    fn items(&self, pick: u8, content: u8) -> Vec<Item> {
        let names: Vec<&EvidenceName> = self.case.procedure.text.evidence.keys().collect();
        let outside: Vec<&EvidenceName> = names
            .iter()
            .filter(|name| self.case.procedure.givers(name).is_empty())
            .copied()
            .collect();
        let from = if pick.is_multiple_of(8) {
            &names
        } else {
            &outside
        };
        let name = from[usize::from(pick) % from.len()].as_str();
        let mut items = vec![match content {
            3 => approved(name),
            _ => item(name),
        }];
        if pick.is_multiple_of(5) && name != "paper" {
            items.push(approved("paper"));
        }
        items
    }

    /// Anything that a desk or an operator can do.
    pub fn act(&self, what: u8, pick: u8, content: u8) -> Option<Act> {
        let dossier = &self.case.dossier;
        let officer = Officer::default;
        let reason = String::from("because");
        let legal_basis = String::from("an article");
        let nth_evidence = || {
            let names = &self.case.procedure.text.evidence;
            names.keys().nth(usize::from(pick) % names.len()).unwrap()
        };
        let last = dossier.supplements.len() as u32;
        Some(match what {
            0 => Act::Accept {
                received_at: None,
                officer: officer(),
            },
            1 => Act::RefuseIntake {
                reason,
                legal_basis,
                officer: officer(),
            },
            2 => Act::RequestSupplement {
                items: self.items(pick, content),
                officer: officer(),
            },
            3 => self.answer(last.saturating_sub(u32::from(pick % 2)), content),
            4 => {
                let mut evidence = paper("consent", "given");
                evidence.subject = Some("mother".parse().unwrap());
                Act::GiveConsent {
                    evidence,
                    officer: officer(),
                }
            }
            5 => Act::RefuseConsent {
                evidence: evidence("consent"),
                party: "mother".parse().unwrap(),
                reason,
                officer: officer(),
            },
            6 => {
                let nth = usize::from(pick) % dossier.obligations.len().max(1);
                let (key, owed) = dossier.obligations.iter().nth(nth)?;
                paid(key.as_str(), owed.amount_vnd + i64::from(content == 3))
            }
            // What ends it altogether is tried seldom, so that histories become long.
            7 if pick < 40 => Act::Withdraw {
                reason,
                officer: officer(),
            },
            8 if pick < 160 => Act::Stop {
                reason,
                legal_basis,
                settlement: String::new(),
                officer: officer(),
            },
            9 => Act::Resume {
                reason,
                officer: officer(),
            },
            10 => Act::HandOut {
                evidence: nth_evidence().clone(),
                version: dossier.newest_number(nth_evidence()),
                party: None,
                officer: officer(),
            },
            11 => Act::ReportFault {
                evidence: nth_evidence().clone(),
                reason,
                officer: officer(),
            },
            _ => return None,
        })
    }

    /// Anything that a department can say of this step.
    fn anything(&self, id: &StepId, says: u8, content: u8) -> Option<Says> {
        let step = &self.case.dossier.steps[id];
        let n = usize::from(content);
        let words = format!("content {content}");
        let Some(plan) = self.case.procedure.step(id) else {
            // Half of the look-ups find what they look for.
            let outcomes = LookUpOutcome::ALL;
            let look_up = match n % 10 {
                0..=4 => found(&words),
                n => answered(outcomes[n - 5]),
            };
            return Some(match (step.task(), says) {
                (Task::LookUp, 0..=12) => look_up,
                (Task::Consult, 0..=12) => Says::Opinion,
                (_, 13) => Says::Progress,
                _ => Says::Refused,
            });
        };
        let given = match plan.gives.len() {
            0 => evidence("paper"),
            count => plan.gives.iter().nth(n % count).unwrap().clone(),
        };
        let asked = step
            .answers
            .iter()
            .next()
            .cloned()
            .unwrap_or_else(|| given.clone());
        let from_others: Vec<_> = plan
            .needs
            .iter()
            .map(|need| &need.evidence)
            .filter(|name| self.case.procedure.giver(name).is_some() || says == 3 && content == 3)
            .collect();
        let pick = content
            .wrapping_add(id.as_str().as_bytes()[1])
            .wrapping_mul(37);
        Some(match says {
            1 => Says::Refused,
            2 => Says::Declined,
            3 if !from_others.is_empty() => {
                Says::Returned(from_others[n % from_others.len()].clone())
            }
            4 => Says::Progress,
            5 => Says::Corrected(vec![(asked, words)]),
            6 => Says::Upheld(asked),
            7 => Says::Stands,
            8 => Says::Redo,
            9 => Says::Opinion,
            10 => Says::Supplement(self.items(pick, content)),
            11 => Says::Payment(format!("fee-{id}-{content}"), 1_000 + i64::from(content)),
            12 => {
                let names = step.inputs.keys().take(n).map(ToString::to_string);
                Says::Consultation(format!("H26.{}", 97 + n % 3), names.collect())
            }
            13 => Says::Extension(1 + u32::from(content)),
            _ => Says::Completed(words),
        })
    }
}

fn cause_of(system: &str, item: &str) -> Cause {
    cause(system, item, item)
}
