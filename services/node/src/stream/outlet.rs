//! The way out of a stream: a bounded queue of envelopes, and the fault that ended it if one did.

use super::StreamLimits;
use contract::v1::{Envelope, Heartbeat, envelope::Content};
use futures_util::{Stream, StreamExt as _, future, task::AtomicWaker};
use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::{Duration, SystemTime},
};
use tokio::{sync::mpsc, time};
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;

/// Places in the queue beyond the window: for the hello and heartbeats.
const SPARE_PLACES: usize = 4;

/// What goes out on a stream. As the answer to a call it is the response stream; what ends it
/// becomes the call's status.
#[derive(Debug)]
pub struct Outgoing {
    queue: mpsc::Receiver<Envelope>,
    farewell: Arc<Farewell>,
}

/// How a stream is ended by us before everybody has stopped sending: with a fault or without,
/// after everything that is still in the queue.
#[derive(Debug, Default)]
pub(super) struct Farewell {
    said: Mutex<Said>,
    waker: AtomicWaker,
}

#[derive(Debug, Default)]
enum Said {
    #[default]
    Nothing,
    End,
    Fault(Status),
}

/// A queue with room for the window.
pub(super) fn outlet(limits: &StreamLimits) -> (mpsc::Sender<Envelope>, Outgoing) {
    let places = limits.window_items_max as usize + SPARE_PLACES;
    let (sender, queue) = mpsc::channel(places);
    (
        sender,
        Outgoing {
            queue,
            farewell: Arc::default(),
        },
    )
}

/// Sends a sign of life at every interval for as long as anybody else may send.
pub(super) fn heartbeats(
    outlet: &mpsc::Sender<Envelope>,
    interval: Duration,
) -> AbortOnDropHandle<()> {
    let outlet = outlet.downgrade();
    AbortOnDropHandle::new(tokio::spawn(async move {
        loop {
            time::sleep(interval).await;
            let Some(outlet) = outlet.upgrade() else {
                return;
            };
            let heartbeat = Heartbeat {
                sent_at: Some(SystemTime::now().into()),
            };
            // Where the queue is full there is enough to be heard.
            let _ = outlet.try_send(envelope(Content::Heartbeat(heartbeat)));
        }
    }))
}

pub(super) fn envelope(content: Content) -> Envelope {
    Envelope {
        content: Some(content),
    }
}

impl Outgoing {
    /// As the request of a call, where a fault only ends the stream.
    pub fn envelopes(self) -> impl Stream<Item = Envelope> + Send + use<> {
        self.take_while(|out| future::ready(out.is_ok()))
            .filter_map(|out| future::ready(out.ok()))
    }

    pub(super) fn farewell(&self) -> Arc<Farewell> {
        self.farewell.clone()
    }
}

impl Farewell {
    /// Ends the stream, with a fault if there is one; the first to say so counts.
    pub(super) fn say(&self, fault: Option<Status>) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*said, Said::Nothing) {
            *said = fault.map_or(Said::End, Said::Fault);
            drop(said);
            self.waker.wake();
        }
    }

    /// What the stream ends with, if it has been said; a fault only once.
    fn hear(&self) -> Option<Option<Status>> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        match std::mem::take(&mut *said) {
            Said::Nothing => None,
            Said::End => {
                *said = Said::End;
                Some(None)
            }
            Said::Fault(fault) => {
                *said = Said::End;
                Some(Some(fault))
            }
        }
    }
}

impl Stream for Outgoing {
    type Item = Result<Envelope, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.queue.poll_recv(cx) {
            Poll::Ready(Some(envelope)) => Poll::Ready(Some(Ok(envelope))),
            Poll::Ready(None) => Poll::Ready(self.farewell.hear().flatten().map(Err)),
            Poll::Pending => {
                self.farewell.waker.register(cx.waker());
                match self.farewell.hear() {
                    Some(fault) => Poll::Ready(fault.map(Err)),
                    None => Poll::Pending,
                }
            }
        }
    }
}
