//! The side of a stream that gives items: offers them within the other's window and hears what
//! became of each.

use super::{
    Guard, Inbound,
    greeting::{Beating, Mouth},
    hearing::{Hearing, out_of_place},
    outlet::{Farewell, envelope},
    window::Window,
};
use contract::v1::{Envelope, Hello, Item, Unknown, envelope::Content, verdict::Outcome};
use prost::Message as _;
use std::{
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{
    Notify,
    mpsc::{self, error::TrySendError},
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// Offers items on a stream. Cheap to clone; when the last one is dropped, our end is closed and
/// the verdicts that are still to come can be heard. A called side first waits until nothing is
/// [`unanswered`](Self::unanswered), because its end closes the whole call.
#[derive(Clone)]
pub struct Offers {
    outlet: mpsc::Sender<Envelope>,
    shared: Arc<Shared>,
}

/// Hears the verdicts on what was offered. Dropping it ends the stream.
pub struct Settlements<S> {
    hearing: Hearing<S>,
    shared: Arc<Shared>,
    _beating: Beating,
}

/// What became of one item.
#[derive(Debug, Clone, PartialEq)]
pub struct Settled {
    /// The item.
    pub item_id: String,
    /// Its verdict. One that we do not understand is *unknown*: keep the item and reconcile.
    pub outcome: Outcome,
}

/// The stream has ended.
#[derive(Debug)]
pub struct End {
    /// Why, if it was a fault.
    pub fault: Option<Status>,
    /// The items that were offered and not answered, in the order of their offers: possibly held.
    pub unanswered: Vec<String>,
}

/// An item that was not offered, given back.
#[derive(Debug, thiserror::Error)]
#[error("item {} was not offered: {why}", item.item_id)]
pub struct NotOffered {
    /// The item.
    pub item: Box<Item>,
    /// Why not.
    pub why: Refusal,
}

/// Why an item was not offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Offer it on the next stream.
    #[error("the stream has ended")]
    Ended,
    /// Wait for its verdict: on a live stream nothing is sent twice.
    #[error("it is under way on this stream already")]
    UnderWay,
    /// Wait for a verdict, then offer it again.
    #[error("the window is full")]
    WindowFull,
    /// Wait until the other side has read some of what is sent, then offer it again.
    #[error("the other side does not read what is sent")]
    QueueFull,
}

/// What offers and settlements know together.
struct Shared {
    state: Mutex<State>,
    room: Notify,
    ended: CancellationToken,
    farewell: Arc<Farewell>,
    guard: Guard,
}

struct State {
    window: Window,
    fault: Option<Status>,
}

pub(super) fn begin<S: Inbound>(
    mouth: Mouth,
    hearing: Hearing<S>,
    beating: Beating,
    theirs: &Hello,
    guard: Guard,
) -> (Offers, Settlements<S>) {
    let limits = &mouth.limits;
    // A window of nothing could never be used; one at a time always can.
    let items_max = theirs
        .window_items_max
        .clamp(1, limits.window_items_max.max(1));
    let bytes_max = theirs.window_bytes_max.min(limits.window_bytes_max);
    let window = Window::new(items_max as usize, bytes_max);
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            window,
            fault: None,
        }),
        room: Notify::new(),
        ended: CancellationToken::new(),
        farewell: mouth.farewell,
        guard,
    });
    let offers = Offers {
        outlet: mouth.outlet,
        shared: shared.clone(),
    };
    (
        offers,
        Settlements {
            hearing,
            shared,
            _beating: beating,
        },
    )
}

impl Offers {
    /// Offers an item as soon as there is room for it. May be dropped while it waits: the item is
    /// then not offered.
    ///
    /// # Errors
    /// The stream has ended, or the item is under way already; the item comes back.
    pub async fn offer(&self, item: Item) -> Result<(), NotOffered> {
        let mut item = item;
        loop {
            let mut room = pin!(self.shared.room.notified());
            // Listening begins before looking, so that no room is missed in between.
            room.as_mut().enable();
            let why = match self.try_offer(item) {
                Err(NotOffered {
                    item: back,
                    why: why @ (Refusal::WindowFull | Refusal::QueueFull),
                }) => {
                    item = *back;
                    why
                }
                done => return done,
            };
            tokio::select! {
                () = self.shared.ended.cancelled() => {}
                () = room, if why == Refusal::WindowFull => {}
                _ = self.outlet.reserve(), if why == Refusal::QueueFull => {}
            }
        }
    }

    /// Offers an item if there is room for it now.
    ///
    /// # Errors
    /// There is no room, the stream has ended, or the item is under way already; the item comes
    /// back.
    pub fn try_offer(&self, item: Item) -> Result<(), NotOffered> {
        let refuse = |item, why| {
            Err(NotOffered {
                item: Box::new(item),
                why,
            })
        };
        if let Err(fault) = (self.shared.guard)() {
            self.shared.end(Some(fault.into()));
        }
        if self.shared.ended.is_cancelled() {
            return refuse(item, Refusal::Ended);
        }
        let place = match self.outlet.try_reserve() {
            Ok(place) => place,
            Err(TrySendError::Full(())) => return refuse(item, Refusal::QueueFull),
            Err(TrySendError::Closed(())) => return refuse(item, Refusal::Ended),
        };
        let bytes = item.encoded_len() as u64;
        let mut state = self.shared.state();
        if state.window.holds(&item.item_id) {
            return refuse(item, Refusal::UnderWay);
        }
        if !state.window.put(&item.item_id, bytes) {
            return refuse(item, Refusal::WindowFull);
        }
        // Inside the lock, so that the order of the window is the order on the wire.
        place.send(envelope(Content::Item(item)));
        let more = state.window.has_room();
        drop(state);
        if more {
            self.shared.room.notify_one();
        }
        Ok(())
    }

    /// Items that are under way without a verdict.
    pub fn unanswered(&self) -> usize {
        self.shared.state().window.len()
    }

    /// Whether the stream has ended.
    pub fn is_ended(&self) -> bool {
        self.shared.ended.is_cancelled() || self.outlet.is_closed()
    }
}

impl<S: Inbound> Settlements<S> {
    /// What became of the next item, in whatever order. May be dropped while it waits.
    ///
    /// # Errors
    /// [`End`] when the stream is over, with all that was not answered; asked again, with nothing.
    pub async fn next(&mut self) -> Result<Settled, End> {
        loop {
            let heard = tokio::select! {
                biased;
                () = self.shared.ended.cancelled() => return Err(self.finish(None)),
                heard = self.hearing.next() => heard,
            };
            let verdict = match heard {
                Ok(Some(Content::Verdict(verdict))) => verdict,
                Ok(Some(_)) => {
                    let fault = out_of_place("an item", "hồ sơ");
                    return Err(self.finish(Some(fault.into())));
                }
                Ok(None) => return Err(self.finish(None)),
                Err(fault) => return Err(self.finish(Some(fault))),
            };
            if !self.shared.state().window.take(&verdict.item_id) {
                tracing::debug!(item_id = verdict.item_id, "a verdict on nothing under way");
                continue;
            }
            self.shared.room.notify_one();
            let not_known = "the verdict has no outcome that is known here";
            let outcome = verdict.outcome.unwrap_or_else(|| {
                Outcome::Unknown(Unknown {
                    reason: not_known.into(),
                })
            });
            return Ok(Settled {
                item_id: verdict.item_id,
                outcome,
            });
        }
    }

    fn finish(&mut self, fault: Option<Status>) -> End {
        self.shared.end(fault);
        let mut state = self.shared.state();
        End {
            fault: state.fault.take(),
            unanswered: state.window.empty(),
        }
    }
}

impl<S> Drop for Settlements<S> {
    fn drop(&mut self) {
        self.shared.end(None);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the stream for both sides; the first to say why is believed.
    fn end(&self, fault: Option<Status>) {
        let mut state = self.state();
        if self.ended.is_cancelled() {
            return;
        }
        state.fault.clone_from(&fault);
        drop(state);
        self.farewell.say(fault);
        self.ended.cancel();
    }
}

impl std::fmt::Debug for Offers {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Offers")
            .field("unanswered", &self.unanswered())
            .finish_non_exhaustive()
    }
}

impl<S> std::fmt::Debug for Settlements<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unanswered = self.shared.state().window.len();
        out.debug_struct("Settlements")
            .field("unanswered", &unanswered)
            .finish_non_exhaustive()
    }
}
