//! `DeskService`: what desks ask of the broker.

mod acts;
mod case;
mod forms;
mod intake;
mod notices;
mod views;

pub(crate) use case::Case;

use crate::{
    access::{Access, Call, DeskCall, Standing, has_standing},
    bell::Belfry,
    ledger::Ledger,
    registry::Registry,
    store::{DossierRow, Reader, StoreError},
    wire,
};
use contract::v1::{self, desk_service_server::DeskService};
use dossier::{
    Refusal,
    name::{AgencyCode, DossierCode},
};
use node::{fault::Fault, shutdown::Shutdown, stream::MESSAGE_BYTES_MAX};
use std::{sync::Arc, time::Duration};
use tonic::{Code, Request, Response, Status};

/// Bytes of the rows on a page: the rest of the message is for what is beside them.
const PAGE_BYTES_MAX: usize = MESSAGE_BYTES_MAX - 64 * 1024;
/// What a row takes in a message besides itself: its field and its length, at most.
const ROW_BYTES: usize = 8;

/// Serves desks.
#[derive(Clone)]
pub struct Desk {
    /// Who may call.
    pub access: Access,
    /// Where it is recorded.
    pub ledger: Ledger,
    /// What is committed.
    pub reader: Arc<dyn Reader>,
    /// Procedures, calendars and the directory.
    pub registry: Registry,
    /// The papers.
    pub forms: Arc<::forms::Forms>,
    /// What wakes watches.
    pub belfry: Belfry,
    /// Watches that one desk may have open.
    pub watches_per_desk_max: usize,
    /// Ends the watches, so that draining need not wait for those who would stay.
    pub shutdown: Shutdown,
}

fn unreadable(error: &StoreError) -> Status {
    tracing::error!(%error, "the store cannot be read");
    Fault::new(
        Code::Unavailable,
        "STORAGE_UNAVAILABLE",
        "the store cannot be read at the moment; try again shortly",
        "Chưa đọc được dữ liệu. Thử lại sau giây lát.",
    )
    .retry_after(Duration::from_secs(1))
    .into_status()
}

/// Not there and not this desk's look alike.
fn no_such_dossier() -> Status {
    Fault::new(
        Code::NotFound,
        "UNKNOWN_DOSSIER",
        "this desk has no dossier with this code; look at the receipt slip",
        "Bộ phận này không có hồ sơ với mã đã nêu. Kiểm tra lại giấy tiếp nhận.",
    )
    .into_status()
}

fn bad_field(field: &str, rule: &str) -> Status {
    let fault = dossier::refusal::FieldFault {
        field: field.into(),
        rule: rule.into(),
    };
    wire::fault(&Refusal::Fields(vec![fault])).into_status()
}

fn not_the_receiving_desk() -> Status {
    Fault::new(
        Code::PermissionDenied,
        "NOT_THE_RECEIVING_DESK",
        "the desk that hands out may see this dossier and hand out its results; the receiving desk does everything else",
        "Bộ phận trả kết quả chỉ được xem hồ sơ và trả kết quả; việc này do bộ phận tiếp nhận thực hiện.",
    )
    .into_status()
}

/// Who calls: the system, and the agency that it speaks for, by its own code.
struct Caller {
    system: String,
    agency: AgencyCode,
}

impl Desk {
    fn caller<T>(&self, request: &Request<T>, agency: &str) -> Result<Caller, Status> {
        let peer = self.access.caller(request, Call::Desk)?;
        let agency = self
            .access
            .must_act_for(&peer.identity, agency)
            .map_err(Fault::into_status)?;
        Ok(Caller {
            system: peer.identity.uri(),
            agency,
        })
    }

    /// A dossier of this desk, if its standing allows the call.
    fn case(&self, agency: &AgencyCode, code: &str, call: DeskCall) -> Result<Case, Status> {
        let code: DossierCode = code
            .parse()
            .map_err(|bad: dossier::name::BadName| bad_field("dossier_code", bad.rule))?;
        let id = self
            .reader
            .by_code(&code)
            .map_err(|error| unreadable(&error))?
            .ok_or_else(no_such_dossier)?;
        // A desk is told that a dossier is stopped only when it is its own; of one that cannot be
        // read, the row alone says whose it is.
        let is_ours =
            |row: DossierRow| row.summary.desk == *agency || row.summary.hand_out_desk == *agency;
        let case = match Case::load(self.reader.as_ref(), &self.registry, &id) {
            Ok(case) => case.ok_or_else(no_such_dossier)?,
            Err(status) if Fault::reason_of(&status).as_deref() != Some("DOSSIER_QUARANTINED") => {
                return Err(status);
            }
            Err(status) => {
                let row = self
                    .reader
                    .dossier(&id)
                    .map_err(|error| unreadable(&error))?;
                return Err(if row.is_some_and(is_ours) {
                    status
                } else {
                    no_such_dossier()
                });
            }
        };
        let received = &case.dossier.received;
        let standing = if received.desk == *agency {
            Standing::Receives
        } else if received.hand_out_desk == *agency {
            Standing::HandsOut
        } else {
            return Err(no_such_dossier());
        };
        if has_standing(standing, call) {
            Ok(case)
        } else {
            Err(not_the_receiving_desk())
        }
    }

    /// As [`case`](Self::case), away from the tasks that must not wait.
    async fn case_of(
        &self,
        agency: &AgencyCode,
        code: &str,
        call: DeskCall,
    ) -> Result<Case, Status> {
        let (desk, agency, code) = (self.clone(), agency.clone(), code.to_owned());
        blocking(move || desk.case(&agency, &code, call)).await
    }
}

/// Each call is answered in the file of its noun.
macro_rules! served {
    ($self:ident, $request:ident, $serve:ident) => {{
        let caller = $self.caller(&$request, &$request.get_ref().agency_code)?;
        $self
            .$serve(caller, $request.into_inner())
            .await
            .map(Response::new)
    }};
}

#[tonic::async_trait]
impl DeskService for Desk {
    type WatchNoticesStream = notices::Notices;

    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        served!(self, request, serve_submit)
    }

    async fn receive(
        &self,
        request: Request<v1::ReceiveRequest>,
    ) -> Result<Response<v1::ReceiveResponse>, Status> {
        served!(self, request, serve_receive)
    }

    async fn refuse_intake(
        &self,
        request: Request<v1::RefuseIntakeRequest>,
    ) -> Result<Response<v1::RefuseIntakeResponse>, Status> {
        served!(self, request, serve_refuse_intake)
    }

    async fn request_supplement(
        &self,
        request: Request<v1::RequestSupplementRequest>,
    ) -> Result<Response<v1::RequestSupplementResponse>, Status> {
        served!(self, request, serve_request_supplement)
    }

    async fn answer_supplement(
        &self,
        request: Request<v1::AnswerSupplementRequest>,
    ) -> Result<Response<v1::AnswerSupplementResponse>, Status> {
        served!(self, request, serve_answer_supplement)
    }

    async fn record_consent(
        &self,
        request: Request<v1::RecordConsentRequest>,
    ) -> Result<Response<v1::RecordConsentResponse>, Status> {
        served!(self, request, serve_record_consent)
    }

    async fn complete_step(
        &self,
        request: Request<v1::CompleteStepRequest>,
    ) -> Result<Response<v1::CompleteStepResponse>, Status> {
        served!(self, request, serve_complete_step)
    }

    async fn confirm_payment(
        &self,
        request: Request<v1::ConfirmPaymentRequest>,
    ) -> Result<Response<v1::ConfirmPaymentResponse>, Status> {
        served!(self, request, serve_confirm_payment)
    }

    async fn withdraw(
        &self,
        request: Request<v1::WithdrawRequest>,
    ) -> Result<Response<v1::WithdrawResponse>, Status> {
        served!(self, request, serve_withdraw)
    }

    async fn stop(
        &self,
        request: Request<v1::StopRequest>,
    ) -> Result<Response<v1::StopResponse>, Status> {
        served!(self, request, serve_stop)
    }

    async fn resume(
        &self,
        request: Request<v1::ResumeRequest>,
    ) -> Result<Response<v1::ResumeResponse>, Status> {
        served!(self, request, serve_resume)
    }

    async fn report_fault(
        &self,
        request: Request<v1::ReportFaultRequest>,
    ) -> Result<Response<v1::ReportFaultResponse>, Status> {
        served!(self, request, serve_report_fault)
    }

    async fn hand_out_result(
        &self,
        request: Request<v1::HandOutResultRequest>,
    ) -> Result<Response<v1::HandOutResultResponse>, Status> {
        served!(self, request, serve_hand_out_result)
    }

    async fn track(
        &self,
        request: Request<v1::TrackRequest>,
    ) -> Result<Response<v1::TrackResponse>, Status> {
        served!(self, request, serve_track)
    }

    async fn get_form(
        &self,
        request: Request<v1::GetFormRequest>,
    ) -> Result<Response<v1::GetFormResponse>, Status> {
        served!(self, request, serve_get_form)
    }

    async fn list_vault_uses(
        &self,
        request: Request<v1::ListVaultUsesRequest>,
    ) -> Result<Response<v1::ListVaultUsesResponse>, Status> {
        served!(self, request, serve_list_vault_uses)
    }

    async fn list_results(
        &self,
        request: Request<v1::ListResultsRequest>,
    ) -> Result<Response<v1::ListResultsResponse>, Status> {
        served!(self, request, serve_list_results)
    }

    async fn list_dossiers(
        &self,
        request: Request<v1::ListDossiersRequest>,
    ) -> Result<Response<v1::ListDossiersResponse>, Status> {
        served!(self, request, serve_list_dossiers)
    }

    async fn list_notices(
        &self,
        request: Request<v1::ListNoticesRequest>,
    ) -> Result<Response<v1::ListNoticesResponse>, Status> {
        served!(self, request, serve_list_notices)
    }

    async fn lease_codes(
        &self,
        request: Request<v1::LeaseCodesRequest>,
    ) -> Result<Response<v1::LeaseCodesResponse>, Status> {
        served!(self, request, serve_lease_codes)
    }

    async fn track_public(
        &self,
        request: Request<v1::TrackPublicRequest>,
    ) -> Result<Response<v1::TrackPublicResponse>, Status> {
        self.access.caller(&request, Call::Public)?;
        self.serve_track_public(request.into_inner())
            .await
            .map(Response::new)
    }

    async fn watch_notices(
        &self,
        request: Request<v1::WatchNoticesRequest>,
    ) -> Result<Response<Self::WatchNoticesStream>, Status> {
        let peer = self.access.caller(&request, Call::Desk)?;
        let caller = self.caller(&request, &request.get_ref().agency_code)?;
        self.serve_watch_notices(peer, caller, request.into_inner())
            .map(Response::new)
    }
}

/// Reads that may take a while, away from the tasks that must not wait.
pub(crate) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, Status> + Send + 'static,
) -> Result<T, Status> {
    tokio::task::spawn_blocking(read).await.unwrap_or_else(|_| {
        Err(unreadable(&StoreError::Failed(
            "a read was broken off".into(),
        )))
    })
}

/// How many of these rows, by their bytes, an answer holds; at least one, if there is one.
pub(crate) fn fitting(rows: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0;
    let fits = rows.enumerate().take_while(|(place, row)| {
        bytes += row + ROW_BYTES;
        *place == 0 || bytes <= PAGE_BYTES_MAX
    });
    fits.count()
}

/// A page's size within its limits.
pub(crate) fn page(asked: u32, usual: u32, max: u32) -> usize {
    (if asked == 0 { usual } else { asked.min(max) }) as usize
}
