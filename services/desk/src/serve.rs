//! What a desk does while it runs: sends what waits, watches notices, and brings dossiers again that
//! the broker has lost.

use crate::{
    desk::{Desk, LeaseError, Sent},
    outbox::Brought,
    store::{State, StoreError, Submit},
};
use contract::v1::{Notice, WatchNoticesRequest};
use futures_util::{StreamExt as _, stream};
use node::shutdown::Shutdown;
use std::{
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tonic::{Code, Status};

/// Submits that are read from the store at once.
const READ_MAX: u32 = 256;
/// Notices that are kept in one write.
const NOTICES_MAX: usize = 256;
/// Between two looks for what may be forgotten.
const RETENTION_INTERVAL: Duration = Duration::from_secs(3_600);

/// Why watching notices ended.
#[derive(Debug, thiserror::Error)]
enum WatchError {
    #[error("the broker's notices ended: {0}")]
    Broker(#[from] Status),
    #[error("the broker was silent")]
    Silent,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of checking one dossier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Checked {
    /// The broker knows it, by now.
    Known,
    /// The broker has lost it, and did not take it again yet.
    NotBrought,
}

impl Desk {
    /// Runs the desk until `shutdown`: sends what waits, watches notices, checks that the broker
    /// knows every dossier that it must, and forgets closed ones after their time.
    pub async fn serve(&self, shutdown: Shutdown) {
        // A new line to the broker may lead to one that was restored from an older copy.
        let check = Notify::new();
        let work = async {
            tokio::join!(
                self.send_waiting(),
                self.watch(&check),
                self.check_known(&check),
                self.keep_codes(),
                self.forget()
            )
        };
        tokio::select! {
            _ = work => {}
            () = shutdown.triggered() => {}
        }
    }

    /// Sends what waits, each as often as it takes.
    async fn send_waiting(&self) {
        let mut failures = 0;
        loop {
            let pause = match self.send_all().await {
                Ok(None) => {
                    failures = 0;
                    self.inner.waiting.notified().await;
                    continue;
                }
                Ok(Some(after)) => {
                    failures += 1;
                    after.max(self.inner.config.times.pause(failures))
                }
                Err(error) => {
                    failures += 1;
                    tracing::error!(%error, "submissions cannot be sent now");
                    self.inner.config.times.pause(failures)
                }
            };
            sleep(pause).await;
        }
    }

    /// Tries once to send everything that waits. Some: something waits still, for at least so long.
    async fn send_all(&self) -> Result<Option<Duration>, StoreError> {
        let (mut after, mut left) = (0, None);
        loop {
            let submits = self
                .inner
                .store
                .submits(State::Waiting, after, READ_MAX)
                .await?;
            let Some(last) = submits.last() else {
                return Ok(left.max(self.bring_all_acts().await?));
            };
            after = last.sequence;
            let calls_max = self.inner.config.limits.calls_max;
            let keys = submits.into_iter().map(|submit| submit.request.submit_key);
            let mut sent = pin!(
                stream::iter(keys)
                    .map(|key| async move { self.send(&key).await })
                    .buffer_unordered(calls_max)
            );
            while let Some(sent) = sent.next().await {
                if let Sent::NotYet(_, pause) = sent? {
                    left = left.max(Some(pause.unwrap_or_default()));
                }
            }
        }
    }

    /// Tries once to bring every act that waits. Some: one waits still, for at least so long.
    async fn bring_all_acts(&self) -> Result<Option<Duration>, StoreError> {
        let codes = self.inner.store.dossiers_with_acts(READ_MAX).await?;
        let calls_max = self.inner.config.limits.calls_max;
        let mut brought = pin!(
            stream::iter(codes)
                .map(|code| async move { self.bring_acts(&code).await })
                .buffer_unordered(calls_max)
        );
        let mut left = None;
        while let Some(brought) = brought.next().await {
            for (_, brought) in brought? {
                match brought {
                    Brought::NotYet(_, pause) => left = left.max(Some(pause.unwrap_or_default())),
                    Brought::TooEarly(_) => left = left.max(Some(Duration::ZERO)),
                    Brought::Answered(_) | Brought::Refused(_) => {}
                }
            }
        }
        Ok(left)
    }

    /// Keeps as many leased codes as the configuration says for when the broker is away.
    async fn keep_codes(&self) {
        let wanted = self.inner.config.limits.codes_kept;
        let mut failures = 0;
        loop {
            let pause = match self.refill_codes(wanted).await {
                Ok(()) => {
                    failures = 0;
                    Duration::from_millis(self.inner.config.times.check_ms)
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, "codes cannot be leased now; it is tried again");
                    self.inner.config.times.pause(failures)
                }
            };
            tokio::select! {
                () = sleep(pause) => {}
                () = self.inner.code_taken.notified() => {}
            }
        }
    }

    async fn refill_codes(&self, wanted: u32) -> Result<(), LeaseError> {
        let free = self.codes_free().await?;
        // Only when half of them are gone, so that not every submission asks for one more.
        if free > wanted / 2 || wanted == 0 {
            return Ok(());
        }
        self.lease_codes(wanted - free).await.map(drop)
    }

    /// Watches notices from where they end here.
    async fn watch(&self, check: &Notify) {
        let mut failures: u32 = 0;
        loop {
            let heard = AtomicU64::new(0);
            let Err(error) = self.watch_once(check, &heard).await;
            self.inner.tally.watch_ended();
            failures = if heard.into_inner() > 0 {
                1
            } else {
                failures + 1
            };
            if failures % 8 == 1 {
                tracing::warn!(%error, failures, "notices are not heard now; it is tried again");
            }
            if let WatchError::Broker(status) = &error
                && matches!(
                    status.code(),
                    Code::InvalidArgument
                        | Code::OutOfRange
                        | Code::FailedPrecondition
                        | Code::NotFound
                        | Code::DataLoss
                )
                && self.inner.store.forget_cursor().await.is_ok()
            {
                tracing::warn!(
                    "the broker does not know how far notices were read: from the first again"
                );
                check.notify_one();
                // Every act waits again, and nobody else says so to who sends them.
                self.inner.waiting.notify_one();
            }
            sleep(self.inner.config.times.pause(failures)).await;
        }
    }

    async fn watch_once(
        &self,
        check: &Notify,
        heard: &AtomicU64,
    ) -> Result<std::convert::Infallible, WatchError> {
        let agency_code = self.inner.config.agency_code.clone();
        let cursor = self.inner.store.cursor().await?;
        let silence = Duration::from_millis(self.inner.config.times.silence_ms);
        let mut client = self.inner.line.client.clone();
        let call = client.watch_notices(WatchNoticesRequest {
            agency_code,
            cursor,
        });
        let messages = timeout(silence, call)
            .await
            .map_err(|_| WatchError::Silent)??
            .into_inner();
        check.notify_one();
        let _watching = self.inner.tally.watch();
        let mut batches = messages.ready_chunks(NOTICES_MAX);
        loop {
            let batch = timeout(silence, batches.next())
                .await
                .map_err(|_| WatchError::Silent)?;
            let batch = batch.ok_or_else(|| Status::unavailable("the stream ended"))?;
            let mut notices: Vec<Notice> = Vec::with_capacity(batch.len());
            let mut broken = None;
            for message in batch {
                match message {
                    Ok(message) => notices.extend(message.notice),
                    Err(status) => broken = Some(status),
                }
            }
            heard.fetch_add(1, Ordering::Relaxed);
            if !notices.is_empty() {
                self.inner.store.keep_notices(notices).await?;
                self.inner.told.send_modify(|count| *count += 1);
            }
            if let Some(status) = broken {
                return Err(status.into());
            }
        }
    }

    /// Checks whenever asked, and from time to time, that the broker knows every open dossier; and
    /// after it may have been restored, every closed one that is kept.
    async fn check_known(&self, check: &Notify) {
        let interval = Duration::from_millis(self.inner.config.times.check_ms);
        let mut failures = 0;
        loop {
            // Whether it was asked for or its time has come is the same.
            let _ = timeout(interval, check.notified()).await;
            while let Err(why) = self.check_all().await {
                failures += 1;
                tracing::warn!(why, "dossiers cannot be checked now; it is tried again");
                sleep(self.inner.config.times.pause(failures)).await;
            }
            failures = 0;
        }
    }

    async fn check_all(&self) -> Result<(), String> {
        let text = |error: StoreError| error.to_string();
        let store = &self.inner.store;
        self.check_all_in(State::Open).await?;
        if let Some(since) = store.check_closed().await.map_err(text)? {
            self.check_all_in(State::Closed).await?;
            store.closed_checked(since).await.map_err(text)?;
        }
        Ok(())
    }

    /// Checks every dossier in a state. One that cannot be brought again now ends nothing for those
    /// after it.
    async fn check_all_in(&self, state: State) -> Result<(), String> {
        let (mut after, mut not_brought) = (0, 0_u64);
        loop {
            let submits = self.inner.store.submits(state, after, READ_MAX).await;
            let submits = submits.map_err(|error| error.to_string())?;
            let Some(last) = submits.last() else {
                return match not_brought {
                    0 => Ok(()),
                    left => Err(format!("{left} lost dossiers could not be brought again")),
                };
            };
            after = last.sequence;
            let calls_max = self.inner.config.limits.calls_max;
            let mut checked = pin!(
                stream::iter(submits)
                    .map(|submit| self.check_one(submit))
                    .buffer_unordered(calls_max)
            );
            while let Some(checked) = checked.next().await {
                if checked? == Checked::NotBrought {
                    not_brought += 1;
                }
            }
        }
    }

    /// Checks one dossier, and brings it again when it was lost.
    ///
    /// # Errors
    /// The broker is away, or does not let this desk in: nothing can be checked now.
    async fn check_one(&self, submit: Submit) -> Result<Checked, String> {
        let Some(code) = submit
            .response
            .as_ref()
            .map(|response| response.dossier_code.clone())
        else {
            return Ok(Checked::Known);
        };
        match self.track(&code).await {
            Ok(found) if submit.state == State::Closed && found.closed_at.is_none() => {
                // Its copy is from before the dossier closed: what was done since then is lost.
                tracing::warn!(
                    dossier_code = code,
                    "a closed dossier is open at the broker again"
                );
                let (store, key) = (&self.inner.store, &submit.request.submit_key);
                store
                    .open_again(key)
                    .await
                    .map_err(|error| error.to_string())?;
                store
                    .acts_again(&code)
                    .await
                    .map_err(|error| error.to_string())?;
                self.inner.waiting.notify_one();
                return Ok(Checked::Known);
            }
            Ok(found) if submit.state == State::Open && found.closed_at.is_some() => {
                let key = &submit.request.submit_key;
                let closed = self.inner.store.close_if_told(key).await;
                closed.map_err(|error| error.to_string())?;
                return Ok(Checked::Known);
            }
            Ok(_) => return Ok(Checked::Known),
            Err(error) if error.is_unknown() => {}
            Err(error) if error.is_of_one_dossier() => {
                // It is known, and looked at again at the next check.
                tracing::warn!(dossier_code = code, %error, "a dossier cannot be checked now");
                return Ok(Checked::Known);
            }
            Err(error) => return Err(error.to_string()),
        }
        tracing::warn!(
            dossier_code = code,
            "the broker has lost a dossier: it is brought again"
        );
        match self.bring_again(submit).await {
            Ok(Sent::Receipt(_)) => Ok(Checked::Known),
            Ok(Sent::Refused(refused)) => {
                tracing::error!(dossier_code = code, %refused, "a lost dossier was refused");
                Ok(Checked::Known)
            }
            Ok(Sent::NotYet(why, _)) => {
                tracing::warn!(
                    dossier_code = code,
                    why,
                    "a lost dossier is not brought yet"
                );
                Ok(Checked::NotBrought)
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn forget(&self) {
        let days = self.inner.config.times.retention_days;
        loop {
            sleep(RETENTION_INTERVAL).await;
            loop {
                match self.inner.store.forget_after(days).await {
                    Ok(0) => break,
                    Ok(dossiers) => tracing::info!(dossiers, "closed dossiers forgotten"),
                    Err(error) => {
                        tracing::warn!(%error, "closed dossiers are not forgotten now");
                        break;
                    }
                }
            }
        }
    }
}
