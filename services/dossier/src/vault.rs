//! The vault: results that may be used again, under the code that the law gives them
//! (NĐ 45/2020/NĐ-CP Art 14(3): mã hồ sơ, then `-KQ` and a number).

use crate::{
    Entry, Event, Procedure,
    dossier::Dossier,
    evidence::{Given, NewVersion, Version},
    name::{AgencyCode, EvidenceName},
    party::{Identifier, Party, PartyRole},
    procedure::{EvidenceKind, civil_date},
};
use jiff::{Span, Timestamp, civil::Date};
use std::sync::Arc;

/// What the owner's vault has, as the broker found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its code in the vault.
    pub code: String,
    /// What was given.
    pub given: Given,
    /// Who gave it.
    pub agency: AgencyCode,
    /// The last day on which it may be used; none while it has no end.
    pub valid_until: Option<Date>,
}

impl Finding {
    /// Whether it may be used at this time.
    pub fn is_valid(&self, at: Timestamp) -> bool {
        self.valid_until.is_none_or(|last| civil_date(at) <= last)
    }

    /// Whether a procedure may take it from the vault for this evidence of its own: permitted for reuse,
    /// under the same schema, valid, and about the person whom the procedure means. Where it says no
    /// one in particular, any party's will do.
    pub(crate) fn fits(&self, kind: &EvidenceKind, parties: &[Party], at: Timestamp) -> bool {
        let is_meant = || {
            let is_owner = |party: &Party| party.roles.contains(&PartyRole::Owner);
            kind.subjects(parties)
                .into_iter()
                .any(|party| match &self.given.subject {
                    Some(subject) => party.id == *subject,
                    None => is_owner(party),
                })
        };
        kind.reuse
            && kind.schema == self.given.schema_id
            && self.is_valid(at)
            && (kind.about.is_none() || is_meant())
    }
}

/// A result on its way into the vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// Its code.
    pub code: String,
    /// The evidence.
    pub evidence: EvidenceName,
    /// Its version in the dossier.
    pub version: u32,
    /// By which numbers its owner is known.
    pub owner: Vec<Identifier>,
    /// What was given.
    pub given: Given,
    /// Who gave it.
    pub agency: AgencyCode,
    /// The last day on which it may be used.
    pub valid_until: Option<Date>,
    /// The code of the version that it supersedes.
    pub supersedes: Option<String>,
}

/// What this entry puts into the vault. `after` is the dossier after it.
pub fn deposits(entry: &Entry, after: &Dossier, procedure: &Procedure) -> Vec<Deposit> {
    let (Event::Completed { evidence, .. } | Event::Corrected { evidence, .. }) = &entry.event
    else {
        return vec![];
    };
    evidence
        .iter()
        .filter_map(|new| deposit(new, entry.at, after, procedure))
        .collect()
}

fn deposit(
    new: &NewVersion,
    at: Timestamp,
    dossier: &Dossier,
    procedure: &Procedure,
) -> Option<Deposit> {
    let name = &new.given.name;
    let kind = procedure.text.evidence.get(name).filter(|k| k.reusable)?;
    let party = subject(dossier, kind, &new.given)?;
    let owner = known_identifiers(dossier, procedure, party, u32::MAX);
    if owner.is_empty() {
        return None;
    }
    let codes = reusable_versions(dossier, procedure);
    let code = |version: u32| {
        let n = codes
            .iter()
            .position(|v| v.new.given.name == *name && v.new.version == version)?;
        Some(format!("{}-KQ{}", dossier.code(), n + 1))
    };
    Some(Deposit {
        code: code(new.version)?,
        evidence: name.clone(),
        version: new.version,
        owner,
        given: new.given.clone(),
        agency: dossier.newest(name).map(|version| version.agency.clone())?,
        valid_until: kind.valid_for.and_then(|limit| {
            civil_date(at)
                .checked_add(Span::new().days(i64::from(limit.amount)))
                .ok()
        }),
        supersedes: new.version.checked_sub(1).and_then(code),
    })
}

/// All versions that went into the vault, in the order in which they were given.
fn reusable_versions<'a>(dossier: &'a Dossier, procedure: &Procedure) -> Vec<&'a Arc<Version>> {
    let mut all: Vec<&Arc<Version>> = dossier
        .evidence
        .iter()
        .filter(|(name, _)| {
            procedure
                .text
                .evidence
                .get(*name)
                .is_some_and(|kind| kind.reusable)
        })
        .flat_map(|(_, versions)| versions)
        .collect();
    all.sort_by_key(|version| version.ordinal);
    all
}

/// Whom a piece of evidence is about: the party that it names, else whom its procedure means, else the
/// owner. Of several that the procedure means its giver must name one: nobody's vault is guessed at.
fn subject<'a>(dossier: &'a Dossier, kind: &EvidenceKind, given: &Given) -> Option<&'a Party> {
    let parties = &dossier.received.parties;
    match &given.subject {
        Some(id) => parties.iter().find(|party| party.id == *id),
        None if kind.about.is_some() => match kind.subjects(parties)[..] {
            [party] => Some(party),
            _ => None,
        },
        None => parties
            .iter()
            .find(|party| party.roles.contains(&PartyRole::Owner)),
    }
}

/// The parties of a dossier, each with every number by which it is known by now: whoever looks into
/// their vaults looks under these.
pub fn parties(dossier: &Dossier, procedure: &Procedure) -> Vec<Party> {
    let known = |party: &Party| Party {
        identifiers: known_identifiers(dossier, procedure, party, u32::MAX),
        ..party.clone()
    };
    dossier.received.parties.iter().map(known).collect()
}

/// The numbers by which a party is known: those that it came with, and those that a step gave it up to
/// the version with this ordinal.
pub(crate) fn known_identifiers(
    dossier: &Dossier,
    procedure: &Procedure,
    party: &Party,
    up_to: u32,
) -> Vec<Identifier> {
    let mut known = party.identifiers.clone();
    for (name, kind) in &procedure.text.evidence {
        let Some(identifies) = &kind.identifies else {
            continue;
        };
        let parties = &dossier.received.parties;
        let has_role = |one: &Party| one.roles.contains(&identifies.party);
        let is_the_only_one = parties.iter().filter(|one| has_role(one)).count() == 1;
        let versions = dossier.evidence.get(name).into_iter().flatten();
        let newest = versions.rev().find(|version| version.ordinal <= up_to);
        // A number is of whom its giver names; of the only one in that role where it names nobody.
        let is_meant = has_role(party)
            && newest.is_some_and(|version| match &version.new.given.subject {
                Some(subject) => *subject == party.id,
                None => is_the_only_one,
            });
        let found = newest.and_then(|version| {
            let data: serde_json::Value = serde_json::from_slice(&version.new.given.data).ok()?;
            Some(data.pointer(&identifies.pointer)?.as_str()?.to_owned())
        });
        if let Some(value) = found.filter(|value| is_meant && identifies.scheme.accepts(value)) {
            known.retain(|identifier| identifier.scheme != identifies.scheme);
            known.push(Identifier {
                scheme: identifies.scheme,
                value,
            });
        }
    }
    known
}
