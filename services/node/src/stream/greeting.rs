//! How a stream begins: each side says who it is and how much it takes at a time.

use super::{
    Guard, Inbound, Offers, Outgoing, Receiving, Settlements, StreamLimits,
    hearing::{Hearing, hello},
    outlet::{Farewell, envelope, heartbeats, outlet},
};
use contract::v1::{Envelope, Hello, envelope::Content};
use std::sync::Arc;
use tokio::sync::mpsc;
use tonic::Status;

/// The caller's side of a stream whose hello is on its way.
#[derive(Debug)]
pub struct Opening {
    limits: StreamLimits,
    outlet: mpsc::Sender<Envelope>,
    farewell: Arc<Farewell>,
}

/// The called side of a stream whose caller has said hello and waits for ours.
#[derive(Debug)]
pub struct Asked<S> {
    limits: StreamLimits,
    inbound: S,
    theirs: Hello,
}

/// A stream on which both have said hello.
pub struct Session<S> {
    pub(super) limits: StreamLimits,
    pub(super) outlet: mpsc::Sender<Envelope>,
    pub(super) farewell: Arc<Farewell>,
    inbound: S,
    theirs: Hello,
}

/// Begins a stream as its caller: `own` is the first thing in what goes out, with the window of
/// `limits`. Make the call with it, then [`Opening::meet`] what comes back.
pub fn open(own: Hello, limits: StreamLimits) -> (Opening, Outgoing) {
    let (outlet, outgoing) = outlet(&limits);
    say_hello(&outlet, own, &limits);
    let farewell = outgoing.farewell();
    (
        Opening {
            limits,
            outlet,
            farewell,
        },
        outgoing,
    )
}

/// Begins a stream as the called side: waits for the caller's hello.
///
/// # Errors
/// `HELLO_LATE`, `HELLO_MISSING`, or what ended the stream; give it back as the call's status.
pub async fn accept<S: Inbound>(mut inbound: S, limits: StreamLimits) -> Result<Asked<S>, Status> {
    let theirs = hello(&mut inbound, limits.hello_timeout).await?;
    Ok(Asked {
        limits,
        inbound,
        theirs,
    })
}

impl Opening {
    /// Waits for the called side's hello.
    ///
    /// # Errors
    /// As [`accept`]; the call is over then.
    pub async fn meet<S: Inbound>(self, mut inbound: S) -> Result<Session<S>, Status> {
        let theirs = hello(&mut inbound, self.limits.hello_timeout).await?;
        let Self {
            limits,
            outlet,
            farewell,
        } = self;
        Ok(Session {
            limits,
            outlet,
            farewell,
            inbound,
            theirs,
        })
    }
}

impl<S: Inbound> Asked<S> {
    /// What the caller said.
    pub fn hello(&self) -> &Hello {
        &self.theirs
    }

    /// Says hello, with the window of the limits, and goes on; what goes out is the response.
    pub fn answer(self, own: Hello) -> (Session<S>, Outgoing) {
        let Self {
            limits,
            inbound,
            theirs,
        } = self;
        let (outlet, outgoing) = outlet(&limits);
        say_hello(&outlet, own, &limits);
        let farewell = outgoing.farewell();
        (
            Session {
                limits,
                outlet,
                farewell,
                inbound,
                theirs,
            },
            outgoing,
        )
    }
}

impl<S: Inbound> Session<S> {
    /// What the other side said.
    pub fn hello(&self) -> &Hello {
        &self.theirs
    }

    /// Goes on as the side that sends items.
    pub fn sending(self, guard: Guard) -> (Offers, Settlements<S>) {
        let theirs = self.theirs.clone();
        let (session, hearing, beating) = self.into_parts(guard.clone());
        super::sending::begin(session, hearing, beating, &theirs, guard)
    }

    /// Goes on as the side that receives items.
    pub fn receiving(self, guard: Guard) -> Receiving<S> {
        let (session, hearing, beating) = self.into_parts(guard);
        Receiving::new(session, hearing, beating)
    }

    fn into_parts(self, guard: Guard) -> (Mouth, Hearing<S>, Beating) {
        let hearing = Hearing::new(self.inbound, guard, self.limits.silence);
        let beating = heartbeats(&self.outlet, self.limits.heartbeat);
        let mouth = Mouth {
            limits: self.limits,
            outlet: self.outlet,
            farewell: self.farewell,
        };
        (mouth, hearing, beating)
    }
}

impl<S> std::fmt::Debug for Session<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Session")
            .field("theirs", &self.theirs)
            .finish_non_exhaustive()
    }
}

/// The heartbeats' task, which ends with whoever holds it.
pub(super) type Beating = tokio_util::task::AbortOnDropHandle<()>;

/// What one side needs for speaking.
pub(super) struct Mouth {
    pub(super) limits: StreamLimits,
    pub(super) outlet: mpsc::Sender<Envelope>,
    pub(super) farewell: Arc<Farewell>,
}

fn say_hello(outlet: &mpsc::Sender<Envelope>, own: Hello, limits: &StreamLimits) {
    let own = Hello {
        window_items_max: limits.window_items_max,
        window_bytes_max: limits.window_bytes_max,
        ..own
    };
    outlet
        .try_send(envelope(Content::Hello(own)))
        .expect("a new queue has room");
}
