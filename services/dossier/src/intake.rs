//! Intake: checks what a desk submits against the procedure and receives it as a dossier.

use crate::{
    Decided, Entry, Event, Refusal, Rules,
    condition::Judgement,
    decide::Progress,
    dossier::Dossier,
    event::{Assignment, Cause, Channel, Deadline, Received, Reception},
    evidence::{Given, NewVersion, Source},
    ijson,
    limit::{Limit, Unit},
    name::{
        AgencyCode, DossierCode, DossierId, EvidenceName, Key, PartId, PartyId, StepId,
        TerritoryCode,
    },
    party::{Officer, Party, PartyRole, Scheme},
    procedure::{Actor, Origin, civil_date},
    refusal::FieldFault,
    request::warn_at,
    schema::DataError,
    vault::Finding,
    want::{Known, Want},
};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The most bytes of data that one piece of evidence may have.
pub const EVIDENCE_DATA_BYTES_MAX: usize = 64 * 1024;
/// The most documents that one piece of evidence may have.
pub const EVIDENCE_DOCUMENTS_MAX: usize = 20;
/// The most parties that a dossier may have.
pub const PARTIES_MAX: usize = 50;

/// What a desk submits.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The desk's key: the same key gives the same dossier for ever.
    pub key: Key,
    /// The receiving desk; that its system may act for it is already sure.
    pub desk: AgencyCode,
    /// The desk that hands out.
    pub hand_out_desk: AgencyCode,
    /// The optional parts and steps wanted.
    pub asked: BTreeSet<String>,
    /// Where the case belongs.
    pub territory: TerritoryCode,
    /// Who is in it.
    pub parties: Vec<Party>,
    /// What the citizen gave.
    pub evidence: Vec<Given>,
    /// How it came.
    pub channel: Channel,
    /// When the citizen arrived, as the desk says.
    pub arrived_at: Option<Timestamp>,
    /// When it was filed, as the desk says.
    pub filed_at: Option<Timestamp>,
    /// When it was received, as the desk says.
    pub received_at: Option<Timestamp>,
    /// The party that filed it, if not the owner.
    pub filed_by: Option<PartyId>,
    /// Who took it.
    pub officer: Officer,
    /// What the vaults of its parties have.
    pub vault: Vec<Finding>,
}

/// Checks a submission and receives it as a dossier under this code: filing and reception in one.
///
/// # Errors
/// Names every field that is wrong, or the role for which the directory has no department.
pub fn receive(
    id: DossierId,
    code: DossierCode,
    submission: Submission,
    cause: Cause,
    rules: Rules<'_>,
    at: Timestamp,
) -> Result<Decided, Refusal> {
    check_complete(&submission, rules, at)?;
    let received = taken(code, submission, rules, at)?;
    Ok(begun(
        id,
        Event::Received(Box::new(received)),
        cause,
        rules,
        at,
    ))
}

/// Checks a submission and files it: a desk's officer receives it, refuses it or asks for more. What
/// is missing may be missing still; until when the desk must look at it is its promised time.
///
/// # Errors
/// Names every field that is wrong, or the role for which the directory has no department.
pub fn file(
    id: DossierId,
    code: DossierCode,
    submission: Submission,
    cause: Cause,
    rules: Rules<'_>,
    at: Timestamp,
) -> Result<Decided, Refusal> {
    check(&submission, rules, at)?;
    let mut filed = taken(code, submission, rules, at)?;
    let start = rules.calendar.starts(at, None);
    filed.promised_at = rules
        .procedure
        .text
        .intake_limit
        .map_or(filed.promised_at, |limit| rules.calendar.ends(start, limit));
    filed.received_at = None;
    Ok(begun(id, Event::Filed(Box::new(filed)), cause, rules, at))
}

fn begun(id: DossierId, event: Event, cause: Cause, rules: Rules<'_>, at: Timestamp) -> Decided {
    let first = Entry {
        sequence: 1,
        at,
        cause: Some(cause),
        event,
    };
    let dossier = Dossier::begin(id, &first).expect("a filing or reception begins a dossier");
    let mut progress = Progress::begun(dossier, first);
    progress.settle(rules);
    Decided {
        dossier: progress.dossier,
        entries: progress.entries,
        after: progress.after,
        at,
        sequence: 1,
    }
}

/// What is taken from a submission, with what its parties' vaults have of what is missing.
fn taken(
    code: DossierCode,
    submission: Submission,
    rules: Rules<'_>,
    at: Timestamp,
) -> Result<Received, Refusal> {
    let plan = Plan::of(&submission, rules, at);
    let assignments = plan.assignments()?;
    let parts = plan.parts();
    let promised_at = promised(&parts, at);
    let from_vault = usable(&submission, rules, at);
    let reused = from_vault
        .iter()
        .map(|found| (found.given.name.clone(), found.code.clone()))
        .collect();
    let given = submission.evidence.iter().map(|given| {
        let kind = rules.procedure.text.evidence.get(&given.name);
        let source = match kind.map(|kind| kind.source) {
            Some(Origin::Registry) => Source::Registry,
            _ => Source::Citizen,
        };
        (given, source)
    });
    let from_vault = from_vault.iter().map(|found| (&found.given, Source::Vault));
    let evidence = given
        .chain(from_vault)
        .map(|(given, source)| NewVersion {
            version: 1,
            digest: given.digest(),
            source,
            given: given.clone(),
        })
        .collect();
    Ok(Received {
        code,
        procedure: rules.procedure.code().clone(),
        procedure_digest: rules.procedure.digest,
        directory_digest: rules.directory.digest,
        calendar_digest: rules.calendar.digest,
        desk: submission.desk,
        hand_out_desk: submission.hand_out_desk,
        territory: submission.territory,
        channel: submission.channel,
        arrived_at: submission.arrived_at,
        filed_at: submission.filed_at,
        received_at: submission.received_at,
        parts,
        asked: submission.asked,
        assignments,
        parties: submission.parties,
        evidence,
        reused,
        promised_at,
        submit_key: submission.key,
        filed_by: submission.filed_by,
        officer: submission.officer,
    })
}

/// What reception fixes for a dossier that was filed, and what the vault adds.
pub(crate) fn reception<'v>(
    dossier: &Dossier,
    rules: Rules<'_>,
    received_at: Option<Timestamp>,
    officer: Officer,
    vault: &'v [Finding],
    at: Timestamp,
) -> Result<(Reception, Vec<&'v Finding>), Refusal> {
    let received = &dossier.received;
    let plan = Plan {
        rules,
        asked: &received.asked,
        territory: &received.territory,
        desk: &received.desk,
        hand_out_desk: &received.hand_out_desk,
        at,
    };
    let assignments = plan.assignments()?;
    let parts = plan.parts();
    let submission = Submission {
        key: received.submit_key.clone(),
        desk: received.desk.clone(),
        hand_out_desk: received.hand_out_desk.clone(),
        asked: received.asked.clone(),
        territory: received.territory.clone(),
        parties: received.parties.clone(),
        evidence: dossier
            .evidence
            .values()
            .filter_map(|versions| versions.last())
            .map(|version| version.new.given.clone())
            .collect(),
        channel: received.channel,
        arrived_at: None,
        filed_at: None,
        received_at: None,
        filed_by: None,
        officer: Officer::default(),
        vault: vault.to_vec(),
    };
    let missing = lacking(&submission, rules, at);
    if !missing.is_empty() {
        return Err(Refusal::Incomplete {
            missing: join(missing.iter()),
        });
    }
    let found = usable(&submission, rules, at);
    let found = vault
        .iter()
        .filter(|one| found.iter().any(|used| used.code == one.code))
        .collect();
    let promised_at = promised(&parts, at);
    let reception = Reception {
        procedure_digest: rules.procedure.digest,
        directory_digest: rules.directory.digest,
        calendar_digest: rules.calendar.digest,
        parts,
        assignments,
        promised_at,
        received_at,
        officer,
    };
    Ok((reception, found))
}

/// When a limit begins that is promised at reception: days do not count the day of reception in any
/// case, hours begin after the cut-off.
pub(crate) fn begins(after_cutoff: Timestamp, at: Timestamp, limit: Limit) -> Timestamp {
    match limit.unit {
        Unit::WorkingDay | Unit::CalendarDay => at,
        Unit::WorkingHour | Unit::ElapsedHour => after_cutoff,
    }
}

fn promised(parts: &BTreeMap<PartId, Deadline>, at: Timestamp) -> Timestamp {
    parts
        .values()
        .map(|deadline| deadline.due_at)
        .max()
        .unwrap_or(at)
}

/// Which steps a dossier has, who does them, and by when.
struct Plan<'a> {
    rules: Rules<'a>,
    asked: &'a BTreeSet<String>,
    territory: &'a TerritoryCode,
    desk: &'a AgencyCode,
    hand_out_desk: &'a AgencyCode,
    at: Timestamp,
}

impl<'a> Plan<'a> {
    fn of(submission: &'a Submission, rules: Rules<'a>, at: Timestamp) -> Self {
        Self {
            rules,
            asked: &submission.asked,
            territory: &submission.territory,
            desk: &submission.desk,
            hand_out_desk: &submission.hand_out_desk,
            at,
        }
    }

    fn asked_parts(&self) -> BTreeSet<PartId> {
        parts_in(self.rules, self.asked)
    }

    fn steps(&self) -> Vec<(&'a StepId, &'a crate::procedure::Step)> {
        let day = civil_date(self.at);
        let parts = self.asked_parts();
        self.rules
            .procedure
            .text
            .steps
            .iter()
            .filter(|(_, step)| parts.contains(&step.part))
            .filter(|(id, step)| !step.optional || self.asked.contains(id.as_str()))
            .filter(|(_, step)| step.is_in_force(day))
            .collect()
    }

    fn start(&self) -> Timestamp {
        self.rules
            .calendar
            .starts(self.at, self.rules.procedure.text.cutoff)
    }

    fn parts(&self) -> BTreeMap<PartId, Deadline> {
        let start = self.start();
        self.asked_parts()
            .into_iter()
            .filter_map(|id| {
                let limit = self.rules.procedure.text.parts.get(&id)?.limit;
                let due_at = self
                    .rules
                    .calendar
                    .ends(begins(start, self.at, limit), limit);
                let warn_at = warn_at(self.rules.calendar, self.at, due_at);
                Some((id, Deadline { due_at, warn_at }))
            })
            .collect()
    }

    fn assignments(&self) -> Result<BTreeMap<StepId, Assignment>, Refusal> {
        let steps = self.steps();
        let mut planned = BTreeMap::new();
        let mut assignments = BTreeMap::new();
        for (id, step) in &steps {
            let agency = match (step.actor, &step.role) {
                (Actor::Department, Some(role)) => self
                    .rules
                    .directory
                    .resolve(role, self.territory, self.at)
                    .ok_or_else(|| Refusal::NoDepartment {
                        role: role.clone(),
                        territory: self.territory.clone(),
                    })?
                    .code
                    .clone(),
                _ if !step.hands_out.is_empty() => self.hand_out_desk.clone(),
                _ => self.desk.clone(),
            };
            let assignment = Assignment {
                agency,
                part: step.part.clone(),
                actor: step.actor,
                planned_at: self.planned(id, &mut planned),
            };
            assignments.insert((*id).clone(), assignment);
        }
        Ok(assignments)
    }

    /// When a step should be done if all before it is done in its time. The procedure has no cycle.
    fn planned(&self, id: &StepId, known: &mut BTreeMap<StepId, Timestamp>) -> Timestamp {
        if let Some(at) = known.get(id) {
            return *at;
        }
        let Some(step) = self.rules.procedure.step(id) else {
            return self.at;
        };
        let before: BTreeSet<StepId> = step
            .needs
            .iter()
            .flat_map(|need| self.rules.procedure.givers(&need.evidence))
            .chain(&step.after)
            .cloned()
            .collect();
        let start = before
            .iter()
            .map(|before| self.planned(before, known))
            .max()
            .unwrap_or_else(|| self.start());
        let begins = begins(self.rules.calendar.starts(start, None), start, step.limit);
        let at = self.rules.calendar.ends(begins, step.limit);
        known.insert(id.clone(), at);
        at
    }
}

fn parts_in(rules: Rules<'_>, asked: &BTreeSet<String>) -> BTreeSet<PartId> {
    let optional = asked.iter().filter_map(|name| name.parse().ok()).collect();
    rules.procedure.parts_with(&optional)
}

/// The evidence that the steps of a submission want from outside, and how much.
fn wanted<'a>(
    submission: &'a Submission,
    rules: Rules<'a>,
    at: Timestamp,
) -> BTreeMap<&'a EvidenceName, Want> {
    let plan = Plan::of(submission, rules, at);
    let given = |name: &EvidenceName| {
        let by_citizen = submission.evidence.iter().find(|g| g.name == *name);
        let by_vault = || {
            submission
                .vault
                .iter()
                .map(|f| &f.given)
                .find(|g| g.name == *name)
        };
        by_citizen.or_else(by_vault).map(|given| &*given.data)
    };
    let known = Known::new(given, &submission.asked, &submission.parties);
    let mut wanted: BTreeMap<&EvidenceName, Want> = BTreeMap::new();
    for (_, step) in plan.steps() {
        let runs = known.judge(step.when.as_ref()) != Judgement::Fails;
        for (name, how) in known.outside(rules.procedure, step) {
            let how = match how {
                Want::Required if !runs => Want::Optional,
                how => how,
            };
            let so_far = wanted.entry(name).or_insert(how);
            if how == Want::Required {
                *so_far = how;
            }
        }
    }
    wanted
}

/// What the citizen must bring and did not: what is neither given, nor in the vault, nor with a holder
/// that can be asked, nor somebody's consent.
fn lacking(submission: &Submission, rules: Rules<'_>, at: Timestamp) -> BTreeSet<EvidenceName> {
    let named: BTreeSet<&EvidenceName> = submission.evidence.iter().map(|g| &g.name).collect();
    let from_vault = usable(submission, rules, at);
    wanted(submission, rules, at)
        .into_iter()
        .filter(|(name, how)| *how == Want::Required && !named.contains(*name))
        .filter(|(name, _)| !from_vault.iter().any(|found| found.given.name == **name))
        .filter(|(name, _)| {
            rules
                .procedure
                .text
                .evidence
                .get(*name)
                .is_some_and(|kind| {
                    let can_be_asked = kind.holder.as_ref().is_some_and(|role| {
                        rules
                            .directory
                            .resolve(role, &submission.territory, at)
                            .is_some()
                    });
                    !kind.consent && !kind.optional && !can_be_asked
                })
        })
        .map(|(name, _)| name.clone())
        .collect()
}

/// What the vault has of what is wanted and was not given: valid, permitted for reuse, the newest.
fn usable(submission: &Submission, rules: Rules<'_>, at: Timestamp) -> Vec<Finding> {
    let wanted = wanted(submission, rules, at);
    let mut found: BTreeMap<EvidenceName, Finding> = BTreeMap::new();
    for one in &submission.vault {
        let name = &one.given.name;
        let kind = rules.procedure.text.evidence.get(name);
        let is_wanted = matches!(
            wanted.get(name),
            Some(Want::Required | Want::Optional | Want::Unknown)
        );
        let is_given = submission.evidence.iter().any(|given| given.name == *name);
        let fits = kind.is_some_and(|kind| one.fits(kind, &submission.parties, at));
        if is_wanted && !is_given && fits {
            // The broker gives the newest of a name first.
            found.entry(name.clone()).or_insert_with(|| one.clone());
        }
    }
    found.into_values().collect()
}

/// Checks a submission that is received as it comes: it must be complete, too. What passes is received
/// under whatever code it gets, so that a code is taken only then.
///
/// # Errors
/// As [`receive`].
pub fn check_complete(
    submission: &Submission,
    rules: Rules<'_>,
    at: Timestamp,
) -> Result<(), Refusal> {
    let mut faults = match check(submission, rules, at) {
        Err(Refusal::Fields(faults)) => faults,
        other => other.map(|()| vec![])?,
    };
    let missing = lacking(submission, rules, at);
    if !missing.is_empty() {
        faults.push(FieldFault {
            field: "evidence".into(),
            rule: format!("complete; missing: {}", join(missing.iter())),
        });
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Refusal::Fields(faults)),
    }
}

/// Checks a submission, complete or not. Every wrong field is named at once; one that names none must
/// have a department for each of its steps.
///
/// # Errors
/// As [`file`].
pub fn check(submission: &Submission, rules: Rules<'_>, at: Timestamp) -> Result<(), Refusal> {
    let (procedure, directory) = (rules.procedure, rules.directory);
    let mut faults = Vec::new();
    let mut fault = |field: String, rule: String| faults.push(FieldFault { field, rule });

    for name in &submission.asked {
        let part = name
            .parse::<PartId>()
            .ok()
            .and_then(|id| procedure.text.parts.get(&id));
        let step = name
            .parse::<StepId>()
            .ok()
            .and_then(|id| procedure.step(&id));
        let day = civil_date(at);
        match (part, step) {
            (None, None) => fault(
                "optional_parts".into(),
                format!(
                    "parts of procedure {}; it has no part {name}",
                    procedure.code()
                ),
            ),
            (Some(plan), _) if plan.valid_from.is_some_and(|from| day < from) => fault(
                "optional_parts".into(),
                format!(
                    "in force; part {name} can be asked for from {} on",
                    plan.valid_from.unwrap_or_default()
                ),
            ),
            (None, Some(step)) if !step.optional => fault(
                "optional_parts".into(),
                format!("optional; step {name} is always done"),
            ),
            _ => {}
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

    let wanted = wanted(submission, rules, at);
    let mut named = BTreeSet::new();
    for (n, given) in submission.evidence.iter().enumerate() {
        let place = format!("evidence[{n}]");
        match procedure.text.evidence.get(&given.name) {
            None => fault(
                format!("{place}.name"),
                format!(
                    "evidence of procedure {}: {}",
                    procedure.code(),
                    join(wanted.keys())
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
                check_given(rules, given, &place, &mut found);
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
    if !faults.is_empty() {
        return Err(Refusal::Fields(faults));
    }
    Plan::of(submission, rules, at).assignments().map(drop)
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
    rules: Rules<'_>,
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
    let object = object(&given.data);
    if given.data.is_empty() && given.documents.is_empty() {
        fault("data", "there, or documents, or both".into());
    }
    if given.data.len() > EVIDENCE_DATA_BYTES_MAX {
        fault("data", format!("at most {EVIDENCE_DATA_BYTES_MAX} bytes"));
    } else if !given.data.is_empty() && object.is_none() {
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
    let Some(kind) = rules.procedure.text.evidence.get(&given.name) else {
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
    let is_named = !kind.schema.is_empty() && given.schema_id == kind.schema;
    if let Some(object) = object.filter(|_| is_named) {
        for (pointer, rule) in schema_faults(rules, &kind.schema, &object) {
            fault(&format!("data{pointer}"), rule);
        }
    }
}

/// Which members of the data break which rule of its schema. Never a value.
fn schema_faults(rules: Rules<'_>, schema: &str, data: &Value) -> Vec<(String, String)> {
    match rules.schemas.check_value(schema, data) {
        Ok(()) => vec![],
        Err(DataError::Faults(faults)) => faults
            .into_iter()
            .map(|fault| (fault.pointer, fault.rule))
            .collect(),
        Err(unknown) => vec![(String::new(), unknown.to_string())],
    }
}

/// What it says, if it is an I-JSON object (RFC 7493) that is not too long.
fn object(data: &[u8]) -> Option<Value> {
    let value = ijson::read(data, EVIDENCE_DATA_BYTES_MAX).ok();
    value.filter(Value::is_object)
}

fn join<T: ToString>(names: impl Iterator<Item = T>) -> String {
    names
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ")
}
