//! Procedures: versioned data that says which steps a dossier takes, who does them, what each needs
//! and gives, and how long it may take. Read from TOML and checked as they will run.

mod check;
mod evidence;
mod step;
mod version;

pub use evidence::{EvidenceKind, Fallback, Identifies, KnownBy, Origin};
pub use step::{Actor, CONSULT, LOOK_UP, Need, PeerReturn, RESERVED_PREFIXES, SLIP, Step};
pub use version::{Procedures, civil_date};

use crate::{
    condition::Condition,
    limit::Limit,
    name::{Digest, EvidenceName, NationalProcedureCode, PartId, ProcedureCode, RoleName, StepId},
    text,
};
use jiff::civil::{Date, Time};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// A title for people, in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Title {
    /// Vietnamese.
    pub vi: String,
    /// English.
    pub en: String,
}

/// One version of a procedure. The dossier pins it by digest at reception.
#[derive(Debug, Clone, PartialEq)]
pub struct Procedure {
    /// SHA-256 of the text that it was read from.
    pub digest: Digest,
    /// What the text says.
    pub text: Text,
    givers: BTreeMap<EvidenceName, Vec<StepId>>,
}

/// A procedure as its file says it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Names it over all its versions.
    pub code: ProcedureCode,
    /// What it is called.
    pub title: Title,
    /// The laws that it follows.
    pub legal_basis: String,
    /// From which reception date on it is in force.
    pub valid_from: Date,
    /// The last reception date on which it is in force; none while it has no successor.
    pub valid_to: Option<Date>,
    /// The role of the lead agency (cơ quan chủ trì).
    pub lead: RoleName,
    /// How long the whole may take, from reception; none: as long as its parts.
    pub limit: Option<Limit>,
    /// The time of day from which on a first step that falls due starts its clock on the next working
    /// day (NĐ 61/2018/NĐ-CP Art 18(2)); none: no such time.
    #[serde(default, deserialize_with = "time_of_day")]
    pub cutoff: Option<Time>,
    /// Whether participants without a round yet are told their task and deadline on reception
    /// (phiếu chuyển xử lý, NĐ 61/2018 Art 19(6)).
    #[serde(default)]
    pub transfer_slip: bool,
    /// How long the citizen may take to answer a supplement.
    pub supplement_window: Limit,
    /// How long the citizen may take to pay what a department asks for, before the desk and the
    /// operators are told; paying late stays possible. Default: the supplement window.
    pub payment_window: Option<Limit>,
    /// What becomes of the clock when the citizen answered a supplement. Default: reset (NĐ 61/2018/NĐ-CP Art 19(4)).
    #[serde(default)]
    pub supplement_clock: ClockRule,
    /// How long after it got the dossier a department may still ask for a supplement (NĐ
    /// 61/2018/NĐ-CP Art 19(4): 3 working days); none: as long as the step.
    pub appraisal_supplement_within: Option<Limit>,
    /// How long a desk may take to receive or refuse what was filed online; none: no limit.
    pub intake_limit: Option<Limit>,
    /// How often the promised date may be put off (NĐ 61/2018/NĐ-CP Art 19(9)). Default: 1.
    #[serde(default = "extensions_max")]
    pub extensions_max: u32,
    /// How many peer returns one piece of evidence may have before a person must decide.
    pub returns_max: u32,
    /// Its parts.
    #[serde(rename = "part")]
    pub parts: BTreeMap<PartId, Part>,
    /// Every piece of evidence in it.
    pub evidence: BTreeMap<EvidenceName, EvidenceKind>,
    /// Its steps.
    #[serde(rename = "step")]
    pub steps: BTreeMap<StepId, Step>,
}

/// One national procedure within a group. Where none of its steps runs in a dossier, because their
/// conditions fail or nobody asked for them, the part is not run: it has no status, no limit and no
/// results there, and the dossier closes without it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What it is called.
    pub title: Title,
    /// Its national code (mã TTHC), if confirmed.
    pub national_code: Option<NationalProcedureCode>,
    /// Its limit, from reception.
    pub limit: Limit,
    /// Only on request.
    #[serde(default)]
    pub optional: bool,
    /// From which reception date on it can be asked for.
    pub valid_from: Option<Date>,
    /// Whether the citizen gets a receipt slip for it; a result given at once needs none (NĐ
    /// 61/2018/NĐ-CP Art 17(4)). Default: yes.
    #[serde(default = "yes")]
    pub receipt: bool,
}

/// What becomes of the clock when the citizen has answered a supplement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockRule {
    /// It goes on where it stood.
    Pause,
    /// It counts again from the start.
    #[default]
    Reset,
}

fn extensions_max() -> u32 {
    1
}

fn yes() -> bool {
    true
}

/// A time of day, written as hours and minutes.
fn time_of_day<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Time>, D::Error> {
    let text = String::deserialize(from)?;
    let read = || {
        let (hour, minute) = text.split_once(':')?;
        let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        (two_digits(hour) && two_digits(minute)).then_some(())?;
        Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
    };
    read().map(Some).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "`{text}` is no time of day; write hours and minutes, such as \"15:00\""
        ))
    })
}

/// One thing wrong in a procedure, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Where: step and field, such as `step.residence.needs`.
    pub place: String,
    /// What is wrong.
    pub wrong: String,
    /// What to do.
    pub mend: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.place, self.wrong, self.mend)
    }
}

/// A procedure that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum ProcedureError {
    /// Mend the file's TOML, or the field that the message names.
    #[error("{file}: {message}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the reader says.
        message: String,
    },
    /// Mend each place named.
    #[error("{file}: {}", complaints.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n  "))]
    Unsound {
        /// The file.
        file: String,
        /// Everything that is wrong.
        complaints: Vec<Complaint>,
    },
    /// Set `valid_to` of the older version to the day before, or remove one of the two.
    #[error(
        "procedure `{code}`: the versions valid from {first} and from {second} are in force on the same day; set `valid_to` of the older one to the day before the newer one begins, or remove one of the two files"
    )]
    Overlap {
        /// The procedure.
        code: ProcedureCode,
        /// One of them.
        first: Date,
        /// The other.
        second: Date,
    },
}

impl Procedure {
    /// Reads and checks a procedure. `file` is for messages only.
    ///
    /// # Errors
    /// Names the file, every place that is wrong, and its mend.
    pub fn parse(file: &str, toml: &str) -> Result<Self, ProcedureError> {
        let mut text: Text = text::read(toml).map_err(|message| ProcedureError::Unreadable {
            file: file.to_owned(),
            message,
        })?;
        let complaints = check::complaints(&text);
        if !complaints.is_empty() {
            return Err(ProcedureError::Unsound {
                file: file.to_owned(),
                complaints,
            });
        }
        let mut givers: BTreeMap<EvidenceName, Vec<StepId>> = BTreeMap::new();
        for (id, step) in &text.steps {
            for name in &step.gives {
                givers.entry(name.clone()).or_default().push(id.clone());
            }
        }
        let evidence = &text.evidence;
        let has_condition = |name: &EvidenceName| {
            let kind: Option<&EvidenceKind> = evidence.get(name);
            kind.is_some_and(|kind| kind.when.is_some())
        };
        let is_from_steps =
            |need: &Need| givers.contains_key(&need.evidence) && !has_condition(&need.evidence);
        for step in text.steps.values_mut() {
            step.is_self_sufficient = step.when.is_none() && step.needs.iter().all(is_from_steps);
        }
        Ok(Self {
            digest: Digest::of(toml.as_bytes()),
            text,
            givers,
        })
    }

    /// Its code.
    pub fn code(&self) -> &ProcedureCode {
        &self.text.code
    }

    /// A step.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.text.steps.get(id)
    }

    /// The first of the steps that give this evidence, if one does.
    pub fn giver(&self, evidence: &EvidenceName) -> Option<&StepId> {
        self.givers(evidence).first()
    }

    /// The steps that give this evidence, of which at most one runs in a dossier.
    pub fn givers(&self, evidence: &EvidenceName) -> &[StepId] {
        self.givers.get(evidence).map_or(&[], Vec::as_slice)
    }

    /// A piece of evidence.
    pub fn evidence(&self, name: &EvidenceName) -> Option<&EvidenceKind> {
        self.text.evidence.get(name)
    }

    /// Whether this evidence is handed out to the citizen as a result.
    pub fn is_result(&self, name: &EvidenceName) -> bool {
        self.evidence(name).is_some_and(EvidenceKind::is_result)
    }

    /// The condition under which this evidence is needed; none: always.
    pub fn needed_when(&self, name: &EvidenceName) -> Option<&Condition> {
        self.evidence(name)?.when.as_ref()
    }

    /// How long the citizen may take to pay what a department asks for.
    pub fn payment_window(&self) -> Limit {
        self.text
            .payment_window
            .unwrap_or(self.text.supplement_window)
    }

    /// The time of day from which on this step, if it is a first one, starts on the next working day.
    pub fn cutoff(&self, id: &StepId) -> Option<Time> {
        self.step(id)?.cutoff.or(self.text.cutoff)
    }

    /// The parts of a dossier in which these optional parts were asked for.
    pub fn parts_with(&self, optional: &BTreeSet<PartId>) -> BTreeSet<PartId> {
        self.text
            .parts
            .iter()
            .filter(|(id, part)| !part.optional || optional.contains(*id))
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// The steps of these parts.
    pub fn steps_of<'a>(
        &'a self,
        parts: &'a BTreeSet<PartId>,
    ) -> impl Iterator<Item = (&'a StepId, &'a Step)> {
        self.text
            .steps
            .iter()
            .filter(|(_, step)| parts.contains(&step.part))
    }
}
