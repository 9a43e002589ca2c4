//! Made-up procedures, and histories of legal and illegal things that happen to their dossiers.

use crate::world::*;
use dossier::{
    Decided, Procedure, Refusal,
    decide::{Action, Report},
    directory::Directory,
    dossier::{Stage, Task},
    event::Cause,
    name::StepId,
    owed::{Debt, owed},
};
use proptest::prelude::*;
use std::{collections::BTreeSet, fmt::Write, sync::Arc};

/// A step of a made-up procedure.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    id: String,
    part: String,
    gives: Vec<String>,
    needs: Vec<String>,
    after: Vec<String>,
}

impl PlannedStep {
    /// In a part of its own.
    pub fn named(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            part: format!("part_of_{id}"),
            gives: vec![],
            needs: vec![],
            after: vec![],
        }
    }
    pub fn in_part(mut self, part: &str) -> Self {
        self.part = part.to_owned();
        self
    }
    pub fn gives(mut self, name: &str) -> Self {
        self.gives.push(name.to_owned());
        self
    }
    /// With a `?` behind it when it can do without.
    pub fn needs(mut self, name: &str) -> Self {
        self.needs.push(name.to_owned());
        self
    }
    pub fn after(mut self, id: &str) -> Self {
        self.after.push(id.to_owned());
        self
    }
}

/// A made-up procedure, and which of its optional parts are asked for.
#[derive(Debug, Clone)]
pub struct Plan {
    pub steps: Vec<PlannedStep>,
    pub optional: BTreeSet<String>,
    pub asked: BTreeSet<String>,
}

/// A plan without optional parts.
pub fn plan(steps: Vec<PlannedStep>) -> Plan {
    Plan {
        steps,
        optional: BTreeSet::new(),
        asked: BTreeSet::new(),
    }
}

fn role(id: &str) -> String {
    id.to_uppercase()
}

impl Plan {
    /// As its file would say it.
    pub fn procedure(&self) -> Arc<Procedure> {
        let title = "title = { vi = \"t\", en = \"t\" }";
        let mut text = format!(
            "code = \"made_up\"\n{title}\nlegal_basis = \"l\"\nvalid_from = \"2026-01-01\"\nlead = \"{}\"\nsupplement_window = \"7 working days\"\nreturns_max = 2\n",
            role(&self.steps[0].id)
        );
        let parts: BTreeSet<&String> = self.steps.iter().map(|step| &step.part).collect();
        for part in parts {
            let optional = self.optional.contains(part);
            writeln!(
                text,
                "[part.{part}]\n{title}\nlimit = \"100 working days\"\noptional = {optional}"
            )
            .unwrap();
        }
        writeln!(text, "[evidence.paper]\n{title}\nsource = \"citizen\"").unwrap();
        writeln!(
            text,
            "[evidence.extra]\n{title}\nsource = \"citizen\"\noptional = true"
        )
        .unwrap();
        for step in &self.steps {
            for name in &step.gives {
                writeln!(text, "[evidence.{name}]\n{title}\nsource = \"step\"").unwrap();
            }
            writeln!(
                text,
                "[step.{}]\n{title}\npart = \"{}\"\nrole = \"{}\"\nneeds = {:?}\ngives = {:?}\nafter = {:?}\nlimit = \"10 working hours\"\nparties = [\"subject\"]",
                step.id, step.part, role(&step.id), step.needs, step.gives, step.after,
            )
            .unwrap();
        }
        Arc::new(Procedure::parse("made-up.toml", &text).unwrap())
    }

    /// A directory in which each step has a department of its own.
    pub fn directory(&self) -> Directory {
        let mut text = String::from(
            "[[territory]]\ncode = \"H26\"\nname = \"t\"\n[[agency]]\ncode = \"H26.101.1\"\nname = \"desk\"\nterritory = \"H26\"\nvalid_from = \"2025-07-01\"\n",
        );
        for (n, step) in self.steps.iter().enumerate() {
            writeln!(
                text,
                "[[agency]]\ncode = \"H26.{}\"\nname = \"d\"\nroles = [\"{}\"]\nterritory = \"H26\"\nvalid_from = \"2025-07-01\"",
                n + 10, role(&step.id),
            )
            .unwrap();
        }
        Directory::parse("made-up.toml", &text).unwrap()
    }
}

/// The dossier of a plan, received.
pub fn receive(plan: &Plan) -> Case {
    let mut submission = birth_submission();
    submission.territory = "H26".parse().unwrap();
    submission.optional_parts = plan
        .asked
        .iter()
        .map(|part| part.parse().unwrap())
        .collect();
    let procedure = plan.procedure();
    let parts = procedure.parts_with(&submission.optional_parts);
    let wanted = procedure.steps_of(&parts).any(|(_, step)| {
        step.needs
            .iter()
            .any(|need| need.evidence.as_str() == "paper")
    });
    submission.evidence = if wanted {
        vec![paper("paper", "as the desk took it")]
    } else {
        vec![]
    };
    Case::receive(procedure, &plan.directory(), submission)
}

/// Any sound procedure of one to six steps in up to three parts.
pub fn plans() -> impl Strategy<Value = Plan> {
    let step = (0..3u8, any::<u8>(), any::<u8>(), any::<u8>(), any::<u8>());
    (
        prop::collection::vec(step, 1..=6),
        Just((0..6u8).collect::<Vec<_>>()).prop_shuffle(),
        any::<u8>(),
        any::<u8>(),
    )
        .prop_map(|(rolls, names, optional, asked)| {
            // Part 0 is always there, and the first step belongs to it.
            let is_optional = |part: u8| part > 0 && optional & (1 << part) != 0;
            let part_of = |n: usize| if n == 0 { 0 } else { rolls[n].0 };
            let steps = (0..rolls.len())
                .map(|n| {
                    let (_, needs, may_lack, after, odds) = rolls[n];
                    let mut step = PlannedStep::named(&format!("s{}", names[n]))
                        .in_part(&format!("p{}", part_of(n)))
                        .gives(&format!("e{}", names[n]));
                    if odds & 1 != 0 {
                        step = step.gives(&format!("f{}", names[n]));
                    }
                    if odds & 2 != 0 {
                        step = step.needs("paper");
                    }
                    if odds & 4 != 0 {
                        step = step.needs("extra?");
                    }
                    for (before, name) in names.iter().enumerate().take(n) {
                        let bit = 1 << before;
                        let lacks = part_of(before) != part_of(n) && is_optional(part_of(before));
                        if needs & bit != 0 {
                            let mark = if lacks || may_lack & bit != 0 {
                                "?"
                            } else {
                                ""
                            };
                            step = step.needs(&format!("e{name}{mark}"));
                        } else if after & bit != 0 && odds & 8 != 0 && !lacks {
                            step = step.after(&format!("s{name}"));
                        }
                    }
                    step
                })
                .collect();
            let some = |of: u8| {
                (1..3u8)
                    .filter(|part| of & (1 << part) != 0)
                    .map(|part| format!("p{part}"))
                    .collect::<BTreeSet<_>>()
            };
            let there: BTreeSet<String> = (0..rolls.len())
                .map(|n| format!("p{}", part_of(n)))
                .collect();
            let optional: BTreeSet<_> = some(optional).intersection(&there).cloned().collect();
            let asked = some(asked).intersection(&optional).cloned().collect();
            Plan {
                steps,
                optional,
                asked,
            }
        })
}

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
    PassLimit {
        step: u8,
    },
    /// Something accepted comes again, or its id with other content.
    Repeat {
        which: u8,
    },
    Reuse {
        which: u8,
    },
}

pub fn histories() -> impl Strategy<Value = Vec<Try>> {
    let one = prop_oneof![
        12 => (any::<u8>(), any::<u8>(), 0..4u8)
            .prop_map(|(pick, choice, content)| Try::Sensible { pick, choice, content }),
        4 => (0..6u8, 0..9u8, 0..4u8, 0..3u8, prop::bool::weighted(0.2)).prop_map(
            |(step, says, content, rounds_ago, stranger)| Try::Report { step, says, content, rounds_ago, stranger }
        ),
        1 => (0..6u8).prop_map(|step| Try::Offer { step }),
        2 => (0..6u8, 0..3u8).prop_map(|(step, rounds_ago)| Try::Acknowledge { step, rounds_ago }),
        1 => (0..6u8).prop_map(|step| Try::Lose { step }),
        2 => (0..6u8, 0..3u8).prop_map(|(step, to)| Try::Move { step, to }),
        1 => (0..6u8).prop_map(|step| Try::PassLimit { step }),
        2 => any::<u8>().prop_map(|which| Try::Repeat { which }),
        1 => any::<u8>().prop_map(|which| Try::Reuse { which }),
    ];
    prop::collection::vec(one, 0..60)
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

impl Lived {
    pub fn begin(plan: &Plan) -> Self {
        Self {
            case: receive(plan),
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
        let (cause, action) = match one {
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
                let says = self.anything(&id, *says, *content);
                let mut report = self.case.report(id.as_str(), says);
                report.round = report.round.saturating_sub(u32::from(*rounds_ago));
                if *stranger {
                    report.agency = self.case.dossier.steps[&self.step_id(step + 1)]
                        .agency
                        .clone();
                }
                self.item(report)
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
            Try::Move { step, to } => self.moving(self.step_id(*step), *to),
            Try::PassLimit { step } => (
                None,
                Action::PassLimit {
                    step: self.step_id(*step),
                },
            ),
            Try::Repeat { which } => {
                let old = self.some_accepted(*which)?;
                (old.cause, old.action)
            }
            Try::Reuse { which } => {
                let old = self.some_accepted(*which)?;
                let mut cause = old.cause?;
                cause.digest = dossier::name::Digest::of(b"something else");
                (Some(cause), old.action)
            }
        };
        let result = self.case.happens(cause.clone(), action.clone());
        if let Ok(answer) = &result {
            let answer = answer.clone();
            self.accepted.push(Accepted {
                cause,
                action,
                answer,
            });
        }
        Some(result)
    }

    fn some_accepted(&self, which: u8) -> Option<Accepted> {
        let count = self.accepted.len();
        (count > 0).then(|| self.accepted[usize::from(which) % count].clone())
    }

    fn item(&mut self, report: Report) -> (Option<Cause>, Action) {
        self.items += 1;
        let id = format!("tried-{}", self.items);
        let cause = cause(report.agency.as_str(), &id, &format!("{report:?}"));
        (Some(cause), Action::Report(report))
    }

    fn moving(&mut self, step: StepId, to: u8) -> (Option<Cause>, Action) {
        self.items += 1;
        let cause = cause("operator", &format!("tried-{}", self.items), "move");
        let to = agency(&format!("H26.{}", 97 + u32::from(to % 3)));
        let reason = "it is theirs".into();
        (Some(cause), Action::Move { step, to, reason })
    }

    /// What somebody could sensibly do now: acknowledge what is owed, answer what is held, place
    /// what was declined, now and then correct what was given.
    fn sensible(&mut self, pick: u8, choice: u8, content: u8) -> Option<(Option<Cause>, Action)> {
        let debts = owed(&self.case.dossier)
            .into_iter()
            .filter_map(|debt| match debt {
                Debt::Handover { step, round, .. } | Debt::Recall { step, round, .. } => {
                    Some(Action::Acknowledge { step, round })
                }
                Debt::Timer { .. } => None,
            });
        let mut all: Vec<(Option<StepId>, Option<Action>)> =
            debts.map(|debt| (None, Some(debt))).collect();
        for (id, step) in &self.case.dossier.steps {
            if matches!(step.stage, Stage::Held | Stage::Declined) && step.awaiting.is_none() {
                all.push((Some(id.clone()), None));
            }
            if step.stage == Stage::Completed && choice.is_multiple_of(5) {
                all.push((Some(id.clone()), None));
            }
        }
        if all.is_empty() {
            return None;
        }
        let (id, debt) = all.swap_remove(usize::from(pick) % all.len());
        let Some(id) = id else {
            return Some((None, debt?));
        };
        let step = &self.case.dossier.steps[&id];
        let says = match (step.stage, step.task()) {
            (Stage::Declined, _) => return Some(self.moving(id, choice)),
            (Stage::Completed, _) => self.anything(&id, 5, content),
            (_, Task::Work) => self.anything(
                &id,
                [0, 0, 0, 0, 3, 3, 1, 2, 4][usize::from(choice) % 9],
                content,
            ),
            (_, Task::Review) => self.anything(&id, [7, 8, 5][usize::from(choice) % 3], content),
            (_, _) => self.anything(&id, [5, 6, 3, 7, 8][usize::from(choice) % 5], content),
        };
        let report = self.case.report(id.as_str(), says);
        Some(self.item(report))
    }

    fn anything(&self, id: &StepId, says: u8, content: u8) -> Says {
        let plan = self.case.procedure.step(id).unwrap();
        let step = &self.case.dossier.steps[id];
        let words = format!("content {content}");
        let n = usize::from(content);
        let given = plan.gives.iter().nth(n % plan.gives.len()).unwrap().clone();
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
        match says {
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
            _ => Says::Completed(words),
        }
    }
}
