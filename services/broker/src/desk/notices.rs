//! Notices: what a desk is told, by cursor and as it comes.

use super::{Caller, Desk, bad_field, blocking, fitting, page, unreadable};
use crate::store::{Cursor, Reader, StoreError};
use bytes::Bytes;
use contract::v1;
use dossier::name::AgencyCode;
use futures_util::Stream;
use node::{fault::Fault, identity::Peer};
use prost::Message as _;
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

/// Notices on a page if nothing else is asked for.
const PAGE_NOTICES: u32 = 100;
/// Notices on a page at most.
const PAGE_NOTICES_MAX: u32 = 1_000;
/// Notices that wait for a desk that reads slowly.
const WATCH_NOTICES_WAITING_MAX: usize = 64;
/// How often a quiet watch gives a sign of life.
const WATCH_HEARTBEAT: Duration = Duration::from_secs(20);
/// How long a desk may leave its notices unread before its watch is closed.
const WATCH_UNREAD_MAX: Duration = Duration::from_secs(60);

pub(super) type Notices =
    Pin<Box<dyn Stream<Item = Result<v1::WatchNoticesResponse, Status>> + Send>>;

fn cursor_of_another_epoch() -> Status {
    Fault::new(
        Code::OutOfRange,
        "CURSOR_OF_ANOTHER_EPOCH",
        "the broker was restored since it gave this cursor; begin with an empty one",
        "Hệ thống đã được khôi phục từ bản sao sau khi cấp con trỏ này. Bắt đầu lại với con trỏ rỗng.",
    )
    .into_status()
}

impl Desk {
    /// A cursor holds the epoch that gave it: after a restore, what it points at is not there.
    fn cursor(&self, text: &str) -> Result<Cursor, Status> {
        if text.is_empty() {
            return Ok(Cursor::default());
        }
        let parsed = hex::decode(text).ok().and_then(|bytes| {
            let (epoch, cursor) = bytes.split_first_chunk::<8>()?;
            Some((u64::from_be_bytes(*epoch), Cursor::from_bytes(cursor)?))
        });
        let (epoch, cursor) =
            parsed.ok_or_else(|| bad_field("cursor", "one that this broker gave, or empty"))?;
        if epoch == self.ledger.epoch() {
            return Ok(cursor);
        }
        Err(cursor_of_another_epoch())
    }

    fn token(epoch: u64, cursor: &Cursor) -> String {
        hex::encode([epoch.to_be_bytes().as_slice(), &cursor.to_bytes()].concat())
    }

    /// Notices after a cursor, which moves on.
    fn notices(
        reader: &dyn Reader,
        desk: &AgencyCode,
        epoch: u64,
        cursor: &mut Cursor,
        limit: usize,
    ) -> Result<Vec<v1::Notice>, Status> {
        let found = reader
            .notices(desk, cursor, limit)
            .map_err(|error| unreadable(&error))?;
        found
            .into_iter()
            .map(|notice| {
                cursor.reach(notice.position);
                let mut message =
                    v1::Notice::decode(Bytes::from(notice.bytes)).map_err(|error| {
                        unreadable(&StoreError::Corrupt(format!("a notice: {error}")))
                    })?;
                message.cursor = Self::token(epoch, cursor);
                Ok(message)
            })
            .collect()
    }

    pub(super) async fn serve_list_notices(
        &self,
        caller: Caller,
        request: v1::ListNoticesRequest,
    ) -> Result<v1::ListNoticesResponse, Status> {
        let desk = caller.agency;
        let mut cursor = self.cursor(&request.cursor)?;
        let limit = page(request.page_size, PAGE_NOTICES, PAGE_NOTICES_MAX);
        let (reader, epoch) = (self.reader.clone(), self.ledger.epoch());
        blocking(move || {
            let notices = Self::notices(reader.as_ref(), &desk, epoch, &mut cursor, limit)?;
            Ok(page_of(notices, Self::token(epoch, &cursor)))
        })
        .await
    }

    pub(super) fn serve_watch_notices(
        &self,
        peer: Arc<Peer>,
        caller: Caller,
        request: v1::WatchNoticesRequest,
    ) -> Result<Notices, Status> {
        let desk = caller.agency;
        let mut cursor = self.cursor(&request.cursor)?;
        if self.belfry.notices.listeners(&desk) >= self.watches_per_desk_max {
            return Err(Fault::new(
                Code::ResourceExhausted,
                "TOO_MANY_WATCHES",
                "this desk has as many watches open as it may; close one",
                "Bộ phận này đã mở quá số luồng theo dõi cho phép. Đóng bớt.",
            )
            .retry_after(Duration::from_secs(5))
            .into_status());
        }
        let mut bell = self.belfry.notices.listen(&desk);
        let guard = self.access.guard(peer, desk.to_string());
        let (ledger, epoch) = (self.ledger.clone(), self.ledger.epoch());
        let (reader, shutdown) = (self.reader.clone(), self.shutdown.clone());
        let (send, receive) = mpsc::channel(WATCH_NOTICES_WAITING_MAX);
        tokio::spawn(async move {
            loop {
                bell.mark_unchanged();
                if let Err(fault) = guard() {
                    let _ = send.send(Err(fault.into_status())).await;
                    return;
                }
                if ledger.epoch() != epoch {
                    let _ = send.send(Err(cursor_of_another_epoch())).await;
                    return;
                }
                let limit = PAGE_NOTICES as usize;
                let page = Self::notices(reader.as_ref(), &desk, epoch, &mut cursor, limit);
                let more = page
                    .as_ref()
                    .is_ok_and(|page| page.len() == PAGE_NOTICES as usize);
                let messages: Vec<_> = match page {
                    Ok(page) => page
                        .into_iter()
                        .map(|notice| {
                            Ok(v1::WatchNoticesResponse {
                                notice: Some(notice),
                            })
                        })
                        .collect(),
                    Err(status) => vec![Err(status)],
                };
                for message in messages {
                    let is_end = message.is_err();
                    let sent = tokio::time::timeout(WATCH_UNREAD_MAX, send.send(message)).await;
                    if is_end || !matches!(sent, Ok(Ok(()))) {
                        return;
                    }
                }
                if more {
                    continue;
                }
                tokio::select! {
                    () = shutdown.triggered() => return,
                    changed = bell.changed() => if changed.is_err() { return },
                    () = send.closed() => return,
                    () = tokio::time::sleep(WATCH_HEARTBEAT) => {
                        if send.try_send(Ok(v1::WatchNoticesResponse { notice: None })).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Ok(Box::pin(ReceiverStream::new(receive)))
    }
}

/// As many as a message holds; where there is none, the next page begins where this one did.
fn page_of(mut notices: Vec<v1::Notice>, here: String) -> v1::ListNoticesResponse {
    notices.truncate(fitting(notices.iter().map(v1::Notice::encoded_len)));
    let last = notices.last().map(|last| last.cursor.clone());
    v1::ListNoticesResponse {
        next_cursor: last.unwrap_or(here),
        notices,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use node::stream::MESSAGE_BYTES_MAX;

    #[test]
    fn a_page_has_as_many_notices_as_a_message_holds_and_the_next_begins_after_them() {
        let notice = |number: usize| v1::Notice {
            dossier_code: "x".repeat(6_000),
            cursor: number.to_string(),
            ..v1::Notice::default()
        };
        let all: Vec<_> = (0..1_000).map(notice).collect();
        let (mut from, mut pages) = (0, 0);
        while from < all.len() {
            let page = page_of(all[from..].to_vec(), "here".into());
            assert!(page.encoded_len() <= MESSAGE_BYTES_MAX);
            assert_eq!(page.notices, all[from..from + page.notices.len()]);
            from += page.notices.len();
            assert_eq!(page.next_cursor, (from - 1).to_string());
            pages += 1;
        }
        assert!((6..=7).contains(&pages), "{pages}");
        assert_eq!(page_of(Vec::new(), "here".into()).next_cursor, "here");
    }
}
