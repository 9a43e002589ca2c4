//! `DeskService`: what desks ask of the broker.

use crate::{
    access::{Access, Call},
    bell::Belfry,
    hot::{self, LoadError},
    ledger::Ledger,
    registry::Registry,
    store::{Cursor, DossierRow, Loaded, Reader, StoreError},
    wire,
};
use bytes::Bytes;
use contract::v1::{self, desk_service_server::DeskService};
use dossier::{
    Dossier, Entry, Procedure, Refusal,
    dossier::Stage,
    name::{AgencyCode, Digest, DossierCode, DossierId},
    slip::slip,
};
use futures_util::Stream;
use node::{fault::Fault, shutdown::Shutdown};
use prost::Message as _;
use std::{collections::HashMap, pin::Pin, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

/// Notices on a page if nothing else is asked for.
const PAGE_NOTICES: u32 = 100;
/// Notices on a page at most.
const PAGE_NOTICES_MAX: u32 = 1_000;
/// Dossiers on a page if nothing else is asked for.
const PAGE_DOSSIERS: u32 = 50;
/// Dossiers on a page at most.
const PAGE_DOSSIERS_MAX: u32 = 500;
/// Notices that wait for a desk that reads slowly.
const WATCH_NOTICES_WAITING_MAX: usize = 64;
/// How often a quiet watch gives a sign of life.
const WATCH_HEARTBEAT: Duration = Duration::from_secs(20);
/// How long a desk may leave its notices unread before its watch is closed.
const WATCH_UNREAD_MAX: Duration = Duration::from_secs(60);

/// Serves desks.
#[derive(Clone)]
pub struct Desk {
    /// Who may call.
    pub access: Access,
    /// Where it is recorded.
    pub ledger: Ledger,
    /// What is committed.
    pub reader: Arc<dyn Reader>,
    /// Procedures and directory.
    pub registry: Registry,
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

fn cursor_of_another_epoch() -> Status {
    Fault::new(
        Code::OutOfRange,
        "CURSOR_OF_ANOTHER_EPOCH",
        "the broker was restored since it gave this cursor; begin with an empty one",
        "Hệ thống đã được khôi phục từ bản sao sau khi cấp con trỏ này. Bắt đầu lại với con trỏ rỗng.",
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

/// A dossier with its history.
pub(crate) struct Case {
    pub(crate) dossier: Dossier,
    entries: Vec<Entry>,
    hashes: HashMap<u64, Digest>,
    procedure: Arc<Procedure>,
}

impl Case {
    pub(crate) fn load(
        reader: &dyn Reader,
        registry: &Registry,
        id: &DossierId,
    ) -> Result<Option<Self>, Status> {
        let Some(loaded) = reader.load(id).map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        let quarantined = |error: &dyn std::fmt::Display| {
            tracing::error!(dossier_id = %id, %error, "a dossier cannot be read");
            crate::failure::Failure::Quarantined.fault().into_status()
        };
        if let Some(why) = &loaded.row.quarantined {
            return Err(quarantined(why));
        }
        let (dossier, entries) = hot::replay(*id, &loaded).map_err(|error| quarantined(&error))?;
        let procedure = registry
            .procedures()
            .version(&dossier.received.procedure_digest)
            .cloned()
            .ok_or_else(|| quarantined(&"its procedure is not kept"))?;
        Ok(Some(Self {
            dossier,
            entries,
            hashes: hashes(&loaded),
            procedure,
        }))
    }

    pub(crate) fn track(&self, registry: &Registry) -> v1::TrackResponse {
        let rows = slip(&self.entries);
        let directory = registry.directory();
        wire::track(
            &self.dossier,
            &self.procedure,
            &directory,
            &rows,
            |sequence| self.hashes.get(&sequence).copied(),
        )
    }
}

fn hashes(loaded: &Loaded) -> HashMap<u64, Digest> {
    loaded
        .records
        .iter()
        .map(|kept| (kept.sequence, Digest::of(&kept.bytes)))
        .collect()
}

impl Desk {
    fn caller<T>(&self, request: &Request<T>, agency: &str) -> Result<String, Status> {
        let peer = self.access.caller(request, Call::Desk)?;
        self.access
            .must_act_for(&peer.identity, agency)
            .map_err(Fault::into_status)?;
        Ok(peer.identity.uri())
    }

    fn case(&self, agency: &str, code: &str) -> Result<Case, Status> {
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
        let is_ours = |row: DossierRow| row.summary.desk.as_str() == agency;
        let loaded = Case::load(self.reader.as_ref(), &self.registry, &id);
        let case = match loaded {
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
        if received.desk.as_str() == agency || received.hand_out_desk.as_str() == agency {
            Ok(case)
        } else {
            Err(no_such_dossier())
        }
    }

    fn agency(text: &str) -> Result<AgencyCode, Status> {
        text.parse()
            .map_err(|bad: dossier::name::BadName| bad_field("agency_code", bad.rule))
    }

    /// A cursor holds the epoch that gave it: after a restore, what it points at is not there.
    fn cursor(&self, text: &str) -> Result<Cursor, Status> {
        if text.is_empty() {
            return Ok(Cursor::default());
        }
        let parsed = hex::decode(text).ok().and_then(|bytes| {
            let (epoch, cursor) = bytes.split_first_chunk::<8>()?;
            Some((u64::from_be_bytes(*epoch), Cursor::from_bytes(cursor)?))
        });
        let (epoch, cursor) =
            parsed.ok_or_else(|| bad_field("cursor", "one that this broker gave, or empty"))?;
        if epoch == self.ledger.epoch() {
            return Ok(cursor);
        }
        Err(cursor_of_another_epoch())
    }

    fn token(epoch: u64, cursor: &Cursor) -> String {
        hex::encode([epoch.to_be_bytes().as_slice(), &cursor.to_bytes()].concat())
    }

    /// Notices after a cursor, which moves on.
    fn notices(
        reader: &dyn Reader,
        desk: &AgencyCode,
        epoch: u64,
        cursor: &mut Cursor,
        limit: usize,
    ) -> Result<Vec<v1::Notice>, Status> {
        let found = reader
            .notices(desk, cursor, limit)
            .map_err(|error| unreadable(&error))?;
        found
            .into_iter()
            .map(|notice| {
                cursor.reach(notice.position);
                let mut message =
                    v1::Notice::decode(Bytes::from(notice.bytes)).map_err(|error| {
                        unreadable(&StoreError::Corrupt(format!("a notice: {error}")))
                    })?;
                message.cursor = Self::token(epoch, cursor);
                Ok(message)
            })
            .collect()
    }
}

type Notices = Pin<Box<dyn Stream<Item = Result<v1::WatchNoticesResponse, Status>> + Send>>;

macro_rules! not_yet {
    ($self:ident, $request:ident, $call:literal) => {{
        $self.caller(&$request, &$request.get_ref().agency_code)?;
        Err(wire::not_implemented($call))
    }};
}

#[tonic::async_trait]
impl DeskService for Desk {
    type WatchNoticesStream = Notices;

    async fn submit(
        &self,
        request: Request<v1::SubmitRequest>,
    ) -> Result<Response<v1::SubmitResponse>, Status> {
        let system = self.caller(&request, &request.get_ref().agency_code)?;
        let request = request.into_inner();
        let directory = self.registry.directory();
        if !request.hand_out_agency_code.is_empty()
            && directory.agency(&request.hand_out_agency_code).is_none()
        {
            return Err(bad_field(
                "hand_out_agency_code",
                "an agency of the directory",
            ));
        }
        let home = directory
            .agency(&request.agency_code)
            .map(|agency| agency.territory.to_string())
            .unwrap_or_default();
        let submit = wire::submit(&request, &home).map_err(Fault::into_status)?;
        if !submit.receive {
            return Err(wire::not_implemented("DeskService.Submit without receive"));
        }
        let recorded = self
            .ledger
            .submit(system, submit)
            .await
            .map_err(|failure| failure.fault().into_status())?;
        let dossier = recorded.dossier;
        tracing::info!(dossier_code = %dossier.code(), desk = %dossier.received.desk, "a dossier was received");
        Ok(Response::new(v1::SubmitResponse {
            dossier_id: dossier.id.to_string(),
            dossier_code: dossier.code().to_string(),
            received_at: wire::timestamp(dossier.received_at),
            promised_at: wire::timestamp(dossier.received.promised_at),
            position: recorded.position,
        }))
    }

    async fn track(
        &self,
        request: Request<v1::TrackRequest>,
    ) -> Result<Response<v1::TrackResponse>, Status> {
        self.caller(&request, &request.get_ref().agency_code)?;
        let request = request.into_inner();
        let desk = self.clone();
        let tracked = blocking(move || {
            let case = desk.case(&request.agency_code, &request.dossier_code)?;
            Ok(case.track(&desk.registry))
        });
        Ok(Response::new(tracked.await?))
    }

    async fn list_results(
        &self,
        request: Request<v1::ListResultsRequest>,
    ) -> Result<Response<v1::ListResultsResponse>, Status> {
        self.caller(&request, &request.get_ref().agency_code)?;
        let request = request.into_inner();
        let desk = self.clone();
        let case = blocking(move || desk.case(&request.agency_code, &request.dossier_code)).await?;
        let results = case
            .dossier
            .evidence
            .values()
            .filter_map(|versions| versions.last())
            .filter(|version| {
                let giver = version
                    .step
                    .as_ref()
                    .and_then(|step| case.dossier.steps.get(step));
                giver.is_some_and(|step| step.stage != Stage::Refused)
            })
            .map(|version| wire::evidence(version))
            .collect();
        let complete = case.dossier.closed_at.is_some();
        Ok(Response::new(v1::ListResultsResponse { results, complete }))
    }

    async fn list_dossiers(
        &self,
        request: Request<v1::ListDossiersRequest>,
    ) -> Result<Response<v1::ListDossiersResponse>, Status> {
        self.caller(&request, &request.get_ref().agency_code)?;
        let request = request.into_inner();
        let desk = Self::agency(&request.agency_code)?;
        let before = match request.page_token.as_str() {
            "" => None,
            token => Some(
                u64::from_str_radix(token, 16)
                    .map_err(|_| bad_field("page_token", "one that this broker gave, or empty"))?,
            ),
        };
        let limit = page(request.page_size, PAGE_DOSSIERS, PAGE_DOSSIERS_MAX);
        let reader = self.reader.clone();
        let listed = blocking(move || list_dossiers(reader.as_ref(), &desk, before, limit));
        Ok(Response::new(listed.await?))
    }

    async fn list_notices(
        &self,
        request: Request<v1::ListNoticesRequest>,
    ) -> Result<Response<v1::ListNoticesResponse>, Status> {
        self.caller(&request, &request.get_ref().agency_code)?;
        let request = request.into_inner();
        let desk = Self::agency(&request.agency_code)?;
        let mut cursor = self.cursor(&request.cursor)?;
        let limit = page(request.page_size, PAGE_NOTICES, PAGE_NOTICES_MAX);
        let (reader, epoch) = (self.reader.clone(), self.ledger.epoch());
        let (notices, cursor) = blocking(move || {
            let notices = Self::notices(reader.as_ref(), &desk, epoch, &mut cursor, limit)?;
            Ok((notices, cursor))
        })
        .await?;
        let next_cursor = Self::token(epoch, &cursor);
        Ok(Response::new(v1::ListNoticesResponse {
            notices,
            next_cursor,
        }))
    }

    async fn watch_notices(
        &self,
        request: Request<v1::WatchNoticesRequest>,
    ) -> Result<Response<Self::WatchNoticesStream>, Status> {
        let agency = request.get_ref().agency_code.clone();
        self.caller(&request, &agency)?;
        let peer = self.access.caller(&request, Call::Desk)?;
        let desk = Self::agency(&agency)?;
        let mut cursor = self.cursor(&request.get_ref().cursor)?;
        if self.belfry.notices.listeners(&desk) >= self.watches_per_desk_max {
            return Err(Fault::new(
                Code::ResourceExhausted,
                "TOO_MANY_WATCHES",
                "this desk has as many watches open as it may; close one",
                "Bộ phận này đã mở quá số luồng theo dõi cho phép. Đóng bớt.",
            )
            .retry_after(Duration::from_secs(5))
            .into_status());
        }
        let mut bell = self.belfry.notices.listen(&desk);
        let guard = self.access.guard(peer, agency);
        let (ledger, epoch) = (self.ledger.clone(), self.ledger.epoch());
        let (reader, shutdown) = (self.reader.clone(), self.shutdown.clone());
        let (send, receive) = mpsc::channel(WATCH_NOTICES_WAITING_MAX);
        tokio::spawn(async move {
            loop {
                bell.mark_unchanged();
                if let Err(fault) = guard() {
                    let _ = send.send(Err(fault.into_status())).await;
                    return;
                }
                if ledger.epoch() != epoch {
                    let _ = send.send(Err(cursor_of_another_epoch())).await;
                    return;
                }
                let limit = PAGE_NOTICES as usize;
                let page = Self::notices(reader.as_ref(), &desk, epoch, &mut cursor, limit);
                let more = page
                    .as_ref()
                    .is_ok_and(|page| page.len() == PAGE_NOTICES as usize);
                let messages: Vec<_> = match page {
                    Ok(page) => page
                        .into_iter()
                        .map(|notice| {
                            Ok(v1::WatchNoticesResponse {
                                notice: Some(notice),
                            })
                        })
                        .collect(),
                    Err(status) => vec![Err(status)],
                };
                for message in messages {
                    let is_end = message.is_err();
                    let sent = tokio::time::timeout(WATCH_UNREAD_MAX, send.send(message)).await;
                    if is_end || !matches!(sent, Ok(Ok(()))) {
                        return;
                    }
                }
                if more {
                    continue;
                }
                tokio::select! {
                    () = shutdown.triggered() => return,
                    changed = bell.changed() => if changed.is_err() { return },
                    () = send.closed() => return,
                    () = tokio::time::sleep(WATCH_HEARTBEAT) => {
                        if send.try_send(Ok(v1::WatchNoticesResponse { notice: None })).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receive))))
    }

    async fn receive(
        &self,
        request: Request<v1::ReceiveRequest>,
    ) -> Result<Response<v1::ReceiveResponse>, Status> {
        not_yet!(self, request, "DeskService.Receive")
    }

    async fn refuse_intake(
        &self,
        request: Request<v1::RefuseIntakeRequest>,
    ) -> Result<Response<v1::RefuseIntakeResponse>, Status> {
        not_yet!(self, request, "DeskService.RefuseIntake")
    }

    async fn request_supplement(
        &self,
        request: Request<v1::RequestSupplementRequest>,
    ) -> Result<Response<v1::RequestSupplementResponse>, Status> {
        not_yet!(self, request, "DeskService.RequestSupplement")
    }

    async fn answer_supplement(
        &self,
        request: Request<v1::AnswerSupplementRequest>,
    ) -> Result<Response<v1::AnswerSupplementResponse>, Status> {
        not_yet!(self, request, "DeskService.AnswerSupplement")
    }

    async fn confirm_payment(
        &self,
        request: Request<v1::ConfirmPaymentRequest>,
    ) -> Result<Response<v1::ConfirmPaymentResponse>, Status> {
        not_yet!(self, request, "DeskService.ConfirmPayment")
    }

    async fn withdraw(
        &self,
        request: Request<v1::WithdrawRequest>,
    ) -> Result<Response<v1::WithdrawResponse>, Status> {
        not_yet!(self, request, "DeskService.Withdraw")
    }

    async fn hand_out_result(
        &self,
        request: Request<v1::HandOutResultRequest>,
    ) -> Result<Response<v1::HandOutResultResponse>, Status> {
        not_yet!(self, request, "DeskService.HandOutResult")
    }

    async fn lease_codes(
        &self,
        request: Request<v1::LeaseCodesRequest>,
    ) -> Result<Response<v1::LeaseCodesResponse>, Status> {
        not_yet!(self, request, "DeskService.LeaseCodes")
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
            Ok(Some(found)) => dossiers.push(wire::summary(&found.dossier)),
            Ok(None) | Err(LoadError::Quarantined(_) | LoadError::Unreadable(_)) => {}
            Err(LoadError::Store(error)) => return Err(unreadable(&error)),
        }
    }
    Ok(v1::ListDossiersResponse {
        dossiers,
        next_page_token,
    })
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

/// A page's size within its limits.
pub(crate) fn page(asked: u32, usual: u32, max: u32) -> usize {
    (if asked == 0 { usual } else { asked.min(max) }) as usize
}
