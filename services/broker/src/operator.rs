//! `OperatorService`: what central operators see and do.

mod audit;
mod deed;
mod departments;
mod dossiers;
mod incidents;
mod measures;
mod overview;
mod redrive;
mod release;
mod retries;
mod rows;
mod statistics;
mod steps;
mod suspensions;
mod timeline;
mod watch;

pub use overview::Page;
pub use statistics::Counts;
pub use watch::Watches;

use crate::{
    access::{self, Access, OperatorCall, Still},
    bell::Belfry,
    desk::fitting,
    hot::Hot,
    ledger::Ledger,
    persons::PersonIndex,
    registry::Registry,
    standings::Standings,
    store::{Reader, StoreError},
    suspensions::Suspensions,
    wire,
};
use contract::v1::{self, operator_service_server::OperatorService};
use dossier::{
    Refusal,
    directory::Grant,
    name::{AgencyCode, BadName, DossierCode, ProcedureCode},
    refusal::FieldFault,
};
use futures_util::Stream;
use node::{fault::Fault, shutdown::Shutdown};
use prost::Message;
use std::{pin::Pin, sync::Arc};
use tonic::{Code, Request, Response, Status};

/// Serves operators.
#[derive(Clone)]
pub struct Operator {
    /// Who may call.
    pub access: Access,
    /// Where it is recorded.
    pub ledger: Ledger,
    /// What is committed.
    pub reader: Arc<dyn Reader>,
    /// Procedures and directory.
    pub registry: Registry,
    /// Dossiers in memory.
    pub hot: Hot,
    /// How departments do.
    pub standings: Standings,
    /// What is suspended.
    pub suspensions: Suspensions,
    /// How persons are found.
    pub persons: PersonIndex,
    /// What wakes watches, and whom an act wakes.
    pub belfry: Belfry,
    /// Page one.
    pub page: Page,
    /// What statistics were counted from.
    pub counts: Counts,
    /// Watches that are open.
    pub watches: Watches,
    /// Ends the watches, so that draining need not wait for those who would stay.
    pub shutdown: Shutdown,
}

fn unreadable(error: StoreError) -> Status {
    crate::failure::Failure::Storage(error.to_string())
        .fault()
        .into_status()
}

fn unknown_dossier() -> Status {
    Fault::new(
        Code::NotFound,
        "UNKNOWN_DOSSIER",
        "there is no dossier with this code",
        "Không có hồ sơ với mã này.",
    )
    .into_status()
}

fn unknown_agency(agency: &AgencyCode) -> Status {
    Fault::new(
        Code::NotFound,
        "UNKNOWN_AGENCY",
        format!(
            "the directory has no department {agency}; look for its code among the departments"
        ),
        format!("Danh bạ không có cơ quan {agency}. Xem mã trong danh sách cơ quan."),
    )
    .into_status()
}

fn unknown_procedure(procedure: &ProcedureCode) -> Status {
    Fault::new(
        Code::NotFound,
        "UNKNOWN_PROCEDURE",
        format!("there is no procedure {procedure}; look for its code among the procedures"),
        format!("Không có thủ tục {procedure}. Xem mã trong danh sách thủ tục."),
    )
    .into_status()
}

fn bad_field(field: &str, rule: &str) -> Status {
    let fault = FieldFault {
        field: field.into(),
        rule: rule.into(),
    };
    wire::fault(&Refusal::Fields(vec![fault])).into_status()
}

/// A dossier's code.
fn code(text: &str) -> Result<DossierCode, Status> {
    let code = text.trim().parse();
    code.map_err(|bad: BadName| bad_field("dossier_code", bad.rule))
}

/// The number in a page token.
fn page_before(token: &str) -> Result<Option<u64>, Status> {
    let bad = |_| bad_field("page_token", "one that this broker gave, or empty");
    match token {
        "" => Ok(None),
        token => token.parse().map(Some).map_err(bad),
    }
}

/// A page of the rows that were found, each with its number: as many as a message holds, at least one. And
/// the token after it, the number of its last row, if there may be more.
fn page_of<M: Message>(found: Vec<(u64, M)>, limit: usize) -> (Vec<M>, String) {
    let fits = fitting(found.iter().map(|(_, row)| row.encoded_len()));
    let may_be_more = found.len() == limit || fits < found.len();
    let (numbers, page): (Vec<_>, _) = found.into_iter().take(fits).unzip();
    let last = numbers.last().filter(|_| may_be_more);
    (page, last.map_or_else(String::new, u64::to_string))
}

impl Operator {
    async fn serve_who_am_i(
        &self,
        who: access::Operator,
        _: v1::WhoAmIRequest,
    ) -> Result<v1::WhoAmIResponse, Status> {
        let grants = who.grants.iter().map(|grant| match grant {
            Grant::Observe => v1::Grant::Observe.into(),
            Grant::Operate => v1::Grant::Operate.into(),
            Grant::Audit => v1::Grant::Audit.into(),
        });
        Ok(v1::WhoAmIResponse {
            grants: grants.collect(),
            operator: who.identity,
            broker_version: env!("CARGO_PKG_VERSION").into(),
        })
    }
}

/// Each call is answered in the file of its noun.
macro_rules! served {
    ($self:ident, $request:ident, $call:ident, $serve:ident) => {{
        let who = $self.access.operator(&$request, OperatorCall::$call)?;
        $self
            .$serve(who, $request.into_inner())
            .await
            .map(Response::new)
    }};
}

type Streaming<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl OperatorService for Operator {
    type WatchDossiersStream = Streaming<v1::WatchDossiersResponse>;
    type RedriveIncidentsStream = Streaming<v1::RedriveIncidentsResponse>;

    async fn who_am_i(
        &self,
        request: Request<v1::WhoAmIRequest>,
    ) -> Result<Response<v1::WhoAmIResponse>, Status> {
        served!(self, request, WhoAmI, serve_who_am_i)
    }

    async fn overview(
        &self,
        request: Request<v1::OverviewRequest>,
    ) -> Result<Response<v1::OverviewResponse>, Status> {
        served!(self, request, Overview, serve_overview)
    }

    async fn search_dossiers(
        &self,
        request: Request<v1::SearchDossiersRequest>,
    ) -> Result<Response<v1::SearchDossiersResponse>, Status> {
        served!(self, request, SearchDossiers, serve_search_dossiers)
    }

    async fn find_person(
        &self,
        request: Request<v1::FindPersonRequest>,
    ) -> Result<Response<v1::FindPersonResponse>, Status> {
        served!(self, request, FindPerson, serve_find_person)
    }

    async fn inspect_dossier(
        &self,
        request: Request<v1::InspectDossierRequest>,
    ) -> Result<Response<v1::InspectDossierResponse>, Status> {
        served!(self, request, InspectDossier, serve_inspect_dossier)
    }

    async fn watch_dossiers(
        &self,
        request: Request<v1::WatchDossiersRequest>,
    ) -> Result<Response<Self::WatchDossiersStream>, Status> {
        self.access
            .operator(&request, OperatorCall::WatchDossiers)?;
        self.watch(&request).map(Response::new)
    }

    async fn list_departments(
        &self,
        request: Request<v1::ListDepartmentsRequest>,
    ) -> Result<Response<v1::ListDepartmentsResponse>, Status> {
        served!(self, request, ListDepartments, serve_list_departments)
    }

    async fn list_procedures(
        &self,
        request: Request<v1::ListProceduresRequest>,
    ) -> Result<Response<v1::ListProceduresResponse>, Status> {
        served!(self, request, ListProcedures, serve_list_procedures)
    }

    async fn list_incidents(
        &self,
        request: Request<v1::ListIncidentsRequest>,
    ) -> Result<Response<v1::ListIncidentsResponse>, Status> {
        served!(self, request, ListIncidents, serve_list_incidents)
    }

    async fn redrive_incidents(
        &self,
        request: Request<v1::RedriveIncidentsRequest>,
    ) -> Result<Response<Self::RedriveIncidentsStream>, Status> {
        let still = Still::of(&request, OperatorCall::RedriveIncidents)?;
        self.redrive_all(still, request.get_ref())
            .map(Response::new)
    }

    async fn move_step(
        &self,
        request: Request<v1::MoveStepRequest>,
    ) -> Result<Response<v1::MoveStepResponse>, Status> {
        served!(self, request, MoveStep, serve_move_step)
    }

    async fn extend_step(
        &self,
        request: Request<v1::ExtendStepRequest>,
    ) -> Result<Response<v1::ExtendStepResponse>, Status> {
        served!(self, request, ExtendStep, serve_extend_step)
    }

    async fn retry_now(
        &self,
        request: Request<v1::RetryNowRequest>,
    ) -> Result<Response<v1::RetryNowResponse>, Status> {
        served!(self, request, RetryNow, serve_retry_now)
    }

    async fn suspend_department(
        &self,
        request: Request<v1::SuspendDepartmentRequest>,
    ) -> Result<Response<v1::SuspendDepartmentResponse>, Status> {
        served!(self, request, SuspendDepartment, serve_suspend_department)
    }

    async fn suspend_procedure(
        &self,
        request: Request<v1::SuspendProcedureRequest>,
    ) -> Result<Response<v1::SuspendProcedureResponse>, Status> {
        served!(self, request, SuspendProcedure, serve_suspend_procedure)
    }

    async fn release_dossier(
        &self,
        request: Request<v1::ReleaseDossierRequest>,
    ) -> Result<Response<v1::ReleaseDossierResponse>, Status> {
        served!(self, request, ReleaseDossier, serve_release_dossier)
    }

    async fn statistics(
        &self,
        request: Request<v1::StatisticsRequest>,
    ) -> Result<Response<v1::StatisticsResponse>, Status> {
        served!(self, request, Statistics, serve_statistics)
    }

    async fn list_audit(
        &self,
        request: Request<v1::ListAuditRequest>,
    ) -> Result<Response<v1::ListAuditResponse>, Status> {
        served!(self, request, ListAudit, serve_list_audit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use node::stream::MESSAGE_BYTES_MAX;

    /// The rows of an audit before a number, each of so many bytes at least.
    fn audit(before: u64, limit: usize, bytes: usize) -> Vec<(u64, v1::AuditEntry)> {
        let numbers = (1..before).rev().take(limit);
        let entry = |number| v1::AuditEntry {
            number,
            reason: "x".repeat(bytes),
            ..v1::AuditEntry::default()
        };
        numbers.map(|number| (number, entry(number))).collect()
    }

    #[test]
    fn a_page_has_as_many_rows_as_a_message_holds_and_the_next_goes_on_there() {
        let (mut before, mut seen, mut pages) = (1_201, Vec::new(), 0);
        loop {
            let (entries, next_page_token) = page_of(audit(before, 500, 6_000), 500);
            let page = v1::ListAuditResponse {
                entries,
                next_page_token,
            };
            assert!(page.encoded_len() <= MESSAGE_BYTES_MAX);
            seen.extend(page.entries.iter().map(|one| one.number));
            pages += 1;
            match page_before(&page.next_page_token).unwrap() {
                Some(last) => before = last,
                None => break,
            }
        }
        assert!(seen.into_iter().eq((1..=1_200).rev()));
        assert!((7..=9).contains(&pages), "{pages}");
    }

    #[test]
    fn a_page_is_never_without_a_row_while_there_is_one() {
        let numbers = |(page, token): (Vec<v1::AuditEntry>, String)| {
            let numbers: Vec<_> = page.iter().map(|one| one.number).collect();
            (numbers, token)
        };
        let large = audit(3, 2, MESSAGE_BYTES_MAX);
        assert_eq!(numbers(page_of(large, 2)), (vec![2], "2".into()));
        assert_eq!(numbers(page_of(audit(3, 5, 9), 5)), (vec![2, 1], "".into()));
        assert_eq!(numbers(page_of(audit(1, 5, 9), 5)), (vec![], "".into()));
    }
}
