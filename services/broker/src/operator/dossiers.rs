//! Dossiers: searched for, found by a person, and one of them whole.

use super::{Operator, bad_field, page_before, page_of, rows::Names, timeline, unreadable};
use crate::{
    access,
    desk::{Case, blocking, page},
    ledger::Note,
    store::{Audit, FoundDossier, PersonKey},
    wire::{self, PersonBy, PersonItem, SearchItem},
};
use contract::v1;
use dossier::{
    evidence::{Source, Version},
    name::{DossierId, EvidenceName},
    party::{Identifier, Party, PartyRole},
    procedure::Procedure,
    vault,
};
use jiff::Timestamp;
use node::fault::Fault;
use std::collections::BTreeSet;
use tonic::Status;

const PAGE_DOSSIERS: u32 = 50;
const PAGE_DOSSIERS_MAX: u32 = 500;
const PAGE_PERSONS_MAX: u32 = 200;
/// Incidents of one dossier that are shown, the newest.
const INCIDENTS_SHOWN_MAX: usize = 100;
/// Entries of one dossier's history that are shown, the newest: a message has its limit.
const TIMELINE_MAX: usize = 2_000;

impl Operator {
    pub(super) async fn serve_search_dossiers(
        &self,
        _: access::Operator,
        request: v1::SearchDossiersRequest,
    ) -> Result<v1::SearchDossiersResponse, Status> {
        let names = Names::of(&self.registry);
        let item = wire::search(&request, &names.directory).map_err(Fault::into_status)?;
        let before = page_before(&request.page_token)?;
        let limit = page(request.page_size, PAGE_DOSSIERS, PAGE_DOSSIERS_MAX);
        let reader = self.reader.clone();
        blocking(move || match item {
            SearchItem::Code(code) => {
                let id = reader.by_code(&code).map_err(unreadable)?;
                let found = match id {
                    Some(id) => reader.found(&id).map_err(unreadable)?,
                    None => None,
                };
                Ok(v1::SearchDossiersResponse {
                    dossiers: found.iter().map(|found| names.row(found)).collect(),
                    next_page_token: String::new(),
                })
            }
            SearchItem::All(search) => {
                let found = reader.search(&search, before, limit).map_err(unreadable)?;
                let rows = found.found.iter();
                let rows = rows.map(|found| (found.row.number, names.row(found)));
                let count = found.found.len();
                let (dossiers, cut) = page_of(rows.collect(), usize::MAX);
                // Where a message is full the next page begins after what it tells; else after all that was
                // looked at.
                let next = match dossiers.len() < count {
                    true => cut,
                    false => found.next.map_or_else(String::new, |next| next.to_string()),
                };
                Ok(v1::SearchDossiersResponse {
                    dossiers,
                    next_page_token: next,
                })
            }
        })
        .await
    }

    /// What was looked for is in the audit log before anything is shown.
    pub(super) async fn serve_find_person(
        &self,
        who: access::Operator,
        request: v1::FindPersonRequest,
    ) -> Result<v1::FindPersonResponse, Status> {
        let names = Names::of(&self.registry);
        let item = wire::find_person(&request, &names.directory).map_err(Fault::into_status)?;
        let before = page_before(&request.page_token)?;
        let limit = page(request.page_size, PAGE_DOSSIERS, PAGE_PERSONS_MAX);
        let key = match &item.by {
            PersonBy::Name(name) => self.persons.of_name(name),
            PersonBy::Number(number) => Some(self.persons.of_number(number)),
        };
        let key = key.ok_or_else(|| bad_field("name", "a name with letters"))?;
        let reader = self.reader.clone();
        let found = blocking(move || reader.of_person(&key, before, limit).map_err(unreadable));
        let found = found.await?;
        self.record_look(who, &item, key, &found).await?;
        let operator = self.clone();
        let rows = blocking(move || {
            let shown = found.iter().map(|one| {
                let person = operator.person(&names, &item.by, one)?;
                Ok((one.row.number, person))
            });
            shown.collect::<Result<Vec<_>, Status>>()
        });
        let (found, next_page_token) = page_of(rows.await?, limit);
        Ok(v1::FindPersonResponse {
            found,
            next_page_token,
        })
    }

    /// The entry names nobody: only the keyed hash, by which two looks for one person are told as such.
    async fn record_look(
        &self,
        who: access::Operator,
        item: &PersonItem,
        key: PersonKey,
        found: &[FoundDossier],
    ) -> Result<(), Status> {
        let by = match item.by {
            PersonBy::Name(_) => "name",
            PersonBy::Number(ref number) => number.scheme.word(),
        };
        let audit = Audit {
            at: Timestamp::now(),
            operator: who.identity,
            via: who.via,
            call: "FindPerson".into(),
            dossier_id: None,
            subject: format!("{by}:{}", hex::encode(key.0)),
            reason: item.reason.clone(),
            before: String::new(),
            after: format!("{} found", found.len()),
        };
        let note = Note {
            audits: vec![audit],
            ..Note::default()
        };
        let kept = self.ledger.note(note).await;
        kept.map_err(|failure| failure.fault().into_status())
    }

    fn person(
        &self,
        names: &Names,
        by: &PersonBy,
        found: &FoundDossier,
    ) -> Result<v1::PersonFound, Status> {
        let mut shown = v1::PersonFound {
            dossier: Some(names.row(found)),
            ..v1::PersonFound::default()
        };
        let id = &found.row.dossier_id;
        let is_readable = found.row.quarantined.is_none() && found.row.erased_at.is_none();
        if !is_readable {
            return Ok(shown);
        }
        let Some(case) = Case::load(self.reader.as_ref(), &self.registry, id)? else {
            return Ok(shown);
        };
        // With the numbers that its steps gave.
        let parties = vault::parties(&case.dossier, case.rulebook.rules().procedure);
        let wanted = |party: &&Party| match by {
            PersonBy::Name(name) => self.persons.of_name(&party.name) == self.persons.of_name(name),
            PersonBy::Number(number) => party.identifiers.contains(number),
        };
        if let Some(party) = parties.iter().find(wanted) {
            shown.name_masked = masked_name(&party.name);
            let number = party.identifiers.first();
            shown.identifier_masked = number.map(masked_number).unwrap_or_default();
            shown.roles = party.roles.iter().map(|role| role_of(*role)).collect();
        }
        Ok(shown)
    }

    pub(super) async fn serve_inspect_dossier(
        &self,
        _: access::Operator,
        request: v1::InspectDossierRequest,
    ) -> Result<v1::InspectDossierResponse, Status> {
        let code = super::code(&request.dossier_code)?;
        let operator = self.clone();
        blocking(move || {
            let found = operator.reader.by_code(&code).map_err(unreadable)?;
            let id = found.ok_or_else(super::unknown_dossier)?;
            operator.inspect(&id)
        })
        .await
    }

    fn inspect(&self, id: &DossierId) -> Result<v1::InspectDossierResponse, Status> {
        let reader = self.reader.as_ref();
        let names = Names::of(&self.registry);
        let found = reader.found(id).map_err(unreadable)?;
        let found = found.ok_or_else(super::unknown_dossier)?;
        let incidents = reader
            .incidents_of(id, INCIDENTS_SHOWN_MAX)
            .map_err(unreadable)?;
        let mut shown = v1::InspectDossierResponse {
            row: Some(names.row(&found)),
            incidents: incidents
                .into_iter()
                .map(|one| super::incidents::incident(reader, &names, one))
                .collect::<Result<_, _>>()
                .map_err(unreadable)?,
            quarantined: found.row.quarantined.clone().unwrap_or_default(),
            ..v1::InspectDossierResponse::default()
        };
        if found.row.quarantined.is_some() {
            return Ok(shown);
        }
        let case = Case::load(reader, &self.registry, id)?.ok_or_else(super::unknown_dossier)?;
        let procedure = case.rulebook.rules().procedure;
        let attempts = reader.attempts_of(id).map_err(unreadable)?;
        let skipped = case.entries.len().saturating_sub(TIMELINE_MAX);
        shown.timeline = case.entries[skipped..]
            .iter()
            .map(timeline::entry)
            .collect();
        shown.retries = attempts
            .into_iter()
            .map(|one| v1::Retry {
                agency_code: case
                    .dossier
                    .steps
                    .get(&one.step)
                    .map(|step| step.agency.to_string())
                    .unwrap_or_default(),
                step_id: one.step.to_string(),
                round: one.round,
                attempts: one.attempt.attempts,
                last_error: one.attempt.last_error,
                next_at: wire::timestamp(one.attempt.next_at),
            })
            .collect();
        shown.graph = graph(&case, procedure);
        let newest = case.dossier.evidence.values();
        shown.papers = newest
            .flat_map(|versions| versions.iter())
            .map(|version| paper(version, procedure))
            .collect();
        shown.dossier = Some(for_operators(case.track()));
        Ok(shown)
    }
}

/// Without what a desk is told of a citizen and an operator need not know.
fn for_operators(mut dossier: v1::TrackResponse) -> v1::TrackResponse {
    dossier.filed_by_party_id.clear();
    for obligation in &mut dossier.obligations {
        obligation.payment_reference.clear();
        obligation.purpose.clear();
    }
    // What departments and desks write in their own words may name people.
    for step in &mut dossier.steps {
        step.reason.clear();
    }
    for item in dossier
        .supplements
        .iter_mut()
        .flat_map(|one| &mut one.items)
    {
        item.reason.clear();
    }
    dossier
}

/// The steps of a dossier in the order of its procedure: those that it follows, and the givers of what it
/// needs that are in this dossier.
fn graph(case: &Case, procedure: &Procedure) -> Vec<v1::GraphStep> {
    let steps = &case.dossier.steps;
    let plans = steps
        .keys()
        .filter_map(|id| Some((id, procedure.step(id)?)));
    plans
        .map(|(id, plan)| {
            let needs: BTreeSet<&EvidenceName> =
                plan.needs.iter().map(|need| &need.evidence).collect();
            let givers = needs.iter().flat_map(|name| procedure.givers(name));
            let after: BTreeSet<_> = plan
                .after
                .iter()
                .chain(givers)
                .filter(|other| steps.contains_key(*other) && *other != id)
                .collect();
            v1::GraphStep {
                step_id: id.to_string(),
                after: after.into_iter().map(ToString::to_string).collect(),
                needs: needs.into_iter().map(ToString::to_string).collect(),
                gives: plan.gives.iter().map(ToString::to_string).collect(),
            }
        })
        .collect()
}

/// Kinds, never content.
fn paper(version: &Version, procedure: &Procedure) -> v1::Paper {
    let given = &version.new.given;
    let kind = procedure.evidence(&given.name);
    let media: BTreeSet<&String> = given.documents.iter().map(|one| &one.media_type).collect();
    let source = match version.new.source {
        Source::Citizen => v1::EvidenceSource::Citizen,
        Source::Registry => v1::EvidenceSource::Registry,
        Source::Step => v1::EvidenceSource::Step,
        Source::Vault => v1::EvidenceSource::Vault,
    };
    v1::Paper {
        name: given.name.to_string(),
        title: kind.map(|kind| super::rows::text(&kind.title)),
        version: version.new.version,
        documents: u32::try_from(given.documents.len()).unwrap_or(u32::MAX),
        media_types: media.into_iter().cloned().collect(),
        has_data: !given.data.is_empty(),
        source: source.into(),
        given_by_agency_code: version.agency.to_string(),
        given_by_step_id: version
            .step
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        given_at: wire::timestamp(version.at),
    }
}

fn role_of(role: PartyRole) -> i32 {
    match role {
        PartyRole::Owner => v1::PartyRole::Owner.into(),
        PartyRole::Submitter => v1::PartyRole::Submitter.into(),
        PartyRole::Representative => v1::PartyRole::Representative.into(),
        PartyRole::Subject => v1::PartyRole::Subject.into(),
    }
}

/// The first letter of each word: `N••• V••• A•••`, however long it is.
fn masked_name(name: &str) -> String {
    let words = name
        .split_whitespace()
        .filter_map(|word| word.chars().next());
    words
        .map(|first| format!("{first}•••"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The first three and the last two characters, where there are enough others between them.
fn masked_number(number: &Identifier) -> String {
    let value: Vec<char> = number.value.chars().collect();
    let (shown_first, shown_last) = (3, 2);
    if value.len() < 2 * (shown_first + shown_last) {
        return "•".repeat(value.len());
    }
    let hidden = value.len() - shown_first - shown_last;
    value[..shown_first]
        .iter()
        .copied()
        .chain(std::iter::repeat_n('•', hidden))
        .chain(value[value.len() - shown_last..].iter().copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dossier::party::Scheme;

    #[test]
    fn a_masked_person_is_known_to_who_knows_it_and_to_nobody_else() {
        assert_eq!(masked_name("Nguyễn Văn Ân"), "N••• V••• Â•••");
        assert_eq!(masked_name(""), "");
        let masked = |scheme, value: &str| {
            masked_number(&Identifier {
                scheme,
                value: value.into(),
            })
        };
        assert_eq!(masked(Scheme::PersonalId, "099123456789"), "099•••••••89");
        assert_eq!(masked(Scheme::Passport, "B1234567"), "••••••••");
    }
}
