//! One life of the report stream: offers what waits, uploads its documents first, and hears verdicts.

use super::lanes::Lanes;
use crate::{
    counter::{Counter, Life},
    reconcile,
    report::report_documents,
    store::{NOBODYS_TROUBLE, Reply, StoreError, Waiting},
    tally::Reporting,
};
use contract::v1::{
    self, ReportRequest, exchange_service_client::ExchangeServiceClient, verdict::Outcome,
};
use futures_util::StreamExt as _;
use node::{
    fault::Fault,
    shutdown::Shutdown,
    stream::{self, Inbound, NotOffered, Offers, Refusal, Session, Settled},
    traces::{Kind, Span},
    transfer::{self, Source, TransferError},
};
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    error::Error,
    sync::Arc,
    time::Duration,
};
use tokio::{
    task::{JoinError, JoinHandle, JoinSet},
    time::{Instant, sleep, sleep_until, timeout},
};
use tonic::Status;

/// Reports that are read from the store at once.
const READ_MAX: usize = 256;
/// Between two tries of a queue that the broker does not read from.
const QUEUE_PAUSE: Duration = Duration::from_millis(20);
/// How long the call that opens the stream may take.
const OPEN_TIMEOUT: Duration = Duration::from_secs(15);

/// How a session ended.
pub(super) enum Ended {
    /// The process ends.
    Shutdown,
    /// The broker speaks from another store or epoch: reconcile first.
    OtherLife,
    /// Try again after a while.
    Broken {
        error: Box<dyn Error + Send + Sync>,
        was_open: bool,
    },
}

/// What the loop of a session knows.
struct Outbox<'a> {
    counter: &'a Arc<Counter>,
    /// With whom this session is.
    life: &'a Life,
    offers: Offers,
    lanes: Lanes,
    /// May be offered now.
    ready: VecDeque<Waiting>,
    /// Wait for their documents to be uploaded.
    papers: VecDeque<Waiting>,
    uploads: JoinSet<(Waiting, Result<(), TransferError>)>,
    /// To be offered again, and when.
    later: BinaryHeap<Reverse<(Instant, String)>>,
    /// Verdicts to be written down, and those that are being written.
    replies: Vec<Reply>,
    writing: Option<JoinHandle<Result<(), StoreError>>>,
    after: i64,
    more: bool,
    /// Of the reports that are under way, where spans are made.
    spans: HashMap<String, Span>,
}

/// Opens the stream and reports on it until it ends.
pub(super) async fn run(
    counter: &Arc<Counter>,
    agreed: &Life,
    some_undecided: bool,
    shutdown: &Shutdown,
) -> Ended {
    let broken = |error: Box<dyn Error + Send + Sync>| Ended::Broken {
        error,
        was_open: false,
    };
    let opened = tokio::select! {
        opened = timeout(OPEN_TIMEOUT, open(counter)) => opened,
        () = shutdown.triggered() => return Ended::Shutdown,
    };
    let session = match opened {
        Ok(Ok(session)) => session,
        Ok(Err(error)) => return broken(error),
        Err(_) => return broken("the broker did not answer the call".into()),
    };
    let hello = session.hello();
    let met = counter.meet(&hello.store_id, &hello.epoch, Some(&hello.start_id));
    if let Err(error) = met.await {
        return broken(error.into());
    }
    if hello.store_id != agreed.store_id || hello.epoch != agreed.epoch {
        return Ended::OtherLife;
    }
    tracing::info!(
        agency = counter.config.agency_code,
        "the report stream is open"
    );

    let _reporting = Reporting::begin(counter);
    let mut lives = counter.broker.subscribe();
    let (offers, mut settlements) = session.sending(counter.guard());
    let mut outbox = Outbox {
        counter,
        life: agreed,
        offers,
        lanes: Lanes::default(),
        ready: VecDeque::new(),
        papers: VecDeque::new(),
        uploads: JoinSet::new(),
        later: BinaryHeap::new(),
        replies: Vec::new(),
        writing: None,
        after: 0,
        more: true,
        spans: HashMap::new(),
    };
    let mut reconciling: Option<JoinHandle<_>> = None;
    let mut reconcile_at =
        some_undecided.then(|| Instant::now() + counter.config.times.reconcile());

    let ended = loop {
        if let Err(error) = outbox.read().await {
            counter.note_failed_write();
            break Ended::Broken {
                error: error.into(),
                was_open: true,
            };
        }
        outbox.start_uploads();
        let queue_full = outbox.offer();
        outbox.write_down();

        let later = outbox.later.peek().map(|Reverse((at, _))| *at);
        tokio::select! {
            settled = settlements.next() => match settled {
                Ok(settled) => {
                    if outbox.settle(settled) {
                        reconcile_at.get_or_insert(Instant::now() + counter.config.times.reconcile());
                    }
                }
                Err(end) => {
                    let error = end.fault.map_or_else(|| "the stream ended".into(), Into::into);
                    break Ended::Broken { error, was_open: true };
                }
            },
            () = counter.outgoing.notified() => {
                if let Some(first) = counter.take_again_from() {
                    outbox.after = outbox.after.min(first - 1);
                }
                outbox.more = true;
            }
            Some(uploaded) = outbox.uploads.join_next() => match uploaded {
                Ok((report, uploaded)) => outbox.uploaded(report, uploaded),
                // Which report it was is not known: all that wait are read again.
                Err(error) => break Ended::Broken { error: error.into(), was_open: true },
            },
            () = at(later), if later.is_some() => {
                if let Err(error) = outbox.take_later().await {
                    break Ended::Broken { error: error.into(), was_open: true };
                }
            }
            written = finished(&mut outbox.writing), if outbox.writing.is_some() => {
                if let Err(error) = written.unwrap_or_else(|_| Err(StoreError::interrupted())) {
                    // The reports wait on in the store and are sent again on the next stream.
                    counter.note_failed_write();
                    break Ended::Broken { error: error.into(), was_open: true };
                }
            }
            () = sleep(QUEUE_PAUSE), if queue_full => {}
            () = at(reconcile_at), if reconcile_at.is_some() && reconciling.is_none() => {
                reconcile_at = None;
                let counter = counter.clone();
                reconciling = Some(tokio::spawn(async move { reconcile::run(&counter).await }));
            }
            done = finished(&mut reconciling), if reconciling.is_some() => {
                if !matches!(&done, Ok(Ok(done)) if done.undecided == 0) {
                    reconcile_at = Some(Instant::now() + counter.config.times.reconcile());
                }
            }
            Ok(()) = lives.changed() => {
                if lives.borrow_and_update().as_ref().is_some_and(|life| life != agreed) {
                    break Ended::OtherLife;
                }
            }
            () = shutdown.triggered() => break Ended::Shutdown,
        }
    };
    if let Some(reconciling) = reconciling {
        reconciling.abort();
    }
    if matches!(ended, Ended::Shutdown) {
        // What is under way is heard to its end; the drain's deadline bounds it.
        while outbox.offers.unanswered() > 0 {
            let Ok(settled) = settlements.next().await else {
                break;
            };
            outbox.settle(settled);
        }
    }
    #[cfg(feature = "faults")]
    outbox.forget_what_is_under_way().await;
    outbox.flush().await;
    ended
}

async fn open(
    counter: &Counter,
) -> Result<Session<impl Inbound + use<>>, Box<dyn Error + Send + Sync>> {
    let mut client = ExchangeServiceClient::new(counter.exchange.clone());
    let (opening, outgoing) = stream::open(counter.hello().await?, counter.config.streams);
    let requests = outgoing.envelopes().map(|envelope| ReportRequest {
        envelope: Some(envelope),
    });
    let responses = client.report(requests).await?.into_inner();
    let inbound = responses.map(|message| Ok::<_, Status>(message?.envelope.unwrap_or_default()));
    Ok(opening.meet(inbound).await?)
}

impl Outbox<'_> {
    /// As if whatever was sent had been heard.
    #[cfg(feature = "faults")]
    async fn forget_what_is_under_way(&mut self) {
        if !node::breakage::is("forget the outbox on a cut") {
            return;
        }
        let waiting = self.counter.store.waiting_after(0, 100).await;
        for report in waiting.unwrap_or_default() {
            self.replies.push(Reply::Recorded {
                item_id: report.item.item_id,
                position: 0,
            });
        }
    }

    /// Reads more of the outbox while there is more and room for it.
    async fn read(&mut self) -> Result<(), StoreError> {
        let reports_max = self.counter.config.limits.reports_max;
        while self.more && self.lanes.len() < reports_max {
            let free = (reports_max - self.lanes.len()).min(READ_MAX);
            let reports = self.counter.store.waiting_after(self.after, free).await?;
            self.more = reports.len() == free;
            for report in reports {
                self.after = report.sequence;
                if let Some(report) = self.lanes.enter(report) {
                    self.prepare(report);
                }
            }
        }
        Ok(())
    }

    fn prepare(&mut self, report: Waiting) {
        if report_documents(&report.item).is_empty() {
            self.ready.push_back(report);
        } else {
            self.papers.push_back(report);
        }
    }

    fn start_uploads(&mut self) {
        while self.uploads.len() < self.counter.config.limits.transfers_max
            && let Some(report) = self.papers.pop_front()
        {
            let counter = self.counter.clone();
            self.uploads.spawn(async move {
                let uploaded = upload(&counter, &report).await;
                (report, uploaded)
            });
        }
    }

    fn uploaded(&mut self, report: Waiting, uploaded: Result<(), TransferError>) {
        let Err(error) = uploaded else {
            self.ready.push_back(report);
            return;
        };
        tracing::warn!(
            %error,
            dossier_code = report.dossier_code,
            "a document could not be uploaded; its report waits"
        );
        let after = error
            .retry_after()
            .unwrap_or(self.counter.config.times.later());
        self.later
            .push(Reverse((Instant::now() + after, report.item.item_id)));
    }

    /// Offers what is ready, as far as there is room. True when the broker does not read.
    fn offer(&mut self) -> bool {
        while let Some(mut report) = self.ready.pop_front() {
            if self.lanes.put_earlier(&mut report) {
                self.prepare(report);
                self.start_uploads();
                continue;
            }
            let Waiting {
                mut item,
                dossier_code,
                sequence,
            } = report;
            let span = self.span(&mut item, &dossier_code);
            let item_id = span.is_some().then(|| item.item_id.clone());
            match self.offers.try_offer(item) {
                Ok(()) => self.spans.extend(item_id.zip(span)),
                Err(NotOffered {
                    why: Refusal::UnderWay,
                    ..
                }) => {}
                Err(NotOffered { item, why }) => {
                    self.ready.push_front(Waiting {
                        item: *item,
                        dossier_code,
                        sequence,
                    });
                    return why == Refusal::QueueFull;
                }
            }
        }
        false
    }

    /// The span of a report that is offered, which the item names.
    fn span(&self, item: &mut v1::Item, dossier_code: &str) -> Option<Span> {
        let tracer = &self.counter.tracer;
        let Some(v1::item::Kind::Report(report)) = &item.kind else {
            return None;
        };
        if !tracer.is_on() || report.handover_id.is_empty() {
            return None;
        }
        let mut span = tracer.hop("report", Kind::Producer, &report.handover_id, "");
        span.note("dossier_code", dossier_code);
        span.note("step", &report.step_id);
        span.note("agency", &report.agency_code);
        span.note_number("round", report.round);
        item.traceparent = span.traceparent();
        Some(span)
    }

    /// Takes a verdict. True when the broker cannot tell: reconcile then.
    fn settle(&mut self, settled: Settled) -> bool {
        let Settled { item_id, outcome } = settled;
        // Its span ends with the verdict.
        let span = self.spans.remove(&item_id);
        if let (Some(mut span), false) = (span, matches!(outcome, Outcome::Recorded(_))) {
            span.failed("NOT_RECORDED");
        }
        self.counter.tally.heard.note(&outcome);
        let times = &self.counter.config.times;
        let again = |later: &mut BinaryHeap<_>, after, item_id| {
            later.push(Reverse((Instant::now() + after, item_id)));
        };
        let reply = match outcome {
            Outcome::Recorded(recorded) => Reply::Recorded {
                item_id: item_id.clone(),
                position: recorded.position,
            },
            Outcome::Refused(status) => {
                let reason = Fault::reason_of(&status).unwrap_or_else(|| "REFUSED".into());
                let agency = &self.counter.config.agency_code;
                if NOBODYS_TROUBLE.contains(&reason.as_str()) {
                    let what = "a report came too late, or again after a loss";
                    tracing::info!(item_id, reason, agency, "{what}");
                } else {
                    tracing::error!(
                        item_id,
                        reason,
                        message = status.message,
                        agency,
                        "the broker refused a report for good; somebody must look at it"
                    );
                }
                let description = status.message;
                Reply::Refused {
                    item_id: item_id.clone(),
                    reason,
                    description,
                }
            }
            Outcome::Later(status) => {
                let after = Fault::retry_after_of(&status).unwrap_or(times.later());
                again(&mut self.later, after, item_id);
                return false;
            }
            Outcome::Unknown(unknown) => {
                tracing::warn!(item_id, reason = unknown.reason, "the broker cannot tell");
                again(&mut self.later, times.reconcile(), item_id);
                return true;
            }
        };
        if let Some(next) = self.lanes.leave(&item_id) {
            self.prepare(next);
        }
        self.replies.push(reply);
        false
    }

    /// Offers again what is due again.
    async fn take_later(&mut self) -> Result<(), StoreError> {
        while let Some(Reverse((at, _))) = self.later.peek()
            && *at <= Instant::now()
            && let Some(Reverse((_, item_id))) = self.later.pop()
        {
            match self.counter.store.waiting(&item_id).await? {
                Some(report) => self.prepare(report),
                None => {
                    if let Some(next) = self.lanes.leave(&item_id) {
                        self.prepare(next);
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes down the verdicts that have come while the last ones were being written.
    fn write_down(&mut self) {
        if self.writing.is_none() && !self.replies.is_empty() {
            let (store, replies) = (
                self.counter.store.clone(),
                std::mem::take(&mut self.replies),
            );
            let Life { store_id, epoch } = self.life.clone();
            self.writing = Some(tokio::spawn(async move {
                store.reply(&store_id, &epoch, replies).await
            }));
        }
    }

    /// Writes down everything that was heard.
    async fn flush(&mut self) {
        while self.writing.is_some() || !self.replies.is_empty() {
            self.write_down();
            if !matches!(finished(&mut self.writing).await, Ok(Ok(()))) {
                tracing::warn!("verdicts were not written down; their reports are sent again");
            }
        }
    }
}

/// Uploads the documents of a report that the broker does not have.
async fn upload(counter: &Counter, report: &Waiting) -> Result<(), TransferError> {
    for (digest, size_bytes) in report_documents(&report.item) {
        let _place = counter.transfers.acquire().await;
        let source = Source::File(counter.store.documents().path(&digest));
        let (channel, agency_code) = (counter.documents.clone(), &counter.config.agency_code);
        transfer::upload(channel, agency_code, &source, digest, size_bytes).await?;
    }
    Ok(())
}

/// Waits until then; for ever when there is no such time.
async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Waits for a task and takes it out when it has ended; for ever when there is none. May be
/// dropped while it waits.
async fn finished<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, JoinError> {
    let Some(running) = task else {
        return std::future::pending().await;
    };
    let done = running.await;
    *task = None;
    done
}
