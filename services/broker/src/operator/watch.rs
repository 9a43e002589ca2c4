//! A watch: tells an operator's screen what changed, so that it is never behind the truth.

use super::{Operator, Streaming, bad_field, rows::Names};
use crate::access::{OperatorCall, Still};
use contract::v1;
use node::fault::Fault;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status};

/// Watches that all operators together may have open.
const WATCHES_MAX: usize = 256;
/// Watches that one operator may have open.
const WATCHES_PER_OPERATOR_MAX: usize = 16;
/// Dossiers in one message.
const DOSSIERS_MAX: usize = 100;
/// Between two messages, at least: what changes meanwhile goes together.
const GATHERING: Duration = Duration::from_millis(150);
/// How often a quiet watch gives a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long what was sent may stay unread before the watch is closed.
const UNREAD_MAX: Duration = Duration::from_secs(30);
/// Messages that wait for whoever reads slowly.
const WAITING_MAX: usize = 4;

/// Watches that are open, by operator. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Watches(Arc<Mutex<HashMap<String, usize>>>);

/// One of them; it closes when this is dropped.
#[derive(Debug)]
struct Open {
    watches: Watches,
    operator: String,
}

impl Watches {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, operator: String) -> Option<Open> {
        let mut open = self.lock();
        let all: usize = open.values().sum();
        let own = open.entry(operator.clone()).or_default();
        if all >= WATCHES_MAX || *own >= WATCHES_PER_OPERATOR_MAX {
            return None;
        }
        *own += 1;
        Some(Open {
            watches: self.clone(),
            operator,
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut open = self.watches.lock();
        if let Some(own) = open.get_mut(&self.operator) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.operator);
            }
        }
    }
}

/// What one screen was told.
struct Told {
    operator: Operator,
    still: Still,
    epoch: u64,
    position: u64,
    /// It was away: what has no record of its own may have changed.
    is_back: bool,
    _open: Open,
}

fn cursor(epoch: u64, position: u64) -> String {
    format!("{epoch:016x}{position:016x}")
}

/// The epoch and position in a cursor.
fn parse(text: &str) -> Option<(u64, u64)> {
    let (epoch, position) = text.split_at_checked(16)?;
    let number = |text: &str| u64::from_str_radix(text, 16).ok();
    Some((number(epoch)?, number(position)?)).filter(|_| text.len() == 32)
}

impl Operator {
    pub(super) fn watch(
        &self,
        request: &Request<v1::WatchDossiersRequest>,
    ) -> Result<Streaming<v1::WatchDossiersResponse>, Status> {
        let still = Still::of(request, OperatorCall::WatchDossiers)?;
        let who = still.operator(&self.access)?;
        let (epoch, now) = (self.ledger.epoch(), self.position());
        let position = match request.get_ref().cursor.as_str() {
            "" => now,
            text => match parse(text) {
                Some((its, position)) if its == epoch => position.min(now),
                // Of before a restore: everything may be another.
                Some(_) => 0,
                None => return Err(bad_field("cursor", "one that this broker gave, or empty")),
            },
        };
        let open = self.watches.open(who.identity).ok_or_else(|| {
            Fault::new(
                Code::ResourceExhausted,
                "TOO_MANY_WATCHES",
                "this operator has as many watches open as it may, or all together have; close one",
                "Đã mở quá số luồng theo dõi cho phép. Đóng bớt.",
            )
            .retry_after(Duration::from_secs(5))
            .into_status()
        })?;
        let told = Told {
            operator: self.clone(),
            still,
            epoch,
            position,
            is_back: !request.get_ref().cursor.is_empty(),
            _open: open,
        };
        let (send, receive) = mpsc::channel(WAITING_MAX);
        tokio::spawn(told.tell(send));
        Ok(Box::pin(ReceiverStream::new(receive)))
    }

    fn position(&self) -> u64 {
        let position = &self.ledger.condition().position;
        position.load(Ordering::Relaxed)
    }
}

impl Told {
    async fn tell(mut self, send: mpsc::Sender<Result<v1::WatchDossiersResponse, Status>>) {
        let mut commits = self.operator.belfry.commits.listen();
        let mut departments = self.operator.belfry.departments.listen();
        let mut before = *commits.borrow_and_update();
        let mut rung = *departments.borrow_and_update();
        loop {
            let still = self.still.operator(&self.operator.access);
            let now = *commits.borrow_and_update();
            let rings = *departments.borrow_and_update();
            let is_back = std::mem::take(&mut self.is_back);
            let message = match still {
                Err(status) => Err(status),
                Ok(_) => self
                    .changes()
                    .await
                    .map(|changes| v1::WatchDossiersResponse {
                        incidents: is_back || now.incidents != before.incidents,
                        departments: is_back
                            || rings != rung
                            || now.suspensions != before.suspensions,
                        ..changes
                    }),
            };
            (before, rung) = (now, rings);
            let is_end = message.is_err();
            let sent = tokio::time::timeout(UNREAD_MAX, send.send(message)).await;
            if is_end || !matches!(sent, Ok(Ok(()))) {
                return;
            }
            // What is already there is told at once, in the next message.
            if self.position < self.operator.position() {
                tokio::time::sleep(GATHERING).await;
                continue;
            }
            tokio::select! {
                () = self.operator.shutdown.triggered() => return,
                () = send.closed() => return,
                changed = commits.changed() => if changed.is_err() { return },
                changed = departments.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
            tokio::time::sleep(GATHERING).await;
        }
    }

    /// What changed since the message before. Of a flood the end alone is looked at.
    async fn changes(&mut self) -> Result<v1::WatchDossiersResponse, Status> {
        let operator = self.operator.clone();
        let position = self.position;
        let names = Names::of(&operator.registry);
        let read = crate::desk::blocking(move || {
            let found = operator.reader.changed_after(position, DOSSIERS_MAX);
            let (found, until) = found.map_err(super::unreadable)?;
            let rows: Vec<_> = found.iter().map(|found| names.row(found)).collect();
            Ok((rows, until))
        });
        let (dossiers, until) = read.await?;
        let now = self.operator.position();
        let more = until < now && dossiers.len() >= DOSSIERS_MAX;
        self.position = if more { now } else { until.max(position) };
        if self.operator.ledger.epoch() != self.epoch {
            return Err(Fault::new(
                Code::OutOfRange,
                "CURSOR_OF_ANOTHER_EPOCH",
                "the broker was restored since this watch began; begin with an empty cursor",
                "Hệ thống đã được khôi phục từ bản sao. Bắt đầu theo dõi lại với con trỏ rỗng.",
            )
            .into_status());
        }
        Ok(v1::WatchDossiersResponse {
            cursor: cursor(self.epoch, self.position),
            dossiers,
            more,
            incidents: false,
            departments: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_given_and_nothing_else_is_one() {
        assert_eq!(parse(&cursor(7, 1_234_567)), Some((7, 1_234_567)));
        for text in [
            "",
            "7",
            "xyz",
            &"f".repeat(33),
            &"ế".repeat(32),
            &"g".repeat(32),
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
