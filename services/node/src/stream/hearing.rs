//! The way in of a stream: what the other side says, as long as it says something and may speak.

use super::{Guard, Inbound};
use crate::fault::Fault;
use contract::v1::{Hello, envelope::Content};
use futures_util::StreamExt as _;
use std::time::Duration;
use tokio::time::{self, Instant};
use tonic::{Code, Status};

/// Hears items and verdicts, and keeps signs of life to itself.
pub(super) struct Hearing<S> {
    inbound: S,
    guard: Guard,
    silence: Duration,
    heard: Instant,
}

/// Waits for the first message, which must be the hello.
pub(super) async fn hello<S: Inbound>(
    inbound: &mut S,
    patience: Duration,
) -> Result<Hello, Status> {
    let first = time::timeout(patience, inbound.next()).await.map_err(|_| {
        Fault::new(
            Code::DeadlineExceeded,
            "HELLO_LATE",
            format!("no hello within {patience:?}; send it as the first message"),
            format!("không nhận được lời chào trong {patience:?}; hãy gửi nó trước tiên"),
        )
        .into_status()
    })?;
    match first.transpose()?.and_then(|envelope| envelope.content) {
        Some(Content::Hello(hello)) => Ok(hello),
        _ => Err(Fault::new(
            Code::FailedPrecondition,
            "HELLO_MISSING",
            "the first message of a stream is a hello; send it first",
            "thông điệp đầu tiên của luồng phải là lời chào; hãy gửi nó trước tiên",
        )
        .into()),
    }
}

impl<S: Inbound> Hearing<S> {
    pub(super) fn new(inbound: S, guard: Guard, silence: Duration) -> Self {
        Self {
            inbound,
            guard,
            silence,
            heard: Instant::now(),
        }
    }

    /// The next item or verdict; none when the other side has closed its end. May be dropped
    /// while it waits without losing anything.
    pub(super) async fn next(&mut self) -> Result<Option<Content>, Status> {
        loop {
            let deadline = self.heard + self.silence;
            let heard = time::timeout_at(deadline, self.inbound.next()).await;
            let Some(envelope) = heard.map_err(|_| silent(self.silence))?.transpose()? else {
                return Ok(None);
            };
            self.heard = Instant::now();
            (self.guard)()?;
            match envelope.content {
                // What a later contract adds to the envelope is no more to us than a sign of life.
                None | Some(Content::Heartbeat(_)) => {}
                Some(Content::Hello(_)) => {
                    return Err(out_of_place("a second hello", "lời chào thứ hai").into());
                }
                Some(content) => return Ok(Some(content)),
            }
        }
    }
}

/// A message that this side of a stream never gets.
pub(super) fn out_of_place(en: &str, vi: &str) -> Fault {
    Fault::new(
        Code::FailedPrecondition,
        "MESSAGE_OUT_OF_PLACE",
        format!(
            "{en} has no place here: one side sends items, the other verdicts; open a new stream"
        ),
        format!("{vi} không có chỗ ở đây: một bên gửi hồ sơ, bên kia trả lời; hãy mở luồng mới"),
    )
}

fn silent(silence: Duration) -> Status {
    Fault::new(
        Code::Unavailable,
        "STREAM_SILENT",
        format!("nothing was heard for {silence:?}; open a new stream and send heartbeats on it"),
        format!("không nghe thấy gì trong {silence:?}; hãy mở luồng mới và gửi tín hiệu đều đặn"),
    )
    .into()
}
