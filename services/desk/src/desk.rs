//! The desk: takes a submission durably, brings it to the broker, and keeps what the broker tells.

use crate::{
    config::Config,
    line::{CallError, Line, LineError, Refused, SaveError, Saved},
    store::{Kept, State, Store, StoreError, Submit},
    submission::{PaperError, Submission},
    tally::Tally,
    worklist::Worklist,
};
use contract::v1::{self, ListResultsResponse, Notice, TrackResponse};
use dashmap::DashMap;
use node::{
    documents::Digest,
    fault::Fault,
    traces::{self, Kind, Tracer},
    transfer::{self, Source, TransferError},
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    sync::{Mutex, Notify, watch},
    time::{Instant, sleep, sleep_until},
};
use tonic::Status;

/// Bytes of a submit key; the contract's.
const SUBMIT_KEY_BYTES_MAX: usize = 128;

/// The desk cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// See the message.
    #[error(transparent)]
    Line(#[from] LineError),
    /// See the message.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Mend the configuration.
    #[error("the configuration cannot be used: {0}")]
    Config(String),
}

/// A submission that is not, or not yet, a dossier.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// Mend what is named and submit again, with the same key or a new one.
    #[error(transparent)]
    Refused(Refused),
    /// Nothing more to do: it is kept here, and sent while the desk runs.
    #[error(
        "kept under {submit_key} and not sent yet: {why}; it is sent as soon as the broker answers"
    )]
    NotYet {
        /// Its key: submitting it again gives the same dossier, or does the same act once.
        submit_key: String,
        /// The code that the dossier has already, where the desk had one leased: it may be printed.
        dossier_code: Option<String>,
        /// Why it was not sent.
        why: String,
    },
    /// Give it a key of its own.
    #[error("the key {0} was used for another submission; submit with a key of its own")]
    KeyReused(String),
    /// Give it another key.
    #[error(
        "a submit key has 1 to {SUBMIT_KEY_BYTES_MAX} printable ASCII characters; give another"
    )]
    Key,
    /// Mend the paper.
    #[error(transparent)]
    Paper(#[from] PaperError),
    /// Nothing was kept: look at the message, then submit again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Codes cannot be leased.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// See the message.
    #[error(transparent)]
    Call(#[from] CallError),
    /// See the message.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A key that the broker takes, or the refusal.
pub(crate) fn check_key(key: &str) -> Result<(), SubmitError> {
    let printable = key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if key.is_empty() || key.len() > SUBMIT_KEY_BYTES_MAX || !printable {
        return Err(SubmitError::Key);
    }
    Ok(())
}

/// The dossier exists.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// The key of its submit.
    pub submit_key: String,
    /// Names it between systems.
    pub dossier_id: String,
    /// Names it for people.
    pub dossier_code: String,
    /// When it was received.
    pub received_at: Option<prost_types::Timestamp>,
    /// Until when every part is promised.
    pub promised_at: Option<prost_types::Timestamp>,
}

/// The desk. Cheap to clone; all clones are the same desk.
#[derive(Clone)]
pub struct Desk {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) line: Line,
    /// One sends a submit, who else wants it sent waits.
    sending: DashMap<String, Arc<Mutex<()>>>,
    /// A submit waits to be sent.
    pub(crate) waiting: Notify,
    /// A leased code may have been taken.
    pub(crate) code_taken: Notify,
    /// Counts up whenever notices were kept.
    pub(crate) told: watch::Sender<u64>,
    /// What is counted.
    pub(crate) tally: Tally,
    /// Makes spans.
    pub(crate) tracer: Tracer,
}

/// One attempt to send a submit.
pub(crate) enum Sent {
    Receipt(Receipt),
    Refused(Refused),
    /// Why not, and after how long to try again if the broker said.
    NotYet(String, Option<Duration>),
}

impl Desk {
    /// Opens the desk's store and its line to the broker. One process a store folder.
    ///
    /// # Errors
    /// [`OpenError`] says what to mend.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        Self::open_traced(config, Tracer::default())
    }

    /// The same, and what it brings to the broker is a span.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_traced(config: Config, tracer: Tracer) -> Result<Self, OpenError> {
        config.check().map_err(OpenError::Config)?;
        let line = Line::new(&config)?;
        let store = Store::open(&config.store)?;
        let inner = Inner {
            config,
            store,
            line,
            sending: DashMap::new(),
            waiting: Notify::new(),
            code_taken: Notify::new(),
            told: watch::Sender::new(0),
            tally: Tally::default(),
            tracer,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Keeps a submission durably, brings it to the broker, and gives the dossier. Tries for
    /// `patience`; what is not there by then is sent while the desk runs.
    ///
    /// # Errors
    /// [`SubmitError::Refused`] with every field that is wrong; [`SubmitError::NotYet`] when the
    /// broker could not be reached in time. Submitting the same again gives the same dossier.
    pub async fn submit(
        &self,
        submission: Submission,
        patience: Duration,
    ) -> Result<Receipt, SubmitError> {
        let deadline = Instant::now() + patience;
        let key = submission.submit_key().to_owned();
        check_key(&key)?;
        let Inner { config, store, .. } = &*self.inner;
        loop {
            let (request, documents) = submission
                .prepare(
                    &config.agency_code,
                    store.documents(),
                    config.limits.document_bytes_max,
                )
                .await?;
            match store.keep(&request, documents).await? {
                Kept::Here => {
                    self.inner.code_taken.notify_one();
                    break;
                }
                Kept::KeyReused => return Err(SubmitError::KeyReused(key)),
                Kept::PaperGone => {}
            }
        }

        let kept = store
            .submit(&key)
            .await?
            .map(|submit| submit.request.dossier_code);
        let dossier_code = kept.filter(|code| !code.is_empty());
        let mut failures = 0;
        loop {
            let not_yet = |why: String| SubmitError::NotYet {
                submit_key: key.clone(),
                dossier_code: dossier_code.clone(),
                why,
            };
            let attempt = tokio::select! {
                sent = self.send(&key) => sent?,
                () = sleep_until(deadline) => {
                    self.inner.waiting.notify_one();
                    return Err(not_yet("the broker did not answer in time".into()));
                }
            };
            match attempt {
                Sent::Receipt(receipt) => return Ok(receipt),
                Sent::Refused(refused) => return Err(SubmitError::Refused(refused)),
                Sent::NotYet(why, after) => {
                    failures += 1;
                    let pause = after.unwrap_or(config.times.pause(failures));
                    if Instant::now() + pause >= deadline {
                        self.inner.waiting.notify_one();
                        return Err(not_yet(why));
                    }
                    sleep(pause).await;
                }
            }
        }
    }

    /// What was submitted under a key, if anything.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn submitted(&self, submit_key: &str) -> Result<Option<Submit>, StoreError> {
        self.inner.store.submit(submit_key).await
    }

    /// Where a dossier stands, with its control slip.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn track(&self, dossier_code: &str) -> Result<TrackResponse, CallError> {
        self.inner.line.track(dossier_code).await
    }

    /// The newest version of each result that exists so far.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn results(&self, dossier_code: &str) -> Result<ListResultsResponse, CallError> {
        self.inner.line.results(dossier_code).await
    }

    /// Saves the results that exist so far: see [`Line::save_results`].
    ///
    /// # Errors
    /// [`SaveError`]; called again, it goes on.
    pub async fn save_results(
        &self,
        dossier_code: &str,
        folder: &Path,
    ) -> Result<Saved, SaveError> {
        self.inner.line.save_results(dossier_code, folder).await
    }

    /// Waits until a notice about a dossier is as wanted, and gives it. Those that are kept here
    /// already are looked at first. Notices come only while the desk [`serve`](Self::serve)s.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn wait_for(
        &self,
        dossier_code: &str,
        wanted: impl Fn(&Notice) -> bool,
    ) -> Result<Notice, StoreError> {
        let mut told = self.inner.told.subscribe();
        let mut after = 0;
        loop {
            told.borrow_and_update();
            let notices = self.inner.store.notices(dossier_code, after).await?;
            let more = !notices.is_empty();
            for (sequence, notice) in notices {
                after = sequence;
                if wanted(&notice) {
                    return Ok(notice);
                }
            }
            if !more {
                // The sender is in this desk: it cannot go while we wait.
                let _ = told.changed().await;
            }
        }
    }

    /// What is to be done, from the notices that are kept here.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn worklist(&self) -> Result<Worklist, StoreError> {
        let mut worklist = Worklist::new(&self.inner.config.agency_code);
        let mut after = 0;
        loop {
            let notices = self.inner.store.all_notices(after).await?;
            if notices.is_empty() {
                return Ok(worklist);
            }
            for (sequence, notice) in notices {
                after = sequence;
                worklist.hear(&notice);
            }
        }
    }

    /// Leases codes from the broker and keeps them, so that dossiers get theirs while it is away. An
    /// asking whose answer was lost is made again first, under its id: no block is lost with it, and
    /// its codes are what is leased then.
    ///
    /// # Errors
    /// [`LeaseError`]; called again, it goes on.
    pub async fn lease_codes(&self, count: u32) -> Result<Vec<String>, LeaseError> {
        let (line, store) = (&self.inner.line, &self.inner.store);
        let lease = store.begin_lease(count).await?;
        let codes = match line.lease_codes(&lease).await {
            Err(error @ CallError::Refused(_)) => {
                store.end_lease(&lease, Vec::new()).await?;
                return Err(error.into());
            }
            answer => answer?,
        };
        store.end_lease(&lease, codes.clone()).await?;
        Ok(codes)
    }

    /// How many leased codes no dossier has yet.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub async fn codes_free(&self) -> Result<u32, StoreError> {
        self.inner.store.codes_free().await
    }

    /// Waits until a dossier is closed.
    ///
    /// # Errors
    /// As [`wait_for`](Self::wait_for).
    pub async fn wait_closed(&self, dossier_code: &str) -> Result<(), StoreError> {
        let closed = |notice: &Notice| matches!(notice.kind, Some(v1::notice::Kind::Closed(_)));
        self.wait_for(dossier_code, closed).await.map(drop)
    }

    /// Every notice about a dossier that is kept here, in order; at most a thousand.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn notices(&self, dossier_code: &str) -> Result<Vec<Notice>, StoreError> {
        let notices = self.inner.store.notices(dossier_code, 0).await?;
        Ok(notices.into_iter().map(|(_, notice)| notice).collect())
    }

    /// Gives up this handle and waits until the last one is given up and the store can be opened
    /// again.
    pub async fn close(self) {
        let store = self.inner.store.clone();
        drop(self);
        store.close().await;
    }

    /// Sends a submit that is kept here, once. One that was answered is not sent again.
    pub(crate) async fn send(&self, submit_key: &str) -> Result<Sent, StoreError> {
        let sending = async {
            let Some(submit) = self.inner.store.submit(submit_key).await? else {
                return Ok(Sent::NotYet("it is not kept here".into(), None));
            };
            if let Some(response) = submit.response {
                return Ok(Sent::Receipt(receipt(submit_key, response)));
            }
            self.bring(submit.request, false).await
        };
        self.in_turn(submit_key, sending).await
    }

    /// Does something while nobody else does anything under the same key.
    pub(crate) async fn in_turn<T>(&self, key: &str, doing: impl Future<Output = T>) -> T {
        let turn = self.inner.sending.entry(key.into()).or_default().clone();
        let done = async {
            let _turn = turn.lock().await;
            doing.await
        };
        let done = done.await;
        // Whoever waits for a turn holds a clone; the last one clears it away.
        self.inner
            .sending
            .remove_if(key, |_, turn| Arc::strong_count(turn) <= 2);
        done
    }

    /// Submits a dossier again that the broker has lost, under the code that it was given. It is
    /// open again then, also where it had been closed.
    pub(crate) async fn bring_again(&self, submit: Submit) -> Result<Sent, StoreError> {
        let code = submit
            .response
            .map(|response| response.dossier_code)
            .unwrap_or_default();
        let request = v1::SubmitRequest {
            dossier_code: code,
            ..submit.request
        };
        let code = request.dossier_code.clone();
        let sent = self.bring(request, true).await?;
        if let Sent::Receipt(_) = sent {
            // What was done for it was lost with it.
            self.inner.store.acts_again(&code).await?;
            self.inner.waiting.notify_one();
        }
        Ok(sent)
    }

    /// Uploads the papers that the broker does not have, then submits, and keeps the answer.
    async fn bring(&self, request: v1::SubmitRequest, anew: bool) -> Result<Sent, StoreError> {
        let Inner { store, line, .. } = &*self.inner;
        let key = request.submit_key.clone();
        let mut client = line.client.clone();
        let mut span = self.inner.tracer.span("submit", Kind::Client, None);
        let submitting = async {
            self.upload(&request.evidence).await?;
            line.call(client.submit(request)).await
        };
        let submitted = traces::within(&span, submitting).await;
        match &submitted {
            Ok(response) => span.note("dossier_code", &response.dossier_code),
            Err(CallError::Refused(refused)) => span.failed(&refused.reason),
            Err(CallError::Away(_)) => span.failed("AWAY"),
        }
        drop(span);
        match submitted {
            Ok(response) => {
                store.answered(&key, &response, anew).await?;
                tracing::info!(dossier_code = response.dossier_code, "dossier submitted");
                Ok(Sent::Receipt(receipt(&key, response)))
            }
            Err(CallError::Refused(refused)) => self.refused(&key, refused).await,
            Err(CallError::Away(status)) => {
                let after = Fault::retry_after_of(&status);
                Ok(Sent::NotYet(status.message().into(), after))
            }
        }
    }

    /// Uploads the papers of evidence that the broker does not have.
    pub(crate) async fn upload(&self, evidence: &[v1::EvidenceInput]) -> Result<(), CallError> {
        let Inner { store, line, .. } = &*self.inner;
        for document in evidence.iter().flat_map(|input| &input.documents) {
            // What `prepare` put there is 32 bytes long.
            let Ok(digest) = Digest::try_from(document.digest.as_ref()) else {
                continue;
            };
            let source = Source::File(store.documents().path(&digest));
            let (channel, size_bytes) = (line.documents.clone(), document.size_bytes);
            let uploaded =
                transfer::upload(channel, &line.agency_code, &source, digest, size_bytes).await;
            uploaded.map_err(|error| match error {
                TransferError::Refused(status) => CallError::from(status),
                error => CallError::Away(Status::unavailable(error.to_string())),
            })?;
        }
        Ok(())
    }

    async fn refused(&self, submit_key: &str, refused: Refused) -> Result<Sent, StoreError> {
        if refused.is_of_identity() {
            tracing::error!(
                submit_key,
                reason = refused.reason,
                message = refused.en,
                "the broker does not let this desk in: submissions wait until that is mended"
            );
            return Ok(Sent::NotYet(refused.to_string(), None));
        }
        tracing::warn!(
            submit_key,
            reason = refused.reason,
            "the broker refused a submission"
        );
        self.inner
            .store
            .refused(submit_key, &refused.reason)
            .await?;
        Ok(Sent::Refused(refused))
    }
}

impl Submit {
    /// Whether the dossier is open: the broker must know it.
    pub fn is_open(&self) -> bool {
        self.state == State::Open
    }
}

fn receipt(submit_key: &str, response: v1::SubmitResponse) -> Receipt {
    Receipt {
        submit_key: submit_key.into(),
        dossier_id: response.dossier_id,
        dossier_code: response.dossier_code,
        received_at: response.received_at,
        promised_at: response.promised_at,
    }
}
