//! The line to the broker: each call speaks for the operator who is logged in, and for nobody else.

use crate::{config::Config, trouble::Trouble};
use contract::v1::{self, operator_service_client::OperatorServiceClient};
use jiff::Timestamp;
use node::tls::{ChannelError, ChannelOptions, Credentials, channel};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tonic::{
    Request, Streaming,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
};

/// The metadata key in which a console names whom it speaks for.
const ON_BEHALF_OF: &str = "lienthong-on-behalf-of";

/// The line. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    channel: Channel,
    call_max: Duration,
    link: Link,
}

/// The line, for one operator. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    client: OperatorServiceClient<Channel>,
    operator: MetadataValue<Ascii>,
    call_max: Duration,
    link: Link,
}

/// Since when the broker is away, if it is. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Link(Arc<Mutex<Option<Timestamp>>>);

impl Link {
    /// Since when nothing came from the broker.
    pub(crate) fn lost_since(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It answered.
    pub(crate) fn is_there(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// It did not answer.
    pub(crate) fn is_away(&self) {
        let mut lost = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lost.get_or_insert_with(Timestamp::now);
    }
}

impl Line {
    pub(crate) fn new(config: &Config, credentials: &Credentials) -> Result<Self, ChannelError> {
        let broker = &config.broker;
        let options = ChannelOptions {
            connect_timeout: config.times.call_max(),
            ..ChannelOptions::exchange().to_broker()
        };
        let channel = channel(
            &broker.address,
            broker.identity.clone(),
            credentials,
            options,
        )?;
        Ok(Self {
            channel,
            call_max: config.times.call_max(),
            link: Link::default(),
        })
    }

    /// Speaks for this operator: `spiffe://…` or `oidc:<subject>`. None when the name cannot travel.
    pub(crate) fn speak_for(&self, operator: &str) -> Option<Caller> {
        Some(Caller {
            client: OperatorServiceClient::new(self.channel.clone()),
            operator: operator.parse().ok()?,
            call_max: self.call_max,
            link: self.link.clone(),
        })
    }

    pub(crate) fn link(&self) -> &Link {
        &self.link
    }
}

/// Calls of the contract, by their names there.
macro_rules! calls {
    ($($name:ident($request:ident) -> $answer:ty;)*) => {
        impl Caller {
            $(
                pub(crate) async fn $name(&self, request: v1::$request) -> Result<$answer, Trouble> {
                    let mut client = self.client.clone();
                    let calling = client.$name(self.request(request));
                    let answered = match tokio::time::timeout(self.call_max, calling).await {
                        Ok(answered) => answered.map_err(Trouble::from),
                        Err(_) => Err(Trouble::silent()),
                    };
                    self.note(answered.as_ref().err());
                    Ok(answered?.into_inner())
                }
            )*
        }
    };
}

calls! {
    who_am_i(WhoAmIRequest) -> v1::WhoAmIResponse;
    overview(OverviewRequest) -> v1::OverviewResponse;
    search_dossiers(SearchDossiersRequest) -> v1::SearchDossiersResponse;
    find_person(FindPersonRequest) -> v1::FindPersonResponse;
    inspect_dossier(InspectDossierRequest) -> v1::InspectDossierResponse;
    watch_dossiers(WatchDossiersRequest) -> Streaming<v1::WatchDossiersResponse>;
    list_departments(ListDepartmentsRequest) -> v1::ListDepartmentsResponse;
    list_procedures(ListProceduresRequest) -> v1::ListProceduresResponse;
    list_incidents(ListIncidentsRequest) -> v1::ListIncidentsResponse;
    redrive_incidents(RedriveIncidentsRequest) -> Streaming<v1::RedriveIncidentsResponse>;
    move_step(MoveStepRequest) -> v1::MoveStepResponse;
    extend_step(ExtendStepRequest) -> v1::ExtendStepResponse;
    retry_now(RetryNowRequest) -> v1::RetryNowResponse;
    suspend_department(SuspendDepartmentRequest) -> v1::SuspendDepartmentResponse;
    suspend_procedure(SuspendProcedureRequest) -> v1::SuspendProcedureResponse;
    release_dossier(ReleaseDossierRequest) -> v1::ReleaseDossierResponse;
    statistics(StatisticsRequest) -> v1::StatisticsResponse;
    list_audit(ListAuditRequest) -> v1::ListAuditResponse;
}

impl Caller {
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request
            .metadata_mut()
            .insert(ON_BEHALF_OF, self.operator.clone());
        request
    }

    fn note(&self, trouble: Option<&Trouble>) {
        if trouble.is_some_and(Trouble::is_away) {
            self.link.is_away();
        } else {
            self.link.is_there();
        }
    }

    /// Every department that has this in its code or name, by code.
    pub(crate) async fn all_departments(
        &self,
        find: &str,
    ) -> Result<Vec<v1::DepartmentStatus>, Trouble> {
        let mut all = Vec::new();
        let mut page_token = String::new();
        for _ in 0..20 {
            let request = v1::ListDepartmentsRequest {
                page_size: 500,
                page_token,
                find: find.to_owned(),
            };
            let page = self.list_departments(request).await?;
            all.extend(page.departments);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(all);
            }
        }
        Err(too_many())
    }

    /// The figures of all desks and departments, of each indicator all of them together.
    pub(crate) async fn all_statistics(
        &self,
        request: v1::StatisticsRequest,
    ) -> Result<v1::StatisticsResponse, Trouble> {
        let mut all = v1::StatisticsResponse::default();
        let mut page_token = String::new();
        for _ in 0..100 {
            let page_size = 100;
            let page = self.statistics(v1::StatisticsRequest {
                page_size,
                page_token,
                ..request.clone()
            });
            let page = page.await?;
            all.figures.extend(page.figures);
            all.indicators.extend(page.indicators);
            all.distributions.extend(page.distributions);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                all.indicators.sort_by_cached_key(|one| {
                    let is_other_law = one.number == 0;
                    (is_other_law, one.number, one.name.clone())
                });
                return Ok(all);
            }
        }
        Err(too_many())
    }
}

/// Part of it is not told as if it were all.
fn too_many() -> Trouble {
    Trouble::own(
        "Có hơn 10.000 cơ quan: hãy xem từng trang, hoặc dùng lệnh lienthong ops.",
        "There are more than 10,000 agencies: look at them page by page, or with lienthong ops.",
    )
}
