//! Procedures: versioned data that says which steps a dossier takes, who does them, what each needs
//! and gives, and how long it may take. Read from TOML and checked as they will run.

mod check;

use crate::{
    limit::Limit,
    name::{Digest, EvidenceName, PartId, ProcedureCode, RoleName, StepId},
    party::PartyRole,
    text,
};
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
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
    givers: BTreeMap<EvidenceName, StepId>,
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
    /// How long the citizen may take to answer a supplement.
    pub supplement_window: Limit,
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

/// One national procedure within a group.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// What it is called.
    pub title: Title,
    /// Its national code (mã TTHC), if confirmed.
    pub national_code: Option<String>,
    /// Its limit, from reception.
    pub limit: Limit,
    /// Only on request.
    #[serde(default)]
    pub optional: bool,
    /// From which reception date on it can be asked for.
    pub valid_from: Option<Date>,
}

/// Where a procedure expects evidence from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The citizen, through the desk.
    Citizen,
    /// A registry that holds it; until it is asked by look-up, the desk brings it.
    Registry,
    /// A step of the same procedure.
    Step,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceKind {
    /// What it is called.
    pub title: Title,
    /// Where it comes from.
    pub source: Origin,
    /// For a registry: the role of its holder.
    pub holder: Option<RoleName>,
    /// The schema of its data, if it has one.
    #[serde(default)]
    pub schema: String,
    /// How many documents it has at least.
    #[serde(default)]
    pub documents_min: u32,
    /// May be absent from a submit.
    #[serde(default)]
    pub optional: bool,
}

/// One piece of work by one department.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it is called.
    pub title: Title,
    /// The part that it belongs to.
    pub part: PartId,
    /// The role that the directory resolves to a department.
    pub role: RoleName,
    /// Evidence that must be there.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Evidence that it gives when completed.
    #[serde(default)]
    pub gives: BTreeSet<EvidenceName>,
    /// Steps that must be completed before, beside the givers of its needs.
    #[serde(default)]
    pub after: BTreeSet<StepId>,
    /// How long it may take.
    pub limit: Limit,
    /// Which parties the department gets to see.
    #[serde(default)]
    pub parties: BTreeSet<PartyRole>,
}

/// A piece of evidence that a step needs. Written with a `?` behind it when it may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Need {
    /// Which.
    pub evidence: EvidenceName,
    /// The step runs without it if nobody gives it.
    pub optional: bool,
}

impl TryFrom<String> for Need {
    type Error = crate::name::BadName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (name, optional) = match text.strip_suffix('?') {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        Ok(Self {
            evidence: name.parse()?,
            optional,
        })
    }
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
        let text: Text = text::read(toml).map_err(|message| ProcedureError::Unreadable {
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
        let givers = text
            .steps
            .iter()
            .flat_map(|(id, step)| step.gives.iter().map(|name| (name.clone(), id.clone())))
            .collect();
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

    /// The step that gives this evidence, if one does.
    pub fn giver(&self, evidence: &EvidenceName) -> Option<&StepId> {
        self.givers.get(evidence)
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

/// The civil date in Asia/Ho_Chi_Minh, which keeps UTC+7 all year.
pub fn civil_date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::fixed(jiff::tz::offset(7))).date()
}

/// All versions of all procedures.
#[derive(Debug, Clone, Default)]
pub struct Procedures {
    versions: BTreeMap<Digest, Arc<Procedure>>,
    current: BTreeSet<Digest>,
}

impl Procedures {
    /// These versions are the ones that new dossiers may follow.
    ///
    /// # Errors
    /// When two versions of one procedure are in force on the same day.
    pub fn new(versions: impl IntoIterator<Item = Procedure>) -> Result<Self, ProcedureError> {
        let mut all = Self::default();
        for procedure in versions {
            for other in all
                .versions
                .values()
                .filter(|other| other.code() == procedure.code())
            {
                let ends = |text: &Text| text.valid_to.unwrap_or(Date::MAX);
                let (a, b) = (&other.text, &procedure.text);
                if other.digest != procedure.digest
                    && a.valid_from <= ends(b)
                    && b.valid_from <= ends(a)
                {
                    return Err(ProcedureError::Overlap {
                        code: procedure.code().clone(),
                        first: a.valid_from,
                        second: b.valid_from,
                    });
                }
            }
            all.current.insert(procedure.digest);
            all.versions.insert(procedure.digest, Arc::new(procedure));
        }
        Ok(all)
    }

    /// Adds a version that only open dossiers still follow.
    pub fn keep(&mut self, procedure: Procedure) {
        self.versions
            .entry(procedure.digest)
            .or_insert_with(|| Arc::new(procedure));
    }

    /// The version in force for a dossier received now.
    pub fn in_force(&self, code: &str, at: Timestamp) -> Option<&Arc<Procedure>> {
        let day = civil_date(at);
        self.current
            .iter()
            .filter_map(|digest| self.versions.get(digest))
            .find(|procedure| {
                let text = &procedure.text;
                text.code.as_str() == code
                    && text.valid_from <= day
                    && text.valid_to.is_none_or(|last| day <= last)
            })
    }

    /// A version by its digest.
    pub fn version(&self, digest: &Digest) -> Option<&Arc<Procedure>> {
        self.versions.get(digest)
    }

    /// The versions that new dossiers may follow.
    pub fn current(&self) -> impl Iterator<Item = &Arc<Procedure>> {
        self.current
            .iter()
            .filter_map(|digest| self.versions.get(digest))
    }
}
