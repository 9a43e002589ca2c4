//! Made-up procedures that use all that a procedure can say.

use crate::world::*;
use dossier::{Procedure, directory::Directory};
use proptest::prelude::*;
use std::{collections::BTreeSet, fmt::Write, sync::Arc};

/// Whoever holds `record` and `late`.
pub const REGISTRY: &str = "H26.70";
/// Whoever holds `deed`.
pub const ARCHIVE: &str = "H26.71";

/// What a step is there for.
#[derive(Debug, Clone, PartialEq)]
pub enum Does {
    /// A department works on it.
    Work,
    /// The desk hands out what it needs.
    HandOut,
    /// The citizen pays what this evidence says.
    Pay(String),
}

/// A step of a made-up procedure.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    pub id: String,
    pub part: String,
    pub gives: Vec<String>,
    pub needs: Vec<String>,
    /// Of these it gets one member of the data.
    pub extracts: BTreeSet<String>,
    pub after: Vec<String>,
    pub when: Option<String>,
    pub optional: bool,
    pub does: Does,
}

impl PlannedStep {
    /// In a part of its own.
    pub fn named(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            part: format!("part_of_{id}"),
            gives: vec![],
            needs: vec![],
            extracts: BTreeSet::new(),
            after: vec![],
            when: None,
            optional: false,
            does: Does::Work,
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
    pub fn when(mut self, condition: &str) -> Self {
        self.when = Some(condition.to_owned());
        self
    }
    /// Gets only what it works with of this evidence.
    pub fn extracts(mut self, name: &str) -> Self {
        self.extracts.insert(name.to_owned());
        self
    }
    /// By the citizen, who pays what this evidence says.
    pub fn pays(mut self, bill: &str) -> Self {
        self.does = Does::Pay(bill.to_owned());
        self.needs(bill)
    }
    /// By the desk, which hands out what the step needs.
    pub fn hands_out(mut self) -> Self {
        self.does = Does::HandOut;
        self
    }

    fn text(&self) -> String {
        let needs: Vec<String> = self
            .needs
            .iter()
            .map(|need| {
                let name = need.trim_end_matches('?');
                match self.extracts.contains(name) {
                    true => format!(
                        "{{ evidence = \"{name}\", optional = {}, extract = [\"/content\"] }}",
                        need.ends_with('?')
                    ),
                    false => format!("{need:?}"),
                }
            })
            .collect();
        let mut text = format!(
            "[step.{}]\n{TITLE}\npart = \"{}\"\nneeds = [{}]\ngives = {:?}\nafter = {:?}\noptional = {}\nlimit = \"10 working hours\"\nparties = [\"subject\"]\n",
            self.id,
            self.part,
            needs.join(", "),
            self.gives,
            self.after,
            self.optional,
        );
        if let Some(when) = &self.when {
            writeln!(text, "when = {when:?}").unwrap();
        }
        let rest = match &self.does {
            Does::Work => format!("role = \"{}\"", role(&self.id)),
            Does::Pay(bill) => format!("actor = \"citizen\"\npays = \"{bill}\""),
            Does::HandOut => format!(
                "actor = \"desk\"\nhands_out = {:?}",
                self.needs
                    .iter()
                    .map(|need| need.trim_end_matches('?'))
                    .collect::<Vec<_>>()
            ),
        };
        writeln!(text, "{rest}").unwrap();
        text
    }
}

const TITLE: &str = "title = { vi = \"t\", en = \"t\" }";

/// How a made-up dossier begins and which rules it follows.
#[derive(Debug, Clone, Default)]
pub struct Manner {
    /// Filed at a portal, for a desk to receive.
    pub is_filed: bool,
    /// What the citizen brings of what need not be brought.
    pub brings: BTreeSet<String>,
    /// What the vault has.
    pub vault: BTreeSet<String>,
    /// What the citizen chose, if it is asked.
    pub choice: String,
    pub transfer_slip: bool,
    /// The clock goes on after a supplement instead of beginning anew.
    pub pauses: bool,
    pub cutoff: bool,
    pub intake_limit: bool,
}

/// A made-up procedure, and which of its optional parts and steps are asked for.
#[derive(Debug, Clone)]
pub struct Plan {
    pub steps: Vec<PlannedStep>,
    pub optional: BTreeSet<String>,
    pub asked: BTreeSet<String>,
    pub manner: Manner,
}

/// A plan without optional parts, received at a counter.
pub fn plan(steps: Vec<PlannedStep>) -> Plan {
    Plan {
        steps,
        optional: BTreeSet::new(),
        asked: BTreeSet::new(),
        manner: Manner::default(),
    }
}

fn role(id: &str) -> String {
    id.to_uppercase()
}

impl Plan {
    pub fn law(&self) -> Law {
        Law::of(self.procedure(), self.directory())
    }

    /// As its file would say it.
    pub fn procedure(&self) -> Arc<Procedure> {
        let manner = &self.manner;
        let lead = self.steps.iter().find(|step| step.does == Does::Work);
        let mut text = format!(
            "code = \"made_up\"\n{TITLE}\nlegal_basis = \"l\"\nvalid_from = \"2026-01-01\"\nlead = \"{}\"\nsupplement_window = \"7 working days\"\nreturns_max = 2\n",
            role(&lead.unwrap().id)
        );
        writeln!(text, "transfer_slip = {}", manner.transfer_slip).unwrap();
        if manner.pauses {
            text += "supplement_clock = \"pause\"\n";
        }
        if manner.cutoff {
            text += "cutoff = \"15:00\"\n";
        }
        if manner.intake_limit {
            text += "intake_limit = \"8 working hours\"\n";
        }
        let parts: BTreeSet<&String> = self.steps.iter().map(|step| &step.part).collect();
        for part in parts {
            let optional = self.optional.contains(part);
            writeln!(
                text,
                "[part.{part}]\n{TITLE}\nlimit = \"100 working days\"\noptional = {optional}"
            )
            .unwrap();
        }
        text += &self.evidence();
        for step in &self.steps {
            text += &step.text();
        }
        Arc::new(Procedure::parse("made-up.toml", &text).unwrap_or_else(|e| panic!("{e}\n{text}")))
    }

    fn evidence(&self) -> String {
        let mut text = String::new();
        let mut describe = |name: &str, rest: &str| {
            writeln!(text, "[evidence.{name}]\n{TITLE}\n{rest}").unwrap();
        };
        describe("paper", "source = \"citizen\"");
        describe("extra", "source = \"citizen\"\noptional = true");
        describe("choice", "source = \"citizen\"");
        describe(
            "proof",
            "source = \"citizen\"\nwhen = \"choice.kind == 'A'\"",
        );
        describe("consent", "source = \"citizen\"\nconsent = true");
        describe(
            "record",
            "source = \"registry\"\nholder = \"REGISTRY\"\nfallback = \"citizen\"\nlook_up_limit = \"8 working hours\"\nreuse = true",
        );
        describe(
            "deed",
            "source = \"registry\"\nholder = \"ARCHIVE\"\nreuse = true",
        );
        if let Some(first) = self.steps.iter().find_map(|step| step.gives.first()) {
            describe(
                "late",
                &format!(
                    "source = \"registry\"\nholder = \"REGISTRY\"\nfallback = \"citizen\"\nwhen = \"{first}.content == 'content 1'\""
                ),
            );
        }
        let gives: BTreeSet<&String> = self.steps.iter().flat_map(|step| &step.gives).collect();
        for name in gives {
            // Some results give the person a number.
            let number = match name.starts_with('f') {
                true => {
                    "\nidentifies = { party = \"subject\", scheme = \"personal_id\", pointer = \"/number\" }"
                }
                false => "",
            };
            describe(name, &format!("source = \"step\"\nresult = true{number}"));
        }
        text
    }

    /// A directory in which each step has a department of its own, and every other one a second.
    pub fn directory(&self) -> Directory {
        let mut text = String::from("[[territory]]\ncode = \"H26\"\nname = \"t\"\n");
        let mut agency = |code: &str, rest: &str| {
            writeln!(
                text,
                "[[agency]]\ncode = \"{code}\"\nname = \"a\"\nterritory = \"H26\"\nvalid_from = \"2025-07-01\"\n{rest}"
            )
            .unwrap();
        };
        agency(DESK, "");
        agency(REGISTRY, "roles = [\"REGISTRY\"]");
        agency(ARCHIVE, "roles = [\"ARCHIVE\"]");
        for spare in 97..=99 {
            agency(&format!("H26.{spare}"), "");
        }
        for (n, step) in self.steps.iter().enumerate() {
            let role = role(&step.id);
            agency(&format!("H26.{}", n + 10), &format!("roles = [\"{role}\"]"));
            if n % 2 == 1 {
                agency(
                    &format!("H26.{}", n + 40),
                    &format!("roles = [\"{role}\"]\nrank = 2"),
                );
            }
        }
        Directory::parse("made-up.toml", &text).unwrap()
    }

    /// What the steps of the dossier name, of what comes from outside.
    fn wanted(&self) -> BTreeSet<&str> {
        let there = |step: &&PlannedStep| {
            (!self.optional.contains(&step.part) || self.asked.contains(&step.part))
                && (!step.optional || self.asked.contains(&step.id))
        };
        let mut wanted: BTreeSet<&str> = BTreeSet::new();
        for step in self.steps.iter().filter(there) {
            wanted.extend(step.needs.iter().map(|need| need.trim_end_matches('?')));
            if step
                .when
                .as_ref()
                .is_some_and(|when| when.contains("choice"))
            {
                wanted.insert("choice");
            }
        }
        if wanted.contains("proof") {
            wanted.insert("choice");
        }
        wanted
    }

    pub fn submission(&self) -> dossier::intake::Submission {
        let manner = &self.manner;
        let mut submission = birth_submission();
        submission.territory = "H26".parse().unwrap();
        submission.asked = self.asked.clone();
        let wanted = self.wanted();
        let brings = |name: &str| {
            let must = match name {
                "paper" | "choice" => !manner.is_filed,
                "proof" => manner.choice == "A" && !manner.is_filed,
                "consent" | "record" | "deed" | "extra" => false,
                _ => return false,
            };
            wanted.contains(name) && (must || manner.brings.contains(name))
        };
        submission.evidence = [
            "choice", "consent", "deed", "extra", "paper", "proof", "record",
        ]
        .into_iter()
        .filter(|name| brings(name))
        .filter(|name| *name != "proof" || manner.choice == "A")
        .map(|name| {
            let content = match name {
                "choice" => manner.choice.as_str(),
                _ => "as the desk took it",
            };
            let mut given = paper(name, content);
            if name == "consent" {
                given.subject = Some("mother".parse().unwrap());
            }
            given
        })
        .collect();
        submission.vault = manner
            .vault
            .iter()
            .map(|name| finding(name, "as the vault has it"))
            .collect();
        submission
    }
}

/// The dossier of a plan, received, or filed if the plan says so.
pub fn begin(plan: &Plan) -> Case {
    Case::begin(plan.law(), plan.submission(), plan.manner.is_filed).unwrap()
}

fn manners() -> impl Strategy<Value = Manner> {
    let some = |names: &'static [&'static str]| {
        prop::collection::btree_set(prop::sample::select(names), 0..=names.len()).prop_map(
            |names| {
                names
                    .into_iter()
                    .map(str::to_owned)
                    .collect::<BTreeSet<_>>()
            },
        )
    };
    (
        prop::bool::weighted(0.3),
        some(&[
            "choice", "consent", "deed", "extra", "paper", "proof", "record",
        ]),
        some(&["deed", "late", "record"]),
        prop::sample::select(&["A", "B", "C"][..]),
        any::<[bool; 4]>(),
        prop::bool::weighted(0.3),
    )
        .prop_map(
            |(is_filed, brings, vault, choice, switches, has_vault)| Manner {
                is_filed,
                brings,
                vault: if has_vault { vault } else { BTreeSet::new() },
                choice: choice.to_owned(),
                transfer_slip: switches[0],
                pauses: switches[1],
                cutoff: switches[2],
                intake_limit: switches[3],
            },
        )
}

/// Chance for one step.
type Roll = (u8, u8, u8, u8, u16, u8);

/// Any sound procedure of one to six steps in up to three parts.
pub fn plans() -> impl Strategy<Value = Plan> {
    let step = (
        0..3u8,
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        any::<u16>(),
        any::<u8>(),
    );
    (
        prop::collection::vec(step, 1..=6),
        Just((0..6u8).collect::<Vec<_>>()).prop_shuffle(),
        any::<u8>(),
        any::<u8>(),
        manners(),
    )
        .prop_map(|(rolls, names, optional, asked, manner)| {
            made_up(&rolls, &names, optional, asked, manner)
        })
}

fn made_up(rolls: &[Roll], names: &[u8], optional: u8, asked: u8, manner: Manner) -> Plan {
    // Part 0 is always there, and the first step belongs to it.
    let part_of = |n: usize| if n == 0 { 0 } else { rolls[n].0 };
    let is_optional = |part: u8| part > 0 && optional & (1 << part) != 0;
    let mut steps: Vec<PlannedStep> = Vec::new();
    let mut has_payer = false;
    for (n, &(_, needs, may_lack, after, odds, special)) in rolls.iter().enumerate() {
        let mut step =
            PlannedStep::named(&format!("s{}", names[n])).in_part(&format!("p{}", part_of(n)));
        let bit_of = |before: usize| 1u8 << before;
        // Whoever may not run can be done without.
        let lacks: Vec<bool> = (0..n)
            .map(|before| {
                let other = &steps[before];
                part_of(before) != part_of(n) && is_optional(part_of(before))
                    || other.when.is_some()
                    || other.optional
                    || other.gives.is_empty()
            })
            .collect();
        let sort = if n == 0 { 0 } else { special % 8 };
        let bill = (0..n)
            .find(|before| !lacks[*before] && !has_payer && steps[*before].does == Does::Work);
        match (sort, bill) {
            (5, Some(bill)) => {
                has_payer = true;
                step = step
                    .gives(&format!("e{}", names[n]))
                    .pays(&format!("e{}", names[bill]));
                steps.push(step);
                continue;
            }
            (6, _) => step.does = Does::HandOut,
            _ => step = step.gives(&format!("e{}", names[n])),
        }
        if n > 0 {
            match special / 8 % 8 {
                0 => step = step.when("choice.kind == 'A'"),
                1 => step = step.when("choice.kind == 'B'"),
                2 => step = step.when(&format!("e{}.content == 'content 0'", names[0])),
                3 => step.optional = true,
                _ => {}
            }
        }
        if step.does == Does::Work {
            if odds & 1 != 0 {
                step = step.gives(&format!("f{}", names[n]));
            }
            for (bit, name) in [
                (1, "paper"),
                (2, "extra?"),
                (6, "record"),
                (7, "deed"),
                (9, "proof?"),
                (10, "choice"),
            ] {
                if odds & (1 << bit) != 0 && (bit < 6 || odds & (1 << 11) != 0) {
                    step = step.needs(name);
                }
            }
            if odds & 0b111 << 12 == 0 {
                step = step.needs("consent");
            }
            if n > 0 && odds & 0b11 << 4 == 0 {
                step = step.needs("late?");
            }
        }
        for (before, name) in names.iter().enumerate().take(n) {
            let gives_something = !steps[before].gives.is_empty();
            if needs & bit_of(before) != 0 && gives_something {
                let mark = if lacks[before] || may_lack & bit_of(before) != 0 {
                    "?"
                } else {
                    ""
                };
                step = step.needs(&format!("e{name}{mark}"));
                if step.does == Does::Work && may_lack & 0b1100_0000 == 0 {
                    step = step.extracts(&format!("e{name}"));
                }
            } else if after & bit_of(before) != 0
                && odds & 8 != 0
                && !(part_of(before) != part_of(n) && is_optional(part_of(before)))
            {
                step = step.after(&format!("s{name}"));
            }
        }
        if step.does == Does::HandOut && step.needs.is_empty() {
            let mark = if lacks[0] { "?" } else { "" };
            step = step.needs(&format!("e{}{mark}", names[0]));
        }
        steps.push(step);
    }
    let some = |of: u8| {
        (1..3u8)
            .filter(|part| of & (1 << part) != 0)
            .map(|part| format!("p{part}"))
            .collect::<BTreeSet<_>>()
    };
    let there: BTreeSet<String> = steps.iter().map(|step| step.part.clone()).collect();
    let optional: BTreeSet<String> = some(optional).intersection(&there).cloned().collect();
    let mut wanted: BTreeSet<String> = some(asked).intersection(&optional).cloned().collect();
    for (n, step) in steps.iter().enumerate() {
        if step.optional && asked & (1 << (n + 2).min(7)) != 0 {
            wanted.insert(step.id.clone());
        }
    }
    Plan {
        steps,
        optional,
        asked: wanted,
        manner,
    }
}
