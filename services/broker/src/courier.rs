//! Couriers: one for each department. It hands over what is owed, oldest due date first, within the
//! department's window, and lets the ledger know what became of it. Nothing is ever dropped.

use crate::{
    access::Access,
    bell::Belfry,
    config::CourierConfig,
    exchange::Greeting,
    hot::{Committed, Hot},
    ledger::{Ledger, Note},
    registry::Registry,
    store::{AttemptChange, IncidentChange, IncidentKey, Owed, Reader},
    wire,
};
use contract::v1::{
    HandOverRequest, Item, department_service_client::DepartmentServiceClient, verdict::Outcome,
};
use dossier::{
    decide::Action,
    handover::handover,
    name::{AgencyCode, DossierId, StepId},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use node::{
    fault::Fault,
    identity::{Identity, Role},
    shutdown::Shutdown,
    stream::{self, Inbound, NotOffered, Offers, Settlements, StreamLimits},
    tls::{self, ChannelOptions, Credentials},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::watch;
use tonic::Status;

/// How long a department that does not read is left alone.
const QUEUE_PAUSE: SignedDuration = SignedDuration::from_millis(200);

/// What every courier works with. Cheap to clone.
#[derive(Clone)]
pub struct Office {
    /// Where it is recorded what became of a handover.
    pub ledger: Ledger,
    /// What is owed is read from here.
    pub reader: Arc<dyn Reader>,
    /// Dossiers, for making handovers.
    pub hot: Hot,
    /// Which system acts for which department, and where it is.
    pub registry: Registry,
    /// Who we are.
    pub credentials: Credentials,
    /// Whether a department's system may still act for it.
    pub access: Access,
    /// What wakes couriers.
    pub belfry: Belfry,
    /// What we say first.
    pub greeting: Greeting,
    /// How to try.
    pub config: CourierConfig,
    /// Limits of streams.
    pub limits: StreamLimits,
}

/// A round on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Round {
    dossier: DossierId,
    step: StepId,
    round: u32,
    attempts: u32,
}

/// The courier of one department.
pub struct Courier {
    office: Office,
    agency: AgencyCode,
    owed: watch::Receiver<u64>,
    called: watch::Receiver<u64>,
    failures: u32,
    /// An incident may be open: of this process, or of the one before it.
    may_be_told: bool,
    is_unreachable: bool,
}

/// Why a stream could not be opened, or ended.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the directory names no system for the department, or no address")]
    NoSystem,
    #[error("{0}")]
    Channel(#[from] tls::ChannelError),
    #[error("{}", reason(.0))]
    Stream(Status),
    #[error("the stream ended")]
    Ended,
    #[error("the store cannot be read: {0}")]
    Store(#[from] crate::store::StoreError),
}

fn reason(status: &Status) -> String {
    Fault::reason_of(status).unwrap_or_else(|| {
        let source = std::error::Error::source(status)
            .map(ToString::to_string)
            .unwrap_or_default();
        format!("{:?} {source}", status.code())
    })
}

impl Courier {
    /// The courier of this department. Nothing is opened before something is owed.
    pub fn new(office: Office, agency: AgencyCode) -> Self {
        let (owed, called) = (
            office.belfry.owed.listen(&agency),
            office.belfry.called.listen(&agency),
        );
        Self {
            office,
            agency,
            owed,
            called,
            failures: 0,
            may_be_told: true,
            is_unreachable: false,
        }
    }

    /// Works until the shutdown.
    pub async fn run(mut self, shutdown: Shutdown) {
        loop {
            tokio::select! {
                biased;
                () = shutdown.triggered() => return,
                trouble = self.work() => {
                    self.failures = self.failures.saturating_add(1);
                    tracing::debug!(agency = %self.agency, %trouble, failures = self.failures, "a courier could not go on");
                    self.tell(&trouble).await;
                }
            }
            let pause = self.pause();
            tokio::select! {
                biased;
                () = shutdown.triggered() => return,
                // A call from the department: it is there.
                Ok(()) = self.called.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Exponential, with jitter of a half.
    fn pause(&self) -> Duration {
        let CourierConfig {
            back_off_ms_min,
            back_off_ms_max,
            ..
        } = self.office.config;
        back_off(back_off_ms_min, back_off_ms_max, self.failures)
    }

    /// An unreachable department is one incident.
    async fn tell(&mut self, trouble: &Trouble) {
        if self.is_unreachable || self.failures < self.office.config.failures_until_incident {
            return;
        }
        self.is_unreachable = true;
        self.may_be_told = true;
        tracing::warn!(agency = %self.agency, %trouble, "a department cannot be reached; everything for it is kept");
        let happened = IncidentChange::Happened {
            key: self.incident(),
            vi: format!(
                "Không kết nối được với cơ quan {}. Hồ sơ được giữ lại và sẽ tự giao khi kết nối lại. Kiểm tra hệ thống của cơ quan.",
                self.agency
            ),
            en: format!(
                "department {} cannot be reached ({trouble}); everything is kept and goes by itself when it is back; look at its system",
                self.agency
            ),
            at: Timestamp::now(),
        };
        self.note(Note {
            incidents: vec![happened],
            ..Note::default()
        })
        .await;
    }

    async fn reached(&mut self) {
        self.failures = 0;
        if std::mem::take(&mut self.is_unreachable) {
            tracing::info!(agency = %self.agency, "a department can be reached again");
        }
        if !std::mem::take(&mut self.may_be_told) {
            return;
        }
        let over = IncidentChange::Over {
            key: self.incident(),
            at: Timestamp::now(),
        };
        self.note(Note {
            incidents: vec![over],
            ..Note::default()
        })
        .await;
    }

    fn incident(&self) -> IncidentKey {
        IncidentKey {
            cause: "DEPARTMENT_UNREACHABLE".into(),
            dossier_id: None,
            step: None,
            agency: Some(self.agency.clone()),
        }
    }

    async fn note(&self, note: Note) {
        if let Err(failure) = self.office.ledger.note(note).await {
            tracing::warn!(agency = %self.agency, %failure, "a courier's note was not kept");
        }
    }

    fn is_anything_owed(&self) -> Result<bool, Trouble> {
        Ok(!self
            .office
            .reader
            .owed_for(&self.agency, None, 1)?
            .is_empty())
    }

    /// Opens a stream when something is owed and works on it until it ends.
    async fn work(&mut self) -> Trouble {
        loop {
            self.owed.mark_unchanged();
            match self.is_anything_owed() {
                Ok(true) => break,
                Ok(false) => {}
                Err(trouble) => return trouble,
            }
            if self.owed.changed().await.is_err() {
                return Trouble::Ended;
            }
        }
        match self.open().await {
            Ok((offers, settlements)) => {
                self.reached().await;
                self.hand_over(offers, settlements).await
            }
            Err(trouble) => trouble,
        }
    }

    async fn open(&self) -> Result<(Offers, Settlements<impl Inbound + use<>>), Trouble> {
        let office = &self.office;
        let system = office
            .registry
            .directory()
            .system_of(&self.agency, Timestamp::now())
            .cloned();
        let (system, address) = system
            .and_then(|system| system.address.clone().map(|address| (system, address)))
            .ok_or(Trouble::NoSystem)?;
        let domain = &office.credentials.identity().trust_domain;
        let identity =
            Identity::new(domain, Role::Department, &system.code).map_err(|_| Trouble::NoSystem)?;
        let (channel, slot) = tls::dial(
            &address,
            identity,
            &office.credentials,
            ChannelOptions::exchange(),
        )?;
        let hello = office.greeting.hello(&office.ledger, self.agency.as_str());
        let (opening, outgoing) = stream::open(hello, office.limits);
        let requests = outgoing.envelopes().map(|envelope| HandOverRequest {
            envelope: Some(envelope),
        });
        let mut client = DepartmentServiceClient::new(channel)
            .max_decoding_message_size(stream::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(stream::MESSAGE_BYTES_MAX);
        let responses = client
            .hand_over(requests)
            .await
            .map_err(Trouble::Stream)?
            .into_inner();
        let inbound =
            responses.map(|one| one.map(|response| response.envelope.unwrap_or_default()));
        let session = opening.meet(inbound).await.map_err(Trouble::Stream)?;
        let peer = slot.current().ok_or(Trouble::Ended)?;
        tracing::info!(agency = %self.agency, system = %peer.identity, %address, "a department's stream is open");
        Ok(session.sending(office.access.guard(peer, self.agency.to_string())))
    }

    async fn hand_over<S: Inbound>(
        &mut self,
        offers: Offers,
        mut settlements: Settlements<S>,
    ) -> Trouble {
        let mut under_way: HashMap<String, Round> = HashMap::new();
        let mut settling = FuturesUnordered::new();
        loop {
            let retry_at = match self.fill(&offers, &mut under_way) {
                Ok(retry_at) => retry_at,
                Err(trouble) => return trouble,
            };
            tokio::select! {
                settled = settlements.next() => match settled {
                    Ok(settled) => {
                        if let Some(round) = under_way.get(&settled.item_id).cloned() {
                            let office = self.office.clone();
                            let agency = self.agency.clone();
                            settling.push(async move {
                                office.settle(&agency, round, settled.outcome).await;
                                settled.item_id
                            });
                        }
                    }
                    Err(end) => {
                        while let Some(item_id) = settling.next().await {
                            under_way.remove(&item_id);
                        }
                        self.possibly_held(&end.unanswered, &under_way).await;
                        return end.fault.map_or(Trouble::Ended, Trouble::Stream);
                    }
                },
                Some(item_id) = settling.next(), if !settling.is_empty() => {
                    under_way.remove(&item_id);
                }
                changed = self.owed.changed() => if changed.is_err() {
                    return Trouble::Ended;
                },
                () = until(retry_at) => {}
            }
        }
    }

    /// Offers what is owed, oldest due date first, as far as the window goes. Gives the time at
    /// which the next one leaves its back-off.
    fn fill(
        &mut self,
        offers: &Offers,
        under_way: &mut HashMap<String, Round>,
    ) -> Result<Option<Timestamp>, Trouble> {
        self.owed.mark_unchanged();
        let now = Timestamp::now();
        let page = self.office.limits.window_items_max as usize;
        let mut retry_at: Option<Timestamp> = None;
        let mut after = None;
        loop {
            if under_way.len() >= page {
                return Ok(retry_at);
            }
            let owed = self
                .office
                .reader
                .owed_for(&self.agency, after.as_ref(), page)?;
            let Some(last) = owed.last() else {
                return Ok(retry_at);
            };
            after = Some(last.cursor);
            for one in &owed {
                if let Some(next_at) = one.attempt.as_ref().map(|attempt| attempt.next_at)
                    && next_at > now
                {
                    retry_at = Some(retry_at.map_or(next_at, |at| at.min(next_at)));
                    continue;
                }
                let Some((item, round)) = self.item(one) else {
                    continue;
                };
                if under_way.contains_key(&item.item_id) {
                    continue;
                }
                let item_id = item.item_id.clone();
                match offers.try_offer(item) {
                    Ok(()) => drop(under_way.insert(item_id, round)),
                    Err(NotOffered {
                        why: stream::Refusal::UnderWay,
                        ..
                    }) => {}
                    Err(NotOffered {
                        why: stream::Refusal::WindowFull,
                        ..
                    }) => return Ok(retry_at),
                    // No verdict need be on its way that would bring us back here.
                    Err(NotOffered {
                        why: stream::Refusal::QueueFull,
                        ..
                    }) => return Ok(now.saturating_add(QUEUE_PAUSE).ok()),
                    Err(NotOffered {
                        why: stream::Refusal::Ended,
                        ..
                    }) => return Ok(None),
                }
            }
            if owed.len() < page {
                return Ok(retry_at);
            }
        }
    }

    fn item(&self, owed: &Owed) -> Option<(Item, Round)> {
        let step = owed.row.step.clone()?;
        let round = owed.row.round;
        let found = self
            .office
            .hot
            .read(self.office.reader.as_ref(), &owed.dossier_id);
        let Committed { dossier, .. } = match found {
            Ok(found) => found?,
            Err(error) => {
                tracing::error!(dossier_code = %owed.code, %error, "a dossier cannot be read for its handover");
                return None;
            }
        };
        let procedures = self.office.registry.procedures();
        let procedure = procedures.version(&dossier.received.procedure_digest)?;
        let made = handover(&dossier, procedure, &step, round)?;
        let item = wire::handover(&dossier, procedure, &made);
        let attempts = owed.attempt.as_ref().map_or(0, |attempt| attempt.attempts);
        Some((
            item,
            Round {
                dossier: owed.dossier_id,
                step,
                round,
                attempts,
            },
        ))
    }

    async fn possibly_held(&self, unanswered: &[String], under_way: &HashMap<String, Round>) {
        for round in unanswered
            .iter()
            .filter_map(|item_id| under_way.get(item_id))
        {
            let action = Action::Offer {
                step: round.step.clone(),
                round: round.round,
            };
            if let Err(failure) = self.office.ledger.happen(round.dossier, None, action).await {
                tracing::debug!(agency = %self.agency, %failure, "an unanswered offer was not recorded");
            }
        }
    }
}

impl Office {
    /// Lets the ledger know what became of a round.
    async fn settle(&self, agency: &AgencyCode, round: Round, outcome: Outcome) {
        let CourierConfig {
            back_off_ms_min,
            back_off_ms_max,
            ..
        } = self.config;
        let pause = back_off(back_off_ms_min, back_off_ms_max, round.attempts + 1);
        match outcome {
            // It has a higher round than this store knows: reconciling brings what is missing here.
            Outcome::Recorded(recorded) if recorded.superseded => {
                self.try_later(round, pause, "SUPERSEDED_THERE".into(), vec![])
                    .await;
            }
            Outcome::Recorded(_) => {
                let action = Action::Acknowledge {
                    step: round.step.clone(),
                    round: round.round,
                };
                if let Err(failure) = self.ledger.happen(round.dossier, None, action).await {
                    tracing::warn!(%agency, %failure, "an acknowledgement was not recorded; the handover is offered again");
                    self.try_later(round, pause, "ACKNOWLEDGEMENT_NOT_RECORDED".into(), vec![])
                        .await;
                }
            }
            Outcome::Refused(status) => {
                let why = Fault::reason_of(&status).unwrap_or_else(|| "no reason word".into());
                tracing::warn!(%agency, step = %round.step, reason = why, "a department refused a handover");
                let incident = IncidentChange::Happened {
                    key: IncidentKey {
                        cause: "HANDOVER_REFUSED".into(),
                        dossier_id: Some(round.dossier),
                        step: Some(round.step.clone()),
                        agency: None,
                    },
                    vi: format!(
                        "Cơ quan {agency} không nhận bước {} ({why}). Liên hệ cơ quan, hoặc chuyển bước cho cơ quan khác.",
                        round.step
                    ),
                    en: format!(
                        "department {agency} does not take step {} ({why}); speak with it, or move the step",
                        round.step
                    ),
                    at: Timestamp::now(),
                };
                let long = Duration::from_millis(back_off_ms_max.max(back_off_ms_min));
                self.try_later(round, long, why, vec![incident]).await;
            }
            Outcome::Later(status) => {
                let pause = Fault::retry_after_of(&status).unwrap_or(pause);
                let why = Fault::reason_of(&status).unwrap_or_else(|| "LATER".into());
                self.try_later(round, pause, why, vec![]).await;
            }
            Outcome::Unknown(_) => self.try_later(round, pause, "UNKNOWN".into(), vec![]).await,
        }
    }

    async fn try_later(
        &self,
        round: Round,
        pause: Duration,
        last_error: String,
        incidents: Vec<IncidentChange>,
    ) {
        let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::from_secs(60));
        let attempt = AttemptChange {
            dossier_id: round.dossier,
            step: round.step,
            round: round.round,
            attempts: round.attempts.saturating_add(1),
            next_at: Timestamp::now()
                .saturating_add(pause)
                .unwrap_or(Timestamp::MAX),
            last_error,
        };
        let note = Note {
            attempts: vec![attempt],
            incidents,
            ..Note::default()
        };
        if let Err(failure) = self.ledger.note(note).await {
            // Not kept: wait here, so that the round is not offered again at once.
            tracing::debug!(%failure, "an attempt was not kept");
            tokio::time::sleep(pause.unsigned_abs()).await;
        }
    }
}

fn back_off(ms_min: u64, ms_max: u64, failures: u32) -> Duration {
    let ms = ms_min
        .saturating_mul(1 << failures.saturating_sub(1).min(20))
        .clamp(ms_min, ms_max.max(ms_min));
    let half = ms / 2;
    Duration::from_millis(half + rand::random_range(0..=half.max(1)))
}

async fn until(at: Option<Timestamp>) {
    match at {
        None => std::future::pending().await,
        Some(at) => {
            let wait = at.duration_since(Timestamp::now());
            tokio::time::sleep(Duration::try_from(wait).unwrap_or(Duration::ZERO)).await;
        }
    }
}
