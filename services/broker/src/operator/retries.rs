//! Retries: what rests is tried now, and how many rounds that are.

use super::{Operator, deed::Deed, unknown_agency, unreadable};
use crate::{
    access,
    desk::blocking,
    ledger::Note,
    store::{AttemptChange, PAGE_ROWS_MAX, Reader, StoreError},
    wire,
};
use contract::v1;
use dossier::name::{AgencyCode, DossierId, StepId};
use jiff::Timestamp;
use node::fault::Fault;
use tonic::{Code, Status};

/// Rounds whose attempts are forgotten in one commit; of more, the courier alone lets them rest no longer.
const FORGOTTEN_MAX: usize = 500;

/// A round that waits for its next time.
pub(super) struct Resting {
    dossier_id: DossierId,
    step: StepId,
    round: u32,
}

impl Resting {
    pub(super) fn new(dossier_id: DossierId, step: StepId, round: u32) -> Self {
        Self {
            dossier_id,
            step,
            round,
        }
    }

    /// Nothing is known any more of what was tried.
    pub(super) fn forget(self, now: Timestamp) -> AttemptChange {
        AttemptChange {
            dossier_id: self.dossier_id,
            step: self.step,
            round: self.round,
            attempts: 0,
            next_at: now,
            last_error: String::new(),
        }
    }
}

impl Operator {
    pub(super) async fn serve_retry_now(
        &self,
        who: access::Operator,
        request: v1::RetryNowRequest,
    ) -> Result<v1::RetryNowResponse, Status> {
        let directory = self.registry.directory();
        let item = wire::retry(&request, &directory).map_err(Fault::into_status)?;
        let agency = item.agency;
        if directory.agency(agency.as_str()).is_none() {
            return Err(unknown_agency(&agency));
        }
        self.must_go_on(&agency)?;
        let only = match &item.dossier {
            Some(code) => Some(self.id_of(code).await?),
            None => None,
        };
        let (now, reader, of) = (Timestamp::now(), self.reader.clone(), agency.clone());
        let resting =
            blocking(move || resting(reader.as_ref(), &of, only.as_ref(), now).map_err(unreadable));
        let resting = resting.await?;
        let rounds = resting.len() as u64;
        let deed = Deed::new(who, "RetryNow", item.reason);
        let audit = deed.audit(
            now,
            only,
            agency.to_string(),
            format!("{rounds} rounds rest"),
            "asked to be tried now".into(),
        );
        let forgotten = resting.into_iter().take(FORGOTTEN_MAX);
        let note = Note {
            attempts: forgotten.map(|one| one.forget(now)).collect(),
            audits: vec![audit],
            ..Note::default()
        };
        self.keep(note, move |operator| match only {
            Some(_) => operator.belfry.wishes.look(&agency),
            None => operator.belfry.wishes.try_all(&agency),
        })
        .await?;
        tracing::info!(
            operator = deed.operator(),
            rounds,
            "what rests is tried now"
        );
        Ok(v1::RetryNowResponse { rounds })
    }

    /// Nothing is tried with a department to which nothing is handed over.
    pub(super) fn must_go_on(&self, agency: &AgencyCode) -> Result<(), Status> {
        if !self.suspensions.is_department(agency) {
            return Ok(());
        }
        Err(Fault::new(
            Code::FailedPrecondition,
            "DEPARTMENT_SUSPENDED",
            format!("department {agency} is suspended, so nothing is handed over to it; resume it first"),
            format!("Cơ quan {agency} đang tạm ngừng nên không giao gì cho cơ quan này. Cho tiếp tục trước."),
        )
        .into_status())
    }

    /// Keeps something and then acts on it, also when whoever asked for it is gone by then.
    pub(super) async fn keep(
        &self,
        note: Note,
        act: impl FnOnce(&Self) + Send + 'static,
    ) -> Result<(), Status> {
        let operator = self.clone();
        let done = tokio::spawn(async move {
            let kept = operator.ledger.note(note).await;
            if kept.is_ok() {
                act(&operator);
            }
            kept
        });
        match done.await {
            Ok(kept) => kept.map_err(|failure| failure.fault().into_status()),
            Err(_) => Err(Status::internal(
                "the act was broken off; look and try again",
            )),
        }
    }
}

/// Rounds owed to a department that wait for their next time; of one dossier or of all.
fn resting(
    reader: &dyn Reader,
    agency: &AgencyCode,
    only: Option<&DossierId>,
    now: Timestamp,
) -> Result<Vec<Resting>, StoreError> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = reader.owed_for(agency, after.as_ref(), PAGE_ROWS_MAX)?;
        let is_last = page.len() < PAGE_ROWS_MAX;
        after = page.last().map(|row| row.cursor);
        for owed in page {
            let rests = owed.attempt.is_some_and(|attempt| attempt.next_at > now);
            let is_wanted = only.is_none_or(|id| *id == owed.dossier_id);
            if let Some(step) = owed.row.step.filter(|_| rests && is_wanted) {
                found.push(Resting::new(owed.dossier_id, step, owed.row.round));
            }
        }
        if is_last {
            return Ok(found);
        }
    }
}
