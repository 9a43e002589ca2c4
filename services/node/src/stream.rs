//! The engine of every long-lived stream between broker and department: hello, items, verdicts.
//!
//! The side that calls opens, the side that is called answers; either may be the one that sends:
//!
//! ```text
//! caller:  open(own hello) ─► call with Outgoing ─► Opening::meet(responses) ─┐
//! called:  accept(requests) ─► look at their hello ─► Asked::answer(own hello) ┴► Session
//! Session::sending(guard)   ─► Offers (items out)  and Settlements (verdicts in)
//! Session::receiving(guard) ─► Receiving (items in), each with its Ticket (the verdict out)
//! ```

mod greeting;
mod hearing;
mod outlet;
mod receiving;
mod sending;
mod window;

pub use self::greeting::{Asked, Opening, Session, accept, open};
pub use self::outlet::Outgoing;
pub use self::receiving::{Received, Receiving, Ticket};
pub use self::sending::{End, NotOffered, Offers, Refusal, Settled, Settlements};

use crate::{
    config::millis,
    fault::Fault,
    identity::{DenyList, Peer},
};
use contract::v1::Envelope;
use jiff::Timestamp;
use serde::Deserialize;
use std::{sync::Arc, time::Duration};
use tonic::Status;

/// Bytes of one message, for every service's decoder.
pub const MESSAGE_BYTES_MAX: usize = 1024 * 1024;

/// What comes in on a stream. Whatever wraps the envelope on the wire is taken off by the caller.
pub trait Inbound: futures_util::Stream<Item = Result<Envelope, Status>> + Send + Unpin {}

impl<S: futures_util::Stream<Item = Result<Envelope, Status>> + Send + Unpin> Inbound for S {}

/// Whether the other side may still speak; asked at every message.
pub type Guard = Arc<dyn Fn() -> Result<(), Fault> + Send + Sync>;

/// How much may be under way on a stream, and how long it may be quiet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamLimits {
    /// Items under way without a verdict; 256.
    pub window_items_max: u32,
    /// Bytes of items under way without a verdict; 4 MiB. One item may always be under way, of
    /// whatever size a message may have.
    pub window_bytes_max: u64,
    /// Between two signs of life from us; 20 s. In a configuration: `heartbeat_ms`.
    #[serde(rename = "heartbeat_ms", deserialize_with = "millis")]
    pub heartbeat: Duration,
    /// How long the other side may be silent; 60 s. In a configuration: `silence_ms`.
    #[serde(rename = "silence_ms", deserialize_with = "millis")]
    pub silence: Duration,
    /// How long the other side's hello may take; 10 s. In a configuration: `hello_timeout_ms`.
    #[serde(rename = "hello_timeout_ms", deserialize_with = "millis")]
    pub hello_timeout: Duration,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self {
            window_items_max: 256,
            window_bytes_max: 4 * 1024 * 1024,
            heartbeat: Duration::from_secs(20),
            silence: Duration::from_secs(60),
            hello_timeout: Duration::from_secs(10),
        }
    }
}

/// Ends a stream whose peer's certificate has expired or been denied.
pub fn guard(peer: Arc<Peer>, denied: DenyList) -> Guard {
    Arc::new(move || Ok(peer.check(Timestamp::now(), &denied)?))
}

#[cfg(test)]
mod network_tests;
#[cfg(test)]
mod test_broker;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod wire_tests;
