//! `OperatorService`: what central operators see and do.

use crate::{
    access::{Access, Call},
    desk::{Case, blocking, page},
    hot::Hot,
    ledger::{Condition, Ledger},
    registry::Registry,
    store::{self, Reader, StoreError},
    wire,
};
use contract::v1::{self, operator_service_server::OperatorService};
use dossier::{
    Refusal,
    name::{AgencyCode, DossierCode},
    refusal::FieldFault,
};
use futures_util::Stream;
use node::fault::Fault;
use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tonic::{Code, Request, Response, Status};

const PAGE_INCIDENTS: u32 = 100;
const PAGE_INCIDENTS_MAX: u32 = 500;

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
}

fn unreadable(error: StoreError) -> Status {
    crate::failure::Failure::Storage(error.to_string())
        .fault()
        .into_status()
}

fn incident(found: store::Incident) -> v1::Incident {
    v1::Incident {
        incident_id: found.number.to_string(),
        cause: found.key.cause,
        dossier_id: found
            .key
            .dossier_id
            .map(|id| id.to_string())
            .unwrap_or_default(),
        dossier_code: found.code.map(|code| code.to_string()).unwrap_or_default(),
        step_id: found
            .key
            .step
            .map(|step| step.to_string())
            .unwrap_or_default(),
        agency_code: found
            .key
            .agency
            .map(|agency| agency.to_string())
            .unwrap_or_default(),
        opened_at: wire::timestamp(found.opened_at),
        closed_at: found.closed_at.and_then(wire::timestamp),
        count: found.count,
        description: Some(v1::Text {
            vi: found.vi,
            en: found.en,
        }),
    }
}

impl Operator {
    fn case(&self, code: &DossierCode) -> Result<Case, Status> {
        let unknown = || {
            Fault::new(
                Code::NotFound,
                "UNKNOWN_DOSSIER",
                "there is no dossier with this code",
                "Không có hồ sơ với mã này.",
            )
            .into_status()
        };
        let id = self
            .reader
            .by_code(code)
            .map_err(unreadable)?
            .ok_or_else(unknown)?;
        Case::load(self.reader.as_ref(), &self.registry, &id)?.ok_or_else(unknown)
    }
}

macro_rules! not_yet {
    ($self:ident, $request:ident, $call:literal) => {{
        $self.access.caller(&$request, Call::Operator)?;
        Err(wire::not_implemented($call))
    }};
}

#[tonic::async_trait]
impl OperatorService for Operator {
    type WatchDossiersStream =
        Pin<Box<dyn Stream<Item = Result<v1::WatchDossiersResponse, Status>> + Send>>;

    async fn inspect_dossier(
        &self,
        request: Request<v1::InspectDossierRequest>,
    ) -> Result<Response<v1::InspectDossierResponse>, Status> {
        not_yet!(self, request, "OperatorService.InspectDossier")
    }

    async fn list_incidents(
        &self,
        request: Request<v1::ListIncidentsRequest>,
    ) -> Result<Response<v1::ListIncidentsResponse>, Status> {
        self.access.caller(&request, Call::Operator)?;
        let request = request.into_inner();
        let before = match request.page_token.as_str() {
            "" => None,
            token => Some(token.parse::<u64>().map_err(|_| {
                let rule = "one that this broker gave, or empty".into();
                let fault = FieldFault {
                    field: "page_token".into(),
                    rule,
                };
                wire::fault(&Refusal::Fields(vec![fault])).into_status()
            })?),
        };
        let limit = page(request.page_size, PAGE_INCIDENTS, PAGE_INCIDENTS_MAX);
        let found = self
            .reader
            .incidents(request.include_closed, before, limit)
            .map_err(unreadable)?;
        let next_page_token = match found.last() {
            Some(last) if found.len() == limit => last.number.to_string(),
            _ => String::new(),
        };
        let incidents = found.into_iter().map(incident).collect();
        Ok(Response::new(v1::ListIncidentsResponse {
            incidents,
            next_page_token,
        }))
    }

    async fn move_step(
        &self,
        request: Request<v1::MoveStepRequest>,
    ) -> Result<Response<v1::MoveStepResponse>, Status> {
        let peer = self.access.caller(&request, Call::Operator)?;
        let directory = self.registry.directory();
        let item = wire::move_step(request.get_ref(), &directory).map_err(Fault::into_status)?;
        let to = &item.to;
        let can_do = directory
            .agency(to.as_str())
            .is_some_and(|agency| !agency.roles.is_empty());
        if !can_do {
            let refusal = Refusal::UnknownAgency { agency: to.clone() };
            return Err(wire::fault(&refusal).into_status());
        }
        let (code, step) = (&item.named.code, &item.step);
        let case = self.case(code)?;
        let cause = item.named.cause(peer.identity.uri());
        let action = item.action();
        let recorded = self
            .ledger
            .happen(case.dossier.id, Some(cause), action)
            .await
            .map_err(|failure| failure.fault().into_status())?;
        tracing::info!(operator = %peer.identity, dossier_code = %code, %step, agency = %to, "a step was moved");
        let round = recorded
            .dossier
            .steps
            .get(step)
            .map_or(0, |step| step.round);
        Ok(Response::new(v1::MoveStepResponse { round }))
    }

    async fn search_dossiers(
        &self,
        request: Request<v1::SearchDossiersRequest>,
    ) -> Result<Response<v1::SearchDossiersResponse>, Status> {
        not_yet!(self, request, "OperatorService.SearchDossiers")
    }

    async fn watch_dossiers(
        &self,
        request: Request<v1::WatchDossiersRequest>,
    ) -> Result<Response<Self::WatchDossiersStream>, Status> {
        not_yet!(self, request, "OperatorService.WatchDossiers")
    }

    async fn list_departments(
        &self,
        request: Request<v1::ListDepartmentsRequest>,
    ) -> Result<Response<v1::ListDepartmentsResponse>, Status> {
        not_yet!(self, request, "OperatorService.ListDepartments")
    }

    async fn retry_now(
        &self,
        request: Request<v1::RetryNowRequest>,
    ) -> Result<Response<v1::RetryNowResponse>, Status> {
        not_yet!(self, request, "OperatorService.RetryNow")
    }

    async fn suspend_department(
        &self,
        request: Request<v1::SuspendDepartmentRequest>,
    ) -> Result<Response<v1::SuspendDepartmentResponse>, Status> {
        not_yet!(self, request, "OperatorService.SuspendDepartment")
    }

    async fn release_dossier(
        &self,
        request: Request<v1::ReleaseDossierRequest>,
    ) -> Result<Response<v1::ReleaseDossierResponse>, Status> {
        not_yet!(self, request, "OperatorService.ReleaseDossier")
    }

    async fn statistics(
        &self,
        request: Request<v1::StatisticsRequest>,
    ) -> Result<Response<v1::StatisticsResponse>, Status> {
        self.access.caller(&request, Call::Operator)?;
        let request = request.into_inner();
        if request.from.is_some() || request.until.is_some() {
            let fault = FieldFault {
                field: "from".into(),
                rule: "left out, and until, too: these figures count from the store's beginning"
                    .into(),
            };
            return Err(wire::fault(&Refusal::Fields(vec![fault])).into_status());
        }
        let reader = self.reader.clone();
        let mut figures = blocking(move || figures(reader.as_ref()).map_err(unreadable)).await?;
        figures.extend(since_start(self.ledger.condition()));
        figures.extend(now(&self.hot));
        Ok(Response::new(v1::StatisticsResponse { figures }))
    }

    async fn list_audit(
        &self,
        request: Request<v1::ListAuditRequest>,
    ) -> Result<Response<v1::ListAuditResponse>, Status> {
        not_yet!(self, request, "OperatorService.ListAudit")
    }
}

fn figure(name: &str, agency: Option<&AgencyCode>, value: u64) -> v1::Figure {
    v1::Figure {
        name: name.to_owned(),
        agency_code: agency.map(ToString::to_string).unwrap_or_default(),
        #[allow(clippy::cast_precision_loss)] // exact up to 2^53
        value: value as f64,
    }
}

/// What the ledger did since the broker started: how many commands share a sync.
fn since_start(condition: &Condition) -> [v1::Figure; 3] {
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    [
        figure("commits_since_start", None, count(&condition.commits)),
        figure("commands_since_start", None, count(&condition.commands)),
        figure("changes_since_start", None, count(&condition.changes)),
    ]
}

/// What the process has of its own at the moment.
fn now(hot: &Hot) -> [v1::Figure; 2] {
    let tasks = tokio::runtime::Handle::current().metrics();
    [
        figure("dossiers_cached", None, hot.len() as u64),
        figure("tasks_alive", None, tasks.num_alive_tasks() as u64),
    ]
}

/// What the store counts.
fn figures(reader: &dyn Reader) -> Result<Vec<v1::Figure>, StoreError> {
    let counts = reader.counts()?;
    let closed = counts.dossiers.saturating_sub(counts.dossiers_open);
    let mut figures = vec![
        figure("dossiers", None, counts.dossiers),
        figure("dossiers_open", None, counts.dossiers_open),
        figure("dossiers_closed", None, closed),
        figure("handovers_owed", None, counts.owed),
        figure("incidents_open", None, counts.incidents_open),
    ];
    for (agency, denied) in reader.denials()? {
        figures.push(figure("supplements_denied", Some(&agency), denied));
    }
    Ok(figures)
}
