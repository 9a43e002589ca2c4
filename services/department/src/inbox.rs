//! Takes an item from the broker and gives its verdict: recorded only when the item and all its
//! documents are here, durably.

use crate::{
    counter::Counter,
    store::{Kept, Round, StoreError, handover_documents, timestamp},
    worker::note_round,
};
use contract::v1::{self, department_notice, item::Kind, verdict::Outcome};
use dashmap::DashMap;
use node::{
    documents::Digest,
    fault::Fault,
    traces,
    transfer::{self, TransferError},
};
use prost::Message as _;
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;
use tonic::Code;

/// Bytes of a name that the broker chose.
const NAME_BYTES_MAX: usize = 128;
/// Documents of one piece of evidence.
const DOCUMENTS_MAX: usize = 20;

/// The inbox. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Inbox {
    counter: Arc<Counter>,
    /// One fetches a document, who else needs it waits.
    fetching: Arc<DashMap<Digest, Arc<Mutex<()>>>>,
}

impl Inbox {
    pub(crate) fn new(counter: Arc<Counter>) -> Self {
        Self {
            counter,
            fetching: Arc::default(),
        }
    }

    /// The verdict on an item. It comes after everything that it says is durable.
    pub(crate) async fn take(&self, item: v1::Item) -> v1::Verdict {
        let outcome = match item.kind {
            Some(Kind::Handover(handover)) => self.take_in_span(handover, &item.traceparent).await,
            Some(Kind::Notice(notice)) => self.take_notice(notice).await,
            Some(Kind::Report(_)) | None => Err(fault(
                Code::InvalidArgument,
                "UNKNOWN_KIND",
                "the item has no kind that a department takes; send a handover or a notice",
                "mục này không thuộc loại mà cơ quan nhận; hãy gửi hồ sơ giao hoặc thông báo",
            )),
        };
        let outcome = outcome.unwrap_or_else(|fault| {
            let later = fault.code() == Code::Unavailable;
            let status = fault.into_rpc();
            if later {
                Outcome::Later(status)
            } else {
                Outcome::Refused(status)
            }
        });
        self.counter.tally.given.note(&outcome);
        v1::Verdict {
            item_id: item.item_id,
            outcome: Some(outcome),
        }
    }

    /// Takes a handover, after the span that gives it.
    async fn take_in_span(&self, handover: v1::Handover, told: &str) -> Result<Outcome, Fault> {
        let tracer = &self.counter.tracer;
        let mut span = tracer.hop("take", traces::Kind::Consumer, &handover.handover_id, told);
        note_round(&mut span, &handover);
        let taken = traces::within(&span, self.take_handover(handover)).await;
        if let Err(fault) = &taken {
            span.failed(fault.reason());
        }
        taken
    }

    async fn take_handover(&self, handover: v1::Handover) -> Result<Outcome, Fault> {
        self.check(&handover)?;
        let round = Round {
            dossier_id: handover.dossier_id.clone(),
            step_id: handover.step_id.clone(),
            round: handover.round,
        };
        if !handover_documents(&handover).is_empty() && !self.holds(&handover).await? {
            self.fetch_all(&handover).await?;
        }
        let life = self.counter.broker.borrow().clone();
        let from = life
            .as_ref()
            .map(|life| (life.store_id.as_str(), life.epoch.as_str()));
        #[cfg(feature = "faults")]
        if node::breakage::is("acknowledge before it is kept") {
            return Ok(self.acknowledge_before_it_is_kept(handover));
        }
        let kept = self
            .counter
            .store
            .keep(&handover, from)
            .await
            .map_err(|e| self.store_fault(&e))?;
        match kept {
            Kept::Here {
                recorded_at_us,
                position,
                superseded,
                again,
                first_again,
                replaces,
            } => {
                self.counter.send_again_from(first_again);
                if !again {
                    tracing::info!(
                        agency = handover.agency_code,
                        dossier_code = handover.dossier_code,
                        step = handover.step_id,
                        round = handover.round,
                        task = handover.task().as_str_name(),
                        superseded,
                        replaces,
                        "handover recorded"
                    );
                    if !superseded {
                        self.counter.cancel_before(&round, position.cast_signed());
                    }
                    self.counter.received.notify_one();
                }
                let recorded_at = Some(timestamp(recorded_at_us));
                Ok(Outcome::Recorded(v1::Recorded {
                    recorded_at,
                    position,
                    superseded,
                }))
            }
            Kept::IdReused => Err(fault(
                Code::AlreadyExists,
                "ID_REUSED",
                "this round of the step is here with another content; give a new round",
                "vòng này của bước đã có ở đây với nội dung khác; hãy giao một vòng mới",
            )),
            Kept::DocumentGone => Err(self.later("a document was forgotten meanwhile", None)),
        }
    }

    #[cfg(feature = "faults")]
    fn acknowledge_before_it_is_kept(&self, handover: v1::Handover) -> Outcome {
        let counter = self.counter.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(150)).await;
            let _ = counter.store.keep(&handover, None).await;
            counter.received.notify_one();
        });
        Outcome::Recorded(v1::Recorded {
            recorded_at: Some(timestamp(crate::store::now_us())),
            position: 0,
            superseded: false,
        })
    }

    /// Whether this very handover is here: its documents are here then, or were forgotten with it.
    async fn holds(&self, handover: &v1::Handover) -> Result<bool, Fault> {
        let life = self.counter.broker.borrow().clone();
        let from = life
            .as_ref()
            .map(|life| (life.store_id.as_str(), life.epoch.as_str()));
        let held = self.counter.store.holds(handover, from).await;
        held.map_err(|error| self.store_fault(&error))
    }

    async fn take_notice(&self, notice: v1::DepartmentNotice) -> Result<Outcome, Fault> {
        self.check_notice(&notice)?;
        let store = &self.counter.store;
        let (recorded_at, superseded) =
            if let Some(department_notice::Kind::Closed(closed)) = &notice.kind {
                let closed_at = closed.closed_at.unwrap_or_default();
                let closed_at_us = closed_at
                    .seconds
                    .saturating_mul(1_000_000)
                    .saturating_add(i64::from(closed_at.nanos) / 1_000);
                let done = store.close_dossier(&notice.dossier_id, closed_at_us).await;
                done.map_err(|error| self.store_fault(&error))?;
                (closed_at, false)
            } else {
                let life = self.counter.broker.borrow().clone();
                let from = life
                    .as_ref()
                    .map(|life| (life.store_id.as_str(), life.epoch.as_str()));
                let kept = store.keep_notice(&notice, from).await;
                let kept = kept.map_err(|error| self.store_fault(&error))?;
                let kept = kept.ok_or_else(unknown_notice)?;
                self.counter.told.notify_one();
                (timestamp(kept.recorded_at_us), kept.superseded)
            };
        log_notice(&notice, superseded);
        Ok(Outcome::Recorded(v1::Recorded {
            recorded_at: Some(recorded_at),
            position: 0,
            superseded,
        }))
    }

    fn check_notice(&self, notice: &v1::DepartmentNotice) -> Result<(), Fault> {
        self.check_agency(&notice.agency_code)?;
        let (step_id, round) = match &notice.kind {
            None => return Err(unknown_notice()),
            Some(department_notice::Kind::Closed(_)) => (None, 1),
            Some(department_notice::Kind::DueChanged(due)) => (Some(&due.step_id), due.round),
            Some(department_notice::Kind::ApologyOwed(owed)) => (Some(&owed.step_id), owed.round),
        };
        let mut wrong = fault(
            Code::InvalidArgument,
            "INVALID_FIELDS",
            "the notice cannot be taken as it is; see the fields",
            "thông báo chưa nhận được như hiện có; xem từng trường",
        );
        let names = [
            ("dossier_id", Some(&notice.dossier_id)),
            ("step_id", step_id),
        ];
        for (name, value) in names {
            if value.is_some_and(|value| value.is_empty() || value.len() > NAME_BYTES_MAX) {
                wrong = wrong.field(name, format!("has 1 to {NAME_BYTES_MAX} bytes"));
            }
        }
        if round == 0 {
            wrong = wrong.field("round", "counts from 1");
        }
        if wrong.has_fields() {
            Err(wrong)
        } else {
            Ok(())
        }
    }

    fn check_agency(&self, agency_code: &str) -> Result<(), Fault> {
        if agency_code == self.counter.config.agency_code {
            return Ok(());
        }
        Err(fault(
            Code::FailedPrecondition,
            "WRONG_DEPARTMENT",
            "the item is for another agency than this one; mend the directory",
            "mục này dành cho cơ quan khác; hãy sửa danh mục cơ quan",
        )
        .field(
            "agency_code",
            format!("this department is {}", self.counter.config.agency_code),
        ))
    }

    fn check(&self, handover: &v1::Handover) -> Result<(), Fault> {
        self.check_agency(&handover.agency_code)?;
        if handover.task() == v1::Task::Unspecified {
            return Err(fault(
                Code::InvalidArgument,
                "UNKNOWN_KIND",
                "the handover asks for a task that this department does not know",
                "hồ sơ giao yêu cầu một việc mà cơ quan không biết",
            )
            .field(
                "task",
                "one of work, review, answer, recall, look_up, consult, inform",
            ));
        }
        let limits = &self.counter.config.limits;
        let mut wrong = fault(
            Code::InvalidArgument,
            "INVALID_FIELDS",
            "the handover cannot be taken as it is; see the fields",
            "hồ sơ giao chưa nhận được như hiện có; xem từng trường",
        );
        let size_bytes = handover.encoded_len();
        if size_bytes > limits.handover_bytes_max {
            let max = limits.handover_bytes_max;
            wrong = wrong.field("handover", format!("has {size_bytes} bytes; at most {max}"));
        }
        for (name, value) in [
            ("handover_id", &handover.handover_id),
            ("dossier_id", &handover.dossier_id),
            ("step_id", &handover.step_id),
        ] {
            if value.is_empty() || value.len() > NAME_BYTES_MAX {
                wrong = wrong.field(name, format!("has 1 to {NAME_BYTES_MAX} bytes"));
            }
        }
        if handover.round == 0 {
            wrong = wrong.field("round", "counts from 1");
        }
        if handover.task() == v1::Task::LookUp
            && handover
                .look_up
                .as_ref()
                .is_none_or(|look_up| look_up.evidence.is_empty())
        {
            wrong = wrong.field("look_up.evidence", "names what is wanted");
        }
        for (at, evidence) in handover.evidence.iter().enumerate() {
            if evidence.documents.len() > DOCUMENTS_MAX {
                let at = format!("evidence[{at}].documents");
                wrong = wrong.field(at, format!("has at most {DOCUMENTS_MAX}"));
            }
            for (number, document) in evidence.documents.iter().enumerate() {
                let at = format!("evidence[{at}].documents[{number}]");
                if Digest::try_from(document.digest.as_ref()).is_err() {
                    wrong = wrong.field(format!("{at}.digest"), "has 32 bytes");
                }
                let max = limits.document_bytes_max;
                if document.size_bytes == 0 || document.size_bytes > max {
                    wrong = wrong.field(format!("{at}.size_bytes"), format!("is 1 to {max}"));
                }
            }
        }
        if wrong.has_fields() {
            Err(wrong)
        } else {
            Ok(())
        }
    }

    async fn fetch_all(&self, handover: &v1::Handover) -> Result<(), Fault> {
        for (digest, size_bytes) in handover_documents(handover) {
            if let Err(error) = self.fetch(digest, size_bytes).await {
                tracing::warn!(
                    %error,
                    dossier_code = handover.dossier_code,
                    step = handover.step_id,
                    "a document could not be fetched"
                );
                if matches!(error, TransferError::File { .. }) {
                    self.counter.note_failed_write();
                }
                return Err(self.later("a document cannot be had now", error.retry_after()));
            }
        }
        Ok(())
    }

    async fn fetch(&self, digest: Digest, size_bytes: u64) -> Result<(), TransferError> {
        let documents = self.counter.store.documents();
        if documents.has(&digest, size_bytes).await {
            return Ok(());
        }
        let turn = self.fetching.entry(digest).or_default().clone();
        let fetched = async {
            let _turn = turn.lock().await;
            if documents.has(&digest, size_bytes).await {
                return Ok(());
            }
            let _place = self.counter.transfers.acquire().await;
            let (channel, path) = (self.counter.documents.clone(), documents.path(&digest));
            let agency_code = &self.counter.config.agency_code;
            transfer::download(channel, agency_code, digest, size_bytes, &path).await
        };
        let fetched = fetched.await;
        // Whoever waits for a turn holds a clone; the last one clears it away.
        self.fetching
            .remove_if(&digest, |_, turn| Arc::strong_count(turn) <= 2);
        fetched
    }

    fn store_fault(&self, error: &StoreError) -> Fault {
        tracing::error!(%error, "the inbox cannot be written");
        self.counter.note_failed_write();
        self.later("the inbox cannot be written now", None)
    }

    fn later(&self, why: &str, after: Option<Duration>) -> Fault {
        let after = after.unwrap_or(self.counter.config.times.later());
        fault(
            Code::Unavailable,
            "NOT_NOW",
            &format!("{why}; it is taken later"),
            "hiện chưa nhận được; sẽ nhận sau",
        )
        .retry_after(after)
    }
}

fn unknown_notice() -> Fault {
    fault(
        Code::InvalidArgument,
        "UNKNOWN_KIND",
        "the notice has no kind that this department knows; send one of contract 1.0",
        "thông báo không thuộc loại mà cơ quan biết; hãy gửi loại của hợp đồng 1.0",
    )
}

/// One line: what, of which step, and the new due date.
fn log_notice(notice: &v1::DepartmentNotice, superseded: bool) {
    use department_notice::Kind;
    let dossier_code = &notice.dossier_code;
    match &notice.kind {
        Some(Kind::Closed(_)) => tracing::info!(dossier_code, "dossier closed"),
        Some(Kind::DueChanged(due)) => tracing::info!(
            dossier_code,
            step = due.step_id,
            round = due.round,
            due_at = due.due_at.map(|at| at.to_string()),
            stands_still = due.stands_still,
            superseded,
            "a round is due at another time"
        ),
        Some(Kind::ApologyOwed(owed)) => tracing::info!(
            dossier_code,
            step = owed.step_id,
            round = owed.round,
            part = owed.part_id,
            promised_at = owed.promised_at.map(|at| at.to_string()),
            superseded,
            "a promised date is near: finish, or extend with an apology"
        ),
        None => {}
    }
}

fn fault(code: Code, reason: &'static str, en: &str, vi: &str) -> Fault {
    Fault::new(code, reason, en, vi)
}
