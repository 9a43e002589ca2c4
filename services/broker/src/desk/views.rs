//! Views: where dossiers stand, and what they gave.

use super::{Caller, Desk, bad_field, blocking, page, unreadable};
use crate::{
    access::DeskCall,
    hot::{self, LoadError},
    store::Reader,
    wire,
};
use contract::v1;
use dossier::{
    code::ResultCode,
    name::{AgencyCode, DossierCode},
    standing,
};
use node::fault::Fault;
use tonic::{Code, Status};

/// Dossiers on a page if nothing else is asked for.
const PAGE_DOSSIERS: u32 = 50;
/// Dossiers on a page at most.
const PAGE_DOSSIERS_MAX: u32 = 500;

fn no_such_code() -> Status {
    Fault::new(
        Code::NotFound,
        "UNKNOWN_DOSSIER",
        "there is no dossier with this code; look at the receipt slip",
        "Không có hồ sơ với mã này. Kiểm tra lại giấy tiếp nhận.",
    )
    .into_status()
}

impl Desk {
    pub(super) async fn serve_track(
        &self,
        caller: Caller,
        request: v1::TrackRequest,
    ) -> Result<v1::TrackResponse, Status> {
        let desk = self.clone();
        let code = request.dossier_code;
        blocking(move || Ok(desk.case(&caller.agency, &code, DeskCall::Track)?.track())).await
    }

    /// Whoever knows the code sees how far it is; no desk need be named.
    pub(super) async fn serve_track_public(
        &self,
        request: v1::TrackPublicRequest,
    ) -> Result<v1::TrackPublicResponse, Status> {
        let code: DossierCode = request.dossier_code.parse().map_err(|_| no_such_code())?;
        let reader = self.reader.clone();
        blocking(move || {
            let found = reader.by_code(&code).map_err(|error| unreadable(&error))?;
            let id = found.ok_or_else(no_such_code)?;
            match hot::load(reader.as_ref(), &id) {
                Ok(Some(committed)) => Ok(wire::public(&committed.dossier)),
                Ok(None) => Err(no_such_code()),
                Err(LoadError::Store(error)) => Err(unreadable(&error)),
                Err(LoadError::Quarantined(_) | LoadError::Unreadable(_)) => {
                    Err(crate::failure::Failure::Quarantined.fault().into_status())
                }
            }
        })
        .await
    }

    pub(super) async fn serve_list_results(
        &self,
        caller: Caller,
        request: v1::ListResultsRequest,
    ) -> Result<v1::ListResultsResponse, Status> {
        let case = self
            .case_of(&caller.agency, &request.dossier_code, DeskCall::ListResults)
            .await?;
        let procedure = case.rulebook.rules().procedure;
        let results = standing::results(&case.dossier, procedure)
            .into_keys()
            .filter_map(|name| case.dossier.newest(&name))
            .map(|version| wire::evidence(version))
            .collect();
        let complete = case.dossier.closed_at.is_some();
        Ok(v1::ListResultsResponse { results, complete })
    }

    pub(super) async fn serve_list_vault_uses(
        &self,
        caller: Caller,
        request: v1::ListVaultUsesRequest,
    ) -> Result<v1::ListVaultUsesResponse, Status> {
        let desk = self.clone();
        blocking(move || {
            let call = DeskCall::ListVaultUses;
            let case = desk.case(&caller.agency, &request.dossier_code, call)?;
            let procedure = case.rulebook.rules().procedure;
            // Every version of what may be used again has its number.
            let deposited = case
                .dossier
                .evidence
                .iter()
                .filter(|(name, _)| procedure.evidence(name).is_some_and(|kind| kind.reusable))
                .map(|(_, versions)| versions.len())
                .sum();
            let mut uses = Vec::new();
            for number in (1..).take(deposited) {
                let code = ResultCode {
                    dossier: case.dossier.code().clone(),
                    number,
                };
                let found = desk.reader.vault_uses(&code.to_string());
                uses.extend(found.map_err(|error| unreadable(&error))?);
            }
            uses.sort_by_key(|one| one.at);
            Ok(v1::ListVaultUsesResponse {
                uses: uses
                    .into_iter()
                    .map(|one| v1::VaultUse {
                        vault_code: one.code,
                        evidence: one.evidence.to_string(),
                        procedure_code: one.procedure.to_string(),
                        used_at: wire::timestamp(one.at),
                    })
                    .collect(),
            })
        })
        .await
    }

    pub(super) async fn serve_list_dossiers(
        &self,
        caller: Caller,
        request: v1::ListDossiersRequest,
    ) -> Result<v1::ListDossiersResponse, Status> {
        let before = match request.page_token.as_str() {
            "" => None,
            token => Some(
                u64::from_str_radix(token, 16)
                    .map_err(|_| bad_field("page_token", "one that this broker gave, or empty"))?,
            ),
        };
        let limit = page(request.page_size, PAGE_DOSSIERS, PAGE_DOSSIERS_MAX);
        let reader = self.reader.clone();
        blocking(move || list_dossiers(reader.as_ref(), &caller.agency, before, limit)).await
    }
}

fn list_dossiers(
    reader: &dyn Reader,
    desk: &AgencyCode,
    before: Option<u64>,
    limit: usize,
) -> Result<v1::ListDossiersResponse, Status> {
    let rows = reader
        .dossiers(Some(desk), false, before, limit)
        .map_err(|error| unreadable(&error))?;
    let next_page_token = match rows.last() {
        Some(last) if rows.len() == limit => format!("{:x}", last.number),
        _ => String::new(),
    };
    let mut dossiers = Vec::with_capacity(rows.len());
    for row in rows {
        match hot::load(reader, &row.dossier_id) {
            Ok(Some(found)) => dossiers.push(wire::summary(&found.dossier, row.erased_at)),
            Err(LoadError::Quarantined(_) | LoadError::Unreadable(_)) => {
                dossiers.push(wire::quarantined(&row));
            }
            Ok(None) => {}
            Err(LoadError::Store(error)) => return Err(unreadable(&error)),
        }
    }
    Ok(v1::ListDossiersResponse {
        dossiers,
        next_page_token,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{
        Batch, MemoryStore, Store as _,
        conformance::{named, received},
    };

    #[test]
    fn a_dossier_that_cannot_be_read_is_listed_and_its_state_says_so() {
        let mut store = MemoryStore::new();
        let change = received(1);
        let code = change.summary.code.to_string();
        let batch = Batch {
            changes: vec![change],
            ..Batch::default()
        };
        store.commit(batch).unwrap();
        let listed = list_dossiers(&store, &named("H26.1"), None, 9).unwrap();
        let [one] = &listed.dossiers[..] else {
            panic!("{listed:?}");
        };
        assert_eq!(one.dossier_code, code);
        assert_eq!(one.state(), v1::DossierState::Quarantined);
        assert!(one.received_at.is_some());
    }
}
