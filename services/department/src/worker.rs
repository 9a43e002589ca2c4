//! Gives received rounds to the handler, and what it answers to the outbox.

use crate::{
    back_off,
    counter::{Counter, Working},
    handler::{Answer, Handler, Work},
    report,
    store::{Received, Reported, StoreError},
};
use contract::v1;
use futures_util::FutureExt as _;
use node::{
    shutdown::Shutdown,
    traces::{self, Kind, Span},
};
use prost::Message as _;
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::AtomicU32},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// Rounds that are read from the store at once.
const READ_MAX: usize = 256;

/// How a round's work ended.
enum Ended {
    /// There is nothing more to do in this round.
    Done,
    /// It is to be given again.
    Again { sequence: i64, failures: u32 },
}

/// A round could not be done now.
#[derive(Debug, thiserror::Error)]
enum WorkError {
    // Whatever it says may be personal: it is not told.
    #[error("the handler failed")]
    Handler,
    #[error("the handler panicked")]
    Panicked,
    #[error(
        "the handler answered nothing; it must end a round with an outcome, a request or an answer"
    )]
    Nothing,
    #[error("an answer has {0} bytes, which is more than a report may have")]
    TooLarge(usize),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Works until `shutdown`; what is being worked on then is dropped and given again at the next start.
pub(crate) async fn run(counter: Arc<Counter>, handler: Arc<dyn Handler>, shutdown: Shutdown) {
    let handlers_max = counter.config.limits.handlers_max;
    let mut tasks: JoinSet<Ended> = JoinSet::new();
    let mut again: BinaryHeap<Reverse<(Instant, i64, u32)>> = BinaryHeap::new();
    let mut after = 0;
    let mut more = true;
    loop {
        while tasks.len() < handlers_max {
            let now = Instant::now();
            if let Some(Reverse((at, sequence, failures))) = again.peek().copied()
                && at <= now
            {
                again.pop();
                let (counter, handler) = (counter.clone(), handler.clone());
                tasks.spawn(async move {
                    match counter.store.received_at(sequence).await {
                        Ok(Some(received)) => work(counter, handler, received, failures).await,
                        Ok(None) => Ended::Done,
                        Err(_) => Ended::Again {
                            sequence,
                            failures: failures + 1,
                        },
                    }
                });
                continue;
            }
            if !more {
                break;
            }
            let free = (handlers_max - tasks.len()).min(READ_MAX);
            let received = match counter.store.received_after(after, free).await {
                Ok(received) => received,
                Err(error) => {
                    tracing::error!(%error, "the inbox cannot be read");
                    counter.note_failed_write();
                    more = false;
                    break;
                }
            };
            more = received.len() == free;
            for received in received {
                after = received.sequence;
                tasks.spawn(work(counter.clone(), handler.clone(), received, 0));
            }
        }

        let next = again
            .peek()
            .map(|Reverse((at, ..))| *at)
            .filter(|_| tasks.len() < handlers_max);
        tokio::select! {
            () = shutdown.triggered() => return,
            () = counter.received.notified() => more = true,
            () = async { sleep_until(next.unwrap_or_else(Instant::now)).await }, if next.is_some() => {}
            Some(ended) = tasks.join_next() => {
                match ended {
                    Ok(Ended::Done) => {}
                    Ok(Ended::Again { sequence, failures }) => {
                        let at = Instant::now() + back_off::pause(&counter.config.times, failures);
                        again.push(Reverse((at, sequence, failures)));
                    }
                    // Panics of the handler are caught within. After one of ours its round is given
                    // again by the next start alone.
                    Err(_) => return,
                }
            }
        }
    }
}

async fn work(
    counter: Arc<Counter>,
    handler: Arc<dyn Handler>,
    received: Received,
    failures: u32,
) -> Ended {
    let Received {
        sequence,
        round,
        handover,
    } = received;
    let key = (round.dossier_id.clone(), round.step_id.clone());
    let superseded = CancellationToken::new();
    let working = Working {
        place: sequence,
        superseded: superseded.clone(),
    };
    counter.working.insert(key.clone(), working);
    let work = Work {
        handover: handover.clone(),
        round: round.clone(),
        place: sequence,
        store: counter.store.clone(),
        outgoing: counter.outgoing.clone(),
        progress: Arc::new(AtomicU32::new(0)),
    };
    let mut span = counter
        .tracer
        .hop("work", Kind::Internal, &handover.handover_id, "");
    note_round(&mut span, &handover);
    let working = traces::within(&span, answer(&counter, handler.as_ref(), work));
    let done = tokio::select! {
        () = superseded.cancelled() => Ok(Reported::Superseded),
        done = working => done,
    };
    if done.is_err() {
        span.failed("TRIED_AGAIN");
    }
    drop(span);
    counter
        .working
        .remove_if(&key, |_, working| working.place == sequence);
    match done {
        Ok(Reported::Kept) => {
            counter.outgoing.notify_one();
            Ended::Done
        }
        Ok(Reported::Superseded) => {
            tracing::info!(
                dossier_code = handover.dossier_code,
                step = round.step_id,
                round = round.round,
                "a round came that outranks this one; it is put down"
            );
            Ended::Done
        }
        Err(error) => {
            counter.tally.work_failed();
            if matches!(error, WorkError::Store(_)) {
                counter.note_failed_write();
            }
            tracing::error!(
                %error,
                agency = handover.agency_code,
                dossier_code = handover.dossier_code,
                step = round.step_id,
                round = round.round,
                attempt = failures + 1,
                "a round could not be done; it is tried again"
            );
            Ended::Again {
                sequence,
                failures: failures + 1,
            }
        }
    }
}

/// Lets the handler answer, and puts all of it in the outbox at once.
async fn answer(
    counter: &Counter,
    handler: &dyn Handler,
    work: Work,
) -> Result<Reported, WorkError> {
    let (handover, round, place) = (work.handover.clone(), work.round.clone(), work.place);
    let is_to_know = handover.task() == v1::Task::Inform;
    let asked = async {
        if is_to_know {
            handler.informed(work).await.map(|()| Vec::new())
        } else {
            handler.handle(work).await
        }
    };
    let answers = AssertUnwindSafe(asked)
        .catch_unwind()
        .await
        .map_err(|_| WorkError::Panicked)?
        .map_err(|_| WorkError::Handler)?;
    let answers_it = |answer: &Answer| answer.said.answers_the_round();
    if !is_to_know && !answers.iter().any(answers_it) {
        return Err(WorkError::Nothing);
    }
    let (mut items, mut documents) = (Vec::new(), Vec::new());
    for (number, answer) in (0..).zip(answers) {
        let item_id = report::item_id(&counter.store, &handover.handover_id, "answer", number);
        let (item, named) = report::item(&counter.store, &handover, item_id, answer).await?;
        let size_bytes = item.encoded_len();
        if size_bytes > counter.config.limits.report_bytes_max {
            return Err(WorkError::TooLarge(size_bytes));
        }
        items.push(item);
        documents.extend(named);
    }
    let code = &handover.dossier_code;
    Ok(counter
        .store
        .report(place, &round, code, items, documents, true)
        .await?)
}

/// Says of a span which round it is about.
pub(crate) fn note_round(span: &mut Span, handover: &v1::Handover) {
    span.note("dossier_code", &handover.dossier_code);
    span.note("step", &handover.step_id);
    span.note("agency", &handover.agency_code);
    span.note_number("round", handover.round);
}
