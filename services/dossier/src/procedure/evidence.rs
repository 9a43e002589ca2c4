//! Evidence as a procedure describes it: where it comes from, and where it may be used again.

use super::Title;
use crate::{
    condition::Condition,
    limit::Limit,
    name::RoleName,
    party::{Party, PartyRole, Scheme},
};
use serde::Deserialize;
use std::collections::BTreeSet;

/// Where a procedure expects evidence from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The citizen, through the desk.
    Citizen,
    /// A registry that holds it and is asked by look-up.
    Registry,
    /// A step of the same procedure.
    Step,
}

/// Who is asked when the holder does not have what it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fallback {
    /// The citizen, through the desk, for a substitute that the law names.
    Citizen,
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
    /// Whom it is about: the parties of this role. None: the subject; where a dossier has nobody in the
    /// role, the owner.
    pub about: Option<PartyRole>,
    /// For a registry: by which other parties its holder finds it, such as the mother by whom a hospital
    /// finds a birth. Its holder is told of them and of whom it is about, and of nobody else (Luật
    /// 91/2025/QH15: data minimisation).
    #[serde(default)]
    pub found_by: BTreeSet<PartyRole>,
    /// For a registry: where its data says the number of whom it is about. None: it says none.
    pub known_by: Option<KnownBy>,
    /// The schema of its data, if it has one.
    #[serde(default)]
    pub schema: String,
    /// How many documents it has at least.
    #[serde(default)]
    pub documents_min: u32,
    /// May be absent from a submit.
    #[serde(default)]
    pub optional: bool,
    /// For a registry: how long its holder may take to answer a look-up; none: the broker's own
    /// time-out.
    pub look_up_limit: Option<Limit>,
    /// For a registry: who is asked when the holder does not have it (NĐ 47/2020/NĐ-CP Art 5(2));
    /// none: a person is told and decides.
    pub fallback: Option<Fallback>,
    /// A step's result that goes into the owner's vault for later dossiers (NĐ 45/2020/NĐ-CP
    /// Art 14(3)). Default: no.
    #[serde(default)]
    pub reusable: bool,
    /// For what the citizen or a registry gives: may be taken from the owner's vault instead (NĐ
    /// 224/2026/NĐ-CP Art 15(1)(d)). Default: no.
    #[serde(default)]
    pub reuse: bool,
    /// How long it may be used from the vault, in calendar days from when it was given; none: until
    /// it is replaced.
    pub valid_for: Option<Limit>,
    /// Needed only where this holds; otherwise nobody is asked for it and nobody waits for it. None:
    /// always.
    pub when: Option<Condition>,
    /// A person's consent: comes with the party who gave it (its subject). Default: no.
    #[serde(default)]
    pub consent: bool,
    /// For a step's result: the identifier that a party has from then on.
    pub identifies: Option<Identifies>,
    /// Whether it is handed out to the citizen as a result. Default: a step's evidence with
    /// documents is.
    pub result: Option<bool>,
}

impl EvidenceKind {
    /// Whom it is about, of these parties; nobody only where none of them is the owner.
    pub fn subjects<'a>(&self, parties: &'a [Party]) -> Vec<&'a Party> {
        let of = |role: PartyRole| -> Vec<&'a Party> {
            let has_role = |party: &&Party| party.roles.contains(&role);
            parties.iter().filter(has_role).collect()
        };
        let meant = of(self.about.unwrap_or(PartyRole::Subject));
        match meant.is_empty() {
            true => of(PartyRole::Owner),
            false => meant,
        }
    }

    /// Whether it is handed out to the citizen as a result.
    pub fn is_result(&self) -> bool {
        self.result
            .unwrap_or(self.source == Origin::Step && self.documents_min > 0)
    }
}

/// Where data says the number of whom it is about: what says another number is another person's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownBy {
    /// The register that the number comes from, by its word, such as `personal_id`.
    #[serde(deserialize_with = "scheme")]
    pub scheme: Scheme,
    /// Where the number may stand (RFC 6901), with `*` for every member of an array: it is enough that
    /// it stands in one of these places.
    pub pointers: BTreeSet<String>,
}

impl KnownBy {
    /// The numbers that the data says, as they stand there.
    pub fn numbers<'a>(&self, data: &'a serde_json::Value) -> BTreeSet<&'a str> {
        let mut numbers = BTreeSet::new();
        for pointer in &self.pointers {
            let tokens: Vec<&str> = pointer.split('/').skip(1).collect();
            gather(data, &tokens, &mut numbers);
        }
        numbers
    }
}

fn gather<'a>(data: &'a serde_json::Value, tokens: &[&str], numbers: &mut BTreeSet<&'a str>) {
    match (tokens, data) {
        ([], value) => numbers.extend(value.as_str()),
        (["*", rest @ ..], serde_json::Value::Array(members)) => {
            for member in members {
                gather(member, rest, numbers);
            }
        }
        ([first, rest @ ..], value) => {
            if let Some(member) = value.pointer(&format!("/{first}")) {
                gather(member, rest, numbers);
            }
        }
    }
}

/// Which identifier a result gives to whom: the newborn's number comes from the first step.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identifies {
    /// The parties of this role get it, where it is one party alone.
    pub party: PartyRole,
    /// The register that the number comes from, by its word, such as `personal_id`.
    #[serde(deserialize_with = "scheme")]
    pub scheme: Scheme,
    /// Where in the data the number stands (RFC 6901).
    pub pointer: String,
}

fn scheme<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Scheme, D::Error> {
    let word = String::deserialize(from)?;
    Scheme::from_word(&word).ok_or_else(|| {
        let words = Scheme::ALL.map(Scheme::word).join(", ");
        serde::de::Error::custom(format!("`{word}` is no register; write one of: {words}"))
    })
}
