//! The side of a stream that gets items: hears them within its own window and answers each when
//! it can.

use super::{
    Inbound,
    greeting::{Beating, Mouth},
    hearing::{Hearing, out_of_place},
    outlet::envelope,
    window::fits,
};
use crate::fault::Fault;
use contract::v1::{
    Envelope, Item, Recorded, Unknown, Verdict, envelope::Content, verdict::Outcome,
};
use prost::Message as _;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::mpsc::OwnedPermit,
    time::{self, Instant},
};
use tonic::{Code, Status};

/// Hears items. Dropping it ends the stream once every ticket has been used or dropped.
pub struct Receiving<S> {
    hearing: Hearing<S>,
    pub(super) mouth: Mouth,
    in_hand: Arc<InHand>,
    /// An item whose verdict has no place in the queue yet, and since when.
    waiting: Option<(Item, u64, Instant)>,
    _beating: Beating,
}

/// An item, and the ticket with which it is answered.
#[derive(Debug)]
pub struct Received {
    /// The item. Its kind may be unknown here or missing: refuse it as `UNKNOWN_KIND`.
    pub item: Item,
    /// Where the verdict goes.
    pub ticket: Ticket,
}

/// A verdict's place on the stream. It never waits and never blocks. Dropped unused, it answers
/// *unknown*: the sender keeps the item and reconciles.
#[derive(Debug)]
pub struct Ticket {
    item_id: String,
    place: Option<OwnedPermit<Envelope>>,
    in_hand: Arc<InHand>,
    bytes: u64,
}

/// What was heard and not answered.
#[derive(Debug, Default)]
struct InHand {
    items: AtomicUsize,
    bytes: AtomicU64,
}

impl<S: Inbound> Receiving<S> {
    pub(super) fn new(mouth: Mouth, hearing: Hearing<S>, beating: Beating) -> Self {
        Self {
            hearing,
            mouth,
            in_hand: Arc::default(),
            waiting: None,
            _beating: beating,
        }
    }

    /// The next item; none when the sender has closed its end. May be dropped while it waits
    /// without losing anything. Items of a sender that does not read its verdicts wait.
    ///
    /// # Errors
    /// What ended the stream: a fault of transport, `WINDOW_OVERRUN`, `STREAM_SILENT`, a message
    /// out of place, or what the guard says of the sender. It has been told to the other side.
    pub async fn next(&mut self) -> Result<Option<Received>, Status> {
        let next = self.hear().await;
        next.inspect_err(|fault| self.mouth.farewell.say(Some(fault.clone())))
    }

    /// Items that were heard and not answered.
    pub fn unanswered(&self) -> usize {
        self.in_hand.items.load(Ordering::Relaxed)
    }

    async fn hear(&mut self) -> Result<Option<Received>, Status> {
        if self.waiting.is_none() {
            match self.hearing.next().await? {
                Some(Content::Item(item)) => {
                    let bytes = item.encoded_len() as u64;
                    self.check_window(bytes)?;
                    self.waiting = Some((item, bytes, Instant::now()));
                }
                Some(_) => return Err(out_of_place("a verdict", "câu trả lời").into()),
                None => return Ok(None),
            }
        }
        let since = self
            .waiting
            .as_ref()
            .map_or_else(Instant::now, |(_, _, since)| *since);
        let silence = self.mouth.limits.silence;
        let place = self.mouth.outlet.clone().reserve_owned();
        let place = time::timeout_at(since + silence, place)
            .await
            .map_err(|_| unread(silence))?;
        let place = place.map_err(|_| gone())?;
        let Some((item, bytes, _)) = self.waiting.take() else {
            return Ok(None);
        };

        self.in_hand.items.fetch_add(1, Ordering::Relaxed);
        self.in_hand.bytes.fetch_add(bytes, Ordering::Relaxed);
        let item_id = item.item_id.clone();
        let ticket = Ticket {
            item_id,
            place: Some(place),
            in_hand: self.in_hand.clone(),
            bytes,
        };
        Ok(Some(Received { item, ticket }))
    }

    fn check_window(&self, more_bytes: u64) -> Result<(), Fault> {
        let limits = &self.mouth.limits;
        let items = (self.unanswered(), limits.window_items_max.max(1) as usize);
        let bytes = (
            self.in_hand.bytes.load(Ordering::Relaxed),
            limits.window_bytes_max,
        );
        if fits(items, bytes, more_bytes) {
            return Ok(());
        }
        let (items_max, bytes_max) = (items.1, bytes.1);
        let fault = Fault::new(
            Code::ResourceExhausted,
            "WINDOW_OVERRUN",
            format!(
                "more than {items_max} items or {bytes_max} bytes without a verdict; keep to the \
                 window of the hello and open a new stream"
            ),
            format!(
                "đã gửi quá {items_max} mục hoặc {bytes_max} byte chưa được trả lời; hãy theo giới \
                 hạn trong lời chào và mở luồng mới"
            ),
        );
        Err(fault.retry_after(Duration::from_secs(1)))
    }
}

impl Ticket {
    /// The item that it answers.
    pub fn item_id(&self) -> &str {
        &self.item_id
    }

    /// Answers: the item and all its documents are here, verified and durable.
    pub fn recorded(self, recorded: Recorded) {
        self.answer(Outcome::Recorded(recorded));
    }

    /// Answers: it will never be taken.
    pub fn refused(self, fault: Fault) {
        self.answer(Outcome::Refused(fault.into()));
    }

    /// Answers: try again. Say when, with [`Fault::retry_after`].
    pub fn later(self, fault: Fault) {
        self.answer(Outcome::Later(fault.into()));
    }

    /// Answers: it cannot be told whether the item is here.
    pub fn unknown(self, reason: impl Into<String>) {
        self.answer(Outcome::Unknown(Unknown {
            reason: reason.into(),
        }));
    }

    /// Answers.
    pub fn answer(mut self, outcome: Outcome) {
        self.put(outcome);
    }

    fn put(&mut self, outcome: Outcome) {
        let Some(place) = self.place.take() else {
            return;
        };
        let verdict = Verdict {
            item_id: std::mem::take(&mut self.item_id),
            outcome: Some(outcome),
        };
        // Before the verdict goes: whoever has it may send the next item at once.
        self.in_hand.items.fetch_sub(1, Ordering::Relaxed);
        self.in_hand.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        place.send(envelope(Content::Verdict(verdict)));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.put(Outcome::Unknown(Unknown {
            reason: "the receiver stopped before it knew".into(),
        }));
    }
}

fn unread(silence: Duration) -> Status {
    Fault::new(
        Code::Unavailable,
        "VERDICTS_UNREAD",
        format!("the verdicts were not read for {silence:?}; read them and open a new stream"),
        format!("các câu trả lời không được đọc trong {silence:?}; hãy đọc và mở luồng mới"),
    )
    .into()
}

fn gone() -> Status {
    Fault::new(
        Code::Unavailable,
        "STREAM_GONE",
        "the other side has gone; open a new stream",
        "bên kia đã ngắt; hãy mở luồng mới",
    )
    .into()
}

impl<S> std::fmt::Debug for Receiving<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Receiving")
            .field("in_hand", &self.in_hand)
            .finish_non_exhaustive()
    }
}
