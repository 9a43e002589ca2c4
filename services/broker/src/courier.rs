//! Couriers: one for each department. It hands over and tells what is owed, oldest due date first, within
//! the department's window, and lets the ledger know what became of it. Nothing is ever dropped.

mod list;
mod outcome;
mod pace;
mod telling;

use self::{
    list::{Key, List, Owing},
    outcome::{Done, Round},
    pace::Pace,
    telling::Telling,
};
use crate::{
    access::Access,
    bell::{Belfry, Wish},
    board::{Listener, News},
    causes,
    config::CourierConfig,
    exchange::Greeting,
    hot::{Committed, Hot, LoadError},
    ledger::{Ledger, Note, notice_row},
    reconcile::Lives,
    registry::Registry,
    standings::{Connected, Page, Standings},
    store::{IncidentChange, IncidentKey, OwedRow, Reader, StoreError},
    suspensions::Suspensions,
    wire,
};
use contract::v1::{
    DescribeRequest, HandOverRequest, Item, department_service_client::DepartmentServiceClient,
};
use dossier::{
    Dossier,
    decide::Action,
    department_notice::{DepartmentNotice, notices_owed},
    handover::handover,
    name::{AgencyCode, StepId},
    owed::is_owed,
};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use node::{
    fault::Fault,
    identity::{Identity, Role},
    shutdown::Shutdown,
    stream::{self, Inbound, Offers, Settlements, StreamLimits},
    tls::{self, ChannelOptions, Credentials},
    traces::{self, Kind, Span, TRACEPARENT_BYTES, Tracer},
};
use prost::Message as _;
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::sync::watch;
use tonic::{Status, transport::Channel};

/// How long a department that does not read is left alone.
const QUEUE_PAUSE: SignedDuration = SignedDuration::from_millis(200);
/// How long a store that cannot be read is left alone.
const STORE_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// How long a department may take to open a stream, its hello included.
const OPEN_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a department may take to say what its software is.
const DESCRIBE_TIME_MAX: Duration = Duration::from_secs(5);
/// Bytes of a message that are the envelope's, or the span's, and not the item's.
const ENVELOPE_BYTES: usize = 64 + 2 + TRACEPARENT_BYTES;
/// Bytes of one handover.
const HANDOVER_BYTES_MAX: usize = stream::MESSAGE_BYTES_MAX - ENVELOPE_BYTES;

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
    /// Whose acknowledgements still count.
    pub lives: Lives,
    /// Where it is written how a department does.
    pub standings: Standings,
    /// To whom nothing is handed over.
    pub suspensions: Suspensions,
    /// Makes spans.
    pub tracer: Tracer,
    /// How to try.
    pub config: CourierConfig,
    /// Limits of streams.
    pub limits: StreamLimits,
}

/// Which life of a department's store a stream is with.
#[derive(Debug, Clone)]
struct With {
    life: String,
    /// The life that had reconciled last when the stream was opened.
    reconciled: Option<String>,
}

impl With {
    /// Whether another life of the store has reconciled since the stream was opened: what this one
    /// acknowledges is nowhere any more.
    fn is_over(&self, lives: &Lives, agency: &AgencyCode) -> bool {
        let now = lives.of(agency);
        now != self.reconciled && now.as_ref() != Some(&self.life)
    }
}

/// What a courier has on one stream.
struct Load {
    list: List,
    under_way: HashMap<String, UnderWay>,
    keys: HashSet<Key>,
    settling: FuturesUnordered<BoxFuture<'static, Done>>,
    /// Of the rounds that are under way, where spans are made.
    spans: HashMap<String, Span>,
}

/// What is on its way to the department.
#[derive(Debug, Clone)]
enum UnderWay {
    Round(Round),
    Notice(Telling),
}

impl UnderWay {
    fn key(&self) -> &Key {
        match self {
            Self::Round(round) => &round.key,
            Self::Notice(telling) => &telling.key,
        }
    }
}

/// What there is to do about something owed.
enum Made {
    /// Offer it.
    Item(Box<Item>, UnderWay),
    /// Nothing: it is owed no longer, or waits for a person.
    Nothing,
    /// Tell the ledger, which stops the dossier.
    Unreadable(Key, Box<Action>),
}

/// The courier of one department.
pub struct Courier {
    office: Office,
    agency: AgencyCode,
    owed: Listener,
    pace: Pace,
    wishes: watch::Receiver<Wish>,
    /// How often it was wished that everything is tried, and was.
    tried_all: u64,
    standing: Page,
    /// An incident may be open: of this process, or of the one before it.
    may_be_told: bool,
    is_unreachable: bool,
    /// The department has called since the last stream, or an operator wishes it: what rested is due.
    is_all_due: bool,
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
    #[error("it did not open a stream within {} s", OPEN_TIME_MAX.as_secs())]
    Silent,
    #[error("the stream ended")]
    Ended,
    #[error("the store cannot be read: {0}")]
    Store(#[from] StoreError),
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
        let belfry = &office.belfry;
        let (owed, called) = (belfry.owed.listen(&agency), belfry.called.listen(&agency));
        let mut wishes = belfry.wishes.listen(&agency);
        let tried_all = wishes.borrow_and_update().try_all;
        let standing = office.standings.page(&agency);
        Self {
            office,
            agency,
            owed,
            pace: Pace::new(called),
            wishes,
            tried_all,
            standing,
            may_be_told: true,
            is_unreachable: false,
            is_all_due: false,
        }
    }

    /// Works until the shutdown.
    pub async fn run(mut self, shutdown: Shutdown) {
        loop {
            tokio::select! {
                biased;
                () = shutdown.triggered() => return,
                trouble = self.work() => {
                    self.pace.failed();
                    let failures = self.pace.failures();
                    tracing::debug!(agency = %self.agency, %trouble, failures, "a courier could not go on");
                    self.standing.failed(failures, &trouble.to_string());
                    self.tell(&trouble).await;
                }
            }
            let pause = self.office.pause_after(self.pace.in_vain());
            tokio::select! {
                biased;
                () = shutdown.triggered() => return,
                () = self.is_woken() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// The department calls, or an operator wishes something, which is heeded always.
    async fn is_woken(&mut self) {
        tokio::select! {
            () = self.pace.call_to_heed() => self.is_all_due = true,
            () = heard(&mut self.wishes) => self.heed(),
        }
    }

    /// Takes note of what an operator wishes.
    fn heed(&mut self) {
        let wished = self.wishes.borrow_and_update().try_all;
        self.is_all_due |= std::mem::replace(&mut self.tried_all, wished) != wished;
    }

    fn is_suspended(&self) -> bool {
        self.office.suspensions.is_department(&self.agency)
    }

    /// An unreachable department is one incident.
    async fn tell(&mut self, trouble: &Trouble) {
        if self.is_unreachable || self.pace.failures() < self.office.config.failures_until_incident
        {
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
        self.pace.reached();
        if std::mem::take(&mut self.is_unreachable) {
            tracing::info!(agency = %self.agency, "a department can be reached again");
        }
        if !self.may_be_told {
            return;
        }
        let over = IncidentChange::Over {
            key: self.incident(),
            at: Timestamp::now(),
        };
        let kept = self.note(Note {
            incidents: vec![over],
            ..Note::default()
        });
        // What a full disk did not keep is told again with the next stream.
        self.may_be_told = !kept.await;
    }

    fn incident(&self) -> IncidentKey {
        IncidentKey {
            cause: causes::DEPARTMENT_UNREACHABLE.word.into(),
            dossier_id: None,
            step: None,
            agency: Some(self.agency.clone()),
        }
    }

    /// Whether it was kept.
    async fn note(&self, note: Note) -> bool {
        let kept = self.office.ledger.note(note).await;
        if let Err(failure) = &kept {
            tracing::warn!(agency = %self.agency, %failure, "a courier's note was not kept");
        }
        kept.is_ok()
    }

    /// Whether an incident says that the department cannot be reached, by this process or the one
    /// before it: then it is tried although nothing is owed, or the incident would stay for ever.
    fn is_told_unreachable(&mut self) -> Result<bool, Trouble> {
        if self.may_be_told {
            self.may_be_told = self.office.reader.is_incident_open(&self.incident())?;
        }
        Ok(self.may_be_told)
    }

    fn is_anything_owed(&self) -> Result<bool, Trouble> {
        Ok(!self
            .office
            .reader
            .owed_for(&self.agency, None, 1)?
            .is_empty())
    }

    /// Opens a stream when something is owed, or an incident is to be ended, and works on it until it ends.
    async fn work(&mut self) -> Trouble {
        loop {
            while self.is_suspended() {
                heard(&mut self.wishes).await;
                self.heed();
            }
            // What was posted until now is read from the store.
            self.owed.take();
            match self.is_anything_owed() {
                Ok(true) => break,
                Ok(false) => {}
                Err(trouble) => return trouble,
            }
            match self.is_told_unreachable() {
                Ok(true) => break,
                Ok(false) => {}
                Err(trouble) => return trouble,
            }
            self.owed.posted().await;
        }
        #[cfg(feature = "faults")]
        if node::breakage::strikes("a courier falls") {
            panic!("a fault was asked for");
        }
        let opened = tokio::time::timeout(OPEN_TIME_MAX, self.open()).await;
        match opened.unwrap_or(Err(Trouble::Silent)) {
            Ok((with, connected, offers, settlements)) => {
                self.reached().await;
                self.hand_over(&with, connected, offers, settlements).await
            }
            Err(trouble) => trouble,
        }
    }

    async fn open(
        &self,
    ) -> Result<(With, Connected, Offers, Settlements<impl Inbound + use<>>), Trouble> {
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
        let connected = self.standing.connected(
            peer.not_after,
            session
                .hello()
                .window_items_max
                .clamp(1, office.limits.window_items_max.max(1)),
            Timestamp::now(),
        );
        self.standing.says(&session.hello().contract_version);
        tokio::spawn(describe(client, self.agency.clone(), self.standing.clone()));
        let with = With {
            life: Lives::name(&session.hello().store_id, &session.hello().epoch),
            reconciled: office.lives.of(&self.agency),
        };
        let guard = office.access.guard(peer, self.agency.to_string());
        let (offers, settlements) = session.sending(guard);
        Ok((with, connected, offers, settlements))
    }

    async fn hand_over<S: Inbound>(
        &mut self,
        with: &With,
        connected: Connected,
        offers: Offers,
        mut settlements: Settlements<S>,
    ) -> Trouble {
        let mut load = Load::new(self.agency.clone(), self.office.limits.window_items_max);
        let quiet =
            SignedDuration::try_from(self.office.longest_pause()).unwrap_or(SignedDuration::MAX);
        if std::mem::take(&mut self.is_all_due) {
            load.list.called(quiet);
        }
        loop {
            let look_at = self.fill(&offers, &mut load);
            self.standing.under_way(load.under_way.len());
            tokio::select! {
                settled = settlements.next() => match settled {
                    Ok(_) if with.is_over(&self.office.lives, &self.agency) => {
                        tracing::info!(agency = %self.agency, "what a lost store of a department still answers does not count");
                        let unanswered: Vec<_> = load.under_way.keys().cloned().collect();
                        self.end(load, &unanswered).await;
                        return Trouble::Ended;
                    }
                    Ok(settled) => {
                        self.pace.answered();
                        self.standing.verdict(&settled.outcome);
                        if let Some(under_way) = load.under_way.get(&settled.item_id).cloned() {
                            let office = self.office.clone();
                            let agency = self.agency.clone();
                            let (item_id, outcome) = (settled.item_id, settled.outcome);
                            let span = load.spans.remove(&item_id);
                            load.settling.push(async move {
                                settle_within(span, async move { match under_way {
                                    UnderWay::Round(round) => {
                                        office.settle(&agency, item_id, round, outcome).await
                                    }
                                    UnderWay::Notice(telling) => {
                                        office.settle_notice(&agency, item_id, telling, outcome).await
                                    }
                                }}).await
                            }.boxed());
                        }
                    }
                    Err(end) => {
                        drop(connected);
                        self.end(load, &end.unanswered).await;
                        return end.fault.map_or(Trouble::Ended, Trouble::Stream);
                    }
                },
                Some(done) = load.settling.next(), if !load.settling.is_empty() => load.done(done),
                () = self.owed.posted() => match self.owed.take() {
                    News::All(fresh) => load.list.post(fresh),
                    News::More => load.list.begin_again(),
                },
                () = self.pace.called() => load.list.called(quiet),
                () = heard(&mut self.wishes) => {
                    self.heed();
                    match std::mem::take(&mut self.is_all_due) {
                        true => load.list.try_all(),
                        false => load.list.look_again(),
                    }
                }
                () = until(look_at) => {}
            }
        }
    }

    /// What was answered is written down, and what was not is possibly held.
    async fn end(&self, mut load: Load, unanswered: &[String]) {
        while let Some(done) = load.settling.next().await {
            load.done(done);
        }
        self.possibly_held(unanswered, &load.under_way).await;
    }

    /// Offers what is owed, oldest due date first, as far as the window goes. Gives the time at
    /// which to look again, if nothing comes before.
    fn fill(&self, offers: &Offers, load: &mut Load) -> Option<Timestamp> {
        if self.is_suspended() {
            return None;
        }
        let now = Timestamp::now();
        let later = |pause: SignedDuration| now.saturating_add(pause).ok();
        let window = self.office.limits.window_items_max as usize;
        while load.under_way.len() < window.max(1) {
            let keys = &load.keys;
            let next = load
                .list
                .next(self.office.reader.as_ref(), now, |key| keys.contains(key));
            let (key, owed) = match next {
                Ok(Some(next)) => next,
                Ok(None) => return load.list.wake_at(),
                Err(error) => {
                    tracing::warn!(agency = %self.agency, %error, "a courier cannot read what is owed");
                    return later(STORE_PAUSE);
                }
            };
            let (mut item, under_way) = match self.item(key, &owed) {
                Ok(Made::Item(item, under_way)) => (*item, under_way),
                Ok(Made::Nothing) => continue,
                Ok(Made::Unreadable(key, action)) => {
                    self.stop(load, key, *action);
                    continue;
                }
                Err(error) => {
                    tracing::warn!(dossier_code = %owed.code, agency = %self.agency, %error, "a dossier cannot be read for its handover");
                    load.list.give_back(owed);
                    return later(STORE_PAUSE);
                }
            };
            let bytes = item.encoded_len();
            if let UnderWay::Round(round) = &under_way
                && bytes > HANDOVER_BYTES_MAX
            {
                self.set_aside(load, item.item_id, round.clone(), bytes);
                continue;
            }
            let item_id = item.item_id.clone();
            let span = self.span(&mut item, &under_way);
            match offers.try_offer(item).map_err(|refused| refused.why) {
                Ok(()) => {
                    if let Some(span) = span {
                        load.spans.insert(item_id.clone(), span);
                    }
                    load.begin(item_id, under_way);
                }
                Err(stream::Refusal::UnderWay) => {}
                // A verdict, or the end, brings us back here.
                Err(stream::Refusal::WindowFull | stream::Refusal::Ended) => {
                    load.list.give_back(owed);
                    return load.list.wake_at();
                }
                // No verdict need be on its way that would bring us back here.
                Err(stream::Refusal::QueueFull) => {
                    load.list.give_back(owed);
                    return later(QUEUE_PAUSE);
                }
            }
        }
        load.list.wake_at()
    }

    /// The span of a round that is offered, which the item names: the first of its hop, or one more try.
    fn span(&self, item: &mut Item, under_way: &UnderWay) -> Option<Span> {
        let UnderWay::Round(round) = under_way else {
            return None;
        };
        let tracer = &self.office.tracer;
        if !tracer.is_on() {
            return None;
        }
        let mut span = match round.attempts {
            0 => tracer.hop_begin("hand over", Kind::Producer, &item.item_id),
            _ => tracer.hop("hand over again", Kind::Producer, &item.item_id, ""),
        };
        span.note("dossier_code", round.code.as_str());
        span.note("step", round.step.as_str());
        span.note("agency", self.agency.as_str());
        span.note_number("round", round.key.round);
        item.traceparent = span.traceparent();
        Some(span)
    }

    fn item(&self, key: Key, row: &Owing) -> Result<Made, StoreError> {
        let found = self
            .office
            .hot
            .read(self.office.reader.as_ref(), &row.dossier_id);
        let dossier = match found {
            Ok(Some(Committed {
                is_erased: true, ..
            })) => return Ok(Made::Nothing),
            Ok(Some(Committed { dossier, .. })) => dossier,
            Ok(None) | Err(LoadError::Quarantined(_)) => return Ok(Made::Nothing),
            Err(LoadError::Unreadable(_)) => {
                let action = self.unanswered(&row.row);
                return Ok(Made::Unreadable(key, action.into()));
            }
            Err(LoadError::Store(error)) => return Err(error),
        };
        let made = match &row.row.step {
            Some(step) => self.round(key, step, row, &dossier),
            None => self.notice(key, row, &dossier),
        };
        Ok(made.map_or(Made::Nothing, |(item, under_way)| {
            Made::Item(Box::new(item), under_way)
        }))
    }

    /// A round of a step. The row may be older than the dossier.
    fn round(
        &self,
        key: Key,
        step: &StepId,
        row: &Owing,
        dossier: &Dossier,
    ) -> Option<(Item, UnderWay)> {
        let number = row.row.round;
        let is_owed = is_owed(dossier, step, number, &self.agency);
        if !is_owed {
            return None;
        }
        let book = self.office.registry.rules_of(dossier)?;
        let procedure = book.rules().procedure;
        let made = handover(dossier, procedure, step, number)?;
        #[cfg(feature = "faults")]
        let made = other_content(made);
        let round = Round {
            key,
            step: step.clone(),
            code: row.code.clone(),
            attempts: row.attempt.as_ref().map_or(0, |attempt| attempt.attempts),
        };
        let item = wire::handover(dossier, procedure, &made);
        Some((item, UnderWay::Round(round)))
    }

    /// A notice, if it is still owed as the row has it.
    fn notice(&self, key: Key, row: &Owing, dossier: &Dossier) -> Option<(Item, UnderWay)> {
        let mut owed = notices_owed(dossier).into_iter();
        let (notice, _, _) = owed.find(|(notice, agency, due_at)| {
            let one = notice_row(notice, agency, *due_at);
            *agency == self.agency
                && (one.notice, one.round) == (row.row.notice.clone(), row.row.round)
        })?;
        let item = wire::department_notice(dossier, &self.agency, &notice)?;
        let code = row.code.clone();
        Some((item, UnderWay::Notice(Telling { key, code, notice })))
    }

    /// A handover that no message can carry rests; its place is taken until that is recorded.
    fn set_aside(&self, load: &mut Load, item_id: String, round: Round, bytes: usize) {
        let (office, agency) = (self.office.clone(), self.agency.clone());
        load.begin(item_id.clone(), UnderWay::Round(round.clone()));
        load.settling.push(
            async move {
                office
                    .too_large(&agency, item_id, round, bytes, HANDOVER_BYTES_MAX)
                    .await
            }
            .boxed(),
        );
    }

    /// The ledger finds what we found, and stops the dossier.
    fn stop(&self, load: &mut Load, key: Key, action: Action) {
        let office = self.office.clone();
        load.keys.insert(key.clone());
        load.settling.push(
            async move {
                let _ = office.ledger.happen(key.dossier, None, action).await;
                let until = office.after(office.longest_pause());
                Done {
                    item_id: String::new(),
                    key,
                    rest: Some((until, false)),
                }
            }
            .boxed(),
        );
    }

    /// What happened to something that could not be made: nothing that its dossier would keep.
    fn unanswered(&self, row: &OwedRow) -> Action {
        match &row.step {
            Some(step) => Action::Offer {
                step: step.clone(),
                round: row.round,
            },
            None => Action::Notify {
                agency: self.agency.clone(),
                notice: DepartmentNotice::Closed {
                    closed_at: row.due_at,
                },
                refused: false,
            },
        }
    }

    /// A notice that was not answered is told again, and nothing depends on it meanwhile.
    async fn possibly_held(&self, unanswered: &[String], under_way: &HashMap<String, UnderWay>) {
        for item_id in unanswered {
            let Some(UnderWay::Round(round)) = under_way.get(item_id) else {
                continue;
            };
            let key = &round.key;
            let action = Action::Offer {
                step: round.step.clone(),
                round: key.round,
            };
            #[cfg(feature = "faults")]
            let action = match node::breakage::is("take silence for an acknowledgement") {
                true => Action::Acknowledge {
                    step: round.step.clone(),
                    round: key.round,
                },
                false => action,
            };
            if let Err(failure) = self.office.ledger.happen(key.dossier, None, action).await {
                tracing::debug!(dossier_code = %round.code, step = %round.step, agency = %self.agency, %failure, "an unanswered offer was not recorded");
            }
        }
    }
}

impl Load {
    fn new(agency: AgencyCode, window_items_max: u32) -> Self {
        Self {
            list: List::new(agency, window_items_max as usize),
            under_way: HashMap::new(),
            keys: HashSet::new(),
            settling: FuturesUnordered::new(),
            spans: HashMap::new(),
        }
    }

    fn begin(&mut self, item_id: String, under_way: UnderWay) {
        self.keys.insert(under_way.key().clone());
        self.under_way.insert(item_id, under_way);
    }

    fn done(&mut self, done: Done) {
        self.under_way.remove(&done.item_id);
        self.keys.remove(&done.key);
        if let Some((until, is_kept)) = done.rest {
            self.list.rest(done.key, until, is_kept);
        }
    }
}

/// Writes down what became of a round, which is a part of handing it over.
async fn settle_within(span: Option<Span>, settling: impl Future<Output = Done>) -> Done {
    match span {
        None => settling.await,
        Some(mut span) => {
            let done = traces::within(&span, settling).await;
            if done.rest.is_some() {
                span.failed("NOT_RECORDED");
            }
            done
        }
    }
}

/// Now and then leaves something out, under the same id.
#[cfg(feature = "faults")]
fn other_content(mut made: dossier::handover::Handover) -> dossier::handover::Handover {
    if node::breakage::is("hand over other content under one id") && rand::random() {
        made.evidence.pop();
    }
    made
}

/// Until a bell is rung; never when nobody can ring it any more.
async fn heard<T>(bell: &mut watch::Receiver<T>) {
    if bell.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Asks a department for the version of its software. Nothing depends on the answer.
async fn describe(
    mut client: DepartmentServiceClient<Channel>,
    agency: AgencyCode,
    standing: Page,
) {
    let agency_code = agency.to_string();
    let asked = client.describe(DescribeRequest { agency_code });
    if let Ok(Ok(described)) = tokio::time::timeout(DESCRIBE_TIME_MAX, asked).await {
        let software = described.into_inner().software;
        if !software.is_empty() {
            standing.says(&software);
        }
    }
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
