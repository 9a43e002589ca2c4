//! Intake: checks what a desk submits against the procedure and receives it as a dossier.

use crate::{
    Decided, Entry, Event, Procedure, Refusal,
    decide::Progress,
    directory::Directory,
    dossier::Dossier,
    event::{Assignment, Cause, Channel, Received},
    evidence::{Given, NewVersion, Source},
    name::{AgencyCode, DossierCode, DossierId, EvidenceName, Key, PartId, PartyId, TerritoryCode},
    party::{Officer, Party, PartyRole, Scheme},
    procedure::{Origin, civil_date},
    refusal::FieldFault,
};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The most bytes of data that one piece of evidence may have.
pub const EVIDENCE_DATA_BYTES_MAX: usize = 64 * 1024;
/// The most documents that one piece of evidence may have.
pub const EVIDENCE_DOCUMENTS_MAX: usize = 20;
/// The most parties that a dossier may have.
pub const PARTIES_MAX: usize = 50;

/// What a desk submits and receives in one call.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The desk's key: the same key gives the same dossier for ever.
    pub key: Key,
    /// The receiving desk; that its system may act for it is already sure.
    pub desk: AgencyCode,
    /// The desk that hands out.
    pub hand_out_desk: AgencyCode,
    /// The optional parts wanted.
    pub optional_parts: BTreeSet<PartId>,
    /// Where the case belongs.
    pub territory: TerritoryCode,
    /// Who is in it.
    pub parties: Vec<Party>,
    /// What the citizen gave.
    pub evidence: Vec<Given>,
    /// How it came.
    pub channel: Channel,
    /// When it was filed, as the desk says.
    pub filed_at: Option<Timestamp>,
    /// The party that filed it, if not the owner.
    pub filed_by: Option<PartyId>,
    /// Who received it.
    pub officer: Officer,
}

/// Checks a submission and receives it as a dossier under this code.
///
/// # Errors
/// Names every field that is wrong, or the role for which the directory has no department.
pub fn receive(
    id: DossierId,
    code: DossierCode,
    submission: Submission,
    cause: Cause,
    procedure: &Procedure,
    directory: &Directory,
    at: Timestamp,
) -> Result<Decided, Refusal> {
    check(&submission, procedure, directory, at)?;
    let parts = procedure.parts_with(&submission.optional_parts);
    let mut assignments = BTreeMap::new();
    for (step_id, step) in procedure.steps_of(&parts) {
        let Some(role) = &step.role else {
            continue;
        };
        let agency = directory
            .resolve(role, &submission.territory, at)
            .ok_or_else(|| Refusal::NoDepartment {
                role: role.clone(),
                territory: submission.territory.clone(),
            })?;
        let assignment = Assignment {
            agency: agency.code.clone(),
            part: step.part.clone(),
        };
        assignments.insert(step_id.clone(), assignment);
    }
    let promised_at = parts
        .iter()
        .filter_map(|part| procedure.text.parts.get(part))
        .map(|part| part.limit.ends(at))
        .max()
        .unwrap_or(at);
    let evidence = submission
        .evidence
        .into_iter()
        .map(|given| NewVersion {
            version: 1,
            digest: given.digest(),
            source: match procedure
                .text
                .evidence
                .get(&given.name)
                .map(|kind| kind.source)
            {
                Some(Origin::Registry) => Source::Registry,
                _ => Source::Citizen,
            },
            given,
        })
        .collect();
    let received = Received {
        code,
        procedure: procedure.code().clone(),
        procedure_digest: procedure.digest,
        directory_digest: directory.digest,
        desk: submission.desk,
        hand_out_desk: submission.hand_out_desk,
        territory: submission.territory,
        channel: submission.channel,
        filed_at: submission.filed_at,
        parts,
        assignments,
        parties: submission.parties,
        evidence,
        promised_at,
        submit_key: submission.key,
        filed_by: submission.filed_by,
        officer: submission.officer,
    };
    let first = Entry {
        sequence: 1,
        at,
        cause: Some(cause),
        event: Event::Received(Box::new(received)),
    };
    let dossier = Dossier::begin(id, &first).expect("a reception begins a dossier");
    let mut progress = Progress::new(dossier, at);
    progress.settle(procedure);
    let mut entries = vec![first];
    entries.append(&mut progress.entries);
    Ok(Decided {
        dossier: progress.dossier,
        entries,
        at,
        sequence: 1,
    })
}

/// Checks a submission. Every wrong field is named at once.
///
/// # Errors
/// [`Refusal::Fields`].
pub fn check(
    submission: &Submission,
    procedure: &Procedure,
    directory: &Directory,
    at: Timestamp,
) -> Result<(), Refusal> {
    let mut faults = Vec::new();
    let mut fault = |field: String, rule: String| faults.push(FieldFault { field, rule });

    for part in &submission.optional_parts {
        match procedure.text.parts.get(part) {
            None => fault(
                "optional_parts".into(),
                format!(
                    "parts of procedure {}; it has no part {part}",
                    procedure.code()
                ),
            ),
            Some(plan) if plan.valid_from.is_some_and(|from| civil_date(at) < from) => fault(
                "optional_parts".into(),
                format!(
                    "in force; part {part} can be asked for from {} on",
                    plan.valid_from.unwrap_or_default()
                ),
            ),
            Some(_) => {}
        }
    }
    if !directory.has_territory(submission.territory.as_str()) {
        fault(
            "territory_code".into(),
            "a territory of the directory".into(),
        );
    }
    for (field, desk) in [
        ("agency_code", &submission.desk),
        ("hand_out_agency_code", &submission.hand_out_desk),
    ] {
        if !directory.is_in_force(desk.as_str(), at) {
            fault(
                field.into(),
                "an agency of the directory, in force today".into(),
            );
        }
    }
    check_parties(&submission.parties, &submission.filed_by, &mut fault);

    let parts = procedure.parts_with(&submission.optional_parts);
    let mut wanted: BTreeMap<&EvidenceName, bool> = BTreeMap::new();
    for (_, step) in procedure.steps_of(&parts) {
        for need in &step.needs {
            let required = wanted.entry(&need.evidence).or_default();
            *required |= !need.optional;
        }
    }
    let mut named = BTreeSet::new();
    for (n, given) in submission.evidence.iter().enumerate() {
        let place = format!("evidence[{n}]");
        match procedure.text.evidence.get(&given.name) {
            None => fault(
                format!("{place}.name"),
                format!(
                    "evidence of procedure {}: {}",
                    procedure.code(),
                    join(wanted.keys().filter(|name| procedure.giver(name).is_none()))
                ),
            ),
            Some(kind) if kind.source == Origin::Step => fault(
                format!("{place}.name"),
                "something that the citizen gives; a department gives this".into(),
            ),
            Some(_) if !wanted.contains_key(&given.name) => {
                fault(
                    format!("{place}.name"),
                    "needed by one of the parts that are asked for".into(),
                );
            }
            Some(_) if !named.insert(&given.name) => {
                fault(format!("{place}.name"), "named once".into())
            }
            Some(_) => {
                let mut found = Vec::new();
                check_given(procedure, given, &place, &mut found);
                for FieldFault { field, rule } in found {
                    fault(field, rule);
                }
            }
        }
        let subject_is_known = given
            .subject
            .as_ref()
            .is_none_or(|subject| submission.parties.iter().any(|party| party.id == *subject));
        if !subject_is_known {
            fault(
                format!("{place}.subject_party_id"),
                "a party of this dossier".into(),
            );
        }
    }
    let missing = wanted
        .iter()
        .filter(|(name, required)| **required && procedure.giver(name).is_none())
        .filter(|(name, _)| !named.contains(**name))
        .map(|(name, _)| name);
    let missing = join(missing);
    if !missing.is_empty() {
        fault("evidence".into(), format!("complete; missing: {missing}"));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Refusal::Fields(faults))
    }
}

fn check_parties(
    parties: &[Party],
    filed_by: &Option<PartyId>,
    fault: &mut impl FnMut(String, String),
) {
    if parties.len() > PARTIES_MAX {
        fault("parties".into(), format!("at most {PARTIES_MAX}"));
    }
    if !parties
        .iter()
        .any(|party| party.roles.contains(&PartyRole::Owner))
    {
        fault("parties".into(), "at least an owner".into());
    }
    let known = |id: &PartyId| parties.iter().any(|party| party.id == *id);
    if filed_by.as_ref().is_some_and(|id| !known(id)) {
        fault("filed_by_party_id".into(), "a party of this dossier".into());
    }
    let mut ids = BTreeSet::new();
    for (n, party) in parties.iter().enumerate() {
        let place = format!("parties[{n}]");
        if !ids.insert(&party.id) {
            fault(
                format!("{place}.party_id"),
                "different from the other parties'".into(),
            );
        }
        if party.roles.is_empty() {
            fault(format!("{place}.roles"), "at least one".into());
        }
        let may_be_nameless = party.roles.iter().all(|role| *role == PartyRole::Subject);
        if party.name.trim().is_empty() && !may_be_nameless {
            fault(format!("{place}.name"), "a full name".into());
        }
        if party.born_on.is_some_and(|date| !date.is_sound()) {
            fault(
                format!("{place}.born_on"),
                "a date, with 0 for what is not known".into(),
            );
        }
        let mut schemes: BTreeSet<Scheme> = BTreeSet::new();
        for (m, identifier) in party.identifiers.iter().enumerate() {
            if !identifier.scheme.accepts(&identifier.value) {
                fault(
                    format!("{place}.identifiers[{m}].value"),
                    identifier.scheme.rule().into(),
                );
            }
            if !schemes.insert(identifier.scheme) {
                fault(
                    format!("{place}.identifiers[{m}].scheme"),
                    "named once".into(),
                );
            }
        }
        let is_representative = party.roles.contains(&PartyRole::Representative);
        if is_representative != party.represents.is_some()
            || party
                .represents
                .as_ref()
                .is_some_and(|id| !known(id) || *id == party.id)
        {
            fault(
                format!("{place}.represents_party_id"),
                "another party of this dossier, for a representative and nobody else".into(),
            );
        }
    }
}

/// Checks one piece of evidence by itself: its data, schema and documents.
pub(crate) fn check_given(
    procedure: &Procedure,
    given: &Given,
    place: &str,
    faults: &mut Vec<FieldFault>,
) {
    let mut fault = |field: &str, rule: String| {
        faults.push(FieldFault {
            field: format!("{place}.{field}"),
            rule,
        });
    };
    if given.data.is_empty() && given.documents.is_empty() {
        fault("data", "there, or documents, or both".into());
    }
    if given.data.len() > EVIDENCE_DATA_BYTES_MAX {
        fault("data", format!("at most {EVIDENCE_DATA_BYTES_MAX} bytes"));
    } else if !given.data.is_empty() && !is_json_object(&given.data) {
        fault("data", "an I-JSON object (RFC 7493) in UTF-8".into());
    }
    if given.documents.len() > EVIDENCE_DOCUMENTS_MAX {
        fault("documents", format!("at most {EVIDENCE_DOCUMENTS_MAX}"));
    }
    for (n, document) in given.documents.iter().enumerate() {
        if document.size_bytes == 0 {
            fault(&format!("documents[{n}].size_bytes"), "at least 1".into());
        }
    }
    let Some(kind) = procedure.text.evidence.get(&given.name) else {
        return;
    };
    if given.schema_id != kind.schema {
        fault(
            "schema_id",
            if kind.schema.is_empty() {
                "empty".into()
            } else {
                kind.schema.clone()
            },
        );
    }
    if (given.documents.len() as u64) < u64::from(kind.documents_min) {
        fault("documents", format!("at least {}", kind.documents_min));
    }
}

/// An object without a repeated key, as I-JSON wants it (RFC 7493 §2.3).
fn is_json_object(data: &[u8]) -> bool {
    serde_json::from_slice::<Unique>(data).is_ok()
        && data.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{')
}

/// Reads any JSON and keeps nothing; a repeated key is an error.
struct Unique;

impl<'de> serde::Deserialize<'de> for Unique {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> serde::de::Visitor<'de> for Visit {
            type Value = Unique;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }
            fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_unit<E>(self) -> Result<Unique, E> {
                Ok(Unique)
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut seq: A,
            ) -> Result<Unique, A::Error> {
                while seq.next_element::<Unique>()?.is_some() {}
                Ok(Unique)
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Unique, A::Error> {
                let mut keys = BTreeSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if !keys.insert(key) {
                        return Err(serde::de::Error::custom("a repeated key"));
                    }
                    map.next_value::<Unique>()?;
                }
                Ok(Unique)
            }
        }
        from.deserialize_any(Visit)
    }
}

fn join<T: ToString>(names: impl Iterator<Item = T>) -> String {
    names
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
