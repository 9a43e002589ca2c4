//! The one thing that a department brings itself: what it does with a round, and what it says of it.

use crate::store::{Due, Round, Store, StoreError};
use async_trait::async_trait;
use bytes::Bytes;
use contract::v1;
use node::documents::Digest;
use std::{
    error::Error,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};
use tokio::sync::Notify;

/// Does the department's steps. A round is given again until its answers are in the outbox, so
/// work that a crash interrupts begins anew; it is dropped when a higher round of its step comes.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// The steps that it can do, for who asks the department to describe itself.
    fn steps(&self) -> Vec<v1::StepDescription> {
        Vec::new()
    }

    /// Does one round, as its task says: work, a review of a finished step, the answer to a fault, to
    /// a look-up ([`Said::LookedUp`]) or to a consultation ([`Said::Opinion`]). The answers are sent
    /// in this order.
    ///
    /// # Errors
    /// Any error lets the round be given again after a while; nothing is reported then. Its text
    /// goes nowhere, as it may hold what a log must not: log yourself what may be logged. A panic
    /// does the same as an error, but its text goes where the process prints panics.
    async fn handle(&self, work: Work) -> Result<Vec<Answer>, HandlerError>;

    /// Shows what is only to be known: everybody's task and deadline in a dossier (phiếu chuyển xử
    /// lý, `handover().transfer_slip`). Nothing is answered. Shows nothing unless it is written.
    ///
    /// # Errors
    /// Any error lets it be given again after a while.
    async fn informed(&self, _work: Work) -> Result<(), HandlerError> {
        Ok(())
    }

    /// Shows what is new of a round that is held: it is due at another time or its clock stands still
    /// (`due_changed`), or an apology is owed for its part (`apology_owed`: finish, or ask for an
    /// [`extension`](Work::extend)). It may come while the round is being done, and comes again until
    /// it was taken. That a dossier is closed is the counter's own affair. Shows nothing unless it is
    /// written.
    ///
    /// # Errors
    /// Any error lets it be shown again after a while.
    async fn notified(&self, _notice: v1::DepartmentNotice) -> Result<(), HandlerError> {
        Ok(())
    }
}

/// Why a round could not be done now.
pub type HandlerError = Box<dyn Error + Send + Sync>;

/// One round to do.
#[derive(Clone)]
pub struct Work {
    pub(crate) handover: Arc<v1::Handover>,
    pub(crate) round: Round,
    /// Where the round stands in the inbox.
    pub(crate) place: i64,
    pub(crate) store: Store,
    pub(crate) outgoing: Arc<Notify>,
    pub(crate) progress: Arc<AtomicU32>,
}

impl Work {
    /// What was handed over.
    pub fn handover(&self) -> &v1::Handover {
        &self.handover
    }

    /// When the round is due now: as its handover says, or as was told since.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn due(&self) -> Result<Due, StoreError> {
        let told = self.store.due(&self.round).await?;
        Ok(told.unwrap_or(Due {
            due_at: self.handover.due_at,
            stands_still: false,
        }))
    }

    /// A piece of its evidence.
    pub fn evidence(&self, name: &str) -> Option<&v1::Evidence> {
        self.handover
            .evidence
            .iter()
            .find(|evidence| evidence.name == name)
    }

    /// Where a document of its evidence lies, to be read and not changed.
    pub fn document(&self, document: &v1::Document) -> Option<PathBuf> {
        let digest = Digest::try_from(document.digest.as_ref()).ok()?;
        Some(self.store.documents().path(&digest))
    }

    /// Tells the broker at once that the round was taken up or moved on, and by whom. The first
    /// note of a round stays its first one, even if the round is done again after a crash.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is told.
    pub async fn progress(
        &self,
        note: impl Into<String>,
        officer: Option<v1::Officer>,
    ) -> Result<(), StoreError> {
        let number = self.progress.fetch_add(1, Ordering::Relaxed);
        let said = Said::Progress { note: note.into() };
        self.tell("progress", number, said, officer).await
    }

    /// Asks at once for more time for this round, which stands in the citizen's apology (form 04). The
    /// round goes on; its outcome follows. Asking twice in a round asks once.
    ///
    /// # Errors
    /// [`StoreError`]; nothing is asked.
    pub async fn extend(
        &self,
        limit: v1::Limit,
        reason: impl Into<String>,
        officer: Option<v1::Officer>,
    ) -> Result<(), StoreError> {
        let reason = reason.into();
        let said = Said::Extension { limit, reason };
        self.tell("extension", 0, said, officer).await
    }

    async fn tell(
        &self,
        kind: &str,
        number: u32,
        said: Said,
        officer: Option<v1::Officer>,
    ) -> Result<(), StoreError> {
        let answer = Answer {
            officer,
            ..said.into()
        };
        let item_id = crate::report::item_id(&self.store, &self.handover.handover_id, kind, number);
        let (item, _) = crate::report::item(&self.store, &self.handover, item_id, answer).await?;
        let code = &self.handover.dossier_code;
        self.store
            .report(self.place, &self.round, code, vec![item], Vec::new(), false)
            .await?;
        self.outgoing.notify_one();
        Ok(())
    }
}

/// One thing that a department says of a round.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What.
    pub said: Said,
    /// Who did it.
    pub officer: Option<v1::Officer>,
    /// When it happened; the time of the answer when left out.
    pub happened_at: Option<prost_types::Timestamp>,
}

impl Answer {
    /// An answer of nobody in particular, given now.
    pub fn new(said: Said) -> Self {
        Self {
            said,
            officer: None,
            happened_at: None,
        }
    }
}

impl From<Said> for Answer {
    fn from(said: Said) -> Self {
        Self::new(said)
    }
}

/// The kinds of answers; limits of texts are the contract's.
#[derive(Debug, Clone)]
pub enum Said {
    /// The step is done: everything that it gives.
    Completed {
        /// The evidence.
        evidence: Vec<Given>,
        /// For the control slip.
        note: String,
    },
    /// Refused by law.
    Refused {
        /// Why, for the citizen.
        reason: String,
        /// The article of law.
        legal_basis: String,
    },
    /// Not ours to do.
    Declined {
        /// Why.
        reason: String,
        /// Whose it is, if known.
        suggested_agency_code: String,
    },
    /// A fault goes back to who gave the evidence.
    PeerReturn {
        /// The evidence.
        evidence: String,
        /// The version in which the fault was found.
        version: u32,
        /// What is wrong.
        reason: String,
    },
    /// Taken up, or moved on.
    Progress {
        /// What was done.
        note: String,
    },
    /// New versions of what this step gave.
    Correction {
        /// The evidence, whole.
        evidence: Vec<Given>,
        /// Why.
        reason: String,
    },
    /// What was given stands.
    Upheld {
        /// The evidence.
        evidence: String,
        /// The version upheld.
        version: u32,
        /// Why.
        reason: String,
    },
    /// Whether a finished step stands with changed evidence. After `Redo` its outcome follows.
    Review {
        /// True when the result stands, false when the step is done again.
        stands: bool,
        /// The version judged, for each evidence that changed.
        versions: Vec<(String, u32)>,
        /// For the control slip.
        note: String,
    },
    /// The answer to a look-up.
    LookedUp {
        /// How it ended.
        outcome: v1::LookUpOutcome,
        /// When found, and only then: what was asked for, of the person asked about.
        evidence: Option<Given>,
        /// For officers.
        note: String,
    },
    /// The answer to a consultation.
    Opinion {
        /// The opinion.
        text: String,
    },
    /// The citizen must give more, through the desk: everything that is missing, at once. The round
    /// comes anew with it.
    Supplement {
        /// What, and by which law.
        items: Vec<v1::SupplementItem>,
    },
    /// The citizen must pay. The round comes anew with the payment.
    Payment {
        /// Names the obligation at this agency.
        obligation_id: String,
        /// Whole đồng, more than 0.
        amount_vnd: i64,
        /// What for.
        purpose: String,
        /// The article of law.
        legal_basis: String,
    },
    /// Another agency's opinion is wanted. The round comes anew with it, or with its silence.
    Consultation {
        /// Whose.
        agency_code: String,
        /// What is asked.
        question: String,
        /// How long it may take.
        limit: v1::Limit,
        /// Which of the round's evidence it gets to see.
        evidence: Vec<String>,
    },
    /// More time is wanted. See [`Work::extend`], which asks at once.
    Extension {
        /// How much.
        limit: v1::Limit,
        /// Why: it stands in the apology.
        reason: String,
    },
}

impl Said {
    /// Whether the round is answered with it: progress and an extension leave it open.
    pub(crate) fn answers_the_round(&self) -> bool {
        !matches!(self, Self::Progress { .. } | Self::Extension { .. })
    }
}

/// Evidence that a step gives.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// As the procedure names it.
    pub name: String,
    /// The schema of the data; empty when there is none.
    pub schema_id: String,
    /// I-JSON, at most 64 KiB; empty when there is none.
    pub data: Bytes,
    /// At most 20.
    pub documents: Vec<Paper>,
    /// Whom it is about; empty means whom the procedure says. The answer to a look-up names it always:
    /// the first of the handover's parties.
    pub subject_party_id: String,
}

/// A document that a step gives.
#[derive(Debug, Clone)]
pub struct Paper {
    /// The name people see.
    pub file_name: String,
    /// IANA media type.
    pub media_type: String,
    /// Its bytes.
    pub content: Content,
}

/// Where a document's bytes are.
#[derive(Debug, Clone)]
pub enum Content {
    /// In memory.
    Bytes(Bytes),
    /// In a file; it is copied.
    File(PathBuf),
}
